"""Other names of orders: a fact under a name that no order has claimed waits with the name, until one does.

Each fact that comes to wait advances the name's version in the same transaction. Whoever claims the name has read its
version before the facts, so a fact that came in between refuses the claim: no fact is ever left behind.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from vouch.domain.facts import Event, OrderFacts
from vouch.store import orders
from vouch.store.database import Database, Writes
from vouch.store.tables import Alias, Main, OrderEvent

_PAGE = 100


@dataclass(frozen=True, slots=True)
class KnownAlias:
    """A name as it was read; `external_id` is the order that has claimed it, `waiting` what waits for one."""

    pk: str
    version: int = 0
    external_id: str | None = None
    waiting: Mapping[tuple[str, str], Event] = field(default_factory=dict)


def partition(brand_id: str, connection_id: str, name: str) -> str:
    """The partition of a name by which a connection's platform speaks of an order."""
    return f"{brand_id}#X#{connection_id}#{name}"


def load(database: Database, brand_id: str, connection_id: str, names: Sequence[str]) -> list[KnownAlias]:
    """The names, in the order asked for: one request, and one for each that something waits for."""
    keys = [(partition(brand_id, connection_id, name), "X") for name in names]
    found = database.get_many((Alias, *key) for key in keys)
    return [_known(database, key[0], found.get(key)) for key in keys]


def _known(database: Database, pk: str, item: object) -> KnownAlias:
    if not isinstance(item, Alias):
        return KnownAlias(pk)
    if item.external_id:
        return KnownAlias(pk, item.version, item.external_id)
    items = database.query(Main, pk, Main.sk.startswith(orders.EVENTS))
    waiting = [orders.event(each) for each in items if isinstance(each, OrderEvent)]
    return KnownAlias(pk, item.version, None, {(fact.kind, fact.id): fact for fact in waiting})


def order_behind(database: Database, brand_id: str, connection_id: str, external_id: str) -> str:
    """The order that this id of one means: one that turned out to be another's sale has become a name of that one.

    No two claim each other (`hold`); if a hand had made it so, the smaller would be meant, wherever one begins.
    """
    way = [external_id]
    while True:
        [known] = load(database, brand_id, connection_id, way[-1:])
        if known.external_id is None:
            return way[-1]
        if known.external_id in way:
            return min(way[way.index(known.external_id) :])
        way.append(known.external_id)


def wait(known: KnownAlias, said: Iterable[Event]) -> Writes | None:
    """The transaction by which these facts come to wait; None where they say nothing new."""
    after, _ = OrderFacts(None, known.waiting).with_facts(said)
    changed = [fact for key, fact in after.events.items() if known.waiting.get(key) != fact]
    if not changed:
        return None
    transaction = Writes()
    _put(transaction, known, None)
    for fact in changed:
        item = orders.event_item(known.pk, fact)
        item.version = known.version + 1
        transaction.put(item)
    return transaction


def claim(transaction: Writes, known: KnownAlias, external_id: str) -> None:
    """Makes the name that order's for good, with what has waited for it until `known` was read."""
    _put(transaction, known, external_id)


def hold(transaction: Writes, known: KnownAlias) -> None:
    """Refuses the transaction where the name became an order's since it was read; what waits there goes on waiting."""
    _put(transaction, known, known.external_id)


def of_order(database: Database, brand_id: str, connection_id: str, external_id: str) -> Iterator[str]:
    """The names that the order has claimed, and theirs; of what was claimed a moment ago the index may not know yet."""
    known, unread = {external_id}, [external_id]
    while unread:
        for name in _claimed_by(database, brand_id, connection_id, unread.pop()):
            if name not in known:
                known.add(name)
                unread.append(name)
                yield name


def _claimed_by(database: Database, brand_id: str, connection_id: str, external_id: str) -> Iterator[str]:
    own = partition(brand_id, connection_id, "")
    after: dict[str, Any] | None = None
    while True:
        keys, after = database.index_keys(
            Alias, partition(brand_id, connection_id, external_id), limit=_PAGE, after=after
        )
        yield from (pk.removeprefix(own) for pk, _ in keys)
        if after is None:
            return


def _put(transaction: Writes, known: KnownAlias, external_id: str | None) -> None:
    item = Alias(known.pk, "X", version=known.version + 1, external_id=external_id)
    if external_id is not None:
        brand_id, _, connection_id, name = known.pk.split("#", 3)
        item.g1pk, item.g1sk = partition(brand_id, connection_id, external_id), name
    transaction.put(item, Alias.version == known.version if known.version else Alias.pk.does_not_exist())

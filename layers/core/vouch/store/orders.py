"""An order's partition: its state, its facts and its commissions, read in one query and written in one transaction.

A query is no snapshot: of a transaction that commits while it runs it may show one item and not yet another. Facts
older than the state would be settled, and posted, as if they were all there is. So every item says at which version it
was written, and the state says what these versions add up to: a torn reading is noticed, and read again.
"""

import base64
import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, field, fields
from datetime import datetime
from itertools import batched
from typing import Any

from vouch.domain import facts, ids, times
from vouch.domain.attribution import Touch
from vouch.domain.context import SUBSCRIPTIONS, Context, Membership, Product, register_keys
from vouch.domain.errors import Unavailable
from vouch.domain.facts import Event, Fact, OrderFacts, Snapshot, Standing
from vouch.domain.ledger import Counted, Difference, Entry
from vouch.domain.rates import Rate
from vouch.domain.registers import Mark, Place, is_payment
from vouch.domain.settlement import Earning, Posted, Posting, Settlement, difference, in_order, wanted
from vouch.store import ledger
from vouch.store.database import Database, Writes, pause
from vouch.store.inbox import REST
from vouch.store.tables import Commission, Main, Order, OrderEvent, OrderPart

CREATORS_MAX = 15
"""Whose parts one transaction changes: each takes a commission and four entries at most. The others' come after."""
EVENTS_MAX = 80
"""New events per transaction, as a rule: DynamoDB takes 100 writes. With those of 15 creators, the state and some parts
of a large one it is fewer; then the caller goes on by halves."""
EVENTS = "F#"
"""What the sort keys of facts begin with."""
_PART_BYTES = 390_000
_INLINE_BYTES = 300_000
_READINGS_MAX = 6
_LOOKS_MAX = 6
_KEPT = ("creator_id", "program_id", "terms_version", "currency", "earned", "reversed", "recruited", "held")
_SHOWN = ("creator_id", "program_id", "currency", "earned", "reversed", "held", "matures_at")
Beside = OrderPart | OrderEvent | Commission
"""What an order's partition holds beside its state."""


class Torn(Unavailable):
    """The items of an order do not belong together, in whatever way they are read."""


class Undecodable(Exception):
    """An order's items are not what was put, and will not be by being read again."""


@dataclass(frozen=True)
class KnownOrder:
    """An order with all that settling it again goes by, and what is posted of it."""

    id: str
    brand_id: str
    connection_id: str | None
    external_id: str
    version: int = 0
    facts: OrderFacts = field(default_factory=OrderFacts)
    context: Context = field(default_factory=Context)
    posted: Posted = field(default_factory=dict)
    summary: Mapping[str, Any] = field(default_factory=dict)
    unfinished: bool = False
    """Whether parts of what it was settled to are still to be posted."""


@dataclass(frozen=True)
class StoredOrder(KnownOrder):
    """An order as it is stored; `version` 0 is one that nothing is known of yet, with nothing pinned."""

    commissions: tuple[Commission, ...] = ()
    written: dict[str, int] = field(default_factory=dict)
    """At which version each item beside the state was written, by sort key."""


@dataclass(frozen=True, slots=True)
class Registered:
    """An order's mark in one of its registers, and what it knows that one to say, if it asked."""

    mark: Mark
    word: Standing | None


def order_id(brand_id: str, connection_id: str | None, external_id: str) -> str:
    """One order per platform order, through whatever door it comes; REST without a connection is a door of its own."""
    return ids.derived("ord_", brand_id, connection_id or REST, external_id)


def order_key(brand_id: str, order: str) -> str:
    """The order's partition."""
    return f"{brand_id}#O#{order}"


def brand_of(state: Order) -> str:
    """Whose the order is."""
    return state.pk.partition("#O#")[0]


def index(brand_id: str) -> str:
    """The index partition of a brand's orders, sorted by when they were placed."""
    return f"{brand_id}#O"


def creators_index(brand_id: str, creator_id: str) -> str:
    """The index partition of a creator's commissions, sorted likewise."""
    return f"{brand_id}#C#{creator_id}#O"


def state(database: Database, brand_id: str, order: str) -> Order | None:
    """What lists show of the order, in one read."""
    return database.get(Order, order_key(brand_id, order), "O")


def states(database: Database, brand_id: str, orders: Sequence[str]) -> list[Order]:
    """The same of those that there are, in the order asked for."""
    keys = [(order_key(brand_id, order), "O") for order in orders]
    found = database.get_many((Order, *key) for key in keys)
    return [item for key in keys if isinstance(item := found.get(key), Order)]


def is_told(state: Order) -> bool:
    """Whether anybody has told of the order: what is merely said to be the same sale as another one is in no list."""
    return state.g1pk is not None


def placed(
    database: Database, brand_id: str, begin: datetime, end: datetime, *, behind: str = "", limit: int
) -> tuple[list[Order], str | None]:
    """A page of the orders placed in `[begin, end)`, the newest first, from behind the one with that sort key.

    And the sort key of the last one, None where none follow. So a range is gone through in two requests for a hundred.
    """
    # Sort keys are `<moment>#<order>`: the bare moment sorts before all of its own.
    within = Main.g1sk.between(times.text(begin), times.text(end))
    keys, after = database.index_keys(
        Main,
        index(brand_id),
        limit=limit,
        after=_index_place(brand_id, behind) if behind else None,
        condition=within,
        newest_first=True,
    )
    found = states(database, brand_id, [pk.rpartition("#")[2] for pk, _ in keys])
    return found, after["g1sk"]["S"] if after else None


def known(database: Database, brand_id: str, state: Order) -> KnownOrder | None:
    """The order whose state was just read, as it is now: without another read where the state holds all of it.

    An item alone is never torn; one that says `unfinished` is looked at again, as by `load_finished`. Raises as `load`.
    """
    if not is_alone(state):
        return load_finished(database, brand_id, state.id)
    try:
        return _stored(brand_id, state, ())
    except (LookupError, TypeError, ValueError, zlib.error) as failure:
        raise Undecodable from failure


def is_alone(state: Order) -> bool:
    """Whether nothing beside the state is needed to know the order."""
    return not (state.events or state.parts or state.unfinished)


@dataclass(frozen=True, slots=True)
class Glance:
    """What an order's state says without settling it again: whether anybody told of the order itself, what is posted.

    `context` is what is pinned, as text, None where the state does not hold it.
    """

    told: bool
    posted: Posted
    context: str | None

    def may_name(self, some_id: str) -> bool:
        """Whether the id may be among what is pinned."""
        return self.context is None or some_id in self.context


def glance(state: Order) -> Glance:
    """Raises Undecodable."""
    try:
        _, posted, context, snapshot = state.lines
        told, known = bool(snapshot or state.parts), None if state.parts else context
        return Glance(told, dict(map(_posting, json.loads(posted))), known)
    except (LookupError, TypeError, ValueError, zlib.error) as failure:
        raise Undecodable from failure


def load(database: Database, brand_id: str, order: str) -> StoredOrder | None:
    """The order with all its facts, or None where nothing is known of it.

    Raises Torn where it changes faster than it can be read, and Torn or Undecodable where a hand was at its items.
    """
    for attempt in range(_READINGS_MAX):
        items = list(database.query(Main, order_key(brand_id, order)))
        state = next((item for item in items if isinstance(item, Order)), None)
        if state is None:
            return None
        others = [item for item in items if isinstance(item, Beside)]
        if sum(item.version for item in others) == state.written:
            try:
                return _stored(brand_id, state, others)
            except (LookupError, TypeError, ValueError, zlib.error) as failure:
                raise Undecodable from failure
        pause(attempt)
    raise Torn


def load_finished(database: Database, brand_id: str, order: str) -> StoredOrder | None:
    """As `load`, for whoever compares what is posted with what should be: once all of it is, which takes a moment.

    Where whoever posts it goes no further, it is `unfinished` still.
    """
    found, looks = load(database, brand_id, order), 0
    while found is not None and found.unfinished and looks < _LOOKS_MAX:
        pause(looks)
        before, found = found, load(database, brand_id, order)
        looks = looks + 1 if found is not None and found.version == before.version else 0
    return found


@dataclass(frozen=True, slots=True)
class Step:
    """What one transaction does of a settlement: the `differences` of so many creators, and their commissions.

    `posted` is what stands after it, `commissions` what the order shows then, of which `changed` are to be written.
    `unfinished`: other creators' parts are still to come.
    """

    differences: Sequence[Difference]
    posted: Posted
    commissions: Sequence[Commission]
    changed: Sequence[Commission]
    unfinished: bool


def step(before: StoredOrder, after: OrderFacts, settlement: Settlement) -> Step:
    """The next step towards what was settled; the whole way where no more than 20 creators' parts change."""
    want, known = wanted(settlement), {item.creator_id: item for item in before.commissions}
    now = {item.creator_id: item for item in _commissions(before, after.snapshot, settlement)}
    differences = difference(want, before.posted)
    moved = {each.creator_id for each in differences}
    moved |= {creator for creator, item in now.items() if creator not in known or not _alike(item, known[creator])}
    chosen = set(sorted(moved)[:CREATORS_MAX])
    later = moved - chosen
    posted = {key: amount for key, amount in want.items() if key.creator_id not in later}
    posted |= {key: amount for key, amount in before.posted.items() if key.creator_id in later}
    shown = [known.get(creator) if creator in later else item for creator, item in now.items()]
    return Step(
        differences=[each for each in differences if each.creator_id in chosen],
        posted=posted,
        commissions=[item for item in shown if item is not None],
        changed=[now[creator] for creator in sorted(chosen & now.keys())],
        unfinished=bool(later),
    )


def writes(
    before: StoredOrder,
    after: OrderFacts,
    changed: Iterable[Fact],
    context: Context,
    settlement: Settlement,
    step: Step,
    entries: Sequence[Entry],
) -> Writes:
    """The transaction that takes an order from one version to the next by that step, whose differences `entries` post.

    The order's version guards it: of two that started from the same version one is refused, and so is our own second
    try after a lost answer. The entries' absence is the second lock.
    """
    transaction = Writes()
    said = summary(settlement, after.snapshot, step.commissions) | _stands(after, context, settlement)
    state, parts = _state(before, after, context, step, said)
    key = order_key(before.brand_id, before.id)
    events = [event_item(key, fact) for fact in changed if not isinstance(fact, Snapshot)]
    others: list[Beside] = [*parts, *events, *step.changed]
    for item in others:
        item.version = state.version
    state.written = sum((before.written | {item.sk: item.version for item in others}).values())
    transaction.put(state, Order.version == before.version if before.version else Order.pk.does_not_exist())
    for item in others:
        transaction.put(item)
    for entry in entries:
        transaction.put_new(ledger.item(before.brand_id, entry))
    return transaction


def summary(settlement: Settlement, snapshot: Snapshot | None, commissions: Sequence[Commission]) -> dict[str, Any]:
    """What a list shows of an order without settling it again; all of its commissions, as their own items say them.

    Those of creators who are credited no longer lie apart: whether they ever were depends on what came when.
    """
    credited = {earning.creator_id for earning in settlement.earnings}
    parts = [{name: getattr(item, name) for name in _SHOWN} for item in commissions]
    return {
        "status": settlement.status,
        "reason": settlement.reason,
        "currency": settlement.currency,
        "base": settlement.base,
        "refunded_base": settlement.refunded_base,
        "placed_at": times.text(snapshot.placed_at) if snapshot else None,
        "platform": snapshot.platform if snapshot else None,
        "commissions": [part for part in parts if part["creator_id"] in credited],
        "former": [part for part in parts if part["creator_id"] not in credited],
    }


def _stands(facts: OrderFacts, context: Context, settlement: Settlement) -> dict[str, Any]:
    """What is said of the order in its registers, and what it knows of them; tests and shadows stand in none."""
    snapshot = facts.snapshot
    if snapshot is None or settlement.status == "test" or facts.shadowed:
        return {}
    words = {key: context.standing(facts, key) for key in register_keys(snapshot)}
    known = {key: word and _sparse(word, "id", "updated_at", "version") for key, word in words.items()}
    origin = settlement.origin
    said = {
        "words": known,
        "names": [origin.creator_id, origin.program_id] if origin else None,
        "pays": is_payment(snapshot),
    }
    return {"stands": said} if known else {}


def from_stream(image: dict[str, Any]) -> Order:
    """The state in a stream record's image, whose binary parts travel as base64 text."""
    packed = Order.packed.attr_name
    return Order.from_raw_data(image | {packed: {"B": base64.b64decode(image[packed]["B"])}})


def registered(state: Order) -> dict[str, Registered]:
    """Where the order stands, by register. Raises Undecodable where a hand was at it."""
    try:
        summary = state.summary
        said = summary.get("stands", {"words": {}})
        return {key: _registered(state, summary, key, word) for key, word in said["words"].items()}
    except (LookupError, TypeError, ValueError, zlib.error) as failure:
        raise Undecodable from failure


def _registered(state: Order, summary: dict[str, Any], key: str, word: dict[str, Any] | None) -> Registered:
    place, said = Place(times.parse(summary["placed_at"]), state.id), summary["stands"]
    known = None if word is None else _standing(key, {"version": 0} | word)
    if key.startswith(SUBSCRIPTIONS):
        return Registered(Mark(place, counts=said["pays"]), known)
    return Registered(Mark(place, names=(said["names"][0], said["names"][1]) if said["names"] else None), known)


def _stored(brand_id: str, state: Order, others: Sequence[Beside]) -> StoredOrder:
    summary, posted, context, snapshot = state.lines
    events = [event(item) for item in others if isinstance(item, OrderEvent)]
    if state.parts:
        parts = [item.body for item in others if isinstance(item, OrderPart)]
        context, snapshot = zlib.decompress(b"".join(parts[: state.parts])).decode().split("\n")
    return StoredOrder(
        id=state.id,
        brand_id=brand_id,
        connection_id=state.connection_id,
        external_id=state.external_id,
        version=state.version,
        facts=OrderFacts(
            facts.snapshot_from_json(snapshot) if snapshot else None,
            {(fact.kind, fact.id): fact for fact in events},
        ),
        context=_context(json.loads(context)),
        posted=dict(map(_posting, json.loads(posted))),
        summary=json.loads(summary),
        unfinished=bool(state.unfinished),
        commissions=tuple(item for item in others if isinstance(item, Commission)),
        written={item.sk: item.version for item in others},
    )


def _state(
    before: StoredOrder, after: OrderFacts, context: Context, step: Step, summary: dict[str, Any]
) -> tuple[Order, list[OrderPart]]:
    key = order_key(before.brand_id, before.id)
    shown = [_json(summary), _json(_plain_posted(step.posted))]
    large = [_json(_plain_context(context)), facts.to_json(after.told) if after.told else ""]
    packed, pieces = _packed(*shown, *large), []
    if len(packed) > _INLINE_BYTES:
        packed, pieces = _packed(*shown, "", ""), list(batched(_packed(*large), _PART_BYTES, strict=False))
    state = Order(
        key,
        "O",
        g1pk=None if after.untold else index(before.brand_id),
        g1sk=None if after.untold else _index_key(times.text(after.begins), before.id),
        id=before.id,
        version=before.version + 1,
        connection_id=before.connection_id,
        external_id=before.external_id,
        packed=packed,
        parts=len(pieces) or None,
        events=len(after.events) or None,
        unfinished=step.unfinished or None,
    )
    return state, [OrderPart(key, f"S#{number:04}", body=bytes(piece)) for number, piece in enumerate(pieces)]


def _packed(*lines: str) -> bytes:
    return zlib.compress("\n".join(lines).encode())


def _json(plain: Any) -> str:
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _plain_posted(posted: Posted) -> list[list[Any]]:
    places = [(each, astuple(each.counted) if each.counted else ()) for each in in_order(posted)]
    return [
        [each.creator_id, each.part, each.currency, times.text(each.matures_at), posted[each], *place]
        for each, place in places
    ]


def _posting(plain: list[Any]) -> tuple[Posting, int]:
    creator, part, currency, at, amount, *counted = plain
    return Posting(creator, part, currency, times.parse(at), Counted(*counted) if counted else None), amount


def _commissions(before: StoredOrder, snapshot: Snapshot | None, settlement: Settlement) -> list[Commission]:
    """Every creator's part as it should stand.

    Who is credited no longer keeps the item: what was earned, all of it taken back.
    """
    if snapshot is None:
        return []
    placed_at = times.text(snapshot.placed_at)
    now = [_commission(before, placed_at, earning) for earning in settlement.earnings]
    credited = {item.creator_id for item in now}
    former = [_former(before, placed_at, item) for item in before.commissions if item.creator_id not in credited]
    return [*now, *former]


def _former(before: StoredOrder, placed_at: str, item: Commission) -> Commission:
    gone = {"reversed": item.earned, "recruited": 0, "held": False, "base": 0}
    when = {"placed_at": placed_at, "g1sk": _index_key(placed_at, before.id)}
    said = {name: getattr(item, name) for name in _content(item)}
    return Commission(item.pk, item.sk, **said | gone | when)


def _alike(one: Commission, other: Commission) -> bool:
    """Whether they say the same, at whatever version they were written."""
    return all(getattr(one, name) == getattr(other, name) for name in _content(one))


def _content(item: Commission) -> list[str]:
    return [name for name in item.get_attributes() if name not in ("pk", "sk", "kind", "version")]


def _commission(before: StoredOrder, placed_at: str, earning: Earning) -> Commission:
    return Commission(
        order_key(before.brand_id, before.id),
        f"C#{earning.creator_id}",
        g1pk=creators_index(before.brand_id, earning.creator_id),
        g1sk=_index_key(placed_at, before.id),
        order_id=before.id,
        placed_at=placed_at,
        base=earning.revenue,
        **{name: getattr(earning, name) for name in _KEPT} | {"matures_at": times.text(earning.matures_at)},
    )


def _index_key(placed_at: str, order: str) -> str:
    return f"{placed_at}#{order}"


def placed_at(state: Order) -> datetime:
    """When the order was placed, by its place in the index."""
    return times.parse(state.g1sk.partition("#")[0])


def _index_place(brand_id: str, sort_key: str) -> dict[str, Any]:
    """Where a query of the index goes on behind the order with that sort key."""
    place = {"pk": order_key(brand_id, sort_key.rpartition("#")[2]), "sk": "O"}
    place |= {"g1pk": index(brand_id), "g1sk": sort_key}
    return {name: {"S": text} for name, text in place.items()}


def event(item: OrderEvent) -> Event:
    """The fact that an item holds."""
    return facts.event_from_json(item.sk.split("#", 2)[1], zlib.decompress(item.fact).decode())


def event_item(partition: str, fact: Event) -> OrderEvent:
    """A fact in the partition of its order, or of the name that it waits under; its version is not set yet."""
    return OrderEvent(partition, f"{EVENTS}{fact.kind}#{fact.id}", fact=_packed(facts.to_json(fact)))


def _context(plain: dict[str, Any]) -> Context:
    """What `_plain_context` wrote."""
    return Context(
        touches=_touches(plain["touches"]),
        members={(creator, program): _member(said) for creator, program, said in plain.get("members", ())},
        standings={register: _standing(register, said) for register, said in plain.get("standings", {}).items()},
        products={
            product: Product(tuple(tags), tuple(collections), known)
            for product, (tags, collections, known) in plain.get("products", {}).items()
        },
        rates={(one, other): _rate(said) for one, other, said in plain.get("rates", ())},
        tied=plain.get("tied"),
        only_program=plain.get("only_program"),
        test_brand=plain.get("test_brand", False),
        guessed_at=times.parse(plain["guessed_at"]) if "guessed_at" in plain else None,
        sighted=_touches(plain.get("sighted", {})),
    )


def _plain_context(context: Context) -> dict[str, Any]:
    said = {
        "members": [[*person, _sparse(member)] for person, member in sorted(context.members.items())],
        "standings": {
            register: _sparse(word, "id", "updated_at") for register, word in sorted(context.standings.items())
        },
        "products": {
            product: [said.tags, said.collections, said.known] for product, said in sorted(context.products.items())
        },
        "rates": [[*pair, _sparse(rate)] for pair, rate in sorted(context.rates.items())],
        "tied": context.tied,
        "only_program": context.only_program,
        "test_brand": context.test_brand or None,
        "guessed_at": times.text(context.guessed_at) if context.guessed_at else None,
        "sighted": _plain_touches(context.sighted),
    }
    touches = {"touches": _plain_touches(context.touches)}
    return touches | {name: value for name, value in said.items() if value not in (None, [], {})}


def _plain_touches(touches: Mapping[str, tuple[Touch, ...]]) -> dict[str, Any]:
    return {key: [_sparse(touch) for touch in found] for key, found in touches.items()}


def _sparse(record: Touch | Membership | Standing | Rate, *but: str) -> dict[str, Any]:
    """What it says beside its defaults and `but` these, moments as texts."""
    said = [(each.name, each.default, getattr(record, each.name)) for each in fields(record)]
    return {
        name: times.text(value) if isinstance(value, datetime) else value
        for name, default, value in said
        if value != default and name not in but
    }


def _revived(plain: dict[str, Any], *moments: str) -> dict[str, Any]:
    tuples = {name: tuple(value) if isinstance(value, list) else value for name, value in plain.items()}
    return tuples | {name: times.parse(plain[name]) for name in moments if name in plain}


def _touches(plain: dict[str, Any]) -> dict[str, tuple[Touch, ...]]:
    return {key: tuple(Touch(**_revived(touch, "at")) for touch in found) for key, found in plain.items()}


def _member(plain: dict[str, Any]) -> Membership:
    return Membership(**_revived(plain, "recruited_at"))


def _standing(register: str, plain: dict[str, Any]) -> Standing:
    return Standing(register, times.EPOCH, **_revived(plain, "origin_at"))


def _rate(plain: dict[str, Any]) -> Rate:
    return Rate(**_revived(plain, "at"))

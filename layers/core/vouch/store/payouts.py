"""Payouts as they are kept: each under the version that was read, and beside it whether its rail is asked after it."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from pynamodb.expressions.update import Action

from vouch.domain import ids, times
from vouch.domain.ledger import PayoutPart
from vouch.store import open_rows
from vouch.store.database import BATCH_GET_MAX, Database, Writes
from vouch.store.tables import OfSecond, OpenPayout, PayoutAttempt, PayoutItem

PREFIX = "po_"


def payout_id(run_id: str, creator_id: str, currency: str) -> str:
    """A run pays a creator at most once in a currency: the id says so."""
    return ids.derived(PREFIX, run_id, creator_id, currency)


def key(brand_id: str, payout_id: str) -> tuple[type[PayoutItem], str, str]:
    """Where a payout lies."""
    return PayoutItem, f"{brand_id}#P#{payout_id}", "P"


def payout(database: Database, brand_id: str, payout_id: str) -> PayoutItem | None:
    """A brand's payout by its id."""
    return database.get(*key(brand_id, payout_id)) if ids.is_id(payout_id, PREFIX) else None


def payouts(database: Database, brand_id: str, payout_ids: Iterable[str]) -> list[PayoutItem]:
    """Those that exist of a brand's payouts, in the order of the ids."""
    keys = [key(brand_id, payout_id) for payout_id in payout_ids]
    found = database.get_many(keys)
    return [item for _, pk, sk in keys if isinstance(item := found.get((pk, sk)), PayoutItem)]


def index(brand_id: str) -> str:
    """The index partition of a brand's payouts, by the time at which they were made."""
    return f"{brand_id}#P"


def creators_index(brand_id: str, creator_id: str) -> OfSecond:
    """The same of one creator's."""
    return OfSecond(f"{brand_id}#C#{creator_id}#P")


def latest_of_creator(database: Database, brand_id: str, creator_id: str) -> list[PayoutItem]:
    """The creator's latest payouts, as many as a run may make; a new one is seen milliseconds later."""
    index = creators_index(brand_id, creator_id)
    keys, _ = database.index_keys(PayoutItem, index, limit=BATCH_GET_MAX, newest_first=True)
    found = database.get_many((PayoutItem, pk, sk) for pk, sk in keys)
    return [item for item in found.values() if isinstance(item, PayoutItem)]


def has_any_returned(database: Database, brand_id: str, creator_id: str) -> bool:
    """Whether a payout of the creator was paid and came back, which no balance tells; it goes through all of them."""
    index, after = creators_index(brand_id, creator_id), None
    while True:
        keys, after = database.index_keys(PayoutItem, index, limit=BATCH_GET_MAX, after=after)
        found = database.get_many((PayoutItem, pk, sk) for pk, sk in keys)
        if any(isinstance(item, PayoutItem) and item.status == "returned" for item in found.values()):
            return True
        if after is None:
            return False


def new(brand_id: str, part: PayoutPart, run_id: str, at: datetime, *, creator_version: int) -> PayoutItem:
    """A payout that is not stored yet, of a creator who was looked at in that version."""
    _, pk, sk = key(brand_id, part.payout_id)
    place = f"{times.text(at)}#{part.payout_id}"
    return PayoutItem(
        pk,
        sk,
        g1pk=index(brand_id),
        g1sk=place,
        g2pk=str(creators_index(brand_id, part.creator_id)),
        g2sk=place,
        id=part.payout_id,
        run_id=run_id,
        creator_id=part.creator_id,
        creator_version=creator_version,
        currency=part.currency,
        amount=part.amount,
        withheld=part.withheld,
        authority=part.authority or None,
        rail=part.rail,
        status="created",
        tries=0,
        created_at=times.text(at),
        changed_at=times.text(at),
        version=1,
    )


def brand_of(item: PayoutItem) -> str:
    """The id of the brand whose payout it is."""
    return str(item.pk.partition("#")[0])


def part(item: PayoutItem) -> PayoutPart:
    """What the ledger needs to know of it."""
    return PayoutPart(
        payout_id=item.id,
        creator_id=item.creator_id,
        currency=item.currency,
        amount=item.amount,
        withheld=item.withheld,
        rail=item.rail,
        authority=item.authority or "",
    )


def put_attempt(writes: Writes, item: PayoutItem) -> None:
    """Notes the attempt that the payout's `tries` is about to make."""
    writes.put_new(PayoutAttempt(item.pk, f"A#{item.tries:04}", key=item.key, at=item.tried_at))


def attempts(database: Database, brand_id: str, payout_id: str) -> Iterator[PayoutAttempt]:
    """All calls of a payout's rail that were about to be made, in their order."""
    _, pk, _ = key(brand_id, payout_id)
    return database.query(PayoutAttempt, pk, PayoutAttempt.sk.startswith("A#"))


def watch(writes: Writes, brand_id: str, payout_id: str, next_at: datetime, looks: int = 0) -> None:
    """The rail is to be asked after that payout then."""
    writes.put(OpenPayout(open_rows.partition(brand_id), payout_id, next_at=times.text(next_at), looks=looks))


def unwatch(writes: Writes, brand_id: str, payout_id: str) -> None:
    """Nothing more can become of that payout."""
    writes.delete(OpenPayout(open_rows.partition(brand_id), payout_id))


def watched(database: Database, brand_id: str, after: str = "") -> Iterator[OpenPayout]:
    """The brand's payouts that may have news, behind that one."""
    behind = OpenPayout.sk.between(f"{after or PREFIX}!", f"{PREFIX}~")  # runs that are under way lie there, too
    return database.query(OpenPayout, open_rows.partition(brand_id), behind)


def postpone(database: Database, row: OpenPayout, next_at: datetime) -> None:
    """The rail was asked, and is asked again then, unless somebody has said otherwise since the row was read."""
    changes: list[Action] = [OpenPayout.next_at.set(times.text(next_at)), OpenPayout.looks.set(row.looks + 1)]
    database.update(row, changes, OpenPayout.next_at == row.next_at)


def unwatched(database: Database, row: OpenPayout) -> None:
    """The time in which news may come is over."""
    database.delete(row, OpenPayout.next_at == row.next_at)

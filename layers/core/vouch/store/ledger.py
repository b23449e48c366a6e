"""Entries on a creator's time line: put once, sorted by the moment from which they may be paid."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from vouch.domain import times
from vouch.domain.ledger import Entry, Leg
from vouch.store.database import Database
from vouch.store.tables import EntryItem

ON_TIME_LINE = "E#"
HELD = "H#"
FOLDS = "F#"


def account_key(brand_id: str, creator_id: str) -> str:
    """The partition of a creator's account."""
    return f"{brand_id}#A#{creator_id}"


def item(brand_id: str, entry: Entry) -> EntryItem:
    """The entry as it is stored."""
    if entry.kind == "fold":
        sort_key = f"{FOLDS}{times.text(entry.position or entry.posted_at)}#{entry.id}"
    elif entry.position is None:
        sort_key = f"{HELD}{times.text(entry.posted_at)}#{entry.id}"
    else:
        sort_key = f"{ON_TIME_LINE}{times.text(entry.position)}#{entry.id}"
    return EntryItem(
        account_key(brand_id, entry.creator_id),
        sort_key,
        id=entry.id,
        kind=entry.kind,
        currency=entry.currency,
        legs=[[leg.account, leg.amount] for leg in entry.legs],
        posted_at=times.text(entry.posted_at),
        order_id=entry.order_id,
    )


def entry(stored: EntryItem) -> Entry:
    """The entry that was stored. Raises Unbalanced where the item is not what was put."""
    where, position = stored.sk[:2], stored.sk[2:].partition("#")[0]
    return Entry(
        id=stored.id,
        kind=stored.kind,
        creator_id=stored.pk.rpartition("#")[2],
        currency=stored.currency,
        legs=tuple(Leg(account, amount) for account, amount in stored.legs),
        posted_at=times.parse(stored.posted_at),
        position=None if where == HELD else times.parse(position),
        order_id=stored.order_id,
    )


def time_line(
    database: Database, brand_id: str, creator_id: str, *, after: datetime, until: datetime | None = None
) -> Iterator[Entry]:
    """The entries with a position in `(after, until]`, in order; without `until` all that lie ahead too."""
    low = f"{ON_TIME_LINE}{times.text(after)}$"  # '$' follows '#': past all entries of that very moment
    high = f"{ON_TIME_LINE}{times.text(until)}$" if until else f"{ON_TIME_LINE}~"
    found = database.query(EntryItem, account_key(brand_id, creator_id), EntryItem.sk.between(low, high))
    return (entry(stored) for stored in found)


def held(database: Database, brand_id: str, creator_id: str) -> Iterator[Entry]:
    """The entries that wait for a decision and have no position."""
    found = database.query(EntryItem, account_key(brand_id, creator_id), EntryItem.sk.startswith(HELD))
    return (entry(stored) for stored in found)


def items(brand_id: str, entries: Iterable[Entry]) -> list[EntryItem]:
    """All of them as they are stored."""
    return [item(brand_id, each) for each in entries]

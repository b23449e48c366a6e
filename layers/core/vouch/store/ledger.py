"""A creator's entries: put once, never changed; on the time line sorted by the moment from which they may be paid.

    E#<position>#<ent>          the time line; what a change of the balance posted lies behind the rest of its moment,
                                in the order of these changes, as ~<version>#<ent>
    EH#<posted at>#<ent>        held: waits for a decision, has no position, and lies beside what is ahead
    F#<ccy>#<T>#<version>       folds, each with what lay before Z for ever, so that a statement need not begin at zero
    P#<posted at>#<ent>         what payouts post beside the time line: that the rail has paid, and its fee

What a fold posts for caps and bonuses lies on the time line too, and so do payouts and adjustments. The note of an
entry says where it counts for caps, `{"in": [program, terms version, month], "n": orders}`, which rule it is of,
`{"of": [program, rule, period], "v": the fold's version}`, or of what payout or adjustment, `{"po": id, "v": …}` or
`{"adj": id, "v": …}`.

All of a creator's in one partition, in whatever currencies they are.
"""

from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Any

from vouch.domain import times
from vouch.domain.account import Balance
from vouch.domain.ledger import BESIDE, FOLD, Counted, Entry, Leg, PeriodRule, Unbalanced
from vouch.store.database import Database
from vouch.store.tables import EntryItem

ON_TIME_LINE = "E#"
HELD = "EH#"
FOLDS = "F#"
PAYMENTS = "P#"
_PAST = "$"  # follows '#': a bound that ends with it lies behind every key that goes on from there
NO_ENTRY = (Unbalanced, AttributeError, LookupError, TypeError, ValueError)
"""What reading an item raises that is not what was put."""


@dataclass(frozen=True, slots=True)
class Footing:
    """What lay before `at` in one currency, final: credits, and debits as a positive number."""

    at: datetime
    credited: int
    debited: int


@dataclass(frozen=True, slots=True)
class Found:
    """An entry where it was found."""

    sort_key: str
    entry: Entry


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A stored item that is no entry, and why."""

    sort_key: str
    reason: str


def account_key(brand_id: str, creator_id: str) -> str:
    """The partition of a creator's account."""
    return f"{brand_id}#A#{creator_id}"


def account_of(partition: str) -> tuple[str, str] | None:
    """Brand and creator of an account's partition; None where the key is no such thing."""
    brand_id, found, creator_id = partition.partition("#A#")
    return (brand_id, creator_id) if found and brand_id and creator_id else None


def position_of(sort_key: str) -> datetime | None:
    """The moment at which an entry lies on the time line; None for a key that is not on it."""
    if not sort_key.startswith(ON_TIME_LINE):
        return None
    try:
        return times.parse(sort_key.split("#")[1])
    except ValueError:
        return None


def item(brand_id: str, entry: Entry) -> EntryItem:
    """An entry of the time line, a held one, or one beside both, as it is stored."""
    if entry.kind in BESIDE:
        return _item(brand_id, entry, f"{PAYMENTS}{times.text(entry.posted_at)}#{entry.id}")
    if entry.position is None:
        return _item(brand_id, entry, f"{HELD}{times.text(entry.posted_at)}#{entry.id}")
    name = entry.id if entry.fold is None else f"~{entry.fold:010}#{entry.id}"
    return _item(brand_id, entry, f"{ON_TIME_LINE}{times.text(entry.position)}#{name}")


def fold_item(brand_id: str, fold: Entry, balance: Balance) -> EntryItem:
    """The entry of a fold that left the account as `balance`."""
    sums = balance.of(fold.currency)
    stored = _item(brand_id, fold, f"{FOLDS}{fold.currency}#{times.text(balance.watermark)}#{balance.version:010}")
    stored.note = {"z": times.text(balance.zone_start), "c": sums.credited, "d": sums.debited}
    return stored


def entry(stored: EntryItem) -> Entry:
    """The entry that was stored. Raises Unbalanced and the like where the item is not what was put."""
    key, note = stored.sk.split("#"), stored.note or {}
    is_fold, is_beside = stored.sk.startswith(FOLDS), stored.sk.startswith(PAYMENTS)
    if is_fold is not (stored.kind == FOLD) or is_beside is not (stored.kind in BESIDE):
        raise ValueError(f"a {stored.kind} does not lie there")
    position = None if stored.sk.startswith((HELD, PAYMENTS)) else key[2 if is_fold else 1]
    return Entry(
        id=stored.id,
        kind=stored.kind,
        creator_id=stored.pk.rpartition("#")[2],
        currency=stored.currency,
        legs=tuple(Leg(account, amount) for account, amount in stored.legs),
        posted_at=times.parse(stored.posted_at),
        position=None if position is None else times.parse(position),
        order_id=stored.order_id,
        counted=Counted(*note["in"]) if "in" in note else None,
        orders=note.get("n", 0),
        rule=PeriodRule(*note["of"]) if "of" in note else None,
        fold=int(key[3]) if is_fold else note.get("v"),
        payout_id=note.get("po"),
        adjustment_id=note.get("adj"),
    )


def time_line(
    database: Database,
    brand_id: str,
    creator_id: str,
    *,
    start: datetime,
    until: datetime | None = None,
    few: int | None = None,
) -> Iterator[Entry]:
    """The entries with a position in `[start, until]`, in order; without `until` all that lie ahead too.

    For those who will want `few` it reads so many at first, and four times as many with each further request.
    """
    low = f"{ON_TIME_LINE}{times.text(start)}"
    high = f"{ON_TIME_LINE}{times.text(until)}{_PAST}" if until else f"{ON_TIME_LINE}~"
    key = account_key(brand_id, creator_id)
    while low <= high:
        found, last = 0, ""
        for stored in database.query(EntryItem, key, EntryItem.sk.between(low, high), limit=few, page=few):
            found, last = found + 1, stored.sk
            yield entry(stored)
        if few is None or found < few:
            return
        low, few = f"{last}{_PAST}", 4 * few


def open_entries(
    database: Database, brand_id: str, creator_id: str, *, start: datetime, most: int
) -> list[Entry] | None:
    """The entries with a position from `start` on, and those that wait for a decision and have none; one request.

    None where there are more than `most` of them, or than a request brings.
    """
    between = EntryItem.sk.between(f"{ON_TIME_LINE}{times.text(start)}", f"{HELD}~")
    key = account_key(brand_id, creator_id)
    found = database.query(EntryItem, key, between, limit=most + 1, page=most + 1)
    entries = [entry(stored) for stored in found]
    return entries if len(entries) <= most else None


def from_stream(image: Mapping[str, Any]) -> Entry | None:
    """The entry that a record of the table's stream shows; None where it is none."""
    try:
        return entry(EntryItem.from_raw_data(dict(image)))
    except NO_ENTRY:
        return None


def payments(
    database: Database, brand_id: str, creator_id: str, *, start: datetime, until: datetime
) -> Iterator[Entry]:
    """What payouts posted beside the time line in `[start, until]`: that the rail has paid, and its fees."""
    between = EntryItem.sk.between(f"{PAYMENTS}{times.text(start)}", f"{PAYMENTS}{times.text(until)}{_PAST}")
    return (entry(stored) for stored in database.query(EntryItem, account_key(brand_id, creator_id), between))


def of_payout(database: Database, brand_id: str, creator_id: str, entry_id: str, at: datetime) -> Entry | None:
    """The entry of that id that a step of a payout posted at that moment, beside the time line or on it."""
    beside = payments(database, brand_id, creator_id, start=at, until=at)
    on_it = time_line(database, brand_id, creator_id, start=at, until=at)
    return next((entry for found in (beside, on_it) for entry in found if entry.id == entry_id), None)


def footing(database: Database, brand_id: str, creator_id: str, currency: str, moment: datetime) -> Footing:
    """What the last fold of that currency before `moment` knew for good; the beginning of time where there is none."""
    low, high = f"{FOLDS}{currency}#", f"{FOLDS}{currency}#{times.text(moment)}"
    key = account_key(brand_id, creator_id)
    for fold in database.query(EntryItem, key, EntryItem.sk.between(low, high), newest_first=True, limit=1):
        return Footing(times.parse(fold.note["z"]), fold.note["c"], fold.note["d"])
    return Footing(times.EPOCH, 0, 0)


def everything(database: Database, brand_id: str, creator_id: str) -> Iterator[Found | Unreadable]:
    """All that the account holds, for those who check it rather than use it: what is no entry is told, not raised."""
    stored = database.query(EntryItem, account_key(brand_id, creator_id))
    last = "the beginning"
    while True:
        try:
            item = next(stored)
        except StopIteration:
            return
        except (TypeError, ValueError) as error:  # one item; those behind it can still be had
            yield Unreadable(f"behind {last}", str(error))
            continue
        last = item.sk
        try:
            yield Found(item.sk, entry(item))
        except NO_ENTRY as error:
            yield Unreadable(item.sk, str(error))


def _item(brand_id: str, entry: Entry, sort_key: str) -> EntryItem:
    return EntryItem(
        account_key(brand_id, entry.creator_id),
        sort_key,
        id=entry.id,
        kind=entry.kind,
        currency=entry.currency,
        legs=[[leg.account, leg.amount] for leg in entry.legs],
        posted_at=times.text(entry.posted_at),
        order_id=entry.order_id,
        note=_note(entry),
    )


def _note(entry: Entry) -> dict[str, Any] | None:
    if entry.counted is not None:
        return {"in": astuple(entry.counted), "n": entry.orders}
    if entry.rule is not None:
        return {"of": astuple(entry.rule), "v": entry.fold}
    if entry.payout_id is not None:
        return {"po": entry.payout_id, "v": entry.fold}
    if entry.adjustment_id is not None:
        return {"adj": entry.adjustment_id, "v": entry.fold}
    return None

"""The sums that are kept of accounts, each an item that knows which records of the ledger's stream it has counted.

    H#<moment>#<ccy>            what matures then
    T#<ccy>                     all that was ever posted; behind the others, so that one query reads both

All records of an account come from one partition of the ledger, so the stream brings them in order, under numbers that
grow. A batch may come again, whole or cut otherwise, and bring records that were counted: they are those whose number
is not above the item's `mark`. It changes with the sum, in one write, so nothing else has to be remembered.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pynamodb.expressions.update import Action

from vouch.domain import times
from vouch.domain.buckets import Kept, Part, Total
from vouch.store.database import Database
from vouch.store.tables import Bucket

_AHEAD = "H#"
_TOTALS = "T#"
_PAST = "$"  # follows '#': a bound that ends with it lies behind every key that goes on from there
Key = tuple[str, str]
"""Of an item."""
_NUMBER_DIGITS = 40
"""Of the longest number that a stream gives."""


@dataclass(frozen=True, slots=True)
class Counted:
    """A part of an entry that was posted at that moment, and the number of the stream's record that told of it."""

    number: int
    part: Part
    posted_at: datetime


def key(brand_id: str, creator_id: str, part: Part) -> Key:
    """Of the item that a part of an entry is added to."""
    pk = _partition(brand_id, creator_id)
    if part.moment is None:
        return pk, f"{_TOTALS}{part.currency}"
    return pk, f"{_AHEAD}{times.text(part.moment)}#{part.currency}"


def add(database: Database, key: Key, counted: Sequence[Counted]) -> None:
    """Adds to one item what it has not counted before. They are in the stream's order."""
    left = counted
    while left:
        item = Bucket(*key)
        is_new = Bucket.mark.does_not_exist() | (Bucket.mark < _mark(left[0]))
        if database.update(item, _changes(item, left), is_new):
            return
        known = database.get(Bucket, *key)
        left = [each for each in left if known is None or _mark(each) > known.mark]


def read(database: Database, brand_id: str, creator_id: str, until: datetime) -> Kept:
    """The totals of an account, and what lies ahead of `until`."""
    totals: dict[str, Total] = {}
    ahead: defaultdict[str, int] = defaultdict(int)
    between = Bucket.sk.between(f"{_AHEAD}{times.text(until)}{_PAST}", f"{_TOTALS}~")
    for item in database.query(Bucket, _partition(brand_id, creator_id), between):
        currency = item.sk.rpartition("#")[2]
        if item.sk.startswith(_TOTALS):
            totals[currency] = Total(item.amount, item.held, times.parse(item.last))
        else:
            ahead[currency] += item.amount
    return Kept(totals, ahead)


def _changes(item: Bucket, counted: Sequence[Counted]) -> list[Action]:
    changes: list[Action] = [
        Bucket.kind.set(Bucket),
        Bucket.amount.add(sum(each.part.amount for each in counted)),
        Bucket.mark.set(_mark(counted[-1])),
    ]
    if item.sk.startswith(_TOTALS):
        changes += [
            Bucket.held.add(sum(each.part.held for each in counted)),
            Bucket.last.set(times.text(counted[-1].posted_at)),
        ]
    return changes


def _mark(counted: Counted) -> str:
    return f"{counted.number:0{_NUMBER_DIGITS}}"


def _partition(brand_id: str, creator_id: str) -> str:
    return f"{brand_id}#C#{creator_id}"

"""What a year brought each creator, by the ledger: what became theirs, and what they were paid, by which rail.

An entry counts in the year in which it may be paid, a payment in the one in which its rail had paid it, and what came
back in the one in which it did: a year that is over reads the same for ever. Years begin where the brand is at home.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from zoneinfo import ZoneInfo

from vouch.deadlines import InTime
from vouch.domain import account, calendars, ledger
from vouch.domain.ledger import Entry
from vouch.service import pages
from vouch.service.deployment import Deployment
from vouch.service.revisions import revised
from vouch.service.statements import TICK
from vouch.store import creators, payees, payout_settings
from vouch.store import ledger as entries
from vouch.store import thresholds as store
from vouch.store.database import Writes
from vouch.store.tables import Brand, Creator, PayeeItem, ThresholdList
from vouch.store.thresholds import Threshold

ENTRIES_MAX = 100_000
"""Of one creator's year: some 35 requests, and a few seconds."""
_PAYOUTS = frozenset({ledger.PAYOUT, ledger.PAYOUT_RELEASED, ledger.PAYOUT_RETURNED})
_CASH, _WITHHELD = ledger.cash(""), ledger.withheld("")


@dataclass(frozen=True, slots=True)
class Year:
    """`[begins, ends)` where the brand is at home, and the moment at which it is looked at."""

    number: int
    time_zone: str
    begins: datetime
    ends: datetime
    as_of: datetime

    @property
    def last(self) -> datetime:
        """The last moment of it that is looked at: what lies ahead is nobody's yet."""
        return min(self.ends - TICK, self.as_of)


@dataclass(frozen=True, slots=True)
class Paid:
    """What went by one rail, less what came back, and the tax that was withheld beside it for one country's office."""

    rail: str
    withheld_for: str | None
    paid: int
    withheld: int


@dataclass(frozen=True, slots=True)
class Total:
    """One creator's year in one currency. `reached` names the brand's thresholds that it comes up to.

    `payee` is what the brand has noted of them by now, not in that year; None: nothing.
    """

    creator: Creator
    payee: PayeeItem | None
    currency: str
    earned: int
    rails: Sequence[Paid]
    reached: Sequence[str]

    @property
    def paid(self) -> int:
        """What they got."""
        return sum(each.paid for each in self.rails)

    @property
    def withheld(self) -> int:
        """What was withheld of it."""
        return sum(each.withheld for each in self.rails)


@dataclass(frozen=True, slots=True)
class Totals:
    """Those of some creators; `left_out` have more entries than one call can read."""

    year: Year
    totals: Sequence[Total]
    left_out: Sequence[Creator]
    next_cursor: str | None


def totals(
    deployment: Deployment,
    brand: Brand,
    number: int,
    *,
    currency: str | None,
    limit: int,
    cursor: str | None,
    in_time: InTime,
) -> Totals:
    """Of up to `limit` creators, the oldest first, as many as there is time for, and one at least.

    Four requests (five for more than 50 creators), and two for each creator, whose years have one more for each
    megabyte.
    """
    scope = f"{brand.id}/yearly/{number}/{currency}"
    after = pages.opened(deployment, scope, cursor)[0] if cursor is not None else None
    year, database = _year(deployment, brand, number), deployment.database
    wanted = store.listed(store.thresholds(database, brand.id))
    found, are_more = _creators(deployment, brand, after, limit)
    read: list[Total] = []
    left_out: list[Creator] = []
    looked_at: list[Creator] = []
    for creator, payee in found:
        if looked_at and not in_time():
            break
        looked_at.append(creator)
        sums = _sums(deployment, brand, creator, year)
        if sums is None:
            left_out.append(creator)
        else:
            read += (total for total in sums.totals(creator, payee, wanted) if currency in {None, total.currency})
    goes_on = are_more or len(looked_at) < len(found)
    following = pages.sealed(deployment, scope, [looked_at[-1].id]) if goes_on else None
    return Totals(year, read, left_out, following)


def changed_thresholds(
    deployment: Deployment, brand: Brand, wanted: Sequence[Threshold], *, if_match: int | None
) -> ThresholdList:
    """The list, with these in the place of those that were there. Raises Stale."""

    def change(item: ThresholdList, _: Writes) -> None:
        item.thresholds = store.plain(wanted)

    return revised(deployment, lambda: store.thresholds(deployment.database, brand.id), change, if_match=if_match)


class _Sums:
    """What is added up of one creator's entries."""

    def __init__(self) -> None:
        self.earned: Counter[str] = Counter()
        self.paid: Counter[tuple[str, str, str]] = Counter()
        self.withheld: Counter[tuple[str, str, str]] = Counter()

    def earn(self, entry: Entry) -> None:
        """What became theirs: all of the time line but payouts, and what became of these."""
        if entry.kind == ledger.PAYOUT_RETURNED:
            self.pay(entry)
        elif entry.kind not in _PAYOUTS:
            self.earned[entry.currency] += account.value(entry)

    def pay(self, entry: Entry) -> None:
        """What a rail has paid, or given back: every payment has a part that went by it, few have one withheld."""
        [(rail, net)] = _legs(entry, _CASH)
        for authority, tax in _legs(entry, _WITHHELD) or [("", 0)]:
            self.paid[entry.currency, rail, authority] -= net
            self.withheld[entry.currency, rail, authority] -= tax

    def totals(self, creator: Creator, payee: PayeeItem | None, thresholds: Sequence[Threshold]) -> Iterator[Total]:
        """By currency; none where nothing happened."""
        for currency in sorted({*self.earned, *(paid_in for paid_in, _, _ in self.paid)}):
            ways = sorted(way for way in self.paid if way[0] == currency)
            paid = [Paid(way[1], way[2] or None, self.paid[way], self.withheld[way]) for way in ways]
            measured = {"earned": self.earned[currency], "paid": sum(each.paid + each.withheld for each in paid)}
            mine = (each for each in thresholds if each.currency == currency)
            reached = [each.name for each in mine if measured[each.of] >= each.amount]
            yield Total(creator, payee, currency, self.earned[currency], paid, reached)


def _legs(entry: Entry, accounts: str) -> list[tuple[str, int]]:
    """What stands behind these words in the names of the entry's accounts, and the amounts."""
    named = (leg for leg in entry.legs if leg.account.startswith(accounts))
    return [(leg.account.removeprefix(accounts), leg.amount) for leg in named]


def _sums(deployment: Deployment, brand: Brand, creator: Creator, year: Year) -> _Sums | None:
    """None where there is more than is read of one creator."""
    database, sums = deployment.database, _Sums()
    if year.begins > year.last:
        return sums
    line = entries.time_line(database, brand.id, creator.id, start=year.begins, until=year.last)
    for entry in islice(line, ENTRIES_MAX):
        sums.earn(entry)
    if next(line, None) is not None:
        return None
    for entry in entries.payments(database, brand.id, creator.id, start=year.begins, until=year.last):
        if entry.kind == ledger.PAYOUT_SETTLED:
            sums.pay(entry)
    return sums


def _year(deployment: Deployment, brand: Brand, number: int) -> Year:
    time_zone = payout_settings.settings(deployment.database, brand.id).time_zone
    calendar = calendars.span("year", datetime(number, 1, 1, tzinfo=ZoneInfo(time_zone)), time_zone)
    return Year(number, time_zone, calendar.begins, calendar.ends, as_of=deployment.brand_now(brand))


def _creators(
    deployment: Deployment, brand: Brand, after: str | None, limit: int
) -> tuple[list[tuple[Creator, PayeeItem | None]], bool]:
    """The brand's creators behind that one, with what is noted of them, and whether there are more."""
    database, index = deployment.database, creators.index(brand.id)
    start = creators.behind(brand.id, after) if after is not None else None
    keys, more = database.index_keys(Creator, index, limit=limit, after=start)
    return payees.noted(database, keys), more is not None

"""A creator's statement: what became theirs from one day to another, by value date, from opening to closing balance.

An entry counts on the day from which it may be paid. Nothing is ever dated before its posting, so a past month reads
the same for ever, wherever folds fell in it. What caps and bonuses make of a period is an entry of the fold that found
it out: until then the balances alone go by it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby, islice
from operator import itemgetter
from zoneinfo import ZoneInfo

from vouch.domain import account, calendars, spreadsheets, times
from vouch.domain.errors import Malformed
from vouch.domain.ledger import CORRECTION, Entry
from vouch.domain.spreadsheets import Row
from vouch.service.deployment import Deployment
from vouch.store import adjustments, balances, ledger, payout_settings, payouts
from vouch.store.database import Database
from vouch.store.tables import AdjustmentItem, Brand, PayoutItem

TICK = timedelta(microseconds=1)
_COLUMNS = (
    *("at", "id", "kind", "order_id", "currency", "amount", "balance"),
    *("program_id", "rule", "period", "payout_id", "adjustment_id"),
    *("withheld", "net", "reason"),
)


Turn = tuple[str, ...]
"""What lines are sorted by: when they count, when they were posted, by which fold, debits last, and the entry's id."""


@dataclass(frozen=True, slots=True)
class Bookmark:
    """The last line of a page, by its turn, and the balance with it."""

    turn: Turn
    balance: int


@dataclass(frozen=True, slots=True)
class Line:
    """One entry, and the balance with it. What is no order's says its rule and period, payout, or adjustment.

    A payout's amount is `withheld` for the tax office and the creator's `net`, both below zero where it comes back.
    `reason` is what was said for an adjustment or a write-off, and for the correction of one.
    """

    id: str
    mark: Bookmark
    at: datetime
    kind: str
    order_id: str | None
    amount: int
    balance: int
    program_id: str | None = None
    rule: str | None = None
    period: str | None = None
    payout_id: str | None = None
    adjustment_id: str | None = None
    withheld: int | None = None
    net: int | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Totals:
    """Of the whole range; `debited` is positive."""

    credited: int
    debited: int

    @property
    def net(self) -> int:
        """What the range added."""
        return self.credited - self.debited


@dataclass(frozen=True, slots=True)
class Statement:
    """`[start, end)` of one currency. Opening, closing and totals are the whole range's on every page."""

    currency: str
    start: datetime
    end: datetime
    opening: int
    closing: int
    totals: Totals
    entries: Sequence[Line]
    next: Bookmark | None


def statement(
    deployment: Deployment,
    brand: Brand,
    creator_id: str,
    currency: str,
    *,
    start: datetime | None = None,
    end: datetime | None = None,
    limit: int | None = None,
    after: Bookmark | None = None,
) -> Statement:
    """The creator's account from `start` (else its beginning) until before `end` (else all that is theirs by now).

    A later `end` shows what lies ahead too; what is posted there while somebody turns the pages is on those to come,
    or on none. Raises NotFound for a creator whom the brand does not have, and Malformed where the end lies before the
    start.
    """
    database = deployment.database
    start = times.EPOCH if start is None else start
    end = deployment.brand_now(brand) + TICK if end is None else end
    if end < start:
        raise Malformed(param="to")
    balances.read_of_creator(database, brand.id, creator_id)
    before = _all_before(deployment, brand, creator_id, currency, start)
    by_end = _all_before(deployment, brand, creator_id, currency, end)
    entries = ledger.time_line(
        database,
        brand.id,
        creator_id,
        start=times.parse(after.turn[0]) if after else start,
        until=end - TICK,
        few=limit and limit + (3 if after else 2),  # the marked one; whether there are more; where its moment ends
    )
    lines = _lines(entries, currency, after.turn if after else None, after.balance if after else before.net)
    shown = list(islice(lines, limit))
    more = limit is not None and next(lines, None) is not None
    return Statement(
        currency=currency,
        start=start,
        end=end,
        opening=before.net,
        closing=by_end.net,
        totals=Totals(by_end.credited - before.credited, by_end.debited - before.debited),
        entries=_told(database, brand.id, shown),
        next=shown[-1].mark if more else None,
    )


def bounds(
    deployment: Deployment, brand: Brand, start: datetime | None, end: datetime | None, month: str | None
) -> tuple[datetime | None, datetime | None]:
    """The range that was said: two moments, or a month like `2026-05` in the time zone of the brand's payouts.

    Raises Malformed for both at once.
    """
    if month is None:
        return start, end
    if start is not None or end is not None:
        raise Malformed("one_of_two", param="month", one="month", other="from")
    time_zone = payout_settings.settings(deployment.database, brand.id).time_zone
    year, _, number = month.partition("-")
    calendar = calendars.span("month", datetime(int(year), int(number), 1, tzinfo=ZoneInfo(time_zone)), time_zone)
    return calendar.begins, calendar.ends


def csv_text(statement: Statement) -> str:
    """The same for a spreadsheet, amounts in minor units."""
    rows = [
        _row(statement, "opening", statement.start, statement.opening),
        *(_line_row(statement, line) for line in statement.entries),
        _row(statement, "closing", statement.end, statement.closing),
    ]
    return spreadsheets.text(_COLUMNS, rows)


def _all_before(deployment: Deployment, brand: Brand, creator_id: str, currency: str, moment: datetime) -> Totals:
    """All that is dated before `moment`: what a fold knew for good, and the entries since."""
    database = deployment.database
    footing = ledger.footing(database, brand.id, creator_id, currency, moment)
    credited, debited = footing.credited, footing.debited
    since = ledger.time_line(database, brand.id, creator_id, start=footing.at, until=moment - TICK)
    for amount in (account.value(entry) for entry in since if entry.currency == currency):
        credited, debited = credited + max(amount, 0), debited - min(amount, 0)
    return Totals(credited, debited)


def _lines(entries: Iterator[Entry], currency: str, after: Turn | None, balance: int) -> Iterator[Line]:
    """Those behind `after`. Of one moment what was posted first is the first: an order, then what came back of it.

    Where that is one moment, too, as by a clock that stands, folds' entries are the last, and credits before debits.
    """
    ours = ((entry.position, entry) for entry in entries if entry.position and entry.currency == currency)
    for at, moment in groupby(ours, key=itemgetter(0)):
        for turn, entry in sorted(((_turn(at, entry), entry) for _, entry in moment), key=itemgetter(0)):
            if after is not None and turn <= after:
                continue
            amount = account.value(entry)
            balance += amount
            beside = {"payout_id": entry.payout_id, "adjustment_id": entry.adjustment_id}
            origin = {**beside, **(asdict(entry.rule) if entry.rule else {})}
            mark = Bookmark(turn, balance)
            yield Line(entry.id, mark, at, entry.kind, entry.order_id, amount, balance, **origin)


def _turn(at: datetime, entry: Entry) -> Turn:
    side = "debit" if account.value(entry) < 0 else "credit"
    return times.text(at), times.text(entry.posted_at), f"{entry.fold or 0:010}", side, entry.id


def _told(database: Database, brand_id: str, lines: Sequence[Line]) -> list[Line]:
    """The lines with what their entries do not hold; a request per 100 payouts, adjustments, or corrections."""
    paid: dict[str | None, PayoutItem] = {
        item.id: item for item in payouts.payouts(database, brand_id, _some(line.payout_id for line in lines))
    }
    said: dict[str | None, AdjustmentItem] = {
        item.id: item for item in adjustments.found(database, brand_id, _some(line.adjustment_id for line in lines))
    }
    corrected = (said.get(line.adjustment_id) for line in lines if line.kind == CORRECTION)
    correcting = _some(item.reversed_by for item in corrected if item is not None)
    corrections: dict[str | None, AdjustmentItem] = {
        item.reverses: item for item in adjustments.found(database, brand_id, correcting)
    }
    return [
        _told_line(
            line, paid.get(line.payout_id), (corrections if line.kind == CORRECTION else said).get(line.adjustment_id)
        )
        for line in lines
    ]


def _told_line(line: Line, payout: PayoutItem | None, word: AdjustmentItem | None) -> Line:
    if payout is not None:
        withheld = payout.withheld if line.amount < 0 else -payout.withheld
        return replace(line, withheld=withheld, net=-line.amount - withheld)
    return replace(line, reason=word.reason) if word is not None else line


def _some(ids: Iterable[str | None]) -> list[str]:
    return [each for each in ids if each is not None]


def _row(statement: Statement, kind: str, at: datetime, balance: int) -> Row:
    return [times.short(at), None, kind, None, statement.currency, None, balance, *[None] * 8]


def _line_row(statement: Statement, line: Line) -> Row:
    entry = [times.short(line.at), line.id, line.kind, line.order_id, statement.currency, line.amount, line.balance]
    origin = [line.program_id, line.rule, line.period, line.payout_id, line.adjustment_id]
    return [*entry, *origin, line.withheld, line.net, line.reason]

"""A creator's statement: what became theirs from one day to another, by value date, from opening to closing balance.

An entry counts on the day from which it may be paid. Nothing is ever dated before its posting, so a past month reads
the same for ever, wherever folds fell in it. What caps and bonuses make of a period is an entry of the fold that found
it out: until then the balances alone go by it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from vouch.domain import account, calendars, spreadsheets, times
from vouch.domain.errors import Malformed
from vouch.domain.ledger import Entry
from vouch.domain.spreadsheets import Row
from vouch.service.deployment import Deployment
from vouch.store import balances, ledger, payout_settings
from vouch.store.tables import Brand

TICK = timedelta(microseconds=1)
_COLUMNS = (
    *("at", "id", "kind", "order_id", "currency", "amount", "balance"),
    *("program_id", "rule", "period", "payout_id", "adjustment_id"),
)


@dataclass(frozen=True, slots=True)
class Line:
    """One entry, and the balance with it. What is no order's says its rule and period, payout, or adjustment."""

    id: str
    place: str
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
class Bookmark:
    """The last line of a page, behind which the next one begins."""

    place: str
    balance: int


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

    A later `end` shows what lies ahead too. Raises NotFound for a creator whom the brand does not have, and Malformed
    where the end lies before the start.
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
        start=start,
        until=end - TICK,
        after=after.place if after else None,
        page=limit and limit + 1,
    )
    lines = _lines(entries, currency, after.balance if after else before.net)
    shown = list(islice(lines, limit))
    more = limit is not None and next(lines, None) is not None
    return Statement(
        currency=currency,
        start=start,
        end=end,
        opening=before.net,
        closing=by_end.net,
        totals=Totals(by_end.credited - before.credited, by_end.debited - before.debited),
        entries=shown,
        next=Bookmark(shown[-1].place, shown[-1].balance) if more else None,
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


def _lines(entries: Iterator[Entry], currency: str, balance: int) -> Iterator[Line]:
    for entry in entries:
        if entry.currency == currency and entry.position is not None:
            amount = account.value(entry)
            balance += amount
            beside = {"payout_id": entry.payout_id, "adjustment_id": entry.adjustment_id}
            origin = {**beside, **(asdict(entry.rule) if entry.rule else {})}
            yield Line(
                entry.id, ledger.place(entry), entry.position, entry.kind, entry.order_id, amount, balance, **origin
            )


def _row(statement: Statement, kind: str, at: datetime, balance: int) -> Row:
    return [times.short(at), None, kind, None, statement.currency, None, balance, None, None, None, None, None]


def _line_row(statement: Statement, line: Line) -> Row:
    entry = [times.short(line.at), line.id, line.kind, line.order_id, statement.currency, line.amount, line.balance]
    return [*entry, line.program_id, line.rule, line.period, line.payout_id, line.adjustment_id]

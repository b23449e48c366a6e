"""Clearing: rails' own statements are taken in, and held against what the books say went through each rail.

Which movement a line stands for is found out when it is sent, and noted with it; what could not be found then, because
the books did not know it yet, is looked for again when the line is sent again.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from itertools import batched

from vouch.domain import clearing as domain
from vouch.domain import ids, times
from vouch.domain.clearing import STEPS, Line, Step
from vouch.domain.errors import Conflict, Malformed, NotFound, Unprocessable
from vouch.rails.registry import RAILS
from vouch.service import pages
from vouch.service.deployment import Deployment
from vouch.service.pages import Page
from vouch.service.revisions import committed
from vouch.store import clearing, payouts
from vouch.store.database import Key, Writes
from vouch.store.tables import Brand, CashRow, Claim, Item, PayoutItem, StatementLine

_TOGETHER = 40
"""So many lines are noted in one transaction, each with its claim."""
_READERS = 8
_PAGE = 500
"""So many movements and lines one request holds against each other."""

_LEDGER, _STATEMENT = "ledger", "statement"
Found = Mapping[tuple[str, str | None], Item]
Named = Mapping[str, Sequence[str]]
"""The payouts that lines may stand for, by the lines' ids."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of a statement: `new` lines, and how many of all that were sent stand for a movement in the books."""

    lines: int
    new: int
    found: int


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A movement of the books without its line, or a line without its movement."""

    side: str
    id: str
    step: str | None
    payout_id: str | None
    reference: str | None
    amount: int
    at: datetime
    age_days: int


@dataclass(frozen=True, slots=True)
class Clearing:
    """What one request held against each other; the sums of all pages are those of the range."""

    ledger_total: int
    statement_total: int
    matched: int
    unmatched: Sequence[Unmatched]
    next_cursor: str | None

    @property
    def difference(self) -> int:
        """What the books have more than the rail."""
        return self.ledger_total - self.statement_total


# --- a rail's statement -----------------------------------------------------------------------------------------------


def taken(deployment: Deployment, brand: Brand, rail: str, lines: Sequence[Line]) -> Taken:
    """Keeps the lines that are new, and looks for what they stand for. What is known already is left as it is.

    Raises NotFound where there is no such rail, and Conflict for a line that said something else before; those before
    it may then have been taken.
    """
    if rail not in RAILS:
        raise NotFound
    distinct: dict[str, tuple[int, Line]] = {}
    for number, line in enumerate(lines):
        if distinct.setdefault(line.id, (number, line))[1] != line:
            raise _differs(number, line)
    new = found = 0
    for chunk in batched(distinct.values(), _TOGETHER, strict=False):
        some = committed(deployment, lambda writes, chunk=chunk: _kept(deployment, brand, rail, chunk, writes))  # type: ignore[misc]
        new, found = new + some.new, found + some.found
    return Taken(len(distinct), new, found)


def _kept(deployment: Deployment, brand: Brand, rail: str, chunk: Sequence[tuple[int, Line]], writes: Writes) -> Taken:
    known = deployment.database.get_many(clearing.line_key(brand.id, rail, line.id) for _, line in chunk)
    items: dict[str, tuple[StatementLine, bool]] = {}
    for number, line in chunk:
        item = known.get(clearing.line_key(brand.id, rail, line.id)[1:])
        if isinstance(item, StatementLine) and clearing.line(item) != line:
            raise _differs(number, line)
        is_new = not isinstance(item, StatementLine)
        items[line.id] = (item if isinstance(item, StatementLine) else clearing.new_line(brand.id, rail, line)), is_new
    unknown = [line for _, line in chunk if not items[line.id][0].stands_for]
    named = {line.id: [each for each in line.payout_ids if ids.is_id(each, payouts.PREFIX)] for line in unknown}
    keys = _of_payouts(brand.id, named)
    keys += [payouts.key(brand.id, item.stands_for[0]) for item, _ in items.values() if item.stands_for]
    ours = deployment.database.get_many(keys)
    nameless = [
        line for line in unknown if line.payout_id is None and not any(_fits(brand.id, rail, line, named, ours))
    ]
    by_names = _by_names(deployment, brand.id, rail, nameless)
    ours |= deployment.database.get_many(_of_payouts(brand.id, by_names))
    named |= by_names
    claimed = {key for key, item in ours.items() if isinstance(item, Claim)}
    for _, line in chunk:
        kept, is_new = items[line.id]
        fitting = _fits(brand.id, rail, line, named, ours)
        stands_for = next((each for each in fitting if clearing.claim_key(brand.id, *each)[1:] not in claimed), None)
        if stands_for is not None:
            kept.stands_for = list(stands_for)
            claim = clearing.claim(brand.id, *stands_for, line.id)
            claimed.add((claim.pk, claim.sk))
            writes.put_new(claim)
        if is_new:
            writes.put_new(kept)
        elif stands_for is not None:
            writes.put(kept, StatementLine.stands_for.does_not_exist())
    found = sum(_is_posted(brand, item, ours) for item, _ in items.values())
    return Taken(len(chunk), sum(is_new for _, is_new in items.values()), found)


def _by_names(deployment: Deployment, brand_id: str, rail: str, lines: Sequence[Line]) -> dict[str, list[str]]:
    """By the ids of the lines the payouts that moved so much under a name that the line has."""
    asked = sorted({(name, line.currency, line.amount) for line in lines for name in line.names})
    with ThreadPoolExecutor(_READERS) as readers:
        answers = readers.map(lambda said: clearing.named(deployment.database, brand_id, rail, *said), asked)
        moved = dict(zip(asked, answers, strict=True))
    return {
        line.id: [payout_id for name in line.names for payout_id in moved[name, line.currency, line.amount]]
        for line in lines
    }


def _of_payouts(brand_id: str, named: Named) -> list[Key]:
    """Where these payouts lie, and what lines they have."""
    wanted = sorted({payout_id for payout_ids in named.values() for payout_id in payout_ids})
    return [key for payout_id in wanted for key in _of_payout(brand_id, payout_id)]


def _of_payout(brand_id: str, payout_id: str) -> list[Key]:
    return [payouts.key(brand_id, payout_id), *(clearing.claim_key(brand_id, payout_id, step) for step in STEPS)]


def _fits(brand_id: str, rail: str, line: Line, named: Named, ours: Found) -> Iterator[tuple[str, Step]]:
    """The payouts that the line names, and the steps of each, that it may be by its rail and its amount."""
    for payout_id in named.get(line.id, ()):
        item = ours.get(payouts.key(brand_id, payout_id)[1:])
        if isinstance(item, PayoutItem) and item.rail == rail:
            for step in domain.steps_of(line, item.amount - item.withheld, item.currency, clearing.fee(item)):
                yield payout_id, step


def _differs(number: int, line: Line) -> Conflict:
    return Conflict("statement_line_differs", param=f"lines.{number}", line=line.id)


# --- the report -------------------------------------------------------------------------------------------------------


def report(
    deployment: Deployment,
    brand: Brand,
    rail: str,
    currency: str,
    start: datetime,
    end: datetime,
    *,
    cursor: str | None,
) -> Clearing:
    """A rail's movements of `[start, end)` in the books, then the lines of its statement, and what of either is alone.

    Each counts by its own date; what it is matched with may have any. Raises Unprocessable where there is no such rail,
    and Malformed where the end lies before the start.
    """
    if end < start:
        raise Malformed(param="to")
    if rail not in RAILS:
        raise Unprocessable("rail_unknown", param="rail", rails=", ".join(sorted(RAILS)))
    low, high = times.text(start), times.text(end)
    scope = f"{brand.id}/{rail}/{currency}/{low}/{high}/clearing"
    side, place = pages.opened(deployment, scope, cursor) if cursor else (_LEDGER, "")
    rows: Sequence[CashRow] = ()
    if side == _LEDGER:
        rows = clearing.rows(deployment.database, brand.id, rail, currency, (low, high), after=place, limit=_PAGE)
        place = ""
    lines, following = Page[StatementLine]([], None), [_LEDGER, rows[-1].sk] if len(rows) == _PAGE else None
    if following is None:
        index = clearing.lines_index(brand.id, rail, currency)
        lines = pages.read(
            deployment, StatementLine, index, limit=_PAGE, cursor=place or None, within=(low, high), shown="clearing"
        )
        following = [_STATEMENT, lines.next_cursor] if lines.next_cursor else None
    return _held_against(
        deployment, brand, rows, lines.items, pages.sealed(deployment, scope, following) if following else None
    )


def _held_against(
    deployment: Deployment,
    brand: Brand,
    rows: Sequence[CashRow],
    lines: Sequence[StatementLine],
    next_cursor: str | None,
) -> Clearing:
    now = deployment.brand_now(brand)
    keys: list[Key] = [clearing.claim_key(brand.id, row.payout_id, row.step) for row in rows]
    keys += [payouts.key(brand.id, line.stands_for[0]) for line in lines if line.stands_for]
    found = deployment.database.get_many(keys)
    alone = [row for row in rows if clearing.claim_key(brand.id, row.payout_id, row.step)[1:] not in found]
    strange = [line for line in lines if not _is_posted(brand, line, found)]
    unmatched = [_of_row(row, now) for row in alone] + [_of_line(line, now) for line in strange]
    return Clearing(
        ledger_total=sum(row.amount for row in rows),
        statement_total=sum(line.amount for line in lines),
        matched=len(rows) - len(alone),
        unmatched=unmatched,
        next_cursor=next_cursor,
    )


def _is_posted(brand: Brand, line: StatementLine, found: Found) -> bool:
    """Whether the books have by now what the line stands for."""
    if not line.stands_for:
        return False
    payout_id, step = line.stands_for
    item = found.get(payouts.key(brand.id, payout_id)[1:])
    if not isinstance(item, PayoutItem):
        return False
    posted = domain.movements(item.status, item.amount - item.withheld, item.currency, clearing.fee(item))
    return domain.Movement(step, line.amount, line.currency) in posted


def _of_row(row: CashRow, now: datetime) -> Unmatched:
    at = clearing.moved_at(row)
    entry_id = clearing.entry_id(row)
    return Unmatched(_LEDGER, entry_id, row.step, row.payout_id, row.reference, row.amount, at, _days(at, now))


def _of_line(line: StatementLine, now: datetime) -> Unmatched:
    at = times.parse(line.at)
    return Unmatched(_STATEMENT, line.id, line.step, line.payout_id, line.reference, line.amount, at, _days(at, now))


def _days(at: datetime, now: datetime) -> int:
    return max((now - at).days, 0)

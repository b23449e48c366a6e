"""What moves at rails: the books' part, put together with the entries, and the lines of rails' own statements."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from vouch.domain import clearing, ids, times
from vouch.domain.clearing import Line, Step
from vouch.domain.ledger import Entry
from vouch.store import payouts
from vouch.store.database import Database, Writes
from vouch.store.tables import CashName, CashRow, Claim, PayoutItem, StatementLine

EVER = (" ", "~")
"""The span of all that ever moved."""
NAMESAKES_MAX = 100
"""Of so many payouts of one amount under one name lines are looked for."""


def put_moved(writes: Writes, brand_id: str, item: PayoutItem, entries: Iterable[Entry]) -> None:
    """Notes what a payout's entries move at its rail, and under which names that can be found."""
    named: dict[str, CashName] = {}
    for entry in entries:
        movement = clearing.movement(entry, item.rail)
        if movement is None:
            continue
        pk, sk = row_key(brand_id, item.rail, entry)
        row = CashRow(pk, sk, payout_id=item.id, step=movement.step, amount=movement.amount, reference=item.reference)
        writes.put_new(row)
        for name in clearing.names_of(item.reference, item.names):
            pk, said = _names(brand_id, item.rail, name, movement.currency, movement.amount)
            # By name and amount, of which there can be one twice: a fee can be as much as the payment.
            named[pk + said] = CashName(pk, f"{said}{item.id}", payout_id=item.id)
    for each in named.values():
        writes.put(each)


def row_key(brand_id: str, rail: str, entry: Entry) -> tuple[str, str]:
    """Where an entry's part in `cash:<rail>` is noted: whoever has the entry can look for it."""
    return _rows(brand_id, rail, entry.currency), f"{times.text(entry.posted_at)}#{entry.id}"


def rows_of(database: Database, brand_id: str, entries: Iterable[Entry]) -> dict[str, dict[str, int]]:
    """What is noted of what these entries move, by entry and rail; nothing where nothing is."""
    keys = {(entry.id, rail): row_key(brand_id, rail, entry) for entry in entries for rail in clearing.moved(entry)}
    found = database.get_many((CashRow, *key) for key in keys.values())
    noted: dict[str, dict[str, int]] = {}
    for (entry_id, rail), key in keys.items():
        row = found.get(key)
        if isinstance(row, CashRow):
            noted.setdefault(entry_id, {})[rail] = row.amount
    return noted


def entry_id(row: CashRow) -> str:
    """The entry that it is the part of."""
    return row.sk.partition("#")[2]


def moved_at(row: CashRow) -> datetime:
    """When that was posted."""
    return times.parse(row.sk.partition("#")[0])


def rows(
    database: Database, brand_id: str, rail: str, currency: str, span: tuple[str, str], *, after: str, limit: int
) -> list[CashRow]:
    """At most `limit` of the books' movements in the span, behind the sort key `after`, in their order."""
    low, high = span
    if after:
        low = f"{after}\x00"
    if low > high:
        return []
    within = CashRow.sk.between(low, high)
    return list(database.query(CashRow, _rows(brand_id, rail, currency), within, limit=limit, page=limit))


def named(database: Database, brand_id: str, rail: str, name: str, currency: str, amount: int) -> list[str]:
    """The ids of payouts that moved that amount under that name, so many as `NAMESAKES_MAX`."""
    pk, said = _names(brand_id, rail, name, currency, amount)
    found = database.query(CashName, pk, CashName.sk.startswith(said), limit=NAMESAKES_MAX, page=NAMESAKES_MAX)
    return [item.payout_id for item in found]


def claim_key(brand_id: str, payout_id: str, step: str) -> tuple[type[Claim], str, str]:
    """Where it is noted which line stands for that step of a payout."""
    return Claim, payouts.key(brand_id, payout_id)[1], f"S#{step}"


def claim(brand_id: str, payout_id: str, step: Step, line_id: str) -> Claim:
    """That claim, not stored yet."""
    _, pk, sk = claim_key(brand_id, payout_id, step)
    return Claim(pk, sk, line=line_id)


def line_key(brand_id: str, rail: str, line_id: str) -> tuple[type[StatementLine], str, str]:
    """Where a line lies; the rail's own id is of any length."""
    return StatementLine, f"{brand_id}#S#{ids.derived('lin_', rail, line_id)}", "S"


def lines_index(brand_id: str, rail: str, currency: str) -> str:
    """The index partition of a rail's lines in one currency, by their time."""
    return f"{brand_id}#S#{rail}#{currency}"


def new_line(brand_id: str, rail: str, line: Line) -> StatementLine:
    """A line that is not stored yet."""
    _, pk, sk = line_key(brand_id, rail, line.id)
    return StatementLine(
        pk,
        sk,
        g1pk=lines_index(brand_id, rail, line.currency),
        g1sk=f"{times.text(line.at)}#{pk.rpartition('#')[2]}",
        id=line.id,
        at=times.text(line.at),
        amount=line.amount,
        currency=line.currency,
        reference=line.reference,
        payout_id=line.payout_id,
        step=line.step,
    )


def line(item: StatementLine) -> Line:
    """What was said."""
    at = times.parse(item.at)
    return Line(item.id, at, item.amount, item.currency, item.reference, item.payout_id, item.step)


def fee(item: PayoutItem) -> tuple[int, str] | None:
    """What the rail took of a payout beside it, and in which currency."""
    taken: Sequence[int | str] | None = item.fee
    return (int(taken[0]), str(taken[1])) if taken and taken[0] else None


def _names(brand_id: str, rail: str, name: str, currency: str, amount: int) -> tuple[str, str]:
    """The partition of a name, and how the sort keys begin of all that moved that amount under it."""
    return f"{brand_id}#CN#{rail}#{name}", f"{currency}#{amount}#"


def _rows(brand_id: str, rail: str, currency: str) -> str:
    return f"{brand_id}#CASH#{rail}#{currency}"

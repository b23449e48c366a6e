"""Statements to be drawn, of whatever entries."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from vouch.service.statement_papers import StatementPaper
from vouch.service.statements import Bookmark, Line, Statement, Totals

MAY = datetime(2026, 4, 30, 21, tzinfo=UTC)
JUNE = datetime(2026, 5, 31, 21, tzinfo=UTC)
"""Where Jerusalem's midnights are."""
ORDER = "ord_" + "1" * 26
PAYOUT = "po_" + "2" * 26
ADJUSTMENT = "adj_" + "3" * 26


def line(kind: str, amount: int, balance: int, **other: Any) -> Line:
    """An entry of that kind, as a statement has it; `other` says what is otherwise."""
    said: dict[str, Any] = {
        "id": "ent_1",
        "mark": Bookmark((), 0),
        "at": MAY + timedelta(days=3),
        "kind": kind,
        "order_id": ORDER if kind == "settle" else None,
        "amount": amount,
        "balance": balance,
        "payout_id": PAYOUT if kind.startswith("payout") else None,
        "adjustment_id": ADJUSTMENT if kind in ("adjustment", "writeoff", "correction") else None,
    }
    return Line(**said | other)


def running(entries: Sequence[tuple[str, int]], opening: int = 0) -> list[Line]:
    """Entries one after the other, with the balance after each."""
    lines: list[Line] = []
    for kind, amount in entries:
        opening += amount
        lines.append(line(kind, amount, opening))
    return lines


def paper(lines: Sequence[Line] = (), *, opening: int = 0, currency: str = "ILS", **other: Any) -> StatementPaper:
    """In English, of May in Jerusalem, looked at in June; `other` says what is otherwise."""
    amounts = [each.amount for each in lines]
    totals = Totals(sum(filter(lambda each: each > 0, amounts)), -sum(filter(lambda each: each < 0, amounts)))
    said: dict[str, Any] = {
        "number": "ST-1111-2222-3333",
        "brand": "Clay & Co.",
        "creator": "Noa Levi",
        "language": "en",
        "time_zone": "Asia/Jerusalem",
        "as_of": JUNE + timedelta(days=1, hours=11),
        "statement": Statement(currency, MAY, JUNE, opening, opening + totals.net, totals, lines, None),
        "orders": {ORDER: "#1001"},
    }
    return StatementPaper(**said | other)

"""Orders to measure with: of as many lines as asked for, with a code and a click, and what was promised for them."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from vouch.domain import terms as promises
from vouch.domain.attribution import Touch
from vouch.domain.context import Context
from vouch.domain.facts import Lifecycle, Line, OrderFacts, Refund, RefundLine, Snapshot

PROGRAM: Final = "prg_01KPDE9MZ7T2B8K4M6N1P3R5S7"
PLACED: Final = datetime(2026, 5, 4, 12, tzinfo=UTC)
PLAIN: Final[dict[str, Any]] = {
    "journey": False,
    "commission": {
        "rules": [
            {"match": {"skus": ["MUG-01"], "customer": "new"}, "reward": {"type": "percent", "bps": 2000}},
            {"match": {}, "reward": {"type": "percent", "bps": 1000}},
        ],
        "cap_per_order": {"amount": 50000, "currency": "ILS"},
    },
}
TERMS: Final = {(PROGRAM, 1): promises.from_plain(PLAIN, "ILS")}
DRAFT: Final[dict[str, Any]] = {"commission": {"rules": [{"match": {}, "reward": {"type": "percent", "bps": 1250}}]}}
"""Other terms: every order comes to something else by them."""
_CREATORS: Final = 100


@dataclass(frozen=True, slots=True)
class Sale:
    """An order, as `settle` takes it."""

    facts: OrderFacts
    context: Context

    @property
    def snapshot(self) -> Snapshot:
        """The order itself."""
        if self.facts.snapshot is None:
            raise LookupError("a sale has a snapshot")
        return self.facts.snapshot


def creator(number: int) -> str:
    """One of a hundred."""
    return f"cre_01KPDE9MZ7V0QZC5J3D0H1X{number % _CREATORS:03}"


def sale(lines: int, number: int = 0, *, placed_at: datetime = PLACED, refunded: bool = False) -> Sale:
    """The order with that number: a creator's code, and a click of another one three days before."""
    code, click = f"creator{number % _CREATORS}", f"clk_{number:039}"
    sold = tuple(
        Line(str(place), 1 + place % 3, 4_990 + 7 * (place + number) % 900, 50 * (place % 4), 0, f"SKU-{place % 40:02}")
        for place in range(lines)
    )
    persons = (f"{number:043}", f"{number + 1:043}")
    snapshot = Snapshot(
        placed_at + timedelta(minutes=1),
        placed_at,
        Lifecycle.PAID,
        "ILS",
        sold,
        "shopify",
        codes=(code,),
        click_ids=(click,),
        customers=(f"{number + 2:043}",),
        customer_new=bool(number % 2),
    )
    touches = {
        f"code:{code}": (Touch("code", code, None, creator(number), PROGRAM, 1, persons),),
        f"click:{click}": (
            Touch("click", click, placed_at - timedelta(days=3), creator(number + 1), PROGRAM, 1, persons),
        ),
    }
    refund = Refund("r-1", placed_at + timedelta(days=2), "ILS", (RefundLine("0", 1),))
    return Sale(OrderFacts(snapshot, {("refund", "r-1"): refund} if refunded else {}), Context(touches))

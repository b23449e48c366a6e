"""Replays: orders settled again from their stored facts, against what is posted. Nothing is written."""

from dataclasses import dataclass, field
from datetime import datetime

from vouch.deadlines import InTime
from vouch.domain.errors import Malformed, NotFound
from vouch.domain.settlement import Posted, wanted
from vouch.service import orders, ranges
from vouch.service.deployment import Deployment
from vouch.service.trials import UNSETTLED
from vouch.store import orders as store
from vouch.store.orders import KnownOrder
from vouch.store.tables import Brand, Order

DIFFERENT_MAX = 100


@dataclass(frozen=True, slots=True)
class Different:
    """An order whose settlement is not what is posted.

    `reason`: why it cannot be settled, where `recomputed` is None; or `unfinished`: parts of it are still to be posted.
    """

    order_id: str
    posted: Posted
    recomputed: Posted | None
    reason: str | None = None


@dataclass(slots=True)
class Replayed:
    """How many orders were settled again, and which came to something else; `bookmark` None: all of the range was."""

    orders: int = 0
    different: list[Different] = field(default_factory=list)
    bookmark: str | None = None


def replayed(
    deployment: Deployment,
    brand: Brand,
    start: datetime,
    end: datetime,
    *,
    bookmark: str = "",
    in_time: InTime,
) -> Replayed:
    """The orders placed in `[start, end)`, newest first, from behind the bookmark: a page, and more while `in_time`.

    Ends at a hundred that differ. Raises Malformed where the end lies before the start.
    """
    if end < start:
        raise Malformed(param="to")
    so_far = Replayed()
    with ranges.reading(deployment, brand.id, start, end) as placed:
        for page in placed.pages(bookmark):
            for state, order in zip(page.states, placed.known(page.states), strict=True):
                so_far.bookmark = state.g1sk
                if order is not None and order.facts.snapshot is None:
                    continue  # Of this one only a refund or the like is known.
                so_far.orders += 1
                so_far.different += _different(deployment, state, order)
                if len(so_far.different) == DIFFERENT_MAX:
                    return so_far
            so_far.bookmark = page.bookmark
            if page.bookmark is None or not in_time():
                break
    return so_far


def replayed_order(deployment: Deployment, brand: Brand, order_id: str) -> tuple[KnownOrder, Posted]:
    """The order, and what it comes to when it is settled again. Raises NotFound."""
    order = store.load_finished(deployment.database, brand.id, order_id)
    if order is None:
        raise NotFound
    return order, wanted(orders.recompute(deployment, order))


def _different(deployment: Deployment, state: Order, order: KnownOrder | None) -> list[Different]:
    if order is None:
        return [Different(state.id, {}, None, "unreadable")]
    try:
        again = wanted(orders.recompute(deployment, order))
    except tuple(UNSETTLED) as failure:
        return [Different(order.id, order.posted, None, UNSETTLED[type(failure)])]
    if again == order.posted:
        return []
    return [Different(order.id, order.posted, again, "unfinished" if order.unfinished else None)]

"""Orders, commissions and parked deliveries as lists, and orders by the name that their platform gave them."""

from collections.abc import Sequence
from datetime import datetime

from vouch.domain import times
from vouch.domain.errors import Malformed, NotFound
from vouch.service import pages
from vouch.service.deployment import Deployment
from vouch.service.pages import Page
from vouch.store import connections, inbox, orders
from vouch.store.orders import StoredOrder
from vouch.store.tables import Brand, Commission, Order, Parked

"""The index holds keys alone: so many fit in one answer."""
LAST = "~"
"""Sorts behind every moment."""


def order(deployment: Deployment, brand: Brand, order_id: str) -> Order:
    """The state of one order. Raises NotFound."""
    state = orders.state(deployment.database, brand.id, order_id)
    if state is None or not orders.is_told(state):
        raise NotFound
    return state


def whole_order(deployment: Deployment, brand: Brand, order_id: str) -> StoredOrder:
    """The order with all its facts. Raises NotFound."""
    stored = orders.load(deployment.database, brand.id, order_id)
    if stored is None or stored.facts.untold:
        raise NotFound
    return stored


def orders_named(deployment: Deployment, brand: Brand, external_id: str, connection_id: str | None) -> list[Order]:
    """The orders with that external id, of one connection or of every door of the brand; derived ids need no index.

    A brand's doors are its API and its first thousand connections.
    """
    doors: Sequence[str | None] = [connection_id]
    if connection_id is None:
        doors = [None, *connections.ids_of(deployment.database, brand.id, limit=connections.CONNECTIONS_MAX)]
    named = [orders.order_id(brand.id, door, external_id) for door in doors]
    return list(filter(orders.is_told, orders.states(deployment.database, brand.id, named)))


def orders_between(
    deployment: Deployment,
    brand: Brand,
    start: datetime | None,
    end: datetime | None,
    *,
    limit: int,
    cursor: str | None,
    shown: str,
) -> Page[Order]:
    """The brand's orders that were placed in `[start, end)`, newest first; `shown` names the list and its filters."""
    index, span = orders.index(brand.id), _span(start, end)
    return pages.read(deployment, Order, index, limit=limit, cursor=cursor, newest_first=True, within=span, shown=shown)


def commissions_between(
    deployment: Deployment,
    brand: Brand,
    creator_id: str,
    start: datetime | None,
    end: datetime | None,
    *,
    limit: int,
    cursor: str | None,
    shown: str,
) -> Page[Commission]:
    """A creator's commissions from orders that were placed in `[start, end)`, newest first; `shown` as above."""
    index = orders.creators_index(brand.id, creator_id)
    return pages.read(
        deployment,
        Commission,
        index,
        limit=limit,
        cursor=cursor,
        newest_first=True,
        within=_span(start, end),
        shown=shown,
    )


def commissions_of(order: Order, *, former: bool) -> list[Commission]:
    """Every credited creator's part of an order as their own items say it, and those of `former` ones if asked."""
    summary = order.summary
    parts = summary["commissions"] + (summary["former"] if former else [])
    return [Commission(order_id=order.id, placed_at=summary["placed_at"], **part) for part in parts]


def status_of(commission: Commission, now: datetime) -> str:
    """Balances are paid, not orders: `available` has matured, paid or not."""
    if commission.earned == commission.reversed:
        return "reversed" if commission.earned else "none"
    if commission.held:
        return "held"
    return "pending" if times.parse(commission.matures_at) > now else "available"


def parked(deployment: Deployment, brand: Brand, *, limit: int, cursor: str | None) -> Page[Parked]:
    """What waits for a person, newest first."""
    index = inbox.parked_key(brand.id)
    return pages.read(deployment, Parked, index, limit=limit, cursor=cursor, newest_first=True)


def _span(start: datetime | None, end: datetime | None) -> tuple[str, str]:
    if start and end and end < start:
        raise Malformed(param="to")
    # Sort keys are `<moment>#<order>`: the bare moment sorts before all of its own.
    return times.text(start or times.EPOCH), times.text(end) if end else LAST

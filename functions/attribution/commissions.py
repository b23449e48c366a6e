"""`/v1/commissions`: every creator's part of every order, newest orders first."""

from datetime import datetime
from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Query

from vouch.http import Routes, brand_access
from vouch.service import listings
from vouch.store.tables import Commission
from vouch.wire import orders as wire
from vouch.wire.base import LIMIT, Cursor, Limit, Moment, Money, Page

routes = Routes()


@routes.get("/v1/commissions", security=brand_access("commissions:read"))
def list_commissions(
    creator_id: Annotated[str | None, Query(max_length=64)] = None,
    status: Annotated[wire.CommissionStatus | None, Query()] = None,
    placed_from: Annotated[Moment | None, Query(alias="from")] = None,
    placed_to: Annotated[Moment | None, Query(alias="to")] = None,
    limit: Limit = LIMIT,
    cursor: Cursor = None,
) -> Page[wire.CommissionInList]:
    """Those of orders placed in `[from, to)`. A page of the whole brand's list is `limit` orders long."""
    call, listed = routes.call, f"commissions/{status}"
    if creator_id is None:
        orders = listings.orders_between(
            call.deployment, call.brand, placed_from, placed_to, limit=limit, cursor=cursor, shown=listed
        )
        found = [part for order in orders.items for part in listings.commissions_of(order, former=True)]
        following = orders.next_cursor
    else:
        page = listings.commissions_between(
            call.deployment, call.brand, creator_id, placed_from, placed_to, limit=limit, cursor=cursor, shown=listed
        )
        found, following = page.items, page.next_cursor
    now = call.deployment.brand_now(call.brand)
    items = [shown(wire.CommissionInList, part, now) for part in found]
    return Page(items=[item for item in items if status is None or item.status == status], next_cursor=following)


def shown[C: wire.OrderCommission](kind: type[C], part: Commission, now: datetime) -> C:
    """A creator's part of an order, in the order or by itself."""
    net = part.earned - part.reversed
    amounts = {"earned": part.earned, "reversed": part.reversed, "net": net}
    money = {name: Money(amount=amount, currency=part.currency) for name, amount in amounts.items()}
    return kind.of(part, status=listings.status_of(part, now), **money)

"""`/v1/commissions`: every creator's part of every order, newest orders first."""

from datetime import datetime
from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Query

from vouch.http import Routes, brand_access
from vouch.service import listings
from vouch.wire import orders as wire
from vouch.wire.base import LIMIT, Cursor, Limit, Moment, Page

routes = Routes()


@routes.get("/v1/commissions", security=brand_access("commissions:read"))
def list_commissions(
    creator_id: Annotated[str | None, Query(max_length=64)] = None,
    status: Annotated[wire.CommissionStatus | None, Query()] = None,
    placed_from: Annotated[Moment | None, Query(alias="from")] = None,
    placed_to: Annotated[Moment | None, Query(alias="to")] = None,
    limit: Limit = LIMIT,
    cursor: Cursor = None,
) -> Page[wire.CommissionShown]:
    """Those of orders placed in `[from, to)`. A page of the whole brand's list is `limit` orders long."""
    call = routes.call
    if creator_id is None:
        orders = listings.orders_between(
            call.deployment, call.brand, placed_from, placed_to, limit=limit, cursor=cursor, shown="commissions"
        )
        shown = [part for order in orders.items for part in wire.shown_commissions(order, _now())]
        following = orders.next_cursor
    else:
        page = listings.commissions_between(
            call.deployment, call.brand, creator_id, placed_from, placed_to, limit=limit, cursor=cursor
        )
        shown = [wire.shown_commission(item, _now()) for item in page.items]
        following = page.next_cursor
    return Page(items=[part for part in shown if status is None or part.status == status], next_cursor=following)


def _now() -> datetime:
    return routes.call.deployment.brand_now(routes.call.brand)

"""`/v1/commissions`: every creator's part of every order, newest orders first."""

from datetime import datetime
from typing import Annotated, Final

from aws_lambda_powertools.event_handler.openapi.params import Query

from vouch.http import Routes, brand_access
from vouch.service import listings
from vouch.store.tables import Commission
from vouch.wire import orders as wire
from vouch.wire.base import LIMIT, Cursor, Limit, Moment, Money, Page

routes = Routes()
_PAGES_MAX: Final = 8


@routes.get("/v1/commissions", security=brand_access("commissions:read"))
def list_commissions(
    creator_id: Annotated[str | None, Query(max_length=64)] = None,
    status: Annotated[wire.CommissionStatus | None, Query()] = None,
    placed_from: Annotated[Moment | None, Query(alias="from")] = None,
    placed_to: Annotated[Moment | None, Query(alias="to")] = None,
    limit: Limit = LIMIT,
    cursor: Cursor = None,
) -> Page[wire.CommissionInList]:
    """Those of orders placed in `[from, to)`. A page of the whole brand's list is `limit` orders long.

    Where none of a page's has the status, the next ones are looked at, eight at most: then it is empty, and goes on.
    """
    call = routes.call
    now = call.deployment.brand_now(call.brand)
    fitting: list[wire.CommissionInList] = []
    for _ in range(_PAGES_MAX):
        found, cursor = _found(creator_id, status, placed_from, placed_to, limit, cursor)
        items = [shown(wire.CommissionInList, part, now) for part in found]
        fitting += [item for item in items if status is None or item.status == status]
        if fitting or cursor is None or status is None:
            break
    return Page(items=fitting, next_cursor=cursor)


def _found(
    creator_id: str | None,
    status: str | None,
    placed_from: datetime | None,
    placed_to: datetime | None,
    limit: int,
    cursor: str | None,
) -> tuple[list[Commission], str | None]:
    """A page of commissions, whatever their status, and where the next one begins."""
    call, listed = routes.call, f"commissions/{status}"
    if creator_id is None:
        orders = listings.orders_between(
            call.deployment, call.brand, placed_from, placed_to, limit=limit, cursor=cursor, shown=listed
        )
        return [p for order in orders.items for p in listings.commissions_of(order, former=True)], orders.next_cursor
    page = listings.commissions_between(
        call.deployment, call.brand, creator_id, placed_from, placed_to, limit=limit, cursor=cursor, shown=listed
    )
    return list(page.items), page.next_cursor


def shown[C: wire.OrderCommission](kind: type[C], part: Commission, now: datetime) -> C:
    """A creator's part of an order, in the order or by itself."""
    net = part.earned - part.reversed
    amounts = {"earned": part.earned, "reversed": part.reversed, "net": net}
    money = {name: Money(amount=amount, currency=part.currency) for name, amount in amounts.items()}
    return kind.of(part, status=listings.status_of(part, now), **money)

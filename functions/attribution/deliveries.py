"""`/v1/deliveries`: what a platform sent and we could not read, and another try at it."""

from typing import Annotated, Literal

from aws_lambda_powertools.event_handler.openapi.params import Query

from vouch.domain.errors import NotFound
from vouch.http import Routes, brand_access
from vouch.service import orders as settling
from vouch.service import pages
from vouch.store import inbox
from vouch.store.tables import Parked
from vouch.wire import orders as wire
from vouch.wire.base import LIMIT, Cursor, Limit, Page

routes = Routes()


@routes.get("/v1/deliveries", security=brand_access("deliveries:read"))
def list_deliveries(
    status: Annotated[Literal["parked"], Query()] = "parked", limit: Limit = LIMIT, cursor: Cursor = None
) -> Page[wire.DeliveryShown]:
    call = routes.call
    index = inbox.parked_key(call.brand.id)
    found = pages.read(call.deployment, Parked, index, limit=limit, cursor=cursor, newest_first=True)
    return Page(items=[wire.delivery(note) for note in found.items], next_cursor=found.next_cursor)


@routes.post("/v1/deliveries/<delivery_id>/redrive", security=brand_access("deliveries:write"))
def redrive_delivery(delivery_id: str) -> wire.Redriven:
    call = routes.call
    outcome = settling.redrive(call.deployment, call.brand.id, delivery_id)
    if outcome is None:
        raise NotFound
    return wire.Redriven(
        id=delivery_id,
        status=outcome.ending,
        order_id=outcome.order_id,
        reason=outcome.reason,
        detail=outcome.detail,
    )

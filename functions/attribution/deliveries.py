"""`/v1/deliveries`: what a platform sent and we could not read, and another try at it."""

from typing import Annotated, Literal

from aws_lambda_powertools.event_handler.openapi.params import Query

from vouch.http import Routes, brand_access
from vouch.service import deliveries, listings
from vouch.wire import orders as wire
from vouch.wire.base import LIMIT, Cursor, Limit, Page

routes = Routes()


@routes.get("/v1/deliveries", security=brand_access("deliveries:read"))
def list_deliveries(
    status: Annotated[Literal["parked"], Query()] = "parked", limit: Limit = LIMIT, cursor: Cursor = None
) -> Page[wire.Delivery]:
    page = listings.parked(routes.call.deployment, routes.call.brand, limit=limit, cursor=cursor)
    shown = [wire.Delivery.of(note, id=note.delivery_id, status="parked") for note in page.items]
    return Page(items=shown, next_cursor=page.next_cursor)


@routes.post("/v1/deliveries/<delivery_id>/redrive", security=brand_access("deliveries:write"))
def redrive_delivery(delivery_id: str) -> wire.Redriven:
    call = routes.call
    outcome = deliveries.redrive(call.deployment, call.brand.id, delivery_id)
    return wire.Redriven.of(outcome, id=delivery_id, status=outcome.ending)

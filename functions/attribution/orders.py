"""`/v1/orders`: what was sold, what it earned whom, and why."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Final

from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.event_handler.openapi.types import OpenAPIResponse

from vouch.domain.errors import NotFound
from vouch.domain.settlement import wanted
from vouch.http import Routes, brand_access
from vouch.service import listings
from vouch.service import orders as settling
from vouch.service.submissions import Submissions, Submitted
from vouch.store import orders
from vouch.store.orders import StoredOrder
from vouch.wire import orders as wire
from vouch.wire.base import LIMIT, Cursor, Limit, Page

routes = Routes()
ExternalId = Annotated[str | None, Query(max_length=255)]
ConnectionId = Annotated[str | None, Query(max_length=64)]
Status = Annotated[wire.Status | None, Query()]
_SUBMITTED: Final[dict[int, OpenAPIResponse]] = {
    200: {"description": "The order, which was known already"},
    201: {"description": "The order, which is new or has something new"},
    202: {"description": "Stored; the order waits for a click that is on its way"},
}


@routes.post("/v1/orders", security=brand_access("orders:write"), status_code=HTTPStatus.CREATED, responses=_SUBMITTED)
def submit_order(body: wire.NewOrder) -> wire.OrderShown:
    said = body.model_dump(mode="json", exclude_none=True, exclude={"connection_id"})
    answer: wire.OrderShown = _answered(_door().order(body.connection_id, said))
    return answer


@routes.post(
    "/v1/orders/<order_id>/refunds",
    security=brand_access("orders:write"),
    status_code=HTTPStatus.CREATED,
    responses=_SUBMITTED,
)
def submit_refund(order_id: str, body: wire.NewRefund) -> wire.OrderShown:
    answer: wire.OrderShown = _answered(_door().refund(order_id, body.model_dump(mode="json", exclude_none=True)))
    return answer


@routes.post(
    "/v1/orders/<order_id>/decisions",
    security=brand_access("orders:write"),
    status_code=HTTPStatus.CREATED,
    responses=_SUBMITTED,
)
def submit_decision(order_id: str, body: wire.NewDecision) -> wire.OrderShown:
    answer: wire.OrderShown = _answered(_door().decision(order_id, body.model_dump(), actor=routes.call.key.id))
    return answer


@routes.get("/v1/orders", security=brand_access("orders:read"))
def list_orders(
    external_id: ExternalId = None,
    connection_id: ConnectionId = None,
    status: Status = None,
    limit: Limit = LIMIT,
    cursor: Cursor = None,
) -> Page[wire.OrderShown]:
    call = routes.call
    if external_id is not None:
        found = listings.orders_named(call.deployment, call.brand, external_id, connection_id)
        following = None
    else:
        page = listings.orders_between(call.deployment, call.brand, None, None, limit=limit, cursor=cursor)
        found, following = page.items, page.next_cursor
    fitting = [
        order
        for order in found
        if (connection_id is None or order.connection_id == connection_id)
        and (status is None or order.summary["status"] == status)
    ]
    return Page(items=[wire.shown_order(order, _now()) for order in fitting], next_cursor=following)


@routes.get("/v1/orders/<order_id>", security=brand_access("orders:read"))
def show_order(order_id: str) -> wire.OrderShown:
    call = routes.call
    order = listings.order(call.deployment, call.brand, order_id)
    if order is None:
        raise NotFound
    return wire.shown_order(order, _now())


@routes.get("/v1/orders/<order_id>/explanation", security=brand_access("orders:read"))
def explain_order(order_id: str) -> wire.Explanation:
    call, order = routes.call, _whole(order_id)
    placed_at = order.facts.snapshot.placed_at if order.facts.snapshot else None
    return wire.explanation(order_id, settling.recompute(call.deployment, order), placed_at)


@routes.post("/v1/orders/<order_id>/replay", security=brand_access("orders:read"))
def replay_order(order_id: str) -> wire.Replay:
    call, order = routes.call, _whole(order_id)
    again = wanted(settling.recompute(call.deployment, order))
    return wire.Replay(
        order_id=order_id,
        posted=wire.standing(order.posted),
        recomputed=wire.standing(again),
        equal=again == order.posted,
    )


def _door() -> Submissions:
    return Submissions(routes.call.deployment, routes.call.brand, routes.call.mint)


def _whole(order_id: str) -> StoredOrder:
    order = orders.load(routes.call.deployment.database, routes.call.brand.id, order_id)
    if order is None:
        raise NotFound
    return order


def _answered(submitted: Submitted) -> Any:
    if submitted.order is None:
        waiting = wire.awaited_order(submitted.order_id, submitted.external_id, submitted.connection_id)
        return waiting, HTTPStatus.ACCEPTED
    status = HTTPStatus.CREATED if submitted.created else HTTPStatus.OK
    return wire.shown_order(submitted.order, _now()), status


def _now() -> datetime:
    return routes.call.deployment.brand_now(routes.call.brand)

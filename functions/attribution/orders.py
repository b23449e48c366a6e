"""`/v1/orders`: what was sold, what it earned whom, and why."""

from http import HTTPStatus
from typing import Annotated, Final

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.event_handler.openapi.types import OpenAPIResponse

from attribution import commissions
from vouch.domain.settlement import Posted, in_order
from vouch.http import Routes, brand_access
from vouch.service import explanations, listings, replays
from vouch.service.submissions import Submissions, Submitted
from vouch.store.tables import Order
from vouch.wire import orders as wire
from vouch.wire.base import LIMIT, Cursor, Language, Limit, Money, Page
from vouch.wire.explanations import Explanation

routes = Routes()
ExternalId = Annotated[str | None, Query(max_length=255)]
ConnectionId = Annotated[str | None, Query(max_length=64)]
Status = Annotated[wire.Status | None, Query()]
Creator = Annotated[str | None, Query(max_length=64, description="Whose part of it to show")]
Told = Annotated[Language | None, Query(description="Of the text")]
_AMOUNTS: Final = ("base", "refunded_base")
_SUBMITTED: Final[dict[int, OpenAPIResponse]] = {
    200: {"description": "The order, which was known already"},
    201: {"description": "The order, which is new or has something new"},
    202: {
        "description": "Stored, and waits: for what comes by itself, such as a click that is on its way, or a turn at "
        "an order of which many say something at once, and is tried again in `Retry-After` seconds at the latest; or, "
        "without that header, for an exchange rate, and is listed among the parked deliveries (`rate_missing`) to be "
        "redriven once the rate is there. Until then the order is shown as it was; a new one is `parked`, for the "
        "`reason` that is said here, and can neither be read nor be told of refunds, disputes or decisions"
    },
}


@routes.post("/v1/orders", security=brand_access("orders:write"), status_code=HTTPStatus.CREATED, responses=_SUBMITTED)
def submit_order(body: wire.NewOrder) -> Response[wire.Order]:
    said = body.model_dump(mode="json", exclude_none=True, exclude={"connection_id"})
    return _answered(_door().order(body.connection_id, said))


@routes.post(
    "/v1/orders/<order_id>/refunds",
    security=brand_access("orders:write"),
    status_code=HTTPStatus.CREATED,
    responses=_SUBMITTED,
)
def submit_refund(order_id: str, body: wire.NewRefund) -> Response[wire.Order]:
    return _answered(_door().refund(order_id, body.model_dump(mode="json", exclude_none=True)))


@routes.post(
    "/v1/orders/<order_id>/disputes",
    security=brand_access("orders:write"),
    status_code=HTTPStatus.CREATED,
    responses=_SUBMITTED,
)
def submit_dispute(order_id: str, body: wire.NewDispute) -> Response[wire.Order]:
    return _answered(_door().dispute(order_id, body.model_dump(mode="json", exclude_none=True)))


@routes.post(
    "/v1/orders/<order_id>/decisions",
    security=brand_access("orders:write"),
    status_code=HTTPStatus.CREATED,
    responses=_SUBMITTED,
)
def submit_decision(order_id: str, body: wire.NewDecision) -> Response[wire.Order]:
    return _answered(_door().decision(order_id, body.model_dump(exclude_none=True), actor=routes.call.key.id))


@routes.get("/v1/orders", security=brand_access("orders:read"))
def list_orders(
    external_id: ExternalId = None,
    connection_id: ConnectionId = None,
    status: Status = None,
    limit: Limit = LIMIT,
    cursor: Cursor = None,
) -> Page[wire.Order]:
    call = routes.call
    if external_id is not None:
        found = listings.orders_named(call.deployment, call.brand, external_id, connection_id)
        following = None
    else:
        shown = f"orders/{connection_id}/{status}"
        page = listings.orders_between(call.deployment, call.brand, None, None, limit=limit, cursor=cursor, shown=shown)
        found, following = page.items, page.next_cursor
    fitting = [
        order
        for order in found
        if (connection_id is None or order.connection_id == connection_id)
        and (status is None or order.summary["status"] == status)
    ]
    return Page(items=[_shown(order) for order in fitting], next_cursor=following)


@routes.get("/v1/orders/<order_id>", security=brand_access("orders:read"))
def show_order(order_id: str) -> wire.Order:
    return _shown(listings.order(routes.call.deployment, routes.call.brand, order_id))


@routes.get("/v1/orders/<order_id>/explanation", security=brand_access("orders:read"))
def explain_order(order_id: str, creator_id: Creator = None, language: Told = None) -> Explanation:
    """Why the order earned whom what; with a `creator_id`, exactly what that creator is shown of it.

    The text is in that `language`, or else in the one that `Accept-Language` asks for.
    """
    call = routes.call
    explained = explanations.of_order(call.deployment, call.brand, order_id, viewer=creator_id)
    spoken = language or call.language
    text = explanations.in_words(call.deployment, call.brand, explained, spoken)
    return Explanation.told(order_id, explained, spoken, text)


@routes.post("/v1/orders/<order_id>/replay", security=brand_access("orders:read"))
def replay_order(order_id: str) -> wire.Replay:
    call = routes.call
    order, again = replays.replayed_order(call.deployment, call.brand, order_id)
    equal = again == order.posted
    return wire.Replay(
        order_id=order_id,
        posted=postings(order.posted),
        recomputed=postings(again),
        equal=equal,
        reason="unfinished" if order.unfinished and not equal else None,
    )


def _door() -> Submissions:
    return Submissions(routes.call.deployment, routes.call.brand, routes.call.mint)


def _answered(submitted: Submitted) -> Response[wire.Order]:
    order = _awaited(submitted) if submitted.order is None else _shown(submitted.order)
    if submitted.awaited:
        later = {} if submitted.again_in is None else {"Retry-After": str(submitted.again_in)}
        return Response(HTTPStatus.ACCEPTED, "application/json", order, later)
    return Response(HTTPStatus.CREATED if submitted.created else HTTPStatus.OK, "application/json", order)


def _awaited(submitted: Submitted) -> wire.Order:
    nothing = dict.fromkeys(("platform", "placed_at", "currency", "base", "refunded_base"))
    return wire.Order.of(
        submitted,
        id=submitted.order_id,
        status="parked",
        reason=submitted.awaited,
        commissions=[],
        version=0,
        **nothing,
    )


def _shown(order: Order) -> wire.Order:
    call, said = routes.call, order.summary
    now = call.deployment.brand_now(call.brand)
    amounts = {name: _money(said[name], said["currency"]) if said["currency"] else None for name in _AMOUNTS}
    plain = {name: said[name] for name in ("platform", "status", "reason", "placed_at", "currency")}
    parts = [
        commissions.shown(wire.OrderCommission, part, now) for part in listings.commissions_of(order, former=False)
    ]
    return wire.Order.of(order, commissions=parts, **plain, **amounts)


def postings(posted: Posted) -> list[wire.Posting]:
    return [
        wire.Posting.model_validate(
            {
                "creator_id": each.creator_id,
                "account": each.part,
                "amount": _money(posted[each], each.currency),
                "matures_at": each.matures_at,
            }
        )
        for each in in_order(posted)
    ]


def _money(amount: int, currency: str) -> Money:
    return Money(amount=amount, currency=currency)

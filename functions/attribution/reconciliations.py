"""`/v1/connections/{id}/reconcile`: whether a platform knows of anything that we have not heard."""

from http import HTTPStatus
from typing import Annotated, Final

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.event_handler.openapi.types import OpenAPIResponse

from vouch.http import Routes, brand_access
from vouch.service import reconciliations
from vouch.store.tables import Reconciliation
from vouch.wire import connections as wire
from vouch.wire.base import LIMIT, Cursor, Limit, Moment, Page

routes = Routes()
Since = Annotated[
    Moment | None, Query(description="Not said: since the last look, or since the connection was made; 90 days at most")
]
_SECONDS: Final = 12.0
_BEGUN: Final[dict[int, OpenAPIResponse]] = {
    200: {"description": "It has ended"},
    202: {"description": "It goes on by itself; ask for it again"},
}


@routes.post("/v1/connections/<connection_id>/reconcile", security=brand_access("connections:write"), responses=_BEGUN)
def reconcile_connection(connection_id: str, since: Since = None) -> Response[wire.Reconciliation]:
    """Looks at all that changed on the platform. One that is at work already is the one that is answered."""
    call = routes.call
    look = reconciliations.started(call.deployment, call.mint, call.brand, connection_id, since)
    look = reconciliations.awaited(call.deployment, call.brand, look, seconds=_SECONDS)
    status = HTTPStatus.ACCEPTED if look.status == "running" else HTTPStatus.OK
    return Response(status, "application/json", _shown(look))


@routes.get("/v1/connections/<connection_id>/reconciliations", security=brand_access("connections:read"))
def list_reconciliations(connection_id: str, limit: Limit = LIMIT, cursor: Cursor = None) -> Page[wire.Reconciliation]:
    """Those of the last 90 days, the newest first."""
    call = routes.call
    page = reconciliations.listed(call.deployment, call.brand, connection_id, limit=limit, cursor=cursor)
    return Page(items=[_shown(item) for item in page.items], next_cursor=page.next_cursor)


@routes.get(
    "/v1/connections/<connection_id>/reconciliations/<reconciliation_id>", security=brand_access("connections:read")
)
def show_reconciliation(connection_id: str, reconciliation_id: str) -> wire.Reconciliation:
    call = routes.call
    return _shown(reconciliations.found(call.deployment, call.brand, connection_id, reconciliation_id))


def _shown(item: Reconciliation) -> wire.Reconciliation:
    healed = [wire.HealedOrder(id=order_id, external_id=external_id) for order_id, external_id in item.orders]
    return wire.Reconciliation.of(item, orders=healed)

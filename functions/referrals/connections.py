"""`/v1/connections`: a brand's accounts on platforms."""

from http import HTTPStatus

from vouch.http import IF_MATCH, Routes, brand_access
from vouch.service import connections
from vouch.service.platform_accounts import webhook_url
from vouch.store.tables import ConnectionItem
from vouch.wire import connections as wire
from vouch.wire.base import LIMIT, Cursor, Limit, Page

routes = Routes()


@routes.post("/v1/connections", security=brand_access("connections:write"), status_code=HTTPStatus.CREATED)
def connect_platform(body: wire.NewConnection) -> wire.Connection:
    call = routes.call
    settings = body.model_dump(exclude_unset=True, exclude={"platform", "secret"})
    item = connections.created(
        call.deployment, call.mint, call.brand, platform=body.platform, secret=body.secret, settings=settings
    )
    return _shown(item)


@routes.get("/v1/connections", security=brand_access("connections:read"))
def list_connections(limit: Limit = LIMIT, cursor: Cursor = None) -> Page[wire.Connection]:
    page = connections.listed(routes.call.deployment, routes.call.brand, limit=limit, cursor=cursor)
    return Page(items=[_shown(item) for item in page.items], next_cursor=page.next_cursor)


@routes.get("/v1/connections/<connection_id>", security=brand_access("connections:read"))
def show_connection(connection_id: str) -> wire.Connection:
    return _shown(connections.found(routes.call.deployment, routes.call.brand, connection_id))


@routes.patch(
    "/v1/connections/<connection_id>", security=brand_access("connections:write"), openapi_extensions=IF_MATCH
)
def change_connection(connection_id: str, body: wire.ConnectionChange) -> wire.Connection:
    call = routes.call
    settings = body.model_dump(exclude_unset=True)
    return _shown(connections.changed(call.deployment, call.brand, connection_id, settings, if_match=call.if_match))


@routes.post("/v1/connections/<connection_id>/rotate", security=brand_access("connections:write"))
def rotate_connection_secret(connection_id: str, body: wire.Rotation) -> wire.Connection:
    return _shown(connections.rotated(routes.call.deployment, routes.call.brand, connection_id, body.secret))


def _shown(item: ConnectionItem) -> wire.Connection:
    named = ("app_key", "notification_url", "api_base_url")
    details = {name: item.details.get(name) for name in named}
    return wire.Connection.of(item, webhook_url=webhook_url(routes.call.deployment, item), **details)

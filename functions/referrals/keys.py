"""`/v1/keys`: a brand's API keys, each with no more rights than it needs."""

from http import HTTPStatus

from vouch.http import SHOWN_ONCE, Routes, brand_access
from vouch.service import keys
from vouch.wire import brands as wire
from vouch.wire.base import LIMIT, Cursor, Limit, Page

routes = Routes()


@routes.post(
    "/v1/keys",
    security=brand_access("keys:write"),
    status_code=HTTPStatus.CREATED,
    openapi_extensions=SHOWN_ONCE,
)
def create_key(body: wire.NewKey) -> wire.MadeKey:
    call = routes.call
    key, text = keys.created(call.deployment, call.mint, call.brand, call.key, body.name, body.scopes)
    return wire.MadeKey.of(key, api_key=text)


@routes.get("/v1/keys", security=brand_access("keys:read"))
def list_keys(limit: Limit = LIMIT, cursor: Cursor = None) -> Page[wire.Key]:
    page = keys.listed(routes.call.deployment, routes.call.brand, limit=limit, cursor=cursor)
    return Page(items=[wire.Key.of(key) for key in page.items], next_cursor=page.next_cursor)


@routes.delete("/v1/keys/<key_id>", security=brand_access("keys:write"))
def revoke_key(key_id: str) -> wire.Key:
    call = routes.call
    return wire.Key.of(keys.revoked(call.deployment, call.brand, call.key, key_id))

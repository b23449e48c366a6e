"""`/v1/codes`: discount codes and whose they are."""

from http import HTTPStatus

from vouch.http import IF_MATCH, Routes, brand_access
from vouch.service import codes
from vouch.service.pages import Selection
from vouch.store.codes import owners
from vouch.store.tables import Code
from vouch.wire import links as wire
from vouch.wire.base import LIMIT, Cursor, Filter, Limit, Page

routes = Routes()


@routes.post("/v1/codes", security=brand_access("codes:write"), status_code=HTTPStatus.CREATED)
def give_code(body: wire.NewCode) -> wire.Code:
    call = routes.call
    code = codes.given(
        call.deployment,
        call.mint,
        call.brand,
        program_id=body.program_id,
        creator_id=body.creator_id,
        text=body.code,
        active_from=body.active_from,
    )
    return _shown(code)


@routes.get("/v1/codes", security=brand_access("codes:read"))
def list_codes(
    creator_id: Filter = None, program_id: Filter = None, limit: Limit = LIMIT, cursor: Cursor = None
) -> Page[wire.Code]:
    call = routes.call
    page = codes.listed(call.deployment, call.brand, Selection(creator_id, program_id, limit, cursor))
    return Page(items=[_shown(code) for code in page.items], next_cursor=page.next_cursor)


@routes.get("/v1/codes/<code_id>", security=brand_access("codes:read"))
def show_code(code_id: str) -> wire.Code:
    return _shown(codes.found(routes.call.deployment, routes.call.brand, code_id))


@routes.patch("/v1/codes/<code_id>", security=brand_access("codes:write"), openapi_extensions=IF_MATCH)
def end_code(code_id: str, body: wire.CodeChange) -> wire.Code:
    call = routes.call
    return _shown(
        codes.ended(call.deployment, call.brand, code_id, active_until=body.active_until, if_match=call.if_match)
    )


def _shown(code: Code) -> wire.Code:
    now = routes.call.deployment.brand_now(routes.call.brand)
    return wire.Code.of(code, status=codes.status(code, now), owners=[wire.Owner.of(owner) for owner in owners(code)])

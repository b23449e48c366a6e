"""`/v1/links`: what creators share."""

from http import HTTPStatus

from vouch.http import IF_MATCH, Routes, brand_access
from vouch.service import links
from vouch.service.links import LinkChange
from vouch.service.pages import Selection
from vouch.store.tables import Link
from vouch.wire import links as wire
from vouch.wire.base import LIMIT, Cursor, Filter, Limit, Page

routes = Routes()


@routes.post("/v1/links", security=brand_access("links:write"), status_code=HTTPStatus.CREATED)
def create_link(body: wire.NewLink) -> wire.Link:
    call = routes.call
    link = links.created(
        call.deployment,
        call.mint,
        call.brand,
        program_id=body.program_id,
        creator_id=body.creator_id,
        destination=body.destination,
        slug=body.slug,
    )
    return _shown(link)


@routes.get("/v1/links", security=brand_access("links:read"))
def list_links(
    creator_id: Filter = None, program_id: Filter = None, limit: Limit = LIMIT, cursor: Cursor = None
) -> Page[wire.Link]:
    call = routes.call
    page = links.listed(call.deployment, call.brand, Selection(creator_id, program_id, limit, cursor))
    return Page(items=[_shown(link) for link in page.items], next_cursor=page.next_cursor)


@routes.get("/v1/links/<link_id>", security=brand_access("links:read"))
def show_link(link_id: str) -> wire.Link:
    return _shown(links.found(routes.call.deployment, routes.call.brand, link_id))


@routes.patch("/v1/links/<link_id>", security=brand_access("links:write"), openapi_extensions=IF_MATCH)
def change_link(link_id: str, body: wire.LinkChange) -> wire.Link:
    """A pause, or another destination, reaches all visitors within a minute; a link that is resumed within seconds."""
    call = routes.call
    change = LinkChange(destination=body.destination, slug=body.slug, status=body.status)
    return _shown(links.changed(call.deployment, call.brand, link_id, change, if_match=call.if_match))


@routes.delete("/v1/links/<link_id>", security=brand_access("links:write"), openapi_extensions=IF_MATCH)
def delete_link(link_id: str) -> wire.Link:
    """For good; it reaches all visitors within a minute. Clicks before it still earn."""
    call = routes.call
    return _shown(links.deleted(call.deployment, call.brand, link_id, if_match=call.if_match))


def _shown(link: Link) -> wire.Link:
    return wire.Link.of(link, url=links.url(routes.call.deployment, link))

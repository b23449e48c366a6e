"""`/v1/creators/{id}/product_ties`: products and SKUs that are one creator's."""

from vouch.http import Routes, brand_access
from vouch.service import product_ties
from vouch.store.product_ties import Tied, listed
from vouch.store.tables import TieList
from vouch.wire import products as wire
from vouch.wire.base import LIMIT, Cursor, Filter, Limit, Page

routes = Routes()


@routes.put("/v1/creators/<creator_id>/product_ties", security=brand_access("creators:write"))
def replace_product_ties(creator_id: str, body: wire.NewProductTies) -> wire.ProductTies:
    """A product belongs to one creator of the brand at a time. The same again completes what a failure cut short."""
    call = routes.call
    wanted = {Tied("product", value) for value in body.product_ids} | {Tied("sku", value) for value in body.skus}
    return _shown(product_ties.replaced(call.deployment, call.brand, creator_id, body.program_id, wanted))


@routes.get("/v1/creators/<creator_id>/product_ties", security=brand_access("creators:read"))
def list_product_ties(
    creator_id: str, program_id: Filter = None, limit: Limit = LIMIT, cursor: Cursor = None
) -> Page[wire.ProductTies]:
    """By program."""
    call = routes.call
    page = product_ties.listed(
        call.deployment, call.brand, creator_id, program_id=program_id, limit=limit, cursor=cursor
    )
    return Page(items=[_shown(item) for item in page.items], next_cursor=page.next_cursor)


def _shown(item: TieList) -> wire.ProductTies:
    tied = sorted(listed(item))
    return wire.ProductTies(
        program_id=item.program_id,
        product_ids=[value for kind, value in tied if kind == "product"],
        skus=[value for kind, value in tied if kind == "sku"],
    )

"""`/v1/products`: the catalogue, for rules by tag or collection where orders do not carry these."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Query

from vouch.http import Routes, brand_access
from vouch.service import products
from vouch.service.products import Said
from vouch.store.tables import ProductItem
from vouch.wire import products as wire
from vouch.wire.base import LIMIT, Cursor, Limit, Page

routes = Routes()
ProductId = Annotated[wire.Reference | None, Query()]


@routes.put("/v1/products", security=brand_access("products:write"))
def put_products(body: wire.NewProducts) -> wire.Products:
    """Other products stay as they are. The same again changes nothing."""
    said = [Said(product.product_id, product.tags, product.collections) for product in body.products]
    items = products.put(routes.call.deployment, routes.call.brand, said)
    return wire.Products(items=[_shown(item) for item in items])


@routes.get("/v1/products", security=brand_access("products:read"))
def list_products(product_id: ProductId = None, limit: Limit = LIMIT, cursor: Cursor = None) -> Page[wire.Product]:
    """By id; a new product may be missing for a second, unless it is asked for by its id."""
    call = routes.call
    page = products.listed(call.deployment, call.brand, product_id=product_id, limit=limit, cursor=cursor)
    return Page(items=[_shown(item) for item in page.items], next_cursor=page.next_cursor)


def _shown(item: ProductItem) -> wire.Product:
    since, said = item.versions[-1]
    return wire.Product(product_id=item.id, since=since, **said)

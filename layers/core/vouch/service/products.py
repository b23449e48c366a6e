"""The brand's catalogue: what its products are tagged with and collected in, where orders do not say so themselves."""

from collections.abc import Sequence
from functools import partial
from itertools import batched
from typing import NamedTuple

from vouch.domain import times
from vouch.service import pages
from vouch.service.deployment import Deployment
from vouch.service.pages import Page
from vouch.service.revisions import committed
from vouch.store import products, versions
from vouch.store.database import Writes
from vouch.store.tables import Brand, ProductItem

_STEP = 10
"""Products per transaction, which holds 4 MB; see `products.VERSIONS_BYTES_MAX`."""


class Said(NamedTuple):
    """What the brand says of a product."""

    product_id: str
    tags: Sequence[str]
    collections: Sequence[str]


def put(deployment: Deployment, brand: Brand, said: Sequence[Said]) -> list[ProductItem]:
    """The products, of each of which this counts from now on; the first word on one counts from the beginning of time.

    Ten at a time; what was said already changes nothing, so the same request again completes one that died half-way.
    """
    begin = times.text(times.floor_second(deployment.brand_now(brand)))

    def step(some: Sequence[Said], writes: Writes) -> list[ProductItem]:
        items = products.products(deployment.database, brand.id, [each.product_id for each in some])
        for each in some:
            if products.say(items[each.product_id], each.tags, each.collections, begin):
                versions.put(writes, items[each.product_id])
        return [items[each.product_id] for each in some]

    steps = [partial(step, some) for some in batched(said, _STEP, strict=False)]
    return [item for each in steps for item in committed(deployment, each)]


def listed(
    deployment: Deployment, brand: Brand, *, product_id: str | None, limit: int, cursor: str | None
) -> Page[ProductItem]:
    """The catalogue by product id, or the one product."""
    if product_id is not None:
        items = products.products(deployment.database, brand.id, [product_id]).values()
        return Page([item for item in items if item.versions], None)
    return pages.read(deployment, ProductItem, products.index(brand.id), limit=limit, cursor=cursor)

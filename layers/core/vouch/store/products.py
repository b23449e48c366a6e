"""The brand's catalogue as it is kept: how each product was tagged, and when."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime

from vouch.domain import times
from vouch.store.database import Database
from vouch.store.tables import ProductItem

VERSIONS_BYTES_MAX = 200_000
"""Of one product; DynamoDB takes items of 400 kB."""

Words = tuple[str, ...]


def products(database: Database, brand_id: str, product_ids: Iterable[str]) -> dict[str, ProductItem]:
    """These products; ones without a version, not stored yet, where the brand has said nothing of them."""
    keys = {product_id: key(brand_id, product_id) for product_id in product_ids}
    found = database.get_many(keys.values())
    return {
        product_id: item
        if isinstance(item := found.get((pk, sk)), ProductItem)
        else ProductItem(pk, sk, g1pk=index(brand_id), g1sk=product_id, id=product_id, versions=[], version=0)
        for product_id, (_, pk, sk) in keys.items()
    }


def say(item: ProductItem, tags: Sequence[str], collections: Sequence[str], at: str) -> bool:
    """Makes this the newest version, from `at` on; the first one counts from the beginning of time.

    False where it says nothing new. What is too much to keep goes, the oldest first, and what is then the oldest
    counts from the beginning.
    """
    said = {"tags": sorted(set(tags)), "collections": sorted(set(collections))}
    if item.versions and item.versions[-1][1] == said:
        return False
    before = [version for version in item.versions if version[0] is None or version[0] < at]
    versions = [*before, [at if before else None, said]]
    while len(json.dumps(versions)) > VERSIONS_BYTES_MAX and len(versions) > 1:
        versions = [[None, versions[1][1]], *versions[2:]]
    item.versions = versions
    return True


def as_of(item: ProductItem | None, moment: datetime) -> tuple[Words, Words] | None:
    """The product's tags and collections at that moment; None where the brand has never said anything of it."""
    at = times.text(moment)
    begun = [said for begin, said in (item.versions if item else ()) if begin is None or begin <= at]
    return (tuple(begun[-1]["tags"]), tuple(begun[-1]["collections"])) if begun else None


def key(brand_id: str, product_id: str) -> tuple[type[ProductItem], str, str]:
    """Where a product lies."""
    return ProductItem, f"{brand_id}#G#{product_id}", "G"


def index(brand_id: str) -> str:
    """The index partition of a brand's products, sorted by id."""
    return f"{brand_id}#G"

"""What the checker walks through: a brand's creators, its orders, and each creator's commissions, a page at a time."""

from collections.abc import Iterator
from typing import Any

from vouch.domain.invariants import Claim
from vouch.store.database import BATCH_GET_MAX, Database
from vouch.store.tables import Commission, Main, Order

Bookmark = dict[str, Any] | None


def creators(database: Database, brand_id: str, after: Bookmark, limit: int) -> tuple[list[str], Bookmark]:
    """A page of creators' ids, and where the next page begins."""
    keys, after = database.index_keys(Main, f"{brand_id}#CRE", limit=limit, after=after)
    return [pk.rpartition("#")[2] for pk, _ in keys], after


def orders(database: Database, brand_id: str, after: Bookmark, limit: int) -> tuple[list[str], Bookmark]:
    """A page of orders' ids, and where the next page begins."""
    keys, after = database.index_keys(Main, f"{brand_id}#O", limit=limit, after=after)
    return [pk.rpartition("#")[2] for pk, _ in keys], after


def claims(database: Database, brand_id: str, creator_id: str) -> Iterator[Claim]:
    """What the creator's commissions say, read a page at a time as they are used."""
    index, after = f"{brand_id}#C#{creator_id}#O", None
    while True:
        keys, after = database.index_keys(Main, index, limit=BATCH_GET_MAX, after=after)
        yield from _claims(database, keys)
        if after is None:
            return


def versions_and_claims(
    database: Database, brand_id: str, creator_id: str, orders: list[str]
) -> tuple[dict[str, int], list[Claim]]:
    """The orders' versions at this moment, and what the creator's commissions of them say."""
    keys = [f"{brand_id}#O#{order}" for order in orders]
    states = database.get_many((Main, key, "O") for key in keys)
    versions = {item.id: item.version for item in states.values() if isinstance(item, Order)}
    return versions, _claims(database, [(key, f"C#{creator_id}") for key in keys])


def _claims(database: Database, keys: list[tuple[str, str]]) -> list[Claim]:
    found = database.get_many((Main, pk, sk) for pk, sk in keys)
    return [
        Claim(item.order_id, item.currency, item.earned, item.reversed, item.held)
        for item in found.values()
        if isinstance(item, Commission)
    ]

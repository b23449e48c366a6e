"""What the checker walks through: a brand's creators, its orders, and each creator's commissions, a page at a time."""

from typing import Any

from vouch.domain.invariants import Standing
from vouch.store.database import BATCH_GET_MAX, Database
from vouch.store.tables import Commission, Main

Bookmark = dict[str, Any] | None


def creators(database: Database, brand_id: str, after: Bookmark, limit: int) -> tuple[list[str], Bookmark]:
    """A page of creators' ids, and where the next page begins."""
    keys, after = database.index_keys(Main, f"{brand_id}#CRE", limit=limit, after=after)
    return [pk.rpartition("#")[2] for pk, _ in keys], after


def orders(database: Database, brand_id: str, after: Bookmark, limit: int) -> tuple[list[str], Bookmark]:
    """A page of orders' ids, and where the next page begins."""
    keys, after = database.index_keys(Main, f"{brand_id}#O", limit=limit, after=after)
    return [pk.rpartition("#")[2] for pk, _ in keys], after


def standings(database: Database, brand_id: str, creator_id: str, after: Bookmark) -> tuple[list[Standing], Bookmark]:
    """A page of what the creator's commissions say, and where the next page begins."""
    index = f"{brand_id}#C#{creator_id}#O"
    keys, after = database.index_keys(Main, index, limit=BATCH_GET_MAX, after=after)
    return _standings(database, keys), after


def standings_of(database: Database, brand_id: str, creator_id: str, orders: list[str]) -> list[Standing]:
    """What the creator's commissions of these orders say at this moment; nothing for an order that has none."""
    return _standings(database, [(f"{brand_id}#O#{order}", f"C#{creator_id}") for order in orders])


def _standings(database: Database, keys: list[tuple[str, str]]) -> list[Standing]:
    found = database.get_many((Main, pk, sk) for pk, sk in keys)
    return [
        Standing(item.order_id, item.currency, item.earned, item.reversed, item.held)
        for item in found.values()
        if isinstance(item, Commission)
    ]

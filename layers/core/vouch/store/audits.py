"""What the checker walks through: a brand's creators, its orders, and each creator's commissions, a page at a time."""

from collections.abc import Iterator, Sequence
from itertools import batched
from typing import Any

from vouch.domain.invariants import Claim
from vouch.store import adjustments as stored_adjustments
from vouch.store import creators as people
from vouch.store import orders as stored
from vouch.store import payouts as stored_payouts
from vouch.store.database import BATCH_GET_MAX, Database
from vouch.store.tables import AdjustmentItem, Commission, Main, Order, PayoutItem

Bookmark = dict[str, Any] | None


def creators(database: Database, brand_id: str, after: Bookmark, limit: int) -> tuple[list[str], Bookmark]:
    """A page of creators' ids, and where the next page begins."""
    keys, after = database.index_keys(Main, people.index(brand_id), limit=limit, after=after)
    return [pk.rpartition("#")[2] for pk, _ in keys], after


def orders(database: Database, brand_id: str, after: Bookmark, limit: int) -> tuple[list[str], Bookmark]:
    """A page of orders' ids, and where the next page begins."""
    keys, after = database.index_keys(Main, stored.index(brand_id), limit=limit, after=after)
    return [pk.rpartition("#")[2] for pk, _ in keys], after


def claims(database: Database, brand_id: str, creator_id: str) -> Iterator[Claim]:
    """What the creator's commissions say, read a page at a time as they are used."""
    index, after = stored.creators_index(brand_id, creator_id), None
    while True:
        keys, after = database.index_keys(Main, index, limit=BATCH_GET_MAX, after=after)
        yield from _claims(database, keys)
        if after is None:
            return


def payouts(database: Database, brand_id: str, creator_id: str) -> Iterator[PayoutItem]:
    """The creator's payouts, read a page at a time as they are used."""
    return _of_creator(database, PayoutItem, stored_payouts.creators_index(brand_id, creator_id))


def adjustments(database: Database, brand_id: str, creator_id: str) -> Iterator[AdjustmentItem]:
    """The creator's adjustments likewise."""
    return _of_creator(database, AdjustmentItem, stored_adjustments.creators_index(brand_id, creator_id))


def _of_creator[I: (AdjustmentItem, PayoutItem)](database: Database, kind: type[I], index: str) -> Iterator[I]:
    after = None
    while True:
        keys, after = database.index_keys(kind, index, limit=BATCH_GET_MAX, after=after)
        found = database.get_many((kind, pk, sk) for pk, sk in keys)
        yield from (item for item in found.values() if isinstance(item, kind))
        if after is None:
            return


def versions(database: Database, brand_id: str, orders: Sequence[str]) -> Iterator[tuple[str, int]]:
    """The orders and the versions in which they are, each page at the moment at which it is read."""
    for page in batched(orders, BATCH_GET_MAX, strict=False):
        states = database.get_many((Main, stored.order_key(brand_id, order), "O") for order in page)
        yield from ((item.id, item.version) for item in states.values() if isinstance(item, Order))


def claims_of(database: Database, brand_id: str, creator_id: str, orders: Sequence[str]) -> Iterator[Claim]:
    """What the creator's commissions of these orders say, read likewise."""
    for page in batched(orders, BATCH_GET_MAX, strict=False):
        yield from _claims(database, [(stored.order_key(brand_id, order), f"C#{creator_id}") for order in page])


def _claims(database: Database, keys: list[tuple[str, str]]) -> list[Claim]:
    found = database.get_many((Main, pk, sk) for pk, sk in keys)
    return [
        Claim(item.order_id, item.currency, item.earned, item.reversed, item.held)
        for item in found.values()
        if isinstance(item, Commission)
    ]

"""Adjustments, write-offs and corrections as they are kept."""

from collections.abc import Iterable
from datetime import datetime

from vouch.domain import ids, times
from vouch.store.database import Database
from vouch.store.tables import AdjustmentItem, OfSecond

PREFIX = "adj_"
PENDING = "pending_approval"


def key(brand_id: str, adjustment_id: str) -> tuple[type[AdjustmentItem], str, str]:
    """Where an adjustment lies."""
    return AdjustmentItem, f"{brand_id}#J#{adjustment_id}", "J"


def adjustment(database: Database, brand_id: str, adjustment_id: str) -> AdjustmentItem | None:
    """A brand's adjustment by its id."""
    return database.get(*key(brand_id, adjustment_id)) if ids.is_id(adjustment_id, PREFIX) else None


def found(database: Database, brand_id: str, adjustment_ids: Iterable[str]) -> list[AdjustmentItem]:
    """Those that exist of a brand's adjustments."""
    items = database.get_many(key(brand_id, adjustment_id) for adjustment_id in adjustment_ids)
    return [item for item in items.values() if isinstance(item, AdjustmentItem)]


def index(brand_id: str) -> str:
    """The index partition of a brand's adjustments, by the time at which they were made."""
    return f"{brand_id}#J"


def creators_index(brand_id: str, creator_id: str) -> OfSecond:
    """The same of one creator's."""
    return OfSecond(f"{brand_id}#C#{creator_id}#J")


def new(
    brand_id: str,
    adjustment_id: str,
    kind: str,
    *,
    creator_id: str,
    currency: str,
    amount: int | None,
    reason: str,
    created_by: str,
    at: datetime,
) -> AdjustmentItem:
    """One that is not stored yet, and waits."""
    _, pk, sk = key(brand_id, adjustment_id)
    place = f"{times.text(at)}#{adjustment_id}"
    return AdjustmentItem(
        pk,
        sk,
        g1pk=index(brand_id),
        g1sk=place,
        g2pk=str(creators_index(brand_id, creator_id)),
        g2sk=place,
        id=adjustment_id,
        type=kind,
        creator_id=creator_id,
        currency=currency,
        amount=amount,
        reason=reason,
        status=PENDING,
        created_by=created_by,
        created_at=times.text(at),
        version=0,
    )

"""What brands have set of their payouts, as it is kept."""

from typing import Any

from vouch.store.database import Database
from vouch.store.tables import PayoutSettings


def settings(database: Database, brand_id: str) -> PayoutSettings:
    """The brand's settings; where it has made none, ones that are not stored and say nothing, of version 0."""
    return database.get(*key(brand_id)) or unset(brand_id)


def unset(brand_id: str) -> PayoutSettings:
    """What holds for a brand that has said nothing yet."""
    _, pk, sk = key(brand_id)
    return PayoutSettings(pk, sk, time_zone="UTC", tax_form_required=False, currencies={}, version=0)


def said(item: PayoutSettings) -> dict[str, dict[str, Any]]:
    """By currency, as `PayoutSettings` has it."""
    said: dict[str, dict[str, Any]] = item.currencies
    return said


def key(brand_id: str) -> tuple[type[PayoutSettings], str, str]:
    """Where a brand's settings lie."""
    return PayoutSettings, brand_id, "PAYOUTS"

"""Brands' own accounts at rails as they are kept."""

from collections.abc import Iterable

from vouch.store.database import Database
from vouch.store.tables import RailAccount


def account(database: Database, brand_id: str, rail: str) -> RailAccount:
    """The brand's account at the rail; where it never had one, one without settings, not stored: its version 0."""
    return database.get(*key(brand_id, rail)) or _unset(brand_id, rail)


def accounts(database: Database, brand_id: str, rails: Iterable[str]) -> list[RailAccount]:
    """The brand's accounts at these rails, in the order asked for, in one request."""
    wanted = list(rails)
    found = database.get_many(key(brand_id, rail) for rail in wanted)
    stored = [found.get(key(brand_id, rail)[1:]) for rail in wanted]
    return [
        item if isinstance(item, RailAccount) else _unset(brand_id, rail)
        for rail, item in zip(wanted, stored, strict=True)
    ]


def key(brand_id: str, rail: str) -> tuple[type[RailAccount], str, str]:
    """Where a brand's account at a rail lies."""
    return RailAccount, brand_id, f"RAIL#{rail}"


def _unset(brand_id: str, rail: str) -> RailAccount:
    _, pk, sk = key(brand_id, rail)
    return RailAccount(pk, sk, rail=rail, shown={}, secrets=[], status="active", version=0)

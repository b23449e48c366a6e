"""Connections as they are kept."""

from typing import Any

from vouch.domain import ids
from vouch.store.database import Database
from vouch.store.tables import Brand, ConnectionItem

CONNECTIONS_MAX = 1_000
"""So many of a brand are looked through."""


def new_connection(
    brand: Brand,
    connection_id: str,
    *,
    platform: str,
    shop: str | None,
    program_id: str | None,
    details: dict[str, Any],
    sealed: str,
    created_at: str,
) -> ConnectionItem:
    """A connection that is not stored yet."""
    _, pk, sk = key(connection_id)
    return ConnectionItem(
        pk,
        sk,
        g1pk=index(brand.id),
        g1sk=connection_id,
        id=connection_id,
        brand_id=brand.id,
        mode=brand.mode,
        platform=platform,
        shop=shop,
        program_id=program_id,
        details=details,
        secrets=[[sealed, None]],
        status="active",
        created_at=created_at,
        version=1,
    )


def connection(database: Database, brand_id: str, connection_id: str) -> ConnectionItem | None:
    """A brand's connection; its key names no brand, so the item must."""
    if not ids.is_id(connection_id, "con_"):
        return None
    item = database.get(*key(connection_id))
    return item if item is not None and item.brand_id == brand_id else None


def ids_of(database: Database, brand_id: str, *, limit: int) -> list[str]:
    """The ids of a brand's first connections."""
    keys, _ = database.index_keys(ConnectionItem, index(brand_id), limit=limit)
    return [pk.removeprefix("CON#") for pk, _ in keys]


def of_platform(database: Database, brand_id: str, platform: str) -> list[ConnectionItem]:
    """A brand's connections to that platform, of its first CONNECTIONS_MAX ones."""
    found = database.get_many(key(connection_id) for connection_id in ids_of(database, brand_id, limit=CONNECTIONS_MAX))
    items = [item for item in found.values() if isinstance(item, ConnectionItem)]
    return [item for item in items if item.brand_id == brand_id and item.platform == platform]


def key(connection_id: str) -> tuple[type[ConnectionItem], str, str]:
    """Where a connection lies; one of the few keys without a brand, which a webhook does not name."""
    return ConnectionItem, f"CON#{connection_id}", "C"


def index(brand_id: str) -> str:
    """The index partition of a brand's connections."""
    return f"{brand_id}#CON"

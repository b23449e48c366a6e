"""Orders of a platform that are seen on another one, where the sale was made: noted before they are known here."""

from vouch.domain import times
from vouch.domain.facts import Shadow
from vouch.store.database import Database
from vouch.store.tables import Mirror


def note(database: Database, brand_id: str, platform: str, external_id: str, shadow: Shadow) -> None:
    """Notes whose shadow the platform's order is; the first word on it stays."""
    known = database.get(Mirror, *_key(brand_id, platform, external_id))
    if known is None:
        born = times.text(shadow.updated_at)
        database.put_new(Mirror(*_key(brand_id, platform, external_id), order_id=shadow.id, born=born))


def shadow(database: Database, brand_id: str, platform: str, external_id: str) -> Shadow | None:
    """What is noted of the platform's order."""
    known = database.get(Mirror, *_key(brand_id, platform, external_id))
    return None if known is None else Shadow(known.order_id, times.parse(known.born))


def _key(brand_id: str, platform: str, external_id: str) -> tuple[str, str]:
    return f"{brand_id}#X#{platform}#{external_id}", "M"

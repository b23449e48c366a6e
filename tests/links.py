"""A link that can be followed: the items that a redirect reads, as the API writes them."""

from vouch.domain import ids
from vouch.service.deployment import Deployment
from vouch.store.tables import Brand, Program, Slug

BRAND = ids.derived("brd_", "brand")
PROGRAM = ids.derived("prg_", "program")
LINK = ids.derived("lnk_", "link")
SLUG = "noa-summer"
DESTINATION = "https://shop.example/mugs?colour=blue#top"
AT = "2026-05-01T00:00:00.000000Z"


def brand(*, brand_id: str = BRAND, mode: str = "live", clock: str | None = None) -> Brand:
    return Brand(brand_id, "BRAND", id=brand_id, name="Mugs", mode=mode, created_at=AT, clock=clock)


def program(
    *, brand_id: str = BRAND, status: str = "active", parameter: str | None = None, journey: bool = False
) -> Program:
    return Program(
        brand_id,
        f"PRG#{PROGRAM}",
        id=PROGRAM,
        name="Friends",
        currency="ILS",
        status=status,
        active=[[None, None]],
        versions=[[1, None]],
        parameter=parameter,
        journeys=[1] if journey else [],
        created_at=AT,
        version=1,
    )


def slug(
    *,
    slug: str = SLUG,
    brand_id: str = BRAND,
    mode: str = "live",
    status: str = "active",
    destination: str = DESTINATION,
) -> Slug:
    return Slug(
        f"SLUG#{slug}",
        "S",
        brand_id=brand_id,
        mode=mode,
        link_id=LINK,
        program_id=PROGRAM,
        destination=destination,
        status=status,
    )


def share(deployment: Deployment, *items: Brand | Program | Slug) -> None:
    """Stores a live link, or `items` in place of its parts."""
    parts: dict[type, Brand | Program | Slug] = {type(item): item for item in (brand(), program(), slug(), *items)}
    for item in parts.values():
        item.save()

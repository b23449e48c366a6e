"""Links and their slugs as they are kept: written together, since a redirect reads nothing but the slug."""

from vouch.domain import clicks, ids
from vouch.store.database import Database
from vouch.store.tables import Brand, Link, Slug

PREFIX = "lnk_"


def new_link(
    brand_id: str, link_id: str, *, slug: str, program_id: str, creator_id: str, destination: str, created_at: str
) -> Link:
    """A link that is not stored yet."""
    return Link(
        _partition(brand_id, link_id),
        "L",
        g1pk=index(brand_id),
        g1sk=f"{creator_id}#{link_id}",
        id=link_id,
        slug=slug,
        former_slugs=[],
        program_id=program_id,
        creator_id=creator_id,
        destination=destination,
        status="active",
        created_at=created_at,
        version=1,
    )


def slug_of(brand: Brand, link: Link, slug: str) -> Slug:
    """One of the link's slugs, saying what the link says."""
    return Slug(
        f"SLUG#{slug}",
        "S",
        brand_id=brand.id,
        mode=brand.mode,
        link_id=link.id,
        program_id=link.program_id,
        destination=link.destination,
        status=link.status,
    )


def link(database: Database, brand_id: str, link_id: str) -> Link | None:
    """A brand's link."""
    return database.get(Link, _partition(brand_id, link_id), "L") if ids.is_id(link_id, PREFIX) else None


def index(brand_id: str) -> str:
    """The index partition of a brand's links, sorted by creator."""
    return f"{brand_id}#L"


def _partition(brand_id: str, link_id: str) -> str:
    return f"{brand_id}#L#{clicks.link_key(link_id)}"

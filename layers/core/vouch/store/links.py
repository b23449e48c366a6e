"""Links and their slugs as they are kept: written together, since a redirect reads nothing but the slug."""

from vouch.domain import clicks, ids
from vouch.store.database import Database
from vouch.store.tables import Brand, Link, Slug

PREFIX = "lnk_"


def new_link(
    brand_id: str, link_id: str, *, slug: str, program_id: str, creator_id: str, destination: str, created_at: str
) -> Link:
    """A link that is not stored yet."""
    _, pk, sk = key(brand_id, clicks.link_key(link_id))
    return Link(
        pk,
        sk,
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
    _, pk, sk = slug_key(slug)
    return Slug(
        pk,
        sk,
        brand_id=brand.id,
        mode=brand.mode,
        link_id=link.id,
        program_id=link.program_id,
        destination=link.destination,
        status=link.status,
    )


def link(database: Database, brand_id: str, link_id: str) -> Link | None:
    """A brand's link."""
    return database.get(*key(brand_id, clicks.link_key(link_id))) if ids.is_id(link_id, PREFIX) else None


def key(brand_id: str, link_key: str) -> tuple[type[Link], str, str]:
    """Where the link that clicks name by `link_key` lies."""
    return Link, f"{brand_id}#L#{link_key}", "L"


def slug_key(slug: str) -> tuple[type[Slug], str, str]:
    """Where a slug lies; one of the few keys without a brand, which a visitor does not name."""
    return Slug, f"SLUG#{slug}", "S"


def index(brand_id: str) -> str:
    """The index partition of a brand's links, sorted by creator."""
    return f"{brand_id}#L"

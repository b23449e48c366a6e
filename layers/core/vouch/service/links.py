"""Links: a creator, a program and a destination behind a slug."""

from collections.abc import Callable
from dataclasses import dataclass

from vouch.domain import destinations, times
from vouch.domain.errors import Conflict, NotFound, Unprocessable
from vouch.service import brands, creators, pages
from vouch.service.deployment import Deployment
from vouch.service.mint import Mint
from vouch.service.pages import Page, Selection
from vouch.service.revisions import revised
from vouch.store import links
from vouch.store.database import Refused, Writes
from vouch.store.tables import Brand, Link, Slug

SLUGS_MAX = 20
_RESERVED = frozenset({"admin", "api", "app", "help", "login", "logout", "portal", "signup", "support", "vouch", "www"})
_SLUG_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_SLUG_LENGTH = 8
_SLUG_TRIES = 5


@dataclass(frozen=True, slots=True)
class LinkChange:
    """What is to be another; None stays as it is."""

    destination: str | None = None
    slug: str | None = None
    status: str | None = None


def created(
    deployment: Deployment,
    mint: Mint,
    brand: Brand,
    *,
    program_id: str,
    creator_id: str,
    destination: str,
    slug: str | None,
) -> Link:
    """A new link, under a slug of its own. Raises Conflict where the slug is, or ever was, another link's."""
    _check_destination(brand, destination)
    _check_slug(slug)
    creators.for_program(deployment, brand, creator_id, program_id)
    link_id, now = mint.id(links.PREFIX), times.text(deployment.brand_now(brand))
    for _ in range(_SLUG_TRIES):
        link = links.new_link(
            brand.id,
            link_id,
            slug=slug or _made_up(mint),
            program_id=program_id,
            creator_id=creator_id,
            destination=destination,
            created_at=now,
        )
        writes = Writes()
        writes.put_new(link)
        writes.put_new(links.slug_of(brand, link, link.slug))
        try:
            deployment.database.commit(writes)
        except Refused:
            earlier = links.link(deployment.database, brand.id, link_id)
            if earlier is not None:
                return earlier
            if slug is not None:
                break
        else:
            return link
    raise Conflict("slug_taken", param="slug")


def found(deployment: Deployment, brand: Brand, link_id: str) -> Link:
    """Raises NotFound where the brand has no such link."""
    link = links.link(deployment.database, brand.id, link_id)
    if link is None:
        raise NotFound
    return link


def listed(deployment: Deployment, brand: Brand, selection: Selection) -> Page[Link]:
    """The brand's links, or one creator's, by creator and age."""
    return pages.selected(deployment, Link, links.index(brand.id), selection)


def changed(deployment: Deployment, brand: Brand, link_id: str, change: LinkChange, *, if_match: int | None) -> Link:
    """Every slug that the link has had leads where it leads now. Raises Conflict for a slug of another link."""
    if change.destination is not None:
        _check_destination(brand, change.destination)
    _check_slug(change.slug)

    def apply(link: Link, writes: Writes) -> None:
        if link.status == "deleted":
            raise Conflict("link_deleted")
        link.destination = change.destination or link.destination
        link.status = change.status or link.status
        if change.slug is not None and change.slug != link.slug:
            link.former_slugs = sorted({*link.former_slugs, link.slug} - {change.slug})
            link.slug = change.slug
            if len(link.former_slugs) >= SLUGS_MAX:
                raise Unprocessable("too_many_slugs", param="slug", most=SLUGS_MAX)
        _write_slugs(writes, brand, link)

    return _revised(deployment, brand, link_id, apply, if_match)


def deleted(deployment: Deployment, brand: Brand, link_id: str, *, if_match: int | None) -> Link:
    """The link leads nowhere any more; clicks before that still earn."""

    def apply(link: Link, writes: Writes) -> None:
        link.status = "deleted"
        _write_slugs(writes, brand, link)

    return _revised(deployment, brand, link_id, apply, if_match)


def url(deployment: Deployment, link: Link) -> str:
    """What a creator shares."""
    return f"{deployment.settings.public_url}/r/{link.slug}"


def _revised(
    deployment: Deployment, brand: Brand, link_id: str, apply: Callable[[Link, Writes], None], if_match: int | None
) -> Link:
    try:
        return revised(
            deployment,
            lambda: links.link(deployment.database, brand.id, link_id),
            apply,
            if_match=if_match,
            final=(Slug,),
        )
    except Refused:
        raise Conflict("slug_taken", param="slug") from None


def _write_slugs(writes: Writes, brand: Brand, link: Link) -> None:
    ours = Slug.pk.does_not_exist() | (Slug.link_id == link.id)
    for slug in (link.slug, *link.former_slugs):
        writes.put(links.slug_of(brand, link, slug), ours)


def _check_destination(brand: Brand, destination: str) -> None:
    if not destinations.allowed(destination, brands.hosts(brand)):
        raise Unprocessable("destination_not_allowed", param="destination")


def _check_slug(slug: str | None) -> None:
    if slug in _RESERVED:
        raise Conflict("slug_reserved", param="slug")


def _made_up(mint: Mint) -> str:
    return "".join(_SLUG_ALPHABET[byte & 31] for byte in mint.random(_SLUG_LENGTH))

"""What ties an order to a creator or a buyer, wherever on the order a platform carries it."""

import re
from collections.abc import Iterable, Iterator
from urllib.parse import parse_qsl

from vouch.domain import clicks
from vouch.domain.codes import LENGTH_MAX, normal
from vouch.domain.facts import TOUCH_KEYS_MAX
from vouch.domain.people import handle, mailbox
from vouch.domain.texts import holds_control
from vouch.platforms.base import Pseudonym
from vouch.platforms.parsing import Fields

EMAIL_MAX = 320
ADDRESS_MAX = 8_192
CLICK_NAMES = frozenset({"ref", "_ref", "_refs", "click_id"})
"""What an order's own attributes may be called that carry a click id, or several with commas between them."""
HANDLE_MAX = 64
"""Twice as long as any platform takes: folding may join and split characters, and a handle becomes a key."""
SOCIAL_PLATFORMS = ("instagram", "tiktok")
NETWORKS = ("messenger", "instagram")
"""Whose messages lead to a brand's page."""

_CLICK_ID = re.compile(rf"{clicks.PREFIX}[A-Za-z0-9_-]{{{clicks.ENCODED}}}")
_TYPED_MAX = 4 * LENGTH_MAX  # room for spaces and for characters that folding joins


def codes(texts: Iterable[str]) -> tuple[str, ...]:
    """Discount codes in the one spelling; what is too long to be any creator's is dropped."""
    folded = (normal(text) for text in texts if len(text) <= _TYPED_MAX)
    return _first(code for code in folded if 0 < len(code) <= LENGTH_MAX)


def click_ids(texts: Iterable[str]) -> tuple[str, ...]:
    """What has the shape of a click id; whether one is genuine needs the brand's keys, which no adapter has."""
    parts = (part for text in texts for part in text[:ADDRESS_MAX].split(","))
    return _first(part for part in parts if _CLICK_ID.fullmatch(part))


def in_address(address: str | None) -> Iterator[str]:
    """The values of an address' parameters: a program may have chosen any name for the one that carries a click id."""
    for _, value in parse_qsl((address or "")[:ADDRESS_MAX].partition("?")[2].partition("#")[0]):
        yield value


def handles(said: Fields) -> tuple[str, ...]:
    """Whom a platform itself names as the creator, by platform, in the one form of creators' own handles."""
    named = ((platform, said.hint(platform)) for platform in SOCIAL_PLATFORMS)
    found = (handle(platform, name) for platform, name in named if name is not None)
    return tuple(name for name in found if 0 < len(name.partition(":")[2]) <= HANDLE_MAX and not holds_control(name))


def customers(pseudonym: Pseudonym, emails: Iterable[str | None], platform_id: str | None) -> tuple[str, ...]:
    """Whoever an order names as its buyer: by mail where there is one, since that is the same person everywhere."""
    known = dict.fromkeys(found for email in emails if (found := mailbox(email or "")))
    if known:
        return tuple(pseudonym.by_mail(found) for found in known)
    return () if platform_id is None else (pseudonym.by_id(platform_id),)


def customers_by_all(pseudonym: Pseudonym, emails: Iterable[str | None], platform_id: str | None) -> tuple[str, ...]:
    """By mail and by the platform's number, where the platform says by the number alone whom it has deleted."""
    by_id = () if platform_id is None else (pseudonym.by_id(platform_id),)
    return (*customers(pseudonym, emails, None), *by_id)


def contacts(pseudonym: Pseudonym, said: Fields) -> tuple[str, ...]:
    """Whom an order names as the one who had written to the brand's page, by the id that the page knows them by."""
    named = ((network, said.hint(f"{network}_id")) for network in NETWORKS)
    return tuple(pseudonym.of_contact(network, person) for network, person in named if person is not None)


def _first(found: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(found))[:TOUCH_KEYS_MAX]

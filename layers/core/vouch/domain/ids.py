"""Ids: a prefix and 26 Crockford characters; a ULID where minted, a hash of the name where derived."""

import hashlib
import re
from datetime import datetime, timedelta

from vouch.domain import times

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_BODY = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")
RANDOM_BYTES = 10


def minted(prefix: str, at: datetime, random: bytes) -> str:
    """A ULID: 48 bits of milliseconds and 80 bits of `random`, so that ids sort by birth."""
    milliseconds = (at - times.EPOCH) // timedelta(milliseconds=1)
    return prefix + _crockford(milliseconds << 80 | int.from_bytes(random[:RANDOM_BYTES]))


def derived(prefix: str, *name: str) -> str:
    """The id that a name always has: the first 130 bits of SHA-256 over its parts."""
    digest = hashlib.sha256("\x1f".join(name).encode()).digest()
    return prefix + _crockford(int.from_bytes(digest[:17]) >> 6)


def is_id(text: str, prefix: str) -> bool:
    """Whether `text` has the shape of an id with this prefix."""
    return text.startswith(prefix) and _BODY.fullmatch(text, len(prefix)) is not None


def _crockford(number: int) -> str:
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))

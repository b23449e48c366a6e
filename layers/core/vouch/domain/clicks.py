"""Click ids: 29 signed bytes that name a link and a moment, so that an order can be credited from the id alone.

    version and key id 1 | link key 8 | seconds since 2024 4 | random 6 | MAC 10    → `clk_` + 39 base64url

The MAC is HMAC-SHA256 over `clk1`, the brand's id and the payload, so another brand's id proves nothing here.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

PREFIX = "clk_"
BY_MESSAGE = "vis_"
"""What ids of visits by message begin with: a visit of that kind counts as a click, and has no click id."""
ENCODED = 39
RANDOM_BYTES = 6
ORDER_CLOCK_SLACK = timedelta(minutes=5)
"""A click counts as before an order up to this much after `placed_at`: orders carry whole seconds and other clocks."""

_VERSION = 1
_YEAR_0 = datetime(2024, 1, 1, tzinfo=UTC)
_SECONDS_MAX = 2**32 - 1
_LINK_KEY = 8
_MAC = 10
# 39 characters hold two bits more than 29 bytes: where they are not zero, a second text would say the same.
_SHAPE = re.compile(rf"clk_[A-Za-z0-9_-]{{{ENCODED - 1}}}[AEIMQUYcgkosw048]")


@dataclass(frozen=True, slots=True)
class ClickId:
    """A click id that was proven genuine: `link_key` is the link's table key, `at` has whole seconds."""

    id: str
    link_key: str
    at: datetime


def link_key(link_id: str) -> str:
    """The 16 hex digits under which a link is stored and named inside its click ids."""
    return hashlib.sha256(link_id.encode()).digest()[:_LINK_KEY].hex()


def mint(brand_id: str, link: str, at: datetime, keys: Mapping[int, bytes], random: bytes) -> ClickId:
    """A new id for a visit of the link with key `link`; `random` gives 6 bytes; the highest key id signs.

    Raises ValueError for a moment before 2024 or after 2160: a test brand's clock may stand there.
    """
    key_id = max(keys)
    seconds = (at - _YEAR_0) // timedelta(seconds=1)
    if not 0 <= seconds <= _SECONDS_MAX:
        raise ValueError(f"no click id can name {at:%Y}")
    payload = b"".join(
        ((_VERSION << 4 | key_id).to_bytes(), bytes.fromhex(link), seconds.to_bytes(4), random[:RANDOM_BYTES])
    )
    mac = _mac(brand_id, payload, keys[key_id])
    text = PREFIX + base64.urlsafe_b64encode(payload + mac).rstrip(b"=").decode()
    return ClickId(text, link, _YEAR_0 + timedelta(seconds=seconds))


def read(text: str, brand_id: str, keys: Mapping[int, bytes]) -> ClickId | None:
    """What the id says, or None where this brand's links never made it."""
    if not _SHAPE.fullmatch(text):
        return None
    raw = base64.urlsafe_b64decode(text.removeprefix(PREFIX) + "=")
    payload, mac = raw[:-_MAC], raw[-_MAC:]
    version, key_id = payload[0] >> 4, payload[0] & 15
    key = keys.get(key_id)
    if version != _VERSION or key is None or not hmac.compare_digest(mac, _mac(brand_id, payload, key)):
        return None
    seconds = int.from_bytes(payload[1 + _LINK_KEY : 5 + _LINK_KEY])
    return ClickId(text, payload[1 : 1 + _LINK_KEY].hex(), _YEAR_0 + timedelta(seconds=seconds))


def _mac(brand_id: str, payload: bytes, key: bytes) -> bytes:
    return hmac.digest(key, b"clk1" + brand_id.encode() + payload, "sha256")[:_MAC]

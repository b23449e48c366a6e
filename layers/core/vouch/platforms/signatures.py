"""Comparing signatures: over the raw bytes, in constant time, and with no text that can make it fail."""

import base64
import hmac
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from vouch.platforms.base import BadSignature, Request

TOLERANCE = timedelta(minutes=5)
"""Both ways, as in the reference library of Standard Webhooks: a sender's clock may be ahead."""

_SECONDS = re.compile(r"[0-9]{1,11}")


def base64_sha256(key: bytes, signed: bytes) -> str:
    """HMAC-SHA256 as most platforms write it."""
    return base64.b64encode(hmac.digest(key, signed, "sha256")).decode()


def same(given: str, expected: str) -> bool:
    """Whether two signatures are one; a header may hold any text, and `compare_digest` takes only ASCII of that."""
    return hmac.compare_digest(given.encode(errors="replace"), expected.encode())


def standard_time(request: Request) -> datetime | None:
    """When a delivery was signed, as Standard Webhooks has it; None where that cannot be read."""
    stamp = request.headers.get("webhook-timestamp", "")
    return datetime.fromtimestamp(int(stamp), UTC) if _SECONDS.fullmatch(stamp) else None


def standard_webhook(request: Request, keys: Iterable[bytes], now: datetime) -> str:
    """The id of a delivery that any of the keys has signed, with its time, as Standard Webhooks 1.0.0 has it.

    Raises BadSignature. An empty key proves nothing.
    """
    delivery_id, at = request.headers.get("webhook-id", ""), standard_time(request)
    if not delivery_id or at is None or abs(now - at) > TOLERANCE:
        raise BadSignature
    signed = f"{delivery_id}.{request.headers['webhook-timestamp']}.".encode(errors="replace") + request.body
    expected = [base64_sha256(key, signed) for key in keys if key]
    given = request.headers.get("webhook-signature", "").split(" ")
    v1 = [signature.removeprefix("v1,") for signature in given if signature.startswith("v1,")]
    if not any(same(ours, theirs) for ours in v1 for theirs in expected):
        raise BadSignature
    return delivery_id

"""Comparing signatures: over the raw bytes, in constant time, and with no text that can make it fail."""

import base64
import hmac


def base64_sha256(key: bytes, signed: bytes) -> str:
    """HMAC-SHA256 as most platforms write it."""
    return base64.b64encode(hmac.digest(key, signed, "sha256")).decode()


def same(given: str, expected: str) -> bool:
    """Whether two signatures are one; a header may hold any text, and `compare_digest` takes only ASCII of that."""
    return hmac.compare_digest(given.encode(errors="replace"), expected.encode())

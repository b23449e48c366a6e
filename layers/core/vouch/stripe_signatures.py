"""Stripe's signatures, by which its deliveries are known to be genuine: of sales, and of money that is paid out."""

import hmac
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

AGE_MAX = timedelta(minutes=5)
"""As in Stripe's own libraries: what is older is refused, while a sender's clock may be ahead by any time."""

_STAMP = re.compile(r"[0-9]{1,11}")


def proven(header: str, body: bytes, secrets: Iterable[str], now: datetime) -> bool:
    """Whether `Stripe-Signature` holds a signature of the body by any of the secrets, made a short while ago.

    A secret is the key as it stands, `whsec_` and all; an empty one proves nothing. During a rotation the header holds
    a signature by each.
    """
    stamp, given = _said(header, now)
    if stamp is None:
        return False
    signed = stamp.encode() + b"." + body
    expected = [hmac.digest(secret.encode(), signed, "sha256").hex().encode() for secret in secrets if secret]
    return any(hmac.compare_digest(theirs.encode(errors="replace"), ours) for theirs in given for ours in expected)


def plausible(header: str, now: datetime) -> bool:
    """Whether it has the form of a signature of a short while ago, by whatever secret."""
    stamp, given = _said(header, now)
    return stamp is not None and bool(given)


def _said(header: str, now: datetime) -> tuple[str | None, list[str]]:
    """When it was signed, and the signatures; None for what is too old or not of the form."""
    pairs = [part.split("=") for part in header.split(",")]
    if any(len(pair) != 2 for pair in pairs):  # noqa: PLR2004 - a name and its value
        return None, []
    stamps, given = ([value for name, value in pairs if name == wanted] for wanted in ("t", "v1"))
    if len(stamps) != 1 or not _STAMP.fullmatch(stamps[0]):
        return None, []
    if now - datetime.fromtimestamp(int(stamps[0]), UTC) > AGE_MAX:
        return None, []
    return stamps[0], given

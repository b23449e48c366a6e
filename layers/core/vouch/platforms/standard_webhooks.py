"""Our own inlet for shops without an adapter: Standard Webhooks 1.0.0 around our own order shape.

    {"type": "order.paid", "timestamp": <RFC 3339>, "data": {…}}

`data` is what `vouch.platforms.orders` takes. An order may also come as a summary, without lines: `order_id, subtotal,
tax, shipping, discount_codes, ref, click_id, customer.external_id`, with amounts as decimal texts in major units.
"""

import base64
import binascii
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from vouch.domain import times
from vouch.domain.facts import Cancellation, Fact
from vouch.platforms import orders, signatures
from vouch.platforms.base import BadSignature, Ignored, Pseudonym, Reading, Request, Unreadable
from vouch.platforms.parsing import Fields, body_hash, read

KEPT_HEADERS: tuple[str, ...] = ()

TOLERANCE = timedelta(minutes=5)
"""Both ways, as in the reference library: a sender's clock may be ahead."""

_KEY_BYTES_MIN = 8
_REFUND = "refund.created"
_CANCELLED = "order.cancelled"
_STATUS = {
    "order.created": "open",
    "order.paid": "paid",
    "order.updated": "paid",  # the default of `POST /v1/orders`
    _CANCELLED: "cancelled",
}
_SUMMARY_LINE = "order"
_SECONDS = re.compile(r"[0-9]{1,11}")


def usable(secret: str) -> bool:
    return len(_key(secret)) >= _KEY_BYTES_MIN


def verify(request: Request, secrets: Sequence[str], now: datetime) -> str:
    delivery_id = request.headers.get("webhook-id", "")
    stamp = request.headers.get("webhook-timestamp", "")
    if not delivery_id or not _SECONDS.fullmatch(stamp):
        raise BadSignature
    if abs(now - datetime.fromtimestamp(int(stamp), UTC)) > TOLERANCE:
        raise BadSignature
    signed = f"{delivery_id}.{stamp}.".encode(errors="replace") + request.body
    expected = [signatures.base64_sha256(key, signed) for key in map(_key, secrets) if key]
    given = request.headers.get("webhook-signature", "").split(" ")
    v1 = [signature.removeprefix("v1,") for signature in given if signature.startswith("v1,")]
    if not any(signatures.same(ours, theirs) for ours in v1 for theirs in expected):
        raise BadSignature
    return delivery_id


def subject(request: Request) -> str:
    try:
        event = read(request.body)
        return _external_id(event.text("type"), event.child("data"))
    except Unreadable:
        return body_hash(request.body)


def facts(request: Request, pseudonym: Pseudonym) -> Reading | Ignored:
    event = read(request.body)
    kind = event.text("type")
    if kind not in _STATUS and kind != _REFUND:
        return Ignored("unknown_type")
    said_at, data = event.moment("timestamp"), event.child("data")
    return Reading(_external_id(kind, data), (_fact(kind, data, said_at, pseudonym),))


def _key(secret: str) -> bytes:
    """The key's bytes; none for a secret that is not base64, padded or not."""
    try:
        text = secret.removeprefix("whsec_").rstrip("=")
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _external_id(kind: str, data: Fields) -> str:
    """An order goes by `external_id` here and by `order_id` in the summary; a refund names its order by `order_id`."""
    return data.identifier("order_id" if kind == _REFUND or not data.has("external_id") else "external_id")


def _fact(kind: str, data: Fields, said_at: datetime, pseudonym: Pseudonym) -> Fact:
    if kind == _REFUND:
        return orders.refund(data, said_at)
    if kind == _CANCELLED and not (data.has("currency") and (data.has("lines") or data.has("subtotal"))):
        return Cancellation(kind, data.moment_or_none("updated_at") or said_at)
    body = _in_our_terms(kind, data, said_at)
    return orders.order(body, "standard_webhooks", said_at, pseudonym)


def _in_our_terms(kind: str, data: Fields, said_at: datetime) -> Fields:
    """The summary's names and decimal texts as `orders` takes them; what stands there under our names stays."""
    said, ours = data.values, dict(data.values)
    currency = data.currency("currency")
    if kind == _CANCELLED or not data.has("status"):
        ours["status"] = _STATUS[kind]
    if not data.has("occurred_at"):
        ours["occurred_at"] = times.text(said_at)
    if not data.has("codes"):
        ours["codes"] = said.get("discount_codes")
    if not data.has("click_ids"):
        ours["click_ids"] = [said[name] for name in ("ref", "click_id") if data.text_or_none(name)]
    if data.has("shipping"):
        ours["shipping"] = _amount(data, "shipping", currency)
    if not data.has("lines"):
        ours["lines"] = [_summary_line(data, currency)]
    buyer = data.child_or_none("customer")
    if buyer is not None and not buyer.has("id"):
        ours["customer"] = {**buyer.values, "id": buyer.values.get("external_id")}
    return Fields(ours, data.path)


def _summary_line(data: Fields, currency: str) -> dict[str, Any]:
    """One line for the whole order: a subtotal is net of discounts, without shipping and tax."""
    tax = _amount(data, "tax", currency) if data.has("tax") else 0
    return {"id": _SUMMARY_LINE, "quantity": 1, "unit_price": _amount(data, "subtotal", currency), "tax": tax}


def _amount(data: Fields, key: str, currency: str) -> int:
    return data.major(key, currency) if isinstance(data.values.get(key), str) else data.minor(key)

"""Our own inlet for shops without an adapter: Standard Webhooks 1.0.0 around our own order shape.

    {"type": "order.paid", "timestamp": <RFC 3339>, "data": {…}}

`data` is what `vouch.platforms.orders` takes; a refund or a dispute names its order by `order_id` and itself by
`external_id`, `refund_id` or `dispute_id`, or `id`. An order may also come as a summary, without lines: `order_id,
subtotal, tax, discount_codes, ref, click_id, customer.external_id`; its subtotal is net of discounts, without shipping
and tax. Amounts may be decimal texts in major units (`"130.50"`), all of one event or none. An update has to say its
`status`, since it tells of any change, and so has the end of a dispute; a cancellation is for good.
"""

import base64
import binascii
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from vouch.domain import times
from vouch.domain.facts import Cancellation, Fact
from vouch.platforms import orders, signatures
from vouch.platforms.base import Account, Ignored, Platform, Pseudonym, Reading, Request, Unreadable
from vouch.platforms.parsing import Fields, body_hash, read

_KEY_BYTES_MIN = 8
_REFUND_FAILED = "refund.failed"
_REFUNDS = ("refund.created", "refund.updated", _REFUND_FAILED)
_DISPUTES = {"dispute.created": "open", "dispute.updated": None, "dispute.closed": None}
_CANCELLED = "order.cancelled"
_STATUS = {"order.created": "open", "order.paid": "paid", "order.updated": None, _CANCELLED: "cancelled"}
_SUMMARY_LINE = "order"
_REFUND_NAMES = ("external_id", "refund_id", "id")
_DISPUTE_NAMES = ("external_id", "dispute_id", "id")
_AMOUNTS = ("amount", "shipping", "shipping_tax", "tip")
_AMOUNTS_OF_SUMMARY = ("subtotal", "tax")
_AMOUNTS_OF_LINE = ("unit_price", "discount", "tax", "amount")


def usable(secret: str) -> bool:
    return len(_key(secret)) >= _KEY_BYTES_MIN


def verify(request: Request, account: Account, now: datetime) -> str:
    return signatures.standard_webhook(request, map(_key, account.secrets), now)


def subject(request: Request) -> str:
    try:
        event = read(request.body)
        return _external_id(event.text("type"), event.child("data"))
    except Unreadable:
        return body_hash(request.body)


def facts(request: Request, pseudonym: Pseudonym) -> Reading | Ignored:
    event = read(request.body)
    kind = event.text("type")
    if kind not in _STATUS and kind not in _REFUNDS and kind not in _DISPUTES:
        return Ignored("unknown_type")
    said_at, data = _said_at(event, request), event.child("data")
    return Reading(_external_id(kind, data), tuple(_facts(kind, data, said_at, pseudonym)))


def _said_at(event: Fields, request: Request) -> datetime:
    """The event's own time, or that of its first delivery, which is signed as well."""
    signed_at = signatures.standard_time(request)
    return event.moment("timestamp") if event.has("timestamp") or signed_at is None else signed_at


def _key(secret: str) -> bytes:
    """The key's bytes; none for a secret that is not base64, padded or not."""
    try:
        text = secret.removeprefix("whsec_").rstrip("=")
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _external_id(kind: str, data: Fields) -> str:
    """An order goes by `external_id` here and by `order_id` in the summary; what is about one says its `order_id`."""
    about_one = kind in _REFUNDS or kind in _DISPUTES
    return data.identifier("order_id" if about_one or not data.has("external_id") else "external_id")


def _facts(kind: str, data: Fields, said_at: datetime, pseudonym: Pseudonym) -> Iterator[Fact]:
    if kind in _REFUNDS:
        yield orders.refund(_refund_in_our_terms(kind, data), said_at)
        return
    if kind in _DISPUTES:
        yield orders.dispute(_dispute_in_our_terms(kind, data), said_at)
        return
    if kind == _CANCELLED:
        yield Cancellation(kind, data.moment_or_none("updated_at") or said_at)
    if kind != _CANCELLED or (data.has("currency") and (data.has("lines") or data.has("subtotal"))):
        order = orders.order(_in_our_terms(kind, data, said_at), "standard_webhooks", said_at, pseudonym)
        yield replace(order, placed_at_guessed=not data.has("occurred_at"))


def _in_our_terms(kind: str, data: Fields, said_at: datetime) -> Fields:
    """The summary's names as `orders` takes them; what stands there under our names stays."""
    amounts = _in_minor_units(data)
    said, ours = amounts.values, dict(amounts.values)
    if kind == _CANCELLED or not data.has("status"):
        ours["status"] = _status_of(kind, _STATUS, data)
    if not data.has("occurred_at"):
        ours["occurred_at"] = times.text(said_at)
    if not data.has("codes"):
        ours["codes"] = said.get("discount_codes")
    if not data.has("click_ids"):
        ours["click_ids"] = [said.get("ref"), said.get("click_id")]
    if not data.has("lines"):
        ours["lines"] = [_summary_line(amounts)]
    buyer = data.hinted("customer")
    if not buyer.has("id"):
        ours["customer"] = {**buyer.values, "id": buyer.values.get("external_id")}
    return Fields(ours, data.path)


def _refund_in_our_terms(kind: str, data: Fields) -> Fields:
    ours = dict(_in_minor_units(data).values)
    if kind == _REFUND_FAILED:
        ours["failed"] = True
    return _named(ours, _REFUND_NAMES, data)


def _dispute_in_our_terms(kind: str, data: Fields) -> Fields:
    ours = dict(_in_minor_units(data).values)
    if not data.has("status"):
        ours["status"] = _status_of(kind, _DISPUTES, data)
    return _named(ours, _DISPUTE_NAMES, data)


def _status_of(kind: str, statuses: Mapping[str, str | None], data: Fields) -> str:
    """What an event of this kind says without saying it."""
    status = statuses[kind]
    if status is None:
        raise data.refusal("status_missing", "status", "an event of this type has to say it")
    return status


def _named(ours: dict[str, Any], names: Sequence[str], data: Fields) -> Fields:
    name = next((name for name in names if data.has(name)), names[0])
    return Fields(ours | {"external_id": data.values.get(name)}, data.path)


def _summary_line(data: Fields) -> dict[str, Any]:
    """One line for the whole order, priced as the order says that it prices: with tax or without."""
    subtotal, tax = data.minor("subtotal"), data.minor_or_zero("tax")
    price = subtotal + tax if data.flag("tax_included") else subtotal
    return {"id": _SUMMARY_LINE, "quantity": 1, "unit_price": price, "tax": tax}


def _in_minor_units(data: Fields) -> Fields:
    """The event with its decimal texts as integers of minor units.

    Both in one event are refused: 7 beside "108.00" may well mean 7.00.
    """
    own = _AMOUNTS if data.has("lines") else (*_AMOUNTS, *_AMOUNTS_OF_SUMMARY)
    parts = [(data, own), *((line, _AMOUNTS_OF_LINE) for line in data.children("lines", "lines"))]
    said = [(part, key) for part, keys in parts for key in keys if part.values.get(key)]
    numbers = [(part, key) for part, key in said if not isinstance(part.values[key], str)]
    if len(numbers) == len(said):
        return data
    for part, key in numbers:
        raise part.refusal("bad_amount", key, "a number, where another amount of the event is a text")
    currency = data.currency("currency")
    ours, *lines = (
        dict(part.values) | {key: part.major(key, currency) for key in keys if part.values.get(key)}
        for part, keys in parts
    )
    return Fields(ours | ({"lines": lines} if data.has("lines") else {}), data.path)


PLATFORM = Platform(usable=usable, verify=verify, subject=subject, facts=facts, kept_headers=("webhook-timestamp",))

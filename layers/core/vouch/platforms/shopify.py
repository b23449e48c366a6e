"""Shopify: orders and refunds as its webhooks tell them.

Only the body is signed. The topic header picks the reader and no more: a body has to have the shape of its topic and to
say itself what the topic claims. The shop is not read from a header either; a connection's address names it.

Commission follows the goods. The lines of a refund take back what they were worth, whether or not the money has moved:
Shopify tells of a refund "independent from the movement of money", and a pending one balances its lines with an
adjustment of the whole (`refund_discrepancy`), which goes away in silence. Only a refund without lines is known by its
adjustments alone. A refund all of whose transactions failed takes nothing back.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from urllib.parse import parse_qsl

from vouch.domain import times
from vouch.domain.facts import Cancellation, Lifecycle, Line, Refund, RefundLine, Snapshot
from vouch.domain.money import divide_half_up
from vouch.platforms import evidence, orders, signatures
from vouch.platforms.base import BadSignature, Ignored, Pseudonym, Reading, Request, Unreadable
from vouch.platforms.parsing import QUANTITY_MAX, Fields, body_hash, read

KEPT_HEADERS: tuple[str, ...] = ("x-shopify-topic", "x-shopify-triggered-at")

_IGNORED = {
    "orders/edited": "order_edit",  # names what was edited; orders/updated brings the order itself
    "disputes/create": "dispute_topic",
    "disputes/update": "dispute_topic",
    "customers/data_request": "compliance_topic",
    "customers/redact": "compliance_topic",
    "shop/redact": "compliance_topic",
}
_LIFECYCLES = {
    None: Lifecycle.OPEN,
    "pending": Lifecycle.OPEN,
    "authorized": Lifecycle.OPEN,
    "expired": Lifecycle.OPEN,
    "partially_paid": Lifecycle.OPEN,
    "paid": Lifecycle.PAID,
    "partially_refunded": Lifecycle.PAID,
    "refunded": Lifecycle.REFUNDED,
    "voided": Lifecycle.CANCELLED,
}
_FAILED = {"failure", "error"}
_CLICK_NAMES = {"ref", "_ref", "click_id"}
_URL_MAX = 8_192
_RATE_MAX = 10
_ORDER_SHAPE = ("line_items", "created_at", "updated_at", "currency")
_REFUND_SHAPE = ("refund_line_items", "order_id", "created_at")


def usable(secret: str) -> bool:
    return bool(secret.strip())


def verify(request: Request, secrets: Sequence[str], now: datetime) -> str:  # noqa: ARG001
    """There is no signed time here: what is replayed gives the same facts."""
    given = request.headers.get("x-shopify-hmac-sha256", "")
    expected = (signatures.base64_sha256(secret.encode(), request.body) for secret in secrets if secret)
    if not any(signatures.same(given, signature) for signature in expected):
        raise BadSignature
    # One action of a merchant may bring several topics, and a topic several subscriptions.
    delivery_id = request.headers.get("x-shopify-webhook-id") or body_hash(request.body)
    return f"{delivery_id}:{request.headers.get('x-shopify-topic', '')}"


def subject(request: Request) -> str:
    try:
        body = read(request.body)
        body = body.child_or_none("order_edit") or body
        return body.identifier("order_id" if body.has("order_id") else "id")
    except Unreadable:
        return body_hash(request.body)


def facts(request: Request, pseudonym: Pseudonym) -> Reading | Ignored:
    topic = request.headers.get("x-shopify-topic", "")
    if topic in _IGNORED:
        return Ignored(_IGNORED[topic])
    if topic not in _READERS:
        return Ignored("unknown_topic")
    return _READERS[topic](read(request.body), _triggered_at(request), pseudonym)


def _triggered_at(request: Request) -> datetime | None:
    """Not signed, so no more than a hint: one that cannot be read is none."""
    try:
        return times.said(request.headers.get("x-shopify-triggered-at", ""))
    except ValueError:
        return None


def _order(body: Fields, triggered_at: datetime | None, pseudonym: Pseudonym) -> Reading:
    _expect(body, _ORDER_SHAPE)
    currency = body.currency("currency")
    refunds = tuple(_refund_fact(refund) for refund in body.children("refunds"))
    shipping = [line for line in body.children("shipping_lines") if not line.flag("is_removed")]
    buyer = body.child_or_none("customer") or Fields({})
    snapshot = Snapshot(
        updated_at=body.moment("updated_at"),
        triggered_at=triggered_at,
        placed_at=body.moment("created_at"),
        lifecycle=_lifecycle(body),
        currency=currency,
        lines=_lines(body, currency, refunds),
        platform="shopify",
        shipping=sum(_shipping(line, currency) for line in shipping),
        shipping_tax=sum(_sum(line, "tax_lines", "price", currency) for line in shipping),
        tip=_shop_money(body, "total_tip_received", currency) if body.has("total_tip_received") else 0,
        tax_included=body.flag("taxes_included"),
        test=body.flag("test"),
        country=_country(body),
        codes=evidence.codes(_codes(body)),
        click_ids=evidence.click_ids(_click_ids(body)),
        customer=evidence.customer(
            pseudonym,
            (
                person.text_or_none(key, evidence.EMAIL_MAX)
                for person, key in ((buyer, "email"), (body, "email"), (body, "contact_email"))
            ),
            buyer.identifier_or_none("id"),
        ),
    )
    return Reading(body.identifier("id"), (snapshot, *refunds))


def _cancelled(body: Fields, triggered_at: datetime | None, pseudonym: Pseudonym) -> Reading:
    _expect(body, ("cancelled_at",))
    return _order(body, triggered_at, pseudonym)


def _deleted(body: Fields, triggered_at: datetime | None, pseudonym: Pseudonym) -> Reading:  # noqa: ARG001
    """All that is left of a deleted order is its id; a body with more in it was signed for another topic."""
    if body.values.keys() != {"id"}:
        raise Unreadable("shape_mismatch", "a deleted order has an id and nothing else")
    return Reading(body.identifier("id"), (Cancellation("orders/delete", triggered_at or times.EPOCH),))


def _refund(body: Fields, triggered_at: datetime | None, pseudonym: Pseudonym) -> Reading:  # noqa: ARG001
    _expect(body, _REFUND_SHAPE)
    return Reading(body.identifier("order_id"), (_refund_fact(body),))


_READERS: dict[str, Callable[[Fields, datetime | None, Pseudonym], Reading]] = {
    "orders/create": _order,
    "orders/paid": _order,
    "orders/updated": _order,
    "orders/fulfilled": _order,
    "orders/partially_fulfilled": _order,
    "orders/cancelled": _cancelled,
    "orders/delete": _deleted,
    "refunds/create": _refund,
}


def _expect(body: Fields, shape: Sequence[str]) -> None:
    for key in shape:
        if not body.has(key):
            raise body.refusal("shape_mismatch", key, "missing, so the body is not of this topic")


def _lifecycle(body: Fields) -> Lifecycle:
    if "financial_status" not in body.values:  # a draft order or a checkout looks like an order but for this
        raise body.refusal("shape_mismatch", "financial_status", "missing, so the body is no order")
    status = body.text_or_none("financial_status")
    if status not in _LIFECYCLES:
        raise body.refusal("unknown_status", "financial_status", "not a status that is known here")
    return Lifecycle.CANCELLED if body.moment_or_none("cancelled_at") else _LIFECYCLES[status]


def _lines(body: Fields, currency: str, refunds: Sequence[Refund]) -> tuple[Line, ...]:
    returned = Counter[str]()
    for part in (part for refund in refunds for part in refund.lines):
        returned[part.line_id] += part.quantity
    said = [line for line in body.children("line_items", "lines") if not _is_tip(line)]
    return orders.distinct([_line(line, currency, returned) for line in said], said)


def _line(line: Fields, currency: str, returned: Counter[str]) -> Line:
    """As sold, without what an edit removed: a refund lowers the current quantity too, and is a fact of its own.

    Discounts and taxes are told for the quantity as first sold, whatever became of it.
    """
    line_id, first = line.identifier("id"), line.whole("quantity", QUANTITY_MAX)
    current = line.whole("current_quantity", QUANTITY_MAX) if line.has("current_quantity") else first
    sold = min(first, current + returned[line_id])
    discount, tax = (
        divide_half_up(_sum(line, key, amount, currency) * sold, first) if first else 0
        for key, amount in (("discount_allocations", "amount"), ("tax_lines", "price"))
    )
    return orders.bounded(
        Line(
            id=line_id,
            quantity=sold,
            unit_price=_shop_money(line, "price", currency),
            discount=discount,
            tax=tax,
            sku=line.text_or_none("sku"),
            product_id=line.identifier_or_none("product_id"),
            gift_card=line.flag("gift_card"),
        ),
        line,
    )


def _is_tip(line: Fields) -> bool:
    """A tip is a line item, too, and the only one to have this field, even if as null."""
    return "tip_payment_gateway" in line.values


def _refund_fact(refund: Fields) -> Refund:
    """Read from the refund alone, so that it is the same fact from refunds/create and from inside its order."""
    currency = _refund_currency(refund)
    said = refund.children("refund_line_items", "lines")
    parts = [(part, part.child_or_none("line_item") or Fields({})) for part in said]
    transactions = refund.children("transactions")
    outcomes = [
        transaction.text_or_none("status")
        for transaction in transactions
        if transaction.text_or_none("kind") == "refund"
    ]
    moments = [
        moment
        for told in (refund, *transactions)
        if (moment := told.moment_or_none("processed_at") or told.moment_or_none("created_at"))
    ]
    return Refund(
        id=refund.identifier("id"),
        updated_at=max(moments, default=times.EPOCH),
        currency=currency,
        lines=orders.merged([_refund_line(part, line, currency) for part, line in parts if not _is_tip(line)]),
        amount=0 if said else _given_back(refund, currency),
        failed=bool(outcomes) and _FAILED.issuperset(outcomes),
    )


def _refund_currency(refund: Fields) -> str:
    """The shop's; a transaction's own is the buyer's, and taken only where nothing else names one."""
    bags = (
        *((part, "subtotal_set") for part in refund.children("refund_line_items", "lines")),
        *((adjustment, "amount_set") for adjustment in refund.children("order_adjustments")),
        (refund, "total_duties_set"),
    )
    for fields, key in bags:
        bag = fields.child_or_none(key)
        if bag is not None:
            return bag.child("shop_money").currency("currency_code")
    for transaction in refund.children("transactions"):
        return transaction.currency("currency")
    raise refund.refusal("shape_mismatch", "transactions", "nothing names the refund's currency")


def _refund_line(part: Fields, line: Fields, currency: str) -> RefundLine:
    """The amount without tax where that is known; else the part counts by its quantity, which is right in any terms."""
    line_id, quantity = part.identifier("line_item_id"), part.whole("quantity", QUANTITY_MAX)
    if not part.has("subtotal_set"):
        return RefundLine(line_id, quantity)  # what is left is a float
    subtotal = _shop_money(part, "subtotal", currency)
    tax = _shop_money(part, "total_tax", currency) if part.has("total_tax_set") else None
    included = False if tax == 0 else _tax_included(line, currency)
    if tax is None or included is None:
        return RefundLine(line_id, quantity)
    if included and tax > subtotal:
        raise part.refusal("bad_amount", "total_tax_set", "more than the subtotal it is part of")
    return RefundLine(line_id, quantity, subtotal - tax if included else subtotal)


def _tax_included(line: Fields, currency: str) -> bool | None:
    """Whether the line's price contains its tax: no refund says so, but the rates tell. None if they leave it open."""
    taxes = line.children("tax_lines")
    said = [tax.values.get("rate") for tax in taxes]
    rates = [Decimal(rate) for rate in said if isinstance(rate, int | Decimal) and 0 <= rate <= _RATE_MAX]
    if not rates or len(rates) != len(said):
        return None
    net = line.whole("quantity", QUANTITY_MAX) * _shop_money(line, "price", currency)
    net -= _sum(line, "discount_allocations", "amount", currency)
    tax, rate = _sum(line, "tax_lines", "price", currency), sum(rates, Decimal(0))
    fitting = [
        included
        for included, expected in ((False, net * rate), (True, net * rate / (1 + rate)))
        if abs(tax - expected) <= len(taxes)  # each tax was rounded
    ]
    return fitting[0] if len(fitting) == 1 else None


def _given_back(refund: Fields, currency: str) -> int:
    """What a refund without lines gave back: its discrepancies, negative where money moved; some cancel each other."""
    discrepancies = (
        _shop_money(adjustment, "amount", currency, signed=True)
        for adjustment in refund.children("order_adjustments")
        if adjustment.text_or_none("kind") == "refund_discrepancy"
    )
    return max(0, -sum(discrepancies))


def _shipping(line: Fields, currency: str) -> int:
    if line.has("discounted_price") or line.has("discounted_price_set"):
        return _shop_money(line, "discounted_price", currency)
    return max(0, _shop_money(line, "price", currency) - _sum(line, "discount_allocations", "amount", currency))


def _sum(fields: Fields, key: str, amount: str, currency: str) -> int:
    return sum(_shop_money(part, amount, currency) for part in fields.children(key))


def _shop_money(fields: Fields, key: str, currency: str, *, signed: bool = False) -> int:
    """The shop's side of an amount; the plain field is only for bodies that have no `_set`."""
    bag = fields.child_or_none(f"{key}_set")
    if bag is None:
        return fields.major(key, currency, signed=signed)
    money = bag.child("shop_money")
    if money.text("currency_code") != currency:
        raise money.refusal("currency_mismatch", "currency_code", f"not {currency}, the currency of the rest")
    return money.major("amount", currency, signed=signed)


def _country(body: Fields) -> str | None:
    addresses = (body.child_or_none(key) for key in ("shipping_address", "billing_address"))
    return next((country for address in addresses if address and (country := address.country("country_code"))), None)


def _codes(body: Fields) -> Iterator[str]:
    """As typed, and as applied: an automatic discount has no code."""
    for key in ("discount_codes", "discount_applications"):
        for discount in body.children(key):
            yield discount.text_or_none("code") or ""


def _click_ids(body: Fields) -> Iterator[str]:
    """Cart attributes, line item properties, and whatever parameter of the landing page a program has chosen."""
    lists = [body.children("note_attributes")]
    lists += [line.children("properties") for line in body.children("line_items", "lines")]
    for attribute in (attribute for attributes in lists for attribute in attributes):
        name, value = attribute.values.get("name"), attribute.values.get("value")
        if isinstance(value, str) and isinstance(name, str) and name in _CLICK_NAMES:
            yield value
    landing = body.values.get("landing_site")
    if isinstance(landing, str):
        for _, value in parse_qsl(landing[:_URL_MAX].partition("?")[2].partition("#")[0]):
            yield value

"""Our own shape of orders and refunds as facts: what `POST /v1/orders` takes, and what our generic webhooks bring.

    order   external_id, occurred_at, updated_at?, currency, status?, customer?: {email?, id?, new?}, country?, codes?,
            click_ids?, lines: [{id, quantity, unit_price, discount?, tax?, sku?, product_id?, tags?, collections?,
            gift_card?}], shipping?, shipping_tax?, tip?, tax_included?, test?
    refund  order_id (the order's `external_id`), external_id, currency, updated_at?, amount?,
            lines?: [{id, quantity, amount?, tax?}]

Amounts are integers in minor units; a refund's are in the terms of the order's prices: with tax where the order says
`tax_included`, else without. `status` is open, paid (if not said), refunded or cancelled. Fields that are not named
here mean nothing here. Everything raises Unreadable with a stable reason and the path of the field, so the API can
validate with it; only what no money hangs on is passed over where it has a wrong shape.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from vouch.domain.facts import Lifecycle, Line, Refund, RefundLine, Snapshot
from vouch.domain.money import AMOUNT_MAX
from vouch.platforms import evidence
from vouch.platforms.base import Pseudonym, Unreadable
from vouch.platforms.parsing import QUANTITY_MAX, Fields

TAGS_MAX = 250

_LIFECYCLES = {
    "open": Lifecycle.OPEN,
    "paid": Lifecycle.PAID,
    "refunded": Lifecycle.REFUNDED,
    "cancelled": Lifecycle.CANCELLED,
}


def order(body: Fields, platform: str, said_at: datetime, pseudonym: Pseudonym) -> Snapshot:
    """The snapshot, of the time `said_at` where the order names none."""
    if not body.has("lines"):
        raise body.refusal("shape_mismatch", "lines", "missing")
    lines = body.children("lines", "lines")
    lifecycle = _lifecycle(body)
    buyer = body.hinted("customer")
    return Snapshot(
        updated_at=body.moment_or_none("updated_at") or said_at,
        placed_at=body.moment("occurred_at"),
        lifecycle=lifecycle,
        paid=lifecycle in (Lifecycle.PAID, Lifecycle.REFUNDED),
        currency=body.currency("currency"),
        lines=distinct([_line(line) for line in lines], lines),
        platform=platform,
        shipping=body.minor_or_zero("shipping"),
        shipping_tax=body.minor_or_zero("shipping_tax"),
        tip=body.minor_or_zero("tip"),
        tax_included=body.flag("tax_included"),
        test=body.flag("test"),
        country=body.country("country"),
        codes=evidence.codes(body.hints("codes")),
        click_ids=evidence.click_ids(body.hints("click_ids")),
        customers=evidence.customers(pseudonym, [buyer.hint("email", evidence.EMAIL_MAX)], buyer.hint("id")),
        customer_new=new if isinstance(new := buyer.values.get("new"), bool) else None,
    )


def refund(body: Fields, said_at: datetime) -> Refund:
    """The refund; without amounts of their own its lines count by quantity."""
    lines = body.children("lines", "lines")
    amount = body.minor_or_zero("amount")
    if not lines and not amount:
        raise body.refusal("shape_mismatch", "lines", "a refund needs lines or an amount")
    return Refund(
        id=body.identifier("external_id"),
        updated_at=body.moment_or_none("updated_at") or said_at,
        currency=body.currency("currency") if body.has("currency") else None,
        lines=ordered(_refund_line(line) for line in lines),
        amount=amount,
    )


def distinct(lines: Sequence[Line], said: Sequence[Fields]) -> tuple[Line, ...]:
    """The lines of an order; refunds name them, so each needs an id of its own."""
    seen: set[str] = set()
    for line, fields in zip(lines, said, strict=True):
        if line.id in seen:
            raise fields.refusal("duplicate_line", "id", "another line has this id")
        seen.add(line.id)
    return tuple(lines)


def bounded(line: Line, said: Fields) -> Line:
    """The line, once it is sure that its sums stay amounts and that no discount gives more than the price."""
    gross = line.quantity * line.unit_price
    if gross > AMOUNT_MAX:
        raise Unreadable("bad_amount", f"{said.path}: quantity times price is out of range")
    if line.discount > gross:
        raise Unreadable("bad_amount", f"{said.path}: the discount is more than the price")
    if line.tax > AMOUNT_MAX:
        raise Unreadable("bad_amount", f"{said.path}: the tax is out of range")
    return line


def ordered(parts: Iterable[RefundLine]) -> tuple[RefundLine, ...]:
    """The parts of a refund in one order, so that it is the same fact however it was told."""
    return tuple(sorted(parts, key=repr))


def _lifecycle(body: Fields) -> Lifecycle:
    status = body.text_or_none("status") or "paid"
    if status not in _LIFECYCLES:
        raise body.refusal("unknown_status", "status", f"not one of {', '.join(_LIFECYCLES)}")
    return _LIFECYCLES[status]


def _line(line: Fields) -> Line:
    return bounded(
        Line(
            id=line.identifier("id"),
            quantity=line.whole("quantity", QUANTITY_MAX),
            unit_price=line.minor("unit_price"),
            discount=line.minor_or_zero("discount"),
            tax=line.minor_or_zero("tax"),
            sku=line.hint("sku"),
            product_id=line.hint("product_id"),
            tags=line.hints("tags")[:TAGS_MAX],
            collections=line.hints("collections")[:TAGS_MAX],
            gift_card=line.flag("gift_card"),
        ),
        line,
    )


def _refund_line(line: Fields) -> RefundLine:
    amount, tax = (line.minor(key) if line.has(key) else None for key in ("amount", "tax"))
    if (tax or 0) > (amount or 0):
        raise line.refusal("bad_amount", "tax", "more than the amount")
    return RefundLine(line.identifier("id"), line.whole("quantity", QUANTITY_MAX), amount, tax)

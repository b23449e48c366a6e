"""Our own shape of orders and refunds as facts: what `POST /v1/orders` takes, and what our generic webhooks bring.

    order   external_id, occurred_at, updated_at?, currency, status?, customer?: {email?, id?, new?}, country?, codes?,
            click_ids?, lines: [{id, quantity, unit_price, discount?, tax?, sku?, product_id?, tags?, collections?,
            gift_card?}], shipping?, shipping_tax?, tip?, tax_included?, test?
    refund  order_id (the order's `external_id`), external_id, currency, updated_at?, amount?,
            lines?: [{id, quantity, amount?}]

Amounts are integers in minor units. `status` is open, paid (if not said), refunded or
cancelled. Fields that are not named here mean nothing here. Everything raises Unreadable with a stable reason and the
path of the field, so the API can validate with it.
"""

from collections.abc import Sequence
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
    buyer = body.child_or_none("customer") or Fields({})
    return Snapshot(
        updated_at=body.moment_or_none("updated_at") or said_at,
        placed_at=body.moment("occurred_at"),
        lifecycle=_lifecycle(body),
        currency=body.currency("currency"),
        lines=distinct([_line(line) for line in lines], lines),
        platform=platform,
        shipping=body.minor_or_zero("shipping"),
        shipping_tax=body.minor_or_zero("shipping_tax"),
        tip=body.minor_or_zero("tip"),
        tax_included=body.flag("tax_included"),
        test=body.flag("test"),
        country=body.country("country"),
        codes=evidence.codes(body.texts("codes")),
        click_ids=evidence.click_ids(body.texts("click_ids")),
        customer=evidence.customer(
            pseudonym, [buyer.text_or_none("email", evidence.EMAIL_MAX)], buyer.identifier_or_none("id")
        ),
        customer_new=buyer.flag("new") if buyer.has("new") else None,
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
        currency=body.currency("currency"),
        lines=merged([_refund_line(line) for line in lines]),
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


def merged(parts: Sequence[RefundLine]) -> tuple[RefundLine, ...]:
    """One part per line, by its id, so that the same refund is the same fact whatever the order it was told in."""
    by_line: dict[str, RefundLine] = {}
    for part in parts:
        known = by_line.get(part.line_id)
        by_line[part.line_id] = part if known is None else _together(known, part)
    return tuple(by_line[line_id] for line_id in sorted(by_line))


def _together(one: RefundLine, other: RefundLine) -> RefundLine:
    """Two parts of one line; where one counts by quantity, both do."""
    amount = None if one.amount is None or other.amount is None else one.amount + other.amount
    return RefundLine(one.line_id, one.quantity + other.quantity, amount)


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
            sku=line.text_or_none("sku"),
            product_id=line.identifier_or_none("product_id"),
            tags=_tags(line, "tags"),
            collections=_tags(line, "collections"),
            gift_card=line.flag("gift_card"),
        ),
        line,
    )


def _refund_line(line: Fields) -> RefundLine:
    amount = line.minor("amount") if line.has("amount") else None
    return RefundLine(line.identifier("id"), line.whole("quantity", QUANTITY_MAX), amount)


def _tags(line: Fields, key: str) -> tuple[str, ...]:
    tags = line.texts(key)
    if len(tags) > TAGS_MAX:
        raise line.refusal("shape_mismatch", key, f"more than {TAGS_MAX}")
    return tags

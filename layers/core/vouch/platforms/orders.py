"""Our own shape of orders, refunds and disputes as facts: what the API takes, and what our generic webhooks bring.

    order    external_id, occurred_at, updated_at?, currency, status?, customer?: {email?, id?, new?, messenger_id?,
             instagram_id?}, country?, codes?, click_ids?, handles?: {instagram?, tiktok?}, subscription?: {id,
             started_at}, lines: [{id, quantity, unit_price, discount?, tax?, sku?, product_id?, tags?, collections?,
             gift_card?}], shipping?, shipping_tax?, tip?, tax_included?, test?
    refund   order_id (the order's `external_id`), external_id, currency?, updated_at?, failed?, amount?,
             lines?: [{id, quantity, amount?, tax?}]
    dispute  order_id (likewise), external_id, status, currency?, amount?, updated_at?

Amounts are integers in minor units; a refund's are in the terms of the order's prices: with tax where the order says
`tax_included`, else without. A dispute's is what the bank asks for, tax and all; without one it is about all of the
order. An order's `status` is open, paid (if not said), refunded or cancelled, a dispute's is open, lost or won. Fields
that are not named here mean nothing here. Everything raises Unreadable with a stable reason and the path of the field,
so the API can validate with it; only what no money hangs on is passed over where it has a wrong shape.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import get_args

from vouch.domain.facts import Dispute, DisputeStatus, Lifecycle, Line, Refund, RefundLine, Snapshot
from vouch.domain.money import AMOUNT_MAX
from vouch.platforms import evidence
from vouch.platforms.base import Pseudonym
from vouch.platforms.parsing import QUANTITY_MAX, Fields

TAGS_MAX = 250

_LIFECYCLES = {
    "open": Lifecycle.OPEN,
    "paid": Lifecycle.PAID,
    "refunded": Lifecycle.REFUNDED,
    "cancelled": Lifecycle.CANCELLED,
}
_DISPUTES: tuple[DisputeStatus, ...] = get_args(DisputeStatus)


def order(body: Fields, platform: str, said_at: datetime, pseudonym: Pseudonym) -> Snapshot:
    """The snapshot, of the time `said_at` where the order names none."""
    if not body.has("lines"):
        raise body.refusal("shape_mismatch", "lines", "missing")
    lines = body.children("lines", "lines")
    lifecycle = _lifecycle(body)
    buyer = body.hinted("customer")
    subscription = body.child_or_none("subscription")
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
        handles=evidence.handles(body.hinted("handles")),
        contacts=evidence.contacts(pseudonym, buyer),
        subscription=pseudonym.of_subscription(subscription.identifier("id")) if subscription else None,
        subscribed_at=subscription.moment("started_at") if subscription else None,
    )


def refund(body: Fields, said_at: datetime) -> Refund:
    """The refund; without amounts of their own its lines count by quantity, and one that failed needs none."""
    lines = body.children("lines", "lines")
    amount, failed = body.minor_or_zero("amount"), body.flag("failed")
    if not lines and not amount and not failed:
        raise body.refusal("refund_of_nothing", "lines", "a refund needs lines or an amount")
    return Refund(
        id=body.identifier("external_id"),
        updated_at=body.moment_or_none("updated_at") or said_at,
        currency=body.currency("currency") if body.has("currency") else None,
        lines=ordered(_refund_line(line) for line in lines),
        amount=amount,
        failed=failed,
    )


def dispute(body: Fields, said_at: datetime) -> Dispute:
    """The dispute; one of nothing is none."""
    said = body.text("status")
    status = next((status for status in _DISPUTES if status == said), None)
    if status is None:
        raise body.refusal("unknown_status", "status", f"not one of {', '.join(_DISPUTES)}")
    amount = body.minor("amount") if body.has("amount") else None
    if amount == 0:
        raise body.refusal("bad_amount", "amount", "nothing; without one the dispute is about all of the order")
    return Dispute(
        id=body.identifier("external_id"),
        updated_at=body.moment_or_none("updated_at") or said_at,
        status=status,
        currency=body.currency("currency") if body.has("currency") else None,
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


def bounded(line: Line, said: Fields, *, price: str, discount: str, tax: str) -> Line:
    """The line, once it is sure that its sums stay amounts and that no discount gives more than the price.

    Where they are not, that field of what was said is to blame.
    """
    gross = line.quantity * line.unit_price
    if gross > AMOUNT_MAX:
        raise said.refusal("amount_out_of_range", price, "quantity times price is out of range")
    if line.discount > gross:
        raise said.refusal("discount_above_price", discount, "the discount is more than the price")
    if line.tax > AMOUNT_MAX:
        raise said.refusal("amount_out_of_range", tax, "the tax is out of range")
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
            sku=line.label("sku"),
            product_id=line.label("product_id"),
            tags=line.labels("tags")[:TAGS_MAX],
            collections=line.labels("collections")[:TAGS_MAX],
            gift_card=line.flag("gift_card"),
        ),
        line,
        price="unit_price",
        discount="discount",
        tax="tax",
    )


def _refund_line(line: Fields) -> RefundLine:
    amount, tax = (line.minor(key) if line.has(key) else None for key in ("amount", "tax"))
    if (tax or 0) > (amount or 0):
        raise line.refusal("tax_above_amount", "tax", "more than the amount")
    return RefundLine(line.identifier("id"), line.whole("quantity", QUANTITY_MAX), amount, tax)

"""Stripe: what was paid by Checkout and by invoices, as its events tell it, and what its API adds.

One sale is one order, however many objects speak of it. Where an invoice exists it is the order, since renewals have
nothing else; a session that names it adds what ties the sale to somebody, as a mention, and a snapshot that is older
than any of the invoice's, for brands that hear of sessions alone. An invoice that no subscription made may have been
made for a session that does not name it. Only the payment intent tells, and current events no longer name that: such an
invoice says nothing before Stripe was asked. Nor does an older version's session name the invoice of its subscription:
what it knows waits for the first invoice of that, of which there is one.

Refunds and disputes name the payment. A refund is kept by its own id and dated by its creation, whoever tells of it:
its amount never changes, and once it has failed it stays so. `charge.refunded` tells a sum of all refunds so far; it
is taken for a reason to ask for their list, never for money.

What Stripe is asked is said as of the event that made us ask, so that it adds to what that event said and never
outdates a later one.
"""

import json
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus
from urllib.parse import quote

from vouch import stripe_signatures
from vouch.domain.facts import Dispute, DisputeStatus, Fact, Lifecycle, Line, Mention, Refund, Snapshot
from vouch.domain.money import AMOUNT_MAX, split
from vouch.platforms import evidence, orders
from vouch.platforms.base import (
    ALIASES_MAX,
    Account,
    Answer,
    Api,
    Aside,
    Ask,
    BadSignature,
    Call,
    Change,
    Changes,
    Ignored,
    NotYet,
    Platform,
    PrivacyRequest,
    Pseudonym,
    Reading,
    Request,
    Said,
    Span,
    Thin,
    Unreadable,
)
from vouch.platforms.parsing import QUANTITY_MAX, Fields, body_hash, read, verbatim

ADDRESS = "https://api.stripe.com"
API_VERSION = "2026-06-24.dahlia"
PAGES_MAX = 20
PAGE_SIZE = 100

_METADATA_MAX = 500
_NOT_FOUND = HTTPStatus.NOT_FOUND
_NOT_GRANTED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)

_SESSIONS = {
    "checkout.session.completed": False,
    "checkout.session.async_payment_succeeded": False,
    "checkout.session.async_payment_failed": True,
    "checkout.session.expired": True,
}
"""Whether the event is the end of the session without any payment."""
_PAYMENTS = {
    "paid": Lifecycle.PAID,
    "no_payment_required": Lifecycle.PAID,  # a trial, or a code that gives everything
    "unpaid": Lifecycle.OPEN,  # a bank takes days: async_payment_succeeded or async_payment_failed follows
}
_INVOICES = (
    "invoice.paid",
    "invoice.payment_succeeded",
    "invoice.payment_failed",
    "invoice.marked_uncollectible",
    "invoice.voided",
)
_INVOICE_STATUSES = {
    "draft": Lifecycle.OPEN,
    "open": Lifecycle.OPEN,
    "paid": Lifecycle.PAID,
    "uncollectible": Lifecycle.CANCELLED,  # it can still be paid, and its event is the newer one then
    "void": Lifecycle.CANCELLED,
}
_REFUNDS = ("refund.created", "refund.updated", "refund.failed")
_REFUND_FAILED = {
    None: False,
    "pending": False,
    "requires_action": False,
    "succeeded": False,
    "failed": True,
    "canceled": True,
}
_DISPUTES = (
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.closed",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
)
_DISPUTE_STATUSES: dict[str, DisputeStatus | None] = {
    "needs_response": "open",
    "under_review": "open",
    "lost": "lost",
    "won": "won",
    "charge_refunded": "won",  # the bank took nothing: what was given back comes as a refund
    "prevented": "won",  # likewise
    "warning_needs_response": None,  # an inquiry: nothing is taken, and one that becomes a chargeback keeps its id
    "warning_under_review": None,
    "warning_closed": None,
}
_UNITS = {"ISK": (1, 100), "UGX": (1, 100), "MGA": (100, 1)}
"""Where Stripe's smallest unit is not that of ISO 4217: what one of it is worth, as a fraction.

ISK and UGX have no decimals any more, and are written as if they still had two; MGA is written without the two it has.
"""


# --- deliveries -------------------------------------------------------------------------------------------------------


def usable(secret: str) -> bool:
    return bool(secret.strip())


def verify(request: Request, account: Account, now: datetime) -> str:
    """The id of the event, which any secret of the account may prove."""
    if not stripe_signatures.proven(request.headers.get("stripe-signature", ""), request.body, account.secrets, now):
        raise BadSignature
    try:
        return read(request.body).identifier("id")
    except Unreadable:
        return body_hash(request.body)


def subject(request: Request) -> str:
    try:
        return _subject(read(request.body))
    except Unreadable:
        return body_hash(request.body)


def facts(request: Request, pseudonym: Pseudonym) -> Said:
    return _event(read(request.body), pseudonym)


def _subject(event: Fields) -> str:
    """The invoice, else the payment, else the object itself: of a session that has both, what its order goes by."""
    told = event.child("data").child("object")
    subscription = _id(told, "subscription") if told.hint("object") == "checkout.session" else None
    if subscription and not _id(told, "invoice"):
        return _first_invoice(subscription)
    if told.hint("object") in ("refund", "dispute", "charge"):
        return _payment(told) or told.identifier("id")
    return _id(told, "invoice") or told.identifier("id")


def _event(event: Fields, pseudonym: Pseudonym) -> Said:
    if event.hint("object") == "v2.core.event":
        return Ignored("thin_event")
    kind = event.text("type")
    if kind not in _READERS:
        return Ignored("unknown_type")
    name, reader = _READERS[kind]
    told = event.child("data").child("object")
    if told.text("object") != name:
        raise told.refusal("shape_mismatch", "object", f"not a {name}, of which the event tells")
    return reader(_Event(kind, event.identifier("id"), event.unix("created"), told), pseudonym)


@dataclass(frozen=True, slots=True)
class _Event:
    """What an event tells of, as it was `at` that time."""

    kind: str
    id: str
    at: datetime
    told: Fields


def _session_event(event: _Event, pseudonym: Pseudonym) -> Reading | Aside | Ignored:
    """A session that does not name the invoice of its subscription tells only by whom the sale came about."""
    session, ended = event.told, _SESSIONS[event.kind]
    if session.hint("mode") == "setup":
        return Ignored("nothing_sold")
    read = _session(session, event.at, pseudonym, ended=ended)
    asks = () if ended else (Ask("session", {"id": session.identifier("id"), "at": _stamp(event.at)}),)
    subscription = _id(session, "subscription")
    if subscription and not _id(session, "invoice"):
        mentions = tuple(fact for fact in read.facts if isinstance(fact, Mention))
        return Aside(_first_invoice(subscription), mentions, asks)
    return replace(read, asks=asks)


def _invoice_event(event: _Event, pseudonym: Pseudonym) -> Reading | Thin:
    ask = _asks_first(event.told, event.at)
    return _invoice(event.told, event.at, pseudonym) if ask is None else Thin(ask)


def _invoice_payment_event(event: _Event, pseudonym: Pseudonym) -> Reading:  # noqa: ARG001
    """Which payment paid which invoice, and no more: refunds name the one, renewals the other."""
    payment = _payment(event.told.child("payment"))
    return Reading(_known(event.told, "invoice"), (), (payment,) if payment else ())


def _charge_event(event: _Event, pseudonym: Pseudonym) -> Aside | Thin:  # noqa: ARG001
    """The sum of all refunds so far, which is the refunds themselves where the API's version still lists them."""
    charge = event.told
    refunds = charge.child_or_none("refunds")
    alias = _payment(charge) or charge.identifier("id")
    if refunds is not None and not refunds.flag("has_more"):
        return Aside(alias, tuple(_refund(refund) for refund in refunds.children("data")))
    return Thin(
        Ask(
            "refunds",
            {"charge": charge.identifier("id"), "of": alias, "refunded": str(charge.minor("amount_refunded"))},
        )
    )


def _refund_event(event: _Event, pseudonym: Pseudonym) -> Aside | Ignored:  # noqa: ARG001
    payment = _payment(event.told)
    return Aside(payment, (_refund(event.told),)) if payment else Ignored("refund_without_payment")


def _dispute_event(event: _Event, pseudonym: Pseudonym) -> Aside | Ignored:  # noqa: ARG001
    dispute = event.told
    said = dispute.text("status")
    if said not in _DISPUTE_STATUSES:
        raise dispute.refusal("unknown_status", "status", "not a status that is known here")
    status, payment = _DISPUTE_STATUSES[said], _payment(dispute)
    if status is None:
        return Ignored("dispute_inquiry")
    if payment is None:
        return Ignored("dispute_without_payment")
    currency = _currency(dispute)
    asked = Dispute(dispute.identifier("id"), event.at, status, currency, _amount(dispute, "amount", currency))
    return Aside(payment, (asked,))


def _customer_event(event: _Event, pseudonym: Pseudonym) -> PrivacyRequest:
    customer = event.told
    email = customer.hint("email", evidence.EMAIL_MAX)
    named = evidence.customers_by_all(pseudonym, [email], customer.identifier("id"))
    return PrivacyRequest("erase_customer", event.id, customers=named)


_READERS: Mapping[str, tuple[str, Callable[[_Event, Pseudonym], Said]]] = {
    **dict.fromkeys(_SESSIONS, ("checkout.session", _session_event)),
    **dict.fromkeys(_INVOICES, ("invoice", _invoice_event)),
    "invoice_payment.paid": ("invoice_payment", _invoice_payment_event),
    **dict.fromkeys((*_REFUNDS, "charge.refund.updated"), ("refund", _refund_event)),
    "charge.refunded": ("charge", _charge_event),
    **dict.fromkeys(_DISPUTES, ("dispute", _dispute_event)),
    "customer.deleted": ("customer", _customer_event),
}


# --- what its objects say ---------------------------------------------------------------------------------------------


def _session(
    session: Fields, at: datetime, pseudonym: Pseudonym, *, ended: bool = False, items: Sequence[Fields] | None = None
) -> Reading:
    """A session as it was `at` that time; with what Stripe was asked for, its `items`, if the token may read them."""
    session_id, invoice = session.identifier("id"), _id(session, "invoice")
    subscription = _id(session, "subscription")
    invoiced = invoice or subscription or session.hinted("invoice_creation").values.get("enabled") is True
    created = session.unix("created")
    currency = _currency(session)
    goods, shipping, shipping_tax = _goods_of_session(session, currency)
    said = [_whole(session, goods, currency)] if items is None else [_session_item(item, currency) for item in items]
    lifecycle = Lifecycle.CANCELLED if ended else _status(session, "payment_status", _PAYMENTS)
    snapshot = Snapshot(
        # The invoice tells the sale better, so whatever it says is the newer; it also tells when the sale was placed.
        updated_at=created if invoiced else at,
        triggered_at=None if items is None else at,
        placed_at=created,
        placed_at_guessed=bool(invoiced),
        lifecycle=lifecycle,
        paid=lifecycle is Lifecycle.PAID,
        currency=currency,
        lines=_lines(said, goods, session),
        platform="stripe",
        shipping=shipping,
        shipping_tax=shipping_tax,
        tax_included=goods.tax_included,
        test=not _live(session),
        country=_country(session.hinted("collected_information").hinted("shipping_details"))
        or _country(session.hinted("shipping_details"))
        or _country(session.hinted("customer_details")),
        codes=evidence.codes(_codes(session.hinted("metadata"))),
        click_ids=evidence.click_ids((session.hint("client_reference_id") or "", *_refs(session.hinted("metadata")))),
        customers=evidence.customers_by_all(
            pseudonym,
            (
                session.hinted("customer_details").hint("email", evidence.EMAIL_MAX),
                session.hint("customer_email", evidence.EMAIL_MAX),
            ),
            _hinted_id(session, "customer"),
        ),
        subscription=pseudonym.of_subscription(subscription) if subscription else None,
        subscribed_at=created if subscription else None,
    )
    told: list[Fact] = [snapshot, *_promotion_codes(session, at)]
    if invoiced and (snapshot.codes or snapshot.click_ids or snapshot.customers):
        told.append(Mention(session_id, at, snapshot.codes, snapshot.click_ids, snapshot.customers))
    aliases = (
        session_id if invoice else None,
        _id(session, "payment_intent"),
        _first_invoice(subscription) if subscription else None,
    )
    return Reading(invoice or session_id, tuple(told), tuple(alias for alias in aliases if alias))


def _invoice(invoice: Fields, at: datetime, pseudonym: Pseudonym, *, items: Sequence[Fields] | None = None) -> Reading:
    """An invoice as it was `at` that time; with what Stripe was asked for, all of its lines as `items`."""
    invoice_id, currency = invoice.identifier("id"), _currency(invoice)
    lines = invoice.child("lines").children("data", "lines") if items is None else items
    goods, shipping, shipping_tax = _goods_of_invoice(invoice, currency)
    said = [_invoice_item(line, currency) for line in lines]
    lifecycle = _status(invoice, "status", _INVOICE_STATUSES)
    made_by = _subscription_details(invoice)
    subscription = _id(made_by, "subscription") or _id(invoice, "subscription")
    metadata = [made_by.hinted("metadata"), invoice.hinted("metadata"), *(line.hinted("metadata") for line in lines)]
    snapshot = Snapshot(
        updated_at=at,
        triggered_at=None if items is None else at,
        placed_at=invoice.unix("created"),
        lifecycle=lifecycle,
        paid=lifecycle is Lifecycle.PAID,
        currency=currency,
        lines=_lines(said, goods, invoice),
        platform="stripe",
        shipping=shipping,
        shipping_tax=shipping_tax,
        tax_included=goods.tax_included,
        test=not _live(invoice),
        country=_country(invoice.hinted("customer_shipping"))
        or _country(Fields({"address": invoice.values.get("customer_address")})),
        codes=evidence.codes(code for said in metadata for code in _codes(said)),
        click_ids=evidence.click_ids(ref for said in metadata for ref in _refs(said)),
        customers=evidence.customers_by_all(
            pseudonym, [invoice.hint("customer_email", evidence.EMAIL_MAX)], _hinted_id(invoice, "customer")
        ),
        subscription=pseudonym.of_subscription(subscription) if subscription else None,
        subscribed_at=_subscribed_at(invoice, made_by) if subscription else None,
    )
    asks = (_ask_for_invoice(invoice_id, at),) if items is None else ()
    aliases = _payments(invoice)
    if subscription and _is_first(invoice):
        aliases = (_first_invoice(subscription), *aliases)[:ALIASES_MAX]
    return Reading(invoice_id, (snapshot, *_promotion_codes(invoice, at)), aliases, asks)


def _asks_first(invoice: Fields, at: datetime) -> Ask | None:
    """What has to be asked before an invoice can count: it may be that of a session which is an order already."""
    subscription = _id(_subscription_details(invoice), "subscription") or _id(invoice, "subscription")
    return None if subscription or _payments(invoice) else _ask_for_invoice(invoice.identifier("id"), at)


def _ask_for_invoice(invoice_id: str, at: datetime) -> Ask:
    return Ask("invoice", {"id": invoice_id, "at": _stamp(at)})


def _refund(refund: Fields) -> Refund:
    """Dated by its creation in each of its versions, of which one that failed is the newest whoever brings it."""
    currency = _currency(refund)
    said = refund.text_or_none("status")
    if said not in _REFUND_FAILED:
        raise refund.refusal("unknown_status", "status", "not a status that is known here")
    return Refund(
        id=refund.identifier("id"),
        updated_at=refund.unix("created"),
        currency=currency,
        amount=_amount(refund, "amount", currency),
        amount_with_tax=True,
        failed=_REFUND_FAILED[said],
    )


def _payment(told: Fields) -> str | None:
    """The payment that an object is about: its intent, or the charge of one that was made without."""
    return _id(told, "payment_intent") or _id(told, "charge")


def _payments(invoice: Fields) -> tuple[str, ...]:
    """The payments of an invoice: current versions list them where they are asked to, older ones name the last."""
    listed = [
        payment.hinted("payment")
        for payment in invoice.hinted("payments").hinted_list("data")
        if payment.hint("status") != "canceled"
    ]
    found = (_payment(told) for told in (invoice, *listed))
    return tuple(dict.fromkeys(payment for payment in found if payment))[:ALIASES_MAX]


def _subscription_details(invoice: Fields) -> Fields:
    for place in (invoice.hinted("parent"), invoice):
        if place.hinted("subscription_details").values:
            return place.hinted("subscription_details")
    return invoice.hinted("subscription_details")


def _subscribed_at(invoice: Fields, made_by: Fields) -> datetime | None:
    """When the subscription began: it says so itself where it was asked for, and its first invoice is made with it."""
    asked = made_by.hinted("subscription")
    if asked.has("start_date"):
        return asked.unix("start_date")
    return invoice.unix("created") if _is_first(invoice) else None


def _is_first(invoice: Fields) -> bool:
    """Whether it was made with its subscription: no other one of that is."""
    return invoice.hint("billing_reason") == "subscription_create"


def _first_invoice(subscription: str) -> str:
    """What the first invoice goes by with whoever knows its subscription alone."""
    return f"{subscription}:first"


def _promotion_codes(told: Fields, at: datetime) -> Iterator[Mention]:
    """The codes that were typed: events hold their ids, an answer the codes."""
    for discount in told.hinted_list("discounts"):
        promotion = discount.hinted("promotion_code")
        code = evidence.codes([promotion.hint("code") or ""])
        if code:
            yield Mention(promotion.identifier("id"), at, code)


def _codes(metadata: Fields) -> Iterator[str]:
    yield metadata.hint("code", _METADATA_MAX) or ""


def _refs(metadata: Fields) -> Iterator[str]:
    for name in sorted(evidence.CLICK_NAMES):
        yield metadata.hint(name, _METADATA_MAX) or ""


def _country(place: Fields) -> str | None:
    return place.hinted("address").country("country")


# --- money ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Goods:
    """What was sold came to: after discounts and without its tax, and that tax, which the prices hold or not."""

    net: int
    tax: int
    tax_included: bool


@dataclass(frozen=True, slots=True)
class _Item:
    """What one line says: `price` is that of all of it before discounts, with the tax that is `included` in it."""

    said: Fields
    id: str
    price: int
    quantity: int = 1
    discount: int = 0
    included: int = 0
    tax: int = 0
    sku: str | None = None
    product_id: str | None = None

    @property
    def net(self) -> int:
        return self.price - self.discount - self.included


def _goods_of_session(session: Fields, currency: str) -> tuple[_Goods, int, int]:
    """The goods, the shipping and its tax. What the sums have less than their parts is tax that was in the prices."""
    details = session.child_or_none("total_details") or Fields({})
    bought = _amount(session, "amount_subtotal", currency)
    discount, tax = (_amount_or_zero(details, f"amount_{part}", currency) for part in ("discount", "tax"))
    if discount > bought:
        raise details.refusal("discount_above_price", "amount_discount", "more than what it is taken off")
    cost = session.child_or_none("shipping_cost") or Fields({"amount_total": details.values.get("amount_shipping")})
    shipping, shipping_tax = (_amount_or_zero(cost, f"amount_{part}", currency) for part in ("total", "tax"))
    goods_tax = max(0, tax - shipping_tax)
    total = _amount(session, "amount_total", currency) - shipping
    included = min(goods_tax, bought - discount, max(0, bought - discount + goods_tax - total))
    goods = _Goods(bought - discount - included, goods_tax, tax_included=0 < goods_tax == included)
    return goods, _shipping(shipping, shipping_tax, goods), shipping_tax


def _goods_of_invoice(invoice: Fields, currency: str) -> tuple[_Goods, int, int]:
    """The goods, the shipping and its tax. An invoice of credits alone comes to less than 0, and sells nothing."""
    taxes = _taxes(invoice, ("total_taxes", "total_tax_amounts"), currency)
    tax = sum(amount for amount, _ in taxes)
    cost = invoice.child_or_none("shipping_cost") or Fields({"amount_total": invoice.values.get("amount_shipping")})
    shipping, shipping_tax = (_amount_or_zero(cost, f"amount_{part}", currency) for part in ("total", "tax"))
    if invoice.has("total_excluding_tax"):
        net = _amount(invoice, "total_excluding_tax", currency, signed=True)
    else:
        net = _amount(invoice, "total", currency, signed=True) - tax
    goods = _Goods(
        max(0, net - (shipping - shipping_tax)),
        max(0, tax - shipping_tax),
        tax_included=tax > 0 and all(included for _, included in taxes),
    )
    return goods, _shipping(shipping, shipping_tax, goods), shipping_tax


def _shipping(shipping: int, tax: int, goods: _Goods) -> int:
    """In the terms of the order's prices, where Stripe's sum of it has its tax in any case."""
    return shipping if goods.tax_included else max(0, shipping - tax)


def _whole(session: Fields, goods: _Goods, currency: str) -> _Item:
    """All that a session sold as one line: its event does not say of what it was made."""
    bought = _amount(session, "amount_subtotal", currency)
    details = session.child_or_none("total_details") or Fields({})
    discount = _amount_or_zero(details, "amount_discount", currency)
    return _Item(
        session,
        session.identifier("id"),
        bought,
        discount=discount,
        included=bought - discount - goods.net,
        tax=goods.tax,
    )


def _session_item(item: Fields, currency: str) -> _Item:
    price, discount, tax = (
        _amount_or_zero(item, f"amount_{part}", currency) for part in ("subtotal", "discount", "tax")
    )
    left = price - discount + tax - _amount(item, "amount_total", currency)
    return _Item(
        item,
        item.identifier("id"),
        price,
        quantity=_quantity(item),
        discount=discount,
        included=min(tax, max(0, left)),
        tax=tax,
        **_product(item, item.hinted("price")),
    )


def _invoice_item(line: Fields, currency: str) -> _Item:
    """A line of an invoice; a credit for what was paid before has an amount below 0."""
    taxes = _taxes(line, ("taxes", "tax_amounts"), currency)
    granted = [part for part in line.children("pretax_credit_amounts") if part.hint("type") != "discount"]
    taken_off = (*line.children("discount_amounts"), *granted)
    priced = line.hinted("pricing").hinted("price_details")
    return _Item(
        line,
        line.identifier("id"),
        _amount(line, "amount", currency, signed=True),
        quantity=_quantity(line),
        discount=sum(_amount(part, "amount", currency) for part in taken_off),
        included=sum(amount for amount, included in taxes if included),
        tax=sum(amount for amount, _ in taxes),
        **_product(line, priced if priced.values else line.hinted("price")),
    )


def _product(line: Fields, price: Fields) -> dict[str, str | None]:
    """The product's id, and a SKU where metadata hold one: Stripe's catalogue has none of its own."""
    product = price.hinted("product")
    places = (line.hinted("metadata"), price.hinted("metadata"), product.hinted("metadata"))
    return {
        "product_id": product.label("id") or price.label("product"),
        "sku": next((sku for place in places if (sku := place.label("sku"))), None),
    }


def _taxes(told: Fields, keys: Sequence[str], currency: str) -> list[tuple[int, bool]]:
    """The taxes and whether the prices hold them, in the words of current and of older versions; below 0 on credits."""
    key = next((key for key in keys if told.has(key)), keys[0])
    return [
        (
            _amount(tax, "amount", currency, signed=True),
            tax.hint("tax_behavior") == "inclusive" or tax.flag("inclusive"),
        )
        for tax in told.children(key)
    ]


def _lines(items: Sequence[_Item], goods: _Goods, said: Fields) -> tuple[Line, ...]:
    """The lines, which come to what the goods came to.

    What credits take off is taken off all other lines, as a discount. What no line tells of is a line of its own: an
    event has the first ten of an invoice.
    """
    sold = [item for item in items if item.net >= 0]
    beyond = goods.net - sum(item.net for item in sold)
    if beyond > 0:
        sold.append(_Item(said, said.identifier("id"), beyond))
    nets = [item.net for item in sold]
    nets = [net - off for net, off in zip(nets, split(max(0, -beyond), nets), strict=True)]
    taxes = [max(0, item.tax) if net else 0 for item, net in zip(sold, nets, strict=True)]
    if sum(taxes) != goods.tax:
        taxes = split(goods.tax, taxes if any(taxes) else nets)
    lines = [_line(item, net, tax, goods) for item, net, tax in zip(sold, nets, taxes, strict=True)]
    return orders.distinct(lines, [item.said for item in sold])


def _line(item: _Item, net: int, tax: int, goods: _Goods) -> Line:
    """Stripe tells what all of a line came to; a price that does not divide is rounded up, and the rest taken off."""
    worth = net + tax if goods.tax_included else net
    listed = max(worth, item.price - (0 if goods.tax_included else item.included))
    unit_price = -(-listed // item.quantity)
    return orders.bounded(
        Line(
            id=item.id,
            quantity=item.quantity,
            unit_price=unit_price,
            discount=item.quantity * unit_price - worth,
            tax=tax,
            sku=item.sku,
            product_id=item.product_id,
        ),
        item.said,
        price="amount",
        discount="discounts",
        tax="taxes",
    )


def _quantity(line: Fields) -> int:
    """At least 1: what is metered or given for nothing may come without any."""
    return max(1, line.whole("quantity", QUANTITY_MAX)) if line.has("quantity") else 1


def _currency(told: Fields) -> str:
    code = told.text("currency")
    return Fields({"currency": code.upper()}, told.path).currency("currency")


def _amount(told: Fields, key: str, currency: str, *, signed: bool = False) -> int:
    """In minor units of ISO 4217, an amount in Stripe's smallest unit."""
    value = told.values.get(key)
    if value is None:
        raise told.refusal("shape_mismatch", key, "an amount is missing")
    if type(value) is not int or abs(value) > AMOUNT_MAX or (value < 0 and not signed):
        raise told.refusal("bad_amount", key, "not an amount in whole minor units")
    numerator, denominator = _UNITS.get(currency, (1, 1))
    amount, rest = divmod(value * numerator, denominator)
    if rest or abs(amount) > AMOUNT_MAX:
        raise told.refusal("bad_amount", key, f"not an amount of {currency} as Stripe writes it")
    return amount


def _amount_or_zero(told: Fields, key: str, currency: str) -> int:
    return _amount(told, key, currency) if told.has(key) else 0


# --- ids and the like -------------------------------------------------------------------------------------------------


def _id(told: Fields, key: str) -> str | None:
    """The id of another object, which may stand there itself."""
    value = told.values.get(key)
    if value is None:
        return None
    return told.child(key).identifier("id") if isinstance(value, dict) else told.identifier(key)


def _known(told: Fields, key: str) -> str:
    found = _id(told, key)
    if found is None:
        raise told.refusal("shape_mismatch", key, "an id is missing")
    return found


def _hinted_id(told: Fields, key: str) -> str | None:
    return told.hint(key) or told.hinted(key).hint("id")


def _live(told: Fields) -> bool:
    """Never guessed: a payment in a sandbox earns nothing, and one that is real does."""
    if not told.has("livemode"):
        raise told.refusal("shape_mismatch", "livemode", "missing")
    return told.flag("livemode")


def _status(told: Fields, key: str, statuses: Mapping[str, Lifecycle]) -> Lifecycle:
    said = told.text(key)
    if said not in statuses:
        raise told.refusal("unknown_status", key, "not a status that is known here")
    return statuses[said]


def _stamp(at: datetime) -> str:
    return str(int(at.timestamp()))


# --- asking -----------------------------------------------------------------------------------------------------------


def address(account: Account) -> str:  # noqa: ARG001
    return ADDRESS


def ask(wanted: Ask, account: Account, now: datetime) -> Generator[Call, Answer, bytes]:  # noqa: ARG001
    return (yield from _CONVERSATIONS[wanted.what](wanted, account))


class _NotGranted(Exception):
    """The token lacks the right to something that is done without."""


def _ask_session(wanted: Ask, account: Account) -> Generator[Call, Answer, bytes]:
    path = f"/v1/checkout/sessions/{quote(wanted.about['id'], safe='')}"
    session = yield from _expanded(account, path, (), ("discounts.promotion_code",))
    items = yield from _session_items(account, f"{path}/line_items")
    return _answer(wanted, session, items)


def _session_items(account: Account, path: str) -> Generator[Call, Answer, list[bytes] | None]:
    """With their products, or without; None where the token may not even read that."""
    for parts in (("data.price.product",), ()):
        try:
            return (yield from _all(account, path, _expand(parts), optional=True))
        except _NotGranted:
            continue
    return None


def _ask_invoice(wanted: Ask, account: Account) -> Generator[Call, Answer, bytes]:
    path = f"/v1/invoices/{quote(wanted.about['id'], safe='')}"
    parts = "discounts.promotion_code", "parent.subscription_details.subscription"
    invoice = yield from _expanded(account, path, ("payments",), parts)
    more = read(invoice).child("lines").flag("has_more")
    items = (yield from _all(account, f"{path}/lines", [])) if more else []
    return _answer(wanted, invoice, items)


def _expanded(
    account: Account, path: str, needed: tuple[str, ...], wanted: Sequence[str]
) -> Generator[Call, Answer, bytes]:
    """What stands there, with what is needed, and as much of what else is wanted as the token may read."""
    try:
        return (yield from _get(account, path, _expand((*needed, *wanted)), optional=True))
    except _NotGranted:
        told, granted = (yield from _get(account, path, _expand(needed))), needed
    for part in wanted:
        try:
            told = yield from _get(account, path, _expand((*granted, part)), optional=True)
        except _NotGranted:
            continue
        granted = (*granted, part)
    return told


def _expand(parts: Sequence[str]) -> list[tuple[str, str]]:
    return [("expand[]", part) for part in parts]


def _ask_refunds(wanted: Ask, account: Account) -> Generator[Call, Answer, bytes]:
    refunds = yield from _all(account, "/v1/refunds", [("charge", wanted.about["charge"])])
    listed = sum(read(refund).minor("amount") for refund in refunds)
    if listed < int(wanted.about["refunded"]):
        raise NotYet("refund_not_listed")
    return _answer(wanted, json.dumps({"of": wanted.about["of"]}).encode(), refunds)


_CONVERSATIONS: Mapping[str, Callable[[Ask, Account], Generator[Call, Answer, bytes]]] = {
    "session": _ask_session,
    "invoice": _ask_invoice,
    "refunds": _ask_refunds,
}


def changes(span: Span, bookmark: str | None, account: Account, now: datetime) -> Generator[Call, Answer, Changes]:
    """The events of the span, the newest first; Stripe keeps them for 30 days."""
    query = [("types[]", kind) for kind in _PULLED]
    query += [("created[gte]", _stamp(span.since)), ("created[lt]", _stamp(span.until)), ("limit", str(PAGE_SIZE))]
    page = yield from _get(account, "/v1/events", query + ([("starting_after", bookmark)] if bookmark else []))
    found: list[Change] = []
    for body in verbatim(page, "data"):
        told = yield from _enough(body, account, now)
        found.append(Change(subject(Request({}, body)), told))
    events = read(page)
    more = events.flag("has_more") and found
    return Changes(tuple(found), events.children("data")[-1].identifier("id") if more else None)


_PULLED = (*_SESSIONS, *_INVOICES, "invoice_payment.paid", *_REFUNDS, *_DISPUTES)
"""Twenty types at most. All that `charge.refunded` could say, its refunds say."""


def _enough(body: bytes, account: Account, now: datetime) -> Generator[Call, Answer, bytes]:
    """The event, or what Stripe says when it is asked about one that says too little; one that cannot be read parks."""
    try:
        event = read(body)
        told = event.child("data").child("object")
        too_little = _asks_first(told, event.unix("created")) if told.hint("object") == "invoice" else None
        return body if too_little is None else (yield from ask(too_little, account, now))
    except Unreadable as refusal:
        if refusal.reason == "not_json":  # half an answer: asked again, it is whole
            raise
        return body


def _get(
    account: Account, path: str, query: Sequence[tuple[str, str]], *, optional: bool = False
) -> Generator[Call, Answer, bytes]:
    """Raises _NotGranted, too, if that is optional."""
    token = account.api_token or ""
    headers = {"Authorization": f"Bearer {token}", "Stripe-Version": API_VERSION}
    answer = yield Call(path, query, headers=headers, optional=optional)
    if optional and answer.status in _NOT_GRANTED:
        raise _NotGranted
    if answer.status == _NOT_FOUND:
        raise Unreadable("platform_refused", "Stripe does not know it: the token may be another account's or mode's")
    read(answer.body)
    return answer.body


def _all(
    account: Account, path: str, query: Sequence[tuple[str, str]], *, optional: bool = False
) -> Generator[Call, Answer, list[bytes]]:
    """All of a list, each in its own bytes. Raises as `_get`."""
    found: list[bytes] = []
    following: list[tuple[str, str]] = []
    for _ in range(PAGES_MAX):
        listed = [*query, ("limit", str(PAGE_SIZE)), *following]
        body = yield from _get(account, path, listed, optional=optional)
        page = read(body)
        found += verbatim(body, "data")
        if not page.flag("has_more") or not page.children("data"):
            return found
        following = [("starting_after", page.children("data")[-1].identifier("id"))]
    raise Unreadable("too_many_items", f"more than {PAGES_MAX * PAGE_SIZE} of {path}")


def _answer(wanted: Ask, told: bytes, items: Sequence[bytes] | None) -> bytes:
    """`{"asked": …, "at": …, "told": {…}, "items": […]}`, what Stripe said in its own bytes.

    The items of an invoice are only there where it does not show all of its lines itself; null are those of a session
    that the token may not read.
    """
    at = wanted.about.get("at", "0").encode()
    parts = (
        b'{"asked":"',
        wanted.what.encode(),
        b'","at":',
        at,
        b',"told":',
        told,
        b',"items":',
        b"null" if items is None else b"[" + b",".join(items) + b"]",
        b"}",
    )
    return b"".join(parts)


def _read(body: bytes, pseudonym: Pseudonym) -> Reading | Aside | Ignored:
    """An answer, or an event that was pulled."""
    said = read(body)
    asked = said.hint("asked")
    if asked is None:
        found = _event(said, pseudonym)
        if isinstance(found, Reading | Aside | Ignored):
            return found
        raise said.refusal("too_little_said", "type", "nothing that counts before Stripe was asked")
    told, items = said.child("told"), said.children("items")
    match asked:
        case "session":
            return _session(told, said.unix("at"), pseudonym, items=items if said.has("items") else None)
        case "invoice":
            lines = items or told.child("lines").children("data", "lines")
            return _invoice(told, said.unix("at"), pseudonym, items=lines)
        case "refunds":
            return Aside(told.identifier("of"), tuple(_refund(refund) for refund in items))
        case _:
            raise said.refusal("shape_mismatch", "asked", "nothing that is asked here")


PLATFORM = Platform(
    usable=usable,
    verify=verify,
    subject=subject,
    facts=facts,
    has_aliases=True,
    api=Api(address=address, read=_read, ask=ask, changes=changes),
)

"""Square: sales at the till and online. Payments, refunds and disputes tell themselves; the order has to be read.

Square signs the address that stands in its console with the body, and each subscription has a key of its own. An event
says itself what it is about; whether it comes from the Sandbox stands in a header, which nobody signs. It is believed
of a payment that nobody has told without: no replay unmakes a sale. A payment that names an application of the Sandbox
is a test in any case; and of an order, whichever API knows it says which it is.

A payment is known at once, and says neither what was sold nor by which code. As long as its order was not read, the
order is one line of what was paid, tax and all, by whichever payment changed last; dated before all that the order says
of itself, so that the order's own word always counts. An order is paid when nothing of it is due.

Prices are told without tax: Square counts a tax that is included in or out of a line's price depending on the country,
while the line's total less its tax is the same everywhere. Tips and service charges are nobody's sale. What an exchange
takes back pays for what it gives: only what is beyond is a sale of its own, and the first order keeps what it earned.

A refund names the payment, and an order of its own that says what came back. Lines are taken from there where that is
all of what the refund is for; one return may be paid back by several refunds, and an exchange pays only a difference.
"""

import json
import re
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from urllib.parse import quote, urlsplit

from vouch.domain import times
from vouch.domain.facts import (
    Cancellation,
    Dispute,
    DisputeStatus,
    Fact,
    Lifecycle,
    Line,
    Mention,
    Refund,
    RefundLine,
    Snapshot,
)
from vouch.domain.money import AMOUNT_MAX
from vouch.platforms import evidence, orders, signatures
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
from vouch.platforms.parsing import Fields, body_hash, read, verbatim

VERSION = "2026-01-22"
"""The version of Square's API that this reads, whatever the application's own is."""

PRODUCTION = "https://connect.squareup.com"
PAGE = 50
"""Square gives 100 refunds and 1 000 orders, but an order of many lines is large: as much as is read of an answer."""
LOCATIONS_AT_ONCE = 10
"""Square searches no more."""

_SANDBOX = "squareupsandbox.com"
_SANDBOX_APPLICATION = "sandbox-"
_PAYMENT_LINE = "payment"
_PAYMENTS = {
    "APPROVED": Lifecycle.OPEN,
    "PENDING": Lifecycle.OPEN,
    "COMPLETED": Lifecycle.PAID,
    "CANCELED": Lifecycle.CANCELLED,
    "FAILED": Lifecycle.CANCELLED,
}
_ORDERS = {
    "DRAFT": Lifecycle.OPEN,
    "OPEN": Lifecycle.OPEN,
    "COMPLETED": Lifecycle.PAID,
    "CANCELED": Lifecycle.CANCELLED,
}
_PENDING = "PENDING"
_FAILED = {"FAILED", "REJECTED"}
_DISPUTES: dict[str, DisputeStatus] = {
    "EVIDENCE_REQUIRED": "open",
    "PROCESSING": "open",
    "WAITING_THIRD_PARTY": "open",
    "WON": "won",
    "LOST": "lost",
    "ACCEPTED": "lost",
}
_INQUIRY = "INQUIRY_"
_TENDER_DETAILS = ("card_details", "buy_now_pay_later_details", "square_account_details")
_COUNT = re.compile(r"([0-9]{1,9})(\.0{1,20})?")
_EXACT = timedelta(microseconds=1)
"""Square's times have milliseconds, so this orders two tellings of one version and no versions of anything."""


def usable(secret: str) -> bool:
    return bool(secret.strip())


def verify(request: Request, account: Account, now: datetime) -> str:  # noqa: ARG001
    """There is no signed time here: what is replayed gives the same facts."""
    given = request.headers.get("x-square-hmacsha256-signature", "")
    if not account.notification_url:
        raise BadSignature
    signed = account.notification_url.encode(errors="replace") + request.body
    expected = (signatures.base64_sha256(secret.encode(), signed) for secret in account.secrets if secret)
    if not any(signatures.same(given, signature) for signature in expected):
        raise BadSignature
    try:
        told = read(request.body).identifier("event_id")
    except Unreadable:
        told = body_hash(request.body)
    return f"{told}:sandbox" if _calls_itself_test(request) else told


def _calls_itself_test(request: Request) -> bool:
    """Whoever sends an event again may say so, too: so that is a delivery of its own, in nobody's place."""
    return "sandbox" in request.headers.get("square-environment", "").casefold()


def subject(request: Request) -> str:
    """A refund and a dispute know their payment, not its order."""
    try:
        event = read(request.body)
        kind = _KINDS.get(event.text("type"))
        if kind is None:
            return event.child("data").identifier("id")
        return kind.subject(event.child("data").child("object").child(kind.key))
    except Unreadable:
        return body_hash(request.body)


def facts(request: Request, pseudonym: Pseudonym) -> Said:
    event = read(request.body)
    kind = _KINDS.get(event.text("type"))
    if kind is None:
        return Ignored("unknown_type")
    told = event.child("data").child("object")
    return kind.says(_Told(event, told, told.child(kind.key), _calls_itself_test(request)), pseudonym)


# --- what an event says -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Told:
    """An event, what it holds, and of that the object itself; and whether the header calls it the Sandbox's."""

    event: Fields
    holds: Fields
    body: Fields
    test: bool


@dataclass(frozen=True, slots=True)
class _Kind:
    """A type of events: what its object is called, what that is about, and what it says."""

    key: str
    subject: Callable[[Fields], str]
    says: Callable[[_Told, Pseudonym], Said]


def _payment(told: _Told, pseudonym: Pseudonym) -> Reading:
    """A payment that failed leaves its order as open as it was: another one may pay it."""
    body = told.body
    status = body.text("status")
    if status not in _PAYMENTS:
        raise body.refusal("unknown_status", "status", "not a status that is known here")
    payment_id, lifecycle = body.identifier("id"), _PAYMENTS[status]
    alone = not body.has("order_id")
    if lifecycle is Lifecycle.CANCELLED and not alone:
        lifecycle = Lifecycle.OPEN
    money = body.child("amount_money")  # without the tip
    application = body.hinted("application_details").hint("application_id") or ""
    test, triggered_at = application.startswith(_SANDBOX_APPLICATION), body.moment("updated_at")
    if told.test and not test:
        triggered_at = max(times.EPOCH, triggered_at - _EXACT)
    snapshot = Snapshot(
        updated_at=times.EPOCH,
        triggered_at=triggered_at,
        placed_at=body.moment("created_at"),
        placed_at_guessed=not alone,
        lifecycle=lifecycle,
        paid=lifecycle is Lifecycle.PAID,
        currency=money.currency("currency"),
        lines=(Line(_PAYMENT_LINE, 1, money.minor("amount")),),
        platform="square",
        tip=_optional(body, "tip_money", money.currency("currency")),
        test=test or told.test,
        country=_country(body, "shipping_address", "billing_address"),
    )
    known: tuple[Fact, ...] = (snapshot, *_mentioned(body, payment_id, pseudonym))
    if alone:
        return Reading(payment_id, known, aliases=(payment_id,))
    order_id = body.identifier("order_id")
    asked = lifecycle is Lifecycle.PAID
    ask = Ask("order", {"order": order_id, "payment": payment_id})
    return Reading(order_id, known, aliases=(payment_id,), asks=(ask,) if asked else ())


def _mentioned(body: Fields, payment_id: str, pseudonym: Pseudonym) -> Iterator[Mention]:
    """What stays true of the order once that was read: it may not name the buyer, and never by mail."""
    mail = body.hint("buyer_email_address", evidence.EMAIL_MAX)
    customers = evidence.customers(pseudonym, [mail], body.hint("customer_id"))
    click_ids = evidence.click_ids([body.hint("reference_id") or ""])
    if customers or click_ids:
        yield Mention(payment_id, body.moment("updated_at"), click_ids=click_ids, customers=customers)


def _order_event(told: _Told, pseudonym: Pseudonym) -> Said:  # noqa: ARG001
    """It names no line and no money. A till changes an order often before it is paid, and a payment asks, too."""
    body = told.body
    state = body.text("state")
    if state not in _ORDERS:
        raise body.refusal("unknown_status", "state", "not a state that is known here")
    order_id = body.identifier("order_id")
    if state == "CANCELED":  # for good
        moment = body.moment("updated_at" if body.has("updated_at") else "created_at")
        return Reading(order_id, (Cancellation("order.canceled", moment),))
    if state != "COMPLETED":
        return Ignored("order_open")
    version = str(body.whole("version", AMOUNT_MAX)) if body.has("version") else "0"
    return Thin(Ask("order", {"order": order_id, "version": version}))


def _refund_event(told: _Told, pseudonym: Pseudonym) -> Aside | Ignored:  # noqa: ARG001
    said = _refund(told.body, None)
    if isinstance(said, Ignored) or told.body.text("status") in _FAILED or not told.body.has("order_id"):
        return said
    return Aside(said.alias, said.facts, asks=(Ask("refund", {"refund": told.body.identifier("id")}),))


def _dispute(told: _Told, pseudonym: Pseudonym) -> Aside | Ignored:  # noqa: ARG001
    """What a bank asks for. A mere inquiry takes no money."""
    body = told.body
    state = body.text("state")
    if state.startswith(_INQUIRY):
        return Ignored("dispute_inquiry")
    if state not in _DISPUTES:
        raise body.refusal("unknown_status", "state", "not a state that is known here")
    money = body.child("amount_money")
    dispute = Dispute(
        id=body.identifier("id" if body.has("id") else "dispute_id"),
        updated_at=body.moment("updated_at"),
        status=_DISPUTES[state],
        currency=money.currency("currency"),
        amount=money.minor("amount"),
    )
    return Aside(_disputed(body), (dispute,))


def _customer_deleted(told: _Told, pseudonym: Pseudonym) -> PrivacyRequest | Ignored:
    """Square deletes customers also when it merges them into one, which asks for nothing."""
    if told.holds.hinted("event_context").has("merge"):
        return Ignored("customers_merged")
    email = told.body.hint("email_address", evidence.EMAIL_MAX)
    customers = evidence.customers_by_all(pseudonym, [email], told.body.identifier("id"))
    return PrivacyRequest("erase_customer", told.event.identifier("event_id"), customers=customers)


def _itself(body: Fields) -> str:
    return body.identifier("id")


def _its_order(body: Fields) -> str:
    return body.identifier("order_id" if body.has("order_id") else "id")


def _its_payment(body: Fields) -> str:
    return body.identifier("payment_id" if body.has("payment_id") else "id")


def _disputed(body: Fields) -> str:
    return body.child("disputed_payment").identifier("payment_id")


_KINDS = {
    "payment.created": _Kind("payment", _its_order, _payment),
    "payment.updated": _Kind("payment", _its_order, _payment),
    "order.created": _Kind("order_created", _its_order, _order_event),
    "order.updated": _Kind("order_updated", _its_order, _order_event),
    "refund.created": _Kind("refund", _its_payment, _refund_event),
    "refund.updated": _Kind("refund", _its_payment, _refund_event),
    "dispute.created": _Kind("dispute", _disputed, _dispute),
    "dispute.state.updated": _Kind("dispute", _disputed, _dispute),
    "customer.deleted": _Kind("customer", _itself, _customer_deleted),
}


# --- what the API says ------------------------------------------------------------------------------------------------


def ask(question: Ask, account: Account, now: datetime) -> Generator[Call, Answer, bytes]:  # noqa: ARG001
    """An order, or a refund with the order that says what came back."""
    if question.what == "refund":
        refund = yield from _get(f"/v2/refunds/{_path(question.about['refund'])}", account)
        told = read(refund).child("refund")
        if told.text("status") == _PENDING:  # who is asked was told that it is over
            raise NotYet("refund_behind_event")
        if not told.has("order_id"):
            return _envelope("refund", refund=refund)
        order = yield from _get(f"/v2/orders/{_path(told.identifier('order_id'))}", account)
        return _envelope("refund", refund=refund, order=order)
    order = yield from _get(f"/v2/orders/{_path(question.about['order'])}", account)
    _expect_new(read(order).child("order"), question)
    return _order_envelope(order, test=_is_sandbox(account))


def answer(body: bytes, pseudonym: Pseudonym) -> Reading | Aside | Ignored:
    said = read(body)
    if said.text("kind") == "refund":
        order = said.child("order").child("order") if said.has("order") else None
        return _refund(said.child("refund").child("refund"), order)
    return _order(said.child("order").child("order"), pseudonym, test=said.flag("test"))


def changes(
    span: Span,
    bookmark: str | None,
    account: Account,
    now: datetime,  # noqa: ARG001
) -> Generator[Call, Answer, Changes]:
    """Orders, some locations at a time, then refunds, with the orders that say what came back."""
    stage, index, cursor = _turned_to(bookmark)
    if stage == "refunds":
        return (yield from _refunds_changed(span, cursor, account))
    told = yield from _get("/v2/locations", account)
    locations = sorted(location.identifier("id") for location in read(told).children("locations"))
    here = locations[index : index + LOCATIONS_AT_ONCE]
    if not here:
        return Changes((), _bookmark("refunds"))
    filters = {
        "date_time_filter": {"updated_at": _range(span)},
        "state_filter": {"states": ["OPEN", "COMPLETED", "CANCELED"]},
    }
    query = {"filter": filters, "sort": {"sort_field": "UPDATED_AT", "sort_order": "ASC"}}
    search = {"location_ids": here, "query": query, "limit": PAGE} | ({"cursor": cursor} if cursor else {})
    told = yield from _post("/v2/orders/search", search, account)
    test = _is_sandbox(account)
    found = tuple(
        Change(order.identifier("id"), _order_envelope(_named("order", raw), test=test))
        for raw in verbatim(told, "orders")
        if _is_sale(order := read(raw))
    )
    further = read(told).text_or_none("cursor", evidence.ADDRESS_MAX)
    if further:
        return Changes(found, _bookmark("orders", index, further))
    return Changes(found, _bookmark("orders", index + LOCATIONS_AT_ONCE))


def _refunds_changed(span: Span, cursor: str | None, account: Account) -> Generator[Call, Answer, Changes]:
    between = _range(span)
    query = [
        ("begin_time", times.short(times.EPOCH)),  # else a refund that is a year old changes unseen
        ("updated_at_begin_time", between["start_at"]),
        ("updated_at_end_time", between["end_at"]),
        ("sort_field", "UPDATED_AT"),
        ("sort_order", "ASC"),
        ("limit", str(PAGE)),
    ]
    if cursor:
        query.append(("cursor", cursor))
    told = yield from _get("/v2/refunds", account, query)
    refunds = [(raw, refund) for raw in verbatim(told, "refunds") if (refund := read(raw)).has("payment_id")]
    wanted = sorted({refund.identifier("order_id") for _, refund in refunds if refund.has("order_id")})
    returned: dict[str, bytes] = {}
    if wanted:
        answered = yield from _post("/v2/orders/batch-retrieve", {"order_ids": wanted}, account)
        returned = {read(raw).identifier("id"): raw for raw in verbatim(answered, "orders")}
    found: list[Change] = []
    for raw, refund in refunds:
        parts = {"refund": _named("refund", raw)}
        if refund.has("order_id") and (order := returned.get(refund.identifier("order_id"))):
            parts["order"] = _named("order", order)
        found.append(Change(refund.identifier("payment_id"), _envelope("refund", **parts)))
    further = read(told).text_or_none("cursor", evidence.ADDRESS_MAX)
    return Changes(tuple(found), _bookmark("refunds", 0, further) if further else None)


def _envelope(kind: str, **said: bytes) -> bytes:
    """What Square answered, to the letter."""
    parts = {"kind": f'"{kind}"'.encode()} | said
    return b"{" + b",".join(f'"{name}":'.encode() + part for name, part in parts.items()) + b"}"


def _order_envelope(order: bytes, *, test: bool) -> bytes:
    """With the word whether it was the Sandbox that answered, which no order has."""
    return _envelope("order", test=b"true" if test else b"false", order=order)


def _named(name: str, raw: bytes) -> bytes:
    """An object of a list as Square answers who asks for it alone."""
    return f'{{"{name}":'.encode() + raw + b"}"


def _get(path: str, account: Account, query: Sequence[tuple[str, str]] = ()) -> Generator[Call, Answer, bytes]:
    return (yield from _said(Call(path, query, headers=_headers(account))))


def _post(path: str, body: object, account: Account) -> Generator[Call, Answer, bytes]:
    headers = _headers(account) | {"content-type": "application/json"}
    return (yield from _said(Call(path, method="POST", headers=headers, body=json.dumps(body).encode())))


def _said(call: Call) -> Generator[Call, Answer, bytes]:
    told = yield call
    if told.status == HTTPStatus.NOT_FOUND:
        raise NotYet("not_found")
    if read(told.body).values.get("errors"):
        raise Unreadable("platform_refused", "an answer that names errors")
    return told.body


def _headers(account: Account) -> dict[str, str]:
    return {
        "authorization": f"Bearer {account.api_token}",
        "square-version": VERSION,
        "accept": "application/json",
    }


def _path(identifier: str) -> str:
    return quote(identifier, safe="")


def _range(span: Span) -> dict[str, str]:
    return {"start_at": times.short(span.since), "end_at": times.short(span.until)}


def _bookmark(stage: str, index: int = 0, cursor: str = "") -> str:
    return f"{stage}:{index}:{cursor}"


def _turned_to(bookmark: str | None) -> tuple[str, int, str | None]:
    stage, index, cursor = (bookmark or _bookmark("orders")).split(":", 2)
    return stage, int(index), cursor or None


def _is_sandbox(account: Account) -> bool:
    host = urlsplit(account.api_base_url or "").hostname or ""
    return host == _SANDBOX or host.endswith(f".{_SANDBOX}")


def _is_sale(order: Fields) -> bool:
    """Neither a return, which its refund tells, nor a cart that nobody has paid anything for."""
    if not order.has("line_items"):
        return False
    return order.hint("state") != "OPEN" or bool(order.hinted_list("tenders"))


def _expect_new(order: Fields, question: Ask) -> None:
    """The order may be older than what asked for it: behind its event, or without the payment that was completed."""
    version = order.whole("version", AMOUNT_MAX) if order.has("version") else None
    if version is not None and version < int(question.about.get("version", "0")):
        raise NotYet("order_behind_event")
    payment = question.about.get("payment")
    if payment is None or order.text("state") in ("COMPLETED", "CANCELED"):
        return
    paying = [tender for tender in order.children("tenders") if _payment_of_tender(tender) == payment]
    if not paying or any(
        tender.hinted(key).hint("status") == "AUTHORIZED" for tender in paying for key in _TENDER_DETAILS
    ):
        raise NotYet("order_behind_payment")


# --- orders and refunds -----------------------------------------------------------------------------------------------


def _order(body: Fields, pseudonym: Pseudonym, *, test: bool) -> Reading | Ignored:
    returned = [part for one in body.children("returns") for part in one.children("return_line_items", "lines")]
    if returned and not body.has("line_items"):
        return Ignored("return_order")
    total = body.child("total_money")
    currency = total.currency("currency")
    lifecycle = _lifecycle(body, currency)
    said = body.children("line_items", "lines")
    tenders = body.children("tenders")
    snapshot = Snapshot(
        updated_at=body.moment("updated_at"),
        placed_at=body.moment("created_at"),
        lifecycle=lifecycle,
        paid=lifecycle is Lifecycle.PAID,
        currency=currency,
        lines=orders.distinct([_line(line, currency) for line in said], said),
        platform="square",
        tip=_optional(body, "total_tip_money", currency),
        test=test,
        country=_delivered_to(body),
        codes=evidence.codes(_codes(body)),
        click_ids=evidence.click_ids(_click_ids(body)),
        customers=evidence.customers(pseudonym, [], _customer(body, tenders)),
    )
    order_id = body.identifier("id")
    aliases = tuple(dict.fromkeys(_payment_of_tender(tender) for tender in tenders))[:ALIASES_MAX]
    exchanged = sum(_required(part, "total_money", currency) for part in returned)
    if not exchanged:
        return Reading(order_id, (snapshot,), aliases=aliases)
    given = Refund(f"returned:{order_id}", snapshot.updated_at, currency, amount=exchanged, amount_with_tax=True)
    return Reading(order_id, (snapshot, given), aliases=aliases)


def _lifecycle(body: Fields, currency: str) -> Lifecycle:
    """An order that waits to be handed over stays open, though it is paid; one that is paid in part is not."""
    state = body.text("state")
    if state not in _ORDERS:
        raise body.refusal("unknown_status", "state", "not a state that is known here")
    if state != "OPEN" or not body.children("tenders") or not body.has("net_amount_due_money"):
        return _ORDERS[state]
    return Lifecycle.OPEN if _due(body.child("net_amount_due_money"), currency) > 0 else Lifecycle.PAID


def _due(money: Fields, currency: str) -> int:
    """Below 0 where more was paid than is still due."""
    _expect_currency(money, currency)
    amount = money.values.get("amount")
    if type(amount) is not int:
        raise money.refusal("bad_amount", "amount", "not an amount in whole minor units")
    return amount


def _line(line: Fields, currency: str) -> Line:
    """In whole units where it counts any, else as one thing at its price: pounds and hours cannot be counted.

    Where the price does not divide, the discount makes up for it, so that the line comes to what was paid.
    """
    net, tax = _net_and_tax(line, currency)
    price = net + _optional(line, "total_discount_money", currency)
    quantity = _count(line)
    if quantity is None or (quantity == 0 and price):
        quantity = 1
    unit_price = -(-price // quantity) if quantity else 0
    return orders.bounded(
        Line(
            id=line.identifier("uid"),
            quantity=quantity,
            unit_price=unit_price,
            discount=quantity * unit_price - net,
            tax=tax,
            product_id=line.label("catalog_object_id"),
            gift_card=line.text_or_none("item_type") == "GIFT_CARD",
        ),
        line,
        price="total_money",
        discount="total_discount_money",
        tax="total_tax_money",
    )


def _net_and_tax(line: Fields, currency: str) -> tuple[int, int]:
    """What was to be paid for the goods, and the tax on or in it; some service charges are spread over the lines."""
    tax = _optional(line, "total_tax_money", currency)
    net = _required(line, "total_money", currency) - tax - _optional(line, "total_service_charge_money", currency)
    if net < 0:
        raise line.refusal("bad_amount", "total_money", "less than its tax and service charges")
    return net, tax


def _count(line: Fields) -> int | None:
    """How many, where the line counts things; None where it measures."""
    whole = _COUNT.fullmatch(line.hint("quantity") or "")
    return None if whole is None or line.has("quantity_unit") else int(whole[1])


def _refund(body: Fields, returned: Fields | None) -> Aside | Ignored:
    """Money given back; with the lines of the order that tells the return, where that was read and is all of it.

    The telling with lines counts, whichever came first.
    """
    status = body.text("status")
    if status == _PENDING:
        return Ignored("refund_pending")
    if status != "COMPLETED" and status not in _FAILED:
        raise body.refusal("unknown_status", "status", "not a status that is known here")
    if not body.has("payment_id"):
        return Ignored("refund_without_payment")
    money = body.child("amount_money")
    currency, amount = money.currency("currency"), money.minor("amount")
    exact = None if returned is None or status in _FAILED else _returned_lines(returned, currency, amount)
    lines, beyond = ((), amount) if exact is None else exact
    refund = Refund(
        id=body.identifier("id"),
        updated_at=body.moment("updated_at") + (timedelta() if exact is None else _EXACT),
        currency=currency,
        lines=lines,
        amount=beyond,
        amount_with_tax=True,
        failed=status in _FAILED,
    )
    return Aside(body.identifier("payment_id"), (refund,))


def _returned_lines(order: Fields, currency: str, amount: int) -> tuple[tuple[RefundLine, ...], int] | None:
    """The lines that came back and what was given beside them; None where it is not this amount that they make."""
    returns = order.children("returns")
    if order.has("line_items") or not order.has("return_amounts") or len(returns) != 1:
        return None
    if _required(order.child("return_amounts"), "total_money", currency) != amount:
        return None
    parts = returns[0].children("return_line_items", "lines")
    named = [part for part in parts if part.has("source_line_item_uid")]
    if not named:
        return None
    beyond = sum(_required(part, "total_money", currency) for part in parts if not part.has("source_line_item_uid"))
    return orders.ordered(_refund_line(part, currency) for part in named), beyond


def _refund_line(part: Fields, currency: str) -> RefundLine:
    net, tax = _net_and_tax(part, currency)
    return RefundLine(part.identifier("source_line_item_uid"), _count(part) or 0, net, tax)


def _required(fields: Fields, key: str, currency: str) -> int:
    money = fields.child(key)
    _expect_currency(money, currency)
    return money.minor("amount")


def _optional(fields: Fields, key: str, currency: str) -> int:
    return _required(fields, key, currency) if fields.has(key) else 0


def _expect_currency(money: Fields, currency: str) -> None:
    if money.text("currency") != currency:
        raise money.refusal("currency_mismatch", "currency", f"not {currency}, the currency of the rest")


def _payment_of_tender(tender: Fields) -> str:
    return tender.identifier("payment_id" if tender.has("payment_id") else "id")


def _customer(body: Fields, tenders: Sequence[Fields]) -> str | None:
    return next((found for named in (body, *tenders) if (found := named.hint("customer_id"))), None)


def _codes(body: Fields) -> Iterator[str]:
    """What the cashier picked, by the discount's name, and by what the catalogue calls it."""
    discounts = body.hinted_list("discounts")
    for key in ("name", "catalog_object_id"):
        for discount in discounts:
            yield discount.hint(key) or ""


def _click_ids(body: Fields) -> Iterator[str]:
    metadata = body.hinted("metadata")
    for name in metadata.values:
        if name in evidence.CLICK_NAMES:
            yield metadata.hint(name) or ""
    yield body.hint("reference_id") or ""


def _country(body: Fields, *addresses: str) -> str | None:
    return next((country for key in addresses if (country := body.hinted(key).country("country"))), None)


def _delivered_to(body: Fields) -> str | None:
    details = [
        fulfillment.hinted(key).hinted("recipient")
        for fulfillment in body.hinted_list("fulfillments")
        for key in ("shipment_details", "delivery_details")
    ]
    return next((country for recipient in details if (country := _country(recipient, "address"))), None)


PLATFORM = Platform(
    usable=usable,
    verify=verify,
    subject=subject,
    facts=facts,
    kept_headers=("square-environment",),
    has_aliases=True,
    api=Api(address=lambda _: PRODUCTION, read=answer, ask=ask, changes=changes),
)

"""Shopify: orders, refunds and disputes as its webhooks tell them, what it asks about buyers, and its Admin API.

Only the body is signed. The topic header picks the reader and no more: a body has to have the shape of its topic and to
say itself what the topic claims. The shop is not read from a header either; a connection's address names it.

Commission follows the goods. The lines of a refund take back what they were worth, whether or not the money has moved:
Shopify tells of a refund "independent from the movement of money". Adjustments balance the lines with the money, tax
included: below 0 more was given back than the lines are worth, above 0 less. A pending refund has one of the whole,
which goes away in silence. What an edit removes is a refund with one of the whole, too, and its money comes as a refund
without lines; so the adjustments of an order are netted across its refunds. (Shopify documents that nowhere: captures
have it, and other connectors rely on it. A removal that no refund lists lowers what was sold, and money that is given
back for it without naming a line is then taken from the other lines.) A refund all of whose transactions failed takes
nothing back.

A dispute's body dates its beginning and its end, so one that was decided stays so until it is decided anew, and its
amount is in the currency in which the buyer paid. Which subscription an order pays for is in none of these bodies.

No delivery needs anything asked: an order comes whole, with its refunds. The API is read for what webhooks failed to
tell. Its orders are those of the webhooks but for the trigger time, which travels beside a body; disputes it cannot
list by the time of their change.
"""

import re
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from datetime import datetime
from http import HTTPStatus
from urllib.parse import parse_qs, urlencode, urlsplit

from vouch.domain import times
from vouch.domain.destinations import host
from vouch.domain.facts import Cancellation, Dispute, DisputeStatus, Lifecycle, Line, Refund, RefundLine, Snapshot
from vouch.domain.money import divide_half_up
from vouch.domain.people import mailbox
from vouch.platforms import evidence, orders, signatures
from vouch.platforms.base import (
    Account,
    Answer,
    Api,
    BadSignature,
    Call,
    Change,
    Changes,
    Ignored,
    Mirrored,
    Platform,
    PrivacyRequest,
    Pseudonym,
    Reading,
    Request,
    Span,
    Unreadable,
)
from vouch.platforms.parsing import QUANTITY_MAX, Fields, body_hash, read, verbatim

API_VERSION = "2026-04"
PAGE = 50
"""Shopify takes up to 250, but an order of many lines is large: a page must not outgrow what is read of an answer."""

_IGNORED = {"orders/edited": "order_edit"}  # names what was edited; orders/updated brings the order itself
_LIFECYCLES = {
    None: Lifecycle.OPEN,
    "pending": Lifecycle.OPEN,
    "authorized": Lifecycle.OPEN,
    "expired": Lifecycle.OPEN,
    "partially_paid": Lifecycle.PARTLY_PAID,  # a deposit, or a paid order that an edit made dearer
    "paid": Lifecycle.PAID,
    "partially_refunded": Lifecycle.PAID,
    "refunded": Lifecycle.REFUNDED,
    "voided": Lifecycle.CANCELLED,
}
_DISPUTES: dict[str, DisputeStatus] = {
    "needs_response": "open",
    "under_review": "open",
    "accepted": "lost",
    "lost": "lost",
    "won": "won",
    "charge_refunded": "won",  # the bank took nothing: what was given back comes as a refund
    "prevented": "won",  # likewise
}
_FAILED = {"failure", "error"}
_EXPLAINED_BY = ("refund_line_items", "order_adjustments", "refund_shipping_lines", "duties", "additional_fees")
"""What of a refund says where its money comes from; without any of it there are only the transactions."""
_ORDER_SHAPE = ("line_items", "created_at", "updated_at", "currency")
_REFUND_SHAPE = ("refund_line_items", "order_id", "created_at")
_DISPUTE_SHAPE = ("id", "type", "status", "amount", "currency", "initiated_at")
_DISPUTE_MOMENTS = ("initiated_at", "evidence_sent_on", "finalized_on")
_BUYER = ("id", "email", "phone")
_TIKTOK = {"tiktok", "4383523"}
"""What `source_name` says of an order that TikTok's own app has made: its name, or its number among Shopify's apps."""
_TIKTOK_ORDER = re.compile(r"(?<![0-9])[1-9][0-9]{14,19}(?![0-9])")
_TIKTOK_ADDRESS = re.compile(r"https://(?:[a-z0-9-]+\.)*tiktok\.com/\S*", re.IGNORECASE)
_TIKTOK_ATTRIBUTES = {"tiktokorderid", "tiktokshoporderid", "tiktokordernumber", "tiktokshopordernumber"}
_TAGS_MAX = 65_536
_TOKEN_MAX = 1_024
_TOKEN = re.compile(r"[!-~]+")
_SHOP = re.compile(r"[a-z0-9][a-z0-9-]*\.myshopify\.com")
_NEXT = re.compile(r"<([^<>]*)>[^<>]*rel=\"?next\"?")


def usable(secret: str) -> bool:
    return bool(secret.strip())


def verify(request: Request, account: Account, now: datetime) -> str:  # noqa: ARG001
    """There is no signed time here: what is replayed gives the same facts."""
    given = request.headers.get("x-shopify-hmac-sha256", "")
    expected = (signatures.base64_sha256(secret.encode(), request.body) for secret in account.secrets if secret)
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


def facts(request: Request, pseudonym: Pseudonym) -> Reading | PrivacyRequest | Ignored:
    topic = request.headers.get("x-shopify-topic", "")
    if topic in _IGNORED:
        return Ignored(_IGNORED[topic])
    if topic in _COMPLIANCE:
        return _COMPLIANCE[topic](request.body, pseudonym)
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
    buyer = body.hinted("customer")
    lifecycle, paid = _lifecycle(body)
    snapshot = Snapshot(
        updated_at=body.moment("updated_at"),
        triggered_at=triggered_at,
        placed_at=body.moment("created_at"),
        lifecycle=lifecycle,
        paid=paid,
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
        contacts=evidence.contacts(pseudonym, _cart_attributes(body)),
        customers=evidence.customers(
            pseudonym,
            (
                person.hint(key, evidence.EMAIL_MAX)
                for person, key in ((buyer, "email"), (body, "email"), (body, "contact_email"))
            ),
            buyer.hint("id"),
        ),
    )
    cancelled_at = body.moment_or_none("cancelled_at")
    cancelled = (Cancellation("orders/cancelled", cancelled_at),) if cancelled_at else ()
    return Reading(body.identifier("id"), (snapshot, *refunds, *cancelled), mirrored=_mirrored(body))


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


def _dispute(body: Fields, triggered_at: datetime | None, pseudonym: Pseudonym) -> Reading | Ignored:  # noqa: ARG001
    """What a buyer's bank asks for. A mere inquiry takes no money; one that becomes a chargeback keeps its id."""
    _expect(body, _DISPUTE_SHAPE)
    phase = body.text("type")
    if phase not in ("inquiry", "chargeback"):
        raise body.refusal("shape_mismatch", "type", "neither an inquiry nor a chargeback")
    if not body.has("order_id"):
        return Ignored("dispute_without_order")
    if phase == "inquiry":
        return Ignored("dispute_inquiry")
    status = body.text("status")
    if status not in _DISPUTES:
        raise body.refusal("unknown_status", "status", "not a status that is known here")
    currency = body.currency("currency")
    dispute = Dispute(
        id=body.identifier("id"),
        updated_at=max(moment for key in _DISPUTE_MOMENTS if (moment := body.moment_or_none(key))),
        status=_DISPUTES[status],
        currency=currency,
        amount=body.major("amount", currency),
    )
    return Reading(body.identifier("order_id"), (dispute,))


_READERS: dict[str, Callable[[Fields, datetime | None, Pseudonym], Reading | Ignored]] = {
    "orders/create": _order,
    "orders/paid": _order,
    "orders/updated": _order,
    "orders/fulfilled": _order,
    "orders/partially_fulfilled": _order,
    "orders/cancelled": _cancelled,
    "orders/delete": _deleted,
    "refunds/create": _refund,
    "disputes/create": _dispute,
    "disputes/update": _dispute,
}


# --- what Shopify asks about buyers -----------------------------------------------------------------------------------
# The topic is not signed, and these bodies have no more in common with orders than ids: one that was signed for another
# topic must never erase anybody.


def _redacted(raw: bytes, pseudonym: Pseudonym) -> PrivacyRequest:
    """A buyer's data has to go. Nothing but its body names such a request: the same one again is the same."""
    body = read(raw)
    shop, known_as = _shop(body), _known_as(body, pseudonym)
    forgotten = body.identifiers("orders_to_redact")
    return PrivacyRequest("erase_customer", body_hash(raw), known_as, orders=forgotten, shop=shop)


def _requested(raw: bytes, pseudonym: Pseudonym) -> PrivacyRequest:
    """A buyer wants to see their data: the merchant has to be given it."""
    body = read(raw)
    shop, known_as = _shop(body), _known_as(body, pseudonym)
    asked, shown = body.child("data_request").identifier("id"), body.identifiers("orders_requested")
    return PrivacyRequest("export_customer", asked, known_as, orders=shown, shop=shop)


def _shop_redacted(raw: bytes, pseudonym: Pseudonym) -> PrivacyRequest:  # noqa: ARG001
    """The shop has let us go for 48 hours. Whoever asks about a buyer names the shop likewise, but says more."""
    body = read(raw)
    shop = _shop(body)
    if body.values.keys() != {"shop_id", "shop_domain"}:
        raise Unreadable("shape_mismatch", "a shop that is redacted names itself and nothing else")
    return PrivacyRequest("erase_shop", body_hash(raw), shop=shop)


def _shop(body: Fields) -> str:
    """Whose request it is: an app that is installed in several shops has one address for the requests of all."""
    _expect(body, ("shop_id",))
    shop = host(body.text("shop_domain"))
    if shop is None:
        raise body.refusal("shape_mismatch", "shop_domain", "no host")
    return shop


def _known_as(body: Fields, pseudonym: Pseudonym) -> tuple[str, ...]:
    """Every way in which orders may know the buyer; none where Shopify names but a telephone, which we never know."""
    buyer = body.child("customer")
    if not any(buyer.has(key) for key in _BUYER):
        raise body.refusal("shape_mismatch", "customer", "names nobody")
    email = mailbox(buyer.text_or_none("email", evidence.EMAIL_MAX) or "")
    by_mail = (pseudonym.by_mail(email),) if email else ()
    return (*by_mail, pseudonym.by_id(buyer.identifier("id"))) if buyer.has("id") else by_mail


_COMPLIANCE: dict[str, Callable[[bytes, Pseudonym], PrivacyRequest]] = {
    "customers/redact": _redacted,
    "customers/data_request": _requested,
    "shop/redact": _shop_redacted,
}


# --- the parts of an order --------------------------------------------------------------------------------------------


def _expect(body: Fields, shape: Sequence[str]) -> None:
    for key in shape:
        if not body.has(key):
            raise body.refusal("shape_mismatch", key, "missing, so the body is not of this topic")


def _lifecycle(body: Fields) -> tuple[Lifecycle, bool]:
    """The stage of life, and whether the order was ever paid: a cancelled one need not have been."""
    if "financial_status" not in body.values:  # a draft order or a checkout looks like an order but for this
        raise body.refusal("shape_mismatch", "financial_status", "missing, so the body is no order")
    status = body.text_or_none("financial_status")
    if status not in _LIFECYCLES:
        raise body.refusal("unknown_status", "financial_status", "not a status that is known here")
    lifecycle = _LIFECYCLES[status]
    paid = lifecycle in (Lifecycle.PAID, Lifecycle.REFUNDED)
    return (Lifecycle.CANCELLED if body.moment_or_none("cancelled_at") else lifecycle), paid


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
            sku=line.label("sku"),
            product_id=line.label("product_id"),
            gift_card=line.flag("gift_card"),
        ),
        line,
        price="price",
        discount="discount_allocations",
        tax="tax_lines",
    )


def _is_tip(line: Fields) -> bool:
    """A tip is a line item, too, and the only one to have this field, even if as null."""
    return "tip_payment_gateway" in line.values


def _refund_fact(refund: Fields) -> Refund:
    """Read from the refund alone, so that it is the same fact from refunds/create and from inside its order."""
    shop_currency = _refund_currency(refund)
    transactions = refund.children("transactions")
    refunded = [transaction for transaction in transactions if transaction.text_or_none("kind") == "refund"]
    outcomes = [transaction.text_or_none("status") for transaction in refunded]
    moments = [
        moment
        for told in (refund, *transactions)
        if (moment := told.moment_or_none("processed_at") or told.moment_or_none("created_at"))
    ]
    amount, currency = _beyond_lines(refund, refunded, shop_currency)
    return Refund(
        id=refund.identifier("id"),
        updated_at=max(moments, default=times.EPOCH),
        currency=currency,
        lines=orders.ordered(
            _refund_line(part, shop_currency)
            for part in refund.children("refund_line_items", "lines")
            if not _is_tip(part.hinted("line_item"))
        ),
        amount=amount,
        amount_with_tax=True,
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


def _refund_line(part: Fields, currency: str) -> RefundLine:
    """What it was worth, as the order shows its prices; by count where only a float is left of that."""
    line_id, quantity = part.identifier("line_item_id"), part.whole("quantity", QUANTITY_MAX)
    if not part.has("subtotal_set"):
        return RefundLine(line_id, quantity)
    tax = _shop_money(part, "total_tax", currency) if part.has("total_tax_set") else None
    return RefundLine(line_id, quantity, _shop_money(part, "subtotal", currency), tax)


def _beyond_lines(refund: Fields, transactions: Sequence[Fields], currency: str) -> tuple[int, str]:
    """What was given back beyond the lines, without shipping, and its currency.

    Where nothing but the transactions tells of the money, they do: of what succeeded, in the buyer's currency. In
    another than the order's it holds the order until somebody has looked.
    """
    duties = refund.has("total_duties_set") and _shop_money(refund, "total_duties", currency)
    moved = [transaction for transaction in transactions if transaction.text_or_none("status") == "success"]
    if moved and not duties and not any(refund.values.get(key) for key in _EXPLAINED_BY):
        paid_in = moved[0].currency("currency")
        return sum(transaction.major("amount", paid_in) for transaction in moved), paid_in
    return -sum(_adjusted(part, currency) for part in refund.children("order_adjustments")), currency


def _adjusted(adjustment: Fields, currency: str) -> int:
    """Nothing for shipping, of which the reason tells, too: the kind is on its way out of Shopify's bodies."""
    if adjustment.hint("kind") == "shipping_refund" or adjustment.hint("reason") == "Shipping refund":
        return 0
    tax = any(adjustment.has(key) for key in ("tax_amount", "tax_amount_set"))
    return sum(
        _shop_money(adjustment, key, currency, signed=True) for key in ("amount", *(["tax_amount"] if tax else []))
    )


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
    addresses = (body.hinted(key) for key in ("shipping_address", "billing_address"))
    return next((country for address in addresses if (country := address.country("country_code"))), None)


def _codes(body: Fields) -> Iterator[str]:
    """As typed, and as applied: an automatic discount has no code."""
    for key in ("discount_codes", "discount_applications"):
        for discount in body.hinted_list(key):
            yield discount.hint("code") or ""


def _click_ids(body: Fields) -> Iterator[str]:
    """Cart attributes, line item properties, and whatever parameter of the landing page a program has chosen."""
    lists = [body.hinted_list("note_attributes")]
    lists += [line.hinted_list("properties") for line in body.children("line_items", "lines")]
    for attribute in (attribute for attributes in lists for attribute in attributes):
        name, value = attribute.values.get("name"), attribute.values.get("value")
        if isinstance(value, str) and isinstance(name, str) and name in evidence.CLICK_NAMES:
            yield value
    landing = body.values.get("landing_site")
    yield from evidence.in_address(landing if isinstance(landing, str) else None)


def _cart_attributes(body: Fields) -> Fields:
    said = body.hinted_list("note_attributes")
    return Fields({name: attribute.values.get("value") for attribute in said if (name := attribute.hint("name"))})


def _mirrored(body: Fields) -> tuple[Mirrored, ...]:
    """The order on TikTok that an order of TikTok's app repeats; where the app puts its number is not documented."""
    if (body.hint("source_name") or "").casefold() not in _TIKTOK:
        return ()
    found = next((number for number in _tiktok_numbers(body) if _TIKTOK_ORDER.fullmatch(number)), None)
    return () if found is None else (Mirrored("tiktok_shop", found),)


def _tiktok_numbers(body: Fields) -> Iterator[str]:
    """What may be it, the likeliest first: Shopify calls `source_identifier` the order's id where it was made."""
    yield body.hint("source_identifier") or ""
    for attribute in body.hinted_list("note_attributes"):
        name = "".join(filter(str.isalnum, attribute.hint("name") or "")).casefold()
        if name in _TIKTOK_ATTRIBUTES:
            yield attribute.hint("value") or ""
    yield from (tag.strip() for tag in (body.hint("tags", _TAGS_MAX) or "").split(","))
    address = body.hint("source_url", evidence.ADDRESS_MAX) or ""
    if _TIKTOK_ADDRESS.fullmatch(address):
        yield from _TIKTOK_ORDER.findall(address)


# --- the Admin API ----------------------------------------------------------------------------------------------------


def address(account: Account) -> str | None:
    """The shop's own, by its `….myshopify.com` name: another one of its names answers by leading there."""
    if account.shop is None:
        return None
    if not _SHOP.fullmatch(account.shop):
        raise Unreadable("shop_unknown", "the connection's shop is not of the form ….myshopify.com")
    return f"https://{account.shop}"


def changes(
    span: Span,
    bookmark: str | None,
    account: Account,
    now: datetime,  # noqa: ARG001
) -> Generator[Call, Answer, Changes]:
    """Orders by the time of their change; both ends are whole seconds, so neighbouring spans share one.

    An order that changes while the pages are read leaves this span for the next one. A bookmark holds all else that the
    first page was asked by.
    """
    query = [("limit", str(PAGE))]
    if bookmark is None:
        query += [
            ("status", "any"),
            ("updated_at_min", _second(span.since)),
            ("updated_at_max", _second(span.until)),
            ("order", "updated_at asc"),
        ]
    else:
        query += [("page_info", bookmark)]
    token = yield from _token(account)
    answer = yield Call(f"/admin/api/{API_VERSION}/orders.json", query, headers={"X-Shopify-Access-Token": token})
    if answer.status == HTTPStatus.NOT_FOUND:
        raise Unreadable("platform_refused", "the shop has no Admin API at this address")
    found = [Request({}, order) for order in verbatim(answer.body, "orders")]
    pulled = tuple(Change(subject(order), b'{"order":' + order.body + b"}") for order in found)
    return Changes(pulled, _bookmark(answer.headers.get("link", "")))


def _token(account: Account) -> Generator[Call, Answer, str]:
    """The token that was given; beside a client id it is the client's secret, for which Shopify gives one for a day."""
    given = account.api_token or ""
    if account.app_key is None:
        return given
    form = {"grant_type": "client_credentials", "client_id": account.app_key, "client_secret": given}
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = yield Call("/admin/oauth/access_token", method="POST", headers=headers, body=urlencode(form).encode())
    if answer.status == HTTPStatus.NOT_FOUND:
        raise Unreadable("platform_refused", "there is no such shop")
    granted = read(answer.body)
    token = granted.text("access_token", _TOKEN_MAX)
    if not _TOKEN.fullmatch(token):  # it becomes a header
        raise granted.refusal("shape_mismatch", "access_token", "not a token")
    return token


def _bookmark(link: str) -> str | None:
    """Of the links to other pages, where the next one begins: its address says so as `page_info`."""
    following = _NEXT.search(link)
    if following is None:
        return None
    try:
        query = parse_qs(urlsplit(following[1]).query)
    except ValueError:
        query = {}
    if "page_info" not in query:
        raise Unreadable("shape_mismatch", "the link to the next page names none")
    return query["page_info"][0]


def _second(moment: datetime) -> str:
    return times.short(times.floor_second(moment))


def _pulled(body: bytes, pseudonym: Pseudonym) -> Reading:
    """`{"order": …}`, as the API tells a single order."""
    return _order(read(body).child("order"), None, pseudonym)


PLATFORM = Platform(
    usable=usable,
    verify=verify,
    subject=subject,
    facts=facts,
    api=Api(address=address, read=_pulled, changes=changes),
    kept_headers=("x-shopify-topic", "x-shopify-triggered-at"),
)

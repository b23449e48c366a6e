"""WooCommerce: orders as a shop's webhooks tell them, and its REST API, which tells what was given back of which line.

Only the body is signed, and it is made when it is sent: a webhook tells the order as it is by then, not what happened.
So an order is a register of its newest state. The topic picks the reader; what a body does not say itself, such as that
an order was taken out of the trash, is asked of the API. Delivery ids are those of a second, not of a delivery: the
body itself tells one from another.

Amounts of lines are net of coupons and without tax whether or not the shop's prices have tax in them, so an order is
always told without. A line's price is what it came to before coupons by the piece, rounded up, and its discount takes
back what was added by that. What a negative fee takes off lowers the lines in proportion; other fees are no goods.
Where goods are sold by weight, what a line weighs is one piece.

An order lists its refunds by id and sum, tax and shipping and all; only the API names the lines. What the order alone
tells of a refund is dated at the beginning of time, and what the API tells of it when it was made: so the latter
counts, whichever is heard first.

Refunds never change, but can be deleted, which leaves the order's date alone. So of two bodies of one date, one of
which lacks a refund, nobody knows which came first: the refund may be gone, or have been made in the second in which
something else changed. The one with more refunds counts, until the API has been asked, once that second was over: what
it says is the later word. That is why it is asked after each change. Trigger times say all this, as WooCommerce has
none.

`order.deleted` says that an order was put into the trash, and nothing but an id, in the words in which
`customer.deleted` says that a customer of that number is gone. Topics are not signed, so it only makes us ask. The
trash is a status, dated like any other. The API knows nothing at all of an order that was deleted for good: that
cancels it, until the API knows it again. Which subscription an order pays for is in none of these bodies.
"""

import base64
import re
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from vouch.domain import times
from vouch.domain.facts import Cancellation, Lifecycle, Line, Refund, RefundLine, Snapshot
from vouch.domain.money import AMOUNT_MAX, split
from vouch.platforms import evidence, orders, signatures
from vouch.platforms.base import (
    Account,
    Answer,
    Api,
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
    Span,
    Thin,
    Unreadable,
)
from vouch.platforms.parsing import QUANTITY_MAX, Fields, body_hash, read, verbatim

PAGE = 20
"""Orders of one conversation: each of them may have refunds to read."""
REFUNDS_PAGE = 100
REFUND_PAGES_MAX = 10

_REFUNDS, _TRASH = "refunds", "trash"
"""What is asked: of an order and its refunds, and the same of one that was deleted or restored, which may be gone."""
_DELETED = "order.deleted"
_ORDERS = "/wp-json/wc/v3/orders"
_UNKNOWN_ORDER = "woocommerce_rest_shop_order_invalid_id"
_LIFECYCLES = {
    "pending": Lifecycle.OPEN,
    "on-hold": Lifecycle.OPEN,
    "partial-payment": Lifecycle.PARTLY_PAID,  # plugins that take deposits
    "partially-paid": Lifecycle.PARTLY_PAID,
    "processing": Lifecycle.PAID,  # also what is paid on delivery
    "completed": Lifecycle.PAID,
    "refunded": Lifecycle.REFUNDED,
    "cancelled": Lifecycle.CANCELLED,
    "failed": Lifecycle.CANCELLED,
    "trash": Lifecycle.CANCELLED,
}
_DRAFTS = frozenset({"checkout-draft", "auto-draft", "draft"})
_SETTLED = frozenset({Lifecycle.PAID, Lifecycle.REFUNDED})
_ORDER_SHAPE = ("status", "currency", "date_created_gmt", "date_modified_gmt", "line_items", "refunds")
_REFUNDED_LINE = "_refunded_item_id"
_SESSION_ENTRY = "_wc_order_attribution_session_entry"
_GIFT_CARDS = frozenset({"wc_gc_giftcard_amount", "pw_gift_card_amount"})
_TEST_MODE = ("_wcpay_mode", "test")
_PING = re.compile(rb"webhook_id=[0-9]{1,20}")
_NUMBER = re.compile(r"[0-9]{1,20}")
_QUANTITY = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,12})?")
_ENTITY = re.compile(r"&(?:(amp|#0*38|#[xX]0*26)|(lt|#0*60)|(gt|#0*62)|(quot|#0*34|#[xX]0*22)|(#0*39|#[xX]0*27));")
_SECOND = timedelta(seconds=1)


def usable(secret: str) -> bool:
    return bool(_key(secret).strip())


def verify(request: Request, account: Account, now: datetime) -> str:  # noqa: ARG001
    """There is no signed time here: what is replayed gives the same facts.

    One body under two topics is two deliveries. That an order was deleted is said in the same words each time: only
    there does the header tell that it was deleted once more.
    """
    given = request.headers.get("x-wc-webhook-signature", "")
    expected = (signatures.base64_sha256(_key(secret), request.body) for secret in account.secrets if secret)
    if not any(signatures.same(given, signature) for signature in expected):
        raise BadSignature
    told = f"{body_hash(request.body)}:{_topic(request)}"
    if _topic(request) != _DELETED:
        return told
    return f"{told}:{request.headers.get('x-wc-webhook-delivery-id', '')}"


def is_ping(request: Request) -> bool:
    """What saving a webhook sends, without a signature."""
    named = any(name.startswith("x-wc-") for name in request.headers)
    return not named and _PING.fullmatch(request.body) is not None


def subject(request: Request) -> str:
    try:
        number = read(request.body).identifier("id")
    except Unreadable:
        return body_hash(request.body)
    return f"customer:{number}" if _topic(request).startswith("customer.") else number


def facts(request: Request, pseudonym: Pseudonym) -> Reading | Thin | PrivacyRequest | Ignored:
    topic = _topic(request)
    if topic not in _READERS:
        return Ignored("unknown_topic")
    return _READERS[topic](request.body, pseudonym)


def _topic(request: Request) -> str:
    return request.headers.get("x-wc-webhook-topic", "")


def _key(secret: str) -> bytes:
    """WordPress stores a secret with entities and signs without; however it was copied, this is what signs."""
    return _decoded(secret).encode(errors="replace")


def _decoded(text: str) -> str:
    """Without the entities that WordPress writes, and no others: `&copy` may be part of a secret."""
    return _ENTITY.sub(lambda entity: "&<>\"'"[(entity.lastindex or 1) - 1], text)


# --- topics -----------------------------------------------------------------------------------------------------------


def _created(raw: bytes, pseudonym: Pseudonym) -> Reading | Ignored:
    """The body may have been made late, and have refunds."""
    body = read(raw)
    said = _order(body, (), pseudonym)
    return _asking(_REFUNDS, said, body) if body.children("refunds") else said


def _updated(raw: bytes, pseudonym: Pseudonym) -> Reading | Ignored:
    """That a refund was deleted is an update, too, which only the API can tell from others."""
    body = read(raw)
    return _asking(_REFUNDS, _order(body, (), pseudonym), body)


def _restored(raw: bytes, pseudonym: Pseudonym) -> Reading | Ignored:
    """The body is that of any other change, so what it says is no more than that: the API has to say the rest."""
    body = read(raw)
    return _asking(_TRASH, _order(body, (), pseudonym), body)


def _deleted(raw: bytes, pseudonym: Pseudonym) -> Thin:  # noqa: ARG001
    """All that is said of a deleted order is its id; a body with more in it was signed for another topic.

    One with no more may have been so, too: whoever can send it again may say that an order was deleted where it was a
    customer of that number. Only the API tells which.
    """
    return Thin(Ask(_TRASH, {"order_id": _only_number(raw)}))


def _customer_deleted(raw: bytes, pseudonym: Pseudonym) -> PrivacyRequest:
    """Whom the shop has deleted it knows no more: nor shall we. What was deleted nobody signs here, either."""
    customer = pseudonym.by_id(_only_number(raw))
    return PrivacyRequest("erase_customer", body_hash(raw), customers=(customer,))


_READERS: dict[str, Callable[[bytes, Pseudonym], Reading | Thin | PrivacyRequest | Ignored]] = {
    "order.created": _created,
    "order.updated": _updated,
    "order.restored": _restored,
    _DELETED: _deleted,
    "customer.deleted": _customer_deleted,
}


def _asking(what: str, said: Reading | Ignored, body: Fields) -> Reading | Ignored:
    if isinstance(said, Ignored):
        return said
    asked = Ask(what, {"order_id": said.external_id, "modified": body.text("date_modified_gmt")})
    return replace(said, asks=(asked,))


def _only_number(raw: bytes) -> str:
    body = read(raw)
    if body.values.keys() != {"id"}:
        raise Unreadable("shape_mismatch", "what was deleted has an id and nothing else")
    return _number(body, "id")


def _number(body: Fields, key: str) -> str:
    """WordPress numbers everything; the number becomes part of an address."""
    number = body.identifier(key)
    if not _NUMBER.fullmatch(number):
        raise body.refusal("shape_mismatch", key, "not a number")
    return number


# --- an order ---------------------------------------------------------------------------------------------------------


def _order(
    body: Fields, given_back: Sequence[Fields], pseudonym: Pseudonym, asked_at: datetime | None = None
) -> Reading | Ignored:
    """The order with its refunds, of which `given_back` are told by their lines; a webhook was not asked."""
    if body.has("code") and not body.has("line_items"):
        raise Unreadable("platform_refused", "whoever made the webhook in WooCommerce may not read orders")
    for key in _ORDER_SHAPE:
        if not body.has(key):
            raise body.refusal("shape_mismatch", key, "missing, so the body is no order")
    if body.text("status") in _DRAFTS:
        return Ignored("draft_order")  # a cart, which may become an order with another date
    currency, updated_at = body.currency("currency"), body.utc("date_modified_gmt")
    listed = [_refund_in_sum(refund, currency) for refund in body.children("refunds")]
    lifecycle, paid = _lifecycle(body)
    buyer, buyer_id = body.hinted("billing"), body.hint("customer_id")
    snapshot = Snapshot(
        updated_at=updated_at,
        triggered_at=_triggered_at(updated_at, len(listed), asked_at),
        placed_at=body.utc("date_created_gmt"),
        placed_at_guessed=True,  # a shop's staff may change the date
        lifecycle=lifecycle,
        paid=paid,
        currency=currency,
        lines=_lines(body, currency),
        platform="woocommerce",
        shipping=max(0, _amount(body, "shipping_total", currency)),
        shipping_tax=max(0, _amount(body, "shipping_tax", currency)),
        test=_TEST_MODE in _meta(body),
        country=_country(body),
        codes=evidence.codes(_decoded(coupon.hint("code") or "") for coupon in body.hinted_list("coupon_lines")),
        click_ids=evidence.click_ids(_click_ids(body)),
        contacts=evidence.contacts(pseudonym, Fields(dict(_meta(body)))),
        customers=evidence.customers_by_all(pseudonym, [buyer.hint("email", evidence.EMAIL_MAX)], buyer_id),
        refund_ids=tuple(sorted({refund.id for refund in listed})),
    )
    by_weight = {line.identifier("id") for line in body.children("line_items", "lines") if not _pieces(line)}
    by_lines = [_refund_by_lines(refund, currency, by_weight) for refund in given_back]
    refunds = {refund.id: refund for refund in (*listed, *by_lines)}
    return Reading(_number(body, "id"), (snapshot, *refunds.values()))


def _triggered_at(updated_at: datetime, refunds: int, asked_at: datetime | None) -> datetime:
    """What tells bodies of one date apart: the last word of the API, or before that the number of refunds.

    What was asked in that very second is no last word: more may have happened in it.
    """
    if asked_at is not None and asked_at >= updated_at + _SECOND:
        return asked_at
    return times.EPOCH + timedelta(microseconds=refunds)


def _lifecycle(body: Fields) -> tuple[Lifecycle, bool]:
    """The stage of life, and whether the order was ever paid in full.

    Plugins have stages of their own, of which nobody knows more than whether a date of payment stands beside them.
    """
    dated = body.has("date_paid_gmt")
    lifecycle = _LIFECYCLES.get(body.text("status"), Lifecycle.PAID if dated else Lifecycle.OPEN)
    return lifecycle, lifecycle in _SETTLED or (dated and lifecycle is not Lifecycle.PARTLY_PAID)


def _lines(body: Fields, currency: str) -> tuple[Line, ...]:
    """What was sold. Lines below 0 take off the others what negative fees do, whichever way a plugin chose for it."""
    said = body.children("line_items", "lines")
    nets = [line.major("total", currency, signed=True) for line in said]
    taxes = [_amount(line, "total_tax", currency) for line in said]
    sold = [place for place, net in enumerate(nets) if net >= 0]
    fees = body.children("fee_lines")
    off = _below_zero([*nets, *(fee.major("total", currency, signed=True) for fee in fees)])
    tax_off = _below_zero([*taxes, *(_amount(fee, "total_tax", currency) for fee in fees)])
    less = _less([nets[place] for place in sold], off)
    less_tax = _less([max(0, taxes[place]) for place in sold], tax_off)
    lines = [
        _line(said[place], nets[place], left, tax, currency)
        for place, left, tax in zip(sold, less, less_tax, strict=True)
    ]
    return orders.distinct(lines, [said[place] for place in sold])


def _line(line: Fields, net: int, left: int, tax: int, currency: str) -> Line:
    """The line at what it came to before coupons, of which so much is `left`."""
    quantity = _pieces(line) or 1
    before = max(net, _amount(line, "subtotal", currency))
    price = -(-before // quantity)
    return orders.bounded(
        Line(
            id=line.identifier("id"),
            quantity=quantity,
            unit_price=price,
            discount=quantity * price - left,
            tax=tax,
            sku=line.label("sku"),
            product_id=line.label("product_id"),
            gift_card=any(key in _GIFT_CARDS and value for key, value in _meta(line)),
        ),
        line,
        price="subtotal",
        discount="total",
        tax="total_tax",
    )


def _pieces(line: Fields) -> int:
    """How many whole pieces, of a refund's line below 0; none of a weight or a length."""
    said = line.values.get("quantity")
    if isinstance(said, bool) or not isinstance(said, int | str | Decimal):
        raise line.refusal("shape_mismatch", "quantity", "not a number")
    if isinstance(said, str) and not _QUANTITY.fullmatch(said):
        raise line.refusal("shape_mismatch", "quantity", "not a number")
    quantity = Decimal(said)
    if not -QUANTITY_MAX <= quantity <= QUANTITY_MAX:
        raise line.refusal("shape_mismatch", "quantity", f"beyond {QUANTITY_MAX}")
    return abs(int(quantity)) if quantity == int(quantity) else 0


def _amount(fields: Fields, key: str, currency: str) -> int:
    """Below 0, too; nothing where it is left out."""
    return fields.major(key, currency, signed=True) if fields.values.get(key) not in (None, "") else 0


def _below_zero(amounts: Sequence[int]) -> int:
    return -sum(amount for amount in amounts if amount < 0)


def _less(amounts: Sequence[int], off: int) -> list[int]:
    """What is left of each, once so much is taken off all of them in proportion."""
    parts = split(min(off, sum(amounts)), amounts, amounts)
    return [amount - part for amount, part in zip(amounts, parts, strict=True)]


def _meta(fields: Fields) -> list[tuple[str, str]]:
    """The attributes that plugins leave, as far as they are texts or numbers."""
    said = fields.hinted_list("meta_data")
    pairs = ((entry.hint("key"), entry.hint("value", evidence.ADDRESS_MAX)) for entry in said)
    return [(key, value) for key, value in pairs if key is not None and value is not None]


def _click_ids(body: Fields) -> Iterator[str]:
    """The order's own attributes, its lines', and whatever parameter of the landing page a program has chosen."""
    for told in (body, *body.hinted_list("line_items")):
        yield from (value for key, value in _meta(told) if key in evidence.CLICK_NAMES)
    for key, value in _meta(body):
        if key == _SESSION_ENTRY:
            yield from evidence.in_address(value)


def _country(body: Fields) -> str | None:
    addresses = (body.hinted(key) for key in ("shipping", "billing"))
    return next((country for address in addresses if (country := address.country("country"))), None)


# --- refunds ----------------------------------------------------------------------------------------------------------


def _refund_in_sum(refund: Fields, currency: str) -> Refund:
    """As the order tells it: what was given back of whatever, tax and shipping included."""
    amount = -refund.major("total", currency, signed=True)
    if amount < 0:
        raise refund.refusal("bad_amount", "total", "above 0")
    return Refund(refund.identifier("id"), times.EPOCH, currency, amount=amount, amount_with_tax=True)


def _refund_by_lines(refund: Fields, currency: str, by_weight: Collection[str]) -> Refund:
    """As the API tells it: its lines, and what was given back beyond them, without shipping and fees.

    What it takes back of a discount that was a fee is less given back for the lines.
    """
    named: list[tuple[Fields, str, int, int]] = []
    fees = [_given_back(fee, currency) for fee in refund.children("fee_lines")]
    taken_back = [(min(0, net), min(0, tax)) for net, tax in fees]
    for line in refund.children("line_items", "lines"):
        net, tax = _given_back(line, currency)
        of = Fields({key: value for key, value in reversed(_meta(line)) if key == _REFUNDED_LINE}, line.path)
        if net < 0:
            taken_back.append((net, tax))
        elif of.values:
            if tax < 0:
                raise line.refusal("bad_amount", "total_tax", "above 0")
            named.append((line, of.identifier(_REFUNDED_LINE), net, tax))
    nets = _less([net for _, _, net, _ in named], _below_zero([net for net, _ in taken_back]))
    taxes = _less([tax for _, _, _, tax in named], _below_zero([tax for _, tax in taken_back]))
    shipping = [_given_back(line, currency) for line in refund.children("shipping_lines")]
    apart = sum(max(0, net) + max(0, tax) for net, tax in (*fees, *shipping))
    amount = refund.major("amount", currency) - apart - sum(nets) - sum(taxes)
    if abs(amount) > AMOUNT_MAX:
        raise refund.refusal("amount_out_of_range", "amount", "the refund's sums are no amounts any more")
    return Refund(
        id=refund.identifier("id"),
        updated_at=max(refund.utc("date_created_gmt"), times.EPOCH + _SECOND),
        currency=currency,
        lines=orders.ordered(
            RefundLine(line_id, 0 if line_id in by_weight else _pieces(line), net, tax)
            for (line, line_id, _, _), net, tax in zip(named, nets, taxes, strict=True)
        ),
        amount=amount,
        amount_with_tax=True,
    )


def _given_back(line: Fields, currency: str) -> tuple[int, int]:
    """A line of a refund, whose sums are below 0, and its tax: above 0 what was given back."""
    return -line.major("total", currency, signed=True), -_amount(line, "total_tax", currency)


# --- the REST API -----------------------------------------------------------------------------------------------------


def address(account: Account) -> str | None:
    """The shop's own host; one that WordPress does not have at its root is told as the connection's `api_base_url`."""
    return f"https://{account.shop}" if account.shop else None


def ask(asked: Ask, account: Account, now: datetime) -> Generator[Call, Answer, bytes]:
    """Reads the order, and its refunds where it has any: one of the trash can be read like any other."""
    about = Fields(asked.about)
    number = _number(about, "order_id")
    answer = yield _call(account, f"{_ORDERS}/{number}")
    if answer.status == 404:  # noqa: PLR2004
        if asked.what == _TRASH and read(answer.body).hint("code") == _UNKNOWN_ORDER:
            return _envelope(number, now, b"null", [])
        raise Unreadable("platform_refused", "the shop has no such order, or no API at this address")
    body = read(answer.body)
    if _number(body, "id") != number:
        raise body.refusal("shape_mismatch", "id", "not the order that was asked for")
    told = about.utc_or_none("modified")
    if told is not None and body.utc("date_modified_gmt") < told:
        raise NotYet("older_than_told")
    refunds = (yield from _refunds(account, number)) if body.children("refunds") else []
    return _envelope(number, now, answer.body, refunds)


def changes(
    span: Span,
    bookmark: str | None,
    account: Account,
    now: datetime,
) -> Generator[Call, Answer, Changes]:
    """Orders by the time of their change, then those of the trash, which are in no other list.

    A page begins at the last second of the one before, not by its number: what changes in between leaves the span, and
    would move others across the pages. A bookmark holds the list, the second after which, and the page of those that
    changed in one second. WooCommerce takes these times as it keeps them: UTC, and not marked so.
    """
    earliest = _second(span.since - _SECOND)
    listed, after, page = bookmark.split("/") if bookmark else ("any", earliest, "1")
    query = (
        ("status", listed),
        ("modified_after", after),
        ("modified_before", _second(span.until + _SECOND)),
        ("dates_are_gmt", "true"),
        ("orderby", "modified"),
        ("order", "asc"),
        ("per_page", str(PAGE)),
        ("page", page),
    )
    answer = yield _call(account, _ORDERS, query)
    raw = _list(answer)
    found = [read(order) for order in raw]
    if found and _second(found[0].utc("date_modified_gmt")) <= after:
        raise Unreadable("platform_refused", "this WooCommerce cannot list orders by the time of their change")
    told: list[Change] = []
    for order, text in zip(found, raw, strict=True):
        number = _number(order, "id")
        refunds = (yield from _refunds(account, number)) if order.hinted_list("refunds") else []
        told.append(Change(number, _envelope(number, now, text, refunds)))
    if len(found) < PAGE:
        return Changes(tuple(told), f"trash/{earliest}/1" if listed == "any" else None)
    until = _second(found[-1].utc("date_modified_gmt") - _SECOND)
    return Changes(tuple(told), f"{listed}/{until}/1" if until > after else f"{listed}/{after}/{int(page) + 1}")


def _refunds(account: Account, number: str) -> Generator[Call, Answer, list[bytes]]:
    """Each of the order's refunds, as the shop wrote it."""
    found: list[bytes] = []
    for page in range(1, REFUND_PAGES_MAX + 1):
        query = (("per_page", str(REFUNDS_PAGE)), ("page", str(page)), ("orderby", "id"), ("order", "asc"))
        answer = yield _call(account, f"{_ORDERS}/{number}/refunds", query)
        some = _list(answer)
        found += some
        if len(some) < REFUNDS_PAGE:
            return found
    raise Unreadable("too_many_refunds", f"more than {REFUND_PAGES_MAX * REFUNDS_PAGE} of one order")


def _call(account: Account, path: str, query: Sequence[tuple[str, str]] = ()) -> Call:
    """By the key and secret that WooCommerce gives: `ck_…:cs_…`."""
    token = account.api_token or ""
    if ":" not in token:
        raise Unreadable("token_unusable", "a token for WooCommerce is the consumer key, a colon, the consumer secret")
    return Call(path, query, headers={"Authorization": f"Basic {base64.b64encode(token.encode()).decode()}"})


def _list(answer: Answer) -> list[bytes]:
    """The objects of an answer that is a list, each in its own bytes."""
    if answer.status == 404:  # noqa: PLR2004
        raise Unreadable("platform_refused", "the shop has no API at this address")
    return verbatim(b'{"list":' + answer.body + b"}", "list")


def _envelope(number: str, now: datetime, order: bytes, refunds: Sequence[bytes]) -> bytes:
    said = number.encode(), times.text(now).encode(), order, b",".join(refunds)
    return b'{"order_id":"%s","asked_at":"%s","order":%s,"refunds":[%s]}' % said


def _told(raw: bytes, pseudonym: Pseudonym) -> Reading | Ignored:
    """`{order_id, asked_at, order, refunds}`, as the API tells them; no order: the shop has none of that number.

    Whatever it tells of an order proves that it was not gone when it was asked.
    """
    said = read(raw)
    asked_at = said.moment("asked_at")
    if not said.has("order"):
        return Reading(_number(said, "order_id"), (Cancellation(_DELETED, asked_at),))
    reading = _order(said.child("order"), said.children("refunds"), pseudonym, asked_at)
    if isinstance(reading, Ignored):
        return reading
    return replace(reading, facts=(*reading.facts, Cancellation(_DELETED, asked_at, undone=True)))


def _second(moment: datetime) -> str:
    return times.short(times.floor_second(moment)).removesuffix("Z")


PLATFORM = Platform(
    usable=usable,
    verify=verify,
    subject=subject,
    facts=facts,
    kept_headers=("x-wc-webhook-topic",),
    api=Api(address=address, ask=ask, read=_told, changes=changes),
    is_ping=is_ping,
)

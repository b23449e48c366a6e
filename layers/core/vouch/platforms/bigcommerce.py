"""BigCommerce: its webhooks name an order and no more; its API tells the order, what it consists of, and its refunds.

Deliveries are signed as Standard Webhooks has it, by the client secret of the app that subscribed. The store stands in
the signed body (`producer`), so that what is asked is asked of that store.

An answer is stored as one body of all that was said, to the letter:

    {"asked_at": <RFC 3339>, "order": {…}, "products": [{"page": […]}, …], "coupons": […likewise], "refunds": {…},
     "metafields": [{…}, {…}]}

An order's date of change is of whole seconds: of two answers of one date the one that was asked for later counts.

Amounts are those that the buyer paid, in the transactional currency (`default_currency_code`); `currency_code` is what
prices were shown in. BigCommerce writes four digits. Prices are what a merchant has entered, with tax or without it as
`is_tax_inclusive_pricing` says, and have to be whole minor units; the other side is worked out, and so are taxes and
each line's part of a discount. The order's sum of these is rounded, and its lines share it.

A status is the merchant's word, and the only one on whether the order counts. Disputed is one that comes and goes: such
an order is open until it has another. An archived order stays what its status says.

What ties an order to a click is a metafield `ref`, of the order or of the cart that became it. Changing one does not
date the order anew, so it is a mention of its own.
"""

import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from http import HTTPStatus

from vouch.domain import times
from vouch.domain.currencies import EXPONENTS
from vouch.domain.facts import TOUCH_KEYS_MAX, Lifecycle, Line, Mention, Refund, RefundLine, Snapshot
from vouch.domain.money import divide_half_up, split
from vouch.platforms import evidence, orders, signatures
from vouch.platforms.base import (
    Account,
    Answer,
    Api,
    Ask,
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
from vouch.platforms.parsing import ITEMS_MAX, QUANTITY_MAX, Fields, body_hash, read

PAGE = 50
"""What a page of an order's parts holds if nobody asks for more, so that no other limit cuts one short unnoticed."""
CHANGES = 10
"""Orders of one page of changes: each is asked for with all its parts, which takes six calls."""
PARTS_BYTES_MAX = 8 * 1024 * 1024
"""Of all products or all coupons of one order: some 4 000 lines as BigCommerce writes them."""
PATIENCE = timedelta(minutes=10)
"""How long an answer may be behind the webhook that it was asked for; later on another change has overtaken that."""

_ORDER_NAMED_BY = {
    "store/order/created": "id",
    "store/order/updated": "id",
    "store/order/statusUpdated": "id",
    "store/order/archived": "id",
    "store/order/refund/created": "id",
    "store/order/transaction/created": "order_id",
    "store/order/transaction/updated": "order_id",
    "store/order/metafield/created": "resource_id",
    "store/order/metafield/updated": "resource_id",
}
_CUSTOMER_DELETED = "store/customer/deleted"
_IGNORED = {"store/cart/converted": "cart_converted"}  # names the order, which store/order/created does, too
_LIFECYCLES = {
    0: Lifecycle.OPEN,  # Incomplete: the buyer saw the payment page, or payment failed
    1: Lifecycle.OPEN,  # Pending
    2: Lifecycle.PAID,  # Shipped
    3: Lifecycle.PAID,  # Partially Shipped
    4: Lifecycle.REFUNDED,
    5: Lifecycle.CANCELLED,
    6: Lifecycle.CANCELLED,  # Declined
    7: Lifecycle.OPEN,  # Awaiting Payment
    8: Lifecycle.PAID,  # Awaiting Pickup
    9: Lifecycle.PAID,  # Awaiting Shipment
    10: Lifecycle.PAID,  # Completed
    11: Lifecycle.PAID,  # Awaiting Fulfillment
    12: Lifecycle.OPEN,  # Manual Verification Required
    13: Lifecycle.OPEN,  # Disputed
    14: Lifecycle.PAID,  # Partially Refunded
}
_INCOMPLETE = 0
_NOTHING = {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_FOUND, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
"""What is answered where there is nothing to tell; the latter two only come where a call is optional."""
_GOODS = "PRODUCT"
_ORDER_LEVEL = "ORDER"
_NO_GOODS = {"GIFT_WRAPPING", "SHIPPING", "HANDLING", "TAX", "FEE"}
_TEST_GATEWAY = "test payment gateway"

_STORE = re.compile(r"stores/([a-z0-9]{1,64})")
_SHOP = re.compile(r"store-([a-z0-9]{1,64})\.mybigcommerce\.com")
_NUMBER = re.compile(r"[1-9][0-9]{0,18}")
_CART = re.compile(r"[A-Za-z0-9-]{1,64}")
_FINE = re.compile(r"([0-9]{1,11})(?:\.([0-9]{1,4})0{0,16})?")
_FINE_WHOLE = 10_000
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_RFC_2822 = re.compile(
    rf"({'|'.join(_DAYS)}), ([0-9]{{1,2}}) ({'|'.join(_MONTHS)}) ([0-9]{{4}}) ([0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}})"
    r" ([+-][0-9]{2})([0-9]{2})"
)

Conversation = Generator[Call, Answer, bytes | None]


def usable(secret: str) -> bool:
    return bool(secret.strip())


def verify(request: Request, account: Account, now: datetime) -> str:
    """The key is the secret's own bytes: BigCommerce encodes them only for libraries that decode them again."""
    return signatures.standard_webhook(request, (secret.encode() for secret in account.secrets), now)


def subject(request: Request) -> str:
    try:
        return _order_id(read(request.body)) or body_hash(request.body)
    except Unreadable:
        return body_hash(request.body)


def facts(request: Request, pseudonym: Pseudonym) -> Thin | PrivacyRequest | Ignored:
    body = read(request.body)
    scope = body.text("scope")
    if scope == _CUSTOMER_DELETED:
        return PrivacyRequest(
            "erase_customer",
            body.hint("hash") or body_hash(request.body),
            customers=(pseudonym.by_id(body.child("data").identifier("id")),),
            shop=f"store-{_store(body)}.mybigcommerce.com",
        )
    order_id = _order_id(body)
    if order_id is None:
        return Ignored(_IGNORED.get(scope, "unknown_topic"))
    about = {"store": _store(body), "order": order_id}
    told_at = body.unix_or_none("created_at")
    if told_at is not None:
        about["told_at"] = times.short(told_at)
    data = body.child("data")
    status = data.hinted("status").values.get("new_status_id")
    if type(status) is int and status in _LIFECYCLES:
        about["status"] = str(status)
    refund = data.hinted("refund").hint("refund_id")
    if refund is not None:
        about["refund"] = refund
    return Thin(Ask("order", about))


def _order_id(body: Fields) -> str | None:
    """The order that a webhook names; None where it is about something else."""
    named_by = _ORDER_NAMED_BY.get(body.text("scope"))
    if named_by is None:
        return None
    return _number(body.child("data"), named_by)


def _number(told: Fields, key: str) -> str:
    """The number of an order, which becomes part of an address."""
    number = told.identifier(key)
    if not _NUMBER.fullmatch(number):
        raise told.refusal("shape_mismatch", key, "not the number of an order")
    return number


def _store(body: Fields) -> str:
    producer = _STORE.fullmatch(body.text("producer"))
    if producer is None:
        raise body.refusal("shape_mismatch", "producer", "not a store")
    return producer[1]


# --- asking -----------------------------------------------------------------------------------------------------------


def address(account: Account) -> str:  # noqa: ARG001
    """One for all stores; each call names its own."""
    return "https://api.bigcommerce.com"


def ask(ask: Ask, account: Account, now: datetime) -> Generator[Call, Answer, bytes]:
    """The order that a webhook named, if what is said of it is not older than the webhook.

    A store that is not the connection's is not asked: the signature is the app's, which may have more than one.
    """
    store = ask.about["store"]
    if _store_of(account) not in (None, store):
        raise Unreadable("other_store", "the webhook is of another store than the connection")
    told = yield from _whole(store, ask.about["order"], account, now)
    if told is None:
        raise NotYet("order_unknown")
    _refuse_older(read(told), ask.about, now)
    return told


def changes(
    span: Span,
    bookmark: str | None,
    account: Account,
    now: datetime,
) -> Generator[Call, Answer, Changes]:
    """Orders by the time of their change, which is whole seconds: pages overlap by one, since two may share it.

    An order that changes while pages are read leaves the span, and what came after it moves up; so a page does not
    begin at a number, but where the last one ended. Only where a whole page has one time there is nothing but numbers.
    """
    store = _store_of(account)
    if store is None:
        raise Unreadable("store_unknown", "the connection's shop is not of the form store-….mybigcommerce.com")
    since, page = _bookmarked(bookmark) if bookmark else (times.floor_second(span.since), 1)
    query = (
        ("min_date_modified", since.isoformat()),
        ("max_date_modified", times.floor_second(span.until).isoformat()),
        ("sort", "date_modified:asc"),
        ("page", str(page)),
        ("limit", str(CHANGES)),
    )
    answer = yield from _asked(f"/stores/{store}/v2/orders", account, query)
    listed = _page(answer or b"[]").children("page")
    found = []
    for order in listed:
        number = _number(order, "id")
        told = yield from _whole(store, number, account, now)
        if told is not None:
            found.append(Change(number, told))
    if len(listed) < CHANGES:
        return Changes(tuple(found))
    end = max(_moment(order, "date_modified") for order in listed) - timedelta(seconds=1)
    return Changes(tuple(found), f"{times.short(end)} 1" if end > since else f"{times.short(since)} {page + 1}")


def _bookmarked(bookmark: str) -> tuple[datetime, int]:
    since, page = bookmark.split(" ")
    return times.parse(since), int(page)


def _store_of(account: Account) -> str | None:
    """The store that the connection's shop names by its permanent address; a domain of its own names none."""
    shop = _SHOP.fullmatch(account.shop or "")
    return None if shop is None else shop[1]


def _whole(store: str, order_id: str, account: Account, now: datetime) -> Conversation:
    """An order with all that counts of it, as `read_answer` takes it; None where there is no such order."""
    v2, v3 = (f"/stores/{store}/{version}" for version in ("v2", "v3"))
    order = yield from _asked(
        f"{v2}/orders/{order_id}", account, (("include", "consignments"), ("consignment_structure", "object"))
    )
    if order is None:
        return None
    products = yield from _pages(f"{v2}/orders/{order_id}/products", account)
    coupons = yield from _pages(f"{v2}/orders/{order_id}/coupons", account)
    refunds = yield from _asked(f"{v3}/orders/{order_id}/payment_actions/refunds", account)
    bearers = [f"{v3}/orders/{order_id}"]
    cart = read(order).hint("cart_id")
    if cart is not None and _CART.fullmatch(cart):
        bearers.append(f"{v3}/carts/{cart}")
    metafields = []
    for bearer in bearers:  # clicks are worth asking for, but no reason to leave an order unread
        said = yield from _asked(f"{bearer}/metafields", account, (("key", "ref"),), optional=True)
        metafields.append(said or b"{}")
    parts = (
        (b"asked_at", b'"%s"' % times.text(now).encode()),
        (b"order", order),
        (b"products", _listed(products)),
        (b"coupons", _listed(coupons)),
        (b"refunds", refunds or b"{}"),
        (b"metafields", _listed(metafields)),
    )
    return b"{" + b",".join(b'"' + name + b'":' + said for name, said in parts) + b"}"


def _pages(path: str, account: Account) -> Generator[Call, Answer, list[bytes]]:
    pages: list[bytes] = []
    room = PARTS_BYTES_MAX
    for number in range(1, ITEMS_MAX // PAGE + 2):
        said = yield from _asked(path, account, (("page", str(number)), ("limit", str(PAGE))))
        if said is None:
            return pages
        room -= len(said)
        if room < 0:
            break
        pages.append(b'{"page":' + said + b"}")
        if len(_page(said).children("page")) < PAGE:
            return pages
    raise Unreadable("too_many_lines", f"more than {ITEMS_MAX} parts of an order, or {PARTS_BYTES_MAX} bytes of them")


def _asked(
    path: str, account: Account, query: Sequence[tuple[str, str]] = (), *, optional: bool = False
) -> Conversation:
    """What is said there, once it is sure to be JSON; None where nothing is."""
    headers = {"X-Auth-Token": account.api_token or "", "Accept": "application/json"}
    answer = yield Call(path, query, headers=headers, optional=optional)
    if answer.status in _NOTHING:
        return None
    _page(answer.body)
    return answer.body


def _page(said: bytes) -> Fields:
    """`{"page": …}`: version 2 answers with bare lists."""
    return read(b'{"page":' + said + b"}")


def _listed(parts: Sequence[bytes]) -> bytes:
    return b"[" + b",".join(parts) + b"]"


def _refuse_older(told: Fields, about: Mapping[str, str], now: datetime) -> None:
    """A refund stays where it is, a status does not: without the one it is too early, another one may be the newer."""
    known = [refund.identifier("id") for refund in told.child("refunds").children("data")]
    if "refund" in about and about["refund"] not in known:
        raise NotYet("refund_unknown")
    if "status" not in about or "told_at" not in about:
        return
    order, told_at = told.child("order"), times.parse(about["told_at"])
    behind = _moment(order, "date_modified") < told_at and str(order.values.get("status_id")) != about["status"]
    if behind and now - told_at < PATIENCE:
        raise NotYet("status_unknown")


# --- reading ----------------------------------------------------------------------------------------------------------


def read_answer(body: bytes, pseudonym: Pseudonym) -> Reading:
    told = read(body)
    order = told.child("order")
    products = _parts(told, "products", "lines")
    coupons = _parts(told, "coupons", "items")
    currency = order.currency("default_currency_code")
    lifecycle, placed_at = _lifecycle(order), _moment(order, "date_created")
    with_tax = order.flag("is_tax_inclusive_pricing")
    snapshot = Snapshot(
        updated_at=_moment(order, "date_modified"),
        triggered_at=told.moment("asked_at"),
        placed_at=placed_at,
        # Nobody has placed it yet, and whoever does may do it later.
        placed_at_guessed=order.values["status_id"] == _INCOMPLETE,
        lifecycle=lifecycle,
        paid=lifecycle in (Lifecycle.PAID, Lifecycle.REFUNDED),
        currency=currency,
        lines=_lines(order, products, currency, with_tax=with_tax),
        platform="bigcommerce",
        shipping=_rounded(_fine(order, "shipping_cost_inc_tax" if with_tax else "shipping_cost_ex_tax"), currency),
        shipping_tax=_rounded(_fine(order, "shipping_cost_tax"), currency),
        tax_included=with_tax,
        test=(order.hint("payment_method") or "").casefold() == _TEST_GATEWAY,
        country=_country(order),
        codes=evidence.codes(_codes(coupons, products)),
        customers=evidence.customers_by_all(
            pseudonym, [order.hinted("billing_address").hint("email", evidence.EMAIL_MAX)], order.hint("customer_id")
        ),
    )
    refunds = (_refund(refund, currency) for refund in told.child("refunds").children("data"))
    return Reading(order.identifier("id"), (snapshot, *refunds, *_mentions(told, placed_at)))


def _parts(told: Fields, key: str, kind: str) -> list[Fields]:
    return [part for page in told.children(key) for part in page.children("page", kind)]


def _lifecycle(order: Fields) -> Lifecycle:
    status = order.values.get("status_id")
    if type(status) is not int or status not in _LIFECYCLES:
        raise order.refusal("unknown_status", "status_id", "not a status that is known here")
    return _LIFECYCLES[status]


def _lines(order: Fields, products: Sequence[Fields], currency: str, *, with_tax: bool) -> tuple[Line, ...]:
    """As sold: what is refunded stays in its line. Sums over all lines are shared out in their proportion."""
    price = "price_inc_tax" if with_tax else "price_ex_tax"
    priced = [_priced(product, price, currency) for product in products]
    gross = [line.quantity * line.unit_price for line in priced]
    parts = [sum(_fine(given, "amount") for given in product.children("applied_discounts")) for product in products]
    for product, part, worth in zip(products, parts, gross, strict=True):
        if part * 10 ** EXPONENTS[currency] > worth * _FINE_WHOLE:
            raise product.refusal("discount_above_price", "applied_discounts", "the discount is more than the price")
    discounts = split(_rounded(sum(parts), currency), parts, gross)
    taxes = split(
        _rounded(_fine(order, "subtotal_tax"), currency), [_fine(product, "total_tax") for product in products]
    )
    lines = [
        orders.bounded(
            replace(line, discount=discount, tax=tax),
            product,
            price=price,
            discount="applied_discounts",
            tax="total_tax",
        )
        for product, line, discount, tax in zip(products, priced, discounts, taxes, strict=True)
    ]
    return orders.distinct(lines, products)


def _priced(product: Fields, price: str, currency: str) -> Line:
    """The line without what it has to share with others."""
    return Line(
        id=product.identifier("id"),
        quantity=product.whole("quantity", QUANTITY_MAX),
        unit_price=product.major(price, currency),
        sku=product.label("sku"),
        product_id=product.label("product_id"),
        gift_card=product.hint("type") == "giftcertificate",
    )


def _refund(refund: Fields, currency: str) -> Refund:
    """Goods go back by count; what was kept back of their price (adjustments) only balances what else is given back.

    An amount for the order names no goods, and shipping, wrapping, handling, fees and mere tax are none. It is money
    as the buyer paid it, with tax however the shop shows its prices. A correction of tax has no items at all. Whether
    the money moved, the payments say.
    """
    lines, amount = [], 0
    for item in refund.children("items"):
        kind = item.text("item_type")
        if kind == _GOODS:
            lines.append(RefundLine(item.identifier("item_id"), item.whole("quantity", QUANTITY_MAX)))
            amount += sum(part.major("amount", currency, signed=True) for part in item.children("adjustments"))
        elif kind == _ORDER_LEVEL:
            amount += item.major("requested_amount", currency)
        elif kind not in _NO_GOODS:
            raise item.refusal("shape_mismatch", "item_type", "not a kind of item that is known here")
    payments = refund.children("payments")
    return Refund(
        id=refund.identifier("id"),
        updated_at=refund.moment("created"),
        currency=currency,
        lines=orders.ordered(lines),
        amount=amount,
        amount_with_tax=True,
        failed=bool(payments) and all(payment.flag("is_declined") for payment in payments),
    )


def _country(order: Fields) -> str | None:
    """Where it goes, if it is sent anywhere, or else the buyer's."""
    shipped_to = order.hinted("consignments").hinted_list("shipping")
    addresses = (*shipped_to, order.hinted("billing_address"))
    return next((country for said in addresses if (country := said.country("country_iso2"))), None)


def _codes(coupons: Sequence[Fields], products: Sequence[Fields]) -> Iterator[str]:
    """Those of the order, which may be for its shipping alone, and those that made goods cheaper."""
    given = (discount for product in products for discount in product.hinted_list("applied_discounts"))
    for coupon in (*coupons, *given):
        yield coupon.hint("code") or ""


def _mentions(told: Fields, otherwise: datetime) -> list[Mention]:
    """One for each click id, so that it does not matter which of the places for it was seen when."""
    found: dict[str, datetime] = {}
    for said in told.children("metafields"):
        for metafield in (*said.hinted_list("data"), said.hinted("data")):  # a cart's are not clearly told to be a list
            if metafield.hint("key") in evidence.CLICK_NAMES:
                at = _changed_at(metafield) or otherwise
                for click in evidence.click_ids([metafield.hint("value", evidence.ADDRESS_MAX) or ""]):
                    found[click] = max(at, found.get(click, at))
    return [Mention(click, at, click_ids=(click,)) for click, at in found.items()][:TOUCH_KEYS_MAX]


def _changed_at(metafield: Fields) -> datetime | None:
    try:
        return metafield.moment_or_none("date_modified")
    except Unreadable:
        return None


def _moment(said: Fields, key: str) -> datetime:
    """A time as mail has it: `Wed, 14 Nov 2012 19:26:23 +0000`."""
    parts = _RFC_2822.fullmatch(said.text(key))
    try:
        if parts is not None:
            weekday, day, month, year, clock, hours, minutes = parts.groups()
            on = date(int(year), _MONTHS.index(month) + 1, int(day))
            if _DAYS[on.weekday()] == weekday:
                return times.said(f"{on.isoformat()}T{clock}{hours}:{minutes}")
    except ValueError:
        pass
    raise said.refusal("bad_time", key, "not a time as RFC 2822 has it")


def _fine(said: Fields, key: str) -> int:
    """In ten-thousandths of the currency's unit, what BigCommerce has worked out."""
    value = said.values.get(key)
    text = str(value) if isinstance(value, int | Decimal) else value
    digits = _FINE.fullmatch(text) if isinstance(text, str) else None
    if digits is None:
        raise said.refusal("bad_amount", key, "not an amount with up to four digits after the point")
    return int(digits[1]) * _FINE_WHOLE + int((digits[2] or "").ljust(4, "0"))


def _rounded(fine: int, currency: str) -> int:
    return divide_half_up(fine * 10 ** EXPONENTS[currency], _FINE_WHOLE)


PLATFORM = Platform(
    usable=usable,
    verify=verify,
    subject=subject,
    facts=facts,
    api=Api(address=address, ask=ask, read=read_answer, changes=changes),
)

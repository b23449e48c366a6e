"""TikTok Shop: webhooks that name an order and no more, and the order, its refunds and its creators from the API.

What the API said of an order is stored as one body, which is all that facts come from:

    {"asked_at": <RFC 3339>, "order": {…}, "returns": […], "cancellations": […], "affiliates": […] | null}

An order of which reconciliation cannot be told is stored as `{"order_id": …, "unreadable": <why>}`, and parks by that.

`affiliates` are the order's entries among the shop's affiliate orders, null where the token has no right to those: the
order counts without its creators then. An amount that came as a JSON number is kept as a text of the same digits.

An order has one line item per unit sold, so a line's quantity is always 1. What a line is worth is net of the seller's
discounts alone: TikTok pays the seller what it takes off itself. A buyer who returns a line is given back what they
paid, without TikTok's part, which TikTok takes back as well; so a refund takes the same part of the worth.

Tax stands on top of the prices in the United States, and where else the total has room for it; else inside. Where no
tax is told, prices count as they are, VAT and all.
"""

import hmac
import json
import re
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from math import ceil, floor
from typing import Any

from vouch.domain import money, times
from vouch.domain.facts import (
    TOUCH_KEYS_MAX,
    Lifecycle,
    Line,
    Mention,
    PlatformCommission,
    Refund,
    RefundLine,
    Snapshot,
)
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
    Pseudonym,
    Reading,
    Request,
    Span,
    Thin,
    Unreadable,
)
from vouch.platforms.parsing import Fields, body_hash, read

ADDRESS = "https://open-api.tiktokglobalshop.com"
PAGES_MAX = 50
"""What one conversation turns of one list: 2 500 returns of an order, 5 000 affiliate orders of two minutes."""
CHANGES_PAGE = 20
"""Orders of one page of reconciliation, each of which asks for its creators by itself."""
CHANGES_AFFILIATES_PAGES_MAX = 7
"""For each of these: 700 affiliate orders of two minutes, as one conversation has only so many calls."""

_SHOPS = "/authorization/202309/shops"
_ORDERS = "/order/202309/orders"
_ORDER_SEARCH = "/order/202309/orders/search"
_RETURNS = "/return_refund/202309/returns/search"
_CANCELLATIONS = "/return_refund/202309/cancellations/search"
_AFFILIATES = "/affiliate_seller/202410/orders/search"
_PAGE = 50
_AFFILIATES_PAGE = 100
_PAGE_TOKEN_MAX = 2_048
_AROUND_SECONDS = 60
"""Affiliate orders are found by time alone, and carry the order's own; another clock may have written it."""

_ORDER_STATUS, _REVERSE, _CANCELLATION, _RETURN = 1, 2, 11, 12
_IGNORED = {
    3: "recipient_address",
    4: "package",
    5: "product_status",
    6: "seller_deauthorised",
    7: "authorisation_expiring",
    13: "conversation",
    14: "message",
    36: "invoice",
    42: "combined_listing",
}
_LIFECYCLES = {
    "UNPAID": Lifecycle.OPEN,
    "ON_HOLD": Lifecycle.OPEN,  # about an hour in which the buyer may still change their mind
    "AWAITING_SHIPMENT": Lifecycle.PAID,
    "PARTIALLY_SHIPPING": Lifecycle.PAID,
    "AWAITING_COLLECTION": Lifecycle.PAID,
    "IN_TRANSIT": Lifecycle.PAID,
    "DELIVERED": Lifecycle.PAID,
    "COMPLETED": Lifecycle.PAID,
    "CANCELLED": Lifecycle.CANCELLED,
    "CANCEL": Lifecycle.CANCELLED,  # the webhook's spelling
}
_REFUNDED = {
    "RETURN_OR_REFUND_REQUEST_COMPLETE",
    "REPLACEMENT_REQUEST_REFUND_SUCCESS",
    "EXCHANGE_REQUEST_REFUND_SUCCESS",
}
"""The buyer has their money. A completed replacement is none of these: it brings other goods."""
_CANCELLED = {"CANCELLATION_REQUEST_COMPLETE"}
_NO_SALE = {
    "is_sample_order": "sample_order",
    "is_replacement_order": "replacement_order",
    "is_exchange_order": "exchange_order",
}
"""Orders that only send goods: to a creator, or for an order that was paid before."""
_REFUSALS = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND)
_BUSY = {
    36009002,  # too many requests
    36009003,  # internal error
    36009007,  # took too long
    25020008,  # internal error of returns
}
_ORDER_KEPT = (
    "id",
    "status",
    "user_id",
    "order_type",
    "commerce_platform",
    "create_time",
    "paid_time",
    "update_time",
    "is_cod",
    *_NO_SALE,
    "payment",
    "line_items",
)
"""What is stored of an order: nothing of the rest is needed, and some of it is personal."""
_ORDER_ID = re.compile(r"[0-9]{1,32}")


def usable(secret: str) -> bool:
    return bool(secret.strip())


def verify(request: Request, account: Account, now: datetime) -> str:  # noqa: ARG001
    """There is no signed time here: what is replayed asks the same again."""
    given, app_key = request.headers.get("authorization", ""), account.app_key or ""
    signed = app_key.encode() + request.body
    expected = (_signature(secret, signed) for secret in account.secrets if secret and app_key)
    if not any(signatures.same(given, signature) for signature in expected):
        raise BadSignature
    try:
        return read(request.body).hint("tts_notification_id") or body_hash(request.body)
    except Unreadable:
        return body_hash(request.body)


def subject(request: Request) -> str:
    try:
        return _order_id(read(request.body).child("data"), "order_id")
    except Unreadable:
        return body_hash(request.body)


def facts(request: Request, pseudonym: Pseudonym) -> Thin | Ignored:  # noqa: ARG001
    """What to ask; `about` also says what the answer must not be older than."""
    event = read(request.body)
    kind = event.whole("type", 10**9)
    if kind in _IGNORED:
        return Ignored(_IGNORED[kind])
    if kind not in (_ORDER_STATUS, _REVERSE, _CANCELLATION, _RETURN):
        return Ignored("unknown_type")
    data = event.child("data")
    about = {"order_id": _order_id(data, "order_id")}
    if shop := event.hint("shop_id"):
        about["shop_id"] = shop
    updated_at = data.hint("update_time") or ""
    if kind == _ORDER_STATUS and updated_at.isdecimal():
        about["updated_at"] = updated_at
    if kind == _RETURN and _status(data, "return_status") in _REFUNDED:
        about["refund"] = _return_name(data)
    if kind == _CANCELLATION and _status(data, "cancel_status") in _CANCELLED:
        about["refund"] = _cancellation_name(data)
    return Thin(Ask("order", about))


# --- asking -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Shop:
    """A shop that is asked at this moment; `cipher` is what requests call it, but for the one that asks for it."""

    account: Account
    now: datetime
    cipher: str | None = None

    def call(self, path: str, query: Mapping[str, str], body: Mapping[str, Any] | None, *, optional: bool) -> Call:
        """The request, signed by the app's secret over its path, its query sorted by name, and its body."""
        sent = b"" if body is None else json.dumps(body, separators=(",", ":")).encode()
        own = {"app_key": self.account.app_key or "", "timestamp": str(int(self.now.timestamp()))}
        named = {**query, **own, **({} if self.cipher is None else {"shop_cipher": self.cipher})}
        secret = self.account.secrets[0]
        signed = path + "".join(f"{key}{named[key]}" for key in sorted(named)) + sent.decode()
        return Call(
            path,
            (*named.items(), ("sign", _signature(secret, f"{secret}{signed}{secret}".encode()))),
            method="GET" if body is None else "POST",
            headers={"x-tts-access-token": self.account.api_token or "", "content-type": "application/json"},
            body=sent,
            optional=optional,
        )

    def say(
        self,
        path: str,
        query: Mapping[str, str],
        body: Mapping[str, Any] | None = None,
        *,
        optional: bool = False,
    ) -> Generator[Call, Answer, Fields]:
        """The `data` that is answered; TikTok Shop refuses in bodies, too."""
        answer = yield self.call(path, query, body, optional=optional)
        if answer.status in _REFUSALS:
            raise Unreadable("platform_refused", f"{path}: status {answer.status}")
        try:
            said = read(answer.body)
        except Unreadable:
            raise NotYet("answer_unreadable") from None
        code = said.whole("code", 10**12)
        if code in _BUSY:
            raise NotYet("platform_busy")
        if code != 0:
            raise Unreadable("platform_refused", f"{path}: code {code}")
        return said.child_or_none("data") or Fields({})

    def pages(
        self,
        path: str,
        key: str,
        body: Mapping[str, Any],
        *,
        size: int = _PAGE,
        most: int = PAGES_MAX,
        optional: bool = False,
    ) -> Generator[Call, Answer, list[Fields]]:
        """A list, all of its pages, of which there may be so many."""
        found: list[Fields] = []
        token: str | None = None
        for _ in range(most):
            query = {"page_size": str(size), **({"page_token": token} if token else {})}
            data = yield from self.say(path, query, body, optional=optional)
            found += data.children(key)
            token = data.text_or_none("next_page_token", _PAGE_TOKEN_MAX)
            if token is None:
                return found
        raise Unreadable("too_many_pages", f"{path}: more than {most}")

    def orders(
        self, ids: Sequence[str], affiliates_pages: int = PAGES_MAX
    ) -> Generator[Call, Answer, dict[str, bytes | Unreadable]]:
        """What is to be stored of each of these orders, or why that cannot be told of it alone.

        Those that nobody knows are left out.
        """
        data = yield from self.say(_ORDERS, {"ids": ",".join(ids)})
        returns = yield from self.pages(_RETURNS, "return_orders", {"order_ids": ids})
        cancellations = yield from self.pages(_CANCELLATIONS, "cancellations", {"order_ids": ids})
        answers: dict[str, bytes | Unreadable] = {}
        for order in data.children("orders"):
            order_id = _order_id(order, "id")
            try:
                affiliates = yield from self.affiliates(order_id, order.unix("create_time"), affiliates_pages)
            except Unreadable as refusal:
                answers[order_id] = refusal
                continue
            region = order.hinted("recipient_address").values.get("region_code")
            answer = {
                "asked_at": times.text(self.now),
                "order": {key: order.values[key] for key in _ORDER_KEPT if key in order.values}
                | {"recipient_address": {"region_code": region}},
                "returns": _about(order_id, "order_id", returns),
                "cancellations": _about(order_id, "order_id", cancellations),
                "affiliates": affiliates,
            }
            answers[order_id] = json.dumps(answer, default=str).encode()
        return answers

    def affiliates(self, order_id: str, at: datetime, most: int) -> Generator[Call, Answer, list[Any] | None]:
        """The order's entries among the shop's affiliate orders, None where the token has no right to see them."""
        second = int(at.timestamp())
        window = {"create_time_ge": second - _AROUND_SECONDS, "create_time_lt": second + _AROUND_SECONDS + 1}
        try:
            found = yield from self.pages(
                _AFFILIATES, "orders", window, size=_AFFILIATES_PAGE, most=most, optional=True
            )
        except Unreadable as refusal:
            if refusal.reason != "platform_refused":
                raise
            return None
        return _about(order_id, "id", found)


def _ask(ask: Ask, account: Account, now: datetime) -> Generator[Call, Answer, bytes]:
    order_id = ask.about["order_id"]
    shop = yield from _shop(ask.about.get("shop_id"), account, now)
    answer = (yield from shop.orders([order_id])).get(order_id)
    if answer is None:
        raise NotYet("order_unknown")
    if isinstance(answer, Unreadable):
        raise answer
    said = read(answer)
    if said.child("order").unix("update_time").timestamp() < int(ask.about.get("updated_at", "0")):
        raise NotYet("order_behind_event")
    awaited = ask.about.get("refund")
    if awaited is not None and awaited not in _refund_names(said):
        raise NotYet("refund_unknown")
    return answer


def _shop(shop_id: str | None, account: Account, now: datetime) -> Generator[Call, Answer, _Shop]:
    """The shop that is meant among those that gave the app its token."""
    if shop_id and account.shop and shop_id != account.shop:
        raise Unreadable("other_shop", "the delivery is about another shop than the connection's")
    wanted = shop_id or account.shop
    data = yield from _Shop(account, now).say(_SHOPS, {})
    shops = [shop for shop in data.children("shops") if wanted in (None, shop.identifier("id"))]
    if len(shops) != 1:
        raise Unreadable("shop_unclear", f"of the shops that the token is for, {len(shops)} are the one that is meant")
    return _Shop(account, now, shops[0].text("cipher"))


_CHANGED = (
    (_ORDER_SEARCH, "orders", "id"),
    (_RETURNS, "return_orders", "order_id"),
    (_CANCELLATIONS, "cancellations", "order_id"),
)
"""What is searched for changes, one after the other: nothing says that an order changes when a return of it does."""


def _changes(span: Span, bookmark: str | None, account: Account, now: datetime) -> Generator[Call, Answer, Changes]:
    """The bookmark is which of the searches, and its next page: `1:<token>`."""
    step, _, token = (bookmark or "0:").partition(":")
    path, key, name = _CHANGED[int(step)]
    shop = yield from _shop(None, account, now)
    query = {"page_size": str(CHANGES_PAGE), "sort_field": "update_time", "sort_order": "ASC"}
    changed = {"update_time_ge": floor(span.since.timestamp()), "update_time_lt": ceil(span.until.timestamp())}
    data = yield from shop.say(path, query | ({"page_token": token} if token else {}), changed)
    ids = list(dict.fromkeys(_order_id(found, name) for found in data.children(key)))
    answers: dict[str, bytes | Unreadable] = {}
    if ids:
        answers = yield from shop.orders(ids, CHANGES_AFFILIATES_PAGES_MAX)
    following = data.text_or_none("next_page_token", _PAGE_TOKEN_MAX)
    if following is not None:
        bookmark = f"{step}:{following}"
    else:
        bookmark = f"{int(step) + 1}:" if int(step) + 1 < len(_CHANGED) else None
    return Changes(tuple(_change(order_id, answer) for order_id, answer in answers.items()), bookmark)


def _change(order_id: str, answer: bytes | Unreadable) -> Change:
    """One order that cannot be told does not keep the rest from being told; each look says it in the same words."""
    if isinstance(answer, Unreadable):
        answer = json.dumps({"order_id": order_id, "unreadable": answer.reason}).encode()
    return Change(order_id, answer)


# --- reading ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Sold:
    """A unit of an order: what the buyer paid for it, and what it is worth to the seller."""

    paid: int
    worth: int


def _read(body: bytes, pseudonym: Pseudonym) -> Reading | Ignored:
    said = read(body)
    if said.has("unreadable"):
        raise Unreadable("order_unreadable", f"order {_order_id(said, 'order_id')}: {said.text('unreadable')}")
    order = said.child("order")
    for flag, reason in _NO_SALE.items():
        if order.flag(flag):
            return Ignored(reason)
    skus = [sku for entry in said.hinted_list("affiliates") for sku in entry.hinted_list("skus")]
    items = order.children("line_items", "lines")
    if not items:
        raise order.refusal("shape_mismatch", "line_items", "missing")
    currency = order.child("payment").currency("currency")
    sold = {item.identifier("id"): _sold(item, currency) for item in items}
    snapshot = _snapshot(order, items, skus, said.moment("asked_at"), pseudonym)
    refunds = [_returned(case, currency, sold) for case in _completed(said, "returns", "return_status", _REFUNDED)]
    refunds += [_called_off(case, sold) for case in _completed(said, "cancellations", "cancel_status", _CANCELLED)]
    return Reading(_order_id(order, "id"), (snapshot, *refunds, *_mentioned(skus, snapshot.placed_at)))


def _snapshot(
    order: Fields, items: Sequence[Fields], skus: Sequence[Fields], asked_at: datetime, pseudonym: Pseudonym
) -> Snapshot:
    payment = order.child("payment")
    currency = payment.currency("currency")
    status = order.text("status")
    if status not in _LIFECYCLES:
        raise order.refusal("unknown_status", "status", "not a status that is known here")
    lifecycle = _LIFECYCLES[status]
    shipping_tax = _amount(payment, "shipping_fee_tax", currency)
    taxes = _taxes(payment, items, shipping_tax, currency)
    return Snapshot(
        updated_at=order.unix("update_time"),
        triggered_at=asked_at,
        placed_at=order.unix("create_time"),
        lifecycle=lifecycle,
        paid=lifecycle is Lifecycle.PAID or order.unix_or_none("paid_time") is not None,
        currency=currency,
        lines=orders.distinct(
            [_line(item, currency, tax) for item, tax in zip(items, taxes, strict=True)],
            items,
        ),
        platform="tiktok_shop",
        shipping=_amount(payment, "shipping_fee", currency),
        shipping_tax=shipping_tax,
        tax_included=_is_tax_inside(payment, sum(taxes) + shipping_tax, currency),
        country=order.hinted("recipient_address").country("region_code"),
        customers=evidence.customers(pseudonym, (), order.hint("user_id")),
        platform_commissions=_commissions(skus, currency),
    )


def _line(item: Fields, currency: str, tax: int) -> Line:
    discount = _amount(item, "seller_discount", currency)
    return orders.bounded(
        Line(
            id=item.identifier("id"),
            quantity=1,
            unit_price=_sold(item, currency).worth + discount,
            discount=discount,
            tax=tax,
            sku=item.label("seller_sku"),
            product_id=item.label("product_id"),
        ),
        item,
        price="sale_price",
        discount="seller_discount",
        tax="item_tax",
    )


def _sold(item: Fields, currency: str) -> _Sold:
    if item.has("currency") and item.text("currency") != currency:
        raise item.refusal("currency_mismatch", "currency", f"not {currency}, the currency of the rest")
    paid = item.major("sale_price", currency)
    return _Sold(paid, paid + _amount(item, "platform_discount", currency))


def _taxes(payment: Fields, items: Sequence[Fields], shipping_tax: int, currency: str) -> list[int]:
    """Each line's; where only the order tells of them, by what the buyer paid."""
    told = [sum(_amount(tax, "tax_amount", currency) for tax in item.children("item_tax")) for item in items]
    if any(told):
        return told
    if payment.has("product_tax"):
        whole = _amount(payment, "product_tax", currency)
    else:
        whole = max(0, _amount(payment, "tax", currency) - shipping_tax)
    return money.split(whole, [_sold(item, currency).paid for item in items])


def _amount(said: Fields, key: str, currency: str) -> int:
    """What TikTok leaves out, or empty, is nothing."""
    return said.major(key, currency) if said.values.get(key) not in (None, "") else 0


def _is_tax_inside(payment: Fields, tax: int, currency: str) -> bool:
    """Whether the total has no room for it on top of what it is for; in the United States it always stands there."""
    if not tax or currency == "USD" or not payment.has("total_amount"):
        return False
    before_tax = _amount(payment, "sub_total", currency) + _amount(payment, "shipping_fee", currency)
    off = _amount(payment, "payment_platform_discount", currency)
    return _amount(payment, "total_amount", currency) < before_tax + tax - off


def _completed(said: Fields, key: str, status: str, statuses: Collection[str]) -> Iterator[Fields]:
    return (case for case in said.children(key) if _status(case, status) in statuses)


def _returned(case: Fields, currency: str, sold: Mapping[str, _Sold]) -> Refund:
    """What was given back of each line; a buyer who is refunded part of a price without a return keeps the goods."""
    total = case.child_or_none("refund_amount")
    if total is not None and total.has("currency"):
        currency = total.currency("currency")
    parts = [
        _returned_part(item, currency, _of(item, sold), keeps=case.hint("return_type") == "REFUND")
        for item in case.children("return_line_items", "lines")
    ]
    whole = _Sold(sum(unit.paid for unit in sold.values()), sum(unit.worth for unit in sold.values()))
    amount = None if parts else _given_back(case, currency, whole)
    if not parts and amount is None:
        raise case.refusal("refund_of_nothing", "return_line_items", "a refund needs lines or an amount")
    return Refund(
        id=_return_name(case),
        updated_at=case.unix_or_none("update_time") or case.unix("create_time"),
        currency=currency,
        lines=orders.ordered(parts),
        amount=amount or 0,
    )


def _returned_part(item: Fields, currency: str, unit: _Sold, *, keeps: bool) -> RefundLine:
    line_id = item.identifier("order_line_item_id")
    amount = _given_back(item, currency, unit)
    if amount is None:
        return RefundLine(line_id, 1)
    return RefundLine(line_id, 0 if keeps and amount < unit.worth else 1, amount)


def _given_back(said: Fields, currency: str, sold: _Sold) -> int | None:
    """Of the worth, as large a part as of what the buyer paid; None where that is not told, or nothing was paid."""
    told = said.child_or_none("refund_amount")
    if told is None or not told.values.get("refund_subtotal") or not sold.paid:
        return None
    if told.has("currency") and told.text("currency") != currency:
        raise told.refusal("currency_mismatch", "currency", f"not {currency}, the currency of the rest")
    back = told.major("refund_subtotal", currency)
    return min(sold.worth, money.divide_half_up(back * sold.worth, sold.paid))


def _called_off(case: Fields, sold: Mapping[str, _Sold]) -> Refund:
    """Units that are not sold after all, of an order that goes on without them; all of them where it names none."""
    named = case.children("cancel_line_items", "lines")
    for item in named:
        _of(item, sold)
    ids = [item.identifier("order_line_item_id") for item in named] or list(sold)
    return Refund(
        id=_cancellation_name(case),
        updated_at=case.unix_or_none("update_time") or case.unix("create_time"),
        currency=None,
        lines=orders.ordered(RefundLine(line_id, 1) for line_id in dict.fromkeys(ids)),
    )


def _of(item: Fields, sold: Mapping[str, _Sold]) -> _Sold:
    """The unit of the order that part of a refund is about."""
    unit = sold.get(item.identifier("order_line_item_id"))
    if unit is None:
        raise item.refusal("unknown_line", "order_line_item_id", "not a line of the order")
    return unit


def _mentioned(skus: Sequence[Fields], placed_at: datetime) -> Iterator[Mention]:
    """Who sold it, each for good: an answer that could not ask for creators must not lose those who are known."""
    for handle in sorted({handle for sku in skus for handle in _handles(sku)})[:TOUCH_KEYS_MAX]:
        yield Mention(f"affiliate:{handle}", placed_at, handles=(handle,))


def _handles(sku: Fields) -> tuple[str, ...]:
    return evidence.handles(Fields({"tiktok": sku.values.get("creator_username")}))


def _commissions(skus: Sequence[Fields], currency: str) -> tuple[PlatformCommission, ...]:
    """What TikTok pays each creator: what it really paid where it says so, else what it expects to."""
    paid: dict[str, int] = {}
    for sku in skus:
        actual = _commission(sku, "actual", currency)
        amount = _commission(sku, "estimated", currency) if actual is None else actual
        if amount is not None:
            paid |= {handle: paid.get(handle, 0) + amount for handle in _handles(sku)}
    known = sorted(item for item in paid.items() if item[1] <= money.AMOUNT_MAX)[:TOUCH_KEYS_MAX]
    return tuple(PlatformCommission(handle, amount) for handle, amount in known)


def _commission(sku: Fields, kind: str, currency: str) -> int | None:
    """For the sale itself or for one by the shop's advertisement; of what does not apply TikTok says `{}`, not 0."""
    told = (sku.hinted(f"{kind}_paid_{what}") for what in ("commission", "shop_ads_commission"))
    try:
        amounts = [part.major("amount", currency) for part in told if part.hint("currency") == currency]
    except Unreadable:
        return None
    return sum(amounts) if amounts else None


# --- both -------------------------------------------------------------------------------------------------------------


def _signature(secret: str, signed: bytes) -> str:
    return hmac.digest(secret.encode(), signed, "sha256").hex()


def _order_id(said: Fields, key: str) -> str:
    """Digits: the API takes several of them in one text, between commas."""
    order_id = said.identifier(key)
    if not _ORDER_ID.fullmatch(order_id):
        raise said.refusal("shape_mismatch", key, "not an order's id")
    return order_id


def _about(order_id: str, key: str, found: Sequence[Fields]) -> list[Mapping[str, Any]]:
    """What was found of this order: a search is for several, or for a time."""
    return [each.values for each in found if each.hint(key) == order_id]


def _status(said: Fields, key: str) -> str:
    """In one spelling: the documents also write `…_REFUND__REQUEST_…` for `…_REFUND_REQUEST_…`."""
    return re.sub("_+", "_", said.hint(key) or "")


def _return_name(said: Fields) -> str:
    """A return may have the number of a cancellation, and even of its order."""
    return f"return:{said.identifier('return_id')}"


def _cancellation_name(said: Fields) -> str:
    return f"cancellation:{said.identifier('cancel_id')}"


def _refund_names(said: Fields) -> set[str]:
    returns = _completed(said, "returns", "return_status", _REFUNDED)
    cancellations = _completed(said, "cancellations", "cancel_status", _CANCELLED)
    return {*map(_return_name, returns), *map(_cancellation_name, cancellations)}


PLATFORM = Platform(
    usable=usable,
    verify=verify,
    subject=subject,
    facts=facts,
    required=("app_key",),
    may_be_mirrored=True,
    api=Api(address=lambda _: ADDRESS, read=_read, ask=_ask, changes=_changes),
)

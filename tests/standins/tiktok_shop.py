"""A TikTok shop: its orders with what happens to them, its API, and the webhooks that tell of all that.

The API is as TikTok's documents have it: requests are signed, a shop goes by its cipher, lists come in pages, and
refusals say their code in the body. Times are seconds since 1970.
"""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, override

from tests.platforms import samples
from tests.standins.server import Asked, Fault, StandIn, Told
from vouch.platforms.base import Account, Request

APP_KEY = samples.TIKTOK_APP_KEY
APP_SECRET = samples.TIKTOK_SECRET
TOKEN = "ROW_test-token"
SHOP = "7495540735365777507"
CIPHER = "ROW_Mfxq0QAAAADY9test"
READ_ORDERS = "seller.order.info"
READ_RETURNS = "seller.return_refund.basic"
READ_AFFILIATES = "seller.affiliate_collaboration.read"

_PAST_SECONDS, _AHEAD_SECONDS = 300, 30
_REFUSED = {
    105002: (401, "Expired credentials. The 'x-tts-access-token' header has expired."),
    105005: (403, "Access denied. This app has not been granted any access scope required by this endpoint."),
    106001: (401, "Invalid credentials. The 'sign' query parameter is invalid."),
    106013: (400, "Missing identifier. The `shop_cipher` query parameter is required."),
    36009004: (400, "Invalid timestamp. The value of the `timestamp` query parameter is out of range."),
    36009009: (404, "Invalid path. The request path does not match any endpoint."),
}


class _Refused(Exception):
    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def refusing(code: int, status: int = 200, message: str = "refused") -> Fault:
    """A refusal of the platform's own."""
    return lambda *_: Told.json({"code": code, "message": message, "request_id": "r"}, status)


def account(**settings: str) -> Account:
    """The connection of a brand whose shop stands in here."""
    return Account((APP_SECRET,), app_key=APP_KEY, api_token=TOKEN, **settings)


def sign(secret: str, body: bytes, app_key: str = APP_KEY) -> str:
    """The signature of a webhook."""
    return hmac.new(secret.encode(), app_key.encode() + body, hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class Unit:
    """What one line item is sold for, in the text of major units: before discounts, and by whom it is made cheaper."""

    price: str = "20.00"
    seller_off: str = "0"
    platform_off: str = "0"
    tax: str = "0"
    sku: str = "LIP-1"
    product: str = "1729503179457070324"

    @property
    def paid(self) -> Decimal:
        return Decimal(self.price) - Decimal(self.seller_off) - Decimal(self.platform_off)


class TikTokShop(StandIn):
    """`clock` says the time; no two things happen in the same second. `rights` are those that the token carries."""

    def __init__(self, clock: Callable[[], datetime], currency: str = "GBP") -> None:
        super().__init__()
        self.clock = clock
        self.currency = currency
        self.rights = {READ_ORDERS, READ_RETURNS, READ_AFFILIATES}
        self.shops = {SHOP: CIPHER}
        self.orders: dict[str, dict[str, Any]] = {}
        self.returns: dict[str, dict[str, Any]] = {}
        self.cancellations: dict[str, dict[str, Any]] = {}
        self.affiliates: list[dict[str, Any]] = []
        self._last = 0

    def _moment(self) -> int:
        self._last = max(self._last + 1, int(self.clock().timestamp()))
        return self._last

    # --- what happens in the shop ---

    def place(self, order_id: str, *units: Unit, shipping: str = "3.00", tax_on_top: bool = True, **more: Any) -> None:
        """A buyer orders, and has yet to pay."""
        sold = units or (Unit(),)
        tax = sum(Decimal(unit.tax) for unit in sold)
        sub_total = sum(unit.paid for unit in sold)
        total = sub_total + Decimal(shipping) + (tax if tax_on_top else 0)
        now = self._moment()
        self.orders[order_id] = {
            "id": order_id,
            "status": "UNPAID",
            "buyer_email": "v4bSAMPLE0000@scs3.tiktok.com",
            "user_id": "7021436810468230477",
            "create_time": now,
            "update_time": now,
            "recipient_address": {"name": "N** P****", "full_address": "1 *** Street", "region_code": "GB"},
            "payment": {
                "currency": self.currency,
                "sub_total": str(sub_total),
                "shipping_fee": shipping,
                "tax": str(tax),
                "total_amount": str(total),
            },
            "line_items": [
                {
                    "id": line_id(order_id, place),
                    "product_id": unit.product,
                    "seller_sku": unit.sku,
                    "currency": self.currency,
                    "original_price": unit.price,
                    "sale_price": str(unit.paid),
                    "seller_discount": unit.seller_off,
                    "platform_discount": unit.platform_off,
                    "item_tax": [{"tax_type": "SALES_TAX", "tax_amount": unit.tax, "tax_rate": "0"}],
                    "display_status": "UNPAID",
                }
                for place, unit in enumerate(sold)
            ],
        } | more

    def becomes(self, order_id: str, status: str) -> None:
        """The order goes on."""
        now, order = self._moment(), self.orders[order_id]
        order |= {"status": status, "update_time": now}
        if status not in ("UNPAID", "CANCELLED"):
            order.setdefault("paid_time", now)

    def sold_by(self, order_id: str, creator: str, commission: str, actual: str | None = None) -> None:
        """TikTok credits a creator with all of the order."""
        told = {"amount": commission, "currency": self.currency}
        sku = {
            "creator_username": creator,
            "content_type": "VIDEO",
            "estimated_paid_commission": told,
            "estimated_paid_shop_ads_commission": {},
            "actual_paid_commission": {} if actual is None else told | {"amount": actual},
            "actual_paid_shop_ads_commission": {},
        }
        created = self.orders[order_id]["create_time"]
        self.affiliates.append({"id": order_id, "status": "COMPLETED", "create_time": created, "skus": [sku]})

    def give_back(
        self,
        order_id: str,
        return_id: str,
        amounts: dict[int, str],
        status: str = "RETURN_OR_REFUND_REQUEST_COMPLETE",
        kind: str = "RETURN_AND_REFUND",
    ) -> None:
        """A return of units, by their places, and what the buyer has back of each; the order itself does not change."""
        now = self._moment()
        case = self.returns.setdefault(return_id, {"create_time": now})
        case |= {
            "order_id": order_id,
            "return_id": return_id,
            "return_type": kind,
            "return_status": status,
            "update_time": now,
            "refund_amount": self._refund(str(sum(map(Decimal, amounts.values())))),
            "return_line_items": [
                {
                    "return_line_item_id": f"{return_id}{place}",
                    "order_line_item_id": line_id(order_id, place),
                    "refund_amount": self._refund(amount),
                }
                for place, amount in amounts.items()
            ],
        }

    def call_off(
        self, order_id: str, cancel_id: str, places: Sequence[int], status: str = "CANCELLATION_REQUEST_COMPLETE"
    ) -> None:
        """A cancellation of units; of all of them the order is cancelled."""
        now = self._moment()
        case = self.cancellations.setdefault(cancel_id, {"create_time": now})
        case |= {
            "order_id": order_id,
            "cancel_id": cancel_id,
            "cancel_type": "BUYER_CANCEL",
            "cancel_status": status,
            "update_time": now,
            "cancel_line_items": [{"order_line_item_id": line_id(order_id, place)} for place in places],
        }
        order = self.orders[order_id]
        if status == "CANCELLATION_REQUEST_COMPLETE":
            whole = len(places) == len(order["line_items"])
            order |= {"update_time": now} | ({"status": "CANCELLED"} if whole else {})

    def _refund(self, amount: str) -> dict[str, str]:
        return {
            "currency": self.currency,
            "refund_total": amount,
            "refund_subtotal": amount,
            "refund_shipping_fee": "0",
            "refund_tax": "0",
        }

    # --- the webhooks that tell of it ---

    def status_webhook(self, order_id: str) -> Request:
        order = self.orders[order_id]
        status = {"CANCELLED": "CANCEL"}.get(order["status"], order["status"])
        held = status == "ON_HOLD"
        told = {"is_on_hold_order": held, "order_id": order_id, "order_status": status}
        return self.webhook(1, told | {"update_time": order["update_time"]})

    def return_webhook(self, return_id: str) -> Request:
        case = self.returns[return_id]
        kept = ("order_id", "return_type", "return_status", "return_id", "create_time", "update_time")
        return self.webhook(12, {key: case[key] for key in kept} | {"return_role": "BUYER"})

    def cancellation_webhook(self, cancel_id: str) -> Request:
        case = self.cancellations[cancel_id]
        kept = ("order_id", "cancel_status", "cancel_id", "create_time")
        return self.webhook(11, {key: case[key] for key in kept} | {"cancellations_role": "BUYER"})

    def webhook(self, kind: int, data: dict[str, Any]) -> Request:
        """Signed as TikTok Shop signs; the same event has the same number."""
        number = int(hashlib.sha256(json.dumps([kind, data]).encode()).hexdigest()[:15], 16)
        event = {
            "type": kind,
            "tts_notification_id": str(number),
            "shop_id": SHOP,
            "timestamp": self._last,
            "data": data,
        }
        body = json.dumps(event, separators=(",", ":")).encode()
        return Request({"content-type": "application/json", "authorization": sign(APP_SECRET, body)}, body)

    # --- the API ---

    @override
    def answer(self, asked: Asked) -> Told:
        try:
            told = self._told_of(asked)
        except _Refused as refused:
            status, message = _REFUSED[refused.code]
            return Told.json({"code": refused.code, "message": message, "request_id": "r"}, status)
        return Told.json({"code": 0, "message": "Success", "request_id": "r", "data": told})

    def _told_of(self, asked: Asked) -> dict[str, Any]:
        lists: dict[str, tuple[str, Callable[[Asked], dict[str, Any]]]] = {
            "GET /order/202309/orders": (READ_ORDERS, self._orders),
            "POST /order/202309/orders/search": (READ_ORDERS, self._order_search),
            "POST /return_refund/202309/returns/search": (READ_RETURNS, self._return_search),
            "POST /return_refund/202309/cancellations/search": (READ_RETURNS, self._cancellation_search),
            "POST /affiliate_seller/202410/orders/search": (READ_AFFILIATES, self._affiliate_search),
        }
        endpoint = f"{asked.method} {asked.path}"
        if endpoint == "GET /authorization/202309/shops":
            self._prove(asked)
            return {"shops": [{"id": shop, "cipher": cipher, "region": "GB"} for shop, cipher in self.shops.items()]}
        if endpoint not in lists:
            raise _Refused(36009009)
        self._prove(asked)
        right, told = lists[endpoint]
        if right not in self.rights:
            raise _Refused(105005)
        if asked.parameter("shop_cipher") not in self.shops.values():
            raise _Refused(106013)
        return told(asked)

    def _prove(self, asked: Asked) -> None:
        if asked.headers.get("x-tts-access-token") != TOKEN:
            raise _Refused(105002)
        ahead = int(asked.parameter("timestamp") or 0) - self.clock().timestamp()
        if not -_PAST_SECONDS <= ahead <= _AHEAD_SECONDS:
            raise _Refused(36009004)
        said = sorted((key, value) for key, value in asked.query if key not in ("sign", "access_token"))
        text = asked.path + "".join(key + value for key, value in said) + asked.body.decode()
        expected = hmac.new(APP_SECRET.encode(), f"{APP_SECRET}{text}{APP_SECRET}".encode(), hashlib.sha256)
        if asked.parameter("app_key") != APP_KEY or asked.parameter("sign") != expected.hexdigest():
            raise _Refused(106001)

    def _orders(self, asked: Asked) -> dict[str, Any]:
        ids = (asked.parameter("ids") or "").split(",")
        return {"orders": [self.orders[order_id] for order_id in ids if order_id in self.orders]}

    def _order_search(self, asked: Asked) -> dict[str, Any]:
        found = _within(asked, "update_time", self.orders.values())
        return _page(asked, "orders", sorted(found, key=lambda order: int(order["update_time"])), 100)

    def _return_search(self, asked: Asked) -> dict[str, Any]:
        return _page(asked, "return_orders", list(_within(asked, "update_time", self.returns.values())), 50)

    def _cancellation_search(self, asked: Asked) -> dict[str, Any]:
        return _page(asked, "cancellations", list(_within(asked, "update_time", self.cancellations.values())), 50)

    def _affiliate_search(self, asked: Asked) -> dict[str, Any]:
        return _page(asked, "orders", list(_within(asked, "create_time", self.affiliates)), 100)


def line_id(order_id: str, place: int) -> str:
    """What the order's line item at that place is called."""
    return f"{order_id}{place:02}"


def _within(asked: Asked, time: str, found: Any) -> Iterator[dict[str, Any]]:
    """Those of the orders that are asked for, and of the time."""
    said = json.loads(asked.body)
    for each in found:
        wanted = said.get("order_ids")
        if wanted is not None and each["order_id"] not in wanted:
            continue
        if said.get(f"{time}_ge", 0) <= each[time] < said.get(f"{time}_lt", 2**40):
            yield each


def _page(asked: Asked, key: str, found: Sequence[dict[str, Any]], most: int) -> dict[str, Any]:
    """The page that the token names; a token is nobody's business but the platform's."""
    size = int(asked.parameter("page_size") or 0)
    if not 1 <= size <= most:
        raise _Refused(36009004)
    begin = int((asked.parameter("page_token") or "page:0").removeprefix("page:"))
    following = f"page:{begin + size}" if begin + size < len(found) else ""
    return {key: found[begin : begin + size], "next_page_token": following, "total_count": len(found)}

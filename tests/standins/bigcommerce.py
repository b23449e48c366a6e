"""A BigCommerce store: its orders with what happens to them, its API, and the webhooks that it sends of all that.

GET /stores/<hash>/v2/orders                               min_date_modified, max_date_modified, sort, page, limit
GET /stores/<hash>/v2/orders/<id>                          include, consignment_structure
GET /stores/<hash>/v2/orders/<id>/products                 page, limit; likewise coupons
GET /stores/<hash>/v3/orders/<id>/payment_actions/refunds
GET /stores/<hash>/v3/orders/<id>/metafields               key; likewise of carts
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from http import HTTPStatus
from typing import Any, override

from tests.platforms import samples
from tests.platforms.test_signing import standard_headers
from tests.standins.server import Asked, StandIn, Told
from vouch.platforms.base import Account, Request

STORE = "samplehash"
SHOP = f"store-{STORE}.mybigcommerce.com"
TOKEN = "bc-test-token"
CART = "09346904-4175-44fd-be53-f7e598531b6c"
PAGE_DEFAULT, PAGE_MAX = 50, 250
READ_ORDERS, READ_CARTS = "store_v2_orders_read_only", "store_cart_read_only"
AWAITING_FULFILLMENT = 11

_PATH = re.compile(rf"/stores/{STORE}/(v2|v3)/(orders|carts)(?:/([^/]+)(?:/([a-z_/]+))?)?")


def account(**settings: Any) -> Account:
    """The connection of a brand whose store stands in here."""
    return Account((samples.BIGCOMMERCE_SECRET,), **{"shop": SHOP, "api_token": TOKEN} | settings)


@dataclass(frozen=True, slots=True)
class Item:
    """What one line is sold for, as the store shows its prices, before its part of a discount; the tax it bears."""

    price: str = "20.00"
    quantity: int = 1
    off: str = "0"
    rate: str = "0.10"
    code: str | None = None
    sku: str = "MUG-01"
    kind: str = "physical"


class BigCommerce(StandIn):
    """`webhooks` are what the store has sent so far, signed; whoever tests hands them on or loses them.

    `clock` says the time. `rights` are those that the token carries.
    """

    def __init__(self, clock: Callable[[], datetime], *, with_tax: bool = False) -> None:
        super().__init__()
        self.clock = clock
        self.with_tax = with_tax
        self.rights = {READ_ORDERS, READ_CARTS}
        self.orders: dict[int, dict[str, Any]] = {}
        self.products: dict[int, list[dict[str, Any]]] = {}
        self.coupons: dict[int, list[dict[str, Any]]] = {}
        self.refunds: dict[int, list[dict[str, Any]]] = {}
        self.metafields: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self.webhooks: list[Request] = []
        self._last_id = 249

    # --- what happens in the store ------------------------------------------------------------------------------------

    def place(self, *items: Item, status: int = AWAITING_FULFILLMENT, code: str | None = None, **more: Any) -> int:
        """A buyer orders; the id of the order. The code makes nothing cheaper but what the items say."""
        order_id, sold = self._new_id(), items or (Item(),)
        self.products[order_id] = [self._product(order_id, item) for item in sold]
        self.coupons[order_id] = [{"id": 1, "code": code, "amount": 5, "type": 3, "discount": 5}] if code else []
        self.refunds[order_id] = []
        goods_tax = sum(Decimal(product["total_tax"]) for product in self.products[order_id])
        self.orders[order_id] = {
            "id": order_id,
            "customer_id": 0,
            "date_created": self._now(),
            "date_modified": self._now(),
            "status_id": status,
            "subtotal_tax": f"{goods_tax:.4f}",
            "shipping_cost_ex_tax": "5.0000",
            "shipping_cost_inc_tax": "5.5000",
            "shipping_cost_tax": "0.5000",
            "is_tax_inclusive_pricing": self.with_tax,
            "items_total": sum(item.quantity for item in sold),
            "payment_method": "Credit Card",
            "refunded_amount": "0.0000",
            "currency_code": "USD",
            "default_currency_code": "USD",
            "cart_id": CART,
            "billing_address": {"country_iso2": "US", "email": "noa@example.com"},
        } | more
        self._send("store/order/created", {"type": "order", "id": order_id})
        return order_id

    def becomes(self, order_id: int, status: int) -> None:
        """The order goes on."""
        before = self.orders[order_id]["status_id"]
        self._change(order_id, status_id=status)
        told = {"previous_status_id": before, "new_status_id": status}
        self._send("store/order/updated", {"type": "order", "id": order_id})
        self._send("store/order/statusUpdated", {"type": "order", "id": order_id, "status": told})

    def refund(self, order_id: int, *returned: tuple[int, int], beyond: float = 0, declined: bool = False) -> int:
        """Gives back some of its lines, `(index, quantity)`, and money that names none; the refund's id."""
        goods = [
            {
                "item_type": "PRODUCT",
                "item_id": self.products[order_id][index]["id"],
                "quantity": quantity,
                "requested_amount": None,
                "adjustments": [],
            }
            for index, quantity in returned
        ]
        loose = [{"item_type": "ORDER", "item_id": order_id, "requested_amount": beyond}] if beyond else []
        refund_id = self._new_id()
        self.refunds[order_id].append(
            {
                "id": refund_id,
                "order_id": order_id,
                "created": self.clock().replace(microsecond=0).isoformat(),
                "total_amount": 10.5,
                "total_tax": 0.5,
                "items": [*goods, *loose],
                "payments": [{"id": 1, "provider_id": "custom", "amount": 10.5, "is_declined": declined}],
            }
        )
        self._change(order_id, status_id=14)
        told = {"type": "order", "id": order_id, "refund": {"refund_id": refund_id}}
        self._send("store/order/refund/created", told)
        return refund_id

    def note(self, kind: str, bearer: str, key: str, value: str) -> None:
        """Somebody writes a metafield on an order or a cart (`orders`, `carts`)."""
        now = self.clock().replace(microsecond=0).isoformat()
        written = {"id": self._new_id(), "key": key, "value": value, "date_modified": now}
        self.metafields.setdefault((kind, bearer), []).append(written)
        if kind == "orders":
            self._send("store/order/metafield/created", {"metafield_id": written["id"], "resource_id": bearer})

    def delete(self, order_id: int) -> None:
        """From then on the API does not know it."""
        del self.orders[order_id]
        self._send("store/order/archived", {"type": "order", "id": order_id})

    # --- the API ------------------------------------------------------------------------------------------------------

    @override
    def answer(self, asked: Asked) -> Told:
        path = _PATH.fullmatch(asked.path)
        if asked.headers.get("x-auth-token") != TOKEN or path is None:
            return Told.json({"status": 401, "title": "Unauthorized", "type": "about:blank"}, HTTPStatus.UNAUTHORIZED)
        _, kind, bearer, part = path.groups()
        if (READ_CARTS if kind == "carts" else READ_ORDERS) not in self.rights:
            refused = {"status": 403, "title": "You don't have a required scope to access the endpoint"}
            return Told.json(refused, HTTPStatus.FORBIDDEN)
        if part == "metafields":
            found = self.metafields.get((kind, bearer), [])
            key = asked.parameter("key")
            return Told.json({"data": [one for one in found if key in (None, one["key"])], "meta": {}})
        return self._listed(asked) if bearer is None else self._of_order(asked, int(bearer), part)

    def _of_order(self, asked: Asked, order_id: int, part: str | None) -> Told:
        if order_id not in self.orders:
            missing = [{"status": 404, "message": "The requested resource was not found."}]
            return Told.json(missing, HTTPStatus.NOT_FOUND)
        if part is None:
            return Told.json(self.orders[order_id] | self._included(asked, order_id))
        if part == "payment_actions/refunds":
            return Told.json({"data": self.refunds[order_id], "meta": {}})
        return self._page(asked, {"products": self.products, "coupons": self.coupons}[part][order_id])

    def _listed(self, asked: Asked) -> Told:
        assert asked.parameter("sort") == "date_modified:asc"
        since, until = (
            datetime.fromisoformat(asked.parameter(name) or "") for name in ("min_date_modified", "max_date_modified")
        )
        found = [
            (modified, order)
            for order in self.orders.values()
            if since <= (modified := _parsed(order["date_modified"])) <= until
        ]
        return self._page(asked, [order for _, order in sorted(found, key=lambda one: (one[0], one[1]["id"]))])

    def _page(self, asked: Asked, found: list[dict[str, Any]]) -> Told:
        limit = min(int(asked.parameter("limit") or PAGE_DEFAULT), PAGE_MAX)
        begin = (int(asked.parameter("page") or 1) - 1) * limit
        page = found[begin : begin + limit]
        return Told.json(page) if page else Told(HTTPStatus.NO_CONTENT)

    def _included(self, asked: Asked, order_id: int) -> dict[str, Any]:
        if asked.parameter("include") != "consignments":
            return {"consignments": {"resource": f"/orders/{order_id}/consignments"}}
        assert asked.parameter("consignment_structure") == "object"
        return {"consignments": {"shipping": [{"id": 1, "country_iso2": "IL"}], "pickups": []}}

    # --- how BigCommerce writes it ------------------------------------------------------------------------------------

    def _product(self, order_id: int, item: Item) -> dict[str, Any]:
        price, rate, off = Decimal(item.price), Decimal(item.rate), Decimal(item.off)
        ex_tax, inc_tax = (price / (1 + rate), price) if self.with_tax else (price, price * (1 + rate))
        paid = price * item.quantity - off
        tax = paid - paid / (1 + rate) if self.with_tax else paid * rate
        given = {"id": "coupon", "amount": f"{off:.4f}", "name": "$ off", "code": item.code, "target": "order"}
        return {
            "id": self._new_id(),
            "order_id": order_id,
            "product_id": 77,
            "sku": item.sku,
            "type": item.kind,
            "price_ex_tax": f"{ex_tax:.4f}",
            "price_inc_tax": f"{inc_tax:.4f}",
            "total_tax": f"{tax:.4f}",
            "quantity": item.quantity,
            "applied_discounts": [given] if off else [],
        }

    def _change(self, order_id: int, **changes: Any) -> None:
        self.orders[order_id] |= changes | {"date_modified": self._now()}

    def _send(self, scope: str, data: dict[str, Any]) -> None:
        now = self.clock() + timedelta(seconds=1)
        told = {
            "scope": scope,
            "store_id": "1025646",
            "data": data,
            "hash": f"{len(self.webhooks):040x}",
            "created_at": int(now.timestamp()),
            "producer": f"stores/{STORE}",
        }
        body = json.dumps(told, separators=(",", ":")).encode()
        key, delivery_id = samples.BIGCOMMERCE_SECRET.encode(), f"msg_{len(self.webhooks)}"
        self.webhooks.append(Request(standard_headers(key, body, now, delivery_id), body))

    def _new_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def _now(self) -> str:
        return format_datetime(self.clock().replace(microsecond=0))


def _parsed(said: str) -> datetime:
    return datetime.strptime(said, "%a, %d %b %Y %H:%M:%S %z")

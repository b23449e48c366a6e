"""A Shopify shop: its orders with what happens to them, its Admin API, and the webhooks that it sends of all that.

GET  /admin/api/<version>/orders.json    status, updated_at_min, updated_at_max, order, limit; or limit, page_info
POST /admin/oauth/access_token           grant_type=client_credentials
"""

import base64
import json
import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from http import HTTPStatus
from typing import Any, override
from urllib.parse import parse_qs, urlencode

from tests.platforms import samples
from tests.platforms.test_signing import sign_shopify
from tests.standins.server import Asked, StandIn, Told
from vouch.domain import times
from vouch.platforms.base import Request

SHOP = "oasis-threads-demo.myshopify.com"
TOKEN = "shpat_0123456789abcdef"
CLIENT_ID = "b8c1d5a0e2f34c6d"
CLIENT_SECRET = "shpss_fedcba9876543210"
TAX_RATE = Decimal("0.08")
LIMIT_DEFAULT = 50
LIMIT_MAX = 250
BUCKET = 40
LEAK_PER_SECOND = 2

_ORDERS = re.compile(r"/admin/api/20[0-9]{2}-(?:01|04|07|10)/orders\.json")
_FIRST_PAGE = {"status", "updated_at_min", "updated_at_max", "order", "limit"}
_OTHER_PAGE = {"limit", "page_info"}


class Shopify(StandIn):
    """`webhooks` are what the shop has sent so far, signed as Shopify does; whoever tests hands them on or loses them.

    `clock` says the time. The bucket of calls leaks by it: whoever calls too often is told to wait.
    """

    def __init__(self, clock: Callable[[], datetime], secret: str = samples.SHOPIFY_SECRET) -> None:
        super().__init__()
        self.clock = clock
        self.secret = secret
        self.orders: dict[int, dict[str, Any]] = {}
        self.webhooks: list[Request] = []
        self.tokens: dict[str, datetime | None] = {TOKEN: None}
        self._bookmarks: dict[str, tuple[tuple[str, int], str | None]] = {}
        self._level = 0.0
        self._leaked_at = clock()
        self._next_id = 6214001300000

    # --- what happens in the shop -------------------------------------------------------------------------------------

    def place(self, *lines: Mapping[str, Any], **changes: Any) -> int:
        """A paid order of these lines, `{price, quantity, sku?}`, with the buyer of the samples; its id."""
        order_id = self._new_id()
        order: dict[str, Any] = samples.content("shopify/orders_paid") | {
            "id": order_id,
            "created_at": self._now(),
            "processed_at": self._now(),
            "line_items": [self._line(line) for line in lines],
            "refunds": [],
            "shipping_lines": [],
            "discount_codes": [],
            "discount_applications": [],
            "note_attributes": [],
            "landing_site": None,
        }
        self.orders[order_id] = order | changes
        self._changed(order_id, "orders/create", "orders/paid")
        return order_id

    def refund(self, order_id: int, *returned: tuple[int, int], beyond: str | None = None) -> int:
        """Gives back some of its lines, `(index, quantity)`, and money `beyond` them, with tax; the refund's id."""
        refund_id = self._give_back(order_id, returned, restock="return", adjusted=f"-{beyond}" if beyond else None)
        self._changed(order_id, "orders/updated", refund_id=refund_id)
        return refund_id

    def remove(self, order_id: int, index: int, quantity: int = 1) -> int:
        """Edits a line out, or some of it: a refund without a transaction, balanced by the whole of it."""
        line = self.orders[order_id]["line_items"][index]
        worth = (Decimal(line["price"]) * quantity * (1 + TAX_RATE)).quantize(Decimal("0.01"))
        refund_id = self._give_back(order_id, [(index, quantity)], restock="no_restock", adjusted=str(worth))
        self._changed(order_id, "orders/edited", "orders/updated", refund_id=refund_id)
        return refund_id

    def add(self, order_id: int, line: Mapping[str, Any]) -> None:
        """Edits a line in, which nobody has paid for yet."""
        order = self.orders[order_id]
        order["line_items"].append(self._line(line))
        order["financial_status"] = "partially_paid"
        self._changed(order_id, "orders/edited", "orders/updated")

    def collect(self, order_id: int) -> None:
        """The buyer pays what an edit has made dearer."""
        self.orders[order_id]["financial_status"] = "paid"
        self._changed(order_id, "orders/paid", "orders/updated")

    def cancel(self, order_id: int) -> int:
        """Calls the order off and gives back all that is left of it; the refund's id."""
        order = self.orders[order_id]
        left = [(index, line["current_quantity"]) for index, line in enumerate(order["line_items"])]
        refund_id = self._give_back(order_id, [part for part in left if part[1]], restock="cancel", adjusted=None)
        order |= {"cancelled_at": self._now(), "cancel_reason": "customer"}
        self._changed(order_id, "orders/cancelled", "orders/updated", refund_id=refund_id)
        return refund_id

    def delete(self, order_id: int) -> None:
        """From then on the API does not know it."""
        del self.orders[order_id]
        self._send("orders/delete", {"id": order_id})

    # --- the Admin API ------------------------------------------------------------------------------------------------

    @override
    def answer(self, asked: Asked) -> Told:
        if asked.path == "/admin/oauth/access_token":
            return self._grant(asked)
        if asked.headers.get("x-shopify-access-token") not in self._live_tokens():
            reason = "[API] Invalid API key or access token (unrecognized login or wrong password)"
            return Told.json({"errors": reason}, HTTPStatus.UNAUTHORIZED)
        if asked.method != "GET" or not _ORDERS.fullmatch(asked.path):
            return Told.json({"errors": "Not Found"}, HTTPStatus.NOT_FOUND)
        if self._too_often():
            reason = "Exceeded 2 calls per second for api client. Reduce request rates to resume uninterrupted service."
            limits = {"x-shopify-shop-api-call-limit": f"{BUCKET}/{BUCKET}", "retry-after": "2.0"}
            return Told.json({"errors": reason}, HTTPStatus.TOO_MANY_REQUESTS, **limits)
        return self._page(asked)

    def _grant(self, asked: Asked) -> Told:
        form = {name: values[0] for name, values in parse_qs(asked.body.decode()).items()}
        if form != {
            "grant_type": "client_credentials",
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
        }:
            return Told.json({"error": "invalid_client"}, HTTPStatus.BAD_REQUEST)
        token = f"shpat_day{len(self.tokens)}"
        self.tokens[token] = self.clock() + timedelta(days=1)
        return Told.json({"access_token": token, "scope": "read_orders", "expires_in": 86_399})

    def _page(self, asked: Asked) -> Told:
        query = dict(asked.query)
        unknown = query.keys() - (_OTHER_PAGE if "page_info" in query else _FIRST_PAGE)
        if unknown:
            reason = f"{min(unknown)} cannot be passed when page_info is present."
            return Told.json({"errors": {"page_info": reason}}, HTTPStatus.BAD_REQUEST)
        limit = int(query.get("limit", LIMIT_DEFAULT))
        if not 0 < limit <= LIMIT_MAX:
            return Told.json({"errors": {"limit": "must be between 1 and 250"}}, HTTPStatus.BAD_REQUEST)
        if "page_info" in query:
            if query["page_info"] not in self._bookmarks:
                return Told.json({"errors": {"page_info": "Invalid value."}}, HTTPStatus.BAD_REQUEST)
            after, until = self._bookmarks[query["page_info"]]
        else:
            assert (query.get("status"), query.get("order")) == ("any", "updated_at asc"), "an order may be closed"
            after, until = (query["updated_at_min"], 0), query.get("updated_at_max")
        found = sorted((self._position(order), order_id) for order_id, order in self.orders.items())
        found = [one for one in found if one[0] > (_utc(after[0]), after[1])]
        found = [one for one in found if until is None or one[0][0] <= _utc(until)]
        page, rest = found[:limit], found[limit:]
        content = b",".join(_dumped(self.orders[order_id]) for _, order_id in page)
        return Told(HTTPStatus.OK, b'{"orders":[' + content + b"]}", self._links(asked, page, rest, limit, until))

    def _links(self, asked: Asked, page: list[Any], rest: list[Any], limit: int, until: str | None) -> dict[str, str]:
        """As Shopify has them: to the page before, where one is asked for by its place, and to the next one."""
        kinds = [("previous", "beginning")] if asked.parameter("page_info") else []
        if rest:
            mark = base64.urlsafe_b64encode(json.dumps(page[-1][0]).encode()).decode()
            self._bookmarks[mark] = page[-1][0], until
            kinds.append(("next", mark))
        links = (
            f'<https://{SHOP}{asked.path}?{urlencode({"limit": limit, "page_info": mark})}>; rel="{kind}"'
            for kind, mark in kinds
        )
        return {"content-type": "application/json; charset=utf-8"} | ({"link": ", ".join(links)} if kinds else {})

    def _live_tokens(self) -> set[str]:
        return {token for token, until in self.tokens.items() if until is None or until > self.clock()}

    def _too_often(self) -> bool:
        seconds = (self.clock() - self._leaked_at).total_seconds()
        self._level, self._leaked_at = max(0.0, self._level - seconds * LEAK_PER_SECOND), self.clock()
        if self._level >= BUCKET:
            return True
        self._level += 1
        return False

    # --- how Shopify writes it ----------------------------------------------------------------------------------------

    def _give_back(self, order_id: int, returned: Any, *, restock: str, adjusted: str | None) -> int:
        order = self.orders[order_id]
        parts = []
        for index, quantity in returned:
            line = order["line_items"][index]
            line["current_quantity"] -= quantity
            worth = Decimal(line["price"]) * quantity
            parts.append(self._refund_line(line, quantity, worth, restock))
        total = sum((Decimal(part["subtotal_set"]["shop_money"]["amount"]) for part in parts), Decimal())
        total += sum((Decimal(part["total_tax_set"]["shop_money"]["amount"]) for part in parts), Decimal())
        moved = total - Decimal(adjusted or 0)
        refund_id = self._new_id()
        order["refunds"].append(
            {
                "id": refund_id,
                "order_id": order_id,
                "created_at": self._now(),
                "processed_at": self._now(),
                "note": None,
                "restock": restock != "no_restock",
                "total_duties_set": _bag(Decimal()),
                "order_adjustments": [self._adjustment(order_id, adjusted)] if adjusted else [],
                "transactions": [self._transaction(order_id, moved)] if moved else [],
                "refund_line_items": parts,
            }
        )
        kept = any(line["current_quantity"] for line in order["line_items"])
        order["financial_status"] = "partially_refunded" if kept else "refunded"
        return refund_id

    def _line(self, line: Mapping[str, Any]) -> dict[str, Any]:
        worth = Decimal(line["price"]) * line["quantity"]
        return {
            "id": self._new_id(),
            "sku": line.get("sku"),
            "product_id": 7700000000000,
            "price": line["price"],
            "price_set": _bag(Decimal(line["price"])),
            "quantity": line["quantity"],
            "current_quantity": line["quantity"],
            "gift_card": False,
            "properties": [],
            "discount_allocations": [],
            "tax_lines": [{"price": f"{worth * TAX_RATE:.2f}", "price_set": _bag(worth * TAX_RATE), "rate": 0.08}],
        }

    def _refund_line(self, line: Mapping[str, Any], quantity: int, worth: Decimal, restock: str) -> dict[str, Any]:
        return {
            "id": self._new_id(),
            "line_item_id": line["id"],
            "quantity": quantity,
            "restock_type": restock,
            "subtotal": float(worth),
            "total_tax": float(worth * TAX_RATE),
            "subtotal_set": _bag(worth),
            "total_tax_set": _bag(worth * TAX_RATE),
            "line_item": deepcopy(dict(line)),
        }

    def _adjustment(self, order_id: int, amount: str) -> dict[str, Any]:
        return {
            "id": self._new_id(),
            "order_id": order_id,
            "amount": amount,
            "amount_set": _bag(Decimal(amount)),
            "tax_amount": "0.00",
            "tax_amount_set": _bag(Decimal()),
            "kind": "refund_discrepancy",
            "reason": "Refund discrepancy",
        }

    def _transaction(self, order_id: int, amount: Decimal) -> dict[str, Any]:
        return {
            "id": self._new_id(),
            "order_id": order_id,
            "kind": "refund",
            "status": "success",
            "amount": f"{amount:.2f}",
            "currency": "USD",
            "created_at": self._now(),
            "processed_at": self._now(),
        }

    def _changed(self, order_id: int, *topics: str, refund_id: int | None = None) -> None:
        order = self.orders[order_id]
        order["updated_at"] = self._now()
        for topic in topics:
            edited = {"order_edit": {"id": self._new_id(), "order_id": order_id, "line_items": {}}}
            self._send(topic, edited if topic == "orders/edited" else order)
        for refund in order["refunds"]:
            if refund["id"] == refund_id:
                self._send("refunds/create", refund)

    def _send(self, topic: str, content: Mapping[str, Any]) -> None:
        body = _dumped(content)
        now = self.clock()
        headers = sign_shopify(self.secret, body, now) | {
            "x-shopify-topic": topic,
            "x-shopify-webhook-id": f"w-{len(self.webhooks)}",
            "x-shopify-shop-domain": SHOP,
            "x-shopify-triggered-at": times.text(now),
        }
        self.webhooks.append(Request(headers, body))

    def _new_id(self) -> int:
        self._next_id += 1
        return self._next_id

    def _now(self) -> str:
        """In the shop's own time, five hours behind."""
        return (self.clock().replace(microsecond=0) - timedelta(hours=5)).strftime("%Y-%m-%dT%H:%M:%S-05:00")

    @staticmethod
    def _position(order: Mapping[str, Any]) -> tuple[str, int]:
        return _utc(order["updated_at"]), order["id"]


def _utc(moment: str) -> str:
    return datetime.fromisoformat(moment).astimezone(UTC).isoformat()


def _bag(amount: Decimal) -> dict[str, Any]:
    money = {"amount": f"{amount:.2f}", "currency_code": "USD"}
    return {"shop_money": money, "presentment_money": money}


def _dumped(content: Mapping[str, Any]) -> bytes:
    """Compact, its slashes escaped."""
    return json.dumps(content, separators=(",", ":")).replace("/", "\\/").encode()

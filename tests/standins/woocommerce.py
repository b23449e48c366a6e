"""A WooCommerce shop: its orders with what happens to them, its REST API, and the webhooks that it sends of all that.

GET <site>/wp-json/wc/v3/orders                 status, modified_after, modified_before, dates_are_gmt, orderby, order
GET <site>/wp-json/wc/v3/orders/<id>
GET <site>/wp-json/wc/v3/orders/<id>/refunds    orderby, order; lists take page and per_page
"""

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from http import HTTPStatus
from typing import Any, override

from tests.platforms import samples
from tests.platforms.test_signing import sign_woocommerce
from tests.standins.server import Asked, StandIn, Told
from vouch.platforms.base import Request

KEY, SECRET = "ck_0123456789abcdef0123456789abcdef01234567", "cs_89abcdef0123456789abcdef0123456789abcdef"
TOKEN = f"{KEY}:{SECRET}"
TAX_RATE = Decimal("0.19")
PER_PAGE, PER_PAGE_MAX = 10, 100

_ROUTE = re.compile(r"/wp-json/wc/v3/orders(?:/(?P<order>[0-9]+)(?P<refunds>/refunds)?)?/?")
_STATUSES = ("pending", "processing", "on-hold", "completed", "cancelled", "refunded", "failed", "checkout-draft")
_DATES = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}")


class WooCommerce(StandIn):
    """`webhooks` are what the shop has sent so far, signed as WooCommerce does; whoever tests hands them on or not.

    Changes wait until the shop sends (`send`): an order's body is what it is by then, and several changes of one order
    are one webhook. `clock` says the time; the shop's own is two hours ahead. `site` is where WordPress lies.
    """

    def __init__(self, clock: Callable[[], datetime], secret: str = samples.WOOCOMMERCE_SECRET, site: str = "") -> None:
        super().__init__()
        self.clock = clock
        self.secret = secret
        self.site = site
        self.decimals = 2
        self.orders: dict[int, dict[str, Any]] = {}
        self.refunds: dict[int, list[dict[str, Any]]] = {}
        self.webhooks: list[Request] = []
        self._pending: list[tuple[str, int]] = []
        self._before_trash: dict[int, str] = {}
        self._next_id = 1000

    @property
    @override
    def address(self) -> str:
        return super().address + self.site

    # --- what happens in the shop -------------------------------------------------------------------------------------

    def place(self, *lines: Mapping[str, Any], status: str = "processing", **changes: Any) -> int:
        """An order of these lines, `{total, quantity, sku?}`, with the buyer of the samples; its id."""
        order_id = self._new_id()
        order = samples.content("woocommerce/order_updated_processing") | {
            "id": order_id,
            "number": str(order_id),
            "status": status,
            "line_items": [self._line(line) for line in lines],
            "coupon_lines": [],
            "meta_data": [],
            "refunds": [],
            **self._dated("date_created"),
            **self._dated("date_paid"),
        }
        self.orders[order_id], self.refunds[order_id] = order | changes, []
        self._changed(order_id, "order.created")
        return order_id

    def becomes(self, order_id: int, status: str) -> None:
        """A member of staff, or a payment, changes the status."""
        self.orders[order_id]["status"] = status
        self._changed(order_id, "order.updated")

    def refund(
        self, order_id: int, *returned: tuple[int, Any, str], amount: str | None = None, shipping: str | None = None
    ) -> int:
        """Gives back of some lines, `(index, quantity, net)`, of shipping, or just an amount; the refund's id."""
        order, refund_id = self.orders[order_id], self._new_id()
        lines = [self._returned(order["line_items"][index], quantity, net) for index, quantity, net in returned]
        shipped = [self._returned(order["shipping_lines"][0], None, shipping)] if shipping else []
        sums = [Decimal(part[key]) for part in (*lines, *shipped) for key in ("total", "total_tax")]
        refund = {
            "id": refund_id,
            **self._dated("date_created"),
            "amount": amount or self._text(-sum(sums, Decimal())),
            "reason": "",
            "refunded_by": 1,
            "refunded_payment": False,
            "meta_data": [],
            "line_items": lines,
            "shipping_lines": shipped,
            "tax_lines": [],
            "fee_lines": [],
        }
        self.refunds[order_id].insert(0, refund)
        self._changed(order_id, "order.updated")
        return refund_id

    def delete_refund(self, order_id: int, refund_id: int) -> None:
        """It never was; the order's date does not tell."""
        self.refunds[order_id] = [refund for refund in self.refunds[order_id] if refund["id"] != refund_id]
        self._pending.append(("order.updated", order_id))

    def trash(self, order_id: int) -> None:
        self._before_trash[order_id] = self.orders[order_id]["status"]
        self.orders[order_id]["status"] = "trash"
        self._changed(order_id, "order.deleted")

    def restore(self, order_id: int) -> None:
        self.orders[order_id]["status"] = self._before_trash.pop(order_id)
        self._changed(order_id, "order.restored")

    def empty_trash(self) -> None:
        """From then on the API does not know what lay there; no webhook tells."""
        for order_id in self._before_trash:
            del self.orders[order_id], self.refunds[order_id]
        self._before_trash.clear()

    def send(self) -> list[Request]:
        """Sends what has changed since, and forgets it: there is one try. What it sent, in that order."""
        sent = [self._webhook(topic, order_id) for topic, order_id in dict.fromkeys(self._pending)]
        self._pending.clear()
        self.webhooks += sent
        return sent

    # --- the REST API -------------------------------------------------------------------------------------------------

    @override
    def answer(self, asked: Asked) -> Told:
        route = _ROUTE.fullmatch(asked.path.removeprefix(self.site))
        if not asked.path.startswith(self.site) or route is None or asked.method != "GET":
            reason = "No route was found matching the URL and request method."
            return _error("rest_no_route", reason, HTTPStatus.NOT_FOUND)
        refusal = _unauthorized(asked)
        if refusal is not None:
            return refusal
        if route["order"] is None:
            return self._listed(asked)
        order_id = int(route["order"])
        if route["refunds"]:
            return self._page(asked, sorted(self.refunds.get(order_id, []), key=lambda one: one["id"]), by="id")
        if order_id not in self.orders:
            return _error("woocommerce_rest_shop_order_invalid_id", "Invalid ID.", HTTPStatus.NOT_FOUND)
        return Told(HTTPStatus.OK, self.body(order_id), {"content-type": "application/json; charset=UTF-8"})

    def _listed(self, asked: Asked) -> Told:
        query = dict(asked.query)
        wrong = [key for key in ("modified_after", "modified_before") if not _DATES.fullmatch(query.get(key, ""))]
        wrong += [] if query.get("status", "any") in (*_STATUSES, "any", "trash") else ["status"]
        if wrong:
            reason = f"Invalid parameter(s): {', '.join(wrong)}"
            return _error("rest_invalid_param", reason, HTTPStatus.BAD_REQUEST)
        column = "date_modified_gmt" if query.get("dates_are_gmt") == "true" else "date_modified"
        found = [
            order
            for order in self.orders.values()
            if query["modified_after"] < order[column] < query["modified_before"]
            and (order["status"] == "trash") == (query.get("status") == "trash")
        ]
        found.sort(key=lambda order: (order["date_modified"], order["id"]))
        return self._page(asked, [json.loads(self.body(order["id"])) for order in found], by="modified")

    def _page(self, asked: Asked, found: Sequence[dict[str, Any]], *, by: str) -> Told:
        assert (asked.parameter("orderby"), asked.parameter("order")) == (by, "asc")
        page, size = int(asked.parameter("page") or 1), int(asked.parameter("per_page") or PER_PAGE)
        if not 0 < size <= PER_PAGE_MAX:
            return _error("rest_invalid_param", "Invalid parameter(s): per_page", HTTPStatus.BAD_REQUEST)
        content = _dumped(found[(page - 1) * size : page * size])
        pages = {"x-wp-total": str(len(found)), "x-wp-totalpages": str(-(-len(found) // size))}
        return Told(HTTPStatus.OK, content, {"content-type": "application/json; charset=UTF-8"} | pages)

    # --- how WooCommerce writes it ------------------------------------------------------------------------------------

    def body(self, order_id: int) -> bytes:
        """The order as it is now."""
        told = [
            {"id": one["id"], "reason": one["reason"], "total": f"-{one['amount']}"} for one in self.refunds[order_id]
        ]
        return _dumped(self.orders[order_id] | {"refunds": told})

    def _webhook(self, topic: str, order_id: int) -> Request:
        body = _dumped({"id": order_id}) if topic == "order.deleted" else self.body(order_id)
        second = self.clock().replace(microsecond=0)
        headers = sign_woocommerce(self.secret, body, second) | {"x-wc-webhook-topic": topic}
        return Request(headers, body)

    def _changed(self, order_id: int, topic: str) -> None:
        self.orders[order_id] |= self._dated("date_modified")
        self._pending.append((topic, order_id))

    def _line(self, line: Mapping[str, Any]) -> dict[str, Any]:
        total = Decimal(line["total"])
        return {
            "id": self._new_id(),
            "product_id": 93,
            "variation_id": 0,
            "quantity": line["quantity"],
            "subtotal": self._text(total),
            "subtotal_tax": self._text(total * TAX_RATE),
            "total": self._text(total),
            "total_tax": self._text(total * TAX_RATE),
            "meta_data": line.get("meta_data", []),
            "sku": line.get("sku"),
            "price": float(total),
        }

    def _returned(self, line: Mapping[str, Any], quantity: Any, net: str) -> dict[str, Any]:
        said = {
            "id": self._new_id(),
            "total": self._text(-Decimal(net)),
            "total_tax": self._text(-Decimal(net) * TAX_RATE),
            "meta_data": [{"id": self._new_id(), "key": "_refunded_item_id", "value": str(line["id"])}],
        }
        return said if quantity is None else said | {"quantity": -quantity}

    def _text(self, amount: Decimal) -> str:
        return f"{amount:.{self.decimals}f}"

    def _dated(self, name: str) -> dict[str, str]:
        """The shop's own time and UTC, of whole seconds and without an offset."""
        now = self.clock().replace(microsecond=0, tzinfo=None)
        return {name: (now + timedelta(hours=2)).isoformat(), f"{name}_gmt": now.isoformat()}

    def _new_id(self) -> int:
        self._next_id += 1
        return self._next_id


def _unauthorized(asked: Asked) -> Told | None:
    scheme, _, said = asked.headers.get("authorization", "").partition(" ")
    try:
        key, _, secret = base64.b64decode(said, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        key = secret = ""
    if scheme != "Basic" or key != KEY:
        reason = "Sorry, you cannot list resources."
        return _error("woocommerce_rest_cannot_view", reason, HTTPStatus.UNAUTHORIZED)
    if secret != SECRET:
        reason = "Consumer secret is invalid."
        return _error("woocommerce_rest_authentication_error", reason, HTTPStatus.UNAUTHORIZED)
    return None


def _error(code: str, message: str, status: HTTPStatus) -> Told:
    return Told.json({"code": code, "message": message, "data": {"status": status.value}}, status)


def _dumped(content: Any) -> bytes:
    """Compact and in ASCII, its slashes escaped."""
    return json.dumps(content, separators=(",", ":"), default=str).replace("/", "\\/").encode()

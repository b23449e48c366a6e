"""Square's API in small: orders that are paid by one payment or several, given back, found again; and its events."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, override
from urllib.parse import unquote

from tests.standins.server import Asked, StandIn, Told

_BEGINS = datetime(2026, 5, 4, 15, 15, tzinfo=UTC)
_PAGE_MAX = 100
_ORDER = re.compile(r"/v2/orders/([^/]+)")
_REFUND = re.compile(r"/v2/refunds/([^/]+)")


def usd(amount: int) -> dict[str, Any]:
    return {"amount": amount, "currency": "USD"}


def line(uid: str, total: int, *, quantity: str = "1", discount: int = 0, tax: int = 0, **more: Any) -> dict[str, Any]:
    """A line whose tax comes on top: `total` is what the buyer pays for it."""
    return {
        "uid": uid,
        "quantity": quantity,
        "gross_sales_money": usd(total - tax + discount),
        "total_discount_money": usd(discount),
        "total_tax_money": usd(tax),
        "total_money": usd(total),
        "item_type": "ITEM",
    } | more


class SquareApi(StandIn):
    """One seller's. Its clock goes on by a second with every change."""

    def __init__(
        self, token: str = "square-token", locations: int = 1, page: int = _PAGE_MAX, begins: datetime = _BEGINS
    ) -> None:
        super().__init__()
        self.begins = begins
        self.token = token
        self.page = page
        self.locations = [f"L{number:03}" for number in range(locations)]
        self.orders: dict[str, dict[str, Any]] = {}
        self.payments: dict[str, dict[str, Any]] = {}
        self.refunds: dict[str, dict[str, Any]] = {}
        self._changes = 0

    def is_at(self, now: datetime) -> None:
        """Its clock says this time."""
        self.begins = now - timedelta(seconds=self._changes)

    # what happens at the till

    def place(self, *lines: dict[str, Any], location: int = 0, **more: Any) -> str:
        """An order that is open; returns its id."""
        order_id = f"ORDER{len(self.orders) + 1:04}"
        now = self._now()
        total = sum(part["total_money"]["amount"] for part in lines)
        self.orders[order_id] = {
            "id": order_id,
            "location_id": self.locations[location],
            "state": "OPEN",
            "version": 1,
            "created_at": now,
            "updated_at": now,
            "line_items": list(lines),
            "total_money": usd(total),
            "net_amount_due_money": usd(total),
        } | more
        return order_id

    def pay(self, order_id: str, amount: int | None = None, tip: int = 0, **more: Any) -> str:
        """Pays some of what is due, or all of it, which ends the order unless it waits to be handed over."""
        order = self.orders[order_id]
        due = order["net_amount_due_money"]["amount"]
        paid = due if amount is None else amount
        payment_id = f"PAYMENT{len(self.payments) + 1:04}"
        created = self._now()
        self._change(order)
        order.setdefault("tenders", []).append(
            {"id": payment_id, "payment_id": payment_id, "type": "CARD", "amount_money": usd(paid + tip)}
        )
        order["net_amount_due_money"] = usd(due - paid)
        if due == paid and "fulfillments" not in order:
            order |= {"state": "COMPLETED", "closed_at": order["updated_at"]}
        self.payments[payment_id] = {
            "id": payment_id,
            "created_at": created,
            "updated_at": order["updated_at"],
            "status": "COMPLETED",
            "amount_money": usd(paid),
            "tip_money": usd(tip),
            "total_money": usd(paid + tip),
            "order_id": order_id,
        } | more
        return payment_id

    def hand_over(self, order_id: str) -> None:
        self._change(self.orders[order_id])
        self.orders[order_id]["state"] = "COMPLETED"

    def cancel(self, order_id: str) -> None:
        self._change(self.orders[order_id])
        self.orders[order_id]["state"] = "CANCELED"

    def give_back(self, payment_id: str, amount: int, lines: Mapping[str, dict[str, Any]] | None = None) -> str:
        """Money, for lines of the order that come back (by their uid), or for nothing in particular."""
        source = self.payments[payment_id]["order_id"]
        parts = [part | {"uid": f"r-{uid}", "source_line_item_uid": uid} for uid, part in (lines or {}).items()]
        custom = {"uid": "r", "quantity": "1", "item_type": "CUSTOM_AMOUNT", "total_money": usd(amount)}
        order_id, now = f"RETURN{len(self.orders) + 1:04}", self._now()
        self.orders[order_id] = {
            "id": order_id,
            "location_id": self.orders[source]["location_id"],
            "state": "COMPLETED",
            "created_at": now,
            "updated_at": now,
            "total_money": usd(0),
            "returns": [{"source_order_id": source, "return_line_items": parts or [custom]}],
            "return_amounts": {"total_money": usd(amount)},
        }
        refund_id = f"{payment_id}_REFUND{len(self.refunds) + 1:02}"
        self.refunds[refund_id] = {
            "id": refund_id,
            "created_at": now,
            "updated_at": now,
            "status": "PENDING",
            "amount_money": usd(amount),
            "payment_id": payment_id,
            "order_id": order_id,
        }
        return refund_id

    def end_refund(self, refund_id: str, status: str = "COMPLETED") -> None:
        self.refunds[refund_id] |= {"status": status, "updated_at": self._now()}

    # what it sends of it

    def payment_event(self, payment_id: str) -> bytes:
        return self._event("payment.updated", "payment", self.payments[payment_id])

    def refund_event(self, refund_id: str) -> bytes:
        return self._event("refund.updated", "refund", self.refunds[refund_id])

    def order_event(self, order_id: str) -> bytes:
        order = self.orders[order_id]
        keys = ("location_id", "state", "version", "created_at", "updated_at")
        told = {key: order[key] for key in keys if key in order} | {"order_id": order_id}
        return self._event("order.updated", "order_updated", told)

    # what it answers

    @override
    def answer(self, asked: Asked) -> Told:
        if asked.headers.get("authorization") != f"Bearer {self.token}":
            return self._error(401, "AUTHENTICATION_ERROR", "UNAUTHORIZED")
        if not re.fullmatch(r"\d{4}-\d\d-\d\d", asked.headers.get("square-version", "")):
            return self._error(400, "INVALID_REQUEST_ERROR", "INVALID_SQUARE_VERSION_FORMAT")
        return self._posted(asked.path, json.loads(asked.body)) if asked.method == "POST" else self._got(asked)

    def _got(self, asked: Asked) -> Told:
        if asked.path == "/v2/locations":
            return Told.json({"locations": [{"id": location, "status": "ACTIVE"} for location in self.locations]})
        if asked.path == "/v2/refunds":
            return self._listed(asked)
        for pattern, kind, known in ((_ORDER, "order", self.orders), (_REFUND, "refund", self.refunds)):
            found = pattern.fullmatch(asked.path)
            if found and unquote(found[1]) in known:
                return Told.json({kind: known[unquote(found[1])]})
        return self._error(404, "INVALID_REQUEST_ERROR", "NOT_FOUND")

    def _posted(self, path: str, body: dict[str, Any]) -> Told:
        if path == "/v2/orders/batch-retrieve":
            if not 0 < len(body["order_ids"]) <= _PAGE_MAX:
                return self._error(400, "INVALID_REQUEST_ERROR", "ARRAY_LENGTH_TOO_LONG")
            return Told.json({"orders": [self.orders[one] for one in body["order_ids"] if one in self.orders]})
        if path != "/v2/orders/search":
            return self._error(404, "INVALID_REQUEST_ERROR", "NOT_FOUND")
        if not 0 < len(body["location_ids"]) <= 10:
            return self._error(400, "INVALID_REQUEST_ERROR", "ARRAY_LENGTH_TOO_LONG")
        query = body["query"]
        if query["sort"]["sort_field"] != "UPDATED_AT":  # as its documentation asks of a filter by that time
            return self._error(400, "INVALID_REQUEST_ERROR", "BAD_REQUEST")
        between, states = query["filter"]["date_time_filter"]["updated_at"], query["filter"]["state_filter"]["states"]
        found = [
            order
            for order in self.orders.values()
            if order["location_id"] in body["location_ids"] and order["state"] in states
        ]
        return self._page("orders", found, between["start_at"], between["end_at"], body["limit"], body.get("cursor"))

    def _listed(self, asked: Asked) -> Told:
        since, until = asked.parameter("updated_at_begin_time"), asked.parameter("updated_at_end_time")
        assert since is not None
        assert until is not None
        limit = int(asked.parameter("limit") or _PAGE_MAX)
        return self._page("refunds", list(self.refunds.values()), since, until, limit, asked.parameter("cursor"))

    def _page(
        self, name: str, found: list[dict[str, Any]], since: str, until: str, limit: int, cursor: str | None
    ) -> Told:
        """It is possible to get fewer than the limit, and there may still be more."""
        start, end = datetime.fromisoformat(since), datetime.fromisoformat(until)
        changed = [one for one in found if start <= datetime.fromisoformat(one["updated_at"]) <= end]
        changed.sort(key=lambda one: str(one["updated_at"]))
        at = int(cursor or 0)
        end_of_page = at + min(limit, self.page)
        further = {"cursor": str(end_of_page)} if end_of_page < len(changed) else {}
        page = changed[at:end_of_page]
        return Told.json(({name: page} if page else {}) | further)

    def _change(self, order: dict[str, Any]) -> None:
        order |= {"version": order["version"] + 1, "updated_at": self._now()}

    def _now(self) -> str:
        self._changes += 1
        moment = self.begins + timedelta(seconds=self._changes)
        return f"{moment:%Y-%m-%dT%H:%M:%S}.000Z"

    def _event(self, kind: str, key: str, told: dict[str, Any]) -> bytes:
        event = {
            "merchant_id": "M1",
            "type": kind,
            "event_id": f"event-{self._changes}-{kind}",
            "created_at": told["updated_at"],
            "data": {"type": key, "id": told.get("order_id") or told["id"], "object": {key: told}},
        }
        return json.dumps(event).encode()

    @staticmethod
    def _error(status: int, category: str, code: str) -> Told:
        return Told.json({"errors": [{"category": category, "code": code, "detail": "as it says"}]}, status)

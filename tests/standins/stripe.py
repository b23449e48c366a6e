"""Stripe's API in small: what was paid and given back, found again by a token that may read; and its events."""

import copy
import json
from collections.abc import Iterable
from typing import Any, override

from tests.standins.server import Asked, StandIn, Told

API_VERSION = "2026-06-24.dahlia"
_SHOWN = 10
"""How much of a list stands in the object that it belongs to."""
_PAGE_MAX = 100
_PAGE = 10


def session(number: int = 1, **changes: Any) -> dict[str, Any]:
    """A session of two mugs, 20.00 each, with 10 % off and 2.88 of tax on top."""
    return {
        "id": f"cs_live_{number}",
        "object": "checkout.session",
        "amount_subtotal": 4000,
        "amount_total": 3888,
        "client_reference_id": None,
        "created": 1_778_000_000,
        "currency": "usd",
        "customer": "cus_1",
        "customer_details": {"email": "buyer@example.com", "address": {"country": "US"}},
        "customer_email": None,
        "discounts": [],
        "invoice": None,
        "invoice_creation": {"enabled": False},
        "livemode": True,
        "metadata": {},
        "mode": "payment",
        "payment_intent": f"pi_{number}",
        "payment_status": "paid",
        "shipping_cost": None,
        "status": "complete",
        "subscription": None,
        "total_details": {"amount_discount": 400, "amount_shipping": 0, "amount_tax": 288},
    } | changes


def item(number: int = 1, **changes: Any) -> dict[str, Any]:
    """The two mugs of that session."""
    product = {"id": "prod_mug", "object": "product", "metadata": {"sku": "MUG-01"}}
    return {
        "id": f"li_{number}",
        "object": "item",
        "amount_discount": 400,
        "amount_subtotal": 4000,
        "amount_tax": 288,
        "amount_total": 3888,
        "currency": "usd",
        "description": "Mug",
        "price": {"id": "price_mug", "object": "price", "product": product, "metadata": {}, "unit_amount": 2000},
        "quantity": 2,
    } | changes


def invoice(number: int = 1, subscription: str | None = "sub_1", **changes: Any) -> dict[str, Any]:
    """An invoice of 24.00; a subscription's, but where there is none."""
    details: dict[str, Any] = {"metadata": {}, "subscription": subscription}
    return {
        "id": f"in_{number}",
        "object": "invoice",
        "amount_shipping": 0,
        "billing_reason": "subscription_cycle" if subscription else "manual",
        "created": 1_778_000_100,
        "currency": "usd",
        "customer": "cus_1",
        "customer_address": {"country": "US"},
        "customer_email": "buyer@example.com",
        "discounts": [],
        "livemode": True,
        "metadata": {},
        "parent": {"subscription_details": details, "type": "subscription_details"} if subscription else None,
        "shipping_cost": None,
        "status": "paid",
        "subtotal": 2400,
        "total": 2400,
        "total_excluding_tax": 2400,
        "total_taxes": [],
    } | changes


def line(number: int = 1, **changes: Any) -> dict[str, Any]:
    """The 24.00 of that invoice."""
    return {
        "id": f"il_{number}",
        "object": "line_item",
        "amount": 2400,
        "currency": "usd",
        "discount_amounts": [],
        "metadata": {},
        "pretax_credit_amounts": [],
        "pricing": {"price_details": {"price": "price_club", "product": "prod_club"}, "type": "price_details"},
        "quantity": 1,
        "taxes": [],
    } | changes


class StripeApi(StandIn):
    """One account's. Whatever happens makes an event, a second after the last one; methods return it."""

    def __init__(self, token: str = "rk_live_reads", page: int = _PAGE_MAX) -> None:
        super().__init__()
        self.token = token
        self.page = page
        self.now = 1_778_000_000
        self.lacks: set[str] = set()
        """What the token has no right to: `line_items`, `lines`, or what is expanded, `product` and the like."""
        self.events: list[dict[str, Any]] = []
        self.sessions: dict[str, dict[str, Any]] = {}
        self.invoices: dict[str, dict[str, Any]] = {}
        self.refunds: dict[str, dict[str, Any]] = {}
        self.promotion_codes: dict[str, str] = {}
        self.discounts: dict[str, str] = {}
        self.starts: dict[str, int] = {}
        self._items: dict[str, list[dict[str, Any]]] = {}
        self._payments: dict[str, list[dict[str, Any]]] = {}

    # what happens in the account

    def check_out(self, said: dict[str, Any], *items: dict[str, Any]) -> bytes:
        """Somebody comes to the end of a checkout."""
        self.sessions[said["id"]] = said
        self._items[said["id"]] = list(items)
        return self._event("checkout.session.completed", said)

    def clear(self, session_id: str, kind: str = "async_payment_succeeded") -> bytes:
        """The bank pays at last, or not."""
        said = self.sessions[session_id]
        said["payment_status"] = "paid" if kind == "async_payment_succeeded" else "unpaid"
        return self._event(f"checkout.session.{kind}", said)

    def pay(self, said: dict[str, Any], *lines: dict[str, Any], by: str | None = None) -> tuple[bytes, bytes | None]:
        """An invoice is paid, and which payment did it."""
        self.invoices[said["id"]] = said
        self._items[said["id"]] = list(lines)
        paid = None
        if by is not None:
            payment = {
                "id": f"inpay_{said['id']}",
                "object": "invoice_payment",
                "invoice": said["id"],
                "livemode": True,
                "payment": {"payment_intent": by, "type": "payment_intent"},
                "status": "paid",
            }
            self._payments[said["id"]] = [payment]
            paid = payment
        told = self._event("invoice.paid", self._shown(said))
        return told, self._event("invoice_payment.paid", paid) if paid else None

    def give_back(self, charge: str, payment: str, amount: int, *, paid: int = 3888) -> tuple[bytes, bytes]:
        """A refund, and the charge with all of its refunds so far."""
        before = self._refunded(charge)
        refund = {
            "id": f"re_{len(self.refunds) + 1}",
            "object": "refund",
            "amount": amount,
            "charge": charge,
            "created": self.now + 1,
            "currency": "usd",
            "payment_intent": payment,
            "status": "succeeded",
        }
        self.refunds[str(refund["id"])] = refund
        told = {
            "id": charge,
            "object": "charge",
            "amount": paid,
            "amount_refunded": before + amount,
            "currency": "usd",
            "payment_intent": payment,
            "refunded": before + amount == paid,
        }
        created = self._event("refund.created", refund)
        return created, self._event("charge.refunded", told, {"amount_refunded": before})

    def fail(self, refund_id: str) -> bytes:
        """The money comes back to the account."""
        self.refunds[refund_id]["status"] = "failed"
        return self._event("refund.failed", self.refunds[refund_id])

    def dispute(self, payment: str, amount: int, kind: str = "created", status: str = "needs_response") -> bytes:
        """A bank asks for money back."""
        told = {
            "id": f"du_{payment}",
            "object": "dispute",
            "amount": amount,
            "charge": f"ch_{payment}",
            "created": self.now,
            "currency": "usd",
            "payment_intent": payment,
            "status": status,
        }
        return self._event(f"charge.dispute.{kind}", told)

    def _refunded(self, charge: str) -> int:
        return sum(each["amount"] for each in self.refunds.values() if each["charge"] == charge)

    def _event(self, kind: str, told: dict[str, Any], previous: dict[str, Any] | None = None) -> bytes:
        self.now += 1
        event = {
            "id": f"evt_{len(self.events) + 1}",
            "object": "event",
            "api_version": API_VERSION,
            "created": self.now,
            "data": {"object": copy.deepcopy(told)} | ({"previous_attributes": previous} if previous else {}),
            "livemode": True,
            "type": kind,
        }
        self.events.append(event)
        return json.dumps(event, indent=2).encode()

    # its API

    @override
    def answer(self, asked: Asked) -> Told:
        if asked.headers.get("authorization") != f"Bearer {self.token}":
            return _error(401, "Invalid API Key provided: ****", type="invalid_request_error")
        if asked.headers.get("stripe-version") != API_VERSION:
            return _error(400, "Invalid Stripe API version", type="invalid_request_error")
        wanted = {part.rpartition(".")[2] for part in _expanded(asked)} | {asked.path.rpartition("/")[2]}
        if wanted & self.lacks:
            return _error(403, "The provided key does not have the required permissions", type="invalid_request_error")
        told = self._read(asked)
        if told is None:
            return _error(404, f"No such object: '{asked.path}'", code="resource_missing", type="invalid_request_error")
        return told

    def _read(self, asked: Asked) -> Told | None:
        told: Told | None = None
        match asked.path.strip("/").split("/"):
            case ["v1", "checkout", "sessions", name] if name in self.sessions:
                told = Told.json(self._session(self.sessions[name], _expanded(asked)))
            case ["v1", "checkout", "sessions", name, "line_items"] if name in self.sessions:
                told = self._list(asked, self._with_products(self._items[name], _expanded(asked)))
            case ["v1", "invoices", name] if name in self.invoices:
                told = Told.json(self._invoice(self.invoices[name], _expanded(asked)))
            case ["v1", "invoices", name, "lines"] if name in self.invoices:
                told = self._list(asked, self._items[name])
            case ["v1", "refunds"]:
                charge = asked.parameter("charge")
                told = self._list(asked, [each for each in self.refunds.values() if each["charge"] == charge][::-1])
            case ["v1", "events"]:
                told = self._list(asked, [event for event in reversed(self.events) if _wanted(event, asked)])
        return told

    def _list(self, asked: Asked, items: Iterable[dict[str, Any]]) -> Told:
        limit = int(asked.parameter("limit") or _PAGE)
        if not 0 < limit <= _PAGE_MAX:
            return _error(400, "Limit must be between 1 and 100", param="limit", type="invalid_request_error")
        found, after = list(items), asked.parameter("starting_after")
        if after is not None:
            known = [each["id"] for each in found]
            if after not in known:
                return _error(400, f"No such object: '{after}'", param="starting_after", type="invalid_request_error")
            found = found[known.index(after) + 1 :]
        shown = min(limit, self.page)
        page = {"object": "list", "data": found[:shown], "has_more": len(found) > shown, "url": asked.path}
        return Told.json(page)

    def _session(self, said: dict[str, Any], expanded: set[str]) -> dict[str, Any]:
        if "discounts.promotion_code" not in expanded:
            return said
        return said | {
            "discounts": [each | {"promotion_code": self._code(each["promotion_code"])} for each in said["discounts"]]
        }

    def _invoice(self, said: dict[str, Any], expanded: set[str]) -> dict[str, Any]:
        told = copy.deepcopy(self._shown(said))
        if "payments" in expanded:
            told["payments"] = {"object": "list", "data": self._payments.get(said["id"], []), "has_more": False}
        if "discounts.promotion_code" in expanded:
            told["discounts"] = [
                {"id": each, "object": "discount", "promotion_code": self._code(self.discounts[each])}
                for each in said["discounts"]
            ]
        if "parent.subscription_details.subscription" in expanded and said["parent"]:
            name = said["parent"]["subscription_details"]["subscription"]
            told["parent"]["subscription_details"]["subscription"] = {
                "id": name,
                "object": "subscription",
                "start_date": self.starts.get(name, said["created"]),
            }
        return told

    def _shown(self, said: dict[str, Any]) -> dict[str, Any]:
        lines = self._items[said["id"]]
        return said | {"lines": {"object": "list", "data": lines[:_SHOWN], "has_more": len(lines) > _SHOWN}}

    def _code(self, name: str) -> dict[str, Any]:
        return {"id": name, "object": "promotion_code", "code": self.promotion_codes[name], "active": True}

    def _with_products(self, items: list[dict[str, Any]], expanded: set[str]) -> list[dict[str, Any]]:
        if "data.price.product" in expanded:
            return items
        return [each | {"price": each["price"] | {"product": each["price"]["product"]["id"]}} for each in items]


def _expanded(asked: Asked) -> set[str]:
    return {value for name, value in asked.query if name == "expand[]"}


def _wanted(event: dict[str, Any], asked: Asked) -> bool:
    kinds = {value for name, value in asked.query if name == "types[]"}
    since, until = int(asked.parameter("created[gte]") or 0), int(asked.parameter("created[lt]") or 2**40)
    return since <= event["created"] < until and (not kinds or event["type"] in kinds)


def _error(status: int, message: str, **more: str) -> Told:
    return Told.json({"error": {"message": message} | more}, status)

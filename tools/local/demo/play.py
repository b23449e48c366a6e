"""Plays the story to a running Vouch, moment by moment, through the doors that visitors, shops and brands use."""

import time
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Lock
from typing import Any
from urllib.parse import parse_qs, urlsplit

from local.demo import brand, inlet, shopify
from local.demo.brand import DemoBrand
from local.demo.client import Client, Refused
from local.demo.sales import ABROAD, CURRENCY, Books, Dispute, Order, Refund, Visit, books
from local.demo.story import Decision, Delivery, Moment

_SETTLES_WITHIN = 60
_GLANCE = 0.02
_TRIES = 5
"""A shop sends again what is not taken: several cold processes at once may take too long for an answer."""
_BROWSER = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15"


class Astray(Exception):
    """Vouch does not show what the shop's own books say."""


@dataclass
class _Told:
    """What Vouch has heard of one order so far."""

    order: Order
    has_snapshot: bool = False
    refunds: dict[int, Refund] = field(default_factory=dict)
    disputes: dict[int, Dispute] = field(default_factory=dict)
    id: str = ""

    def hear(self, delivery: Delivery) -> None:
        if delivery.refund is not None:
            self.refunds[delivery.refund.id] = delivery.refund
            return
        if delivery.dispute is not None:
            self.disputes[delivery.dispute.id] = delivery.dispute
            return
        if not self.has_snapshot or delivery.order.updated_at > self.order.updated_at:
            self.order, self.has_snapshot = delivery.order, True

    def books(self) -> Books | None:
        """None before the order itself is known."""
        return books(self.order, self.refunds.values(), self.disputes.values()) if self.has_snapshot else None


class Player:
    def __init__(self, client: Client, demo: DemoBrand, workers: Executor) -> None:
        self._client = client
        self._demo = demo
        self._cookies: dict[int, str] = {}
        self._told: dict[str, _Told] = {}
        self._workers = workers
        self._till = Lock()

    def play(self, moment: Moment) -> None:
        """Everything of this moment has had its effect when the next one begins."""
        self.move_clock(moment.at)
        if moment.dollar:
            self._fix(moment.dollar, moment.at)
        by_order: dict[str, list[Delivery]] = {}
        for delivery in moment.deliveries:
            by_order.setdefault(_order_of(delivery), []).append(delivery)
        doing = [self._workers.submit(self._visit, visit) for visit in moment.visits]
        doing += [self._workers.submit(self._deliver_all, deliveries) for deliveries in by_order.values()]
        for done in doing:
            done.result()
        for external_id in reversed(by_order):
            self._await_settled(external_id)

    def move_clock(self, to: datetime) -> None:
        self._demo.api.post("/v1/test_clock", {"now": to.isoformat()})

    def check_orders(self) -> None:
        """Every order reads as in the shop's own books. Raises Astray."""
        shown = {order["id"]: order for order in self._pages("/v1/orders")}
        for told in self._told.values():
            if told.books() != _shown(shown[told.id]):
                raise Astray(f"order {told.order.external_id}: {told.books()} sold, {shown[told.id]} shown")
        if len(shown) != len(self._told):
            raise Astray(f"{len(self._told)} orders sent, {len(shown)} shown")

    def order_id(self, order: Order) -> str:
        """What Vouch calls it."""
        return self._told[order.external_id].id

    def decide(self, decision: Decision) -> None:
        said = {"kind": decision.kind, "reason": decision.reason}
        said |= {"creator_id": self._demo.creator_ids[decision.creator]}
        amount = {} if decision.amount is None else {"amount": decision.amount}
        path = f"/v1/orders/{self.order_id(decision.order)}/decisions"
        self._demo.api.post(path, said | amount, once=decision.kind)

    def _fix(self, dollar: str, at: datetime) -> None:
        said = {"from": ABROAD, "to": CURRENCY, "rate": dollar, "at": at.isoformat(), "source": "The shop's bank"}
        self._demo.api.post("/v1/fx_rates", said)

    # --- visitors -----------------------------------------------------------------------------------------------------

    def _visit(self, visit: Visit) -> None:
        headers = {"User-Agent": _BROWSER}
        if visit.visitor in self._cookies:
            headers["Cookie"] = self._cookies[visit.visitor]
        path = f"/r/{visit.slug}"
        answer = self._client.send("GET", path, headers=headers)
        clicks = parse_qs(urlsplit(answer.headers.get("location", "")).query).get("ref")
        if not clicks:
            raise Refused("GET", path, answer)
        [visit.click_id] = clicks
        cookie = answer.headers.get("set-cookie")
        if cookie:
            self._cookies[visit.visitor] = cookie.partition(";")[0]

    # --- shops --------------------------------------------------------------------------------------------------------

    def _deliver_all(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            for _ in range(delivery.copies):
                self._deliver(delivery)
            if delivery.kind != "unreadable":
                self._told.setdefault(_order_of(delivery), _Told(delivery.order)).hear(delivery)

    def _deliver(self, delivery: Delivery) -> None:
        match delivery.order.door:
            case "shopify":
                self._by_webhook(self._demo.shopify, *shopify.request(delivery, brand.SHOPIFY_SECRET))
            case "inlet":
                sent_at = datetime.now(UTC)
                self._by_webhook(self._demo.inlet, *inlet.request(delivery, brand.INLET_SECRET, sent_at))
            case "rest":
                with self._till:  # two at once would wait for another process of the function to start
                    self._by_rest(delivery)

    def _by_webhook(self, connection: dict[str, Any], body: bytes, headers: dict[str, str]) -> None:
        path = urlsplit(connection["webhook_url"]).path
        for left in reversed(range(_TRIES)):
            answer = self._client.send("POST", path, body, headers)
            if answer.status == 200:  # noqa: PLR2004 - what platforms wait for
                return
            if not left:
                raise Refused("POST", path, answer)

    def _by_rest(self, delivery: Delivery) -> None:
        if delivery.refund is None:
            self._demo.api.post("/v1/orders", inlet.order(delivery.order), once=delivery.id)
            return
        path = f"/v1/orders/{self._found(_order_of(delivery))['id']}/refunds"
        self._demo.api.post(path, inlet.refund(delivery.refund), once=delivery.id)

    # --- what became of it --------------------------------------------------------------------------------------------

    def _await_settled(self, external_id: str) -> None:
        """Webhooks are settled behind their answer."""
        told = self._told.get(external_id)
        if told is None or not told.has_snapshot:
            return
        deadline = time.monotonic() + _SETTLES_WITHIN
        while True:
            shown = self._found(external_id)
            if shown and _shown(shown) == told.books():
                told.id = shown["id"]
                return
            if time.monotonic() > deadline:
                raise Astray(f"order {external_id}: {told.books()} sold, {shown} shown")
            time.sleep(_GLANCE)

    def _found(self, external_id: str) -> Any:
        told = self._told[external_id]
        if told.id:
            return self._demo.api.get(f"/v1/orders/{told.id}")
        connections = {"shopify": self._demo.shopify, "inlet": self._demo.inlet}
        query = {"external_id": external_id}
        if told.order.door in connections:
            query["connection_id"] = connections[told.order.door]["id"]
        found = self._demo.api.get("/v1/orders", **query)["items"]
        return found[0] if found else None

    def _pages(self, path: str) -> Iterable[Any]:
        query = {"limit": "100"}
        while True:
            page = self._demo.api.get(path, **query)
            yield from page["items"]
            if not page["next_cursor"]:
                return
            query["cursor"] = page["next_cursor"]


def _order_of(delivery: Delivery) -> str:
    return delivery.order.external_id


def _shown(order: dict[str, Any]) -> Books | None:
    if order["base"] is None:
        return None
    return Books(order["status"], order["base"]["amount"], order["refunded_base"]["amount"])

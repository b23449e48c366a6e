"""Orders, refunds and decisions that come by REST: stored like any delivery, and settled before they are answered."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from vouch.domain import commission, ids
from vouch.domain.errors import NotFound, Unavailable, Unprocessable, VouchError
from vouch.domain.facts import PlacedAtChanged, Snapshot, fingerprint, repeats
from vouch.domain.money import OutOfRange
from vouch.platforms import rest
from vouch.platforms.base import Reading, Request, Unreadable
from vouch.service import listings
from vouch.service import orders as settling
from vouch.service.deployment import Deployment
from vouch.service.mint import Mint
from vouch.service.orders import Target
from vouch.store import connections, inbox, orders
from vouch.store.inbox import Door
from vouch.store.orders import StoredOrder
from vouch.store.tables import Brand, Order


@dataclass(frozen=True, slots=True)
class Submitted:
    """The order as it now stands; `created` where the request brought something that was not known before.

    `waits`: a click that the order names is still on its way, and what was brought will be settled within minutes. Till
    then `order` is as it was before, None where nothing was known of it.
    """

    order_id: str
    external_id: str
    connection_id: str | None
    order: Order | None
    created: bool
    waits: bool


class Submissions:
    """One brand's REST door."""

    def __init__(self, deployment: Deployment, brand: Brand, mint: Mint) -> None:
        self._deployment = deployment
        self._brand = brand
        self._mint = mint

    def order(self, connection_id: str | None, body: Mapping[str, Any]) -> Submitted:
        """A new order, or a newer word on one. Raises NotFound for a connection that is not the brand's."""
        door = self._door(connection_id)
        order_id = orders.order_id(self._brand.id, door.connection_id, body["external_id"])
        known = orders.load(self._deployment.database, self._brand.id, order_id)
        created = known is None or known.facts.snapshot is None
        said_at = self._said_at(door, body, known)
        return self._submit(door, "order", body, known, order_id, said_at=said_at, created=created)

    def refund(self, order_id: str, body: Mapping[str, Any]) -> Submitted:
        """A refund of an order that is known, in its currency."""
        known = listings.whole_order(self._deployment, self._brand, order_id)
        _check_lines(known, body)
        said = {"order_id": known.external_id, **body}
        created = ("refund", body["external_id"]) not in known.facts.events
        return self._submit(
            self._door_of(known), "refund", said, known, order_id, said_at=self._mint.at, created=created
        )

    def decision(self, order_id: str, body: Mapping[str, Any], *, actor: str) -> Submitted:
        """The brand's word on an order, which knows the refunds that are known now.

        A repeat that knows others is a decision of its own: what the first let pass stays so.
        """
        known = listings.whole_order(self._deployment, self._brand, order_id)
        snapshot = known.facts.snapshot
        unclear = commission.unclear_refunds(known.facts, snapshot) if snapshot else []
        seen = [fingerprint(refund) for refund in unclear]
        decision_id = ids.derived("dec_", self._mint.id("dec_"), *seen)
        said = {"order_id": known.external_id, "id": decision_id, "actor": actor, "refunds": seen, **body}
        return self._submit(
            self._door_of(known), "decision", said, known, order_id, said_at=self._mint.at, created=True
        )

    def _submit(
        self,
        door: Door,
        kind: rest.Kind,
        body: Mapping[str, Any],
        known: StoredOrder | None,
        order_id: str,
        *,
        said_at: datetime,
        created: bool,
    ) -> Submitted:
        request = Request({}, rest.envelope(kind, said_at, body))
        now = self._deployment.now()
        self._check(door, request, known, now)
        item = inbox.delivery(
            door,
            request.headers,
            request.body,
            platform_delivery_id=self._mint.id("req_"),
            subject=rest.subject(request),
            kept=rest.KEPT_HEADERS,
            now=now,
        )
        inbox.put(self._deployment.database, lambda: self._deployment.s3, item)
        outcome = settling.settle_delivery(self._deployment, item)
        if outcome.ending == "parked":
            # It was sound a moment ago. Since it is stored it may take effect yet, so it is not refused: it failed.
            raise VouchError if outcome.reason == "defect" else Unavailable
        order, waits = orders.state(self._deployment.database, self._brand.id, order_id), outcome.ending == "deferred"
        if order is None and not waits:
            raise Unavailable
        external_id = body["order_id"] if known and kind != "order" else body["external_id"]
        return Submitted(order_id, external_id, door.connection_id, order, created, waits)

    def _said_at(self, door: Door, body: Mapping[str, Any], known: StoredOrder | None) -> datetime:
        """Now; of a repeat of what is known, the time of that: it says nothing newer, and changes nothing."""
        if known is None or known.facts.snapshot is None or "updated_at" in body:
            return self._mint.at
        try:
            reading = self._read(door, Request({}, rest.envelope("order", self._mint.at, body)))
        except Unreadable:
            return self._mint.at
        again = [fact for fact in reading.facts if isinstance(fact, Snapshot)]
        if any(repeats(snapshot, known.facts.snapshot) for snapshot in again):
            return known.facts.snapshot.updated_at
        return self._mint.at

    def _read(self, door: Door, request: Request) -> Reading:
        names = settling.pseudonym(self._deployment, door.brand_id, door.platform, door.connection_id)
        return rest.facts(request, names)

    def _check(self, door: Door, request: Request, known: StoredOrder | None, now: datetime) -> None:
        """Refuses what would be parked, before anything is stored: what was refused never takes effect."""
        try:
            reading = self._read(door, request)
            order = (door.brand_id, door.mode, door.connection_id, reading.external_id, door.only_program)
            settling.rehearse(self._deployment, Target(*order), known, reading.facts, now)
        except Unreadable as refusal:
            raise Unprocessable("invalid_order", detail=refusal.detail) from None
        except PlacedAtChanged as refusal:
            raise Unprocessable("placed_at_changed", param="occurred_at", detail=str(refusal)) from None
        except OutOfRange:
            raise Unprocessable("invalid_order", detail="the order's sums are no amounts any more") from None

    def _door(self, connection_id: str | None) -> Door:
        if connection_id is None:
            return Door(self._brand.id, self._brand.mode, inbox.REST)
        connection = connections.connection(self._deployment.database, self._brand.id, connection_id)
        if connection is None:
            raise NotFound(param="connection_id")
        return Door(self._brand.id, self._brand.mode, inbox.REST, connection.id, connection.program_id)

    def _door_of(self, known: StoredOrder) -> Door:
        return Door(self._brand.id, self._brand.mode, inbox.REST, known.connection_id, known.context.only_program)


def _check_lines(known: StoredOrder, body: Mapping[str, Any]) -> None:
    """A line that the order does not have would take nothing back, without a word."""
    lines = {line.id for line in known.facts.snapshot.lines} if known.facts.snapshot else set()
    for place, line in enumerate(body.get("lines", ())):
        if known.facts.snapshot and line["id"] not in lines:
            raise Unprocessable("unknown_line", param=f"lines.{place}.id")

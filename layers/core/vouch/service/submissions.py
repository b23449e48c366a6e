"""Orders and what is said of them by REST: stored like any delivery, and settled before it is answered."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Literal

from vouch.domain import commission, ids, times
from vouch.domain.errors import NotFound, Unavailable, Unprocessable, VouchError
from vouch.domain.facts import Decision, Fact, PlacedAtChanged, Snapshot, fingerprint, repeats
from vouch.domain.money import OutOfRange
from vouch.domain.settlement import RateMissing
from vouch.domain.terms import number_in_force
from vouch.platforms import rest
from vouch.platforms.base import Reading, Request, Unreadable
from vouch.service import deliveries, listings, promises
from vouch.service import orders as settling
from vouch.service.deliveries import Outcome
from vouch.service.deployment import Deployment
from vouch.service.mint import Mint
from vouch.service.orders import Contended, Target
from vouch.service.queues import FIRST_SECONDS
from vouch.service.volumes import SealNotDue
from vouch.store import connections, creators, inbox, orders, programs
from vouch.store.inbox import Door
from vouch.store.orders import StoredOrder
from vouch.store.tables import Brand, Order

_ENROLMENTS_MAX = 1_000
SAYS_WHY: Final = {
    "amount_out_of_range",
    "discount_above_price",
    "duplicate_line",
    "from_the_future",
    "refund_of_nothing",
    "tax_above_amount",
}
"""Reasons for which nothing can be read that callers are told; the rest no body of a right shape meets."""


@dataclass(frozen=True, slots=True)
class Submitted:
    """The order as it now stands; `created` where the request brought something that was not known before.

    `awaited` is what is not there yet. Till it is, `order` is as it was before, None where nothing was known of it.
    What comes by itself, such as the record of a click that the order names, is tried again after `again_in` seconds;
    None for a rate: the brand has to give it, and to redrive the delivery.
    """

    order_id: str
    external_id: str
    connection_id: str | None
    order: Order | None
    created: bool
    awaited: str | None
    again_in: int | None


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
        said_at = self._said_at(door, "order", body, known)
        return self._submit(door, "order", body, known, order_id, said_at=said_at, created=created)

    def described(self, connection_id: str | None, body: Mapping[str, Any]) -> tuple[Door, Snapshot]:
        """The order that a body says, as what came in would be read; nothing is stored.

        Raises NotFound for a connection that is not the brand's, and Unprocessable for what is no order.
        """
        door = self._door(connection_id)
        try:
            [fact] = self._read(door, Request({}, rest.envelope("order", self._mint.at, body))).facts
        except Unreadable as refusal:
            raise _refused(refusal) from None
        if not isinstance(fact, Snapshot):
            raise TypeError(f"an order is read as a {fact.kind}")
        return door, fact

    def refund(self, order_id: str, body: Mapping[str, Any]) -> Submitted:
        """A refund of an order that is known, in its currency."""
        known = listings.whole_order(self._deployment, self._brand, order_id)
        _check_lines(known, body)
        return self._event("refund", known, body)

    def dispute(self, order_id: str, body: Mapping[str, Any]) -> Submitted:
        """A dispute of an order that is known, in its currency, or a newer word on one."""
        return self._event("dispute", listings.whole_order(self._deployment, self._brand, order_id), body)

    def decision(self, order_id: str, body: Mapping[str, Any], *, actor: str) -> Submitted:
        """The brand's word on an order, which knows the refunds that are known now.

        A repeat that knows others is a decision of its own: what the first let pass stays so. Raises NotFound for a
        creator or a program that is not the brand's, Unprocessable for a creator whom no terms could pay.
        """
        known = listings.whole_order(self._deployment, self._brand, order_id)
        if "creator_id" in body:
            body = {**body, "program_id": self._program_of(known, body["creator_id"], body.get("program_id"))}
        if "amount" in body:
            body = {**body, "currency": self._currency_of(known, body["creator_id"], body["program_id"])}
        snapshot = known.facts.snapshot
        unclear = commission.unclear_refunds(known.facts, snapshot) if snapshot else []
        seen = [fingerprint(refund) for refund in unclear]
        decision_id = ids.derived("dec_", self._mint.id("dec_"), *seen)
        said = {"order_id": known.external_id, "id": decision_id, "actor": actor, "refunds": seen, **body}
        door = self._door_of(known)
        said_at = self._said_at(door, "decision", said, known)
        return self._submit(door, "decision", said, known, order_id, said_at=said_at, created=True)

    def _event(self, kind: Literal["refund", "dispute"], known: StoredOrder, body: Mapping[str, Any]) -> Submitted:
        door, said = self._door_of(known), {"order_id": known.external_id, **body}
        said_at = self._said_at(door, kind, said, known)
        created = (kind, body["external_id"]) not in known.facts.events
        return self._submit(door, kind, said, known, known.id, said_at=said_at, created=created)

    def _program_of(self, known: StoredOrder, creator_id: str, said: str | None) -> str:
        """By whose terms the order pays a creator whom the brand names.

        The program that the brand says; else the one by which the creator earns from the order already; else the
        order's own, or the creator's oldest.
        """
        database, snapshot = self._deployment.database, known.facts.snapshot
        if creators.creator(database, self._brand.id, creator_id) is None:
            raise NotFound(param="creator_id")
        if snapshot is None:
            raise Unprocessable("order_unknown_yet")
        program_id = said or self._usual_program_of(known, creator_id)
        program = programs.program(database, self._brand.id, program_id)
        if program is None:
            raise NotFound(param="program_id")
        if said is not None:
            enrolment = database.get(*creators.enrolment_key(self._brand.id, creator_id, said))
            if enrolment is None or not enrolment.active:
                raise Unprocessable("not_enrolled", param="program_id")
        if number_in_force(program.versions, snapshot.placed_at) is None:
            raise Unprocessable("no_terms", param="program_id", placed_at=times.short(snapshot.placed_at))
        return program_id

    def _usual_program_of(self, known: StoredOrder, creator_id: str) -> str:
        settlement = settling.recompute(self._deployment, known)
        for earning in settlement.earnings:
            if earning.creator_id == creator_id:
                return earning.program_id
        enrolled = creators.enrolments(
            self._deployment.database, self._brand.id, creator_id, limit=_ENROLMENTS_MAX, after=None
        )
        members = [each for each in enrolled if each.active]
        lead = settlement.lead.program_id if settlement.lead else None
        oldest = min(
            members, key=lambda each: (each.program_id != lead, each.created_at, each.program_id), default=None
        )
        if oldest is None:
            raise Unprocessable("not_enrolled", param="creator_id")
        return oldest.program_id

    def _currency_of(self, known: StoredOrder, creator_id: str, program_id: str) -> str:
        """In what the creator earns from the order, or would by that program's terms."""
        for earning in settling.recompute(self._deployment, known).earnings:
            if earning.creator_id == creator_id:
                return earning.currency
        snapshot = known.facts.snapshot
        program = programs.program(self._deployment.database, self._brand.id, program_id)
        if snapshot is None or program is None:
            raise NotFound(param="program_id")
        key = program_id, number_in_force(program.versions, snapshot.placed_at) or 0
        return promises.terms_of(self._deployment, self._brand.id, [key])[key].convert_to or snapshot.currency

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
        self._check(door, request, body, known, now)
        item = inbox.delivery(
            door,
            request.headers,
            request.body,
            platform_delivery_id=self._mint.id("req_"),
            subject=rest.subject(request),
            kept=rest.PLATFORM.kept_headers,
            now=now,
        )
        inbox.put(self._deployment.database, lambda: self._deployment.s3, item)
        try:
            outcome = deliveries.settle_delivery(self._deployment, item)
        except Contended:
            outcome = Outcome("deferred", order_id, "awaiting_turn")  # the stream brings what is stored
        if outcome.ending == "parked" and outcome.reason != settling.RATE_MISSING:
            # It was sound a moment ago. Since it is stored it may take effect yet, so it is not refused: it failed.
            raise VouchError if outcome.reason == "defect" else Unavailable
        order = orders.state(self._deployment.database, self._brand.id, order_id)
        awaited = outcome.reason if outcome.ending in ("parked", "deferred") else None
        again_in = FIRST_SECONDS if outcome.ending == "deferred" else None
        if order is None and awaited is None:
            raise Unavailable
        external_id = body["order_id"] if known and kind != "order" else body["external_id"]
        return Submitted(order_id, external_id, door.connection_id, order, created, awaited, again_in)

    def _said_at(self, door: Door, kind: rest.Kind, body: Mapping[str, Any], known: StoredOrder | None) -> datetime:
        """Now; of a repeat of what is known, the time of that: it says nothing newer, and changes nothing.

        Now is by the brand's own clock. One that was set stands still, so what has to be newer than something that is
        not before it comes right after that.
        """
        if known is None or "updated_at" in body:
            return self._now
        try:
            [fact] = self._read(door, Request({}, rest.envelope(kind, self._mint.at, body))).facts
        except Unreadable:
            return self._now
        before = _known(known, fact)
        if before is not None:
            return before.updated_at
        if not self._brand.clock:
            return self._now
        return max([self._now, *(earlier.updated_at + datetime.resolution for earlier in _earlier(known, fact))])

    @property
    def _now(self) -> datetime:
        return self._deployment.brand_now(self._brand) if self._brand.clock else self._mint.at

    def _read(self, door: Door, request: Request) -> Reading:
        names = deliveries.pseudonym(self._deployment, door.brand_id, door.platform, door.connection_id)
        return rest.facts(request, names)

    def _check(
        self, door: Door, request: Request, body: Mapping[str, Any], known: StoredOrder | None, now: datetime
    ) -> None:
        """Refuses what nothing could ever settle, before anything is stored: what was refused never takes effect."""
        try:
            reading = self._read(door, request)
            order = (door.brand_id, door.mode, door.connection_id, reading.external_id, door.only_program)
            settling.rehearse(self._deployment, Target(*order), known, reading.facts, now)
        except (SealNotDue, RateMissing):
            return  # once it is stored it waits, which is no refusal
        except Unreadable as refusal:
            raise _refused(refusal) from None
        except PlacedAtChanged as refusal:
            known_at, said_at = times.short(refusal.known), times.short(refusal.said)
            raise Unprocessable("placed_at_changed", param="occurred_at", known=known_at, said=said_at) from None
        except OutOfRange:
            raise Unprocessable("amount_out_of_range", param="amount" if "amount" in body else None) from None

    def _door(self, connection_id: str | None) -> Door:
        if connection_id is None:
            return Door(self._brand.id, self._brand.mode, inbox.REST)
        connection = connections.connection(self._deployment.database, self._brand.id, connection_id)
        if connection is None:
            raise NotFound(param="connection_id")
        return Door(self._brand.id, self._brand.mode, inbox.REST, connection.id, connection.program_id)

    def _door_of(self, known: StoredOrder) -> Door:
        return Door(self._brand.id, self._brand.mode, inbox.REST, known.connection_id, known.context.only_program)


def _refused(refusal: Unreadable) -> Unprocessable:
    """What cannot be read, in the caller's words, and where in the request's own body."""
    param = ".".join(map(str, refusal.path[1:])) or None  # the first step is into our envelope
    if refusal.reason in SAYS_WHY:
        return Unprocessable(refusal.reason, param=param)
    return Unprocessable("invalid_order", param=param)


def _known(order: StoredOrder, fact: Fact) -> Fact | None:
    """What is known of the order that says what this fact says, at whatever time."""
    if isinstance(fact, Snapshot):
        told = order.facts.told
        return told if told is not None and repeats(fact, told) else None
    known = order.facts.events.get((fact.kind, fact.id))
    return known if known is not None and known == replace(fact, updated_at=known.updated_at) else None


def _earlier(order: StoredOrder, fact: Fact) -> list[Fact]:
    """What is known of the order that this fact has to be newer than to count."""
    if isinstance(fact, Decision):
        return [event for event in order.facts.events.values() if isinstance(event, Decision)]
    known: Fact | None = order.facts.told
    if not isinstance(fact, Snapshot):
        known = order.facts.events.get((fact.kind, fact.id))
    return [] if known is None else [known]


def _check_lines(known: StoredOrder, body: Mapping[str, Any]) -> None:
    """A line that the order does not have would take nothing back, without a word."""
    lines = {line.id for line in known.facts.snapshot.lines} if known.facts.snapshot else set()
    for place, line in enumerate(body.get("lines", ())):
        if known.facts.snapshot and line["id"] not in lines:
            raise Unprocessable("unknown_line", param=f"lines.{place}.id")

"""Orders, what became of them and why, as the API takes and shows them."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from vouch.domain import times
from vouch.domain.attribution import Candidate
from vouch.domain.money import AMOUNT_MAX
from vouch.domain.settlement import LinePart, Settlement, Standing
from vouch.store.tables import Commission, Order, Parked
from vouch.wire.base import Answer, Body, Currency, Id, Moment, Money, Shown, Text

LINES_MAX = 5000
LINES_SHOWN_MAX = 5000
"""What an explanation shows: 5 000 lines shared by ten creators would not fit the 6 MB of Lambda's answers."""
Status = Literal["open", "paid", "cancelled", "refunded", "test", "parked"]
CommissionStatus = Literal["pending", "available", "held", "reversed", "none"]
ExternalId = Annotated[str, Field(min_length=1, max_length=255)]
Price = Annotated[int, Field(ge=0, le=AMOUNT_MAX, description="Minor units of the order's currency")]
Quantity = Annotated[int, Field(ge=0, le=10**9)]
Words = Annotated[list[Annotated[str, Field(max_length=255)]], Field(max_length=250)]


class NewLine(Body):
    """One line as sold. `discount` and `tax` are the whole line's; `tax` is inside the price if `tax_included`."""

    id: ExternalId
    quantity: Quantity
    unit_price: Price
    discount: Price = 0
    tax: Price = 0
    sku: Annotated[str, Field(max_length=255)] | None = None
    product_id: Annotated[str, Field(max_length=255)] | None = None
    tags: Words = Field(default_factory=list)
    collections: Words = Field(default_factory=list)
    gift_card: bool = False


class Buyer(Body):
    """Who bought: kept as a pseudonym only."""

    email: Annotated[str, Field(max_length=320)] | None = None
    id: Annotated[str, Field(max_length=255)] | None = None
    new: bool | None = None


class NewOrder(Body):
    """An order; the same `external_id` again is a newer word on it."""

    external_id: ExternalId
    occurred_at: Moment
    currency: Currency
    lines: Annotated[list[NewLine], Field(max_length=LINES_MAX)]
    connection_id: Id | None = None
    updated_at: Moment | None = None
    codes: Words = Field(default_factory=list)
    click_ids: Words = Field(default_factory=list)
    customer: Buyer | None = None
    status: Literal["open", "paid", "refunded", "cancelled"] = "paid"
    country: Annotated[str, Field(pattern="^[A-Za-z]{2}$")] | None = None
    shipping: Price = 0
    shipping_tax: Price = 0
    tip: Price = 0
    tax_included: bool = False
    test: bool = False


class NewRefundLine(Body):
    """Part of a refund; without `amount` it takes its part of the line by quantity.

    `amount` is in the terms of the order's prices: with tax if `tax_included`. `tax` is the tax in it or on it; where
    it is not said, it is in proportion to the line's.
    """

    id: ExternalId
    quantity: Quantity
    amount: Price | None = None
    tax: Price | None = None


class NewRefund(Body):
    """A refund of lines, or of an amount that names none, in the terms of the order's prices; without shipping."""

    external_id: ExternalId
    lines: Annotated[list[NewRefundLine], Field(default_factory=list, max_length=LINES_MAX)]
    amount: Price = 0
    updated_at: Moment | None = None


class NewDecision(Body):
    """`hold` until `approve`, or `reject`: the order earns nothing, for good."""

    kind: Literal["hold", "approve", "reject"]
    reason: Annotated[Text, Field(min_length=1)]


class OrderCommission(Answer):
    """One creator's part of an order."""

    creator_id: str
    program_id: str
    status: CommissionStatus
    earned: Money
    reversed: Money
    net: Money
    matures_at: Shown


class OrderShown(Answer):
    """An order as it stands. `reason` says why it earns nobody anything, or why that was taken back."""

    id: str
    external_id: str
    connection_id: str | None
    platform: str | None
    status: Status
    reason: str | None
    placed_at: Shown | None
    currency: str | None
    base: Money | None
    refunded_base: Money | None
    commissions: list[OrderCommission]
    version: int


class CommissionShown(OrderCommission):
    """A creator's part of an order, by itself."""

    order_id: str
    placed_at: Shown


class CandidateShown(Answer):
    """A touch and what became of it; nobody's (`creator_id` null) where it names no creator of the brand."""

    creator_id: str | None
    program_id: str | None
    kind: Literal["click", "code"]
    at: Shown | None
    evidence: str
    outcome: Literal["credited", "shared", "lost"]
    reason: str | None
    share_bps: int | None


class LineShown(Answer):
    """What a line earned whom: `rule` counts from 0 in the terms' `rules`; `kept` is what refunds left of the two."""

    id: str
    creator_id: str | None
    base: Money
    rule: int | None
    bps: int | None
    commission: Money
    kept_base: Money
    kept_commission: Money


class Explanation(Answer):
    """Why an order was credited as it was: every candidate, and every line, the first 5 000 of `lines_total`."""

    order_id: str
    status: Status
    reason: str | None
    candidates: list[CandidateShown]
    lines: list[LineShown]
    lines_total: int
    terms_version: int | None
    program_id: str | None
    hold_until: Shown | None


class Posted(Answer):
    """What stands in the ledger for an order and a creator."""

    creator_id: str
    account: Literal["earned", "held"]
    amount: Money
    matures_at: Shown


class Replay(Answer):
    """What is posted, and what settling again from the facts says."""

    order_id: str
    posted: list[Posted]
    recomputed: list[Posted]
    equal: bool


class DeliveryShown(Answer):
    """A delivery that could not become facts."""

    id: str
    status: Literal["parked"]
    connection_id: str | None
    topic: str | None
    reason: str
    detail: str
    received_at: Shown
    parked_at: Shown


class Redriven(Answer):
    """How a parked delivery ended when it was settled once more."""

    id: str
    status: Literal["applied", "unchanged", "ignored", "parked", "deferred"]
    order_id: str | None
    reason: str | None
    detail: str | None


def shown_order(order: Order, now: datetime) -> OrderShown:
    summary = order.summary
    currency = summary["currency"]
    return OrderShown(
        id=order.id,
        external_id=order.external_id,
        connection_id=order.connection_id,
        platform=summary["platform"],
        status=summary["status"],
        reason=summary["reason"],
        placed_at=summary["placed_at"],
        currency=currency,
        base=Money(amount=summary["base"], currency=currency) if currency else None,
        refunded_base=Money(amount=summary["refunded_base"], currency=currency) if currency else None,
        commissions=[OrderCommission(**_commission(leg, currency, now)) for leg in summary["legs"]],
        version=order.version,
    )


def awaited_order(order_id: str, external_id: str, connection_id: str | None) -> OrderShown:
    """An order that was stored and waits for the record of a click that it names."""
    return OrderShown(
        id=order_id,
        external_id=external_id,
        connection_id=connection_id,
        platform=None,
        status="parked",
        reason="awaiting_click",
        placed_at=None,
        currency=None,
        base=None,
        refunded_base=None,
        commissions=[],
        version=0,
    )


def shown_commissions(order: Order, now: datetime) -> list[CommissionShown]:
    summary = order.summary
    return [
        CommissionShown(**_commission(leg, summary["currency"], now), order_id=order.id, placed_at=summary["placed_at"])
        for leg in summary["legs"]
    ]


def shown_commission(item: Commission, now: datetime) -> CommissionShown:
    leg = {
        name: getattr(item, name) for name in ("creator_id", "program_id", "earned", "reversed", "held", "matures_at")
    }
    return CommissionShown(**_commission(leg, item.currency, now), order_id=item.order_id, placed_at=item.placed_at)


def _commission(leg: dict[str, Any], currency: str, now: datetime) -> dict[str, Any]:
    net = leg["earned"] - leg["reversed"]
    return {
        "creator_id": leg["creator_id"],
        "program_id": leg["program_id"],
        "status": _status(leg, net, now),
        "earned": Money(amount=leg["earned"], currency=currency),
        "reversed": Money(amount=leg["reversed"], currency=currency),
        "net": Money(amount=net, currency=currency),
        "matures_at": leg["matures_at"],
    }


def _status(leg: dict[str, Any], net: int, now: datetime) -> CommissionStatus:
    if net == 0:
        return "reversed" if leg["earned"] else "none"
    if leg["held"]:
        return "held"
    return "pending" if times.parse(leg["matures_at"]) > now else "available"


def explanation(order_id: str, settlement: Settlement, placed_at: datetime | None) -> Explanation:
    legs = settlement.legs
    return Explanation(
        order_id=order_id,
        status=settlement.status,
        reason=settlement.reason,
        candidates=[_candidate(candidate, placed_at) for candidate in settlement.candidates],
        lines=[_line(line, settlement.currency or "") for line in settlement.lines[:LINES_SHOWN_MAX]],
        lines_total=len(settlement.lines),
        terms_version=legs[0].terms_version if legs else None,
        program_id=legs[0].program_id if legs else None,
        hold_until=times.text(max(leg.matures_at for leg in legs)) if legs else None,
    )


def _candidate(candidate: Candidate, placed_at: datetime | None) -> CandidateShown:
    touch = candidate.touch
    at = placed_at if touch.kind == "code" else touch.at
    return CandidateShown(
        creator_id=touch.creator_id,
        program_id=touch.program_id,
        kind=touch.kind,
        at=times.text(at) if at else None,
        evidence=touch.evidence,
        outcome=candidate.outcome,
        reason=candidate.reason,
        share_bps=candidate.share_bps,
    )


def _line(line: LinePart, currency: str) -> LineShown:
    rating = line.rating
    return LineShown(
        id=rating.basis.line_id,
        creator_id=line.creator_id,
        base=Money(amount=rating.basis.base, currency=currency),
        rule=rating.rule,
        bps=rating.reward.bps if rating.reward and rating.reward.type == "percent" else None,
        commission=Money(amount=line.commission, currency=currency),
        kept_base=Money(amount=rating.basis.kept_base, currency=currency),
        kept_commission=Money(amount=line.kept_commission, currency=currency),
    )


def standing(posted: Standing) -> list[Posted]:
    return [
        Posted(
            creator_id=creator,
            account="held" if part == "held" else "earned",
            amount=Money(amount=amount, currency=currency),
            matures_at=times.text(matures_at),
        )
        for (creator, part, currency, matures_at), amount in sorted(posted.items())
    ]


def delivery(note: Parked) -> DeliveryShown:
    return DeliveryShown(
        id=note.delivery_id,
        status="parked",
        connection_id=note.connection_id,
        topic=note.topic,
        reason=note.reason,
        detail=note.detail,
        received_at=note.received_at,
        parked_at=note.parked_at,
    )

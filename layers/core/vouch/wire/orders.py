"""Orders, what became of them and why, as the API takes and shows them."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from vouch.domain.money import AMOUNT_MAX
from vouch.wire.base import Answer, Body, Currency, ExternalId, Id, Moment, Money, Shown, Text

LINES_MAX = 5000
Status = Literal["open", "paid", "cancelled", "refunded", "test", "parked"]
CommissionStatus = Literal["pending", "available", "held", "reversed", "none"]
Price = Annotated[int, Field(ge=0, le=AMOUNT_MAX, description="Minor units of the order's currency")]
Quantity = Annotated[int, Field(ge=0, le=10**9)]
Word = Annotated[str, Field(max_length=255)]
Words = Annotated[list[Word], Field(max_length=250)]


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
    """Who bought: kept as pseudonyms only.

    `messenger_id` and `instagram_id` are the ids by which the brand's page knows who wrote to it.
    """

    email: Annotated[str, Field(max_length=320)] | None = None
    id: Annotated[str, Field(max_length=255)] | None = None
    new: bool | None = None
    messenger_id: Word | None = None
    instagram_id: Word | None = None


class PlatformHandles(Body):
    """Whom the platform itself names as the creator, by their name there."""

    instagram: Word | None = None
    tiktok: Word | None = None


class Subscription(Body):
    """What an order pays for that pays for a subscription; `started_at` is the same on each of its payments."""

    id: ExternalId
    started_at: Moment


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
    handles: PlatformHandles | None = None
    customer: Buyer | None = None
    subscription: Subscription | None = None
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
    """A refund of lines, or of an amount that names none, in the terms of the order's prices; without shipping.

    One that `failed` after all takes nothing back; it may come without lines and amount.
    """

    external_id: ExternalId
    lines: Annotated[list[NewRefundLine], Field(default_factory=list, max_length=LINES_MAX)]
    amount: Price = 0
    failed: bool = False
    updated_at: Moment | None = None


class NewDispute(Body):
    """A buyer's bank asks for money back; the same `external_id` again is a newer word on it.

    The order is held while the dispute is open. One that is lost takes its amount back, tax and all, or all of the
    order where it has none; one that is won takes nothing.
    """

    external_id: ExternalId
    status: Literal["open", "lost", "won"]
    amount: Annotated[int, Field(ge=1, le=AMOUNT_MAX, description="Minor units of the order's currency")] | None = None
    updated_at: Moment | None = None


class NewDecision(Body):
    """`hold` until `approve`, or `reject`: the order earns nothing, for good.

    An order with a refund in another currency waits for `approve`, too, which lets pass the refunds known by then.

    `reassign`: all of the order is that creator's, under the terms that the program had when it was placed. `adjust`:
    of this order the creator has this amount, in the currency in which they earn from it, whatever comes; the newest
    counts for each creator. Where no program is said it is the one under which the creator earns from the order, or
    else the order's own if they are enrolled in it, or else their oldest.
    """

    kind: Literal["hold", "approve", "reject", "reassign", "adjust"]
    reason: Annotated[Text, Field(min_length=1)]
    creator_id: Id | None = None
    program_id: Id | None = None
    amount: Annotated[int, Field(ge=0, le=AMOUNT_MAX, description="Minor units")] | None = None

    @model_validator(mode="after")
    def _has_what_its_kind_needs(self) -> Self:
        names_somebody = self.kind in ("reassign", "adjust")
        needed = {"creator_id": names_somebody, "amount": self.kind == "adjust"}
        for field, is_taken in (needed | {"program_id": names_somebody}).items():
            given = getattr(self, field) is not None
            facts = {"at": (field,), "beside": "kind", "value": self.kind}
            if needed.get(field) and not given:
                raise PydanticCustomError("needs_field", "a field is missing", facts)
            if given and not is_taken:
                raise PydanticCustomError("needless_field", "a field too many", facts)
        return self


class OrderCommission(Answer):
    """One creator's part of an order."""

    creator_id: str
    program_id: str
    status: CommissionStatus
    earned: Money
    reversed: Money
    net: Money
    matures_at: Shown


class Order(Answer):
    """An order as it stands. `reason` says why it earns nobody anything, or why that was taken back or is held."""

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


class CommissionInList(OrderCommission):
    """A creator's part of an order, also of one who is credited no longer: then it is `reversed`."""

    order_id: str
    placed_at: Shown


class Posting(Answer):
    """What stands in the ledger for an order and a creator."""

    creator_id: str
    account: Literal["earned", "held"]
    amount: Money
    matures_at: Shown


class Replay(Answer):
    """What is posted, and what settling again from the facts says.

    `reason` where they differ: `unfinished`, some of it is still to be posted, which is tried again by itself.
    """

    order_id: str
    posted: list[Posting]
    recomputed: list[Posting]
    equal: bool
    reason: Literal["unfinished"] | None


class Delivery(Answer):
    """A delivery that could not become facts, or that waits for what its order needs."""

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

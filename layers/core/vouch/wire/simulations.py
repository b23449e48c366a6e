"""Terms on trial: replays and simulations of ranges of orders, and previews of terms on a sample order."""

from typing import Annotated, Literal

from pydantic import Field

from vouch.wire.base import Answer, Body, Currency, ExternalId, Id, Moment, Shown
from vouch.wire.orders import NewOrder, Posting
from vouch.wire.programs import NewTerms, Platform, Terms

Unsettled = Literal["rate_missing", "amount_out_of_range", "awaiting_volume", "defect", "unreadable", "unfinished"]
"""Why an order could not be settled: see `vouch.service.trials`; or its items could not be read, or not all of it is
posted yet."""
Draft = Annotated[NewTerms, Field(description="As they would be published; `effective_from` changes nothing here")]


class Range(Body):
    """The orders that were placed in `[from, to)`."""

    start: Moment = Field(alias="from")
    end: Moment = Field(alias="to")


class NewReplay(Range):
    cursor: Annotated[str | None, Field(max_length=1000)] = Field(None, description="`next_cursor` of the part before")


class Different(Answer):
    """An order whose settlement is not what is posted. `recomputed` null: it cannot be settled again; see `reason`.

    `reason` `unfinished`: it differs because not all of it is posted yet, which is tried again by itself.
    """

    order_id: str
    posted: list[Posting]
    recomputed: list[Posting] | None
    reason: Unsettled | None


class RangeReplay(Answer):
    """How many `orders` were settled again, the newest first, and which of them `different`, a hundred at most.

    It is the whole range once `status` is `done`; until then the same request with `next_cursor` as `cursor` goes on.
    `equal`: none of these orders differs.
    """

    status: Literal["done", "partial"]
    orders: int
    equal: bool
    different: list[Different]
    next_cursor: str | None


class NewSimulation(Range):
    """The draft is what `POST /v1/programs/{id}/terms` would take, in force for all of these orders."""

    program_id: Id
    terms: Draft


class Sum(Answer):
    """A sum of amounts of many orders, in minor units."""

    amount: int
    currency: str


class Difference(Answer):
    """What it is now, what it would be, and what that adds."""

    before: Sum
    after: Sum
    delta: Sum


class CreatorDifference(Difference):
    """A creator's, under one program; under another than the simulated one, of those orders alone which change it."""

    creator_id: str
    program_id: str


class Progress(Answer):
    """How many `orders` are done: those placed from `back_to` on. `of` is how many there are, null until all are."""

    orders: int
    of_all: int | None = Field(alias="of")
    back_to: Shown


class Simulation(Answer):
    """`orders` were placed in `[from, to)`, `different` come to something else, `left_out` cannot be settled so.

    `total` is in the program's currency, and `totals` are in each, once it is done: all rows together. It is kept for
    30 days.
    """

    id: str
    program_id: str
    start: Shown = Field(alias="from")
    end: Shown = Field(alias="to")
    created_at: Shown
    status: Literal["running", "done", "failed"]
    progress: Progress
    orders: int
    different: int
    left_out: int
    total: Difference | None
    totals: list[Difference]


class SimulationResult(Simulation):
    """With its draft, and a thousand of its `rows` at a time, one per creator, program and currency."""

    terms: Terms
    creators: list[CreatorDifference]
    rows: int
    next_cursor: str | None


class Net(Answer):
    """What a creator has of an order."""

    creator_id: str
    program_id: str
    amount: Sum


class OrderDifference(Answer):
    """An order as it is posted and as it would be; `after` null: the draft cannot settle it, and `reason` says why."""

    order_id: str
    placed_at: Shown
    before: list[Net]
    after: list[Net] | None
    reason: Unsettled | None


class SampleOrder(NewOrder):
    """An order as `POST /v1/orders` takes it, without the need of a name, and of now if not said."""

    external_id: ExternalId = "sample"
    occurred_at: Moment | None = None  # type: ignore[assignment]  # an order has a time, a sample may leave it to us


class TermsPreview(Body):
    """A draft of a program's terms, or of those of a program in that `currency` which is yet to be, and an order.

    Where the order carries no evidence, it is taken for that of `creator_id`, or else of a creator who is none.
    """

    program_id: Id | None = None
    currency: Currency | None = None
    terms: Draft
    order: SampleOrder
    creator_id: Id | None = None
    customer: Literal["new", "returning"] | None = None
    platform: Platform | None = Field(None, description="As if it came from there")

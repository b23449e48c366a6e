"""Payout runs and payouts, as the API has them."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import Field

from vouch.domain.payouts import Status
from vouch.wire.base import Answer, Body, Currency, Id, Name, RailName, Shown


class NewRun(Body):
    """Whom to pay, and how; what is not said restricts nothing."""

    rail: Annotated[
        RailName | None,
        Field(
            description="Not said: the one that the payout settings name for the currency; else one that pays to the"
            " creator's method and can carry the payment; else the one in the programs' terms"
        ),
    ] = None
    currency: Currency | None = None
    creator_ids: Annotated[list[Id], Field(min_length=1, max_length=1000)] | None = None
    dry_run: bool = Field(default=False, description="Only lists what would be paid, and to whom not")


class Total(Answer):
    """The sums of a run's payouts in one currency, as they were reserved; `amount` = `withheld` + `net`."""

    currency: str
    amount: int
    withheld: int
    net: int


class RunProgress(Answer):
    """How far a run is: `creators` were looked at. They are listed in `chunks`, each of which is done by itself."""

    creators: int
    chunks: int
    chunks_reserved: int
    chunks_sent: int


class RunFile(Answer):
    """A file of the run and what is in it; until it is written what is reserved for it, or in a dry run would be.

    What failed before it was written is not in it.
    """

    rail: str
    currency: str
    part: int = Field(description="Many payments are in several files of a rail and a currency: 1, 2 …")
    payments: int = Field(description="How many")
    net: int = Field(description="Their sum, without the tax that is withheld: what the bank is to pay")
    name: str | None = Field(description="Null where it is still to be written, or never will: `dry_run`, `cancelled`")


class Run(Answer):
    """One paying of many creators.

    `completed`: all of it was handed to rails, in files or by calls; what became of each payout, the payouts say.
    """

    id: str
    status: Literal["preparing", "writing", "sending", "completed", "cancelled"]
    dry_run: bool
    rail: str | None
    currency: str | None
    payouts: int = Field(description="How many there are by now; of a dry run, would be")
    released: int = Field(description="So many of them were taken back, unsent, as the run was cancelled")
    left_out: int = Field(
        description="So many of them failed before their file was written, and are in none: each says why"
    )
    total: int | None = Field(
        description="Their sum in minor units, tax withheld included; null where they are in several currencies"
    )
    totals: list[Total]
    progress: RunProgress
    files: list[RunFile]
    scheduled_for: Shown | None = Field(description="The moment of the schedule that began it")
    created_at: Shown = Field(description="When it began, by the brand's clock")


class Outcome(Answer):
    """What a run makes of one creator in one currency: a payout, or the reason why there is none.

    `amount` is what is paid, or of a creator who is left out what they have. What of that would be `withheld` and
    `net` is not reckoned then, and null, but where tax takes all of it.
    """

    creator_id: str
    currency: str
    amount: int
    withheld: int | None
    net: int | None
    rail: str
    payout_id: str | None = Field(description="Null where there is none, as in a dry run")
    skipped: str | None = Field(examples=["below_minimum", "payout_method_missing"])


class RailAmount(Answer):
    """An amount as the rail has it, in minor units."""

    amount: int
    currency: str

    @classmethod
    def read(cls, pair: Sequence[Any] | None) -> Self | None:
        """As it is kept; null where there is none."""
        return cls(amount=pair[0], currency=pair[1]) if pair else None


class FailAsked(Answer):
    """One key's word, which waits for another's for seven days."""

    by: str = Field(description="The key")
    reason: str
    at: Shown = Field(description="In real time")

    @classmethod
    def read(cls, asked: Sequence[str] | None) -> Self | None:
        """As it is kept; null where nobody asked."""
        return cls(by=asked[0], reason=asked[1], at=asked[2]) if asked else None


class Payout(Answer):
    """One creator's amount of a run; `amount` = `withheld` + `net`."""

    id: str
    run_id: str
    creator_id: str
    amount: int
    withheld: int
    net: int
    currency: str
    rail: str
    status: Status
    reason: str | None = Field(description="Why it failed, came back or waits")
    destination: str | None = Field(description="Where it goes, as far as it may be shown")
    reference: str | None = Field(description="By which the bank or the rail knows it")
    carried: RailAmount | None = Field(
        description="What the rail says that it carries, where that is another amount than `net`: it is not booked"
    )
    came_back: RailAmount | None = Field(
        description="What the rail says was given back of it, where that is a part: it is not booked"
    )
    told_by: str | None = Field(
        description="The key of the person who said last what became of it; null: only the rail has"
    )
    fail_asked: FailAsked | None = Field(
        description="The first word that it failed, or came back, where that takes two: another key has to say the same"
    )
    created_at: Shown = Field(description="By the brand's clock, like `settled_at` and `returned_at`")
    settled_at: Shown | None
    returned_at: Shown | None = Field(description="When it came back")
    version: int = Field(description="Of all that is said here; `If-Match` has a word count for this one alone")


class Attempt(Answer):
    """A call of the rail that was about to be made, and the key that makes it one payment however often it is made."""

    at: Shown = Field(description="In real time, like all that is about calls")
    key: str


class PayoutInFull(Payout):
    attempts: list[Attempt]


class Settled(Body):
    reference: Annotated[Name, Field(description="The bank's, by which the payment can be found")]


class Failed(Body):
    reason: Name


PayoutStatus = Annotated[Status | None, Query()]

"""Rails' own statements, and how they are held against the books, as the API has it."""

from typing import Annotated, Literal

from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import Field

from vouch.domain.clearing import Step
from vouch.wire.base import Answer, Body, Currency, ExternalId, Id, Moment, Name, RailName, Shown, SomeAmount

Side = Literal["ledger", "statement"]
OfRail = Annotated[RailName, Query()]
OfCurrency = Annotated[Currency, Query()]
Start = Annotated[Moment | None, Query(alias="from")]
End = Annotated[Moment | None, Query(alias="to")]


class Line(Body):
    """One line of the rail's statement. What is paid out is below zero, what comes back above."""

    id: Annotated[ExternalId, Field(description="The rail's own, which no other line has")]
    at: Moment
    amount: SomeAmount
    currency: Currency
    reference: Annotated[
        Name | None,
        Field(description="What a payout was settled under, the rail's id of it, or a text with ours in it"),
    ] = None
    payout_id: Id | None = None
    step: Annotated[Step | None, Field(description="Not said: whatever of the payout has this amount")] = None


class RailStatement(Body):
    lines: Annotated[list[Line], Field(min_length=1, max_length=1000)]


class Taken(Answer):
    """What came of a statement: how many lines are new, and how many of all stand for a movement in the books.

    One that names a payout which is not settled by now is kept for it, and found once it is sent again after that.
    """

    lines: int
    new: int
    found: int


class Unmatched(Answer):
    """A movement of the books without a line, or a line of the statement without its movement."""

    side: Side
    id: str = Field(description="Of the entry in the ledger, or of the line")
    step: Step | None
    payout_id: str | None
    reference: str | None
    amount: int
    at: Shown
    age_days: int


class Clearing(Answer):
    """`cash:<rail>` of `[from, to)` by the books and by the rail, as far as this page goes: pages add up.

    Each side counts by its own dates, so what is matched across an end of the range is in the difference, too.
    """

    rail: str
    currency: str
    start: Shown | None = Field(alias="from")
    end: Shown | None = Field(alias="to")
    ledger_total: int
    statement_total: int
    difference: int = Field(description="What the books have more than the statement")
    matched: int = Field(description="How many movements of the books have their line")
    unmatched: list[Unmatched]
    next_cursor: str | None

"""What a person says of an account, as the API has it."""

from typing import Annotated, Literal

from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import Field

from vouch.wire.base import Answer, Body, Currency, Id, Name, Shown, SomeAmount

Status = Literal["posted", "pending_approval", "declined"]
ToldReason = Annotated[Name, Field(description="The creator reads it: it is in their statement")]
AdjustmentStatus = Annotated[Status | None, Query()]


class NewAdjustment(Body):
    """More for a creator, or less where `amount` is below zero; their balance may go below zero by it."""

    creator_id: Id
    amount: SomeAmount
    currency: Currency
    reason: ToldReason


class NewWriteoff(Body):
    """What a creator owes in this currency is forgiven, all of it."""

    creator_id: Id
    currency: Currency
    reason: ToldReason


class Reversal(Body):
    reason: ToldReason


class Adjustment(Answer):
    """What became available (or less so) by a person's word; `correction`: by taking another one back, to the unit.

    Keys are named by their ids.
    """

    id: str
    kind: Literal["adjustment", "writeoff", "correction"]
    creator_id: str
    amount: int | None = Field(description="Of a write-off that waits: null, it will be what is owed when it is posted")
    currency: str
    reason: str
    status: Status
    created_by: str
    approved_by: str | None = Field(description="Null also where none was needed")
    declined_by: str | None
    reverses: str | None = Field(description="What a correction takes back")
    reversed_by: str | None = Field(description="The correction that takes it back, or waits for an approval to do so")
    entry_id: str | None = Field(description="Its entry in the ledger, and in the statement")
    created_at: Shown
    posted_at: Shown | None

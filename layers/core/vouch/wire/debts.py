"""What creators owe, as the API has it."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import Field

from vouch.wire.base import Answer, Shown

Creators = Annotated[int, Query(ge=1, le=100, description="How many creators are looked at")]
CREATORS = 100


class Debt(Answer):
    """It is carried until earnings make up for it, or it is written off."""

    creator_id: str
    currency: str
    available: int = Field(description="Below zero, in minor units")
    owing_since: Shown = Field(description="The first fold or posting since when it has been below zero")
    days: int = Field(description="Whole days since then")
    as_of: Shown = Field(description="The moment up to which the account was folded")

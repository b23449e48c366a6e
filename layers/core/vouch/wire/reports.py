"""Reports over a whole brand: what a year brought each creator, and from which amounts on that is looked at."""

from typing import Annotated, Literal, Self

from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from vouch.domain.money import AMOUNT_MAX
from vouch.wire.accounts import Unchecked
from vouch.wire.base import Answer, Body, Currency, Name, Shown

_THRESHOLDS_MAX = 50

YearNumber = Annotated[int, Query(alias="year", ge=2000, le=2099, description="Where the brand is at home")]
CreatorLimit = Annotated[int, Query(ge=1, le=100, description="How many creators at most")]
CREATOR_LIMIT = 25


class Threshold(Body):
    """An amount a year, reached by the unit itself."""

    name: Name
    currency: Currency
    amount: Annotated[int, Field(ge=1, le=AMOUNT_MAX, description="In minor units")]
    of: Literal["earned", "paid"] = Field(description="Of what; `paid` includes what was withheld")


class NewThresholds(Body):
    """All of them. What they mean for taxes is not ours to say."""

    thresholds: Annotated[list[Threshold], Field(max_length=_THRESHOLDS_MAX)]

    @model_validator(mode="after")
    def _has_each_name_once(self) -> Self:
        names = [threshold.name for threshold in self.thresholds]
        for place, name in enumerate(names):
            if name in names[:place]:
                raise PydanticCustomError(
                    "repeated", "said twice", {"at": ("thresholds", place, "name"), "value": name}
                )
        return self


class Thresholds(Answer):
    thresholds: list[Threshold]
    version: int


class PaidByRail(Answer):
    """What went by one rail, less what came back, and the tax that was withheld beside it, for one tax office."""

    rail: str
    withheld_for: str | None = Field(description="The country whose tax it was; null where none was withheld")
    paid: int
    withheld: int


class YearlyTotal(Answer):
    """One creator's year in one currency, in its minor units.

    `earned`: commissions, bonuses, adjustments, corrections and write-offs, in the year in which they may be paid.
    `paid`: what they got, in the year in which the rail had paid it, less what came back in it. It can be below zero.
    `country`, `entity`, `tax_form` and whether there is a tax id are what is noted of them by now; no report has the
    id itself.
    """

    creator_id: str
    name: str
    country: str | None
    entity: Literal["person", "company"] | None
    tax_form: str | None
    tax_id_noted: bool
    currency: str
    earned: int
    paid: int
    withheld: int
    rails: list[PaidByRail]
    over_threshold: list[str] = Field(description="The names of the thresholds that it comes up to")


class YearlyTotals(Answer):
    """`from` and `to` are the year's own bounds where the brand is at home. What lies ahead of `as_of` is not counted.

    A creator of whom nothing is told did nothing in the year. Those in `left_out` have more entries in it than one call
    reads: `account_too_large`; ask for their statements.
    """

    year: int
    time_zone: str
    start: Shown = Field(alias="from")
    end: Shown = Field(alias="to")
    as_of: Shown
    items: list[YearlyTotal]
    left_out: list[Unchecked]
    next_cursor: str | None

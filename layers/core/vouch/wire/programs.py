"""Programs and their terms."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator
from pydantic_core import PydanticCustomError

from vouch.domain.money import AMOUNT_MAX
from vouch.domain.terms import CodePolicy, Model, RewardType
from vouch.wire.base import Answer, Body, Currency, Moment, Name, Price, Shown, Text


class _Sparse(Body):
    """Shown without what was not said."""

    @model_serializer(mode="wrap")
    def _said(self, shown: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in shown(self).items() if value is not None}


Days = Annotated[int, Field(ge=1, le=3650)]
Values = Annotated[list[Text], Field(max_length=1000)]
Parameter = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_-]{0,31}$")]


class Attribution(Body):
    model: Model = "last"
    window_days: Days = 30
    code_policy: CodePolicy = "wins"
    half_life_days: Days = 7


class Base(Body):
    tax: bool = False
    shipping: bool = False
    gift_cards: bool = False


class Match(_Sparse):
    """Every condition that is given must hold; within one, any of its values will do."""

    skus: Values | None = None
    product_ids: Values | None = None
    collections: Values | None = None
    tags: Values | None = None
    creator_ids: Values | None = None
    countries: Values | None = None
    platforms: Values | None = None
    customer: Literal["new", "returning"] | None = None
    order_min: Price | None = None
    order_max: Price | None = None


class Reward(_Sparse):
    """`percent` has `bps`; `flat_item` and `flat_order` have an amount and its currency; `none` has neither."""

    type: RewardType
    bps: Annotated[int, Field(ge=0, le=10_000)] | None = None
    amount: Annotated[int, Field(ge=0, le=AMOUNT_MAX)] | None = None
    currency: Currency | None = None

    @model_validator(mode="after")
    def _has_what_its_type_needs(self) -> Self:
        flat = self.type.startswith("flat")
        wanted = {"bps": self.type == "percent", "amount": flat, "currency": flat}
        for field, needed in wanted.items():
            given = getattr(self, field) is not None
            if needed and not given:
                raise PydanticCustomError("needs_field", "a field is missing", {"field": field})
            if given and not needed:
                raise PydanticCustomError("needless_field", "a field too many", {"field": field})
        return self


class Rule(Body):
    match: Match = Match()
    reward: Reward


class Commission(_Sparse):
    base: Base = Base()
    rules: Annotated[list[Rule], Field(max_length=100)] = Field(default_factory=list)
    cap_per_order: Price | None = None


class Payout(_Sparse):
    minimum: Price | None = None
    rail: Literal["csv"] = "csv"


class Terms(Body):
    """The first rule that matches a line rates it; a line that none matches earns nothing."""

    hold_days: Annotated[int, Field(ge=0, le=365)] = 14
    attribution: Attribution = Attribution()
    commission: Commission = Commission()
    payout: Payout = Payout()
    journey: bool = Field(default=False, description="Whether visitors may be given the journey cookie")

    def plain(self) -> dict[str, Any]:
        """As it is stored: what was not said is said, so that another default of ours changes no version."""
        return self.model_dump(mode="json", exclude={"effective_from"})


class NewTerms(Terms):
    """A new version; without `effective_from` it is in force at once, a first version from the beginning of time.

    For an order counts the version that began last before it was placed, of equals the one with the higher number.
    """

    effective_from: Moment | None = None


class TermsVersion(Answer):
    """A version, which never changes; `effective_from` null is the beginning of time."""

    id: str
    program_id: str
    number: int
    effective_from: Shown | None
    created_at: Shown
    terms: Terms


class NewProgram(Body):
    name: Name
    currency: Currency
    terms: NewTerms = NewTerms()
    parameter: Parameter | None = Field(None, description="In what a click id travels to the shop; `ref` if not said")


class ProgramChange(Body):
    name: Name | None = None
    status: Literal["active", "paused"] | None = None
    parameter: Parameter | None = None


class ProgramInList(Answer):
    """`terms_version` is the one in force now, null where the first is yet to come."""

    id: str
    name: str
    currency: str
    status: Literal["active", "paused"]
    parameter: str
    terms_version: int | None
    created_at: Shown
    version: int


class Program(ProgramInList):
    """With the terms in force now."""

    terms: Terms | None

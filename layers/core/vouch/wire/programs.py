"""Programs and their terms."""

from collections.abc import Callable
from functools import cache
from importlib import resources
from typing import Annotated, Any, Final, Literal, Self, TypeVar

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from vouch.domain import ids
from vouch.domain.calendars import Period
from vouch.domain.money import AMOUNT_MAX, BPS_WHOLE
from vouch.domain.terms import CodePolicy, Measure, Model, RewardType, VolumeMeasure
from vouch.wire.base import Answer, Body, Currency, Moment, Name, Price, Shown, Text, nearest
from vouch.wire.creators import Tier

_KOSOVO: Final = "XK"
"""ISO 3166 leaves it to whoever needs it, and shops do."""

_T = TypeVar("_T")
Unsaid = Annotated[_T | None, Field(exclude_if=lambda value: value is None)]
"""What need not be said, and is not shown where it was not."""


def _is(code: str, holds: Callable[[str], object]) -> AfterValidator:
    """Refuses with that code a text of which it does not hold."""

    def check(text: str) -> str:
        if not holds(text):
            raise PydanticCustomError(code, "not one")
        return text

    return AfterValidator(check)


def _not_empty(values: Any) -> Any:
    if values == []:
        raise PydanticCustomError("empty_condition", "an empty list asks for nothing")
    return values


@cache
def _time_zones() -> frozenset[str]:
    """By the package that the layer brings along: what a machine has of its own differs from the next one's."""
    return frozenset(resources.files("tzdata").joinpath("zones").read_text().split())


@cache
def _countries() -> frozenset[str]:
    """By the table of the same package, whose rows begin with the code."""
    table = resources.files("tzdata").joinpath("zoneinfo", "iso3166.tab").read_text()
    return frozenset(row.partition("\t")[0] for row in table.splitlines() if not row.startswith("#")) | {_KOSOVO}


def _time_zone(text: str) -> str:
    if text not in _time_zones():
        raise PydanticCustomError("unknown_time_zone", "no such time zone", nearest(text, _time_zones()))
    return text


Days = Annotated[int, Field(ge=1, le=3650)]
Months = Annotated[int, Field(ge=1, le=1200)]
Bps = Annotated[int, Field(ge=0, le=BPS_WHOLE, description="Hundredths of a percent: 1000 is 10 %")]
Parameter = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_-]{0,31}$")]
TimeZone = Annotated[str, Field(max_length=64, examples=["Asia/Jerusalem"]), AfterValidator(_time_zone)]
Platform = Literal[
    "shopify", "woocommerce", "tiktok_shop", "meta", "stripe", "square", "bigcommerce", "standard_webhooks", "rest"
]
"""`rest` is the API itself. Terms may name a platform before it can be connected."""
Rail = Literal["csv", "masav", "paypal", "sepa", "stripe_connect"]
"""Every rail there is; to be paid by most of them, a brand needs an account of its own there."""
Country = Annotated[
    str,
    Field(description="Two letters of ISO 3166", examples=["IL"]),
    _is("not_a_country", lambda text: text.upper() in _countries()),
]
CreatorId = Annotated[str, _is("not_a_creator", lambda text: ids.is_id(text, "cre_"))]
Value = Annotated[Text, Field(min_length=1)]
AnyOf = Unsaid[
    Annotated[list[_T], BeforeValidator(_not_empty), Field(max_length=1000, json_schema_extra={"minItems": 1})]
]


class CustomerTie(Body):
    """A customer's later orders are the creator's who brought them: for `months`, or for life if not said."""

    months: Unsaid[Months] = None
    first: bool = Field(default=False, description="Before the order's own clicks and codes, not after them")


class Attribution(Body):
    model: Model = "last"
    window_days: Days = 30
    code_policy: CodePolicy = "wins"
    half_life_days: Days = 7
    customer_tie: Unsaid[CustomerTie] = None
    product_ties: bool = Field(default=False, description="A product that is tied to a creator earns for that one")


class Base(Body):
    tax: bool = False
    shipping: bool = False
    gift_cards: bool = False


class Match(Body):
    """Every condition that is given must hold; within one, any of its values will do."""

    skus: AnyOf[Value] = None
    product_ids: AnyOf[Value] = None
    collections: AnyOf[Value] = None
    tags: AnyOf[Value] = None
    creator_ids: AnyOf[CreatorId] = None
    creator_tiers: AnyOf[Tier] = None
    countries: AnyOf[Country] = None
    platforms: AnyOf[Platform] = None
    customer: Unsaid[Literal["new", "returning"]] = None
    order_min: Unsaid[Price] = None
    order_max: Unsaid[Price] = None


class Reward(Body):
    """`percent` has `bps`; `flat_item` and `flat_order` have an amount and its currency; `none` has neither."""

    type: RewardType
    bps: Unsaid[Bps] = None
    amount: Unsaid[Annotated[int, Field(ge=0, le=AMOUNT_MAX)]] = None
    currency: Unsaid[Currency] = None

    @model_validator(mode="after")
    def _has_what_its_type_needs(self) -> Self:
        flat = self.type.startswith("flat")
        wanted = {"bps": self.type == "percent", "amount": flat, "currency": flat}
        for field, needed in wanted.items():
            given = getattr(self, field) is not None
            facts = {"at": (field,), "beside": "type", "value": self.type}
            if needed and not given:
                raise PydanticCustomError("needs_field", "a field is missing", facts)
            if given and not needed:
                raise PydanticCustomError("needless_field", "a field too many", facts)
        return self


class Rule(Body):
    match: Match = Match()
    reward: Reward


class PeriodCap(Price):
    """What a creator earns at most from the orders of one period."""

    period: Period


class Recurring(Body):
    """How long a subscription earns: for so many payments or months from its start, whichever ends first."""

    payments: Unsaid[Annotated[int, Field(ge=1, le=120)]] = None
    months: Unsaid[Months] = None

    @model_validator(mode="after")
    def _has_a_limit(self) -> Self:
        if self.payments is None and self.months is None:
            raise PydanticCustomError("needs_one_of", "a limit is missing", {"one": "payments", "other": "months"})
        return self


class Level(Body):
    """From that volume on (a number of orders, or minor units of the program's currency), the rate."""

    model_config = ConfigDict(serialize_by_alias=True)

    begins: Annotated[int, Field(alias="from", ge=0, le=AMOUNT_MAX)]
    bps: Bps


class Tiers(Body):
    """A creator's volume in the period before sets the rate of the rule with an empty `match`."""

    period: Literal["month", "quarter", "year"]
    measure: VolumeMeasure
    levels: Annotated[list[Level], Field(min_length=1, max_length=50)]


class Bonus(Body):
    """Paid once in each period in which the measure reaches the threshold: once ever if that is a lifetime."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$", examples=["hundred-orders"])]
    measure: Measure
    threshold: Annotated[int, Field(ge=1, le=AMOUNT_MAX, description="Orders, or minor units")]
    period: Period
    reward: Price


class Recruiter(Body):
    """What who recruited a creator gets on top of that creator's commission: for `months`, or without end."""

    bps: Bps
    months: Unsaid[Months] = None


class Commission(Body):
    base: Base = Base()
    rules: Annotated[list[Rule], Field(max_length=100)] = Field(default_factory=list)
    cap_per_order: Unsaid[Price] = None
    cap_per_period: Unsaid[PeriodCap] = None
    recurring: Unsaid[Recurring] = None
    tiers: Unsaid[Tiers] = None
    bonuses: Annotated[list[Bonus], Field(max_length=20)] = Field(default_factory=list)
    recruiter: Unsaid[Recruiter] = None


class PayoutTerms(Body):
    minimum: Unsaid[Price] = None
    rail: Rail = "csv"


class Terms(Body):
    """The first rule that matches a line rates it; a line that none matches earns nothing."""

    hold_days: Annotated[int, Field(ge=0, le=365)] = 14
    attribution: Attribution = Attribution()
    commission: Commission = Commission()
    payout: PayoutTerms = PayoutTerms()
    journey: bool = Field(default=False, description="Whether visitors may be given the journey cookie")
    convert_to: Unsaid[Currency] = Field(
        None, description="The program's currency, if orders in others are to earn in it, not in their own"
    )
    time_zone: TimeZone = Field("UTC", description="Where the months of caps, tiers and bonuses begin at midnight")

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

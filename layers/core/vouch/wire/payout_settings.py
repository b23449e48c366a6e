"""How a brand pays: its payout settings, and its own accounts at rails. Secrets go in and never come out."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from vouch.domain.money import AMOUNT_MAX
from vouch.domain.schedules import HOUR, Weekday
from vouch.wire.base import Answer, Body, RailName, Shown
from vouch.wire.programs import TimeZone, Unsaid

CurrencyName = Annotated[str, Field(max_length=64)]
Minimum = Annotated[int, Field(ge=1, le=AMOUNT_MAX)]
AdjustmentLimit = Annotated[int, Field(ge=0, le=AMOUNT_MAX)]


class Schedule(Body):
    """Each week on a `weekday`, or each month on a `day` (the last one where the month is shorter), at a full hour."""

    period: Literal["week", "month"]
    weekday: Unsaid[Weekday] = None
    day: Unsaid[Annotated[int, Field(ge=1, le=31)]] = None
    hour: Annotated[int, Field(ge=0, le=23, description="In the brand's time zone")] = HOUR

    @model_validator(mode="after")
    def _has_what_its_period_needs(self) -> Self:
        for field, wanted in {"weekday": self.period == "week", "day": self.period == "month"}.items():
            given = getattr(self, field) is not None
            facts = {"at": (field,), "beside": "period", "value": self.period}
            if wanted and not given:
                raise PydanticCustomError("needs_field", "a field is missing", facts)
            if given and not wanted:
                raise PydanticCustomError("needless_field", "a field too many", facts)
        return self


class CurrencySettings(Body):
    """Amounts are in minor units of the currency. For what is null, terms of programs in this currency count.

    Of several programs that is the one with the lowest minimum; without any, all that there is is paid by `csv`.
    """

    minimum: Minimum | None = Field(None, description="A creator who has less is not paid yet")
    rail: RailName | None = Field(None, description="How creators are paid; one of `GET /v1/payout_rails`")
    schedule: Schedule | None = Field(None, description="When a run begins by itself; null: never")
    adjustment_limit: AdjustmentLimit | None = Field(
        None,
        description="An adjustment above this, up or down, needs a second key, and so does the word that a payout above"
        " it came back, or that a rail has not paid what it had taken on; null: none does",
    )


class NewPayoutSettings(Body):
    """All of them: what is left out is as it was before anybody set it.

    A schedule that is new, another, or moved to another time zone begins now: nothing is due for what lies before.
    """

    time_zone: TimeZone = Field("UTC", description="In which schedules have their days and hours")
    tax_form_required: bool = Field(default=False, description="Whether nobody is paid before their tax form is there")
    currencies: Annotated[dict[CurrencyName, CurrencySettings], Field(max_length=200)] = Field(
        default_factory=dict, description="By ISO 4217 currency", examples=[{"ILS": {"minimum": 5000, "rail": "csv"}}]
    )


class ShownCurrencySettings(CurrencySettings):
    """`next_run_at` is when the schedule begins the next run, in the time of the brand's clock."""

    next_run_at: Shown | None


class PayoutSettings(Answer):
    """What the brand has said; version 0 is that it has said nothing yet."""

    time_zone: str
    tax_form_required: bool
    currencies: dict[str, ShownCurrencySettings]
    version: int


SettingName = Annotated[str, Field(min_length=1, max_length=64)]
SettingValue = Annotated[str, Field(max_length=2000)]


class NewRailAccount(Body):
    """All settings of the account, by name: what is left out, or null, is none.

    A secret that is left out stays as it was, unless the requests would go to another address from now on: it was given
    for the one before, and is to be given again. Null takes a secret away.
    """

    settings: Annotated[dict[SettingName, SettingValue | None], Field(max_length=32)]


class RailAccount(Answer):
    """The brand's own account at a rail. `secrets` names the settings that are kept and not shown.

    `not_set_up`: the rail needs settings first. `paused`: the rail refused for a `reason` that is the brand's to mend,
    and nothing is sent there until it is resumed. The rail is to be given `callback_url`; null: it has nothing to tell.
    """

    rail: str
    status: Literal["active", "paused", "not_set_up"]
    reason: str | None
    paused_at: Shown | None
    settings: dict[str, str]
    secrets: list[str]
    callback_url: str | None
    version: int


class RailAccounts(Answer):
    """At every rail there is, set up or not."""

    items: list[RailAccount]

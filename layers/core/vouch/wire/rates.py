"""Exchange rates: fixings of one currency in another."""

from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from vouch.domain import rates
from vouch.wire.base import Answer, Body, Currency, Moment, Name, Shown


def _rate(text: str) -> str:
    try:
        rates.ratio(text)
    except ValueError:
        raise PydanticCustomError("not_a_rate", "no rate", {"most": rates.DIGITS_MAX}) from None
    return text


class NewRate(Body):
    """What one unit of `from` was in units of `to` at that moment, as a decimal text: digits are what matters here."""

    from_currency: Currency = Field(alias="from")
    to_currency: Currency = Field(alias="to")
    rate: Annotated[str, AfterValidator(_rate), Field(examples=["3.7215"])]
    at: Moment
    source: Annotated[Name, Field(max_length=64, examples=["Bank of Israel"])]


class Rate(Answer):
    """A fixing, which never changes."""

    from_currency: str = Field(alias="from")
    to_currency: str = Field(alias="to")
    rate: str
    at: Shown
    source: str
    created_at: Shown

"""The words that all bodies and answers share: texts, moments, money, pages."""

import re
import unicodedata
from datetime import datetime
from typing import Annotated, Any, Final, Self

from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

from vouch.domain import times
from vouch.domain.currencies import EXPONENTS
from vouch.domain.money import AMOUNT_MAX
from vouch.service import pages

_EMAIL_MAX: Final = 254
_LOCAL_MAX: Final = 64
_EMAIL = re.compile(
    r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?"
)


class Body(BaseModel):
    """What a caller sends: no unknown field, no guessing at types."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Answer(BaseModel):
    """What a caller gets."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, from_attributes=True)

    @classmethod
    def of(cls, source: Any) -> Self:
        """The answer that has what `source` has under the same names."""
        return cls.model_validate(source)


def _clean(text: str) -> str:
    if any(unicodedata.category(character) == "Cc" for character in text):
        raise PydanticCustomError("control_character", "a control character")
    return unicodedata.normalize("NFC", text).strip()


def _email(text: str) -> str:
    address = text.strip().lower()
    local = address.partition("@")[0]
    if len(address) > _EMAIL_MAX or len(local) > _LOCAL_MAX or not _EMAIL.fullmatch(address):
        raise PydanticCustomError("not_an_email", "not an e-mail address")
    return address


def _currency(text: str) -> str:
    if text not in EXPONENTS:
        raise PydanticCustomError("unknown_currency", "no such currency")
    return text


_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)


def _moment(value: Any) -> datetime:
    try:
        if not isinstance(value, str) or not _RFC_3339.fullmatch(value):
            raise ValueError(value)
        return times.parse(value)
    except ValueError:
        raise PydanticCustomError("not_a_time", "not an RFC 3339 time with an offset") from None


def _shown(value: Any) -> Any:
    return times.short(times.parse(value)) if isinstance(value, str) else value


Text = Annotated[str, AfterValidator(_clean), Field(max_length=1000)]
"""Bounded, in one normal form, without control characters."""

Name = Annotated[str, AfterValidator(_clean), Field(min_length=1, max_length=200)]
Email = Annotated[str, AfterValidator(_email), Field(max_length=320), WithJsonSchema({"type": "string", "format": "email"})]
Currency = Annotated[str, AfterValidator(_currency), Field(description="ISO 4217", examples=["ILS"])]
Amount = Annotated[int, Field(ge=-AMOUNT_MAX, le=AMOUNT_MAX, description="Minor units of the currency")]
Id = Annotated[str, Field(min_length=1, max_length=64)]

Moment = Annotated[datetime, BeforeValidator(_moment), WithJsonSchema({"type": "string", "format": "date-time"})]
"""A moment that a caller names."""

Shown = Annotated[str, BeforeValidator(_shown), WithJsonSchema({"type": "string", "format": "date-time"})]
"""A stored moment as callers see it: no fraction where there is none."""


class Money(Body):
    """An amount in minor units of its currency."""

    amount: Amount
    currency: Currency


class Page[T](Answer):
    """Some of a list; `next_cursor` is null at its end."""

    items: list[T]
    next_cursor: str | None


def page[T, I](page: pages.Page[I], show: Any) -> Page[T]:
    return Page(items=[show(item) for item in page.items], next_cursor=page.next_cursor)


Limit = Annotated[int, Query(ge=1, le=100, description="How many items at most")]
Cursor = Annotated[str | None, Query(description="`next_cursor` of the page before", max_length=1000)]
LIMIT: Final = 25

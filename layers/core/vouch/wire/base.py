"""The words that all bodies and answers share: texts, moments, money, pages."""

import re
from collections.abc import Collection, Sequence
from datetime import datetime
from difflib import get_close_matches
from typing import Annotated, Any, Final, Literal, Self, get_args

from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from vouch.domain import texts, times
from vouch.domain.currencies import EXPONENTS
from vouch.domain.money import AMOUNT_MAX

_MAIL_LENGTH_MAX: Final = 254
_MAILBOX_LENGTH_MAX: Final = 64
_KEY_BYTES_MAX: Final = 765
"""Ids become keys, and DynamoDB sorts by keys of 1 024 bytes."""
_ATOM: Final = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_MAIL: Final = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])")
_RFC_3339: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)
_DATE_TIME: Final = WithJsonSchema({"type": "string", "format": "date-time"})


class Body(BaseModel):
    """What a caller sends: no unknown field, no guessing at types."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Answer(BaseModel):
    """What a caller gets."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, from_attributes=True)

    @classmethod
    def of(cls, source: object, **computed: object) -> Self:
        """The answer that has what `source` has under the same names, and what was computed for it."""
        names = [name for name in cls.model_fields if name not in computed]
        return cls.model_validate({name: getattr(source, name) for name in names} | computed)


class Page[T](Answer):
    """Some of a list; `next_cursor` is null at its end."""

    items: list[T]
    next_cursor: str | None


def _without_controls(text: str) -> str:
    if texts.holds_control(text):
        raise PydanticCustomError("control_character", "a control character")
    return text


def _fits_key(text: str) -> str:
    if len(text.encode()) > _KEY_BYTES_MAX:
        raise PydanticCustomError("too_many_bytes", "too many bytes", {"most": _KEY_BYTES_MAX})
    return text


def _mail(text: str) -> str:
    address = text.strip().lower()
    mailbox = address.partition("@")[0]
    if len(address) > _MAIL_LENGTH_MAX or len(mailbox) > _MAILBOX_LENGTH_MAX or not _MAIL.fullmatch(address):
        raise PydanticCustomError("not_an_email", "not an e-mail address")
    return address


def _currency(text: str) -> str:
    if text not in EXPONENTS:
        raise PydanticCustomError("unknown_currency", "no such currency")
    return text


def _moment(value: Any) -> datetime:
    refusal = PydanticCustomError("not_a_time", "not an RFC 3339 time with an offset")
    if not isinstance(value, str) or not _RFC_3339.fullmatch(value):
        raise refusal
    try:
        return times.said(value)
    except ValueError:
        raise refusal from None


def _shown(value: Any) -> Any:
    if isinstance(value, str):
        value = times.parse(value)
    return times.short(value) if isinstance(value, datetime) else value


def nearest(said: str, known: Collection[str]) -> dict[str, Any]:
    """The fact by which a refusal's words ask whether that was meant; none where nothing that is known is near."""
    return {"nearest": close[0]} if (close := get_close_matches(said, known, n=1)) else {}


def field_names(body: Any, path: Sequence[str | int]) -> list[str]:
    """The names that the object at that path of a body knows, as callers write them; none where it holds no model."""
    model = _model_in(body)
    for step in path:
        if isinstance(step, str) and model is not None:
            named = (field for name, field in model.model_fields.items() if (field.alias or name) == step)
            model = _model_in(getattr(next(named, None), "annotation", None))
    return [] if model is None else [field.alias or name for name, field in model.model_fields.items()]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for part in get_args(annotation) if (model := _model_in(part))), None)


def _some(amount: int) -> int:
    if amount == 0:
        raise PydanticCustomError("zero", "nothing")
    return amount


_WithoutControls: Final = AfterValidator(_without_controls)
_InOneSpelling: Final = AfterValidator(texts.normal)

Text = Annotated[str, Field(max_length=1000), _WithoutControls, _InOneSpelling]
"""In one normal form, without control characters."""

Name = Annotated[str, Field(max_length=200), _WithoutControls, _InOneSpelling, Field(min_length=1)]
KeyBytes: Final = AfterValidator(_fits_key)
ExternalId = Annotated[str, Field(min_length=1, max_length=255), _WithoutControls, KeyBytes]
"""What others call a thing, to the letter."""

Email = Annotated[str, AfterValidator(_mail), WithJsonSchema({"type": "string", "format": "email", "maxLength": 254})]
Currency = Annotated[str, AfterValidator(_currency), Field(description="ISO 4217", examples=["ILS"])]
Amount = Annotated[int, Field(ge=-AMOUNT_MAX, le=AMOUNT_MAX, description="In minor units of its currency")]
SomeAmount = Annotated[Amount, AfterValidator(_some)]
"""One that is not 0."""
Id = Annotated[str, Field(min_length=1, max_length=64)]
RailName = Annotated[str, Field(min_length=1, max_length=32, examples=["paypal"])]
"""What a caller calls a rail; whether there is one of that name is for whoever looks it up."""
Language = Literal["en", "he"]
Mode = Literal["live", "test"]

Moment = Annotated[datetime, BeforeValidator(_moment), _DATE_TIME]
"""A moment that a caller names."""

Shown = Annotated[str, BeforeValidator(_shown), _DATE_TIME]
"""A stored moment as callers see it: no fraction where there is none."""


class Money(Body):
    """An amount in minor units of its currency."""

    amount: Amount
    currency: Currency


class Price(Body):
    """An amount that is not below zero."""

    amount: Annotated[int, Field(ge=0, le=AMOUNT_MAX)]
    currency: Currency


Limit = Annotated[int, Query(ge=1, le=100, description="How many items at most")]
LIMIT: Final = 25
Cursor = Annotated[str | None, Query(max_length=1000, description="`next_cursor` of the page before")]
Filter = Annotated[str | None, Query(max_length=64)]

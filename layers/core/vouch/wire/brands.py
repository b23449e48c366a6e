"""Brands, their keys and the hosts that their links may lead to."""

from typing import Annotated

from pydantic import AfterValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from vouch.service.keys import SCOPES
from vouch.wire.base import Answer, Body, Mode, Moment, Name, Shown


def _scope(text: str) -> str:
    if text not in SCOPES:
        raise PydanticCustomError("unknown_scope", "no such scope", {"scopes": ", ".join(sorted(SCOPES))})
    return text


Scope = Annotated[str, AfterValidator(_scope), WithJsonSchema({"type": "string", "enum": sorted(SCOPES)})]


class NewBrand(Body):
    name: Name
    mode: Mode = "live"
    test_clock: Moment | None = Field(None, description="Where a test brand's clock stands at first")


class Brand(Answer):
    """`now` is the brand's own time."""

    id: str
    name: str
    mode: Mode
    created_at: Shown
    now: Shown


class MadeBrand(Brand):
    """`api_key` may do everything in the brand, and is shown this once."""

    api_key: str


class NewKey(Body):
    name: Name
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=len(SCOPES))]


class Key(Answer):
    id: str
    name: str
    scopes: list[str]
    created_at: Shown
    revoked_at: Shown | None


class MadeKey(Key):
    """`api_key` is shown this once."""

    api_key: str


class NewDomain(Body):
    host: Annotated[str, Field(max_length=300, examples=["shop.example.com"])]


class Domain(Answer):
    """`connection_ids`: whose shop it is; such a host is allowed by itself."""

    host: str
    connection_ids: list[str]

"""Creators and their enrolments."""

import re
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from vouch.domain import codes, people
from vouch.wire.base import Answer, Body, Email, Id, Language, Moment, Name, Shown, Text

_HANDLE: Final = re.compile(r"[a-z0-9._]{1,30}", re.ASCII)
_TIER_LENGTH_MAX: Final = 64


def _handle(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    handle = people.username(value)
    if not _HANDLE.fullmatch(handle):
        raise PydanticCustomError("wrong_shape", "not a handle")
    return handle


def _tier(text: str) -> str:
    tier = codes.normal(text)
    if not tier:
        raise PydanticCustomError("wrong_shape", "no name")
    if len(tier) > _TIER_LENGTH_MAX:
        raise PydanticCustomError("too_long", "too long", {"most": _TIER_LENGTH_MAX})
    return tier


Handle = Annotated[str, BeforeValidator(_handle)]
Tier = Annotated[Text, AfterValidator(_tier), Field(examples=["gold"])]
"""In its one spelling, as codes are."""

Status = Literal["applied", "active", "paused", "left"]


class Handles(Body):
    """Names on social platforms, without the `@`."""

    tiktok: Handle | None = None
    instagram: Handle | None = None


class NewCreator(Body):
    email: Email
    name: Name
    language: Language = "en"
    program_ids: Annotated[list[Id], Field(max_length=20)] = Field(default_factory=list)
    handles: Handles = Handles()
    tier: Tier | None = None
    recruited_by: Id | None = Field(None, description="The creator who brought this one")
    active_from: Moment | None = Field(None, description="From when on orders earn; the second of creation if not said")


class CreatorChange(Body):
    """Counts from now on. `handles` are all of them; null takes a `tier` or `recruited_by` away."""

    email: Email | None = None
    name: Name | None = None
    language: Language | None = None
    handles: Handles | None = None
    tier: Tier | None = None
    recruited_by: Id | None = None


class Creator(Answer):
    """`recruited_at` is since when `recruited_by` counts as this creator's recruiter."""

    id: str
    email: str
    name: str
    language: Language
    handles: Handles
    tier: str | None
    recruited_by: str | None
    recruited_at: Shown | None
    active_from: Shown
    created_at: Shown
    version: int


class NewEnrolment(Body):
    creator_id: Id
    program_id: Id
    status: Literal["applied", "active"] = "active"
    active_from: Moment | None = Field(None, description="Now if not said; not before its creator's; for `active` only")


class EnrolmentChange(Body):
    """Whoever leaves (`left`) has lost the customers and products that were tied to them, and may come back without."""

    status: Literal["active", "paused", "left"]


class Enrolment(Answer):
    """`active`: the periods `[from, to]` in which orders earn, `to` outside; null without bound."""

    id: str
    creator_id: str
    program_id: str
    status: Status
    active: list[list[Shown | None]]
    created_at: Shown
    version: int

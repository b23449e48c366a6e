"""Creators and their enrolments."""

import re
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from vouch.wire.base import Answer, Body, Email, Id, Language, Moment, Name, Shown

_HANDLE: Final = re.compile(r"@?([a-z0-9._]{1,30})", re.ASCII | re.IGNORECASE)


def _handle(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    handle = _HANDLE.fullmatch(value.strip())
    if handle is None:
        raise PydanticCustomError("wrong_shape", "not a handle")
    return handle[1].lower()


Handle = Annotated[str, BeforeValidator(_handle)]
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
    active_from: Moment | None = Field(None, description="From when on orders earn; the second of creation if not said")


class CreatorChange(Body):
    email: Email | None = None
    name: Name | None = None
    language: Language | None = None
    handles: Handles | None = None


class Creator(Answer):
    id: str
    email: str
    name: str
    language: Language
    handles: Handles
    active_from: Shown
    created_at: Shown
    version: int


class NewEnrolment(Body):
    creator_id: Id
    program_id: Id
    status: Literal["applied", "active"] = "active"
    active_from: Moment | None = Field(None, description="Now if not said; not before its creator's; for `active` only")


class EnrolmentChange(Body):
    status: Literal["active", "paused", "left"]


class Enrolment(Answer):
    """`active`: the periods `[from, to]` in which orders earn, null without bound."""

    id: str
    creator_id: str
    program_id: str
    status: Status
    active: list[list[Shown | None]]
    created_at: Shown
    version: int

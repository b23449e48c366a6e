"""Links and codes: what creators share."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from vouch.domain.destinations import LENGTH_MAX
from vouch.wire.base import Answer, Body, Id, Moment, Shown, Text

Slug = Annotated[
    str,
    Field(pattern=r"^[a-z0-9_-]{3,64}$", examples=["noa-summer"]),
    BeforeValidator(lambda value: value.strip().lower() if isinstance(value, str) else value),
]
Destination = Annotated[str, Field(max_length=LENGTH_MAX, examples=["https://shop.example.com/mugs"])]


class NewLink(Body):
    program_id: Id
    creator_id: Id
    destination: Destination
    slug: Slug | None = Field(None, description="Made up if not said")


class LinkChange(Body):
    destination: Destination | None = None
    slug: Slug | None = None
    status: Literal["active", "paused"] | None = None


class Link(Answer):
    """`former_slugs` lead to it still."""

    id: str
    slug: str
    former_slugs: list[str]
    url: str
    program_id: str
    creator_id: str
    destination: str
    status: Literal["active", "paused", "deleted"]
    created_at: Shown
    version: int


class NewCode(Body):
    program_id: Id
    creator_id: Id
    code: Annotated[Text, Field(max_length=256, examples=["NOA10"])]
    active_from: Moment | None = Field(None, description="The second of its creation if not said")


class CodeChange(Body):
    """The code is nobody's from now or `active_until` on; then it may be given to another creator."""

    status: Literal["ended"]
    active_until: Moment | None = None


class Owner(Answer):
    """Whose the code was from when to when, null without bound."""

    creator_id: str
    program_id: str
    active_from: Shown
    active_until: Shown | None


class Code(Answer):
    """`creator_id` and `program_id` are its newest owner's; `owners` are all of them, the oldest first.

    A period that ended before it began is nobody's: where there was no other, `owners` is empty.
    """

    id: str
    code: str
    program_id: str
    creator_id: str
    status: Literal["upcoming", "active", "ended"]
    owners: list[Owner]
    created_at: Shown
    version: int

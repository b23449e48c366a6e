"""Health, and the problem document in which every refusal is told (RFC 9457)."""

from pydantic import Field

from vouch.wire.base import Answer, Language


class Health(Answer):
    ok: bool
    version: str


class Break(Answer):
    """What is wrong with one field; `param` is the path to it."""

    param: str
    code: str
    detail: str


class Problem(Answer):
    """`code` is stable and never translated; `title` and `detail` are in the language of `Accept-Language`."""

    type: str
    title: str
    status: int = Field(ge=400, le=599)
    detail: str
    code: str
    param: str | None = None
    request_id: str
    errors: list[Break]


class ProblemWords(Answer):
    """The words of a problem in every language that there is."""

    code: str
    titles: dict[Language, str]
    details: dict[Language, str]

"""How a refusal is told: RFC 9457 `application/problem+json`, its status from one table, its words in two languages."""

from typing import Any, Final

from vouch import messages
from vouch.domain.errors import (
    Conflict,
    Forbidden,
    Malformed,
    MethodNotAllowed,
    NotFound,
    Stale,
    TooLarge,
    TooMany,
    Unauthenticated,
    Unavailable,
    Unprocessable,
    UnsupportedMediaType,
    VouchError,
)

PROBLEM_TYPE: Final = "application/problem+json"
STATUSES: Final[dict[type[VouchError], int]] = {
    Malformed: 400,
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    MethodNotAllowed: 405,
    Conflict: 409,
    Stale: 412,
    TooLarge: 413,
    UnsupportedMediaType: 415,
    Unprocessable: 422,
    TooMany: 429,
    VouchError: 500,
    Unavailable: 503,
}


def status(refusal: VouchError) -> int:
    """The status of a refusal: that of its nearest class in the table."""
    return next(STATUSES[kind] for kind in type(refusal).__mro__ if kind in STATUSES)


def problem(refusal: VouchError, language: messages.Language, request_id: str) -> dict[str, Any]:
    """The body. `code` is stable and never translated; `type` is a relative reference that names it.

    `errors` is filled where a body or a query is refused field by field. Where what a field says breaks a rule, the
    words say which field, as those of `errors` do.
    """
    title, detail = messages.words(refusal.reason, language, refusal.facts)
    if isinstance(refusal, Unprocessable) and refusal.param is not None:
        steps = [int(step) if step.isdecimal() else step for step in refusal.param.split(".")]
        detail = messages.placed(steps, detail, language)
    body: dict[str, Any] = {
        "type": f"/problems/{refusal.reason}",
        "title": title,
        "status": status(refusal),
        "detail": detail,
        "code": refusal.reason,
        "request_id": request_id,
        "errors": [],
    }
    return body if refusal.param is None else body | {"param": refusal.param}

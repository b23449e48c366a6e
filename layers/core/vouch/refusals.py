"""What a caller is told when something was raised, and what of it only the log is told."""

from collections.abc import Sequence
from typing import Any, Final

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Route
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError, ResponseValidationError

from vouch import bodies, messages, problems, telemetry
from vouch.calls import Call
from vouch.domain.errors import (
    Conflict,
    Malformed,
    MethodNotAllowed,
    TooMany,
    Unauthenticated,
    Unavailable,
    VouchError,
)
from vouch.store.database import FAILURES
from vouch.wire.base import field_names, nearest

Broken = tuple[list[str | int], str, dict[str, str | int]]
"""The path to a field, the code of what is wrong with it, and the facts for its words."""

_BROKEN_MAX: Final = 100
"""How many broken fields are told of: what a body can break has no end, and nobody reads on."""

_FIELD_CODES: Final = {
    "extra_forbidden": "unknown_field",
    "greater_than_equal": "too_small",
    "less_than_equal": "too_great",
    "literal_error": "not_one_of",
    "string_pattern_mismatch": "wrong_pattern",
    "string_too_short": "too_short",
    "string_too_long": "too_long",
}
"""Pydantic's words for a broken field and ours, where they differ."""
_FIELD_FACTS: Final = {"min_length": "least", "ge": "least", "max_length": "most", "le": "most"}


class InvalidFields(Malformed):
    """The body or the query breaks its model, here and there."""

    def __init__(self, fields: Sequence[Broken]) -> None:
        only_unknown = all(code == "unknown_field" for _, code, _ in fields)
        super().__init__("unknown_field" if only_unknown else None, param=_dotted(fields[0][0]))
        self.fields = fields


class Running(Conflict):
    """Another try of the same request is being worked on."""

    code = "idempotency_running"


def told(error: Exception, call: Call, route: Route | None = None) -> Response[str]:
    """The refusal as a problem document. What nobody foresaw is logged, and says nothing of itself."""
    refusal = _refusal(error, route)
    if refusal is None:
        refusal = Unavailable() if isinstance(error, FAILURES) else VouchError()
        _log(error, call)
    document = problems.problem(refusal, call.language, call.request_id)
    if isinstance(refusal, InvalidFields):
        document["errors"] = [
            {"param": _dotted(path), "code": code, "detail": messages.field_words(path, code, call.language, facts)}
            for path, code, facts in refusal.fields
        ]
    headers = {"Content-Type": problems.PROBLEM_TYPE, "Content-Language": call.language, "Vary": "Accept-Language"}
    if isinstance(refusal, Unauthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(refusal, MethodNotAllowed):
        headers["Allow"] = str(refusal.facts["allow"])
    if isinstance(refusal, Running | Unavailable):
        headers["Retry-After"] = "1"
    if isinstance(refusal, TooMany):
        headers["Retry-After"] = "60"
    return Response(document["status"], body=bodies.written(document), headers=headers)


def _refusal(error: Exception, route: Route | None) -> VouchError | None:
    if isinstance(error, RequestValidationError):
        taken = route.dependant.body_params if route else []
        body = taken[0].type_ if taken else None
        return InvalidFields([_broken(each, body) for each in error.errors()[:_BROKEN_MAX]])
    return error if isinstance(error, VouchError) and error.reason != VouchError.code else None


def _broken(error: dict[str, Any], body: Any) -> Broken:
    """An error of a whole object says `at` which of its fields it is."""
    kind = error["type"]
    wanted = kind.partition("_")[0]
    code = _FIELD_CODES.get(kind, kind)
    if code not in messages.FIELDS:
        code = "wrong_type" if wanted in messages.TYPES else "wrong_shape"
    place, *path = error["loc"]
    facts = {_FIELD_FACTS.get(name, name): value for name, value in (error.get("ctx") or {}).items()}
    path += facts.pop("at", ())
    if code == "not_one_of":
        facts["expected"] = str(facts["expected"]).replace("' or '", "', '")  # Pydantic speaks English alone
    if code == "wrong_type":
        facts["wanted"] = wanted
    if code == "unknown_field":
        facts |= nearest(path[-1], field_names(body, path[:-1]))
    return path or [place], code, facts


def _dotted(path: Sequence[str | int]) -> str:
    return ".".join(str(step) for step in path)


def _log(error: Exception, call: Call) -> None:
    if isinstance(error, ResponseValidationError):
        # Its own text would hold what people are called and where they live.
        breaks = [(broken["type"], broken["loc"]) for broken in error.errors()]
        telemetry.logger().error("an answer breaks its schema", request_id=call.request_id, breaks=breaks)
    else:
        telemetry.logger().error("unforeseen", request_id=call.request_id, exc_info=error)
    telemetry.count("Unforeseen")

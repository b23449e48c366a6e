"""What a caller is told when something was raised, and what of it only the log is told."""

from collections.abc import Sequence
from typing import Any, Final

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError, ResponseValidationError

from vouch import bodies, messages, problems, telemetry
from vouch.calls import Call
from vouch.domain.errors import Conflict, Malformed, MethodNotAllowed, Unauthenticated, Unavailable, VouchError
from vouch.store.database import FAILURES

Broken = tuple[str, str, dict[str, str | int]]
"""The path to a field, the code of what is wrong with it, and the facts for its words."""

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
        super().__init__("unknown_field" if only_unknown else None, param=fields[0][0])
        self.fields = fields


class Running(Conflict):
    """Another try of the same request is being worked on."""

    code = "idempotency_running"


def told(error: Exception, call: Call) -> Response[str]:
    """The refusal as a problem document. What nobody foresaw is logged, and says nothing of itself."""
    refusal = _refusal(error)
    if refusal is None:
        refusal = Unavailable() if isinstance(error, FAILURES) else VouchError()
        _log(error, call)
    document = problems.problem(refusal, call.language, call.request_id)
    if isinstance(refusal, InvalidFields):
        document["errors"] = [
            {"param": param, "code": code, "detail": messages.field_words(code, call.language, facts)}
            for param, code, facts in refusal.fields
        ]
    headers = {"Content-Type": problems.PROBLEM_TYPE, "Content-Language": call.language, "Vary": "Accept-Language"}
    if isinstance(refusal, Unauthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(refusal, MethodNotAllowed):
        headers["Allow"] = str(refusal.facts["allow"])
    if isinstance(refusal, Running | Unavailable):
        headers["Retry-After"] = "1"
    return Response(document["status"], body=bodies.written(document), headers=headers)


def _refusal(error: Exception) -> VouchError | None:
    if isinstance(error, RequestValidationError):
        return InvalidFields([_broken(each) for each in error.errors()])
    return error if isinstance(error, VouchError) and error.reason != VouchError.code else None


def _broken(error: dict[str, Any]) -> Broken:
    kind = error["type"]
    code = _FIELD_CODES.get(kind, kind)
    if code not in messages.FIELDS:
        code = "wrong_type" if kind.endswith(("_type", "_parsing", "_from_float")) else "wrong_shape"
    place, *path = error["loc"]
    facts = {_FIELD_FACTS.get(name, name): value for name, value in (error.get("ctx") or {}).items()}
    return ".".join(str(step) for step in path) or place, code, facts


def _log(error: Exception, call: Call) -> None:
    if isinstance(error, ResponseValidationError):
        # Its own text would hold what people are called and where they live.
        breaks = [(broken["type"], broken["loc"]) for broken in error.errors()]
        telemetry.logger().error("an answer breaks its schema", request_id=call.request_id, breaks=breaks)
    else:
        telemetry.logger().error("unforeseen", request_id=call.request_id, exc_info=error)
    telemetry.count("Unforeseen")

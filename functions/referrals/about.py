"""`/v1/health`, `/openapi.json` and `/problems/{code}`: what Vouch says of itself, to anybody."""

from typing import Any

from aws_lambda_powertools.event_handler import Response

from vouch import __version__, messages
from vouch.domain.errors import NotFound
from vouch.http import PUBLIC, Routes
from vouch.wire import about as wire

routes = Routes()


@routes.get("/v1/health", security=PUBLIC)
def show_health() -> wire.Health:
    return wire.Health(ok=True, version=__version__)


@routes.get("/openapi.json", security=PUBLIC)
def describe_api() -> Any:
    from referrals import openapi  # noqa: PLC0415 - the other functions' routes, which no other request needs

    return Response(200, "application/json", openapi.document())


@routes.get("/problems/<code>", security=PUBLIC)
def explain_problem(code: str) -> wire.ProblemWords:
    if code not in messages.PROBLEMS:
        raise NotFound
    titles, details = zip(*(messages.PROBLEMS[code][language] for language in messages.LANGUAGES), strict=True)
    return wire.ProblemWords(
        code=code,
        titles=dict(zip(messages.LANGUAGES, titles, strict=True)),
        details=dict(zip(messages.LANGUAGES, details, strict=True)),
    )

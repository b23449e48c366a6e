"""A POST under an `Idempotency-Key` takes effect once; a repeat gets the first one's answer."""

import hashlib
import json
import re
from dataclasses import replace
from http import HTTPStatus
from typing import Any, Final, override

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.api_gateway import Route
from aws_lambda_powertools.event_handler.middlewares import BaseMiddlewareHandler, NextMiddleware
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from vouch import bodies, refusals
from vouch.calls import Call
from vouch.domain import times
from vouch.domain.errors import Malformed, Stale, TooMany, Unprocessable, VouchError
from vouch.problems import PROBLEM_TYPE
from vouch.service import mint
from vouch.store import idempotency
from vouch.store.tables import Idempotency

SHOWN_ONCE: Final = {"x-shown-once": True}
"""The extension of a route whose answer holds a secret: it is never kept, a repeat works it out again."""
ONLY_ONCE: Final = {"x-only-once": True}
"""The extension of a route that moves money: it is not called without an `Idempotency-Key`."""
_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")


class Once(BaseMiddlewareHandler[APIGatewayHttpResolver]):
    """Around the handler, behind the check of the body: what could not be read uses no key up."""

    @override
    def handler(self, app: APIGatewayHttpResolver, next_middleware: NextMiddleware) -> Response[Any]:
        call: Call = app.context["call"]
        key = app.current_event.headers.get("idempotency-key")
        route: Route = app.context["_route"]
        extensions = (route.openapi_extensions or {}).items()
        if key is None and ONLY_ONCE.items() <= extensions:
            raise Malformed("idempotency_key_required", param="Idempotency-Key")
        if app.current_event.http_method != "POST" or call.caller is None or key is None:
            return next_middleware(app)
        kept = not SHOWN_ONCE.items() <= extensions
        item, ours = _begun(call, route.path, key, app.current_event)
        if not ours and kept:
            return _replayed(item)
        name = f"{item.pk}\x1f{item.birth}"
        again = mint.repeatable(call.deployment.secrets, name, times.parse(item.birth))
        app.context["call"] = replace(call, mint=again)
        try:
            response = _answered(app, call, next_middleware)
        except Exception:
            idempotency.abandon(call.deployment.database, item)
            raise
        if ours:
            answer = response.body if isinstance(response.body, str) else bodies.written(response.body)
            idempotency.finish(call.deployment.database, item, int(response.status_code), answer if kept else None)
        else:
            response.headers["Idempotent-Replayed"] = "true"
        return response


def _begun(call: Call, path: str, key: str, event: APIGatewayProxyEventV2) -> tuple[Idempotency, bool]:
    if not _KEY.fullmatch(key):
        raise Malformed("invalid_idempotency_key", param="Idempotency-Key")
    scope = hashlib.sha256(f"{call.caller}\x1f{path}\x1f{key}".encode()).hexdigest()
    fingerprint = hashlib.sha256(event.raw_path.encode() + b"\x1f" + bodies.raw(event)).hexdigest()
    item, ours = idempotency.begun(
        call.deployment.database, f"{call.tenant}#IDEM#{scope}", fingerprint, call.deployment.now()
    )
    if item.fingerprint != fingerprint:
        raise Unprocessable("idempotency_mismatch", param="Idempotency-Key")
    if not ours and not idempotency.finished(item):
        raise refusals.Running
    return item, ours


def _answered(app: APIGatewayHttpResolver, call: Call, next_middleware: NextMiddleware) -> Response[Any]:
    """The answer, a refusal included: who was told no is not to find it done by a copy that was under way.

    Raises what is not kept.
    """
    try:
        return next_middleware(app)
    except (TooMany, Stale):  # the former passes, and after the latter the caller reads, and asks with another version
        raise
    except VouchError as refusal:
        response = refusals.told(refusal, call)
        if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise
        return response


def _replayed(item: Idempotency) -> Response[Any]:
    answer = idempotency.answer(item) or "null"
    headers = {"Idempotent-Replayed": "true"}
    if item.status >= HTTPStatus.BAD_REQUEST:
        return Response(item.status, PROBLEM_TYPE, answer, headers)
    return Response(item.status, "application/json", json.loads(answer), headers)

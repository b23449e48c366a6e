"""`/rails/{rail}/{brand_id}`: what rails tell by themselves. What nothing proves genuine changes nothing.

It is answered 2xx once the payouts that it names are to be looked after; what it says of them is not believed.
"""

import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from vouch import calls, raw, telemetry
from vouch.domain import ids
from vouch.domain.errors import (
    MethodNotAllowed,
    NotFound,
    TooLarge,
    Unauthenticated,
    Unavailable,
    VouchError,
)
from vouch.rails.base import Request
from vouch.raw import Answer
from vouch.service import callbacks
from vouch.service.callbacks import Heard
from vouch.service.deployment import deployment

_BYTES_MAX = 256 * 1024
_SECONDS_TO_SPARE = 3
_REFUSALS: Mapping[Heard, Callable[[], VouchError]] = {
    Heard.UNKNOWN: NotFound,
    Heard.FORGED: lambda: Unauthenticated("bad_signature"),
    Heard.LATER: Unavailable,
}


def handler(event: dict[str, Any], context: Any) -> Answer:
    """Never raises: the rail is told that it may try again."""
    if event.get("warm"):
        deployment()
        telemetry.logger().info("warm")
        return {}
    call = calls.received(deployment, raw.headers(event))
    said = event.get("pathParameters") or {}
    rail, brand_id = said.get("rail") or "", said.get("brand_id") or ""
    # Anybody can post to any path, and what is in it has no place in the log.
    named = brand_id if ids.is_id(brand_id, "brd_") else None
    try:
        heard = _heard(event, rail, brand_id, context)
    except VouchError as refusal:
        answer = raw.refusal(refusal, call)
    except Exception:  # noqa: BLE001 - an answer is better than a 502
        telemetry.logger().exception("a callback was not heard", request_id=call.request_id, brand=named)
        answer = raw.refusal(Unavailable(), call)
    else:
        answer = raw.answer(HTTPStatus.OK, "application/json", json.dumps({"status": heard}))
    telemetry.logger().info("callback", request_id=call.request_id, brand=named, status=answer["statusCode"])
    return answer


def _heard(event: dict[str, Any], rail: str, brand_id: str, context: Any) -> Heard:
    if event["requestContext"]["http"]["method"] != "POST":
        raise MethodNotAllowed(allow="POST")
    body = raw.body(event)
    if len(body) > _BYTES_MAX:
        raise TooLarge(limit=_BYTES_MAX)
    heard = callbacks.heard(
        deployment(),
        rail,
        brand_id,
        Request(raw.headers(event), body),
        in_time=lambda: bool(context.get_remaining_time_in_millis() > _SECONDS_TO_SPARE * 1000),
    )
    refusal = _REFUSALS.get(heard)
    if refusal is not None:
        error = refusal()
        raise error
    return heard

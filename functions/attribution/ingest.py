"""`POST /webhooks/{connection}`: nothing is answered 2xx that is not stored, and nothing unproven is stored."""

import base64
import json
from functools import cache
from http import HTTPStatus
from typing import Any

from vouch import calls, telemetry
from vouch.calls import Call
from vouch.domain import ids
from vouch.domain.errors import MethodNotAllowed, Unavailable, Unprocessable, VouchError
from vouch.platforms.base import Request
from vouch.problems import PROBLEM_TYPE, problem
from vouch.service.deployment import deployment
from vouch.service.ingest import Ingest

Answer = dict[str, Any]


def handler(event: dict[str, Any], context: Any) -> Answer:
    """Never raises: the platform is told that it may try again."""
    if event.get("warm"):
        _ingest()
        telemetry.logger().info("warm")
        return {}
    headers = event.get("headers") or {}
    call = calls.received(deployment, headers)
    connection_id = (event.get("pathParameters") or {}).get("connection_id") or ""
    # Anybody can post to any path, and what is in it has no place in the log.
    named = connection_id if ids.is_id(connection_id, "con_") else None
    try:
        receipt = _ingest().receive(connection_id, Request(headers, _received(event)))
    except VouchError as refusal:
        return _refused(refusal, call, named)
    except Exception:  # noqa: BLE001 - an answer is better than a 502
        telemetry.logger().exception("a delivery was not stored", request_id=call.request_id, connection=named)
        return _refused(Unavailable(), call, named)
    status = "duplicate" if receipt.repeated else "stored"
    telemetry.logger().info("delivery", connection=named, delivery=receipt.delivery_id, status=status)
    return _answer(200, "application/json", {"delivery_id": receipt.delivery_id, "status": status})


def _received(event: dict[str, Any]) -> bytes:
    """The raw body. API Gateway sends as base64 what it does not take for text."""
    if event["requestContext"]["http"]["method"] != "POST":
        raise MethodNotAllowed(allow="POST")
    body = event.get("body") or ""
    if not event.get("isBase64Encoded"):
        return str(body).encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(body, validate=True)
    except ValueError:  # not base64, or not even ASCII
        raise Unprocessable("invalid_body") from None


def _refused(refusal: VouchError, call: Call, connection_id: str | None) -> Answer:
    body = problem(refusal, call.language, call.request_id)
    telemetry.logger().info(
        "refused",
        request_id=call.request_id,
        connection=connection_id,
        code=refusal.reason,
        status=body["status"],
    )
    if body["status"] >= HTTPStatus.INTERNAL_SERVER_ERROR:
        telemetry.count("Unforeseen")
    answer = _answer(body["status"], PROBLEM_TYPE, body)
    if isinstance(refusal, MethodNotAllowed):
        answer["headers"]["allow"] = "POST"
    return answer


def _answer(status: int, content_type: str, body: dict[str, Any]) -> Answer:
    headers = {"content-type": content_type, "cache-control": "no-store"}
    return {"statusCode": status, "headers": headers, "body": json.dumps(body, ensure_ascii=False)}


@cache
def _ingest() -> Ingest:
    return Ingest(deployment())

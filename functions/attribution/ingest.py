"""`/webhooks/{connection}`: no delivery is answered 2xx that is not stored, and nothing unproven is stored.

A GET is a platform's question whether the address is meant; a greeting that some send first is answered and forgotten.
"""

import base64
import json
from collections.abc import Mapping
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
    headers = _headers(event)
    call = calls.received(deployment, headers)
    connection_id = (event.get("pathParameters") or {}).get("connection_id") or ""
    # Anybody can post to any path, and what is in it has no place in the log.
    named = connection_id if ids.is_id(connection_id, "con_") else None
    try:
        return _answered(event, headers, connection_id)
    except VouchError as refusal:
        return _refused(refusal, call, named)
    except Exception:  # noqa: BLE001 - an answer is better than a 502
        telemetry.logger().exception("a delivery was not stored", request_id=call.request_id, connection=named)
        return _refused(Unavailable(), call, named)


def _answered(event: dict[str, Any], headers: Mapping[str, str], connection_id: str) -> Answer:
    method = event["requestContext"]["http"]["method"]
    if method == "GET":
        challenge = _ingest().challenge(connection_id, event.get("queryStringParameters") or {})
        telemetry.logger().info("challenge", connection=connection_id)
        return _answer(200, "text/plain; charset=utf-8", challenge)
    if method != "POST":
        raise MethodNotAllowed(allow="POST")
    receipt = _ingest().receive(connection_id, Request(headers, _received(event)))
    if receipt is None:
        telemetry.logger().info("ping", connection=connection_id)
        return _answer(200, "application/json", json.dumps({"status": "ping"}))
    status = "duplicate" if receipt.repeated else "stored"
    telemetry.logger().info("delivery", connection=connection_id, delivery=receipt.delivery_id, status=status)
    told = json.dumps({"delivery_id": receipt.delivery_id, "status": status})
    return _answer(200, "application/json", told if receipt.reply is None else receipt.reply)


def _headers(event: dict[str, Any]) -> dict[str, str]:
    """By names in lower case, as adapters know them; what is said twice is joined, as API Gateway does."""
    headers: dict[str, str] = {}
    for name, value in (event.get("headers") or {}).items():
        known = headers.get(name.lower())
        headers[name.lower()] = value if known is None else f"{known},{value}"
    return headers


def _received(event: dict[str, Any]) -> bytes:
    """The raw body. API Gateway sends as base64 what it does not take for text."""
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
    answer = _answer(body["status"], PROBLEM_TYPE, json.dumps(body, ensure_ascii=False))
    if isinstance(refusal, MethodNotAllowed):
        answer["headers"]["allow"] = "POST"
    return answer


def _answer(status: int, content_type: str, body: str) -> Answer:
    headers = {"content-type": content_type, "cache-control": "no-store", "x-content-type-options": "nosniff"}
    return {"statusCode": status, "headers": headers, "body": body}


@cache
def _ingest() -> Ingest:
    return Ingest(deployment())

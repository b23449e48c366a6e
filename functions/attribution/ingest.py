"""`/webhooks/{connection}`: no delivery is answered 2xx that is not stored, and nothing unproven is stored.

A GET is a platform's question whether the address is meant; a greeting that some send first is answered and forgotten.
"""

import json
from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from typing import Any

from vouch import calls, raw, telemetry
from vouch.calls import Call
from vouch.domain import ids
from vouch.domain.errors import MethodNotAllowed, Unavailable, VouchError
from vouch.platforms.base import Request
from vouch.raw import Answer
from vouch.service.deployment import deployment
from vouch.service.ingest import Ingest


def handler(event: dict[str, Any], context: Any) -> Answer:
    """Never raises: the platform is told that it may try again."""
    if event.get("warm"):
        _ingest()
        telemetry.logger().info("warm")
        return {}
    headers = raw.headers(event)
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
        return raw.answer(200, "text/plain; charset=utf-8", challenge)
    if method != "POST":
        raise MethodNotAllowed(allow="POST")
    receipt = _ingest().receive(connection_id, Request(headers, raw.body(event)))
    if receipt is None:
        telemetry.logger().info("ping", connection=connection_id)
        return raw.answer(200, "application/json", json.dumps({"status": "ping"}))
    status = "duplicate" if receipt.repeated else "stored"
    telemetry.logger().info("delivery", connection=connection_id, delivery=receipt.delivery_id, status=status)
    told = json.dumps({"delivery_id": receipt.delivery_id, "status": status})
    return raw.answer(200, "application/json", told if receipt.reply is None else receipt.reply)


def _refused(refusal: VouchError, call: Call, connection_id: str | None) -> Answer:
    answer = raw.refusal(refusal, call)
    telemetry.logger().info(
        "refused",
        request_id=call.request_id,
        connection=connection_id,
        code=refusal.reason,
        status=answer["statusCode"],
    )
    if answer["statusCode"] >= HTTPStatus.INTERNAL_SERVER_ERROR:
        telemetry.count("Unforeseen")
    return answer


@cache
def _ingest() -> Ingest:
    return Ingest(deployment())

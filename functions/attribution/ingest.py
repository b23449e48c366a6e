"""`POST /webhooks/{connection}`: nothing is answered 2xx that is not stored, and nothing unproven is stored."""

import base64
import json
from functools import cache
from typing import Any

from vouch import messages, telemetry
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
    connection_id = (event.get("pathParameters") or {}).get("connection_id") or ""
    try:
        receipt = _ingest().receive(connection_id, Request(headers, _received(event)))
    except VouchError as refusal:
        return _refused(refusal, headers, context, connection_id)
    except Exception:  # noqa: BLE001 - an answer is better than a 502
        telemetry.logger().exception("a delivery was not stored", connection=connection_id)
        return _refused(Unavailable(), headers, context, connection_id)
    status = "duplicate" if receipt.repeated else "stored"
    telemetry.logger().info("delivery", connection=connection_id, delivery=receipt.delivery_id, status=status)
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


def _refused(refusal: VouchError, headers: dict[str, str], context: Any, connection_id: str) -> Answer:
    request_id = getattr(context, "aws_request_id", "")
    body = problem(refusal, messages.language(headers.get("accept-language", "")), request_id)
    telemetry.logger().info("refused", connection=connection_id, code=refusal.reason, status=body["status"])
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

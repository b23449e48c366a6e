"""Requests whose bytes somebody has signed: read as they came, and answered in the words of the API."""

import base64
import json
from collections.abc import Mapping
from typing import Any

from vouch.calls import Call
from vouch.domain.errors import MethodNotAllowed, Unprocessable, VouchError
from vouch.problems import PROBLEM_TYPE, problem

Answer = dict[str, Any]


def headers(event: Mapping[str, Any]) -> dict[str, str]:
    """By names in lower case, as adapters know them; what is said twice is joined, as API Gateway does."""
    found: dict[str, str] = {}
    for name, value in (event.get("headers") or {}).items():
        known = found.get(name.lower())
        found[name.lower()] = value if known is None else f"{known},{value}"
    return found


def body(event: Mapping[str, Any]) -> bytes:
    """The raw body. API Gateway sends as base64 what it does not take for text. Raises Unprocessable."""
    said = event.get("body") or ""
    if not event.get("isBase64Encoded"):
        return str(said).encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(said, validate=True)
    except ValueError:  # not base64, or not even ASCII
        raise Unprocessable("invalid_body") from None


def answer(status: int, content_type: str, text: str) -> Answer:
    """As API Gateway takes it."""
    fixed = {"content-type": content_type, "cache-control": "no-store", "x-content-type-options": "nosniff"}
    return {"statusCode": status, "headers": fixed, "body": text}


def refusal(error: VouchError, call: Call) -> Answer:
    """A refusal as the API tells it."""
    told = problem(error, call.language, call.request_id)
    refused = answer(told["status"], PROBLEM_TYPE, json.dumps(told, ensure_ascii=False))
    if isinstance(error, MethodNotAllowed):
        refused["headers"]["allow"] = "POST"
    return refused

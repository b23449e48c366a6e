"""Recorded deliveries, byte for byte, and the signature vectors that come with them."""

import base64
import functools
import json
from pathlib import Path
from typing import Any

from vouch.platforms.base import Pseudonym, Reading, Request, Said, Unreadable
from vouch.platforms.registry import PLATFORMS

FOLDER = Path(__file__).parents[1] / "data" / "platforms"
BODIES = (".json", ".form")

SHOPIFY_SECRET = "test-shopify-client-secret"
WOOCOMMERCE_SECRET = "test-woo-webhook-secret"
META_SECRET = "test-meta-app-secret"
SQUARE_KEY = "test-square-signature-key"
TIKTOK_SECRET = "123"
TIKTOK_APP_KEY = "abcdef"
STRIPE_SECRET = "whsec_test_secret"
BIGCOMMERCE_SECRET = "test-bigcommerce-client-secret"
STANDARD_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def request(name: str) -> Request:
    """A sample such as `shopify/orders_paid`, with its headers as the edge hands them on."""
    headers = json.loads((FOLDER / f"{name}.headers.json").read_bytes())
    body = next(FOLDER / f"{name}{ending}" for ending in BODIES if (FOLDER / f"{name}{ending}").exists())
    return Request({key.lower(): value for key, value in headers.items()}, body.read_bytes())


def names(platform: str) -> list[str]:
    """All that were recorded of it."""
    return sorted(
        f"{platform}/{path.name[: -len('.headers.json')]}" for path in (FOLDER / platform).glob("*.headers.json")
    )


def content(name: str) -> dict[str, Any]:
    parsed = json.loads((FOLDER / f"{name}.json").read_bytes())
    assert isinstance(parsed, dict)
    return parsed


pseudonym = Pseudonym(lambda text: f"<{text}>", "door")
"""One that can be seen through, so that tests see what would have been hashed."""


def reading(platform: str, request: Request) -> Reading:
    """What a delivery says, where it says anything."""
    read = PLATFORMS[platform].facts(request, pseudonym)
    assert isinstance(read, Reading), read
    return read


def outcome(platform: str, request: Request) -> Said | Unreadable:
    """What a delivery says, or the refusal to read it."""
    try:
        return PLATFORMS[platform].facts(request, pseudonym)
    except Unreadable as refusal:
        return refusal


def answer(platform: str, body: bytes) -> Said | Unreadable:
    """What the platform's answer says that a conversation came back with, or the refusal to read it."""
    api = PLATFORMS[platform].api
    assert api is not None
    try:
        return api.read(body, pseudonym)
    except Unreadable as refusal:
        return refusal


@functools.cache
def vectors() -> list[dict[str, Any]]:
    found = json.loads((FOLDER / "vectors.json").read_bytes())["vectors"]
    assert isinstance(found, list)
    return found


def vector_request(vector: dict[str, Any]) -> Request:
    """The request of a vector: inline, from a file, or inside the event that API Gateway makes of it."""
    headers = vector.get("headers")
    if "lambda_event_file" in vector:
        event = json.loads((FOLDER / vector["lambda_event_file"]).read_bytes())
        headers, body = event["headers"], event["body"].encode()
        if event["isBase64Encoded"]:
            body = base64.b64decode(body)
    elif "body_file" in vector:
        body = (FOLDER / vector["body_file"]).read_bytes()
    else:
        body = vector["body"].encode()
    assert headers is not None
    return Request({key.lower(): value for key, value in headers.items()}, body)

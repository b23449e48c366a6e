"""What a body may be: JSON of a bounded size, read more strictly than JSON itself asks for."""

import base64
import binascii
import json
from typing import Any, Final, NoReturn

from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from vouch.domain.errors import Malformed, TooLarge, UnsupportedMediaType

BODY_BYTES_MAX: Final = 256 * 1024
_JSON: Final = "application/json"


def check(event: APIGatewayProxyEventV2, *, wanted: bool) -> None:
    """Raises TooLarge before anything is read, and what speaks against the content where a body is `wanted`."""
    content = raw(event)
    if len(content) > BODY_BYTES_MAX:
        raise TooLarge(limit=BODY_BYTES_MAX)
    if not wanted or not content:
        return
    if event.headers.get("content-type", _JSON).partition(";")[0].strip().lower() != _JSON:
        raise UnsupportedMediaType(param="Content-Type")
    try:
        content.decode()
    except UnicodeDecodeError:
        raise Malformed("invalid_json") from None


def raw(event: APIGatewayProxyEventV2) -> bytes:
    """The bytes that were sent. Raises Malformed where the gateway's wrapping holds none."""
    body = event.body or ""
    try:
        return base64.b64decode(body, validate=True) if event.is_base64_encoded else body.encode()
    except (binascii.Error, UnicodeEncodeError):
        raise Malformed("invalid_json") from None


def parsed(text: str) -> dict[str, Any]:
    """One object, each name once, with finite numbers and whole characters. Raises Malformed."""
    try:
        value = json.loads(text, object_pairs_hook=_each_once, parse_constant=_not_a_number)
        if "\\ud" in text.lower():
            written(value).encode()  # half a surrogate pair is no character
    except (ValueError, RecursionError):
        raise Malformed("invalid_json") from None
    if not isinstance(value, dict):
        raise Malformed("invalid_json")
    return value


def written(value: Any) -> str:
    """As we write JSON: compact, and readable in every script."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name twice")
    return found


def _not_a_number(constant: str) -> NoReturn:
    raise ValueError(constant)

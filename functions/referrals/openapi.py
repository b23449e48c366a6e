"""One OpenAPI document for all functions, out of the very routes that answer; only what is no `Api` is written here."""

import json
from functools import cache
from typing import Any, Final

from aws_lambda_powertools.event_handler.api_gateway import Route
from aws_lambda_powertools.event_handler.openapi.models import HTTPBearer

from attribution.api import api as attribution
from payouts.api import api as payouts
from referrals.api import api as referrals
from vouch import __version__
from vouch.bodies import BODY_BYTES_MAX
from vouch.http import Api
from vouch.problems import PROBLEM_TYPE
from vouch.wire.about import Problem

_ABOUT: Final = f"""Referrals, attribution and creators' commissions.

Money is `{{"amount": 1234, "currency": "ILS"}}` in minor units, times are RFC 3339, rates are basis points. Bodies are
JSON of at most {BODY_BYTES_MAX} bytes, and a field that a route does not know is refused. Every refusal is a problem
document. Lists take `limit` and `cursor`. A POST may carry an `Idempotency-Key`: for 72 hours its repeat gets the same
answer. Changes may carry `If-Match` with the `ETag` that was read.
"""
_SCHEMES: Final = {
    "api_key": HTTPBearer(description="A brand's key, `vk_live_…` or `vk_test_…`; a route names the scope it needs"),
    "operator": HTTPBearer(description="The key of whoever runs this deployment"),
}
_NOT_OURS: Final = {"ValidationError", "HTTPValidationError", "ResponseValidationError"}
"""Powertools' own shapes of refusals, which `Api` never answers with."""
_REFUSAL: Final = {
    "description": "A refusal",
    "content": {PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
_TEXT: Final = {"type": "string"}


@cache
def document() -> str:
    """The document as JSON; this process's routes do not change."""
    merged: dict[str, Any] = {}
    for api in (referrals, attribution, payouts):
        described = _described(api)
        if not merged:
            merged = described
            continue
        _merge(merged["paths"], described["paths"])
        _merge(merged["components"]["schemas"], described["components"]["schemas"])
    merged["paths"] = dict(sorted((merged["paths"] | _DOORS).items()))
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    _merge(merged["components"]["schemas"], problem.pop("$defs") | {"Problem": problem})
    return json.dumps(_whole(merged), ensure_ascii=False)


def _described(api: Api) -> dict[str, Any]:
    schema = api.get_openapi_schema(
        title="Vouch", version=__version__, description=_ABOUT, security_schemes=dict(_SCHEMES)
    )
    described: dict[str, Any] = schema.model_dump(mode="json", by_alias=True, exclude_none=True)
    for route in api.routes:
        _mend(described["paths"][route.openapi_path][route.method.lower()], route)
    for name in _NOT_OURS:
        described["components"]["schemas"].pop(name, None)
    return described


def _mend(operation: dict[str, Any], route: Route) -> None:
    operation["operationId"] = route.func.__name__
    operation["summary"] = route.func.__name__.replace("_", " ").capitalize()
    operation["tags"] = [route.openapi_path.removeprefix("/v1").split("/")[1].partition(".")[0]]
    if route.func.__doc__:
        operation["description"] = route.func.__doc__
    answers = {status: answer for status, answer in operation["responses"].items() if status.startswith("2")}
    operation["responses"] = answers | {"default": _REFUSAL}
    closed = operation["security"] != [{}]
    if closed and route.method == "POST":
        operation.setdefault("parameters", []).append(_header("Idempotency-Key", "A repeat gets the first answer"))
    if closed and route.method in {"PATCH", "DELETE"}:
        operation.setdefault("parameters", []).append(_header("If-Match", "The `ETag` of what is to be changed"))


def _header(name: str, description: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": False, "description": description, "schema": _TEXT}


def _merge(known: dict[str, Any], more: dict[str, Any]) -> None:
    for name, described in more.items():
        if known.setdefault(name, described) != described:
            raise LookupError(f"{name} is described twice, and not alike")


def _whole(described: Any) -> Any:
    """Powertools writes the bounds of integers as floats."""
    if isinstance(described, dict):
        return {name: _whole(value) for name, value in described.items()}
    if isinstance(described, list):
        return [_whole(value) for value in described]
    return int(described) if isinstance(described, float) and described.is_integer() else described


def _path_parameter(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": _TEXT}


_DOORS: Final[dict[str, Any]] = {
    "/r/{slug}": {
        "get": {
            "operationId": "follow_link",
            "summary": "Follow a link",
            "tags": ["r"],
            "security": [{}],
            "parameters": [_path_parameter("slug")],
            "responses": {
                "302": {
                    "description": "To the link's destination, with a click id in its query",
                    "headers": {"Location": {"schema": {"type": "string", "format": "uri"}}},
                },
                "404": {
                    "description": "A page that says that there is no such link, or that it is paused",
                    "content": {"text/html": {"schema": _TEXT}},
                },
            },
        }
    },
    **{
        f"/r/{{slug}}/qr.{kind}": {
            "get": {
                "operationId": f"draw_link_as_{kind}",
                "summary": "A link as a QR code",
                "tags": ["r"],
                "security": [{}],
                "parameters": [_path_parameter("slug")],
                "responses": {
                    "200": {"description": "The picture", "content": {media_type: {}}},
                    "404": {"description": "No such link", "content": {"text/html": {"schema": _TEXT}}},
                },
            }
        }
        for kind, media_type in (("svg", "image/svg+xml"), ("png", "image/png"))
    },
    "/webhooks/{connection_id}": {
        "post": {
            "operationId": "receive_webhook",
            "summary": "A platform's own request, proven by its signature",
            "tags": ["webhooks"],
            "security": [{}],
            "parameters": [_path_parameter("connection_id")],
            "requestBody": {"required": True, "content": {"*/*": {}}},
            "responses": {
                "200": {"description": "Stored, now or before", "content": {"application/json": {}}},
                "default": _REFUSAL,
            },
        }
    },
}
"""The hot paths, whose functions load none of this."""

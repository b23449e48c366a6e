"""One OpenAPI document for all functions, out of the very routes that answer; only what is no `Api` is written here."""

import json
from functools import cache
from typing import Any, Final

from aws_lambda_powertools.event_handler.api_gateway import Route
from aws_lambda_powertools.event_handler.openapi.models import HTTPBearer

from attribution.api import api as attribution
from payouts.api import api as payouts
from payouts.statement_pdf import api as papers
from referrals import embed
from referrals.api import api as referrals
from vouch import __version__
from vouch.bodies import BODY_BYTES_MAX
from vouch.http import IF_MATCH, ONLY_ONCE, Api
from vouch.problems import PROBLEM_TYPE
from vouch.wire.about import Problem
from vouch.wire.explanations import EXAMPLE as EXPLANATION

_ABOUT: Final = f"""Referrals, attribution and creators' commissions.

Money is `{{"amount": 1234, "currency": "ILS"}}` in minor units, times are RFC 3339, rates are basis points. Bodies are
JSON of at most {BODY_BYTES_MAX} bytes, and a field that a route does not know is refused. Every refusal is a problem
document. Lists take `limit` and `cursor`. A POST may carry an `Idempotency-Key`: for 72 hours its repeat gets the same
answer. Changes may carry `If-Match` with the `ETag` that was read.
"""
_SCHEMES: Final = {
    "api_key": HTTPBearer(description="A brand's key, `vk_live_…` or `vk_test_…`; a route names the scopes it needs"),
    "operator": HTTPBearer(description="The key of whoever runs this deployment"),
}
_NOT_OURS: Final = {"ValidationError", "HTTPValidationError", "ResponseValidationError"}
"""Powertools' own shapes of refusals, which `Api` never answers with."""
_PROBLEM: Final = {PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
_REFUSAL: Final = {"description": "Any other refusal", "content": _PROBLEM}
_TEXT: Final = {"type": "string"}
_EXAMPLES: Final = {"Explanation": EXPLANATION}
"""By schema; put in last, since Powertools drops every null on its way."""
_Codes = dict[int, tuple[str, ...]]
_TERMS: Final[_Codes] = {
    422: (
        "currency_mismatch",
        "empty_range",
        "rule_never_reached",
        "tiers_need_rule",
        "levels_not_ascending",
        "bonus_repeated",
        "terms_too_large",
    )
}
_PUBLISHED: Final[_Codes] = {422: ("rail_unfit_for_currency", *_TERMS[422])}
_UNTOLD: Final = ("rate_missing", "awaiting_volume")
_CONNECTION: Final[_Codes] = {404: ("not_found",), 422: ("not_a_host", "address_not_allowed", "too_many")}
_SUBMISSION: Final[_Codes] = {404: ("not_found",), 422: ("invalid_order", "amount_out_of_range")}
_SAMPLE: Final = ("duplicate_line", "discount_above_price", *_SUBMISSION[422])
_DECISION: Final[_Codes] = {403: ("own_adjustment",), 409: ("adjustment_decided",)}
_OWN_REFUSALS: Final[dict[str, _Codes]] = {
    "create_brand": {422: ("not_a_test_brand",)},
    "add_domain": {422: ("not_a_host", "too_many")},
    "remove_domain": {409: ("host_of_connection",)},
    "create_key": {403: ("scope_exceeded",)},
    "revoke_key": {403: ("scope_exceeded",)},
    "create_program": _PUBLISHED,
    "publish_terms": {422: ("effective_in_past", "too_many", *_PUBLISHED[422])},
    "create_creator": {404: ("not_found",), 409: ("email_taken", "handle_taken"), 422: ("changed_too_often",)},
    "change_creator": {
        409: ("email_taken", "handle_taken"),
        422: ("own_recruiter", "mutual_recruiters", "changed_too_often", "email_changed_too_often"),
    },
    "replace_product_ties": {409: ("product_taken",), 422: ("too_many", "changed_too_often")},
    "fix_exchange_rate": {409: ("rate_fixed",), 422: ("same_currency",)},
    "enrol_creator": {
        404: ("not_found",),
        409: ("already_enrolled",),
        422: ("not_active_yet", "creator_not_active_yet"),
    },
    "list_enrolments": {400: ("one_of_two",)},
    "change_enrolment": {409: ("status_not_possible",)},
    "create_link": {
        404: ("not_found",),
        409: ("slug_taken", "slug_reserved"),
        422: ("destination_not_allowed",),
    },
    "change_link": {
        409: ("slug_taken", "slug_reserved", "link_deleted"),
        422: ("destination_not_allowed", "too_many_slugs"),
    },
    "give_code": {404: ("not_found",), 409: ("code_taken",), 422: ("not_a_code",)},
    "end_code": {422: ("effective_in_past",)},
    "connect_platform": _CONNECTION
    | {422: ("platform_not_supported", "secret_not_usable", "setting_missing", *_CONNECTION[422])},
    "change_connection": _CONNECTION | {422: ("setting_missing", *_CONNECTION[422])},
    "reconcile_connection": {
        422: ("not_reconcilable", "api_token_missing", "since_out_of_range", "connection_disabled")
    },
    "rotate_connection_secret": {422: ("secret_not_usable",)},
    "submit_order": _SUBMISSION | {422: ("placed_at_changed", "from_the_future", *_SAMPLE)},
    "submit_refund": _SUBMISSION
    | {422: ("unknown_line", "refund_of_nothing", "tax_above_amount", "from_the_future", *_SUBMISSION[422])},
    "submit_dispute": _SUBMISSION | {422: ("from_the_future", *_SUBMISSION[422])},
    "submit_decision": _SUBMISSION | {422: ("order_unknown_yet", "not_enrolled", "no_terms", *_SUBMISSION[422])},
    "show_creator_statement": {400: ("one_of_two",), 422: ("statement_too_long",)},
    "print_creator_statement": {400: ("one_of_two",), 422: ("statement_too_long",)},
    "show_payout_method": {404: ("not_found", "payout_method_missing")},
    "set_payout_method": {
        422: (
            "invalid_iban",
            "invalid_bic",
            "invalid_bank_account",
            "invalid_id_number",
            "invalid_stripe_account",
            "invalid_holder_name",
            "holder_name_not_latin",
            "payout_method_changed_too_often",
        )
    },
    "replace_payout_settings": {422: ("unknown_currency", "rail_unknown", "rail_unfit_for_currency")},
    "set_up_payout_rail": {
        422: (
            "rail_setting_missing",
            "rail_secret_missing",
            "rail_setting_unknown",
            "rail_setting_not_one_of",
            "rail_setting_not_valid",
            "address_not_allowed",
            "live_account_in_test_brand",
            "sandbox_account_in_live_brand",
        )
    },
    "resume_payout_rail": {422: ("rail_not_set_up",)},
    "create_payout_run": {404: ("not_found",), 422: ("rail_unknown", "rail_not_set_up", "rail_unfit_for_currency")},
    "show_payout_run_file": {
        404: ("file_not_found", "file_expired"),
        409: ("file_not_yet_written",),
        422: ("file_ambiguous",),
    },
    "cancel_payout_run": {409: ("run_already_sent",)},
    "list_payouts": {404: ("not_found",)},
    "settle_payout": {409: ("payout_not_in_time", "payout_settled_otherwise", "payout_told_by_rail")},
    "fail_payout": {409: ("payout_not_in_time", "payout_failed_otherwise", "payout_told_by_rail")},
    "create_adjustment": {404: ("not_found",)},
    "create_writeoff": {404: ("not_found",), 422: ("nothing_owed",)},
    "approve_adjustment": _DECISION | {422: ("nothing_owed",)},
    "decline_adjustment": _DECISION,
    "reverse_adjustment": {409: ("already_reversed", "not_reversible")},
    "submit_rail_statement": {409: ("statement_line_differs",)},
    "show_clearing_report": {422: ("rail_unknown",)},
    "create_simulation": _TERMS | {404: ("not_found",), 429: ("too_many_at_once",)},
    "explain_simulated_order": {422: _UNTOLD},
    "preview_terms": {
        400: ("one_of_two",),
        404: ("not_found",),
        422: (*_SAMPLE, *_UNTOLD, *_TERMS[422]),
    },
    "show_simulation": {409: ("simulation_not_done",), 422: ("simulation_too_long",)},
    "move_test_clock": {403: ("not_a_test_brand",), 422: ("clock_backwards",)},
}
"""What a route refuses by itself, beside what its shape says."""


@cache
def document() -> str:
    """The document as JSON; this process's routes do not change."""
    merged: dict[str, Any] = {}
    for api in (referrals, attribution, payouts, papers):
        described = _described(api)
        if not merged:
            merged = described
            continue
        _merge(merged["paths"], described["paths"])
        _merge(merged["components"]["schemas"], described["components"]["schemas"])
    merged["paths"] = dict(sorted((merged["paths"] | _DOORS).items()))
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    _merge(merged["components"]["schemas"], problem.pop("$defs") | {"Problem": problem})
    for name, example in _EXAMPLES.items():
        merged["components"]["schemas"][name]["examples"] = [example]
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
    answers = {status: answer for status, answer in operation["responses"].items() if status.startswith(("2", "3"))}
    operation["responses"] = answers | _refusals(operation, route) | {"default": _REFUSAL}
    closed = operation["security"] != [{}]
    if closed and route.method == "POST":
        key = _header("Idempotency-Key", "A repeat gets the first answer") | {"required": _is_only_once(route)}
        operation.setdefault("parameters", []).append(key)
    if _is_versioned(route):
        operation.setdefault("parameters", []).append(_header("If-Match", "The `ETag` of what is to be changed"))


def _refusals(operation: dict[str, Any], route: Route) -> dict[str, Any]:
    """By status: what follows from the route's shape, and what it refuses by itself."""
    parameters = operation.get("parameters", [])
    closed = operation["security"] != [{}]
    posts = closed and route.method == "POST"
    follows = [
        (400, "invalid_request", "requestBody" in operation or any(taken["in"] == "query" for taken in parameters)),
        (400, "idempotency_key_required", _is_only_once(route)),
        (400, "invalid_json", "requestBody" in operation),
        (400, "unknown_field", "requestBody" in operation),
        (400, "invalid_cursor", any(taken["name"] == "cursor" for taken in parameters)),
        (400, "invalid_idempotency_key", posts),
        (401, "unauthenticated", closed),
        (403, "scope_missing", any("api_key" in needed for needed in operation["security"])),
        (404, "not_found", any(taken["in"] == "path" for taken in parameters)),
        (409, "idempotency_running", posts),
        (412, "stale_version", _is_versioned(route)),
        (413, "too_large", "requestBody" in operation),
        (415, "unsupported_media_type", "requestBody" in operation),
        (422, "idempotency_mismatch", posts),
    ]
    own = _OWN_REFUSALS.get(operation["operationId"], {})
    codes: dict[int, list[str]] = {status: list(named) for status, named in own.items()}
    for status, code, holds in follows:
        if holds and code not in codes.setdefault(status, []):
            codes[status].append(code)
    return {str(status): _refusal(*named) for status, named in sorted(codes.items()) if named}


def _is_only_once(route: Route) -> bool:
    return ONLY_ONCE.items() <= (route.openapi_extensions or {}).items()


def _is_versioned(route: Route) -> bool:
    return IF_MATCH.items() <= (route.openapi_extensions or {}).items()


def _refusal(*codes: str) -> dict[str, Any]:
    return {"description": ", ".join(f"`{code}`" for code in codes), "content": _PROBLEM}


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


def _following(name: str, summary: str, missing: dict[str, Any]) -> dict[str, Any]:
    return {
        "operationId": name,
        "summary": summary,
        "tags": ["r"],
        "security": [{}],
        "parameters": [_path_parameter("slug")],
        "responses": {
            "302": {
                "description": "To the link's destination, with a click id in its query unless a robot asks",
                "headers": {"Location": {"schema": {"type": "string", "format": "uri"}}},
            },
            "404": missing,
        },
    }


_RECEIVED: Final = {"type": "object", "properties": {"status": {"type": "string", "enum": ["noted", "ignored"]}}}
_PAGE: Final = {"text/html": {"schema": _TEXT}}
_CHALLENGE: Final = ("hub.mode", "hub.verify_token", "hub.challenge")
_DOORS: Final[dict[str, Any]] = {
    "/r/{slug}": {
        "get": _following(
            "follow_link",
            "Follow a link",
            {"description": "A page that says that there is no such link, or that it is paused", "content": _PAGE},
        ),
        "head": _following(
            "look_up_link", "Where a link leads, which counts as no click", {"description": "No such link, or paused"}
        ),
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
                    "404": {"description": "No such link", "content": _PAGE},
                },
            }
        }
        for kind, media_type in (("svg", "image/svg+xml"), ("png", "image/png"))
    },
    "/deletions/{id}": {
        "get": {
            "operationId": "show_deletion_request",
            "summary": "What became of somebody's request to be forgotten, for them to read",
            "tags": ["webhooks"],
            "security": [{}],
            "parameters": [_path_parameter("id"), _header("Accept-Language", "English or Hebrew")],
            "responses": {
                "200": {"description": "Since when it is known, and since when it is done", "content": _PAGE},
                "404": {"description": "No such request, or not yet", "content": _PAGE},
            },
        }
    },
    embed.PATH: {
        "get": {
            "operationId": "load_storefront_snippet",
            "summary": "The storefront's snippet, which takes a click id from the landing page into the order",
            "tags": ["embed"],
            "security": [{}],
            "parameters": [_header("If-None-Match", "The `ETag` of what is known")],
            "responses": {
                "200": {"description": "The script", "content": {"text/javascript": {"schema": _TEXT}}},
                "304": {"description": "What is known is the newest"},
            },
        }
    },
    "/rails/{rail}/{brand_id}": {
        "post": {
            "operationId": "receive_rail_callback",
            "summary": "What a rail tells by itself, proven by its signature; the rail is then asked",
            "tags": ["rails"],
            "security": [{}],
            "parameters": [_path_parameter("rail"), _path_parameter("brand_id")],
            "requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}},
            "responses": {
                "200": {
                    "description": "Heard, or of no concern",
                    "content": {"application/json": {"schema": _RECEIVED}},
                },
                "401": _refusal("bad_signature"),
                "404": _refusal("not_found"),
                "405": _refusal("method_not_allowed"),
                "413": _refusal("too_large"),
                "422": _refusal("invalid_body"),
                "503": _refusal("unavailable"),
                "default": _REFUSAL,
            },
        }
    },
    "/webhooks/{connection_id}": {
        "get": {
            "operationId": "confirm_webhook",
            "summary": "A platform's question whether this address is meant; Meta alone asks",
            "tags": ["webhooks"],
            "security": [{}],
            "parameters": [
                _path_parameter("connection_id"),
                *({"name": name, "in": "query", "required": True, "schema": _TEXT} for name in _CHALLENGE),
            ],
            "responses": {
                "200": {"description": "The challenge as it came", "content": {"text/plain": {"schema": _TEXT}}},
                "403": _refusal("wrong_verify_token"),
                "404": _refusal("not_found"),
                "405": _refusal("method_not_allowed"),
                "default": _REFUSAL,
            },
        },
        "post": {
            "operationId": "receive_webhook",
            "summary": "A platform's own request, proven by its signature",
            "tags": ["webhooks"],
            "security": [{}],
            "parameters": [_path_parameter("connection_id")],
            "requestBody": {"required": True, "content": {"*/*": {}}},
            "responses": {
                "200": {"description": "Stored, now or before", "content": {"application/json": {}}},
                "401": _refusal("bad_signature"),
                "404": _refusal("not_found"),
                "413": _refusal("too_large"),
                "422": _refusal("invalid_body"),
                "default": _REFUSAL,
            },
        },
    },
}
"""The hot paths, whose functions load none of this."""

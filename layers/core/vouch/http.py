"""The doors of the API: who may call a route, what its body may be, and how a refusal is told.

How a route is written. A module beside the handler has `routes = Routes()` and, for each route, a function:

    @routes.post("/v1/programs", security=brand_access("programs:write"), status_code=201)
    def create(body: wire.NewProgram) -> wire.Program:
        call = routes.call
        program = programs.created(call.deployment, call.mint, call.brand, …)
        return wire.Program.of(program)

and the handler's module names the modules: `api = Api(programs.routes, links.routes)`, `handler = api.handler`. Then:

- `security` is OpenAPI's own word and is what is enforced, before the body is looked at. A route without it does not
  start. `brand_access(scope)`, `operator_access()` or `PUBLIC`.
- `routes.call` is this request: the caller's brand and key, `mint` for new ids, `if_match`, the language.
- The body is a strict model (`vouch.wire`), the answer a model too: one that breaks its own schema is a 500.
  A handler whose answer is no JSON returns a `Response` and leaves its own annotation to `Any`.
- An answer with an integer `version` carries it as its `ETag`.
- Refusals are raised by name (`vouch.domain.errors`), and `vouch.problems` gives each its status.
- Any POST may carry an `Idempotency-Key`. Things that it creates take their ids from `call.mint`, and a create that
  finds its own id taken has found its own earlier try: success. `openapi_extensions=SHOWN_ONCE` marks an answer with
  a secret: such an answer is never kept, a repeat works it out again.
"""

import base64
import binascii
import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final, override

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.api_gateway import ResponseBuilder, Route, Router
from aws_lambda_powertools.event_handler.middlewares import BaseMiddlewareHandler, NextMiddleware
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError, ResponseValidationError
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from vouch import messages, problems, telemetry
from vouch.domain import times
from vouch.domain.errors import (
    Conflict,
    Forbidden,
    Malformed,
    MethodNotAllowed,
    NotFound,
    TooLarge,
    Unauthenticated,
    Unavailable,
    Unprocessable,
    UnsupportedMediaType,
    VouchError,
)
from vouch.problems import PROBLEM_TYPE
from vouch.service import keys, mint
from vouch.service.deployment import Deployment, deployment
from vouch.service.mint import Mint
from vouch.store import idempotency
from vouch.store.database import FAILURES
from vouch.store.tables import ApiKey, Brand, Idempotency

BODY_BYTES_MAX: Final = 256 * 1024
SHOWN_ONCE: Final = {"x-shown-once": True}


class InvalidFields(Malformed):
    """The body or the query breaks its model: where, and the code and facts of each break."""

    def __init__(self, fields: Sequence[tuple[str, str, dict[str, str | int]]]) -> None:
        only_unknown = all(code == "unknown_field" for _, code, _ in fields)
        super().__init__("unknown_field" if only_unknown else None, param=fields[0][0])
        self.fields = fields


class Running(Conflict):
    """Another try of the same request is being worked on."""

    code = "idempotency_running"


Security = list[dict[str, list[str]]]
PUBLIC: Final[Security] = [{}]


def brand_access(scope: str) -> Security:
    """For API keys of any brand that have `scope`."""
    if scope not in keys.SCOPES:
        raise LookupError(f"no such scope: {scope}")
    return [{"api_key": [scope]}]


def operator_access() -> Security:
    """For the operator of the deployment."""
    return [{"operator": []}]


@dataclass(frozen=True, slots=True)
class Call:
    """One admitted request. `caller` is whom an `Idempotency-Key` belongs to, None on public routes."""

    connect: Callable[[], Deployment]
    request_id: str
    language: messages.Language
    mint: Mint
    caller: str | None = None
    if_match: int | None = None
    credential: tuple[ApiKey, Brand] | None = None

    @property
    def deployment(self) -> Deployment:
        """What the use-cases reach the world through."""
        return self.connect()

    @property
    def brand(self) -> Brand:
        """The caller's brand: whatever the request reads or writes belongs to it."""
        return self._proven()[1]

    @property
    def key(self) -> ApiKey:
        """The API key that the caller showed."""
        return self._proven()[0]

    def _proven(self) -> tuple[ApiKey, Brand]:
        if self.credential is None:
            raise LookupError("this route is not declared for brands")
        return self.credential


class Routes(Router):
    """The routes of one noun."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    @property
    def call(self) -> Call:
        """The request that is being answered."""
        call: Call = self.context["call"]
        return call


class Api(APIGatewayHttpResolver):
    """One function's routes behind an HTTP API; `handler` is what Lambda calls."""

    def __init__(self, *routers: Router, connect: Callable[[], Deployment] = deployment) -> None:
        super().__init__(
            enable_validation=True,
            response_validation_error_http_code=HTTPStatus.INTERNAL_SERVER_ERROR,
            json_body_deserializer=_parsed,
            serializer=_json,
            debug=False,
        )
        self.connect = connect
        for router in routers:
            self.include_router(router)
        self.use(middlewares=[_Once()])
        self.exception_handler(Exception)(self.problem)
        for route in self.routes:
            if not route.security:
                raise LookupError(f"{route.method} {route.path} does not say who may call it")

    @property
    def routes(self) -> list[Route]:
        """All that is served here."""
        return [*self._static_routes, *self._dynamic_routes]

    def handler(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        """Answers an event of an HTTP API (payload 2.0), and `{"warm": true}` with a line in the log. Never raises."""
        if event.get("warm"):
            self.connect()
            telemetry.logger().info("warm")
            return {}
        call = _call(self.connect, event.get("headers") or {})
        self.context.update(started=time.perf_counter(), call=call)
        try:
            return self.resolve(event, context)
        except Exception as error:  # noqa: BLE001 - of an exception the caller would see a bare 502
            self.context["call"] = call
            told = self.problem(error)
            return {"statusCode": told.status_code, "headers": told.headers, "body": told.body}

    # --- the steps of a request ---------------------------------------------------------------------------------------

    @override
    def _call_route(self, route: Route, route_arguments: dict[str, str]) -> ResponseBuilder[Any]:
        # Powertools validates before any middleware; who is asking, and how much, comes before that.
        try:
            self._admit(route)
            _check_body(self.current_event, takes_body=bool(route.dependant.body_params))
        except Exception as refusal:  # noqa: BLE001 - `problem` logs what is not ours
            return ResponseBuilder(self.problem(refusal), self._serializer, route)
        return super()._call_route(route, route_arguments)

    @override
    def _handle_not_found(self, method: str, path: str) -> ResponseBuilder[Any]:
        methods = sorted({route.method for route in self.routes if route.rule.match(path)})
        refusal = MethodNotAllowed(allow=", ".join(methods)) if methods else NotFound()
        return ResponseBuilder(self.problem(refusal), self._serializer)

    @override
    def _build_response(self, response_builder: ResponseBuilder[Any]) -> dict[str, Any]:
        call: Call = self.context["call"]
        response = response_builder.response
        version = response.body.get("version") if isinstance(response.body, dict) else None
        if type(version) is int:
            response.headers["ETag"] = f'"{version}"'
        response.headers |= {"Cache-Control": "no-store", "X-Request-Id": call.request_id}
        answer = super()._build_response(response_builder)
        telemetry.logger().info(
            "request",
            request_id=call.request_id,
            caller=call.caller,
            method=self.current_event.http_method,
            route=response_builder.route.path if response_builder.route else None,
            status=response.status_code,
            ms=round((time.perf_counter() - self.context["started"]) * 1000, 1),
        )
        return answer

    def _admit(self, route: Route) -> None:
        (requirement,) = route.security or [{"operator": []}]
        call: Call = self.context["call"]
        if requirement:
            scheme, token = self.current_event.headers.get("authorization", "").partition(" ")[::2]
            if scheme.lower() != "bearer":
                raise Unauthenticated
            call = replace(call, mint=mint.fresh(call.deployment))
            call = _as_operator(call, token) if "operator" in requirement else _as_brand(call, token, requirement)
        self.context["call"] = call

    # --- refusals -----------------------------------------------------------------------------------------------------

    def problem(self, error: Exception) -> Response[str]:
        """The refusal as a problem document (RFC 9457). What nobody foresaw is logged, and says nothing of itself."""
        call: Call = self.context["call"]
        refusal = _refusal(error)
        if refusal is None:
            refusal = Unavailable() if isinstance(error, FAILURES) else VouchError()
            _log_unforeseen(error, call)
        document = problems.problem(refusal, call.language, call.request_id)
        document["errors"] = [
            {"param": param, "code": code, "detail": messages.field_words(code, call.language, facts)}
            for param, code, facts in (refusal.fields if isinstance(refusal, InvalidFields) else ())
        ]
        headers = {"Content-Type": PROBLEM_TYPE, "Content-Language": call.language, "Vary": "Accept-Language"}
        if isinstance(refusal, Unauthenticated):
            headers["WWW-Authenticate"] = "Bearer"
        if isinstance(refusal, MethodNotAllowed):
            headers["Allow"] = str(refusal.facts["allow"])
        if isinstance(refusal, Running | Unavailable):
            headers["Retry-After"] = "1"
        return Response(document["status"], body=_json(document), headers=headers)


class _Once(BaseMiddlewareHandler[Api]):
    """A POST under an `Idempotency-Key` takes effect once; a repeat gets the first one's answer."""

    @override
    def handler(self, app: Api, next_middleware: NextMiddleware) -> Response[Any]:
        call: Call = app.context["call"]
        key = app.current_event.headers.get("idempotency-key")
        if app.current_event.http_method != "POST" or call.caller is None or key is None:
            return next_middleware(app)
        route: Route = app.context["_route"]
        item, ours = _begun(call, route.path, key, app.current_event)
        kept = "x-shown-once" not in (route.openapi_extensions or {})
        if not ours and kept:
            return _replayed(item)
        name = f"{item.pk}\x1f{item.birth}"
        again = mint.repeatable(call.deployment.secrets, name, times.parse(item.birth))
        app.context["call"] = replace(call, mint=again)
        try:
            response = _settled(app, next_middleware)
        except Exception:
            idempotency.abandon(call.deployment.database, item)
            raise
        if ours:
            answer = response.body if isinstance(response.body, str) else _json(response.body)
            idempotency.finish(call.deployment.database, item, int(response.status_code), answer if kept else None)
        else:
            response.headers["Idempotent-Replayed"] = "true"
        return response


def _call(connect: Callable[[], Deployment], headers: dict[str, str]) -> Call:
    """The request before anybody is admitted."""
    chance = Mint(datetime.now(UTC), os.urandom)
    return Call(
        connect=connect,
        request_id=chance.id("req_"),
        language=messages.language(headers.get("accept-language", "")),
        mint=chance,
        if_match=_if_match(headers.get("if-match")),
    )


def _begun(call: Call, path: str, key: str, event: APIGatewayProxyEventV2) -> tuple[Idempotency, bool]:
    if not re.fullmatch(r"[\x21-\x7e]{1,255}", key):
        raise Malformed("invalid_idempotency_key", param="Idempotency-Key")
    scope = hashlib.sha256(f"{call.caller}\x1f{path}\x1f{key}".encode()).hexdigest()
    fingerprint = hashlib.sha256(event.raw_path.encode() + b"\x1f" + _raw_body(event)).hexdigest()
    tenant = call.brand.id if call.credential else "operator"
    database = call.deployment.database
    item, ours = idempotency.begun(database, f"{tenant}#IDEM#{scope}", fingerprint, call.deployment.now())
    if item.fingerprint != fingerprint:
        raise Unprocessable("idempotency_mismatch", param="Idempotency-Key")
    if not ours and not idempotency.finished(item):
        raise Running
    return item, ours


def _settled(app: Api, next_middleware: NextMiddleware) -> Response[Any]:
    """The answer, a refusal of the caller's included: it will be the same next time. Raises what is our fault."""
    try:
        return next_middleware(app)
    except VouchError as refusal:
        response = app.problem(refusal)
        if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise
        return response


def _replayed(item: Idempotency) -> Response[Any]:
    answer = idempotency.answer(item) or "null"
    headers = {"Idempotent-Replayed": "true"}
    if item.status >= HTTPStatus.BAD_REQUEST:
        return Response(item.status, PROBLEM_TYPE, answer, headers)
    return Response(item.status, "application/json", json.loads(answer), headers)


def _as_brand(call: Call, token: str, requirement: dict[str, list[str]]) -> Call:
    key, brand = keys.authenticated(call.deployment, token)
    for scope in requirement["api_key"]:
        if not keys.covers(key.scopes, scope):
            raise Forbidden("scope_missing", scope=scope)
    return replace(call, caller=f"{brand.id}/{key.id}", credential=(key, brand))


def _as_operator(call: Call, token: str) -> Call:
    if not keys.is_operator(call.deployment, token):
        raise Unauthenticated
    return replace(call, caller="operator")


def _if_match(header: str | None) -> int | None:
    """The version that the caller saw; None asks nothing, and no version is 0, so that garbage matches none."""
    if header is None or header.strip() == "*":
        return None
    version = re.fullmatch(r'"([1-9][0-9]{0,14})"', header.strip())
    return int(version[1]) if version else 0


# --- bodies -----------------------------------------------------------------------------------------------------------


def _check_body(event: APIGatewayProxyEventV2, *, takes_body: bool) -> None:
    raw = _raw_body(event)
    if len(raw) > BODY_BYTES_MAX:
        raise TooLarge(limit=BODY_BYTES_MAX)
    if not takes_body or not raw:
        return
    media_type = event.headers.get("content-type", "application/json").partition(";")[0]
    if media_type.strip().lower() != "application/json":
        raise UnsupportedMediaType(param="Content-Type")
    try:
        raw.decode()
    except UnicodeDecodeError:
        raise Malformed("invalid_json") from None


def _raw_body(event: APIGatewayProxyEventV2) -> bytes:
    body = event.body or ""
    try:
        return base64.b64decode(body, validate=True) if event.is_base64_encoded else body.encode()
    except (binascii.Error, UnicodeEncodeError):
        raise Malformed("invalid_json") from None


def _parsed(text: str) -> dict[str, Any]:
    """One JSON object, each name once, with finite numbers and whole characters."""
    try:
        value = json.loads(text, object_pairs_hook=_each_once, parse_constant=_refused)
        if "\\ud" in text.lower():
            json.dumps(value, ensure_ascii=False).encode()  # half a surrogate pair is no character
    except (ValueError, RecursionError):
        raise Malformed("invalid_json") from None
    if not isinstance(value, dict):
        raise Malformed("invalid_json")
    return value


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name twice")
    return found


def _refused(constant: str) -> None:
    raise ValueError(constant)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


# --- what went wrong --------------------------------------------------------------------------------------------------

_FIELD_CODES: Final = {
    "extra_forbidden": "unknown_field",
    "greater_than_equal": "too_small",
    "less_than_equal": "too_great",
    "literal_error": "not_one_of",
    "string_too_short": "too_short",
    "string_too_long": "too_long",
}
"""Pydantic's words for a broken field and ours, where they differ."""

_FIELD_FACTS: Final = {"min_length": "least", "ge": "least", "max_length": "most", "le": "most"}


def _log_unforeseen(error: Exception, call: Call) -> None:
    if isinstance(error, ResponseValidationError):
        # Its own text would hold what people are called and where they live.
        breaks = [(broken["type"], broken["loc"]) for broken in error.errors()]
        telemetry.logger().error("an answer breaks its schema", request_id=call.request_id, breaks=breaks)
    else:
        telemetry.logger().error("unforeseen", request_id=call.request_id, exc_info=error)
    telemetry.count("Unforeseen")


def _refusal(error: Exception) -> VouchError | None:
    if isinstance(error, RequestValidationError):
        return InvalidFields([_field(broken) for broken in error.errors()])
    return error if isinstance(error, VouchError) and error.reason != "internal" else None


def _field(broken: dict[str, Any]) -> tuple[str, str, dict[str, str | int]]:
    kind = broken["type"]
    code = _FIELD_CODES.get(kind, kind)
    if code not in messages.FIELDS:
        code = "wrong_type" if kind.endswith(("_type", "_parsing", "_from_float")) else "wrong_shape"
    place, *path = broken["loc"]
    facts = {_FIELD_FACTS.get(name, name): value for name, value in (broken.get("ctx") or {}).items()}
    return ".".join(str(step) for step in path) or place, code, facts

"""The doors of the API: who may call a route, what its body may be, and how a refusal is told.

How a route is written. A module beside the handler has `routes = Routes()` and, for each route, a function:

    @routes.post("/v1/programs", security=brand_access("programs:write"), status_code=201)
    def create(body: wire.NewProgram) -> wire.Program:
        call = routes.call
        program = programs.created(call.deployment, call.mint, call.brand, …)
        return wire.Program.of(program)

and the handler's module names the modules: `api = Api(programs.routes, links.routes)`, `handler = api.handler`. Then:

- `security` is OpenAPI's own word and is what is enforced, before the body is looked at. A route without it does not
  start. `brand_access(*scopes)`, `operator_access()` or `PUBLIC`.
- `routes.call` is this request: the caller's brand and key, `mint` for new ids, `if_match`, the language.
- The body is a strict model (`vouch.wire`), the answer a model too: one that breaks its own schema is a 500.
  A handler whose status is not always the same returns a `Response[Model]`; one whose answer is no JSON returns a
  `Response` and leaves its own annotation to `Any`.
- An answer with an integer `version` carries it as its `ETag`. `openapi_extensions=IF_MATCH` marks a route that changes
  only the version that was seen: no other can read `call.if_match`.
- Refusals are raised by name (`vouch.domain.errors`), and `vouch.problems` gives each its status.
- Any POST may carry an `Idempotency-Key`. Things that it creates take their ids from `call.mint`, and a create that
  finds its own id taken has found its own earlier try: success. `openapi_extensions=SHOWN_ONCE` marks an answer with
  a secret: such an answer is never kept, a repeat works it out again. `openapi_extensions=ONLY_ONCE` marks what is not
  done without a key.
"""

import base64
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Any, Final, override

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.api_gateway import ResponseBuilder, Route, Router

from vouch import bodies, calls, refusals, telemetry
from vouch.calls import PUBLIC, Call, brand_access, operator_access
from vouch.domain.errors import MethodNotAllowed, NotFound
from vouch.once import ONLY_ONCE, SHOWN_ONCE, Once
from vouch.service.deployment import Deployment, deployment

__all__ = [
    "IF_MATCH",
    "ONLY_ONCE",
    "PUBLIC",
    "SHOWN_ONCE",
    "Api",
    "Call",
    "Routes",
    "brand_access",
    "document",
    "operator_access",
]
IF_MATCH: Final = {"x-if-match": True}
"""The extension of a route that heeds `If-Match`."""
_PATH_PART_MAX: Final = 253
"""A host's greatest length. Nothing of ours is named by more, and a key of the store can hold no more."""


_FIXED: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


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
            json_body_deserializer=bodies.parsed,
            serializer=bodies.written,
            debug=False,
        )
        self.connect = connect
        for router in routers:
            self.include_router(router)
        self.use(middlewares=[Once()])
        self.exception_handler(Exception)(self._told)
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
        call = calls.received(self.connect, event.get("headers") or {})
        self.context.update(started=time.perf_counter(), call=call)
        try:
            return self.resolve(event, context)
        except Exception as error:  # noqa: BLE001 - of an exception the caller would see a bare 502
            told = refusals.told(error, call)
            return {"statusCode": told.status_code, "headers": told.headers | _FIXED, "body": told.body}

    @override
    def _call_route(self, route: Route, route_arguments: dict[str, str]) -> ResponseBuilder[Any]:
        # Powertools validates before any middleware; who is asking, and how much, comes before that.
        authorization = self.current_event.headers.get("authorization", "")
        try:
            call = calls.admitted(self.context["call"], route.security or [], authorization)
            self.context["call"] = replace(
                call, heeds_if_match=IF_MATCH.items() <= (route.openapi_extensions or {}).items()
            )
            bodies.check(self.current_event, wanted=bool(route.dependant.body_params))
            _check_path(route_arguments)
        except Exception as refusal:  # noqa: BLE001 - `told` logs what is not ours
            return ResponseBuilder(self._told(refusal), self._serializer, route)
        return super()._call_route(route, route_arguments)

    @override
    def _handle_not_found(self, method: str, path: str) -> ResponseBuilder[Any]:
        methods = sorted({route.method for route in self.routes if route.rule.match(path)})
        refusal = MethodNotAllowed(allow=", ".join(methods)) if methods else NotFound()
        return ResponseBuilder(self._told(refusal), self._serializer)

    @override
    def _build_response(self, response_builder: ResponseBuilder[Any]) -> dict[str, Any]:
        call: Call = self.context["call"]
        response = response_builder.response
        version = response.body.get("version") if isinstance(response.body, dict) else None
        if type(version) is int:
            response.headers["ETag"] = f'"{version}"'
        response.headers |= _FIXED | {"X-Request-Id": call.request_id}
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

    def _told(self, error: Exception) -> Response[str]:
        return refusals.told(error, self.context["call"], self.context.get("_route"))


def document(media_type: str, content: bytes, headers: dict[str, str | list[str]]) -> Response[Any]:
    """An answer of bytes, whole to the last one: those that are no text Powertools would take for UTF-8."""
    response: Response[Any] = Response(HTTPStatus.OK, media_type, base64.b64encode(content).decode(), headers)
    response.base64_encoded = True
    return response


def _check_path(parts: Mapping[str, str]) -> None:
    if any(len(part) > _PATH_PART_MAX for part in parts.values()):
        raise NotFound

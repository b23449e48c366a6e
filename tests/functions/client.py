"""Asks an API function as API Gateway would, with events of an HTTP API (payload 2.0)."""

import base64
import json
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

from vouch.http import Api

CONTEXT = SimpleNamespace(aws_request_id="lambda-request", function_name="api")


@dataclass(frozen=True)
class Answer:
    """What came back; header names in lower case."""

    status: int
    headers: dict[str, str]
    text: str
    is_base64: bool = False

    @property
    def content(self) -> bytes:
        """What a browser gets of an answer that is no text."""
        assert self.is_base64
        return base64.b64decode(self.text)

    @property
    def body(self) -> Any:
        return json.loads(self.text)

    @property
    def code(self) -> str:
        """Of a problem."""
        assert self.headers["content-type"] == "application/problem+json"
        return str(self.body["code"])

    @property
    def told(self) -> dict[str, Any]:
        """A problem without what is another one each time."""
        return {name: value for name, value in self.body.items() if name != "request_id"}


def event(
    method: str, path: str, *, query: dict[str, Any] | None = None, headers: dict[str, str], body: str | None
) -> dict[str, Any]:
    asked = {name: str(value) for name, value in (query or {}).items() if value is not None}
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": urlencode(asked),
        "queryStringParameters": asked,
        "headers": headers,
        "requestContext": {
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1"},
            "requestId": "gateway-request",
            "stage": "$default",
        },
        "body": body,
        "isBase64Encoded": False,
    }


def ask(api: Api, asked: dict[str, Any]) -> Answer:
    got = api.handler(asked, CONTEXT)
    headers = {name.lower(): value for name, value in got["headers"].items()}
    return Answer(got["statusCode"], headers, got["body"], got.get("isBase64Encoded", False))


@dataclass(frozen=True)
class Client:
    """A caller with a key of one brand, or the operator."""

    api: Api
    key: str | None
    brand_id: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: dict[str, Any] | None = None,
        raw: str | None = None,
        **headers: str,
    ) -> Answer:
        """`headers` by name with underscores; `raw` is a body that is no JSON."""
        sent = {"content-type": "application/json"} | self.headers
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        if self.key is not None:
            sent.setdefault("authorization", f"Bearer {self.key}")
        text = raw if body is None else json.dumps(body)
        return ask(self.api, event(method, path, query=query, headers=sent, body=text))

    def get(self, path: str, **query: Any) -> Answer:
        return self.send("GET", path, query=query)

    def post(self, path: str, body: Any = None, **headers: Any) -> Answer:
        return self.send("POST", path, body, **headers)

    def patch(self, path: str, body: Any = None, **headers: Any) -> Answer:
        return self.send("PATCH", path, body, **headers)

    def delete(self, path: str) -> Answer:
        return self.send("DELETE", path)

    def made(self, path: str, body: Any, **headers: str) -> Any:
        """What a POST made; a refusal fails the test with its words."""
        answer = self.post(path, body, **headers)
        assert answer.status == 201, answer.text
        return answer.body

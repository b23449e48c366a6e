"""An HTTP client that keeps its connections open, one per thread: new ones cost more than what they carry."""

import http
import http.client
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlencode, urlsplit

_PATIENCE = 60  # seconds: several cold starts at once take long


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes


class Refused(Exception):
    """An answer that nobody hoped for."""

    def __init__(self, method: str, path: str, answer: Answer) -> None:
        super().__init__(f"{method} {path} answered {answer.status}: {answer.body.decode(errors='replace')[:500]}")


class Client:
    """Of one address. Use it in a `with`, which closes what all threads opened."""

    def __init__(self, url: str) -> None:
        self._address = urlsplit(url).netloc
        self._own = threading.local()
        self._opened: list[http.client.HTTPConnection] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for connection in self._opened:
            connection.close()

    def send(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """The answer, whatever it is. Redirects are not followed."""
        try:
            return self._send(method, path, body, headers or {})
        except (http.client.RemoteDisconnected, ConnectionError):
            # It was closed while it lay idle, and says so only now.
            return self._send(method, path, body, headers or {})

    def _send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        connection = self._connection()
        try:
            connection.request(method, path, body, dict(headers))
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        except (OSError, http.client.HTTPException):
            connection.close()
            raise

    def _connection(self) -> http.client.HTTPConnection:
        connection: http.client.HTTPConnection | None = getattr(self._own, "connection", None)
        if connection is None:
            connection = self._own.connection = http.client.HTTPConnection(self._address, timeout=_PATIENCE)
            self._opened.append(connection)
        return connection


@dataclass(frozen=True)
class Api:
    """The API to the holder of a key; whatever is not 2xx raises Refused."""

    client: Client
    key: str

    def get(self, path: str, **query: str) -> Any:
        return self._call("GET", f"{path}?{urlencode(query)}" if query else path, None, {})

    def post(self, path: str, body: Mapping[str, Any], *, once: str | None = None) -> Any:
        """`once` is an idempotency key."""
        return self._say("POST", path, body, {"Idempotency-Key": once} if once else {})

    def put(self, path: str, body: Mapping[str, Any]) -> Any:
        return self._say("PUT", path, body, {})

    def _say(self, method: str, path: str, body: Mapping[str, Any], headers: Mapping[str, str]) -> Any:
        encoded = json.dumps(body, ensure_ascii=False).encode()
        return self._call(method, path, encoded, {"Content-Type": "application/json", **headers})

    def _call(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Any:
        path = quote(path, safe="/?&=%+:")
        answer = self.client.send(method, path, body, {"Authorization": f"Bearer {self.key}", **headers})
        if not http.HTTPStatus(answer.status).is_success:
            raise Refused(method, path, answer)
        return json.loads(answer.body)

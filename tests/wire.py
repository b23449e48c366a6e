"""What passes between Vouch and DynamoDB, counted, and broken where a test says so."""

import io
import json
from collections import Counter
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any, NoReturn

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ConnectionClosedError, ConnectTimeoutError, ReadTimeoutError
from botocore.httpsession import URLLib3Session

Send = Callable[[AWSPreparedRequest], AWSResponse]
Fault = Callable[[AWSPreparedRequest, Send], AWSResponse]


class Wire:
    """Below the SDK's retries: each of its tries counts. `faults` holds what happens instead of an operation."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.faults: dict[str, Fault] = {}
        self._lock = Lock()
        original = URLLib3Session.send

        def send(session: URLLib3Session, request: AWSPreparedRequest) -> AWSResponse:
            return self._counted(request, lambda request: original(session, request))

        monkeypatch.setattr(URLLib3Session, "send", send)
        monkeypatch.setattr("botocore.endpoint.time", Unhurried())

    def operations(self) -> Counter[str]:
        return Counter(operation for operation, _ in self.sent)

    def reads(self, pk: str) -> int:
        """How often the item was asked for."""
        return sum(1 for operation, body in self.sent if operation == "GetItem" and body["Key"]["pk"]["S"] == pk)

    def _counted(self, request: AWSPreparedRequest, send: Send) -> AWSResponse:
        target = request.headers["X-Amz-Target"]
        body: Any = request.body
        operation = (target.decode() if isinstance(target, bytes) else str(target)).partition(".")[2]
        with self._lock:
            self.sent.append((operation, json.loads(body)))
        fault = self.faults.get(operation)
        return fault(request, send) if fault else send(request)


class Unhurried:
    """`time` for the SDK alone: its waiting between its tries is not what is tested."""

    @staticmethod
    def sleep(seconds: float) -> None: ...


class _Raw(io.BytesIO):
    def stream(self, *_: Any, **__: Any) -> list[bytes]:
        return [self.getvalue()]


def answer(request: AWSPreparedRequest, status: int, headers: Mapping[str, str], content: bytes) -> AWSResponse:
    """What botocore reads."""
    return AWSResponse(request.url, status, HTTPHeaders.from_dict(headers), _Raw(content))


def answered(status: int, body: dict[str, Any]) -> Fault:
    """DynamoDB says this and does nothing."""
    content = json.dumps(body).encode()
    return lambda request, _: answer(request, status, {"content-type": "application/x-amz-json-1.0"}, content)


def refused(code: str) -> Fault:
    return answered(400, {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": code})


def unreachable(request: AWSPreparedRequest, _: Send) -> NoReturn:
    raise ConnectTimeoutError(endpoint_url=request.url)


def closed(request: AWSPreparedRequest, _: Send) -> NoReturn:
    """The connection died while nobody looked."""
    raise ConnectionClosedError(endpoint_url=request.url)


def answer_lost(request: AWSPreparedRequest, send: Send) -> NoReturn:
    """The request takes effect, and nobody hears of it."""
    send(request)
    raise ReadTimeoutError(endpoint_url=request.url)

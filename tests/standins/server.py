"""What all stand-ins share: an HTTP server on loopback that notes what it was asked, and faults that it is to have."""

import http.client
import json
import threading
from collections import deque
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self, override
from urllib.parse import parse_qsl, urlencode, urlsplit

from vouch.platforms.base import Answer, Call


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came; header names are in lower case."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    body: bytes

    def parameter(self, name: str) -> str | None:
        return dict(self.query).get(name)


@dataclass(frozen=True, slots=True)
class Told:
    """What is answered."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def json(cls, content: Any, status: int = 200, **headers: str) -> "Told":
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return cls(status, json.dumps(content).encode(), {"content-type": "application/json"} | named)


Fault = Callable[[Asked, Callable[[], Told]], Told | None]
"""Takes the request and what would make the true answer; None hangs up without a word."""


def busy(seconds: int | None = None, status: int = 429) -> Fault:
    """No time now; the answer may say when there will be."""
    return lambda *_: Told(status, b"busy", {} if seconds is None else {"retry-after": str(seconds)})


def failing(status: int = 500, body: bytes = b"") -> Fault:
    """An error instead of an answer; nothing takes effect."""
    return lambda *_: Told(status, body)


def hangs_up(asked: Asked, answer: Callable[[], Told]) -> None:
    """No answer at all."""


def lost(asked: Asked, answer: Callable[[], Told]) -> None:
    """It takes effect, and the answer gets lost."""
    answer()


def broken(asked: Asked, answer: Callable[[], Told]) -> Told:
    """It takes effect, and says that it failed."""
    answer()
    return Told(500)


def cut(asked: Asked, answer: Callable[[], Told]) -> Told:
    """The answer ends in the middle."""
    told = answer()
    return Told(told.status, told.body[: len(told.body) // 2], told.headers)


class StandIn:
    """A platform's API: `answer` says what it does; `faults` are taken one per request, before it does anything."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.faults: deque[Fault | None] = deque()
        self._lock = threading.Lock()
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            @override
            def log_message(self, format: str, *args: Any) -> None:
                pass

            def _take(self) -> None:
                address = urlsplit(self.path)
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                asked = Asked(
                    self.command,
                    address.path,
                    tuple(parse_qsl(address.query, keep_blank_values=True)),
                    {name.lower(): value for name, value in self.headers.items()},
                    body,
                )
                told = stand_in._told(asked)
                if told is None:
                    self.close_connection = True
                    return
                self.send_response(told.status)
                for name, value in told.headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(told.body)))
                self.end_headers()
                self.wfile.write(told.body)

            do_GET = do_POST = _take  # noqa: N815 - the library's names

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def answer(self, asked: Asked) -> Told:
        """What the platform does and says. One request at a time."""
        raise NotImplementedError

    def strikes(self, asked: Asked) -> bool:  # noqa: ARG002 - some stand-ins look at it
        """Whether the next fault is for this request."""
        return True

    def _told(self, asked: Asked) -> Told | None:
        with self._lock:
            self.asked.append(asked)
            fault = self.faults.popleft() if self.faults and self.strikes(asked) else None
            return self.answer(asked) if fault is None else fault(asked, lambda: self.answer(asked))

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def talk[T](conversation: Generator[Call, Answer, T], address: str) -> T:
    """Has a conversation with what answers at that address, as the worker would, but for patience and caution."""
    host = urlsplit(address)
    assert host.hostname is not None
    said: Answer | None = None
    while True:
        try:
            call = next(conversation) if said is None else conversation.send(said)
        except StopIteration as end:
            result: T = end.value
            return result
        connection = http.client.HTTPConnection(host.hostname, host.port, timeout=60)
        target = host.path + call.path + (f"?{urlencode(call.query)}" if call.query else "")
        connection.request(call.method, target, body=call.body or None, headers=dict(call.headers))
        response = connection.getresponse()
        headers = {name.lower(): value for name, value in response.getheaders()}
        said = Answer(response.status, headers, response.read())
        connection.close()

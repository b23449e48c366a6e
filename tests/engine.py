"""A shorter way to DynamoDB Local: what botocore and urllib3 do for AWS's sake costs a test more than its requests do.

Requests are still checked, written, sent again and read by botocore. What is left out is signatures, which the engine
does not check, the name of the client, and pools and parsers that are made for any server in the world. And what
botocore knows of AWS it reads once, not for each client.
"""

import socket
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSRequest, AWSResponse
from botocore.httpsession import URLLib3Session
from botocore.loaders import create_loader
from botocore.signers import RequestSigner
from botocore.useragent import UserAgentString
from urllib3.util.wait import wait_for_read

from tests.tables import REGION
from tests.wire import answer

_UNSIGNED = f"AWS4-HMAC-SHA256 Credential=test/20260504/{REGION}/dynamodb/aws4_request, SignedHeaders=host, Signature=0"
_PATIENCE_SECONDS = 60
"""The engine is slow while others use the machine; a request that is never answered has to fail all the same."""


@contextmanager
def shortcut(endpoint: str) -> Iterator[None]:
    """While this lasts, all requests to this endpoint go this way, whichever client and thread they are from."""
    lines = _Lines(endpoint)
    sign, send = RequestSigner.sign, URLLib3Session.send

    def signed(signer: RequestSigner, operation: str, request: AWSRequest, *more: Any, **named: Any) -> None:
        if str(request.url).startswith(endpoint):
            request.headers["Authorization"] = _UNSIGNED
        else:
            sign(signer, operation, request, *more, **named)

    def sent(session: URLLib3Session, request: AWSPreparedRequest) -> AWSResponse:
        return lines.send(request) if request.url.startswith(endpoint) else send(session, request)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RequestSigner, "sign", signed)
        patch.setattr(URLLib3Session, "send", sent)
        patch.setattr(UserAgentString, "to_string", lambda _: "Vouch's tests")
        patch.setattr("botocore.session.create_loader", cache(create_loader))
        yield
    lines.close()


class _Lines:
    """Connections to the engine, as many as ever were needed at once."""

    def __init__(self, endpoint: str) -> None:
        place = urlsplit(endpoint)
        assert place.hostname is not None
        assert place.port is not None
        self._address = place.hostname, place.port
        self._free: deque[_Line] = deque()

    def send(self, request: AWSPreparedRequest) -> AWSResponse:
        line = self._line()
        try:
            response = line.send(request)
        except BaseException:
            line.close()
            raise
        self._free.append(line)
        return response

    def close(self) -> None:
        while self._free:
            self._free.pop().close()

    def _line(self) -> "_Line":
        while True:
            try:
                line = self._free.pop()
            except IndexError:
                return _Line(self._address)
            if line.is_open():
                return line
            line.close()


class _Line:
    """A connection, for one request after the other."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._host = "{}:{}".format(*address)
        self._socket = socket.create_connection(address, timeout=_PATIENCE_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._answers = self._socket.makefile("rb")

    def is_open(self) -> bool:
        """Whether the engine, which closes what nobody uses for a while, has not closed it."""
        return not wait_for_read(self._socket, timeout=0)

    def send(self, request: AWSPreparedRequest) -> AWSResponse:
        body: Any = request.body
        headers = "".join(f"{name}: {_text(value)}\r\n" for name, value in request.headers.items())
        self._socket.sendall(f"POST / HTTP/1.1\r\nHost: {self._host}\r\n{headers}\r\n".encode() + body)
        _, status, _ = self._answers.readline().split(b" ", 2)
        said = dict(iter(self._header, None))
        return answer(request, int(status), said, self._content(said))

    def close(self) -> None:
        self._answers.close()
        self._socket.close()

    def _header(self) -> tuple[str, str] | None:
        """The next line of an answer's head; None at its end."""
        name, colon, value = self._answers.readline().decode().strip().partition(": ")
        return (name, value) if colon else None

    def _content(self, said: Mapping[str, str]) -> bytes:
        if "Content-Length" in said:
            return self._answers.read(int(said["Content-Length"]))
        return b"".join(iter(self._chunk, b""))

    def _chunk(self) -> bytes:
        """The next piece of a long answer; nothing at its end."""
        size = int(self._answers.readline(), 16)
        return self._answers.read(size + len(b"\r\n"))[:size]


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode()

"""Requests to other people's servers: to public addresses alone, of bounded time and size, and never redirected.

A brand names the host, and we stand where more can be reached than from outside. So the name is resolved once, every
address behind it has to be public, and the connection goes to that very address: a name that says something else a
moment later leads nowhere else.
"""

import io
import ipaddress
import math
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from http.client import HTTPConnection, HTTPException
from queue import Empty, SimpleQueue
from typing import override
from urllib.parse import SplitResult, urlsplit

BODY_MAX = 8 * 1024 * 1024
SECONDS = 15.0
"""For a whole request, from its host's name on; who drips its answer is hung up on."""
_RESOLVE_SECONDS = 3.0
_CONNECT_SECONDS = 3.0
_READ_SECONDS = 10.0
_HTTPS = 443
_PORTS = {"https": _HTTPS, "http": 80}
_WIRE_MAX = 2 * BODY_MAX
"""Of a body as it travels, in however small chunks."""
_WRITTEN = re.compile("[!-~]+")
_HEADER = re.compile("[!-~]+: ?[ -~]*")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_IPV4_BITS = 0xFFFF_FFFF
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], list[str]]


class Unreachable(Exception):
    """No whole answer came: the world's doing, which may pass."""


class Silent(Unreachable):
    """There was nobody, or nobody who answered in time."""


class NotAllowed(Exception):
    """An address that nobody outside may have us call, or a request that cannot be written."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request; `url` is absolute, and escaped as it is sent."""

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Incoming:
    """What was answered; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def send(
    request: Outgoing, *, loopback: bool = False, seconds: float = SECONDS, resolve: Resolve | None = None
) -> Incoming:
    """Sends it once. `loopback`: this machine may be called, too, and without TLS.

    Raises Unreachable, Silent and NotAllowed, all of them before so many `seconds` are over.
    """
    ends = time.monotonic() + seconds
    try:
        address = urlsplit(request.url)
        host, port = address.hostname, address.port
    except ValueError:
        raise NotAllowed("not an address") from None
    if not _WRITTEN.fullmatch(request.url):  # whoever reads addresses passes over line ends in them
        raise NotAllowed("an address with characters that have to be escaped")
    if not all(_HEADER.fullmatch(f"{name}: {value}") for name, value in request.headers.items()):
        raise NotAllowed("a header with characters that no header has")
    if not host or address.username is not None or address.scheme not in ("https", "http"):
        raise NotAllowed("not an address that may be called")
    here = loopback and host in ("127.0.0.1", "localhost")
    if not here and (address.scheme != "https" or port not in (None, _HTTPS)):
        raise NotAllowed("neither https nor its port")
    pinned = "127.0.0.1" if here else _public(host, resolve or _resolved, min(_RESOLVE_SECONDS, seconds))
    target = address.path or "/"
    if address.query:
        target = f"{target}?{address.query}"
    return _exchanged(address, pinned, target, request, ends)


def is_public(address: Address) -> bool:
    """Whether an address is anybody's to reach, whatever it is wrapped in."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & _IPV4_BITS)
        if inner is not None:
            return is_public(inner)
        if address.is_site_local:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved and not address.is_unspecified


def _resolved(host: str, port: int) -> list[str]:
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def _public(host: str, resolve: Resolve, seconds: float) -> str:
    """The address to call. One that is not public among others is a trap, too."""
    found = _found(host, resolve, seconds)
    if not found:
        raise Silent("the host has no address")
    if not all(is_public(address) for address in found):
        raise NotAllowed("the host's address is not public")
    return str(found[0])


def _found(host: str, resolve: Resolve, seconds: float) -> list[Address]:
    """The addresses behind a name. Looking it up knows no limit of time: a thread that takes too long is left alone."""
    answers: SimpleQueue[list[Address]] = SimpleQueue()

    def look_up() -> None:
        found: list[Address] = []
        with suppress(OSError, ValueError):
            found = [ipaddress.ip_address(text.partition("%")[0]) for text in resolve(host, _HTTPS)]
        answers.put(found)

    threading.Thread(target=look_up, daemon=True).start()
    try:
        return answers.get(timeout=seconds)
    except Empty:
        raise Silent("looking up the host takes too long") from None


def _exchanged(address: SplitResult, pinned: str, target: str, request: Outgoing, ends: float) -> Incoming:
    """One request and its answer on a connection of its own, which is cut when the time is over, whatever goes on."""
    headers = {"host": address.netloc, "user-agent": "Vouch", "accept-encoding": "identity"} | dict(request.headers)
    port = address.port or _PORTS[address.scheme]
    connection = HTTPConnection(pinned, port)
    line = None
    try:
        with closing(connection):
            line = socket.create_connection((pinned, port), timeout=_left(ends, _CONNECT_SECONDS))
            line.settimeout(_left(ends, _READ_SECONDS))
            if address.scheme == "https":
                line = _trusted().wrap_socket(line, server_hostname=address.hostname, do_handshake_on_connect=False)
            connection.sock = line
            with _cut_after(line, _left(ends)):
                if isinstance(line, ssl.SSLSocket):
                    line.do_handshake()
                connection.request(request.method, target, body=request.body or None, headers=headers)
                return _read(connection)
    except (HTTPException, OSError, ValueError) as failure:
        kind = Silent if line is None or isinstance(failure, TimeoutError) else Unreachable
        raise kind(type(failure).__name__) from None  # its words may quote the address, and a token in it
    finally:
        if line is not None:
            line.close()


def _left(ends: float, most: float = math.inf) -> float:
    """So many seconds, or as many as are left; hardly any where none are, since 0 means something else to sockets."""
    return max(min(ends - time.monotonic(), most), 0.001)


def _read(connection: HTTPConnection) -> Incoming:
    with closing(connection.getresponse()) as response:
        headers = {name.lower(): value for name, value in response.getheaders()}
        if headers.get("content-encoding", "identity").lower() not in ("", "identity"):
            raise Unreachable("the answer is compressed, which nobody asked for")
        if response.fp is not None:
            response.fp = io.BufferedReader(_Bounded(response.fp))
        body = response.read(BODY_MAX + 1)
        if len(body) > BODY_MAX:
            raise Unreachable("the answer is too large")
        if response.length:  # the rest of what was announced never came
            raise Unreachable("the answer ends too early")
        return Incoming(response.status, headers, body)


class _Bounded(io.RawIOBase):
    """What is still said, of which only so much is read: to the library a chunk of −1 bytes is all that ever comes."""

    def __init__(self, said: io.BufferedReader) -> None:
        self._said = said
        self._left = _WIRE_MAX

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if not self._left:
            raise Unreachable("the answer is too large")
        count = self._said.readinto1(buffer[: self._left])
        self._left -= count
        return count

    @override
    def close(self) -> None:
        self._said.close()
        super().close()


@contextmanager
def _cut_after(line: socket.socket, seconds: float) -> Iterator[None]:
    """Ends a conversation in which somebody says a byte now and then. Raises Silent, whatever was said by then."""
    over = threading.Event()

    def cut() -> None:
        over.set()
        with suppress(OSError):
            socket.socket.shutdown(line, socket.SHUT_RDWR)  # not TLS's own: what follows that goes unencrypted

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        if over.is_set():
            raise Silent("the answer takes too long") from None


@cache
def _trusted() -> ssl.SSLContext:
    return ssl.create_default_context()

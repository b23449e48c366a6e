"""Requests to other people's servers: whom they reach, what they bear, and what of an answer is believed.

Whoever answers here is a socket on this machine. That its address may be called, and who signed its certificate, is all
that some tests have to pretend.
"""

import gc
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from vouch import outgoing
from vouch.outgoing import BODY_MAX, Incoming, NotAllowed, Outgoing, Silent, Unreachable, is_public, send

PUBLIC = "93.184.215.14"
ANY = "0.0.0.0"  # noqa: S104 - nothing is bound to it
SECRET = "shpat_secret"
PATIENCE = 10.0
"""What nothing here takes on the slowest of machines, were it cut when it should be."""
Speak = Callable[[socket.socket], None]


# --- who answers ------------------------------------------------------------------------------------------------------


@dataclass
class Server:
    """Somebody at a port of this machine; `heard` are the requests, up to the end of their headers."""

    port: int
    heard: list[bytes] = field(default_factory=list)

    def url(self, scheme: str = "http", host: str = "127.0.0.1", target: str = "/") -> str:
        return f"{scheme}://{host}:{self.port}{target}"

    def asked(self, *, seconds: float = PATIENCE, **said: Any) -> Incoming:
        """What it answers to a request, which may say what an Outgoing has."""
        return send(Outgoing(**({"url": self.url()} | said)), loopback=True, seconds=seconds)


@contextmanager
def answering(speak: Speak | bytes, tls: ssl.SSLContext | None = None, *, silent: bool = False) -> Iterator[Server]:
    """Says that, and hangs up; who is `silent` speaks before anybody asks, or shakes hands."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = Server(listener.getsockname()[1])

    def serve() -> None:
        with suppress(OSError):
            while True:
                line, _ = listener.accept()
                line.settimeout(PATIENCE)
                with suppress(OSError), line if tls is None else tls.wrap_socket(line, server_side=True) as met:
                    if not silent:
                        server.heard.append(_request(met))
                    met.sendall(speak) if isinstance(speak, bytes) else speak(met)
                    socket.socket.shutdown(met, socket.SHUT_WR)
                line.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(PATIENCE)


def _request(line: socket.socket) -> bytes:
    said = b""
    while b"\r\n\r\n" not in said and (more := line.recv(65_536)):
        said += more
    return said


def whole(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*head, "", ""]).encode() + body


def dripping(*begin: bytes) -> Speak:
    """Says that much at once, and then a byte now and then."""

    def drip(line: socket.socket) -> None:
        line.sendall(b"".join(begin))
        end = time.monotonic() + 2 * PATIENCE
        while time.monotonic() < end:
            line.sendall(b"x")
            time.sleep(0.01)

    return drip


# --- whom it may reach ------------------------------------------------------------------------------------------------


def refused(url: str, *addresses: str, loopback: bool = False) -> str:
    """Why; the resolver says those addresses, and nothing at all may be connected to."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "create_connection", _never)
        with pytest.raises(NotAllowed) as refusal:
            send(Outgoing(url), loopback=loopback, resolve=(lambda *_: list(addresses)) if addresses else None)
    return str(refusal.value)


def _never(*_: Any, **__: Any) -> None:
    raise AssertionError("it was connected to")


@pytest.mark.parametrize(
    "url",
    [
        "http://shop.example/",
        "https://shop.example:8443/",
        "https://shop.example:80/",
        "https://shop.example:0/",
        "https://shop.example:65536/",
        "https://shop.example:-1/",
        "https://shop.example:https/",
        "https://user@shop.example/",
        "https://user:password@shop.example/",
        "https://@shop.example/",
        "https://shop.example@127.0.0.1/",
        "ftp://shop.example/",
        "file:///etc/passwd",
        "unix:///run/docker.sock",
        "http+unix://%2Frun%2Fdocker.sock/info",
        "https+unix://%2Frun%2Fdocker.sock/info",
        "gopher://shop.example/",
        "//shop.example/",
        "shop.example",
        "https:shop.example",
        "https:/shop.example",
        "https:///path",
        "https://:443/",
        "https://[::1/",
        "https://[fe80::1%eth0/",
        "https://[not-an-address]/",
        "https://shop.example\\@evil.example/\r\n",
        "",
    ],
)
def test_only_https_at_its_own_port_is_called(url: str) -> None:
    assert refused(url, PUBLIC)


@pytest.mark.parametrize("url", ["https://shop.example/", "https://shop.example:443/", "HTTPS://shop.example"])
def test_https_at_its_own_port_is(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _called(monkeypatch, url, [PUBLIC]) == [(PUBLIC, 443)]


def _called(monkeypatch: pytest.MonkeyPatch, url: str, *answers: list[str]) -> list[tuple[str, int]]:
    """Where connections went; the resolver says each of the answers once, and nobody is at home."""
    calls: list[tuple[str, int]] = []
    left = list(answers)

    def connect(address: tuple[str, int], **_: Any) -> None:
        calls.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(Unreachable, match=r"^ConnectionRefusedError$"):
        send(Outgoing(url), resolve=lambda *_: left.pop(0))
    return calls


PRIVATE = [
    ANY,
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.0.1",
    "192.0.2.1",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "233.252.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::8.8.8.8",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:0:10.0.0.1",
    "64:ff9b::10.0.0.1",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::8.8.8.8",  # a network's own way to IPv4: where in it the address stands only that network knows
    "64:ff9b:1:a00:0:100:808:808",
    "100::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",  # Teredo, whoever is behind it
    "2001:0:a00:1::f5ff:fffe",
    "2001:db8::1",
    "2002:a00:1::1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_what_is_not_public_is_not_called_nor_is_its_name_where_it_is_one_of_many(address: str) -> None:
    reason = "the host's address is not public"
    assert refused("https://shop.example/", address) == reason
    assert refused("https://shop.example/", PUBLIC, address) == reason
    assert refused("https://shop.example/", address, PUBLIC) == reason


@pytest.mark.parametrize(
    "address", [PUBLIC, "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"]
)
def test_what_is_public_is_so_however_it_is_wrapped(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST",
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "017700000001",
        "0",
        ANY,
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[0:0:0:0:0:0:0:1]",
        "[64:ff9b::7f00:1]",
        "10.1",
        "0xa9fea9fe",
    ],
)
def test_no_spelling_of_this_machine_or_its_network_gets_by_the_system_s_own_resolver(host: str) -> None:
    assert refused(f"https://{host}/") == "the host's address is not public"


@pytest.mark.parametrize("answers", [[], ["not an address"]])
def test_a_host_without_an_address_may_have_one_later(answers: list[str]) -> None:
    with pytest.raises(Unreachable, match=r"^the host has no address$"):
        send(Outgoing("https://shop.example/"), resolve=lambda *_: answers)


@pytest.mark.parametrize("url", [f"https://{'x' * 64}.example/", "https://.example/", "https://a..b/"])
def test_nor_has_what_is_no_name(url: str) -> None:
    with pytest.raises(Unreachable, match=r"^the host has no address$"):
        send(Outgoing(url))


def test_a_name_is_resolved_once_and_what_it_said_is_where_the_connection_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A resolver that rebinds: it says what may be called to whoever checks, and something else to whoever calls."""
    assert _called(monkeypatch, "https://shop.example/", [PUBLIC], ["127.0.0.1"]) == [(PUBLIC, 443)]


def test_of_several_addresses_the_first_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    found = ["2606:4700::1111", PUBLIC]
    assert _called(monkeypatch, "https://shop.example/", found) == [("2606:4700::1111", 443)]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LocalHost"])
def test_this_machine_is_called_where_that_is_allowed_and_nowhere_else(host: str) -> None:
    with answering(whole(b"here")) as server:
        url = server.url(host=host)
        assert send(Outgoing(url), loopback=True).body == b"here"
        assert server.heard[0].count(f"\r\nhost: {host}:{server.port}\r\n".encode()) == 1
        assert refused(url)


@pytest.mark.parametrize(
    "host", ["localhost.", "127.1", "127.0.0.2", "2130706433", "[::1]", "[::ffff:127.0.0.1]", ANY, "10.0.0.1"]
)
def test_other_names_for_it_are_not_called_even_there(host: str) -> None:
    with answering(whole(b"here")) as server:
        assert refused(server.url(host=host), loopback=True)
        assert refused(f"https://{host}/", "127.0.0.1", loopback=True)
        assert not server.heard


# --- what it bears ----------------------------------------------------------------------------------------------------


def test_a_request_goes_out_as_it_was_said() -> None:
    with answering(whole(b"{}", status="201 Created")) as server:
        said = server.asked(
            url=server.url(target="/orders?page=2&a=%2F"),
            method="POST",
            headers={"X-Token": SECRET},
            body=b'{"a":1}',
        )
        assert (said.status, said.body) == (201, b"{}")
        head, _, body = server.heard[0].partition(b"\r\n\r\n")
        line, *headers = head.decode().split("\r\n")
        assert line == "POST /orders?page=2&a=%2F HTTP/1.1"
        assert sorted(headers) == [
            "Content-Length: 7",
            "X-Token: shpat_secret",
            "accept-encoding: identity",
            f"host: 127.0.0.1:{server.port}",
            "user-agent: Vouch",
        ]
        assert body in (b"", b'{"a":1}')  # it may come in a packet of its own


@pytest.mark.parametrize(
    "changes",
    [
        {"target": "/a\r\nX-Evil: 1"},
        {"target": "/a\nb"},
        {"target": "/a\tb"},
        {"target": "/a b"},
        {"target": "/a\x00b"},
        {"target": "/a\x7fb"},
        {"target": "/הזמנה"},
        {"target": "/?q=\r\n\r\nGET / HTTP/1.1"},
        {"headers": {"X-Token": f"{SECRET}\r\nX-Evil: 1"}},
        {"headers": {"X-Token": f"{SECRET}\n"}},
        {"headers": {"X-Token": f"{SECRET}\n folded"}},
        {"headers": {"X-Token": f"{SECRET}\x00"}},
        {"headers": {"X-Token": "טוקן"}},
        {"headers": {"X-Token": "caf\xe9"}},
        {"headers": {"X-Evil: 1\r\nX-Token": SECRET}},
        {"headers": {"X Token": SECRET}},
        {"headers": {"": SECRET}},
    ],
)
def test_what_would_become_another_request_is_not_sent(changes: dict[str, Any]) -> None:
    """An order's id, or a token that somebody pasted with its line end: no address, and no header, holds that."""
    with answering(whole(b"")) as server:
        url = server.url(target=changes.get("target", "/"))
        with pytest.raises(NotAllowed) as refusal:
            server.asked(url=url, headers=changes.get("headers", {}))
        assert not server.heard
    assert SECRET not in repr(refusal.value)


# --- what of an answer is believed ------------------------------------------------------------------------------------


def test_names_of_headers_come_in_lower_case() -> None:
    with answering(whole(b"", "Retry-After: 7", "X-SHOP: Mugs", 'LINK: <https://a>; rel="next"')) as server:
        headers = server.asked().headers
        assert headers == {
            "content-length": "0",
            "retry-after": "7",
            "x-shop": "Mugs",
            "link": '<https://a>; rel="next"',
        }


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer_and_is_not_followed(status: int) -> None:
    with answering(whole(b"there")) as other:
        moved = whole(b"", f"Location: {other.url()}", status=f"{status} Moved")
        with answering(moved) as server:
            assert server.asked().status == status
            assert len(server.heard) == 1
        assert not other.heard


@pytest.mark.parametrize("status", [200, 204, 304, 404, 429, 500, 599])
def test_every_status_is_for_others_to_judge(status: int) -> None:
    with answering(whole(b"", status=f"{status} So")) as server:
        assert server.asked().status == status


@pytest.mark.parametrize(
    "answer, body",
    [
        (whole(b"abc"), b"abc"),
        (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", b"until the end"),
        (b"HTTP/1.0 200 OK\r\n\r\nold", b"old"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX-Late: 1\r\n\r\n",
            b"abcde",
        ),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\nX: y\r\n\r\n" + whole(b"after"), b"after"),
        (whole(b"plain", "Content-Encoding: Identity"), b"plain"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nnegative", b"negative"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcdef", b"abc"),
    ],
)
def test_an_answer_is_read_as_its_headers_say(answer: bytes, body: bytes) -> None:
    with answering(answer) as server:
        assert server.asked().body == body


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\r\n",
        b"<html>busy</html>",
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"HTTP/1.1",
        b"HTTP/1.1 OK 200\r\n\r\n",
        b"HTTP/1.1 99 Low\r\n\r\n",
        b"HTTP/3 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 101 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 " + b"y" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9000000000\r\n\r\nabc",
        CHUNKED,
        CHUNKED + b"5\r\nabc",
        CHUNKED + b"3\r\nabc\r\n",
        CHUNKED + b"3\r\nabc\r\nzz\r\n",
        CHUNKED + b"-1\r\nabc\r\n",
        CHUNKED + b"-2\r\nabc\r\n",
        CHUNKED + b"f" * 70_000,
        whole(b"\x1f\x8b", "Content-Encoding: gzip"),
        whole(b"x", "Content-Encoding: br"),
    ],
)
def test_what_is_not_a_whole_answer_is_none(answer: bytes) -> None:
    with answering(answer) as server, pytest.raises(Unreachable):
        server.asked()


def test_an_answer_may_be_large_and_not_too_large() -> None:
    with answering(whole(b"x" * BODY_MAX)) as server:
        assert len(server.asked().body) == BODY_MAX
    for much in (
        whole(b"x" * (BODY_MAX + 1)),
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (BODY_MAX + 1),
        CHUNKED + b"%x\r\n" % (BODY_MAX + 1) + b"x" * (BODY_MAX + 1) + b"\r\n0\r\n\r\n",
    ):
        with answering(much) as server, pytest.raises(Unreachable, match=r"^the answer is too large$"):
            server.asked()


def test_nor_is_what_never_ends_kept_because_its_chunk_has_less_than_no_bytes() -> None:
    said: list[int] = []

    def pour(line: socket.socket) -> None:
        line.sendall(CHUNKED + b"-1\r\n")
        for _ in range(8 * BODY_MAX // 65_536):
            line.sendall(b"x" * 65_536)
            said.append(65_536)

    with answering(pour) as server, pytest.raises(Unreachable, match=r"^the answer is too large$"):
        server.asked()
    assert sum(said) < 4 * BODY_MAX


# --- for how long -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "begin",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nX: ",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        CHUNKED + b"1000\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
    ],
)
@pytest.mark.parametrize("encrypted", [False, True])
def test_who_drips_is_cut_and_what_was_said_by_then_is_no_answer(
    begin: bytes, encrypted: bool, authority: "Authority"
) -> None:
    tls = authority.server("localhost") if encrypted else None
    with answering(dripping(begin), tls) as server, authority.trusted():
        began = time.monotonic()
        with pytest.raises(Unreachable):
            server.asked(url=server.url("https" if encrypted else "http", "localhost"), seconds=1.5)
        assert time.monotonic() - began < PATIENCE
        assert len(server.heard) == 1


def test_no_line_is_left_open_by_an_answer_that_is_refused(authority: "Authority") -> None:
    """Whoever keeps the failure keeps its frames, and would keep the line in them, until the collector finds it."""

    def ask() -> None:
        with pytest.raises(Unreachable) as kept:
            server.asked(url=server.url("https", "localhost"))
        assert kept.traceback

    refused = whole(b"unread", "Content-Encoding: gzip", "Connection: close")
    with answering(refused, authority.server("localhost")) as server, authority.trusted():
        ask()
    gc.collect()  # a line that was left open says so here, which is an error


def test_who_drips_a_handshake_is_cut(authority: "Authority") -> None:
    handshake = b"\x16\x03\x03\x40\x00"  # a record of 16 kB, of which a byte comes now and then
    with answering(dripping(handshake), silent=True) as server, authority.trusted():
        began = time.monotonic()
        with pytest.raises(Unreachable):
            server.asked(url=server.url("https"), seconds=0.5)
        assert time.monotonic() - began < PATIENCE


def test_who_says_nothing_is_hung_up_on() -> None:
    for scheme in ("http", "https"):
        with answering(lambda _: time.sleep(1), silent=True) as server, pytest.raises(Unreachable):
            server.asked(url=server.url(scheme), seconds=0.3)


def test_a_name_that_is_looked_up_for_ever_costs_no_more_than_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's own resolver may well take half a minute, and knows no limit."""
    over = threading.Event()
    monkeypatch.setattr(outgoing, "_RESOLVE_SECONDS", 0.2)

    def never(*_: object) -> list[str]:
        over.wait(PATIENCE)
        return []

    began = time.monotonic()
    with pytest.raises(Silent, match="looking up"):
        send(Outgoing("https://shop.example/"), resolve=never)
    assert time.monotonic() - began < PATIENCE / 2
    over.set()


def test_looking_up_connecting_and_answering_have_one_time_together(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = 1.0
    limits: list[float] = []

    def connected(_: object, timeout: float) -> socket.socket:
        limits.append(timeout)
        time.sleep(slow)
        raise TimeoutError

    monkeypatch.setattr(socket, "create_connection", connected)

    def looked_up(*_: object) -> list[str]:
        time.sleep(slow)
        return [PUBLIC]

    with pytest.raises(Silent, match="TimeoutError"):
        send(Outgoing("https://shop.example/"), seconds=2 * slow, resolve=looked_up)
    assert 0 < limits[0] <= slow


def test_who_is_not_there_or_does_not_answer_is_told_from_who_answers_badly() -> None:
    with socket.create_server(("127.0.0.1", 0)) as full:
        address = full.getsockname()
    with pytest.raises(Silent):
        send(Outgoing(f"http://127.0.0.1:{address[1]}/"), loopback=True)
    over = threading.Event()

    def wait(_: socket.socket) -> None:
        over.wait(PATIENCE)

    with answering(wait) as server:
        with pytest.raises(Silent):
            server.asked(seconds=0.3)
        over.set()
    with answering(b"what?") as server, pytest.raises(Unreachable) as bad:
        server.asked()
    assert not isinstance(bad.value, Silent)


def test_an_answer_in_time_leaves_nothing_behind() -> None:
    before = threading.active_count()
    with answering(whole(b"soon")) as server:
        for _ in range(5):
            assert server.asked(seconds=60).body == b"soon"
    deadline = time.monotonic() + PATIENCE
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() <= before


# --- to whom ----------------------------------------------------------------------------------------------------------


class Authority:
    """Signs certificates that last an hour from `begin`; nobody trusts it but who is told to."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "An authority")])
        begin = datetime.now(UTC) - timedelta(days=3)
        self._certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(begin + timedelta(days=6))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            .add_extension(_may_sign(), critical=True)
            .sign(self._key, hashes.SHA256())
        )

    def server(self, *names: str, age: timedelta = timedelta(minutes=5)) -> ssl.SSLContext:
        """A server's side with a certificate for these names."""
        key = ec.generate_private_key(ec.SECP256R1())
        begin = datetime.now(UTC) - age
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])]))
            .issuer_name(self._certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(begin + timedelta(hours=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        path = self._folder / f"{certificate.serial_number}.pem"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        side.load_cert_chain(path)
        return side

    @contextmanager
    def trusted(self) -> Iterator[None]:
        """What is trusted beside it is what always is."""
        context = outgoing._trusted.__wrapped__()
        context.load_verify_locations(cadata=self._certificate.public_bytes(serialization.Encoding.PEM).decode())
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(outgoing, "_trusted", lambda: context)
            yield


def _may_sign() -> x509.KeyUsage:
    duties = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    none = dict.fromkeys((*duties, "encipher_only", "decipher_only"), False)
    return x509.KeyUsage(**none, key_cert_sign=True, crl_sign=True)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


def at_home(
    monkeypatch: pytest.MonkeyPatch, server: Server, resolved: Sequence[str] = ("127.0.0.1",), url: str = ""
) -> Incoming:
    """Asks shop.example, whose public address is played by this machine."""
    monkeypatch.setattr(outgoing, "is_public", lambda _: True)
    monkeypatch.setattr(outgoing, "_HTTPS", server.port)
    request = Outgoing(url or server.url("https", "shop.example"), headers={"X-Token": SECRET})
    return send(request, seconds=PATIENCE, resolve=lambda *_: list(resolved))


@pytest.mark.parametrize("names", [["shop.example"], ["other.example", "shop.example"]])
def test_whoever_proves_to_be_the_host_is_asked(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, names: list[str]
) -> None:
    with answering(whole(b"secretly"), authority.server(*names)) as server, authority.trusted():
        assert at_home(monkeypatch, server).body == b"secretly"
        assert f"\r\nhost: shop.example:{server.port}\r\n".encode() in server.heard[0]


@pytest.mark.parametrize(
    "names", [["other.example"], ["example"], ["*.shop.example"], ["*.example"], ["localhost", "127.0.0.1"]]
)
def test_who_has_another_s_certificate_hears_no_token(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, names: list[str]
) -> None:
    with answering(whole(b"secretly"), authority.server(*names)) as server, authority.trusted():
        with pytest.raises(Unreachable, match=r"^SSLCertVerificationError$"):
            at_home(monkeypatch, server)
        assert b"".join(server.heard) == b""


def test_nor_does_whose_certificate_nobody_trusts_or_has_run_out(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    with answering(whole(b"secretly"), authority.server("shop.example")) as server:
        with pytest.raises(Unreachable, match=r"^SSLCertVerificationError$"):
            at_home(monkeypatch, server)
        assert b"".join(server.heard) == b""
    late = authority.server("shop.example", age=timedelta(hours=2))
    with answering(whole(b"secretly"), late) as server, authority.trusted():
        with pytest.raises(Unreachable, match=r"^SSLCertVerificationError$"):
            at_home(monkeypatch, server)
        assert b"".join(server.heard) == b""


def test_what_does_not_encrypt_at_all_hears_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[bytes] = []

    def speak(line: socket.socket) -> None:
        heard.append(line.recv(65_536))
        line.sendall(whole(b"openly"))
        heard.append(line.recv(65_536))

    with answering(speak, silent=True) as server, pytest.raises(Unreachable, match=r"^SSLError$"):
        at_home(monkeypatch, server)
    assert SECRET.encode() not in b"".join(heard)


def test_old_encryption_is_none(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    side = authority.server("shop.example")
    side.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        side.minimum_version, side.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with answering(whole(b"weakly"), side) as server, authority.trusted():
        with pytest.raises(Unreachable):
            at_home(monkeypatch, server)
        assert b"".join(server.heard) == b""


# --- what is told of failures -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        f"https://shop.example/{SECRET}",
        f"https://shop.example:99999/{SECRET}",
        f"https://[::1/{SECRET}",
        f"https://[{SECRET}]/",
        f"https://{SECRET}@shop.example/",
        f"ftp://shop.example/{SECRET}",
        f"https://shop.example/{SECRET}\r\n",
        f"http://127.0.0.1:1/{SECRET}",
        f"https://127.0.0.1:1/{SECRET}",
    ],
)
@pytest.mark.parametrize("failure", [OSError, ssl.SSLError, ValueError, TimeoutError])
def test_no_failure_quotes_the_address_or_a_token(
    monkeypatch: pytest.MonkeyPatch, url: str, failure: type[Exception]
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise failure(f"while asking {url} with {SECRET}")

    monkeypatch.setattr(socket, "create_connection", fail)
    with pytest.raises((NotAllowed, Unreachable)) as told:
        send(Outgoing(url, headers={"X-Token": SECRET}), loopback=True, resolve=lambda *_: [PUBLIC])
    assert SECRET not in f"{told.value!r} {told.value}"
    assert told.value.__suppress_context__ or told.value.__context__ is None

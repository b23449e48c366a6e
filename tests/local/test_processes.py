"""Ports and processes of ours, and nobody else's."""

import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from local.processes import NotReadyError, answers, await_ready, end, free_port, is_taken, listens


def test_a_port_that_somebody_listens_on_is_taken_and_a_free_one_is_not() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert is_taken(port)
        assert listens(port)
    assert not is_taken(port)
    assert not listens(port)


def test_nobody_answers_on_a_free_port() -> None:
    assert not answers(f"http://127.0.0.1:{free_port()}/")


def test_what_runs_here_is_not_asked_by_way_of_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        assert answers(f"http://127.0.0.1:{server.server_port}/", status=501)


def test_a_server_that_ends_before_it_is_ready_is_not_waited_for() -> None:
    process = subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"])
    with pytest.raises(NotReadyError, match="exit code 3"):
        await_ready(process, lambda: False, seconds=30)


def test_a_server_that_never_answers_is_given_up() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        with pytest.raises(NotReadyError, match="not ready after"):
            await_ready(process, lambda: False, seconds=0.1)
    finally:
        end(process)
        assert process.stdin is not None
        process.stdin.close()


def test_who_does_not_end_when_asked_is_ended() -> None:
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); signal.pause()"
    with subprocess.Popen([sys.executable, "-c", deaf], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        end(process, seconds=0.2)
        assert process.returncode == -9

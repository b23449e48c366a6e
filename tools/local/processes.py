"""Servers that are ours to start are ours to end: by their own process, on a port nobody else has."""

import fcntl
import os
import secrets
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener

_OURS = range(20_000, 32_768)
# This machine is never reached by way of the developer's proxy.
_open = build_opener(ProxyHandler({})).open


class NotReadyError(RuntimeError):
    """A server that ended, or never answered."""


@contextmanager
def locked(path: Path, refusal: Exception | None = None) -> Iterator[None]:
    """Nobody else holds this file or folder meanwhile; whoever does is waited for, or met with the refusal."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (fcntl.LOCK_NB if refusal else 0))
        except BlockingIOError as error:
            raise refusal or error from error
        yield
    finally:
        os.close(descriptor)


def is_locked(path: Path) -> bool:
    try:
        with path.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def free_port() -> int:
    """One that the system gives nobody by itself, who might have it before our server does, or while that restarts."""
    while True:
        port = secrets.choice(_OURS)
        if not is_taken(port):
            return port


def is_taken(port: int) -> bool:
    with socket.socket() as probe:
        # As servers bind: a connection of the last run that lingers in TIME_WAIT keeps nobody out.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
        return False


def listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def answers(url: str, status: int | None = None, seconds: float = 2) -> bool:
    """Whether anything, or just this status, comes back."""
    try:
        with _open(url, timeout=seconds) as answer:
            answered = answer.status
    except HTTPError as error:
        with error:
            answered = error.status
    except OSError:
        return False
    return status in {None, answered}


def await_ready(process: subprocess.Popen[bytes], ready: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        if process.poll() is not None:
            raise NotReadyError(f"it ended with exit code {process.returncode} before it was ready")
        if time.monotonic() > deadline:
            raise NotReadyError(f"it is not ready after {seconds:.0f} s")
        time.sleep(0.05)


def end(process: subprocess.Popen[bytes], seconds: float = 20) -> None:
    """Ask, wait, and only then insist."""
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()

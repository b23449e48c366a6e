"""What the emulator saved is mended before it starts again, and whose it is stays known."""

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from local import emulator as emulators
from local.artefacts import Trouble
from local.emulator import Emulator, sweep
from local.processes import free_port

READY = """
import os
from http.server import BaseHTTPRequestHandler, HTTPServer

class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

HTTPServer(("127.0.0.1", int(os.environ["GATEWAY_PORT"])), Answer).serve_forever()
"""
NEVER_READY = "import time; time.sleep(60)"


@pytest.fixture
def emulator(tmp_path: Path) -> Emulator:
    (tmp_path / "state").mkdir()
    return Emulator(tmp_path, 4999)


def test_reading_positions_are_forgotten_and_the_rest_is_kept(emulator: Emulator) -> None:
    saved = {"functions": {"a": 1}, "dynamodb_stream_positions": {"__scoped__": True, "data": {"esm": 41}}}
    write(emulator, "lambda", {"payload": saved})
    emulator._mend_saved_state()
    assert read(emulator, "lambda")["payload"] == {
        "functions": {"a": 1},
        "dynamodb_stream_positions": {"__scoped__": True, "data": {}},
    }


def test_queues_are_found_under_the_port_of_now_and_other_addresses_are_left_alone(emulator: Emulator) -> None:
    write(
        emulator, "sqs", {"queues": {"http://localhost:4566/000000000000/wake": {"body": "http://localhost:3000/shop"}}}
    )
    emulator._mend_saved_state()
    assert read(emulator, "sqs") == {
        "queues": {"http://localhost:4999/000000000000/wake": {"body": "http://localhost:3000/shop"}}
    }


def test_with_nothing_saved_there_is_nothing_to_mend(emulator: Emulator) -> None:
    emulator._mend_saved_state()
    assert not list((emulator.home / "state").iterdir())


def test_functions_inherit_none_of_the_developers_settings(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    environment = emulator._environment(tmp_path, tmp_path)
    assert not {"AWS_PROFILE", "HTTPS_PROXY"} & environment.keys()
    assert environment["BIND_HOST"] == "127.0.0.1"
    assert environment["AUTH"] == "true"


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[[str], Emulator]]:
    """An emulator whose program is what the test says."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setattr(emulators, "_MEMORY", tmp_path)
    program = tmp_path / "program"
    monkeypatch.setattr(emulators, "_PROGRAM", program)

    def made(source: str) -> Emulator:
        program.write_text(f"#!{sys.executable}\n{source}")
        program.chmod(0o755)
        return Emulator(home, free_port())

    yield made
    left = Emulator.found(home)
    if left:
        os.kill(pid_of(left), signal.SIGCONT)
        left.stop()


def pid_of(emulator: Emulator) -> int:
    return int((emulator.home / "emulator.pid").read_text().split()[0])


def scratches(folder: Path) -> list[Path]:
    return list(folder.glob("vouch-*"))


def test_an_emulator_that_does_not_answer_still_runs(
    stand_in: Callable[[str], Emulator], monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator = stand_in(READY)
    emulator.start()
    os.kill(pid_of(emulator), signal.SIGSTOP)
    os.waitpid(pid_of(emulator), os.WUNTRACED)
    assert Emulator.found(emulator.home) == emulator
    assert emulator.is_running()
    monkeypatch.setattr(emulators, "_SAVES_WITHIN", 0.2)
    with pytest.raises(Trouble, match="does not end: `kill -9"):
        emulator.stop()


def test_whoever_was_asked_to_end_has_not_ended_by_itself(stand_in: Callable[[str], Emulator], tmp_path: Path) -> None:
    emulator = stand_in(READY)
    emulator.start()
    assert len(scratches(tmp_path)) == 1
    emulator.stop()
    assert not emulator.is_running()
    assert emulator.was_asked_to_end()
    assert scratches(tmp_path) == []


def test_what_an_emulator_leaves_that_was_killed_is_found_and_removed(
    stand_in: Callable[[str], Emulator], tmp_path: Path
) -> None:
    emulator = stand_in(READY)
    emulator.start()
    killed = emulators._children.pop(pid_of(emulator))
    killed.kill()
    killed.wait()
    assert not emulator.is_running()
    assert not emulator.was_asked_to_end()
    assert len(scratches(tmp_path)) == 1
    sweep()
    assert scratches(tmp_path) == []


def test_an_emulator_that_does_not_become_ready_is_ended(
    stand_in: Callable[[str], Emulator], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    emulator = stand_in(NEVER_READY)
    monkeypatch.setattr(emulators, "_STARTS_WITHIN", 0.2)
    with pytest.raises(Trouble, match="did not start"):
        emulator.start()
    assert not emulator.is_running()
    assert scratches(tmp_path) == []


def test_an_interrupted_start_leaves_nobody_behind(
    stand_in: Callable[[str], Emulator], monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator = stand_in(NEVER_READY)
    started: list[int] = []

    def interrupted(self: Emulator) -> NoReturn:
        started.append(pid_of(self))
        raise KeyboardInterrupt

    monkeypatch.setattr(Emulator, "is_ready", interrupted)
    with pytest.raises(KeyboardInterrupt):
        emulator.start()
    with pytest.raises(ProcessLookupError):
        os.kill(started[0], 0)


@pytest.mark.parametrize("left", ["", f"{os.getpid()} 4566", "1 4566"], ids=["nobody", "ours", "another's"])
def test_a_process_that_is_not_the_emulator_is_not_taken_for_it(tmp_path: Path, left: str) -> None:
    (tmp_path / "emulator.pid").write_text(left)
    assert Emulator.found(tmp_path) is None


def test_nothing_runs_where_nothing_was_started(tmp_path: Path) -> None:
    assert Emulator.found(tmp_path) is None


def write(emulator: Emulator, name: str, contents: Any) -> None:
    (emulator.home / f"state/{name}.json").write_text(json.dumps(contents))


def read(emulator: Emulator, name: str) -> Any:
    return json.loads((emulator.home / f"state/{name}.json").read_text())

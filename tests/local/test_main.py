"""What goes wrong is told in one line that says what to do."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from local import __main__ as program
from local import stack
from local.emulator import Emulator
from local.processes import locked
from local.stack import Stack

STARTING = """
import runpy, signal, sys, time
from local import stack

# As at a terminal, should who runs the tests be deaf to them: a job in the background, or behind nohup.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

def up(*_):
    try:
        print("starting", flush=True)
        time.sleep(60)
    except KeyboardInterrupt:
        time.sleep(3)  # longer than all signals take to come
        open("saved", "w")
        raise

stack.up = up
sys.argv = ["local", "up"]
runpy.run_module("local", run_name="__main__")
"""


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(program, "LOCAL", tmp_path)
    return tmp_path


def test_a_port_in_use_is_told_before_anything_is_built(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert run(monkeypatch, "up", "--port", str(port)) == 1
    said = capsys.readouterr()
    assert said.err == f"Port {port} is in use: end what listens there, or choose another with PORT=.\n"
    assert "Build" not in said.out


def test_stopping_what_does_not_run_is_no_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "stop") == 0
    assert capsys.readouterr().out == "Vouch does not run here.\n"


@pytest.mark.parametrize("port", ["99999", "80", "", "postgres"])
def test_what_is_no_port_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], port: str
) -> None:
    assert run(monkeypatch, "up", "--port", port) == 1
    assert capsys.readouterr().err == f"PORT={port} is no port for us: choose one from 1024 to 65535.\n"


@pytest.mark.parametrize("command", ["up", "reset"])
def test_two_at_once_do_not_meet(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], home: Path, command: str
) -> None:
    with locked(home):
        assert run(monkeypatch, command) == 1
    assert capsys.readouterr().err == "Another `make run` or `make reset` is at work here: wait for it, or end it.\n"


def test_an_emulator_that_ends_by_itself_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], home: Path
) -> None:
    (home / "emulator.pid").write_text("1 4566")
    monkeypatch.setattr(stack, "up", lambda *_: Stack("http://127.0.0.1:4566", "", "", {}))
    assert run(monkeypatch, "up") == 1
    assert capsys.readouterr().err == f"The emulator has ended by itself: see {home / 'emulator.log'}.\n"


def test_a_demo_that_nobody_asked_for_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(stack, "up", lambda *_: Stack("http://127.0.0.1:4566", "", "", {}, {"link_url": "/r/noa"}))
    monkeypatch.setattr(program, "environment", lambda _: "")
    assert run(monkeypatch, "up", "--empty", "--detach") == 0
    assert "The demo is from an earlier run; `make reset` forgets it." in capsys.readouterr().out


def test_a_demo_that_is_not_to_be_had_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(stack, "up", lambda *_: Stack("http://127.0.0.1:4566", "", "", {}))
    monkeypatch.setattr(program, "environment", lambda _: "")
    assert run(monkeypatch, "up", "--detach") == 0
    assert "goes on without it; `make reset` forgets it." in capsys.readouterr().out


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_whoever_is_told_to_end_is_not_disturbed_by_hearing_it_again(tmp_path: Path, first: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", STARTING], cwd=tmp_path, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"Vouch on this machine\n"
        assert process.stdout.readline() == b"starting\n"
        for number in (first, signal.SIGINT, signal.SIGHUP):
            process.send_signal(number)
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.1)
        assert process.wait(20) == 130
    assert (tmp_path / "saved").exists()


def test_an_emulator_without_its_stack_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], home: Path
) -> None:
    """As `make logs` finds it during a first deploy, or once it is gone."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        emulator = Emulator(home, nobody.getsockname()[1])
        monkeypatch.setattr(Emulator, "found", lambda _: emulator)
        assert run(monkeypatch, "logs") == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("The emulator does not do what it is asked: ")


def test_reset_forgets_the_state_and_keeps_what_was_built(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    for kept_or_not in ("build/template.yaml", "state/dynamodb.json", "memory.json", "stack.json", "emulator.pid"):
        (home / kept_or_not).parent.mkdir(exist_ok=True)
        (home / kept_or_not).write_text("{}")
    assert run(monkeypatch, "reset") == 0
    assert [path.name for path in home.iterdir()] == ["build"]


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["local", *arguments])
    return program.main()

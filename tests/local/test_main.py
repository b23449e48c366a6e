"""What goes wrong is told in one line that says what to do."""

import socket
import sys
from pathlib import Path

import pytest

from local import __main__ as program


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


def test_reset_forgets_the_state_and_keeps_what_was_built(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    for kept_or_not in ("build/template.yaml", "state/dynamodb.json", "memory.json", "stack.json"):
        (home / kept_or_not).parent.mkdir(exist_ok=True)
        (home / kept_or_not).write_text("{}")
    assert run(monkeypatch, "reset") == 0
    assert [path.name for path in home.iterdir()] == ["build"]


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["local", *arguments])
    return program.main()

"""What the emulator saved is mended before it starts again, and whose it is stays known."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from local.emulator import Emulator
from local.processes import free_port


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


def test_a_process_that_is_not_the_emulator_is_not_taken_for_it(tmp_path: Path) -> None:
    (tmp_path / "emulator.pid").write_text(f"{os.getpid()} {free_port()}")
    assert Emulator.found(tmp_path) is None


def test_nothing_runs_where_nothing_was_started(tmp_path: Path) -> None:
    assert Emulator.found(tmp_path) is None


def write(emulator: Emulator, name: str, contents: Any) -> None:
    (emulator.home / f"state/{name}.json").write_text(json.dumps(contents))


def read(emulator: Emulator, name: str) -> Any:
    return json.loads((emulator.home / f"state/{name}.json").read_text())

"""The deployed stack as its own tests and `make run` use it: ready when it says so, and the same after a restart."""

import io
import json
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from local import deployment, stack, template
from local.artefacts import Trouble
from local.emulator import Emulator
from local.processes import answers, free_port, is_taken
from local.progress import Progress, Silence
from local.stack import Stack

FUNCTIONS = sorted(template.of_type(template.load(), "AWS::Serverless::Function"))


def test_a_stack_is_ready_when_given_and_after_a_restart_reads_its_streams_again(tmp_path: Path) -> None:
    with stack.running(home=tmp_path) as first:
        assert answers(f"{first.api_url}/v1/health", status=200, seconds=30)
        put(first, "MainTable", "kept")
        put(first, "LedgerTable", "before")
        assert says(first, "ProjectFunction", "projected", since_ms=0)
    port = int(first.api_url.rsplit(":", 1)[1])
    assert not is_taken(port)

    restarted_ms = int(time.time() * 1000)
    with stack.running(home=tmp_path, port=port) as again:
        assert again == first
        table = again.outputs["MainTableName"]
        assert "Item" in again.client("dynamodb").get_item(TableName=table, Key=key("kept"))
        assert says(again, "SecondPassFunction", "second pass", restarted_ms)
        put(again, "LedgerTable", "after")
        assert says(again, "ProjectFunction", "projected", restarted_ms)


def test_state_without_the_demo_is_not_lost_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    began = Stack("http://127.0.0.1:4566", "key", "http://127.0.0.1:4566", {})
    monkeypatch.setattr(stack, "build", lambda: "source")
    monkeypatch.setattr(Stack, "of", lambda *_: began)
    monkeypatch.setattr(stack, "_catch_up", lambda *_: None)
    monkeypatch.setattr(Emulator, "start", lambda _: None)
    emulator = Emulator(tmp_path, free_port())
    stack._Memory(tmp_path, f"source {stack.api_url(emulator)}", {}, 1.0).keep()
    assert stack.up(emulator, never, Silence()) == began
    assert stack._Memory.of(tmp_path).deployed


def never(_: Stack, __: Progress) -> dict[str, Any]:
    raise AssertionError("the demo would be half a one")


def test_what_one_run_tells_the_next_is_never_half_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = stack._Memory(tmp_path, "something", {"brand_id": "brd_1"}, 1.0)
    told.keep()

    def on_a_full_disk(path: Path, text: str) -> None:
        with path.open("w") as file:
            file.write(text[:10])
        raise OSError

    monkeypatch.setattr(Path, "write_text", on_a_full_disk)
    with pytest.raises(OSError):  # noqa: PT011 - which one is the disk's business
        stack._Memory(tmp_path, "something else").keep()
    assert stack._Memory.of(tmp_path) == told


def test_a_profile_of_the_developers_does_not_matter_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    client = Stack("", "", "http://127.0.0.1:4566", {}).client("sqs")
    assert client.meta.endpoint_url == "http://127.0.0.1:4566"


@pytest.mark.parametrize("broken", FUNCTIONS)
@pytest.mark.parametrize(
    "answer",
    [{"FunctionError": "Unhandled", "Payload": b'{"errorType": "ImportError"}'}, {"Payload": b'{"statusCode": 503}'}],
    ids=["does not start", "answers a failure"],
)
def test_a_broken_function_is_not_ready(broken: str, answer: dict[str, Any]) -> None:
    def invoke(FunctionName: str, Payload: str) -> Any:  # noqa: N803 - boto3's names
        assert json.loads(Payload) == {"warm": True}
        told = answer if FunctionName == f"vouch-{broken}" else {"Payload": b"{}"}
        return told | {"Payload": io.BytesIO(told["Payload"])}

    made = {f"{name}Name": f"vouch-{name}" for name in FUNCTIONS}
    with pytest.raises(Trouble, match=f"^{broken} does not start: "):
        deployment.warm(lambda _: SimpleNamespace(invoke=invoke), "http://127.0.0.1:1", made)


def put(running: Stack, table: str, name: str) -> None:
    running.client("dynamodb").put_item(TableName=running.outputs[f"{table}Name"], Item=key(name))


def key(name: str) -> dict[str, dict[str, str]]:
    return {"pk": {"S": f"test#{name}"}, "sk": {"S": name}}


def says(running: Stack, function: str, message: str, since_ms: int) -> bool:
    deadline = time.monotonic() + 240  # a busy machine needs longer
    while time.monotonic() < deadline:
        if any(line.function == function and f'"{message}"' in line.text for line in running.logs(since_ms)):
            return True
        time.sleep(0.2)
    return False

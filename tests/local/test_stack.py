"""The deployed stack as its own tests and `make run` use it: ready when it says so, and the same after a restart."""

import time
from pathlib import Path

from local import stack
from local.processes import answers, is_taken
from local.stack import Stack


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


def put(running: Stack, table: str, name: str) -> None:
    running.client("dynamodb").put_item(TableName=running.outputs[f"{table}Name"], Item=key(name))


def key(name: str) -> dict[str, dict[str, str]]:
    return {"pk": {"S": f"test#{name}"}, "sk": {"S": name}}


def says(running: Stack, function: str, message: str, since_ms: int) -> bool:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if any(line.function == function and f'"{message}"' in line.text for line in running.logs(since_ms)):
            return True
        time.sleep(0.2)
    return False

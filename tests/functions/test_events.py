"""Every function has a real-shaped event beside it, and takes it without a word of complaint."""

import importlib
import json
from types import ModuleType
from typing import Any

import pytest

from local.template import REPOSITORY, load, of_type
from tests.faults.world import Context
from vouch.service.deployment import Deployment

HANDLERS = sorted(
    function["Properties"]["Handler"] for function in of_type(load(), "AWS::Serverless::Function").values()
)


def event_of(handler: str) -> Any:
    folder, module, _ = handler.split(".")
    return json.loads((REPOSITORY / "events" / folder / f"{module}.json").read_text())


def connected(module: ModuleType, deployment: Deployment, patch: pytest.MonkeyPatch) -> None:
    """The function as a cold start leaves it, with this deployment in place of its own."""
    if hasattr(module, "api"):
        patch.setattr(module.api, "connect", lambda: deployment)
    if hasattr(module, "deployment"):
        patch.setattr(module, "deployment", lambda: deployment)
    for name in ("_ingest", "_redirects"):
        if hasattr(module, name):
            getattr(module, name).cache_clear()


@pytest.mark.parametrize("handler", HANDLERS)
def test_each_function_takes_its_event(
    handler: str, deployment: Deployment, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    name, function = handler.rsplit(".", 1)
    module = importlib.import_module(name)
    connected(module, deployment, monkeypatch)
    answer = getattr(module, function)(event_of(handler), Context())
    connected(module, deployment, monkeypatch)  # nobody after us shall find this deployment in a cache
    assert [record for record in caplog.records if record.exc_info] == []
    if answer and "statusCode" in answer:
        assert answer["statusCode"] in (401, 404), "the event's brand is nobody's here"
    if answer and "batchItemFailures" in answer:
        assert answer["batchItemFailures"] == []

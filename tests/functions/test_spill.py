"""The spill queue's other end: every click lands once, and a bad message holds up no other."""

import json
from pathlib import Path
from typing import Any

import pytest

from referrals import spill
from tests.fixtures import NOON
from tests.wire import Wire, refused
from vouch.domain.clicks import ClickId
from vouch.service.deployment import Deployment
from vouch.store import clicks
from vouch.store.tables import Click

ROOT = Path(__file__).parents[2]
EVENT = json.loads((ROOT / "events/referrals/spill.json").read_text())
BRAND = "brd_00000000000000000000000001"


def click(number: int) -> Click:
    return clicks.record(BRAND, ClickId(f"clk_{number:039d}", "00" * 8, NOON), [], NOON)


def batch(*bodies: str) -> dict[str, Any]:
    (record,) = EVENT["Records"]
    return {"Records": [record | {"messageId": f"m{n}", "body": body} for n, body in enumerate(bodies)]}


def failed(answer: dict[str, Any]) -> list[str]:
    return [item["itemIdentifier"] for item in answer["batchItemFailures"]]


@pytest.fixture(autouse=True)
def opened(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    monkeypatch.setattr(spill, "deployment", lambda: deployment)
    return deployment


def test_the_queues_event_becomes_a_click(deployment: Deployment) -> None:
    assert spill.handler(EVENT, None) == {"batchItemFailures": []}
    stored = deployment.database.get(Click, f"{BRAND}#K#clk_E1f3BBEN8bPjBGaQ13JhbmRvbcTSbvuBB18e2Qc")
    assert stored is not None
    assert stored.at == "2026-05-04T12:30:15.000000Z"
    assert stored.trail == ["clk_E1f3BBEN8bPjBGaQyWVhcmxpZTiT1xCvCKqeOYk"]


def test_a_click_that_is_there_already_stays_as_it_is(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    first = clicks.record(BRAND, ClickId(f"clk_{1:039d}", "00" * 8, NOON), [], NOON)
    deployment.database.put_new(first)
    wire = Wire(monkeypatch)
    message = clicks.message(click(1))
    assert failed(spill.handler(batch(message, message), None)) == []
    assert wire.operations() == {"PutItem": 2}
    stored = deployment.database.get(Click, first.pk)
    assert stored is not None
    assert stored.to_dynamodb_dict() == first.to_dynamodb_dict()


@pytest.mark.parametrize(
    "bad", ["", "{", "[]", "null", "{}", '{"pk": {"S": ""}}', '{"pk": {"S": "x"}}', '"x"', '{"pk": 1}']
)
def test_one_bad_message_holds_up_no_other(deployment: Deployment, bad: str) -> None:
    answer = spill.handler(batch(clicks.message(click(1)), bad, clicks.message(click(2))), None)
    assert failed(answer) == ["m1"]
    for number in (1, 2):
        assert deployment.database.get(Click, click(number).pk) is not None


def test_what_is_throttled_still_comes_again(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    wire = Wire(monkeypatch)
    wire.faults["PutItem"] = refused("ThrottlingException")
    event = batch(clicks.message(click(1)), clicks.message(click(2)))
    assert failed(spill.handler(event, None)) == ["m0", "m1"]
    wire.faults.clear()
    assert failed(spill.handler(event, None)) == []
    assert deployment.database.get(Click, click(2).pk) is not None


def test_a_warming_call_stores_nothing() -> None:
    assert spill.handler({"warm": True}, None) == {"batchItemFailures": []}

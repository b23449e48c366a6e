"""`attribution.wake`: one message holds up no other, and what failed comes again."""

import json
from typing import Any

import pytest

from attribution import wake
from tests.faults.world import Context, World, event
from tests.platforms import samples
from tests.wire import Wire, unreachable
from vouch.platforms.base import Request
from vouch.store import inbox


def _posted(world: World) -> None:
    request = samples.request("shopify/orders_paid")
    world.put_sample(request)


def _message(body: Any, name: str) -> dict[str, Any]:
    record: dict[str, Any] = event("wake")["Records"][0]
    return record | {"messageId": name, "body": body if isinstance(body, str) else json.dumps(body)}


def test_the_recorded_event_settles_its_delivery(world: World) -> None:
    _posted(world)
    assert wake.handler(event("wake"), Context()) == {"batchItemFailures": []}
    assert world.order("6214001234567").version == 1


def test_message_that_fails_comes_again_and_holds_up_no_other(world: World) -> None:
    _posted(world)
    good = event("wake")["Records"][0]["body"]
    records = [
        _message("rubbish", "a"),
        _message({}, "b"),
        _message(good, "c"),
        _message({"delivery": ["x"], "tries": 0}, "d"),
    ]
    answer = wake.handler({"Records": records}, Context())
    assert answer == {"batchItemFailures": [{"itemIdentifier": name} for name in ("a", "b", "d")]}
    assert world.order("6214001234567").version == 1


def test_delivery_that_the_world_refuses_comes_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    _posted(world)
    wire = Wire(monkeypatch)
    wire.faults["TransactWriteItems"] = unreachable
    failed = wake.handler(event("wake"), Context())["batchItemFailures"]
    assert failed == [{"itemIdentifier": event("wake")["Records"][0]["messageId"]}]
    wire.faults.clear()
    assert wake.handler(event("wake"), Context()) == {"batchItemFailures": []}


def test_parked_delivery_is_done_with(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    item = world.put_sample(Request({"x-shopify-topic": "orders/paid"}, b"{"))
    wake.handler({"Records": [_message({"delivery": [item.pk, item.sk], "tries": 0}, "a")]}, Context())
    assert "DeliveryParked" in capsys.readouterr().out
    assert inbox.parked(world.deployment.database, world.brand_id, item.sk) is not None


def test_second_pass_goes_on_where_it_stopped(world: World) -> None:
    _posted(world)
    hour = "2026-05-04T12:00:00.000000Z"
    records = [_message({"second_pass": [hour, shard, None]}, str(shard)) for shard in range(inbox.HOUR_SHARDS)]
    assert wake.handler({"Records": records}, Context()) == {"batchItemFailures": []}
    assert world.order("6214001234567").version == 1


def test_warming_does_nothing(world: World) -> None:
    assert wake.handler({"warm": True}, Context()) == {}

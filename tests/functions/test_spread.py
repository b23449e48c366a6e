"""`attribution.spread`: one message holds up no other, what failed comes again, and what has no time goes on."""

import json
from typing import Any

import pytest

from attribution import spread
from tests.books import DANA
from tests.customers import Shop
from tests.faults.world import Context, event
from tests.wire import Wire, unreachable
from vouch.service.deployment import Deployment


@pytest.fixture
def shop(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """An order that is going to hear that its customer came by Dana."""
    monkeypatch.setattr(spread, "deployment", lambda: deployment)
    monkeypatch.setattr("figures.standings.deployment", lambda: deployment)
    shop = Shop(deployment)
    shop.sell(2)
    shop.run()
    shop.sell(1, to=DANA)
    shop.bring()
    return shop


def message(body: Any, name: str) -> dict[str, Any]:
    record: dict[str, Any] = event("spread")["Records"][0]
    return record | {"messageId": name, "body": body if isinstance(body, str) else json.dumps(body)}


def test_a_message_that_fails_comes_again_and_holds_up_no_other(shop: Shop) -> None:
    [good] = shop.messages()
    bad = ["rubbish", {}, {"record": {"NewImage": {"k": {"S": "order"}}}}, {"standing": ["x"]}]
    records = [message(body, str(number)) for number, body in enumerate([*bad, good])]
    answer = spread.handler({"Records": records}, Context())
    assert answer == {"batchItemFailures": [{"itemIdentifier": str(number)} for number in range(len(bad))]}
    assert shop.sums(2) == {DANA: 1_000}


def test_what_the_world_refuses_is_told_to_the_order_alone_and_comes_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    [told] = shop.messages()
    wire = Wire(monkeypatch)
    wire.faults["TransactWriteItems"] = unreachable
    assert shop.hear(told)
    [alone] = shop.messages()
    assert not shop.hear(alone)
    wire.faults.clear()
    assert shop.hear(alone)
    assert shop.sums(2) == {DANA: 1_000}


def test_what_there_is_no_time_for_goes_on_by_another_message(shop: Shop) -> None:
    [told] = shop.messages()
    records = [message(told, "a")]
    assert spread.handler({"Records": records}, Context(lambda: 15_000)) == {"batchItemFailures": []}
    assert shop.sums(2) == {}
    assert shop.messages() == [told]


def test_warming_does_nothing(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    wire = Wire(monkeypatch)
    assert spread.handler({"warm": True}, Context()) == {}
    assert not wire.operations()

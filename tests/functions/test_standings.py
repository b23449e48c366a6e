"""`figures.standings`: the event of `events/figures/standings.json`, batches that come again, and what is no order."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from attribution import spread
from figures import standings
from local.template import REPOSITORY
from tests.books import NOA
from tests.customers import Shop
from tests.faults.world import Context
from tests.order_stream import Record
from tests.wire import Wire, unreachable
from vouch.domain import registers as registers_domain
from vouch.service.deployment import Deployment
from vouch.store import registers
from vouch.store.tables import Main

EVENT = REPOSITORY / "events" / "figures" / "standings.json"
BRAND = "brd_QDQ5ACF29VF7A0DCC10WHV2YKC"
KEY = "customer:4lwJ6WzPjBPxXLpz6iDS9BWEOsYM8ZNVDyYcPzYzn8Y"


@pytest.fixture(autouse=True)
def _deployed(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standings, "deployment", lambda: deployment)
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "figures")


def kept(deployment: Deployment, brand_id: str, key: str) -> list[dict[str, Any]]:
    _, pk, _ = registers.key(brand_id, key)
    return [item.serialize() for item in deployment.database.query(Main, pk)]


def test_the_recorded_event_is_noted_once_however_often_it_comes(
    deployment: Deployment, caplog: pytest.LogCaptureFixture
) -> None:
    event = json.loads(EVENT.read_text())
    standings.handler(event, Context())
    noted = kept(deployment, BRAND, KEY)
    assert [item["k"]["S"] for item in noted] == ["marker", "register"]
    standings.handler(event, Context())
    assert kept(deployment, BRAND, KEY) == noted
    assert [(vars(line)["records"], vars(line)["marks"]) for line in caplog.records] == [(1, 1), (1, 1)]


def test_what_the_world_did_is_raised_and_the_batch_comes_again(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(deployment)
    shop.sell(1, to=NOA, customer="maya")
    shop.sell(2, to=NOA, customer="dan")
    records = shop.stream.records()
    wire = Wire(monkeypatch)
    wire.faults["TransactWriteItems"] = unreachable
    with pytest.raises(Exception, match="transaction items"):
        shop.bring(records)
    wire.faults.clear()
    shop.bring(records)
    assert all(len(kept(deployment, shop.brand.id, f"customer:{name}")) == 2 for name in ("maya", "dan"))


def test_what_is_no_order_is_passed_over(deployment: Deployment) -> None:
    shop = Shop(deployment)
    shop.sell(1)
    [record] = shop.stream.records()
    gone = {"eventName": "REMOVE", "dynamodb": {"Keys": {}, "OldImage": record["dynamodb"]["NewImage"]}}
    other = {"eventName": "INSERT", "dynamodb": {"Keys": {}, "NewImage": {"k": {"S": "commission"}}}}
    shop.bring([gone, other, record])
    assert len(kept(deployment, shop.brand.id, "customer:maya")) == 2


def unreadable(record: Record) -> None:
    record["dynamodb"]["NewImage"]["z"]["B"] = "eJwDAAAAAAE="


def undecodable(record: Record) -> None:
    del record["dynamodb"]["NewImage"]["z"]


@pytest.mark.parametrize("spoil", [unreadable, undecodable])
def test_an_order_that_cannot_be_read_is_told_of_and_holds_up_no_other(
    deployment: Deployment,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    spoil: Callable[[Record], None],
) -> None:
    shop = Shop(deployment)
    shop.sell(1, customer="dan")
    shop.sell(2)
    records = shop.stream.records()
    spoil(records[0])
    shop.bring(records)
    assert [line.message for line in caplog.records] == ["an order cannot be noted", "noted"]
    assert vars(caplog.records[-1])["marks"] == 1
    assert "OrderUnnoted" in capsys.readouterr().out
    assert len(shop.messages()) == 1


def test_what_our_code_fails_on_comes_again_by_the_queue_until_it_is_mended_and_nothing_of_it_is_lost(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The order was Maya's first, and turns out to be Dan's: both registers have to hear of it."""
    monkeypatch.setattr(spread, "deployment", lambda: deployment)
    shop = Shop(deployment)
    for hour in (1, 2):
        shop.sell(hour, to=NOA)
    shop.run()
    shop.sell(1, to=NOA, customer="dan", minute=1)
    with monkeypatch.context() as broken:
        broken.setattr(registers_domain, "audiences", lambda *_: (_ for _ in ()).throw(TypeError("maya@example.com")))
        shop.bring()
        [message] = shop.messages()
        assert not shop.hear(message)
    assert "maya@example.com" not in str([vars(line) for line in caplog.records if line.message.startswith("an order")])
    assert shop.hear(message)
    shop.run()
    assert [shop.known(hour)[0] for hour in (1, 2)] == [True, True]
    assert len(kept(deployment, shop.brand.id, "customer:dan")) == 2


def test_an_order_without_a_customer_costs_no_request(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Shop(deployment)
    shop.sell(1, customer=None)
    [record] = shop.stream.records()
    wire = Wire(monkeypatch)
    shop.bring([record])
    assert not wire.operations()


def test_warming_says_a_line_and_does_nothing(caplog: pytest.LogCaptureFixture) -> None:
    standings.handler({"warm": True}, None)
    assert caplog.messages == ["warm"]

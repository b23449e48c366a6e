"""`attribution.second_pass`: which hours, what is counted, and what happens when the time is over."""

from datetime import timedelta

import pytest

from attribution import second_pass
from tests.faults.world import Context, World, event, later, take
from tests.platforms import samples
from tests.wire import Wire
from vouch.platforms.base import Request

HOUR = timedelta(hours=1)


def test_the_recorded_event_heals_what_the_stream_lost(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.put_sample(samples.request("shopify/orders_paid"))
    later(world.deployment, 2 * HOUR)
    assert second_pass.handler(event("second_pass"), Context()) == {"applied": 1}
    assert "SecondPassHealed" in capsys.readouterr().out
    assert second_pass.handler(event("second_pass"), Context()) == {"unchanged": 1}
    assert "SecondPassHealed" not in capsys.readouterr().out


@pytest.mark.parametrize("hours_later, found", [(0, False), (1, False), (2, True), (3, False)])
def test_by_itself_it_takes_the_hour_before_last(world: World, hours_later: int, found: bool) -> None:
    world.put_sample(samples.request("shopify/orders_paid"))
    later(world.deployment, hours_later * HOUR)
    assert second_pass.handler({}, Context()) == ({"applied": 1} if found else {})


@pytest.mark.parametrize("hours_later, found", [(0, True), (1, True), (2, True), (3, False)])
def test_told_to_it_takes_the_present_hour_and_those_before(world: World, hours_later: int, found: bool) -> None:
    world.put_sample(samples.request("shopify/orders_paid"))
    later(world.deployment, hours_later * HOUR)
    assert second_pass.handler({"hours": 2}, Context()) == ({"applied": 1} if found else {})


def test_parked_deliveries_are_counted(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.put_sample(Request({"x-shopify-topic": "orders/paid"}, b"{"))
    assert second_pass.handler({"hours": 0}, Context()) == {"parked": 1}
    assert "DeliveryParked" in capsys.readouterr().out


def test_what_there_is_no_time_for_goes_on_by_the_queue(world: World) -> None:
    world.put_sample(samples.request("shopify/orders_paid"))
    assert second_pass.handler({"hours": 0}, Context(lambda: 30_000)) == {}
    messages = take(world.deployment)
    assert len(messages) == 16
    assert [world.wake(message) for message in messages] == [{"batchItemFailures": []}] * 16
    assert world.order("6214001234567").version == 1


def test_warming_settles_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    wire = Wire(monkeypatch)
    assert second_pass.handler({"warm": True}, Context()) == {}
    assert not wire.operations()

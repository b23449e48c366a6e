"""`attribution.second_pass`: which hours, what is counted, and what happens when the time is over."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import pytest

from attribution import second_pass
from tests.faults.world import Context, World, event, later, take
from tests.fixtures import NOON
from tests.platforms import samples
from tests.wire import Wire, unreachable
from vouch.platforms.base import Request
from vouch.service import deliveries
from vouch.service.deployment import Deployment
from vouch.store import figures, inbox
from vouch.store.database import FAILURES

HOUR = timedelta(hours=1)


def test_the_recorded_event_heals_what_the_stream_lost(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.put_sample(samples.request("shopify/orders_paid"))
    later(world.deployment, 2 * HOUR)
    assert second_pass.handler(event("second_pass"), Context()) == {"applied": 1}
    assert "SecondPassHealed" in capsys.readouterr().out
    assert second_pass.handler(event("second_pass"), Context()) == {"unchanged": 1}
    assert "SecondPassHealed" not in capsys.readouterr().out


@pytest.mark.parametrize("hours_later, found", [(0, False), (1, False), (2, True), (3, False)])
def test_by_itself_it_takes_the_hour_before_last_at_first(world: World, hours_later: int, found: bool) -> None:
    world.put_sample(samples.request("shopify/orders_paid"))
    later(world.deployment, hours_later * HOUR)
    assert second_pass.handler({}, Context()) == ({"applied": 1} if found else {})


@pytest.mark.parametrize("hours_late", [1, 5, 28])
def test_no_hour_is_skipped_by_a_run_that_is_late(world: World, hours_late: int) -> None:
    assert second_pass.handler({}, Context()) == {}
    world.put_sample(samples.request("shopify/orders_paid"))
    later(world.deployment, (2 + hours_late) * HOUR)
    assert second_pass.handler({}, Context()) == {"applied": 1}
    assert second_pass.handler({}, Context()) == {}, "each hour is taken once"


def test_a_run_that_fails_is_made_up_for_by_the_next(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Lambda's own retry does, when the clock shows the next hour already."""
    second_pass.handler({}, Context())
    world.put_sample(samples.request("shopify/orders_paid"))
    later(world.deployment, 2 * HOUR)
    wire = Wire(monkeypatch)
    wire.faults["BatchGetItem"] = unreachable
    with pytest.raises(FAILURES):
        second_pass.handler({}, Context())
    wire.faults.clear()
    later(world.deployment, HOUR)
    assert second_pass.handler({}, Context()) == {"applied": 1}


def test_hours_that_there_is_no_time_for_are_the_next_runs(world: World) -> None:
    """The one under way goes on by the queue, so each run comes one hour further at least."""
    second_pass.handler({}, Context())
    later(world.deployment, 2 * HOUR)
    world.put_sample(samples.request("shopify/orders_paid"))
    later(world.deployment, 3 * HOUR)
    for _ in range(3):
        assert second_pass.handler({}, Context(lambda: 30_000)) == {}
    assert len(take(world.deployment)) == 3 * 16
    assert figures.passed(world.deployment.database) == NOON + HOUR
    assert second_pass.handler({}, Context()) == {"applied": 1}


def test_what_the_inbox_keeps_no_longer_is_not_looked_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    second_pass.handler({}, Context())
    later(world.deployment, timedelta(days=400))
    taken: list[datetime] = []

    def second(_: Deployment, hours: Iterable[datetime], **__: object) -> dict[str, int]:
        taken.extend(hours)
        return {}

    monkeypatch.setattr(deliveries, "second_pass", second)
    second_pass.handler({}, Context())
    now = world.deployment.now()
    assert (taken[0], taken[-1], len(taken)) == (now - inbox.KEPT, now - 2 * HOUR, 30 * 24 - 1)


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

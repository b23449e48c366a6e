"""The two notes that a delivery may have: of those who settle it, and of those who ask its platform about it."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.faults.doors import Door, on_this_machine
from tests.faults.world import World, take
from tests.fixtures import Clock
from tests.platforms import samples
from tests.service.test_stripe_sales import bought
from tests.standins.server import failing
from tests.standins.stripe import StripeApi, item
from vouch.platforms.base import Request
from vouch.service import deliveries, fetches, listings
from vouch.service.orders import Defect
from vouch.service.queues import TRIES_MAX
from vouch.service.volumes import SealNotDue
from vouch.store import inbox

BOTH = ["awaiting_volume", "awaiting_platform"]
DAY = datetime(2026, 5, 8, tzinfo=UTC)
"""Of the sale."""


@pytest.fixture
def api(world: World, clock: Clock) -> Iterator[StripeApi]:
    clock.now = DAY
    with on_this_machine(world), StripeApi() as stripe:
        yield stripe


@pytest.fixture
def door(world: World, api: StripeApi, clock: Clock) -> Door:
    """A sale has come in that settles at once, and of which its platform has more to tell."""
    door = Door(world, "stripe", samples.STRIPE_SECRET, api_base_url=api.address, api_token="rk_live_reads")
    body = api.check_out(bought(), item())
    at = str(int(clock.now.timestamp()))
    proof = hmac.new(samples.STRIPE_SECRET.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    door.deliver(Request({"stripe-signature": f"t={at},v1={proof}"}, body))
    return door


def reasons(world: World) -> list[str]:
    return [note.reason for note in world.parked()]


def asked(world: World) -> list[str]:
    """Works off every message that is in the fetch queue now; how they ended."""
    waiting = world.deployment.sqs.sent.pop(world.deployment.settings.fetch_queue_url, ())
    messages = [json.loads(message["MessageBody"]) for message in waiting]
    return [fetches.fetched(world.deployment, message, in_time=lambda: True) for message in messages]


def redriven(world: World) -> deliveries.Outcome:
    return deliveries.redrive(world.deployment, world.brand_id, world.parked()[0].delivery_id)


@pytest.fixture
def awaited(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A volume that is not known yet; undone, it is."""

    def not_due(*_: object, **__: object) -> bool:
        raise SealNotDue("May")

    monkeypatch.setattr(deliveries, "apply", not_due)
    return monkeypatch


def test_who_settles_leaves_alone_what_waits_for_the_platform(world: World, api: StripeApi, door: Door) -> None:
    api.faults += [failing(503)]
    world.settle(door.fresh())
    assert (asked(world), reasons(world)) == (["deferred"], ["awaiting_platform"])
    world.second_pass(1)
    assert reasons(world) == ["awaiting_platform"]
    assert set(asked(world)) == {"asked"}
    assert reasons(world) == []


def test_who_asks_leaves_alone_what_waits_to_be_settled(
    world: World, api: StripeApi, door: Door, awaited: pytest.MonkeyPatch
) -> None:
    api.faults += [failing(503)]
    world.settle(door.fresh())
    assert (asked(world), reasons(world)) == (["deferred"], BOTH)
    assert (asked(world), reasons(world)) == (["asked"], ["awaiting_volume"])
    awaited.undo()
    world.woken()
    assert reasons(world) == []


def test_a_redrive_does_what_both_need(world: World, api: StripeApi, door: Door, awaited: pytest.MonkeyPatch) -> None:
    api.faults += [failing(410)]
    world.settle(door.fresh())
    assert (asked(world), reasons(world)) == (["parked"], ["awaiting_volume", "platform_refused"])
    first = listings.parked(world.deployment, world.brand, limit=1, cursor=None)
    second = listings.parked(world.deployment, world.brand, limit=1, cursor=first.next_cursor)
    assert {note.reason for note in (*first.items, *second.items)} == set(reasons(world))
    awaited.undo()
    assert redriven(world).ending == "applied"
    assert reasons(world) == ["platform_refused"]
    assert set(asked(world)) == {"asked"}
    assert reasons(world) == []


def test_a_redrive_asks_though_it_cannot_be_settled(
    world: World, api: StripeApi, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.faults += [failing(410)]
    world.settle(door.fresh())
    assert asked(world) == ["parked"]

    def broken(*_: object, **__: object) -> bool:
        raise Defect("in a test")

    monkeypatch.setattr(deliveries, "apply", broken)
    assert redriven(world).reason == "defect"
    assert (asked(world), reasons(world)) == (["asked"], ["defect"])


def test_a_redrive_begins_the_tries_anew_and_those_before_it_end_by_themselves(
    world: World, api: StripeApi, door: Door, clock: Clock
) -> None:
    api.faults += [failing(503)] * 100
    world.settle(door.fresh())
    assert asked(world) == ["deferred"]
    for _ in range(3):
        clock.pass_(timedelta(minutes=15))
        assert redriven(world).ending == "unchanged"
        before = len(api.asked)
        # The older tries, the redrive's own message, and the one of settling again.
        assert sorted(asked(world)) == ["awaited", "awaited", "deferred"]
        assert len(api.asked) == before + 1
    assert reasons(world) == ["awaiting_platform"]


def test_tries_whose_note_was_never_written_go_on(
    world: World, api: StripeApi, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.faults += [failing(503)]
    world.settle(door.fresh())

    def dies(*_: object, **__: object) -> bool:
        raise SystemExit

    with monkeypatch.context() as broken:
        broken.setattr(inbox, "park", dies)
        with pytest.raises(SystemExit):
            asked(world)
    assert (asked(world), reasons(world)) == (["asked"], [])


def test_what_was_tried_rings_when_the_platform_refuses_it(
    world: World, api: StripeApi, door: Door, capsys: pytest.CaptureFixture[str]
) -> None:
    api.faults += [failing(503), failing(410)]
    world.settle(door.fresh())
    assert (asked(world), "DeliveryParked" in capsys.readouterr().out) == (["deferred"], False)
    assert (asked(world), "DeliveryParked" in capsys.readouterr().out) == (["parked"], True)


def test_the_last_try_of_a_volume_leaves_a_note_though_it_was_gone(
    world: World, api: StripeApi, door: Door, awaited: pytest.MonkeyPatch
) -> None:
    [image] = door.fresh()
    world.settle([image])
    delivery = inbox.get(world.deployment.database, image["pk"]["S"], image["sk"]["S"])
    assert delivery is not None
    inbox.unpark(world.deployment.database, delivery)
    take(world.deployment)
    assert deliveries.settled_for_good(world.deployment, delivery, tries=TRIES_MAX).ending == "parked"
    assert reasons(world) == ["awaiting_volume"]

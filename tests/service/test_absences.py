"""Platforms that do not answer are left alone for a while, so that one of them keeps no other brand waiting."""

import heapq
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.faults.doors import Door, on_this_machine
from tests.faults.world import World, later
from tests.fixtures import Clock
from tests.platforms import samples
from tests.standins import bigcommerce
from tests.standins.bigcommerce import BigCommerce, Item
from tests.standins.server import failing
from vouch import outgoing
from vouch.domain import times
from vouch.outgoing import Incoming, Outgoing, Silent
from vouch.platforms.base import NotYet
from vouch.service import fetches
from vouch.service.absences import NoAnswer, minded
from vouch.service.queues import heeded
from vouch.store import absences, connections
from vouch.store.tables import Away, ConnectionItem

CALL_SECONDS = 15
"""What a platform that is dead keeps a worker waiting for, at most (`outgoing.SECONDS`)."""
WORKERS = 5
WAITING = 500
SPREAD = 10


class Silence:
    """Whoever is called while it is `on` does not answer."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.on = True
        self.calls = 0
        send = outgoing.send

        def silent(request: Outgoing, **options: Any) -> Incoming:
            self.calls += 1
            if self.on:
                raise Silent("TimeoutError")
            return send(request, **options)

        monkeypatch.setattr(outgoing, "send", silent)


@pytest.fixture
def silence(monkeypatch: pytest.MonkeyPatch) -> Silence:
    return Silence(monkeypatch)


@pytest.fixture
def shop(world: World, clock: Clock) -> Iterator[BigCommerce]:
    with on_this_machine(world), BigCommerce(clock) as store:
        yield store


@pytest.fixture
def door(world: World, shop: BigCommerce) -> Door:
    return Door(
        world,
        "bigcommerce",
        samples.BIGCOMMERCE_SECRET,
        shop=bigcommerce.SHOP,
        api_base_url=shop.address,
        api_token=bigcommerce.TOKEN,
    )


def fetch(world: World) -> list[str]:
    """Works off the messages that are in the queue now, those without their delay; how they ended."""
    waiting = world.deployment.sqs.sent.pop(world.deployment.settings.fetch_queue_url, ())
    messages = [json.loads(message["MessageBody"]) for message in waiting]
    return [fetches.fetched(world.deployment, message, in_time=lambda: True) for message in messages]


def sell(world: World, shop: BigCommerce, door: Door, count: int = 1) -> list[str]:
    """So many sales come in that wait to be asked about."""
    placed = [str(shop.place(Item("20.00"), code="dan10")) for _ in range(count)]
    door.deliver(*shop.webhooks)
    shop.webhooks.clear()
    world.settle(door.fresh())
    return placed


def away(world: World, door: Door) -> Away | None:
    return absences.of(world.deployment.database, world.brand_id, door.connection_id)


def test_who_did_not_answer_is_called_for_nobody_until_the_pause_is_over(
    world: World, shop: BigCommerce, door: Door, silence: Silence
) -> None:
    placed = sell(world, shop, door, 4)
    assert (fetch(world), silence.calls) == (["deferred"] * 4, 1)
    assert {note.reason for note in world.parked()} == {"awaiting_platform"}
    delays = [each["DelaySeconds"] for each in world.deployment.sqs.sent[world.deployment.settings.fetch_queue_url]]
    assert all(60 <= delay <= 60 + SPREAD for delay in delays)
    silence.on = False
    later(world.deployment, timedelta(seconds=59))
    assert (fetch(world), silence.calls) == (["deferred"] * 4, 1)
    later(world.deployment, timedelta(seconds=1))
    assert fetch(world) == ["asked"] * 4
    assert away(world, door) is None
    door.run()
    assert all(door.earned(each) == {"dan": 255} for each in placed)
    assert not world.parked()


def test_pauses_double_up_to_a_quarter_of_an_hour(
    world: World, shop: BigCommerce, door: Door, clock: Clock, silence: Silence
) -> None:
    sell(world, shop, door, 2)
    pauses = []
    for number in range(7):
        fetch(world)
        known = away(world, door)
        assert known is not None
        assert (silence.calls, known.tries) == (number + 1, number + 1)
        pauses.append(int((times.parse(known.until) - clock.now).total_seconds()))
        clock.pass_(timedelta(seconds=pauses[-1]))
    assert pauses == [60, 120, 240, 480, 900, 900, 900]


def test_of_those_who_come_when_the_pause_is_over_one_alone_tries(world: World, door: Door, clock: Clock) -> None:
    item = found(world, door)
    with pytest.raises(NoAnswer), minded(world.deployment, item):
        raise NoAnswer("at first")
    clock.pass_(timedelta(minutes=1))
    with minded(world.deployment, item):
        for _ in range(2):
            with pytest.raises(NotYet, match="lately"), minded(world.deployment, item):
                raise AssertionError("it was let through")
    with minded(world.deployment, item):
        pass


def test_who_tried_and_died_leaves_it_to_the_next(world: World, door: Door, clock: Clock) -> None:
    item = found(world, door)
    with pytest.raises(NoAnswer), minded(world.deployment, item):
        raise NoAnswer("at first")
    clock.pass_(timedelta(minutes=1))
    with pytest.raises(MemoryError), minded(world.deployment, item):
        raise MemoryError
    with pytest.raises(NotYet, match="lately"), minded(world.deployment, item):
        pass
    clock.pass_(timedelta(seconds=30))
    with minded(world.deployment, item):
        pass
    assert away(world, door) is None


@pytest.mark.parametrize("status", [429, 500, 503, 401, 404])
def test_who_says_anything_at_all_is_there(
    world: World, shop: BigCommerce, door: Door, clock: Clock, silence: Silence, status: int
) -> None:
    sell(world, shop, door)
    fetch(world)
    silence.on = False
    clock.pass_(timedelta(minutes=1))
    shop.faults += [failing(status)]
    door.run()
    assert away(world, door) is None


def test_other_connections_are_asked_meanwhile(world: World, shop: BigCommerce, door: Door, silence: Silence) -> None:
    sell(world, shop, door)
    assert fetch(world) == ["deferred"]
    silence.on = False
    other = World(world.deployment, "other").build()
    settings = {"shop": bigcommerce.SHOP, "api_base_url": shop.address, "api_token": bigcommerce.TOKEN}
    theirs = Door(other, "bigcommerce", samples.BIGCOMMERCE_SECRET, **settings)
    world.deployment.sqs.sent.clear()
    sell(other, shop, theirs)
    groups = [each["MessageGroupId"] for each in world.deployment.sqs.sent[world.deployment.settings.fetch_queue_url]]
    assert groups == [theirs.connection_id]
    assert fetch(other) == ["asked"]


def found(world: World, door: Door) -> ConnectionItem:
    item = connections.connection(world.deployment.database, world.brand_id, door.connection_id)
    assert item is not None
    return item


class Queue:
    """What waits for a platform that is dead, worked off by several workers at once."""

    def __init__(self, world: World, item: ConnectionItem, clock: Clock) -> None:
        self._world, self._item, self._clock = world, item, clock
        self._due = [(clock.now, number, 0) for number in range(WAITING)]
        self._at_work = 0
        self.calls = 0
        self.put_back = 0

    def work(self, span: timedelta) -> None:
        until = self._clock.now + span
        while self._due[0][0] < until:
            self._clock.now = max(self._clock.now, self._due[0][0])
            self._take()

    def _take(self) -> None:
        _, number, tries = heapq.heappop(self._due)
        self._at_work += 1
        try:
            with minded(self._world.deployment, self._item):
                self._call()
        except NotYet as refusal:
            self.put_back += not isinstance(refusal, NoAnswer)
            pause = timedelta(seconds=heeded(tries, refusal.seconds))
            heapq.heappush(self._due, (self._clock.now + pause, number, tries + 1))
        self._at_work -= 1

    def _call(self) -> None:
        """While it waits in vain, the others go on with what is due."""
        self.calls += 1
        ends = self._clock.now + timedelta(seconds=CALL_SECONDS)
        while self._at_work < WORKERS and self._due and self._due[0][0] < ends:
            self._clock.now = max(self._clock.now, self._due[0][0])
            self._take()
        self._clock.now = max(self._clock.now, ends)
        raise NoAnswer("TimeoutError")


def test_a_dead_platform_for_which_hundreds_wait_costs_minutes_of_an_hour_and_not_hours(
    world: World, door: Door, clock: Clock
) -> None:
    """Of five workers' 18 000 seconds an hour. Without pauses 500 waiting deliveries would take all of them."""
    queue = Queue(world, found(world, door), clock)
    queue.work(timedelta(hours=1))
    first = queue.calls
    assert WORKERS <= first <= WORKERS + 9  # all at once, then after 1, 2, 4, 8, 15, 15 … minutes
    queue.work(timedelta(hours=1))
    assert queue.calls - first <= 4
    assert queue.put_back <= 2 * 8 * WAITING, "each costs a worker some milliseconds"

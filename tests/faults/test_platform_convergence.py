"""Whatever way a platform's webhooks come, and however its API answers, the books are those of a clean run in order.

Each story is told by webhooks that come up to five times, shuffled, to several threads, while the platform goes on; its
API hangs up, has no time, loses its answers, cuts them short, and knows less than was told already. Where the platform
lists what has changed, some of its webhooks never come, and a look at that list heals it; others look in between.
"""

import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from itertools import batched
from typing import Any

import pytest

from attribution import fetch, privacy, wake
from tests.faults.stories import ACTS, Act, Moment, Sent, Stage, staged
from tests.faults.world import Context, Stored, World, event, functions, later
from tests.fixtures import NOON, Clock
from tests.standins.server import Asked, Told, busy, cut, failing, hangs_up, lost
from vouch.platforms.registry import PLATFORMS
from vouch.service import mint, reconciliations
from vouch.service.deployment import Deployment

SEEDS = range(3)
WORKERS = 6
FAULTS = 50
"""So many requests of a run may meet a fault; then the platform is well again."""
LOST = 0.25
_AT_ONCE = 12
_ROUNDS_MAX = 400
_ROUND = timedelta(minutes=10)
Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


def late(asked: Asked, answer: Callable[[], Told]) -> Told:
    """It takes its time."""
    time.sleep(0.02)
    return answer()


_FAULTS = (late, busy(), busy(120), failing(500), failing(503), hangs_up, lost, cut, failing(200, b"<html>back soon"))


@pytest.fixture(scope="module")
def clean() -> dict[str, dict[str, Any]]:
    """What each platform's story comes to when all goes well, once somebody has run it."""
    return {}


def _runs() -> list[Any]:
    """Those of one platform go to one worker of pytest, which then tells its story in order only once."""
    return [
        pytest.param(
            *(act, seed), id=f"{act.platform}-seed{seed}", marks=pytest.mark.xdist_group(f"story of {act.platform}")
        )
        for act in ACTS
        for seed in SEEDS
    ]


def test_every_platform_with_orders_has_a_story() -> None:
    assert {act.platform for act in ACTS} == PLATFORMS.keys() - {"rest", "meta"}


@pytest.mark.parametrize("act, seed", _runs())
def test_whatever_way_a_platform_tells_its_story_the_books_are_those_of_a_clean_run(
    deployment: Deployment, clock: Clock, clean: dict[str, dict[str, Any]], act: Act, seed: int
) -> None:
    with functions(deployment):
        if act.platform not in clean:
            with _begun(World(deployment, "clean").build(), clock, act) as stage:
                clean[act.platform] = _in_order(stage)
        world = World(deployment, "shuffled").build()
        with _begun(world, clock, act) as stage:
            _Storm(stage, random.Random(f"{act.platform} {seed}")).run()
            assert _outcome(stage) == clean[act.platform]
        assert not world.parked()
        world.assert_invariants()


@contextmanager
def _begun(world: World, clock: Clock, act: Act) -> Iterator[Stage]:
    clock.now = NOON
    with staged(world, clock, act) as stage:
        yield stage


def _in_order(stage: Stage) -> dict[str, Any]:
    for moment in stage.moments():
        stage.stand(moment.state)
        stage.door.deliver(*map(stage.request, moment.sent))
        stage.door.run()
    assert not stage.world.parked()
    stage.world.assert_invariants()
    return _outcome(stage)


def _outcome(stage: Stage) -> dict[str, Any]:
    """Of what may become an order under one name or another, what all of it comes to.

    What an order was worth before it was called off depends on whether its platform was asked in time.
    """
    found: dict[str, Any] = {
        name: ("cancelled" if shown and shown["status"] == "cancelled" else shown, sums)
        for name, (shown, sums) in stage.door.outcome().items()
    }
    for names in stage.act.names:
        parts = [found.pop(name) for name in names if name in found]
        statuses = sorted({shown["status"] for shown, _ in parts} - {"shadow"})
        sums: dict[Any, int] = {}
        for _, part in parts:
            for key, amount in part.items():
                sums[key] = sums.get(key, 0) + amount
        found["/".join(names)] = statuses, {key: amount for key, amount in sums.items() if amount}
    return found


class _Storm:
    """A story that is told in the worst way; each round is a while in which several things happen at once."""

    def __init__(self, stage: Stage, chance: random.Random) -> None:
        self._stage = stage
        self._world = stage.world
        self._chance = chance
        self._moments: list[Moment] = stage.moments()
        self._waiting: list[tuple[int, Sent]] = [
            (place, sent)
            for place, moment in enumerate(self._moments)
            for sent in moment.sent
            for _ in range(0 if self._is_lost(sent) else chance.randint(1, 5))
        ]
        chance.shuffle(self._waiting)
        self._place = chance.randrange(len(self._moments))
        """How far the platform itself has come."""
        self._is_healed = False
        self._settled: list[Stored] = []
        self._failed: list[tuple[Handler, str]] = []
        """Messages that have to come again: of two about one look at the platform, only one can be right."""

    def run(self) -> None:
        if self._stage.api is not None:
            mixed = [None, *_FAULTS, *([self._behind] * 2 if self._stage.act.may_be_behind else [])]
            self._stage.api.faults.extend(
                self._chance.choices(mixed, [len(mixed) * 2, *([1] * (len(mixed) - 1))], k=FAULTS)
            )
        with ThreadPoolExecutor(WORKERS) as workers:
            for _ in range(_ROUNDS_MAX):
                tasks = self._tasks()
                if not tasks and self._place == len(self._moments) - 1:
                    if self._is_healed or not self._reconciles:
                        return
                    tasks, self._is_healed = [self._look], True
                self._chance.shuffle(tasks)
                list(workers.map(lambda task: task(), tasks))
                later(self._world.deployment, _ROUND)
        raise AssertionError("it never comes to an end")

    def _behind(self, _: Asked, answer: Callable[[], Told]) -> Told:
        """What it knew before the last thing happened."""
        self._stage.stand(self._moments[max(0, self._place - 1)].state)
        try:
            return answer()
        finally:
            self._stage.stand(self._moments[self._place].state)

    def _tasks(self) -> list[Callable[[], object]]:
        self._place = min(self._place + self._chance.choice((0, 1, 1, 3)), len(self._moments) - 1)
        self._stage.stand(self._moments[self._place].state)
        happened = [copy for copy in self._waiting if copy[0] <= self._place][: self._chance.randint(1, _AT_ONCE)]
        for copy in happened:
            self._waiting.remove(copy)
        tasks: list[Callable[[], object]] = [partial(self._arrive, sent) for _, sent in happened]
        fresh = self._stage.door.fresh()
        again = self._chance.sample(self._settled, min(len(self._settled), len(fresh) // 2))
        self._settled += fresh
        tasks += [partial(self._world.settle, batch) for batch in batched(fresh + again, 3, strict=False)]
        failed, self._failed = self._failed, []
        tasks += [partial(self._work, handler, message) for handler, message in (*failed, *self._messages())]
        if self._reconciles and tasks and self._chance.random() < 0.2:
            tasks.append(self._look)
        return tasks

    def _is_lost(self, sent: Sent) -> bool:
        return self._reconciles and self._stage.act.is_told_again(sent) and self._chance.random() < LOST

    @property
    def _reconciles(self) -> bool:
        api = PLATFORMS[self._stage.act.platform].api
        return api is not None and api.changes is not None

    def _messages(self) -> Iterator[tuple[Handler, str]]:
        """What the queues bring, some of it twice."""
        settings = self._world.deployment.settings
        queues = {settings.fetch_queue_url: fetch, settings.privacy_queue_url: privacy, settings.wake_queue_url: wake}
        for queue, function in queues.items():
            for message in self._world.deployment.sqs.sent.pop(queue, ()):
                for _ in range(self._chance.choice((1, 1, 1, 2))):
                    yield function.handler, message["MessageBody"]

    def _arrive(self, sent: Sent) -> None:
        self._stage.door.deliver(self._stage.request(sent))

    def _work(self, handler: Handler, message: str) -> None:
        asked = event("wake")
        asked["Records"][0]["body"] = message
        if handler(asked, Context())["batchItemFailures"]:
            self._failed.append((handler, message))

    def _look(self) -> None:
        """At all of the story: the platform comes to it when its time is long over."""
        deployment, connection_id = self._world.deployment, self._stage.door.connection_id
        reconciliations.started(deployment, mint.fresh(deployment), self._world.brand, connection_id, NOON)

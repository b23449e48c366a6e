"""A delivery that comes five times, shuffled, on twenty workers, leaves the books as one clean run in order does."""

import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import batched
from typing import Any

import pytest

from tests.faults.shop import History, history
from tests.faults.world import Stored, Webhook, World, functions
from vouch.service.deployment import Deployment

WORKERS = 20
HISTORIES = 4
"""Seeds share histories, since a clean run costs as much as a shuffled one."""
_REPEATS = {1: 60, 2: 20, 3: 10, 4: 6, 5: 4}
_AT_ONCE = 120
_BATCH = 4


@pytest.fixture(scope="module")
def clean() -> dict[int, dict[str, Any]]:
    """What each history comes to when all goes well, once somebody has run it."""
    return {}


def _seeds() -> list[Any]:
    """Those of one history go to one worker of pytest, which then runs it in order only once."""
    return [
        pytest.param(seed, id=f"seed{seed}", marks=pytest.mark.xdist_group(f"history{seed % HISTORIES}"))
        for seed in range(20)
    ]


@pytest.mark.parametrize("seed", _seeds())
def test_whatever_way_deliveries_come_the_books_are_those_of_a_clean_run(
    deployment: Deployment, clean: dict[int, dict[str, Any]], seed: int
) -> None:
    chance = random.Random(seed)
    with functions(deployment):
        if seed % HISTORIES not in clean:
            clean[seed % HISTORIES] = _run_in_order(World(deployment, "clean").build(), seed % HISTORIES)
        world = World(deployment, "shuffled").build()
        told = history(world, seed % HISTORIES)
        _run_shuffled(world, told, chance)
    assert world.outcome(told.external_ids) == clean[seed % HISTORIES]
    assert not world.parked()
    world.assert_invariants()


def _run_in_order(world: World, number: int) -> dict[str, Any]:
    told = history(world, number)
    for webhook in told.webhooks:
        world.deliver(webhook)
    outcome = world.outcome(told.external_ids)
    assert {"paid", "refunded", "cancelled"} <= {standing["status"] for standing, _ in outcome.values()}
    parts = [part for standing, _ in outcome.values() for part in standing["commissions"]]
    assert any(part["reversed"] < part["earned"] for part in parts)
    world.assert_invariants()
    return outcome


def _run_shuffled(world: World, told: History, chance: random.Random) -> None:
    """Webhooks come in a random order and number; meanwhile the stream brings what was stored, once or more."""
    waiting = [webhook for webhook in told.webhooks for _ in range(*chance.choices([*_REPEATS], [*_REPEATS.values()]))]
    chance.shuffle(waiting)
    told_by_stream: set[str] = set()
    with ThreadPoolExecutor(WORKERS) as workers:
        stream: list[Stored] = []
        while waiting or stream:
            arriving, waiting = waiting[:_AT_ONCE], waiting[_AT_ONCE:]
            tasks: list[Callable[[], object]] = [partial(_arrive, world, webhook) for webhook in arriving]
            tasks += [partial(world.settle, batch) for batch in _batches(stream, chance)]
            chance.shuffle(tasks)
            list(workers.map(lambda task: task(), tasks))
            new = {webhook.id: webhook for webhook in arriving if webhook.id not in told_by_stream}
            told_by_stream |= new.keys()
            stream = world.all_stored(new.values())


def _arrive(world: World, webhook: Webhook) -> None:
    answer = world.post(webhook)
    assert answer["statusCode"] == 200, answer


def _batches(stream: list[Stored], chance: random.Random) -> Iterator[list[Stored]]:
    again = chance.sample(stream, len(stream) // 3)
    for batch in batched(chance.sample(stream + again, len(stream + again)), _BATCH, strict=False):
        yield [*batch]

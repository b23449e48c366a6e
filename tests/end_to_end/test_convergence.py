"""The deployed stack under fire: repeated, shuffled, several at once; its books are those of a clean run."""

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import cast

import pytest

from local.demo.client import Client
from local.stack import Stack
from tests.end_to_end.brands import WORKERS, Brand, broken
from tests.faults.shop import history
from tests.faults.world import World

SEED = 20_261_121
_REPEATS = {1: 60, 2: 20, 3: 10, 4: 6, 5: 4}


@pytest.fixture
def brands(demo: Stack) -> Iterator[tuple[Brand, Brand]]:
    """Two alike, but for their ids."""
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    with Client(demo.api_url) as client:
        yield Brand(client, demo.operator_key, now), Brand(client, demo.operator_key, now)


def test_the_deployed_stack_converges(demo: Stack, brands: tuple[Brand, Brand]) -> None:
    began_ms = int(datetime.now(UTC).timestamp() * 1000)
    clean, shuffled = brands
    told = history(cast("World", clean), SEED)
    for webhook in told.webhooks:
        clean.deliver(webhook)
    chance = random.Random(SEED)
    again = history(cast("World", shuffled), SEED).webhooks
    waiting = [webhook for webhook in again for _ in range(*chance.choices([*_REPEATS], [*_REPEATS.values()]))]
    chance.shuffle(waiting)
    with ThreadPoolExecutor(WORKERS) as workers:
        list(workers.map(shuffled.deliver, waiting))
    assert demo.await_quiet(seconds=600, silent=15)
    assert shuffled.outcome(told.external_ids) == clean.outcome(told.external_ids)
    assert shuffled.balances() == clean.balances()
    for brand in brands:
        report = brand.verified()
        assert (report["ok"], report["violations"]) == (True, [])
    assert broken(demo, began_ms) == []

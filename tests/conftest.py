"""Engines that tests may ask for by name, each started once and only if somebody does."""

from collections.abc import Iterator

import pytest

from local import dynamodb_local
from tests import engine
from tests.faults.world import world
from tests.fixtures import clock, deployment
from tests.payday import day
from tests.rights import within_its_rights

__all__ = ["clock", "day", "deployment", "within_its_rights", "world"]

_LONGEST = ("end_to_end", "faults", "local", "domain")
"""Where a single test may take a minute."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begins with what takes longest, so that at the end no worker of pytest waits for another one's sweep.

    Within that the order is as random as ever; what belongs to one worker as a group begins before all.
    """
    items.sort(key=lambda item: item.path.parent.name not in _LONGEST)


@pytest.fixture(scope="session")
def dynamodb_endpoint() -> Iterator[str]:
    with dynamodb_local.running() as endpoint, engine.shortcut(endpoint):
        yield endpoint

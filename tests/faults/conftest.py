"""A world for each test, and one deployment for those that only add brands to it."""

from collections.abc import Iterator

import pytest

from tests.faults.world import World, functions
from vouch.service.deployment import Deployment


@pytest.fixture
def world(deployment: Deployment) -> Iterator[World]:
    """A brand whose functions are running."""
    with functions(deployment):
        yield World(deployment).build()

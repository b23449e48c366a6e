"""Engines that tests may ask for by name, each started once and only if somebody does."""

from collections.abc import Iterator

import pytest

from local import dynamodb_local
from tests import engine
from tests.faults.world import world
from tests.fixtures import clock, deployment
from tests.rights import within_its_rights

__all__ = ["clock", "deployment", "within_its_rights", "world"]


@pytest.fixture(scope="session")
def dynamodb_endpoint() -> Iterator[str]:
    with dynamodb_local.running() as endpoint, engine.shortcut(endpoint):
        yield endpoint

"""Engines that tests may ask for by name, each started once and only if somebody does."""

from collections.abc import Iterator

import pytest
from local import dynamodb_local


@pytest.fixture(scope="session")
def dynamodb_endpoint() -> Iterator[str]:
    with dynamodb_local.running() as endpoint:
        yield endpoint

"""One deployed and seeded Vouch for all tests here that only look, or add what disturbs nobody."""

from collections.abc import Iterator

import pytest

from local import stack
from local.seed import seed
from local.stack import Stack


@pytest.fixture(scope="session")
def demo() -> Iterator[Stack]:
    with stack.running(seed=seed) as vouch:
        yield vouch

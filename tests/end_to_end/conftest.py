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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One worker of pytest brings it up for all who want it."""
    for item in items:
        if isinstance(item, pytest.Function) and "demo" in item.fixturenames:
            item.add_marker(pytest.mark.xdist_group("demo"))

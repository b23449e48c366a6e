"""The domain stands on the standard library and itself: no clock of a framework, no table, no client."""

from pathlib import Path

import pytest

import vouch.domain
from tests.imports import foreign

MODULES = sorted(Path(vouch.domain.__path__[0]).glob("*.py"))


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_only_the_standard_library_and_the_domain_are_imported(module: Path) -> None:
    assert foreign(module, "vouch.domain") == set()

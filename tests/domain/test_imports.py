"""The domain stands on the standard library and itself: no clock of a framework, no table, no client."""

import ast
import sys
from pathlib import Path

import pytest

import vouch.domain

MODULES = sorted(Path(vouch.domain.__path__[0]).glob("*.py"))


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_only_the_standard_library_and_the_domain_are_imported(module: Path) -> None:
    imported = set[str]()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add("." * node.level + (node.module or ""))
    foreign = {name for name in imported if name.partition(".")[0] not in sys.stdlib_module_names}
    assert {name for name in foreign if name != "vouch.domain" and not name.startswith("vouch.domain.")} == set()

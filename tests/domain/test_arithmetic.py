"""No float may touch money: nothing in the domain makes one, divides into one or rounds one."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import vouch.domain

MODULES = sorted(Path(vouch.domain.__path__[0]).glob("*.py"))
MAKES_FLOATS = {"float", "round", "total_seconds", "timestamp", "fromtimestamp", "utcfromtimestamp", "fsum", "sqrt"}
EXCEPTIONS = {
    # Time decay divides Decimals of fixed precision: 2^(-age / half-life) has no exact form, and weights are no money.
    ("attribution.py", "_decayed", "/"): 2,
    # The greatest common divisor, of integers.
    ("rates.py", "module", "math"): 1,
}


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_no_float_is_made(module: Path) -> None:
    found: dict[tuple[str, str, str], int] = {}
    for function, what in _floats(ast.parse(module.read_text()), "module"):
        place = (module.name, function, what)
        found[place] = found.get(place, 0) + 1
    assert found == {place: count for place, count in EXCEPTIONS.items() if place[0] == module.name}


@pytest.mark.parametrize(
    "source, what",
    [
        ("x = 0.5", "0.5"),
        ("x = 1e3", "1000.0"),
        ("x = a / b", "/"),
        ("x /= 2", "/"),
        ("x = float(a)", "float"),
        ("def f(a: float) -> None: ...", "float"),
        ("x = round(a)", "round"),
        ("x = delta.total_seconds()", "total_seconds"),
        ("x = a ** -1", "**"),
        ("x = 2j", "2j"),
        ("import math", "math"),
        ("from math import floor", "math"),
    ],
)
def test_every_way_to_a_float_is_seen(source: str, what: str) -> None:
    assert [found for _, found in _floats(ast.parse(source), "module")] == [what]


def _floats(node: ast.AST, function: str) -> Iterator[tuple[str, str]]:
    for child in ast.iter_child_nodes(node):
        if (what := _float(child)) is not None:
            yield function, what
        inner = child.name if isinstance(child, ast.FunctionDef) else function
        yield from _floats(child, inner)


def _float(node: ast.AST) -> str | None:
    match node:
        case ast.Constant(value=float() | complex() as value):
            return str(value)
        case ast.BinOp(op=ast.Div()) | ast.AugAssign(op=ast.Div()):
            return "/"
        case ast.BinOp(op=ast.Pow(), right=ast.UnaryOp(op=ast.USub())):
            return "**"
        case ast.Name(id=name) | ast.Attribute(attr=name) if name in MAKES_FLOATS:
            return name
        case ast.Import(names=[ast.alias(name="math")]) | ast.ImportFrom(module="math"):
            return "math"
    return None

"""A row of the table: our figure, the floor beside it, and how they were measured."""

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Final

ROUNDS: Final = 9
_ROUND_SECONDS: Final = 0.4


@dataclass(frozen=True, slots=True)
class Row:
    """`ours` and `floor` are in `unit`; `ratio` says how many times the floor's cost ours is."""

    path: str
    ours: float
    floor: float
    unit: str
    ratio: float
    floor_is: str
    note: str = ""


def per_call(path: str, ours: Callable[[], object], floor: Callable[[], object], floor_is: str) -> Row:
    """Both in microseconds of processor time a call, in turns, so that what slows the machine down slows both."""
    calls = {function: _calls(function) for function in (ours, floor)}
    spent: dict[Callable[[], object], list[float]] = {ours: [], floor: []}
    for _ in range(ROUNDS):
        for function, times in spent.items():
            times.append(_timed(function, calls[function]))
    ratios = [one / other for one, other in zip(spent[ours], spent[floor], strict=True)]
    mine, bare = (median(times) * 1e6 for times in (spent[ours], spent[floor]))
    return Row(path, mine, bare, "µs a call", median(ratios), floor_is)


def _calls(function: Callable[[], object]) -> int:
    function()
    return max(1, int(_ROUND_SECONDS / ROUNDS / max(_timed(function, 3), 1e-9)))


def _timed(function: Callable[[], object], calls: int) -> float:
    gc.collect()
    began = time.process_time()
    for _ in range(calls):
        function()
    return (time.process_time() - began) / calls

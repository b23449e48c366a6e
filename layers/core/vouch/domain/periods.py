"""Dated periods, so that a question about a day past keeps its answer: only the end of the last one ever changes.

A period is `[from, to]`, two sortable texts of `vouch.domain.times`, or null where it has no bound; `to` is outside.
"""

from collections.abc import Sequence

Period = list[str | None]


def is_open(periods: Sequence[Period]) -> bool:
    """Whether the last period has no end yet."""
    return bool(periods) and periods[-1][1] is None


def opened(periods: Sequence[Period], at: str) -> list[Period]:
    """With a period that begins at `at`, unless one is open."""
    return list(periods) if is_open(periods) else [*periods, [at, None]]


def closed(periods: Sequence[Period], at: str) -> list[Period]:
    """With the open period ended at `at`; one that had not begun by then goes altogether."""
    if not is_open(periods):
        return list(periods)
    *before, (begin, _) = periods
    return before if begin is not None and begin >= at else [*before, [begin, at]]

"""Dated periods, so that a question about a day past keeps its answer: only what lies ahead ever changes.

A period is `[from, to]`, two sortable texts of `vouch.domain.times`, or null where it has no bound; `to` is outside.
"""

from collections.abc import Sequence
from datetime import datetime

from vouch.domain import times

Period = list[str | None]


def covers(period: Period, moment: datetime) -> bool:
    """Whether the period holds that moment."""
    at, (begin, end) = times.text(moment), period
    return (begin is None or begin <= at) and (end is None or at < end)


def any_covers(periods: Sequence[Period], moment: datetime) -> bool:
    """Whether one of them does."""
    return any(covers(period, moment) for period in periods)


def is_open(periods: Sequence[Period]) -> bool:
    """Whether the last period has no end yet."""
    return bool(periods) and periods[-1][1] is None


def opened(periods: Sequence[Period], at: str) -> list[Period]:
    """With a period that begins at `at`, or where the last one ended if that is later, unless one is open."""
    if is_open(periods):
        return list(periods)
    ended = (periods[-1][1] or "") if periods else ""
    return [*periods, [max(at, ended), None]]


def closed(periods: Sequence[Period], at: str) -> list[Period]:
    """What of them lies before `at`."""
    return [left for period in periods if (left := before(period, at))]


def before(period: Period, at: str) -> Period | None:
    """What of the period lies before `at`, if it begins before it at all."""
    begin, end = period
    if begin is not None and begin >= at:
        return None
    return [begin, at if end is None else min(end, at)]

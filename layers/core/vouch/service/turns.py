"""Jobs that come to every brand each day: in turns, each going on where it stopped, so that no brand starves another.

How far a brand's round has come is noted with the brand after each of its turns. Whose last turn is the longest ago
comes first in the next job. The turn is noted before it begins, so that one that kills the process is not the first of
the next job too; and taken back if its step did not fit into the end of a job: then it has the whole of the next one.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from vouch.deadlines import InTime
from vouch.domain import times
from vouch.service.deployment import Deployment
from vouch.store import brands
from vouch.store.brands import Job
from vouch.store.tables import Brand

_TURN_SECONDS = 20
Bookmark = Any
"""Plain JSON, each job's own: where a round goes on, "" at its beginning, None at its end."""


@dataclass(frozen=True, slots=True)
class Round:
    """A job's way through one brand: the moment that it is about, where it goes on, and whether nothing has failed."""

    moment: datetime
    bookmark: Bookmark = ""
    whole: bool = True
    turned: str = ""

    @property
    def done(self) -> bool:
        """Whether it came to its end."""
        return self.bookmark is None


@dataclass(frozen=True, slots=True)
class Time:
    """Whether there is time for another step of a turn, for going on with a long one, and whether more is never had."""

    for_another: InTime
    for_this: InTime
    is_most: bool = True


@dataclass(frozen=True, slots=True)
class Turn:
    """Where the round goes on, None at its end, and what failed on the way without stopping it."""

    bookmark: Bookmark
    failures: Sequence[Exception] = ()


@dataclass(slots=True)
class Done:
    """What a job has come to: how many brands' rounds it ended, and what failed."""

    rounds: int = 0
    failures: list[Exception] = field(default_factory=list)


def daily(
    deployment: Deployment,
    job: Job,
    turn: Callable[[Brand, Round, Time], Turn],
    *,
    in_time: InTime,
    of: Callable[[Brand], bool] = lambda _: True,
    hours: int = 24,
) -> Done:
    """Goes on with every brand's round, or begins today's, while `in_time`; one that failed anywhere is begun again.

    A round is begun every so many `hours` of the day. A brand whose turn raises keeps no other from its own.
    """
    now = deployment.now()
    begun = times.floor_hour(now).replace(hour=now.hour // hours * hours)
    known = ((brand, noted(brand, job)) for brand in brands.every(deployment.database) if of(brand))
    due = [(brand, before) for brand, before in known if _is_due(before, begun)]
    waiting = deque(sorted(due, key=lambda each: each[1].turned if each[1] else ""))
    done, began = Done(), time.monotonic()
    while waiting and in_time():
        brand, before = waiting.popleft()
        current = Round(deployment.now()) if before is None or before.done else before
        spent = time.monotonic() - began
        allowed = Time(_until(began + spent + _TURN_SECONDS, in_time), in_time, is_most=spent < _TURN_SECONDS)
        try:
            _put(deployment, brand, job, replace(current, turned=times.text(deployment.now())))
            taken = turn(brand, current, allowed)
            after = note(deployment, brand, job, current, taken)
        except Exception as failure:  # noqa: BLE001 - told once the others had their turns
            done.failures.append(failure)
            continue
        done.failures += taken.failures
        if after.done:
            done.rounds += 1
        else:
            waiting.append((brand, after))
    return done


def noted(brand: Brand, job: Job) -> Round | None:
    """The round that the brand is in, or that was its last."""
    stored = brands.round_of(brand, job)
    if stored is None:
        return None
    moment, bookmark, whole, turned = stored
    return Round(times.parse(moment), bookmark, whole, turned)


def note(deployment: Deployment, brand: Brand, job: Job, current: Round, taken: Turn) -> Round:
    """The round after that turn; as it was if the turn did not bring it on."""
    after = current
    if taken.bookmark != current.bookmark:
        now, whole = times.text(deployment.now()), current.whole and not taken.failures
        after = replace(current, bookmark=taken.bookmark, whole=whole, turned=now)
    _put(deployment, brand, job, after)
    return after


def _put(deployment: Deployment, brand: Brand, job: Job, current: Round) -> None:
    stored = [times.text(current.moment), current.bookmark, current.whole, current.turned]
    brands.put_round(deployment.database, brand, job, stored)


def _is_due(before: Round | None, begun: datetime) -> bool:
    return before is None or not before.done or not before.whole or before.moment < begun


def _until(ends: float, in_time: InTime) -> InTime:
    return lambda: in_time() and time.monotonic() < ends

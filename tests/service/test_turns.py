"""Turns: no brand starves another, whatever time ends or fails, and each goes on where it stopped."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from types import SimpleNamespace

import pytest

from tests import books
from tests.fixtures import Clock
from vouch.domain.errors import Unavailable
from vouch.service import turns
from vouch.service.deployment import Deployment
from vouch.service.turns import Done, Round, Time, Turn
from vouch.store.tables import Brand

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SECONDS = turns._TURN_SECONDS


class Killed(BaseException):
    """The process is gone; no `except Exception` sees it."""


class Work:
    """Steps that a job has to do for each brand; each takes so many seconds of the job's time."""

    def __init__(self, deployment: Deployment, monkeypatch: pytest.MonkeyPatch, **steps: int) -> None:
        self.deployment = deployment
        self.steps = {books.open_books(deployment, name).id: number for name, number in steps.items()}
        self.names = dict(zip(self.steps, steps, strict=True))
        self.log = ""
        self.seconds = 0.0
        self.costs = 1.0
        self.fails: Callable[[str], bool] = lambda _: False
        self.given_up = ""
        monkeypatch.setattr("vouch.service.turns.time", SimpleNamespace(monotonic=lambda: self.seconds))

    def job(self, seconds: float) -> Done:
        """One of so many seconds; what it does is appended to the log."""
        ends = self.seconds + seconds
        return turns.daily(self.deployment, "audit", self._turn, in_time=lambda: self.seconds < ends)

    def did(self) -> str:
        """What was done since this was last asked."""
        log, self.log = self.log, ""
        return log

    def _turn(self, brand: Brand, current: Round, time: Time) -> Turn:
        name, at = self.names[brand.id], current.bookmark or 0
        if self.fails(name):
            raise Unavailable
        while at < self.steps[brand.id]:
            self.seconds += self.costs
            if self.costs > SECONDS and not time.for_this():  # only a long step looks at the clock
                if not time.is_most:
                    return Turn(at or "")
                self.given_up += name
                return Turn(at + 1 if at + 1 < self.steps[brand.id] else None)
            self.log += name
            at += 1
            if not time.for_another():
                return Turn(at if at < self.steps[brand.id] else None)
        return Turn(None)


def test_a_huge_brand_keeps_none_waiting(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    work = Work(deployment, monkeypatch, a=50, b=2, c=1)
    assert work.job(100) == Done(3)
    first = work.did()[: SECONDS + 3]
    assert {name: first.count(name) for name in "abc"} == {"a": SECONDS, "b": 2, "c": 1}
    assert work.job(100) == Done(0), "once a day"


def test_where_time_ends_the_next_job_goes_on_and_begins_with_whom_it_did_not_come_to(
    deployment: Deployment, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = Work(deployment, monkeypatch, a=30, b=30, c=30)
    rounds = []
    for _ in range(5):
        rounds.append(work.job(SECONDS).rounds)
        clock.pass_(HOUR)
    did = work.did()
    turned = [did[number * SECONDS] for number in range(3)]
    assert sorted(turned) == ["a", "b", "c"]
    assert did == "".join(SECONDS * name for name in turned) + "".join(10 * name for name in turned)
    assert rounds == [0, 0, 0, 2, 1]


def test_a_step_that_only_a_whole_job_has_time_for_gets_one(
    deployment: Deployment, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = Work(deployment, monkeypatch, a=3, b=3, c=3)
    work.costs = 60
    rounds = []
    for _ in range(12):
        rounds.append(work.job(100).rounds)
        clock.pass_(timedelta(minutes=1))
    assert sum(rounds) == 3
    assert sorted(work.did()) == sorted("aaabbbccc")
    assert work.given_up == ""


def test_a_step_that_no_job_has_time_for_is_told_so(
    deployment: Deployment, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = Work(deployment, monkeypatch, a=1, b=1)
    work.costs = 150
    for _ in range(4):
        work.job(100)
        clock.pass_(HOUR)
    assert set(work.given_up) == {"a", "b"}


def test_who_fails_keeps_no_other_waiting_and_is_tried_again(
    deployment: Deployment, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = Work(deployment, monkeypatch, a=2, b=2)
    work.fails = lambda name: name == "a"
    done = work.job(100)
    assert (done.rounds, [type(failure) for failure in done.failures], work.did()) == (1, [Unavailable], "bb")
    work.fails = lambda _: False
    clock.pass_(HOUR)
    assert work.job(100) == Done(1)
    assert work.did() == "aa"


def test_who_kills_the_process_is_not_the_first_of_the_next_job_too(
    deployment: Deployment, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an account would that takes more memory or time than there is."""
    work = Work(deployment, monkeypatch, a=2, b=2)
    killers: list[str] = []

    def killed(name: str) -> bool:
        killers.append(name)
        if name == killers[0]:
            raise Killed
        return False

    work.fails = killed
    for _ in range(2):
        with suppress(Killed):
            work.job(100)
        clock.pass_(HOUR)
    assert work.did() == {"a": "bb", "b": "aa"}[killers[0]]


def test_a_round_in_which_something_failed_is_begun_again_within_the_day(deployment: Deployment, clock: Clock) -> None:
    books.open_books(deployment)
    failure = ValueError("one account")
    script = iter([Turn("half", [failure]), Turn(None), Turn("half"), Turn(None)])
    seen = []

    def turn(_: Brand, current: Round, __: Time) -> Turn:
        seen.append((current.moment, current.bookmark))
        return next(script)

    def job() -> Done:
        return turns.daily(deployment, "audit", turn, in_time=lambda: True)

    began = clock.now
    assert job() == Done(1, [failure])
    clock.pass_(HOUR)
    assert job() == Done(1)
    assert seen == [(began, ""), (began, "half"), (clock.now, ""), (clock.now, "half")]
    clock.pass_(HOUR)
    assert job() == Done(0)


def test_a_round_that_takes_until_tomorrow_is_ended_before_tomorrows_begins(
    deployment: Deployment, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = Work(deployment, monkeypatch, a=30)
    assert work.job(10) == Done(0)
    clock.pass_(DAY)
    assert work.job(100) == Done(1)
    assert work.did() == "a" * 30
    assert work.job(100) == Done(1)
    assert work.did() == "a" * 30
    assert work.job(100) == Done(0)


def test_two_jobs_do_not_disturb_each_other(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    work = Work(deployment, monkeypatch, a=2)
    work.job(100)
    other = turns.daily(deployment, "folds", lambda *_: Turn(None), in_time=lambda: True)
    assert other == Done(1)

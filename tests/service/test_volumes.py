"""Volumes: measured when their period has ended, sealed for good, and what orders are rated by."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests import books
from tests.books import DANA, NOA, PROGRAM
from tests.fixtures import Clock
from vouch.domain.facts import Decision, Lifecycle, Line, Refund, Snapshot
from vouch.domain.terms import Terms
from vouch.service import clocks, orders, promises, volumes
from vouch.service.deployment import Deployment
from vouch.service.volumes import SealNotDue
from vouch.store import creators, programs, seals
from vouch.store import orders as stored
from vouch.store.tables import Seal, TermsVersion

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MAY = datetime(2026, 5, 1, tzinfo=UTC)
TIERS = {
    "period": "month",
    "measure": "commission",
    "levels": [{"from": 1_000, "bps": 1_500}, {"from": 5_000, "bps": 2_000}],
}


class Program:
    """A program with tiers, and what happens in it."""

    def __init__(self, deployment: Deployment, clock: Clock, *, mode: str = "live", **tiers: Any) -> None:
        self.deployment = deployment
        self.clock = clock
        set_to = MAY - DAY if mode == "test" else None
        self.brand = books.open_books(deployment, clock=set_to, hold_days=0, periodic={"tiers": TIERS | tiers})
        self.clock.now = MAY + 3 * DAY
        self._list()

    def _list(self) -> None:
        """In the indexes, as what the API stores is."""
        found = programs.program(self.deployment.database, self.brand.id, PROGRAM)
        assert found is not None
        found.g1pk, found.g1sk = programs.index(self.brand.id), PROGRAM
        found.save()
        for creator in (NOA, DANA):
            [item] = creators.enrolments(self.deployment.database, self.brand.id, creator, limit=9, after=None)
            item.g1pk, item.g1sk = creators.enrolled_index(self.brand.id, PROGRAM), creator
            item.save()

    @property
    def terms(self) -> Terms:
        return promises.terms_of(self.deployment, self.brand.id, [(PROGRAM, 1)])[PROGRAM, 1]

    def sell(self, name: str, at: datetime, amount: int = 10_000, *, to: str = NOA, currency: str = "ILS") -> None:
        line = Line("1", 1, amount)
        code = books.CODES[to]
        said = Snapshot(at, at, Lifecycle.PAID, currency, (line,), "rest", codes=(code,))
        orders.apply(self.deployment, books.target(self.brand, name), [said])

    def say(self, name: str, fact: Decision | Refund) -> None:
        orders.apply(self.deployment, books.target(self.brand, name), [fact])

    def earned(self, name: str) -> int:
        found = stored.load(self.deployment.database, self.brand.id, books.target(self.brand, name).order_id)
        assert found is not None
        return sum(found.posted.values())

    def sealed(self, placed_at: datetime, creator: str = NOA) -> int:
        return volumes.sealed(self.deployment, self.brand.id, creator, PROGRAM, self.terms, placed_at)

    def seals(self, creator: str = NOA) -> dict[str, int]:
        _, pk, _ = creators.key(self.brand.id, creator)
        found = self.deployment.database.query(Seal, pk, Seal.sk.startswith("SEAL#"))
        return {item.sk.removeprefix(f"SEAL#{PROGRAM}#"): item.volume for item in found}


@pytest.fixture
def program(deployment: Deployment, clock: Clock) -> Program:
    return Program(deployment, clock)


def test_last_months_commission_sets_this_months_rate(program: Program) -> None:
    program.sell("april", MAY - DAY, 12_000)
    program.sell("first day", MAY + DAY - HOUR)
    program.sell("second day", MAY + DAY)
    assert [program.earned(name) for name in ("april", "first day", "second day")] == [1_200, 1_000, 1_500]
    assert program.seals() == {
        "2026-03#commission#UTC": 0,
        "2026-04#commission#UTC": 1_200,
    }


def test_what_is_sealed_stays_whatever_comes_of_its_orders(program: Program) -> None:
    program.sell("april", MAY - DAY, 12_000)
    program.sell("one", MAY + 2 * DAY)
    program.say("april", Refund("r", MAY + 3 * DAY, "ILS", amount=12_000))
    program.sell("late", MAY - 2 * DAY, 90_000)
    program.deployment.unchanging.clear()
    program.sell("two", MAY + 2 * DAY)
    assert [program.earned(name) for name in ("one", "two")] == [1_500, 1_500]
    assert program.sealed(MAY + 2 * DAY) == 1_200


def test_a_volume_is_asked_of_the_tables_once(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    program.sealed(MAY + 2 * DAY)
    asked: list[object] = []
    monkeypatch.setattr(seals, "sealed", lambda *names: asked.append(names))
    program.sealed(MAY + 2 * DAY)
    assert not asked


@pytest.mark.parametrize("measure, volume", [("orders", 3), ("commission", 1_700), ("revenue", 17_000)])
def test_what_is_measured_are_the_orders_of_the_period_that_earn(
    deployment: Deployment, clock: Clock, measure: str, volume: int
) -> None:
    program = Program(deployment, clock, measure=measure, levels=[{"from": 10**9, "bps": 1}])
    program.sell("first moment", datetime(2026, 4, 1, tzinfo=UTC))
    program.sell("partly returned", MAY - DAY)
    program.say("partly returned", Refund("r", MAY, "ILS", amount=3_000))
    program.sell("in dollars", MAY - DAY, currency="USD")
    program.sell("rejected", MAY - DAY)
    program.say("rejected", Decision("d", MAY, "reject", "key", "because"))
    program.sell("next month", MAY)
    program.sell("somebody else's", MAY - DAY, to=DANA)
    assert program.sealed(MAY + 2 * DAY) == volume


def test_months_begin_where_the_program_is_at_home(deployment: Deployment, clock: Clock) -> None:
    program = Program(deployment, clock)
    [item] = deployment.database.query(TermsVersion, program.brand.id, TermsVersion.sk.startswith("PRG#"))
    item.terms = item.terms | {"time_zone": "Asia/Jerusalem"}
    item.save()
    deployment.unchanging.clear()
    program.sell("already may", MAY - 2 * HOUR)
    program.sell("still april", MAY - 4 * HOUR)
    assert program.sealed(MAY + 2 * DAY) == 1_000
    assert "2026-04#commission#Asia/Jerusalem" in program.seals()


def test_a_period_that_has_not_ended_an_hour_ago_is_waited_for(program: Program) -> None:
    ahead = datetime(2026, 6, 2, tzinfo=UTC)
    program.clock.now = datetime(2026, 6, 1, tzinfo=UTC) + HOUR - timedelta.resolution
    with pytest.raises(SealNotDue):
        program.sealed(ahead)
    assert not any(name.startswith("2026-05") for name in program.seals())
    program.clock.now += timedelta.resolution
    assert program.sealed(ahead) == 0


def test_of_two_who_measure_at_once_the_first_one_counts_for_both(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    program.sell("april", MAY - DAY)
    measured = seals.parts
    others: list[Callable[[], int]] = [lambda: program.sealed(MAY + 2 * DAY)]

    def overtaken(*names: Any) -> Any:
        found = list(measured(*names))
        if others:
            others.pop()()
            return iter([*found, *found])
        return iter(found)

    monkeypatch.setattr(seals, "parts", overtaken)
    assert program.sealed(MAY + 2 * DAY) == 1_000
    assert program.seals()["2026-04#commission#UTC"] == 1_000


def test_terms_without_tiers_ask_for_no_volume(program: Program) -> None:
    plain = replace(program.terms, commission=replace(program.terms.commission, tiers=None))
    assert volumes.sealed(program.deployment, program.brand.id, NOA, PROGRAM, plain, MAY) == 0
    assert program.seals() == {}


# --- the job ----------------------------------------------------------------------------------------------------------


def test_the_job_seals_the_last_period_an_hour_after_it_has_ended(program: Program) -> None:
    program.sell("april", MAY - DAY)
    program.clock.now = MAY + HOUR - timedelta.resolution
    assert volumes.seal_brands(program.deployment, in_time=lambda: True).rounds == 1
    assert program.seals() == {"2026-03#commission#UTC": 0}
    program.clock.now = MAY + 12 * HOUR
    assert volumes.seal_brands(program.deployment, in_time=lambda: True).rounds == 1
    assert program.seals()["2026-04#commission#UTC"] == 1_000
    assert program.seals(DANA)["2026-04#commission#UTC"] == 0


def test_a_round_is_begun_twice_a_day(program: Program) -> None:
    begun = []
    for hour in range(0, 25, 3):
        program.clock.now = MAY + hour * HOUR
        begun.append(volumes.seal_brands(program.deployment, in_time=lambda: True).rounds)
    assert begun == [1, 0, 0, 0, 1, 0, 0, 0, 1]


def test_what_has_its_seal_is_not_measured_again(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    now = MAY + 2 * HOUR
    assert volumes.seal_due(program.deployment, program.brand, now).bookmark is None
    monkeypatch.setattr(seals, "parts", lambda *_: pytest.fail("measured"))
    assert volumes.seal_due(program.deployment, program.brand, now).bookmark is None


def test_who_has_left_is_passed_over(program: Program) -> None:
    [enrolment] = creators.enrolments(program.deployment.database, program.brand.id, DANA, limit=9, after=None)
    enrolment.status = "left"
    enrolment.save()
    volumes.seal_due(program.deployment, program.brand, MAY + 2 * HOUR)
    assert program.seals() != {}
    assert program.seals(DANA) == {}


def test_a_job_goes_on_behind_the_creator_at_whom_it_stopped(program: Program) -> None:
    brand, now = program.brand, MAY + 2 * HOUR
    taken = volumes.seal_due(program.deployment, brand, now, in_time=lambda: False)
    first, second = sorted([NOA, DANA])
    assert taken.bookmark == [PROGRAM, first]
    assert (len(program.seals(first)), len(program.seals(second))) == (1, 0)
    assert volumes.seal_due(program.deployment, brand, now, taken.bookmark).bookmark is None
    assert len(program.seals(second)) == 1


def test_what_cannot_be_measured_keeps_no_other_back(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    measured = seals.parts

    def unreadable(database: Any, brand_id: str, volume: seals.Volume, currency: str) -> Any:
        if volume.creator_id == min(NOA, DANA):
            raise ValueError("garbled")
        return measured(database, brand_id, volume, currency)

    monkeypatch.setattr(seals, "parts", unreadable)
    done = volumes.seal_brands(program.deployment, in_time=lambda: True)
    assert [str(failure) for failure in done.failures] == ["garbled"]
    assert len(program.seals(max(NOA, DANA))) == 1
    monkeypatch.setattr(seals, "parts", measured)
    assert volumes.seal_brands(program.deployment, in_time=lambda: True).rounds == 1, "one that failed is begun again"
    assert len(program.seals(min(NOA, DANA))) == 1


def test_a_clock_that_is_moved_over_the_end_of_a_period_seals_it(deployment: Deployment, clock: Clock) -> None:
    program = Program(deployment, clock, mode="test")
    program.sell("april", MAY - DAY)
    clocks.moved(deployment, program.brand, MAY + HOUR, in_time=lambda: True)
    assert program.seals()["2026-04#commission#UTC"] == 1_000
    program.sell("late", MAY - DAY, 90_000)
    program.sell("may", MAY + 2 * DAY)
    assert program.earned("may") == 1_500
    assert volumes.seal_brands(deployment, in_time=lambda: True).rounds == 0, "it lives by its clock alone"


def test_a_clock_without_time_goes_on_when_it_is_moved_again(program: Program) -> None:
    brand, now = program.brand, MAY + 2 * HOUR
    assert not volumes.seal_to(program.deployment, brand, now, in_time=lambda: False)
    assert volumes.seal_to(program.deployment, brand, now, in_time=lambda: False)
    assert len(program.seals(NOA)) == len(program.seals(DANA)) == 1

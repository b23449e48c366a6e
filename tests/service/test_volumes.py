"""Volumes: measured when their period has ended, sealed for good, and what orders are rated by."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests import books
from tests.books import DANA, NOA, PROGRAM
from tests.fixtures import Clock
from tests.wire import Fault, Wire, answer_lost, unreachable
from vouch.domain.facts import Decision, Lifecycle, Line, Refund, Snapshot
from vouch.domain.terms import Terms
from vouch.service import clocks, orders, promises, volumes
from vouch.service.deployment import Deployment
from vouch.service.volumes import BeingMeasured, SealNotDue
from vouch.store import creators, programs, seals
from vouch.store import orders as stored
from vouch.store.database import FAILURES
from vouch.store.tables import Creator, Seal, TermsVersion

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
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
        said = {"tiers": TIERS | tiers, "recruiter": {"bps": 500, "months": None}}
        self.brand = books.open_books(deployment, clock=set_to, hold_days=0, periodic=said)
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

    def live_in(self, zone: str) -> None:
        """Where the program's months begin."""
        [version] = self.deployment.database.query(TermsVersion, self.brand.id, TermsVersion.sk.startswith("PRG#"))
        version.terms = version.terms | {"time_zone": zone}
        version.save()

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
        return {item.sk.removeprefix(f"SEAL#{PROGRAM}#"): item.volume for item in found if item.sealed_at}

    def sell_in_april(self, orders: int = 5) -> None:
        """A thousand of commission each."""
        for number in range(orders):
            self.sell(f"april {number}", MAY - DAY + number * HOUR)

    def tries(self, placed_at: datetime = MAY + 2 * DAY) -> list[int | None]:
        """What asking for the volume comes to, until there is one."""
        found: list[int | None] = []
        while not found or found[-1] is None:
            try:
                found.append(self.sealed(placed_at))
            except BeingMeasured:
                found.append(None)
        return found


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
    monkeypatch.setattr(seals, "measured", lambda *names: asked.append(names))
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


@pytest.mark.parametrize("measure, volume", [("orders", 1), ("commission", 1_000), ("revenue", 10_000)])
def test_a_recruiters_share_of_anothers_sale_is_in_no_volume(
    deployment: Deployment, clock: Clock, measure: str, volume: int
) -> None:
    program = Program(deployment, clock, measure=measure, levels=[{"from": 2 * volume, "bps": 2_000}])
    _, pk, sk = creators.key(program.brand.id, DANA)
    dana = deployment.database.get(Creator, pk, sk)
    assert dana is not None
    dana.recruiters = [[NOA, "2026-01-01T00:00:00.000000Z", None]]
    dana.save()
    for number in range(3):
        program.sell(f"dana {number}", MAY - DAY, to=DANA)
    program.sell("noa", MAY - DAY)
    word: dict[str, Any] = {"creator_id": DANA, "program_id": PROGRAM, "amount": 2_000, "currency": "ILS"}
    program.say("noa", Decision("d", MAY, "adjust", "key", "she helped", **word))
    assert [program.earned(name) for name in ("dana 0", "noa")] == [1_050, 1_000 + 2_000 + 100]
    assert (program.sealed(MAY + 2 * DAY), program.sealed(MAY + 2 * DAY, DANA)) == (volume, 3 * volume)
    program.sell("may", MAY + 2 * DAY)
    assert program.earned("may") == 1_000


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

    def overtaken(*names: Any, **more: Any) -> Any:
        found, last = measured(*names, **more)
        if others:
            others.pop()()
            return [*found, *found], last
        return found, last

    monkeypatch.setattr(seals, "parts", overtaken)
    assert program.sealed(MAY + 2 * DAY) == 1_000
    assert program.seals()["2026-04#commission#UTC"] == 1_000


def test_terms_without_tiers_ask_for_no_volume(program: Program) -> None:
    plain = replace(program.terms, commission=replace(program.terms.commission, tiers=None))
    assert volumes.sealed(program.deployment, program.brand.id, NOA, PROGRAM, plain, MAY) == 0
    assert program.seals() == {}


# --- step by step -----------------------------------------------------------------------------------------------------


@pytest.fixture
def steps_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(volumes, "_STEP", 2)


def test_a_step_reads_so_many_commissions_wherever_it_goes_on(
    program: Program, steps_of_two: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    program.sell_in_april(5)
    wire = Wire(monkeypatch)
    asked = []
    for _ in range(2):
        with pytest.raises(BeingMeasured):
            program.sealed(MAY + 2 * DAY)
        asked.append(wire.operations())
        assert sum(len(keys["Keys"]) for name, body in wire.sent for keys in requested(name, body)) == 2
        wire.sent.clear()
    assert asked[0] == asked[1] == {"GetItem": 3, "Query": 1, "BatchGetItem": 1, "PutItem": 1}
    assert program.sealed(MAY + 2 * DAY) == 5_000


def requested(operation: str, body: dict[str, Any]) -> list[dict[str, Any]]:
    return list(body["RequestItems"].values()) if operation == "BatchGetItem" else []


def test_a_step_may_take_several_pages(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(volumes, "_STEP", 4)
    monkeypatch.setattr(seals, "BATCH_GET_MAX", 2)
    program.sell_in_april(9)
    assert program.tries() == [None, None, 9_000]


@pytest.mark.parametrize("measure, volume", [("orders", 5), ("commission", 5_000), ("revenue", 50_000)])
def test_every_measure_comes_to_the_same_in_steps(
    deployment: Deployment, clock: Clock, steps_of_two: None, measure: str, volume: int
) -> None:
    program = Program(deployment, clock, measure=measure, levels=[{"from": 10**9, "bps": 1}])
    program.sell_in_april(5)
    assert program.tries() == [None, None, volume]


def test_a_late_order_of_a_period_long_gone_is_settled_in_the_end(program: Program, steps_of_two: None) -> None:
    program.sell_in_april(5)
    program.clock.now = MAY + 300 * DAY
    for _ in range(2):
        with pytest.raises(BeingMeasured):
            program.sell("late", MAY + 3 * DAY)
    assert program.seals() == {"2026-03#commission#UTC": 0}, "what is being measured is no seal"
    program.sell("late", MAY + 3 * DAY)
    assert program.earned("late") == 2_000


@pytest.mark.parametrize("operation", ["Query", "BatchGetItem", "PutItem"])
@pytest.mark.parametrize("fault", [unreachable, answer_lost])
def test_a_step_that_dies_counts_nothing_twice_and_leaves_nothing_out(
    program: Program, steps_of_two: None, monkeypatch: pytest.MonkeyPatch, operation: str, fault: Fault
) -> None:
    program.sell_in_april(5)
    wire, found = Wire(monkeypatch), None
    while found is None:
        wire.faults[operation] = fault
        with suppress(BeingMeasured, *FAILURES):
            found = program.sealed(MAY + 2 * DAY)
        wire.faults.clear()
        with suppress(BeingMeasured):
            found = program.sealed(MAY + 2 * DAY)
    assert found == 5_000
    assert program.seals()["2026-04#commission#UTC"] == 5_000


@pytest.mark.parametrize("ahead, tries", [((0, 1), 3), ((1, 1, 1), 3), ((0, 0, 1), 3), ((0, 2), 2), ((3,), 1)])
def test_of_two_who_measure_at_once_each_page_is_counted_once_and_no_step_is_undone(
    program: Program, steps_of_two: None, monkeypatch: pytest.MonkeyPatch, ahead: tuple[int, ...], tries: int
) -> None:
    """So many steps the other takes between a read of ours and its put."""
    program.sell_in_april(5)
    measured, others = seals.parts, list(ahead)

    def overtaken(*names: Any, **more: Any) -> Any:
        found = measured(*names, **more)
        steps = others.pop(0) if others else 0
        with monkeypatch.context() as alone:
            alone.setattr(seals, "parts", measured)
            for _ in range(steps):
                with suppress(BeingMeasured):
                    assert program.sealed(MAY + 2 * DAY) == 5_000
        program.deployment.unchanging.clear()
        return found

    monkeypatch.setattr(seals, "parts", overtaken)
    assert program.tries() == [None] * (tries - 1) + [5_000]
    assert program.seals()["2026-04#commission#UTC"] == 5_000


def test_what_is_sold_behind_the_place_where_measuring_stands_counts_and_before_it_no_more(
    program: Program, steps_of_two: None
) -> None:
    program.sell_in_april(5)
    with pytest.raises(BeingMeasured):
        program.sealed(MAY + 2 * DAY)
    program.sell("before", MAY - 2 * DAY)
    program.sell("behind", MAY - HOUR)
    assert program.tries()[-1] == 6_000


# --- the job ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("minute", [0, 1, 59])
@pytest.mark.parametrize(
    "zone", ["UTC", "Asia/Jerusalem", "Asia/Kolkata", "America/New_York", "Pacific/Kiritimati", "Etc/GMT+12"]
)
def test_the_first_job_that_finds_a_period_over_for_an_hour_seals_it(program: Program, zone: str, minute: int) -> None:
    """Hourly jobs, at whatever minute they come."""
    program.live_in(zone)
    ended = datetime(2026, 5, 1, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    program.sell("april", ended - HOUR)
    program.clock.now = MAY - DAY + minute * MINUTE
    jobs = [program.clock.now + number * HOUR for number in range(48)]
    for program.clock.now in jobs:
        volumes.seal_brands(program.deployment, in_time=lambda: True)
        if f"2026-04#commission#{zone}" in program.seals():
            break
    assert program.clock.now == next(job for job in jobs if job >= ended + HOUR)
    assert program.seals()[f"2026-04#commission#{zone}"] == 1_000
    assert program.seals(DANA)[f"2026-04#commission#{zone}"] == 0


@pytest.mark.parametrize(
    "zone, ended", [("UTC", MAY), ("Asia/Jerusalem", MAY - 3 * HOUR), ("Asia/Kolkata", MAY - 5.5 * HOUR)]
)
def test_a_period_is_not_sealed_a_minute_before_it_is_over_for_an_hour(
    program: Program, zone: str, ended: datetime
) -> None:
    program.live_in(zone)
    sealed = []
    for program.clock.now in (ended + 59 * MINUTE, ended + 119 * MINUTE):
        volumes.seal_brands(program.deployment, in_time=lambda: True)
        sealed.append(f"2026-04#commission#{zone}" in program.seals())
    assert sealed == [False, True]


def test_what_is_given_back_once_it_is_sealed_changes_no_rate(program: Program) -> None:
    program.sell("april", MAY - DAY, 20_000)
    for program.clock.now in (MAY + 10 * MINUTE, MAY + 70 * MINUTE):
        volumes.seal_brands(program.deployment, in_time=lambda: True)
    program.say("april", Refund("r", MAY + 2 * HOUR, "ILS", amount=15_000))
    program.clock.now = MAY + 3 * DAY
    program.sell("may", MAY + 2 * DAY)
    assert program.earned("may") == 1_500


def test_a_round_is_begun_daily_and_hourly_while_a_month_ends_somewhere(program: Program) -> None:
    """From an hour after it does on Kiritimati, 14 hours ahead, until one has been begun for who is 12 behind."""
    begun = []
    for hour in range(-3 * 24, 4 * 24):
        program.clock.now = MAY + hour * HOUR + 5 * MINUTE
        if volumes.seal_brands(program.deployment, in_time=lambda: True).rounds:
            begun.append(hour)
    assert begun == [-72, -48, -24, *range(-13, 14), 24, 48, 72]


def test_what_has_its_seal_is_not_measured_again(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    now = MAY + 2 * HOUR
    assert volumes.seal_due(program.deployment, program.brand, now).bookmark is None
    monkeypatch.setattr(seals, "parts", lambda *_, **__: pytest.fail("measured"))
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
    assert taken.bookmark == [PROGRAM, first, ""]
    assert (len(program.seals(first)), len(program.seals(second))) == (1, 0)
    assert volumes.seal_due(program.deployment, brand, now, taken.bookmark).bookmark is None
    assert len(program.seals(second)) == 1


def test_what_cannot_be_measured_keeps_no_other_back(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    measured = seals.parts

    def unreadable(database: Any, brand_id: str, volume: seals.Volume, *names: Any, **more: Any) -> Any:
        if volume.creator_id == min(NOA, DANA):
            raise ValueError("garbled")
        return measured(database, brand_id, volume, *names, **more)

    monkeypatch.setattr(seals, "parts", unreadable)
    done = volumes.seal_brands(program.deployment, in_time=lambda: True)
    assert [str(failure) for failure in done.failures] == ["garbled"]
    assert len(program.seals(max(NOA, DANA))) == 1
    monkeypatch.setattr(seals, "parts", measured)
    assert volumes.seal_brands(program.deployment, in_time=lambda: True).rounds == 1, "one that failed is begun again"
    assert len(program.seals(min(NOA, DANA))) == 1


def countdown(times: int) -> Callable[[], bool]:
    """Time for so many more steps."""
    left = iter([True] * times)
    return lambda: next(left, False)


def test_a_job_goes_on_within_a_volume_from_turn_to_turn(program: Program, steps_of_two: None) -> None:
    """Fifteen commissions of one creator and none of the other: nine steps, of which a turn has time for three."""
    program.sell_in_april(15)
    bookmarks: list[Any] = [""]
    while bookmarks[-1] is not None:
        in_time = countdown(2)
        taken = volumes.seal_due(program.deployment, program.brand, MAY + 2 * HOUR, bookmarks[-1], in_time=in_time)
        bookmarks.append(taken.bookmark)
    assert len(bookmarks) == 1 + 3
    assert len({str(each) for each in bookmarks}) == len(bookmarks), "each turn brought something on"
    assert program.seals()["2026-04#commission#UTC"] == 15_000
    assert program.seals(DANA) == {"2026-04#commission#UTC": 0}


def test_a_job_keeps_to_its_time_and_the_next_goes_on(
    program: Program, steps_of_two: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    program.sell_in_april(15)
    program.clock.now = MAY + 14 * HOUR
    measured, read, jobs = seals.parts, list[str](), list[tuple[int, int]]()

    def counted(*names: Any, **more: Any) -> Any:
        read.append(more["behind"])
        return measured(*names, **more)

    monkeypatch.setattr(seals, "parts", counted)
    for _ in range(4):
        done = volumes.seal_brands(program.deployment, in_time=countdown(3))
        jobs.append((done.rounds, len(read)))
        program.clock.now += HOUR
    assert jobs == [(0, 3), (0, 6), (1, 9), (0, 9)]
    assert len(set(read)) == 8, "each page once; both creators begin at the beginning"
    assert program.seals()["2026-04#commission#UTC"] == 15_000


def test_a_job_keeps_to_its_time_where_all_is_sealed_too(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    brand, now = program.brand, MAY + 2 * HOUR
    assert volumes.seal_due(program.deployment, brand, now).bookmark is None
    monkeypatch.setattr(seals, "BATCH_GET_MAX", 1)
    bookmarks: list[Any] = [""]
    while bookmarks[-1] is not None:
        bookmarks.append(
            volumes.seal_due(program.deployment, brand, now, bookmarks[-1], in_time=lambda: False).bookmark
        )
    first, second = sorted([NOA, DANA])
    assert bookmarks == ["", [PROGRAM, first, ""], [PROGRAM, second, ""], None]


def test_a_job_goes_on_where_an_order_has_begun(program: Program, steps_of_two: None) -> None:
    program.sell_in_april(5)
    with pytest.raises(BeingMeasured):
        program.sealed(MAY + 2 * DAY)
    program.sell("before", MAY - 2 * DAY)
    volumes.seal_due(program.deployment, program.brand, MAY + 3 * DAY)
    assert program.seals()["2026-04#commission#UTC"] == 5_000


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

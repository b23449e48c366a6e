"""What click ids and codes meant on the day an order was placed, whoever asks and whenever."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from tests.faults.world import CHANGED, World
from tests.fixtures import NOON
from vouch.domain import times
from vouch.domain.attribution import Touch
from vouch.domain.context import Context
from vouch.domain.facts import Lifecycle, OrderFacts, Snapshot
from vouch.service.deployment import Unchanging
from vouch.service.evidence import ClickOnItsWay, Evidence
from vouch.store.tables import Creator, Enrolment, Program

TURN = times.parse(CHANGED)
HOUR = timedelta(hours=1)
MICRO = timedelta(microseconds=1)


def order(placed_at: datetime = NOON, *, codes: Iterable[str] = (), click_ids: Iterable[str] = ()) -> Snapshot:
    return Snapshot(
        placed_at, placed_at, Lifecycle.PAID, "USD", (), "shopify", codes=tuple(codes), click_ids=tuple(click_ids)
    )


def resolved(world: World, snapshot: Snapshot, since: datetime | None = None) -> dict[str, tuple[Touch, ...]]:
    return dict(pinned(world, snapshot, since).touches)


def pinned(world: World, snapshot: Snapshot, since: datetime | None = None) -> Context:
    evidence = Evidence(world.deployment, world.brand_id)
    return evidence.pinned("ord_1", OrderFacts(snapshot), Context(), wait_for_clicks_since=since)


def of_code(world: World, code: str, placed_at: datetime) -> Touch:
    [touch] = resolved(world, order(placed_at, codes=[code]))[f"code:{code}"]
    return touch


def test_code_is_its_owners_of_that_day(world: World) -> None:
    before, after = of_code(world, "spring", TURN - MICRO), of_code(world, "spring", TURN)
    assert (before.creator_id, before.program_id) == (world.creators["noa"], world.friends)
    assert (after.creator_id, after.program_id) == (world.creators["tal"], world.press)
    assert (before.problem, before.barred, after.barred) == (None, None, None)


def test_code_that_was_nobodys_that_day_says_whose_it_became(world: World) -> None:
    touch = of_code(world, "spring", times.parse("2026-02-01T00:00:00Z"))
    assert (touch.creator_id, touch.barred) == (world.creators["noa"], "not_enrolled")


def test_code_before_its_first_day_bars_an_enrolled_creator(world: World) -> None:
    enrolment = world.deployment.database.get(
        Enrolment, f"{world.brand_id}#C#{world.creators['noa']}", f"ENR#{world.friends}"
    )
    assert enrolment is not None
    enrolment.active = [[None, None]]
    enrolment.save()
    assert of_code(world, "spring", times.parse("2026-02-01T00:00:00Z")).barred == "code_not_active"


def test_code_of_nobody_is_a_problem(world: World) -> None:
    assert of_code(world, "nobody", NOON) == Touch("code", "nobody", problem="unknown_code")


def test_terms_are_those_in_force_when_the_order_was_placed(world: World) -> None:
    assert of_code(world, "noa10", TURN - MICRO).terms_version == 1
    assert of_code(world, "noa10", TURN).terms_version == 2


def test_creator_who_left_earns_for_orders_placed_before(world: World) -> None:
    assert of_code(world, "eve10", TURN - MICRO).barred is None
    assert of_code(world, "eve10", TURN).barred == "not_enrolled"


def test_program_without_terms_that_day_bars(world: World) -> None:
    world.program(world.friends, [[1, CHANGED]]).save()
    assert of_code(world, "noa10", TURN - MICRO).barred == "no_terms"
    assert of_code(world, "noa10", TURN).barred is None


def test_touch_carries_the_creators_person_so_that_buyers_are_recognised(world: World) -> None:
    creator = world.deployment.database.get(Creator, f"{world.brand_id}#C#{world.creators['noa']}", "C")
    assert creator is not None
    assert of_code(world, "noa10", NOON).persons == (*creator.persons,)


def test_click_brings_the_journey_that_its_record_tells(world: World) -> None:
    first, second = world.click("mia", NOON - 3 * HOUR), world.click("tal", NOON - 2 * HOUR)
    last = world.click("dan", NOON - HOUR, trail=[second, first, "made up"])
    touches = resolved(world, order(click_ids=[last]))[f"click:{last}"]
    assert [(touch.evidence, touch.creator_id, touch.at) for touch in touches] == [
        (last, world.creators["dan"], NOON - HOUR),
        (second, world.creators["tal"], NOON - 2 * HOUR),
        (first, world.creators["mia"], NOON - 3 * HOUR),
    ]


def test_click_whose_record_was_lost_still_credits_by_itself(world: World) -> None:
    click = world.click("dan", NOON - HOUR, recorded=False)
    [touch] = resolved(world, order(click_ids=[click]), since=NOON)[f"click:{click}"]
    assert touch.creator_id == world.creators["dan"]


@pytest.mark.parametrize("age, waits", [(0, True), (899, True), (900, False), (901, False)])
def test_young_click_is_waited_for_and_an_old_one_is_not(world: World, age: int, waits: bool) -> None:
    click = world.click("dan", NOON - timedelta(seconds=age), recorded=False)
    if waits:
        with pytest.raises(ClickOnItsWay):
            resolved(world, order(click_ids=[click]), since=NOON)
        assert resolved(world, order(click_ids=[click]))
        world.click("dan", NOON - timedelta(seconds=age))
    assert resolved(world, order(click_ids=[click]), since=NOON)


def test_click_of_another_brand_is_unknown_here(world: World) -> None:
    other = World(world.deployment, "other")
    click = other.click("dan", NOON - HOUR)
    [touch] = resolved(world, order(click_ids=[click]), since=NOON)[f"click:{click}"]
    assert touch == Touch("click", click, problem="unknown_click")


def test_links_and_terms_are_read_once_per_process_and_absences_each_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    real = world.deployment.database.get_many

    def noted(keys: Iterable[tuple[type, str, str | None]]) -> object:
        wanted = list(keys)
        asked.extend(pk for _, pk, _ in wanted)
        return real(wanted)

    click = world.click("dan", NOON - HOUR)
    nobodys = world.click("nobody", NOON - HOUR)
    monkeypatch.setattr(world.deployment.database, "get_many", noted)
    for _ in range(3):
        touches = resolved(world, order(click_ids=[click, nobodys]))
        evidence = Evidence(world.deployment, world.brand_id)
        evidence.terms(touch for found in touches.values() for touch in found)
    assert asked.count(f"{world.brand_id}#L#{world.link_key('dan')}") == 1
    assert asked.count(f"{world.brand_id}#L#{world.link_key('nobody')}") == 6  # by itself, and again with its journey
    assert asked.count(world.brand_id) == 3 + 1  # the program each time, its terms once


def test_link_that_the_cache_drops_while_an_order_is_resolved_is_not_taken_for_unknown(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Unchanging, "SIZE_MAX", 1)
    click_ids = [world.click(life, NOON - HOUR) for life in ("dan", "mia", "tal")]
    for _ in range(4):
        touches = resolved(world, order(click_ids=click_ids))
        found = [touch for click in click_ids for touch in touches[f"click:{click}"]]
        assert [touch.creator_id for touch in found] == [world.creators[life] for life in ("dan", "mia", "tal")]
        evidence = Evidence(world.deployment, world.brand_id)
        assert set(evidence.terms(found)) == {(world.friends, 2), (world.press, 1)}


def test_every_read_names_the_brand(world: World) -> None:
    other = World(world.deployment, "other").build()
    program = world.deployment.database.get(Program, other.brand_id, f"PRG#{other.friends}")
    assert program is not None
    program.active = []
    program.save()
    assert of_code(world, "noa10", NOON).barred is None
    assert of_code(other, "noa10", NOON).barred == "program_paused"


def test_at_most_ten_codes_and_ten_clicks_count_each_once() -> None:
    def touch(kind: str, number: int) -> Touch:
        return Touch("code" if kind == "code" else "click", f"{kind}{number}", creator_id="cre_1")

    codes, click_ids = [f"code{n}" for n in range(10)], [f"click{n}" for n in range(10)]
    touches: dict[str, tuple[Touch, ...]] = {f"code:{code}": (touch("code", n),) for n, code in enumerate(codes)}
    touches |= {f"click:{click}": (touch("click", n), touch("click", n + 1)) for n, click in enumerate(click_ids)}
    snapshot = order(codes=codes, click_ids=click_ids)
    counted = Context(touches).touches_of(OrderFacts(snapshot))
    assert [each.evidence for each in counted] == codes + click_ids
    assert Context(touches).touches_of(OrderFacts(replace(snapshot, codes=(), click_ids=()))) == ()
    assert Context().touches_of(OrderFacts(snapshot)) == ()

"""Who held what and when: what somebody says today never changes whose it was on a day past."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.sales import PLACED
from vouch.domain import periods, tenures, times
from vouch.domain.errors import Unprocessable
from vouch.domain.tenures import Tenure

MONDAY, TUESDAY, FRIDAY = "2026-05-04T00:00:00.000000Z", "2026-05-05T00:00:00.000000Z", "2026-05-08T00:00:00.000000Z"


def on(hour: int) -> str:
    return times.text(PLACED + timedelta(hours=hour))


def test_a_place_passes_from_one_holder_to_the_next() -> None:
    noa = tenures.passed_on([], ["noa"], MONDAY)
    assert noa == [["noa", MONDAY, None]]
    dan = tenures.passed_on(noa, ["dan"], TUESDAY)
    assert dan == [["noa", MONDAY, TUESDAY], ["dan", TUESDAY, None]]
    nobody = tenures.ended(dan, FRIDAY)
    assert nobody == [["noa", MONDAY, TUESDAY], ["dan", TUESDAY, FRIDAY]]
    assert [tenures.current(each) for each in ([], dan, nobody)] == [None, dan[-1], None]
    assert tenures.ended(nobody, FRIDAY) == nobody


def test_the_same_holder_goes_on() -> None:
    held: list[Tenure] = [["noa", "friends", MONDAY, None]]
    assert tenures.passed_on(held, ["noa", "friends"], TUESDAY) == held
    assert tenures.passed_on(held, ["noa", "family"], TUESDAY)[-1] == ["noa", "family", TUESDAY, None]


def test_a_holder_who_comes_back_begins_anew() -> None:
    ended: list[Tenure] = [["noa", MONDAY, TUESDAY]]
    assert tenures.passed_on(ended, ["noa"], FRIDAY) == [*ended, ["noa", FRIDAY, None]]


def test_what_would_have_begun_only_then_never_was() -> None:
    ahead: list[Tenure] = [["noa", MONDAY, TUESDAY], ["dan", FRIDAY, None]]
    assert tenures.ended(ahead, FRIDAY) == tenures.ended(ahead, TUESDAY) == ahead[:1]
    assert tenures.passed_on(ahead, ["tal"], FRIDAY) == [*ahead[:1], ["tal", FRIDAY, None]]


def test_who_has_always_held_a_place_has_held_it() -> None:
    assert tenures.ended([["noa", None, None]], MONDAY) == [["noa", None, MONDAY]]


def test_nobody_begins_before_the_one_before_has_ended() -> None:
    ended: list[Tenure] = [["noa", MONDAY, FRIDAY]]
    assert tenures.passed_on(ended, ["dan"], TUESDAY) == [*ended, ["dan", FRIDAY, None]]


def test_a_place_changes_hands_so_often_and_no_more() -> None:
    held: list[Tenure] = []
    for hour in range(tenures.MOST):
        held = tenures.passed_on(held, [f"cre_{hour}"], on(hour))
    assert len(held) == tenures.MOST
    with pytest.raises(Unprocessable, match=r"^changed_too_often$") as refused:
        tenures.passed_on(held, ["cre_x"], on(tenures.MOST))
    assert refused.value.facts == {"most": tenures.MOST}
    assert tenures.passed_on(held, [f"cre_{tenures.MOST - 1}"], on(tenures.MOST)) == held
    assert tenures.current(tenures.ended(held, on(tenures.MOST))) is None
    assert tenures.passed_on(held, ["cre_x"], on(tenures.MOST - 1))[-1] == ["cre_x", on(tenures.MOST - 1), None]


SAYINGS = st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["noa", "dan", None])), max_size=12)


@given(SAYINGS)
def test_what_is_said_today_changes_no_day_past(sayings: list[tuple[int, str | None]]) -> None:
    held: list[Tenure] = []
    hour = 0
    for passed, holder in sayings:
        hour += passed
        before = {earlier: tenures.at(held, PLACED + timedelta(hours=earlier)) for earlier in range(hour)}
        held = tenures.ended(held, on(hour)) if holder is None else tenures.passed_on(held, [holder], on(hour))
        assert {earlier: whose(held, earlier) for earlier in range(hour)} == {
            earlier: tenure[0] if tenure else None for earlier, tenure in before.items()
        }
        assert whose(held, hour) == whose(held, hour + 1_000) == holder
        moments = [moment or "" for tenure in held for moment in tenure[1:]]
        assert sorted(moments[:-1]) == moments[:-1]
        assert all(periods.covers(tenure[1:], times.parse(tenure[1] or "")) for tenure in held)


def whose(held: list[Tenure], hour: int) -> str | None:
    tenure = tenures.at(held, PLACED + timedelta(hours=hour))
    return tenure[0] if tenure else None

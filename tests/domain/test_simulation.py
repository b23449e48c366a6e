"""What a draft would change: of one order, and summed up over many."""

from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.test_period_rules import bonus, capped, giving
from vouch.domain.ledger import EARNED, HELD, Counted
from vouch.domain.period_rules import Tally
from vouch.domain.settlement import Earning, Posting, Settlement
from vouch.domain.simulation import (
    Change,
    Outcome,
    Spot,
    Stake,
    Sums,
    posted_outcome,
    settled_outcome,
    totals,
    untouched,
)
from vouch.domain.terms import DRAFT, Terms
from vouch.domain.times import EPOCH

NOA, DAN = Stake("noa", "own", "ILS"), Stake("dan", "other", "ILS")
MAY, JUNE = Counted("own", 1, "2026-05"), Counted("own", 2, "2026-06")
BY_DRAFT = Counted("own", DRAFT, "2026-05")
NOTHING = Outcome({}, {})


def outcome(*amounts: tuple[Stake, int], counted: Counted | None = None) -> Outcome:
    """Each amount counts there, if anywhere."""
    spots = {Spot(stake.creator_id, counted, stake.currency): Tally(amount, 1) for stake, amount in amounts if counted}
    return Outcome(dict(amounts), spots)


def sums(orders: Iterable[tuple[Outcome, Outcome]]) -> Sums:
    found = Sums()
    for before, after in orders:
        found.add("own", before, after)
    return found


# --- one order --------------------------------------------------------------------------------------------------------


def test_what_is_posted_is_whose_the_summary_says_it_is() -> None:
    posted = {
        Posting("noa", EARNED, "ILS", EPOCH, MAY): 700,
        Posting("dan", HELD, "ILS", EPOCH): 300,
    }
    assert posted_outcome(posted, [NOA, DAN]) == Outcome({NOA: 700, DAN: 300}, {Spot("noa", MAY, "ILS"): Tally(700, 1)})


@pytest.mark.parametrize("stakes", [[], [DAN], [NOA._replace(currency="USD")]])
def test_what_is_posted_to_nobody_that_is_known_is_no_outcome(stakes: list[Stake]) -> None:
    with pytest.raises(LookupError):
        posted_outcome({Posting("noa", EARNED, "ILS", EPOCH): 700}, stakes)


@pytest.mark.parametrize("amount, orders", [(-1, 0), (1, 1), (2, 1)])
def test_an_order_counts_where_something_of_it_is_earned(amount: int, orders: int) -> None:
    posted = {Posting("noa", EARNED, "ILS", EPOCH, MAY): amount}
    assert untouched(posted) == Outcome({}, {Spot("noa", MAY, "ILS"): Tally(amount, orders)})


def test_a_settlement_comes_to_what_it_would_post() -> None:
    earning = Earning("noa", "own", 3, "ILS", 1_000, 300, EPOCH, held=False, counted=MAY)
    gone = replace(earning, creator_id="dan", reversed=1_000)
    settlement = Settlement("paid", "ILS", 0, 0, None, (gone, earning), (), (), None)
    assert settled_outcome(settlement) == outcome((NOA, 700), counted=MAY)


# --- many -------------------------------------------------------------------------------------------------------------


def test_of_the_programs_own_all_counts_and_of_others_what_changes() -> None:
    found = Sums()
    assert not found.add("own", outcome((NOA, 700), (DAN, 50)), outcome((NOA, 700), (DAN, 50)))
    assert found.changes == {NOA: Change(700, 700)}
    assert found.add("own", outcome((NOA, 700), (DAN, 50)), outcome((NOA, 600), (DAN, 60)))
    assert found.changes == {NOA: Change(1_400, 1_300), DAN: Change(50, 60)}
    assert found.add("own", outcome((DAN, 50)), NOTHING)
    assert found.add("own", NOTHING, outcome((NOA, 1)))
    assert found.changes == {NOA: Change(1_400, 1_301), DAN: Change(100, 60)}
    assert [change.delta for change in found.changes.values()] == [-99, -40]


def test_places_count_on_both_sides_whoever_is_concerned() -> None:
    other = Counted("other", 1, "2026-05")
    found = sums(
        [
            (outcome((NOA, 700), counted=MAY), outcome((NOA, 800), counted=BY_DRAFT)),
            (outcome((NOA, 100), counted=MAY), NOTHING),
            (outcome((DAN, 50), counted=other), outcome((DAN, 50), counted=other)),
        ]
    )
    assert found.tallies == {
        Spot("noa", MAY, "ILS"): (Tally(800, 2), Tally()),
        Spot("noa", BY_DRAFT, "ILS"): (Tally(), Tally(800, 1)),
        Spot("dan", other, "ILS"): (Tally(50, 1), Tally(50, 1)),
    }
    assert found.versions() == {("own", 1), ("own", DRAFT), ("other", 1)}
    assert len(found) == 4, "Noa's row, and three places"


STAKES = st.builds(Stake, st.sampled_from(["noa", "dan"]), st.sampled_from(["own", "other"]), st.just("ILS"))
OUTCOMES = st.builds(
    lambda amounts, counted: outcome(*amounts.items(), counted=counted),
    st.dictionaries(STAKES, st.integers(-5, 5).filter(bool), max_size=2),
    st.sampled_from([None, MAY, JUNE, BY_DRAFT]),
)


@given(st.lists(st.tuples(OUTCOMES, OUTCOMES), max_size=6), st.integers(0, 6))
def test_sums_of_parts_are_the_sum_of_the_whole(orders: list[tuple[Outcome, Outcome]], cut: int) -> None:
    first, rest = sums(orders[:cut]), sums(orders[cut:])
    first.merge(rest)
    assert first == sums(orders)


@given(st.lists(OUTCOMES, max_size=6))
def test_what_stays_as_it_is_makes_no_difference(orders: list[Outcome]) -> None:
    found = Sums()
    assert not any(found.add("own", order, order) for order in orders)
    terms = {("own", number): capped(3, "month", bonus("b", "orders", 2, 7)) for number in (1, 2, DRAFT)}
    rows = found.rows("own", terms, terms)
    assert all(change.delta == 0 for change in rows.values())
    assert {stake.program_id for stake in rows} <= {"own"}


# --- periods ----------------------------------------------------------------------------------------------------------


def rows(found: Sums, drafted: Terms, before: Terms | None = None, other: Terms | None = None) -> dict[str, Change]:
    """By creator, of sums whose orders were placed under version 1."""
    terms = {("own", 1): before or Terms(), ("other", 1): other or Terms()}
    by_stake = found.rows("own", terms, terms | {("own", DRAFT): drafted})
    return {stake.creator_id: change for stake, change in by_stake.items()}


def test_a_cap_of_the_draft_takes_from_after_alone() -> None:
    found = sums([(outcome((NOA, 700), counted=MAY), outcome((NOA, 800), counted=BY_DRAFT))] * 2)
    assert rows(found, Terms()) == {"noa": Change(1_400, 1_600)}
    assert rows(found, capped(1_000)) == {"noa": Change(1_400, 1_000)}
    assert rows(found, capped(1_000), before=capped(900)) == {"noa": Change(900, 1_000)}


def test_a_bonus_of_the_draft_is_given_to_after_alone() -> None:
    found = sums([(outcome((NOA, 700), counted=MAY), outcome((NOA, 700), counted=BY_DRAFT))] * 3)
    assert rows(found, giving(bonus("b", "orders", 3, 50))) == {"noa": Change(2_100, 2_150)}
    assert rows(found, giving(bonus("b", "orders", 4, 50))) == {"noa": Change(2_100, 2_100)}
    assert rows(found, Terms(), before=giving(bonus("b", "orders", 3, 50))) == {"noa": Change(2_150, 2_100)}


def test_a_bonus_alone_makes_a_row() -> None:
    spot = Spot("noa", MAY, "ILS")
    found = Sums(tallies={spot: (Tally(0, 1), Tally(0, 1))})
    assert rows(found, Terms(), before=giving(bonus("b", "orders", 1, 50))) == {"noa": Change(50, 50)}


def test_a_cap_of_another_program_counts_where_the_draft_moves_what_it_takes() -> None:
    other = Counted("other", 1, "2026-05")
    moved = sums([(outcome((DAN, 700), counted=other), outcome((DAN, 900), counted=other))])
    assert rows(moved, Terms(), other=capped(600)) == {"dan": Change(600, 600)}
    assert rows(moved, Terms(), other=capped(800)) == {"dan": Change(700, 800)}
    still = sums([(outcome((DAN, 700), counted=other), outcome((DAN, 700), counted=other))])
    assert rows(still, Terms(), other=capped(600)) == {}


def test_each_creator_has_periods_of_their_own() -> None:
    dan = NOA._replace(creator_id="dan")
    found = sums([(NOTHING, outcome((NOA, 800), (dan, 800), counted=BY_DRAFT))])
    assert rows(found, capped(1_000)) == {"noa": Change(0, 800), "dan": Change(0, 800)}


# --- totals -----------------------------------------------------------------------------------------------------------


def test_totals_are_by_currency_and_in_its_order() -> None:
    found = totals(
        {
            DAN._replace(currency="USD"): Change(1, 2),
            NOA: Change(10, 20),
            DAN: Change(100, 50),
            NOA._replace(currency="EUR"): Change(5, 5),
        }
    )
    assert list(found.items()) == [("EUR", Change(5, 5)), ("ILS", Change(110, 70)), ("USD", Change(1, 2))]
    assert totals({}) == {}

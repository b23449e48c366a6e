"""Entries cannot be out of balance, and what is posted twice has one name."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.domain.histories import CREATOR, START
from vouch.domain.ledger import (
    ADJUSTMENT,
    AVAILABLE,
    CORRECTION,
    EARNED,
    EXPENSE_BONUS,
    HELD,
    IN_TRANSIT,
    WRITEOFF,
    Counted,
    Difference,
    Entry,
    Leg,
    PayoutPart,
    PeriodRule,
    Unbalanced,
    adjustment_entry,
    bonus_entry,
    creator_account,
    fold_entry,
    payout_settled_entry,
    settlement_entry,
)

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    "amounts", [(), (5,), (5, -4), (5, 0, -5), (0, 0), (5.0, -5.0), (True, -1), ("5", "-5"), (None, None)]
)
def test_an_entry_out_of_balance_cannot_be_built(amounts: tuple[int, ...]) -> None:
    legs = tuple(Leg(f"account:{number}", amount) for number, amount in enumerate(amounts))
    with pytest.raises(Unbalanced, match="ent_1"):
        Entry("ent_1", "settle", CREATOR, "ILS", legs, START)


def test_a_commission_credits_its_creator_from_the_day_it_matures() -> None:
    change = Difference(CREATOR, EARNED, "ILS", 100, START + HOUR)
    entry = settlement_entry(change, order_id="ord_1", version=1, number=0, now=START)
    assert entry.credited(creator_account(CREATOR, EARNED)) == 100
    assert (entry.position, entry.order_id) == (START + HOUR, "ord_1")


@pytest.mark.parametrize("late", [timedelta(0), HOUR])
def test_a_late_difference_is_not_dated_before_its_posting(late: timedelta) -> None:
    change = Difference(CREATOR, EARNED, "ILS", -30, START)
    assert settlement_entry(change, order_id="ord_1", version=2, number=0, now=START + late).position == START + late


def test_what_is_held_has_no_place_in_time() -> None:
    change = Difference(CREATOR, HELD, "ILS", 100, START + HOUR)
    entry = settlement_entry(change, order_id="ord_1", version=1, number=0, now=START)
    assert entry.position is None
    assert entry.credited(creator_account(CREATOR, HELD)) == 100


def test_a_difference_counts_where_its_order_does() -> None:
    change = Difference(CREATOR, EARNED, "ILS", -30, START, Counted("prg_1", 2, "2026-03"), -1)
    entry = settlement_entry(change, order_id="ord_1", version=2, number=0, now=START)
    assert (entry.counted, entry.orders) == (change.counted, -1)


def test_the_same_posting_has_the_same_id_whenever_it_is_tried() -> None:
    change = Difference(CREATOR, EARNED, "ILS", 100, START)
    tries = [settlement_entry(change, order_id="ord_1", version=1, number=0, now=START + n * HOUR) for n in (0, 1)]
    assert tries[0].id == tries[1].id
    others = [("ord_2", 1, 0), ("ord_1", 2, 0), ("ord_1", 1, 1)]
    ids = {settlement_entry(change, order_id=o, version=v, number=n, now=START).id for o, v, n in others}
    assert len({*ids, tries[0].id}) == 4


@pytest.mark.parametrize("amount", [100, -100])
def test_a_fold_moves_from_earned_to_available(amount: int) -> None:
    fold = fold_entry(CREATOR, "ILS", amount, at=START, version=1)
    assert fold.credited(creator_account(CREATOR, EARNED)) == -amount
    assert fold.credited(creator_account(CREATOR, AVAILABLE)) == amount


def test_tax_is_withheld_for_somebody() -> None:
    part = PayoutPart("po_1", CREATOR, "ILS", 1_000, 250, "csv", "IL")
    legs = {leg.account: leg.amount for leg in payout_settled_entry(part, at=START, version=1).legs}
    assert legs == {creator_account(CREATOR, IN_TRANSIT): 1_000, "cash:csv": -750, "tax:withheld:IL": -250}
    with pytest.raises(ValueError, match="withheld for nobody"):
        PayoutPart("po_1", CREATOR, "ILS", 1_000, 250, "csv")


def test_folds_of_one_moment_are_told_apart() -> None:
    assert len({fold_entry(CREATOR, "ILS", 5, at=START, version=version).id for version in (1, 2)}) == 2


RULE = PeriodRule("prg_1", "cap_per_period", "2026-03")


@pytest.mark.parametrize("amount", [100, -100])
def test_a_bonus_or_a_cut_goes_straight_to_what_is_available(amount: int) -> None:
    bonus = bonus_entry(CREATOR, RULE, "ILS", amount, at=START, version=1)
    assert bonus.credited(creator_account(CREATOR, AVAILABLE)) == amount
    assert bonus.credited(EXPENSE_BONUS) == -amount
    assert (bonus.kind, bonus.rule, bonus.position, bonus.posted_at, bonus.fold) == ("bonus", RULE, START, START, 1)


def test_one_rule_posts_once_with_a_fold_and_again_with_the_next() -> None:
    once = bonus_entry(CREATOR, RULE, "ILS", 5, at=START, version=1)
    assert once.id == bonus_entry(CREATOR, RULE, "ILS", 9, at=START + HOUR, version=1).id
    others = [
        bonus_entry(CREATOR, RULE, "ILS", 5, at=START, version=2),
        bonus_entry(CREATOR, RULE, "USD", 5, at=START, version=1),
        bonus_entry("cre_2", RULE, "ILS", 5, at=START, version=1),
        *(
            bonus_entry(CREATOR, replace(RULE, **{name: "other"}), "ILS", 5, at=START, version=1)
            for name in ("program_id", "rule", "period")
        ),
    ]
    assert len({once.id, *(other.id for other in others)}) == 7


def test_ids_stay_what_they_were() -> None:
    """Should they change, a retry that spans a deployment would not find what it has posted already."""
    change = Difference(CREATOR, EARNED, "ILS", 100, START)
    entries = [
        settlement_entry(change, order_id="ord_1", version=1, number=0, now=START),
        fold_entry(CREATOR, "ILS", 5, at=START, version=1),
        bonus_entry(CREATOR, RULE, "ILS", 5, at=START, version=1),
    ]
    assert [(entry.kind, entry.id) for entry in entries] == [
        ("settle", "ent_QMHGD0VFA6WSFZK8SKBXWQ9KZA"),
        ("fold", "ent_ZE29G88G0XE1G60P2Z88VWSRK8"),
        ("bonus", "ent_642XF1YHHMBZJP8KTD8W0Z1QAC"),
    ]
    assert {(entry.creator_id, entry.posted_at) for entry in entries} == {(CREATOR, START)}


def test_what_a_person_says_is_an_expense_that_a_correction_takes_back_whole_and_once() -> None:
    for kind, expense in ((ADJUSTMENT, "expense:adjustment"), (WRITEOFF, "expense:writeoff")):
        entry = adjustment_entry(kind, "adj_1", CREATOR, "ILS", 70, at=START, version=1)
        assert entry.legs == (Leg(expense, 70), Leg(creator_account(CREATOR, AVAILABLE), -70))
        back = adjustment_entry(CORRECTION, "adj_1", CREATOR, "ILS", -70, at=START, version=2, corrects=kind)
        assert back.legs == tuple(Leg(leg.account, -leg.amount) for leg in entry.legs)
        again = adjustment_entry(CORRECTION, "adj_1", CREATOR, "ILS", -70, at=START + HOUR, version=9, corrects=kind)
        assert (back.id, back.adjustment_id, back.kind) == (again.id, "adj_1", CORRECTION)
        assert back.id != entry.id

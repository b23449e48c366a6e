"""The account's invariants as arithmetic: what each currency must add up to, and what is left aside."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.domain.histories import CREATOR, PLACES, START, TERMS, bonuses, extended, lived, posting
from vouch.domain import account
from vouch.domain.account import Balance, Sums
from vouch.domain.invariants import AccountAudit, Claim, Violation, commission_violations, unequal
from vouch.domain.ledger import (
    AVAILABLE,
    EARNED,
    EXPENSE_BONUS,
    HELD,
    IN_TRANSIT,
    Entry,
    Leg,
    PeriodRule,
    bonus_entry,
    creator_account,
    fold_entry,
    fold_id,
)
from vouch.domain.period_rules import Tally
from vouch.domain.terms import Terms

HOUR = timedelta(hours=1)
CAP = PeriodRule("prg_1", "cap_per_period", "2026-01")


def audited(balance: Balance, *entries: Entry, now: datetime = START, clock_set: bool = False) -> list[Violation]:
    audit = AccountAudit(CREATOR, balance, now, TERMS, clock_set=clock_set)
    for number, each in enumerate(entries):
        audit.entry(f"entry {number}", each)
    return audit.violations()


def posted(amount: int, *, number: int = 1, held: bool = False, ahead: timedelta = timedelta(0)) -> Entry:
    return posting(number, amount, "ILS", now=START - HOUR, matures_at=START - HOUR + ahead, held=held)


def transit(amount: int) -> Entry:
    """As a payout's reserve will be: on the time line by its date, moving nothing that was earned."""
    legs = (
        Leg(creator_account(CREATOR, EARNED), 1),
        Leg(creator_account(CREATOR, AVAILABLE), amount - 1),
        Leg(creator_account(CREATOR, IN_TRANSIT), -amount),
    )
    return Entry(fold_id(CREATOR, "ILS", START, 1), "fold", CREATOR, "ILS", legs, START, START, fold=1)


@pytest.mark.parametrize("seed", range(40))
def test_accounts_that_folds_have_kept_are_sound(seed: int) -> None:
    life = lived(seed, postings=12, folds=8)
    # The histories' debits are random, so more may be pending away than is pending.
    found = audited(life.balance, *life.landed, *life.folds, now=life.balance.watermark, clock_set=True)
    assert [violation for violation in found if "pending" not in violation.detail] == []


@pytest.mark.parametrize(
    "held, ahead, names", [(False, 2 * HOUR, "pending"), (True, timedelta(0), "held")], ids=["pending", "held"]
)
def test_what_waits_is_never_negative(held: bool, ahead: timedelta, names: str) -> None:
    assert audited(Balance(), posted(5, held=held, ahead=ahead)) == []
    assert audited(Balance(), posted(5, held=held, ahead=ahead), posted(-5, number=2, held=held, ahead=ahead)) == []
    [violation] = audited(Balance(), posted(-1, held=held, ahead=ahead))
    assert (violation.invariant, names in violation.detail) == ("I10", True)


def test_in_transit_is_never_negative() -> None:
    balance = Balance(sums={"ILS": Sums(available=2, in_transit=-3)}, version=1)
    found = audited(balance, transit(-3))
    assert "I10" in {violation.invariant for violation in found}


def test_what_was_posted_or_folded_since_is_left_aside() -> None:
    """Else a refund that came while we read would look like pending money that nobody ever earned."""
    late = posting(1, -50, "ILS", now=START + HOUR, matures_at=START, counted=PLACES[0], orders=-1)
    fold = fold_entry(CREATOR, "ILS", -50, at=START + HOUR, version=1)
    assert audited(Balance(), late, fold, bonus_entry(CREATOR, CAP, "ILS", -5, at=START, version=1)) == []


def test_a_watermark_a_little_ahead_is_another_machine_s_clock() -> None:
    assert audited(Balance(watermark=START + timedelta(minutes=1))) == []
    assert [each.invariant for each in audited(Balance(watermark=START + timedelta(minutes=2)))] == ["I11"]


def test_the_ledger_and_the_commission_say_the_same_of_an_order() -> None:
    audit = AccountAudit(CREATOR, Balance(), START, {}, clock_set=False)
    for number, (amount, held) in enumerate([(100, False), (-100, False), (100, True), (-30, True)]):
        audit.entry(f"entry {number}", posted(amount, number=7, held=held))
    assert audit.orders() == {"ord_7": {(HELD, "ILS"): 70}}
    assert unequal(audit.orders(), [Claim("ord_7", "ILS", 100, 30, held=True)]) == {}
    for wrong in (Claim("ord_7", "ILS", 100, 30, held=False), Claim("ord_7", "JPY", 100, 30, held=True)):
        assert list(unequal(audit.orders(), [wrong])) == ["ord_7"]
    assert list(unequal(audit.orders(), [])) == ["ord_7"]
    assert list(unequal({}, [Claim("ord_8", "ILS", 5, 0, held=False)])) == ["ord_8"]
    assert unequal({}, [Claim("ord_8", "ILS", 5, 5, held=False)]) == {}


@pytest.mark.parametrize(
    "earned, taken, sound", [(0, 0, True), (5, 5, True), (5, 6, False), (5, -1, False), (-1, -1, False)]
)
def test_no_more_is_reversed_than_was_earned(earned: int, taken: int, sound: bool) -> None:
    found = commission_violations([Claim("ord_1", "ILS", earned, taken, held=False)])
    assert [each.invariant for each in found] == ([] if sound else ["I6"])


def test_due_is_what_the_entry_adds_to_earned() -> None:
    assert account.due(posted(-7)) == -7


# --- caps and bonuses -------------------------------------------------------------------------------------------------


CAPPED, BONUS_FOR_TWO = (CAP, "ILS"), (PeriodRule("prg_1", "bonuses.two", "2026-Q1"), "ILS")
COUNTED = (PLACES[0], "ILS")


def order(amount: int, at: datetime, number: int = 1) -> Entry:
    return posting(number, amount, "ILS", now=at, matures_at=at, counted=PLACES[0], orders=1)


def capped_books() -> tuple[Balance, list[Entry]]:
    """Orders of a month capped at 40: two of 100 before the zone, which brought their bonus, and one of 10 in it."""
    balance, entries, folds = Balance(), [order(100, START - 9 * HOUR, n) for n in (1, 2)], []
    for hours in (9, 8, 7):
        at = START - hours * HOUR
        entries += [order(10, at, 3)] if hours == 7 else []
        read = [each for each in entries if each.position and each.position >= balance.zone_start]
        folded = extended(account.fold(balance, read, at, at))
        balance = folded.balance
        entries += bonuses(folded)
        folds += [fold_entry(CREATOR, "ILS", moved, at=at, version=balance.version) for moved in folded.moved.values()]
    return balance, entries + folds


def test_capped_books_are_sound() -> None:
    balance, entries = capped_books()
    assert (balance.tallies, balance.zone_tallies) == ({COUNTED: Tally(210, 3)}, {COUNTED: Tally(10, 1)})
    assert (balance.extras, balance.of("ILS").available) == ({CAPPED: -170, BONUS_FOR_TWO: 40}, 80)
    assert audited(balance, *entries) == []


Hand = Callable[[Balance, list[Entry]], tuple[Balance, list[Entry]]]


def bonus_of(entries: list[Entry]) -> Entry:
    return next(entry for entry in entries if entry.rule == BONUS_FOR_TWO[0])


def changed(entries: list[Entry], **changes: Any) -> list[Entry]:
    return [replace(entry, **changes) if entry is bonus_of(entries) else entry for entry in entries]


LEGS = (Leg(EXPENSE_BONUS, 41), Leg(creator_account(CREATOR, AVAILABLE), -41))
AS_COMMISSION = (Leg(EXPENSE_BONUS, 40), Leg(creator_account(CREATOR, EARNED), -40))
HANDS: dict[str, tuple[Hand, str]] = {
    "a tally raised": (lambda b, e: (replace(b, tallies={COUNTED: Tally(211, 3)}), e), "I14 I3"),
    "an order more in a tally": (lambda b, e: (replace(b, tallies={COUNTED: Tally(210, 4)}), e), "I3"),
    "a tally lost": (lambda b, e: (replace(b, tallies={}), e), "I14 I14 I3"),
    "a tally of nothing": (
        lambda b, e: (replace(b, tallies={**b.tallies, (PLACES[3], "ILS"): Tally(1, 1)}), e),
        "I3",
    ),
    "more counted of the zone": (lambda b, e: (replace(b, zone_tallies={COUNTED: Tally(11, 1)}), e), "I3"),
    "an order more in the zone": (lambda b, e: (replace(b, zone_tallies={COUNTED: Tally(10, 2)}), e), "I3"),
    "a cut forgotten": (lambda b, e: (replace(b, extras={BONUS_FOR_TWO: 40}), e), "I14 I14"),
    "a bonus lost": (lambda b, e: (b, [each for each in e if each is not bonus_of(e)]), "I14 I3 I3 I3"),
    "a bonus raised": (lambda b, e: (b, changed(e, legs=LEGS)), "I14 I3 I3 I3"),
    "a bonus under another rule": (lambda b, e: (b, changed(e, rule=CAP)), "I14 I14 I19"),
    "a bonus of another fold": (lambda b, e: (b, changed(e, fold=3)), "I19"),
    "a bonus that names no rule": (lambda b, e: (b, changed(e, rule=None)), "I1 I14 I19 I3"),
    "a bonus that names no fold": (lambda b, e: (b, changed(e, fold=None)), "I1"),
    "a bonus among commissions": (lambda b, e: (b, changed(e, kind="settle")), "I1"),
    "a bonus as if it were earned": (lambda b, e: (b, changed(e, legs=AS_COMMISSION)), "I1 I14 I3 I3"),
}


@pytest.mark.parametrize("hand, invariants", HANDS.values(), ids=HANDS)
def test_a_hand_on_caps_and_bonuses_is_found(hand: Hand, invariants: str) -> None:
    balance, entries = hand(*capped_books())
    assert sorted(each.invariant for each in audited(balance, *entries)) == invariants.split()


def test_what_the_terms_do_not_say_is_found() -> None:
    """Both more than the cap allows and a bonus that nobody promised."""
    balance, entries = capped_books()
    audit = AccountAudit(CREATOR, balance, START, {("prg_1", 1): Terms()}, clock_set=False)
    for each in entries:
        audit.entry("entry", each)
    assert [each.invariant for each in audit.violations()] == ["I14", "I14"]


def test_a_tally_may_lack_what_was_in_flight_and_no_more() -> None:
    balance, entries = capped_books()
    young = order(50, balance.watermark - timedelta(minutes=14), 4)
    assert audited(balance, *entries, young) == []
    old = order(50, balance.watermark - timedelta(minutes=16), 4)
    assert [each.invariant for each in audited(balance, *entries, old)] == ["I3", "I3"]
    assert audited(balance, *entries, old, clock_set=True) == []


def test_what_a_fold_left_aside_is_not_late() -> None:
    balance, entries = capped_books()
    old = order(50, balance.watermark - timedelta(minutes=16), 4)
    assert audited(replace(balance, unfinished=True), *entries, old) == []

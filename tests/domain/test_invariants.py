"""The account's invariants as arithmetic: what each currency must add up to, and what is left aside."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import product
from typing import Any

import pytest

from tests.domain.histories import CREATOR, PLACES, START, TERMS, bonuses, extended, lived, posting
from vouch.domain import account
from vouch.domain.account import Balance, Sums
from vouch.domain.invariants import (
    AccountAudit,
    Claim,
    Promise,
    Violation,
    Waiting,
    commission_violations,
    forsaken,
    unequal,
    unkept,
)
from vouch.domain.ledger import (
    AVAILABLE,
    EARNED,
    EXPENSE_BONUS,
    HELD,
    IN_TRANSIT,
    PAYOUT,
    PAYOUT_RETURNED,
    PAYOUT_SETTLED,
    Entry,
    Leg,
    PayoutPart,
    PeriodRule,
    adjustment_entry,
    bonus_entry,
    creator_account,
    fold_entry,
    payout_entry,
    payout_fee_entry,
    payout_returned_entry,
    payout_settled_entry,
)
from vouch.domain.money import Money
from vouch.domain.payouts import OPEN
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


@pytest.mark.parametrize("seed", range(40))
def test_accounts_that_folds_have_kept_are_sound(seed: int) -> None:
    life = lived(seed, postings=12, folds=8)
    # The histories' debits are random, so more may be pending away than is pending.
    found = audited(life.balance, *life.landed, *life.beside, *life.folds, now=life.balance.watermark, clock_set=True)
    assert [violation for violation in found if "pending" not in violation.detail] == []


@pytest.mark.parametrize(
    "held, ahead, names", [(False, 2 * HOUR, "pending"), (True, timedelta(0), "held")], ids=["pending", "held"]
)
def test_what_waits_is_never_negative(held: bool, ahead: timedelta, names: str) -> None:
    assert audited(Balance(), posted(5, held=held, ahead=ahead)) == []
    assert audited(Balance(), posted(5, held=held, ahead=ahead), posted(-5, number=2, held=held, ahead=ahead)) == []
    [violation] = audited(Balance(), posted(-1, held=held, ahead=ahead))
    assert (violation.invariant, names in violation.detail) == ("I10", True)


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
    audit.entry("entry", posted(5, number=8))
    assert audit.orders() == {"ord_7": {(HELD, "ILS"): 70}, "ord_8": {(EARNED, "ILS"): 5}}
    sound = [Claim("ord_7", "ILS", 100, 30, held=True), Claim("ord_8", "ILS", 5, 0, held=False)]
    assert unequal(audit.orders(), sound) == {}
    for wrong in (Claim("ord_7", "ILS", 100, 30, held=False), Claim("ord_7", "JPY", 100, 30, held=True)):
        assert list(unequal(audit.orders(), [wrong, sound[1]])) == ["ord_7"]
    assert unequal(audit.orders(), sound[1:]) == {"ord_7": ({(HELD, "ILS"): 70}, {})}
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
    "a bonus that names no rule": (lambda b, e: (b, changed(e, rule=None)), "I1 I14 I19"),
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


# --- what is found is told so that somebody can look for it -----------------------------------------------------------


def told(*found: Violation) -> list[tuple[str, str, str]]:
    return [(each.invariant, each.subject, each.detail) for each in found]


def test_an_item_that_is_no_entry_is_told_with_its_key() -> None:
    audit = AccountAudit(CREATOR, Balance(), START, TERMS, clock_set=False)
    assert (audit.entries, audit.late) == (0, False)
    for number in range(2):
        audit.unreadable(f"E#{number}", "no JSON")
        audit.entry(f"E#{number}", posted(1, number=number))
    assert audit.entries == 4
    assert told(*audit.violations()) == [("I1", "cre_1 E#0", "no JSON"), ("I1", "cre_1 E#1", "no JSON")]


def test_entries_that_cannot_be_are_told_with_their_keys() -> None:
    entry = posted(5)
    stranger = replace(posted(5, number=2), legs=(Leg("creator:cre_2:earned", -1), *entry.legs, Leg("cash:csv", 1)))
    late = replace(posted(5, number=3), posted_at=START)
    fold = replace(fold_entry(CREATOR, "ILS", 5, at=START, version=9), id="ent_other")
    legs = stranger.legs
    assert told(*audited(Balance(), entry, entry, stranger, late, fold)) == [
        ("I4", f"cre_1 {entry.id}", "this id was there before"),
        ("I1", "cre_1 entry 2", f"a settle that does not belong here: {legs}"),
        ("I3", "cre_1 entry 3", "dated 2026-03-01T21:00:00Z, before its posting"),
        ("I19", "cre_1 entry 4", "its id is not the one of what it posts"),
    ]


def test_what_lies_elsewhere_than_in_the_creators_accounts_is_nobody_elses_business() -> None:
    legs = (Leg("creature:cre_2", 4), Leg(creator_account(CREATOR, EARNED), -4))
    assert audited(Balance(), replace(posted(4), legs=legs)) == []


def test_sums_that_differ_are_told_with_both() -> None:
    before, zone = posted(100), replace(posted(7, number=2), position=START)
    debit = replace(posted(-30, number=3), position=START - 9 * HOUR, posted_at=START - 9 * HOUR)
    ahead, held = posted(-8, number=4, ahead=3 * HOUR), posted(-9, number=5, held=True)
    sums = Sums(available=1, in_transit=-2, paid=3, credited=5, debited=4, zone=10_000)
    balance = Balance(START, START, sums={"ILS": sums}, version=3)
    audit = AccountAudit(CREATOR, balance, START, TERMS, clock_set=False)
    for each in (replace(before, position=START - HOUR), zone, debit, ahead, held):
        audit.entry("entry", each)
    assert told(*audit.violations()) == [
        ("I3", "cre_1", "ILS: 1 was counted before 2026-03-01T22:00:00Z, there is 70"),
        ("I3", "cre_1", "ILS: the folds took 0, the balance counts 10001"),
        ("I3", "cre_1", "ILS: 10000 was counted of the zone, there is 7"),
        ("I3", "cre_1", "ILS: available, in transit and paid (1, -2, 3), the entries say (0, 0, 0)"),
        ("I10", "cre_1", "ILS: pending -8"),
        ("I10", "cre_1", "ILS: held -9"),
        ("I10", "cre_1", "ILS: in transit -2"),
        ("I12", "cre_1", "ILS: in transit -2 for None, the entries say {}"),
    ]
    assert audit.late


def test_a_watermark_ahead_is_told() -> None:
    ahead = Balance(watermark=START + HOUR)
    assert told(*audited(ahead)) == [("I11", "cre_1", "folded up to 2026-03-01T23:00:00Z, which lies ahead")]


def test_what_is_available_counts_what_no_fold_has_taken_yet() -> None:
    """A debt of 9 without a debit, of which 3 are earned since: 2 straggling behind the watermark, and 1."""
    balance = Balance(
        START - HOUR, START - HOUR, sums={"ILS": Sums(available=-9, zone=5, owing_since=START)}, version=1
    )
    entries = [replace(posted(amount, number=amount), position=START - HOUR) for amount in (5, 2)]
    since = replace(posted(1), position=START)
    found = told(*audited(balance, *entries, since, replace(since, id="ent_2")))
    assert found[-1] == ("I10", "cre_1", "ILS: available -5 without a debit")
    debit = replace(posted(-1, number=9), position=START - HOUR)
    assert "I10" not in {invariant for invariant, *_ in told(*audited(balance, *entries, debit))}


def test_tallies_and_extras_that_differ_are_told_with_both() -> None:
    balance, entries = capped_books()
    wrong = replace(balance, tallies={COUNTED: Tally(211, 4)}, extras={CAPPED: -171, BONUS_FOR_TWO: 39})
    zone = "of the zone 10 from 1 orders"
    counted, there = f"201 from 3 orders and {zone} was counted", f"there is 200 from 2 orders and {zone} ILS"
    assert told(*audited(wrong, *entries)) == [
        ("I3", "cre_1", f"prg_1, terms 1, 2026-01: {counted}, {there}"),
        ("I14", "cre_1", "prg_1, bonuses.two, 2026-Q1: by the entries it is 1 ILS more than by the balance"),
        ("I14", "cre_1", "prg_1, cap_per_period, 2026-01: by the entries it is 1 ILS more than by the balance"),
        ("I14", "cre_1", "prg_1, bonuses.two, 2026-Q1: by the terms it is 1 ILS more than by the balance"),
    ]


def test_a_commission_that_reverses_too_much_is_told() -> None:
    found = commission_violations([Claim("ord_1", "ILS", 5, 6, held=False)])
    assert told(*found) == [("I6", "ord_1", "earned 5, reversed 6")]


@pytest.mark.parametrize("age, may_be_late", [(account.IN_FLIGHT_MAX, False), (timedelta(minutes=14), True)])
def test_in_flight_is_less_than_fifteen_minutes(age: timedelta, may_be_late: bool) -> None:
    balance = Balance(START, START - HOUR, sums={"ILS": Sums()}, version=1)
    entry = posting(1, 5, "ILS", now=START - age, matures_at=START - age)
    assert (audited(balance, entry) == []) is may_be_late


def test_several_that_came_late_are_added_up_either_way() -> None:
    balance = Balance(START, START - HOUR, sums={"ILS": Sums()}, version=1)
    for sign in (1, -1):
        entries = [posting(n, sign * n, "ILS", now=START, matures_at=START) for n in (1, 2, 3)]
        assert audited(balance, *entries) == []
        beyond = replace(balance, sums={"ILS": Sums(available=-sign, zone=-sign)})
        assert "of the zone" in audited(beyond, *entries)[1].detail


# --- payouts ----------------------------------------------------------------------------------------------------------


PART = PayoutPart("po_1", CREATOR, "ILS", amount=80, withheld=5, rail="csv", authority="IL")
OTHER = replace(PART, payout_id="po_2")


def paid_books() -> tuple[Balance, list[Entry]]:
    """100 earned, of which 80 were paid and came back, and are in transit once more."""
    at = START - HOUR
    entries = [posted(100)]
    balance = account.fold(Balance(), entries, at, at).balance
    entries.append(fold_entry(CREATOR, "ILS", 100, at=at, version=1))
    for version, (part, step) in enumerate(
        [
            (PART, payout_entry),
            (PART, payout_settled_entry),
            (PART, payout_returned_entry),
            (OTHER, payout_entry),
        ],
        start=2,
    ):
        entry = step(part, at=at, version=version)
        balance = account.with_entries(replace(balance, version=version), [entry])
        entries.append(entry)
    fee = payout_fee_entry(PART, Money(3, "USD"), at=at, version=3)
    return balance, [*entries, fee]


def of_kind(entries: list[Entry], kind: str) -> Entry:
    return next(entry for entry in entries if entry.kind == kind)


def without(kind: str) -> Hand:
    return lambda b, e: (b, [each for each in e if each is not of_kind(e, kind)])


def other_sums(**changes: Any) -> Hand:
    return lambda b, e: (replace(b, sums={"ILS": replace(b.of("ILS"), **changes)}), e)


def other(kind: str, **changes: Any) -> Hand:
    return lambda b, e: (b, [replace(each, **changes) if each is of_kind(e, kind) else each for each in e])


def also(*more: Entry) -> Hand:
    return lambda b, e: (b, [*e, *more])


BENT = (Leg(creator_account(CREATOR, IN_TRANSIT), 80), Leg("cash:csv", -76), Leg("tax:withheld:IL", -4))
ABROAD = (Leg("cash:csv", 75), Leg("tax:withheld:US", 5), Leg(creator_account(CREATOR, AVAILABLE), -80))
SHORT = (Leg(creator_account(CREATOR, IN_TRANSIT), 80), Leg("cash:csv", -75), Leg("expense:lost", -5))
PAYOUT_HANDS: dict[str, tuple[Hand, str]] = {
    "nothing reserved": (without(PAYOUT), "I13 I3 I3"),
    "nothing settled": (without(PAYOUT_SETTLED), "I12 I13 I3"),
    "nothing came back": (without(PAYOUT_RETURNED), "I10 I3 I3 I3"),
    "another payout open": (other_sums(payout_id="po_1"), "I12"),
    "no payout open": (other_sums(payout_id=None), "I12"),
    "more paid": (other_sums(paid=1), "I3"),
    "a debt that is none": (other_sums(owing_since=START), "I10"),
    "less withheld": (other(PAYOUT_SETTLED, legs=BENT), "I17"),
    "given back by another tax office": (other(PAYOUT_RETURNED, legs=ABROAD), "I17"),
    "some of it lost": (other(PAYOUT_SETTLED, legs=SHORT), "I17 I17"),
    "under another's name": (other(PAYOUT_SETTLED, payout_id="po_2"), "I12 I13 I19"),
    "of no payout": (other(PAYOUT_SETTLED, payout_id=None), "I1 I12 I13 I19"),
    "by no change of the balance": (other(PAYOUT, fold=None), "I1"),
}


def test_books_with_payouts_are_sound() -> None:
    balance, entries = paid_books()
    sums = balance.of("ILS")
    assert (sums.available, sums.in_transit, sums.paid, sums.payout_id) == (20, 80, 0, "po_2")
    assert audited(balance, *entries) == []


@pytest.mark.parametrize("hand, invariants", PAYOUT_HANDS.values(), ids=PAYOUT_HANDS)
def test_a_hand_on_payouts_is_found(hand: Hand, invariants: str) -> None:
    balance, entries = hand(*paid_books())
    assert sorted(each.invariant for each in audited(balance, *entries)) == sorted(invariants.split())


def test_what_a_payout_says_of_itself_is_what_the_ledger_holds() -> None:
    balance, entries = paid_books()
    audit = AccountAudit(CREATOR, balance, START, TERMS, clock_set=False)
    for entry in entries:
        audit.entry("entry", entry)
    sound = [
        Promise("po_1", CREATOR, "returned", "ILS", 80, {"IL": 5}, "csv", (3, "USD")),
        Promise("po_2", CREATOR, "unknown", "ILS", 80, {"IL": 5}, "csv"),
    ]
    assert unkept(audit.payouts(), sound) == []
    for wrong in (
        replace(sound[0], status="settled"),
        replace(sound[1], status="settled"),
        replace(sound[1], status="failed"),
        replace(sound[1], amount=79),
        replace(sound[0], withheld={"IL": 6}),
        replace(sound[0], withheld={"US": 5}),
        replace(sound[0], withheld={}),
        replace(sound[0], currency="USD"),
        replace(sound[0], payout_id="po_3"),
        replace(sound[0], rail="sepa"),
        replace(sound[0], fee=None),
        replace(sound[0], fee=(2, "USD")),
        replace(sound[0], fee=(3, "ILS")),
        replace(sound[1], fee=(3, "USD")),
        replace(sound[1], creator_id="cre_another"),
    ):
        [violation] = unkept(audit.payouts(), [wrong])
        assert (violation.invariant, violation.subject) == ("I13", wrong.payout_id)


@pytest.mark.parametrize("run_ended, called, asked_after", [*product([False, True], repeat=3)])
def test_an_open_payout_is_in_the_hands_of_its_run_or_of_who_asks_after_it(
    run_ended: bool, called: bool, asked_after: bool
) -> None:
    def told(status: str) -> str:
        """What is said of it."""
        waiting = Waiting("po_1", status, run_ended=run_ended, called=called, asked_after=asked_after)
        return "".join(f"{each.invariant} {each.subject}: {each.detail}" for each in forsaken([waiting]))

    never_sent = run_ended and not asked_after
    assert told("created") == never_sent * "I12 po_1: it is created, its run has ended, and nobody sends it"
    for status in OPEN - {"created"}:
        never_asked = called and not asked_after
        assert told(status) == never_asked * f"I12 po_1: it is {status}, and nobody asks its rail about it"


def test_a_payout_is_no_reason_for_a_debt() -> None:
    """80 were paid of 70: nobody took anything back, so that was never right."""
    at = START - HOUR
    entries = [posted(70)]
    balance = account.fold(Balance(), entries, at, at).balance
    entry = payout_entry(PART, at=at, version=2)
    balance = account.with_entries(replace(balance, version=2), [entry])
    found = audited(balance, *entries, fold_entry(CREATOR, "ILS", 70, at=at, version=1), entry)
    assert [each.detail for each in found] == ["ILS: available -10 without a debit"]
    back = posted(-10, number=2)
    assert not any("debit" in each.detail for each in audited(balance, *entries, entry, back))


def test_adjustments_are_the_ones_that_their_names_say() -> None:
    at = START - HOUR
    entry = adjustment_entry("writeoff", "adj_1", CREATOR, "ILS", 7, at=at, version=1)
    balance = account.with_entries(Balance(watermark=at, version=1), [entry])
    assert audited(balance, entry) == []
    assert [each.invariant for each in audited(balance, replace(entry, adjustment_id="adj_2"))] == ["I19"]
    assert [each.invariant for each in audited(balance, replace(entry, kind="adjustment"))] == ["I19"]
    assert [each.invariant for each in audited(balance, replace(entry, adjustment_id=None))] == ["I1", "I19"]

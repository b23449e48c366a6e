"""The account's invariants as arithmetic: what each currency must add up to, and what is left aside."""

from datetime import timedelta

import pytest

from tests.domain.histories import CREATOR, START, lived, posting
from vouch.domain import account
from vouch.domain.account import Balance, Sums
from vouch.domain.invariants import AccountAudit, Claim, Violation, commission_violations, unequal
from vouch.domain.ledger import AVAILABLE, EARNED, HELD, IN_TRANSIT, Entry, Leg, creator_account, fold_entry

HOUR = timedelta(hours=1)


def audited(balance: Balance, *entries: Entry, folds: tuple[Entry, ...] = ()) -> list[Violation]:
    audit = AccountAudit(CREATOR, balance, START, clock_set=False)
    for number, each in enumerate(entries):
        audit.entry(f"entry {number}", each, None)
    for each in folds:
        audit.entry("fold", each, balance.version)
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
    return Entry(f"ent_{amount}", "fold", CREATOR, "ILS", legs, START, START)


@pytest.mark.parametrize("seed", range(40))
def test_accounts_that_folds_have_kept_are_sound(seed: int) -> None:
    life = lived(seed, postings=12, folds=8)
    balance, folded = life.balance, {"ILS": 0, "JPY": 0}
    audit = AccountAudit(CREATOR, balance, balance.watermark, clock_set=True)
    for number, each in enumerate(life.landed):
        audit.entry(f"entry {number}", each, None)
    before = Balance()
    for final in life.finals:
        for currency in folded:
            moved = final.of(currency).folded - before.of(currency).folded
            if moved:
                fold = fold_entry(CREATOR, currency, moved, at=final.watermark, version=final.version)
                audit.entry(f"fold {final.version} {currency}", fold, final.version)
        before = final
    # The histories' debits are random, so more may be pending away than is pending.
    assert [violation for violation in audit.violations() if "pending" not in violation.detail] == []


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
    found = audited(balance, folds=(transit(-3),))
    assert "I10" in {violation.invariant for violation in found}


def test_what_was_posted_or_folded_since_is_left_aside() -> None:
    """Else a refund that came while we read would look like pending money that nobody ever earned."""
    late = posting(1, -50, "ILS", now=START + HOUR, matures_at=START)
    audit = AccountAudit(CREATOR, Balance(), START, clock_set=False)
    audit.entry("entry", late, None)
    audit.entry("fold", fold_entry(CREATOR, "ILS", -50, at=START + HOUR, version=1), 1)
    assert audit.violations() == []


def test_a_watermark_a_little_ahead_is_another_machine_s_clock() -> None:
    assert audited(Balance(watermark=START + timedelta(minutes=1))) == []
    assert [each.invariant for each in audited(Balance(watermark=START + timedelta(minutes=2)))] == ["I11"]


def test_the_ledger_and_the_commission_say_the_same_of_an_order() -> None:
    audit = AccountAudit(CREATOR, Balance(), START, clock_set=False)
    for number, (amount, held) in enumerate([(100, False), (-100, False), (100, True), (-30, True)]):
        entry = posted(amount, number=7, held=held)
        audit.entry(f"entry {number}", entry, None)
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

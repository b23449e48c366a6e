"""The fold: whatever is in flight, and whoever folds when, each entry is counted exactly once."""

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain import histories
from tests.domain.histories import CURRENCIES, START, History, lived, posting, total
from vouch.domain import account
from vouch.domain.account import IN_FLIGHT_MAX, Balance, Checkpoint, Figures, Sums
from vouch.domain.ledger import Entry

seeds = st.integers(0, 2**32)
MINUTE = timedelta(minutes=1)


def faults(history: History) -> list[str]:
    """How the account differs from a naive recount of everything that was posted."""
    balance, found = history.balance, list(history.wrong_figures)
    for currency in CURRENCIES:
        sums, recounted = balance.of(currency), total(history.landed, currency, until=balance.watermark)
        if sums.available != recounted or sums.folded != recounted or history.moved.get(currency, 0) != recounted:
            found.append(f"{currency}: {sums}, moved {history.moved}, recounted {recounted}")
        for final in history.finals:
            before = [account.due(e) for e in history.landed if e.currency == currency and _before(e, final)]
            expected = (sum(a for a in before if a > 0), -sum(a for a in before if a < 0))
            if (final.of(currency).credited, final.of(currency).debited) != expected:
                found.append(f"{currency}: before {final.zone_start} {final.of(currency)}, recounted {expected}")
    return found


def _before(entry: Entry, balance: Balance) -> bool:
    return entry.position is not None and entry.position < balance.zone_start


def first_fault(changed: Callable[[], None]) -> int | None:
    """The first of many histories that the rule so changed gets wrong."""
    changed()
    return next((seed for seed in range(1500) if faults(lived(seed, postings=12, folds=8))), None)


@given(seeds, st.integers(0, 14), st.integers(0, 9))
def test_every_entry_is_counted_once_whatever_was_in_flight(seed: int, postings: int, folds: int) -> None:
    assert faults(lived(seed, postings, folds)) == []


def test_the_histories_are_hard() -> None:
    """Else the test above would prove nothing: stragglers, races, moving zones and standing clocks all occur."""
    lives = [lived(seed, postings=12, folds=8) for seed in range(300)]
    assert sum(life.stragglers for life in lives) > 300
    assert sum(life.races for life in lives) > 100
    assert sum(len({final.zone_start for final in life.finals}) > 2 for life in lives) > 30
    assert sum(any(a.watermark == b.watermark for a, b in pairwise(life.finals)) for life in lives) > 30


def test_moving_the_zone_to_a_young_watermark_would_lose_money(monkeypatch: pytest.MonkeyPatch) -> None:
    assert first_fault(lambda: monkeypatch.setattr(account, "IN_FLIGHT_MAX", timedelta(0))) is not None


def test_a_zone_that_begins_behind_its_first_moment_would_lose_money_while_a_test_clock_stands_still(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page = histories.page

    def behind_its_first_moment(landed: list[Entry], before: Balance, *rest: Any) -> list[Entry]:
        return page([entry for entry in landed if entry.position != before.zone_start], before, *rest)

    assert first_fault(lambda: monkeypatch.setattr(histories, "page", behind_its_first_moment)) is not None


def test_a_checkpoint_is_let_grow_old() -> None:
    """Were it replaced at every fold, an account folded each minute would read an ever longer zone."""
    balance = account.fold(Balance(), [], START, START).balance
    for minute in range(1, 40):
        now = START + minute * MINUTE
        entry = posting(minute, 5, "ILS", now=now, matures_at=now)
        balance = account.fold(balance, [entry], now, now).balance
    assert balance.zone_start == START + 15 * MINUTE
    assert balance.checkpoint == Checkpoint(START + 30 * MINUTE, START + 30 * MINUTE)


@pytest.mark.parametrize("age, moved", [(IN_FLIGHT_MAX, True), (IN_FLIGHT_MAX - timedelta(microseconds=1), False)])
def test_the_zone_moves_at_fifteen_minutes_and_not_before(age: timedelta, moved: bool) -> None:
    balance = account.fold(Balance(), [], START, START).balance
    later = account.fold(balance, [], START + age, START + age).balance
    assert (later.zone_start == START) is moved


def test_only_real_time_ages_a_checkpoint() -> None:
    balance = account.fold(Balance(), [], START, START).balance
    jumped = account.fold(balance, [], START + timedelta(days=30), START + MINUTE).balance
    assert jumped.zone_start == Balance().zone_start


def test_a_fold_of_the_same_moment_takes_only_what_came_since() -> None:
    first, second = (posting(n, n * 10, "ILS", now=START, matures_at=START) for n in (1, 2))
    once = account.fold(Balance(), [first], START, START)
    again = account.fold(once.balance, [first], START, START + MINUTE)
    assert (once.moved, again.moved, again.changed) == ({"ILS": 10}, {}, False)
    late = account.fold(once.balance, [first, second], START, START + MINUTE)
    assert (late.moved, late.balance.of("ILS").available) == ({"ILS": 20}, 30)


def test_entries_that_cancel_out_move_the_watermark_and_no_money() -> None:
    entries = [posting(n, amount, "ILS", now=START, matures_at=START) for n, amount in enumerate((5, -5))]
    folded = account.fold(Balance(), entries, START, START)
    assert (folded.moved, folded.changed, folded.balance.watermark) == ({}, True, START)


def test_entries_that_cancel_out_are_worth_a_fold_of_their_own() -> None:
    """Else each look would read them again, from a watermark that stands still."""
    young = account.fold(Balance(), [], START, START).balance
    later = START + MINUTE
    entries = [posting(n, amount, "ILS", now=later, matures_at=later) for n, amount in enumerate((5, -5))]
    folded = account.fold(young, entries, later, later)
    assert (folded.moved, folded.changed) == ({}, True)
    assert (folded.balance.zone_start, folded.balance.checkpoint) == (young.zone_start, young.checkpoint)
    again = account.fold(folded.balance, entries, later, later + MINUTE)
    assert (again.moved, again.changed) == ({}, False)


def test_a_clock_behind_the_watermark_sees_what_was_folded_by_it() -> None:
    entry = posting(1, 100, "ILS", now=START, matures_at=START + MINUTE)
    folded = account.fold(Balance(), [entry], START + 2 * MINUTE, START).balance
    for now in (START, START + MINUTE, START + 2 * MINUTE):
        assert account.balances(folded, [entry], [], now) == {"ILS": Figures(available=100)}


def test_an_account_that_fell_silent_is_soon_not_read_again() -> None:
    """Else one import of a hundred thousand orders would be read at every look at the balances, for ever."""
    entries = [posting(n, 5, "ILS", now=START, matures_at=START) for n in range(9)]
    balance, written = Balance(), []
    for day in range(5):
        now = START + timedelta(days=day)
        read = [entry for entry in entries if entry.position and entry.position >= balance.zone_start]
        folded = account.fold(balance, read, now, now)
        balance = folded.balance if folded.changed else balance
        written.append(folded.changed)
    assert written == [True, True, True, False, False]
    assert balance.of("ILS") == Sums(available=45, credited=45)


def test_currencies_never_meet() -> None:
    entries = [posting(1, 100, "ILS", now=START, matures_at=START), posting(2, 9, "JPY", now=START, matures_at=START)]
    assert account.fold(Balance(), entries, START, START).moved == {"ILS": 100, "JPY": 9}


def test_balances_tell_matured_pending_and_held_apart() -> None:
    entries = [
        posting(1, 100, "ILS", now=START, matures_at=START + MINUTE),
        posting(2, 40, "ILS", now=START, matures_at=START + 2 * MINUTE),
    ]
    held = [posting(3, 7, "ILS", now=START, matures_at=START, held=True)]
    folded = Balance(sums={"ILS": Sums(available=1000, in_transit=50, paid=3, zone=0)})
    for now, pending, available in ((START, 140, 1000), (START + MINUTE, 40, 1100), (START + 2 * MINUTE, 0, 1140)):
        assert account.balances(folded, entries, held, now) == {
            "ILS": Figures(pending=pending, held=7, available=available, in_transit=50, paid=3)
        }

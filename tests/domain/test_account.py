"""The fold: whatever is in flight, and whoever folds when, each entry is counted exactly once."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain import histories
from tests.domain.histories import (
    CREATOR,
    CURRENCIES,
    PLACES,
    START,
    TERMS,
    History,
    bonuses,
    extended,
    lived,
    posting,
    tallied,
    theirs,
    total,
)
from vouch.domain import account
from vouch.domain.account import IN_FLIGHT_MAX, Balance, Checkpoint, Figures, Sums
from vouch.domain.ledger import (
    ADJUSTMENT,
    IN_TRANSIT,
    PAYOUT,
    PAYOUT_RELEASED,
    PAYOUT_RETURNED,
    PAYOUT_SETTLED,
    Entry,
    PeriodRule,
    creator_account,
)
from vouch.domain.period_rules import RuleKey, Tally, settle_periods

seeds = st.integers(0, 2**32)
IN_TRANSIT_OF = creator_account(CREATOR, IN_TRANSIT)
MINUTE = timedelta(minutes=1)


def faults(history: History) -> list[str]:
    """How the account differs from a naive recount of everything that was posted."""
    balance, found = history.balance, list(history.wrong_figures)
    landed = [entry for entry in history.landed if entry.position and entry.position <= balance.watermark]
    for currency in CURRENCIES:
        sums, earned = balance.of(currency), total(landed, currency)
        recounted = theirs(landed, currency, until=balance.watermark)
        values = sum(account.value(entry) for entry in landed if entry.currency == currency)
        if {sums.available, sums.counted, values} != {recounted} or history.moved.get(currency, 0) != earned:
            found.append(f"{currency}: {sums}, moved {history.moved}, recounted {recounted} of {earned}")
        transit = sum(e.credited(IN_TRANSIT_OF) for e in [*landed, *history.beside] if e.currency == currency)
        paid = sum(account.paid(e) for e in [*landed, *history.beside] if e.currency == currency)
        if (sums.in_transit, sums.paid) != (transit, paid) or transit < 0 or (transit > 0) is not bool(sums.payout_id):
            found.append(f"{currency}: {sums}, in transit {transit}, paid {paid}")
        for final in history.finals:
            before = [account.value(e) for e in history.landed if e.currency == currency and _before(e, final)]
            expected = (sum(a for a in before if a > 0), -sum(a for a in before if a < 0))
            if (final.of(currency).credited, final.of(currency).debited) != expected:
                found.append(f"{currency}: before {final.zone_start} {final.of(currency)}, recounted {expected}")
    if (
        balance.unfinished
        or balance.tallies != tallied(landed)
        or balance.extras != settle_periods(tallied(landed), TERMS)
    ):
        found.append(f"counted {balance.tallies} with {balance.extras}, recounted {tallied(landed)}")
    return found


def _before(entry: Entry, balance: Balance) -> bool:
    return entry.position is not None and entry.position < balance.zone_start


def rules_of(history: History) -> set[RuleKey]:
    return {key for final in history.finals for key in final.extras}


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
    assert sum(life.unfinished for life in lives) > 30
    posted = [[final.extras.get(key) for final in life.finals] for life in lives for key in rules_of(life)]
    kinds = Counter(entry.kind for life in lives for entry in [*life.landed, *life.beside])
    assert min(kinds[kind] for kind in (PAYOUT, PAYOUT_SETTLED, PAYOUT_RELEASED, PAYOUT_RETURNED, ADJUSTMENT)) > 20
    assert sum(len({*amounts} - {None}) > 1 for amounts in posted) > 30, "capped, and capped otherwise"
    assert sum(amounts[-1] is None for amounts in posted) > 20, "capped or given a bonus for a while"


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


def test_a_zone_that_shrinks_while_a_clock_stands_still_is_worth_a_fold() -> None:
    early = posting(1, 5, "ILS", now=START, matures_at=START)
    now = START + timedelta(hours=1)
    once = account.fold(Balance(), [early], now, now)
    again = account.fold(once.balance, [early], now, now + IN_FLIGHT_MAX)
    assert (again.changed, again.balance.zone_start, again.balance.checkpoint) == (True, now, once.balance.checkpoint)
    assert (once.balance.version, again.balance.version) == (1, 2)


def test_currencies_never_meet() -> None:
    entries = [posting(1, 100, "ILS", now=START, matures_at=START), posting(2, 9, "JPY", now=START, matures_at=START)]
    assert account.fold(Balance(), entries, START, START).moved == {"ILS": 100, "JPY": 9}


def test_an_account_is_shown_with_what_is_pending_and_held_in_whatever_currencies() -> None:
    held = [posting(n, amount, "ILS", now=START, matures_at=START, held=True) for n, amount in enumerate((9, -2))]
    folded = Balance(sums={"ILS": Sums(available=1000, in_transit=50, paid=3, zone=70)})
    assert account.figures(folded, {"JPY": 5}, held) == {
        "ILS": Figures(held=7, available=1000, in_transit=50, paid=3),
        "JPY": Figures(pending=5),
    }


# --- caps and bonuses -------------------------------------------------------------------------------------------------


def test_what_a_fold_posts_is_counted_at_once_and_never_again() -> None:
    """Neither while it is read again as part of the zone, nor when the zone has gone by."""
    entries = [posting(n, 100, "ILS", now=START, matures_at=START, counted=PLACES[0], orders=1) for n in range(3)]
    folded = extended(account.fold(Balance(), entries, START, START))
    cap, bonus = PeriodRule("prg_1", "cap_per_period", "2026-01"), PeriodRule("prg_1", "bonuses.two", "2026-Q1")
    assert (folded.moved, folded.posted) == ({"ILS": 300}, {(bonus, "ILS"): 40, (cap, "ILS"): -260})
    assert folded.balance.of("ILS") == Sums(available=80, zone=80)
    entries += bonuses(folded)
    for day in range(1, 4):
        now = START + timedelta(days=day)
        read = [each for each in entries if (each.position or START) >= folded.balance.zone_start]
        folded = extended(account.fold(folded.balance, read, now, now))
        assert (folded.moved, folded.posted, folded.programs) == ({}, {}, frozenset())
    assert folded.balance.of("ILS") == Sums(available=80, credited=340, debited=260)
    assert folded.balance.tallies == {(PLACES[0], "ILS"): Tally(300, 3)}
    assert folded.balance.zone_tallies == {}


def test_an_order_that_comes_to_count_elsewhere_is_a_change_though_no_money_moves() -> None:
    before = posting(1, 400, "ILS", now=START, matures_at=START, counted=PLACES[0], orders=1)
    once = extended(account.fold(Balance(), [before], START, START))
    assert once.balance.of("ILS").available == 40
    moved = [
        posting(2, -400, "ILS", now=START, matures_at=START, counted=PLACES[0], orders=-1),
        posting(3, 400, "ILS", now=START, matures_at=START, counted=PLACES[2], orders=1),
    ]
    again = extended(account.fold(once.balance, [before, *bonuses(once), *moved], START, START))
    assert (again.moved, again.changed, again.balance.of("ILS").available) == ({}, True, 70)


def test_months_that_are_left_aside_are_as_if_they_were_in_flight() -> None:
    """Uncounted and unmoved, in whatever step, until their turn comes."""
    later = START + timedelta(hours=1)
    entries = [posting(n, 70, "ILS", now=later, matures_at=later, counted=each) for n, each in enumerate(PLACES)]
    entries += [posting(9, 5, "ILS", now=START, matures_at=START)]
    balance = account.fold(Balance(), entries[-1:], START, START).balance
    steps = []
    for _ in range(3):
        folded = extended(account.fold(balance, entries, later, later, months_max=1))
        balance = folded.balance
        entries += bonuses(folded)
        steps.append((folded.moved, balance.of("ILS").available, balance.unfinished, balance.zone_start == START))
    assert steps == [({"ILS": 140}, 75, True, False), ({"ILS": 140}, 85, False, True), ({}, 85, False, True)]


def test_a_fold_that_was_left_unfinished_is_finished_though_nothing_is_left_of_it() -> None:
    balance = Balance(START, START, None, version=3, unfinished=True)
    folded = account.fold(balance, [], START, START)
    assert (folded.changed, folded.balance.unfinished) == (True, False)

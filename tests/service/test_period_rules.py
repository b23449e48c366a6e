"""Caps and bonuses on a real engine: posted once, whatever fails and whoever folds; shown before they are posted."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest

from tests import books
from tests.books import NOA, PROGRAM, entry, post, refund, sell
from tests.faults.injection import kinds, tried
from tests.fixtures import NOON, Clock
from tests.wire import Wire
from vouch.domain.account import Balance, Figures
from vouch.domain.errors import Unavailable
from vouch.domain.ledger import BONUS, Counted
from vouch.domain.period_rules import Tally
from vouch.service import accounts, folds
from vouch.service.deployment import Deployment
from vouch.service.statements import statement
from vouch.service.verify import verify
from vouch.store import balances, ledger
from vouch.store.database import Overfull
from vouch.store.ledger import Found
from vouch.store.tables import Brand

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MAY = "2026-05"


def shekels(amount: int) -> dict[str, Any]:
    return {"amount": amount, "currency": "ILS"}


def cap(amount: int, period: str = "month") -> dict[str, Any]:
    return {"cap_per_period": shekels(amount) | {"period": period}}


def bonus(name: str, threshold: int, reward: int, measure: str = "orders", period: str = "month") -> dict[str, Any]:
    return {"id": name, "measure": measure, "threshold": threshold, "period": period, "reward": shekels(reward)}


CAP_AND_BONUS = cap(1000) | {"bonuses": [bonus("three", 3, 250)]}
EXPECTED = [("bonuses.three", MAY, 250), ("cap_per_period", MAY, -200)]
"""Of three orders that bring 400 each."""


def open_books(
    deployment: Deployment,
    periodic: dict[str, Any] | None = CAP_AND_BONUS,
    *,
    hold_days: int = 0,
    clock: datetime | None = None,
) -> Brand:
    return books.open_books(deployment, clock=clock, hold_days=hold_days, periodic=periodic)


def fold(deployment: Deployment, brand: Brand, now: datetime | None = None) -> Balance:
    return folds.fold_creator(deployment, brand.id, NOA, now or deployment.brand_now(brand))


def posted(deployment: Deployment, brand: Brand) -> list[tuple[str, str, int]]:
    """What folds have posted for rules, sorted: rule, period and amount."""
    found = [item.entry for item in everything(deployment, brand) if item.entry.kind == BONUS]
    return sorted((each.rule.rule, each.rule.period, -each.legs[1].amount) for each in found if each.rule)


def everything(deployment: Deployment, brand: Brand) -> list[Found]:
    return [item for item in ledger.everything(deployment.database, brand.id, NOA) if isinstance(item, Found)]


def available(deployment: Deployment, brand: Brand) -> int:
    return accounts.balances(deployment, brand, NOA).get("ILS", Figures()).available


def assert_sound(deployment: Deployment, brand: Brand) -> None:
    assert verify(deployment, brand).violations == []


def test_a_month_s_orders_are_capped_together_and_refunds_give_back(deployment: Deployment, clock: Clock) -> None:
    brand = open_books(deployment)
    for number in range(3):
        sell(deployment, brand, f"{number}", 4000)
        clock.pass_(HOUR)
    fold(deployment, brand)
    assert posted(deployment, brand) == EXPECTED
    assert available(deployment, brand) == 1250
    assert_sound(deployment, brand)

    clock.pass_(HOUR)
    refund(deployment, brand, "1", 4000)
    clock.pass_(HOUR)
    assert fold(deployment, brand).of("ILS").available == 800
    given_back = [("bonuses.three", MAY, -250), ("cap_per_period", MAY, 200)]
    assert posted(deployment, brand) == sorted(EXPECTED + given_back)
    assert_sound(deployment, brand)


def test_a_month_is_that_of_the_order_however_late_it_is_known(deployment: Deployment) -> None:
    brand = open_books(deployment)
    for number, day in enumerate((-4, -3, 0)):  # April 30, May 1, May 4
        sell(deployment, brand, f"{number}", 11_000, placed_at=NOON + day * DAY)
    fold(deployment, brand)
    assert posted(deployment, brand) == [("cap_per_period", "2026-04", -100), ("cap_per_period", MAY, -1200)]


def test_balances_are_capped_before_any_fold_and_pending_is_not(deployment: Deployment, clock: Clock) -> None:
    brand = open_books(deployment, hold_days=2)
    for number in range(4):
        sell(deployment, brand, f"{number}", 4000)
    assert accounts.balances(deployment, brand, NOA) == {"ILS": Figures(pending=1600)}
    clock.pass_(3 * DAY)
    shown = accounts.balances(deployment, brand, NOA)
    assert shown == {"ILS": Figures(available=1250)}
    assert posted(deployment, brand) == []
    fold(deployment, brand)
    assert accounts.balances(deployment, brand, NOA) == shown


def test_what_balances_say_the_statement_says_once_it_is_folded(deployment: Deployment, clock: Clock) -> None:
    brand = open_books(deployment)
    for number in range(4):
        sell(deployment, brand, f"{number}", 4000)
        clock.pass_(DAY)
        fold(deployment, brand)
        assert statement(deployment, brand, NOA, "ILS").closing == available(deployment, brand)
    shown = statement(deployment, brand, NOA, "ILS")
    assert shown.closing == shown.entries[-1].balance == 1250
    [cut] = [line for line in shown.entries if line.amount == -400]
    assert (cut.kind, cut.program_id, cut.rule, cut.period) == ("bonus", PROGRAM, "cap_per_period", MAY)
    assert (shown.totals.credited, shown.totals.debited) == (1600 + 250, 600)


def test_what_was_sold_before_the_first_cap_counts_under_it(deployment: Deployment, clock: Clock) -> None:
    """800 were earned without a cap, so one of 900 leaves room for 100, in whatever steps it is folded."""
    for name, early in (("once", False), ("twice", True)):
        brand = books.open_books(deployment, name, hold_days=0)
        sell(deployment, brand, "1", 8000)
        if early:
            fold(deployment, brand)
        clock.pass_(DAY)
        books.publish(brand, clock.now, hold_days=0, periodic=cap(900))
        assert available(deployment, brand) == 800
        sell(deployment, brand, "2", 9000)
        assert available(deployment, brand) == 900
        fold(deployment, brand)
        assert posted(deployment, brand) == [("cap_per_period", MAY, -800)]
        assert_sound(deployment, brand)


def test_orders_of_years_before_the_first_bonus_count_toward_it(deployment: Deployment, clock: Clock) -> None:
    brand = open_books(deployment, periodic=None)
    for number in range(3):
        sell(deployment, brand, f"{number}", 1000, placed_at=NOON - number * 400 * DAY)
    fold(deployment, brand)
    clock.pass_(HOUR)
    four = {"bonuses": [bonus("four", 4, 250, period="lifetime")]}
    books.publish(brand, clock.now, hold_days=0, periodic=four)
    assert available(deployment, brand) == 300
    sell(deployment, brand, "4", 1000)
    assert available(deployment, brand) == 650
    fold(deployment, brand)
    assert posted(deployment, brand) == [("bonuses.four", "lifetime", 250)]
    assert_sound(deployment, brand)


def test_versions_count_by_when_they_are_in_force_whatever_their_numbers(deployment: Deployment, clock: Clock) -> None:
    """The second one is scheduled; the third, published later, goes before it, and what it has kept stays kept."""
    brand = open_books(deployment, cap(10_000))
    books.publish(brand, NOON + 16 * DAY, hold_days=0, periodic=cap(300))
    books.publish(brand, NOON + 6 * DAY, hold_days=0, periodic=cap(1_000))
    clock.pass_(20 * DAY)
    sell(deployment, brand, "by the third", 8000, placed_at=NOON + 8 * DAY)
    sell(deployment, brand, "by the second", 3000, placed_at=NOON + 18 * DAY)
    assert available(deployment, brand) == 800
    balance = fold(deployment, brand)
    assert {(counted.terms_version, tally.amount) for (counted, _), tally in balance.tallies.items()} == {
        (3, 800),
        (2, 300),
    }
    assert posted(deployment, brand) == [("cap_per_period", MAY, -300)]
    assert_sound(deployment, brand)


def test_programs_without_caps_and_bonuses_cost_the_sums_of_a_month(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are kept for the rules of later versions; what is not new is neither read again nor written."""
    brand = open_books(deployment, periodic=None)
    sell(deployment, brand, "1", 4000)
    deployment.unchanging.clear()
    wire = Wire(monkeypatch)
    fold(deployment, brand)
    fold(deployment, brand)
    accounts.balances(deployment, brand, NOA)
    reads = ["Query", "Query"]
    assert [operation for operation, _ in wire.sent] == [
        *(*reads, "BatchGetItem", "TransactWriteItems"),
        *reads,
        *reads,
    ]
    puts = [write["Put"]["Item"]["sk"]["S"].split("#")[0] for write in wire.sent[3][1]["TransactItems"]]
    assert puts == ["BAL", "CAP", "F"]


def test_terms_are_read_where_there_is_something_new_to_count_and_once(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    brand = open_books(deployment)
    sell(deployment, brand, "1", 4000)
    deployment.unchanging.clear()
    wire = Wire(monkeypatch)
    fold(deployment, brand)
    sell(deployment, brand, "2", 4000)
    seen = len(wire.sent)
    fold(deployment, brand)
    accounts.balances(deployment, brand, NOA)
    reads = [operation for operation, _ in wire.sent]
    assert reads[:4] == ["Query", "Query", "BatchGetItem", "TransactWriteItems"]
    assert reads[seen:] == ["Query", "Query", "TransactWriteItems", "Query", "Query"]


# --- whatever fails ---------------------------------------------------------------------------------------------------

A_FOLD = ("Query", "Query", "BatchGetItem", "TransactWriteItems")


@pytest.mark.parametrize(
    "number, kind", [(number, kind) for number, operation in enumerate(A_FOLD, start=1) for kind in kinds(operation)]
)
def test_whatever_fails_at_whichever_call_and_comes_again_an_hour_later_is_posted_once(
    deployment: Deployment, clock: Clock, number: int, kind: str
) -> None:
    brand = open_books(deployment)
    post(brand, *(entry(400, now=NOON - n * HOUR, month=MAY) for n in range(3)))
    calls = tried(deployment, number, kind, lambda: fold(deployment, brand))
    assert calls[:number] == [*A_FOLD[:number]]
    clock.pass_(HOUR)
    balance = fold(deployment, brand)
    assert posted(deployment, brand) == EXPECTED
    assert (balance.of("ILS").available, balance.tallies) == (
        1250,
        {(Counted(PROGRAM, 1, MAY), "ILS"): Tally(1200, 3)},
    )
    clock.pass_(HOUR)
    assert fold(deployment, brand).extras == balance.extras
    assert len(posted(deployment, brand)) == 2


def test_a_settlement_whose_answer_was_lost_counts_once(deployment: Deployment, clock: Clock) -> None:
    """Redelivered an hour later it finds itself; no second entry, so no second order towards the bonus."""
    brand = open_books(deployment)
    for number in range(2):
        sell(deployment, brand, f"{number}", 1000)
    at = clock.now
    calls = tried(deployment, 0, "", lambda: sell(deployment, brand, "counted", 1000))
    assert calls[-1] == "TransactWriteItems"
    tried(deployment, len(calls), "crash after", lambda: sell(deployment, brand, "2", 1000, placed_at=at))
    clock.pass_(HOUR)
    sell(deployment, brand, "2", 1000, placed_at=at)
    assert fold(deployment, brand).tallies == {(Counted(PROGRAM, 1, MAY), "ILS"): Tally(400, 4)}


# --- more than a transaction takes ------------------------------------------------------------------------------------

YEARS = [f"{year}-{month:02}" for year in range(2018, 2026) for month in range(1, 13)]


def test_many_months_are_folded_in_steps_of_one_moment(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test brand whose clock stands still may be told of years at once."""
    brand = open_books(deployment, clock=NOON)
    post(brand, *(entry(1500, now=NOON, month=month) for month in YEARS), entry(7, now=NOON))
    wire = Wire(monkeypatch)
    balance = fold(deployment, brand)
    writes = [asked["TransactItems"] for operation, asked in wire.sent if operation == "TransactWriteItems"]
    assert len(writes) == 4
    assert all(len(each) <= 100 for each in writes)
    assert (balance.of("ILS").available, balance.unfinished) == (96_007, False)
    assert posted(deployment, brand) == [("cap_per_period", month, -500) for month in YEARS]
    assert_sound(deployment, brand)


def test_where_a_month_brings_many_entries_the_steps_are_shorter(deployment: Deployment) -> None:
    many = cap(1000, "year") | {"bonuses": [bonus(f"b{n}", 1, 10) for n in range(20)]}
    brand = open_books(deployment, many)
    post(brand, *(entry(1500, now=NOON, month=month) for month in YEARS[:12]))
    assert fold(deployment, brand).of("ILS").available == 1000 + 12 * 20 * 10
    assert len(posted(deployment, brand)) == 12 * 20 + 4, "the year's cut as far as it was known in each step"
    assert_sound(deployment, brand)


def test_a_month_that_alone_is_too_much_is_told_of(deployment: Deployment) -> None:
    brand = open_books(deployment, periodic={"bonuses": [bonus(f"b{n}", 1, 10) for n in range(98)]})
    post(brand, entry(1500, now=NOON, month=MAY))
    with pytest.raises(Overfull):
        fold(deployment, brand)


def test_whoever_died_between_two_steps_has_left_sound_books(deployment: Deployment, clock: Clock) -> None:
    brand = open_books(deployment)
    post(brand, *(entry(1500, now=NOON - 40 * DAY, ahead=40 * DAY, month=month) for month in YEARS))
    tried(deployment, 4, "crash after", lambda: fold(deployment, brand))
    assert balances.read(deployment.database, brand.id, NOA).unfinished
    assert len(posted(deployment, brand)) == 24
    assert_sound(deployment, brand)
    assert available(deployment, brand) == 96_000
    clock.pass_(DAY)
    assert fold(deployment, brand).of("ILS").available == 96_000
    assert_sound(deployment, brand)


def test_what_a_fold_posts_is_dated_by_the_fold_s_own_turn(deployment: Deployment, clock: Clock) -> None:
    """A round may be hours old, even of last month: nothing may be dated back into that."""
    brand = open_books(deployment)
    post(brand, entry(1500, now=NOON, month=MAY))
    books.note_due(deployment, brand)
    began = clock.now
    clock.pass_(5 * HOUR)
    folds.fold_due(deployment, brand, began)
    assert [item.entry.position for item in everything(deployment, brand) if item.entry.kind == BONUS] == [clock.now]


# --- all at once ------------------------------------------------------------------------------------------------------


def test_300_orders_and_refunds_by_many_while_others_fold(deployment: Deployment) -> None:
    """The account is never above what the cap allows after any fold, and ends as the orders add up."""
    brand = open_books(deployment, periodic=cap(3000) | {"bonuses": [bonus("fifty", 50, 777, period="quarter")]})
    seconds, done, chance = count(), threading.Event(), random.Random(7)
    deployment.now = lambda: NOON + next(seconds) * timedelta(milliseconds=1)
    placed = [NOON - chance.randrange(120) * DAY for _ in range(200)]
    work = [*range(200), *(chance.randrange(200) + 1000 for _ in range(100))]
    chance.shuffle(work)
    highest: list[tuple[int, int]] = []

    def tell(number: int) -> None:
        if number < 1000:
            sell(deployment, brand, f"{number}", 1000, placed_at=placed[number])
        else:
            refund(deployment, brand, f"{number - 1000}", 400)

    def keep_folding(_: int) -> None:
        while not done.is_set():
            with suppress(Unavailable):
                balance = fold(deployment, brand)
                months = {counted.month for counted, _ in balance.tallies}
                bonus = sum(amount for amount in balance.extras.values() if amount > 0)
                highest.append((balance.of("ILS").available, 3000 * len(months) + bonus))

    with ThreadPoolExecutor(8) as pool:
        folders = [pool.submit(keep_folding, n) for n in range(2)]
        tellers = [pool.submit(tell, number) for number in work]
        for teller in tellers:
            teller.result()
        done.set()
        for folder in folders:
            folder.result()
    assert len(highest) > 10
    assert all(there <= allowed for there, allowed in highest)

    balance = fold(deployment, brand)
    by_hand: dict[str, Tally] = {}
    for number in range(200):
        net = max(0, 100 - 40 * work.count(number + 1000))
        month = f"{placed[number]:%Y-%m}"
        by_hand[month] = by_hand.get(month, Tally()) + Tally(net, int(net > 0))
    assert {counted.month: tally for (counted, _), tally in balance.tallies.items()} == by_hand
    kept = sum(min(3000, tally.amount) for tally in by_hand.values())
    bonus_paid = sum(amount for (rule, _), amount in balance.extras.items() if rule.rule == "bonuses.fifty")
    assert balance.of("ILS").available == kept + bonus_paid == available(deployment, brand)
    assert statement(deployment, brand, NOA, "ILS").closing == kept + bonus_paid
    assert_sound(deployment, brand)

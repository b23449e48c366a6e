"""Folds on a real engine: once each, whoever else folds, whatever fails, and however late a posting lands."""

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial

import pytest

from tests import books
from tests.books import DANA, NOA, entry, post
from tests.faults.injection import kinds, tried
from tests.fixtures import NOON, Clock
from tests.running_clock import RunningClock, every_ten_minutes
from vouch.domain import account
from vouch.domain.account import Balance, Sums
from vouch.domain.errors import Unavailable
from vouch.domain.ledger import FOLD, Unbalanced
from vouch.service import clocks, folds
from vouch.service.deployment import Deployment
from vouch.service.turns import Done, Turn
from vouch.store import balances, figures, ledger
from vouch.store.ledger import Found
from vouch.store.tables import Brand, Due

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def balance_of(deployment: Deployment, brand: Brand, creator_id: str = NOA) -> Balance:
    return balances.read(deployment.database, brand.id, creator_id)


def fold_entries(deployment: Deployment, brand: Brand) -> list[tuple[str, int]]:
    found = ledger.everything(deployment.database, brand.id, NOA)
    return [
        (item.entry.currency, -account.due(item.entry))
        for item in found
        if isinstance(item, Found) and item.entry.kind == FOLD
    ]


def noted(deployment: Deployment, brand: Brand) -> list[str]:
    return [row.sk for row in deployment.database.query(Due, f"{brand.id}#DUE")]


def project(deployment: Deployment, brand: Brand) -> None:
    books.note_due(deployment, brand, NOA, DANA)


def test_a_fold_takes_what_has_matured_in_each_currency_and_leaves_the_rest(deployment: Deployment) -> None:
    brand = books.open_books(deployment)
    post(brand, entry(100, now=NOON), entry(7, now=NOON, currency="JPY"), entry(40, now=NOON, ahead=HOUR))
    post(brand, entry(5, now=NOON, held=True), entry(1, now=NOON, creator_id=DANA))
    folds.fold_creator(deployment, brand.id, NOA, NOON)
    balance = balance_of(deployment, brand)
    assert {currency: sums.available for currency, sums in balance.sums.items()} == {"ILS": 100, "JPY": 7}
    assert (balance.watermark, balance.version) == (NOON, 1)
    assert fold_entries(deployment, brand) == [("ILS", 100), ("JPY", 7)]


def test_folding_again_at_the_same_moment_changes_nothing(deployment: Deployment) -> None:
    brand = books.open_books(deployment)
    post(brand, entry(100, now=NOON))
    once = folds.fold_creator(deployment, brand.id, NOA, NOON)
    assert folds.fold_creator(deployment, brand.id, NOA, NOON) == once == balance_of(deployment, brand)
    assert fold_entries(deployment, brand) == [("ILS", 100)]


def test_a_test_clock_that_stands_still_for_hours_loses_nothing(deployment: Deployment, clock: Clock) -> None:
    brand = books.open_books(deployment, clock=NOON)
    for amount in (100, 20, 3):
        post(brand, entry(amount, now=NOON))
        folds.fold_creator(deployment, brand.id, NOA, NOON)
        clock.pass_(2 * HOUR)
    assert fold_entries(deployment, brand) == [("ILS", 100), ("ILS", 20), ("ILS", 3)]
    assert balance_of(deployment, brand).of("ILS").available == 123


def test_a_straggler_is_folded_once(deployment: Deployment, clock: Clock) -> None:
    brand = books.open_books(deployment)
    straggler = entry(9, now=NOON - MINUTE)
    post(brand, entry(100, now=NOON - HOUR))
    folds.fold_creator(deployment, brand.id, NOA, NOON)
    clock.pass_(10 * MINUTE)
    post(brand, straggler)
    for _ in range(4):
        clock.pass_(DAY)
        post(brand, entry(1, now=clock.now))
        folds.fold_creator(deployment, brand.id, NOA, clock.now)
    assert fold_entries(deployment, brand) == [("ILS", 100), ("ILS", 10), ("ILS", 1), ("ILS", 1), ("ILS", 1)]
    assert balance_of(deployment, brand).of("ILS") == Sums(available=113, credited=111, zone=2)


def test_a_fold_never_goes_back(deployment: Deployment) -> None:
    brand = books.open_books(deployment)
    post(brand, entry(100, now=NOON))
    folds.fold_creator(deployment, brand.id, NOA, NOON)
    post(brand, entry(5, now=NOON - HOUR))
    assert folds.fold_creator(deployment, brand.id, NOA, NOON - HOUR).watermark == NOON
    assert balance_of(deployment, brand).of("ILS").available == 105


A_FOLD = ("Query", "Query", "TransactWriteItems")


@pytest.mark.parametrize(
    "number, kind", [(number, kind) for number, operation in enumerate(A_FOLD, start=1) for kind in kinds(operation)]
)
def test_whatever_fails_at_whichever_call_the_next_try_ends_with_the_same_books(
    deployment: Deployment, number: int, kind: str
) -> None:
    brand = books.open_books(deployment)
    post(brand, entry(100, now=NOON), entry(-7, now=NOON, currency="JPY"))
    calls = tried(deployment, number, kind, lambda: folds.fold_creator(deployment, brand.id, NOA, NOON))
    assert calls[:number] == [*A_FOLD[:number]]
    folds.fold_creator(deployment, brand.id, NOA, NOON)
    assert fold_entries(deployment, brand) == [("ILS", 100), ("JPY", -7)]
    balance = balance_of(deployment, brand)
    assert (balance.of("ILS").available, balance.of("JPY").available, balance.version) == (100, -7, 1)


@pytest.mark.parametrize("brand_now", [lambda real: real, every_ten_minutes], ids=["real time", "test clock"])
def test_twenty_threads_posting_and_folding_count_every_entry_once(
    deployment: Deployment, brand_now: Callable[[datetime], datetime]
) -> None:
    brand, clock = books.open_books(deployment), RunningClock()
    deployment.now = clock
    done, folded = threading.Event(), threading.Semaphore(0)

    def write(number: int) -> dict[str, int]:
        chance, sums = random.Random(number), {"ILS": 0, "JPY": 0}
        while not done.is_set():
            with clock.in_flight(brand_now) as now:
                currency, amount = chance.choice(["ILS", "JPY"]), chance.choice([-3, 1, 50])
                posted = entry(amount, now=now, currency=currency, ahead=chance.choice([0, 0, 5]) * MINUTE)
                time.sleep(chance.choice([0, 0.05, chance.uniform(0, 2)]))
                post(brand, posted)
            sums[currency] += amount
        return sums

    def fold(_: int) -> None:
        while not done.is_set():
            with suppress(Unavailable):  # who lost every race
                folds.fold_creator(deployment, brand.id, NOA, brand_now(clock()))
                folded.release()

    with ThreadPoolExecutor(20) as pool:
        writers, folders = [pool.submit(write, n) for n in range(14)], [pool.submit(fold, n) for n in range(6)]
        deadline = time.monotonic() + 600  # a busy machine needs longer
        while balance_of(deployment, brand).zone_start <= NOON and time.monotonic() < deadline:
            time.sleep(0.2)
        enough = all(folded.acquire(timeout=600) for _ in range(25))
        done.set()
        written = [writer.result() for writer in writers]
        for folder in folders:
            folder.result()
    assert enough

    folds.fold_creator(deployment, brand.id, NOA, brand_now(clock()) + DAY)
    balance = balance_of(deployment, brand)
    assert balance.zone_start > NOON, "else the zone was never let go, and nothing was tried"
    for currency in ("ILS", "JPY"):
        posted = sum(sums[currency] for sums in written)
        assert balance.of(currency).available == posted
        assert sum(amount for each, amount in fold_entries(deployment, brand) if each == currency) == posted


# --- the daily job ----------------------------------------------------------------------------------------------------


def test_the_daily_job_folds_who_is_due_and_forgets_the_days_that_passed(deployment: Deployment) -> None:
    brand = books.open_books(deployment)
    post(brand, entry(100, now=NOON, ahead=DAY), entry(8, now=NOON, ahead=2 * DAY, creator_id=DANA))
    project(deployment, brand)
    assert noted(deployment, brand) == [f"2026-05-05#{NOA}", f"2026-05-06#{DANA}"]
    assert folds.fold_due(deployment, brand, NOON + DAY) == Turn(None, [])
    assert balance_of(deployment, brand).of("ILS").available == 100
    assert balance_of(deployment, brand, DANA) == Balance()
    assert noted(deployment, brand) == [f"2026-05-05#{NOA}", f"2026-05-06#{DANA}"], "its day is not over"
    assert folds.fold_due(deployment, brand, NOON + 2 * DAY) == Turn(None, [])
    assert balance_of(deployment, brand, DANA).of("ILS").available == 8
    assert noted(deployment, brand) == [f"2026-05-06#{DANA}"]


def test_a_day_that_was_missed_or_noted_late_is_still_folded(deployment: Deployment) -> None:
    brand = books.open_books(deployment)
    folds.fold_due(deployment, brand, NOON + 9 * DAY)
    post(brand, entry(100, now=NOON))
    project(deployment, brand)
    folds.fold_due(deployment, brand, NOON + 9 * DAY)
    assert balance_of(deployment, brand).of("ILS").available == 100
    assert noted(deployment, brand) == []


def test_a_creator_noted_again_while_we_fold_stays_noted(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    brand = books.open_books(deployment)
    post(brand, entry(100, now=NOON))
    project(deployment, brand)
    fold = folds.fold_creator

    def fold_and_miss(*arguments: object) -> Balance:
        balance = fold(*arguments)  # type: ignore[arg-type]
        post(brand, entry(9, now=NOON))
        project(deployment, brand)
        return balance

    with monkeypatch.context() as patch:
        patch.setattr(folds, "fold_creator", fold_and_miss)
        folds.fold_due(deployment, brand, NOON + DAY)
    assert noted(deployment, brand) == [f"2026-05-04#{NOA}"]
    folds.fold_due(deployment, brand, NOON + DAY)
    assert (balance_of(deployment, brand).of("ILS").available, noted(deployment, brand)) == (109, [])


def test_the_daily_job_may_run_beside_itself(deployment: Deployment) -> None:
    brand = books.open_books(deployment)
    post(brand, *(entry(number, now=NOON) for number in range(1, 30)))
    project(deployment, brand)
    with ThreadPoolExecutor(4) as pool:
        turns = list(pool.map(lambda _: folds.fold_due(deployment, brand, NOON + DAY), range(4)))
    assert turns == [Turn(None, [])] * 4
    assert fold_entries(deployment, brand) == [("ILS", 435)]
    assert noted(deployment, brand) == []


def test_the_job_stopped_anywhere_is_finished_by_the_next(deployment: Deployment) -> None:
    brand = books.open_books(deployment)
    calls: list[str] = []
    for number in range(12):
        post(brand, entry(100, now=NOON), entry(1, now=NOON, creator_id=DANA))
        project(deployment, brand)
        calls = tried(deployment, number + 1, "crash after", lambda: folds.fold_due(deployment, brand, NOON + DAY))
        folds.fold_due(deployment, brand, NOON + DAY)
        assert balance_of(deployment, brand).of("ILS").available == 100 * (number + 1)
        assert balance_of(deployment, brand, DANA).of("ILS").available == number + 1
        assert noted(deployment, brand) == []
    assert len(calls) < 12, "else some call was never broken"


def test_each_brand_is_folded_once_a_day(deployment: Deployment, clock: Clock) -> None:
    brand = books.open_books(deployment)
    always = lambda: True  # noqa: E731 - shorter than its use
    assert folds.fold_brands(deployment, in_time=always) == Done(1)
    assert folds.fold_brands(deployment, in_time=always) == Done(0)
    clock.now = datetime.combine(NOON.date(), datetime.min.time(), NOON.tzinfo) + DAY
    post(brand, entry(100, now=NOON))
    project(deployment, brand)
    assert folds.fold_brands(deployment, in_time=always) == Done(1)
    assert balance_of(deployment, brand).of("ILS").available == 100


def test_a_brand_whose_clock_was_moved_lives_by_it_alone(deployment: Deployment) -> None:
    brand = books.open_books(deployment, clock=NOON - 60 * DAY)
    post(brand, entry(100, now=NOON - 60 * DAY, ahead=DAY))
    project(deployment, brand)
    assert folds.fold_brands(deployment, in_time=lambda: True) == Done(0)
    assert balance_of(deployment, brand) == Balance()


def folded_in_turn(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Who was folded, as it happens."""
    seen: list[str] = []
    fold = folds.fold_creator

    def noted_fold(deployment: Deployment, brand_id: str, creator_id: str, now: datetime) -> Balance:
        seen.append(creator_id)
        return fold(deployment, brand_id, creator_id, now)

    monkeypatch.setattr(folds, "fold_creator", noted_fold)
    return seen


def test_what_there_is_no_time_for_the_next_hour_goes_on_with(
    deployment: Deployment, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though today's rows stay: each account has its turn, whatever a job has time for."""
    brand = books.open_books(deployment)
    creators = [f"cre_{number}" for number in range(5)]
    post(brand, *(entry(100, now=NOON, creator_id=creator_id) for creator_id in creators))
    for creator_id in creators:
        figures.put_due(deployment.database, brand.id, NOON.date(), creator_id, "mark")
    seen = folded_in_turn(monkeypatch)
    hours: list[int] = []
    while not any(hours):
        left = iter([True, True])  # to begin, and for one account more
        hours.append(folds.fold_brands(deployment, in_time=partial(next, left, False)).rounds)
        clock.pass_(HOUR)
    assert hours == [0, 0, 1]
    assert seen == creators
    assert len(noted(deployment, brand)) == 5


def test_a_day_that_began_before_midnight_is_ended_first_and_its_successor_begun_at_once(
    deployment: Deployment, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    brand = books.open_books(deployment)
    post(brand, entry(100, now=NOON), entry(8, now=NOON, creator_id=DANA))
    project(deployment, brand)
    left = iter([True])
    assert folds.fold_brands(deployment, in_time=lambda: next(left, False)) == Done(0)
    clock.pass_(DAY)
    seen = folded_in_turn(monkeypatch)
    assert folds.fold_brands(deployment, in_time=lambda: True) == Done(1)
    assert len(seen) == 1
    assert len(noted(deployment, brand)) == 2, "what was the round's own day"
    assert folds.fold_brands(deployment, in_time=lambda: True) == Done(1)
    assert noted(deployment, brand) == []


def test_a_clock_moved_again_to_the_same_moment_goes_on(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    brand = books.open_books(deployment, clock=NOON)
    creators = [f"cre_{number}" for number in range(3)]
    for creator_id in creators:
        post(brand, entry(100, now=NOON, ahead=DAY, creator_id=creator_id))
        figures.put_due(deployment.database, brand.id, (NOON + DAY).date(), creator_id, "mark")
    seen = folded_in_turn(monkeypatch)
    moved = [clocks.moved(deployment, brand, NOON + DAY, in_time=lambda: False) for _ in creators]
    assert (moved, seen) == ([False, False, True], creators)
    assert clocks.moved(deployment, brand, NOON + DAY, in_time=lambda: True)
    assert seen == 2 * creators, "once more from the beginning: entries may have come since"
    assert not clocks.moved(deployment, brand, NOON + 2 * DAY, in_time=lambda: False)
    assert clocks.moved(deployment, brand, NOON + 3 * DAY, in_time=lambda: True)
    assert seen == [*2 * creators, creators[0], *creators[1:]], "another moment is another round; one day is over"


def test_an_account_that_cannot_be_folded_keeps_back_no_other(deployment: Deployment) -> None:
    """It is told of, and tried again every hour."""
    brand, other = books.open_books(deployment), books.open_books(deployment, "other")
    garbled = ledger.item(brand.id, entry(100, now=NOON))
    garbled.legs = [["expense:commission", 5]]
    garbled.save()
    post(brand, entry(8, now=NOON, creator_id=DANA))
    post(other, entry(9, now=NOON))
    for each in (brand, other):
        project(deployment, each)
    for rounds in (2, 1):
        done = folds.fold_brands(deployment, in_time=lambda: True)
        assert (done.rounds, [type(failure) for failure in done.failures]) == (rounds, [Unbalanced])
    assert balance_of(deployment, brand, DANA).of("ILS").available == 8
    assert balance_of(deployment, other).of("ILS").available == 9


def test_a_row_is_removed_only_as_it_was_read(deployment: Deployment) -> None:
    brand = books.open_books(deployment)
    figures.put_due(deployment.database, brand.id, NOON.date(), NOA, "one")
    [(_, row)] = figures.due(deployment.database, brand.id, NOON.date())
    figures.put_due(deployment.database, brand.id, NOON.date(), NOA, "two")
    figures.done(deployment.database, row)
    assert len(noted(deployment, brand)) == 1

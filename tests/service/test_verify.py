"""The checker: sound books are sound, however busy; each hand at the tables is found, and called by its name."""

import json
import threading
import zlib
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests import books
from tests.books import DANA, NOA, decide, entry, post, refund, sell
from tests.fixtures import NOON, Clock
from vouch.domain import account, times
from vouch.domain.invariants import Violation
from vouch.domain.ledger import Entry
from vouch.service import brands, folds
from vouch.service.deployment import Deployment
from vouch.service.turns import Time
from vouch.service.verify import Cursor, Report, verify
from vouch.store import balances, ledger
from vouch.store.database import Database
from vouch.store.tables import Balance, Brand, Commission, EntryItem, Order, PeriodSums, TermsVersion

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def brand(deployment: Deployment, clock: Clock) -> Brand:
    """Books with everything in them: matured, pending, refunded, held and released orders, and several folds."""
    opened = books.open_books(deployment, hold_days=2)
    for day in range(6):
        sell(deployment, opened, f"{day}", 1000 + day)
        sell(deployment, opened, f"{day}b", 500, to=DANA)
        clock.pass_(DAY)
        folds.fold_creator(deployment, opened.id, NOA, clock.now)
    refund(deployment, opened, "0", 400)
    refund(deployment, opened, "5", 100)
    decide(deployment, opened, "4", "hold")
    decide(deployment, opened, "1", "hold")
    clock.pass_(HOUR)
    decide(deployment, opened, "1", "approve")
    clock.pass_(HOUR)
    folds.fold_creator(deployment, opened.id, NOA, clock.now)
    return opened


def found(deployment: Deployment, brand: Brand) -> set[tuple[str, str]]:
    """Which invariants, and of whom (the creator or the order; where on the account is left out)."""
    report = verify(deployment, brand)
    assert report.next_cursor is None
    assert report.ok is not bool(report.violations)
    return {(violation.invariant, violation.subject.split(" ")[0]) for violation in report.violations}


def items(deployment: Deployment, brand: Brand, prefix: str) -> list[EntryItem]:
    key = ledger.account_key(brand.id, NOA)
    return list(deployment.database.query(EntryItem, key, EntryItem.sk.startswith(prefix)))


def test_sound_books_are_sound(deployment: Deployment, brand: Brand) -> None:
    report = verify(deployment, brand)
    assert report.violations == []
    assert report.next_cursor is None
    held = len([item for creator in (NOA, DANA) for item in ledger.everything(deployment.database, brand.id, creator)])
    assert report.checked == held + 12 + 12, "entries, commissions, orders"


def test_books_without_anything_are_sound(deployment: Deployment) -> None:
    report = verify(deployment, books.open_books(deployment))
    assert (report.violations, report.checked, report.next_cursor) == ([], 0, None)


# --- one hand at the tables, one name for what it broke ---------------------------------------------------------------


def put(deployment: Deployment, brand: Brand, posted: Entry, **changes: Any) -> None:
    """An entry with something wrong in it."""
    item = ledger.item(brand.id, posted)
    for name, value in changes.items():
        setattr(item, name, value)
    item.save()


def edit_balance(deployment: Deployment, brand: Brand, creator_id: str = NOA, **changes: Any) -> None:
    """Adds to sums of the creator's balance, or sets its watermark."""
    stored = deployment.database.get(Balance, f"{brand.id}#C#{creator_id}", balances.SORT_KEY)
    assert stored is not None
    places = ("available", "in_transit", "paid", "credited", "debited", "zone")
    for name, value in changes.items():
        if name in places:
            sums = stored.state["ccy"]["ILS"]
            sums[places.index(name)] += value
            stored.state["ccy"]["ILS"] = [*sums, None, stored.state["w"]] if sums[0] < 0 else sums
        else:
            stored.state[name] = value
    stored.save()


def commission_of(deployment: Deployment, brand: Brand, number: str) -> Commission:
    found = deployment.database.get(Commission, f"{brand.id}#O#{order(brand, number)}", f"C#{NOA}")
    assert found is not None
    return found


def order(brand: Brand, number: str) -> str:
    return books.target(brand, number).order_id


def ahead(deployment: Deployment, amount: int = 9) -> Entry:
    return entry(amount, now=deployment.now(), ahead=HOUR)


def raise_a_commission(deployment: Deployment, brand: Brand) -> None:
    item = commission_of(deployment, brand, "3")
    item.earned += 1
    item.save()


def turn_a_commission_upside_down(deployment: Deployment, brand: Brand) -> None:
    """Its net stays what it was."""
    item = commission_of(deployment, brand, "0")
    item.earned, item.reversed = item.earned - 50, item.reversed - 50
    item.save()


def lose_an_entry(deployment: Deployment, brand: Brand) -> None:
    next(item for item in items(deployment, brand, "E#") if item.order_id == order(brand, "5")).delete()


def forget_what_was_posted(deployment: Deployment, brand: Brand) -> None:
    item = deployment.database.get(Order, f"{brand.id}#O#{order(brand, '3')}", "O")
    assert item is not None
    summary, _, *rest = item.lines
    item.packed = zlib.compress("\n".join((summary, "[]", *rest)).encode())
    item.save()


def garble_an_order(deployment: Deployment, brand: Brand) -> None:
    item = deployment.database.get(Order, f"{brand.id}#O#{order(brand, '3')}", "O")
    assert item is not None
    item.packed = b"no zlib"
    item.save()


def rename_a_fold(deployment: Deployment, brand: Brand) -> None:
    item = items(deployment, brand, "F#")[0]
    item.id = item.id[::-1]
    item.save()


def repeat_an_entry(deployment: Deployment, brand: Brand) -> None:
    """As a retry whose key held another `now` would."""
    posted = ahead(deployment)
    post(brand, posted)
    put(deployment, brand, posted, sk=ledger.item(brand.id, posted).sk.replace("T15:", "T16:"))


def antedate_an_entry(deployment: Deployment, brand: Brand) -> None:
    later = deployment.now() + HOUR
    deployment.now = lambda: later
    put(deployment, brand, entry(9, now=later - HOUR / 2), posted_at=times.text(later))


def never() -> bool:
    return False


Hand = Callable[[Deployment, Brand], None]
STRANGER = [["expense:commission", 9], [f"creator:{DANA}:earned", -9]]
HANDS: dict[str, tuple[Hand, str]] = {
    "legs that do not sum to 0": (lambda d, b: put(d, b, ahead(d), legs=[["expense:commission", 9]]), "I1"),
    "a fraction": (lambda d, b: put(d, b, ahead(d), legs=[["a", 1.5], ["b", -1.5]]), "I1"),
    "legs that are none": (lambda d, b: put(d, b, ahead(d), legs={"a": 1}), "I1"),
    "another creator's account": (lambda d, b: put(d, b, ahead(d), legs=STRANGER), "I1"),
    "available raised": (lambda d, b: edit_balance(d, b, available=1), "I3"),
    "in transit raised": (lambda d, b: edit_balance(d, b, in_transit=1), "I12 I3"),
    "credits and debits raised alike": (lambda d, b: edit_balance(d, b, credited=5, debited=5), "I3"),
    "more counted for good": (lambda d, b: edit_balance(d, b, credited=5), "I3"),
    "more counted of the zone": (lambda d, b: edit_balance(d, b, zone=1), "I3"),
    "counted in the zone and for good": (lambda d, b: edit_balance(d, b, zone=1, credited=-1), "I3"),
    "a straggler come too late": (lambda _, b: post(b, entry(9, now=NOON + HOUR)), "I3"),
    "a straggler that was no straggler": (lambda d, b: post(b, entry(9, now=d.now() - HOUR)), "I3"),
    "dated before its posting": (antedate_an_entry, "I3"),
    "an entry twice": (repeat_an_entry, "I4"),
    "negative pending": (lambda d, b: post(b, ahead(d, -(10**6))), "I10"),
    "negative held": (lambda d, b: post(b, entry(-(10**6), now=d.now(), held=True)), "I10"),
    "folded ahead": (lambda d, b: edit_balance(d, b, w=times.text(d.now() + HOUR)), "I11"),
    "a fold under another name": (rename_a_fold, "I19"),
}
HANDS_ON_ORDERS: dict[str, tuple[Hand, str, str]] = {
    "a commission raised": (raise_a_commission, "I6", "3"),
    "a commission lost": (lambda d, b: commission_of(d, b, "3").delete() and None, "I5 I6", "3"),
    "an entry lost": (lose_an_entry, "I6", "5"),
    "an entry too many": (lambda d, b: post(b, replace(ahead(d), order_id=order(b, "2"))), "I6", "2"),
    "held, though the ledger pays it": (
        lambda d, b: commission_of(d, b, "5").update([Commission.held.set(True)]),
        "I6",
        "5",
    ),
    "posted forgotten": (forget_what_was_posted, "I5", "3"),
    "an order garbled": (garble_an_order, "I5", "3"),
    "more reversed than earned": (turn_a_commission_upside_down, "I6", "0"),
}


@pytest.mark.parametrize("hand, invariants", HANDS.values(), ids=HANDS)
def test_a_hand_on_an_account_is_found(deployment: Deployment, brand: Brand, hand: Hand, invariants: str) -> None:
    hand(deployment, brand)
    assert found(deployment, brand) == {(invariant, NOA) for invariant in invariants.split()}


@pytest.mark.parametrize("hand, invariants, number", HANDS_ON_ORDERS.values(), ids=HANDS_ON_ORDERS)
def test_a_hand_on_an_order_is_found(
    deployment: Deployment, brand: Brand, hand: Hand, invariants: str, number: str
) -> None:
    hand(deployment, brand)
    assert found(deployment, brand) == {(invariant, order(brand, number)) for invariant in invariants.split()}


def test_a_receivable_needs_a_debit(deployment: Deployment, brand: Brand) -> None:
    """Refunds may take more than there is; nothing else may."""
    folds.fold_creator(deployment, brand.id, DANA, deployment.now())
    edit_balance(deployment, brand, DANA, available=-(10**6))
    assert found(deployment, brand) == {("I10", DANA), ("I3", DANA)}
    post(brand, entry(-(10**6), now=deployment.now(), creator_id=DANA))
    assert found(deployment, brand) == {("I3", DANA)}


@pytest.fixture
def capped(deployment: Deployment, clock: Clock) -> Brand:
    """The same with a cap and a bonus, in months that were folded for good and one that is in the zone."""
    fifty = {"amount": 50, "currency": "ILS"}
    bonus = {"id": "two", "measure": "orders", "threshold": 2, "period": "quarter", "reward": fifty}
    periodic = {"cap_per_period": fifty | {"amount": 100, "period": "month"}, "bonuses": [bonus]}
    opened = books.open_books(deployment, hold_days=2, periodic=periodic)
    for day in range(6):
        sell(deployment, opened, f"{day}", 1000 + day, placed_at=clock.now - 20 * (day % 2) * DAY)
        clock.pass_(DAY)
        folds.fold_creator(deployment, opened.id, NOA, clock.now)
    refund(deployment, opened, "0", 400)
    return opened


def period(deployment: Deployment, brand: Brand, name: str) -> PeriodSums:
    [item] = deployment.database.query(
        PeriodSums, f"{brand.id}#C#{NOA}", PeriodSums.sk == f"CAP#{books.PROGRAM}#{name}"
    )
    return item


def raise_a_tally(deployment: Deployment, brand: Brand) -> None:
    item = period(deployment, brand, "2026-05")
    item.tallies["ILS"]["1"][0] += 1
    item.save()


def forget_a_cut(deployment: Deployment, brand: Brand) -> None:
    item = period(deployment, brand, "2026-04")
    item.extras = {}
    item.save()


def give_a_bonus(deployment: Deployment, brand: Brand) -> None:
    item = period(deployment, brand, "2026-Q2")
    item.extras["bonuses.two"]["ILS"] *= 2
    item.save()


def lose_a_bonus(deployment: Deployment, brand: Brand) -> None:
    next(item for item in items(deployment, brand, "E#") if item.kind == "bonus").delete()


def change_the_terms(deployment: Deployment, brand: Brand) -> None:
    [item] = deployment.database.query(TermsVersion, brand.id, TermsVersion.sk.startswith(f"PRG#{books.PROGRAM}#T#"))
    item.terms["commission"]["cap_per_period"]["amount"] -= 1
    item.save()
    deployment.unchanging.clear()


HANDS_ON_PERIODS: dict[str, tuple[Hand, str]] = {
    "a tally raised": (raise_a_tally, "I3 I14"),
    "a cut forgotten": (forget_a_cut, "I14"),
    "a bonus raised": (give_a_bonus, "I14"),
    "a bonus' entry lost": (lose_a_bonus, "I3 I14"),
    "a month lost": (lambda d, b: period(d, b, "2026-04").delete() and None, "I3"),
    "other terms than there were": (change_the_terms, "I14"),
}


def test_capped_books_are_sound(deployment: Deployment, capped: Brand) -> None:
    assert found(deployment, capped) == set()
    assert len([item for item in items(deployment, capped, "E#") if item.kind == "bonus"]) > 3


@pytest.mark.parametrize("hand, invariants", HANDS_ON_PERIODS.values(), ids=HANDS_ON_PERIODS)
def test_a_hand_on_what_caps_go_by_is_found(deployment: Deployment, capped: Brand, hand: Hand, invariants: str) -> None:
    hand(deployment, capped)
    assert found(deployment, capped) == {(invariant, NOA) for invariant in invariants.split()}


# --- what is no violation ---------------------------------------------------------------------------------------------


def test_a_straggler_that_waits_for_the_next_fold_is_none(deployment: Deployment, brand: Brand) -> None:
    post(brand, entry(9, now=deployment.now() - timedelta(minutes=10)), entry(-2, now=deployment.now()))
    assert found(deployment, brand) == set()


def test_under_a_test_clock_that_jumped_neither_is_a_posting_that_was_on_its_way(
    deployment: Deployment, clock: Clock
) -> None:
    brand = books.open_books(deployment, clock=NOON)
    posted = entry(9, now=NOON)
    post(brand, entry(100, now=NOON))
    brand.update([Brand.clock.set(times.text(NOON + 30 * DAY))])
    folds.fold_creator(deployment, brand.id, NOA, NOON + 30 * DAY)
    post(brand, posted)
    assert found(deployment, brand) == set()


def test_neither_is_a_clock_that_moves_meanwhile(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    stale = books.open_books(deployment, clock=NOON)
    post(stale, entry(100, now=NOON))

    def moved_and_read(database: Database, brand_id: str, creator_id: str) -> account.Balance:
        brand = brands.found(deployment, brand_id)
        tomorrow = deployment.brand_now(brand) + DAY
        brand.update([Brand.clock.set(times.text(tomorrow))])
        folds.fold_creator(deployment, brand_id, creator_id, tomorrow)
        return read(database, brand_id, creator_id)

    read = balances.read
    monkeypatch.setattr("vouch.service.verify.balances.read", moved_and_read)
    assert verify(deployment, stale).violations == []
    assert balances.read(deployment.database, stale.id, NOA).watermark > NOON


def test_a_late_straggler_raises_an_alarm(
    deployment: Deployment, brand: Brand, capsys: pytest.CaptureFixture[str]
) -> None:
    verify(deployment, brand)
    assert "LateStraggler" not in capsys.readouterr().out
    post(brand, entry(9, now=NOON + HOUR))
    verify(deployment, brand)
    assert "LateStraggler" in capsys.readouterr().out


def test_another_brands_books_are_not_looked_at(deployment: Deployment, brand: Brand) -> None:
    other = books.open_books(deployment, "other")
    edit_balance(deployment, brand, available=1)
    assert verify(deployment, other).ok


# --- bounded, resumed, undisturbed ------------------------------------------------------------------------------------


def test_calls_without_time_go_on_where_the_last_one_stopped(deployment: Deployment, brand: Brand) -> None:
    edit_balance(deployment, brand, available=1)
    forget_what_was_posted(deployment, brand)
    reports: list[Report] = []
    cursor: Cursor | None = None
    while not reports or cursor is not None:
        reports.append(verify(deployment, brand, cursor, time=Time(never, never)))
        cursor = json.loads(json.dumps(reports[-1].next_cursor))
    whole = verify(deployment, brand)
    assert len(reports) > 2
    assert sum(report.checked for report in reports) == whole.checked
    assert [violation for report in reports for violation in report.violations] == whole.violations


def test_a_call_that_found_enough_stops(deployment: Deployment, brand: Brand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vouch.service.verify._VIOLATIONS_MAX", 1)
    edit_balance(deployment, brand, available=1)
    forget_what_was_posted(deployment, brand)
    first = verify(deployment, brand)
    assert len(first.violations) == 1
    assert [each.invariant for each in verify(deployment, brand, first.next_cursor).violations] == ["I5"]


def test_a_balance_that_is_none_is_a_violation_and_the_check_goes_on(deployment: Deployment, brand: Brand) -> None:
    edit_balance(deployment, brand, w="yesterday")
    raise_a_commission(deployment, brand)
    assert found(deployment, brand) == {("I3", NOA)}
    edit_balance(deployment, brand, w=times.text(deployment.now()))
    assert found(deployment, brand) == {("I6", order(brand, "3"))}


def test_an_account_that_does_not_fit_into_the_rest_of_a_call_has_all_of_the_next(
    deployment: Deployment, brand: Brand, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = verify(deployment, brand)
    monkeypatch.setattr("vouch.service.verify._STRETCH", 5)
    looks = iter([True] * 5)  # enough for one account of two
    first = verify(deployment, brand, time=Time(lambda: True, lambda: next(looks, False)))
    assert (first.unchecked, first.violations, first.ok) == ([], [], True)
    assert first.next_cursor is not None
    assert first.next_cursor["phase"] == "accounts"
    rest = verify(deployment, brand, first.next_cursor)
    assert (rest.ok, rest.next_cursor) == (True, None)
    assert 0 < first.checked < whole.checked == first.checked + rest.checked


def test_an_account_that_is_larger_than_a_call_is_named_and_the_check_goes_on(
    deployment: Deployment, brand: Brand, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit_balance(deployment, brand, available=1)
    monkeypatch.setattr("vouch.service.verify._STRETCH", 5)
    report = verify(deployment, brand, time=Time(lambda: True, never, is_most=False))
    assert (report.unchecked, report.checked, report.next_cursor) == ([], 0, {"phase": "accounts", "after": None})
    report = verify(deployment, brand, time=Time(lambda: True, never))
    unchecked = list(report.unchecked)
    while report.next_cursor:
        report = verify(deployment, brand, report.next_cursor, time=Time(lambda: True, never))
        unchecked += report.unchecked
        assert report.violations == [], "nothing is said of what was not looked at"
    assert sorted(unchecked) == sorted([NOA, DANA])


def test_so_is_one_that_is_larger_than_memory(
    deployment: Deployment, brand: Brand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vouch.service.verify._STRETCH", 5)
    monkeypatch.setattr("vouch.service.verify._ENTRIES_MAX", 15)
    report = verify(deployment, brand)
    assert report.next_cursor is not None or report.unchecked == [NOA]
    while report.next_cursor:
        report = verify(deployment, brand, report.next_cursor)
    assert (report.unchecked, report.ok) == ([NOA], False)


def test_of_a_flood_in_one_account_the_rest_is_counted(deployment: Deployment, brand: Brand) -> None:
    post(brand, *(replace(ahead(deployment), order_id=f"ord_{number}") for number in range(250)))
    report = verify(deployment, brand)
    assert [violation.invariant for violation in report.violations] == ["I6"] * 201
    assert report.violations[-1].detail == "and 50 violations more"


@pytest.mark.parametrize("rules", ["brand", "capped"])
def test_busy_books_are_not_called_broken(deployment: Deployment, request: pytest.FixtureRequest, rules: str) -> None:
    brand: Brand = request.getfixturevalue(rules)
    done, traded = threading.Event(), threading.Semaphore(0)

    def trade(trader: int) -> None:
        number = 0
        while not done.is_set():
            name = f"{trader}-{number}"
            sell(deployment, brand, name, 700)
            refund(deployment, brand, name, 300)
            decide(deployment, brand, name, "hold")
            decide(deployment, brand, name, "approve")
            folds.fold_creator(deployment, brand.id, NOA, deployment.now())
            traded.release()
            number += 1

    traders = [threading.Thread(target=trade, args=(trader,)) for trader in range(4)]
    for trader in traders:
        trader.start()
    violations: list[Violation] = []
    try:
        for _ in range(4):
            assert traded.acquire(timeout=600), "else nobody was busy"
            violations += verify(deployment, brand).violations
    finally:
        done.set()
        for trader in traders:
            trader.join()
    assert violations == []
    assert verify(deployment, brand).ok

"""Balances: exact at every moment, in two requests, and nobody else's."""

from datetime import timedelta

import pytest

from tests import books
from tests.books import DANA, NOA, entry, post
from tests.fixtures import NOON, Clock
from tests.wire import Wire
from vouch.domain import account
from vouch.domain.account import Figures
from vouch.domain.errors import NotFound
from vouch.service import accounts, folds
from vouch.service.deployment import Deployment

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def test_each_part_of_an_account_is_told(deployment: Deployment) -> None:
    brand = books.open_books(deployment)
    post(brand, entry(100, now=NOON - DAY), entry(-30, now=NOON), entry(55, now=NOON, ahead=HOUR))
    post(
        brand,
        entry(8, now=NOON, held=True),
        entry(-3, now=NOON, held=True),
        entry(9, now=NOON, currency="JPY", ahead=HOUR),
    )
    post(brand, entry(1000, now=NOON, creator_id=DANA))
    assert accounts.balances(deployment, brand, NOA) == {
        "ILS": Figures(pending=55, held=5, available=70),
        "JPY": Figures(pending=9),
    }


def test_an_account_without_entries_has_no_balances(deployment: Deployment) -> None:
    assert accounts.balances(deployment, books.open_books(deployment), NOA) == {}


def test_folding_changes_no_balance(deployment: Deployment, clock: Clock) -> None:
    """At any moment, however often and whenever it was folded, stragglers included."""
    brand = books.open_books(deployment)
    posted = []
    for hour in range(0, 60, 4):
        clock.now = NOON + hour * HOUR
        posted += [
            entry(hour + 1, now=clock.now, ahead=9 * HOUR),
            entry(-1, now=clock.now),
            entry(100, now=clock.now - timedelta(minutes=9)),
        ]
        post(brand, *posted[-3:])
        position = [each.position or clock.now for each in posted]
        amounts = [account.due(each) for each in posted]
        matured = sum(a for a, at in zip(amounts, position, strict=True) if at <= clock.now)
        expected = {"ILS": Figures(pending=sum(amounts) - matured, available=matured)}
        assert accounts.balances(deployment, brand, NOA) == expected
        if hour % 12 == 0:
            folds.fold_creator(deployment, brand.id, NOA, clock.now)
            assert accounts.balances(deployment, brand, NOA) == expected


def test_a_test_brand_is_told_its_balances_by_its_own_clock(deployment: Deployment) -> None:
    brand = books.open_books(deployment, clock=NOON - 30 * DAY)
    post(brand, entry(100, now=NOON - 30 * DAY, ahead=DAY))
    assert accounts.balances(deployment, brand, NOA) == {"ILS": Figures(pending=100)}
    brand.clock = "2026-04-05T12:00:00.000000Z"
    assert accounts.balances(deployment, brand, NOA) == {"ILS": Figures(available=100)}


def test_a_clock_behind_the_watermark_sees_what_was_folded_by_it(deployment: Deployment) -> None:
    brand = books.open_books(deployment)
    post(brand, entry(100, now=NOON, ahead=HOUR))
    folds.fold_creator(deployment, brand.id, NOA, NOON + 2 * HOUR)
    assert accounts.balances(deployment, brand, NOA) == {"ILS": Figures(available=100)}


def test_balances_take_two_requests(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    brand = books.open_books(deployment)
    post(brand, *(entry(1, now=NOON, ahead=hour * HOUR) for hour in range(60)), entry(1, now=NOON, held=True))
    wire = Wire(monkeypatch)
    accounts.balances(deployment, brand, NOA)
    assert [operation for operation, _ in wire.sent] == ["Query", "Query"]


def test_nobody_has_balances_in_another_brand(deployment: Deployment) -> None:
    books.open_books(deployment)
    other = books.open_books(deployment, "other")
    other.id = "brd_nobody"
    with pytest.raises(NotFound):
        accounts.balances(deployment, other, NOA)

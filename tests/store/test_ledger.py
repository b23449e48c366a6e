"""Entries as they are stored: in the order of their moments, both bounds where they belong."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests import books
from tests.books import DANA, NOA, entry, post
from tests.fixtures import NOON
from vouch.domain import account
from vouch.domain.account import Balance
from vouch.domain.ledger import Counted, PeriodRule, adjustment_entry, bonus_entry, fold_entry
from vouch.service.deployment import Deployment
from vouch.store import ledger
from vouch.store.ledger import Footing, Found, Unreadable
from vouch.store.tables import EntryItem

HOUR = timedelta(hours=1)
TICK = timedelta(microseconds=1)


def test_an_entry_comes_back_as_it_was_put(deployment: Deployment) -> None:
    brand = books.open_books(deployment)
    ahead, held = entry(70, now=NOON, ahead=HOUR), entry(-9, now=NOON, held=True)
    post(brand, ahead, held)
    assert list(ledger.time_line(deployment.database, brand.id, NOA, start=NOON)) == [ahead]
    assert ledger.open_entries(deployment.database, brand.id, NOA, start=NOON, most=2) == [ahead, held]


def test_what_counts_for_caps_and_bonuses_comes_back_with_where_it_does(deployment: Deployment) -> None:
    brand = books.open_books(deployment)
    counted = replace(entry(70, now=NOON), counted=Counted("prg_1", 12, "2026-05"), orders=-1)
    rule = PeriodRule("prg_1", "bonuses.#1 Ä", "2026-Q2")
    bonus = bonus_entry(NOA, rule, "ILS", -5, at=NOON + HOUR, version=3)
    post(brand, counted, bonus)
    assert list(ledger.time_line(deployment.database, brand.id, NOA, start=NOON)) == [counted, bonus]


def test_the_time_line_holds_both_its_bounds(deployment: Deployment) -> None:
    brand = books.open_books(deployment)
    early, first, last, late = (
        entry(1, now=NOON, ahead=ahead) for ahead in (HOUR - TICK, HOUR, 2 * HOUR, 2 * HOUR + TICK)
    )
    post(brand, late, last, first, early, entry(1, now=NOON + HOUR, creator_id=DANA))
    found = ledger.time_line(deployment.database, brand.id, NOA, start=NOON + HOUR, until=NOON + 2 * HOUR)
    assert list(found) == [first, last]
    assert list(ledger.time_line(deployment.database, brand.id, NOA, start=NOON + HOUR)) == [first, last, late]
    assert list(ledger.time_line(deployment.database, brand.id, NOA, start=NOON + HOUR, until=NOON)) == []


@pytest.mark.parametrize("few", [1, 2, 4, 5, 19, 20, 21])
def test_who_wants_few_at_first_gets_all_in_the_end(deployment: Deployment, few: int) -> None:
    """Entries of one moment included, wherever a request ends."""
    brand = books.open_books(deployment)
    posted = [entry(number, now=NOON, ahead=number // 7 * HOUR) for number in range(1, 21)]
    post(brand, *posted)
    found = list(ledger.time_line(deployment.database, brand.id, NOA, start=NOON, until=NOON + 2 * HOUR, few=few))
    assert found == sorted(posted, key=lambda each: (each.position, each.id))


def test_what_changes_of_the_balance_posted_lies_behind_the_rest_of_its_moment_in_their_order(
    deployment: Deployment,
) -> None:
    """A test clock may stand still for long: a payout that came back does not come before it was made."""
    brand = books.open_books(deployment)
    words = [
        adjustment_entry("adjustment", f"adj_{version}", NOA, "ILS", 5, at=NOON, version=version)
        for version in (9, 10, 11, 100)
    ]
    earned = [entry(number, now=NOON) for number in range(1, 6)]
    post(brand, *reversed(words), *earned)
    found = list(ledger.time_line(deployment.database, brand.id, NOA, start=NOON))
    assert (set(found[:5]), found[5:]) == (set(earned), words)


def test_the_footing_is_the_last_fold_of_that_currency_before_the_moment(deployment: Deployment) -> None:
    brand = books.open_books(deployment)
    for version, currency, hours in ((9, "ILS", 1), (10, "ILS", 2), (11, "JPY", 3)):
        sums = account.Sums(credited=version * 10, debited=version)
        at = NOON + hours * HOUR
        balance = Balance(at, at - HOUR, None, {currency: sums}, version)
        ledger.fold_item(brand.id, fold_entry(NOA, currency, 5, at=at, version=version), balance).save()
    footings = [ledger.footing(deployment.database, brand.id, NOA, "ILS", NOON + h * HOUR) for h in (1, 2, 9)]
    assert [(footing.credited, footing.debited) for footing in footings] == [(0, 0), (90, 9), (100, 10)]
    assert footings[2] == Footing(NOON + HOUR, 100, 10)


def test_two_folds_of_one_moment_are_two_entries(deployment: Deployment) -> None:
    brand = books.open_books(deployment)
    for version in (1, 2):
        fold = fold_entry(NOA, "ILS", 5, at=NOON, version=version)
        assert deployment.database.put_new(ledger.fold_item(brand.id, fold, Balance(NOON, NOON, None, {}, version)))
    found = list(ledger.everything(deployment.database, brand.id, NOA))
    assert [item.entry.fold for item in found if isinstance(item, Found)] == [1, 2]


def test_what_is_no_entry_is_told_and_hides_nothing_behind_it(deployment: Deployment) -> None:
    brand = books.open_books(deployment)
    good = [entry(number, now=NOON + number * HOUR) for number in (1, 9)]
    unbalanced, garbled, *others = (
        ledger.item(brand.id, entry(1, now=NOON + number * HOUR)) for number in (2, 3, 4, 5, 6)
    )
    unbalanced.legs = [["expense:commission", 5]]
    unbalanced.save()
    for item, note in zip(others, ({"in": ["prg_1", 1]}, {"of": 5}, [1]), strict=True):
        item.note = note
        item.save()
    raw = garbled.serialize() | {"l": {"S": "[["}}
    deployment.database.connection.put_item(str(EntryItem.Meta.table_name), garbled.pk, garbled.sk, attributes=raw)
    post(brand, *good)
    found = list(ledger.everything(deployment.database, brand.id, NOA))
    assert [type(item) for item in found] == [Found, *[Unreadable] * 5, Found]
    assert [item.entry for item in found if isinstance(item, Found)] == good


def test_a_fold_lies_among_folds_alone(deployment: Deployment) -> None:
    brand = books.open_books(deployment)
    fold = fold_entry(NOA, "ILS", 5, at=NOON, version=1)
    astray = [ledger.item(brand.id, fold), ledger.fold_item(brand.id, fold, Balance(NOON, NOON, None, {}, 1))]
    astray[1].kind = "settle"
    for item in astray:
        item.save()
    found = list(ledger.everything(deployment.database, brand.id, NOA))
    assert [type(item) for item in found] == [Unreadable, Unreadable]

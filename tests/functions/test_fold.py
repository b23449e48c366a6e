"""The hourly handler: folds, and says so in a line."""

import pytest

from payouts import fold
from tests import books
from tests.books import NOA, entry, post
from tests.faults.world import Context
from tests.fixtures import NOON
from vouch.domain.ledger import Unbalanced
from vouch.service.deployment import Deployment
from vouch.store import balances, ledger


@pytest.fixture(autouse=True)
def _deployed(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fold, "deployment", lambda: deployment)


def test_what_is_due_is_folded(deployment: Deployment, caplog: pytest.LogCaptureFixture) -> None:
    brand = books.open_books(deployment)
    post(brand, entry(100, now=NOON))
    books.note_due(deployment, brand)
    fold.handler({}, Context(lambda: 300_000))
    assert balances.read(deployment.database, brand.id, NOA).of("ILS").available == 100
    assert [(line.message, vars(line)["brands"]) for line in caplog.records] == [("folded", 1)]


def test_caps_go_by_their_terms(deployment: Deployment) -> None:
    cap = {"amount": 80, "currency": "ILS", "period": "month"}
    brand = books.open_books(deployment, periodic={"cap_per_period": cap})
    post(brand, entry(100, now=NOON, month="2026-05"))
    books.note_due(deployment, brand)
    fold.handler({}, Context(lambda: 300_000))
    assert balances.read(deployment.database, brand.id, NOA).of("ILS").available == 80


def test_a_call_without_time_folds_nothing_and_leaves_the_day_open(
    deployment: Deployment, caplog: pytest.LogCaptureFixture
) -> None:
    brand = books.open_books(deployment)
    post(brand, entry(100, now=NOON))
    books.note_due(deployment, brand)
    fold.handler({}, Context(lambda: 30_000))
    assert balances.read(deployment.database, brand.id, NOA).version == 0
    assert vars(caplog.records[-1])["brands"] == 0


def test_what_failed_is_raised_once_the_others_are_told_of(
    deployment: Deployment, caplog: pytest.LogCaptureFixture
) -> None:
    brand = books.open_books(deployment)
    garbled = ledger.item(brand.id, entry(100, now=NOON))
    garbled.legs = [["expense:commission", 5]]
    garbled.save()
    books.note_due(deployment, brand)
    with pytest.raises(ExceptionGroup) as raised:
        fold.handler({}, Context(lambda: 300_000))
    assert raised.group_contains(Unbalanced)
    assert vars(caplog.records[-1])["brands"] == 1


def test_warming_says_a_line_and_does_nothing(caplog: pytest.LogCaptureFixture) -> None:
    fold.handler({"warm": True}, None)
    assert caplog.messages == ["warm"]

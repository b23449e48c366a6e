"""`payouts.audit`: every brand's books once a day, goes on where time ended, and what is broken is said aloud."""

from collections.abc import Callable
from datetime import timedelta
from typing import NoReturn

import pytest

from payouts import audit
from tests import books
from tests.books import DANA, NOA, entry, post, sell
from tests.faults.world import Context
from tests.fixtures import NOON, Clock
from vouch.domain.errors import Unavailable
from vouch.service import folds
from vouch.service.deployment import Deployment
from vouch.store import audits
from vouch.store.tables import Brand

DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _deployed(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "deployment", lambda: deployment)


def audited(caplog: pytest.LogCaptureFixture, left: Callable[[], int] = lambda: 900_000) -> tuple[int, int]:
    """What one job looked at, and how many violations it found."""
    caplog.clear()
    with caplog.at_level("INFO"):
        audit.handler({}, Context(left))
    said = vars(next(line for line in caplog.records if line.message == "audited"))
    return said["checked"], said["violations"]


def counted_down(steps: int) -> Callable[[], int]:
    """Time for so many looks at the clock."""
    left = iter([900_000] * steps)
    return lambda: next(left, 0)


def test_each_brand_is_checked_once_a_day(
    deployment: Deployment, clock: Clock, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("mugs", "shirts"):
        sell(deployment, books.open_books(deployment, name), "1", 1000)
    each = 3  # entry, commission, order
    assert audited(caplog) == (2 * each, 0)
    assert audited(caplog) == (0, 0)
    clock.pass_(DAY)
    assert audited(caplog) == (2 * each, 0)
    assert "BooksBroken" not in capsys.readouterr().out


def test_caps_are_checked_by_their_terms(
    deployment: Deployment, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    cap = {"amount": 80, "currency": "ILS", "period": "month"}
    brand = books.open_books(deployment, periodic={"cap_per_period": cap}, hold_days=0)
    sell(deployment, brand, "1", 1000)
    folds.fold_creator(deployment, brand.id, NOA, clock.now)
    deployment.unchanging.clear()
    assert audited(caplog) == (5, 0), "the order, its commission, its entry, and those of the fold and the cap"


def test_what_is_broken_is_logged_and_counted(
    deployment: Deployment, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    brand = books.open_books(deployment)
    sell(deployment, books.open_books(deployment, "sound"), "1", 1000)
    post(brand, entry(-5, now=NOON, ahead=DAY))
    assert audited(caplog)[1] == 1
    [line] = [vars(record) for record in caplog.records if record.message == "books broken"]
    assert (line["brand"], line["invariant"], line["subject"]) == (brand.id, "I10", NOA)
    assert '"BooksBroken":[1.0]' in capsys.readouterr().out


def test_of_a_flood_the_first_are_logged_and_all_are_counted(
    deployment: Deployment,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("payouts.audit._TOLD_MAX", 3)
    for name in ("mugs", "shirts"):
        brand = books.open_books(deployment, name)
        for creator_id in (NOA, DANA):
            post(brand, entry(-5, now=NOON, ahead=DAY, creator_id=creator_id))
    assert audited(caplog)[1] == 4
    assert len([record for record in caplog.records if record.message == "books broken"]) == 3
    assert capsys.readouterr().out.count('"BooksBroken":[2.0]') == 2


def test_what_a_job_found_before_it_died_was_told(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Else the next job would go on behind it, and nobody would hear of it."""
    post(books.open_books(deployment), entry(-5, now=NOON, ahead=DAY))

    def killed(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr("vouch.service.turns.note", killed)
    with pytest.raises(KeyboardInterrupt):
        audit.handler({}, Context(lambda: 900_000))
    assert '"BooksBroken":[1.0]' in capsys.readouterr().out


def test_an_account_too_large_is_named_and_counted(
    deployment: Deployment,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("vouch.service.verify._ENTRIES_MAX", 0)
    brand = books.open_books(deployment)
    post(brand, entry(5, now=NOON))
    assert audited(caplog) == (0, 0)
    [line] = [vars(record) for record in caplog.records if "too large" in record.message]
    assert (line["brand"], line["creator"]) == (brand.id, NOA)
    assert '"BooksUnchecked":[1.0]' in capsys.readouterr().out


def test_where_time_ended_the_next_job_goes_on_even_on_another_day(
    deployment: Deployment, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    brand = books.open_books(deployment)
    sell(deployment, brand, "1", 1000)
    sell(deployment, brand, "2", 500, to=DANA)
    first, _ = audited(caplog, counted_down(1))
    clock.pass_(DAY)
    rest, _ = audited(caplog)
    assert 0 < first < 6
    assert first + rest == 6
    assert audited(caplog) == (6, 0), "and then that day's own check"


def test_a_job_without_time_looks_at_nothing(deployment: Deployment, caplog: pytest.LogCaptureFixture) -> None:
    sell(deployment, books.open_books(deployment), "1", 1000)
    assert audited(caplog, lambda: 60_000) == (0, 0)


def test_books_that_cannot_be_read_keep_no_others_waiting(
    deployment: Deployment, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    shut = books.open_books(deployment, "shut")
    read = audits.creators

    def refused(database: object, brand_id: str, *rest: object, **more: object) -> object:
        if brand_id == shut.id:
            raise Unavailable
        return read(database, brand_id, *rest, **more)  # type: ignore[arg-type]

    sell(deployment, books.open_books(deployment, "open"), "1", 1000)
    monkeypatch.setattr(audits, "creators", refused)
    with caplog.at_level("INFO"), pytest.raises(ExceptionGroup) as raised:
        audit.handler({}, Context(lambda: 900_000))
    assert [type(failure) for failure in raised.value.exceptions] == [Unavailable]
    assert vars(next(line for line in caplog.records if line.message == "audited"))["checked"] == 3
    monkeypatch.undo()
    monkeypatch.setattr(audit, "deployment", lambda: deployment)
    assert (stored(deployment, shut).audit or [])[1] == "", "it is still at its beginning"


def stored(deployment: Deployment, brand: Brand) -> Brand:
    found = deployment.database.get(Brand, brand.id, "BRAND")
    assert found is not None
    return found


def test_warming_says_a_line_and_checks_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        audit.handler({"warm": True}, None)
    assert caplog.messages == ["warm"]

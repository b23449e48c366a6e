"""The hourly handler: seals volumes, and says so in a line."""

import pytest

from attribution import seal
from tests import books
from tests.books import NOA, PROGRAM
from tests.faults.world import Context
from tests.fixtures import NOON
from vouch.domain import times
from vouch.domain.calendars import span
from vouch.service import volumes
from vouch.service.deployment import Deployment
from vouch.store import creators, programs, seals
from vouch.store.seals import Measured, Volume
from vouch.store.tables import Brand

TIERS = {"period": "month", "measure": "commission", "levels": [{"from": 1_000, "bps": 1_500}]}
APRIL = Volume(NOA, PROGRAM, "commission", span("month", times.parse("2026-04-30T12:00:00.000000Z"), "UTC"), "UTC")


@pytest.fixture
def brand(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Brand:
    """Noa's program has tiers, and she sold for a thousand in April; it is the fourth of May."""
    monkeypatch.setattr(seal, "deployment", lambda: deployment)
    brand = books.open_books(deployment, periodic={"tiers": TIERS})
    program = programs.program(deployment.database, brand.id, PROGRAM)
    assert program is not None
    program.g1pk, program.g1sk = programs.index(brand.id), PROGRAM
    program.save()
    [item] = creators.enrolments(deployment.database, brand.id, NOA, limit=9, after=None)
    item.g1pk, item.g1sk = creators.enrolled_index(brand.id, PROGRAM), NOA
    item.save()
    books.sell(deployment, brand, "1", 10_000, placed_at=times.parse("2026-04-30T12:00:00.000000Z"))
    return brand


def left(deployment: Deployment, brand: Brand) -> Measured:
    return seals.measured(deployment.database, brand.id, APRIL)


def test_what_is_due_is_sealed(deployment: Deployment, brand: Brand, caplog: pytest.LogCaptureFixture) -> None:
    assert NOON.month == 5
    seal.handler({}, Context(lambda: 300_000))
    assert left(deployment, brand) == Measured(1_000, None)
    assert [(line.message, vars(line)["brands"]) for line in caplog.records] == [("sealed", 1)]


def test_a_call_without_time_seals_nothing_and_leaves_the_round_open(
    deployment: Deployment, brand: Brand, caplog: pytest.LogCaptureFixture
) -> None:
    seal.handler({}, Context(lambda: 30_000))
    assert left(deployment, brand) == Measured()
    seal.handler({}, Context(lambda: 30_001))
    assert left(deployment, brand) == Measured(1_000, None)
    assert [vars(line)["brands"] for line in caplog.records] == [0, 1]


def test_what_failed_is_raised_once_the_others_are_told_of(
    deployment: Deployment, brand: Brand, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(*_: object, **__: object) -> None:
        raise ValueError("garbled")

    monkeypatch.setattr(seals, "parts", unreadable)
    with pytest.raises(ExceptionGroup) as raised:
        seal.handler({}, Context(lambda: 300_000))
    assert raised.group_contains(ValueError, match="garbled")
    assert vars(caplog.records[-1])["brands"] == 1


def test_warming_says_a_line_and_does_nothing(
    brand: Brand, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(volumes, "seal_brands", lambda *_, **__: pytest.fail("sealed"))
    seal.handler({"warm": True}, None)
    assert caplog.messages == ["warm"]

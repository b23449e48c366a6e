"""The balance item and what lies beside it: nothing is lost in storing it, and only the next version replaces it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests import books
from tests.books import NOA
from tests.fixtures import NOON
from tests.wire import Wire
from vouch.domain.account import Balance, Checkpoint, Sums
from vouch.domain.errors import NotFound
from vouch.domain.ledger import Counted, PeriodRule
from vouch.domain.period_rules import Tally
from vouch.service.deployment import Deployment
from vouch.store import balances
from vouch.store.balances import Torn
from vouch.store.database import Database, Refused, Writes
from vouch.store.tables import Main, PeriodSums

SUMS = {"ILS": Sums(5, 4, 3, 2, 1, 10**15), "JPY": Sums(available=-7)}
MAY, JUNE = Counted("prg_1", 1, "2026-05"), Counted("prg_1", 2, "2026-06")
CAP, BONUS = PeriodRule("prg_1", "cap_per_period", "2026-05"), PeriodRule("prg_2", "bonuses.Überläufer#1", "lifetime")
PERIODS = Balance(
    NOON,
    NOON,
    version=1,
    tallies={
        (MAY, "ILS"): Tally(100, 2),
        (MAY, "JPY"): Tally(-5, 0),
        (replace(MAY, terms_version=12), "ILS"): Tally(10**15, 1),
        (JUNE, "ILS"): Tally(7, 1),
    },
    zone_tallies={(MAY, "ILS"): Tally(40, 1), (JUNE, "ILS"): Tally(0, -1)},
    extras={(CAP, "ILS"): -60, (BONUS, "ILS"): 500},
    unfinished=True,
)


def put(deployment: Deployment, balance: Balance) -> int:
    """Replaces what there is; how many items that took."""
    writes = Writes()
    balances.replace(writes, "brd_1", NOA, balances.load(deployment.database, "brd_1", NOA), balance)
    deployment.database.commit(writes)
    return len(writes)


@pytest.mark.parametrize("checkpoint", [None, Checkpoint(NOON, NOON + timedelta(microseconds=1))])
def test_a_balance_comes_back_as_it_was_put(deployment: Deployment, checkpoint: Checkpoint | None) -> None:
    balance = Balance(NOON, NOON - timedelta(hours=1), checkpoint, SUMS, 1)
    assert put(deployment, balance) == 1
    assert balances.read(deployment.database, "brd_1", NOA) == balance
    [item] = deployment.database.query(Main, f"brd_1#C#{NOA}")
    assert set(item.serialize()) == {"pk", "sk", "k", "state", "v"}, (
        "who has no caps and bonuses keeps nothing for them"
    )


def test_an_account_that_was_never_folded_is_all_zeros(deployment: Deployment) -> None:
    assert balances.read(deployment.database, "brd_1", NOA) == Balance()


@pytest.mark.parametrize("version", [1, 2, 4])
def test_only_the_next_version_replaces_a_balance(deployment: Deployment, version: int) -> None:
    for next_version in (1, 2):
        put(deployment, Balance(version=next_version))
    with pytest.raises(Refused):
        put(deployment, Balance(sums=SUMS, version=version, tallies=PERIODS.tallies))
    put(deployment, Balance(sums=SUMS, version=3))
    assert balances.read(deployment.database, "brd_1", NOA) == Balance(sums=SUMS, version=3)


def test_a_creator_of_another_brand_has_no_balance_here(deployment: Deployment) -> None:
    brand = books.open_books(deployment)
    assert balances.read_of_creator(deployment.database, brand.id, NOA) == Balance()
    with pytest.raises(NotFound):
        balances.read_of_creator(deployment.database, "brd_other", NOA)


# --- periods ----------------------------------------------------------------------------------------------------------


def test_periods_come_back_as_they_were_put_and_lie_in_an_item_each(deployment: Deployment) -> None:
    assert put(deployment, PERIODS) == 4
    assert balances.read(deployment.database, "brd_1", NOA) == PERIODS
    keys = [item.sk for item in deployment.database.query(Main, f"brd_1#C#{NOA}")]
    assert keys == ["BAL", "CAP#prg_1#2026-05", "CAP#prg_1#2026-06", "CAP#prg_2#lifetime"]


def test_only_the_periods_that_changed_are_put(deployment: Deployment) -> None:
    put(deployment, PERIODS)
    assert put(deployment, replace(PERIODS, version=2, zone_tallies={}, unfinished=False)) == 1
    tallies = {place: tally for place, tally in PERIODS.tallies.items() if place[0] != JUNE}
    fewer = replace(PERIODS, version=3, tallies={**tallies, (MAY, "ILS"): Tally(101, 2)}, extras={(CAP, "ILS"): -60})
    assert put(deployment, fewer) == 4
    assert balances.read(deployment.database, "brd_1", NOA) == fewer
    assert put(deployment, replace(fewer, version=4, tallies={}, extras={})) == 2, "the others are empty already"
    assert balances.read(deployment.database, "brd_1", NOA) == replace(fewer, version=4, tallies={}, extras={})


def test_all_of_an_account_comes_with_one_request(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    put(deployment, PERIODS)
    wire = Wire(monkeypatch)
    balances.load(deployment.database, "brd_1", NOA)
    assert [operation for operation, _ in wire.sent] == ["Query"]


@pytest.mark.parametrize("seen_late", ["BAL", "CAP#prg_1#2026-05"])
def test_a_torn_reading_is_read_again(deployment: Deployment, monkeypatch: pytest.MonkeyPatch, seen_late: str) -> None:
    """Of a fold that commits meanwhile a query may show one item and not yet another."""
    put(deployment, PERIODS)
    [before] = [item for item in deployment.database.query(Main, f"brd_1#C#{NOA}") if item.sk == seen_late]
    now = replace(PERIODS, version=2, tallies={**PERIODS.tallies, (MAY, "ILS"): Tally(500, 5)})
    put(deployment, now)
    query, readings = Database.query, []

    def torn(database: Database, *asked: Any, **more: Any) -> Any:
        readings.append(asked)
        items = list(query(database, *asked, **more))
        return iter([before if item.sk == seen_late and len(readings) == 1 else item for item in items])

    monkeypatch.setattr(Database, "query", torn)
    assert balances.read(deployment.database, "brd_1", NOA) == now
    assert len(readings) == 2


def test_what_stays_torn_is_nobodys_balance(deployment: Deployment) -> None:
    put(deployment, PERIODS)
    [item] = deployment.database.query(PeriodSums, f"brd_1#C#{NOA}", PeriodSums.sk.startswith("CAP#prg_2"))
    item.delete()
    with pytest.raises(Torn):
        balances.read(deployment.database, "brd_1", NOA)

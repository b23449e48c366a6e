"""The balance item: nothing is lost in storing it, and only the next version replaces it."""

from datetime import timedelta

import pytest

from tests import books
from tests.books import NOA
from tests.fixtures import NOON
from vouch.domain.account import Balance, Checkpoint, Sums
from vouch.domain.errors import NotFound
from vouch.service.deployment import Deployment
from vouch.store import balances
from vouch.store.database import Refused, Writes

SUMS = {"ILS": Sums(5, 4, 3, 2, 1, 10**15), "JPY": Sums(available=-7)}


def put(deployment: Deployment, balance: Balance) -> None:
    writes = Writes()
    balances.replace(writes, "brd_1", NOA, balance)
    deployment.database.commit(writes)


@pytest.mark.parametrize("checkpoint", [None, Checkpoint(NOON, NOON + timedelta(microseconds=1))])
def test_a_balance_comes_back_as_it_was_put(deployment: Deployment, checkpoint: Checkpoint | None) -> None:
    balance = Balance(NOON, NOON - timedelta(hours=1), checkpoint, SUMS, 1)
    put(deployment, balance)
    assert balances.read(deployment.database, "brd_1", NOA) == balance


def test_an_account_that_was_never_folded_is_all_zeros(deployment: Deployment) -> None:
    assert balances.read(deployment.database, "brd_1", NOA) == Balance()


@pytest.mark.parametrize("version", [1, 2, 4])
def test_only_the_next_version_replaces_a_balance(deployment: Deployment, version: int) -> None:
    for next_version in (1, 2):
        put(deployment, Balance(version=next_version))
    with pytest.raises(Refused):
        put(deployment, Balance(sums=SUMS, version=version))
    put(deployment, Balance(sums=SUMS, version=3))
    assert balances.read(deployment.database, "brd_1", NOA) == Balance(sums=SUMS, version=3)


def test_a_creator_of_another_brand_has_no_balance_here(deployment: Deployment) -> None:
    brand = books.open_books(deployment)
    assert balances.read_of_creator(deployment.database, brand.id, NOA) == Balance()
    with pytest.raises(NotFound):
        balances.read_of_creator(deployment.database, "brd_other", NOA)

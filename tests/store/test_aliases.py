"""Other names of orders: what waits under one is taken whole by whoever claims it, and by nobody else."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import batched

import pytest

from tests.faults.test_counts import metered
from tests.fixtures import NOON
from vouch.domain.facts import Cancellation, Dispute, Event, Refund
from vouch.service.deployment import Deployment
from vouch.store import aliases
from vouch.store.aliases import KnownAlias
from vouch.store.database import Database, Refused, Writes
from vouch.store.tables import Alias

BRAND, CONNECTION, NAME = "brd_1", "con_1", "pi_1"


@pytest.fixture
def database(deployment: Deployment) -> Database:
    return deployment.database


def refund(name: str = "r1", amount: int = 7, *, minute: int = 0) -> Refund:
    return Refund(name, NOON + timedelta(minutes=minute), "USD", amount=amount)


def known(database: Database, name: str = NAME, brand: str = BRAND, connection: str = CONNECTION) -> KnownAlias:
    [found] = aliases.load(database, brand, connection, [name])
    return found


def wait(database: Database, *said: Event, name: str = NAME) -> KnownAlias:
    """As it was read before."""
    before = known(database, name)
    writes = aliases.wait(before, said)
    assert writes is not None
    database.commit(writes)
    return before


def claim(database: Database, *found: KnownAlias, order: str = "1") -> None:
    writes = Writes()
    for name in found:
        aliases.claim(writes, name, order)
    database.commit(writes)


def waiting(found: KnownAlias) -> list[Event]:
    return sorted(found.waiting.values(), key=lambda fact: fact.id)


def test_of_a_name_that_nobody_has_said_nothing_is_known(database: Database) -> None:
    assert known(database) == KnownAlias("brd_1#X#con_1#pi_1")


def test_what_waits_is_what_was_said_in_its_newest_version(database: Database) -> None:
    others: list[Event] = [Dispute("d1", NOON, "open"), Cancellation("c1", NOON)]
    wait(database, refund(), *others)
    wait(database, refund(minute=1, amount=9))
    assert waiting(known(database)) == [*reversed(others), refund(minute=1, amount=9)]
    assert (known(database).version, known(database).external_id) == (2, None)


def test_what_says_nothing_new_is_not_written(database: Database) -> None:
    wait(database, refund(minute=1))
    for said in ([refund(minute=1)], [refund(minute=0, amount=9)], []):
        assert aliases.wait(known(database), said) is None


def test_a_claimed_name_is_its_order_s_for_good_and_nothing_waits_under_it(database: Database) -> None:
    wait(database, refund())
    claim(database, known(database))
    assert known(database) == KnownAlias("brd_1#X#con_1#pi_1", 2, "1")
    with pytest.raises(Refused):
        claim(database, KnownAlias("brd_1#X#con_1#pi_1", 1), order="2")
    assert known(database).external_id == "1"


def test_what_came_to_wait_since_it_was_read_refuses_the_claim(database: Database) -> None:
    """Nothing is left behind, whether something waited before or not."""
    for name, first in (("pi_1", []), ("pi_2", [refund()])):
        if first:
            wait(database, *first, name=name)
        read = known(database, name)
        wait(database, refund("r2"), name=name)
        with pytest.raises(Refused) as refusal:
            claim(database, read)
        assert [item.pk for item in refusal.value.items] == [read.pk]
        assert isinstance(refusal.value.items[0], Alias)
        assert known(database, name).external_id is None


def test_a_claim_since_it_was_read_refuses_what_comes_to_wait(database: Database) -> None:
    for name, first in (("pi_1", []), ("pi_2", [refund()])):
        if first:
            wait(database, *first, name=name)
        read = known(database, name)
        claim(database, read)
        writes = aliases.wait(read, [refund("r2")])
        assert writes is not None
        with pytest.raises(Refused):
            database.commit(writes)
        assert known(database, name).external_id == "1"


def test_of_two_who_wait_at_once_the_second_reads_again(database: Database) -> None:
    read = known(database)
    wait(database, refund("r1"))
    second = aliases.wait(read, [refund("r2")])
    assert second is not None
    with pytest.raises(Refused):
        database.commit(second)
    wait(database, refund("r2"))
    assert waiting(known(database)) == [refund("r1"), refund("r2")]


def test_several_names_are_claimed_together_or_not_at_all(database: Database) -> None:
    wait(database, refund(), name="pi_2")
    stale = [known(database, "pi_1"), known(database, "pi_2")]
    wait(database, refund("r2"), name="pi_2")
    with pytest.raises(Refused) as refusal:
        claim(database, *stale)
    assert [item.pk for item in refusal.value.items] == [stale[1].pk]
    assert known(database, "pi_1") == KnownAlias(stale[0].pk)


def test_the_same_name_at_another_connection_or_brand_is_another(database: Database) -> None:
    wait(database, refund())
    claim(database, known(database))
    for brand, connection in (("brd_2", CONNECTION), (BRAND, "con_2")):
        apart = known(database, NAME, brand, connection)
        assert (apart.version, apart.external_id, apart.waiting) == (0, None, {})


def test_names_come_in_the_order_asked_for_in_one_request_and_one_for_each_that_something_waits_for(
    deployment: Deployment, database: Database
) -> None:
    wait(database, refund(), name="b")
    wait(database, refund(), name="c")
    claim(database, known(database, "c"))
    with metered(deployment) as meter:
        found = aliases.load(database, BRAND, CONNECTION, ["c", "a", "b"])
    assert [each.pk.rpartition("#")[2] for each in found] == ["c", "a", "b"]
    assert meter.requests == ["BatchGetItem", "Query"]
    with metered(deployment) as meter:
        assert aliases.load(database, BRAND, CONNECTION, []) == []
    assert meter.requests == []


def test_more_than_a_page_holds_waits(database: Database) -> None:
    """A megabyte is one."""
    said = [Dispute(f"{place:03}{'x' * 900}", NOON, "open") for place in range(700)]
    for portion in batched(said, 90, strict=False):
        wait(database, *portion)
    assert set(known(database).waiting.values()) == set(said)


@pytest.mark.parametrize("names", [[], ["pi_1"], ["ch_1", "pi_1", "pi#1", "#", "מזהה"]])
def test_an_order_s_names_are_those_that_it_has_claimed(database: Database, names: Sequence[str]) -> None:
    if names:
        claim(database, *(known(database, name) for name in names))
    claim(database, known(database, "other"), order="2")
    wait(database, refund(), name="nobody's")
    assert sorted(aliases.of_order(database, BRAND, CONNECTION, "1")) == sorted(names)
    assert list(aliases.of_order(database, BRAND, "con_2", "1")) == []
    assert list(aliases.of_order(database, "brd_2", CONNECTION, "1")) == []


def test_an_order_s_names_may_be_more_than_a_page(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aliases, "_PAGE", 2)
    names = [f"pi_{number}" for number in range(5)]
    claim(database, *(known(database, name) for name in names))
    assert sorted(aliases.of_order(database, BRAND, CONNECTION, "1")) == names


def test_an_order_that_became_another_s_name_means_that_one_and_brings_its_own_names(database: Database) -> None:
    claim(database, known(database, "pi_1"), order="in_1")
    claim(database, known(database, "pi_2"), known(database, "in_1"), order="cs_1")
    behind = [aliases.order_behind(database, BRAND, CONNECTION, each) for each in ("pi_1", "in_1", "pi_2", "cs_1", "x")]
    assert behind == ["cs_1", "cs_1", "cs_1", "cs_1", "x"]
    assert sorted(aliases.of_order(database, BRAND, CONNECTION, "cs_1")) == ["in_1", "pi_1", "pi_2"]


def test_of_orders_that_had_claimed_each_other_the_smaller_would_be_meant(database: Database) -> None:
    claim(database, known(database, "b"), known(database, "pi_1"), order="a")
    claim(database, known(database, "c"), order="b")
    claim(database, known(database, "a"), order="c")
    assert {aliases.order_behind(database, BRAND, CONNECTION, each) for each in ("a", "b", "c", "pi_1")} == {"a"}
    assert sorted(aliases.of_order(database, BRAND, CONNECTION, "a")) == ["b", "c", "pi_1"]


def test_a_name_that_is_held_is_nobody_s_until_then_and_keeps_what_waits(database: Database) -> None:
    wait(database, refund())
    read = known(database)
    writes = Writes()
    aliases.hold(writes, read)
    database.commit(writes)
    assert known(database) == replace(read, version=read.version + 1)
    late = Writes()
    aliases.claim(late, read, "1")
    with pytest.raises(Refused):
        database.commit(late)

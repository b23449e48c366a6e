"""Facts that speak of an order by another name: they wait, are taken with the claim, and none is lost on the way."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import count, permutations
from threading import Barrier
from typing import Any

import pytest

from tests.faults.injection import KINDS, Died, injected, kinds
from tests.faults.test_counts import metered
from tests.faults.world import World
from tests.fixtures import NOON
from vouch.domain import times
from vouch.domain.facts import Cancellation, Decision, Event, Fact, Lifecycle, Line, Refund, Shadow, Snapshot
from vouch.platforms.base import Aside, Reading
from vouch.service import deliveries, orders
from vouch.service.deployment import Deployment
from vouch.service.orders import NameTaken, Target
from vouch.store import aliases, inbox
from vouch.store import database as requests
from vouch.store import orders as store
from vouch.store.database import Database, Writes
from vouch.store.inbox import Door

PLACED = NOON - timedelta(days=1)
CONNECTION = "con_other"
NOA = 1_275
"""Of 100.00."""


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "_PAUSE_MAX", 0.01)


def target(world: World, external_id: str = "1", connection_id: str | None = CONNECTION) -> Target:
    return Target(world.brand_id, world.brand.mode, connection_id, external_id)


def sold(code: str = "noa10", minute: int = 0) -> Snapshot:
    return Snapshot(
        updated_at=PLACED + timedelta(minutes=minute),
        placed_at=PLACED,
        lifecycle=Lifecycle.PAID,
        currency="USD",
        lines=(Line("1", 1, 10_000),),
        platform="stripe",
        codes=(code,),
    )


def refund(name: str = "r1", amount: int = 1_000) -> Refund:
    return Refund(name, PLACED + timedelta(hours=1), "USD", amount=amount)


def tell(world: World, *said: Fact, names: Sequence[str] = ("pi_1",), external_id: str = "1") -> bool:
    """An order that goes by these names, too."""
    return orders.apply(world.deployment, target(world, external_id), said or [sold()], names=names)


def mention(world: World, *said: Event, name: str = "pi_1") -> bool:
    """Facts under another name."""
    return orders.hear_aside(world.deployment, target(world, name), name, said or [refund()])


def known(world: World, external_id: str = "1", connection_id: str | None = CONNECTION) -> store.StoredOrder | None:
    order_id = store.order_id(world.brand_id, connection_id, external_id)
    return store.load(world.deployment.database, world.brand_id, order_id)


def order(world: World, external_id: str = "1") -> store.StoredOrder:
    found = known(world, external_id)
    assert found is not None
    return found


def net(world: World, external_id: str = "1") -> int:
    return sum(each.earned - each.reversed for each in order(world, external_id).commissions)


def named(world: World, name: str = "pi_1") -> aliases.KnownAlias:
    [found] = aliases.load(world.deployment.database, world.brand_id, CONNECTION, [name])
    return found


def refunds(world: World, external_id: str = "1") -> list[str]:
    return [each.id for each in order(world, external_id).facts.refunds]


# --- what waits, and who takes it -------------------------------------------------------------------------------------


def test_a_refund_that_comes_before_its_order_waits_and_counts_with_the_order_s_first_version(world: World) -> None:
    assert mention(world)
    assert known(world) is None
    assert tell(world)
    assert (net(world), order(world).version, refunds(world)) == (1_148, 1, ["r1"])
    assert named(world).external_id == "1"
    world.assert_invariants()


def test_one_that_comes_after_goes_to_the_order_at_once(world: World) -> None:
    tell(world)
    assert (net(world), order(world).version) == (NOA, 1)
    assert mention(world)
    assert (net(world), order(world).version) == (1_148, 2)
    assert not named(world).waiting


def test_what_was_heard_already_changes_nothing_whether_it_waits_or_not(world: World) -> None:
    assert mention(world)
    assert not mention(world)
    tell(world)
    assert not mention(world)
    assert not tell(world)
    assert order(world).version == 1


def test_an_order_takes_what_waits_under_all_of_its_names(world: World) -> None:
    mention(world, refund("r1"), name="pi_1")
    mention(world, refund("r2"), refund("r3"), name="ch_1")
    mention(world, refund("r4"), name="ch_2")
    tell(world, names=["in_1", "ch_1", "pi_1"])
    assert (refunds(world), order(world).version) == (["r1", "r2", "r3"], 1)
    tell(world, names=["ch_2"])
    assert refunds(world) == ["r1", "r2", "r3", "r4"]


def test_a_name_that_is_told_twice_is_claimed_once(world: World) -> None:
    mention(world)
    tell(world, names=["pi_1", "pi_1"])
    assert (refunds(world), named(world).version) == (["r1"], 2)


def test_the_same_name_at_another_connection_or_of_another_brand_is_apart(world: World) -> None:
    deployment, other = world.deployment, World(world.deployment, "other").build()
    mention(world)
    elsewhere = target(world, "1", "con_third")
    for apart in (elsewhere, target(other)):
        orders.apply(deployment, apart, [sold()], names=["pi_1"])
    tell(world)
    assert net(world) == 1_148
    assert net(other) == NOA
    third = known(world, "1", "con_third")
    assert third is not None
    assert (third.facts.refunds, third.version) == ([], 1)


def test_without_a_connection_an_order_has_no_other_names(world: World) -> None:
    rest = target(world, "1", None)
    with metered(world.deployment) as meter:
        orders.apply(world.deployment, rest, [sold()], names=["pi_1"])
    assert sum(operation == "TransactWriteItems" for operation in meter.requests) == 1
    assert named(world) == aliases.KnownAlias(named(world).pk)


def test_a_name_of_another_order_s_is_refused_and_nothing_is_written(world: World) -> None:
    tell(world)
    with pytest.raises(NameTaken) as taken:
        tell(world, external_id="2", names=["pi_2", "pi_1"])
    assert taken.value.external_id == "1"
    assert known(world, "2") is None
    assert named(world, "pi_2").version == 0


# --- races ------------------------------------------------------------------------------------------------------------


def meanwhile(world: World, monkeypatch: pytest.MonkeyPatch, *jobs: Callable[[], object]) -> None:
    """Before each of the next transactions, save its own, one of these is done."""
    commit, left, busy = world.deployment.database.commit, list(jobs), False

    def commit_late(writes: Writes) -> None:
        nonlocal busy
        if left and not busy:
            busy = True
            left.pop(0)()
            busy = False
        commit(writes)

    monkeypatch.setattr(world.deployment.database, "commit", commit_late)


def test_what_comes_to_wait_between_the_reading_and_the_claim_is_taken_too(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    mention(world, refund("r1"))
    meanwhile(world, monkeypatch, lambda: mention(world, refund("r2")), lambda: mention(world, refund("r3")))
    tell(world)
    assert (refunds(world), order(world).version) == (["r1", "r2", "r3"], 1)


def test_what_means_to_wait_while_the_name_is_claimed_goes_to_the_order(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    meanwhile(world, monkeypatch, lambda: tell(world))
    mention(world)
    assert (refunds(world), order(world).version, net(world)) == (["r1"], 2, 1_148)


def test_of_two_orders_that_claim_a_name_one_has_it_with_all_that_waited(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    mention(world)
    meanwhile(world, monkeypatch, lambda: tell(world, external_id="2"))
    with pytest.raises(NameTaken) as taken:
        tell(world)
    assert taken.value.external_id == "2"
    assert known(world) is None
    assert refunds(world, "2") == ["r1"]


def test_a_name_that_changes_hands_faster_than_it_is_read_is_contended(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = count()
    jobs = [lambda: mention(world, refund(f"r{next(numbers)}"))] * 40
    meanwhile(world, monkeypatch, *jobs)
    with pytest.raises(orders.Contended):
        tell(world)
    monkeypatch.undo()
    tell(world)
    assert len(refunds(world)) == next(numbers) > 1


def at_once(*jobs: Callable[[], Any]) -> list[Any]:
    """What each came to, or its exception; all begin together."""
    start = Barrier(len(jobs))

    def run(job: Callable[[], Any]) -> Any:
        start.wait()
        try:
            return job()
        except Exception as failure:  # noqa: BLE001 - for the test to look at
            return failure

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(run, jobs))


def insistent(job: Callable[[], Any]) -> Callable[[], Any]:
    """As the stream is: what the world refuses comes again."""

    def insist() -> Any:
        for _ in range(20):
            try:
                return job()
            except requests.FAILURES:
                continue
        raise AssertionError("it never gets through")

    return insist


def test_at_once_no_fact_is_left_behind_and_no_name_has_two_orders(world: World) -> None:
    """On the engine, from eight hands."""
    for turn in range(4):
        name, said = f"pi_{turn}", [refund(f"r{number}", 10) for number in range(5)]
        asides = [insistent(partial(mention, world, fact, name=name)) for fact in said]
        tells = [
            insistent(partial(tell, world, external_id=who, names=[name]))
            for who in (f"{turn}a", f"{turn}b", f"{turn}c")
        ]
        outcomes = at_once(*asides, *tells)
        failed = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
        assert [type(failure) for failure in failed] == [NameTaken] * 2
        owner = named(world, name).external_id
        assert owner is not None
        assert {str(failure) for failure in failed} == {owner}
        assert [each for each in (f"{turn}a", f"{turn}b", f"{turn}c") if known(world, each)] == [owner]
        assert refunds(world, owner) == ["r0", "r1", "r2", "r3", "r4"]
    world.assert_invariants()


# --- what a transaction does not hold, and who dies on the way --------------------------------------------------------


def wait_many(world: World, many: int) -> list[str]:
    said = [refund(f"r{number:03}", 10) for number in range(many)]
    mention(world, *said)
    return [each.id for each in said]


def test_more_facts_than_a_transaction_holds_wait_and_are_taken_in_portions_the_name_with_the_last(
    world: World,
) -> None:
    ids = wait_many(world, 205)
    with metered(world.deployment) as meter:
        tell(world)
    assert meter.requests.count("TransactWriteItems") == 3
    assert (refunds(world), order(world).version) == (ids, 3)
    assert named(world).external_id == "1"
    world.assert_invariants()


@pytest.mark.parametrize("kind", ["crash before", "crash after", "fails after"])
def test_who_dies_between_portions_begins_anew_and_takes_the_rest(deployment: Deployment, kind: str) -> None:
    with injected(deployment) as faults:
        whole = World(deployment, "whole").build()
        ids = wait_many(whole, 165)
        with faults.breaking(0, ""):
            tell(whole)
        writes = [number for number, call in enumerate(faults.calls, 1) if call == "TransactWriteItems"]
        assert len(writes) == 3
        for number in writes:
            broken = World(deployment, f"{kind} {number}").build()
            wait_many(broken, 165)
            with faults.breaking(number, kind), pytest.raises((Died, *requests.FAILURES)):
                tell(broken)
            claimed = number == writes[-1] and kind.endswith("after")
            assert (named(broken).external_id == "1") == claimed
            mention(broken, refund("r999", 10))
            tell(broken)
            assert refunds(broken) == [*ids, "r999"]
            assert named(broken).external_id == "1"
            broken.assert_invariants()


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_call_of_a_claim_fails_it_comes_to_the_same(deployment: Deployment, kind: str) -> None:
    """The lost answer of the transaction that claims, too."""

    def job(world: World) -> bool:
        mention(world, refund("r2"))
        return tell(world)

    with injected(deployment) as faults:
        whole = World(deployment, "whole").build()
        mention(whole, refund("r1"))
        with faults.breaking(0, ""):
            job(whole)
        numbers = [number for number, call in enumerate(faults.calls, 1) if kind in kinds(call)]
        for number in numbers:
            world = World(deployment, f"brand {number}").build()
            mention(world, refund("r1"))
            with faults.breaking(number, kind), suppress(Died, *requests.FAILURES):
                job(world)
            job(world)
            assert (refunds(world), net(world), named(world).external_id) == (["r1", "r2"], 1_020, "1")
            assert not job(world)
            world.assert_invariants()
    assert numbers


# --- a sale that two objects tell -------------------------------------------------------------------------------------


def settle(
    world: World, monkeypatch: pytest.MonkeyPatch, said: Reading | Aside, *, platform: str = "stripe"
) -> deliveries.Outcome:
    """A delivery that says so."""
    door = Door(world.brand_id, world.brand.mode, platform, CONNECTION)
    delivery = inbox.delivery(door, {}, b"", platform_delivery_id="d", subject="s", kept=(), now=world.deployment.now())
    monkeypatch.setattr(deliveries, "read", lambda *_: said)
    return deliveries.settle_delivery(world.deployment, delivery)


def settle_behind(world: World, monkeypatch: pytest.MonkeyPatch, first: Reading | Aside, said: Reading | Aside) -> None:
    """Settles `said` on what was read before `first` was settled, up to where it writes."""
    real, waiting = Database.commit, [first]

    def after_another(self: Database, writes: Writes) -> None:
        if waiting:
            with monkeypatch.context() as patch:
                settle(world, patch, waiting.pop())
        real(self, writes)

    with monkeypatch.context() as patch:
        patch.setattr(Database, "commit", after_another)
        settle(world, patch, said)


SESSION = Reading("cs_1", (sold(),), aliases=("pi_1",))
INVOICE = Reading("in_1", (sold("dan10", minute=5), refund("r1")), aliases=("pi_1", "ch_1"))


@pytest.mark.parametrize(
    "later, codes", [(INVOICE.facts[0], ("dan10",)), (replace(sold("dan10"), placed_at=NOON), ("noa10", "dan10"))]
)
def test_what_another_object_has_told_it_tells_further_as_evidence_if_births_differ(
    world: World, monkeypatch: pytest.MonkeyPatch, later: Snapshot, codes: tuple[str, ...]
) -> None:
    invoice = replace(INVOICE, facts=(later, refund("r1")))
    assert settle(world, monkeypatch, SESSION).ending == "applied"
    assert settle(world, monkeypatch, invoice).ending == "applied"
    assert settle(world, monkeypatch, invoice).ending == "unchanged"
    told = order(world, "cs_1").facts.snapshot
    assert told is not None
    assert (told.codes, told.placed_at, refunds(world, "cs_1")) == (codes, PLACED, ["r1"])
    assert known(world, "in_1") is None


def test_its_other_names_are_the_order_s_too_with_what_waits_under_them(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(world, monkeypatch, Aside("ch_1", (refund("r2"),)))
    settle(world, monkeypatch, Aside("in_1", (refund("r3"),)))
    settle(world, monkeypatch, SESSION)
    settle(world, monkeypatch, INVOICE)
    settle(world, monkeypatch, Aside("ch_1", (refund("r4"),)))
    assert refunds(world, "cs_1") == ["r1", "r2", "r3", "r4"]
    assert {named(world, name).external_id for name in ("pi_1", "ch_1", "in_1")} == {"cs_1"}


def test_what_had_become_an_order_of_its_own_is_shadowed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    settle(world, monkeypatch, Reading("in_1", INVOICE.facts))
    assert net(world, "in_1") > 0
    settle(world, monkeypatch, SESSION)
    settle(world, monkeypatch, INVOICE)
    assert (net(world, "in_1"), order(world, "in_1").summary["reason"]) == (0, "shadow")
    [shadow] = [event for event in order(world, "in_1").facts.events.values() if isinstance(event, Shadow)]
    assert shadow == Shadow(order(world, "cs_1").id, times.EPOCH)
    assert net(world, "cs_1") == 1_148
    world.assert_invariants()


def test_names_that_are_a_third_order_s_stay_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    settle(world, monkeypatch, SESSION)
    settle(world, monkeypatch, Reading("cs_2", (sold(),), aliases=("ch_1",)))
    settle(world, monkeypatch, INVOICE)
    assert [named(world, name).external_id for name in ("pi_1", "ch_1", "in_1")] == ["cs_1", "cs_2", "cs_1"]


PAYMENTS = (
    SESSION,
    Reading("in_1", (), aliases=("pi_1",)),
    Reading("in_1", (), aliases=("pi_2",)),
    Aside("pi_2", (refund("r1"),)),
)
"""A session, the two payments of the invoice that it does not name, and what was given back of the second one."""


@pytest.mark.parametrize("sequence", list(permutations(range(4))), ids=lambda each: "".join(map(str, each)))
def test_an_invoice_whose_payments_come_to_light_one_by_one_is_one_sale_in_whatever_order(
    world: World, monkeypatch: pytest.MonkeyPatch, sequence: tuple[int, ...]
) -> None:
    """The session's or the invoice's, whichever claims the first payment first."""
    for place in sequence:
        settle(world, monkeypatch, PAYMENTS[place])
    again = [settle(world, monkeypatch, said).ending for said in PAYMENTS]
    assert again == ["unchanged"] * 4
    sales = {name: order(world, name) for name in ("cs_1", "in_1") if known(world, name)}
    earning = [name for name, sale in sales.items() if sale.commissions and net(world, name)]
    assert [(net(world, name), refunds(world, name)) for name in earning] == [(1_148, ["r1"])]
    world.assert_invariants()


def test_what_an_order_was_told_the_sale_is_told_that_it_turns_out_to_be(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the brand has decided of it is about that order alone."""
    settle(world, monkeypatch, Reading("in_1", INVOICE.facts, aliases=("pi_2",)))
    settle(world, monkeypatch, Aside("pi_2", (refund("r2"),)))
    settle(world, monkeypatch, replace(SESSION, facts=(replace(sold(), lifecycle=Lifecycle.OPEN, paid=False),)))
    orders.apply(world.deployment, target(world, "in_1"), [Decision("dec_1", NOON, "reject", "usr_1", "twice")])
    settle(world, monkeypatch, Reading("in_1", (), aliases=("pi_1",)))
    assert (refunds(world, "cs_1"), net(world, "cs_1"), net(world, "in_1")) == (["r1", "r2"], 1_020, 0)
    told = order(world, "cs_1").facts
    assert (told.decision("reject"), told.told and told.told.codes) == (None, ("dan10",))
    settle(world, monkeypatch, Aside("pi_2", (refund("r3"),)))
    assert refunds(world, "cs_1") == ["r1", "r2", "r3"]
    assert refunds(world, "in_1") == ["r1", "r2"]
    world.assert_invariants()


@pytest.mark.parametrize("first", ["order", "refund"])
def test_an_order_that_goes_by_its_own_name_hears_what_speaks_of_it(
    world: World, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    """As a payment of Square's that is no order's does."""
    payment, given_back = Reading("pay_1", (sold(),), aliases=("pay_1",)), Aside("pay_1", (refund("r1"),))
    for said in (payment, given_back) if first == "order" else (given_back, payment):
        assert settle(world, monkeypatch, said).ending == "applied"
    assert [settle(world, monkeypatch, said).ending for said in (payment, given_back)] == ["unchanged"] * 2
    assert (refunds(world, "pay_1"), net(world, "pay_1")) == (["r1"], 1_148)
    settle(world, monkeypatch, Reading("o_1", (sold(minute=5),), aliases=("pay_1",)))
    assert (net(world, "pay_1"), known(world, "o_1")) == (1_148, None)
    settle(world, monkeypatch, Reading("o_1", (Cancellation("off", NOON),)))
    assert (net(world, "pay_1"), known(world, "o_1")) == (0, None)


def test_a_platform_without_other_names_looks_for_none(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    settle(world, monkeypatch, Reading("1", (sold(),)))
    with monkeypatch.context() as patch:
        patch.setattr(aliases, "load", None)
        assert settle(world, patch, Reading("1", (refund(),)), platform="shopify").ending == "applied"
    assert net(world) == 1_148


def test_of_two_orders_that_would_claim_each_other_only_one_does(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has found the other's name on its own, and writes when both have looked."""
    settle(world, monkeypatch, Reading("cs_1", (sold(),), aliases=("pi_1",)))
    settle(world, monkeypatch, Reading("in_1", (sold(minute=5),), aliases=("pi_2",)))
    told = [Reading(name, (), aliases=("pi_1", "pi_2")) for name in ("cs_1", "in_1")]
    settle_behind(world, monkeypatch, *told)
    assert {named(world, name).external_id for name in ("cs_1", "in_1")} == {"in_1", None}
    assert (net(world, "in_1"), net(world, "cs_1")) == (NOA, 0)
    world.assert_invariants()


@pytest.mark.parametrize("said", [PAYMENTS[2], PAYMENTS[3]], ids=["a payment", "a refund"])
def test_what_an_order_hears_while_it_turns_out_to_be_another_s_sale_is_not_lost(
    world: World, monkeypatch: pytest.MonkeyPatch, said: Reading | Aside
) -> None:
    """It is written when the one who finds that out has looked already."""
    settle(world, monkeypatch, Reading("in_1", (sold(minute=5),), aliases=("pi_2",)))
    settle(world, monkeypatch, SESSION)
    if isinstance(said, Reading):
        said = replace(said, facts=(refund("r1"),))
    settle_behind(world, monkeypatch, PAYMENTS[1], said)
    assert named(world, "in_1").external_id == "cs_1"
    assert refunds(world, "cs_1") == ["r1"]
    assert (net(world, "cs_1"), net(world, "in_1")) == (1_148, 0)

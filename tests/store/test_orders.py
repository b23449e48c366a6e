"""An order's partition: what was written is what is read, whole or not at all."""

import random
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.faults.shop import Sale, incompressible
from tests.faults.world import World
from tests.fixtures import NOON
from vouch.domain import facts, times
from vouch.domain.attribution import Touch
from vouch.domain.context import Context, Membership, Product
from vouch.domain.facts import Lifecycle, Line, OrderFacts, Refund, RefundLine, Snapshot, Standing
from vouch.domain.ledger import Counted, creator_account, settlement_entry
from vouch.domain.rates import Rate
from vouch.domain.settlement import Earning, Posting, Settlement
from vouch.service.deployment import Deployment
from vouch.store import database as requests
from vouch.store import ledger, orders
from vouch.store.database import TRANSACTION_MAX, Writes
from vouch.store.orders import StoredOrder, Torn
from vouch.store.tables import EntryItem, Item, Main, Order, OrderPart

PLACED = NOON - timedelta(days=1)
CONTEXT = Context(
    touches={"code:noa": (Touch("code", "noa", None, "cre_1", "prg_1", 1, ("old", "new")),), "click:x": ()},
    members={
        ("cre_1", "prg_1"): Membership("gold", 12, "cre_2", NOON, ("old",), "not_enrolled"),
        ("cre_2", "prg_1"): Membership(volume=0),
    },
    standings={
        "customer:somebody": Standing(
            "customer:somebody",
            times.EPOCH,
            3,
            first=False,
            origin="ord_0",
            origin_at=NOON,
            creator_id="cre_1",
            program_id="prg_1",
        ),
        "subscription:monthly": Standing("subscription:monthly", times.EPOCH, payments_before=4),
    },
    products={"mug": Product(("sale",), ("kitchen",)), "pot": Product(known=False)},
    rates={("USD", "ILS"): Rate(37_215, 10_000, "bank", NOON)},
    tied=False,
    only_program="prg_1",
    test_brand=True,
    guessed_at=PLACED,
    sighted={"click:c1": (Touch("click", "c1", NOON, "cre_1", "prg_1"),)},
)


def snapshot(lines: int = 2, **changes: Any) -> Snapshot:
    sold = tuple(Line(f"line {place}", 2, 1_000, sku="מידה M") for place in range(lines))
    said: dict[str, Any] = {"updated_at": NOON, "placed_at": PLACED, "lifecycle": Lifecycle.PAID, "currency": "ILS"}
    return Snapshot(**said, lines=sold, platform="shopify", **changes)


def refund(name: str) -> Refund:
    return Refund(id=name, updated_at=NOON, currency="ILS", amount=7)


def settlement(*creators: str, net: int = 80, held: bool = False, recruited: int = 0) -> Settlement:
    counted = Counted("prg_1", 1, "2026-05") if recruited else None
    earnings = tuple(
        Earning(creator, "prg_1", 1, "ILS", 100, 100 - net, NOON, held=held, counted=counted, recruited=recruited)
        for creator in creators
    )
    return Settlement("paid", "ILS", 1_000, 0, None, earnings, (), (), None)


def write(before: StoredOrder, snapshot: Snapshot | None, names: list[str], *creators: str, **said: Any) -> Writes:
    after, changed = before.facts.with_facts([*([snapshot] if snapshot else []), *map(refund, names)])
    settled = settlement(*creators, **said)
    step = orders.step(before, after, settled)
    posted = [
        settlement_entry(each, order_id=before.id, version=before.version + 1, number=number, now=NOON)
        for number, each in enumerate(step.differences)
    ]
    return orders.writes(before, after, changed, CONTEXT, settled, step, posted)


NEW = StoredOrder("ord_1", "brd_1", "con_1", "#1001")


def load(deployment: Deployment) -> StoredOrder:
    found = orders.load(deployment.database, "brd_1", "ord_1")
    assert found is not None
    return found


def test_what_was_written_is_read(deployment: Deployment) -> None:
    deployment.database.commit(write(NEW, snapshot(), ["r1", "r2"], "cre_1"))
    found = load(deployment)
    assert (found.id, found.external_id, found.connection_id, found.version) == ("ord_1", "#1001", "con_1", 1)
    assert found.facts == OrderFacts(snapshot(), {("refund", name): refund(name) for name in ("r1", "r2")})
    assert found.context == CONTEXT
    assert found.posted == {Posting("cre_1", "earned", "ILS", NOON): 80}
    assert (found.summary["status"], found.summary["commissions"][0]["earned"]) == ("paid", 100)
    assert [(item.creator_id, item.earned, item.reversed) for item in found.commissions] == [("cre_1", 100, 20)]
    assert orders.load(deployment.database, "brd_1", "ord_2") is None


def test_order_that_only_refunds_are_known_of_is_listed_by_their_time_until_it_says_its_own(
    deployment: Deployment,
) -> None:
    deployment.database.commit(write(NEW, None, ["r1"]))
    assert load(deployment).facts.snapshot is None
    places = []
    for _ in range(2):
        item = deployment.database.get(Order, "brd_1#O#ord_1", "O")
        assert item is not None
        places.append((item.g1pk, item.g1sk))
        deployment.database.commit(write(load(deployment), snapshot(), [], "cre_1"))
    assert places == [("brd_1#O", f"{times.text(moment)}#ord_1") for moment in (NOON, PLACED)]


def test_creator_who_lost_the_credit_keeps_what_was_earned_all_of_it_taken_back(deployment: Deployment) -> None:
    deployment.database.commit(write(NEW, snapshot(), [], "cre_1", "cre_2"))
    for hours in (1, 2):
        moved = snapshot(triggered_at=NOON + timedelta(hours=hours))
        deployment.database.commit(write(load(deployment), moved, [], "cre_2"))
        found = load(deployment)
        parts = [(item.creator_id, item.earned, item.reversed) for item in found.commissions]
        assert parts == [("cre_1", 100, 100), ("cre_2", 100, 20)]
        said = [(part["creator_id"], part["earned"], part["reversed"]) for part in _parts(found)]
        assert sorted(said) == parts
    assert [item.version for item in load(deployment).commissions] == [2, 1], (
        "what does not change is not written again"
    )


def _parts(order: StoredOrder) -> list[dict[str, Any]]:
    assert [part["creator_id"] for part in order.summary["former"]] == ["cre_1"]
    return [*order.summary["commissions"], *order.summary["former"]]


def test_commissions_go_with_the_birth_of_their_order(deployment: Deployment) -> None:
    guess = snapshot(placed_at_guessed=True)
    deployment.database.commit(write(NEW, guess, [], "cre_1", "cre_2"))
    said = replace(guess, placed_at=PLACED - timedelta(days=3), placed_at_guessed=False, triggered_at=NOON)
    deployment.database.commit(write(load(deployment), said, [], "cre_2"))
    assert {item.placed_at for item in load(deployment).commissions} == {times.text(said.placed_at)}
    assert {item.g1sk for item in load(deployment).commissions} == {f"{times.text(said.placed_at)}#ord_1"}


def test_second_writer_from_the_same_version_is_refused(deployment: Deployment) -> None:
    deployment.database.commit(write(NEW, snapshot(), [], "cre_1"))
    before = load(deployment)
    deployment.database.commit(write(before, None, ["r1"], "cre_1", net=70))
    for late in (NEW, before):
        with pytest.raises(requests.Refused):
            deployment.database.commit(write(late, None, ["r2"], "cre_1", net=60))
    assert [*load(deployment).facts.events] == [("refund", "r1")]


def test_snapshot_that_no_item_holds_lies_in_pieces_that_may_shrink_again(deployment: Deployment) -> None:
    noise = incompressible(4_000 * 250)
    lines = tuple(Line(str(place), 1, 1, sku=noise[250 * place :][:250]) for place in range(4_000))
    large = facts.Snapshot(NOON, PLACED, Lifecycle.PAID, "ILS", lines, "shopify")
    deployment.database.commit(write(NEW, large, [], "cre_1"))
    pieces = list(deployment.database.query(OrderPart, "brd_1#O#ord_1"))
    assert [piece.sk for piece in pieces] == ["S#0000", "S#0001", "S#0002"]
    assert load(deployment).facts.snapshot == large
    small = snapshot(triggered_at=NOON)
    deployment.database.commit(write(load(deployment), small, [], "cre_1"))
    assert load(deployment).facts.snapshot == small
    larger = facts.Snapshot(NOON + timedelta(1), PLACED, Lifecycle.PAID, "ILS", lines[1:], "shopify")
    deployment.database.commit(write(load(deployment), larger, [], "cre_1"))
    assert load(deployment).facts.snapshot == larger


def test_a_large_order_that_changes_as_much_as_a_step_may_fits_one_transaction(deployment: Deployment) -> None:
    """Creators who sold it and recruited each other are held, in an order as large as a body may be, with refunds."""
    noise = incompressible(5_000 * 640)
    lines = tuple(
        Line(str(place), 1, 1, sku=noise[640 * place :][:250], product_id=noise[640 * place + 250 :][:250])
        for place in range(5_000)
    )
    large = facts.Snapshot(NOON, PLACED, Lifecycle.PAID, "ILS", lines, "shopify", triggered_at=NOON)
    creators = [f"cre_{place:02}" for place in range(orders.CREATORS_MAX)]
    deployment.database.commit(write(NEW, snapshot(), [], *creators, recruited=10))
    writes = write(load(deployment), large, [f"r{place}" for place in range(10)], *creators, held=True, recruited=10)
    assert sum(isinstance(item, EntryItem) for item in _puts(writes)) == 4 * orders.CREATORS_MAX
    assert sum(isinstance(item, OrderPart) for item in _puts(writes)) > 3
    assert len(writes) <= TRANSACTION_MAX
    deployment.database.commit(writes)


def test_more_creators_than_one_transaction_takes_come_in_several(deployment: Deployment) -> None:
    """Fifty are posted, held, and give way to fifty others; what stands after each step is what was posted by then."""
    some, others = ([f"cre_{place:02}" for place in range(begin, begin + 50)] for begin in (0, 50))
    found, standing = NEW, dict[tuple[str, str], int]()
    for creators, held in ((some, False), (some, True), (others, False)):
        found = replace(found, unfinished=True)
        steps = 0
        while found.unfinished:
            writes = write(found, snapshot(triggered_at=NOON), [], *creators, held=held)
            assert len(writes) <= TRANSACTION_MAX
            deployment.database.commit(writes)
            found, steps = load(deployment), steps + 1
            standing = {(posting.creator_id, posting.part): amount for posting, amount in found.posted.items()}
            assert standing == ledger_sums(deployment, [*some, *others])
        part = "held" if held else "earned"
        assert standing == {(creator, part): 80 for creator in creators}
        assert steps == (7 if creators is others else 4)
        assert {item.creator_id for item in found.commissions if item.earned > item.reversed} == {*creators}


def test_who_compares_waits_while_more_is_being_posted(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orders, "CREATORS_MAX", 2)
    creators = [f"cre_{place:02}" for place in range(41)]
    deployment.database.commit(write(NEW, snapshot(), [], *creators))
    looks: list[int] = []

    def go_on(attempt: int) -> None:
        looks.append(attempt)
        if len(looks) % 3 == 0:
            deployment.database.commit(write(load(deployment), None, [], *creators))

    monkeypatch.setattr(orders, "pause", go_on)
    found = orders.load_finished(deployment.database, "brd_1", "ord_1")
    assert found is not None
    assert (found.unfinished, len(found.posted)) == (False, 41)
    assert looks == [0, 1, 2] * 20
    assert orders.load_finished(deployment.database, "brd_1", "ord_2") is None


def test_who_compares_does_not_wait_for_what_goes_no_further(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []
    monkeypatch.setattr(orders, "pause", looks.append)
    monkeypatch.setattr(orders, "CREATORS_MAX", 2)
    deployment.database.commit(write(NEW, snapshot(), [], "cre_1", "cre_2", "cre_3"))
    found = orders.load_finished(deployment.database, "brd_1", "ord_1")
    assert found is not None
    assert (found.unfinished, len(found.posted), looks) == (True, 2, [*range(6)])


def ledger_sums(deployment: Deployment, creators: Iterable[str]) -> dict[tuple[str, str], int]:
    sums: Counter[tuple[str, str]] = Counter()
    for creator in creators:
        for item in ledger.everything(deployment.database, "brd_1", creator):
            assert not isinstance(item, ledger.Unreadable)
            for part in ("earned", "held"):
                sums[creator, part] += item.entry.credited(creator_account(creator, part))
    return {key: amount for key, amount in sums.items() if amount}


def test_a_context_that_no_item_holds_lies_in_pieces_too(deployment: Deployment) -> None:
    names = incompressible(64 * 8_000)
    wide = replace(CONTEXT, touches={f"product:{names[64 * place :][:64]}": () for place in range(8_000)})
    after, changed = OrderFacts().with_facts([snapshot()])
    step = orders.step(NEW, after, settlement("cre_1"))
    deployment.database.commit(orders.writes(NEW, after, changed, wide, settlement("cre_1"), step, []))
    found = load(deployment)
    assert (found.context, found.facts.snapshot) == (wide, snapshot())
    state = orders.state(deployment.database, "brd_1", "ord_1")
    assert state is not None
    assert orders.glance(state).may_name("anybody"), "who is in it is only known from the pieces"


def _puts(writes: Writes) -> list[Any]:
    return [item for item, _ in writes._puts]


class Reader:
    """Queries of an order's partition, some of which see it as it was at another time."""

    def __init__(self, deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
        self._query = deployment.database.query
        self.views: list[list[Item]] = []
        monkeypatch.setattr(deployment.database, "query", self)
        monkeypatch.setattr(requests, "_PAUSE_MAX", 0)

    def __call__(self, model: type[Item], pk: str, *rest: Any, **more: Any) -> Iterator[Item]:
        return iter(self.views.pop(0)) if self.views else self._query(model, pk, *rest, **more)

    def now(self, order_id: str = "brd_1#O#ord_1") -> list[Item]:
        return list(self._query(Main, order_id))


def mixed(older: list[Item], newer: list[Item], old: str) -> list[Item]:
    """What a query sees whose items with this prefix were read before a transaction, and the others after it."""
    of_old = [item for item in older if getattr(item, "sk", "").startswith(old)]
    return of_old + [item for item in newer if not getattr(item, "sk", "").startswith(old)]


@pytest.mark.parametrize("old", ["F#", "C#", "S#"])
def test_torn_reading_is_read_again(deployment: Deployment, monkeypatch: pytest.MonkeyPatch, old: str) -> None:
    monkeypatch.setattr(orders, "_INLINE_BYTES", 10)
    reader = Reader(deployment, monkeypatch)
    deployment.database.commit(write(NEW, snapshot(), ["r1"], "cre_1"))
    older = reader.now()
    deployment.database.commit(write(load(deployment), snapshot(triggered_at=NOON), ["r2"], "cre_1", net=70))
    reader.views = [mixed(older, reader.now(), old)] * 3
    found = load(deployment)
    assert not reader.views
    assert [*found.facts.events] == [("refund", "r1"), ("refund", "r2")]
    assert found.facts.snapshot == snapshot(triggered_at=NOON)


def test_refund_of_thousands_of_lines_with_random_names_fits_its_item(deployment: Deployment) -> None:
    names = [str(UUID(int=random.Random(place).getrandbits(128))) for place in range(5_000)]
    large = replace(refund("r1"), lines=tuple(RefundLine(name, 1, 12_345 + place) for place, name in enumerate(names)))
    after, changed = OrderFacts().with_facts([large])
    step = orders.step(NEW, after, settlement())
    deployment.database.commit(orders.writes(NEW, after, changed, CONTEXT, settlement(), step, []))
    assert load(deployment).facts.refunds == [large]


def test_items_that_never_belong_together_are_told_after_some_readings(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = Reader(deployment, monkeypatch)
    deployment.database.commit(write(NEW, snapshot(), ["r1"], "cre_1"))
    reader.views = [[item for item in reader.now() if getattr(item, "sk", "") != "F#refund#r1"]] * 6
    with pytest.raises(Torn):
        load(deployment)


def test_refund_that_was_read_around_another_one_takes_back_both(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    sale = Sale(1, PLACED, [("LIN-M-SAND", 4, 1_000, 0)], codes=["NOA10"])
    world.deliver(sale.paid())
    first, second = (sale.refunded(PLACED + timedelta(hours=place), [(0, 1)])[0] for place in (1, 2))
    reader = Reader(world.deployment, monkeypatch)
    partition = orders.order_key(world.brand_id, world.order_id("1"))
    older = reader.now(partition)
    world.deliver(first)
    reader.views = [mixed(older, reader.now(partition), "F#")]
    world.deliver(second)
    assert world.books("1")[0] == {(world.creators["noa"], "earned", "USD"): 255}
    assert len(world.order("1").facts.events) == 2
    world.assert_invariants()

"""A defect of ours parks the delivery, says where it lies and quotes nobody; mended code settles it after all."""

from datetime import timedelta
from typing import Any, NoReturn

import pytest

from tests.faults.shop import Sale, stamp
from tests.faults.world import World
from vouch.domain import terms
from vouch.domain.money import divide_half_up
from vouch.service import deliveries, orders
from vouch.service.evidence import Evidence
from vouch.store import database
from vouch.store import orders as orders_store
from vouch.store.tables import Order


@pytest.fixture
def sale(world: World) -> Sale:
    return Sale(6_214, world.deployment.now() - timedelta(hours=1), codes=["NOA10"])


def broken(*_: object, **__: object) -> NoReturn:
    raise ValueError("buyer6214@example.com is unexpected")


PARTS_OF_OURS = {
    "reading": (deliveries, "read"),
    "resolving": (Evidence, "pinned"),
    "reading terms": (terms, "from_plain"),
    "settling": (orders, "settle"),
    "comparing": (orders_store, "difference"),
    "writing": (orders_store, "writes"),
}


@pytest.mark.parametrize("owner, name", PARTS_OF_OURS.values(), ids=PARTS_OF_OURS)
def test_what_our_own_code_cannot_take_waits_for_better_code(
    world: World, sale: Sale, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, broken)
        world.deliver(sale.paid())
    [note] = world.parked()
    assert note.reason == "defect"
    assert note.detail.startswith("ValueError in broken, line ")
    assert "@" not in note.detail
    again = deliveries.redrive(world.deployment, world.brand_id, note.delivery_id)
    assert again is not None
    assert again.ending == "applied"
    assert world.parked() == []
    assert world.order(sale.external_id).summary["status"] == "paid"


def test_an_order_whose_items_a_hand_has_spoilt_holds_up_no_other(world: World, sale: Sale) -> None:
    world.deliver(sale.paid())
    spoilt = Order(orders_store.order_key(world.brand_id, world.order_id(sale.external_id)), "O")
    spoilt.update([Order.packed.set(b"not zlib")])
    world.deliver(sale.recoded(world.deployment.now(), ["DAN10"]))
    [note] = world.parked()
    assert note.reason == "defect"
    assert note.detail.startswith("Undecodable in ")


def test_sums_that_are_no_amounts_are_parked(world: World, sale: Sale) -> None:
    dearest = 10**15 - 1
    dear = Sale(6_215, sale.placed_at, lines=[("LIN-M-SAND", 1, dearest, 0)] * 2, codes=["NOA10"])
    world.deliver(dear.paid())
    [note] = world.parked()
    assert note.reason == "amount_out_of_range"


def test_a_snapshot_from_the_future_hides_nothing_that_follows(world: World, sale: Sale) -> None:
    world.deliver(sale.paid())
    sale.body["updated_at"] = "2999-01-01T00:00:00Z"
    world.deliver(sale._told("orders/updated", world.deployment.now()))
    [note] = world.parked()
    assert note.reason == "bad_time"
    sale.body["updated_at"] = stamp(world.deployment.now() + timedelta(days=2))
    world.deliver(sale._told("orders/updated", world.deployment.now()))
    assert {note.reason for note in world.parked()} == {"bad_time", "from_the_future"}
    world.deliver(sale.cancelled(world.deployment.now()))
    assert world.order(sale.external_id).summary["status"] == "cancelled"


def test_refunds_too_many_for_one_transaction_go_by_halves(
    world: World, sale: Sale, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "TRANSACTION_MAX", 9)
    for amount in range(1, 41):
        sale.reimbursed(sale.placed_at + timedelta(minutes=amount), amount)
    world.deliver(sale.paid(timedelta(minutes=50)))
    order = world.order(sale.external_id)
    assert len(order.facts.refunds) == 40
    assert order.summary["refunded_base"] == divide_half_up(100 * sum(range(1, 41)), 108)  # it has tax of 8 % in it
    assert world.parked() == []

"""Ranges of orders: each once, the newest first, and with all its facts however these are stored."""

from dataclasses import fields
from datetime import datetime, timedelta

import pytest

from tests.faults.shop import Sale, incompressible
from tests.faults.world import World
from tests.fixtures import NOON
from tests.wire import Wire
from vouch.service import ranges
from vouch.store import orders
from vouch.store.orders import KnownOrder
from vouch.store.tables import Order

DAY = timedelta(days=1)


def numbers(world: World, start: datetime, end: datetime, bookmark: str = "") -> list[list[str]]:
    """The external ids, page by page."""
    with ranges.reading(world.deployment, world.brand_id, start, end) as placed:
        return [[state.external_id for state in page.states] for page in placed.pages(bookmark)]


@pytest.fixture
def sold(world: World) -> World:
    """Seven orders, a day apart, 1 the oldest."""
    for number in range(1, 8):
        world.deliver(Sale(number, NOON - DAY * (8 - number), codes=["NOA10"]).paid())
    return world


def test_a_range_ends_before_its_end_and_begins_with_its_beginning(sold: World) -> None:
    assert numbers(sold, NOON - 10 * DAY, NOON) == [["7", "6", "5", "4", "3", "2", "1"]]
    assert numbers(sold, NOON - 3 * DAY, NOON - DAY) == [["6", "5"]]
    assert numbers(sold, NOON - 3 * DAY, NOON - DAY + timedelta(microseconds=1)) == [["7", "6", "5"]]
    assert numbers(sold, NOON, NOON) == [[]]


def test_pages_follow_each_other_wherever_one_begins(sold: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranges, "BATCH_GET_MAX", 3)
    assert numbers(sold, NOON - 10 * DAY, NOON) == [["7", "6", "5"], ["4", "3", "2"], ["1"]]
    with ranges.reading(sold.deployment, sold.brand_id, NOON - 10 * DAY, NOON) as placed:
        first = next(placed.pages())
    assert first.bookmark is not None
    assert numbers(sold, NOON - 10 * DAY, NOON, first.bookmark) == [["4", "3", "2"], ["1"]]
    middle = sold.deployment.database.get(Order, f"{sold.brand_id}#O#{sold.order_id('5')}", "O")
    assert middle is not None
    assert numbers(sold, NOON - 10 * DAY, NOON, middle.g1sk) == [["4", "3", "2"], ["1"]]


def same(known: KnownOrder | None, loaded: KnownOrder | None) -> bool:
    assert known is not None
    assert loaded is not None
    return all(getattr(known, each.name) == getattr(loaded, each.name) for each in fields(KnownOrder))


def test_orders_are_what_they_are_when_read_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = Sale(1, NOON - DAY, codes=["NOA10"])
    refunded, huge = Sale(2, NOON - 2 * DAY, codes=["DAN10"]), Sale(3, NOON - 3 * DAY, codes=["NOA10"])
    noise = incompressible(2_000 * 250)
    huge.body["line_items"] = [
        huge.body["line_items"][0] | {"id": 100 + place, "sku": noise[250 * place : 250 * place + 250]}
        for place in range(2_000)
    ]
    waiting = Sale(4, NOON - 4 * DAY)
    for sale in (plain, refunded, huge):
        world.deliver(sale.paid())
    world.deliver(refunded.refunded(NOON - DAY, [(0, 1)])[0])
    world.deliver(waiting.refunded(NOON - DAY / 2, [(0, 1)])[0])
    wire = Wire(monkeypatch)
    with ranges.reading(world.deployment, world.brand_id, NOON - 10 * DAY, NOON) as placed:
        [page] = placed.pages()
        assert wire.operations() == {"Query": 1, "BatchGetItem": 1}
        found = list(placed.known(page.states))
    assert [state.external_id for state in page.states] == ["4", "1", "2", "3"], "what waits is dated by its refund"
    assert [(state.events, bool(state.parts)) for state in page.states] == [
        (1, False),
        (None, False),
        (1, False),
        (None, True),
    ]
    assert wire.operations() == {"Query": 4, "BatchGetItem": 1}, "one by one only what its state does not hold"
    for state, order in zip(page.states, found, strict=True):
        assert same(order, orders.load(world.deployment.database, world.brand_id, state.id))


def test_what_a_hand_was_at_is_none(sold: World) -> None:
    sold.deliver(Sale(6, NOON - 2 * DAY, codes=["NOA10"]).refunded(NOON - DAY, [(0, 1)])[0])
    with ranges.reading(sold.deployment, sold.brand_id, NOON - 10 * DAY, NOON) as placed:
        [page] = placed.pages()
        page.states[0].packed = b"rubbish"
        torn = page.states[1]
        torn.written += 1
        torn.save()
        found = list(placed.known(page.states))
    assert [order is None for order in found] == [True, True, False, False, False, False, False]

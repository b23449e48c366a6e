"""What a delivery costs in requests and in write units, in a live brand."""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from figures import standings
from tests.books import NOA
from tests.customers import Shop
from tests.faults.shop import Sale
from tests.faults.world import Webhook, World, cold_start
from tests.fixtures import NOON
from vouch.domain.facts import Lifecycle, Line, Refund, Snapshot
from vouch.service import orders
from vouch.service.deployment import Deployment
from vouch.service.orders import Target

PLACED = NOON - timedelta(days=1)
INDEXED = 1
"""What an item's first entry in an index takes."""


@dataclass
class Meter:
    """The requests of one call of a function, and the write units that AWS bills for what they put and remove.

    Reckoned by its rule, one unit a kilobyte and item and two in a transaction: no engine here tells the same. An
    index takes a unit more for each item that is new in it.
    """

    requests: list[str] = field(default_factory=list)
    units: int = 0

    def read(self, operation: str, asked: dict[str, Any]) -> None:
        self.requests.append(operation)
        if operation == "PutItem":
            self.units += _kilobytes(asked["Item"])
        if operation == "TransactWriteItems":
            writes = asked["TransactItems"]
            self.units += sum(2 * _kilobytes(write["Put"]["Item"]) for write in writes if "Put" in write)
            self.units += sum(2 for write in writes if "Delete" in write)


def _kilobytes(item: dict[str, dict[str, Any]]) -> int:
    size = sum(len(name.encode()) + _size(*value.popitem()) for name, value in deepcopy(item).items())
    return -(-size // 1_024)


def _size(kind: str, value: Any) -> int:
    if kind == "N":
        return len(str(value)) // 2 + 2
    return len(value.encode() if isinstance(value, str) else value) if kind in {"S", "B"} else 1


@contextmanager
def metered(deployment: Deployment) -> Iterator[Meter]:
    meter, client = Meter(), deployment.database.connection.client
    call = client._make_api_call

    def reading(operation: str, asked: dict[str, Any]) -> Any:
        meter.read(operation, asked)
        return call(operation, asked)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client, "_make_api_call", reading)
        yield meter


def _taken_in(world: World, webhook: Webhook) -> Meter:
    with metered(world.deployment) as meter:
        world.post(webhook)
    return meter


def _settled(world: World, webhook: Webhook) -> Meter:
    image = world.stored(webhook)
    with metered(world.deployment) as meter:
        world.settle([image])
    return meter


@pytest.fixture
def sale(world: World) -> Sale:
    """An order of three lines with a click and a code, in a process that has settled another one before."""
    visit = world.click("noa", PLACED - timedelta(hours=1))
    first, sale = (
        Sale(number, PLACED, [("LIN-M-SAND", 2, 6_000, 600)] * 3, codes=["NOA10"], click_ids=[visit])
        for number in (1, 2)
    )
    world.deliver(first.paid())
    return sale


def test_ingest_costs_one_put(world: World, sale: Sale) -> None:
    webhook = sale.paid()
    meter = _taken_in(world, webhook)
    packed = len(world.stored(webhook)["body"]["B"])
    assert meter.requests == ["PutItem"]
    assert meter.units <= packed // 1_024 + 1


def test_ingest_reads_a_connection_once(world: World, sale: Sale) -> None:
    cold_start(world.deployment)
    assert _taken_in(world, sale.created()).requests == ["GetItem", "PutItem"]
    assert _taken_in(world, sale.paid()).requests == ["PutItem"]


def test_first_sale_is_four_requests_and_eight_units(world: World, sale: Sale) -> None:
    webhook = sale.paid()
    world.post(webhook)
    meter = _settled(world, webhook)
    assert meter.requests == ["Query", "BatchGetItem", "BatchGetItem", "TransactWriteItems"]
    assert meter.units + 2 * INDEXED <= 8


def test_refund_is_two_requests_and_eight_units(world: World, sale: Sale) -> None:
    world.deliver(sale.paid())
    refund = sale.refunded(PLACED + timedelta(hours=1), [(0, 1)])[0]
    world.post(refund)
    meter = _settled(world, refund)
    assert meter.requests == ["Query", "TransactWriteItems"]
    assert meter.units <= 8


def test_edit_is_two_requests_and_six_units(world: World, sale: Sale) -> None:
    world.deliver(sale.paid())
    edit = sale.edited(PLACED + timedelta(hours=1), 0, 1)
    world.post(edit)
    meter = _settled(world, edit)
    assert meter.requests == ["Query", "TransactWriteItems"]
    assert meter.units <= 6


def test_what_changes_nothing_is_one_request_and_no_unit(world: World, sale: Sale) -> None:
    webhook = sale.paid()
    world.deliver(webhook)
    meter = _settled(world, webhook)
    assert meter.requests == ["Query"]
    assert meter.units == 0


def test_requests_do_not_grow_with_the_number_of_orders(world: World, sale: Sale) -> None:
    for number in range(10, 60):
        world.deliver(Sale(number, PLACED, codes=["NOA10"]).paid())
    webhook = sale.paid()
    world.post(webhook)
    assert len(_settled(world, webhook).requests) == 4


# --- other names of orders --------------------------------------------------------------------------------------------


def _told(world: World, number: int, *names: str) -> Meter:
    """An order that goes by these names, too, in a process that has settled one before."""
    target = Target(world.brand_id, "live", "con_other", str(number))
    line = Line("1", 1, 10_000)
    snapshot = Snapshot(PLACED, PLACED, Lifecycle.PAID, "USD", (line,), "stripe", codes=("noa10",))
    with metered(world.deployment) as meter:
        orders.apply(world.deployment, target, [snapshot], names=names)
    return meter


def _mentioned(world: World, name: str) -> Meter:
    """A refund that speaks of an order by that name."""
    refund = Refund(name, PLACED, "USD", amount=100)
    with metered(world.deployment) as meter:
        orders.hear_aside(world.deployment, Target(world.brand_id, "live", "con_other", name), name, [refund])
    return meter


def test_a_name_that_is_claimed_is_two_units_more_and_all_names_together_two_reads(world: World) -> None:
    """The second one looks whether the order has turned out to be another's sale meanwhile."""
    _told(world, 1)
    plain, one, three = _told(world, 2), _told(world, 3, "a"), _told(world, 4, "b", "c", "d")
    assert one.requests == three.requests == ["BatchGetItem", *plain.requests, "BatchGetItem"]
    assert (one.units - plain.units, three.units - plain.units) == (2, 6)  # and what is INDEXED of each


def test_each_claimed_name_under_which_something_waits_is_a_request_more(world: World) -> None:
    _told(world, 1)
    plain = _told(world, 2)
    for name in ("a", "b"):
        _mentioned(world, name)
    meter = _told(world, 3, "a", "b", "c")
    assert meter.requests == ["BatchGetItem", "Query", "Query", *plain.requests, "BatchGetItem"]
    assert meter.units - plain.units == 3 * 2 + 2 * 2  # the names, and what waited


def test_a_name_that_is_the_order_s_already_costs_a_read(world: World) -> None:
    _told(world, 1, "a", "b")
    again = _told(world, 1, "a", "b")
    assert (again.requests, again.units) == (["BatchGetItem", "Query"], 0)


def test_what_comes_to_wait_is_two_requests_and_four_units_and_what_need_not_is_a_refund_and_three_reads(
    world: World,
) -> None:
    waits = _mentioned(world, "a")
    assert (waits.requests, waits.units) == (["BatchGetItem", "TransactWriteItems"], 4)
    _told(world, 1, "a", "b")
    refund = _mentioned(world, "b")
    # Whose name it is, whose sale that order is; the refund; and whether it is that still.
    assert refund.requests == ["BatchGetItem", "BatchGetItem", "Query", "TransactWriteItems", "BatchGetItem"]
    assert refund.units <= 8


# --- where orders stand -----------------------------------------------------------------------------------------------


@pytest.fixture
def shop(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setattr(standings, "deployment", lambda: deployment)
    return Shop(deployment)


def _noted(shop: Shop) -> Meter:
    records = shop.stream.records()
    with metered(shop.deployment) as meter:
        shop.bring(records)
    return meter


def test_the_first_order_of_a_customer_is_noted_in_two_requests_and_four_units(shop: Shop) -> None:
    shop.sell(1, to=NOA)
    meter = _noted(shop)
    assert meter.requests == ["BatchGetItem", "TransactWriteItems"]
    assert meter.units == 4


def test_a_further_order_is_noted_in_three_requests_and_one_unit_however_many_there_are(shop: Shop) -> None:
    for hour in range(1, 40):
        shop.sell(hour, to=NOA)
        shop.bring()
    shop.sell(40, to=NOA)
    meter = _noted(shop)
    assert meter.requests == ["BatchGetItem", "PutItem", "BatchGetItem"]
    assert meter.units == 1
    assert shop.messages() == []


def test_a_payment_is_noted_in_three_requests_and_four_units(shop: Shop) -> None:
    for hour in (1, 2):
        shop.sell(hour, to=NOA, subscription="s", customer=None)
        meter = _noted(shop)
        assert meter.requests == ["BatchGetItem", "TransactWriteItems", "Query"]
        assert meter.units == 4


def test_what_changes_nothing_about_where_an_order_stands_costs_nothing(shop: Shop) -> None:
    shop.sell(1, to=NOA, subscription="s")
    shop.bring()
    shop.sell(1, to=NOA, subscription="s", minute=1, shipping=900)
    meter = _noted(shop)
    assert (meter.requests, meter.units) == ([], 0)


def test_to_tell_an_order_costs_what_settling_it_again_does(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("attribution.spread.deployment", lambda: shop.deployment)
    shop.sell(2, to=NOA)
    shop.bring()
    shop.sell(1)
    shop.bring()
    [message] = shop.messages()
    with metered(shop.deployment) as meter:
        assert shop.hear(message)
    # The register, its marks; the register, the order; the order once more, to be settled; the register again.
    looked_up = ["GetItem", "Query", "GetItem", "Query"]
    assert meter.requests == [*looked_up, "Query", "TransactWriteItems", "GetItem"]

"""WooCommerce's webhooks and answers settled: what staff do in the shop is what the books say of it."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.faults.doors import Door, on_this_machine
from tests.faults.world import World
from tests.fixtures import Clock
from tests.platforms import samples
from tests.standins.server import busy, cut, failing, hangs_up
from tests.standins.woocommerce import TOKEN, WooCommerce

BY_DAN: dict[str, Any] = {"coupon_lines": [{"id": 1, "code": "dan10", "discount": "0.00"}]}
"""Of whose orders Dan has 12.75 %."""
TWO_SHIRTS, TOTE = {"total": "100.00", "quantity": 2}, {"total": "50.00", "quantity": 1}


@pytest.fixture
def shop(world: World, clock: Clock) -> Iterator[WooCommerce]:
    with on_this_machine(world), WooCommerce(clock, site="/store") as store:
        yield store


def connected(world: World, shop: WooCommerce, **settings: str) -> Door:
    return Door(world, "woocommerce", samples.WOOCOMMERCE_SECRET, api_base_url=shop.address, **settings)


@pytest.fixture
def door(world: World, shop: WooCommerce) -> Door:
    return connected(world, shop, api_token=TOKEN)


def hear(shop: WooCommerce, door: Door, clock: Clock) -> None:
    """The shop sends what has happened, and all of that is worked off."""
    door.deliver(*shop.send())
    door.run()
    clock.pass_(timedelta(hours=1))


def test_the_life_of_an_order(world: World, shop: WooCommerce, door: Door, clock: Clock) -> None:
    order = shop.place(TWO_SHIRTS, TOTE, status="pending", date_paid_gmt=None, **BY_DAN)
    hear(shop, door, clock)
    assert door.earned(str(order)) == {}
    shop.becomes(order, "processing")
    hear(shop, door, clock)
    assert door.earned(str(order)) == {"dan": 1_913}
    mistaken = shop.refund(order, (0, 1, "50.00"), shipping="5.00")
    hear(shop, door, clock)
    assert door.earned(str(order)) == {"dan": 1_276}  # 637.5 twice
    shop.delete_refund(order, mistaken)
    hear(shop, door, clock)
    assert door.earned(str(order)) == {"dan": 1_913}
    shop.trash(order)
    hear(shop, door, clock)
    assert door.earned(str(order)) == {}
    shop.restore(order)
    hear(shop, door, clock)
    assert door.earned(str(order)) == {"dan": 1_913}
    shop.trash(order)
    hear(shop, door, clock)
    assert door.earned(str(order)) == {}
    assert not world.parked()


def test_without_a_token_a_refund_is_a_sum_and_what_is_deleted_stays_so(
    world: World, shop: WooCommerce, clock: Clock
) -> None:
    door = connected(world, shop)
    order, other = shop.place(TWO_SHIRTS, TOTE, **BY_DAN), shop.place(TOTE, **BY_DAN)
    hear(shop, door, clock)
    shop.refund(order, (0, 1, "50.00"), shipping="5.00")
    shop.trash(other)
    hear(shop, door, clock)
    # 65.45 of 178.50 were given back, the shipping with it.
    assert door.earned(str(order)) == {"dan": 1_212}
    assert door.earned(str(other)) == {}
    shop.restore(other)
    hear(shop, door, clock)
    assert door.earned(str(other)) == {}
    assert (shop.asked, world.parked()) == ([], [])


@pytest.mark.parametrize("token", [{}, {"api_token": TOKEN}])
def test_a_refund_of_the_second_in_which_the_order_was_completed_counts(
    world: World, shop: WooCommerce, clock: Clock, token: dict[str, str]
) -> None:
    door = connected(world, shop, **token)
    order = shop.place(TWO_SHIRTS, **BY_DAN)
    hear(shop, door, clock)
    shop.becomes(order, "completed")
    completed = shop.send()
    door.deliver(*completed)
    door.run()
    shop.refund(order, (0, 1, "50.00"))
    hear(shop, door, clock)
    assert door.earned(str(order)) == {"dan": 638}
    door.deliver(*completed)
    door.run()
    clock.pass_(timedelta(hours=3))
    shop.becomes(order, "processing")
    hear(shop, door, clock)
    assert door.earned(str(order)) == {"dan": 638}


def test_without_a_token_a_refund_that_is_deleted_takes_back_until_the_order_changes_again(
    world: World, shop: WooCommerce, clock: Clock
) -> None:
    door = connected(world, shop)
    order = shop.place(TWO_SHIRTS, **BY_DAN)
    mistaken = shop.refund(order, (0, 1, "50.00"))
    hear(shop, door, clock)
    shop.delete_refund(order, mistaken)
    hear(shop, door, clock)
    assert door.earned(str(order)) == {"dan": 638}
    shop.becomes(order, "completed")
    hear(shop, door, clock)
    assert door.earned(str(order)) == {"dan": 1_275}


def test_an_order_that_was_restored_and_then_deleted_for_good_earns_nothing(
    world: World, shop: WooCommerce, door: Door, clock: Clock
) -> None:
    order = shop.place(TWO_SHIRTS, **BY_DAN)
    hear(shop, door, clock)
    shop.trash(order)
    hear(shop, door, clock)
    shop.restore(order)
    hear(shop, door, clock)
    assert door.earned(str(order)) == {"dan": 1_275}
    shop.trash(order)
    deleted = shop.send()
    shop.empty_trash()
    door.deliver(*deleted)
    door.run()
    assert door.earned(str(order)) == {}
    assert not world.parked()


@pytest.mark.parametrize("fault", [busy(), busy(30), failing(502), hangs_up, cut, failing(200, b"<html>be right back")])
def test_a_shop_that_stays_away_is_asked_again(
    world: World, shop: WooCommerce, door: Door, clock: Clock, fault: Any
) -> None:
    order = shop.place(TWO_SHIRTS, TOTE, **BY_DAN)
    shop.refund(order, shipping="5.00")
    shop.faults += [fault, None, fault]
    hear(shop, door, clock)
    assert door.earned(str(order)) == {"dan": 1_913}
    assert not world.parked()


def test_a_token_that_is_good_no_more_is_told_and_the_sum_counts(world: World, shop: WooCommerce, clock: Clock) -> None:
    door = connected(world, shop, api_token=f"{TOKEN}-of-yesterday")
    order = shop.place(TWO_SHIRTS, TOTE, **BY_DAN)
    shop.refund(order, amount="59.50")
    hear(shop, door, clock)
    assert door.earned(str(order)) == {"dan": 1_275}
    assert {note.reason for note in world.parked()} == {"platform_refused"}


def test_webhooks_that_come_again_change_nothing(world: World, shop: WooCommerce, door: Door, clock: Clock) -> None:
    order = shop.place(TWO_SHIRTS, TOTE, **BY_DAN)
    shop.refund(order, (1, 1, "50.00"))
    hear(shop, door, clock)
    entries = world.entries()
    door.deliver(*reversed(shop.webhooks), *shop.webhooks)
    door.run()
    assert world.entries() == entries
    assert door.earned(str(order)) == {"dan": 1_275}


def test_the_greeting_of_a_new_webhook_is_answered_and_leaves_nothing(world: World, door: Door) -> None:
    assert door.post(samples.request("woocommerce/ping"))["statusCode"] == 200
    assert not door.fresh()

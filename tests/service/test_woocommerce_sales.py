"""WooCommerce's webhooks and answers settled: what staff do in the shop is what the books say of it."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.faults.doors import Door, on_this_machine
from tests.faults.world import World
from tests.fixtures import Clock
from tests.platforms import samples
from tests.platforms.test_signing import sign_woocommerce
from tests.standins.server import busy, cut, failing, hangs_up
from tests.standins.woocommerce import TOKEN, WooCommerce
from vouch.platforms.base import Request
from vouch.service import mint, reconciliations
from vouch.store.tables import Click

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


def looked(door: Door) -> int:
    """How much of what nobody told a look finds, and settles."""
    deployment = door.world.deployment
    look = reconciliations.started(deployment, mint.fresh(deployment), door.world.brand, door.connection_id, None)
    door.run()
    return reconciliations.found(deployment, door.world.brand, door.connection_id, look.id).healed


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


def test_clicks_that_were_found_stay_found_though_staff_date_the_order_anew_when_their_records_are_gone(
    world: World, shop: WooCommerce, door: Door, clock: Clock
) -> None:
    first = world.click("tal", clock() - timedelta(days=1))
    last = world.click("mia", clock() - timedelta(minutes=30), trail=[first])
    order = shop.place(TWO_SHIRTS, meta_data=[{"id": 1, "key": "ref", "value": last}])
    hear(shop, door, clock)
    shared = {"mia": 388, "tal": 389}
    assert door.earned(str(order)) == shared
    clock.pass_(timedelta(days=120))
    for record in Click.scan():
        record.delete()
    for _ in range(2):
        placed = datetime.fromisoformat(shop.orders[order]["date_created_gmt"])
        shop.orders[order]["date_created_gmt"] = (placed - timedelta(minutes=1)).isoformat()
        shop.becomes(order, "completed")
        hear(shop, door, clock)
        assert door.earned(str(order)) == shared
    world.assert_invariants()


def test_without_a_token_a_refund_is_a_sum(world: World, shop: WooCommerce, clock: Clock) -> None:
    door = connected(world, shop)
    order = shop.place(TWO_SHIRTS, TOTE, **BY_DAN)
    hear(shop, door, clock)
    shop.refund(order, (0, 1, "50.00"), shipping="5.00")
    hear(shop, door, clock)
    # 65.45 of 178.50 were given back, the shipping with it.
    assert door.earned(str(order)) == {"dan": 1_212}
    assert (shop.asked, world.parked()) == ([], [])


def test_without_a_token_nobody_can_say_that_an_order_was_deleted_and_the_brand_is_told(
    world: World, shop: WooCommerce, clock: Clock
) -> None:
    """The same body, as genuinely signed, says that a customer of that number is gone; the topic is not signed."""
    door = connected(world, shop)
    order, other = shop.place(TWO_SHIRTS, **BY_DAN), shop.place(TOTE, **BY_DAN)
    hear(shop, door, clock)
    body = b'{"id":%d}' % order
    headers = sign_woocommerce(shop.secret, body, clock()) | {"x-wc-webhook-topic": "order.deleted"}
    door.deliver(Request(headers, body))
    door.run()
    assert door.earned(str(order)) == {"dan": 1_275}
    assert [note.reason for note in world.parked()] == ["token_missing"]
    shop.becomes(other, "cancelled")
    hear(shop, door, clock)
    shop.trash(other)
    hear(shop, door, clock)
    assert door.earned(str(other)) == {}
    shop.restore(other)
    shop.becomes(other, "processing")
    hear(shop, door, clock)
    assert door.earned(str(other)) == {"dan": 638}
    assert not shop.asked


@pytest.mark.parametrize("heals", ["an update", "a look"])
@pytest.mark.parametrize("gone", [False, True])
def test_an_order_is_back_though_nobody_said_that_it_was_restored(
    world: World, shop: WooCommerce, door: Door, clock: Clock, heals: str, gone: bool
) -> None:
    order = shop.place(TWO_SHIRTS, **BY_DAN)
    hear(shop, door, clock)
    shop.trash(order)
    deleted, kept = shop.send(), (dict(shop.orders), dict(shop.refunds))
    if gone:
        del shop.orders[order]
    door.deliver(*deleted)
    door.run()
    assert door.earned(str(order)) == {}
    clock.pass_(timedelta(hours=1))
    shop.orders, shop.refunds = kept  # from a backup, if it was gone
    shop.restore(order)
    shop.send()
    if heals == "an update":
        shop.becomes(order, "completed")
        hear(shop, door, clock)
    else:
        assert looked(door) == 1
    assert door.earned(str(order)) == {"dan": 1_275}
    shop.trash(order)
    hear(shop, door, clock)
    assert door.earned(str(order)) == {}
    assert not world.parked()


def test_what_is_known_to_be_there_is_no_news_to_a_later_look(
    world: World, shop: WooCommerce, door: Door, clock: Clock
) -> None:
    order = shop.place(TWO_SHIRTS, **BY_DAN)
    hear(shop, door, clock)
    assert looked(door) == 0
    shop.trash(order)
    shop.send()
    assert looked(door) == 1
    assert door.earned(str(order)) == {}
    assert looked(door) == 0


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

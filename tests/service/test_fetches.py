"""Asking platforms back: what is answered becomes a delivery, what stays away is tried again, what is refused parks."""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.faults.doors import Door, on_this_machine
from tests.faults.world import World, later
from tests.fixtures import Clock
from tests.platforms import samples
from tests.standins import bigcommerce
from tests.standins.bigcommerce import BigCommerce, Item
from tests.standins.server import Fault, Told, busy, cut, failing, hangs_up, lost
from vouch.service import connections, deliveries, fetches, queues
from vouch.store.tables import Delivery, Parked


@pytest.fixture
def shop(world: World, clock: Clock) -> Iterator[BigCommerce]:
    with on_this_machine(world), BigCommerce(clock) as store:
        yield store


@pytest.fixture
def door(world: World, shop: BigCommerce) -> Door:
    return connected(world, shop, api_token=bigcommerce.TOKEN)


def connected(world: World, shop: BigCommerce, **settings: str) -> Door:
    return Door(
        world, "bigcommerce", samples.BIGCOMMERCE_SECRET, shop=bigcommerce.SHOP, api_base_url=shop.address, **settings
    )


def note(world: World) -> Parked:
    [parked] = world.parked()
    return parked


def messages(world: World) -> list[dict[str, object]]:
    sent = world.deployment.sqs.sent.get(world.deployment.settings.fetch_queue_url, ())
    return [json.loads(message["MessageBody"]) | {"delay": message["DelaySeconds"]} for message in sent]


def test_what_the_platform_says_is_stored_and_settled(world: World, shop: BigCommerce, door: Door) -> None:
    order_id = shop.place(Item("20.00"), code="dan10")
    door.deliver(*shop.webhooks)
    door.run()
    assert door.earned(str(order_id)) == {"dan": 255}  # 12.75 % of 20.00
    assert not world.parked()


def test_the_webhook_is_answered_and_the_stream_goes_on_before_anybody_is_asked(
    world: World, shop: BigCommerce, door: Door
) -> None:
    shop.place(Item(), code="dan10")
    door.deliver(*shop.webhooks)
    assert not shop.asked


def test_a_delivery_is_asked_about_once(world: World, shop: BigCommerce, door: Door) -> None:
    shop.place(Item(), code="dan10")
    door.deliver(*shop.webhooks)
    door.run()
    asked = len(shop.asked)
    world.second_pass(0)
    door.run()
    assert len(shop.asked) == asked


@pytest.mark.parametrize(
    "fault",
    [busy(), failing(500), failing(503), failing(408), hangs_up, lost, cut, failing(200, b"<html>back soon</html>")],
)
def test_who_stays_away_is_asked_again_and_a_note_says_so_meanwhile(
    world: World, shop: BigCommerce, door: Door, fault: Fault
) -> None:
    order_id = shop.place(Item(), code="dan10")
    door.deliver(*shop.webhooks)
    shop.faults += [fault, fault]
    door.run()
    assert door.earned(str(order_id)) == {"dan": 255}
    assert not world.parked()


def test_while_it_stays_away_the_note_says_what_for(world: World, shop: BigCommerce, door: Door) -> None:
    shop.place(Item(), code="dan10")
    door.deliver(*shop.webhooks)
    shop.faults += [failing(503)]
    [image] = door.fresh()
    world.settle([image])
    assert fetch(world) == "deferred"
    assert (note(world).reason, note(world).detail) == ("awaiting_platform", "answered 503")


def fetch(world: World) -> str:
    """Works off one message."""
    sent = world.deployment.sqs.sent[world.deployment.settings.fetch_queue_url]
    message = sent.popleft()
    later(world.deployment, timedelta(seconds=message["DelaySeconds"]))
    asked = json.loads(message["MessageBody"])
    left = queues.left(world.deployment, asked)
    if left > 0:
        queues.put_off_for(world.deployment, world.deployment.settings.fetch_queue_url, asked, seconds=left)
        return "not_due"
    return fetches.fetched(world.deployment, asked, in_time=lambda: True)


@pytest.mark.parametrize("advice, first", [(7, 7), (120, 120), (899, 899), (3_000, 900), (10**9, 900)])
def test_it_is_asked_again_when_it_says(
    world: World, shop: BigCommerce, door: Door, clock: Clock, advice: int, first: int
) -> None:
    shop.place(Item(), code="dan10")
    door.deliver(*shop.webhooks)
    shop.faults += [busy(advice)]
    world.settle(door.fresh())
    began = clock.now
    assert fetch(world) == "deferred"
    assert [message["delay"] for message in messages(world)] == [first]
    asked = len(shop.asked)
    while fetch(world) == "not_due":
        assert len(shop.asked) == asked
    waited = (clock.now - began).total_seconds()
    assert waited == min(advice, 6 * 3600)


def test_advice_may_be_a_date(world: World, shop: BigCommerce, door: Door, clock: Clock) -> None:
    shop.place(Item())
    door.deliver(*shop.webhooks)
    said = (clock.now + timedelta(seconds=90)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    shop.faults += [lambda *_: Told(429, b"", {"retry-after": said})]
    world.settle(door.fresh())
    fetch(world)
    assert [message["delay"] for message in messages(world)] == [90]


@pytest.mark.parametrize("advice", ["soon", "-1", "nan", "inf", "", "1e999", "Mon, 99 Foo 2026"])
def test_advice_that_is_none_is_passed_over(world: World, shop: BigCommerce, door: Door, advice: str) -> None:
    shop.place(Item())
    door.deliver(*shop.webhooks)
    shop.faults += [lambda *_: Told(429, b"", {"retry-after": advice})]
    world.settle(door.fresh())
    assert fetch(world) == "deferred"
    [delay] = [message["delay"] for message in messages(world)]
    assert delay in (1, 60)


def test_after_three_days_the_note_is_all_that_is_left_and_a_redrive_brings_it(
    world: World, shop: BigCommerce, door: Door
) -> None:
    order_id = shop.place(Item(), code="dan10")
    door.deliver(*shop.webhooks)
    began = world.deployment.now()
    answer, shop.answer = shop.answer, lambda _: Told(503)  # type: ignore[assignment,method-assign]
    door.run()
    assert timedelta(days=2, hours=20) < world.deployment.now() - began < timedelta(days=3, hours=4)
    assert note(world).reason == "awaiting_platform"
    outcome = deliveries.redrive(world.deployment, world.brand_id, note(world).delivery_id)
    assert (outcome.ending, outcome.reason) == ("deferred", "awaiting_platform")
    assert [fetch(world), fetch(world)] == ["deferred", "awaited"]
    shop.answer = answer  # type: ignore[method-assign]
    door.run()
    assert door.earned(str(order_id)) == {"dan": 255}
    assert not world.parked()


@pytest.mark.parametrize("advice, tries", [(1, 293), (3_600, 73), (6 * 3_600, 13), (10**9, 13)])
def test_whatever_it_advises_it_is_tried_for_three_days(
    world: World, shop: BigCommerce, door: Door, advice: int, tries: int
) -> None:
    shop.place(Item(), code="dan10")
    door.deliver(*shop.webhooks)
    world.settle(door.fresh())
    began = world.deployment.now()
    shop.answer = lambda _: Told(429, b"", {"retry-after": str(advice)})  # type: ignore[assignment,method-assign]
    while fetch(world) != "parked":
        pass
    assert timedelta(days=2, hours=23) < world.deployment.now() - began <= timedelta(days=3)
    assert (len(shop.asked), note(world).reason) == (tries, "awaiting_platform")
    assert not note(world).chain


def test_who_asks_for_a_delivery_whose_body_was_erased_meanwhile_asks_no_more(
    world: World, shop: BigCommerce, door: Door
) -> None:
    shop.place(Item(), code="dan10")
    door.deliver(*shop.webhooks)
    shop.faults += [failing(503)]
    world.settle(door.fresh())
    assert fetch(world) == "deferred"
    [delivery] = Delivery.scan(consistent_read=True)
    delivery.update(actions=[Delivery.body.remove(), Delivery.body_key.set("gone")])
    fetch(world)
    assert (world.parked(), messages(world), len(shop.asked)) == ([], [], 1)


def test_a_note_that_is_gone_by_the_last_try_is_written_again(world: World, shop: BigCommerce, door: Door) -> None:
    shop.place(Item(), code="dan10")
    door.deliver(*shop.webhooks)
    shop.answer = lambda _: Told(503)  # type: ignore[assignment,method-assign]
    world.settle(door.fresh())
    assert fetch(world) == "deferred"
    later(world.deployment, timedelta(days=3))
    world.deployment.database.delete(note(world))
    assert fetch(world) == "parked"
    assert note(world).reason == "awaiting_platform"


@pytest.mark.parametrize("status", [400, 401, 403, 405, 410, 301, 302])
def test_who_says_no_is_not_asked_again_by_itself(world: World, shop: BigCommerce, door: Door, status: int) -> None:
    order_id = shop.place(Item(), code="dan10")
    door.deliver(*shop.webhooks)
    shop.faults += [lambda *_: Told(status, b"", {"location": f"{shop.address}/elsewhere"})]
    door.run()
    assert (note(world).reason, len(shop.asked)) == ("platform_refused", 1)
    deliveries.redrive(world.deployment, world.brand_id, note(world).delivery_id)
    door.run()
    assert door.earned(str(order_id)) == {"dan": 255}
    assert not world.parked()


def test_without_a_token_the_delivery_parks_and_says_what_is_missing(world: World, shop: BigCommerce) -> None:
    door = connected(world, shop)
    shop.place(Item())
    door.deliver(*shop.webhooks)
    door.run()
    assert (note(world).reason, shop.asked) == ("token_missing", [])


@pytest.mark.parametrize("token", ["t\r\nX-Other: 1", "t\n", "טוקן"])
def test_a_token_that_no_header_holds_is_sent_nowhere_and_not_tried_again(
    world: World, shop: BigCommerce, token: str
) -> None:
    door = connected(world, shop, api_token=token)
    shop.place(Item())
    door.deliver(*shop.webhooks)
    began = world.deployment.now()
    door.run()
    assert (note(world).reason, shop.asked) == ("address_not_allowed", [])
    assert note(world).detail == "a header with characters that no header has"
    assert world.deployment.now() - began < timedelta(minutes=1)


def test_many_who_settle_one_delivery_begin_one_chain_of_tries(world: World, shop: BigCommerce, door: Door) -> None:
    shop.place(Item())
    door.deliver(*shop.webhooks)
    images = door.fresh()
    world.settle(images)
    world.settle(images)
    shop.faults += [failing(503), failing(503)]
    assert [fetch(world), fetch(world)] == ["deferred", "awaited"]
    assert len(messages(world)) == 1


def test_an_answer_survives_a_worker_that_dies_before_its_message_is_gone(
    world: World, shop: BigCommerce, door: Door
) -> None:
    order_id = shop.place(Item(), code="dan10")
    door.deliver(*shop.webhooks)
    world.settle(door.fresh())
    sent = world.deployment.sqs.sent[world.deployment.settings.fetch_queue_url]
    sent.append(sent[0])
    assert [fetch(world), fetch(world)] == ["asked", "asked"]
    assert len([asked for asked in shop.asked if asked.path.endswith(f"/orders/{order_id}")]) == 1
    door.run()
    assert door.earned(str(order_id)) == {"dan": 255}


def test_a_delivery_that_expired_is_asked_about_no_more(world: World, shop: BigCommerce, door: Door) -> None:
    shop.place(Item())
    door.deliver(*shop.webhooks)
    [image] = door.fresh()
    world.settle([image])
    world.deployment.database.delete(Delivery(image["pk"]["S"], image["sk"]["S"]))
    assert (fetch(world), shop.asked) == ("expired", [])


def test_an_adapter_that_fails_parks_as_a_defect_without_words_of_the_buyers(
    world: World, shop: BigCommerce, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.place(Item())
    door.deliver(*shop.webhooks)
    world.settle(door.fresh())
    monkeypatch.setattr("vouch.service.conversations.have", lambda *_, **__: 1 // 0)
    assert fetch(world) == "parked"
    assert note(world).reason == "defect"
    assert "ZeroDivisionError" in note(world).detail


def test_an_endless_platform_is_left_in_the_end(
    world: World, shop: BigCommerce, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vouch.service.conversations.CALLS_MAX", 1)
    shop.place(Item())
    door.deliver(*shop.webhooks)
    door.run()
    assert note(world).reason == "platform_endless"


def test_so_is_one_that_says_too_much(
    world: World, shop: BigCommerce, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.place(Item())
    door.deliver(*shop.webhooks)
    world.settle(door.fresh())
    monkeypatch.setattr("vouch.service.conversations.BYTES_MAX", 10)
    assert (fetch(world), len(shop.asked)) == ("parked", 1)
    assert note(world).reason == "platform_endless"


def test_a_platform_whose_connection_is_disabled_is_not_called_until_it_is_enabled_and_redriven(
    world: World, shop: BigCommerce, door: Door
) -> None:
    order_id = shop.place(Item("20.00"), code="dan10")
    door.deliver(*shop.webhooks)
    world.settle(door.fresh())
    connections.changed(world.deployment, world.brand, door.connection_id, {"status": "disabled"}, if_match=None)
    door.run()
    assert (shop.asked, note(world).reason) == ([], "connection_disabled")
    connections.changed(world.deployment, world.brand, door.connection_id, {"status": "active"}, if_match=None)
    deliveries.redrive(world.deployment, world.brand_id, note(world).delivery_id)
    door.run()
    assert door.earned(str(order_id)) == {"dan": 255}
    assert not world.parked()


def test_the_tokens_stay_out_of_the_log_and_of_notes(
    world: World, shop: BigCommerce, door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    shop.place(Item())
    door.deliver(*shop.webhooks)
    shop.faults += [failing(401)]
    with caplog.at_level("INFO"):
        door.run()
    told = [str(vars(record)) for record in caplog.records] + [note(world).detail]
    assert not any(bigcommerce.TOKEN in text or samples.BIGCOMMERCE_SECRET in text for text in told)


def test_other_brands_answers_are_their_own(world: World, shop: BigCommerce, door: Door) -> None:
    """The same store connected by two brands: each asks for itself, by its own token."""
    other = World(world.deployment, "other").build()
    theirs = connected(other, shop, api_token="not-theirs")
    shop.place(Item(), code="dan10")
    theirs.deliver(*shop.webhooks)
    theirs.run()
    assert note(other).reason == "platform_refused"
    assert not world.parked()

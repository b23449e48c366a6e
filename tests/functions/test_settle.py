"""`attribution.settle`: the event of `events/attribution/settle.json`, and what a batch does when one record fails."""

import json
from datetime import timedelta

import pytest

from attribution import settle
from tests.faults.shop import Sale, incompressible
from tests.faults.world import Context, Webhook, World, event, record
from tests.fixtures import NOON
from tests.wire import Wire, unreachable
from vouch.service import deliveries
from vouch.service.deliveries import Outcome
from vouch.store import inbox


def test_the_recorded_event_becomes_an_order(world: World) -> None:
    settle.handler(event("settle"), Context())
    order = world.order("6214001234567")
    assert (order.version, order.summary["status"], order.summary["currency"]) == (1, "paid", "USD")
    assert order.facts.snapshot is not None
    assert order.facts.snapshot.codes == ("noa10",)
    # 108.00 at 12.75 %, and a tote for a flat 1.55
    assert world.books("6214001234567")[0] == {(world.creators["noa"], "earned", "USD"): 1_377 + 155}
    settle.handler(event("settle"), Context())
    assert world.order("6214001234567").version == 1


def test_batch_is_raised_for_what_the_world_did_and_comes_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    webhooks = [Sale(number, NOON - timedelta(hours=1), codes=["NOA10"]).paid() for number in range(1, 4)]
    for webhook in webhooks:
        world.post(webhook)
    images = [world.stored(webhook) for webhook in webhooks]
    wire = Wire(monkeypatch)
    wire.faults["TransactWriteItems"] = unreachable
    with pytest.raises(Exception, match="transaction items"):
        world.settle(images)
    wire.faults.clear()
    world.settle(images)
    assert [world.order(str(number)).version for number in range(1, 4)] == [1, 1, 1]
    world.assert_invariants()


def test_what_is_wrong_with_one_delivery_is_counted_and_holds_up_nobody(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    webhooks = [Webhook("orders/paid", b"{", "bad", NOON), Sale(1, NOON - timedelta(hours=1)).paid()]
    for webhook in webhooks:
        world.post(webhook)
    capsys.readouterr()
    settle.handler({"Records": [record(world.stored(webhook)) for webhook in webhooks]}, Context())
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    assert sum("DeliveryParked" in line for line in lines) == 1
    assert world.order("1").version == 1


def test_whose_body_was_erased_meanwhile_has_nothing_left_to_say_by_any_door(world: World) -> None:
    """The stream, the delayed queue, the second pass and a redrive: none of them tries it again and again."""
    settings, at = world.deployment.settings, NOON - timedelta(hours=1)
    sound = Sale(1, at).paid()
    large = Webhook("orders/paid", json.dumps({"id": 2, "note": incompressible(650_000)}).encode(), "large", at)
    for webhook in (large, sound):
        world.post(webhook)
    image = world.stored(large)
    delivery = inbox.from_stream(image)
    world.deployment.s3.delete_object(Bucket=settings.bodies_bucket, Key=delivery.body_key)
    world.settle([image, world.stored(sound)])
    assert world.order("1").version == 1
    assert world.wake(json.dumps({"delivery": [delivery.pk, delivery.sk], "tries": 0})) == {"batchItemFailures": []}
    inbox.park(world.deployment.database, delivery, reason="defect", detail="", now=world.deployment.now())
    redriven = deliveries.redrive(world.deployment, world.brand_id, delivery.sk)
    assert redriven == Outcome("ignored", reason="body_gone")
    assert world.second_pass(0) == {"ignored": 1, "unchanged": 1}
    assert not world.parked()
    assert not world.deployment.sqs.sent


def test_warming_settles_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    wire = Wire(monkeypatch)
    settle.handler({"warm": True}, Context())
    assert not wire.operations()

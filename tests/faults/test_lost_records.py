"""What the stream loses, the second pass finds; what a function raises comes again."""

from collections import Counter
from datetime import timedelta
from itertools import batched
from typing import Any

import pytest

from attribution import settle
from tests.faults.shop import Sale, history
from tests.faults.world import Context, World, later, record
from tests.fixtures import NOON
from vouch.domain.errors import Unavailable
from vouch.service import deliveries
from vouch.service.deliveries import Outcome
from vouch.store.tables import Delivery

ORDERS = {"orders": 40, "webhooks": 100}
HOUR = timedelta(hours=1)


def _posted(world: World) -> tuple[list[Any], dict[str, Any]]:
    """A history that was taken in, and what it comes to for a second brand in which nothing goes wrong."""
    clean = World(world.deployment, "clean").build()
    told = history(clean, 7, **ORDERS)
    for webhook in told.webhooks:
        clean.deliver(webhook)
    expected = clean.outcome(told.external_ids)
    told = history(world, 7, **ORDERS)
    for webhook in told.webhooks:
        assert world.post(webhook)["statusCode"] == 200
    return world.all_stored(told.webhooks), expected


def test_settle_that_raises_on_every_third_batch_loses_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    images, expected = _posted(world)
    calls = Counter[str]()
    real = deliveries.settle_delivery

    def raising(*asked: Any) -> Outcome:
        calls["all"] += 1
        if calls["all"] % 9 == 5:
            raise Unavailable
        return real(*asked)

    monkeypatch.setattr(deliveries, "settle_delivery", raising)
    for batch in batched(images, 3, strict=False):
        for _ in range(5):  # the mapping's part: a batch that raised comes again, newcomers and all
            try:
                world.settle(batch)
            except Unavailable:
                calls["raised"] += 1
            else:
                break
    assert calls["raised"] > 10
    assert world.outcome(expected) == expected
    world.assert_invariants()


def test_second_pass_settles_what_the_stream_lost(world: World) -> None:
    images, expected = _posted(world)
    world.settle(image for place, image in enumerate(images) if place % 3)
    assert world.outcome(expected) != expected
    later(world.deployment, 2 * HOUR)
    assert world.second_pass(2)["applied"] > 0
    assert world.outcome(expected) == expected
    assert "applied" not in world.second_pass(2)
    world.assert_invariants()


def test_second_pass_by_itself_takes_the_hour_before_last(world: World) -> None:
    sale = Sale(1, NOON - HOUR, codes=["NOA10"])
    assert world.post(sale.paid())["statusCode"] == 200
    later(world.deployment, HOUR)
    assert world.second_pass(None) == {}
    later(world.deployment, HOUR)
    assert world.second_pass(None) == {"applied": 1}


def test_second_pass_without_time_goes_on_by_the_delayed_queue(world: World) -> None:
    _, expected = _posted(world)
    assert world.second_pass(0, Context(lambda: 29_000)) == {}
    world.woken()
    assert world.outcome(expected) == expected


def test_one_delivery_that_the_world_refuses_does_not_hold_up_the_second_pass(world: World) -> None:
    sales = [Sale(number, NOON - HOUR, codes=["NOA10"]) for number in range(1, 6)]
    for sale in sales:
        assert world.post(sale.paid())["statusCode"] == 200
    real = deliveries.settle_delivery
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(deliveries, "settle_delivery", lambda *asked: _refusing(real, "#3", *asked))
        assert world.second_pass(0) == {"applied": 4, "put_off": 1}
    assert world.standing("3") is None
    world.woken()
    assert world.standing("3") is not None


def _refusing(real: Any, subject: str, deployment: Any, delivery: Delivery) -> Outcome:
    if delivery.pk.endswith(subject):
        raise Unavailable
    outcome: Outcome = real(deployment, delivery)
    return outcome


def test_stream_record_of_anything_but_an_insert_is_nothing_to_settle(world: World) -> None:
    sale = Sale(1, NOON - HOUR, codes=["NOA10"])
    webhook = sale.paid()
    world.post(webhook)
    for name in ("REMOVE", "MODIFY"):
        settle.handler({"Records": [record(world.stored(webhook)) | {"eventName": name}]}, Context())
    assert world.standing(sale.external_id) is None

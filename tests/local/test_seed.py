"""The demo's story: the same each time, in the platforms' own shape, and with books of its own to compare with."""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from local import stack
from local.demo import brand, inlet, payday, shopify
from local.demo.sales import Books, Dispute, Refund, books
from local.demo.story import DAYS, Delivery, Story, story
from vouch.domain.context import Context
from vouch.domain.facts import OrderFacts
from vouch.domain.settlement import settle
from vouch.platforms import shopify as shopify_adapter
from vouch.platforms import standard_webhooks
from vouch.platforms.base import Account, Pseudonym, Reading, Request, Unreadable

NOW = datetime(2026, 7, 1, 9, 30, tzinfo=UTC)
PLAIN = Pseudonym(str, "door")
SAMPLES = Path(__file__).parents[1] / "data/platforms/shopify"


@pytest.fixture(scope="module")
def told() -> Story:
    return story(NOW)


def deliveries(told: Story) -> Iterator[Delivery]:
    for moment in told.moments:
        yield from moment.deliveries


def plain(told: Story) -> list[Any]:
    return [
        (moment.at - told.begins, [visit.slug for visit in moment.visits], [d.id for d in moment.deliveries])
        for moment in told.moments
    ]


def request(delivery: Delivery) -> Request:
    if delivery.order.door == "shopify":
        body, headers = shopify.request(delivery, brand.SHOPIFY_SECRET)
    else:
        body, headers = inlet.request(delivery, brand.INLET_SECRET, NOW)
    return Request({name.lower(): value for name, value in headers.items()}, body)


def test_the_story_is_the_same_each_time() -> None:
    assert plain(story(NOW)) == plain(story(NOW + timedelta(days=40, hours=3)))


def test_it_fills_sixty_days_and_ends_before_now(told: Story) -> None:
    moments = [moment.at for moment in told.moments]
    assert moments == sorted(moments)
    assert told.begins < moments[0] < told.begins + timedelta(days=1)
    assert moments[-1] < NOW
    assert (moments[-1] - told.begins).days == DAYS - 1


def test_nothing_is_told_before_it_happened(told: Story) -> None:
    for moment in told.moments:
        for delivery in moment.deliveries:
            assert delivery.order.placed_at < moment.at
            assert delivery.at <= moment.at
            assert delivery.refund is None or delivery.order.placed_at < delivery.refund.at


def test_every_oddity_of_a_shop_is_in_it(told: Story) -> None:
    found = list(deliveries(told))
    orders = {delivery.order.external_id: delivery.order for delivery in found}.values()
    kinds = Counter(delivery.kind for delivery in found)
    buyers = Counter(order.buyer.email for order in orders if order.buyer)
    first_news = {delivery.order.external_id: delivery.kind for delivery in reversed(found)}
    assert told.visits > 200
    assert len(orders) > 100
    assert kinds["refund"] > 10
    assert kinds["cancellation"] > 3
    assert kinds["unreadable"] == 1
    assert {delivery.order.door for delivery in found} == {"shopify", "inlet", "rest"}
    assert any(delivery.copies > 1 for delivery in found)
    assert "refund" in first_news.values()
    assert any(order.payment == "pending" for order in orders)
    assert any(order.test for order in orders)
    assert any(order.source == "pos" and order.buyer is None for order in orders)
    assert any(order.code == "SUMMER25" for order in orders)
    assert any(order.buyer and order.buyer.email.endswith("creators.example") for order in orders)
    assert any(line.removed for order in orders for line in order.lines)
    assert any(line.product.gift_card for order in orders for line in order.lines)
    assert {delivery.dispute.status for delivery in found if delivery.dispute} == {"open", "lost", "won"}
    assert any(delivery.refund.failed for delivery in found if delivery.refund)
    assert sum(times > 1 for times in buyers.values()) > 5
    assert sum(order.subscription is not None for order in orders) > 3
    assert {decision.kind for decision in told.decisions} == {"reassign", "adjust"}
    assert told.examples.keys() == {"came_back", "subscription", "dollars", "disputed"}


def test_every_order_in_dollars_has_a_rate_of_the_week_before(told: Story) -> None:
    fixed = [moment.at for moment in told.moments if moment.dollar]
    abroad = [order for order in (each.order for each in deliveries(told)) if order.currency == "USD"]
    assert abroad
    for order in abroad:
        assert any(order.placed_at - timedelta(days=7) < at < order.placed_at for at in fixed)


def fields(value: Any, path: str = "") -> set[str]:
    if isinstance(value, dict):
        return {path} | {field for key, part in value.items() for field in fields(part, f"{path}.{key}")}
    if isinstance(value, list):
        return {path} | {field for part in value for field in fields(part, f"{path}[]")}
    return {path}


@pytest.mark.parametrize(
    "sample", ["orders_paid", "orders_updated", "refunds_create", "orders_cancelled", "disputes_create"]
)
def test_bodies_have_every_field_that_a_real_one_has(told: Story, sample: str) -> None:
    topic = sample.replace("_", "/", 1)
    real = fields(json.loads((SAMPLES / f"{sample}.json").read_bytes()))
    ours: set[str] = set()
    for delivery in deliveries(told):
        if delivery.order.door == "shopify" and delivery.topic == topic:
            ours |= fields(json.loads(request(delivery).body))
    # What only some orders have: a refund of shipping, properties that a buyer chose.
    assert {
        field for field in real - ours if "order_adjustments[]" not in field and "properties[]" not in field
    } == set()


def test_signatures_are_those_that_the_platforms_make(told: Story) -> None:
    doors = set()
    for delivery in deliveries(told):
        doors.add(delivery.order.door)
        match delivery.order.door:
            case "shopify":
                assert shopify_adapter.verify(request(delivery), Account([brand.SHOPIFY_SECRET]), NOW).startswith(
                    delivery.id
                )
            case "inlet":
                assert standard_webhooks.verify(request(delivery), Account([brand.INLET_SECRET]), NOW) == delivery.id
    assert doors == {"shopify", "inlet", "rest"}, "and what comes by REST has no signature"


def test_the_shops_own_books_are_what_settling_comes_to(told: Story) -> None:
    """Two ways to the same figures, order by order, whatever arrived in what order."""
    facts: dict[str, OrderFacts] = {}
    newest: dict[str, Delivery] = {}
    refunds: dict[str, list[Refund]] = {}
    disputes: dict[str, dict[int, Dispute]] = {}
    for delivery in deliveries(told):
        name = delivery.order.external_id
        adapter = shopify_adapter if delivery.order.door == "shopify" else standard_webhooks
        if delivery.kind == "unreadable":
            continue
        reading = adapter.facts(request(delivery), PLAIN)
        assert isinstance(reading, Reading)
        facts[name] = facts.get(name, OrderFacts()).with_facts(reading.facts)[0]
        if delivery.refund:
            refunds.setdefault(name, []).append(delivery.refund)
        elif delivery.dispute:
            disputes.setdefault(name, {})[delivery.dispute.id] = delivery.dispute
        elif name not in newest or newest[name].order.updated_at < delivery.order.updated_at:
            newest[name] = delivery
    for name, known in facts.items():
        settled = settle(known, Context(test_brand=True), {})
        shown = Books(settled.status, settled.base, settled.refunded_base)
        assert shown == books(newest[name].order, refunds.get(name, ()), disputes.get(name, {}).values()), name


def test_the_unreadable_delivery_is_genuine_and_cannot_be_read(told: Story) -> None:
    [unreadable] = [request(delivery) for delivery in deliveries(told) if delivery.kind == "unreadable"]
    shopify_adapter.verify(unreadable, Account([brand.SHOPIFY_SECRET]), NOW)
    with pytest.raises(Unreadable):
        shopify_adapter.facts(unreadable, PLAIN)


def test_the_payday_is_told_in_two_lines() -> None:
    left_out = [("below_minimum", 900), ("below_minimum", 100), ("payouts_held", 7000)]
    outcomes = [(None, 12_345), (None, 5_000), *left_out]
    would: list[dict[str, Any]] = [{"skipped": reason, "amount": amount} for reason, amount in outcomes]
    paid = payday.Payday({"id": "run_1", "total": 17_345}, would, [{"status": "submitted"}, {"status": "settled"}])
    assert paid.told() == [
        "a dry run would pay 2 creators 173.45 ILS, 2 left out (below_minimum), 1 left out (payouts_held)",
        "friends are paid 173.45 ILS by list: 1 settled, 1 submitted",
    ]


def test_another_port_moves_the_demos_addresses(tmp_path: Path) -> None:
    demo = {"link_url": "http://127.0.0.1:4566/r/noa", "links": {"noa": "http://127.0.0.1:4566/r/noa"}, "code": "NOA10"}
    memory = stack._Memory(tmp_path, "0a1b http://127.0.0.1:4566", demo)
    moved = "http://127.0.0.1:4700/r/noa"
    assert memory.demo_at("http://127.0.0.1:4700") == {"link_url": moved, "links": {"noa": moved}, "code": "NOA10"}
    assert stack._Memory(tmp_path).demo_at("http://127.0.0.1:4700") == {}

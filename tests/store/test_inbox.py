"""Deliveries: the same request has the same id, comes back as it came, and is found by its hour."""

from datetime import timedelta

import pytest

from tests.faults.shop import Sale, incompressible
from tests.faults.world import World, record
from tests.fixtures import NOON
from vouch.domain import times
from vouch.platforms.base import Request
from vouch.service.deployment import Deployment
from vouch.store import inbox
from vouch.store.inbox import Door
from vouch.store.tables import Delivery

DOOR = Door("brd_1", "live", "shopify", "con_1", "prg_1")


def taken(body: bytes = b"{}", *, subject: str = "1", delivery: str = "one", door: Door = DOOR) -> Delivery:
    headers = {"x-topic": "orders/paid", "authorization": "secret"}
    return inbox.delivery(
        door, headers, body, platform_delivery_id=delivery, subject=subject, kept=("x-topic", "x-none"), now=NOON
    )


def test_same_request_has_the_same_id_and_any_other_another() -> None:
    assert taken().sk == taken().sk
    others = [
        taken(b"{} "),
        taken(delivery="two"),
        taken(door=Door("brd_2", "live", "shopify", "con_1")),
        taken(door=Door("brd_1", "live", "shopify", "con_2")),
    ]
    assert len({taken().sk, *(other.sk for other in others)}) == 5


def test_of_the_headers_only_those_that_facts_need_are_kept() -> None:
    assert taken().headers == {"x-topic": "orders/paid"}


def test_deliveries_of_one_order_share_a_partition_whatever_its_id() -> None:
    assert taken(b"1").pk == taken(b"2").pk == "brd_1#D#con_1#1"
    assert taken(subject="x" * 5_000).pk == taken(subject="x" * 5_000).pk
    assert len(taken(subject="x" * 5_000).pk) < 512
    assert inbox.partition("brd_1", None, "1") == "brd_1#D#rest#1"


@pytest.mark.parametrize("size, in_bucket", [(1, False), (450_000, False), (650_000, True), (4_000_000, True)])
def test_body_comes_back_as_it_came_wherever_it_was_kept(deployment: Deployment, size: int, in_bucket: bool) -> None:
    body = incompressible(size).encode()
    item = taken(body)
    assert inbox.put(deployment.database, lambda: deployment.s3, item)
    assert not inbox.put(deployment.database, lambda: deployment.s3, taken(body))
    stored = inbox.get(deployment.database, item.pk, item.sk)
    assert stored is not None
    assert (stored.body is None, bool(deployment.s3.objects)) == (in_bucket, in_bucket)
    headers, content = inbox.content(deployment.database, lambda: deployment.s3, stored)
    assert (content, headers) == (body, {"x-topic": "orders/paid"})
    assert (stored.mode, stored.program_id, stored.received_at) == ("live", "prg_1", "2026-05-04T12:00:00.000000Z")
    assert stored.expires_at == int((NOON + timedelta(days=30)).timestamp())


def test_stream_tells_the_delivery_that_was_stored(world: World) -> None:
    webhook = Sale(1, NOON).paid()
    world.post(webhook)
    told = inbox.from_stream(record(world.stored(webhook))["dynamodb"]["NewImage"])
    stored = inbox.get(world.deployment.database, told.pk, told.sk)
    assert stored is not None
    assert told.serialize() == stored.serialize()
    s3 = lambda: world.deployment.s3  # noqa: E731 - a callable, as `content` takes it
    assert inbox.content(world.deployment.database, s3, told) == (
        {name: webhook.headers[name] for name in ("x-shopify-topic", "x-shopify-triggered-at")},
        Request(webhook.headers, webhook.body).body,
    )


def test_an_hours_deliveries_are_found_page_by_page(deployment: Deployment) -> None:
    put = [taken(str(number).encode(), subject=str(number)) for number in range(60)]
    for item in put:
        assert inbox.put(deployment.database, lambda: deployment.s3, item)
    found: list[str] = []
    pages = 0
    for shard in range(inbox.HOUR_SHARDS):
        after: inbox.Bookmark = None
        while True:
            items, after = inbox.of_hour(deployment.database, NOON, shard, after)
            found += [item.sk for item in items]
            pages += 1
            if after is None:
                break
    assert sorted(found) == sorted(item.sk for item in put)
    assert pages >= inbox.HOUR_SHARDS
    assert inbox.of_hour(deployment.database, NOON + timedelta(hours=1), 0, None) == ([], None)


def test_parked_delivery_has_one_note_and_is_itself_unchanged(deployment: Deployment) -> None:
    item = taken()
    inbox.put(deployment.database, lambda: deployment.s3, item)
    for hour, reason in enumerate(("not_json", "shape_mismatch")):
        now = NOON + timedelta(hours=hour)
        assert inbox.park(deployment.database, item, reason=reason, detail="x" * 5_000, now=now) is (hour == 0)
    note = inbox.parked(deployment.database, "brd_1", item.sk)
    assert note is not None
    assert (note.reason, len(note.detail), note.topic, note.inbox_pk, note.parked_at) == (
        "shape_mismatch",
        1_000,
        "orders/paid",
        item.pk,
        times.text(NOON),
    )
    stored = inbox.get(deployment.database, item.pk, item.sk)
    assert stored is not None
    assert stored.serialize() == item.serialize()
    inbox.unpark(deployment.database, item)
    inbox.unpark(deployment.database, item)
    assert inbox.parked(deployment.database, "brd_1", item.sk) is None

"""Taking in: proven first, stored second, answered last."""

import base64
import hmac
import json
from datetime import timedelta

import pytest

from tests.faults.shop import Sale
from tests.faults.world import World
from tests.fixtures import NOON
from tests.platforms.samples import SHOPIFY_SECRET
from tests.wire import Wire, closed, unreachable
from vouch.domain import ids
from vouch.domain.errors import NotFound, TooLarge, Unauthenticated
from vouch.platforms.base import Request
from vouch.service.ingest import BODY_MAX, Ingest, Receipt
from vouch.store.database import FAILURES
from vouch.store.tables import ConnectionItem, Delivery
from vouch.store.vault import Misplaced


class Seconds:
    """How long the process has run."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def request_(world: World) -> Request:
    webhook = Sale(1, NOON - timedelta(hours=1)).paid()
    return Request(webhook.headers, webhook.body)


def received(ingest: Ingest, world: World, request: Request) -> Receipt:
    receipt = ingest.receive(world.connection_id, request)
    assert receipt is not None
    return receipt


def test_receipt_names_the_delivery_and_tells_a_repeat(world: World, request_: Request) -> None:
    ingest = Ingest(world.deployment)
    first = received(ingest, world, request_)
    again = received(ingest, world, request_)
    assert ids.is_id(first.delivery_id, "dlv_")
    assert (first.repeated, again.repeated) == (False, True)
    assert again.delivery_id == first.delivery_id
    assert world.stored_count() == 1


def test_delivery_carries_what_its_connection_says(world: World, request_: Request) -> None:
    item = world.deployment.database.get(ConnectionItem, f"CON#{world.connection_id}", "C")
    assert item is not None
    item.program_id = world.press
    item.save()
    receipt = received(Ingest(world.deployment), world, request_)
    stored = world.deployment.database.get(Delivery, f"{world.brand_id}#D#{world.connection_id}#1", receipt.delivery_id)
    assert stored is not None
    assert (stored.brand_id, stored.mode, stored.platform) == (world.brand_id, "live", "shopify")
    assert (stored.connection_id, stored.program_id) == (world.connection_id, world.press)


def test_size_is_refused_before_anything_is_read(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    wire = Wire(monkeypatch)
    with pytest.raises(TooLarge):
        Ingest(world.deployment).receive(world.connection_id, Request({}, b"x" * (BODY_MAX + 1)))
    assert not wire.operations()


def test_connection_is_opened_once_and_an_unknown_one_is_asked_for_once(
    world: World, request_: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest, unknown = Ingest(world.deployment), ids.derived("con_", "nobody")
    wire = Wire(monkeypatch)
    for _ in range(3):
        ingest.receive(world.connection_id, request_)
        with pytest.raises(NotFound):
            ingest.receive(unknown, request_)
    assert wire.reads(f"CON#{world.connection_id}") == 1
    assert wire.reads(f"CON#{unknown}") == 1


def set_secret(world: World, secret: str) -> None:
    item = world.deployment.database.get(ConnectionItem, f"CON#{world.connection_id}", "C")
    assert item is not None
    item.secrets = [[world.sealed("webhook_secret", secret), None]]
    item.save()


def test_secret_that_is_new_since_the_connection_was_read_is_good_at_once(world: World, request_: Request) -> None:
    seconds = Seconds()
    ingest = Ingest(world.deployment, clock=seconds)
    ingest.receive(world.connection_id, request_)
    set_secret(world, "the next one")
    signature = base64.b64encode(hmac.digest(b"the next one", request_.body, "sha256")).decode()
    renewed = Request({**request_.headers, "x-shopify-hmac-sha256": signature}, request_.body)
    assert received(ingest, world, renewed).repeated


def test_secret_that_is_new_since_a_bad_signature_is_good_a_second_later(world: World, request_: Request) -> None:
    seconds = Seconds()
    ingest = Ingest(world.deployment, clock=seconds)
    set_secret(world, "the former one")
    with pytest.raises(Unauthenticated):
        ingest.receive(world.connection_id, request_)
    set_secret(world, SHOPIFY_SECRET)
    seconds.now = 0.9
    with pytest.raises(Unauthenticated):
        ingest.receive(world.connection_id, request_)
    seconds.now = 1
    assert not received(ingest, world, request_).repeated


def test_flood_of_bad_signatures_costs_one_read_a_second(
    world: World, request_: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds, forged = Seconds(), Request(request_.headers, b"{}")
    ingest = Ingest(world.deployment, clock=seconds)
    wire = Wire(monkeypatch)
    for tenths in range(121):
        seconds.now = tenths / 10
        with pytest.raises(Unauthenticated):
            ingest.receive(world.connection_id, forged)
    # The first for want of a connection, and from then on one a second: each outlives the ten seconds of a value.
    assert wire.reads(f"CON#{world.connection_id}") == 1 + 13


def test_bad_signature_stays_one_while_the_store_fails(
    world: World, request_: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = Seconds()
    ingest = Ingest(world.deployment, clock=seconds)
    ingest.receive(world.connection_id, request_)
    wire = Wire(monkeypatch)
    wire.faults["GetItem"] = unreachable
    seconds.now = 2
    with pytest.raises(Unauthenticated):
        ingest.receive(world.connection_id, Request(request_.headers, b"{}"))
    assert received(ingest, world, request_).repeated


def test_connection_that_was_disabled_is_closed_within_ten_seconds(world: World, request_: Request) -> None:
    seconds = Seconds()
    ingest = Ingest(world.deployment, clock=seconds)
    ingest.receive(world.connection_id, request_)
    item = world.deployment.database.get(ConnectionItem, f"CON#{world.connection_id}", "C")
    assert item is not None
    item.status = "disabled"
    item.save()
    seconds.now = 10
    with pytest.raises(NotFound):
        ingest.receive(world.connection_id, request_)


def test_what_is_not_an_id_is_not_asked_for(world: World, request_: Request, monkeypatch: pytest.MonkeyPatch) -> None:
    wire = Wire(monkeypatch)
    for text in ("", "con_", world.brand_id, world.connection_id.lower(), world.connection_id + "\n"):
        with pytest.raises(NotFound):
            Ingest(world.deployment).receive(text, request_)
    assert not wire.operations()


def test_secret_sealed_for_another_brand_does_not_open(world: World, request_: Request) -> None:
    item = world.deployment.database.get(ConnectionItem, f"CON#{world.connection_id}", "C")
    assert item is not None
    item.brand_id = ids.derived("brd_", "another")
    item.save()
    with pytest.raises(Misplaced):
        Ingest(world.deployment).receive(world.connection_id, request_)
    assert world.stored_count() == 0


def test_connection_without_a_secret_accepts_nothing(world: World, request_: Request) -> None:
    item = world.deployment.database.get(ConnectionItem, f"CON#{world.connection_id}", "C")
    assert item is not None
    item.secrets = []
    item.save()
    with pytest.raises(Unauthenticated):
        Ingest(world.deployment).receive(world.connection_id, request_)


def test_store_that_fails_is_not_answered_by_a_receipt(
    world: World, request_: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest = Ingest(world.deployment)
    wire = Wire(monkeypatch)
    wire.faults["PutItem"] = closed
    with pytest.raises(FAILURES):
        ingest.receive(world.connection_id, request_)
    assert world.stored_count() == 0
    wire.faults.clear()
    assert not received(ingest, world, request_).repeated


def test_nothing_of_a_person_stays_outside_the_body(world: World, request_: Request) -> None:
    Ingest(world.deployment).receive(world.connection_id, request_)
    [stored] = world.deployment.database.query(Delivery, f"{world.brand_id}#D#{world.connection_id}#1")
    said = {name: value for name, value in stored.serialize().items() if name != "body"}
    assert b"example.com" in request_.body
    assert "example.com" not in json.dumps(said)

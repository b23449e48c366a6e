"""Whatever is posted gets a clear 4xx, or is kept and parked with its reason: no 500, no traceback, nothing lost."""

import base64
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from attribution import ingest
from tests.faults.shop import Sale, copy
from tests.faults.world import BEGAN, Context, Webhook, World, event, later
from tests.fixtures import NOON
from vouch.domain import ids
from vouch.platforms.signatures import base64_sha256
from vouch.service import orders as settling
from vouch.store.tables import ConnectionItem, Link

PLACED = NOON - timedelta(days=1)
MEGABYTE = 1024 * 1024
Asked = dict[str, Any]


@pytest.fixture(autouse=True)
def no_traceback(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """The whole log of a test, at its end, when `caplog.records` has turned to the teardown."""
    yield
    said = caplog.get_records("call")
    assert not [record.getMessage() for record in said if record.exc_info or record.levelname == "ERROR"]


def _asked(world: World) -> Asked:
    return world.request(Sale(1, PLACED, codes=["NOA10"]).paid())


def _without(name: str) -> Callable[[Asked], Asked]:
    return lambda asked: {key: value for key, value in asked.items() if key != name}


def _headers(**changes: str) -> Callable[[Asked], Asked]:
    said = {name.replace("_", "-"): value for name, value in changes.items()}
    return lambda asked: asked | {"headers": asked["headers"] | said}


def _to(connection_id: str | None) -> Callable[[Asked], Asked]:
    return lambda asked: asked | {"pathParameters": {"connection_id": connection_id}}


def _by(method: str) -> Callable[[Asked], Asked]:
    def by(asked: Asked) -> Asked:
        asked["requestContext"]["http"]["method"] = method
        return asked

    return by


REFUSED: dict[str, tuple[Callable[[Asked], Asked], int, str]] = {
    "no headers": (_without("headers"), 401, "bad_signature"),
    "headers null": (lambda asked: asked | {"headers": None}, 401, "bad_signature"),
    "no signature": (_headers(x_shopify_hmac_sha256=""), 401, "bad_signature"),
    "signature of something else": (_headers(x_shopify_hmac_sha256="c29tZXRoaW5nIGVsc2U="), 401, "bad_signature"),
    "signature in Hebrew": (_headers(x_shopify_hmac_sha256="חתימה"), 401, "bad_signature"),
    "half a surrogate pair": (_headers(x_shopify_hmac_sha256="\ud83d"), 401, "bad_signature"),
    "body changed on the way": (lambda asked: asked | {"body": asked["body"] + " "}, 401, "bad_signature"),
    "body with half a surrogate pair": (lambda asked: asked | {"body": "\ud83d"}, 401, "bad_signature"),
    "no body": (_without("body"), 401, "bad_signature"),
    "body null": (lambda asked: asked | {"body": None}, 401, "bad_signature"),
    "unsigned brackets": (lambda asked: asked | {"body": "[" * 100_000}, 401, "bad_signature"),
    "five megabytes": (lambda asked: asked | {"body": "x" * 5 * MEGABYTE}, 413, "too_large"),
    "a byte over four megabytes": (lambda asked: asked | {"body": "x" * (4 * MEGABYTE + 1)}, 413, "too_large"),
    "four megabytes": (lambda asked: asked | {"body": "x" * 4 * MEGABYTE}, 401, "bad_signature"),
    "rubbish for base64": (lambda asked: asked | {"isBase64Encoded": True, "body": "%%%"}, 422, "invalid_body"),
    "base64 beyond ASCII": (lambda asked: asked | {"isBase64Encoded": True, "body": "שלום"}, 422, "invalid_body"),
    "base64 cut short": (lambda asked: asked | {"isBase64Encoded": True, "body": "QUJDR"}, 422, "invalid_body"),
    "nobody's connection": (_to(ids.derived("con_", "nobody")), 404, "not_found"),
    "no connection at all": (_to("rubbish"), 404, "not_found"),
    "a key in place of a connection": (_to("con_#../../BRAND"), 404, "not_found"),
    "connection of 10 kB": (_to("con_" + "A" * 10_000), 404, "not_found"),
    "connection null": (_to(None), 404, "not_found"),
    "no path parameters": (_without("pathParameters"), 404, "not_found"),
    "path parameters null": (lambda asked: asked | {"pathParameters": None}, 404, "not_found"),
    "GET": (_by("GET"), 405, "method_not_allowed"),
    "HEAD": (_by("HEAD"), 405, "method_not_allowed"),
    "DELETE": (_by("DELETE"), 405, "method_not_allowed"),
    "a language nobody speaks": (
        lambda asked: _headers(accept_language="q=;,,*;q=x")(_to("x")(asked)),
        404,
        "not_found",
    ),
}


@pytest.mark.parametrize("change, status, code", REFUSED.values(), ids=REFUSED)
def test_what_is_not_genuine_is_refused_clearly_and_not_stored(
    world: World, change: Callable[[Asked], Asked], status: int, code: str
) -> None:
    answer = ingest.handler(change(_asked(world)), Context())
    problem = json.loads(answer["body"])
    assert (answer["statusCode"], problem["status"], problem["code"]) == (status, status, code)
    assert answer["headers"]["content-type"] == "application/problem+json"
    assert ids.is_id(problem["request_id"], "req_")
    assert world.stored_count() == 0


def test_other_methods_are_told_which_one_there_is(world: World) -> None:
    assert ingest.handler(_by("PUT")(_asked(world)), Context())["headers"]["allow"] == "POST"


def test_connection_that_was_switched_off_is_not_there(world: World) -> None:
    item = world.deployment.database.get(ConnectionItem, f"CON#{world.connection_id}", "C")
    assert item is not None
    item.status = "disabled"
    item.save()
    assert ingest.handler(_asked(world), Context())["statusCode"] == 404


def test_secret_that_was_rotated_proves_until_its_overlap_ends(world: World) -> None:
    item = world.deployment.database.get(ConnectionItem, f"CON#{world.connection_id}", "C")
    assert item is not None
    new = world.sealed("webhook_secret", "new")
    item.secrets = [[new, None], [item.secrets[0][0], "2026-05-04T13:00:00.000000Z"]]
    item.save()
    sale = Sale(1, PLACED)
    assert world.post(sale.created())["statusCode"] == 200
    newly = world.request(webhook := sale.paid())
    newly["headers"]["x-shopify-hmac-sha256"] = base64_sha256(b"new", webhook.body)
    assert ingest.handler(newly, Context())["statusCode"] == 200
    later(world.deployment, timedelta(hours=1))
    assert world.post(webhook)["statusCode"] == 401
    assert ingest.handler(newly, Context())["statusCode"] == 200


# --- genuine, and no use ----------------------------------------------------------------------------------------------


def _order(**changes: Any) -> bytes:
    sale = Sale(1, PLACED, codes=["NOA10"])
    sale.paid()
    return json.dumps(copy(sale.body) | changes).encode()


def _line(**changes: Any) -> bytes:
    sale = Sale(1, PLACED, codes=["NOA10"])
    sale.paid()
    return json.dumps(sale.body | {"line_items": [sale.body["line_items"][0] | changes]}).encode()


PARKED: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "not_json"),
    "cut short": (_order()[:-700], "not_json"),
    "not UTF-8": (_order().replace(b"Avery", b"Av\xe9ry"), "not_json"),
    "UTF-16": (_order().decode().encode("utf-16"), "not_json"),
    "brackets": (b"[" * 100_000, "not_json"),
    "braces": (b'{"a":' * 100_000, "not_json"),
    "a number of a million digits": (b'{"id":' + b"9" * 1_000_000 + b"}", "not_json"),
    "not a number": (_order(total=None).replace(b'"total": null', b'"total": NaN'), "not_json"),
    "infinity": (_order(total=None).replace(b'"total": null', b'"total": -Infinity'), "not_json"),
    "a list": (b"[]", "shape_mismatch"),
    "a text": (b'"order"', "shape_mismatch"),
    "null": (b"null", "shape_mismatch"),
    "nothing in it": (b"{}", "shape_mismatch"),
    "no id": (_order(id=None), "shape_mismatch"),
    "id is a list": (_order(id=[1]), "shape_mismatch"),
    "id is true": (_order(id=True), "shape_mismatch"),
    "id is negative": (_order(id=-1), "shape_mismatch"),
    "id of 10 kB": (_order(id="9" * 10_000), "shape_mismatch"),
    "id of two lines": (_order(id="1\n2"), "shape_mismatch"),
    "line with a null in its id": (_line(id="1\x00"), "shape_mismatch"),
    "lines are an object": (_order(line_items={"0": {}}), "shape_mismatch"),
    "lines are numbers": (_order(line_items=[1, 2]), "shape_mismatch"),
    "too many lines": (_order(line_items=[{"id": 1}] * 5_001), "too_many_lines"),
    "currency is none": (_order(currency="gold"), "unknown_currency"),
    "status is unknown": (_order(financial_status="haggled"), "unknown_status"),
    "time without an offset": (_order(updated_at="2026-05-04T10:15:34"), "bad_time"),
    "time is a number": (_order(updated_at=1_777_907_734), "bad_time"),
    "time before time": (_order(created_at="0001-01-01T00:00:00+14:00"), "bad_time"),
    "quantity is negative": (_line(quantity=-1), "shape_mismatch"),
    "quantity is a fraction": (_line(quantity=1.5), "shape_mismatch"),
    "quantity is endless": (_line(quantity=10**18), "shape_mismatch"),
    "price is a word": (_line(price_set=None, price="free"), "bad_amount"),
    "price is NaN in a text": (_line(price_set=None, price="NaN"), "bad_amount"),
    "price is beyond any float": (
        _line(price_set=None, price=None).replace(b'"price": null', b'"price": 1e400', 1),
        "bad_amount",
    ),
    "price has half a cent": (_line(price_set=None, price="1.005"), "bad_amount"),
    "price is negative": (_line(price_set=None, price="-1.00"), "bad_amount"),
}


@pytest.mark.parametrize("body, reason", PARKED.values(), ids=PARKED)
def test_genuine_delivery_that_cannot_be_read_is_kept_and_parked(world: World, body: bytes, reason: str) -> None:
    webhook = Webhook("orders/paid", body, "bad-1", NOON)
    answer = ingest.handler(_as_base64(world, webhook), Context())
    assert answer["statusCode"] == 200, answer
    world.settle([world.stored(webhook)])
    [note] = world.parked()
    assert note.reason == reason
    assert note.topic == "orders/paid"
    assert note.delivery_id == json.loads(answer["body"])["delivery_id"]
    assert world.entries() == {}


def test_parked_delivery_keeps_nobody_waiting(world: World) -> None:
    sale = Sale(2, PLACED, codes=["NOA10"])
    bad, good = Webhook("orders/paid", b"{", "bad-1", NOON), sale.paid()
    for webhook in (bad, good):
        assert world.post(webhook)["statusCode"] == 200
    world.settle([world.stored(bad), world.stored(good)])
    assert len(world.parked()) == 1
    assert world.books("2")[1]


def _as_base64(world: World, webhook: Webhook) -> Asked:
    """As API Gateway hands on what it does not take for text."""
    body = base64.b64encode(webhook.body).decode()
    return world.request(Webhook("", b"", "", NOON)) | {
        "headers": event("ingest")["headers"] | webhook.headers,
        "isBase64Encoded": True,
        "body": body,
    }


@pytest.mark.parametrize("topic", ["orders/risk_assessment_changed", "", "שלום", "x" * 5_000])
def test_topic_that_says_nothing_about_money_is_taken_and_ignored(world: World, topic: str) -> None:
    sale = Sale(1, PLACED, codes=["NOA10"])
    webhook = Webhook(topic, sale.paid().body, "1-1", NOON)
    world.deliver(webhook)
    assert world.parked() == []
    assert world.standing("1") is None


def test_topic_that_its_body_does_not_bear_out_is_parked(world: World) -> None:
    sale = Sale(1, PLACED, codes=["NOA10"])
    world.deliver(Webhook("orders/cancelled", sale.paid().body, "1-1", NOON))
    assert [note.reason for note in world.parked()] == ["shape_mismatch"]


def test_snapshot_that_moves_its_orders_birth_is_parked(world: World) -> None:
    sale = Sale(1, PLACED, codes=["NOA10"])
    world.deliver(sale.paid())
    sale.body["created_at"] = "2026-05-01T00:00:00Z"
    world.deliver(sale.edited(PLACED + timedelta(hours=1), 0, 1))
    assert [note.reason for note in world.parked()] == ["placed_at_changed"]
    assert world.order("1").version == 1


# --- genuine, and worth nothing ---------------------------------------------------------------------------------------


def test_order_placed_while_the_program_was_paused_earns_nothing_and_says_so(world: World) -> None:
    paused: list[list[str | None]] = [[BEGAN, "2026-05-03T00:00:00.000000Z"], ["2026-05-04T00:00:00.000000Z", None]]
    world.program(world.friends, [[1, None], [2, None]], paused).save()
    world.deliver(Sale(1, PLACED, codes=["NOA10"]).paid())
    world.deliver(Sale(2, PLACED - timedelta(days=2), codes=["NOA10"]).paid())
    assert world.books("1")[0] == {}
    assert world.books("2")[0] != {}
    assert world.order("1").summary["reason"] == "no_credit"
    explained = settling.recompute(world.deployment, world.order("1"))
    assert [(each.outcome, each.reason) for each in explained.candidates] == [("lost", "program_paused")]


def test_click_of_a_link_that_was_deleted_since_still_earns(world: World) -> None:
    click = world.click("noa", PLACED - timedelta(hours=1))
    link = world.deployment.database.get(Link, f"{world.brand_id}#L#{world.link_key('noa')}", "L")
    assert link is not None
    link.status = "inactive"
    link.save()
    world.deliver(Sale(1, PLACED, click_ids=[click]).paid())
    assert [creator for creator, _, _ in world.books("1")[0]] == [world.creators["noa"]]


def test_click_of_a_link_that_never_was_is_explained(world: World) -> None:
    click = world.click("nobody", PLACED - timedelta(hours=1))
    made_up = click[:-4] + "AAAA"
    world.deliver(Sale(1, PLACED, click_ids=[click, made_up]).paid())
    explained = settling.recompute(world.deployment, world.order("1"))
    assert [each.reason for each in explained.candidates] == ["unknown_click", "unknown_click"]

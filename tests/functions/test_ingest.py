"""`attribution.ingest`: the event of `events/attribution/ingest.json`, what is answered, and what is logged."""

import base64
import json
from datetime import UTC, datetime

import pytest

from attribution import ingest
from tests.faults.world import Context, World, event
from tests.fixtures import NOON, Clock
from tests.platforms import samples
from tests.wire import Fault, Wire, refused, unreachable
from vouch.domain import ids
from vouch.platforms import shopify
from vouch.platforms.base import Account, Request
from vouch.wire.about import Problem


def test_the_recorded_event_is_stored_and_answered(world: World) -> None:
    answer = ingest.handler(event("ingest"), Context())
    body = json.loads(answer["body"])
    assert (answer["statusCode"], answer["headers"]["content-type"]) == (200, "application/json")
    assert body["status"] == "stored"
    assert json.loads(ingest.handler(event("ingest"), Context())["body"]) == body | {"status": "duplicate"}
    assert world.stored_count() == 1


def test_the_recorded_event_is_what_shopify_sends() -> None:
    asked = event("ingest")
    request = Request(asked["headers"], asked["body"].encode())
    assert request.body == samples.request("shopify/orders_paid").body
    assert shopify.verify(request, Account([samples.SHOPIFY_SECRET]), NOON)


@pytest.mark.parametrize("name", samples.names("shopify"))
def test_each_recorded_delivery_is_stored_as_its_headers_sign_it_and_nothing_of_it_is_parked(
    world: World, clock: Clock, name: str
) -> None:
    clock.now = datetime(2026, 7, 1, tzinfo=UTC)  # after the youngest of them
    recorded = samples.request(name)
    asked = event("ingest") | {"body": recorded.body.decode()}
    asked["headers"] |= recorded.headers
    answer = ingest.handler(asked, Context())
    assert (answer["statusCode"], json.loads(answer["body"])["status"]) == (200, "stored")
    stored = world.put_sample(recorded)
    assert stored.sk == json.loads(answer["body"])["delivery_id"]
    assert world.wake(json.dumps({"delivery": [stored.pk, stored.sk], "tries": 0})) == {"batchItemFailures": []}
    assert not world.parked()
    asked["body"] += " "
    assert ingest.handler(asked, Context())["statusCode"] == 401


def test_base64_is_undone_before_the_signature_is_proven(world: World) -> None:
    asked = event("ingest")
    asked |= {"isBase64Encoded": True, "body": base64.b64encode(asked["body"].encode()).decode()}
    first, second = ingest.handler(asked, Context()), ingest.handler(event("ingest"), Context())
    assert json.loads(first["body"])["delivery_id"] == json.loads(second["body"])["delivery_id"]


def test_line_of_the_log_names_the_delivery_and_nobody(world: World, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        answer = ingest.handler(event("ingest"), Context())
    [line] = [record for record in caplog.records if record.getMessage() == "delivery"]
    assert vars(line)["delivery"] == json.loads(answer["body"])["delivery_id"]
    assert not any("example.com" in str(value) for record in caplog.records for value in vars(record).values())


@pytest.mark.parametrize("operation", ["GetItem", "PutItem"])
@pytest.mark.parametrize("fault", [unreachable, refused("AccessDeniedException"), refused("ThrottlingException")])
def test_store_that_fails_is_a_503_so_that_the_platform_tries_again_and_rings_an_alarm(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    operation: str,
    fault: Fault,
) -> None:
    wire = Wire(monkeypatch)
    wire.faults[operation] = fault
    answer = ingest.handler(event("ingest"), Context())
    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (503, "unavailable")
    assert '"Unforeseen":[1.0]' in capsys.readouterr().out
    wire.faults.clear()
    assert ingest.handler(event("ingest"), Context())["statusCode"] == 200


def test_request_that_is_refused_for_what_it_is_rings_none(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert ingest.handler(event("ingest") | {"body": "{}"}, Context())["statusCode"] == 401
    assert "Unforeseen" not in capsys.readouterr().out


def test_refusal_speaks_the_callers_language(world: World) -> None:
    asked = event("ingest") | {"body": "{}"}
    asked["headers"]["accept-language"] = "he-IL,he;q=0.9"
    hebrew = json.loads(ingest.handler(asked, Context())["body"])["title"]
    asked["headers"]["accept-language"] = "en"
    assert hebrew != json.loads(ingest.handler(asked, Context())["body"])["title"]


def test_refusal_is_a_whole_problem_whose_request_is_found_in_the_log(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO"):
        answer = ingest.handler(event("ingest") | {"body": "{}"}, Context())
    problem = Problem.model_validate_json(answer["body"])
    assert (problem.code, problem.errors) == ("bad_signature", [])
    assert ids.is_id(problem.request_id, "req_")
    [line] = [record for record in caplog.records if record.getMessage() == "refused"]
    assert vars(line)["request_id"] == problem.request_id
    assert vars(line)["connection"] == world.connection_id


def test_request_whose_delivery_was_not_stored_is_found_with_its_cause(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    Wire(monkeypatch).faults["PutItem"] = unreachable
    answer = ingest.handler(event("ingest"), Context())
    [line] = [record for record in caplog.records if record.exc_info]
    assert vars(line)["request_id"] == json.loads(answer["body"])["request_id"]


@pytest.mark.parametrize("path", ["noa@example.com", "con_noa@example.com", "", "con_" + "A" * 27])
def test_path_that_names_no_connection_is_not_logged(world: World, caplog: pytest.LogCaptureFixture, path: str) -> None:
    with caplog.at_level("INFO"):
        answer = ingest.handler(event("ingest") | {"pathParameters": {"connection_id": path}}, Context())
    assert answer["statusCode"] == 404
    [line] = [record for record in caplog.records if record.getMessage() == "refused"]
    assert vars(line)["connection"] is None


def test_warming_opens_no_connection(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    wire = Wire(monkeypatch)
    assert ingest.handler({"warm": True}, Context()) == {}
    assert not wire.operations()

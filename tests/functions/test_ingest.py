"""`attribution.ingest`: the event of `events/attribution/ingest.json`, what is answered, and what is logged."""

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from attribution import ingest
from tests.faults.world import Context, World, event
from tests.fixtures import NOON, Clock
from tests.platforms import samples
from tests.wire import Fault, Wire, refused, unreachable
from vouch.domain import ids
from vouch.platforms import shopify
from vouch.platforms.base import Account, BadSignature, Request
from vouch.platforms.registry import PLATFORMS
from vouch.store.tables import ConnectionItem
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


# --- what is no delivery, and what is answered ------------------------------------------------------------------------

QUESTION = {"hub.mode": "subscribe", "hub.challenge": "1158201444", "hub.verify_token": "meatyhamhock"}


@pytest.fixture
def meta(world: World) -> ConnectionItem:
    """The world's connection as one of Meta's."""
    item = world.deployment.database.get(ConnectionItem, f"CON#{world.connection_id}", "C")
    assert item is not None
    item.platform, item.secrets = "meta", [[world.sealed("webhook_secret", samples.META_SECRET), None]]
    item.details = {"verify_token": world.sealed("verify_token", QUESTION["hub.verify_token"])}
    item.save()
    return item


def asked(query: dict[str, str] | None, method: str = "GET") -> dict[str, Any]:
    question = event("ingest") | {"queryStringParameters": query, "body": None}
    question["requestContext"]["http"]["method"] = method
    return question


def posted(name: str, *, base64_: bool = False) -> dict[str, Any]:
    """A sample with its headers as they were sent, in whatever case."""
    body = samples.request(f"meta/{name}").body
    headers = json.loads((samples.FOLDER / f"meta/{name}.headers.json").read_bytes())
    text = base64.b64encode(body).decode() if base64_ else body.decode()
    return event("ingest") | {"headers": headers, "body": text, "isBase64Encoded": base64_}


def test_a_platforms_question_is_answered_with_the_bare_challenge(world: World, meta: ConnectionItem) -> None:
    answer = ingest.handler(asked(QUESTION), Context())
    assert (answer["statusCode"], answer["body"]) == (200, "1158201444")
    assert answer["headers"]["content-type"] == "text/plain; charset=utf-8"
    assert answer["headers"]["x-content-type-options"] == "nosniff"
    assert world.stored_count() == 0


@pytest.mark.parametrize("change", [{"hub.verify_token": "wrong"}, {"hub.mode": "unsubscribe"}, None])
def test_a_question_that_proves_nothing_is_a_403_that_says_nothing_of_the_token(
    meta: ConnectionItem, change: dict[str, str] | None
) -> None:
    answer = ingest.handler(asked(None if change is None else QUESTION | change), Context())
    problem = Problem.model_validate_json(answer["body"])
    assert (answer["statusCode"], problem.status, problem.code) == (403, 403, "wrong_verify_token")
    assert answer["headers"]["content-type"] == "application/problem+json"
    assert "meatyhamhock" not in answer["body"]


def test_a_connection_without_a_token_answers_no_question(meta: ConnectionItem) -> None:
    meta.details = {}
    meta.save()
    assert ingest.handler(asked(QUESTION), Context())["statusCode"] == 403


def test_a_token_that_is_new_is_good_at_once(world: World, meta: ConnectionItem) -> None:
    assert ingest.handler(posted("messaging_referral_messenger"), Context())["statusCode"] == 200
    meta.details = {"verify_token": world.sealed("verify_token", "the next one")}
    meta.save()
    assert ingest.handler(asked(QUESTION | {"hub.verify_token": "the next one"}), Context())["statusCode"] == 200


def test_nobodys_connection_and_one_that_is_disabled_answer_no_question(world: World, meta: ConnectionItem) -> None:
    unknown = asked(QUESTION) | {"pathParameters": {"connection_id": ids.derived("con_", "nobody")}}
    assert ingest.handler(unknown, Context())["statusCode"] == 404
    meta.status = "disabled"
    meta.save()
    assert ingest.handler(asked(QUESTION), Context())["statusCode"] == 404


def test_other_methods_are_none_of_metas(meta: ConnectionItem) -> None:
    assert ingest.handler(asked(QUESTION, "HEAD"), Context())["statusCode"] == 405


@pytest.mark.parametrize("base64_", [False, True])
@pytest.mark.parametrize("name", [name.removeprefix("meta/") for name in samples.names("meta")])
def test_each_recorded_batch_and_callback_is_stored(
    world: World, meta: ConnectionItem, name: str, base64_: bool
) -> None:
    first, again = (ingest.handler(posted(name, base64_=base64_), Context()) for _ in range(2))
    assert (first["statusCode"], again["statusCode"], world.stored_count()) == (200, 200, 1)


def test_who_asks_to_be_forgotten_hears_where_to_look(world: World, meta: ConnectionItem) -> None:
    answer = ingest.handler(posted("data_deletion_callback"), Context())
    told = json.loads(answer["body"])
    assert told.keys() == {"url", "confirmation_code"}
    assert ids.is_id(told["confirmation_code"], "dlv_")
    assert told["url"] == f"{world.deployment.settings.public_url}/deletions/{told['confirmation_code']}"
    assert answer["headers"]["content-type"] == "application/json"
    assert json.loads(ingest.handler(posted("data_deletion_callback"), Context())["body"]) == told


def test_a_callback_that_is_forged_is_refused(world: World, meta: ConnectionItem) -> None:
    forged = posted("data_deletion_callback")
    forged["body"] = forged["body"].replace("signed_request=G", "signed_request=H")
    assert ingest.handler(forged, Context())["statusCode"] == 401
    assert world.stored_count() == 0


def test_headers_that_differ_in_case_alone_are_one_that_was_sent_twice(world: World, meta: ConnectionItem) -> None:
    doubled = posted("messaging_referral_messenger")
    doubled["headers"]["x-hub-signature-256"] = doubled["headers"]["X-Hub-Signature-256"]
    assert ingest.handler(doubled, Context())["statusCode"] == 401


def test_a_greeting_is_welcome_and_nothing_of_it_is_stored(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any) -> str:
        raise BadSignature

    greeting = replace(PLATFORMS["shopify"], verify=never, is_ping=lambda request: request.body == b"webhook_id=7")
    monkeypatch.setattr("vouch.service.ingest.PLATFORMS", {"shopify": greeting})
    ping = event("ingest") | {"headers": {}, "body": "webhook_id=7"}
    answer = ingest.handler(ping, Context())
    assert (answer["statusCode"], json.loads(answer["body"])) == (200, {"status": "ping"})
    assert ingest.handler(ping | {"body": "webhook_id=8"}, Context())["statusCode"] == 401
    nobodys = ping | {"pathParameters": {"connection_id": ids.derived("con_", "nobody")}}
    assert ingest.handler(nobodys, Context())["statusCode"] == 404
    assert world.stored_count() == 0

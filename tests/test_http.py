"""The doors themselves, on an app of our own: bodies, refusals, languages, and what is never let out."""

import base64
import io
import json
from typing import Any, Literal, NoReturn, cast

import pytest
from pydantic import Field

from tests.functions.client import CONTEXT, Client, ask, event
from vouch import messages, telemetry
from vouch.bodies import BODY_BYTES_MAX
from vouch.domain.errors import Conflict, NotFound, Unavailable
from vouch.http import IF_MATCH, PUBLIC, Api, Routes, brand_access
from vouch.service.deployment import Deployment
from vouch.wire.base import Answer, Body, Email, Limit, Moment, Money, Name

routes = Routes()


class Thing(Body):
    name: Name
    count: int = 0
    price: Money | None = None
    parts: list["Thing"] = Field(default_factory=list, max_length=2)
    email: Email | None = None
    glaze: Literal["matt", "shiny", "none"] | None = None
    at: Moment | None = None


class Seen(Answer):
    name: str
    version: int = 7


@routes.post("/v1/things", security=PUBLIC, status_code=201)
def create_thing(body: Thing) -> Seen:
    return Seen(name=body.name)


@routes.get("/v1/things", security=PUBLIC)
def list_things(limit: Limit = 25) -> list[Seen]:
    return [Seen(name="one")] * min(limit, 2)


@routes.get("/v1/broken/<how>", security=PUBLIC)
def break_down(how: str) -> Seen:
    match how:
        case "secret":
            raise RuntimeError("noa@example.com")
        case "away":
            raise Unavailable
        case "gone":
            raise NotFound
        case "taken":
            raise Conflict("slug_taken", param="slug")
    return cast("Seen", {"name": "noa@example.com", "version": "seven"})


@routes.put("/v1/versions/told", security=PUBLIC, openapi_extensions=IF_MATCH)
def read_version() -> Seen:
    return Seen(name=str(routes.call.if_match))


@routes.put("/v1/versions/untold", security=PUBLIC)
def read_version_without_saying_so() -> Seen:
    return Seen(name=str(routes.call.if_match))


def _unreachable() -> NoReturn:
    raise ConnectionError("no deployment is needed here")


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What the logger writes; it keeps the standard output that it found when it was made."""
    written = io.StringIO()
    monkeypatch.setattr(telemetry.logger().registered_handler, "stream", written)
    return written


@pytest.fixture
def client() -> Client:
    return Client(Api(routes, connect=_unreachable), None)


def test_a_sound_request_is_answered_with_a_version_and_kept_by_nobody(client: Client) -> None:
    got = client.post("/v1/things", {"name": "Mug"})
    assert (got.status, got.body) == (201, {"name": "Mug", "version": 7})
    assert got.headers["etag"] == '"7"'
    assert got.headers["cache-control"] == "no-store"
    assert got.headers["x-request-id"].startswith("req_")


def test_a_route_that_does_not_say_so_cannot_read_which_version_was_seen(client: Client) -> None:
    told, untold = (client.send("PUT", f"/v1/versions/{name}", if_match='"7"') for name in ("told", "untold"))
    assert (told.status, told.body["name"]) == (200, "7")
    assert (untold.status, untold.code) == (500, "internal")


def test_no_answer_is_kept_or_taken_for_what_it_is_not(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: object) -> None:
        raise RuntimeError

    answers = [client.post("/v1/things", {"name": "Mug"}), client.delete("/v1/things")]
    answers += map(client.get, ["/v1/broken/taken", "/v1/broken/secret", "/v1/nothing"])
    monkeypatch.setattr(client.api, "resolve", breaks)
    answers.append(client.get("/v1/things"))
    assert [got.status for got in answers] == [201, 405, 409, 500, 404, 500]
    for got in answers:
        assert (got.headers["cache-control"], got.headers["x-content-type-options"]) == ("no-store", "nosniff")


def test_a_refusal_is_a_problem_document(client: Client) -> None:
    got = client.get("/v1/broken/taken")
    assert got.status == 409
    assert got.headers["content-type"] == "application/problem+json"
    assert got.body == {
        "type": "/problems/slug_taken",
        "title": "The slug is taken",
        "status": 409,
        "detail": "A slug that was used once belongs to its link for ever.",
        "code": "slug_taken",
        "param": "slug",
        "request_id": got.headers["x-request-id"],
        "errors": [],
    }


@pytest.mark.parametrize(
    "accepted, language",
    [
        ("", "en"),
        ("he", "he"),
        ("he-IL,he;q=0.9,en;q=0.8", "he"),
        ("iw", "he"),
        ("en;q=0.5, he;q=0.6", "he"),
        ("fr, he;q=0.1", "he"),
        ("fr, de", "en"),
        ("he;q=0", "en"),
        ("*", "en"),
        ("he;q=much", "en"),
        (",;,=", "en"),
    ],
)
def test_words_are_in_the_callers_language_and_codes_are_not(client: Client, accepted: str, language: str) -> None:
    got = client.send("GET", "/v1/broken/taken", accept_language=accepted)
    assert got.headers["content-language"] == language
    assert got.headers["vary"] == "Accept-Language"
    assert got.body["title"] == messages.PROBLEMS["slug_taken"]["he" if language == "he" else "en"][0]
    assert got.code == "slug_taken"


@pytest.mark.parametrize("language, said", [
    ("en", "`glaze`: This is none of 'matt', 'shiny', 'none'."),
    ("he", "`glaze`: זה אינו אחד מ-'matt', 'shiny', 'none'."),
])  # fmt: skip
def test_choices_are_told_without_a_word_of_another_language(client: Client, language: str, said: str) -> None:
    got = client.post("/v1/things", {"name": "Mug", "glaze": "blue"}, accept_language=language)
    assert [(each["code"], each["detail"]) for each in got.body["errors"]] == [("not_one_of", said)]


def test_a_broken_field_is_told_in_hebrew_too(client: Client) -> None:
    got = client.post("/v1/things", {"name": "Mug", "count": "3"}, accept_language="he")
    assert got.body["errors"] == [
        {"param": "count", "code": "wrong_type", "detail": "`count`: כאן צריך להיות מספר שלם."}
    ]


@pytest.mark.parametrize(
    "body, detail",
    [
        ({"nme": "Mug"}, "`nme`: There is no such field here. Did you mean `name`?"),
        ({"wholly": "other"}, "`wholly`: There is no such field here."),
        ({"price": {"amounts": 1}}, "`price.amounts`: There is no such field here. Did you mean `amount`?"),
        (
            {"parts": [{"name": "Ear"}, {"name": "Foot", "parts": [{"name": "Toe", "maill": "x"}]}]},
            "Item 2 of `parts`, item 1 of `parts`, `maill`: There is no such field here. Did you mean `email`?",
        ),
    ],
)
def test_a_field_that_is_misspelt_is_told_what_it_may_have_meant(client: Client, body: Any, detail: str) -> None:
    got = client.post("/v1/things", body)
    assert detail in {broken["detail"] for broken in got.body["errors"]}


def test_of_what_a_hostile_body_breaks_a_hundred_fields_are_told(client: Client) -> None:
    got = client.post("/v1/things", {"name": "Mug"} | {f"nam{number}": 1 for number in range(9_000)})
    assert (got.status, got.code, len(got.body["errors"])) == (400, "unknown_field", 100)


def test_unknown_paths_and_methods_are_problems_as_well(client: Client) -> None:
    assert (client.get("/v1/nothing").status, client.get("/v1/nothing").code) == (404, "not_found")
    got = client.delete("/v1/things")
    assert (got.status, got.code, got.headers["allow"]) == (405, "method_not_allowed", "GET, POST")


@pytest.mark.parametrize(
    "raw",
    [
        "{",
        "[]",
        "[{}]",
        '[{"name": "Mug"}]',
        "3",
        "null",
        '"text"',
        '{"name": NaN}',
        '{"name": "Mug", "count": Infinity}',
        '{"name": "Mug", "count": -Infinity}',
        '{"name": "Mug", "name": "Cup"}',
        '{"name": "Mug", "price": {"amount": 1, "amount": 2, "currency": "ILS"}}',
        '{"name": "\\ud800"}',
        '{"\\udfff": "Mug"}',
        "[" * 100_000,
        '{"a":' * 50_000,
        '{"name": "Mug", "count": ' + "9" * 5000 + "}",
        "\ufeff{}",
        "{'name': 'Mug'}",
        '{"name": "Mug"} {}',
    ],
)
def test_what_is_not_one_json_object_is_refused(client: Client, raw: str) -> None:
    got = client.send("POST", "/v1/things", raw=raw)
    assert (got.status, got.code) == (400, "invalid_json")


def test_bytes_that_are_no_text_are_refused(client: Client) -> None:
    for body in (base64.b64encode(b'{"name": "\xff"}').decode(), "not base64!"):
        asked = event("POST", "/v1/things", headers={"content-type": "application/json"}, body=body)
        got = ask(client.api, asked | {"isBase64Encoded": True})
        assert (got.status, got.code) == (400, "invalid_json")


def test_a_body_in_base64_is_read(client: Client) -> None:
    asked = event("POST", "/v1/things", headers={}, body=base64.b64encode(b'{"name": "Mug"}').decode())
    assert ask(client.api, asked | {"isBase64Encoded": True}).status == 201


@pytest.mark.parametrize("raw", [None, ""])
def test_no_body_is_a_missing_one(client: Client, raw: str | None) -> None:
    got = client.send("POST", "/v1/things", raw=raw)
    assert (got.status, got.body["errors"][0]["code"]) == (400, "missing")


@pytest.mark.parametrize(
    "content_type", ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x", "text/json"]
)
def test_other_content_types_are_not_guessed_at(client: Client, content_type: str) -> None:
    got = client.send("POST", "/v1/things", raw="name=Mug", content_type=content_type)
    assert (got.status, got.code) == (415, "unsupported_media_type")


def test_the_last_byte_that_fits_and_the_first_that_does_not(client: Client) -> None:
    frame = len(json.dumps({"name": ""}))
    fits = client.post("/v1/things", {"name": "x" * (BODY_BYTES_MAX - frame)})
    assert (fits.status, fits.body["errors"][0]["code"]) == (400, "too_long")
    over = client.post("/v1/things", {"name": "x" * (BODY_BYTES_MAX - frame + 1)})
    assert (over.status, over.code) == (413, "too_large")


@pytest.mark.parametrize(
    "body, param, code",
    [
        ({}, "name", "missing"),
        ({"name": "Mug", "status": "paid"}, "status", "unknown_field"),
        ({"name": 3}, "name", "wrong_type"),
        ({"name": None}, "name", "wrong_type"),
        ({"name": ""}, "name", "too_short"),
        ({"name": "   "}, "name", "too_short"),
        ({"name": "x" * 201}, "name", "too_long"),
        ({"name": "a\x00b"}, "name", "control_character"),
        ({"name": "a\nb"}, "name", "control_character"),
        ({"name": "a\u2028b"}, "name", "control_character"),
        ({"name": "Mug", "count": "3"}, "count", "wrong_type"),
        ({"name": "Mug", "count": True}, "count", "wrong_type"),
        ({"name": "Mug", "count": 3.0}, "count", "wrong_type"),
        ({"name": "Mug", "price": {"amount": 10**15, "currency": "ILS"}}, "price.amount", "too_great"),
        ({"name": "Mug", "price": {"amount": -(10**15), "currency": "ILS"}}, "price.amount", "too_small"),
        ({"name": "Mug", "price": {"amount": 1, "currency": "XXX"}}, "price.currency", "unknown_currency"),
        ({"name": "Mug", "price": {"amount": 1, "currency": "ils"}}, "price.currency", "unknown_currency"),
        ({"name": "Mug", "price": [1, "ILS"]}, "price", "wrong_type"),
        ({"name": "Mug", "parts": [{"name": "Ear"}, {}]}, "parts.1.name", "missing"),
        ({"name": "Mug", "parts": [{"name": "Ear"}] * 3}, "parts", "too_long"),
        ({"name": "Mug", "email": "noa"}, "email", "not_an_email"),
        ({"name": "Mug", "at": "2026-05-04"}, "at", "not_a_time"),
        ({"name": "Mug", "at": "2026-05-04T12:00:00"}, "at", "not_a_time"),
        ({"name": "Mug", "at": "2026-05-04 12:00:00Z"}, "at", "not_a_time"),
        ({"name": "Mug", "at": "20260504T120000Z"}, "at", "not_a_time"),
        ({"name": "Mug", "at": "0001-01-01T00:00:00+14:00"}, "at", "not_a_time"),
        ({"name": "Mug", "at": 1777896000}, "at", "not_a_time"),
    ],
)
def test_models_are_strict_and_name_the_field(client: Client, body: Any, param: str, code: str) -> None:
    got = client.post("/v1/things", body)
    assert got.status == 400
    assert [(broken["param"], broken["code"]) for broken in got.body["errors"]] == [(param, code)]
    assert got.body["param"] == param
    assert got.code == ("unknown_field" if code == "unknown_field" else "invalid_request")


@pytest.mark.parametrize(
    "body",
    [
        {"name": "Mug", "price": {"amount": 10**15 - 1, "currency": "ILS"}},
        {"name": "Mug", "price": {"amount": 1 - 10**15, "currency": "KWD"}},
        {"name": "x" * 200},
        {"name": "Mug", "at": "2026-05-04T12:00:00.123456789+03:00"},
        {"name": "Mug", "email": " Noa.Levi+shop@Example.co.il "},
        {"name": "Mug", "parts": [{"name": "Ear"}] * 2},
    ],
)
def test_the_last_valid_values_are_valid(client: Client, body: Any) -> None:
    assert client.post("/v1/things", body).status == 201


def test_texts_come_in_one_normal_form(client: Client) -> None:
    assert client.post("/v1/things", {"name": " Cafe\u0301 "}).body["name"] == "Café"


@pytest.mark.parametrize("limit, code", [("0", "too_small"), ("101", "too_great"), ("many", "wrong_type"), ("", None)])
def test_queries_are_held_to_their_bounds(client: Client, limit: str, code: str | None) -> None:
    got = client.get("/v1/things", limit=limit)
    assert got.status == 400
    assert code in {None, got.body["errors"][0]["code"]}
    assert got.body["param"] == "limit"


def test_what_nobody_foresaw_is_logged_and_says_nothing_of_itself(
    client: Client, log: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    got = client.get("/v1/broken/secret")
    assert (got.status, got.code) == (500, "internal")
    assert "noa@example.com" not in got.text
    assert got.body["request_id"] in log.getvalue()
    assert "break_down" in log.getvalue()
    assert '"Unforeseen":[1.0]' in capsys.readouterr().out


def test_an_answer_that_breaks_its_schema_is_our_fault_and_is_not_logged_whole(
    client: Client, log: io.StringIO
) -> None:
    got = client.get("/v1/broken/schema")
    assert (got.status, got.code) == (500, "internal")
    assert "an answer breaks its schema" in log.getvalue()
    assert "noa@example.com" not in log.getvalue() + got.text


def test_the_world_at_fault_is_worth_another_try(client: Client) -> None:
    got = client.get("/v1/broken/away")
    assert (got.status, got.headers["retry-after"]) == (503, "1")


def test_one_line_is_logged_for_a_request_with_nothing_of_its_content(client: Client, log: io.StringIO) -> None:
    client.post("/v1/things", {"name": "canary"}, authorization="Bearer canary", idempotency_key="canary")
    (line,) = log.getvalue().splitlines()
    told = json.loads(line)
    assert (told["method"], told["route"], told["status"]) == ("POST", "/v1/things", 201)
    assert "canary" not in line


def test_a_warming_event_is_answered_with_a_line(log: io.StringIO) -> None:
    connected: list[bool] = []

    def connect() -> Deployment:
        connected.append(True)
        return cast("Deployment", None)

    api = Api(routes, connect=connect)
    assert api.handler({"warm": True}, CONTEXT) == {}
    assert connected
    assert len(log.getvalue().splitlines()) == 1


def test_a_route_that_does_not_say_who_may_call_it_does_not_start() -> None:
    open_door = Routes()
    open_door.get("/v1/open")(lambda: None)
    with pytest.raises(LookupError, match="GET /v1/open does not say who may call it"):
        Api(open_door)


def test_a_scope_that_does_not_exist_is_no_scope() -> None:
    with pytest.raises(LookupError, match="links:own"):
        brand_access("links:own")


def test_even_a_broken_event_is_answered(client: Client) -> None:
    got = ask(client.api, {"version": "2.0", "headers": None})
    assert (got.status, got.code) == (500, "internal")

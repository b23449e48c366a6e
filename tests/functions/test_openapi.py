"""One description of everything that is served, and every refusal has its words in both languages."""

import ast
import json
import re
from pathlib import Path
from string import Formatter
from typing import Any

import pytest
from openapi_spec_validator import validate

import vouch
from referrals import about, openapi
from tests.functions.client import Client
from tests.functions.conftest import APIS
from vouch import messages
from vouch.domain import errors
from vouch.http import PUBLIC
from vouch.problems import STATUSES
from vouch.service import keys
from vouch.service.submissions import SAYS_WHY

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def document() -> Any:
    return json.loads(openapi.document())


def test_the_document_is_openapi_3_1_and_sound(document: Any) -> None:
    assert document["openapi"].startswith("3.1.")
    validate(document)


def test_every_route_is_in_it_with_who_may_call_it(document: Any) -> None:
    described = {
        (method.upper(), path): operation
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    }
    for api in APIS.values():
        for route in api.routes:
            assert described.pop((route.method, route.openapi_path))["security"] == list(route.security or [])
    by_hand = {("GET", "/r/{slug}"), ("HEAD", "/r/{slug}"), ("GET", "/r/{slug}/qr.svg"), ("GET", "/r/{slug}/qr.png")}
    by_hand |= {("GET", "/webhooks/{connection_id}"), ("POST", "/webhooks/{connection_id}")}
    by_hand |= {("POST", "/rails/{rail}/{brand_id}")}
    assert set(described) == by_hand | {("GET", "/embed.js"), ("GET", "/deletions/{id}")}


def test_operations_have_names_of_their_own(document: Any) -> None:
    names = [operation["operationId"] for path in document["paths"].values() for operation in path.values()]
    assert len(set(names)) == len(names)
    assert [name for name in names if not re.fullmatch("[a-z]+(_[a-z]+)+", name)] == []


def test_every_closed_route_can_refuse_with_a_problem(document: Any) -> None:
    for path, operations in document["paths"].items():
        for operation in operations.values():
            if operation["security"] == PUBLIC:
                continue
            refusals = {status for status in operation["responses"] if not status.startswith(("2", "3"))}
            assert {"default", "401"} <= refusals, path
            for status in refusals:
                assert list(operation["responses"][status]["content"]) == ["application/problem+json"], path


def test_what_is_said_of_an_order_may_be_new_or_known_or_waiting(document: Any) -> None:
    waiting = {
        path: operations["post"]["responses"]
        for path, operations in document["paths"].items()
        if "202" in operations.get("post", {}).get("responses", {})
    }
    later = waiting.pop("/v1/simulations")
    assert set(later) >= {"201", "202"}
    assert set(waiting.pop("/v1/connections/{connection_id}/reconcile")) >= {"200", "202"}
    assert set(waiting) == {
        "/v1/orders",
        "/v1/orders/{order_id}/refunds",
        "/v1/orders/{order_id}/disputes",
        "/v1/orders/{order_id}/decisions",
    }
    for answers in waiting.values():
        for status in ("200", "201", "202"):
            [schema] = [said["schema"] for said in answers[status]["content"].values()]
            assert schema == {"$ref": "#/components/schemas/Order"}


def named(document: Any) -> set[tuple[int, str]]:
    """Every status with every code that some operation names under it."""
    return {
        (int(status), code)
        for operations in document["paths"].values()
        for operation in operations.values()
        for status, answer in operation["responses"].items()
        if status.startswith("4")
        for code in re.findall(r"`(\w+)`", answer["description"])
    }


def test_refusals_are_described_where_they_are_met(document: Any) -> None:
    described = named(document)
    assert {code for _, code in described} <= set(messages.PROBLEMS)
    # What may be refused anywhere has no place of its own.
    anywhere = {kind.code for kind in STATUSES}
    statuses = {code: {status for status, said in described if said == code} for _, code in described}
    missing = {code for code in refusals() if code not in anywhere and code not in statuses}
    assert not missing
    assert all(len(said) == 1 for code, said in statuses.items() if code != "not_a_test_brand")
    assert "`slug_taken`" in document["paths"]["/v1/links"]["post"]["responses"]["409"]["description"]
    assert set(openapi._OWN_REFUSALS) <= {
        operation["operationId"] for operations in document["paths"].values() for operation in operations.values()
    }


def taking(document: Any, header: str) -> dict[str, bool]:
    """The operations that name the header, and whether they need it."""
    return {
        operation["operationId"]: parameter["required"]
        for operations in document["paths"].values()
        for operation in operations.values()
        for parameter in operation.get("parameters", [])
        if (parameter["in"], parameter["name"]) == ("header", header)
    }


def test_whatever_heeds_if_match_says_so_and_nothing_else_does(document: Any) -> None:
    """Whoever reads it in a helper is not found here, but gets it only where the route says so (`vouch.calls`)."""
    heeding = {
        function.name
        for path in ROOT.glob("functions/**/*.py")
        for function in ast.walk(ast.parse(path.read_text()))
        if isinstance(function, ast.FunctionDef)
        and any(isinstance(node, ast.Attribute) and node.attr == "if_match" for node in ast.walk(function))
    }
    assert {"change_link", "set_payee", "remove_payout_rail", "resume_payout_rail"} <= heeding
    assert taking(document, "If-Match") == dict.fromkeys(heeding, False)
    refusing = {
        operation["operationId"]
        for operations in document["paths"].values()
        for operation in operations.values()
        if "412" in operation["responses"]
    }
    assert refusing == heeding


def test_every_post_of_somebody_known_says_that_it_heeds_an_idempotency_key_and_whether_it_needs_one(
    document: Any,
) -> None:
    posts = {
        operation["operationId"]: "idempotency_key_required" in operation["responses"]["400"]["description"]
        for operations in document["paths"].values()
        for method, operation in operations.items()
        if method == "post" and operation["security"] != PUBLIC
    }
    assert taking(document, "Idempotency-Key") == posts
    needing = {name for name, needed in posts.items() if needed}
    assert needing == {"create_payout_run", "create_adjustment", "create_writeoff"}


def test_scopes_and_slugs_say_what_they_may_be(document: Any) -> None:
    schemas = document["components"]["schemas"]
    assert schemas["NewKey"]["properties"]["scopes"]["items"]["enum"] == sorted(keys.SCOPES)
    slug, _ = schemas["NewLink"]["properties"]["slug"]["anyOf"]
    assert slug["pattern"] == "^[a-z0-9_-]{3,64}$"


def test_a_rail_is_named_alike_wherever_somebody_asks_for_one(document: Any) -> None:
    """In a query or a body; in a path there is none of a name that is too long."""
    asked = [document["components"]["schemas"][body]["properties"]["rail"] for body in ("NewRun", "CurrencySettings")]
    asked += [
        parameter["schema"]
        for operations in document["paths"].values()
        for operation in operations.values()
        for parameter in operation.get("parameters", [])
        if (parameter["in"], parameter["name"]) == ("query", "rail")
    ]
    named = [schema.get("anyOf", [schema])[0] for schema in asked]
    assert [(each["minLength"], each["maxLength"]) for each in named] == [(1, 32)] * 4


def test_it_is_served_to_anybody_as_are_health_and_the_words_of_problems() -> None:
    anybody = Client(APIS["referrals"], None)
    served = anybody.get("/openapi.json")
    assert (served.status, served.headers["content-type"]) == (200, "application/json")
    assert served.body["info"]["version"] == vouch.__version__
    assert anybody.get("/v1/health").body == {"ok": True, "version": vouch.__version__}
    words = anybody.get("/problems/slug_taken").body
    assert words["titles"]["he"] == messages.PROBLEMS["slug_taken"]["he"][0]
    assert anybody.get("/problems/nothing").status == 404


def test_the_version_is_the_projects(request: pytest.FixtureRequest) -> None:
    assert f'version = "{vouch.__version__}"' in (ROOT / "pyproject.toml").read_text()
    assert about.routes.api_resolver is APIS["referrals"]


def refusals() -> dict[str, set[str]]:
    """Every code that something refuses with, and the facts that go with it."""
    classes = {name for name, kind in vars(errors).items() if isinstance(kind, type) and kind in STATUSES}
    found: dict[str, set[str]] = {kind.code: set() for kind in STATUSES}
    for path in (*ROOT.glob("layers/core/vouch/**/*.py"), *ROOT.glob("functions/**/*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or getattr(node.func, "id", "") not in classes:
                continue
            code = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
            default = getattr(errors, getattr(node.func, "id", "")).code if not node.args else None
            if code or default:
                facts = {keyword.arg for keyword in node.keywords if keyword.arg and keyword.arg != "param"}
                found.setdefault(str(code or default), set()).update(facts)
    return found | {code: set[str]() for code in SAYS_WHY}


def names_in(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_every_refusal_has_its_words_in_every_language() -> None:
    codes = refusals()
    assert len(codes) > 30
    assert set(codes) <= set(messages.PROBLEMS)
    for code, words in messages.PROBLEMS.items():
        assert set(words) == set(messages.LANGUAGES)
        for title, detail in words.values():
            assert names_in(title + detail) <= codes.get(code, set()), code


def test_no_words_are_kept_for_what_is_never_refused() -> None:
    # These two classes of their own are the doors', and a body's unknown field gets its code from its model.
    own = {"idempotency_running", "unknown_field"}
    assert set(messages.PROBLEMS) == set(refusals()) | own


def test_words_for_fields_say_the_same_in_every_language() -> None:
    for words in messages.FIELDS.values():
        assert set(words) == set(messages.LANGUAGES)
        assert len({frozenset(names_in(text)) for text in words.values()}) == 1

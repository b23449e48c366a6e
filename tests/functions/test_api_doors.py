"""Every route of every function: who may come in, and that another brand's things are as good as absent."""

import io
import re
from collections.abc import Iterator
from typing import Any

import pytest
from aws_lambda_powertools.event_handler.api_gateway import Route

from tests.functions.client import Client
from tests.functions.conftest import APIS, NewBrand
from tests.functions.setting_up import DESTINATION, Shop, open_shop
from vouch import telemetry
from vouch.domain import ids
from vouch.http import IF_MATCH, PUBLIC
from vouch.service import keys
from vouch.service.deployment import Deployment
from vouch.store import inbox, reconciliations
from vouch.store.inbox import Door

ROUTES = [(name, route) for name, api in APIS.items() for route in api.routes]
CLOSED = [(name, route) for name, route in ROUTES if route.security != PUBLIC]
SCOPED = [(name, route) for name, route in CLOSED if "api_key" in (route.security or [{}])[0]]
MISSING = ids.derived("", "nobody's")
PLACES = {
    "host": "",
    "program_id": "prg_",
    "creator_id": "cre_",
    "enrolment_id": "enr_",
    "link_id": "lnk_",
    "code_id": "cod_",
    "connection_id": "con_",
    "key_id": "key_",
    "order_id": "ord_",
    "delivery_id": "dlv_",
    "simulation_id": "sim_",
    "reconciliation_id": "rec_",
    "adjustment_id": "adj_",
    "run_id": "run_",
    "payout_id": "po_",
}
"""What in a path is a brand's own, and how it begins."""
NOBODYS = {"rail", "code"}
"""Every brand has all rails, and an account of its own at each (`test_api_payout_settings`); problems are anybody's."""
BODIES: dict[tuple[str, str], Any] = {
    ("PATCH", "/v1/programs/<program_id>"): {"name": "Ours now"},
    ("POST", "/v1/programs/<program_id>/terms"): {"hold_days": 0},
    ("PATCH", "/v1/creators/<creator_id>"): {"name": "Ours now"},
    ("PUT", "/v1/creators/<creator_id>/product_ties"): {"program_id": "prg_" + MISSING, "skus": ["ours now"]},
    ("PUT", "/v1/creators/<creator_id>/payout_method"): {"type": "paypal", "email": "ours@now.example"},
    ("PUT", "/v1/creators/<creator_id>/payee"): {"held": True, "withholding_bps": 0},
    ("PATCH", "/v1/creators/<creator_id>/payee"): {"held": True},
    ("PATCH", "/v1/enrolments/<enrolment_id>"): {"status": "left"},
    ("PATCH", "/v1/links/<link_id>"): {"status": "paused"},
    ("PATCH", "/v1/codes/<code_id>"): {"status": "ended"},
    ("PATCH", "/v1/connections/<connection_id>"): {"status": "disabled"},
    ("POST", "/v1/connections/<connection_id>/rotate"): {"secret": "ours now"},
    ("POST", "/v1/adjustments/<adjustment_id>/reverse"): {"reason": "ours now"},
    ("POST", "/v1/payouts/<payout_id>/settle"): {"reference": "ours now"},
    ("POST", "/v1/payouts/<payout_id>/fail"): {"reason": "ours now"},
    ("POST", "/v1/orders/<order_id>/refunds"): {"external_id": "r-1", "amount": 1},
    ("POST", "/v1/orders/<order_id>/disputes"): {"external_id": "d-1", "status": "open"},
    ("POST", "/v1/orders/<order_id>/decisions"): {"kind": "reject", "reason": "ours now"},
}
QUERIES = {f"/v1/creators/<creator_id>/{name}": {"currency": "ILS"} for name in ("statement", "statement.pdf")}


def scopes_of(route: Route) -> list[str]:
    return (route.security or [{}])[0]["api_key"]


def filled(path: str) -> str:
    return re.sub(r"<(\w+)>", lambda place: PLACES.get(place[1], "") + MISSING, path)


def test_nobody_comes_in_without_a_key(brand: Client) -> None:
    for name, route in CLOSED:
        got = Client(APIS[name], None).send(route.method, filled(route.path), {"no": "matter"})
        assert (got.status, got.code) == (401, "unauthenticated"), route.path


def test_a_key_without_one_of_the_routes_scopes_stays_outside(brand: Client) -> None:
    for name, route in SCOPED:
        for scope in scopes_of(route):
            made = brand.made("/v1/keys", {"name": "All but one", "scopes": sorted(keys.SCOPES - {scope, "*"})})
            got = Client(APIS[name], made["api_key"]).send(route.method, filled(route.path), {"no": "matter"})
            assert (got.status, got.code) == (403, "scope_missing"), route.path
            assert scope in got.body["detail"]


def test_what_tells_of_orders_by_another_name_asks_for_their_scope_too() -> None:
    """Who may try terms need not be anybody who may read whom the shop's customers bought from."""
    asked = {route.path: {*scopes_of(route)} for _, route in SCOPED}
    assert asked["/v1/terms/preview"] == {"programs:read", "orders:read"}
    for path in ("", "/<order_id>/explanation"):
        assert asked[f"/v1/simulations/<simulation_id>/orders{path}"] == {"simulations:read", "orders:read"}


def test_a_key_with_the_routes_scopes_comes_in(brand: Client) -> None:
    for name, route in SCOPED:
        made = brand.made("/v1/keys", {"name": "No others", "scopes": scopes_of(route)})
        got = Client(APIS[name], made["api_key"]).send(route.method, filled(route.path), {"no": "matter"})
        assert got.status in {200, 400, 404} or got.code == "not_a_test_brand", route.path


@pytest.fixture
def theirs(new_brand: NewBrand) -> Shop:
    return open_shop(new_brand("Theirs"), "dan")


@pytest.fixture
def order_of_theirs(theirs: Shop) -> str:
    brand = Client(APIS["attribution"], theirs.brand.key)
    order = {
        "external_id": "A-1",
        "occurred_at": "2026-05-04T11:00:00Z",
        "currency": "ILS",
        "codes": ["dan10"],
        "lines": [{"id": "1", "quantity": 1, "unit_price": 1000}],
    }
    made: str = brand.made("/v1/orders", order)["id"]
    return made


@pytest.fixture
def parked_of_theirs(theirs: Shop, deployment: Deployment) -> str:
    door = Door(theirs.brand.brand_id, "live", "shopify", theirs.connection, None)
    delivery = inbox.delivery(
        door, {}, b"no order", platform_delivery_id="1", subject="1", kept=(), now=deployment.now()
    )
    inbox.put(deployment.database, lambda: deployment.s3, delivery)
    inbox.park(deployment.database, delivery, reason="not_json", detail="", now=deployment.now())
    return str(delivery.sk)


@pytest.fixture
def simulation_of_theirs(theirs: Shop) -> str:
    brand = Client(APIS["attribution"], theirs.brand.key)
    asked = {"program_id": theirs.program, "terms": {}, "from": "2026-05-01T00:00:00Z", "to": "2026-06-01T00:00:00Z"}
    made: str = brand.made("/v1/simulations", asked)["id"]
    return made


@pytest.fixture
def reconciliation_of_theirs(theirs: Shop, deployment: Deployment) -> str:
    now, of_theirs = deployment.now(), (theirs.brand.brand_id, theirs.connection)
    look = reconciliations.new(*of_theirs, ids.derived("rec_", "theirs"), since=now, until=now, now=now)
    deployment.database.commit(reconciliations.begun(look, reconciliations.mark(deployment.database, *of_theirs)))
    return str(look.id)


@pytest.fixture
def adjustment_of_theirs(theirs: Shop) -> str:
    brand = Client(APIS["payouts"], theirs.brand.key)
    given = {"creator_id": theirs.creator, "amount": 1, "currency": "ILS", "reason": "theirs"}
    made: str = brand.made("/v1/adjustments", given, idempotency_key="theirs")["id"]
    return made


@pytest.fixture
def run_of_theirs(theirs: Shop, adjustment_of_theirs: str) -> str:
    """It pays what they were given, by a file."""
    brand = Client(APIS["payouts"], theirs.brand.key)
    made: str = brand.made("/v1/payout_runs", {"currency": "ILS", "rail": "csv"}, idempotency_key="theirs")["id"]
    return made


@pytest.fixture
def payout_of_theirs(theirs: Shop, run_of_theirs: str) -> str:
    brand = Client(APIS["payouts"], theirs.brand.key)
    [payout] = brand.get("/v1/payouts", run_id=run_of_theirs).body["items"]
    made: str = payout["id"]
    return made


@pytest.fixture
def there(
    theirs: Shop,
    run_of_theirs: str,
    payout_of_theirs: str,
    adjustment_of_theirs: str,
    order_of_theirs: str,
    parked_of_theirs: str,
    simulation_of_theirs: str,
    reconciliation_of_theirs: str,
) -> dict[str, Any]:
    """The ids of all that is theirs."""
    more = {"order": order_of_theirs, "delivery": parked_of_theirs, "simulation": simulation_of_theirs}
    more |= {"adjustment": adjustment_of_theirs, "run": run_of_theirs, "payout": payout_of_theirs}
    more["host"] = "shop.example"
    return {**vars(theirs), **more, "reconciliation": reconciliation_of_theirs}


def of_theirs(path: str, there: dict[str, Any]) -> str:
    return re.sub(r"<(\w+)>", lambda place: str(there[place[1].removesuffix("_id")]), path)


ADDRESSED = [(name, route) for name, route in SCOPED if any(f"<{place}>" in route.path for place in PLACES)]


def test_every_route_with_an_id_is_tried_on_a_stranger() -> None:
    places = {place for _, route in ROUTES for place in re.findall(r"<(\w+)>", route.path)}
    assert places == PLACES.keys() | NOBODYS
    changing = {(route.method, route.path) for _, route in ADDRESSED if route.dependant.body_params}
    assert changing == set(BODIES)


def test_another_brands_things_are_as_good_as_absent(brand: Client, there: dict[str, Any]) -> None:
    for name, route in ADDRESSED:
        path = of_theirs(route.path, there)
        ours = Client(APIS[name], brand.key)
        body, query = BODIES.get((route.method, route.path)), QUERIES.get(route.path)
        stranger = ours.send(route.method, path, body, query=query)
        absent = ours.send(route.method, filled(route.path), body, query=query)
        assert stranger.status == absent.status == 404, route.path
        assert stranger.told == absent.told
        assert {**stranger.headers, "x-request-id": ""} == {**absent.headers, "x-request-id": ""}


def test_those_things_are_there_for_their_own_brand(theirs: Shop, there: dict[str, Any]) -> None:
    for place, begin in PLACES.items():
        assert there[place.removesuffix("_id")].startswith(begin), place
    for name, route in ADDRESSED:
        path = of_theirs(route.path, there)
        own = Client(APIS[name], theirs.brand.key)
        got = own.send(route.method, path, BODIES.get((route.method, route.path)), query=QUERIES.get(route.path))
        known = got.status != 404 or got.code == "payout_method_missing" or got.body["param"] == "program_id"
        assert known, route.path


def test_every_route_that_heeds_if_match_refuses_a_version_that_there_is_not(
    theirs: Shop, there: dict[str, Any]
) -> None:
    own = {name: Client(APIS[name], theirs.brand.key) for name in APIS}
    account = {"settings": {"name": "Pottery Ltd", "iban": "DE75512108001245126199"}}
    assert own["payouts"].send("PUT", "/v1/payout_rails/sepa", account).status == 200
    without_id = {
        "/v1/payout_settings": {},
        "/v1/payout_rails/<rail>": account,
        "/v1/reports/thresholds": {"thresholds": []},
    }
    heeding = [(name, route) for name, route in CLOSED if IF_MATCH.items() <= (route.openapi_extensions or {}).items()]
    assert len(heeding) == 17
    for name, route in heeding:
        body = BODIES.get((route.method, route.path), without_id.get(route.path)) if route.method != "DELETE" else None
        path = of_theirs(route.path, {**there, "rail": "sepa"})
        got = own[name].send(route.method, path, body, if_match='"99"')
        assert (got.status, got.code) == (412, "stale_version"), (route.method, route.path)


@pytest.mark.parametrize("odd", ["x", "x" * 3000, "prg_#", "%23", "..", "שלום", "a b", "'", "cre_" + "0" * 27])
def test_odd_ids_are_absent_ones(brand: Client, odd: str) -> None:
    for name, route in ADDRESSED:
        path = re.sub(r"<\w+>", odd, route.path)
        body, query = BODIES.get((route.method, route.path)), QUERIES.get(route.path)
        got = Client(APIS[name], brand.key).send(route.method, path, body, query=query)
        assert (got.status, got.code) == (404, "not_found"), route.path


def test_nothing_of_people_or_secrets_is_logged(new_brand: NewBrand, monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.StringIO()
    monkeypatch.setattr(telemetry.logger().registered_handler, "stream", written)
    shop = open_shop(new_brand("Canary brand"), "canary")
    shop.brand.post("/v1/creators", {"email": "canary@example.com", "name": "Canary"})
    shop.brand.patch(f"/v1/connections/{shop.connection}", {"api_token": "canary-token"})
    shop.brand.send("POST", "/v1/creators", raw="canary")
    shop.brand.get("/v1/canary")
    assert len(written.getvalue().splitlines()) > 10
    for canary in ("canary", str(shop.brand.key).rpartition("_")[2], "s3cret"):
        assert canary not in written.getvalue().lower()


def references(shop: Shop) -> Iterator[tuple[str, str, dict[str, Any]]]:
    link = {"program_id": shop.program, "creator_id": shop.creator, "destination": DESTINATION}
    code = {"program_id": shop.program, "creator_id": shop.creator, "code": "MINE"}
    enrolment = {"program_id": shop.program, "creator_id": shop.creator}
    for field in ("program_id", "creator_id"):
        for path, body in (("/v1/links", link), ("/v1/codes", code), ("/v1/enrolments", enrolment)):
            yield path, field, body
    yield "/v1/connections", "program_id", {"platform": "shopify", "secret": "s", "program_id": shop.program}


def test_nobody_of_theirs_is_given_or_paid_anything_of_ours(brand: Client, theirs: Shop) -> None:
    ours = Client(APIS["payouts"], brand.key)
    given = {"creator_id": theirs.creator, "amount": 1, "currency": "ILS", "reason": "ours"}
    written_off = {"creator_id": theirs.creator, "currency": "ILS", "reason": "ours"}
    wish = {"creator_ids": [theirs.creator], "currency": "ILS", "rail": "csv"}
    for path, body in (("/v1/adjustments", given), ("/v1/writeoffs", written_off), ("/v1/payout_runs", wish)):
        got = ours.post(path, body, idempotency_key=path)
        assert (got.status, got.code) == (404, "not_found"), (path, got.body)


def test_nothing_of_ours_can_be_tied_to_anything_of_theirs(new_brand: NewBrand, theirs: Shop) -> None:
    ours = open_shop(new_brand("Ours"), "noa")
    tried = 0
    for path, field, body in references(ours):
        for wrong in (getattr(theirs, field.removesuffix("_id")), PLACES[field] + MISSING, "nonsense", "#"):
            got = ours.brand.post(path, body | {field: wrong})
            assert (got.status, got.code, got.body["param"]) == (404, "not_found", field), path
            tried += 1
    assert tried == 28
    enrolled = {"email": "new@example.com", "name": "New", "program_ids": [ours.program, theirs.program]}
    assert ours.brand.post("/v1/creators", enrolled).status == 404
    assert len(ours.brand.get("/v1/creators").body["items"]) == 1
    assert ours.brand.get("/v1/enrolments", program_id=theirs.program).body["items"] == []
    assert ours.brand.get("/v1/enrolments", creator_id=theirs.creator).body["items"] == []
    assert ours.brand.get("/v1/links", creator_id=theirs.creator).body["items"] == []


LISTS = [
    (name, route)
    for name, route in SCOPED
    if route.method == "GET"
    and "<" not in route.path
    and "cursor" in {each.name for each in route.dependant.query_params}
]
ASKED: dict[str, dict[str, Any]] = {
    **{
        f"/v1/{name}": {"creator_id": "creator"}
        for name in ("enrolments", "links", "codes", "commissions", "adjustments")
    },
    "/v1/fx_rates": {"from": "USD", "to": "ILS"},
    "/v1/reports/clearing": {"rail": "csv", "currency": "ILS"},
    "/v1/reports/yearly": {"year": 2026},
}
"""What a list has to be asked for; of what is theirs, under which name it is `there`."""
EMPTY = {"/v1/fx_rates", "/v1/privacy/requests", "/v1/ledger/verify", "/v1/commissions", "/v1/reports/clearing"}
EMPTY |= {"/v1/reports/negative_balances"}
"""What not even they see their own things in: they have neither debts nor requests, and their order earned nothing."""


def test_lists_hold_nothing_of_anybody_else(brand: Client, theirs: Shop, there: dict[str, Any]) -> None:
    theirs.brand.send("PUT", "/v1/products", {"products": [{"product_id": there["order"]}]})
    found, empty = {str(each) for place, each in there.items() if place != "brand"}, set()
    for name, route in LISTS:
        query = {of: there.get(what, what) for of, what in ASKED.get(route.path, {}).items()}
        own, ours = (Client(APIS[name], key).get(route.path, **query) for key in (theirs.brand.key, brand.key))
        assert (own.status, ours.status) == (200, 200), route.path
        if not any(each in own.text for each in found):
            empty.add(route.path)
        assert not any(each in ours.text for each in found), route.path
    assert empty == EMPTY

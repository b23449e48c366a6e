"""Lists over HTTP: whole and in order whatever the page's size, and cursors that are good for one list alone."""

from typing import Any

import pytest

from tests.functions.client import Client
from tests.functions.conftest import APIS, NewBrand
from tests.functions.setting_up import DESTINATION, Shop, new_creator, new_program, open_shop
from vouch.domain import ids
from vouch.service.deployment import Deployment
from vouch.store import brands, connections
from vouch.store.secrets import Secrets


def walked(brand: Client, path: str, limit: int, **query: Any) -> list[Any]:
    found: list[Any] = []
    cursor = None
    while True:
        got = brand.get(path, limit=limit, cursor=cursor, **query)
        assert got.status == 200, got.text
        assert len(got.body["items"]) <= limit
        found += got.body["items"]
        cursor = got.body["next_cursor"]
        if cursor is None:
            return found


@pytest.fixture
def shop(brand: Client) -> Shop:
    shop = open_shop(brand)
    for number in range(6):
        new_program(brand, name=f"Program {number}")
        creator = new_creator(brand, f"creator{number}", program_ids=[shop.program])["id"]
        tied = {"program_id": shop.program, "creator_id": creator}
        brand.made("/v1/links", tied | {"destination": DESTINATION})
        brand.made("/v1/codes", tied | {"code": f"CODE{number}"})
        brand.made("/v1/connections", {"platform": "shopify", "secret": "s"})
        brand.made("/v1/keys", {"name": f"Key {number}", "scopes": ["links:read"]})
        later = {"effective_from": f"2026-06-0{number + 1}T00:00:00Z"}
        brand.made(f"/v1/programs/{shop.program}/terms", later)
    return shop


def test_every_page_size_gives_the_whole_list(shop: Shop) -> None:
    lists: list[tuple[str, dict[str, str]]] = [
        ("/v1/programs", {}),
        (f"/v1/programs/{shop.program}/terms", {}),
        ("/v1/creators", {}),
        ("/v1/enrolments", {"program_id": shop.program}),
        ("/v1/links", {}),
        ("/v1/codes", {}),
        ("/v1/connections", {}),
        ("/v1/keys", {}),
    ]
    for path, query in lists:
        whole = shop.brand.get(path, limit=100, **query).body
        assert whole["next_cursor"] is None
        assert len({item["id"] for item in whole["items"]}) == len(whole["items"]) >= 7, path
        for limit in (1, 3, 7):
            assert walked(shop.brand, path, limit, **query) == whole["items"], path


def test_a_creators_enrolments_are_paged_too(brand: Client) -> None:
    programs = [new_program(brand)["id"] for _ in range(5)]
    creator = new_creator(brand, program_ids=programs)["id"]
    for limit in (1, 2, 5, 6):
        found = walked(brand, "/v1/enrolments", limit, creator_id=creator)
        assert [enrolment["program_id"] for enrolment in found] == sorted(programs)


def test_hosts_are_paged_too(brand: Client) -> None:
    hosts = [f"{letter}.example.com" for letter in "edcba"]
    for host in hosts:
        brand.made("/v1/domains", {"host": host})
    for limit in (1, 2, 5, 6):
        assert [domain["host"] for domain in walked(brand, "/v1/domains", limit)] == sorted(hosts)
    for limit in (0, 101):
        got = brand.get("/v1/domains", limit=limit)
        assert (got.status, got.body["errors"][0]["param"]) == (400, "limit")


def test_a_filter_may_leave_pages_short_but_loses_nothing(shop: Shop) -> None:
    other = new_program(shop.brand, name="Other")["id"]
    tied = {"program_id": other, "creator_id": shop.creator}
    link = shop.brand.made("/v1/links", tied | {"destination": DESTINATION})
    assert walked(shop.brand, "/v1/links", 2, program_id=other) == [link]
    assert [found["id"] for found in walked(shop.brand, "/v1/links", 1, creator_id=shop.creator)] == [
        shop.link,
        link["id"],
    ]


def test_a_cursor_is_good_for_its_own_list_alone(shop: Shop, new_brand: NewBrand) -> None:
    cursor = shop.brand.get("/v1/links", limit=1).body["next_cursor"]
    other = new_brand("Cups")
    wrong: list[tuple[Client, str, str, dict[str, str]]] = [
        (other, "/v1/links", cursor, {}),
        (shop.brand, "/v1/codes", cursor, {}),
        (shop.brand, "/v1/links", cursor, {"creator_id": shop.creator}),
        (shop.brand, "/v1/links", cursor, {"program_id": shop.program}),
        (shop.brand, f"/v1/programs/{shop.program}/terms", cursor, {}),
        (shop.brand, "/v1/links", cursor[:-2], {}),
        (shop.brand, "/v1/links", ("A" if cursor[0] != "A" else "B") + cursor[1:], {}),
        (shop.brand, "/v1/links", "nonsense", {}),
        (shop.brand, "/v1/links", "", {}),
        (shop.brand, "/v1/links", "ש", {}),
    ]
    for brand, path, text, query in wrong:
        got = brand.get(path, limit=1, cursor=text, **query)
        assert (got.status, got.code, got.body["param"]) == (400, "invalid_cursor", "cursor"), (path, text)


def new_order(shop: Shop, name: str, **more: str) -> Any:
    lines = [{"id": "1", "quantity": 1, "unit_price": 1000}]
    said = {"external_id": name, "occurred_at": "2026-05-04T11:00:00Z", "currency": "ILS", "lines": lines}
    return attribution(shop).made("/v1/orders", said | {"codes": ["NOA10"]} | more)


def attribution(shop: Shop) -> Client:
    return Client(APIS["attribution"], shop.brand.key, shop.brand.brand_id)


def test_orders_and_commissions_do_not_share_cursors_though_they_share_an_index(brand: Client) -> None:
    shop = open_shop(brand)
    for number in range(2):
        new_order(shop, f"A-{number}")
    asked = attribution(shop)
    paths = ("/v1/orders", "/v1/commissions")
    for path, other in (paths, paths[::-1]):
        cursor = asked.get(path, limit=1).body["next_cursor"]
        assert asked.get(path, limit=1, cursor=cursor).status == 200
        assert asked.get(other, limit=1, cursor=cursor).code == "invalid_cursor"


def test_an_order_is_found_by_name_behind_any_of_many_connections(brand: Client, deployment: Deployment) -> None:
    shop = open_shop(brand)
    owner = brands.brand(deployment.database, brand.brand_id)
    assert owner is not None
    named = [ids.derived("con_", str(number)) for number in range(101)]
    for connection_id in named:
        connections.new_connection(
            owner, connection_id, platform="shopify", shop=None, program_id=None, details={}, sealed="", created_at=""
        ).save()
    order = new_order(shop, "A-1", connection_id=max(named))
    assert [found["id"] for found in attribution(shop).get("/v1/orders", external_id="A-1").body["items"]] == [
        order["id"]
    ]


def test_a_cursor_outlives_the_rotation_of_the_secret(shop: Shop, deployment: Deployment) -> None:
    first = shop.brand.get("/v1/links", limit=1).body
    deployment.secrets = Secrets.of('{"1": "test master", "2": "next master"}')
    assert shop.brand.get("/v1/links", limit=1, cursor=first["next_cursor"]).status == 200


def test_a_page_costs_two_requests_and_the_credential_one(shop: Shop, deployment: Deployment) -> None:
    asked: list[str] = []
    events = deployment.database.connection.client.meta.events
    events.register("before-call.dynamodb.*", lambda model, **_: asked.append(model.name))
    for path in ("/v1/programs", "/v1/creators", "/v1/links", "/v1/codes", "/v1/connections", "/v1/keys"):
        asked.clear()
        assert len(shop.brand.get(path, limit=100).body["items"]) >= 7
        assert sorted(asked) == ["BatchGetItem", "BatchGetItem", "Query"], path

"""Brands, their keys and their hosts over HTTP."""

import re
from datetime import timedelta

import pytest

from tests.fixtures import NOON, Clock
from tests.functions.client import Client
from tests.functions.conftest import NewBrand
from vouch.service.deployment import Deployment


def test_the_operator_makes_a_brand_whose_key_is_shown_once(operator: Client) -> None:
    made = operator.post("/v1/brands", {"name": "Mugs", "mode": "test"})
    assert made.status == 201
    assert set(made.body) == {"id", "name", "mode", "created_at", "now", "api_key"}
    assert re.fullmatch(r"vk_test_[0-9A-HJKMNP-TV-Z]{26}_[a-z2-7]{32}", made.body["api_key"])
    own = Client(operator.api, made.body["api_key"]).get("/v1/brand")
    assert own.body == {name: value for name, value in made.body.items() if name != "api_key"}


def test_a_brand_is_live_unless_it_says_otherwise(operator: Client) -> None:
    made = operator.made("/v1/brands", {"name": "Mugs"})
    assert made["mode"] == "live"
    assert made["api_key"].startswith("vk_live_")


def test_nothing_stored_gives_a_key_away(brand: Client, deployment: Deployment) -> None:
    secret = str(brand.key).rpartition("_")[2]
    stored = deployment.database.connection.scan(deployment.settings.main_table)["Items"]
    assert any(item["sk"]["S"].startswith("KEY#") for item in stored)
    assert secret not in str(stored)


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer ", "Bearer wrong", "Basic b3BlcmF0b3I=", "operators-own-key", "Bearer שלום"],
)
def test_whoever_proves_nothing_is_turned_away_alike(operator: Client, brand: Client, authorization: str) -> None:
    for path in ("/v1/brands", "/v1/programs"):
        got = operator.post(path, {"name": "Mugs"}, authorization=authorization)
        assert (got.status, got.code) == (401, "unauthenticated")
        assert got.headers["www-authenticate"] == "Bearer"


def test_a_brands_key_is_not_the_operators_nor_the_other_way_round(operator: Client, brand: Client) -> None:
    assert brand.post("/v1/brands", {"name": "Mugs"}).status == 401
    assert operator.get("/v1/brand").status == 401


def test_a_changed_key_is_refused(brand: Client) -> None:
    key = str(brand.key)
    for wrong in (key[:-1] + ("a" if key[-1] != "a" else "b"), key.replace("live", "test"), key + "a", key.upper()):
        assert brand.send("GET", "/v1/brand", authorization=f"Bearer {wrong}").status == 401


def test_a_revoked_key_is_refused_from_that_moment_on(brand: Client) -> None:
    made = brand.made("/v1/keys", {"name": "Shop", "scopes": ["brand:read"]})
    second = Client(brand.api, made["api_key"])
    assert second.get("/v1/brand").status == 200
    revoked = brand.delete(f"/v1/keys/{made['id']}")
    assert revoked.status == 200
    assert revoked.body["revoked_at"] == "2026-05-04T12:00:00Z"
    assert second.get("/v1/brand").status == 401
    assert brand.delete(f"/v1/keys/{made['id']}").body == revoked.body


def test_a_key_grants_and_revokes_only_what_it_may_do_itself(brand: Client) -> None:
    made = brand.made("/v1/keys", {"name": "Limited", "scopes": ["keys:write", "keys:read", "links:read"]})
    limited = Client(brand.api, made["api_key"])
    assert limited.post("/v1/keys", {"name": "Same", "scopes": ["links:read"]}).status == 201
    for scope in ("*", "links:write"):
        got = limited.post("/v1/keys", {"name": "More", "scopes": [scope]})
        assert (got.status, got.code) == (403, "scope_exceeded")
    first = next(key for key in limited.get("/v1/keys").body["items"] if key["scopes"] == ["*"])
    assert limited.delete(f"/v1/keys/{first['id']}").code == "scope_exceeded"


def test_keys_are_listed_without_what_opens_anything(brand: Client) -> None:
    brand.made("/v1/keys", {"name": "Shop", "scopes": ["orders:write", "orders:read", "orders:read"]})
    listed = brand.get("/v1/keys").body["items"]
    assert {key["name"]: key["scopes"] for key in listed} == {
        "First key": ["*"],
        "Shop": ["orders:read", "orders:write"],
    }
    assert all(set(key) == {"id", "name", "scopes", "created_at", "revoked_at"} for key in listed)


def test_an_unknown_scope_is_named(brand: Client) -> None:
    got = brand.post("/v1/keys", {"name": "Odd", "scopes": ["links:read", "links:own"]})
    assert (got.status, got.code) == (400, "invalid_request")
    (broken,) = got.body["errors"]
    assert (broken["param"], broken["code"]) == ("scopes.1", "unknown_scope")
    assert "links:write" in broken["detail"]


def test_hosts_are_kept_in_one_form_and_can_go_again(brand: Client) -> None:
    assert brand.made("/v1/domains", {"host": " Shop.Example.COM. "}) == {
        "host": "shop.example.com",
        "connection_ids": [],
    }
    brand.made("/v1/domains", {"host": "חנות.example"})
    brand.made("/v1/domains", {"host": "shop.example.com"})
    hosts = [domain["host"] for domain in brand.get("/v1/domains").body["items"]]
    assert hosts == ["shop.example.com", "xn--9dbd1a4b.example"]
    assert brand.delete("/v1/domains/shop.example.com").status == 200
    assert brand.get("/v1/domains/shop.example.com").status == 404
    assert brand.delete("/v1/domains/shop.example.com").status == 404


@pytest.mark.parametrize(
    "host", ["", "localhost", "https://shop.example", "shop.example:443", "10.0.0.1", "a b.example"]
)
def test_what_is_no_public_host_is_refused(brand: Client, host: str) -> None:
    got = brand.post("/v1/domains", {"host": host})
    assert (got.status, got.code, got.body["param"]) == (422, "not_a_host", "host")


def test_a_test_brand_may_be_born_in_the_past(new_brand: NewBrand) -> None:
    brand = new_brand(mode="test", test_clock="2026-03-01T00:00:00+02:00")
    assert brand.get("/v1/brand").body["now"] == "2026-02-28T22:00:00Z"
    program = brand.made("/v1/programs", {"name": "Friends", "currency": "ILS"})
    assert program["created_at"] == "2026-02-28T22:00:00Z"


def test_a_live_brand_has_everybodys_time(operator: Client, brand: Client, clock: Clock) -> None:
    got = operator.post("/v1/brands", {"name": "Mugs", "test_clock": "2026-03-01T00:00:00Z"})
    assert (got.status, got.code) == (422, "not_a_test_brand")
    clock.pass_(timedelta(hours=1))
    assert brand.get("/v1/brand").body["now"] == "2026-05-04T13:00:00Z"
    assert clock.now > NOON


def test_a_key_is_found_and_proven_by_one_request(brand: Client, deployment: Deployment) -> None:
    asked: list[str] = []
    client = deployment.database.connection.client
    client.meta.events.register("before-call.dynamodb.*", lambda model, **_: asked.append(model.name))
    assert brand.get("/v1/brand").status == 200
    assert asked == ["BatchGetItem"]

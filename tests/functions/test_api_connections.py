"""Connections over HTTP: secrets go in and never come out."""

import base64
import socket
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.fixtures import Clock, MemoryVault
from tests.functions.client import Client
from tests.functions.setting_up import new_program
from tests.platforms.samples import STANDARD_SECRET
from vouch.outgoing import Outgoing, Unreachable, send
from vouch.platforms.registry import PLATFORMS
from vouch.service.deployment import Deployment
from vouch.store import connections
from vouch.store.tables import ConnectionItem
from vouch.store.vault import Owner, Purpose


def stored(deployment: Deployment, brand: Client, connection_id: str) -> ConnectionItem:
    item = connections.connection(deployment.database, brand.brand_id, connection_id)
    assert item is not None
    return item


def sealed(brand: Client, made: Mapping[str, str], text: str, purpose: Purpose = "webhook_secret") -> str:
    return MemoryVault().seal(Owner(brand.brand_id, purpose, made["id"]), text)


def test_a_connection_says_where_its_webhooks_go(brand: Client, deployment: Deployment) -> None:
    program = new_program(brand)["id"]
    made = brand.made(
        "/v1/connections",
        {
            "platform": "shopify",
            "secret": "canary-secret",
            "shop": "mugs.myshopify.com",
            "program_id": program,
            "api_token": "canary-token",
            "api_base_url": "https://stand-in.example/",
        },
    )
    assert made | {"id": ""} == {
        "id": "",
        "platform": "shopify",
        "webhook_url": f"https://go.test/webhooks/{made['id']}",
        "shop": "mugs.myshopify.com",
        "program_id": program,
        "status": "active",
        "app_key": None,
        "notification_url": None,
        "api_base_url": "https://stand-in.example/",
        "created_at": "2026-05-04T12:00:00Z",
        "version": 1,
    }
    path = f"/v1/connections/{made['id']}"
    for got in (brand.get(path), brand.get("/v1/connections"), brand.patch(path, {"verify_token": "canary-word"})):
        assert got.status == 200
        assert "canary" not in got.text
    item = stored(deployment, brand, made["id"])
    assert item.secrets == [[sealed(brand, made, "canary-secret"), None]]
    assert item.details["api_token"] == sealed(brand, made, "canary-token", "api_token")
    assert item.details["verify_token"] == sealed(brand, made, "canary-word", "verify_token")


def test_the_old_secret_stays_valid_for_24_hours(brand: Client, deployment: Deployment, clock: Clock) -> None:
    made = brand.made("/v1/connections", {"platform": "shopify", "secret": "one"})
    path = f"/v1/connections/{made['id']}/rotate"
    assert brand.post(path, {"secret": "two"}).status == 200
    assert stored(deployment, brand, made["id"]).secrets == [
        [sealed(brand, made, "two"), None],
        [sealed(brand, made, "one"), "2026-05-05T12:00:00.000000Z"],
    ]
    clock.pass_(timedelta(hours=1))
    brand.post(path, {"secret": "three"})
    assert stored(deployment, brand, made["id"]).secrets == [
        [sealed(brand, made, "three"), None],
        [sealed(brand, made, "two"), "2026-05-05T13:00:00.000000Z"],
        [sealed(brand, made, "one"), "2026-05-05T12:00:00.000000Z"],
    ]
    clock.pass_(timedelta(days=2))
    brand.post(path, {"secret": "four"})
    assert [secret for secret, _ in stored(deployment, brand, made["id"]).secrets] == [
        sealed(brand, made, "four"),
        sealed(brand, made, "three"),
    ]


def test_each_of_several_secrets_lives_its_24_hours_out(brand: Client, deployment: Deployment, clock: Clock) -> None:
    made = brand.made("/v1/connections", {"platform": "shopify", "secret": "secret 0"})
    for number in range(1, 6):
        clock.pass_(timedelta(hours=1))
        brand.post(f"/v1/connections/{made['id']}/rotate", {"secret": f"secret {number}"})
    kept = [secret for secret, _ in stored(deployment, brand, made["id"]).secrets]
    assert kept == [sealed(brand, made, f"secret {number}") for number in (5, 4, 3, 2, 1)]


def test_a_rotation_that_is_said_again_costs_no_older_secret_its_day(brand: Client, deployment: Deployment) -> None:
    made = brand.made("/v1/connections", {"platform": "shopify", "secret": "one"})
    for _ in range(6):
        brand.post(f"/v1/connections/{made['id']}/rotate", {"secret": "two"})
    assert stored(deployment, brand, made["id"]).secrets == [
        [sealed(brand, made, "two"), None],
        [sealed(brand, made, "one"), "2026-05-05T12:00:00.000000Z"],
    ]


def test_a_setting_is_changed_taken_away_or_left(brand: Client) -> None:
    program = new_program(brand)["id"]
    made = brand.made("/v1/connections", {"platform": "shopify", "secret": "s", "app_key": "key", "shop": "a.example"})
    path = f"/v1/connections/{made['id']}"
    changed = brand.patch(path, {"program_id": program, "status": "disabled", "shop": "b.example"}).body
    assert changed == made | {"program_id": program, "status": "disabled", "shop": "b.example", "version": 2}
    taken = brand.patch(path, {"program_id": None, "app_key": None}).body
    assert (taken["program_id"], taken["app_key"], taken["shop"]) == (None, None, "b.example")
    assert [domain["host"] for domain in brand.get("/v1/domains").body["items"]] == ["b.example"]
    assert brand.patch(path, {"secret": "other"}).code == "unknown_field"


WHERE = {"shop": "a.example", "api_base_url": "https://api.a.example"}


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"api_base_url": "https://evil.example"},
        {"api_base_url": None},
        {"shop": "evil.example"},
        {"shop": None},
        {"api_base_url": "https://evil.example", "verify_token": "w2", "status": "active"},
    ],
)
def test_a_token_goes_to_no_host_but_the_one_that_it_was_given_for(
    brand: Client, deployment: Deployment, elsewhere: dict[str, str | None]
) -> None:
    tokens = {"api_token": "t", "verify_token": "w"}
    made = brand.made("/v1/connections", {"platform": "woocommerce", "secret": "s"} | tokens | WHERE)
    path = f"/v1/connections/{made['id']}"
    for nowhere_else in (WHERE, {"status": "disabled"}, {"program_id": None}, {"app_key": "k"}, {}):
        brand.patch(path, nowhere_else)
        assert stored(deployment, brand, made["id"]).details.keys() >= tokens.keys()
    assert brand.patch(path, elsewhere).status == 200
    details = stored(deployment, brand, made["id"]).details
    assert "api_token" not in details
    assert "verify_token" in details
    brand.patch(path, WHERE | {"api_token": "new"})
    assert stored(deployment, brand, made["id"]).details["api_token"] == sealed(brand, made, "new", "api_token")


def test_a_token_that_comes_with_its_host_stays(brand: Client, deployment: Deployment) -> None:
    made = brand.made("/v1/connections", {"platform": "woocommerce", "secret": "s", "api_token": "t"} | WHERE)
    moved = {"api_base_url": "https://api.b.example", "api_token": "theirs"}
    brand.patch(f"/v1/connections/{made['id']}", moved)
    assert stored(deployment, brand, made["id"]).details["api_token"] == sealed(brand, made, "theirs", "api_token")


PLATFORMS_AND_WHAT_THEY_NEED: dict[str, dict[str, str]] = {
    "shopify": {},
    "woocommerce": {},
    "stripe": {},
    "square": {},
    "meta": {},
    "standard_webhooks": {"secret": STANDARD_SECRET},
    "tiktok_shop": {"app_key": "6b2k"},
    "bigcommerce": {},
}


@pytest.mark.parametrize("platform", PLATFORMS_AND_WHAT_THEY_NEED)
def test_every_platform_can_be_connected_by_what_it_needs(brand: Client, platform: str) -> None:
    needed = PLATFORMS_AND_WHAT_THEY_NEED[platform]
    body = {"platform": platform, "secret": "a-secret"} | needed
    made = brand.post("/v1/connections", body)
    assert (made.status, made.body["platform"]) == (201, platform)
    for name in needed.keys() - {"secret"}:
        lacking = {key: value for key, value in body.items() if key != name}
        got = brand.post("/v1/connections", lacking)
        assert (got.status, got.code, got.body["param"]) == (422, "setting_missing", name)
        taken = brand.patch(f"/v1/connections/{made.body['id']}", {name: None})
        assert (taken.status, taken.code, taken.body["param"]) == (422, "setting_missing", name)


def test_no_platform_is_left_out() -> None:
    assert PLATFORMS_AND_WHAT_THEY_NEED.keys() == PLATFORMS.keys() - {"rest"}


@pytest.mark.parametrize("platform", ["rest", "myspace", "github"])
def test_platforms_that_are_none_are_refused(brand: Client, platform: str) -> None:
    got = brand.post("/v1/connections", {"platform": platform, "secret": "s"})
    assert (got.status, got.code, got.body["param"]) == (422, "platform_not_supported", "platform")
    assert "shopify" in got.body["detail"]


@pytest.mark.parametrize("body", [{"platform": "shopify"}, {"platform": "shopify", "secret": ""}])
def test_a_connection_needs_a_secret(brand: Client, body: dict[str, str]) -> None:
    got = brand.post("/v1/connections", body)
    assert (got.status, got.body["param"]) == (400, "secret")


@pytest.mark.parametrize(
    "platform, secret",
    [
        ("shopify", " \t"),
        ("standard_webhooks", "   "),
        ("standard_webhooks", "whsec_"),
        ("standard_webhooks", "whsec_not-base64-at-all-but-long-enough!"),
        ("standard_webhooks", "whsec_" + base64.b64encode(b"7 bytes").decode()),
    ],
)
def test_a_secret_that_can_prove_nothing_is_refused(brand: Client, platform: str, secret: str) -> None:
    usable = base64.b64encode(b"8 bytes!").decode()
    made = brand.made("/v1/connections", {"platform": platform, "secret": usable})
    for path, body in (
        ("/v1/connections", {"platform": platform, "secret": secret}),
        (f"/v1/connections/{made['id']}/rotate", {"secret": secret}),
    ):
        got = brand.post(path, body)
        assert (got.status, got.code, got.body["param"]) == (422, "secret_not_usable", "secret")
    assert brand.get(f"/v1/connections/{made['id']}").body == made


@pytest.mark.parametrize("token", ["t\n", " t", "t ", "t\r\nX-Other: 1", "t\x00", "\x7f", "טוקן", "t\u00a0t", ""])
def test_a_token_that_no_header_holds_is_refused(brand: Client, token: str) -> None:
    got = brand.post("/v1/connections", {"platform": "shopify", "secret": "s", "api_token": token})
    assert (got.status, got.code) == (400, "invalid_request")
    made = brand.made("/v1/connections", {"platform": "shopify", "secret": "s", "api_token": "ck_1:cs 2"})
    assert brand.patch(f"/v1/connections/{made['id']}", {"api_token": token}).status == 400


def test_a_shop_is_a_host(brand: Client) -> None:
    got = brand.post("/v1/connections", {"platform": "shopify", "secret": "s", "shop": "https://a.example"})
    assert (got.status, got.code, got.body["param"]) == (422, "not_a_host", "shop")


@pytest.mark.parametrize(
    "address",
    ["http://api.example/", "https://169.254.169.254/latest/", "https://localhost/", "https://user@api.example/",
     "https://api.example:8443/", "https://api.example\\@evil.example/", "http://127.0.0.1:9001/", "http://localhost/",
     "https://api.example/?to=", "https://api.example#", "https://api.example/חנות", "https://[::1]/", "https://127.1/"],
)  # fmt: skip
def test_what_is_called_from_inside_is_a_public_host(brand: Client, address: str) -> None:
    new = {"platform": "shopify", "secret": "s"}
    made = brand.made("/v1/connections", new | {"api_base_url": "https://api.example/v2"})
    path = f"/v1/connections/{made['id']}"
    for got in (
        brand.post("/v1/connections", new | {"api_base_url": address}),
        brand.patch(path, {"api_base_url": address}),
    ):
        assert (got.status, got.code, got.body["param"]) == (422, "address_not_allowed", "api_base_url")
    assert brand.get(path).body == made
    assert brand.patch(path, {"api_base_url": None}).body["api_base_url"] is None


@pytest.mark.parametrize(
    "address, status",
    [
        ("http://127.0.0.1:4570/shopify", 201),
        ("http://localhost", 201),
        ("https://api.example", 201),
        ("http://localhost@api.example/", 422),
        ("http://localhost.api.example/", 422),
        ("http://127.0.0.1:4570@api.example/", 422),
        ("http://127.0.0.1:4570/?to=", 422),
        ("http://[::1]:4570/", 422),
        ("http://localhost./", 422),
        ("http://127.0.0.2/", 422),
        ("http://api.example/", 422),
    ],
)
def test_where_all_is_local_a_stand_in_may_be(brand: Client, deployment: Deployment, address: str, status: int) -> None:
    deployment.settings = replace(deployment.settings, public_url="http://localhost:4566")
    new = {"platform": "shopify", "secret": "s", "api_base_url": address}
    assert brand.post("/v1/connections", new).status == status


@pytest.mark.parametrize("address", ["http://127.0.0.1:4570/shopify/", "http://localhost", "https://api.example/v2"])
def test_what_may_be_given_may_be_called(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", refuse)
    with pytest.raises(Unreachable):  # not: NotAllowed
        send(Outgoing(f"{address.rstrip('/')}/orders"), loopback=True, resolve=lambda *_: ["93.184.215.14"])

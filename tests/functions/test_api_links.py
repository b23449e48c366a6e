"""Links and codes over HTTP."""

from datetime import timedelta

import pytest

from tests.fixtures import Clock
from tests.functions.client import Client
from tests.functions.conftest import NewBrand
from tests.functions.setting_up import DESTINATION, Shop, new_creator, open_shop
from vouch.http import Api
from vouch.service.deployment import Deployment
from vouch.store.tables import Slug


@pytest.fixture
def shop(brand: Client) -> Shop:
    return open_shop(brand)


def slug(deployment: Deployment, name: str) -> Slug:
    item = deployment.database.get(Slug, f"SLUG#{name}", "S")
    assert item is not None
    return item


def new_link(shop: Shop, **more: str) -> dict[str, str]:
    tied = {"program_id": shop.program, "creator_id": shop.creator, "destination": DESTINATION}
    made: dict[str, str] = shop.brand.made("/v1/links", tied | more)
    return made


def test_a_link_has_a_slug_of_its_own_and_says_where_it_leads(shop: Shop, deployment: Deployment) -> None:
    made = new_link(shop, slug=" Noa-Summer ")
    assert made | {"id": ""} == {
        "id": "",
        "slug": "noa-summer",
        "former_slugs": [],
        "url": "https://go.test/r/noa-summer",
        "program_id": shop.program,
        "creator_id": shop.creator,
        "destination": DESTINATION,
        "status": "active",
        "created_at": "2026-05-04T12:00:00Z",
        "version": 1,
    }
    stored = slug(deployment, "noa-summer")
    assert (stored.brand_id, stored.mode, stored.link_id) == (shop.brand.brand_id, "live", made["id"])
    assert (stored.program_id, stored.destination, stored.status) == (shop.program, DESTINATION, "active")
    assert shop.brand.get(f"/v1/links/{made['id']}").body == made


def test_a_slug_is_made_up_where_none_is_given(shop: Shop) -> None:
    slugs = {new_link(shop)["slug"] for _ in range(5)}
    assert len(slugs) == 5
    assert all(len(name) == 8 and name.isalnum() and name.islower() for name in slugs)


@pytest.mark.parametrize("name", ["ab", "x" * 65, "noa summer", "noa/summer", "נועה", "noa.summer", ""])
def test_what_is_no_slug_is_refused(shop: Shop, name: str) -> None:
    tied = {"program_id": shop.program, "creator_id": shop.creator, "destination": DESTINATION}
    got = shop.brand.post("/v1/links", tied | {"slug": name})
    (broken,) = got.body["errors"]
    assert (got.status, broken["param"], broken["code"]) == (400, "slug", "wrong_pattern")
    assert "[a-z0-9_-]{3,64}" in broken["detail"]


def test_a_slug_is_given_once_in_all_brands(shop: Shop, new_brand: NewBrand) -> None:
    new_link(shop, slug="noa")
    other = open_shop(new_brand("Cups"), "dan")
    for rival in (shop, other):
        tied = {"program_id": rival.program, "creator_id": rival.creator, "destination": DESTINATION, "slug": "NOA"}
        got = rival.brand.post("/v1/links", tied)
        assert (got.status, got.code, got.body["param"]) == (409, "slug_taken", "slug")
    assert other.brand.patch(f"/v1/links/{other.link}", {"slug": "noa"}).code == "slug_taken"
    assert shop.brand.patch(f"/v1/links/{shop.link}", {"slug": "admin"}).code == "slug_reserved"


@pytest.mark.parametrize(
    "destination",
    ["https://evil.example/", "http://shop.example/", "//shop.example", "https:shop.example", "javascript:alert(1)",
     "https://shop.example@evil.example/", "https://shop.example:8443/", "https://shop.example\\@evil.example",
     "https://shop.example/%0d%0a\r\n", "https://sub.shop.example/", "https://shop.example.evil.example/", ""],
)  # fmt: skip
def test_links_lead_only_to_the_brands_hosts(shop: Shop, destination: str) -> None:
    tied = {"program_id": shop.program, "creator_id": shop.creator}
    for got in (
        shop.brand.post("/v1/links", tied | {"destination": destination}),
        shop.brand.patch(f"/v1/links/{shop.link}", {"destination": destination}),
    ):
        assert (got.status, got.code, got.body["param"]) == (422, "destination_not_allowed", "destination")


def test_a_connections_shop_is_allowed_by_itself(shop: Shop) -> None:
    connection = shop.brand.made(
        "/v1/connections", {"platform": "shopify", "secret": "s", "shop": "Mugs.MyShopify.com"}
    )
    assert connection["shop"] == "mugs.myshopify.com"
    new_link(shop, destination="https://mugs.myshopify.com/")
    assert shop.brand.get("/v1/domains/mugs.myshopify.com").body["connection_ids"] == [connection["id"]]
    got = shop.brand.delete("/v1/domains/mugs.myshopify.com")
    assert (got.status, got.code) == (409, "host_of_connection")
    shop.brand.patch(f"/v1/connections/{connection['id']}", {"shop": None})
    assert shop.brand.get("/v1/domains/mugs.myshopify.com").status == 404


def test_every_slug_that_a_link_ever_had_leads_where_it_leads_now(shop: Shop, deployment: Deployment) -> None:
    made = new_link(shop, slug="first")
    path = f"/v1/links/{made['id']}"
    moved = shop.brand.patch(path, {"slug": "second", "destination": "https://shop.example/cups"}).body
    assert (moved["slug"], moved["former_slugs"]) == ("second", ["first"])
    shop.brand.patch(path, {"status": "paused"})
    for name in ("first", "second"):
        stored = slug(deployment, name)
        assert (stored.link_id, stored.destination, stored.status) == (
            made["id"],
            "https://shop.example/cups",
            "paused",
        )
    tied = {"program_id": shop.program, "creator_id": shop.creator, "destination": DESTINATION}
    assert shop.brand.post("/v1/links", tied | {"slug": "first"}).code == "slug_taken"
    back = shop.brand.patch(path, {"slug": "first"}).body
    assert (back["slug"], back["former_slugs"]) == ("first", ["second"])


def test_a_links_creator_and_program_never_change(shop: Shop) -> None:
    other = new_creator(shop.brand, "dan")["id"]
    for field, value in (("creator_id", other), ("program_id", shop.program)):
        assert shop.brand.patch(f"/v1/links/{shop.link}", {field: value}).code == "unknown_field"


def test_a_deleted_link_leads_nowhere_and_does_not_come_back(shop: Shop, deployment: Deployment) -> None:
    made = new_link(shop, slug="gone")
    path = f"/v1/links/{made['id']}"
    assert shop.brand.delete(path).body["status"] == "deleted"
    assert slug(deployment, "gone").status == "deleted"
    got = shop.brand.patch(path, {"status": "active"})
    assert (got.status, got.code) == (409, "link_deleted")
    assert shop.brand.get(path).body["status"] == "deleted"


def test_links_are_listed_for_the_brand_and_by_creator(shop: Shop) -> None:
    dan = new_creator(shop.brand, "dan")["id"]
    theirs = new_link(shop, creator_id=dan)
    assert {link["id"] for link in shop.brand.get("/v1/links").body["items"]} == {shop.link, theirs["id"]}
    assert shop.brand.get("/v1/links", creator_id=dan).body["items"] == [theirs]
    assert shop.brand.get("/v1/links", program_id="prg_none").body["items"] == []


def test_a_code_has_one_spelling_and_one_owner(shop: Shop) -> None:
    tied = {"program_id": shop.program, "creator_id": shop.creator}
    made = shop.brand.made("/v1/codes", tied | {"code": " ＳＵＭＭＥＲ  Sale "})
    assert made | {"id": ""} == {
        "id": "",
        "code": "ＳＵＭＭＥＲ  Sale",
        "program_id": shop.program,
        "creator_id": shop.creator,
        "status": "active",
        "owners": [
            {
                "creator_id": shop.creator,
                "program_id": shop.program,
                "active_from": "2026-05-04T12:00:00Z",
                "active_until": None,
            }
        ],
        "created_at": "2026-05-04T12:00:00Z",
        "version": 1,
    }
    assert shop.brand.get(f"/v1/codes/{made['id']}").body == made
    for spelling in ("summer sale", "SUMMER SALE", " Summer   Sale"):
        got = shop.brand.post("/v1/codes", tied | {"code": spelling})
        assert (got.status, got.code, got.body["param"]) == (409, "code_taken", "code")


def test_a_code_goes_to_another_creator_once_its_owners_period_has_ended(shop: Shop, clock: Clock) -> None:
    dan = new_creator(shop.brand, "dan")["id"]
    handed = {"program_id": shop.program, "creator_id": dan, "code": "NOA10"}
    path = f"/v1/codes/{shop.code}"
    ended = shop.brand.patch(path, {"status": "ended", "active_until": "2026-05-06T12:00:00Z"}).body
    assert (ended["status"], ended["owners"][0]["active_until"]) == ("active", "2026-05-06T12:00:00Z")
    assert shop.brand.post("/v1/codes", handed).code == "code_taken"
    early = shop.brand.post("/v1/codes", handed | {"active_from": "2026-05-06T11:59:59Z"})
    assert early.code == "code_taken"
    given = shop.brand.made("/v1/codes", handed | {"active_from": "2026-05-06T12:00:00Z"})
    assert (given["id"], given["creator_id"], given["status"]) == (shop.code, dan, "upcoming")
    assert [owner["creator_id"] for owner in given["owners"]] == [shop.creator, dan]
    clock.pass_(timedelta(days=2))
    assert shop.brand.get(path).body["status"] == "active"
    assert [code["id"] for code in shop.brand.get("/v1/codes", creator_id=dan).body["items"]] == [shop.code]
    assert shop.brand.get("/v1/codes", creator_id=shop.creator).body["items"] == []


def test_a_code_that_ends_before_it_begins_is_free_at_once(shop: Shop, apis: dict[str, Api]) -> None:
    tied = {"program_id": shop.program, "creator_id": shop.creator, "code": "SPRING"}
    made = shop.brand.made("/v1/codes", tied | {"active_from": "2027-01-01T00:00:00Z"})
    assert made["status"] == "upcoming"
    path = f"/v1/codes/{made['id']}"
    for _ in range(2):
        ended = shop.brand.patch(path, {"status": "ended"}).body
        assert (ended["status"], ended["owners"], ended["creator_id"]) == ("ended", [], shop.creator)
    order = {"external_id": "1", "occurred_at": "2026-05-04T12:00:00Z", "currency": "ILS", "codes": ["spring"]}
    bought = {"lines": [{"id": "1", "quantity": 1, "unit_price": 10000}]}
    attribution = Client(apis["attribution"], shop.brand.key)
    ordered = attribution.made("/v1/orders", order | bought)
    explained = attribution.get(f"/v1/orders/{ordered['id']}/explanation").body
    assert [candidate["reason"] for candidate in explained["candidates"]] == ["unknown_code"]
    dan = new_creator(shop.brand, "dan")["id"]
    given = shop.brand.made("/v1/codes", tied | {"creator_id": dan})
    assert (given["id"], given["status"]) == (made["id"], "active")
    assert [owner["creator_id"] for owner in given["owners"]] == [dan]


def test_a_code_is_handed_over_within_a_second(shop: Shop, clock: Clock) -> None:
    dan = new_creator(shop.brand, "dan")["id"]
    clock.pass_(timedelta(milliseconds=300))
    shop.brand.patch(f"/v1/codes/{shop.code}", {"status": "ended"})
    clock.pass_(timedelta(milliseconds=300))
    tied = {"program_id": shop.program, "creator_id": dan, "code": "NOA10"}
    handover = "2026-05-04T12:00:00.300000Z"
    former, newest = shop.brand.made("/v1/codes", tied)["owners"]
    assert (former["active_until"], newest["active_from"], newest["creator_id"]) == (handover, handover, dan)


def test_a_handover_that_is_called_off_leaves_the_code_where_it_was(shop: Shop, clock: Clock) -> None:
    dan = new_creator(shop.brand, "dan")["id"]
    path, friday = f"/v1/codes/{shop.code}", "2026-05-08T00:00:00Z"
    alone = shop.brand.patch(path, {"status": "ended", "active_until": friday}).body
    tied = {"program_id": shop.program, "creator_id": dan, "code": "NOA10", "active_from": friday}
    assert shop.brand.made("/v1/codes", tied)["creator_id"] == dan
    for _ in range(2):
        off = shop.brand.patch(path, {"status": "ended", "active_until": friday}).body
        assert off | {"version": 2} == alone
    assert [code["id"] for code in shop.brand.get("/v1/codes", creator_id=shop.creator).body["items"]] == [shop.code]
    clock.pass_(timedelta(days=1))
    ended = shop.brand.patch(path, {"status": "ended"}).body
    assert (ended["status"], ended["owners"][0]["active_until"]) == ("ended", "2026-05-05T12:00:00Z")


def test_a_period_does_not_end_before_now(shop: Shop, clock: Clock) -> None:
    clock.pass_(timedelta(days=1))
    got = shop.brand.patch(f"/v1/codes/{shop.code}", {"status": "ended", "active_until": "2026-05-05T11:59:59Z"})
    assert (got.status, got.code, got.body["param"]) == (422, "effective_in_past", "active_until")
    ended = shop.brand.patch(f"/v1/codes/{shop.code}", {"status": "ended"})
    assert (ended.status, ended.body["status"]) == (200, "ended")


@pytest.mark.parametrize("code", ["NOA\n10", "NOA\t10", "NOA\u000010", "NOA10\u0085"])
def test_a_code_holds_no_control_character(shop: Shop, code: str) -> None:
    got = shop.brand.post("/v1/codes", {"program_id": shop.program, "creator_id": shop.creator, "code": code})
    assert got.status == 400
    assert [(each["param"], each["code"]) for each in got.body["errors"]] == [("code", "control_character")]


@pytest.mark.parametrize("code", ["", "   ", "x" * 65])
def test_what_is_no_code_is_refused(shop: Shop, code: str) -> None:
    got = shop.brand.post("/v1/codes", {"program_id": shop.program, "creator_id": shop.creator, "code": code})
    assert (got.status, got.code) == (422, "not_a_code")


def test_a_code_is_unique_in_its_brand_only(shop: Shop, new_brand: NewBrand) -> None:
    assert open_shop(new_brand("Cups")).code != shop.code

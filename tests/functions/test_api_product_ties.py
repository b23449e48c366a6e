"""Product ties over HTTP: products that are one creator's, from now on until somebody says otherwise."""

from datetime import timedelta
from typing import Any

import pytest

from tests.fixtures import Clock
from tests.functions.client import Answer, Client
from tests.functions.conftest import NewBrand
from tests.functions.setting_up import Shop, new_creator, new_program, open_shop
from vouch.domain import tenures
from vouch.domain.errors import Unavailable
from vouch.service.deployment import Deployment
from vouch.store import product_ties
from vouch.store.database import Writes
from vouch.store.product_ties import Tied

NOTHING: dict[str, Any] = {"items": [], "next_cursor": None}


@pytest.fixture
def shop(brand: Client) -> Shop:
    return open_shop(brand)


def tie(shop: Shop, *product_ids: str, skus: tuple[str, ...] = (), **more: str) -> Answer:
    said = {"creator": shop.creator, "program": shop.program} | more
    body = {"program_id": said["program"], "product_ids": [*product_ids], "skus": [*skus]}
    return shop.brand.send("PUT", f"/v1/creators/{said['creator']}/product_ties", body)


def ties(shop: Shop, creator: str, **query: str) -> Any:
    return shop.brand.get(f"/v1/creators/{creator}/product_ties", **query).body


def owners(deployment: Deployment, shop: Shop, tied: Tied) -> list[list[str | None]]:
    item = product_ties.ties(deployment.database, shop.brand.brand_id, [tied])[tied]
    return [
        [owner.creator_id, owner.program_id, owner.active_from[:10], owner.active_until and owner.active_until[:10]]
        for owner in product_ties.owners(item)
    ]


def since(deployment: Deployment, shop: Shop) -> str | None:
    marker = deployment.database.get(*product_ties.marker_key(shop.brand.brand_id))
    return marker.since if marker else None


def test_ties_are_replaced_as_a_whole_and_from_now_on(shop: Shop, deployment: Deployment, clock: Clock) -> None:
    assert ties(shop, shop.creator) == NOTHING
    made = tie(shop, "2", "1", "2", skus=("MUG-01",))
    assert (made.status, made.body) == (
        200, {"program_id": shop.program, "product_ids": ["1", "2"], "skus": ["MUG-01"]}
    )  # fmt: skip
    assert ties(shop, shop.creator) == {"items": [made.body], "next_cursor": None}
    clock.pass_(timedelta(days=1))
    changed = tie(shop, "2", "3")
    assert ties(shop, shop.creator)["items"] == [changed.body]
    assert changed.body == {"program_id": shop.program, "product_ids": ["2", "3"], "skus": []}
    whose = [shop.creator, shop.program]
    assert owners(deployment, shop, Tied("product", "1")) == [[*whose, "2026-05-04", "2026-05-05"]]
    assert owners(deployment, shop, Tied("product", "2")) == [[*whose, "2026-05-04", None]]
    assert owners(deployment, shop, Tied("product", "3")) == [[*whose, "2026-05-05", None]]
    assert owners(deployment, shop, Tied("sku", "MUG-01")) == [[*whose, "2026-05-04", "2026-05-05"]]
    assert owners(deployment, shop, Tied("product", "MUG-01")) == []
    assert tie(shop).body == {"program_id": shop.program, "product_ids": [], "skus": []}
    assert ties(shop, shop.creator) == ties(shop, shop.creator, program_id=shop.program) == NOTHING


def test_the_same_ties_again_change_nothing(shop: Shop, deployment: Deployment, clock: Clock) -> None:
    tie(shop, "1", skus=("MUG-01",))
    clock.pass_(timedelta(days=1))
    tie(shop, "1", skus=("MUG-01",))
    known = product_ties.tie_list(deployment.database, shop.brand.brand_id, shop.creator, shop.program)
    assert known.version == 1
    assert len(owners(deployment, shop, Tied("product", "1"))) == 1


def test_a_product_is_one_creators_at_a_time(shop: Shop, deployment: Deployment, clock: Clock) -> None:
    dan = new_creator(shop.brand, "dan", program_ids=[shop.program])["id"]
    tie(shop, "1", skus=("MUG-01",))
    for refused, param, product in (
        (tie(shop, "2", "1", creator=dan), "product_ids", "1"),
        (tie(shop, "2", skus=("MUG-01",), creator=dan), "skus", "MUG-01"),
    ):
        assert (refused.status, refused.code, refused.body["param"]) == (409, "product_taken", param)
        assert f"`{product}`" in refused.body["detail"]
    assert ties(shop, dan) == NOTHING
    assert owners(deployment, shop, Tied("product", "2")) == []
    assert tie(shop, "MUG-01", skus=("1",), creator=dan).status == 200
    clock.pass_(timedelta(days=1))
    assert tie(shop, skus=("MUG-01",)).status == 200
    clock.pass_(timedelta(days=1))
    assert tie(shop, "1", creator=dan).status == 200
    assert owners(deployment, shop, Tied("product", "1")) == [
        [shop.creator, shop.program, "2026-05-04", "2026-05-05"],
        [dan, shop.program, "2026-05-06", None],
    ]


def test_a_product_is_a_creators_in_one_program_at_a_time(shop: Shop) -> None:
    other = new_program(shop.brand)["id"]
    tie(shop, "1")
    refused = tie(shop, "1", program=other)
    assert (refused.status, refused.code) == (409, "product_taken")
    tie(shop, "2", program=other)
    tie(shop)
    assert tie(shop, "1", "2", program=other).body["product_ids"] == ["1", "2"]
    assert [item["program_id"] for item in ties(shop, shop.creator)["items"]] == [other]


def test_ties_are_listed_by_program_page_by_page(shop: Shop) -> None:
    programs = [shop.program, *(new_program(shop.brand)["id"] for _ in range(3))]
    for number, program in enumerate(programs):
        tie(shop, str(number), program=program)
    tie(shop, program=programs[1])
    cursor, found = None, []
    for _ in programs:
        page = shop.brand.get(f"/v1/creators/{shop.creator}/product_ties", limit=1, cursor=cursor).body
        found += page["items"]
        cursor = page["next_cursor"]
    assert cursor is None
    assert {item["program_id"]: item["product_ids"] for item in found} == {
        program: [str(number)] for number, program in enumerate(programs) if number != 1
    }
    assert ties(shop, shop.creator, program_id=programs[2])["items"] == [
        {"program_id": programs[2], "product_ids": ["2"], "skus": []}
    ]


def test_the_brands_first_tie_is_marked_once(shop: Shop, deployment: Deployment, clock: Clock) -> None:
    assert tie(shop).status == 200
    assert since(deployment, shop) is None
    clock.pass_(timedelta(milliseconds=700))
    tie(shop, "1")
    assert since(deployment, shop) == "2026-05-04T12:00:00.000000Z"
    clock.pass_(timedelta(days=1))
    tie(shop, "2")
    assert since(deployment, shop) == "2026-05-04T12:00:00.000000Z"
    clock.pass_(timedelta(days=-2))
    tie(shop, "2", "3")
    assert since(deployment, shop) == "2026-05-03T12:00:00.000000Z"


def test_as_many_ties_as_a_creator_can_have_are_changed_whatever_a_transaction_takes(
    shop: Shop, deployment: Deployment, clock: Clock
) -> None:
    first, second = ([f"{prefix}{number:03}" for number in range(500)] for prefix in "ab")
    assert tie(shop, *first).body["product_ids"] == first
    clock.pass_(timedelta(days=1))
    assert tie(shop, skus=tuple(second)).body == {"program_id": shop.program, "product_ids": [], "skus": second}
    assert ties(shop, shop.creator)["items"] == [{"program_id": shop.program, "product_ids": [], "skus": second}]
    whose = [shop.creator, shop.program]
    assert {str(owners(deployment, shop, Tied("product", value))) for value in first} == {
        str([[*whose, "2026-05-04", "2026-05-05"]])
    }
    assert {str(owners(deployment, shop, Tied("sku", value))) for value in second} == {
        str([[*whose, "2026-05-05", None]])
    }


@pytest.mark.parametrize("survived", [0, 1, 2])
def test_what_broke_off_half_way_is_sound_and_completed_by_the_same_again(
    shop: Shop, deployment: Deployment, monkeypatch: pytest.MonkeyPatch, survived: int
) -> None:
    before, after = ([f"{prefix}{number:03}" for number in range(120)] for prefix in "ab")
    tie(shop, *before)
    commit, left = deployment.database.commit, iter(range(survived))

    def broken(writes: Writes) -> None:
        if next(left, None) is None:
            raise Unavailable
        commit(writes)

    with monkeypatch.context() as patch:
        patch.setattr(deployment.database, "commit", broken)
        assert tie(shop, *after).status == 503
    listed = {value for item in ties(shop, shop.creator)["items"] for value in item["product_ids"]}
    items = product_ties.ties(deployment.database, shop.brand.brand_id, [Tied("product", v) for v in (*before, *after)])
    assert listed == {tied.value for tied, item in items.items() if tenures.current(item.owners)}
    assert len(listed) == (120, 22, 76)[survived]
    assert tie(shop, *after).body["product_ids"] == after
    assert ties(shop, shop.creator)["items"][0]["product_ids"] == after


def test_there_can_be_only_so_many(shop: Shop) -> None:
    many = tuple(str(number) for number in range(251))
    got = tie(shop, *many, skus=many[1:])
    assert (got.status, got.code) == (422, "too_many")
    assert tie(shop, *many[1:], skus=many[1:]).status == 200
    assert tie(shop, *(str(number) for number in range(501))).status == 400


@pytest.mark.parametrize(
    "product_id",
    ["", " ", "\t1", "a\u2028b", pytest.param("x" * 256, id="256 letters"), pytest.param("𝕏" * 192, id="768 bytes")],
)
def test_a_product_is_named_by_what_can_be_kept(shop: Shop, product_id: str) -> None:
    got = tie(shop, product_id)
    assert (got.status, got.body["param"]) == (400, "product_ids.0")


@pytest.mark.parametrize(
    "product_id",
    ["gid://shopify/Product/1", "a:b", "a#b", "a\u00a0b", "sku:1", "א", pytest.param("漢" * 255, id="765 bytes")],
)
def test_a_product_comes_back_as_it_was_named(shop: Shop, product_id: str) -> None:
    tie(shop, product_id, skus=(product_id,))
    assert ties(shop, shop.creator)["items"] == [
        {"program_id": shop.program, "product_ids": [product_id], "skus": [product_id]}
    ]


def test_whoever_leaves_a_program_leaves_its_products(shop: Shop, deployment: Deployment, clock: Clock) -> None:
    other = new_program(shop.brand)["id"]
    tie(shop, "1")
    tie(shop, "2", program=other)
    path = f"/v1/enrolments/{shop.enrolment}"
    shop.brand.patch(path, {"status": "paused"})
    assert len(ties(shop, shop.creator)["items"]) == 2
    clock.pass_(timedelta(days=1))
    shop.brand.patch(path, {"status": "left"})
    assert [item["program_id"] for item in ties(shop, shop.creator)["items"]] == [other]
    assert owners(deployment, shop, Tied("product", "1")) == [[shop.creator, shop.program, "2026-05-04", "2026-05-05"]]


def test_ties_go_to_creators_and_programs_of_the_brand(shop: Shop, new_brand: NewBrand) -> None:
    theirs = open_shop(new_brand("Theirs"), "dan")
    tie(theirs, "1")
    got = tie(shop, "1", program=theirs.program)
    assert (got.status, got.code, got.body["param"]) == (404, "not_found", "program_id")
    assert tie(shop, "1", creator=theirs.creator).status == 404
    assert shop.brand.get(f"/v1/creators/{theirs.creator}/product_ties").status == 404
    assert tie(shop, "1").status == 200

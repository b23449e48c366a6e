"""The catalogue over HTTP: what products are tagged with and collected in, where orders do not say."""

from datetime import timedelta
from typing import Any

import pytest

from tests.fixtures import NOON, Clock
from tests.functions.client import Answer, Client
from tests.functions.conftest import NewBrand
from tests.functions.test_api_lists import walked
from vouch.service.deployment import Deployment
from vouch.store import products


def put(brand: Client, *said: Any) -> Answer:
    return brand.send("PUT", "/v1/products", {"products": [*said]})


def test_a_product_is_put_and_read_back(brand: Client) -> None:
    mug = {"product_id": "1", "tags": ["summer", "ceramic", "summer"], "collections": ["mugs"]}
    got = put(brand, mug, {"product_id": "2"})
    kept = {"product_id": "1", "tags": ["ceramic", "summer"], "collections": ["mugs"], "since": None}
    bare: dict[str, Any] = {"product_id": "2", "tags": [], "collections": [], "since": None}
    assert (got.status, got.body) == (200, {"items": [kept, bare]})
    assert brand.get("/v1/products").body == {"items": [kept, bare], "next_cursor": None}
    assert brand.get("/v1/products", product_id="1").body["items"] == [kept]
    assert brand.get("/v1/products", product_id="3").body == {"items": [], "next_cursor": None}


def test_the_first_word_counts_for_ever_and_later_ones_from_now_on(
    brand: Client, deployment: Deployment, clock: Clock
) -> None:
    clock.pass_(timedelta(milliseconds=700))
    put(brand, {"product_id": "1", "tags": ["spring"]})
    clock.pass_(timedelta(days=1))
    put(brand, {"product_id": "1", "tags": ["spring"]})
    clock.pass_(timedelta(days=1))
    assert put(brand, {"product_id": "1", "tags": ["summer"]}).body["items"][0]["since"] == "2026-05-06T12:00:00Z"
    item = products.products(deployment.database, brand.brand_id, ["1"])["1"]

    def tags(days: int, **less: int) -> Any:
        said = products.as_of(item, NOON + timedelta(days=days) - timedelta(**less))
        return said and said[0]

    assert item.version == 2
    assert [tags(-10_000), tags(2, microseconds=1), tags(2), tags(1_000)] == [
        ("spring",), ("spring",), ("summer",), ("summer",)
    ]  # fmt: skip


def test_of_two_words_in_one_second_the_later_counts(brand: Client, deployment: Deployment) -> None:
    for tags in (["a"], ["b"], ["c"]):
        put(brand, {"product_id": "1", "tags": tags})
    item = products.products(deployment.database, brand.brand_id, ["1"])["1"]
    assert [said["tags"] for _, said in item.versions] == [["a"], ["c"]]
    assert products.as_of(item, NOON) == (("c",), ())
    assert products.as_of(item, NOON - timedelta(microseconds=1)) == (("a",), ())


def test_a_hundred_products_at_once_and_all_of_them_listed(brand: Client) -> None:
    said = [{"product_id": f"{number:03}", "tags": [f"t{number}"]} for number in range(100)]
    assert [item["product_id"] for item in put(brand, *said).body["items"]] == [each["product_id"] for each in said]
    assert [item["tags"] for item in walked(brand, "/v1/products", 30)] == [each["tags"] for each in said]
    assert put(brand, *said, {"product_id": "x"}).status == 400
    assert put(brand).status == 400


def test_each_product_is_said_once(brand: Client) -> None:
    got = put(brand, {"product_id": "1"}, {"product_id": "2"}, {"product_id": "1", "tags": ["a"]})
    [broken] = got.body["errors"]
    assert (got.status, got.body["param"], broken["code"]) == (400, "products.2.product_id", "repeated")
    assert broken["detail"] == "Item 3 of `products`, `product_id`: This says `1` twice."


@pytest.mark.parametrize(
    "wrong, code",
    [
        ({"tags": ["x" * 256]}, "too_long"),
        ({"tags": [""]}, "too_short"),
        ({"tags": ["x"] * 251}, "too_long"),
        ({"tags": ["x" * 250] * 20, "collections": ["x" * 250] * 20 + ["x"]}, "too_long"),
        ({"product_id": "漢" * 255 + "x"}, "too_long"),
        ({"tag": ["x"]}, "unknown_field"),
    ],
)
def test_what_cannot_be_kept_is_refused(brand: Client, wrong: dict[str, Any], code: str) -> None:
    got = put(brand, {"product_id": "1"} | wrong)
    assert (got.status, got.body["errors"][0]["code"]) == (400, code)
    assert brand.get("/v1/products", product_id="1").body["items"] == []


def test_products_are_their_brands(brand: Client, new_brand: NewBrand) -> None:
    put(new_brand("Theirs"), {"product_id": "1", "tags": ["theirs"]})
    assert brand.get("/v1/products").body["items"] == []
    assert brand.get("/v1/products", product_id="1").body["items"] == []

"""What names a product is found however an order spells it; what names an order or a line counts to the letter."""

from datetime import timedelta
from typing import Any

import pytest

from tests.fixtures import Clock
from tests.functions.client import Client
from tests.functions.setting_up import Shop, open_shop
from vouch.http import Api

NAME = "Mugé"
OTHERWISE = "Muge\u0301"
SPELLINGS = [NAME, OTHERWISE, f" {OTHERWISE}\t", f"{NAME}\u00a0\n"]


@pytest.fixture
def shop(brand: Client) -> Shop:
    return open_shop(brand)


@pytest.fixture
def orders(shop: Shop, apis: dict[str, Api]) -> Client:
    return Client(apis["attribution"], shop.brand.key)


def order(clock: Clock, *lines: dict[str, Any], **more: Any) -> dict[str, Any]:
    said = [{"id": str(number), "quantity": 1, "unit_price": 10000} | line for number, line in enumerate(lines)]
    at = clock.now - timedelta(minutes=1)
    return {"external_id": "A-1", "occurred_at": at.isoformat(), "currency": "ILS", "lines": said, **more}


def terms(shop: Shop, clock: Clock, *, match: dict[str, Any], **attribution: Any) -> None:
    """From now on half of what matches is the creator's, and nothing of the rest."""
    rule = {"match": match, "reward": {"type": "percent", "bps": 5000}}
    said = {"attribution": attribution, "commission": {"rules": [rule]}}
    shop.brand.made(f"/v1/programs/{shop.program}/terms", said)
    clock.pass_(timedelta(minutes=5))


def earned(made: Any) -> dict[str, int]:
    return {part["creator_id"]: part["net"]["amount"] for part in made["commissions"]}


@pytest.mark.parametrize("condition", ["skus", "product_ids", "tags", "collections"])
def test_a_rule_finds_its_lines(shop: Shop, orders: Client, clock: Clock, condition: str) -> None:
    terms(shop, clock, match={condition: [OTHERWISE]})
    labels = condition in ("tags", "collections")
    lines = [{condition: [said]} if labels else {condition.removesuffix("s"): said} for said in SPELLINGS]
    made = orders.made("/v1/orders", order(clock, *lines, codes=["noa10"]))
    assert earned(made) == {shop.creator: 5000 * len(SPELLINGS)}


@pytest.mark.parametrize("kind", ["sku", "product_id"])
def test_a_tie_finds_its_lines(shop: Shop, orders: Client, clock: Clock, kind: str) -> None:
    tied = {"program_id": shop.program, f"{kind}s": [OTHERWISE]}
    assert shop.brand.send("PUT", f"/v1/creators/{shop.creator}/product_ties", tied).status == 200
    terms(shop, clock, match={}, product_ties=True)
    made = orders.made("/v1/orders", order(clock, *({kind: said} for said in SPELLINGS)))
    assert earned(made) == {shop.creator: 5000 * len(SPELLINGS)}


def test_the_catalogue_finds_its_lines(shop: Shop, orders: Client, clock: Clock) -> None:
    said = {"products": [{"product_id": OTHERWISE, "tags": ["summer"]}]}
    assert shop.brand.send("PUT", "/v1/products", said).status == 200
    terms(shop, clock, match={"tags": ["summer"]})
    lines = ({"product_id": said, "tags": [" "]} for said in SPELLINGS)
    made = orders.made("/v1/orders", order(clock, *lines, codes=["noa10"]))
    assert earned(made) == {shop.creator: 5000 * len(SPELLINGS)}


@pytest.mark.parametrize("spelling", [NAME, OTHERWISE, f" {OTHERWISE}"])
def test_a_product_is_asked_for_however_it_is_spelled(brand: Client, spelling: str) -> None:
    assert brand.send("PUT", "/v1/products", {"products": [{"product_id": OTHERWISE}]}).status == 200
    [found] = brand.get("/v1/products", product_id=spelling).body["items"]
    assert found["product_id"] == NAME


@pytest.mark.parametrize("odd", ["", " ", "a\n", "\N{MUSICAL SYMBOL HALF NOTE}" * 255])
def test_no_product_has_such_an_id(brand: Client, odd: str) -> None:
    refused = brand.get("/v1/products", product_id=odd)
    assert (refused.status, refused.body["param"]) == (400, "product_id")


def test_a_refund_names_its_line_to_the_letter(shop: Shop, orders: Client, clock: Clock) -> None:
    terms(shop, clock, match={})
    lines = ({"id": said} for said in (NAME, OTHERWISE, f"{NAME} "))
    made = orders.made("/v1/orders", order(clock, *lines, codes=["noa10"]))
    assert earned(made) == {shop.creator: 15000}
    path = f"/v1/orders/{made['id']}/refunds"
    for number, line in enumerate([OTHERWISE, f"{NAME} "], start=1):
        refund = {"external_id": f"R-{number}", "lines": [{"id": line, "quantity": 1}]}
        assert earned(orders.made(path, refund)) == {shop.creator: 15000 - number * 5000}
    unknown = orders.post(path, {"external_id": "R-9", "lines": [{"id": f" {NAME}", "quantity": 1}]})
    assert (unknown.status, unknown.code) == (422, "unknown_line")


@pytest.mark.parametrize("control", ["\x00", "\n", "\x1f", "\x7f", "\x85", "\u2028", "\u2029"])
def test_an_id_holds_no_control_character(shop: Shop, orders: Client, clock: Clock, control: str) -> None:
    body, bad = order(clock, {}), f"A{control}1"
    made = orders.made("/v1/orders", body)
    path, line = f"/v1/orders/{made['id']}", body["lines"][0]
    subscription = {"id": bad, "started_at": body["occurred_at"]}
    for where, said, param in (
        ("/v1/orders", body | {"external_id": bad}, "external_id"),
        ("/v1/orders", body | {"lines": [line | {"id": bad}]}, "lines.0.id"),
        ("/v1/orders", body | {"subscription": subscription}, "subscription.id"),
        (f"{path}/refunds", {"external_id": bad, "amount": 1}, "external_id"),
        (f"{path}/refunds", {"external_id": "R-1", "lines": [{"id": bad, "quantity": 1}]}, "lines.0.id"),
        (f"{path}/disputes", {"external_id": bad, "status": "open"}, "external_id"),
    ):
        refused = orders.post(where, said)
        assert (refused.status, refused.code) == (400, "invalid_request")
        assert [(broken["param"], broken["code"]) for broken in refused.body["errors"]] == [
            (param, "control_character")
        ]
    assert orders.get("/v1/orders").body["items"] == [made]

"""Previews of terms: a sample order explained as a real one would be, and nothing left behind."""

from datetime import timedelta
from typing import Any

import pytest

from attribution import previews
from tests.faults.world import engine, later
from tests.functions.client import Client
from tests.functions.conftest import APIS, NewBrand
from tests.functions.setting_up import TERMS, Shop, new_creator, new_program, open_shop
from vouch.service import volumes
from vouch.service.deployment import Deployment

TWENTY: dict[str, Any] = {"commission": {"rules": [{"match": {}, "reward": {"type": "percent", "bps": 2000}}]}}
ORDER: dict[str, Any] = {
    "currency": "ILS",
    "lines": [{"id": "mug", "quantity": 2, "unit_price": 5_000, "sku": "MUG-01"}],
}
TIERS_ALONE = {"tiers": {"period": "month", "measure": "orders", "levels": [{"from": 1, "bps": 1}]}}
LATER = "2026-05-04T12:00:30Z"


@pytest.fixture
def shop(new_brand: NewBrand) -> Shop:
    return open_shop(new_brand())


def asks(shop: Shop) -> Client:
    return Client(APIS["attribution"], shop.brand.key)


def preview(shop: Shop, order: dict[str, Any] = ORDER, **said: Any) -> Any:
    """The explanation of a sample order by the shop's program, unless it is said for what."""
    asked = {"terms": TWENTY, "order": order} | ({} if "currency" in said else {"program_id": shop.program}) | said
    answer = asks(shop).post("/v1/terms/preview", asked)
    assert answer.status == 200, answer.text
    return answer.body


def nets(explained: Any) -> dict[str, int]:
    return {part["creator_id"]: part["net"]["amount"] for part in explained["commissions"]}


def tables(deployment: Deployment) -> list[str]:
    settings = deployment.settings
    names = (
        settings.main_table,
        settings.ledger_table,
        settings.inbox_table,
        settings.clicks_table,
        settings.figures_table,
    )
    scan = engine(deployment).get_paginator("scan")
    pages = (page for name in names for page in scan.paginate(TableName=name, ConsistentRead=True))
    return sorted(repr(sorted(item.items())) for page in pages for item in page["Items"])


def test_a_code_on_the_order_is_whose_it_is(shop: Shop, deployment: Deployment) -> None:
    before = tables(deployment)
    explained = preview(shop, ORDER | {"codes": ["NOA10"], "occurred_at": LATER})
    assert nets(explained) == {shop.creator: 2_000}
    [candidate] = explained["candidates"]
    assert (candidate["kind"], candidate["evidence"], candidate["outcome"]) == ("code", "noa10", "credited")
    assert (explained["terms_version"], explained["lines"][0]["bps"]) == (0, 2_000)
    assert "draft terms" in explained["text"]
    assert tables(deployment) == before, "nothing is stored and nothing pinned"


def test_what_the_order_names_counts_and_not_whom_the_preview_assumes(shop: Shop) -> None:
    dan = new_creator(shop.brand, "dan", program_ids=[shop.program])["id"]
    explained = preview(shop, ORDER | {"codes": ["noa10"], "occurred_at": LATER}, creator_id=dan)
    assert nets(explained) == {shop.creator: 2_000}
    unknown = preview(shop, ORDER | {"codes": ["nobodys"], "occurred_at": LATER}, creator_id=dan)
    assert (nets(unknown), unknown["candidates"][0]["reason"]) == ({}, "unknown_code")


def test_without_evidence_it_is_the_named_creators_as_they_are(shop: Shop) -> None:
    gold = new_creator(shop.brand, "gold", program_ids=[shop.program], tier="gold")["id"]
    rules = [{"match": {"creator_tiers": ["gold"]}, "reward": {"type": "percent", "bps": 5_000}}]
    terms = {"commission": {"rules": [*rules, *TWENTY["commission"]["rules"]]}}
    said = ORDER | {"occurred_at": LATER}
    assert nets(preview(shop, said, terms=terms, creator_id=gold)) == {gold: 5_000}
    assert nets(preview(shop, said, terms=terms, creator_id=shop.creator)) == {shop.creator: 2_000}
    stranger = new_creator(shop.brand, "stranger")["id"]
    refused = preview(shop, said, terms=terms, creator_id=stranger)
    assert (nets(refused), refused["candidates"][0]["reason"]) == ({}, "not_enrolled")
    own = preview(shop, said | {"customer": {"email": "noa@example.com"}}, creator_id=shop.creator)
    assert (nets(own), own["candidates"][0]["reason"]) == ({}, "self_referral")


@pytest.mark.parametrize("policy", ["wins", "joins", "needs_click"])
def test_without_anybody_it_is_somebodys(shop: Shop, policy: str) -> None:
    terms = TWENTY | {"attribution": {"code_policy": policy}}
    explained = preview(shop, terms=terms)
    assert nets(explained) == {"sample": 2_000}
    assert explained["placed_at"] == "2026-05-04T12:00:00Z"
    assert nets(preview(shop, terms=terms, creator_id=shop.creator)) == {shop.creator: 2_000}


def test_an_order_from_before_the_first_terms_is_as_little_anybodys_as_a_real_one(shop: Shop) -> None:
    begun = "2026-05-04T12:00:00Z"
    late = new_program(shop.brand, terms=TERMS | {"effective_from": begun})["id"]
    early = preview(shop, ORDER | {"occurred_at": "2026-05-04T11:59:59Z"}, program_id=late)
    assert (nets(early), early["candidates"][0]["reason"]) == ({}, "no_terms")
    assert nets(preview(shop, ORDER | {"occurred_at": begun}, program_id=late)) == {"sample": 2_000}


def test_an_order_from_before_the_present_terms_is_tried_by_the_draft(shop: Shop) -> None:
    shop.brand.made(f"/v1/programs/{shop.program}/terms", TERMS | {"effective_from": "2026-05-10T00:00:00Z"})
    for moment in ("2026-05-09T12:00:00Z", "2026-05-11T12:00:00Z"):
        explained = preview(shop, ORDER | {"occurred_at": moment})
        assert (nets(explained), explained["terms_version"]) == ({"sample": 2_000}, 0)


def test_a_program_that_is_yet_to_be_has_its_currency(shop: Shop) -> None:
    explained = preview(shop, ORDER | {"codes": ["NOA10"]}, currency="ILS")
    assert nets(explained) == {"sample": 2_000}
    assert [candidate["evidence"] for candidate in explained["candidates"]] == ["sample"]
    assert nets(preview(shop, currency="ILS", creator_id=shop.creator)) == {shop.creator: 2_000}
    flat = {"commission": {"rules": [{"match": {}, "reward": {"type": "flat_item", "amount": 155, "currency": "ILS"}}]}}
    assert nets(preview(shop, terms=flat, currency="ILS")) == {"sample": 310}


def test_what_terms_ask_of_an_order_can_be_said(shop: Shop) -> None:
    new = {"match": {"customer": "new"}, "reward": {"type": "percent", "bps": 3_000}}
    woo = {"match": {"platforms": ["woocommerce"]}, "reward": {"type": "percent", "bps": 4_000}}
    terms = {"commission": {"rules": [new, woo, *TWENTY["commission"]["rules"]]}}
    assert nets(preview(shop, terms=terms, customer="new")) == {"sample": 3_000}
    assert nets(preview(shop, terms=terms, customer="returning")) == {"sample": 2_000}
    assert nets(preview(shop, ORDER | {"customer": {"new": True}}, terms=terms)) == {"sample": 3_000}
    assert nets(preview(shop, terms=terms, customer="returning", platform="woocommerce")) == {"sample": 4_000}


def test_terms_as_they_are_say_what_the_order_then_earns(shop: Shop) -> None:
    said = ORDER | {"external_id": "A-1", "occurred_at": LATER, "codes": ["NOA10"]}
    said |= {"customer": {"email": "buyer@example.com"}, "shipping": 900, "country": "IL"}
    foreseen = preview(shop, said, terms=TERMS)
    order = asks(shop).made("/v1/orders", said)
    explained = asks(shop).get(f"/v1/orders/{order['id']}/explanation").body
    same = ("order_id", "status", "candidates", "customer", "hold_until")
    assert {name: foreseen[name] for name in same} == {name: explained[name] for name in same}
    for one, other in zip(foreseen["commissions"], explained["commissions"], strict=True):
        assert one == other | {"terms_version": 0}
    for one, other in zip(foreseen["lines"], explained["lines"], strict=True):
        assert one == other | {"terms_version": 0}


def test_volumes_of_a_draft_are_measured_and_not_sealed(shop: Shop, deployment: Deployment) -> None:
    asks(shop).made("/v1/orders", ORDER | {"external_id": "A-1", "occurred_at": LATER, "codes": ["NOA10"]})
    tiers = {"period": "month", "measure": "orders", "levels": [{"from": 1, "bps": 9_000}]}
    terms = {"commission": TWENTY["commission"] | {"tiers": tiers}}
    before = tables(deployment)
    june = ORDER | {"occurred_at": "2026-06-10T12:00:00Z", "codes": ["NOA10"]}
    refused = asks(shop).post("/v1/terms/preview", {"program_id": shop.program, "terms": terms, "order": june})
    assert (refused.status, refused.code) == (422, "awaiting_volume")
    assert nets(preview(shop, ORDER | {"occurred_at": LATER, "codes": ["NOA10"]}, terms=terms)) == {shop.creator: 2_000}
    assert tables(deployment) == before


def test_what_only_the_terms_in_force_ask_for_is_not_asked_for(shop: Shop) -> None:
    """The draft does away with the tiers, by which an order that is dated ahead cannot be settled yet."""
    tiers = {"period": "month", "measure": "orders", "levels": [{"from": 1, "bps": 9_000}]}
    with_tiers = {"commission": TWENTY["commission"] | {"tiers": tiers}}
    shop.brand.made(f"/v1/programs/{shop.program}/terms", with_tiers)
    june = ORDER | {"occurred_at": "2026-06-10T12:00:00Z", "codes": ["NOA10"]}
    assert nets(preview(shop, june)) == {shop.creator: 2_000}
    other = new_program(shop.brand)["id"]
    refused = asks(shop).post("/v1/terms/preview", {"program_id": other, "terms": TWENTY, "order": june})
    assert (refused.status, refused.code) == (422, "awaiting_volume"), "whose the code is, by tiers in force"


def test_a_body_that_would_be_published_is_taken(shop: Shop) -> None:
    explained = preview(shop, terms=TWENTY | {"effective_from": "2030-01-01T00:00:00Z"})
    assert explained == preview(shop)
    assert nets(explained) == {"sample": 2_000}


def test_a_volume_that_takes_longer_than_a_request_is_not_waited_for(
    shop: Shop, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        said = ORDER | {"external_id": f"A-{number}", "occurred_at": LATER, "codes": ["NOA10"]}
        asks(shop).made("/v1/orders", said)
    later(deployment, timedelta(days=30))
    tiers = {"period": "month", "measure": "orders", "levels": [{"from": 3, "bps": 9_000}]}
    asked = {
        "program_id": shop.program,
        "terms": {"commission": TWENTY["commission"] | {"tiers": tiers}},
        "order": ORDER | {"occurred_at": "2026-06-03T12:00:00Z", "codes": ["NOA10"]},
    }
    before = tables(deployment)
    monkeypatch.setattr(volumes, "_STEP", 1)
    assert nets(asks(shop).post("/v1/terms/preview", asked).body) == {shop.creator: 9_000}
    monkeypatch.setattr(previews, "_SECONDS", -1)
    refused = asks(shop).post("/v1/terms/preview", asked)
    assert (refused.status, refused.code) == (422, "awaiting_volume")
    assert tables(deployment) == before


def test_it_is_told_in_the_callers_language(shop: Shop) -> None:
    asked = {"program_id": shop.program, "terms": TWENTY, "order": ORDER}
    preferred = asks(shop).send("POST", "/v1/terms/preview", asked, accept_language="he")
    said = asks(shop).send("POST", "/v1/terms/preview", asked, query={"language": "he"}, accept_language="en")
    for answer in (preferred, said):
        assert answer.body["language"] == "he"
        assert "טיוטת תנאים" in answer.body["text"]


@pytest.mark.parametrize(
    "change, status, code, param",
    [
        ({"currency": "ILS"}, 400, "one_of_two", None),
        ({"program_id": None}, 400, "one_of_two", None),
        ({"program_id": "prg_00000000000000000000000000"}, 404, "not_found", None),
        ({"creator_id": "cre_00000000000000000000000000"}, 404, "not_found", "creator_id"),
        ({"terms": {"hold_days": -1}}, 400, "invalid_request", None),
        ({"terms": {"commission": TIERS_ALONE}}, 422, "tiers_need_rule", "terms.commission.tiers"),
        ({"order": {"currency": "ILS"}}, 400, "invalid_request", None),
        ({"order": ORDER | {"lines": ORDER["lines"] * 2}}, 422, "duplicate_line", "order.lines.1.id"),
        (
            {"order": ORDER | {"connection_id": "con_00000000000000000000000000"}},
            404,
            "not_found",
            "order.connection_id",
        ),
        ({"order": ORDER | {"currency": "USD"}, "terms": TWENTY | {"convert_to": "ILS"}}, 422, "rate_missing", None),
    ],
)
def test_what_cannot_be_previewed_is_refused(
    shop: Shop, change: dict[str, Any], status: int, code: str, param: str | None
) -> None:
    refused = asks(shop).post(
        "/v1/terms/preview", {"program_id": shop.program, "terms": TWENTY, "order": ORDER} | change
    )
    assert (refused.status, refused.code) == (status, code), refused.text
    assert param is None or refused.body["param"] == param


def test_another_brands_programs_creators_and_codes_are_nobodys(shop: Shop, new_brand: NewBrand) -> None:
    other = new_brand("Others")
    own = new_program(other)["id"]
    stranger = Client(APIS["attribution"], other.key)
    asked = {"program_id": shop.program, "terms": TWENTY, "order": ORDER}
    assert stranger.post("/v1/terms/preview", asked).status == 404
    assert stranger.post("/v1/terms/preview", asked | {"program_id": own, "creator_id": shop.creator}).status == 404
    theirs = stranger.post(
        "/v1/terms/preview", asked | {"program_id": own, "order": ORDER | {"codes": ["NOA10"], "occurred_at": LATER}}
    )
    assert theirs.body["candidates"][0]["reason"] == "unknown_code"

"""Explanations over HTTP: of an order whole, cut to a creator's part, in both languages, and of any size."""

import json
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator

from referrals import openapi
from tests.domain.explanations import Situation
from tests.domain.sales import click, code, item, named, offer, percent, product_tie, promises, sale, standing
from tests.fixtures import Clock
from tests.functions.client import Client
from tests.functions.conftest import NewBrand
from tests.functions.setting_up import TERMS, Shop, new_creator, open_shop
from vouch.bodies import written
from vouch.domain.attribution import Touch
from vouch.domain.facts import PlatformCommission, Snapshot
from vouch.http import Api
from vouch.messages import LANGUAGES
from vouch.wire import explanations
from vouch.wire.explanations import BYTES_SHOWN_MAX, EXAMPLE, PASSED_OVER_MAX, Explanation
from vouch.words.narration import Names, narrate

ANSWER_BYTES_MAX = 6_000_000
NEWCOMERS = {"match": {"customer": "new"}, "reward": {"type": "percent", "bps": 2000}}
SHARING = {
    "attribution": {"model": "linear"},
    "commission": {"rules": [NEWCOMERS, *TERMS["commission"]["rules"]]},
}


@dataclass(frozen=True)
class Sold:
    """A shop, an order that Noa and Dan share, and where it is explained."""

    shop: Shop
    dan: str
    orders: Client
    path: str
    clock: Clock

    def explained(self, **query: str) -> Any:
        return self.orders.get(self.path, **query).body


@pytest.fixture
def sold(brand: Client, apis: dict[str, Api], clock: Clock) -> Sold:
    shop = open_shop(brand)
    brand.made(f"/v1/programs/{shop.program}/terms", SHARING)
    dan = new_creator(brand, "dan", program_ids=[shop.program])["id"]
    brand.made("/v1/codes", {"program_id": shop.program, "creator_id": dan, "code": "dan10"})
    clock.pass_(timedelta(minutes=5))
    orders = Client(apis["attribution"], brand.key)
    order = {
        "external_id": "1",
        "occurred_at": clock.now.isoformat(),
        "currency": "ILS",
        "lines": [{"id": "1", "sku": "MUG-01", "quantity": 1, "unit_price": 10001}],
        "codes": ["NOA10", "DAN10", "WINTER"],
    }
    made = orders.made("/v1/orders", order)
    return Sold(shop, dan, orders, f"/v1/orders/{made['id']}/explanation", clock)


def test_an_order_is_explained_whole_from_candidates_to_what_each_creator_has(sold: Sold) -> None:
    why = sold.explained()
    noa, dan = sold.shop.creator, sold.dan
    assert [(c["creator_id"], c["evidence"], c["outcome"], c["reason"]) for c in why["candidates"]] == [
        (noa, "noa10", "shared", None),
        (dan, "dan10", "shared", None),
        (None, "winter", "lost", "unknown_code"),
    ]
    first, second = why["lines"]
    assert (first["commission"]["amount"], second["commission"]["amount"]) == (500, 500)
    assert {line["line_commission"]["amount"] for line in why["lines"]} == {1000}
    assert first["passed_over"] == [{"rule": 0, "condition": "customer_unknown"}]
    assert (why["shared"], why["unknown"], why["creator_id"]) == (True, ["customer_unknown"], None)
    assert {(part["creator_id"], part["net"]["amount"]) for part in why["commissions"]} == {(noa, 500), (dan, 500)}
    assert [why[f"{name}_total"] for name in ("candidates", "lines", "commissions")] == [3, 2, 2]


def test_the_text_is_in_the_language_that_is_asked_for_with_names_that_people_know(sold: Sold) -> None:
    english = sold.explained()
    assert english["language"] == "en"
    assert "- Noa, 50 %: the order carries the code NOA10." in english["text"]
    assert "Noa's commission (terms of Friends, version 2)" in english["text"]
    assert "cre_" not in english["text"]
    in_hebrew = replace(sold.orders, headers={"accept-language": "he-IL, en;q=0.5"})
    hebrew = in_hebrew.get(sold.path).body
    assert hebrew["language"] == "he"
    assert hebrew["text"] != english["text"]
    assert hebrew == sold.explained(language="he")
    assert in_hebrew.get(sold.path, language="en").body == english
    refused = sold.orders.get(sold.path, language="fr")
    assert (refused.status, refused.code) == (400, "invalid_request")


def test_a_brand_sees_what_a_creator_sees(sold: Sold) -> None:
    why = sold.explained(creator_id=sold.shop.creator)
    assert why["creator_id"] == sold.shop.creator
    assert [(c["creator_id"], c["share_bps"]) for c in why["candidates"]] == [(sold.shop.creator, 5000)]
    assert [line["creator_id"] for line in why["lines"]] == [sold.shop.creator]
    assert [part["creator_id"] for part in why["commissions"]] == [sold.shop.creator]
    assert "- You, 50 %: the order carries the code NOA10." in why["text"]
    shown = written(why).lower()
    assert sold.dan.lower() not in shown
    assert "dan" not in shown
    assert "winter" not in shown


def test_what_the_platform_pays_itself_is_told_beside_what_is_earned_here() -> None:
    order = sale(item("mug", "100.00"), platform_commissions=(PlatformCommission("tiktok:noa", 7_50),))
    told, _ = answered(Situation("", order, [named("noa"), code("dan")], None))
    shown = {each["kind"]: each["platform_commission"] for each in json.loads(written(told.model_dump()))["candidates"]}
    assert shown == {"platform": {"amount": 750, "currency": "ILS"}, "code": None}


def test_whom_an_order_does_not_concern_is_as_good_as_absent(sold: Sold, new_brand: NewBrand) -> None:
    lea = new_creator(sold.shop.brand, "lea", program_ids=[sold.shop.program])["id"]
    stranger = new_creator(new_brand("Pots"), "noa")["id"]
    absent = sold.orders.get("/v1/orders/ord_0000/explanation")
    for creator_id in (lea, stranger, "cre_0000", "nonsense"):
        answer = sold.orders.get(sold.path, creator_id=creator_id)
        assert (answer.status, answer.told) == (404, absent.told)


def test_who_is_credited_no_longer_finds_what_their_list_shows(sold: Sold) -> None:
    """Lea had it by the brand's word, for a minute: her account says so, and so does the explanation."""
    lea = new_creator(sold.shop.brand, "lea", program_ids=[sold.shop.program])["id"]
    path = sold.path.removesuffix("/explanation")
    sold.clock.pass_(timedelta(minutes=5))
    for creator in (lea, sold.dan):
        assert sold.orders.get(sold.path, creator_id=lea).status == (404 if creator == lea else 200)
        said = {"kind": "reassign", "reason": "their video", "creator_id": creator, "program_id": sold.shop.program}
        assert sold.orders.post(f"{path}/decisions", said).status == 201
        sold.clock.pass_(timedelta(minutes=1))
    [listed] = sold.orders.get("/v1/commissions", creator_id=lea).body["items"]
    assert (listed["status"], listed["earned"]["amount"], listed["net"]["amount"]) == ("reversed", 1000, 0)
    why = sold.explained(creator_id=lea)
    [part] = why["former"]
    assert (why["commissions"], part["net"], part["terms_version"]) == ([], listed["net"], 2)
    assert [(step["kind"], step["amount"]["amount"], step["causes"]) for step in part["steps"]] == [
        ("former", 1000, []),
        ("taken_back", -1000, ["reassigned"]),
    ]
    assert "- It is no longer credited to you." in why["text"]
    assert "Your commission (terms of Friends, version 2)" in why["text"]
    shown = written(why).lower()
    assert sold.dan.lower() not in shown
    assert "their video" not in shown
    whole = sold.explained()
    assert [each["creator_id"] for each in whole["commissions"]] == [sold.dan]
    assert {each["creator_id"] for each in whole["former"]} == {lea, sold.shop.creator}


# --- the answer itself ------------------------------------------------------------------------------------------------


def test_the_example_is_an_explanation_as_the_description_has_it() -> None:
    document = json.loads(openapi.document())
    [example] = document["components"]["schemas"]["Explanation"]["examples"]
    schema = {"$ref": "#/components/schemas/Explanation", "components": document["components"]}
    OAS31Validator(schema).validate(example)
    assert example == EXAMPLE


def test_the_example_is_what_would_be_told_of_such_an_order() -> None:
    [line], [candidate] = EXAMPLE["lines"], EXAMPLE["candidates"]
    noa, program = line["creator_id"], line["program_id"]
    situation = Situation(
        "",
        sale(item("mug", "100.00", sku="MUG-01")),
        [code(noa, evidence=candidate["evidence"], program=program)],
        None,
        later=[standing(first=False)],
        terms=promises(**{program: offer(percent(20, customer="new"), percent(10))}),
    )
    told = situation.explained()
    text = narrate(told, "en", Names(creators={noa: "Noa"}, programs={program: "Friends"}))
    assert Explanation.told(EXAMPLE["order_id"], told, "en", text).model_dump() == EXAMPLE


def answered(situation: Situation) -> tuple[Explanation, int]:
    """The answer, and how many bytes Lambda has to carry."""
    told = situation.explained()
    answers = [Explanation.told("ord_1", told, each, narrate(told, each, Names())) for each in LANGUAGES]
    return answers[0], max(len(json.dumps({"body": written(answer.model_dump())})) for answer in answers)


def large(order_lines: int, line_id: str, touches: list[Touch], *rules: Any) -> Situation:
    lines = [item(f"{line_id}{number}", "10.00", sku=f"SKU-{number}") for number in range(order_lines)]
    return Situation(
        "", bought(*lines), touches, None, terms=promises(offer(*rules, model="linear", product_ties=True))
    )


def bought(*lines: Any) -> Snapshot:
    return sale(*lines, customers=())


def test_all_of_5000_lines_are_explained() -> None:
    rules = [percent(20, customer="new"), percent(20, skus=["SKU-1"]), percent(10)]
    answer, size = answered(large(5_000, "gid://shopify/LineItem/1234567890", [click("noa")], *rules))
    assert (len(answer.lines), answer.lines_total) == (5_000, 5_000)
    assert size < ANSWER_BYTES_MAX
    assert answer.text.count("\n") < 30


def test_what_an_answer_cannot_hold_is_counted() -> None:
    rules = [percent(20, skus=[f"other {number}"]) for number in range(99)] + [percent(10)]
    shared = [click("noa"), click("dan", days=1)]
    answer, size = answered(large(4_000, "ש" * 245, shared, *rules))
    assert BYTES_SHOWN_MAX * 9 // 10 < size < ANSWER_BYTES_MAX
    assert 1_000 < len(answer.lines) < 4_000
    assert answer.lines_total == 8_000
    assert {len(line.passed_over) for line in answer.lines} == {PASSED_OVER_MAX}
    assert {part.lines for part in answer.commissions} == {4_000}


def test_of_more_creators_than_an_answer_holds_the_first_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explanations, "LISTED_MAX", 20)
    ties = [product_tie(f"c{number:02}", f"sku:SKU-{number}") for number in range(30)]
    answer, _ = answered(large(30, "", ties, percent(10)))
    assert (len(answer.candidates), answer.candidates_total) == (20, 30)
    assert (len(answer.commissions), answer.commissions_total) == (20, 30)
    assert (len(answer.lines), answer.lines_total) == (30, 30)

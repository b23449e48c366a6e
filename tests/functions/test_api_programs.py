"""Programs and terms over HTTP."""

from datetime import timedelta
from typing import Any

import pytest

from tests.fixtures import Clock
from tests.functions.client import Client
from tests.functions.setting_up import new_program
from tests.terms import EVERYTHING
from vouch.domain import terms as domain
from vouch.service.deployment import Deployment
from vouch.store.programs import terms_of_item, versions


def test_a_program_has_its_terms_from_the_beginning_of_time(brand: Client) -> None:
    made = new_program(brand, terms=EVERYTHING)
    assert made["terms"] == EVERYTHING
    assert made | {"id": "", "terms": {}} == {
        "id": "",
        "name": "Friends",
        "currency": "ILS",
        "status": "active",
        "parameter": "ref",
        "terms_version": 1,
        "created_at": "2026-05-04T12:00:00Z",
        "version": 1,
        "terms": {},
    }
    assert brand.get(f"/v1/programs/{made['id']}").body == made
    (listed,) = brand.get("/v1/programs").body["items"]
    assert listed == {name: value for name, value in made.items() if name != "terms"}
    (version,) = brand.get(f"/v1/programs/{made['id']}/terms").body["items"]
    assert (version["number"], version["effective_from"], version["terms"]) == (1, None, EVERYTHING)


def test_what_the_terms_do_not_say_is_said_for_them(brand: Client) -> None:
    made = brand.made("/v1/programs", {"name": "Plain", "currency": "KWD"})
    assert made["terms"] == {
        "hold_days": 14,
        "attribution": {
            "model": "last",
            "window_days": 30,
            "code_policy": "wins",
            "half_life_days": 7,
            "product_ties": False,
        },
        "commission": {"base": {"tax": False, "shipping": False, "gift_cards": False}, "rules": [], "bonuses": []},
        "payout": {"rail": "csv"},
        "journey": False,
        "time_zone": "UTC",
    }
    assert domain.from_plain(made["terms"], "KWD") == domain.Terms()


def test_what_was_shown_can_be_said_again(brand: Client) -> None:
    said: list[Any] = [EVERYTHING, {}, {"attribution": {"customer_tie": {}}}]
    for terms in said:
        program = new_program(brand, terms=terms)
        again = brand.made(f"/v1/programs/{program['id']}/terms", program["terms"])
        assert again["terms"] == program["terms"]


def test_the_settlement_knows_from_when_on_each_version_counts(brand: Client, deployment: Deployment) -> None:
    program = new_program(brand)["id"]
    for begin in ("2099-01-01T00:00:00Z", "2098-01-01T02:00:00+02:00"):
        brand.made(f"/v1/programs/{program}/terms", {"effective_from": begin})
    items = versions(deployment.database, brand.brand_id, program, range(1, 4))
    assert [f"{terms_of_item(item).effective_from:%Y-%m-%d %H}" for item in items] == [
        "1970-01-01 00",
        "2099-01-01 00",
        "2098-01-01 00",
    ]


def test_a_first_version_may_begin_on_a_day(brand: Client, clock: Clock) -> None:
    made = new_program(brand, terms={"effective_from": "2026-05-05T00:00:00Z"})
    assert (made["terms_version"], made["terms"]) == (None, None)
    clock.pass_(timedelta(hours=12))
    assert brand.get(f"/v1/programs/{made['id']}").body["terms_version"] == 1


def test_a_new_version_counts_from_now_or_later_and_changes_no_other(brand: Client, clock: Clock) -> None:
    program = new_program(brand)["id"]
    clock.pass_(timedelta(hours=1))
    second = brand.made(f"/v1/programs/{program}/terms", {"hold_days": 30})
    assert (second["number"], second["effective_from"]) == (2, "2026-05-04T13:00:00Z")
    third = brand.made(f"/v1/programs/{program}/terms", EVERYTHING | {"effective_from": "2026-06-01T00:00:00+03:00"})
    assert (third["number"], third["effective_from"]) == (3, "2026-05-31T21:00:00Z")
    listed = brand.get(f"/v1/programs/{program}/terms").body
    assert [version["number"] for version in listed["items"]] == [3, 2, 1]
    assert listed["items"][0] == third
    assert brand.get(f"/v1/programs/{program}").body["terms_version"] == 2


def test_terms_do_not_come_into_force_in_the_past(brand: Client, clock: Clock) -> None:
    """Now is the second in which it is: a caller who says now in whole seconds says nothing past."""
    clock.pass_(timedelta(milliseconds=300))
    path = f"/v1/programs/{new_program(brand)['id']}/terms"
    early = brand.post(path, {"effective_from": "2026-05-04T11:59:59.999999Z"})
    assert (early.status, early.code, early.body["param"]) == (422, "effective_in_past", "effective_from")
    for moment in ("2026-05-04T12:00:00Z", None):
        assert brand.made(path, {"effective_from": moment})["effective_from"] == "2026-05-04T12:00:00Z"


def test_a_version_that_is_scheduled_blocks_none_before_it(brand: Client, clock: Clock) -> None:
    program = new_program(brand)["id"]
    path, days = f"/v1/programs/{program}/terms", ("2099-01-01T00:00:00Z", "2026-05-05T12:00:00Z", None)
    assert [brand.made(path, {"effective_from": day})["number"] for day in days] == [2, 3, 4]
    assert brand.get(f"/v1/programs/{program}").body["terms_version"] == 4
    clock.pass_(timedelta(days=1))
    assert brand.get(f"/v1/programs/{program}").body["terms_version"] == 3
    assert brand.made(path, {"hold_days": 30})["number"] == 5
    assert brand.get(f"/v1/programs/{program}").body["terms_version"] == 5


@pytest.mark.parametrize(
    "terms, param, code",
    [
        ({"hold_days": -1}, "hold_days", "too_small"),
        ({"hold_days": 366}, "hold_days", "too_great"),
        ({"attribution": {"window_days": 0}}, "attribution.window_days", "too_small"),
        ({"attribution": {"window_days": 3651}}, "attribution.window_days", "too_great"),
        ({"attribution": {"model": "best"}}, "attribution.model", "not_one_of"),
        ({"timezone": "Asia/Jerusalem"}, "timezone", "unknown_field"),
        ({"commission": {"rules": [{"reward": {"type": "none"}}] * 101}}, "commission.rules", "too_long"),
        ({"commission": {"rules": [{"match": {}}]}}, "commission.rules.0.reward", "missing"),
        (
            {"commission": {"rules": [{"reward": {"type": "percent", "bps": 10001}}]}},
            "commission.rules.0.reward.bps",
            "too_great",
        ),
        ({"commission": {"rules": [{"reward": {"type": "percent"}}]}}, "commission.rules.0.reward.bps", "needs_field"),
        (
            {"commission": {"rules": [{"reward": {"type": "flat_item", "amount": 5}}]}},
            "commission.rules.0.reward.currency",
            "needs_field",
        ),
        (
            {"commission": {"rules": [{"reward": {"type": "none", "bps": 5}}]}},
            "commission.rules.0.reward.bps",
            "needless_field",
        ),
        (
            {"commission": {"rules": [{"match": {"color": ["red"]}, "reward": {"type": "none"}}]}},
            "commission.rules.0.match.color",
            "unknown_field",
        ),
        ({"payout": {"rail": "pigeon"}}, "payout.rail", "not_one_of"),
        ({"payout": {"minimum": {"amount": -1, "currency": "ILS"}}}, "payout.minimum.amount", "too_small"),
    ],
)
def test_the_shape_of_terms_is_checked(brand: Client, terms: Any, param: str, code: str) -> None:
    got = brand.post("/v1/programs", {"name": "Friends", "currency": "ILS", "terms": terms})
    assert got.status == 400
    assert [(broken["param"], broken["code"]) for broken in got.body["errors"]] == [(f"terms.{param}", code)]
    assert brand.get("/v1/programs").body["items"] == []


def test_terms_name_a_rail_that_carries_the_programs_currency(brand: Client) -> None:
    euros = new_program(brand, currency="EUR", terms={"payout": {"rail": "sepa"}})
    assert euros["terms"]["payout"] == {"rail": "sepa"}
    unfit = {"name": "Friends", "currency": "ILS", "terms": {"payout": {"rail": "sepa"}}}
    got = brand.post("/v1/programs", unfit)
    assert (got.status, got.code, got.body["param"]) == (422, "rail_unfit_for_currency", "terms.payout.rail")
    version = brand.post(f"/v1/programs/{euros['id']}/terms", {"payout": {"rail": "masav"}})
    assert (version.status, version.code, version.body["param"]) == (422, "rail_unfit_for_currency", "payout.rail")


@pytest.mark.parametrize("edge", [{"hold_days": 0}, {"hold_days": 365}, {"attribution": {"window_days": 3650}}])
def test_the_last_valid_terms_are_valid(brand: Client, edge: Any) -> None:
    assert brand.post("/v1/programs", {"name": "Friends", "currency": "ILS", "terms": edge}).status == 201


def test_money_in_terms_is_in_the_programs_currency(brand: Client) -> None:
    cap = {"commission": {"cap_per_order": {"amount": 1, "currency": "USD"}}}
    made = brand.post("/v1/programs", {"name": "Friends", "currency": "ILS", "terms": cap})
    assert (made.status, made.code, made.body["param"]) == (422, "currency_mismatch", "terms.commission.cap_per_order")
    published = brand.post(f"/v1/programs/{new_program(brand)['id']}/terms", cap)
    assert (published.status, published.body["param"]) == (422, "commission.cap_per_order")
    words = "`commission.cap_per_order`: The program pays in ILS; this says USD."
    assert (published.body["detail"], published.body["errors"]) == (words, [])


@pytest.mark.parametrize(
    "rule, english, hebrew",
    [
        (
            {"match": {"sku": ["A"]}, "reward": {"type": "none"}},
            "Rule 2 of `rules`, `match.sku`: There is no such field here. Did you mean `skus`?",
            "כלל 2 ב-`rules`, `match.sku`: אין כאן שדה כזה. האם התכוונתם ל-`skus`?",
        ),
        (
            {"reward": {"type": "percent", "bps": "20 %"}},
            "Rule 2 of `rules`, `reward.bps`: This should be a whole number.",
            "כלל 2 ב-`rules`, `reward.bps`: כאן צריך להיות מספר שלם.",
        ),
        (
            {"match": {"creator_ids": ["cre_01ARZ3NDEKTSV4RRFFQ69G5FAV", "noa"]}, "reward": {"type": "none"}},
            "Rule 2 of `rules`, item 2 of `creator_ids`: This is not a creator's id; those begin with `cre_`.",
            "כלל 2 ב-`rules`, פריט 2 ב-`creator_ids`: זה אינו מזהה של יוצר; מזהה כזה מתחיל ב-`cre_`.",
        ),
    ],
)
def test_a_broken_rule_is_named_as_people_count(brand: Client, rule: Any, english: str, hebrew: str) -> None:
    terms = {"commission": {"rules": [{"match": {"skus": ["B"]}, "reward": {"type": "none"}}, rule]}}
    body = {"name": "Friends", "currency": "ILS", "terms": terms}
    for language, words in (("en", english), ("he", hebrew)):
        (broken,) = brand.post("/v1/programs", body, accept_language=language).body["errors"]
        assert broken["detail"] == words
        assert broken["param"].startswith("terms.commission.rules.1.")


def test_a_rule_that_nobody_comes_to_is_named_with_the_one_in_its_way(brand: Client) -> None:
    ten, twenty = ({"reward": {"type": "percent", "bps": bps}} for bps in (1000, 2000))
    terms = {"commission": {"rules": [ten, twenty | {"match": {"customer": "new"}}]}}
    refused = brand.post("/v1/programs", {"name": "Friends", "currency": "ILS", "terms": terms})
    assert (refused.status, refused.code) == (422, "rule_never_reached")
    assert refused.body["param"] == "terms.commission.rules.1"
    assert refused.body["detail"] == (
        "Rule 2 of `rules`: Whatever this rule matches, rule 1 matches first. Move it above rule 1, or take it out."
    )


def test_terms_that_fill_a_page_a_hundredfold_are_refused_and_the_greatest_are_kept(brand: Client) -> None:
    def body(values: int) -> Any:
        tags = [f"{number:04}{'קיץ' * 10}" for number in range(values)]
        rule = {"match": {"tags": tags}, "reward": {"type": "none"}}
        return {"name": "Friends", "currency": "ILS", "terms": {"commission": {"rules": [rule]}}}

    assert brand.post("/v1/programs", body(590)).status == 201
    refused = brand.post("/v1/programs", body(640))
    assert (refused.status, refused.code, refused.body["param"]) == (422, "terms_too_large", "terms.commission.rules")


def test_a_program_is_renamed_paused_and_resumed_but_keeps_its_currency(brand: Client, clock: Clock) -> None:
    program = new_program(brand)
    path = f"/v1/programs/{program['id']}"
    assert brand.patch(path, {"currency": "USD"}).code == "unknown_field"
    changed = brand.patch(path, {"name": "Family", "status": "paused", "parameter": "via"})
    expected = program | {"name": "Family", "status": "paused", "parameter": "via", "version": 2}
    assert (changed.status, changed.body) == (200, expected)
    assert brand.patch(path, {"status": "active"}).body["status"] == "active"


def test_a_change_under_an_old_etag_is_refused(brand: Client) -> None:
    path = f"/v1/programs/{new_program(brand)['id']}"
    seen = brand.get(path).headers["etag"]
    assert brand.patch(path, {"name": "Family"}, if_match=seen).headers["etag"] == '"2"'
    for stale in (seen, '"99"', "2", 'W/"2"', "nonsense"):
        got = brand.patch(path, {"name": "Foes"}, if_match=stale)
        assert (got.status, got.code) == (412, "stale_version")
    assert brand.patch(path, {"name": "Fans"}, if_match="*").status == 200
    assert brand.patch(path, {"name": "Fans"}).status == 200

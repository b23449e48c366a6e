"""The terms language, from what a caller writes to what the settlement trusts; and the page that teaches it."""

import json
import re
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any, NoReturn, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from referrals import openapi
from tests.functions.client import Client
from tests.terms import EVERYTHING, NOA
from vouch.domain import ids
from vouch.domain.errors import Unprocessable
from vouch.domain.money import AMOUNT_MAX, Money
from vouch.domain.terms import (
    Attribution,
    Base,
    Bonus,
    Commission,
    CustomerTie,
    Level,
    Match,
    Payout,
    PeriodCap,
    Recruiter,
    Recurring,
    Reward,
    Rule,
    Terms,
    Tiers,
    from_plain,
)
from vouch.http import PUBLIC, Api, Routes
from vouch.platforms.registry import PLATFORMS
from vouch.rails.registry import RAILS
from vouch.wire import programs as wire

PAGE = (Path(__file__).parents[1] / "docs/terms.md").read_text()

# --- the door, without a brand behind it ------------------------------------------------------------------------------

routes = Routes()


@routes.post("/v1/said", security=PUBLIC)
def say_again(body: wire.NewProgram) -> wire.Terms:
    return wire.Terms.model_validate(body.terms.plain())


def _nobody() -> NoReturn:
    raise ConnectionError("no deployment is needed here")


DOOR = Client(Api(routes, connect=_nobody), None)


def told(terms: Any, language: str = "en") -> Any:
    """What the door answers to these terms of a program in ILS."""
    return DOOR.post("/v1/said", {"name": "Friends", "currency": "ILS", "terms": terms}, accept_language=language).body


# --- what is said is what counts --------------------------------------------------------------------------------------

MONEY = st.builds(Money, st.integers(0, AMOUNT_MAX), st.just("ILS"))
BPS = st.integers(0, 10_000)
DAYS = st.integers(1, 3650)
MONTHS = st.none() | st.integers(1, 1200)
PERIODS = st.sampled_from(["month", "quarter", "year", "lifetime"])
SEASONS = st.sampled_from(["month", "quarter", "year"])
WORDS = st.text("abz019-_/.אבג ", min_size=1, max_size=6).map(str.strip).filter(bool)


def some(values: st.SearchStrategy[str]) -> st.SearchStrategy[frozenset[str]]:
    return st.frozensets(values, max_size=3)


MATCHES = st.builds(
    Match,
    skus=some(WORDS),
    product_ids=some(WORDS),
    collections=some(WORDS),
    tags=some(WORDS),
    creator_ids=some(st.sampled_from([ids.derived("cre_", name) for name in "abc"])),
    creator_tiers=some(st.sampled_from(["gold", "silver", "זהב"])),
    countries=some(st.sampled_from(["IL", "US", "GB"])),
    platforms=some(st.sampled_from(sorted(PLATFORMS))),
    customer=st.sampled_from([None, "new", "returning"]),
    order_min=st.none() | MONEY,
    order_max=st.none() | MONEY,
)
REWARDS = st.one_of(
    st.builds(Reward, st.just("percent"), bps=BPS),
    st.builds(Reward, st.sampled_from(["flat_item", "flat_order"]), flat=MONEY),
    st.just(Reward("none")),
)
TERMS = st.builds(
    Terms,
    hold_days=st.integers(0, 365),
    attribution=st.builds(
        Attribution,
        model=st.sampled_from(["last", "first", "linear", "position", "time_decay"]),
        window_days=DAYS,
        code_policy=st.sampled_from(["wins", "joins", "needs_click"]),
        half_life_days=DAYS,
        customer_tie=st.none() | st.builds(CustomerTie, MONTHS, first=st.booleans()),
        product_ties=st.booleans(),
    ),
    commission=st.builds(
        Commission,
        base=st.builds(Base, tax=st.booleans(), shipping=st.booleans(), gift_cards=st.booleans()),
        rules=st.lists(st.builds(Rule, MATCHES, REWARDS), max_size=3).map(tuple),
        cap_per_order=st.none() | MONEY,
        cap_per_period=st.none() | st.builds(PeriodCap, MONEY, PERIODS),
        recurring=st.none()
        | st.builds(Recurring, st.none() | st.integers(1, 120), MONTHS).filter(lambda limit: limit != Recurring()),
        tiers=st.none()
        | st.builds(
            Tiers,
            SEASONS,
            st.sampled_from(["orders", "commission", "revenue"]),
            st.lists(st.builds(Level, st.integers(0, AMOUNT_MAX), BPS), min_size=1, max_size=4).map(tuple),
        ),
        bonuses=st.lists(
            st.builds(
                Bonus,
                st.from_regex(r"[a-z0-9][a-z0-9_-]{0,63}", fullmatch=True),
                st.sampled_from(["orders", "commission"]),
                st.integers(1, AMOUNT_MAX),
                PERIODS,
                MONEY,
            ),
            max_size=3,
        ).map(tuple),
        recruiter=st.none() | st.builds(Recruiter, BPS, MONTHS),
    ),
    payout=st.builds(Payout, st.none() | MONEY, st.sampled_from(sorted(RAILS))),
    journey=st.booleans(),
    convert_to=st.sampled_from([None, "ILS"]),
    time_zone=st.sampled_from(["UTC", "Asia/Jerusalem", "America/New_York"]),
)


def money(amount: Money | None) -> Any:
    return None if amount is None else {"amount": amount.amount, "currency": amount.currency}


def without_nothing(said: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in said.items() if value is not None}


def rule(said: Rule) -> dict[str, Any]:
    match, reward = said.match, said.reward
    conditions: dict[str, Any] = {name: sorted(getattr(match, name)) or None for name in CONDITIONS}
    conditions |= {"customer": match.customer, "order_min": money(match.order_min), "order_max": money(match.order_max)}
    bps = {"bps": reward.bps} if reward.type == "percent" else {}
    return {
        "match": without_nothing(conditions),
        "reward": {"type": reward.type} | bps | (money(reward.flat) or {}),
    }


CONDITIONS = (
    "skus",
    "product_ids",
    "collections",
    "tags",
    "creator_ids",
    "creator_tiers",
    "countries",
    "platforms",
)


def said(terms: Terms) -> dict[str, Any]:
    """As somebody would write it who leaves out what is nothing, by hand and not by our own code."""
    policy, pay = terms.attribution, terms.commission
    cap, tiers = pay.cap_per_period, pay.tiers
    return without_nothing(
        {
            "hold_days": terms.hold_days,
            "attribution": without_nothing(
                {
                    "model": policy.model,
                    "window_days": policy.window_days,
                    "code_policy": policy.code_policy,
                    "half_life_days": policy.half_life_days,
                    "customer_tie": policy.customer_tie
                    and without_nothing({"months": policy.customer_tie.months, "first": policy.customer_tie.first}),
                    "product_ties": policy.product_ties,
                }
            ),
            "commission": without_nothing(
                {
                    "base": {name: getattr(pay.base, name) for name in ("tax", "shipping", "gift_cards")},
                    "rules": [rule(each) for each in pay.rules],
                    "cap_per_order": money(pay.cap_per_order),
                    "cap_per_period": cap and money(cap.most) | {"period": cap.period},
                    "recurring": pay.recurring
                    and without_nothing({"payments": pay.recurring.payments, "months": pay.recurring.months}),
                    "tiers": tiers
                    and {
                        "period": tiers.period,
                        "measure": tiers.measure,
                        "levels": [{"from": level.begins, "bps": level.bps} for level in tiers.levels],
                    },
                    "bonuses": [
                        {
                            "id": bonus.id,
                            "measure": bonus.measure,
                            "threshold": bonus.threshold,
                            "period": bonus.period,
                            "reward": money(bonus.reward),
                        }
                        for bonus in pay.bonuses
                    ],
                    "recruiter": pay.recruiter
                    and without_nothing({"bps": pay.recruiter.bps, "months": pay.recruiter.months}),
                }
            ),
            "payout": without_nothing({"minimum": money(terms.payout.minimum), "rail": terms.payout.rail}),
            "journey": terms.journey,
            "convert_to": terms.convert_to,
            "time_zone": terms.time_zone,
        }
    )


@settings(max_examples=300, deadline=None)
@given(TERMS)
def test_what_is_said_is_what_counts_and_what_is_shown_can_be_said_again(terms: Terms) -> None:
    stored = wire.Terms.model_validate(said(terms)).plain()
    assert stored == said(terms)
    assert from_plain(json.loads(json.dumps(stored))) == terms
    assert wire.Terms.model_validate(stored).plain() == stored


@settings(max_examples=50, deadline=None)
@given(TERMS)
def test_the_door_shows_what_was_said(terms: Terms) -> None:
    assert told(said(terms)) == said(terms)


def test_terms_name_every_platform_that_orders_come_from() -> None:
    assert set(PLATFORMS) <= set(get_args(wire.Platform))


def test_terms_name_every_rail() -> None:
    assert set(RAILS) == set(get_args(wire.Rail))


# --- what is wrong is named -------------------------------------------------------------------------------------------

Steps = tuple[str | int, ...]


def parts(value: Any, *steps: str | int) -> Iterator[tuple[Steps, Any]]:
    """Everything that is said, with the way to it."""
    yield steps, value
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, each in inside:
        yield from parts(each, *steps, step)


def changed(steps: Steps, value: Any) -> Any:
    """Everything, with one thing in it another."""
    terms = deepcopy(EVERYTHING)
    *way, last = steps
    within = terms
    for step in way:
        within = within[step]  # type: ignore[index]
    within[last] = value  # type: ignore[index]
    return terms


def path(*steps: str | int) -> str:
    return ".".join(str(step) for step in ("terms", *steps))


SAID = [(steps, value) for steps, value in parts(EVERYTHING) if steps]
OBJECTS = [(steps, value) for steps, value in parts(EVERYTHING) if isinstance(value, dict)]
LISTS = [(steps, value) for steps, value in SAID if isinstance(value, list)]


def test_everything_is_said_in_the_terms_that_are_broken() -> None:
    def names(model: type[BaseModel]) -> set[str]:
        properties = [model.model_json_schema(), *model.model_json_schema().get("$defs", {}).values()]
        return {name for each in properties for name in each.get("properties", {})}

    assert {str(steps[-1]) for steps, _ in SAID if isinstance(steps[-1], str)} == names(wire.Terms)
    assert told(EVERYTHING) == EVERYTHING
    from_plain(EVERYTHING, "ILS")


@pytest.mark.parametrize("steps, value", SAID, ids=[path(*steps) for steps, _ in SAID])
def test_what_is_of_another_type_is_named(steps: Steps, value: Any) -> None:
    """A number for a text, a text for a number, an object for a list, and so on."""
    for wrong in ({"not": "it"}, ["not", "it"], "not it", 1.5, True, 10**40):
        if type(wrong) is type(value):
            continue
        refused = told(changed(steps, wrong))
        assert [broken["param"] for broken in refused["errors"]] == [path(*steps)], wrong
        assert refused["param"] == path(*steps)


@pytest.mark.parametrize("steps, value", OBJECTS, ids=[path(*steps) for steps, _ in OBJECTS])
def test_a_field_that_does_not_exist_is_named_with_the_one_that_does(steps: Steps, value: dict[str, Any]) -> None:
    for name, known in value.items():
        misspelt = {**value, f"{name}z": known}
        terms = changed(steps, misspelt) if steps else misspelt
        (broken,) = told(terms)["errors"]
        assert (broken["param"], broken["code"]) == (path(*steps, f"{name}z"), "unknown_field")
        assert f"{name}z`: There is no such field here. Did you mean `{name}`?" in broken["detail"]
        (hebrew,) = told(terms, "he")["errors"]
        assert f"{name}z`: " in hebrew["detail"]
        assert f"`{name}`?" in hebrew["detail"]


NEEDED = [
    (*("commission", "rules", 1), "reward"),
    (*("commission", "rules", 1), "reward", "type"),
    (*("commission", "cap_per_order"), "amount"),
    (*("commission", "cap_per_period"), "period"),
    (*("commission", "tiers"), "period"),
    (*("commission", "tiers"), "measure"),
    (*("commission", "tiers"), "levels"),
    (*("commission", "tiers", "levels", 1), "from"),
    (*("commission", "tiers", "levels", 1), "bps"),
    (*("commission", "bonuses", 0), "id"),
    (*("commission", "bonuses", 0), "measure"),
    (*("commission", "bonuses", 0), "threshold"),
    (*("commission", "bonuses", 0), "period"),
    (*("commission", "bonuses", 0), "reward"),
    (*("commission", "recruiter"), "bps"),
    (*("payout", "minimum"), "currency"),
]


@pytest.mark.parametrize("steps", NEEDED, ids=[path(*steps) for steps in NEEDED])
def test_what_is_missing_is_named(steps: Steps) -> None:
    *way, name = steps
    value = next(value for found, value in OBJECTS if found == tuple(way))
    terms = changed(tuple(way), {each: said for each, said in value.items() if each != name})
    assert [(broken["param"], broken["code"]) for broken in told(terms)["errors"]] == [(path(*steps), "missing")]


@pytest.mark.parametrize("steps, values", LISTS, ids=[path(*steps) for steps, _ in LISTS])
def test_an_empty_list_of_conditions_is_refused_as_asking_for_nothing(steps: Steps, values: list[Any]) -> None:
    code = "empty_condition" if "match" in steps else {"levels": "too_short"}.get(str(steps[-1]))
    broken = [(each["param"], each["code"]) for each in told(changed(steps, [])).get("errors", [])]
    assert broken == ([(path(*steps), code)] if code else [])


RANGES: list[tuple[Steps, list[Any], list[Any]]] = [
    (("hold_days",), [0, 365], [-1, 366]),
    (("attribution", "window_days"), [1, 3650], [0, 3651]),
    (("attribution", "half_life_days"), [1, 3650], [0, 3651]),
    (("attribution", "customer_tie", "months"), [1, 1200, None], [0, 1201]),
    (("commission", "rules", 2, "reward", "bps"), [0, 10_000], [-1, 10_001]),
    (("commission", "rules", 1, "reward", "amount"), [0, AMOUNT_MAX], [-1, AMOUNT_MAX + 1]),
    (("commission", "rules", 1, "match", "skus"), [["x"], ["x" * 1000] * 2, ["x"] * 1000], [["x"] * 1001]),
    (("commission", "rules", 1, "match", "skus", 1), ["x" * 1000], ["", "  ", "x" * 1001, "a\nb"]),
    (("commission", "rules", 1, "match", "creator_ids", 0), [NOA], ["noa", "", f"{NOA}0", NOA.replace("cre_", "prg_")]),
    (
        ("commission", "rules", 1, "match", "countries", 0),
        ["il", "GB", "XK"],
        ["UK", "uk", "ZZ", "ISR", "I", "", "I1", "ﬀ"],
    ),
    (("commission", "rules", 1, "match", "platforms", 0), ["rest", "tiktok_shop"], ["tiktok", "Shopify", ""]),
    (("commission", "rules", 1, "match", "customer"), ["returning", None], ["old"]),
    (("commission", "rules"), [EVERYTHING["commission"]["rules"] * 33], [EVERYTHING["commission"]["rules"] * 34]),
    (("commission", "cap_per_period", "amount"), [0, AMOUNT_MAX], [-1, AMOUNT_MAX + 1]),
    (("commission", "cap_per_period", "period"), ["month", "year", "lifetime"], ["week", "Month"]),
    (("commission", "recurring", "payments"), [1, 120, None], [0, 121]),
    (("commission", "recurring", "months"), [1, 1200, None], [0, 1201]),
    (("commission", "recurring"), [{"months": 1}, {"payments": 1}, None], [{}, {"months": None}]),
    (("commission", "tiers", "period"), ["month", "quarter"], ["lifetime"]),
    (("commission", "tiers", "levels", 1, "from"), [0, AMOUNT_MAX], [-1, AMOUNT_MAX + 1]),
    (("commission", "tiers", "levels", 1, "bps"), [0, 10_000], [-1, 10_001]),
    (("commission", "tiers", "levels"), [[{"from": 0, "bps": 0}] * 50], [[], [{"from": 0, "bps": 0}] * 51]),
    (("commission", "bonuses", 0, "id"), ["a", "9-_", "x" * 64], ["", "A", "-a", "a b", "x" * 65, "a\n"]),
    (("commission", "bonuses", 0, "threshold"), [1, AMOUNT_MAX], [0, AMOUNT_MAX + 1]),
    (("commission", "bonuses", 0, "measure"), ["commission"], ["revenue"]),
    (("commission", "bonuses"), [EVERYTHING["commission"]["bonuses"] * 20], [EVERYTHING["commission"]["bonuses"] * 21]),
    (("commission", "recruiter", "bps"), [0, 10_000], [-1, 10_001]),
    (("commission", "recruiter", "months"), [1, 1200, None], [0, 1201]),
    (("payout", "rail"), sorted(RAILS), ["pigeon", "CSV", ""]),
    (("convert_to",), ["USD", None], ["ils", "XXX"]),
    (
        ("time_zone",),
        ["UTC", "America/Argentina/Buenos_Aires"],
        ["asia/jerusalem", "localtime", "../UTC", "", "+02:00"],
    ),
]


@pytest.mark.parametrize("steps, last, first", RANGES, ids=[path(*steps) for steps, _, _ in RANGES])
def test_the_last_valid_values_are_valid_and_the_first_invalid_ones_are_named(
    steps: Steps, last: list[Any], first: list[Any]
) -> None:
    for value in last:
        assert "errors" not in told(changed(steps, value)), value
    for value in first:
        assert [broken["param"] for broken in told(changed(steps, value))["errors"]] == [path(*steps)], value


@pytest.mark.parametrize(
    "reward, field, code, words",
    [
        ({"type": "percent"}, "bps", "needs_field", "The `type` `percent` needs this."),
        ({"type": "flat_item", "amount": 5}, "currency", "needs_field", "The `type` `flat_item` needs this."),
        ({"type": "none", "bps": 0}, "bps", "needless_field", "This does not go with the `type` `none`."),
    ],
)
def test_a_reward_has_what_its_type_needs_and_no_more(reward: Any, field: str, code: str, words: str) -> None:
    (broken,) = told(changed(("commission", "rules", 2, "reward"), reward))["errors"]
    assert (broken["param"], broken["code"]) == (f"terms.commission.rules.2.reward.{field}", code)
    assert broken["detail"] == f"Rule 3 of `rules`, `reward.{field}`: {words}"


def test_tiers_of_creators_have_the_one_spelling_that_creators_have() -> None:
    terms = changed(("commission", "rules", 1, "match", "creator_tiers"), [" Gold ", "ＶＩＰ"])
    assert told(terms)["commission"]["rules"][1]["match"]["creator_tiers"] == ["gold", "vip"]


def test_a_time_zone_is_told_what_it_may_have_meant() -> None:
    (broken,) = told(changed(("time_zone",), "Asia/Tel Aviv"))["errors"]
    assert broken["detail"].endswith("it is named like `Asia/Jerusalem`. Did you mean `Asia/Tel_Aviv`?")


# --- the page ---------------------------------------------------------------------------------------------------------

BLOCKS = re.findall(r"^```json(?: (\w+))?\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("code, block", BLOCKS)
def test_the_pages_examples_are_what_it_says(code: str, block: str) -> None:
    stored = wire.Terms.model_validate(json.loads(block)).plain()
    if not code:
        assert from_plain(stored, "ILS").commission.rules
        return
    with pytest.raises(Unprocessable) as refused:
        from_plain(stored, "ILS")
    assert refused.value.reason == code


def test_the_page_says_every_field_and_every_refusal() -> None:
    assert len(BLOCKS) > 15
    fields = {str(step) for steps, _ in SAID for step in steps if isinstance(step, str)}
    codes = {code for named in openapi._OWN_REFUSALS["publish_terms"].values() for code in named}
    assert {name for name in fields | codes if not re.search(rf"`(?:[a-z_]+\.)*{name}[`.]|\"{name}\"", PAGE)} == set()

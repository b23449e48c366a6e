"""Terms: the API's object becomes values that the settlement can trust, and what does not go together is named."""

import json
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vouch.domain import terms
from vouch.domain.commission import Basis, Case, mismatch
from vouch.domain.context import Membership
from vouch.domain.errors import Unprocessable
from vouch.domain.facts import Lifecycle, Line, Snapshot
from vouch.domain.money import Money
from vouch.domain.terms import (
    BYTES_MAX,
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
    number_in_force,
)

MAY = datetime(2026, 5, 4, tzinfo=UTC)


def ils(amount: int) -> dict[str, Any]:
    return {"amount": amount, "currency": "ILS"}


def usd(amount: int) -> dict[str, Any]:
    return {"amount": amount, "currency": "USD"}


def commission(**said: Any) -> dict[str, Any]:
    return {"commission": said}


def bonus(name: str) -> dict[str, Any]:
    return {"id": name, "measure": "orders", "threshold": 1, "period": "month", "reward": ils(1)}


def percent(**match: Any) -> dict[str, Any]:
    return {"match": match, "reward": {"type": "percent", "bps": 1_000}}


def flat(**match: Any) -> dict[str, Any]:
    return {"match": match, "reward": {"type": "flat_item", **ils(500)}}


def refusal(plain: dict[str, Any]) -> Unprocessable:
    with pytest.raises(Unprocessable) as refused:
        from_plain(plain, "ILS")
    return refused.value


def test_what_is_not_said_has_its_default() -> None:
    assert from_plain({}, "ILS") == Terms(
        hold_days=14,
        attribution=Attribution("last", 30, "wins", 7, None, product_ties=False),
        commission=Commission(Base(tax=False, shipping=False, gift_cards=False), (), None, None, None, None, (), None),
        payout=Payout(None, "csv"),
        journey=False,
        convert_to=None,
        time_zone="UTC",
        effective_from=datetime(1970, 1, 1, tzinfo=UTC),
    )


def test_all_that_can_be_said() -> None:
    plain = {
        "hold_days": 0,
        "journey": True,
        "convert_to": "ILS",
        "time_zone": "Asia/Jerusalem",
        "attribution": {
            "model": "time_decay",
            "window_days": 60,
            "code_policy": "joins",
            "half_life_days": 3,
            "customer_tie": {"months": 12, "first": True},
            "product_ties": True,
        },
        "commission": {
            "base": {"tax": True, "shipping": True, "gift_cards": True},
            "rules": [
                {
                    "match": {
                        "skus": ["A", "B"],
                        "product_ids": ["77"],
                        "collections": ["summer"],
                        "tags": ["fragile"],
                        "creator_ids": ["noa"],
                        "creator_tiers": [" GOLD"],
                        "countries": ["il"],
                        "platforms": ["shopify"],
                        "customer": "new",
                        "order_min": ils(100),
                        "order_max": ils(100),
                    },
                    "reward": {"type": "percent", "bps": 2_000},
                },
                {"match": {"customer": "new"}, "reward": {"type": "flat_order", "amount": 500, "currency": "ILS"}},
                {"match": {"countries": ["US"]}, "reward": {"type": "none"}},
                {"reward": {"type": "percent", "bps": 1_000}},
            ],
            "cap_per_order": ils(50_000),
            "cap_per_period": ils(900_000) | {"period": "quarter"},
            "recurring": {"payments": 6, "months": 12},
            "tiers": {
                "period": "month",
                "measure": "revenue",
                "levels": [{"from": 0, "bps": 900}, {"from": 100_000, "bps": 1_200}],
            },
            "bonuses": [
                {"id": "ten", "measure": "orders", "threshold": 10, "period": "lifetime", "reward": ils(7_000)},
            ],
            "recruiter": {"bps": 500, "months": 24},
        },
        "payout": {"minimum": ils(5_000), "rail": "csv"},
    }
    everything = Match(
        skus=frozenset({"A", "B"}),
        product_ids=frozenset({"77"}),
        collections=frozenset({"summer"}),
        tags=frozenset({"fragile"}),
        creator_ids=frozenset({"noa"}),
        creator_tiers=frozenset({"gold"}),
        countries=frozenset({"IL"}),
        platforms=frozenset({"shopify"}),
        customer="new",
        order_min=Money(100, "ILS"),
        order_max=Money(100, "ILS"),
    )
    assert from_plain(plain, "ILS") == Terms(
        hold_days=0,
        attribution=Attribution("time_decay", 60, "joins", 3, CustomerTie(12, first=True), product_ties=True),
        commission=Commission(
            Base(tax=True, shipping=True, gift_cards=True),
            (
                Rule(everything, Reward("percent", bps=2_000)),
                Rule(Match(customer="new"), Reward("flat_order", flat=Money(500, "ILS"))),
                Rule(Match(countries=frozenset({"US"})), Reward("none")),
                Rule(Match(), Reward("percent", bps=1_000)),
            ),
            Money(50_000, "ILS"),
            PeriodCap(Money(900_000, "ILS"), "quarter"),
            Recurring(payments=6, months=12),
            Tiers("month", "revenue", (Level(0, 900), Level(100_000, 1_200))),
            (Bonus("ten", "orders", 10, "lifetime", Money(7_000, "ILS")),),
            Recruiter(500, 24),
        ),
        payout=Payout(Money(5_000, "ILS"), "csv"),
        journey=True,
        convert_to="ILS",
        time_zone="Asia/Jerusalem",
    )


@pytest.mark.parametrize(
    "plain, param",
    [
        ({"convert_to": "USD"}, "terms.convert_to"),
        (commission(cap_per_order=usd(1)), "terms.commission.cap_per_order"),
        (commission(cap_per_period=usd(1) | {"period": "month"}), "terms.commission.cap_per_period"),
        (commission(bonuses=[bonus("a"), bonus("b") | {"reward": usd(1)}]), "terms.commission.bonuses.1.reward"),
        ({"payout": {"minimum": usd(1)}}, "terms.payout.minimum"),
        (
            commission(rules=[{"reward": {"type": "none"}}, {"reward": {"type": "flat_item", **usd(1)}}]),
            "terms.commission.rules.1.reward",
        ),
        (
            commission(rules=[{"match": {"order_min": usd(1)}, "reward": {"type": "none"}}]),
            "terms.commission.rules.0.match.order_min",
        ),
        (
            commission(rules=[{"match": {"order_max": usd(1)}, "reward": {"type": "none"}}]),
            "terms.commission.rules.0.match.order_max",
        ),
    ],
)
def test_a_program_has_one_currency(plain: dict[str, Any], param: str) -> None:
    refused = refusal(plain)
    assert (refused.reason, refused.param) == ("currency_mismatch", param)
    assert refused.facts == {"expected": "ILS", "found": "USD"}


def test_an_order_value_that_no_order_has_is_refused() -> None:
    plain = commission(rules=[{"match": {"order_min": ils(101), "order_max": ils(100)}, "reward": {"type": "none"}}])
    refused = refusal(plain)
    assert (refused.reason, refused.param) == ("empty_range", "terms.commission.rules.0.match.order_min")


A_CONDITION = {
    "skus": ["A"],
    "product_ids": ["77"],
    "collections": ["summer"],
    "tags": ["fragile"],
    "creator_ids": ["noa"],
    "creator_tiers": ["gold"],
    "countries": ["IL"],
    "platforms": ["shopify"],
    "customer": "new",
    "order_min": ils(100),
    "order_max": ils(100),
}


def test_every_condition_is_among_those_that_are_tried() -> None:
    assert set(A_CONDITION) == {field.name for field in fields(Match)}


@pytest.mark.parametrize("name", A_CONDITION)
def test_behind_a_rule_that_asks_for_more_or_something_else_a_rule_is_reached(name: str) -> None:
    condition = {name: A_CONDITION[name]}
    others = {other: said for other, said in A_CONDITION.items() if other != name}
    for earlier, later in ((condition, {}), (condition, others), (A_CONDITION, others), (others, condition)):
        from_plain(commission(rules=[percent(**earlier), percent(**later)]), "ILS")


@pytest.mark.parametrize("name", A_CONDITION)
def test_behind_a_rule_that_asks_for_no_more_a_rule_is_never_reached(name: str) -> None:
    condition = {name: A_CONDITION[name]}
    for earlier, later in (({}, condition), (condition, condition), (condition, A_CONDITION), ({}, {})):
        rules = [percent(customer="returning", tags=["rare"]), percent(**earlier), percent(**later)]
        refused = refusal(commission(rules=rules))
        assert (refused.reason, refused.param) == ("rule_never_reached", "terms.commission.rules.2")
        assert refused.facts == {"earlier": 2}


@pytest.mark.parametrize(
    "earlier, later, reached",
    [
        ({"skus": ["A", "B"]}, {"skus": ["A"]}, False),
        ({"skus": ["A", "B"]}, {"skus": ["B", "A"], "tags": ["fragile"]}, False),
        ({"skus": ["A", "B"]}, {"skus": ["A", "C"]}, True),
        ({"countries": ["IL"]}, {"countries": ["il"]}, False),
        ({"customer": "new"}, {"customer": "returning"}, True),
        ({"order_min": ils(100)}, {"order_min": ils(100)}, False),
        ({"order_min": ils(100)}, {"order_min": ils(99)}, True),
        ({"order_max": ils(100)}, {"order_max": ils(100)}, False),
        ({"order_max": ils(100)}, {"order_max": ils(101)}, True),
        ({"order_min": ils(100)}, {"order_min": ils(200), "order_max": ils(300)}, False),
        ({"order_min": ils(100)}, {"order_max": ils(300)}, True),
    ],
)
def test_a_rule_is_never_reached_where_an_earlier_one_asks_for_less_of_the_same(
    earlier: dict[str, Any], later: dict[str, Any], reached: bool
) -> None:
    terms = commission(rules=[percent(**earlier), percent(**later)])
    if reached:
        from_plain(terms, "ILS")
    else:
        assert refusal(terms).reason == "rule_never_reached"


def test_a_flat_amount_leaves_orders_in_other_currencies_to_later_rules() -> None:
    for later in (percent(), percent(skus=["A"]), {"reward": {"type": "none"}}):
        from_plain(commission(rules=[flat(), later]), "ILS")
    for never in (flat(skus=["A"]), percent(order_min=ils(1)), percent(order_max=ils(1))):
        assert refusal(commission(rules=[flat(), never])).reason == "rule_never_reached"
    assert refusal(commission(rules=[flat(), percent()]) | {"convert_to": "ILS"}).reason == "rule_never_reached"


def test_a_platform_that_pays_for_itself_is_left_to_the_rule_that_names_it() -> None:
    from_plain(commission(rules=[percent(), percent(platforms=["tiktok_shop"])]), "ILS")
    from_plain(commission(rules=[percent(), percent(platforms=["shopify", "tiktok_shop"])]), "ILS")
    for rules in ([percent(), percent(platforms=["shopify"])], [percent(platforms=["tiktok_shop"])] * 2):
        assert refusal(commission(rules=rules)).reason == "rule_never_reached"


VALUES = st.frozensets(st.sampled_from("AB"), max_size=2)
RULES = st.builds(
    Rule,
    st.builds(
        Match,
        skus=VALUES,
        product_ids=VALUES,
        collections=VALUES,
        tags=VALUES,
        creator_ids=VALUES,
        creator_tiers=VALUES,
        countries=VALUES,
        platforms=st.frozensets(st.sampled_from(["shopify", "tiktok_shop"]), max_size=2),
        customer=st.sampled_from([None, "new", "returning"]),
        order_min=st.none() | st.builds(Money, st.integers(0, 4), st.just("ILS")),
        order_max=st.none() | st.builds(Money, st.integers(0, 4), st.just("ILS")),
    ),
    st.sampled_from([Reward("percent", bps=1), Reward("none"), Reward("flat_item", flat=Money(1, "ILS"))]),
)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Rule, Rule]:
    """Two rules, of which the earlier asks for some of what the later asks for, and once for something of its own."""
    other, later = draw(RULES), draw(RULES)
    kept = draw(st.sets(st.sampled_from(sorted(A_CONDITION))))
    own = draw(st.sets(st.sampled_from(sorted(A_CONDITION)), max_size=1))
    asked = {name: getattr(later.match, name) for name in kept} | {name: getattr(other.match, name) for name in own}
    return Rule(Match(**asked), other.reward), later


@st.composite
def cases(draw: st.DrawFn, rule: Rule, *, one_currency: bool) -> tuple[Basis, Case, int]:
    """What a rule may be asked about, and most often matches: a line, its order, and what the order's goods come to."""

    def one_of(wanted: frozenset[str]) -> str:
        return str(draw(st.sampled_from(sorted(wanted or "ABC"))))

    match = rule.match
    low, high = match.order_min, match.order_max
    tags, collections = (one_of(match.tags), "C"), (one_of(match.collections),)
    line = Line(
        "1", 1, 1, sku=one_of(match.skus), product_id=one_of(match.product_ids), tags=tags, collections=collections
    )
    currency = draw(st.sampled_from(["ILS", "USD"]))
    platform = draw(st.sampled_from(sorted(match.platforms) or ["shopify", "tiktok_shop", "rest"]))
    snapshot = Snapshot(
        updated_at=MAY,
        placed_at=MAY,
        lifecycle=Lifecycle.PAID,
        currency=currency,
        lines=(line,),
        platform=platform,
        country=one_of(match.countries),
    )
    case = Case(
        snapshot,
        creator_id=one_of(match.creator_ids),
        currency="ILS" if one_currency else currency,
        member=Membership(tier=one_of(match.creator_tiers)),
        customer_new=draw(st.sampled_from([None, True, False])) if match.customer is None else match.customer == "new",
    )
    value = draw(st.integers(low.amount if low else 0, max(high.amount if high else 4, low.amount if low else 0)))
    return Basis("1", draw(st.sampled_from([line, line, None])), 1, 1, 1, 1), case, value


@given(pairs(), st.booleans(), st.data())
def test_no_rule_is_refused_that_anything_could_reach(
    pair: tuple[Rule, Rule], one_currency: bool, data: st.DataObject
) -> None:
    earlier, later = pair
    basis, case, value = data.draw(cases(later, one_currency=one_currency))
    reached = mismatch(later, basis, case, value) is None and mismatch(earlier, basis, case, value) is not None
    assert not (reached and terms._covers(earlier, later, one_currency=one_currency))


@pytest.mark.parametrize(
    "rules",
    [
        [],
        [percent(skus=["A"])],
        [flat()],
        [percent(customer="new"), {"reward": {"type": "none"}}],
    ],
)
def test_tiers_need_a_rule_that_they_set_the_rate_of(rules: list[dict[str, Any]]) -> None:
    tiers = {"period": "month", "measure": "orders", "levels": [{"from": 10, "bps": 1_500}]}
    refused = refusal(commission(rules=rules, tiers=tiers))
    assert (refused.reason, refused.param) == ("tiers_need_rule", "terms.commission.tiers")
    from_plain(commission(rules=[percent(skus=["A"]), percent()], tiers=tiers), "ILS")


@pytest.mark.parametrize("begins, index", [([5, 5], 1), ([0, 5, 4], 2), ([5, 4, 6], 1)])
def test_levels_ascend(begins: list[int], index: int) -> None:
    levels = [{"from": begin, "bps": 1_500} for begin in begins]
    tiers = {"period": "month", "measure": "orders", "levels": levels}
    refused = refusal(commission(rules=[percent()], tiers=tiers))
    at = f"terms.commission.tiers.levels.{index}.from"
    assert (refused.reason, refused.param) == ("levels_not_ascending", at)
    assert refused.facts == {"before": begins[index - 1]}


def test_each_bonus_has_an_id_of_its_own() -> None:
    refused = refusal(commission(bonuses=[bonus("a"), bonus("b"), bonus("c"), bonus("b")]))
    assert (refused.reason, refused.param) == ("bonus_repeated", "terms.commission.bonuses.3.id")
    assert refused.facts == {"earlier": 2}


def test_a_version_says_no_more_than_a_hundred_of_them_can_be_shown() -> None:
    def terms(length: int) -> dict[str, Any]:
        return commission(rules=[percent(tags=["א" * (length // 2)])])

    frame = BYTES_MAX - len(json.dumps(terms(0)).encode())
    from_plain(terms(frame), "ILS")
    refused = refusal(terms(frame + 2))
    assert (refused.reason, refused.param) == ("terms_too_large", "terms.commission.rules")
    assert refused.facts == {"most": BYTES_MAX, "found": BYTES_MAX + 2}


def test_published_terms_are_not_judged_again() -> None:
    """A stored version was sound when it was published; a stricter rule of ours must not unsettle old orders."""
    assert from_plain(commission(cap_per_order=usd(1))).commission.cap_per_order == Money(1, "USD")
    assert len(from_plain(commission(rules=[percent(), percent()])).commission.rules) == 2


@pytest.mark.parametrize("day, number", [(1, 1), (4, 1), (5, 4), (9, 4), (10, 3), (19, 3), (20, 2), (31, 2)])
def test_the_version_that_began_last_counts_in_whatever_order_they_were_published(day: int, number: int) -> None:
    versions: list[tuple[int, str | None]] = [
        (1, None),
        (2, "2026-05-20T00:00:00.000000Z"),
        (3, "2026-05-10T00:00:00.000000Z"),
        (4, "2026-05-05T00:00:00.000000Z"),
    ]
    assert number_in_force(versions, datetime(2026, 5, day, tzinfo=UTC)) == number


def test_of_versions_that_begin_at_once_the_newer_counts() -> None:
    day = "2026-05-10T00:00:00.000000Z"
    assert number_in_force([(1, None), (2, day), (3, day)], datetime(2026, 5, 10, tzinfo=UTC)) == 3


def test_before_the_first_version_none_counts() -> None:
    assert number_in_force([(1, "2026-05-10T00:00:00.000000Z")], datetime(2026, 5, 9, tzinfo=UTC)) is None

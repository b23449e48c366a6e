"""Terms: the API's object becomes values that the settlement can trust, and what does not go together is named."""

from datetime import UTC, datetime
from typing import Any

import pytest

from vouch.domain.errors import Unprocessable
from vouch.domain.money import Money
from vouch.domain.terms import (
    Attribution,
    Base,
    Commission,
    Match,
    Payout,
    Reward,
    Rule,
    Terms,
    from_plain,
    number_in_force,
)


def ils(amount: int) -> dict[str, Any]:
    return {"amount": amount, "currency": "ILS"}


def usd(amount: int) -> dict[str, Any]:
    return {"amount": amount, "currency": "USD"}


def commission(**said: Any) -> dict[str, Any]:
    return {"commission": said}


def test_what_is_not_said_has_its_default() -> None:
    assert from_plain({}, "ILS") == Terms(
        hold_days=14,
        attribution=Attribution("last", 30, "wins", 7),
        commission=Commission(Base(tax=False, shipping=False, gift_cards=False), (), None),
        payout=Payout(None, "csv"),
        journey=False,
    )


def test_all_that_can_be_said() -> None:
    plain = {
        "hold_days": 0,
        "journey": True,
        "attribution": {"model": "time_decay", "window_days": 60, "code_policy": "joins", "half_life_days": 3},
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
                        "countries": ["il"],
                        "platforms": ["shopify"],
                        "customer": "new",
                        "order_min": ils(100),
                        "order_max": ils(100),
                    },
                    "reward": {"type": "percent", "bps": 2_000},
                },
                {"match": {}, "reward": {"type": "flat_order", "amount": 500, "currency": "ILS"}},
                {"reward": {"type": "none"}},
            ],
            "cap_per_order": ils(50_000),
        },
        "payout": {"minimum": ils(5_000), "rail": "csv"},
    }
    everything = Match(
        skus=frozenset({"A", "B"}),
        product_ids=frozenset({"77"}),
        collections=frozenset({"summer"}),
        tags=frozenset({"fragile"}),
        creator_ids=frozenset({"noa"}),
        countries=frozenset({"IL"}),
        platforms=frozenset({"shopify"}),
        customer="new",
        order_min=Money(100, "ILS"),
        order_max=Money(100, "ILS"),
    )
    assert from_plain(plain, "ILS") == Terms(
        hold_days=0,
        attribution=Attribution("time_decay", 60, "joins", 3),
        commission=Commission(
            Base(tax=True, shipping=True, gift_cards=True),
            (
                Rule(everything, Reward("percent", bps=2_000)),
                Rule(Match(), Reward("flat_order", flat=Money(500, "ILS"))),
                Rule(Match(), Reward("none")),
            ),
            Money(50_000, "ILS"),
        ),
        payout=Payout(Money(5_000, "ILS"), "csv"),
        journey=True,
    )


@pytest.mark.parametrize(
    "plain, param",
    [
        (commission(cap_per_order=usd(1)), "terms.commission.cap_per_order"),
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
    with pytest.raises(Unprocessable) as refusal:
        from_plain(plain, "ILS")
    assert (refusal.value.reason, refusal.value.param) == ("currency_mismatch", param)
    assert refusal.value.facts == {"expected": "ILS", "found": "USD"}


def test_an_order_value_that_no_order_has_is_refused() -> None:
    plain = commission(rules=[{"match": {"order_min": ils(101), "order_max": ils(100)}, "reward": {"type": "none"}}])
    with pytest.raises(Unprocessable) as refusal:
        from_plain(plain, "ILS")
    assert (refusal.value.reason, refusal.value.param) == ("empty_range", "terms.commission.rules.0.match.order_min")


def test_published_terms_are_not_judged_again() -> None:
    """A stored version was sound when it was published; a stricter rule of ours must not unsettle old orders."""
    assert from_plain(commission(cap_per_order=usd(1))).commission.cap_per_order == Money(1, "USD")


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

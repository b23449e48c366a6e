"""Commission: what of each line counts, what is kept of it, and which rule rates it."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from tests.domain.sales import (
    cancellation,
    cash,
    decision,
    flat_item,
    flat_order,
    item,
    nothing,
    offer,
    percent,
    refund,
    sale,
)
from vouch.domain.commission import Basis, Case, Rating, bases, mismatch, rated, unclear_refunds
from vouch.domain.context import Membership, Product
from vouch.domain.facts import Event, Lifecycle, Line, OrderFacts, Snapshot
from vouch.domain.terms import Base, Level, Recurring, Rule, Terms, Tiers

MUGS = item("mug", "30.00", 3)


def kept(order: Snapshot, *events: Event, **counted: bool) -> dict[str, tuple[int, int]]:
    """Per line, what is kept of its base and of its items."""
    facts = OrderFacts(order, {(event.kind, event.id): event for event in events})
    found = bases(facts, order, Base(**counted))
    return {basis.line_id: (basis.kept_base, basis.kept_quantity) for basis in found}


def ratings(order: Snapshot, terms: Terms, *events: Event, creator: str = "noa") -> list[Rating]:
    facts = OrderFacts(order, {(event.kind, event.id): event for event in events})
    case = Case(order, creator, order.currency, Membership(), customer_new=order.customer_new)
    return rated(terms.commission, bases(facts, order, terms.commission.base), case)


def commissions(order: Snapshot, terms: Terms, *events: Event) -> list[tuple[int, int]]:
    return [(rating.commission, rating.kept_commission) for rating in ratings(order, terms, *events)]


@pytest.mark.parametrize(
    "events, left",
    [
        ([], (9_000, 3)),
        ([refund("r1", mug=1)], (6_000, 2)),
        ([refund("r1", mug=1), refund("r2", mug=2)], (0, 0)),
        ([refund("r1", mug=4)], (0, 0)),
        ([refund("r1", mug=0)], (9_000, 3)),
        ([refund("r1", mug="10.00")], (8_000, 3)),
        ([refund("r1", mug=(1, "25.00"))], (6_500, 2)),
        ([refund("r1", mug=(1, "25.00")), refund("r2", mug=1)], (3_500, 1)),
        ([refund("r1", mug=(3, "60.00"))], (3_000, 0)),
        ([refund("r1", mug=(1, "90.00"))], (0, 0)),
        ([refund("r1", mug="95.00")], (0, 0)),
        ([refund("r1", amount="89.99")], (1, 3)),
        ([refund("r1", amount="90.00")], (0, 0)),
        ([refund("r1", mug=2), refund("r2", amount="10.00")], (2_000, 1)),
        ([refund("r1", mug=1, failed=True)], (9_000, 3)),
        ([refund("r1", currency="USD", mug=(1, "8.00"))], (6_000, 2)),
        ([refund("r1", currency="USD", mug="8.00")], (9_000, 3)),
        ([refund("r1", currency="USD", amount="8.00")], (9_000, 3)),
        ([cancellation()], (0, 0)),
        ([decision("reject")], (9_000, 3)),
    ],
)
def test_what_refunds_leave_of_a_line(events: list[Event], left: tuple[int, int]) -> None:
    assert kept(sale(MUGS), *events) == {"mug": left}


@pytest.mark.parametrize("lifecycle", [Lifecycle.REFUNDED, Lifecycle.CANCELLED])
def test_of_an_order_that_is_gone_nothing_is_left(lifecycle: Lifecycle) -> None:
    order = sale(MUGS, shipping="20.00", lifecycle=lifecycle)
    assert kept(order, refund("r1", mug=1), shipping=True) == {"mug": (0, 0), "shipping": (0, 0)}


def test_quantities_of_several_refunds_are_rounded_once() -> None:
    """A third of 1.00 three times: 0.33, 0.34 and 0.33 go, never 0.99."""
    order = sale(item("mug", "0.50", 3, discount="0.50"))
    refunds = [refund(f"r{number}", mug=1) for number in range(3)]
    assert [kept(order, *refunds[:count])["mug"] for count in range(4)] == [(100, 3), (67, 2), (33, 1), (0, 0)]


def test_money_alone_is_spread_over_what_is_kept() -> None:
    order = sale(MUGS, item("pot", "10.00"), item("card", "50.00", gift_card=True))
    assert kept(order, refund("r1", amount="50.00")) == {"mug": (4_500, 3), "pot": (500, 1), "card": (0, 0)}
    assert kept(order, refund("r1", pot=1), refund("r2", amount="50.00"))["mug"] == (4_000, 3)


def test_money_alone_odd_units_go_by_largest_remainder() -> None:
    order = sale(item("a", "0.50"), item("b", "0.50"), item("c", "0.50"))
    assert kept(order, refund("r1", amount="0.02")) == {"a": (49, 1), "b": (49, 1), "c": (50, 1)}


@pytest.mark.parametrize(
    "refunds, left",
    [
        ([refund("r1", mug="58.50")], (5_000, 2)),
        ([refund("r1", mug=1)], (5_000, 1)),
        ([refund("r1", mug=(1, "58.50", "8.50"))], (5_000, 1)),
        ([refund("r1", mug=(1, "58.50", "0.00"))], (4_150, 1)),
        ([refund("r1", mug=(1, "0.00", "8.50"))], (10_000, 1)),
        ([refund("r1", mug=(1, "58.50", "8.49")), refund("r2", mug=(1, "58.50", "8.50"))], (0, 0)),
        ([refund("r1", mug=(1, "58.50", "8.51")), refund("r2", mug=(1, "58.50", "8.50"))], (0, 0)),
        ([refund("r1", mug=(1, "58.50", "8.50")), refund("r2", mug="29.25")], (2_500, 1)),
        ([refund("r1", mug=(1, "58.50", "8.50")), refund("r2", amount="58.50")], (0, 0)),
        ([refund("r1", amount="58.50")], (5_000, 2)),
        ([refund("r1", amount="58.50", with_tax=True)], (5_000, 2)),
        ([refund("r1", amount="116.99")], (1, 2)),
        ([refund("r1", amount="117.00")], (0, 0)),
        ([refund("r1", mug=1, amount="-58.50"), refund("r2", amount="58.50")], (5_000, 1)),
        ([refund("r1", mug=1, amount="-58.50")], (5_000, 1)),
        ([refund("r1", mug=1, amount="20.00")], (3_291, 1)),
    ],
)
def test_where_prices_hold_tax_refunds_do(refunds: list[Event], left: tuple[int, int]) -> None:
    """2 mugs for 117.00, of which 17.00 is tax."""
    assert kept(sale(item("mug", "58.50", 2, tax="17.00"), tax_included=True), *refunds) == {"mug": left}


@pytest.mark.parametrize(
    "refunds, left",
    [
        ([refund("r1", mug="50.00")], (5_000, 2)),
        ([refund("r1", mug=(1, "50.00", "8.50"))], (5_000, 1)),
        ([refund("r1", mug=(1, "50.00", "17.00"))], (5_000, 1)),
        ([refund("r1", mug=(1, "50.00", "99.00"))], (5_000, 1)),
        ([refund("r1", amount="50.00")], (5_000, 2)),
        ([refund("r1", amount="58.50", with_tax=True)], (5_000, 2)),
        ([refund("r1", amount="117.00", with_tax=True)], (0, 0)),
        ([refund("r1", amount="50.00"), refund("r2", amount="58.50", with_tax=True)], (0, 0)),
        ([refund("r1", mug=(1, "50.00", "8.50")), refund("r2", amount="58.50", with_tax=True)], (0, 0)),
        ([refund("r1", amount="-58.50", with_tax=True), refund("r2", amount="50.00")], (5_000, 2)),
    ],
)
def test_where_prices_hold_no_tax_refunds_hold_it_if_they_say_so(refunds: list[Event], left: tuple[int, int]) -> None:
    """2 mugs for 100.00, and 17.00 of tax on top."""
    assert kept(sale(item("mug", "50.00", 2, tax="17.00")), *refunds) == {"mug": left}


def test_money_with_tax_is_spread_by_what_was_paid_for_each_line() -> None:
    """Books without tax for 100.00, a mug for 100.00 and 100.00 of tax: of 30.00, 10.00 and 20.00."""
    order = sale(item("book", "100.00"), item("mug", "100.00", tax="100.00"))
    assert kept(order, refund("r1", amount="30.00", with_tax=True)) == {"book": (9_000, 1), "mug": (9_000, 1)}
    assert kept(order, refund("r1", amount="30.00")) == {"book": (8_500, 1), "mug": (8_500, 1)}
    included = sale(item("book", "100.00"), item("mug", "200.00", tax="100.00"), tax_included=True)
    assert kept(included, refund("r1", amount="30.00")) == {"book": (9_000, 1), "mug": (9_000, 1)}


def test_small_money_with_tax_over_many_lines_is_rounded_on_the_order() -> None:
    """1.00 of what was paid for a hundred lines at 1.17 with tax: 0.85 without, not a hundred times 0.01 or nothing."""
    order = sale(*(item(f"line{number}", "1.17", tax="0.17") for number in range(100)), tax_included=True)
    left = kept(order, refund("r1", amount="1.00"))
    assert sum(base for base, _ in left.values()) == 10_000 - 85
    assert {base for base, _ in left.values()} == {99, 100}


def test_money_that_others_did_not_give_back_is_netted_over_the_order_in_whatever_refund() -> None:
    order = sale(MUGS, item("pot", "10.00"))
    given = [refund("r1", pot=1, amount="-10.00"), refund("r2", amount="6.00"), refund("r3", amount="13.00")]
    assert kept(order, *given) == {"mug": (8_100, 3), "pot": (0, 0)}


def test_tax_comes_and_goes_with_its_goods() -> None:
    order = sale(item("mug", "50.00", 2, tax="17.00"), item("card", "10.00", tax="1.70", gift_card=True))
    assert kept(order, tax=True) == {"mug": (11_700, 2), "card": (0, 0)}
    assert kept(order, refund("r1", mug=1), tax=True)["mug"] == (5_850, 1)


def test_more_tax_than_price_leaves_no_base() -> None:
    assert kept(sale(item("mug", "1.00", tax="2.00"), tax_included=True), tax=True) == {"mug": (0, 0)}


@pytest.mark.parametrize(
    "said, base",
    [
        ({"shipping": "30.00", "shipping_tax": "5.10"}, 3_000),
        ({"shipping": "35.10", "shipping_tax": "5.10", "tax_included": True}, 3_000),
        ({"shipping": "1.00", "shipping_tax": "5.10", "tax_included": True}, 0),
    ],
)
def test_shipping_is_a_line_where_it_counts(said: dict[str, Any], base: int) -> None:
    assert kept(sale(**said), shipping=True) == {"shipping": (base, 0)}
    assert kept(sale(**said)) == {}
    with_tax = base + 510 if base else 0
    assert kept(sale(**said), shipping=True, tax=True) == {"shipping": (with_tax, 0)}


def test_shipping_of_nothing_is_no_line() -> None:
    assert kept(sale(MUGS), shipping=True) == {"mug": (9_000, 3)}


def test_a_rule_for_lines_is_none_for_shipping() -> None:
    order = sale(item("mug", "100.00", sku="M", product_id="7", tags=("t",), collections=("c",)), shipping="20.00")
    for match in ({"skus": ["M"]}, {"product_ids": ["7"]}, {"tags": ["t"]}, {"collections": ["c"]}):
        found = ratings(order, offer(percent(10, **match), nothing(), shipping=True))
        assert [(rating.basis.line_id, rating.rule) for rating in found] == [("mug", 0), ("shipping", 1)]


def test_a_line_without_a_sku_matches_no_sku() -> None:
    assert ratings(sale(MUGS), offer(percent(10, skus=["mug"])))[0].rule is None


def test_what_has_no_base_has_no_rule() -> None:
    order = sale(item("card", "10.00", gift_card=True), item("free", "5.00", discount="5.00"), item("none", "5.00", 0))
    assert [rating.rule for rating in ratings(order, offer(flat_item("1.00"), flat_order("1.00")))] == [None] * 3


@pytest.mark.parametrize(
    "rule",
    [
        flat_item("5.00", "USD"),
        flat_order("5.00", "USD"),
        percent(50, order_min=cash("1.00", "USD")),
        percent(50, order_max=cash("999.00", "USD")),
    ],
)
def test_a_rule_in_another_currency_is_passed_over(rule: Rule) -> None:
    assert ratings(sale(MUGS), offer(rule, percent(10)))[0].rule == 1


def test_a_flat_amount_per_order_is_spread_over_its_rules_lines_by_base() -> None:
    order = sale(MUGS, item("pot", "10.00"), item("lamp", "50.00", sku="L"))
    terms = offer(nothing(skus=["L"]), flat_order("1.01"))
    assert commissions(order, terms) == [(91, 91), (10, 10), (0, 0)]
    assert commissions(order, terms, refund("r1", mug=3)) == [(91, 0), (10, 10), (0, 0)]


def test_two_flat_amounts_per_order_are_two() -> None:
    order = sale(item("mug", "10.00", sku="M"), item("pot", "10.00"))
    assert commissions(order, offer(flat_order("1.00", skus=["M"]), flat_order("2.00"))) == [(100, 100), (200, 200)]


def test_half_a_flat_amount_is_rounded_up_on_the_order_not_on_each_line() -> None:
    """0.05 over ten lines, five of them back: 0.03 stays, on whichever lines had it."""
    order = sale(*(item(f"line{number}", "1.00") for number in range(10)))
    back: dict[str, Any] = {f"line{number}": 1 for number in range(5)}
    found = commissions(order, offer(flat_order("0.05")), refund("r1", **back))
    assert [full for full, _ in found] == [1] * 5 + [0] * 5
    assert sum(left for _, left in found) == 3
    assert all(left <= full for full, left in found)


@pytest.mark.parametrize(
    "events, unclear",
    [
        ([], False),
        ([refund("r1", amount="1.00")], False),
        ([refund("r1", currency="USD", mug=1)], False),
        ([refund("r1", currency="USD")], False),
        ([refund("r1", currency="USD", amount="1.00")], True),
        ([refund("r1", currency="USD", mug="1.00")], True),
        ([refund("r1", currency="USD", mug=(1, "0.00"))], False),
        ([refund("r1", currency="USD", amount="1.00", failed=True)], False),
        ([refund("r1", amount="1.00"), refund("r2", currency="USD", mug=(1, "1.00"))], True),
    ],
)
def test_amounts_in_another_currency_are_unclear(events: list[Event], *, unclear: bool) -> None:
    order = sale(MUGS)
    facts = OrderFacts(order, {(event.kind, event.id): event for event in events})
    assert bool(unclear_refunds(facts, order)) is unclear


CASE = Case(sale(MUGS, country="IL"), "noa", "ILS", Membership(tier="gold"), customer_new=False)
LINE = Line("mug", 3, 3_000, sku="M", product_id="7", tags=("sale",), collections=("summer",))
PLAIN = Line("mug", 3, 3_000, product_id="7")
CATALOGUE = {"7": Product(tags=("sale",), collections=("summer",))}


@pytest.mark.parametrize(
    "wanted, other",
    [
        ({"skus": ["M"]}, {"skus": ["N"]}),
        ({"product_ids": ["7"]}, {"product_ids": ["8", "9"]}),
        ({"creator_ids": ["noa"]}, {"creator_ids": ["dan"]}),
        ({"creator_tiers": ["gold"]}, {"creator_tiers": ["silver"]}),
        ({"countries": ["IL"]}, {"countries": ["US"]}),
        ({"platforms": ["shopify"]}, {"platforms": ["wix"]}),
        ({"tags": ["sale", "new"]}, {"tags": ["new"]}),
        ({"collections": ["summer"]}, {"collections": ["winter"]}),
        ({"customer": "returning"}, {"customer": "new"}),
        ({"order_min": cash("90.00")}, {"order_min": cash("90.01")}),
        ({"order_max": cash("90.00")}, {"order_max": cash("89.99")}),
    ],
)
def test_a_rule_that_does_not_match_says_which_condition_kept_it(wanted: dict[str, Any], other: dict[str, Any]) -> None:
    [condition] = wanted
    line = Basis("mug", LINE, 9_000, 9_000, 3, 3)
    assert mismatch(percent(10, **wanted), line, CASE, 9_000) is None
    assert mismatch(percent(10, **other), line, CASE, 9_000) == condition


@pytest.mark.parametrize(
    "rule, line, said, reason",
    [
        (flat_item("1.00", "USD"), LINE, {}, "other_currency"),
        (percent(10, order_min=cash("1.00", "USD")), LINE, {}, "other_currency"),
        (percent(10, order_max=cash("999.00", "USD")), LINE, {}, "other_currency"),
        (percent(10), LINE, {"snapshot": sale(MUGS, platform="tiktok_shop")}, "platform_pays"),
        (percent(10, platforms=["tiktok_shop"]), LINE, {"snapshot": sale(MUGS, platform="tiktok_shop")}, None),
        (percent(10, customer="new"), LINE, {"customer_new": None}, "customer_unknown"),
        (percent(10, customer="returning"), LINE, {"customer_new": None}, "customer_unknown"),
        (percent(10, customer="new"), LINE, {"customer_new": True}, None),
        (percent(10, tags=["sale"]), PLAIN, {}, "tags_unknown"),
        (percent(10, collections=["summer"]), PLAIN, {}, "collections_unknown"),
        (percent(10, tags=["sale"]), PLAIN, {"products": {"7": Product(known=False)}}, "tags_unknown"),
        (percent(10, tags=["sale"]), PLAIN, {"products": {"7": Product()}}, "tags"),
        (percent(10, tags=["sale"], collections=["summer"]), PLAIN, {"products": CATALOGUE}, None),
        (percent(10, tags=["new"]), PLAIN, {"products": CATALOGUE}, "tags"),
        # What the order says of a line is all there is to say, though the catalogue knew more.
        (percent(10, collections=["summer"]), replace(PLAIN, tags=("x",)), {"products": CATALOGUE}, "collections"),
        (percent(10, tags=["sale"]), replace(PLAIN, product_id=None), {"products": CATALOGUE}, "tags_unknown"),
        (percent(10, tags=["sale"]), None, {}, "tags"),
        (percent(10, collections=["summer"]), None, {}, "collections"),
        (percent(10, skus=["M"], countries=["US"]), LINE, {}, "countries"),
        (percent(10, order_min=cash("1.00")), LINE, {"rate": (0, 1)}, "rate_missing"),
        (percent(10, order_max=cash("1.00")), LINE, {"rate": (0, 1)}, "rate_missing"),
        (percent(10, order_max=cash("1.00", "USD")), LINE, {"rate": (0, 1)}, "other_currency"),
    ],
)
def test_a_rule_that_cannot_be_told_says_why(
    rule: Rule, line: Line | None, said: dict[str, Any], reason: str | None
) -> None:
    basis = Basis("mug", line, 9_000, 9_000, 3, 3)
    assert mismatch(rule, basis, replace(CASE, **said), 9_000) == reason


@pytest.mark.parametrize("rate, matches", [((1, 3), True), ((3_333, 10_000), False), ((10_000, 29_999), True)])
def test_an_orders_value_is_converted_without_rounding(*, rate: tuple[int, int], matches: bool) -> None:
    """90.00 at a third is exactly 30.00."""
    case = replace(CASE, currency="USD", rate=rate)
    found = mismatch(percent(10, order_min=cash("30.00", "USD")), Basis("mug", LINE, 9_000, 9_000, 3, 3), case, 9_000)
    assert found == (None if matches else "order_min")


@pytest.mark.parametrize(
    "limit, said, passed",
    [
        (Recurring(payments=2), {"payments_before": 1}, False),
        (Recurring(payments=2), {"payments_before": 2}, True),
        (Recurring(payments=0), {}, True),
        (Recurring(months=1), {"subscribed": "2026-04-05"}, False),
        (Recurring(months=1), {"subscribed": "2026-04-04"}, True),
        (Recurring(months=1), {}, False),
        (Recurring(payments=9, months=1), {"subscribed": "2026-04-04"}, True),
        (Recurring(), {"payments_before": 99, "subscribed": "2020-01-01"}, False),
        (None, {"payments_before": 99}, False),
    ],
)
def test_a_subscription_earns_as_often_and_as_long_as_terms_allow(
    *, limit: Recurring | None, said: dict[str, Any], passed: bool
) -> None:
    begun = f"{said['subscribed']}T12:00:00+00:00" if "subscribed" in said else None
    order = sale(MUGS, subscription="s", subscribed_at=begun and datetime.fromisoformat(begun))
    case = replace(CASE, snapshot=order, payments_before=said.get("payments_before", 0))
    terms = offer(recurring=limit).commission
    assert case.passed_limit(terms) is passed
    assert [rating.rule for rating in rated(terms, bases(OrderFacts(order), order, Base()), case)] == [
        None if passed else 0
    ]
    once = replace(case, snapshot=replace(order, subscription=None))
    assert not once.passed_limit(terms)


@pytest.mark.parametrize(
    "volume, rule, bps",
    [
        (None, percent(10), 1_100),
        (0, percent(10), 1_100),
        (99, percent(10), 1_200),
        (100, percent(10), 1_500),
        (500, percent(10), 1_500),
        (500, percent(10, creator_ids=["noa"]), 1_000),
    ],
)
def test_a_volume_raises_the_rate_of_the_rule_that_asks_for_nothing(volume: int | None, rule: Rule, bps: int) -> None:
    levels = Level(1, 1_200), Level(100, 1_500), Level(0, 1_100)
    terms = offer(rule, tiers=Tiers("month", "orders", levels)).commission
    assert replace(CASE, member=Membership(volume=volume)).rewarded(terms, rule).bps == bps


def test_a_volume_changes_no_flat_reward_and_below_the_first_level_nothing() -> None:
    case = replace(CASE, member=Membership(volume=9))
    tiers = Tiers("month", "orders", (Level(10, 1_500),))
    for rule in (percent(10), flat_item("1.00"), nothing()):
        assert case.rewarded(offer(rule, tiers=tiers).commission, rule) == rule.reward
        assert case.rewarded(offer(rule).commission, rule) == rule.reward
    at_once = replace(tiers, levels=(Level(0, 1_500),))
    assert case.rewarded(offer(flat_item("1.00"), tiers=at_once).commission, flat_item("1.00")) == (
        flat_item("1.00").reward
    )

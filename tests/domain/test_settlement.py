"""Settlement: what the books are to show of an order, moment by moment, and why."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from tests.domain.sales import (
    PLACED,
    adjust,
    cancellation,
    cash,
    click,
    code,
    decision,
    dispute,
    flat_item,
    flat_order,
    given,
    item,
    nothing,
    offer,
    percent,
    product_tie,
    promises,
    reassign,
    refund,
    sale,
    settled,
    standing,
)
from vouch.domain.attribution import Touch
from vouch.domain.context import Membership
from vouch.domain.facts import Lifecycle
from vouch.domain.ledger import EARNED, HELD, Counted, Difference
from vouch.domain.money import AMOUNT_MAX, OutOfRange
from vouch.domain.rates import Rate
from vouch.domain.settlement import (
    Adjusted,
    Posted,
    Posting,
    RateMissing,
    Recruited,
    Settlement,
    difference,
    matures_at,
    wanted,
)
from vouch.domain.terms import Recruiter, Recurring

MUG = item("mug", "100.00")
Books = dict[Posting, int]


def after(books: Posted, changes: list[Difference]) -> Books:
    standing = dict(books)
    for change in changes:
        key = Posting(change.creator_id, change.part, change.currency, change.matures_at, change.counted)
        standing[key] = standing.get(key, 0) + change.amount
    return {key: amount for key, amount in standing.items() if amount}


def net(settlement: Settlement) -> dict[str, int]:
    return {earning.creator_id: earning.net for earning in settlement.earnings}


@pytest.mark.parametrize(
    "placed_at, hold_days, moment",
    [
        ("2026-05-04T12:00:00+00:00", 14, "2026-05-18T12:00:00+00:00"),
        ("2026-05-04T12:00:01+00:00", 14, "2026-05-18T13:00:00+00:00"),
        ("2026-05-04T12:59:59.999999+00:00", 1, "2026-05-05T13:00:00+00:00"),
        ("2026-02-28T23:30:00+00:00", 1, "2026-03-02T00:00:00+00:00"),
        ("2026-05-04T12:00:01+00:00", 0, "2026-05-04T12:00:01+00:00"),
        ("2026-05-04T12:00:00+00:00", 365, "2027-05-04T12:00:00+00:00"),
    ],
)
def test_a_commission_matures_at_the_full_hour_after_its_hold(placed_at: str, hold_days: int, moment: str) -> None:
    assert matures_at(datetime.fromisoformat(placed_at), hold_days) == datetime.fromisoformat(moment)


def test_each_creator_waits_as_long_as_their_own_program_says() -> None:
    both = promises(offer(model="linear"), vip=offer(hold_days=30))
    settlement = settled(sale(MUG), [click("noa"), click("dan", days=1, program="vip")], terms=both)
    assert wanted(settlement) == {
        Posting("noa", EARNED, "ILS", PLACED + timedelta(days=14), Counted("main", 1, "2026-05")): 500,
        Posting("dan", EARNED, "ILS", PLACED + timedelta(days=30), Counted("vip", 1, "2026-05")): 500,
    }


def test_a_hold_moves_all_that_stands_and_an_approval_moves_it_back() -> None:
    held = settled(sale(MUG), [click("noa")], [decision("hold")])
    free = settled(sale(MUG), [click("noa")])
    there = PLACED + timedelta(days=14), Counted("main", 1, "2026-05")
    assert difference(wanted(held), wanted(free)) == [
        Difference("noa", EARNED, "ILS", -1_000, *there, orders=-1),
        Difference("noa", HELD, "ILS", 1_000, *there, orders=1),
    ]
    assert after(wanted(held), difference(wanted(free), wanted(held))) == wanted(free)


def test_an_order_that_changes_its_currency_changes_its_books() -> None:
    before = wanted(settled(sale(MUG), [click("noa")]))
    now = wanted(settled(sale(MUG, currency="USD"), [click("noa")]))
    changes = difference(now, before)
    assert [(change.currency, change.amount) for change in changes] == [("ILS", -1_000), ("USD", 1_000)]


def test_what_earns_nothing_is_in_no_book() -> None:
    assert wanted(settled(sale(MUG, test=True), [click("noa")])) == {}
    assert wanted(settled(None, [click("noa")], [refund("r1", mug=1)])) == {}


def test_a_line_is_explained_by_its_base_its_rule_and_its_amounts() -> None:
    two = sale(item("mug", "100.00", 2, sku="M"), item("pot", "50.00"))
    terms = promises(offer(percent(20, skus=["M"])))
    mug, pot = settled(two, [click("noa")], [refund("r1", mug=1)], terms).lines
    assert (mug.creator_id, mug.rating.rule, mug.commission, mug.kept_commission) == ("noa", 0, 4_000, 2_000)
    assert (mug.rating.basis.base, mug.rating.basis.kept_base) == (20_000, 10_000)
    assert (mug.rating.basis.quantity, mug.rating.basis.kept_quantity) == (2, 1)
    assert mug.rating.reward == percent(20).reward
    assert (pot.rating.rule, pot.rating.reward, pot.commission) == (None, None, 0)


def test_lines_that_nobody_is_credited_with_are_listed_with_their_base() -> None:
    [line] = settled(sale(MUG), [], [refund("r1", mug="30.00")]).lines
    assert (line.creator_id, line.rating.basis.base, line.rating.basis.kept_base) == (None, 10_000, 7_000)


def test_an_order_that_does_not_earn_still_says_what_it_would_have() -> None:
    [line] = settled(sale(MUG, lifecycle=Lifecycle.OPEN), [click("noa")]).lines
    assert (line.rating.commission, line.commission) == (1_000, 0)


def test_the_heaviest_share_describes_the_order_as_a_whole() -> None:
    both = promises(offer(model="linear"), vip=offer(shipping=True))
    touches = [click("dan"), click("noa", days=1, program="vip"), click("noa", days=2, program="vip", evidence="noa-2")]
    settlement = settled(sale(MUG, shipping="20.00"), touches, terms=both)
    assert [earning.creator_id for earning in settlement.earnings] == ["dan", "noa"]
    assert (settlement.base, settlement.refunded_base) == (12_000, 0)
    assert settlement.lead is not None
    assert (settlement.lead.creator_id, settlement.lead.program_id) == ("noa", "vip")


def test_of_two_equal_shares_the_smaller_id_describes_the_order() -> None:
    both = promises(offer(model="linear"), vip=offer(model="linear"))
    for theirs, hers in (("main", "vip"), ("vip", "main")):
        touches = [click("noa", program=hers), click("dan", days=1, program=theirs)]
        lead = settled(sale(MUG), touches, terms=both).lead
        assert lead is not None
        assert (lead.creator_id, lead.program_id) == ("dan", theirs)


def test_a_line_says_under_whose_terms_it_was_rated() -> None:
    both = promises(offer(model="linear"), vip=offer(percent(20)))
    settlement = settled(sale(MUG), [click("noa"), click("dan", days=1, program="vip")], terms=both)
    rated = [(line.share.program_id, line.commission) for line in settlement.lines if line.share]
    assert rated == [("vip", 1_000), ("main", 500)]


def test_items_of_a_line_in_part_given_back_by_money_all_count() -> None:
    terms = promises(offer(flat_item("5.00")))
    settlement = settled(sale(item("mug", "30.00", 3)), [click("noa")], [refund("r1", amount="89.99")], terms)
    assert net(settlement) == {"noa": 1_500}


def test_a_cap_of_nothing_pays_nothing() -> None:
    settlement = settled(sale(MUG), [click("noa")], terms=promises(offer(cap=cash("0.00"))))
    assert net(settlement) == {"noa": 0}


def test_what_counts_for_caps_and_bonuses_says_for_which_month_at_the_program() -> None:
    """Half past midnight on the first of May in Jerusalem, and the last of April in London."""
    at = datetime.fromisoformat("2026-04-30T21:30:00+00:00")
    order = replace(sale(MUG), placed_at=at)
    touches = [replace(click("noa"), at=at), replace(click("dan", program="vip"), at=at - timedelta(days=1))]
    there = offer(model="linear", time_zone="Asia/Jerusalem")
    both = promises(there, vip=offer(time_zone="Europe/London"))
    posted = wanted(settled(order, touches, terms=both))
    assert {key.creator_id: key.counted for key in posted} == {
        "noa": Counted("main", 1, "2026-05"),
        "dan": Counted("vip", 1, "2026-04"),
    }
    assert {change.orders for change in difference(posted, {})} == {1}
    assert {change.orders for change in difference({}, posted)} == {-1}


def test_an_order_counts_once_whatever_becomes_of_its_amount_and_a_hold_moves_the_count() -> None:
    terms = promises(offer())
    whole, half, none, held = (
        wanted(settled(sale(MUG), [click("noa")], events, terms))
        for events in ([], [refund("r1", mug="50.00")], [refund("r1", mug=1)], [decision("hold")])
    )
    assert [change.orders for change in difference(half, whole)] == [0]
    assert [change.orders for change in difference(none, whole)] == [-1]
    assert [(change.part, change.orders) for change in difference(held, whole)] == [(EARNED, -1), (HELD, 1)]
    one = dict.fromkeys(whole, 1)
    assert [change.orders for change in difference(one, {})] == [1]
    assert [change.orders for change in difference({}, one)] == [-1]
    below = dict.fromkeys(whole, -5)
    assert [change.orders for change in difference(below, {})] == [0]


def test_differences_come_in_a_stable_order_counted_or_not() -> None:
    ripe = PLACED + timedelta(days=14)
    keys = [
        Posting("dan", EARNED, "ILS", ripe),
        Posting("dan", EARNED, "ILS", ripe, Counted("main", 1, "2026-05")),
        Posting("dan", EARNED, "ILS", ripe, Counted("main", 2, "2026-04")),
        Posting("dan", HELD, "ILS", PLACED),
        Posting("noa", EARNED, "ILS", PLACED),
    ]
    for order in (keys, keys[::-1], [keys[number] for number in (2, 0, 1, 4, 3)]):
        changes = difference(dict.fromkeys(order, 7), {})
        assert [(change.creator_id, change.part, change.counted) for change in changes] == [
            (key.creator_id, key.part, key.counted) for key in keys
        ]


def test_what_a_cap_cut_off_is_told_for_each_whom_it_cut() -> None:
    terms = promises(offer(model="linear", cap=cash("6.01")))
    settlement = settled(sale(MUG), [click("noa"), click("dan", days=1)], terms=terms)
    assert net(settlement) == {"dan": 301, "noa": 300}
    assert settlement.off == {"dan": 199, "noa": 200}
    assert settled(sale(MUG), [click("noa")], terms=promises(offer(cap=cash("10.00")))).off == {}


def test_recruiters_shares_are_told_with_whom_they_recruited() -> None:
    terms = promises(offer(model="linear", recruiter=Recruiter(bps=1_000)))
    by = {"recruiter_id": "lea", "recruited_at": PLACED - timedelta(days=30)}
    members = {("noa", "main"): Membership(**by), ("gil", "main"): Membership(**by)}  # type: ignore[arg-type]
    touches = [click("noa"), click("dan", days=1), click("gil", days=2)]
    settlement = settled(sale(MUG), touches, [refund("r1", mug="50.00")], terms, members=members)
    assert settlement.recruited == (
        Recruited("lea", "gil", 1_000, 33, 17),
        Recruited("lea", "noa", 1_000, 33, 17),
    )
    assert net(settlement) == {"dan": 167, "gil": 167, "lea": 34, "noa": 166}
    [lea] = [earning for earning in settlement.earnings if earning.creator_id == "lea"]
    assert (lea.program_id, lea.terms_version, lea.earned, lea.net) == ("main", 1, 66, 34)


def test_what_stood_in_one_recruiters_way_is_no_matter_to_the_next() -> None:
    terms = promises(offer(model="linear", recruiter=Recruiter(bps=1_000)))
    since = PLACED - timedelta(days=30)
    members = {
        ("dan", "main"): Membership(recruiter_id="lea", recruited_at=since, recruiter_barred="not_enrolled"),
        ("gil", "main"): Membership(recruiter_id="lea"),
        ("noa", "main"): Membership(recruiter_id="zoe", recruited_at=since),
    }
    touches = [click("noa"), click("dan", days=1), click("gil", days=2)]
    assert [share.creator_id for share in settled(sale(MUG), touches, terms=terms, members=members).recruited] == [
        "zoe"
    ]


def test_an_adjustment_says_what_stood_before_it() -> None:
    words = [adjust("dan", "7.00", decision_id="d1"), adjust("noa", "12.00", decision_id="d2")]
    settlement = settled(sale(MUG), [click("noa"), given("dan")], words)
    assert settlement.adjusted == {"dan": Adjusted(words[0], 0, "ILS"), "noa": Adjusted(words[1], 1_000, "ILS")}
    assert net(settlement) == {"dan": 700, "noa": 1_200}
    assert [(earning.earned, earning.reversed) for earning in settlement.earnings] == [(700, 0), (1_200, 0)]


def test_an_adjustment_of_somebody_unknown_or_without_terms_sets_nothing_and_those_behind_it_count() -> None:
    words = [
        adjust("adam", "5.00", decision_id="d1"),
        adjust("dan", "7.00", decision_id="d2"),
        adjust("noa", "9.00", decision_id="d3"),
    ]
    without_terms = replace(given("dan"), terms_version=None, problem="no_terms")
    settlement = settled(sale(MUG), [click("noa"), without_terms], words)
    assert net(settlement) == {"noa": 900}
    assert settlement.adjusted.keys() == {"noa"}


def test_a_missing_rate_says_which() -> None:
    with pytest.raises(RateMissing, match="from ILS to USD") as missing:
        settled(sale(MUG), [click("noa")], terms=promises(offer(convert_to="USD")))
    assert (missing.value.currency, missing.value.wanted) == ("ILS", "USD")


def test_sums_that_are_no_amounts_are_refused() -> None:
    most = "9999999999999.99"
    assert net(settled(sale(item("mug", most)), [click("noa")], terms=promises(offer(percent(100))))) == {
        "noa": AMOUNT_MAX
    }
    with pytest.raises(OutOfRange, match=r"^the order's sums are no amounts any more$"):
        settled(sale(item("mug", most), item("pot", "0.01")), [click("noa")])
    with pytest.raises(OutOfRange):
        settled(sale(item("mug", "0.01", 2)), [click("noa")], terms=promises(offer(flat_item(most))))
    two = promises(offer(percent(100), model="linear", recruiter=Recruiter(bps=1)))
    recruited = {("noa", "main"): Membership(recruiter_id="lea", recruited_at=PLACED)}
    with pytest.raises(OutOfRange):
        settled(sale(item("mug", most)), [click("noa")], terms=two, members=recruited)


def test_who_is_given_something_of_anothers_sale_has_no_order_of_their_own() -> None:
    words = [adjust("dan", "7.00", decision_id="d1"), adjust("noa", "12.00", decision_id="d2")]
    dan, noa = settled(sale(MUG), [click("noa"), given("dan")], words).earnings
    assert (dan.net, dan.counted, dan.revenue) == (700, None, 0)
    assert (noa.net, noa.counted, noa.revenue) == (1_200, Counted("main", 1, "2026-05"), 10_000)


def test_a_recruiters_part_is_no_order_of_their_own() -> None:
    """It counts for no cap and no bonus, and is on no revenue."""
    terms = promises(offer(recruiter=Recruiter(bps=1_000)))
    members = {("noa", "main"): Membership(recruiter_id="lea", recruited_at=PLACED - timedelta(days=30))}
    lea, noa = settled(sale(MUG), [click("noa")], terms=terms, members=members).earnings
    assert (lea.creator_id, lea.net, lea.counted, lea.revenue) == ("lea", 100, None, 0)
    assert (noa.creator_id, noa.net, noa.counted, noa.revenue) == ("noa", 1_000, Counted("main", 1, "2026-05"), 10_000)


def test_a_flat_reward_for_the_order_goes_by_what_each_ones_lines_come_to() -> None:
    order = sale(item("mug", "10.00", 10, product_id="mug"), item("pot", "50.00"))
    terms = promises(offer(flat_order("9.00"), product_ties=True))
    touches = [click("dan"), product_tie("noa", "product:mug")]
    assert net(settled(order, touches, terms=terms)) == {"dan": 300, "noa": 600}


def test_of_a_flat_reward_nothing_stays_with_who_has_no_line_left() -> None:
    """A single agora for two lines is the first one's; half of it would be as much, but not whose line is gone."""
    order = sale(item("mug", "50.00", product_id="mug"), item("pot", "50.00"))
    terms = promises(offer(flat_order("0.01"), product_ties=True))
    touches = [click("dan"), product_tie("noa", "product:mug")]
    assert net(settled(order, touches, terms=terms)) == {"dan": 0, "noa": 1}
    assert net(settled(order, touches, [refund("r1", mug=1)], terms)) == {"dan": 0, "noa": 0}


@pytest.mark.parametrize("currency, left", [(None, 100), ("ILS", 100), ("USD", 1_200)])
def test_what_a_dispute_took_beyond_the_goods_is_of_shipping_in_the_orders_currency(
    currency: str | None, left: int
) -> None:
    lost = dispute("lost", "110.00", currency=currency)
    order, terms = sale(MUG, shipping="20.00"), promises(offer(shipping=True))
    assert net(settled(order, [click("noa")], [lost], terms)) == {"noa": left}


def test_what_is_left_to_the_platform_asks_for_no_rate() -> None:
    order, converted = sale(MUG, platform="tiktok_shop"), offer(convert_to="USD")
    settlement = settled(order, [click("noa")], terms=promises(converted))
    assert (settlement.reason, net(settlement)) == ("platform_pays", {"noa": 0})
    on_top = offer(percent(10, platforms=["tiktok_shop"]), convert_to="USD")
    with pytest.raises(RateMissing):
        settled(order, [click("noa")], terms=promises(on_top))


def test_of_a_flat_reward_nobody_has_more_when_anothers_line_comes_back() -> None:
    """0.20 for three is 7, 7 and 6; of the 17 that are left, 3, 7 and 7 would be the nearest."""
    order = sale(*(item(creator, "25.00", 2, product_id=creator) for creator in ("ann", "bea", "cat")))
    touches = [product_tie(creator, f"product:{creator}") for creator in ("ann", "bea", "cat")]
    terms = promises(offer(flat_order("0.20"), product_ties=True))
    assert net(settled(order, touches, terms=terms)) == {"ann": 7, "bea": 7, "cat": 6}
    assert net(settled(order, touches, [refund("r1", ann=1)], terms)) == {"ann": 4, "bea": 7, "cat": 6}


def test_an_orders_own_clicks_and_codes_name_whom_it_ties_its_customer_to_and_no_tie_does() -> None:
    order = sale(item("pot", "50.00"), item("mug", "10.00", product_id="mug"))
    tied = product_tie("noa", "product:mug")
    terms = promises(offer(product_ties=True))
    settlement = settled(order, [click("dan"), tied], terms=terms)
    assert settlement.origin is not None
    assert (settlement.origin.creator_id, net(settlement)) == ("dan", {"dan": 500, "noa": 100})
    assert settled(order, [tied], terms=terms).origin is None


def revenue(settlement: Settlement) -> dict[str, int]:
    return {earning.creator_id: earning.revenue for earning in settlement.earnings}


def test_revenue_is_what_is_kept_of_the_lines_that_earn_by_the_share_of_each() -> None:
    order = sale(item("mug", "100.00", sku="M"), item("pot", "50.00"), item("jug", "30.00"))
    touches = [click("noa"), click("dan", days=1)]
    terms = promises(offer(percent(10), model="linear"))
    assert revenue(settled(order, touches, [refund("r1", jug="10.00")], terms)) == {"dan": 8_500, "noa": 8_500}
    all_but_mugs = promises(offer(nothing(skus=["M"]), percent(10), model="linear"))
    assert revenue(settled(order, touches, terms=all_but_mugs)) == {"dan": 4_000, "noa": 4_000}


def test_revenue_of_a_line_that_is_somebodys_is_theirs_alone() -> None:
    order = sale(item("mug", "10.00", product_id="mug"), item("pot", "50.00"))
    terms = promises(offer(product_ties=True, model="linear"))
    touches = [click("noa"), click("dan", days=1), product_tie("lea", "product:mug")]
    assert revenue(settled(order, touches, terms=terms)) == {"dan": 2_500, "lea": 1_000, "noa": 2_500}


def test_revenue_is_in_what_the_creator_earns() -> None:
    rates = {("ILS", "USD"): Rate(1, 4, "boi", PLACED)}
    settlement = settled(sale(MUG), [click("noa")], terms=promises(offer(convert_to="USD")), rates=rates)
    assert (net(settlement), revenue(settlement)) == ({"noa": 250}, {"noa": 2_500})


def test_who_shares_an_order_describes_it_rather_than_whose_line_is_on_it() -> None:
    order = sale(item("mug", "100.00", product_id="mug"), item("pot", "50.00"))
    terms = promises(offer(product_ties=True, model="linear"))
    shared = [click("noa"), click("lea", days=1), product_tie("dan", "product:mug")]
    lead = settled(order, shared, terms=terms).lead
    assert lead is not None
    assert lead.creator_id == "lea"
    alone = settled(order, [product_tie("dan", "product:mug")], terms=terms).lead
    assert alone is not None
    assert alone.creator_id == "dan"


def test_an_adjusted_order_has_no_reason_to_earn_nothing() -> None:
    words = [adjust("noa", "5.00")]
    unmatched = promises(offer(percent(10, skus=["POT"])))
    assert settled(sale(MUG), [click("noa")], terms=unmatched).reason == "no_rule"
    adjusted = settled(sale(MUG), [click("noa")], words, unmatched)
    assert (adjusted.reason, net(adjusted)) == (None, {"noa": 500})
    assert settled(sale(MUG), []).reason == "no_credit"
    given_to = settled(sale(MUG), [given("noa")], words)
    assert (given_to.reason, net(given_to)) == (None, {"noa": 500})


def test_an_order_of_the_smallest_unit_is_refunded_whole() -> None:
    agora = sale(item("mug", "0.01"))
    assert settled(agora, [click("noa")], [refund("r1", mug=1)]).status == "refunded"
    assert settled(agora, [click("noa")]).status == "paid"


def test_an_order_that_is_off_or_a_test_ties_its_customer_to_nobody() -> None:
    assert settled(sale(MUG), [click("noa")]).origin is not None
    for order, events in (
        (sale(MUG), [cancellation()]),
        (sale(MUG), [decision("reject")]),
        (sale(MUG, test=True), []),
        (sale(MUG, lifecycle=Lifecycle.OPEN), []),
    ):
        assert settled(order, [click("noa")], events).origin is None


def test_what_is_kept_is_shared_by_the_weights_and_not_by_what_they_came_to_in_full() -> None:
    """Three agorot for 40, 20 and 40 parts in a hundred are one each; two are of the outer ones."""
    touches = [click("dan", days=3), click("lea", days=2), click("noa", days=1)]
    settlement = settled(
        sale(item("mug", "0.30")), touches, [refund("r1", mug="0.10")], promises(offer(model="position"))
    )
    assert {each.creator_id: (each.earned, each.net) for each in settlement.earnings} == {
        "dan": (1, 1),
        "lea": (1, 0),
        "noa": (1, 1),
    }


def test_a_recruiter_whose_part_was_adjusted_stands_in_no_others_way() -> None:
    terms = promises(offer(model="linear", recruiter=Recruiter(bps=1_000)))
    since = PLACED - timedelta(days=30)
    members = {
        ("dan", "main"): Membership(recruiter_id="lea", recruited_at=since),
        ("noa", "main"): Membership(recruiter_id="zoe", recruited_at=since),
    }
    touches = [click("noa"), click("dan", days=1), given("lea")]
    settlement = settled(sale(MUG), touches, [adjust("lea", "1.00")], terms, members=members)
    assert [share.creator_id for share in settlement.recruited] == ["zoe"]
    assert net(settlement) == {"dan": 500, "lea": 100, "noa": 500, "zoe": 50}


def test_why_nothing_was_earned_is_of_the_first_who_has_a_limit() -> None:
    """Dan's program has none, and no rule for mugs; Noa's has paid for as many payments as it pays for."""
    both = promises(
        offer(percent(10), model="linear", recurring=Recurring(payments=1)), vip=offer(percent(10, skus=["POT"]))
    )
    order = sale(MUG, subscription="s1")
    touches = [click("noa"), click("dan", days=1, program="vip")]
    paid = {"subscription:s1": standing(register="subscription:s1", payments_before=1)}
    settlement = settled(order, touches, terms=both, standings=paid)
    assert (settlement.reason, net(settlement)) == ("recurring_limit", {"dan": 0, "noa": 0})


def test_an_adjustment_to_nothing_in_another_currency_earned_nothing() -> None:
    [noa] = settled(sale(MUG), [click("noa")], [adjust("noa", "0.00", currency="USD")]).earnings
    assert (noa.currency, noa.earned, noa.reversed) == ("USD", 0, 0)


@pytest.mark.parametrize("led", [click("noa"), code("noa")])
def test_an_order_that_is_given_to_somebody_ties_its_customer_to_whom_its_own_evidence_names(led: Touch) -> None:
    settlement = settled(sale(MUG), [led, given("dan")], [reassign("dan")])
    assert settlement.origin is not None
    assert (settlement.origin.creator_id, net(settlement)) == ("noa", {"dan": 1_000})


def test_who_shares_an_order_is_rated_as_for_that_on_their_own_lines_too() -> None:
    order = sale(item("mug", "100.00", product_id="mug"), item("pot", "50.00"))
    both = promises(offer(percent(10), product_ties=True), vip=offer(percent(20), product_ties=True))
    settlement = settled(order, [click("noa"), product_tie("noa", "product:mug", program="vip")], terms=both)
    assert net(settlement) == {"noa": 1_500}


def test_a_tie_without_terms_is_no_evidence() -> None:
    order = sale(item("mug", "100.00", product_id="mug"))
    tied = replace(product_tie("noa", "product:mug"), terms_version=None, problem="no_terms")
    assert settled(order, [tied], terms=promises(offer(product_ties=True))).candidates == ()


def test_the_brand_gives_an_order_to_whom_it_wants_whatever_its_connection_is_limited_to() -> None:
    both = promises(offer(), vip=offer(percent(20)))
    touches = [click("noa"), given("dan", program="vip")]
    settlement = settled(sale(MUG), touches, [reassign("dan", program="vip")], both, only_program="main")
    assert net(settlement) == {"dan": 2_000}


@pytest.mark.parametrize("tax_included, left", [(False, 157), (True, 125)])
def test_what_a_dispute_took_of_shipping_is_of_what_was_paid_for_it(tax_included: bool, left: int) -> None:
    """5.00 of 23.40 that shipping of 20.00 cost with its tax; or of 20.00 that are 16.60 without it."""
    order = sale(MUG, shipping="20.00", shipping_tax="3.40", tax_included=tax_included)
    lost = dispute("lost", "105.00")
    assert net(settled(order, [click("noa")], [lost], promises(offer(shipping=True)))) == {"noa": left}


def test_a_recruiters_share_counts_nowhere_though_they_share_the_order_themselves() -> None:
    """Dan sells it and recruited Noa, who sells it with him: his own half counts, and what is on top does not."""
    terms = promises(offer(model="linear", recruiter=Recruiter(bps=1_000)))
    members = {("noa", "main"): Membership(recruiter_id="dan", recruited_at=PLACED - timedelta(days=30))}
    touches = [click("noa"), click("dan", days=1)]
    ripe, may = PLACED + timedelta(days=14), Counted("main", 1, "2026-05")
    whole, half, held, gone = (
        settled(sale(MUG), touches, events, terms, members=members)
        for events in ([], [refund("r1", mug="50.00")], [decision("hold")], [refund("r1", mug=1)])
    )
    assert wanted(whole) == {
        Posting("dan", EARNED, "ILS", ripe, may): 500,
        Posting("dan", EARNED, "ILS", ripe): 50,
        Posting("noa", EARNED, "ILS", ripe, may): 500,
    }
    assert [(each.net, each.recruited) for each in half.earnings] == [(275, 25), (250, 0)]
    assert [(each.earned, each.net) for each in whole.earnings] == [(550, 550), (500, 500)]
    assert {(key.part, key.counted): amount for key, amount in wanted(held).items() if key.creator_id == "dan"} == {
        (HELD, may): 500,
        (HELD, None): 50,
    }
    assert wanted(gone) == {}
    [dan, _] = settled(sale(MUG), touches, [decision("reject")], terms, members=members).earnings
    assert (dan.net, dan.recruited) == (0, 0)

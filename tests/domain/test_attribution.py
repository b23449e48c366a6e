"""Attribution: every touch has an outcome, every loser a reason, and the credit sums to the whole."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given

from tests.domain.random_sales import SALES, RandomSale
from tests.domain.sales import BUYER, PLACED, carrying, click, code, item, offer, product_tie, promises, sale
from vouch.domain.attribution import Credit, Touch, credit
from vouch.domain.clicks import ORDER_CLOCK_SLACK
from vouch.domain.money import BPS_WHOLE
from vouch.domain.terms import Model, Terms

ORDER = sale(item("mug", "100.00"))
REFUSED = {
    "unknown_click",
    "no_terms",
    "not_enrolled",
    "self_referral",
    "outside_window",
    "after_order",
    "needs_click",
    "tie_expired",
}
"""Why a touch does not stand at all, whatever else there is."""


def credited(*touches: Touch, terms: Terms | None = None) -> Credit:
    return credit(carrying(ORDER, touches), touches, promises(terms, vip=offer()))


def weights(model: Model, *touches: Touch) -> dict[str, int]:
    shares = credited(*touches, terms=offer(model=model, window_days=3650)).shares
    return {share.creator_id: share.weight for share in shares}


@given(SALES)
def test_the_credit_is_given_away_whole_and_every_loser_is_told_why(sold: RandomSale) -> None:
    decided = sold.credited()
    winners = [candidate for candidate in decided.candidates if candidate.outcome != "lost"]
    assert {candidate.touch for candidate in decided.candidates} <= {*sold.touches}
    assert len({candidate.touch for candidate in decided.candidates}) == len(decided.candidates)
    assert sum(candidate.share_bps or 0 for candidate in winners) == (BPS_WHOLE if decided.shares else 0)
    assert {candidate.touch.creator_id for candidate in winners} == {share.creator_id for share in decided.everyone}
    assert {candidate.outcome for candidate in winners} <= {"credited" if len(decided.everyone) == 1 else "shared"}
    assert all((candidate.reason is None) == (candidate in winners) for candidate in decided.candidates)
    assert all(candidate.share_bps is None for candidate in decided.candidates if candidate not in winners)
    assert {line for candidate in winners for line in candidate.lines} == decided.tied.keys()


@given(SALES)
def test_shares_come_by_creator_one_each_and_none_is_empty(sold: RandomSale) -> None:
    decided = sold.credited()
    for shares in (decided.shares, decided.everyone):
        creators = [share.creator_id for share in shares]
        assert creators == sorted(set(creators))
        assert all(share.weight > 0 for share in shares)


@given(SALES)
def test_where_a_touch_stands_somebody_is_credited(sold: RandomSale) -> None:
    decided = sold.credited()
    assert bool(decided.everyone) == any(candidate.reason not in REFUSED for candidate in decided.candidates)


@given(SALES)
def test_a_touch_that_does_not_stand_changes_nothing_for_anybody(sold: RandomSale) -> None:
    decided = sold.credited()
    standing = [each.touch for each in decided.candidates if each.reason not in REFUSED]
    among_them = credit(carrying(sold.facts.snapshot or sold.order, standing), standing, sold.terms)
    assert replace(among_them, candidates=()) == replace(decided, candidates=())
    assert among_them.candidates == tuple(each for each in decided.candidates if each.touch in standing)


def test_a_creator_with_two_touches_shows_each_ones_part() -> None:
    first, second, other = click("noa", days=1), click("noa", days=2, evidence="noa-2"), click("dan", days=3)
    decided = credited(first, second, other, terms=offer(model="linear"))
    parts = {candidate.touch.evidence: candidate.share_bps for candidate in decided.candidates}
    assert parts == {"dan": 3_334, "noa": 3_333, "noa-2": 3_333}


def test_one_creator_alone_is_credited_not_shared() -> None:
    decided = credited(click("noa", days=1), click("noa", days=2, evidence="noa-2"), terms=offer(model="linear"))
    assert {candidate.outcome for candidate in decided.candidates} == {"credited"}


@pytest.mark.parametrize(
    "touch, reason",
    [
        (Touch("click", "x", problem="unknown_click"), "unknown_click"),
        (click("noa", days=90, barred="not_enrolled", persons=(BUYER,), program="vip"), "not_enrolled"),
        (click("noa", days=90, persons=(BUYER,), program="vip"), "other_program"),
        (click("noa", days=90, persons=(BUYER,)), "self_referral"),
        (click("noa", days=90), "outside_window"),
        (click("noa", minutes=-6), "after_order"),
    ],
)
def test_of_several_reasons_the_one_that_weighs_most_is_told(touch: Touch, reason: str) -> None:
    decided = credit(ORDER, [touch], promises(vip=offer()), only_program="main")
    assert [(candidate.outcome, candidate.reason) for candidate in decided.candidates] == [("lost", reason)]
    assert decided.shares == ()


def test_priority_is_codes_as_listed_then_clicks_the_newest_first_then_ids() -> None:
    """Seen in whose program sets the policy: the first in priority says `last`, all others `linear`."""
    touches = [code("noa"), code("dan"), click("gil", minutes=1), click("lea", minutes=1), click("zoe", days=1)]
    for place, leader in enumerate(touches):
        rest = [replace(touch, program_id="linear") for touch in touches[place + 1 :]]
        terms = promises(offer(model="last"), linear=offer(model="linear", code_policy="joins"))
        group = [leader, *rest]
        decided = credit(carrying(ORDER, group), list(reversed(group)), terms)
        assert [share.creator_id for share in decided.shares] == [leader.creator_id]


def test_a_code_that_the_order_no_longer_lists_comes_after_those_it_does() -> None:
    listed, gone = code("noa"), code("dan")
    decided = credit(carrying(ORDER, [listed]), [gone, listed], promises())
    assert [share.creator_id for share in decided.shares] == ["noa"]


def test_time_decay_halves_with_every_half_life() -> None:
    touches = [click(creator, days=7 * (weeks + 1)) for weeks, creator in enumerate(["dan", "gil", "lea", "noa"])]
    assert weights("time_decay", *touches) == {"dan": 1 << 40, "gil": 1 << 39, "lea": 1 << 38, "noa": 1 << 37}


def test_time_decay_between_half_lives_is_pinned() -> None:
    """2^40 / sqrt(2), cut: the same on every machine, for ever, or old orders would not recompute."""
    assert weights("time_decay", click("dan", days=1), click("noa", days=4, minutes=720)) == {
        "dan": 1 << 40,
        "noa": 777_472_127_993,
    }


def test_time_decay_looks_at_seconds() -> None:
    decayed = weights("time_decay", click("dan", days=1), click("noa", days=1, seconds=1))
    assert 0 < decayed["dan"] - decayed["noa"] < 2_000_000


def test_time_decay_ends_after_forty_half_lives() -> None:
    assert weights("time_decay", click("dan", days=1), click("noa", days=281)) == {"dan": 1 << 40, "noa": 1}
    assert weights("time_decay", click("dan", days=1), click("noa", days=281, seconds=1)) == {"dan": 1 << 40}


@pytest.mark.parametrize(
    "count, shares",
    [(1, [1]), (2, [1, 1]), (3, [40, 20, 40]), (4, [80, 20, 20, 80]), (6, [160, 20, 20, 20, 20, 160])],
)
def test_position_gives_the_ends_forty_percent_each(count: int, shares: list[int]) -> None:
    touches = [click(f"creator {number}", days=number + 1) for number in range(count)]
    assert list(weights("position", *touches).values()) == shares


def test_the_click_at_the_edge_of_the_slack_is_at_order_time() -> None:
    edge = replace(click("noa"), at=PLACED + ORDER_CLOCK_SLACK)
    assert credited(edge).shares[0].creator_id == "noa"
    assert credited(replace(edge, at=PLACED + ORDER_CLOCK_SLACK + timedelta(microseconds=1))).shares == ()


def test_who_is_first_by_two_equal_clicks_is_last_too() -> None:
    clicks = [click("noa", days=1), click("dan", days=1)]
    assert weights("first", *clicks) == weights("last", *clicks) == {"dan": 1}


def test_a_creator_is_rated_by_the_program_of_their_first_touch_whichever_is_credited() -> None:
    older, newer = click("noa", days=2, program="vip"), click("noa", days=1, evidence="noa-2")
    for model in ("linear", "first", "last"):
        decided = credited(older, newer, terms=offer(model=model))
        assert [share.program_id for share in decided.shares] == ["main"]


def test_a_touch_that_does_not_stand_decides_no_program() -> None:
    older, newer = click("noa", days=2, program="vip"), click("noa", days=1, evidence="noa-2", barred="not_enrolled")
    assert [share.program_id for share in credited(older, newer).shares] == ["vip"]


def test_whose_terms_decided_is_told_with_their_policy_and_nobodys_decide_where_no_touch_stands() -> None:
    older, newer = click("noa", days=2), click("dan", days=1, program="vip")
    touches, terms = [older, newer], promises(offer(model="first"), vip=offer(model="linear"))
    assert credit(carrying(ORDER, touches), touches, terms).policy == terms["vip", 1].attribution
    assert credited(click("noa", barred="not_enrolled")).policy is None


def test_a_line_that_is_tied_to_who_shares_the_rest_is_in_the_program_of_that() -> None:
    touches = [click("noa"), product_tie("noa", "product:mug", program="vip")]
    order = carrying(sale(item("mug", "100.00", product_id="mug"), item("pot", "50.00")), touches)
    tying = offer(product_ties=True)
    both = promises(tying, vip=tying)
    assert [share.program_id for share in credit(order, touches, both).tied.values()] == ["main"]
    assert [share.program_id for share in credit(order, touches[1:], both).tied.values()] == ["vip"]


def test_a_line_that_is_tied_is_in_the_program_of_its_creators_first_touch_though_that_wins_nothing() -> None:
    """As a line that is not tied would be, whichever of the creator's touches the model credits."""
    touches = [click("noa", days=1), click("dan", days=2), product_tie("dan", "product:mug", program="vip")]
    order = carrying(sale(item("mug", "100.00", product_id="mug"), item("pot", "50.00")), touches)
    both = promises(offer(product_ties=True), vip=offer(product_ties=True))
    decided = credit(order, touches, both)
    assert [share.creator_id for share in decided.shares] == ["noa"]
    assert [share.program_id for share in decided.tied.values()] == ["main"]
    barred = [touches[0], replace(touches[1], barred="not_enrolled"), touches[2]]
    assert [share.program_id for share in credit(order, barred, both).tied.values()] == ["vip"]

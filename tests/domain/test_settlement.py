"""Settlement: what holds for every order, whoever sold it and whatever came of it."""

from datetime import datetime, timedelta

import pytest

from tests.domain.sales import (
    PLACED,
    cash,
    click,
    decision,
    flat_item,
    item,
    offer,
    percent,
    promises,
    refund,
    sale,
    settled,
)
from vouch.domain.facts import Lifecycle
from vouch.domain.ledger import EARNED, HELD, Difference
from vouch.domain.settlement import (
    Posted,
    Posting,
    Settlement,
    difference,
    matures_at,
    wanted,
)

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
        Posting("noa", EARNED, "ILS", PLACED + timedelta(days=14)): 500,
        Posting("dan", EARNED, "ILS", PLACED + timedelta(days=30)): 500,
    }


def test_a_hold_moves_all_that_stands_and_an_approval_moves_it_back() -> None:
    held = settled(sale(MUG), [click("noa")], [decision("hold")])
    free = settled(sale(MUG), [click("noa")])
    ripe = PLACED + timedelta(days=14)
    assert difference(wanted(held), wanted(free)) == [
        Difference("noa", EARNED, "ILS", -1_000, ripe),
        Difference("noa", HELD, "ILS", 1_000, ripe),
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

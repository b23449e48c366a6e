"""Settlement: what holds for every order, whoever sold it and whatever came of it."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import groupby, product
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.random_sales import CURRENCY, SALES, RandomSale, without_shipping
from tests.domain.sales import (
    PLACED,
    cash,
    click,
    context,
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
from vouch.domain.attribution import Candidate, credit
from vouch.domain.facts import Fact, Lifecycle, OrderFacts, Refund, RefundLine
from vouch.domain.ledger import EARNED, HELD, Counted, Difference
from vouch.domain.money import divide_half_up
from vouch.domain.settlement import (
    Earning,
    LinePart,
    Posted,
    Posting,
    Settlement,
    difference,
    matures_at,
    settle,
    wanted,
)
from vouch.domain.terms import Terms

MUG = item("mug", "100.00")
SEEDS = st.integers(0, 2**32)
Books = dict[Posting, int]


def after(books: Posted, changes: list[Difference]) -> Books:
    standing = dict(books)
    for change in changes:
        key = Posting(change.creator_id, change.part, change.currency, change.matures_at, change.counted)
        standing[key] = standing.get(key, 0) + change.amount
    return {key: amount for key, amount in standing.items() if amount}


def net(settlement: Settlement) -> dict[str, int]:
    return {earning.creator_id: earning.net for earning in settlement.earnings}


@given(SALES)
def test_nobody_gives_back_more_than_they_earned(sold: RandomSale) -> None:
    settlement = sold.settled()
    assert all(0 <= earning.reversed <= earning.earned for earning in settlement.earnings)
    assert all(0 <= line.kept_commission <= line.commission for line in settlement.lines)
    assert all(0 <= line.rating.kept_commission <= line.rating.commission for line in settlement.lines)
    assert 0 <= settlement.refunded_base <= settlement.base


@given(SALES)
def test_shares_sum_to_the_commission_and_each_is_within_a_unit(sold: RandomSale) -> None:
    """Per line and program, where all who share are rated alike; before refunds, which the next test looks at."""
    settlement = sold.settled([])
    creators = {earning.creator_id: (earning.program_id, weight) for earning, weight in _weighed(settlement, sold)}
    whole = sum(weight for _, weight in creators.values())
    for rated_alike in _rated_alike(settlement.lines, {creator: program for creator, (program, _) in creators.items()}):
        commission = rated_alike[0].rating.commission
        if len(rated_alike) == len(creators) and settlement.reason is None:
            assert sum(line.commission for line in rated_alike) == commission
        for line in rated_alike:
            weight = creators[line.creator_id or ""][1]
            assert settlement.reason or abs(line.commission * whole - commission * weight) < whole


@given(SALES)
def test_what_is_kept_is_shared_to_the_unit_too(sold: RandomSale) -> None:
    settlement = sold.settled()
    programs = {earning.creator_id: earning.program_id for earning in settlement.earnings}
    for rated_alike in _rated_alike(settlement.lines, programs):
        if len(rated_alike) == len(programs) and settlement.reason is None:
            assert sum(line.kept_commission for line in rated_alike) == rated_alike[0].rating.kept_commission


@given(SALES)
def test_a_cap_is_never_passed(sold: RandomSale) -> None:
    settlement = sold.settled()
    for program, terms in sold.terms.items():
        cap = terms.commission.cap_per_order
        earnings = [
            earning for earning in settlement.earnings if (earning.program_id, earning.terms_version) == program
        ]
        lines = [line for line in settlement.lines if line.creator_id in {earning.creator_id for earning in earnings}]
        uncapped, kept = sum(line.commission for line in lines), sum(line.kept_commission for line in lines)
        limit = uncapped if cap is None else cap.amount
        assert sum(earning.earned for earning in earnings) == min(limit, uncapped)
        assert sum(earning.net for earning in earnings) <= min(limit, kept)
        assert cap is not None or sum(earning.net for earning in earnings) == kept


@given(SALES, SEEDS)
def test_a_full_refund_ends_at_exactly_zero_however_it_is_cut(sold: RandomSale, seed: int) -> None:
    """By quantity, by amount, by amounts that name no line, in any mixture and any number of refunds."""
    chance, terms = Random(seed), without_shipping(sold.terms)
    settlement = sold.settled([*_whole_back(sold, chance)], terms=terms)
    assert set(net(settlement).values()) <= {0}
    assert settlement.refunded_base == settlement.base
    assert settlement.status == ("refunded" if settlement.base else "paid")


@given(SALES)
def test_what_the_shop_calls_refunded_or_cancelled_leaves_nothing(sold: RandomSale) -> None:
    for lifecycle in (Lifecycle.REFUNDED, Lifecycle.CANCELLED):
        settlement = sold.settled(order=replace(sold.order, lifecycle=lifecycle))
        assert set(net(settlement).values()) <= {0}
        assert settlement.refunded_base == settlement.base
        assert [earning.earned for earning in settlement.earnings] == [
            earning.earned for earning in sold.settled().earnings
        ]


@given(SALES, SEEDS)
def test_how_refunds_are_cut_and_in_which_order_they_come_does_not_matter(sold: RandomSale, seed: int) -> None:
    pieces = _cut(sold.refunds, Random(seed))
    assert net(sold.settled(pieces)) == net(sold.settled())


@given(SALES, SEEDS)
def test_every_way_through_the_facts_ends_at_the_same_books(sold: RandomSale, seed: int) -> None:
    """What is posted on the way is the difference each time; the sums are those of one clean run."""
    chance = Random(seed)
    facts: list[Fact] = [
        sold.order,
        *sold.refunds,
        *sold.refunds,
        decision(chance.choice(["hold", "approve", "reject"])),
    ]
    chance.shuffle(facts)
    touches = context(chance.sample(sold.touches, len(sold.touches)))
    known, books = OrderFacts(), Books()
    for fact in facts:
        known, _ = known.with_facts([fact])
        books = after(books, difference(wanted(settle(known, touches, sold.terms)), books))
    clean = wanted(settle(OrderFacts().with_facts(facts)[0], context(sold.touches), sold.terms))
    assert books == clean
    assert difference(clean, books) == []


@given(SALES, SEEDS)
def test_the_order_in_which_touches_were_found_does_not_matter(sold: RandomSale, seed: int) -> None:
    touches = tuple(Random(seed).sample(sold.touches, len(sold.touches)))
    one, other = sold.settled(), replace(sold, touches=touches).settled()
    assert (one.earnings, one.lines) == (other.earnings, other.lines)
    assert _by_evidence(one.candidates) == _by_evidence(other.candidates)


@given(SALES, SALES)
def test_a_later_version_of_the_terms_changes_no_earlier_order(sold: RandomSale, other: RandomSale) -> None:
    later: dict[tuple[str, int], Terms] = {(program, 2): terms for (program, _), terms in other.terms.items()}
    assert sold.settled(terms={**sold.terms, **later}) == sold.settled()


ACCOUNTS = [
    Posting(*names)
    for names in product(
        ["dan", "noa"],
        [EARNED, HELD],
        ["ILS", "USD"],
        [PLACED, PLACED + timedelta(days=14)],
        [None, Counted("main", 1, "2026-05"), Counted("main", 2, "2026-05")],
    )
]
BOOKS = st.dictionaries(st.sampled_from(ACCOUNTS), st.integers(-9, 9).filter(bool), max_size=6)


@given(BOOKS, BOOKS)
def test_the_difference_posted_gives_what_is_wanted(want: Books, posted: Books) -> None:
    changes = difference(want, posted)
    assert after(posted, changes) == want
    assert all(change.amount for change in changes)
    assert difference(want, want) == []


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


def _weighed(settlement: Settlement, sold: RandomSale) -> list[tuple[Earning, int]]:
    credited = credit(sold.order, sold.touches, sold.terms)
    return list(zip(settlement.earnings, (share.weight for share in credited.shares), strict=True))


def _rated_alike(lines: tuple[LinePart, ...], programs: dict[str, str]) -> list[list[LinePart]]:
    """The parts of each line that come of one rating: one program's terms may still rate two creators differently."""

    def rating(part: LinePart) -> tuple[str, str, str, int, int]:
        known = part.rating
        place = (known.basis.line_id, programs.get(part.creator_id or "", ""), str(known.rule))
        return *place, known.commission, known.kept_commission

    credited = sorted((part for part in lines if part.creator_id is not None), key=rating)
    return [list(group) for _, group in groupby(credited, rating)]


def _by_evidence(candidates: tuple[Candidate, ...]) -> list[Candidate]:
    return sorted(candidates, key=lambda candidate: str(candidate.touch))


def _whole_back(sold: RandomSale, chance: Random) -> list[Refund]:
    """Refunds that together give back what was paid: lines by quantity or amount, the rest by money alone."""
    parts, loose, with_tax = [], 0, chance.random() < 1 / 2
    for line in sold.order.lines:
        price, tax = line.quantity * line.unit_price - line.discount, line.tax
        way = chance.choice(["quantity", "amount", "amount and tax", "both", "money"])
        if way == "quantity":
            parts += [RefundLine(line.id, 1) for _ in range(line.quantity)]
        elif way == "amount":
            first = chance.randint(0, price)
            parts += [RefundLine(line.id, 0, first), RefundLine(line.id, 0, price - first)]
        elif way == "amount and tax":
            first, of_tax = chance.randint(0, price), chance.randint(0, tax)
            parts += [RefundLine(line.id, 0, first, of_tax), RefundLine(line.id, 0, price - first, tax - of_tax)]
        elif way == "both":
            count = chance.randint(0, line.quantity)
            left = price - (divide_half_up(price * count, line.quantity) if count else 0)
            parts += [RefundLine(line.id, count), RefundLine(line.id, 0, left)]
        else:
            loose += price + (tax if with_tax and not sold.order.tax_included else 0)
    chance.shuffle(parts)
    first = chance.randint(0, loose)
    named = [Refund(f"r{number}", PLACED, CURRENCY, (part,)) for number, part in enumerate(parts)]
    money = [
        Refund(f"m{number}", PLACED, CURRENCY, (), amount, amount_with_tax=with_tax)
        for number, amount in enumerate([first, loose - first])
    ]
    return [*named, *money]


def _cut(refunds: tuple[Refund, ...], chance: Random) -> list[Refund]:
    """The same refunds in other pieces: each line by itself, an amount in two, items one by one."""
    lines: list[RefundLine] = []
    amounts: list[tuple[int, bool]] = []
    for told in refunds:
        first = chance.randint(min(0, told.amount), max(0, told.amount))
        amounts += [(first, told.amount_with_tax), (told.amount - first, told.amount_with_tax)]
        for part in told.lines:
            if part.amount is None:
                lines += [RefundLine(part.line_id, 1) for _ in range(part.quantity)]
            else:
                some = chance.randint(0, part.amount)
                of_tax = None if part.tax is None else chance.randint(0, part.tax)
                lines += [
                    RefundLine(part.line_id, part.quantity, some, of_tax),
                    RefundLine(
                        part.line_id, 0, part.amount - some, None if of_tax is None else (part.tax or 0) - of_tax
                    ),
                ]
    pieces = [Refund("", PLACED, CURRENCY, (part,)) for part in lines]
    pieces += [Refund("", PLACED, CURRENCY, (), amount, amount_with_tax=taxed) for amount, taxed in amounts]
    chance.shuffle(pieces)
    return [replace(piece, id=f"p{number}") for number, piece in enumerate(pieces)]

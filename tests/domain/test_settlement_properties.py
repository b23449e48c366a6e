"""Settlement: what holds for every order, whoever sold it, whatever they were promised and whatever came of it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from datetime import timedelta
from decimal import Decimal
from itertools import groupby, product
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.domain.random_sales import CURRENCIES, SALES, RandomSale, random_sale, without_shipping
from tests.domain.sales import PLACED
from vouch.domain.attribution import Candidate, Share
from vouch.domain.facts import Decision, Dispute, Fact, Lifecycle, OrderFacts, Refund, RefundLine
from vouch.domain.ledger import EARNED, HELD, Counted, Difference
from vouch.domain.money import AMOUNT_MAX, OutOfRange, divide_half_up
from vouch.domain.rates import Rate
from vouch.domain.settlement import (
    LinePart,
    Posted,
    Posting,
    RateMissing,
    Settlement,
    difference,
    settle,
    wanted,
)
from vouch.domain.terms import Terms

SEEDS = st.integers(0, 2**32)
NOTHING = {"test_order", "no_credit", "nothing_commissionable", "not_paid"}
"""Why an order as a whole earns nothing, before anything is taken back."""
Books = dict[Posting, int]


# --- shares, rules, caps ----------------------------------------------------------------------------------------------


@given(SALES)
def test_shares_sum_to_the_commission_and_each_is_within_a_unit(sold: RandomSale) -> None:
    """Per line, where all who share it are rated alike: in full, and of what refunds leave."""
    sold = sold.by_the_rules()
    settlement, credited = sold.settled(), sold.credited()
    earns = settlement.reason not in NOTHING
    for line, parts in _by_line(settlement.lines):
        shares = {share.creator_id: share for share in credited.on(line)}
        whole = sum(share.weight for share in shares.values())
        for alike in _rated_alike(parts):
            rating, everyone = alike[0].rating, len(alike) == len(shares)
            assert not everyone or sum(part.commission for part in alike) == (rating.commission if earns else 0)
            assert not everyone or sum(part.kept_commission for part in alike) == (
                rating.kept_commission if earns else 0
            )
            for part in alike if earns else ():
                weight = shares[part.creator_id or ""].weight
                assert abs(part.commission * whole - rating.commission * weight) < whole


@given(SALES)
def test_each_line_earns_what_its_reward_says_by_one_and_the_same_function(sold: RandomSale) -> None:
    """Sold and kept alike, by what is left of each base and count; a flat reward for the order once, over its lines."""
    sold = sold.by_the_rules().alive()
    settlement = sold.settled()
    # What an order that earns nothing would have earned is told in its own currency's units.
    ratings = [part for part in settlement.lines if part.case and settlement.reason not in NOTHING]
    for part in ratings:
        basis, reward, rate = part.rating.basis, part.rating.reward, _rate(part, sold)
        full, kept = part.rating.commission, part.rating.kept_commission
        assert 0 <= basis.kept_base <= basis.base
        assert 0 <= basis.kept_quantity <= basis.quantity
        if reward is None or reward.type == "none":
            assert (full, kept) == (0, 0)
        elif reward.type == "percent":
            assert full == divide_half_up(basis.base * reward.bps * rate[0], 10_000 * rate[1])
            assert kept == divide_half_up(basis.kept_base * reward.bps * rate[0], 10_000 * rate[1])
        elif reward.type == "flat_item" and reward.flat is not None:
            assert (full, kept) == (reward.flat.amount * basis.quantity, reward.flat.amount * basis.kept_quantity)
    for alike in _once_per_order(ratings) if not sold.credited().tied else ():
        reward, bases = alike[0].rating.reward, [part.rating.basis for part in alike]
        sold_for, left = sum(basis.base for basis in bases), sum(basis.kept_base for basis in bases)
        assert reward is not None
        assert reward.flat is not None
        assert sum(part.rating.commission for part in alike) == reward.flat.amount
        assert sum(part.rating.kept_commission for part in alike) == divide_half_up(reward.flat.amount * left, sold_for)


@given(SALES)
def test_lines_less_caps_and_with_recruiters_shares_are_what_is_earned(sold: RandomSale) -> None:
    """No program's part of an order passes its cap; recruiters' shares are on top of it, adjustments beside it."""
    settlement = sold.by_the_rules().settled()
    taken_back = settlement.reason in {"cancelled", "rejected"} or settlement.status == "cancelled"
    full, kept, on_top = Counter[str](), Counter[str](), Counter[str]()
    for line in settlement.lines:
        full[line.creator_id or ""] += line.commission
        kept[line.creator_id or ""] += line.kept_commission
    for share in settlement.recruited:
        on_top[share.creator_id] += share.earned
        commission = full[share.recruited_id] - settlement.off.get(share.recruited_id, 0)
        assert abs(share.earned * 10_000 - commission * share.bps) * 2 <= 10_000
        assert 0 <= share.net <= share.earned
    for earning in settlement.earnings:
        name = earning.creator_id
        assert earning.earned == full[name] - settlement.off.get(name, 0) + on_top[name]
        assert earning.net <= kept[name] + sum(s.net for s in settlement.recruited if s.creator_id == name)
        assert not taken_back or earning.net == 0
    for key, terms in sold.terms.items():
        earnings = [each for each in settlement.earnings if (each.program_id, each.terms_version) == key]
        own = [each for each in earnings if each.creator_id in {part.creator_id for part in settlement.lines}]
        cap = terms.commission.cap_per_order
        most = sum(full[each.creator_id] for each in own)
        if cap is not None and {each.currency for each in own} == {cap.currency}:
            most = min(most, cap.amount)
        assert sum(each.earned - on_top[each.creator_id] for each in own) == most


@given(SALES)
def test_nobody_gives_back_more_than_they_earned_and_the_books_hold_what_stands(sold: RandomSale) -> None:
    settlement = sold.settled()
    assert all(0 <= earning.reversed <= earning.earned for earning in settlement.earnings)
    assert all(0 <= line.kept_commission <= line.commission for line in settlement.lines)
    assert 0 <= settlement.refunded_base <= settlement.base
    posted = wanted(settlement)
    standing = {(earning.creator_id, earning.currency): earning.net for earning in settlement.earnings if earning.net}
    sums = Counter[tuple[str, str]]()
    for key, amount in posted.items():
        sums[key.creator_id, key.currency] += amount
    assert sums == standing
    assert all(0 <= earning.recruited <= earning.net for earning in settlement.earnings)
    disputed = any(isinstance(event, Dispute) and event.status == "open" for event in sold.facts.events.values())
    if disputed or settlement.reason in {"disputed", "refund_currency"} or sold.facts.held:
        assert {key.part for key in posted} <= {HELD}
    else:
        assert {key.part for key in posted} <= {EARNED} or settlement.reason is not None
    assert {float, complex, Decimal}.isdisjoint(_leaves(settlement))


@given(SALES)
def test_an_order_counts_for_whose_sale_it_is_and_for_nobody_else(sold: RandomSale) -> None:
    """Not for who has a part of it for recruiting somebody, or was given one, and nothing else."""
    settlement = sold.settled()
    sellers = {each.touch.creator_id for each in settlement.candidates if each.outcome in {"credited", "shared"}}
    for earning in settlement.earnings:
        if earning.creator_id in sellers:
            assert earning.counted is not None
        else:
            assert (earning.counted, earning.revenue) == (None, 0)


@given(SALES)
def test_an_adjustment_sets_a_creators_net_and_nobody_elses(sold: RandomSale) -> None:
    settlement, ruled = sold.settled(), sold.by_the_rules().settled()
    nets, before = _net(settlement), _net(ruled)
    off = sold.facts.decision("reject") is not None or settlement.status == "cancelled"
    # Who recruited somebody whose part was set has their share of that instead.
    moved = {share.creator_id for share in (*settlement.recruited, *ruled.recruited)} if settlement.adjusted else set()
    for creator, net in nets.items():
        adjusted = settlement.adjusted.get(creator)
        if adjusted is None:
            assert creator in moved or net == before[creator]
        else:
            said = [event for event in sold.events if isinstance(event, Decision) and event.verdict == "adjust"]
            of_creator = [decision for decision in said if decision.creator_id == creator]
            assert adjusted.decision == max(of_creator, key=lambda decision: (decision.updated_at, decision.id))
            assert net == (0 if off else adjusted.decision.amount)


# --- who never earns --------------------------------------------------------------------------------------------------


@given(SALES)
def test_who_is_barred_unknown_or_the_buyer_never_earns(sold: RandomSale) -> None:
    """But by the brand's own word; and where the brand gave the order to somebody, nobody else is credited with it."""
    settlement, given_to = sold.settled(), sold.facts.decision("reassign")
    buyers = {*sold.order.customers, *(name for edit in sold.edits for name in edit.customers)}
    standing = {
        touch.creator_id
        for touch in sold.touches
        if touch.kind != "decision" and not (touch.problem or touch.barred or buyers.intersection(touch.persons))
    }
    recruiters = {
        member.recruiter_id
        for (creator, _), member in sold.context.members.items()
        if not (member.recruiter_barred or buyers.intersection(member.recruiter_persons))
    }
    assert {share.creator_id for share in settlement.recruited} <= recruiters
    shared = {part.creator_id for part in settlement.lines if part.commission}
    if given_to is not None and shared == {given_to.creator_id}:
        shared.clear()
    assert shared <= standing
    earning = {each.creator_id for each in settlement.earnings if each.earned}
    entitled = {part.creator_id for part in settlement.lines} | {share.creator_id for share in settlement.recruited}
    assert earning <= entitled | settlement.adjusted.keys()


# --- what is given back -----------------------------------------------------------------------------------------------


@given(SALES, SEEDS)
def test_a_full_refund_ends_at_exactly_zero_however_it_is_cut(sold: RandomSale, seed: int) -> None:
    """By quantity, by amount, by amounts that name no line, in any mixture and any number of refunds."""
    sold = replace(sold.by_the_rules(), terms=without_shipping(sold.terms))
    settlement = sold.settled([*_whole_back(sold, Random(seed))])
    assert set(_net(settlement).values()) <= {0}
    assert settlement.refunded_base == settlement.base
    assert not settlement.base or settlement.status in {"refunded", "cancelled", "test"}


@given(SALES, st.sampled_from([Lifecycle.REFUNDED, Lifecycle.CANCELLED]))
def test_what_the_shop_calls_refunded_or_cancelled_leaves_nothing(sold: RandomSale, lifecycle: Lifecycle) -> None:
    sold = sold.by_the_rules().alive()
    settlement = replace(sold, order=replace(sold.order, lifecycle=lifecycle)).settled()
    assert set(_net(settlement).values()) <= {0}
    assert settlement.refunded_base == settlement.base
    assert {each.creator_id: each.earned for each in settlement.earnings} == {
        each.creator_id: each.earned for each in sold.settled().earnings
    }


@given(SALES, SEEDS)
def test_how_refunds_are_cut_and_in_which_order_they_come_does_not_matter(sold: RandomSale, seed: int) -> None:
    whole, pieces = sold.settled(), sold.settled(_cut(sold.refunds, Random(seed)))
    assert _net(pieces) == _net(whole)
    assert [part.rating for part in pieces.lines] == [part.rating for part in whole.lines]


# --- order, repetition, company ---------------------------------------------------------------------------------------


@given(SALES, SEEDS)
def test_every_way_through_the_facts_ends_at_the_same_books(sold: RandomSale, seed: int) -> None:
    """What is posted on the way is the difference each time; the sums are those of one clean run.

    So are the counts of orders by which bonuses go: one for each creator who has something, and back again.
    """
    chance, touches = Random(seed), sold.context
    arriving = chance.sample([*sold.told] * 2, 2 * len(sold.told))
    known, books, orders = OrderFacts(), Books(), Counter[tuple[str, Counted]]()
    while arriving:
        size = chance.choice([1, 1, 2, 9])
        batch, arriving = arriving[:size], arriving[size:]
        known, _ = known.with_facts(batch)
        changes = difference(wanted(settle(known, touches, sold.terms)), books)
        books = _after(books, changes)
        for change in changes:
            if change.counted is not None:
                orders[change.creator_id, change.counted] += change.orders
    clean = wanted(sold.settled())
    assert books == clean
    assert difference(clean, books) == []
    counted = {(key.creator_id, key.counted): 1 for key in clean if key.counted is not None}
    assert +orders == counted
    assert set(orders.values()) <= {0, 1}


@given(SALES, SEEDS)
def test_the_order_in_which_touches_were_found_does_not_matter(sold: RandomSale, seed: int) -> None:
    """Codes and handles count in the order in which the shop lists them; clicks by their time, of equal times by id."""
    chance, clicks = Random(seed), sold.order.click_ids
    order = replace(sold.order, click_ids=tuple(chance.sample(clicks, len(clicks))))
    touches = tuple(chance.sample(sold.touches, len(sold.touches)))
    one, other = sold.settled(), replace(sold, order=order, touches=touches).settled()
    assert (one.earnings, one.lead, one.origin, one.reason) == (other.earnings, other.lead, other.origin, other.reason)
    assert _by_evidence(one.candidates) == _by_evidence(other.candidates)


@given(SALES, SALES)
def test_a_later_version_of_the_terms_changes_no_earlier_order(sold: RandomSale, other: RandomSale) -> None:
    later: dict[tuple[str, int], Terms] = {(program, 2): terms for (program, _), terms in other.terms.items()}
    assert replace(sold, terms={**sold.terms, **later}).settled() == sold.settled()


# --- currencies and bounds --------------------------------------------------------------------------------------------


@given(SEEDS, st.permutations(CURRENCIES))
def test_a_currency_is_a_name_where_nothing_is_converted(seed: int, currencies: list[str]) -> None:
    """Minor units are minor units: the same order in shekels, yen or dinars earns as many of them."""
    earned = []
    for currency in currencies[:2]:
        sold = random_sale(seed, currency)
        unconverted = {key: _in_currency(terms, currency) for key, terms in sold.terms.items()}
        settlement = replace(sold, terms=unconverted).settled()
        earned.append([(each.creator_id, each.earned, each.reversed) for each in settlement.earnings])
        assert {each.currency for each in settlement.earnings} <= {currency}
    assert earned[0] == earned[1]


@given(SALES, SEEDS)
def test_whatever_is_known_it_is_settled_or_a_rate_is_missing_or_sums_are_no_amounts(
    sold: RandomSale, seed: int
) -> None:
    chance = Random(seed)
    some: list[Fact] = chance.sample(sold.told, chance.randint(0, len(sold.told)))
    dear = chance.choice([1, 1, 10**4, AMOUNT_MAX])
    order = replace(
        sold.order, lines=tuple(replace(line, unit_price=line.unit_price * dear) for line in sold.order.lines)
    )
    some = [order if fact == sold.order else fact for fact in some]
    rates = chance.choice(
        [{}, dict(sold.context.rates), {pair: Rate(10**24, 1, "", PLACED) for pair in sold.context.rates}]
    )
    facts, _ = OrderFacts().with_facts(some)
    try:
        settlement = settle(facts, replace(sold.context, rates=rates), sold.terms)
    except RateMissing:
        assert not rates
    except OutOfRange:
        assert dear > 1 or max((rate.numerator for rate in rates.values()), default=0) == 10**24
    else:
        sums = settlement.base, sum(line.commission for line in settlement.lines)
        assert max(*sums, sum(earning.earned for earning in settlement.earnings)) <= AMOUNT_MAX


# --- differences ------------------------------------------------------------------------------------------------------

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
    assert _after(posted, changes) == want
    assert all(change.amount for change in changes)
    assert difference(want, want) == []


# --- how to look at them ----------------------------------------------------------------------------------------------


def _after(books: Posted, changes: list[Difference]) -> Books:
    standing = dict(books)
    for change in changes:
        key = Posting(change.creator_id, change.part, change.currency, change.matures_at, change.counted)
        standing[key] = standing.get(key, 0) + change.amount
    return {key: amount for key, amount in standing.items() if amount}


def _net(settlement: Settlement) -> dict[str, int]:
    return {earning.creator_id: earning.net for earning in settlement.earnings}


def _by_line(lines: Iterable[LinePart]) -> Iterator[tuple[Any, list[LinePart]]]:
    """The parts of those who are credited, line by line."""
    credited = sorted((part for part in lines if part.share), key=lambda part: part.rating.basis.line_id)
    for _, parts in groupby(credited, lambda part: part.rating.basis.line_id):
        found = list(parts)
        yield found[0].rating.basis.line, found


def _rated_alike(parts: Sequence[LinePart]) -> list[list[LinePart]]:
    """The parts that come of one rating: one program's terms may still rate two creators differently."""

    def rating(part: LinePart) -> tuple[str, int, int]:
        return f"{_program(part.share)} {part.rating.rule}", part.rating.commission, part.rating.kept_commission

    return [list(group) for _, group in groupby(sorted(parts, key=rating), rating)]


def _once_per_order(parts: Iterable[LinePart]) -> list[list[LinePart]]:
    """What a creator has by one flat reward for the order."""

    def flat(part: LinePart) -> tuple[str, int]:
        return part.creator_id or "", part.rating.rule or 0

    found = [part for part in parts if part.rating.reward and part.rating.reward.type == "flat_order"]
    return [list(group) for _, group in groupby(sorted(found, key=flat), flat)]


def _program(share: Share | None) -> tuple[str, int] | None:
    return (share.program_id, share.terms_version) if share else None


def _rate(part: LinePart, sold: RandomSale) -> tuple[int, int]:
    """What a minor unit of the order's currency is worth in the one in which the part is rated."""
    if part.case is None or part.case.currency == sold.facts.snapshot.currency:  # type: ignore[union-attr]
        return 1, 1
    pair = sold.order.currency, part.case.currency
    return sold.context.rates[pair].fraction(*pair)


def _by_evidence(candidates: tuple[Candidate, ...]) -> list[Candidate]:
    return sorted(candidates, key=lambda candidate: str(candidate.touch))


def _leaves(value: Any) -> Iterator[type]:
    """The types of all that a settlement is made of."""
    if is_dataclass(value):
        for each in fields(value):
            yield from _leaves(getattr(value, each.name))
    elif isinstance(value, Mapping):
        for each in (*value.keys(), *value.values()):
            yield from _leaves(each)
    elif isinstance(value, tuple | frozenset):
        for each in value:
            yield from _leaves(each)
    else:
        yield type(value)


def _in_currency(terms: Terms, currency: str) -> Terms:
    """The terms with every amount in that currency and nothing to convert."""

    def renamed(value: Any) -> Any:
        return value and replace(value, currency=currency)

    commission = terms.commission
    rules = tuple(
        replace(
            rule,
            match=replace(rule.match, order_min=renamed(rule.match.order_min), order_max=renamed(rule.match.order_max)),
            reward=replace(rule.reward, flat=renamed(rule.reward.flat)),
        )
        for rule in commission.rules
    )
    return replace(
        terms,
        convert_to=None,
        commission=replace(commission, rules=rules, cap_per_order=renamed(commission.cap_per_order)),
    )


def _whole_back(sold: RandomSale, chance: Random) -> list[Refund]:
    """Refunds that together give back what was paid: lines by quantity or amount, the rest by money alone."""
    parts, loose, with_tax = [], 0, chance.random() < 1 / 2
    currency = sold.order.currency
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
    named = [Refund(f"r{number}", PLACED, currency, (part,)) for number, part in enumerate(parts)]
    money = [
        Refund(f"m{number}", PLACED, currency, (), amount, amount_with_tax=with_tax)
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
    pieces = [Refund("", PLACED, None, (part,)) for part in lines]
    pieces += [Refund("", PLACED, None, (), amount, amount_with_tax=taxed) for amount, taxed in amounts]
    chance.shuffle(pieces)
    return [replace(piece, id=f"p{number}") for number, piece in enumerate(pieces)]

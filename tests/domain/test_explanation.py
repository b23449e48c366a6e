"""Explanations: they add up, every reason has its words, and a creator sees their own part and nothing else."""

import re
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import vouch
from tests.domain.explanations import BEFORE, KEPT, MUG, NAMES, NEW, POT, SITUATIONS, Situation, kept
from tests.domain.random_sales import CREATORS, SALES, RandomSale
from tests.domain.sales import (
    PLACED,
    Promises,
    adjust,
    cancellation,
    cash,
    click,
    code,
    context,
    decision,
    dispute,
    item,
    offer,
    percent,
    product_tie,
    promises,
    reassign,
    refund,
    sale,
    tie,
)
from tests.domain.sales import given as given_to
from tests.domain.sales import named as named_by
from vouch.domain.attribution import Touch, TouchKind
from vouch.domain.context import Context, Membership, Product
from vouch.domain.errors import NotFound
from vouch.domain.explanation import (
    NOBODY_KNOWS,
    Cause,
    Customer,
    Explanation,
    PassedOver,
    Step,
    Volume,
    explain,
)
from vouch.domain.facts import Event, Lifecycle, OrderFacts, PlatformCommission
from vouch.domain.money import Money
from vouch.domain.rates import Rate
from vouch.domain.settlement import Settlement, settle
from vouch.domain.terms import Commission, CustomerTie, Level, Match, PeriodCap, Recruiter, Recurring, Tiers
from vouch.messages import LANGUAGES, Language
from vouch.words.narration import NAMED_MOST, Names, named, narrate
from vouch.words.speech import Speech

CODE = Path(vouch.__path__[0])
HEBREW_ISOLATES = re.compile("[\u2066\u2068][^\u2066-\u2069\n]*\u2069")


def test_every_situation_is_told_as_it_is_kept() -> None:
    """`python -m tests.domain.explanations` writes the file anew."""
    assert kept() == KEPT.read_text()


# --- what holds of every explanation ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Settled:
    """A random sale, settled once, for everybody who wants to know why."""

    facts: OrderFacts
    context: Context
    terms: Promises
    settlement: Settlement

    def explained(self, viewer: str | None = None) -> Explanation:
        """What the brand sees, or that creator."""
        return explain(self.facts, self.context, self.terms, self.settlement, viewer=viewer)

    @property
    def concerned(self) -> list[str]:
        """Everybody who may read of it."""
        whole = self.explained()
        creators = {claim.creator_id for claim in whole.claims} | {part.creator_id for part in whole.parts}
        return sorted(creator for creator in creators if creator is not None)


def settled_once(sold: RandomSale) -> Settled:
    facts, known = sold.facts, sold.context
    return Settled(facts, known, sold.terms, settle(facts, known, sold.terms))


SETTLED = SALES.map(settled_once)


@given(SETTLED)
def test_the_steps_sum_to_what_the_books_show_and_the_lines_to_the_first_of_them(sold: Settled) -> None:
    explained, settlement = sold.explained(), sold.settlement
    assert [part.creator_id for part in explained.parts] == [each.creator_id for each in settlement.earnings]
    for part, earning in zip(explained.parts, settlement.earnings, strict=True):
        lines = [line for line in explained.lines if line.creator_id == part.creator_id]
        assert sum(step.amount for step in part.steps) == part.net == earning.net
        earned = sum(line.commission for line in lines)
        assert (part.lines, part.lines_commission.amount) == (len(lines), earned)
        assert {line.currency for line in lines} <= {part.lines_commission.currency}
        first = Step("lines", earned) if part.lines_commission.currency == part.currency else None
        assert part.steps[0] == first or (first is None and part.steps[0].kind == "adjusted")
        assert not [step for step in part.steps[1:] if step.kind == "lines"]
        assert (part.currency, part.held, part.hold_until) == (earning.currency, earning.held, earning.matures_at)
        for step in part.steps:
            assert bool(step.causes) == (step.kind == "taken_back")
    amounts = [(line.basis.line_id, line.commission, line.kept_commission) for line in explained.lines]
    books = [(line.rating.basis.line_id, line.commission, line.kept_commission) for line in settlement.lines]
    assert amounts == books


@given(SETTLED)
def test_every_rule_before_the_one_that_matched_says_what_kept_it(sold: Settled) -> None:
    for line in sold.explained().lines:
        rules = sold.terms[line.program_id or "", line.terms_version or 0].commission.rules if line.creator_id else ()
        reached = [passed.rule for passed in line.passed_over]
        if line.rule is not None:
            assert (reached, line.reason) == (list(range(line.rule)), None)
        else:
            assert line.reason is not None
            assert reached == (list(range(len(rules))) if line.reason in ("no_rule", "platform_pays") else [])
        if line.met:
            asked = rules[line.rule or 0].match
            assert [name for name, _ in line.met] == [f.name for f in fields(Match) if getattr(asked, f.name)]


@given(SETTLED)
def test_a_creator_sees_nobody_else_in_data_or_words(sold: Settled) -> None:
    evidence = {claim.evidence: claim.creator_id for claim in sold.explained().claims}
    for viewer in sold.concerned:
        cut = sold.explained(viewer)
        shown = "\n".join([repr(cut), *(narrate(cut, language, Names()) for language in LANGUAGES)])
        assert set(re.findall(rf"\b(?:{'|'.join([*CREATORS, 'zoe'])})\b", shown)) <= {viewer}
        foreign = [text for text, creator in evidence.items() if creator != viewer]
        assert not [text for text in foreign if re.search(rf"\b{text}\b", shown, re.IGNORECASE)]
        assert "shop.example" not in shown
        assert "looked at it" not in shown
        assert {line.creator_id for line in cut.lines} <= {viewer}
        assert [part.creator_id for part in cut.parts] in ([viewer], [])


@given(SETTLED)
def test_a_creator_sees_their_own_part_as_the_brand_sees_it(sold: Settled) -> None:
    whole = sold.explained()
    for viewer in sold.concerned:
        cut = sold.explained(viewer)
        assert cut.claims == tuple(claim for claim in whole.claims if claim.creator_id == viewer)
        assert cut.lines == tuple(line for line in whole.lines if line.creator_id == viewer)
        [*own] = [part for part in whole.parts if part.creator_id == viewer]
        assert [[(step.kind, step.amount, step.causes) for step in part.steps] for part in cut.parts] == [
            [(step.kind, step.amount, step.causes) for step in part.steps] for part in own
        ]


@given(SETTLED, st.sampled_from(LANGUAGES))
def test_every_order_can_be_told_and_no_text_runs_the_wrong_way(sold: Settled, language: Language) -> None:
    for viewer in [None, *sold.concerned]:
        text = narrate(sold.explained(viewer), language, Names())
        assert "{" not in text
        assert "  " not in text
        assert text.count("\n- ") <= 4 * NAMED_MOST * max(1, len(sold.concerned))
        outside, isolated = re.subn(HEBREW_ISOLATES, "", text)
        assert not re.search("[\u2066-\u2069]", outside)
        if language == "he":
            assert not re.search("[A-Za-z]", outside)
        else:
            assert not isolated


# --- for the brand ----------------------------------------------------------------------------------------------------


def explained(
    *touches: Touch, order: Any = None, later: tuple[Event, ...] = (), terms: Promises | None = None, **around: Any
) -> Explanation:
    bought = sale(MUG, POT) if order is None else order
    return Situation("", bought, touches, None, later, terms or promises(), around).explained()


@pytest.mark.parametrize(
    "touch, reason, beaten_by, limit",
    [
        (click("dan", days=31), "outside_window", None, 30),
        (click("dan", days=3), "lower_priority", "code", None),
        (tie("dan", days=400), "tie_expired", None, 12),
        (tie("dan", days=40), "lower_priority", "code", None),
        (product_tie("dan", "product:mug"), "lower_priority", "product", None),
        (code("dan"), "model_share_zero", "code", None),
        (Touch("code", "winter", problem="unknown_code"), "unknown_code", None, None),
    ],
)
def test_who_lost_is_told_to_what_or_by_how_much(
    touch: Touch, reason: str, beaten_by: TouchKind | None, limit: int | None
) -> None:
    terms = promises(offer(customer_tie=CustomerTie(months=12), product_ties=True))
    told = explained(code("noa"), product_tie("noa", "sku:MUG-01"), touch, terms=terms)
    [claim] = [claim for claim in told.claims if claim.outcome == "lost"]
    assert (claim.reason, claim.beaten_by, claim.limit) == (reason, beaten_by, limit)


def test_a_candidate_is_dated_by_what_it_is() -> None:
    given_at = PLACED + timedelta(hours=1)
    told = explained(code("noa"), click("dan", days=1), given_to("lea"), later=(reassign("lea"),))
    assert [(claim.kind, claim.at) for claim in told.claims] == [
        ("code", PLACED),
        ("click", PLACED - timedelta(days=1)),
        ("decision", given_at),
    ]


def test_an_order_is_told_by_its_heaviest_share_and_each_part_by_its_own() -> None:
    terms = promises(
        offer(model="linear", hold_days=7, time_zone="Asia/Jerusalem"), vip=offer(model="linear", hold_days=30)
    )
    visits = [click("noa", days=1, evidence="1"), click("noa", days=2, evidence="2"), click("dan", program="vip")]
    told = explained(*visits, terms=terms, members={("noa", "main"): Membership(tier="gold")})
    assert (told.status, told.reason, told.placed_at, told.currency) == ("paid", None, PLACED, "ILS")
    assert (told.viewer, told.shared, told.lines_total) == (None, True, 4)
    assert (told.program_id, told.terms_version, told.time_zone) == ("main", 1, "Asia/Jerusalem")
    assert told.hold_until == PLACED + timedelta(days=30)
    assert [(claim.program_id, claim.terms_version, claim.lines) for claim in told.claims] == [
        ("main", 1, ()),
        ("main", 1, ()),
        ("vip", 1, ()),
    ]
    dan, noa = told.parts
    assert (noa.share_bps, noa.tier, noa.hold_until) == (66_66, "gold", PLACED + timedelta(days=7))
    assert (dan.share_bps, dan.tier, dan.program_id) == (33_34, None, "vip")
    assert not explained(click("noa")).shared


def test_lines_of_a_product_tie_are_its_creators_and_what_is_nobodys_is_in_the_orders_currency() -> None:
    terms = promises(offer(product_ties=True, convert_to="ILS"))
    rates = {("USD", "ILS"): Rate(4, 1, "boi", PLACED)}
    told = explained(product_tie("noa", "product:mug"), order=sale(MUG, POT, currency="USD"), terms=terms, rates=rates)
    assert [(claim.lines, claim.share_bps) for claim in told.claims] == [(("mug",), None)]
    assert [(line.creator_id, line.currency, line.reason) for line in told.lines] == [
        ("noa", "ILS", None),
        (None, "USD", "no_credit"),
    ]
    [part] = told.parts
    assert (part.share_bps, part.rate) == (None, rates["USD", "ILS"])


def test_what_earns_nothing_as_long_as_it_is_not_paid_is_no_commission_of_a_line_either() -> None:
    told = explained(click("noa"), order=sale(MUG, lifecycle=Lifecycle.OPEN))
    assert [(line.rule, line.whole, line.commission) for line in told.lines] == [(0, 0, 0)]


def test_what_an_unpaid_order_comes_to_in_another_currency_is_not_told_without_a_rate() -> None:
    """A large order is not too small for a rule, nor a small one small enough: nobody knows."""
    rules = [percent(30, order_min=cash("50.00")), percent(20, order_max=cash("5000.00")), percent(10)]
    terms = promises(offer(*rules, convert_to="ILS"))
    unpaid = sale(MUG, currency="USD", lifecycle=Lifecycle.OPEN)
    for rates, rule, passed, unknown in (
        ({}, 2, [PassedOver(0, "rate_missing"), PassedOver(1, "rate_missing")], ("rate_missing",)),
        ({("USD", "ILS"): Rate(4, 1, "boi", PLACED)}, 0, [], ()),
    ):
        told = explained(click("noa"), order=unpaid, terms=terms, rates=rates)
        assert [(line.rule, [*line.passed_over]) for line in told.lines] == [(rule, passed)]
        assert told.unknown == unknown


def test_volume_set_the_rate_of_the_rule_for_everything_alone() -> None:
    tiers = Tiers("month", "orders", (Level(1, 10_00), Level(2, 15_00)))
    terms = promises(offer(percent(20, skus=["POT-01"]), percent(10), tiers=tiers))
    for volume, level in ((None, None), (0, None), (1, Level(1, 10_00)), (2, Level(2, 15_00))):
        told = explained(click("noa"), terms=terms, members={("noa", "main"): Membership(volume=volume)})
        assert [line.level for line in told.lines] == [level, None]


@pytest.mark.parametrize(
    "placed_at, period, counts, told",
    [
        ("2026-05-04T12:00:00Z", "month", "2026-04", "April 2026"),
        ("2026-05-01T20:59:59Z", "month", "2026-03", "March 2026"),  # in its first day, what counted on the last one
        ("2026-05-01T21:00:00Z", "month", "2026-04", "April 2026"),
        ("2026-05-04T12:00:00Z", "quarter", "2026-Q1", "quarter 1 of 2026"),
        ("2026-05-04T12:00:00Z", "year", "2025", "2025"),
    ],
)
def test_the_period_whose_volume_counts_is_named(placed_at: str, period: Any, counts: str, told: str) -> None:
    terms = promises(offer(tiers=Tiers(period, "orders", (Level(1, 1500),)), time_zone="Asia/Jerusalem"))
    order = replace(sale(MUG), placed_at=datetime.fromisoformat(placed_at))
    visit = replace(click("noa"), at=order.placed_at)
    whole = explained(visit, order=order, terms=terms, members={("noa", "main"): Membership(volume=3)})
    assert [part.volume for part in whole.parts] == [Volume(3, "orders", counts)]
    assert f"Volume of {told}: 3 orders. From 1 order on the rate is 15 %." in narrate(whole, "en", NAMES)


def test_a_period_is_told_in_both_languages() -> None:
    names = ["2026-03", "2026-Q2", "2025"]
    assert [Speech("en", "UTC").period(name) for name in names] == ["March 2026", "quarter 2 of 2026", "2025"]
    assert [Speech("he", "UTC").period(name) for name in names] == ["מרץ 2026", "רבעון 2 של 2026", "2025"]


def test_platforms_that_pay_themselves_are_the_reason_only_where_nothing_else_kept_the_rules() -> None:
    order = sale(MUG, platform="tiktok_shop")
    named_alone = percent(10, platforms=["tiktok_shop"], skus=["POT-01"])
    for rules, reason in (
        ((percent(10),), "platform_pays"),
        ((percent(10), named_alone), "no_rule"),
        ((), "platform_pays"),
    ):
        terms = promises(replace(offer(), commission=Commission(rules=rules)))
        told = explained(named_by("noa"), order=order, terms=terms)
        assert [line.reason for line in told.lines] == [reason]
        assert [claim.at for claim in told.claims] == [PLACED]


def test_what_the_platform_pays_stands_with_whom_it_names_and_a_creator_sees_their_own() -> None:
    paid = (PlatformCommission("tiktok:noa", 5_00), PlatformCommission("tiktok:dan", 7_00))
    order = sale(MUG, currency="USD", platform="tiktok_shop", platform_commissions=paid)
    touches = named_by("noa"), named_by("dan"), named_by("lea"), code("gil", evidence="tiktok:noa")
    sold = Situation("", order, touches, None)
    told = {claim.creator_id: claim.platform_commission for claim in sold.explained().claims}
    assert told == {"noa": cash("5.00", "USD"), "dan": cash("7.00", "USD"), "lea": None, "gil": None}
    own = sold.explained("dan")
    assert [claim.platform_commission for claim in own.claims] == [cash("7.00", "USD")]
    for language in LANGUAGES:
        words = narrate(own, language, NAMES)
        assert ("7.00 USD" in words, "5.00 USD" in words) == (True, False)


def test_a_cap_a_recruiter_refunds_and_the_brands_word_are_steps() -> None:
    told = explained(
        click("noa"),
        later=(refund("r1", mug=1), adjust("noa", "3.00")),
        terms=promises(offer(cap=cash("12.00"), recruiter=Recruiter(5_000))),
        members={("noa", "main"): Membership(recruiter_id="dan", recruited_at=PLACED)},
    )
    parts = {part.creator_id: part.steps for part in told.parts}
    assert [(step.kind, step.amount, step.causes) for step in parts["noa"]] == [
        ("lines", 15_00, ()),
        ("cap_per_order", -3_00, ()),
        ("taken_back", -7_00, ("refunds",)),
        ("adjusted", -2_00, ()),
    ]
    assert [(step.kind, step.amount, step.creator_id, step.bps) for step in parts["dan"]] == [
        ("lines", 0, None, None),
        ("recruited", 6_00, "noa", 5_000),
        ("taken_back", -4_50, None, None),
    ]
    assert parts["dan"][2].causes == ("refunds", "adjusted")
    cap, adjusted = parts["noa"][1], parts["noa"][3]
    assert cap.most == cash("12.00")
    assert (adjusted.before, adjusted.after) == (cash("5.00"), cash("3.00"))
    assert (adjusted.actor, adjusted.reason, adjusted.at) == (
        "ops@shop.example",
        "as agreed",
        PLACED + timedelta(hours=1),
    )


@pytest.mark.parametrize(
    "order, later, causes",
    [
        (sale(MUG), [refund("r1", mug=1)], [("refunds",)]),
        (sale(MUG), [refund("r1", amount="10.00"), dispute("lost", "10.00")], [("refunds", "dispute_lost")]),
        (sale(MUG), [dispute("lost")], [("dispute_lost",)]),
        (sale(MUG), [dispute("open"), dispute("won", dispute_id="q2")], []),
        (sale(MUG), [cancellation(), refund("r1", amount="10.00")], [("cancelled",)]),
        (sale(MUG, lifecycle=Lifecycle.CANCELLED), [decision("reject")], [("cancelled",)]),
        (sale(MUG, lifecycle=Lifecycle.REFUNDED), [], [("refunded",)]),
        (sale(MUG), [decision("reject"), refund("r1", amount="10.00")], [("rejected",)]),
        (
            sale(MUG),
            [decision("reject"), refund("r1", amount="10.00"), adjust("noa", "5.00", decision_id="d2")],
            [("refunds",), ("rejected",)],
        ),
        (
            sale(MUG),
            [decision("reject"), refund("r1", mug=1), adjust("noa", "5.00", decision_id="d2")],
            [("refunds",), ("rejected",)],
        ),
        (
            sale(MUG, lifecycle=Lifecycle.REFUNDED),
            [cancellation(), adjust("noa", "5.00", decision_id="d2")],
            [("cancelled",), ("cancelled",)],
        ),
    ],
)
def test_what_was_taken_back_says_what_for(order: Any, later: list[Event], causes: list[tuple[Cause, ...]]) -> None:
    [part] = explained(click("noa"), order=order, later=tuple(later)).parts
    assert [step.causes for step in part.steps if step.kind == "taken_back"] == causes


def test_nothing_is_what_a_brand_may_set_too() -> None:
    [part] = explained(click("noa"), later=(adjust("noa", "0.00"), decision("reject", decision_id="d2"))).parts
    assert [(step.kind, step.amount) for step in part.steps] == [("lines", 15_00), ("adjusted", -15_00)]
    assert part.steps[1].after == cash("0.00")


def test_a_rule_that_fits_nothing_says_why_of_every_line() -> None:
    told = explained(click("noa"), terms=promises(offer(percent(10, countries=["GB"]), percent(5, tags=["x"]))))
    assert [line.reason for line in told.lines] == ["no_rule", "no_rule"]
    assert [passed.condition for passed in told.lines[0].passed_over] == ["countries", "tags_unknown"]


def test_whoever_has_the_largest_share_beat_the_others() -> None:
    old = click("gil", days=300)
    terms = promises(offer(model="time_decay", code_policy="joins", window_days=365))
    told = explained(click("dan", days=60), code("noa"), old, terms=terms)
    assert [(claim.creator_id, claim.beaten_by) for claim in told.claims if claim.outcome == "lost"] == [
        ("gil", "code")
    ]


def test_what_the_brand_set_in_another_currency_takes_the_place_of_all_before() -> None:
    told = explained(click("noa"), later=(adjust("noa", "3.00", currency="USD"), refund("r1", mug=1)))
    [part] = told.parts
    assert (part.currency, part.net, part.lines_commission) == ("USD", 3_00, cash("15.00"))
    [step] = part.steps
    assert (step.kind, step.amount) == ("adjusted", 3_00)
    assert (step.before, step.after) == (cash("5.00"), cash("3.00", "USD"))
    assert [said.amount for said in told.decisions] == [cash("3.00", "USD")]
    text = narrate(told, "en", NAMES)
    assert "- Together: 15.00 ILS.\n- The brand set it to 3.00 USD on 4 May 2026; it had been 5.00 ILS." in text
    assert "- 3.00 USD can be paid out" in text


def test_refunds_and_disputes_are_told_whatever_became_of_them() -> None:
    passed = refund("r4", currency="USD", amount="2.00")
    told = explained(
        click("noa"),
        later=(
            refund("r1", mug=1, amount="5.00"),
            refund("r2", mug="30.00", failed=True),
            refund("r3", currency="USD", amount="1.00"),
            passed,
            refund("r5", currency="USD", mug=1),
            decision("approve", seen=[passed]),
            dispute("lost", "9.00", dispute_id="q1", currency="USD"),
            dispute("lost", "9.00", dispute_id="q2"),
        ),
    )
    assert [(each.id, each.outcome, each.amount, each.items) for each in told.refunds] == [
        ("r1", "counted", cash("5.00"), 1),
        ("r2", "failed", cash("30.00"), 0),
        ("r3", "unclear", cash("1.00", "USD"), 0),
        ("r4", "approved", cash("2.00", "USD"), 0),
        ("r5", "counted", None, 1),
    ]
    assert [(each.id, each.amount, each.unclear) for each in told.disputes] == [
        ("q1", cash("9.00", "USD"), True),
        ("q2", cash("9.00"), False),
    ]


def test_of_decisions_the_newest_of_a_kind_is_in_force_of_adjustments_the_newest_for_each() -> None:
    told = explained(
        click("noa"),
        given_to("lea"),
        later=(
            decision("hold", minutes=1, decision_id="d1"),
            decision("approve", minutes=2, decision_id="d2"),
            decision("hold", minutes=3, decision_id="d3"),
            adjust("noa", "1.00", minutes=4, decision_id="d4"),
            adjust("noa", "2.00", minutes=5, decision_id="d5"),
            adjust("lea", "3.00", minutes=6, decision_id="d6"),
        ),
    )
    assert [(said.kind, said.in_force, said.amount) for said in told.decisions] == [
        ("hold", False, None),
        ("approve", False, None),
        ("hold", True, None),
        ("adjust", False, cash("1.00")),
        ("adjust", True, cash("2.00")),
        ("adjust", True, cash("3.00")),
    ]
    freed = explained(click("noa"), later=(decision("hold", minutes=1), decision("approve", decision_id="d2")))
    assert [said.in_force for said in freed.decisions] == [False, True]


def test_what_a_rule_found_is_told_not_what_else_it_would_have_taken() -> None:
    rule = percent(
        20,
        skus=["MUG-01", "POT-01"],
        product_ids=["mug"],
        collections=["kitchen", "garden"],
        tags=["blue", "red"],
        creator_ids=["dan", "noa"],
        creator_tiers=["gold", "silver"],
        countries=["IL", "GB"],
        platforms=["shopify"],
        customer="new",
        order_min=cash("100.00"),
        order_max=cash("200.00"),
    )
    told = explained(
        click("noa"),
        order=sale(MUG, country="IL"),
        terms=promises(offer(rule)),
        members={("noa", "main"): Membership(tier="gold")},
        products={"mug": Product(tags=("big", "red", "blue"), collections=("kitchen",))},
        **NEW,
    )
    assert told.lines[0].met == (
        ("skus", "MUG-01"),
        ("product_ids", "mug"),
        ("collections", "kitchen"),
        ("tags", "red"),
        ("creator_ids", "noa"),
        ("creator_tiers", "gold"),
        ("countries", "IL"),
        ("platforms", "shopify"),
        ("customer", "new"),
        ("order_min", cash("100.00")),
        ("order_max", cash("200.00")),
    )


def test_what_nobody_knows_is_named() -> None:
    asked: list[dict[str, Any]] = [
        {"tags": ["blue"]},
        {"collections": ["x"]},
        {"customer": "new"},
        {"order_min": cash("1.00")},
    ]
    order = sale(MUG, customers=(), currency="USD", lifecycle=Lifecycle.OPEN)
    rules = [percent(20, **match) for match in asked]
    told = explained(click("noa"), order=order, terms=promises(offer(*rules, percent(10), convert_to="ILS")))
    assert told.unknown == NOBODY_KNOWS
    assert told.lines[0].passed_over == tuple(PassedOver(rule, name) for rule, name in enumerate(NOBODY_KNOWS))
    assert told.customer == Customer(None, None)
    assert explained(click("noa"), order=sale(MUG, customer_new=True)).customer == Customer(
        new=True, known_by="platform"
    )
    assert explained(click("noa"), **NEW).customer == Customer(new=True, known_by="register")


def test_of_many_lines_some_are_shown_and_all_are_counted() -> None:
    order = sale(*(item(f"{number}", "10.00") for number in range(20)))
    situation = Situation("", order, [click("noa", days=1), click("dan")], None, (), promises(offer(model="linear")))
    facts = OrderFacts(replace(order, click_ids=("noa", "dan")))
    known = context(situation.touches)
    settlement = settle(facts, known, situation.terms)
    whole = explain(facts, known, situation.terms, settlement, lines_most=30)
    assert (len(whole.lines), whole.lines_total, [part.lines for part in whole.parts]) == (30, 40, [20, 20])
    cut = explain(facts, known, situation.terms, settlement, viewer="noa", lines_most=30)
    assert (len(cut.lines), cut.lines_total) == (20, 20)
    assert "- 15 lines more: 7.50 ILS." in narrate(whole, "en", Names())
    assert "- 10 lines more: 5.00 ILS." in narrate(cut, "en", Names())
    few = explain(facts, known, situation.terms, settlement, lines_most=5)
    assert "- Together: 10.00 ILS." in narrate(few, "en", Names()).partition("noa's commission")[2]


# --- for a creator ----------------------------------------------------------------------------------------------------


def test_whom_an_order_does_not_concern_finds_nothing() -> None:
    situation = Situation("", sale(MUG), [click("noa")], None)
    assert situation.explained("noa").viewer == "noa"
    with pytest.raises(NotFound):
        situation.explained("dan")


def test_who_has_no_part_of_an_order_learns_why_and_no_more() -> None:
    later = (decision("hold"), reassign("lea", decision_id="d2"), adjust("lea", "1.00", decision_id="d3"))
    lost = Situation("", sale(MUG), [click("noa"), given_to("lea")], "noa", later).explained("noa")
    assert (lost.reason, lost.parts, lost.lines, lost.hold_until, lost.shared) == (None, (), (), None, False)
    assert [(said.kind, said.creator_id, said.reason, said.actor) for said in lost.decisions] == [
        ("reassign", None, None, None)
    ]
    won = Situation("", sale(MUG), [click("noa"), given_to("lea")], "lea", later).explained("lea")
    assert [(said.kind, said.creator_id, said.reason) for said in won.decisions] == [
        ("hold", None, None),
        ("reassign", "lea", None),
        ("adjust", "lea", None),
    ]


def test_the_customer_is_a_creators_business_only_where_it_set_their_rate() -> None:
    asked = percent(20, customer="new")
    for rules, seen in (
        ((percent(10),), False),
        ((percent(5, skus=["POT-01"]), asked), True),
        ((percent(20, customer="returning"), percent(10)), True),
    ):
        situation = Situation("", sale(MUG), [click("noa")], "noa", (), promises(offer(*rules)), NEW)
        assert (situation.explained("noa").customer is not None) is seen
        assert situation.explained().customer is not None


def test_what_nobody_knows_of_the_customer_is_said_to_a_creator_too() -> None:
    terms = promises(offer(percent(20, customer="new"), percent(10)))
    cut = Situation("", sale(MUG, customers=()), [click("noa")], "noa", (), terms).explained("noa")
    assert (cut.customer, cut.unknown) == (Customer(None, None), ("customer_unknown",))


def test_who_has_no_part_of_an_order_is_told_the_time_as_the_order_has_it() -> None:
    lost = Touch("code", "noa10", None, "noa", "main", None, barred="no_terms")
    touches = [lost, click("dan", program="vip")]
    terms = promises(offer(), vip=offer(time_zone="Asia/Jerusalem"))
    cut = Situation("", sale(MUG), touches, "noa", (), terms).explained("noa")
    assert (cut.time_zone, cut.program_id, cut.terms_version) == ("Asia/Jerusalem", "main", None)
    assert (cut.reason, cut.customer) == (None, None)


def test_why_an_order_earns_others_nothing_is_not_told_to_who_has_no_part_of_it() -> None:
    terms = promises(replace(offer(), commission=Commission()))
    situation = Situation("", sale(MUG), [click("noa", days=2), click("dan")], "noa", (), terms)
    assert (situation.explained().reason, situation.explained("noa").reason) == ("no_rule", None)
    assert situation.explained("dan").reason == "no_rule"


def test_refunds_and_disputes_are_the_brands_business_what_they_took_is_the_creators() -> None:
    later = (refund("r1", mug=1), dispute("lost", "10.00"))
    cut = Situation("", sale(MUG, POT), [click("noa")], "noa", later).explained("noa")
    assert (cut.refunds, cut.disputes) == ((), ())
    assert [step.causes for step in cut.parts[0].steps] == [(), ("refunds", "dispute_lost")]


def test_whom_they_recruited_and_at_which_rate_is_not_repeated_to_a_recruiter() -> None:
    members = {("noa", "main"): Membership(recruiter_id="dan", recruited_at=PLACED)}
    terms = promises(offer(recruiter=Recruiter(5_000)))
    cut = Situation("", sale(MUG), [click("noa")], "dan", (), terms, {"members": members}).explained("dan")
    assert [(step.kind, step.amount, step.creator_id, step.bps) for step in cut.parts[0].steps] == [
        ("lines", 0, None, None),
        ("recruited", 5_00, None, None),
    ]
    assert not cut.claims


def test_what_sets_what_lines_earn_is_nothing_to_who_has_none() -> None:
    """A recruiter, whom the buyer's subscription does not concern, and who has something by the brand's word alone."""
    terms = promises(
        offer(
            recruiter=Recruiter(5_000),
            recurring=Recurring(payments=3, months=12),
            cap_per_period=PeriodCap(cash("500.00"), "month"),
            tiers=Tiers("month", "orders", (Level(1, 1500),)),
            convert_to="ILS",
        )
    )
    member = Membership(volume=3, recruiter_id="dan", recruited_at=PLACED)
    known: dict[str, Any] = {"members": {(name, "main"): member for name in ("noa", "dan", "lea")}}
    known["rates"] = {("USD", "ILS"): Rate(4, 1, "boi", PLACED)}
    order = sale(MUG, currency="USD", subscription="s1", subscribed_at=PLACED)
    touches, later = [click("noa"), given_to("lea")], (adjust("lea", "1.00", currency="ILS"),)
    situation = Situation("", order, touches, None, later, terms, known)
    for viewer, seen in (("noa", True), ("dan", False), ("lea", False)):
        [part] = situation.explained(viewer).parts
        around = (part.rate, part.volume, part.subscribed, part.cap_per_period)
        assert [each is not None for each in around] == [seen] * 4
        assert ("subscription" in situation.told("en", viewer)) is seen
        assert part.net


# --- who is credited no longer ----------------------------------------------------------------------------------------


def test_who_is_credited_no_longer_sees_what_they_had_and_why_it_was_taken_back() -> None:
    gone = decision("reject", minutes=5, decision_id="d0"), refund("r1", amount="1.00")
    for later, cause in (
        ((reassign("lea"),), "reassigned"),
        ((), "credited_otherwise"),
        ((reassign("lea"), *gone), "reassigned"),
    ):
        touches = [click("dan"), given_to("lea")]
        situation = Situation("", sale(MUG), touches, "noa", later, former=[BEFORE])
        cut = situation.explained("noa")
        [part] = cut.former
        assert [(step.kind, step.amount, step.causes) for step in part.steps] == [
            ("former", 10_00, ()),
            ("taken_back", -10_00, (cause,)),
        ]
        assert (part.net, part.program_id, part.terms_version) == (0, "main", 1)
        assert (part.lines, part.lines_commission, part.cut_already) == (0, Money(0, "ILS"), 0)
        assert (part.held, part.hold_until) == (False, BEFORE.matures_at)
        assert (cut.parts, cut.claims, cut.lines, cut.shared) == ((), (), (), False)
        assert (cut.reason, cut.hold_until) == (None, None)
        assert [said.kind for said in cut.decisions] == ["reassign"][: len(later)]
        whole = situation.explained()
        assert [each.creator_id for each in whole.former] == ["noa"]
        assert replace(whole, former=()) == replace(situation, former=()).explained()
        assert "noa" not in repr(situation.explained("lea" if later else "dan"))
        with pytest.raises(NotFound):
            situation.explained("gil")


def test_who_had_nothing_and_is_credited_no_longer_has_nothing_to_be_taken_back() -> None:
    nothing = replace(BEFORE, earned=0, reversed=0)
    situation = Situation("", sale(MUG), [click("noa"), click("dan", minutes=1)], "noa", former=[nothing])
    cut = situation.explained("noa")
    assert [part.steps for part in cut.former] == [()]
    assert [claim.reason for claim in cut.claims] == ["model_share_zero"]
    assert "Your commission" not in situation.told("en", "noa")


def test_who_is_credited_no_longer_is_told_their_own_programs_clock() -> None:
    terms = promises(offer(), vip=offer(time_zone="Asia/Jerusalem"))
    before = replace(BEFORE, program_id="vip")
    situation = Situation("", sale(MUG), [click("dan")], "noa", (), terms, former=[before])
    cut = situation.explained("noa")
    assert (cut.time_zone, cut.program_id, cut.terms_version) == ("Asia/Jerusalem", "vip", 1)


def test_who_came_by_a_message_is_told_so_and_of_no_click() -> None:
    visits = [click("noa", days=1, evidence="vis_1"), click("dan", days=2, evidence="vis_2")]
    english, hebrew = (narrate(explained(*visits), language, NAMES) for language in LANGUAGES)
    assert "- Noa: a visit by message on 3 May 2026, 1 day before the order." in english
    assert "- Dan's visit by message of 2 May 2026 (2 days before the order) does not count: " in english
    assert "הביקור של \u2068Dan\u2069 דרך הודעה" in hebrew
    assert "vis_" not in english + hebrew


# --- how it is shared -------------------------------------------------------------------------------------------------


def test_a_percentage_is_said_to_be_of_what_ties_left() -> None:
    terms = promises(offer(model="linear", product_ties=True))
    shared = [click("noa"), click("dan", days=1)]
    for touches, told in ((shared, "Noa, 50 %:"), ([*shared, product_tie("lea", "sku:MUG-01")], "Noa, 50 % of what")):
        assert f"- {told} " in f"{narrate(explained(*touches, terms=terms), 'en', NAMES)} "


@given(SETTLED)
def test_nobody_has_nothing_of_what_they_share_nor_all_of_what_others_share(sold: Settled) -> None:
    text = narrate(sold.explained(), "en", NAMES)
    assert not re.search(r", 0 %(:| of what)", text)
    whole = [claim for claim in sold.explained().claims if claim.share_bps is not None]
    assert len(whole) == 1 or not re.search(r", 100 %(:| of what)", text)


@pytest.mark.parametrize(
    "days, told",
    [
        (0, ["50 %", "50 %"]),
        (14, ["99.99 %", "0.01 %"]),
        (16, ["nearly all", "less than 0.01 %"]),
    ],
)
def test_a_share_is_told_as_far_as_it_can_be_rounded(days: int, told: list[str]) -> None:
    terms = promises(offer(model="time_decay", half_life_days=1))
    clicks = [click("noa", minutes=1), click("dan", days=days, minutes=1)]
    situation = Situation("", sale(MUG), clicks, None, terms=terms)
    assert re.findall(r"^- \w+, (.*?): a click", situation.told("en"), re.MULTILINE) == told
    assert f"- You, {told[1]}: a click" in situation.told("en", "dan")


def test_a_product_tie_leaves_one_who_has_the_rest_alone_all_of_it() -> None:
    terms = promises(offer(product_ties=True))
    told = Situation("", sale(MUG, POT), [click("noa"), product_tie("dan", "sku:MUG-01")], None, terms=terms)
    assert "- You, 100 % of what no product tie took: a click" in told.told("en", "noa")


def test_of_two_each_counts_half_whatever_they_were() -> None:
    terms = promises(offer(model="position"))
    told = Situation("", sale(MUG), [click("noa"), click("dan", days=1)], None, terms=terms).told("en")
    assert "Noa, 50 %:" in told
    assert "counts 40 % each, and all between 20 % together; of two, each counts half." in told


def test_how_an_order_is_shared_is_a_programs_rule_only_if_its_terms_say_so() -> None:
    """Who takes part in a program whose terms say otherwise is told that others decided."""
    terms = promises(offer(model="last"), vip=offer(model="linear"), twin=offer(model="linear"))
    touches = [click("lea", days=1, program="vip"), click("noa", days=2), click("dan", days=3, program="twin")]
    situation = Situation("", sale(MUG), touches, None, terms=terms)
    here, there = "in this program all that led", "by another program's terms all that led"
    for viewer, where, own in (("lea", here, True), ("noa", there, False), ("dan", here, True)):
        assert situation.explained(viewer).policy_is_own is own
        assert f"How it is shared: {where}" in situation.told("en", viewer)
    lost = Situation("", sale(MUG), touches[:2], None, terms=promises(offer(), vip=offer(window_days=9)))
    assert "does not count: in this program the last one" in lost.told("en")
    assert "does not count: by another program's terms the last one" in lost.told("en", "noa")


def test_a_creator_is_told_their_own_programs_terms_and_clock() -> None:
    terms = promises(offer(model="linear"), vip=offer(model="linear", hold_days=0, time_zone="Asia/Jerusalem"))
    touches = [click("dan", days=2), click("lea", days=1), click("noa", program="vip", days=3)]
    situation = Situation("", sale(MUG), touches, "noa", (), terms)
    cut = situation.explained("noa")
    assert (cut.program_id, cut.terms_version, cut.time_zone) == ("vip", 1, "Asia/Jerusalem")
    assert (cut.hold_until, cut.shared) == (PLACED, True)
    assert situation.explained().program_id == "main"


# --- in words ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "later, told",
    [
        ([refund("r1", mug="20.00")], ["2.00"]),
        ([refund("r1", mug=1)], ["5.00"]),
        ([refund("r1", mug=1, pot=1)], []),
        ([dispute("lost", "40.00")], ["4.00"]),
        ([], []),
        ([cancellation()], []),
        ([refund("r1", pot=1), decision("reject")], []),
        ([refund("r1", pot=1), adjust("noa", "7.00")], []),
    ],
)
def test_what_a_refund_took_that_a_cap_had_cut_is_told_as_long_as_something_is_left(
    later: list[Event], told: list[str]
) -> None:
    """Of 15.00 the cap leaves 10.00."""
    terms = promises(offer(cap=cash("10.00")))
    text = Situation("", sale(MUG, POT), [click("noa")], None, later, terms).told("en")
    assert re.findall("Of the commission on what came back, (.*) ILS had been cut already.", text) == told


@pytest.mark.parametrize(
    "later, told",
    [
        ([], "It is not paid yet. It earns nothing until it is paid in full."),
        ([cancellation()], "It was cancelled. So nothing of it is earned."),
        ([refund("r1", mug=1)], "All of its money was given back. So nothing of it is earned."),
    ],
)
def test_only_what_can_still_be_paid_waits_for_it(later: list[Event], told: str) -> None:
    situation = Situation("", sale(MUG, lifecycle=Lifecycle.OPEN), [click("noa")], None, later)
    assert situation.explained().reason == "not_paid"
    assert situation.told("en").partition("\n")[0].endswith(f" {told}")


def test_who_at_the_brand_decided_and_how_the_catalogue_is_told_is_for_programs_to_know() -> None:
    terms = promises(offer(percent(20, tags=["blue"]), percent(10)))
    situation = Situation("", sale(MUG), [click("noa")], None, [decision("hold")], terms)
    assert [said.actor for said in situation.explained().decisions] == ["ops@shop.example"]
    for language in LANGUAGES:
        assert "shop.example" not in situation.told(language)
        assert "/v1/" not in situation.told(language)


@pytest.mark.parametrize(
    "included, taxed, price, told",
    [
        (True, False, "90.00", "76.27 ILS without tax, 90.00 ILS with it, after a discount of 10.00 ILS"),
        (True, True, "90.00", "90.00 ILS, after a discount of 10.00 ILS"),
        (False, False, "103.73", "90.00 ILS without tax, 103.73 ILS with it, after a discount of 10.00 ILS"),
        (False, True, "103.73", "103.73 ILS, after a discount of 10.00 ILS"),
    ],
)
def test_what_a_line_earns_on_is_told_beside_what_the_buyer_pays(
    included: bool, taxed: bool, price: str, told: str
) -> None:
    sold = sale(item("mug", "50.00", 2, sku="MUG-01", discount="10.00", tax="13.73"), tax_included=included)
    situation = Situation("", sold, [click("noa")], None, terms=promises(offer(percent(12), tax=taxed)))
    [line] = situation.explained().lines
    assert Money(line.price, "ILS") == cash(price)
    assert f"ILS, 12 % of {told} (rule 1" in situation.told("en")


def test_what_is_shipped_is_told_with_its_tax_too() -> None:
    for included, base, price in ((True, "24.58", "29.00"), (False, "29.00", "33.42")):
        sold = sale(MUG, shipping="29.00", shipping_tax="4.42", tax_included=included)
        terms = promises(offer(percent(10), shipping=True))
        told = Situation("", sold, [click("noa")], None, terms=terms).told("en")
        assert f", 10 % of {base} ILS without tax, {price} ILS with it (rule 1" in told
        assert "MUG-01: 10.00 ILS, 10 % of 100.00 ILS (rule 1" in told


def test_names_that_are_alike_are_told_apart_by_their_ids() -> None:
    told = explained(click("noa", days=1), click("dan", days=2), terms=promises(offer(model="linear")))
    text = narrate(told, "en", Names(creators={"noa": "Noa", "dan": "Noa"}))
    assert "- Noa (noa), 50 %: a click" in text
    assert "- Noa (dan), 50 %: a click" in text


def test_what_people_wrote_cannot_turn_the_text_around_break_its_lines_or_drown_it() -> None:
    speech = Speech("he", "UTC")
    assert speech.quoted("a\u202eb\u2069c\u2066d") == "\u2068abcd\u2069"
    assert speech.quoted(" one\n- two\t\u2028three ") == "\u2068one - two three\u2069"
    assert speech.quoted("x" * 121) == f"\u2068{'x' * 120}…\u2069"
    english = Speech("en", "UTC")
    assert english.quoted("Noa") == "Noa"
    assert english.quoted("נועה") == "\u2068נועה\u2069"


@pytest.mark.parametrize(
    "amount, currency, told",
    [
        (1_234_567_89, "ILS", "1,234,567.89 ILS"),
        (5, "ILS", "0.05 ILS"),
        (-5, "ILS", "−0.05 ILS"),
        (12_000, "JPY", "12,000 JPY"),
        (1_234, "KWD", "1.234 KWD"),
        (0, "CLF", "0.0000 CLF"),
    ],
)
def test_amounts_have_the_digits_of_their_currency(amount: int, currency: str, told: str) -> None:
    assert Speech("en", "UTC").amount(amount, currency) == told
    assert Speech("he", "UTC").amount(amount, currency) == f"\u2066{told}\u2069"


@pytest.mark.parametrize(
    "bps, told", [(1_000, "10 %"), (1_250, "12.5 %"), (3_333, "33.33 %"), (5, "0.05 %"), (0, "0 %")]
)
def test_rates_have_no_needless_digits(bps: int, told: str) -> None:
    assert Speech("en", "UTC").percent(bps) == told


@pytest.mark.parametrize(
    "language, told",
    [
        ("en", ["0 days", "1 day", "2 days", "1,000 days"]),
        ("he", ["0 ימים", "יום אחד", "יומיים", "1,000 ימים"]),
    ],
)
def test_numbers_of_things_are_told_as_they_are_spoken(language: Language, told: list[str]) -> None:
    assert [Speech(language, "UTC").count("days", number) for number in (0, 1, 2, 1_000)] == told


@pytest.mark.parametrize(
    "apart, told",
    [
        (timedelta(seconds=59), "at the time of the order"),
        (timedelta(minutes=1), "1 minute before the order"),
        (timedelta(minutes=59), "59 minutes before the order"),
        (timedelta(hours=1), "1 hour before the order"),
        (timedelta(hours=23, minutes=59), "23 hours before the order"),
        (timedelta(days=1), "1 day before the order"),
        (-timedelta(minutes=6), "6 minutes after the order"),
    ],
)
def test_how_long_before_the_order_is_told_in_the_largest_unit(apart: timedelta, told: str) -> None:
    assert Speech("en", "UTC").age(PLACED - apart, PLACED) == told


def test_days_are_those_of_the_program_at_home() -> None:
    late = datetime(2026, 12, 31, 22, 30, tzinfo=UTC)
    assert Speech("en", "Asia/Jerusalem").moment(late) == "1 January 2027, 00:30"
    assert Speech("he", "America/New_York").date(late) == "31 בדצמבר 2026"


def test_of_many_candidates_creators_and_decisions_ten_are_named_and_the_rest_is_counted() -> None:
    names = [f"c{number:02}" for number in range(25)]
    terms = promises(offer(model="linear", product_ties=True))
    order = sale(*(item(name, "10.00", product_id=name) for name in names))
    later = tuple(decision("hold", minutes=minute, decision_id=f"d{minute}") for minute in range(12))
    told = explained(*(product_tie(name, f"product:{name}") for name in names), order=order, later=later, terms=terms)
    text = narrate(told, "en", Names())
    assert len(re.findall("is tied to", text)) == NAMED_MOST
    assert len(re.findall("'s commission", text)) == NAMED_MOST
    assert "- And 15 more." in text
    assert "All others\n- 15 creators: 15.00 ILS." in text
    assert len(re.findall("The brand held the order", text)) == NAMED_MOST
    assert text.endswith("- And 2 more.")
    assert named(told) == (set(names[:NAMED_MOST]), {"main"})


def test_whoever_is_named_in_a_text_can_be_looked_up() -> None:
    later = [given_to("gil")]
    told = explained(
        click("noa"),
        code("dan", barred="not_enrolled"),
        *later,
        later=(adjust("gil", "1.00"),),
        terms=promises(offer(recruiter=Recruiter(5_000))),
        members={("noa", "main"): Membership(recruiter_id="lea", recruited_at=PLACED)},
    )
    assert named(told) == ({"noa", "dan", "lea", "gil"}, {"main"})
    text = narrate(told, "en", NAMES)
    assert not re.search(r"\b(noa|dan|lea|gil|main)\b", text)


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.title)
def test_a_situation_reads_the_same_whatever_came_first(situation: Situation) -> None:
    again = replace(situation, later=[*reversed(situation.later)])
    for viewer in dict.fromkeys([None, situation.viewer]):
        assert again.explained(viewer) == situation.explained(viewer)

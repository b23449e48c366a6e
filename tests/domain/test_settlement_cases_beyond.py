"""What an order pays whom, where other orders, other people and other currencies have to do with it.

`tests/domain/cases.py` says how to read a case.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from tests.domain.cases import Case, Runner
from tests.domain.sales import (
    BUYER,
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
    named,
    nothing,
    offer,
    percent,
    product_tie,
    promises,
    reassign,
    refund,
    sale,
    standing,
    tie,
)
from vouch.domain.context import Membership, Product
from vouch.domain.facts import Lifecycle, Snapshot, Standing
from vouch.domain.rates import Rate
from vouch.domain.terms import CustomerTie, Level, Recruiter, Recurring, Tiers

MUG = item("mug", "100.00", product_id="mug", sku="MUG-01")
POT = item("pot", "50.00", product_id="pot", sku="POT-01")
FOR_LIFE, YEAR, FIRST = CustomerTie(), CustomerTie(months=12), CustomerTie(first=True)
REGISTER = f"customer:{BUYER}"
IN_WINTER = datetime(2026, 2, 4, 12, 30, tzinfo=UTC)
"""Three months later it is half past twelve by UTC, and half past eleven where clocks were put forward meanwhile."""


def known(**said: object) -> dict[str, object]:
    """The register's first word on the order, as it is pinned."""
    return {"standings": {REGISTER: Standing(REGISTER, PLACED, **said)}}  # type: ignore[arg-type]


TIES = [
    Case(
        "a customer who comes back without click or code is still who Noa brought, for life",
        sale(MUG),
        [tie("noa", days=900)],
        terms=promises(offer(customer_tie=FOR_LIFE)),
        earns={"noa": "10.00"},
    ),
    Case(
        "no ties in the terms: a customer who comes back is nobody's",
        sale(MUG),
        [tie("noa", days=30)],
        reason="no_credit",
    ),
    Case(
        "a customer tie is the last resort: a click goes before it",
        sale(MUG),
        [tie("noa", days=30), click("dan", days=2)],
        terms=promises(offer(customer_tie=FOR_LIFE)),
        earns={"dan": "10.00"},
        lost={"the first order": "lower_priority"},
    ),
    Case(
        "a customer tie that comes first leaves clicks and codes nothing",
        sale(MUG),
        [code("lea"), click("dan", days=2), tie("noa", days=30)],
        terms=promises(offer(customer_tie=FIRST)),
        earns={"noa": "10.00"},
        lost={"lea10": "lower_priority", "dan": "lower_priority"},
    ),
    Case(
        "a tie of 12 months, and the order is a day short of it",
        sale(MUG),
        [tie("noa", days=364)],
        terms=promises(offer(customer_tie=YEAR)),
        earns={"noa": "10.00"},
    ),
    Case(
        "a tie of 12 months is over on the day",
        sale(MUG),
        [tie("noa", days=365)],
        terms=promises(offer(customer_tie=YEAR)),
        lost={"the first order": "tie_expired"},
        reason="no_credit",
    ),
    Case(
        "a tie of 3 months is over by the clocks of the program's place",
        sale(MUG),
        [replace(tie("noa", days=90), at=IN_WINTER)],
        terms=promises(offer(customer_tie=CustomerTie(months=3), time_zone="Asia/Jerusalem")),
        lost={"the first order": "tie_expired"},
        reason="no_credit",
    ),
    Case(
        "a tie of 3 months is not over yet by UTC",
        sale(MUG),
        [replace(tie("noa", days=90), at=IN_WINTER)],
        terms=promises(offer(customer_tie=CustomerTie(months=3))),
        earns={"noa": "10.00"},
    ),
    Case(
        "linear shares among clicks; the tie behind them takes no part",
        sale(MUG),
        [click("noa", days=3), click("dan", days=2), tie("lea", days=60)],
        terms=promises(offer(model="linear", customer_tie=FOR_LIFE)),
        earns={"noa": "5.00", "dan": "5.00"},
        lost={"the first order": "lower_priority"},
    ),
    Case(
        "who is tied to themselves earns nothing from it",
        sale(MUG),
        [tie("noa", days=30, persons=(BUYER,))],
        terms=promises(offer(customer_tie=FOR_LIFE)),
        lost={"the first order": "self_referral"},
        reason="no_credit",
    ),
    Case(
        "the customer's first order comes to light late: this one is Noa's, then",
        sale(MUG),
        [replace(tie("noa", days=30), evidence="ord_1")],
        [
            standing(
                version=2,
                first=False,
                origin="ord_1",
                origin_at=PLACED - timedelta(days=30),
                creator_id="noa",
                program_id="main",
            )
        ],
        terms=promises(offer(customer_tie=FOR_LIFE)),
        earns={"noa": "10.00"},
        surroundings=known(),
    ),
    Case(
        "the customer's first order turns out to be nobody's: the tie is gone",
        sale(MUG),
        [tie("noa", days=30)],
        [standing(version=2, first=False)],
        terms=promises(offer(customer_tie=FOR_LIFE)),
        reason="no_credit",
    ),
    Case(
        "a product is Noa's: its line is hers, whoever has the rest",
        sale(MUG, POT),
        [code("dan"), product_tie("noa", "product:mug")],
        terms=promises(offer(product_ties=True)),
        earns={"noa": "10.00", "dan": "5.00"},
    ),
    Case(
        "a product is Noa's, and nobody led to the order: her line earns, the other does not",
        sale(MUG, POT),
        [product_tie("noa", "product:mug")],
        terms=promises(offer(product_ties=True)),
        earns={"noa": "10.00"},
    ),
    Case(
        "a SKU says more than the product that it is one of",
        sale(MUG, POT),
        [product_tie("noa", "product:mug"), product_tie("dan", "sku:MUG-01")],
        terms=promises(offer(product_ties=True)),
        earns={"dan": "10.00"},
        lost={"product:mug": "lower_priority"},
    ),
    Case(
        "the tied product was edited away: it is no evidence any more",
        sale(MUG, POT),
        [click("dan"), product_tie("noa", "product:mug")],
        [sale(POT, minutes=30)],
        terms=promises(offer(product_ties=True)),
        earns={"dan": "5.00"},
    ),
    Case(
        "product ties mean nothing where the terms do not know them",
        sale(MUG),
        [click("dan"), product_tie("noa", "product:mug")],
        earns={"dan": "10.00"},
    ),
    Case(
        "two share the rest, half each, and a third has her line to herself",
        sale(MUG, POT),
        [click("dan", days=2), click("lea", days=1), product_tie("noa", "product:mug")],
        terms=promises(offer(model="linear", product_ties=True)),
        earns={"noa": "10.00", "dan": "2.50", "lea": "2.50"},
    ),
    Case(
        "the creator of a tied product has the click, too: all of it is theirs, once",
        sale(MUG, POT),
        [click("noa"), product_tie("noa", "product:mug")],
        terms=promises(offer(product_ties=True)),
        earns={"noa": "15.00"},
    ),
    Case(
        "a tied line comes back: its creator gives back, the other keeps",
        sale(MUG, POT),
        [click("dan"), product_tie("noa", "product:mug")],
        [refund("r1", mug=1)],
        terms=promises(offer(product_ties=True)),
        earns={"noa": "0.00 of 10.00", "dan": "5.00"},
    ),
    Case(
        "all that was sold is Noa's: Dan's code has won nothing, and loses",
        sale(MUG),
        [code("dan"), product_tie("noa", "product:mug")],
        terms=promises(offer(product_ties=True)),
        earns={"noa": "10.00"},
        lost={"dan10": "product_tied"},
    ),
    Case(
        "all that was sold is Noa's, and the terms pay nothing on shipping: there is nothing left for Dan",
        sale(MUG, shipping="20.00"),
        [code("dan"), click("lea"), product_tie("noa", "product:mug")],
        terms=promises(offer(product_ties=True)),
        earns={"noa": "10.00"},
        lost={"dan10": "product_tied", "lea": "lower_priority"},
    ),
    Case(
        "all that was sold is Noa's, whose click has won it, too: her tie goes first",
        sale(MUG),
        [click("noa", days=1), click("dan", days=2), product_tie("noa", "product:mug")],
        terms=promises(offer(product_ties=True)),
        earns={"noa": "10.00"},
        lost={"noa": "product_tied", "dan": "model_share_zero"},
    ),
    Case(
        "who buys their own product earns nothing from it",
        sale(MUG),
        [product_tie("noa", "product:mug", persons=(BUYER,))],
        terms=promises(offer(product_ties=True)),
        lost={"product:mug": "self_referral"},
        reason="no_credit",
    ),
    Case(
        "shipping is no product: whoever has the rest has it",
        sale(MUG, shipping="20.00"),
        [click("dan"), product_tie("noa", "product:mug")],
        terms=promises(offer(product_ties=True, shipping=True)),
        earns={"noa": "10.00", "dan": "2.00"},
    ),
]

TIES += [
    Case(
        "Dan's product is tied in another program than his click's, which wins nothing: it is rated by the click's",
        sale(MUG, POT),
        [click("noa", days=1), click("dan", days=2), product_tie("dan", "product:mug", program="vip")],
        terms=promises(offer(product_ties=True), vip=offer(percent(30), product_ties=True)),
        earns={"noa": "5.00", "dan": "10.00"},
        lost={"dan": "model_share_zero"},
    ),
]
ALL_TIED = [product_tie(creator, f"product:{creator}") for creator in ("ann", "bea", "cat")]
THIRDS = [item(creator, "50.00", product_id=creator) for creator in ("ann", "bea", "cat")]
TIES += [
    Case(
        "20.00 for the order, three have a line each: a third for each, to the unit",
        sale(*THIRDS),
        ALL_TIED,
        terms=promises(offer(flat_order("20.00"), product_ties=True)),
        earns={"ann": "6.67", "bea": "6.67", "cat": "6.66"},
    ),
    Case(
        "two of the three lines come back: only who has the third keeps anything",
        sale(*THIRDS),
        ALL_TIED,
        [refund("r1", ann=1, bea=1)],
        terms=promises(offer(flat_order("20.00"), product_ties=True)),
        earns={"ann": "0.00 of 6.67", "bea": "0.00 of 6.67", "cat": "6.66 of 6.66"},
    ),
    Case(
        "300 yen for the order, a hundred lines each: half each, not 200 and 100",
        sale(*(item(f"l{n}", "1000", product_id="ann" if n < 100 else "bea") for n in range(200)), currency="JPY"),
        ALL_TIED[:2],
        terms=promises(offer(flat_order("300", "JPY"), product_ties=True)),
        earns={"ann": "150", "bea": "150"},
    ),
    Case(
        "a SKU that reads None is no line's that has none",
        sale(item("mug", "10.00", sku="None"), item("pot", "990.00")),
        [code("dan"), product_tie("noa", "sku:None")],
        terms=promises(offer(product_ties=True)),
        earns={"noa": "1.00", "dan": "99.00"},
    ),
]

PLATFORMS = [
    Case(
        "the platform itself names Noa: that is as good as her code",
        sale(MUG),
        [click("dan"), named("noa")],
        earns={"noa": "10.00"},
        lost={"dan": "lower_priority"},
    ),
    Case(
        "a code and the platform's word are paid once: to the code",
        sale(MUG),
        [named("noa"), code("dan")],
        earns={"dan": "10.00"},
        lost={"tiktok:noa": "model_share_zero"},
    ),
    Case(
        "the platform names two: the first that it lists",
        sale(MUG),
        [named("noa"), named("dan")],
        earns={"noa": "10.00"},
        lost={"tiktok:dan": "model_share_zero"},
    ),
    Case(
        "the platform names two, the other way round",
        sale(MUG),
        [named("dan"), named("noa")],
        earns={"dan": "10.00"},
        lost={"tiktok:noa": "model_share_zero"},
    ),
    Case(
        "codes that need a click: the platform's word needs none",
        sale(MUG),
        [named("noa"), code("dan")],
        terms=promises(offer(code_policy="needs_click")),
        earns={"noa": "10.00"},
        lost={"dan10": "needs_click"},
    ),
    Case(
        "TikTok Shop pays its affiliates itself: the order is Noa's, and earns her nothing here",
        sale(MUG, platform="tiktok_shop"),
        [named("noa")],
        earns={"noa": "0.00"},
        reason="platform_pays",
    ),
    Case(
        "a rule that names TikTok Shop pays on top",
        sale(MUG, platform="tiktok_shop"),
        [named("noa")],
        terms=promises(offer(percent(2, platforms=["tiktok_shop"]), percent(10))),
        earns={"noa": "2.00"},
    ),
]

CUSTOMERS = [
    Case(
        "the registers know no earlier order: the customer is new",
        sale(MUG),
        [click("noa")],
        terms=promises(offer(percent(20, customer="new"), percent(10))),
        earns={"noa": "20.00"},
        surroundings=known(),
    ),
    Case(
        "the registers know an earlier order: the customer returns",
        sale(MUG),
        [click("noa")],
        terms=promises(offer(percent(20, customer="new"), percent(10, customer="returning"))),
        earns={"noa": "10.00"},
        surroundings=known(first=False),
    ),
    Case(
        "an earlier order comes late: the customer was not new, and half of it goes back",
        sale(MUG),
        [click("noa")],
        [standing(first=False)],
        terms=promises(offer(percent(20, customer="new"), percent(10))),
        earns={"noa": "10.00"},
        surroundings=known(),
    ),
    Case(
        "a register's older word, told late, changes nothing",
        sale(MUG),
        [click("noa")],
        [standing(version=3, first=False), standing(version=2)],
        terms=promises(offer(percent(20, customer="new"), percent(10))),
        earns={"noa": "10.00"},
        surroundings=known(),
    ),
    Case(
        "the platform's own word goes before ours",
        sale(MUG, customer_new=True),
        [click("noa")],
        terms=promises(offer(percent(20, customer="new"), percent(10))),
        earns={"noa": "20.00"},
        surroundings=known(first=False),
    ),
    Case(
        "nobody knows the buyer: neither new nor returning",
        sale(MUG, customers=()),
        [click("noa")],
        terms=promises(offer(percent(20, customer="new"), percent(15, customer="returning"), percent(10))),
        earns={"noa": "10.00"},
    ),
]

LABELS = [
    Case(
        "the shop says no collections, the catalogue does",
        sale(MUG),
        [click("noa")],
        terms=promises(offer(percent(20, collections=["kitchen"]), percent(10))),
        earns={"noa": "20.00"},
        surroundings={"products": {"mug": Product(collections=("kitchen",))}},
    ),
    Case(
        "neither says them: the rule cannot be told to match, and does not",
        sale(MUG),
        [click("noa")],
        terms=promises(offer(percent(20, collections=["kitchen"]), percent(10))),
        earns={"noa": "10.00"},
        surroundings={"products": {"mug": Product(known=False)}},
    ),
    Case(
        "what the order says itself goes before the catalogue",
        sale(item("mug", "100.00", product_id="mug", collections=("garden",))),
        [click("noa")],
        terms=promises(offer(percent(20, collections=["kitchen"]), percent(10))),
        earns={"noa": "10.00"},
        surroundings={"products": {"mug": Product(collections=("kitchen",))}},
    ),
    Case(
        "a tag from the catalogue",
        sale(MUG, POT),
        [click("noa")],
        terms=promises(offer(percent(20, tags=["sale"]), percent(10))),
        earns={"noa": "20.00"},
        surroundings={"products": {"mug": Product(), "pot": Product(tags=("sale",))}},
    ),
]

BRONZE = Tiers("month", "revenue", (Level(0, 1000), Level(1_000_00, 1500), Level(5_000_00, 2000)))


def sold(volume: int, creator: str = "noa", **said: object) -> dict[str, object]:
    """What the creator sold in the month before, in minor units, and what else is known of them."""
    return {"members": {(creator, "main"): Membership(volume=volume, **said)}}  # type: ignore[arg-type]


MEMBERS = [
    Case(
        "gold creators have a rule of their own",
        sale(MUG),
        [click("noa")],
        terms=promises(offer(percent(25, creator_tiers=["gold", "platinum"]), percent(10))),
        earns={"noa": "25.00"},
        surroundings={"members": {("noa", "main"): Membership(tier="gold")}},
    ),
    Case(
        "who is no gold creator has not",
        sale(MUG),
        [click("noa")],
        terms=promises(offer(percent(25, creator_tiers=["gold"]), percent(10))),
        earns={"noa": "10.00"},
        surroundings={"members": {("noa", "main"): Membership(tier="silver")}},
    ),
    Case(
        "last month came to 999.99: the first level",
        sale(MUG),
        [click("noa")],
        terms=promises(offer(tiers=BRONZE)),
        earns={"noa": "10.00"},
        surroundings=sold(999_99),
    ),
    Case(
        "last month came to exactly 1,000.00: the second",
        sale(MUG),
        [click("noa")],
        terms=promises(offer(tiers=BRONZE)),
        earns={"noa": "15.00"},
        surroundings=sold(1_000_00),
    ),
    Case(
        "a level is for the rule that asks for nothing: the rate on outlet goods stays",
        sale(item("mug", "100.00", tags=("outlet",)), POT),
        [click("noa")],
        terms=promises(offer(percent(2, tags=["outlet"]), percent(10), tiers=BRONZE)),
        earns={"noa": "12.00"},
        surroundings=sold(9_000_00),
    ),
    Case(
        "below the first level the rule's own rate counts",
        sale(MUG),
        [click("noa")],
        terms=promises(offer(tiers=replace(BRONZE, levels=(Level(1_000_00, 1500),)))),
        earns={"noa": "10.00"},
        surroundings=sold(0),
    ),
    Case(
        "each of two who share by their own level",
        sale(MUG),
        [click("noa", days=2), click("dan", days=1)],
        terms=promises(offer(model="linear", tiers=BRONZE)),
        earns={"noa": "10.00", "dan": "5.00"},
        surroundings=sold(9_000_00),
    ),
    Case(
        "Dan recruited Noa: a tenth of what she earns, on top",
        sale(MUG),
        [click("noa")],
        terms=promises(offer(recruiter=Recruiter(1000))),
        earns={"noa": "10.00", "dan": "1.00"},
        surroundings=sold(0, recruiter_id="dan", recruited_at=PLACED - timedelta(days=30)),
    ),
    Case(
        "Dan's part goes back with hers",
        sale(item("mug", "50.00", 2)),
        [click("noa")],
        [refund("r1", mug=1)],
        terms=promises(offer(recruiter=Recruiter(1000))),
        earns={"noa": "5.00 of 10.00", "dan": "0.50 of 1.00"},
        surroundings=sold(0, recruiter_id="dan", recruited_at=PLACED - timedelta(days=30)),
    ),
    Case(
        "who recruits is paid for 12 months",
        sale(MUG),
        [click("noa")],
        terms=promises(offer(recruiter=Recruiter(1000, months=12))),
        earns={"noa": "10.00"},
        surroundings=sold(0, recruiter_id="dan", recruited_at=PLACED - timedelta(days=365)),
    ),
    Case(
        "who recruits is paid for 3 months of the program's place, where clocks were put forward since",
        sale(MUG),
        [click("noa")],
        terms=promises(offer(recruiter=Recruiter(1000, months=3), time_zone="Asia/Jerusalem")),
        earns={"noa": "10.00"},
        surroundings=sold(0, recruiter_id="dan", recruited_at=IN_WINTER),
    ),
    Case(
        "who recruits is paid for 3 months of UTC",
        sale(MUG),
        [click("noa")],
        terms=promises(offer(recruiter=Recruiter(1000, months=3))),
        earns={"noa": "10.00", "dan": "1.00"},
        surroundings=sold(0, recruiter_id="dan", recruited_at=IN_WINTER),
    ),
    Case(
        "a recruiter who has left the program gets nothing",
        sale(MUG),
        [click("noa")],
        terms=promises(offer(recruiter=Recruiter(1000))),
        earns={"noa": "10.00"},
        surroundings=sold(
            0, recruiter_id="dan", recruited_at=PLACED - timedelta(days=30), recruiter_barred="not_enrolled"
        ),
    ),
    Case(
        "a recruiter who buys through whom they recruited gets nothing for it",
        sale(MUG),
        [click("noa")],
        terms=promises(offer(recruiter=Recruiter(1000))),
        earns={"noa": "10.00"},
        surroundings=sold(0, recruiter_id="dan", recruited_at=PLACED - timedelta(days=30), recruiter_persons=(BUYER,)),
    ),
    Case(
        "Dan shares the order and recruited Noa: both parts are one commission of his; his has no recruiter",
        sale(MUG),
        [click("noa", days=2), click("dan", days=1)],
        terms=promises(offer(model="linear", recruiter=Recruiter(1000))),
        earns={"noa": "5.00", "dan": "5.50"},
        surroundings=sold(0, recruiter_id="dan", recruited_at=PLACED - timedelta(days=30)),
    ),
    Case(
        "what the cap cuts off is nobody's, not the recruiter's either",
        sale(MUG),
        [click("noa")],
        terms=promises(offer(recruiter=Recruiter(1000), cap=cash("6.00"))),
        earns={"noa": "6.00", "dan": "0.60"},
        surroundings=sold(0, recruiter_id="dan", recruited_at=PLACED - timedelta(days=30)),
    ),
]


def payment(number: int) -> dict[str, object]:
    """The subscription's payments before this one."""
    register = "subscription:s1"
    return {"standings": {register: Standing(register, PLACED, payments_before=number - 1)}}


def subscribed(days: int = 0) -> Snapshot:
    return sale(MUG, customers=(), subscription="s1", subscribed_at=PLACED - timedelta(days=days))


MARCH_THERE = datetime(2026, 2, 28, 22, 30, tzinfo=UTC)
SUBSCRIPTIONS = [
    Case(
        "a subscription earns for three payments: this is the third",
        subscribed(),
        [click("noa")],
        terms=promises(offer(recurring=Recurring(payments=3))),
        earns={"noa": "10.00"},
        surroundings=payment(3),
    ),
    Case(
        "a subscription earns for three payments: this is the fourth",
        subscribed(),
        [click("noa")],
        terms=promises(offer(recurring=Recurring(payments=3))),
        earns={"noa": "0.00"},
        reason="recurring_limit",
        surroundings=payment(4),
    ),
    Case(
        "an earlier payment comes late: what was the third is the fourth",
        subscribed(),
        [click("noa")],
        [standing(register="subscription:s1", payments_before=3)],
        terms=promises(offer(recurring=Recurring(payments=3))),
        earns={"noa": "0.00"},
        reason="recurring_limit",
        surroundings=payment(3),
    ),
    Case(
        "a subscription earns for 12 months from its start",
        subscribed(days=364),
        [click("noa")],
        terms=promises(offer(recurring=Recurring(months=12))),
        earns={"noa": "10.00"},
        surroundings=payment(12),
    ),
    Case(
        "a subscription of a year and a day earns no more",
        subscribed(days=365),
        [click("noa")],
        terms=promises(offer(recurring=Recurring(months=12))),
        earns={"noa": "0.00"},
        reason="recurring_limit",
        surroundings=payment(13),
    ),
    Case(
        "a subscription began on 1 March there, on 28 February by UTC: its month is March",
        replace(subscribed(), placed_at=datetime(2026, 3, 30, 12, tzinfo=UTC), subscribed_at=MARCH_THERE),
        [click("noa", days=40)],
        terms=promises(offer(recurring=Recurring(months=1), time_zone="Asia/Jerusalem")),
        earns={"noa": "10.00"},
    ),
    Case(
        "a subscription that began on 28 February earns until 28 March",
        replace(subscribed(), placed_at=datetime(2026, 3, 30, 12, tzinfo=UTC), subscribed_at=MARCH_THERE),
        [click("noa", days=40)],
        terms=promises(offer(recurring=Recurring(months=1))),
        earns={"noa": "0.00"},
        reason="recurring_limit",
    ),
    Case(
        "an order that pays no subscription has no limit",
        sale(MUG),
        [click("noa")],
        terms=promises(offer(recurring=Recurring(payments=1))),
        earns={"noa": "10.00"},
    ),
]

EURO = Rate(40_215, 10_000, "bank", PLACED - timedelta(days=1))


def in_euros(*lines: object, **said: object) -> Snapshot:
    return sale(*lines, currency="EUR", **said)  # type: ignore[arg-type]


FIXED = {"rates": {("EUR", "ILS"): EURO}}
CONVERSIONS = [
    Case(
        "an order in euros, a program in shekels that converts: 10 % of 100.00 EUR at 4.0215",
        in_euros(MUG),
        [click("noa")],
        terms=promises(offer(convert_to="ILS")),
        earns={"noa": "40.22"},
        surroundings=FIXED,
    ),
    Case(
        "an order in euros, a program that does not convert: it earns euros",
        in_euros(MUG),
        [click("noa")],
        earns={"noa": "10.00"},
    ),
    Case(
        "converted once, at the end: 1 % of 0.33 EUR is 0.0133 ILS",
        in_euros(item("pin", "0.33")),
        [click("noa")],
        terms=promises(offer(percent(1), convert_to="ILS")),
        earns={"noa": "0.01"},
        surroundings=FIXED,
    ),
    Case(
        "a flat reward in shekels needs no rate",
        in_euros(item("mug", "30.00", 3)),
        [click("noa")],
        [refund("r1", currency="EUR", mug=1)],
        terms=promises(offer(flat_item("5.00"), convert_to="ILS")),
        earns={"noa": "10.00 of 15.00"},
        surroundings=FIXED,
    ),
    Case(
        "a flat reward in shekels on an order in euros, not converted: that rule is passed over",
        in_euros(MUG),
        [click("noa")],
        terms=promises(offer(flat_item("5.00"), percent(10))),
        earns={"noa": "10.00"},
    ),
    Case(
        "an order's value is compared in shekels: 25.00 EUR are 100.54",
        in_euros(item("mug", "25.00")),
        [click("noa")],
        terms=promises(offer(percent(20, order_min=cash("100.00")), percent(10), convert_to="ILS")),
        earns={"noa": "20.11"},
        surroundings=FIXED,
    ),
    Case(
        "24.86 EUR are 99.97: not enough",
        in_euros(item("mug", "24.86")),
        [click("noa")],
        terms=promises(offer(percent(20, order_min=cash("100.00")), percent(10), convert_to="ILS")),
        earns={"noa": "10.00"},
        surroundings=FIXED,
    ),
    Case(
        "a cap in shekels holds what was converted",
        in_euros(MUG),
        [click("noa")],
        terms=promises(offer(convert_to="ILS", cap=cash("30.00"))),
        earns={"noa": "30.00"},
        surroundings=FIXED,
    ),
    Case(
        "all of it comes back: exactly nothing is left, at whatever rate",
        in_euros(item("mug", "33.33", 3)),
        [click("noa")],
        [refund(f"r{number}", currency="EUR", mug=1) for number in range(3)],
        terms=promises(offer(convert_to="ILS")),
        earns={"noa": "0.00 of 40.21"},
        status="refunded",
        surroundings=FIXED,
    ),
    Case(
        "yen into Kuwaiti dinars: no decimals into three",
        sale(item("mug", "12345"), currency="JPY"),
        [click("noa")],
        terms=promises(offer(convert_to="KWD")),
        earns={"noa": "2.531"},
        surroundings={"rates": {("JPY", "KWD"): Rate(205, 100_000, "bank", PLACED)}},
    ),
    Case(
        "TikTok pays itself: an order in euros needs no rate",
        in_euros(MUG, platform="tiktok_shop"),
        [named("noa")],
        terms=promises(offer(convert_to="ILS")),
        earns={"noa": "0.00"},
        reason="platform_pays",
    ),
    Case(
        "an order that earns nothing needs no rate",
        in_euros(MUG, lifecycle=Lifecycle.OPEN),
        [click("noa")],
        terms=promises(offer(convert_to="ILS")),
        earns={"noa": "0.00"},
        reason="not_paid",
        status="open",
    ),
]

DISPUTES = [
    Case(
        "a dispute is open: the order waits",
        sale(MUG),
        [click("noa")],
        [dispute("open")],
        earns={"noa": "10.00"},
        reason="disputed",
        held=True,
    ),
    Case(
        "a dispute is lost: all of it goes back",
        sale(MUG),
        [click("noa")],
        [dispute("open"), dispute("lost", minutes=90)],
        earns={"noa": "0.00 of 10.00"},
        status="refunded",
    ),
    Case(
        "a dispute is won back: as if nothing had been",
        sale(MUG),
        [click("noa")],
        [dispute("open"), dispute("won", minutes=90)],
        earns={"noa": "10.00"},
    ),
    Case(
        "a dispute is lost and then won after all",
        sale(MUG),
        [click("noa")],
        [dispute("lost", minutes=90), dispute("won", minutes=120)],
        earns={"noa": "10.00"},
    ),
    Case(
        "a dispute over 58.50 of 117.00 with tax is lost: half goes back",
        sale(item("mug", "117.00", tax="17.00"), tax_included=True),
        [click("noa")],
        [dispute("lost", "58.50")],
        earns={"noa": "5.00 of 10.00"},
    ),
    Case(
        "shipping earns, and all that was paid with it is lost to the bank: nothing is left",
        sale(MUG, shipping="20.00"),
        [click("noa")],
        [dispute("lost", "120.00")],
        terms=promises(offer(shipping=True)),
        earns={"noa": "0.00 of 12.00"},
        status="refunded",
    ),
    Case(
        "shipping earns, and half of it is lost with the goods",
        sale(MUG, shipping="20.00"),
        [click("noa")],
        [dispute("lost", "110.00")],
        terms=promises(offer(shipping=True)),
        earns={"noa": "1.00 of 12.00"},
    ),
    Case(
        "refunded by half, and the other half lost to the bank: nothing is left, and no more than that",
        sale(item("mug", "50.00", 2)),
        [click("noa")],
        [refund("r1", mug=1), dispute("lost", "60.00")],
        earns={"noa": "0.00 of 10.00"},
        status="refunded",
    ),
    Case(
        "a dispute lost in another currency: nobody can tell how much, so the order waits",
        sale(MUG),
        [click("noa")],
        [dispute("lost", "30.00", currency="USD")],
        earns={"noa": "10.00"},
        reason="refund_currency",
        held=True,
    ),
    Case(
        "two disputes, one won, one open: the order waits",
        sale(MUG),
        [click("noa")],
        [dispute("won"), dispute("open", dispute_id="q2")],
        earns={"noa": "10.00"},
        reason="disputed",
        held=True,
    ),
]

DECISIONS = [
    Case(
        "the brand gives the order to Lea: all of it",
        sale(MUG),
        [click("noa"), code("dan"), given("lea")],
        [reassign("lea")],
        earns={"lea": "10.00"},
        lost={"noa": "reassigned", "dan10": "reassigned"},
    ),
    Case(
        "the brand gives an order to Lea that was nobody's",
        sale(MUG),
        [given("lea")],
        [reassign("lea")],
        earns={"lea": "10.00"},
    ),
    Case(
        "given to Lea, rated by the program that the brand names",
        sale(MUG),
        [click("noa"), given("lea", program="vip")],
        [reassign("lea", program="vip")],
        terms=promises(offer(), vip=offer(percent(30))),
        earns={"lea": "30.00"},
        lost={"noa": "reassigned"},
    ),
    Case(
        "given to Lea, then to Gil: the later word counts",
        sale(MUG),
        [click("noa"), given("lea"), given("gil")],
        [reassign("gil", minutes=90, decision_id="d2"), reassign("lea")],
        earns={"gil": "10.00"},
        lost={"noa": "reassigned"},
    ),
    Case(
        "given to Lea, then half of it comes back",
        sale(item("mug", "50.00", 2)),
        [click("noa"), given("lea")],
        [reassign("lea"), refund("r1", mug=1)],
        earns={"lea": "5.00 of 10.00"},
        lost={"noa": "reassigned"},
    ),
    Case(
        "given to Lea, tied products and all",
        sale(MUG, POT),
        [code("dan"), product_tie("noa", "product:mug"), given("lea")],
        [reassign("lea")],
        terms=promises(offer(product_ties=True)),
        earns={"lea": "15.00"},
        lost={"dan10": "reassigned", "product:mug": "reassigned"},
    ),
    Case(
        "given to Lea and rejected: it earns nothing",
        sale(MUG),
        [given("lea")],
        [reassign("lea"), decision("reject", decision_id="d2")],
        earns={"lea": "0.00 of 10.00"},
        reason="rejected",
    ),
    Case(
        "the brand sets Noa's part to 25.00",
        sale(MUG),
        [click("noa"), given("noa")],
        [adjust("noa", "25.00")],
        earns={"noa": "25.00"},
    ),
    Case(
        "the brand sets Noa's part to 4.00: the rest counts as taken back",
        sale(MUG),
        [click("noa"), given("noa")],
        [adjust("noa", "4.00")],
        earns={"noa": "4.00 of 10.00"},
    ),
    Case(
        "the brand pays Lea something for an order that was Noa's; Noa's stays",
        sale(MUG),
        [click("noa"), given("lea")],
        [adjust("lea", "3.00")],
        earns={"noa": "10.00", "lea": "3.00"},
    ),
    Case(
        "two creators' parts are set; the newest word for each counts",
        sale(MUG),
        [click("noa"), given("noa"), given("lea")],
        [
            adjust("noa", "5.00"),
            adjust("lea", "5.00", decision_id="d2"),
            adjust("lea", "6.00", minutes=90, decision_id="d3"),
        ],
        earns={"noa": "5.00 of 10.00", "lea": "6.00"},
    ),
    Case(
        "Noa's part is set, and then all of the order is given to Lea: nothing is left of the first",
        sale(MUG),
        [click("noa"), given("noa"), given("lea")],
        [adjust("noa", "15.00"), reassign("lea", minutes=90, decision_id="d2")],
        earns={"lea": "10.00"},
        lost={"noa": "reassigned"},
    ),
    Case(
        "Lea's part is set, and then all of the order is given to her: she has what it earns",
        sale(MUG),
        [click("noa"), given("lea")],
        [adjust("lea", "15.00"), reassign("lea", minutes=90, decision_id="d2")],
        earns={"lea": "10.00"},
        lost={"noa": "reassigned"},
    ),
    Case(
        "the order is given to Lea, and then both parts are set: that is what they have",
        sale(MUG),
        [click("noa"), given("noa"), given("lea")],
        [
            reassign("lea", decision_id="d1"),
            adjust("noa", "3.00", minutes=90, decision_id="d2"),
            adjust("lea", "7.00", decision_id="d3"),
        ],
        earns={"noa": "3.00", "lea": "7.00 of 10.00"},
        lost={"noa": "reassigned"},
    ),
    Case(
        "of a word that sets and one that gives away, both of one moment, the one with the later id counts",
        sale(MUG),
        [click("noa"), given("noa"), given("lea")],
        [adjust("noa", "15.00", decision_id="d1"), reassign("lea", decision_id="d2")],
        earns={"lea": "10.00"},
        lost={"noa": "reassigned"},
    ),
    Case(
        "a part that was set stays so when goods come back",
        sale(MUG, POT),
        [click("noa"), given("noa")],
        [adjust("noa", "12.00"), refund("r1", pot=1)],
        earns={"noa": "12.00 of 15.00"},
    ),
    Case(
        "a part that was set is taken back with an order that is cancelled",
        sale(MUG),
        [click("noa"), given("noa")],
        [adjust("noa", "12.00"), cancellation()],
        earns={"noa": "0.00 of 12.00"},
        reason="cancelled",
        status="cancelled",
    ),
    Case(
        "a part of an order that was never paid cannot be set",
        sale(MUG, lifecycle=Lifecycle.OPEN),
        [click("noa"), given("noa")],
        [adjust("noa", "12.00")],
        earns={"noa": "0.00"},
        reason="not_paid",
        status="open",
    ),
    Case(
        "Noa's part is set: who recruited her has a tenth of that",
        sale(MUG),
        [click("noa"), given("noa")],
        [adjust("noa", "5.00")],
        terms=promises(offer(recruiter=Recruiter(1000))),
        earns={"noa": "5.00 of 10.00", "dan": "0.50 of 1.00"},
        surroundings=sold(0, recruiter_id="dan", recruited_at=PLACED - timedelta(days=30)),
    ),
    Case(
        "the recruiter's part is set: that is all he has of the order",
        sale(MUG),
        [click("noa"), given("dan")],
        [adjust("dan", "3.00")],
        terms=promises(offer(recruiter=Recruiter(1000))),
        earns={"noa": "10.00", "dan": "3.00"},
        surroundings=sold(0, recruiter_id="dan", recruited_at=PLACED - timedelta(days=30)),
    ),
    Case(
        "a part that was set in shekels stays in shekels, whatever the order comes to be in",
        sale(MUG),
        [click("noa"), given("noa")],
        [adjust("noa", "5.00"), sale(MUG, currency="USD", minutes=120)],
        earns={"noa": "5.00"},
    ),
    Case(
        "Noa's part is set to nothing",
        sale(MUG),
        [click("noa"), given("noa")],
        [adjust("noa", "0.00")],
        earns={"noa": "0.00 of 10.00"},
    ),
]

FAULTS = [
    Case(
        "known elsewhere: a refund of one of five mugs voids the whole commission. Here it takes a fifth",
        sale(item("mug", "20.00", 5)),
        [click("noa")],
        [refund("r1", mug=1)],
        earns={"noa": "8.00 of 10.00"},
    ),
    Case(
        "known elsewhere: an old order is rated anew by today's terms when it is refunded. Here by its own",
        sale(item("mug", "50.00", 2)),
        [click("noa")],
        [refund("r1", mug=1)],
        terms={**promises(), ("main", 2): offer(percent(50))},
        earns={"noa": "5.00 of 10.00"},
    ),
    Case(
        "known elsewhere: two codes on one order are both paid in full. Here once",
        sale(MUG),
        [code("noa"), code("dan")],
        earns={"noa": "10.00"},
        lost={"dan10": "model_share_zero"},
    ),
    Case(
        "known elsewhere: an edit upwards after a refund pays on what was refunded. Here on what was bought",
        sale(item("mug", "50.00", 2)),
        [click("noa")],
        [refund("r1", mug=1), sale(item("mug", "50.00", 2), item("pot", "30.00"), minutes=120)],
        earns={"noa": "8.00 of 13.00"},
    ),
    Case(
        "known elsewhere: yen are taken for hundredths. Here 1,000 yen earn 100",
        sale(item("mug", "1000"), currency="JPY"),
        [click("noa")],
        earns={"noa": "100"},
    ),
    Case(
        "known elsewhere: dinars lose their third decimal. Here 10 % of 1.005 are 0.101",
        sale(item("mug", "1.005"), currency="KWD"),
        [click("noa")],
        earns={"noa": "0.101"},
    ),
    Case(
        "known elsewhere: the discount that is the code's own is paid for, too. Here it comes off first",
        sale(item("mug", "100.00", discount="10.00")),
        [code("noa")],
        earns={"noa": "9.00"},
    ),
    Case(
        "known elsewhere: a failed refund keeps what it took. Here it gives it back",
        sale(item("mug", "50.00", 2)),
        [click("noa")],
        [refund("r1", mug=1), refund("r1", mug=1, minutes=90, failed=True)],
        earns={"noa": "10.00"},
    ),
    Case(
        "known elsewhere: 2 % left over of a flat reward when everything is back. Here nothing",
        sale(item("mug", "33.33", 3)),
        [click("noa")],
        [refund(f"r{number}", mug=1) for number in range(3)],
        terms=promises(offer(flat_order("9.99"))),
        earns={"noa": "0.00 of 9.99"},
        status="refunded",
    ),
    Case(
        "known elsewhere: what is excluded still pays by the rule behind it. Here `none` is an answer",
        sale(item("mug", "100.00", tags=("outlet",)), POT),
        [click("noa")],
        terms=promises(offer(nothing(tags=["outlet"]), percent(10))),
        earns={"noa": "5.00"},
    ),
]


class TestOrdersAmongOthers(Runner):
    GROUPS: ClassVar = {
        "ties": TIES,
        "platforms": PLATFORMS,
        "customers": CUSTOMERS,
        "labels": LABELS,
        "members": MEMBERS,
        "subscriptions": SUBSCRIPTIONS,
        "conversions": CONVERSIONS,
        "disputes": DISPUTES,
        "decisions": DECISIONS,
        "known faults": FAULTS,
    }

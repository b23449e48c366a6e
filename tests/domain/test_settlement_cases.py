"""What an order pays whom, and why: for everybody who wants to know without reading code.

A case reads: what was sold · who led to it · what came of it later → who earns what. An amount is what stands now;
`"3.00 of 9.00"` is what stands of what the order earned before refunds and the like. A mug is 100.00 and a program pays
10 % of everything to the last creator, unless the case says otherwise.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from tests.domain.sales import (
    BUYER,
    PLACED,
    Promises,
    cancellation,
    carrying,
    cash,
    click,
    code,
    context,
    decision,
    flat_item,
    flat_order,
    item,
    nothing,
    offer,
    percent,
    promises,
    refund,
    sale,
    settled,
)
from vouch.domain.attribution import Touch
from vouch.domain.facts import Event, Lifecycle, OrderFacts, Snapshot
from vouch.domain.money import minor
from vouch.domain.settlement import Posting, Settlement, difference, settle, wanted

MUG = item("mug", "100.00")
POT = item("pot", "50.00")
DOLLARS, EUROS = refund("r1", currency="USD", amount="27.00"), refund("r2", currency="EUR", amount="9.00")
YEAR_LATER = PLACED + timedelta(days=365)
OPEN, PARTLY_PAID = Lifecycle.OPEN, Lifecycle.PARTLY_PAID
CANCELLED, REFUNDED = Lifecycle.CANCELLED, Lifecycle.REFUNDED


@dataclass(frozen=True)
class Case:
    """Lost touches are named by their creator, a creator's second click by its number."""

    situation: str
    order: Snapshot | None
    touches: Sequence[Touch]
    later: Sequence[Event | Snapshot] = ()
    earns: Mapping[str, str] = field(default_factory=dict)
    lost: Mapping[str, str] = field(default_factory=dict)
    reason: str | None = None
    status: str = "paid"
    held: bool = False
    terms: Promises = field(default_factory=promises)
    surroundings: dict[str, Any] = field(default_factory=dict)


MODELS = [
    Case(
        "last: the click nearest to the order takes it all",
        sale(MUG),
        [click("noa", days=3), click("dan", days=1)],
        earns={"dan": "10.00"},
        lost={"noa": "model_share_zero"},
    ),
    Case(
        "first: the earliest click in the window takes it all",
        sale(MUG),
        [click("noa", days=3), click("dan", days=1)],
        terms=promises(offer(model="first")),
        earns={"noa": "10.00"},
        lost={"dan": "model_share_zero"},
    ),
    Case(
        "linear: three share 10.00, and the odd unit goes to the first by id",
        sale(MUG),
        [click("noa", days=3), click("dan", days=2), click("lea", days=1)],
        terms=promises(offer(model="linear")),
        earns={"dan": "3.34", "lea": "3.33", "noa": "3.33"},
    ),
    Case(
        "linear: who was clicked three times out of four has three quarters",
        sale(MUG),
        [click("noa", days=day, evidence=f"noa-{day}") for day in (1, 2, 3)] + [click("dan", days=4)],
        terms=promises(offer(model="linear")),
        earns={"noa": "7.50", "dan": "2.50"},
    ),
    Case(
        "position: 40 % to the first, 40 % to the last, 20 % to all between",
        sale(MUG),
        [click("noa", days=4), click("dan", days=3), click("gil", days=2), click("lea", days=1)],
        terms=promises(offer(model="position")),
        earns={"noa": "4.00", "dan": "1.00", "gil": "1.00", "lea": "4.00"},
    ),
    Case(
        "position: one between has the 20 % alone",
        sale(MUG),
        [click("noa", days=3), click("dan", days=2), click("lea", days=1)],
        terms=promises(offer(model="position")),
        earns={"noa": "4.00", "dan": "2.00", "lea": "4.00"},
    ),
    Case(
        "position: two are first and last, half each",
        sale(MUG),
        [click("noa", days=3), click("dan", days=2)],
        terms=promises(offer(model="position")),
        earns={"noa": "5.00", "dan": "5.00"},
    ),
    Case(
        "position: a creator who is first and last has 80 %",
        sale(MUG),
        [click("noa", days=3), click("dan", days=2), click("noa", days=1, evidence="noa-2")],
        terms=promises(offer(model="position")),
        earns={"noa": "8.00", "dan": "2.00"},
    ),
    Case(
        "time decay: a half-life of 7 days, a week apart: two thirds to one third",
        sale(MUG),
        [click("noa", days=8), click("dan", days=1)],
        terms=promises(offer(model="time_decay")),
        earns={"noa": "3.33", "dan": "6.67"},
    ),
    Case(
        "time decay: two old clicks share as two young ones would; no order is too late to be anybody's",
        sale(MUG),
        [click("noa", days=1407), click("dan", days=1400)],
        terms=promises(offer(model="time_decay", window_days=3650)),
        earns={"noa": "3.33", "dan": "6.67"},
    ),
    Case(
        "time decay: after forty half-lives nothing is left beside a young click",
        sale(MUG),
        [click("noa", days=300), click("dan", days=1)],
        terms=promises(offer(model="time_decay", window_days=3650)),
        earns={"dan": "10.00"},
        lost={"noa": "model_share_zero"},
    ),
    Case(
        "two clicks in the same second: one of them, and always the same one",
        sale(MUG),
        [click("noa", days=1), click("dan", days=1)],
        earns={"dan": "10.00"},
        lost={"noa": "model_share_zero"},
    ),
    Case("nobody led to the order", sale(MUG), [], reason="no_credit"),
]

CODES = [
    Case(
        "a code wins over a later click",
        sale(MUG),
        [code("noa"), click("dan", minutes=1)],
        earns={"noa": "10.00"},
        lost={"dan": "lower_priority"},
    ),
    Case(
        "two codes are paid once: to the one that the order lists first",
        sale(MUG),
        [code("noa"), code("dan")],
        earns={"noa": "10.00"},
        lost={"dan10": "model_share_zero"},
    ),
    Case(
        "two codes under linear share one commission",
        sale(MUG),
        [code("noa"), code("dan")],
        terms=promises(offer(model="linear")),
        earns={"noa": "5.00", "dan": "5.00"},
    ),
    Case(
        "a creator's code and click on one order are paid once",
        sale(MUG),
        [code("noa"), click("noa")],
        earns={"noa": "10.00"},
        lost={"noa": "lower_priority"},
    ),
    Case(
        "a code that joins is a touch at order time: last",
        sale(MUG),
        [code("noa"), click("dan", minutes=1)],
        terms=promises(offer(code_policy="joins")),
        earns={"noa": "10.00"},
        lost={"dan": "model_share_zero"},
    ),
    Case(
        "a code that joins is later than a click whose clock ran ahead",
        sale(MUG),
        [code("noa"), click("dan", minutes=-3)],
        terms=promises(offer(code_policy="joins")),
        earns={"noa": "10.00"},
        lost={"dan": "model_share_zero"},
    ),
    Case(
        "a code that joins loses to the first click",
        sale(MUG),
        [code("noa"), click("dan", days=2)],
        terms=promises(offer(code_policy="joins", model="first")),
        earns={"dan": "10.00"},
        lost={"noa10": "model_share_zero"},
    ),
    Case(
        "a code that joins shares with a click",
        sale(MUG),
        [code("noa"), click("dan", days=2)],
        terms=promises(offer(code_policy="joins", model="linear")),
        earns={"noa": "5.00", "dan": "5.00"},
    ),
    Case(
        "a code that needs a click: found on a coupon site, it earns nothing",
        sale(MUG),
        [code("noa")],
        terms=promises(offer(code_policy="needs_click")),
        lost={"noa10": "needs_click"},
        reason="no_credit",
    ),
    Case(
        "a code that needs a click: another creator's click takes the order",
        sale(MUG),
        [code("noa"), click("dan")],
        terms=promises(offer(code_policy="needs_click")),
        earns={"dan": "10.00"},
        lost={"noa10": "needs_click"},
    ),
    Case(
        "a code that needs a click and has one wins over later clicks",
        sale(MUG),
        [code("noa"), click("noa", days=3), click("dan", days=1)],
        terms=promises(offer(code_policy="needs_click")),
        earns={"noa": "10.00"},
        lost={"noa": "lower_priority", "dan": "lower_priority"},
    ),
    Case(
        "a code that needs a click: one outside the window is none",
        sale(MUG),
        [code("noa"), click("noa", days=31)],
        terms=promises(offer(code_policy="needs_click")),
        lost={"noa10": "needs_click", "noa": "outside_window"},
        reason="no_credit",
    ),
    Case(
        "a code that needs a click and has none decides nothing: the clicks' program says last, its own says linear",
        sale(MUG),
        [code("zoe"), click("noa", days=1, program="vip"), click("dan", days=2, program="vip")],
        terms=promises(offer(code_policy="needs_click", model="linear"), vip=offer(model="last")),
        earns={"noa": "10.00"},
        lost={"zoe10": "needs_click", "dan": "model_share_zero"},
    ),
    Case(
        "a code that needs a click and has none, behind one of a program that trusts codes: each by its own program",
        sale(MUG),
        [code("noa", program="vip"), code("zoe"), click("dan")],
        terms=promises(offer(code_policy="needs_click"), vip=offer(model="linear")),
        earns={"noa": "10.00"},
        lost={"zoe10": "needs_click", "dan": "lower_priority"},
    ),
]

WINDOWS = [
    Case("a click exactly 30 days before the order counts", sale(MUG), [click("noa", days=30)], earns={"noa": "10.00"}),
    Case(
        "one second more than 30 days does not",
        sale(MUG),
        [click("noa", days=30, seconds=1)],
        lost={"noa": "outside_window"},
        reason="no_credit",
    ),
    Case(
        "a window of one day",
        sale(MUG),
        [click("noa", days=2)],
        terms=promises(offer(window_days=1)),
        lost={"noa": "outside_window"},
        reason="no_credit",
    ),
    Case(
        "a click 5 minutes after the order counts: shops and clicks have different clocks",
        sale(MUG),
        [click("noa", minutes=-5)],
        earns={"noa": "10.00"},
    ),
    Case(
        "a click 5 minutes and 1 second after the order does not",
        sale(MUG),
        [click("noa", minutes=-5, seconds=-1)],
        lost={"noa": "after_order"},
        reason="no_credit",
    ),
]

STANDINGS = [
    Case(
        "a creator who was not in the program on that day",
        sale(MUG),
        [click("noa", barred="not_enrolled"), click("dan", days=2)],
        earns={"dan": "10.00"},
        lost={"noa": "not_enrolled"},
    ),
    Case(
        "a program that was paused on that day",
        sale(MUG),
        [click("noa", barred="program_paused")],
        lost={"noa": "program_paused"},
        reason="no_credit",
    ),
    Case(
        "a code that was not active yet",
        sale(MUG),
        [code("noa", barred="code_not_active")],
        lost={"noa10": "code_not_active"},
        reason="no_credit",
    ),
    Case(
        "a click id that nobody issued, a code that is nobody's",
        sale(MUG),
        [Touch("click", "clk_made_up", problem="unknown_click"), Touch("code", "save5", problem="unknown_code")],
        lost={"clk_made_up": "unknown_click", "save5": "unknown_code"},
        reason="no_credit",
    ),
    Case(
        "a creator who buys earns nothing from it",
        sale(MUG),
        [code("noa", persons=(BUYER,))],
        lost={"noa10": "self_referral"},
        reason="no_credit",
    ),
    Case(
        "a creator who buys leaves the order to the creator before",
        sale(MUG),
        [click("noa", persons=(BUYER,)), click("dan", days=2, persons=("dan",))],
        earns={"dan": "10.00"},
        lost={"noa": "self_referral"},
    ),
    Case(
        "a buyer whom the shop does not name is nobody in particular",
        sale(MUG, customers=()),
        [click("noa", persons=(BUYER,))],
        earns={"noa": "10.00"},
    ),
    Case(
        "a creator who buys and has the shop forget them",
        sale(MUG),
        [click("noa", persons=(BUYER,))],
        [sale(MUG, customers=(), minutes=60)],
        lost={"noa": "self_referral"},
        reason="no_credit",
    ),
    Case(
        "a creator who buys under two addresses",
        sale(MUG, customers=("somebody else", BUYER)),
        [click("noa", persons=(BUYER,))],
        lost={"noa": "self_referral"},
        reason="no_credit",
    ),
]

PROGRAMS = [
    Case(
        "two programs: the latest click's decides the model, and it says last",
        sale(MUG),
        [click("noa"), click("dan", days=1, program="vip")],
        terms=promises(offer(model="last"), vip=offer(percent(20), model="linear")),
        earns={"noa": "10.00"},
        lost={"dan": "model_share_zero"},
    ),
    Case(
        "two programs: half to each, each half rated by its own program: 10 % and 20 %",
        sale(MUG),
        [click("noa"), click("dan", days=1, program="vip")],
        terms=promises(offer(model="linear"), vip=offer(percent(20), model="last")),
        earns={"noa": "5.00", "dan": "10.00"},
    ),
    Case(
        "a creator with touches in two programs is paid once, under the one of the first in priority",
        sale(MUG),
        [code("noa", program="vip"), click("noa")],
        terms=promises(offer(model="linear"), vip=offer(percent(20), code_policy="joins", model="linear")),
        earns={"noa": "20.00"},
    ),
    Case(
        "of two clicks the older one, for a program that pays 20 %, is credited: the newer one's program pays, 10 %",
        sale(MUG),
        [click("noa", days=2, program="vip"), click("noa", days=1, evidence="noa-2")],
        terms=promises(offer(model="first"), vip=offer(percent(20))),
        earns={"noa": "10.00"},
        lost={"noa-2": "model_share_zero"},
    ),
    Case(
        "each program has its own window",
        sale(MUG),
        [click("noa", days=20), click("dan", days=20, program="vip")],
        terms=promises(offer(window_days=10), vip=offer(percent(20))),
        earns={"dan": "20.00"},
        lost={"noa": "outside_window"},
    ),
    Case(
        "a connection that is limited to one program",
        sale(MUG),
        [click("noa"), click("dan", days=1, program="vip")],
        terms=promises(vip=offer(percent(20))),
        surroundings={"only_program": "vip"},
        earns={"dan": "20.00"},
        lost={"noa": "other_program"},
    ),
]

BASES = [
    Case(
        "prices without tax: the tax on top earns nothing",
        sale(item("mug", "100.00", tax="17.00")),
        [click("noa")],
        earns={"noa": "10.00"},
    ),
    Case(
        "prices with tax inside: 117.00 holds 100.00 of goods",
        sale(item("mug", "117.00", tax="17.00"), tax_included=True),
        [click("noa")],
        earns={"noa": "10.00"},
    ),
    Case(
        "terms that pay on tax, prices without",
        sale(item("mug", "100.00", tax="17.00")),
        [click("noa")],
        terms=promises(offer(tax=True)),
        earns={"noa": "11.70"},
    ),
    Case(
        "terms that pay on tax, prices with",
        sale(item("mug", "117.00", tax="17.00"), tax_included=True),
        [click("noa")],
        terms=promises(offer(tax=True)),
        earns={"noa": "11.70"},
    ),
    Case(
        "terms that pay on tax: half the goods back takes half the tax with it",
        sale(item("mug", "50.00", 2, tax="17.00")),
        [click("noa")],
        [refund("r1", mug="50.00")],
        terms=promises(offer(tax=True)),
        earns={"noa": "5.85 of 11.70"},
    ),
    Case(
        "discounts come off first",
        sale(item("mug", "50.00", 2, discount="25.00")),
        [click("noa")],
        earns={"noa": "7.50"},
    ),
    Case(
        "a discount of 100 % leaves nothing to share, flat rewards included",
        sale(item("mug", "100.00", discount="100.00")),
        [click("noa")],
        terms=promises(offer(flat_item("5.00"))),
        earns={"noa": "0.00"},
        reason="nothing_commissionable",
    ),
    Case("an order without lines", sale(), [click("noa")], earns={"noa": "0.00"}, reason="nothing_commissionable"),
    Case(
        "a gift card earns nothing: what it buys will",
        sale(item("card", "200.00", gift_card=True), MUG),
        [click("noa")],
        earns={"noa": "10.00"},
    ),
    Case(
        "a gift card under terms that count it",
        sale(item("card", "200.00", gift_card=True), MUG),
        [click("noa")],
        terms=promises(offer(gift_cards=True)),
        earns={"noa": "30.00"},
    ),
    Case("a tip earns nothing", sale(MUG, tip="15.00"), [click("noa")], earns={"noa": "10.00"}),
    Case("shipping earns nothing", sale(MUG, shipping="30.00"), [click("noa")], earns={"noa": "10.00"}),
    Case(
        "shipping under terms that count it, without its tax",
        sale(MUG, shipping="35.10", shipping_tax="5.10", tax_included=True),
        [click("noa")],
        terms=promises(offer(shipping=True)),
        earns={"noa": "13.00"},
    ),
    Case(
        "shipping under terms that count it and tax",
        sale(MUG, shipping="30.00", shipping_tax="5.10"),
        [click("noa")],
        terms=promises(offer(shipping=True, tax=True)),
        earns={"noa": "13.51"},
    ),
]

RULES = [
    Case(
        "the first rule that matches a line rates it",
        sale(MUG),
        [click("noa")],
        terms=promises(offer(percent(20), percent(50))),
        earns={"noa": "20.00"},
    ),
    Case(
        "a rule on a SKU; the other line falls to the next rule",
        sale(item("mug", "100.00", sku="MUG-01"), item("pot", "50.00", sku="POT-01")),
        [click("noa")],
        terms=promises(offer(percent(20, skus=["MUG-01", "MUG-02"]), percent(10))),
        earns={"noa": "25.00"},
    ),
    Case(
        "a rule on a product",
        sale(item("mug", "100.00", product_id="77"), item("pot", "50.00", product_id="78")),
        [click("noa")],
        terms=promises(offer(percent(20, product_ids=["77"]))),
        earns={"noa": "20.00"},
    ),
    Case(
        "a rule on a collection",
        sale(item("mug", "100.00", collections=("summer", "new")), POT),
        [click("noa")],
        terms=promises(offer(percent(20, collections=["summer"]))),
        earns={"noa": "20.00"},
    ),
    Case(
        "a rule on a tag",
        sale(item("mug", "100.00", tags=("fragile",)), POT),
        [click("noa")],
        terms=promises(offer(percent(20, tags=["fragile", "heavy"]))),
        earns={"noa": "20.00"},
    ),
    Case(
        "a rule for one creator: a better rate for Noa, in a shared order too",
        sale(MUG),
        [click("noa"), click("dan", days=1)],
        terms=promises(offer(percent(30, creator_ids=["noa"]), percent(10), model="linear")),
        earns={"noa": "15.00", "dan": "5.00"},
    ),
    Case(
        "a rule for a country",
        sale(MUG, country="IL"),
        [click("noa")],
        terms=promises(offer(percent(20, countries=["IL"]), percent(10))),
        earns={"noa": "20.00"},
    ),
    Case(
        "a rule for a country, and the shop tells none",
        sale(MUG),
        [click("noa")],
        terms=promises(offer(percent(20, countries=["IL"]), percent(10))),
        earns={"noa": "10.00"},
    ),
    Case(
        "a rule for a platform",
        sale(MUG, platform="woocommerce"),
        [click("noa")],
        terms=promises(offer(percent(20, platforms=["shopify"]), percent(10))),
        earns={"noa": "10.00"},
    ),
    Case(
        "a rule for new customers",
        sale(MUG, customer_new=True),
        [click("noa")],
        terms=promises(offer(percent(20, customer="new"), percent(5, customer="returning"), percent(10))),
        earns={"noa": "20.00"},
    ),
    Case(
        "a rule for returning customers",
        sale(MUG, customer_new=False),
        [click("noa")],
        terms=promises(offer(percent(20, customer="new"), percent(5, customer="returning"), percent(10))),
        earns={"noa": "5.00"},
    ),
    Case(
        "a customer of whom nobody knows whether they are new",
        sale(MUG),
        [click("noa")],
        terms=promises(offer(percent(20, customer="new"), percent(5, customer="returning"), percent(10))),
        earns={"noa": "10.00"},
    ),
    Case(
        "a rule with two conditions asks for both",
        sale(item("mug", "100.00", sku="MUG-01"), country="US"),
        [click("noa")],
        terms=promises(offer(percent(20, skus=["MUG-01"], countries=["IL"]), percent(10))),
        earns={"noa": "10.00"},
    ),
    Case(
        "orders of 100.00 and more: exactly 100.00 is enough",
        sale(MUG),
        [click("noa")],
        terms=promises(offer(percent(20, order_min=cash("100.00")), percent(10))),
        earns={"noa": "20.00"},
    ),
    Case(
        "orders of 100.00 and more: 99.99 is not",
        sale(item("mug", "99.99")),
        [click("noa")],
        terms=promises(offer(percent(20, order_min=cash("100.00")), percent(10))),
        earns={"noa": "10.00"},
    ),
    Case(
        "orders of up to 100.00: exactly 100.00 still is",
        sale(MUG),
        [click("noa")],
        terms=promises(offer(percent(20, order_max=cash("100.00")), percent(10))),
        earns={"noa": "20.00"},
    ),
    Case(
        "orders of up to 100.00: 100.01 is not, and shipping is not looked at",
        sale(item("mug", "100.01"), shipping="30.00"),
        [click("noa")],
        terms=promises(offer(percent(20, order_max=cash("100.00")), percent(10))),
        earns={"noa": "10.00"},
    ),
    Case(
        "a minimum in shekels says nothing of an order in dollars",
        sale(MUG, currency="USD"),
        [click("noa")],
        terms=promises(offer(percent(20, order_min=cash("1.00")), percent(10))),
        earns={"noa": "10.00"},
    ),
    Case(
        "a refund does not bring an order below the minimum of its rule",
        sale(item("mug", "50.00", 2)),
        [click("noa")],
        [refund("r1", mug=1)],
        terms=promises(offer(percent(20, order_min=cash("100.00")), percent(10))),
        earns={"noa": "10.00 of 20.00"},
    ),
    Case(
        "a product that pays nothing",
        sale(item("mug", "100.00", sku="MUG-01"), POT),
        [click("noa")],
        terms=promises(offer(nothing(skus=["MUG-01"]), percent(10))),
        earns={"noa": "5.00"},
    ),
    Case(
        "a line that no rule matches earns nothing",
        sale(MUG),
        [click("noa")],
        terms=promises(offer(percent(10, skus=["MUG-01"]))),
        earns={"noa": "0.00"},
        reason="no_rule",
    ),
    Case(
        "5.00 for each item: 3 mugs and a pot",
        sale(item("mug", "30.00", 3), POT, shipping="20.00"),
        [click("noa")],
        terms=promises(offer(flat_item("5.00"), shipping=True)),
        earns={"noa": "20.00"},
    ),
    Case(
        "20.00 for the order, however many lines it has",
        sale(item("mug", "30.00", 3), POT),
        [click("noa")],
        terms=promises(offer(flat_order("20.00"))),
        earns={"noa": "20.00"},
    ),
    Case(
        "20.00 for the order, shared by two",
        sale(item("mug", "30.00", 3), POT),
        [click("noa"), click("dan", days=1)],
        terms=promises(offer(flat_order("20.00"), model="linear")),
        earns={"noa": "10.00", "dan": "10.00"},
    ),
    Case(
        "a flat reward in shekels says nothing of an order in dollars: the next rule rates it",
        sale(MUG, currency="USD"),
        [click("noa")],
        terms=promises(offer(flat_order("20.00"), percent(10))),
        earns={"noa": "10.00"},
    ),
    Case(
        "half a unit is rounded up: 10 % of 0.05",
        sale(item("sticker", "0.05")),
        [click("noa")],
        earns={"noa": "0.01"},
    ),
    Case(
        "less than half a unit is nothing: 10 % of 0.04",
        sale(item("sticker", "0.04")),
        [click("noa")],
        earns={"noa": "0.00"},
    ),
    Case(
        "each line is rounded by itself",
        sale(item("red", "0.05"), item("blue", "0.05"), item("green", "0.04")),
        [click("noa")],
        earns={"noa": "0.02"},
    ),
]

CAPS = [
    Case(
        "no more than 7.00 an order",
        sale(MUG),
        [click("noa")],
        terms=promises(offer(cap=cash("7.00"))),
        earns={"noa": "7.00"},
    ),
    Case(
        "a cap that is just reached cuts nothing",
        sale(MUG),
        [click("noa")],
        terms=promises(offer(cap=cash("10.00"))),
        earns={"noa": "10.00"},
    ),
    Case(
        "a cap is one for all who share the order",
        sale(MUG),
        [click("noa"), click("dan", days=1)],
        terms=promises(offer(cap=cash("7.01"), model="linear")),
        earns={"dan": "3.51", "noa": "3.50"},
    ),
    Case(
        "each program has its own cap",
        sale(MUG),
        [click("noa"), click("dan", days=1, program="vip")],
        terms=promises(offer(cap=cash("3.00"), model="linear"), vip=offer(percent(20), cap=cash("8.00"))),
        earns={"noa": "3.00", "dan": "8.00"},
    ),
    Case(
        "a cap in shekels says nothing of an order in dollars",
        sale(MUG, currency="USD"),
        [click("noa")],
        terms=promises(offer(cap=cash("7.00"))),
        earns={"noa": "10.00"},
    ),
    Case(
        "a refund first takes what the cap had cut off: 80.00 kept would earn 8.00, still over 7.00",
        sale(MUG),
        [click("noa")],
        [refund("r1", amount="20.00")],
        terms=promises(offer(cap=cash("7.00"))),
        earns={"noa": "7.00 of 7.00"},
    ),
    Case(
        "and then what is below it: 40.00 kept earns 4.00",
        sale(MUG),
        [click("noa")],
        [refund("r1", amount="60.00")],
        terms=promises(offer(cap=cash("7.00"))),
        earns={"noa": "4.00 of 7.00"},
    ),
    Case(
        "a capped order of two with a product each: Dan's came back, and Noa keeps what she had, not more",
        sale(item("mug", "100.00", sku="M"), item("pot", "100.00", sku="P")),
        [click("noa"), click("dan", days=1)],
        [refund("r1", pot=1)],
        terms=promises(
            offer(
                percent(10, skus=["M"], creator_ids=["noa"]),
                percent(10, skus=["P"], creator_ids=["dan"]),
                model="linear",
                cap=cash("6.00"),
            )
        ),
        earns={"noa": "3.00 of 3.00", "dan": "0.00 of 3.00"},
    ),
]

LIVES = [
    Case(
        "a test order in a live brand",
        sale(MUG, test=True),
        [click("noa")],
        earns={"noa": "0.00"},
        reason="test_order",
        status="test",
    ),
    Case(
        "a test order in a test brand",
        sale(MUG, test=True),
        [click("noa")],
        surroundings={"test_brand": True},
        earns={"noa": "10.00"},
    ),
    Case(
        "an order that is not paid yet",
        sale(MUG, lifecycle=OPEN),
        [click("noa")],
        earns={"noa": "0.00"},
        reason="not_paid",
        status="open",
    ),
    Case(
        "a sticker for a cent, 10.00 for each, and half of the money back: the sticker is still sold",
        sale(item("sticker", "0.01", sku="sticker"), item("chair", "1.00")),
        [click("noa")],
        [refund("r1", amount="0.52")],
        terms=promises(offer(flat_item("10.00", skus=["sticker"]), percent(10))),
        earns={"noa": "10.05 of 10.10"},
    ),
    Case(
        "a sticker for a cent, and all of the money back",
        sale(item("sticker", "0.01", sku="sticker"), item("chair", "1.00")),
        [click("noa")],
        [refund("r1", amount="1.01")],
        terms=promises(offer(flat_item("10.00", skus=["sticker"]), percent(10))),
        earns={"noa": "0.00 of 10.10"},
        status="refunded",
    ),
    Case(
        "a deposit: nothing before the rest is there",
        sale(MUG, lifecycle=PARTLY_PAID),
        [click("noa")],
        earns={"noa": "0.00"},
        reason="not_paid",
        status="open",
    ),
    Case(
        "an edit made a paid order dearer, and the difference is still to be collected",
        sale(MUG),
        [click("noa")],
        [sale(MUG, POT, lifecycle=PARTLY_PAID, minutes=60)],
        earns={"noa": "15.00"},
    ),
    Case(
        "an order that was never paid and is off: nothing was earned, so nothing is taken back",
        sale(MUG, lifecycle=OPEN),
        [click("noa")],
        [sale(MUG, lifecycle=CANCELLED, paid=False, minutes=60)],
        earns={"noa": "0.00"},
        reason="not_paid",
        status="cancelled",
    ),
    Case(
        "an order that was deleted in the shop before it was paid",
        sale(MUG, lifecycle=OPEN),
        [click("noa")],
        [cancellation()],
        earns={"noa": "0.00"},
        reason="not_paid",
        status="cancelled",
    ),
    Case(
        "an order that is rejected before it is paid",
        sale(MUG, lifecycle=OPEN),
        [click("noa")],
        [decision("reject")],
        earns={"noa": "0.00"},
        reason="not_paid",
        status="open",
    ),
    Case(
        "an order that was paid an hour later",
        sale(MUG, lifecycle=OPEN),
        [click("noa")],
        [sale(MUG, minutes=60)],
        earns={"noa": "10.00"},
    ),
    Case(
        "a paid order whose old state arrives late",
        sale(MUG, minutes=60),
        [click("noa")],
        [sale(MUG, lifecycle=OPEN, minutes=30)],
        earns={"noa": "10.00"},
    ),
    Case(
        "a cancelled order",
        sale(MUG),
        [click("noa")],
        [sale(MUG, lifecycle=CANCELLED, minutes=60)],
        earns={"noa": "0.00 of 10.00"},
        reason="cancelled",
        status="cancelled",
    ),
    Case(
        "an order that was deleted in the shop: all that is said is that it is gone",
        sale(MUG),
        [click("noa")],
        [cancellation()],
        earns={"noa": "0.00 of 10.00"},
        reason="cancelled",
        status="cancelled",
    ),
    Case(
        "a test order that nobody led to: that it is a test is told first",
        sale(MUG, test=True),
        [],
        reason="test_order",
        status="test",
    ),
    Case(
        "a free order that nobody led to: that nobody did is told first",
        sale(item("mug", "0.00")),
        [],
        reason="no_credit",
    ),
    Case(
        "a free order that is not paid: that there is nothing to earn is told first",
        sale(item("mug", "0.00"), lifecycle=OPEN),
        [click("noa")],
        earns={"noa": "0.00"},
        reason="nothing_commissionable",
        status="open",
    ),
    Case(
        "a cancelled order that the brand rejects, too: that it is cancelled is told first",
        sale(MUG),
        [click("noa")],
        [decision("reject"), sale(MUG, lifecycle=CANCELLED, minutes=90)],
        earns={"noa": "0.00 of 10.00"},
        reason="cancelled",
        status="cancelled",
    ),
    Case(
        "a rejected order with an unclear refund: there is nothing to wait for, whatever is approved",
        sale(MUG),
        [click("noa")],
        [decision("reject"), DOLLARS],
        earns={"noa": "0.00 of 10.00"},
        reason="rejected",
        held=True,
    ),
    Case(
        "a cancelled order that was refunded too is taken back once",
        sale(MUG),
        [click("noa")],
        [refund("r1", mug=1), sale(MUG, lifecycle=CANCELLED, minutes=60)],
        earns={"noa": "0.00 of 10.00"},
        reason="cancelled",
        status="cancelled",
    ),
    Case(
        "an order that the shop calls refunded, without a word on how",
        sale(MUG, shipping="20.00"),
        [click("noa")],
        [sale(MUG, shipping="20.00", lifecycle=REFUNDED, minutes=60)],
        terms=promises(offer(shipping=True)),
        earns={"noa": "0.00 of 12.00"},
        status="refunded",
    ),
    Case(
        "a cancellation before its order waits for it",
        None,
        [click("noa")],
        [cancellation()],
        reason="awaiting_order",
        status="parked",
    ),
    Case(
        "an edit that adds a line",
        sale(MUG),
        [click("noa")],
        [sale(MUG, POT, minutes=60)],
        earns={"noa": "15.00"},
    ),
    Case(
        "an edit that takes a line out",
        sale(MUG, POT),
        [click("noa")],
        [sale(MUG, minutes=60)],
        earns={"noa": "10.00"},
    ),
    Case(
        "an edit upwards after a refund: the refund stays, the new mugs earn",
        sale(item("mug", "100.00", 2)),
        [click("noa")],
        [refund("r1", mug=1, minutes=30), sale(item("mug", "100.00", 4), minutes=60)],
        earns={"noa": "30.00 of 40.00"},
    ),
    Case(
        "an edit downwards after a refund: 3 mugs, 1 back, 1 struck off: 1 is left of 2",
        sale(item("mug", "100.00", 3)),
        [click("noa")],
        [refund("r1", mug=1, minutes=30), sale(item("mug", "100.00", 2), minutes=60)],
        earns={"noa": "10.00 of 20.00"},
    ),
    Case(
        "an edit below what was refunded leaves nothing, and owes nothing",
        sale(item("mug", "100.00", 3)),
        [click("noa")],
        [refund("r1", mug=2, minutes=30), sale(item("mug", "100.00", 1), minutes=60)],
        earns={"noa": "0.00 of 10.00"},
        status="refunded",
    ),
]

REFUNDS = [
    Case(
        "two of three mugs come back",
        sale(item("mug", "30.00", 3)),
        [click("noa")],
        [refund("r1", mug=2)],
        earns={"noa": "3.00 of 9.00"},
    ),
    Case(
        "a part of an order comes back, not all of its commission",
        sale(MUG, POT),
        [click("noa")],
        [refund("r1", pot=1)],
        earns={"noa": "10.00 of 15.00"},
    ),
    Case(
        "one mug at a time, three times: nothing is left, to the unit",
        sale(item("mug", "33.35", 3)),
        [click("noa")],
        [refund("r1", mug=1), refund("r2", mug=1), refund("r3", mug=1)],
        earns={"noa": "0.00 of 10.01"},
        status="refunded",
    ),
    Case(
        "the same refund told twice, by two topics, counts once",
        sale(item("mug", "30.00", 3)),
        [click("noa")],
        [refund("r1", mug=1), refund("r1", mug=1)],
        earns={"noa": "6.00 of 9.00"},
    ),
    Case(
        "a discounted line goes back by what was paid for it",
        sale(item("mug", "50.00", 2, discount="20.00")),
        [click("noa")],
        [refund("r1", mug=1)],
        earns={"noa": "4.00 of 8.00"},
    ),
    Case(
        "part of a line's money back, its goods kept",
        sale(MUG),
        [click("noa")],
        [refund("r1", mug="30.00")],
        earns={"noa": "7.00 of 10.00"},
    ),
    Case(
        "a mug comes back for less than its price: the restocking fee earns",
        sale(MUG),
        [click("noa")],
        [refund("r1", mug=(1, "85.00"))],
        earns={"noa": "1.50 of 10.00"},
    ),
    Case(
        "money that names no line is spread by what is kept: 30.00 of 150.00, at 20 % and 10 %",
        sale(item("mug", "100.00", sku="M"), POT),
        [click("noa")],
        [refund("r1", amount="30.00")],
        terms=promises(offer(percent(20, skus=["M"]), percent(10))),
        earns={"noa": "20.00 of 25.00"},
    ),
    Case(
        "a line first, then money: the line that came back takes no part in it",
        sale(item("mug", "100.00", sku="M"), POT),
        [click("noa")],
        [refund("r1", mug=1), refund("r2", amount="30.00")],
        terms=promises(offer(percent(20, skus=["M"]), percent(10))),
        earns={"noa": "2.00 of 25.00"},
    ),
    Case(
        "shipping only: nothing comes off",
        sale(MUG, shipping="20.00"),
        [click("noa")],
        [refund("r1")],
        earns={"noa": "10.00"},
    ),
    Case(
        "more back than was paid: nothing is left, and nothing is owed",
        sale(MUG),
        [click("noa")],
        [refund("r1", amount="80.00"), refund("r2", amount="80.00")],
        earns={"noa": "0.00 of 10.00"},
        status="refunded",
    ),
    Case(
        "more mugs back than were sold, the pot stays",
        sale(MUG, POT),
        [click("noa")],
        [refund("r1", mug=5)],
        earns={"noa": "5.00 of 15.00"},
    ),
    Case(
        "a line that the order does not have",
        sale(MUG),
        [click("noa")],
        [refund("r1", lamp=1), refund("r2", lamp="30.00")],
        earns={"noa": "10.00"},
    ),
    Case(
        "a refund that failed at the bank takes nothing back",
        sale(MUG),
        [click("noa")],
        [refund("r1", mug=1), refund("r1", mug=1, minutes=90, failed=True)],
        earns={"noa": "10.00"},
    ),
    Case(
        "a refund before its order waits for it",
        None,
        [click("noa")],
        [refund("r1", mug=1)],
        reason="awaiting_order",
        status="parked",
    ),
    Case(
        "5.00 for each item, and one of three comes back",
        sale(item("mug", "30.00", 3)),
        [click("noa")],
        [refund("r1", mug=1)],
        terms=promises(offer(flat_item("5.00"))),
        earns={"noa": "10.00 of 15.00"},
    ),
    Case(
        "5.00 for each item, and all of the money goes back without a word on items",
        sale(item("mug", "30.00", 3)),
        [click("noa")],
        [refund("r1", amount="90.00")],
        terms=promises(offer(flat_item("5.00"))),
        earns={"noa": "0.00 of 15.00"},
        status="refunded",
    ),
    Case(
        "20.00 for the order, and a third of it comes back",
        sale(item("mug", "30.00", 3)),
        [click("noa")],
        [refund("r1", mug=1)],
        terms=promises(offer(flat_order("20.00"))),
        earns={"noa": "13.33 of 20.00"},
    ),
    Case(
        "0.01 for the order, the first of two equal lines comes back: half a unit, rounded up, stays",
        sale(item("mug", "50.00"), POT),
        [click("noa"), click("dan", days=1)],
        [refund("r1", mug=1)],
        terms=promises(offer(flat_order("0.01"), model="linear")),
        earns={"dan": "0.01 of 0.01", "noa": "0.00 of 0.00"},
    ),
    Case(
        "three share 0.10, and 0.05 once half came back",
        sale(item("mug", "0.50", 2)),
        [click("noa", days=3), click("dan", days=2), click("lea", days=1)],
        [refund("r1", mug=1)],
        terms=promises(offer(model="linear")),
        earns={"dan": "0.02 of 0.04", "lea": "0.02 of 0.03", "noa": "0.01 of 0.03"},
    ),
    Case(
        "3 : 3 : 1 of 0.11 is 5, 5, 1, of 0.10 it would be 4, 4, 2: nobody keeps more than they had earned",
        sale(item("mug", "1.10")),
        [click(creator, days=day, evidence=f"{creator}-{day}") for creator in ("dan", "gil") for day in (1, 2, 3)]
        + [click("lea")],
        [refund("r1", amount="0.10")],
        terms=promises(offer(model="linear")),
        earns={"dan": "0.05 of 0.05", "gil": "0.04 of 0.05", "lea": "0.01 of 0.01"},
    ),
    Case(
        "prices with tax inside: half of the goods takes half of the commission",
        sale(item("mug", "58.50", 2, tax="17.00"), tax_included=True),
        [click("noa")],
        [refund("r1", mug=1)],
        earns={"noa": "5.00 of 10.00"},
    ),
    Case(
        "prices with tax inside, 175.50 for 150.00 of goods: 58.50 that name no line are a third of it",
        sale(item("mug", "58.50", 2, tax="17.00"), item("pot", "58.50", tax="8.50"), tax_included=True),
        [click("noa")],
        [refund("r1", amount="58.50")],
        earns={"noa": "10.00 of 15.00"},
    ),
    Case(
        "prices without tax, and 58.50 given back of 175.50 that were paid with it: a third, too",
        sale(item("mug", "50.00", 2, tax="17.00"), item("pot", "50.00", tax="8.50")),
        [click("noa")],
        [refund("r1", amount="58.50", with_tax=True)],
        earns={"noa": "10.00 of 15.00"},
    ),
    Case(
        "a removed pot whose money comes later, without naming it: taken back once",
        sale(MUG, POT),
        [click("noa")],
        [refund("r1", pot=1, amount="-50.00"), refund("r2", amount="50.00")],
        earns={"noa": "10.00 of 15.00"},
    ),
    Case(
        "a pot comes back, and 20.00 beside it",
        sale(MUG, POT),
        [click("noa")],
        [refund("r1", pot=1, amount="20.00")],
        earns={"noa": "8.00 of 15.00"},
    ),
    Case(
        "shipping that counts stays when all goods come back: it was not given back",
        sale(MUG, shipping="30.00"),
        [click("noa")],
        [refund("r1", mug=1)],
        terms=promises(offer(shipping=True)),
        earns={"noa": "3.00 of 13.00"},
    ),
    Case(
        "amounts in another currency cannot be taken off: the order is held, its items counted",
        sale(item("mug", "100.00", 2)),
        [click("noa")],
        [refund("r1", currency="USD", mug=(1, "27.00"))],
        earns={"noa": "10.00 of 20.00"},
        reason="refund_currency",
        held=True,
    ),
    Case(
        "money in another currency: the order is held as it is",
        sale(MUG),
        [click("noa")],
        [refund("r1", currency="USD", amount="27.00")],
        earns={"noa": "10.00"},
        reason="refund_currency",
        held=True,
    ),
    Case(
        "money in another currency, and the brand lets it pass",
        sale(MUG),
        [click("noa")],
        [DOLLARS, decision("approve", seen=[DOLLARS])],
        earns={"noa": "10.00"},
    ),
    Case(
        "the brand's clock is a year behind the refund's: what it approves passes all the same",
        sale(MUG),
        [click("noa")],
        [replace(DOLLARS, updated_at=YEAR_LATER), decision("approve", seen=[replace(DOLLARS, updated_at=YEAR_LATER)])],
        earns={"noa": "10.00"},
    ),
    Case(
        "two refunds in another currency, let pass one after the other",
        sale(MUG),
        [click("noa")],
        [
            DOLLARS,
            decision("approve", seen=[DOLLARS]),
            EUROS,
            decision("approve", minutes=90, decision_id="d2", seen=[EUROS]),
        ],
        earns={"noa": "10.00"},
    ),
    Case(
        "items alone need no currency",
        sale(item("mug", "100.00", 2)),
        [click("noa")],
        [refund("r1", currency="USD", mug=1)],
        earns={"noa": "10.00 of 20.00"},
    ),
]

DECISIONS = [
    Case(
        "the brand holds an order: it is earned, and waits",
        sale(MUG),
        [click("noa")],
        [decision("hold")],
        earns={"noa": "10.00"},
        held=True,
    ),
    Case(
        "the brand approves what it held",
        sale(MUG),
        [click("noa")],
        [decision("hold", minutes=60), decision("approve", minutes=90, decision_id="d2")],
        earns={"noa": "10.00"},
    ),
    Case(
        "the brand rejects an order",
        sale(MUG),
        [click("noa")],
        [decision("reject")],
        earns={"noa": "0.00 of 10.00"},
        reason="rejected",
    ),
    Case(
        "an approval ends a hold, not a rejection",
        sale(MUG),
        [click("noa")],
        [decision("reject", minutes=60), decision("approve", minutes=90, decision_id="d2")],
        earns={"noa": "0.00 of 10.00"},
        reason="rejected",
    ),
    Case(
        "two decisions in one second: the greater id, however they arrive",
        sale(MUG),
        [click("noa")],
        [decision("approve", decision_id="d1"), decision("hold", decision_id="d2")],
        earns={"noa": "10.00"},
        held=True,
    ),
    Case(
        "a hold after an approval holds again",
        sale(MUG),
        [click("noa")],
        [decision("approve", minutes=60), decision("hold", minutes=90, decision_id="d2")],
        earns={"noa": "10.00"},
        held=True,
    ),
    Case(
        "an approval speaks of the refunds that it knew, not of one that is dated before it and comes later",
        sale(MUG),
        [click("noa")],
        [DOLLARS, decision("approve", minutes=90, seen=[DOLLARS]), EUROS],
        earns={"noa": "10.00"},
        reason="refund_currency",
        held=True,
    ),
    Case(
        "an approval speaks of a refund as it was: of half as much",
        sale(MUG),
        [click("noa")],
        [decision("approve", seen=[DOLLARS]), refund("r1", currency="USD", amount="54.00", minutes=30)],
        earns={"noa": "10.00"},
        reason="refund_currency",
        held=True,
    ),
    Case(
        "a held order that is refunded in part waits with the rest",
        sale(item("mug", "100.00", 2)),
        [click("noa")],
        [decision("hold"), refund("r1", mug=1)],
        earns={"noa": "10.00 of 20.00"},
        held=True,
    ),
    Case(
        "a held order that is cancelled has nothing to wait for",
        sale(MUG),
        [click("noa")],
        [decision("hold"), sale(MUG, lifecycle=CANCELLED, minutes=90)],
        earns={"noa": "0.00 of 10.00"},
        reason="cancelled",
        status="cancelled",
        held=True,
    ),
]

CURRENCIES = [
    Case(
        "yen have no decimals: 10 % of 1,235 is 124",
        sale(item("mug", "1235"), currency="JPY"),
        [click("noa")],
        earns={"noa": "124"},
    ),
    Case(
        "yen: three share 100, one of three mugs comes back",
        sale(item("mug", "333", 3), currency="JPY"),
        [click("noa", days=3), click("dan", days=2), click("lea", days=1)],
        [refund("r1", currency="JPY", mug=1)],
        terms=promises(offer(model="linear")),
        earns={"dan": "23 of 34", "lea": "22 of 33", "noa": "22 of 33"},
    ),
    Case(
        "Kuwaiti dinars have three decimals: 10 % of 12.345 is 1.235",
        sale(item("mug", "12.345"), currency="KWD"),
        [click("noa")],
        earns={"noa": "1.235"},
    ),
    Case(
        "Kuwaiti dinars: a third of 10.000 comes back",
        sale(item("mug", "10.000", 3), currency="KWD"),
        [click("noa")],
        [refund("r1", currency="KWD", mug=1)],
        earns={"noa": "2.000 of 3.000"},
    ),
    Case(
        "as much as fits into an amount",
        sale(item("tower", "9999999999999.99")),
        [click("noa")],
        earns={"noa": "1000000000000.00"},
    ),
]

GROUPS = {
    "models": MODELS,
    "codes": CODES,
    "windows": WINDOWS,
    "standing": STANDINGS,
    "programs": PROGRAMS,
    "base": BASES,
    "rules": RULES,
    "caps": CAPS,
    "lives": LIVES,
    "refunds": REFUNDS,
    "decisions": DECISIONS,
    "currencies": CURRENCIES,
}
CASES = [pytest.param(case, id=f"{group}: {case.situation}") for group, cases in GROUPS.items() for case in cases]


@pytest.mark.parametrize("case", CASES)
def test_the_case_ends_as_it_says(case: Case) -> None:
    settlement = settled(case.order, case.touches, case.later, case.terms, **case.surroundings)
    assert _earned(settlement) == {creator: _amounts(said, settlement) for creator, said in case.earns.items()}
    lost = [candidate for candidate in settlement.candidates if candidate.outcome == "lost"]
    assert {candidate.touch.evidence: candidate.reason for candidate in lost} == case.lost
    assert (settlement.reason, settlement.status) == (case.reason, case.status)
    assert any(earning.held for earning in settlement.earnings) == case.held


@pytest.mark.parametrize("case", CASES)
def test_the_case_ends_so_however_its_facts_arrive(case: Case) -> None:
    """One by one, repeated and out of order, with the touches found in another order: the books are the same."""
    expected = settled(case.order, case.touches, case.later, case.terms, **case.surroundings)
    whole = [*case.later, *([case.order] if case.order else [])]
    arriving = [carrying(fact, case.touches) if isinstance(fact, Snapshot) else fact for fact in whole] * 2
    shuffled, touches = random.Random(case.situation), list(case.touches)
    shuffled.shuffle(arriving)
    shuffled.shuffle(touches)
    facts, posted = OrderFacts(), dict[Posting, int]()
    for fact in arriving:
        facts, _ = facts.with_facts([fact])
        for change in difference(wanted(settle(facts, context(touches, **case.surroundings), case.terms)), posted):
            key = Posting(change.creator_id, change.part, change.currency, change.matures_at, change.counted)
            posted[key] = posted.get(key, 0) + change.amount
    assert {key: amount for key, amount in posted.items() if amount} == wanted(expected)


def _earned(settlement: Settlement) -> dict[str, tuple[int, int]]:
    return {earning.creator_id: (earning.net, earning.earned) for earning in settlement.earnings}


def _amounts(said: str, settlement: Settlement) -> tuple[int, int]:
    net, _, earned = said.partition(" of ")
    currency = settlement.currency or ""
    return minor(net, currency), minor(earned or net, currency)

"""Situations whose explanations are kept in words, in `explanations.txt`, for people to read and tests to compare.

After a change of the words, or of what is told:

    .venv/bin/python -m tests.domain.explanations

writes the file anew; then read what changed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.domain.sales import (
    BUYER,
    PLACED,
    Promises,
    adjust,
    cancellation,
    carrying,
    cash,
    click,
    code,
    context,
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
    tie,
)
from vouch.domain.attribution import Touch
from vouch.domain.context import Membership, Product
from vouch.domain.explanation import Explanation, explain
from vouch.domain.facts import Event, Lifecycle, OrderFacts, PlatformCommission, Snapshot, Standing
from vouch.domain.rates import Rate
from vouch.domain.settlement import Earning, settle
from vouch.domain.terms import CustomerTie, Level, PeriodCap, Recruiter, Recurring, Tiers
from vouch.messages import LANGUAGES, Language
from vouch.words.narration import Names, narrate

KEPT = Path(__file__).with_name("explanations.txt")
NAMES = Names(
    creators={"noa": "Noa", "dan": "Dan", "lea": "לאה", "gil": "Gil"},
    programs={"main": "Friends", "vip": "VIP"},
    currencies={"main": "ILS", "vip": "ILS"},
)
MUG = item("mug", "100.00", sku="MUG-01", product_id="mug")
POT = item("pot", "50.00", sku="POT-01", product_id="pot")
NEW: dict[str, Any] = {"standings": {f"customer:{BUYER}": Standing(f"customer:{BUYER}", PLACED)}}
DOLLARS = {"rates": {("USD", "ILS"): Rate(37_215, 10_000, "boi", PLACED - timedelta(days=1))}}
BEFORE = Earning("noa", "main", 1, "ILS", 10_00, 10_00, PLACED + timedelta(days=14), held=False)
"""What Noa had of an order, as long as it was credited to her."""
LEVELS = Tiers("month", "revenue", (Level(0, 1000), Level(1_000_00, 1500)))


@dataclass(frozen=True)
class Situation:
    """An order with all that came of it, and the creator who reads of it beside the brand."""

    title: str
    order: Snapshot | None
    touches: Sequence[Touch]
    viewer: str | None
    later: Sequence[Event] = ()
    terms: Promises = field(default_factory=promises)
    surroundings: Mapping[str, Any] = field(default_factory=dict)
    former: Sequence[Earning] = ()

    def explained(self, viewer: str | None = None) -> Explanation:
        """What the brand sees, or that creator."""
        facts = OrderFacts(events={(event.kind, event.id): event for event in self.later})
        if self.order is not None:
            facts = replace(facts, told=carrying(self.order, self.touches))
        known = context(self.touches, **self.surroundings)
        settled = settle(facts, known, self.terms)
        return explain(facts, known, self.terms, settled, former=self.former, viewer=viewer)

    def told(self, language: Language, viewer: str | None = None) -> str:
        """The same in words."""
        return narrate(self.explained(viewer), language, NAMES)


EXAMPLE = Situation(
    "the example of docs/reading-an-explanation.md",
    sale(replace(MUG, price="60.00", quantity=2), POT),
    [code("noa"), click("dan", days=2), Touch("code", "spring", problem="unknown_code")],
    "noa",
    later=[refund("r1", mug=1), dispute("won", dispute_id="q1")],
    terms=promises(
        offer(percent(20, customer="new"), percent(15, skus=["MUG-01"]), percent(10), cap=cash("20.00")),
    ),
    surroundings={
        "standings": {f"customer:{BUYER}": Standing(f"customer:{BUYER}", PLACED, first=False)},
    },
)
SITUATIONS = [
    EXAMPLE,
    Situation(
        "prices contain the tax, and the pot was cheaper that day",
        sale(
            item("mug", "69.00", 2, sku="MUG-01", tax="21.05"),
            item("pot", "50.00", sku="POT-01", discount="5.00", tax="6.86"),
            tax_included=True,
            shipping="29.00",
            shipping_tax="4.42",
        ),
        [code("noa")],
        "noa",
        terms=promises(offer(percent(12), shipping=True)),
    ),
    Situation(
        "the tax comes on top, of two who share",
        sale(item("mug", "100.00", sku="MUG-01", discount="10.00", tax="7.20")),
        [click("noa"), click("dan", days=1)],
        "noa",
        terms=promises(offer(model="linear")),
    ),
    Situation(
        "the last click counts, and half of the order comes back",
        sale(MUG, POT),
        [click("noa", days=3), click("dan", days=1)],
        "dan",
        later=[
            refund("r1", mug=(1, "100.00")),
            refund("r2", amount="10.00", failed=True),
            refund("r3", failed=True),
        ],
    ),
    Situation(
        "a code goes before a click; other evidence is nobody's",
        sale(MUG),
        [
            code("noa"),
            Touch("code", "winter", problem="unknown_code"),
            click("dan", minutes=20),
            click("gil", days=40),
            Touch("click", "clk_forged", problem="unknown_click"),
        ],
        "dan",
        terms=promises(offer(percent(20, customer="new"), percent(10))),
        surroundings=NEW,
    ),
    Situation(
        "three share in equal parts, under a cap",
        sale(MUG, replace(POT, quantity=2), shipping="20.00"),
        [click("noa", days=3), click("dan", days=2), click("lea", minutes=90)],
        "lea",
        terms=promises(offer(model="linear", shipping=True, cap=cash("15.00"), time_zone="Asia/Jerusalem")),
    ),
    Situation(
        "what is nearest counts nearly all, what is far next to nothing",
        sale(MUG),
        [click("noa"), click("dan", days=20), click("lea", days=29)],
        "noa",
        terms=promises(offer(model="time_decay", half_life_days=1)),
    ),
    Situation(
        "every product is Dan's; of two who share the rest, only one's program pays for shipping",
        sale(MUG, shipping="20.00"),
        [click("noa"), click("lea", days=1, program="vip"), product_tie("dan", "sku:MUG-01")],
        "lea",
        terms=promises(offer(model="linear", product_ties=True, shipping=True), vip=offer(model="linear")),
    ),
    Situation(
        "a customer who comes back is whose customer they are",
        sale(MUG),
        [tie("noa", days=400)],
        "noa",
        terms=promises(offer(percent(20, customer="new"), percent(5), customer_tie=CustomerTie(months=24))),
    ),
    Situation(
        "a customer tie that is over",
        sale(MUG),
        [tie("noa", days=400)],
        "noa",
        terms=promises(offer(customer_tie=CustomerTie(months=12))),
    ),
    Situation(
        "a product is Noa's, the rest is nobody's",
        sale(MUG, POT),
        [product_tie("noa", "sku:MUG-01"), product_tie("dan", "product:mug")],
        "noa",
        terms=promises(offer(product_ties=True)),
    ),
    Situation(
        "a creator left the program and came back: the customer whom they had brought is theirs no more",
        sale(MUG),
        [replace(tie("noa", days=400), barred="tie_ended")],
        "noa",
        terms=promises(offer(customer_tie=CustomerTie())),
    ),
    Situation(
        "Dan's code wins what is all Noa's",
        sale(MUG),
        [code("dan"), product_tie("noa", "sku:MUG-01")],
        "dan",
        terms=promises(offer(product_ties=True)),
    ),
    Situation(
        "Dan's product, and two of different programs who share the rest",
        sale(MUG, POT),
        [click("noa", days=2), click("lea", days=1, program="vip"), product_tie("dan", "sku:POT-01")],
        "noa",
        terms=promises(offer(product_ties=True), vip=offer(model="linear", product_ties=True)),
    ),
    Situation(
        "TikTok Shop names the creator and pays itself",
        sale(MUG, platform="tiktok_shop", platform_commissions=(PlatformCommission("tiktok:noa", 7_50),)),
        [named("noa")],
        "noa",
    ),
    Situation(
        "TikTok Shop pays Noa, and one whom nobody knows; here Dan's code counts",
        sale(
            MUG,
            platform="tiktok_shop",
            platform_commissions=(PlatformCommission("tiktok:noa", 5_00), PlatformCommission("tiktok:zoe", 0)),
        ),
        [code("dan"), named("noa"), Touch("platform", "tiktok:zoe", problem="unknown_handle")],
        "noa",
        terms=promises(offer(percent(10, platforms=["tiktok_shop"]))),
    ),
    Situation(
        "many rules, many lines",
        sale(
            MUG,
            item("gift", "200.00", gift_card=True),
            item("free", "0.00"),
            item("out", "80.00", tags=("outlet",)),
            *(item(f"{number}", "10.00", number, sku=f"POT-{number:02}", product_id="pot") for number in range(1, 14)),
            country="IL",
        ),
        [code("noa")],
        "noa",
        terms=promises(
            offer(
                nothing(tags=["outlet"]),
                percent(30, collections=["kitchen"], creator_tiers=["gold"]),
                flat_item("3.00", skus=["POT-02"], countries=["IL"]),
                flat_order("7.00", skus=["MUG-01"], order_min=cash("500.00")),
                percent(12),
            )
        ),
        surroundings={
            "members": {("noa", "main"): Membership(tier="gold")},
            "products": {"pot": Product(known=False), "mug": Product(collections=("garden",))},
        },
    ),
    Situation(
        "volume raised the rate, a cap per period waits on the account, and Dan had recruited Noa",
        sale(MUG),
        [click("noa")],
        "dan",
        terms=promises(
            offer(tiers=LEVELS, recruiter=Recruiter(1000), cap_per_period=PeriodCap(cash("500.00"), "month"))
        ),
        surroundings={
            "members": {
                ("noa", "main"): Membership(
                    volume=1_234_50, recruiter_id="dan", recruited_at=PLACED - timedelta(days=30)
                )
            }
        },
    ),
    Situation(
        "the brand set what Noa has, and with it what Dan has for having recruited her",
        sale(MUG),
        [click("noa"), given("noa")],
        "dan",
        later=[adjust("noa", "6.00")],
        terms=promises(offer(recruiter=Recruiter(1000))),
        surroundings={
            "members": {("noa", "main"): Membership(recruiter_id="dan", recruited_at=PLACED - timedelta(days=30))}
        },
    ),
    Situation(
        "another currency, converted",
        sale(MUG, currency="USD"),
        [click("noa", days=1)],
        "noa",
        terms=promises(offer(convert_to="ILS")),
        surroundings=DOLLARS,
    ),
    Situation(
        "yen have no decimals; the subscription earns for three payments, and this is the second",
        sale(item("1", "12000"), currency="JPY", customers=(), subscription="s1", subscribed_at=PLACED),
        [click("noa", days=1)],
        "noa",
        terms=promises(offer(percent(10, customer="new"), percent(5), recurring=Recurring(payments=3, months=12))),
        surroundings={"standings": {"subscription:s1": Standing("subscription:s1", PLACED, payments_before=1)}},
    ),
    Situation(
        "the brand gave the order to Lea and set her part; Noa led to it",
        sale(MUG),
        [click("noa"), given("lea")],
        "noa",
        later=[reassign("lea"), adjust("lea", "25.00", minutes=90, decision_id="d2")],
    ),
    Situation(
        "the brand gave Noa the order by mistake, and then to Lea",
        sale(MUG),
        [given("noa"), given("lea")],
        "noa",
        later=[reassign("noa", decision_id="d1"), reassign("lea", minutes=90, decision_id="d2")],
        former=[BEFORE],
    ),
    Situation(
        "Noa's code was taken off the order",
        sale(MUG),
        [click("dan", days=1)],
        "noa",
        former=[BEFORE],
    ),
    Situation(
        "who has it by the brand's word",
        sale(MUG),
        [click("noa"), given("lea")],
        "lea",
        later=[reassign("lea"), adjust("lea", "7.00", minutes=90, decision_id="d2")],
    ),
    Situation(
        "held over a dispute and a refund that nobody can read, held by the brand, too",
        sale(MUG),
        [click("noa")],
        "noa",
        later=[
            dispute("open", "50.00"),
            dispute("won", dispute_id="q2"),
            refund("r1", currency="USD", amount="5.00"),
            decision("approve", minutes=30, decision_id="d0"),
            decision("hold"),
        ],
    ),
    Situation(
        "cancelled",
        sale(MUG),
        [click("noa")],
        "noa",
        later=[cancellation()],
    ),
    Situation(
        "who buys through their own link",
        sale(MUG),
        [click("noa", persons=(BUYER,))],
        "noa",
    ),
    Situation("nobody led to it", sale(MUG), [], None),
    Situation(
        "never paid, and cancelled",
        sale(MUG, lifecycle=Lifecycle.OPEN),
        [code("noa")],
        "noa",
        later=[cancellation()],
    ),
    Situation("not paid yet", sale(MUG, lifecycle=Lifecycle.OPEN), [code("noa")], "noa"),
    Situation("a refund came before its order", None, [], None, later=[refund("r1", amount="10.00")]),
]


def kept() -> str:
    """The file as it should be."""
    return "\n".join(_pages())


def _pages() -> Iterator[str]:
    for situation in SITUATIONS:
        yield f"{'=' * 120}\n{situation.title}\n{'=' * 120}\n"
        for viewer in dict.fromkeys([None, situation.viewer]):
            for language in LANGUAGES:
                reader = f"{NAMES.creators[viewer]} reads" if viewer else "the brand reads"
                yield f"--- {reader}, {language}\n\n{situation.told(language, viewer)}\n"


if __name__ == "__main__":
    KEPT.write_text(kept())

"""Sales made up from a number: thousands a second, small enough to be read, odder than anybody thinks of.

A test that fails says `random_sale(1234)`: that number, in a shell or as an `@example`, is the same sale again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from random import Random
from typing import Any, get_args, override

from hypothesis import strategies as st

from tests.domain.sales import BUYER, PLACED, Promises, carrying, context
from vouch.domain.attribution import Credit, Touch, credit
from vouch.domain.context import BUYERS, SUBSCRIPTIONS, Context, Membership, Product, named_key
from vouch.domain.facts import (
    Cancellation,
    Decision,
    Dispute,
    Event,
    Fact,
    Lifecycle,
    Line,
    OrderFacts,
    Refund,
    RefundLine,
    Snapshot,
    Standing,
    fingerprint,
)
from vouch.domain.money import Money
from vouch.domain.rates import Rate
from vouch.domain.settlement import Settlement, settle
from vouch.domain.terms import (
    Attribution,
    Base,
    CodePolicy,
    Commission,
    CustomerTie,
    Level,
    Match,
    Model,
    Recruiter,
    Recurring,
    Reward,
    Rule,
    Terms,
    Tiers,
)

CREATORS = ["adam", "dan", "gil", "lena", "noa"]
LINES = ["a", "b", "c", "d"]
PRODUCTS = ["mug", "pot"]
LABELS = ["sale", "new"]
PROGRAMS = ["main", "vip"]
CURRENCIES = ["ILS", "JPY", "KWD"]
"""With two decimals, none and three."""
SHARING: tuple[Model, ...] = ("linear", "position", "time_decay")
EVERYTHING = Rule(Match(), Reward("percent", bps=1_000))
SUBSCRIPTION = "sub_1"
ANOTHER = "somebody else"
REGISTERS = f"{BUYERS}{BUYER}", f"{SUBSCRIPTIONS}{SUBSCRIPTION}"


@dataclass(frozen=True, repr=False)
class RandomSale:
    """An order, who led to it, what they were promised, what came back, and what else came of it.

    `order` is the newest that is known of it; `edits` are what was said before. `refunds` took money back.
    """

    seed: int
    order: Snapshot
    touches: tuple[Touch, ...]
    terms: Promises
    refunds: tuple[Refund, ...]
    edits: tuple[Snapshot, ...] = ()
    events: tuple[Event, ...] = ()
    surroundings: Mapping[str, Any] = field(default_factory=dict)

    @override
    def __repr__(self) -> str:
        return f"random_sale({self.seed})"

    @property
    def told(self) -> list[Fact]:
        """All facts, in no order that matters."""
        return [*self.edits, self.order, *self.refunds, *self.events]

    @property
    def facts(self) -> OrderFacts:
        """All that is known of it."""
        return OrderFacts().with_facts(self.told)[0]

    @property
    def context(self) -> Context:
        """Its surroundings, as they are pinned."""
        return context(self.touches, **self.surroundings)

    def settled(self, refunds: Sequence[Refund] | None = None) -> Settlement:
        """The books with these refunds, or its own."""
        told = self if refunds is None else replace(self, refunds=tuple(refunds))
        return settle(told.facts, told.context, told.terms)

    def credited(self) -> Credit:
        """Who shares it, as its newest facts have it."""
        facts, given = self.facts, self.facts.decision("reassign")
        touches = [
            touch
            for touch in self.context.touches_of(facts)
            if touch.kind != "decision" or (given and touch.evidence == named_key(given))
        ]
        return credit(facts.snapshot or self.order, touches, self.terms)

    def by_the_rules(self) -> "RandomSale":
        """The same sale, no part of which the brand has set itself."""
        return replace(self, events=tuple(event for event in self.events if not _is_adjustment(event)))

    def alive(self) -> "RandomSale":
        """The same sale, neither cancelled nor a test nor unpaid: what is credited earns."""
        edits = tuple(replace(edit, lifecycle=Lifecycle.PAID, paid=True) for edit in self.edits)
        events = tuple(event for event in self.events if not isinstance(event, Cancellation) and not _is_no(event))
        order = replace(self.order, lifecycle=Lifecycle.PAID, paid=True, test=False)
        return replace(self, order=order, edits=edits, events=events)


def random_sale(seed: int, currency: str | None = None) -> RandomSale:
    """The sale of that number; in `currency`, all else being equal, if one is said."""
    chance = Random(seed)
    drawn = chance.choice(CURRENCIES)
    currency = currency or drawn
    # A sale has one or two oddities, so that the others' effects are not always drowned.
    odd = chance.choice([0, 1 / 8, 1 / 8, 1 / 3])
    order = _order(chance, currency, odd)
    # Under one program, all who share are mostly rated alike: what they share must come out to the unit.
    programs = chance.choice([PROGRAMS[:1], PROGRAMS])
    buying = {creator: (chance.choice([BUYER, ANOTHER]),) for creator in CREATORS if chance.random() < odd / 2}
    barred = {(c, p): "not_enrolled" for c in CREATORS for p in programs if chance.random() < odd / 2}
    shown = dict.fromkeys(_touch(chance, number, programs) for number in range(chance.randint(1, 7)))
    shown |= dict.fromkeys(_ties(chance, programs, odd))
    touches = [_judged(touch, buying, barred) for touch in shown]
    order = carrying(order, touches)
    edits = tuple(_edit(chance, order, minutes) for minutes in (1, 2) if chance.random() < odd)
    if chance.random() < odd / 2:
        order = replace(order, placed_at=PLACED + timedelta(minutes=chance.randint(-9, 9)), placed_at_guessed=True)
    terms = {(program, 1): _terms(chance, currency, odd) for program in PROGRAMS}
    refunds = tuple(_refund(chance, f"r{number}", currency) for number in range(chance.choice([0, 0, 1, 2, 3])))
    events = tuple(_events(chance, currency, odd, programs, refunds))
    named = [_given(event, chance) for event in events if _names_somebody(event) and chance.random() < 7 / 8]
    touches += {touch.evidence: touch for touch in named}.values()
    return RandomSale(
        seed,
        order,
        tuple(dict.fromkeys(touches)),
        terms,
        refunds,
        edits,
        (*events, *_origins(chance, touches, odd)),
        _surroundings(chance, currency, touches, programs, buying, barred, odd),
    )


SALES = st.integers(0, 2**32).map(random_sale)


# --- what was sold ----------------------------------------------------------------------------------------------------


def _price(chance: Random) -> int:
    return chance.randint(0, chance.choice([5, 50, 50, 10**4, 10**6]))


def _order(chance: Random, currency: str, odd: float) -> Snapshot:
    lifecycle = Lifecycle.PAID if chance.random() >= odd / 2 else chance.choice(list(Lifecycle))
    subscribed = chance.random() < odd
    return Snapshot(
        updated_at=PLACED + timedelta(minutes=5),
        placed_at=PLACED,
        lifecycle=lifecycle,
        paid=lifecycle not in (Lifecycle.OPEN, Lifecycle.PARTLY_PAID),
        currency=currency,
        lines=tuple(_line(chance, line_id) for line_id in LINES[: chance.randint(1, 4)]),
        platform="tiktok_shop" if chance.random() < odd / 2 else "shopify",
        shipping=chance.choice([0, 0, _price(chance)]),
        shipping_tax=chance.randint(0, 10),
        tip=chance.choice([0, 7]),
        tax_included=chance.random() < 1 / 2,
        test=chance.random() < odd / 4,
        country=chance.choice([None, "IL", "US"]),
        customers=(BUYER, "the buyer's phone")[: chance.choice([1, 1, 2])],
        customer_new=chance.choice([None, None, True, False]),
        subscription=SUBSCRIPTION if subscribed else None,
        subscribed_at=PLACED - timedelta(days=chance.randint(0, 400))
        if subscribed and chance.random() < 1 / 2
        else None,
    )


def _line(chance: Random, line_id: str) -> Line:
    quantity, unit_price = chance.choice([0, 1, 1, 1, 2, 2, 5]), _price(chance)
    return Line(
        line_id,
        quantity,
        unit_price,
        discount=chance.choice([0, chance.randint(0, quantity * unit_price)]),
        tax=chance.choice([0, chance.randint(0, 30)]),
        sku=line_id,
        product_id=chance.choice([None, *PRODUCTS]),
        tags=tuple(chance.sample(LABELS, chance.choice([0, 0, 1]))),
        collections=tuple(chance.sample(LABELS, chance.choice([0, 0, 0, 1]))),
        gift_card=chance.random() < 1 / 8,
    )


def _edit(chance: Random, order: Snapshot, minutes: int) -> Snapshot:
    """What the shop had said of the order before: other lines, another stage, another buyer, fewer who led to it."""
    guessed = chance.random() < 1 / 4
    return replace(
        order,
        updated_at=PLACED + timedelta(minutes=minutes),
        placed_at=PLACED + timedelta(minutes=chance.randint(-9, 9)) if guessed else PLACED,
        placed_at_guessed=guessed,
        lifecycle=chance.choice(list(Lifecycle)),
        paid=chance.random() < 1 / 2,
        lines=tuple(_line(chance, line_id) for line_id in LINES[: chance.randint(0, 4)]),
        customers=chance.choice([(), order.customers, (ANOTHER,)]),
        codes=order.codes[1:],
        click_ids=order.click_ids[: chance.randint(0, 2)],
    )


# --- who led to it ----------------------------------------------------------------------------------------------------


def _touch(chance: Random, number: int, programs: Sequence[str]) -> Touch:
    creator, program = chance.choice(CREATORS), chance.choice(programs)
    if chance.random() < 1 / 8:
        return Touch("code", f"{creator}10", None, creator, programs[len(creator) % len(programs)], 1)
    if chance.random() < 1 / 16:
        return Touch("platform", f"tiktok:{creator}", None, creator, programs[len(creator) % len(programs)], 1)
    if chance.random() < 1 / 32:
        return Touch("click", f"click {number}", problem="unknown_click")
    age = timedelta(days=chance.choice([0, 1, 2, 7, 14, 30, 31]), minutes=chance.choice([0, 30, -3]))
    return Touch("click", f"click {number}", PLACED - age, creator, program, 1)


def _ties(chance: Random, programs: Sequence[str], odd: float) -> list[Touch]:
    """Of the customer, and of products and SKUs, each of which is one creator's."""
    tied = [
        Touch("product", what, None, chance.choice(CREATORS), chance.choice(programs), 1)
        for what in ("product:mug", "product:pot", "sku:a", "sku:b")
        if chance.random() < odd / 2
    ]
    if chance.random() < odd:
        since = PLACED - timedelta(days=chance.randint(1, 400))
        tied.append(Touch("customer", "ord_1", since, chance.choice(CREATORS), chance.choice(programs), 1))
    return tied


def _judged(touch: Touch, buying: Mapping[str, tuple[str, ...]], barred: Mapping[tuple[str, str], str]) -> Touch:
    """With the creator's own names, and what stood in their way on that day."""
    who = touch.creator_id or "", touch.program_id or ""
    return replace(touch, persons=buying.get(who[0], ()), barred=barred.get(who))


def _surroundings(
    chance: Random,
    currency: str,
    touches: Sequence[Touch],
    programs: Sequence[str],
    buying: Mapping[str, tuple[str, ...]],
    barred: Mapping[tuple[str, str], str],
    odd: float,
) -> dict[str, Any]:
    """What else is looked up: members, registers, the catalogue, exchange rates."""
    members = {
        (creator, program): _membership(chance, creator, program, buying, barred)
        for creator in CREATORS
        for program in programs
        if chance.random() < max(odd, 1 / 4)
    }
    first = next((_origin(touch, 1) for touch in touches if touch.kind == "customer"), None)
    standings = {REGISTERS[1]: Standing(REGISTERS[1], PLACED, 1, payments_before=chance.randint(0, 4))}
    if first or chance.random() < odd:
        standings[REGISTERS[0]] = first or Standing(REGISTERS[0], PLACED, 1, first=chance.random() < 1 / 2)
    known = {
        product: Product(tuple(chance.sample(LABELS, 1)), tuple(chance.sample(LABELS, 1)))
        for product in PRODUCTS
        if chance.random() < 1 / 2
    }
    rates = {
        (currency, other): Rate(chance.randint(1, 10**6), 10 ** chance.randint(2, 6), "made up", PLACED)
        for other in [*CURRENCIES, "USD"]
        if other != currency
    }
    return {
        "members": members,
        "standings": standings,
        "products": known,
        "rates": rates,
        "test_brand": chance.random() < 1 / 2,
    }


def _membership(
    chance: Random,
    creator: str,
    program: str,
    buying: Mapping[str, tuple[str, ...]],
    barred: Mapping[tuple[str, str], str],
) -> Membership:
    recruiter = chance.choice([None, "zoe", *(other for other in CREATORS if other != creator)])
    return Membership(
        tier=chance.choice([None, "gold", "silver"]),
        volume=chance.choice([None, 0, chance.randint(0, 2_000)]),
        recruiter_id=recruiter,
        recruited_at=PLACED - timedelta(days=chance.randint(1, 400)) if recruiter else None,
        recruiter_persons=(BUYER,) if chance.random() < 1 / 8 else buying.get(recruiter or "", ()),
        recruiter_barred="not_enrolled" if chance.random() < 1 / 8 else barred.get((recruiter or "", program)),
    )


# --- what they were promised ------------------------------------------------------------------------------------------


def _terms(chance: Random, currency: str, odd: float) -> Terms:
    """Of a program in the order's currency, or in another one; which then mostly converts."""
    home = "USD" if chance.random() < odd else chance.choice([currency] * 5 + CURRENCIES)
    base = Base(chance.random() < 1 / 3, chance.random() < 1 / 3, chance.random() < 1 / 3)
    cap = Money(chance.randint(0, chance.choice([9, 50, 10**5])), home) if chance.random() < 1 / 2 else None
    rules = (*(_rule(chance, home) for _ in range(chance.randint(0, 3))), EVERYTHING)
    tie = CustomerTie(chance.choice([None, 1, 12]), chance.random() < 1 / 2)
    levels = Level(0, chance.randint(0, 10_000)), Level(1_000, chance.randint(0, 10_000))
    return Terms(
        hold_days=chance.choice([0, 14]),
        attribution=Attribution(
            model=chance.choice([*get_args(Model), *SHARING]),
            code_policy=chance.choice(get_args(CodePolicy)),
            half_life_days=chance.choice([1, 7]),
            customer_tie=tie if chance.random() < 2 / 3 else None,
            product_ties=chance.random() < 2 / 3,
        ),
        commission=Commission(
            base,
            rules,
            cap,
            recurring=chance.choice([None, None, Recurring(payments=2), Recurring(months=6)]),
            tiers=Tiers("month", "orders", levels) if chance.random() < odd else None,
            recruiter=Recruiter(chance.choice([500, 3_333]), chance.choice([None, 6]))
            if chance.random() < 1 / 2
            else None,
        ),
        convert_to=home if chance.random() < 2 / 3 else None,
        time_zone=chance.choice(["UTC", "Asia/Jerusalem", "America/Los_Angeles"]),
    )


def _rule(chance: Random, home: str) -> Rule:
    match = Match(
        skus=_some(chance, LINES, 1 / 3),
        product_ids=_some(chance, PRODUCTS, 1 / 12),
        collections=_some(chance, LABELS, 1 / 12),
        tags=_some(chance, LABELS, 1 / 12),
        creator_ids=_some(chance, CREATORS, 1 / 3),
        creator_tiers=_some(chance, ["gold", "silver"], 1 / 12),
        countries=_some(chance, ["IL", "US"], 1 / 12),
        platforms=_some(chance, ["shopify", "tiktok_shop"], 1 / 8),
        customer=chance.choice([None] * 6 + ["new", "returning"]),
        order_min=Money(_price(chance), home) if chance.random() < 1 / 4 else None,
        order_max=Money(_price(chance), home) if chance.random() < 1 / 12 else None,
    )
    reward = chance.choice(["percent", "percent", "flat_item", "flat_order", "flat_order", "none"])
    if reward == "percent":
        return Rule(match, Reward("percent", bps=chance.choice([1_000, 10_000, chance.randint(0, 10_000)])))
    if reward == "none":
        return Rule(match, Reward("none"))
    flat = Money(chance.randint(0, chance.choice([5, 9, 500])), home)
    return Rule(match, Reward("flat_item" if reward == "flat_item" else "flat_order", flat=flat))


def _some(chance: Random, choices: Sequence[str], asked: float) -> frozenset[str]:
    """What a condition asks for: mostly nothing."""
    return frozenset(chance.sample(choices, chance.randint(1, 2))) if chance.random() < asked else frozenset()


def without_shipping(terms: Promises) -> Promises:
    """The same terms, with goods alone counted: no refund that names lines or amounts gives shipping back."""
    return {
        key: replace(one, commission=replace(one.commission, base=replace(one.commission.base, shipping=False)))
        for key, one in terms.items()
    }


# --- what came of it --------------------------------------------------------------------------------------------------


def _refund(chance: Random, refund_id: str, currency: str) -> Refund:
    lines = tuple(_refund_line(chance, line_id) for line_id in chance.sample(LINES, chance.randint(0, 3)))
    amount = chance.choice([0, _price(chance), -_price(chance)])
    moment = PLACED + timedelta(hours=1)
    return Refund(refund_id, moment, currency, lines, amount, amount_with_tax=chance.random() < 1 / 2)


def _refund_line(chance: Random, line_id: str) -> RefundLine:
    amount = chance.choice([None, _price(chance)])
    tax = None if amount is None else chance.choice([None, chance.randint(0, amount)])
    return RefundLine(line_id, chance.randint(0, 3), amount, tax)


def _events(
    chance: Random, currency: str, odd: float, programs: Sequence[str], refunds: Sequence[Refund]
) -> list[Event]:
    """Each fact of a set now and then, some in two versions: the older one is to leave no trace."""
    told: list[Event] = []
    # Platforms do not always date a change.
    later = PLACED + timedelta(hours=chance.choice([1, 2]))
    if chance.random() < odd:
        pending = _refund(chance, "failing", currency)
        told += [pending, replace(pending, updated_at=later, failed=True)]
    if chance.random() < odd / 2:
        # Money in another currency: nobody knows what it took back, until the brand says that it does not matter.
        abroad = replace(_refund(chance, "abroad", "USD"), updated_at=later)
        told.append(abroad)
        refunds = [*refunds, abroad]
    if chance.random() < odd:
        amount = chance.choice([None, _price(chance)])
        opened = Dispute("q1", PLACED + timedelta(hours=1), "open", chance.choice([None, currency, "USD"]), amount)
        ended: list[Event] = [replace(opened, updated_at=later, status=chance.choice(["lost", "won"]))]
        told += [opened, *(ended if chance.random() < 2 / 3 else [])]
    told += [_decision(chance, number, programs, refunds) for number in range(3) if chance.random() < odd]
    if chance.random() < odd / 4:
        told.append(Cancellation("orders/delete", later))
    return told


def _decision(chance: Random, number: int, programs: Sequence[str], refunds: Sequence[Refund]) -> Decision:
    verdict = chance.choice(["hold", "approve", "reject", "reassign", "adjust", "adjust", "adjust"])
    said_at = PLACED + timedelta(hours=chance.randint(0, 3))
    decision = Decision(f"d{number}", said_at, verdict, "ops@shop.example", "looked at it")  # type: ignore[arg-type]
    if verdict == "approve":
        return replace(decision, refunds=tuple(fingerprint(refund) for refund in refunds))
    if verdict not in ("reassign", "adjust"):
        return decision
    amount = _price(chance) if verdict == "adjust" else None
    return replace(decision, creator_id=chance.choice(CREATORS[:2]), program_id=chance.choice(programs), amount=amount)


def _names_somebody(event: Event) -> bool:
    return isinstance(event, Decision) and event.creator_id is not None


def _is_adjustment(event: Event) -> bool:
    return isinstance(event, Decision) and event.verdict == "adjust"


def _is_no(event: Event) -> bool:
    return isinstance(event, Decision) and event.verdict == "reject"


def _given(event: Event, chance: Random) -> Touch:
    """Whom a decision names; now and then there are no terms under which they could be rated."""
    if not isinstance(event, Decision):
        raise TypeError(event)
    touch = Touch("decision", named_key(event), None, event.creator_id, event.program_id, 1)
    return touch if chance.random() < 7 / 8 else replace(touch, terms_version=None, problem="no_terms")


def _origin(touch: Touch, version: int) -> Standing:
    """The register's word that the creator of this touch brought the customer."""
    return Standing(
        REGISTERS[0],
        PLACED + timedelta(minutes=version),
        version,
        first=False,
        origin=touch.evidence,
        origin_at=touch.at,
        creator_id=touch.creator_id,
        program_id=touch.program_id,
    )


def _origins(chance: Random, touches: Sequence[Touch], odd: float) -> list[Standing]:
    """What the registers come to know later: of the customer, and of the subscription."""
    told = [_origin(touch, 2) for touch in touches if touch.kind == "customer" and chance.random() < 1 / 2]
    if not told and chance.random() < odd:
        told = [Standing(REGISTERS[0], PLACED, 2, first=chance.random() < 1 / 2)]
    if chance.random() < odd:
        told.append(Standing(REGISTERS[1], PLACED, 2, payments_before=chance.randint(0, 4)))
    return told

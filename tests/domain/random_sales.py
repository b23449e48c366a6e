"""Sales made up from a number: thousands a second, small enough to be read, odder than anybody thinks of."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random
from typing import get_args

from hypothesis import strategies as st

from tests.domain.sales import PLACED, Promises, carrying, cash, context
from vouch.domain.attribution import Touch
from vouch.domain.facts import Lifecycle, Line, OrderFacts, Refund, RefundLine, Snapshot
from vouch.domain.money import Money
from vouch.domain.settlement import Settlement, settle
from vouch.domain.terms import Attribution, Base, CodePolicy, Commission, Match, Model, Reward, Rule, Terms

CREATORS = ["adam", "dan", "gil", "lena", "noa"]
LINES = ["a", "b", "c", "d"]
PROGRAMS = ["main", "vip"]
CURRENCY = "ILS"
SHARING: tuple[Model, ...] = ("linear", "position", "time_decay")
EVERYTHING = Rule(Match(), Reward("percent", bps=1_000))


@dataclass(frozen=True)
class RandomSale:
    """A paid order, who led to it, what they were promised, and what came back."""

    order: Snapshot
    touches: tuple[Touch, ...]
    terms: Promises
    refunds: tuple[Refund, ...]

    def settled(
        self, refunds: Sequence[Refund] | None = None, *, order: Snapshot | None = None, terms: Promises | None = None
    ) -> Settlement:
        """The books with these refunds, or its own."""
        told = self.refunds if refunds is None else refunds
        facts = OrderFacts(order or self.order, {(refund.kind, refund.id): refund for refund in told})
        return settle(facts, context(self.touches), terms or self.terms)


def random_sale(seed: int) -> RandomSale:
    chance = Random(seed)
    order = _order(chance)
    # Under one program, all who share are mostly rated alike: what they share must come out to the unit.
    programs = chance.choice([PROGRAMS[:1], PROGRAMS])
    touches = dict.fromkeys(_touch(chance, number, programs) for number in range(chance.randint(1, 7)))
    terms = {(program, 1): _terms(chance) for program in PROGRAMS}
    refunds = tuple(_refund(chance, number) for number in range(chance.randint(0, 3)))
    return RandomSale(carrying(order, touches), tuple(touches), terms, refunds)


SALES = st.integers(0, 2**32).map(random_sale)


def _price(chance: Random) -> int:
    return chance.randint(0, chance.choice([5, 50, 50, 10**4, 10**6]))


def _order(chance: Random) -> Snapshot:
    return Snapshot(
        updated_at=PLACED,
        placed_at=PLACED,
        lifecycle=Lifecycle.PAID,
        currency=CURRENCY,
        lines=tuple(_line(chance, line_id) for line_id in LINES[: chance.randint(1, 4)]),
        platform="shopify",
        shipping=chance.choice([0, 0, _price(chance)]),
        shipping_tax=chance.randint(0, 10),
        tax_included=chance.random() < 1 / 2,
    )


def _line(chance: Random, line_id: str) -> Line:
    quantity, unit_price = chance.choice([0, 1, 1, 2, 5]), _price(chance)
    return Line(
        line_id,
        quantity,
        unit_price,
        discount=chance.choice([0, chance.randint(0, quantity * unit_price)]),
        tax=chance.choice([0, chance.randint(0, 30)]),
        sku=line_id,
        gift_card=chance.random() < 1 / 8,
    )


def _touch(chance: Random, number: int, programs: Sequence[str]) -> Touch:
    creator, program = chance.choice(CREATORS), chance.choice(programs)
    if chance.random() < 1 / 8:
        return Touch("code", f"{creator}10", None, creator, programs[len(creator) % len(programs)], 1)
    age = timedelta(days=chance.randint(0, 31), minutes=chance.choice([0, 30, -3]))
    return Touch("click", f"click {number}", PLACED - age, creator, program, 1)


def _refund(chance: Random, number: int) -> Refund:
    lines = tuple(_refund_line(chance, line_id) for line_id in chance.sample(LINES, chance.randint(0, 3)))
    amount = chance.choice([0, _price(chance), -_price(chance)])
    return Refund(f"r{number}", PLACED, CURRENCY, lines, amount, amount_with_tax=chance.random() < 1 / 2)


def _refund_line(chance: Random, line_id: str) -> RefundLine:
    amount = chance.choice([None, _price(chance)])
    tax = None if amount is None else chance.choice([None, chance.randint(0, amount)])
    return RefundLine(line_id, chance.randint(0, 3), amount, tax)


def _terms(chance: Random) -> Terms:
    base = Base(chance.random() < 1 / 3, chance.random() < 1 / 3, chance.random() < 1 / 3)
    cap = Money(chance.randint(0, chance.choice([9, 50, 10**5])), CURRENCY) if chance.random() < 1 / 2 else None
    return Terms(
        hold_days=chance.choice([0, 14]),
        attribution=Attribution(
            model=chance.choice([*get_args(Model), *SHARING]),
            code_policy=chance.choice(get_args(CodePolicy)),
            half_life_days=chance.choice([1, 7]),
        ),
        commission=Commission(base, (*(_rule(chance) for _ in range(chance.randint(0, 3))), EVERYTHING), cap),
    )


def _rule(chance: Random) -> Rule:
    match = Match(
        skus=frozenset(chance.sample(LINES, chance.choice([0, 0, 2]))),
        creator_ids=frozenset(chance.sample(CREATORS, chance.choice([0, 0, 0, 0, 2, 3]))),
        order_min=Money(_price(chance), CURRENCY) if chance.random() < 1 / 4 else None,
    )
    reward = chance.choice(["percent", "percent", "flat_item", "flat_order", "flat_order", "none"])
    if reward == "percent":
        return Rule(match, Reward("percent", bps=chance.choice([1_000, 10_000, chance.randint(0, 10_000)])))
    if reward == "none":
        return Rule(match, Reward("none"))
    flat = chance.choice([*(Money(chance.randint(0, most), CURRENCY) for most in (5, 9, 500)), cash("1.00", "USD")])
    return Rule(match, Reward("flat_item" if reward == "flat_item" else "flat_order", flat=flat))


def without_shipping(terms: Promises) -> Promises:
    """The same terms, with goods alone counted: no refund that names lines or amounts gives shipping back."""
    return {
        key: replace(one, commission=replace(one.commission, base=replace(one.commission.base, shipping=False)))
        for key, one in terms.items()
    }

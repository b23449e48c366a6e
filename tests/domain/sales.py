"""An order, who led to it and what they were promised, in as few words as a test needs.

Amounts are written as people write them (`"130.50"`), in shekels where nothing else is said. Everything happens on
4 May 2026; Noa, Dan, Lea and Gil take part in the program `main`, under its first terms.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from vouch.domain import money
from vouch.domain.attribution import TermsKey, Touch
from vouch.domain.context import CUSTOMER, HANDLE, NAMED, Context
from vouch.domain.facts import (
    Cancellation,
    Decision,
    Dispute,
    DisputeStatus,
    Event,
    Lifecycle,
    Line,
    OrderFacts,
    Refund,
    RefundLine,
    Snapshot,
    Standing,
    Verdict,
    fingerprint,
)
from vouch.domain.money import Money
from vouch.domain.settlement import Settlement, settle
from vouch.domain.terms import (
    Attribution,
    Base,
    CodePolicy,
    Commission,
    Match,
    Model,
    Reward,
    Rule,
    Terms,
)

PLACED = datetime(2026, 5, 4, 12, tzinfo=UTC)
BUYER = "the buyer"
ILS = "ILS"
Promises = Mapping[TermsKey, Terms]


@dataclass(frozen=True)
class Item:
    """A line before its currency is known."""

    id: str
    price: str
    quantity: int = 1
    discount: str = "0"
    tax: str = "0"
    said: Mapping[str, Any] | None = None


def item(line_id: str, price: str, quantity: int = 1, *, discount: str = "0", tax: str = "0", **said: Any) -> Item:
    """A line; `said` is whatever else a `Line` has."""
    return Item(line_id, price, quantity, discount, tax, said)


def sale(
    *items: Item,
    currency: str = ILS,
    shipping: str = "0",
    shipping_tax: str = "0",
    tip: str = "0",
    lifecycle: Lifecycle = Lifecycle.PAID,
    minutes: int = 0,
    **said: Any,
) -> Snapshot:
    """The order as its shop described it `minutes` after it was placed."""
    lines = tuple(
        Line(
            line.id,
            line.quantity,
            money.minor(line.price, currency),
            money.minor(line.discount, currency),
            money.minor(line.tax, currency),
            **line.said or {},
        )
        for line in items
    )
    paid = lifecycle not in (Lifecycle.OPEN, Lifecycle.PARTLY_PAID)
    whole: dict[str, Any] = {"platform": "shopify", "customers": (BUYER,), "paid": paid} | said
    return Snapshot(
        updated_at=PLACED + timedelta(minutes=minutes),
        placed_at=PLACED,
        lifecycle=lifecycle,
        currency=currency,
        lines=lines,
        shipping=money.minor(shipping, currency),
        shipping_tax=money.minor(shipping_tax, currency),
        tip=money.minor(tip, currency),
        **whole,
    )


def click(
    creator: str,
    *,
    days: int = 0,
    minutes: int = 0,
    seconds: int = 0,
    evidence: str | None = None,
    program: str = "main",
    persons: tuple[str, ...] = (),
    barred: str | None = None,
) -> Touch:
    """A click this long before the order (an hour, if nothing is said; negative: after it), named for its creator."""
    age = timedelta(days=days, minutes=minutes, seconds=seconds) or timedelta(hours=1)
    return Touch("click", evidence or creator, PLACED - age, creator, program, 1, persons, None, barred)


def code(
    creator: str,
    *,
    evidence: str | None = None,
    program: str = "main",
    persons: tuple[str, ...] = (),
    barred: str | None = None,
) -> Touch:
    """The creator's code on the order: `noa10`."""
    return Touch("code", evidence or f"{creator}10", None, creator, program, 1, persons, None, barred)


def named(creator: str, *, platform: str = "tiktok", program: str = "main", persons: tuple[str, ...] = ()) -> Touch:
    """The platform's own word that the creator made the sale."""
    return Touch("platform", f"{platform}:{creator}", None, creator, program, 1, persons)


def tie(creator: str, *, days: int, program: str = "main", persons: tuple[str, ...] = ()) -> Touch:
    """The creator brought the customer, with an order this long before."""
    return Touch("customer", "the first order", PLACED - timedelta(days=days), creator, program, 1, persons)


def product_tie(
    creator: str, what: str, *, program: str = "main", persons: tuple[str, ...] = (), barred: str | None = None
) -> Touch:
    """What sells is the creator's: `product:mug` or `sku:MUG-01`."""
    return Touch("product", what, None, creator, program, 1, persons, None, barred)


def given(creator: str, *, program: str = "main") -> Touch:
    """The creator whom a decision names, as they are looked up."""
    return Touch("decision", f"{NAMED}{creator}:{program}", None, creator, program, 1)


def refund(
    refund_id: str,
    *,
    amount: str = "0",
    currency: str = ILS,
    minutes: int = 60,
    failed: bool = False,
    with_tax: bool = False,
    **lines: int | str | tuple[int, str] | tuple[int, str, str],
) -> Refund:
    """Money back: `mug=2` by quantity, `mug="30.00"` by amount, `mug=(1, "25.00")` one item for less than its price.

    `mug=(1, "58.50", "8.50")` tells the tax, too; `with_tax` is of the amount that names no line.
    """
    return Refund(
        refund_id,
        PLACED + timedelta(minutes=minutes),
        currency,
        tuple(_refund_line(line_id, said, currency) for line_id, said in lines.items()),
        money.minor(amount, currency),
        failed,
        with_tax,
    )


def _refund_line(line_id: str, said: int | str | tuple[int, str] | tuple[int, str, str], currency: str) -> RefundLine:
    if isinstance(said, int):
        return RefundLine(line_id, said)
    quantity, *amounts = (0, said) if isinstance(said, str) else said
    return RefundLine(line_id, quantity, *(money.minor(amount, currency) for amount in amounts))


def cancellation(minutes: int = 60) -> Cancellation:
    return Cancellation("orders/delete", PLACED + timedelta(minutes=minutes))


def decision(verdict: Verdict, *, minutes: int = 60, decision_id: str = "d1", seen: Iterable[Refund] = ()) -> Decision:
    refunds = tuple(fingerprint(refund) for refund in seen)
    said_at = PLACED + timedelta(minutes=minutes)
    return Decision(decision_id, said_at, verdict, "ops@shop.example", "looked at it", refunds)


def reassign(creator: str, *, minutes: int = 60, decision_id: str = "d1", program: str = "main") -> Decision:
    said_at = PLACED + timedelta(minutes=minutes)
    whom: dict[str, Any] = {"creator_id": creator, "program_id": program}
    return Decision(decision_id, said_at, "reassign", "ops@shop.example", "it was their video", **whom)


def adjust(
    creator: str,
    amount: str,
    *,
    minutes: int = 60,
    decision_id: str = "d1",
    program: str = "main",
    currency: str = ILS,
) -> Decision:
    said_at = PLACED + timedelta(minutes=minutes)
    net = money.minor(amount, currency)
    return Decision(
        decision_id,
        said_at,
        "adjust",
        "ops@shop.example",
        "as agreed",
        creator_id=creator,
        program_id=program,
        amount=net,
        currency=currency,
    )


def dispute(
    status: DisputeStatus,
    amount: str | None = None,
    *,
    minutes: int = 60,
    dispute_id: str = "q1",
    currency: str | None = None,
) -> Dispute:
    """All of the order where no amount is said."""
    said_at = PLACED + timedelta(minutes=minutes)
    return Dispute(dispute_id, said_at, status, currency, None if amount is None else money.minor(amount, ILS))


def standing(*, version: int = 1, minutes: int = 60, register: str = f"customer:{BUYER}", **said: Any) -> Standing:
    """A register's later word on the order."""
    return Standing(register, PLACED + timedelta(minutes=minutes), version, **said)


def percent(whole: int, **match: Any) -> Rule:
    return Rule(_match(match), Reward("percent", bps=whole * 100))


def flat_item(amount: str, currency: str = ILS, **match: Any) -> Rule:
    return Rule(_match(match), Reward("flat_item", flat=cash(amount, currency)))


def flat_order(amount: str, currency: str = ILS, **match: Any) -> Rule:
    return Rule(_match(match), Reward("flat_order", flat=cash(amount, currency)))


def nothing(**match: Any) -> Rule:
    return Rule(_match(match), Reward("none"))


def cash(amount: str, currency: str = ILS) -> Money:
    return Money(money.minor(amount, currency), currency)


def _match(said: Mapping[str, Any]) -> Match:
    conditions: dict[str, Any] = {key: frozenset(v) if isinstance(v, list) else v for key, v in said.items()}
    return Match(**conditions)


def offer(
    *rules: Rule,
    model: Model = "last",
    window_days: int = 30,
    code_policy: CodePolicy = "wins",
    half_life_days: int = 7,
    hold_days: int = 14,
    cap: Money | None = None,
    tax: bool = False,
    shipping: bool = False,
    gift_cards: bool = False,
    **around: Any,
) -> Terms:
    """A program's terms: 10 % of everything where no rule is given.

    `around` is whatever else an `Attribution`, a `Commission` or `Terms` has.
    """
    ties, rest, whole = (
        {name: value for name, value in around.items() if name in {each.name for each in fields(kind)}}
        for kind in (Attribution, Commission, Terms)
    )
    return Terms(
        hold_days=hold_days,
        attribution=Attribution(model, window_days, code_policy, half_life_days, **ties),
        commission=Commission(Base(tax, shipping, gift_cards), rules or (percent(10),), cap, **rest),
        **whole,
    )


def promises(main: Terms | None = None, **others: Terms) -> Promises:
    """The terms of `main` and of further programs."""
    return {("main", 1): main or offer()} | {(program, 1): terms for program, terms in others.items()}


def carrying(snapshot: Snapshot, touches: Iterable[Touch]) -> Snapshot:
    """The order with the codes, click ids and handles of these touches on it, in their order."""
    touches = tuple(touches)
    codes, visits, handles = (
        tuple(touch.evidence for touch in touches if touch.kind == kind) for kind in ("code", "click", "platform")
    )
    return replace(snapshot, codes=codes, click_ids=visits, handles=handles)


def context(touches: Iterable[Touch], **surroundings: Any) -> Context:
    """The touches as they are pinned, each under its own key; the one of a customer with the register that names it."""
    found: dict[str, tuple[Touch, ...]] = {}
    standings: dict[str, Standing] = {}
    for touch in touches:
        key = _key(touch)
        found[key] = (*found.get(key, ()), touch)
        if touch.kind == "customer":
            standings[f"customer:{BUYER}"] = _named_by(touch)
    tied = any(touch.kind == "product" for touch in touches)
    said: dict[str, Any] = {"standings": standings, "tied": tied} | surroundings
    return Context(found, **said)


def _key(touch: Touch) -> str:
    match touch.kind:
        case "platform":
            return f"{HANDLE}{touch.evidence}"
        case "customer":
            return f"{CUSTOMER}{touch.evidence}:{touch.creator_id}:{touch.program_id}"
        case "product" | "decision":
            return touch.evidence
        case _:
            return f"{touch.kind}:{touch.evidence}"


def _named_by(touch: Touch) -> Standing:
    origin: dict[str, Any] = {"origin": touch.evidence, "origin_at": touch.at}
    whose: dict[str, Any] = {"creator_id": touch.creator_id, "program_id": touch.program_id}
    return Standing(f"customer:{BUYER}", PLACED, first=False, **origin, **whose)


def settled(
    order: Snapshot | None,
    touches: Iterable[Touch],
    events: Iterable[Event | Snapshot] = (),
    terms: Promises | None = None,
    **surroundings: Any,
) -> Settlement:
    """The order settled with all that came of it."""
    touches = tuple(touches)
    facts = [carrying(fact, touches) if isinstance(fact, Snapshot) else fact for fact in events]
    if order is not None:
        facts.append(carrying(order, touches))
    after, _ = OrderFacts().with_facts(facts)
    return settle(after, context(touches, **surroundings), terms or promises())

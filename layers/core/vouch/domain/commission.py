"""What the credited part of an order earns, line by line, before and after refunds, by one and the same function.

Rules are matched on the order as it was sold. Then `rated` runs twice: over the lines in full and over what was kept of
them. So a refund can neither change a rule nor leak a unit, and a full refund leaves exactly nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from vouch.domain.calendars import months_later
from vouch.domain.context import Membership, Product
from vouch.domain.facts import Lifecycle, Line, OrderFacts, Refund, RefundLine, Snapshot, fingerprint
from vouch.domain.money import BPS_WHOLE, divide_half_up, split
from vouch.domain.terms import SELF_PAYING, Base, Commission, Level, Match, Reward, Rule

SHIPPING = "shipping"
_FINE = 10**6


@dataclass(frozen=True, slots=True)
class _Worth:
    """A line's worth without and with its tax: commission is on the one, and money that is given back is the other."""

    net: int
    gross: int


@dataclass(frozen=True, slots=True)
class Basis:
    """A line's commissionable amount and count, as sold and as kept. Shipping that counts is a line, but no item."""

    line_id: str
    line: Line | None
    base: int
    kept_base: int
    quantity: int
    kept_quantity: int


@dataclass(frozen=True, slots=True)
class Case:
    """What rules ask about beside the line, of one creator on one order.

    `member` is what the creator was in the program. Commissions are in `currency`; `rate` is what a minor unit of the
    order's is worth in it, as a fraction, 0 where nobody knows. `customer_new` is None where nobody knows. `time_zone`
    is where months are counted.
    """

    snapshot: Snapshot
    creator_id: str
    currency: str
    member: Membership
    rate: tuple[int, int] = (1, 1)
    customer_new: bool | None = None
    payments_before: int = 0
    products: Mapping[str, Product] = field(default_factory=dict)
    time_zone: str = "UTC"

    def passed_limit(self, commission: Commission) -> bool:
        """Whether the order pays for a subscription that has earned as often, or as long, as the terms allow."""
        limit, snapshot = commission.recurring, self.snapshot
        if limit is None or snapshot.subscription is None:
            return False
        if limit.payments is not None and self.payments_before >= limit.payments:
            return True
        begun = snapshot.subscribed_at or snapshot.placed_at
        return limit.months is not None and snapshot.placed_at >= months_later(begun, limit.months, self.time_zone)

    def level(self, commission: Commission, rule: Rule) -> Level | None:
        """What the creator's volume has reached, where that sets the rule's rate: of one that asks for nothing."""
        if commission.tiers is None or rule.reward.type != "percent" or not rule.match.asks_nothing:
            return None
        return commission.tiers.level(self.member.volume or 0)

    def rewarded(self, commission: Commission, rule: Rule) -> Reward:
        """What the rule gives here."""
        level = self.level(commission, rule)
        return rule.reward if level is None else Reward("percent", bps=level.bps)


@dataclass(frozen=True, slots=True)
class Rating:
    """What one line earns in full and net of refunds; `rule` is the index of the rule that matched."""

    basis: Basis
    rule: int | None
    reward: Reward | None
    commission: int
    kept_commission: int


def bases(facts: OrderFacts, snapshot: Snapshot, options: Base) -> list[Basis]:
    """Every line's basis under a program's options; lines that do not count (gift cards) stay listed with 0.

    Amounts that name no line are spread over the lines by what is kept of them, never beyond it.
    """
    lost = any(dispute.status == "lost" and dispute.amount is None for dispute in facts.disputes)
    gone = facts.cancelled or lost or snapshot.lifecycle >= Lifecycle.REFUNDED
    returned = _returned(facts.refunds, snapshot.currency)
    sold = [_worth(line, snapshot, options) for line in snapshot.lines]
    kept = [
        _kept(line, worth, returned.get(line.id, ()), tax_included=snapshot.tax_included)
        for line, worth in zip(snapshot.lines, sold, strict=True)
    ]
    nets, beyond = ([0] * len(sold), 0) if gone else _less_loose(kept, facts.losses, snapshot)
    # All of its money given back, a line is gone, though no refund counted its items; what rounds to nothing is not.
    counts = [_left_of(line, returned.get(line.id, ())) if any(nets) else 0 for line in snapshot.lines]
    found = [
        _basis(line, worth.net, left, count if still.net else 0, options)
        for line, worth, still, left, count in zip(snapshot.lines, sold, kept, nets, counts, strict=True)
    ]
    if options.shipping and snapshot.shipping:
        before_tax = snapshot.shipping - (snapshot.shipping_tax if snapshot.tax_included else 0)
        shipping = _with_tax(max(0, before_tax), snapshot.shipping_tax, options)
        paid = snapshot.shipping + (0 if snapshot.tax_included else snapshot.shipping_tax)
        left = 0 if gone else max(0, paid - min(beyond, _lost(facts, snapshot)))
        found.append(Basis(SHIPPING, None, shipping, _part(shipping, left, paid), 0, 0))
    return found


def _lost(facts: OrderFacts, snapshot: Snapshot) -> int:
    """What disputes have taken, which may be of shipping, too; refunds of shipping are never told."""
    lost = [dispute.as_refund() for dispute in facts.disputes if dispute.status == "lost"]
    return sum(refund.amount for refund in lost if refund.is_in(snapshot.currency))


def unclear_refunds(facts: OrderFacts, snapshot: Snapshot) -> list[Refund]:
    """Those with amounts in another currency than the order's: nobody can tell what they took back.

    The brand's approval settles it, of those that it has seen, as it has seen them: no clock tells what was known.
    """
    approved = facts.approved
    return [
        refund
        for refund in facts.losses
        if not refund.is_in(snapshot.currency)
        and (refund.amount or any(part.amount for part in refund.lines))
        and fingerprint(refund) not in approved
    ]


def rated(
    commission: Commission, lines: Sequence[Basis], case: Case, groups: Sequence[str] | None = None, *, own: str = ""
) -> list[Rating]:
    """Each line under the first rule that matches it.

    `groups` are the lines' names for who shares them, where not all are shared alike: a flat reward for the order is
    split among them before it is split within. The creator shares those of the group `own`, and those named for them.
    """
    if case.passed_limit(commission):
        return [Rating(basis, None, None, 0, 0) for basis in lines]
    value = goods(lines)
    groups = groups or [own] * len(lines)
    mine = {own, case.creator_id}
    together = any(rule.reward.type == "flat_order" for rule in commission.rules)
    rules = [
        _first_match(commission, basis, case, value) if together or group in mine else None
        for basis, group in zip(lines, groups, strict=True)
    ]
    rewards = [None if rule is None else case.rewarded(commission, commission.rules[rule]) for rule in rules]
    sold = [basis.base for basis in lines]
    full = _amounts(rules, rewards, [(basis.base, basis.quantity) for basis in lines], sold, groups, case.rate)
    kept = _amounts(rules, rewards, [(b.kept_base, b.kept_quantity) for b in lines], sold, groups, case.rate, full)
    return [
        Rating(basis, rule, reward, earned, net)
        for basis, rule, reward, earned, net in zip(lines, rules, rewards, full, kept, strict=True)
    ]


def leaves_to_platform(commission: Commission, snapshot: Snapshot) -> bool:
    """Whether the platform pays its affiliates itself, and no rule names it to pay on top."""
    named = any(snapshot.platform in rule.match.platforms for rule in commission.rules)
    return snapshot.platform in SELF_PAYING and not named


def goods(lines: Sequence[Basis]) -> int:
    """What the order's goods come to, which is what rules mean by its value."""
    return sum(basis.base for basis in lines if basis.line is not None)


def mismatch(rule: Rule, basis: Basis, case: Case, value: int) -> str | None:
    """The first thing that keeps the rule from this line, None where it matches.

    That is the name of the condition, or why there is no telling: `other_currency`, `platform_pays` (the platform pays
    its affiliates itself), `tags_unknown` and `collections_unknown` (neither the order nor the catalogue says them),
    `customer_unknown`, `rate_missing` (it earns nothing as it is, and nobody knows what it comes to in that currency).
    """
    flat = rule.reward.flat
    if flat is not None and flat.currency != case.currency:
        return "other_currency"
    match, line, snapshot = rule.match, basis.line, case.snapshot
    if snapshot.platform in SELF_PAYING and snapshot.platform not in match.platforms:
        return "platform_pays"
    if match.asks_nothing:
        return None
    said = (
        ("skus", match.skus, line.sku if line else None),
        ("product_ids", match.product_ids, line.product_id if line else None),
        ("creator_ids", match.creator_ids, case.creator_id),
        ("creator_tiers", match.creator_tiers, case.member.tier),
        ("countries", match.countries, snapshot.country),
        ("platforms", match.platforms, snapshot.platform),
    )
    for name, wanted, found in said:
        if wanted and found not in wanted:
            return name
    return _unlike(match, line, case) or _out_of_range(match, case, value)


def labels(line: Line | None, products: Mapping[str, Product]) -> tuple[Sequence[str], Sequence[str], bool]:
    """A line's tags and collections, its own if it says any, else the catalogue's; and whether anybody knows them."""
    if line is None or line.tags or line.collections:
        return (line.tags, line.collections, True) if line else ((), (), True)
    product = products.get(line.product_id or "")
    return (product.tags, product.collections, product.known) if product else ((), (), False)


def _unlike(match: Match, line: Line | None, case: Case) -> str | None:
    """What tags, collections and the customer have against it."""
    if match.tags or match.collections:
        tags, collections, known = labels(line, case.products)
        for name, wanted, found in (("tags", match.tags, tags), ("collections", match.collections, collections)):
            if wanted and wanted.isdisjoint(found):
                return name if known else f"{name}_unknown"
    if match.customer is None or case.customer_new is (match.customer == "new"):
        return None
    return "customer" if case.customer_new is not None else "customer_unknown"


def _out_of_range(match: Match, case: Case, value: int) -> str | None:
    numerator, denominator = case.rate
    for name, bound, sign in (("order_min", match.order_min, 1), ("order_max", match.order_max, -1)):
        if bound is None:
            continue
        if bound.currency != case.currency:
            return "other_currency"
        if not numerator:
            return "rate_missing"
        if sign * (value * numerator - bound.amount * denominator) < 0:
            return name
    return None


def _worth(line: Line, snapshot: Snapshot, options: Base) -> _Worth:
    if line.gift_card and not options.gift_cards:
        return _Worth(0, 0)
    price = line.quantity * line.unit_price - line.discount
    return _Worth(max(0, price - line.tax), price) if snapshot.tax_included else _Worth(price, price + line.tax)


def _with_tax(net: int, tax: int, options: Base) -> int:
    return net + tax if net and options.tax else net


def _returned(refunds: Sequence[Refund], currency: str) -> dict[str, list[RefundLine]]:
    """What refunds say of each line; in another currency than the order's only the quantities are understood."""
    returned: dict[str, list[RefundLine]] = {}
    for refund in refunds:
        for part in refund.lines:
            said = part if refund.is_in(currency) else RefundLine(part.line_id, part.quantity)
            returned.setdefault(part.line_id, []).append(said)
    return returned


def _kept(line: Line, worth: _Worth, returned: Sequence[RefundLine], *, tax_included: bool) -> _Worth:
    """What the refunds that name a line leave of it.

    An amount with its tax takes what it says. An amount without goes by its part of the price, and what has no amount
    by its part of the quantity: all of these together are rounded once.
    """
    price = worth.gross if tax_included else worth.net
    if not price:
        return worth
    amount = tax = share = counted = 0
    for part in returned:
        if part.amount is None:
            counted += part.quantity
        elif part.tax is None:
            share += part.amount
        else:
            amount, tax = amount + part.amount, tax + part.tax
    whole = price * line.quantity
    parts = share * line.quantity + counted * price
    less_net = amount - (tax if tax_included else 0) + divide_half_up(worth.net * parts, whole)
    less_gross = amount + (0 if tax_included else tax) + divide_half_up(worth.gross * parts, whole)
    net, gross = min(worth.net, max(0, worth.net - less_net)), max(0, worth.gross - less_gross)
    # Taxes that do not add up to the line's neither leave a unit of a price that is all given back, nor hide one.
    return _Worth(min(net, gross), gross) if tax_included else _Worth(net, max(net, gross))


def _less_loose(kept: Sequence[_Worth], refunds: Sequence[Refund], snapshot: Snapshot) -> tuple[list[int], int]:
    """What the amounts that name no line leave of each, without tax, and what of those with tax goods do not make up.

    The ones with tax go by what is kept with tax.
    """
    loose = [refund for refund in refunds if refund.is_in(snapshot.currency)]
    taxed = sum(refund.amount for refund in loose if snapshot.tax_included or refund.amount_with_tax)
    untaxed = sum(refund.amount for refund in loose) - taxed
    nets = [worth.net for worth in kept]
    left = [net - part for net, part in zip(nets, split(min(max(0, untaxed), sum(nets)), nets), strict=True)]
    grosses = [_part(worth.gross, net, worth.net) for worth, net in zip(kept, left, strict=True)]
    spread = split(min(max(0, taxed), sum(grosses)), grosses)
    # Rounded on the order, not on each line: small amounts over many lines would come to far more or less.
    fine = [net * part * _FINE // gross if gross else 0 for net, part, gross in zip(left, spread, grosses, strict=True)]
    parts = split(divide_half_up(sum(fine), _FINE), fine, left)
    return [net - part for net, part in zip(left, parts, strict=True)], max(0, taxed - sum(grosses))


def _part(amount: int, left: int, whole: int) -> int:
    """Of an amount, what is left of it with so much of a whole; nothing of nothing."""
    return divide_half_up(amount * left, whole) if whole else 0


def _left_of(line: Line, returned: Sequence[RefundLine]) -> int:
    return max(0, line.quantity - sum(part.quantity for part in returned))


def _basis(line: Line, net: int, left: int, count: int, options: Base) -> Basis:
    base = _with_tax(net, line.tax, options)
    return Basis(line.id, line, base, _part(base, left, net), line.quantity, count)


def _first_match(commission: Commission, basis: Basis, case: Case, value: int) -> int | None:
    if basis.base == 0:
        return None
    for index, rule in enumerate(commission.rules):
        if mismatch(rule, basis, case, value) is None:
            return index
    return None


def _amounts(
    rules: Sequence[int | None],
    rewards: Sequence[Reward | None],
    counted: Sequence[tuple[int, int]],
    sold: Sequence[int],
    groups: Sequence[str],
    rate: tuple[int, int],
    ceilings: Sequence[int] | None = None,
) -> list[int]:
    """The commission of each line for these bases and quantities; a flat order reward is spread over its lines."""
    amounts = [
        0 if reward is None else _simple(reward, base, quantity, rate)
        for reward, (base, quantity) in zip(rewards, counted, strict=True)
    ]
    places_of: dict[int, list[int]] = {}
    for place, (rule, reward) in enumerate(zip(rules, rewards, strict=True)):
        if rule is not None and reward is not None and reward.type == "flat_order":
            places_of.setdefault(rule, []).append(place)
    for places in places_of.values():
        reward = rewards[places[0]]
        whole, left = sum(sold[place] for place in places), sum(counted[place][0] for place in places)
        total = divide_half_up(reward.flat.amount * left, whole) if reward and reward.flat and whole else 0
        for inside, part in _among(places, total, counted, groups, ceilings):
            highest = None if ceilings is None else [ceilings[place] for place in inside]
            shares = split(part, [counted[place][0] for place in inside], highest)
            for place, amount in zip(inside, shares, strict=True):
                amounts[place] = amount
    return amounts


def _among(
    places: Sequence[int],
    total: int,
    counted: Sequence[tuple[int, int]],
    groups: Sequence[str],
    ceilings: Sequence[int] | None,
) -> list[tuple[list[int], int]]:
    """A flat reward's lines by who shares them, with each group's part by what is left of it.

    Of what all of a group's lines were given back, nothing is left to it, and no other group has more than before.
    """
    together: dict[str, list[int]] = {}
    for place in places:
        together.setdefault(groups[place], []).append(place)
    inside = list(together.values())
    weights = [sum(counted[place][0] for place in group) for group in inside]
    if ceilings is None:
        return [*zip(inside, split(total, weights), strict=True)]
    highest = [
        sum(ceilings[place] for place in group) if weight else 0 for group, weight in zip(inside, weights, strict=True)
    ]
    return [*zip(inside, split(min(total, sum(highest)), weights, highest), strict=True)]


def _simple(reward: Reward, base: int, quantity: int, rate: tuple[int, int]) -> int:
    match reward.type:
        case "percent":
            return divide_half_up(base * reward.bps * rate[0], BPS_WHOLE * rate[1])
        case "flat_item" if reward.flat is not None:
            return reward.flat.amount * quantity
        case _:
            return 0

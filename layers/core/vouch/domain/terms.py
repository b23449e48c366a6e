"""A program's terms: immutable once published, in force for the orders placed from `effective_from` on.

Stored and sent as the JSON object of the API; here it becomes frozen values that the settlement can trust.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Literal

from vouch.domain import codes, times
from vouch.domain.calendars import Period
from vouch.domain.errors import Unprocessable
from vouch.domain.money import Money

Model = Literal["last", "first", "linear", "position", "time_decay"]
CodePolicy = Literal["wins", "joins", "needs_click"]
RewardType = Literal["percent", "flat_item", "flat_order", "none"]
Measure = Literal["orders", "commission"]
VolumeMeasure = Literal["orders", "commission", "revenue"]
SELF_PAYING = frozenset({"tiktok_shop"})
"""Platforms that pay their affiliates themselves: there only a rule that names the platform earns anything."""
DRAFT = 0
"""The number of a version that nobody has published."""
BYTES_MAX = 40 * 1024
"""Of one version as JSON, so that an answer can show a hundred of them."""


@dataclass(frozen=True, slots=True)
class CustomerTie:
    """A customer's later orders, for so many months or for life (None), are the creator's who brought them.

    As the last resort, or `first`, before the evidence that the order itself has.
    """

    months: int | None = None
    first: bool = False


@dataclass(frozen=True, slots=True)
class Attribution:
    """Whom an order is credited to."""

    model: Model = "last"
    window_days: int = 30
    code_policy: CodePolicy = "wins"
    half_life_days: int = 7
    customer_tie: CustomerTie | None = None
    product_ties: bool = False

    @property
    def window(self) -> timedelta:
        """How long before the order a click still counts."""
        return timedelta(days=self.window_days)


@dataclass(frozen=True, slots=True)
class Base:
    """What of an order is commissionable beside the net price of its goods."""

    tax: bool = False
    shipping: bool = False
    gift_cards: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    """What a line must be for its rule; an empty condition asks nothing. Within one condition any value will do."""

    skus: frozenset[str] = frozenset()
    product_ids: frozenset[str] = frozenset()
    collections: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    creator_ids: frozenset[str] = frozenset()
    creator_tiers: frozenset[str] = frozenset()
    countries: frozenset[str] = frozenset()
    platforms: frozenset[str] = frozenset()
    customer: Literal["new", "returning"] | None = None
    order_min: Money | None = None
    order_max: Money | None = None

    @property
    def asks_nothing(self) -> bool:
        """Whether every line matches it."""
        return self == _NOTHING


_NOTHING = Match()
_SETS = [field.name for field in fields(Match) if field.default == frozenset()]


@dataclass(frozen=True, slots=True)
class Reward:
    """What a matching line earns: `bps` of its base, or a flat amount for each item kept or once for the order."""

    type: RewardType
    bps: int = 0
    flat: Money | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One of the ordered rules; the first that matches a line rates it."""

    match: Match
    reward: Reward


@dataclass(frozen=True, slots=True)
class PeriodCap:
    """What one creator may earn at most from the orders of one period."""

    most: Money
    period: Period


@dataclass(frozen=True, slots=True)
class Recurring:
    """For how many payments, or months from its start, a subscription earns; None: without that limit."""

    payments: int | None = None
    months: int | None = None


@dataclass(frozen=True, slots=True)
class Level:
    """From that volume on, the rate."""

    begins: int
    bps: int


@dataclass(frozen=True, slots=True)
class Tiers:
    """A creator's volume in the period before sets the rate of the rule that asks for nothing."""

    period: Period
    measure: VolumeMeasure
    levels: tuple[Level, ...]

    def level(self, volume: int) -> Level | None:
        """The highest level that the volume has reached."""
        reached = [level for level in self.levels if level.begins <= volume]
        return max(reached, key=lambda level: level.begins, default=None)


@dataclass(frozen=True, slots=True)
class Bonus:
    """Paid once in each period in which the measure reaches the threshold; once ever where the period is a lifetime."""

    id: str
    measure: Measure
    threshold: int
    period: Period
    reward: Money


@dataclass(frozen=True, slots=True)
class Recruiter:
    """What who recruited a creator gets on top of that creator's commission, for so many months or without end."""

    bps: int
    months: int | None = None


@dataclass(frozen=True, slots=True)
class Commission:
    """How the credited part of an order becomes money."""

    base: Base = Base()
    rules: tuple[Rule, ...] = ()
    cap_per_order: Money | None = None
    cap_per_period: PeriodCap | None = None
    recurring: Recurring | None = None
    tiers: Tiers | None = None
    bonuses: tuple[Bonus, ...] = ()
    recruiter: Recruiter | None = None


@dataclass(frozen=True, slots=True)
class Payout:
    """When and by which rail a creator is paid, unless the brand's own payout settings say otherwise."""

    minimum: Money | None = None
    rail: str = "csv"


@dataclass(frozen=True, slots=True)
class Terms:
    """One immutable version.

    `convert_to` is the program's currency, where commissions on orders in others are to be in it; None: they stay in
    the order's. Periods begin at midnight in `time_zone`. `effective_from` is said beside them.
    """

    hold_days: int = 14
    attribution: Attribution = Attribution()
    commission: Commission = Commission()
    payout: Payout = Payout()
    journey: bool = False
    convert_to: str | None = None
    time_zone: str = "UTC"
    effective_from: datetime = times.EPOCH


def number_in_force(versions: Sequence[tuple[int, str | None]], at: datetime) -> int | None:
    """The number of the version that counts for an order placed then: the last to begin, of equals the higher one."""
    moment = times.text(at)
    begun = [(begin or "", number) for number, begin in versions if begin is None or begin <= moment]
    return max(begun)[1] if begun else None


def from_plain(plain: Mapping[str, Any], currency: str | None = None) -> Terms:
    """The terms that an object of the API's shape says.

    The shape itself (names, types, ranges) was checked at the door. With the `currency` of a program that is about to
    publish them, raises Unprocessable where two fields do not go together, with the path of the one that is to change,
    and where all together is too much to keep.
    """
    payout = plain.get("payout", {})
    said = {name: plain[name] for name in ("hold_days", "journey", "convert_to", "time_zone") if name in plain}
    terms = Terms(
        **said,
        attribution=_attribution(plain.get("attribution", {})),
        commission=_commission(plain.get("commission", {})),
        payout=Payout(**payout | {"minimum": _money(payout.get("minimum"))}),
    )
    if currency is not None:
        size = len(json.dumps(plain, ensure_ascii=False).encode())
        if size > BYTES_MAX:
            raise Unprocessable("terms_too_large", param="terms.commission.rules", most=BYTES_MAX, found=size)
        _check(terms, currency)
    return terms


def _attribution(plain: Mapping[str, Any]) -> Attribution:
    tie = plain.get("customer_tie")
    return Attribution(**{**plain, "customer_tie": None if tie is None else CustomerTie(**tie)})


def _commission(plain: Mapping[str, Any]) -> Commission:
    parts: dict[str, Any] = {name: plain[name] for name in _PARTS if plain.get(name) is not None}
    return Commission(
        base=Base(**plain.get("base", {})),
        rules=tuple(_rule(rule) for rule in plain.get("rules", ())),
        cap_per_order=_money(plain.get("cap_per_order")),
        bonuses=tuple(Bonus(**bonus | {"reward": _money(bonus["reward"])}) for bonus in plain.get("bonuses", ())),
        **{name: _PARTS[name](part) for name, part in parts.items()},
    )


def _period_cap(plain: Mapping[str, Any]) -> PeriodCap:
    return PeriodCap(Money(plain["amount"], plain["currency"]), plain["period"])


def _tiers(plain: Mapping[str, Any]) -> Tiers:
    levels = tuple(Level(level["from"], level["bps"]) for level in plain["levels"])
    return Tiers(plain["period"], plain["measure"], levels)


_PARTS: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "cap_per_period": _period_cap,
    "recurring": lambda plain: Recurring(**plain),
    "tiers": _tiers,
    "recruiter": lambda plain: Recruiter(**plain),
}


def _rule(plain: Mapping[str, Any]) -> Rule:
    match, reward = plain.get("match", {}), plain["reward"]
    conditions: dict[str, Any] = {
        key: frozenset(value) if isinstance(value, list) else _money(value) if isinstance(value, dict) else value
        for key, value in match.items()
    }
    if "countries" in conditions:
        conditions["countries"] = frozenset(country.upper() for country in conditions["countries"])
    if "creator_tiers" in conditions:
        conditions["creator_tiers"] = frozenset(codes.normal(tier) for tier in conditions["creator_tiers"])
    flat = Money(reward["amount"], reward["currency"]) if "amount" in reward else None
    return Rule(Match(**conditions), Reward(reward["type"], reward.get("bps", 0), flat))


def _money(plain: Mapping[str, Any] | None) -> Money | None:
    return None if plain is None else Money(plain["amount"], plain["currency"])


# --- what does not go together ----------------------------------------------------------------------------------------


def _check(terms: Terms, currency: str) -> None:
    for param, said in _currencies(terms):
        if said != currency:
            raise Unprocessable("currency_mismatch", param=param, expected=currency, found=said)
    commission = terms.commission
    _check_rules(commission.rules, one_currency=terms.convert_to is not None)
    if commission.tiers is not None:
        _check_tiers(commission.tiers, commission.rules)
    ids = [bonus.id for bonus in commission.bonuses]
    for index, name in enumerate(ids):
        if name in ids[:index]:
            at = f"terms.commission.bonuses.{index}.id"
            raise Unprocessable("bonus_repeated", param=at, earlier=ids.index(name) + 1)


def _currencies(terms: Terms) -> Iterator[tuple[str, str]]:
    """Every currency that is said, with the path to what is in it."""
    commission = terms.commission
    amounts: dict[str, Money | None] = {
        "terms.commission.cap_per_order": commission.cap_per_order,
        "terms.commission.cap_per_period": commission.cap_per_period.most if commission.cap_per_period else None,
        "terms.payout.minimum": terms.payout.minimum,
    }
    for index, rule in enumerate(commission.rules):
        at = f"terms.commission.rules.{index}"
        amounts[f"{at}.reward"] = rule.reward.flat
        amounts[f"{at}.match.order_min"] = rule.match.order_min
        amounts[f"{at}.match.order_max"] = rule.match.order_max
    for index, bonus in enumerate(commission.bonuses):
        amounts[f"terms.commission.bonuses.{index}.reward"] = bonus.reward
    yield from ((param, money.currency) for param, money in amounts.items() if money is not None)
    if terms.convert_to is not None:
        yield "terms.convert_to", terms.convert_to


def _check_rules(rules: Sequence[Rule], *, one_currency: bool) -> None:
    for index, rule in enumerate(rules):
        at = f"terms.commission.rules.{index}"
        low, high = rule.match.order_min, rule.match.order_max
        if low is not None and high is not None and low.amount > high.amount:
            raise Unprocessable("empty_range", param=f"{at}.match.order_min")
        for number, earlier in enumerate(rules[:index], start=1):
            if _covers(earlier, rule, one_currency=one_currency):
                raise Unprocessable("rule_never_reached", param=at, earlier=number)


def _covers(earlier: Rule, later: Rule, *, one_currency: bool) -> bool:
    """Whether the earlier rule takes whatever the later one could match, so that nobody ever comes to that one."""
    wide, narrow = earlier.match, later.match
    if earlier.reward.flat is not None and not one_currency and not _names_money(later):
        return False  # A flat amount is for orders in its currency; the later rule is there for all others.
    if not wide.platforms and not SELF_PAYING.isdisjoint(narrow.platforms):
        return False
    low, high = wide.order_min, wide.order_max
    return (
        all(_is_within(getattr(narrow, name), getattr(wide, name)) for name in _SETS)
        and wide.customer in {None, narrow.customer}
        and (low is None or (narrow.order_min is not None and narrow.order_min.amount >= low.amount))
        and (high is None or (narrow.order_max is not None and narrow.order_max.amount <= high.amount))
    )


def _is_within(narrow: frozenset[str], wide: frozenset[str]) -> bool:
    return not wide or (bool(narrow) and narrow <= wide)


def _names_money(rule: Rule) -> bool:
    """Whether it is for orders in the program's currency alone."""
    return any(money is not None for money in (rule.reward.flat, rule.match.order_min, rule.match.order_max))


def _check_tiers(tiers: Tiers, rules: Sequence[Rule]) -> None:
    if not any(rule.reward.type == "percent" and rule.match.asks_nothing for rule in rules):
        raise Unprocessable("tiers_need_rule", param="terms.commission.tiers")
    for index, (before, level) in enumerate(pairwise(tiers.levels), start=1):
        if level.begins <= before.begins:
            at = f"terms.commission.tiers.levels.{index}.from"
            raise Unprocessable("levels_not_ascending", param=at, before=before.begins)

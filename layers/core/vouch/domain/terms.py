"""A program's terms: immutable once published, in force for the orders placed from `effective_from` on.

Stored and sent as the JSON object of the API; here it becomes frozen values that the settlement can trust.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from vouch.domain import times
from vouch.domain.errors import Unprocessable
from vouch.domain.money import Money

Model = Literal["last", "first", "linear", "position", "time_decay"]
CodePolicy = Literal["wins", "joins", "needs_click"]
RewardType = Literal["percent", "flat_item", "flat_order", "none"]


@dataclass(frozen=True, slots=True)
class Attribution:
    """Whom an order is credited to."""

    model: Model = "last"
    window_days: int = 30
    code_policy: CodePolicy = "wins"
    half_life_days: int = 7

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
    countries: frozenset[str] = frozenset()
    platforms: frozenset[str] = frozenset()
    customer: Literal["new", "returning"] | None = None
    order_min: Money | None = None
    order_max: Money | None = None


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
class Commission:
    """How the credited part of an order becomes money."""

    base: Base = Base()
    rules: tuple[Rule, ...] = ()
    cap_per_order: Money | None = None


@dataclass(frozen=True, slots=True)
class Payout:
    """When and by which rail a creator is paid, unless the brand's own payout settings say otherwise."""

    minimum: Money | None = None
    rail: str = "csv"


@dataclass(frozen=True, slots=True)
class Terms:
    """One immutable version."""

    hold_days: int = 14
    attribution: Attribution = Attribution()
    commission: Commission = Commission()
    payout: Payout = Payout()
    journey: bool = False


def number_in_force(versions: Sequence[tuple[int, str | None]], at: datetime) -> int | None:
    """The number of the version that counts for an order placed then: the last to begin, of equals the higher one."""
    moment = times.text(at)
    begun = [(begin or "", number) for number, begin in versions if begin is None or begin <= moment]
    return max(begun)[1] if begun else None


def from_plain(plain: Mapping[str, Any], currency: str | None = None) -> Terms:
    """The terms that an object of the API's shape says.

    The shape itself (names, types, ranges) was checked at the door. With the `currency` of a program that is about to
    publish them, raises Unprocessable with the path of the field where two fields do not go together.
    """
    commission = plain.get("commission", {})
    payout = plain.get("payout", {})
    said: dict[str, Any] = {name: plain[name] for name in ("hold_days", "journey") if name in plain}
    terms = Terms(
        **said,
        attribution=Attribution(**plain.get("attribution", {})),
        commission=Commission(
            base=Base(**commission.get("base", {})),
            rules=tuple(_rule(rule) for rule in commission.get("rules", ())),
            cap_per_order=_money(commission.get("cap_per_order")),
        ),
        payout=Payout(**payout | {"minimum": _money(payout.get("minimum"))}),
    )
    if currency is not None:
        _check(terms, currency)
    return terms


def _rule(plain: Mapping[str, Any]) -> Rule:
    match, reward = plain.get("match", {}), plain["reward"]
    conditions: dict[str, Any] = {
        key: frozenset(value) if isinstance(value, list) else _money(value) if isinstance(value, dict) else value
        for key, value in match.items()
    }
    if "countries" in conditions:
        conditions["countries"] = frozenset(country.upper() for country in conditions["countries"])
    flat = Money(reward["amount"], reward["currency"]) if "amount" in reward else None
    return Rule(Match(**conditions), Reward(reward["type"], reward.get("bps", 0), flat))


def _money(plain: Mapping[str, Any] | None) -> Money | None:
    return None if plain is None else Money(plain["amount"], plain["currency"])


def _check(terms: Terms, currency: str) -> None:
    _check_currency(terms.commission.cap_per_order, currency, "terms.commission.cap_per_order")
    _check_currency(terms.payout.minimum, currency, "terms.payout.minimum")
    for index, rule in enumerate(terms.commission.rules):
        at = f"terms.commission.rules.{index}"
        _check_currency(rule.reward.flat, currency, f"{at}.reward")
        _check_currency(rule.match.order_min, currency, f"{at}.match.order_min")
        _check_currency(rule.match.order_max, currency, f"{at}.match.order_max")
        low, high = rule.match.order_min, rule.match.order_max
        if low is not None and high is not None and low.amount > high.amount:
            raise Unprocessable("empty_range", param=f"{at}.match.order_min")


def _check_currency(money: Money | None, currency: str, param: str) -> None:
    if money is not None and money.currency != currency:
        raise Unprocessable("currency_mismatch", param=param, expected=currency, found=money.currency)

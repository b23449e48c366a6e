"""Caps and bonuses per period: what a creator's orders of a month, quarter, year or lifetime come to together.

No order knows of another, so orders are posted uncapped, each noting where it counts: under which version of the terms,
in which month. What has matured of them is added up here, and what caps take of that and bonuses give is posted beside
it, in the fold: the one place that sees an account as a whole. Pure: the same sums give the same cuts and bonuses,
whatever came when.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby

from vouch.domain import calendars
from vouch.domain.attribution import TermsKey
from vouch.domain.calendars import Period
from vouch.domain.ledger import Counted, PeriodRule
from vouch.domain.terms import Bonus, PeriodCap, Terms

CAP = "cap_per_period"
"""The name of the rule, as the terms have it; a bonus is `bonuses.<id>`."""


@dataclass(frozen=True, slots=True)
class Tally:
    """What commissions add up to, and from how many orders there is any."""

    amount: int = 0
    orders: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(self.amount + other.amount, self.orders + other.orders)

    def __sub__(self, other: "Tally") -> "Tally":
        return Tally(self.amount - other.amount, self.orders - other.orders)

    def __bool__(self) -> bool:
        return bool(self.amount or self.orders)


Place = tuple[Counted, str]
"""Where commissions of a creator count, and in which currency they are."""
Tallies = Mapping[Place, Tally]
"""Nothing for what is nothing."""
RuleKey = tuple[PeriodRule, str]
Extras = Mapping[RuleKey, int]
"""What caps take (below zero) and bonuses give, by rule and currency; nothing for what is nothing."""
_Months = Mapping[tuple[str, str], Tally]
"""By month and currency."""


def settle_periods(tallies: Tallies, terms: Mapping[TermsKey, Terms]) -> Extras:
    """What should stand beside these sums. `terms` has every version that they name.

    A version's cap limits the orders under it, but what earlier versions of the period have kept counts first; a period
    is kept from its first month on, should its months be parts of different longer ones. A bonus is paid once in each
    period: by the first version that has orders in it and with whose orders, and all earlier ones', its threshold is
    reached, cut off or not. Earlier is what was in force before, whenever it was published.
    """
    versions: defaultdict[TermsKey, dict[tuple[str, str], Tally]] = defaultdict(dict)
    for (counted, currency), tally in tallies.items():
        versions[counted.program_id, counted.terms_version][counted.month, currency] = tally
    extras: Counter[RuleKey] = Counter()
    in_force = sorted(versions, key=lambda key: (key[0], terms[key].effective_from, key[1]))
    for program_id, keys in groupby(in_force, key=lambda key: key[0]):
        program = _Program(program_id, extras)
        for key in keys:
            program.follow(versions[key], terms[key])
    return {key: extras[key] for key in sorted(extras) if extras[key]}


def change(wanted: Extras, posted: Extras) -> Extras:
    """Wanted − posted, in a stable order, nothing where nothing changed."""
    keys = sorted({*wanted, *posted})
    return {key: amount for key in keys if (amount := wanted.get(key, 0) - posted.get(key, 0))}


class _Program:
    """A program's versions one after another, and what the earlier ones leave to the later."""

    def __init__(self, program_id: str, extras: Counter[RuleKey]) -> None:
        self._id = program_id
        self._extras = extras
        self._counted: defaultdict[tuple[str, str], Tally] = defaultdict(Tally)
        self._kept: Counter[tuple[str, str]] = Counter()

    def follow(self, own: _Months, terms: Terms) -> None:
        """The next version, with the orders that are under it."""
        for key, tally in own.items():
            self._counted[key] += tally
        for bonus in terms.commission.bonuses:
            self._pay(own, bonus)
        kept = {key: tally.amount for key, tally in own.items()}
        if terms.commission.cap_per_period is not None:
            kept |= self._capped(own, terms.commission.cap_per_period)
        self._kept.update(kept)

    def _pay(self, own: _Months, bonus: Bonus) -> None:
        currency = bonus.reward.currency
        months = sorted({month for (month, _), tally in own.items() if tally.orders > 0})
        for period in dict.fromkeys(calendars.name(bonus.period, month) for month in months):
            rule = PeriodRule(self._id, f"bonuses.{bonus.id}", period), currency
            within = [
                (key, tally) for key, tally in self._counted.items() if calendars.name(bonus.period, key[0]) == period
            ]
            orders = sum(tally.orders for _, tally in within)
            amount = sum(tally.amount for key, tally in within if key[1] == currency)
            if rule not in self._extras and (orders if bonus.measure == "orders" else amount) >= bonus.threshold:
                self._extras[rule] = bonus.reward.amount

    def _capped(self, own: _Months, cap: PeriodCap) -> dict[tuple[str, str], int]:
        """What is kept of each month of the cap's currency; notes what is cut off."""
        currency, kept = cap.most.currency, {}
        months = sorted(month for month, each in own if each == currency)
        for period, inside in groupby(months, key=lambda month: calendars.name(cap.period, month)):
            room = max(0, cap.most.amount - self._kept_of(cap.period, period, currency))
            earned = left = 0
            for month in inside:
                before, earned = left, earned + own[month, currency].amount
                left = min(earned, room)
                kept[month, currency] = left - before
            self._extras[PeriodRule(self._id, CAP, period), currency] += left - earned
        return kept

    def _kept_of(self, kind: Period, period: str, currency: str) -> int:
        return sum(
            amount
            for (month, each), amount in self._kept.items()
            if each == currency and calendars.name(kind, month) == period
        )

"""What a run does with one creator: fold, decide in each currency whether and how much, and reserve it, all at once.

A dry run asks the same questions of the same figures, and writes nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from vouch.domain import account
from vouch.domain.account import Balance
from vouch.domain.ledger import Entry, PayoutPart, payout_entry
from vouch.domain.payouts import NOTHING_AVAILABLE, Destination, Payment, Skipped, obstacle, parts
from vouch.rails.base import Rail
from vouch.rails.registry import RAILS
from vouch.service import payees
from vouch.service.deployment import Deployment
from vouch.service.folds import extended, fold_and_post
from vouch.service.payees import Profile
from vouch.service.payout_settings import CurrencyRules, Rules
from vouch.store import balances, ledger
from vouch.store import payouts as items
from vouch.store.database import Refused, Writes
from vouch.store.tables import Brand, Creator, PayoutItem, PayoutRun, RunChunk

_TOGETHER = 20
"""Of so many currencies one transaction takes the payouts, beside what it folds."""
ALL_WITHHELD: Skipped = "all_withheld"
_OF_RAIL: frozenset[str | None] = frozenset[Skipped](
    {"rail_unfit_for_method", "payee_name_unfit", "rail_amount_too_large"}
)
"""Why one of the rails that pay to a creator's method cannot carry this very payment, which another one may."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run makes of one creator in one currency: a payout of `amount`, or why there is none.

    Of a creator who is left out `amount` is what they have, and `withheld` is reckoned only where it is all of that.
    """

    creator_id: str
    currency: str
    amount: int
    withheld: int
    rail: str
    payout_id: str | None = None
    skipped: str | None = None


def outcomes_of(chunk: RunChunk) -> list[Outcome]:
    """What the run made of the chunk's creators; nothing as long as it is only listed."""
    return [Outcome(*said) for said in chunk.outcomes or ()]


@dataclass(frozen=True, slots=True)
class Total:
    """What a run pays by one rail in one currency, as it was reserved: so many payouts, and their sums."""

    rail: str
    currency: str
    payouts: int
    amount: int
    withheld: int

    @property
    def net(self) -> int:
        return self.amount - self.withheld


def totals_of(run: PayoutRun) -> list[Total]:
    """What the run has come to by now, by rail and currency."""
    return [Total(*said) for said in run.totals]


def added_up(totals: Iterable[Total], paid: Iterable[Outcome]) -> list[Total]:
    """The totals with these payouts, in the order of rails and currencies."""
    sums = {(total.rail, total.currency): total for total in totals}
    for outcome in paid:
        place = outcome.rail, outcome.currency
        before = sums.get(place, Total(*place, 0, 0, 0))
        amount, withheld = before.amount + outcome.amount, before.withheld + outcome.withheld
        sums[place] = Total(*place, before.payouts + 1, amount, withheld)
    return [sums[place] for place in sorted(sums)]


class _Turn:
    """A creator whose turn it is. Their method is opened once, however many rails and currencies ask where it leads."""

    def __init__(self, deployment: Deployment, brand: Brand, profile: Profile) -> None:
        self.profile = profile
        self._deployment, self._brand = deployment, brand

    @cached_property
    def destination(self) -> Destination | None:
        """Raises Misplaced where the method was sealed for somebody else."""
        method, creator_id = self.profile.method, self.profile.creator.id
        if method is None:
            return None
        return payees.destination(self._deployment, self._brand.id, creator_id, method.sealed)


@dataclass(frozen=True, slots=True)
class Paying:
    """A run at its work: what holds for all its creators. `rails` are those that the brand has set up."""

    deployment: Deployment
    brand: Brand
    run: PayoutRun
    rules: Rules
    rails: frozenset[str]
    now: datetime

    def reserved(self, profile: Profile) -> list[Outcome]:
        """Reserves what one creator is paid, once per run: what an earlier try of the run has reserved is found.

        What decides of it is as it was when the balance was read, which is after the moment that the payout bears.
        """
        creator_id, turn = profile.creator.id, _Turn(self.deployment, self.brand, profile)
        made: dict[str, PayoutItem] = {}
        outcomes: list[Outcome] = []
        left = True

        def meet(creator: Creator) -> None:
            nonlocal turn
            if not turn.profile.is_as(creator):
                turn = _Turn(self.deployment, self.brand, payees.profile(self.deployment, self.brand.id, creator_id))

        def draft(balance: Balance, writes: Writes) -> Sequence[Entry]:
            nonlocal outcomes, left
            made.update(self._open(creator_id, balance))
            outcomes = self._decided(turn, balance, made)
            new = [outcome for outcome in outcomes if outcome.payout_id and outcome.currency not in made]
            left = len(new) > _TOGETHER
            some = new[:_TOGETHER]
            return [self._reserve(turn.profile, outcome, outcome.payout_id or "", balance, writes) for outcome in some]

        while left:
            try:
                fold_and_post(
                    self.deployment, self.brand.id, creator_id, self._moment(), draft, meet=meet, final=(PayoutItem,)
                )
            except Refused:  # it is there already, and over: an earlier try of ours made it
                left = True
                wanted = [outcome.payout_id for outcome in outcomes if outcome.payout_id]
                made.update(self._made(wanted))
        return outcomes

    def looked_at(self, profile: Profile) -> list[Outcome]:
        """What `reserved` would do at this moment."""
        database, brand_id, creator_id = self.deployment.database, self.brand.id, profile.creator.id
        stored = balances.load(database, brand_id, creator_id).balance
        until = max(self._moment(), stored.watermark)
        entries = ledger.time_line(database, brand_id, creator_id, start=stored.zone_start, until=until)
        folded = account.fold(stored, entries, until, self.deployment.now())
        turn = _Turn(self.deployment, self.brand, profile)
        return self._decided(turn, extended(self.deployment, brand_id, folded).balance, {})

    def _moment(self) -> datetime:
        """When the creator's turn comes: what is known by then is in what they are paid."""
        return max(self.now, self.deployment.brand_now(self.brand))

    def _open(self, creator_id: str, balance: Balance) -> Mapping[str, PayoutItem]:
        """What is open of this very run: an earlier try of ours has made it."""
        named = {items.payout_id(self.run.id, creator_id, currency) for currency in balance.sums}
        return self._made([sums.payout_id for sums in balance.sums.values() if sums.payout_id in named])

    def _made(self, payout_ids: Sequence[str | None]) -> Mapping[str, PayoutItem]:
        wanted = [payout_id for payout_id in payout_ids if payout_id]
        if not wanted:
            return {}
        return {item.currency: item for item in items.payouts(self.deployment.database, self.brand.id, wanted)}

    def _decided(self, turn: _Turn, balance: Balance, made: Mapping[str, PayoutItem]) -> list[Outcome]:
        currencies = sorted({*balance.sums, *made})
        chosen = [currency for currency in currencies if self.run.currency in (None, currency)]
        return [
            outcome_of(made[currency]) if currency in made else self._judged(turn, balance, currency)
            for currency in chosen
        ]

    def _judged(self, turn: _Turn, balance: Balance, currency: str) -> Outcome:
        """By the first rail that can carry it; where none can, what the first one lacks."""
        rules = self.rules.currency(currency)
        first, *others = self._rails_for(turn.profile, rules, currency)
        told = self._judged_by(RAILS[first], turn, balance, rules, currency)
        if told.skipped in _OF_RAIL:
            found = (self._judged_by(RAILS[name], turn, balance, rules, currency) for name in others)
            return next((outcome for outcome in found if outcome.skipped is None), told)
        return told

    def _judged_by(self, rail: Rail, turn: _Turn, balance: Balance, rules: CurrencyRules, currency: str) -> Outcome:
        profile = turn.profile
        creator_id, sums = profile.creator.id, balance.of(currency)
        available = max(sums.available, 0)
        share = parts(available, withholding_bps=profile.payee.withholding_bps, unit=rail.unit(currency) or 1)
        skipped: str | None = None
        if not available:
            skipped = NOTHING_AVAILABLE
        elif sums.payout_id is not None:
            skipped = "open_payout"
        elif share.amount < max(rules.minimum, 1):
            skipped = "below_minimum"
        else:
            skipped = obstacle(profile.payee, rules.gates, self.now, self.rules.time_zone)
        if skipped is None and not share.net:
            return Outcome(creator_id, currency, share.amount, share.withheld, rail.name, skipped=ALL_WITHHELD)
        if skipped is None:
            skipped = self._rail_obstacle(turn, rail, currency, share.net)
        if skipped is not None:
            return Outcome(creator_id, currency, available, 0, rail.name, skipped=skipped)
        payout_id = items.payout_id(self.run.id, creator_id, currency)
        return Outcome(creator_id, currency, share.amount, share.withheld, rail.name, payout_id=payout_id)

    def _rails_for(self, profile: Profile, rules: CurrencyRules, currency: str) -> list[str]:
        """The run's rail; else the one that the settings name; else those that pay to the creator's method, then the
        one in the terms: at least one, and the first that can carry the payment is taken.
        """
        if self.run.rail:
            return [self.run.rail]
        kind = profile.method.kind if profile.method else None
        if not rules.by_method or kind is None:
            return [rules.rail]
        fitting = [
            name
            for name in sorted(self.rails)
            if kind in (RAILS[name].takes or ()) and RAILS[name].unit(currency) is not None
        ]
        return list(dict.fromkeys([*fitting, rules.rail]))

    def _rail_obstacle(self, turn: _Turn, rail: Rail, currency: str, net: int) -> Skipped | None:
        creator, method = turn.profile.creator, turn.profile.method
        found: Skipped | None = None
        if rail.name not in self.rails:
            found = "rail_not_set_up"
        elif rail.unit(currency) is None:
            found = "rail_unfit_for_currency"
        elif rail.takes is not None and method is None:
            found = "payout_method_missing"
        elif rail.takes is not None and method is not None and method.kind not in rail.takes:
            found = "rail_unfit_for_method"
        if found is not None:
            return found
        destination = turn.destination if rail.takes is not None else None
        return rail.obstacle(
            Payment("", net, currency, creator.name, creator.email, self.now, destination, self.brand.name)
        )

    def _reserve(self, profile: Profile, outcome: Outcome, payout_id: str, balance: Balance, writes: Writes) -> Entry:
        part = PayoutPart(
            payout_id=payout_id,
            creator_id=outcome.creator_id,
            currency=outcome.currency,
            amount=outcome.amount,
            withheld=outcome.withheld,
            rail=outcome.rail,
            authority=(profile.payee.country or "") if outcome.withheld else "",
        )
        version = profile.creator.version
        item = items.new(self.brand.id, part, self.run.id, balance.watermark, creator_version=version)
        if profile.method is not None:
            item.to, item.shown = profile.method.sealed, profile.method.shown
        writes.put_new(item)
        return payout_entry(part, at=balance.watermark, version=balance.version)


def outcome_of(item: PayoutItem) -> Outcome:
    return Outcome(item.creator_id, item.currency, item.amount, item.withheld, item.rail, payout_id=item.id)

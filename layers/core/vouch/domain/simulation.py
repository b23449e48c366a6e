"""What draft terms of a program would change: of one order, and of all orders of a range, creator by creator.

Before is what is posted, after is what `settle` says with the draft in place of every version of the program. Caps and
bonuses per period are added to both, of the range's orders alone. Pure, and sums of parts are the sum of the whole.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from vouch.domain.attribution import TermsKey
from vouch.domain.ledger import Counted
from vouch.domain.period_rules import Place, Tally, settle_periods
from vouch.domain.settlement import Posted, Settlement, wanted
from vouch.domain.terms import Terms


class Stake(NamedTuple):
    """Whose money it is, by which program's terms, in which currency."""

    creator_id: str
    program_id: str
    currency: str


@dataclass(frozen=True, slots=True)
class Change:
    """An amount as it is and as it would be."""

    before: int = 0
    after: int = 0

    @property
    def delta(self) -> int:
        """What the draft adds."""
        return self.after - self.before

    def __add__(self, other: "Change") -> "Change":
        return Change(self.before + other.before, self.after + other.after)


Amounts = Mapping[Stake, int]


class Spot(NamedTuple):
    """Where what a creator has of orders counts for caps and bonuses per period."""

    creator_id: str
    counted: Counted
    currency: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an order comes to: each creator's net, nothing for what is nothing, and where it counts for periods."""

    amounts: Amounts
    tallies: Mapping[Spot, Tally]


@dataclass(frozen=True, slots=True)
class OrderChange:
    """An order that comes to something else by the draft; `after` None: one that it cannot settle, and why."""

    order_id: str
    placed_at: datetime
    before: Amounts
    after: Amounts | None
    reason: str | None = None


@dataclass(slots=True)
class Sums:
    """What orders come to, before and after, as far as the draft has to do with it."""

    changes: dict[Stake, Change] = field(default_factory=dict)
    tallies: dict[Spot, tuple[Tally, Tally]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.changes) + len(self.tallies)

    def add(self, program_id: str, before: Outcome, after: Outcome) -> bool:
        """Counts an order; whether the draft would change what it comes to.

        All of what the program's creators have of it, of others what changes.
        """
        stakes, spots = before.amounts.keys() | after.amounts.keys(), before.tallies.keys() | after.tallies.keys()
        changes = {stake: Change(before.amounts.get(stake, 0), after.amounts.get(stake, 0)) for stake in stakes}
        own = {stake: change for stake, change in changes.items() if stake.program_id == program_id or change.delta}
        nothing = Tally()
        tallies = {spot: (before.tallies.get(spot, nothing), after.tallies.get(spot, nothing)) for spot in spots}
        self.merge(Sums(own, tallies))
        return any(change.delta for change in own.values())

    def merge(self, other: "Sums") -> None:
        """Counts what those sums have counted."""
        nothing = Change(), (Tally(), Tally())
        for stake, change in other.changes.items():
            self.changes[stake] = self.changes.get(stake, nothing[0]) + change
        for spot, (before, after) in other.tallies.items():
            known = self.tallies.get(spot, nothing[1])
            self.tallies[spot] = known[0] + before, known[1] + after

    def versions(self) -> set[TermsKey]:
        """Whose caps and bonuses `rows` asks for."""
        return {(spot.counted.program_id, spot.counted.terms_version) for spot in self.tallies}

    def rows(
        self, program_id: str, terms: Mapping[TermsKey, Terms], drafted: Mapping[TermsKey, Terms]
    ) -> dict[Stake, Change]:
        """The sums, with what caps per period take and bonuses give by the `terms` as they are and as `drafted`."""
        rows = dict(self.changes)
        for creator_id, tallies in self._by_creator().items():
            before = settle_periods({place: tally for place, (tally, _) in tallies.items() if tally}, terms)
            after = settle_periods({place: tally for place, (_, tally) in tallies.items() if tally}, drafted)
            for rule, currency in before.keys() | after.keys():
                change = Change(before.get((rule, currency), 0), after.get((rule, currency), 0))
                if rule.program_id == program_id or change.delta:
                    stake = Stake(creator_id, rule.program_id, currency)
                    rows[stake] = rows.get(stake, Change()) + change
        return rows

    def _by_creator(self) -> Mapping[str, Mapping[Place, tuple[Tally, Tally]]]:
        found: defaultdict[str, dict[Place, tuple[Tally, Tally]]] = defaultdict(dict)
        for spot, tallies in self.tallies.items():
            found[spot.creator_id][spot.counted, spot.currency] = tallies
        return found


def posted_outcome(posted: Posted, stakes: Iterable[Stake]) -> Outcome:
    """What the ledger holds of an order; `stakes` say by whose terms its creators have it, or LookupError is raised."""
    known = {(stake.creator_id, stake.currency): stake for stake in stakes}
    amounts: dict[Stake, int] = {}
    for each, amount in posted.items():
        stake = known[each.creator_id, each.currency]
        amounts[stake] = amounts.get(stake, 0) + amount
    return Outcome(amounts, _tallies(posted))


def untouched(posted: Posted) -> Outcome:
    """An order with which the program has nothing to do: only where it counts for the periods of others is of use."""
    return Outcome({}, _tallies(posted))


def settled_outcome(settlement: Settlement) -> Outcome:
    """What the ledger would hold."""
    stakes = [Stake(each.creator_id, each.program_id, each.currency) for each in settlement.earnings]
    return posted_outcome(wanted(settlement), stakes)


def totals(rows: Mapping[Stake, Change]) -> dict[str, Change]:
    """All rows of each currency together, in the currencies' order."""
    sums: dict[str, Change] = {}
    for stake, change in sorted(rows.items(), key=lambda row: row[0].currency):
        sums[stake.currency] = sums.get(stake.currency, Change()) + change
    return sums


def _tallies(posted: Posted) -> dict[Spot, Tally]:
    return {
        Spot(each.creator_id, each.counted, each.currency): Tally(amount, 1 if amount > 0 else 0)
        for each, amount in posted.items()
        if each.counted is not None
    }

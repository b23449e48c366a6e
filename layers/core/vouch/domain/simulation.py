"""What draft terms of a program would change: of one order, and of all orders of a range, creator by creator.

Before is what is posted, after is what `settle` says with the draft in place of every version of the program. Caps and
bonuses per period are added to both, of the range's orders alone. Pure, and sums of parts are the sum of the whole.
"""

from collections import Counter, defaultdict
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


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an order comes to: each creator's net, nothing for what is nothing, and where it counts for periods."""

    amounts: Amounts
    tallies: Mapping[tuple[str, Place], Tally]


@dataclass(frozen=True, slots=True)
class OrderChange:
    """An order that comes to something else by the draft; `after` None: one that it cannot settle, and why."""

    order_id: str
    placed_at: datetime
    before: Amounts
    after: Amounts | None
    reason: str | None = None


class Spot(NamedTuple):
    """Where what a creator has of orders counts for caps and bonuses per period."""

    creator_id: str
    counted: Counted
    currency: str


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
        different = before.amounts != after.amounts
        for stake in before.amounts.keys() | after.amounts.keys():
            change = Change(before.amounts.get(stake, 0), after.amounts.get(stake, 0))
            if stake.program_id == program_id or change.delta:
                self.changes[stake] = self.changes.get(stake, Change()) + change
        nothing = Tally()
        for creator_id, place in before.tallies.keys() | after.tallies.keys():
            known = self.tallies.get(Spot(creator_id, *place), (nothing, nothing))
            key = creator_id, place
            more = before.tallies.get(key, nothing), after.tallies.get(key, nothing)
            self.tallies[Spot(creator_id, *place)] = known[0] + more[0], known[1] + more[1]
        return different

    def merge(self, other: "Sums") -> None:
        """Counts what those sums have counted."""
        for stake, change in other.changes.items():
            self.changes[stake] = self.changes.get(stake, Change()) + change
        nothing = Tally(), Tally()
        for spot, (before, after) in other.tallies.items():
            known = self.tallies.get(spot, nothing)
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
    """What the ledger holds of an order; `stakes` say by whose terms its creators have it."""
    programs = {(stake.creator_id, stake.currency): stake for stake in stakes}
    amounts: Counter[Stake] = Counter()
    for posting, amount in posted.items():
        amounts[programs[posting.creator_id, posting.currency]] += amount
    return Outcome(amounts, _tallies(posted))


def untouched(posted: Posted) -> Outcome:
    """An order with which the program has nothing to do: only where it counts for the periods of others is of use."""
    return Outcome({}, _tallies(posted))


def settled_outcome(settlement: Settlement) -> Outcome:
    """What the ledger would hold."""
    amounts = {
        Stake(each.creator_id, each.program_id, each.currency): each.net for each in settlement.earnings if each.net
    }
    return Outcome(amounts, _tallies(wanted(settlement)))


def totals(rows: Mapping[Stake, Change]) -> dict[str, Change]:
    """All rows of each currency together."""
    sums: dict[str, Change] = {}
    for stake, change in sorted(rows.items()):
        sums[stake.currency] = sums.get(stake.currency, Change()) + change
    return sums


def _tallies(posted: Posted) -> dict[tuple[str, Place], Tally]:
    tallies: dict[tuple[str, Place], Tally] = {}
    for posting, amount in posted.items():
        if posting.counted is not None:
            key = posting.creator_id, (posting.counted, posting.currency)
            tallies[key] = tallies.get(key, Tally()) + Tally(amount, 1 if amount > 0 else 0)
    return tallies

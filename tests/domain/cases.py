"""How a case of the books is written down, and how it is held to what it says.

A case reads: what was sold · who led to it · what came of it later → who earns what. An amount is what stands now;
`"3.00 of 9.00"` is what stands of what the order earned before refunds and the like. A mug is 100.00 and a program pays
10 % of everything to the last creator, unless the case says otherwise.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest

from tests.domain.sales import Promises, carrying, context, promises, settled
from vouch.domain.attribution import Touch
from vouch.domain.facts import Event, OrderFacts, Snapshot
from vouch.domain.money import minor
from vouch.domain.settlement import Earning, Posting, Settlement, difference, settle, wanted


@dataclass(frozen=True)
class Case:
    """Lost touches are named by their evidence: clicks by their creator, a creator's second click by its number."""

    situation: str
    order: Snapshot | None
    touches: Sequence[Touch]
    later: Sequence[Event | Snapshot] = ()
    earns: Mapping[str, str] = field(default_factory=dict)
    lost: Mapping[str, str] = field(default_factory=dict)
    reason: str | None = None
    status: str = "paid"
    held: bool = False
    terms: Promises = field(default_factory=promises)
    surroundings: dict[str, Any] = field(default_factory=dict)

    def check(self) -> None:
        """It ends as it says."""
        settlement = self._settled()
        earned = {earning.creator_id: (earning.net, earning.earned) for earning in settlement.earnings}
        by_creator = {earning.creator_id: earning for earning in settlement.earnings}
        assert earned.keys() == self.earns.keys()
        assert earned == {creator: _amounts(said, by_creator[creator]) for creator, said in self.earns.items()}
        lost = [candidate for candidate in settlement.candidates if candidate.outcome == "lost"]
        assert {candidate.touch.evidence: candidate.reason for candidate in lost} == self.lost
        assert (settlement.reason, settlement.status) == (self.reason, self.status)
        assert any(earning.held for earning in settlement.earnings) == self.held

    def check_shuffled(self) -> None:
        """One by one, repeated and out of order, with the touches found in another order: the books are the same."""
        whole = [*self.later, *([self.order] if self.order else [])]
        arriving = [carrying(fact, self.touches) if isinstance(fact, Snapshot) else fact for fact in whole] * 2
        shuffled, touches = random.Random(self.situation), list(self.touches)
        shuffled.shuffle(arriving)
        shuffled.shuffle(touches)
        facts, posted = OrderFacts(), dict[Posting, int]()
        for fact in arriving:
            facts, _ = facts.with_facts([fact])
            now = settle(facts, context(touches, **self.surroundings), self.terms)
            for change in difference(wanted(now), posted):
                key = Posting(change.creator_id, change.part, change.currency, change.matures_at, change.counted)
                posted[key] = posted.get(key, 0) + change.amount
        assert {key: amount for key, amount in posted.items() if amount} == wanted(self._settled())

    def _settled(self) -> Settlement:
        return settled(self.order, self.touches, self.later, self.terms, **self.surroundings)


class Runner:
    """Runs cases by name, in both ways; whoever inherits it, as `Test…`, says which, in groups."""

    GROUPS: ClassVar[Mapping[str, Sequence[Case]]]

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        named = [(f"{group}: {case.situation}", case) for group, cases in self.GROUPS.items() for case in cases]
        metafunc.parametrize("case", [case for _, case in named], ids=[name for name, _ in named])

    def test_the_case_ends_as_it_says(self, case: Case) -> None:
        case.check()

    def test_the_case_ends_so_however_its_facts_arrive(self, case: Case) -> None:
        case.check_shuffled()


def _amounts(said: str, earning: Earning) -> tuple[int, int]:
    net, _, earned = said.partition(" of ")
    return minor(net, earning.currency), minor(earned or net, earning.currency)

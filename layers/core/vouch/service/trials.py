"""Trials: orders settled by draft terms in place of a program's own. Whatever that looks up, none of it is kept."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from vouch.deadlines import InTime
from vouch.domain.attribution import TermsKey, Touch
from vouch.domain.context import Context
from vouch.domain.errors import Unprocessable
from vouch.domain.facts import OrderFacts
from vouch.domain.money import OutOfRange
from vouch.domain.settlement import RateMissing, Settlement, settle
from vouch.domain.terms import DRAFT, Terms
from vouch.service import volumes
from vouch.service.deployment import Deployment
from vouch.service.evidence import Evidence
from vouch.service.orders import Defect, ours
from vouch.service.volumes import BeingMeasured, SealNotDue
from vouch.store.seals import Measured, Volume

UNSETTLED: Final[dict[type[Exception], str]] = {
    RateMissing: "rate_missing",
    OutOfRange: "amount_out_of_range",
    SealNotDue: "awaiting_volume",
    Defect: "defect",
}
"""Why an order cannot be settled by some terms, though it was settled by others."""
_NOTHING: Mapping[str, Touch] = {}


@dataclass(frozen=True, slots=True)
class Tried:
    """An order as it was settled, and all that explains it."""

    facts: OrderFacts
    context: Context
    terms: Mapping[TermsKey, Terms]
    settlement: Settlement


class Trial:
    """A draft of one program's terms, for the orders of its brand: in force for all of them, whenever placed.

    `assumed` are touches by their key, each taken for what would be found behind it. `measured` keeps how far volumes
    have been measured, for a trial that goes on elsewhere. One that takes several steps takes them while `in_time`.
    """

    def __init__(
        self,
        deployment: Deployment,
        brand_id: str,
        program_id: str,
        terms: Terms,
        *,
        assumed: Mapping[str, Touch] = _NOTHING,
        measured: defaultdict[Volume, Measured] | None = None,
        in_time: InTime = lambda: False,
    ) -> None:
        self._deployment = deployment
        self._brand = brand_id
        self._program = program_id
        self._assumed = assumed
        self._terms = terms
        self._measured = defaultdict(Measured) if measured is None else measured
        self._in_time = in_time
        self._evidence = self._new_evidence()

    def settled(self, order_id: str, facts: OrderFacts, context: Context) -> Tried:
        """The order by the draft, whose own volumes, labels and rates are looked up where they are not pinned.

        Raises what is UNSETTLED, and BeingMeasured where no time is left.
        """
        with ours():
            promised = self._evidence.terms(context.touches_of(facts))
            drafted = self.instead(promised)
            context = self._rated_by_draft(self._unmeasured(context, promised))
            context = self._evidence.asked_by(drafted, order_id, facts, context)
            return Tried(facts, context, drafted, settle(facts, context, drafted))

    def told(self, order_id: str, facts: OrderFacts, context: Context, *, new: bool = False) -> Tried:
        """The same for somebody who asks for this order; of a `new` one nothing is pinned yet.

        Raises Unprocessable in place of these, but for Defect.
        """
        try:
            if new:
                with ours():
                    context = self._evidence.surroundings(order_id, facts, context, wait_for_clicks_since=None)
            return self.settled(order_id, facts, context)
        except RateMissing as refusal:
            raise Unprocessable("rate_missing", currency=refusal.currency, wanted=refusal.wanted) from None
        except OutOfRange:
            raise Unprocessable("amount_out_of_range") from None
        except SealNotDue:
            raise Unprocessable("awaiting_volume") from None

    def instead(self, terms: Mapping[TermsKey, Terms]) -> dict[TermsKey, Terms]:
        """These versions, the draft in place of all of its program's."""
        others = {key: version for key, version in terms.items() if key[0] != self._program}
        return {**others, (self._program, DRAFT): self._terms}

    def forget(self) -> None:
        """Lets go of what was looked up for single orders."""
        self._evidence = self._new_evidence()

    def _new_evidence(self) -> Evidence:
        return Evidence(self._deployment, self._brand, volume_of=self._volume_of, assumed=self._assumed)

    def _rated_by_draft(self, context: Context) -> Context:
        """What stood without terms in force stays without."""

        def drafted(touch: Touch) -> Touch:
            rated = touch.program_id == self._program and touch.terms_version is not None
            return replace(touch, terms_version=DRAFT) if rated else touch

        return replace(context, touches={key: tuple(map(drafted, found)) for key, found in context.touches.items()})

    def _unmeasured(self, context: Context, promised: Mapping[TermsKey, Terms]) -> Context:
        """Without the volumes of the program's creators where the draft measures others than what was in force."""
        own = [version for key, version in promised.items() if key[0] == self._program]
        if self._terms.commission.tiers is None or all(_measures(version) == _measures(self._terms) for version in own):
            return context
        members = {
            person: replace(member, volume=None) if person[1] == self._program else member
            for person, member in context.members.items()
        }
        return replace(context, members=members)

    def _volume_of(
        self,
        deployment: Deployment,
        brand_id: str,
        creator_id: str,
        program_id: str,
        terms: Terms,
        placed_at: datetime,
    ) -> int:
        """Measured once for all orders of a period."""
        wanted = volumes.asked(creator_id, program_id, terms, placed_at)
        if wanted is None:
            return 0
        so_far = self._measured[wanted]
        while not so_far.is_whole:
            so_far = volumes.measured(deployment, brand_id, wanted, so_far)
            self._measured[wanted] = so_far
            if not so_far.is_whole and not self._in_time():
                raise BeingMeasured(wanted.span.name)
        return so_far.amount


def _measures(terms: Terms) -> tuple[str, str, str] | None:
    tiers = terms.commission.tiers
    return None if tiers is None else (tiers.period, tiers.measure, terms.time_zone)

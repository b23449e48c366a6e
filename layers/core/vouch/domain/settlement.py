"""`settle`: from all that is known of an order to what each creator should have from it, from which moment, and why.

Pure: no clock, no reads. What is posted to the ledger is the difference between what it says and what already stands
there, so repeats, lateness, disorder and concurrency cannot matter.
"""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from vouch.domain import commission, times
from vouch.domain.attribution import Candidate, Credit, Share, TermsKey, credit
from vouch.domain.commission import Basis, Rating
from vouch.domain.context import Context
from vouch.domain.facts import Lifecycle, OrderFacts, Snapshot
from vouch.domain.ledger import EARNED, HELD, Counted, Difference
from vouch.domain.money import AMOUNT_MAX, OutOfRange, split
from vouch.domain.terms import Base, Terms

OrderStatus = Literal["open", "paid", "cancelled", "refunded", "test", "parked"]


@dataclass(frozen=True, slots=True)
class Earning:
    """One creator's part: what the order earned in full, what refunds and the like took back, and what is left."""

    creator_id: str
    program_id: str
    terms_version: int
    currency: str
    earned: int
    reversed: int
    matures_at: datetime
    held: bool
    counted: Counted | None = None

    @property
    def net(self) -> int:
        """What stands."""
        return self.earned - self.reversed


@dataclass(frozen=True, slots=True)
class LinePart:
    """One creator's part of one line's commission, in full and net of refunds; nobody's where nobody is credited."""

    share: Share | None
    rating: Rating
    commission: int = 0
    kept_commission: int = 0

    @property
    def creator_id(self) -> str | None:
        """Whose part it is."""
        return self.share.creator_id if self.share else None


@dataclass(frozen=True, slots=True)
class Settlement:
    """The whole decision. `reason` says why an order earns nobody anything, or why that was taken back or is held.

    `lead` is the heaviest share, the first of equals: its terms describe the order as a whole.
    """

    status: OrderStatus
    currency: str | None
    base: int
    refunded_base: int
    lead: Share | None
    earnings: tuple[Earning, ...]
    candidates: tuple[Candidate, ...]
    lines: tuple[LinePart, ...]
    reason: str | None


class Posting(NamedTuple):
    """What an amount in the ledger is of."""

    creator_id: str
    part: str
    currency: str
    matures_at: datetime
    counted: Counted | None = None


Posted = Mapping[Posting, int]
"""What the ledger holds of an order, nothing for what is nothing."""


def settle(facts: OrderFacts, context: Context, terms: Mapping[TermsKey, Terms]) -> Settlement:
    """What the books should show for these facts. Raises OutOfRange where its sums are no amounts any more.

    `terms` has every version that a touch names.
    """
    snapshot = facts.snapshot
    if snapshot is None:
        return Settlement("parked", None, 0, 0, None, (), (), (), "awaiting_order")
    credited = credit(snapshot, context.touches_of(snapshot), terms, only_program=context.only_program)
    lead = max(credited.shares, key=lambda share: share.weight, default=None)
    options = terms[lead.program_id, lead.terms_version].commission.base if lead else Base()
    sold = commission.bases(facts, snapshot, options)
    base, kept = sum(line.base for line in sold), sum(line.kept_base for line in sold)
    nothing = _why_nothing(snapshot, context, credited, base)
    taken_back, held = _why_taken_back(facts, snapshot), _why_held(facts, snapshot)
    lines = _line_parts(facts, snapshot, credited, terms, earns=not nothing)
    if max(base, sum(line.commission for line in lines)) > AMOUNT_MAX:
        raise OutOfRange
    earnings = _earnings(snapshot, credited, lines, terms, held=facts.held or bool(held))
    if taken_back:
        earnings = tuple(replace(earning, reversed=earning.earned) for earning in earnings)
    return Settlement(
        status=_status(facts, snapshot, context, all_returned=base > 0 and kept == 0),
        currency=snapshot.currency,
        base=base,
        refunded_base=base - kept,
        lead=lead,
        earnings=earnings,
        candidates=credited.candidates,
        lines=lines or tuple(LinePart(None, Rating(basis, None, None, 0, 0)) for basis in sold),
        reason=next(iter((*nothing, *taken_back, *held, *_why_none_of_it(lines))), None),
    )


def wanted(settlement: Settlement) -> Posted:
    """The settlement in the ledger's terms."""
    return {
        Posting(each.creator_id, HELD if each.held else EARNED, each.currency, each.matures_at, each.counted): each.net
        for each in settlement.earnings
        if each.net
    }


def difference(want: Posted, posted: Posted) -> list[Difference]:
    """Wanted − posted, in a stable order, nothing where nothing changed."""
    keys = sorted({*want, *posted}, key=lambda key: (key[:4], astuple(key.counted) if key.counted else ()))
    changes = [(key, want.get(key, 0), posted.get(key, 0)) for key in keys]
    return [
        Difference(
            *(key.creator_id, key.part, key.currency, now - before, key.matures_at, key.counted),
            orders=(now > 0) - (before > 0) if key.counted else 0,
        )
        for key, now, before in changes
        if now != before
    ]


def matures_at(placed_at: datetime, hold_days: int) -> datetime:
    """The end of the return window, up to the full hour so that a busy account's entries share few moments."""
    return times.ceil_hour(placed_at + timedelta(days=hold_days)) if hold_days else placed_at


def _line_parts(
    facts: OrderFacts, snapshot: Snapshot, credited: Credit, terms: Mapping[TermsKey, Terms], *, earns: bool
) -> tuple[LinePart, ...]:
    """Each creator's lines under their own program's terms, split by the shares."""
    weights = [share.weight for share in credited.shares]
    bases: dict[Base, list[Basis]] = {}
    splits: dict[tuple[int, int], list[tuple[int, int]]] = {}
    parts = []
    for place, share in enumerate(credited.shares):
        rules = terms[share.program_id, share.terms_version].commission
        if rules.base not in bases:
            bases[rules.base] = commission.bases(facts, snapshot, rules.base)
        for rating in commission.rated(rules, bases[rules.base], snapshot, share.creator_id):
            amounts = (rating.commission, rating.kept_commission) if earns else (0, 0)
            if amounts not in splits:
                in_full = split(amounts[0], weights)
                splits[amounts] = [*zip(in_full, split(amounts[1], weights, in_full), strict=True)]
            parts.append(LinePart(share, rating, *splits[amounts][place]))
    return tuple(parts)


def _earnings(
    snapshot: Snapshot, credited: Credit, lines: Sequence[LinePart], terms: Mapping[TermsKey, Terms], *, held: bool
) -> tuple[Earning, ...]:
    earned = {share.creator_id: 0 for share in credited.shares}
    net = dict(earned)
    for line in lines:
        if line.creator_id is not None:
            earned[line.creator_id] += line.commission
            net[line.creator_id] += line.kept_commission
    _cap(snapshot, credited, terms, earned, net)
    return tuple(
        Earning(
            creator_id=share.creator_id,
            program_id=share.program_id,
            terms_version=share.terms_version,
            currency=snapshot.currency,
            earned=earned[share.creator_id],
            reversed=earned[share.creator_id] - net[share.creator_id],
            matures_at=matures_at(snapshot.placed_at, terms[share.program_id, share.terms_version].hold_days),
            held=held,
        )
        for share in credited.shares
    )


def _cap(
    snapshot: Snapshot,
    credited: Credit,
    terms: Mapping[TermsKey, Terms],
    earned: dict[str, int],
    net: dict[str, int],
) -> None:
    """Holds each program's part of the order to its cap; a cap in another currency than the order's says nothing.

    A refund first takes what the cap had cut off: of what is left nobody has more than before, nor than it earns alone.
    """
    for version in {(share.program_id, share.terms_version): None for share in credited.shares}:
        cap = terms[version].commission.cap_per_order
        if cap is None or cap.currency != snapshot.currency:
            continue
        creators = [s.creator_id for s in credited.shares if (s.program_id, s.terms_version) == version]
        whole = [earned[creator] for creator in creators]
        for creator, part in zip(creators, split(min(cap.amount, sum(whole)), whole), strict=True):
            earned[creator], net[creator] = part, min(part, net[creator])


def _why_nothing(snapshot: Snapshot, context: Context, credited: Credit, base: int) -> list[str]:
    causes = {
        "test_order": _is_test(snapshot, context),
        "no_credit": not credited.shares,
        "nothing_commissionable": base == 0,
        "not_paid": snapshot.lifecycle is Lifecycle.OPEN or not snapshot.paid,
    }
    return [cause for cause, holds in causes.items() if holds]


def _why_none_of_it(lines: Sequence[LinePart]) -> list[str]:
    return ["no_rule"] if all(line.rating.rule is None for line in lines) else []


def _why_taken_back(facts: OrderFacts, snapshot: Snapshot) -> list[str]:
    causes = {"cancelled": _is_cancelled(facts, snapshot), "rejected": facts.decision("reject") is not None}
    return [cause for cause, holds in causes.items() if holds]


def _why_held(facts: OrderFacts, snapshot: Snapshot) -> list[str]:
    return ["refund_currency"] if commission.unclear_refunds(facts, snapshot) else []


def _status(facts: OrderFacts, snapshot: Snapshot, context: Context, *, all_returned: bool) -> OrderStatus:
    if _is_test(snapshot, context):
        return "test"
    if _is_cancelled(facts, snapshot):
        return "cancelled"
    if snapshot.lifecycle is Lifecycle.REFUNDED or all_returned:
        return "refunded"
    return "paid" if snapshot.paid and snapshot.lifecycle is not Lifecycle.OPEN else "open"


def _is_test(snapshot: Snapshot, context: Context) -> bool:
    return snapshot.test and not context.test_brand


def _is_cancelled(facts: OrderFacts, snapshot: Snapshot) -> bool:
    return facts.cancelled or snapshot.lifecycle is Lifecycle.CANCELLED

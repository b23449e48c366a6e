"""`settle`: from all that is known of an order to what each creator should have from it, from which moment, and why.

Pure: no clock, no reads. What is posted to the ledger is the difference between what it says and what already stands
there, so repeats, lateness, disorder and concurrency cannot matter.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from vouch.domain import calendars, commission, times
from vouch.domain.attribution import Candidate, Credit, Share, TermsKey, Touch, credit
from vouch.domain.commission import Basis, Case, Rating
from vouch.domain.context import Context, Membership, named_key
from vouch.domain.facts import Decision, Lifecycle, OrderFacts, Snapshot
from vouch.domain.ledger import EARNED, HELD, Counted, Difference
from vouch.domain.money import AMOUNT_MAX, BPS_WHOLE, OutOfRange, divide_half_up, split
from vouch.domain.terms import Attribution, Base, Recruiter, Terms

_NEVER_EARNS = frozenset({"test_order", "shadow", "not_paid"})
"""Why an order earns nothing that no adjustment changes."""
_TOGETHER = ""
"""The group of the lines that nobody has alone."""
OrderStatus = Literal["open", "paid", "cancelled", "refunded", "test", "parked"]


@dataclass(frozen=True, slots=True)
class Earning:
    """One creator's part: what the order earned in full, what refunds and the like took back, and what is left.

    `revenue` is what is kept of the lines that earned it, by the creator's share of them. So much of the net as was
    `recruited` is a recruiter's share, which is no sale of theirs.
    """

    creator_id: str
    program_id: str
    terms_version: int
    currency: str
    earned: int
    reversed: int
    matures_at: datetime
    held: bool
    counted: Counted | None = None
    revenue: int = 0
    recruited: int = 0

    @property
    def net(self) -> int:
        """What stands."""
        return self.earned - self.reversed


@dataclass(frozen=True, slots=True)
class LinePart:
    """One creator's part of one line's commission, in full and net of refunds; nobody's where nobody is credited.

    `case` is what the rules were asked about; the amounts are in its currency.
    """

    share: Share | None
    rating: Rating
    commission: int = 0
    kept_commission: int = 0
    case: Case | None = None

    @property
    def creator_id(self) -> str | None:
        """Whose part it is."""
        return self.share.creator_id if self.share else None


@dataclass(frozen=True, slots=True)
class Recruited:
    """What a creator gets for having recruited another: `bps` of that one's commission, in full and net of refunds."""

    creator_id: str
    recruited_id: str
    bps: int
    earned: int
    net: int


@dataclass(frozen=True, slots=True)
class Adjusted:
    """What a creator's net was, in which currency, and the brand's word that set it to something else."""

    decision: Decision
    before: int
    currency: str


@dataclass(frozen=True, slots=True)
class Settlement:
    """The whole decision. `reason` says why an order earns nobody anything, or why that was taken back or is held.

    `lead` is the heaviest share, the first of equals: its terms describe the order as a whole. Between `lines` and
    `earnings` lie what caps per order cut `off` (by creator, of the commission in full), recruiters' shares, and the
    brand's adjustments. `origin` is whom the order's own clicks and codes name, if it is a sale. `policy` decided who
    shares.
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
    off: Mapping[str, int] = field(default_factory=dict)
    recruited: tuple[Recruited, ...] = ()
    adjusted: Mapping[str, Adjusted] = field(default_factory=dict)
    origin: Share | None = None
    policy: Attribution | None = None


class Posting(NamedTuple):
    """What an amount in the ledger is of."""

    creator_id: str
    part: str
    currency: str
    matures_at: datetime
    counted: Counted | None = None


Posted = Mapping[Posting, int]
"""What the ledger holds of an order, nothing for what is nothing."""


class RateMissing(Exception):
    """Commissions are to be converted, and there is no rate for the day of the order; nobody guesses one."""

    def __init__(self, currency: str, wanted: str) -> None:
        super().__init__(f"no rate from {currency} to {wanted} before the order")
        self.currency = currency
        self.wanted = wanted


def settle(facts: OrderFacts, context: Context, terms: Mapping[TermsKey, Terms]) -> Settlement:
    """What the books should show for these facts.

    `terms` has every version that a touch names. Raises OutOfRange where its sums are no amounts any more, and
    RateMissing.
    """
    snapshot = facts.snapshot
    if snapshot is None:
        return Settlement("parked", None, 0, 0, None, (), (), (), "awaiting_order")
    touches = _touches(facts, context)
    credited = credit(snapshot, touches, terms, only_program=context.only_program)
    lead = max(credited.shares or credited.everyone, key=lambda share: share.weight, default=None)
    options = terms[lead.program_id, lead.terms_version].commission.base if lead else Base()
    sold = commission.bases(facts, snapshot, options)
    base, kept = sum(line.base for line in sold), sum(line.kept_base for line in sold)
    nothing = _why_nothing(facts, snapshot, context, credited, base)
    taken_back, held = _why_taken_back(facts, snapshot), _why_held(facts, snapshot)
    lines = _line_parts(facts, context, credited, terms, {options: sold}, earns=not nothing)
    work = _Work(facts, context, credited, terms, lines)
    work.cap()
    if not _NEVER_EARNS.intersection(nothing):
        work.adjust()
    work.recruit()
    earnings = work.earnings(held=bool(held), taken_back=bool(taken_back))
    sums = base, sum(line.commission for line in lines), sum(earning.earned for earning in earnings)
    if max(sums) > AMOUNT_MAX:
        raise OutOfRange
    unearned, nothing = nothing, [] if work.adjusted else nothing
    unmatched = [] if work.adjusted else _why_none_of_it(lines, terms)
    unshared = [LinePart(None, Rating(basis, None, None, 0, 0)) for basis in sold if not credited.on(basis.line)]
    return Settlement(
        status=_status(facts, snapshot, context, all_returned=base > 0 and kept == 0),
        currency=snapshot.currency,
        base=base,
        refunded_base=base - kept,
        lead=lead,
        earnings=earnings,
        candidates=credited.candidates,
        lines=(*lines, *unshared),
        reason=next(iter((*nothing, *taken_back, *held, *unmatched)), None),
        off=work.off,
        recruited=tuple(work.recruited),
        adjusted=work.adjusted,
        origin=None if taken_back or _NEVER_EARNS.intersection(unearned) else credited.origin,
        policy=credited.policy,
    )


def wanted(settlement: Settlement) -> Posted:
    """The settlement in the ledger's terms; what counts nowhere beside what does."""
    posted: dict[Posting, int] = {}
    for each in settlement.earnings:
        beside = Posting(each.creator_id, HELD if each.held else EARNED, each.currency, each.matures_at)
        own = beside._replace(counted=each.counted)
        for posting, amount in ((own, each.net - each.recruited), (beside, each.recruited)):
            posted[posting] = posted.get(posting, 0) + amount
    return {posting: amount for posting, amount in posted.items() if amount}


def in_order(postings: Iterable[Posting]) -> list[Posting]:
    """By creator, part, currency and moment; what counts nowhere before what does."""
    return sorted(postings, key=lambda each: (each[:4], astuple(each.counted) if each.counted else ()))


def difference(want: Posted, posted: Posted) -> list[Difference]:
    """Wanted − posted, in a stable order, nothing where nothing changed."""
    changes = [(key, want.get(key, 0), posted.get(key, 0)) for key in in_order({*want, *posted})]
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


def _touches(facts: OrderFacts, context: Context) -> list[Touch]:
    """What speaks for somebody; of decisions only the one that gave the order away, whose id is the evidence."""
    given, found = facts.decision("reassign"), list[Touch]()
    for touch in context.touches_of(facts):
        if touch.kind != "decision":
            found.append(touch)
        elif given is not None and touch.evidence == named_key(given):
            found.append(replace(touch, evidence=given.id))
    return found


def _line_parts(
    facts: OrderFacts,
    context: Context,
    credited: Credit,
    terms: Mapping[TermsKey, Terms],
    bases: dict[Base, list[Basis]],
    *,
    earns: bool,
) -> tuple[LinePart, ...]:
    """Each creator's lines under their own program's terms, split by the shares; `bases` grows by what is new."""
    splits: dict[tuple[int, int], list[tuple[int, int]]] = {}
    weights = [share.weight for share in credited.shares]
    places = {share: place for place, share in enumerate(credited.shares)}
    parts: list[LinePart] = []
    for share in credited.everyone:
        promise = terms[share.program_id, share.terms_version]
        rules, case = promise.commission, _case(facts, context, share, promise, earns=earns)
        if rules.base not in bases:
            bases[rules.base] = commission.bases(facts, case.snapshot, rules.base)
        lines = bases[rules.base]
        groups = [_shared_by(credited, basis) for basis in lines] if credited.tied else None
        own = _TOGETHER if share in places else share.creator_id
        for rating in commission.rated(rules, lines, case, groups, own=own):
            amounts = (rating.commission, rating.kept_commission) if earns else (0, 0)
            sharing = credited.on(rating.basis.line)
            if sharing is not credited.shares:
                alone = sharing[0].creator_id == share.creator_id
                parts += [LinePart(share, rating, *amounts, case)] if alone else []
            elif share in places:
                if amounts not in splits:
                    in_full = split(amounts[0], weights)
                    splits[amounts] = [*zip(in_full, split(amounts[1], weights, in_full), strict=True)]
                parts.append(LinePart(share, rating, *splits[amounts][places[share]], case))
    return tuple(parts)


def _shared_by(credited: Credit, basis: Basis) -> str:
    sharing = credited.on(basis.line)
    return _TOGETHER if sharing is credited.shares else sharing[0].creator_id


def _case(facts: OrderFacts, context: Context, share: Share, promise: Terms, *, earns: bool) -> Case:
    snapshot = facts.snapshot
    if snapshot is None:
        raise ValueError("nothing is known of the order")
    currency, rate = promise.convert_to or snapshot.currency, (1, 1)
    if currency != snapshot.currency:
        fixing = context.rates.get((snapshot.currency, currency))
        if fixing is None and earns and not commission.leaves_to_platform(promise.commission, snapshot):
            raise RateMissing(snapshot.currency, currency)
        # Where nothing is earned nothing is converted, and what it would have been in the other currency is not known.
        rate = (0, 1) if fixing is None else fixing.fraction(snapshot.currency, currency)
    return Case(
        snapshot,
        share.creator_id,
        currency,
        context.members.get((share.creator_id, share.program_id), Membership()),
        rate,
        context.customer_new(facts),
        context.payments_before(facts),
        context.products,
        promise.time_zone,
    )


@dataclass(slots=True)
class _Part:
    """What one creator has of an order, as it comes about."""

    program_id: str
    terms_version: int
    currency: str
    matures_at: datetime
    counted: Counted | None
    earned: int = 0
    net: int = 0
    revenue: int = 0
    recruited: int = 0


class _Work:
    """From the lines to what each creator has: capped, adjusted, and recruiters' shares of that, in that order."""

    def __init__(
        self,
        facts: OrderFacts,
        context: Context,
        credited: Credit,
        terms: Mapping[TermsKey, Terms],
        lines: Sequence[LinePart],
    ) -> None:
        self._facts, self._context, self._terms = facts, context, terms
        self._parts: dict[str, _Part] = {}
        self.off: dict[str, int] = {}
        self.recruited: list[Recruited] = []
        self.adjusted: dict[str, Adjusted] = {}
        for share in credited.everyone:
            self._parts[share.creator_id] = self._part(share.program_id, share.terms_version)
        for line in lines:
            if line.creator_id is not None:
                part = self._parts[line.creator_id]
                part.earned, part.net = part.earned + line.commission, part.net + line.kept_commission
        for creator, revenue in _revenues(credited, lines).items():
            self._parts[creator].revenue = revenue

    def cap(self) -> None:
        """Holds each program's part of the order to its cap; a cap in another currency says nothing.

        A refund first takes what the cap had cut off: of what is left nobody has more than before, nor than it earns
        alone.
        """
        for version in {(part.program_id, part.terms_version): None for part in self._parts.values()}:
            cap = self._terms[version].commission.cap_per_order
            parts = {
                creator: part
                for creator, part in self._parts.items()
                if (part.program_id, part.terms_version) == version and cap and part.currency == cap.currency
            }
            whole = [part.earned for part in parts.values()]
            most = min(cap.amount, sum(whole)) if cap else 0
            for (creator, part), left in zip(parts.items(), split(most, whole), strict=True):
                if left < part.earned:
                    self.off[creator] = part.earned - left
                part.earned, part.net = left, min(left, part.net)

    def recruit(self) -> None:
        """Gives whoever recruited a creator their share on top, if they were active in the same program themselves."""
        for creator, part in list(self._parts.items()):
            member = self._context.members.get((creator, part.program_id), Membership())
            promise = self._terms[part.program_id, part.terms_version]
            offer, recruiter = promise.commission.recruiter, member.recruiter_id
            if offer is None or recruiter is None or not part.earned:
                continue
            if self._is_barred(member, offer, promise.time_zone):
                continue
            own = self._parts.setdefault(recruiter, self._beside(part))
            if own.currency != part.currency or recruiter in self.adjusted:
                continue
            given = [divide_half_up(amount * offer.bps, BPS_WHOLE) for amount in (part.earned, part.net)]
            self.recruited.append(Recruited(recruiter, creator, offer.bps, *given))
        for share in self.recruited:
            own = self._parts[share.creator_id]
            own.earned, own.net = own.earned + share.earned, own.net + share.net
            own.recruited += share.net

    def adjust(self) -> None:
        """Sets what the brand has set: all that the creator has of the order, whatever came of it besides."""
        for creator, decision in sorted(self._facts.adjustments.items()):
            part = self._parts.get(creator)
            if part is None:
                [touch] = self._context.touches.get(named_key(decision), (None,))
                if touch is None or touch.program_id is None or touch.terms_version is None:
                    continue
                part = self._parts[creator] = self._beside(self._part(touch.program_id, touch.terms_version))
            self.adjusted[creator] = Adjusted(decision, part.net, part.currency)
            if decision.currency not in (None, part.currency):
                part.currency, part.earned = decision.currency or part.currency, 0
            part.net = decision.amount or 0
            part.earned = max(part.earned, part.net)

    def earnings(self, *, held: bool, taken_back: bool) -> tuple[Earning, ...]:
        """What each creator has, sorted; all of it taken back where the order is off."""
        return tuple(
            Earning(
                creator_id=creator,
                program_id=part.program_id,
                terms_version=part.terms_version,
                currency=part.currency,
                earned=part.earned,
                reversed=part.earned if taken_back else part.earned - part.net,
                matures_at=part.matures_at,
                held=held,
                counted=part.counted,
                revenue=part.revenue,
                recruited=0 if taken_back else part.recruited,
            )
            for creator, part in sorted(self._parts.items())
        )

    def _part(self, program_id: str, terms_version: int) -> _Part:
        snapshot, promise = self._facts.snapshot, self._terms[program_id, terms_version]
        if snapshot is None:
            raise ValueError("nothing is known of the order")
        placed_at = snapshot.placed_at
        return _Part(
            program_id,
            terms_version,
            promise.convert_to or snapshot.currency,
            matures_at(placed_at, promise.hold_days),
            Counted(program_id, terms_version, calendars.month(placed_at, promise.time_zone)),
        )

    def _beside(self, part: _Part) -> _Part:
        """What a recruiter has, or is given, of an order that is no sale of theirs: it counts for no cap or bonus."""
        return replace(part, counted=None, earned=0, net=0, revenue=0)

    def _is_barred(self, member: Membership, offer: Recruiter, zone: str) -> bool:
        snapshot, since = self._facts.snapshot, member.recruited_at
        if member.recruiter_barred or snapshot is None or since is None:
            return True
        if not {*snapshot.customers, *snapshot.former_customers}.isdisjoint(member.recruiter_persons):
            return True
        return offer.months is not None and snapshot.placed_at >= calendars.months_later(since, offer.months, zone)


def _revenues(credited: Credit, lines: Sequence[LinePart]) -> dict[str, int]:
    """What is kept of the lines that earn each creator anything, by their share of them, in what they earn."""
    weights = {share.creator_id: share.weight for share in credited.shares}
    whole = sum(weights.values()) or 1
    kept: dict[str, int] = {}
    rates: dict[str, tuple[int, int]] = {}
    for line in lines:
        if line.share is None or line.case is None or not line.commission:
            continue
        together = credited.on(line.rating.basis.line) is credited.shares
        weight = weights[line.share.creator_id] if together else whole
        kept[line.share.creator_id] = kept.get(line.share.creator_id, 0) + line.rating.basis.kept_base * weight
        rates[line.share.creator_id] = line.case.rate
    return {
        creator: divide_half_up(amount * rates[creator][0], whole * rates[creator][1])
        for creator, amount in kept.items()
    }


def _why_nothing(facts: OrderFacts, snapshot: Snapshot, context: Context, credited: Credit, base: int) -> list[str]:
    causes = {
        "test_order": _is_test(snapshot, context),
        "shadow": facts.shadowed,
        "no_credit": not credited.everyone,
        "nothing_commissionable": base == 0,
        "not_paid": snapshot.lifecycle is Lifecycle.OPEN or not snapshot.paid,
    }
    return [cause for cause, holds in causes.items() if holds]


def _why_none_of_it(lines: Sequence[LinePart], terms: Mapping[TermsKey, Terms]) -> list[str]:
    if any(line.rating.rule is not None for line in lines):
        return []
    for line in lines:
        if line.share is None or line.case is None:
            continue
        promise = terms[line.share.program_id, line.share.terms_version].commission
        if line.case.passed_limit(promise):
            return ["recurring_limit"]
        if commission.leaves_to_platform(promise, line.case.snapshot):
            return ["platform_pays"]
    return ["no_rule"]


def _why_taken_back(facts: OrderFacts, snapshot: Snapshot) -> list[str]:
    causes = {"cancelled": _is_cancelled(facts, snapshot), "rejected": facts.decision("reject") is not None}
    return [cause for cause, holds in causes.items() if holds]


def _why_held(facts: OrderFacts, snapshot: Snapshot) -> list[str]:
    causes = {
        "held": facts.held,
        "refund_currency": bool(commission.unclear_refunds(facts, snapshot)),
        "disputed": any(dispute.status == "open" for dispute in facts.disputes),
    }
    return [cause for cause, holds in causes.items() if holds]


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

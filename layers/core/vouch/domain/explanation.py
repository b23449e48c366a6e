"""Why an order earned whom what: a settlement laid open, from its candidates over its lines to what each creator has.

Nothing is decided here. Whatever a settlement leaves out because sums do not need it (the rules that were passed over,
what the brand said and when, what a refund came to) is looked up again in the same facts, context and terms.

A creator sees their own part: their evidence and what became of it, their lines, their steps, and the brand's decisions
as far as these are about them. Hidden are all others (with whom and with how many the order is shared, and what led to
them), the brand's own words (reasons, actors), refunds, disputes, and the customer, except for what set their amounts.
Who is credited no longer, but has a commission of the order on their account, sees that and why it was taken back.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from vouch.domain import commission, volumes
from vouch.domain.attribution import Candidate, Outcome, Share, TermsKey, TouchKind
from vouch.domain.commission import Basis, Case, Rating
from vouch.domain.context import Context, Membership
from vouch.domain.errors import NotFound
from vouch.domain.facts import (
    Decision,
    DisputeStatus,
    Lifecycle,
    OrderFacts,
    Refund,
    Verdict,
)
from vouch.domain.money import BPS_WHOLE, Money
from vouch.domain.rates import Rate
from vouch.domain.settlement import Adjusted, Earning, LinePart, OrderStatus, Recruited, Settlement
from vouch.domain.terms import (
    Attribution,
    Base,
    Commission,
    Level,
    Match,
    PeriodCap,
    Recurring,
    Reward,
    Rule,
    Terms,
    VolumeMeasure,
)

StepKind = Literal["lines", "cap_per_order", "recruited", "taken_back", "adjusted", "former"]
Cause = Literal[
    "refunds", "refunded", "dispute_lost", "adjusted", "cancelled", "rejected", "reassigned", "credited_otherwise"
]
"""Why something was taken back: by refunds, since the platform calls all of the order refunded, … `adjusted`: the brand
set the commission of whom the creator had recruited. By the latter two the creator is credited no longer: since the
brand gave the order to another, or by what is known of it now.
"""
RefundOutcome = Literal["counted", "failed", "unclear", "approved"]
"""`unclear` is in a currency that is not the order's, and `approved` is such a one that the brand lets pass."""
KnownBy = Literal["platform", "register"]
Condition = Literal[
    "skus",
    "product_ids",
    "collections",
    "tags",
    "creator_ids",
    "creator_tiers",
    "countries",
    "platforms",
    "customer",
    "order_min",
    "order_max",
]
"""What a rule can ask, as the terms name it."""
LINES_MOST = 5_000
"""Of lines, each shared by ten creators, there may be more than anybody can be shown."""
NOBODY_KNOWS = ("tags_unknown", "collections_unknown", "customer_unknown", "rate_missing")
"""Why there was no telling whether a rule matches."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A candidate, and what became of it.

    Of one that lost, `beaten_by` is what came before it, and `limit` what time it ran out of: the days of the window,
    or the months of a tie. `nearly_all`: its share is rounded to all, and others have the rest. Whom a platform itself
    names it may pay itself: its `platform_commission` is on no account here.
    """

    creator_id: str | None
    program_id: str | None
    terms_version: int | None
    kind: TouchKind
    at: datetime | None
    evidence: str
    outcome: Outcome
    reason: str | None
    share_bps: int | None
    lines: tuple[str, ...] = ()
    beaten_by: TouchKind | None = None
    limit: int | None = None
    nearly_all: bool = False
    platform_commission: Money | None = None


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A rule before the one that matched, and the first thing that kept it from the line (`commission.mismatch`)."""

    rule: int
    condition: str


@dataclass(frozen=True, slots=True)
class ExplainedLine:
    """What a line earned a creator. `whole` is what it earns before it is shared, `level` what set the rate by volume.

    `price` is what the buyer pays for it: after discounts, with tax. `reason` says why a line earns nothing; `met` is
    what the rule asked, and what it found.
    """

    creator_id: str | None
    program_id: str | None
    terms_version: int | None
    basis: Basis
    price: int
    currency: str
    rule: int | None
    reward: Reward | None
    level: Level | None
    met: tuple[tuple[Condition, str | Money], ...]
    passed_over: tuple[PassedOver, ...]
    reason: str | None
    whole: int
    commission: int
    kept_commission: int


@dataclass(frozen=True, slots=True)
class Step:
    """One step on the way from a creator's lines to their net; the `amount` is signed, and all of them sum to the net.

    `most` is the cap that cut; `creator_id` and `bps` are whom the creator had recruited, and their share in it;
    `before`, `after`, `at`, `actor` and `reason` are of an adjustment. One in another currency than all before it takes
    its place: then it is the first step. Of who is credited no longer the first is what was earned until then.
    """

    kind: StepKind
    amount: int
    causes: tuple[Cause, ...] = ()
    most: Money | None = None
    creator_id: str | None = None
    bps: int | None = None
    before: Money | None = None
    after: Money | None = None
    at: datetime | None = None
    actor: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Subscribed:
    """Which payment of its subscription the order is, when that began, and for how long it earns."""

    payment: int
    begun: datetime
    limit: Recurring


@dataclass(frozen=True, slots=True)
class Volume:
    """What the creator came to in the period that counts (`2026-03`), by the measure of the terms' tiers."""

    value: int
    measure: VolumeMeasure
    period: str


@dataclass(frozen=True, slots=True)
class Part:
    """One creator's part of the order, and what was known of them when it was placed.

    `share_bps` is of what no product tie took, `lines` is how many the creator has a share in, and `lines_commission`
    what these come to; `cut_already` is what refunds took of that, but the cap had cut (0 where the brand has set it).
    What sets or limits what lines earn is nothing to who has none: the `rate` (the fixing by which the order's currency
    became theirs), the volume, the subscription, a cap per period.
    """

    creator_id: str
    program_id: str
    terms_version: int
    currency: str
    share_bps: int | None
    lines: int
    lines_commission: Money
    cut_already: int
    steps: tuple[Step, ...]
    net: int
    held: bool
    hold_until: datetime
    tier: str | None
    rate: Rate | None = None
    volume: Volume | None = None
    subscribed: Subscribed | None = None
    cap_per_period: PeriodCap | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """A decision; `in_force` where no later one took its place. The amount is in the currency of the creator's part."""

    kind: Verdict
    at: datetime
    in_force: bool
    creator_id: str | None
    amount: Money | None
    actor: str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Returned:
    """A refund: the amounts that it says, None where it names items alone, and how many items it names."""

    id: str
    at: datetime
    outcome: RefundOutcome
    amount: Money | None
    items: int


@dataclass(frozen=True, slots=True)
class Contested:
    """A dispute; no amount is all of the order. `unclear`: lost, in a currency that is not the order's."""

    id: str
    at: datetime
    status: DisputeStatus
    amount: Money | None
    unclear: bool


@dataclass(frozen=True, slots=True)
class Customer:
    """Whether this was the customer's first order, and who says so; None where nobody knows."""

    new: bool | None
    known_by: KnownBy | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """All of it. `viewer` is the creator to whose part it is cut, None for the brand.

    `former` are apart from the `parts`: whether somebody ever was credited depends on what came when.
    The terms are the heaviest share's, or the viewer's own; `hold_until` is the latest of the parts'. `policy` says how
    what product ties left is shared (`tied`: they took lines), and `policy_is_own` whether these terms say so, too. Of
    `lines_total` lines there may be fewer here. `unknown` is what rules ask and nobody has said (`NOBODY_KNOWS`).
    `customer` is None where there is no order yet, or where it is no business of the viewer's.
    """

    viewer: str | None
    status: OrderStatus
    reason: str | None
    placed_at: datetime | None
    currency: str | None
    time_zone: str
    program_id: str | None
    terms_version: int | None
    hold_until: datetime | None
    shared: bool
    tied: bool
    policy: Attribution | None
    policy_is_own: bool
    claims: tuple[Claim, ...]
    lines: tuple[ExplainedLine, ...]
    lines_total: int
    parts: tuple[Part, ...]
    former: tuple[Part, ...]
    decisions: tuple[Said, ...]
    refunds: tuple[Returned, ...]
    disputes: tuple[Contested, ...]
    customer: Customer | None
    unknown: tuple[str, ...]


def explain(
    facts: OrderFacts,
    context: Context,
    terms: Mapping[TermsKey, Terms],
    settlement: Settlement,
    *,
    former: Sequence[Earning] = (),
    viewer: str | None = None,
    lines_most: int = LINES_MOST,
) -> Explanation:
    """Lays open the settlement of these facts, with `lines_most` of its lines, for the brand or for one creator.

    `former` is what those had of the order who have a commission of it, but are credited no longer. Raises NotFound for
    a creator who is no candidate of the order and has nothing of it, nor ever had.
    """
    concerned = {candidate.touch.creator_id for candidate in settlement.candidates}
    concerned |= {earning.creator_id for earning in (*settlement.earnings, *former)}
    if viewer is not None and viewer not in concerned:
        raise NotFound
    case = _Telling(facts, context, terms, settlement)
    own = [line for line in settlement.lines if viewer in (None, line.creator_id)]
    lines = tuple(case.line(line) for line in own[:lines_most])
    lead, snapshot = settlement.lead, facts.snapshot
    whole = Explanation(
        viewer=viewer,
        status=settlement.status,
        reason=settlement.reason,
        placed_at=snapshot.placed_at if snapshot else None,
        currency=settlement.currency,
        time_zone=case.time_zone(lead),
        program_id=lead.program_id if lead else None,
        terms_version=lead.terms_version if lead else None,
        hold_until=max((earning.matures_at for earning in settlement.earnings), default=None),
        shared=len({line.creator_id for line in settlement.lines if line.share}) > 1,
        tied=any(candidate.lines for candidate in settlement.candidates),
        policy=settlement.policy,
        policy_is_own=lead is not None and terms[lead.program_id, lead.terms_version].attribution == settlement.policy,
        claims=tuple(case.claims()),
        lines=lines,
        lines_total=len(own),
        parts=tuple(case.part(earning) for earning in settlement.earnings),
        former=tuple(case.former(earning) for earning in former),
        decisions=tuple(case.decisions()),
        refunds=tuple(case.refunds()),
        disputes=tuple(case.disputes()),
        customer=case.customer(),
        unknown=_unknown(lines),
    )
    return whole if viewer is None else _cut(whole, viewer, terms)


def _unknown(lines: Iterable[ExplainedLine]) -> tuple[str, ...]:
    found = {passed.condition for line in lines for passed in line.passed_over}
    return tuple(condition for condition in NOBODY_KNOWS if condition in found)


# --- a creator's own part -------------------------------------------------------------------------------------------


def _cut(whole: Explanation, viewer: str, terms: Mapping[TermsKey, Terms]) -> Explanation:
    """Names each thing that stays, so that whatever is added to an explanation is hidden until somebody says it is not.

    `lines` are the viewer's already.
    """
    claims = tuple(claim for claim in whole.claims if claim.creator_id == viewer)
    part = next((part for part in whole.parts if part.creator_id == viewer), None)
    former = tuple(part for part in whole.former if part.creator_id == viewer)
    others: tuple[Part | Claim, ...] = (*former, *claims)
    own = part or others[0]
    program_id, version = own.program_id, own.terms_version
    known = terms.get((program_id or "", version or 0))
    asked: set[str] = {condition for line in whole.lines for condition, _ in line.met}
    asked |= {passed.condition for line in whole.lines for passed in line.passed_over}
    return Explanation(
        viewer=viewer,
        status=whole.status,
        reason=whole.reason if part or whole.reason == "no_credit" else None,
        placed_at=whole.placed_at,
        currency=whole.currency,
        time_zone=known.time_zone if known else whole.time_zone,
        program_id=program_id,
        terms_version=version,
        hold_until=part.hold_until if part else None,
        shared=whole.shared and bool(whole.lines),
        tied=whole.tied,
        policy=whole.policy,
        policy_is_own=known is not None and known.attribution == whole.policy,
        claims=claims,
        lines=whole.lines,
        lines_total=whole.lines_total,
        parts=() if part is None else (replace(part, steps=tuple(_own_step(step) for step in part.steps)),),
        former=former,
        decisions=tuple(_own_words(said, viewer) for said in whole.decisions if _is_about(said, viewer, part)),
        refunds=(),
        disputes=(),
        customer=whole.customer if {"customer", "customer_unknown"} & asked else None,
        unknown=whole.unknown,
    )


def _own_step(step: Step) -> Step:
    """Without whom they recruited, whose commission their rate would tell, and without the brand's own words."""
    return replace(step, creator_id=None, bps=None, actor=None, reason=None)


def _is_about(said: Said, viewer: str, part: Part | None) -> bool:
    """Who has no part of the order need only know why: since the brand gave it to another."""
    match said.kind:
        case "adjust":
            return said.creator_id == viewer
        case "reassign":
            return True
        case _:
            return part is not None


def _own_words(said: Said, viewer: str) -> Said:
    """That the brand gave the order to another is their business, to whom is not."""
    return replace(said, creator_id=viewer if said.creator_id == viewer else None, actor=None, reason=None)


# --- the whole ------------------------------------------------------------------------------------------------------


class _Telling:
    """One order, asked again for what its settlement does not keep."""

    def __init__(
        self, facts: OrderFacts, context: Context, terms: Mapping[TermsKey, Terms], settlement: Settlement
    ) -> None:
        self._facts, self._context, self._terms, self._settlement = facts, context, terms, settlement
        self._earns = any(line.commission for line in settlement.lines)
        self._goods: dict[Base, int] = {}
        # By creator, once for all of them: there may be thousands.
        self._lines: Counter[str | None] = Counter(line.creator_id for line in settlement.lines)
        self._sums: Counter[str | None] = Counter()
        self._gone: Counter[str | None] = Counter()
        for line in settlement.lines:
            self._sums[line.creator_id] += line.commission
            self._gone[line.creator_id] += line.commission - line.kept_commission
        self._shares: dict[str | None, int] = {}
        for candidate in settlement.candidates:
            if candidate.share_bps is not None:
                creator = candidate.touch.creator_id
                self._shares[creator] = self._shares.get(creator, 0) + candidate.share_bps

    def time_zone(self, share: Share | None) -> str:
        """Where the program is at home."""
        return self._terms[share.program_id, share.terms_version].time_zone if share else "UTC"

    def claims(self) -> Iterator[Claim]:
        """Every candidate, in the order in which they were looked at."""
        winners = [each for each in self._settlement.candidates if each.share_bps is not None]
        winner = max(winners, key=lambda each: each.share_bps or 0, default=None)
        for candidate in self._settlement.candidates:
            touch = candidate.touch
            yield Claim(
                creator_id=touch.creator_id,
                program_id=touch.program_id,
                terms_version=touch.terms_version,
                kind=touch.kind,
                at=self._moment(candidate),
                evidence=touch.evidence,
                outcome=candidate.outcome,
                reason=candidate.reason,
                share_bps=candidate.share_bps,
                lines=candidate.lines,
                beaten_by=_beaten_by(candidate, winner),
                limit=self._limit(candidate),
                nearly_all=candidate.share_bps == BPS_WHOLE and len(winners) > 1,
                platform_commission=self._platform_commission(candidate),
            )

    def line(self, part: LinePart) -> ExplainedLine:
        """A creator's part of a line, or a line that is nobody's."""
        share, rating, case = part.share, part.rating, part.case
        promise = self._terms[share.program_id, share.terms_version].commission if share else None
        passed_over, level, met = tuple[PassedOver, ...](), None, tuple[tuple[Condition, str | Money], ...]()
        reason: str | None = "no_credit"
        if promise is not None and case is not None:
            reason = _why_nothing(promise, rating, case)
            if reason in (None, "no_rule", "platform_pays"):
                value = self._value(promise.base)
                passed_over = tuple(_passed_over(promise.rules[: rating.rule], rating.basis, case, value))
            if rating.rule is not None:
                rule = promise.rules[rating.rule]
                met = tuple(_met(rule.match, rating.basis, case))
                level = case.level(promise, rule)
        return ExplainedLine(
            creator_id=part.creator_id,
            program_id=share.program_id if share else None,
            terms_version=share.terms_version if share else None,
            basis=rating.basis,
            price=self._price(rating.basis),
            currency=case.currency if case else self._settlement.currency or "",
            rule=rating.rule,
            reward=rating.reward,
            level=level,
            met=met,
            passed_over=passed_over,
            reason=reason,
            whole=rating.commission if self._earns else 0,
            commission=part.commission,
            kept_commission=part.kept_commission,
        )

    def part(self, earning: Earning) -> Part:
        """What a creator has of the order, step by step."""
        member = self._context.members.get((earning.creator_id, earning.program_id), Membership())
        terms = self._terms[earning.program_id, earning.terms_version]
        adjusted = self._settlement.adjusted.get(earning.creator_id)
        part = Part(
            creator_id=earning.creator_id,
            program_id=earning.program_id,
            terms_version=earning.terms_version,
            currency=earning.currency,
            share_bps=self._shares.get(earning.creator_id),
            lines=self._lines[earning.creator_id],
            lines_commission=Money(self._sums[earning.creator_id], adjusted.currency if adjusted else earning.currency),
            cut_already=0 if adjusted else self._cut_already(earning.creator_id),
            steps=tuple(self._steps(earning, terms)),
            net=earning.net,
            held=earning.held,
            hold_until=earning.matures_at,
            tier=member.tier,
        )
        if not part.lines:
            return part
        return replace(
            part,
            rate=self._context.rates.get((self._settlement.currency or "", earning.currency)),
            volume=self._volume(member, terms),
            subscribed=self._subscribed(terms),
            cap_per_period=terms.commission.cap_per_period,
        )

    def former(self, earning: Earning) -> Part:
        """What a creator had of the order who is credited no longer: all of it taken back."""
        cause: Cause = "reassigned" if self._facts.decision("reassign") else "credited_otherwise"
        steps = Step("former", earning.earned), Step("taken_back", -earning.earned, (cause,))
        return Part(
            creator_id=earning.creator_id,
            program_id=earning.program_id,
            terms_version=earning.terms_version,
            currency=earning.currency,
            share_bps=None,
            lines=0,
            lines_commission=Money(0, earning.currency),
            cut_already=0,
            steps=steps if earning.earned else (),
            net=0,
            held=False,
            hold_until=earning.matures_at,
            tier=None,
        )

    def decisions(self) -> Iterator[Said]:
        """Every decision, the oldest first."""
        events = [event for event in self._facts.events.values() if isinstance(event, Decision)]
        currencies = {earning.creator_id: earning.currency for earning in self._settlement.earnings}
        for event in sorted(events, key=Decision.newness):
            currency = event.currency or currencies.get(event.creator_id or "")
            amount = None if event.amount is None or currency is None else Money(event.amount, currency)
            in_force = self._is_in_force(event)
            names = event.creator_id, amount
            yield Said(event.verdict, event.updated_at, in_force, *names, event.actor, event.reason)

    def refunds(self) -> Iterator[Returned]:
        """Every refund, whatever became of it, by id."""
        snapshot, currency = self._facts.snapshot, self._settlement.currency
        unclear = set(commission.unclear_refunds(self._facts, snapshot)) if snapshot else set[Refund]()
        found = [event for event in self._facts.events.values() if isinstance(event, Refund)]
        for refund in sorted(found, key=lambda refund: refund.id):
            amounts = [part.amount for part in refund.lines if part.amount is not None]
            amounts += [refund.amount] if refund.amount else []
            said_in = refund.currency or currency
            outcome: RefundOutcome = "unclear" if refund in unclear else "counted"
            if outcome == "counted" and snapshot and not refund.is_in(snapshot.currency) and amounts:
                outcome = "approved"
            yield Returned(
                id=refund.id,
                at=refund.updated_at,
                outcome="failed" if self._facts.undone(refund) else outcome,
                amount=Money(sum(amounts), said_in) if amounts and said_in else None,
                items=sum(part.quantity for part in refund.lines),
            )

    def disputes(self) -> Iterator[Contested]:
        """Every dispute, by id."""
        snapshot = self._facts.snapshot
        unclear = set(commission.unclear_refunds(self._facts, snapshot)) if snapshot else set[Refund]()
        for dispute in self._facts.disputes:
            said_in = dispute.currency or self._settlement.currency
            amount = None if dispute.amount is None or said_in is None else Money(dispute.amount, said_in)
            lost_unclear = dispute.status == "lost" and dispute.as_refund() in unclear
            yield Contested(dispute.id, dispute.updated_at, dispute.status, amount, lost_unclear)

    def customer(self) -> Customer | None:
        """What is known of the one who bought."""
        snapshot = self._facts.snapshot
        if snapshot is None:
            return None
        new = self._context.customer_new(self._facts)
        known_by: KnownBy = "register" if snapshot.customer_new is None else "platform"
        return Customer(new, None if new is None else known_by)

    # --- of a candidate ----------------------------------------------------------------------------------------------

    def _moment(self, candidate: Candidate) -> datetime | None:
        """A code and a platform's word are said with the order, a decision when it was taken."""
        touch, snapshot, given = candidate.touch, self._facts.snapshot, self._facts.decision("reassign")
        if touch.kind in ("code", "platform"):
            return snapshot.placed_at if snapshot else None
        return given.updated_at if touch.kind == "decision" and given else touch.at

    def _limit(self, candidate: Candidate) -> int | None:
        touch = candidate.touch
        terms = self._terms.get((touch.program_id or "", touch.terms_version or 0))
        if terms is None:
            return None
        if candidate.reason == "outside_window":
            return terms.attribution.window_days
        tie = terms.attribution.customer_tie
        return tie.months if candidate.reason == "tie_expired" and tie else None

    def _platform_commission(self, candidate: Candidate) -> Money | None:
        touch, snapshot = candidate.touch, self._facts.snapshot
        if touch.kind != "platform" or snapshot is None:
            return None
        paid = (each.amount for each in snapshot.platform_commissions if each.handle == touch.evidence)
        amount = next(paid, None)
        return None if amount is None else Money(amount, snapshot.currency)

    # --- of a line ---------------------------------------------------------------------------------------------------

    def _price(self, basis: Basis) -> int:
        snapshot, line = self._facts.snapshot, basis.line
        if snapshot is None:
            raise ValueError("nothing is known of the order")
        if line is None:
            amount, tax = snapshot.shipping, snapshot.shipping_tax
        else:
            amount, tax = line.quantity * line.unit_price - line.discount, line.tax
        return amount if snapshot.tax_included else amount + tax

    def _value(self, options: Base) -> int:
        snapshot = self._facts.snapshot
        if options not in self._goods and snapshot is not None:
            self._goods[options] = commission.goods(commission.bases(self._facts, snapshot, options))
        return self._goods[options]

    # --- of a creator's part -----------------------------------------------------------------------------------------

    def _cut_already(self, creator: str) -> int:
        return min(self._settlement.off.get(creator, 0), self._gone[creator])

    def _steps(self, earning: Earning, terms: Terms) -> Iterator[Step]:
        creator, whole = earning.creator_id, self._settlement
        lines = self._sums[creator]
        cut = whole.off.get(creator, 0)
        recruited = [share for share in whole.recruited if share.creator_id == creator and share.earned]
        earned = lines - cut + sum(share.earned for share in recruited)
        adjusted = whole.adjusted.get(creator)
        if adjusted is None or adjusted.currency == earning.currency:
            yield Step("lines", lines)
            if cut:
                yield Step("cap_per_order", -cut, most=terms.commission.cap_per_order)
            yield from (_recruited(share) for share in recruited)
        if adjusted is None:
            yield from self._taken_back(creator, earned - earning.net, wholly=earning.net == 0)
            return
        if adjusted.currency == earning.currency:
            gone = adjusted.before == 0
            yield from self._taken_back(creator, earned - adjusted.before, wholly=gone, by_hand=False)
        yield _adjusted(adjusted, earning.currency)
        yield from self._taken_back(creator, (adjusted.decision.amount or 0) - earning.net, wholly=True)

    def _taken_back(self, creator: str, amount: int, *, wholly: bool, by_hand: bool = True) -> Iterator[Step]:
        """What the order's fate took; `by_hand`: the brand's rejection, too, which comes after all else."""
        if amount:
            causes = tuple(self._causes(creator, wholly=wholly, by_hand=by_hand))
            yield Step("taken_back", -amount, causes)

    def _causes(self, creator: str, *, wholly: bool, by_hand: bool) -> Iterator[Cause]:
        facts, snapshot, whole = self._facts, self._facts.snapshot, self._settlement
        stage = snapshot.lifecycle if snapshot else Lifecycle.OPEN
        if wholly and (facts.cancelled or stage is Lifecycle.CANCELLED):
            yield "cancelled"
        elif wholly and by_hand and facts.decision("reject") is not None:
            yield "rejected"
        elif wholly and stage is Lifecycle.REFUNDED:
            yield "refunded"
        else:
            if facts.refunds:
                yield "refunds"
            if any(dispute.status == "lost" for dispute in facts.disputes):
                yield "dispute_lost"
            if any(share.creator_id == creator and share.recruited_id in whole.adjusted for share in whole.recruited):
                yield "adjusted"

    def _volume(self, member: Membership, terms: Terms) -> Volume | None:
        snapshot, tiers = self._facts.snapshot, terms.commission.tiers
        if snapshot is None or tiers is None or member.volume is None:
            return None
        period = volumes.counting(tiers.period, snapshot.placed_at, terms.time_zone)
        return Volume(member.volume, tiers.measure, period.name)

    def _subscribed(self, terms: Terms) -> Subscribed | None:
        snapshot, limit = self._facts.snapshot, terms.commission.recurring
        if snapshot is None or snapshot.subscription is None or limit is None:
            return None
        payment = self._context.payments_before(self._facts) + 1
        return Subscribed(payment, snapshot.subscribed_at or snapshot.placed_at, limit)

    def _is_in_force(self, said: Decision) -> bool:
        match said.verdict:
            case "adjust":
                return said.creator_id is not None and self._facts.adjustments.get(said.creator_id) == said
            case "hold" | "approve":
                return self._facts.held == (said.verdict == "hold") and self._facts.decision(said.verdict) == said
            case _:
                return self._facts.decision(said.verdict) == said


def _beaten_by(candidate: Candidate, winner: Candidate | None) -> TouchKind | None:
    if candidate.reason not in ("lower_priority", "model_share_zero"):
        return None
    if candidate.touch.kind == "product":
        return "product"
    return winner.touch.kind if winner else None


def _passed_over(rules: Sequence[Rule], basis: Basis, case: Case, value: int) -> Iterator[PassedOver]:
    for number, rule in enumerate(rules):
        condition = commission.mismatch(rule, basis, case, value)
        if condition is not None:
            yield PassedOver(number, condition)


def _met(match: Match, basis: Basis, case: Case) -> Iterator[tuple[Condition, str | Money]]:
    """What the rule asked, with what was found: of lists the one value that is there, not what else would have done."""
    line, snapshot = basis.line, case.snapshot
    tags, collections = commission.labels(line, case.products)[:2]
    found: tuple[tuple[Condition, frozenset[str], Iterable[str | None]], ...] = (
        ("skus", match.skus, (line.sku,) if line else ()),
        ("product_ids", match.product_ids, (line.product_id,) if line else ()),
        ("collections", match.collections, collections),
        ("tags", match.tags, tags),
        ("creator_ids", match.creator_ids, (case.creator_id,)),
        ("creator_tiers", match.creator_tiers, (case.member.tier,)),
        ("countries", match.countries, (snapshot.country,)),
        ("platforms", match.platforms, (snapshot.platform,)),
    )
    for name, wanted, values in found:
        yield from ((name, value) for value in [value for value in values if value in wanted][:1] if value)
    if match.customer is not None:
        yield "customer", match.customer
    if match.order_min is not None:
        yield "order_min", match.order_min
    if match.order_max is not None:
        yield "order_max", match.order_max


def _why_nothing(promise: Commission, rating: Rating, case: Case) -> str | None:
    line = rating.basis.line
    if rating.basis.base == 0:
        return "gift_card" if line is not None and line.gift_card else "nothing_commissionable"
    if rating.rule is not None:
        return None
    if case.passed_limit(promise):
        return "recurring_limit"
    return "platform_pays" if commission.leaves_to_platform(promise, case.snapshot) else "no_rule"


def _recruited(share: Recruited) -> Step:
    return Step("recruited", share.earned, creator_id=share.recruited_id, bps=share.bps)


def _adjusted(adjusted: Adjusted, currency: str) -> Step:
    decision = adjusted.decision
    before, after = Money(adjusted.before, adjusted.currency), Money(decision.amount or 0, currency)
    return Step(
        "adjusted",
        after.amount - (before.amount if before.currency == currency else 0),
        before=before,
        after=after,
        at=decision.updated_at,
        actor=decision.actor,
        reason=decision.reason,
    )

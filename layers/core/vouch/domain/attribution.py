"""Who is credited with an order: every touch is weighed, and each that loses is told why.

A touch stands if its creator was active in its program when the order was placed and is not the buyer, if it lies in
that program's window, and, being a code that this program trusts only beside a click, if a click of its creator stands
too. Priority is stable: codes in the order in which the order lists them, then whom the platform itself names, then
clicks, the newest first, ties by id. The customer's own creator comes last of all, or first where that program says so.
Of what stands, the first in priority decides by its program which touches share and by which model, and each creator's
first decides by whose terms they are rated, whichever of their touches the model credits.

Beside that, a product tie takes its own lines from whoever has the rest, who loses where none are left; and where the
brand gave the order to somebody, nothing else counts.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal, localcontext
from typing import Literal

from vouch.domain.calendars import months_later
from vouch.domain.clicks import ORDER_CLOCK_SLACK
from vouch.domain.facts import Line, Snapshot
from vouch.domain.money import BPS_WHOLE, split
from vouch.domain.terms import Attribution, Terms

TouchKind = Literal["click", "code", "platform", "customer", "product", "decision"]
Outcome = Literal["credited", "shared", "lost"]
TermsKey = tuple[str, int]
"""A program's id and the number of its terms version."""

_DECAY_SCALE = 1 << 40
_DECAY_DIGITS = 30
_POSITION_ENDS, _POSITION_MIDDLE = 40, 20
_PRIORITY: tuple[TouchKind, ...] = ("code", "platform", "click", "customer")
_NAMES = ("code", "platform")
"""What names a creator outright, as a policy of codes means it."""


@dataclass(frozen=True, slots=True)
class Touch:
    """Evidence that ties a creator to an order, resolved as of the order's `placed_at` and pinned with it.

    `evidence` is the id of a click or of a visit by message, the code, the handle that the platform named, the product
    or SKU (`sku:MUG-01`), the customer's first order, or the decision (pinned it is whom a decision may name:
    `creator:…`); `persons` are the creator's pseudonyms, should they buy. `problem` says why it names nobody
    (`unknown_click`, `unknown_code`); then the rest is empty. `barred` says what stood in the creator's way on that day
    (`not_enrolled`, `program_paused`, `tie_ended`).
    """

    kind: TouchKind
    evidence: str
    at: datetime | None = None
    creator_id: str | None = None
    program_id: str | None = None
    terms_version: int | None = None
    persons: tuple[str, ...] = ()
    problem: str | None = None
    barred: str | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A touch and what became of it; `lines` are those that a product tie took."""

    touch: Touch
    outcome: Outcome
    reason: str | None = None
    share_bps: int | None = None
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Share:
    """A creator's part of the credit, under the program of the first in priority of their touches that stand."""

    creator_id: str
    program_id: str
    terms_version: int
    weight: int


@dataclass(frozen=True, slots=True)
class Credit:
    """The decision: shares sorted by creator (none where nobody is credited), and every candidate.

    `tied` are the lines that a product tie took, by line id. `origin` is whom the order's own clicks and codes name
    with the largest share: the creator to whom they tie its customer. `policy` is what decided who shares the rest.
    """

    shares: tuple[Share, ...]
    candidates: tuple[Candidate, ...]
    tied: Mapping[str, Share] = field(default_factory=dict)
    origin: Share | None = None
    policy: Attribution | None = None

    def on(self, line: Line | None) -> tuple[Share, ...]:
        """Who shares that line, or what is none (shipping)."""
        if line is None or line.id not in self.tied:
            return self.shares
        return (self.tied[line.id],)

    @property
    def everyone(self) -> tuple[Share, ...]:
        """Each credited creator once, sorted."""
        known = {share.creator_id: share for share in self.tied.values()} | {s.creator_id: s for s in self.shares}
        return tuple(known[creator] for creator in sorted(known))


def credit(
    snapshot: Snapshot, touches: Sequence[Touch], terms: Mapping[TermsKey, Terms], *, only_program: str | None = None
) -> Credit:
    """Credits an order to the creators whose touches stand; `only_program` is what its connection is limited to.

    Of touches of a decision there is one at most: whom the brand gave the order to.
    """
    touches = [touch for touch in touches if _is_meant(touch, terms)]
    reasons = {touch: _refusal(touch, snapshot, terms, only_program) for touch in touches}
    clicked = {touch.creator_id for touch in touches if touch.kind == "click" and reasons[touch] is None}
    for touch in touches:
        if reasons[touch] is None and _lacks_click(touch, terms, clicked):
            reasons[touch] = "needs_click"
    standing = _by_priority((touch for touch in touches if reasons[touch] is None), snapshot, terms)
    own = [touch for touch in standing if touch.kind in ("click", "code")]
    origin = max(_shares(own, _weighed(own, snapshot, terms)), key=lambda share: share.weight, default=None)
    given = [touch for touch in standing if touch.kind == "decision"]
    if given:
        share = _shares(given, {given[0]: 1})
        won = tuple(
            Candidate(touch, "credited", share_bps=BPS_WHOLE)
            if touch in given
            else Candidate(touch, "lost", reasons[touch] or "reassigned")
            for touch in touches
        )
        return Credit(share, won, origin=origin)
    weights = _weighed(standing, snapshot, terms)
    shares = _shares(standing, weights)
    tied = _tied(standing, snapshot)
    lines = {line: share for line, (_, share) in tied.items()}
    if not _is_anything_left(lines, shares, snapshot, terms):
        shares = ()
    together = Credit(shares, (), lines, origin, _deciding(standing, terms))
    return replace(together, candidates=_candidates(touches, reasons, weights, tied, together))


def _candidates(
    touches: Sequence[Touch],
    reasons: Mapping[Touch, str | None],
    weights: Mapping[Touch, int],
    tied: Mapping[str, tuple[Touch, Share]],
    together: Credit,
) -> tuple[Candidate, ...]:
    taken: dict[Touch, list[str]] = {}
    for line, (winner, _) in tied.items():
        taken.setdefault(winner, []).append(line)
    won = [touch for touch in weights if weights[touch] and together.shares]
    weighed = sorted(won, key=lambda touch: touch.creator_id or "")
    bps = dict(zip(weighed, split(BPS_WHOLE, [weights[touch] for touch in weighed]), strict=True))
    outcome: Outcome = "credited" if len(together.everyone) == 1 else "shared"

    def candidate(touch: Touch) -> Candidate:
        lines = tuple(taken.get(touch, ()))
        if touch in bps or lines:
            return Candidate(touch, outcome, share_bps=bps.get(touch), lines=lines)
        beaten = "lower_priority"
        if touch in weights:
            beaten = "product_tied" if weights[touch] else "model_share_zero"
        return Candidate(touch, "lost", reasons[touch] or beaten)

    return tuple(candidate(touch) for touch in touches)


def _is_meant(touch: Touch, terms: Mapping[TermsKey, Terms]) -> bool:
    """Ties are evidence only in a program whose terms know them; elsewhere nobody expects to read of them."""
    if touch.kind not in ("customer", "product"):
        return True
    known = terms.get((touch.program_id or "", touch.terms_version or 0))
    if known is None:
        return False
    return known.attribution.product_ties if touch.kind == "product" else known.attribution.customer_tie is not None


def _refusal(touch: Touch, snapshot: Snapshot, terms: Mapping[TermsKey, Terms], only_program: str | None) -> str | None:
    if touch.problem or touch.barred or touch.kind == "decision":
        return touch.problem or touch.barred
    if only_program is not None and touch.program_id != only_program:
        return "other_program"
    if not {*snapshot.customers, *snapshot.former_customers}.isdisjoint(touch.persons):
        return "self_referral"
    promise = _terms_of(touch, terms)
    if touch.kind == "customer":
        return "tie_expired" if _is_over(touch, promise, snapshot) else None
    return None if touch.at is None else _out_of_time(touch.at, promise.attribution, snapshot)


def _out_of_time(at: datetime, policy: Attribution, snapshot: Snapshot) -> str | None:
    if at > snapshot.placed_at + ORDER_CLOCK_SLACK:
        return "after_order"
    return "outside_window" if at < snapshot.placed_at - policy.window else None


def _is_over(touch: Touch, promise: Terms, snapshot: Snapshot) -> bool:
    tie = promise.attribution.customer_tie
    if tie is None or tie.months is None or touch.at is None:
        return False
    return snapshot.placed_at >= months_later(touch.at, tie.months, promise.time_zone)


def _lacks_click(touch: Touch, terms: Mapping[TermsKey, Terms], clicked: Collection[str | None]) -> bool:
    needed = touch.kind == "code" and _terms_of(touch, terms).attribution.code_policy == "needs_click"
    return needed and touch.creator_id not in clicked


def _by_priority(touches: Iterable[Touch], snapshot: Snapshot, terms: Mapping[TermsKey, Terms]) -> list[Touch]:
    places = {("code", code): place for place, code in enumerate(snapshot.codes)}
    places |= {("platform", handle): place for place, handle in enumerate(snapshot.handles)}

    def priority(touch: Touch) -> tuple[int, int, timedelta, str]:
        rank = _PRIORITY.index(touch.kind) if touch.kind in _PRIORITY else len(_PRIORITY)
        if touch.kind in _NAMES:
            return rank, places.get((touch.kind, touch.evidence), len(places)), timedelta(), touch.evidence
        if touch.kind == "customer" and _goes_first(touch, terms):
            rank = -1
        return rank, 0, snapshot.placed_at - (touch.at or snapshot.placed_at), touch.evidence

    return sorted(touches, key=priority)


def _goes_first(touch: Touch, terms: Mapping[TermsKey, Terms]) -> bool:
    tie = _terms_of(touch, terms).attribution.customer_tie
    return tie is not None and tie.first


def _weighed(standing: Sequence[Touch], snapshot: Snapshot, terms: Mapping[TermsKey, Terms]) -> dict[Touch, int]:
    """The weights of the touches that may share what no product tie takes, as the first of them in priority decides."""
    policy = _deciding(standing, terms)
    if policy is None:
        return {}
    pool = _pool([touch for touch in standing if touch.kind in _PRIORITY], policy)
    return dict.fromkeys(pool, 0) | _weights(pool, policy, snapshot.placed_at)


def _deciding(standing: Sequence[Touch], terms: Mapping[TermsKey, Terms]) -> Attribution | None:
    """The policy of the first in priority; None where no touch is for all of the order."""
    first = next((touch for touch in standing if touch.kind in _PRIORITY), None)
    return _terms_of(first, terms).attribution if first else None


def _pool(standing: Sequence[Touch], policy: Attribution) -> Sequence[Touch]:
    if standing[0].kind == "customer":
        return standing[:1]
    present = [touch for touch in standing if touch.kind != "customer"]
    names = [touch for touch in present if touch.kind in _NAMES]
    return present if policy.code_policy == "joins" else names or present


def _tied(standing: Sequence[Touch], snapshot: Snapshot) -> dict[str, tuple[Touch, Share]]:
    """The lines that product ties take; a SKU says more than the product that it is one of.

    A creator counts once per order: under the program of the first in priority of whatever else of theirs stands.
    """
    ties = {touch.evidence: touch for touch in standing if touch.kind == "product"}
    others = [touch for touch in standing if touch.kind in _PRIORITY]
    programs = {share.creator_id: share for share in _shares(others, dict.fromkeys(others, 1))}
    tied: dict[str, tuple[Touch, Share]] = {}
    for line in snapshot.lines if ties else ():
        touch = next((ties[name] for name in line.names if name in ties), None)
        if touch is None:
            continue
        for share in _shares([touch], {touch: 1}):
            own = programs.setdefault(share.creator_id, share)
            tied[line.id] = touch, replace(own, weight=1)
    return tied


def _is_anything_left(
    tied: Collection[str], shares: Sequence[Share], snapshot: Snapshot, terms: Mapping[TermsKey, Terms]
) -> bool:
    """Whether ties leave a line to those who share the rest, or shipping for which a program of theirs pays."""
    if not tied or any(line.id not in tied for line in snapshot.lines):
        return True
    bases = (terms[share.program_id, share.terms_version].commission.base for share in shares)
    return bool(snapshot.shipping) and any(base.shipping for base in bases)


def _weights(pool: Sequence[Touch], policy: Attribution, placed_at: datetime) -> dict[Touch, int]:
    """Each touch's whole-number weight; `pool` comes in priority, the journey runs the other way.

    A click that clocks put after its order was made at order time, as a code is. Decay counts from the latest touch,
    which changes no proportion and leaves no order to nobody because all of its touches are old.
    """
    ages = {touch: max(placed_at - (touch.at or placed_at), timedelta()) for touch in pool}
    latest_first = sorted(pool, key=lambda touch: ages[touch])
    last = len(latest_first) - 1
    match policy.model:
        case "last":
            return {latest_first[0]: 1}
        case "first":
            return {max(pool, key=lambda touch: ages[touch]): 1}
        case "position" if last > 1:
            ends = _POSITION_ENDS * (last - 1)
            return {t: ends if place in (0, last) else _POSITION_MIDDLE for place, t in enumerate(latest_first)}
        case "time_decay":
            half_life = timedelta(days=policy.half_life_days)
            return {touch: _decayed(ages[touch] - ages[latest_first[0]], half_life) for touch in pool}
        case "linear" | "position":
            return dict.fromkeys(pool, 1)


def _decayed(age: timedelta, half_life: timedelta) -> int:
    """2^(−age / half life) as a whole number of 2^−40; in decimal arithmetic, so that every machine agrees."""
    with localcontext(prec=_DECAY_DIGITS):
        halvings = Decimal(age // timedelta(seconds=1)) / Decimal(half_life // timedelta(seconds=1))
        return int(Decimal(_DECAY_SCALE) / Decimal(2) ** halvings)


def _shares(standing: Iterable[Touch], weights: Mapping[Touch, int]) -> tuple[Share, ...]:
    shares: dict[str, Share] = {}
    for touch in standing:
        creator, program, version = touch.creator_id, touch.program_id, touch.terms_version
        if creator is None or program is None or version is None:
            continue
        known = shares.get(creator, Share(creator, program, version, 0))
        shares[creator] = replace(known, weight=known.weight + weights.get(touch, 0))
    return tuple(shares[creator] for creator in sorted(shares) if shares[creator].weight)


def _terms_of(touch: Touch, terms: Mapping[TermsKey, Terms]) -> Terms:
    return terms[touch.program_id or "", touch.terms_version or 0]

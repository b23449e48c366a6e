"""Who is credited with an order: every touch is weighed, and each that loses is told why.

A touch stands if its creator was active in its program when the order was placed and is not the buyer, if it lies in
that program's window, and, being a code that this program trusts only beside a click, if a click of its creator stands
too. Priority is stable: codes in the order in which the order lists them, then clicks, the newest first, ties by id. Of
what stands, the first in priority decides by its program which touches share and by which model, and each creator's
first decides by whose terms they are rated, whichever of their touches the model credits.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal, localcontext
from typing import Literal

from vouch.domain.clicks import ORDER_CLOCK_SLACK
from vouch.domain.facts import Snapshot
from vouch.domain.money import BPS_WHOLE, split
from vouch.domain.terms import Attribution, Terms

TouchKind = Literal["click", "code"]
Outcome = Literal["credited", "shared", "lost"]
TermsKey = tuple[str, int]
"""A program's id and the number of its terms version."""

_DECAY_SCALE = 1 << 40
_DECAY_DIGITS = 30
_POSITION_ENDS, _POSITION_MIDDLE = 40, 20


@dataclass(frozen=True, slots=True)
class Touch:
    """Evidence that ties a creator to an order, resolved as of the order's `placed_at` and pinned with it.

    `evidence` is the click id or the code; `persons` are the creator's pseudonyms, should they buy. `problem` says why
    it names nobody (`unknown_click`, `unknown_code`); then the rest is empty. `barred` says what stood in the creator's
    way on that day (`not_enrolled`, `program_paused`).
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
    """A touch and what became of it."""

    touch: Touch
    outcome: Outcome
    reason: str | None = None
    share_bps: int | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """A creator's part of the credit, under the program of the first in priority of their touches that stand."""

    creator_id: str
    program_id: str
    terms_version: int
    weight: int


@dataclass(frozen=True, slots=True)
class Credit:
    """The decision: shares sorted by creator (none where nobody is credited), and every candidate."""

    shares: tuple[Share, ...]
    candidates: tuple[Candidate, ...]


def credit(
    snapshot: Snapshot, touches: Sequence[Touch], terms: Mapping[TermsKey, Terms], *, only_program: str | None = None
) -> Credit:
    """Credits an order to the creators whose touches stand; `only_program` is what its connection is limited to."""
    reasons = {touch: _refusal(touch, snapshot, terms, only_program) for touch in touches}
    clicked = {touch.creator_id for touch in touches if touch.kind == "click" and reasons[touch] is None}
    for touch in touches:
        if reasons[touch] is None and _lacks_click(touch, terms, clicked):
            reasons[touch] = "needs_click"
    standing = _by_priority((touch for touch in touches if reasons[touch] is None), snapshot)
    if not standing:
        return Credit((), tuple(Candidate(touch, "lost", reasons[touch]) for touch in touches))
    policy = _terms_of(standing[0], terms).attribution
    pool = _pool(standing, policy)
    weights = _weights(pool, policy, snapshot.placed_at)
    shares = _shares(standing, weights)
    weighed = sorted((touch for touch in weights if weights[touch]), key=lambda touch: touch.creator_id or "")
    bps = dict(zip(weighed, split(BPS_WHOLE, [weights[touch] for touch in weighed]), strict=True))
    outcome: Outcome = "credited" if len(shares) == 1 else "shared"
    return Credit(
        shares,
        tuple(
            Candidate(touch, outcome, share_bps=bps[touch])
            if touch in bps
            else Candidate(touch, "lost", reasons[touch] or _why_not(touch, pool))
            for touch in touches
        ),
    )


def _why_not(touch: Touch, pool: Sequence[Touch]) -> str:
    return "model_share_zero" if touch in pool else "lower_priority"


def _refusal(touch: Touch, snapshot: Snapshot, terms: Mapping[TermsKey, Terms], only_program: str | None) -> str | None:
    if touch.problem or touch.barred:
        return touch.problem or touch.barred
    if only_program is not None and touch.program_id != only_program:
        return "other_program"
    if not {*snapshot.customers, *snapshot.former_customers}.isdisjoint(touch.persons):
        return "self_referral"
    if touch.at is not None and touch.at > snapshot.placed_at + ORDER_CLOCK_SLACK:
        return "after_order"
    if touch.at is not None and touch.at < snapshot.placed_at - _terms_of(touch, terms).attribution.window:
        return "outside_window"
    return None


def _lacks_click(touch: Touch, terms: Mapping[TermsKey, Terms], clicked: Collection[str | None]) -> bool:
    needed = touch.kind == "code" and _terms_of(touch, terms).attribution.code_policy == "needs_click"
    return needed and touch.creator_id not in clicked


def _by_priority(touches: Iterable[Touch], snapshot: Snapshot) -> list[Touch]:
    places = {code: place for place, code in enumerate(snapshot.codes)}

    def priority(touch: Touch) -> tuple[int, int, timedelta, str]:
        if touch.kind == "code":
            return 0, places.get(touch.evidence, len(places)), timedelta(), touch.evidence
        return 1, 0, snapshot.placed_at - (touch.at or snapshot.placed_at), touch.evidence

    return sorted(touches, key=priority)


def _pool(standing: Sequence[Touch], policy: Attribution) -> Sequence[Touch]:
    codes = [touch for touch in standing if touch.kind == "code"]
    return standing if policy.code_policy == "joins" else codes or standing


def _weights(pool: Sequence[Touch], policy: Attribution, placed_at: datetime) -> dict[Touch, int]:
    """Each touch's whole-number weight; `pool` comes in priority, the journey runs the other way.

    A click that clocks put after its order was made at order time, as a code is. Decay counts from the latest touch,
    which changes no proportion and leaves no order to nobody because all of its touches are old.
    """
    if not pool:
        return {}
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


def _shares(standing: Sequence[Touch], weights: Mapping[Touch, int]) -> tuple[Share, ...]:
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

"""Why an order earned whom what, as the API shows it: for the brand, and cut to one creator's part."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final, Literal, Self

from pydantic import Field

from vouch.bodies import written
from vouch.domain import explanation as domain
from vouch.domain import rates
from vouch.domain.attribution import Outcome, TouchKind
from vouch.domain.calendars import Period
from vouch.domain.explanation import Cause, KnownBy, RefundOutcome, StepKind
from vouch.domain.facts import DisputeStatus, Verdict
from vouch.domain.money import Money as Amount
from vouch.domain.settlement import OrderStatus
from vouch.domain.terms import RewardType, VolumeMeasure
from vouch.wire.base import Answer, Language, Money, Shown

LISTED_MAX: Final = 1000
"""Of whatever else an order may have thousands."""
TIED_MAX: Final = 100
PASSED_OVER_MAX: Final = 10
BYTES_SHOWN_MAX: Final = 5_500_000
"""Of all lists as they travel: Lambda's answers have 6 MB, in which the body is a text that is escaped once more."""


class Candidate(Answer):
    """What might tie a creator to the order, and what became of it.

    Nobody's (`creator_id` null) where it names no creator of the brand. `evidence` is the id of a click, of a visit by
    message (`vis_…`, a click in all else), of the order that brought the customer, or of the brand's decision; a code;
    a name (`tiktok:noa`); or what is tied (`sku:MUG-01`). `lines` are those that a product tie took. `share_bps` is
    rounded: 0 is next to nothing, and 10000, where others have the rest, nearly all. `platform_commission` is what the
    platform that names the creator says that it pays them itself: it is on no account here.
    """

    creator_id: str | None
    program_id: str | None
    kind: TouchKind
    at: Shown | None
    evidence: str
    outcome: Outcome
    reason: str | None
    share_bps: int | None
    lines: list[str] = Field(max_length=TIED_MAX)
    platform_commission: Money | None


class PassedOver(Answer):
    """A rule before the one that matched, counted from 0, and the first of its conditions that did not hold.

    Or why there is no telling: `other_currency`, `platform_pays`, `tags_unknown`, `collections_unknown`,
    `customer_unknown`, `rate_missing`.
    """

    rule: int
    condition: str


class ExplainedLine(Answer):
    """What a line earned whom: `rule` counts from 0 in the terms' `rules`; `kept` is what refunds left of the two.

    Shipping that counts is a line of its own `kind`, whatever ids the order's lines have. `price` is what the buyer
    pays, after discounts and with tax, `base` what of that counts, `line_commission` what the line earns before it is
    shared, `level_from` the level of volume that set the rate, `reason` why there is nothing.
    """

    kind: Literal["line", "shipping"]
    id: str
    creator_id: str | None
    program_id: str | None
    terms_version: int | None
    price: Money
    base: Money
    rule: int | None
    reward: RewardType | None
    bps: int | None
    level_from: int | None
    line_commission: Money
    commission: Money
    kept_base: Money
    kept_commission: Money
    reason: str | None
    passed_over: list[PassedOver] = Field(max_length=PASSED_OVER_MAX)


class ExplainedStep(Answer):
    """One step from a creator's lines to their net: the amounts are signed, and all of them sum to the net.

    `most` is the cap that cut; `creator_id` whom the creator had recruited, `bps` their share in that one's commission;
    what the brand set has `before`, `after` and its words. Set in another currency than the lines earned in, it is the
    first step: it took the place of all before. `former` is what one who is credited no longer had until then.
    """

    kind: StepKind
    amount: Money
    causes: list[Cause]
    most: Money | None
    creator_id: str | None
    bps: int | None
    before: Money | None
    after: Money | None
    at: Shown | None
    actor: str | None
    reason: str | None


class ExplainedRate(Answer):
    """What one unit of the order's currency was in the commission's, by the fixing of that moment."""

    rate: str
    source: str
    at: Shown


class ExplainedVolume(Answer):
    """What the creator came to in the period that counts for the order, by the measure of the terms' tiers."""

    value: int
    measure: VolumeMeasure
    period: str = Field(examples=["2026-03", "2026-Q1", "2025"])


class ExplainedSubscription(Answer):
    """Which payment of its subscription the order is, and for how many payments or months that earns."""

    payment: int
    began_at: Shown
    payments: int | None
    months: int | None


class ExplainedCap(Answer):
    """What orders of one period earn at most together: that is worked out on the account, and cut there."""

    most: Money
    period: Period


class ExplainedCommission(Answer):
    """A creator's part of the order, step by step, and what was known of them when it was placed.

    `share_bps` is of what no product tie took, `lines` how many lines they have a share in; of who has none no `rate`,
    `volume`, `subscription` or `cap_per_period` is shown.
    """

    creator_id: str
    program_id: str
    terms_version: int
    share_bps: int | None
    lines: int
    steps: list[ExplainedStep]
    net: Money
    held: bool
    hold_until: Shown
    rate: ExplainedRate | None
    tier: str | None
    volume: ExplainedVolume | None
    subscription: ExplainedSubscription | None
    cap_per_period: ExplainedCap | None


class ExplainedDecision(Answer):
    """What the brand decided; `in_force` unless a later word took its place."""

    kind: Verdict
    at: Shown
    in_force: bool
    creator_id: str | None
    amount: Money | None
    actor: str | None
    reason: str | None


class ExplainedRefund(Answer):
    """A refund: the sum of the amounts it says, and of how many items.

    `unclear` is in another currency than the order's, and `approved` such a one that the brand has let pass.
    """

    id: str
    at: Shown
    outcome: RefundOutcome
    amount: Money | None
    items: int


class ExplainedDispute(Answer):
    """A dispute over that amount, or the whole order; lost in another currency than the order's it is `unclear`."""

    id: str
    at: Shown
    status: DisputeStatus
    amount: Money | None
    unclear: bool


class ExplainedCustomer(Answer):
    """Whether this was the customer's first order, by the platform's word or by the orders known here."""

    new: bool | None
    known_by: KnownBy | None


class Explanation(Answer):
    """Why an order was credited as it was: every candidate, every line, every step to what each creator has.

    `text` says it in words. With a `creator_id` all of it is cut to that creator's part: what they see themselves.
    `program_id` and `terms_version` are the heaviest share's, which decide what counts in the order's `base`, or the
    creator's own; each line names its own. `former` is what those had who are credited no longer, all of it taken back.
    `unknown` is what rules ask and nobody has said. Of large orders the lists are as long as an answer can hold: up
    to 5 000 lines, and 1 000 of anything else.
    """

    order_id: str
    creator_id: str | None
    status: OrderStatus
    reason: str | None
    placed_at: Shown | None
    candidates: list[Candidate]
    candidates_total: int
    shared: bool
    lines: list[ExplainedLine]
    lines_total: int
    commissions: list[ExplainedCommission]
    commissions_total: int
    former: list[ExplainedCommission]
    decisions: list[ExplainedDecision]
    refunds: list[ExplainedRefund]
    disputes: list[ExplainedDispute]
    customer: ExplainedCustomer | None
    unknown: list[str]
    terms_version: int | None
    program_id: str | None
    hold_until: Shown | None
    language: Language
    text: str

    @classmethod
    def told(cls, order_id: str, explained: domain.Explanation, language: Language, text: str) -> Self:
        """The answer, as much of it as there is room for."""
        customer, room = explained.customer, _Room()
        return cls.of(
            explained,
            order_id=order_id,
            creator_id=explained.viewer,
            candidates=room.fitting(_candidate(claim) for claim in explained.claims[:LISTED_MAX]),
            candidates_total=len(explained.claims),
            commissions=room.fitting(_commission(part) for part in explained.parts[:LISTED_MAX]),
            commissions_total=len(explained.parts),
            former=room.fitting(_commission(part) for part in explained.former[:LISTED_MAX]),
            decisions=room.fitting(
                ExplainedDecision.of(said, amount=_money(said.amount)) for said in explained.decisions[:LISTED_MAX]
            ),
            refunds=room.fitting(
                ExplainedRefund.of(refund, amount=_money(refund.amount)) for refund in explained.refunds[:LISTED_MAX]
            ),
            disputes=room.fitting(
                ExplainedDispute.of(each, amount=_money(each.amount)) for each in explained.disputes[:LISTED_MAX]
            ),
            lines=room.fitting(_line(line, explained.currency or "") for line in explained.lines),
            customer=ExplainedCustomer.of(customer) if customer else None,
            unknown=list(explained.unknown),
            language=language,
            text=text,
        )


class _Room:
    """What is left of an answer."""

    def __init__(self) -> None:
        self._left = BYTES_SHOWN_MAX

    def fitting[T: Answer](self, items: Iterable[T]) -> list[T]:
        """The first of them, as many as there is room for."""
        found: list[T] = []
        for item in items:
            self._left -= len(json.dumps(written(item.model_dump())))
            if self._left < 0:
                break
            found.append(item)
        return found


def _candidate(claim: domain.Claim) -> Candidate:
    return Candidate.of(
        claim, lines=list(claim.lines[:TIED_MAX]), platform_commission=_money(claim.platform_commission)
    )


def _line(line: domain.ExplainedLine, currency: str) -> ExplainedLine:
    basis, reward = line.basis, line.reward
    return ExplainedLine.of(
        line,
        kind="shipping" if basis.line is None else "line",
        id=basis.line_id,
        price=_cash(line.price, currency),
        base=_cash(basis.base, currency),
        reward=reward.type if reward else None,
        bps=reward.bps if reward and reward.type == "percent" else None,
        level_from=line.level.begins if line.level else None,
        line_commission=_cash(line.whole, line.currency),
        commission=_cash(line.commission, line.currency),
        kept_base=_cash(basis.kept_base, currency),
        kept_commission=_cash(line.kept_commission, line.currency),
        passed_over=[PassedOver.of(passed) for passed in line.passed_over[:PASSED_OVER_MAX]],
    )


def _commission(part: domain.Part) -> ExplainedCommission:
    rate, volume, subscribed, cap = part.rate, part.volume, part.subscribed, part.cap_per_period
    return ExplainedCommission.of(
        part,
        steps=_steps(part.steps, part.currency),
        net=_cash(part.net, part.currency),
        rate=ExplainedRate.of(rate, rate=rates.decimal(rate.numerator, rate.denominator)) if rate else None,
        volume=ExplainedVolume.of(volume) if volume else None,
        subscription=(
            ExplainedSubscription.of(subscribed.limit, payment=subscribed.payment, began_at=subscribed.begun)
            if subscribed
            else None
        ),
        cap_per_period=ExplainedCap.of(cap, most=_money(cap.most)) if cap else None,
    )


def _steps(steps: Sequence[domain.Step], currency: str) -> list[ExplainedStep]:
    return [
        ExplainedStep.of(
            step,
            amount=_cash(step.amount, currency),
            causes=list(step.causes),
            most=_money(step.most),
            before=_money(step.before),
            after=_money(step.after),
        )
        for step in steps
    ]


def _money(money: Amount | None) -> Money | None:
    return None if money is None else _cash(money.amount, money.currency)


def _cash(amount: int, currency: str) -> Money:
    return Money(amount=amount, currency=currency)


EXAMPLE: Final[dict[str, Any]] = {
    "order_id": "ord_0GT3RXDVS7AT0SG5B0ZW6Q5F4K",
    "creator_id": None,
    "status": "paid",
    "reason": None,
    "placed_at": "2026-05-04T12:00:00Z",
    "candidates": [
        {
            "creator_id": "cre_01KPDE9MZ7V0QZC5J3D0H1X8RA",
            "program_id": "prg_01KPDE9MZ7T2B8K4M6N1P3R5S7",
            "kind": "code",
            "at": "2026-05-04T12:00:00Z",
            "evidence": "noa10",
            "outcome": "credited",
            "reason": None,
            "share_bps": 10000,
            "lines": [],
            "platform_commission": None,
        }
    ],
    "candidates_total": 1,
    "shared": False,
    "lines": [
        {
            "kind": "line",
            "id": "mug",
            "creator_id": "cre_01KPDE9MZ7V0QZC5J3D0H1X8RA",
            "program_id": "prg_01KPDE9MZ7T2B8K4M6N1P3R5S7",
            "terms_version": 1,
            "price": {"amount": 10000, "currency": "ILS"},
            "base": {"amount": 10000, "currency": "ILS"},
            "rule": 1,
            "reward": "percent",
            "bps": 1000,
            "level_from": None,
            "line_commission": {"amount": 1000, "currency": "ILS"},
            "commission": {"amount": 1000, "currency": "ILS"},
            "kept_base": {"amount": 10000, "currency": "ILS"},
            "kept_commission": {"amount": 1000, "currency": "ILS"},
            "reason": None,
            "passed_over": [{"rule": 0, "condition": "customer"}],
        }
    ],
    "lines_total": 1,
    "commissions": [
        {
            "creator_id": "cre_01KPDE9MZ7V0QZC5J3D0H1X8RA",
            "program_id": "prg_01KPDE9MZ7T2B8K4M6N1P3R5S7",
            "terms_version": 1,
            "share_bps": 10000,
            "lines": 1,
            "steps": [
                {
                    "kind": "lines",
                    "amount": {"amount": 1000, "currency": "ILS"},
                    "causes": [],
                    **dict.fromkeys(("most", "creator_id", "bps", "before", "after", "at", "actor", "reason")),
                }
            ],
            "net": {"amount": 1000, "currency": "ILS"},
            "held": False,
            "hold_until": "2026-05-18T12:00:00Z",
            **dict.fromkeys(("rate", "tier", "volume", "subscription", "cap_per_period")),
        }
    ],
    "commissions_total": 1,
    "former": [],
    "decisions": [],
    "refunds": [],
    "disputes": [],
    "customer": {"new": False, "known_by": "register"},
    "unknown": [],
    "terms_version": 1,
    "program_id": "prg_01KPDE9MZ7T2B8K4M6N1P3R5S7",
    "hold_until": "2026-05-18T12:00:00Z",
    "language": "en",
    "text": (
        "Order of 4 May 2026, 12:00 (UTC). It is paid. The customer has bought before: by the orders that are known "
        "here.\n\n"
        "Who is credited, and why\n"
        "- Noa: the order carries the code NOA10.\n\n"
        "Noa's commission (terms of Friends, version 1)\n"
        "- MUG-01: 10.00 ILS, 10 % of 100.00 ILS (rule 2, for everything).\n"
        "- 10.00 ILS can be paid out from 18 May 2026, 12:00 on.\n"
        "- Rule 1 does not fit here: it is for new customers, and this one has bought before."
    ),
}

"""An explanation in words, so that a person understands it without knowing the model.

What the order is; who is credited, and why nobody else; for each creator how their lines became what stands; and what
came of the order. To a creator it speaks as to the one who reads.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from vouch.domain import rates
from vouch.domain.clicks import BY_MESSAGE
from vouch.domain.explanation import (
    NOBODY_KNOWS,
    Claim,
    Contested,
    ExplainedLine,
    Explanation,
    Part,
    Returned,
    Said,
    Step,
)
from vouch.domain.money import Money
from vouch.domain.terms import DRAFT, Reward, VolumeMeasure
from vouch.messages import Language
from vouch.words import phrases
from vouch.words.phrases import Phrase
from vouch.words.speech import Speech

NAMED_MOST: Final = 10
"""So many lines are told one by one, and the rest is summed up; the same holds of whatever else is many."""
_NOTHING_RATED: Final = frozenset({"test_order", "shadow", "not_paid"})
_SAID_BY_CATALOGUE: Final = frozenset({"tags_unknown", "collections_unknown"})
_NAMES: Final = frozenset({"code", "platform"})
_OFF: Final = frozenset({"cancelled", "refunded"})


@dataclass(frozen=True, slots=True)
class Names:
    """What people call what the explanation knows by ids: creators, programs, and each program's currency."""

    creators: Mapping[str, str] = field(default_factory=dict)
    programs: Mapping[str, str] = field(default_factory=dict)
    currencies: Mapping[str, str] = field(default_factory=dict)


def named(explanation: Explanation) -> tuple[set[str], set[str]]:
    """The creators and the programs whose names the text has a use for."""
    parts = (*explanation.parts[:NAMED_MOST], *explanation.former[:NAMED_MOST])
    decisions = explanation.decisions[:NAMED_MOST]
    claims = [*_won(explanation)[:NAMED_MOST], *_lost(explanation)[:NAMED_MOST]]
    creators = {claim.creator_id for claim in claims} | {said.creator_id for said in decisions}
    creators |= {part.creator_id for part in parts} | {step.creator_id for part in parts for step in part.steps}
    return {creator for creator in creators if creator is not None}, {part.program_id for part in parts}


def narrate(explanation: Explanation, language: Language, names: Names) -> str:
    """The text: the order, then sections of a title and sentences, each on a line of its own."""
    narrator = _Narrator(explanation, names, Speech(language, explanation.time_zone))
    sections = [list(section) for section in narrator.sections()]
    return "\n\n".join([" ".join(narrator.head()), *("\n- ".join(section) for section in sections if section[1:])])


def _won(explanation: Explanation) -> list[Claim]:
    return [claim for claim in explanation.claims if claim.outcome != "lost"]


def _lost(explanation: Explanation) -> list[Claim]:
    return [claim for claim in explanation.claims if claim.outcome == "lost"]


class _Narrator:
    """Tells one explanation in one language."""

    def __init__(self, told: Explanation, names: Names, speech: Speech) -> None:
        self._told, self._names, self._speech = told, names, speech
        self._namesakes = Counter(names.creators.values())

    def head(self) -> Iterator[str]:
        """What the order is, and what is to be known of it beforehand."""
        told, speech = self._told, self._speech
        if told.placed_at is None:
            yield speech.sentence("order_unknown")
        else:
            yield speech.sentence("order", moment=speech.moment(told.placed_at), zone=speech.left(told.time_zone))
        yield speech.phrase(phrases.STATUSES, told.status)
        if told.reason is not None:
            yield speech.phrase(phrases.ORDER_REASONS, self._reason(told.reason))
        if told.reason != "held" and any(said.kind == "hold" and said.in_force for said in told.decisions):
            yield speech.sentence("held")
        if told.customer is not None and told.customer.known_by is not None:
            known_by = speech.phrase(phrases.KNOWN_BY, told.customer.known_by)
            yield speech.sentence("customer_new" if told.customer.new else "customer_returning", known_by=known_by)

    def _reason(self, reason: str) -> str:
        """Who waits for a payment waits in vain where the order is off."""
        return "cancelled" if reason == "not_paid" and self._told.status in _OFF else reason

    def sections(self) -> Iterator[Iterator[str]]:
        """Each begins with its title; one that is a title alone has nothing to say."""
        if self._told.placed_at is not None:
            yield self._credit()
        yield from (self._commission(part) for part in self._told.parts[:NAMED_MOST])
        yield self._other_commissions()
        yield self._nobodys()
        yield from (self._commission(part) for part in self._told.former[:NAMED_MOST])
        yield self._since()

    # --- the credit ---------------------------------------------------------------------------------------------------

    def _credit(self) -> Iterator[str]:
        told, speech = self._told, self._speech
        won, lost = _won(told), _lost(told)
        yield self._told_to(phrases.TITLES, "credit", told.viewer)
        if told.viewer is not None and not won:
            yield speech.sentence("not_you_any_more" if told.former else "not_you")
        elif not told.claims:
            yield speech.sentence("no_claims")
        yield from (self._credited(claim) for claim in won[:NAMED_MOST])
        if told.viewer is not None and told.shared:
            yield speech.sentence("shared")
        if told.policy is not None and any(claim.outcome == "shared" and claim.share_bps is not None for claim in won):
            days = speech.count("each_days", told.policy.half_life_days)
            how = speech.phrase(phrases.MODELS, told.policy.model, where=self._where(), each_days=days)
            yield speech.sentence("model", how=how)
        yield from (self._lost(claim) for claim in lost[:NAMED_MOST])
        yield from self._more(len(won[NAMED_MOST:]) + len(lost[NAMED_MOST:]))

    def _credited(self, claim: Claim) -> str:
        speech = self._speech
        who = speech.sentence("you") if claim.creator_id == self._told.viewer else self._name(claim.creator_id)
        if claim.outcome == "shared" and claim.share_bps is not None:
            share = self._share(claim, claim.share_bps)
            who = f"{who}, {speech.sentence('share_of_rest', share=share) if self._told.tied else share}"
        facts = {"who": who, "whom": self._name(claim.creator_id), **self._evidence(claim)}
        return self._paid_too(claim, self._told_to(phrases.CREDITED, _kind(claim), claim.creator_id, **facts))

    def _share(self, claim: Claim, bps: int) -> str:
        """What is not nothing is not told as 0 %, nor what is not all as 100 %."""
        if claim.nearly_all:
            return self._speech.sentence("nearly_all")
        return self._speech.percent(bps) if bps else self._speech.sentence("less_than", share=self._speech.percent(1))

    def _lost(self, claim: Claim) -> str:
        facts = self._evidence(claim)
        if claim.creator_id is None:
            touch = self._speech.phrase(phrases.TOUCHES, f"{claim.kind}_nobodys", **facts)
        else:
            facts |= {"owner": self._owner(claim.creator_id), "whom": self._name(claim.creator_id)}
            touch = self._told_to(phrases.TOUCHES, _kind(claim), claim.creator_id, **facts)
        return self._paid_too(claim, self._speech.sentence("lost", touch=touch, why=self._why_lost(claim)))

    def _paid_too(self, claim: Claim, said: str) -> str:
        paid = claim.platform_commission
        if paid is None:
            return said
        amount = self._speech.amount(paid.amount, paid.currency)
        return self._speech.sentence("with_platform_commission", said=said, amount=amount)

    def _evidence(self, claim: Claim) -> dict[str, str]:
        speech, at, placed_at = self._speech, claim.at, self._told.placed_at
        kind, _, value = claim.evidence.partition(":")
        match claim.kind:
            case "code":
                evidence = speech.quoted(claim.evidence.upper())
            case "platform":
                evidence = speech.sentence("handle", handle=speech.quoted(value), platform=self._platform(kind))
            case "product":
                evidence = speech.sentence(kind, value=speech.quoted(value))
            case _:
                evidence = speech.quoted(claim.evidence)
        if at is None or placed_at is None:
            return {"evidence": evidence}
        return {"evidence": evidence, "date": speech.date(at), "age": speech.age(at, placed_at)}

    def _why_lost(self, claim: Claim) -> str:
        reason, policy, reasons = claim.reason or "", self._told.policy, phrases.TOUCH_REASONS
        named = {claim.kind, claim.beaten_by} <= _NAMES
        finer = {
            "lower_priority": "own" if claim.kind == "customer" else claim.beaten_by,
            "model_share_zero": "named" if named else policy and policy.model,
        }
        name = f"{reason}_{finer.get(reason)}"
        days = claim.limit or (policy.half_life_days if policy else 0)
        times = {noun: self._speech.count(noun, days) for noun in ("days", "each_days", "months")}
        return self._speech.phrase(reasons, name if name in reasons else reason, where=self._where(), **times)

    def _where(self) -> str:
        return self._speech.sentence("where_own" if self._told.policy_is_own else "where_other")

    # --- what a creator earns -----------------------------------------------------------------------------------------

    def _commission(self, part: Part) -> Iterator[str]:
        program = self._speech.quoted(self._names.programs.get(part.program_id, part.program_id))
        title = {"owner": self._owner(part.creator_id), "program": program, "version": part.terms_version}
        name = "commission_draft" if part.terms_version == DRAFT else "commission"
        yield self._speech.phrase(phrases.TITLES, name, **title)
        rated = self._told.reason not in _NOTHING_RATED
        lines = [line for line in self._told.lines if rated and line.creator_id == part.creator_id]
        most = max(1, NAMED_MOST // max(1, len(self._told.parts)))
        named = lines[: most if part.lines > most + 1 else most + 1]
        yield from (self._line(line) for line in named)
        if named and part.lines > len(named):
            whole, rest = part.lines_commission, self._speech.count("lines", part.lines - len(named))
            left = self._speech.amount(whole.amount - sum(line.commission for line in named), whole.currency)
            yield self._speech.sentence("more_lines", count=rest, amount=left)
        if rated and part.lines > 1:
            together = self._speech.amount(part.lines_commission.amount, part.lines_commission.currency)
            yield self._speech.phrase(phrases.STEPS, "lines", amount=together)
        if part.share_bps is not None and not part.lines:
            yield self._speech.sentence("no_lines")
        yield from (self._step(step, part) for step in part.steps if step.kind != "lines")
        if part.net and part.cut_already:
            yield self._speech.sentence("cut_already", amount=self._speech.amount(part.cut_already, part.currency))
        yield from self._outcome(part)
        yield from self._passed_over(named)
        yield from self._surroundings(part, lines)

    def _line(self, line: ExplainedLine) -> str:
        speech, what = self._speech, self._what(line)
        if line.reason is not None:
            why = speech.phrase(phrases.LINE_REASONS, line.reason)
            return speech.sentence("line_nothing", what=what, why=why)
        told = self._by_rule(line, what)
        if line.kept_commission != line.commission and self._told.status != "cancelled":
            kept = speech.amount(line.kept_commission, line.currency)
            return speech.sentence("line_left" if line.kept_commission else "line_gone", line=told, kept=kept)
        return told

    def _by_rule(self, line: ExplainedLine, what: str) -> str:
        reward, rule = line.reward, line.rule
        if reward is None or rule is None:
            raise ValueError("a line that earns for no reason to the contrary was matched by a rule")
        because = self._speech.joined([self._met(line, name, value) for name, value in line.met])
        facts = {"what": what, "because": because, "rule": rule + 1}  # as people count
        if reward.type == "none":
            return self._speech.sentence("rule_of_nothing" if because else "rule_of_nothing_for_all", **facts)
        earned = self._speech.amount(line.commission, line.currency)
        name = "rule" if because else "rule_by_level" if line.level else "rule_for_all"
        return self._speech.sentence(name, earned=earned, how=self._how(line, reward), **facts)

    def _how(self, line: ExplainedLine, reward: Reward) -> str:
        speech, currency = self._speech, self._told.currency or line.currency
        flat = speech.amount(reward.flat.amount, reward.flat.currency) if reward.flat else ""
        facts = {"percent": speech.percent(reward.bps), "base": self._base(line, currency), "flat": flat}
        how = speech.phrase(phrases.REWARDS, reward.type, **facts)
        if line.whole == line.commission:
            return how
        return speech.sentence("how_shared", whole=speech.amount(line.whole, line.currency), how=how)

    def _base(self, line: ExplainedLine, currency: str) -> str:
        """What the rate is of, and what makes it another amount than the one in the shop."""
        speech, sold = self._speech, line.basis.line
        told = speech.amount(line.basis.base, currency)
        if line.price != line.basis.base:
            told = speech.sentence("without_tax", base=told, price=speech.amount(line.price, currency))
        if sold is not None and sold.discount:
            told = speech.sentence("discounted", base=told, discount=speech.amount(sold.discount, currency))
        return told

    def _met(self, line: ExplainedLine, name: str, value: str | Money) -> str:
        speech = self._speech
        if isinstance(value, Money):
            shown = speech.amount(value.amount, value.currency)
        elif name == "customer":
            return speech.phrase(phrases.MET, f"customer_{value}")
        elif name == "creator_ids":
            shown = self._name(value)
        else:
            shown = self._platform(value) if name == "platforms" else speech.quoted(value)
        return self._told_to(phrases.MET, name, line.creator_id, value=shown)

    def _passed_over(self, lines: Sequence[ExplainedLine]) -> Iterator[str]:
        """The rules that come before others and match none of these lines, or nobody knows, with what is against it."""
        matched = {line.rule for line in lines}
        missed: dict[tuple[int, str], list[ExplainedLine]] = {}
        for line in lines:
            for passed in line.passed_over:
                if passed.rule not in matched or passed.condition in NOBODY_KNOWS:
                    missed.setdefault((passed.rule, passed.condition), []).append(line)
        for (rule, condition), by_it in sorted(missed.items(), key=lambda each: each[0])[:NAMED_MOST]:
            facts = {"rule": rule + 1, "why": self._speech.phrase(phrases.CONDITIONS, self._finer(condition))}
            everywhere = len(by_it) == len(lines)
            name = "passed_over_all" if everywhere else "passed_over"
            yield self._speech.sentence(name, what=self._what(by_it[0]), **facts)
        if self._told.viewer is None and any(condition in _SAID_BY_CATALOGUE for _, condition in missed):
            yield self._speech.sentence("catalogue")

    def _finer(self, condition: str) -> str:
        customer = self._told.customer
        if condition != "customer" or customer is None:
            return condition
        return "customer_is_new" if customer.new else "customer_is_returning"

    def _surroundings(self, part: Part, lines: Sequence[ExplainedLine]) -> Iterator[str]:
        """What else set the amounts: the rate, the volume of a period before, the subscription."""
        speech, rate, subscribed = self._speech, part.rate, part.subscribed
        if rate is not None:
            fixing = f"1 {self._told.currency} = {rates.decimal(rate.numerator, rate.denominator)} {part.currency}"
            date, source = speech.date(rate.at), speech.quoted(rate.source)
            yield speech.sentence("converted", rate=speech.left(fixing), date=date, source=source)
        level = next((line.level for line in lines if line.level is not None), None)
        if level is not None and part.volume is not None:
            name, measure = speech.period(part.volume.period), part.volume.measure
            reached, begins = (self._measured(part, measure, value) for value in (part.volume.value, level.begins))
            volume = speech.phrase(phrases.MEASURES, measure, volume=reached)
            yield speech.sentence(
                "volume", period=name, volume=volume, begins=begins, percent=speech.percent(level.bps)
            )
        if subscribed is not None and subscribed.limit.payments is not None:
            payments = speech.count("payments", subscribed.limit.payments)
            yield speech.sentence("payments", payment=subscribed.payment, payments=payments)
        if subscribed is not None and subscribed.limit.months is not None:
            months = speech.count("months", subscribed.limit.months)
            yield speech.sentence("months", date=speech.date(subscribed.begun), months=months)
        if part.cap_per_period is not None and part.cap_per_period.most.currency == part.currency:
            most = speech.amount(part.cap_per_period.most.amount, part.currency)
            period = speech.phrase(phrases.PERIODS, part.cap_per_period.period)
            yield speech.sentence("cap_per_period", period=period, most=most)

    def _measured(self, part: Part, measure: VolumeMeasure, value: int) -> str:
        if measure == "orders":
            return self._speech.count("orders", value)
        return self._speech.amount(value, self._names.currencies.get(part.program_id, part.currency))

    def _step(self, step: Step, part: Part) -> str:
        speech, currency = self._speech, part.currency
        return self._told_to(
            phrases.STEPS,
            step.kind,
            part.creator_id,
            amount=speech.amount(abs(step.amount), currency),
            most=speech.amount(step.most.amount, step.most.currency) if step.most else "",
            whom=self._name(step.creator_id),
            percent=speech.percent(step.bps or 0),
            causes=speech.joined([speech.phrase(phrases.CAUSES, cause) for cause in step.causes]),
            before=speech.amount(step.before.amount, step.before.currency) if step.before else "",
            after=speech.amount(step.after.amount, step.after.currency) if step.after else "",
            date=speech.date(step.at) if step.at else "",
        )

    def _outcome(self, part: Part) -> Iterator[str]:
        speech = self._speech
        net = speech.amount(part.net, part.currency)
        if part.net and part.held:
            yield speech.sentence("payable_held", net=net)
        elif part.net:
            yield speech.sentence("payable", net=net, moment=speech.moment(part.hold_until))
        elif any(step.amount for step in part.steps):
            yield speech.sentence("nothing_left")

    def _other_commissions(self) -> Iterator[str]:
        yield self._speech.phrase(phrases.TITLES, "others")
        rest = self._told.parts[NAMED_MOST:]
        for currency in dict.fromkeys(part.currency for part in rest):
            nets = [part.net for part in rest if part.currency == currency]
            count, amount = self._speech.count("creators", len(nets)), self._speech.amount(sum(nets), currency)
            yield self._speech.sentence("other_commissions", count=count, amount=amount)

    def _nobodys(self) -> Iterator[str]:
        yield self._speech.phrase(phrases.TITLES, "nobodys")
        lines = [line for line in self._told.lines if line.creator_id is None] if self._told.parts else []
        yield from (self._line(line) for line in lines[:NAMED_MOST])
        yield from self._more(len(lines[NAMED_MOST:]))

    # --- what came of it ----------------------------------------------------------------------------------------------

    def _since(self) -> Iterator[str]:
        told = self._told
        yield self._speech.phrase(phrases.TITLES, "since")
        news = [
            *(self._decision(said) for said in told.decisions),
            *(self._refund(refund) for refund in told.refunds),
            *(self._dispute(dispute) for dispute in told.disputes),
        ]
        yield from news[:NAMED_MOST]
        yield from self._more(len(news[NAMED_MOST:]))

    def _decision(self, said: Said) -> str:
        nobody_named = said.kind == "reassign" and said.creator_id is None
        facts = {"date": self._speech.date(said.at), "whom": self._name(said.creator_id)}
        kind = "reassign_other" if nobody_named else said.kind
        told = self._told_to(phrases.DECISIONS, kind, said.creator_id, **facts)
        if said.reason is not None:
            told = self._speech.sentence("with_reason", said=told, reason=self._speech.quoted(said.reason))
        return told if said.in_force else self._speech.sentence("overruled", said=told)

    def _refund(self, refund: Returned) -> str:
        speech, amount = self._speech, refund.amount
        said = [speech.count("items", refund.items)] if refund.items else []
        said += [speech.amount(amount.amount, amount.currency)] if amount else []
        what = ", ".join(said) or speech.sentence("nothing_said")
        facts = {"id": speech.quoted(refund.id), "date": speech.date(refund.at)}
        name = "failed_bare" if refund.outcome == "failed" and not said else refund.outcome
        return speech.phrase(phrases.REFUNDS, name, what=what, **facts)

    def _dispute(self, dispute: Contested) -> str:
        speech, amount = self._speech, dispute.amount
        what = speech.amount(amount.amount, amount.currency) if amount else speech.sentence("whole_order")
        facts = {"id": speech.quoted(dispute.id), "date": speech.date(dispute.at)}
        return speech.phrase(phrases.DISPUTES, dispute.status, what=what, **facts)

    # --- names --------------------------------------------------------------------------------------------------------

    def _told_to(self, table: Mapping[str, Phrase], name: str, creator_id: str | None, **facts: str) -> str:
        """The phrase, as it is told to the creator whom it is about where that is who reads."""
        reads = creator_id is not None and creator_id == self._told.viewer
        return self._speech.phrase(table, f"{name}_you" if reads and f"{name}_you" in table else name, **facts)

    def _owner(self, creator_id: str) -> str:
        if creator_id == self._told.viewer:
            return self._speech.sentence("owner_you")
        return self._speech.sentence("owner", whom=self._name(creator_id))

    def _name(self, creator_id: str | None) -> str:
        """What the creator is called, with the id beside it where another one is called the same."""
        if creator_id is None:
            return ""
        name = self._names.creators.get(creator_id, creator_id)
        return self._speech.quoted(f"{name} ({creator_id})" if self._namesakes[name] > 1 else name)

    def _what(self, line: ExplainedLine) -> str:
        sold, quantity = line.basis.line, line.basis.quantity
        if sold is None:
            return self._speech.sentence("shipping")
        if sold.sku:
            what = self._speech.quoted(sold.sku)
        else:
            what = self._speech.sentence("line", id=self._speech.quoted(sold.id))
        return what if quantity == 1 else self._speech.sentence("items_of", count=f"{quantity:,}", what=what)

    def _platform(self, platform: str) -> str:
        return self._speech.left(phrases.PLATFORMS.get(platform, platform))

    def _more(self, count: int) -> Iterator[str]:
        if count:
            yield self._speech.sentence("more", count=count)


def _kind(claim: Claim) -> str:
    """As it is told: who came by a message has clicked nothing of ours."""
    return "click_message" if claim.kind == "click" and claim.evidence.startswith(BY_MESSAGE) else claim.kind

"""Facts: what a delivery, an API call or a decision says about one order, in our own terms and free of personal data.

A snapshot is a max-register (the newest counts, `_together` says what older ones add); refunds and the like are sets by
id, the newest version of each. So the same facts give the same books in whatever order, number and company they arrive.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import datetime
from enum import IntEnum
from typing import Any, ClassVar, Literal, Self, get_args

from vouch.domain import times

TOUCH_KEYS_MAX = 10
"""Of each kind, what one order may carry: no shop sends more, and a hostile body cannot make us look up thousands."""

Verdict = Literal["hold", "approve", "reject", "reassign", "adjust"]
DisputeStatus = Literal["open", "lost", "won"]
Newness = tuple[Any, ...]
"""What a later version of a fact has more of; compared among versions of one fact only."""


class Lifecycle(IntEnum):
    """What the platform says of the order; of two equally new snapshots the greater one counts."""

    OPEN = 0
    PARTLY_PAID = 1
    PAID = 2
    REFUNDED = 3
    CANCELLED = 4


@dataclass(frozen=True, slots=True)
class Line:
    """One line as sold, in minor units of the order's currency.

    `unit_price` is as the shop shows it; `discount` is the whole line's, its part of order discounts included;
    `tax` is the whole line's and stands inside `unit_price` where the order says `tax_included`.
    """

    id: str
    quantity: int
    unit_price: int
    discount: int = 0
    tax: int = 0
    sku: str | None = None
    product_id: str | None = None
    tags: tuple[str, ...] = ()
    collections: tuple[str, ...] = ()
    gift_card: bool = False

    @property
    def names(self) -> list[str]:
        """What it sells, as product ties name it: `sku:MUG-01` before the `product:632910392` that it is one of."""
        return [f"{kind}:{value}" for kind, value in (("sku", self.sku), ("product", self.product_id)) if value]


@dataclass(frozen=True, slots=True)
class PlatformCommission:
    """What a platform pays a creator by itself, in minor units of the order's currency."""

    handle: str
    amount: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An order as its platform described it at `updated_at`.

    `placed_at_guessed`: the platform does not say when the order was placed. `paid`: by this snapshot or another one,
    all of the order was once paid. `customers` are pseudonyms (keyed hashes), the customer's own first,
    `former_customers` those that only other snapshots of the order named; `customer_new` is the platform's own word,
    None where it gives none. `handles` are creators whom the platform itself names: `tiktok:maya`. `contacts` are
    pseudonyms, too: who had written to the brand's page. An order that pays for a `subscription` says when that began.
    `refund_ids` are all the refunds that the order then had, where its platform lists them and may take one back; None
    where it does not. `platform_commissions` is what the platform itself pays, beside whatever is earned here.
    """

    kind: ClassVar[str] = "snapshot"

    updated_at: datetime
    placed_at: datetime
    lifecycle: Lifecycle
    currency: str
    lines: tuple[Line, ...]
    platform: str
    triggered_at: datetime | None = None
    placed_at_guessed: bool = False
    paid: bool = True
    shipping: int = 0
    shipping_tax: int = 0
    tip: int = 0  # earns nothing: a fact that is kept for terms that may come to count it
    tax_included: bool = False
    test: bool = False
    country: str | None = None
    codes: tuple[str, ...] = ()
    click_ids: tuple[str, ...] = ()
    customers: tuple[str, ...] = ()
    former_customers: tuple[str, ...] = ()
    customer_new: bool | None = None
    handles: tuple[str, ...] = ()
    contacts: tuple[str, ...] = ()
    subscription: str | None = None
    subscribed_at: datetime | None = None
    refund_ids: tuple[str, ...] | None = None
    platform_commissions: tuple[PlatformCommission, ...] = ()

    def newness(self) -> Newness:
        """Greatest wins: the platform's own time, the later stage of life, the trigger time.

        The trigger time comes last since it travels in a header that nobody signs: a replay with a later one must not
        bring back an earlier stage of the order.
        """
        return self.updated_at, self.lifecycle, self.triggered_at or times.EPOCH


@dataclass(frozen=True, slots=True)
class RefundLine:
    """Part of a refund that names its line.

    `amount` is in the terms in which the order shows its prices, None = by quantity; `tax` is the tax in it or on it,
    None = in proportion to the line's.
    """

    line_id: str
    quantity: int
    amount: int | None = None
    tax: int | None = None


@dataclass(frozen=True, slots=True)
class Refund:
    """Money given back, in `currency` (None: the order's); a failed one takes nothing back.

    `amount` is what was given back beyond the lines that are named, without shipping, in the terms in which the order
    shows its prices or, `amount_with_tax`, with tax in any case. Below 0 the lines are worth more than was given back:
    what another refund of the order gives back without naming lines pays for that first.
    """

    kind: ClassVar[str] = "refund"

    id: str
    updated_at: datetime
    currency: str | None
    lines: tuple[RefundLine, ...] = ()
    amount: int = 0
    failed: bool = False
    amount_with_tax: bool = False

    def is_in(self, currency: str) -> bool:
        """Whether its amounts are in that currency, which is the order's."""
        return self.currency in (None, currency)

    def newness(self) -> Newness:
        """Greatest wins among versions of one refund.

        At one time money first waits, then moves or fails: platforms change a refund without dating the change.
        """
        return self.updated_at, self.failed, self.amount


@dataclass(frozen=True, slots=True)
class Cancellation:
    """The whole order is off, whatever a snapshot says, unless its platform has `undone` this since."""

    kind: ClassVar[str] = "cancellation"

    id: str
    updated_at: datetime
    undone: bool = False

    def newness(self) -> Newness:
        """Greatest wins among versions of one cancellation; it was there before it was undone."""
        return self.updated_at, self.undone


@dataclass(frozen=True, slots=True)
class Dispute:
    """A buyer's bank asks for money back: the order waits while it is open, and what is lost is taken back.

    `amount` is with tax, in `currency` (None: the order's); None is all of the order.
    """

    kind: ClassVar[str] = "dispute"

    id: str
    updated_at: datetime
    status: DisputeStatus
    currency: str | None = None
    amount: int | None = None

    def newness(self) -> Newness:
        """Greatest wins among versions of one dispute; at one time it was open first, and won last."""
        return self.updated_at, get_args(DisputeStatus).index(self.status)

    def as_refund(self) -> Refund:
        """What the bank took, as money given back that names no line."""
        name = f"{self.kind}:{self.id}"
        return Refund(name, self.updated_at, self.currency, amount=self.amount or 0, amount_with_tax=True)


@dataclass(frozen=True, slots=True)
class Decision:
    """A brand's word on an order; the newest of each kind counts, of adjustments the newest for each creator.

    `hold` until `approve`; `reject`: earns nothing; `reassign`: all of it is the creator's, and no earlier adjustment
    counts; `adjust`: the creator's net is `amount` of `currency`. The latter two name the creator, and the program by
    whose terms they are rated. `refunds` are the fingerprints of the unclear refunds that were known when it was given:
    an approval lets them pass.
    """

    kind: ClassVar[str] = "decision"

    id: str
    updated_at: datetime
    verdict: Verdict
    actor: str
    reason: str
    refunds: tuple[str, ...] = ()
    creator_id: str | None = None
    program_id: str | None = None
    amount: int | None = None
    currency: str | None = None

    def newness(self) -> Newness:
        """Greatest wins among decisions."""
        return self.updated_at, self.id


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the order stands among those of its customer, or among the payments of its subscription.

    `id` is the register's key (`vouch.domain.context.register_keys`), `version` how often the register had changed when
    it said so. `first`: no earlier order of the customer is known. `payments_before` are the subscription's earlier
    ones. The origin is the customer's earliest order with a click or code, where it is earlier than this one, and the
    creator and program that its own evidence names.
    """

    kind: ClassVar[str] = "standing"

    id: str
    updated_at: datetime
    version: int = 0
    first: bool = True
    payments_before: int = 0
    origin: str | None = None
    origin_at: datetime | None = None
    creator_id: str | None = None
    program_id: str | None = None

    def newness(self) -> Newness:
        """Greatest wins among the words of one register."""
        return (self.version,)


@dataclass(frozen=True, slots=True)
class Mention:
    """What ties the order to a creator or its buyer, from a message that does not tell the order itself.

    It stands beside what the newest snapshot carries. `id` is the platform's own of what said so. A contact of whom a
    visit came to light after the order is named with that, `<contact>@<visit>`: they are looked at once more.
    """

    kind: ClassVar[str] = "mention"

    id: str
    updated_at: datetime
    codes: tuple[str, ...] = ()
    click_ids: tuple[str, ...] = ()
    customers: tuple[str, ...] = ()
    handles: tuple[str, ...] = ()
    contacts: tuple[str, ...] = ()

    def newness(self) -> Newness:
        """Greatest wins among versions of one mention."""
        return (self.updated_at,)


@dataclass(frozen=True, slots=True)
class Shadow:
    """Another order, `id`, is the same sale, seen where it was really made: this one earns nothing."""

    kind: ClassVar[str] = "shadow"

    id: str
    updated_at: datetime

    def newness(self) -> Newness:
        """Greatest wins among versions of one shadow."""
        return (self.updated_at,)


Event = Refund | Cancellation | Dispute | Decision | Standing | Mention | Shadow
"""A fact of a set: kept by kind and id."""
Fact = Snapshot | Event


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """All that is known of one order.

    `told` is the newest snapshot, `snapshot` that one with what is mentioned elsewhere of the order's evidence.
    """

    told: Snapshot | None = None
    events: Mapping[tuple[str, str], Event] = field(default_factory=dict)
    snapshot: Snapshot | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "snapshot", _with_mentions(self.told, self.events.values()))

    @property
    def begins(self) -> datetime:
        """When the order was placed; as long as nobody says, the time of the first thing that is known of it."""
        if self.snapshot is not None:
            return self.snapshot.placed_at
        return min((event.updated_at for event in self.events.values()), default=times.EPOCH)

    @property
    def refunds(self) -> list[Refund]:
        """The refunds that took money back, by id."""
        found = [event for event in self.events.values() if isinstance(event, Refund) and not self.undone(event)]
        return sorted(found, key=lambda refund: refund.id)

    def undone(self, refund: Refund) -> bool:
        """Whether a refund takes nothing back: it failed, or the order, which lists its refunds, has lost it since."""
        listed = self.told.refund_ids if self.told else None
        if self.told is None or listed is None:
            return refund.failed
        return refund.failed or (refund.id not in listed and refund.updated_at <= self.told.updated_at)

    @property
    def losses(self) -> list[Refund]:
        """Refunds, and the disputes that were lost: to a commission they are the same."""
        lost = [dispute.as_refund() for dispute in self.disputes if dispute.status == "lost"]
        return [*self.refunds, *lost]

    @property
    def cancelled(self) -> bool:
        """Whether a cancellation is known that nobody has undone."""
        return any(isinstance(event, Cancellation) and not event.undone for event in self.events.values())

    @property
    def shadowed(self) -> bool:
        """Whether another order is the same sale, and counts in place of this one."""
        return any(isinstance(event, Shadow) for event in self.events.values())

    @property
    def untold(self) -> bool:
        """Whether nobody has said anything of this order, but that another one is the same sale."""
        return self.told is None and all(isinstance(event, Shadow) for event in self.events.values())

    @property
    def disputes(self) -> list[Dispute]:
        """All disputes, by id."""
        found = [event for event in self.events.values() if isinstance(event, Dispute)]
        return sorted(found, key=lambda dispute: dispute.id)

    def standing(self, register: str) -> Standing | None:
        """What the register has said since the order was first settled."""
        event = self.events.get((Standing.kind, register))
        return event if isinstance(event, Standing) else None

    def decisions(self, verdict: Verdict) -> list[Decision]:
        """All decisions of that kind, the oldest first."""
        said = [event for event in self.events.values() if isinstance(event, Decision) and event.verdict == verdict]
        return sorted(said, key=Decision.newness)

    def decision(self, verdict: Verdict) -> Decision | None:
        """The newest decision of that kind."""
        return next(reversed(self.decisions(verdict)), None)

    @property
    def adjustments(self) -> dict[str, Decision]:
        """The newest adjustment of each creator; who gives all of an order to somebody ends those decided before."""
        given = self.decision("reassign")
        said = [one for one in self.decisions("adjust") if given is None or one.newness() > given.newness()]
        return {decision.creator_id: decision for decision in said if decision.creator_id}

    @property
    def held(self) -> bool:
        """Whether the brand holds the order and has not approved it since."""
        hold, approval = self.decision("hold"), self.decision("approve")
        return hold is not None and (approval is None or hold.newness() > approval.newness())

    @property
    def approved(self) -> set[str]:
        """The fingerprints of the refunds that approvals let pass."""
        return {refund for approval in self.decisions("approve") for refund in approval.refunds}

    def with_facts(self, facts: Iterable[Fact]) -> tuple[Self, tuple[Fact, ...]]:
        """These facts and the given ones, and which of the given ones changed anything.

        Raises PlacedAtChanged where two snapshots say different births: no platform does that, so it is not one order.
        """
        snapshot, events = self.told, dict(self.events)
        changed: dict[tuple[str, str], Fact] = {}
        for fact in facts:
            if isinstance(fact, Snapshot):
                merged = fact if snapshot is None else _together(snapshot, fact)
                if merged != snapshot:
                    snapshot = changed["snapshot", ""] = merged
                continue
            key = (fact.kind, fact.id)
            known = events.get(key)
            if known is None or _is_newer(fact, known):
                events[key] = changed[key] = fact
        return type(self)(snapshot, events), tuple(changed.values())


class PlacedAtChanged(Exception):
    """A snapshot gives the order another time of birth than the one that is known."""

    def __init__(self, known: datetime, said: datetime) -> None:
        super().__init__(f"placed at {times.short(known)}, now said to be {times.short(said)}")
        self.known = known
        self.said = said


def to_json(fact: Fact) -> str:
    """One canonical text per fact: sorted keys, no spaces, defaults left out."""
    return json.dumps(_plain(fact), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def fingerprint(fact: Fact) -> str:
    """What tells two facts apart that claim to be the same version."""
    return hashlib.sha256(to_json(fact).encode()).hexdigest()


def snapshot_from_json(text: str) -> Snapshot:
    """The snapshot that `to_json` wrote."""
    plain = json.loads(text)
    plain["lines"] = tuple(_line(line) for line in plain["lines"])
    plain["lifecycle"] = Lifecycle(plain["lifecycle"])
    paid = plain.get("platform_commissions", ())
    plain["platform_commissions"] = tuple(PlatformCommission(**commission) for commission in paid)
    return Snapshot(**_revived(plain))


def event_from_json(kind: str, text: str) -> Event:
    """The event of this kind that `to_json` wrote. Raises KeyError for a kind that is none."""
    plain = _revived(json.loads(text))
    if "lines" in plain:
        plain["lines"] = tuple(RefundLine(**line) for line in plain["lines"])
    return _EVENTS[kind](**plain)


def repeats(snapshot: Snapshot, known: Snapshot) -> bool:
    """Whether the one says what the other says, at whatever time."""
    same_time = replace(snapshot, updated_at=known.updated_at, triggered_at=known.triggered_at)
    return _by_itself(same_time) == _by_itself(known)


def _together(one: Snapshot, other: Snapshot) -> Snapshot:
    """The newer snapshot with what another adds to it; the same one whichever of them was known first.

    A birth that is said beats a guess, and of two guesses the earlier one holds. What was once paid was paid. Who was
    once named as the buyer stays one: a shop that forgets a buyer (redaction) cannot be told from one that corrects
    itself.
    """
    said = {snapshot.placed_at for snapshot in (one, other) if not snapshot.placed_at_guessed}
    if len(said) > 1:
        raise PlacedAtChanged(one.placed_at, other.placed_at)
    newest = other if _is_newer(_by_itself(other), _by_itself(one)) else one
    named = {*one.customers, *one.former_customers, *other.customers, *other.former_customers}
    return replace(
        newest,
        placed_at=min(said or {one.placed_at, other.placed_at}),
        placed_at_guessed=not said,
        paid=one.paid or other.paid,
        former_customers=tuple(sorted(named.difference(newest.customers))),
    )


def _with_mentions(told: Snapshot | None, events: Iterable[Event]) -> Snapshot | None:
    """The snapshot with the evidence that stands beside it: its own comes first, the rest in the order it was said."""
    mentions = [event for event in events if isinstance(event, Mention)]
    if told is None or not mentions:
        return told
    mentions.sort(key=lambda mention: (mention.updated_at, mention.id))
    sources: list[Snapshot | Mention] = [told, *mentions]
    customers = tuple(dict.fromkeys(name for source in sources for name in source.customers))
    return replace(
        told,
        codes=_first(name for source in sources for name in source.codes),
        click_ids=_first(name for source in sources for name in source.click_ids),
        handles=_first(name for source in sources for name in source.handles),
        contacts=_first(name for source in sources for name in source.contacts),
        customers=customers,
        former_customers=tuple(name for name in told.former_customers if name not in customers),
    )


def _first(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))[:TOUCH_KEYS_MAX]


def _by_itself(snapshot: Snapshot) -> Snapshot:
    """Without what other snapshots may have added, so that its content compares the same before and after."""
    return replace(snapshot, placed_at=times.EPOCH, placed_at_guessed=False, paid=True, former_customers=())


def _is_newer(fact: Fact, known: Fact) -> bool:
    """Of two equally new versions the content decides, so that everybody keeps the same one."""
    if fact.newness() == known.newness():
        return fact != known and fingerprint(fact) > fingerprint(known)
    return fact.newness() > known.newness()


_EVENTS: dict[str, type[Event]] = {
    event.kind: event for event in (Refund, Cancellation, Dispute, Decision, Standing, Mention, Shadow)
}
_MOMENTS = ("updated_at", "placed_at", "triggered_at", "subscribed_at", "origin_at")


def _line(plain: dict[str, Any]) -> Line:
    return Line(**_tuples(plain))


def _revived(plain: dict[str, Any]) -> dict[str, Any]:
    revived = _tuples(plain)
    return revived | {key: times.parse(revived[key]) for key in _MOMENTS if revived.get(key)}


def _tuples(plain: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in plain.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return times.text(value)
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    if is_dataclass(value):
        said = [(part, getattr(value, part.name)) for part in fields(value)]
        return {part.name: _plain(content) for part, content in said if content != part.default}
    return value

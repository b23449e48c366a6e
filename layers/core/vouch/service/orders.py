"""Settling: facts in, the difference posted, in one transaction that advances the order's version.

Every door comes through here: webhooks by the stream, the REST API, the delayed queue, the second pass, a redrive.
"""

import json
import traceback
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import batched
from pathlib import Path
from typing import Literal

from vouch import telemetry
from vouch.domain import times
from vouch.domain.context import Context
from vouch.domain.errors import NotFound, Unavailable
from vouch.domain.facts import Fact, OrderFacts, PlacedAtChanged, Snapshot
from vouch.domain.ledger import settlement_entry
from vouch.domain.money import OutOfRange
from vouch.domain.settlement import Posted, RateMissing, Settlement, in_order, settle, wanted
from vouch.platforms.base import Ignored, Pseudonym, Reading, Request, Said, Unreadable
from vouch.platforms.registry import PLATFORMS
from vouch.service.deployment import Deployment
from vouch.service.evidence import CLICK_LAG, ClickOnItsWay, Evidence
from vouch.service.queues import FIRST_SECONDS, TRIES_MAX, put_off, seconds_after
from vouch.service.volumes import BeingMeasured, SealNotDue
from vouch.store import brands, inbox, orders
from vouch.store.database import FAILURES, Overfull, Refused, pause
from vouch.store.orders import EVENTS_MAX, KnownOrder, StoredOrder
from vouch.store.tables import Brand, Delivery

Ending = Literal["applied", "unchanged", "ignored", "parked", "deferred"]
_RACES_MAX = 12
_AHEAD_MAX = timedelta(days=1)
"""How far a platform's clock may be ahead of ours: a snapshot of next year would hide all that follow until then."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a delivery ended; `reason` for what was ignored or parked, and of what waits, for what."""

    ending: Ending
    order_id: str | None = None
    reason: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """Where facts belong: the order's names, its brand's mode and the program that its connection is limited to."""

    brand_id: str
    mode: str
    connection_id: str | None
    external_id: str
    only_program: str | None = None

    @property
    def order_id(self) -> str:
        """The order that these names always mean."""
        return orders.order_id(self.brand_id, self.connection_id, self.external_id)


def settle_delivery(deployment: Deployment, delivery: Delivery, *, tries: int = 0) -> Outcome:
    """Turns a stored delivery into facts and settles its order; `tries`: which one at a volume that it awaits.

    What is wrong with the delivery parks it; what is wrong with the world is raised, and the delivery comes again.
    """
    try:
        _ = deployment.secrets  # read from the world on first use: what is wrong with them is not wrong with a delivery
        with ours():
            reading = _read(deployment, delivery)
        if isinstance(reading, Ignored):
            return Outcome("ignored", reason=reading.reason)
        if not isinstance(reading, Reading):
            raise NotImplementedError
        return _settle_reading(deployment, delivery, reading, tries)
    except Unreadable as refusal:
        return _park(deployment, delivery, refusal.reason, refusal.detail)
    except tuple(_PARKED) as refusal:
        return _park(deployment, delivery, _PARKED[type(refusal)], str(refusal))
    except Defect as defect:
        return _park(deployment, delivery, "defect", defect.where)


def rehearse(
    deployment: Deployment, target: Target, known: StoredOrder | None, facts: Sequence[Fact], received_at: datetime
) -> None:
    """Raises what these facts would be parked for, whoever stored them: nothing of the order is written.

    No click is waited for; a volume that it needs is measured and sealed, as it would be by anybody who needs it.
    """
    _check_dates(target, facts, received_at)
    order = known or _unknown(target)
    with ours():
        after, _ = order.facts.with_facts(facts)
        evidence = Evidence(deployment, target.brand_id)
        _settle(evidence, after, _context(evidence, order, target, after, since=None))


def _settle_reading(deployment: Deployment, delivery: Delivery, reading: Reading, tries: int) -> Outcome:
    names = (delivery.brand_id, delivery.mode, delivery.connection_id, reading.external_id, delivery.program_id)
    target = Target(*names)
    received_at = times.parse(delivery.received_at)
    _check_dates(target, reading.facts, received_at)
    young = deployment.now() - received_at < CLICK_LAG
    try:
        changed = apply(deployment, target, reading.facts, wait_for_clicks=young)
    except ClickOnItsWay:
        _try_later(deployment, delivery, tries, seconds=FIRST_SECONDS)
        return Outcome("deferred", target.order_id, "awaiting_click")
    except SealNotDue as awaited:
        # Tries that measure take a step each, so that they come to an end by themselves: they are not counted.
        counted = min(tries, 1) if isinstance(awaited, BeingMeasured) else tries
        ending = _await_volume(deployment, delivery, f"the volume of {awaited} is not known yet", counted)
        return Outcome(ending, target.order_id, _AWAITING_VOLUME)
    return Outcome("applied" if changed else "unchanged", target.order_id)


def _await_volume(deployment: Deployment, delivery: Delivery, detail: str, tries: int) -> Ending:
    """Puts a delivery off for three days at most, in which a note says what for; then the note is all that is left.

    Whoever writes the note begins the tries, and whoever finds it does nothing: many may settle one delivery. The
    message goes out first, since a note without tries would wait for a person.
    """
    if tries == TRIES_MAX:
        telemetry.count("DeliveryParked")
        return "parked"
    if tries:
        _try_later(deployment, delivery, tries + 1, seconds=seconds_after(tries))
        return "deferred"
    note = inbox.parked(deployment.database, delivery.brand_id, delivery.sk)
    if note is None or note.reason != _AWAITING_VOLUME:
        _try_later(deployment, delivery, 1, seconds=FIRST_SECONDS)
        inbox.park(deployment.database, delivery, reason=_AWAITING_VOLUME, detail=detail, now=deployment.now())
    return "deferred"


def _check_dates(target: Target, facts: Sequence[Fact], received_at: datetime) -> None:
    """Raises Unreadable for what dates itself ahead. A test brand may: its clock is its own."""
    for fact in facts:
        said = max(fact.updated_at, fact.placed_at) if isinstance(fact, Snapshot) else fact.updated_at
        if target.mode != "test" and said > received_at + _AHEAD_MAX:
            raise Unreadable("from_the_future", f"dated {times.short(said)}, received {times.short(received_at)}")


class Contended(Unavailable):
    """Others had their word at the order first, time and again."""


class Defect(Exception):
    """Our own code failed on these facts, as it would every time: the delivery waits for the mended code."""

    @property
    def where(self) -> str:
        """What went wrong and where, without its words: they may quote a buyer."""
        cause = self.__cause__ or self
        *_, frame = traceback.extract_tb(cause.__traceback__)
        return f"{type(cause).__name__} in {frame.name}, line {frame.lineno} of {Path(frame.filename).name}"


RATE_MISSING = "rate_missing"
_PARKED: dict[type[Exception], str] = {
    PlacedAtChanged: "placed_at_changed",
    OutOfRange: "amount_out_of_range",
    RateMissing: RATE_MISSING,
}
"""What is wrong with what a delivery says, once it is read; a rate that is missing the brand can give."""
_AWAITING_VOLUME = "awaiting_volume"
_AWAITED = (ClickOnItsWay, SealNotDue)
"""What is not there yet, and comes by itself."""
_NOT_OURS: tuple[type[Exception], ...] = (*FAILURES, *_PARKED, *_AWAITED, OSError, Unreadable, Defect)
"""What the world does, what is wrong with a delivery, and what already has its name."""


@contextmanager
def ours() -> Iterator[None]:
    """Whatever fails in here for no reason of the world's would fail again every time: it is a Defect."""
    try:
        yield
    except _NOT_OURS:
        raise
    except Exception as failure:
        raise Defect from failure


def apply(deployment: Deployment, target: Target, facts: Sequence[Fact], *, wait_for_clicks: bool = False) -> bool:
    """Adds facts to an order and posts the difference; whether anything changed.

    A lost race reads again. Raises PlacedAtChanged, OutOfRange, RateMissing, ClickOnItsWay, SealNotDue and Defect as
    described there, and Contended where races outlast the tries.
    """
    changed_any = unfinished = False
    snapshots = tuple(fact for fact in facts if isinstance(fact, Snapshot))
    events = tuple(fact for fact in facts if not isinstance(fact, Snapshot))
    portions = deque(batched(events, EVENTS_MAX, strict=False) if events else [()])
    while portions or unfinished:
        portion = portions.popleft() if portions else ()
        half = len(portion) // 2
        with ours():
            try:
                changed, unfinished = _apply(deployment, target, snapshots + portion, wait_for_clicks=wait_for_clicks)
                changed_any |= changed
            except Overfull:
                if not half:
                    raise
                portions.extendleft((portion[half:], portion[:half]))
    return changed_any


def _apply(
    deployment: Deployment, target: Target, facts: Sequence[Fact], *, wait_for_clicks: bool
) -> tuple[bool, bool]:
    """Whether anything changed or was posted, and whether parts of what follows are still to be."""
    database = deployment.database
    for attempt in range(_RACES_MAX):
        order = orders.load(database, target.brand_id, target.order_id) or _unknown(target)
        after, changed = order.facts.with_facts(facts)
        if not changed and not order.unfinished:
            return False, False
        now = _brand_now(deployment, target)
        evidence = Evidence(deployment, target.brand_id)
        context = _context(evidence, order, target, after, since=now if wait_for_clicks else None)
        settlement = _settle(evidence, after, context)
        step = orders.step(order, after, settlement)
        entries = [
            settlement_entry(change, order_id=order.id, version=order.version + 1, number=number, now=now)
            for number, change in enumerate(step.differences)
        ]
        writes = orders.writes(order, after, changed, context, settlement, step, entries)
        try:
            database.commit(writes)
        except Refused:
            pause(attempt)
        else:
            return bool(changed or step.differences), step.unfinished
    raise Contended


def _unknown(target: Target) -> StoredOrder:
    return StoredOrder(target.order_id, target.brand_id, target.connection_id, target.external_id)


def recompute(deployment: Deployment, order: KnownOrder) -> Settlement:
    """The order settled again from its own facts and pinned context: what explains it, and what audits it."""
    with ours():
        return _settle(Evidence(deployment, order.brand_id), order.facts, order.context)


def audit(deployment: Deployment, brand: Brand, order_id: str) -> list[tuple[str, str]]:
    """What is wrong with a stored order, as (invariant, detail): nothing, unless a hand was at the tables."""
    try:
        order = orders.load_finished(deployment.database, brand.id, order_id)
    except orders.Torn:
        return [("I5", "its items are not those that its state was written with")]
    except orders.Undecodable:
        return [("I5", "its items are not what was put")]
    if order is None:
        return [("I5", "the index names an order that is not there")]
    want = wanted(recompute(deployment, order))
    if want != order.posted:
        halted = "not all of it is posted yet: " if order.unfinished else ""
        return [("I5", f"{halted}posted {_readable(order.posted)}, settled again {_readable(want)}")]
    return []


def _readable(posted: Posted) -> str:
    parts = [f"{each.creator_id} {each.part} {posted[each]} {each.currency}" for each in in_order(posted)]
    return ", ".join(parts) or "nothing"


def wake(deployment: Deployment, message: str, *, in_time: Callable[[], bool]) -> dict[str, int]:
    """Does what was put off by a message of the delayed queue; the endings, counted.

    A delivery that expired meanwhile has nothing left to say.
    """
    asked = json.loads(message)
    if "second_pass" in asked:
        hour, shard, after = asked["second_pass"]
        return _second_pass_of(deployment, times.parse(hour), shard, after, in_time=in_time)
    delivery = inbox.get(deployment.database, *asked["delivery"])
    return {} if delivery is None else {_settled_for_good(deployment, delivery, tries=asked["tries"]).ending: 1}


def second_pass(deployment: Deployment, hours: Iterable[datetime], *, in_time: Callable[[], bool]) -> dict[str, int]:
    """Settles every delivery of those hours once more: no change is normal, anything else was lost on the way.

    What `in_time` leaves no time for goes on by the delayed queue. Counts the endings.
    """
    endings: Counter[str] = Counter()
    for hour in hours:
        for shard in range(inbox.HOUR_SHARDS):
            endings.update(_second_pass_of(deployment, hour, shard, None, in_time=in_time))
    return dict(endings)


def _second_pass_of(
    deployment: Deployment, hour: datetime, shard: int, after: inbox.Bookmark, *, in_time: Callable[[], bool]
) -> dict[str, int]:
    endings: Counter[str] = Counter()
    while in_time():
        deliveries, after = inbox.of_hour(deployment.database, hour, shard, after)
        noted = inbox.noted(deployment.database, deliveries)
        endings.update(_settle_again(deployment, delivery, noted=delivery.sk in noted) for delivery in deliveries)
        if after is None:
            return dict(endings)
    rest = {"second_pass": [times.text(hour), shard, after]}
    put_off(deployment, deployment.settings.wake_queue_url, rest, seconds=0)
    return dict(endings)


def _settle_again(deployment: Deployment, delivery: Delivery, *, noted: bool) -> str:
    """How it ended. What the world refuses now comes again by the delayed queue, and keeps no other waiting."""
    again = _settled_for_good if noted else settle_delivery
    try:
        return again(deployment, delivery).ending
    except Exception:  # noqa: BLE001 - the queue's own failures end in its dead letters, which raise an alarm
        _try_later(deployment, delivery, 0, seconds=FIRST_SECONDS)
        return "put_off"


def _settled_for_good(deployment: Deployment, delivery: Delivery, *, tries: int = 0) -> Outcome:
    """Settles what may have a note, which goes unless the delivery is parked again, or still waits."""
    outcome = settle_delivery(deployment, delivery, tries=tries)
    if outcome.ending not in ("parked", "deferred"):
        inbox.unpark(deployment.database, delivery)
    return outcome


def _try_later(deployment: Deployment, delivery: Delivery, tries: int, *, seconds: int) -> None:
    """Puts a delivery off without blocking what comes behind it in the stream."""
    message = {"delivery": [delivery.pk, delivery.sk], "tries": tries}
    put_off(deployment, deployment.settings.wake_queue_url, message, seconds=seconds)


def _read(deployment: Deployment, delivery: Delivery) -> Said:
    request = Request(*inbox.content(deployment.database, lambda: deployment.s3, delivery))
    names = (delivery.brand_id, delivery.platform, delivery.connection_id)
    return PLATFORMS[delivery.platform].facts(request, pseudonym(deployment, *names))


def pseudonym(deployment: Deployment, brand_id: str, platform: str, connection_id: str | None) -> Pseudonym:
    """What the buyers behind a door of a brand are called here."""
    keyed = partial(deployment.secrets.pseudonym, brand_id)
    return Pseudonym(keyed, f"{platform}:{connection_id or inbox.REST}")


def _context(
    evidence: Evidence, order: StoredOrder, target: Target, after: OrderFacts, *, since: datetime | None
) -> Context:
    """What is pinned, and what is looked up for the first time. The first snapshot pins the rest."""
    context = order.context
    if order.facts.snapshot is None:
        context = Context(only_program=target.only_program, test_brand=target.mode == "test")
    return evidence.pinned(order.id, after, context, wait_for_clicks_since=since)


def _settle(evidence: Evidence, facts: OrderFacts, context: Context) -> Settlement:
    return settle(facts, context, evidence.terms(context.touches_of(facts)))


def _brand_now(deployment: Deployment, target: Target) -> datetime:
    """A live brand's time is the real one and costs no read; a test brand's clock may have been moved a moment ago."""
    if target.mode != "test":
        return deployment.now()
    brand = deployment.database.get(*brands.brand_key(target.brand_id))
    return deployment.now() if brand is None else deployment.brand_now(brand)


def _park(deployment: Deployment, delivery: Delivery, reason: str, detail: str) -> Outcome:
    if inbox.park(deployment.database, delivery, reason=reason, detail=detail, now=deployment.now()):
        telemetry.count("DeliveryParked")
    return Outcome("parked", reason=reason, detail=detail)


def redrive(deployment: Deployment, brand_id: str, delivery_id: str) -> Outcome:
    """Settles a parked delivery once more and removes its note where that succeeds. Raises NotFound.

    The note stays where the delivery itself has expired: then it is all that is left of it.
    """
    note = inbox.parked(deployment.database, brand_id, delivery_id)
    if note is None:
        raise NotFound
    delivery = inbox.get(deployment.database, note.inbox_pk, delivery_id)
    if delivery is None:
        return Outcome("parked", reason="expired")
    return _settled_for_good(deployment, delivery)

"""Deliveries become facts: read, settled, and put off or parked where something stands in the way.

Every door comes through here: webhooks by the stream, the REST API, the delayed queue, the second pass, a redrive.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Literal, assert_never

from vouch import telemetry
from vouch.deadlines import InTime
from vouch.domain import times
from vouch.domain.errors import NotFound
from vouch.domain.facts import Decision, Event, Fact, Mention, PlacedAtChanged, Shadow, Snapshot, Standing
from vouch.platforms.base import (
    Aside,
    Ignored,
    Mirrored,
    PrivacyRequest,
    Pseudonym,
    Reading,
    Request,
    Said,
    Thin,
    Unreadable,
    Visits,
)
from vouch.platforms.registry import PLATFORMS
from vouch.service import visits
from vouch.service.deployment import Deployment
from vouch.service.evidence import CLICK_LAG, ClickOnItsWay
from vouch.service.orders import (
    PARKED,
    Contended,
    Defect,
    NameTaken,
    Target,
    apply,
    check_dates,
    hear_aside,
    order_behind,
    ours,
)
from vouch.service.queues import FIRST_SECONDS, TRIES_MAX, put_off, seconds_after
from vouch.service.volumes import BeingMeasured, SealNotDue
from vouch.store import aliases, connections, inbox, mirrors, orders, privacy
from vouch.store.inbox import BodyGone
from vouch.store.tables import Delivery

Ending = Literal["applied", "unchanged", "ignored", "parked", "deferred"]
_AWAITING_VOLUME = "awaiting_volume"
AWAITING_PLATFORM = "awaiting_platform"
_LEADS_MAX = 8
"""How often an order may turn out to be another sale while it is told: each time, somebody else was quicker."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a delivery ended; `reason` for what was ignored or parked, and of what waits, for what."""

    ending: Ending
    order_id: str | None = None
    reason: str | None = None
    detail: str | None = None


def settle_delivery(deployment: Deployment, delivery: Delivery, *, tries: int = 0) -> Outcome:
    """Turns a stored delivery into facts and settles its order; `tries`: which one at a volume that it awaits.

    What is wrong with the delivery parks it; what is wrong with the world is raised, and the delivery comes again. One
    whose body is gone has nothing left to say.
    """
    try:
        _ = deployment.secrets  # read from the world on first use: what is wrong with them is not wrong with a delivery
        with ours():
            said = read(deployment, delivery)
        return _taken(deployment, delivery, said, tries)
    except BodyGone:
        return Outcome("ignored", reason="body_gone")
    except Unreadable as refusal:
        return _park(deployment, delivery, refusal.reason, refusal.detail)
    except tuple(PARKED) as refusal:
        return _park(deployment, delivery, PARKED[type(refusal)], str(refusal))
    except Defect as defect:
        return _park(deployment, delivery, "defect", defect.where)


def _taken(deployment: Deployment, delivery: Delivery, said: Said, tries: int) -> Outcome:
    match said:
        case Ignored(reason):
            return Outcome("ignored", reason=reason)
        case Thin():
            _ask(deployment, delivery)
            return Outcome("deferred", reason=AWAITING_PLATFORM)
        case Visits(found):
            return _settled(
                deployment, delivery, None, tries, lambda: visits.record(deployment, delivery, found).changed
            )
        case PrivacyRequest():
            return _take_down(deployment, delivery, said)
        case Reading() | Aside():
            outcome = _settle(deployment, delivery, said, tries)
            if said.asks:
                _ask(deployment, delivery)
            return outcome
        case _:
            assert_never(said)


def _settle(deployment: Deployment, delivery: Delivery, said: Reading | Aside, tries: int) -> Outcome:
    if isinstance(said, Aside):
        return _settle_aside(deployment, delivery, said, tries)
    return _settle_reading(deployment, delivery, said, tries)


def _settle_reading(deployment: Deployment, delivery: Delivery, reading: Reading, tries: int) -> Outcome:
    target = _target(delivery, reading.external_id)
    received_at = times.parse(delivery.received_at)
    check_dates(target, reading.facts, received_at)
    young = _is_young(deployment, received_at)

    def settle() -> bool:
        told = replace(reading, facts=(*reading.facts, *_noted_shadow(deployment, delivery, reading)))
        may_lead_on = PLATFORMS[delivery.platform].has_aliases
        changed = _tell(deployment, target, told, may_lead_on=may_lead_on, wait_for_clicks=young)
        for mirrored in reading.mirrored:
            changed |= _overshadow(deployment, target, mirrored, reading)
        return changed

    return _settled(deployment, delivery, target.order_id, tries, settle)


def _settle_aside(deployment: Deployment, delivery: Delivery, aside: Aside, tries: int) -> Outcome:
    target = _target(delivery, aside.alias)
    received_at = times.parse(delivery.received_at)
    check_dates(target, aside.facts, received_at)
    young = _is_young(deployment, received_at)

    def settle() -> bool:
        return hear_aside(deployment, target, aside.alias, aside.facts, wait_for_clicks=young)

    return _settled(deployment, delivery, None, tries, settle)


def _is_young(deployment: Deployment, received_at: datetime) -> bool:
    """Whether clicks that a delivery names may still be on their way."""
    return deployment.now() - received_at < CLICK_LAG


def _settled(
    deployment: Deployment, delivery: Delivery, order_id: str | None, tries: int, settle: Callable[[], bool]
) -> Outcome:
    """What came of it; what waits for something is put off."""
    try:
        changed = settle()
    except ClickOnItsWay:
        _try_later(deployment, delivery, tries, seconds=FIRST_SECONDS)
        return Outcome("deferred", order_id, "awaiting_click")
    except SealNotDue as awaited:
        # Tries that measure take a step each, so that they come to an end by themselves: they are not counted.
        counted = min(tries, 1) if isinstance(awaited, BeingMeasured) else tries
        ending = _await_volume(deployment, delivery, f"the volume of {awaited} is not known yet", counted)
        return Outcome(ending, order_id, _AWAITING_VOLUME)
    return Outcome("applied" if changed else "unchanged", order_id)


def _target(delivery: Delivery, external_id: str) -> Target:
    return Target(delivery.brand_id, delivery.mode, delivery.connection_id, external_id, delivery.program_id)


def _tell(
    deployment: Deployment, target: Target, reading: Reading, *, may_lead_on: bool, wait_for_clicks: bool
) -> bool:
    """Tells the order, or whichever turns out to be the same sale; whether anything changed."""
    sale = target.external_id
    if may_lead_on and not reading.aliases:  # who claims names looks at the order's own as well
        sale = order_behind(deployment, target, sale)
    for _ in range(_LEADS_MAX):
        try:
            if sale == target.external_id:
                return apply(deployment, target, reading.facts, names=reading.aliases, wait_for_clicks=wait_for_clicks)
            return _tell_elsewhere(deployment, target, reading, sale, wait_for_clicks=wait_for_clicks)
        except NameTaken as taken:
            sale = taken.external_id
    raise Contended


def _tell_elsewhere(
    deployment: Deployment, target: Target, reading: Reading, external_id: str, *, wait_for_clicks: bool
) -> bool:
    """The same sale is an order already, by another of the platform's objects: this one tells that order, too.

    Its names that are nobody's yet become that order's, with what has waited under them. Had it become an order of its
    own before it said so, that one earns nothing any more, and what it was told the sale is told, too; but what a brand
    has decided of it is about that one alone.
    """
    sale = replace(target, external_id=external_id)
    names = list(dict.fromkeys((target.external_id, *reading.aliases)))
    known = aliases.load(deployment.database, target.brand_id, target.connection_id or "", names)
    free = [name for name, found in zip(names, known, strict=True) if found.external_id in (None, external_id)]
    changed = _tell_sale(deployment, sale, reading, free, wait_for_clicks=wait_for_clicks)
    own = orders.load(deployment.database, target.brand_id, target.order_id)
    if own is not None:
        told = [own.facts.told] if own.facts.told else []
        heard = [fact for fact in own.facts.events.values() if not isinstance(fact, Decision | Shadow | Standing)]
        retold = Reading(target.external_id, (*told, *heard))
        changed |= _tell_sale(deployment, sale, retold, (), wait_for_clicks=wait_for_clicks)
        changed |= apply(deployment, target, [Shadow(sale.order_id, times.EPOCH)])
    return changed


def _tell_sale(
    deployment: Deployment, sale: Target, reading: Reading, names: Sequence[str], *, wait_for_clicks: bool
) -> bool:
    """Of two objects that say different births the later comer adds no more than its evidence."""
    try:
        return apply(deployment, sale, reading.facts, names=names, joins=True, wait_for_clicks=wait_for_clicks)
    except PlacedAtChanged:
        evidence = evidence_of(reading)
        return apply(deployment, sale, evidence, names=names, joins=True, wait_for_clicks=wait_for_clicks)


def evidence_of(reading: Reading) -> list[Fact]:
    """What it says to an order that another object has told, and cannot be told by both."""
    return [_mentioned(reading, fact) if isinstance(fact, Snapshot) else fact for fact in reading.facts]


def _mentioned(reading: Reading, told: Snapshot) -> Event:
    evidence = (told.codes, told.click_ids, told.customers, told.handles, told.contacts)
    return Mention(reading.external_id, told.updated_at, *evidence)


def _overshadow(deployment: Deployment, target: Target, mirrored: Mirrored, reading: Reading) -> bool:
    """Tells the order of the brand's other platform, known there or not, that this one is the sale.

    That is noted first, for connections that are made later; a test is no sale, but in a test brand.
    """
    told = [fact for fact in reading.facts if isinstance(fact, Snapshot)]
    if target.mode != "test" and any(snapshot.test for snapshot in told):
        return False
    shadow = Shadow(target.order_id, min((snapshot.placed_at for snapshot in told), default=times.EPOCH))
    mirrors.note(deployment.database, target.brand_id, mirrored.platform, mirrored.external_id, shadow)
    changed = False
    for connection in connections.of_platform(deployment.database, target.brand_id, mirrored.platform):
        twin = Target(target.brand_id, connection.mode, connection.id, mirrored.external_id, connection.program_id)
        changed |= apply(deployment, twin, [shadow])
    return changed


def _noted_shadow(deployment: Deployment, delivery: Delivery, reading: Reading) -> list[Shadow]:
    """What another platform has said of this order before anybody told it here."""
    if not PLATFORMS[delivery.platform].may_be_mirrored:
        return []
    known = mirrors.shadow(deployment.database, delivery.brand_id, delivery.platform, reading.external_id)
    return [] if known is None else [known]


def _take_down(deployment: Deployment, delivery: Delivery, said: PrivacyRequest) -> Outcome:
    """Keeps that it was asked, and has it done without waiting for it."""
    shop = _shop_of(deployment, delivery)
    if said.shop is not None and shop is not None and _are_two(said.shop, shop):
        return Outcome("ignored", reason="other_shop")
    now = deployment.now()
    changed = deployment.database.put_new(privacy.new(delivery, request=said.kind, platform_id=said.id, now=now))
    put_off(deployment, deployment.settings.privacy_queue_url, {"delivery": [delivery.pk, delivery.sk]}, seconds=0)
    return Outcome("applied" if changed else "unchanged")


def _are_two(one: str, other: str) -> bool:
    """Two shops under one platform's roof; a shop's own domain may be any of them, and is given the benefit of it."""
    return one != other and one.partition(".")[2] == other.partition(".")[2]


def _shop_of(deployment: Deployment, delivery: Delivery) -> str | None:
    connection = connections.connection(deployment.database, delivery.brand_id, delivery.connection_id or "")
    return connection.shop if connection else None


def _ask(deployment: Deployment, delivery: Delivery) -> None:
    """Has the platform asked, without waiting for it."""
    message = {"delivery": [delivery.pk, delivery.sk], "tries": 0, "group": delivery.connection_id}
    put_off(deployment, deployment.settings.fetch_queue_url, message, seconds=0)


def _await_volume(deployment: Deployment, delivery: Delivery, detail: str, tries: int) -> Ending:
    """Puts a delivery off for three days at most, in which a note says what for; then the note is all that is left.

    Whoever writes the note begins the tries, and whoever finds it does nothing: many may settle one delivery. The
    message goes out first, since a note without tries would wait for a person.
    """
    if tries == TRIES_MAX:
        inbox.park(deployment.database, delivery, reason=_AWAITING_VOLUME, detail=detail, now=deployment.now())
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


def wake(deployment: Deployment, message: str, *, in_time: InTime) -> dict[str, int]:
    """Does what was put off by a message of the delayed queue; the endings, counted.

    A delivery that expired meanwhile has nothing left to say.
    """
    asked = json.loads(message)
    if "second_pass" in asked:
        hour, shard, after = asked["second_pass"]
        return _second_pass_of(deployment, times.parse(hour), shard, after, in_time=in_time)
    delivery = inbox.get(deployment.database, *asked["delivery"])
    return {} if delivery is None else {settled_for_good(deployment, delivery, tries=asked["tries"]).ending: 1}


def second_pass(deployment: Deployment, hours: Iterable[datetime], *, in_time: InTime) -> dict[str, int]:
    """Settles every delivery of those hours once more: no change is normal, anything else was lost on the way.

    What `in_time` leaves no time for goes on by the delayed queue. Counts the endings.
    """
    endings: Counter[str] = Counter()
    for hour in hours:
        for shard in range(inbox.HOUR_SHARDS):
            endings.update(_second_pass_of(deployment, hour, shard, None, in_time=in_time))
    return dict(endings)


def _second_pass_of(
    deployment: Deployment, hour: datetime, shard: int, after: inbox.Bookmark, *, in_time: InTime
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
    again = settled_for_good if noted else settle_delivery
    try:
        return again(deployment, delivery).ending
    except Exception:  # noqa: BLE001 - the queue's own failures end in its dead letters, which raise an alarm
        _try_later(deployment, delivery, 0, seconds=FIRST_SECONDS)
        return "put_off"


def settled_for_good(deployment: Deployment, delivery: Delivery, *, tries: int = 0) -> Outcome:
    """Settles what may have a note, which goes unless the delivery is parked again, or still waits.

    What waits for its platform alone waits by the note of those who ask.
    """
    outcome = settle_delivery(deployment, delivery, tries=tries)
    if outcome.ending not in ("parked", "deferred") or outcome.reason == AWAITING_PLATFORM:
        inbox.unpark(deployment.database, delivery)
    return outcome


def _try_later(deployment: Deployment, delivery: Delivery, tries: int, *, seconds: int) -> None:
    """Puts a delivery off without blocking what comes behind it in the stream."""
    message = {"delivery": [delivery.pk, delivery.sk], "tries": tries}
    put_off(deployment, deployment.settings.wake_queue_url, message, seconds=seconds)


def read(deployment: Deployment, delivery: Delivery) -> Said:
    """What a delivery says, from its bytes alone. Raises Unreadable."""
    headers, body = inbox.content(deployment.database, lambda: deployment.s3, delivery)
    names = pseudonym(deployment, delivery.brand_id, delivery.platform, delivery.connection_id)
    platform = PLATFORMS[delivery.platform]
    if not delivery.answers:
        return platform.facts(Request(headers, body), names)
    if platform.api is None:
        raise Unreadable("shape_mismatch", "an answer of a platform that is never asked")
    return platform.api.read(body, names)


def pseudonym(deployment: Deployment, brand_id: str, platform: str, connection_id: str | None) -> Pseudonym:
    """What the buyers behind a door of a brand are called here."""
    keyed = partial(deployment.secrets.pseudonym, brand_id)
    return Pseudonym(keyed, f"{platform}:{connection_id or inbox.REST}")


def _park(deployment: Deployment, delivery: Delivery, reason: str, detail: str) -> Outcome:
    if inbox.park(deployment.database, delivery, reason=reason, detail=detail, now=deployment.now()):
        telemetry.count("DeliveryParked")
    return Outcome("parked", reason=reason, detail=detail)


def redrive(deployment: Deployment, brand_id: str, delivery_id: str) -> Outcome:
    """Settles a parked delivery once more and removes its note where that succeeds. Raises NotFound.

    What its platform did not tell is asked for again, with three days before it; older tries end by themselves. A note
    stays where the delivery itself has expired: then it is all that is left of it.
    """
    asked = inbox.parked(deployment.database, brand_id, delivery_id, asked=True)
    note = asked or inbox.parked(deployment.database, brand_id, delivery_id)
    if note is None:
        raise NotFound
    delivery = inbox.get(deployment.database, note.inbox_pk, delivery_id)
    if delivery is None:
        return Outcome("parked", reason="expired")
    if asked is not None:
        inbox.let_go(deployment.database, asked)
        _ask(deployment, delivery)  # settling asks, too, unless it parks: whoever comes second finds the other's tries
    return settled_for_good(deployment, delivery)

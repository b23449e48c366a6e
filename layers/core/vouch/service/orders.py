"""Settling: facts in, the difference posted, in one transaction that advances the order's version."""

import traceback
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import batched
from pathlib import Path

from vouch.domain import times
from vouch.domain.context import CONTACT, Context
from vouch.domain.errors import Unavailable
from vouch.domain.facts import Event, Fact, OrderFacts, PlacedAtChanged, Snapshot
from vouch.domain.ledger import settlement_entry
from vouch.domain.money import OutOfRange
from vouch.domain.settlement import Posted, RateMissing, Settlement, in_order, settle, wanted
from vouch.platforms.base import NotYet, Unreadable
from vouch.service.deployment import Deployment
from vouch.service.evidence import ClickOnItsWay, Evidence
from vouch.service.volumes import SealNotDue
from vouch.store import aliases, brands, orders, visits
from vouch.store.aliases import KnownAlias
from vouch.store.database import FAILURES, Overfull, Refused, Writes, pause
from vouch.store.orders import EVENTS_MAX, KnownOrder, StoredOrder
from vouch.store.tables import Alias, Brand

_RACES_MAX = 12
_AHEAD_MAX = timedelta(days=1)
"""How far a platform's clock may be ahead of ours: a snapshot of next year would hide all that follow until then."""


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


def rehearse(
    deployment: Deployment, target: Target, known: StoredOrder | None, facts: Sequence[Fact], received_at: datetime
) -> None:
    """Raises what these facts would be parked for, whoever stored them: nothing of the order is written.

    No click is waited for; a volume that it needs is measured and sealed, as it would be by anybody who needs it.
    """
    check_dates(target, facts, received_at)
    order = known or _unknown(target)
    with ours():
        after, _ = order.facts.with_facts(facts)
        evidence = Evidence(deployment, target.brand_id)
        _settle(evidence, after, _context(evidence, order, target, after, since=None))


def check_dates(target: Target, facts: Sequence[Fact], received_at: datetime) -> None:
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


class NameTaken(Exception):
    """A name that is said to be this order's is another one's."""

    def __init__(self, external_id: str) -> None:
        super().__init__(external_id)
        self.external_id = external_id


class _Overtaken(Exception):
    """Something came to wait under a name, or somebody claimed it, since it was read."""


@dataclass(frozen=True, slots=True)
class _Names:
    """What an order claims: names that are nobody's yet. Its `own` is held where it must not become another's now."""

    free: Sequence[KnownAlias] = ()
    own: KnownAlias | None = None


RATE_MISSING = "rate_missing"
PARKED: dict[type[Exception], str] = {
    PlacedAtChanged: "placed_at_changed",
    OutOfRange: "amount_out_of_range",
    RateMissing: RATE_MISSING,
}
"""What is wrong with what a delivery says, once it is read; a rate that is missing the brand can give."""
_AWAITED = (ClickOnItsWay, SealNotDue)
"""What is not there yet, and comes by itself."""
_NOT_OURS: tuple[type[Exception], ...] = (
    *(*FAILURES, *PARKED, *_AWAITED),
    *(OSError, Unreadable, NotYet, Refused, Defect, NameTaken, _Overtaken),
)
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


def apply(
    deployment: Deployment,
    target: Target,
    facts: Sequence[Fact],
    *,
    names: Sequence[str] = (),
    joins: bool = False,
    wait_for_clicks: bool = False,
) -> bool:
    """Adds facts to an order and posts the difference; whether anything changed.

    `names` are others by which its platform speaks of the order: they become its own, with what has waited under them.
    It `joins` where another order's id is among them: then its own does not become that one's in the same moment.
    A lost race reads again. Raises PlacedAtChanged, OutOfRange, RateMissing, ClickOnItsWay, SealNotDue, NameTaken and
    Defect as described there, and Contended where races outlast the tries.
    """
    changed = False
    for attempt in range(_RACES_MAX):
        unclaimed = _unclaimed(deployment, target, names, joins=joins)
        said = [*facts, *(fact for name in unclaimed.free for fact in name.waiting.values())]
        try:
            changed |= _apply_all(deployment, target, said, unclaimed, wait_for_clicks=wait_for_clicks)
        except _Overtaken:
            changed = True
            pause(attempt)
            continue
        if changed and names and (sale := order_behind(deployment, target, target.external_id)) != target.external_id:
            raise NameTaken(sale)  # somebody has found out so meanwhile, and may have missed what we have just told it
        return changed
    raise Contended


def hear_aside(
    deployment: Deployment, target: Target, name: str, facts: Sequence[Event], *, wait_for_clicks: bool = False
) -> bool:
    """Adds facts to the order that answers to that name of its platform, or has them wait until there is one.

    Whether anything changed. The target's own `external_id` is the name. Raises as `apply`.
    """
    changed = False
    for portion in batched(facts, EVENTS_MAX, strict=False):
        changed |= _hear_aside(deployment, target, name, portion, wait_for_clicks=wait_for_clicks)
    return changed


def _hear_aside(
    deployment: Deployment, target: Target, name: str, facts: Sequence[Event], *, wait_for_clicks: bool
) -> bool:
    database, connection_id = deployment.database, target.connection_id or ""
    for attempt in range(_RACES_MAX):
        [known] = aliases.load(database, target.brand_id, connection_id, [name])
        if known.external_id is not None:
            return _apply_behind(deployment, target, known.external_id, facts, wait_for_clicks=wait_for_clicks)
        writes = aliases.wait(known, facts)
        if writes is None:
            return False
        try:
            database.commit(writes)
        except Refused:
            pause(attempt)
        else:
            return True
    raise Contended


def _apply_behind(
    deployment: Deployment, target: Target, external_id: str, facts: Sequence[Event], *, wait_for_clicks: bool
) -> bool:
    """Adds facts to the order that this id means; had that become another's name meanwhile, to that one, too."""
    sale, changed = order_behind(deployment, target, external_id), False
    while apply(deployment, replace(target, external_id=sale), facts, wait_for_clicks=wait_for_clicks):
        told, changed = sale, True
        sale = order_behind(deployment, target, told)
        if sale == told:
            break
    return changed


def order_behind(deployment: Deployment, target: Target, external_id: str) -> str:
    """As `aliases.order_behind`, of the target's connection."""
    return aliases.order_behind(deployment.database, target.brand_id, target.connection_id or "", external_id)


def _unclaimed(deployment: Deployment, target: Target, names: Sequence[str], *, joins: bool) -> _Names:
    """Those of the names that are nobody's yet. Raises NameTaken where one, or the order's own, is another's."""
    if not names or target.connection_id is None:
        return _Names()
    own, spelled = target.external_id, list(dict.fromkeys((target.external_id, *names)))
    found = aliases.load(deployment.database, target.brand_id, target.connection_id, spelled)
    for name in found:
        if name.external_id not in (None, own):
            sale = order_behind(deployment, target, name.external_id)
            if sale != own:
                raise NameTaken(sale)
    known = dict(zip(spelled, found, strict=True))
    free = [known[name] for name in dict.fromkeys(names) if known[name].external_id is None]
    return _Names(free, known[own] if joins and own not in names else None)


def _apply_all(
    deployment: Deployment,
    target: Target,
    facts: Sequence[Fact],
    unclaimed: _Names,
    *,
    wait_for_clicks: bool,
) -> bool:
    """The facts in as many transactions as they need; the names are claimed with the last of the facts."""
    changed_any = unfinished = False
    snapshots = tuple(fact for fact in facts if isinstance(fact, Snapshot))
    events = tuple(fact for fact in facts if not isinstance(fact, Snapshot))
    portions = deque(batched(events, EVENTS_MAX, strict=False) if events else [()])
    while portions or unfinished:
        portion = portions.popleft() if portions else ()
        half = len(portion) // 2
        claims = _Names() if portions else unclaimed
        with ours():
            try:
                changed, unfinished = _apply(
                    deployment, target, snapshots + portion, claims, wait_for_clicks=wait_for_clicks
                )
                unclaimed = _Names() if claims.free else unclaimed
                changed_any |= changed
            except Overfull:
                if not half:
                    raise
                portions.extendleft((portion[half:], portion[:half]))
    return changed_any


def _apply(
    deployment: Deployment,
    target: Target,
    facts: Sequence[Fact],
    claims: _Names,
    *,
    wait_for_clicks: bool,
) -> tuple[bool, bool]:
    """Whether anything changed or was posted, and whether parts of what follows are still to be."""
    database = deployment.database
    for attempt in range(_RACES_MAX):
        order = orders.load(database, target.brand_id, target.order_id) or _unknown(target)
        after, changed = order.facts.with_facts(facts)
        if not changed and not order.unfinished:
            if claims.free:
                _commit(deployment, Writes(), claims, target)
            return False, False
        now = _brand_now(deployment, target)
        evidence = Evidence(deployment, target.brand_id)
        _await_visits(deployment, target, order, after)
        context = _context(evidence, order, target, after, since=now if wait_for_clicks else None)
        settlement = _settle(evidence, after, context)
        step = orders.step(order, after, settlement)
        entries = [
            settlement_entry(change, order_id=order.id, version=order.version + 1, number=number, now=now)
            for number, change in enumerate(step.differences)
        ]
        writes = orders.writes(order, after, changed, context, settlement, step, entries)
        try:
            _commit(deployment, writes, claims, target)
        except Refused:
            pause(attempt)
        else:
            return bool(changed or step.differences), step.unfinished
    raise Contended


def _commit(deployment: Deployment, writes: Writes, claims: _Names, target: Target) -> None:
    for name in claims.free:
        aliases.claim(writes, name, target.external_id)
    if claims.free and claims.own is not None:
        aliases.hold(writes, claims.own)
    try:
        deployment.database.commit(writes)
    except Refused as refusal:
        if any(isinstance(item, Alias) for item in refusal.items):
            raise _Overtaken from refusal
        raise


def _await_visits(deployment: Deployment, target: Target, order: StoredOrder, after: OrderFacts) -> None:
    """Before anybody looks for visits of a contact: whoever records one from now on finds this order."""
    born_later = order.facts.snapshot is not None and after.begins > order.facts.begins
    for contact in after.snapshot.contacts if after.snapshot else ():
        if "@" not in contact and (born_later or f"{CONTACT}{contact}" not in order.context.touches):
            visits.await_visits(
                deployment.database,
                target.brand_id,
                contact,
                target.order_id,
                connection_id=target.connection_id,
                external_id=target.external_id,
                placed_at=after.begins,
            )


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

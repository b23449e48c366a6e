"""Simulations: what draft terms of a program would have made of the orders of a range, creator by creator.

What is posted is compared with what `settle` says of the same stored orders with the draft in place of every version of
the program. Nothing is written but counters (`vouch.store.simulations`). A range that takes longer than a request goes
on by a queue of its own, chunk by chunk: a step that is repeated, or dies, counts nothing twice and leaves nothing out.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final, override

from vouch.deadlines import InTime
from vouch.domain import simulation, times
from vouch.domain import terms as promises
from vouch.domain.errors import Malformed, NotFound, TooMany, Unavailable
from vouch.domain.simulation import Change, OrderChange, Outcome, Stake, Sums
from vouch.service import listings, pages, programs, ranges
from vouch.service.deployment import Deployment
from vouch.service.mint import Mint
from vouch.service.pages import Page
from vouch.service.promises import terms_of
from vouch.service.trials import UNSETTLED, Trial, Tried
from vouch.service.volumes import BeingMeasured
from vouch.store import orders, simulations
from vouch.store.database import Refused, Writes, pause
from vouch.store.orders import KnownOrder
from vouch.store.seals import Measured, Volume
from vouch.store.simulations import PREFIX
from vouch.store.tables import Brand, Order, Simulation

RUNNING_MAX: Final = 4
"""So many simulations of a brand run at once."""
TOLD_MAX: Final = 1_000
"""So many orders that the draft changes are told of one by one."""
TOLD_AMOUNTS_MAX: Final = 8_000
"""So many amounts of theirs: fewer than an item holds, some 40 bytes each. Of most orders two are told."""
_CHUNK_ORDERS: Final = 5_000
_CHUNK_SUMS: Final = 20_000
_LATER_SECONDS: Final = 20
"""By then the request that began it has done what it had time for."""
_STALLED: Final = timedelta(minutes=30)
"""A message that somebody died of comes again after nine."""
_TRIES_MAX: Final = 5
"""So often in a row it may be tried, or sent for, in vain."""
_RACES_MAX: Final = 12
_MARK_BYTES: Final = 8


def created(
    deployment: Deployment,
    mint: Mint,
    brand: Brand,
    *,
    program_id: str,
    terms: dict[str, Any],
    start: datetime,
    end: datetime,
    in_time: InTime,
) -> Simulation:
    """A new simulation of the orders placed in `[start, end)`: done, or as far as it came `in_time`.

    Raises NotFound for a program that is not the brand's, Unprocessable for terms that could not be published,
    Malformed where the end lies before the start, and TooMany where four of the brand's are running.
    """
    program = programs.found(deployment, brand, program_id).program
    promises.from_plain(terms, program.currency)
    if end < start:
        raise Malformed(param="to")
    item = simulations.new(
        brand.id,
        mint.id(PREFIX),
        program_id=program.id,
        currency=program.currency,
        terms=terms,
        placed_from=start,
        placed_to=end,
        now=deployment.now(),
    )
    item = _begun(deployment, brand, item)
    if item.status != "running":
        return item
    # First of all: whatever becomes of this request, somebody goes on.
    _send(deployment, brand.id, item, seconds=_LATER_SECONDS)
    return _went_on(deployment, brand.id, item, in_time, sends=False)


def resumed(deployment: Deployment, message: Mapping[str, Any], *, in_time: InTime) -> Simulation | None:
    """Goes on with the simulation of a message: a page at least, and more while `in_time`. None: it has expired."""
    brand_id, simulation_id = message["simulation"]
    item = simulations.found(deployment.database, brand_id, simulation_id, deployment.now())
    if item is None or item.status != "running":
        return item
    # Before the work: whoever is killed by it counts nothing any more.
    if not simulations.count_try(deployment.database, item, deployment.now()):
        return _as_it_is(deployment, brand_id, item)
    if item.tries > _TRIES_MAX:
        item.status = "failed"
        return item if _put(deployment, item) else _as_it_is(deployment, brand_id, item)
    return _went_on(deployment, brand_id, item, in_time, sends=True)


def found(deployment: Deployment, brand: Brand, simulation_id: str) -> Simulation:
    """Raises NotFound. One that nobody has been at for half an hour is set going again."""
    item = simulations.found(deployment.database, brand.id, simulation_id, deployment.now())
    if item is None:
        raise NotFound
    return _kept_going(deployment, brand.id, item)


def listed(deployment: Deployment, brand: Brand, *, limit: int, cursor: str | None) -> Page[Simulation]:
    """The brand's simulations of the last 30 days, the newest first."""
    scope = f"{brand.id}/simulations"
    before = pages.opened(deployment, scope, cursor)[0] if cursor is not None else None
    items = simulations.newest(deployment.database, brand.id, limit=limit + 1, before=before, now=deployment.now())
    shown = items[:limit]
    return Page(shown, pages.sealed(deployment, scope, [shown[-1].id]) if len(items) > limit else None)


def rows(deployment: Deployment, brand: Brand, item: Simulation, cursor: str | None) -> Page[tuple[Stake, Change]]:
    """The result, a thousand rows at a time, the largest differences first; no rows before it is done."""
    scope = f"{brand.id}/{item.id}/rows"
    number = int(pages.opened(deployment, scope, cursor)[0]) if cursor is not None else 0
    if item.status != "done":
        return Page([], None)
    shown = simulations.rows(deployment.database, item, number)
    return Page(shown, pages.sealed(deployment, scope, [str(number + 1)]) if number + 1 < item.pages else None)


def every_row(deployment: Deployment, item: Simulation) -> Iterator[tuple[Stake, Change]]:
    """The whole result."""
    for number in range(item.pages):
        yield from simulations.rows(deployment.database, item, number)


def order_changes(
    deployment: Deployment, brand: Brand, item: Simulation, *, limit: int, cursor: str | None
) -> Page[OrderChange]:
    """The orders that the draft changes or cannot settle: the first thousand of them, as they were met.

    Those are fewer where they are so many creators' that there would be more than 8 000 amounts to tell.
    """
    scope = f"{brand.id}/{item.id}/orders"
    begin = int(pages.opened(deployment, scope, cursor)[0]) if cursor is not None else 0
    shown = list(islice(simulations.order_changes(deployment.database, item), begin, begin + limit))
    following = begin + limit
    more = following < item.differences
    return Page(shown, pages.sealed(deployment, scope, [str(following)]) if more else None)


def tried(deployment: Deployment, brand: Brand, item: Simulation, order_id: str) -> Tried:
    """An order by the simulation's draft. Raises Unprocessable where that cannot settle it.

    Raises NotFound for one that was not placed in its time, or with which its program has nothing to do, too.
    """
    order = listings.whole_order(deployment, brand, order_id)
    if not _concerns(item, order):
        raise NotFound
    return _trial(deployment, brand.id, item).told(order.id, order.facts, order.context)


def _concerns(item: Simulation, order: KnownOrder) -> bool:
    snapshot, touches = order.facts.snapshot, order.context.touches_of(order.facts)
    if snapshot is None or not times.parse(item.placed_from) <= snapshot.placed_at < times.parse(item.placed_to):
        return False
    return any(touch.program_id == item.program_id for touch in touches)


def _begun(deployment: Deployment, brand: Brand, item: Simulation) -> Simulation:
    """The new simulation, stored, or what an earlier try has made of it. Raises TooMany."""
    database = deployment.database
    for attempt in range(_RACES_MAX):
        earlier = simulations.found(database, brand.id, item.id, deployment.now())
        if earlier is not None:
            return _kept_going(deployment, brand.id, earlier)
        known, named = simulations.running(database, brand.id, deployment.now())
        others = [other for other in named if _kept_going(deployment, brand.id, other).status == "running"]
        if len(others) >= RUNNING_MAX:
            raise TooMany(most=RUNNING_MAX)
        writes = Writes()
        simulations.begin(writes, item, known, others)
        try:
            database.commit(writes)
        except Refused:
            pause(attempt)
        else:
            return item
    raise Unavailable


def _kept_going(deployment: Deployment, brand_id: str, item: Simulation) -> Simulation:
    """As it is; set going again where it has stood still, and given up where that was done too often."""
    if item.status != "running" or deployment.now() - times.parse(item.moved_at) <= _STALLED:
        return item
    item.restarts += 1
    if item.restarts > _TRIES_MAX:
        item.status = "failed"
    if not _put(deployment, item):
        return _as_it_is(deployment, brand_id, item)
    if item.status == "running":
        _send(deployment, brand_id, item)
    return item


# --- step by step -----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Chunk:
    """What was counted since the last bookmark."""

    sums: Sums = field(default_factory=Sums)
    told: list[OrderChange] = field(default_factory=list)
    amounts: int = 0
    orders: int = 0
    different: int = 0
    left_out: int = 0

    @property
    def is_full(self) -> bool:
        return self.orders >= _CHUNK_ORDERS or len(self.sums) >= _CHUNK_SUMS

    def add(self, program_id: str, before: Outcome, after: Outcome) -> bool:
        """Whether the order is told of."""
        self.orders += 1
        different = self.sums.add(program_id, before, after)
        self.different += different
        return different

    def leave_out(self) -> None:
        self.orders += 1
        self.left_out += 1

    def tell(self, change: OrderChange) -> None:
        self.told.append(change)
        self.amounts += simulations.size(change)


def _went_on(deployment: Deployment, brand_id: str, item: Simulation, in_time: InTime, *, sends: bool) -> Simulation:
    """The simulation after what there was time for. Whoever was overtaken leaves it to the faster one.

    `sends`: with a message about the rest.
    """
    begin: str | None = item.bookmark
    if begin is None:
        return _finished(deployment, brand_id, item)
    span = times.parse(item.placed_from), times.parse(item.placed_to)
    with ranges.reading(deployment, brand_id, *span) as placed:
        counting = _Counting(placed, item, _trial(deployment, brand_id, item, in_time))
        for bookmark in counting.steps(begin):
            stops = counting.waits or (bookmark is not None and not in_time())
            if bookmark is not None and not counting.chunk.is_full and not stops:
                continue
            if not _counted(deployment, item, counting.chunk, bookmark):
                return _as_it_is(deployment, brand_id, item)
            counting.chunk = _Chunk()
            if stops:
                if sends:
                    _send(deployment, brand_id, item)
                return item
    return _finished(deployment, brand_id, item)


class _Counting:
    """Goes through the orders one by one; what they come to is in the present `chunk`."""

    def __init__(self, placed: ranges.Range, item: Simulation, trial: Trial) -> None:
        self.chunk = _Chunk()
        self.waits = False
        self._placed = placed
        self._item = item
        self._trial = trial

    def steps(self, bookmark: str) -> Iterator[str | None]:
        """A bookmark behind each order that was counted, None behind the last.

        Ends before an order that `waits`: to measure what it asks for takes more time than there is, and goes on there.
        """
        counted: str | None = bookmark
        for page in self._placed.pages(bookmark):
            try:
                for number, _ in enumerate(self._counted(page.states), start=1):
                    if number < len(page.states):
                        yield (counted := page.states[number - 1].g1sk)
            except BeingMeasured:
                self.waits = True
                yield counted
                return
            self._trial.forget()
            yield (counted := page.bookmark)

    def _counted(self, states: Sequence[Order]) -> Iterator[Order]:
        glances = {state.id: _glance(state) for state in states}
        known = self._placed.known([state for state in states if self._may_concern(state, glances[state.id])])
        for state in states:
            glance = glances[state.id]
            if glance is None or self._may_concern(state, glance):
                change = _counted_order(state, next(known), self._item, self._trial, self.chunk)
                if change is not None and self._has_room_for(change):
                    self.chunk.tell(change)
            elif glance.told:
                as_it_is = simulation.untouched(glance.posted)
                self.chunk.add(self._item.program_id, as_it_is, as_it_is)
            yield state

    def _may_concern(self, state: Order, glance: orders.Glance | None) -> bool:
        return bool(state.unfinished) or glance is None or glance.may_name(self._item.program_id)

    def _has_room_for(self, change: OrderChange) -> bool:
        amounts = self._item.amounts + self.chunk.amounts + simulations.size(change)
        return self._item.differences + len(self.chunk.told) < TOLD_MAX and amounts <= TOLD_AMOUNTS_MAX


def _glance(state: Order) -> orders.Glance | None:
    """None where it cannot be read."""
    try:
        return orders.glance(state)
    except orders.Undecodable:
        return None


def _counted_order(
    state: Order, order: KnownOrder | None, item: Simulation, trial: Trial, chunk: _Chunk
) -> OrderChange | None:
    """What there is to tell of it, once it is counted."""
    placed_at = orders.placed_at(state)
    before = _before(order) if order else None
    if order is None or before is None:
        chunk.leave_out()
        return OrderChange(state.id, placed_at, {}, None, "unreadable")
    if order.unfinished:
        chunk.leave_out()
        return OrderChange(state.id, placed_at, before.amounts, None, "unfinished")
    try:
        after = simulation.settled_outcome(trial.settled(order.id, order.facts, order.context).settlement)
    except BeingMeasured:
        raise
    except tuple(UNSETTLED) as failure:
        chunk.leave_out()
        return OrderChange(state.id, placed_at, before.amounts, None, UNSETTLED[type(failure)])
    different = chunk.add(item.program_id, before, after)
    return OrderChange(state.id, placed_at, before.amounts, after.amounts) if different else None


def _before(order: KnownOrder) -> Outcome | None:
    """What is posted of it; None where it is posted to somebody whom its summary does not have."""
    parts = order.summary["commissions"] + order.summary["former"]
    try:
        return simulation.posted_outcome(
            order.posted, [Stake(part["creator_id"], part["program_id"], part["currency"]) for part in parts]
        )
    except LookupError:
        return None


def _counted(deployment: Deployment, item: Simulation, chunk: _Chunk, bookmark: str | None) -> bool:
    """Puts what the chunk has counted and moves the bookmark behind it; False where somebody else was faster."""
    writes = Writes()
    simulations.put_chunk(writes, item, chunk.sums, chunk.told)
    item.orders += chunk.orders
    item.different += chunk.different
    item.left_out += chunk.left_out
    item.bookmark = bookmark
    item.tries = item.restarts = 0
    return _put(deployment, item, writes)


def _finished(deployment: Deployment, brand_id: str, item: Simulation) -> Simulation:
    """Adds up what the chunks have counted. Done twice, it comes to the same."""
    total = Sums()
    for sums in simulations.sums(deployment.database, item):
        total.merge(sums)
    terms = terms_of(deployment, brand_id, total.versions())
    found = total.rows(item.program_id, terms, _trial(deployment, brand_id, item).instead(terms))
    by_size = sorted(found.items(), key=lambda row: (-abs(row[1].delta), row[0]))
    simulations.put_rows(deployment.database, item, by_size)
    item.totals = {currency: [sums.before, sums.after] for currency, sums in simulation.totals(found).items()}
    item.status = "done"
    return item if _put(deployment, item) else _as_it_is(deployment, brand_id, item)


def _put(deployment: Deployment, item: Simulation, writes: Writes | None = None) -> bool:
    """Puts the next version of it, and what goes with that; False where somebody else was faster.

    Of two answers to one try the first may have been lost: the mark tells whose try took effect.
    """
    writes = Writes() if writes is None else writes
    item.moved_at = times.text(deployment.now())
    item.mark = deployment.random(_MARK_BYTES).hex()
    simulations.put(writes, item)
    try:
        deployment.database.commit(writes)
    except Refused:
        there = deployment.database.get(Simulation, item.pk, item.sk)
        return there is not None and there.mark == item.mark
    return True


def _as_it_is(deployment: Deployment, brand_id: str, item: Simulation) -> Simulation:
    return simulations.found(deployment.database, brand_id, item.id, deployment.now()) or item


def _trial(deployment: Deployment, brand_id: str, item: Simulation, in_time: InTime = lambda: False) -> Trial:
    terms = promises.from_plain(simulations.terms(item))
    known = _Measured(deployment, item)
    return Trial(deployment, brand_id, item.program_id, terms, measured=known, in_time=in_time)


class _Measured(defaultdict[Volume, Measured]):
    """What any step of the simulation has measured of volumes: one may take longer than a step."""

    def __init__(self, deployment: Deployment, item: Simulation) -> None:
        super().__init__()
        self._deployment = deployment
        self._item = item

    @override
    def __missing__(self, volume: Volume) -> Measured:
        known = simulations.measured(self._deployment.database, self._item, volume)
        super().__setitem__(volume, known)
        return known

    @override
    def __setitem__(self, volume: Volume, so_far: Measured) -> None:
        simulations.put_measured(self._deployment.database, self._item, volume, so_far)
        super().__setitem__(volume, so_far)


def _send(deployment: Deployment, brand_id: str, item: Simulation, *, seconds: int = 0) -> None:
    body = json.dumps({"simulation": [brand_id, item.id]})
    url = deployment.settings.simulate_queue_url
    deployment.sqs.send_message(QueueUrl=url, MessageBody=body, DelaySeconds=seconds)

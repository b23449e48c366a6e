"""Simulations: what draft terms of a program would have made of the orders of a range, creator by creator.

What is posted is compared with what `settle` says of the same stored orders with the draft in place of every version of
the program. Nothing is written but counters (`vouch.store.simulations`). A range that takes longer than a request goes
on by a queue of its own, chunk by chunk: a step that is repeated, or dies, counts nothing twice and leaves nothing out.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final

from vouch.domain import simulation, times
from vouch.domain import terms as promises
from vouch.domain.errors import Malformed, NotFound
from vouch.domain.simulation import Change, OrderChange, Outcome, Stake, Sums
from vouch.service import listings, pages, programs, ranges
from vouch.service.deployment import Deployment
from vouch.service.mint import Mint
from vouch.service.pages import Page
from vouch.service.promises import terms_of
from vouch.service.trials import UNSETTLED, Trial, Tried
from vouch.store import orders, simulations
from vouch.store.database import Refused, Writes
from vouch.store.orders import KnownOrder
from vouch.store.simulations import PREFIX
from vouch.store.tables import Brand, Order, Simulation

TOLD_MAX: Final = 1_000
"""So many orders that the draft changes are told of one by one."""
_CHUNK_ORDERS: Final = 5_000
_CHUNK_SUMS: Final = 20_000
_STALLED: Final = timedelta(minutes=10)
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
    in_time: Callable[[], bool],
) -> Simulation:
    """A new simulation of the orders placed in `[start, end)`: done, or as far as it came `in_time`.

    Raises NotFound for a program that is not the brand's, Unprocessable for terms that could not be published, and
    Malformed where the end lies before the start.
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
    if not deployment.database.put_new(item):
        item = found(deployment, brand, item.id)
    return _went_on(deployment, brand.id, item, in_time) if item.status == "running" else item


def resumed(
    deployment: Deployment, message: Mapping[str, Any], *, in_time: Callable[[], bool], last: bool
) -> Simulation | None:
    """Goes on with the simulation of a message: a page at least, and more while `in_time`. None: it has expired.

    Where this is the `last` try, what fails gives it up for good.
    """
    brand_id, simulation_id = message["simulation"]
    item = simulations.found(deployment.database, brand_id, simulation_id, deployment.now())
    if item is None or item.status != "running":
        return item
    try:
        return _went_on(deployment, brand_id, item, in_time)
    except Exception:
        if last:
            _give_up(deployment, brand_id, simulation_id)
        raise


def found(deployment: Deployment, brand: Brand, simulation_id: str) -> Simulation:
    """Raises NotFound. One that has stood still for ten minutes is set going again."""
    item = simulations.found(deployment.database, brand.id, simulation_id, deployment.now())
    if item is None:
        raise NotFound
    if item.status == "running" and deployment.now() - times.parse(item.moved_at) > _STALLED:
        if not _put(deployment, item):
            return _as_it_is(deployment, brand.id, item)
        _send(deployment, brand.id, item)
    return item


def listed(deployment: Deployment, brand: Brand, *, limit: int, cursor: str | None) -> Page[Simulation]:
    """The brand's simulations of the last 30 days, the newest first."""
    scope = f"{brand.id}/simulations"
    before = pages.opened(deployment, scope, cursor)[0] if cursor is not None else None
    items = simulations.newest(deployment.database, brand.id, limit=limit + 1, before=before, now=deployment.now())
    shown = items[:limit]
    return Page(shown, pages.sealed(deployment, scope, [shown[-1].id]) if len(items) > limit else None)


def rows(deployment: Deployment, brand: Brand, item: Simulation, cursor: str | None) -> Page[tuple[Stake, Change]]:
    """The result, a thousand rows at a time, the largest differences first."""
    scope = f"{brand.id}/{item.id}/rows"
    number = int(pages.opened(deployment, scope, cursor)[0]) if cursor is not None else 0
    shown = simulations.rows(deployment.database, item, number)
    return Page(shown, pages.sealed(deployment, scope, [str(number + 1)]) if number + 1 < item.pages else None)


def every_row(deployment: Deployment, item: Simulation) -> Iterator[tuple[Stake, Change]]:
    """The whole result."""
    for number in range(item.pages):
        yield from simulations.rows(deployment.database, item, number)


def order_changes(
    deployment: Deployment, brand: Brand, item: Simulation, *, limit: int, cursor: str | None
) -> Page[OrderChange]:
    """The orders that the draft changes or cannot settle: the first thousand of them, as they were met."""
    scope = f"{brand.id}/{item.id}/orders"
    begin = int(pages.opened(deployment, scope, cursor)[0]) if cursor is not None else 0
    shown = list(islice(simulations.order_changes(deployment.database, item), begin, begin + limit))
    following = begin + limit
    more = following < item.differences
    return Page(shown, pages.sealed(deployment, scope, [str(following)]) if more else None)


def tried(deployment: Deployment, brand: Brand, item: Simulation, order_id: str) -> Tried:
    """An order by the simulation's draft. Raises NotFound, and Unprocessable where that cannot settle it."""
    order = listings.whole_order(deployment, brand, order_id)
    return _trial(deployment, brand.id, item).told(order.id, order.facts, order.context)


# --- step by step -----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Chunk:
    """What was counted since the last bookmark."""

    sums: Sums = field(default_factory=Sums)
    told: list[OrderChange] = field(default_factory=list)
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


def _went_on(deployment: Deployment, brand_id: str, item: Simulation, in_time: Callable[[], bool]) -> Simulation:
    """The simulation after what there was time for; whoever was overtaken leaves it to the faster one."""
    bookmark: str | None = item.bookmark
    if bookmark is None:
        return _finished(deployment, brand_id, item)
    trial, chunk = _trial(deployment, brand_id, item), _Chunk()
    span = times.parse(item.placed_from), times.parse(item.placed_to)
    with ranges.reading(deployment, brand_id, *span) as placed:
        for page in placed.pages(bookmark):
            _count(placed, page.states, item, trial, chunk)
            trial.forget()
            if page.bookmark is not None and not chunk.is_full and in_time():
                continue
            if not _counted(deployment, item, chunk, page.bookmark):
                return _as_it_is(deployment, brand_id, item)
            chunk = _Chunk()
            if page.bookmark is not None and not in_time():
                _send(deployment, brand_id, item)
                return item
    return _finished(deployment, brand_id, item)


def _count(placed: ranges.Range, states: Iterable[Order], item: Simulation, trial: Trial, chunk: _Chunk) -> None:
    concerned = []
    for state in states:
        try:
            glance = orders.glance(state)
        except orders.Undecodable:
            concerned.append(state)
            continue
        if item.program_id in glance.context:
            concerned.append(state)
        elif glance.told:
            as_it_is = simulation.untouched(glance.posted)
            chunk.add(item.program_id, as_it_is, as_it_is)
    for state, order in zip(concerned, placed.known(concerned), strict=True):
        change = _counted_order(state, order, item, trial, chunk)
        if change is not None and item.differences + len(chunk.told) < TOLD_MAX:
            chunk.told.append(change)


def _counted_order(
    state: Order, order: KnownOrder | None, item: Simulation, trial: Trial, chunk: _Chunk
) -> OrderChange | None:
    """What there is to tell of it, once it is counted."""
    placed_at = orders.placed_at(state)
    before = _before(order) if order else None
    if order is None or before is None:
        chunk.leave_out()
        return OrderChange(state.id, placed_at, {}, None, "unreadable")
    try:
        after = simulation.settled_outcome(trial.settled(order.id, order.facts, order.context).settlement)
    except tuple(UNSETTLED) as failure:
        chunk.leave_out()
        return OrderChange(state.id, placed_at, before.amounts, None, UNSETTLED[type(failure)])
    different = chunk.add(item.program_id, before, after)
    return OrderChange(state.id, placed_at, before.amounts, after.amounts) if different else None


def _before(order: KnownOrder) -> Outcome | None:
    """What is posted of it; None where it is posted to somebody whom its summary does not have."""
    parts = order.summary["commissions"]
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


def _give_up(deployment: Deployment, brand_id: str, simulation_id: str) -> None:
    item = simulations.found(deployment.database, brand_id, simulation_id, deployment.now())
    if item is not None and item.status == "running":
        item.status = "failed"
        _put(deployment, item)


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


def _trial(deployment: Deployment, brand_id: str, item: Simulation) -> Trial:
    terms = promises.from_plain(simulations.terms(item))
    return Trial(deployment, brand_id, item.program_id, terms)


def _send(deployment: Deployment, brand_id: str, item: Simulation) -> None:
    body = json.dumps({"simulation": [brand_id, item.id]})
    deployment.sqs.send_message(QueueUrl=deployment.settings.simulate_queue_url, MessageBody=body)

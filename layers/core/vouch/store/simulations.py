"""Simulations: how far each has come, and what it has counted, chunk by chunk.

A chunk's sums are put once, in the transaction that moves the simulation's bookmark behind them, under the version that
was read. So of two who work on one chunk only one counts it, and whoever goes on begins behind what was counted.
"""

import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import batched
from typing import Any

from pynamodb.expressions.update import Action

from vouch.domain import times
from vouch.domain.ledger import Counted
from vouch.domain.period_rules import Tally
from vouch.domain.simulation import Amounts, Change, OrderChange, Spot, Stake, Sums
from vouch.store.database import Database, Writes
from vouch.store.seals import Measured, Volume
from vouch.store.tables import RunningSimulations, Simulation, SimulationPart

PREFIX = "sim_"
KEPT = timedelta(days=30)
ROWS_PER_PAGE = 1_000
_SUMS_PER_ITEM = 3_000
"""Compressed some 30 bytes each, for ids hardly compress: far from what an item holds, and from a transaction's."""
_CHANGES_PER_ITEM = 50


def new(
    brand_id: str,
    simulation_id: str,
    *,
    program_id: str,
    currency: str,
    terms: dict[str, Any],
    placed_from: datetime,
    placed_to: datetime,
    now: datetime,
) -> Simulation:
    """One that is not stored yet, and has counted nothing."""
    return Simulation(
        _partition(brand_id),
        simulation_id,
        id=simulation_id,
        program_id=program_id,
        currency=currency,
        terms=_packed(terms),
        placed_from=times.text(placed_from),
        placed_to=times.text(placed_to),
        created_at=times.text(now),
        moved_at=times.text(now),
        status="running",
        bookmark="",
        orders=0,
        different=0,
        left_out=0,
        chunks=0,
        differences=0,
        amounts=0,
        tries=0,
        restarts=0,
        pages=0,
        rows=0,
        mark="",
        version=1,
        expires_at=int((now + KEPT).timestamp()),
    )


def found(database: Database, brand_id: str, simulation_id: str, now: datetime) -> Simulation | None:
    """The brand's simulation, until it expires."""
    item = database.get(Simulation, _partition(brand_id), simulation_id)
    return item if item is not None and item.expires_at > now.timestamp() else None


def newest(database: Database, brand_id: str, *, limit: int, before: str | None, now: datetime) -> list[Simulation]:
    """The brand's simulations, the newest first, at most `limit`, from behind that one."""
    behind = None if before is None else Simulation.sk < before
    page = database.query(Simulation, _partition(brand_id), behind, newest_first=True, limit=limit)
    return [item for item in page if item.expires_at > now.timestamp()]


def terms(item: Simulation) -> dict[str, Any]:
    """The draft, in the API's shape."""
    plain: dict[str, Any] = _unpacked(item.terms)
    return plain


def running(database: Database, brand_id: str, now: datetime) -> tuple[RunningSimulations, list[Simulation]]:
    """The brand's list of who may run, and of these who still runs."""
    key = f"{_partition(brand_id)}#RUNNING", "R"
    known = database.get(RunningSimulations, *key) or RunningSimulations(*key, ids=[], version=0)
    named = (found(database, brand_id, simulation_id, now) for simulation_id in known.ids)
    return known, [item for item in named if item is not None and item.status == "running"]


def begin(writes: Writes, item: Simulation, known: RunningSimulations, others: Sequence[Simulation]) -> None:
    """Stores a new one, which runs beside those others from now on."""
    read = known.version
    known.ids, known.version = [*(other.id for other in others), item.id], read + 1
    writes.put(known, RunningSimulations.version == read if read else RunningSimulations.pk.does_not_exist())
    writes.put_new(item)


def count_try(database: Database, item: Simulation, now: datetime) -> bool:
    """Somebody sets out to take it further, which disturbs nobody who is at work on it; False where it has ended."""
    actions: list[Action] = [Simulation.tries.add(1), Simulation.moved_at.set(times.text(now))]
    return database.update(item, actions, Simulation.status == "running")


def put(writes: Writes, item: Simulation) -> None:
    """The next version of the simulation, in place of the one that was read."""
    known = item.version
    item.version = known + 1
    writes.put(item, Simulation.version == known)


def put_chunk(writes: Writes, item: Simulation, sums: Sums, told: Sequence[OrderChange]) -> None:
    """What the next chunk has counted, and the next orders to tell of."""
    changes = [[*stake, change.before, change.after] for stake, change in sums.changes.items()]
    tallies = [
        [spot.creator_id, *_plain_counted(spot.counted), spot.currency, *_plain_tallies(*tallies)]
        for spot, tallies in sums.tallies.items()
    ]
    said = [("changes", changes), ("tallies", tallies)]
    pieces = [(name, list(piece)) for name, rows in said for piece in batched(rows, _SUMS_PER_ITEM, strict=False)]
    for number, piece in enumerate(pieces):
        writes.put_new(_part(item, f"S#{item.chunks:06}#{number:02}", piece))
    item.chunks += 1
    for each in batched(told, _CHANGES_PER_ITEM, strict=False):
        writes.put_new(_part(item, f"D#{item.differences:06}", [_plain_change(change) for change in each]))
        item.differences += len(each)
    item.amounts += sum(map(size, told))


def sums(database: Database, item: Simulation) -> Iterator[Sums]:
    """What the chunks have counted, piece by piece."""
    for part in _parts(database, item, "S#"):
        name, rows = _unpacked(part.body)
        yield Sums(changes=_changes(rows)) if name == "changes" else Sums(tallies=dict(map(_tallies, rows)))


def size(change: OrderChange) -> int:
    """How many amounts it takes to tell of the order."""
    return len(change.before) + len(change.after or ())


def order_changes(database: Database, item: Simulation) -> Iterator[OrderChange]:
    """The orders to tell of, in the order in which they were met."""
    for part in _parts(database, item, "D#"):
        yield from map(_order_change, _unpacked(part.body))


def measured(database: Database, item: Simulation, volume: Volume) -> Measured:
    """How far a volume was measured for it before."""
    part = database.get(SimulationPart, _own_partition(item), _volume_key(volume))
    return Measured() if part is None else Measured(*_unpacked(part.body))


def put_measured(database: Database, item: Simulation, volume: Volume, so_far: Measured) -> None:
    """Keeps it for the steps that follow. Of two at once the later stays: each is right for itself."""
    database.put(_part(item, _volume_key(volume), [so_far.amount, so_far.behind]))


def put_rows(database: Database, item: Simulation, rows: Iterable[tuple[Stake, Change]]) -> None:
    """The result, page by page; the same again where that was done before."""
    item.rows = item.pages = 0
    for page in batched(rows, ROWS_PER_PAGE, strict=False):
        plain = [[*stake, change.before, change.after] for stake, change in page]
        database.put(_part(item, f"R#{item.pages:06}", plain))
        item.rows += len(plain)
        item.pages += 1


def rows(database: Database, item: Simulation, page: int) -> list[tuple[Stake, Change]]:
    """One page of the result, the first is 0."""
    part = database.get(SimulationPart, _own_partition(item), f"R#{page:06}")
    return [] if part is None else list(_changes(_unpacked(part.body)).items())


def _partition(brand_id: str) -> str:
    return f"{brand_id}#SIM"


def _own_partition(item: Simulation) -> str:
    return f"{item.pk}#{item.id}"


def _volume_key(volume: Volume) -> str:
    return f"V#{volume.creator_id}#{volume.program_id}#{volume.span.name}#{volume.measure}#{volume.zone}"


def _part(item: Simulation, sort_key: str, plain: Any) -> SimulationPart:
    return SimulationPart(_own_partition(item), sort_key, body=_packed(plain), expires_at=item.expires_at)


def _parts(database: Database, item: Simulation, prefix: str) -> Iterator[SimulationPart]:
    return database.query(SimulationPart, _own_partition(item), SimulationPart.sk.startswith(prefix))


def _packed(plain: Any) -> bytes:
    return zlib.compress(json.dumps(plain, separators=(",", ":"), ensure_ascii=False).encode())


def _unpacked(body: bytes) -> Any:
    return json.loads(zlib.decompress(body))


def _changes(rows: Iterable[list[Any]]) -> dict[Stake, Change]:
    return {Stake(*stake): Change(before, after) for *stake, before, after in rows}


def _plain_counted(counted: Counted) -> list[Any]:
    return [counted.program_id, counted.terms_version, counted.month]


def _plain_tallies(before: Tally, after: Tally) -> list[int]:
    return [before.amount, before.orders, after.amount, after.orders]


def _tallies(plain: list[Any]) -> tuple[Spot, tuple[Tally, Tally]]:
    creator_id, program_id, version, month, currency, *sizes = plain
    counted = Counted(program_id, version, month)
    return Spot(creator_id, counted, currency), (Tally(*sizes[:2]), Tally(*sizes[2:]))


def _plain_change(change: OrderChange) -> list[Any]:
    amounts = [_plain_amounts(change.before), None if change.after is None else _plain_amounts(change.after)]
    return [change.order_id, times.text(change.placed_at), *amounts, change.reason]


def _plain_amounts(amounts: Amounts) -> list[Any]:
    return [[*stake, amount] for stake, amount in sorted(amounts.items())]


def _order_change(plain: list[Any]) -> OrderChange:
    order_id, placed_at, before, after, reason = plain
    return OrderChange(
        order_id, times.parse(placed_at), _amounts(before), None if after is None else _amounts(after), reason
    )


def _amounts(rows: Iterable[list[Any]]) -> Amounts:
    return {Stake(*stake): amount for *stake, amount in rows}

"""Payout runs as they are kept: the run, and its creators in chunks, each done by itself."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from vouch.domain import ids, times
from vouch.store import open_rows
from vouch.store.database import Database, Writes
from vouch.store.tables import Brand, OpenRun, PayoutRun, RunChunk

PREFIX = "run_"
CHUNK_MAX = 50
"""So many creators are reserved, and sent, by one message: half a minute of a patient rail."""
_CHUNKS = "CH#"


def key(brand_id: str, run_id: str) -> tuple[type[PayoutRun], str, str]:
    """Where a run lies."""
    return PayoutRun, f"{brand_id}#R#{run_id}", "R"


def run(database: Database, brand_id: str, run_id: str) -> PayoutRun | None:
    """A brand's run by its id."""
    return database.get(*key(brand_id, run_id)) if ids.is_id(run_id, PREFIX) else None


def runs(database: Database, brand_id: str, run_ids: Iterable[str]) -> list[PayoutRun]:
    """Those that exist of a brand's runs."""
    found = database.get_many([key(brand_id, run_id) for run_id in run_ids])
    return [item for item in found.values() if isinstance(item, PayoutRun)]


def index(brand_id: str) -> str:
    """The index partition of a brand's runs."""
    return f"{brand_id}#R"


def new(
    brand: Brand,
    run_id: str,
    *,
    rail: str | None,
    currency: str | None,
    creators: Sequence[str] | None,
    dry_run: bool,
    scheduled_for: datetime | None,
    at: datetime,
    now: datetime,
) -> PayoutRun:
    """A run that is not stored yet; `at` is the brand's time, `now` the real one."""
    _, pk, sk = key(brand.id, run_id)
    return PayoutRun(
        pk,
        sk,
        g1pk=index(brand.id),
        g1sk=f"{times.text(now)}#{run_id}",
        id=run_id,
        status="preparing",
        rail=rail,
        currency=currency,
        creators=list(creators) if creators is not None else None,
        dry_run=dry_run,
        scheduled_for=times.text(scheduled_for) if scheduled_for else None,
        bookmark="",
        chunks=0,
        reserved=0,
        sent=0,
        looked_at=0,
        payouts=0,
        released=0,
        left_out=0,
        totals=[],
        at=times.text(at),
        created_at=times.text(now),
        moved_at=times.text(now),
        version=1,
    )


def begun(run: PayoutRun, brand_id: str) -> Writes:
    """Stores a new run, and that it is under way. Refused where it is there."""
    writes = Writes()
    writes.put_new(run)
    writes.put(OpenRun(open_rows.partition(brand_id), run.id))
    return writes


def under_way(database: Database, brand_id: str) -> list[PayoutRun]:
    """The brand's runs of which something is left to be done."""
    rows = database.query(OpenRun, open_rows.partition(brand_id), OpenRun.sk.startswith(PREFIX))
    return runs(database, brand_id, [row.sk for row in rows])


def ended(database: Database, brand_id: str, run_id: str) -> None:
    """Nothing is left of that run to be done."""
    database.delete(OpenRun(open_rows.partition(brand_id), run_id))


def new_chunk(run: PayoutRun, number: int, creators: Sequence[str]) -> RunChunk:
    """Some creators of a run, not stored yet."""
    return RunChunk(run.pk, _chunk_key(number), creators=list(creators), status="listed", version=1)


def chunk(database: Database, brand_id: str, run_id: str, number: int) -> RunChunk | None:
    """One chunk of a run."""
    return database.get(RunChunk, key(brand_id, run_id)[1], _chunk_key(number))


def chunks(database: Database, brand_id: str, run_id: str, *, start: int = 0) -> Iterator[RunChunk]:
    """A run's chunks in their order, from that one on."""
    from_there = RunChunk.sk.between(_chunk_key(start), f"{_CHUNKS}~")
    return database.query(RunChunk, key(brand_id, run_id)[1], from_there)


def number_of(chunk: RunChunk) -> int:
    """Which one of its run it is."""
    return int(chunk.sk.removeprefix(_CHUNKS))


def _chunk_key(number: int) -> str:
    return f"{_CHUNKS}{number:06}"

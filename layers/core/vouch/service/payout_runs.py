"""Payout runs: one paying of many creators, in chunks, each of which is done by itself and may be done again.

    preparing ──▶ (writing) ──▶ sending ──▶ completed
        └──────────────────────────┴──▶ cancelled

Preparing, creators are listed in chunks and each chunk is reserved. Then the files of the rails that have them are
written, by the run and not by whoever fetches them; chunks with payouts of other rails are sent as they are reserved.
Each step is a message of the pay queue, takes effect under the version of what it changes, and finds what an earlier
try of it has done. A run that nobody takes further is taken up again by the hourly round.

Here a run begins, is looked at, and comes from one status to the next. Its steps are `run_chunks`, `run_files` and
`run_cancelling`, taken by `run_work`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from vouch.domain import times
from vouch.domain.errors import NotFound, Unavailable, Unprocessable
from vouch.rails.registry import RAILS
from vouch.service import pages, payees, rail_accounts
from vouch.service.deployment import Deployment
from vouch.service.mint import Mint
from vouch.service.pages import Page
from vouch.service.queues import put_off
from vouch.service.reserving import Outcome, outcomes_of
from vouch.service.revisions import committed
from vouch.store import payout_runs, versions
from vouch.store.database import Refused, Writes
from vouch.store.tables import Brand, PayoutRun, RunChunk

_SAFETY_SECONDS = 120
"""By then no request that takes a run further is at work: where it died, the queue does what it has left."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a run is restricted to; None: to nothing. `scheduled_for` is the moment of the schedule that begins it."""

    rail: str | None = None
    currency: str | None = None
    creator_ids: Sequence[str] | None = None
    dry_run: bool = False
    scheduled_for: datetime | None = None


# --- beginning, and what is known of one ------------------------------------------------------------------------------


def started(deployment: Deployment, minted: Mint, brand: Brand, wish: Wish) -> PayoutRun:
    """A new run. Raises Unprocessable for a rail that the brand cannot pay by, NotFound for strangers as creators."""
    if wish.rail is not None:
        _check_rail(deployment, brand, wish.rail, wish.currency)
    if wish.creator_ids is not None:
        known = payees.profiles(deployment, brand.id, wish.creator_ids)
        for position, creator_id in enumerate(wish.creator_ids):
            if creator_id not in known:
                raise NotFound(param=f"creator_ids.{position}")
    return begun(deployment, brand, minted.id(payout_runs.PREFIX), wish)


def _check_rail(deployment: Deployment, brand: Brand, rail: str, currency: str | None) -> None:
    if rail not in RAILS:
        raise Unprocessable("rail_unknown", param="rail", rails=", ".join(sorted(RAILS)))
    if not rail_accounts.is_set_up(rail_accounts.found(deployment, brand, rail)):
        raise Unprocessable("rail_not_set_up", param="rail", rail=rail)
    if currency is not None and RAILS[rail].unit(currency) is None:
        raise Unprocessable("rail_unfit_for_currency", param="currency", rail=rail, currency=currency)


def begun(deployment: Deployment, brand: Brand, run_id: str, wish: Wish) -> PayoutRun:
    """The run of that id, which begins now unless an earlier try of ours has begun it."""
    creators = list(dict.fromkeys(wish.creator_ids)) if wish.creator_ids is not None else None
    run = payout_runs.new(
        brand,
        run_id,
        rail=wish.rail,
        currency=wish.currency,
        creators=creators,
        dry_run=wish.dry_run,
        scheduled_for=wish.scheduled_for,
        at=deployment.brand_now(brand),
        now=deployment.now(),
    )
    try:
        deployment.database.commit(payout_runs.begun(run, brand.id))
    except Refused:
        run = found(deployment, brand, run_id)  # our own earlier try
    tell(deployment, brand, run, "run", seconds=_SAFETY_SECONDS)
    return run


def found(deployment: Deployment, brand: Brand, run_id: str) -> PayoutRun:
    """Raises NotFound."""
    run = payout_runs.run(deployment.database, brand.id, run_id)
    if run is None:
        raise NotFound
    return run


def listed(deployment: Deployment, brand: Brand, *, limit: int, cursor: str | None) -> Page[PayoutRun]:
    """The brand's runs, the newest first."""
    index = payout_runs.index(brand.id)
    return pages.read(deployment, PayoutRun, index, limit=limit, cursor=cursor, newest_first=True)


def outcomes(deployment: Deployment, run: PayoutRun, brand: Brand, *, cursor: str | None) -> Page[Outcome]:
    """What the run makes of each creator, a chunk at a time."""
    scope = f"{brand.id}/{run.id}/outcomes"
    number = int(pages.opened(deployment, scope, cursor)[0]) if cursor is not None else 0
    chunk = payout_runs.chunk(deployment.database, brand.id, run.id, number)
    told = outcomes_of(chunk) if chunk else []
    more = number + 1 < run.chunks or not is_listed(run)
    following = pages.sealed(deployment, scope, [str(number + 1)]) if chunk is not None and more else None
    return Page(told, following)


# --- what its steps share ---------------------------------------------------------------------------------------------


def chunk(deployment: Deployment, brand: Brand, run: PayoutRun, number: int) -> RunChunk:
    """The run's chunk of that number."""
    chunk = payout_runs.chunk(deployment.database, brand.id, run.id, number)
    if chunk is None:
        raise Unavailable  # it is put before anybody is told of it
    return chunk


def is_listed(run: PayoutRun) -> bool:
    """Whether all creators are in its chunks."""
    bookmark: str | None = run.bookmark
    return bookmark is None


def put(deployment: Deployment, run: PayoutRun, writes: Writes) -> None:
    """Writes the run's next version; it was taken further just now."""
    run.moved_at = times.text(deployment.now())
    versions.put(writes, run)


def tell(
    deployment: Deployment, brand: Brand, run: PayoutRun, what: str, number: int | None = None, *, seconds: int = 0
) -> None:
    """Has the queue do that of the run, or of its chunk of that number."""
    about = [brand.id, run.id, *([] if number is None else [number])]
    put_off(deployment, deployment.settings.pay_queue_url, {what: about, "group": brand.id}, seconds=seconds)


def conclude(deployment: Deployment, brand: Brand, seen: PayoutRun) -> None:
    """The run's next status, where all of this one is done."""

    def attempt(writes: Writes) -> PayoutRun:
        run = found(deployment, brand, seen.id)
        status = _following(run)
        if status != run.status:
            run.status = status
            put(deployment, run, writes)
        return run

    run = committed(deployment, attempt)
    if run.status == "completed":
        payout_runs.ended(deployment.database, brand.id, run.id)
    if run.status == "writing":
        tell(deployment, brand, run, "file")


def _following(run: PayoutRun) -> str:
    status: str = run.status
    if status == "preparing" and is_listed(run) and run.reserved == run.chunks:
        if run.dry_run:
            return "completed"
        status = "writing" if run.files else "sending"
    if status == "sending" and run.sent == run.chunks:
        status = "completed"
    return status

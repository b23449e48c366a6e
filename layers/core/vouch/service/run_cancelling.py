"""Cancelling a run: what it has not sent is available again, and what is in a file that it has written is not."""

from contextlib import suppress

from vouch.deadlines import InTime
from vouch.domain.errors import Conflict
from vouch.service import payout_runs, run_chunks, run_parts
from vouch.service.deployment import Deployment
from vouch.service.revisions import committed
from vouch.store import payout_runs as stored
from vouch.store.database import Writes
from vouch.store.tables import Brand, PayoutRun


def cancelled(deployment: Deployment, brand: Brand, run_id: str, *, in_time: InTime) -> PayoutRun:
    """Ends a run: what it has not sent is available again, what is on its way goes on.

    What there is no time for is done by the queue, by the one message that was told before: the same again adds none.
    Raises Conflict where all of it has been sent.
    """
    run = payout_runs.found(deployment, brand, run_id)
    if run.status == "cancelled":
        return run
    # Before it is cancelled: whoever dies behind that left word.
    payout_runs.tell(deployment, brand, run, "release", seconds=60)

    def attempt(writes: Writes) -> PayoutRun:
        run = payout_runs.found(deployment, brand, run_id)
        if _is_handed_over(run):
            raise Conflict("run_already_sent", status=run.status)
        if run.status != "cancelled":
            run.status = "cancelled"
            payout_runs.put(deployment, run, writes)
        return run

    run = committed(deployment, attempt)
    with suppress(ExceptionGroup):  # the run is cancelled, and the message comes for what is left
        _release_chunks(deployment, brand, run, in_time)
    return payout_runs.found(deployment, brand, run_id)


def release(deployment: Deployment, brand: Brand, run: PayoutRun, in_time: InTime) -> None:
    """Gives back what a cancelled run has reserved and not sent, and has the queue go on where the time ends."""
    if run.status == "cancelled" and not _release_chunks(deployment, brand, run, in_time):
        payout_runs.tell(deployment, brand, run, "release", seconds=1)


def _release_chunks(deployment: Deployment, brand: Brand, run: PayoutRun, in_time: InTime) -> bool:
    """Goes through the chunks that nobody has released yet; False where time ended first.

    Each chunk that it has done is marked, so the next message begins behind it however many there are, and the hourly
    round sees that somebody is at work. Raises what failed once all others were done.
    """
    failures: list[Exception] = []
    for chunk in stored.chunks(deployment.database, brand.id, run.id):
        if chunk.status == "released":
            continue
        if not in_time():
            return False
        try:
            if not run_chunks.release_chunk(deployment, brand, run, chunk, in_time=in_time):
                return False
        except ExceptionGroup as some:
            failures += some.exceptions
    if failures:
        raise ExceptionGroup(f"payouts of {run.id} that could not be given back", failures)
    stored.ended(deployment.database, brand.id, run.id)
    return True


def _is_handed_over(run: PayoutRun) -> bool:
    """Whether there is nothing left that could be taken back: its files are written, its other payouts sent."""
    if run.status in ("preparing", "cancelled"):
        return False
    written = all(file.is_written for file in run_parts.files_of(run))
    return run.status == "completed" or (written and run.sent == run.chunks)

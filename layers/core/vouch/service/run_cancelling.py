"""Cancelling a run: what it has not sent is available again, and what is in a file that it has written is not."""

from contextlib import suppress

from vouch.deadlines import InTime
from vouch.domain.errors import Conflict
from vouch.service import payout_runs, run_chunks
from vouch.service.deployment import Deployment
from vouch.service.revisions import committed
from vouch.store import payout_runs as stored
from vouch.store.database import Writes
from vouch.store.tables import Brand, PayoutRun


def cancelled(deployment: Deployment, brand: Brand, run_id: str, *, in_time: InTime) -> PayoutRun:
    """Ends a run: what it has not sent is available again, what is on its way goes on.

    Raises Conflict where all of it has been sent.
    """
    run = payout_runs.found(deployment, brand, run_id)
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
        release(deployment, brand, run, in_time)
    return payout_runs.found(deployment, brand, run_id)


def release(deployment: Deployment, brand: Brand, run: PayoutRun, in_time: InTime) -> None:
    """Gives back what a cancelled run has reserved and not sent, as far as the time reaches."""
    if run.status != "cancelled":
        return
    failures: list[Exception] = []
    for chunk in stored.chunks(deployment.database, brand.id, run.id):
        try:
            done = in_time() and run_chunks.release(deployment, brand, run, chunk, in_time=in_time)
        except ExceptionGroup as some:
            failures += some.exceptions
            continue
        if not done:
            payout_runs.tell(deployment, brand, run, "release", seconds=1)
            return
    if failures:
        raise ExceptionGroup(f"payouts of {run.id} that could not be given back", failures)
    stored.ended(deployment.database, brand.id, run.id)


def _is_handed_over(run: PayoutRun) -> bool:
    """Whether there is nothing left that could be taken back: its files are written, its other payouts sent."""
    if run.status in ("preparing", "cancelled"):
        return False
    written = all(key is not None for *_, key, _ in run.files or ())
    return run.status == "completed" or (written and run.sent == run.chunks)

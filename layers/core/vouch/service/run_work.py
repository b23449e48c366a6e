"""Taking runs further: by whoever has begun one, as far as a request goes, and by the messages of the pay queue."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from vouch.deadlines import InTime
from vouch.domain.errors import NotFound
from vouch.service import brands, payout_rounds, payout_runs, run_cancelling, run_chunks, run_files, sending
from vouch.service.deployment import Deployment
from vouch.store.payout_runs import CHUNK_MAX
from vouch.store.tables import Brand, PayoutRun


def worked(deployment: Deployment, message: Mapping[str, Any], *, in_time: InTime) -> str:
    """Does what a message of the pay queue says; what it came to. One that is about nothing comes to nothing."""
    [(kind, [brand_id, *about])] = [(key, said) for key, said in message.items() if key != "group"]
    try:
        brand = brands.found(deployment, brand_id)
        if kind == "resumed":
            payout_rounds.sent_again(deployment, brand)
            return kind
        if kind == "look":
            return str(sending.looked(deployment, brand, about[0], in_time=in_time).status)
        run = payout_runs.found(deployment, brand, about[0])
    except NotFound:
        return "nothing"
    match kind:
        case "run":
            run_chunks.list_creators(deployment, brand, run, in_time, at_once=False)
        case "chunk":
            run_chunks.reserve(deployment, brand, run, about[1])
        case "send":
            run_chunks.send(deployment, brand, run, about[1], in_time)
        case "file":
            run_files.write_all(deployment, brand, run, in_time)
        case "release":
            run_cancelling.release(deployment, brand, run, in_time)
    return str(payout_runs.found(deployment, brand, run.id).status)


def gone_on(deployment: Deployment, brand: Brand, run: PayoutRun, *, in_time: InTime) -> PayoutRun:
    """Takes a run as far as the time reaches, and writes files of a few payouts; the queue does the rest."""
    run_chunks.list_creators(deployment, brand, run, in_time, at_once=True)
    run = payout_runs.found(deployment, brand, run.id)
    if run.status == "writing" and run.payouts <= CHUNK_MAX and in_time():
        with suppress(ExceptionGroup):  # the queue has been told, and says what cannot be written
            run_files.write_all(deployment, brand, run, in_time)
        run = payout_runs.found(deployment, brand, run.id)
    return run

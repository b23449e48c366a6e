"""The chunks of a run: some of its creators, who are listed, reserved, sent and given back together."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import astuple

from vouch import telemetry
from vouch.deadlines import InTime
from vouch.domain import times
from vouch.domain.payouts import NOT_READABLE, NOTHING_AVAILABLE, GivenBack
from vouch.rails.registry import RAILS
from vouch.service import payees, payout_runs, payout_settings, payouts, rail_accounts, run_files, run_parts, sending
from vouch.service.deployment import Deployment
from vouch.service.payees import Profile
from vouch.service.payouts import News
from vouch.service.reserving import Outcome, Paying, added_up, outcome_of, outcomes_of, totals_of
from vouch.service.revisions import committed
from vouch.store import audits, balances, versions
from vouch.store import payout_runs as stored
from vouch.store import payouts as stored_payouts
from vouch.store.database import Refused, Writes
from vouch.store.payout_runs import CHUNK_MAX
from vouch.store.tables import Brand, PayoutRun, RunChunk

# --- listing and reserving --------------------------------------------------------------------------------------------


def list_creators(deployment: Deployment, brand: Brand, run: PayoutRun, in_time: InTime, *, at_once: bool) -> None:
    """Lists the run's creators in chunks, and has each reserved: `at_once`, while there is time, else by the queue.

    Of a run that is cancelled it looks after the chunks of which nobody knows what they came to: whoever has begun it
    may have died over one of them, behind the cancelling, with something reserved that is in no list.
    """
    if run.status == "cancelled":
        for chunk in stored.chunks(deployment.database, brand.id, run.id):
            if chunk.outcomes is None:
                payout_runs.tell(deployment, brand, run, "chunk", stored.number_of(chunk))
    while run.status == "preparing" and not payout_runs.is_listed(run):
        if not in_time():
            payout_runs.tell(deployment, brand, run, "run")
            return
        number, (creators, bookmark) = run.chunks, _page(deployment, brand, run)
        writes = Writes()
        writes.put_new(stored.new_chunk(run, number, creators))
        run.bookmark, run.chunks = bookmark, number + 1
        payout_runs.put(deployment, run, writes)
        try:
            deployment.database.commit(writes)
        except Refused:
            run = payout_runs.found(deployment, brand, run.id)  # another one lists it, too, and is ahead
            continue
        if at_once and in_time():
            try:
                reserve(deployment, brand, run, number)
            except ExceptionGroup:  # what could not be given back: the run was cancelled meanwhile
                payout_runs.tell(deployment, brand, run, "chunk", number)
            run = payout_runs.found(deployment, brand, run.id)
        else:
            payout_runs.tell(deployment, brand, run, "chunk", number)


def _page(deployment: Deployment, brand: Brand, run: PayoutRun) -> tuple[list[str], str | None]:
    after = json.loads(run.bookmark) if run.bookmark else None
    if run.creators is not None:
        start = after or 0
        following = start + CHUNK_MAX
        return run.creators[start:following], json.dumps(following) if following < len(run.creators) else None
    creators, bookmark = audits.creators(deployment.database, brand.id, after, limit=CHUNK_MAX)
    return creators, json.dumps(bookmark) if bookmark is not None else None


def reserve(deployment: Deployment, brand: Brand, run: PayoutRun, number: int) -> None:
    """Reserves what the chunk's creators are paid, or finds that it was done; the last one has the run go on."""
    chunk = payout_runs.chunk(deployment, brand, run, number)
    is_late = chunk.status != "listed"
    if not is_late and run.status != "cancelled":
        paying = Paying(
            deployment,
            brand,
            run,
            payout_settings.of(deployment, brand),
            frozenset(item.rail for item in rail_accounts.listed(deployment, brand) if rail_accounts.is_set_up(item)),
            max(times.parse(run.at), deployment.brand_now(brand)),
        )
        found_out = list(_found_out(deployment, brand, run, paying, chunk.creators))
        run, chunk = _note_reserved(deployment, brand, run, number, found_out)
        is_late = not _payout_ids(found_out) <= _payout_ids(outcomes_of(chunk))
    if run.status == "cancelled":
        release_chunk(deployment, brand, run, chunk, in_time=lambda: True)
        return
    if is_late:  # another one did it, who found less to pay; what is not in that one's list nobody would ever send
        noted = _payout_ids(outcomes_of(chunk))
        _give_back(deployment, brand, run, chunk, "left_for_next_run", but=noted)
    if chunk.status == "reserved":
        payout_runs.tell(deployment, brand, run, "send", number)
    payout_runs.conclude(deployment, brand, run)


def _found_out(
    deployment: Deployment, brand: Brand, run: PayoutRun, paying: Paying, creators: Sequence[str]
) -> Iterator[Outcome]:
    """Whom it fails at, for a reason that lies with them alone, is left out, and keeps nobody else from being paid."""
    known: Mapping[str, Profile] = payees.profiles(deployment, brand.id, creators, in_order=True)
    for creator_id in creators:
        if creator_id in known:
            ask = paying.looked_at if run.dry_run else paying.reserved
            try:
                outcomes = ask(known[creator_id])
            except Exception as failure:
                if balances.is_the_worlds(failure):
                    raise
                telemetry.count("PayeeUnreadable")
                telemetry.logger().exception("a creator cannot be paid", brand=brand.id, creator=creator_id)
                outcomes = [Outcome(creator_id, run.currency or "", 0, 0, run.rail or "", skipped=NOT_READABLE)]
                outcomes += _made_before(deployment, brand, run, creator_id)
            yield from outcomes


def _made_before(deployment: Deployment, brand: Brand, run: PayoutRun, creator_id: str) -> list[Outcome]:
    """What an earlier try of this run has reserved for the creator: what is in no list nobody would ever send."""
    items = stored_payouts.latest_of_creator(deployment.database, brand.id, creator_id)
    return [outcome_of(item) for item in items if item.run_id == run.id]


def _note_reserved(
    deployment: Deployment, brand: Brand, seen: PayoutRun, number: int, found_out: Sequence[Outcome]
) -> tuple[PayoutRun, RunChunk]:
    """Adds up what the chunk came to, once; with nothing to send, it is sent.

    Also where it was released meanwhile, which found nothing noted: then it is to be released again.
    """
    paid = [outcome for outcome in found_out if outcome.payout_id is not None]
    to_send = any(_is_called(outcome.rail) for outcome in paid) and not seen.dry_run

    def attempt(writes: Writes) -> tuple[PayoutRun, RunChunk]:
        run, chunk = payout_runs.found(deployment, brand, seen.id), payout_runs.chunk(deployment, brand, seen, number)
        if chunk.outcomes is not None:
            return run, chunk
        # Without those who have nothing: a creator may have had something in many currencies once.
        told = [outcome for outcome in found_out if outcome.skipped != NOTHING_AVAILABLE]
        chunk.outcomes = [list(astuple(outcome)) for outcome in told]
        chunk.status = "reserved" if to_send else "sent"
        versions.put(writes, chunk)
        run.reserved, run.sent = run.reserved + 1, run.sent + (not to_send)
        run.looked_at, run.payouts = run.looked_at + len(chunk.creators), run.payouts + len(paid)
        run.totals = [list(astuple(total)) for total in added_up(totals_of(run), paid)]
        run_parts.list_files(run, run_parts.expected(totals_of(run)))
        payout_runs.put(deployment, run, writes)
        return run, chunk

    return committed(deployment, attempt)


def _payout_ids(outcomes: Iterable[Outcome]) -> set[str]:
    return {outcome.payout_id for outcome in outcomes if outcome.payout_id is not None}


# --- sending ----------------------------------------------------------------------------------------------------------


def send(deployment: Deployment, brand: Brand, run: PayoutRun, number: int, in_time: InTime) -> None:
    """Has the chunk's payouts paid by their rails. What a paused rail leaves is left to the hourly round."""
    chunk = payout_runs.chunk(deployment, brand, run, number)
    if run.status == "cancelled" or chunk.status != "reserved":
        return
    left, failures = False, list[Exception]()
    for outcome in outcomes_of(chunk):
        if outcome.payout_id is None or not _is_called(outcome.rail):
            continue
        if not in_time():
            payout_runs.tell(deployment, brand, run, "send", number)
            return
        try:
            left |= sending.sent(deployment, brand, outcome.payout_id, in_time=in_time).status == "created"
        except Exception as failure:  # noqa: BLE001 - told once the others were sent
            failures.append(failure)
    if failures:
        raise ExceptionGroup(f"payouts of {run.id} that could not be sent", failures)
    if left:
        return

    def attempt(writes: Writes) -> PayoutRun:
        known = payout_runs.found(deployment, brand, run.id)
        now_chunk = payout_runs.chunk(deployment, brand, run, number)
        if now_chunk.status == "reserved":
            now_chunk.status = "sent"
            known.sent += 1
            versions.put(writes, now_chunk)
            payout_runs.put(deployment, known, writes)
        return known

    payout_runs.conclude(deployment, brand, committed(deployment, attempt))


def _is_called(rail: str) -> bool:
    return RAILS[rail].api is not None


# --- giving back ------------------------------------------------------------------------------------------------------


def release_chunk(deployment: Deployment, brand: Brand, run: PayoutRun, chunk: RunChunk, *, in_time: InTime) -> bool:
    """Gives back what a cancelled run has reserved there and not sent, and counts it; False where time ended first.

    What is in a file that was written is on its way, whether or not that was noted: somebody may be paying by it.
    Raises what failed at single creators, once the others have theirs back.
    """
    said = run_parts.written_of(run, outcomes_of(chunk))
    items = [item for item in stored_payouts.payouts(deployment.database, brand.id, sorted(said)) if not item.aside]
    if not run_files.hand_over(deployment, brand, items, in_time=in_time):
        return False
    written = {item.id for item in items}
    _give_back(deployment, brand, run, chunk, "run_cancelled", but=written)
    _count_released(deployment, brand, run, stored.number_of(chunk))
    return True


def _count_released(deployment: Deployment, brand: Brand, seen: PayoutRun, number: int) -> None:
    """Once for each chunk. One that is only listed has no payouts, or another one is about to note them."""

    def attempt(writes: Writes) -> None:
        run, chunk = payout_runs.found(deployment, brand, seen.id), payout_runs.chunk(deployment, brand, seen, number)
        if chunk.status == "released":
            return
        made = stored_payouts.payouts(deployment.database, brand.id, sorted(_payout_ids(outcomes_of(chunk))))
        ours = [item for item in made if not item.told_by]
        run.released += sum((item.status, item.reason) == ("failed", "run_cancelled") for item in ours)
        chunk.status = "released"
        versions.put(writes, chunk)
        payout_runs.put(deployment, run, writes)

    committed(deployment, attempt)


def _give_back(
    deployment: Deployment, brand: Brand, run: PayoutRun, chunk: RunChunk, reason: GivenBack, *, but: AbstractSet[str]
) -> None:
    """Whatever the run has reserved there `but` these, whether or not it was noted, and not yet sent."""
    failures: list[Exception] = []
    for creator_id in chunk.creators:
        try:
            for sums in balances.read(deployment.database, brand.id, creator_id).sums.values():
                item = stored_payouts.payout(deployment.database, brand.id, sums.payout_id) if sums.payout_id else None
                if item is not None and item.run_id == run.id and item.status == "created" and item.id not in but:
                    payouts.failed(deployment, brand, item.id, News(reason=reason), seen=item.version)
        except Exception as failure:  # noqa: BLE001 - told with the others
            failures.append(failure)
    if failures:
        raise ExceptionGroup(f"payouts of {run.id} that could not be given back", failures)

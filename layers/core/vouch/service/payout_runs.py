"""Payout runs: one paying of many creators, in chunks, each of which is done by itself and may be done again.

    preparing ──▶ (writing) ──▶ sending ──▶ completed
        └──────────────────────────┴──▶ cancelled

Preparing, creators are listed in chunks and each chunk is reserved. Then the files of the rails that have them are
written, by the run and not by whoever fetches them; chunks with payouts of other rails are sent as they are reserved.
Each step is a message of the pay queue, takes effect under the version of what it changes, and finds what an earlier
try of it has done. A run that nobody takes further is taken up again by the hourly round.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import astuple, dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import batched
from typing import Any

from botocore.exceptions import ClientError

from vouch import telemetry
from vouch.domain import ids, times
from vouch.domain.errors import Conflict, NotFound, Unavailable, Unprocessable
from vouch.domain.payouts import Payment
from vouch.rails.base import File, FileOrder
from vouch.rails.registry import RAILS
from vouch.service import brands, pages, payees, payout_settings, payouts, rail_accounts, sending
from vouch.service.deployment import Deployment
from vouch.service.mint import Mint
from vouch.service.pages import Page
from vouch.service.payees import Profile
from vouch.service.payouts import News
from vouch.service.queues import put_off
from vouch.service.reserving import Outcome, Paying, outcome_of, outcomes_of
from vouch.service.revisions import committed
from vouch.store import audits, balances, payout_runs, versions
from vouch.store import payouts as stored_payouts
from vouch.store.database import FAILURES, Refused, Writes
from vouch.store.payout_runs import CHUNK_MAX
from vouch.store.tables import Brand, PayoutItem, PayoutRun, RunChunk
from vouch.worker import InTime

CREATORS_MAX = 1000
"""So many one request may name."""
_TOGETHER = 50
"""So many payouts are marked in one transaction."""
_OPENERS = 8
_SAFETY_SECONDS = 120
_ADDRESS_SECONDS = 60
_STALLED = timedelta(minutes=20)
_ALARMED_AFTER = timedelta(hours=3)
_NOT_OURS = "InvalidCiphertextException"
"""What KMS says of a text that was sealed for another brand, or is none."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a run is restricted to; None: to nothing. `scheduled_for` is the moment of the schedule that begins it."""

    rail: str | None = None
    currency: str | None = None
    creator_ids: Sequence[str] | None = None
    dry_run: bool = False
    scheduled_for: datetime | None = None


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A run's file, and by which `key` and `version` S3 has just these bytes; without versions there is none."""

    file: File
    key: str
    version: str | None


class FileChanged(Exception):
    """S3 holds other bytes under a run's file than the run has written: nobody is to pay by them."""


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
    return _begun(deployment, brand, minted.id(payout_runs.PREFIX), wish)


def _check_rail(deployment: Deployment, brand: Brand, rail: str, currency: str | None) -> None:
    if rail not in RAILS:
        raise Unprocessable("rail_unknown", param="rail", rails=", ".join(sorted(RAILS)))
    if not rail_accounts.is_set_up(rail_accounts.found(deployment, brand, rail)):
        raise Unprocessable("rail_not_set_up", param="rail", rail=rail)
    if currency is not None and RAILS[rail].unit(currency) is None:
        raise Unprocessable("rail_unfit_for_currency", param="currency", rail=rail, currency=currency)


def _begun(deployment: Deployment, brand: Brand, run_id: str, wish: Wish) -> PayoutRun:
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
        return found(deployment, brand, run_id)  # our own earlier try
    _tell(deployment, brand, run, "run", seconds=_SAFETY_SECONDS)
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
    """What the run makes of each creator, a chunk at a time; those who have nothing in a currency are not told of."""
    scope = f"{brand.id}/{run.id}/outcomes"
    number = int(pages.opened(deployment, scope, cursor)[0]) if cursor is not None else 0
    chunk = payout_runs.chunk(deployment.database, brand.id, run.id, number)
    told = [outcome for outcome in outcomes_of(chunk) if outcome.skipped != "nothing_available"] if chunk else []
    more = number + 1 < run.chunks or not _is_listed(run)
    following = pages.sealed(deployment, scope, [str(number + 1)]) if chunk is not None and more else None
    return Page(told, following)


def file(deployment: Deployment, brand: Brand, run_id: str, rail: str | None, currency: str | None) -> KeptFile:
    """The file that the run has written. Raises NotFound, Conflict where it is not there yet, Unprocessable if many.

    Raises FileChanged rather than to give other bytes than those that were written.
    """
    run = found(deployment, brand, run_id)
    fitting = [each for each in run.files or () if rail in (None, each[0]) and currency in (None, each[1])]
    if run.dry_run or not fitting:
        if run.status in ("preparing", "writing"):
            raise Conflict("file_not_yet_written", status=run.status)
        raise NotFound("file_not_found")
    if len(fitting) > 1:
        raise Unprocessable("file_ambiguous", files=", ".join(f"{each[0]} {each[1]}" for each in fitting))
    [(_, _, name, media_type, key, digest)] = fitting
    if key is None:
        raise Conflict("file_not_yet_written", status=run.status)
    kept = deployment.s3.get_object(Bucket=deployment.settings.files_bucket, Key=key)
    content = kept["Body"].read()
    if _digest(content) != digest:
        telemetry.count("FileChanged")
        raise FileChanged(key)
    return KeptFile(File(name, media_type, content), key, kept.get("VersionId"))


def address(deployment: Deployment, kept: KeptFile) -> str:
    """Where whoever knows it may fetch the file for a minute: the version that was held to its digest."""
    wanted = {
        "Bucket": deployment.settings.files_bucket,
        "Key": kept.key,
        "ResponseContentDisposition": disposition(kept.file),
        "ResponseContentType": kept.file.media_type,
    }
    if kept.version is not None:
        wanted["VersionId"] = kept.version
    made: str = deployment.s3.generate_presigned_url("get_object", Params=wanted, ExpiresIn=_ADDRESS_SECONDS)
    return made


def disposition(file: File) -> str:
    """Has a browser save the file under its name."""
    return f'attachment; filename="{file.name}"'


# --- taking it further ------------------------------------------------------------------------------------------------


def worked(deployment: Deployment, message: Mapping[str, Any], *, in_time: InTime) -> str:
    """Does what a message of the pay queue says; what it came to. One that is about nothing comes to nothing."""
    [(kind, [brand_id, *about])] = [(key, said) for key, said in message.items() if key != "group"]
    try:
        brand = brands.found(deployment, brand_id)
        run = found(deployment, brand, about[0]) if kind != "look" else None
    except NotFound:
        return "nothing"
    if run is None:
        return str(sending.looked(deployment, brand, about[0], in_time=in_time).status)
    match kind:
        case "run":
            _list(deployment, brand, run, in_time, at_once=False)
        case "chunk":
            _reserve(deployment, brand, run, about[1])
        case "send":
            _send(deployment, brand, run, about[1], in_time)
        case "file":
            _write(deployment, brand, run, in_time)
        case "release":
            _release(deployment, brand, run, in_time)
    return str(found(deployment, brand, run.id).status)


def gone_on(deployment: Deployment, brand: Brand, run: PayoutRun, *, in_time: InTime) -> PayoutRun:
    """Takes a run as far as the time reaches, and writes files of a few payouts; the queue does the rest."""
    _list(deployment, brand, run, in_time, at_once=True)
    run = found(deployment, brand, run.id)
    if run.status == "writing" and run.payouts <= CHUNK_MAX and in_time():
        _write(deployment, brand, run, in_time)
        run = found(deployment, brand, run.id)
    return run


def _list(deployment: Deployment, brand: Brand, run: PayoutRun, in_time: InTime, *, at_once: bool) -> None:
    """Lists the run's creators in chunks, and has each reserved: `at_once`, while there is time, else by the queue."""
    while run.status == "preparing" and not _is_listed(run):
        if not in_time():
            _tell(deployment, brand, run, "run")
            return
        number, (creators, bookmark) = run.chunks, _page(deployment, brand, run)
        writes = Writes()
        writes.put_new(payout_runs.new_chunk(run, number, creators))
        run.bookmark, run.chunks = bookmark, number + 1
        _put(deployment, run, writes)
        try:
            deployment.database.commit(writes)
        except Refused:
            run = found(deployment, brand, run.id)  # another one lists it, too, and is ahead
            continue
        if at_once and in_time():
            _reserve(deployment, brand, run, number)
            run = found(deployment, brand, run.id)
        else:
            _tell(deployment, brand, run, "chunk", number)


def _page(deployment: Deployment, brand: Brand, run: PayoutRun) -> tuple[list[str], str | None]:
    after = json.loads(run.bookmark) if run.bookmark else None
    if run.creators is not None:
        start = after or 0
        following = start + CHUNK_MAX
        return run.creators[start:following], json.dumps(following) if following < len(run.creators) else None
    creators, bookmark = audits.creators(deployment.database, brand.id, after, limit=CHUNK_MAX)
    return creators, json.dumps(bookmark) if bookmark is not None else None


def _reserve(deployment: Deployment, brand: Brand, run: PayoutRun, number: int) -> None:
    chunk = _chunk(deployment, brand, run, number)
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
        _release_chunk(deployment, brand, run, chunk, "run_cancelled")
        return
    if is_late:  # another one did it, who found less to pay; what is not in that one's list nobody would ever send
        noted = _payout_ids(outcomes_of(chunk))
        _release_chunk(deployment, brand, run, chunk, "left_for_next_run", but=noted)
    if chunk.status == "reserved":
        _tell(deployment, brand, run, "send", number)
    _conclude(deployment, brand, run)


def _found_out(
    deployment: Deployment, brand: Brand, run: PayoutRun, paying: Paying, creators: Sequence[str]
) -> Iterator[Outcome]:
    """Whom it fails at, for a reason that lies with them alone, is left out, and keeps nobody else from being paid."""
    known: Mapping[str, Profile] = payees.profiles(deployment, brand.id, creators)
    for creator_id in creators:
        if creator_id in known:
            ask = paying.looked_at if run.dry_run else paying.reserved
            try:
                outcomes = ask(known[creator_id])
            except Exception as failure:
                if _is_the_worlds(failure):
                    raise
                telemetry.count("PayeeUnreadable")
                telemetry.logger().exception("a creator cannot be paid", brand=brand.id, creator=creator_id)
                outcomes = [Outcome(creator_id, run.currency or "", 0, 0, run.rail or "", skipped="not_readable")]
                outcomes += _made_before(deployment, brand, run, creator_id)
            yield from outcomes


def _made_before(deployment: Deployment, brand: Brand, run: PayoutRun, creator_id: str) -> list[Outcome]:
    """What an earlier try of this run has reserved for the creator: what is in no list nobody would ever send."""
    items = stored_payouts.latest_of_creator(deployment.database, brand.id, creator_id)
    return [outcome_of(item) for item in items if item.run_id == run.id]


def _note_reserved(
    deployment: Deployment, brand: Brand, seen: PayoutRun, number: int, found_out: Sequence[Outcome]
) -> tuple[PayoutRun, RunChunk]:
    """Adds up what the chunk came to, once; with nothing to send, it is sent."""
    paid = [outcome for outcome in found_out if outcome.payout_id is not None]
    to_send = any(_is_called(outcome.rail) for outcome in paid) and not seen.dry_run

    def attempt(writes: Writes) -> tuple[PayoutRun, RunChunk]:
        run, chunk = found(deployment, brand, seen.id), _chunk(deployment, brand, seen, number)
        if chunk.status != "listed":
            return run, chunk
        chunk.outcomes = [list(astuple(outcome)) for outcome in found_out]
        chunk.status = "reserved" if to_send else "sent"
        versions.put(writes, chunk)
        run.reserved, run.sent = run.reserved + 1, run.sent + (not to_send)
        run.looked_at, run.payouts = run.looked_at + len(chunk.creators), run.payouts + len(paid)
        totals = dict(run.totals)
        for outcome in paid:
            totals[outcome.currency] = totals.get(outcome.currency, 0) + outcome.amount
        run.totals = totals
        written = [(each[0], each[1]) for each in run.files or ()]
        wanted = {(outcome.rail, outcome.currency) for outcome in paid if not _is_called(outcome.rail)}
        run.files = [*(run.files or ()), *([*pair, None, None, None, None] for pair in sorted(wanted - {*written}))]
        _put(deployment, run, writes)
        return run, chunk

    return committed(deployment, attempt)


def _conclude(deployment: Deployment, brand: Brand, seen: PayoutRun) -> None:
    """The run's next status, where all of this one is done."""

    def attempt(writes: Writes) -> PayoutRun:
        run = found(deployment, brand, seen.id)
        status = _following(run)
        if status != run.status:
            run.status = status
            _put(deployment, run, writes)
        return run

    run = committed(deployment, attempt)
    if run.status == "completed":
        payout_runs.ended(deployment.database, brand.id, run.id)
    if run.status == "writing":
        _tell(deployment, brand, run, "file")


def _following(run: PayoutRun) -> str:
    status: str = run.status
    if status == "preparing" and _is_listed(run) and run.reserved == run.chunks:
        if run.dry_run:
            return "completed"
        status = "writing" if run.files else "sending"
    if status == "sending" and run.sent == run.chunks:
        status = "completed"
    return status


# --- files ------------------------------------------------------------------------------------------------------------


def _write(deployment: Deployment, brand: Brand, run: PayoutRun, in_time: InTime) -> None:
    """Writes the run's files, each once, and says of their payouts that they are on their way."""
    if run.status != "writing":
        return
    for rail, currency, _, _, key, _ in run.files:
        made = _payouts_of(deployment, brand, run, rail, currency)
        if key is None:
            run = _note_file(deployment, brand, run, _written(deployment, brand, run, rail, currency, made))
            if run.status != "writing":
                return
        for some in batched([item for item in made if item.status == "created"], _TOGETHER, strict=False):
            if not in_time():
                _tell(deployment, brand, run, "file")
                return
            _mark_submitted(deployment, brand, some)

    def attempt(writes: Writes) -> PayoutRun:
        now_known = found(deployment, brand, run.id)
        if now_known.status == "writing":
            now_known.status = "sending"
            _put(deployment, now_known, writes)
        return now_known

    _conclude(deployment, brand, committed(deployment, attempt))


def _payouts_of(deployment: Deployment, brand: Brand, run: PayoutRun, rail: str, currency: str) -> list[PayoutItem]:
    """In the order of their ids."""
    wanted = sorted(
        outcome.payout_id
        for chunk in payout_runs.chunks(deployment.database, brand.id, run.id)
        for outcome in outcomes_of(chunk)
        if outcome.payout_id is not None and (outcome.rail, outcome.currency) == (rail, currency)
    )
    return stored_payouts.payouts(deployment.database, brand.id, wanted)


def _written(
    deployment: Deployment, brand: Brand, run: PayoutRun, rail: str, currency: str, made: Sequence[PayoutItem]
) -> list[str]:
    """Stores the file; what the run notes of it.

    Its digest is part of the object's key, so that what is there already are these bytes: a try that found another
    name of a creator writes beside them, and the one that was noted first counts.
    """
    write = RAILS[rail].write
    if write is None:
        raise LookupError(f"{rail} has no files")
    payments: list[Payment] = []
    with ThreadPoolExecutor(_OPENERS) as openers:
        for some in batched(made, CHUNK_MAX, strict=False):
            known = payees.profiles(deployment, brand.id, {item.creator_id for item in some})
            payment = partial(payouts.payment, deployment, brand, known)
            payments += openers.map(payment, some)
    settings = rail_accounts.opened(deployment, brand.id, rail)
    file = write(FileOrder(run.id, times.parse(run.at), currency, settings, payments))
    digest = _digest(file.content)
    key = f"{brand.id}/{run.id}/{rail}-{currency}-{digest}"
    try:
        deployment.s3.put_object(
            Bucket=deployment.settings.files_bucket,
            Key=key,
            Body=file.content,
            ContentType=file.media_type,
            IfNoneMatch="*",
        )
    except ClientError as refusal:
        if refusal.response["Error"]["Code"] != "PreconditionFailed":
            raise
    return [rail, currency, file.name, file.media_type, key, digest]


def _note_file(deployment: Deployment, brand: Brand, seen: PayoutRun, noted: list[str]) -> PayoutRun:
    def attempt(writes: Writes) -> PayoutRun:
        run = found(deployment, brand, seen.id)
        if run.status == "writing":  # else it was cancelled meanwhile: nobody sees the file, nobody is paid by it
            run.files = [noted if each[:2] == noted[:2] and each[4] is None else each for each in run.files]
            _put(deployment, run, writes)
        return run

    return committed(deployment, attempt)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _mark_submitted(deployment: Deployment, brand: Brand, some: Sequence[PayoutItem]) -> None:
    writes = Writes()
    for item in some:
        item.status, item.changed_at = "submitted", times.text(deployment.now())
        item.reference, item.names = _called(item), _names(item) or None
        versions.put(writes, item)
    try:
        deployment.database.commit(writes)
    except Refused:  # an earlier try of ours did it, or part of it
        for item in some:
            payouts.submitted(deployment, brand, item.id, News(reference=_called(item), names=_names(item)))


def _names(item: PayoutItem) -> dict[str, str]:
    """The name stays known once a bank's own reference has taken its place."""
    called = _called(item)
    return {"file": called} if called is not None else {}


def _called(item: PayoutItem) -> str | None:
    called = RAILS[item.rail].called
    return called(item.id) if called is not None else None


# --- calls ------------------------------------------------------------------------------------------------------------


def _send(deployment: Deployment, brand: Brand, run: PayoutRun, number: int, in_time: InTime) -> None:
    """Has the chunk's payouts paid by their rails. What a paused rail leaves is left to the hourly round."""
    chunk = _chunk(deployment, brand, run, number)
    if run.status == "cancelled" or chunk.status != "reserved":
        return
    left, failures = False, list[Exception]()
    for outcome in outcomes_of(chunk):
        if outcome.payout_id is None or not _is_called(outcome.rail):
            continue
        if not in_time():
            _tell(deployment, brand, run, "send", number)
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
        known, now_chunk = found(deployment, brand, run.id), _chunk(deployment, brand, run, number)
        if now_chunk.status == "reserved":
            now_chunk.status = "sent"
            known.sent += 1
            versions.put(writes, now_chunk)
            _put(deployment, known, writes)
        return known

    _conclude(deployment, brand, committed(deployment, attempt))


# --- cancelling -------------------------------------------------------------------------------------------------------


def cancelled(deployment: Deployment, brand: Brand, run_id: str, *, in_time: InTime) -> PayoutRun:
    """Ends a run: what it has not sent is available again, what is on its way goes on.

    Raises Conflict where a file of it is written, or all of it has been sent.
    """
    run = found(deployment, brand, run_id)
    _tell(deployment, brand, run, "release", seconds=60)  # before it is cancelled: whoever dies behind that left word

    def attempt(writes: Writes) -> PayoutRun:
        run = found(deployment, brand, run_id)
        if run.status == "completed" or any(key is not None for *_, key, _ in run.files or ()):
            raise Conflict("run_already_sent", status=run.status)
        if run.status != "cancelled":
            run.status = "cancelled"
            _put(deployment, run, writes)
        return run

    run = committed(deployment, attempt)
    with suppress(ExceptionGroup):  # the run is cancelled, and the message comes for what is left
        _release(deployment, brand, run, in_time)
    return found(deployment, brand, run_id)


def _release(deployment: Deployment, brand: Brand, run: PayoutRun, in_time: InTime) -> None:
    if run.status != "cancelled":
        return
    failures: list[Exception] = []
    for chunk in payout_runs.chunks(deployment.database, brand.id, run.id):
        if not in_time():
            _tell(deployment, brand, run, "release", seconds=1)
            return
        try:
            _release_chunk(deployment, brand, run, chunk, "run_cancelled")
        except ExceptionGroup as some:
            failures += some.exceptions
    if failures:
        raise ExceptionGroup(f"payouts of {run.id} that could not be given back", failures)
    payout_runs.ended(deployment.database, brand.id, run.id)


def _release_chunk(
    deployment: Deployment,
    brand: Brand,
    run: PayoutRun,
    chunk: RunChunk,
    reason: str,
    *,
    but: AbstractSet[str] = frozenset(),
) -> None:
    """Whatever the run has reserved there `but` these, whether or not it was noted, and not yet sent.

    Raises what failed at single creators, once the others have theirs back.
    """
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


# --- the hourly round -------------------------------------------------------------------------------------------------


def scheduled(deployment: Deployment, brand: Brand, now: datetime) -> list[PayoutRun]:
    """Begins the runs that the brand's schedules ask for by then; one that was begun before is found."""
    begun = []
    for due in payout_settings.due_runs(deployment, brand, now):
        run_id = ids.derived(payout_runs.PREFIX, brand.id, due.currency, times.text(due.due))
        if payout_runs.run(deployment.database, brand.id, run_id) is None:
            wish = Wish(rail=due.rail, currency=due.currency, scheduled_for=due.due)
            begun.append(_begun(deployment, brand, run_id, wish))
    return begun


def taken_up(deployment: Deployment, brand: Brand) -> None:
    """Sends again for what nobody takes further: a message was lost, or a rail was paused."""
    now = deployment.now()
    for run in payout_runs.under_way(deployment.database, brand.id):
        if now - times.parse(run.moved_at) < _STALLED:
            continue
        if run.status == "cancelled":
            _tell(deployment, brand, run, "release")
            continue
        if run.status != "sending" and now - times.parse(run.moved_at) >= _ALARMED_AFTER:
            telemetry.count("RunStalled")
        if not _is_listed(run):
            _tell(deployment, brand, run, "run")
        if run.status == "writing":
            _tell(deployment, brand, run, "file")
        for chunk in payout_runs.chunks(deployment.database, brand.id, run.id):
            kind = {"listed": "chunk", "reserved": "send"}.get(chunk.status)
            if kind is not None:
                _tell(deployment, brand, run, kind, payout_runs.number_of(chunk))
        _conclude(deployment, brand, run)


# --- small things -----------------------------------------------------------------------------------------------------


def _is_the_worlds(failure: Exception) -> bool:
    """Whether it may pass by itself: what a creator's own books or sealed texts raise does not."""
    is_sealed_wrong = isinstance(failure, ClientError) and failure.response["Error"]["Code"] == _NOT_OURS
    return isinstance(failure, FAILURES) and not isinstance(failure, balances.Torn) and not is_sealed_wrong


def _is_listed(run: PayoutRun) -> bool:
    bookmark: str | None = run.bookmark
    return bookmark is None


def _chunk(deployment: Deployment, brand: Brand, run: PayoutRun, number: int) -> RunChunk:
    chunk = payout_runs.chunk(deployment.database, brand.id, run.id, number)
    if chunk is None:
        raise Unavailable  # it is put before anybody is told of it
    return chunk


def _payout_ids(outcomes: Iterable[Outcome]) -> set[str]:
    return {outcome.payout_id for outcome in outcomes if outcome.payout_id is not None}


def _is_called(rail: str) -> bool:
    return RAILS[rail].api is not None


def _put(deployment: Deployment, run: PayoutRun, writes: Writes) -> None:
    run.moved_at = times.text(deployment.now())
    versions.put(writes, run)


def _tell(
    deployment: Deployment, brand: Brand, run: PayoutRun, what: str, number: int | None = None, *, seconds: int = 0
) -> None:
    """Has the queue do that of the run, or of its chunk of that number."""
    about = [brand.id, run.id, *([] if number is None else [number])]
    put_off(deployment, deployment.settings.pay_queue_url, {what: about, "group": brand.id}, seconds=seconds)

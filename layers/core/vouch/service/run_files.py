"""The files of a run: written once, kept under their digest, and given to nobody as anything else than was written."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import batched

from botocore.exceptions import ClientError

from vouch import telemetry
from vouch.deadlines import InTime
from vouch.domain import times
from vouch.domain.errors import Conflict, NotFound, Unprocessable
from vouch.domain.payouts import NOT_READABLE, Payment, Skipped
from vouch.rails.base import File, FileOrder
from vouch.rails.registry import RAILS
from vouch.service import payees, payout_runs, payouts, rail_accounts, run_parts
from vouch.service.deployment import Deployment
from vouch.service.payees import Profile
from vouch.service.payouts import News
from vouch.service.revisions import committed
from vouch.service.run_parts import RunFile
from vouch.store import balances, versions
from vouch.store import payouts as stored_payouts
from vouch.store.database import BATCH_GET_MAX, Writes
from vouch.store.tables import Brand, PayoutItem, PayoutRun

_TOGETHER = 50
"""So many payouts are marked in one transaction, and opened before the clock is looked at again."""
_OPENERS = 8
_ADDRESS_SECONDS = 60


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A run's file, and by which `key` and `version` S3 has just these bytes; without versions there is none."""

    file: File
    key: str
    version: str | None


class FileChanged(Exception):
    """S3 holds other bytes under a run's file than the run has written: nobody is to pay by them."""


def file(
    deployment: Deployment, brand: Brand, run_id: str, rail: str | None, currency: str | None, part: int | None
) -> KeptFile:
    """The file that the run has written. Raises NotFound, Conflict where it is not there yet, Unprocessable if many.

    Raises FileChanged rather than to give other bytes than those that were written.
    """
    run = payout_runs.found(deployment, brand, run_id)
    fitting = [
        each
        for each in run_parts.files_of(run)
        if rail in (None, each.rail) and currency in (None, each.currency) and part in (None, each.part)
        if each.is_written or run.status != "cancelled"
    ]
    if run.dry_run or not fitting:
        if run.status in ("preparing", "writing"):
            raise Conflict("file_not_yet_written", status=run.status)
        raise NotFound("file_not_found")
    if len(fitting) > 1:
        names = sorted(f"{each.rail} {each.currency} {each.part}" for each in fitting)
        raise Unprocessable("file_ambiguous", files=", ".join(names))
    [wanted] = fitting
    if wanted.name is None or wanted.media_type is None or wanted.key is None:
        raise Conflict("file_not_yet_written", status=run.status)
    try:
        kept = deployment.s3.get_object(Bucket=deployment.settings.files_bucket, Key=wanted.key)
    except ClientError as refusal:
        if refusal.response["Error"]["Code"] != "NoSuchKey":
            raise
        raise NotFound("file_expired") from None
    content = kept["Body"].read()
    if _digest(content) != wanted.digest:
        telemetry.count("FileChanged")
        raise FileChanged(wanted.key)
    return KeptFile(File(wanted.name, wanted.media_type, content), wanted.key, kept.get("VersionId"))


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


# --- writing them -----------------------------------------------------------------------------------------------------


def write_all(deployment: Deployment, brand: Brand, run: PayoutRun, in_time: InTime) -> None:
    """Writes the run's files, each once, and says of their payouts that they are on their way.

    One that cannot be written keeps none of the others: what failed is raised once they are. Where the time ended
    first, it is raised then, so that the message comes again by itself, and what failed is tried last from then on:
    another message at once would meet the same, and one that always fails would never be among the dead letters.
    """
    if run.status != "writing":
        return
    failures: list[Exception] = []
    failed: list[RunFile] = []
    for file in _divided(deployment, brand, run):
        try:
            done = _finish(deployment, brand, run.id, file, in_time)
        except Exception as failure:  # noqa: BLE001 - told once the others are written
            failures.append(failure)
            failed.append(file)
            continue
        if not done and failures:
            _try_last(deployment, brand, run.id, failed)
            break
        if not done:
            payout_runs.tell(deployment, brand, run, "file")
            return
    if failures:
        raise ExceptionGroup(f"files of {run.id} that could not be written", failures)

    def attempt(writes: Writes) -> PayoutRun:
        now_known = payout_runs.found(deployment, brand, run.id)
        if now_known.status == "writing" and all(file.is_written for file in run_parts.files_of(now_known)):
            now_known.status = "sending"
            payout_runs.put(deployment, now_known, writes)
        return now_known

    payout_runs.conclude(deployment, brand, committed(deployment, attempt))


def _divided(deployment: Deployment, brand: Brand, seen: PayoutRun) -> list[RunFile]:
    """The run's files, each of so many payouts as one may have: decided once, before the first one is written."""

    def attempt(writes: Writes) -> list[RunFile]:
        run = payout_runs.found(deployment, brand, seen.id)
        files = run_parts.files_of(run)
        parts = [part for file in files for part in run_parts.divided(deployment, brand, run, file)]
        if len(parts) > len(files):
            run_parts.list_files(run, parts)
            payout_runs.put(deployment, run, writes)
        return parts

    return committed(deployment, attempt)


def _finish(deployment: Deployment, brand: Brand, run_id: str, file: RunFile, in_time: InTime) -> bool:
    """Writes one of the files unless it is, and hands over what is in it; False where time ended first.

    It is written of the payouts that are left once nobody is to be left out any more, and noted only if by then nobody
    else has left one out: else it is written anew.
    """
    while in_time():
        run = payout_runs.found(deployment, brand, run_id)
        made = _payouts_of(deployment, brand, run, file)
        now_known = next((each for each in run_parts.files_of(run) if each.is_same(file)), None)
        if run.status != "writing" or now_known is None:  # nobody is left to be paid by it, or it was divided
            return True
        if now_known.is_written:
            return hand_over(deployment, brand, made, in_time=in_time)
        waiting = [item for item in made if item.status == "created"]
        known = payees.profiles(deployment, brand.id, {item.creator_id for item in waiting})
        unfit = _stopped(deployment, brand, waiting, known)
        payments: list[Payment] = []
        for some in () if unfit else batched(waiting, _TOGETHER, strict=False):
            if not in_time():
                return False
            payments += _opened(deployment, brand, some, known, unfit)
        for payout_id, reason in unfit:
            if not in_time():
                return False
            with suppress(Conflict):  # another one has written it meanwhile
                _leave_out(deployment, brand, payout_id, News(reason=reason))
        if not unfit:
            sealed = _account_of(deployment, brand, run, file.rail) if payments else None
            noted = _write(deployment, brand, run, now_known, sealed, payments) if payments else None
            _note_file(deployment, brand, run.id, now_known, sealed, noted)
    return False


def _account_of(deployment: Deployment, brand: Brand, run: PayoutRun, rail: str) -> str | None:
    """By which account the rail's files of the run are written: all of them by that of the first one.

    Else they would be drawn on several, or two of them have one number. Raises Unprocessable where there is none.
    """
    pinned: str | None = (run.accounts or {}).get(rail)
    return pinned or rail_accounts.sealed(deployment, brand.id, rail)


def _stopped(
    deployment: Deployment, brand: Brand, items: Sequence[PayoutItem], known: Mapping[str, Profile]
) -> list[tuple[str, Skipped]]:
    """Those who may not be paid any more since the run has looked at them, each with the reason."""
    stopping = payees.stopping(deployment, brand)
    reasons = [(item.id, stopping(known[item.creator_id].payee)) for item in items if item.creator_id in known]
    return [(payout_id, reason) for payout_id, reason in reasons if reason is not None]


def _leave_out(deployment: Deployment, brand: Brand, payout_id: str, news: News) -> None:
    """That a creator's books take nothing is a matter of that one alone, likewise."""
    try:
        payouts.left_out(deployment, brand, payout_id, news)
    except Conflict:
        raise
    except Exception as failure:
        if balances.is_the_worlds(failure):
            raise
        telemetry.count("PayeeUnreadable")
        telemetry.logger().exception("a payout cannot be given back", brand=brand.id, payout=payout_id)
        payouts.set_aside(deployment, brand, payout_id, news)


def leave_out_held(deployment: Deployment, brand: Brand, creator_id: str) -> None:
    """Leaves what is not written yet for the creator out of its files at once, since they are held."""
    reason: Skipped = "payouts_held"
    for item in payouts.waiting(deployment, brand, creator_id):
        if payouts.rail_of(item).write is not None:
            with suppress(Conflict):  # it was written before
                _leave_out(deployment, brand, item.id, News(reason=reason))


def hand_over(deployment: Deployment, brand: Brand, items: Iterable[PayoutItem], *, in_time: InTime) -> bool:
    """Says of payouts whose file is written that they are on their way; False where time ended first."""
    created = (item for item in items if item.status == "created" and not item.aside)
    for some in batched(created, _TOGETHER, strict=False):
        if not in_time():
            return False
        payouts.submitted_together(deployment, brand, some, _on_its_way)
    return True


def _payouts_of(deployment: Deployment, brand: Brand, run: PayoutRun, file: RunFile) -> Iterator[PayoutItem]:
    """Without those that were set aside, in the order of their ids, read as they are asked for."""
    wanted = [each.payout_id for each in run_parts.made_for(deployment, brand, run, file) if each.payout_id]
    for some in batched(wanted, BATCH_GET_MAX, strict=False):
        items = stored_payouts.payouts(deployment.database, brand.id, some)
        yield from (item for item in items if not item.aside)


def _opened(
    deployment: Deployment,
    brand: Brand,
    items: Sequence[PayoutItem],
    known: Mapping[str, Profile],
    unfit: list[tuple[str, Skipped]],
) -> list[Payment]:
    """Their payments; what cannot be paid is added to `unfit`, with the reason.

    That nobody can read where a payout goes, or that its rail cannot write the name that its creator has by now, is a
    matter of that one alone, and keeps nobody else from being paid.
    """

    def ask(item: PayoutItem) -> Payment | Skipped:
        payment = payouts.payment(deployment, brand, known, item)
        return NOT_READABLE if payment is None else RAILS[item.rail].obstacle(payment) or payment

    payments = []
    with ThreadPoolExecutor(_OPENERS) as openers:
        for item, found in zip(items, openers.map(ask, items), strict=True):
            if isinstance(found, Payment):
                payments.append(found)
            else:
                unfit.append((item.id, found))
    return payments


def _write(
    deployment: Deployment,
    brand: Brand,
    run: PayoutRun,
    file: RunFile,
    sealed: str | None,
    payments: Sequence[Payment],
) -> RunFile:
    """Stores the file; what the run notes of it.

    Its digest is part of the object's key, so that what is there already are these bytes: a try that found another
    name of a creator writes beside them, and the one that was noted first counts.
    """
    write = RAILS[file.rail].write
    if write is None:
        raise LookupError(f"{file.rail} has no files")
    settings = rail_accounts.unsealed(deployment, brand.id, file.rail, sealed)
    at, now = times.parse(run.at), deployment.brand_now(brand)
    made = write(FileOrder(run.id, at, now, file.currency, settings, payments, file.part))
    digest = _digest(made.content)
    key = f"{brand.id}/{run.id}/{file.rail}-{file.currency}-{file.part}-{digest}"
    try:
        deployment.s3.put_object(
            Bucket=deployment.settings.files_bucket,
            Key=key,
            Body=made.content,
            ContentType=made.media_type,
            IfNoneMatch="*",
        )
    except ClientError as refusal:
        if refusal.response["Error"]["Code"] != "PreconditionFailed":
            raise
    net = sum(payment.amount for payment in payments)
    return replace(
        file, payments=len(payments), net=net, name=made.name, media_type=made.media_type, key=key, digest=digest
    )


def _note_file(
    deployment: Deployment, brand: Brand, run_id: str, seen: RunFile, sealed: str | None, noted: RunFile | None
) -> None:
    """Without `noted` nobody is left to be paid by it, and there is no such file.

    Nothing is noted where one of its payouts was left out meanwhile, another one has written it, or a further file of
    the rail by another account. Of a run that was cancelled nobody sees the file, and nobody is paid by it.
    """

    def attempt(writes: Writes) -> None:
        run = payout_runs.found(deployment, brand, run_id)
        files, pinned = run_parts.files_of(run), run.accounts or {}
        by_another = noted is not None and pinned.get(seen.rail) not in (None, sealed)
        if run.status == "writing" and seen in files and not by_another:
            others = [noted if each == seen else each for each in files]
            run_parts.list_files(run, [each for each in others if each is not None])
            if sealed is not None:
                run.accounts = pinned | {seen.rail: sealed}
            payout_runs.put(deployment, run, writes)

    committed(deployment, attempt)


def _try_last(deployment: Deployment, brand: Brand, run_id: str, failed: Sequence[RunFile]) -> None:
    """That is no step of the run: whoever sees to it that it goes on is to see that it did not."""

    def attempt(writes: Writes) -> None:
        run = payout_runs.found(deployment, brand, run_id)
        files = run_parts.files_of(run)
        run_parts.list_files(run, sorted(files, key=lambda each: any(each.is_same(file) for file in failed)))
        versions.put(writes, run)

    committed(deployment, attempt)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _on_its_way(item: PayoutItem) -> News:
    """Its name in the file stays known once a bank's own reference has taken its place."""
    called = RAILS[item.rail].called
    name = called(item.id) if called is not None else None
    return News(reference=name, names={"file": name} if name is not None else {})

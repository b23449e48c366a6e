"""The files of a run: written once, kept under their digest, and given to nobody as anything else than was written."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import batched, islice

from botocore.exceptions import ClientError

from vouch import telemetry
from vouch.deadlines import InTime
from vouch.domain import times
from vouch.domain.errors import Conflict, NotFound, Unprocessable
from vouch.domain.payouts import Payment
from vouch.rails.base import File, FileOrder
from vouch.rails.registry import RAILS
from vouch.service import payees, payout_runs, payouts, rail_accounts
from vouch.service.deployment import Deployment
from vouch.service.payees import Profile
from vouch.service.payouts import News
from vouch.service.reserving import Outcome, outcomes_of
from vouch.service.revisions import committed
from vouch.store import payout_runs as stored
from vouch.store import payouts as stored_payouts
from vouch.store.database import BATCH_GET_MAX, Writes
from vouch.store.tables import Brand, PayoutItem, PayoutRun

_TOGETHER = 50
"""So many payouts are marked in one transaction."""
_OPENERS = 8
_ADDRESS_SECONDS = 60
PAYOUTS_MAX = 10_000
"""So many payouts are in one file, which is written in one go: each costs 2 ms of a whole processor, most of it to have
KMS open where it goes, so that with half a processor it is a minute of the five that there are."""


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A run's file, and by which `key` and `version` S3 has just these bytes; without versions there is none."""

    file: File
    key: str
    version: str | None


class FileChanged(Exception):
    """S3 holds other bytes under a run's file than the run has written: nobody is to pay by them."""


def file(deployment: Deployment, brand: Brand, run_id: str, rail: str | None, currency: str | None) -> KeptFile:
    """The file that the run has written. Raises NotFound, Conflict where it is not there yet, Unprocessable if many.

    Raises FileChanged rather than to give other bytes than those that were written.
    """
    run = payout_runs.found(deployment, brand, run_id)
    fitting = [each for each in run.files or () if rail in (None, each[0]) and currency in (None, each[1])]
    if run.dry_run or not fitting:
        if run.status in ("preparing", "writing"):
            raise Conflict("file_not_yet_written", status=run.status)
        raise NotFound("file_not_found")
    if len(fitting) > 1:
        raise Unprocessable("file_ambiguous", files=", ".join(f"{each[0]} {each[1]}" for each in fitting))
    [(_, _, name, media_type, key, digest, *_)] = fitting
    if key is None and run.status == "cancelled":
        raise NotFound("file_not_found")
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


# --- writing them -----------------------------------------------------------------------------------------------------


def write_all(deployment: Deployment, brand: Brand, run: PayoutRun, in_time: InTime) -> None:
    """Writes the run's files, each once, and says of their payouts that they are on their way.

    One that cannot be written keeps none of the others: what failed is raised once they are.
    """
    if run.status != "writing":
        return
    failures: list[Exception] = []
    for rail, currency, *_ in run.files:
        try:
            done = in_time() and _finished(deployment, brand, run.id, rail, currency, in_time)
        except Exception as failure:  # noqa: BLE001 - told once the others are written
            failures.append(failure)
            continue
        if not done:
            payout_runs.tell(deployment, brand, run, "file")
            return
    if failures:
        raise ExceptionGroup(f"files of {run.id} that could not be written", failures)

    def attempt(writes: Writes) -> PayoutRun:
        now_known = payout_runs.found(deployment, brand, run.id)
        if now_known.status == "writing":
            now_known.status = "sending"
            payout_runs.put(deployment, now_known, writes)
        return now_known

    payout_runs.conclude(deployment, brand, committed(deployment, attempt))


def _finished(deployment: Deployment, brand: Brand, run_id: str, rail: str, currency: str, in_time: InTime) -> bool:
    """Writes one of the files unless it is, and hands over what is in it; False where time ended first.

    It is written of the payouts that are left once nobody is to be left out any more, and noted only if by then nobody
    else has left one out: else it is written anew.
    """
    while True:
        run = payout_runs.found(deployment, brand, run_id)
        made = _payouts_of(deployment, brand, run, rail, currency)
        if run.status != "writing" or not _is_to_write(run, rail, currency):
            return run.status != "writing" or handed_over(deployment, brand, made, in_time=in_time)
        waiting = (item for item in made if item.status == "created")
        fit = list(islice(waiting, PAYOUTS_MAX))
        known = payees.profiles(deployment, brand.id, {item.creator_id for item in fit})
        unfit = _stopped(deployment, brand, fit, known) + [(item.id, "left_for_next_run") for item in waiting]
        payments, unreadable = ([], []) if unfit else _opened(deployment, brand, fit, known)
        unfit += [(payout_id, "not_readable") for payout_id in unreadable]
        for payout_id, reason in unfit:
            if not in_time():
                return False
            with suppress(Conflict):  # another one has written it meanwhile
                payouts.left_out(deployment, brand, payout_id, News(reason=reason))
        if not unfit:
            noted = _written(deployment, brand, run, rail, currency, payments) if payments else None
            _note_file(deployment, brand, run, rail, currency, noted)


def _is_to_write(run: PayoutRun, rail: str, currency: str) -> bool:
    return any(each[:2] == [rail, currency] and each[4] is None for each in run.files)


def _stopped(
    deployment: Deployment, brand: Brand, items: Sequence[PayoutItem], known: Mapping[str, Profile]
) -> list[tuple[str, str]]:
    """Those who may not be paid any more since the run has looked at them, each with the reason."""
    stopping = payees.stopping(deployment, brand)
    reasons = [(item.id, stopping(known[item.creator_id].payee)) for item in items if item.creator_id in known]
    return [(payout_id, reason) for payout_id, reason in reasons if reason is not None]


def handed_over(deployment: Deployment, brand: Brand, items: Iterable[PayoutItem], *, in_time: InTime) -> bool:
    """Says of payouts whose file is written that they are on their way; False where time ended first."""
    for some in batched((item for item in items if item.status == "created"), _TOGETHER, strict=False):
        if not in_time():
            return False
        payouts.submitted_together(deployment, brand, some, _on_its_way)
    return True


def written_of(run: PayoutRun, outcomes: Iterable[Outcome]) -> set[str]:
    """Those of these payouts that are in a file which the run has written."""
    written = {(rail, currency) for rail, currency, _, _, key, *_ in run.files or () if key is not None}
    return {each.payout_id for each in outcomes if each.payout_id and (each.rail, each.currency) in written}


def _payouts_of(deployment: Deployment, brand: Brand, run: PayoutRun, rail: str, currency: str) -> Iterator[PayoutItem]:
    """In the order of their ids, read as they are asked for."""
    wanted = sorted(
        outcome.payout_id
        for chunk in stored.chunks(deployment.database, brand.id, run.id)
        for outcome in outcomes_of(chunk)
        if outcome.payout_id is not None and (outcome.rail, outcome.currency) == (rail, currency)
    )
    for some in batched(wanted, BATCH_GET_MAX, strict=False):
        yield from stored_payouts.payouts(deployment.database, brand.id, some)


def _opened(
    deployment: Deployment, brand: Brand, items: Sequence[PayoutItem], known: Mapping[str, Profile]
) -> tuple[list[Payment], list[str]]:
    """Their payments, and those payouts of which nobody can read where they go: a matter of one creator's, which keeps
    nobody else from being paid.
    """

    def ask(item: PayoutItem) -> Payment | None:
        try:
            return payouts.payment(deployment, brand, known, item)
        except Exception as failure:
            if payout_runs.is_the_worlds(failure):
                raise
            telemetry.count("PayeeUnreadable")
            telemetry.logger().exception("a payout cannot be paid", brand=brand.id, payout=item.id)
            return None

    with ThreadPoolExecutor(_OPENERS) as openers:
        opened = list(openers.map(ask, items))
    payments = [payment for payment in opened if payment is not None]
    return payments, [item.id for item, payment in zip(items, opened, strict=True) if payment is None]


def _written(
    deployment: Deployment, brand: Brand, run: PayoutRun, rail: str, currency: str, payments: Sequence[Payment]
) -> list[str | int]:
    """Stores the file; what the run notes of it.

    Its digest is part of the object's key, so that what is there already are these bytes: a try that found another
    name of a creator writes beside them, and the one that was noted first counts.
    """
    write = RAILS[rail].write
    if write is None:
        raise LookupError(f"{rail} has no files")
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
    net = sum(payment.amount for payment in payments)
    return [rail, currency, file.name, file.media_type, key, digest, len(payments), net]


def _note_file(
    deployment: Deployment, brand: Brand, seen: PayoutRun, rail: str, currency: str, noted: list[str | int] | None
) -> None:
    """Without `noted` nobody is left to be paid by it, and there is no such file.

    Of a run that was cancelled meanwhile nobody sees the file, and nobody is paid by it.
    """

    def attempt(writes: Writes) -> None:
        run = payout_runs.found(deployment, brand, seen.id)
        if run.status == "writing" and run.left_out == seen.left_out and _is_to_write(run, rail, currency):
            files = [noted if each[:2] == [rail, currency] else each for each in run.files]
            run.files = [each for each in files if each is not None]
            payout_runs.put(deployment, run, writes)

    committed(deployment, attempt)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _on_its_way(item: PayoutItem) -> News:
    """Its name in the file stays known once a bank's own reference has taken its place."""
    called = RAILS[item.rail].called
    name = called(item.id) if called is not None else None
    return News(reference=name, names={"file": name} if name is not None else {})

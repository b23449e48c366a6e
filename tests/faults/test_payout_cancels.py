"""Runs that are cancelled half-way: what is in a file that was written is paid by it, all else is available again."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from tests.faults.injection import Died, Faults, forget, injected, kinds
from tests.payday import HOUR, SEPA, ComesAgain, Payday, key, tear
from tests.standins.stripe_connect import StripeConnect
from vouch.domain.errors import Conflict, NotFound
from vouch.service import (
    payout_runs,
    payouts,
    rail_accounts,
    run_cancelling,
    run_chunks,
    run_files,
    run_parts,
    run_work,
)
from vouch.service.deployment import Deployment
from vouch.store import payout_runs as stored
from vouch.store.tables import Brand, PayoutRun, PeriodSums, RunChunk

BY_LIST, BY_BANK = 700, 900
_KINDS = ("crash before", "crash after")


@pytest.fixture
def day(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Payday:
    return Payday(deployment, monkeypatch, currency="EUR")


def _dies(*_: object) -> None:
    raise Died


@dataclass(frozen=True)
class Half:
    """A run with a list that was written, and a file for the bank that cannot be, since its account was taken away."""

    day: Payday
    run_id: str
    by_list: str
    by_bank: str

    def run(self) -> PayoutRun:
        return self.day.run_now(self.run_id)

    def cancel(self) -> PayoutRun:
        return run_cancelling.cancelled(self.day.deployment, self.day.brand, self.run_id, in_time=lambda: True)

    def check_cancelled(self) -> None:
        run = self.run()
        assert (run.status, run.payouts, run.released) == ("cancelled", 2, 1)
        assert run.totals == [["csv", "EUR", 1, BY_LIST, 0], ["sepa", "EUR", 1, BY_BANK, 0]]
        assert [(file.rail, file.is_written) for file in run_parts.files_of(run)] == [("csv", True), ("sepa", False)]
        by_list, by_bank = self.day.the(self.by_list), self.day.the(self.by_bank)
        assert (by_list.status, by_bank.status) == ("submitted", "failed")
        assert (bool(by_list.reason), by_bank.reason) == (False, "run_cancelled")
        assert (self.day.sums(self.by_list), self.day.sums(self.by_bank)) == ((0, BY_LIST, 0), (BY_BANK, 0, 0))
        with self.day.looking():
            assert stored.under_way(self.day.deployment.database, self.day.brand.id) == []
        assert self.day.violations() == []


def half_written(day: Payday, monkeypatch: pytest.MonkeyPatch, *, noted: bool = True) -> Half:
    """`noted`: that what is in the list is on its way; else whoever has written it died before they could say so."""
    day.set_up("sepa", SEPA)
    by_list, by_bank = day.creator(BY_LIST), day.creator(BY_BANK, "sepa")
    run = day.reserved(by_list, by_bank)
    assert (run.status, run.payouts) == ("writing", 2)
    rail_accounts.removed(day.deployment, day.brand, "sepa", if_match=None)
    with monkeypatch.context() as patch, suppress(Exception, Died):
        if not noted:
            patch.setattr(payouts, "submitted_together", _dies)
        run_work.worked(day.deployment, {"file": [day.brand.id, run.id]}, in_time=lambda: True)
    half = Half(day, run.id, by_list, by_bank)
    assert half.run().status == "writing"
    assert [day.the(each).status for each in (by_list, by_bank)] == ["submitted" if noted else "created", "created"]
    return half


@pytest.mark.parametrize("noted", [True, False])
def test_a_run_of_which_a_file_cannot_be_written_can_be_ended(
    day: Payday, monkeypatch: pytest.MonkeyPatch, noted: bool
) -> None:
    half = half_written(day, monkeypatch, noted=noted)
    assert half.cancel().released == 1
    for _ in range(2):
        half.check_cancelled()
        half.cancel()
        with suppress(ComesAgain):
            day.work()
        day.pass_(4 * HOUR)
        day.round()
    kept = run_files.file(day.deployment, day.brand, half.run_id, "csv", None, None).file.content.decode()
    assert day.the(half.by_list).id in kept
    with pytest.raises(NotFound):
        run_files.file(day.deployment, day.brand, half.run_id, "sepa", None, None)
    payouts.settled_by_hand(day.deployment, day.brand, key(), day.the(half.by_list).id, "TRX 1")
    again = day.run(half.by_list, half.by_bank, rail="csv")
    assert (again.status, again.totals) == ("completed", [["csv", "EUR", 1, BY_BANK, 0]])


def test_whoever_dies_cancelling_it_ends_as_it_would_have(
    day: Payday, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor had whoever wrote the list come to say that its payouts are on their way."""
    with injected(deployment) as faults:
        day.looking = faults.resting
        clean = _swept(day, monkeypatch, faults, 0, "")
        for number, operation in enumerate(clean, start=1):
            for kind in [kind for kind in kinds(operation) if kind in _KINDS]:
                _swept(day, monkeypatch, faults, number, kind)
    assert clean.count("TransactWriteItems") > 2


def _swept(day: Payday, monkeypatch: pytest.MonkeyPatch, faults: Faults, number: int, kind: str) -> list[str]:
    with faults.resting():
        half = half_written(day, monkeypatch, noted=False)
    with faults.breaking(number, kind):
        again(day, half.cancel)
        calls = [*faults.calls]
        again(day, day.work)
        day.pass_(HOUR)
        again(day, day.round)
        again(day, day.work)
    try:
        half.check_cancelled()
    except AssertionError as failure:
        failure.add_note(f"{kind}: call {number} of {calls}")
        raise
    return calls


def again(day: Payday, do: Callable[[], object]) -> None:
    """An impatient hand, or the queue: until it is done."""
    for _ in range(6):
        try:
            do()
        except (Exception, Died):  # noqa: BLE001 - whatever it is, it comes again
            forget(day.deployment)
            day.restart()
            day.pass_(timedelta(minutes=1))
        else:
            return
    do()


def test_a_message_that_comes_late_to_a_cancelled_run_takes_nothing_out_of_a_written_file(
    day: Payday, monkeypatch: pytest.MonkeyPatch
) -> None:
    half = half_written(day, monkeypatch, noted=False)
    with monkeypatch.context() as patch:
        patch.setattr(run_cancelling, "_release_chunks", _dies)
        with pytest.raises(Died):
            half.cancel()
    assert (half.run().status, day.the(half.by_list).status) == ("cancelled", "created")
    run_work.worked(day.deployment, {"chunk": [day.brand.id, half.run_id, 0]}, in_time=lambda: True)
    assert [day.the(each).status for each in (half.by_list, half.by_bank)] == ["submitted", "failed"]
    day.work()
    half.check_cancelled()


def test_who_has_no_time_left_goes_on_cancelling_by_the_queue(day: Payday, monkeypatch: pytest.MonkeyPatch) -> None:
    half = half_written(day, monkeypatch, noted=False)
    run = run_cancelling.cancelled(day.deployment, day.brand, half.run_id, in_time=lambda: False)
    assert (run.status, run.released, day.the(half.by_bank).status) == ("cancelled", 0, "created")
    day.work()
    half.check_cancelled()


def test_what_waits_for_a_rail_beside_a_written_file_can_be_taken_back(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = Payday(deployment, monkeypatch)
    with StripeConnect(deployment.now, funds={"USD": 0}) as stripe:
        by_list, by_stripe = day.creator(BY_LIST), day.payee(stripe, BY_BANK)
        run = day.run(by_list, by_stripe)
        day.work()
        half = Half(day, run.id, by_list, by_stripe)
        assert (half.run().status, day.the(by_list).status, day.the(by_stripe).status) == (
            "sending",
            "submitted",
            "created",
        )
        assert (half.cancel().status, half.run().released) == ("cancelled", 1)
        assert [day.the(each).status for each in (by_list, by_stripe)] == ["submitted", "failed"]
        assert day.violations() == []
        assert stripe.movements == {}


def test_a_run_that_handed_over_all_cannot_be_cancelled_though_that_is_not_noted_yet(
    day: Payday, monkeypatch: pytest.MonkeyPatch
) -> None:
    creator = day.creator(BY_LIST)
    with monkeypatch.context() as patch, suppress(Died):
        patch.setattr(payouts, "submitted_together", _dies)
        day.run(creator, rail="csv")
    [run] = payout_runs.listed(day.deployment, day.brand, limit=10, cursor=None).items
    half = Half(day, run.id, creator, creator)
    assert (half.run().status, day.the(creator).status) == ("writing", "created")
    with pytest.raises(Conflict):
        half.cancel()
    day.work()
    assert (half.run().status, half.run().released, day.the(creator).status) == ("completed", 0, "submitted")


def so_many(steps: int) -> Callable[[], bool]:
    """The time of a message that takes so many steps."""
    left = iter(range(steps))
    return lambda: next(left, None) is not None


def listed_and_reserved(day: Payday, monkeypatch: pytest.MonkeyPatch, chunks: int) -> tuple[PayoutRun, list[str]]:
    """A run of so many chunks, each of one creator, before its file is written; nobody else works at it."""
    monkeypatch.setattr(run_chunks, "CHUNK_MAX", 1)
    creators = day.creators([BY_LIST] * chunks)
    run = day.reserved(*creators, rail="csv")
    day.deployment.sqs.sent.clear()
    return run, creators


@pytest.mark.parametrize("reserved", [True, False])
def test_a_cancelled_run_ends_however_many_messages_it_takes(
    day: Payday, monkeypatch: pytest.MonkeyPatch, reserved: bool
) -> None:
    """Each message begins behind what those before it have done, and there is one at a time."""
    if not reserved:
        monkeypatch.setattr(run_chunks, "reserve", lambda *_: None)
    run, creators = listed_and_reserved(day, monkeypatch, 6)
    run_cancelling.cancelled(day.deployment, day.brand, run.id, in_time=so_many(2))
    for _ in range(4):
        run_cancelling.cancelled(day.deployment, day.brand, run.id, in_time=so_many(2))
        assert len(day.waiting) == 1
        day.pass_(timedelta(minutes=15))
        day.round()
        assert len(day.waiting) == 1, "somebody is at work"
        day.deployment.sqs.sent.clear()
        run = day.run_now(run.id)
        run_work.worked(day.deployment, {"release": [day.brand.id, run.id]}, in_time=so_many(3))
        if not day.waiting:
            break
    assert stored.under_way(day.deployment.database, day.brand.id) == []
    assert {each.status for creator in creators for each in day.payouts_of(creator)} <= {"failed"}
    assert day.run_now(run.id).released == (6 if reserved else 0)


def test_what_a_chunk_reserves_behind_the_cancelling_is_given_back_and_counted(
    day: Payday, monkeypatch: pytest.MonkeyPatch
) -> None:
    creator = day.creator(BY_LIST)
    noting = run_chunks._note_reserved

    def overtaken(deployment: Deployment, brand: Brand, run: PayoutRun, *about: Any) -> tuple[PayoutRun, RunChunk]:
        run_cancelling.cancelled(deployment, brand, run.id, in_time=lambda: True)
        return noting(deployment, brand, run, *about)

    monkeypatch.setattr(run_chunks, "_note_reserved", overtaken)
    run = day.run(creator, rail="csv")
    assert (run.status, run.payouts, run.released, day.sums(creator)) == ("cancelled", 1, 1, (BY_LIST, 0, 0))


def test_who_asks_for_a_run_is_answered_though_it_is_cancelled_and_ones_books_break(
    day: Payday, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be given back by the request is given back once it can."""
    broken, sound = day.creator(BY_LIST), day.creator(BY_BANK)
    noting, torn = run_chunks._note_reserved, list[PeriodSums]()

    def overtaken(deployment: Deployment, brand: Brand, run: PayoutRun, *about: Any) -> tuple[PayoutRun, RunChunk]:
        torn.append(tear(day, broken))
        with suppress(ExceptionGroup):
            run_cancelling.cancelled(deployment, brand, run.id, in_time=lambda: True)
        return noting(deployment, brand, run, *about)

    with monkeypatch.context() as patch:
        patch.setattr(run_chunks, "_note_reserved", overtaken)
        assert day.run(broken, sound, rail="csv").status == "cancelled"
    assert day.sums(sound) == (BY_BANK, 0, 0)
    for item in torn:
        item.delete()
    day.work()
    assert day.sums(broken) == (BY_LIST, 0, 0)
    assert stored.under_way(day.deployment.database, day.brand.id) == []


def test_what_is_reserved_behind_the_cancelling_by_one_who_dies_is_given_back(
    day: Payday, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No list has it, and by then nothing of the run is left to be done."""
    creator = day.creator(BY_LIST)

    def overtaken(deployment: Deployment, brand: Brand, run: PayoutRun, *_: Any) -> None:
        run_cancelling.cancelled(deployment, brand, run.id, in_time=lambda: True)
        raise Died

    with monkeypatch.context() as patch, suppress(Died):
        patch.setattr(run_chunks, "_note_reserved", overtaken)
        patch.setattr(run_chunks, "_give_back", lambda *_, **__: None)  # it came before that
        day.run(creator, rail="csv", name="once")
    assert stored.under_way(day.deployment.database, day.brand.id) == []
    assert (day.the(creator).status, day.sums(creator)) == ("created", (0, BY_LIST, 0))
    day.work()
    assert (day.the(creator).status, day.the(creator).reason) == ("failed", "run_cancelled")
    assert day.sums(creator) == (BY_LIST, 0, 0)
    assert day.run(creator, rail="csv", name="once").status == "cancelled"
    assert [each.status for each in day.payouts_of(creator)] == ["failed"]

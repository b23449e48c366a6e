"""What is in a run's file, and what is left out of it: by a hold, by a word; and several files of a run."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from pynamodb.expressions.operand import Path

from tests.payday import SEPA, ComesAgain, Payday, key, tear
from vouch.domain.errors import Conflict, NotFound, Stale, Unavailable, Unprocessable
from vouch.domain.payouts import Destination
from vouch.service import (
    folds,
    payees,
    payouts,
    rail_accounts,
    run_cancelling,
    run_chunks,
    run_files,
    run_parts,
    run_work,
    sending,
)
from vouch.service.deployment import Deployment
from vouch.service.payouts import News
from vouch.service.run_parts import RunFile
from vouch.store import balances
from vouch.store import creators as stored_creators
from vouch.store import payout_runs as stored
from vouch.store import payouts as stored_payouts
from vouch.store.tables import ApiKey, Balance, Brand, PayoutItem, PayoutRun


@pytest.fixture
def day(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Payday:
    return Payday(deployment, monkeypatch, currency="EUR")


def reserved(day: Payday, *creators: str) -> PayoutRun:
    """A run of these creators, whose files are still to be written by the queue."""
    run = day.reserved(*creators)
    assert {day.the(creator).status for creator in creators} == {"created"}
    return run


def fails(day: Payday, creator: str, reason: str = "a slip") -> PayoutItem:
    return payouts.failed_by_hand(day.deployment, day.brand, key(), day.the(creator).id, reason)


def in_file(day: Payday, run: PayoutRun) -> set[str]:
    """The payouts in the run's list."""
    return {row["payout_id"] for row in day.rows(run.id)}


def check(day: Payday, run: PayoutRun, paid: list[str], left: dict[str, str]) -> None:
    """The run is done, `paid` are in its file, and the others have theirs again, each for its reason."""
    assert day.run_now(run.id).status == "completed"
    assert in_file(day, run) == {day.the(creator).id for creator in paid}
    [file] = run_parts.files_of(day.run_now(run.id))
    assert (file.is_written, file.payments, file.net) == (True, len(paid), 700 * len(paid)), "what is said of it"
    assert day.run_now(run.id).left_out == len(left)
    assert {day.the(creator).status for creator in paid} == {"submitted"}
    for creator, reason in left.items():
        assert (day.the(creator).status, day.the(creator).reason) == ("failed", reason)
        assert day.sums(creator) == (700, 0, 0)
    assert day.violations() == []


def test_who_is_held_before_the_file_is_written_is_not_in_it(day: Payday) -> None:
    held, paid = day.creators([700, 700])
    run = reserved(day, held, paid)
    day.hold(held)
    day.work()
    check(day, run, [paid], {held: "payouts_held"})


def test_what_is_to_be_written_yet_may_be_called_off_and_what_is_written_may_fail(day: Payday) -> None:
    called_off, paid = day.creators([700, 700])
    run = reserved(day, called_off, paid)
    for _ in range(2):
        assert fails(day, called_off).status == "failed"
    day.work()
    check(day, run, [paid], {called_off: "a slip"})
    written = in_file(day, run)
    assert fails(day, paid, "no such account").status == "failed"
    assert in_file(day, run) == written


def test_a_run_whose_payouts_are_all_called_off_has_no_file(day: Payday) -> None:
    creator = day.creator(700)
    run = reserved(day, creator)
    fails(day, creator)
    day.work()
    assert (day.run_now(run.id).status, day.run_now(run.id).files) == ("completed", [])
    with pytest.raises(NotFound):
        run_files.file(day.deployment, day.brand, run.id, "csv", "EUR", None)


@pytest.mark.parametrize("how", ["held", "called off"])
@pytest.mark.parametrize("before_noting", [True, False])
def test_what_is_available_again_is_in_no_file_whoever_is_first(
    day: Payday, monkeypatch: pytest.MonkeyPatch, how: str, before_noting: bool
) -> None:
    """One writes the file while another one leaves a payout out of it."""
    other, paid = day.creators([700, 700])
    run = reserved(day, other, paid)
    noting, overtaken = run_files._note_file, list[str]()

    def leave_out() -> None:
        if overtaken:
            return
        overtaken.append(other)
        if how == "called off":
            with suppress(Conflict):
                fails(day, other)
        else:
            with suppress(Conflict):
                payouts.left_out(day.deployment, day.brand, day.the(other).id, News(reason="payouts_held"))

    def note(*about: Any) -> None:
        if before_noting:
            leave_out()
        noting(*about)
        leave_out()

    monkeypatch.setattr(run_files, "_note_file", note)
    day.work()
    assert overtaken
    if before_noting:
        check(day, run, [paid], {other: "a slip" if how == "called off" else "payouts_held"})
    else:
        check(day, run, [paid, other], {})


def part_of(day: Payday, run: PayoutRun, part: int) -> list[str]:
    """The payouts in that part of the run's list, in its order."""
    return [row["payout_id"] for row in day.rows(run.id, part)]


def test_what_one_file_has_no_room_for_is_in_further_parts_whoever_is_left_out(
    day: Payday, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five in parts of two: the first of the second part is held, which moves nobody, and the last one called off."""
    monkeypatch.setattr(run_parts, "PAYOUTS_MAX", 2)
    creators = day.creators([701, 702, 703, 704, 705])
    run = reserved(day, *creators)
    ordered = sorted(creators, key=lambda creator: day.the(creator).id)
    ids = [day.the(creator).id for creator in ordered]
    amount = {creator: 701 + position for position, creator in enumerate(creators)}
    day.hold(ordered[2])
    fails(day, ordered[4])
    day.work()
    run = day.run_now(run.id)
    assert (run.status, run.left_out) == ("completed", 2)
    first, second = run_parts.files_of(run)
    assert (part_of(day, run, 1), part_of(day, run, 2)) == (ids[:2], [ids[3]]), "of the third nobody is left"
    assert (first.part, first.payments, first.net) == (1, 2, amount[ordered[0]] + amount[ordered[1]])
    assert (second.part, second.payments, second.net) == (2, 1, amount[ordered[3]])
    assert first.name == f"{run.id}-EUR.csv"
    assert second.name == f"{run.id}-EUR-2.csv"
    with pytest.raises(Unprocessable, match="file_ambiguous"):
        run_files.file(day.deployment, day.brand, run.id, "csv", "EUR", None)
    with pytest.raises(NotFound):
        run_files.file(day.deployment, day.brand, run.id, "csv", "EUR", 3)
    assert [day.the(creator).status for creator in ordered] == [*["submitted"] * 2, "failed", "submitted", "failed"]
    assert day.run(*creators, rail="csv").payouts == 1, "whoever is not held, and was in no file"
    assert day.violations() == []


def test_of_a_run_that_ends_between_two_parts_the_first_is_paid_and_the_other_given_back(
    day: Payday, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_parts, "PAYOUTS_MAX", 1)
    run = reserved(day, *(creators := day.creators([700] * 2)))
    in_first, in_second = sorted(creators, key=lambda creator: day.the(creator).id)
    noting = run_files._note_file

    def dies(*about: Any) -> None:
        noting(*about)
        raise OSError

    left = iter([True] * 2)
    with monkeypatch.context() as patch, suppress(ExceptionGroup):
        patch.setattr(run_files, "_note_file", dies)
        run_files.write_all(day.deployment, day.brand, run, lambda: next(left, False))
    assert {file.part: file.is_written for file in run_parts.files_of(day.run_now(run.id))} == {1: True, 2: False}
    with pytest.raises(Conflict, match="file_not_yet_written"):
        run_files.file(day.deployment, day.brand, run.id, "csv", "EUR", 2)
    with pytest.raises(Conflict, match="payout_not_in_time"):
        fails(day, in_first)
    run_cancelling.cancelled(day.deployment, day.brand, run.id, in_time=lambda: True)
    assert (day.the(in_first).status, day.the(in_second).status) == ("submitted", "failed")
    assert part_of(day, run, 1) == [day.the(in_first).id]
    assert (day.sums(in_first), day.sums(in_second)) == ((0, 700, 0), (700, 0, 0))
    assert day.violations() == []


def test_who_leaves_much_out_goes_on_by_another_message(day: Payday) -> None:
    creators = day.creators([700] * 4)
    run = reserved(day, *creators)
    for creator in creators[:3]:
        day.hold(creator)
    day.deployment.sqs.sent.clear()
    day.pass_(timedelta(hours=1))
    left = iter([True, True])
    run_files.write_all(day.deployment, day.brand, run, lambda: next(left, False))
    assert sorted(day.the(creator).status for creator in creators) == ["created"] * 3 + ["failed"]
    day.round()
    assert len(day.waiting) == 1, "somebody is at work"
    day.work()
    check(day, run, [creators[3]], dict.fromkeys(creators[:3], "payouts_held"))


def test_a_file_that_is_begun_too_late_is_left_to_another_message(day: Payday, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening where the payments go takes most of its time, so the clock is looked at between some of them."""
    monkeypatch.setattr(run_files, "_TOGETHER", 2)
    creators = day.creators([700] * 5)
    run = reserved(day, *creators)
    day.deployment.sqs.sent.clear()
    left = iter([True, True, True])  # for the file, and for two times two of its payments
    run_files.write_all(day.deployment, day.brand, run, lambda: next(left, False))
    assert not day.deployment.s3.objects
    assert len(day.waiting) == 1
    day.work()
    check(day, run, creators, {})


def test_whose_name_the_rail_cannot_write_any_more_keeps_nobody_else_out_of_the_file(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MASAV writes the creator's own name where the account's holder was not said, and that may change meanwhile."""
    day = Payday(deployment, monkeypatch, currency="ILS")
    day.set_up("masav", {"institution": "12345678", "sender": "12345", "name": "MUGS", "hebrew": "b"})
    renamed, paid = creators = day.creators([700, 700])
    for creator in creators:
        fields = {"bank": "10", "branch": "936", "account": "7869660", "holder_id": ""}
        payees.method_set(deployment, day.brand, creator, Destination("il_bank", "", fields), if_match=None)
    run = day.reserved(*creators, rail="masav")
    creator_item = stored_creators.creator(deployment.database, day.brand.id, renamed)
    assert creator_item is not None
    creator_item.name = "Ольга"
    creator_item.save()
    day.work()
    assert day.run_now(run.id).status == "completed"
    assert (day.the(renamed).status, day.the(renamed).reason) == ("failed", "payee_name_unfit")
    assert (day.the(paid).status, day.sums(renamed)) == ("submitted", (700, 0, 0))


def test_a_file_that_cannot_be_written_keeps_none_of_the_others(day: Payday) -> None:
    day.set_up("sepa", SEPA)
    by_list, by_bank = day.creator(700), day.creator(900, "sepa")
    run = reserved(day, by_list, by_bank)
    assert [file.rail for file in run_parts.files_of(run)] == ["csv", "sepa"]
    run.files = [*reversed(run.files)]
    run.save()
    rail_accounts.removed(day.deployment, day.brand, "sepa", if_match=None)
    for _ in range(3):
        with suppress(ComesAgain):
            day.take()
    assert (day.the(by_list).status, day.the(by_bank).status) == ("submitted", "created")
    assert day.run_now(run.id).status == "writing"
    with pytest.raises(ExceptionGroup):
        run_work.worked(day.deployment, {"file": [day.brand.id, run.id]}, in_time=lambda: True)
    day.set_up("sepa", SEPA)
    day.work()
    assert (day.the(by_bank).status, day.run_now(run.id).status) == ("submitted", "completed")


def test_a_file_that_fails_until_the_time_is_over_is_tried_last_from_then_on(
    day: Payday, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And its message comes again: one that told another each time would never be among the dead letters."""
    day.set_up("sepa", SEPA)
    by_list, by_bank = day.creator(700), day.creator(900, "sepa")
    run = reserved(day, by_list, by_bank)
    written, is_over = run_files._write, list[bool]()

    def hangs(deployment: Deployment, brand: Brand, of: PayoutRun, file: RunFile, *about: Any) -> Any:
        if file.rail == "csv":
            is_over.append(True)
            raise TimeoutError
        return written(deployment, brand, of, file, *about)

    day.deployment.sqs.sent.clear()
    with monkeypatch.context() as patch:
        patch.setattr(run_files, "_write", hangs)
        for status in ("created", "submitted"):
            is_over.clear()
            with pytest.raises(ExceptionGroup):
                run_files.write_all(day.deployment, day.brand, day.run_now(run.id), lambda: not is_over)
            assert day.the(by_bank).status == status
            assert not day.deployment.sqs.sent, "what was raised comes again by itself"
    run_files.write_all(day.deployment, day.brand, day.run_now(run.id), lambda: True)
    assert (day.run_now(run.id).status, day.the(by_list).status) == ("completed", "submitted")


def test_who_asks_for_a_run_is_answered_though_its_file_cannot_be_written(
    day: Payday, monkeypatch: pytest.MonkeyPatch
) -> None:
    day.set_up("sepa", SEPA)
    creator = day.creator(700, "sepa")
    reserving = run_chunks.reserve

    def overtaken(deployment: Deployment, brand: Brand, run: PayoutRun, number: int) -> None:
        reserving(deployment, brand, run, number)
        rail_accounts.removed(deployment, brand, "sepa", if_match=None)

    monkeypatch.setattr(run_chunks, "reserve", overtaken)
    assert day.run(creator, rail="sepa").status == "writing"


def test_what_only_a_late_second_try_has_reserved_can_be_called_off_though_the_run_has_ended(
    day: Payday, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It died before it could give that back: the run's list does not know of it, and the books' proof tells of it."""
    paid, late = day.creators([700, 700])
    run = day.run(paid, rail="csv")
    orphan = reserved_behind(day, run, late)
    day.pass_(timedelta(hours=12))
    found = day.violations()
    assert [(each.invariant, each.subject) for each in found] == [("I12", orphan.id)]
    assert fails(day, late).status == "failed"
    check(day, run, [paid], {late: "a slip"})


def reserved_behind(day: Payday, run: PayoutRun, creator: str) -> PayoutItem:
    """What a try that knows of one creator more reserves for an earlier run, before it dies."""
    other = reserved(day, creator)
    item = day.the(creator)
    moved = PayoutItem(item.pk, item.sk)
    moved.update([PayoutItem.run_id.set(run.id)])
    stored.ended(day.deployment.database, day.brand.id, other.id)
    other.delete()
    day.deployment.sqs.sent.clear()
    return item


def test_of_two_references_at_once_the_second_one_is_refused(day: Payday, monkeypatch: pytest.MonkeyPatch) -> None:
    creator = day.creator(700)
    day.run(creator, rail="csv")
    settling: Callable[..., PayoutItem] = payouts.settled

    def overtaken(deployment: Deployment, brand: Brand, payout_id: str, news: News, **seen: Any) -> PayoutItem:
        settling(deployment, brand, payout_id, News(reference="A"))
        return settling(deployment, brand, payout_id, news, **seen)

    with monkeypatch.context() as patch:
        patch.setattr(payouts, "settled", overtaken)
        with pytest.raises(Conflict, match="payout_settled_otherwise"):
            payouts.settled_by_hand(day.deployment, day.brand, key(), day.the(creator).id, "B")
    assert day.the(creator).reference == "A"
    assert payouts.settled_by_hand(day.deployment, day.brand, key(), day.the(creator).id, "A").status == "settled"


def test_whose_books_take_nothing_back_is_in_no_file_and_keeps_nobody_waiting(day: Payday) -> None:
    """The payout stays as it is, the operator hears of it, and once the books are mended a word ends it."""
    broken, *others = day.creators([700, 700, 700])
    run = reserved(day, broken, *others)
    day.hold(broken)
    torn = tear(day, broken)
    for _ in range(2):
        day.work()
        assert in_file(day, run) == {day.the(creator).id for creator in others}
        assert {day.the(creator).status for creator in others} == {"submitted"}
        assert (day.the(broken).status, day.the(broken).reason) == ("created", "payouts_held")
        assert (day.run_now(run.id).status, day.run_now(run.id).left_out) == ("completed", 1)
        assert [file.payments for file in run_parts.files_of(day.run_now(run.id))] == [2]
        run_work.worked(day.deployment, {"file": [day.brand.id, run.id]}, in_time=lambda: True)
    torn.delete()
    assert day.sums(broken) == (0, 700, 0)
    day.pass_(timedelta(hours=13))
    assert [violation.subject for violation in day.violations()] == [day.the(broken).id]
    assert fails(day, broken).status == "failed"
    assert (day.sums(broken), day.run_now(run.id).left_out, day.violations()) == ((700, 0, 0), 1, [])


MASAV = {"institution": "12345678", "sender": "12345", "name": "MUGS", "hebrew": "b"}


def in_israel(day: Payday, *creators: str) -> None:
    """They are paid to bank accounts there."""
    to = Destination("il_bank", "noa", {"bank": "10", "branch": "936", "account": "7869660", "holder_id": ""})
    for creator in creators:
        payees.method_set(day.deployment, day.brand, creator, to, if_match=None)


def first_of_two_parts(day: Payday, run: PayoutRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """Writes it, and whoever does so has no time for the other one."""

    def noting(*about: Any) -> None:
        really(*about)
        over.append(True)

    really, over = run_files._note_file, list[bool]()
    with monkeypatch.context() as patch:
        patch.setattr(run_files, "_note_file", noting)
        run_files.write_all(day.deployment, day.brand, run, lambda: not over)
    assert [file.is_written for file in run_parts.files_of(day.run_now(run.id))] == [True, False]


def test_all_parts_of_a_run_are_by_the_account_of_the_first(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Serial numbers 1 and 2 are its own, though the brand has set the next one for its next run by then."""
    monkeypatch.setattr(run_parts, "PAYOUTS_MAX", 1)
    day = Payday(deployment, monkeypatch, currency="ILS")
    day.set_up("masav", MASAV | {"serial": "1"})
    early, late = day.creators([700, 700]), day.creators([700, 700])
    in_israel(day, *early, *late)
    run = day.reserved(*early, rail="masav")
    first_of_two_parts(day, run, monkeypatch)
    day.set_up("masav", MASAV | {"serial": "3"})
    following = day.reserved(*late, rail="masav")
    day.work()
    parts = [(run_id, part) for run_id in (run.id, following.id) for part in (1, 2)]
    files = [run_files.file(deployment, day.brand, run_id, "masav", None, part).file for run_id, part in parts]
    assert [file.content[18:21] for file in files] == [b"001", b"002", b"003", b"004"]


def test_of_two_accounts_at_once_all_parts_are_by_one(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """The setting changes while the second part is written, and another one has written the first by the new one."""
    monkeypatch.setattr(run_parts, "PAYOUTS_MAX", 1)
    day = Payday(deployment, monkeypatch, currency="ILS")
    day.set_up("masav", MASAV | {"serial": "6"})
    creators = day.creators([700, 700])
    in_israel(day, *creators)
    run = day.reserved(*creators, rail="masav")
    writing, parts = run_files._write, list[int]()

    def overtaken(deployment: Deployment, brand: Brand, of: PayoutRun, file: RunFile, *about: Any) -> RunFile:
        made = writing(deployment, brand, of, file, *about)
        parts.append(file.part)
        if len(parts) == 1:
            day.set_up("masav", MASAV | {"serial": "5"})
            run_files.write_all(deployment, brand, of, lambda: True)
        return made

    monkeypatch.setattr(run_files, "_write", overtaken)
    run_files.write_all(deployment, day.brand, run, lambda: True)
    assert parts == [1, 1, 2]
    files = [run_files.file(deployment, day.brand, run.id, "masav", None, part).file for part in (1, 2)]
    assert [file.content[18:21] for file in files] == [b"005", b"006"]


def test_what_is_left_out_of_one_part_has_no_other_written_again(day: Payday, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_parts, "PAYOUTS_MAX", 2)
    creators = day.creators([700] * 4)
    run = reserved(day, *creators)
    late = max(creators, key=lambda creator: day.the(creator).id)
    writing, parts = run_files._write, list[int]()

    def overtaken(deployment: Deployment, brand: Brand, of: PayoutRun, file: RunFile, *about: Any) -> RunFile:
        made = writing(deployment, brand, of, file, *about)
        parts.append(file.part)
        fails(day, late)
        return made

    monkeypatch.setattr(run_files, "_write", overtaken)
    day.work()
    assert (parts, day.run_now(run.id).left_out) == ([1, 2], 1)
    assert [len(part_of(day, run, part)) for part in (1, 2)] == [2, 1]


def test_what_is_left_out_while_a_run_is_divided_is_in_no_part(day: Payday, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_parts, "PAYOUTS_MAX", 2)
    creators = day.creators([700] * 4)
    run = reserved(day, *creators)
    dividing, late = run_parts.divided, creators[:1]

    def overtaken(*about: Any) -> list[RunFile]:
        parts = dividing(*about)
        if late:
            fails(day, late.pop())
        return parts

    monkeypatch.setattr(run_parts, "divided", overtaken)
    day.work()
    assert sorted(len(part_of(day, run, part)) for part in (1, 2)) == [1, 2]
    assert (day.run_now(run.id).status, day.run_now(run.id).left_out) == ("completed", 1)


def test_a_file_that_was_written_whole_takes_no_parts_place(day: Payday, monkeypatch: pytest.MonkeyPatch) -> None:
    """An older process knows of no parts yet, and a newer one has divided the run meanwhile."""
    run = reserved(day, *day.creators([700] * 4))
    noting, newer = run_files._note_file, [True]

    def overtaken(*about: Any) -> None:
        if newer:
            newer.clear()
            with monkeypatch.context() as patch:
                patch.setattr(run_parts, "PAYOUTS_MAX", 2)
                first_of_two_parts(day, day.run_now(run.id), monkeypatch)
        noting(*about)

    with monkeypatch.context() as patch:
        patch.setattr(run_files, "_note_file", overtaken)
        run_files.write_all(day.deployment, day.brand, run, lambda: True)
    assert day.run_now(run.id).status == "writing"
    day.work()
    assert (day.run_now(run.id).status, [len(part_of(day, run, part)) for part in (1, 2)]) == ("completed", [2, 2])


def test_the_only_file_of_a_cancelled_run_needs_no_part(day: Payday, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_parts, "PAYOUTS_MAX", 1)
    run = reserved(day, *day.creators([700] * 2))
    first_of_two_parts(day, run, monkeypatch)
    run_cancelling.cancelled(day.deployment, day.brand, run.id, in_time=lambda: True)
    assert len(day.rows(run.id)) == 1


def test_what_somebody_called_off_was_not_released_whatever_reason_they_gave(day: Payday) -> None:
    called_off, other = day.creators([700, 700])
    run = reserved(day, called_off, other)
    fails(day, called_off, "run_cancelled")
    run_cancelling.cancelled(day.deployment, day.brand, run.id, in_time=lambda: True)
    assert (day.run_now(run.id).released, day.run_now(run.id).left_out) == (1, 1)


def test_no_bank_is_asked_to_pay_before_its_file_was_written(day: Payday) -> None:
    """The account was away for three days."""
    day.set_up("sepa", SEPA)
    creator = day.creator(700, "sepa")
    run = reserved(day, creator)
    rail_accounts.removed(day.deployment, day.brand, "sepa", if_match=None)
    with pytest.raises(ComesAgain):
        day.work()
    day.pass_(timedelta(days=3))
    day.set_up("sepa", SEPA)
    day.work()
    content = run_files.file(day.deployment, day.brand, run.id, None, None, None).file.content.decode()
    assert f"<ReqdExctnDt><Dt>{day.deployment.now().date()}</Dt>" in content


def test_whom_the_brand_holds_while_a_file_is_written_is_not_in_it(
    day: Payday, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To write many takes a minute, in which the brand is told that they are held."""
    held, paid = day.creators([700, 700])
    run = reserved(day, held, paid)
    opening, to_come = run_files._opened, [held]

    def overtaken(*about: Any) -> Any:
        opened = opening(*about)
        for creator in to_come:
            day.hold(creator)
            run_files.leave_out_held(day.deployment, day.brand, creator)
        to_come.clear()
        return opened

    monkeypatch.setattr(run_files, "_opened", overtaken)
    monkeypatch.setattr(stored_payouts, "latest_of_creator", lambda *_: [])  # the index is late
    day.work()
    check(day, run, [paid], {held: "payouts_held"})


def test_whom_the_brand_holds_is_left_out_at_once_though_their_books_cannot_be_read(day: Payday) -> None:
    held, paid = day.creators([700, 700])
    run = reserved(day, held, paid)
    torn = tear(day, held)
    day.hold(held)
    run_files.leave_out_held(day.deployment, day.brand, held)
    assert (day.the(held).aside, day.run_now(run.id).left_out) == (True, 1)
    day.work()
    assert in_file(day, run) == {day.the(paid).id}
    torn.delete()
    assert fails(day, held).status == "failed"


@pytest.mark.parametrize("state", [{}, {"w": "x"}, [], None], ids=["empty", "garbled", "a list", "gone"])
def test_likewise_where_their_balance_is_none(day: Payday, state: Any) -> None:
    held, paid = day.creators([700, 700])
    run = reserved(day, held, paid)
    balance = Balance.get(f"{day.brand.id}#C#{held}", "BAL")
    if state is None:
        balance.delete()
    else:
        balance.update([Balance.state.set(state)])
    day.hold(held)
    run_files.leave_out_held(day.deployment, day.brand, held)
    assert day.the(held).aside or day.the(held).status == "failed", "an account without a balance may be posted to"
    assert day.run_now(run.id).left_out == 1
    day.work()
    assert in_file(day, run) == {day.the(paid).id}


def test_likewise_where_an_old_payout_of_theirs_is_none(day: Payday) -> None:
    held, paid = day.creators([700, 700])
    day.run(held, rail="csv")
    old = payouts.settled_by_hand(day.deployment, day.brand, key(), day.the(held).id, "TRX 1")
    day.earn(held, 700)
    day.reserved(paid, held)
    new = next(item for item in day.payouts_of(held) if item.id != old.id)
    with pytest.raises(ValueError, match="Expecting value"):  # PynamoDB reads back what it has written
        old.update([Path("names").set("[")])
    day.hold(held)
    run_files.leave_out_held(day.deployment, day.brand, held)
    sending.look_at_waiting(day.deployment, day.brand, held)
    assert payouts.found(day.deployment, day.brand.id, new.id).status == "failed"


def test_where_their_balance_cannot_be_had_for_now_that_is_raised(day: Payday, monkeypatch: pytest.MonkeyPatch) -> None:
    held = day.creator(700)
    reserved(day, held)
    day.hold(held)

    def refuse(*_: Any) -> None:
        raise Unavailable

    with monkeypatch.context() as patch:
        patch.setattr(balances, "read", refuse)
        with pytest.raises(Unavailable):
            run_files.leave_out_held(day.deployment, day.brand, held)
    assert day.the(held).status == "created"


@pytest.mark.parametrize(
    "status, word, becomes",
    [("submitted", "paid", "settled"), ("submitted", "failed", "failed"), ("created", "failed", "failed")],
)
def test_a_word_that_is_said_twice_at_once_is_no_news_the_second_time(
    day: Payday, monkeypatch: pytest.MonkeyPatch, status: str, word: str, becomes: str
) -> None:
    """Who waited too long for the answer says the same, of the same version, while the first one is at work."""
    creator = day.creator(700)
    reserved(day, creator)
    if status == "submitted":
        day.work()
    item, checking, first = day.the(creator), payouts.check_version, list[PayoutItem]()
    assert item.status == status

    def says(key_id: str = "key_clerk") -> PayoutItem:
        by, said = ApiKey("", "", id=key_id, scopes=[payouts.TO_GIVE]), {"paid": "TRX 1", "failed": "a slip"}[word]
        hears = {"paid": sending.said_paid, "failed": sending.said_failed}[word]
        return hears(day.deployment, day.brand, by, item.id, said, if_match=item.version, in_time=lambda: True)

    def overtaken(known: PayoutItem, if_match: int | None) -> None:
        checking(known, if_match)
        if not first and if_match is not None:
            first.append(known)
            assert says().status == becomes

    monkeypatch.setattr(payouts, "check_version", overtaken)
    assert (says().version, day.the(creator).status) == (item.version + 1, becomes)
    with pytest.raises(Stale):
        says("key_another")


def test_a_first_word_that_is_taken_back_in_the_moment_of_the_second_counts_no_more(
    day: Payday, monkeypatch: pytest.MonkeyPatch
) -> None:
    day.limit_to(699)
    creator = day.creator(700)
    day.run(creator, rail="csv")
    one, another = (ApiKey("", "", id=name, scopes=[payouts.TO_GIVE]) for name in ("key_one", "key_another"))

    def settles() -> None:
        payouts.settled_by_hand(day.deployment, day.brand, one, day.the(creator).id, "TRX 1")

    def came_back(by: ApiKey) -> PayoutItem:
        return payouts.failed_by_hand(day.deployment, day.brand, by, day.the(creator).id, "closed")

    settles()
    assert came_back(one).fail_asked[0] == "key_one"

    def overtaken(*about: Any, **more: Any) -> Any:
        settles()
        return folds.fold_and_post(*about, **more)

    with monkeypatch.context() as patch:
        patch.setattr(payouts, "fold_and_post", overtaken)
        waits = came_back(another)
    assert (waits.status, waits.fail_asked[0], day.sums(creator)) == ("settled", "key_another", (0, 0, 700))
    assert came_back(one).status == "returned"
    assert (day.sums(creator), day.violations()) == ((700, 0, 0), [])


def test_a_later_part_that_nobody_is_left_in_does_not_exist(day: Payday, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is it written by any account, whatever the first one was written by."""
    monkeypatch.setattr(run_parts, "PAYOUTS_MAX", 1)
    day.set_up("sepa", SEPA)
    creators = day.creators([700] * 3, "sepa")
    run = day.reserved(*creators, rail="sepa")
    ordered = sorted(creators, key=lambda creator: day.the(creator).id)
    over = list[bool]()
    noting = run_files._note_file

    def noted(*about: Any) -> None:
        noting(*about)
        over.append(True)

    with monkeypatch.context() as patch:
        patch.setattr(run_files, "_note_file", noted)
        run_files.write_all(day.deployment, day.brand, run, lambda: not over)
    fails(day, ordered[1])
    turns = iter(range(100))
    run_files.write_all(day.deployment, day.brand, day.run_now(run.id), lambda: next(turns, None) is not None)
    assert [file.part for file in run_parts.files_of(day.run_now(run.id))] == [1, 3]
    assert [day.the(creator).status for creator in ordered] == ["submitted", "failed", "submitted"]
    assert day.run_now(run.id).status == "completed"


def test_what_was_set_aside_is_given_back_with_its_cancelled_run(day: Payday, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_parts, "PAYOUTS_MAX", 2)
    creators = day.creators([700] * 3)
    run = reserved(day, *creators)
    broken, *others = sorted(creators, key=lambda creator: day.the(creator).id)
    day.hold(broken)
    torn = tear(day, broken)
    first_of_two_parts(day, run, monkeypatch)
    assert day.the(broken).status == "created"
    torn.delete()
    run_cancelling.cancelled(day.deployment, day.brand, run.id, in_time=lambda: True)
    assert [day.the(creator).status for creator in (broken, *others)] == ["failed", "submitted", "failed"]
    assert (day.run_now(run.id).released, day.violations()) == (2, [])

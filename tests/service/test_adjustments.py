"""Adjustments on a real engine: once each, whoever else decides, whatever fails, and whenever it is tried again."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from itertools import count

import pytest

from tests import books
from tests.books import NOA, entry, post
from tests.faults.injection import tried
from tests.fixtures import NOON, Clock
from vouch.domain import times
from vouch.domain.account import Sums
from vouch.domain.errors import Conflict, Unavailable
from vouch.domain.ledger import ADJUSTMENT, CORRECTION, WRITEOFF, Entry
from vouch.service import adjustments, folds, verify
from vouch.service.adjustments import Wish
from vouch.service.deployment import Deployment
from vouch.service.mint import Mint
from vouch.store import balances, ledger
from vouch.store import payout_settings as settings_items
from vouch.store.ledger import Found
from vouch.store.tables import AdjustmentItem, ApiKey, Brand

HOUR = timedelta(hours=1)
FIRST, SECOND = "key_first", "key_second"
_numbers = count(1)
_READS = ("crash before",)
_WRITES = ("fails before", "crash after", "throttled", "conflict", "answer lost below the retry")
_TRIES_MAX = 20
Job = Callable[[], AdjustmentItem]


@pytest.fixture
def brand(deployment: Deployment) -> Brand:
    return books.open_books(deployment)


def key(key_id: str) -> ApiKey:
    return ApiKey("", "", id=key_id)


def minted(name: str) -> Mint:
    """As the same request under the same `Idempotency-Key` has it at each of its tries."""
    return Mint(NOON, lambda size: sha256(name.encode()).digest()[:size])


def limited(brand: Brand, amount: int) -> None:
    settings = settings_items.unset(brand.id)
    settings.currencies, settings.version = {"ILS": {"adjustment_limit": amount}}, 1
    settings.save()


def asked(deployment: Deployment, brand: Brand, amount: int | None, name: str | None = None) -> AdjustmentItem:
    wish = Wish(NOA, "ILS", amount, "because")
    return adjustments.created(deployment, brand, key(FIRST), minted(name or str(next(_numbers))), wish)


def posted(deployment: Deployment, brand: Brand) -> list[Entry]:
    """All that persons have posted."""
    found = [item.entry for item in ledger.everything(deployment.database, brand.id, NOA) if isinstance(item, Found)]
    return [each for each in found if each.kind in (ADJUSTMENT, WRITEOFF, CORRECTION)]


def sums(deployment: Deployment, brand: Brand) -> Sums:
    return balances.read(deployment.database, brand.id, NOA).of("ILS")


def sound(deployment: Deployment, brand: Brand) -> None:
    assert verify.verify(deployment, brand).violations == []


# --- whatever fails ---------------------------------------------------------------------------------------------------


def _adjustment(deployment: Deployment, brand: Brand) -> Job:
    return partial(asked, deployment, brand, -50, "the same request")


def _writeoff(deployment: Deployment, brand: Brand) -> Job:
    asked(deployment, brand, -150)
    return partial(asked, deployment, brand, None, "the same request")


def _approval(deployment: Deployment, brand: Brand) -> Job:
    limited(brand, 10)
    waiting = asked(deployment, brand, -50)
    return partial(adjustments.approved, deployment, brand, key(SECOND), waiting.id)


def _waiting(deployment: Deployment, brand: Brand) -> Job:
    limited(brand, 10)
    return partial(asked, deployment, brand, -50, "the same request")


def _reversal(deployment: Deployment, brand: Brand) -> Job:
    original = asked(deployment, brand, 50)
    taken_back = adjustments.reversed_
    return partial(taken_back, deployment, brand, key(FIRST), minted("the same request"), original.id, "a slip")


def _decline(deployment: Deployment, brand: Brand) -> Job:
    original = asked(deployment, brand, 50)
    limited(brand, 10)
    waiting = adjustments.reversed_(deployment, brand, key(FIRST), minted("waits"), original.id, "a slip")
    return partial(adjustments.declined, deployment, brand, key(SECOND), waiting.id)


ENDS: dict[Callable[[Deployment, Brand], Job], tuple[str, int, int]] = {
    _adjustment: ("posted", 1, 50),
    _writeoff: ("posted", 2, 0),
    _approval: ("posted", 1, 50),
    _waiting: ("pending_approval", 0, 100),
    _reversal: ("posted", 2, 100),
    _decline: ("declined", 1, 150),
}
"""What each job ends as, how many entries persons have posted by then, and what of the 100 earned is available."""


@pytest.mark.parametrize("begin", ENDS, ids=lambda begin: begin.__name__.strip("_"))
def test_whatever_call_fails_the_next_try_of_the_same_posts_it_once(
    deployment: Deployment, clock: Clock, begin: Callable[[Deployment, Brand], Job]
) -> None:
    """Every call, in every way that matters; it is tried again an hour, then a day later, by the brand's clock, too."""
    operations = _broken_at(deployment, clock, begin, 0, "")
    for number, operation in enumerate(operations, start=1):
        for kind in _WRITES if operation == "TransactWriteItems" else _READS:
            assert _broken_at(deployment, clock, begin, number, kind)[:number] == operations[:number]
    assert operations[-1] == "TransactWriteItems"


def _broken_at(
    deployment: Deployment,
    clock: Clock,
    begin: Callable[[Deployment, Brand], Job],
    number: int,
    kind: str,
) -> list[str]:
    """The calls of the job, of which that one was broken. The account is one of its own."""
    brand = books.open_books(deployment, f"{begin.__name__} {number} {kind}")
    post(brand, entry(100, now=clock.now))
    job = begin(deployment, brand)
    calls = tried(deployment, number, kind, job)
    clock.pass_(HOUR)
    done = job()
    clock.pass_(24 * HOUR)
    again = job()
    assert (done.id, done.version, done.entry_id) == (again.id, again.version, again.entry_id)
    folds.fold_creator(deployment, brand.id, NOA, clock.now)
    entries = posted(deployment, brand)
    found = (again.status, len(entries), sums(deployment, brand).available)
    assert found == ENDS[begin], (number, kind, calls)
    assert len({each.id for each in entries}) == len(entries)
    sound(deployment, brand)
    return calls


def test_what_took_effect_without_an_answer_keeps_the_moment_at_which_it_did(
    deployment: Deployment, brand: Brand, clock: Clock
) -> None:
    """The transaction is sent and its answer lost; an hour later the same request finds its entry, of an hour ago."""
    job = _adjustment(deployment, brand)
    calls = tried(deployment, 0, "", job)
    again = books.open_books(deployment, "again")
    job = _adjustment(deployment, again)
    assert tried(deployment, len(calls), "crash after", job)[-1] == "TransactWriteItems"
    clock.pass_(HOUR)
    done = job()
    [only] = posted(deployment, again)
    assert (only.posted_at, done.posted_at, done.entry_id) == (NOON, times.text(NOON), only.id)


# --- many at once -----------------------------------------------------------------------------------------------------


def at_once(jobs: list[Job]) -> list[str]:
    """How each of them ended."""

    def ended(job: Job) -> str:
        for _ in range(_TRIES_MAX):
            try:
                return str(job().status)
            except Unavailable:
                continue
            except Conflict as refusal:
                return refusal.reason
        return "unavailable"

    with ThreadPoolExecutor(len(jobs)) as threads:
        return list(threads.map(ended, jobs))


def test_twenty_approvals_at_once_post_one_entry(deployment: Deployment, brand: Brand) -> None:
    """Five threads of each of four approvers: one of the four has approved it, as each of its threads is told."""
    limited(brand, 0)
    waiting = asked(deployment, brand, 7)
    approvers = [key(f"key_{number % 4}") for number in range(20)]
    ends = at_once([partial(adjustments.approved, deployment, brand, each, waiting.id) for each in approvers])
    assert sorted(ends) == ["adjustment_decided"] * 15 + ["posted"] * 5
    assert [each.credited(f"creator:{NOA}:available") for each in posted(deployment, brand)] == [7]
    assert sums(deployment, brand).available == 7
    sound(deployment, brand)


def test_approvals_and_declines_at_once_come_to_one_of_the_two(deployment: Deployment, brand: Brand) -> None:
    limited(brand, 0)
    waiting = asked(deployment, brand, 7)
    yes = partial(adjustments.approved, deployment, brand, key("key_yes"), waiting.id)
    no = partial(adjustments.declined, deployment, brand, key("key_no"), waiting.id)
    ends = at_once([yes, no] * 10)
    item = adjustments.found(deployment, brand, waiting.id)
    assert sorted(ends) == ["adjustment_decided"] * 10 + [item.status] * 10
    assert len(posted(deployment, brand)) == (item.status == "posted")
    assert (item.approved_by is None) is (item.declined_by is not None)


def test_the_same_request_twenty_times_at_once_is_one_adjustment(deployment: Deployment, brand: Brand) -> None:
    ends = at_once([partial(asked, deployment, brand, 7, "the same")] * 20)
    assert (ends, len(posted(deployment, brand))) == (["posted"] * 20, 1)


def test_twenty_corrections_at_once_take_back_once(deployment: Deployment, brand: Brand) -> None:
    original = asked(deployment, brand, 500)

    def correction(number: int) -> Job:
        return partial(
            adjustments.reversed_, deployment, brand, key(FIRST), minted(f"r{number}"), original.id, "a slip"
        )

    ends = at_once([correction(number % 10) for number in range(20)])
    assert sorted(ends) == ["already_reversed"] * 18 + ["posted"] * 2
    assert {each.kind for each in posted(deployment, brand)} == {ADJUSTMENT, CORRECTION}
    assert len(posted(deployment, brand)) == 2
    assert sums(deployment, brand).available == 0
    sound(deployment, brand)


def test_twenty_write_offs_at_once_forgive_once(deployment: Deployment, brand: Brand) -> None:
    asked(deployment, brand, -300)

    def forgiven(number: int) -> AdjustmentItem:
        return asked(deployment, brand, None, f"w{number}")

    with ThreadPoolExecutor(20) as threads:
        tries = [threads.submit(forgiven, number) for number in range(20)]
        done = [each.result() for each in tries if each.exception() is None]
    assert [item.amount for item in done] == [300]
    assert sums(deployment, brand).available == 0
    sound(deployment, brand)


def test_adjustments_and_folds_at_once_lose_nothing(deployment: Deployment, brand: Brand, clock: Clock) -> None:
    """Twenty times 7 beside folds that take 20 × 3 as they mature: 200."""
    post(brand, *(entry(3, now=NOON, ahead=timedelta(minutes=number)) for number in range(20)))

    def work(number: int) -> None:
        moment = NOON + timedelta(minutes=number)
        for _ in range(_TRIES_MAX):
            with suppress(Unavailable):
                asked(deployment, brand, 7, f"a{number}")
                folds.fold_creator(deployment, brand.id, NOA, moment)
                return

    with ThreadPoolExecutor(20) as threads:
        list(threads.map(work, range(20)))
    clock.now = NOON + HOUR
    folds.fold_creator(deployment, brand.id, NOA, clock.now)
    assert sums(deployment, brand).available == 200
    assert len(posted(deployment, brand)) == 20
    sound(deployment, brand)


# --- debts ------------------------------------------------------------------------------------------------------------


def test_a_debt_is_as_old_as_the_moment_since_which_it_has_not_been_made_up_for(
    deployment: Deployment, brand: Brand, clock: Clock
) -> None:
    """−10 at noon, −5 more an hour later: since noon. +15: none. −1: since then."""

    def since(amount: int) -> datetime | None:
        asked(deployment, brand, amount)
        clock.pass_(HOUR)
        return sums(deployment, brand).owing_since

    assert [since(-10), since(-5), since(15), since(-1)] == [NOON, NOON, None, NOON + 3 * HOUR]

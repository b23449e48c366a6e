"""Many hands on the same payouts at once: runs beside each other, every message twice, and somebody who cancels."""

import threading
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from queue import SimpleQueue
from typing import Any

import pytest

from payouts import pay
from tests.faults.injection import Died
from tests.faults.world import Context
from tests.payday import Payday, key
from tests.standins.stripe_connect import StripeConnect
from vouch.domain.errors import Unavailable
from vouch.domain.money import Money
from vouch.service import mint, payout_runs, payouts, run_cancelling, run_work, verify
from vouch.service.deployment import Deployment
from vouch.service.payees import Profile
from vouch.service.payout_runs import Wish
from vouch.service.reserving import Outcome, Paying, totals_of
from vouch.store import payouts as stored
from vouch.store.tables import Main, PayoutItem

THREADS = 20


class Crew:
    """Twenty threads that take what waits in the queue of payouts; each message is brought twice, as soon as it may."""

    def __init__(self, day: Payday) -> None:
        self._day = day
        self._waiting: deque[dict[str, Any]] = deque()
        day.deployment.sqs.sent[day.deployment.settings.pay_queue_url] = self._waiting
        self._at_work = 0
        self._changed = threading.Condition()

    def start(self, runs: int, *, rail: str) -> list[str]:
        """So many runs of all creators begin at the same moment, and leave their work to the queue."""
        day, together = self._day, threading.Barrier(runs)

        def begin(_: int) -> str:
            wish, minted = Wish(rail, day.currency), mint.fresh(day.deployment)
            together.wait()
            run = payout_runs.started(day.deployment, minted, day.brand, wish)
            return str(run_work.gone_on(day.deployment, day.brand, run, in_time=lambda: False).id)

        with ThreadPoolExecutor(runs) as pool:
            return list(pool.map(begin, range(runs)))

    def work(self, *others: Callable[[], object]) -> None:
        """Till nothing waits, and nobody is at work who might send more; the `others` do theirs meanwhile."""
        with ThreadPoolExecutor(THREADS + len(others)) as pool:
            for done in [pool.submit(job) for job in (*others, *[self._work] * THREADS)]:
                done.result()

    def _work(self) -> None:
        while (message := self._taken()) is not None:
            record = {"messageId": "1", "body": message["MessageBody"]}
            failed = pay.handler({"Records": [record]}, Context(lambda: 300_000))["batchItemFailures"]
            with self._changed:
                self._at_work -= 1
                self._waiting += [message] if failed else []
                self._changed.notify_all()

    def _taken(self) -> dict[str, Any] | None:
        with self._changed:
            while not self._waiting and self._at_work:
                self._changed.wait(0.05)
            if not self._waiting:
                return None
            message = self._waiting.popleft()
            if "again" not in message:
                self._waiting.appendleft({**message, "again": True})
            self._at_work += 1
            return message


def all_payouts(day: Payday) -> list[PayoutItem]:
    database = day.deployment.database
    keys, after = database.index_keys(Main, stored.index(day.brand.id), limit=10_000)
    assert after is None
    return stored.payouts(database, day.brand.id, [pk.rpartition("#")[2] for pk, _ in keys])


def first_with(payouts_made: int, patch: pytest.MonkeyPatch) -> tuple[SimpleQueue[str], threading.Event]:
    """Has the id of whichever run is the first to have reserved so many payouts, once it has.

    From there on runs take their time, a second a payout, until the event says that what was to happen has happened.
    """
    found: SimpleQueue[str] = SimpleQueue()
    happened = threading.Event()
    made: Counter[str] = Counter()
    reserved = Paying.reserved

    def counted(paying: Paying, profile: Profile) -> list[Outcome]:
        outcomes = reserved(paying, profile)
        made[paying.run.id] += any(outcome.payout_id for outcome in outcomes)
        if made[paying.run.id] >= payouts_made:
            found.put(paying.run.id)
            happened.wait(1)
        return outcomes

    patch.setattr(Paying, "reserved", counted)
    return found, happened


def side_by_side(runs: int, patch: pytest.MonkeyPatch) -> None:
    """None of so many runs reserves its first payout before each is about to."""
    together, seen, lock = threading.Barrier(runs), set[str](), threading.Lock()
    reserved = Paying.reserved

    def awaited(paying: Paying, profile: Profile) -> list[Outcome]:
        with lock:
            is_first = paying.run.id not in seen
            seen.add(paying.run.id)
        if is_first:
            together.wait(timeout=600)
        return reserved(paying, profile)

    patch.setattr(Paying, "reserved", awaited)


def patiently(do: Callable[[], object]) -> None:
    """Who loses too many races is told to come again, and does."""
    while True:
        with suppress(Unavailable):
            do()
            return


def prove(day: Payday) -> None:
    report = verify.verify(day.deployment, day.brand)
    assert (report.violations, report.ok, report.next_cursor) == ([], True, None)


def test_two_runs_at_once_of_500_creators_with_every_message_twice_pay_each_of_them_once(
    day: Payday, monkeypatch: pytest.MonkeyPatch
) -> None:
    amounts = range(1_000, 1_500)
    earned = dict(zip(day.creators(amounts), amounts, strict=True))
    crew = Crew(day)
    runs = crew.start(2, rail="csv")
    side_by_side(2, monkeypatch)
    crew.work()
    first, second = map(day.run_now, runs)
    made = all_payouts(day)
    assert {item.creator_id: item.amount for item in made} == earned
    assert (len(made), {item.status for item in made}) == (500, {"submitted"})
    assert (first.status, second.status) == ("completed", "completed")
    assert first.payouts + second.payouts == 500
    assert min(first.payouts, second.payouts) > 0, "else they never met"
    totals = [total for run in (first, second) for total in totals_of(run)]
    assert (sum(total.payouts for total in totals), sum(total.amount for total in totals)) == (500, sum(amounts))
    paid = [(row["payout_id"], row["amount"]) for run in (first, second) for row in day.rows(run.id)]
    assert Counter(paid) == {(item.id, f"{item.amount // 100}.{item.amount % 100:02}"): 1 for item in made}
    assert {creator_id: day.sums(creator_id) for creator_id in earned} == {
        creator_id: (0, amount, 0) for creator_id, amount in earned.items()
    }
    prove(day)


def test_of_two_runs_at_once_one_is_cancelled_and_each_creator_is_paid_once_or_has_it_all(
    day: Payday, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    amounts = range(1_000, 1_100)
    earned = dict(zip(day.creators(amounts), amounts, strict=True))
    crew = Crew(day)
    runs = crew.start(2, rail="csv")
    under_way, is_cancelled = first_with(10, monkeypatch)

    def cancel() -> None:
        run = under_way.get(timeout=600)
        for _ in range(2):  # an impatient hand
            patiently(lambda: run_cancelling.cancelled(deployment, day.brand, run, in_time=lambda: True))
            is_cancelled.set()

    crew.work(cancel)
    cancelled, other = sorted(map(day.run_now, runs), key=lambda run: str(run.status))
    assert (cancelled.status, other.status) == ("cancelled", "completed")
    made = all_payouts(day)
    of_cancelled = [item for item in made if item.run_id == cancelled.id]
    # What a message brought twice has found only once the cancelled run had given it back is given back, too.
    twice = [item for item in made if (item.run_id, item.reason) == (other.id, "left_for_next_run")]
    of_other = [item for item in made if item.run_id == other.id and item not in twice]
    assert {item.status for item in twice} <= {"failed"}
    assert len(of_cancelled) >= 10
    assert {(item.status, item.reason) for item in of_cancelled} == {("failed", "run_cancelled")}
    assert Counter(row["payout_id"] for row in day.rows(other.id)) == {item.id: 1 for item in of_other}

    def settle(item: PayoutItem) -> None:
        patiently(lambda: payouts.settled_by_hand(deployment, day.brand, key(), item.id, f"TRX {item.id}"))

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(settle, [item for item in of_other for _ in range(2)]))
    paid = {item.creator_id: item.amount for item in of_other}
    assert len(paid) == len(of_other) == other.payouts > 0
    for creator_id, amount in earned.items():
        assert paid.get(creator_id, amount) == amount
        assert day.sums(creator_id) == ((0, 0, amount) if creator_id in paid else (amount, 0, 0))
    prove(day)


def test_two_runs_at_once_over_stripe_with_every_message_twice_move_each_amount_once(
    day: Payday, deployment: Deployment
) -> None:
    with StripeConnect(deployment.now) as stripe:
        amounts = range(1_000, 1_040)
        earned = dict(zip(day.payees(stripe, amounts), amounts, strict=True))
        crew = Crew(day)
        runs = crew.start(2, rail="stripe_connect")
        crew.work()
        made = all_payouts(day)
        assert {item.creator_id: item.amount for item in made} == earned
        assert (len(made), {(item.status, item.tries) for item in made}) == (40, {("settled", 1)})
        assert stripe.movements == {item.id: [Money(item.amount, day.currency)] for item in made}
    assert {run.status for run in map(day.run_now, runs)} == {"completed"}
    assert {creator_id: day.sums(creator_id) for creator_id in earned} == {
        creator_id: (0, 0, amount) for creator_id, amount in earned.items()
    }
    prove(day)


@pytest.mark.parametrize("dies", [False, True], ids=["lives", "dies before it notes it"])
def test_what_a_slow_twin_alone_reserves_is_given_back(
    day: Payday, deployment: Deployment, monkeypatch: pytest.MonkeyPatch, dies: bool
) -> None:
    """The same creators are worked on twice; the one is done when the other comes to one who has earned meanwhile."""
    late, other = day.creators([1, 700])
    day.earn(late, -1)
    reserved = Paying.reserved

    def overtaken(paying: Paying, profile: Profile) -> list[Outcome]:
        if profile.creator.id != late:
            return reserved(paying, profile)
        monkeypatch.setattr(Paying, "reserved", reserved)
        run_work.worked(deployment, {"chunk": [day.brand.id, paying.run.id, 0]}, in_time=lambda: True)
        day.earn(late, 500)
        outcomes = reserved(paying, profile)
        if dies:
            raise Died
        return outcomes

    monkeypatch.setattr(Paying, "reserved", overtaken)
    with suppress(Died):
        day.run(rail="csv")
    assert day.sums(late) == ((0, 500, 0) if dies else (500, 0, 0))
    [run] = payout_runs.listed(deployment, day.brand, limit=10, cursor=None).items
    run_work.worked(deployment, {"chunk": [day.brand.id, run.id, 0]}, in_time=lambda: True)
    day.work()
    run = day.run_now(run.id)
    assert (run.status, run.payouts, [row["amount"] for row in day.rows(run.id)]) == ("completed", 1, ["7.00"])
    assert (day.sums(late), day.sums(other)) == ((500, 0, 0), (0, 700, 0))
    given_back = day.the(late)
    assert (given_back.status, given_back.reason) == ("failed", "left_for_next_run")
    prove(day)

"""The race that would hurt: late differences land while runs fold and reserve, each as slowly as it ever may.

Orders go up and down, and each difference is dated before it lands, up to 14 minutes; folds and runs read, wait, and
commit; files are written, the bank pays some and sends some back. Meanwhile the clock runs, or is moved by days.

What is right is reckoned beside Vouch, from what was posted and when: a reservation takes all that had landed when its
fold began, debits above all, and nothing that landed after it was written; in the end all that was ever posted is
available, on its way or paid, and that is what the statement says.
"""

import json
import random
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests import books
from tests.books import DANA, NOA, PROGRAM
from tests.domain.histories import tallied
from tests.fixtures import NOON
from tests.payday import key
from tests.running_clock import RunningClock, every_ten_minutes
from vouch.domain import account
from vouch.domain.account import Balance
from vouch.domain.errors import Conflict, Unavailable
from vouch.domain.ledger import (
    AVAILABLE,
    BONUS,
    FOLD,
    PAYOUT,
    PAYOUT_RELEASED,
    PAYOUT_RETURNED,
    SETTLE,
    Entry,
    creator_account,
)
from vouch.domain.period_rules import settle_periods
from vouch.service import folds, mint, payout_runs, payouts, promises, run_work, verify
from vouch.service.deployment import Deployment
from vouch.service.payout_runs import Wish
from vouch.service.statements import statement
from vouch.store import balances, ledger
from vouch.store.database import Writes
from vouch.store.ledger import Found
from vouch.store.tables import Brand, EntryItem

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
CREATORS = (NOA, DANA)
PERIODIC = {
    "cap_per_period": {"amount": 500, "currency": "ILS", "period": "month"},
    "bonuses": [
        {
            "id": "nine",
            "measure": "orders",
            "threshold": 9,
            "period": "month",
            "reward": {"amount": 70, "currency": "ILS"},
        }
    ],
}
BrandNow = Callable[[datetime], datetime]


@dataclass
class Posted:
    """A difference, and when (by a clock of the test's own) it was sent and was there for sure."""

    entry: Entry
    sent: float
    landed: float


@dataclass
class Reserving:
    """When the fold of a reservation began to read, and when it was written at the earliest."""

    began: float
    written: float


@dataclass
class Race:
    """A brand at which twenty are at work until there is enough of everything, or time is up."""

    deployment: Deployment
    brand: Brand
    brand_now: BrandNow
    clock: RunningClock = field(default_factory=RunningClock)
    posted: list[Posted] = field(default_factory=list)
    reserving: dict[tuple[str, int], Reserving] = field(default_factory=dict)
    done: threading.Event = field(default_factory=threading.Event)

    def run(self, patch: pytest.MonkeyPatch, *, seconds: float = 900, payouts_wanted: int = 15) -> None:
        self.deployment.now = self.clock
        patch.setattr(self.deployment, "brand_now", lambda _: self.brand_now(self.deployment.now()))
        self._watch(patch)
        self._slow_down(patch)
        workers = [self._post] * 9 + [self._pay] * 4 + [self._bank] * 4 + [self._fold] * 3
        with ThreadPoolExecutor(len(workers)) as pool:
            at_work = [pool.submit(work, random.Random(number)) for number, work in enumerate(workers)]
            deadline = time.monotonic() + seconds
            while time.monotonic() < deadline and not self._is_enough(payouts_wanted):
                time.sleep(0.2)
            self.done.set()
            for each in at_work:
                each.result()
        self._end()

    def _is_enough(self, payouts_wanted: int) -> bool:
        """Where many lose their races, more was tried than has come of it."""
        zones, kinds = [self.balance(creator_id).zone_start for creator_id in CREATORS], self.kinds()
        has_tried = len(self.reserving) >= 2 * payouts_wanted and kinds[PAYOUT] >= payouts_wanted
        return has_tried and min(zones) > NOON and min(kinds.values()) > 0

    def kinds(self) -> dict[str, int]:
        """How many entries there are of each kind that the race is about."""
        posted = Counter(entry.kind for creator_id in CREATORS for entry in self.entries(creator_id))
        return {kind: posted[kind] for kind in (PAYOUT, PAYOUT_RELEASED, PAYOUT_RETURNED, BONUS)}

    def balance(self, creator_id: str) -> Balance:
        return balances.read(self.deployment.database, self.brand.id, creator_id)

    def entries(self, creator_id: str) -> list[Entry]:
        found = ledger.everything(self.deployment.database, self.brand.id, creator_id)
        return [item.entry for item in found if isinstance(item, Found)]

    # --- who is at work -----------------------------------------------------------------------------------------------

    def _post(self, chance: random.Random) -> None:
        while not self.done.is_set():
            with self.clock.in_flight(self.brand_now) as now:
                entry = books.entry(
                    chance.choice([-40, -5, 10, 30, 60]),
                    now=now,
                    ahead=chance.choice([0, 0, 5]) * MINUTE,
                    creator_id=chance.choice(CREATORS),
                    month=chance.choice([None, "2026-05", "2026-06"]),
                )
                time.sleep(chance.choice([0, 0.05, chance.uniform(0, 2)]))
                sent = time.monotonic()
                books.post(self.brand, entry)
                self.posted.append(Posted(entry, sent, time.monotonic()))

    def _pay(self, chance: random.Random) -> None:
        """Begins a run, or takes up what another one's messages say."""
        waiting = self.deployment.sqs.sent.setdefault(self.deployment.settings.pay_queue_url, deque())
        while not self.done.is_set():
            with suppress(Unavailable):
                wish, minted = Wish("csv", "ILS"), mint.fresh(self.deployment)
                run = payout_runs.started(self.deployment, minted, self.brand, wish)
                run_work.gone_on(self.deployment, self.brand, run, in_time=lambda: True)
            with suppress(Unavailable, IndexError):
                message = json.loads(waiting.popleft()["MessageBody"])
                run_work.worked(self.deployment, message, in_time=lambda: True)
            time.sleep(chance.uniform(0, 0.2))

    def _bank(self, chance: random.Random) -> None:
        """Pays, or does not; and of what it has paid some comes back."""
        while not self.done.is_set():
            for creator_id in CREATORS:
                payout_id = self.balance(creator_id).of("ILS").payout_id
                if payout_id is None:
                    continue
                with suppress(Unavailable, Conflict):
                    if chance.random() < 0.15:
                        payouts.failed_by_hand(self.deployment, self.brand, key(payouts.TO_GIVE), payout_id, "closed")
                    else:
                        payouts.settled_by_hand(self.deployment, self.brand, key(), payout_id, "TRX")
                        if chance.random() < 0.5:
                            payouts.failed_by_hand(
                                self.deployment, self.brand, key(payouts.TO_GIVE), payout_id, "closed"
                            )
            time.sleep(chance.uniform(0, 0.2))

    def _fold(self, chance: random.Random) -> None:
        while not self.done.is_set():
            with suppress(Unavailable):
                now = self.brand_now(self.clock())
                folds.fold_creator(self.deployment, self.brand.id, chance.choice(CREATORS), now)
            time.sleep(chance.uniform(0, 0.2))

    def _end(self) -> None:
        """All has landed; what waits in the queue is done, and a day later all accounts are folded once more."""
        waiting = self.deployment.sqs.sent[self.deployment.settings.pay_queue_url]
        while waiting:
            message = json.loads(waiting.popleft()["MessageBody"])
            run_work.worked(self.deployment, message, in_time=lambda: True)
        later = self.clock() + DAY
        self.deployment.now = lambda: later
        for creator_id in CREATORS:
            folds.fold_creator(self.deployment, self.brand.id, creator_id, self.brand_now(later))

    # --- what is seen of it -------------------------------------------------------------------------------------------

    def _watch(self, patch: pytest.MonkeyPatch) -> None:
        fold = folds._fold
        lock = threading.Lock()

        def watched(*asked: Any) -> Balance:
            began = time.monotonic()
            balance = fold(*asked)
            writes: Writes = asked[-1]
            reserved = [item for item, _ in writes._puts if isinstance(item, EntryItem) and item.kind == PAYOUT]
            with lock:
                for item in reserved:
                    known = self.reserving.get((item.id, balance.version), Reserving(began, 0))
                    self.reserving[item.id, balance.version] = Reserving(min(began, known.began), time.monotonic())
            return balance

        patch.setattr(folds, "_fold", watched)

    def _slow_down(self, patch: pytest.MonkeyPatch) -> None:
        """Between what a transaction has read and its commit there is time for everybody else."""
        commit = self.deployment.database.commit

        def slow(writes: Writes) -> None:
            time.sleep(random.choice([0, 0, 0, 0.02, 0.3]))
            commit(writes)

        patch.setattr(self.deployment.database, "commit", slow)


# --- what is right ----------------------------------------------------------------------------------------------------


def faults(race: Race) -> list[str]:
    return [
        fault for creator_id in CREATORS for fault in (*wrong_payouts(race, creator_id), *wrong_sums(race, creator_id))
    ]


def wrong_payouts(race: Race, creator_id: str) -> list[str]:
    """Reservations of less than was there, or of more: a refund that was known, or what was paid before."""
    found = []
    entries = race.entries(creator_id)
    posted = [each for each in race.posted if each.entry.creator_id == creator_id]
    for payout in entries:
        if payout.kind != PAYOUT or payout.fold is None or payout.position is None:
            continue
        fold, reserving = payout.fold, race.reserving[payout.id, payout.fold]
        before = sum(
            credited(each)
            for each in entries
            if each.kind not in (FOLD, SETTLE) and each.id != payout.id and each.fold is not None and each.fold <= fold
        )
        least = most = before
        for each in posted:
            if each.entry.position is None or each.entry.position > payout.position:
                continue
            amount = account.due(each.entry)
            known, possible = each.landed < reserving.began, each.sent < reserving.written
            least += amount if known or (amount < 0 and possible) else 0
            most += amount if known or (amount > 0 and possible) else 0
        if not least <= -credited(payout) <= most:
            found.append(f"{creator_id}: paid {-credited(payout)} of {least} to {most}")
    return found


def wrong_sums(race: Race, creator_id: str) -> list[str]:
    """What differs in the end from a recount of what was posted, with what caps and bonuses make of that."""
    theirs = [each.entry for each in race.posted if each.entry.creator_id == creator_id]
    terms = promises.terms_of(race.deployment, race.brand.id, [(PROGRAM, 1)])
    earned = sum(account.due(each) for each in theirs) + sum(settle_periods(tallied(theirs), terms).values())
    sums = race.balance(creator_id).of("ILS")
    closing = statement(race.deployment, race.brand, creator_id, "ILS").closing
    # A statement is of what is the creator's and not yet spoken for: a payout leaves it as it is reserved.
    said = {
        "the balance": sums.available + sums.in_transit + sums.paid,
        "the statement": closing + sums.in_transit + sums.paid,
    }
    return [f"{creator_id}: {amount} by {who}, {earned} was posted" for who, amount in said.items() if amount != earned]


def credited(entry: Entry) -> int:
    return entry.credited(creator_account(entry.creator_id, AVAILABLE))


@pytest.mark.parametrize("brand_now", [lambda real: real, every_ten_minutes], ids=["real time", "test clock"])
def test_twenty_threads_post_fold_and_pay_and_nothing_is_lost_or_paid_that_was_known_to_be_gone(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, brand_now: BrandNow
) -> None:
    race = opened(deployment, brand_now)
    race.run(monkeypatch)
    assert faults(race) == []
    report = verify.verify(deployment, race.brand)
    assert (report.violations, report.ok, report.next_cursor) == ([], True, None)
    kinds = race.kinds()
    assert min(kinds.values()) > 0, kinds
    assert kinds[PAYOUT] >= 15, "else hardly anything was tried"
    assert min(race.balance(creator_id).zone_start for creator_id in CREATORS) > NOON


def opened(deployment: Deployment, brand_now: BrandNow, name: str = "mugs") -> Race:
    clock = NOON if brand_now(NOON + DAY) != NOON + DAY else None
    return Race(deployment, books.open_books(deployment, name, clock=clock, periodic=PERIODIC), brand_now)


def test_letting_go_of_a_young_zone_would_lose_money(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sooner or later: a machine that is slow or busy needs longer till a difference lands late enough."""
    monkeypatch.setattr(account, "IN_FLIGHT_MAX", timedelta(0))
    assert any(lost(deployment, monkeypatch, seconds) for seconds in (6, 20, 60, 200))


def lost(deployment: Deployment, monkeypatch: pytest.MonkeyPatch, seconds: float) -> list[str]:
    """What is wrong after a race of so long at a new brand."""
    race = opened(deployment, lambda real: real, f"brand of {seconds} s")
    with monkeypatch.context() as patch:
        race.run(patch, seconds=seconds, payouts_wanted=10_000)
    return faults(race)

"""Customers' orders and subscriptions' payments in every order of their steps, on the code that really runs.

Each order is settled, noted in its registers by the stream, and told by the queue, all of it at once; the stream's
records may come again, and a process may die between any two of its accesses. Whatever happens, in the end every order
knows what is true, and the books are the same.
"""

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache, partial
from hashlib import blake2b
from typing import Any, override

import pytest

from tests import books
from tests.books import CODES, DANA, NOA
from tests.fixtures import NOON
from tests.service.memory import MemoryDeployment, Raw
from tests.service.schedules import Process, World, current, endings
from vouch.domain import ids
from vouch.domain.facts import Lifecycle, Line, Snapshot
from vouch.domain.settlement import Posted
from vouch.service import orders, standings
from vouch.service.deployment import Unchanging
from vouch.service.standings import TooEarly
from vouch.store import database as requests
from vouch.store import orders as stored
from vouch.store.tables import Brand, Item, Order, TermsVersion

HOUR = timedelta(hours=1)
TERMS = {
    "attribution": {"customer_tie": {}, "model": "last"},
    "commission": {
        "rules": [
            {"match": {"customer": "new"}, "reward": {"type": "percent", "bps": 2000}},
            {"match": {}, "reward": {"type": "percent", "bps": 1000}},
        ],
        "recurring": {"payments": 2},
    },
}
Tale = Sequence[Snapshot]
"""What the platform says of one order, one after another."""
Record = tuple[Order | None, Order]
"""A version of an order, behind the one before it."""
Work = Callable[[], Any]
Key = tuple[str, str, str]


def sale(hour: int, *, to: str | None = None, customer: str = "maya", subscription: str | None = None) -> Snapshot:
    """An order of that hour, under the code of a creator."""
    at = NOON - timedelta(days=1) + hour * HOUR
    codes = (CODES[to],) if to else ()
    line = Line("1", 1, 10_000)
    return Snapshot(
        at, at, Lifecycle.PAID, "ILS", (line,), "rest", codes=codes, customers=(customer,), subscription=subscription
    )


def then(snapshot: Snapshot, **changes: Any) -> Snapshot:
    """What the platform says of it a minute later."""
    return replace(snapshot, updated_at=snapshot.updated_at + timedelta(minutes=1), **changes)


@dataclass(eq=False)
class Case:
    """What is known, and noted, before; what comes at once; and which of the records come twice."""

    orders: dict[str, Tale]
    before: dict[str, Tale] = field(default_factory=dict)
    again: Sequence[tuple[str, int]] = ()
    dies: bool = False
    """Whether one process may die."""
    switches: int | None = None
    """How often at most one gives way to another, where all schedules would be too many."""


class Shop(World):
    """One brand, and all that goes on about the orders of a case."""

    def __init__(self, case: Case) -> None:
        self.deployment = MemoryDeployment(_cache())
        self.database = self.deployment.memory
        self.database.items |= _set_up()
        self.brand = Brand(_BRAND, "BRAND", id=_BRAND, mode="live")
        self._live: dict[str, Process] = {}
        self._works: dict[str, Work] = {}
        self._records: dict[str, list[Record]] = {}
        self._sent = 0
        self._dead = not case.dies
        self._again = {*case.again}
        if case not in _PREPARED:
            self._prepare(case.before)
            _PREPARED[case] = dict(self.database.items), {**self._records}, {**self._works}
        items, records, works = _PREPARED[case]
        self.database.items |= items
        self._records = {name: [*known] for name, known in records.items()}
        self._works = {**works}
        self.database.before, self.database.after = self._before, self._after
        for name, tale in case.orders.items():
            self._begin(f"settle {name}", partial(self._settle, name, tale))

    def _prepare(self, before: dict[str, Tale]) -> None:
        for name, tale in before.items():
            for snapshot in tale:
                self._settle(name, [snapshot])
                self._look_for_records()
                self._noted()
        while messages := self._messages():
            for message in messages:
                standings.spread(self.deployment, message, in_time=lambda: True)
            self._look_for_records()
            self._noted()

    def _noted(self) -> None:
        for name, records in self._records.items():
            for number, record in enumerate(records):
                if f"note {name} {number}" not in self._works:
                    self._works[f"note {name} {number}"] = partial(standings.note, self.deployment, *record)
                    self._works[f"note {name} {number}"]()

    # --- the schedule -------------------------------------------------------------------------------------------------

    @override
    def options(self) -> list[str]:
        running = sorted(self._live)
        return running if self._dead else [*running, *(f"kill {name}" for name in running if name[:6] != "settle")]

    @override
    def step(self, choice: str) -> None:
        if choice.startswith("kill "):
            name, self._dead = choice.removeprefix("kill "), True
            self._live.pop(name).end()
            self._begin(name, self._works[name])
            return
        process = self._live[choice]
        process.step()
        if process.done:
            del self._live[choice]
            if isinstance(process.failure, TooEarly):
                self._begin(choice, self._works[choice])
            elif process.failure is not None:
                raise process.failure
        self._look_for_records()
        for message in self._messages():
            self._sent += 1
            work = partial(standings.spread, self.deployment, message, in_time=lambda: True)
            self._begin(f"spread {self._sent}: {json.dumps(message)}", work)
        self._note()

    @override
    def state(self) -> tuple[Any, ...]:
        running = tuple((name, tuple(process.seen)) for name, process in sorted(self._live.items()))
        items = sorted((place, _text(raw)) for place, raw in self.database.items.items() if _is_shared(place[1]))
        return blake2b(repr(items).encode()).digest(), _unnumbered(running), self._dead

    @override
    def close(self) -> None:
        for process in self._live.values():
            process.end()

    def _begin(self, name: str, work: Work) -> None:
        self._works[name] = work
        process = Process(work)
        if not process.done:
            self._live[name] = process
        elif process.failure is not None:
            raise process.failure

    def _before(self, partitions: set[str], writes: bool) -> None:
        """Registers are shared, and orders. An order that is read to be settled is written under what was read."""
        process = current()
        kinds = ("#U#", "#O#") if writes or not _settling.active else ("#U#",)
        if process is not None and any(kind in partition for kind in kinds for partition in partitions):
            process.pause()

    def _after(self, found: Any) -> None:
        process = current()
        if process is not None:
            process.seen.append(blake2b(repr(found).encode(), digest_size=8).hexdigest())

    # --- what goes on -------------------------------------------------------------------------------------------------

    def _settle(self, name: str, tale: Tale) -> None:
        for snapshot in tale:
            orders.apply(self.deployment, books.target(self.brand, name), [snapshot])

    def _look_for_records(self) -> None:
        """The stream: every version of every order, in its order."""
        for (_, pk, sk), raw in self.database.items.items():
            if sk != "O" or raw["k"]["S"] != "order":
                continue
            state = Order.from_raw_data(raw)
            known = self._records.setdefault(state.external_id, [])
            last = known[-1][1] if known else None
            if last is None or last.version < state.version:
                assert state.version == (last.version if last else 0) + 1, pk
                known.append((last, state))

    def _note(self) -> None:
        """Each record is taken when the one before it is done with; those that come twice come at once, too."""
        for name, records in self._records.items():
            for number, record in enumerate(records):
                task = f"note {name} {number}"
                before = f"note {name} {number - 1}"
                if task not in self._works and before not in self._live:
                    self._begin(task, partial(standings.note, self.deployment, *record))
                if (name, number) in self._again:
                    self._again.remove((name, number))
                    self._begin(f"{task} again", partial(standings.note, self.deployment, *record))

    def _messages(self) -> list[Any]:
        waiting = self.deployment.sqs.sent.pop(self.deployment.settings.spread_queue_url, ())
        return [json.loads(message["MessageBody"])["standing"] for message in waiting]

    # --- what came of it ----------------------------------------------------------------------------------------------

    def order(self, name: str) -> stored.StoredOrder:
        order = stored.load(self.database, _BRAND, books.target(self.brand, name).order_id)
        assert order is not None
        return order


_PREPARED: dict[Case, tuple[dict[Key, Raw], dict[str, list[Record]], dict[str, Work]]] = {}
_BRAND = ids.derived("brd_", "mugs")


@cache
def _cache() -> Unchanging:
    return Unchanging()


@cache
def _set_up() -> dict[Key, Raw]:
    """The brand, its creators and its program, as they are stored."""
    deployment = MemoryDeployment(_cache())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Item, "save", _saved_in(deployment))
        books.open_books(deployment)
        found = (raw for (_, _, sk), raw in deployment.memory.items.items() if sk.endswith("#T#000001"))
        terms = TermsVersion.from_raw_data(next(found))
        terms.terms = TERMS
        terms.save()
    return deployment.memory.items


def _saved_in(deployment: MemoryDeployment) -> Callable[[Item], None]:
    def save(item: Item) -> None:
        deployment.database.put(item)

    return save


class _Settling(threading.local):
    """Whether the process that runs is settling an order."""

    active = False


_settling = _Settling()


def _is_shared(partition: str) -> bool:
    return any(kind in partition for kind in ("#U#", "#O#", "#A#"))


def _text(raw: Raw) -> str:
    return repr(sorted(raw.items()))


def _unnumbered(running: tuple[tuple[str, Any], ...]) -> tuple[Any, ...]:
    """Of messages that say the same it does not matter which is which."""
    return tuple(sorted((name.partition(": ")[2] or name, seen) for name, seen in running))


@dataclass(frozen=True)
class Truth:
    """What an order should know in the end."""

    new: bool | None
    origin: str | None
    payments_before: int


def truths(shop: Shop, names: Sequence[str]) -> dict[str, Truth]:
    """By each order's newest snapshot alone."""
    found = {name: shop.order(name) for name in names}
    places = {name: (order.facts.begins, order.id) for name, order in found.items()}
    shots = {name: order.facts.snapshot for name, order in found.items()}

    def earlier(name: str, alike: Callable[[Snapshot, Snapshot], bool]) -> list[str]:
        own = shots[name]
        assert own is not None
        others = [each for each in names if (shot := shots[each]) and alike(own, shot) and places[each] < places[name]]
        return sorted(others, key=lambda each: places[each])

    def truth(name: str) -> Truth:
        customers = earlier(name, lambda own, other: own.customers == other.customers)
        named = [each for each in customers if (shot := shots[each]) and shot.codes]
        shot = shots[name]
        payments = earlier(name, lambda own, other: own.subscription == other.subscription)
        count = len(payments) if shot and shot.subscription else 0
        return Truth(not customers, found[named[0]].id if named else None, count)

    return {name: truth(name) for name in names}


def known(order: stored.StoredOrder) -> Truth:
    origin = order.context.origin(order.facts)
    return Truth(
        order.context.customer_new(order.facts),
        origin.origin if origin else None,
        order.context.payments_before(order.facts),
    )


EARLY, LATE, LATEST = sale(1), sale(2), sale(3)
FROM_NOA = sale(1, to=NOA)
ANN, BO, CY = (
    sale(hour, to=NOA, subscription="s", customer=customer) for hour, customer in ((1, "ann"), (2, "bo"), (3, "cy"))
)
CASES = {
    "two_orders_of_one_customer": Case({"a": [EARLY], "b": [LATE]}),
    "two_of_the_same_moment": Case({"a": [EARLY], "b": [EARLY]}),
    "three_orders_of_one_customer": Case({"a": [EARLY], "b": [LATE], "c": [LATEST]}, switches=1),
    "the_first_comes_last_and_is_the_origin": Case({"a": [FROM_NOA]}, before={"b": [LATE], "c": [LATEST]}),
    "the_origin_comes_with_the_next_two": Case({"a": [FROM_NOA], "b": [LATE], "c": [LATEST]}, switches=1),
    "the_origin_loses_its_evidence": Case(
        {"a": [then(FROM_NOA, codes=())], "c": [LATEST]}, before={"a": [FROM_NOA], "b": [sale(2, to=DANA)]}, switches=1
    ),
    "the_origin_turns_to_another": Case(
        {"a": [then(FROM_NOA, codes=(CODES[DANA],))], "b": [LATE]}, before={"a": [FROM_NOA]}
    ),
    "the_first_is_another_customers_while_one_comes_between": Case(
        {"a": [then(EARLY, customers=("dan",))], "b": [LATE]}, before={"a": [EARLY], "c": [LATEST]}, switches=1
    ),
    "the_first_goes_and_comes_back": Case(
        {"a": [then(EARLY, customers=("dan",)), then(then(EARLY))]}, before={"a": [EARLY], "b": [LATE]}
    ),
    "an_old_record_comes_again": Case(
        {"a": [EARLY, then(EARLY, customers=("dan",))]}, before={"b": [LATE]}, again=[("a", 0)], switches=1
    ),
    "a_guessed_birth_gives_way": Case(
        {"a": [then(sale(3))]}, before={"a": [replace(EARLY, placed_at_guessed=True)], "b": [sale(2, to=NOA)]}
    ),
    "a_guessed_birth_gives_way_and_passes_the_origin": Case(
        {"a": [then(sale(3))]},
        before={"z": [sale(0)], "b": [sale(2, to=NOA)], "a": [replace(EARLY, placed_at_guessed=True)]},
    ),
    "a_payment_comes_late": Case({"a": [ANN]}, before={"b": [BO], "c": [CY]}),
    "a_payment_comes_late_and_another_at_once": Case({"a": [ANN], "c": [CY]}, before={"b": [BO]}, switches=1),
    "two_payments_at_once": Case({"a": [ANN], "b": [BO]}, switches=2),
    "a_payment_that_is_paid_late": Case(
        {"a": [then(ANN)]}, before={"a": [replace(ANN, paid=False)], "b": [BO], "c": [CY]}
    ),
    "whoever_dies_between": Case({"a": [FROM_NOA]}, before={"b": [LATE]}, dies=True),
    "whoever_dies_while_two_come_at_once": Case({"a": [FROM_NOA], "b": [LATE]}, dies=True),
    "whoever_dies_while_the_first_goes": Case(
        {"a": [then(EARLY, customers=("dan",))]}, before={"a": [EARLY], "b": [LATE]}, dies=True
    ),
}


@pytest.fixture(autouse=True)
def patched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody pauses, and who settles says so."""
    apply = orders.apply

    def applied(*asked: Any, **more: Any) -> bool:
        _settling.active = True
        try:
            return apply(*asked, **more)
        finally:
            _settling.active = False

    monkeypatch.setattr(requests, "_PAUSE_FIRST", 0)
    monkeypatch.setattr(orders, "apply", applied)


@pytest.mark.parametrize("name", CASES)
def test_whatever_comes_when_every_order_knows_what_is_true_in_the_end(name: str) -> None:
    case = CASES[name]
    names = sorted({*case.orders, *case.before})
    ends: list[dict[str, Posted]] = []
    for schedule, shop in endings(lambda: Shop(case), case.switches):
        found = {each: shop.order(each) for each in names}
        assert {each: known(order) for each, order in found.items()} == truths(shop, names), schedule
        ends.append({each: order.posted for each, order in found.items()})
    assert ends
    assert all(end == ends[0] for end in ends)

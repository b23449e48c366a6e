"""Every AWS call of ingest, settle, wake and the second pass fails in turn, in every way; then the event comes again.

Calls are numbered as they happen, so that a new one cannot be forgotten. Nothing is excepted.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count
from typing import Any, override

import pytest

from tests.faults.injection import KINDS, Died, Faults, forget, injected, kinds
from tests.faults.shop import Sale, incompressible
from tests.faults.world import Webhook, World, cold_start, functions, take
from tests.fixtures import NOON
from vouch.service import orders as settling
from vouch.service.deployment import Deployment
from vouch.store import inbox

HOUR = timedelta(hours=1)
PLACED = NOON - timedelta(minutes=5)
ITEM_BYTES_MAX = 20_000
EVENTS_MAX = 2
"""Small ones, which cost less time than large orders do; those are tried by themselves."""
_SETTLING = {"get_secret_value", "Query", "BatchGetItem", "TransactWriteItems"}


@dataclass(frozen=True)
class Case:
    """What the shop told before, without faults, and what it tells now."""

    webhook: Webhook
    before: Sequence[Webhook] = ()
    meanwhile: Callable[[], object] = lambda: None
    """What the world does within the hour after."""


Told = Callable[[World, Sale], Case]


def _first_sale(world: World, sale: Sale) -> Case:
    return Case(sale.paid())


def _older_word(world: World, sale: Sale) -> Case:
    created = sale.created()
    return Case(created, [sale.paid()])


def _refund(world: World, sale: Sale) -> Case:
    paid = sale.paid()
    return Case(sale.refunded(PLACED + HOUR, [(0, 1)])[0], [paid])


def _refund_inside_its_order(world: World, sale: Sale) -> Case:
    paid = sale.paid()
    return Case(sale.refunded(PLACED + HOUR, [(0, 1)])[1], [paid])


def _refund_before_its_order(world: World, sale: Sale) -> Case:
    return Case(sale.refunded(PLACED + HOUR, [(0, 1)])[0])


def _order_after_its_refund(world: World, sale: Sale) -> Case:
    paid = sale.paid()
    return Case(paid, [sale.refunded(PLACED + HOUR, [(0, 1)])[0]])


def _cancellation(world: World, sale: Sale) -> Case:
    paid = sale.paid()
    return Case(sale.cancelled(PLACED + HOUR), [paid])


def _credit_moved_to_another(world: World, sale: Sale) -> Case:
    paid = sale.paid()
    return Case(sale.recoded(PLACED + HOUR, ["DAN10"]), [paid])


def _click_on_its_way(world: World, sale: Sale) -> Case:
    visit = NOON - timedelta(minutes=7, seconds=sale.number % 200)  # nobody's before
    sale.body["note_attributes"] = [{"name": "ref", "value": world.click("dan", visit, recorded=False)}]
    trail = [world.click("mia", visit - HOUR, recorded=False)]
    return Case(sale.paid(), [], lambda: world.click("dan", visit, trail=trail))


def _unreadable(world: World, sale: Sale) -> Case:
    sale.body["currency"] = "gold"
    return Case(sale.paid())


def _unknown_topic(world: World, sale: Sale) -> Case:
    return Case(replace(sale.paid(), topic="orders/risk_assessment_changed"), [sale.created()])


def _body_too_large_for_an_item(world: World, sale: Sale) -> Case:
    sale.body["note"] = incompressible(ITEM_BYTES_MAX * 2)
    return Case(sale.paid())


def _more_refunds_than_a_transaction_takes(world: World, sale: Sale) -> Case:
    paid = sale.paid()
    told = [
        sale.reimbursed(PLACED + HOUR + timedelta(minutes=place), 50 + place) for place in range(2 * EVENTS_MAX + 1)
    ]
    return Case(told[-1][1], [paid])


class Failed(Exception):
    """The function said that the event has to come again."""


class ByWebhook:
    """The platform's request, and then what it put into the stream."""

    apart = timedelta()

    def __init__(self, world: World, case: Case) -> None:
        self.world = world
        self.case = case

    def prepare(self) -> None:
        """What happens before any fault."""

    def attempt(self) -> None:
        """What meets a fault, and happens once more an hour later."""
        answer = self.world.post(self.case.webhook)
        if answer["statusCode"] != 200:
            assert answer["statusCode"] == 503, answer
            raise Failed
        self.world.settle([self.world.stored(self.case.webhook)])


class ByQueue(ByWebhook):
    """The stream's own try was too early, and the delayed queue brings the delivery again."""

    message: str

    @override
    def prepare(self) -> None:
        self.world.deliver(self.case.webhook)
        [self.message] = take(self.world.deployment)
        self.case.meanwhile()

    @override
    def attempt(self) -> None:
        if self.world.wake(self.message)["batchItemFailures"]:
            raise Failed


class BySecondPass(ByWebhook):
    """The stream lost its record."""

    apart = 3 * HOUR  # deliveries of other cases do not belong to this hour

    @override
    def prepare(self) -> None:
        assert self.world.post(self.case.webhook)["statusCode"] == 200

    @override
    def attempt(self) -> None:
        self.world.second_pass(1)


SWEEPS: list[tuple[type[ByWebhook], Told, set[str]]] = [
    (ByWebhook, _first_sale, {"GetItem", "decrypt", "PutItem", *_SETTLING}),
    (ByWebhook, _older_word, {"PutItem", "Query"}),
    (ByWebhook, _refund, {"PutItem", "Query", "TransactWriteItems"}),
    (ByWebhook, _refund_inside_its_order, {"PutItem", "Query", "TransactWriteItems"}),
    (ByWebhook, _refund_before_its_order, {"PutItem", "Query", "TransactWriteItems"}),
    (ByWebhook, _order_after_its_refund, {"PutItem", *_SETTLING}),
    (ByWebhook, _cancellation, {"PutItem", "Query", "TransactWriteItems"}),
    (ByWebhook, _credit_moved_to_another, {"PutItem", *_SETTLING}),
    (ByWebhook, _click_on_its_way, {"send_message"}),
    (ByWebhook, _unreadable, {"PutItem"}),
    (ByWebhook, _unknown_topic, {"PutItem"}),
    (ByWebhook, _body_too_large_for_an_item, {"put_object", "get_object", *_SETTLING}),
    (ByWebhook, _more_refunds_than_a_transaction_takes, {"PutItem", "Query", "TransactWriteItems"}),
    (ByQueue, _click_on_its_way, {"GetItem", *_SETTLING}),
    (BySecondPass, _first_sale, {"Query", *_SETTLING}),
    (BySecondPass, _unreadable, {"Query", "PutItem"}),
]


@pytest.mark.parametrize(
    "way, told, operations",
    [pytest.param(*sweep, id=f"{sweep[0].__name__}-{sweep[1].__name__.strip('_')}") for sweep in SWEEPS],
)
def test_whatever_call_fails_the_event_comes_again_and_the_books_are_those_of_a_clean_run(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, way: type[ByWebhook], told: Told, operations: set[str]
) -> None:
    monkeypatch.setattr(inbox, "HOUR_SHARDS", 1)
    monkeypatch.setattr(inbox, "_ITEM_BYTES_MAX", ITEM_BYTES_MAX)
    monkeypatch.setattr(settling, "EVENTS_MAX", EVENTS_MAX)
    with injected(deployment) as faults, functions(deployment):
        sweep = Sweep(World(deployment).build(), faults, way, told)
        clean = sweep.run(0, KINDS[0])
        for number, operation in enumerate([*clean.calls, "none of them"], start=1):
            for kind in kinds(operation):
                result = sweep.run(number, kind)
                assert result.outcome == clean.outcome, f"{kind}: {operation}, call {number} of {result.calls}"
        sweep.world.assert_invariants()
    assert operations <= {*clean.calls}


@dataclass(frozen=True)
class Result:
    """The calls of the attempt, and what came of it in the end."""

    calls: list[str]
    outcome: Any


class Sweep:
    """The same case over and over, each time with an order of its own."""

    def __init__(self, world: World, faults: Faults, way: type[ByWebhook], told: Told) -> None:
        self.world = world
        self._faults = faults
        self._way = way
        self._told = told
        self._numbers = count(7_000_000)

    def run(self, number: int, kind: str) -> Result:
        """One run, in which the call with that number fails; with 0 all goes well, and nothing has to come again."""
        clock: Any = self.world.deployment.now
        clock.now += self._way.apart
        sale = self._sale()
        case = self._told(self.world, sale)
        for webhook in case.before:
            self.world.deliver(webhook)
        way = self._way(self.world, case)
        way.prepare()
        forget(self.world.deployment)
        cold_start(self.world.deployment)
        with self._faults.breaking(number, kind):
            failed = self._fails(way)
        calls = [*self._faults.calls]
        case.meanwhile()
        clock.now += HOUR
        if failed or number > len(calls):  # what did not fail does not come again, but for the platforms' repeats
            way.attempt()
        self.world.woken()
        clock.now -= HOUR
        return Result(calls, self._outcome(sale, case))

    def _sale(self) -> Sale:
        visit = self.world.click(
            "mia", PLACED - HOUR, trail=[self.world.click("dan", PLACED - 2 * HOUR, recorded=False)]
        )
        return Sale(next(self._numbers), PLACED, codes=["NOA10"], click_ids=[visit])

    def _fails(self, way: ByWebhook) -> bool:
        """Whether the event has to come again, as Lambda and the platform see it."""
        try:
            way.attempt()
        except AssertionError:
            raise
        except (Exception, Died):  # noqa: BLE001 - whatever it is, it comes again
            return True
        return False

    def _outcome(self, sale: Sale, case: Case) -> Any:
        delivered = self.world.stored(case.webhook)["sk"]["S"]
        parked = [note.reason for note in self.world.parked() if note.delivery_id == delivered]
        books, entries = self.world.books(sale.external_id)
        assert len({*entries}) == len(entries)
        return parked, self.world.standing(sale.external_id), books, len(entries)

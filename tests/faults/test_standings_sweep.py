"""Every AWS call of noting where an order stands, and of telling others, fails in turn; then it comes again.

As in `tests.faults.test_sweep`: calls are numbered as they happen, and nothing is excepted.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any, ClassVar, override

import pytest

from attribution import spread
from figures import standings
from tests.books import DANA, NOA
from tests.customers import Shop
from tests.faults.injection import KINDS, Died, Faults, forget, injected, kinds
from vouch.service.deployment import Deployment


class Failed(Exception):
    """The message has to come again."""


class Tale:
    """Orders of a customer of their own, in hours of their own."""

    hours: ClassVar[int] = 3

    def __init__(self, shop: Shop, number: int) -> None:
        self.shop = shop
        self.first = number * self.hours
        self.customer: str | None = f"customer-{number}"
        self.subscription: str | None = None

    def sell(self, place: int, **said: Any) -> str:
        said = {"customer": self.customer, "subscription": self.subscription} | said
        return self.shop.sell(self.first + place, **said)

    def before(self) -> None:
        """What has been noted and told."""

    def now(self) -> None:
        """What is settled, and to be noted."""

    def outcome(self) -> Any:
        """What its orders know and earn, an origin by its place."""
        known = [self.shop.known(self.first + place) for place in range(self.hours)]
        places = {self.shop.order(self.first + place).id: place for place in range(self.hours)}
        sums = [self.shop.sums(self.first + place) for place in range(self.hours)]
        return [(new, origin and places[origin], payments) for new, origin, payments in known], sums


class LateOrigin(Tale):
    @override
    def before(self) -> None:
        for place in (2, 1):
            self.sell(place, to=NOA if place == 2 else None)

    @override
    def now(self) -> None:
        self.sell(0, to=DANA)


class OriginThatLosesItsEvidence(Tale):
    @override
    def before(self) -> None:
        for place, creator in enumerate((DANA, NOA, None)):
            self.sell(place, to=creator)

    @override
    def now(self) -> None:
        self.sell(0, minute=1)


class FirstOrderOfAnotherCustomer(Tale):
    @override
    def before(self) -> None:
        for place, creator in enumerate((DANA, None, NOA)):
            self.sell(place, to=creator)

    @override
    def now(self) -> None:
        self.sell(0, customer=f"{self.customer}-other", minute=1)


class LatePayment(Tale):
    def __init__(self, shop: Shop, number: int) -> None:
        super().__init__(shop, number)
        self.customer = None
        self.subscription = f"subscription-{number}"

    @override
    def before(self) -> None:
        for place in (1, 2):
            self.sell(place, to=NOA)

    @override
    def now(self) -> None:
        self.sell(0, to=NOA)


class Noting:
    """The stream's record of what happened fails."""

    operations: ClassVar[set[str]] = {"BatchGetItem", "TransactWriteItems", "send_message"}

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.records = shop.stream.records()

    def attempt(self) -> None:
        """What meets a fault, and comes once more."""
        self.shop.bring(self.records)


class Telling(Noting):
    """The messages that follow from it fail."""

    operations: ClassVar[set[str]] = {"GetItem", "Query", "TransactWriteItems"}

    def __init__(self, shop: Shop) -> None:
        super().__init__(shop)
        shop.bring(self.records)
        self.messages = shop.messages()

    @override
    def attempt(self) -> None:
        while self.messages:
            if not self.shop.hear(self.messages[0]):
                raise Failed
            self.messages.pop(0)


@contextmanager
def running(deployment: Deployment) -> Iterator[None]:
    """The two functions, with this deployment in place of their own."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (standings, spread):
            patch.setattr(module, "deployment", lambda: deployment)
        yield


@pytest.mark.parametrize("way", [Noting, Telling])
@pytest.mark.parametrize("tale", [LateOrigin, OriginThatLosesItsEvidence, FirstOrderOfAnotherCustomer, LatePayment])
def test_whatever_call_fails_every_order_knows_in_the_end_what_it_does_after_a_clean_run(
    deployment: Deployment, way: type[Noting], tale: type[Tale]
) -> None:
    with injected(deployment) as faults, running(deployment):
        shop = Shop(deployment)
        numbers = count()

        def run(number: int, kind: str) -> tuple[list[str], Any]:
            return _run(shop, faults, way, tale(shop, next(numbers)), (number, kind))

        calls, clean = run(0, KINDS[0])
        assert way.operations <= {*calls}
        for number, operation in enumerate(calls, start=1):
            for kind in kinds(operation):
                broken, outcome = run(number, kind)
                assert outcome == clean, f"{kind}: {operation}, call {number} of {broken}"


def _run(shop: Shop, faults: Faults, way: type[Noting], tale: Tale, broken: tuple[int, str]) -> tuple[list[str], Any]:
    """One run, in which that call breaks in that way; with 0 all goes well."""
    tale.before()
    shop.run()
    tale.now()
    ready = way(shop)
    forget(shop.deployment)
    with faults.breaking(*broken):
        failed = _fails(ready.attempt)
    calls = [*faults.calls]
    assert not (failed and not broken[0])
    if failed:
        ready.attempt()
    shop.run()
    return calls, tale.outcome()


def _fails(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except (Exception, Died):  # noqa: BLE001 - whatever it is, it comes again
        return True
    return False

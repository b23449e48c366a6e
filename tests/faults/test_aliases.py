"""What tells of one sale comes in every order, under names that nobody has claimed yet, and dies at every call.

A message that dies comes again, at once or after all that follows. The tables are in memory, and where a death leaves
them as they were, or as they become without it, what follows is no different from what is tried anyhow.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import permutations
from typing import Any, override

import pytest

from tests.faults.injection import Died
from tests.faults.world import World
from tests.fixtures import MemoryVault
from tests.platforms.test_stripe import answer, dispute
from tests.service.memory import MemoryDatabase, MemoryDeployment, Place, Raw
from tests.service.test_stripe_sales import BEFORE, BORN, TAX, bought, given_back, invoiced, paid_by, told
from tests.standins.stripe import line
from vouch.domain import ids
from vouch.platforms.base import Request
from vouch.service import deliveries
from vouch.service import orders as settling
from vouch.service.deployment import Unchanging
from vouch.store import inbox
from vouch.store.database import Writes
from vouch.store.inbox import Door
from vouch.store.orders import EVENTS_MAX, load, order_id
from vouch.store.tables import Delivery

CONNECTION = ids.derived("con_", "stripe")
NAMES = ("in_1", "cs_live_1")
Items = dict[Place, Raw]
Message = Request | bytes

_LOST = told("charge.dispute.closed", dispute("lost", 486, created=BORN + 60), 70)
_CHECKOUT = bought(mode="subscription", invoice="in_1", subscription="sub_1", payment_intent=None)
_LATER = bought(invoice_creation={"enabled": True})
_PAYMENTS: dict[str, Any] = {"payments": {"data": [{"payment": {"payment_intent": "pi_1"}, "status": "paid"}]}}
SALES: Mapping[str, Mapping[str, Message]] = {
    "a session that names its invoice": {
        "refund": given_back(972),
        "dispute": _LOST,
        "session": told("checkout.session.completed", _CHECKOUT, 30),
        "invoice": told("invoice.paid", invoiced("sub_1"), 10),
        "payment": paid_by(),
    },
    "a session whose invoice turns up later": {
        "refund": given_back(972),
        "dispute": _LOST,
        "session": told("checkout.session.completed", _LATER, 30),
        "invoice": answer("invoice", invoiced(**_PAYMENTS), line(amount=3600, taxes=TAX), second=BEFORE + 40),
        "payment": paid_by(),
    },
}
NOA = 287
"""12.75 % of 36.00, less a quarter that was refunded and an eighth that the bank took."""


class Tables(MemoryDatabase):
    """Of the calls since they were last counted, the one with the number `dies_at` dies, before its effect or after."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []
        self.dies_at = 0
        self.dies_after = False

    def _call[T](self, name: str, do: Callable[[], T]) -> T:
        self.calls.append(name)
        dies = len(self.calls) == self.dies_at
        if dies and not self.dies_after:
            raise Died(name)
        done = do()
        if dies:
            raise Died(name)
        return done

    @override
    def get(self, *asked: Any) -> Any:
        return self._call("get", lambda: MemoryDatabase.get(self, *asked))

    @override
    def get_many(self, keys: Any) -> Any:
        return self._call("get_many", lambda: MemoryDatabase.get_many(self, keys))

    @override
    def query(self, *asked: Any, **more: Any) -> Any:
        return self._call("query", lambda: MemoryDatabase.query(self, *asked, **more))

    @override
    def commit(self, writes: Writes) -> None:
        self._call("commit", lambda: MemoryDatabase.commit(self, writes))


class Sale:
    """A brand to which these messages come; `died_at` are the calls of all deaths."""

    def __init__(self, messages: Mapping[str, Message]) -> None:
        self.messages = messages
        self.tables = Tables()
        self.died_at: list[str] = []
        self._deployment = MemoryDeployment(Unchanging())
        self._deployment.database = self._deployment.memory = self.tables
        self._deployment.vault = MemoryVault()
        self.world = World(self._deployment)
        for item in self.world._items():
            self.tables.put(item)
        self.born = dict(self.tables.items)

    # --- hearing ------------------------------------------------------------------------------------------------------

    def hear(self, items: Items, name: str) -> Items:
        """The tables after the message, which nothing keeps from being settled."""
        self._begin(items)
        self._settle(name)
        return dict(self.tables.items)

    def deaths_of(self, items: Items, name: str) -> list[Items]:
        """The tables after each death that the settling of the message can die."""
        self._begin(items)
        self._settle(name)
        calls = [*self.tables.calls]
        found = []
        for number, call in enumerate(calls, start=1):
            for after in (False, True) if call == "commit" else (False,):
                self._begin(items, dies_at=number, dies_after=after)
                with pytest.raises(Died):
                    self._settle(name)
                found.append(dict(self.tables.items))
                self.died_at.append(call)
        return found

    def _begin(self, items: Items, *, dies_at: int = 0, dies_after: bool = False) -> None:
        self.tables.items = dict(items)
        self.tables.calls, self.tables.dies_at, self.tables.dies_after = [], dies_at, dies_after
        self._deployment.unchanging.clear()

    def _settle(self, name: str) -> None:
        outcome = deliveries.settle_delivery(self._deployment, self._delivery(self.messages[name]))
        assert outcome.ending in ("applied", "unchanged"), outcome

    def _delivery(self, message: Message) -> Delivery:
        now, door = self._deployment.now(), Door(self.world.brand_id, "live", "stripe", CONNECTION)
        if isinstance(message, bytes):
            return inbox.pulled(door, "look#0", "s", message, now)
        return inbox.delivery(door, {}, message.body, platform_delivery_id="d", subject="s", kept=(), now=now)

    # --- every order --------------------------------------------------------------------------------------------------

    def go_through(self, items: Items, heard: tuple[str, ...] = ()) -> None:
        """Every order in which the rest may be heard, with every death."""
        rest = [name for name in self.messages if name not in heard]
        if not rest:
            self.check(items, heard)
        for name in rest:
            clean = self.hear(items, name)
            self.go_through(clean, (*heard, name))
            for left in self.deaths_of(items, name):
                self._heard_again(items, clean, left, (*heard, f"{name} (dies)"), name)

    def _heard_again(self, before: Items, clean: Items, left: Items, heard: tuple[str, ...], name: str) -> None:
        """At once, which comes to what a clean run comes to; or last of all."""
        others = [each for each in self.messages if each not in heard and each != name]
        again = self.hear(left, name)
        if again != clean:
            self._in_every_order(again, others, heard)
        if left not in (before, clean):
            self._in_every_order(left, others, heard, last=name)

    def _in_every_order(self, items: Items, names: Sequence[str], heard: tuple[str, ...], last: str = "") -> None:
        for order in permutations(names):
            after = items
            for name in (*order, *([last] if last else [])):
                after = self.hear(after, name)
            self.check(after, (*heard, *order, last))

    def check(self, items: Items, heard: tuple[str, ...]) -> None:
        """The creator has her part of what is left, of whichever order it is, in its commissions and in the ledger."""
        self._begin(items)
        noa, brand_id = self.world.creators["noa"], self.world.brand_id
        known = [load(self.tables, brand_id, order_id(brand_id, CONNECTION, name)) for name in NAMES]
        kept = [
            (item.creator_id, item.earned - item.reversed)
            for order in known
            if order is not None
            for item in order.commissions
            if item.earned != item.reversed
        ]
        assert kept == [(noa, NOA)], heard
        entries = [entry for found in self.world.entries().values() for entry in found]
        assert sum(entry.credited(f"creator:{noa}:earned") for entry in entries) == NOA, heard
        assert {entry.creator_id for entry in entries} == {noa}, heard


@pytest.mark.parametrize("name, at_once", [*zip(SALES, (1, EVENTS_MAX), strict=True)], ids=["in parts", "at once"])
def test_whatever_comes_first_and_whatever_dies_the_sale_is_one(
    monkeypatch: pytest.MonkeyPatch, name: str, at_once: int
) -> None:
    """Also where what has waited is more than what one transaction takes."""
    monkeypatch.setattr(settling, "EVENTS_MAX", at_once)
    sale = Sale(SALES[name])
    sale.go_through(sale.born)
    assert {"get_many", "query", "commit"} <= {*sale.died_at}

"""Stripe's objects settled: whatever comes first, one sale is one order, whose creator has what its money comes to."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from tests.faults.world import CHANGED, World
from tests.platforms.test_stripe import answer, dispute, event, refund
from tests.standins.stripe import invoice, item, line, session
from vouch.domain import ids, times
from vouch.platforms.base import Request
from vouch.service import deliveries
from vouch.store import inbox
from vouch.store.inbox import Door
from vouch.store.orders import StoredOrder, load, order_id
from vouch.store.tables import Delivery

BEFORE = -200_000
"""Seconds from the stand-in's beginning to the first of these events: nobody can know of an order of tomorrow."""
BORN = 1_778_000_000 + BEFORE
BY_NOA: dict[str, Any] = {"metadata": {"code": "NOA10"}}
TAX = [{"amount": 288, "tax_behavior": "exclusive"}]


class Connection:
    """A connection to which these come, one after the other."""

    def __init__(self, world: World, name: str, bodies: Sequence[Request | bytes]) -> None:
        self._world = world
        self._id = ids.derived("con_", "stripe", name)
        for body in bodies:
            outcome = deliveries.settle_delivery(world.deployment, self.stored(body))
            assert outcome.ending in ("applied", "unchanged"), outcome

    def stored(self, body: Request | bytes) -> Delivery:
        now = self._world.deployment.now()
        door = Door(self._world.brand_id, self._world.brand.mode, "stripe", self._id)
        if isinstance(body, bytes):
            return inbox.pulled(door, "p", "s", body, now)
        return inbox.delivery(door, {}, body.body, platform_delivery_id="d", subject="s", kept=(), now=now)

    def _order(self, external_id: str) -> StoredOrder | None:
        name = order_id(self._world.brand_id, self._id, external_id)
        return load(self._world.deployment.database, self._world.brand_id, name)

    def earned(self, *external_ids: str) -> dict[str, int]:
        """What creators have of all that may have become an order of its own."""
        names = {creator: life for life, creator in self._world.creators.items()}
        sums: dict[str, int] = {}
        for order in filter(None, map(self._order, external_ids)):
            for each in order.commissions:
                name = names[each.creator_id]
                sums[name] = sums.get(name, 0) + each.earned - each.reversed
        return sums


def told(kind: str, what: dict[str, Any], second: int = 0) -> Request:
    return event(kind, what, BEFORE + second)


def bought(**changes: Any) -> dict[str, Any]:
    """36.00 without tax, of which Noa has 12.75 %."""
    return session(created=BORN, **(BY_NOA | changes))


def invoiced(subscription: str | None = None, **changes: Any) -> dict[str, Any]:
    """The same sale as its invoice tells it."""
    said = invoice(subscription=subscription, created=BORN, total=3888, total_excluding_tax=3600, total_taxes=TAX)
    return said | {"lines": {"data": [line(amount=3600, taxes=TAX)]}} | changes


def paid_by(payment: str = "pi_1") -> Request:
    what = {"id": "inpay_1", "object": "invoice_payment", "invoice": "in_1", "payment": {"payment_intent": payment}}
    return told("invoice_payment.paid", what, 20)


def given_back(amount: int, **changes: Any) -> Request:
    return told("refund.created", refund(1, amount, created=BORN + 50, **changes), 50)


def in_every_order(world: World, bodies: Sequence[Request | bytes]) -> list[Connection]:
    return [Connection(world, str(number), each) for number, each in enumerate(permutations(bodies))]


def test_a_subscription_s_session_invoice_payment_and_refund(world: World) -> None:
    """A quarter of what was paid is given back."""
    checkout = bought(mode="subscription", invoice="in_1", subscription="sub_1", payment_intent=None)
    bodies: list[Request | bytes] = [
        told("checkout.session.completed", checkout, 30),
        told("invoice.paid", invoiced("sub_1"), 10),
        paid_by(),
        given_back(972),
    ]
    for connection in in_every_order(world, bodies):
        assert connection.earned("in_1", "cs_live_1") == {"noa": 344}


def test_a_subscription_s_session_that_names_no_invoice(world: World) -> None:
    """Older versions tell of the subscription alone, whose first invoice is this sale."""
    checkout = bought(mode="subscription", subscription="sub_1", payment_intent=None)
    del checkout["invoice"]
    bodies: list[Request | bytes] = [
        told("checkout.session.completed", checkout, 30),
        told("invoice.paid", invoiced("sub_1", billing_reason="subscription_create"), 10),
        paid_by(),
        given_back(972),
    ]
    for connection in in_every_order(world, bodies):
        assert connection.earned("in_1", "cs_live_1") == {"noa": 344}


def test_a_session_whose_invoice_turns_up_later(world: World) -> None:
    """Only its payment says whose invoice it is; the refund came before all of them, or between, or after."""
    checkout = bought(invoice_creation={"enabled": True})
    payments: dict[str, Any] = {"payments": {"data": [{"payment": {"payment_intent": "pi_1"}, "status": "paid"}]}}
    bodies: list[Request | bytes] = [
        told("checkout.session.completed", checkout, 30),
        answer("invoice", invoiced(**payments), line(amount=3600, taxes=TAX), second=BEFORE + 40),
        paid_by(),
        given_back(972),
    ]
    for connection in in_every_order(world, bodies):
        assert connection.earned("in_1", "cs_live_1") == {"noa": 344}


def test_a_session_that_names_its_invoice_once_the_bank_has_paid(world: World) -> None:
    unpaid = bought(invoice_creation={"enabled": True}, payment_status="unpaid")
    bodies: list[Request | bytes] = [
        told("checkout.session.completed", unpaid, 30),
        told("checkout.session.async_payment_succeeded", unpaid | {"invoice": "in_1", "payment_status": "paid"}, 600),
    ]
    for connection in in_every_order(world, bodies):
        assert connection.earned("in_1", "cs_live_1") == {"noa": 459}


def test_a_session_whose_payment_is_told_of_before_anybody_has_told_the_order(world: World) -> None:
    """Nobody asks Stripe here: all that is known of the invoice is that this payment paid it."""
    checkout = bought(invoice_creation={"enabled": True})
    bodies: list[Request | bytes] = [told("checkout.session.completed", checkout, 30), paid_by(), given_back(972)]
    for connection in in_every_order(world, bodies):
        assert connection.earned("in_1", "cs_live_1") == {"noa": 344}


def test_a_session_that_is_paid_late_and_whose_payment_is_told_of_first(world: World) -> None:
    unpaid = bought(invoice_creation={"enabled": True}, payment_status="unpaid")
    bodies: list[Request | bytes] = [
        told("checkout.session.completed", unpaid, 30),
        told("checkout.session.async_payment_succeeded", unpaid | {"payment_status": "paid"}, 600),
        paid_by(),
    ]
    for connection in in_every_order(world, bodies):
        assert connection.earned("in_1", "cs_live_1") == {"noa": 459}


@pytest.mark.parametrize("code, owner, net", [("SPRING", "tal", 280), ("NOA10", "noa", 459)])
@pytest.mark.parametrize("named", [True, False])
def test_the_day_of_a_sale_is_its_invoice_s_whatever_was_guessed_before(
    world: World, code: str, owner: str, net: int, *, named: bool
) -> None:
    """Between the session and its invoice a code changes hands, and other terms come into force."""
    change = int(times.parse(CHANGED).timestamp()) - BORN
    bought_by = {"mode": "subscription", "invoice": "in_1", "subscription": "sub_1", "payment_intent": None}
    how = bought_by if named else {"invoice_creation": {"enabled": True}}
    checkout = bought(metadata={"code": code}, **how) | {"created": BORN + change - 600}
    payments = {"payments": {"data": [{"payment": {"payment_intent": "pi_1"}, "status": "paid"}]}}
    made = invoiced("sub_1" if named else None, **payments) | {"created": BORN + change + 600}
    second = change + 620
    bodies: list[Request | bytes] = [
        told("checkout.session.completed", checkout, second),
        told("invoice.paid", made, second)
        if named
        else answer("invoice", made, line(amount=3600, taxes=TAX), second=BEFORE + second),
        paid_by(),
    ]
    for connection in in_every_order(world, bodies):
        assert {each: has for each, has in connection.earned("in_1", "cs_live_1").items() if has} == {owner: net}


@pytest.mark.parametrize("end, noa", [("won", 459), ("lost", 344)])
def test_a_dispute_and_a_refund_that_failed(world: World, end: str, noa: int) -> None:
    failed = refund(1, 1944, created=BORN + 50, status="failed")
    bodies: list[Request | bytes] = [
        told("charge.dispute.closed", dispute(end, 972), 900),
        told("refund.failed", failed, 950),
        given_back(1944),
        told("checkout.session.completed", bought(), 30),
    ]
    for connection in in_every_order(world, bodies):
        assert connection.earned("cs_live_1") == {"noa": noa}


def test_a_product_s_rule_holds_once_stripe_was_asked(world: World) -> None:
    """The program gives 1.55 for each tote: which of all this was one, only the API tells."""
    placed = told("checkout.session.completed", bought(), 30)
    totes = item(price={"product": {"id": "prod_tote", "metadata": {"sku": "TOTE-01"}}})
    asked = answer("session", bought(), totes, second=BEFORE + 30)
    assert Connection(world, "event", [placed]).earned("cs_live_1") == {"noa": 459}
    for connection in in_every_order(world, [placed, asked]):
        assert connection.earned("cs_live_1") == {"noa": 310}


def test_a_code_that_was_typed_counts_once_stripe_was_asked(world: World) -> None:
    placed = told("checkout.session.completed", bought(metadata={}), 30)
    promoted = {"coupon": None, "promotion_code": {"id": "promo_1", "code": "NOA10"}}
    asked = answer("session", bought(metadata={}, discounts=[promoted]), item(), second=BEFORE + 30)
    assert Connection(world, "event", [placed]).earned("cs_live_1") == {}
    for connection in in_every_order(world, [placed, asked]):
        assert connection.earned("cs_live_1") == {"noa": 459}


@pytest.mark.parametrize("first", ["session", "invoice"])
@pytest.mark.parametrize("aside", [True, False])
def test_a_young_click_is_waited_for_whichever_object_names_it(world: World, first: str, *, aside: bool) -> None:
    """Its record, which knows of an earlier click, comes only after the order is known."""
    clicked = world.deployment.now() - timedelta(minutes=2)
    trail = world.click("tal", clicked - timedelta(days=1))
    click = world.click("mia", clicked, recorded=False)
    born = int(world.deployment.now().timestamp()) - 60
    second, dated = born - BORN + BEFORE, {"created": born}
    said = {"metadata": {}, "client_reference_id": click, "created": born}
    payments: dict[str, Any] = {"payments": {"data": [{"payment": {"payment_intent": "pi_1"}, "status": "paid"}]}}
    if aside:
        checkout = bought(mode="subscription", subscription="sub_1", payment_intent=None) | said
        del checkout["invoice"]
        made: Request | bytes = event(
            "invoice.paid", invoiced("sub_1", billing_reason="subscription_create") | dated, second
        )
    else:
        checkout = bought(invoice_creation={"enabled": True}) | said
        made = answer("invoice", invoiced(**payments) | dated, line(amount=3600, taxes=TAX), second=second)
    session_first: list[Request | bytes] = [event("checkout.session.completed", checkout, second), made]
    connection = Connection(world, first, [])
    stored = [connection.stored(body) for body in (session_first if first == "session" else session_first[::-1])]
    endings = [deliveries.settle_delivery(world.deployment, delivery).ending for delivery in stored]
    assert "deferred" in endings
    world.click("mia", clicked, trail=[trail])
    for delivery in stored:
        deliveries.settle_delivery(world.deployment, delivery)
    assert connection.earned("in_1", "cs_live_1") == {"mia": 140, "tal": 140}

"""Every call to AWS and to the platform fails in turn: what failed comes again, and the books are those of a clean run.

One break falls anywhere on the whole way of a webhook: where it comes in, where it is settled, where the platform is
asked, where its answer is settled; of a look at what has changed; of a buyer who is to be forgotten. What fails comes
again as its queue, the stream or the platform would bring it, a minute later and to a process that knows nothing; by
then the stream may have brought what was stored.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from typing import Any, ClassVar, override

import pytest

from attribution import fetch, privacy, wake
from tests.faults.injection import Died, Faults, forget, injected
from tests.faults.stories import ACTS, Sent, Stage, coupon, discount, discounted, sell_on_tiktok, staged
from tests.faults.world import Context, Stored, World, cold_start, engine, event, functions, later
from tests.fixtures import NOON, Clock
from tests.platforms.test_signing import SHOPIFY
from tests.standins import bigcommerce, square, stripe, tiktok_shop
from tests.standins.server import Fault, busy, cut, failing, hangs_up
from vouch.service import mint, reconciliations
from vouch.service import privacy as asked_by_platforms
from vouch.service.deployment import Deployment
from vouch.store import inbox
from vouch.store import reconciliations as stored_looks
from vouch.store.tables import Reconciliation

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
FAULTS: dict[str, Fault] = {
    "hangs up": hangs_up,  # that its answer got lost is the same: nothing is asked for that takes effect there
    "cuts its answer": cut,
    "fails": failing(500),
    "is busy": busy(),
}
_READING = {"GetItem", "Query", "BatchGetItem", "get_object", "get_secret_value", "decrypt"}
_TRIES_MAX = 4
_ROUNDS_MAX = 50


class Flow:
    """Something that happens at a platform: what was told of it `before` without faults, and what is told `now`."""

    platform: ClassVar[str]
    operations: ClassVar[set[str]]
    """Calls that are surely among those that fail."""
    paths: ClassVar[int] = 0
    """So many requests at least are made to the platform."""
    comes_to: ClassVar[Any] = None
    """The `outcome` of every run."""

    def __init__(self, stage: Stage, number: int) -> None:
        self.stage = stage
        self.number = number
        self.api: Any = stage.api

    @classmethod
    def prepare(cls, stage: Stage) -> None:
        """What all runs share."""

    def before(self) -> Sequence[Sent]:
        return ()

    def now(self) -> Sequence[Sent]:
        return ()

    def also(self) -> None:
        """What else begins now, as often as it fails."""

    @property
    def names(self) -> Sequence[str]:
        """What the platform calls the order, or what may become one."""
        raise NotImplementedError

    def outcome(self) -> Any:
        """What else there is to compare."""
        return None

    @classmethod
    def afterwards(cls, stage: Stage) -> None:
        """What is true of all runs together."""


_WHOLE_WAY = {"GetItem", "PutItem", "Query", "BatchGetItem", "TransactWriteItems", "send_message", "decrypt"}


class SaleOnTikTok(Flow):
    platform = "tiktok_shop"
    operations = _WHOLE_WAY
    paths = 5

    @override
    @classmethod
    def prepare(cls, stage: Stage) -> None:
        sell_on_tiktok(stage.world)

    @property
    def order(self) -> str:
        return f"57646121643{self.number:07}"

    def sell(self) -> None:
        self.api.place(self.order, tiktok_shop.Unit(), tiktok_shop.Unit("30.00", seller_off="3.00"))
        self.api.sold_by(self.order, "dan.sells", "1.00")
        self.api.becomes(self.order, "AWAITING_SHIPMENT")

    @override
    def now(self) -> Sequence[Sent]:
        self.sell()
        return [self.api.status_webhook(self.order)]

    @property
    @override
    def names(self) -> Sequence[str]:
        return [self.order]


class ReturnOnTikTok(SaleOnTikTok):
    @override
    def before(self) -> Sequence[Sent]:
        self.sell()
        return [self.api.status_webhook(self.order)]

    @override
    def now(self) -> Sequence[Sent]:
        self.api.give_back(self.order, f"R{self.number}", {1: "12.50"})
        return [self.api.return_webhook(f"R{self.number}")]


class Look(Flow):
    """Nothing is told of what happens now: the platform is asked what has changed."""

    operations: ClassVar[set[str]] = {*_WHOLE_WAY}
    comes_to = ("done", 1, 1, 0, True)
    look = ""

    def happens(self) -> None:
        super().now()

    @override
    def now(self) -> Sequence[Sent]:
        self.stage.clock.pass_(MINUTE)
        self.happens()
        self.stage.clock.pass_(MINUTE)
        return ()

    @override
    def also(self) -> None:
        self.look = _begun(self.stage, self.stage.clock() - timedelta(minutes=30))

    @override
    def outcome(self) -> Any:
        look = _stored(self.stage, self.look)
        is_named = [name for _, name in look.orders] == self.names
        return look.status, look.looked_at, look.healed, look.unreadable, is_named

    @override
    @classmethod
    def afterwards(cls, stage: Stage) -> None:
        look_id = _begun(stage, NOON + DAY)
        stage.door.run()
        look = _stored(stage, look_id)
        assert (look.status, look.healed, look.unreadable) == ("done", 0, 0), look.orders
        assert look.looked_at > 1


def _begun(stage: Stage, since: datetime) -> str:
    deployment = stage.world.deployment
    minted = mint.fresh(deployment)
    return reconciliations.started(deployment, minted, stage.world.brand, stage.door.connection_id, since).id


def _stored(stage: Stage, look_id: str) -> Reconciliation:
    world = stage.world
    look = stored_looks.found(world.deployment.database, world.brand_id, stage.door.connection_id, look_id)
    assert look is not None
    return look


class LookAtTikTok(Look, SaleOnTikTok):
    pass


class SaleByStripe(Flow):
    platform = "stripe"
    operations = _WHOLE_WAY
    paths = 2

    def check_out(self, **changes: Any) -> bytes:
        self.api.now = int(self.stage.clock().timestamp())
        said = stripe.session(self.number, created=self.api.now, metadata={"code": "DAN10"}, **changes)
        told: bytes = self.api.check_out(said, stripe.item(self.number))
        return told

    @override
    def now(self) -> Sequence[Sent]:
        return [self.check_out()]

    @property
    @override
    def names(self) -> Sequence[str]:
        return [f"cs_live_{self.number}", f"in_{self.number}"]


class RefundsByStripe(SaleByStripe):
    """The refund itself, and the charge that tells no more than a sum, before the session that they are about."""

    @override
    def now(self) -> Sequence[Sent]:
        self.api.now = int(self.stage.clock().timestamp())
        refunds = self.api.give_back(f"ch_{self.number}", f"pi_{self.number}", 972)
        return [*refunds, self.api.dispute(f"pi_{self.number}", 300, "closed", "lost"), self.check_out()]


class InvoiceOfStripe(SaleByStripe):
    """It names no session, and says nothing before it was asked about."""

    paths = 1

    @override
    def before(self) -> Sequence[Sent]:
        return [self.check_out(invoice_creation={"enabled": True})]

    @override
    def now(self) -> Sequence[Sent]:
        taxes = [{"amount": 288, "tax_behavior": "exclusive"}]
        totals = {"subtotal": 3600, "total": 3888, "total_excluding_tax": 3600, "total_taxes": taxes}
        made = stripe.invoice(self.number, None, created=self.api.now, **totals)
        line = stripe.line(self.number, amount=3600, taxes=taxes)
        return [told for told in self.api.pay(made, line, by=f"pi_{self.number}") if told is not None]


class LookAtStripe(Look, SaleByStripe):
    paths = 1

    @property
    @override
    def names(self) -> Sequence[str]:
        return [f"cs_live_{self.number}"]


class SaleAtSquare(Flow):
    platform = "square"
    operations = _WHOLE_WAY
    paths = 1

    def __init__(self, stage: Stage, number: int) -> None:
        super().__init__(stage, number)
        line = square.line("a", 2160, quantity="2", tax=160, discount=200)
        self.api.is_at(stage.clock())
        self.order: str = self.api.place(line, **discounted("DAN10"))
        self.payment = ""

    def pay(self) -> bytes:
        self.payment = self.api.pay(self.order)
        told: bytes = self.api.payment_event(self.payment)
        return told

    @override
    def now(self) -> Sequence[Sent]:
        return [self.pay()]

    @property
    @override
    def names(self) -> Sequence[str]:
        return [self.order]


class RefundAtSquare(SaleAtSquare):
    """It is heard before the payment that it is about."""

    paths = 3

    @override
    def now(self) -> Sequence[Sent]:
        paid = self.pay()
        return [self.give_back(), paid]

    def give_back(self) -> bytes:
        parts = {"a": {"quantity": "1", "total_money": square.usd(1080), "total_tax_money": square.usd(80)}}
        refund = self.api.give_back(self.payment, 1080, parts)
        self.api.end_refund(refund)
        told: bytes = self.api.refund_event(refund)
        return told


class LookAtSquare(Look, RefundAtSquare):
    paths = 5
    comes_to = ("done", 2, 2, 0, True)


class LaterLookAtSquare(Look, RefundAtSquare):
    """The refund alone was not told, and it names the payment."""

    paths = 5
    comes_to = ("done", 2, 1, 0, False)

    @override
    def before(self) -> Sequence[Sent]:
        return [self.pay()]

    @override
    def happens(self) -> None:
        self.give_back()


class SaleAtBigCommerce(Flow):
    platform = "bigcommerce"
    operations = _WHOLE_WAY
    paths = 6
    order = 0

    @override
    def now(self) -> Sequence[Sent]:
        self.order = self.api.place(bigcommerce.Item("20.00", quantity=2), code="dan10")
        self.api.refund(self.order, (0, 1))
        return [self.api.webhooks[-1]]

    @property
    @override
    def names(self) -> Sequence[str]:
        return [str(self.order)]


class LookAtBigCommerce(Look, SaleAtBigCommerce):
    paths = 7


class RefundInWooCommerce(Flow):
    """The order counts by what its webhook says, and again when the shop has told which lines came back."""

    platform = "woocommerce"
    operations = _WHOLE_WAY
    paths = 2
    order = 0

    def sell(self) -> None:
        self.order = self.api.place({"total": "100.00", "quantity": 2}, **coupon("dan10"))

    @override
    def now(self) -> Sequence[Sent]:
        self.sell()
        self.api.refund(self.order, (0, 1, "50.00"), shipping="5.00")
        sent: Sequence[Sent] = self.api.send()[-1:]
        return sent

    @property
    @override
    def names(self) -> Sequence[str]:
        return [str(self.order)]


class LookAtWooCommerce(Look, RefundInWooCommerce):
    paths = 3


class LaterLookAtWooCommerce(LookAtWooCommerce):
    """The order was told, and not that it went to the trash."""

    paths = 2

    @override
    def before(self) -> Sequence[Sent]:
        self.sell()
        told: Sequence[Sent] = self.api.send()
        return told

    @override
    def happens(self) -> None:
        self.api.trash(self.order)


class SaleInShopify(Flow):
    platform = "shopify"
    order = 0

    def sell(self) -> Sequence[Sent]:
        self.order = self.api.place({"price": "60.00", "quantity": 2}, **discount("DAN10"))
        told: Sequence[Sent] = self.api.webhooks[-2:]
        return told

    @property
    @override
    def names(self) -> Sequence[str]:
        return [str(self.order)]


class LookAtShopify(Look, SaleInShopify):
    paths = 1

    @override
    def happens(self) -> None:
        self.sell()
        self.api.refund(self.order, (0, 1))


class LaterLookAtShopify(LookAtShopify):
    """The order was told, and no more: not that it was called off."""

    @override
    def before(self) -> Sequence[Sent]:
        return self.sell()

    @override
    def happens(self) -> None:
        self.api.cancel(self.order)


class BuyerOfShopify(SaleInShopify):
    """A buyer is forgotten: what they bought by stays in the books, what it was told by goes."""

    operations: ClassVar[set[str]] = {"GetItem", "PutItem", "Query", "send_message", "decrypt"}
    comes_to = (0, 0)

    @override
    def before(self) -> Sequence[Sent]:
        return self.sell()

    @override
    def now(self) -> Sequence[Sent]:
        shop = b'"shop_id":954889,"shop_domain":"oasis-threads-demo.myshopify.com"'
        asked = b'{%s,"customer":{"id":1,"email":"x@example.com"},"orders_to_redact":[%d]}' % (shop, self.order)
        name = f"redact-{self.number}"
        return [SHOPIFY.request(asked, x_shopify_topic="customers/redact", x_shopify_webhook_id=name)]

    @override
    def outcome(self) -> Any:
        world, door = self.stage.world, self.stage.door
        left = [*inbox.of_order(world.deployment.database, world.brand_id, door.connection_id, str(self.order))]
        record = asked_by_platforms.listed(world.deployment, world.brand, limit=1, cursor=None).items[0]
        assert (record.status, record.erased, len(record.orders)) == ("done", 2, 1)
        return len(left), record.left


FLOWS: tuple[type[Flow], ...] = (
    SaleOnTikTok, ReturnOnTikTok, LookAtTikTok, SaleByStripe, RefundsByStripe, InvoiceOfStripe, LookAtStripe,
    SaleAtSquare, RefundAtSquare, LookAtSquare, LaterLookAtSquare,
    SaleAtBigCommerce, LookAtBigCommerce,
    RefundInWooCommerce, LookAtWooCommerce, LaterLookAtWooCommerce,
    LookAtShopify, LaterLookAtShopify, BuyerOfShopify,
)  # fmt: skip


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.__name__)
def test_whatever_call_fails_on_the_way_the_books_are_those_of_a_clean_run(
    deployment: Deployment, clock: Clock, monkeypatch: pytest.MonkeyPatch, flow: type[Flow]
) -> None:
    monkeypatch.setattr(inbox, "HOUR_SHARDS", 1)
    clock.now = NOON + DAY
    act = next(act for act in ACTS if act.platform == flow.platform)
    with injected(deployment) as faults, functions(deployment):
        world = World(deployment).build()
        with staged(world, clock, act) as stage:
            flow.prepare(stage)
            sweep = _Sweep(stage, faults, flow)
            sweep.run()  # the first one finds less
            clean = sweep.run()
            books, *others = clean.outcome
            assert any(books)
            assert others == [flow.comes_to, []]
            for number, operation in enumerate(clean.calls, start=1):
                for kind, result in sweep.broken(number, operation):
                    assert result.outcome == clean.outcome, f"{kind}: {operation}, call {number} of {result.calls}"
            for number, path in enumerate(clean.paths):
                for kind, fault in FAULTS.items():
                    result = sweep.run(answers=[*[None] * number, fault])
                    assert result.outcome == clean.outcome, f"the platform {kind}: {path}, request {number + 1}"
            flow.afterwards(stage)
        world.assert_invariants()
    assert flow.operations <= {*clean.calls}
    assert len(clean.paths) >= flow.paths


class _Result:
    """What was called on the way, of AWS and of the platform, and what came of it in the end.

    It `was_overtaken` if the stream brought anything before what had failed came again.
    """

    def __init__(self, calls: list[str], paths: list[str], outcome: Any, *, was_overtaken: bool) -> None:
        self.calls = calls
        self.paths = paths
        self.outcome = outcome
        self.was_overtaken = was_overtaken


class _Sweep:
    """The same flow over and over, each time with an order of its own."""

    def __init__(self, stage: Stage, faults: Faults, flow: type[Flow]) -> None:
        self._stage = stage
        self._faults = faults
        self._flow = flow
        self._numbers = count(1)

    def broken(self, number: int, operation: str) -> Iterator[tuple[str, _Result]]:
        """All ways that differ here in which that call breaks; `tests.faults.test_sweep` goes through all there are."""
        yield "fails before", self.run(number=number, kind="fails before")
        if operation in _READING:
            return
        yield "fails after", self.run(number=number, kind="fails after")
        result = self.run(number=number, kind="crash after", stream_first=True)
        yield "crash after, and the stream goes on", result
        if result.was_overtaken:
            yield "crash after", self.run(number=number, kind="crash after")

    def run(
        self, *, number: int = 0, kind: str = "", stream_first: bool = False, answers: Sequence[Fault | None] = ()
    ) -> _Result:
        """Once, in which the call with that number fails, or the platform answers like this."""
        stage, deployment = self._stage, self._stage.world.deployment
        flow = self._flow(stage, next(self._numbers))
        line = _Line(stage, stream_first=stream_first)
        if told := flow.before():
            line.work_off(told)
        told = flow.now()
        line.restart()
        asked = len(stage.api.asked)
        stage.api.faults.extend(answers)
        with self._faults.breaking(number, kind):
            line.until(flow.also)
            line.work_off(told)
            calls = [*self._faults.calls]
        paths = [each.path for each in stage.api.asked[asked:]]
        assert not stage.api.faults, "not so many requests"
        outcome = (self._books(flow), flow.outcome(), [note.reason for note in stage.world.parked()])
        line.clear()
        later(deployment, timedelta(hours=1))
        return _Result(calls, paths, outcome, was_overtaken=line.was_overtaken)

    def _books(self, flow: Flow) -> Any:
        """What each order shows but for its times, and what each creator has of it; the invariants hold the ledger."""
        orders = [self._stage.door.known(name) for name in flow.names]
        return [
            order
            and (
                [order.summary[key] for key in ("status", "reason", "base", "refunded_base")],
                [(item.creator_id, item.earned, item.reversed, item.held) for item in order.commissions],
            )
            for order in orders
        ]


class _Line:
    """The functions one behind the other, as their triggers drive them: what fails comes again, to a cold process."""

    def __init__(self, stage: Stage, *, stream_first: bool) -> None:
        self.was_overtaken = False
        self._stage = stage
        self._world = stage.world
        self._images: list[Stored] = []
        self._stream_first = stream_first

    def work_off(self, told: Sequence[Sent]) -> None:
        """The platform tells these, and all that follows is done, in time as it goes by."""
        for sent in told:
            self.until(partial(self._post, sent))
        for _ in range(_ROUNDS_MAX):
            fresh = self._flow_on()
            messages = [*self._messages()]
            for handler, message in messages:
                self.until(partial(self._take, handler, message))
            if not fresh and not messages:
                return
        raise AssertionError("it never comes to an end")

    def until(self, do: Callable[[], object]) -> None:
        """Does it again, as often as it fails."""
        for _ in range(_TRIES_MAX):
            with suppress(Exception, Died):
                do()
                return
            self.restart()
            later(self._world.deployment, MINUTE)
            if self._stream_first and self._flow_on():
                self.was_overtaken = True
        do()

    def restart(self) -> None:
        """The next call meets a new process."""
        forget(self._world.deployment)
        cold_start(self._world.deployment)

    def clear(self) -> None:
        """Takes this run's deliveries out of the next one's way."""
        client, table = engine(self._world.deployment), self._world.deployment.settings.inbox_table
        keys = [{"pk": image["pk"], "sk": image["sk"]} for image in self._images]
        client.batch_write_item(RequestItems={table: [{"DeleteRequest": {"Key": key}} for key in keys]})

    def _flow_on(self) -> Sequence[Stored]:
        """The stream brings what was stored."""
        fresh = self._stage.door.fresh()
        self._images += fresh
        for image in fresh:
            self.until(partial(self._world.settle, [image]))
        return fresh

    def _post(self, sent: Sent) -> None:
        answer = self._stage.door.post(self._stage.request(sent))
        if answer["statusCode"] != 200:
            raise Failed(answer)

    def _take(self, handler: Any, message: str) -> None:
        asked = event("wake")
        asked["Records"][0]["body"] = message
        failures = handler(asked, Context())["batchItemFailures"]
        if failures:
            raise Failed(failures)

    def _messages(self) -> Iterator[tuple[Any, str]]:
        settings = self._world.deployment.settings
        queues = {settings.fetch_queue_url: fetch, settings.privacy_queue_url: privacy, settings.wake_queue_url: wake}
        for queue, function in queues.items():
            for message in self._world.deployment.sqs.sent.pop(queue, ()):
                later(self._world.deployment, timedelta(seconds=message["DelaySeconds"]))
                yield function.handler, message["MessageBody"]


class Failed(Exception):
    """It was said that it has to come again."""

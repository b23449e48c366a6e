"""Keeping in step with platforms: what their webhooks failed to bring is healed and counted once, and nothing else."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest

from attribution import fetch, reconcile
from tests.faults.doors import Door, on_this_machine
from tests.faults.injection import Died, injected
from tests.faults.stories import discount, discounted, sell_on_tiktok
from tests.faults.world import BEGAN, Context, World, event, functions, later
from tests.fixtures import Clock
from tests.platforms import samples
from tests.standins import bigcommerce, shopify, square, stripe, tiktok_shop, woocommerce
from tests.standins.server import Fault, StandIn, Told, busy, cut, failing, hangs_up, lost
from vouch.domain import times
from vouch.domain.errors import NotFound, Unprocessable
from vouch.platforms import shopify as adapter
from vouch.platforms.base import Request
from vouch.platforms.registry import PLATFORMS
from vouch.service import mint, reconciliations
from vouch.service.deployment import Deployment
from vouch.store import brands, inbox
from vouch.store import reconciliations as stored
from vouch.store.tables import Brand, ConnectionItem, Delivery, Reconciliation

SHIRT: dict[str, Any] = {"price": "20.00", "quantity": 1}
"""12.75 % of it are 2.55."""
BY_DAN = discount("DAN10")
HOUR = timedelta(hours=1)


@pytest.fixture
def shop(world: World, clock: Clock) -> Iterator[shopify.Shopify]:
    with on_this_machine(world), shopify.Shopify(clock) as stand_in:
        yield stand_in


@pytest.fixture
def door(world: World, shop: shopify.Shopify) -> Door:
    return connected(world, shop)


def connected(world: World, shop: shopify.Shopify, token: str = shopify.TOKEN, name: str = shopify.SHOP) -> Door:
    return Door(world, "shopify", samples.SHOPIFY_SECRET, shop=name, api_base_url=shop.address, api_token=token)


def begin(door: Door, since: datetime | None = None) -> Reconciliation:
    deployment = door.world.deployment
    return reconciliations.started(deployment, mint.fresh(deployment), door.world.brand, door.connection_id, since)


def now(door: Door, look: Reconciliation) -> Reconciliation:
    return reconciliations.found(door.world.deployment, door.world.brand, door.connection_id, look.id)


def ended(door: Door, since: datetime | None = None) -> Reconciliation:
    """A look, once everything is worked off."""
    look = begin(door, since)
    door.run()
    return now(door, look)


def counts(look: Reconciliation) -> tuple[str, int, int, int]:
    return look.status, look.looked_at, look.healed, look.unreadable


def messages(world: World) -> list[dict[str, Any]]:
    sent = world.deployment.sqs.sent.get(world.deployment.settings.fetch_queue_url, ())
    return [json.loads(message["MessageBody"]) | {"delay": message["DelaySeconds"]} for message in sent]


def take(world: World) -> str:
    """The next message of the fetch queue, once it comes."""
    message = world.deployment.sqs.sent[world.deployment.settings.fetch_queue_url].popleft()
    later(world.deployment, timedelta(seconds=message["DelaySeconds"]))
    body: str = message["MessageBody"]
    return body


def step(world: World, message: str | None = None, milliseconds: Callable[[], int] = lambda: 60_000) -> None:
    """Works off one message, as the queue hands it on."""
    asked = event("fetch")
    asked["Records"][0]["body"] = take(world) if message is None else message
    assert fetch.handler(asked, Context(milliseconds)) == {"batchItemFailures": []}


def pulled(world: World) -> list[str]:
    """Of each delivery that a reconciliation has brought, by which."""
    return [item.answers for item in Delivery.scan(Delivery.answers.startswith(stored.PREFIX), consistent_read=True)]


# --- what is healed ---------------------------------------------------------------------------------------------------


def test_what_no_webhook_told_is_settled_and_counted_once(world: World, shop: shopify.Shopify, door: Door) -> None:
    order = str(shop.place(SHIRT, **BY_DAN))
    look = ended(door)
    assert counts(look) == ("done", 1, 1, 0)
    assert look.orders == [[door.order_id(order), order]]
    assert door.earned(order) == {"dan": 255}
    again = ended(door)
    assert counts(again) == ("done", 1, 0, 0)
    assert (len(pulled(world)), door.earned(order)) == (1, {"dan": 255})
    world.assert_invariants()


def test_the_webhook_that_comes_after_all_changes_nothing(world: World, shop: shopify.Shopify, door: Door) -> None:
    order = str(shop.place(SHIRT, **BY_DAN))
    ended(door)
    door.deliver(*shop.webhooks)
    door.run()
    assert door.earned(order) == {"dan": 255}


def test_where_nothing_was_lost_nothing_is_stored(world: World, shop: shopify.Shopify, door: Door) -> None:
    order = shop.place(SHIRT, SHIRT, **BY_DAN)
    shop.refund(order, (0, 1))
    door.deliver(*shop.webhooks)
    door.run()
    before = world.stored_count()
    assert counts(ended(door)) == ("done", 1, 0, 0)
    assert world.stored_count() == before


@pytest.mark.parametrize(
    "change, left",
    [
        (lambda shop, order: shop.refund(order, (0, 1)), {"dan": 255}),
        (lambda shop, order: shop.remove(order, 1), {"dan": 255}),
        (lambda shop, order: shop.cancel(order), {}),
        (lambda shop, order: (shop.add(order, SHIRT), shop.collect(order)), {"dan": 765}),
    ],
    ids=["refund", "edit", "cancellation", "line added"],
)
def test_a_change_that_was_lost_is_healed(
    shop: shopify.Shopify,
    door: Door,
    clock: Clock,
    change: Callable[[shopify.Shopify, int], object],
    left: dict[str, int],
) -> None:
    order = shop.place(SHIRT, SHIRT, **BY_DAN)
    door.deliver(*shop.webhooks)
    door.run()
    assert door.earned(str(order)) == {"dan": 510}
    clock.pass_(HOUR)
    change(shop, order)
    assert counts(ended(door)) == ("done", 1, 1, 0)
    assert door.earned(str(order)) == left


def test_what_cannot_be_read_is_stored_where_a_person_sees_it(
    world: World, shop: shopify.Shopify, door: Door, clock: Clock
) -> None:
    broken, sound = shop.place(SHIRT, currency="?"), shop.place(SHIRT, **BY_DAN)
    look = ended(door)
    assert counts(look) == ("done", 2, 1, 1)
    assert [external_id for _, external_id in look.orders] == [str(sound)]
    [note] = world.parked()
    assert str(broken) in note.inbox_pk
    clock.pass_(HOUR / 2)
    assert counts(ended(door)) == ("done", 2, 0, 1)
    assert len(world.parked()) == 1


# --- every platform ---------------------------------------------------------------------------------------------------


@dataclass
class Sale:
    """How a platform sells something of Dan's; the webhooks that tell of it, signed or as bodies that are not."""

    platform: str
    secret: str
    stand_in: Callable[[Clock], StandIn]
    sell: Callable[[Any, World], tuple[str, Sequence[Request | bytes]]]
    """Answers the order's external id, or those under which the sale may become one, and the webhooks."""
    earned: dict[str, int]
    settings: dict[str, str] = field(default_factory=dict)
    changes: int = 1


def _sell_shopify(shop: shopify.Shopify, _: World) -> tuple[str, Sequence[Request]]:
    return str(shop.place(SHIRT, **BY_DAN)), shop.webhooks


def _sell_woocommerce(shop: woocommerce.WooCommerce, _: World) -> tuple[str, Sequence[Request]]:
    coupon = {"id": 1, "code": "dan10", "discount": "0.00"}
    return str(shop.place({"total": "20.00", "quantity": 1}, coupon_lines=[coupon])), shop.send()


def _sell_stripe(api: stripe.StripeApi, world: World) -> tuple[str, Sequence[bytes]]:
    """A session whose invoice says whose payment it was: one sale by three events, under two names."""
    api.now = int((world.deployment.now() - HOUR).timestamp())
    taxes = [{"amount": 288, "tax_behavior": "exclusive"}]
    totals = {"subtotal": 3600, "total": 3888, "total_excluding_tax": 3600, "total_taxes": taxes}
    checkout = stripe.session(6, created=api.now, metadata={"code": "DAN10"}, invoice_creation={"enabled": True})
    told = api.check_out(checkout, stripe.item(6))
    made = stripe.invoice(6, None, created=api.now, **totals)
    paid = api.pay(made, stripe.line(6, amount=3600, taxes=taxes), by="pi_6")
    return "in_6 cs_live_6", [told, *(each for each in paid if each is not None)]


def _sell_tiktok_shop(shop: tiktok_shop.TikTokShop, world: World) -> tuple[str, Sequence[Request]]:
    sell_on_tiktok(world)
    order_id = "576461216432111000"
    shop.place(order_id, tiktok_shop.Unit("20.00"))
    shop.sold_by(order_id, "dan.sells", "1.00")
    shop.becomes(order_id, "AWAITING_SHIPMENT")
    return order_id, [shop.status_webhook(order_id)]


def _sell_square(api: square.SquareApi, _: World) -> tuple[str, Sequence[bytes]]:
    order_id = api.place(square.line("a", 2000), **discounted("DAN10"))
    payment_id = api.pay(order_id)
    return order_id, [api.payment_event(payment_id), api.order_event(order_id)]


def _sell_bigcommerce(store: bigcommerce.BigCommerce, _: World) -> tuple[str, Sequence[Request]]:
    return str(store.place(bigcommerce.Item("20.00"), code="dan10")), store.webhooks


TIKTOK = {"app_key": tiktok_shop.APP_KEY, "shop": tiktok_shop.SHOP, "api_token": tiktok_shop.TOKEN}
SALES = [
    Sale("shopify", samples.SHOPIFY_SECRET, shopify.Shopify, _sell_shopify, {"dan": 255},
         {"shop": shopify.SHOP, "api_token": shopify.TOKEN}),
    Sale("woocommerce", samples.WOOCOMMERCE_SECRET, woocommerce.WooCommerce, _sell_woocommerce, {"dan": 255},
         {"api_token": woocommerce.TOKEN}),
    Sale("stripe", samples.STRIPE_SECRET, lambda _: stripe.StripeApi(), _sell_stripe, {"dan": 459},
         {"api_token": "rk_live_reads"}, changes=3),
    Sale("tiktok_shop", samples.TIKTOK_SECRET, tiktok_shop.TikTokShop, _sell_tiktok_shop, {"dan": 100}, TIKTOK),
    Sale("square", samples.SQUARE_KEY, lambda _: square.SquareApi(), _sell_square, {"dan": 255},
         {"api_token": "square-token"}),
    Sale("bigcommerce", samples.BIGCOMMERCE_SECRET, bigcommerce.BigCommerce, _sell_bigcommerce, {"dan": 255},
         {"shop": bigcommerce.SHOP, "api_token": bigcommerce.TOKEN}),
]  # fmt: skip


@pytest.mark.parametrize("sale", SALES, ids=lambda sale: sale.platform)
@pytest.mark.parametrize("is_told", [False, True], ids=["lost", "told"])
def test_on_every_platform_what_is_lost_comes_into_the_books_and_what_is_not_is_left_alone(
    world: World, clock: Clock, sale: Sale, is_told: bool
) -> None:
    with ExitStack() as stack:
        stack.enter_context(on_this_machine(world))
        api = stack.enter_context(sale.stand_in(clock))
        door = Door(world, sale.platform, sale.secret, api_base_url=api.address, **sale.settings)
        clock.pass_(timedelta(days=2))
        names, webhooks = sale.sell(api, world)
        earned = partial(_earned, door, names.split())
        clock.pass_(HOUR)
        if is_told:
            for webhook in webhooks:
                _put(door, webhook)
            door.run()
            assert earned() == sale.earned
        before = world.stored_count()
        clock.pass_(timedelta(minutes=1))
        look = ended(door)
        assert (look.status, look.unreadable) == ("done", 0), look.reason
        assert look.healed == (0 if is_told else sale.changes)
        assert (world.stored_count() == before) is is_told
        assert earned() == sale.earned
        clock.pass_(timedelta(minutes=1))
        assert ended(door).healed == 0
        assert not world.parked()
    world.assert_invariants()


@pytest.mark.parametrize("sale", SALES, ids=lambda sale: sale.platform)
@pytest.mark.parametrize("is_settled", [False, True], ids=["not settled yet", "settled meanwhile"])
def test_on_every_platform_a_page_that_is_gone_through_again_counts_each_change_once(
    world: World, clock: Clock, monkeypatch: pytest.MonkeyPatch, sale: Sale, is_settled: bool
) -> None:
    """Its worker died; and some platforms' answers say when they were asked for."""
    moved, died = stored.moved, list[bool]()

    def dies(look: Reconciliation, known: Any) -> Any:
        if look.looked_at and not died:
            died.append(True)
            raise OSError("no answer")
        return moved(look, known)

    with ExitStack() as stack:
        stack.enter_context(on_this_machine(world))
        api = stack.enter_context(sale.stand_in(clock))
        door = Door(world, sale.platform, sale.secret, api_base_url=api.address, **sale.settings)
        clock.pass_(timedelta(days=2))
        names, _ = sale.sell(api, world)
        clock.pass_(HOUR)
        look, message = begin(door), take(world)
        monkeypatch.setattr(stored, "moved", dies)
        with suppress(AssertionError):
            step(world, message)
        assert died
        if is_settled:
            world.settle(door.fresh())
        clock.pass_(timedelta(minutes=5))
        step(world, message)
        door.run()
        after = now(door, look)
        assert (after.status, after.healed) == ("done", sale.changes)
        assert {name for _, name in after.orders} <= set(names.split())
        assert after.orders
        assert _earned(door, names.split()) == sale.earned
    world.assert_invariants()


@pytest.mark.parametrize(
    "sale, page", [(SALES[1], "woocommerce.PAGE"), (SALES[5], "bigcommerce.CHANGES")], ids=lambda each: str(each)[:12]
)
def test_what_ends_one_page_and_begins_the_next_is_counted_once(
    world: World, clock: Clock, monkeypatch: pytest.MonkeyPatch, sale: Sale, page: str
) -> None:
    monkeypatch.setattr(f"vouch.platforms.{page}", 2)
    with ExitStack() as stack:
        stack.enter_context(on_this_machine(world))
        api = stack.enter_context(sale.stand_in(clock))
        door = Door(world, sale.platform, sale.secret, api_base_url=api.address, **sale.settings)
        for _ in range(4):
            clock.pass_(timedelta(minutes=1))
            sale.sell(api, world)
        clock.pass_(HOUR)
        answer = api.answer

        def slowly(asked: Any) -> Told:
            clock.pass_(timedelta(seconds=1))
            return answer(asked)

        monkeypatch.setattr(api, "answer", slowly)
        look = ended(door)
        assert (look.status, look.healed, len(look.orders)) == ("done", 4, 4)
        assert look.looked_at > 4
    world.assert_invariants()


def _earned(door: Door, names: Sequence[str]) -> dict[str, int]:
    """What creators have of the orders that there are of these names, one of which has it all."""
    return next((found for name in names if door.known(name) and (found := door.earned(name))), {})


def _put(door: Door, webhook: Request | bytes) -> None:
    """Stores a webhook whose signature is proven elsewhere."""
    said = webhook if isinstance(webhook, Request) else Request({}, webhook)
    platform = PLATFORMS[door.platform]
    inbox.put(
        door.world.deployment.database,
        lambda: door.world.deployment.s3,
        inbox.delivery(
            inbox.Door(door.world.brand_id, door.world.brand.mode, door.platform, door.connection_id),
            said.headers,
            said.body,
            platform_delivery_id="told",
            subject=platform.subject(said),
            kept=platform.kept_headers,
            now=door.world.deployment.now(),
        ),
    )


def test_a_name_that_only_a_lost_webhook_told_is_healed(world: World, clock: Clock) -> None:
    """Which payment paid the invoice: without it a refund would wait for ever."""
    with on_this_machine(world), stripe.StripeApi() as api:
        door = Door(world, "stripe", samples.STRIPE_SECRET, api_base_url=api.address)
        clock.pass_(timedelta(days=2))
        api.now = int((clock.now - HOUR).timestamp())
        first = stripe.invoice(4, "sub_4", created=api.now, billing_reason="subscription_create")
        first["parent"]["subscription_details"]["metadata"] = {"code": "DAN10"}
        paid, by = api.pay(first, stripe.line(4), by="pi_4")
        assert by is not None
        refund, _ = api.give_back("ch_4", "pi_4", 2400, paid=2400)
        for told in (paid, refund):
            _put(door, told)
        door.run()
        assert door.earned("in_4") == {"dan": 306}
        _change(door, details={"api_base_url": api.address, "api_token": door.sealed("api_token", api.token)})
        assert ended(door).healed == 1
        assert door.earned("in_4") == {}
    world.assert_invariants()


# --- pages, and who works on them -------------------------------------------------------------------------------------


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter, "PAGE", 2)


@pytest.fixture
def five(shop: shopify.Shopify, clock: Clock) -> list[str]:
    placed = []
    for _ in range(5):
        placed.append(str(shop.place(SHIRT, **BY_DAN)))
        clock.pass_(timedelta(minutes=1))
    return placed


@pytest.mark.usefixtures("small_pages")
def test_page_by_page(world: World, shop: shopify.Shopify, door: Door, five: list[str]) -> None:
    look = ended(door)
    assert counts(look) == ("done", 5, 5, 0)
    assert [external_id for _, external_id in look.orders] == five
    assert [door.earned(order) for order in five] == [{"dan": 255}] * 5


@pytest.mark.usefixtures("small_pages")
def test_a_step_that_runs_out_of_time_is_gone_on_with(
    world: World, shop: shopify.Shopify, door: Door, five: list[str]
) -> None:
    look, asked = begin(door), len(shop.asked)
    time_left = iter([60_000, 60_000, 60_000, 1_000])
    step(world, milliseconds=lambda: next(time_left, 1_000))
    after = now(door, look)
    assert (after.status, after.looked_at, after.healed) == ("running", 2, 2)
    assert after.bookmark is not None
    assert len(messages(world)) == 1
    step(world)
    assert counts(now(door, look)) == ("done", 5, 5, 0)
    assert len(shop.asked) == asked + 3


@pytest.mark.usefixtures("small_pages")
def test_a_message_that_comes_twice_counts_nothing_twice(
    world: World, shop: shopify.Shopify, door: Door, five: list[str]
) -> None:
    look = begin(door)
    message = take(world)
    step(world, message)
    step(world, message)
    assert counts(now(door, look)) == ("done", 5, 5, 0)
    assert len(pulled(world)) == 5


@pytest.mark.usefixtures("small_pages")
def test_of_two_that_work_on_a_page_at_once_one_counts(
    world: World, shop: shopify.Shopify, door: Door, five: list[str]
) -> None:
    """The other one works while the first one waits for its answer, and settles what it has brought."""
    look = begin(door)
    message = take(world)

    def meanwhile(_: object, answer: Callable[[], Told]) -> Told:
        said = answer()
        shop._lock.release()
        try:
            step(world, message)
            world.settle(door.fresh())
        finally:
            shop._lock.acquire()
        return said

    shop.faults.append(meanwhile)
    step(world, message)
    assert counts(now(door, look)) == ("done", 5, 5, 0)
    assert len(pulled(world)) == 5
    assert [door.earned(order) for order in five] == [{"dan": 255}] * 5


@pytest.mark.usefixtures("small_pages")
def test_what_two_pages_list_is_counted_by_the_first(
    world: World, shop: shopify.Shopify, door: Door, five: list[str]
) -> None:
    pages: list[bytes] = []

    def same(_: object, answer: Callable[[], Told]) -> Told:
        told = answer()
        pages.append(told.body)
        return Told(told.status, pages[0], told.headers)

    shop.faults += [same, same, same]
    assert counts(ended(door)) == ("done", 6, 2, 0)


@pytest.mark.parametrize("kind", ["crash before", "crash after"])
def test_whichever_call_the_worker_dies_at_everything_is_counted_once(
    deployment: Deployment, clock: Clock, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(adapter, "PAGE", 1)
    monkeypatch.setattr(reconciliations, "OVERLAP", timedelta(0))
    with injected(deployment) as faults, functions(deployment), shopify.Shopify(clock) as shop:
        world = World(deployment).build()
        with on_this_machine(world):
            number = calls = 0
            while number <= calls:
                number += 1
                door = connected(world, shop, name=f"shop-{number}.myshopify.com")
                began = clock.now
                placed = [str(shop.place(SHIRT, **BY_DAN)) for _ in range(2)]
                clock.pass_(timedelta(minutes=1))
                look = begin(door, began)
                message = take(world)
                with faults.breaking(number, kind), suppress(Exception, Died):
                    step(world, message)
                calls = max(calls, len(faults.calls))
                world.settle(door.fresh())
                step(world, message)
                door.run()
                assert counts(now(door, look)) == ("done", 2, 2, 0), f"call {number} of {calls}"
                assert [door.earned(order) for order in placed] == [{"dan": 255}] * 2
                clock.pass_(timedelta(minutes=1))
        assert number > 10
        world.assert_invariants()


# --- a platform that stays away, or says no ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [busy(), failing(500), failing(503), failing(408), hangs_up, lost, cut, failing(200, b"<html>back soon</html>")],
)
def test_who_stays_away_is_asked_again(world: World, shop: shopify.Shopify, door: Door, fault: Fault) -> None:
    order = str(shop.place(SHIRT, **BY_DAN))
    shop.faults += [fault, fault]
    assert counts(ended(door)) == ("done", 1, 1, 0)
    assert door.earned(order) == {"dan": 255}


@pytest.mark.parametrize("advice, delay", [(7, 7), (899, 899), (3_000, 900)])
def test_it_is_asked_again_when_it_says(
    world: World, shop: shopify.Shopify, door: Door, clock: Clock, advice: int, delay: int
) -> None:
    shop.faults += [busy(advice)]
    look, began = begin(door), clock.now
    step(world)
    assert [message["delay"] for message in messages(world)] == [delay]
    while now(door, look).status == "running":
        assert len(shop.asked) == 1
        step(world)
    assert (clock.now - began).total_seconds() == advice
    assert now(door, look).status == "done"


def test_who_stays_away_for_hours_fails_the_look_and_the_next_one_looks_at_the_same(
    world: World, shop: shopify.Shopify, door: Door, clock: Clock
) -> None:
    first = ended(door)
    order = str(shop.place(SHIRT, **BY_DAN))
    answer, shop.answer = shop.answer, lambda _: Told(503)  # type: ignore[assignment,method-assign]
    clock.pass_(HOUR)
    began = clock.now
    failed = ended(door)
    assert (failed.status, failed.reason) == ("failed", "the platform stays away: answered 503")
    assert timedelta(hours=5) < clock.now - began <= timedelta(hours=6)
    shop.answer = answer  # type: ignore[method-assign]
    healed = ended(door)
    assert healed.since == failed.since == times.text(times.parse(first.until) - reconciliations.OVERLAP)
    assert counts(healed) == ("done", 1, 1, 0)
    assert door.earned(order) == {"dan": 255}


@pytest.mark.parametrize("advice", [1, 3_600, 6 * 3_600, 10**9])
def test_whatever_it_advises_who_stays_away_fails_the_look_after_six_hours(
    world: World, shop: shopify.Shopify, door: Door, clock: Clock, monkeypatch: pytest.MonkeyPatch, advice: int
) -> None:
    """Time goes on while it is worked on, too."""

    def ticking(self: Clock) -> datetime:
        self.pass_(timedelta(milliseconds=1))
        return self.now

    monkeypatch.setattr(Clock, "__call__", ticking)
    shop.answer = lambda _: Told(429, b"", {"retry-after": str(advice)})  # type: ignore[assignment,method-assign]
    began = clock.now
    failed = ended(door)
    assert failed.status == "failed"
    assert timedelta(hours=5) < clock.now - began < timedelta(hours=6, seconds=30)
    assert 1 < len(shop.asked) < 40
    wished = timedelta(seconds=min(advice, 6 * 3600))
    assert failed.reason == f"the platform stays away: answered 429, for another {wished}"


@pytest.mark.usefixtures("small_pages")
def test_while_it_waits_it_says_what_for(world: World, shop: shopify.Shopify, door: Door, five: list[str]) -> None:
    look = begin(door)
    shop.faults += [failing(503)]
    step(world)
    waiting = now(door, look)
    assert (waiting.status, waiting.reason) == ("running", "answered 503")
    assert begin(door).reason == "answered 503"
    time_left = iter([60_000, 60_000])
    step(world, milliseconds=lambda: next(time_left, 1_000))
    after = now(door, look)
    assert (after.status, after.looked_at) == ("running", 2)
    assert not after.reason
    door.run()
    assert counts(now(door, look)) == ("done", 5, 5, 0)


@pytest.mark.parametrize("status", [400, 401, 403, 301])
def test_who_says_no_fails_the_look_at_once(shop: shopify.Shopify, door: Door, status: int) -> None:
    shop.faults += [lambda *_: Told(status)]
    look = ended(door)
    assert (look.status, len(shop.asked)) == ("failed", 1)
    assert str(look.reason).startswith(f"platform_refused: answered {status}")


def test_an_adapter_that_fails_ends_the_look_without_words_of_the_buyers(
    shop: shopify.Shopify, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vouch.service.conversations.have", lambda *_, **__: 1 // 0)
    look = ended(door)
    assert (look.status, look.reason) == ("failed", "defect")


@pytest.mark.parametrize("change", [{"status": "disabled"}, {"details": {}}])
def test_a_connection_that_is_closed_meanwhile_is_not_asked(
    world: World, shop: shopify.Shopify, door: Door, change: dict[str, Any]
) -> None:
    look = begin(door)
    _change(door, **change)
    step(world)
    assert str(now(door, look).reason).startswith("connection_closed")
    assert not shop.asked


def _change(door: Door, **change: Any) -> None:
    item = door.world.deployment.database.get(ConnectionItem, f"CON#{door.connection_id}", "C")
    assert item is not None
    for name, value in change.items():
        setattr(item, name, value)
    item.save()


# --- beginning --------------------------------------------------------------------------------------------------------


def test_what_cannot_be_asked_is_refused(world: World, shop: shopify.Shopify, door: Door) -> None:
    _change(door, details={})
    with pytest.raises(Unprocessable, match="api_token_missing"):
        begin(door)
    _change(door, status="disabled", details={"api_token": "sealed"})
    with pytest.raises(Unprocessable, match="connection_disabled"):
        begin(door)
    with pytest.raises(Unprocessable, match="not_reconcilable"):
        begin(Door(world, "standard_webhooks", samples.STANDARD_SECRET))
    with pytest.raises(Unprocessable, match="not_reconcilable"):
        begin(Door(world, "meta", samples.META_SECRET, verify_token="word"))


@pytest.mark.parametrize(
    "ago, is_taken", [(timedelta(0), True), (timedelta(days=90), True), (timedelta(days=90, seconds=1), False)]
)
def test_since_lies_in_the_last_90_days(
    world: World, shop: shopify.Shopify, door: Door, clock: Clock, ago: timedelta, is_taken: bool
) -> None:
    if is_taken:
        assert begin(door, clock.now - ago).since == times.text(clock.now - ago)
        return
    for since in (clock.now - ago, clock.now + timedelta(seconds=1)):
        with pytest.raises(Unprocessable, match="since_out_of_range"):
            begin(door, since)


def test_the_first_look_begins_when_the_connection_was_made_unless_told_otherwise(
    world: World, shop: shopify.Shopify, door: Door, clock: Clock
) -> None:
    """Orders from before were the business of whatever the brand had then."""
    before = str(shop.place(SHIRT, **BY_DAN))
    clock.pass_(HOUR)
    made = clock.now
    _change(door, created_at=times.text(made))
    clock.pass_(timedelta(minutes=10))
    since = str(shop.place(SHIRT, **BY_DAN))
    first = ended(door)
    assert (first.since, counts(first)) == (times.text(made), ("done", 1, 1, 0))
    second = ended(door)
    assert second.since == times.text(made), "the overlap does not reach behind it"
    assert (door.known(before), door.earned(since)) == (None, {"dan": 255})
    assert counts(ended(door, made - 2 * HOUR)) == ("done", 2, 1, 0)
    assert door.earned(before) == {"dan": 255}


def test_each_look_begins_an_hour_before_the_end_of_the_last(
    world: World, shop: shopify.Shopify, door: Door, clock: Clock
) -> None:
    first = ended(door)
    assert (first.since, first.until) == (BEGAN, times.text(clock.now))
    late = str(shop.place(SHIRT, **BY_DAN, updated_at=times.short(clock.now - timedelta(minutes=50))))
    clock.pass_(timedelta(days=1))
    second = ended(door)
    assert second.since == times.text(times.parse(first.until) - HOUR)
    assert door.earned(late) == {"dan": 255}


def test_a_look_that_begins_late_hides_nothing_from_the_next_one(
    world: World, shop: shopify.Shopify, door: Door, clock: Clock
) -> None:
    first = ended(door)
    clock.pass_(HOUR)
    missed = str(shop.place(SHIRT, **BY_DAN))
    clock.pass_(timedelta(days=1))
    assert counts(ended(door, clock.now - HOUR)) == ("done", 0, 0, 0)
    second = ended(door)
    assert second.since == times.text(times.parse(first.until) - HOUR)
    assert (counts(second), door.earned(missed)) == (("done", 1, 1, 0), {"dan": 255})


def test_one_look_at_a_time(world: World, shop: shopify.Shopify, door: Door) -> None:
    """Whoever comes while nobody has begun to work on it tells the worker again."""
    look = begin(door)
    assert begin(door).id == look.id
    assert [message["reconcile"][2] for message in messages(world)] == [look.id, look.id]
    door.run()
    assert (len(shop.asked), now(door, look).status) == (1, "done")


def test_of_two_that_begin_at_once_one_does(
    world: World, shop: shopify.Shopify, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark, others = stored.mark, list[Reconciliation]()
    begun = iter([True])

    def overtaken(*where: Any) -> Any:
        known = mark(*where)
        if next(begun, False):
            others.append(begin(door))
        return known

    monkeypatch.setattr(stored, "mark", overtaken)
    assert [begin(door).id] == [other.id for other in others]
    assert {message["reconcile"][2] for message in messages(world)} == {others[0].id}


def test_one_that_stalled_is_taken_over_and_says_so(
    world: World, shop: shopify.Shopify, door: Door, clock: Clock
) -> None:
    stalled = begin(door)
    message = take(world)
    clock.pass_(timedelta(hours=6))
    assert begin(door).id == stalled.id
    clock.pass_(timedelta(hours=1))
    other = begin(door)
    assert other.id != stalled.id
    assert (now(door, stalled).status, now(door, stalled).reason) == ("failed", "stalled")
    step(world, message)
    assert not shop.asked
    door.run()
    assert now(door, other).status == "done"


def test_one_that_waits_as_the_platform_wants_has_not_stalled(
    world: World, shop: shopify.Shopify, door: Door, clock: Clock
) -> None:
    look = begin(door)
    shop.faults += [busy(3 * 3600), busy(2 * 3600)]
    step(world)
    while len(shop.asked) < 2:
        assert begin(door).id == look.id
        step(world)
    door.run()
    assert now(door, look).status == "done"


# --- what is known of it ----------------------------------------------------------------------------------------------


def test_looks_are_listed_page_by_page_the_newest_first(
    world: World, shop: shopify.Shopify, door: Door, clock: Clock
) -> None:
    looks: list[str] = []
    for _ in range(5):
        looks.insert(0, ended(door).id)
        clock.pass_(HOUR)
    found, cursor = [], None
    while True:
        page = reconciliations.listed(world.deployment, world.brand, door.connection_id, limit=2, cursor=cursor)
        found.append([look.id for look in page.items])
        cursor = page.next_cursor
        if cursor is None:
            break
    assert found == [looks[:2], looks[2:4], looks[4:]]


def test_another_brand_s_are_not_there(world: World, shop: shopify.Shopify, door: Door) -> None:
    look = ended(door)
    other = World(world.deployment, "other").build()
    find = partial(reconciliations.found, world.deployment)
    for brand, connection_id, look_id in (
        (other.brand, door.connection_id, look.id),
        (world.brand, other.connection_id, look.id),
        (world.brand, door.connection_id, look.id[:-1] + ("0" if look.id[-1] != "0" else "1")),
        (world.brand, door.connection_id, "MARK"),
    ):
        with pytest.raises(NotFound):
            find(brand, connection_id, look_id)
    with pytest.raises(NotFound):
        reconciliations.listed(world.deployment, other.brand, door.connection_id, limit=1, cursor=None)


# --- the schedule -----------------------------------------------------------------------------------------------------


def on_schedule(context: Context | None = None) -> None:
    reconcile.handler({}, context or Context())


def test_the_schedule_looks_at_every_connection_that_can_be_looked_at(
    world: World, shop: shopify.Shopify, door: Door, clock: Clock
) -> None:
    other = World(world.deployment, "other").build()
    second, theirs = connected(world, shop, name="second.myshopify.com"), connected(other, shop)
    disabled = connected(world, shop, name="third.myshopify.com")
    _change(disabled, status="disabled")
    Door(world, "shopify", samples.SHOPIFY_SECRET, shop="fourth.myshopify.com")
    order = str(shop.place(SHIRT, **BY_DAN))
    clock.pass_(reconciliations.ON_THEIR_WAY)
    on_schedule()
    begun = {message["reconcile"][1] for message in messages(world)}
    assert begun == {door.connection_id, second.connection_id, theirs.connection_id}
    door.run()
    theirs.run()
    assert [each.earned(order) for each in (door, second, theirs)] == [{"dan": 255}] * 3
    assert disabled.known(order) is None


def test_it_leaves_what_may_still_be_on_its_way_to_the_next_look(
    world: World, shop: shopify.Shopify, door: Door, clock: Clock
) -> None:
    order = str(shop.place(SHIRT, **BY_DAN))
    clock.pass_(timedelta(minutes=10))
    on_schedule()
    door.run()
    assert door.known(order) is None
    clock.pass_(timedelta(hours=6))
    on_schedule()
    door.run()
    assert door.earned(order) == {"dan": 255}


def test_it_comes_hourly_and_looks_four_times_a_day(
    world: World, shop: shopify.Shopify, door: Door, clock: Clock
) -> None:
    looks = []
    for _ in range(24):
        on_schedule()
        looks.append(len(messages(world)))
        door.run()
        clock.pass_(HOUR)
    assert (sum(looks), set(looks)) == (4, {0, 1})


def test_one_that_cannot_begin_keeps_no_other_from_it(
    world: World, shop: shopify.Shopify, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = World(world.deployment, "other").build()
    second, theirs = connected(world, shop, name="second.myshopify.com"), connected(other, shop)
    begun, broken = reconciliations._begun, [door.connection_id]

    def fails(deployment: Deployment, item: ConnectionItem, *more: Any) -> Reconciliation:
        if item.id in broken:
            raise OSError("no answer")
        return begun(deployment, item, *more)

    monkeypatch.setattr(reconciliations, "_begun", fails)
    with pytest.raises(ExceptionGroup):
        on_schedule()
    begun_for = [message["reconcile"][1] for message in messages(world)]
    assert sorted(begun_for) == sorted([second.connection_id, theirs.connection_id])
    broken.clear()
    on_schedule()
    assert door.connection_id in {message["reconcile"][1] for message in messages(world)}


def test_brands_take_turns_where_time_is_short(world: World, shop: shopify.Shopify, clock: Clock) -> None:
    worlds = [world, *(World(world.deployment, f"brand-{number}").build() for number in range(3))]
    doors = [connected(each, shop) for each in worlds]
    for _ in worlds:
        left = iter([60_000])
        on_schedule(Context(lambda: next(left, 1_000)))  # noqa: B023 - called before the next one
        clock.pass_(timedelta(minutes=1))
    begun = {message["reconcile"][1] for message in messages(world)}
    assert begun == {door.connection_id for door in doors}


def test_how_far_the_schedule_is_stands_with_the_brand(world: World, shop: shopify.Shopify, door: Door) -> None:
    on_schedule()
    brand = world.deployment.database.get(*brands.brand_key(world.brand_id))
    assert isinstance(brand, Brand)
    assert brand.pulls is not None
    assert brand.pulls[1] is None

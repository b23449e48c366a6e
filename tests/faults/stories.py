"""What happens at each platform, played on its stand-in: its webhooks, and what its API says after each of them.

A story is played once and told as often as a test likes, in whatever order; `Moment.state` is what the platform's API
knows by then.
"""

import base64
import copy
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.faults.doors import Door, on_this_machine
from tests.faults.world import BEGAN, CHANGED, LIVES, World
from tests.fixtures import Clock
from tests.platforms import samples
from tests.platforms.test_signing import NOTIFICATION_URL, SIGNERS, standard_headers
from tests.standins import bigcommerce, shopify, square, stripe, tiktok_shop, woocommerce
from tests.standins.server import StandIn
from vouch.domain import ids, times
from vouch.platforms.base import Request
from vouch.store.tables import Handle, TermsVersion

HOUR = timedelta(hours=1)
Sent = Request | bytes
"""A webhook that is signed already, or a body that is signed whenever it is sent: some signatures grow old."""
Story = Iterator[Sequence[Sent]]
_NOT_STATE = ("asked", "faults", "webhooks", "tokens")


@dataclass(frozen=True)
class Moment:
    """Something that happened: the webhooks that tell of it, and what the platform's API knows from then on."""

    sent: Sequence[Sent]
    state: Mapping[str, Any]


@dataclass(frozen=True)
class Act:
    """How a platform is played. `names` are those of one sale under which it may become an order.

    `by_webhook_alone` is a part of the webhooks whose news the platform's list of changes does not have. Where its API
    `may_be_behind` its webhooks, it is asked again.
    """

    platform: str
    secret: str
    story: Callable[["Stage"], Story]
    stand_in: Callable[[Clock], StandIn] | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    names: Sequence[tuple[str, ...]] = ()
    by_webhook_alone: Sequence[bytes] = ()
    may_be_behind: bool = True

    def is_told_again(self, sent: Sent) -> bool:
        """Whether what this webhook says comes to light when the platform is asked what has changed."""
        body, headers = (sent, {}) if isinstance(sent, bytes) else (sent.body, sent.headers)
        told = b"\n".join((body, *(value.encode() for value in headers.values())))
        return self.stand_in is not None and not any(part in told for part in self.by_webhook_alone)


class Stage:
    """A platform's connection in a world, and the stand-in behind it, if it has an API."""

    def __init__(self, world: World, clock: Clock, act: Act, api: StandIn | None) -> None:
        self.world = world
        self.clock = clock
        self.act = act
        self.api: Any = api
        settings = {} if api is None else {"api_base_url": api.address}
        self.door = Door(world, act.platform, act.secret, **act.settings, **settings)
        self._signer = next(signer for signer in SIGNERS if signer.platform == act.platform)

    def moments(self) -> list[Moment]:
        """Plays the story, an hour for each thing that happens, and then lets two days pass."""
        found = []
        for sent in self.act.story(self):
            found.append(Moment(tuple(sent), self._state()))
            self.clock.pass_(HOUR)
        self.clock.pass_(timedelta(days=2))
        return found

    def stand(self, state: Mapping[str, Any]) -> None:
        """From now on the API says what it said then."""
        if self.api is not None:
            vars(self.api).update(state)

    def request(self, sent: Sent) -> Request:
        """The webhook, signed at this moment where signatures grow old."""
        if isinstance(sent, Request) and self.act.platform != "bigcommerce":
            return sent
        body, headers = (sent, {}) if isinstance(sent, bytes) else (sent.body, sent.headers)
        if self.act.platform not in ("bigcommerce", "standard_webhooks"):
            return self._signer.request(body, self.clock())
        secret = self.act.secret
        key = secret.encode() if headers else base64.b64decode(secret.removeprefix("whsec_"))
        name = headers.get("webhook-id") or hashlib.sha256(body).hexdigest()
        return Request(standard_headers(key, body, self.clock(), name), body)

    def _state(self) -> dict[str, Any]:
        known = vars(self.api) if self.api is not None else {}
        return {
            name: copy.deepcopy(value)
            for name, value in known.items()
            if isinstance(value, dict | list) and name not in _NOT_STATE
        }


@contextmanager
def staged(world: World, clock: Clock, act: Act) -> Iterator[Stage]:
    """With the stand-in running, and callable by the worker."""
    with ExitStack() as stack:
        stack.enter_context(on_this_machine(world))
        api = act.stand_in(clock) if act.stand_in is not None else None
        if api is not None:
            stack.enter_context(api)
        yield Stage(world, clock, act, api)


# --- WooCommerce ------------------------------------------------------------------------------------------------------

SHIRTS: dict[str, Any] = {"total": "100.00", "quantity": 2}
TOTE: dict[str, Any] = {"total": "50.00", "quantity": 1, "sku": "TOTE-01"}


def coupon(code: str) -> dict[str, Any]:
    return {"coupon_lines": [{"id": 1, "code": code, "discount": "0.00"}]}


def _woocommerce(stage: Stage) -> Story:
    shop: woocommerce.WooCommerce = stage.api
    late = shop.place(SHIRTS, TOTE, status="pending", date_paid_gmt=None, **coupon("dan10"))  # 1001
    yield shop.send()
    trashed = shop.place(SHIRTS, **coupon("noa10"))
    yield shop.send()
    shop.becomes(late, "processing")
    yield shop.send()
    mistaken = shop.refund(late, (0, 1, "50.00"), shipping="5.00")
    yield shop.send()
    shop.trash(trashed)
    yield shop.send()
    shop.refund(late, (1, 1, "50.00"))
    yield shop.send()
    shop.delete_refund(late, mistaken)
    yield shop.send()
    shop.restore(trashed)
    yield shop.send()
    called_off = shop.place(TOTE, **coupon("dan10"))
    shop.becomes(called_off, "cancelled")
    yield shop.send()
    shop.refund(trashed, amount="11.90")
    yield shop.send()
    returned = shop.place(SHIRTS, status="on-hold", **coupon("mia10"))
    yield shop.send()
    shop.becomes(returned, "completed")
    yield shop.send()
    shop.refund(returned, (0, 2, "100.00"), shipping="5.00")
    shop.becomes(returned, "refunded")
    yield shop.send()
    gone = shop.place(SHIRTS, **coupon("dan10"))
    yield shop.send()
    shop.trash(gone)
    yield shop.send()


# --- Stripe -----------------------------------------------------------------------------------------------------------


def by(code: str) -> dict[str, Any]:
    return {"code": code}


def _stripe(stage: Stage) -> Story:
    api: stripe.StripeApi = stage.api
    for sent in _told_by_stripe(api, lambda: _stripe_now(api, stage.clock)):
        _stripe_now(api, stage.clock)
        yield [each for each in sent if each is not None]


def _stripe_now(api: stripe.StripeApi, now: Callable[[], datetime]) -> int:
    api.now = int(now().timestamp())
    return api.now


def _told_by_stripe(api: stripe.StripeApi, now: Callable[[], int]) -> Iterator[Sequence[bytes | None]]:
    # Paid, given back in parts, of which one fails, and a bank takes its share.
    bought = stripe.session(1, created=now(), metadata=by("DAN10"))
    yield [api.check_out(bought, stripe.item(1))]
    now()
    yield api.give_back("ch_1", "pi_1", 972)
    now()
    yield api.give_back("ch_1", "pi_1", 500)
    now()
    yield [api.fail("re_2")]
    now()
    yield [api.dispute("pi_1", 300)]
    now()
    yield [api.dispute("pi_1", 300, "closed", "lost")]
    # The bank pays late, or not at all.
    for number, end in ((2, "async_payment_succeeded"), (3, "async_payment_failed")):
        waiting = stripe.session(number, created=now(), metadata=by("NOA10"), payment_status="unpaid")
        yield [api.check_out(waiting, stripe.item(number))]
        now()
        yield [api.clear(f"cs_live_{number}", end)]
    # A subscription, its renewal, and what comes back of it.
    began = now()
    checkout = stripe.session(
        4, created=began, mode="subscription", payment_intent=None, invoice="in_4", subscription="sub_4",
        metadata=by("MIA10"), total_details={"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        amount_subtotal=2400, amount_total=2400,
    )  # fmt: skip
    first = stripe.invoice(4, "sub_4", created=began, billing_reason="subscription_create")
    sold = {"amount_subtotal": 2400, "amount_total": 2400, "amount_tax": 0, "amount_discount": 0}
    yield [*api.pay(first, stripe.line(4), by="pi_4"), api.check_out(checkout, stripe.item(4, **sold))]
    renewal = stripe.invoice(5, "sub_4", created=now())
    renewal["parent"]["subscription_details"]["metadata"] = by("MIA10")
    yield api.pay(renewal, stripe.line(5), by="pi_5")
    now()
    yield [*api.give_back("ch_5", "pi_5", 800, paid=2400), api.dispute("pi_4", 2400)]
    now()
    yield [api.dispute("pi_4", 2400, "closed", "won")]
    # A session whose invoice turns up later, and names nobody.
    later = stripe.session(6, created=now(), metadata=by("DAN10"), invoice_creation={"enabled": True})
    yield [api.check_out(later, stripe.item(6))]
    taxes = [{"amount": 288, "tax_behavior": "exclusive"}]
    totals = {"total": 3888, "total_excluding_tax": 3600, "total_taxes": taxes}
    made = stripe.invoice(6, None, created=now(), subtotal=3600, **totals)
    yield api.pay(made, stripe.line(6, amount=3600, taxes=taxes), by="pi_6")
    now()
    yield api.give_back("ch_6", "pi_6", 1944)


# --- TikTok Shop ------------------------------------------------------------------------------------------------------

_PAID_HERE_TOO = {
    "attribution": {"model": "last", "window_days": 30, "code_policy": "wins"},
    "commission": {
        "rules": [{"match": {"platforms": ["tiktok_shop"]}, "reward": {"type": "percent", "bps": 500}}],
    },
    "hold_days": 14,
}
_ORDERS = [f"57646121643211{number}" for number in range(1000, 1004)]


def sell_on_tiktok(world: World) -> None:
    """Each creator has a name there, and Noa's and Dan's program rewards what is sold there, too."""
    for life in LIVES:
        name = f"{world.brand_id}#N#tiktok:{life}.sells"
        Handle(name, "N", owners=[[world.creators[life], BEGAN, None]], version=1).save()
    world.program(world.friends, [[1, None], [2, CHANGED], [3, CHANGED]]).save()
    TermsVersion(
        world.brand_id, f"PRG#{world.friends}#T#{3:06}", id=ids.derived("trm_", world.friends, "3"),
        program_id=world.friends, currency="USD", number=3, effective_from=CHANGED, created_at=BEGAN,
        terms=_PAID_HERE_TOO,
    ).save()  # fmt: skip


def _tiktok_shop(stage: Stage) -> Story:
    sell_on_tiktok(stage.world)
    shop: tiktok_shop.TikTokShop = stage.api
    returned, trimmed, called_off, late = _ORDERS
    shop.place(returned, tiktok_shop.Unit(), tiktok_shop.Unit("30.00", seller_off="3.00", platform_off="2.00"))
    shop.sold_by(returned, "dan.sells", "1.00")
    yield [shop.status_webhook(returned)]
    shop.becomes(returned, "ON_HOLD")
    yield [shop.status_webhook(returned)]
    shop.becomes(returned, "AWAITING_SHIPMENT")
    yield [shop.status_webhook(returned)]
    shop.place(late, tiktok_shop.Unit("45.00"))
    shop.sold_by(late, "noa.sells", "2.00", "1.90")
    yield [shop.status_webhook(late)]
    shop.give_back(returned, "4035", {1: "12.50"}, status="RETURN_OR_REFUND_REQUEST_PENDING")
    yield [shop.return_webhook("4035")]
    shop.give_back(returned, "4035", {1: "12.50"})
    shop.becomes(returned, "DELIVERED")
    yield [shop.return_webhook("4035"), shop.status_webhook(returned)]
    shop.place(trimmed, tiktok_shop.Unit(), tiktok_shop.Unit("5.00"))
    shop.sold_by(trimmed, "noa.sells", "0.50")
    shop.becomes(trimmed, "AWAITING_SHIPMENT")
    yield [shop.status_webhook(trimmed)]
    shop.call_off(trimmed, "4100", [1], "CANCELLATION_REQUEST_PENDING")
    yield [shop.cancellation_webhook("4100")]
    shop.call_off(trimmed, "4100", [1])
    yield [shop.cancellation_webhook("4100"), shop.status_webhook(trimmed)]
    shop.place(called_off, tiktok_shop.Unit("99.00"))
    shop.sold_by(called_off, "dan.sells", "5.00")
    shop.becomes(called_off, "AWAITING_SHIPMENT")
    yield [shop.status_webhook(called_off)]
    shop.call_off(called_off, "4101", [0])
    yield [shop.cancellation_webhook("4101"), shop.status_webhook(called_off)]
    shop.becomes(late, "AWAITING_SHIPMENT")
    yield [shop.status_webhook(late)]


# --- Square -----------------------------------------------------------------------------------------------------------


def discounted(code: str) -> dict[str, Any]:
    return {"discounts": [{"uid": "d", "name": code, "applied_money": square.usd(0)}]}


def _square(stage: Stage) -> Story:
    api: square.SquareApi = stage.api
    by_two = api.place(
        square.line("a", 2160, quantity="2", tax=160, discount=200), square.line("b", 1080, tax=80),
        **discounted("DAN10"),
    )  # fmt: skip
    yield [api.order_event(by_two)]
    first = api.pay(by_two, 1000)
    yield [api.payment_event(first), api.order_event(by_two)]
    second = api.pay(by_two, tip=100)
    yield [api.payment_event(second), api.order_event(by_two)]
    back = api.give_back(first, 540, {"a": {"quantity": "0.5", "total_money": square.usd(540)}})
    yield [api.refund_event(back)]
    whole = api.give_back(
        second, 1080, {"b": {"quantity": "1", "total_money": square.usd(1080), "total_tax_money": square.usd(80)}}
    )
    api.end_refund(back)
    yield [api.refund_event(back), api.refund_event(whole)]
    api.end_refund(whole)
    yield [api.refund_event(whole), api.order_event(api.refunds[whole]["order_id"])]
    failed = api.give_back(second, 100)
    api.end_refund(failed, "FAILED")
    yield [api.refund_event(failed)]
    awaited = api.place(square.line("c", 5000), **discounted("NOA10"), fulfillments=[{"uid": "f", "state": "PROPOSED"}])
    yield [api.order_event(awaited)]
    paid = api.pay(awaited)
    yield [api.payment_event(paid), api.order_event(awaited)]
    api.hand_over(awaited)
    yield [api.order_event(awaited), _square_dispute(api, paid, "EVIDENCE_REQUIRED", 1)]
    yield [_square_dispute(api, paid, "LOST", 2)]
    called_off = api.place(square.line("d", 700), **discounted("MIA10"))
    part = api.pay(called_off, 300)
    yield [api.payment_event(part), api.order_event(called_off)]
    api.cancel(called_off)
    yield [api.order_event(called_off)]


def _square_dispute(api: square.SquareApi, payment_id: str, state: str, version: int) -> bytes:
    told = {
        "id": f"dispute-{payment_id}",
        "amount_money": square.usd(1250),
        "state": state,
        "disputed_payment": {"payment_id": payment_id},
        "updated_at": f"2026-05-06T10:00:0{version}.000Z",
    }
    event = {
        "type": "dispute.state.updated",
        "event_id": f"event-dispute-{payment_id}-{version}",
        "data": {"type": "dispute", "id": told["id"], "object": {"dispute": told}},
    }
    return json.dumps(event).encode()


# --- BigCommerce ------------------------------------------------------------------------------------------------------


def _bigcommerce(stage: Stage) -> Story:
    store: bigcommerce.BigCommerce = stage.api
    told = 0
    for _ in _told_by_bigcommerce(store, stage.world, stage.clock):
        yield store.webhooks[told:]
        told = len(store.webhooks)


def _told_by_bigcommerce(store: bigcommerce.BigCommerce, world: World, clock: Clock) -> Iterator[None]:
    items = (bigcommerce.Item("20.00", quantity=2), bigcommerce.Item("30.00", sku="TOTE-01"))
    late = store.place(*items, code="dan10", status=7)
    yield
    store.becomes(late, 11)
    yield
    store.refund(late, (0, 1))
    yield
    store.refund(late, (1, 1), declined=True)
    yield
    store.refund(late, beyond=4.5)
    store.becomes(late, 2)
    yield
    called_off = store.place(code="noa10")
    yield
    store.becomes(called_off, 5)
    yield
    doubted = store.place(bigcommerce.Item("50.00"), code="mia10", status=0)
    yield
    store.becomes(doubted, 10)
    yield
    store.becomes(doubted, 13)
    yield
    store.becomes(doubted, 10)
    yield
    clicked = store.place(bigcommerce.Item("80.00"))
    yield
    store.note("orders", str(clicked), "ref", world.click("dan", clock() - 2 * HOUR))
    yield


# --- Shopify ----------------------------------------------------------------------------------------------------------


def discount(code: str) -> dict[str, Any]:
    return {"discount_codes": [{"code": code, "amount": "0.00", "type": "percentage"}]}


def _shopify(stage: Stage) -> Story:
    shop: shopify.Shopify = stage.api
    told = 0
    for extra in _told_by_shopify(shop):
        yield [*shop.webhooks[told:], *extra]
        told = len(shop.webhooks)


def _told_by_shopify(shop: shopify.Shopify) -> Iterator[Sequence[Request]]:
    shirts, tote = (
        {"price": "60.00", "quantity": 2, "sku": "LIN-M"},
        {"price": "25.00", "quantity": 1, "sku": "TOTE-01"},
    )
    edited = shop.place(shirts, tote, **discount("DAN10"))  # 6214001300001
    yield ()
    shop.refund(edited, (0, 1))
    yield ()
    shop.add(edited, tote)
    yield ()
    shop.collect(edited)
    yield ()
    shop.remove(edited, 1)
    yield ()
    shop.refund(edited, beyond="3.00")
    yield ()
    called_off = shop.place(shirts, **discount("NOA10"))
    yield ()
    shop.cancel(called_off)
    yield ()
    disputed = shop.place(shirts, tote, **discount("MIA10"))
    yield [_shopify_dispute(disputed, "needs_response", None)]
    yield [_shopify_dispute(disputed, "lost", "2026-05-06T10:00:00-05:00")]


def _shopify_dispute(order_id: int, status: str, ended: str | None) -> Request:
    told = samples.content("shopify/disputes_create") | {
        "order_id": order_id,
        "status": status,
        "initiated_at": "2026-05-04T19:00:00-05:00",
        "evidence_due_by": None,
        "finalized_on": ended,
    }
    body = json.dumps(told).encode()
    signer = next(signer for signer in SIGNERS if signer.platform == "shopify")
    topic = "disputes/update" if ended else "disputes/create"
    return signer.request(body, x_shopify_topic=topic, x_shopify_webhook_id=f"d-{order_id}-{status}")


# --- Standard Webhooks ------------------------------------------------------------------------------------------------


def _standard_webhooks(stage: Stage) -> Story:
    def told(kind: str, **data: Any) -> bytes:
        return json.dumps({"type": kind, "timestamp": times.text(stage.clock()), "data": data}).encode()

    def order(kind: str, number: int, placed_at: str, **more: Any) -> bytes:
        lines = [
            {"id": "1", "quantity": 2, "unit_price": 5_000, "discount": 1_000, "tax": 720},
            {"id": "2", "quantity": 1, "unit_price": 3_000, "sku": "TOTE-01"},
        ]
        said = {"external_id": f"S-{number}", "occurred_at": placed_at, "currency": "USD", "lines": lines}
        return told(kind, **said | more)

    first, second, third, fourth = (times.text(stage.clock() - number * HOUR) for number in range(1, 5))
    yield [order("order.created", 1, first, codes=["DAN10"])]
    yield [order("order.paid", 1, first, codes=["DAN10"])]
    back = {"order_id": "S-1", "currency": "USD"}
    yield [told("refund.created", refund_id="R-1", lines=[{"id": "1", "quantity": 1}], **back)]
    yield [told("refund.created", refund_id="R-2", amount=1_500, **back)]
    yield [told("refund.failed", refund_id="R-2", amount=1_500, **back)]
    yield [order("order.paid", 2, second, codes=["NOA10"])]
    yield [told("order.cancelled", order_id="S-2")]
    yield [order("order.created", 3, third, codes=["MIA10"]), told("dispute.created", order_id="S-4", dispute_id="D-1")]
    yield [order("order.paid", 3, third, codes=["DAN10"]), order("order.paid", 4, fourth, codes=["DAN10"])]
    yield [told("dispute.closed", order_id="S-4", dispute_id="D-1", status="lost", amount=2_000, currency="USD")]
    started = {"subscription": {"id": "sub-1", "started_at": first}}
    yield [order("order.paid", 5, first, codes=["TAL10"], **started)]
    yield [order("order.updated", 5, first, codes=["TAL10"], status="refunded", **started)]


ACTS = (
    Act(
        "woocommerce", samples.WOOCOMMERCE_SECRET, _woocommerce,
        lambda clock: woocommerce.WooCommerce(clock, site="/store"), {"api_token": woocommerce.TOKEN},
        by_webhook_alone=[b"order.restored"],
    ),
    Act(
        "stripe", samples.STRIPE_SECRET, _stripe, lambda _: stripe.StripeApi(), {"api_token": "rk_live_reads"},
        names=[("in_4", "cs_live_4"), ("in_6", "cs_live_6")],
        may_be_behind=False,  # what it does not know is another account's: the token is told to be wrong
    ),
    Act(
        "tiktok_shop", samples.TIKTOK_SECRET, _tiktok_shop, lambda clock: tiktok_shop.TikTokShop(clock, "USD"),
        {"app_key": tiktok_shop.APP_KEY, "api_token": tiktok_shop.TOKEN},
    ),
    Act(
        "square", samples.SQUARE_KEY, _square, lambda _: square.SquareApi(),
        {"api_token": "square-token", "notification_url": NOTIFICATION_URL},
        by_webhook_alone=[b"dispute"],
    ),
    Act(
        "bigcommerce", samples.BIGCOMMERCE_SECRET, _bigcommerce, bigcommerce.BigCommerce,
        {"shop": bigcommerce.SHOP, "api_token": bigcommerce.TOKEN},
        by_webhook_alone=[b"metafield"],
    ),
    Act(
        "shopify", samples.SHOPIFY_SECRET, _shopify, shopify.Shopify,
        {"shop": shopify.SHOP, "api_token": shopify.TOKEN},
        by_webhook_alone=[b"disputes/"],
    ),
    Act("standard_webhooks", samples.STANDARD_SECRET, _standard_webhooks),
)  # fmt: skip

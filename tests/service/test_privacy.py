"""What platforms ask for buyers and shops: nothing of them is left in the tables or the bucket, and the books stay."""

import base64
import hmac
import json
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from attribution import privacy as function
from tests.faults.doors import Door, on_this_machine
from tests.faults.injection import Died, injected
from tests.faults.shop import incompressible
from tests.faults.stories import discount
from tests.faults.world import Context, World, engine, event, functions, later
from tests.fixtures import Clock
from tests.order_stream import OrderStream
from tests.platforms import samples
from tests.standins import bigcommerce, shopify, stripe, woocommerce
from tests.standins.server import failing
from vouch.domain import times
from vouch.platforms.base import Request
from vouch.platforms.registry import PLATFORMS
from vouch.platforms.signatures import base64_sha256
from vouch.service import deliveries, explanations, privacy, standings, verify
from vouch.service.deployment import Deployment
from vouch.store import inbox
from vouch.store.tables import Delivery, PrivacyRecord

MAIL, PHONE, NAME, STREET = "zephyrine.canary@example.net", "+1555014242", "Zephyrine Quillfeather", "77 Canary Wharf"
CANARIES = (MAIL, PHONE, NAME, STREET, "Quillfeather")
SHIRT: dict[str, Any] = {"price": "20.00", "quantity": 1}
"""12.75 % of it are 2.55."""
ADDRESS = {"name": NAME, "address1": STREET, "phone": PHONE, "country_code": "US", "first_name": "Zephyrine"}
BUYER: dict[str, Any] = discount("DAN10") | {
    "email": MAIL,
    "contact_email": MAIL,
    "phone": PHONE,
    "customer": {"id": 4242, "email": MAIL, "phone": PHONE, "first_name": "Zephyrine", "last_name": "Quillfeather"},
    "billing_address": ADDRESS,
    "shipping_address": ADDRESS,
}
CUSTOMER: dict[str, Any] = {"id": 4242, "email": MAIL, "phone": PHONE}


@pytest.fixture
def shop(world: World, clock: Clock) -> Iterator[shopify.Shopify]:
    with on_this_machine(world), shopify.Shopify(clock) as stand_in:
        yield stand_in


@pytest.fixture
def door(world: World) -> Door:
    return connected(world)


def connected(world: World, shop: str = shopify.SHOP) -> Door:
    return Door(world, "shopify", samples.SHOPIFY_SECRET, shop=shop)


def run(door: Door) -> None:
    """Works off everything, and notes whose orders there are, as the stream of orders has it done."""
    door.run()
    for record in OrderStream(door.world.deployment).records():
        standings.follow(door.world.deployment, record["dynamodb"])


# --- what is asked, and what is left ----------------------------------------------------------------------------------


def asked(topic: str, number: int = 1, **content: Any) -> Request:
    """A compliance webhook of Shopify's; each number is another request."""
    body = json.dumps({"shop_id": number, "shop_domain": shopify.SHOP} | content).encode()
    headers = {
        "x-shopify-topic": topic,
        "x-shopify-hmac-sha256": base64_sha256(samples.SHOPIFY_SECRET.encode(), body),
        "x-shopify-webhook-id": f"request-{number}-{topic}",
        "x-shopify-triggered-at": "2026-05-04T12:00:00Z",
    }
    return Request(headers, body)


def redact(*orders: int, number: int = 1, **customer: Any) -> Request:
    return asked("customers/redact", number, customer=customer, orders_to_redact=list(orders))


def told_of(world: World) -> str:
    """All that any table and the bucket hold, unpacked."""
    settings = world.deployment.settings
    names = (settings.main_table, settings.ledger_table, settings.inbox_table, settings.clicks_table)
    found = [zlib.decompress(body) for body in world.deployment.s3.objects.values()]
    for name in (*names, settings.figures_table):
        for page in engine(world.deployment).get_paginator("scan").paginate(TableName=name, ConsistentRead=True):
            for item in page["Items"]:
                found += [part for value in item.values() for part in _unpacked(value)]
    return b"\n".join(found).decode(errors="replace")


def _unpacked(value: dict[str, Any]) -> Iterator[bytes]:
    for kind, content in value.items():
        if kind == "S":
            yield content.encode()
        elif kind == "B":
            yield content
            with suppress(zlib.error):
                yield zlib.decompress(content)
        elif kind == "L":
            yield from (part for each in content for part in _unpacked(each))
        elif kind == "M":
            yield from (part for each in content.values() for part in _unpacked(each))


def left(world: World) -> list[str]:
    """Which of the buyer's data are still somewhere."""
    text = told_of(world)
    return [canary for canary in CANARIES if canary in text]


def books(world: World, *doors: Door) -> Any:
    """The entries, what every order shows, how it came about in words, and what the checker of the books says."""
    outcomes = [door.outcome() for door in doors]
    told = [
        explanations.of_order(world.deployment, world.brand, door.order_id(name), viewer=None)
        for door, outcome in zip(doors, outcomes, strict=True)
        for name in outcome
    ]
    report = verify.verify(world.deployment, world.brand, None)
    assert report.ok
    return world.entries(), outcomes, told, report.checked


def requests(world: World) -> list[PrivacyRecord]:
    return privacy.listed(world.deployment, world.brand, limit=100, cursor=None).items


def put_off(world: World) -> deque[dict[str, Any]]:
    """What waits in the queue."""
    found: deque[dict[str, Any]] = world.deployment.sqs.sent.get(world.deployment.settings.privacy_queue_url, deque())
    return found


def messages(world: World) -> Iterator[str]:
    """The queue's messages one by one, but for those of another day."""
    queue = put_off(world)
    while due := [message for message in queue if not message["DelaySeconds"]]:
        queue.remove(due[0])
        yield due[0]["MessageBody"]


def work(message: str, milliseconds: Callable[[], int] = lambda: 60_000) -> None:
    said = event("privacy")
    said["Records"][0]["body"] = message
    assert function.handler(said, Context(milliseconds)) == {"batchItemFailures": []}


def next_day(world: World) -> int:
    """Has done what was put off until then; how many messages that were."""
    later(world.deployment, privacy.AGAIN)
    due = world.deployment.sqs.sent.pop(world.deployment.settings.privacy_queue_url)
    for message in due:
        work(message["MessageBody"])
    return len(due)


def request(world: World) -> PrivacyRecord:
    [found] = requests(world)
    return found


def raw(door: Door) -> int:
    """How many deliveries of the connection there are."""
    return sum(item.connection_id == door.connection_id for item in Delivery.scan(consistent_read=True))


# --- Shopify ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by_mail, by_order", [(True, False), (False, True), (True, True)])
def test_a_buyer_who_is_forgotten_is_nowhere_and_the_books_stay(
    world: World, shop: shopify.Shopify, door: Door, clock: Clock, by_mail: bool, by_order: bool
) -> None:
    order = shop.place(SHIRT, SHIRT, **BUYER)
    large = shop.place(SHIRT, **BUYER, note=incompressible(650_000))
    other = shop.place(SHIRT, **discount("NOA10"))
    clock.pass_(timedelta(minutes=1))
    shop.refund(order, (0, 1))
    door.deliver(*shop.webhooks)
    run(door)
    assert left(world) == list(CANARIES)
    assert len(world.deployment.s3.objects) == 2
    before, stored = books(world, door), raw(door)
    customer = CUSTOMER if by_mail else CUSTOMER | {"email": None}
    door.deliver(redact(*((order, large) if by_order else ()), **customer))
    run(door)
    assert left(world) == []
    assert not world.deployment.s3.objects
    assert books(world, door) == before
    assert [door.earned(str(each)) for each in (order, large, other)] == [{"dan": 255}, {"dan": 255}, {"noa": 255}]
    assert raw(door) == 2, "those of the other buyer"
    done = request(world)
    assert (done.request, done.status, done.erased, done.left) == ("erase_customer", "done", stored - 2, 0)
    assert sorted(done.orders) == sorted(door.order_id(str(each)) for each in (order, large))
    world.second_pass(2)
    run(door)
    assert (left(world), books(world, door)) == ([], before)


def test_what_came_by_another_door_by_the_same_mail_goes_too(
    world: World, shop: shopify.Shopify, door: Door, clock: Clock
) -> None:
    with woocommerce.WooCommerce(clock) as other:
        elsewhere = Door(world, "woocommerce", samples.WOOCOMMERCE_SECRET, api_base_url=other.address)
        other.place({"total": "20.00", "quantity": 1}, billing={"email": MAIL, "first_name": NAME, "country": "US"})
        elsewhere.deliver(*other.send())
        run(elsewhere)
    door.deliver(redact(**CUSTOMER))
    run(door)
    assert (left(world), raw(elsewhere), request(world).erased) == ([], 0, 1)


def test_another_brand_keeps_its_own(world: World, shop: shopify.Shopify, door: Door) -> None:
    other = World(world.deployment, "other").build()
    theirs = connected(other)
    order = shop.place(SHIRT, **BUYER)
    for each in (door, theirs):
        each.deliver(*shop.webhooks)
        run(each)
    door.deliver(redact(order, **CUSTOMER))
    run(door)
    assert (raw(door), raw(theirs)) == (0, 2)
    assert not requests(other)


def test_what_was_not_settled_yet_is_settled_before_it_goes(world: World, shop: shopify.Shopify, door: Door) -> None:
    order = shop.place(SHIRT, SHIRT, **BUYER)
    shop.refund(order, (0, 1))
    door.deliver(*shop.webhooks)
    missed = door.fresh()
    assert missed
    door.deliver(redact(order, **CUSTOMER))
    run(door)
    assert door.earned(str(order)) == {"dan": 255}
    assert left(world) == []
    world.assert_invariants()


def test_what_is_parked_is_left_and_counted(world: World, shop: shopify.Shopify, door: Door) -> None:
    """Nobody has read it yet. The request itself stays as long: it says what to try again."""
    broken = shop.place(SHIRT, **BUYER, currency="?")
    sound = shop.place(SHIRT, **BUYER)
    door.deliver(*shop.webhooks)
    run(door)
    door.deliver(redact(broken, sound, **CUSTOMER))
    run(door)
    done = request(world)
    assert (done.status, done.erased, done.left, raw(door)) == ("done", 2, 2, 3)
    assert len(world.parked()) == 2
    assert not any(canary in note.detail for note in world.parked() for canary in CANARIES)


def test_what_was_parked_and_can_be_settled_now_goes_with_its_note(
    world: World, shop: shopify.Shopify, door: Door
) -> None:
    order = shop.place(SHIRT, **BUYER)
    door.deliver(*shop.webhooks)
    for image in door.fresh():
        delivery = inbox.get(world.deployment.database, image["pk"]["S"], image["sk"]["S"])
        assert delivery is not None
        inbox.park(world.deployment.database, delivery, reason="defect", detail="", now=world.deployment.now())
    door.deliver(redact(order, **CUSTOMER))
    run(door)
    assert (door.earned(str(order)), world.parked(), left(world)) == ({"dan": 255}, [], [])


def test_a_request_that_is_sent_again_is_one_request(
    world: World, shop: shopify.Shopify, door: Door, clock: Clock
) -> None:
    order = shop.place(SHIRT, **BUYER)
    door.deliver(*shop.webhooks)
    run(door)
    for _ in range(3):
        door.deliver(redact(order, **CUSTOMER))
        run(door)
        door._settled.clear()
        clock.pass_(timedelta(hours=1))
    done = request(world)
    assert (done.status, done.erased, done.done_at) == ("done", 2, "2026-05-04T12:00:00.000000Z")
    assert left(world) == []


def test_another_shop_s_request_is_none_of_ours(world: World, shop: shopify.Shopify, door: Door) -> None:
    """The secret is the app's, and every shop that has the app is signed for by it."""
    order = shop.place(SHIRT, **BUYER)
    door.deliver(*shop.webhooks)
    run(door)
    for topic in ("customers/redact", "shop/redact", "customers/data_request"):
        theirs: dict[str, Any] = {
            "shop_domain": "another.myshopify.com",
            "customer": CUSTOMER,
            "orders_to_redact": [order],
        }
        door.deliver(asked(topic, **theirs, orders_requested=[order], data_request={"id": 1}))
    run(door)
    assert not requests(world)
    assert left(world) == list(CANARIES)


def test_who_wants_to_know_is_told_of_and_nothing_goes(world: World, shop: shopify.Shopify, door: Door) -> None:
    order, unnamed = shop.place(SHIRT, **BUYER), shop.place(SHIRT, **BUYER)
    shop.place(SHIRT)
    door.deliver(*shop.webhooks)
    run(door)
    before, stored = books(world, door), raw(door)
    wanted: dict[str, Any] = {"customer": CUSTOMER, "orders_requested": [order, 999], "data_request": {"id": 77}}
    door.deliver(asked("customers/data_request", **wanted))
    run(door)
    said = request(world)
    assert (said.request, said.status, said.platform_id, said.erased) == ("export_customer", "done", "77", 0)
    assert sorted(said.orders) == sorted(door.order_id(str(each)) for each in (order, unnamed)), "none that is unknown"
    assert (raw(door), books(world, door)) == (stored, before)


def test_a_shop_that_is_forgotten_loses_all_that_came_by_its_connection_alone(
    world: World, shop: shopify.Shopify, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(privacy, "KEPT", timedelta(hours=3))
    door, second = connected(world), connected(world, "second.myshopify.com")
    shop.place(SHIRT, **BUYER)
    broken = shop.place(SHIRT, **BUYER, currency="?")
    shop._send("products/update", {"id": 1, "title": NAME})
    for each in (door, second):
        each.deliver(*shop.webhooks)
        run(each)
    before = books(world, door, second)
    clock.pass_(timedelta(hours=2))
    door.deliver(redact(broken, number=2, id=1, email=None), asked("shop/redact"))
    run(door)
    assert (raw(door), raw(second)) == (4, 5), "two that nobody has read, and the requests"
    [whole] = [each for each in requests(world) if each.request == "erase_shop"]
    assert (whole.status, whole.left, whole.orders) == ("done", 2, [])
    assert {each.status for each in requests(world)} == {"done"}
    assert books(world, door, second) == before
    mended(monkeypatch)
    next_day(world)
    assert (raw(door), raw(second)) == (0, 5)
    assert [each.left for each in requests(world)] == [0, 0]


# --- other platforms --------------------------------------------------------------------------------------------------


def put(door: Door, body: bytes) -> None:
    """Stores a webhook whose signature is proven elsewhere."""
    platform = PLATFORMS[door.platform]
    said = Request({}, body)
    now, subject = door.world.deployment.now(), platform.subject(said)
    where = inbox.Door(door.world.brand_id, "live", door.platform, door.connection_id)
    item = inbox.delivery(where, {}, body, platform_delivery_id="told", subject=subject, kept=(), now=now)
    inbox.put(door.world.deployment.database, lambda: door.world.deployment.s3, item)


@pytest.fixture
def api(clock: Clock) -> Iterator[stripe.StripeApi]:
    clock.pass_(timedelta(days=2))
    with stripe.StripeApi() as stand_in:
        yield stand_in


@pytest.mark.parametrize("by", [{"email": MAIL}, {}], ids=["mail", "number"])
def test_stripe_s_customer_and_all_that_goes_by_their_payment(
    world: World, clock: Clock, api: stripe.StripeApi, by: dict[str, str]
) -> None:
    """Refunds and disputes know the payment alone, and banks say who it was."""
    api.now = int((clock.now - timedelta(hours=1)).timestamp())
    door = Door(world, "stripe", samples.STRIPE_SECRET)
    details = {"email": MAIL, "name": NAME, "phone": PHONE, "address": {"line1": STREET, "country": "US"}}
    sold = stripe.session(1, created=api.now, metadata={"code": "DAN10"}, customer="cus_9", customer_details=details)
    put(door, api.check_out(sold, stripe.item(1)))
    refund, charge = (json.loads(told) for told in api.give_back("ch_1", "pi_1", 972))
    charge["data"]["object"] |= {"billing_details": details, "refunds": {"data": [], "has_more": False}}
    dispute = json.loads(api.dispute("pi_1", 300))
    dispute["data"]["object"]["evidence"] = {"customer_email_address": MAIL, "customer_name": NAME}
    for told in (refund, charge, dispute):
        put(door, json.dumps(told).encode())
    run(door)
    assert left(world) == list(CANARIES)
    before = books(world, door)
    customer = {"id": "cus_9", "object": "customer", "email": None} | by
    put(door, api._event("customer.deleted", customer))
    run(door)
    assert (left(world), raw(door)) == ([], 0)
    assert books(world, door) == before
    assert (request(world).erased, request(world).left) == (4, 0)


def test_what_its_platform_has_yet_to_tell_more_of_is_left(world: World, clock: Clock, api: stripe.StripeApi) -> None:
    api.now = int((clock.now - timedelta(hours=1)).timestamp())
    with on_this_machine(world):
        door = Door(world, "stripe", samples.STRIPE_SECRET, api_base_url=api.address, api_token=api.token)
        put(door, api.check_out(stripe.session(1, created=api.now, customer="cus_9"), stripe.item(1)))
        api.faults.append(failing(400))
        run(door)
        put(door, api._event("customer.deleted", {"id": "cus_9", "object": "customer"}))
        run(door)
        assert (request(world).status, request(world).erased, request(world).left, raw(door)) == ("done", 0, 1, 2)


def test_what_is_about_to_be_asked_is_not_erased_before(world: World, clock: Clock, api: stripe.StripeApi) -> None:
    """The question still lies in its queue, and only its answer says whose code was typed."""
    api.now = int((clock.now - timedelta(hours=1)).timestamp())
    api.promotion_codes["promo_1"] = "DAN10"
    with on_this_machine(world):
        door = Door(world, "stripe", samples.STRIPE_SECRET, api_base_url=api.address, api_token=api.token)
        by_code = [{"coupon": None, "promotion_code": "promo_1"}]
        sold = stripe.session(1, created=api.now, customer="cus_9", discounts=by_code)
        put(door, api.check_out(sold, stripe.item(1)))
        world.settle(door.fresh())
        for record in OrderStream(world.deployment).records():
            standings.follow(world.deployment, record["dynamodb"])
        put(door, api._event("customer.deleted", {"id": "cus_9", "object": "customer"}))
        world.settle(door.fresh())
        for message in world.deployment.sqs.sent.pop(world.deployment.settings.privacy_queue_url):
            work(message["MessageBody"])
        assert (request(world).status, request(world).erased, request(world).left) == ("done", 0, 1)
        run(door)
        assert door.earned("cs_live_1") == {"dan": 459}


def test_a_stripe_sale_under_two_names_goes_under_both(world: World, clock: Clock, api: stripe.StripeApi) -> None:
    """A session whose invoice turned up first, by the same payment."""
    api.now = int((clock.now - timedelta(hours=1)).timestamp())
    door = Door(world, "stripe", samples.STRIPE_SECRET)
    first = stripe.invoice(4, "sub_4", created=api.now, customer_email=MAIL, customer="cus_9")
    for told in api.pay(first, stripe.line(4), by="pi_1"):
        assert told is not None
        put(door, told)
    run(door)
    details = {"email": MAIL, "name": NAME, "phone": PHONE, "address": {"line1": STREET, "country": "US"}}
    put(door, api.check_out(stripe.session(1, created=api.now, customer_details=details), stripe.item(1)))
    run(door)
    before = books(world, door)
    put(door, api._event("customer.deleted", {"id": "cus_9", "object": "customer", "email": None}))
    run(door)
    assert (left(world), raw(door)) == ([], 0)
    assert books(world, door) == before


def test_bigcommerce_s_customer_whom_it_names_by_number_alone(world: World, clock: Clock) -> None:
    """The answers go, and the webhooks that asked for them: else the second pass would have them asked for again."""
    with on_this_machine(world), bigcommerce.BigCommerce(clock) as store:
        settings = {"shop": bigcommerce.SHOP, "api_base_url": store.address, "api_token": bigcommerce.TOKEN}
        door = Door(world, "bigcommerce", samples.BIGCOMMERCE_SECRET, **settings)
        address = {"country_iso2": "US", "email": MAIL, "first_name": NAME, "street_1": STREET, "phone": PHONE}
        order = store.place(bigcommerce.Item("20.00"), code="dan10", customer_id=32, billing_address=address)
        store.place(bigcommerce.Item("20.00"), code="dan10", customer_id=33)
        store.becomes(order, 2)
        door.deliver(*store.webhooks)
        run(door)
        assert left(world) == list(CANARIES)
        before, calls = books(world, door), len(store.asked)
        told = len(store.webhooks)
        store._send("store/customer/deleted", {"type": "customer", "id": 32})
        door.deliver(*store.webhooks[told:])
        run(door)
        assert left(world) == []
        assert request(world).status == "done"
        world.second_pass(2)
        run(door)
        assert (left(world), len(store.asked)) == ([], calls)
        assert books(world, door) == before


def test_what_only_asks_and_was_not_answered_is_left_and_counted(world: World, clock: Clock) -> None:
    """Nothing of what it is about is in the books, and its answer will name the buyer."""
    with on_this_machine(world), bigcommerce.BigCommerce(clock) as store:
        settings = {"shop": bigcommerce.SHOP, "api_base_url": store.address, "api_token": bigcommerce.TOKEN}
        door = Door(world, "bigcommerce", samples.BIGCOMMERCE_SECRET, **settings)
        order = store.place(bigcommerce.Item("20.00"), code="dan10", customer_id=32)
        door.deliver(*store.webhooks)
        run(door)
        store.becomes(order, 5)
        store.faults += [failing(401)] * 2
        door.deliver(*store.webhooks[1:])
        run(door)
        told, unanswered = len(store.webhooks), len(world.parked())
        assert unanswered == 2
        store._send("store/customer/deleted", {"type": "customer", "id": 32})
        door.deliver(*store.webhooks[told:])
        run(door)
        assert (raw(door), request(world).erased, request(world).left) == (3, 2, 2)
        for note in world.parked():
            deliveries.redrive(world.deployment, world.brand_id, note.delivery_id)
        run(door)
        before = books(world, door)
        next_day(world)
        run(door)
        assert (raw(door), left(world), request(world).erased, request(world).left) == (0, [], 6, 0)
        assert books(world, door) == before
        assert not put_off(world)


def test_woocommerce_s_customer(world: World, clock: Clock) -> None:
    with woocommerce.WooCommerce(clock) as store:
        door = Door(world, "woocommerce", samples.WOOCOMMERCE_SECRET, api_base_url=store.address)
        billing = {"email": MAIL, "first_name": NAME, "address_1": STREET, "phone": PHONE, "country": "US"}
        order = store.place({"total": "20.00", "quantity": 1}, billing=billing, customer_id=26)
        store.send()
        store.becomes(order, "cancelled")
        store.send()
        door.deliver(*store.webhooks)
        run(door)
        assert left(world) == list(CANARIES)
        before = books(world, door)
        body = b'{"id":26}'
        headers = dict(store.webhooks[0].headers) | {
            "x-wc-webhook-topic": "customer.deleted",
            "x-wc-webhook-resource": "customer",
            "x-wc-webhook-event": "deleted",
            "x-wc-webhook-signature": base64_sha256(samples.WOOCOMMERCE_SECRET.encode(), body),
        }
        door.deliver(Request(headers, body))
        run(door)
    assert (left(world), raw(door)) == ([], 0)
    assert books(world, door) == before


PERSON = "7462918374650192"


def wrote(person: str, ref: str, at: int) -> Request:
    """Somebody came into a page's messages by a link."""
    said = {"sender": {"id": person}, "recipient": {"id": "1"}, "timestamp": at,
            "referral": {"ref": ref, "source": "SHORTLINK", "type": "OPEN_THREAD"}}  # fmt: skip
    body = json.dumps({"object": "page", "entry": [{"id": "1", "time": at, "messaging": [said]}]}).encode()
    digest = hmac.digest(samples.META_SECRET.encode(), body, "sha256").hex()
    return Request({"x-hub-signature-256": f"sha256={digest}"}, body)


def deletion(person: str) -> Request:
    payload = base64.urlsafe_b64encode(json.dumps({"algorithm": "HMAC-SHA256", "user_id": person}).encode()).rstrip(
        b"="
    )
    digest = hmac.digest(samples.META_SECRET.encode(), payload, "sha256")
    signature = base64.urlsafe_b64encode(digest).rstrip(b"=")
    headers = {"content-type": "application/x-www-form-urlencoded"}
    return Request(headers, b"signed_request=" + signature + b"." + payload)


def test_who_wrote_to_a_page_is_forgotten_with_what_tells_of_them(
    world: World, shop: shopify.Shopify, clock: Clock
) -> None:
    door, meta = connected(world), Door(world, "meta", samples.META_SECRET, verify_token="word")
    at = int((clock.now - timedelta(hours=1)).timestamp() * 1000)
    meta.deliver(wrote(PERSON, "dan10", at), wrote(PERSON, "nobody's", at + 1), wrote("5550001", "noa10", at))
    run(meta)
    named = [{"name": "messenger_id", "value": PERSON}]
    order = shop.place(SHIRT, note_attributes=named)
    door.deliver(*shop.webhooks)
    run(door)
    assert door.earned(str(order)) == {"dan": 255}
    assert PERSON in told_of(world)
    before = books(world, door)
    meta.deliver(deletion(PERSON))
    run(meta)
    assert PERSON not in told_of(world)
    assert "5550001" in told_of(world)
    assert books(world, door) == before
    assert (request(world).status, request(world).orders) == ("done", [door.order_id(str(order))])
    meta.deliver(wrote(PERSON, "dan10", at))
    run(meta)
    assert books(world, door) == before


# --- tried again ------------------------------------------------------------------------------------------------------


@pytest.fixture
def parked(world: World, shop: shopify.Shopify, door: Door) -> str:
    """An order of which a request has left all that there is; and the request."""
    order = shop.place(SHIRT, **BUYER, currency="?")
    door.deliver(*shop.webhooks, redact(order, **CUSTOMER))
    run(door)
    assert (request(world).status, request(world).erased, request(world).left, raw(door)) == ("done", 0, 2, 3)
    return str(order)


def mended(monkeypatch: pytest.MonkeyPatch) -> None:
    """An adapter that reads what it could not read before."""
    reader = PLATFORMS["shopify"].facts

    def facts(said: Request, names: Any) -> Any:
        return reader(replace(said, body=said.body.replace(b'"currency":"?"', b'"currency":"USD"')), names)

    platforms = {"shopify": replace(PLATFORMS["shopify"], facts=facts), "meta": PLATFORMS["meta"]}
    monkeypatch.setattr(deliveries, "PLATFORMS", platforms)


def test_what_was_left_is_tried_again_each_day_until_nothing_is(
    world: World, door: Door, parked: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = request(world).done_at
    assert first == times.text(clock.now)
    assert [next_day(world) for _ in range(3)] == [1, 1, 1]
    assert (request(world).left, raw(door), len(world.parked())) == (2, 3, 2)
    assert request(world).done_at == first
    mended(monkeypatch)
    next_day(world)
    last = times.text(clock.now)
    assert (request(world).status, request(world).done_at, request(world).erased) == ("done", last, 2)
    assert (request(world).left, raw(door), left(world), world.parked()) == (0, 0, [], [])
    assert door.earned(parked) == {"dan": 255}
    assert not put_off(world)
    world.assert_invariants()


@pytest.mark.usefixtures("parked")
def test_it_is_not_tried_before_its_day(world: World, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQS keeps no message back for longer than a quarter of an hour."""
    began, walked = clock.now, list[bool]()
    monkeypatch.setattr(privacy, "done", lambda *_, **__: walked.append(True))
    queue = put_off(world)
    while queue:
        message = queue.popleft()
        assert message["DelaySeconds"] <= 900
        later(world.deployment, timedelta(seconds=message["DelaySeconds"]))
        work(message["MessageBody"])
    assert (clock.now - began, walked) == (privacy.AGAIN, [True])


def test_however_often_it_is_heard_one_row_of_tries_goes_on(
    world: World, shop: shopify.Shopify, door: Door, parked: str, clock: Clock
) -> None:
    """The second pass, the platform and SQS all say it again."""
    queue = put_off(world)
    for _ in range(3):
        clock.pass_(timedelta(minutes=10))
        world.second_pass(2)
        door.deliver(redact(int(parked), **CUSTOMER))
        queue.append(queue[0])
        run(door)
    assert next_day(world) > 1
    assert [next_day(world) for _ in range(3)] == [1, 1, 1]


def test_what_dies_before_it_is_noted_is_tried_again_once(
    world: World, door: Door, parked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    later(world.deployment, privacy.AGAIN)
    [due] = world.deployment.sqs.sent.pop(world.deployment.settings.privacy_queue_url)
    with monkeypatch.context() as patch, suppress(AssertionError):
        patch.setattr("vouch.store.privacy.finish", lambda *_, **__: 1 // 0)
        work(due["MessageBody"])
    later(world.deployment, timedelta(minutes=9))
    work(due["MessageBody"])
    assert next_day(world) == 2
    assert next_day(world) == 1


@pytest.mark.usefixtures("parked")
def test_what_has_expired_is_left_no_more(world: World, door: Door) -> None:
    for delivery in Delivery.scan(consistent_read=True):
        delivery.delete()
    next_day(world)
    assert (request(world).status, request(world).erased, request(world).left) == ("done", 0, 0)
    assert not put_off(world)


def test_who_wrote_to_a_page_is_found_again_and_what_came_later_of_them_stays(
    world: World, shop: shopify.Shopify, door: Door, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    meta = Door(world, "meta", samples.META_SECRET, verify_token="word")
    named = [{"name": "messenger_id", "value": PERSON}]
    order = shop.place(SHIRT, note_attributes=named)
    door.deliver(*shop.webhooks)
    shop.orders[order]["currency"] = "?"
    shop.cancel(order)
    door.deliver(*shop.webhooks[2:])
    run(door)
    meta.deliver(deletion(PERSON))
    run(meta)
    before = request(world)
    assert before.left
    assert before.erased + before.left == len(shop.webhooks)
    clock.pass_(timedelta(hours=1))
    meta.deliver(wrote(PERSON, "noa10", int(clock.now.timestamp() * 1000)))
    world.second_pass(2)
    run(meta)
    next_day(world)
    assert request(world).left == before.left
    last, placed_at = str(shop.place(SHIRT, note_attributes=named)), clock.now
    door.deliver(*shop.webhooks[-2:])
    run(door)
    mended(monkeypatch)
    next_day(world)
    assert (request(world).left, raw(door)) == (0, 0)
    assert (door.earned(str(order)), door.earned(last)) == ({}, {"noa": 255})
    meta.deliver(wrote(PERSON, "dan10", int((placed_at - timedelta(minutes=1)).timestamp() * 1000)))
    run(meta)
    assert door.earned(last) == {"dan": 255}


# --- interrupted ------------------------------------------------------------------------------------------------------


def test_what_there_is_no_time_for_goes_on_by_another_message(world: World, shop: shopify.Shopify, door: Door) -> None:
    placed = [shop.place(SHIRT, **BUYER) for _ in range(3)]
    broken = shop.place(SHIRT, **BUYER, currency="?")
    door.deliver(*shop.webhooks)
    run(door)
    door.deliver(redact(broken, *placed, **CUSTOMER))
    world.settle(door.fresh())
    steps = 0
    for message in messages(world):
        for _ in range(1 + (steps == 1)):
            work(message, lambda: 1_000)
        steps += 1
    assert steps > 4
    done = request(world)
    assert (done.status, done.erased, done.left, len(done.orders)) == ("done", 6, 2, 4)
    assert raw(door) == 3


def test_an_order_of_which_nothing_is_left_once_it_is_erased_hides_none_behind_it(
    world: World, shop: shopify.Shopify, door: Door
) -> None:
    """No order was ever made of it, and each is worked off by a message of its own."""
    shop._send("fulfillments/create", {"id": 1, "order_id": 77, "email": MAIL})
    sold = shop.place(SHIRT, **BUYER)
    door.deliver(*shop.webhooks)
    run(door)
    door.deliver(redact(77, sold, **CUSTOMER))
    world.settle(door.fresh())
    for message in messages(world):
        work(message, lambda: 1_000)
    assert (raw(door), left(world), request(world).erased) == (0, [], 3)


def test_a_shop_is_gone_through_page_by_page_as_time_allows(
    world: World, shop: shopify.Shopify, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(privacy, "KEPT", timedelta(hours=2))
    monkeypatch.setattr(inbox, "_KEYS_PAGE", 1)
    door, second = connected(world), connected(world, "second.myshopify.com")
    for _ in range(3):
        shop.place(SHIRT, **BUYER)
        shop.place(SHIRT, **BUYER, currency="?")
        clock.pass_(timedelta(minutes=40))
    for each in (door, second):
        each.deliver(*shop.webhooks)
        run(each)
    before = books(world, door, second)
    door.deliver(asked("shop/redact"))
    world.settle(door.fresh())
    for message in messages(world):
        work(message, lambda: 1_000)
    done = request(world)
    assert (done.status, done.erased, done.left) == ("done", 6, 6)
    assert (raw(door), raw(second)) == (7, 12)
    assert books(world, door, second) == before


def test_what_a_shop_sends_while_the_hours_before_are_gone_through_goes_too(
    world: World, shop: shopify.Shopify, door: Door, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each step is a message of its own; the hour of the request comes last."""
    monkeypatch.setattr(privacy, "KEPT", timedelta(hours=2))
    shop.place(SHIRT, **BUYER)
    door.deliver(*shop.webhooks)
    run(door)
    clock.pass_(timedelta(minutes=10))
    door.deliver(asked("shop/redact"))
    world.settle(door.fresh())
    steps = 0
    for message in messages(world):
        work(message, lambda: 1_000)
        steps += 1
        if steps in (5, 30):
            told = len(shop.webhooks)
            shop.place(SHIRT, **BUYER)
            door.deliver(*shop.webhooks[told:])
            clock.pass_(timedelta(minutes=25))
    assert steps >= 4 * inbox.HOUR_SHARDS
    assert (raw(door), left(world)) == (0, [])
    assert (request(world).status, request(world).erased, request(world).left) == ("done", 6, 0)
    run(door)
    world.assert_invariants()


@contextmanager
def broken_world(deployment: Deployment) -> Iterator[tuple[World, Any]]:
    with injected(deployment) as faults, functions(deployment):
        yield World(deployment).build(), faults


@pytest.mark.parametrize("kind", ["crash before", "crash after"])
def test_whichever_call_it_dies_at_all_of_it_goes_and_is_counted_once(
    deployment: Deployment, clock: Clock, kind: str
) -> None:
    with ExitStack() as stack:
        world, faults = stack.enter_context(broken_world(deployment))
        shop = stack.enter_context(shopify.Shopify(clock))
        door = connected(world)
        number = calls = 0
        while number <= calls:
            number += 1
            shop.webhooks.clear()
            placed = [shop.place(SHIRT, **BUYER), shop.place(SHIRT, **BUYER, note=incompressible(400_000))]
            door.deliver(*shop.webhooks)
            unsettled = door.fresh()
            world.settle(unsettled[:2])
            door.deliver(redact(*placed, number=number, id=1, email=None))
            world.settle(door.fresh())
            said = deployment.sqs.sent[deployment.settings.privacy_queue_url].pop()["MessageBody"]
            with faults.breaking(number, kind), suppress(AssertionError, Exception, Died):
                work(said)
            calls = max(calls, len(faults.calls))
            work(said)
            where = f"call {number} of {calls}"
            assert left(world) == [], where
            [done] = [each for each in requests(world) if each.id == json.loads(said)["delivery"][1]]
            assert (done.status, done.erased, done.left) == ("done", 4, 0), where
            assert [door.earned(str(each)) for each in placed] == [{"dan": 255}] * 2, where
        assert number > 15
        world.assert_invariants()

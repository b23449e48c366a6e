"""What WooCommerce's deliveries and answers say, field by field, and the traps of its orders and refunds."""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import permutations
from random import Random
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.platforms import samples
from tests.platforms.test_signing import sign_woocommerce
from tests.standins.server import Asked, busy, cut, talk
from tests.standins.woocommerce import KEY, SECRET, TOKEN, WooCommerce
from vouch.domain import clicks, times
from vouch.domain.commission import bases
from vouch.domain.facts import Cancellation, Lifecycle, Line, OrderFacts, Refund, RefundLine, Snapshot
from vouch.domain.terms import Base
from vouch.platforms import woocommerce
from vouch.platforms.base import (
    Account,
    Answer,
    Ask,
    BadSignature,
    Changes,
    Ignored,
    NotYet,
    PrivacyRequest,
    Reading,
    Request,
    Span,
    Thin,
    Unreadable,
)

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
SHIRT = Line("7270", 2, 5000, discount=1000, tax=1710, sku="LIN-M", product_id="93")
TOTE = Line("7271", 1, 2000, discount=200, tax=342, sku="TOTE", product_id="94")
CREATED = Snapshot(
    updated_at=times.parse("2026-05-04T08:15:30Z"),
    triggered_at=times.EPOCH,
    placed_at=times.parse("2026-05-04T08:15:30Z"),
    placed_at_guessed=True,
    lifecycle=Lifecycle.OPEN,
    paid=False,
    currency="EUR",
    lines=(SHIRT, TOTE),
    platform="woocommerce",
    shipping=500,
    shipping_tax=95,
    tip=0,
    tax_included=False,
    test=False,
    country="DE",
    codes=("noa10",),
    click_ids=(),
    customers=("<email:sam.sample@example.com>",),
    customer_new=None,
    refund_ids=(),
)
PAID = CREATED.__replace__(
    updated_at=times.parse("2026-05-04T08:16:02Z"),
    lifecycle=Lifecycle.PAID,
    paid=True,
)
PARTLY_REFUNDED = PAID.__replace__(
    updated_at=times.parse("2026-05-09T07:00:00Z"),
    triggered_at=times.EPOCH + timedelta(microseconds=1),
    refund_ids=("741",),
)
REFUNDED = PAID.__replace__(
    updated_at=times.parse("2026-05-12T07:00:00Z"),
    triggered_at=times.EPOCH + timedelta(microseconds=2),
    lifecycle=Lifecycle.REFUNDED,
    refund_ids=("741", "742"),
)
SHIRT_BACK = Refund("741", times.EPOCH, "EUR", amount=5355, amount_with_tax=True)
REST_BACK = Refund("742", times.EPOCH, "EUR", amount=8092, amount_with_tax=True)
SHIRT_BACK_BY_LINE = Refund(
    "741", times.parse("2026-05-09T07:00:00Z"), "EUR", (RefundLine("7270", 1, 4500, 855),), 0, amount_with_tax=True
)
CLICK = clicks.PREFIX + "a" * clicks.ENCODED
OTHER_CLICK = clicks.PREFIX + "-_" + "Z" * (clicks.ENCODED - 2)
ACCOUNT = Account([samples.WOOCOMMERCE_SECRET], shop="shop.example.net", api_token=TOKEN)


def delivery(topic: str, body: Any) -> Request:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Request({"x-wc-webhook-topic": topic}, raw)


def updated(**changes: Any) -> Request:
    return delivery("order.updated", samples.content("woocommerce/order_updated_processing") | changes)


def snapshot(request: Request) -> Snapshot:
    fact = samples.reading("woocommerce", request).facts[0]
    assert isinstance(fact, Snapshot)
    return fact


def unreadable(request: Request) -> str:
    with pytest.raises(Unreadable) as refusal:
        woocommerce.facts(request, samples.pseudonym)
    return refusal.value.reason


def sold(line_id: int, quantity: Any, total: str, tax: str = "0.00", **changes: Any) -> dict[str, Any]:
    line = {"id": line_id, "quantity": quantity, "subtotal": total, "total": total, "total_tax": tax}
    return line | {"product_id": 93, "sku": None, "meta_data": []} | changes


def line(**changes: Any) -> Line:
    """What becomes of the only line of an order."""
    [only] = snapshot(updated(line_items=[sold(1, 2, "10.00", "1.90") | changes])).lines
    return only


def fee(total: str, tax: str = "0.00") -> dict[str, Any]:
    return {"id": 9, "name": "Fee", "total": total, "total_tax": tax, "meta_data": []}


def returned(line_id: int | None, quantity: Any, total: str, tax: str = "0.00", **changes: Any) -> dict[str, Any]:
    """A line of a refund as the API tells it."""
    meta = [] if line_id is None else [{"id": 5, "key": "_refunded_item_id", "value": str(line_id)}]
    return {"id": 8000, "quantity": quantity, "total": total, "total_tax": tax, "meta_data": meta} | changes


def given_back(refund_id: int, amount: str | None, *lines: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A refund as the API tells it."""
    return {
        "id": refund_id,
        "date_created": "2026-05-09T09:00:00",
        "date_created_gmt": "2026-05-09T07:00:00",
        "amount": amount,
        "line_items": list(lines),
        "shipping_lines": [],
        "fee_lines": [],
    } | changes


ASKED_AT = "2026-05-20T12:00:00.000000Z"


def answer(order: Any, *refunds: dict[str, Any], at: str = ASKED_AT) -> bytes:
    """What a conversation brings home."""
    said = {"order_id": "727", "asked_at": at, "order": order, "refunds": list(refunds)}
    return json.dumps(said).encode()


def told(body: bytes) -> Reading:
    assert woocommerce.PLATFORM.api is not None
    read = woocommerce.PLATFORM.api.read(body, samples.pseudonym)
    assert isinstance(read, Reading), read
    return read


SHIRT_RETURNED = given_back(741, "53.55", returned(7270, -1, "-45.00", "-8.55"))
ANSWER = answer(samples.content("woocommerce/order_updated_partial_refund"), SHIRT_RETURNED)

FULL_ANSWER = answer(
    samples.content("woocommerce/order_updated_partial_refund")
    | {
        "line_items": [
            sold(11, 2, "100.00", "19.00", meta_data=[{"id": 1, "key": "pw_gift_card_amount", "value": "50"}]),
            sold(12, 1.5, "50.00", "3.50", meta_data=[{"id": 1, "key": "_ref", "value": CLICK}]),
            sold(13, -1, "-5.00", "-0.95"),
        ],
        "fee_lines": [fee("-10.00", "-1.90"), fee("3.00", "0.57")],
        "customer_id": 25,
        "meta_data": [
            {"id": 1, "key": "_wcpay_mode", "value": "prod"},
            {
                "id": 2,
                "key": "_wc_order_attribution_session_entry",
                "value": f"https://shop.example.net/?ref={OTHER_CLICK}",
            },
        ],
    },
    given_back(
        741,
        "92.82",
        returned(11, -1, "-50.00", "-9.50"),
        returned(12, -0.5, "-25.00", "-1.75"),
        returned(13, 1, "2.50", "0.48"),
        fee_lines=[returned(9, None, "5.00", "0.95"), returned(10, None, "-3.00", "-0.57")],
        shipping_lines=[returned(20, None, "-5.00", "-0.95")],
    ),
)
"""One that says all that is read."""


class TestSamples:
    def test_a_created_order_is_not_paid_yet(self) -> None:
        assert samples.reading("woocommerce", samples.request("woocommerce/order_created")) == Reading(
            "727", (CREATED,)
        )

    def test_a_paid_order(self) -> None:
        read = samples.reading("woocommerce", samples.request("woocommerce/order_updated_processing"))
        assert read == Reading(
            "727", (PAID,), asks=(Ask("refunds", {"order_id": "727", "modified": "2026-05-04T08:16:02"}),)
        )

    def test_a_refund_is_a_sum_until_the_shop_is_asked(self) -> None:
        read = samples.reading("woocommerce", samples.request("woocommerce/order_updated_partial_refund"))
        asks = (Ask("refunds", {"order_id": "727", "modified": "2026-05-09T07:00:00"}),)
        assert read == Reading("727", (PARTLY_REFUNDED, SHIRT_BACK), asks=asks)

    def test_the_shop_names_the_lines(self) -> None:
        asked = PARTLY_REFUNDED.__replace__(triggered_at=times.parse(ASKED_AT))
        there = Cancellation("order.deleted", times.parse(ASKED_AT), undone=True)
        assert told(ANSWER) == Reading("727", (asked, SHIRT_BACK_BY_LINE, there))

    def test_an_order_that_was_given_back_in_full(self) -> None:
        read = samples.reading("woocommerce", samples.request("woocommerce/order_updated_refunded"))
        asks = (Ask("refunds", {"order_id": "727", "modified": "2026-05-12T07:00:00"}),)
        assert read == Reading("727", (REFUNDED, REST_BACK, SHIRT_BACK), asks=asks)

    def test_a_cancelled_order_need_not_have_been_paid(self) -> None:
        cancelled = CREATED.__replace__(
            updated_at=times.parse("2026-05-04T09:15:30Z"),
            lifecycle=Lifecycle.CANCELLED,
            lines=(SHIRT.__replace__(id="7280"),),
        )
        read = samples.reading("woocommerce", samples.request("woocommerce/order_updated_cancelled"))
        assert read == Reading(
            "728", (cancelled,), asks=(Ask("refunds", {"order_id": "728", "modified": "2026-05-04T09:15:30"}),)
        )

    def test_of_a_deleted_order_the_shop_is_asked(self) -> None:
        said = woocommerce.facts(samples.request("woocommerce/order_deleted"), samples.pseudonym)
        assert said == Thin(Ask("trash", {"order_id": "728"}))

    def test_a_deleted_customer_is_to_be_forgotten(self) -> None:
        request = samples.request("woocommerce/customer_deleted")
        said = woocommerce.facts(request, samples.pseudonym)
        assert isinstance(said, PrivacyRequest)
        assert (said.kind, said.customers, said.orders) == ("erase_customer", ("<id:door:25>",), ())

    @pytest.mark.parametrize(
        "sample, subject",
        [
            ("order_created", "727"),
            ("order_updated_refunded", "727"),
            ("order_deleted", "728"),
            ("customer_deleted", "customer:25"),
        ],
    )
    def test_deliveries_of_one_order_have_one_subject(self, sample: str, subject: str) -> None:
        assert woocommerce.subject(samples.request(f"woocommerce/{sample}")) == subject

    def test_every_sample_is_one_of_these(self) -> None:
        assert len(samples.names("woocommerce")) == 8


class TestDeliveries:
    def verified(self, topic: str, body: bytes, delivery_id: str = "d-1", secret: str = "s") -> str:
        headers = sign_woocommerce(secret, body, NOW)
        named = headers | {"x-wc-webhook-topic": topic, "x-wc-webhook-delivery-id": delivery_id}
        return woocommerce.verify(Request(named, body), Account([secret]), NOW)

    def test_two_orders_of_one_second_are_two_deliveries_though_they_share_an_id(self) -> None:
        assert self.verified("order.updated", b'{"id":1}') != self.verified("order.updated", b'{"id":2}')

    def test_one_body_that_is_sent_again_is_one_delivery_whatever_its_id(self) -> None:
        assert self.verified("order.updated", b'{"id":1}') == self.verified("order.updated", b'{"id":1}', "d-2")

    def test_one_body_of_two_topics_is_two_deliveries(self) -> None:
        assert self.verified("order.updated", b'{"id":1}') != self.verified("order.restored", b'{"id":1}')

    def test_an_order_may_be_deleted_twice(self) -> None:
        assert self.verified("order.deleted", b'{"id":1}') == self.verified("order.deleted", b'{"id":1}')
        assert self.verified("order.deleted", b'{"id":1}') != self.verified("order.deleted", b'{"id":1}', "d-2")

    @pytest.mark.parametrize(
        "stored, signs",
        [
            ("a&amp;b&quot;c&#039;d", "a&b\"c'd"),
            ("&lt;&#060;&#60;", "<<<"),
            ("&gt;&#0062;", ">>"),
            ("&#38;&#x26;&#X26;", "&&&"),
            ("&#34;&#x22;&#39;&#x0027;", "\"\"''"),
            ("&amp;lt;", "&lt;"),
            ("x&copy=1&amp;y&eacute;", "x&copy=1&y&eacute;"),
            ("&amp &AMP; & &#x3c;", "&amp &AMP; & &#x3c;"),
            ("סוד", "סוד"),
        ],
    )
    def test_a_secret_signs_without_the_entities_of_wordpress_and_with_all_else(self, stored: str, signs: str) -> None:
        request = Request(sign_woocommerce(signs, b"{}", NOW), b"{}")
        assert woocommerce.verify(request, Account(["another", stored]), NOW)

    def test_a_secret_may_be_given_as_it_was_typed(self) -> None:
        typed = "a&b\"c'd"
        assert woocommerce.verify(Request(sign_woocommerce(typed, b"{}", NOW), b"{}"), Account([typed]), NOW)

    def test_a_signature_by_the_stored_form_is_none(self) -> None:
        with pytest.raises(BadSignature):
            woocommerce.verify(Request(sign_woocommerce("a&amp;b", b"{}", NOW), b"{}"), Account(["a&amp;b"]), NOW)

    def test_the_greeting_is_known(self) -> None:
        ping = samples.request("woocommerce/ping")
        assert woocommerce.is_ping(ping)
        with pytest.raises(BadSignature):
            woocommerce.verify(ping, ACCOUNT, NOW)

    @pytest.mark.parametrize(
        "headers, body",
        [
            ({"x-wc-webhook-topic": "order.updated"}, b"webhook_id=7"),
            ({"x-wc-webhook-signature": "AAAA"}, b"webhook_id=7"),
            ({}, b"webhook_id="),
            ({}, b"webhook_id=7&x=1"),
            ({}, b"webhook_id=7\n"),
            ({}, b"webhook_id=x"),
            ({}, b"webhook_id=" + b"7" * 21),
            ({}, b'{"id":728}'),
            ({}, b""),
        ],
    )
    def test_nothing_else_is_a_greeting(self, headers: dict[str, str], body: bytes) -> None:
        assert not woocommerce.is_ping(Request(headers, body))

    @pytest.mark.parametrize("topic", ["", "product.updated", "coupon.deleted", "ORDER.UPDATED", "customer.updated"])
    def test_an_unknown_topic_is_ignored_whatever_its_body(self, topic: str) -> None:
        assert woocommerce.facts(delivery(topic, b"\xff"), samples.pseudonym) == Ignored("unknown_topic")

    @pytest.mark.parametrize("body", [b"", b"\xff", b"[1]", b"{}", b'{"id":true}', b'{"id":0}', b"[" * 100_000])
    def test_a_body_without_an_id_is_its_own_subject(self, body: bytes) -> None:
        subject = woocommerce.subject(delivery("order.updated", body))
        assert subject == woocommerce.subject(delivery("order.created", body))
        assert len(subject) == 64


class TestShapes:
    """The topic is not signed: a genuine body must not pass for another topic's."""

    @pytest.mark.parametrize(
        "topic, sample",
        [
            ("order.updated", "order_deleted"),
            ("order.restored", "customer_deleted"),
            ("order.deleted", "order_updated_processing"),
            ("customer.deleted", "order_updated_processing"),
        ],
    )
    def test_a_body_of_another_topic_is_parked(self, topic: str, sample: str) -> None:
        assert unreadable(delivery(topic, samples.content(f"woocommerce/{sample}"))) == "shape_mismatch"

    @pytest.mark.parametrize(
        "key", ["status", "currency", "date_created_gmt", "date_modified_gmt", "line_items", "refunds"]
    )
    def test_what_makes_an_order_is_not_missing(self, key: str) -> None:
        assert unreadable(updated(**{key: None})) == "shape_mismatch"

    def test_an_order_as_older_versions_of_the_api_write_it_is_none(self) -> None:
        order = samples.content("woocommerce/order_updated_processing")
        assert unreadable(delivery("order.updated", {"order": order})) == "shape_mismatch"

    def test_a_shop_that_may_not_read_its_own_order_says_so(self) -> None:
        refusal = {"code": "woocommerce_rest_cannot_view", "message": "Sorry …", "data": {"status": 401}}
        assert unreadable(delivery("order.updated", refusal)) == "platform_refused"

    @pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"id":NaN}', b'{"id":1e9999999999999999999}', b"[" * 9_999])
    @pytest.mark.parametrize("topic", ["order.updated", "order.restored", "order.deleted", "customer.deleted"])
    def test_what_is_not_json_is_parked(self, topic: str, body: bytes) -> None:
        assert unreadable(delivery(topic, body)) == "not_json"

    @pytest.mark.parametrize("order_id", ["../customers/1", "7 27", "7" * 21, "", -1, 1.5, "٧"])
    def test_an_order_is_numbered(self, order_id: Any) -> None:
        assert unreadable(updated(id=order_id)) == "shape_mismatch"
        assert unreadable(delivery("order.deleted", {"id": order_id})) == "shape_mismatch"

    @pytest.mark.parametrize(
        "changes, reason",
        [
            ({"currency": "EURO"}, "unknown_currency"),
            ({"date_modified_gmt": "2026-05-04T08:16:02Z"}, "bad_time"),
            ({"date_modified_gmt": "2026-05-04T08:16:02+02:00"}, "bad_time"),
            ({"date_created_gmt": "soon"}, "bad_time"),
            ({"status": 7}, "shape_mismatch"),
            ({"refunds": [{"id": 1, "total": "53.55"}]}, "bad_amount"),
            ({"refunds": [{"id": 1, "total": None}]}, "shape_mismatch"),
            ({"refunds": [{"total": "-1.00"}]}, "shape_mismatch"),
            ({"line_items": [sold(1, 1, "9.999")]}, "bad_amount"),
            ({"line_items": [sold(1, 1, "1e3")]}, "bad_amount"),
            ({"line_items": [sold(1, None, "9.99")]}, "shape_mismatch"),
            ({"line_items": [sold(1, "many", "9.99")]}, "shape_mismatch"),
            ({"line_items": [sold(1, True, "9.99")]}, "shape_mismatch"),
            ({"line_items": [sold(1, 10**10, "9.99")]}, "shape_mismatch"),
            ({"line_items": [sold(1, 1, "1.00"), sold(1, 1, "1.00")]}, "duplicate_line"),
            ({"line_items": [sold(1, 10**9, "1.00", subtotal="9999999999999.99")]}, "amount_out_of_range"),
            ({"shipping_total": "five"}, "bad_amount"),
            ({"fee_lines": [{"id": 1}]}, "shape_mismatch"),
        ],
    )
    def test_a_wrong_value_is_parked_by_its_reason(self, changes: dict[str, Any], reason: str) -> None:
        assert unreadable(updated(**changes)) == reason


class TestStatuses:
    @pytest.mark.parametrize(
        "status, lifecycle, paid, paid_before",
        [
            ("pending", Lifecycle.OPEN, False, True),
            ("on-hold", Lifecycle.OPEN, False, True),
            ("processing", Lifecycle.PAID, True, True),
            ("completed", Lifecycle.PAID, True, True),
            ("refunded", Lifecycle.REFUNDED, True, True),
            ("cancelled", Lifecycle.CANCELLED, False, True),
            ("failed", Lifecycle.CANCELLED, False, True),
            ("trash", Lifecycle.CANCELLED, False, True),
            ("partially-paid", Lifecycle.PARTLY_PAID, False, False),
            ("partial-payment", Lifecycle.PARTLY_PAID, False, False),
        ],
    )
    def test_a_status_is_a_stage_of_life(
        self, status: str, lifecycle: Lifecycle, paid: bool, paid_before: bool
    ) -> None:
        undated, dated = snapshot(updated(status=status, date_paid_gmt=None)), snapshot(updated(status=status))
        assert (undated.lifecycle, undated.paid) == (lifecycle, paid)
        assert (dated.lifecycle, dated.paid) == (lifecycle, paid_before)

    @pytest.mark.parametrize("status", ["shipped", "awaiting-pickup", "quote", "PROCESSING", "x" * 200])
    def test_a_status_that_nobody_knows_goes_by_the_date_of_payment(self, status: str) -> None:
        undated, dated = snapshot(updated(status=status, date_paid_gmt=None)), snapshot(updated(status=status))
        assert (undated.lifecycle, undated.paid) == (Lifecycle.OPEN, False)
        assert (dated.lifecycle, dated.paid) == (Lifecycle.PAID, True)

    @pytest.mark.parametrize("status", ["checkout-draft", "auto-draft", "draft"])
    def test_a_draft_is_no_order_yet(self, status: str) -> None:
        assert woocommerce.facts(updated(status=status), samples.pseudonym) == Ignored("draft_order")

    def test_an_order_whose_date_staff_has_changed_is_still_the_same_one(self) -> None:
        moved = updated(date_created_gmt="2026-05-06T08:15:30", date_modified_gmt="2026-05-06T09:00:00")
        for both in permutations([PAID, snapshot(moved)]):
            known, _ = OrderFacts().with_facts(both)
            assert known.snapshot is not None
            assert known.snapshot.placed_at == PAID.placed_at

    def test_the_newest_body_counts_whatever_comes_first(self) -> None:
        paid, failed = updated(), updated(status="failed", date_modified_gmt="2026-05-04T08:15:50", date_paid_gmt=None)
        for both in permutations([snapshot(paid), snapshot(failed)]):
            assert OrderFacts().with_facts(both)[0].snapshot == snapshot(paid)


class TestEvidence:
    def test_codes_come_from_coupons(self) -> None:
        coupons = [{"id": 1, "code": " NOA10 "}, {"id": 2, "code": "שלום"}, {"id": 3}, {"id": 4, "code": "a&amp;b"}]
        assert snapshot(updated(coupon_lines=coupons)).codes == ("noa10", "שלום", "a&b")

    @pytest.mark.parametrize("key", ["_ref", "ref", "click_id", "_refs"])
    def test_a_click_id_is_an_attribute_of_the_order(self, key: str) -> None:
        assert snapshot(updated(meta_data=[{"id": 1, "key": key, "value": CLICK}])).click_ids == (CLICK,)

    def test_or_of_a_line(self) -> None:
        lines = [sold(1, 1, "9.00", meta_data=[{"id": 1, "key": "_ref", "value": CLICK}])]
        assert snapshot(updated(line_items=lines)).click_ids == (CLICK,)

    @pytest.mark.parametrize("name", ["ref", "utm_content", "whatever"])
    def test_or_of_the_landing_page_by_whatever_name(self, name: str) -> None:
        entry = f"https://shop.example.net/p/?utm_source=x&{name}={CLICK}#top"
        meta = [
            {"id": 1, "key": "_wc_order_attribution_session_entry", "value": entry},
            {"id": 2, "key": "_ref", "value": OTHER_CLICK},
        ]
        assert snapshot(updated(meta_data=meta)).click_ids == (OTHER_CLICK, CLICK)

    @pytest.mark.parametrize(
        "meta",
        [
            None,
            "text",
            [None],
            [{"key": "_ref"}],
            [{"key": "_ref", "value": [CLICK]}],
            [{"key": "_ref", "value": {"a": CLICK}}],
            [{"key": 7, "value": CLICK}],
            [{"key": "_billing_note", "value": CLICK}],
            [{"key": "_wc_order_attribution_referrer", "value": f"https://x.example/?ref={CLICK}"}],
        ],
    )
    def test_attributes_in_a_wrong_shape_say_nothing(self, meta: Any) -> None:
        assert snapshot(updated(meta_data=meta)).click_ids == ()

    @pytest.mark.parametrize(
        "email, customer_id, names",
        [
            ("Sam@Example.com", 0, ("<email:sam@example.com>",)),
            ("sam@example.com", 25, ("<email:sam@example.com>", "<id:door:25>")),
            ("", 25, ("<id:door:25>",)),
            ("", 0, ()),
            (None, "x", ("<id:door:x>",)),
        ],
    )
    def test_a_buyer_is_known_by_mail_and_by_number(self, email: Any, customer_id: Any, names: tuple[str, ...]) -> None:
        """By number, too: it is all that is said of a customer who is deleted."""
        assert snapshot(updated(billing={"email": email}, customer_id=customer_id)).customers == names

    @pytest.mark.parametrize(
        "shipping, billing, country", [("FR", "DE", "FR"), ("", "de", "DE"), (None, None, None), ("DEU", "?", None)]
    )
    def test_a_country_is_where_it_goes(self, shipping: Any, billing: Any, country: str | None) -> None:
        order = updated(shipping={"country": shipping}, billing={"country": billing})
        assert snapshot(order).country == country

    @pytest.mark.parametrize("value, test", [("test", True), ("prod", False), ("production", False)])
    def test_a_payment_in_test_mode_makes_a_test(self, value: str, test: bool) -> None:
        assert snapshot(updated(meta_data=[{"id": 1, "key": "_wcpay_mode", "value": value}])).test is test

    @pytest.mark.parametrize("key", ["wc_gc_giftcard_amount", "pw_gift_card_amount"])
    def test_gift_cards_are_known_by_what_plugins_leave(self, key: str) -> None:
        assert line(meta_data=[{"id": 1, "key": key, "value": "25"}]).gift_card
        assert line(meta_data=[{"id": 1, "key": key, "value": 25}]).gift_card
        assert not line(meta_data=[{"id": 1, "key": key, "value": ""}]).gift_card


class TestLines:
    @pytest.mark.parametrize(
        "quantity, subtotal, total, price, discount",
        [
            (2, "10.00", "10.00", 500, 0),
            (2, "10.00", "9.00", 500, 100),
            (3, "10.00", "10.00", 334, 2),
            (3, "10.00", "0.00", 334, 1002),
            (7, "0.05", "0.05", 1, 2),
            (1, "10.00", "12.00", 1200, 0),
            (2, None, "10.00", 500, 0),
            (2, "", "10.00", 500, 0),
        ],
    )
    def test_the_base_is_the_total_to_the_unit(
        self, quantity: int, subtotal: str | None, total: str, price: int, discount: int
    ) -> None:
        made = line(quantity=quantity, subtotal=subtotal, total=total)
        assert (made.quantity, made.unit_price, made.discount) == (quantity, price, discount)
        assert quantity * made.unit_price - made.discount == round(float(total) * 100)

    @pytest.mark.parametrize(
        "quantity, pieces", [(2, 2), (2.0, 2), ("3", 3), (0, 1), (0.75, 1), ("1.5", 1), (12.5, 1), (1e-9, 1)]
    )
    def test_a_weight_is_one_piece_and_loses_nothing(self, quantity: Any, pieces: int) -> None:
        made = line(quantity=quantity, total="9.99", subtotal="11.99")
        assert made.quantity == pieces
        assert made.quantity * made.unit_price - made.discount == 999

    @pytest.mark.parametrize("included", [False, True])
    def test_prices_with_tax_in_them_are_told_without_it_too(self, included: bool) -> None:
        """WooCommerce tells the totals of lines without tax whichever way the shop enters its prices."""
        order = snapshot(updated(prices_include_tax=included))
        assert (order.lines, order.tax_included, order.shipping, order.shipping_tax) == ((SHIRT, TOTE), False, 500, 95)

    @pytest.mark.parametrize(
        "currency, total, minor",
        [("JPY", "1200", 1200), ("JPY", "1200.00", 1200), ("EUR", "12", 1200), ("KWD", "1.250", 1250)],
    )
    def test_decimals_are_those_of_the_shops_settings(self, currency: str, total: str, minor: int) -> None:
        order = updated(currency=currency, line_items=[sold(1, 1, total, "0")], shipping_total="0", shipping_tax="0")
        assert [each.unit_price for each in snapshot(order).lines] == [minor]

    def test_a_fee_is_no_goods(self) -> None:
        assert snapshot(updated(fee_lines=[fee("3.00", "0.57")])).lines == (SHIRT, TOTE)

    def test_a_negative_fee_is_a_discount_of_all_lines(self) -> None:
        lines = [sold(1, 2, "30.00", "5.70"), sold(2, 1, "10.00", "1.90"), sold(3, 1, "0.00")]
        made = snapshot(updated(line_items=lines, fee_lines=[fee("-4.00", "-0.76"), fee("3.00")])).lines
        assert [(each.discount, each.tax) for each in made] == [(300, 513), (100, 171), (0, 0)]

    def test_a_line_below_zero_is_one_too(self) -> None:
        lines = [sold(1, 1, "30.00", "5.70"), sold(2, 1, "-10.00", "-1.90"), sold(3, -1, "-5.00", "-0.95")]
        [made] = snapshot(updated(line_items=lines)).lines
        assert (made.id, made.unit_price, made.discount, made.tax) == ("1", 3000, 1500, 285)

    def test_no_discount_takes_more_than_there_is(self) -> None:
        made = snapshot(updated(line_items=[sold(1, 1, "3.00", "0.57")], fee_lines=[fee("-4.00", "-0.76")])).lines
        assert [(each.unit_price, each.discount, each.tax) for each in made] == [(300, 300, 0)]

    def test_an_order_without_lines_is_one(self) -> None:
        assert snapshot(updated(line_items=[], fee_lines=[fee("-4.00")])).lines == ()


class TestRefunds:
    ORDER: ClassVar = {
        "line_items": [sold(11, 2, "100.00", "19.00"), sold(12, 1, "50.00", "3.50"), sold(13, 1.5, "9.00", "1.71")],
        "refunds": [{"id": 741, "reason": "", "total": "-53.55"}],
    }

    def refund(self, amount: str | None, *lines: dict[str, Any], **changes: Any) -> Refund:
        order = samples.content("woocommerce/order_updated_partial_refund") | self.ORDER
        [_, fact, _] = told(answer(order, given_back(741, amount, *lines, **changes))).facts
        assert isinstance(fact, Refund)
        return fact

    def test_a_line_is_named_by_its_id_in_the_order(self) -> None:
        made = self.refund("112.50", returned(11, -1, "-50.00", "-9.50"), returned(12, -1, "-50.00", "-3.00"))
        assert made.lines == (RefundLine("11", 1, 5000, 950), RefundLine("12", 1, 5000, 300))
        assert (made.amount, made.amount_with_tax, made.failed) == (0, True, False)

    def test_its_id_may_be_a_number(self) -> None:
        meta = [{"id": 5, "key": "_refunded_item_id", "value": 11}]
        assert self.refund("1.00", returned(None, 0, "-1.00", meta_data=meta)).lines == (RefundLine("11", 0, 100, 0),)

    @pytest.mark.parametrize("named", ["11\n", "1" * 256, "\u2028"])
    def test_a_line_by_an_id_that_is_none_is_parked(self, named: str) -> None:
        meta = [{"id": 5, "key": "_refunded_item_id", "value": named}]
        with pytest.raises(Unreadable) as refusal:
            self.refund("1.00", returned(None, 0, "-1.00", meta_data=meta))
        assert refusal.value.reason == "shape_mismatch"

    def test_what_names_no_line_is_money_beyond_the_lines(self) -> None:
        assert self.refund("20.00").amount == 2000
        assert self.refund("20.00", returned(None, -1, "-20.00")).amount == 2000
        made = self.refund("20.00", returned(11, 0, "-10.00", "-1.90"))
        assert (made.lines, made.amount) == ((RefundLine("11", 0, 1000, 190),), 810)

    def test_a_sum_below_that_of_its_lines_is_what_was_given_back(self) -> None:
        assert self.refund("50.00", returned(11, -1, "-50.00", "-9.50")).amount == -950

    def test_shipping_and_fees_take_nothing_back(self) -> None:
        shipped = {"shipping_lines": [returned(20, None, "-5.00", "-0.95")]}
        assert self.refund("5.95", **shipped) == self.refund("0.00")
        assert self.refund("3.57", fee_lines=[returned(21, None, "-3.00", "-0.57")]).amount == 0
        both = self.refund("65.45", returned(11, -1, "-50.00", "-9.50"), **shipped)
        assert (both.lines, both.amount) == ((RefundLine("11", 1, 5000, 950),), 0)

    def test_a_discount_that_was_a_fee_is_given_back_less(self) -> None:
        """Of 119.00 for the lines, 11.90 was off."""
        lines = returned(11, -2, "-75.00", "-14.25"), returned(12, -1, "-25.00", "-4.75")
        made = self.refund("107.10", *lines, fee_lines=[returned(21, None, "10.00", "1.90")])
        assert made.lines == (RefundLine("11", 2, 6750, 1282), RefundLine("12", 1, 2250, 428))
        assert made.amount == 0

    def test_a_line_below_zero_is_one_too(self) -> None:
        made = self.refund("107.10", returned(11, -2, "-100.00", "-19.00"), returned(22, 1, "10.00", "1.90"))
        assert (made.lines, made.amount) == ((RefundLine("11", 2, 9000, 1710),), 0)

    @pytest.mark.parametrize(
        "line_id, quantity, pieces", [(11, -1, 1), (11, -0.5, 0), (13, -1, 0), (13, -1.5, 0), (13, 0, 0)]
    )
    def test_of_a_weight_no_piece_comes_back_but_its_money(self, line_id: int, quantity: Any, pieces: int) -> None:
        made = self.refund("6.00", returned(line_id, quantity, "-6.00"))
        assert made.lines == (RefundLine(str(line_id), pieces, 600, 0),)

    def test_tax_alone_may_be_given_back(self) -> None:
        assert self.refund("19.00", returned(11, 0, "0.00", "-19.00")).lines == (RefundLine("11", 0, 0, 1900),)

    @pytest.mark.parametrize(
        "changes, reason",
        [
            ({"amount": "-1.00"}, "bad_amount"),
            ({"amount": None}, "shape_mismatch"),
            ({"date_created_gmt": None}, "bad_time"),
            ({"id": None}, "shape_mismatch"),
            ({"line_items": [returned(11, -1, "-1.00", "0.50")]}, "bad_amount"),
            ({"line_items": [returned(11, None, "-1.00")]}, "shape_mismatch"),
            ({"line_items": "none"}, "shape_mismatch"),
            ({"shipping_lines": [{}]}, "shape_mismatch"),
        ],
    )
    def test_a_wrong_value_is_parked_by_its_reason(self, changes: dict[str, Any], reason: str) -> None:
        with pytest.raises(Unreadable) as refusal:
            self.refund(**{"amount": "1.00"} | changes)
        assert refusal.value.reason == reason

    def test_sums_that_are_no_amounts_are_refused(self) -> None:
        far = [returned(11, 0, "-9999999999999.99") for _ in range(3)]
        with pytest.raises(Unreadable) as refusal:
            self.refund("1.00", *far)
        assert refusal.value.reason == "amount_out_of_range"

    def test_the_order_alone_never_beats_the_lines_however_old_these_are(self) -> None:
        for date in ("2026-05-09T07:00:00", "1970-01-01T00:00:00"):
            by_lines = self.refund("53.55", date_created_gmt=date)
            for both in permutations([by_lines, SHIRT_BACK]):
                assert OrderFacts().with_facts(both)[0].events["refund", "741"] == by_lines

    def test_all_of_it_together(self) -> None:
        """92.82 given back; shipping 5.95 and a fee of 3.57 of it are for no goods."""
        snapshot_, refund, undone = told(FULL_ANSWER).facts
        assert isinstance(snapshot_, Snapshot)
        assert [(each.quantity, each.unit_price, each.discount, each.tax) for each in snapshot_.lines] == [
            (2, 5000, 1000, 1659),
            (1, 5000, 500, 306),
        ]
        assert [each.gift_card for each in snapshot_.lines] == [True, False]
        assert snapshot_.click_ids == (CLICK, OTHER_CLICK)
        assert refund == Refund(
            "741",
            times.parse("2026-05-09T07:00:00Z"),
            "EUR",
            (RefundLine("11", 1, 4500, 829), RefundLine("12", 0, 2250, 153)),
            amount=598,
            amount_with_tax=True,
        )
        assert undone == Cancellation("order.deleted", times.parse(ASKED_AT), undone=True)

    def test_a_refund_that_the_order_lists_and_the_answer_does_not_stays_a_sum(self) -> None:
        order = samples.content("woocommerce/order_updated_refunded")
        facts = told(answer(order, SHIRT_RETURNED)).facts
        assert facts[1:-1] == (REST_BACK, SHIRT_BACK_BY_LINE)


class TestMoney:
    """What comes to be of the base, whatever is heard first."""

    def left_of(self, *read: Reading) -> int:
        left = set()
        for order in permutations(read):
            facts, _ = OrderFacts().with_facts([fact for one in order for fact in one.facts])
            assert facts.snapshot is not None
            left.add(sum(basis.kept_base for basis in bases(facts, facts.snapshot, Base())))
        [only] = left
        return only

    def said(self, *samples_: str) -> list[Reading]:
        return [samples.reading("woocommerce", samples.request(f"woocommerce/{name}")) for name in samples_]

    def body(self, lines: list[dict[str, Any]], *refunds: tuple[int, str], **changes: Any) -> dict[str, Any]:
        listed = [{"id": refund_id, "reason": "", "total": total} for refund_id, total in refunds]
        dated = {"date_modified_gmt": "2026-05-09T07:00:00"} if refunds else {}
        order = samples.content("woocommerce/order_updated_processing")
        return order | {"line_items": lines, "refunds": listed} | dated | changes

    def test_nothing_came_back(self) -> None:
        assert self.left_of(*self.said("order_created", "order_updated_processing")) == 10_800

    def test_a_sum_takes_back_its_part_of_all_lines(self) -> None:
        assert self.left_of(*self.said("order_updated_processing", "order_updated_partial_refund")) == 6_300

    def test_one_refund_from_both_doors_is_one(self) -> None:
        heard = self.said("order_created", "order_updated_processing", "order_updated_partial_refund")
        assert self.left_of(*heard, told(ANSWER)) == 6_300

    def test_lines_of_other_taxes_come_back_by_themselves(self) -> None:
        """As a sum 53.50 are 46.51 of the base, by its line 50.00."""
        lines = [sold(11, 1, "100.00", "19.00"), sold(12, 1, "50.00", "3.50")]
        order = self.body(lines, (741, "-53.50"))
        alone = samples.reading("woocommerce", delivery("order.updated", order))
        answered = told(answer(order, given_back(741, "53.50", returned(12, -1, "-50.00", "-3.50"))))
        assert self.left_of(alone) == 15_000 - 4_652
        assert self.left_of(alone, answered) == 10_000

    def test_all_of_it_comes_back(self) -> None:
        heard = self.said("order_updated_processing", "order_updated_partial_refund", "order_updated_refunded")
        assert self.left_of(*heard, told(ANSWER)) == 0

    def test_shipping_alone_takes_nothing_back_once_the_shop_was_asked(self) -> None:
        order = self.body([sold(11, 1, "100.00", "19.00")], (741, "-5.95"))
        answered = told(answer(order, given_back(741, "5.95", shipping_lines=[returned(20, None, "-5.00", "-0.95")])))
        assert self.left_of(samples.reading("woocommerce", delivery("order.updated", order)), answered) == 10_000

    @pytest.mark.parametrize(
        "heard, left",
        [
            ("before", 10_800),
            ("before refund", 6_300),
            ("before too_early refund", 6_300),
            ("before too_early refund asked", 6_300),
            ("too_early asked", 6_300),
            ("before asked", 6_300),
            ("before refund asked again", 6_300),
            ("before refund again deleted_asked", 10_800),
            ("before too_early refund asked deleted_asked", 10_800),
            ("refund deleted_asked", 10_800),
            ("before refund later", 10_800),
            ("before refund asked later", 10_800),
        ],
    )
    def test_what_one_date_says_of_a_refund_that_came_or_went(self, heard: str, left: int) -> None:
        """The order is paid and a shirt given back in one second, the refund deleted later: the date stays the same."""
        with_refund = samples.content("woocommerce/order_updated_partial_refund")
        without = with_refund | {"refunds": []}
        said = {
            "before": samples.reading("woocommerce", delivery("order.updated", without)),
            "too_early": told(answer(without, at="2026-05-09T07:00:00.900000Z")),
            "refund": samples.reading("woocommerce", delivery("order.updated", with_refund)),
            "asked": told(answer(with_refund, SHIRT_RETURNED, at="2026-05-09T07:00:01.000000Z")),
            "again": samples.reading("woocommerce", delivery("order.restored", without)),
            "deleted_asked": told(answer(without, at="2026-05-09T07:30:00.000000Z")),
            "later": samples.reading(
                "woocommerce", delivery("order.updated", without | {"date_modified_gmt": "2026-05-09T07:00:01"})
            ),
        }
        assert self.left_of(*(said[name] for name in heard.split())) == left

    def test_another_refund_after_that_counts(self) -> None:
        before = samples.content("woocommerce/order_updated_partial_refund")
        another = before | {"refunds": [{"id": 750, "total": "-11.90"}], "date_modified_gmt": "2026-05-10T07:00:00"}
        after = [told(answer(before | {"refunds": []}))]
        after.append(samples.reading("woocommerce", delivery("order.updated", another)))
        assert self.left_of(*self.said("order_updated_partial_refund"), told(ANSWER), *after) == 9_800

    def test_an_order_by_weight_comes_back_in_full(self) -> None:
        order = self.body([sold(11, 1.25, "10.00", "1.90")], (741, "-11.90"))
        answered = told(answer(order, given_back(741, "11.90", returned(11, -1.25, "-10.00", "-1.90"))))
        facts, _ = OrderFacts().with_facts(answered.facts)
        assert facts.snapshot is not None
        [basis] = bases(facts, facts.snapshot, Base())
        assert (basis.base, basis.kept_base, basis.quantity, basis.kept_quantity) == (1_000, 0, 1, 0)

    def test_a_discount_by_fee_is_no_base_and_nothing_of_it_stays(self) -> None:
        order = self.body([sold(11, 2, "100.00", "19.00")], (741, "-107.10"), fee_lines=[fee("-10.00", "-1.90")])
        paid = samples.reading("woocommerce", delivery("order.updated", order | {"refunds": []}))
        refund = given_back(
            741, "107.10", returned(11, -2, "-100.00", "-19.00"), fee_lines=[returned(9, None, "10.00", "1.90")]
        )
        assert self.left_of(paid) == 9_000
        assert self.left_of(told(answer(order, refund))) == 0


class TestTrash:
    ORDER: ClassVar = samples.content("woocommerce/order_updated_processing")
    STORY: ClassVar = (
        ("paid", "processing", "04"),
        ("in the trash", "trash", "05"),
        ("restored", "processing", "06"),
        ("in the trash once more", "trash", "07"),
        ("gone", None, "08"),
        ("back from a backup", "processing", "09"),
    )
    """What the order is, the status that it has, and since which day of May."""

    def cancelled(self, *read: Reading) -> bool:
        found = set()
        for order in permutations(read):
            facts, _ = OrderFacts().with_facts([fact for one in order for fact in one.facts])
            assert facts.snapshot is not None
            found.add(facts.cancelled or facts.snapshot.lifecycle is Lifecycle.CANCELLED)
        [only] = found
        return only

    def at(self, status: str, modified: str) -> dict[str, Any]:
        return self.ORDER | {"status": status, "date_modified_gmt": modified}

    def answered(self, status: str | None, day: str) -> Reading:
        """What is asked an hour after such a change."""
        order = self.at(status, f"2026-05-{day}T10:00:00") if status else None
        return told(answer(order, at=f"2026-05-{day}T11:00:00.000000Z"))

    @pytest.mark.parametrize("length", range(1, len(STORY) + 1))
    def test_the_last_answer_counts_in_whatever_order_they_are_heard(self, length: int) -> None:
        heard = [self.answered(status, day) for _, status, day in self.STORY[:length]]
        assert self.cancelled(*heard) is (self.STORY[length - 1][1] in ("trash", None))

    def test_whoever_says_that_an_order_was_deleted_only_makes_us_ask(self) -> None:
        """The topic is not signed: it may have been a customer of that number."""
        request = samples.request("woocommerce/customer_deleted")
        said = woocommerce.facts(delivery("order.deleted", request.body), samples.pseudonym)
        assert said == Thin(Ask("trash", {"order_id": "25"}))

    def test_a_body_made_while_the_order_was_in_the_trash_says_so_by_itself(self) -> None:
        paid = samples.reading("woocommerce", updated())
        trashed = delivery("order.updated", self.at("trash", "2026-05-05T10:00:00"))
        in_trash = samples.reading("woocommerce", trashed)
        assert self.cancelled(paid, in_trash)
        restored = delivery("order.restored", self.at("processing", "2026-05-06T10:00:00"))
        assert not self.cancelled(paid, in_trash, samples.reading("woocommerce", restored))

    def test_an_old_body_that_calls_itself_restored_brings_nothing_back(self) -> None:
        """The topic is not signed: it may be an old body of any other topic."""
        restored = samples.reading("woocommerce", delivery("order.restored", self.ORDER))
        assert restored.asks == (Ask("trash", {"order_id": "727", "modified": "2026-05-04T08:16:02"}),)
        assert self.cancelled(self.answered("trash", "05"), restored)
        assert self.cancelled(self.answered(None, "08"), restored)

    def test_what_is_gone_for_good_is_off(self) -> None:
        gone = self.answered(None, "08")
        assert gone == Reading("727", (Cancellation("order.deleted", times.parse("2026-05-08T11:00:00Z")),))

    @pytest.mark.parametrize("changes", [{"order_id": None}, {"order_id": "../1"}, {"asked_at": None}])
    def test_an_answer_says_of_which_order_it_is_and_since_when(self, changes: dict[str, Any]) -> None:
        assert woocommerce.PLATFORM.api is not None
        body = json.dumps(json.loads(answer(None)) | changes).encode()
        with pytest.raises(Unreadable):
            woocommerce.PLATFORM.api.read(body, samples.pseudonym)


STEPS = ("pay", "hold", "cancel", "return", "give", "delete", "trash", "restore", "read")
STORIES = st.lists(st.tuples(st.sampled_from(STEPS), st.booleans()), max_size=8)


class TestConvergence:
    """Whatever happened to an order, in whatever order and however often it is heard: it counts as the shop has it."""

    def step(self, shop: WooCommerce, order: int, what: str) -> None:
        """What staff and buyers do, where it can be done."""
        refunds, in_trash = shop.refunds[order], shop.orders[order]["status"] == "trash"
        match what:
            case "pay" | "hold" | "cancel" if not in_trash:
                shop.becomes(order, {"pay": "processing", "hold": "on-hold", "cancel": "cancelled"}[what])
            case "return" if not in_trash and len(refunds) < 4:
                shop.refund(order, (0, 1, "20.00"), shipping="1.00" if refunds else None)
            case "give" if not in_trash and len(refunds) < 4:
                shop.refund(order, (1, 0, "5.00"), amount="10.00")
            case "delete" if refunds and not in_trash:
                shop.delete_refund(order, refunds[0]["id"])
            case "trash" if not in_trash:
                shop.trash(order)
            case "restore" if in_trash:
                shop.restore(order)

    def asked(self, shop: WooCommerce, asked: Ask) -> Reading:
        conversation = woocommerce.ask(asked, ACCOUNT, shop.clock())
        call = next(conversation)
        while True:
            said = shop.answer(Asked(call.method, call.path, tuple(call.query), _lower(call.headers), b""))
            try:
                call = conversation.send(Answer(said.status, {}, said.body))
            except StopIteration as end:
                return told(end.value)

    def truth(self, facts: OrderFacts) -> tuple[bool, Lifecycle, list[Refund], int]:
        assert facts.snapshot is not None
        off = facts.cancelled or facts.snapshot.lifecycle is Lifecycle.CANCELLED
        left = sum(basis.kept_base for basis in bases(facts, facts.snapshot, Base()))
        return off, facts.snapshot.lifecycle, facts.refunds, 0 if off else left

    def test_all_of_it_in_any_order_is_what_the_shop_says_last(self) -> None:
        clock = Clock()
        with WooCommerce(clock) as shop:

            @settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
            @given(STORIES, st.randoms(use_true_random=False))
            def converges(steps: list[tuple[str, bool]], chance: Random) -> None:
                self.play(shop, clock, steps, chance)

            converges()

    def play(self, shop: WooCommerce, clock: "Clock", steps: list[tuple[str, bool]], chance: Random) -> None:
        """Each step is sent at once, or with the next that is; what is asked, at once or at the end."""
        heard, later = list[Reading](), list[Ask]()
        order = shop.place({"total": "100.00", "quantity": 5}, {"total": "50.00", "quantity": 1})
        for what, sent in [*steps, ("read", True)]:
            clock.passes(seconds=1)
            self.step(shop, order, what)
            for request in shop.send() if sent else ():
                read = woocommerce.facts(request, samples.pseudonym)
                assert isinstance(read, Reading | Thin)
                asks = (read.ask,) if isinstance(read, Thin) else read.asks
                heard += [read] if isinstance(read, Reading) else []
                at_once = chance.random() < 0.5
                heard += [self.asked(shop, asked) for asked in asks if at_once]
                later += [asked for asked in asks if not at_once]
        heard += [self.asked(shop, asked) for asked in later]
        heard += chance.sample(heard, len(heard) // 2)
        chance.shuffle(heard)
        facts, last = OrderFacts(), self.asked(shop, Ask("trash", {"order_id": str(order)}))
        for each in heard:
            facts, _ = facts.with_facts(each.facts)
        assert self.truth(facts) == self.truth(OrderFacts().with_facts(last.facts)[0])


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def passes(self, **time: float) -> None:
        self.now += timedelta(**time)


class TestApi:
    """Conversations with a shop, as the worker has them."""

    def heard(self, shop: WooCommerce, known: OrderFacts | None = None) -> OrderFacts:
        """All that it sends, and all that is asked because of that."""
        facts = known or OrderFacts()
        for request in shop.send():
            assert woocommerce.verify(request, ACCOUNT, NOW)
            said = woocommerce.facts(request, samples.pseudonym)
            assert isinstance(said, Reading | Thin)
            asks = (said.ask,) if isinstance(said, Thin) else said.asks
            heard = [said] if isinstance(said, Reading) else []
            heard += [self.asked(shop, asked) for asked in asks]
            facts, _ = facts.with_facts([fact for one in heard for fact in one.facts])
        return facts

    def asked(self, shop: WooCommerce, asked: Ask, account: Account = ACCOUNT) -> Reading:
        return told(talk(woocommerce.ask(asked, account, shop.clock()), shop.address))

    def kept(self, facts: OrderFacts) -> int:
        assert facts.snapshot is not None
        return sum(basis.kept_base for basis in bases(facts, facts.snapshot, Base()))

    def pulled(self, shop: WooCommerce, since: datetime, until: datetime) -> tuple[list[str], int]:
        """What is found in the span, and in how many conversations."""
        found, bookmark, pages = list[str](), None, 0
        while True:
            page: Changes = talk(woocommerce.changes(Span(since, until), bookmark, ACCOUNT, NOW), shop.address)
            for change in page.found:
                assert told(change.body).external_id == change.subject
            found += [change.subject for change in page.found]
            bookmark, pages = page.bookmark, pages + 1
            if bookmark is None:
                return found, pages

    def test_the_story_of_an_order(self) -> None:
        clock = Clock()
        with WooCommerce(clock) as shop:
            order = shop.place(
                {"total": "100.00", "quantity": 2},
                {"total": "50.00", "quantity": 1},
                status="pending",
                date_paid_gmt=None,
            )
            clock.passes(seconds=40)
            shop.becomes(order, "processing")
            facts = self.heard(shop)
            assert self.kept(facts) == 15_000
            clock.passes(days=1)
            mistaken = shop.refund(order, (0, 1, "50.00"), shipping="5.00")
            facts = self.heard(shop, facts)
            assert self.kept(facts) == 10_000
            clock.passes(hours=1)
            shop.delete_refund(order, mistaken)
            facts = self.heard(shop, facts)
            assert self.kept(facts) == 15_000
            clock.passes(hours=1)
            shop.refund(order, (1, 1, "50.00"), amount="29.75")
            facts = self.heard(shop, facts)
            assert self.kept(facts) == 10_000
            shop.trash(order)
            facts = self.heard(shop, facts)
            assert facts.snapshot is not None
            assert facts.snapshot.lifecycle is Lifecycle.CANCELLED
            clock.passes(hours=1)
            shop.restore(order)
            facts = self.heard(shop, facts)
            assert facts.snapshot is not None
            assert facts.snapshot.lifecycle is Lifecycle.PAID
            assert self.kept(facts) == 10_000
            assert all(asked.method == "GET" for asked in shop.asked)

    def test_a_body_is_made_when_it_is_sent(self) -> None:
        with WooCommerce(Clock()) as shop:
            order = shop.place({"total": "10.00", "quantity": 1}, status="pending", date_paid_gmt=None)
            shop.becomes(order, "processing")
            created, changed = shop.send()
            assert created.body == changed.body
            assert snapshot(created).lifecycle is Lifecycle.PAID
            ids = {woocommerce.verify(request, ACCOUNT, NOW) for request in (created, changed)}
            assert len(ids) == 2

    def test_what_was_told_is_never_older_than_what_is_answered(self) -> None:
        with WooCommerce(Clock()) as shop:
            order = shop.place({"total": "10.00", "quantity": 1})
            later = Ask("refunds", {"order_id": str(order), "modified": "2026-05-04T12:00:01"})
            with pytest.raises(NotYet) as refusal:
                self.asked(shop, later)
            assert refusal.value.reason == "older_than_told"

    def test_the_key_and_the_secret_are_sent_as_basic_authentication(self) -> None:
        call = next(woocommerce.ask(Ask("refunds", {"order_id": "727"}), ACCOUNT, NOW))
        assert call.path == "/wp-json/wc/v3/orders/727"
        assert call.headers == {"Authorization": "Basic " + base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()}

    @pytest.mark.parametrize("token", [None, "", KEY, "bearer"])
    def test_a_token_without_a_colon_is_none(self, token: str | None) -> None:
        with pytest.raises(Unreadable) as refusal:
            next(woocommerce.ask(Ask("refunds", {"order_id": "1"}), Account([], api_token=token), NOW))
        assert refusal.value.reason == "token_unusable"

    @pytest.mark.parametrize("token", [f"{KEY}:cs_wrong", "ck_other:cs_other"])
    def test_a_wrong_token_is_refused_by_the_shop(self, token: str) -> None:
        with WooCommerce(Clock()) as shop:
            order = shop.place({"total": "10.00", "quantity": 1})
            with pytest.raises(Unreadable):
                self.asked(shop, Ask("refunds", {"order_id": str(order)}), Account([], api_token=token))

    def test_where_the_api_is(self) -> None:
        assert woocommerce.address(ACCOUNT) == "https://shop.example.net"
        assert woocommerce.address(Account([])) is None

    def test_a_site_may_lie_below_its_host(self) -> None:
        with WooCommerce(Clock(), site="/store") as shop:
            order = shop.place({"total": "10.00", "quantity": 1})
            assert self.asked(shop, Ask("refunds", {"order_id": str(order)})).external_id == str(order)
            assert [asked.path for asked in shop.asked] == [f"/store/wp-json/wc/v3/orders/{order}"]

    def test_refunds_are_read_page_by_page(self) -> None:
        with WooCommerce(Clock()) as shop:
            order = shop.place({"total": "1000.00", "quantity": 1})
            for _ in range(101):
                shop.refund(order, (0, 0, "1.00"))
            read = self.asked(shop, Ask("refunds", {"order_id": str(order)}))
            refunds = [fact for fact in read.facts if isinstance(fact, Refund)]
            assert len(refunds) == 101
            assert all(refund.lines for refund in refunds)
            assert [asked.parameter("page") for asked in shop.asked] == [None, "1", "2"]

    def test_an_order_with_more_refunds_than_anybody_reads_is_refused(self) -> None:
        order = samples.content("woocommerce/order_updated_partial_refund")
        page = json.dumps([SHIRT_RETURNED] * woocommerce.REFUNDS_PAGE).encode()
        conversation = woocommerce.ask(Ask("refunds", {"order_id": "727"}), ACCOUNT, NOW)
        next(conversation)
        conversation.send(Answer(200, {}, json.dumps(order).encode()))
        for _ in range(woocommerce.REFUND_PAGES_MAX - 1):
            conversation.send(Answer(200, {}, page))
        with pytest.raises(Unreadable) as refusal:
            conversation.send(Answer(200, {}, page))
        assert refusal.value.reason == "too_many_refunds"

    def test_digits_are_kept_to_the_letter(self) -> None:
        order = samples.content("woocommerce/order_updated_partial_refund")
        body = json.dumps(order).encode().replace(b'"price": 45', b'"price": 45.000000000000000000001')
        refunds = json.dumps([SHIRT_RETURNED]).encode()
        conversation = woocommerce.ask(Ask("refunds", {"order_id": "727"}), ACCOUNT, NOW)
        next(conversation)
        conversation.send(Answer(200, {}, body))
        with pytest.raises(StopIteration) as end:
            conversation.send(Answer(200, {}, refunds))
        assert b'"price": 45.000000000000000000001' in end.value.value
        assert told(end.value.value) == told(answer(order, SHIRT_RETURNED, at=times.text(NOW)))

    @pytest.mark.parametrize(
        "status, body, reason",
        [
            (404, b'{"code":"woocommerce_rest_shop_order_invalid_id"}', "platform_refused"),
            (404, b"<html>", "platform_refused"),
            (200, b"<html>", "not_json"),
            (200, b"[]", "shape_mismatch"),
            (200, b'{"id":728}', "shape_mismatch"),
            (200, b'{"id":727}', "bad_time"),
        ],
    )
    def test_an_answer_that_is_no_order_is_parked(self, status: int, body: bytes, reason: str) -> None:
        asked = Ask("refunds", {"order_id": "727", "modified": "2026-05-04T08:16:02"})
        conversation = woocommerce.ask(asked, ACCOUNT, NOW)
        next(conversation)
        with pytest.raises(Unreadable) as refusal:
            conversation.send(Answer(status, {}, body))
        assert refusal.value.reason == reason

    @pytest.mark.parametrize("body", [b"{}", b'{"code":"rest_no_route"}'])
    def test_only_a_shop_that_knows_orders_may_say_that_one_is_gone(self, body: bytes) -> None:
        conversation = woocommerce.ask(Ask("trash", {"order_id": "727"}), ACCOUNT, NOW)
        next(conversation)
        with pytest.raises(Unreadable) as refusal:
            conversation.send(Answer(404, {}, body))
        assert refusal.value.reason == "platform_refused"

    def test_an_order_that_was_deleted_for_good_is_gone(self) -> None:
        with WooCommerce(Clock()) as shop:
            order = shop.place({"total": "10.00", "quantity": 1})
            shop.trash(order)
            shop.empty_trash()
            read = self.asked(shop, Ask("trash", {"order_id": str(order)}))
            assert read == Reading(str(order), (Cancellation("order.deleted", NOW),))

    def test_half_an_answer_is_none(self) -> None:
        with WooCommerce(Clock()) as shop:
            order = shop.place({"total": "10.00", "quantity": 1})
            shop.refund(order, (0, 1, "10.00"))
            for faults in ([cut], [None, cut], [busy()]):
                shop.faults.extend(faults)
                with pytest.raises(Unreadable):
                    self.asked(shop, Ask("refunds", {"order_id": str(order)}))

    def test_what_changed_is_found_with_its_refunds(self) -> None:
        clock = Clock()
        with WooCommerce(clock) as shop:
            early, refunded = (
                shop.place({"total": "10.00", "quantity": 1}),
                shop.place({"total": "20.00", "quantity": 2}),
            )
            clock.passes(hours=1)
            shop.refund(refunded, (0, 1, "10.00"))
            trashed = shop.place({"total": "5.00", "quantity": 1})
            shop.trash(trashed)
            found, pages = self.pulled(shop, NOW + timedelta(minutes=1), NOW + timedelta(hours=2))
            assert (found, pages) == ([str(refunded), str(trashed)], 2)
            assert self.pulled(shop, NOW, NOW + timedelta(minutes=1))[0] == [str(early)]
            [change] = talk(
                woocommerce.changes(Span(NOW + timedelta(minutes=1), NOW + timedelta(hours=2)), None, ACCOUNT, NOW),
                shop.address,
            ).found
            facts, _ = OrderFacts().with_facts(told(change.body).facts)
            assert self.kept(facts) == 1_000
            assert facts.refunds[0].lines

    def test_both_ends_of_a_span_are_whole_seconds(self) -> None:
        with WooCommerce(Clock()) as shop:
            order = shop.place({"total": "10.00", "quantity": 1})
            late = NOW + timedelta(milliseconds=400)
            assert self.pulled(shop, late, late + timedelta(milliseconds=1))[0] == [str(order)]
            assert self.pulled(shop, NOW + timedelta(seconds=1), NOW + timedelta(seconds=9))[0] == []

    def test_many_changes_are_found_page_by_page_though_many_are_of_one_second(self) -> None:
        clock = Clock()
        with WooCommerce(clock) as shop:
            placed = []
            for number in range(3 * woocommerce.PAGE + 7):
                clock.passes(seconds=0 if 10 < number < 2 * woocommerce.PAGE + 15 else 1)
                placed.append(str(shop.place({"total": "10.00", "quantity": 1})))
            found, pages = self.pulled(shop, NOW, NOW + timedelta(hours=1))
            assert list(dict.fromkeys(found)) == placed
            assert pages < 10

    def test_an_order_that_changes_in_between_hides_no_other(self) -> None:
        clock = Clock()
        with WooCommerce(clock) as shop:
            placed = []
            for _ in range(2 * woocommerce.PAGE):
                clock.passes(seconds=1)
                placed.append(shop.place({"total": "10.00", "quantity": 1}))
            span = Span(NOW, clock.now + timedelta(seconds=1))
            first = talk(woocommerce.changes(span, None, ACCOUNT, NOW), shop.address)
            clock.passes(hours=1)
            shop.becomes(placed[0], "completed")
            found, bookmark = list(first.found), first.bookmark
            while bookmark is not None:
                page = talk(woocommerce.changes(span, bookmark, ACCOUNT, NOW), shop.address)
                found, bookmark = [*found, *page.found], page.bookmark
            assert {change.subject for change in found} == {str(order) for order in placed}

    def test_a_shop_that_cannot_list_by_the_time_of_change_is_refused(self) -> None:
        """Such a one would have all of its history read."""
        conversation = woocommerce.changes(Span(NOW + timedelta(days=9), NOW + timedelta(days=10)), None, ACCOUNT, NOW)
        next(conversation)
        with pytest.raises(Unreadable) as refusal:
            conversation.send(Answer(200, {}, b"[" + samples.request("woocommerce/order_created").body + b"]"))
        assert refusal.value.reason == "platform_refused"

    @pytest.mark.parametrize(
        "status, body, reason",
        [
            (404, b"{}", "platform_refused"),
            (200, b"<html>", "not_json"),
            (200, b"{}", "shape_mismatch"),
            (200, b"[1]", "shape_mismatch"),
        ],
    )
    def test_an_answer_that_is_no_list_is_refused(self, status: int, body: bytes, reason: str) -> None:
        conversation = woocommerce.changes(Span(NOW, NOW + timedelta(hours=1)), None, ACCOUNT, NOW)
        next(conversation)
        with pytest.raises(Unreadable) as refusal:
            conversation.send(Answer(status, {}, body))
        assert refusal.value.reason == reason


def test_who_wrote_to_the_brands_page_is_named_by_attributes() -> None:
    named = [("messenger_id", "25"), ("instagram_id", 12), ("tiktok_id", "7"), ("messenger", "26")]
    said = [{"key": name, "value": value} for name, value in named]
    assert snapshot(updated(meta_data=said)).contacts == ("<contact:messenger:25>", "<contact:instagram:12>")

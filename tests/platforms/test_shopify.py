"""What Shopify's deliveries say, field by field, and the traps of its order and refund bodies."""

import json
import re
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import permutations
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests.platforms import samples
from vouch.domain import clicks, times
from vouch.domain.commission import bases
from vouch.domain.destinations import host
from vouch.domain.facts import (
    TOUCH_KEYS_MAX,
    Cancellation,
    Dispute,
    Fact,
    Lifecycle,
    Line,
    OrderFacts,
    Refund,
    RefundLine,
    Snapshot,
)
from vouch.domain.terms import Base
from vouch.platforms import shopify
from vouch.platforms.base import Account, Ignored, Mirrored, PrivacyRequest, Reading, Request, Unreadable
from vouch.platforms.parsing import body_hash

ORDER = "6214001234567"
SHOP = "oasis-threads-demo.myshopify.com"
SHIRT = Line("6214001235567", 2, 6000, discount=1200, tax=864, sku="LIN-M-SAND", product_id="7700000000000")
TOTE = Line("6214001235568", 1, 2500, discount=250, tax=180, sku="TOTE-01", product_id="7700000000001")
CREATED = Snapshot(
    updated_at=times.parse("2026-05-04T15:15:30Z"),
    triggered_at=times.parse("2026-05-04T15:15:31.104517Z"),
    placed_at=times.parse("2026-05-04T15:15:30Z"),
    lifecycle=Lifecycle.OPEN,
    currency="USD",
    lines=(SHIRT, TOTE),
    platform="shopify",
    shipping=700,
    shipping_tax=0,
    tip=0,
    tax_included=False,
    test=False,
    country="US",
    codes=("noa10",),
    click_ids=(),
    paid=False,
    customers=("<email:buyer1042@example.com>",),
    customer_new=None,
)
PAID = CREATED.__replace__(
    updated_at=times.parse("2026-05-04T15:15:34Z"),
    triggered_at=times.parse("2026-05-04T15:15:35.233901Z"),
    lifecycle=Lifecycle.PAID,
    paid=True,
)
SHIRT_BACK = Refund(
    id="929361001",
    updated_at=times.parse("2026-05-10T14:00:00Z"),
    currency="USD",
    lines=(RefundLine(SHIRT.id, 1, 5400, 432),),
    amount=0,
    amount_with_tax=True,
    failed=False,
)
CLICK = clicks.PREFIX + "a" * clicks.ENCODED
OTHER_CLICK = clicks.PREFIX + "-_" + "Z" * (clicks.ENCODED - 2)


def delivery(topic: str, body: Any, triggered_at: str = "2026-05-04T15:15:35Z") -> Request:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Request({"x-shopify-topic": topic, "x-shopify-triggered-at": triggered_at}, raw)


def paid(**changes: Any) -> Request:
    return delivery("orders/paid", samples.content("shopify/orders_paid") | changes)


def snapshot(request: Request) -> Snapshot:
    fact = samples.reading("shopify", request).facts[0]
    assert isinstance(fact, Snapshot)
    return fact


def lines(**changes: Any) -> list[dict[str, Any]]:
    """The sample's lines, the first of them changed."""
    first, *others = samples.content("shopify/orders_paid")["line_items"]
    return [first | changes, *others]


def refund(**changes: Any) -> Refund:
    body = samples.content("shopify/refunds_create") | changes
    fact = samples.reading("shopify", delivery("refunds/create", body)).facts[0]
    assert isinstance(fact, Refund)
    return fact


def refund_line(**changes: Any) -> dict[str, Any]:
    part: dict[str, Any] = samples.content("shopify/refunds_create")["refund_line_items"][0]
    return part | changes


def discrepancy(
    amount: str,
    *,
    kind: str | None = "refund_discrepancy",
    reason: str | None = "Refund discrepancy",
    tax: str = "0.00",
) -> dict[str, Any]:
    bag = {"shop_money": {"amount": amount, "currency_code": "USD"}}
    return {"kind": kind, "reason": reason, "amount": amount, "amount_set": bag, "tax_amount": tax}


def moved(amount: str, status: str = "success", *, kind: str = "refund", currency: str = "USD") -> dict[str, Any]:
    return {
        "kind": kind,
        "status": status,
        "amount": amount,
        "currency": currency,
        "created_at": "2026-05-10T14:00:00Z",
    }


def money(amount: str, currency: str = "USD") -> dict[str, Any]:
    shop, buyer = {"amount": amount, "currency_code": currency}, {"amount": "999.99", "currency_code": "EUR"}
    return {"shop_money": shop, "presentment_money": buyer}


def sold(line_id: int, quantity: int, price: str, tax: str) -> dict[str, Any]:
    """A line with its tax of 17 %."""
    return {"id": line_id, "quantity": quantity, "price": price, "tax_lines": [{"price": tax, "rate": 0.17}]}


def returned(
    refund_id: int, *parts: tuple[dict[str, Any], int, str, str], beyond: str | None = None, shipping: str | None = None
) -> dict[str, Any]:
    """A refund of lines (how many, for how much, with how much tax), its discrepancy, its shipping."""
    adjustments = [discrepancy(beyond)] if beyond else []
    if shipping:
        adjustments.append(discrepancy(shipping, kind="shipping_refund", reason="Shipping refund"))
    return {
        "id": refund_id,
        "created_at": f"2026-05-{refund_id:02}T12:00:00Z",
        "total_duties_set": money("0.00"),
        "transactions": [],
        "order_adjustments": adjustments,
        "refund_line_items": [
            {
                "line_item_id": line["id"],
                "quantity": quantity,
                "subtotal_set": money(subtotal),
                "total_tax_set": money(tax),
                "line_item": line,
            }
            for line, quantity, subtotal, tax in parts
        ],
    }


def disputed(**changes: Any) -> Request:
    return delivery("disputes/update", samples.content("shopify/disputes_create") | changes)


def dispute(**changes: Any) -> Dispute:
    [fact] = samples.reading("shopify", disputed(**changes)).facts
    assert isinstance(fact, Dispute)
    return fact


def unreadable(request: Request) -> str:
    with pytest.raises(Unreadable) as refusal:
        shopify.facts(request, samples.pseudonym)
    return refusal.value.reason


class TestSamples:
    def test_a_created_order(self) -> None:
        assert samples.reading("shopify", samples.request("shopify/orders_create")) == Reading(ORDER, (CREATED,))

    def test_a_paid_order(self) -> None:
        assert samples.reading("shopify", samples.request("shopify/orders_paid")) == Reading(ORDER, (PAID,))

    def test_an_updated_order_keeps_what_was_sold_and_brings_its_refund(self) -> None:
        updated = PAID.__replace__(
            updated_at=times.parse("2026-05-10T14:00:01Z"), triggered_at=times.parse("2026-05-10T14:00:01.482990Z")
        )
        read = samples.reading("shopify", samples.request("shopify/orders_updated"))
        assert read == Reading(ORDER, (updated, SHIRT_BACK))

    def test_a_refund_is_the_same_fact_from_both_of_its_doors(self) -> None:
        alone = samples.reading("shopify", samples.request("shopify/refunds_create"))
        inside = samples.reading("shopify", samples.request("shopify/orders_updated"))
        assert alone == Reading(ORDER, (SHIRT_BACK,))
        assert inside.facts[1:] == alone.facts

    def test_a_cancelled_order_with_its_shipping_refund(self) -> None:
        assert samples.reading("shopify", samples.request("shopify/orders_cancelled")) == Reading(
            "6214001234999",
            (
                Snapshot(
                    updated_at=times.parse("2026-05-05T18:30:02Z"),
                    triggered_at=times.parse("2026-05-05T18:30:03.5Z"),
                    placed_at=times.parse("2026-05-05T17:00:00Z"),
                    lifecycle=Lifecycle.CANCELLED,
                    currency="USD",
                    lines=(Line("6214001235999", 1, 3000, 300, 216, sku="CAP-01", product_id="7700000000000"),),
                    platform="shopify",
                    shipping=700,
                    country="US",
                    codes=("noa10",),
                    customers=("<email:buyer1043@example.com>",),
                ),
                Refund(
                    id="929361002",
                    updated_at=times.parse("2026-05-05T18:30:00Z"),
                    currency="USD",
                    lines=(RefundLine("6214001235999", 1, 2700, 216),),
                    amount_with_tax=True,
                ),
                Cancellation("orders/cancelled", times.parse("2026-05-05T18:30:00Z")),
            ),
        )

    def test_a_deleted_order_is_off_for_good(self) -> None:
        read = samples.reading("shopify", samples.request("shopify/orders_delete"))
        cancellation = Cancellation("orders/delete", datetime(2026, 6, 12, 0, 0, 1, tzinfo=UTC))
        assert read == Reading("6214001234999", (cancellation,))

    def test_a_dispute_that_is_open(self) -> None:
        read = samples.reading("shopify", samples.request("shopify/disputes_create"))
        asked = Dispute("285332461850802050", times.parse("2026-06-11T00:00:00Z"), "open", "USD", 8962)
        assert read == Reading(ORDER, (asked,))

    def test_a_pending_refund_counts_by_its_goods_in_shop_money_and_says_what_has_not_moved(self) -> None:
        read = samples.reading("shopify", samples.request("shopify/refunds_create_multicurrency_pending"))
        snowboards = Refund(
            id="829190000001",
            updated_at=times.parse("2026-03-09T09:46:16Z"),
            currency="CAD",
            lines=(RefundLine("4182097001001", 2, 124071, 12531),),
            amount=-136602,
            amount_with_tax=True,
        )
        assert read == Reading("4182097000001", (snowboards,))

    def test_a_buyer_who_has_to_be_forgotten(self) -> None:
        request = samples.request("shopify/customers_redact")
        assert shopify.facts(request, samples.pseudonym) == PrivacyRequest(
            kind="erase_customer",
            id=body_hash(request.body),
            customers=("<email:buyer1042@example.com>", "<id:door:6214001234644>"),
            orders=(ORDER, "6214001234999"),
            shop=SHOP,
        )

    def test_a_buyer_who_asks_what_is_known(self) -> None:
        request = samples.request("shopify/customers_data_request")
        assert shopify.facts(request, samples.pseudonym) == PrivacyRequest(
            kind="export_customer",
            id="9999",
            customers=("<email:buyer1042@example.com>", "<id:door:6214001234644>"),
            orders=(ORDER, "6214001234999"),
            shop=SHOP,
        )

    def test_a_shop_that_has_left(self) -> None:
        request = samples.request("shopify/shop_redact")
        assert shopify.facts(request, samples.pseudonym) == PrivacyRequest(
            "erase_shop", body_hash(request.body), shop=SHOP
        )

    @pytest.mark.parametrize(
        "sample, subject",
        [
            ("orders_create", ORDER),
            ("orders_updated", ORDER),
            ("refunds_create", ORDER),
            ("orders_delete", "6214001234999"),
            ("disputes_create", ORDER),
        ],
    )
    def test_deliveries_of_one_order_have_one_subject(self, sample: str, subject: str) -> None:
        assert shopify.subject(samples.request(f"shopify/{sample}")) == subject


class TestDeliveries:
    def test_a_delivery_id_is_the_webhook_id_within_its_topic(self) -> None:
        request = samples.request("shopify/orders_create")
        now = datetime.now(UTC)
        expected = "b54557e4-bdd9-4b37-8a5f-000000000001:orders/create"
        assert shopify.verify(request, Account([samples.SHOPIFY_SECRET]), now) == expected

    def test_without_a_webhook_id_the_body_names_the_delivery(self) -> None:
        request = samples.request("shopify/orders_create")
        headers = {name: value for name, value in request.headers.items() if name != "x-shopify-webhook-id"}
        ids = {
            shopify.verify(Request(headers, request.body), Account([samples.SHOPIFY_SECRET]), datetime.now(UTC))
            for _ in range(2)
        }
        assert len(ids) == 1
        assert ids != {shopify.verify(request, Account([samples.SHOPIFY_SECRET]), datetime.now(UTC))}

    def test_an_order_edit_names_its_order_and_says_nothing(self) -> None:
        edited = delivery("orders/edited", {"order_edit": {"id": 1, "order_id": int(ORDER), "line_items": {}}})
        assert shopify.subject(edited) == ORDER
        assert shopify.facts(edited, samples.pseudonym) == Ignored("order_edit")

    @pytest.mark.parametrize("topic", ["", "products/update", "orders/risk_assessment_changed", "ORDERS/PAID"])
    def test_an_unknown_topic_is_ignored_whatever_its_body(self, topic: str) -> None:
        assert shopify.facts(delivery(topic, b"\xff"), samples.pseudonym) == Ignored("unknown_topic")

    @pytest.mark.parametrize(
        "body", [b"", b"\xff", b"[1]", b"{}", b'{"id":true}', b'{"id":0}', b'{"id":1.5}', b"[" * 100_000]
    )
    def test_a_body_without_an_id_is_its_own_subject(self, body: bytes) -> None:
        subject = shopify.subject(delivery("orders/paid", body))
        assert subject == shopify.subject(delivery("orders/updated", body))
        assert len(subject) == 64

    def test_an_id_beyond_53_bits_keeps_every_digit(self) -> None:
        big = 2**63 - 1
        assert samples.reading("shopify", paid(id=big)).external_id == str(big)
        assert shopify.subject(paid(id=big)) == str(big)

    @pytest.mark.parametrize("hint", ["", "soon", "2026-05-04", "\ud800"])
    def test_an_unreadable_trigger_time_is_none_since_nobody_signed_it(self, hint: str) -> None:
        body = samples.content("shopify/orders_paid")
        assert snapshot(delivery("orders/paid", body, triggered_at=hint)).triggered_at is None
        deleted = samples.reading("shopify", delivery("orders/delete", {"id": 1}, triggered_at=hint))
        assert deleted.facts == (Cancellation("orders/delete", times.EPOCH),)


class TestShapes:
    """The topic is not signed: a genuine body must not pass for another topic's."""

    @pytest.mark.parametrize(
        "topic, sample",
        [
            ("orders/paid", "refunds_create"),
            ("orders/paid", "orders_delete"),
            ("orders/paid", "disputes_create"),
            ("orders/cancelled", "orders_paid"),
            ("orders/cancelled", "refunds_create"),
            ("orders/delete", "orders_paid"),
            ("orders/delete", "refunds_create"),
            ("orders/delete", "disputes_create"),
            ("refunds/create", "orders_updated"),
            ("refunds/create", "orders_delete"),
            ("refunds/create", "disputes_create"),
            ("disputes/create", "orders_paid"),
            ("disputes/update", "refunds_create"),
            ("disputes/update", "orders_delete"),
            ("orders/updated", "customers_redact"),
            ("orders/delete", "shop_redact"),
            ("customers/redact", "customers_data_request"),
            ("customers/redact", "shop_redact"),
            ("customers/redact", "orders_paid"),
            ("customers/redact", "orders_delete"),
            ("customers/data_request", "customers_redact"),
            ("customers/data_request", "shop_redact"),
            ("customers/data_request", "orders_paid"),
            ("shop/redact", "customers_redact"),
            ("shop/redact", "customers_data_request"),
            ("shop/redact", "orders_paid"),
            ("shop/redact", "orders_delete"),
            ("shop/redact", "disputes_create"),
        ],
    )
    def test_a_body_of_another_topic_is_parked(self, topic: str, sample: str) -> None:
        assert unreadable(delivery(topic, samples.content(f"shopify/{sample}"))) == "shape_mismatch"

    def test_a_checkout_is_no_order(self) -> None:
        body = samples.content("shopify/orders_paid")
        del body["financial_status"]
        assert unreadable(delivery("orders/create", body)) == "shape_mismatch"

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b" ",
            b"{",
            b'{"id":1',
            b"\xff\xfe{}",
            b'{"id":"\xff"}',
            b"{}{}",
            b'{"id":NaN}',
            b'{"id":Infinity}',
            b'{"id":-Infinity}',
            b'{"id":1e99999999999999999999}',
            b'{"id":' + b"9" * 5_000 + b"}",
            b"\xef\xbb\xbf{}",
            "{}".encode("utf-16"),
            b"[" * 100_000,
            b'{"a":' * 100_000,
        ],
    )
    @pytest.mark.parametrize("topic", ["orders/paid", "orders/delete", "refunds/create", "disputes/update"])
    def test_what_is_not_json_is_parked(self, topic: str, body: bytes) -> None:
        assert unreadable(delivery(topic, body)) == "not_json"

    @pytest.mark.parametrize("body", [b"[]", b"null", b"1", b'"order"', b"true", b"{}"])
    def test_json_that_is_no_order_is_parked(self, body: bytes) -> None:
        assert unreadable(delivery("orders/paid", body)) == "shape_mismatch"

    @pytest.mark.parametrize(
        "changes, reason",
        [
            ({"id": None}, "shape_mismatch"),
            ({"id": True}, "shape_mismatch"),
            ({"id": -1}, "shape_mismatch"),
            ({"id": 2**64}, "shape_mismatch"),
            ({"id": 1.0}, "shape_mismatch"),
            ({"id": "x" * 256}, "shape_mismatch"),
            ({"currency": "usd"}, "unknown_currency"),
            ({"currency": "XXX"}, "unknown_currency"),
            ({"currency": 840}, "shape_mismatch"),
            ({"currency": "CAD"}, "currency_mismatch"),
            ({"financial_status": "on_credit"}, "unknown_status"),
            ({"financial_status": 1}, "shape_mismatch"),
            ({"created_at": "2026-05-04T10:15:30"}, "bad_time"),
            ({"created_at": 1777907730}, "bad_time"),
            ({"updated_at": "yesterday"}, "bad_time"),
            ({"updated_at": "0001-01-01T00:00:00+23:00"}, "bad_time"),
            ({"cancelled_at": "x"}, "bad_time"),
            ({"taxes_included": "yes"}, "shape_mismatch"),
            ({"test": 0}, "shape_mismatch"),
            ({"line_items": {}}, "shape_mismatch"),
            ({"line_items": [None]}, "shape_mismatch"),
            ({"line_items": [{}] * 5_001}, "too_many_lines"),
            ({"line_items": lines() + lines()}, "duplicate_line"),
            ({"line_items": lines(id=None)}, "shape_mismatch"),
            ({"line_items": lines(quantity=-1)}, "shape_mismatch"),
            ({"line_items": lines(quantity=2.5)}, "shape_mismatch"),
            ({"line_items": lines(quantity=10**9 + 1)}, "shape_mismatch"),
            ({"line_items": lines(quantity=True)}, "shape_mismatch"),
            ({"line_items": lines(current_quantity="2")}, "shape_mismatch"),
            ({"line_items": lines(price=None, price_set=None)}, "shape_mismatch"),
            ({"line_items": lines(price="60.005", price_set=None)}, "bad_amount"),
            ({"line_items": lines(price="-60.00", price_set=None)}, "bad_amount"),
            ({"line_items": lines(price="6_0", price_set=None)}, "bad_amount"),
            ({"line_items": lines(price=" 60", price_set=None)}, "bad_amount"),
            ({"line_items": lines(price="٦٠", price_set=None)}, "bad_amount"),
            ({"line_items": lines(price="NaN", price_set=None)}, "bad_amount"),
            ({"line_items": lines(price="1e3", price_set=None)}, "bad_amount"),
            ({"line_items": lines(price=True, price_set=None)}, "bad_amount"),
            ({"line_items": lines(price=["60.00"], price_set=None)}, "bad_amount"),
            ({"line_items": lines(price_set=money("10000000000000.00"))}, "bad_amount"),
            ({"line_items": lines(price_set=money("60.00", "EUR"))}, "currency_mismatch"),
            ({"line_items": lines(price_set={})}, "shape_mismatch"),
            ({"line_items": lines(price_set=[])}, "shape_mismatch"),
            ({"line_items": lines(price_set=money("0.01"))}, "discount_above_price"),
            ({"line_items": lines(tax_lines="8.64")}, "shape_mismatch"),
            ({"line_items": lines(gift_card="no")}, "shape_mismatch"),
            ({"refunds": {}}, "shape_mismatch"),
            ({"refunds": [{}]}, "shape_mismatch"),
            ({"shipping_lines": [{"price": "free"}]}, "bad_amount"),
        ],
    )
    def test_a_wrong_value_is_parked_by_its_reason(self, changes: dict[str, Any], reason: str) -> None:
        assert unreadable(paid(**changes)) == reason

    def test_a_refusal_names_the_place_and_quotes_nothing(self) -> None:
        with pytest.raises(Unreadable) as refusal:
            shopify.facts(paid(line_items=lines(price_set=money("buyer@example.com"))), samples.pseudonym)
        assert refusal.value.detail == "line_items[0].price_set.shop_money.amount: not an amount"

    def test_a_refusal_of_json_carries_none_of_the_body(self) -> None:
        with pytest.raises(Unreadable) as refusal:
            shopify.facts(delivery("orders/paid", b'{"email":"buyer@example.com"'), samples.pseudonym)
        assert refusal.value.__cause__ is None
        assert refusal.value.__suppress_context__

    def test_every_bound_itself_is_taken(self) -> None:
        many = [line | {"id": index} for index, line in enumerate(lines() * 2_500, start=1)]
        assert len(snapshot(paid(line_items=many)).lines) == 5_000
        most = lines(quantity=10**9, current_quantity=10**9, price_set=money("9999.99"))
        assert snapshot(paid(line_items=most)).lines[0].quantity == 10**9
        dearest = lines(quantity=1, price_set=money("9999999999999.99"))
        assert snapshot(paid(line_items=dearest)).lines[0].unit_price == 10**15 - 1


class TestOrders:
    @pytest.mark.parametrize(
        "status, cancelled_at, lifecycle, ever_paid",
        [
            (None, None, Lifecycle.OPEN, False),
            ("pending", None, Lifecycle.OPEN, False),
            ("authorized", None, Lifecycle.OPEN, False),
            ("expired", None, Lifecycle.OPEN, False),
            ("partially_paid", None, Lifecycle.PARTLY_PAID, False),
            ("paid", None, Lifecycle.PAID, True),
            ("partially_refunded", None, Lifecycle.PAID, True),
            ("refunded", None, Lifecycle.REFUNDED, True),
            ("voided", None, Lifecycle.CANCELLED, False),
            ("paid", "2026-05-05T13:30:00-05:00", Lifecycle.CANCELLED, True),
            ("refunded", "2026-05-05T13:30:00-05:00", Lifecycle.CANCELLED, True),
            ("partially_refunded", "2026-05-05T13:30:00-05:00", Lifecycle.CANCELLED, True),
            ("pending", "2026-05-05T13:30:00-05:00", Lifecycle.CANCELLED, False),
            ("voided", "2026-05-05T13:30:00-05:00", Lifecycle.CANCELLED, False),
        ],
    )
    def test_the_body_says_the_stage_of_life_and_whether_it_was_ever_paid(
        self, status: str | None, cancelled_at: str | None, lifecycle: Lifecycle, *, ever_paid: bool
    ) -> None:
        order = snapshot(paid(financial_status=status, cancelled_at=cancelled_at))
        assert (order.lifecycle, order.paid) == (lifecycle, ever_paid)

    def test_an_order_is_born_when_it_was_created_not_when_it_was_processed(self) -> None:
        assert snapshot(paid(processed_at="2020-01-01T00:00:00Z")).placed_at == PAID.placed_at

    def test_money_is_the_shops_not_the_buyers(self) -> None:
        changed = lines(price="1.00", price_set=money("60.00"))
        assert snapshot(paid(line_items=changed, presentment_currency="EUR")).lines[0] == SHIRT

    @pytest.mark.parametrize(
        "currency, price, minor", [("JPY", "9900", 9900), ("JPY", "9900.00", 9900), ("KWD", "1.250", 1250)]
    )
    def test_each_currency_has_its_own_digits(self, currency: str, price: str, minor: int) -> None:
        line = {"id": 1, "quantity": 1, "price": price}
        order = paid(currency=currency, line_items=[line], shipping_lines=[], total_tip_received=None)
        assert snapshot(order).lines == (Line("1", 1, minor),)

    def test_a_fraction_the_currency_does_not_have_is_parked(self) -> None:
        line = {"id": 1, "quantity": 1, "price": "9900.50"}
        assert unreadable(paid(currency="JPY", line_items=[line], shipping_lines=[])) == "bad_amount"

    def test_a_line_has_the_sum_of_its_discounts_and_taxes(self) -> None:
        changed = lines(
            discount_allocations=[{"amount_set": money("7.00")}, {"amount": "5.00"}],
            tax_lines=[{"price_set": money("8.00"), "rate": 0.07}, {"price": "0.64", "rate": 0.01}],
            total_discount="99.00",
        )
        assert snapshot(paid(line_items=changed)).lines[0] == SHIRT

    def test_what_an_edit_removed_was_not_sold(self) -> None:
        line = snapshot(paid(line_items=lines(quantity=3, current_quantity=2))).lines[0]
        assert (line.quantity, line.discount, line.tax) == (2, 800, 576)

    def test_what_was_removed_entirely_leaves_an_empty_line(self) -> None:
        line = snapshot(paid(line_items=lines(current_quantity=0))).lines[0]
        assert (line.quantity, line.discount, line.tax) == (0, 0, 0)

    @pytest.mark.parametrize("status", ["success", "pending", "failure"])
    def test_what_was_returned_was_sold_whatever_became_of_its_money(self, status: str) -> None:
        transaction = {"kind": "refund", "status": status, "currency": "USD"}
        back = samples.content("shopify/refunds_create") | {"transactions": [transaction]}
        line = snapshot(paid(line_items=lines(current_quantity=1), refunds=[back])).lines[0]
        assert line == SHIRT

    def test_a_line_of_nothing_is_a_line(self) -> None:
        line = snapshot(paid(line_items=lines(quantity=0, current_quantity=0, discount_allocations=[]))).lines[0]
        assert (line.quantity, line.tax) == (0, 0)

    def test_a_gift_card_says_so(self) -> None:
        assert snapshot(paid(line_items=lines(gift_card=True))).lines[0].gift_card

    def test_a_line_without_product_or_sku(self) -> None:
        line = snapshot(paid(line_items=lines(sku="", product_id=None))).lines[0]
        assert (line.sku, line.product_id) == (None, None)

    def test_a_tip_is_no_line(self) -> None:
        tip = {"id": 9, "quantity": 1, "price": "10.00", "tip_payment_gateway": None, "title": "Tip"}
        with_tip = snapshot(paid(line_items=[*lines(), tip], total_tip_received="10.00"))
        assert with_tip == PAID.__replace__(tip=1000, triggered_at=with_tip.triggered_at)

    def test_shipping_is_net_of_its_discounts(self) -> None:
        shipping = [
            {"price": "7.00", "discounted_price": "5.00", "tax_lines": [{"price": "0.40"}]},
            {"price": "3.00", "discount_allocations": [{"amount": "1.00"}]},
            {"price": "9.00", "discounted_price_set": money("2.50"), "tax_lines": [{"price_set": money("0.20")}]},
            {"price": "100.00", "is_removed": True},
        ]
        order = snapshot(paid(shipping_lines=shipping))
        assert (order.shipping, order.shipping_tax) == (950, 60)

    def test_taxes_within_prices_and_test_orders_are_told(self) -> None:
        order = snapshot(paid(taxes_included=True, test=True))
        assert (order.tax_included, order.test) == (True, True)

    def test_the_country_is_where_it_is_shipped_to(self) -> None:
        order = paid(shipping_address={"country_code": "il"}, billing_address={"country_code": "US"})
        assert snapshot(order).country == "IL"
        assert snapshot(paid(shipping_address=None)).country == "US"
        assert snapshot(paid(shipping_address={}, billing_address=None)).country is None

    @pytest.mark.parametrize(
        "changes, expected",
        [
            ({}, ["<email:buyer1042@example.com>"]),
            ({"customer": {"id": 7, "email": " BUYER1042@Example.com "}}, ["<email:buyer1042@example.com>"]),
            ({"customer": {"id": 7, "email": None}}, ["<email:buyer1042@example.com>"]),
            ({"customer": {"id": 7}, "email": "", "contact_email": "c@example.com"}, ["<email:c@example.com>"]),
            (
                {"customer": {"email": "other@example.com"}, "email": "NOA@example.com"},
                ["<email:other@example.com>", "<email:noa@example.com>", "<email:buyer1042@example.com>"],
            ),
            ({"customer": {"id": 7}, "email": None, "contact_email": None}, ["<id:door:7>"]),
            ({"customer": {"id": 0}, "email": None, "contact_email": None}, []),
            ({"customer": None, "email": None, "contact_email": None}, []),
            ({"customer": [], "email": [7], "contact_email": "x" * 321}, []),
            ({"customer": {"email": "\ud800"}, "email": None, "contact_email": None}, ["<email:?>"]),
        ],
    )
    def test_whoever_is_named_as_the_buyer_is_a_pseudonym(self, changes: dict[str, Any], expected: list[str]) -> None:
        assert list(snapshot(paid(**changes)).customers) == expected

    @pytest.mark.parametrize(
        "changes",
        [
            {"line_items": lines(properties={"_ref": CLICK})},
            {"line_items": lines(properties="none")},
            {"discount_applications": {}, "note_attributes": {"ref": CLICK}},
            {"note_attributes": [None, 7, {"name": ["ref"], "value": CLICK}]},
            {"landing_site": {"ref": CLICK}},
            {"shipping_address": {"country_code": "USA"}},
            {"shipping_address": "none", "tags": 7},
        ],
    )
    def test_what_no_money_hangs_on_is_passed_over_in_a_wrong_shape(self, changes: dict[str, Any]) -> None:
        assert snapshot(paid(**changes)) == PAID.__replace__(triggered_at=times.parse("2026-05-04T15:15:35Z"))

    @pytest.mark.parametrize(
        "sku, read",
        [(7, "7"), ("x" * 255, "x" * 255), ("x" * 256, None), ([], None), (" Re\u0301\n", "Ré"), (" ", None)],
    )
    def test_a_sku_has_one_spelling_and_is_none_in_a_wrong_shape(self, sku: Any, read: str | None) -> None:
        line = snapshot(paid(line_items=lines(sku=sku, product_id=sku))).lines[0]
        assert (line.sku, line.product_id) == (read, read)

    def test_codes_in_a_wrong_shape_are_none(self) -> None:
        assert snapshot(paid(discount_codes="NOA10", discount_applications=[7, {"code": []}])).codes == ()


class TestTouches:
    def test_codes_come_as_typed_and_as_applied_in_one_spelling(self) -> None:
        order = paid(
            discount_codes=[{"code": " Noa10 "}, {"code": "קיץ"}],
            discount_applications=[{"code": "NOA10"}, {"type": "automatic"}, {"code": "second"}],
        )
        assert snapshot(order).codes == ("noa10", "קיץ", "second")

    def test_a_code_no_creator_can_have_is_dropped(self) -> None:
        typed = ["", "   ", "x" * 65, "x" * 10_000, "\ud800", "x" * 64]
        order = paid(discount_codes=[{"code": code} for code in typed if len(code) < 256], discount_applications=[])
        assert snapshot(order).codes == ("?", "x" * 64)

    def test_click_ids_come_from_attributes_then_properties_then_the_landing_page(self) -> None:
        third, fourth = CLICK[:-1] + "b", CLICK[:-1] + "c"
        order = paid(
            note_attributes=[
                {"name": "ref", "value": CLICK},
                {"name": "_ref", "value": CLICK},
                {"name": "click_id", "value": OTHER_CLICK},
                {"name": "other", "value": CLICK[:-1] + "d"},
                {"name": "ref", "value": None},
                {"name": None, "value": CLICK[:-1] + "e"},
            ],
            line_items=lines(properties=[{"name": "_ref", "value": third}, {"name": "ref", "value": {"a": 1}}]),
            landing_site=f"/products/shirt?utm_source=x&via={fourth}&ref={CLICK}#ref=none",
        )
        assert snapshot(order).click_ids == (CLICK, OTHER_CLICK, third, fourth)

    def test_an_attribute_may_carry_several_click_ids(self) -> None:
        """As the storefront's snippet writes them."""
        third = CLICK[:-1] + "b"
        attributes = [{"name": "ref", "value": CLICK}, {"name": "_refs", "value": f"{CLICK},{OTHER_CLICK},,x,{third}"}]
        order = paid(note_attributes=attributes, landing_site=f"/?_refs={CLICK},{OTHER_CLICK}")
        assert snapshot(order).click_ids == (CLICK, OTHER_CLICK, third)

    @pytest.mark.parametrize("value", ["cr_noa_7Q2", CLICK + "a", CLICK[:-1], CLICK[:-1] + "=", "clk_", CLICK + "\n"])
    def test_what_has_not_the_shape_of_a_click_id_is_none(self, value: str) -> None:
        attributes = [{"name": "ref", "value": value}]
        assert snapshot(paid(note_attributes=attributes, landing_site="/")).click_ids == ()

    @pytest.mark.parametrize(
        "landing", [None, "", "/", "?", 7, [], "http://[?ref=x", "/?" + "&" * 1_000_000, "/?%ff=%"]
    )
    def test_any_landing_page_can_be_read(self, landing: Any) -> None:
        assert snapshot(paid(landing_site=landing)).click_ids == ()

    def test_a_hostile_order_cannot_make_us_look_up_thousands(self) -> None:
        attributes = [{"name": "ref", "value": f"{CLICK[:-4]}{number:04}"} for number in range(1_000)]
        attributes.append({"name": "_refs", "value": ",".join(attribute["value"] for attribute in attributes)})
        codes = [{"code": f"code{number}"} for number in range(1_000)]
        order = snapshot(paid(note_attributes=attributes, discount_codes=codes))
        assert order.click_ids[0] == f"{CLICK[:-4]}0000"
        assert len(order.click_ids) == len(order.codes) == TOUCH_KEYS_MAX

    def test_a_sale_at_the_counter_is_known_by_its_code_alone(self) -> None:
        counter = paid(
            source_name="pos",
            location_id=61738811466,
            customer=None,
            email="",
            contact_email=None,
            shipping_address=None,
            billing_address=None,
            shipping_lines=[],
            note_attributes=[],
            landing_site=None,
            referring_site=None,
            client_details=None,
            discount_codes=[{"code": "NOA10", "amount": "14.50", "type": "percentage"}],
        )
        sold = snapshot(counter)
        assert (sold.codes, sold.click_ids, sold.customers) == (("noa10",), (), ())
        assert (sold.lines, sold.paid, sold.country, sold.shipping) == ((SHIRT, TOTE), True, None, 0)
        assert samples.reading("shopify", counter).mirrored == ()


ON_TIKTOK = "577094156662640706"


class TestTikTok:
    """Where TikTok's app puts the number of its order is not documented: whatever is plausible is looked at."""

    @pytest.mark.parametrize("source", ["tiktok", "TikTok", "4383523", 4383523])
    @pytest.mark.parametrize(
        "carrier",
        [
            {"source_identifier": ON_TIKTOK},
            {"source_identifier": int(ON_TIKTOK)},
            {"note_attributes": [{"name": "TikTok Order ID", "value": ON_TIKTOK}]},
            {
                "note_attributes": [
                    {"name": "gift", "value": "no"},
                    {"name": "tiktok_shop_order_id", "value": ON_TIKTOK},
                ]
            },
            {"tags": f"TikTok Shop, {ON_TIKTOK}, US"},
            {"source_url": f"https://seller-us.tiktok.com/order/detail?order_no={ON_TIKTOK}&shop_region=US"},
        ],
    )
    def test_the_order_that_it_repeats_is_named(self, source: Any, carrier: dict[str, Any]) -> None:
        read = samples.reading("shopify", paid(source_name=source, **carrier))
        assert read.mirrored == (Mirrored("tiktok_shop", ON_TIKTOK),)
        assert read.facts == (PAID.__replace__(triggered_at=times.parse("2026-05-04T15:15:35Z")),)

    @pytest.mark.parametrize("source", ["web", "pos", "", None, "tiktok2", "580111", 580111, [], {"tiktok": 1}])
    def test_another_app_may_write_what_it_likes(self, source: Any) -> None:
        told = paid(source_name=source, source_identifier=ON_TIKTOK, tags=ON_TIKTOK)
        assert samples.reading("shopify", told).mirrored == ()

    @pytest.mark.parametrize(
        "carrier",
        [
            {},
            {"source_identifier": "5" * 14},
            {"source_identifier": "5" * 21},
            {"source_identifier": f"0{ON_TIKTOK}"},
            {"source_identifier": f"{ON_TIKTOK}-1"},
            {"source_identifier": f"{ON_TIKTOK}\n"},
            {"source_identifier": "٥" * 18},
            {"source_identifier": [ON_TIKTOK]},
            {"note_attributes": [{"name": "ref", "value": ON_TIKTOK}, {"name": None, "value": ON_TIKTOK}]},
            {"note_attributes": [{"name": "TikTok order id", "value": f"order {ON_TIKTOK}"}]},
            {"note_attributes": {"TikTok order id": ON_TIKTOK}},
            {"tags": f"order {ON_TIKTOK}"},
            {"tags": [ON_TIKTOK]},
            {"source_url": f"https://example.com/?order_no={ON_TIKTOK}"},
            {"source_url": f"https://tiktok.com.example.com/{ON_TIKTOK}"},
            {"source_url": f"https://seller.tiktok.com/{ON_TIKTOK}000"},
        ],
    )
    def test_what_is_no_number_of_an_order_there_names_none(self, carrier: dict[str, Any]) -> None:
        assert samples.reading("shopify", paid(source_name="tiktok", **carrier)).mirrored == ()

    def test_of_several_numbers_the_likeliest_is_taken(self) -> None:
        told = paid(source_name="tiktok", source_identifier=ON_TIKTOK, tags="577000000000000001,577000000000000002")
        assert samples.reading("shopify", told).mirrored == (Mirrored("tiktok_shop", ON_TIKTOK),)

    def test_a_deletion_and_a_refund_name_none(self) -> None:
        assert samples.reading("shopify", samples.request("shopify/orders_delete")).mirrored == ()
        assert samples.reading("shopify", samples.request("shopify/refunds_create")).mirrored == ()


def asked(topic: str = "customers/redact", **changes: Any) -> Request:
    sample = samples.content(f"shopify/{topic.replace('/', '_')}")
    return delivery(topic, {key: value for key, value in (sample | changes).items() if value is not MISSING})


MISSING = object()


class TestPrivacy:
    @pytest.mark.parametrize("topic", ["customers/redact", "customers/data_request"])
    @pytest.mark.parametrize(
        "buyer, known_as",
        [
            ({"email": " Buyer1042@Example.com"}, ("<email:buyer1042@example.com>",)),
            ({"id": None, "email": "b.u.y.e.r+x@gmail.com"}, ("<email:buyer@gmail.com>",)),
            ({"id": 6214001234644, "email": None}, ("<id:door:6214001234644>",)),
            ({"id": 2**63, "email": ""}, (f"<id:door:{2**63}>",)),
            ({"phone": "555-625-1199"}, ()),
        ],
    )
    def test_a_buyer_is_meant_by_every_name_that_orders_may_know(
        self, topic: str, buyer: dict[str, Any], known_as: tuple[str, ...]
    ) -> None:
        request = shopify.facts(asked(topic, customer=buyer), samples.pseudonym)
        assert isinstance(request, PrivacyRequest)
        assert request.customers == known_as

    def test_whoever_an_order_names_is_found_by_the_same_name(self) -> None:
        """By mail, and where an order has none, by number."""
        erased = shopify.facts(samples.request("shopify/customers_redact"), samples.pseudonym)
        assert isinstance(erased, PrivacyRequest)
        by_mail = snapshot(samples.request("shopify/orders_paid")).customers
        nameless = paid(customer={"id": 6214001234644}, email=None, contact_email=None)
        assert set(erased.customers) == {*by_mail, *snapshot(nameless).customers}

    def test_a_shop_is_named_as_connections_name_theirs(self) -> None:
        request = shopify.facts(asked(shop_domain="Oasis-Threads-Demo.myshopify.com "), samples.pseudonym)
        assert isinstance(request, PrivacyRequest)
        assert request.shop == host(SHOP) == SHOP

    def test_no_order_may_be_named(self) -> None:
        request = shopify.facts(asked(orders_to_redact=[]), samples.pseudonym)
        assert isinstance(request, PrivacyRequest)
        assert request.orders == ()

    def test_the_same_request_again_is_the_same_and_another_one_is_not(self) -> None:
        first, again, other = (
            shopify.facts(request, samples.pseudonym)
            for request in (asked(), asked(), asked(orders_to_redact=[6214001234567]))
        )
        assert isinstance(first, PrivacyRequest)
        assert isinstance(other, PrivacyRequest)
        assert first == again
        assert first.id != other.id

    def test_requests_are_about_themselves(self) -> None:
        names = ("customers_redact", "customers_data_request", "shop_redact")
        assert len({shopify.subject(samples.request(f"shopify/{name}")) for name in names}) == len(names)

    @pytest.mark.parametrize(
        "topic, changes",
        [
            ("customers/redact", {"customer": MISSING}),
            ("customers/redact", {"customer": {}}),
            ("customers/redact", {"customer": {"id": None, "email": None, "phone": None}}),
            ("customers/redact", {"customer": {"email": 7}}),
            ("customers/redact", {"customer": {"email": "x" * 321}}),
            ("customers/redact", {"customer": {"id": 0}}),
            ("customers/redact", {"customer": []}),
            ("customers/redact", {"orders_to_redact": MISSING}),
            ("customers/redact", {"orders_to_redact": {}}),
            ("customers/redact", {"orders_to_redact": [0]}),
            ("customers/redact", {"orders_to_redact": [{"id": 1}]}),
            ("customers/redact", {"shop_domain": MISSING}),
            ("customers/redact", {"shop_id": MISSING}),
            ("customers/redact", {"shop_domain": ""}),
            ("customers/redact", {"shop_domain": "https://oasis-threads-demo.myshopify.com/"}),
            ("shop/redact", {"shop_domain": 954889}),
            ("customers/data_request", {"data_request": MISSING}),
            ("customers/data_request", {"data_request": {}}),
            ("customers/data_request", {"orders_requested": MISSING}),
            ("shop/redact", {"shop_domain": MISSING}),
            ("shop/redact", {"shop_id": None}),
            ("shop/redact", {"customer": {"id": 1}}),
        ],
    )
    def test_a_request_in_a_wrong_shape_is_parked(self, topic: str, changes: dict[str, Any]) -> None:
        assert unreadable(asked(topic, **changes)) == "shape_mismatch"


class TestRefunds:
    @pytest.mark.parametrize(
        "adjustments, amount",
        [
            ([], 0),
            ([discrepancy("10.00")], -1000),
            ([discrepancy("58.32"), discrepancy("-58.32")], 0),
            ([discrepancy("-20.00")], 2000),
            ([discrepancy("-20.00"), discrepancy("-5.00")], 2500),
            ([discrepancy("-20.00"), discrepancy("-20.00"), discrepancy("20.00")], 2000),
            ([discrepancy("-20.00", tax="-1.60")], 2160),
            ([discrepancy("-20.00", kind=None)], 2000),
            ([discrepancy("-20.00", kind=None, reason="Restocking")], 2000),
            ([discrepancy("-7.00", kind="shipping_refund", reason=None)], 0),
            ([discrepancy("-7.00", kind=None, reason="Shipping refund")], 0),
        ],
    )
    def test_adjustments_tell_what_was_given_back_beyond_the_lines(
        self, adjustments: list[dict[str, Any]], amount: int
    ) -> None:
        """With tax, whatever the order's prices; below 0 the lines are worth more. The lines count as they are."""
        expected = SHIRT_BACK.__replace__(amount=amount)
        assert refund(order_adjustments=adjustments) == expected
        alone = refund(refund_line_items=[], order_adjustments=adjustments or [discrepancy("0.00")])
        assert alone == expected.__replace__(lines=())

    @pytest.mark.parametrize(
        "changes, amount",
        [
            ({}, 5832),
            (
                {"transactions": [moved("20.00"), moved("5.00"), moved("3.00", "pending"), moved("1.00", "failure")]},
                2500,
            ),
            ({"transactions": [moved("20.00", "pending")]}, 0),
            ({"transactions": [moved("20.00", kind="void")]}, 0),
            ({"refund_shipping_lines": [{"id": 1, "subtotal_amount_set": {}}]}, 0),
            ({"order_adjustments": [discrepancy("-58.32", kind="shipping_refund")]}, 0),
            ({"total_duties_set": money("58.32")}, 0),
            ({"duties": [{"duty_id": 1}]}, 0),
        ],
    )
    def test_what_nothing_else_explains_is_known_by_the_money_that_moved(
        self, changes: dict[str, Any], amount: int
    ) -> None:
        given = refund(refund_line_items=[], **changes)
        assert (given.lines, given.amount, given.amount_with_tax, given.currency) == ((), amount, True, "USD")

    def test_money_in_the_buyers_currency_alone_is_told_in_it(self) -> None:
        """The shop's amount is nowhere: the order will be held."""
        given = refund(refund_line_items=[], transactions=[moved("20.00", currency="EUR")])
        assert (given.amount, given.currency) == (2000, "EUR")

    def test_a_refund_that_waited_and_moved_is_the_newer_one(self) -> None:
        """Nothing dates the change."""
        for waits, moves in (
            (refund(order_adjustments=[discrepancy("58.32")]), refund()),
            (
                refund(refund_line_items=[], transactions=[moved("20.00", "pending")]),
                refund(refund_line_items=[], transactions=[moved("20.00")]),
            ),
        ):
            for told in ([waits, moves], [moves, waits]):
                known, _ = OrderFacts().with_facts(told)
                assert known.refunds == [moves]

    @pytest.mark.parametrize(
        "statuses, failed",
        [
            ([], False),
            (["success"], False),
            (["pending"], False),
            (["failure"], True),
            (["error", "failure"], True),
            (["failure", "success"], False),
        ],
    )
    def test_a_refund_failed_if_all_its_transactions_did(self, statuses: list[str], failed: bool) -> None:
        transactions = [{"kind": "refund", "status": status, "currency": "USD"} for status in statuses]
        assert refund(transactions=transactions).failed is failed

    def test_a_void_is_no_failed_refund(self) -> None:
        assert not refund(transactions=[{"kind": "void", "status": "failure"}]).failed

    def test_a_later_transaction_makes_a_newer_version(self) -> None:
        retried = [
            {"kind": "refund", "status": "failure", "created_at": "2026-05-10T09:00:00-05:00"},
            {"kind": "refund", "status": "success", "processed_at": "2026-05-11T09:00:00-05:00"},
        ]
        assert refund(transactions=retried).updated_at == times.parse("2026-05-11T14:00:00Z")

    def test_at_one_time_the_failure_of_a_refund_is_the_newer_word(self) -> None:
        failed = refund(transactions=[{"kind": "refund", "status": "failure"}])
        for told in ([SHIRT_BACK, failed], [failed, SHIRT_BACK]):
            known, _ = OrderFacts().with_facts(told)
            assert known.refunds == []

    def test_the_time_of_creation_stands_in_for_the_time_of_processing(self) -> None:
        created = refund(processed_at=None, transactions=[], created_at="2026-05-09T09:00:00-05:00")
        assert created.updated_at == times.parse("2026-05-09T14:00:00Z")

    def test_parts_come_in_one_order(self) -> None:
        parts = [refund_line(), refund_line(id=2, subtotal_set=money("10.00"), total_tax_set=money("0.80"))]
        expected = (RefundLine(SHIRT.id, 1, 1000, 80), RefundLine(SHIRT.id, 1, 5400, 432))
        assert refund(refund_line_items=parts).lines == refund(refund_line_items=parts[::-1]).lines == expected

    def test_a_part_without_its_tax_and_one_in_floats_alone(self) -> None:
        assert refund(refund_line_items=[refund_line(total_tax_set=None)]).lines == (RefundLine(SHIRT.id, 1, 5400),)
        parts = [refund_line(subtotal=53.99999999999999, subtotal_set=None)]
        assert refund(refund_line_items=parts).lines == (RefundLine(SHIRT.id, 1),)

    def test_a_refund_of_a_tip_takes_nothing_back(self) -> None:
        tip = refund_line(line_item={"id": 9, "tip_payment_gateway": None})
        assert refund(refund_line_items=[tip]).lines == ()

    @pytest.mark.parametrize(
        "change, currency",
        [
            (lambda body: body, "USD"),
            (lambda body: body | {"refund_line_items": []}, "USD"),
            (
                lambda body: (
                    body | {"refund_line_items": [], "total_duties_set": money("0.00", "CAD"), "transactions": []}
                ),
                "CAD",
            ),
            (lambda body: body | {"refund_line_items": [], "total_duties_set": None}, "USD"),
        ],
    )
    def test_the_currency_is_the_shops(self, change: Callable[[dict[str, Any]], dict[str, Any]], currency: str) -> None:
        assert refund(**change(samples.content("shopify/refunds_create"))).currency == currency

    @pytest.mark.parametrize(
        "changes, reason",
        [
            ({"refund_line_items": [], "total_duties_set": None, "transactions": []}, "shape_mismatch"),
            ({"refund_line_items": [refund_line(quantity=-1)]}, "shape_mismatch"),
            ({"refund_line_items": [refund_line(line_item_id=None)]}, "shape_mismatch"),
            ({"refund_line_items": [refund_line(subtotal_set=money("54.001"))]}, "bad_amount"),
            ({"refund_line_items": [refund_line(subtotal_set=money("-54.00"))]}, "bad_amount"),
            ({"refund_line_items": [refund_line(total_tax_set=money("4.32", "EUR"))]}, "currency_mismatch"),
            ({"refund_line_items": [{}] * 5_001}, "too_many_lines"),
            ({"order_id": None}, "shape_mismatch"),
            ({"id": None}, "shape_mismatch"),
            ({"processed_at": "x"}, "bad_time"),
            ({"transactions": [{"kind": 1, "status": "x"}]}, "shape_mismatch"),
            ({"refund_line_items": [], "order_adjustments": [discrepancy("free")]}, "bad_amount"),
        ],
    )
    def test_a_wrong_value_is_parked_by_its_reason(self, changes: dict[str, Any], reason: str) -> None:
        body = samples.content("shopify/refunds_create") | changes
        assert unreadable(delivery("refunds/create", body)) == reason

    @pytest.mark.parametrize("number", [b"1e999999", b"1e-999999", b"0e999999", b"9" * 4_000, b"1." + b"0" * 100_000])
    def test_a_number_of_any_size_can_be_read(self, number: bytes) -> None:
        reasons = {"shape_mismatch", "bad_amount"}
        for field in (b'"rate": 0.08', b'"quantity": 2', b'"price": "60.00"'):
            body = json.dumps(samples.content("shopify/refunds_create")).encode()
            assert field in body
            key = field.partition(b":")[0]
            request = delivery("refunds/create", body.replace(field, key + b":" + number))
            read = samples.outcome("shopify", request)
            assert isinstance(read, Reading) or (isinstance(read, Unreadable) and read.reason in reasons)


class TestDisputes:
    @pytest.mark.parametrize(
        "said, status",
        [
            ("needs_response", "open"),
            ("under_review", "open"),
            ("accepted", "lost"),
            ("lost", "lost"),
            ("won", "won"),
            ("charge_refunded", "won"),
            ("prevented", "won"),
        ],
    )
    def test_what_was_refunded_the_bank_has_not_taken(self, said: str, status: str) -> None:
        """The refund comes as a refund: both would count it twice."""
        assert dispute(status=said).status == status

    @pytest.mark.parametrize(
        "changes, reason",
        [
            ({"type": "inquiry"}, "dispute_inquiry"),
            ({"type": "inquiry", "status": "won", "finalized_on": "2026-06-20T19:00:00-05:00"}, "dispute_inquiry"),
            ({"order_id": None}, "dispute_without_order"),
        ],
    )
    def test_what_moves_no_money_of_an_order_is_ignored_by_name(self, changes: dict[str, Any], reason: str) -> None:
        assert shopify.facts(disputed(**changes), samples.pseudonym) == Ignored(reason)

    def test_one_without_an_order_is_its_own_subject(self) -> None:
        assert shopify.subject(disputed(order_id=None)) == "285332461850802050"

    def test_an_inquiry_that_becomes_a_chargeback_counts_from_then_on(self) -> None:
        inquiry, chargeback = disputed(type="inquiry", status="needs_response"), disputed(status="needs_response")
        for told in ([inquiry, chargeback], [chargeback, inquiry]):
            facts = OrderFacts()
            for request in told:
                read = shopify.facts(request, samples.pseudonym)
                facts, _ = facts.with_facts(read.facts if isinstance(read, Reading) else ())
            assert [known.status for known in facts.disputes] == ["open"]

    def test_the_end_is_newer_than_the_beginning_whatever_comes_first(self) -> None:
        """The body dates only these; the trigger time is not signed."""
        begun = dispute(status="needs_response")
        answered = dispute(status="under_review", evidence_sent_on="2026-06-15T19:00:00-05:00")
        lost = dispute(status="lost", finalized_on="2026-07-10T19:00:00-05:00", evidence_sent_on=None)
        assert lost.updated_at == times.parse("2026-07-11T00:00:00Z")
        for told in permutations([begun, answered, lost, begun]):
            known, _ = OrderFacts().with_facts(told)
            assert known.disputes == [lost]

    def test_an_end_without_its_date_is_newer_too(self) -> None:
        begun, won = dispute(), dispute(status="won")
        for told in ([begun, won], [won, begun]):
            assert OrderFacts().with_facts(told)[0].disputes == [won]

    def test_a_decision_that_is_reversed_later_counts(self) -> None:
        won = dispute(status="won", finalized_on="2026-07-10T19:00:00-05:00")
        lost = dispute(status="lost", finalized_on="2026-08-10T19:00:00-05:00")
        for told in ([won, lost], [lost, won]):
            assert OrderFacts().with_facts(told)[0].disputes == [lost]

    @pytest.mark.parametrize(
        "amount, currency, minor", [("89.62", "EUR", 8962), ("9900", "JPY", 9900), ("1.250", "KWD", 1250)]
    )
    def test_its_amount_is_in_its_own_currency(self, amount: str, currency: str, minor: int) -> None:
        asked = dispute(amount=amount, currency=currency)
        assert (asked.amount, asked.currency) == (minor, currency)

    @pytest.mark.parametrize(
        "changes, reason",
        [
            ({"id": None}, "shape_mismatch"),
            ({"order_id": -1}, "shape_mismatch"),
            ({"type": None}, "shape_mismatch"),
            ({"type": "complaint"}, "shape_mismatch"),
            ({"status": None}, "shape_mismatch"),
            ({"status": "open"}, "unknown_status"),
            ({"initiated_at": None}, "shape_mismatch"),
            ({"initiated_at": "2026-06-11"}, "bad_time"),
            ({"finalized_on": "soon"}, "bad_time"),
            ({"currency": "usd"}, "unknown_currency"),
            ({"amount": None}, "shape_mismatch"),
            ({"amount": "-89.62"}, "bad_amount"),
            ({"amount": "89.625"}, "bad_amount"),
        ],
    )
    def test_a_wrong_value_is_parked_by_its_reason(self, changes: dict[str, Any], reason: str) -> None:
        assert unreadable(disputed(**changes)) == reason


class TestMoney:
    """What orders and refunds of whole bodies come to: sold for 175.50 with 17 % of tax in it, 150.00 without."""

    MUG: ClassVar = sold(11, 2, "58.50", "17.00")
    POT: ClassVar = sold(12, 1, "58.50", "8.50")

    def kept(self, *refunds: dict[str, Any], included: bool = True, **changes: Any) -> int:
        """Of the base, what is left after these refunds, in whatever order they come."""
        said = {"line_items": [self.MUG, self.POT], "taxes_included": included, "refunds": list(refunds)} | changes
        orders = [paid(**said | {"refunds": told}) for told in permutations(refunds)]
        [only] = {self.left_of(samples.reading("shopify", order).facts) for order in orders}
        return only

    def left_of(self, *told: tuple[Fact, ...]) -> int:
        """Of the base, what is left after all that, whatever came first."""
        left = set()
        for readings in permutations(told):
            facts, _ = OrderFacts().with_facts([fact for read in readings for fact in read])
            assert facts.snapshot is not None
            left.add(sum(basis.kept_base for basis in bases(facts, facts.snapshot, Base())))
        [only] = left
        return only

    def test_nothing_came_back(self) -> None:
        assert self.kept() == 15_000
        assert self.kept(included=False) == 17_550

    def test_an_order_that_an_edit_made_dearer_keeps_what_it_has_earned(self) -> None:
        """Until the difference is collected, its status is that of an order of which some was paid."""
        dearer = paid(
            line_items=[self.MUG, self.POT], updated_at="2026-05-05T10:00:00Z", financial_status="partially_paid"
        )
        facts = [snapshot(paid(line_items=[self.MUG])), snapshot(dearer)]
        known, _ = OrderFacts().with_facts(facts)
        assert known == OrderFacts().with_facts(reversed(facts))[0]
        assert known.snapshot is not None
        assert (known.snapshot.lifecycle, known.snapshot.paid) == (Lifecycle.PARTLY_PAID, True)
        assert [line.id for line in known.snapshot.lines] == ["11", "12"]

    def test_a_line_comes_back(self) -> None:
        assert self.kept(returned(1, (self.MUG, 1, "58.50", "8.50"))) == 10_000
        assert self.kept(returned(1, (self.MUG, 1, "58.50", "8.50")), included=False) == 11_700

    def test_goodwill_is_money_with_tax_in_it(self) -> None:
        """A third of what was paid is a third of the base."""
        assert self.kept(returned(1, beyond="-58.50")) == 10_000

    def test_goodwill_has_tax_in_it_where_prices_have_none_too(self) -> None:
        """Paid: 175.50 and 25.50 of tax. A third of it: 67.00."""
        assert self.kept(returned(1, beyond="-67.00"), included=False) == 11_700

    def test_what_an_edit_removed_is_taken_back_once(self) -> None:
        removed = self.POT | {"current_quantity": 0}
        removal, payment = returned(1, (self.POT, 1, "58.50", "8.50"), beyond="58.50"), returned(2, beyond="-58.50")
        for refunds in ([removal], [removal, payment]):
            assert self.kept(*refunds, line_items=[self.MUG, removed]) == 10_000

    def test_a_line_comes_back_with_goodwill(self) -> None:
        """78.50 of 175.50: the pot's 50.00 of base, and of the mugs' 100.00 what 20.00 are of 117.00."""
        assert self.kept(returned(1, (self.POT, 1, "58.50", "8.50"), beyond="-20.00")) == 10_000 - 1_709

    def test_a_pending_refund_takes_its_lines_back(self) -> None:
        assert self.kept(returned(1, (self.POT, 1, "58.50", "8.50"), beyond="58.50")) == 10_000

    def test_all_of_it_comes_back_in_pieces(self) -> None:
        pot, mug = (self.POT, 1, "58.50", "8.50"), (self.MUG, 1, "58.50", "8.49")
        assert self.kept(returned(1, pot), returned(2, mug), returned(3, beyond="-58.50")) == 0
        assert self.kept(returned(1, beyond="-100.00"), returned(2, beyond="-75.50")) == 0
        assert self.kept(returned(1, pot, mug, mug)) == 0

    def test_one_refund_under_two_topics_is_one(self) -> None:
        back = returned(1, (self.MUG, 1, "58.50", "8.50"))
        order = paid(line_items=[self.MUG, self.POT], taxes_included=True, refunds=[back])
        alone = delivery("refunds/create", back | {"order_id": int(ORDER)})
        told = [samples.reading("shopify", request) for request in (order, alone, order)]
        assert {read.external_id for read in told} == {ORDER}
        assert self.left_of(*(read.facts for read in told)) == 10_000

    def test_a_refund_that_later_fails_gives_back_what_it_took(self) -> None:
        back = returned(1, (self.MUG, 1, "58.50", "8.50"))
        tried, failed = (back | {"transactions": [moved("58.50", status)]} for status in ("pending", "failure"))
        order = {"line_items": [self.MUG | {"current_quantity": 1}, self.POT], "taxes_included": True}
        early = paid(**order, refunds=[tried])
        late = paid(**order, refunds=[failed], updated_at="2026-06-01T00:00:00Z")
        alone = delivery("refunds/create", tried | {"order_id": int(ORDER)})
        told = [samples.reading("shopify", request).facts for request in (early, alone, late)]
        assert self.left_of(*told) == 15_000

    def test_what_the_bank_took_is_money_with_tax_in_it(self) -> None:
        """A third of what was paid is a third of the base; what was refunded after all is not taken twice."""
        order = paid(line_items=[self.MUG, self.POT], taxes_included=True)
        charge = {"amount": "58.50", "order_id": int(ORDER)}
        refunded = returned(1, beyond="-58.50") | {"order_id": int(ORDER)}
        for last, left in ((disputed(status="lost", **charge), 10_000), (disputed(status="won", **charge), 15_000)):
            told = [samples.reading("shopify", request).facts for request in (order, disputed(**charge), last)]
            assert self.left_of(*told) == left
        given_back = delivery("refunds/create", refunded)
        settled_by_hand = disputed(status="charge_refunded", **charge)
        told = [samples.reading("shopify", request).facts for request in (order, settled_by_hand, given_back)]
        assert self.left_of(*told) == 10_000

    def test_shipping_alone_takes_nothing_back(self) -> None:
        assert self.kept(returned(1, shipping="-7.00")) == 15_000


class TestThePageForBrands:
    PAGE: ClassVar = (Path(__file__).parents[2] / "docs/platforms/shopify.md").read_text()

    def test_the_topics_to_subscribe_to_are_those_that_say_something(self) -> None:
        """What is fulfilled is an update, too."""
        [example] = re.findall(r"```toml\n(.*?)```", self.PAGE.replace("\n   ", "\n"), re.DOTALL)
        webhooks = tomllib.loads(example)["webhooks"]
        orders, requests = webhooks["subscriptions"]
        assert set(orders["topics"]) == shopify._READERS.keys() - {"orders/fulfilled", "orders/partially_fulfilled"}
        assert set(requests["compliance_topics"]) == shopify._COMPLIANCE.keys()
        assert webhooks["api_version"] == shopify.API_VERSION

    def test_what_is_read_back_is_named(self) -> None:
        assert f"/admin/api/{shopify.API_VERSION}/orders.json" in self.PAGE
        assert all(f"`{source}`" in self.PAGE for source in shopify._TIKTOK)


def test_who_wrote_to_the_brands_page_is_named_by_attributes() -> None:
    named = [("messenger_id", "25"), ("instagram_id", 12), ("tiktok_id", "7"), ("messenger", "26")]
    said = [{"name": name, "value": value} for name, value in named]
    assert snapshot(paid(note_attributes=said)).contacts == ("<contact:messenger:25>", "<contact:instagram:12>")

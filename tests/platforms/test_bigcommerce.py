"""BigCommerce: webhooks that only name an order, and what its API says of it."""

import copy
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.platforms import samples
from tests.standins.bigcommerce import CART, READ_CARTS, SHOP, STORE, TOKEN, BigCommerce, Item, account
from tests.standins.server import cut, talk
from vouch.domain import clicks, times
from vouch.domain.commission import bases
from vouch.domain.facts import Fact, Lifecycle, Line, Mention, OrderFacts, Refund, RefundLine, Snapshot
from vouch.domain.terms import Base
from vouch.platforms import bigcommerce
from vouch.platforms.base import (
    Account,
    Answer,
    Ask,
    Call,
    Change,
    Ignored,
    NotYet,
    PrivacyRequest,
    Reading,
    Request,
    Span,
    Thin,
    Unreadable,
)

CLICK = clicks.PREFIX + "a" * clicks.ENCODED
OTHER_CLICK = clicks.PREFIX + "b" * clicks.ENCODED
NOW = datetime(2026, 5, 4, 15, 15, 31, tzinfo=UTC)

ORDER: dict[str, Any] = {
    "id": 250,
    "customer_id": 11,
    "date_created": "Tue, 05 Mar 2019 21:40:11 +0000",
    "date_modified": "Mon, 11 Mar 2019 15:17:25 +0000",
    "status_id": 11,
    "status": "Awaiting Fulfillment",
    "subtotal_ex_tax": "110.0000",
    "subtotal_inc_tax": "121.0000",
    "subtotal_tax": "10.0000",
    "shipping_cost_ex_tax": "12.0000",
    "shipping_cost_inc_tax": "13.2000",
    "shipping_cost_tax": "1.2000",
    "total_inc_tax": "123.2000",
    "is_tax_inclusive_pricing": False,
    "items_total": 3,
    "payment_method": "Credit Card",
    "payment_status": "captured",
    "refunded_amount": "0.0000",
    "currency_code": "EUR",
    "default_currency_code": "USD",
    "staff_notes": f"ref={OTHER_CLICK}",
    "coupon_discount": "10.0000",
    "cart_id": CART,
    "billing_address": {"first_name": "Noa", "country_iso2": "US", "email": "Noa@Example.com"},
    "consignments": {"shipping": [{"id": 99, "first_name": "Noa", "country_iso2": "il"}], "pickups": []},
}
PRODUCTS: list[dict[str, Any]] = [
    {
        "id": 65,
        "product_id": 77,
        "sku": "MUG-01",
        "type": "physical",
        "price_ex_tax": "50.0000",
        "price_inc_tax": "55.0000",
        "total_tax": "9.0909",
        "quantity": 2,
        "quantity_refunded": 0,
        "applied_discounts": [{"id": "coupon", "amount": "9.0909", "code": "NOA10", "target": "order"}],
    },
    {
        "id": 66,
        "product_id": 0,
        "sku": "",
        "type": "giftcertificate",
        "price_ex_tax": 10,
        "price_inc_tax": 11,
        "total_tax": 0.9091,
        "quantity": 1,
        "applied_discounts": [{"id": "coupon", "amount": "0.9091", "code": "NOA10", "target": "order"}],
    },
]
COUPONS = [{"id": 3, "code": " Ship-Free ", "amount": 0, "type": 4, "discount": 0}, {"id": 4, "code": None, "type": 5}]
REFUND: dict[str, Any] = {
    "id": 3,
    "order_id": 250,
    "created": "2019-03-12T16:44:15+00:00",
    "total_amount": 43.21,
    "total_tax": 5,
    "uses_merchant_override_values": False,
    "items": [
        {"item_type": "PRODUCT", "item_id": 65, "quantity": 1, "requested_amount": None},
        {"item_type": "SHIPPING", "item_id": 9, "requested_amount": "12.00"},
        {"item_type": "ORDER", "item_id": 250, "requested_amount": 1.21},
    ],
    "payments": [{"id": 13, "provider_id": "storecredit", "amount": 43.21, "is_declined": False}],
}
METAFIELDS: list[dict[str, Any]] = [
    {"data": [{"id": 1, "key": "ref", "value": CLICK, "date_modified": "2019-03-05T21:40:00+00:00"}], "meta": {}},
    {"data": [{"id": 2, "key": "size", "value": OTHER_CLICK}]},
]
ASKED_AT = "2026-05-20T12:00:00.000000Z"
SNAPSHOT = Snapshot(
    updated_at=times.parse("2019-03-11T15:17:25Z"),
    triggered_at=times.parse(ASKED_AT),
    placed_at=times.parse("2019-03-05T21:40:11Z"),
    lifecycle=Lifecycle.PAID,
    currency="USD",
    lines=(
        Line("65", 2, 5000, discount=909, tax=909, sku="MUG-01", product_id="77"),
        Line("66", 1, 1000, discount=91, tax=91, gift_card=True),
    ),
    platform="bigcommerce",
    shipping=1200,
    shipping_tax=120,
    country="IL",
    codes=("ship-free", "noa10"),
    customers=("<email:noa@example.com>", "<id:door:11>"),
)
GIVEN_BACK = Refund(
    "3", times.parse("2019-03-12T16:44:15Z"), "USD", lines=(RefundLine("65", 1),), amount=121, amount_with_tax=True
)


def answer(
    order: dict[str, Any] | None = None,
    products: list[dict[str, Any]] | None = None,
    refunds: list[dict[str, Any]] | None = None,
    metafields: list[dict[str, Any]] | None = None,
    asked_at: str = ASKED_AT,
) -> bytes:
    """What was said of an order, as it is stored, with changes of the order's own fields."""
    told = {
        "asked_at": asked_at,
        "order": ORDER | (order or {}),
        "products": [{"page": PRODUCTS if products is None else products}],
        "coupons": [{"page": COUPONS}],
        "refunds": {"data": [REFUND] if refunds is None else refunds, "meta": {}},
        "metafields": METAFIELDS if metafields is None else metafields,
    }
    return json.dumps(told).encode()


ANSWER = answer()


def read(body: bytes) -> Reading:
    return bigcommerce.read_answer(body, samples.pseudonym)


def snapshot(body: bytes) -> Snapshot:
    [found] = (fact for fact in read(body).facts if isinstance(fact, Snapshot))
    return found


def refunds(body: bytes) -> list[Refund]:
    return [fact for fact in read(body).facts if isinstance(fact, Refund)]


def mentions(body: bytes) -> list[Mention]:
    return [fact for fact in read(body).facts if isinstance(fact, Mention)]


def unreadable(read: Callable[[], object]) -> tuple[str, str]:
    with pytest.raises(Unreadable) as refusal:
        read()
    return refusal.value.reason, refusal.value.detail.partition(":")[0]


def webhook(scope: str, data: Any, **changes: Any) -> Request:
    body = {"scope": scope, "store_id": "1", "data": data, "hash": "cafe", "created_at": 1778000000}
    return Request({}, json.dumps(body | {"producer": f"stores/{STORE}"} | changes).encode())


def facts(request: Request) -> Thin | PrivacyRequest | Ignored:
    return bigcommerce.facts(request, samples.pseudonym)


class TestWebhooks:
    @pytest.mark.parametrize(
        "name, subject, said",
        [
            (
                "store_order_created",
                "250",
                Thin(Ask("order", {"store": "samplehash", "order": "250", "told_at": "2026-05-05T16:53:20Z"})),
            ),
            (
                "store_order_statusUpdated",
                "250",
                Thin(
                    Ask(
                        "order",
                        {"store": "samplehash", "order": "250", "told_at": "2026-05-05T16:54:20Z", "status": "11"},
                    )
                ),
            ),
            (
                "store_order_refund_created",
                "250",
                Thin(
                    Ask(
                        "order",
                        {"store": "samplehash", "order": "250", "told_at": "2026-05-11T11:46:40Z", "refund": "3"},
                    )
                ),
            ),
            ("store_cart_converted", None, Ignored("cart_converted")),
        ],
    )
    def test_the_samples(self, name: str, subject: str | None, said: Thin | Ignored) -> None:
        request = samples.request(f"bigcommerce/{name}")
        assert facts(request) == said
        assert bigcommerce.subject(request) == (subject or bigcommerce.subject(Request({}, request.body)))

    @pytest.mark.parametrize("status", [15, -1, 10**4_000, "11", True, None])
    def test_a_status_that_is_none_is_not_waited_for(self, status: Any) -> None:
        request = samples.request("bigcommerce/store_order_statusUpdated")
        content = json.loads(request.body)
        content["data"]["status"]["new_status_id"] = status
        said = facts(Request({}, json.dumps(content).encode()))
        assert isinstance(said, Thin)
        assert "status" not in said.ask.about

    def test_every_sample_is_read(self) -> None:
        assert len(samples.names("bigcommerce")) == 4

    @pytest.mark.parametrize(
        "scope, data",
        [
            ("store/order/updated", {"type": "order", "id": 250}),
            ("store/order/archived", {"type": "order", "id": "250"}),
            ("store/order/transaction/created", {"type": "transaction", "order_id": "250", "transaction_id": "1763"}),
            ("store/order/transaction/updated", {"type": "transaction", "order_id": "250", "transaction_id": "1763"}),
            ("store/order/metafield/created", {"metafield_id": 14, "resource_id": "250"}),
            ("store/order/metafield/updated", {"metafield_id": 14, "resource_id": "250"}),
        ],
    )
    def test_whatever_names_an_order_has_it_asked(self, scope: str, data: dict[str, Any]) -> None:
        request = webhook(scope, data)
        about = {"store": STORE, "order": "250", "told_at": "2026-05-05T16:53:20Z"}
        assert facts(request) == Thin(Ask("order", about))
        assert bigcommerce.subject(request) == "250"

    def test_a_webhook_need_not_be_dated(self) -> None:
        request = webhook("store/order/updated", {"id": 250}, created_at=None)
        assert facts(request) == Thin(Ask("order", {"store": STORE, "order": "250"}))

    @pytest.mark.parametrize(
        "scope", ["store/order/message/created", "store/customer/created", "store/app/uninstalled", "store/sku/created"]
    )
    def test_what_names_no_order_is_ignored(self, scope: str) -> None:
        request = webhook(scope, {"type": "customer", "id": 32})
        assert facts(request) == Ignored("unknown_topic")
        assert len(bigcommerce.subject(request)) == 64

    def test_a_customer_who_is_deleted_is_forgotten_and_one_who_is_created_is_not(self) -> None:
        request = webhook("store/customer/deleted", {"type": "customer", "id": 32})
        assert facts(request) == PrivacyRequest("erase_customer", "cafe", customers=("<id:door:32>",), shop=SHOP)
        assert facts(webhook("store/customer/created", {"type": "customer", "id": 32})) == Ignored("unknown_topic")

    @pytest.mark.parametrize(
        "producer", [None, "", "stores/", "stores/{store_hash}", "stores/a/../b", "stores/A", "shops/a", 7]
    )
    def test_without_a_store_nobody_knows_whom_to_ask(self, producer: Any) -> None:
        request = webhook("store/order/updated", {"id": 250}, producer=producer)
        assert unreadable(lambda: facts(request)) == ("shape_mismatch", "producer")

    @pytest.mark.parametrize("number", [None, "", 0, -1, 2.5, "25/0", "../carts", "0250", "9" * 20, {}, True])
    def test_an_order_goes_by_its_number(self, number: Any) -> None:
        request = webhook("store/order/updated", {"id": number})
        assert unreadable(lambda: facts(request)) == ("shape_mismatch", "data.id")
        assert len(bigcommerce.subject(request)) == 64


class TestAnswer:
    def test_an_order_with_all_that_it_has(self) -> None:
        mention = Mention(CLICK, times.parse("2019-03-05T21:40:00Z"), click_ids=(CLICK,))
        assert read(answer()) == Reading("250", (SNAPSHOT, GIVEN_BACK, mention))

    def test_the_base_is_without_tax_discounts_shipping_and_gift_certificates(self) -> None:
        [mugs, certificate] = bases(OrderFacts(SNAPSHOT), SNAPSHOT, Base())
        assert (mugs.base, certificate.base) == (10_000 - 909, 0)

    @pytest.mark.parametrize(
        "status, lifecycle, paid",
        [
            (0, Lifecycle.OPEN, False),
            (1, Lifecycle.OPEN, False),
            (2, Lifecycle.PAID, True),
            (3, Lifecycle.PAID, True),
            (4, Lifecycle.REFUNDED, True),
            (5, Lifecycle.CANCELLED, False),
            (6, Lifecycle.CANCELLED, False),
            (7, Lifecycle.OPEN, False),
            (8, Lifecycle.PAID, True),
            (9, Lifecycle.PAID, True),
            (10, Lifecycle.PAID, True),
            (11, Lifecycle.PAID, True),
            (12, Lifecycle.OPEN, False),
            (13, Lifecycle.OPEN, False),
            (14, Lifecycle.PAID, True),
        ],
    )
    def test_a_status_says_whether_the_order_counts(self, status: int, lifecycle: Lifecycle, paid: bool) -> None:
        order = snapshot(answer({"status_id": status, "is_deleted": True}))
        assert (order.lifecycle, order.paid) == (lifecycle, paid)

    @pytest.mark.parametrize("status", [None, -1, 15, "11", True, {}])
    def test_an_unknown_status_is_refused(self, status: Any) -> None:
        assert unreadable(lambda: read(answer({"status_id": status}))) == ("unknown_status", "order.status_id")

    def test_an_incomplete_order_is_not_placed_yet(self) -> None:
        begun = snapshot(answer({"status_id": 0}))
        later = snapshot(answer({"date_created": "Tue, 05 Mar 2019 22:00:00 +0000"}))
        known, _ = OrderFacts().with_facts([begun])
        known, _ = known.with_facts([later])
        assert begun.placed_at_guessed
        assert known.told is not None
        assert known.told.placed_at == times.parse("2019-03-05T22:00:00Z")

    def test_prices_with_tax_are_taken_as_they_were_entered(self) -> None:
        product = PRODUCTS[0] | {
            "price_ex_tax": "31.3397",
            "price_inc_tax": "33.9200",
            "total_tax": "4.4000",
            "applied_discounts": [{"amount": "10.0000", "code": None}],
        }
        body = answer({"is_tax_inclusive_pricing": True, "subtotal_tax": "4.4000"}, [product])
        order = snapshot(body)
        assert order.tax_included
        assert order.lines == (Line("65", 2, 3392, discount=1000, tax=440, sku="MUG-01", product_id="77"),)
        assert (order.shipping, order.shipping_tax) == (1320, 120)
        assert bases(OrderFacts(order), order, Base())[0].base == 6784 - 1000 - 440

    def test_taxes_of_lines_told_before_the_discount_come_to_what_the_order_says(self) -> None:
        products = [PRODUCTS[0] | {"total_tax": "10.0000"}, PRODUCTS[1] | {"total_tax": "1.0000"}]
        assert [line.tax for line in snapshot(answer(products=products)).lines] == [909, 91]

    def test_parts_of_a_discount_come_to_its_whole(self) -> None:
        products = [PRODUCTS[0] | {"id": 70 + at, "applied_discounts": [{"amount": "3.3333"}]} for at in range(3)]
        assert [line.discount for line in snapshot(answer(products=products)).lines] == [334, 333, 333]
        several = [PRODUCTS[0] | {"applied_discounts": [{"amount": "1.5900"}, {"amount": 0.25}, {"amount": 2}]}]
        assert snapshot(answer(products=several)).lines[0].discount == 384

    @pytest.mark.parametrize(
        "currency, price, minor", [("JPY", "9900.0000", 9900), ("KWD", "1.2500", 1250), ("USD", "10.1000", 1010)]
    )
    def test_four_digits_are_those_of_the_currency(self, currency: str, price: str, minor: int) -> None:
        free = {"subtotal_tax": "0.0000", "shipping_cost_ex_tax": "0.0000", "shipping_cost_tax": "0"}
        product = PRODUCTS[0] | {"price_ex_tax": price, "quantity": 1, "applied_discounts": []}
        order = snapshot(answer(free | {"default_currency_code": currency}, [product], []))
        assert (order.currency, order.lines[0].unit_price, order.shipping) == (currency, minor, 0)

    @pytest.mark.parametrize("price", ["10.0050", "-1.0000", "", None, "1e2", 10**16, True, "NaN", [], "10,00"])
    def test_a_price_that_is_no_amount_of_the_currency_is_refused(self, price: Any) -> None:
        reason, path = unreadable(lambda: read(answer(products=[PRODUCTS[0] | {"price_ex_tax": price}])))
        assert (reason in ("bad_amount", "shape_mismatch"), path) == (True, "products[0].page[0].price_ex_tax")

    @pytest.mark.parametrize("tax", ["1.00005", "-1.0000", "", None, "1e2", 10**16, True, "NaN", [], "1" * 12])
    def test_a_tax_that_is_no_amount_is_refused(self, tax: Any) -> None:
        assert unreadable(lambda: read(answer({"subtotal_tax": tax}))) == ("bad_amount", "order.subtotal_tax")

    def test_a_discount_above_the_price_is_refused(self) -> None:
        product = PRODUCTS[0] | {"applied_discounts": [{"amount": "100.0001"}]}
        path = "products[0].page[0].applied_discounts"
        assert unreadable(lambda: read(answer(products=[product]))) == ("discount_above_price", path)
        assert snapshot(answer(products=[product | {"applied_discounts": [{"amount": "100"}]}])).lines[0].discount

    def test_two_lines_of_one_number_are_refused(self) -> None:
        path = "products[0].page[1].id"
        assert unreadable(lambda: read(answer(products=[PRODUCTS[0], PRODUCTS[0]]))) == ("duplicate_line", path)

    @pytest.mark.parametrize(
        "said, moment",
        [
            ("Wed, 14 Nov 2012 19:26:23 +0000", "2012-11-14T19:26:23Z"),
            ("Wed, 14 Nov 2012 19:26:23 -0430", "2012-11-14T23:56:23Z"),
            ("Sat, 1 Dec 2012 00:00:00 +0000", "2012-12-01T00:00:00Z"),
            ("Thu, 29 Feb 2024 00:00:00 +0000", "2024-02-29T00:00:00Z"),
        ],
    )
    def test_times_are_those_of_mail(self, said: str, moment: str) -> None:
        assert snapshot(answer({"date_modified": said})).updated_at == times.parse(moment)

    @pytest.mark.parametrize(
        "said",
        [
            "Wed, 14 Nov 2012 19:26:23",
            "Wed, 14 Nov 2012 19:26:23 GMT",
            "Tue, 14 Nov 2012 19:26:23 +0000",
            "Thu, 29 Feb 2023 00:00:00 +0000",
            "Wed, 14 nov 2012 19:26:23 +0000",
            "wed, 14 Nov 2012 19:26:23 +0000",
            "14 Nov 2012 19:26:23 +0000",
            "Wed, 14 Nov 2012 24:26:23 +0000",
            "Wed, 14 Nov 2012 19:26:23 +2500",
            "Wed, 14 Nov 2012 19:26:23 +0000\n",
            "Wed, 1\u0664 Nov 2012 19:26:23 +0000",
            "Mon, 01 Jan 0000 00:00:00 +0000",
            "Mon, 01 Jan 9900 00:00:00 +0000",
            "2012-11-14T19:26:23Z",
        ],
    )
    def test_other_times_are_refused(self, said: str) -> None:
        assert unreadable(lambda: read(answer({"date_modified": said}))) == ("bad_time", "order.date_modified")

    def test_guests_are_known_by_mail_and_buyers_without_it_by_number(self) -> None:
        assert snapshot(answer({"customer_id": 0})).customers == ("<email:noa@example.com>",)
        assert snapshot(answer({"billing_address": None})).customers == ("<id:door:11>",)
        assert snapshot(answer({"billing_address": {}, "customer_id": 0})).customers == ()

    def test_an_order_that_is_sent_nowhere_is_its_buyers(self) -> None:
        assert snapshot(answer({"consignments": {"shipping": []}})).country == "US"
        assert snapshot(answer({"consignments": {"url": "https://x", "resource": "/orders"}})).country == "US"
        assert snapshot(answer({"consignments": None, "billing_address": None})).country is None

    @pytest.mark.parametrize("method, test", [("Test Payment Gateway", True), ("Manual", False), (None, False)])
    def test_what_the_test_gateway_took_is_a_test(self, method: str | None, test: bool) -> None:
        assert snapshot(answer({"payment_method": method})).test is test


class TestRefunds:
    def test_goods_go_back_by_count(self) -> None:
        facts = OrderFacts(SNAPSHOT, {("refund", "3"): GIVEN_BACK})
        [mugs, _] = bases(facts, SNAPSHOT, Base())
        loose = 110  # 1.21 with a tenth of tax
        assert (mugs.base, mugs.kept_base, mugs.kept_quantity) == (9091, 9091 - 4546 - loose, 1)

    def test_what_is_kept_back_of_a_price_balances_what_else_is_given_back(self) -> None:
        item = REFUND["items"][0] | {"adjustments": [{"amount": -10.2, "description": "Service fee"}]}
        [refund] = refunds(answer(refunds=[REFUND | {"items": [item]}]))
        assert (refund.lines, refund.amount) == ((RefundLine("65", 1),), -1020)

    @pytest.mark.parametrize("kind", ["GIFT_WRAPPING", "SHIPPING", "HANDLING", "TAX", "FEE"])
    def test_what_is_no_goods_takes_nothing_back(self, kind: str) -> None:
        item = {"item_type": kind, "item_id": 65, "quantity": 1, "requested_amount": "5.00"}
        [refund] = refunds(answer(refunds=[REFUND | {"items": [item]}]))
        assert (refund.lines, refund.amount) == ((), 0)

    def test_a_correction_of_tax_has_no_items(self) -> None:
        [refund] = refunds(answer(refunds=[REFUND | {"items": []}]))
        assert (refund.lines, refund.amount, refund.failed) == ((), 0, False)

    @pytest.mark.parametrize("kind", [None, "", "PLANET", "product"])
    def test_an_unknown_kind_of_item_is_refused(self, kind: Any) -> None:
        body = answer(refunds=[REFUND | {"items": [REFUND["items"][0] | {"item_type": kind}]}])
        assert unreadable(lambda: read(body)) == ("shape_mismatch", "refunds.data[0].items[0].item_type")

    @pytest.mark.parametrize(
        "declined, failed", [([], False), ([True], True), ([True, False], False), ([True, True], True)]
    )
    def test_a_refund_all_of_whose_payments_were_declined_failed(self, declined: list[bool], failed: bool) -> None:
        payments = [{"amount": 1, "is_declined": one} for one in declined]
        assert refunds(answer(refunds=[REFUND | {"payments": payments}]))[0].failed is failed


class TestMetafields:
    def test_a_click_id_is_a_mention_of_its_own(self) -> None:
        plain, changed = OrderFacts().with_facts(read(answer(metafields=[])).facts)
        known, _ = plain.with_facts(read(answer()).facts)
        assert mentions(answer(metafields=[])) == []
        assert known.snapshot is not None
        assert known.snapshot.click_ids == (CLICK,)
        assert (known.told, len(changed)) == (plain.told, 2)

    def test_the_same_click_id_on_order_and_cart_is_one(self) -> None:
        later = {"key": "_refs", "value": f"{OTHER_CLICK},{CLICK}", "date_modified": "2019-03-06T00:00:00+00:00"}
        at = times.parse("2019-03-06T00:00:00Z")
        assert mentions(answer(metafields=[METAFIELDS[0], {"data": [later]}])) == [
            Mention(CLICK, at, click_ids=(CLICK,)),
            Mention(OTHER_CLICK, at, click_ids=(OTHER_CLICK,)),
        ]

    @pytest.mark.parametrize("data", [None, [], {}, "x", [None], [{"key": "ref"}], [{"key": "ref", "value": "noa"}]])
    def test_what_holds_none_says_nothing(self, data: Any) -> None:
        assert mentions(answer(metafields=[{"data": data}])) == []

    @pytest.mark.parametrize("dated", [None, 7, "yesterday"])
    def test_one_without_a_time_is_as_old_as_its_order(self, dated: Any) -> None:
        data = {"key": "ref", "value": CLICK, "date_modified": dated}
        assert mentions(answer(metafields=[{"data": data}])) == [Mention(CLICK, SNAPSHOT.placed_at, click_ids=(CLICK,))]

    def test_no_body_names_more_of_them_than_an_order_may_carry(self) -> None:
        data = [{"key": "ref", "value": clicks.PREFIX + f"{at:0{clicks.ENCODED}}"} for at in range(30)]
        assert len(mentions(answer(metafields=[{"data": data}]))) == 10


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(clock: Clock) -> Iterator[BigCommerce]:
    with BigCommerce(clock) as store:
        yield store


def asks(store: BigCommerce, which: int = -1) -> Ask:
    """What one of the webhooks has us ask, the last one if nothing is said."""
    request = store.webhooks[which]
    assert bigcommerce.verify(request, account(), store.clock())
    said = facts(request)
    assert isinstance(said, Thin)
    return said.ask


def told(store: BigCommerce, ask: Ask | None = None, now: datetime | None = None) -> bytes:
    return talk(bigcommerce.ask(ask or asks(store), account(), now or store.clock()), store.address)


def kept(*bodies: bytes) -> tuple[int, Lifecycle]:
    """What the order's goods come to in the end, whatever came in which order."""
    said: list[list[Fact]] = [list(read(body).facts) for body in bodies]
    ways = []
    for way in (said, said[::-1], said + said):
        known = OrderFacts()
        for some in way:
            known, _ = known.with_facts(some)
        assert known.snapshot is not None
        ways.append((sum(b.kept_base for b in bases(known, known.snapshot, Base())), known.snapshot.lifecycle))
    assert len(set(ways)) == 1
    return ways[0]


class TestAsking:
    def test_an_order_is_asked_for_with_all_its_parts(self, store: BigCommerce) -> None:
        order_id = store.place(Item("20.00", 2, "4.00", code="NOA10"), Item("0.99", sku="PIN"), code="FREESHIP")
        store.note("carts", CART, "ref", CLICK)
        store.note("carts", CART, "size", OTHER_CLICK)
        reading = read(told(store, asks(store)))
        assert reading.external_id == str(order_id)
        [order, mention] = reading.facts
        assert isinstance(order, Snapshot)
        assert [(line.quantity, line.unit_price, line.discount, line.tax) for line in order.lines] == [
            (2, 2000, 400, 360),
            (1, 99, 0, 10),
        ]
        assert (order.codes, order.country, order.shipping) == (("freeship", "noa10"), "IL", 500)
        assert mention == Mention(CLICK, NOW, click_ids=(CLICK,))
        assert {asked.headers["x-auth-token"] for asked in store.asked} == {TOKEN}

    def test_the_answer_is_kept_to_the_letter(self) -> None:
        said = [b'{"id":250, "total": 10.10}', b'[ {"price": 1.50} ]', b"", b'{"data":[]}', b'{"data":[ ]}']
        conversation = bigcommerce.ask(Ask("order", {"store": STORE, "order": "250"}), account(), NOW)
        next(conversation)
        *first, last = [Answer(200 if body else 204, {}, body) for body in said]
        for body in first:
            conversation.send(body)
        with pytest.raises(StopIteration) as end:
            conversation.send(last)
        assert end.value.value == (
            b'{"asked_at":"%s","order":{"id":250, "total": 10.10},"products":[{"page":[ {"price": 1.50} ]}],'
            b'"coupons":[],"refunds":{"data":[]},"metafields":[{"data":[ ]}]}' % times.text(NOW).encode()
        )

    def test_an_order_of_many_lines_comes_in_pages(self, store: BigCommerce) -> None:
        store.place(*[Item("1.00")] * 120)
        assert len(snapshot(told(store)).lines) == 120
        store.place(*[Item("1.00")] * 50)
        assert len(snapshot(told(store)).lines) == 50

    def test_an_order_without_end_is_refused(self) -> None:
        conversation = bigcommerce.ask(Ask("order", {"store": STORE, "order": "250"}), account(), NOW)
        next(conversation)
        conversation.send(Answer(200, {}, b"{}"))
        full = Answer(200, {}, b"[" + b",".join([b"{}"] * 50) + b"]")
        for _ in range(100):
            conversation.send(full)
        assert unreadable(lambda: conversation.send(full))[0] == "too_many_lines"

    def test_parts_that_are_too_much_to_hold_are_refused(self) -> None:
        conversation = bigcommerce.ask(Ask("order", {"store": STORE, "order": "250"}), account(), NOW)
        next(conversation)
        conversation.send(Answer(200, {}, b"{}"))
        heavy = Answer(200, {}, b"[" + b",".join([b'{"name":"%s"}' % (b"x" * 60_000)] * 50) + b"]")
        for _ in range(bigcommerce.PARTS_BYTES_MAX // len(heavy.body)):
            conversation.send(heavy)
        assert unreadable(lambda: conversation.send(heavy))[0] == "too_many_lines"

    def test_an_order_that_nobody_knows_yet_is_asked_for_again(self, store: BigCommerce) -> None:
        store.place()
        ask = asks(store)
        store.orders.clear()
        with pytest.raises(NotYet, match="order_unknown"):
            told(store, ask)

    def test_an_answer_that_ends_in_the_middle_is_none(self, store: BigCommerce) -> None:
        store.place(code="FREESHIP")
        for before in range(6):
            store.faults.extend([None] * before + [cut])
            assert unreadable(lambda: told(store))[0] == "not_json"
        assert snapshot(told(store)).lines

    def test_without_the_right_to_carts_an_order_is_told_all_the_same(self, store: BigCommerce) -> None:
        order_id = store.place()
        store.note("carts", CART, "ref", CLICK)
        store.note("orders", str(order_id), "ref", OTHER_CLICK)
        store.rights.discard(READ_CARTS)
        assert [mention.id for mention in mentions(told(store))] == [OTHER_CLICK]

    def test_an_order_needs_every_right_but_that_to_metafields(self) -> None:
        conversation = bigcommerce.ask(Ask("order", {"store": STORE, "order": "250"}), account(), NOW)
        calls: list[Call] = [next(conversation)]
        bodies = [json.dumps(ORDER).encode(), b"[]", b"[]", b"{}", b"{}"]
        calls += [conversation.send(Answer(200, {}, body)) for body in bodies]
        assert [call.path for call in calls if call.optional] == [
            f"/stores/{STORE}/v3/orders/250/metafields",
            f"/stores/{STORE}/v3/carts/{CART}/metafields",
        ]

    @pytest.mark.parametrize("cart", ["../orders/1", "", None, {}, "a" * 65, "a b"])
    def test_a_cart_that_is_none_is_not_asked_for(self, store: BigCommerce, cart: Any) -> None:
        store.place(cart_id=cart)
        assert snapshot(told(store)).lines
        assert not any("/carts/" in asked.path for asked in store.asked)

    @pytest.mark.parametrize("shop", [f"store-{STORE}.mybigcommerce.com", "mugs.example", None])
    def test_the_store_is_the_one_that_the_webhook_named(self, store: BigCommerce, shop: str | None) -> None:
        store.place()
        assert talk(bigcommerce.ask(asks(store), account(shop=shop), NOW), store.address)

    def test_another_store_than_the_connections_is_not_asked(self, store: BigCommerce) -> None:
        store.place()
        other = account(shop="store-other.mybigcommerce.com")
        assert unreadable(lambda: talk(bigcommerce.ask(asks(store), other, NOW), store.address))[0] == "other_store"
        assert store.asked == []

    def test_the_api_has_one_address(self) -> None:
        assert bigcommerce.address(Account(())) == "https://api.bigcommerce.com"


class TestOlderAnswers:
    """BigCommerce sends its webhooks a moment before everyone who is asked has heard of the change."""

    def test_a_status_that_is_not_there_yet_is_asked_for_again(self, store: BigCommerce, clock: Clock) -> None:
        order_id = store.place(status=0)
        before = copy.deepcopy(store.orders[order_id])
        clock.passes(1)
        store.becomes(order_id, 11)
        ask, after = asks(store), store.orders[order_id]
        store.orders[order_id] = before
        with pytest.raises(NotYet, match="status_unknown"):
            told(store, ask)
        store.orders[order_id] = after
        assert snapshot(told(store, ask)).lifecycle is Lifecycle.PAID

    def test_a_status_that_another_has_overtaken_is_not_waited_for(self, store: BigCommerce, clock: Clock) -> None:
        order_id = store.place(status=7)
        store.becomes(order_id, 11)
        ask = asks(store)
        clock.passes(60)
        store.becomes(order_id, 2)
        assert snapshot(told(store, ask)).lifecycle is Lifecycle.PAID

    def test_nor_for_ever_where_both_have_one_time(self, store: BigCommerce) -> None:
        order_id = store.place(status=7)
        store.becomes(order_id, 11)
        ask = asks(store)
        store.becomes(order_id, 5)
        with pytest.raises(NotYet, match="status_unknown"):
            told(store, ask, NOW + timedelta(minutes=10))
        assert snapshot(told(store, ask, NOW + timedelta(minutes=10, seconds=1))).lifecycle is Lifecycle.CANCELLED

    def test_a_refund_is_waited_for_as_long_as_there_is_patience(self, store: BigCommerce) -> None:
        order_id = store.place()
        store.refund(order_id, (0, 1))
        ask, listed = asks(store), store.refunds[order_id]
        store.refunds[order_id] = []
        with pytest.raises(NotYet, match="refund_unknown"):
            told(store, ask, NOW + timedelta(days=1))
        store.refunds[order_id] = listed
        assert len(refunds(told(store, ask))) == 1


class TestStories:
    def test_an_order_that_is_placed_paid_for_and_partly_given_back(self, store: BigCommerce, clock: Clock) -> None:
        order_id = store.place(Item("30.00", 3), status=0)
        bodies = [told(store)]
        clock.passes(5)
        store.becomes(order_id, 11)
        bodies += [told(store, asks(store, which)) for which in (-2, -1)]
        assert kept(*bodies) == (9000, Lifecycle.PAID)
        clock.passes(86_400)
        store.refund(order_id, (0, 1), beyond=2.5)
        bodies.append(told(store))
        assert kept(*bodies) == (9000 - 3000 - 227, Lifecycle.PAID)
        store.refund(order_id, (0, 2), declined=True)
        bodies.append(told(store))
        assert kept(*bodies) == (9000 - 3000 - 227, Lifecycle.PAID)
        clock.passes(60)
        store.becomes(order_id, 5)
        bodies.append(told(store))
        assert kept(*bodies) == (0, Lifecycle.CANCELLED)

    def test_an_order_is_open_while_it_is_disputed(self, store: BigCommerce, clock: Clock) -> None:
        order_id = store.place()
        bodies = [told(store)]
        for status, lifecycle in ((13, Lifecycle.OPEN), (11, Lifecycle.PAID)):
            clock.passes(60)
            store.becomes(order_id, status)
            bodies.append(told(store))
            assert kept(*bodies)[1] is lifecycle

    def test_prices_with_tax(self, clock: Clock) -> None:
        with BigCommerce(clock, with_tax=True) as store:
            store.place(Item("11.00", 3, "3.30"))
            order = snapshot(told(store))
        assert order.lines == (Line("251", 3, 1100, discount=330, tax=270, sku="MUG-01", product_id="77"),)
        assert bases(OrderFacts(order), order, Base())[0].base == 2700

    @pytest.mark.parametrize("with_tax, price", [(False, "100.00"), (True, "110.00")])
    def test_an_amount_for_the_order_is_money_with_tax_however_prices_are_shown(
        self, clock: Clock, with_tax: bool, price: str
    ) -> None:
        with BigCommerce(clock, with_tax=with_tax) as store:
            order_id = store.place(Item(price))
            bodies = [told(store)]
            store.refund(order_id, beyond=55.0)
            bodies.append(told(store))
            assert kept(*bodies) == (5000, Lifecycle.PAID)

    @pytest.mark.parametrize("cents", range(12))
    def test_of_two_states_of_one_second_the_one_that_was_asked_for_later_counts(
        self, store: BigCommerce, clock: Clock, cents: int
    ) -> None:
        """A line is taken out of an order in the second in which that was made."""
        order_id = store.place(Item(f"20.{cents:02}"), Item("30.00"))
        before = told(store)
        clock.passes(0.2)
        del store.products[order_id][1]
        after = told(store)
        assert {kept(before, after), kept(after, before)} == {(2000 + cents, Lifecycle.PAID)}

    def test_a_click_id_may_come_after_the_order(self, store: BigCommerce) -> None:
        order_id = store.place()
        bodies = [told(store)]
        store.note("orders", str(order_id), "ref", CLICK)
        bodies.append(told(store))
        known, _ = OrderFacts().with_facts(read(bodies[1]).facts)
        known, _ = known.with_facts(read(bodies[0]).facts)
        assert known.snapshot is not None
        assert known.snapshot.click_ids == (CLICK,)


def pulled(store: BigCommerce, since: datetime, until: datetime) -> list[Change]:
    """All that changed, page by page."""
    found: list[Change] = []
    bookmark = None
    for _ in range(50):
        page = talk(bigcommerce.changes(Span(since, until), bookmark, account(), store.clock()), store.address)
        found += page.found
        if page.bookmark is None:
            return found
        bookmark = page.bookmark
    raise AssertionError("pages without end")


class TestChanges:
    def test_what_changed_is_told_as_if_a_webhook_had_asked(self, store: BigCommerce) -> None:
        order_id = store.place()
        [change] = pulled(store, NOW, NOW + timedelta(hours=1))
        assert change == Change(str(order_id), told(store))
        assert change.subject == bigcommerce.subject(store.webhooks[0])

    def test_nothing_changed(self, store: BigCommerce) -> None:
        store.place()
        assert pulled(store, NOW + timedelta(seconds=1), NOW + timedelta(hours=1)) == []

    @pytest.mark.parametrize("count, apart", [(10, 60), (11, 60), (25, 60), (25, 1), (25, 0.3), (35, 0)])
    def test_no_order_is_lost_between_pages(self, store: BigCommerce, clock: Clock, count: int, apart: float) -> None:
        placed = []
        for _ in range(count):
            placed.append(str(store.place()))
            clock.passes(apart)
        found = [change.subject for change in pulled(store, NOW, clock.now)]
        assert sorted(set(found)) == sorted(placed)

    def test_orders_that_change_meanwhile_push_none_off_its_page(self, store: BigCommerce, clock: Clock) -> None:
        placed = []
        for _ in range(25):
            placed.append(store.place())
            clock.passes(60)
        until, bookmark, found = clock.now, None, set()
        for moved in placed:
            page = talk(bigcommerce.changes(Span(NOW, until), bookmark, account(), clock.now), store.address)
            found |= {int(change.subject) for change in page.found}
            bookmark = page.bookmark
            clock.passes(60)
            store.becomes(moved, 2)
            if bookmark is None:
                break
        assert found == set(placed)

    def test_an_order_that_is_gone_meanwhile_is_passed_over(self) -> None:
        listed = json.dumps([{"id": 7, "date_modified": "Mon, 04 May 2026 15:15:31 +0000"}]).encode()
        conversation = bigcommerce.changes(Span(NOW, NOW), None, account(), NOW)
        next(conversation)
        conversation.send(Answer(200, {}, listed))
        with pytest.raises(StopIteration) as end:
            conversation.send(Answer(404, {}, b"[]"))
        assert end.value.value.found == ()

    @pytest.mark.parametrize("number", ["../../other/v2/orders/7", "7?x=1", "7/refunds", "-7", "٧"])
    def test_what_is_listed_by_no_number_leads_nowhere(self, number: str) -> None:
        listed = json.dumps([{"id": number, "date_modified": "Mon, 04 May 2026 15:15:31 +0000"}]).encode()
        conversation = bigcommerce.changes(Span(NOW, NOW), None, account(), NOW)
        next(conversation)
        assert unreadable(lambda: conversation.send(Answer(200, {}, listed)))[0] == "shape_mismatch"

    @pytest.mark.parametrize("shop", [None, "mugs.example", "store-.mybigcommerce.com", f"{SHOP}.example"])
    def test_a_shop_that_is_not_called_by_its_store_cannot_be_pulled_from(self, shop: str | None) -> None:
        conversation = bigcommerce.changes(Span(NOW, NOW), None, account(shop=shop), NOW)
        assert unreadable(lambda: next(conversation))[0] == "store_unknown"

"""TikTok Shop: what its webhooks ask for, what is read from its API, and what the answers come to."""

import itertools
import json
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.platforms import samples
from tests.standins import tiktok_shop as standin
from tests.standins.server import Fault, Told, cut, failing, talk
from tests.standins.tiktok_shop import READ_AFFILIATES, READ_RETURNS, TikTokShop, Unit, account, refusing
from vouch.domain.commission import bases
from vouch.domain.facts import (
    Lifecycle,
    Line,
    Mention,
    OrderFacts,
    PlatformCommission,
    Refund,
    RefundLine,
    Snapshot,
)
from vouch.domain.terms import Base
from vouch.platforms import tiktok_shop
from vouch.platforms.base import (
    Account,
    Answer,
    Ask,
    BadSignature,
    Call,
    Changes,
    Ignored,
    NotYet,
    Reading,
    Request,
    Span,
    Thin,
    Unreadable,
)
from vouch.service.conversations import CALLS_MAX

NOW = datetime(2024, 6, 13, 20, 10, 0, tzinfo=UTC)
ASKED = "2024-06-13T20:10:00.000000Z"
ORDER = "576653688135258178"
UNITS = ("576653688135258179", "576653688135258180")


def detail() -> dict[str, Any]:
    """The order of the recorded answer."""
    order = samples.content("tiktok_shop/api_get_order_detail.response")["data"]["orders"][0]
    assert isinstance(order, dict)
    return order


def affiliate() -> dict[str, Any]:
    order = samples.content("tiktok_shop/api_search_seller_affiliate_orders.response")["data"]["orders"][0]
    assert isinstance(order, dict)
    return order


def stored(**changes: Any) -> bytes:
    """What is stored of that order."""
    said = {"asked_at": ASKED, "order": detail(), "returns": [], "cancellations": [], "affiliates": [affiliate()]}
    return json.dumps(said | changes).encode()


def with_order(**changes: Any) -> bytes:
    return stored(order=detail() | changes)


def with_payment(**changes: Any) -> bytes:
    return with_order(payment=detail()["payment"] | changes)


def with_units(*changes: dict[str, Any]) -> bytes:
    return with_order(line_items=[item | change for item, change in zip(detail()["line_items"], changes, strict=True)])


def read(body: bytes) -> Reading:
    api = tiktok_shop.PLATFORM.api
    assert api is not None
    reading = api.read(body, samples.pseudonym)
    assert isinstance(reading, Reading), reading
    return reading


def snapshot(body: bytes) -> Snapshot:
    first = read(body).facts[0]
    assert isinstance(first, Snapshot)
    return first


def refunds(body: bytes) -> list[Refund]:
    return [fact for fact in read(body).facts if isinstance(fact, Refund)]


def creators(body: bytes) -> list[str]:
    return [handle for fact in read(body).facts if isinstance(fact, Mention) for handle in fact.handles]


def refusal(body: bytes) -> str:
    with pytest.raises(Unreadable) as refused:
        read(body)
    return refused.value.reason


def ignored(body: bytes) -> str:
    api = tiktok_shop.PLATFORM.api
    assert api is not None
    said = api.read(body, samples.pseudonym)
    assert isinstance(said, Ignored), said
    return said.reason


def thin(request: Request) -> Ask:
    said = tiktok_shop.facts(request, samples.pseudonym)
    assert isinstance(said, Thin), said
    return said.ask


def webhook(kind: Any, **data: Any) -> Request:
    return Request({}, json.dumps({"type": kind, "shop_id": "7", "timestamp": 1, "data": data}).encode())


class TestWebhooks:
    @pytest.mark.parametrize(
        "name, asked",
        [
            (
                "order_status_change",
                {"order_id": ORDER, "shop_id": "7495540735365777507", "updated_at": "1718305585"},
            ),
            (
                "order_status_change_awaiting_shipment",
                {"order_id": ORDER, "shop_id": "7495540735365777507", "updated_at": "1718309185"},
            ),
            ("cancellation_status_change", {"order_id": "576486316948490001", "shop_id": "7494049642642441621"}),
            ("return_status_change", {"order_id": "576486316948490001", "shop_id": "7494049642642441621"}),
        ],
    )
    def test_what_each_recorded_one_asks_for(self, name: str, asked: dict[str, str]) -> None:
        request = samples.request(f"tiktok_shop/{name}")
        assert thin(request) == Ask("order", asked)
        assert tiktok_shop.subject(request) == asked["order_id"]

    def test_that_is_all_that_was_recorded(self) -> None:
        assert samples.names("tiktok_shop") == [
            "tiktok_shop/cancellation_status_change",
            "tiktok_shop/order_status_change",
            "tiktok_shop/order_status_change_awaiting_shipment",
            "tiktok_shop/return_status_change",
        ]

    def test_a_reverse_of_the_old_kind_asks_likewise(self) -> None:
        assert thin(webhook(2, order_id="1", reverse_type=1, update_time=5)) == Ask(
            "order", {"order_id": "1", "shop_id": "7"}
        )

    @pytest.mark.parametrize(
        "kind, key, status, name",
        [
            (11, "cancel", "CANCELLATION_REQUEST_COMPLETE", "cancellation:9"),
            (12, "return", "RETURN_OR_REFUND_REQUEST_COMPLETE", "return:9"),
            (12, "return", "RETURN_OR_REFUND__REQUEST_COMPLETE", "return:9"),
            (12, "return", "REPLACEMENT_REQUEST_REFUND_SUCCESS", "return:9"),
        ],
    )
    def test_money_that_is_said_to_be_back_has_to_be_in_the_answer(
        self, kind: int, key: str, status: str, name: str
    ) -> None:
        said = {"order_id": "1", f"{key}_status": status, f"{key}_id": "9"}
        assert thin(webhook(kind, **said)).about["refund"] == name

    @pytest.mark.parametrize(
        "kind, key, status",
        [
            (11, "cancel", "CANCELLATION_REQUEST_SUCCESS"),
            (11, "cancel", "CANCELLATION_REQUEST_CANCEL"),
            (11, "cancel", "CANCELLATION_REQUEST_CANCELLED"),
            (12, "return", "RETURN_OR_REFUND_REQUEST_CANCEL"),
            (12, "return", "RETURN_OR_REFUND__REQUEST_CANCELLED"),
            (12, "return", "RETURN_OR_REFUND_REQUEST_SUCCESS"),
            (12, "return", "REPLACEMENT_REQUEST_COMPLETE"),
            (12, "return", "SOMETHING_NEW"),
            (12, "return", ["a list"]),
        ],
    )
    def test_of_anything_else_nothing_is_awaited(self, kind: int, key: str, status: Any) -> None:
        said = {"order_id": "1", f"{key}_status": status, f"{key}_id": "9"}
        assert thin(webhook(kind, **said)).about == {"order_id": "1", "shop_id": "7"}

    @pytest.mark.parametrize(
        "kind, reason",
        [
            (3, "recipient_address"),
            (4, "package"),
            (5, "product_status"),
            (6, "seller_deauthorised"),
            (7, "authorisation_expiring"),
            (13, "conversation"),
            (14, "message"),
            (36, "invoice"),
            (42, "combined_listing"),
            (0, "unknown_type"),
            (99, "unknown_type"),
        ],
    )
    def test_what_is_no_order_is_ignored_by_name(self, kind: int, reason: str) -> None:
        assert tiktok_shop.facts(webhook(kind), samples.pseudonym) == Ignored(reason)

    @pytest.mark.parametrize(
        "kind, data",
        [
            (None, {"order_id": "1"}),
            ("1", {"order_id": "1"}),
            (True, {"order_id": "1"}),
            (1, {}),
            (1, {"order_id": ""}),
            (1, {"order_id": "1,2"}),
            (1, {"order_id": "1" * 33}),
            (1, {"order_id": "１"}),
        ],
    )
    def test_one_that_names_no_order_is_refused(self, kind: Any, data: dict[str, Any]) -> None:
        with pytest.raises(Unreadable) as refused:
            tiktok_shop.facts(webhook(kind, **data), samples.pseudonym)
        assert refused.value.reason == "shape_mismatch"

    def test_a_time_that_is_none_is_not_waited_for(self) -> None:
        times: list[Any] = [None, 0, -1, "soon", 1.5, []]
        for said in times:
            assert "updated_at" not in thin(webhook(1, order_id="1", update_time=said)).about

    def test_a_body_that_cannot_be_read_is_its_own_subject(self) -> None:
        subjects = [tiktok_shop.subject(Request({}, body)) for body in (b"", b"\xff", b"[]", b'{"data":{}}')]
        assert len(set(subjects)) == len(subjects)
        assert all(len(subject) == 64 for subject in subjects)


class TestSignature:
    @pytest.fixture
    def request_(self) -> Request:
        return samples.request("tiktok_shop/order_status_change")

    def test_the_id_is_the_notifications_own(self, request_: Request) -> None:
        assert tiktok_shop.verify(request_, account(), NOW) == "7380066284010030890"

    def test_without_one_it_is_the_body(self) -> None:
        bodies = (b'{"type":1}', b'{"type":2}', b'{"tts_notification_id":null}', b"\xff")
        signed = [Request({"authorization": standin.sign("123", body)}, body) for body in bodies]
        ids = {tiktok_shop.verify(request, account(), NOW) for request in signed}
        assert len(ids) == len(bodies)

    def test_the_apps_key_is_part_of_it(self, request_: Request) -> None:
        for app_key in (None, "", "another"):
            with pytest.raises(BadSignature):
                tiktok_shop.verify(request_, Account(("123",), app_key=app_key), NOW)

    def test_no_key_at_all_proves_nothing(self) -> None:
        signed = Request({"authorization": standin.sign("123", b"{}", app_key="")}, b"{}")
        with pytest.raises(BadSignature):
            tiktok_shop.verify(signed, Account(("123",), app_key=""), NOW)

    def test_what_tiktok_for_developers_signs_is_another_products(self, request_: Request) -> None:
        stamp = "1718305585"
        signature = standin.sign("123", b"." + request_.body, app_key=stamp)
        for name in ("tiktok-signature", "authorization"):
            with pytest.raises(BadSignature):
                tiktok_shop.verify(Request({name: f"t={stamp},s={signature}"}, request_.body), account(), NOW)

    def test_a_connection_needs_the_apps_key(self) -> None:
        assert tiktok_shop.PLATFORM.required == ("app_key",)


class TestOrder:
    def test_the_recorded_order_field_by_field(self) -> None:
        reading = read(stored())
        assert reading == Reading(
            ORDER,
            (
                Snapshot(
                    updated_at=datetime(2024, 6, 13, 20, 6, 25, tzinfo=UTC),
                    triggered_at=datetime(2024, 6, 13, 20, 10, tzinfo=UTC),
                    placed_at=datetime(2024, 6, 13, 19, 5, tzinfo=UTC),
                    lifecycle=Lifecycle.PAID,
                    paid=True,
                    currency="GBP",
                    lines=tuple(
                        Line(unit, 1, 2000, discount=200, sku="LIP-1", product_id="1729503179457070324")
                        for unit in UNITS
                    ),
                    platform="tiktok_shop",
                    shipping=300,
                    customers=("<id:door:7021436810468230477>",),
                    platform_commissions=(PlatformCommission("tiktok:fictional_creator_noa", 340),),
                ),
                Mention(
                    "affiliate:tiktok:fictional_creator_noa",
                    datetime(2024, 6, 13, 19, 5, tzinfo=UTC),
                    handles=("tiktok:fictional_creator_noa",),
                ),
            ),
        )

    def test_what_tiktok_takes_off_is_the_sellers_all_the_same(self) -> None:
        """The buyer paid 34.00, TikTok adds 2.00: the base is 36.00."""
        assert sum(line.quantity * line.unit_price - line.discount for line in snapshot(stored()).lines) == 3600

    @pytest.mark.parametrize(
        "status, lifecycle, paid",
        [
            ("UNPAID", Lifecycle.OPEN, False),
            ("ON_HOLD", Lifecycle.OPEN, False),
            ("AWAITING_SHIPMENT", Lifecycle.PAID, True),
            ("PARTIALLY_SHIPPING", Lifecycle.PAID, True),
            ("AWAITING_COLLECTION", Lifecycle.PAID, True),
            ("IN_TRANSIT", Lifecycle.PAID, True),
            ("DELIVERED", Lifecycle.PAID, True),
            ("COMPLETED", Lifecycle.PAID, True),
            ("CANCELLED", Lifecycle.CANCELLED, False),
            ("CANCEL", Lifecycle.CANCELLED, False),
        ],
    )
    def test_statuses(self, status: str, lifecycle: Lifecycle, paid: bool) -> None:
        read = snapshot(with_order(status=status, paid_time=0))
        assert (read.lifecycle, read.paid) == (lifecycle, paid)

    def test_a_cancelled_order_may_have_been_paid(self) -> None:
        assert snapshot(with_order(status="CANCELLED")).paid

    def test_on_hold_it_is_open_although_the_money_is_there(self) -> None:
        read = snapshot(with_order(status="ON_HOLD"))
        assert read.lifecycle is Lifecycle.OPEN

    @pytest.mark.parametrize("status", ["REFUNDED", "completed", "__", ""])
    def test_an_unknown_status_is_refused(self, status: str) -> None:
        assert refusal(with_order(status=status)) in ("unknown_status", "shape_mismatch")

    @pytest.mark.parametrize(
        "flag, reason",
        [
            ("is_sample_order", "sample_order"),
            ("is_replacement_order", "replacement_order"),
            ("is_exchange_order", "exchange_order"),
        ],
    )
    def test_what_only_sends_goods_is_no_sale(self, flag: str, reason: str) -> None:
        assert ignored(with_order(**{flag: True})) == reason

    def test_the_country_is_where_it_goes(self) -> None:
        assert snapshot(with_order(recipient_address={"region_code": "gb"})).country == "GB"
        assert snapshot(with_order(recipient_address="masked")).country is None

    def test_the_masked_address_of_the_buyer_is_nobodys(self) -> None:
        assert snapshot(with_order(user_id=None)).customers == ()

    def test_an_order_without_lines_is_none(self) -> None:
        assert refusal(with_order(line_items=[])) == "shape_mismatch"
        assert refusal(with_order(line_items=None)) == "shape_mismatch"

    def test_lines_keep_apart_even_of_one_sku(self) -> None:
        assert refusal(with_units({}, {"id": UNITS[0]})) == "duplicate_line"

    def test_one_currency(self) -> None:
        assert refusal(with_units({}, {"currency": "USD"})) == "currency_mismatch"
        assert refusal(with_payment(currency="XXX")) == "unknown_currency"

    def test_amounts_have_the_digits_of_their_currency(self) -> None:
        body = stored(
            order=detail()
            | {
                "payment": {"currency": "VND", "shipping_fee": "15000"},
                "line_items": [
                    {"id": "1", "currency": "VND", "sale_price": "168000", "platform_discount": "", "seller_sku": ""}
                ],
            },
        )
        assert snapshot(body).lines == (Line("1", 1, 168000),)
        assert snapshot(body).shipping == 15000
        assert refusal(with_units({"sale_price": "17.005"}, {})) == "bad_amount"
        assert refusal(with_units({"sale_price": "-1"}, {})) == "bad_amount"


class TestTax:
    def test_on_top_where_the_total_has_room_for_it(self) -> None:
        """As in the United States: 34.00 of goods, 3.00 of shipping, 3.70 of tax."""
        taxed = {"item_tax": [{"tax_type": "SALES_TAX", "tax_amount": "1.70", "tax_rate": "0.1"}]}
        order = {
            "line_items": [item | taxed for item in detail()["line_items"]],
            "payment": detail()["payment"]
            | {"tax": "3.70", "product_tax": "3.40", "shipping_fee_tax": "0.30", "total_amount": "40.70"},
        }
        read = snapshot(with_order(**order))
        assert [line.tax for line in read.lines] == [170, 170]
        assert (read.shipping_tax, read.tax_included) == (30, False)

    def test_in_the_united_states_whatever_is_taken_off_the_total(self) -> None:
        payment = detail()["payment"] | {"currency": "USD", "tax": "3.40", "total_amount": "35.00"}
        items = [item | {"currency": "USD"} for item in detail()["line_items"]]
        assert not snapshot(with_order(payment=payment, line_items=items)).tax_included

    def test_inside_where_the_total_has_none(self) -> None:
        read = snapshot(with_payment(tax="6.16", product_tax="5.66", shipping_fee_tax="0.50"))
        assert read.tax_included
        assert [line.tax for line in read.lines] == [283, 283]

    def test_a_payment_provider_may_have_taken_something_off_the_total(self) -> None:
        paid = {"tax": "3.40", "payment_platform_discount": "1.00", "total_amount": "39.40"}
        assert not snapshot(with_payment(**paid)).tax_included

    def test_where_lines_do_not_tell_it_the_order_does(self) -> None:
        read = snapshot(with_payment(tax="3.71", shipping_fee_tax="0.30", total_amount="40.71"))
        assert [line.tax for line in read.lines] == [171, 170]

    def test_of_all_tax_only_that_of_products_is_the_lines(self) -> None:
        """Insurance is taxed, too."""
        taxed = {"tax": "4.00", "product_tax": "3.40", "shipping_fee_tax": "0.30", "total_amount": "44.00"}
        assert [line.tax for line in snapshot(with_payment(**taxed)).lines] == [170, 170]

    def test_none_is_told_of_the_recorded_order(self) -> None:
        read = snapshot(stored())
        assert not read.tax_included
        assert {line.tax for line in read.lines} == {0}


class TestCreators:
    def test_entries_of_one_creator_are_added_up(self) -> None:
        entry = affiliate()
        entry["skus"] *= 2
        assert snapshot(stored(affiliates=[entry])).platform_commissions == (
            PlatformCommission("tiktok:fictional_creator_noa", 680),
        )

    def test_who_is_known_stays_whatever_a_later_answer_lacks(self) -> None:
        known = OrderFacts()
        for affiliates in ([affiliate()], None, []):
            known, _ = known.with_facts(read(stored(affiliates=affiliates)).facts)
        assert known.snapshot is not None
        assert known.snapshot.handles == ("tiktok:fictional_creator_noa",)

    def test_creators_come_in_one_order(self) -> None:
        sku = affiliate()["skus"][0]
        skus = [sku | {"creator_username": name} for name in ("@Zoe", "maya", "zoe")]
        for order in (skus, skus[::-1]):
            body = stored(affiliates=[affiliate() | {"skus": order}])
            assert creators(body) == ["tiktok:maya", "tiktok:zoe"]
            assert snapshot(body).platform_commissions == (
                PlatformCommission("tiktok:maya", 340),
                PlatformCommission("tiktok:zoe", 680),
            )

    @pytest.mark.parametrize(
        "said, amount",
        [
            ({"actual_paid_commission": {"amount": "3.10", "currency": "GBP"}}, 310),
            ({"actual_paid_commission": {}, "actual_paid_shop_ads_commission": {}}, 340),
            ({"actual_paid_commission": None, "actual_paid_shop_ads_commission": None}, 340),
            (
                {
                    "actual_paid_commission": {},
                    "actual_paid_shop_ads_commission": {"amount": "1.20", "currency": "GBP"},
                },
                120,
            ),
        ],
    )
    def test_what_was_really_paid_else_what_is_expected(self, said: dict[str, Any], amount: int) -> None:
        body = stored(affiliates=[affiliate() | {"skus": [affiliate()["skus"][0] | said]}])
        assert snapshot(body).platform_commissions == (PlatformCommission("tiktok:fictional_creator_noa", amount),)

    @pytest.mark.parametrize(
        "said", [{"amount": "1.234", "currency": "GBP"}, {"amount": "3.40", "currency": "USD"}, "3.40", {}]
    )
    def test_an_amount_that_makes_no_sense_says_nothing_and_the_creator_stays(self, said: Any) -> None:
        quiet = {key: None for key in affiliate()["skus"][0] if "_paid_" in key}
        sku = affiliate()["skus"][0] | quiet | {"actual_paid_commission": said}
        body = stored(affiliates=[affiliate() | {"skus": [sku]}])
        assert snapshot(body).platform_commissions == ()
        assert creators(body) == ["tiktok:fictional_creator_noa"]

    @pytest.mark.parametrize("affiliates", [None, [], "none", [{"skus": None}], [{"skus": [{"creator_username": ""}]}]])
    def test_without_any_the_order_counts_all_the_same(self, affiliates: Any) -> None:
        body = stored(affiliates=affiliates)
        assert creators(body) == []
        assert snapshot(body).platform_commissions == ()
        assert len(snapshot(body).lines) == 2


def given_back(*lines: tuple[str, str | None], **changes: Any) -> dict[str, Any]:
    return {
        "order_id": ORDER,
        "return_id": "4035",
        "return_type": "RETURN_AND_REFUND",
        "return_status": "RETURN_OR_REFUND_REQUEST_COMPLETE",
        "create_time": 1718400000,
        "update_time": 1718500000,
        "refund_amount": {"currency": "GBP", "refund_total": "17.00", "refund_subtotal": "17.00"},
        "return_line_items": [
            {
                "order_line_item_id": line,
                "refund_amount": None if amount is None else {"currency": "GBP", "refund_subtotal": amount},
            }
            for line, amount in lines
        ],
    } | changes


class TestReturns:
    def test_a_whole_unit_takes_its_worth_though_the_buyer_has_less_back(self) -> None:
        assert refunds(stored(returns=[given_back((UNITS[1], "17.00"))])) == [
            Refund(
                "return:4035",
                datetime(2024, 6, 16, 1, 6, 40, tzinfo=UTC),
                "GBP",
                lines=(RefundLine(UNITS[1], 1, 1800),),
            )
        ]

    @pytest.mark.parametrize("kind, quantity", [("RETURN_AND_REFUND", 1), ("REFUND", 0), ("REPLACEMENT", 1), ("", 1)])
    def test_half_of_it_takes_half_and_who_sends_nothing_back_keeps_it(self, kind: str, quantity: int) -> None:
        (refund,) = refunds(stored(returns=[given_back((UNITS[0], "8.50"), return_type=kind)]))
        assert refund.lines == (RefundLine(UNITS[0], quantity, 900),)

    def test_all_of_the_money_is_all_of_the_unit(self) -> None:
        (refund,) = refunds(stored(returns=[given_back((UNITS[0], "17.00"), return_type="REFUND")]))
        assert refund.lines == (RefundLine(UNITS[0], 1, 1800),)

    def test_never_more_than_the_unit_is_worth(self) -> None:
        (refund,) = refunds(stored(returns=[given_back((UNITS[0], "9999.00"))]))
        assert refund.lines == (RefundLine(UNITS[0], 1, 1800),)

    def test_without_an_amount_the_unit_is_gone(self) -> None:
        (refund,) = refunds(stored(returns=[given_back((UNITS[0], None))]))
        assert refund.lines == (RefundLine(UNITS[0], 1),)

    def test_what_tiktok_paid_all_of_is_gone_likewise(self) -> None:
        order = detail()
        order["line_items"][0] |= {"sale_price": "0", "platform_discount": "18.00"}
        (refund,) = refunds(stored(order=order, returns=[given_back((UNITS[0], "0"))]))
        assert refund.lines == (RefundLine(UNITS[0], 1),)

    def test_one_that_names_no_line_is_a_part_of_the_order(self) -> None:
        (refund,) = refunds(stored(returns=[given_back()]))
        assert (refund.lines, refund.amount) == ((), 1800)

    def test_one_that_names_nothing_at_all_is_refused(self) -> None:
        assert refusal(stored(returns=[given_back(refund_amount=None)])) == "refund_of_nothing"

    def test_a_line_of_another_order_is_refused(self) -> None:
        assert refusal(stored(returns=[given_back(("1", "17.00"))])) == "unknown_line"

    def test_lines_in_another_currency_than_their_sum_are_refused(self) -> None:
        returned = given_back((UNITS[0], "17.00"))
        returned["refund_amount"]["currency"] = "USD"
        assert refusal(stored(returns=[returned])) == "currency_mismatch"

    @pytest.mark.parametrize(
        "status",
        [
            "RETURN_OR_REFUND_REQUEST_COMPLETE",
            "REPLACEMENT_REQUEST_REFUND_SUCCESS",
            "EXCHANGE_REQUEST_REFUND_SUCCESS",
        ],
    )
    def test_money_that_is_back(self, status: str) -> None:
        assert len(refunds(stored(returns=[given_back((UNITS[0], "17.00"), return_status=status)]))) == 1

    @pytest.mark.parametrize(
        "status",
        [
            "RETURN_OR_REFUND_REQUEST_PENDING",
            "REFUND_OR_RETURN_REQUEST_REJECT",
            "AWAITING_BUYER_SHIP",
            "BUYER_SHIPPED_ITEM",
            "REJECT_RECEIVE_PACKAGE",
            "RETURN_OR_REFUND_REQUEST_SUCCESS",
            "RETURN_OR_REFUND_REQUEST_CANCEL",
            "RETURN_OR_REFUND__REQUEST_CANCELLED",
            "REPLACEMENT_REQUEST_COMPLETE",
            "REPLACEMENT_REQUEST_CANCEL",
        ],
    )
    def test_money_that_is_not(self, status: str) -> None:
        assert refunds(stored(returns=[given_back((UNITS[0], "17.00"), return_status=status)])) == []

    def test_a_return_and_a_cancellation_of_one_number_are_two(self) -> None:
        cancelled = called_off(UNITS[1]) | {"cancel_id": "4035"}
        found = refunds(stored(returns=[given_back((UNITS[0], "17.00"))], cancellations=[cancelled]))
        assert [refund.id for refund in found] == ["return:4035", "cancellation:4035"]


def called_off(*lines: str, status: str = "CANCELLATION_REQUEST_COMPLETE") -> dict[str, Any]:
    return {
        "order_id": ORDER,
        "cancel_id": "4036",
        "cancel_status": status,
        "create_time": 1718400000,
        "cancel_line_items": [{"order_line_item_id": line} for line in lines],
    }


ANSWER = stored(
    order=detail() | {"recipient_address": {"region_code": "GB"}},
    returns=[given_back((UNITS[0], "8.50")), given_back(return_id="4034")],
    cancellations=[called_off(UNITS[1])],
)
"""In it everything is said that an answer can say."""


class TestCancellations:
    def test_a_part_of_the_order_goes_and_the_rest_stays(self) -> None:
        body = stored(cancellations=[called_off(UNITS[0])])
        assert refunds(body) == [
            Refund(
                "cancellation:4036",
                datetime(2024, 6, 14, 21, 20, tzinfo=UTC),
                None,
                lines=(RefundLine(UNITS[0], 1),),
            )
        ]
        assert snapshot(body).lifecycle is Lifecycle.PAID

    def test_one_that_names_no_line_is_of_all(self) -> None:
        (refund,) = refunds(stored(cancellations=[called_off()]))
        assert refund.lines == tuple(RefundLine(unit, 1) for unit in UNITS)

    @pytest.mark.parametrize("status", ["PENDING", "SUCCESS", "CANCEL", "CANCELLED"])
    def test_only_a_completed_one_takes_anything(self, status: str) -> None:
        assert refunds(stored(cancellations=[called_off(UNITS[0], status=f"CANCELLATION_REQUEST_{status}")])) == []

    def test_a_line_of_another_order_is_refused(self) -> None:
        assert refusal(stored(cancellations=[called_off("1")])) == "unknown_line"


class TestBase:
    """What commission is rated on, before and after money went back."""

    @pytest.mark.parametrize(
        "changes, sold, kept",
        [
            ({}, 3600, 3600),
            ({"returns": [given_back((UNITS[0], "17.00"))]}, 3600, 1800),
            ({"returns": [given_back((UNITS[0], "8.50"), return_type="REFUND")]}, 3600, 2700),
            ({"returns": [given_back((UNITS[0], "17.00"), (UNITS[1], "17.00"))]}, 3600, 0),
            ({"returns": [given_back()]}, 3600, 1800),
            ({"cancellations": [called_off(UNITS[0])]}, 3600, 1800),
            ({"cancellations": [called_off(UNITS[0])], "returns": [given_back((UNITS[0], "17.00"))]}, 3600, 1800),
            ({"cancellations": [called_off()]}, 3600, 0),
            ({"order": detail() | {"status": "CANCELLED"}}, 3600, 0),
            ({"order": detail() | {"payment": detail()["payment"] | {"tax": "5.66"}}}, 3034, 3034),
        ],
    )
    def test_of_the_recorded_order(self, changes: dict[str, Any], sold: int, kept: int) -> None:
        known, _ = OrderFacts().with_facts(read(stored(**changes)).facts)
        assert known.snapshot is not None
        lines = bases(known, known.snapshot, Base())
        assert sum(line.base for line in lines) == sold
        assert sum(line.kept_base for line in lines) == kept


# --- asking -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def shop() -> Iterator[TikTokShop]:
    with TikTokShop(lambda: NOW) as shop:
        yield shop


def asking(ask: Ask, who: Account | None = None, now: datetime = NOW) -> Generator[Call, Answer, bytes]:
    api = tiktok_shop.PLATFORM.api
    assert api is not None
    assert api.ask is not None
    return api.ask(ask, who or account(), now)


def ask(shop: TikTokShop, request: Request, who: Account | None = None) -> bytes:
    return talk(asking(thin(request), who), shop.address)


def story(shop: TikTokShop) -> None:
    """Two units, of which TikTok pays a part, sold by a creator."""
    unit = Unit("20.00", seller_off="2.00", platform_off="1.00")
    shop.place("100", unit, unit)
    shop.becomes("100", "AWAITING_SHIPMENT")
    shop.sold_by("100", "Fictional_Creator_Noa", "3.40")


class TestAsking:
    def test_an_order_with_its_creator(self, shop: TikTokShop) -> None:
        story(shop)
        body = ask(shop, shop.status_webhook("100"))
        assert read(body).external_id == "100"
        assert sum(line.unit_price - line.discount for line in snapshot(body).lines) == 3600
        assert snapshot(body).country == "GB"
        assert snapshot(body).triggered_at == NOW
        assert creators(body) == ["tiktok:fictional_creator_noa"]
        assert snapshot(body).platform_commissions == (PlatformCommission("tiktok:fictional_creator_noa", 340),)

    def test_what_is_asked(self, shop: TikTokShop) -> None:
        story(shop)
        ask(shop, shop.status_webhook("100"))
        assert [(asked.method, asked.path) for asked in shop.asked] == [
            ("GET", "/authorization/202309/shops"),
            ("GET", "/order/202309/orders"),
            ("POST", "/return_refund/202309/returns/search"),
            ("POST", "/return_refund/202309/cancellations/search"),
            ("POST", "/affiliate_seller/202410/orders/search"),
        ]
        assert {asked.headers["x-tts-access-token"] for asked in shop.asked} == {standin.TOKEN}
        assert [asked.parameter("shop_cipher") for asked in shop.asked] == [None, *[standin.CIPHER] * 4]
        assert {asked.parameter("access_token") for asked in shop.asked} == {None}
        created = shop.orders["100"]["create_time"]
        assert json.loads(shop.asked[2].body) == {"order_ids": ["100"]}
        assert json.loads(shop.asked[4].body) == {"create_time_ge": created - 60, "create_time_lt": created + 61}

    def test_nothing_of_the_buyer_is_stored_but_their_number(self, shop: TikTokShop) -> None:
        story(shop)
        body = ask(shop, shop.status_webhook("100"))
        assert b"7021436810468230477" in body
        for personal in (b"scs3.tiktok.com", b"N** P****", b"Street"):
            assert personal not in body

    def test_the_recorded_answers(self) -> None:
        answers = {
            "/authorization/202309/shops": {"shops": [{"id": "7495540735365777507", "cipher": "c"}]},
            "/return_refund/202309/returns/search": {},
            "/return_refund/202309/cancellations/search": {},
        }
        recorded = {
            "/order/202309/orders": "api_get_order_detail",
            "/affiliate_seller/202410/orders/search": "api_search_seller_affiliate_orders",
        }
        told = {path: Answer(200, {}, json.dumps({"code": 0, "data": data}).encode()) for path, data in answers.items()}
        for path, name in recorded.items():
            body = (samples.FOLDER / "tiktok_shop" / f"{name}.response.json").read_bytes()
            told[path] = Answer(200, {}, body)
        conversation = asking(thin(samples.request("tiktok_shop/order_status_change_awaiting_shipment")))
        call = next(conversation)
        for _ in range(4):
            call = conversation.send(told[call.path])
        with pytest.raises(StopIteration) as end:
            conversation.send(told[call.path])
        assert read(end.value.value) == read(stored())

    def test_digits_stay_as_they_came(self, shop: TikTokShop) -> None:
        shop.place("100", Unit())
        shop.orders["100"]["line_items"][0]["sale_price"] = 0
        truth = json.dumps({"code": 0, "data": {"orders": [shop.orders["100"]]}}).encode()
        number = truth.replace(b'"sale_price": 0', b'"sale_price": 20.10')
        shop.faults.extend([None, lambda *_: Told(200, number)])
        body = ask(shop, shop.status_webhook("100"))
        assert json.loads(body)["order"]["line_items"][0]["sale_price"] == "20.10"
        assert snapshot(body).lines[0].unit_price == 2010

    def test_what_is_asked_twice_says_the_same(self, shop: TikTokShop) -> None:
        story(shop)
        shop.give_back("100", "9", {0: "17.00"})
        first = read(ask(shop, shop.status_webhook("100")))
        later = read(talk(asking(thin(shop.return_webhook("9")), now=NOW + timedelta(seconds=20)), shop.address))
        assert first.facts[1:] == later.facts[1:]
        assert isinstance(first.facts[0], Snapshot)
        assert isinstance(later.facts[0], Snapshot)
        assert replace(first.facts[0], triggered_at=None) == replace(later.facts[0], triggered_at=None)
        assert first.facts[0].newness() < later.facts[0].newness()

    def test_a_story_to_its_end(self, shop: TikTokShop) -> None:
        shop.place("100", Unit("20.00", platform_off="1.00"), Unit("10.00"), Unit("5.00"))
        assert snapshot(ask(shop, shop.status_webhook("100"))).lifecycle is Lifecycle.OPEN
        shop.becomes("100", "ON_HOLD")
        assert snapshot(ask(shop, shop.status_webhook("100"))).lifecycle is Lifecycle.OPEN
        shop.becomes("100", "AWAITING_SHIPMENT")
        assert snapshot(ask(shop, shop.status_webhook("100"))).lifecycle is Lifecycle.PAID
        shop.call_off("100", "8", [2])
        assert [refund.id for refund in refunds(ask(shop, shop.cancellation_webhook("8")))] == ["cancellation:8"]
        shop.give_back("100", "9", {0: "9.50"}, status="RETURN_OR_REFUND_REQUEST_PENDING")
        assert [refund.id for refund in refunds(ask(shop, shop.return_webhook("9")))] == ["cancellation:8"]
        shop.give_back("100", "9", {0: "9.50"}, kind="REFUND")
        returned, called_off = refunds(ask(shop, shop.return_webhook("9")))
        assert returned.lines == (RefundLine(standin.line_id("100", 0), 0, 1000),)
        assert called_off.lines == (RefundLine(standin.line_id("100", 2), 1),)
        shop.call_off("100", "10", [0, 1, 2])
        assert snapshot(ask(shop, shop.status_webhook("100"))).lifecycle is Lifecycle.CANCELLED

    def test_whatever_the_order_of_the_answers_one_thing_is_known(self, shop: TikTokShop) -> None:
        story(shop)
        happenings: list[Callable[[], None]] = [
            lambda: shop.becomes("100", "IN_TRANSIT"),
            lambda: shop.call_off("100", "8", [1]),
            lambda: shop.rights.remove(READ_AFFILIATES),
            lambda: shop.give_back("100", "9", {0: "8.50"}),
            lambda: shop.becomes("100", "COMPLETED"),
        ]
        readings = []
        for seconds, happens in enumerate(happenings):
            happens()
            conversation = asking(Ask("order", {"order_id": "100"}), now=NOW + timedelta(seconds=seconds))
            readings.append(read(talk(conversation, shop.address)))
        found = []
        for order in itertools.permutations(readings):
            known = OrderFacts()
            for reading in order:
                known, _ = known.with_facts(reading.facts)
            found.append(known)
        assert all(known == found[0] for known in found)
        assert found[0].snapshot is not None
        assert found[0].snapshot.handles == ("tiktok:fictional_creator_noa",)
        assert [line.kept_base for line in bases(found[0], found[0].snapshot, Base())] == [900, 0]

    def test_all_pages_are_turned(self, shop: TikTokShop) -> None:
        shop.place("100", *[Unit("1.00")] * 120)
        shop.becomes("100", "DELIVERED")
        for place in range(120):
            shop.give_back("100", f"9{place}", {place: "1.00"})
        for number in range(150):
            shop.affiliates.append({"id": f"7{number}", "create_time": shop.orders["100"]["create_time"], "skus": []})
        shop.sold_by("100", "noa", "1.00")
        body = ask(shop, shop.status_webhook("100"))
        assert len(refunds(body)) == 120
        assert creators(body) == ["tiktok:noa"]
        assert b'"70"' not in body

    @pytest.mark.parametrize("place", [2, 3, 4])
    def test_pages_without_end_are_too_many(self, shop: TikTokShop, place: int) -> None:
        story(shop)
        told = {"code": 0, "data": {"next_page_token": "again"}}
        shop.faults.extend([*[None] * place, *[lambda *_: Told.json(told)] * tiktok_shop.PAGES_MAX])
        with pytest.raises(Unreadable) as refused:
            ask(shop, shop.status_webhook("100"))
        assert refused.value.reason == "too_many_pages"

    def test_another_creators_order_of_the_same_second_is_not_this_one(self, shop: TikTokShop) -> None:
        story(shop)
        shop.affiliates[0]["id"] = "101"
        assert creators(ask(shop, shop.status_webhook("100"))) == []

    def test_other_orders_refunds_are_not_taken_whatever_the_search_finds(self, shop: TikTokShop) -> None:
        story(shop)
        told = {"code": 0, "data": {"return_orders": [given_back((UNITS[0], "17.00"))]}}
        shop.faults.extend([None, None, lambda *_: Told.json(told)])
        assert refunds(ask(shop, shop.status_webhook("100"))) == []


class TestPatience:
    def waits(self, shop: TikTokShop, request: Request) -> str:
        with pytest.raises(NotYet) as wait:
            ask(shop, request)
        return wait.value.reason

    def test_an_order_that_is_not_there_yet(self, shop: TikTokShop) -> None:
        assert self.waits(shop, samples.request("tiktok_shop/order_status_change")) == "order_unknown"

    def test_one_that_is_behind_its_webhook(self, shop: TikTokShop) -> None:
        story(shop)
        request = shop.status_webhook("100")
        shop.orders["100"]["update_time"] -= 1
        assert self.waits(shop, request) == "order_behind_event"

    def test_one_that_is_ahead_of_it_is_fine(self, shop: TikTokShop) -> None:
        story(shop)
        request = shop.status_webhook("100")
        shop.becomes("100", "DELIVERED")
        assert read(ask(shop, request)).external_id == "100"

    def test_a_refund_that_is_not_there_yet(self, shop: TikTokShop) -> None:
        story(shop)
        shop.give_back("100", "9", {0: "17.00"})
        request = shop.return_webhook("9")
        shop.returns["9"]["return_status"] = "BUYER_SHIPPED_ITEM"
        assert self.waits(shop, request) == "refund_unknown"
        del shop.returns["9"]
        assert self.waits(shop, request) == "refund_unknown"

    def test_a_cancellation_that_is_not_there_yet(self, shop: TikTokShop) -> None:
        story(shop)
        shop.call_off("100", "8", [0])
        request = shop.cancellation_webhook("8")
        shop.cancellations["8"]["cancel_status"] = "CANCELLATION_REQUEST_PENDING"
        assert self.waits(shop, request) == "refund_unknown"

    @pytest.mark.parametrize("place", range(5))
    @pytest.mark.parametrize("code", [36009002, 36009003, 36009007, 25020008])
    def test_a_platform_that_is_busy_says_so_in_a_body(self, shop: TikTokShop, code: int, place: int) -> None:
        story(shop)
        shop.faults.extend([*[None] * place, refusing(code)])
        assert self.waits(shop, shop.status_webhook("100")) == "platform_busy"
        assert read(ask(shop, shop.status_webhook("100"))).external_id == "100"

    @pytest.mark.parametrize("fault", [cut, failing(200, b""), failing(200, b"<html>")])
    @pytest.mark.parametrize("place", range(5))
    def test_an_answer_that_is_none(self, shop: TikTokShop, fault: Fault, place: int) -> None:
        story(shop)
        shop.faults.extend([*[None] * place, fault])
        assert self.waits(shop, shop.status_webhook("100")) == "answer_unreadable"


class TestRefusals:
    def refused(self, shop: TikTokShop, who: Account | None = None) -> Unreadable:
        with pytest.raises(Unreadable) as refusal:
            ask(shop, shop.status_webhook("100"), who)
        return refusal.value

    @pytest.mark.parametrize("place", range(4))
    @pytest.mark.parametrize("code", [105005, 36009004, 106001, 99999999, -1])
    def test_a_no_in_a_body_is_for_good(self, shop: TikTokShop, code: int, place: int) -> None:
        story(shop)
        shop.faults.extend([*[None] * place, refusing(code)])
        refusal = self.refused(shop)
        assert refusal.reason in ("platform_refused", "shape_mismatch")
        assert (str(code) in refusal.detail) == (code > 0)

    @pytest.mark.parametrize("place", range(4))
    def test_so_is_an_endpoint_that_is_gone(self, shop: TikTokShop, place: int) -> None:
        story(shop)
        shop.faults.extend([*[None] * place, refusing(36009009, 404)])
        assert self.refused(shop).reason == "platform_refused"

    @pytest.mark.parametrize("fault", [refusing(105005), refusing(105005, 403), refusing(105002, 401), failing(404)])
    def test_without_the_right_to_creators_the_order_counts_without_them(self, shop: TikTokShop, fault: Fault) -> None:
        story(shop)
        shop.faults.extend([*[None] * 4, fault])
        body = ask(shop, shop.status_webhook("100"))
        assert json.loads(body)["affiliates"] is None
        assert creators(body) == []
        assert len(snapshot(body).lines) == 2

    def test_the_call_for_creators_alone_may_be_refused(self, shop: TikTokShop) -> None:
        story(shop)
        shop.rights.remove(READ_AFFILIATES)
        assert creators(ask(shop, shop.status_webhook("100"))) == []
        optional = {call.path for call in calls(asking(Ask("order", {"order_id": ORDER}))) if call.optional}
        assert optional == {"/affiliate_seller/202410/orders/search"}

    def test_without_the_right_to_refunds_nothing_counts(self, shop: TikTokShop) -> None:
        story(shop)
        shop.rights.remove(READ_RETURNS)
        assert self.refused(shop).reason == "platform_refused"

    def test_a_shop_that_the_token_is_not_for(self, shop: TikTokShop) -> None:
        story(shop)
        shop.shops = {"1": "ROW_other", "2": "ROW_another"}
        assert self.refused(shop).reason == "shop_unclear"

    def test_a_delivery_of_another_shop_than_the_connections(self, shop: TikTokShop) -> None:
        story(shop)
        shop.shops["1"] = "ROW_other"
        assert self.refused(shop, account(shop="1")).reason == "other_shop"
        assert shop.asked == []

    def test_of_several_shops_the_webhooks_is_asked(self, shop: TikTokShop) -> None:
        story(shop)
        shop.shops = {"1": "ROW_other", **shop.shops}
        assert read(ask(shop, shop.status_webhook("100"))).external_id == "100"
        assert read(ask(shop, shop.status_webhook("100"), account(shop=standin.SHOP))).external_id == "100"

    def test_the_newest_secret_signs(self, shop: TikTokShop) -> None:
        story(shop)
        both = replace(account(), secrets=(standin.APP_SECRET, "the one before"))
        assert read(ask(shop, shop.status_webhook("100"), both)).external_id == "100"
        old = replace(account(), secrets=("the one before", standin.APP_SECRET))
        assert self.refused(shop, old).reason == "platform_refused"

    @pytest.mark.parametrize("seconds, fits", [(-301, False), (-300, True), (30, True), (31, False)])
    def test_the_time_is_signed(self, shop: TikTokShop, seconds: int, fits: bool) -> None:
        story(shop)
        conversation = asking(Ask("order", {"order_id": "100"}), now=NOW + timedelta(seconds=seconds))
        if fits:
            assert read(talk(conversation, shop.address)).external_id == "100"
        else:
            with pytest.raises(Unreadable):
                talk(conversation, shop.address)


def calls(conversation: Generator[Call, Answer, bytes]) -> Iterator[Call]:
    """What is asked where every list is empty but for the recorded order."""
    data = {"shops": [{"id": "1", "cipher": "c"}], "orders": [detail()]}
    answer = Answer(200, {}, json.dumps({"code": 0, "data": data}).encode())
    call = next(conversation)
    while True:
        yield call
        try:
            call = conversation.send(answer)
        except StopIteration:
            return


class TestChanges:
    SPAN = Span(NOW - timedelta(hours=1), NOW + timedelta(hours=1))

    def page(self, shop: TikTokShop, bookmark: str | None = None, span: Span = SPAN) -> Changes:
        api = tiktok_shop.PLATFORM.api
        assert api is not None
        assert api.changes is not None
        return talk(api.changes(span, bookmark, account(), NOW), shop.address)

    def pages(self, shop: TikTokShop, span: Span = SPAN) -> list[Changes]:
        found = [self.page(shop, span=span)]
        while found[-1].bookmark is not None:
            found.append(self.page(shop, found[-1].bookmark, span))
        return found

    def test_each_is_what_an_ask_would_have_found(self, shop: TikTokShop) -> None:
        story(shop)
        shop.give_back("100", "9", {0: "17.00"})
        shop.place("200", Unit("5.00"))
        first, *_ = self.pages(shop)
        assert [change.subject for change in first.found] == ["100", "200"]
        assert first.found[0].body == ask(shop, shop.status_webhook("100"))
        assert first.found[1].body == ask(shop, shop.status_webhook("200"))

    def test_pages_in_the_order_of_change(self, shop: TikTokShop) -> None:
        for number in range(100, 145):
            shop.place(str(number))
        pages = self.pages(shop)
        assert [len(page.found) for page in pages] == [20, 20, 5, 0, 0]
        assert [change.subject for page in pages for change in page.found] == [str(n) for n in range(100, 145)]

    def test_a_refund_is_found_though_its_order_did_not_change(self, shop: TikTokShop) -> None:
        story(shop)
        begin = shop.orders["100"]["update_time"] + 1
        shop.give_back("100", "9", {0: "17.00"})
        shop.place("200")
        shop.call_off("200", "8", [0], status="CANCELLATION_REQUEST_PENDING")
        shop.orders["200"]["update_time"] = begin - 1
        span = Span(datetime.fromtimestamp(begin, UTC), NOW + timedelta(hours=1))
        subjects = [[change.subject for change in page.found] for page in self.pages(shop, span)]
        assert subjects == [[], ["100"], ["200"]]

    def test_the_span_has_its_beginning_and_not_its_end(self, shop: TikTokShop) -> None:
        shop.place("100")
        at = datetime.fromtimestamp(shop.orders["100"]["update_time"], UTC)
        second = timedelta(seconds=1)
        for span, found in [
            (Span(at, at + second), 1),
            (Span(at - second, at), 0),
            (Span(at + second, at + 2 * second), 0),
            (Span(at - second, at + second / 2), 1),
        ]:
            assert len(self.page(shop, span=span).found) == found

    def test_nothing_changed(self, shop: TikTokShop) -> None:
        assert [page.found for page in self.pages(shop)] == [(), (), ()]

    def test_the_connection_names_the_shop_where_there_are_several(self, shop: TikTokShop) -> None:
        shop.place("100")
        shop.shops["1"] = "ROW_other"
        with pytest.raises(Unreadable) as refused:
            self.page(shop)
        assert refused.value.reason == "shop_unclear"
        api = tiktok_shop.PLATFORM.api
        assert api is not None
        assert api.changes is not None
        page = talk(api.changes(self.SPAN, None, account(shop=standin.SHOP), NOW), shop.address)
        assert [change.subject for change in page.found] == ["100"]

    def test_one_order_that_cannot_be_told_does_not_hold_up_the_rest(self, shop: TikTokShop) -> None:
        story(shop)
        shop.place("200", Unit("5.00"))
        shop.place("300", Unit("5.00"))
        del shop.orders["300"]["create_time"]
        busy = {"code": 0, "data": {"next_page_token": "again"}}
        pages = tiktok_shop.CHANGES_AFFILIATES_PAGES_MAX
        shop.faults.extend([*[None] * 5, *[lambda *_: Told.json(busy)] * pages])
        changes = {change.subject: change.body for change in self.page(shop).found}
        assert changes["200"] == ask(shop, shop.status_webhook("200"))
        for order_id, why in (("100", "too_many_pages"), ("300", "bad_time")):
            with pytest.raises(Unreadable) as refused:
                read(changes[order_id])
            assert (refused.value.reason, refused.value.detail) == ("order_unreadable", f"order {order_id}: {why}")

    def test_a_page_in_the_busiest_of_minutes_is_one_conversation(self, shop: TikTokShop) -> None:
        for number in range(100, 120):
            shop.place(str(number))
        told = {"code": 0, "data": {"next_page_token": "again"}}
        asked_before = 5
        shop.faults.extend([None] * asked_before)
        shop.faults.extend([lambda *_: Told.json(told)] * 1_000)
        assert len(self.page(shop).found) == tiktok_shop.CHANGES_PAGE
        assert len(shop.asked) < CALLS_MAX

    def test_what_is_busy_is_turned_to_again(self, shop: TikTokShop) -> None:
        story(shop)
        shop.faults.extend([None, refusing(36009002)])
        with pytest.raises(NotYet):
            self.page(shop)
        assert [change.subject for change in self.page(shop).found] == ["100"]


def test_where_the_api_is() -> None:
    api = tiktok_shop.PLATFORM.api
    assert api is not None
    assert api.address(account()) == "https://open-api.tiktokglobalshop.com"


def test_a_request_is_signed_as_documented() -> None:
    """Over the path, the query by name, and the body, between the secret and the secret."""
    conversation = asking(Ask("order", {"order_id": ORDER}), now=datetime.fromtimestamp(1718309185, UTC))
    call = next(conversation)
    assert call.path == "/authorization/202309/shops"
    assert dict(call.query) == {
        "app_key": "abcdef",
        "timestamp": "1718309185",
        "sign": standin.sign("123", b"123/authorization/202309/shopsapp_keyabcdeftimestamp1718309185123", app_key=""),
    }

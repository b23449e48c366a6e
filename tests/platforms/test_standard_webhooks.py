"""Our own inlet: the order shape of the API inside Standard Webhooks, and the summary that may stand for it."""

import json
from typing import Any

import pytest

from tests.platforms import samples
from vouch.domain import clicks, times
from vouch.domain.facts import Cancellation, Lifecycle, Line, Refund, RefundLine, Snapshot
from vouch.platforms import standard_webhooks
from vouch.platforms.base import Ignored, Reading, Request, Unreadable

SAID = "2026-05-04T15:15:31.104517Z"
CLICK = clicks.PREFIX + "a" * clicks.ENCODED
ORDER = {
    "external_id": "G-7",
    "occurred_at": "2026-05-04T18:00:00+03:00",
    "currency": "ILS",
    "lines": [{"id": "1", "quantity": 2, "unit_price": 4500, "sku": "MUG-01"}],
}

SUMMARY = {"order_id": "1", "currency": "USD"}


def event(kind: Any, data: Any, timestamp: Any = SAID) -> Request:
    return Request({}, json.dumps({"type": kind, "timestamp": timestamp, "data": data}).encode())


def snapshot(request: Request) -> Snapshot:
    fact = samples.reading("standard_webhooks", request).facts[0]
    assert isinstance(fact, Snapshot)
    return fact


def unreadable(request: Request) -> tuple[str, str]:
    with pytest.raises(Unreadable) as refusal:
        standard_webhooks.facts(request, samples.pseudonym)
    return refusal.value.reason, refusal.value.detail.partition(":")[0]


def test_the_sample() -> None:
    request = samples.request("standard_webhooks/order.paid")
    expected = Snapshot(
        updated_at=times.parse(SAID),
        placed_at=times.parse(SAID),
        lifecycle=Lifecycle.PAID,
        currency="USD",
        lines=(Line("order", 1, 13050, tax=1044),),
        platform="standard_webhooks",
        shipping=700,
        codes=("noa10",),
        click_ids=(),
        customer="<id:cust-77>",
    )
    assert samples.reading("standard_webhooks", request) == Reading("G-1042", (expected,))
    assert standard_webhooks.subject(request) == "G-1042"


def test_an_order_in_the_shape_of_the_api() -> None:
    assert samples.reading("standard_webhooks", event("order.paid", ORDER)) == Reading(
        "G-7",
        (
            Snapshot(
                updated_at=times.parse(SAID),
                placed_at=times.parse("2026-05-04T15:00:00Z"),
                lifecycle=Lifecycle.PAID,
                currency="ILS",
                lines=(Line("1", 2, 4500, sku="MUG-01"),),
                platform="standard_webhooks",
            ),
        ),
    )


@pytest.mark.parametrize(
    "kind, status, expected",
    [
        ("order.created", None, Lifecycle.OPEN),
        ("order.paid", None, Lifecycle.PAID),
        ("order.updated", None, Lifecycle.PAID),
        ("order.cancelled", None, Lifecycle.CANCELLED),
        ("order.created", "paid", Lifecycle.PAID),
        ("order.paid", "open", Lifecycle.OPEN),
        ("order.updated", "refunded", Lifecycle.REFUNDED),
        ("order.updated", "cancelled", Lifecycle.CANCELLED),
        ("order.cancelled", "paid", Lifecycle.CANCELLED),
    ],
)
def test_a_status_is_the_orders_own_or_its_types(kind: str, status: str | None, expected: Lifecycle) -> None:
    assert snapshot(event(kind, ORDER | {"status": status})).lifecycle is expected


def test_an_order_dates_itself_where_it_can() -> None:
    order = snapshot(event("order.updated", ORDER | {"updated_at": "2026-05-05T00:00:00Z"}))
    assert order.updated_at == times.parse("2026-05-05T00:00:00Z")


def test_click_ids_of_the_summary_need_the_shape_of_one() -> None:
    assert snapshot(event("order.paid", ORDER | {"ref": CLICK, "click_id": CLICK})).click_ids == (CLICK,)
    assert snapshot(event("order.paid", ORDER | {"ref": "noa", "click_ids": [CLICK]})).click_ids == (CLICK,)


def test_what_stands_there_under_our_names_stays() -> None:
    data = ORDER | {"order_id": "other", "codes": ["A"], "discount_codes": ["B"], "subtotal": "1.00", "shipping": 700}
    read = samples.reading("standard_webhooks", event("order.paid", data | {"customer": {"id": 7, "external_id": "8"}}))
    order = read.facts[0]
    assert isinstance(order, Snapshot)
    assert (read.external_id, order.codes, order.shipping, order.customer) == ("G-7", ("a",), 700, "<id:7>")
    assert order.lines == (Line("1", 2, 4500, sku="MUG-01"),)


def test_a_summary_may_be_in_minor_units() -> None:
    data = {"order_id": 7, "currency": "JPY", "subtotal": 9900, "tax": 990}
    assert snapshot(event("order.paid", data)).lines == (Line("order", 1, 9900, tax=990),)


@pytest.mark.parametrize("data", [{"order_id": "G-7"}, {"external_id": "G-7", "currency": "USD"}])
def test_a_cancellation_may_say_no_more_than_whose(data: dict[str, Any]) -> None:
    cancellation = Cancellation("order.cancelled", times.parse(SAID))
    assert samples.reading("standard_webhooks", event("order.cancelled", data)) == Reading("G-7", (cancellation,))


def test_a_refund_by_lines_and_amount() -> None:
    data = {
        "order_id": "G-7",
        "external_id": "R-1",
        "currency": "ILS",
        "lines": [{"id": "2", "quantity": 1}, {"id": "1", "quantity": 1, "amount": 4000}],
        "amount": 500,
    }
    request = event("refund.created", data)
    expected = Refund("R-1", times.parse(SAID), "ILS", (RefundLine("1", 1, 4000), RefundLine("2", 1)), 500)
    assert samples.reading("standard_webhooks", request) == Reading("G-7", (expected,))
    assert standard_webhooks.subject(request) == "G-7"


def test_an_unknown_type_is_ignored() -> None:
    assert standard_webhooks.facts(event("order.shipped", None), samples.pseudonym) == Ignored("unknown_type")


@pytest.mark.parametrize("body", [b"", b"\xff", b"[]", b'{"type":"order.paid"}', b'{"type":"order.paid","data":{}}'])
def test_a_body_that_names_no_order_is_its_own_subject(body: bytes) -> None:
    assert len(standard_webhooks.subject(Request({}, body))) == 64


@pytest.mark.parametrize(
    "request_, refusal",
    [
        (Request({}, b'{"test": 2432232314}'), ("shape_mismatch", "type")),
        (event(7, ORDER), ("shape_mismatch", "type")),
        (event("order.paid", ORDER, None), ("bad_time", "timestamp")),
        (event("order.paid", ORDER, 1778000000), ("bad_time", "timestamp")),
        (event("order.paid", None), ("shape_mismatch", "data")),
        (event("order.paid", []), ("shape_mismatch", "data")),
        (event("order.paid", ORDER | {"external_id": None}), ("shape_mismatch", "data.order_id")),
        (event("order.paid", {"order_id": "1", "currency": "USD"}), ("shape_mismatch", "data.subtotal")),
        (
            event("order.paid", {"order_id": "1", "currency": "USD", "subtotal": "1.005"}),
            ("bad_amount", "data.subtotal"),
        ),
        (event("order.paid", {"order_id": "1", "currency": "USD", "subtotal": 1.5}), ("bad_amount", "data.subtotal")),
        (event("order.paid", ORDER | {"shipping": "7.001"}), ("bad_amount", "data.shipping")),
        (event("order.paid", ORDER | {"currency": None}), ("shape_mismatch", "data.currency")),
        (event("order.paid", ORDER | {"status": "shipped"}), ("unknown_status", "data.status")),
        (event("order.paid", ORDER | {"ref": 7}), ("shape_mismatch", "data.ref")),
        (event("order.paid", ORDER | {"customer": "7"}), ("shape_mismatch", "data.customer")),
        (event("order.paid", ORDER | {"discount_codes": "A"}), ("shape_mismatch", "data.codes")),
        (event("refund.created", {"external_id": "R-1", "currency": "ILS"}), ("shape_mismatch", "data.order_id")),
    ],
)
def test_a_wrong_value_is_parked_by_its_reason_and_place(request_: Request, refusal: tuple[str, str]) -> None:
    assert unreadable(request_) == refusal

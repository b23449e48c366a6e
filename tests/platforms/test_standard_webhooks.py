"""Our own inlet: the order shape of the API inside Standard Webhooks, and the summary that may stand for it."""

import json
from typing import Any

import pytest

from tests.platforms import samples
from tests.platforms.test_rest import FULL, FULLY_READ
from vouch.domain import clicks, times
from vouch.domain.commission import bases
from vouch.domain.facts import Cancellation, Dispute, Lifecycle, Line, OrderFacts, Refund, RefundLine, Snapshot
from vouch.domain.terms import Base
from vouch.platforms import standard_webhooks
from vouch.platforms.base import Ignored, Reading, Request, Unreadable

SAID = "2026-05-04T15:15:31.104517Z"
AFTER = "2026-06-04T00:00:00Z"
CLICK = clicks.PREFIX + "a" * clicks.ENCODED
ORDER = {
    "external_id": "G-7",
    "occurred_at": "2026-05-04T18:00:00+03:00",
    "currency": "ILS",
    "lines": [{"id": "1", "quantity": 2, "unit_price": 4500, "sku": "MUG-01"}],
}

SUMMARY = {"order_id": "1", "currency": "USD"}
REFUND = {"order_id": "1", "external_id": "R-1", "currency": "USD"}
DISPUTE = {"order_id": "G-7", "external_id": "D-1", "currency": "USD"}


def event(kind: Any, data: Any, timestamp: Any = SAID) -> Request:
    return Request({}, json.dumps({"type": kind, "timestamp": timestamp, "data": data}).encode())


def snapshot(request: Request) -> Snapshot:
    [found] = (fact for fact in samples.reading("standard_webhooks", request).facts if isinstance(fact, Snapshot))
    return found


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
        customers=("<id:door:cust-77>",),
        placed_at_guessed=True,
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


def test_an_order_may_say_all_that_the_api_takes() -> None:
    read = samples.reading("standard_webhooks", event("order.updated", FULL))
    assert read == Reading("POS-1", (FULLY_READ.__replace__(platform="standard_webhooks"),))


@pytest.mark.parametrize(
    "kind, status, expected",
    [
        ("order.created", None, Lifecycle.OPEN),
        ("order.paid", None, Lifecycle.PAID),
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
    order = snapshot(event("order.paid", ORDER | {"updated_at": "2026-05-05T00:00:00Z"}))
    assert order.updated_at == times.parse("2026-05-05T00:00:00Z")


def test_click_ids_of_the_summary_need_the_shape_of_one() -> None:
    assert snapshot(event("order.paid", ORDER | {"ref": CLICK, "click_id": CLICK})).click_ids == (CLICK,)
    assert snapshot(event("order.paid", ORDER | {"ref": "noa", "click_ids": [CLICK]})).click_ids == (CLICK,)


def test_what_stands_there_under_our_names_stays() -> None:
    data = ORDER | {"order_id": "other", "codes": ["A"], "discount_codes": ["B"], "subtotal": "1.00", "shipping": 700}
    read = samples.reading("standard_webhooks", event("order.paid", data | {"customer": {"id": 7, "external_id": "8"}}))
    order = read.facts[0]
    assert isinstance(order, Snapshot)
    assert (read.external_id, order.codes, order.shipping, order.customers) == ("G-7", ("a",), 700, ("<id:door:7>",))
    assert order.lines == (Line("1", 2, 4500, sku="MUG-01"),)


def test_a_summary_may_be_in_minor_units() -> None:
    data = {"order_id": 7, "currency": "JPY", "subtotal": 9900, "tax": 990}
    assert snapshot(event("order.paid", data)).lines == (Line("order", 1, 9900, tax=990),)


def test_all_amounts_may_be_decimal_texts() -> None:
    data = SUMMARY | {"subtotal": "108.00", "tax": "8.64", "shipping": "7.00", "shipping_tax": "0.56", "tip": "2.00"}
    order = snapshot(event("order.paid", data))
    assert order.lines == (Line("order", 1, 10_800, tax=864),)
    assert (order.shipping, order.shipping_tax, order.tip) == (700, 56, 200)
    assert snapshot(event("order.paid", SUMMARY | {"subtotal": "108.00", "tip": 0})).tip == 0
    lines = [{"id": "1", "quantity": 2, "unit_price": "45.00", "discount": "10.00", "tax": "13.60"}]
    assert snapshot(event("order.paid", ORDER | {"lines": lines})).lines == (Line("1", 2, 4_500, 1_000, 1_360),)
    back = REFUND | {"amount": "54.00", "lines": [{"id": "1", "quantity": 1, "amount": "35.00", "tax": "6.80"}]}
    refund = samples.reading("standard_webhooks", event("refund.created", back)).facts[0]
    assert isinstance(refund, Refund)
    assert (refund.amount, refund.lines) == (5_400, (RefundLine("1", 1, 3_500, 680),))


def test_the_subtotal_of_a_summary_has_no_tax_in_it_however_the_order_shows_its_prices() -> None:
    data = SUMMARY | {"subtotal": "100.00", "tax": "17.00", "tax_included": True}
    order = snapshot(event("order.paid", data))
    assert (order.tax_included, order.lines) == (True, (Line("order", 1, 11_700, tax=1_700),))
    assert bases(OrderFacts(order), order, Base())[0].base == 10_000


def test_an_order_that_does_not_say_when_it_was_placed_is_one_order_all_the_same() -> None:
    known, when = OrderFacts(), ["2026-05-04T12:00:07Z", "2026-05-04T12:00:00Z", "2026-05-04T12:00:09Z"]
    for kind, at in zip(["order.paid", "order.created", "order.cancelled"], when, strict=True):
        data = SUMMARY | {"subtotal": "108.00"}
        known, _ = known.with_facts(samples.reading("standard_webhooks", event(kind, data, at)).facts)
    assert known.snapshot is not None
    assert known.snapshot.placed_at == times.parse(when[1])
    assert known.cancelled


def test_what_no_money_hangs_on_is_passed_over_in_a_wrong_shape() -> None:
    odd = ORDER | {"ref": 7, "customer": "7", "discount_codes": "A"}
    assert snapshot(event("order.paid", odd)) == snapshot(event("order.paid", ORDER))


def test_a_cancellation_is_for_good_with_lines_and_without() -> None:
    said = samples.reading("standard_webhooks", event("order.cancelled", ORDER | {"status": "paid"})).facts
    later = samples.reading(
        "standard_webhooks", event("order.updated", ORDER | {"status": "paid"}, "2026-05-05T00:00:00Z")
    )
    known, _ = OrderFacts().with_facts([*said, *later.facts])
    assert known.snapshot is not None
    assert (known.snapshot.lifecycle, known.cancelled) == (Lifecycle.PAID, True)


@pytest.mark.parametrize("data", [{"order_id": "G-7"}, {"external_id": "G-7", "currency": "USD"}])
def test_a_cancellation_may_say_no_more_than_whose(data: dict[str, Any]) -> None:
    cancellation = Cancellation("order.cancelled", times.parse(SAID))
    assert samples.reading("standard_webhooks", event("order.cancelled", data)) == Reading("G-7", (cancellation,))


@pytest.mark.parametrize("name", ["external_id", "refund_id", "id"])
def test_a_refund_names_itself_in_three_ways_and_needs_no_currency(name: str) -> None:
    refund = samples.reading("standard_webhooks", event("refund.created", {name: 7, "order_id": "G-7", "amount": 500}))
    assert refund.external_id == "G-7"
    assert [(fact.id, fact.currency) for fact in refund.facts if isinstance(fact, Refund)] == [("7", None)]


def test_an_event_without_a_time_is_of_the_time_of_its_delivery() -> None:
    told = event("order.paid", ORDER)
    content = json.loads(told.body)
    del content["timestamp"]
    bare = Request({"webhook-timestamp": "1777906800"}, json.dumps(content).encode())
    assert snapshot(bare).updated_at == times.parse("2026-05-04T15:00:00Z")


@pytest.mark.parametrize("stamp", ["", "now", "-1", "1_777", "9" * 12, "9" * 5_000, "١٧٧"])
def test_an_event_without_any_time_that_can_be_read_is_parked(stamp: str) -> None:
    content = json.loads(event("order.paid", ORDER).body)
    del content["timestamp"]
    told = samples.outcome("standard_webhooks", Request({"webhook-timestamp": stamp}, json.dumps(content).encode()))
    assert isinstance(told, Unreadable)
    assert told.reason == "bad_time"


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


@pytest.mark.parametrize(
    "kind, said", [("refund.failed", {"amount": 500}), ("refund.failed", {}), ("refund.updated", {"failed": True})]
)
def test_a_refund_may_fail_later(kind: str, said: dict[str, Any]) -> None:
    moved = event("refund.created", {"order_id": "G-7", "external_id": "R-1", "amount": 500})
    failed = event(kind, {"order_id": "G-7", "external_id": "R-1"} | said, "2026-05-06T00:00:00Z")
    for told in ([moved, failed], [failed, moved]):
        facts = [fact for request in told for fact in samples.reading("standard_webhooks", request).facts]
        assert OrderFacts().with_facts(facts)[0].refunds == []


@pytest.mark.parametrize(
    "kind, said, status",
    [
        ("dispute.created", {}, "open"),
        ("dispute.created", {"status": "lost"}, "lost"),
        ("dispute.updated", {"status": "open"}, "open"),
        ("dispute.closed", {"status": "won"}, "won"),
        ("dispute.closed", {"status": "lost"}, "lost"),
    ],
)
def test_a_dispute_begins_and_ends(kind: str, said: dict[str, Any], status: Any) -> None:
    request = event(kind, DISPUTE | {"amount": "54.00"} | said)
    expected = Dispute("D-1", times.parse(SAID), status, "USD", 5_400)
    assert samples.reading("standard_webhooks", request) == Reading("G-7", (expected,))
    assert standard_webhooks.subject(request) == "G-7"


@pytest.mark.parametrize("name", ["external_id", "dispute_id", "id"])
def test_a_dispute_names_itself_in_three_ways_and_needs_neither_currency_nor_amount(name: str) -> None:
    read = samples.reading("standard_webhooks", event("dispute.created", {name: 7, "order_id": "G-7"}))
    assert read.facts == (Dispute("7", times.parse(SAID), "open"),)


def test_the_newest_word_on_a_dispute_counts() -> None:
    begun, ended = event("dispute.created", DISPUTE), event("dispute.closed", DISPUTE | {"status": "won"}, AFTER)
    for told in ([begun, ended], [ended, begun], [ended, begun, ended]):
        facts = [fact for request in told for fact in samples.reading("standard_webhooks", request).facts]
        assert [known.status for known in OrderFacts().with_facts(facts)[0].disputes] == ["won"]


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
        (event("order.paid", SUMMARY | {"subtotal": "7.00", "tip": "7.001"}), ("bad_amount", "data.tip")),
        (event("order.paid", SUMMARY | {"subtotal": "108.00", "tax": 8}), ("bad_amount", "data.tax")),
        (event("order.paid", ORDER | {"shipping": "7.00"}), ("bad_amount", "data.lines[0].unit_price")),
        (event("refund.created", REFUND | {"amount": "54.005"}), ("bad_amount", "data.amount")),
        (event("refund.created", {"order_id": "G-7", "external_id": "R-1"}), ("refund_of_nothing", "data.lines")),
        (event("dispute.created", DISPUTE | {"order_id": None}), ("shape_mismatch", "data.order_id")),
        (event("dispute.created", DISPUTE | {"external_id": None}), ("shape_mismatch", "data.external_id")),
        (event("dispute.created", DISPUTE | {"amount": 0}), ("bad_amount", "data.amount")),
        (event("dispute.created", DISPUTE | {"amount": "54.005"}), ("bad_amount", "data.amount")),
        (event("dispute.updated", DISPUTE), ("status_missing", "data.status")),
        (event("dispute.closed", DISPUTE), ("status_missing", "data.status")),
        (event("dispute.closed", DISPUTE | {"status": "closed"}), ("unknown_status", "data.status")),
        (event("order.updated", ORDER), ("status_missing", "data.status")),
        (event("order.updated", SUMMARY | {"subtotal": "108.00"}), ("status_missing", "data.status")),
        (event("order.paid", ORDER | {"currency": None}), ("shape_mismatch", "data.currency")),
        (event("order.paid", ORDER | {"status": "shipped"}), ("unknown_status", "data.status")),
        (event("refund.created", {"external_id": "R-1", "currency": "ILS"}), ("shape_mismatch", "data.order_id")),
    ],
)
def test_a_wrong_value_is_parked_by_its_reason_and_place(request_: Request, refusal: tuple[str, str]) -> None:
    assert unreadable(request_) == refusal

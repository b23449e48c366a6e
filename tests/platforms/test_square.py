"""What Square's deliveries and its API say, field by field, and the traps of its orders, returns and exchanges."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import permutations
from typing import Any, ClassVar

import pytest

from tests.platforms import samples
from tests.standins.server import talk
from tests.standins.square import SquareApi, line, usd
from vouch.domain import clicks, times
from vouch.domain.commission import bases
from vouch.domain.facts import (
    Cancellation,
    Dispute,
    Fact,
    Lifecycle,
    Line,
    Mention,
    OrderFacts,
    Refund,
    RefundLine,
    Snapshot,
)
from vouch.domain.terms import Base
from vouch.platforms import square
from vouch.platforms.base import (
    Account,
    Answer,
    Aside,
    Ask,
    BadSignature,
    Change,
    Ignored,
    NotYet,
    PrivacyRequest,
    Reading,
    Request,
    Said,
    Span,
    Thin,
    Unreadable,
)

PAYMENT = "hYy9pRFVxpSAMPLE0001"
ORDER = "haOyDuHSAMPLEORDER0001"
REFUND = "hYy9pRFVxpSAMPLE0001_REFUND01"
NOW = times.parse("2026-05-04T16:00:00Z")
CLICK = clicks.PREFIX + "a" * clicks.ENCODED
OTHER_CLICK = clicks.PREFIX + "-_" + "Z" * (clicks.ENCODED - 2)
PAID_AT = times.parse("2026-05-04T15:15:33.399Z")
BY_PAYMENT = Snapshot(
    updated_at=times.EPOCH,
    triggered_at=PAID_AT,
    placed_at=times.parse("2026-05-04T15:15:30.444Z"),
    placed_at_guessed=True,
    lifecycle=Lifecycle.PAID,
    paid=True,
    currency="USD",
    lines=(Line("payment", 1, 4860, discount=0, tax=0),),
    platform="square",
    shipping=0,
    tip=0,
    tax_included=False,
    test=False,
    country=None,
    codes=(),
    click_ids=(),
    customers=(),
)
BY_ORDER = Snapshot(
    updated_at=times.parse("2026-05-04T15:15:34Z"),
    triggered_at=None,
    placed_at=times.parse("2026-05-04T15:15:00Z"),
    placed_at_guessed=False,
    lifecycle=Lifecycle.PAID,
    paid=True,
    currency="USD",
    lines=(Line("li1", 1, 5000, discount=500, tax=360),),
    platform="square",
    shipping=0,
    tip=0,
    tax_included=False,
    test=False,
    country=None,
    codes=("noa10", "catdiscnoa10"),
    click_ids=(),
    customers=(),
)
GIVEN_BACK = Refund(
    id=REFUND,
    updated_at=times.parse("2026-05-10T14:14:16.381Z"),
    currency="USD",
    lines=(),
    amount=2430,
    amount_with_tax=True,
    failed=False,
)


def event(kind: str, key: str, body: dict[str, Any], **headers: str) -> Request:
    told = {"type": kind, "event_id": "e-1", "data": {"type": key, "id": "x", "object": {key: body}}}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(named, json.dumps(told).encode())


def said(request: Request) -> Said:
    return square.facts(request, samples.pseudonym)


def payment(request: Request | None = None, **changes: Any) -> Reading:
    body = samples.content("square/payment.updated")["data"]["object"]["payment"] | changes
    return samples.reading("square", request or event("payment.updated", "payment", body))


def refund_event(**changes: Any) -> Said:
    body = samples.content("square/refund.updated")["data"]["object"]["refund"] | changes
    return said(event("refund.updated", "refund", body))


def order_event(**changes: Any) -> Said:
    body = samples.content("square/order.updated")["data"]["object"]["order_updated"] | changes
    return said(event("order.updated", "order_updated", body))


DISPUTE = {
    "id": "ORSEVtZAJxb37RA1EiGw",
    "amount_money": {"amount": 4860, "currency": "USD"},
    "disputed_payment": {"payment_id": PAYMENT},
    "state": "EVIDENCE_REQUIRED",
    "reason": "NOT_AS_DESCRIBED",
    "created_at": "2026-05-20T00:00:00.000Z",
    "updated_at": "2026-05-21T10:00:00.000Z",
    "version": 1,
}
CUSTOMER = {"id": "CUST1", "email_address": "Buyer1042@Example.com", "created_at": "2026-01-01T00:00:00Z", "version": 1}


def dispute_event(**changes: Any) -> Said:
    return said(event("dispute.state.updated", "dispute", DISPUTE | changes))


def answered(order: dict[str, Any], *, test: bool = False) -> bytes:
    """What is stored once an order was read."""
    return json.dumps({"kind": "order", "test": test, "order": {"order": order}}).encode()


def order(**changes: Any) -> Reading:
    body = samples.content("square/api_retrieve_order.response")["order"] | changes
    read = square.answer(answered({key: value for key, value in body.items() if value is not ...}), samples.pseudonym)
    assert isinstance(read, Reading), read
    return read


def snapshot(reading: Reading) -> Snapshot:
    fact = reading.facts[0]
    assert isinstance(fact, Snapshot)
    return fact


def mentioned(reading: Reading) -> Fact:
    _, mention = reading.facts
    return mention


def line_item(**changes: Any) -> Line:
    [item] = samples.content("square/api_retrieve_order.response")["order"]["line_items"]
    [read] = snapshot(order(line_items=[item | changes])).lines
    return read


def refunded(refund: dict[str, Any] | None = None, **returned: Any) -> Refund:
    """What is known of the sample's refund once it and its return order were read."""
    told = samples.content("square/refund.updated")["data"]["object"]["refund"] | (refund or {})
    body = {"kind": "refund", "refund": {"refund": told}, "order": {"order": RETURN | returned}}
    read = square.answer(json.dumps(body).encode(), samples.pseudonym)
    assert isinstance(read, Aside), read
    assert read.alias == PAYMENT
    [fact] = read.facts
    assert isinstance(fact, Refund)
    return fact


HALF_A_SHIRT = {
    "uid": "r1",
    "source_line_item_uid": "li1",
    "quantity": "1",
    "item_type": "ITEM",
    "gross_return_money": usd(2500),
    "total_discount_money": usd(250),
    "total_tax_money": usd(180),
    "total_money": usd(2430),
}
RETURN = {
    "id": "haOyDuHSAMPLERETURN0001",
    "state": "COMPLETED",
    "created_at": "2026-05-10T14:00:41.000Z",
    "updated_at": "2026-05-10T14:00:42.000Z",
    "total_money": usd(0),
    "returns": [{"source_order_id": ORDER, "return_line_items": [HALF_A_SHIRT]}],
    "return_amounts": {"total_money": usd(2430), "tax_money": usd(180)},
}
IN_LINES = Refund(
    id=REFUND,
    updated_at=times.parse("2026-05-10T14:14:16.381001Z"),
    currency="USD",
    lines=(RefundLine("li1", 1, 2250, 180),),
    amount=0,
    amount_with_tax=True,
    failed=False,
)


def exchange(given: int = 8000, returned: int = 4860) -> dict[str, Any]:
    """An order that sells one thing and takes back another."""
    back = [{"source_order_id": ORDER, "return_line_items": [HALF_A_SHIRT | {"total_money": usd(returned)}]}]
    new = {"line_items": [line("n1", given)], "total_money": usd(given), "returns": back}
    return RETURN | new | {"id": "EXCHANGE", "net_amount_due_money": usd(0), "state": "OPEN", "tenders": [{"id": "T"}]}


RECORDED: list[Request | bytes] = [
    *(samples.request(name) for name in samples.names("square")),
    event("dispute.created", "dispute", DISPUTE),
    event("customer.deleted", "customer", CUSTOMER),
    answered(samples.content("square/api_retrieve_order.response")["order"]),
    answered(exchange()),
    json.dumps(
        {
            "kind": "refund",
            "refund": {"refund": samples.content("square/refund.updated")["data"]["object"]["refund"]},
            "order": {"order": RETURN},
        }
    ).encode(),
]
"""Deliveries and answers of every kind, to be bent."""


def kept(*facts: Fact) -> int:
    """What is left of the order's base."""
    known, _ = OrderFacts().with_facts(facts)
    assert known.snapshot is not None
    return sum(basis.kept_base for basis in bases(known, known.snapshot, Base()))


class TestSamples:
    def test_a_payment_is_the_purchase_and_the_order_is_asked_for_what_was_sold(self) -> None:
        assert samples.reading("square", samples.request("square/payment.updated")) == Reading(
            ORDER, (BY_PAYMENT,), aliases=(PAYMENT,), asks=(Ask("order", {"order": ORDER, "payment": PAYMENT}),)
        )

    def test_an_order_that_was_completed_is_asked_for(self) -> None:
        read = said(samples.request("square/order.updated"))
        assert read == Thin(Ask("order", {"order": ORDER, "version": "4"}))

    def test_a_refund_stands_aside_under_its_payment_and_its_return_is_asked_for(self) -> None:
        read = said(samples.request("square/refund.updated"))
        assert read == Aside(PAYMENT, (GIVEN_BACK,), asks=(Ask("refund", {"refund": REFUND}),))

    def test_the_orders_own_word(self) -> None:
        assert order() == Reading(ORDER, (BY_ORDER,), aliases=(PAYMENT,))

    @pytest.mark.parametrize(
        "name, subject", [("payment.updated", ORDER), ("order.updated", ORDER), ("refund.updated", PAYMENT)]
    )
    def test_subjects(self, name: str, subject: str) -> None:
        assert square.subject(samples.request(f"square/{name}")) == subject

    def test_whichever_comes_first_the_orders_word_counts_and_the_payment_adds_nothing(self) -> None:
        late = payment(updated_at="2026-05-12T00:00:00Z")
        for facts in permutations((BY_ORDER, BY_PAYMENT, snapshot(late))):
            known, _ = OrderFacts().with_facts(facts)
            assert known.snapshot == BY_ORDER
        assert kept(BY_ORDER) == 4500


class TestVerify:
    URL = "https://hooks.example.com/webhooks/cn_1"
    BODY = b'{"event_id":"e-77","type":"payment.updated"}'

    def signed(self, url: str, key: str = "key") -> Request:
        digest = hmac.new(key.encode(), url.encode() + self.BODY, hashlib.sha256).digest()
        return Request({"x-square-hmacsha256-signature": base64.b64encode(digest).decode()}, self.BODY)

    def test_the_event_names_itself(self) -> None:
        assert square.verify(self.signed(self.URL), Account(["key"], notification_url=self.URL), NOW) == "e-77"

    def test_an_event_that_is_sent_again_as_a_test_stands_in_nobodys_place(self) -> None:
        genuine = self.signed(self.URL)
        again = Request({**genuine.headers, "square-environment": "Sandbox"}, genuine.body)
        account = Account(["key"], notification_url=self.URL)
        assert square.verify(genuine, account, NOW) != square.verify(again, account, NOW)

    @pytest.mark.parametrize(
        "url", ["https://hooks.example.com/webhooks/cn_1/", "http://hooks.example.com/webhooks/cn_1", "", None]
    )
    def test_the_address_counts_to_the_letter(self, url: str | None) -> None:
        with pytest.raises(BadSignature):
            square.verify(self.signed(self.URL), Account(["key"], notification_url=url), NOW)

    def test_no_address_is_none_even_if_somebody_signs_without(self) -> None:
        with pytest.raises(BadSignature):
            square.verify(self.signed(""), Account(["key"]), NOW)

    def test_any_key_of_two_subscriptions_is_good(self) -> None:
        account = Account(["other", "key"], notification_url=self.URL)
        assert square.verify(self.signed(self.URL), account, NOW) == "e-77"


class TestPayments:
    @pytest.mark.parametrize(
        "status, lifecycle",
        [
            ("APPROVED", Lifecycle.OPEN),
            ("PENDING", Lifecycle.OPEN),
            ("CANCELED", Lifecycle.OPEN),
            ("FAILED", Lifecycle.OPEN),
        ],
    )
    def test_until_it_is_completed_nothing_is_paid_and_nobody_is_asked(self, status: str, lifecycle: Lifecycle) -> None:
        read = payment(status=status)
        assert (snapshot(read).lifecycle, snapshot(read).paid, read.asks) == (lifecycle, False, ())

    @pytest.mark.parametrize("failed", ["CANCELED", "FAILED"])
    def test_a_card_that_failed_does_not_cancel_what_another_one_pays(self, failed: str) -> None:
        one, other = payment(id="A", status=failed, updated_at="2026-05-05T00:00:00Z"), payment(id="B")
        for facts in permutations((snapshot(one), snapshot(other))):
            assert kept(*facts) == 4860

    @pytest.mark.parametrize("status, lifecycle", [("COMPLETED", Lifecycle.PAID), ("FAILED", Lifecycle.CANCELLED)])
    def test_without_an_order_it_is_one_itself(self, status: str, lifecycle: Lifecycle) -> None:
        read = payment(order_id=None, status=status)
        assert (read.external_id, read.aliases, read.asks) == (PAYMENT, (PAYMENT,), ())
        assert (snapshot(read).lifecycle, snapshot(read).placed_at_guessed) == (lifecycle, False)

    def test_a_tip_is_no_sale(self) -> None:
        told = snapshot(payment(tip_money=usd(700), total_money=usd(5560)))
        assert (told.lines[0].unit_price, told.tip) == (4860, 700)

    def test_buyers_are_known_by_mail_before_their_number(self) -> None:
        assert mentioned(payment(customer_id="C1")) == Mention(PAYMENT, PAID_AT, customers=("<id:door:C1>",))
        both = payment(customer_id="C1", buyer_email_address=" Buyer@Example.com")
        assert mentioned(both) == Mention(PAYMENT, PAID_AT, customers=("<email:buyer@example.com>",))

    def test_its_buyer_stays_the_orders_when_that_was_read(self) -> None:
        paid = payment(buyer_email_address="buyer@example.com", reference_id=CLICK)
        for facts in permutations([*paid.facts, snapshot(order(customer_id="C1"))]):
            known, _ = OrderFacts().with_facts(facts)
            assert known.snapshot is not None
            assert known.snapshot.customers == ("<id:door:C1>", "<email:buyer@example.com>")
            assert known.snapshot.click_ids == (CLICK,)

    def test_country_and_reference(self) -> None:
        told = payment(billing_address={"country": "il"}, reference_id=CLICK)
        assert snapshot(told).country == "IL"
        assert mentioned(told) == Mention(PAYMENT, PAID_AT, click_ids=(CLICK,))
        assert len(payment(reference_id="till-42").facts) == 1

    @pytest.mark.parametrize(
        "changes, reason",
        [
            ({"status": "REVERSED"}, "unknown_status"),
            ({"amount_money": None}, "shape_mismatch"),
            ({"amount_money": {"amount": -1, "currency": "USD"}}, "bad_amount"),
            ({"amount_money": {"amount": 48.6, "currency": "USD"}}, "bad_amount"),
            ({"amount_money": {"amount": 1, "currency": "usd"}}, "unknown_currency"),
            ({"tip_money": {"amount": 1, "currency": "EUR"}}, "currency_mismatch"),
            ({"created_at": None}, "bad_time"),
            ({"updated_at": "yesterday"}, "bad_time"),
            ({"id": None}, "shape_mismatch"),
            ({"order_id": 0}, "shape_mismatch"),
        ],
    )
    def test_what_cannot_be_read_is_parked(self, changes: dict[str, Any], reason: str) -> None:
        with pytest.raises(Unreadable) as refusal:
            payment(**changes)
        assert refusal.value.reason == reason


class TestSandbox:
    """What the Sandbox sends is a test; what was sold is none, whatever is sent again with another header."""

    PAYMENT: ClassVar = samples.content("square/payment.updated")["data"]["object"]["payment"]

    def told(self, environment: str, **changes: Any) -> Snapshot:
        request = event("payment.updated", "payment", self.PAYMENT | changes, square_environment=environment)
        return snapshot(payment(request))

    def test_the_header_or_the_body_marks_a_test(self) -> None:
        applications = [{"application_id": "sandbox-sq0idb-1"}, {"application_id": "sq0idp-1"}, None, "odd"]
        for environment in ("Sandbox", " sandbox ", "Production,Sandbox", "Production", "", "?"):
            for application in applications:
                test = application == applications[0] or "sandbox" in environment.lower()
                assert self.told(environment, application_details=application).test is test

    @pytest.mark.parametrize("amount", range(4_860, 4_880))
    def test_a_sale_that_is_sent_again_as_a_test_is_none(self, amount: int) -> None:
        """Nobody signs the header: whoever has an old event may send it with any."""
        told = {"amount_money": {"amount": amount, "currency": "USD"}}
        sold, again = self.told("Production", **told), self.told("Sandbox", **told)
        for heard in permutations([sold, again, self.told("Sandbox", **told, status="APPROVED")]):
            assert OrderFacts().with_facts(heard)[0].told == sold

    @pytest.mark.parametrize("amount", range(4_860, 4_880))
    def test_a_test_whose_application_says_so_is_no_sale_whatever_the_header(self, amount: int) -> None:
        application = {"application_id": "sandbox-sq0idb-1"}
        told = {"amount_money": {"amount": amount, "currency": "USD"}, "application_details": application}
        for heard in permutations([self.told("Sandbox", **told), self.told("Production", **told)]):
            known = OrderFacts().with_facts(heard)[0].told
            assert known is not None
            assert known.test

    @pytest.mark.parametrize("environment", ["Sandbox", "Production", ""])
    def test_what_is_asked_does_not_hang_on_the_header(self, environment: str) -> None:
        """What answers is the Sandbox or is not."""
        read = payment(event("payment.updated", "payment", self.PAYMENT, square_environment=environment))
        assert read.asks == payment().asks
        body = samples.content("square/order.updated")["data"]["object"]["order_updated"]
        told = said(event("order.updated", "order_updated", body, square_environment=environment))
        assert told == order_event()

    @pytest.mark.parametrize(
        "base, test",
        [
            ("https://connect.squareupsandbox.com", True),
            ("https://connect.squareup.com", False),
            ("https://squareupsandbox.com.example.org", False),
            ("https://nosquareupsandbox.com", False),
            (None, False),
        ],
    )
    def test_who_calls_the_sandbox_hears_of_tests(self, base: str | None, test: bool) -> None:
        conversation = square.ask(Ask("order", {"order": ORDER}), Account([], api_base_url=base, api_token="t"), NOW)
        next(conversation)
        raw = (samples.FOLDER / "square/api_retrieve_order.response.json").read_bytes()
        with pytest.raises(StopIteration) as end:
            conversation.send(Answer(200, {}, raw))
        read = square.answer(end.value.value, samples.pseudonym)
        assert isinstance(read, Reading)
        assert snapshot(read).test is test


class TestOrderEvents:
    @pytest.mark.parametrize("state", ["OPEN", "DRAFT"])
    def test_a_till_that_is_still_typing_is_not_asked(self, state: str) -> None:
        assert order_event(state=state) == Ignored("order_open")

    def test_a_cancelled_order_stays_so(self) -> None:
        read = order_event(state="CANCELED")
        assert read == Reading(ORDER, (Cancellation("order.canceled", times.parse("2026-05-04T15:15:34Z")),))

    def test_created_means_the_same(self) -> None:
        body = {"order_id": ORDER, "state": "CANCELED", "created_at": "2026-05-04T15:15:00.000Z", "version": 1}
        read = said(event("order.created", "order_created", body))
        assert read == Reading(ORDER, (Cancellation("order.canceled", times.parse("2026-05-04T15:15:00Z")),))

    def test_an_order_of_no_version_is_asked_for_whatever_its_version(self) -> None:
        assert order_event(version=None) == Thin(Ask("order", {"order": ORDER, "version": "0"}))

    @pytest.mark.parametrize("changes", [{"state": "LOST"}, {"state": None}, {"order_id": None}, {"version": -1}])
    def test_what_cannot_be_read_is_parked(self, changes: dict[str, Any]) -> None:
        with pytest.raises(Unreadable):
            order_event(**changes)


class TestRefundEvents:
    def test_what_waits_is_none_yet(self) -> None:
        assert refund_event(status="PENDING") == Ignored("refund_pending")

    @pytest.mark.parametrize("status", ["FAILED", "REJECTED"])
    def test_what_failed_gives_it_back_and_asks_nobody(self, status: str) -> None:
        later = refund_event(status=status, updated_at="2026-05-11T00:00:00Z")
        assert isinstance(later, Aside)
        assert later.asks == ()
        for facts in permutations((BY_ORDER, GIVEN_BACK, IN_LINES, *later.facts)):
            assert kept(*facts) == 4500

    def test_one_without_a_payment_is_no_orders(self) -> None:
        assert refund_event(payment_id=None) == Ignored("refund_without_payment")

    def test_one_without_a_return_has_nothing_to_ask_for(self) -> None:
        assert refund_event(order_id=None) == Aside(PAYMENT, (GIVEN_BACK,))

    @pytest.mark.parametrize(
        "changes, reason",
        [
            ({"status": "DONE"}, "unknown_status"),
            ({"amount_money": {"currency": "USD"}}, "shape_mismatch"),
            ({"updated_at": None}, "bad_time"),
        ],
    )
    def test_what_cannot_be_read_is_parked(self, changes: dict[str, Any], reason: str) -> None:
        with pytest.raises(Unreadable) as refusal:
            refund_event(**changes)
        assert refusal.value.reason == reason


class TestReturns:
    def test_the_lines_that_came_back(self) -> None:
        assert refunded() == IN_LINES

    def test_with_its_lines_it_counts_whichever_came_first(self) -> None:
        told: list[Fact] = [BY_ORDER, GIVEN_BACK, refunded()]
        for facts in permutations(told):
            known, _ = OrderFacts().with_facts(facts)
            assert known.events["refund", REFUND] == IN_LINES
            assert kept(*facts) == 2250

    def test_without_its_lines_it_is_the_money_with_its_tax(self) -> None:
        assert kept(BY_ORDER, GIVEN_BACK) == 2250

    def test_a_later_version_that_has_not_been_asked_yet_says_the_same_money(self) -> None:
        later = GIVEN_BACK.__replace__(updated_at=times.parse("2026-05-12T00:00:00Z"))
        assert kept(BY_ORDER, IN_LINES, later) == 2250

    @pytest.mark.parametrize(
        "returned",
        [
            {"return_amounts": {"total_money": usd(4860)}},  # paid back by two refunds
            {"return_amounts": None},
            {"returns": None},
            {"returns": [*RETURN["returns"], {"return_line_items": []}]},  # of two orders
            {"returns": [{"return_line_items": [HALF_A_SHIRT | {"source_line_item_uid": None}]}]},  # a mere amount
            {"line_items": [line("n1", 1000)]},  # an exchange
        ],
    )
    def test_what_is_not_all_of_the_return_has_no_lines(self, returned: dict[str, Any]) -> None:
        assert refunded(**returned) == GIVEN_BACK

    def test_what_is_given_beside_the_lines_is_an_amount(self) -> None:
        beside = {"uid": "r2", "quantity": "1", "item_type": "CUSTOM_AMOUNT", "total_money": usd(300)}
        found = refunded(
            refund={"amount_money": usd(2730)},
            returns=[{"return_line_items": [HALF_A_SHIRT, beside]}],
            return_amounts={"total_money": usd(2730)},
        )
        assert (found.lines, found.amount) == (IN_LINES.lines, 300)

    def test_a_tip_that_is_given_back_takes_nothing_from_the_goods(self) -> None:
        found = refunded(refund={"amount_money": usd(2930)}, return_amounts={"total_money": usd(2930)})
        assert (found.lines, found.amount) == (IN_LINES.lines, 0)

    def test_what_is_measured_comes_back_by_its_money(self) -> None:
        part = HALF_A_SHIRT | {"quantity": "0.5", "quantity_unit": {"precision": 1}}
        assert refunded(returns=[{"return_line_items": [part]}]).lines == (RefundLine("li1", 0, 2250, 180),)

    def test_a_failed_one_has_no_lines(self) -> None:
        found = refunded(refund={"status": "FAILED"})
        assert found == GIVEN_BACK.__replace__(failed=True)

    def test_read_before_it_ended_it_says_nothing(self) -> None:
        told = samples.content("square/refund.updated")["data"]["object"]["refund"] | {"status": "PENDING"}
        body = {"kind": "refund", "refund": {"refund": told}}
        assert square.answer(json.dumps(body).encode(), samples.pseudonym) == Ignored("refund_pending")

    def test_the_order_of_a_return_is_no_sale(self) -> None:
        assert square.answer(answered(RETURN), samples.pseudonym) == Ignored("return_order")


class TestExchanges:
    """What comes back pays for what is given: the first order keeps what it earned, less what money came back."""

    @pytest.mark.parametrize("given, returned, base", [(4860, 4860, 0), (3000, 4860, 0), (8000, 4860, 3140)])
    def test_only_what_is_beyond_is_sold(self, given: int, returned: int, base: int) -> None:
        read = square.answer(answered(exchange(given, returned)), samples.pseudonym)
        assert isinstance(read, Reading)
        assert read.external_id == "EXCHANGE"
        at = times.parse("2026-05-10T14:00:42Z")
        assert read.facts[1] == Refund("returned:EXCHANGE", at, "USD", amount=returned, amount_with_tax=True)
        assert kept(*read.facts) == base


class TestDisputes:
    @pytest.mark.parametrize(
        "state, status",
        [
            ("EVIDENCE_REQUIRED", "open"),
            ("PROCESSING", "open"),
            ("WAITING_THIRD_PARTY", "open"),
            ("WON", "won"),
            ("LOST", "lost"),
            ("ACCEPTED", "lost"),
        ],
    )
    def test_what_the_bank_asks_for(self, state: str, status: Any) -> None:
        found = Dispute(
            id="ORSEVtZAJxb37RA1EiGw",
            updated_at=times.parse("2026-05-21T10:00:00Z"),
            status=status,
            currency="USD",
            amount=4860,
        )
        assert dispute_event(state=state) == Aside(PAYMENT, (found,))

    @pytest.mark.parametrize("state", ["INQUIRY_EVIDENCE_REQUIRED", "INQUIRY_PROCESSING", "INQUIRY_CLOSED"])
    def test_an_inquiry_takes_no_money(self, state: str) -> None:
        assert dispute_event(state=state) == Ignored("dispute_inquiry")

    def test_both_names_of_its_id_are_one(self) -> None:
        assert dispute_event(id=None, dispute_id="ORSEVtZAJxb37RA1EiGw") == dispute_event()

    def test_its_subject_is_the_payment(self) -> None:
        assert square.subject(event("dispute.created", "dispute", DISPUTE)) == PAYMENT

    @pytest.mark.parametrize("changes", [{"state": "FORGOTTEN"}, {"disputed_payment": None}, {"amount_money": None}])
    def test_what_cannot_be_read_is_parked(self, changes: dict[str, Any]) -> None:
        with pytest.raises(Unreadable):
            dispute_event(**changes)


class TestCustomers:
    def test_a_deleted_customer_is_forgotten_by_mail_and_number(self) -> None:
        read = said(event("customer.deleted", "customer", CUSTOMER))
        names = ("<email:buyer1042@example.com>", "<id:door:CUST1>")
        assert read == PrivacyRequest("erase_customer", "e-1", customers=names)
        assert square.subject(event("customer.deleted", "customer", CUSTOMER)) == "CUST1"

    def test_customers_who_are_merged_are_not(self) -> None:
        told = json.loads(event("customer.deleted", "customer", CUSTOMER).body)
        told["data"]["object"]["event_context"] = {"merge": {"from_customer_ids": ["CUST1"], "to_customer_id": "C2"}}
        assert said(Request({}, json.dumps(told).encode())) == Ignored("customers_merged")


class TestOrders:
    @pytest.mark.parametrize(
        "state, due, lifecycle",
        [
            ("COMPLETED", None, Lifecycle.PAID),
            ("COMPLETED", 100, Lifecycle.PAID),
            ("OPEN", None, Lifecycle.OPEN),
            ("OPEN", 4860, Lifecycle.OPEN),
            ("OPEN", 1, Lifecycle.OPEN),  # a deposit
            ("OPEN", 0, Lifecycle.PAID),  # waits to be picked up
            ("OPEN", -10, Lifecycle.PAID),
            ("DRAFT", 0, Lifecycle.OPEN),
            ("CANCELED", 0, Lifecycle.CANCELLED),
        ],
    )
    def test_it_is_paid_when_nothing_is_due(self, state: str, due: int | None, lifecycle: Lifecycle) -> None:
        money = None if due is None else usd(due)
        told = snapshot(order(state=state, net_amount_due_money=money))
        assert (told.lifecycle, told.paid) == (lifecycle, lifecycle is Lifecycle.PAID)

    def test_nothing_due_and_nothing_tendered_is_not_paid(self) -> None:
        assert snapshot(order(state="OPEN", net_amount_due_money=usd(0), tenders=...)).lifecycle is Lifecycle.OPEN

    def test_a_deposit_that_looked_like_all_of_it_is_not(self) -> None:
        """The first card of two is a payment like any other, until the order says that something is due."""
        deposit = snapshot(order(state="OPEN", net_amount_due_money=usd(2430)))
        known, _ = OrderFacts().with_facts([BY_PAYMENT, deposit])
        assert known.snapshot is not None
        assert known.snapshot.lifecycle is Lifecycle.OPEN

    def test_all_its_payments_are_its_names_up_to_a_bound(self) -> None:
        tenders = [{"id": f"T{number}", "payment_id": f"P{number // 2}"} for number in range(40)]
        assert order(tenders=tenders).aliases == tuple(f"P{number}" for number in range(8))

    @pytest.mark.parametrize(
        "changes, expected",
        [
            ({"quantity": "3", "total_discount_money": usd(0), "total_money": usd(16200 + 1296),
              "total_tax_money": usd(1296)}, Line("li1", 3, 5400, tax=1296)),
            ({"quantity": "3.0"}, Line("li1", 3, 1667, discount=501, tax=360)),  # the discount makes up for the cent
            ({"quantity": "0.5"}, Line("li1", 1, 5000, discount=500, tax=360)),
            ({"quantity": "2", "quantity_unit": {"precision": 0}}, Line("li1", 1, 5000, discount=500, tax=360)),
            ({"quantity": "2.25000"}, Line("li1", 1, 5000, discount=500, tax=360)),
            ({"quantity": "many"}, Line("li1", 1, 5000, discount=500, tax=360)),
            ({"quantity": None}, Line("li1", 1, 5000, discount=500, tax=360)),
            ({"quantity": "0"}, Line("li1", 1, 5000, discount=500, tax=360)),
            ({"quantity": "0", "total_money": usd(0), "total_tax_money": None, "total_discount_money": None},
             Line("li1", 0, 0)),
            # Inclusive, as in Europe and as in America: the gross differs, the total does not.
            ({"gross_sales_money": usd(5000), "total_money": usd(4500), "total_tax_money": usd(750)},
             Line("li1", 1, 4250, discount=500, tax=750)),
            ({"gross_sales_money": usd(4250), "total_money": usd(4500), "total_tax_money": usd(750)},
             Line("li1", 1, 4250, discount=500, tax=750)),
            ({"total_money": usd(5060), "total_service_charge_money": usd(200)},
             Line("li1", 1, 5000, discount=500, tax=360)),
            ({"catalog_object_id": "VARIATION1"}, Line("li1", 1, 5000, discount=500, tax=360, product_id="VARIATION1")),
            ({"item_type": "GIFT_CARD"}, Line("li1", 1, 5000, discount=500, tax=360, gift_card=True)),
            ({"item_type": "CUSTOM_AMOUNT"}, Line("li1", 1, 5000, discount=500, tax=360)),
        ],
    )  # fmt: skip
    def test_lines_come_to_what_was_paid_without_tax(self, changes: dict[str, Any], expected: Line) -> None:
        assert line_item(**changes) == expected

    def test_included_tax_is_no_base(self) -> None:
        [item] = samples.content("square/api_retrieve_order.response")["order"]["line_items"]
        taxed = item | {"total_money": usd(6000), "total_tax_money": usd(1000), "total_discount_money": usd(0)}
        told = order(line_items=[taxed], taxes=[{"uid": "t", "type": "INCLUSIVE", "percentage": "20.0"}])
        assert kept(*told.facts) == 5000

    def test_tips_and_service_charges_are_no_base(self) -> None:
        charges = [{"uid": "s", "name": "Service", "total_money": usd(900), "applied_money": usd(900)}]
        told = order(total_tip_money=usd(800), service_charges=charges, total_money=usd(6560))
        assert kept(*told.facts) == 4500
        assert snapshot(told).tip == 800

    def test_codes_are_the_discounts_names_trimmed_and_folded_then_their_ids(self) -> None:
        discounts = [
            {"uid": "a", "name": "  נועה10 ", "catalog_object_id": "CAT1"},
            {"uid": "b", "name": "NOA10"},
            {"uid": "c", "name": None, "catalog_object_id": 7},
            "odd",
        ]
        assert snapshot(order(discounts=discounts)).codes == ("נועה10", "noa10", "cat1", "7")

    @pytest.mark.parametrize("name", ["ref", "_ref", "click_id"])
    def test_click_ids_are_in_the_metadata_or_the_reference(self, name: str) -> None:
        told = order(metadata={name: CLICK, "other": OTHER_CLICK}, reference_id=OTHER_CLICK)
        assert snapshot(told).click_ids == (CLICK, OTHER_CLICK)

    def test_the_buyer_is_the_orders_or_a_tenders(self) -> None:
        tenders = [{"id": "T1", "customer_id": "C2"}]
        assert snapshot(order(customer_id="C1", tenders=tenders)).customers == ("<id:door:C1>",)
        assert snapshot(order(tenders=tenders)).customers == ("<id:door:C2>",)

    @pytest.mark.parametrize("kind", ["shipment_details", "delivery_details"])
    def test_the_country_is_where_it_goes_to(self, kind: str) -> None:
        there = [{"type": "PICKUP"}, {kind: {"recipient": {"address": {"country": "GB"}}}}]
        assert snapshot(order(fulfillments=there)).country == "GB"

    @pytest.mark.parametrize(
        "changes, reason",
        [
            ({"state": "LOST"}, "unknown_status"),
            ({"total_money": None}, "shape_mismatch"),
            ({"total_money": {"amount": 1, "currency": "EUR"}}, "currency_mismatch"),
            ({"created_at": None}, "bad_time"),
            ({"tenders": [{"type": "CARD"}]}, "shape_mismatch"),
            ({"state": "OPEN", "net_amount_due_money": {"amount": "0", "currency": "USD"}}, "bad_amount"),
            ({"line_items": [line("a", 1), line("a", 1)]}, "duplicate_line"),
            ({"line_items": [line("a", 100, tax=200)]}, "bad_amount"),
            ({"line_items": [line("a", 10**15 - 1, discount=1)]}, "amount_out_of_range"),
            ({"line_items": [{"uid": "a", "quantity": "1"}]}, "shape_mismatch"),
            ({"line_items": [line("a", 1, item_type=7)]}, "shape_mismatch"),
        ],
    )
    def test_what_cannot_be_read_is_parked(self, changes: dict[str, Any], reason: str) -> None:
        with pytest.raises(Unreadable) as refusal:
            order(**changes)
        assert refusal.value.reason == reason


class TestEnvelope:
    def test_what_nobody_subscribed_for_is_ignored(self) -> None:
        body = b'{"type":"webhooks.test_notification","event_id":"e","data":{"type":"webhooks","id":"w-1"}}'
        assert said(Request({}, body)) == Ignored("unknown_type")
        assert square.subject(Request({}, body)) == "w-1"

    def test_what_names_nothing_is_its_own_subject(self) -> None:
        bodies = [b"", b"[]", b'{"type":"payment.updated"}', b'{"type":7}', b"\xff"]
        assert len({square.subject(Request({}, body)) for body in bodies}) == len(bodies)

    def test_an_event_that_holds_another_object_is_parked(self) -> None:
        with pytest.raises(Unreadable):
            said(event("payment.updated", "refund", {"id": "x"}))


ACCOUNT = Account(["s"], api_token="square-token")


@pytest.fixture
def api() -> Iterator[SquareApi]:
    with SquareApi() as running:
        yield running


def told(asked: Ask, api: SquareApi) -> Reading:
    """What the platform says to that, as it would be read from what is stored."""
    read = square.answer(talk(square.ask(asked, ACCOUNT, NOW), api.address), samples.pseudonym)
    assert isinstance(read, Reading), read
    return read


def told_aside(asked: Ask, api: SquareApi) -> Aside:
    read = square.answer(talk(square.ask(asked, ACCOUNT, NOW), api.address), samples.pseudonym)
    assert isinstance(read, Aside), read
    return read


def heard(body: bytes) -> Said:
    return said(Request({}, body))


class TestConversations:
    def test_where_the_api_is(self) -> None:
        assert square.PLATFORM.api is not None
        assert square.PLATFORM.api.address(Account([])) == "https://connect.squareup.com"

    def test_a_sale_by_code_is_paid_and_read(self, api: SquareApi) -> None:
        shirt = line("a", 4860, discount=500, tax=360)
        order_id = api.place(shirt, discounts=[{"uid": "d", "name": "NOA10"}], metadata={"ref": CLICK})
        paid = heard(api.payment_event(api.pay(order_id)))
        assert isinstance(paid, Reading)
        read = told(paid.asks[0], api)
        assert (read.external_id, read.aliases) == (paid.external_id, paid.aliases)
        assert kept(*paid.facts, *read.facts) == 4500
        assert (snapshot(read).codes, snapshot(read).click_ids) == (("noa10",), (CLICK,))
        [asked] = api.asked
        assert (asked.method, asked.path) == ("GET", f"/v2/orders/{order_id}")
        assert asked.headers["authorization"] == "Bearer square-token"
        assert asked.headers["square-version"] == square.VERSION

    def test_two_cards_pay_one_order(self, api: SquareApi) -> None:
        order_id = api.place(line("a", 4860, tax=360))
        first = heard(api.payment_event(api.pay(order_id, 2000)))
        assert isinstance(first, Reading)
        half = told(first.asks[0], api)
        assert snapshot(half).lifecycle is Lifecycle.OPEN
        second = heard(api.payment_event(api.pay(order_id)))
        assert isinstance(second, Reading)
        whole = told(second.asks[0], api)
        assert whole.aliases == (*first.aliases, *second.aliases)
        facts = [*first.facts, *half.facts, *second.facts, *whole.facts]
        for ordered in permutations(facts):
            assert kept(*ordered) == 4500

    def test_an_order_that_is_to_be_picked_up_is_paid_before(self, api: SquareApi) -> None:
        order_id = api.place(line("a", 1000), fulfillments=[{"type": "PICKUP"}])
        paid = heard(api.payment_event(api.pay(order_id)))
        assert heard(api.order_event(order_id)) == Ignored("order_open")
        assert isinstance(paid, Reading)
        assert snapshot(told(paid.asks[0], api)).lifecycle is Lifecycle.PAID
        api.hand_over(order_id)
        completed = heard(api.order_event(order_id))
        assert isinstance(completed, Thin)
        assert snapshot(told(completed.ask, api)).lifecycle is Lifecycle.PAID

    def test_a_return_of_lines_is_read(self, api: SquareApi) -> None:
        order_id = api.place(line("a", 1080, tax=80), line("b", 2160, quantity="2", tax=160))
        paid = heard(api.payment_event(api.pay(order_id)))
        assert isinstance(paid, Reading)
        refund_id = api.give_back(paid.aliases[0], 1080, {"b": line("b", 1080, tax=80)})
        assert heard(api.refund_event(refund_id)) == Ignored("refund_pending")
        api.end_refund(refund_id)
        back = heard(api.refund_event(refund_id))
        assert isinstance(back, Aside)
        exact = told_aside(back.asks[0], api)
        assert exact.alias == back.alias == paid.aliases[0]
        facts = (*paid.facts, *told(paid.asks[0], api).facts, *back.facts, *exact.facts)
        for ordered in permutations(facts):
            known, _ = OrderFacts().with_facts(ordered)
            assert known.snapshot is not None
            assert [basis.kept_base for basis in bases(known, known.snapshot, Base())] == [1000, 1000]

    def test_a_return_of_money_names_no_line(self, api: SquareApi) -> None:
        order_id = api.place(line("a", 1080, tax=80))
        payment_id = api.pay(order_id)
        refund_id = api.give_back(payment_id, 540)
        api.end_refund(refund_id)
        back = heard(api.refund_event(refund_id))
        assert isinstance(back, Aside)
        assert told_aside(back.asks[0], api).facts == back.facts

    def test_a_refund_that_lost_its_order_meanwhile_is_its_amount(self, api: SquareApi) -> None:
        refund_id = api.give_back(api.pay(api.place(line("a", 1080))), 540)
        api.end_refund(refund_id)
        del api.refunds[refund_id]["order_id"]
        [fact] = told_aside(Ask("refund", {"refund": refund_id}), api).facts
        assert isinstance(fact, Refund)
        assert (fact.lines, fact.amount) == ((), 540)

    @pytest.mark.parametrize("asked", [Ask("order", {"order": "NONE"}), Ask("refund", {"refund": "NO/../NE"})])
    def test_what_is_not_known_yet_is_asked_again(self, api: SquareApi, asked: Ask) -> None:
        with pytest.raises(NotYet) as later:
            talk(square.ask(asked, ACCOUNT, NOW), api.address)
        assert str(later.value) == "not_found"
        assert len(api.asked) == 1

    def test_an_order_behind_its_event_is_asked_again(self, api: SquareApi) -> None:
        order_id = api.place(line("a", 1000))
        with pytest.raises(NotYet) as later:
            talk(square.ask(Ask("order", {"order": order_id, "version": "2"}), ACCOUNT, NOW), api.address)
        assert str(later.value) == "order_behind_event"

    def test_a_refund_behind_its_event_is_asked_again(self, api: SquareApi) -> None:
        order_id = api.place(line("a", 1000))
        refund_id = api.give_back(api.pay(order_id), 1000, {"a": {"quantity": "1", "total_money": usd(1000)}})
        asked = Ask("refund", {"refund": refund_id})
        with pytest.raises(NotYet, match="refund_behind_event"):
            talk(square.ask(asked, ACCOUNT, NOW), api.address)
        api.end_refund(refund_id)
        assert told_aside(asked, api).facts

    @pytest.mark.parametrize("details", ["card_details", "buy_now_pay_later_details", "square_account_details"])
    def test_an_order_behind_its_payment_is_asked_again(self, api: SquareApi, details: str) -> None:
        order_id = api.place(line("a", 1000), fulfillments=[{"type": "PICKUP"}])
        asked = Ask("order", {"order": order_id, "payment": "PAYMENT0001"})
        with pytest.raises(NotYet, match="order_behind_payment"):
            talk(square.ask(asked, ACCOUNT, NOW), api.address)
        api.pay(order_id)
        [tender] = api.orders[order_id]["tenders"]
        tender[details] = {"status": "AUTHORIZED"}
        with pytest.raises(NotYet, match="order_behind_payment"):
            talk(square.ask(asked, ACCOUNT, NOW), api.address)
        tender[details] = {"status": "CAPTURED"}
        assert snapshot(told(asked, api)).paid

    @pytest.mark.parametrize("state", ["COMPLETED", "CANCELED"])
    def test_an_order_that_has_ended_is_not_waited_for(self, api: SquareApi, state: str) -> None:
        order_id = api.place(line("a", 1000), state=state)
        ended = told(Ask("order", {"order": order_id, "payment": "PAYMENT0001"}), api)
        assert snapshot(ended).lifecycle is not Lifecycle.OPEN

    @pytest.mark.parametrize(
        "body, reason",
        [(b'{"errors":[{"code":"GONE"}]}', "platform_refused"), (b"{}", "shape_mismatch"), (b"<html>", "not_json")],
    )
    def test_an_answer_that_is_none_parks(self, body: bytes, reason: str) -> None:
        conversation = square.ask(Ask("order", {"order": ORDER}), ACCOUNT, NOW)
        next(conversation)
        with pytest.raises(Unreadable) as refusal:
            conversation.send(Answer(200, {}, body))
        assert refusal.value.reason == reason

    def test_what_was_said_is_kept_to_the_letter(self) -> None:
        raw = (samples.FOLDER / "square/api_retrieve_order.response.json").read_bytes()
        conversation = square.ask(Ask("order", {"order": ORDER}), ACCOUNT, NOW)
        next(conversation)
        with pytest.raises(StopIteration) as end:
            conversation.send(Answer(200, {}, raw))
        assert raw in end.value.value
        assert square.answer(end.value.value, samples.pseudonym) == order()

    def test_a_wrong_token_never_comes_to_the_conversation(self, api: SquareApi) -> None:
        """The worker takes a 401 for what it is; it has Square's own shape."""
        conversation = square.ask(Ask("order", {"order": ORDER}), Account([], api_token="wrong"), NOW)
        with pytest.raises(Unreadable, match="platform_refused"):
            talk(conversation, api.address)


class TestChanges:
    SPAN = Span(datetime(2026, 5, 4, tzinfo=UTC), datetime(2026, 5, 5, tzinfo=UTC))

    def all(self, api: SquareApi, span: Span = SPAN) -> list[Change]:
        found: list[Change] = []
        bookmark: str | None = None
        while True:
            page = talk(square.changes(span, bookmark, ACCOUNT, NOW), api.address)
            found += page.found
            if page.bookmark is None:
                return found
            assert page.bookmark != bookmark
            bookmark = page.bookmark

    def test_what_changed_says_what_asking_says(self, api: SquareApi) -> None:
        order_id = api.place(line("a", 1080, tax=80), discounts=[{"uid": "d", "name": "NOA10"}])
        payment_id = api.pay(order_id)
        refund_id = api.give_back(payment_id, 1080, {"a": line("a", 1080, tax=80)})
        api.end_refund(refund_id)
        sale, back = self.all(api)
        assert (sale.subject, back.subject) == (order_id, payment_id)
        assert square.subject(Request({}, api.payment_event(payment_id))) == sale.subject
        assert square.subject(Request({}, api.refund_event(refund_id))) == back.subject
        assert square.answer(sale.body, samples.pseudonym) == told(Ask("order", {"order": order_id}), api)
        assert square.answer(back.body, samples.pseudonym) == told_aside(Ask("refund", {"refund": refund_id}), api)

    def test_page_by_page_and_ten_shops_at_a_time(self) -> None:
        with SquareApi(locations=23, page=2) as api:
            placed = [api.place(line("a", 100), location=number % 23) for number in range(50)]
            payments = [api.pay(order_id) for order_id in placed]
            refunds = [api.give_back(payment_id, 50) for payment_id in payments[:5]]
            for refund_id in refunds:
                api.end_refund(refund_id)
            found = self.all(api)
            assert sorted(change.subject for change in found[:50]) == sorted(placed)
            assert [change.subject for change in found[50:]] == payments[:5]

    def test_carts_that_nobody_paid_and_returns_are_left_out(self, api: SquareApi) -> None:
        api.place(line("a", 100))
        cancelled = api.place(line("a", 100))
        api.cancel(cancelled)
        deposit = api.place(line("a", 100))
        api.pay(deposit, 50)
        assert [change.subject for change in self.all(api)] == [cancelled, deposit]

    def test_refunds_of_no_payment_are_left_out_and_of_no_return_are_not(self, api: SquareApi) -> None:
        payment_id = api.pay(api.place(line("a", 100)))
        for missing in ("payment_id", "order_id"):
            refund_id = api.give_back(payment_id, 10)
            api.end_refund(refund_id)
            del api.refunds[refund_id][missing]
        _, back = self.all(api)
        assert back.subject == payment_id

    def test_refunds_of_any_age_are_looked_through(self, api: SquareApi) -> None:
        """Square leaves those out that were made more than a year ago, unless it is told where to begin."""
        self.all(api)
        refunds = api.asked[-1]
        assert refunds.path == "/v2/refunds"
        assert refunds.parameter("begin_time") == "1970-01-01T00:00:00Z"
        assert (refunds.parameter("sort_field"), refunds.parameter("limit")) == ("UPDATED_AT", "50")

    def test_only_what_changed_in_the_span(self, api: SquareApi) -> None:
        api.pay(api.place(line("a", 100)))
        later = Span(datetime(2026, 5, 5, tzinfo=UTC), datetime(2026, 5, 6, tzinfo=UTC))
        assert self.all(api, later) == []

    def test_a_seller_without_a_shop_has_sold_nothing(self) -> None:
        with SquareApi(locations=0) as api:
            assert self.all(api) == []

    def test_who_calls_the_sandbox_pulls_tests(self, api: SquareApi) -> None:
        api.pay(api.place(line("a", 100)))
        account = Account([], api_base_url="https://connect.squareupsandbox.com", api_token=ACCOUNT.api_token)
        page = talk(square.changes(self.SPAN, None, account, NOW), api.address)
        read = square.answer(page.found[0].body, samples.pseudonym)
        assert isinstance(read, Reading)
        assert snapshot(read).test

"""What Stripe's deliveries say, field by field, and that one sale is one order, in whatever order it is told."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import combinations, permutations
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.platforms import samples
from tests.standins.stripe import API_VERSION, invoice, item, line, session
from vouch.domain import clicks, times
from vouch.domain.commission import bases
from vouch.domain.facts import Dispute, Fact, Lifecycle, Line, Mention, OrderFacts, Refund, Snapshot
from vouch.domain.terms import Base
from vouch.platforms import stripe
from vouch.platforms.base import (
    Account,
    Aside,
    Ask,
    Ignored,
    PrivacyRequest,
    Reading,
    Request,
    Said,
    Thin,
    Unreadable,
)

CLICK = clicks.PREFIX + "a" * clicks.ENCODED
OTHER_CLICK = clicks.PREFIX + "-_" + "Z" * (clicks.ENCODED - 2)
BUYER = ("<email:buyer.stripe@example.com>", "<id:door:cus_SAMPLE0001>")

PAID = Snapshot(
    updated_at=times.parse("2026-05-05T16:53:20Z"),
    triggered_at=None,
    placed_at=times.parse("2026-05-05T16:48:20Z"),
    lifecycle=Lifecycle.PAID,
    paid=True,
    currency="USD",
    lines=(Line("cs_live_a1SAMPLEfictional0001", 1, 12000, discount=1200, tax=864),),
    platform="stripe",
    shipping=500,
    shipping_tax=0,
    tip=0,
    tax_included=False,
    test=False,
    country="US",
    codes=(),
    click_ids=(),
    customers=BUYER,
    customer_new=None,
    subscription=None,
    subscribed_at=None,
)
UNPAID = PAID.__replace__(
    updated_at=times.parse("2026-05-05T16:53:30Z"),
    lifecycle=Lifecycle.OPEN,
    paid=False,
    currency="EUR",
    lines=(Line("cs_live_a1SAMPLEfictional0002", 1, 12000, discount=1200, tax=864),),
)
INVOICED = Snapshot(
    updated_at=times.parse("2026-05-05T16:53:22Z"),
    placed_at=times.parse("2026-05-05T16:53:20Z"),
    lifecycle=Lifecycle.PAID,
    currency="USD",
    lines=(Line("il_SAMPLE0001", 1, 2400, discount=240, tax=0, product_id="prod_SAMPLE0001"),),
    platform="stripe",
    customers=("<email:sub.buyer@example.com>", "<id:door:cus_SAMPLE0002>"),
    subscription="<subscription:door:sub_SAMPLE0001>",
    subscribed_at=times.parse("2026-05-05T16:53:20Z"),
)
GIVEN_BACK = Refund(
    id="re_SAMPLE0001",
    updated_at=times.parse("2026-05-12T15:33:20Z"),
    currency="USD",
    amount=4864,
    amount_with_tax=True,
    failed=False,
)


def at(second: int) -> datetime:
    return datetime.fromtimestamp(1_778_000_000 + second, UTC)


def event(kind: str, told: dict[str, Any], second: int = 200, **changes: Any) -> Request:
    body = {
        "id": f"evt_{kind}_{second}",
        "object": "event",
        "api_version": API_VERSION,
        "created": 1_778_000_000 + second,
        "data": {"object": told},
        "livemode": True,
        "type": kind,
    }
    return Request({}, json.dumps(body | changes).encode())


def said(kind: str, told: dict[str, Any], second: int = 200) -> Said:
    return stripe.facts(event(kind, told, second), samples.pseudonym)


def completed(second: int = 200, **changes: Any) -> Reading:
    read = said("checkout.session.completed", session(**changes), second)
    assert isinstance(read, Reading)
    return read


def paid(*lines: dict[str, Any], second: int = 100, kind: str = "invoice.paid", **changes: Any) -> Reading:
    told = {"object": "list", "data": list(lines) or [line()], "has_more": False}
    read = said(kind, invoice(**changes) | {"lines": told}, second)
    assert isinstance(read, Reading)
    return read


def snapshot(read: Said) -> Snapshot:
    assert isinstance(read, Reading)
    [found] = [fact for fact in read.facts if isinstance(fact, Snapshot)]
    return found


def mention(read: Reading) -> Mention:
    [found] = [fact for fact in read.facts if isinstance(fact, Mention)]
    return found


def answer(what: str, told: dict[str, Any], *items: dict[str, Any], second: int = 200) -> bytes:
    said = {"asked": what, "at": 1_778_000_000 + second, "told": told, "items": items}
    return json.dumps(said).encode()


def read(body: bytes) -> Reading | Aside | Ignored:
    assert stripe.PLATFORM.api is not None
    return stripe.PLATFORM.api.read(body, samples.pseudonym)


def refund(number: int = 1, amount: int = 1000, **changes: Any) -> dict[str, Any]:
    return {
        "id": f"re_{number}",
        "object": "refund",
        "amount": amount,
        "charge": "ch_1",
        "created": 1_778_001_000 + number,
        "currency": "usd",
        "payment_intent": "pi_1",
        "status": "succeeded",
    } | changes


def charge(amount_refunded: int, **changes: Any) -> dict[str, Any]:
    return {
        "id": "ch_1",
        "object": "charge",
        "amount": 3888,
        "amount_refunded": amount_refunded,
        "currency": "usd",
        "payment_intent": "pi_1",
    } | changes


def dispute(status: str, amount: int = 1000, **changes: Any) -> dict[str, Any]:
    return {
        "id": "du_1",
        "object": "dispute",
        "amount": amount,
        "charge": "ch_1",
        "created": 1_778_002_000,
        "currency": "usd",
        "payment_intent": "pi_1",
        "status": status,
    } | changes


def unreadable(request: Request) -> str:
    with pytest.raises(Unreadable) as refusal:
        stripe.facts(request, samples.pseudonym)
    return refusal.value.reason


def base_of(read: Said, options: Base | None = None) -> int:
    facts, _ = OrderFacts().with_facts([snapshot(read)])
    return sum(basis.base for basis in bases(facts, snapshot(read), options or Base()))


PROMOTED = {"coupon": None, "promotion_code": {"id": "promo_1", "object": "promotion_code", "code": "NOA10"}}
ANSWERS = (
    answer("session", session(discounts=[PROMOTED], metadata={"ref": CLICK}), item(), item(2, quantity=3)),
    answer("session", session(mode="subscription", invoice="in_1", subscription="sub_1"), item()),
    answer(
        "invoice",
        invoice(
            discounts=[PROMOTED],
            payments={"data": [{"payment": {"payment_intent": "pi_1"}, "status": "paid"}]},
            total_taxes=[{"amount": 400, "tax_behavior": "inclusive"}],
            shipping_cost={"amount_subtotal": 500, "amount_tax": 80, "amount_total": 500},
        ),
        line(taxes=[{"amount": 400, "tax_behavior": "inclusive"}]),
        line(2, amount=-300),
    ),
    answer("refunds", {"of": "pi_1"}, refund(), refund(2, status="failed")),
    samples.request("stripe/invoice.paid").body,
)
"""What `Api.read` takes, in each of its shapes."""


class Books:
    """What becomes of readings, as settling has it: a name is the first order's that claims it, and what stands aside
    waits for one. Where a name is another order's, that one is the sale, and hears of the evidence alone; but for what
    goes by that order's own name as well.
    """

    def __init__(self, readings: Iterable[Said]) -> None:
        self.orders: dict[str, OrderFacts] = {}
        self._names: dict[str, str] = {}
        self._waiting: dict[str, list[Fact]] = {}
        for reading in readings:
            if isinstance(reading, Aside):
                self._aside(reading)
            if isinstance(reading, Reading):
                self._reading(reading)

    def _aside(self, aside: Aside) -> None:
        if aside.alias in self._names:
            self._learn(self._names[aside.alias], aside.facts)
        else:
            self._waiting.setdefault(aside.alias, []).extend(aside.facts)

    def _reading(self, reading: Reading) -> None:
        sale = next((self._names[name] for name in reading.aliases if name in self._names), reading.external_id)
        if sale != reading.external_id:
            self.orders.pop(reading.external_id, None)  # a shadow, which earns nothing
            own = sale in reading.aliases
            self._learn(sale, reading.facts if own else (_mentioned(reading, fact) for fact in reading.facts))
            return
        self._learn(sale, reading.facts)
        for name in reading.aliases:
            self._names[name] = sale
            self._learn(sale, self._waiting.pop(name, ()))

    def _learn(self, order: str, facts: Iterable[Fact]) -> None:
        self.orders[order], _ = self.orders.get(order, OrderFacts()).with_facts(facts)

    def only(self) -> OrderFacts:
        [facts] = self.orders.values()
        return facts

    def kept(self) -> int:
        facts = self.only()
        assert facts.snapshot is not None
        return sum(basis.kept_base for basis in bases(facts, facts.snapshot, Base()))


def _mentioned(reading: Reading, fact: Fact) -> Fact:
    if not isinstance(fact, Snapshot):
        return fact
    return Mention(reading.external_id, fact.updated_at, fact.codes, fact.click_ids, fact.customers)


def together(readings: Iterable[Said]) -> OrderFacts:
    """The one order that these come to, in whatever order they come."""
    found = [Books(told).only() for told in permutations(readings)]
    assert all(facts == found[0] for facts in found)
    return found[0]


class TestSamples:
    def test_a_session_that_was_paid(self) -> None:
        ask = Ask("session", {"id": "cs_live_a1SAMPLEfictional0001", "at": "1778000000"})
        assert samples.reading("stripe", samples.request("stripe/checkout.session.completed")) == Reading(
            "cs_live_a1SAMPLEfictional0001", (PAID,), ("pi_SAMPLE0001",), (ask,)
        )

    def test_a_session_that_is_not_paid_yet(self) -> None:
        ask = Ask("session", {"id": "cs_live_a1SAMPLEfictional0002", "at": "1778000010"})
        assert samples.reading("stripe", samples.request("stripe/checkout.session.completed_unpaid")) == Reading(
            "cs_live_a1SAMPLEfictional0002", (UNPAID,), ("pi_SAMPLE0002",), (ask,)
        )

    def test_the_same_session_once_the_bank_has_paid(self) -> None:
        read = samples.reading("stripe", samples.request("stripe/checkout.session.async_payment_succeeded"))
        cleared = UNPAID.__replace__(
            updated_at=times.parse("2026-05-08T00:26:40Z"), lifecycle=Lifecycle.PAID, paid=True
        )
        assert read.external_id == "cs_live_a1SAMPLEfictional0002"
        assert read.facts == (cleared,)
        assert read.aliases == ("pi_SAMPLE0002",)

    def test_the_sample_s_base_is_net_of_its_discount_without_tax_and_shipping(self) -> None:
        read = samples.reading("stripe", samples.request("stripe/checkout.session.completed"))
        assert base_of(read) == 10_800
        assert base_of(read, Base(tax=True)) == 11_664
        assert base_of(read, Base(shipping=True)) == 11_300

    def test_an_invoice_of_a_subscription(self) -> None:
        assert samples.reading("stripe", samples.request("stripe/invoice.paid")) == Reading(
            "in_SAMPLE0001",
            (INVOICED,),
            ("sub_SAMPLE0001:first",),
            (Ask("invoice", {"id": "in_SAMPLE0001", "at": "1778000002"}),),
        )

    def test_a_refund(self) -> None:
        assert stripe.facts(samples.request("stripe/refund.created"), samples.pseudonym) == Aside(
            "pi_SAMPLE0001", (GIVEN_BACK,)
        )

    def test_a_sum_of_refunds_is_a_reason_to_ask_for_them(self) -> None:
        assert stripe.facts(samples.request("stripe/charge.refunded"), samples.pseudonym) == Thin(
            Ask("refunds", {"charge": "ch_SAMPLE0001", "of": "pi_SAMPLE0001", "refunded": "4864"})
        )

    @pytest.mark.parametrize(
        "sample, status, moment",
        [
            ("charge.dispute.created", "open", "2026-05-16T02:53:20Z"),
            ("charge.dispute.closed", "lost", "2026-06-09T10:13:20Z"),
        ],
    )
    def test_a_dispute(self, sample: str, status: Any, moment: str) -> None:
        asked = Dispute("du_SAMPLE0001", times.parse(moment), status, "USD", 12164)
        assert stripe.facts(samples.request(f"stripe/{sample}"), samples.pseudonym) == Aside("pi_SAMPLE0001", (asked,))

    def test_a_customer_who_is_deleted_is_forgotten_by_mail_and_by_id(self) -> None:
        assert stripe.facts(samples.request("stripe/customer.deleted"), samples.pseudonym) == PrivacyRequest(
            "erase_customer",
            "evt_1SAMPLE0000000000000009",
            customers=("<email:buyer.stripe@example.com>", "<id:door:cus_SAMPLE0001>"),
        )

    @pytest.mark.parametrize(
        "sample, subject",
        [
            ("checkout.session.completed", "cs_live_a1SAMPLEfictional0001"),
            ("checkout.session.completed_unpaid", "cs_live_a1SAMPLEfictional0002"),
            ("checkout.session.async_payment_succeeded", "cs_live_a1SAMPLEfictional0002"),
            ("invoice.paid", "in_SAMPLE0001"),
            ("refund.created", "pi_SAMPLE0001"),
            ("charge.refunded", "pi_SAMPLE0001"),
            ("charge.dispute.created", "pi_SAMPLE0001"),
            ("charge.dispute.closed", "pi_SAMPLE0001"),
            ("customer.deleted", "cus_SAMPLE0001"),
        ],
    )
    def test_what_a_delivery_is_about(self, sample: str, subject: str) -> None:
        assert stripe.subject(samples.request(f"stripe/{sample}")) == subject

    @pytest.mark.parametrize("sample", samples.names("stripe"))
    def test_a_delivery_is_named_by_its_event(self, sample: str) -> None:
        request = samples.request(sample)
        assert stripe.verify(request, Account([samples.STRIPE_SECRET]), at(0)) == samples.content(sample)["id"]

    def test_of_all_samples_of_one_payment_one_order_comes(self) -> None:
        """48.64 of 116.64 with tax: of the base of 108.00, 45.04. What the bank took after that is the rest."""
        names = ("checkout.session.completed", "refund.created", "charge.refunded", "charge.dispute.created")
        told = [stripe.facts(samples.request(f"stripe/{name}"), samples.pseudonym) for name in names]
        together(told)
        assert Books(told).kept() == 10_800 - 4_504
        lost = stripe.facts(samples.request("stripe/charge.dispute.closed"), samples.pseudonym)
        assert Books([lost, *told]).kept() == 0


class TestDeliveries:
    @pytest.mark.parametrize("kind", ["payment_intent.succeeded", "charge.succeeded", "invoice.created", "", "x"])
    def test_what_is_not_known_here_is_ignored_by_name(self, kind: str) -> None:
        request = event("x", {"anything": True}, type=kind or "customer.subscription.updated")
        assert stripe.facts(request, samples.pseudonym) == Ignored("unknown_type")

    def test_a_thin_event_is_ignored_by_name(self) -> None:
        body = {"id": "evt_test_1", "object": "v2.core.event", "type": "v1.charge.refunded", "related_object": {}}
        assert stripe.facts(Request({}, json.dumps(body).encode()), samples.pseudonym) == Ignored("thin_event")

    @pytest.mark.parametrize("kind", ["invoice.paid", "refund.created", "charge.refunded", "customer.deleted"])
    def test_an_event_tells_of_what_its_type_names(self, kind: str) -> None:
        assert unreadable(event(kind, session())) == "shape_mismatch"

    @pytest.mark.parametrize("body", [b"", b"\xff", b"[1]", b"{}", b'{"data":{"object":{"id":true}}}', b"[" * 100_000])
    def test_a_body_that_names_nothing_is_its_own_subject(self, body: bytes) -> None:
        assert len(stripe.subject(Request({}, body))) == 64

    @pytest.mark.parametrize("livemode", [None, "yes"])
    def test_whether_it_was_real_is_never_guessed(self, livemode: Any) -> None:
        assert unreadable(event("checkout.session.completed", session(livemode=livemode))) == "shape_mismatch"

    def test_a_sandbox_s_orders_are_tests(self) -> None:
        assert snapshot(completed(livemode=False)).test
        assert snapshot(paid(livemode=False)).test


class TestSessions:
    @pytest.mark.parametrize(
        "status, lifecycle",
        [("paid", Lifecycle.PAID), ("no_payment_required", Lifecycle.PAID), ("unpaid", Lifecycle.OPEN)],
    )
    def test_completed_is_not_paid(self, status: str, lifecycle: Lifecycle) -> None:
        told = snapshot(completed(payment_status=status))
        assert (told.lifecycle, told.paid) == (lifecycle, lifecycle is Lifecycle.PAID)

    @pytest.mark.parametrize("kind", ["expired", "async_payment_failed"])
    def test_what_ends_without_payment_is_off(self, kind: str) -> None:
        read = said(f"checkout.session.{kind}", session(payment_status="unpaid"), 300)
        assert isinstance(read, Reading)
        assert (snapshot(read).lifecycle, snapshot(read).paid, read.asks) == (Lifecycle.CANCELLED, False, ())
        assert together([completed(payment_status="unpaid"), read]).snapshot == snapshot(read)

    def test_an_unknown_status_is_not_guessed(self) -> None:
        assert unreadable(event("checkout.session.completed", session(payment_status="maybe"))) == "unknown_status"

    def test_a_session_that_only_keeps_a_card_sells_nothing(self) -> None:
        told = session(mode="setup", amount_subtotal=None, amount_total=None, currency=None, payment_status="unpaid")
        assert said("checkout.session.completed", told) == Ignored("nothing_sold")

    def test_the_currency_is_the_session_s_own_whatever_the_buyer_saw(self) -> None:
        shown = {"presentment_amount": 3600, "presentment_currency": "eur"}
        assert snapshot(completed(presentment_details=shown)) == snapshot(completed())

    def test_tax_in_the_prices(self) -> None:
        """40.00 less 4.00, of which 5.23 are tax."""
        told = completed(
            amount_total=3600, total_details={"amount_discount": 400, "amount_shipping": 0, "amount_tax": 523}
        )
        assert snapshot(told).tax_included
        assert snapshot(told).lines == (Line("cs_live_1", 1, 4000, discount=400, tax=523),)
        assert base_of(told) == 3600 - 523

    def test_tax_in_the_prices_and_in_the_shipping(self) -> None:
        told = completed(
            amount_total=4600,
            shipping_cost={"amount_subtotal": 1000, "amount_tax": 145, "amount_total": 1000},
            total_details={"amount_discount": 400, "amount_shipping": 1000, "amount_tax": 668},
        )
        assert (snapshot(told).shipping, snapshot(told).shipping_tax, snapshot(told).tax_included) == (1000, 145, True)
        assert base_of(told) == 3600 - 523
        assert base_of(told, Base(shipping=True)) == 3600 - 523 + 855

    def test_tax_on_top_of_prices_and_of_shipping(self) -> None:
        told = completed(
            amount_total=3888 + 1080,
            shipping_cost={"amount_subtotal": 1000, "amount_tax": 80, "amount_total": 1080},
            total_details={"amount_discount": 400, "amount_shipping": 1000, "amount_tax": 368},
        )
        assert (snapshot(told).shipping, snapshot(told).shipping_tax, snapshot(told).tax_included) == (1000, 80, False)
        assert snapshot(told).lines == (Line("cs_live_1", 1, 4000, discount=400, tax=288),)
        assert base_of(told) == 3600

    def test_some_tax_in_the_prices_and_some_on_top(self) -> None:
        """Of 5.00 of tax 2.00 were in the prices."""
        told = completed(
            amount_total=3900, total_details={"amount_discount": 400, "amount_shipping": 0, "amount_tax": 500}
        )
        assert snapshot(told).lines == (Line("cs_live_1", 1, 3800, discount=400, tax=500),)
        assert base_of(told) == 3400

    def test_all_of_it_for_nothing(self) -> None:
        told = completed(
            amount_total=0,
            payment_intent=None,
            payment_status="no_payment_required",
            total_details={"amount_discount": 4000, "amount_shipping": 0, "amount_tax": 0},
        )
        assert (base_of(told), told.aliases) == (0, ())

    def test_more_off_than_there_was_is_refused(self) -> None:
        details = {"amount_discount": 4001, "amount_shipping": 0, "amount_tax": 0}
        assert unreadable(event("checkout.session.completed", session(total_details=details))) == "discount_above_price"

    @pytest.mark.parametrize(
        "metadata, reference, found",
        [
            ({"ref": CLICK}, None, (CLICK,)),
            ({}, CLICK, (CLICK,)),
            ({"_refs": f"{CLICK},{OTHER_CLICK}"}, None, (CLICK, OTHER_CLICK)),
            ({"click_id": OTHER_CLICK}, CLICK, (CLICK, OTHER_CLICK)),
            ({"ref": "cr_noa_7Q2", "other": CLICK}, "cr_noa_7Q2", ()),
            ({"ref": 7}, ["x"], ()),
        ],
    )
    def test_click_ids(self, metadata: dict[str, Any], reference: Any, found: tuple[str, ...]) -> None:
        assert snapshot(completed(metadata=metadata, client_reference_id=reference)).click_ids == found

    def test_a_code_in_the_metadata(self) -> None:
        assert snapshot(completed(metadata={"code": " Noa10 "})).codes == ("noa10",)

    @pytest.mark.parametrize(
        "changes, customers",
        [
            ({}, ("<email:buyer@example.com>", "<id:door:cus_1>")),
            (
                {"customer_details": None, "customer_email": "Other@Example.com", "customer": None},
                ("<email:other@example.com>",),
            ),
            ({"customer_details": {"email": None}}, ("<id:door:cus_1>",)),
            ({"customer_details": None, "customer": {"id": "cus_2"}}, ("<id:door:cus_2>",)),
            ({"customer_details": None, "customer": None}, ()),
        ],
    )
    def test_buyers(self, changes: dict[str, Any], customers: tuple[str, ...]) -> None:
        assert snapshot(completed(**changes)).customers == customers

    def test_the_country_is_where_it_is_sent_before_where_it_is_billed(self) -> None:
        sent: dict[str, Any] = {"shipping_details": {"address": {"country": "il"}}}
        assert snapshot(completed(collected_information=sent)).country == "IL"
        assert snapshot(completed(**sent)).country == "IL"
        assert snapshot(completed()).country == "US"

    def test_an_object_in_place_of_its_id_is_the_same(self) -> None:
        assert completed(payment_intent={"id": "pi_1", "object": "payment_intent"}) == completed()


class TestCurrencies:
    @pytest.mark.parametrize(
        "currency, ours",
        [
            ("usd", 3600),
            ("jpy", 3600),  # no decimals on either side
            ("kwd", 3600),  # three
            ("isk", 36),  # none, though Stripe writes two
            ("ugx", 36),
            ("mga", 360_000),  # two, though Stripe writes none
        ],
    )
    def test_an_amount_in_our_minor_units(self, currency: str, ours: int) -> None:
        told = completed(
            currency=currency,
            amount_total=3600,
            total_details={"amount_discount": 400, "amount_shipping": 0, "amount_tax": 0},
        )
        assert (snapshot(told).currency, base_of(told)) == (currency.upper(), ours)

    def test_a_refund_and_a_dispute_in_theirs(self) -> None:
        assert said("refund.created", refund(amount=500, currency="isk")) == Aside(
            "pi_1", (Refund("re_1", at(1001), "ISK", amount=5, amount_with_tax=True),)
        )
        assert said("charge.dispute.created", dispute("lost", 500, currency="ugx"), 7) == Aside(
            "pi_1", (Dispute("du_1", at(7), "lost", "UGX", 5),)
        )

    def test_a_fraction_that_the_currency_does_not_have_is_refused(self) -> None:
        assert unreadable(event("refund.created", refund(amount=550, currency="isk"))) == "bad_amount"

    @pytest.mark.parametrize("currency", ["xxx", "us", "\u017ffr"])
    def test_a_currency_that_is_none_is_refused(self, currency: str) -> None:
        assert unreadable(event("refund.created", refund(currency=currency))) == "unknown_currency"

    @pytest.mark.parametrize("amount", [-1, 1.5, "1000", True, 10**15])
    def test_an_amount_that_is_none_is_refused(self, amount: Any) -> None:
        assert unreadable(event("refund.created", refund(amount=amount))) == "bad_amount"


class TestInvoices:
    @pytest.mark.parametrize(
        "kind, status, lifecycle",
        [
            ("invoice.paid", "paid", Lifecycle.PAID),
            ("invoice.payment_succeeded", "paid", Lifecycle.PAID),
            ("invoice.payment_failed", "open", Lifecycle.OPEN),
            ("invoice.marked_uncollectible", "uncollectible", Lifecycle.CANCELLED),
            ("invoice.voided", "void", Lifecycle.CANCELLED),
        ],
    )
    def test_stages(self, kind: str, status: str, lifecycle: Lifecycle) -> None:
        told = snapshot(paid(kind=kind, status=status))
        assert (told.lifecycle, told.paid) == (lifecycle, lifecycle is Lifecycle.PAID)

    def test_what_fails_and_is_paid_later_is_paid(self) -> None:
        failed = paid(kind="invoice.payment_failed", status="open", second=100)
        given_up = paid(kind="invoice.marked_uncollectible", status="uncollectible", second=200)
        assert together([failed, given_up, paid(second=300)]).snapshot == snapshot(paid(second=300))

    def test_a_renewal_knows_its_subscription_and_not_when_it_began(self) -> None:
        told = snapshot(paid())
        assert (told.subscription, told.subscribed_at) == ("<subscription:door:sub_1>", None)

    def test_the_first_invoice_is_as_old_as_its_subscription(self) -> None:
        assert snapshot(paid(billing_reason="subscription_create")).subscribed_at == at(100)

    def test_evidence_is_read_from_the_subscription_the_invoice_and_its_lines(self) -> None:
        parent = {"subscription_details": {"subscription": "sub_1", "metadata": {"ref": CLICK, "code": "A"}}}
        told = snapshot(paid(line(metadata={"ref": OTHER_CLICK}), parent=parent, metadata={"code": "B"}))
        assert (told.click_ids, told.codes) == ((CLICK, OTHER_CLICK), ("a", "b"))

    def test_an_invoice_of_an_older_version(self) -> None:
        """It names its subscription, its payment and its charge itself, and its products by their prices."""
        older = invoice(subscription=None) | {
            "lines": {"data": [line(pricing=None, price={"id": "price_1", "product": "prod_1"}, taxes=None)]},
            "subscription": "sub_1",
            "subscription_details": {"metadata": {"ref": CLICK}},
            "payment_intent": "pi_1",
            "charge": "ch_1",
            "total_excluding_tax": None,
            "total_taxes": None,
            "total": 2800,
            "total_tax_amounts": [{"amount": 400, "inclusive": False}],
        }
        told = said("invoice.paid", older)
        assert isinstance(told, Reading)
        assert told.aliases == ("pi_1",)
        assert snapshot(told).lines == (Line("il_1", 1, 2400, tax=400, product_id="prod_1"),)
        assert snapshot(told).click_ids == (CLICK,)
        assert snapshot(told).subscription == "<subscription:door:sub_1>"

    @pytest.mark.parametrize("behaviour, base, total", [("exclusive", 2400, 2800), ("inclusive", 2000, 2400)])
    def test_tax_in_and_on_the_prices(self, behaviour: str, base: int, total: int) -> None:
        tax = [{"amount": 400, "tax_behavior": behaviour}]
        told = paid(line(taxes=tax), total_taxes=tax, total=total, total_excluding_tax=base)
        assert base_of(told) == base
        assert snapshot(told).lines == (Line("il_1", 1, 2400, tax=400, product_id="prod_club"),)
        assert snapshot(told).tax_included is (behaviour == "inclusive")

    def test_shipping_is_told_apart(self) -> None:
        taxes = [{"amount": 480, "tax_behavior": "exclusive"}]
        told = paid(
            line(taxes=[{"amount": 400, "tax_behavior": "exclusive"}]),
            shipping_cost={"amount_subtotal": 500, "amount_tax": 80, "amount_total": 580},
            total_taxes=taxes,
            total=3380,
            total_excluding_tax=2900,
        )
        assert (base_of(told), snapshot(told).shipping, snapshot(told).shipping_tax) == (2400, 500, 80)
        assert snapshot(told).lines[0].tax == 400

    def test_a_credit_for_what_was_paid_before_is_taken_off_the_others(self) -> None:
        """A change of plans: 30.00 and 10.00 of the new ones, less 10.00 of the old one."""
        told = paid(
            line(1, amount=-1000), line(2, amount=3000), line(3, amount=1000), total=3000, total_excluding_tax=3000
        )
        assert snapshot(told).lines == (
            Line("il_2", 1, 3000, discount=750, product_id="prod_club"),
            Line("il_3", 1, 1000, discount=250, product_id="prod_club"),
        )
        assert base_of(told) == 3000

    def test_credits_alone_sell_nothing(self) -> None:
        assert base_of(paid(line(amount=-1000), total=-1000, total_excluding_tax=-1000)) == 0

    def test_credits_that_were_bought_before_are_no_payment(self) -> None:
        granted = [{"amount": 400, "type": "credit_balance_transaction"}, {"amount": 240, "type": "discount"}]
        told = paid(
            line(discount_amounts=[{"amount": 240}], pretax_credit_amounts=granted),
            total=1760,
            total_excluding_tax=1760,
        )
        assert snapshot(told).lines == (Line("il_1", 1, 2400, discount=640, product_id="prod_club"),)

    def test_what_an_event_leaves_out_is_a_line_of_its_own(self) -> None:
        """It has the first ten lines."""
        told = paid(line(1, amount=1000), line(2, amount=1500), total=4000, total_excluding_tax=4000)
        assert snapshot(told).lines[2] == Line("in_1", 1, 1500)
        assert base_of(told) == 4000

    def test_a_price_that_does_not_divide_still_comes_to_what_was_paid(self) -> None:
        told = paid(line(amount=1000, quantity=3), total=1000, total_excluding_tax=1000)
        assert snapshot(told).lines == (Line("il_1", 3, 334, discount=2, product_id="prod_club"),)
        assert base_of(told) == 1000

    def test_a_line_without_a_quantity_is_one(self) -> None:
        assert [part.quantity for part in snapshot(paid(line(quantity=None), line(2, quantity=0))).lines] == [1, 1]

    def test_one_without_a_subscription_says_nothing_before_its_payment_is_known(self) -> None:
        told = invoice(subscription=None) | {"lines": {"data": [line()]}}
        assert said("invoice.paid", told, 7) == Thin(Ask("invoice", {"id": "in_1", "at": "1778000007"}))


class TestAnswers:
    def test_a_session_with_its_lines_and_its_code(self) -> None:
        assert read(ANSWERS[0].replace(b'"quantity": 3', b'"quantity": 3, "x": 1')) is not None
        told = read(answer("session", session(discounts=[PROMOTED]), item()))
        assert isinstance(told, Reading)
        assert told == Reading(
            "cs_live_1",
            (
                snapshot(completed()).__replace__(
                    triggered_at=at(200),
                    lines=(Line("li_1", 2, 2000, discount=400, tax=288, sku="MUG-01", product_id="prod_mug"),),
                ),
                Mention("promo_1", at(200), codes=("noa10",)),
            ),
            ("pi_1",),
        )

    def test_it_adds_to_what_the_event_said_and_outdates_nothing(self) -> None:
        first, later = (
            completed(payment_status="unpaid"),
            said("checkout.session.async_payment_succeeded", session(), 300),
        )
        answered = read(answer("session", session(discounts=[PROMOTED], payment_status="unpaid"), item()))
        assert together([first, answered]).snapshot == together([answered]).snapshot
        known = together([first, answered, later]).snapshot
        assert known is not None
        assert (known.lifecycle, known.codes) == (Lifecycle.PAID, ("noa10",))

    def test_an_answer_that_knows_more_by_now_is_no_contradiction(self) -> None:
        """Asked about the unpaid session, once the bank has paid."""
        answered = read(answer("session", session(), item()))
        known = together([completed(payment_status="unpaid"), answered]).snapshot
        assert known is not None
        assert known.lifecycle is Lifecycle.PAID

    def test_items_with_tax_in_their_prices(self) -> None:
        items = (
            item(1, amount_subtotal=2000, amount_discount=200, amount_tax=261, amount_total=1800, quantity=1),
            item(2, amount_subtotal=2000, amount_discount=200, amount_tax=262, amount_total=1800, quantity=1),
        )
        details = {"amount_discount": 400, "amount_shipping": 0, "amount_tax": 523}
        told = snapshot(read(answer("session", session(amount_total=3600, total_details=details), *items)))
        assert told.lines == (
            Line("li_1", 1, 2000, 200, 261, "MUG-01", "prod_mug"),
            Line("li_2", 1, 2000, 200, 262, "MUG-01", "prod_mug"),
        )

    @pytest.mark.parametrize("items", [(), (item(amount_subtotal=9000, amount_total=8888),)])
    def test_items_never_make_another_sum(self, items: tuple[dict[str, Any], ...]) -> None:
        assert base_of(read(answer("session", session(), *items))) == 3600

    def test_an_invoice_with_its_payment_its_code_and_its_subscription_s_start(self) -> None:
        begun = {"subscription": {"id": "sub_1", "object": "subscription", "start_date": 1_775_000_000}, "metadata": {}}
        payments = [
            {"payment": {"type": "payment_intent", "payment_intent": "pi_0"}, "status": "canceled"},
            {"payment": {"type": "payment_intent", "payment_intent": "pi_1"}, "status": "paid"},
            {"payment": {"type": "charge", "charge": "ch_9"}, "status": "paid"},
        ]
        told = read(
            answer(
                "invoice",
                invoice(discounts=[PROMOTED], parent={"subscription_details": begun}, payments={"data": payments}),
                line(),
                second=100,
            )
        )
        assert told == Reading(
            "in_1",
            (
                snapshot(paid()).__replace__(
                    triggered_at=at(100), subscribed_at=datetime.fromtimestamp(1_775_000_000, UTC)
                ),
                Mention("promo_1", at(100), codes=("noa10",)),
            ),
            ("pi_1", "ch_9"),
        )

    def test_an_event_that_was_pulled_says_what_it_said(self) -> None:
        request = samples.request("stripe/invoice.paid")
        assert read(request.body) == stripe.facts(request, samples.pseudonym)

    @pytest.mark.parametrize(
        "body, reason",
        [
            (b"", "not_json"),
            (b"{}", "shape_mismatch"),
            (answer("weather", {}), "shape_mismatch"),
            (event("charge.refunded", charge(1)).body, "too_little_said"),
            (event("invoice.paid", invoice(subscription=None) | {"lines": {}}).body, "too_little_said"),
        ],
    )
    def test_what_is_no_answer_is_refused(self, body: bytes, reason: str) -> None:
        with pytest.raises(Unreadable) as refusal:
            read(body)
        assert refusal.value.reason == reason


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(-5000, 5000), st.integers(0, 7), st.integers(0, 1000), st.integers(0, 900), st.booleans()
        ),
        max_size=6,
    ),
    st.integers(-3000, 30_000),
    st.integers(0, 900),
    st.booleans(),
)
def test_lines_always_come_to_what_the_invoice_comes_to(
    told: list[tuple[int, int, int, int, bool]], net: int, tax: int, included: bool
) -> None:
    """Whatever its lines say: credits, discounts, quantities that do not divide, and taxes of either kind."""
    lines = [
        line(
            number,
            amount=amount,
            quantity=quantity,
            discount_amounts=[{"amount": discount}],
            taxes=[{"amount": each, "tax_behavior": "inclusive" if inside else "exclusive"}],
        )
        for number, (amount, quantity, discount, each, inside) in enumerate(told)
    ]
    taxes = [{"amount": tax, "tax_behavior": "inclusive" if included else "exclusive"}]
    read = said(
        "invoice.paid",
        invoice(total=net + tax, total_excluding_tax=net, total_taxes=taxes) | {"lines": {"data": lines}},
    )
    assert base_of(read) == max(0, net)
    if net > 0:
        assert sum(part.tax for part in snapshot(read).lines) == tax
        assert base_of(read, Base(tax=True)) == net + tax


class TestOneSale:
    """One sale is one order, however many objects speak of it, and in whatever order they do."""

    SUBSCRIBED: ClassVar[dict[str, Any]] = {
        "mode": "subscription",
        "invoice": "in_1",
        "subscription": "sub_1",
        "payment_intent": None,
        "client_reference_id": CLICK,
        "metadata": {"code": "NOA10"},
    }

    def test_a_session_names_the_invoice_whose_order_it_is(self) -> None:
        told = completed(**self.SUBSCRIBED)
        assert (told.external_id, told.aliases) == ("in_1", ("cs_live_1", "sub_1:first"))
        assert mention(told) == Mention(
            "cs_live_1",
            at(200),
            codes=("noa10",),
            click_ids=(CLICK,),
            customers=("<email:buyer@example.com>", "<id:door:cus_1>"),
        )
        assert stripe.subject(event("checkout.session.completed", session(**self.SUBSCRIBED))) == "in_1"

    def test_a_session_of_an_older_version_waits_for_the_first_invoice_of_its_subscription(self) -> None:
        older = session(**self.SUBSCRIBED)
        del older["invoice"]
        placed = event("checkout.session.completed", older)
        told = stripe.facts(placed, samples.pseudonym)
        named = completed(**self.SUBSCRIBED)
        assert told == Aside(
            "sub_1:first", (mention(named),), asks=(Ask("session", {"id": "cs_live_1", "at": "1778000200"}),)
        )
        assert stripe.subject(placed) == "sub_1:first"
        first = paid(billing_reason="subscription_create", payments={"data": [{"payment": {"payment_intent": "pi_1"}}]})
        assert first.aliases == ("sub_1:first", "pi_1")
        assert paid(payments={"data": [{"payment": {"payment_intent": "pi_1"}}]}).aliases == ("pi_1",)
        refunded = said("refund.created", refund(amount=600))
        answered = read(answer("session", session(**self.SUBSCRIBED), item()))
        more: list[list[Said]] = [[], [answered]]
        for some in more:
            for arrival in permutations([told, first, refunded, *some]):
                books = Books(arrival)
                known = books.only().snapshot
                assert known is not None
                assert (known.click_ids, known.codes) == ((CLICK,), ("noa10",))
                assert books.kept() == 1800

    def test_a_session_whose_subscription_has_no_invoice_is_an_order_once_stripe_has_said_so(self) -> None:
        without = self.SUBSCRIBED | {"invoice": None}
        told = said("checkout.session.completed", session(**without))
        answered = read(answer("session", session(**without), item()))
        for arrival in permutations([told, answered]):
            assert Books(arrival).kept() == 3600
        ended = said("checkout.session.async_payment_failed", session(**without))
        assert isinstance(ended, Aside)
        assert ended.asks == ()

    @pytest.mark.parametrize("second", [50, 100, 150])
    def test_its_evidence_outlives_the_invoice_which_tells_the_sale(self, second: int) -> None:
        told = completed(second=200, **self.SUBSCRIBED), paid(second=second, billing_reason="subscription_create")
        known = together(told).snapshot
        assert known is not None
        assert known == snapshot(told[1]).__replace__(codes=("noa10",), click_ids=(CLICK,))
        assert known.placed_at == at(100)

    def test_a_brand_that_hears_of_sessions_alone_has_its_orders(self) -> None:
        told = completed(**self.SUBSCRIBED)
        assert snapshot(told).placed_at_guessed
        assert Books([told]).kept() == 3600

    @pytest.mark.parametrize("kind, lifecycle", [("succeeded", Lifecycle.PAID), ("failed", Lifecycle.CANCELLED)])
    def test_without_its_invoice_a_session_still_ends_as_it_ended(self, kind: str, lifecycle: Lifecycle) -> None:
        unpaid = completed(**self.SUBSCRIBED, payment_status="unpaid")
        end = said(
            f"checkout.session.async_payment_{kind}",
            session(**self.SUBSCRIBED, payment_status="paid" if kind == "succeeded" else "unpaid"),
            400,
        )
        known = together([unpaid, end]).snapshot
        assert known is not None
        assert known.lifecycle is lifecycle

    def test_an_invoice_that_its_session_does_not_name_meets_it_in_the_payment(self) -> None:
        """Checkout makes it after the event of the session; only Stripe itself tells which payment was its own."""
        checkout = completed(invoice_creation={"enabled": True}, client_reference_id=CLICK)
        payments = {"data": [{"payment": {"payment_intent": "pi_1"}, "status": "paid"}]}
        tax = [{"amount": 288, "tax_behavior": "exclusive"}]
        one_off = invoice(subscription=None, payments=payments, total_excluding_tax=3600, total_taxes=tax)
        answered = read(answer("invoice", one_off, line(amount=3600, taxes=tax), second=300))
        paid_by = said(
            "invoice_payment.paid",
            {"id": "inpay_1", "object": "invoice_payment", "invoice": "in_1", "payment": {"payment_intent": "pi_1"}},
        )
        refunded = said("refund.created", refund(amount=1000))
        for told in permutations([checkout, answered, paid_by, refunded]):
            books = Books(told)
            known = books.only()
            assert known.snapshot is not None
            assert known.snapshot.click_ids == (CLICK,)
            assert [each.id for each in known.refunds] == ["re_1"]
            assert books.kept() == 2674  # 10.00 of 38.88 with tax

    def test_a_session_that_comes_to_name_its_invoice_stays_the_same_sale(self) -> None:
        """Checkout makes the invoice once the bank has paid."""
        unpaid = completed(invoice_creation={"enabled": True}, payment_status="unpaid")
        cleared = session(invoice_creation={"enabled": True}, invoice="in_1")
        told = [unpaid, said("checkout.session.async_payment_succeeded", cleared, 400)]
        assert Books(told).kept() == Books(told[::-1]).kept() == 3600
        for arrival in (told, told[::-1]):
            known = Books(arrival).only().snapshot
            assert known is not None
            assert known.lifecycle is Lifecycle.PAID

    @pytest.mark.parametrize("tells", ["event", "answer"])
    def test_a_renewal_s_refund_finds_it_by_its_payment(self, tells: str) -> None:
        link: Said = said(
            "invoice_payment.paid",
            {"id": "inpay_1", "object": "invoice_payment", "invoice": "in_1", "payment": {"payment_intent": "pi_1"}},
        )
        if tells == "answer":
            payments = {"data": [{"payment": {"payment_intent": "pi_1"}, "status": "paid"}]}
            link = read(answer("invoice", invoice(payments=payments), line(), second=100))
        told = [paid(), said("refund.created", refund(amount=600)), link, said("charge.dispute.closed", dispute("won"))]
        assert len(together(told).events) == 2
        assert Books(told).kept() == 1800

    def test_a_payment_that_is_not_known_waits(self) -> None:
        assert Books([said("refund.created", refund(payment_intent="pi_2")), completed()]).kept() == 3600

    def test_of_two_sales_each_is_one(self) -> None:
        told = (completed(), said("checkout.session.completed", session(2)), paid(number=1), paid(number=2))
        assert len(Books(told).orders) == 4


class TestRefunds:
    @pytest.mark.parametrize(
        "status, failed",
        [("succeeded", False), ("pending", False), ("requires_action", False), ("failed", True), ("canceled", True)],
    )
    def test_what_did_not_move_in_the_end_takes_nothing(self, status: str, failed: bool) -> None:
        told = said("refund.updated", refund(status=status))
        assert told == Aside(
            "pi_1", (Refund("re_1", at(1001), "USD", amount=1000, failed=failed, amount_with_tax=True),)
        )

    def test_an_unknown_status_is_not_guessed(self) -> None:
        assert unreadable(event("refund.updated", refund(status="lost"))) == "unknown_status"

    def test_one_of_a_charge_without_an_intent_goes_by_the_charge(self) -> None:
        told = said("refund.created", refund(payment_intent=None))
        assert isinstance(told, Aside)
        assert told.alias == "ch_1"
        assert said("refund.created", refund(payment_intent=None, charge=None)) == Ignored("refund_without_payment")

    def test_the_list_in_a_charge_of_an_older_version_is_its_refunds(self) -> None:
        told = said("charge.refunded", charge(1500, refunds={"data": [refund(1), refund(2, 500)], "has_more": False}))
        assert isinstance(told, Aside)
        assert told.facts == tuple(
            fact
            for each in (refund(1), refund(2, 500))
            if isinstance(aside := said("refund.created", each), Aside)
            for fact in aside.facts
        )

    def test_a_list_with_more_behind_it_is_asked_for(self) -> None:
        told = said("charge.refunded", charge(1500, refunds={"data": [refund(1)], "has_more": True}))
        assert told == Thin(Ask("refunds", {"charge": "ch_1", "of": "pi_1", "refunded": "1500"}))

    def test_each_refund_counts_once_in_whatever_company_and_order_it_is_told(self) -> None:
        """Two refunds, the first of which fails. Whoever has heard of both, by any doors, knows the same money."""
        listed = {"data": [refund(1)], "has_more": False}
        first = [
            said("refund.created", refund(1, status="pending")),
            said("charge.refunded", charge(1000, refunds=listed)),
            said("charge.refunded", charge(1000)),
            read(answer("refunds", {"of": "pi_1"}, refund(1))),
        ]
        failed = [
            said("refund.failed", refund(1, status="failed"), 900),
            said("refund.updated", refund(1, status="failed"), 901),
            said("charge.refund.updated", refund(1, status="failed"), 901),
        ]
        both = read(answer("refunds", {"of": "pi_1"}, refund(2, 500), refund(1, status="failed")))
        second = said("refund.created", refund(2, 500))
        left = Books([completed(), second]).kept()
        assert left == 3600 - 463  # 5.00 of 38.88 with tax
        for end in (*((one, second) for one in failed), (both,)):
            for size in range(len(first) + 1):
                for some in combinations(first, size):
                    told = (completed(), *end, *some, *(some[:1]))
                    for arrival in [told, told[::-1], told[1:] + told[:1], told[2:] + told[:2]]:
                        assert Books(arrival).kept() == left

    def test_all_orders_of_all_doors(self) -> None:
        told = [
            completed(),
            said("refund.created", refund(1)),
            said("charge.refunded", charge(1000)),
            said("refund.updated", refund(1)),
            read(answer("refunds", {"of": "pi_1"}, refund(1), refund(2, 500))),
            said("refund.created", refund(2, 500)),
        ]
        assert [each.amount for each in together(told).refunds] == [1000, 500]

    def test_all_of_it_in_parts_leaves_nothing(self) -> None:
        told = [completed(), said("refund.created", refund(1, 1888)), said("refund.created", refund(2, 2000))]
        assert Books(told).kept() == 0

    def test_one_that_fails_gives_back(self) -> None:
        told = [completed(), said("refund.created", refund(1, 3888))]
        assert Books(told).kept() == 0
        assert Books([*told, said("refund.failed", refund(1, 3888, status="failed"))]).kept() == 3600


class TestDisputes:
    @pytest.mark.parametrize(
        "status, ours",
        [
            ("needs_response", "open"),
            ("under_review", "open"),
            ("lost", "lost"),
            ("won", "won"),
            ("prevented", "won"),
            ("charge_refunded", "won"),
        ],
    )
    def test_statuses(self, status: str, ours: Any) -> None:
        told = said("charge.dispute.updated", dispute(status), 3000)
        assert told == Aside("pi_1", (Dispute("du_1", at(3000), ours, "USD", 1000),))

    @pytest.mark.parametrize("status", ["warning_needs_response", "warning_under_review", "warning_closed"])
    def test_an_inquiry_takes_nothing(self, status: str) -> None:
        assert said("charge.dispute.created", dispute(status)) == Ignored("dispute_inquiry")

    def test_an_unknown_status_is_not_guessed(self) -> None:
        assert unreadable(event("charge.dispute.closed", dispute("settled"))) == "unknown_status"

    def test_one_that_names_no_payment_is_ignored_by_name(self) -> None:
        told = said("charge.dispute.created", dispute("lost", payment_intent=None, charge=None))
        assert told == Ignored("dispute_without_payment")

    @pytest.mark.parametrize("end, left", [("won", 3600), ("lost", 3600 - 926)])
    def test_its_end_counts_in_whatever_order_its_events_come(self, end: str, left: int) -> None:
        money = "funds_reinstated" if end == "won" else "updated"
        told = [
            completed(),
            said("charge.dispute.created", dispute("needs_response"), 2000),
            said("charge.dispute.funds_withdrawn", dispute("needs_response"), 2000),
            said("charge.dispute.closed", dispute(end), 3000),
            said(f"charge.dispute.{money}", dispute(end), 3001),
        ]
        together(told)
        assert Books(told).kept() == left

"""Stripe asked back: what its API adds to its events, page by page, and what becomes of a reconciliation."""

import json
from collections.abc import Generator, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.platforms import samples
from tests.platforms.test_stripe import CLICK, Books
from tests.standins.server import busy, cut, failing, talk
from tests.standins.stripe import API_VERSION, StripeApi, invoice, item, line, session
from vouch.domain.facts import Lifecycle, Line, OrderFacts, Snapshot
from vouch.platforms import stripe
from vouch.platforms.base import (
    Account,
    Answer,
    Aside,
    Ask,
    Call,
    Change,
    Changes,
    NotYet,
    Reading,
    Request,
    Said,
    Span,
    Thin,
    Unreadable,
)

TOKEN = "rk_live_reads"
ACCOUNT = Account([samples.STRIPE_SECRET], api_token=TOKEN)
NOW = datetime(2026, 5, 6, tzinfo=UTC)
TAX = [{"amount": 288, "tax_behavior": "exclusive"}]
ALL = Span(datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC))


@pytest.fixture
def api() -> Iterator[StripeApi]:
    with StripeApi(TOKEN) as api:
        yield api


def said(webhook: bytes) -> Said:
    return stripe.facts(Request({}, webhook), samples.pseudonym)


def read(body: bytes) -> Reading | Aside:
    assert stripe.PLATFORM.api is not None
    told = stripe.PLATFORM.api.read(body, samples.pseudonym)
    assert isinstance(told, Reading | Aside), told
    return told


def asked(api: StripeApi, webhook: bytes, account: Account = ACCOUNT) -> list[Reading | Aside]:
    """What Stripe adds to what the webhook said."""
    told = said(webhook)
    asks = (told.ask,) if isinstance(told, Thin) else told.asks if isinstance(told, Reading | Aside) else ()
    return [read(talk(stripe.ask(each, account, NOW), api.address)) for each in asks]


def snapshot(told: Said) -> Snapshot:
    assert isinstance(told, Reading)
    [found] = [fact for fact in told.facts if isinstance(fact, Snapshot)]
    return found


def page(api: StripeApi, bookmark: str | None = None, span: Span = ALL) -> Changes:
    return talk(stripe.changes(span, bookmark, ACCOUNT, NOW), api.address)


def all_pages(api: StripeApi, span: Span = ALL) -> list[Change]:
    changes = page(api, span=span)
    found = [*changes.found]
    while changes.bookmark is not None:
        changes = page(api, changes.bookmark, span)
        found += changes.found
    return found


class TestSessions:
    def test_lines_products_and_the_typed_code_are_added(self, api: StripeApi) -> None:
        api.promotion_codes["promo_1"] = "Noa10"
        webhook = api.check_out(session(discounts=[{"coupon": None, "promotion_code": "promo_1"}]), item())
        [told] = asked(api, webhook)
        known, _ = OrderFacts().with_facts([*told.facts, *_facts(said(webhook))])
        assert known.snapshot is not None
        assert known.snapshot.codes == ("noa10",)
        assert known.snapshot.lines == (Line("li_1", 2, 2000, 400, 288, "MUG-01", "prod_mug"),)
        assert known.snapshot.__replace__(codes=(), lines=(), triggered_at=None) == snapshot(said(webhook)).__replace__(
            lines=()
        )

    def test_more_lines_than_a_page_has_are_all_read(self, api: StripeApi) -> None:
        api.page = 3
        items = [
            item(number, amount_subtotal=100, amount_discount=10, amount_tax=7, amount_total=97) for number in range(40)
        ]
        told = session(
            amount_total=3880, total_details={"amount_discount": 400, "amount_shipping": 0, "amount_tax": 280}
        )
        [answer] = asked(api, api.check_out(told, *items))
        assert [part.id for part in snapshot(answer).lines] == [f"li_{number}" for number in range(40)]
        assert {call.parameter("limit") for call in api.asked[1:]} == {"100"}

    def test_there_is_an_end_to_patience(self, api: StripeApi) -> None:
        api.page = 1
        webhook = api.check_out(session(), *(item(number) for number in range(stripe.PAGES_MAX + 1)))
        with pytest.raises(Unreadable, match="too_many_items"):
            asked(api, webhook)

    def test_asked_twice_it_says_the_same(self, api: StripeApi) -> None:
        webhook = api.check_out(session(), item())
        first = asked(api, webhook)
        api.now += 10_000
        assert asked(api, webhook) == first

    def test_a_session_that_ended_is_not_asked_for(self, api: StripeApi) -> None:
        api.check_out(session(payment_status="unpaid"), item())
        assert asked(api, api.clear("cs_live_1", "async_payment_failed")) == []

    def test_the_story_of_a_payment_that_takes_its_time(self, api: StripeApi) -> None:
        placed = api.check_out(session(payment_status="unpaid"), item())
        early = asked(api, placed)
        cleared = api.clear("cs_live_1")
        back, _ = api.give_back("ch_1", "pi_1", 1944)
        told = [said(back), *asked(api, cleared), *early, said(cleared), said(placed)]
        assert Books(told).kept() == Books(told[::-1]).kept() == 1800

    @pytest.mark.parametrize("lacks", [{"promotion_code"}, {"product"}, {"line_items"}, {"product", "promotion_code"}])
    def test_a_right_that_is_missing_costs_what_it_is_for_and_no_more(self, api: StripeApi, lacks: set[str]) -> None:
        api.promotion_codes["promo_1"] = "Noa10"
        webhook = api.check_out(session(discounts=[{"coupon": None, "promotion_code": "promo_1"}]), item())
        api.lacks = lacks
        [told] = asked(api, webhook)
        known, _ = OrderFacts().with_facts([*_facts(said(webhook)), *told.facts])
        assert known.snapshot is not None
        assert known.snapshot.codes == (() if "promotion_code" in lacks else ("noa10",))
        [sold] = known.snapshot.lines
        assert (sold.id, sold.sku, sold.product_id) == (
            ("cs_live_1", None, None)
            if "line_items" in lacks
            else ("li_1", None, "prod_mug")
            if "product" in lacks
            else ("li_1", "MUG-01", "prod_mug")
        )
        assert told.asks == ()
        assert Books([said(webhook), told]).kept() == Books([told, said(webhook)]).kept() == 3600


class TestInvoices:
    @pytest.mark.parametrize("lacks", [{"promotion_code"}, {"subscription"}, {"promotion_code", "subscription"}])
    def test_a_right_that_is_missing_costs_what_it_is_for_and_no_more(self, api: StripeApi, lacks: set[str]) -> None:
        api.promotion_codes["promo_1"], api.discounts["di_1"] = "NOA10", "promo_1"
        api.starts["sub_1"] = 1_770_000_000
        webhook, _ = api.pay(invoice(discounts=["di_1"]), line(), by="pi_7")
        api.lacks = lacks
        [told] = asked(api, webhook)
        assert isinstance(told, Reading)
        assert told.aliases == ("pi_7",)
        known, _ = OrderFacts().with_facts(told.facts)
        assert known.snapshot is not None
        assert known.snapshot.codes == (() if "promotion_code" in lacks else ("noa10",))
        assert (known.snapshot.subscribed_at is None) == ("subscription" in lacks)

    @pytest.mark.parametrize("what, needed", [("session", []), ("invoice", [("expand[]", "payments")])])
    def test_what_an_answer_is_nothing_without_is_not_optional(self, what: str, needed: list[tuple[str, str]]) -> None:
        """The worker, which sends no refusal to what is not optional, parks what asked."""
        conversation = stripe.ask(Ask(what, {"id": "x_1", "at": "1778000200"}), ACCOUNT, NOW)
        assert next(conversation).optional
        call = conversation.send(Answer(403, {}, b"{}"))
        assert (call.optional, call.query) == (False, needed)

    def test_its_payment_its_code_and_its_subscription_s_start(self, api: StripeApi) -> None:
        api.promotion_codes["promo_1"], api.discounts["di_1"] = "NOA10", "promo_1"
        api.starts["sub_1"] = 1_770_000_000
        webhook, _ = api.pay(invoice(discounts=["di_1"]), line(), by="pi_7")
        [told] = asked(api, webhook)
        assert isinstance(told, Reading)
        assert told.aliases == ("pi_7",)
        assert snapshot(told).subscribed_at == datetime.fromtimestamp(1_770_000_000, UTC)
        known = Books([said(webhook), told]).only().snapshot
        assert known is not None
        assert (known.codes, known.subscribed_at) == (("noa10",), snapshot(told).subscribed_at)

    def test_all_lines_of_a_long_one(self, api: StripeApi) -> None:
        api.page = 7
        lines = [line(number, amount=100) for number in range(24)]
        webhook, _ = api.pay(invoice(), *lines)
        assert snapshot(said(webhook)).lines[10] == Line("in_1", 1, 1400)
        [told] = asked(api, webhook)
        assert [part.id for part in snapshot(told).lines] == [f"il_{number}" for number in range(24)]
        assert Books([told, said(webhook)]).kept() == Books([said(webhook)]).kept() == 2400

    def test_a_short_one_is_read_at_once(self, api: StripeApi) -> None:
        webhook, _ = api.pay(invoice(), line(), by="pi_7")
        [told] = asked(api, webhook)
        assert [call.path for call in api.asked] == ["/v1/invoices/in_1"]
        assert snapshot(told).lines == snapshot(said(webhook)).lines

    @pytest.mark.parametrize("backwards", [False, True])
    def test_one_that_checkout_made_is_its_session_s_sale(self, api: StripeApi, backwards: bool) -> None:
        checkout = api.check_out(session(invoice_creation={"enabled": True}, client_reference_id=CLICK), item())
        webhook, link = api.pay(
            invoice(subscription=None, total=3888, total_excluding_tax=3600, total_taxes=TAX),
            line(amount=3600, taxes=TAX),
            by="pi_1",
        )
        assert isinstance(said(webhook), Thin)
        assert link is not None
        back, charged = api.give_back("ch_1", "pi_1", 972)
        told = [said(checkout), *asked(api, checkout), *asked(api, webhook), said(link), said(back)]
        told += asked(api, charged)
        books = Books(told[::-1] if backwards else told)
        assert books.kept() == 2700
        snapshot = books.only().snapshot
        assert snapshot is not None
        assert snapshot.click_ids == (CLICK,)


class TestRefunds:
    def test_the_list_behind_a_sum_is_the_refunds_that_events_tell(self, api: StripeApi) -> None:
        checkout = api.check_out(session(), item())
        first, sum_of_one = api.give_back("ch_1", "pi_1", 1000)
        second, sum_of_both = api.give_back("ch_1", "pi_1", 944)
        told = [said(checkout), said(first), said(second), *asked(api, sum_of_both), *asked(api, sum_of_one)]
        assert Books(told).kept() == 1800
        assert Books([said(checkout), *asked(api, sum_of_one)]).kept() == 1800
        failed = said(api.fail("re_1"))
        assert Books([failed, *told]).kept() == Books([*told, failed]).kept() == 3600 - 874
        assert Books([said(checkout), *asked(api, sum_of_one)]).kept() == 3600 - 874

    def test_a_list_that_lacks_what_the_sum_has_is_asked_for_again(self, api: StripeApi) -> None:
        _, charged = api.give_back("ch_1", "pi_1", 1000)
        api.refunds.clear()
        with pytest.raises(NotYet, match="refund_not_listed"):
            asked(api, charged)

    def test_many_refunds(self, api: StripeApi) -> None:
        api.page = 2
        checkout = api.check_out(session(), item())
        charged = [api.give_back("ch_1", "pi_1", 216)[1] for _ in range(9)]
        api.give_back("ch_2", "pi_2", 1)
        [told] = asked(api, charged[-1])
        assert isinstance(told, Aside)
        assert len(told.facts) == 9
        assert Books([told, said(checkout)]).kept() == 1800


class TestCalls:
    def test_every_call_carries_the_token_and_the_version_whose_shapes_are_read(self, api: StripeApi) -> None:
        asked(api, api.check_out(session(), item()))
        assert {call.headers["authorization"] for call in api.asked} == {f"Bearer {TOKEN}"}
        assert {call.headers["stripe-version"] for call in api.asked} == {API_VERSION}
        assert {call.method for call in api.asked} == {"GET"}

    def test_an_id_never_leads_elsewhere(self) -> None:
        ask = Ask("session", {"id": "../../v1/refunds?x=1#", "at": "1"})
        assert next(stripe.ask(ask, ACCOUNT, NOW)).path == "/v1/checkout/sessions/..%2F..%2Fv1%2Frefunds%3Fx%3D1%23"

    def test_where_it_is(self) -> None:
        assert stripe.address(ACCOUNT) == "https://api.stripe.com"

    def test_what_another_account_knows_is_refused(self, api: StripeApi) -> None:
        webhook = api.check_out(session(), item())
        api.sessions.clear()
        with pytest.raises(Unreadable, match="platform_refused"):
            asked(api, webhook)

    @pytest.mark.parametrize("fault", [cut, failing(200, b"<html>"), failing(200, b"[]"), failing(200, b"")])
    def test_half_an_answer_is_none(self, api: StripeApi, fault: Any) -> None:
        webhook = api.check_out(session(), item())
        api.faults.append(fault)
        with pytest.raises(Unreadable):
            asked(api, webhook)
        assert asked(api, webhook)

    def test_the_stand_in_speaks_its_errors(self, api: StripeApi) -> None:
        """The worker takes these: no adapter hears of them."""

        def status(account: Account, *query: tuple[str, str]) -> tuple[int, Any]:
            call = next(stripe.ask(Ask("refunds", {"charge": "ch_1", "of": "pi_1", "refunded": "0"}), account, NOW))
            asked = Call(call.path, query or call.query, headers=call.headers)
            answer = talk(_said(asked), api.address)
            return answer.status, json.loads(answer.body)

        code, told = status(Account([], api_token="rk_other"))
        assert (code, told["error"]["type"]) == (401, "invalid_request_error")
        code, told = status(ACCOUNT, ("charge", "ch_1"), ("limit", "1000"))
        assert (code, told["error"]["param"]) == (400, "limit")
        api.faults.append(busy(3))
        assert talk(_said(Call("/v1/events")), api.address).status == 429


class TestReconciliation:
    def test_whoever_hears_nothing_but_the_api_knows_the_same_money(self, api: StripeApi) -> None:
        api.check_out(session(), item())
        api.give_back("ch_1", "pi_1", 972)
        api.dispute("pi_1", 972)
        api.dispute("pi_1", 972, "closed", "lost")
        pulled = [read(change.body) for change in all_pages(api)]
        heard = [said(json.dumps(event).encode()) for event in api.events]
        assert Books(pulled).kept() == Books(heard).kept() == 1800
        assert Books(pulled).only() == Books(heard).only()

    def test_pages(self, api: StripeApi) -> None:
        api.page = 2
        for number in range(5):
            api.check_out(session(number), item())
        found = all_pages(api)
        assert [change.subject for change in found] == [f"cs_live_{number}" for number in (4, 3, 2, 1, 0)]
        assert [call.parameter("starting_after") for call in api.asked] == [None, "evt_4", "evt_2"]

    def test_nothing_at_all(self, api: StripeApi) -> None:
        assert page(api) == Changes(())

    def test_only_what_the_span_has_and_what_is_read_here(self, api: StripeApi) -> None:
        api.check_out(session(1), item())
        first = api.now
        api.check_out(session(2), item())
        api.give_back("ch_2", "pi_2", 10)
        span = Span(datetime.fromtimestamp(first + 1, UTC), datetime.fromtimestamp(first + 3, UTC))
        assert [change.subject for change in all_pages(api, span)] == ["pi_2", "cs_live_2"]
        kinds = {value for name, value in api.asked[0].query if name == "types[]"}
        assert len(kinds) <= 20
        assert "charge.refunded" not in kinds

    def test_a_change_has_the_subject_of_its_webhook(self, api: StripeApi) -> None:
        webhooks = [
            api.check_out(session(), item()),
            *(body for body in api.pay(invoice(), line(), by="pi_7") if body),
            api.give_back("ch_1", "pi_1", 5)[0],
            api.dispute("pi_1", 5),
        ]
        assert [change.subject for change in reversed(all_pages(api))] == [
            stripe.subject(Request({}, webhook)) for webhook in webhooks
        ]

    def test_an_invoice_that_says_too_little_is_asked_for_at_once(self, api: StripeApi) -> None:
        api.pay(invoice(subscription=None), line(), by="pi_7")
        told = {change.subject: read(change.body) for change in all_pages(api)}
        assert isinstance(told["in_1"], Reading)
        assert told["in_1"].aliases == ("pi_7",)
        assert snapshot(Reading("in_1", tuple(_facts(told["in_1"])))).lifecycle is Lifecycle.PAID

    def test_one_that_is_gone_keeps_no_other_back(self, api: StripeApi) -> None:
        api.check_out(session(), item())
        api.pay(invoice(subscription=None), line())
        api.invoices.clear()
        gone, kept = all_pages(api)
        assert read(kept.body).facts
        with pytest.raises(Unreadable, match="too_little_said"):
            read(gone.body)


def _facts(told: Said) -> tuple[Any, ...]:
    assert isinstance(told, Reading | Aside)
    return told.facts


def _said(call: Call) -> Generator[Call, Answer, Answer]:
    return (yield call)

"""Stripe Connect: what is asked, what each answer comes to, and that money moves once whatever gets lost."""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, get_args, override
from urllib.parse import parse_qsl

import pytest
import stripe
from hypothesis import given
from hypothesis import settings as trials
from hypothesis import strategies as st

from tests.fixtures import Clock
from tests.rails.orders import IBAN, payment
from tests.rails.talk import BAD_BODIES, NoAnswer, answer, bent, had, heard, outcome, talk
from tests.standins.callbacks import Callback, emit
from tests.standins.server import Asked, StandIn, broken, busy, cut, failing, hangs_up, lost
from tests.standins.server import Told as Reply
from tests.standins.stripe_connect import StripeConnect, conflicted, locked
from vouch.domain.currencies import EXPONENTS
from vouch.domain.money import Money
from vouch.domain.payouts import Destination, Payment
from vouch.rails.base import (
    Answer,
    BadSetting,
    BadSignature,
    Call,
    Foreign,
    Notice,
    Reason,
    Request,
    Told,
    Unreadable,
    Word,
)
from vouch.rails.stripe_connect import API_VERSION, RAIL

assert RAIL.api is not None
API = RAIL.api
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
ACCOUNT = "acct_1NoaReady"
NOA = Destination("stripe", "Noa Levi", {"account": ACCOUNT})
PAYOUT = payment(1, NOA, 13_050, "USD", note="April")
KEY = f"{PAYOUT.id}-1"
NEEDED = {"account": "acct_1Platform", "secret_key": "sk_test_1"}
SETTINGS = RAIL.settings(NEEDED | {"webhook_secret": "whsec_1"})
TRANSFER = {
    "id": "tr_1MiN3gLkdIwHu7ix",
    "object": "transfer",
    "amount": 13_050,
    "amount_reversed": 0,
    "balance_transaction": "txn_1MiN3gLkdIwHu7ix",
    "created": 1_777_896_000,
    "currency": "usd",
    "description": None,
    "destination": ACCOUNT,
    "destination_payment": "py_1MiN3gQ9PRzxEwkZ",
    "livemode": False,
    "metadata": {"payout_id": PAYOUT.id},
    "reversals": {"object": "list", "data": [], "has_more": False, "total_count": 0, "url": "/v1/transfers/…"},
    "reversed": False,
    "source_transaction": None,
    "source_type": "card",
    "transfer_group": PAYOUT.id,
}
SETTLED = Told(
    "settled",
    names={"transfer": "tr_1MiN3gLkdIwHu7ix"},
    reference="tr_1MiN3gLkdIwHu7ix",
    amount=Money(13_050, "USD"),
)
PASSING = Told("later", passing=True)
LIST = {"object": "list", "data": [TRANSFER], "has_more": False, "url": "/v1/transfers"}


def listed(*transfers: dict[str, Any]) -> Answer:
    return answer(LIST | {"data": list(transfers)})


def fault(status: int, kind: str = "invalid_request_error", should_retry: str | None = None, **said: str) -> Answer:
    headers = {} if should_retry is None else {"stripe_should_retry": should_retry}
    return answer({"error": {"type": kind, "message": "…"} | said}, status, **headers)


def sent(*answers: Answer, payout: Payment = PAYOUT) -> Told:
    return heard(API.send(payout, KEY, SETTINGS), *answers)[0]


def looked_up(*answers: Answer, payout: Payment = PAYOUT) -> Told:
    return heard(API.look_up(payout.id, KEY, {}, SETTINGS), *answers)[0]


class TestSending:
    def test_a_payout_is_a_transfer(self) -> None:
        told, [asked] = heard(API.send(PAYOUT, KEY, SETTINGS), answer(TRANSFER))
        assert told == SETTLED
        assert (asked.method, asked.path, asked.query) == ("POST", "/v1/transfers", ())
        assert asked.headers == {
            "Authorization": "Bearer sk_test_1",
            "Stripe-Version": API_VERSION,
            "Content-Type": "application/x-www-form-urlencoded",
            "Idempotency-Key": KEY,
        }
        assert parse_qsl(asked.body.decode()) == [
            ("amount", "13050"),
            ("currency", "usd"),
            ("destination", ACCOUNT),
            ("transfer_group", PAYOUT.id),
            ("metadata[payout_id]", PAYOUT.id),
        ]

    def test_what_is_sent_does_not_change_with_what_a_payee_may_read(self) -> None:
        """To another body Stripe would not give the answer that belongs to the key."""
        _, [asked] = heard(API.send(PAYOUT, KEY, SETTINGS), answer(TRANSFER))
        other = replace(PAYOUT, note="May", name="Noa L.", email="new@example.com")
        assert heard(API.send(other, KEY, SETTINGS), answer(TRANSFER))[1] == [asked]

    @pytest.mark.parametrize("status, reason", [(401, "credentials_refused"), (403, "permission_missing")])
    def test_a_wrong_key_refuses(self, status: int, reason: str) -> None:
        assert sent(fault(status)).word == "refused"
        assert sent(fault(status)).reason == reason

    @pytest.mark.parametrize(
        "said",
        [
            *(answer(b"busy", status) for status in (408, 409, 425, 429, 500, 502, 503, 504)),
            fault(409, "idempotency_error", code="idempotency_key_in_use"),
            fault(400, "idempotency_error"),
            fault(429, code="lock_timeout"),
            fault(400, code="lock_timeout"),
            fault(429, code="rate_limit"),
            fault(402, "api_error"),
            fault(400, should_retry="true", code="balance_insufficient"),
        ],
    )
    def test_what_passes_by_itself_leaves_it_open(self, said: Answer) -> None:
        assert (sent(said).word, sent(said).passing) == ("later", True)

    @pytest.mark.parametrize("said, seconds", [("7", 7), ("0", 1), ("999999", 21_600), ("soon", None)])
    def test_stripe_may_say_when_to_come_again(self, said: str, seconds: int | None) -> None:
        assert sent(answer(b"", 429, retry_after=said)) == Told("later", seconds=seconds, passing=True)

    @pytest.mark.parametrize("status", [409, 429, 500])
    def test_where_the_same_again_does_not_help_it_is_looked_for(self, status: int) -> None:
        stopped = fault(status, "api_error", should_retry="false")
        assert sent(stopped, listed(TRANSFER)) == SETTLED
        assert sent(stopped, listed()) == Told("later", seconds=3_600, passing=True)
        assert sent(stopped, answer(b"", 503)) == PASSING
        assert sent(stopped, fault(401)) == Told("later", "credentials_refused")

    @pytest.mark.parametrize(
        "said, word, reason",
        [
            ({"code": "balance_insufficient"}, "refused", "insufficient_funds"),
            ({"code": "insufficient_funds"}, "refused", "insufficient_funds"),
            ({"code": "platform_api_key_expired"}, "refused", "credentials_refused"),
            ({"code": "platform_account_required"}, "refused", "rail_account_restricted"),
            ({"code": "testmode_charges_only"}, "refused", "rail_account_restricted"),
            ({"param": "currency"}, "refused", "currency_unavailable"),
            ({"code": "resource_missing", "param": "destination"}, "failed", "payee_unknown"),
            ({"code": "account_invalid"}, "failed", "payee_unknown"),
            ({"code": "no_account"}, "failed", "payee_unknown"),
            ({"code": "insufficient_capabilities_for_transfer"}, "failed", "payee_not_ready"),
            ({"code": "account_closed"}, "failed", "payee_restricted"),
            ({"code": "transfers_not_allowed"}, "failed", "payee_restricted"),
            ({"code": "something_new", "param": "destination"}, "failed", "payee_restricted"),
            ({"code": "country_unsupported"}, "failed", "payee_country_unsupported"),
            ({"code": "amount_too_small", "param": "amount"}, "failed", "amount_refused"),
            ({"code": "amount_too_large"}, "failed", "amount_refused"),
            ({"code": "parameter_invalid_integer", "param": "amount"}, "failed", "amount_refused"),
            ({"code": "something_new"}, "failed", "rail_refused"),
            ({}, "failed", "rail_refused"),
        ],
    )
    def test_an_error_by_its_code(self, said: dict[str, str], word: Word, reason: str) -> None:
        expected = Told(word, reason, said.get("code", "invalid_request_error"))
        looks = () if reason == "credentials_refused" else (listed(),)
        assert sent(fault(400, **said), *looks) == expected

    @pytest.mark.parametrize("code", ["balance_insufficient", "resource_missing", "something_new"])
    def test_nothing_has_failed_before_it_was_looked_for(self, code: str) -> None:
        """An earlier try may have made the transfer, for want of whose money this one is refused."""
        assert sent(fault(400, code=code), listed(TRANSFER)) == SETTLED
        assert sent(fault(400, code=code), answer(b"", 500)) == PASSING

    def test_an_account_that_stripe_does_not_let_us_see_is_no_fault_of_the_key(self) -> None:
        assert sent(fault(403, code="account_invalid"), listed()).reason == "payee_unknown"

    @pytest.mark.parametrize("status", [200, 302, 400, 402, 403, 404])
    @pytest.mark.parametrize("body", BAD_BODIES)
    def test_nothing_follows_from_what_is_not_stripes(self, status: int, body: bytes) -> None:
        with pytest.raises(Unreadable):
            sent(answer(body, status))

    @pytest.mark.parametrize("changes", [{"transfer_group": "another"}, {"transfer_group": None}, {"object": "charge"}])
    def test_another_transfer_is_not_taken_for_it(self, changes: dict[str, Any]) -> None:
        with pytest.raises(Unreadable):
            sent(answer(TRANSFER | changes))


class TestLookingUp:
    def test_by_the_payouts_id(self) -> None:
        told, [asked] = heard(API.look_up(PAYOUT.id, KEY, {}, SETTINGS), listed(TRANSFER))
        assert told == SETTLED
        assert (asked.method, asked.path, asked.body) == ("GET", "/v1/transfers", b"")
        assert asked.query == (("transfer_group", PAYOUT.id), ("limit", "100"))
        assert asked.headers == {"Authorization": "Bearer sk_test_1", "Stripe-Version": API_VERSION}

    def test_what_stripe_does_not_know_is_absent(self) -> None:
        assert looked_up(listed()) == Told("absent")

    def test_what_was_reversed_came_back(self) -> None:
        back = TRANSFER | {"amount_reversed": 13_050, "reversed": True}
        assert looked_up(listed(back)) == replace(SETTLED, word="returned", reason="reversed")

    def test_what_was_reversed_in_part_is_settled_and_says_so(self) -> None:
        part = TRANSFER | {"amount_reversed": 50}
        assert looked_up(listed(part)) == replace(SETTLED, reason="partly_reversed", came_back=Money(50, "USD"))

    @pytest.mark.parametrize(
        "changes",
        [
            {"reversed": True},
            {"amount_reversed": 13_050},
            {"amount_reversed": 13_051, "reversed": True},
            {"amount_reversed": 50, "reversed": True},
            {"amount": 0, "reversed": True},
            {"amount": -1},
            {"amount": 130.5},
            {"amount": "13050"},
            {"amount": True},
            {"amount_reversed": None},
            {"reversed": None},
            {"id": None},
            {"currency": "xxx"},
            {"currency": None},
        ],
    )
    def test_a_transfer_that_contradicts_itself_says_nothing(self, changes: dict[str, Any]) -> None:
        with pytest.raises(Unreadable) as failure:
            looked_up(listed(TRANSFER | changes))
        assert failure.type is Unreadable, "Stripe says it"

    def test_two_transfers_of_one_payout_are_nothing_to_go_on_from(self) -> None:
        with pytest.raises(Unreadable) as failure:
            looked_up(listed(TRANSFER, TRANSFER | {"id": "tr_2"}))
        assert failure.type is Unreadable, "Stripe says it"

    @pytest.mark.parametrize(
        "said, reason",
        [
            (fault(401), "credentials_refused"),
            (fault(403), "permission_missing"),
            (fault(429), None),
            (fault(500), None),
            (fault(400, code="balance_insufficient"), "insufficient_funds"),
        ],
    )
    def test_one_that_is_refused_says_nothing_of_the_payment(self, said: Answer, reason: str | None) -> None:
        told = looked_up(said)
        assert (told.word, told.reason) == ("later", reason)

    @pytest.mark.parametrize("body", [*BAD_BODIES, json.dumps(TRANSFER).encode(), b'{"object":"list","data":null}'])
    def test_nothing_follows_from_what_is_not_stripes(self, body: bytes) -> None:
        """An empty list shows that there is no transfer, and so nothing else may pass for one."""
        for status in (200, 302, 400, 403, 404):
            with pytest.raises(Foreign):
                looked_up(answer(body, status))


class TestAmounts:
    @pytest.mark.parametrize(
        "amount, currency, smallest",
        [
            (1, "USD", 1),
            (10**9, "EUR", 10**9),
            (500, "JPY", 500),
            (5, "ISK", 500),
            (5, "UGX", 500),
            (500, "MGA", 5),
            (100, "HUF", 100),
            (10, "KWD", 10),
        ],
    )
    def test_are_in_stripes_smallest_unit(self, amount: int, currency: str, smallest: int) -> None:
        payout = replace(PAYOUT, amount=amount, currency=currency)
        made = TRANSFER | {"amount": smallest, "currency": currency.lower()}
        told, [asked] = heard(API.send(payout, KEY, SETTINGS), answer(made))
        assert dict(parse_qsl(asked.body.decode()))["amount"] == str(smallest)
        assert told.amount == Money(amount, currency)

    @pytest.mark.parametrize(
        "currency, unit",
        [
            *(("USD", 1), ("ILS", 1), ("JPY", 1), ("ISK", 1), ("UGX", 1), ("MGA", 100), ("HUF", 100), ("TWD", 100)),
            *(("BHD", 10), ("JOD", 10), ("KWD", 10), ("OMR", 10), ("TND", 10)),
            *(("IQD", None), ("LYD", None), ("CLF", None), ("UYI", None), ("XXX", None), ("usd", None)),
        ],
    )
    def test_the_smallest_that_can_be_carried(self, currency: str, unit: int | None) -> None:
        assert RAIL.unit(currency) == unit

    def test_the_currencies_without_decimals_are_stripes(self) -> None:
        zero = "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF UGX VND VUV XAF XOF XPF".split()  # noqa: SIM905
        assert all(RAIL.unit(currency) for currency in zero)
        assert {code for code, exponent in EXPONENTS.items() if exponent == 0 and RAIL.unit(code)} == {*zero, "ISK"} - {
            "MGA"
        }

    @given(st.data())
    @trials(deadline=None)
    def test_come_back_as_they_went(self, data: st.DataObject) -> None:
        currency = data.draw(st.sampled_from([code for code in EXPONENTS if RAIL.unit(code) is not None]))
        unit = RAIL.unit(currency)
        assert unit is not None
        payout = replace(PAYOUT, amount=unit * data.draw(st.integers(1, 10**10)), currency=currency)

        def made(call: Call) -> Answer:
            form = dict(parse_qsl(call.body.decode()))
            return answer(TRANSFER | {"amount": int(form["amount"]), "currency": form["currency"]})

        assert had(API.send(payout, KEY, SETTINGS), made).amount == Money(payout.amount, currency)

    @pytest.mark.parametrize("amount, currency", [(150, "MGA"), (150, "HUF"), (15, "KWD"), (0, "USD"), (-1, "USD")])
    def test_that_stripe_cannot_carry_are_nobodys_to_round(self, amount: int, currency: str) -> None:
        with pytest.raises(ValueError, match="cannot carry"):
            heard(API.send(replace(PAYOUT, amount=amount, currency=currency), KEY, SETTINGS))

    @pytest.mark.parametrize("smallest, currency", [(550, "isk"), (10**15, "usd"), (10**14, "mga")])
    def test_that_are_none_of_ours_say_nothing(self, smallest: int, currency: str) -> None:
        with pytest.raises(Unreadable):
            looked_up(listed(TRANSFER | {"amount": smallest, "currency": currency}))


class TestSettings:
    def test_the_key_and_whose_it_is_are_needed(self) -> None:
        said = {"account": "acct_1Platform", "secret_key": " rk_live_1 ", "webhook_secret": ""}
        assert RAIL.settings(said) == {"account": "acct_1Platform", "secret_key": "rk_live_1", "sandbox": "false"}
        assert RAIL.settings(NEEDED)["sandbox"] == "true"
        assert RAIL.identity == frozenset({"account", "sandbox"})
        assert RAIL.secret == frozenset({"secret_key", "webhook_secret", "former_webhook_secret"})
        assert not RAIL.ready
        assert RAIL.takes == frozenset({"stripe"})
        assert RAIL.obstacle(PAYOUT) is None
        with pytest.raises(ValueError, match="not a Stripe account"):
            heard(API.send(replace(PAYOUT, destination=IBAN), KEY, SETTINGS))

    @pytest.mark.parametrize(
        "changes, param, code",
        [
            ({"secret_key": ""}, "secret_key", "required"),
            ({"secret_key": "pk_live_1"}, "secret_key", "invalid"),
            ({"secret_key": "sk_1"}, "secret_key", "invalid"),
            ({"secret_key": "sk_live_ 1"}, "secret_key", "invalid"),
            ({"account": ""}, "account", "required"),
            ({"account": "cus_1"}, "account", "invalid"),
            ({"account": "acct_1/.."}, "account", "invalid"),
            ({"sandbox": "false"}, "sandbox", "invalid"),
            ({"secret_key": "sk_live_\n1"}, "secret_key", "invalid"),
            ({"webhook_secret": "é"}, "webhook_secret", "invalid"),
            ({"mode": "live"}, "mode", "unknown"),
            ({"api_base_url": "ftp://api.example.com"}, "api_base_url", "invalid"),
        ],
    )
    def test_what_is_wrong_is_named(self, changes: dict[str, str], param: str, code: str) -> None:
        with pytest.raises(BadSetting) as refusal:
            RAIL.settings(NEEDED | changes)
        assert (refusal.value.param, refusal.value.code) == (param, code)

    def test_where_the_api_is(self) -> None:
        assert API.address(SETTINGS) == "https://api.stripe.com"
        elsewhere = RAIL.settings(NEEDED | {"api_base_url": "http://localhost:12111/"})
        assert API.address(elsewhere) == "http://localhost:12111"
        assert RAIL.settings(elsewhere) == elsewhere


@given(
    st.sampled_from(
        [("send", TRANSFER), ("list", LIST), ("send", {"error": {"type": "x", "code": "y", "param": "z"}})]
    ).flatmap(lambda named: st.tuples(st.just(named[0]), bent(named[1]))),
    st.sampled_from([200, 201, 204, 302, 400, 401, 402, 403, 404, 409, 429, 500]),
)
@trials(max_examples=600, deadline=None)
def test_whatever_is_answered_comes_to_something_or_is_unreadable(case: tuple[str, bytes], status: int) -> None:
    kind, body = case
    conversation = API.look_up(PAYOUT.id, KEY, {}, SETTINGS) if kind == "list" else API.send(PAYOUT, KEY, SETTINGS)
    said = outcome(conversation, lambda _: Answer(status, {}, body))
    if isinstance(said, Told):
        assert said.word in get_args(Word)
        assert said.reason is None or said.reason in get_args(Reason)
        assert said.detail is None or (said.detail.isascii() and len(said.detail) <= 64)
        assert all(value.isascii() and 0 < len(value) <= 255 and " " not in value for value in said.names.values())
        assert said.amount is None or (said.amount.amount > 0 and said.amount.currency in EXPONENTS)
        assert said.word != "absent" or body == json.dumps(LIST | {"data": []}).encode() or b'"data": []' in body
        assert said.word != "refused" or kind == "send"


# --- against the stand-in ---------------------------------------------------------------------------------------------


@pytest.fixture
def clock() -> Clock:
    return Clock(NOON)


@pytest.fixture
def api(clock: Clock) -> Iterator[StripeConnect]:
    with StripeConnect(clock) as running:
        running.accounts[ACCOUNT] = "ready"
        yield running


def pays(api: StripeConnect, payout: Payment = PAYOUT, key: str = KEY) -> Told:
    own = RAIL.settings(api.settings)
    return talk(API.send(payout, key, own), API.address(own))


def looks(api: StripeConnect, payout: Payment = PAYOUT) -> Told:
    own = RAIL.settings(api.settings)
    return talk(API.look_up(payout.id, KEY, {}, own), API.address(own))


ONCE = {PAYOUT.id: [Money(13_050, "USD")]}


class TestOverLoopback:
    def test_paid_once_and_seen_to_be(self, api: StripeConnect) -> None:
        assert looks(api) == Told("absent")
        told = pays(api)
        assert told == Told("settled", names={"transfer": "tr_1"}, reference="tr_1", amount=Money(13_050, "USD"))
        assert pays(api) == told
        assert looks(api) == told
        assert api.movements == ONCE

    @pytest.mark.parametrize("fault", [lost, broken, cut])
    def test_a_transfer_whose_answer_was_lost_is_found(self, api: StripeConnect, fault: Any) -> None:
        api.faults.append(fault)
        with suppress(NoAnswer, Unreadable):
            assert pays(api).word == "later"
        assert looks(api).word == "settled"
        assert pays(api).word == "settled"
        assert api.movements == ONCE

    @pytest.mark.parametrize("fault", [hangs_up, failing(), busy(5), failing(503), conflicted, locked])
    def test_a_transfer_that_never_was_is_made_by_the_same_again(self, api: StripeConnect, fault: Any) -> None:
        api.faults.append(fault)
        with suppress(NoAnswer):
            assert pays(api).word == "later"
        assert looks(api) == Told("absent")
        assert pays(api).word == "settled"
        assert api.movements == ONCE

    def test_a_saved_500_with_an_effect_is_seen_through(self, api: StripeConnect) -> None:
        api.breaks.append("after")
        assert pays(api).word == "settled"
        assert pays(api).word == "settled"
        assert api.movements == ONCE

    def test_a_saved_500_without_an_effect_comes_again_until_stripe_forgets(
        self, api: StripeConnect, clock: Clock
    ) -> None:
        api.breaks.append("before")
        assert pays(api) == Told("later", seconds=3_600, passing=True)
        clock.pass_(API.window)
        assert pays(api) == Told("later", seconds=3_600, passing=True)
        assert looks(api) == Told("absent")
        assert api.movements == {}

    def test_the_window_is_over_before_stripe_forgets(self, api: StripeConnect, clock: Clock) -> None:
        pays(api)
        clock.pass_(API.window)
        pays(api)
        assert api.movements == ONCE
        clock.pass_(timedelta(hours=24) - API.window)
        pays(api)
        assert len(api.movements[PAYOUT.id]) == 2, "which is why nobody may send it again by then"

    def test_without_funds_the_brand_is_told_and_another_key_is_needed(self, api: StripeConnect) -> None:
        api.funds = {"USD": 13_049}
        refused = Told("refused", "insufficient_funds", "balance_insufficient")
        assert pays(api) == refused
        api.funds = {"USD": 13_050}
        assert pays(api) == refused, "as Stripe has saved it"
        assert api.movements == {}
        assert pays(api, key=f"{PAYOUT.id}-2").word == "settled"
        assert api.movements == ONCE
        assert api.funds == {"USD": 0}

    @pytest.mark.parametrize(
        "state, reason",
        [
            (None, "payee_unknown"),
            ("not_ready", "payee_not_ready"),
            ("closed", "payee_restricted"),
            ("abroad", "payee_restricted"),
            ("barred", "payee_restricted"),
        ],
    )
    def test_an_account_that_cannot_be_paid(self, api: StripeConnect, state: str | None, reason: str) -> None:
        api.accounts = {} if state is None else {ACCOUNT: state}
        told = pays(api)
        assert (told.word, told.reason) == ("failed", reason)
        assert api.movements == {}

    def test_a_wrong_key(self, api: StripeConnect) -> None:
        own = RAIL.settings(api.settings | {"secret_key": "sk_test_another"})
        assert talk(API.send(PAYOUT, KEY, own), API.address(own)) == Told("refused", "credentials_refused")
        assert talk(API.look_up(PAYOUT.id, KEY, {}, own), API.address(own)) == Told("later", "credentials_refused")

    def test_the_key_belongs_to_one_payment(self, api: StripeConnect) -> None:
        pays(api)
        other = replace(PAYOUT, id=payment(2, NOA).id)
        assert pays(api, other) == Told("later", detail="idempotency_error", passing=True)
        assert api.movements == ONCE

    def test_what_the_platform_takes_back(self, api: StripeConnect) -> None:
        pays(api)
        api.reverse(PAYOUT.id, 50)
        part = looks(api)
        assert (part.word, part.reason, part.came_back, part.amount) == (
            "settled",
            "partly_reversed",
            Money(50, "USD"),
            Money(13_050, "USD"),
        )
        api.reverse(PAYOUT.id)
        back = looks(api)
        assert (back.word, back.amount) == ("returned", Money(13_050, "USD"))


class TestCallbacks:
    def heard(self, callback: Callback, now: datetime = NOON, /, **secrets: str) -> Notice:
        own = RAIL.settings(NEEDED | (secrets or {"webhook_secret": "whsec_transfers"}))
        notice, calls = heard(API.verify(Request(callback.received, callback.body), own, now))
        assert calls == []
        return notice

    def test_a_genuine_one_names_the_payout(self, api: StripeConnect) -> None:
        pays(api)
        api.reverse(PAYOUT.id)
        assert [self.heard(each) for each in api.callbacks] == [Notice((PAYOUT.id,))] * 2
        assert self.heard(api.callbacks[0], NOON + timedelta(minutes=5)) == Notice((PAYOUT.id,))

    @pytest.mark.parametrize("body", [b"{}", b'{"data":{"object":{"id":"tr_1"}}}'])
    def test_one_that_was_changed_on_the_way_is_refused(self, api: StripeConnect, body: bytes) -> None:
        pays(api)
        with pytest.raises(BadSignature):
            self.heard(replace(api.callbacks[0], body=body))

    def test_one_that_is_old_is_refused(self, api: StripeConnect) -> None:
        pays(api)
        with pytest.raises(BadSignature):
            self.heard(api.callbacks[0], NOON + timedelta(minutes=5, seconds=1))

    def test_without_a_secret_nobody_is_believed(self, api: StripeConnect) -> None:
        pays(api)
        with pytest.raises(BadSignature):
            self.heard(api.callbacks[0], webhook_secret="")
        with pytest.raises(BadSignature):
            self.heard(api.signed(api.callbacks[0].body, ""), webhook_secret="")

    def test_while_a_secret_is_rolled_either_proves_it(self, api: StripeConnect) -> None:
        pays(api)
        body = api.callbacks[0].body
        rolled = {"webhook_secret": "whsec_new", "former_webhook_secret": "whsec_old"}
        for signers in (("whsec_new",), ("whsec_old",), ("whsec_old", "whsec_new")):
            assert self.heard(api.signed(body, *signers), **rolled) == Notice((PAYOUT.id,))
        with pytest.raises(BadSignature):
            self.heard(api.signed(body, "whsec_older"), **rolled)

    @pytest.mark.parametrize("header", ["", "t=1", "v1=00", "t=1,v1=é", "t=x,v1=00", "t=1,t=2,v1=00", "=", ",,"])
    def test_a_header_that_is_no_signature(self, header: str) -> None:
        with pytest.raises(BadSignature):
            self.heard(Callback({"Stripe-Signature": header}, b"{}"))

    @pytest.mark.parametrize(
        "told",
        [
            {"object": "charge", "transfer_group": PAYOUT.id},
            {"object": "transfer", "transfer_group": "ORDER_95"},
            {"object": "transfer", "transfer_group": None},
            {"object": "transfer"},
            "x",
        ],
    )
    def test_one_about_something_else_names_no_payout(self, api: StripeConnect, told: Any) -> None:
        body = json.dumps({"type": "transfer.created", "data": {"object": told}}).encode()
        assert self.heard(api.signed(body)) == Notice(())

    @pytest.mark.parametrize("body", [body for body in BAD_BODIES if not body.startswith(b"{") or b"a" in body[:3]])
    def test_a_genuine_one_that_cannot_be_read(self, api: StripeConnect, body: bytes) -> None:
        with pytest.raises(Unreadable):
            self.heard(api.signed(body))


# --- Stripe's own library, as an independent reader of the stand-in ---------------------------------------------------


@pytest.fixture
def client(api: StripeConnect) -> stripe.StripeClient:
    return stripe.StripeClient(api.secret_key, base_addresses={"api": api.address}, max_network_retries=0)


class TestStripesOwnLibrary:
    """What it makes, finds and believes of the stand-in is what our adapter does."""

    FORM: Mapping[str, Any] = {
        "amount": 13_050,
        "currency": "usd",
        "destination": ACCOUNT,
        "transfer_group": PAYOUT.id,
        "metadata": {"payout_id": PAYOUT.id},
    }

    def made(self, client: stripe.StripeClient, key: str = KEY, **changes: Any) -> stripe.Transfer:
        form: Any = {**self.FORM, **changes}
        return client.v1.transfers.create(form, {"idempotency_key": key})

    def test_makes_what_we_look_up(self, api: StripeConnect, client: stripe.StripeClient) -> None:
        transfer = self.made(client)
        assert (transfer.id, transfer.amount, transfer.currency) == ("tr_1", 13_050, "usd")
        assert not transfer.reversed
        assert transfer.metadata is not None
        assert transfer.metadata["payout_id"] == PAYOUT.id
        assert looks(api).reference == transfer.id
        assert api.movements == ONCE

    def test_finds_what_we_make(self, api: StripeConnect, client: stripe.StripeClient) -> None:
        told = pays(api)
        retrieved = client.v1.transfers.retrieve(told.names["transfer"])
        assert retrieved.destination == ACCOUNT
        found = client.v1.transfers.list({"transfer_group": PAYOUT.id})
        assert [transfer.id for transfer in found.data] == [told.reference]
        assert client.v1.transfers.list({"transfer_group": "another"}).data == []

    def test_is_given_the_saved_answer_for_the_same_key(self, api: StripeConnect, client: stripe.StripeClient) -> None:
        first, again = self.made(client), self.made(client)
        assert again.id == first.id
        assert again.last_response is not None
        assert again.last_response.headers["idempotent-replayed"] == "true"
        assert api.movements == ONCE
        with pytest.raises(stripe.IdempotencyError):
            self.made(client, amount=13_051)

    def test_sends_just_what_we_send(self, api: StripeConnect, client: stripe.StripeClient) -> None:
        """So that each is given what the other has made: the stand-in compares parameters as Stripe does."""
        told = pays(api)
        assert self.made(client).id == told.reference
        assert api.movements == ONCE

    def test_is_given_a_saved_500_again(self, api: StripeConnect, client: stripe.StripeClient) -> None:
        api.breaks.append("after")
        for _ in range(2):
            with pytest.raises(stripe.APIError) as failure:
                self.made(client)
            assert failure.value.http_status == 500
        assert api.movements == ONCE

    def test_knows_the_errors_for_what_they_are(self, api: StripeConnect, client: stripe.StripeClient) -> None:
        api.funds = {"USD": 0}
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            self.made(client)
        assert refusal.value.code == "balance_insufficient"
        api.accounts[ACCOUNT] = "not_ready"
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            self.made(client, key="another")
        assert refusal.value.code == "insufficient_capabilities_for_transfer"
        api.faults.append(locked)
        with pytest.raises(stripe.RateLimitError):
            self.made(client, key="a-third")
        api.secret_key = "sk_test_rolled"
        with pytest.raises(stripe.AuthenticationError):
            self.made(client)

    def test_takes_back_what_we_see_come_back(self, api: StripeConnect, client: stripe.StripeClient) -> None:
        pays(api)
        reversal = client.v1.transfers.reversals.create("tr_1", {"amount": 50})
        assert looks(api).reason == "partly_reversed"
        rest = client.v1.transfers.reversals.create("tr_1")
        assert (reversal.amount, rest.amount) == (50, 13_000)
        assert looks(api).word == "returned"

    def test_believes_the_events_that_we_believe(self, api: StripeConnect) -> None:
        """Its own clock is the real one, and so these are signed by it."""
        api.clock = lambda: datetime.now(UTC)
        pays(api)
        [created] = api.callbacks
        event = stripe.Webhook.construct_event(created.body, created.headers["Stripe-Signature"], api.webhook_secret)
        assert event.type == "transfer.created"
        assert event.data.object["transfer_group"] == PAYOUT.id
        with pytest.raises(stripe.SignatureVerificationError):
            stripe.Webhook.construct_event(created.body + b" ", created.headers["Stripe-Signature"], api.webhook_secret)

    def test_signs_what_we_believe(self) -> None:
        body = json.dumps({"object": "event", "type": "transfer.created", "data": {"object": TRANSFER}})
        stamp = int(NOON.timestamp())
        signature = stripe.WebhookSignature._compute_signature(f"{stamp}.{body}", "whsec_1")
        request = Request({"stripe-signature": f"t={stamp},v1={signature}"}, body.encode())
        assert heard(API.verify(request, SETTINGS, NOON))[0] == Notice((PAYOUT.id,))


class Door(StandIn):
    """Where a brand has callbacks sent to."""

    @override
    def answer(self, asked: Asked) -> Reply:
        return Reply(204)


@pytest.mark.parametrize(
    "header, looks",
    [
        (f"t={int(NOON.timestamp())},v1=00", True),
        (f"t={int(NOON.timestamp()) - 300},v1=00,v0=11", True),
        (f"t={int(NOON.timestamp()) - 301},v1=00", False),
        (f"t={int(NOON.timestamp())},v0=00", False),
        (f"t={int(NOON.timestamp())}", False),
        ("t=now,v1=00", False),
        ("v1=00", False),
        ("", False),
    ],
)
def test_what_stripe_cannot_have_signed_just_now_does_not_look_it(header: str, looks: bool) -> None:
    assert API.looks_genuine(Request({"stripe-signature": header}, b"{}"), NOON) is looks
    assert not API.looks_genuine(Request({}, b"{}"), NOON)


def test_callbacks_arrive_as_they_were_signed_twice_and_in_any_order(api: StripeConnect) -> None:
    pays(api)
    api.reverse(PAYOUT.id)
    with Door() as door:
        assert emit([*api.callbacks[::-1], api.callbacks[1]], f"{door.address}/rails/stripe_connect/brd_1") == [204] * 3
        requests = [Request(asked.headers, asked.body) for asked in door.asked]
    own = RAIL.settings(api.settings)
    assert [heard(API.verify(request, own, NOON))[0] for request in requests] == [Notice((PAYOUT.id,))] * 3
    assert looks(api).word == "returned"

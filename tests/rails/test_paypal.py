"""PayPal Payouts: what is asked, what each answer comes to, and that money moves once whatever gets lost."""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import settings as trials
from hypothesis import strategies as st

from tests.fixtures import Clock
from tests.rails.orders import IBAN, payment
from tests.rails.talk import BAD_BODIES, NoAnswer, answer, bent, had, heard, outcome, talk
from tests.standins import paypal as stand_in
from tests.standins.callbacks import Callback
from tests.standins.paypal import Fate, PayPal
from tests.standins.server import broken, busy, cut, failing, hangs_up, lost
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
    Unproven,
    Unreadable,
    Word,
)
from vouch.rails.paypal import RAIL

assert RAIL.api is not None
API = RAIL.api
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
NOA = Destination("paypal", "Noa Levi", {"email": "noa@example.com"})
PAYOUT = payment(1, NOA, 13_050, "USD", note="April")
KEY = f"{PAYOUT.id}-1"
SETTINGS = RAIL.settings({"client_id": "client", "client_secret": "secret", "webhook_id": "0EH40505U7160970P"})
TOKEN = answer({"scope": "…", "access_token": "A21AAtoken", "token_type": "Bearer", "expires_in": 31_668})
PASSING = Told("later", passing=True)
NAMES = {"batch": "Q8KVJG9TZTNN4", "item": "8AELMXH8UB2P8"}
CREATED = {
    "batch_header": {
        "payout_batch_id": "Q8KVJG9TZTNN4",
        "batch_status": "PENDING",
        "sender_batch_header": {"sender_batch_id": KEY},
    },
    "links": [{"href": "https://api-m.paypal.com/v1/payments/payouts/Q8KVJG9TZTNN4", "rel": "self", "method": "GET"}],
}
ITEM = {
    "payout_item_id": "8AELMXH8UB2P8",
    "transaction_id": "0C413693MN970190K",
    "activity_id": "0E158638XS0329106",
    "transaction_status": "SUCCESS",
    "payout_item_fee": {"currency": "USD", "value": "0.25"},
    "payout_batch_id": "Q8KVJG9TZTNN4",
    "sender_batch_id": KEY,
    "payout_item": {
        "recipient_type": "EMAIL",
        "amount": {"currency": "USD", "value": "130.50"},
        "note": "April",
        "receiver": "noa@example.com",
        "sender_item_id": PAYOUT.id,
        "recipient_wallet": "PAYPAL",
    },
    "time_processed": "2026-05-04T12:10:41Z",
    "links": [],
}
BATCH = {
    "total_items": 1,
    "total_pages": 1,
    "batch_header": CREATED["batch_header"] | {"batch_status": "SUCCESS"},  # type: ignore[operator]
    "items": [ITEM],
}


def item(**changes: Any) -> dict[str, Any]:
    return {name: value for name, value in (ITEM | changes).items() if value is not None}


def batch(status: str = "SUCCESS", *items: dict[str, Any]) -> dict[str, Any]:
    header = {"payout_batch_id": NAMES["batch"], "batch_status": status}
    return {"batch_header": header | {"sender_batch_header": {"sender_batch_id": KEY}}, "items": list(items)}


def error(name: str, *details: Mapping[str, str], links: Any = ()) -> dict[str, Any]:
    content = {"name": name, "message": "…", "debug_id": "4854e55f0e1b3", "information_link": "https://…"}
    return content | {"details": list(details), "links": list(links)}


def duplicate(address: str | None = "https://api.paypal.com/v1/payments/payouts/Q8KVJG9TZTNN4") -> dict[str, Any]:
    issue = {"field": "SENDER_BATCH_ID", "location": "body", "issue": "Batch with given sender_batch_id already exists"}
    return error("USER_BUSINESS_ERROR", issue, links=[{"href": address, "rel": "self"}] if address else [])


def sent(*answers: Answer, payout: Payment = PAYOUT, key: str = KEY) -> Told:
    told, _ = heard(API.send(payout, key, SETTINGS), TOKEN, *answers)
    return told


def looked_up(*answers: Answer, names: Mapping[str, str] = NAMES) -> Told:
    told, _ = heard(API.look_up(PAYOUT.id, KEY, names, SETTINGS), TOKEN, *answers)
    return told


class TestSending:
    def test_a_payout_is_a_batch_of_one(self) -> None:
        told, calls = heard(API.send(PAYOUT, KEY, SETTINGS), TOKEN, answer(CREATED, 201))
        assert told == Told("accepted", names={"batch": NAMES["batch"]}, reference=NAMES["batch"])
        token, asked = calls
        assert (token.method, token.path, token.body) == ("POST", "/v1/oauth2/token", b"grant_type=client_credentials")
        assert token.headers["Authorization"] == "Basic Y2xpZW50OnNlY3JldA=="
        assert token.headers["Content-Type"] == "application/x-www-form-urlencoded"
        assert (asked.method, asked.path, asked.query) == ("POST", "/v1/payments/payouts", ())
        assert asked.headers["Authorization"] == "Bearer A21AAtoken"
        assert asked.headers["Content-Type"] == "application/json"
        assert json.loads(asked.body) == {
            "sender_batch_header": {"sender_batch_id": KEY},
            "items": [
                {
                    "recipient_type": "EMAIL",
                    "receiver": "noa@example.com",
                    "amount": {"currency": "USD", "value": "130.50"},
                    "sender_item_id": PAYOUT.id,
                    "note": "April",
                }
            ],
        }

    def test_what_a_payee_may_read_is_cut_to_what_paypal_takes(self) -> None:
        _, calls = heard(API.send(replace(PAYOUT, note="ש" * 1_001), KEY, SETTINGS), TOKEN, answer(CREATED, 201))
        assert json.loads(calls[1].body)["items"][0]["note"] == "ש" * 1_000

    @pytest.mark.parametrize("status", [400, 401])
    def test_a_wrong_secret_is_refused_before_anything_is_asked_for(self, status: int) -> None:
        said = answer({"error": "invalid_client", "error_description": "Client Authentication failed"}, status)
        told, _ = heard(API.send(PAYOUT, KEY, SETTINGS), said)
        assert told == Told("refused", "credentials_refused")

    def test_a_token_that_is_taken_away_refuses(self) -> None:
        assert sent(answer({"error": "invalid_token"}, 401)) == Told("refused", "credentials_refused")

    @pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504])
    def test_what_passes_by_itself_leaves_it_open(self, status: int) -> None:
        assert sent(answer(b"busy", status)) == PASSING
        told, _ = heard(API.send(PAYOUT, KEY, SETTINGS), answer(b"busy", status))
        assert told == PASSING

    @pytest.mark.parametrize("said, seconds", [("7", 7), ("0", 1), ("999999", 21_600), ("soon", None), ("-1", None)])
    def test_paypal_may_say_when_to_come_again(self, said: str, seconds: int | None) -> None:
        assert sent(answer(b"", 429, retry_after=said)) == Told("later", seconds=seconds, passing=True)

    @pytest.mark.parametrize(
        "name, status, word, reason",
        [
            ("INSUFFICIENT_FUNDS", 422, "refused", "insufficient_funds"),
            ("NEGATIVE_BALANCE", 400, "refused", "insufficient_funds"),
            ("AUTHORIZATION_ERROR", 403, "refused", "permission_missing"),
            ("REQUIRED_SCOPE_MISSING", 403, "refused", "permission_missing"),
            ("NOT_AUTHORIZED", 403, "refused", "permission_missing"),
            ("SENDER_RESTRICTED", 403, "refused", "rail_account_restricted"),
            ("SENDER_EMAIL_UNCONFIRMED", 403, "refused", "rail_account_restricted"),
            ("SENDER_LOCKED", 403, "refused", "rail_account_restricted"),
            ("SENDER_ACCOUNT_LOCKED", 403, "refused", "rail_account_restricted"),
            ("SENDER_ACCOUNT_UNVERIFIED", 403, "refused", "rail_account_restricted"),
            ("REFUSED_ACCESS_DENIED", 403, "refused", "rail_account_restricted"),
            ("CIP_NOT_VERIFIED", 403, "refused", "rail_account_restricted"),
            ("USER_COUNTRY_NOT_ALLOWED", 403, "refused", "rail_account_restricted"),
            ("SPENDING_LIMIT_EXCEEDED", 422, "refused", "rail_limit_reached"),
            ("NON_HOLDING_CURRENCY", 422, "refused", "currency_unavailable"),
            ("USER_FUNDING_SOURCE_INELIGIBLE", 422, "refused", "currency_unavailable"),
            ("RECEIVER_COUNTRY_NOT_ALLOWED", 422, "failed", "payee_country_unsupported"),
            ("INVALID_EMAIL", 400, "failed", "payee_unknown"),
            ("ZERO_AMOUNT", 400, "failed", "amount_refused"),
            ("VALIDATION_ERROR", 400, "failed", "rail_refused"),
            ("SOMETHING_NEW", 400, "failed", "rail_refused"),
            ("USER_BUSINESS_ERROR", 400, "later", None),
            ("INTERNAL_ERROR", 400, "later", None),
            ("PREVIOUS_REQUEST_IN_PROGRESS", 400, "later", None),
            ("RATE_LIMIT_VALIDATION_FAILURES", 403, "later", None),
            ("REQUEST_TIMEOUT_EXCEEDED", 400, "later", None),
            ("UNDEFINED", 400, "later", None),
        ],
    )
    def test_an_error_by_its_name(self, name: str, status: int, word: Word, reason: str | None) -> None:
        assert sent(answer(error(name), status)) == Told(word, reason, name)

    def test_a_general_error_says_among_its_details_what_it_is_about(self) -> None:
        said = error("UNPROCESSABLE_ENTITY", {"issue": "INSUFFICIENT_FUNDS"})
        assert sent(answer(said, 422)) == Told("refused", "insufficient_funds", "UNPROCESSABLE_ENTITY")

    @pytest.mark.parametrize(
        "field, reason",
        [
            ("items[0].receiver", "payee_unknown"),
            ("items[0].amount.currency", "payee_currency_unsupported"),
            ("items[0].amount.value", "amount_refused"),
            ("items[0].note", "rail_refused"),
        ],
    )
    def test_a_request_that_is_not_valid_says_by_its_field_why(self, field: str, reason: str) -> None:
        said = error("VALIDATION_ERROR", {"field": field, "location": "body", "issue": "It is invalid, and says so"})
        assert sent(answer(said, 400)) == Told("failed", reason, "VALIDATION_ERROR")

    @pytest.mark.parametrize("status", [200, 301, 302, 400, 403, 404, 422])
    @pytest.mark.parametrize("body", BAD_BODIES)
    def test_nothing_follows_from_what_is_not_paypals(self, status: int, body: bytes) -> None:
        with pytest.raises(Unreadable):
            sent(answer(body, status))

    def test_a_redirect_is_no_refusal(self) -> None:
        with pytest.raises(Unreadable):
            sent(answer(error("INSUFFICIENT_FUNDS"), 302))


class TestAdopting:
    def test_the_same_key_again_finds_the_payment(self) -> None:
        told, calls = heard(API.send(PAYOUT, KEY, SETTINGS), TOKEN, answer(duplicate(), 400), answer(BATCH))
        assert told.word == "settled"
        assert told.names == NAMES | {"transaction": "0C413693MN970190K"}
        assert [(call.method, call.path) for call in calls[1:]] == [
            ("POST", "/v1/payments/payouts"),
            ("GET", "/v1/payments/payouts/Q8KVJG9TZTNN4"),
        ]

    def test_of_the_link_only_the_id_is_followed(self) -> None:
        said = duplicate("https://elsewhere.example/v1/payments/payouts/Q8KVJG9TZTNN4?x=1")
        _, calls = heard(API.send(PAYOUT, KEY, SETTINGS), TOKEN, answer(said, 400), answer(BATCH))
        assert calls[2].path == "/v1/payments/payouts/Q8KVJG9TZTNN4"

    @pytest.mark.parametrize(
        "address",
        [None, "https://developer.paypal.com/docs/", "http://[", "/v1/payments/payouts/../x", "/v1/payments/payouts/"],
    )
    def test_without_a_link_to_the_original_it_stays_open(self, address: str | None) -> None:
        assert sent(answer(duplicate(address), 400)) == Told("later", detail="USER_BUSINESS_ERROR")

    def test_another_payments_batch_is_not_adopted(self) -> None:
        other = batch("SUCCESS", item())
        other["batch_header"]["sender_batch_header"]["sender_batch_id"] = "another"
        with pytest.raises(Unreadable):
            sent(answer(duplicate(), 400), answer(other))

    def test_an_original_that_cannot_be_shown_now_stays_open(self) -> None:
        assert sent(answer(duplicate(), 400), answer(b"", 503)) == PASSING
        assert sent(answer(duplicate(), 400), answer(error("INVALID_RESOURCE_ID"), 404)) == Told(
            "later", detail="INVALID_RESOURCE_ID"
        )


class TestLookingUp:
    def test_an_item_that_was_paid(self) -> None:
        told, calls = heard(API.look_up(PAYOUT.id, KEY, NAMES, SETTINGS), TOKEN, answer(ITEM))
        assert told == Told(
            "settled",
            names=NAMES | {"transaction": "0C413693MN970190K"},
            reference="0C413693MN970190K",
            amount=Money(13_050, "USD"),
            fee=Money(25, "USD"),
        )
        assert [call.path for call in calls] == ["/v1/oauth2/token", "/v1/payments/payouts-item/8AELMXH8UB2P8"]
        assert calls[1].method == "GET"

    def test_a_batch_leads_to_its_item(self) -> None:
        told, calls = heard(API.look_up(PAYOUT.id, KEY, {"batch": NAMES["batch"]}, SETTINGS), TOKEN, answer(BATCH))
        assert told == looked_up(answer(ITEM))
        assert calls[1].path == "/v1/payments/payouts/Q8KVJG9TZTNN4"

    def test_without_any_name_there_is_nothing_to_ask_by(self) -> None:
        told, calls = heard(API.look_up(PAYOUT.id, KEY, {}, SETTINGS))
        assert told == Told("later")
        assert calls == []
        assert API.found_by_name

    @pytest.mark.parametrize(
        "status, word, reason",
        [
            ("SUCCESS", "settled", None),
            ("NEW", "accepted", None),
            ("PENDING", "accepted", None),
            ("PROCESSING", "accepted", None),
            ("UNCLAIMED", "accepted", None),
            ("ONHOLD", "accepted", None),
            ("ON_HOLD", "accepted", None),
            ("HELD", "accepted", None),
            ("FAILED", "failed", "rail_refused"),
            ("DENIED", "failed", "rail_refused"),
            ("BLOCKED", "failed", "compliance"),
            ("RETURNED", "returned", "unclaimed"),
            ("REFUNDED", "returned", "payee_refused"),
            ("REVERSED", "returned", "reversed"),
            ("CANCELED", "returned", "cancelled"),
            ("CANCELLED", "returned", "cancelled"),
        ],
    )
    def test_an_item_by_its_status(self, status: str, word: Word, reason: str | None) -> None:
        told = looked_up(answer(item(transaction_status=status)))
        assert (told.word, told.reason) == (word, reason)
        assert told.detail == (None if word == "settled" else status)
        assert told.amount == Money(13_050, "USD")
        assert told.fee == (Money(25, "USD") if word == "settled" else None)

    def test_every_status_that_is_documented_is_known(self) -> None:
        documented = [
            "SUCCESS",
            "FAILED",
            "PENDING",
            "UNCLAIMED",
            "RETURNED",
            "ONHOLD",
            "BLOCKED",
            "REFUNDED",
            "REVERSED",
        ]
        assert {looked_up(answer(item(transaction_status=status))).word for status in documented} == {
            "settled",
            "failed",
            "accepted",
            "returned",
        }

    def test_a_status_that_is_not_known_says_nothing(self) -> None:
        with pytest.raises(Unreadable):
            looked_up(answer(item(transaction_status="VANISHED")))

    def test_an_item_without_a_status_is_on_its_way(self) -> None:
        assert looked_up(answer(item(transaction_status=None))).word == "accepted"

    @pytest.mark.parametrize(
        "name, reason",
        [
            ("INSUFFICIENT_FUNDS", "insufficient_funds"),
            ("NON_HOLDING_CURRENCY", "currency_unavailable"),
            ("ACCOUNT_RESTRICTED", "rail_account_restricted"),
            ("TRANSACTION_DECLINED_BY_TRAVEL_RULE", "rail_account_restricted"),
            ("RECEIVER_UNREGISTERED", "payee_not_ready"),
            ("RECEIVER_UNCONFIRMED", "payee_not_ready"),
            ("UNVERIFIED_RECIPIENT_NOT_SUPPORTED", "payee_not_ready"),
            ("RECEIVER_COUNTRY_NOT_ALLOWED", "payee_country_unsupported"),
            ("RECEIVER_STATE_RESTRICTED", "payee_country_unsupported"),
            ("CLOSED_MARKET", "payee_country_unsupported"),
            ("RECEIVER_ACCOUNT_LOCKED", "payee_restricted"),
            ("RECEIVER_ACCOUNT_LIMITATION", "payee_restricted"),
            ("RECEIVER_YOUTH_ACCOUNT", "payee_restricted"),
            ("SELF_PAY_NOT_ALLOWED", "payee_restricted"),
            ("RECEIVER_REFUSED", "payee_refused"),
            ("RECEIVING_LIMIT_EXCEEDED", "payee_limit_reached"),
            ("CURRENCY_COMPLIANCE", "payee_currency_unsupported"),
            ("CURRENCY_NOT_SUPPORTED_FOR_RECEIVER", "payee_currency_unsupported"),
            ("GAMER_FAILED_COUNTRY_OF_RESIDENCE_CHECK", "payee_country_unsupported"),
            ("GAMER_FAILED_FUNDING_SOURCE_CHECK", "currency_unavailable"),
            ("ACCOUNT_UNCONFIRMED_EMAIL", "rail_account_restricted"),
            ("SENDER_STATE_RESTRICTED", "rail_account_restricted"),
            ("POS_LIMIT_EXCEEDED", "rail_limit_reached"),
            ("INVALID_EMAIL", "payee_unknown"),
            ("REGULATORY_BLOCKED", "compliance"),
            ("REGULATORY_PENDING", "compliance"),
            ("RISK_DECLINE", "compliance"),
            ("TRANSACTION_LIMIT_EXCEEDED", "amount_refused"),
            ("APPROVER_DENIED", "cancelled"),
            ("INTERNAL_ERROR", "rail_refused"),
            ("UNDEFINED", "rail_refused"),
        ],
    )
    def test_an_item_that_failed_says_why(self, name: str, reason: str) -> None:
        told = looked_up(answer(item(transaction_status="FAILED", errors={"name": name, "message": "…"})))
        assert (told.word, told.reason, told.detail) == ("failed", reason, name)

    @pytest.mark.parametrize(
        "name",
        ["RECEIVER_UNREGISTERED", "RECEIVER_UNCONFIRMED", "PENDING_RECIPIENT_NON_HOLDING_CURRENCY_PAYMENT_PREFERENCE"],
    )
    def test_what_waits_for_the_creator_says_so(self, name: str) -> None:
        told = looked_up(answer(item(transaction_status="UNCLAIMED", errors={"name": name})))
        assert (told.word, told.reason, told.detail) == ("accepted", "payee_not_ready", name)

    def test_what_nobody_claimed_came_back_for_that_reason(self) -> None:
        told = looked_up(answer(item(transaction_status="RETURNED", errors={"name": "RECEIVER_UNREGISTERED"})))
        assert (told.word, told.reason) == ("returned", "unclaimed")

    def test_what_came_back_for_another_reason_says_that(self) -> None:
        told = looked_up(answer(item(transaction_status="RETURNED", errors={"name": "RECEIVER_ACCOUNT_LOCKED"})))
        assert (told.word, told.reason) == ("returned", "payee_restricted")

    @pytest.mark.parametrize("status", ["FAILED", "DENIED", "PENDING"])
    def test_a_duplicate_item_leaves_open_what_became_of_the_other_one(self, status: str) -> None:
        told = looked_up(answer(item(transaction_status=status, errors={"name": "DUPLICATE_ITEM"})))
        assert (told.word, told.detail) == ("later", "DUPLICATE_ITEM")

    @pytest.mark.parametrize("errors", [None, {}, [], "x", {"name": 1}, {"name": "an address, perhaps"}])
    def test_an_unreadable_error_hides_no_status(self, errors: Any) -> None:
        told = looked_up(answer(item(transaction_status="FAILED", errors=errors)))
        assert (told.word, told.reason, told.detail) == ("failed", "rail_refused", "FAILED")

    @pytest.mark.parametrize(
        "status, word",
        [("PENDING", "accepted"), ("PROCESSING", "accepted"), ("SUCCESS", "accepted"), ("DENIED", "failed")],
    )
    def test_a_batch_without_items_yet(self, status: str, word: Word) -> None:
        told = looked_up(answer(batch(status)), names={"batch": NAMES["batch"]})
        assert (told.word, told.names) == (word, {"batch": NAMES["batch"]})

    @pytest.mark.parametrize(
        "status, word", [(None, "failed"), ("PENDING", "failed"), ("SUCCESS", "settled"), ("UNCLAIMED", "accepted")]
    )
    def test_an_item_of_a_batch_that_was_denied(self, status: str | None, word: Word) -> None:
        """What PayPal did not take goes no further; an item that went on all the same is believed."""
        said = batch("DENIED", item(transaction_status=status, errors={"name": "INSUFFICIENT_FUNDS"}))
        told = looked_up(answer(said), names={"batch": NAMES["batch"]})
        assert told.word == word
        if word == "failed":
            assert (told.reason, told.detail) == ("insufficient_funds", "INSUFFICIENT_FUNDS")

    @pytest.mark.parametrize(
        "said",
        [
            batch("VANISHED", item()),
            batch("SUCCESS", item(), item()),
            batch("SUCCESS", item(payout_item=ITEM["payout_item"] | {"sender_item_id": "another"})),  # type: ignore[operator]
            batch("SUCCESS", item(payout_item_id=None)),
        ],
    )
    def test_a_batch_that_is_not_the_one_that_was_made(self, said: Any) -> None:
        with pytest.raises(Unreadable) as failure:
            looked_up(answer(said), names={"batch": NAMES["batch"]})
        assert failure.type is Unreadable, "PayPal says it"

    def test_another_payments_item_is_not_taken_for_it(self) -> None:
        with pytest.raises(Unreadable) as failure:
            looked_up(answer(item(payout_item=ITEM["payout_item"] | {"sender_item_id": "another"})))  # type: ignore[operator]
        assert failure.type is Unreadable, "PayPal says it"

    @pytest.mark.parametrize("status", [401, 403, 404, 429, 500])
    def test_a_look_up_that_is_refused_says_nothing_of_the_payment(self, status: int) -> None:
        names = {401: "invalid_token", 403: "NOT_AUTHORIZED", 404: "INVALID_RESOURCE_ID"}
        told = looked_up(answer(error(names.get(status, "X")), status))
        assert told.word == "later"
        assert told.reason == {401: "credentials_refused", 403: "permission_missing"}.get(status)

    @pytest.mark.parametrize(
        "name, status, reason, passing",
        [
            ("SOMETHING_NEW", 403, "permission_missing", False),
            ("SOMETHING_NEW", 400, None, False),
            ("RATE_LIMIT_VALIDATION_FAILURES", 403, None, True),
        ],
    )
    def test_a_look_up_that_is_refused_by_an_error(
        self, name: str, status: int, reason: str | None, *, passing: bool
    ) -> None:
        assert looked_up(answer(error(name), status)) == Told("later", reason, name, passing=passing)

    def test_a_look_up_without_a_token_says_nothing_of_the_payment(self) -> None:
        told, _ = heard(API.look_up(PAYOUT.id, KEY, NAMES, SETTINGS), answer({"error": "invalid_client"}, 401))
        assert told == Told("later", "credentials_refused")

    @pytest.mark.parametrize("body", BAD_BODIES)
    def test_nothing_follows_from_what_is_not_paypals(self, body: bytes) -> None:
        for status in (200, 302, 400, 403, 404):
            for names in (NAMES, {"batch": NAMES["batch"]}):
                with pytest.raises(Foreign):
                    looked_up(answer(body, status), names=names)
        with pytest.raises(Foreign):
            heard(API.look_up(PAYOUT.id, KEY, NAMES, SETTINGS), answer(body))

    @pytest.mark.parametrize("fee", [None, {"currency": "USD", "value": "0.00"}])
    def test_no_fee_is_none(self, fee: Any) -> None:
        assert looked_up(answer(item(payout_item_fee=fee))).fee is None

    @pytest.mark.parametrize(
        "fee", ["0.25", {"currency": "XXX", "value": "0.25"}, {"currency": "USD", "value": "-1"}, {}]
    )
    def test_a_fee_that_cannot_be_read_is_not_passed_over(self, fee: Any) -> None:
        with pytest.raises(Unreadable):
            looked_up(answer(item(payout_item_fee=fee)))


class TestAmounts:
    @pytest.mark.parametrize(
        "amount, currency, value",
        [
            (1, "USD", "0.01"),
            (13_050, "ILS", "130.50"),
            (10**9, "EUR", "10000000.00"),
            (500, "JPY", "500"),
            (1_234_500, "HUF", "12345"),
            (100, "TWD", "1"),
        ],
    )
    def test_are_decimal_texts_as_paypal_carries_them(self, amount: int, currency: str, value: str) -> None:
        _, calls = heard(
            API.send(replace(PAYOUT, amount=amount, currency=currency), KEY, SETTINGS), TOKEN, answer(CREATED)
        )
        assert json.loads(calls[1].body)["items"][0]["amount"] == {"currency": currency, "value": value}

    @pytest.mark.parametrize(
        "value, currency, amount",
        [
            ("1000", "JPY", 1_000),
            ("1000.00", "JPY", 1_000),
            ("1000", "HUF", 100_000),
            ("0.10", "USD", 10),
            ("7", "USD", 700),
        ],
    )
    def test_are_read_to_the_unit(self, value: str, currency: str, amount: int) -> None:
        payout = ITEM["payout_item"] | {"amount": {"currency": currency, "value": value}}  # type: ignore[operator]
        assert looked_up(answer(item(payout_item=payout))).amount == Money(amount, currency)

    @pytest.mark.parametrize(
        "value", ["0.001", "1e3", "-1.00", "1,00", "", " 1.00", "NaN", "٣.00", "9" * 16, 1.5, 1, None]
    )
    def test_that_are_none_say_nothing(self, value: Any) -> None:
        payout = ITEM["payout_item"] | {"amount": {"currency": "USD", "value": value}}  # type: ignore[operator]
        with pytest.raises(Unreadable):
            looked_up(answer(item(payout_item=payout)))

    @given(st.data())
    @trials(deadline=None)
    def test_come_back_as_they_went(self, data: st.DataObject) -> None:
        currency = data.draw(st.sampled_from([code for code in EXPONENTS if RAIL.unit(code) is not None]))
        unit = RAIL.unit(currency)
        assert unit is not None
        amount = unit * data.draw(st.integers(1, 10**7))
        _, calls = heard(
            API.send(replace(PAYOUT, amount=amount, currency=currency), KEY, SETTINGS), TOKEN, answer(CREATED)
        )
        payout = ITEM["payout_item"] | {"amount": json.loads(calls[1].body)["items"][0]["amount"]}  # type: ignore[operator]
        assert looked_up(answer(item(payout_item=payout))).amount == Money(amount, currency)

    @pytest.mark.parametrize("amount, currency", [(150, "HUF"), (1, "TWD"), (0, "USD"), (-100, "USD")])
    def test_that_paypal_cannot_carry_are_nobodys_to_round(self, amount: int, currency: str) -> None:
        with pytest.raises(ValueError, match="cannot carry"):
            heard(API.send(replace(PAYOUT, amount=amount, currency=currency), KEY, SETTINGS), TOKEN)

    def test_the_currencies_are_paypals(self) -> None:
        assert {code for code in EXPONENTS if RAIL.unit(code)} == stand_in.CURRENCIES
        assert [RAIL.unit(code) for code in ("USD", "JPY", "HUF", "TWD", "KWD", "XXX")] == [1, 1, 100, 100, None, None]


class TestObstacles:
    @pytest.mark.parametrize(
        "changes, why",
        [
            ({}, None),
            ({"email": f"{'a' * 115}@example.com"}, None),
            ({"email": f"{'a' * 116}@example.com"}, "rail_unfit_for_method"),
            ({"email": "נועה@example.com"}, "rail_unfit_for_method"),
        ],
    )
    def test_a_mailbox_that_paypal_takes(self, changes: dict[str, str], why: str | None) -> None:
        assert RAIL.obstacle(replace(PAYOUT, destination=replace(NOA, fields={**NOA.fields, **changes}))) == why

    @pytest.mark.parametrize(
        "amount, currency, why",
        [
            (999_999_999, "USD", None),
            (1_000_000_000, "USD", "rail_amount_too_large"),
            (9_999_999_999, "JPY", None),
            (10_000_000_000, "JPY", "rail_amount_too_large"),
        ],
    )
    def test_an_amount_of_ten_characters(self, amount: int, currency: str, why: str | None) -> None:
        assert RAIL.obstacle(replace(PAYOUT, amount=amount, currency=currency)) == why

    def test_only_paypal_accounts_are_paid(self) -> None:
        assert RAIL.takes == frozenset({"paypal"})
        with pytest.raises(ValueError, match="not a PayPal account"):
            RAIL.obstacle(replace(PAYOUT, destination=IBAN))


class TestSettings:
    def test_only_the_client_is_needed(self) -> None:
        assert RAIL.settings({"client_id": " id ", "client_secret": "s", "webhook_id": ""}) == {
            "client_id": "id",
            "client_secret": "s",
            "sandbox": "false",
        }
        assert not RAIL.ready
        assert RAIL.secret == {"client_secret"}

    @pytest.mark.parametrize(
        "changes, param, code",
        [
            ({"client_id": ""}, "client_id", "required"),
            ({"client_secret": " "}, "client_secret", "required"),
            ({"client_secret": "two words"}, "client_secret", "invalid"),
            ({"client_secret": "a\nb"}, "client_secret", "invalid"),
            ({"client_id": "é"}, "client_id", "invalid"),
            ({"client_id": "x" * 256}, "client_id", "invalid"),
            ({"sandbox": "yes"}, "sandbox", "not_one_of"),
            ({"clientid": "x"}, "clientid", "unknown"),
            ({"api_base_url": "http://api.example.com"}, "api_base_url", "invalid"),
            ({"api_base_url": "https://api.example.com?x"}, "api_base_url", "invalid"),
            ({"api_base_url": "https://api.example.com#x"}, "api_base_url", "invalid"),
            ({"api_base_url": "https://ápi.example.com"}, "api_base_url", "invalid"),
            ({"api_base_url": "http://127.0.0.1.example.com"}, "api_base_url", "invalid"),
            ({"api_base_url": "http://localhost@example.com"}, "api_base_url", "invalid"),
        ],
    )
    def test_what_is_wrong_is_named(self, changes: dict[str, str], param: str, code: str) -> None:
        with pytest.raises(BadSetting) as refusal:
            RAIL.settings({"client_id": "id", "client_secret": "s"} | changes)
        assert (refusal.value.param, refusal.value.code) == (param, code)

    @pytest.mark.parametrize(
        "said, address",
        [
            ({}, "https://api-m.paypal.com"),
            ({"sandbox": "false"}, "https://api-m.paypal.com"),
            ({"sandbox": "true"}, "https://api-m.sandbox.paypal.com"),
            ({"api_base_url": "http://127.0.0.1:8080/"}, "http://127.0.0.1:8080"),
            ({"api_base_url": "https://proxy.example.com/paypal/"}, "https://proxy.example.com/paypal"),
        ],
    )
    def test_where_the_api_is(self, said: dict[str, str], address: str) -> None:
        assert API.address(RAIL.settings({"client_id": "id", "client_secret": "s"} | said)) == address

    def test_are_canonical(self) -> None:
        assert RAIL.settings(SETTINGS) == SETTINGS


@given(
    st.sampled_from([("send", CREATED), ("item", ITEM), ("batch", BATCH), ("duplicate", duplicate())]).flatmap(
        lambda named: st.tuples(st.just(named[0]), bent(named[1]))
    ),
    st.sampled_from([200, 201, 204, 302, 400, 401, 403, 404, 409, 422, 429, 500, 503]),
)
@trials(max_examples=600, deadline=None)
def test_whatever_is_answered_comes_to_something_or_is_unreadable(case: tuple[str, bytes], status: int) -> None:
    kind, body = case

    def asked(call: Call) -> Answer:
        if call.path == "/v1/oauth2/token":
            return TOKEN
        return Answer(status, {}, body)

    conversation = (
        API.look_up(PAYOUT.id, KEY, NAMES if kind == "item" else {"batch": NAMES["batch"]}, SETTINGS)
        if kind in ("item", "batch")
        else API.send(PAYOUT, KEY, SETTINGS)
    )
    said = outcome(conversation, asked)
    if isinstance(said, Told):
        a_sound_answer(said)
        assert said.word not in ("absent", "refused") or kind in ("send", "duplicate")


def a_sound_answer(said: Told) -> None:
    assert said.word in get_args(Word)
    assert said.reason is None or said.reason in get_args(Reason)
    assert said.detail is None or (said.detail.isascii() and len(said.detail) <= 64)
    assert all(value.isascii() and 0 < len(value) <= 255 and " " not in value for value in said.names.values())
    assert said.amount is None or (said.amount.amount >= 0 and said.amount.currency in EXPONENTS)


# --- against the stand-in ---------------------------------------------------------------------------------------------


@pytest.fixture
def clock() -> Clock:
    return Clock(NOON)


@pytest.fixture
def api(clock: Clock) -> Iterator[PayPal]:
    with PayPal(clock) as running:
        yield running


def pays(api: PayPal, payout: Payment = PAYOUT, key: str = KEY) -> Told:
    own = RAIL.settings(api.settings)
    return talk(API.send(payout, key, own), API.address(own))


def looks(api: PayPal, names: Mapping[str, str], payout: Payment = PAYOUT, key: str = KEY) -> Told:
    own = RAIL.settings(api.settings)
    return talk(API.look_up(payout.id, key, names, own), API.address(own))


class TestOverLoopback:
    def test_paid_once_and_seen_to_be(self, api: PayPal) -> None:
        accepted = pays(api)
        assert accepted.word == "accepted"
        settled = looks(api, accepted.names)
        assert (settled.word, settled.amount, settled.fee) == ("settled", Money(13_050, "USD"), Money(25, "USD"))
        assert looks(api, settled.names) == settled
        assert api.movements == {PAYOUT.id: [Money(13_050, "USD")]}

    @pytest.mark.parametrize("fault", [lost, broken, cut])
    def test_a_payment_whose_answer_was_lost_is_adopted(self, api: PayPal, fault: Any) -> None:
        api.faults.append(fault)
        with suppress(NoAnswer, Unreadable):
            assert pays(api).word == "later"
        assert looks(api, {}).word == "later"
        api.slow = True
        adopted = pays(api)
        assert adopted.word == "accepted"
        api.slow = False
        assert looks(api, adopted.names).word == "settled"
        assert api.movements == {PAYOUT.id: [Money(13_050, "USD")]}

    @pytest.mark.parametrize("fault", [hangs_up, failing(), busy(5), failing(503)])
    def test_a_payment_that_never_was_is_made_by_the_same_again(self, api: PayPal, fault: Any) -> None:
        api.faults.append(fault)
        with suppress(NoAnswer):
            assert pays(api).word == "later"
        assert api.movements == {}
        assert pays(api).word == "accepted"
        assert pays(api).word == "settled"
        assert api.movements == {PAYOUT.id: [Money(13_050, "USD")]}

    def test_a_refusal_proves_nothing_about_an_earlier_try(self, api: PayPal) -> None:
        """The first payment took the money for want of which the second try is refused: only its adoption ends it."""
        api.funds, api.funds_first = {"USD": 13_050}, True
        api.faults.append(lost)
        with pytest.raises(NoAnswer):
            pays(api)
        assert pays(api).word == "refused"
        assert api.movements == {PAYOUT.id: [Money(13_050, "USD")]}
        api.funds = {"USD": 13_050}
        assert pays(api).word == "settled"
        assert api.movements == {PAYOUT.id: [Money(13_050, "USD")]}

    def test_without_funds_the_brand_is_told_and_nothing_moves(self, api: PayPal) -> None:
        api.funds = {"USD": 13_049}
        assert pays(api) == Told("refused", "insufficient_funds", "INSUFFICIENT_FUNDS")
        assert api.movements == {}
        api.funds = {"USD": 13_050}
        assert pays(api, key=f"{PAYOUT.id}-2").word == "accepted"
        assert api.funds == {"USD": 0}

    def test_unclaimed_and_after_thirty_days_returned(self, api: PayPal, clock: Clock) -> None:
        api.fates["noa@example.com"] = Fate("UNCLAIMED", "RECEIVER_UNREGISTERED")
        names = pays(api).names
        waiting = looks(api, names)
        assert (waiting.word, waiting.reason) == ("accepted", "payee_not_ready")
        clock.pass_(timedelta(days=29))
        assert looks(api, names).word == "accepted"
        clock.pass_(timedelta(days=1))
        back = looks(api, names)
        assert (back.word, back.reason) == ("returned", "unclaimed")
        assert timedelta(days=30) < API.watched

    def test_paid_and_refunded_later(self, api: PayPal) -> None:
        names = pays(api).names
        assert looks(api, names).word == "settled"
        api.becomes(PAYOUT.id, "REFUNDED")
        back = looks(api, names)
        assert (back.word, back.reason, back.amount) == ("returned", "payee_refused", Money(13_050, "USD"))

    def test_failed_without_having_moved(self, api: PayPal) -> None:
        api.fates[PAYOUT.id] = Fate("FAILED", "RECEIVER_COUNTRY_NOT_ALLOWED")
        told = looks(api, pays(api).names)
        assert (told.word, told.reason) == ("failed", "payee_country_unsupported")
        assert api.movements == {}

    def test_the_window_is_over_before_paypal_forgets(self, api: PayPal, clock: Clock) -> None:
        pays(api)
        clock.pass_(API.window)
        assert pays(api).word == "settled"
        assert len(api.movements[PAYOUT.id]) == 1
        clock.pass_(timedelta(days=30) - API.window)
        assert pays(api).word == "accepted"
        assert len(api.movements[PAYOUT.id]) == 2, "which is why nobody may send it again by then"

    def test_a_duplicate_without_a_link_stays_open(self, api: PayPal) -> None:
        pays(api)
        api.linked = False
        assert pays(api) == Told("later", detail="USER_BUSINESS_ERROR")
        assert len(api.movements[PAYOUT.id]) == 1

    @pytest.mark.parametrize("note, trigger", stand_in.TRIGGERS.items())
    def test_what_the_sandbox_refuses_moves_nothing(self, api: PayPal, note: str, trigger: tuple[int, str]) -> None:
        told = pays(api, replace(PAYOUT, note=note))
        status, name = trigger
        opens = status == 409 or status >= 429 or name == "USER_BUSINESS_ERROR"
        assert told.word == ("later" if opens else "failed" if name == "VALIDATION_ERROR" else "refused")
        assert api.movements == {}

    def test_a_wrong_secret(self, api: PayPal) -> None:
        own = RAIL.settings(api.settings | {"client_secret": "another"})
        assert talk(API.send(PAYOUT, KEY, own), API.address(own)) == Told("refused", "credentials_refused")

    @pytest.mark.parametrize("currency", ["HUF", "JPY", "TWD", "ILS"])
    def test_the_amount_that_arrives_is_the_one_that_was_sent(self, api: PayPal, currency: str) -> None:
        payout = replace(PAYOUT, amount=12_300, currency=currency)
        told = looks(api, pays(api, payout).names, payout)
        assert told.amount == Money(12_300, currency)
        assert api.movements == {PAYOUT.id: [Money(12_300, currency)]}


class TestCallbacks:
    def heard(self, api: PayPal, callback: Callback, **changes: str) -> Notice:
        own = RAIL.settings(api.settings | changes)
        request = Request(callback.received, callback.body)
        return talk(API.verify(request, own, NOON), API.address(own))

    def test_a_genuine_one_names_the_payout(self, api: PayPal) -> None:
        pays(api)
        assert self.heard(api, api.becomes(PAYOUT.id, "SUCCESS")) == Notice((PAYOUT.id,))

    def test_is_asked_about_in_the_very_bytes_that_came(self, api: PayPal) -> None:
        payout = b'{"payout_item" : {"sender_item_id":"' + PAYOUT.id.encode() + b'"},\n "amount": 1.00}'
        body = b'{ "summary":"\\u05d0 \xd7\x90","resource": ' + payout + b" }"
        assert self.heard(api, api.signed(body)) == Notice((PAYOUT.id,))
        assert body in api.asked[-1].body
        asked = json.loads(api.asked[-1].body)
        assert asked["webhook_id"] == api.webhook_id
        assert asked["auth_algo"] == "SHA256withRSA"

    def test_one_that_was_changed_on_the_way_is_refused(self, api: PayPal) -> None:
        pays(api)
        genuine = api.becomes(PAYOUT.id, "SUCCESS")
        with pytest.raises(BadSignature):
            self.heard(api, replace(genuine, body=genuine.body.replace(b"SUCCESS", b"FAILED!")))

    def test_one_of_another_webhook_is_refused(self, api: PayPal) -> None:
        pays(api)
        with pytest.raises(BadSignature):
            self.heard(api, api.becomes(PAYOUT.id, "SUCCESS"), webhook_id="another")

    def test_without_a_webhook_id_nobody_is_believed_nor_asked(self, api: PayPal) -> None:
        callback = api.signed(b"{}")
        with pytest.raises(BadSignature):
            self.heard(api, callback, webhook_id="")
        assert api.asked == []

    @pytest.mark.parametrize(
        "name", ["AUTH-ALGO", "CERT-URL", "TRANSMISSION-ID", "TRANSMISSION-SIG", "TRANSMISSION-TIME"]
    )
    @pytest.mark.parametrize("value", [None, "", "x" * 1_001])
    def test_one_that_is_not_signed_is_not_asked_about(self, api: PayPal, name: str, value: str | None) -> None:
        callback = api.signed(b"{}")
        headers = {key: text for key, text in callback.headers.items() if key != f"PAYPAL-{name}"}
        if value is not None:
            headers[f"PAYPAL-{name}"] = value
        with pytest.raises(BadSignature):
            self.heard(api, replace(callback, headers=headers))
        assert api.asked == []

    @pytest.mark.parametrize(
        "body", [*(body for body in BAD_BODIES if not body.startswith(b"{")), b'{}, "webhook_id": "x"']
    )
    def test_one_that_is_no_object_is_not_asked_about(self, api: PayPal, body: bytes) -> None:
        """Else it could end before its end, and answer the question itself."""
        with pytest.raises(BadSignature):
            self.heard(api, api.signed(body))
        assert api.asked == []

    def test_a_transmission_that_paypal_cannot_have_made(self, api: PayPal) -> None:
        callback = api.signed(b"{}")
        with pytest.raises(BadSignature):
            self.heard(api, replace(callback, headers={**callback.headers, "PAYPAL-TRANSMISSION-ID": "x" * 51}))

    @pytest.mark.parametrize(
        "resource",
        [
            {},
            {"batch_header": {"payout_batch_id": "Q8KVJG9TZTNN4"}},
            {"payout_item": {"sender_item_id": "somebody-else-s-1"}},
            {"payout_item": {"sender_item_id": ["po_"]}},
            {"payout_item": "x"},
        ],
    )
    def test_one_about_something_else_names_no_payout(self, api: PayPal, resource: Any) -> None:
        assert self.heard(api, api.signed(json.dumps({"resource": resource}).encode())) == Notice(())

    @pytest.mark.parametrize("said", [answer(b"", 500), answer(b"", 429), answer({}, 403), answer(b"x"), answer({})])
    def test_where_paypal_does_not_say_nobody_knows(self, said: Answer) -> None:
        headers = {f"paypal-{name}": "x" for name in ("auth-algo", "cert-url")}
        headers |= {f"paypal-transmission-{name}": "x" for name in ("id", "sig", "time")}
        with pytest.raises(Unproven):
            heard(API.verify(Request(headers, b"{}"), SETTINGS, NOON), TOKEN, said)
        with pytest.raises(Unproven):
            heard(API.verify(Request(headers, b"{}"), SETTINGS, NOON), said)

    @pytest.mark.parametrize(
        "name, text",
        [
            ("auth-algo", ""),
            ("transmission-id", ""),
            ("transmission-sig", ""),
            ("transmission-sig", "x" * 1_001),
            ("transmission-time", ""),
            ("transmission-time", "yesterday"),
            ("transmission-time", "2026-05-04T12:00:00"),
            ("transmission-time", "2026-04-30T11:59:59Z"),
            ("transmission-time", "2026-05-04T13:00:01Z"),
            ("cert-url", ""),
            ("cert-url", "http://api.paypal.com/cert"),
            ("cert-url", "https://paypal.com/cert"),
            ("cert-url", "https://paypal.com.example.net/cert"),
            ("cert-url", "https://notpaypal.com/cert"),
            ("cert-url", "https://api.paypal.com:8443/cert"),
            ("cert-url", "https://api.paypal.com@example.net/cert"),
            ("cert-url", "https://example.net/api.paypal.com/cert"),
            ("cert-url", "https://example.net\\.paypal.com/cert"),
            ("cert-url", "https://api.paypal.com/cert\n"),
        ],
    )
    def test_what_cannot_be_paypals_does_not_look_it(self, api: PayPal, name: str, text: str) -> None:
        told = api.signed(b'{"event_type": "PAYMENT.PAYOUTS-ITEM.SUCCEEDED"}')
        assert not API.looks_genuine(Request({**told.received, f"paypal-{name}": text}, told.body), NOON)

    def test_what_paypal_sends_looks_genuine_for_as_long_as_it_is_sent(self, api: PayPal) -> None:
        pays(api)
        for host in ("api.paypal.com", "api.sandbox.paypal.com"):
            told = api.becomes(PAYOUT.id, "SUCCESS")
            certificate = f"https://{host}/v1/notifications/certs/CERT-360caa42-fca2a594"
            request = Request({**told.received, "paypal-cert-url": certificate}, told.body)
            assert API.looks_genuine(request, NOON)
            assert API.looks_genuine(request, NOON + timedelta(days=4))
            assert not API.looks_genuine(request, NOON + timedelta(days=4, seconds=1))

    def test_twice_and_out_of_order_they_name_the_same(self, api: PayPal) -> None:
        pays(api)
        api.becomes(PAYOUT.id, "UNCLAIMED", "RECEIVER_UNREGISTERED")
        api.becomes(PAYOUT.id, "SUCCESS")
        assert {self.heard(api, each) for each in [*api.callbacks[::-1], *api.callbacks]} == {Notice((PAYOUT.id,))}
        assert looks(api, {"batch": api.item(PAYOUT.id).batch_id}).word == "settled"

    @given(st.binary(max_size=200), st.text(st.characters(max_codepoint=0x2FF), max_size=30))
    @trials(deadline=None)
    def test_noise_is_never_genuine(self, body: bytes, text: str) -> None:
        headers = {f"paypal-{name}": text for name in ("auth-algo", "cert-url", "transmission-id", "transmission-sig")}
        conversation = API.verify(Request(headers | {"paypal-transmission-time": text}, body), SETTINGS, NOON)
        with pytest.raises(BadSignature):
            had(
                conversation,
                lambda call: TOKEN if "oauth2" in call.path else answer({"verification_status": "FAILURE"}),
            )

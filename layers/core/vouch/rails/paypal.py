"""PayPal Payouts: money to whoever has a mailbox, from the balance of the brand's PayPal account.

Each payout is a batch of its own with one item, so that each is exact by itself. The idempotency key is its
`sender_batch_id`, which PayPal remembers for 30 days: the same again is refused with a link to the original, and that
is adopted. The payout's id is its `sender_item_id`. Nothing is kept between conversations, so each begins with a token.

A batch says little, and its SUCCESS only that PayPal is done with it: what became of the money is said by its item,
and an item's SUCCESS is not the end of it either.
"""

import json
import re
from base64 import b64encode
from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from http import HTTPStatus
from urllib.parse import quote, urlsplit

from vouch.domain import money, times
from vouch.domain.currencies import EXPONENTS
from vouch.domain.money import Money
from vouch.domain.payouts import Payment, Skipped
from vouch.rails import apis
from vouch.rails.apis import Said, read
from vouch.rails.base import (
    BRANDS,
    Answer,
    Api,
    BadSignature,
    Call,
    Conversation,
    Notice,
    Rail,
    Reason,
    Request,
    Settings,
    Told,
    Unproven,
    Unreadable,
    Word,
)

LIVE = "https://api-m.paypal.com"
SANDBOX = "https://api-m.sandbox.paypal.com"
WINDOW = timedelta(days=29)
"""PayPal says 30."""
WATCHED = timedelta(days=35)
"""What nobody claims comes back after 30 days, whatever it was called before; a recipient may give back later still."""

RECEIVER_MAX = 127
VALUE_MAX = 10
"""Characters of an amount, the point among them."""
NOTE_MAX = 1_000

_CURRENCIES = "AUD BRL CAD CHF CZK DKK EUR GBP HKD ILS MXN MYR NOK NZD PHP PLN SEK SGD THB USD"
_WHOLE = ("HUF", "JPY", "TWD")
"""Carried without decimals, whatever ISO 4217 says."""
_UNITS = dict.fromkeys(_CURRENCIES.split(), 1) | {currency: 10 ** EXPONENTS[currency] for currency in _WHOLE}

_STATUSES: Mapping[str, Word] = {
    "SUCCESS": "settled",
    "NEW": "accepted",
    "PENDING": "accepted",
    "PROCESSING": "accepted",
    "UNCLAIMED": "accepted",  # for 30 days, within which the creator may still open an account
    "ONHOLD": "accepted",
    "ON_HOLD": "accepted",
    "HELD": "accepted",
    "FAILED": "failed",
    "DENIED": "failed",
    "BLOCKED": "failed",
    "RETURNED": "returned",
    "REFUNDED": "returned",
    "REVERSED": "returned",
    "CANCELED": "returned",
    "CANCELLED": "returned",
}
_BY_STATUS: Mapping[str, Reason] = {
    "RETURNED": "unclaimed",
    "REFUNDED": "payee_refused",
    "REVERSED": "reversed",
    "CANCELED": "cancelled",
    "CANCELLED": "cancelled",
    "BLOCKED": "compliance",
    "FAILED": "rail_refused",
    "DENIED": "rail_refused",
}
_BATCHES = {
    "NEW": True,
    "ACKNOWLEDGED": True,
    "PENDING": True,
    "PROCESSING": True,
    "SUCCESS": True,
    "DENIED": False,
    "CANCELED": False,
}
"""Whether PayPal took the batch, by its status: of one that it did not, no item goes any further."""
_REASONS: Mapping[str, Reason] = {
    "INSUFFICIENT_FUNDS": "insufficient_funds",
    "NEGATIVE_BALANCE": "insufficient_funds",
    "AUTHENTICATION_FAILURE": "credentials_refused",
    "INVALID_CLIENT": "credentials_refused",
    "NOT_AUTHORIZED": "permission_missing",
    "PERMISSION_DENIED": "permission_missing",
    "REQUIRED_SCOPE_MISSING": "permission_missing",
    "AUTHORIZATION_ERROR": "permission_missing",  # the account was not enabled for payouts
    "ACCOUNT_RESTRICTED": "rail_account_restricted",
    "ACCOUNT_UNCONFIRMED_EMAIL": "rail_account_restricted",
    "CIP_NOT_VERIFIED": "rail_account_restricted",
    "REFUSED_ACCESS_DENIED": "rail_account_restricted",
    "SENDER_ACCOUNT_LOCKED": "rail_account_restricted",
    "SENDER_ACCOUNT_UNVERIFIED": "rail_account_restricted",
    "SENDER_EMAIL_UNCONFIRMED": "rail_account_restricted",
    "SENDER_LOCKED": "rail_account_restricted",
    "SENDER_RESTRICTED": "rail_account_restricted",
    "SENDER_STATE_RESTRICTED": "rail_account_restricted",
    "TRANSACTION_DECLINED_BY_TRAVEL_RULE": "rail_account_restricted",
    "USER_COUNTRY_NOT_ALLOWED": "rail_account_restricted",
    "APPROVER_DENIED": "cancelled",
    "POS_LIMIT_EXCEEDED": "rail_limit_reached",
    "SPENDING_LIMIT_EXCEEDED": "rail_limit_reached",
    "GAMER_FAILED_FUNDING_SOURCE_CHECK": "currency_unavailable",
    "NON_HOLDING_CURRENCY": "currency_unavailable",
    "USER_FUNDING_SOURCE_INELIGIBLE": "currency_unavailable",
    "INVALID_EMAIL": "payee_unknown",
    "RECEIVER_UNCONFIRMED": "payee_not_ready",
    "RECEIVER_UNREGISTERED": "payee_not_ready",
    "UNVERIFIED_RECIPIENT_NOT_SUPPORTED": "payee_not_ready",
    "PENDING_RECIPIENT_NON_HOLDING_CURRENCY_PAYMENT_PREFERENCE": "payee_not_ready",
    "RECEIVER_ACCOUNT_LIMITATION": "payee_restricted",
    "RECEIVER_ACCOUNT_LOCKED": "payee_restricted",
    "RECEIVER_YOUTH_ACCOUNT": "payee_restricted",
    "SELF_PAY_NOT_ALLOWED": "payee_restricted",
    "RECEIVER_REFUSED": "payee_refused",
    "RECEIVING_LIMIT_EXCEEDED": "payee_limit_reached",
    "CLOSED_MARKET": "payee_country_unsupported",
    "GAMER_FAILED_COUNTRY_OF_RESIDENCE_CHECK": "payee_country_unsupported",
    "RECEIVER_COUNTRY_NOT_ALLOWED": "payee_country_unsupported",
    "RECEIVER_STATE_RESTRICTED": "payee_country_unsupported",
    "CURRENCY_COMPLIANCE": "payee_currency_unsupported",
    "CURRENCY_NOT_SUPPORTED_FOR_RECEIVER": "payee_currency_unsupported",
    "REGULATORY_BLOCKED": "compliance",
    "REGULATORY_PENDING": "compliance",
    "RISK_DECLINE": "compliance",
    "TRANSACTION_LIMIT_EXCEEDED": "amount_refused",
    "ZERO_AMOUNT": "amount_refused",
}
_OPEN = frozenset(
    {
        "DUPLICATE_ITEM",
        "USER_BUSINESS_ERROR",  # above all of a batch by that id, and the link to it may be missing
        "INTERNAL_ERROR",
        "INTERNAL_SERVER_ERROR",
        "INTERNAL_SERVICE_ERROR",
        "PREVIOUS_REQUEST_IN_PROGRESS",
        "RATE_LIMIT_REACHED",
        "RATE_LIMIT_VALIDATION",
        "RATE_LIMIT_VALIDATION_FAILURES",
        "REQUEST_TIMEOUT_EXCEEDED",
        "RESOURCE_CONFLICT",
        "SERVICE_UNAVAILABLE",
        "UNDEFINED",
    }
)
"""Errors of a request after which nobody knows whether there is a payment."""
_FIELDS: Sequence[tuple[str, Reason]] = (
    ("receiver", "payee_unknown"),
    ("currency", "payee_currency_unsupported"),
    ("amount", "amount_refused"),
)
"""What was wrong with a request, by the name of the field that PayPal refuses."""

_BATCH_LINK = re.compile(r"/v1/payments/payouts/([A-Za-z0-9_-]{1,64})/?")
_SIGNED_BY = ("auth_algo", "cert_url", "transmission_id", "transmission_sig", "transmission_time")
_SIGNED_MAX = 1_000
_CERTIFICATE = re.compile(r"https://(?:[a-z0-9-]+\.)+paypal\.com/[!-~]*")
_RESENT_FOR = timedelta(days=4)
"""PayPal says three days; whether what comes again is dated anew it does not say."""
_AHEAD_MAX = timedelta(hours=1)


def _settings(said: Mapping[str, str]) -> Settings:
    """`webhook_id` is what callbacks are proven by, without which none is believed; it is no sandbox unless said."""
    return {"sandbox": "false"} | apis.account(said, ("client_id", "client_secret"), ("webhook_id",))


def _address(settings: Settings) -> str:
    return settings.get("api_base_url") or (SANDBOX if settings["sandbox"] == "true" else LIVE)


def _is_live(settings: Settings) -> bool:
    """PayPal's own hosts say it, whatever is called a sandbox; of another host nothing is known but what was said."""
    host = (urlsplit(_address(settings)).hostname or "").rstrip(".")
    if host.endswith(".paypal.com"):
        return not host.endswith(".sandbox.paypal.com")
    return settings["sandbox"] == "false"


def _obstacle(payment: Payment) -> Skipped | None:
    receiver = _receiver(payment)
    if len(receiver) > RECEIVER_MAX or not receiver.isascii():
        return "rail_unfit_for_method"
    return "rail_amount_too_large" if len(_value(payment.amount, payment.currency)) > VALUE_MAX else None


# --- paying -----------------------------------------------------------------------------------------------------------


def _send(payment: Payment, key: str, settings: Settings) -> Conversation:
    token = yield from _token(settings)
    if isinstance(token, Told):
        return token
    body = json.dumps(
        {
            "sender_batch_header": {"sender_batch_id": key},
            "items": [
                {
                    "recipient_type": "EMAIL",
                    "receiver": _receiver(payment),
                    "amount": {
                        "currency": payment.currency,
                        "value": _value(payment.amount, payment.currency),
                    },
                    "sender_item_id": payment.id,
                    "note": payment.note[:NOTE_MAX],
                }
            ],
        }
    )
    answer = yield Call("POST", "/v1/payments/payouts", headers=_headers(token), body=body.encode())
    if answer.status in apis.SUCCESS:
        batch = read(answer.body).child("batch_header").identifier("payout_batch_id")
        return Told("accepted", names={"batch": batch}, reference=batch)
    if answer.status == HTTPStatus.UNAUTHORIZED:
        return Told("refused", "credentials_refused")
    if apis.passes(answer):
        return _later(answer)
    error = apis.refusal(answer)
    original = _original(error)
    if original is not None:
        return (yield from _look_at_batch(payment.id, key, original, token))
    return _refusal(error)


def _look_up(payout_id: str, key: str, names: Mapping[str, str], settings: Settings) -> Conversation:
    """By the item, else by the batch, as PayPal named them.

    Where the answer that named them was lost there is nothing to ask by, for PayPal finds nothing by our own ids. It is
    `send` that finds the payment then: while PayPal remembers the key, the same again is refused with a link to it.
    """
    if "batch" not in names:
        return Told("later")
    token = yield from _token(settings)
    if isinstance(token, Told):
        return replace(token, word="later")
    if "item" in names:
        return (yield from _look_at_item(payout_id, names["item"], token))
    return (yield from _look_at_batch(payout_id, key, names["batch"], token))


def _look_at_batch(payout_id: str, key: str, batch_id: str, token: str) -> Conversation:
    answer = yield Call("GET", f"/v1/payments/payouts/{quote(batch_id, safe='')}", headers=_headers(token))
    if answer.status not in apis.SUCCESS:
        return _not_shown(answer)
    with apis.recognising():
        batch = read(answer.body)
        header = batch.child("batch_header")
    if header.child("sender_batch_header").identifier("sender_batch_id") != key:
        raise Unreadable("sender_batch_id: another payment's")
    status = header.word("batch_status")
    names = {"batch": batch_id}
    items = batch.children("items")
    if len(items) > 1:
        raise Unreadable("items: more than the one that was sent")
    if status not in _BATCHES:
        raise Unreadable("batch_status: not one that is known here")
    if items:
        return _item(payout_id, items[0], taken=_BATCHES[status])
    if _BATCHES[status]:
        return Told("accepted", names=names, reference=batch_id)
    return Told("failed", "rail_refused", status, names=names, reference=batch_id)


def _look_at_item(payout_id: str, item_id: str, token: str) -> Conversation:
    answer = yield Call("GET", f"/v1/payments/payouts-item/{quote(item_id, safe='')}", headers=_headers(token))
    if answer.status not in apis.SUCCESS:
        return _not_shown(answer)
    with apis.recognising():
        item = read(answer.body)
        item.child("payout_item")
    return _item(payout_id, item)


def _item(payout_id: str, item: Said, *, taken: bool = True) -> Told:
    payout = item.child("payout_item")
    if payout.identifier("sender_item_id") != payout_id:
        raise Unreadable("sender_item_id: another payment's")
    item_id, transaction = item.identifier("payout_item_id"), item.identifier_or_none("transaction_id")
    names = {"batch": item.identifier("payout_batch_id"), "item": item_id}
    if transaction is not None:
        names["transaction"] = transaction
    status = item.word("transaction_status") if item.has("transaction_status") else "PENDING"
    if not taken and status in ("NEW", "PENDING"):
        status = "DENIED"
    if status not in _STATUSES:
        raise Unreadable("transaction_status: not one that is known here")
    word, error = _STATUSES[status], item.hinted("errors").hint("name")
    if error == "DUPLICATE_ITEM":  # of another item by that id, which may well have been paid
        return Told("later", detail=error, names=names)
    reason = _REASONS.get(error or "")
    if reason is None or (word == "returned" and reason == "payee_not_ready"):
        reason = _BY_STATUS.get(status)
    return Told(
        word,
        None if word == "settled" else reason,
        None if word == "settled" else error or status,
        names=names,
        reference=transaction or item_id,
        amount=_amount(payout.child("amount")),
        fee=_fee(item) if word == "settled" else None,
    )


def _fee(item: Said) -> Money | None:
    """An estimate until the item is through, and of what came back PayPal does not say what it kept."""
    said = item.child_or_none("payout_item_fee")
    fee = None if said is None else _amount(said)
    return fee if fee and fee.amount else None


def _amount(said: Said) -> Money:
    return said.money("value", "currency")


def _value(amount: int, currency: str) -> str:
    whole, rest = divmod(amount, _UNITS[currency])
    if rest or amount <= 0:
        raise ValueError(f"PayPal cannot carry {amount} minor units of {currency}")
    return str(whole) if currency in _WHOLE else money.major(amount, currency)


def _receiver(payment: Payment) -> str:
    if payment.destination is None or payment.destination.kind != "paypal":
        raise ValueError("not a PayPal account")
    return payment.destination.fields["email"]


# --- what PayPal does not do ------------------------------------------------------------------------------------------


def _later(answer: Answer) -> Told:
    return Told("later", seconds=apis.wait(answer), passing=True)


def _not_shown(answer: Answer) -> Told:
    """A look-up's refusal says nothing of the payment; not found are those of another account, too."""
    if answer.status == HTTPStatus.UNAUTHORIZED:
        return Told("later", "credentials_refused")
    if apis.passes(answer):
        return _later(answer)
    with apis.recognising():
        names = _error_names(apis.refusal(answer))
    if _OPEN.intersection(names):
        return Told("later", detail=names[0], passing=True)
    reason = next((_REASONS[name] for name in names if name in _REASONS), None)
    if reason is None and answer.status == HTTPStatus.FORBIDDEN:
        reason = "permission_missing"
    return Told("later", reason, names[0])


def _refusal(error: Said) -> Told:
    """Of a request that PayPal did not take: nothing was made by this one."""
    names = _error_names(error)
    if _OPEN.intersection(names):
        return Told("later", detail=names[0])
    reason = next((_REASONS[name] for name in names if name in _REASONS), None) or _refused_field(error)
    return Told("refused" if reason in BRANDS else "failed", reason, names[0])


def _error_names(error: Said) -> Sequence[str]:
    """Newer errors have a general name, and what it is about among their details."""
    issues = [detail.hint("issue") for detail in error.hinted_list("details")]
    return [error.word("name"), *(issue for issue in issues if issue is not None)]


def _refused_field(error: Said) -> Reason:
    fields = [detail.text("field").lower() for detail in error.hinted_list("details")]
    return next((reason for name, reason in _FIELDS for field in fields if name in field), "rail_refused")


def _original(error: Said) -> str | None:
    """The batch that a refusal links to. Of the address only the id is taken: where to call is ours to say."""
    for link in error.hinted_list("links"):
        found = _BATCH_LINK.fullmatch(_path(link.text("href")))
        if found is not None:
            return found[1]
    return None


def _path(address: str) -> str:
    try:
        return urlsplit(address).path
    except ValueError:
        return ""


def _token(settings: Settings) -> Generator[Call, Answer, str | Told]:
    pair = f"{settings['client_id']}:{settings['client_secret']}"
    headers = {
        "Authorization": f"Basic {b64encode(pair.encode()).decode()}",
        "Content-Type": "application/x-www-form-urlencoded",
        "Accept": "application/json",
    }
    answer = yield Call("POST", "/v1/oauth2/token", headers=headers, body=b"grant_type=client_credentials")
    if apis.passes(answer):
        return _later(answer)
    with apis.recognising():
        if answer.status in apis.SUCCESS:
            return read(answer.body).secret("access_token")
        if answer.status != HTTPStatus.UNAUTHORIZED:
            apis.refusal(answer)
    return Told("refused", "credentials_refused")


def _headers(token: str) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Accept": "application/json"}


# --- callbacks --------------------------------------------------------------------------------------------------------


def _signed(request: Request) -> Mapping[str, str]:
    return {name: request.headers.get(f"paypal-{name.replace('_', '-')}", "") for name in _SIGNED_BY}


def _looks_genuine(request: Request, now: datetime) -> bool:
    """A certificate of PayPal's own, and a date within its tries."""
    signed = _signed(request)
    try:
        age = now - times.parse(signed["transmission_time"])
    except ValueError:
        return False
    return (
        all(0 < len(value) <= _SIGNED_MAX for value in signed.values())
        and _CERTIFICATE.fullmatch(signed["cert_url"]) is not None
        and -_AHEAD_MAX <= age <= _RESENT_FOR
    )


def _verify(request: Request, settings: Settings, now: datetime) -> Generator[Call, Answer, Notice]:  # noqa: ARG001
    """PayPal is asked whether it was PayPal, about the very bytes that came.

    Events of a batch name no item, and so no payout.
    """
    signed = _signed(request)
    webhook_id = settings.get("webhook_id")
    if webhook_id is None or not all(0 < len(value) <= _SIGNED_MAX for value in signed.values()):
        raise BadSignature
    try:
        event = read(request.body)  # and so it cannot end before its end, where it stands in the question
    except Unreadable:
        raise BadSignature from None
    try:
        genuine = yield from _is_genuine({**signed, "webhook_id": webhook_id}, request.body, settings)
    except Unreadable as unreadable:
        raise Unproven(str(unreadable)) from None
    if not genuine:
        raise BadSignature
    return Notice(apis.payout_ids(event.hinted("resource").hinted("payout_item").text("sender_item_id")))


def _is_genuine(signed: Mapping[str, str], event: bytes, settings: Settings) -> Generator[Call, Answer, bool]:
    """Raises Unreadable where PayPal does not say."""
    token = yield from _token(settings)
    if isinstance(token, Told):
        raise Unreadable("no token to ask by")
    body = json.dumps(signed).encode()[:-1] + b', "webhook_event": ' + event + b"}"
    answer = yield Call("POST", "/v1/notifications/verify-webhook-signature", headers=_headers(token), body=body)
    if answer.status == HTTPStatus.BAD_REQUEST:
        return False  # what was signed is not even of the form that PayPal's has
    if answer.status not in apis.SUCCESS:
        raise Unreadable("no answer to whether it is genuine")
    return read(answer.body).word("verification_status") == "SUCCESS"


RAIL = Rail(
    name="paypal",
    unit=_UNITS.get,
    takes=frozenset({"paypal"}),
    obstacle=_obstacle,
    settings=_settings,
    secret=frozenset({"client_secret"}),
    identity=frozenset({"client_id"}),
    api=Api(
        address=_address,
        send=_send,
        look_up=_look_up,
        window=WINDOW,
        looks_genuine=_looks_genuine,
        verify=_verify,
        watched=WATCHED,
        found_by_name=True,
    ),
    is_live=_is_live,
)

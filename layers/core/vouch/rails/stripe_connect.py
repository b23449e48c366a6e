"""Stripe Connect: transfers from the brand's balance to the creators' connected accounts.

A transfer is made at once or not at all, and then the money is the creator's: when their account pays it out to a bank
is between them and Stripe. It is found again by its `transfer_group`, the payout's id. Stripe keeps the answer to a key
for 24 hours, a 500 and a refusal, too, and gives the same one again; so nothing that it says has failed or was refused
is believed before a look at the group shows that there is no transfer.
"""

import re
from collections.abc import Generator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from http import HTTPStatus
from urllib.parse import urlencode

from vouch import stripe_signatures
from vouch.domain.currencies import EXPONENTS
from vouch.domain.money import AMOUNT_MAX, Money
from vouch.domain.payouts import Payment
from vouch.rails import apis, settings
from vouch.rails.apis import Said, read
from vouch.rails.base import (
    BRANDS,
    Answer,
    Api,
    BadSetting,
    BadSignature,
    Call,
    Conversation,
    Notice,
    Rail,
    Reason,
    Request,
    Settings,
    Told,
    Unreadable,
)

ADDRESS = "https://api.stripe.com"
API_VERSION = "2026-06-24.dahlia"
WINDOW = timedelta(hours=23)
"""Stripe says 24."""
PATIENCE = 3600
"""Seconds until the next look, where Stripe says that the same request again will not help."""

_CURRENCIES = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BWP BYN BZD CAD CDF CHF CNY COP CRC CVE CZK "
    "DKK DOP DZD EGP ETB EUR FJD FKP GBP GEL GIP GMD GTQ GYD HKD HNL HTG IDR ILS INR JMD KES KGS KHR KYD KZT LAK LBP "
    "LKR LRD LSL MAD MDL MKD MMK MNT MOP MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR "
    "RON RSD RUB SAR SBD SCR SEK SGD SHP SLE SOS SRD SZL THB TJS TOP TRY TTD TZS UAH USD UYU UZS WST XCD XCG "
    "YER ZAR ZMW"
)
_WITHOUT_DECIMALS = "BIF CLP DJF GNF JPY KMF KRW PYG RWF VND VUV XAF XOF XPF"
_UNITS: Mapping[str, int] = (
    dict.fromkeys(f"{_CURRENCIES} {_WITHOUT_DECIMALS} ISK UGX".split(), 1)
    | {"MGA": 100}  # without the decimals that ISO 4217 has
    | dict.fromkeys(("HUF", "TWD"), 100)  # banks are paid whole ones, so a fraction would never leave the account
    | dict.fromkeys(("BHD", "JOD", "KWD", "OMR", "TND"), 10)  # the third decimal has to be 0
)
_SMALLEST = {"ISK": (100, 1), "UGX": (100, 1), "MGA": (1, 100)}
"""Where Stripe's smallest unit is not that of ISO 4217: how many of it make one of ours, as a fraction.

ISK and UGX have no decimals any more, and are written as if they still had two.
"""

_REASONS: Mapping[str, Reason] = {
    "balance_insufficient": "insufficient_funds",
    "insufficient_funds": "insufficient_funds",
    "api_key_expired": "credentials_refused",
    "platform_api_key_expired": "credentials_refused",
    "secret_key_required": "credentials_refused",
    "testmode_charges_only": "rail_account_restricted",
    "platform_account_required": "rail_account_restricted",
    "account_invalid": "payee_unknown",
    "no_account": "payee_unknown",
    "resource_missing": "payee_unknown",
    "insufficient_capabilities_for_transfer": "payee_not_ready",
    "account_closed": "payee_restricted",
    "transfers_not_allowed": "payee_restricted",
    "country_unsupported": "payee_country_unsupported",
    "amount_too_large": "amount_refused",
    "amount_too_small": "amount_refused",
}
_BY_PARAMETER: Mapping[str, Reason] = {
    "destination": "payee_restricted",  # such as an account in a country that this platform may not send to
    "currency": "currency_unavailable",
    "amount": "amount_refused",
}
_OPEN = frozenset({"idempotency_error", "idempotency_key_in_use", "lock_timeout", "rate_limit", "api_error"})
"""Types and codes of errors after which nobody knows whether there is a transfer."""
_LISTED_MAX = "100"
_KEY = re.compile("[sr]k_(live|test)_")
_ACCOUNT = re.compile("acct_[A-Za-z0-9]{1,64}")


def _settings(said: Mapping[str, str]) -> Settings:
    """`webhook_secret` is what callbacks are proven by, `former_webhook_secret` likewise while it is being rolled.

    `account` is the platform's own: a key does not say whose it is, and one that was rolled is another key of the same
    account. `sandbox` is as the key says, and may be said, too.
    """
    found = apis.account(said, ("account", "secret_key"), ("webhook_secret", "former_webhook_secret"))
    mode = _KEY.match(found["secret_key"])
    if mode is None:
        raise BadSetting("secret_key", settings.INVALID)
    if not _ACCOUNT.fullmatch(found["account"]):
        raise BadSetting("account", settings.INVALID)
    sandbox = "true" if mode[1] == "test" else "false"
    if found.setdefault("sandbox", sandbox) != sandbox:
        raise BadSetting("sandbox", settings.INVALID)
    return found


def _address(settings: Settings) -> str:
    return settings.get("api_base_url", ADDRESS)


# --- paying -----------------------------------------------------------------------------------------------------------


def _send(payment: Payment, key: str, settings: Settings) -> Conversation:
    """Sends what the payment alone decides: with another body the key would get no answer at all."""
    form = {
        "amount": _smallest(payment.amount, payment.currency),
        "currency": payment.currency.lower(),
        "destination": _destination(payment),
        "transfer_group": payment.id,
        "metadata[payout_id]": payment.id,
    }
    headers = _headers(settings) | {"Content-Type": "application/x-www-form-urlencoded", "Idempotency-Key": key}
    answer = yield Call("POST", "/v1/transfers", headers=headers, body=urlencode(form).encode())
    if answer.status in apis.SUCCESS:
        return _transfer(payment.id, read(answer.body))
    told = _not_done(answer)
    stopped = answer.headers.get("stripe-should-retry") == "false"
    if told.reason in ("credentials_refused", "permission_missing") or (told.word == "later" and not stopped):
        return told
    found = yield from _look_up(payment.id, key, {}, settings)
    if found.word != "absent":
        return found
    return replace(told, seconds=max(told.seconds or 0, PATIENCE)) if told.word == "later" else told


def _look_up(payout_id: str, key: str, names: Mapping[str, str], settings: Settings) -> Conversation:  # noqa: ARG001
    query = (("transfer_group", payout_id), ("limit", _LISTED_MAX))
    answer = yield Call("GET", "/v1/transfers", query=query, headers=_headers(settings))
    if answer.status not in apis.SUCCESS:
        told = _not_done(answer)
        return replace(told, word="later")
    with apis.recognising():
        listed = read(answer.body)
        if listed.word("object") != "list" or not listed.has("data"):
            raise Unreadable("object: not a list")
    transfers = listed.children("data")
    if len(transfers) > 1:
        raise Unreadable("data: more than one transfer of the payout")
    return _transfer(payout_id, transfers[0]) if transfers else Told("absent")


def _transfer(payout_id: str, transfer: Said) -> Told:
    """Of one that was reversed in part the whole is still called settled: what came back is not booked by anybody.

    It is said of the payout and shows in clearing, and the brand posts an adjustment. The last part makes it one that
    came back.
    """
    if transfer.word("object") != "transfer" or transfer.identifier("transfer_group") != payout_id:
        raise Unreadable("transfer_group: not the transfer of the payout")
    transfer_id = transfer.identifier("id")
    amount, back = transfer.whole("amount"), transfer.whole("amount_reversed")
    if amount == 0 or back > amount or transfer.flag("reversed") != (back == amount):
        raise Unreadable("amount_reversed: not a part of the amount")
    currency = transfer.word("currency").upper()
    told = Told(
        "settled",
        names={"transfer": transfer_id},
        reference=transfer_id,
        amount=_minor(amount, currency),
    )
    if back == amount:
        return replace(told, word="returned", reason="reversed")
    return replace(told, reason="partly_reversed", came_back=_minor(back, currency)) if back else told


def _smallest(amount: int, currency: str) -> int:
    many, one = _SMALLEST.get(currency, (1, 1))
    if amount <= 0 or amount % _UNITS[currency]:
        raise ValueError(f"Stripe cannot carry {amount} minor units of {currency}")
    return amount * many // one


def _minor(smallest: int, currency: str) -> Money:
    many, one = _SMALLEST.get(currency, (1, 1))
    amount, rest = divmod(smallest * one, many)
    if currency not in EXPONENTS or rest or amount > AMOUNT_MAX:
        raise Unreadable("amount: not one of its currency as Stripe writes it")
    return Money(amount, currency)


def _destination(payment: Payment) -> str:
    if payment.destination is None or payment.destination.kind != "stripe":
        raise ValueError("not a Stripe account")
    return payment.destination.fields["account"]


def _headers(settings: Settings) -> dict[str, str]:
    return {"Authorization": f"Bearer {settings['secret_key']}", "Stripe-Version": API_VERSION}


# --- what Stripe does not do ------------------------------------------------------------------------------------------


def _not_done(answer: Answer) -> Told:
    """Why this request did nothing, or that nobody knows."""
    if answer.status == HTTPStatus.UNAUTHORIZED:
        return Told("refused", "credentials_refused")
    if apis.passes(answer) or answer.headers.get("stripe-should-retry") == "true":
        return Told("later", seconds=apis.wait(answer), passing=True)
    with apis.recognising():
        error = apis.refusal(answer).child("error")
        kind = error.word("type")
    code = error.hint("code")
    if _OPEN.intersection((kind, code)):
        return Told("later", detail=code or kind, seconds=apis.wait(answer), passing=True)
    reason = _REASONS.get(code or "") or _BY_PARAMETER.get(error.hint("param") or "")
    if reason is None:
        reason = "permission_missing" if answer.status == HTTPStatus.FORBIDDEN else "rail_refused"
    return Told("refused" if reason in BRANDS else "failed", reason, code or kind)


# --- callbacks --------------------------------------------------------------------------------------------------------


def _looks_genuine(request: Request, now: datetime) -> bool:
    return stripe_signatures.plausible(request.headers.get("stripe-signature", ""), now)


def _verify(request: Request, settings: Settings, now: datetime) -> Generator[Call, Answer, Notice]:
    yield from ()  # a signature needs nobody to be asked
    secrets = [settings[name] for name in ("webhook_secret", "former_webhook_secret") if name in settings]
    if not stripe_signatures.proven(request.headers.get("stripe-signature", ""), request.body, secrets, now):
        raise BadSignature
    told = read(request.body).hinted("data").hinted("object")
    return Notice(apis.payout_ids(told.text("transfer_group")) if told.text("object") == "transfer" else ())


RAIL = Rail(
    name="stripe_connect",
    unit=_UNITS.get,
    takes=frozenset({"stripe"}),
    obstacle=lambda _: None,
    settings=_settings,
    secret=frozenset({"secret_key", "webhook_secret", "former_webhook_secret"}),
    identity=frozenset({"account", "sandbox"}),
    api=Api(
        address=_address,
        send=_send,
        look_up=_look_up,
        window=WINDOW,
        looks_genuine=_looks_genuine,
        verify=_verify,
    ),
    is_live=lambda settings: settings["sandbox"] == "false",
)

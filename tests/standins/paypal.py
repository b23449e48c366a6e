"""PayPal's payouts in small: batches and their items, a balance that they leave, and events that tell of them.

Faults are for payments only, unless `everywhere`. The notes by which PayPal's sandbox is made to fail work here, too.
"""

import base64
import hmac
import json
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, override
from urllib.parse import unquote

from tests.standins.callbacks import Callback
from tests.standins.server import Asked, StandIn, Told
from vouch.domain.money import Money, major, minor

PAYOUTS = "/v1/payments/payouts"
ITEMS = "/v1/payments/payouts-item"
VERIFY = "/v1/notifications/verify-webhook-signature"
REMEMBERED = timedelta(days=30)
CLAIMABLE = timedelta(days=30)
TOKENS_LAST = timedelta(hours=9)
WHOLE = {"HUF", "JPY", "TWD"}
CURRENCIES = WHOLE | {
    *("AUD", "BRL", "CAD", "CHF", "CZK", "DKK", "EUR", "GBP", "HKD", "ILS"),
    *("MXN", "MYR", "NOK", "NZD", "PHP", "PLN", "SEK", "SGD", "THB", "USD"),
}
TRIGGERS = {
    "ERRPYO001": (403, "SENDER_RESTRICTED"),
    "ERRPYO002": (403, "SENDER_EMAIL_UNCONFIRMED"),
    "ERRPYO003": (403, "AUTHORIZATION_ERROR"),
    "ERRPYO005": (422, "INSUFFICIENT_FUNDS"),
    "ERRPYO006": (500, "INTERNAL_ERROR"),
    "ERRPYO010": (400, "VALIDATION_ERROR"),
    "ERRPYO011": (403, "REQUIRED_SCOPE_MISSING"),
    "ERRPYO012": (403, "SENDER_LOCKED"),
    "ERRPYO014": (400, "USER_BUSINESS_ERROR"),
    "ERRPYO035": (429, "RATE_LIMIT_VALIDATION"),
    "ERRPYO036": (504, "REQUEST_TIMEOUT_EXCEEDED"),
    "ERRPYO038": (422, "NON_HOLDING_CURRENCY"),
    "ERRPYO039": (409, "PREVIOUS_REQUEST_IN_PROGRESS"),
    "ERRPYO040": (403, "CIP_NOT_VERIFIED"),
}
"""What a note makes PayPal answer to the request that it is in."""
_NOTHING_MOVED = {"FAILED", "DENIED", "BLOCKED"}
_EVENTS = {
    "SUCCESS": "SUCCEEDED",
    "UNCLAIMED": "UNCLAIMED",
    "ONHOLD": "HELD",
    "FAILED": "FAILED",
    "DENIED": "DENIED",
    "BLOCKED": "BLOCKED",
    "RETURNED": "RETURNED",
    "REFUNDED": "REFUNDED",
    "REVERSED": "REFUNDED",
    "CANCELED": "CANCELED",
}
_JSON = json.JSONDecoder()


@dataclass
class Item:
    id: str
    batch_id: str
    sender_batch_id: str
    said: dict[str, Any]
    made_at: datetime
    status: str = "PENDING"
    error: str | None = None
    fee: Money | None = None

    @property
    def payout_id(self) -> str:
        return str(self.said["sender_item_id"])

    @property
    def amount(self) -> Money:
        currency = self.said["amount"]["currency"]
        return Money(minor(self.said["amount"]["value"], currency), currency)


@dataclass
class Fate:
    """What becomes of an item once PayPal comes to it."""

    status: str = "SUCCESS"
    error: str | None = None


class PayPal(StandIn):
    """One business account. `clock` is PayPal's own time; `funds` are in minor units, None: it never runs dry."""

    def __init__(self, clock: Callable[[], datetime], *, funds: dict[str, int] | None = None, fee: int = 25) -> None:
        super().__init__()
        self.clock = clock
        self.client_id, self.client_secret, self.webhook_id = "client", "client-secret", "0EH40505U7160970P"
        self.funds = funds
        self.fee = fee
        self.fates: dict[str, Fate] = {}
        """By receiver or payout id; anybody else is paid."""
        self.slow = False
        """Items stay pending until `work_on`; else they are through once somebody asks after them."""
        self.everywhere = False
        self.linked = True
        """Whether the refusal of a batch that exists links to it."""
        self.funds_first = False
        """Whether the balance is looked at before what is known already; which it is at PayPal nobody says."""
        self.items: dict[str, Item] = {}
        self.callbacks: list[Callback] = []
        """All that has been said, in the order in which it happened."""
        self._batches: dict[str, tuple[str, datetime]] = {}
        self._tokens: dict[str, datetime] = {}

    @property
    def settings(self) -> dict[str, str]:
        """A brand's, for this account."""
        return {
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "webhook_id": self.webhook_id,
            "sandbox": "true",
            "api_base_url": self.address,
        }

    @property
    def movements(self) -> dict[str, list[Money]]:
        """What was taken on for each payout id, whether it came back later or not."""
        found: dict[str, list[Money]] = {}
        for item in self.items.values():
            if item.status not in _NOTHING_MOVED:
                found.setdefault(item.payout_id, []).append(item.amount)
        return found

    # what happens at PayPal

    def work_on(self) -> None:
        """Comes to all that waits, and returns what nobody has claimed in time."""
        for item in list(self.items.values()):
            if item.status == "PENDING":
                fate = self.fates.get(item.payout_id) or self.fates.get(item.said["receiver"]) or Fate()
                self._becomes(item, fate.status, fate.error)
            elif item.status == "UNCLAIMED" and self.clock() - item.made_at >= CLAIMABLE:
                self._becomes(item, "RETURNED", item.error)

    def becomes(self, payout_id: str, status: str, error: str | None = None) -> Callback:
        """The newest item of the payout changes, and PayPal tells of it."""
        self._becomes(self.item(payout_id), status, error)
        return self.callbacks[-1]

    def item(self, payout_id: str) -> Item:
        return [item for item in self.items.values() if item.payout_id == payout_id][-1]

    def _becomes(self, item: Item, status: str, error: str | None) -> None:
        back = {"FAILED", "DENIED", "BLOCKED", "RETURNED", "REFUNDED", "REVERSED", "CANCELED"}
        if self.funds is not None and status in back and item.status not in back:
            self.funds[item.amount.currency] += item.amount.amount
        item.status, item.error = status, error
        item.fee = Money(self.fee, item.amount.currency) if status not in _NOTHING_MOVED else None
        if status in _EVENTS:
            self.callbacks.append(self._callback(item))

    def _callback(self, item: Item) -> Callback:
        number = len(self.callbacks) + 1
        event = {
            "id": f"WH-{number:017}-{number:017}",
            "event_version": "1.0",
            "create_time": _text(self.clock()),
            "resource_type": "payouts_item",
            "event_type": f"PAYMENT.PAYOUTS-ITEM.{_EVENTS[item.status]}",
            "summary": "A payout item has changed",
            "resource": self._shown(item),
        }
        return self.signed(json.dumps(event, indent=1).encode())

    def signed(self, body: bytes) -> Callback:
        """PayPal's own signature is by a certificate, over this same text."""
        transmission, at = f"t-{zlib.crc32(body):08x}", _text(self.clock())
        headers = {
            "PAYPAL-AUTH-ALGO": "SHA256withRSA",
            "PAYPAL-CERT-URL": "https://api.sandbox.paypal.com/v1/notifications/certs/CERT-0000",
            "PAYPAL-TRANSMISSION-ID": transmission,
            "PAYPAL-TRANSMISSION-SIG": self._signature(transmission, at, body),
            "PAYPAL-TRANSMISSION-TIME": at,
            "Content-Type": "application/json",
        }
        return Callback(headers, body)

    def _signature(self, transmission: str, at: str, body: bytes) -> str:
        text = f"{transmission}|{at}|{self.webhook_id}|{zlib.crc32(body)}"
        return base64.b64encode(hmac.digest(b"PayPal's own", text.encode(), "sha256")).decode()

    # its API

    @override
    def strikes(self, asked: Asked) -> bool:
        return self.everywhere or (asked.method == "POST" and asked.path == PAYOUTS)

    @override
    def answer(self, asked: Asked) -> Told:
        if asked.path == "/v1/oauth2/token":
            return self._token(asked)
        token = asked.headers.get("authorization", "").removeprefix("Bearer ")
        if self._tokens.get(token, self.clock()) <= self.clock():
            return Told.json(
                {"error": "invalid_token", "error_description": "Token signature verification failed"}, 401
            )
        if asked.method == "POST":
            return {PAYOUTS: self._pay, VERIFY: self._prove}[asked.path](asked)
        if not self.slow:
            self.work_on()
        folder, _, name = asked.path.rpartition("/")
        found = [item for item in self.items.values() if unquote(name) in (item.id, item.batch_id)]
        if folder == PAYOUTS and found and found[0].batch_id == unquote(name):
            return Told.json(self._batch(found))
        if folder == ITEMS and found and found[0].id == unquote(name):
            return Told.json(self._shown(found[0]))
        return _error(404, "INVALID_RESOURCE_ID", "Requested resource ID was not found.")

    def _token(self, asked: Asked) -> Told:
        pair = base64.b64encode(f"{self.client_id}:{self.client_secret}".encode()).decode()
        if asked.headers.get("authorization") != f"Basic {pair}" or asked.body != b"grant_type=client_credentials":
            return Told.json({"error": "invalid_client", "error_description": "Client Authentication failed"}, 401)
        token = f"A21AA{len(self._tokens):092}"
        self._tokens[token] = self.clock() + TOKENS_LAST
        content = {"scope": "…", "access_token": token, "token_type": "Bearer", "expires_in": 32_400}
        return Told.json(content)

    def _pay(self, asked: Asked) -> Told:
        body = json.loads(asked.body, parse_float=Decimal)
        sender_batch_id = body["sender_batch_header"].get("sender_batch_id")
        items = body["items"]
        note = items[0].get("note", "")
        if note in TRIGGERS:
            return _error(*TRIGGERS[note])
        wrong = list(_wrong(items))
        if wrong:
            return _error(400, "VALIDATION_ERROR", "Invalid request - see details", *wrong)
        known = self._batches.get(sender_batch_id)
        if known is not None and self.clock() - known[1] >= REMEMBERED:
            known = None
        amounts = [Item("", "", "", said, self.clock()).amount for said in items]
        if (known is None or self.funds_first) and not self._affords(amounts):
            return _error(422, "INSUFFICIENT_FUNDS", "Sender has insufficient funds.")
        if known is not None:
            return self._duplicate(known[0])
        if self.funds is not None:
            for amount in amounts:
                self.funds[amount.currency] -= amount.amount
        batch_id = f"BATCH{len(self._batches) + 1:08}"
        self._batches[sender_batch_id] = (batch_id, self.clock())
        for said in items:
            item = Item(f"ITEM{len(self.items) + 1:09}", batch_id, sender_batch_id, said, self.clock())
            self.items[item.id] = item
        header = {
            "payout_batch_id": batch_id,
            "batch_status": "PENDING",
            "sender_batch_header": body["sender_batch_header"],
        }
        return Told.json({"batch_header": header, "links": [self._link(batch_id)]}, 201)

    def _affords(self, amounts: list[Money]) -> bool:
        return self.funds is None or all(self.funds.get(each.currency, 0) >= each.amount for each in amounts)

    def _duplicate(self, batch_id: str) -> Told:
        issue = {
            "field": "SENDER_BATCH_ID",
            "location": "body",
            "issue": "Batch with given sender_batch_id already exists",
        }
        links = [self._link(batch_id)] if self.linked else []
        return _error(400, "USER_BUSINESS_ERROR", "User business error.", issue, links=links)

    def _link(self, batch_id: str) -> dict[str, str]:
        address = f"https://api.sandbox.paypal.com{PAYOUTS}/{batch_id}"
        return {"href": address, "rel": "self", "method": "GET", "encType": "application/json"}

    def _batch(self, items: list[Item]) -> dict[str, Any]:
        statuses = {item.status for item in items}
        status = "PENDING" if "PENDING" in statuses else "DENIED" if statuses <= _NOTHING_MOVED else "SUCCESS"
        header = {
            "payout_batch_id": items[0].batch_id,
            "batch_status": status,
            "time_created": _text(items[0].made_at),
            "sender_batch_header": {"sender_batch_id": items[0].sender_batch_id},
            "funding_source": "BALANCE",
        }
        return {"total_items": len(items), "total_pages": 1, "batch_header": header} | {
            "items": [self._shown(item) for item in items]
        }

    def _shown(self, item: Item) -> dict[str, Any]:
        fee = item.fee or Money(0, item.amount.currency)
        shown: dict[str, Any] = {
            "payout_item_id": item.id,
            "transaction_status": item.status,
            "payout_item_fee": {"currency": fee.currency, "value": _written(fee)},
            "payout_batch_id": item.batch_id,
            "sender_batch_id": item.sender_batch_id,
            "payout_item": item.said | {"recipient_wallet": "PAYPAL"},
            "links": [],
        }
        if item.status not in _NOTHING_MOVED | {"PENDING"}:
            shown |= {"transaction_id": f"TX{item.id[4:]}", "time_processed": _text(self.clock())}
        if item.error is not None:
            shown["errors"] = {"name": item.error, "message": "…", "details": [], "links": []}
        return shown

    def _prove(self, asked: Asked) -> Told:
        asks = json.loads(asked.body)
        if not re.fullmatch("[a-zA-Z0-9]+", asks["webhook_id"]) or len(asks["transmission_id"]) > 50:
            return _error(400, "VALIDATION_ERROR", "Invalid data provided")
        signature = self._signature(asks["transmission_id"], asks["transmission_time"], _verbatim(asked.body))
        genuine = asks["webhook_id"] == self.webhook_id and asks["transmission_sig"] == signature
        return Told.json({"verification_status": "SUCCESS" if genuine else "FAILURE"})


def _verbatim(body: bytes) -> bytes:
    """The event in its own bytes, as the signature is about them."""
    text = body.decode()
    start = re.compile(r'"webhook_event"\s*:\s*').search(text)
    assert start is not None
    end = text.rindex("}")
    _, stop = _JSON.raw_decode(text, start.end())
    assert not text[stop:end].strip(), "the event ends where the question ends"
    return text[start.end() : end].encode()


def _wrong(items: list[dict[str, Any]]) -> Iterator[dict[str, str]]:
    for index, item in enumerate(items):
        currency, value = item["amount"]["currency"], item["amount"]["value"]
        if "@" not in item["receiver"] or len(item["receiver"]) > 127:
            issue = "Receiver is invalid or does not match with type"
            yield {"field": f"items[{index}].receiver", "location": "body", "issue": issue}
        if currency not in CURRENCIES:
            yield {"field": f"items[{index}].amount.currency", "location": "body", "issue": "Currency is invalid"}
        elif not isinstance(value, str) or not re.fullmatch(r"\d+" if currency in WHOLE else r"\d+\.\d\d", value):
            yield {"field": f"items[{index}].amount.value", "location": "body", "issue": "Amount is invalid"}
        if len(item["sender_item_id"]) > 63:
            yield {"field": f"items[{index}].sender_item_id", "location": "body", "issue": "Too long"}


def _error(
    status: int, name: str, message: str = "…", *details: dict[str, str], links: list[dict[str, str]] | None = None
) -> Told:
    content = {"name": name, "message": message, "debug_id": "d3b0c44298fc1", "details": list(details)}
    return Told.json(content | {"links": links or []}, status)


def _written(amount: Money) -> str:
    written = major(amount.amount, amount.currency)
    return written.partition(".")[0] if amount.currency in WHOLE else written


def _text(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}Z"

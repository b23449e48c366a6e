"""Stripe's transfers in small: connected accounts, a balance, idempotency with what it saves, and signed events.

Faults are for making transfers only, unless `everywhere`; they strike before or after Stripe's own idempotency has
looked. `breaks` strikes within: that 500 is saved, and said again to whoever comes with the same key.
"""

import copy
import hmac
import json
import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, override
from urllib.parse import parse_qsl

from tests.standins.callbacks import Callback
from tests.standins.server import Asked, StandIn, Told
from vouch.domain.money import Money

TRANSFERS = "/v1/transfers"
REMEMBERED = timedelta(hours=24)
API_VERSION = "2026-06-24.dahlia"
_VERSION = re.compile(r"\d{4}-\d\d-\d\d\.[a-z]+")
_REVERSALS = re.compile(rf"{TRANSFERS}/([^/]+)/reversals")
_SMALLEST = {"ISK": 100, "UGX": 100}
_ACCOUNTS = {
    "not_ready": {
        "code": "insufficient_capabilities_for_transfer",
        "message": "Your destination account needs to have at least one of the following capabilities enabled: …",
    },
    "closed": {"code": "account_closed", "message": "The account has been closed"},
    "abroad": {
        "param": "destination",
        "message": "Funds can't be sent to accounts located in MX when the account is under the full agreement.",
    },
    "barred": {"code": "transfers_not_allowed", "message": "The requested transfer cannot be created."},
}
"""What a connected account may be other than `ready`, and the error that this makes."""
INSUFFICIENT = {"code": "balance_insufficient", "message": "You have insufficient available funds in your account."}


def conflicted(asked: Asked, answer: Callable[[], Told]) -> Told:
    """The same key is at work elsewhere."""
    return _error(409, "idempotency_error", code="idempotency_key_in_use", message="…")


def locked(asked: Asked, answer: Callable[[], Told]) -> Told:
    """The account is at work elsewhere."""
    return _error(429, "invalid_request_error", {"stripe-should-retry": "true"}, code="lock_timeout", message="…")


@dataclass(frozen=True)
class _Saved:
    form: tuple[tuple[str, str], ...]
    told: Told
    at: datetime


class StripeConnect(StandIn):
    """One platform. `clock` is Stripe's own time; `funds` are in Stripe's smallest units, None: it never runs dry."""

    def __init__(self, clock: Callable[[], datetime], *, funds: dict[str, int] | None = None) -> None:
        super().__init__()
        self.clock = clock
        self.secret_key, self.webhook_secret = "sk_test_platform", "whsec_transfers"
        self.funds = funds
        self.accounts: dict[str, str] = {}
        """Connected accounts: `ready`, or what else they are."""
        self.breaks: deque[Literal["after", "before"] | None] = deque()
        """Execution fails: after the transfer was made, or before."""
        self.everywhere = False
        self.transfers: dict[str, dict[str, Any]] = {}
        self.callbacks: list[Callback] = []
        self._saved: dict[str, _Saved] = {}
        self._reversals = 0

    @property
    def settings(self) -> dict[str, str]:
        """A brand's, for this platform."""
        return {
            "account": "acct_1Platform",
            "secret_key": self.secret_key,
            "webhook_secret": self.webhook_secret,
            "api_base_url": self.address,
        }

    @property
    def movements(self) -> dict[str, list[Money]]:
        """What was transferred for each payout id, whether it was reversed later or not."""
        found: dict[str, list[Money]] = {}
        for transfer in self.transfers.values():
            currency = str(transfer["currency"]).upper()
            amount = transfer["amount"] * (100 if currency == "MGA" else 1) // _SMALLEST.get(currency, 1)
            found.setdefault(str(transfer["transfer_group"]), []).append(Money(amount, currency))
        return found

    # what happens at Stripe

    def reverse(self, payout_id: str, amount: int | None = None) -> Callback:
        """The platform takes a transfer back, or a part of it."""
        [transfer] = [each for each in self.transfers.values() if each["transfer_group"] == payout_id]
        self._reverse(transfer, amount)
        return self.callbacks[-1]

    def _reverse(self, transfer: dict[str, Any], amount: int | None) -> dict[str, Any]:
        self._reversals += 1
        part = transfer["amount"] - transfer["amount_reversed"] if amount is None else amount
        reversal = {
            "id": f"trr_{self._reversals}",
            "object": "transfer_reversal",
            "amount": part,
            "created": int(self.clock().timestamp()),
            "currency": transfer["currency"],
            "metadata": {},
            "transfer": transfer["id"],
        }
        transfer["amount_reversed"] += part
        transfer["reversed"] = transfer["amount_reversed"] == transfer["amount"]
        transfer["reversals"]["data"].insert(0, reversal)
        transfer["reversals"]["total_count"] += 1
        if self.funds is not None:
            self.funds[transfer["currency"].upper()] += part
        self._event("transfer.reversed", transfer)
        return reversal

    def _event(self, kind: str, told: dict[str, Any]) -> None:
        event = {
            "id": f"evt_{len(self.callbacks) + 1}",
            "object": "event",
            "api_version": API_VERSION,
            "created": int(self.clock().timestamp()),
            "data": {"object": copy.deepcopy(told)},
            "livemode": False,
            "pending_webhooks": 1,
            "request": {"id": None, "idempotency_key": None},
            "type": kind,
        }
        self.callbacks.append(self.signed(json.dumps(event, indent=2).encode()))

    def signed(self, body: bytes, *secrets: str) -> Callback:
        """By the destination's secret, or by several while it is rolled."""
        stamp = str(int(self.clock().timestamp()))
        signatures = [
            f"v1={hmac.digest(secret.encode(), f'{stamp}.'.encode() + body, 'sha256').hex()}"
            for secret in secrets or (self.webhook_secret,)
        ]
        header = ",".join([f"t={stamp}", *signatures])
        return Callback({"Stripe-Signature": header, "Content-Type": "application/json"}, body)

    # its API

    @override
    def strikes(self, asked: Asked) -> bool:
        return self.everywhere or (asked.method == "POST" and asked.path == TRANSFERS)

    @override
    def answer(self, asked: Asked) -> Told:
        if asked.headers.get("authorization") != f"Bearer {self.secret_key}":
            return _error(401, "invalid_request_error", message="Invalid API Key provided: ****")
        if not _VERSION.fullmatch(asked.headers.get("stripe-version", "")):
            return _error(400, "invalid_request_error", message="Invalid Stripe API version")
        if asked.method == "POST":
            return self._once(asked)
        if asked.path == TRANSFERS:
            return self._listed(asked)
        transfer = self.transfers.get(asked.path.rpartition("/")[2])
        return Told.json(transfer) if transfer else _missing("transfer", "id")

    def _once(self, asked: Asked) -> Told:
        key, form = asked.headers.get("idempotency-key"), tuple(sorted(parse_qsl(asked.body.decode())))
        if key is None:
            return self._done(asked, dict(form))
        saved = self._saved.get(key)
        if saved is not None and self.clock() - saved.at < REMEMBERED:
            if saved.form != form:
                return _error(
                    400,
                    "idempotency_error",
                    message="Keys for idempotent requests can only be used with the same parameters",
                )
            return Told(saved.told.status, saved.told.body, {**saved.told.headers, "idempotent-replayed": "true"})
        if asked.path == TRANSFERS and not {"amount", "currency", "destination"} <= dict(form).keys():
            return _error(400, "invalid_request_error", code="parameter_missing", message="…")  # and nothing is saved
        told = self._done(asked, dict(form))
        self._saved[key] = _Saved(form, told, self.clock())
        return told

    def _done(self, asked: Asked, form: Mapping[str, str]) -> Told:
        reversal = _REVERSALS.fullmatch(asked.path)
        if reversal is not None:
            amount = int(form["amount"]) if "amount" in form else None
            return Told.json(self._reverse(self.transfers[reversal[1]], amount))
        breaks = self.breaks.popleft() if self.breaks else None
        told = None if breaks == "before" else self._transfer(form)
        if told is not None and breaks is None:
            return told
        headers = {"stripe-should-retry": "false"}  # as mostly with a 500: the same key only brings it again
        return _error(500, "api_error", headers, message="An unknown error occurred")

    def _transfer(self, form: Mapping[str, str]) -> Told:
        currency, amount = form["currency"], form["amount"]
        if not re.fullmatch(r"[1-9]\d*", amount):
            return _error(400, "invalid_request_error", code="parameter_invalid_integer", param="amount", message="…")
        state = self.accounts.get(form["destination"])
        if state is None:
            return _missing("destination", "destination")
        if state != "ready":
            return _error(400, "invalid_request_error", **_ACCOUNTS[state])
        if self.funds is not None:
            if self.funds.get(currency.upper(), 0) < int(amount):
                return _error(400, "invalid_request_error", **INSUFFICIENT)
            self.funds[currency.upper()] -= int(amount)
        number = len(self.transfers) + 1
        transfer = {
            "id": f"tr_{number}",
            "object": "transfer",
            "amount": int(amount),
            "amount_reversed": 0,
            "balance_transaction": f"txn_{number}",
            "created": int(self.clock().timestamp()),
            "currency": currency,
            "description": form.get("description"),
            "destination": form["destination"],
            "destination_payment": f"py_{number}",
            "livemode": False,
            "metadata": {name[9:-1]: value for name, value in form.items() if name.startswith("metadata[")},
            "reversals": {
                "object": "list",
                "data": [],
                "has_more": False,
                "total_count": 0,
                "url": f"{TRANSFERS}/tr_{number}/reversals",
            },
            "reversed": False,
            "source_transaction": None,
            "source_type": "card",
            "transfer_group": form.get("transfer_group"),
        }
        self.transfers[f"tr_{number}"] = transfer
        self._event("transfer.created", transfer)
        return Told.json(transfer)

    def _listed(self, asked: Asked) -> Told:
        group, limit = asked.parameter("transfer_group"), int(asked.parameter("limit") or 10)
        found = [each for each in self.transfers.values() if group in (None, each["transfer_group"])][::-1]
        content = {"object": "list", "data": found[:limit], "has_more": len(found) > limit, "url": TRANSFERS}
        return Told.json(content)


def _missing(kind: str, param: str) -> Told:
    message = f"No such {kind}: 'x'"
    return _error(400, "invalid_request_error", code="resource_missing", param=param, message=message)


def _error(status: int, kind: str, headers: Mapping[str, str] | None = None, /, **more: str) -> Told:
    told = Told.json({"error": {"type": kind} | more}, status)
    return Told(told.status, told.body, {**told.headers, **(headers or {})})

"""Payouts on the deployed stack, over HTTP alone: from matured commission to money sent, by a list and by two APIs.

Stripe and PayPal stand in on loopback, lose an answer each, and tell by their own signed callbacks what became of it.
One brand pays in all tests, in each of them other creators. Whoever is paid has two commissions of 12.50.
"""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from local.demo.client import Api, Client
from local.stack import Stack
from tests.end_to_end.brands import broken
from tests.end_to_end.tills import eventually
from tests.standins.callbacks import Callback
from tests.standins.paypal import PayPal
from tests.standins.server import lost
from tests.standins.stripe_connect import StripeConnect
from vouch.domain import times
from vouch.domain.money import Money

EARNED = 2500
_TERMS = {"hold_days": 14, "commission": {"rules": [{"reward": {"type": "percent", "bps": 1250}}]}}
_ORDERS = {"noa": 2, "dan": 2, "tal": 1, "sam": 2, "pat": 2}
"""How many orders each of the creators has brought."""
_METHODS = {
    "noa": {"type": "iban", "holder": "Noa Levi", "iban": "IL62 0108 0000 0009 9999 999"},
    "sam": {"type": "stripe", "account": "acct_1032D82eZvKYlo2C"},
    "pat": {"type": "paypal", "email": "pat@payees.example"},
}


def _clock() -> datetime:
    return datetime.now(UTC)


@dataclass
class Payer:
    """A test brand whose creators' commissions have matured; it pays nothing below 20.00."""

    stack: Stack
    client: Client
    schedule: dict[str, Any] | None = None
    id: str = field(init=False)
    now: datetime = field(init=False)
    api: Api = field(init=False)
    creators: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        born = _clock().replace(microsecond=0) - timedelta(days=40)
        made = Api(self.client, self.stack.operator_key).post(
            "/v1/brands", {"name": "Oasis", "mode": "test", "test_clock": born.isoformat()}
        )
        self.id, self.api = made["id"], Api(self.client, made["api_key"])
        program = self.api.post("/v1/programs", {"name": "Friends", "currency": "USD", "terms": _TERMS})["id"]
        dollars = {"minimum": 2000, "schedule": self.schedule}
        self.api.put("/v1/payout_settings", {"time_zone": "UTC", "currencies": {"USD": dollars}})
        for name, orders in _ORDERS.items():
            said = {"email": f"{name}@payees.example", "name": name.title(), "program_ids": [program]}
            creator = self.creators[name] = self.api.post("/v1/creators", said)["id"]
            self.api.post("/v1/codes", {"program_id": program, "creator_id": creator, "code": f"{name}10"})
            for number in range(orders):
                self._sell(f"{name}-{number}", f"{name}10", born + timedelta(days=1))
            if name in _METHODS:
                self.api.put(f"/v1/creators/{creator}/payout_method", _METHODS[name])
        self.now = born
        self.live(timedelta(days=20))

    def live(self, span: timedelta) -> None:
        """Moves the brand's clock."""
        self.now += span
        assert self.api.post("/v1/test_clock", {"now": self.now.isoformat()})["folded"]

    def _sell(self, external_id: str, code: str, at: datetime) -> None:
        lines = [{"id": "1", "quantity": 1, "unit_price": 10_000}]
        order = {"external_id": external_id, "occurred_at": at.isoformat(), "currency": "USD", "lines": lines}
        self.api.post("/v1/orders", order | {"codes": [code]})

    def run(self, *names: str, **wish: Any) -> Any:
        """A run of these creators."""
        wanted = {"creator_ids": [self.creators[name] for name in names]}
        return self.api.post("/v1/payout_runs", wanted | wish, once="-".join(map(str, (*names, *wish.values()))))

    def file(self, run_id: str) -> bytes:
        """What the run has written."""
        authorization = {"Authorization": f"Bearer {self.api.key}"}
        answer = self.client.send("GET", f"/v1/payout_runs/{run_id}/file", headers=authorization)
        assert answer.status == 200, answer.body
        return answer.body

    def payout(self, name: str) -> Any:
        """The one that the creator has, in full."""
        [shown] = self.api.get("/v1/payouts", creator_id=self.creators[name])["items"]
        return self.api.get(f"/v1/payouts/{shown['id']}")

    def becomes(self, name: str, status: str) -> Any:
        """The creator's payout once it has that status."""
        eventually(lambda: self.payout(name)["status"] == status)
        shown = self.payout(name)
        assert shown["status"] == status, shown
        return shown

    def has(self, name: str) -> tuple[int, int, int]:
        """What the creator has available, in transit and paid."""
        [balance] = self.api.get(f"/v1/creators/{self.creators[name]}/balances")
        return balance["available"], balance["in_transit"], balance["paid"]

    def entries(self, name: str) -> list[tuple[str, int]]:
        """What stands on the creator's statement."""
        statement = self.api.get(f"/v1/creators/{self.creators[name]}/statement", currency="USD")
        return [(entry["kind"], entry["amount"]) for entry in statement["entries"]]

    def proven(self) -> bool:
        """Whether the books add up."""
        report = self.api.get("/v1/ledger/verify")
        assert (report["violations"], report["next_cursor"]) == ([], None)
        return bool(report["ok"])

    def call_back(self, rail: str, told: Callback) -> int:
        """The rail tells something by itself; how that is answered."""
        address = urlsplit(self.api.get(f"/v1/payout_rails/{rail}")["callback_url"])
        return self.client.send("POST", address.path, told.body, told.headers).status

    def mails(self, payout_id: str) -> list[str]:
        """To whom it was written of that payout."""
        with Client(self.stack.endpoint) as emulator:
            accounts = json.loads(emulator.send("GET", "/_ministack/ses/messages").body)["messages"].values()
        mails = (mail for account in accounts for mail in account if payout_id in mail["BodyText"])
        return [address for mail in mails for address in mail["To"]]


@pytest.fixture(scope="module")
def brand(demo: Stack) -> Iterator[Payer]:
    began_ms = int(_clock().timestamp() * 1000)
    with Client(demo.api_url) as client:
        yield Payer(demo, client)
    assert broken(demo, began_ms) == []


@pytest.fixture(scope="module")
def rails(brand: Payer) -> Iterator[tuple[StripeConnect, PayPal]]:
    """The brand's accounts at both."""
    with StripeConnect(_clock) as stripe, PayPal(_clock) as paypal:
        stripe.accounts["acct_1032D82eZvKYlo2C"] = "ready"
        brand.api.put("/v1/payout_rails/stripe_connect", {"settings": stripe.settings})
        brand.api.put("/v1/payout_rails/paypal", {"settings": paypal.settings})
        yield stripe, paypal


def test_a_list_is_paid_by_hand(brand: Payer) -> None:
    everybody = ("noa", "dan", "tal")
    dry = brand.run(*everybody, rail="csv", dry_run=True)
    would = {each["creator_id"]: each for each in brand.api.get(f"/v1/payout_runs/{dry['id']}/outcomes")["items"]}
    assert dry["status"] == "completed"
    said = [would[brand.creators[name]] for name in everybody]
    assert [(each["amount"], each["net"], each["skipped"]) for each in said] == [
        (EARNED, EARNED, None),
        (EARNED, EARNED, None),
        (EARNED // 2, None, "below_minimum"),
    ]
    assert brand.has("noa") == (EARNED, 0, 0)

    run = brand.run(*everybody, rail="csv")
    assert (run["status"], run["payouts"], run["total"]) == ("completed", 2, 2 * EARNED)
    assert brand.run(*everybody, rail="csv") == run
    list_, again = brand.file(run["id"]), brand.file(run["id"])
    assert list_ == again
    rows = {row["payout_id"]: row for row in csv.DictReader(io.StringIO(list_.decode("utf-8-sig")))}
    noas, dans = brand.payout("noa"), brand.payout("dan")
    assert rows.keys() == {noas["id"], dans["id"]}
    assert {row["amount"] for row in rows.values()} == {"25.00"}
    assert rows[noas["id"]]["iban"] == "IL620108000000099999999"
    assert (noas["status"], noas["destination"]) == ("submitted", "IL •••• 9999")
    assert brand.has("noa") == (0, EARNED, 0)

    settled = brand.api.post(f"/v1/payouts/{noas['id']}/settle", {"reference": "wire 1"})
    failed = brand.api.post(f"/v1/payouts/{dans['id']}/fail", {"reason": "account closed"})
    assert (settled["status"], failed["status"]) == ("settled", "failed")
    assert [brand.has(name) for name in everybody] == [(0, 0, EARNED), (EARNED, 0, 0), (EARNED // 2, 0, 0)]
    earned = [("settle", EARNED // 2)] * 2
    assert brand.entries("noa") == [*earned, ("payout", -EARNED)]
    assert brand.entries("dan") == [*earned, ("payout", -EARNED), ("payout_released", EARNED)]
    assert brand.proven()


def test_the_clock_begins_the_run_that_a_schedule_asks_for(demo: Stack) -> None:
    with Client(demo.api_url) as client:
        brand = Payer(demo, client, {"period": "week", "weekday": "sunday", "hour": 9})
        [run] = brand.api.get("/v1/payout_runs")["items"]
        due = datetime.fromisoformat(run["scheduled_for"])
        assert (due.weekday(), due.hour, due.minute) == (6, 9, 0)
        assert due <= brand.now < due + timedelta(days=7)
        assert (run["status"], run["currency"], run["payouts"], run["total"]) == ("completed", "USD", 4, 4 * EARNED)
        brand.live(timedelta(seconds=1))
        assert brand.api.get("/v1/payout_runs")["items"] == [run]
        assert [brand.has(name) for name in ("noa", "tal")] == [(0, EARNED, 0), (EARNED // 2, 0, 0)]
        assert brand.proven()


def test_a_transfer_whose_answer_was_lost_is_found_and_comes_back(
    brand: Payer, rails: tuple[StripeConnect, PayPal]
) -> None:
    stripe, _ = rails
    stripe.faults.append(lost)
    run = brand.run("sam", rail="stripe_connect")
    payout = brand.becomes("sam", "unknown")
    assert (payout["reason"], [attempt["key"] for attempt in payout["attempts"]]) == ("no_answer", [payout["id"]])
    [made] = stripe.callbacks
    assert brand.call_back("stripe_connect", Callback({}, made.body)) == 401
    assert brand.call_back("stripe_connect", made) == 200
    settled = brand.becomes("sam", "settled")
    assert (settled["reference"], len(settled["attempts"])) == ("tr_1", 1)
    assert brand.has("sam") == (0, 0, EARNED)
    assert brand.api.get(f"/v1/payout_runs/{run['id']}")["status"] == "completed"

    back = stripe.reverse(payout["id"])
    assert [brand.call_back("stripe_connect", each) for each in (back, made, back)] == [200] * 3
    assert brand.becomes("sam", "returned")["reason"] == "reversed"
    assert brand.has("sam") == (EARNED, 0, 0)
    assert stripe.movements == {payout["id"]: [Money(EARNED, "USD")]}
    assert brand.proven()


def test_a_payment_whose_answer_was_lost_is_settled_by_the_hourly_round_and_comes_back(
    brand: Payer, rails: tuple[StripeConnect, PayPal]
) -> None:
    _, paypal = rails
    paypal.faults.append(lost)
    brand.run("pat", rail="paypal")
    payout = brand.becomes("pat", "unknown")
    assert brand.has("pat") == (0, EARNED, 0)
    now_is_the_time(brand, payout["id"])
    brand.stack.invoke("RoundsFunction", {})
    settled = brand.becomes("pat", "settled")
    assert [attempt["key"] for attempt in settled["attempts"]] == [payout["id"]] * 2
    assert brand.has("pat") == (0, 0, EARNED)

    told = paypal.becomes(payout["id"], "RETURNED", "RECEIVER_UNREGISTERED")
    assert brand.call_back("paypal", Callback(told.headers, told.body.replace(b"RETURNED", b"SUCCEEDED"))) == 401
    assert brand.call_back("paypal", told) == 200
    assert brand.becomes("pat", "returned")["reason"] == "unclaimed"
    assert brand.has("pat") == (EARNED, 0, 0)
    assert brand.entries("pat")[-2:] == [("payout", -EARNED), ("payout_returned", EARNED)]
    assert paypal.movements == {payout["id"]: [Money(EARNED, "USD")]}
    assert set(eventually(lambda: brand.mails(payout["id"]))) == {"pat@payees.example"}
    assert brand.proven()


def now_is_the_time(brand: Payer, payout_id: str) -> None:
    """Has the next round look after the payout, as if the time in which its call may still be answered were over."""
    brand.stack.client("dynamodb").update_item(
        TableName=brand.stack.outputs["MainTableName"],
        Key={"pk": {"S": f"{brand.id}#OPEN"}, "sk": {"S": payout_id}},
        UpdateExpression="SET next_at = :now",
        ExpressionAttributeValues={":now": {"S": times.text(_clock())}},
    )

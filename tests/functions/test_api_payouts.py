"""Payout runs and payouts over HTTP, by the rail of files that needs no setting up."""

import csv
import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from payouts import pay
from tests.faults.world import Context
from tests.fixtures import NOON
from tests.functions.client import Client
from tests.functions.conftest import APIS, NewBrand
from tests.functions.setting_up import Shop, open_shop
from vouch.service.deployment import Deployment

LATER = (NOON + timedelta(days=20)).isoformat()


@pytest.fixture
def work(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Does all that waits in the queue."""
    monkeypatch.setattr(pay, "deployment", lambda: deployment)

    def worked() -> None:
        waiting = deployment.sqs.sent.get(deployment.settings.pay_queue_url, [])
        while waiting:
            record = {"messageId": "1", "body": waiting.popleft()["MessageBody"]}
            assert pay.handler({"Records": [record]}, Context(lambda: 300_000)) == {"batchItemFailures": []}

    return worked


@pytest.fixture
def shop(new_brand: NewBrand) -> Shop:
    return open_shop(new_brand(mode="test"))


def earned(shop: Shop, name: str = "1001", price: int = 50_000) -> Client:
    """The creator has a tenth of it, matured."""
    body = {
        "external_id": name,
        "occurred_at": "2026-05-04T12:00:00Z",
        "currency": "ILS",
        "lines": [{"id": "1", "quantity": 1, "unit_price": price}],
        "codes": ["NOA10"],
    }
    Client(APIS["attribution"], shop.brand.key).made("/v1/orders", body)
    api = books(shop)
    api.post("/v1/test_clock", {"now": LATER})
    return api


def books(shop: Shop) -> Client:
    return Client(APIS["payouts"], shop.brand.key)


def run(api: Client, key: str = "k1", **wish: Any) -> Any:
    answer = api.post("/v1/payout_runs", wish, idempotency_key=key)
    assert answer.status == 201, answer.body
    return answer.body


def balance(api: Client, shop: Shop) -> Any:
    [found] = api.get(f"/v1/creators/{shop.creator}/balances").body
    return found


def test_a_creator_is_paid_by_a_file(shop: Shop) -> None:
    api = earned(shop)
    made = run(api, currency="ILS", rail="csv")
    assert (made["status"], made["payouts"], made["total"]) == ("completed", 1, 5_000)
    [payout] = api.get("/v1/payouts", run_id=made["id"]).body["items"]
    assert (payout["status"], payout["amount"], payout["net"], payout["rail"]) == ("submitted", 5_000, 5_000, "csv")
    assert balance(api, shop) == {
        "currency": "ILS", "pending": 0, "held": 0, "available": 0, "in_transit": 5_000, "paid": 0,
    }  # fmt: skip
    file = api.get(f"/v1/payout_runs/{made['id']}/file")
    [row] = csv.DictReader(io.StringIO(file.content.decode("utf-8-sig")))
    assert (row["payout_id"], row["amount"], row["currency"]) == (payout["id"], "50.00", "ILS")
    settled = api.post(f"/v1/payouts/{payout['id']}/settle", {"reference": "TRX 77"}).body
    assert (settled["status"], settled["reference"]) == ("settled", "TRX 77")
    assert balance(api, shop)["paid"] == 5_000
    assert api.get("/v1/ledger/verify").body["violations"] == []


@pytest.mark.parametrize(
    "account, rail",
    [
        ({"type": "iban", "holder": "Noa Levi", "iban": "DE75512108001245126199"}, "csv"),
        ({"type": "paypal", "email": "noa@example.com"}, "paypal"),
    ],
)
def test_a_method_leads_to_a_rail_that_carries_the_currency(shop: Shop, account: Any, rail: str) -> None:
    """Nobody who earns shekels is left out because euros would go to their IBAN."""
    api = earned(shop)
    accounts = {
        "sepa": {"name": "Pottery Ltd", "iban": "DE75512108001245126199"},
        "paypal": {"client_id": "client", "client_secret": "secret"},
    }
    for name, settings in accounts.items():
        assert api.send("PUT", f"/v1/payout_rails/{name}", {"settings": settings}).status == 200
    assert api.send("PUT", f"/v1/creators/{shop.creator}/payout_method", account).status == 200
    made = run(api, dry_run=True)
    [outcome] = api.get(f"/v1/payout_runs/{made['id']}/outcomes").body["items"]
    assert (outcome["rail"], outcome["skipped"]) == (rail, None)

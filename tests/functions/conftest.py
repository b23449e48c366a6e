"""Brands that ask the API, each with a key that may do everything."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from attribution.api import api as attribution
from payouts import pay
from payouts.api import api as payouts
from payouts.statement_pdf import api as papers
from referrals.api import api as referrals
from tests.faults.world import Context
from tests.fixtures import NOON
from tests.functions.client import Client
from tests.functions.setting_up import Shop, open_shop
from vouch.http import Api
from vouch.service import keys
from vouch.service.deployment import Deployment

OPERATOR_KEY = "operators-own-key"
APIS = {"referrals": referrals, "attribution": attribution, "payouts": payouts, "papers": papers}
NewBrand = Callable[..., Client]
LATER = (NOON + timedelta(days=20)).isoformat()


@pytest.fixture
def apis(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> dict[str, Api]:
    for api in APIS.values():
        monkeypatch.setattr(api, "connect", lambda: deployment)
    monkeypatch.setattr(keys, "_operator_key", lambda _: OPERATOR_KEY)
    return APIS


@pytest.fixture
def operator(apis: dict[str, Api]) -> Client:
    return Client(apis["referrals"], OPERATOR_KEY)


@pytest.fixture
def new_brand(operator: Client) -> NewBrand:
    def made(name: str = "Mugs", mode: str = "live", **more: str) -> Client:
        brand = operator.made("/v1/brands", {"name": name, "mode": mode} | more)
        return Client(operator.api, brand["api_key"], brand["id"])

    return made


@pytest.fixture
def brand(new_brand: NewBrand) -> Client:
    return new_brand()


@pytest.fixture
def shop(new_brand: NewBrand) -> Shop:
    """A test brand with something of each kind, whose clock can be moved."""
    return open_shop(new_brand(mode="test"))


@pytest.fixture
def work(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Does all payouts' work that waits in the queue; rails stand on this machine."""
    deployment.settings = replace(deployment.settings, public_url="http://127.0.0.1:4566")
    monkeypatch.setattr(pay, "deployment", lambda: deployment)

    def worked() -> None:
        waiting = deployment.sqs.sent.get(deployment.settings.pay_queue_url, [])
        while waiting:
            record = {"messageId": "1", "body": waiting.popleft()["MessageBody"]}
            assert pay.handler({"Records": [record]}, Context(lambda: 300_000)) == {"batchItemFailures": []}

    return worked


@pytest.fixture
def books(shop: Shop) -> Client:
    return books_of(shop)


def books_of(shop: Shop) -> Client:
    """Asks of the shop's money."""
    return Client(APIS["payouts"], shop.brand.key, shop.brand.brand_id)


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
    api = books_of(shop)
    api.post("/v1/test_clock", {"now": LATER})
    return api


def run(api: Client, key: str = "k1", **wish: Any) -> Any:
    answer = api.post("/v1/payout_runs", wish, idempotency_key=key)
    assert answer.status == 201, answer.body
    return answer.body


def balance(api: Client, shop: Shop) -> Any:
    [found] = api.get(f"/v1/creators/{shop.creator}/balances").body
    return found

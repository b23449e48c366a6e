"""Reconciliation over HTTP: who asks for it waits a little for its end, or reads later what became of it."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from attribution import fetch
from tests.faults.world import Context, event, functions
from tests.fixtures import Clock
from tests.functions.client import Client
from tests.functions.conftest import APIS, NewBrand
from tests.functions.setting_up import open_shop
from tests.platforms import samples
from tests.standins import shopify
from tests.standins.server import failing
from vouch.domain import ids, times
from vouch.service import reconciliations
from vouch.service.deployment import Deployment

SHIRT: dict[str, Any] = {"price": "20.00", "quantity": 1}
BY_NOA = {"discount_codes": [{"code": "noa10", "amount": "0.00", "type": "percentage"}]}
MADE = "2026-05-04T12:00:00Z"


@pytest.fixture
def shop(deployment: Deployment, clock: Clock) -> Iterator[shopify.Shopify]:
    deployment.settings = replace(deployment.settings, public_url="http://127.0.0.1:4566")
    with functions(deployment), shopify.Shopify(clock) as stand_in:
        yield stand_in


@pytest.fixture
def path(brand: Client, shop: shopify.Shopify) -> str:
    return connect(brand, shop)


def there(caller: Client) -> Client:
    """The same caller, at the function that serves this."""
    return replace(caller, api=APIS["attribution"])


def connect(brand: Client, shop: shopify.Shopify, **more: Any) -> str:
    said = {"platform": "shopify", "secret": samples.SHOPIFY_SECRET, "shop": shopify.SHOP, "api_token": shopify.TOKEN}
    made = brand.made("/v1/connections", said | {"api_base_url": shop.address} | more)
    return f"/v1/connections/{made['id']}"


@pytest.fixture
def worker(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """The fetch queue's function, which works while somebody waits for it."""

    def work(_seconds: float = 0) -> None:
        for message in deployment.sqs.sent.pop(deployment.settings.fetch_queue_url, ()):
            asked = event("fetch")
            asked["Records"][0]["body"] = message["MessageBody"]
            assert fetch.handler(asked, Context()) == {"batchItemFailures": []}

    monkeypatch.setattr(time, "sleep", work)
    return work


@pytest.fixture
def nobody_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("attribution.reconciliations._SECONDS", 0)


@pytest.mark.usefixtures("worker")
def test_who_asks_is_told_what_was_healed(brand: Client, shop: shopify.Shopify, path: str, clock: Clock) -> None:
    clock.pass_(timedelta(hours=1))
    order = str(shop.place(SHIRT, **BY_NOA))
    answer = there(brand).post(f"{path}/reconcile")
    assert answer.status == 200
    [healed] = answer.body["orders"]
    assert answer.body | {"id": ""} == {
        "id": "",
        "connection_id": path.rpartition("/")[2],
        "status": "done",
        "reason": None,
        "since": MADE,
        "until": "2026-05-04T13:00:00Z",
        "looked_at": 1,
        "healed": 1,
        "unreadable": 0,
        "orders": [{"id": healed["id"], "external_id": order}],
        "created_at": "2026-05-04T13:00:00Z",
        "done_at": "2026-05-04T13:00:00Z",
    }
    assert ids.is_id(healed["id"], "ord_")
    assert there(brand).get(f"{path}/reconciliations/{answer.body['id']}").text == answer.text


@pytest.mark.usefixtures("nobody_works")
def test_what_takes_longer_is_answered_202_and_read_later(
    brand: Client, shop: shopify.Shopify, path: str, worker: Callable[..., None]
) -> None:
    answer = there(brand).post(f"{path}/reconcile")
    assert (answer.status, answer.body["status"], answer.body["done_at"]) == (202, "running", None)
    assert there(brand).post(f"{path}/reconcile").body["id"] == answer.body["id"]
    worker()
    assert there(brand).get(f"{path}/reconciliations/{answer.body['id']}").body["status"] == "done"
    assert len(shop.asked) == 1


@pytest.mark.usefixtures("worker")
def test_why_it_failed_is_said_without_the_token(brand: Client, shop: shopify.Shopify, path: str) -> None:
    shop.faults.append(failing(401))
    answer = there(brand).post(f"{path}/reconcile")
    assert (answer.status, answer.body["status"]) == (200, "failed")
    assert answer.body["reason"].startswith("platform_refused: answered 401")
    assert shopify.TOKEN not in answer.text


@pytest.mark.usefixtures("nobody_works")
def test_a_repeat_under_its_key_is_the_same_look(
    brand: Client, path: str, worker: Callable[..., None], deployment: Deployment
) -> None:
    first = there(brand).post(f"{path}/reconcile", idempotency_key="k-1")
    worker()
    again = there(brand).post(f"{path}/reconcile", idempotency_key="k-1")
    assert (again.status, again.text) == (first.status, first.text)
    assert again.headers["idempotent-replayed"] == "true"
    other = there(brand).post(f"{path}/reconcile", idempotency_key="k-2")
    assert other.body["id"] != first.body["id"]


@pytest.mark.usefixtures("nobody_works")
def test_since_may_be_said_within_90_days(brand: Client, path: str, clock: Clock) -> None:
    for wrong in (clock.now - reconciliations.FURTHEST - timedelta(seconds=1), clock.now + timedelta(seconds=1)):
        refused = there(brand).send("POST", f"{path}/reconcile", query={"since": times.short(wrong)})
        assert (refused.status, refused.code) == (422, "since_out_of_range")
    malformed = there(brand).send("POST", f"{path}/reconcile", query={"since": "yesterday"})
    assert malformed.status in (400, 422)
    begun = there(brand).send("POST", f"{path}/reconcile", query={"since": "2026-02-04T12:00:00Z"})
    assert (begun.status, begun.body["since"]) == (202, "2026-02-04T12:00:00Z")


def test_what_cannot_be_asked_is_refused_in_words(brand: Client, shop: shopify.Shopify, path: str) -> None:
    said = {"platform": "standard_webhooks", "secret": samples.STANDARD_SECRET}
    by_webhook_alone = f"/v1/connections/{brand.made('/v1/connections', said)['id']}"
    disabled, tokenless = connect(brand, shop), connect(brand, shop, api_token=None)
    assert brand.patch(disabled, {"status": "disabled"}).status == 200
    for where, code in (
        (by_webhook_alone, "not_reconcilable"),
        (disabled, "connection_disabled"),
        (tokenless, "api_token_missing"),
    ):
        refused = there(brand).post(f"{where}/reconcile")
        assert (refused.status, refused.code) == (422, code)
    assert not shop.asked


@pytest.mark.usefixtures("worker")
def test_another_brand_s_connection_is_as_good_as_none(
    brand: Client, new_brand: NewBrand, shop: shopify.Shopify, path: str
) -> None:
    look = there(brand).post(f"{path}/reconcile").body["id"]
    other, nobodys = new_brand("Cups"), f"/v1/connections/con_{ids.derived('', 'nobody')}"
    nothing = there(other).post(f"{nobodys}/reconcile").told
    for answer in (
        there(other).post(f"{path}/reconcile"),
        there(other).get(f"{path}/reconciliations"),
        there(other).get(f"{nobodys}/reconciliations"),
        there(other).get(f"{path}/reconciliations/{look}"),
        there(other).get(f"{path}/reconciliations/rec_{ids.derived('', 'nobody')}"),
        there(brand).get(f"{path}/reconciliations/MARK"),
    ):
        assert (answer.status, answer.told) == (404, nothing)


def test_reading_and_beginning_are_rights_of_their_own(brand: Client, path: str) -> None:
    reader = Client(brand.api, brand.made("/v1/keys", {"name": "R", "scopes": ["connections:read"]})["api_key"])
    assert there(reader).get(f"{path}/reconciliations").status == 200
    assert there(reader).post(f"{path}/reconcile").status == 403


@pytest.mark.usefixtures("worker")
def test_they_are_listed_page_by_page(brand: Client, new_brand: NewBrand, path: str, clock: Clock) -> None:
    looks: list[str] = []
    for _ in range(3):
        looks.insert(0, there(brand).post(f"{path}/reconcile").body["id"])
        clock.pass_(timedelta(hours=1))
    first = there(brand).get(f"{path}/reconciliations", limit=2).body
    rest = there(brand).get(f"{path}/reconciliations", limit=2, cursor=first["next_cursor"]).body
    assert [look["id"] for look in (*first["items"], *rest["items"])] == looks
    assert rest["next_cursor"] is None
    elsewhere = brand.get("/v1/connections", cursor=first["next_cursor"])
    assert (elsewhere.status, elsewhere.code) == (400, "invalid_cursor")


@pytest.mark.usefixtures("worker")
def test_what_is_healed_can_be_asked_for(brand: Client, shop: shopify.Shopify, path: str, clock: Clock) -> None:
    """Of an order that its shop never told, the brand reads the same as of any other."""
    open_shop(brand)
    clock.pass_(timedelta(hours=1))
    shop.place(SHIRT, **BY_NOA)
    [healed] = there(brand).post(f"{path}/reconcile").body["orders"]
    assert there(brand).get(f"/v1/orders/{healed['id']}").status == 404, "the stream has not brought it yet"

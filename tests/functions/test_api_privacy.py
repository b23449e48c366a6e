"""What platforms asked for buyers and shops, over HTTP: what came of it, and nobody's name."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from attribution import ingest, privacy, settle
from tests.faults.world import Context, engine, event, functions, record
from tests.fixtures import Clock
from tests.functions.client import Client
from tests.functions.conftest import APIS, NewBrand
from tests.platforms import samples
from vouch.domain import ids
from vouch.platforms.signatures import base64_sha256
from vouch.service.deployment import Deployment

SHOP = "mugs.myshopify.com"
MAIL = "zephyrine.canary@example.net"
PATH = "/v1/privacy/requests"


@pytest.fixture(autouse=True)
def running(deployment: Deployment) -> Iterator[None]:
    with functions(deployment):
        yield


def there(caller: Client) -> Client:
    """The same caller, at the function that serves this."""
    return replace(caller, api=APIS["attribution"])


def connect(brand: Client) -> str:
    said = {"platform": "shopify", "secret": samples.SHOPIFY_SECRET, "shop": SHOP}
    connection_id: str = brand.made("/v1/connections", said)["id"]
    return connection_id


def tell(deployment: Deployment, connection_id: str, topic: str, number: int = 1, **content: Any) -> None:
    """One of Shopify's webhooks, and all that the functions behind it do."""
    body = json.dumps({"shop_id": number, "shop_domain": SHOP} | content)
    asked = event("ingest")
    path = f"/webhooks/{connection_id}"
    asked["rawPath"] = asked["requestContext"]["http"]["path"] = path
    asked["pathParameters"] = {"connection_id": connection_id}
    asked["headers"] |= {
        "x-shopify-topic": topic,
        "x-shopify-hmac-sha256": base64_sha256(samples.SHOPIFY_SECRET.encode(), body.encode()),
        "x-shopify-webhook-id": f"{topic}-{number}",
        "x-shopify-triggered-at": "2026-05-04T12:00:00Z",
    }
    asked["body"] = body
    assert ingest.handler(asked, Context())["statusCode"] == 200
    table = deployment.settings.inbox_table
    for image in engine(deployment).scan(TableName=table, ConsistentRead=True)["Items"]:
        settle.handler({"Records": [record(image)]}, Context())


def work(deployment: Deployment) -> None:
    for message in deployment.sqs.sent.pop(deployment.settings.privacy_queue_url, ()):
        said = event("privacy")
        said["Records"][0]["body"] = message["MessageBody"]
        assert privacy.handler(said, Context()) == {"batchItemFailures": []}


def redacted(number: int = 1) -> dict[str, Any]:
    return {"customer": {"id": number, "email": MAIL}, "orders_to_redact": [900 + number]}


def test_what_was_asked_and_what_came_of_it(brand: Client, deployment: Deployment, clock: Clock) -> None:
    connection_id = connect(brand)
    order = samples.content("shopify/orders_paid") | {"id": 901, "email": MAIL}
    tell(deployment, connection_id, "orders/paid", **order)
    tell(deployment, connection_id, "customers/redact", **redacted())
    [waiting] = there(brand).get(PATH).body["items"]
    assert (waiting["status"], waiting["erased"], waiting["done_at"]) == ("received", 0, None)
    clock.pass_(timedelta(minutes=1))
    work(deployment)
    answer = there(brand).get(PATH)
    [done] = answer.body["items"]
    assert done | {"id": "", "platform_id": "", "orders": []} == {
        "id": "",
        "connection_id": connection_id,
        "platform": "shopify",
        "kind": "erase_customer",
        "platform_id": "",
        "status": "done",
        "orders": [],
        "erased": 1,
        "left": 0,
        "received_at": "2026-05-04T12:00:00Z",
        "done_at": "2026-05-04T12:01:00Z",
    }
    [order_id] = done["orders"]
    assert there(brand).get(f"/v1/orders/{order_id}").body["external_id"] == "901"
    assert MAIL not in answer.text


def test_what_a_buyer_is_to_be_told_names_their_orders(brand: Client, deployment: Deployment) -> None:
    connection_id = connect(brand)
    tell(deployment, connection_id, "orders/paid", **(samples.content("shopify/orders_paid") | {"id": 901}))
    wanted: dict[str, Any] = {
        "customer": {"id": 1, "email": MAIL},
        "orders_requested": [901],
        "data_request": {"id": 9999},
    }
    tell(deployment, connection_id, "customers/data_request", **wanted)
    work(deployment)
    [said] = there(brand).get(PATH).body["items"]
    assert (said["kind"], said["platform_id"], said["erased"]) == ("export_customer", "9999", 0)
    [order_id] = said["orders"]
    assert there(brand).get(f"/v1/orders/{order_id}").status == 200


def test_they_are_listed_page_by_page_the_newest_first(brand: Client, deployment: Deployment, clock: Clock) -> None:
    connection_id = connect(brand)
    for number in (1, 2, 3):
        tell(deployment, connection_id, "customers/redact", number, **redacted(number))
        clock.pass_(timedelta(minutes=1))
    first = there(brand).get(PATH, limit=2).body
    rest = there(brand).get(PATH, limit=2, cursor=first["next_cursor"]).body
    came = [each["received_at"] for each in (*first["items"], *rest["items"])]
    assert came == ["2026-05-04T12:02:00Z", "2026-05-04T12:01:00Z", "2026-05-04T12:00:00Z"]
    assert rest["next_cursor"] is None


def test_they_are_the_brand_s_own_and_a_right_of_their_own(
    brand: Client, new_brand: NewBrand, deployment: Deployment
) -> None:
    tell(deployment, connect(brand), "customers/redact", **redacted())
    other = new_brand("Cups")
    assert there(other).get(PATH).body["items"] == []
    cursor = there(brand).get(PATH, limit=1).body["next_cursor"]
    assert cursor is None or there(other).get(PATH, cursor=cursor).status == 400
    key = brand.made("/v1/keys", {"name": "Orders", "scopes": ["orders:read", "connections:read"]})["api_key"]
    assert there(Client(brand.api, key)).get(PATH).status == 403
    key = brand.made("/v1/keys", {"name": "Privacy", "scopes": ["privacy:read"]})["api_key"]
    assert there(Client(brand.api, key)).get(PATH).status == 200


def test_a_request_that_nobody_stored_is_done(deployment: Deployment) -> None:
    said = event("privacy")
    told = {"delivery": [f"brd_{ids.derived('', 'b')}#D#x#y", f"dlv_{ids.derived('', 'nobody')}"]}
    said["Records"][0]["body"] = json.dumps(told)
    assert privacy.handler(said, Context()) == {"batchItemFailures": []}

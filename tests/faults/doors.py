"""Any platform's connection in a world: its webhooks come in, its API is asked, and all of it is worked off."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

from attribution import fetch, ingest, privacy
from tests.faults.world import BEGAN, Context, Sums, World, engine, event, later, sums
from vouch.domain import ids, times
from vouch.platforms.base import Request
from vouch.service.platform_accounts import SEALED
from vouch.store import orders
from vouch.store.orders import StoredOrder
from vouch.store.tables import ConnectionItem
from vouch.store.vault import Owner, Purpose

_ROUNDS_MAX = 500
_ORDERS_MAX = 100


class Door:
    """A connection; `settings` are shop, app_key, notification_url, verify_token, api_base_url and api_token."""

    def __init__(self, world: World, platform: str, secret: str, **settings: str) -> None:
        self.world = world
        self.platform = platform
        self.connection_id = ids.derived("con_", world.name, platform, *settings.values())
        self._settled: set[str] = set()
        details = {name: value for name, value in settings.items() if name != "shop"}
        for name in SEALED:
            if name in settings:
                details[name] = self.sealed(name, settings[name])
        ConnectionItem(
            f"CON#{self.connection_id}", "C", g1pk=f"{world.brand_id}#CON", g1sk=self.connection_id,
            id=self.connection_id, brand_id=world.brand_id, mode=world.brand.mode, platform=platform,
            shop=settings.get("shop"), details=details, status="active", created_at=BEGAN, version=1,
            secrets=[[self.sealed("webhook_secret", secret), None]],
        ).save()  # fmt: skip

    def sealed(self, purpose: Purpose, text: str) -> str:
        """As it is kept of this connection."""
        return self.world.deployment.vault.seal(Owner(self.world.brand_id, purpose, self.connection_id), text)

    # --- what comes in ------------------------------------------------------------------------------------------------

    def post(self, request: Request) -> dict[str, Any]:
        """What ingest answers."""
        asked = event("ingest")
        path = f"/webhooks/{self.connection_id}"
        asked["rawPath"] = asked["requestContext"]["http"]["path"] = path
        asked["pathParameters"] = {"connection_id": self.connection_id}
        asked["headers"] = dict(request.headers)
        asked["body"] = base64.b64encode(request.body).decode()
        asked["isBase64Encoded"] = True
        return ingest.handler(asked, Context())

    def deliver(self, *requests: Request) -> None:
        """Every one of them is stored."""
        for request in requests:
            answer = self.post(request)
            assert answer["statusCode"] == 200, answer

    # --- what is done with it -----------------------------------------------------------------------------------------

    def run(self) -> None:
        """Works off everything, in time as it goes by, until nothing is left to do but on another day."""
        for _ in range(_ROUNDS_MAX):
            if not self._step():
                return
        raise AssertionError("it never comes to an end")

    def fresh(self) -> list[dict[str, Any]]:
        """The stream's new images, once each."""
        stored = (image for image in _stored(self.world.deployment) if image["brand_id"]["S"] == self.world.brand_id)
        found = [image for image in stored if image["sk"]["S"] not in self._settled]
        self._settled |= {image["sk"]["S"] for image in found}
        return found

    def _step(self) -> bool:
        deployment, settings = self.world.deployment, self.world.deployment.settings
        fresh = self.fresh()
        for image in fresh:
            self.world.settle([image])
        queues = {
            settings.fetch_queue_url: fetch.handler,
            settings.privacy_queue_url: privacy.handler,
        }
        worked = bool(fresh)
        for queue, handler in queues.items():
            for message in deployment.sqs.sent.pop(queue, ()):
                if queue == settings.privacy_queue_url and message["DelaySeconds"]:
                    deployment.sqs.send_message(QueueUrl=queue, **message)
                    continue
                later(deployment, timedelta(seconds=message["DelaySeconds"]))
                asked = event("wake")
                asked["Records"][0]["body"] = message["MessageBody"]
                assert handler(asked, Context()) == {"batchItemFailures": []}
                worked = True
        if deployment.sqs.sent.get(settings.wake_queue_url):
            later(deployment, timedelta(minutes=1))
            self.world.woken()
            worked = True
        return worked

    # --- what became of it --------------------------------------------------------------------------------------------

    def order_id(self, external_id: str) -> str:
        return orders.order_id(self.world.brand_id, self.connection_id, external_id)

    def known(self, external_id: str) -> StoredOrder | None:
        """The order, if anything is known of it."""
        return orders.load(self.world.deployment.database, self.world.brand_id, self.order_id(external_id))

    def order(self, external_id: str) -> StoredOrder:
        order = self.known(external_id)
        assert order is not None, f"nothing is known of order {external_id}"
        return order

    def earned(self, external_id: str) -> dict[str, int]:
        """What each creator's net of the order is in the ledger, by the first name of the creator."""
        lives = {creator: life for life, creator in self.world.creators.items()}
        found: dict[str, int] = {}
        for entry in self.world.entries().get(self.order_id(external_id), []):
            for part in ("earned", "held"):
                amount = entry.credited(f"creator:{entry.creator_id}:{part}")
                found[lives[entry.creator_id]] = found.get(lives[entry.creator_id], 0) + amount
        return {life: amount for life, amount in found.items() if amount}

    def outcome(self) -> dict[str, tuple[dict[str, Any] | None, Sums]]:
        """What may be compared between two runs: what each order shows, and what the ledger holds of it."""
        entries, found = self.world.entries(), self.world.deployment.database
        states, behind = orders.placed(found, self.world.brand_id, times.EPOCH, times.END, behind="", limit=_ORDERS_MAX)
        assert behind is None, "more orders than are compared"
        own = {state.external_id: state.id for state in states if state.connection_id == self.connection_id}
        return {name: (self.world.shown(each), sums(entries.get(each, []))) for name, each in own.items()}


def _stored(deployment: Any) -> Iterator[dict[str, Any]]:
    table = deployment.settings.inbox_table
    pages = engine(deployment).get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
    found = [item for page in pages for item in page["Items"]]
    yield from sorted(found, key=lambda item: (item["received_at"]["S"], item["sk"]["S"]))


@contextmanager
def on_this_machine(world: World) -> Iterator[None]:
    """The stack that runs on one machine, where a platform's stand-in may be called."""
    settings = world.deployment.settings
    world.deployment.settings = replace(settings, public_url="http://127.0.0.1:4566")
    try:
        yield
    finally:
        world.deployment.settings = settings

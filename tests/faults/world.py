"""A brand with programs, creators, links and codes, and every way by which its shop's webhooks reach the functions."""

import base64
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from itertools import batched
from pathlib import Path
from typing import Any

import boto3
import pytest

from attribution import fetch, ingest, privacy, reconcile, second_pass, settle, wake
from tests.platforms.samples import SHOPIFY_SECRET
from tests.tables import REGION
from vouch.domain import clicks, ids, times
from vouch.domain.ledger import EARNED, HELD, Entry, creator_account
from vouch.platforms import shopify
from vouch.platforms.base import Request
from vouch.platforms.signatures import base64_sha256
from vouch.service import verify
from vouch.service.deployment import Deployment
from vouch.store import clicks as click_records
from vouch.store import inbox, ledger, orders
from vouch.store.inbox import Door
from vouch.store.orders import StoredOrder
from vouch.store.tables import (
    Brand,
    Code,
    ConnectionItem,
    Creator,
    Delivery,
    Enrolment,
    Item,
    Link,
    Parked,
    Program,
    TermsVersion,
)
from vouch.store.vault import Owner, Purpose

EVENTS = Path(__file__).parents[2] / "events" / "attribution"
BEGAN = "2026-03-01T00:00:00.000000Z"
CHANGED = "2026-04-20T00:00:00.000000Z"
"""When the terms, an enrolment, a code's owner and a program's pause change."""
LIVES = ("noa", "dan", "mia", "tal", "eve")
_KEYS_MAX = 100
"""Of one batch read."""

_FRIENDS = {
    "attribution": {"model": "last", "window_days": 30, "code_policy": "wins"},
    "commission": {"rules": [{"match": {}, "reward": {"type": "percent", "bps": 1000}}]},
    "hold_days": 14,
}
_FRIENDS_NOW = _FRIENDS | {
    "commission": {
        "rules": [
            {
                "match": {"skus": ["TOTE-01"]},
                "reward": {"type": "flat_item", "amount": 155, "currency": "USD"},
            },
            {"match": {}, "reward": {"type": "percent", "bps": 1275}},
        ]
    }
}
_PRESS = {
    "attribution": {"model": "linear", "window_days": 10, "code_policy": "joins"},
    "commission": {
        "rules": [{"match": {}, "reward": {"type": "percent", "bps": 777}}],
        "cap_per_order": {"amount": 2_000, "currency": "USD"},
    },
    "hold_days": 0,
}
Stored = dict[str, Any]
Sums = dict[tuple[str, str, str], int]
"""By creator, part and currency."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """One thing that the shop tells, however often it is delivered."""

    topic: str
    body: bytes
    id: str
    triggered_at: datetime

    @property
    def headers(self) -> dict[str, str]:
        return {
            "content-type": "application/json",
            "x-shopify-topic": self.topic,
            "x-shopify-hmac-sha256": base64_sha256(SHOPIFY_SECRET.encode(), self.body),
            "x-shopify-webhook-id": self.id,
            "x-shopify-triggered-at": times.text(self.triggered_at),
        }


class Context:
    """What Lambda hands to a handler."""

    aws_request_id = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"

    def __init__(self, milliseconds: Callable[[], int] = lambda: 60_000) -> None:
        self.get_remaining_time_in_millis = milliseconds


def event(name: str) -> dict[str, Any]:
    """An event of `events/attribution`, to be changed at will."""
    content = json.loads(_text(name))
    assert isinstance(content, dict)
    return content


@cache
def _text(name: str) -> bytes:
    return (EVENTS / f"{name}.json").read_bytes()


class World:
    """One brand. Several may share a deployment; their creators have the same ids, by which ties are broken."""

    def __init__(self, deployment: Deployment, name: str = "brand", *, mode: str = "live") -> None:
        self.deployment = deployment
        self.name = name
        self.brand_id = ids.derived("brd_", name)
        self.connection_id = ids.derived("con_", name)
        self.brand = Brand(
            self.brand_id, "BRAND", g1pk="BRANDS", g1sk=self.brand_id, id=self.brand_id, name=name, mode=mode,
            created_at=BEGAN,
        )  # fmt: skip
        self.creators = {life: ids.derived("cre_", life) for life in LIVES}
        self.friends = ids.derived("prg_", "friends")
        self.press = ids.derived("prg_", "press")

    # --- set-up -------------------------------------------------------------------------------------------------------

    def build(self) -> "World":
        """Stores the brand and all that it has."""
        for item in self._items():
            item.save()
        return self

    def sealed(self, purpose: Purpose, text: str) -> str:
        """As it is kept of the connection."""
        return self.deployment.vault.seal(Owner(self.brand_id, purpose, self.connection_id), text)

    def _items(self) -> Iterator[Item]:
        yield self.brand
        yield ConnectionItem(
            f"CON#{self.connection_id}", "C", g1pk=f"{self.brand_id}#CON", g1sk=self.connection_id,
            id=self.connection_id, brand_id=self.brand_id, mode=self.brand.mode, platform="shopify",
            shop="oasis.example", details={}, status="active", created_at=BEGAN, version=1,
            secrets=[[self.sealed("webhook_secret", SHOPIFY_SECRET), None]],
        )  # fmt: skip
        yield self.program(self.friends, [[1, None], [2, CHANGED]])
        yield self.program(self.press, [[1, None]])
        yield self._terms(self.friends, 1, None, _FRIENDS)
        yield self._terms(self.friends, 2, CHANGED, _FRIENDS_NOW)
        yield self._terms(self.press, 1, None, _PRESS)
        memberships = {"noa": self.friends, "dan": self.friends, "mia": self.press, "tal": self.press}
        for life, creator in self.creators.items():
            yield self._creator(life, creator)
            program = memberships.get(life, self.friends)
            yield self._enrolment(creator, program, [[BEGAN, CHANGED if life == "eve" else None]])
            yield self._link(life, creator, program)
            yield self._code(f"{life}10", [[creator, program, BEGAN, None]])
        noa, tal = self.creators["noa"], self.creators["tal"]
        yield self._code("spring", [[noa, self.friends, BEGAN, CHANGED], [tal, self.press, CHANGED, None]])

    def program(self, program: str, versions: list[list[Any]], active: list[list[str | None]] | None = None) -> Program:
        return Program(
            self.brand_id, f"PRG#{program}", g1pk=f"{self.brand_id}#PRG", g1sk=program, id=program, name="Friends",
            currency="USD", status="active", active=active or [[None, None]], versions=versions, created_at=BEGAN,
            version=1,
        )  # fmt: skip

    def _terms(self, program: str, number: int, start: str | None, terms: dict[str, Any]) -> TermsVersion:
        return TermsVersion(
            self.brand_id, f"PRG#{program}#T#{number:06}", id=ids.derived("trm_", program, str(number)),
            program_id=program, currency="USD", number=number, effective_from=start, created_at=BEGAN, terms=terms,
        )  # fmt: skip

    def _creator(self, life: str, creator: str) -> Creator:
        person = self.deployment.secrets.pseudonym(self.brand_id, f"email:{life}@example.com")
        return Creator(
            f"{self.brand_id}#C#{creator}", "C", g1pk=f"{self.brand_id}#CRE", g1sk=creator, id=creator,
            email=f"{life}@example.com", name=life.title(), language="en", handles={}, persons=[person],
            active_from=BEGAN, created_at=BEGAN, version=1,
        )  # fmt: skip

    def _enrolment(self, creator: str, program: str, active: list[list[str | None]]) -> Enrolment:
        return Enrolment(
            f"{self.brand_id}#C#{creator}", f"ENR#{program}", g1pk=f"{self.brand_id}#PRG#{program}", g1sk=creator,
            id=ids.derived("enr_", creator, program), creator_id=creator, program_id=program, status="active",
            active=active, created_at=BEGAN, version=1,
        )  # fmt: skip

    def _link(self, life: str, creator: str, program: str) -> Link:
        return Link(
            f"{self.brand_id}#L#{self.link_key(life)}", "L", id=self.link_id(life), slug=f"{self.name}-{life}",
            former_slugs=[], program_id=program, creator_id=creator, destination="https://oasis.example/",
            status="active", created_at=BEGAN, version=1,
        )  # fmt: skip

    def _code(self, code: str, owners: list[list[str | None]]) -> Code:
        creator, program = owners[-1][:2]
        assert creator is not None
        assert program is not None
        return Code(
            f"{self.brand_id}#D#{code}", "D", id=ids.derived("cod_", self.name, code), code=code, program_id=program,
            creator_id=creator, owners=owners, created_at=BEGAN, version=1,
        )  # fmt: skip

    def link_id(self, life: str) -> str:
        return ids.derived("lnk_", self.name, life)

    def link_key(self, life: str) -> str:
        return clicks.link_key(self.link_id(life))

    def click(self, life: str, at: datetime, *, trail: Iterable[str] = (), recorded: bool = True) -> str:
        """A visit of somebody's link; the same visit has the same id. Without its record, it is on its way or lost."""
        chance = hashlib.sha256(f"{life}{at}".encode()).digest()
        keys = self.deployment.secrets.click_keys
        click = clicks.mint(self.brand_id, self.link_key(life), at, keys, chance)
        if recorded:
            click_records.record(self.brand_id, click, list(trail), self.deployment.now()).save()
        return click.id

    # --- the doors ----------------------------------------------------------------------------------------------------

    def request(self, webhook: Webhook) -> dict[str, Any]:
        """The webhook as API Gateway hands it to the function."""
        asked = event("ingest")
        path = f"/webhooks/{self.connection_id}"
        asked["rawPath"] = asked["requestContext"]["http"]["path"] = path
        asked["pathParameters"] = {"connection_id": self.connection_id}
        asked["headers"] |= webhook.headers
        asked["body"] = webhook.body.decode()
        return asked

    def post(self, webhook: Webhook) -> dict[str, Any]:
        """Delivers it once; the function's answer."""
        return ingest.handler(self.request(webhook), Context())

    def deliver(self, webhook: Webhook) -> None:
        """Delivers it and settles what was stored, in a world without faults."""
        assert self.post(webhook)["statusCode"] == 200
        self.settle([self.stored(webhook)])

    def stored(self, webhook: Webhook) -> Stored:
        """The item of a delivery as the stream has it."""
        [image] = self.all_stored([webhook])
        return image

    def all_stored(self, webhooks: Iterable[Webhook]) -> list[Stored]:
        """Those of several deliveries, in their order."""
        deliveries = [self._delivery(Request(webhook.headers, webhook.body)) for webhook in webhooks]
        table, found = self.deployment.settings.inbox_table, dict[str, Stored]()
        for some in batched(deliveries, _KEYS_MAX, strict=False):
            keys = [{"pk": {"S": each.pk}, "sk": {"S": each.sk}} for each in some]
            asked = {table: {"Keys": keys, "ConsistentRead": True}}
            answer = engine(self.deployment).batch_get_item(RequestItems=asked)
            found |= {image["sk"]["S"]: image for image in answer["Responses"][table]}
        assert len(found) == len({each.sk for each in deliveries}), "not all of them are stored"
        return [found[each.sk] for each in deliveries]

    def put_sample(self, request: Request) -> Delivery:
        """Stores a delivery as ingest would, with nothing in the stream."""
        delivery = self._delivery(request)
        inbox.put(self.deployment.database, lambda: self.deployment.s3, delivery)
        return delivery

    def _delivery(self, request: Request) -> Delivery:
        name, topic = (request.headers.get(f"x-shopify-{part}", "") for part in ("webhook-id", "topic"))
        return inbox.delivery(
            Door(self.brand_id, self.brand.mode, "shopify", self.connection_id),
            request.headers,
            request.body,
            platform_delivery_id=f"{name}:{topic}",
            subject=shopify.subject(request),
            kept=shopify.PLATFORM.kept_headers,
            now=self.deployment.now(),
        )

    def stored_count(self) -> int:
        """How many deliveries the inbox holds, of all brands."""
        table = self.deployment.settings.inbox_table
        count: int = engine(self.deployment).scan(TableName=table, ConsistentRead=True, Select="COUNT")["Count"]
        return count

    def settle(self, images: Iterable[Stored]) -> None:
        """The stream's records, in one batch."""
        settle.handler({"Records": [record(image) for image in images]}, Context())

    def wake(self, message: str) -> dict[str, Any]:
        """One message of the delayed queue."""
        asked = event("wake")
        asked["Records"][0]["body"] = message
        return wake.handler(asked, Context())

    def woken(self) -> None:
        """Does everything that was put off."""
        for message in take(self.deployment):
            assert self.wake(message) == {"batchItemFailures": []}

    def second_pass(self, hours: int | None, context: Context | None = None) -> dict[str, int]:
        """The schedule, for that many hours and the present one; None: as it is without being told."""
        asked = {} if hours is None else event("second_pass") | {"hours": hours}
        return second_pass.handler(asked, context or Context())

    # --- what became of it --------------------------------------------------------------------------------------------

    def order_id(self, external_id: str) -> str:
        return orders.order_id(self.brand_id, self.connection_id, external_id)

    def order(self, external_id: str) -> StoredOrder:
        """The order as it is stored."""
        order = orders.load(self.deployment.database, self.brand_id, self.order_id(external_id))
        assert order is not None, f"nothing is known of order {external_id}"
        return order

    def standing(self, external_id: str) -> dict[str, Any] | None:
        """All that an order of its shop shows."""
        return self.shown(self.order_id(external_id))

    def shown(self, order_id: str) -> dict[str, Any] | None:
        """All that an order shows, but for former creators: whether somebody ever was credited is chance."""
        order = orders.load(self.deployment.database, self.brand_id, order_id)
        if order is None:
            return None
        former = {part["creator_id"] for part in order.summary["former"]}
        items = {
            item.creator_id: [item.earned, item.reversed, item.held, item.matures_at]
            for item in order.commissions
            if item.creator_id not in former
        }
        shown = {name: said for name, said in order.summary.items() if name not in ("former", "stands")}
        return shown | {"items": items}

    def entries(self) -> dict[str, list[Entry]]:
        """All entries of the ledger, by the order that they belong to."""
        found: dict[str, list[Entry]] = {}
        for creator in self.creators.values():
            for item in ledger.everything(self.deployment.database, self.brand_id, creator):
                assert isinstance(item, ledger.Found), item
                found.setdefault(item.entry.order_id or "", []).append(item.entry)
        return found

    def books(self, external_id: str) -> tuple[Sums, list[str]]:
        """What the ledger holds of one order, and the ids of the entries that make it up."""
        entries = self.entries().get(self.order_id(external_id), [])
        return sums(entries), [entry.id for entry in entries]

    def outcome(self, external_ids: Iterable[str]) -> dict[str, Any]:
        """What may be compared between two runs: what each order shows, and what the ledger holds of it."""
        entries = self.entries()
        return {each: (self.standing(each), sums(entries.get(self.order_id(each), []))) for each in external_ids}

    def parked(self) -> list[Parked]:
        return list(self.deployment.database.query(Parked, f"{self.brand_id}#PARK"))

    def assert_invariants(self) -> None:
        """The one checker of the books finds nothing, and every order that it did not see is without money."""
        cursor: verify.Cursor | None = None
        while True:
            report = verify.verify(self.deployment, self.brand, cursor)
            assert report.ok, report.violations
            cursor = report.next_cursor
            if cursor is None:
                return


def sums(entries: Iterable[Entry]) -> Sums:
    """What entries come to, nothing for what is 0."""
    found: Counter[tuple[str, str, str]] = Counter()
    for entry in entries:
        part = HELD if entry.position is None else EARNED
        found[entry.creator_id, part, entry.currency] += entry.credited(creator_account(entry.creator_id, part))
    return {key: amount for key, amount in found.items() if amount}


# --- Lambda and its triggers ------------------------------------------------------------------------------------------


@contextmanager
def functions(deployment: Deployment) -> Iterator[None]:
    """The handlers of this process, fresh, with this deployment in place of their own."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (ingest, settle, wake, second_pass, fetch, privacy, reconcile):
            patch.setattr(module, "deployment", lambda: deployment)
        cold_start(deployment)
        yield
        ingest._ingest.cache_clear()


@pytest.fixture
def world(deployment: Deployment) -> Iterator[World]:
    """A brand whose functions are running."""
    with functions(deployment):
        yield World(deployment).build()


def cold_start(deployment: Deployment) -> None:
    """Forgets what a process keeps, as if the next call met a new one."""
    ingest._ingest.cache_clear()
    deployment.unchanging.clear()


def engine(deployment: Deployment) -> Any:
    """A client for looking into the tables past everything that is under test."""
    endpoint = deployment.database.connection.client.meta.endpoint_url
    if endpoint not in _ENGINES:
        _ENGINES[endpoint] = boto3.client(
            "dynamodb",
            endpoint_url=endpoint,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
    return _ENGINES[endpoint]


_ENGINES: dict[str, Any] = {}


def record(image: Stored) -> dict[str, Any]:
    """An INSERT of the inbox's stream as Lambda passes it on: its binary parts are base64 text."""
    asked: dict[str, Any] = event("settle")["Records"][0]
    asked["dynamodb"]["Keys"] = {name: image[name] for name in ("pk", "sk")}
    asked["dynamodb"]["NewImage"] = {
        name: {"B": base64.b64encode(value["B"]).decode()} if "B" in value else value for name, value in image.items()
    }
    return asked


def take(deployment: Deployment) -> list[str]:
    """The messages of the delayed queue, which is empty afterwards."""
    waiting = deployment.sqs.sent.pop(deployment.settings.wake_queue_url, ())
    return [message["MessageBody"] for message in waiting]


def later(deployment: Deployment, span: timedelta) -> None:
    """Lets the deployment's clock go on."""
    clock: Any = deployment.now
    clock.pass_(span)

"""What is genuine comes in by the handler and is stored, to the byte; what is not is answered 401 and leaves nothing.

Every recorded signature, and what a forger may try, once for every platform. What each adapter makes of a signature by
itself stands in `tests/platforms/test_signing.py`.
"""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from attribution import ingest
from tests.faults.doors import Door
from tests.faults.world import Context, World, cold_start, event, functions
from tests.fixtures import Clock
from tests.functions.client import Client
from tests.platforms.samples import TIKTOK_APP_KEY, vector_request, vectors
from tests.platforms.test_signing import (
    BIGCOMMERCE,
    BODY,
    DATED,
    GARBLED,
    NOTIFICATION_URL,
    NOW,
    SIGNERS,
    STANDARD,
    STRIPE,
    UNDATED,
    Signer,
)
from tests.platforms.test_vectors import COUNTS, SIGNED_ALIKE
from vouch.platforms.base import Request
from vouch.service.deployment import Deployment
from vouch.store import inbox
from vouch.store.tables import Delivery

STORED, PING, REFUSED = (200, "stored"), (200, "ping"), (401, "bad_signature")
GREETINGS = {"woocommerce.ping"}
"""Nobody signs them, and nothing comes of them: answered 200, so that a webhook can be saved, and not stored."""
SETTINGS = {"tiktok_shop": {"app_key": TIKTOK_APP_KEY}, "square": {"notification_url": NOTIFICATION_URL}}


def bodies(world: World) -> list[bytes]:
    """All that any brand's inbox holds."""
    return [inbox.content(world.deployment.database, lambda: world.deployment.s3, item)[1] for item in deliveries()]


def deliveries() -> Iterator[Delivery]:
    yield from Delivery.scan(consistent_read=True)


def told(answer: dict[str, Any]) -> tuple[int, str]:
    """The status, and in a word what became of it."""
    body = json.loads(answer["body"])
    said = body.get("code") or body.get("status") or ("stored" if "confirmation_code" in body else "")
    return answer["statusCode"], said


# --- every recorded signature -----------------------------------------------------------------------------------------


def vector_door(world: World, vector: dict[str, Any]) -> Door:
    """A connection that has what the vector was signed with, and nobody else's deliveries."""
    settings = {"shop": f"{vector['id']}.example", "notification_url": vector["url"]}
    if "app_key" in vector:
        settings["app_key"] = vector["app_key"]
    platform = SIGNED_ALIKE.get(vector["platform"], vector["platform"])
    return Door(world, platform, vector["secret"], **settings)


@pytest.mark.parametrize("platform", COUNTS)
def test_recorded_signatures_open_the_door_or_leave_nothing_behind(world: World, clock: Clock, platform: str) -> None:
    found, expected = {}, {}
    for vector in (vector for vector in vectors() if vector["platform"] == platform):
        clock.now = datetime.fromtimestamp(vector.get("now", 1778000000), UTC)
        request, before = vector_request(vector), world.stored_count()
        answer = told(vector_door(world, vector).post(request))
        found[vector["id"]] = answer, world.stored_count() - before
        if vector["id"] in GREETINGS:
            expected[vector["id"]] = PING, 0
        else:
            expected[vector["id"]] = (STORED, 1) if vector["valid"] else (REFUSED, 0)
    assert found == expected
    assert len(found) == COUNTS[platform]


# --- what a forger may try --------------------------------------------------------------------------------------------


@pytest.fixture(params=SIGNERS, ids=lambda signer: signer.platform)
def signer(request: pytest.FixtureRequest) -> Signer:
    assert isinstance(request.param, Signer)
    return request.param


@pytest.fixture
def door(world: World, clock: Clock, signer: Signer) -> Door:
    clock.now = NOW
    return opened(world, signer)


def opened(world: World, signer: Signer, secret: str | None = None, shop: str = "oasis.example") -> Door:
    return Door(world, signer.platform, secret or signer.secret, shop=shop, **SETTINGS.get(signer.platform, {}))


def forgeries(signer: Signer) -> Iterator[tuple[str, Request]]:
    """Requests that nobody has signed who could, each with the name of its trick."""
    genuine = signer.request()
    unsigned = {name: value for name, value in genuine.headers.items() if name != signer.header}
    yield "no signature", Request(unsigned, BODY)
    yield "no header at all", Request({}, BODY)
    yield "another secret", signer.request(secret=signer.other_secret)
    for name, change in GARBLED.items():
        yield name, signer.with_signature(change)
    for name, body in {
        "re-serialised": json.dumps(json.loads(BODY)).encode(),
        "a line feed more": BODY + b"\n",
        "a byte less": BODY[:-1],
        "no body": b"",
        "another order": BODY.replace(b"7", b"8"),
    }.items():
        yield name, Request(genuine.headers, body)


def test_a_forged_request_is_refused_and_nothing_of_it_stored(door: Door, signer: Signer) -> None:
    answers = {name: told(door.post(request)) for name, request in forgeries(signer)}
    assert answers == dict.fromkeys(answers, REFUSED)
    assert bodies(door.world) == []
    assert told(door.post(signer.request())) == STORED
    assert bodies(door.world) == [BODY]


def test_a_header_that_was_sent_twice_proves_nothing(door: Door, signer: Signer) -> None:
    """API Gateway joins them by a comma, others hand on two spellings of one name."""
    request, asked = signer.request(), event("ingest")
    asked["pathParameters"] = {"connection_id": door.connection_id}
    twice = {signer.header.title(): request.headers[signer.header], signer.header.upper(): "x"}
    asked["headers"] = {**request.headers, **twice}
    asked |= {"body": base64.b64encode(request.body).decode(), "isBase64Encoded": True}
    assert told(ingest.handler(asked, Context())) == REFUSED
    assert bodies(door.world) == []


def test_another_connection_s_secret_opens_no_other_door(door: Door, signer: Signer) -> None:
    """Neither another tenant's nor that of another connection of the same brand, each good at its own."""
    rival = opened(World(door.world.deployment, "rival").build(), signer, signer.other_secret)
    sister = opened(door.world, signer, signer.other_secret, shop="sister.example")
    theirs = signer.request(secret=signer.other_secret)
    assert told(door.post(theirs)) == REFUSED
    assert told(rival.post(signer.request())) == REFUSED
    assert told(sister.post(signer.request())) == REFUSED
    assert bodies(door.world) == []
    assert [told(own.post(theirs)) for own in (rival, sister)] == [STORED, STORED]
    assert told(door.post(theirs)) == REFUSED
    owners = {item.connection_id: item.brand_id for item in deliveries()}
    assert owners == {own.connection_id: own.world.brand_id for own in (rival, sister)}


@pytest.mark.parametrize("other", SIGNERS, ids=lambda other: f"by_{other.platform}")
def test_a_signature_of_one_platform_proves_nothing_to_another(world: World, clock: Clock, other: Signer) -> None:
    """Even where a brand has given both the same secret. Standard Webhooks is what BigCommerce signs by, too."""
    clock.now = NOW
    alike = {"bigcommerce", "standard_webhooks"}
    request = other.request()
    for signer in SIGNERS:
        if signer is other or {signer.platform, other.platform} == alike:
            continue
        assert told(opened(world, signer, other.secret).post(request)) == REFUSED, signer.platform
    assert bodies(world) == []


@pytest.mark.parametrize("signer", DATED, ids=lambda signer: signer.platform, indirect=True)
def test_a_delivery_that_was_signed_too_long_ago_is_refused(door: Door, signer: Signer) -> None:
    assert told(door.post(signer.request(at=NOW - timedelta(seconds=301)))) == REFUSED
    assert bodies(door.world) == []
    assert told(door.post(signer.request(at=NOW - timedelta(seconds=300)))) == STORED


@pytest.mark.parametrize("signer", [STANDARD, BIGCOMMERCE], ids=lambda signer: signer.platform, indirect=True)
def test_a_delivery_of_the_future_is_refused(door: Door, signer: Signer) -> None:
    assert told(door.post(signer.request(at=NOW + timedelta(seconds=301)))) == REFUSED
    assert bodies(door.world) == []
    assert told(door.post(signer.request(at=NOW + timedelta(seconds=300)))) == STORED


@pytest.mark.parametrize("signer", [STRIPE], ids=lambda signer: signer.platform, indirect=True)
def test_stripe_s_future_is_taken_as_its_own_libraries_take_it(door: Door, signer: Signer) -> None:
    assert told(door.post(signer.request(at=NOW + timedelta(days=1)))) == STORED


@pytest.mark.parametrize("signer", UNDATED, ids=lambda signer: signer.platform, indirect=True)
def test_what_has_no_signed_time_is_as_good_later_and_the_same_delivery(
    door: Door, signer: Signer, clock: Clock
) -> None:
    """These platforms sign no time: whoever replays a delivery brings in nothing new."""
    request = signer.request()
    assert told(door.post(request)) == STORED
    clock.pass_(timedelta(days=30))
    assert told(door.post(request)) == (200, "duplicate")
    assert bodies(door.world) == [BODY]


def test_a_secret_that_was_replaced_is_good_for_a_day(
    brand: Client, deployment: Deployment, clock: Clock, signer: Signer
) -> None:
    clock.now = NOW
    settings = SETTINGS.get(signer.platform, {})
    made = brand.made("/v1/connections", {"platform": signer.platform, "secret": signer.secret} | settings)

    def post(secret: str, number: int) -> tuple[int, str]:
        cold_start(deployment)  # as a process that has not seen the connection yet
        body = BODY.replace(b"6214001234567", str(number).encode())
        request, asked = signer.request(body, at=clock.now, secret=secret), event("ingest")
        asked["pathParameters"] = {"connection_id": made["id"]}
        asked["headers"] = dict(request.headers)
        asked |= {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
        return told(ingest.handler(asked, Context()))

    with functions(deployment):
        assert post(signer.other_secret, 1) == REFUSED
        assert brand.post(f"/v1/connections/{made['id']}/rotate", {"secret": signer.other_secret}).status == 200
        assert post(signer.other_secret, 2) == STORED
        clock.pass_(timedelta(hours=24) - timedelta(seconds=1))
        assert post(signer.secret, 3) == STORED
        assert post(signer.other_secret, 4) == STORED
        clock.pass_(timedelta(seconds=1))
        assert post(signer.secret, 5) == REFUSED
        assert post(signer.other_secret, 6) == STORED
    assert len(bodies(World(deployment))) == 4

"""Redirects: one request a click, and a visitor who is sent on whatever DynamoDB does."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from tests.fixtures import NOON, Clock
from tests.links import BRAND, DESTINATION, LINK, SLUG, brand, program, share, slug
from tests.wire import Fault, Wire, answer_lost, answered, closed, refused, unreachable
from vouch.domain import clicks, ids, times, visits
from vouch.domain.clicks import ClickId
from vouch.service.cache import Patience
from vouch.service.deployment import Deployment
from vouch.service.redirects import FAILURES, Redirect, Redirects
from vouch.store import clicks as records
from vouch.store.secrets import Secrets
from vouch.store.tables import Click, Slug

OTHER = ids.derived("brd_", "another brand")
PATIENCE = Patience(20, 20)
"""More than a busy machine needs: where a test is about impatience it says so."""


@dataclass
class Seconds:
    """The cache's clock."""

    now: float = 0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def redirects(deployment: Deployment, seconds: Seconds) -> Redirects:
    return Redirects(deployment, patience=PATIENCE, clock=seconds)


@pytest.fixture
def wire(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Wire:
    return Wire(monkeypatch)


def follow(redirects: Redirects, *, slug: str = SLUG, uncounted: str | None = None, journey: str = "") -> Redirect:
    redirect = redirects.follow(slug, uncounted=uncounted, journey=journey)
    assert redirect is not None
    return redirect


def leads_nowhere(redirects: Redirects, slug: str = SLUG) -> bool:
    return redirects.follow(slug, uncounted=None, journey="") is None


def click_of(redirect: Redirect, deployment: Deployment, parameter: str = "ref") -> ClickId:
    base, _, fragment = DESTINATION.partition("#")
    before, after = f"{base}&{parameter}=", f"#{fragment}"
    assert redirect.location.startswith(before)
    assert redirect.location.endswith(after)
    text = redirect.location.removeprefix(before).removesuffix(after)
    click = clicks.read(text, BRAND, deployment.secrets.click_keys)
    assert click is not None
    return click


def stored(deployment: Deployment, click: ClickId) -> Click | None:
    return deployment.database.get(*records.key(BRAND, click.id))


def spilled(deployment: Deployment) -> list[str]:
    sent = deployment.sqs.sent.get(deployment.settings.spill_queue_url, ())
    return [message["MessageBody"] for message in sent]


# --- a click ----------------------------------------------------------------------------------------------------------


def test_a_click_is_stored_and_names_link_and_moment(deployment: Deployment, redirects: Redirects) -> None:
    share(deployment)
    redirect = follow(redirects)
    click = click_of(redirect, deployment)
    assert (redirect.outcome, redirect.trouble, redirect.brand_id) == ("counted", None, BRAND)
    assert (click.link_key, click.at) == (clicks.link_key(LINK), NOON)
    record = stored(deployment, click)
    assert record is not None
    assert (record.at, record.trail) == ("2026-05-04T12:00:00.000000Z", None)


def test_the_program_names_the_parameter(deployment: Deployment, redirects: Redirects) -> None:
    share(deployment, program(parameter="friend"))
    assert click_of(follow(redirects), deployment, "friend").at == NOON


def test_a_live_brands_clicks_carry_real_time(deployment: Deployment, redirects: Redirects) -> None:
    """A clock that was left on a live brand moves nothing."""
    share(deployment, brand(clock="2027-01-01T00:00:00.000000Z"))
    assert click_of(follow(redirects), deployment).at == NOON


@pytest.mark.parametrize("reason", ["head", "prefetch"])
def test_what_does_not_count_has_a_signed_id_and_no_record(
    deployment: Deployment, redirects: Redirects, wire: Wire, reason: str
) -> None:
    """A browser may go on with what it prefetched: the id alone must earn the sale."""
    share(deployment, program(journey=True))
    redirect = follow(redirects, uncounted=reason)
    assert (redirect.outcome, redirect.journey, redirect.trouble) == (reason, None, None)
    assert click_of(redirect, deployment).link_key == clicks.link_key(LINK)
    assert wire.operations()["PutItem"] == 3  # the three items of `share`


def test_a_robot_goes_to_the_bare_destination(deployment: Deployment, redirects: Redirects, wire: Wire) -> None:
    share(deployment, program(journey=True))
    assert follow(redirects, uncounted=visits.ROBOT) == Redirect(DESTINATION, visits.ROBOT, BRAND)
    assert wire.operations()["PutItem"] == 3


@pytest.mark.parametrize(
    "part",
    [
        slug(status="paused"),
        slug(status="deleted"),
        program(status="paused"),
        program(brand_id=OTHER),
        slug(brand_id=OTHER),
        slug(slug="another"),
        slug(destination="http://shop.example/"),
        slug(destination="javascript:alert(1)"),
        slug(destination="https://shop.example\\@evil.test/"),
        slug(destination="https://shop.example/\r\nset-cookie: a=b"),
        slug(destination=""),
    ],
    ids=[
        *["paused slug", "deleted slug", "paused program", "another brand's program", "another brand's slug"],
        *["unknown slug", "http", "javascript", "backslash", "header", "empty"],
    ],
)
def test_a_link_that_is_not_wholly_sound_leads_nowhere(deployment: Deployment, redirects: Redirects, part: Any) -> None:
    for item in (brand(), program(), slug()):
        if not isinstance(part, type(item)):
            item.save()
    part.save()
    assert leads_nowhere(redirects)
    assert redirects.address(SLUG) is None


def test_a_link_has_a_public_address(deployment: Deployment, redirects: Redirects) -> None:
    share(deployment)
    assert redirects.address(SLUG) == "https://go.test/r/noa-summer"


# --- what it costs ----------------------------------------------------------------------------------------------------


def test_a_click_is_one_request_and_two_more_the_first_time(
    deployment: Deployment, redirects: Redirects, wire: Wire
) -> None:
    share(deployment)
    wire.sent.clear()
    follow(redirects)
    assert wire.operations() == {"GetItem": 2, "PutItem": 1}
    wire.sent.clear()
    follow(redirects)
    assert wire.operations() == {"PutItem": 1}


def test_a_click_in_a_test_brand_is_one_request_more(deployment: Deployment, redirects: Redirects, wire: Wire) -> None:
    share(deployment, brand(mode="test"), slug(mode="test"))
    follow(redirects)
    wire.sent.clear()
    follow(redirects)
    assert wire.operations() == {"GetItem": 1, "PutItem": 1}
    assert wire.sent[0][1]["ConsistentRead"] is True


def test_ten_thousand_redirects_read_the_link_once_a_minute(
    deployment: Deployment, redirects: Redirects, wire: Wire, seconds: Seconds
) -> None:
    """And 10 000 robots write nothing."""
    share(deployment)
    wire.sent.clear()
    for _ in range(10_000):
        follow(redirects, uncounted="robot")
        seconds.now += 0.03
    assert wire.reads(f"SLUG#{SLUG}") <= 300 / 60 + 1
    assert wire.reads(BRAND) <= 300 / 60 + 1
    assert set(wire.operations()) == {"GetItem"}


def test_clicks_too_read_the_link_once_a_minute(
    deployment: Deployment, redirects: Redirects, wire: Wire, seconds: Seconds
) -> None:
    share(deployment)
    wire.sent.clear()
    wire.faults["PutItem"] = answered(200, {})
    for _ in range(300):
        assert follow(redirects).outcome == "counted"
        seconds.now += 1
    assert wire.reads(f"SLUG#{SLUG}") <= 300 / 60 + 1
    assert wire.operations()["PutItem"] == 300


def test_fifty_visitors_of_a_cold_process_cause_one_read(
    deployment: Deployment, redirects: Redirects, wire: Wire
) -> None:
    share(deployment)
    wire.sent.clear()
    with ThreadPoolExecutor(50) as pool:
        visited = list(pool.map(lambda _: follow(redirects), range(50)))
    assert wire.reads(f"SLUG#{SLUG}") == 1
    assert wire.reads(BRAND) == 1
    found = {click_of(redirect, deployment).id for redirect in visited}
    assert len(found) == 50
    assert Counter(redirect.outcome for redirect in visited) == {"counted": 50}
    assert all(stored(deployment, click_of(redirect, deployment)) for redirect in visited)


def test_an_absence_is_remembered_five_seconds(
    deployment: Deployment, redirects: Redirects, wire: Wire, seconds: Seconds
) -> None:
    for _ in range(50):
        assert leads_nowhere(redirects)
        seconds.now += 0.09
    assert wire.operations() == {"GetItem": 1}
    share(deployment)
    seconds.now = 5
    assert follow(redirects).outcome == "counted"


def test_a_pause_takes_effect_within_a_minute(deployment: Deployment, redirects: Redirects, seconds: Seconds) -> None:
    share(deployment)
    follow(redirects)
    slug(status="paused").save()
    seconds.now = 59.9
    assert not leads_nowhere(redirects)
    seconds.now = 60
    assert leads_nowhere(redirects)


@pytest.mark.parametrize("paused", [slug(status="paused"), program(status="paused")], ids=["link", "program"])
def test_what_is_resumed_is_followed_within_five_seconds(
    deployment: Deployment, redirects: Redirects, seconds: Seconds, paused: Any
) -> None:
    share(deployment, paused)
    assert leads_nowhere(redirects)
    share(deployment)
    seconds.now = 5
    assert follow(redirects).outcome == "counted"


def test_guesses_do_not_fill_the_memory(deployment: Deployment, redirects: Redirects, wire: Wire) -> None:
    wire.faults["GetItem"] = answered(200, {})
    redirects._slugs._size = 100
    for number in range(300):
        assert leads_nowhere(redirects, f"guess-{number}")
    assert len(redirects._slugs._entries) == 100


# --- when the world fails ---------------------------------------------------------------------------------------------

PUT_FAILURES: list[tuple[Fault, str]] = [
    (refused("ProvisionedThroughputExceededException"), "ProvisionedThroughputExceededException"),
    (refused("ThrottlingException"), "ThrottlingException"),
    (refused("RequestLimitExceeded"), "RequestLimitExceeded"),
    (refused("AccessDeniedException"), "AccessDeniedException"),
    (refused("ResourceNotFoundException"), "ResourceNotFoundException"),
    (answered(500, {"__type": "InternalServerError", "message": ""}), "InternalServerError"),
    (answered(503, {}), "503"),
    (unreachable, "ConnectTimeoutError"),
    (closed, "ConnectionClosedError"),
]


@pytest.mark.parametrize("fault, trouble", PUT_FAILURES, ids=[trouble for _, trouble in PUT_FAILURES])
def test_a_click_that_cannot_be_stored_goes_to_the_queue(
    deployment: Deployment, redirects: Redirects, wire: Wire, fault: Fault, trouble: str
) -> None:
    share(deployment)
    wire.faults["PutItem"] = fault
    redirect = follow(redirects)
    click = click_of(redirect, deployment)
    assert (redirect.outcome, redirect.trouble) == ("spilled", trouble)
    assert stored(deployment, click) is None
    (message,) = spilled(deployment)
    expected = records.record(BRAND, click, [], NOON)
    assert records.of_message(message).to_dynamodb_dict() == expected.to_dynamodb_dict()


def test_a_click_whose_answer_was_lost_is_in_both_places_and_the_same(
    deployment: Deployment, redirects: Redirects, wire: Wire
) -> None:
    share(deployment)
    wire.faults["PutItem"] = answer_lost
    redirect = follow(redirects)
    direct = stored(deployment, click_of(redirect, deployment))
    assert (redirect.outcome, redirect.trouble) == ("spilled", "ReadTimeoutError")
    assert direct is not None
    (message,) = spilled(deployment)
    assert direct.to_dynamodb_dict() == records.of_message(message).to_dynamodb_dict()
    del wire.faults["PutItem"]
    assert deployment.database.put_new(records.of_message(message)) is False


def test_a_connection_that_died_while_the_process_was_frozen_costs_no_click(
    deployment: Deployment, redirects: Redirects, wire: Wire
) -> None:
    share(deployment)

    def closed_once(request: Any, send: Callable[[Any], Any]) -> Any:
        del wire.faults["PutItem"]
        return closed(request, send)

    wire.faults["PutItem"] = closed_once
    redirect = follow(redirects)
    assert redirect.outcome == "counted"
    assert stored(deployment, click_of(redirect, deployment)) is not None
    assert spilled(deployment) == []


class NoQueues:
    """SQS fails as well."""

    def send_message(self, **_: Any) -> dict[str, Any]:
        raise EndpointConnectionError(endpoint_url="https://sqs.test")


def test_where_the_queue_fails_too_the_signed_id_still_credits(
    deployment: Deployment, redirects: Redirects, wire: Wire
) -> None:
    share(deployment, program(journey=True))
    deployment.sqs = NoQueues()
    wire.faults["PutItem"] = refused("ThrottlingException")
    redirect = follow(redirects)
    assert (redirect.outcome, redirect.trouble) == ("unrecorded", "ThrottlingException, EndpointConnectionError")
    click = click_of(redirect, deployment)
    assert click.link_key == clicks.link_key(LINK)
    assert visits.journey(redirect.journey or "", BRAND) == [click.id]


@pytest.mark.parametrize("fault", [unreachable, refused("ThrottlingException")], ids=["unreachable", "throttled"])
def test_a_known_link_outlives_the_store(
    deployment: Deployment, redirects: Redirects, wire: Wire, seconds: Seconds, fault: Fault
) -> None:
    share(deployment)
    follow(redirects)
    wire.sent.clear()
    wire.faults["GetItem"] = fault
    seconds.now = 3600
    for _ in range(10):
        assert follow(redirects).outcome == "counted"
    assert wire.operations()["GetItem"] == 2 * 3  # slug and program, three tries each, once
    del wire.faults["GetItem"]
    slug(status="paused").save()
    seconds.now += 5
    assert leads_nowhere(redirects)


def test_a_store_that_hangs_does_not_hold_up_a_known_link(deployment: Deployment, seconds: Seconds, wire: Wire) -> None:
    share(deployment)
    redirects = Redirects(deployment, patience=Patience(0.05, 20), clock=seconds)
    follow(redirects, uncounted="robot")
    answer = Event()

    def hang(request: Any, send: Callable[[Any], Any]) -> Any:
        answer.wait(PATIENCE.only)
        return send(request)

    wire.faults["GetItem"] = hang
    seconds.now = 60
    assert follow(redirects, uncounted="robot").location == DESTINATION
    answer.set()
    redirects._slugs._worker.shutdown()
    redirects._programs._worker.shutdown()


def test_a_link_that_nobody_knows_is_a_failure_not_an_absence(
    deployment: Deployment, redirects: Redirects, wire: Wire
) -> None:
    share(deployment)
    wire.faults["GetItem"] = unreachable
    with pytest.raises(FAILURES):
        follow(redirects)
    del wire.faults["GetItem"]
    assert follow(redirects).outcome == "counted"


class NoSecrets:
    """Secrets Manager is down."""

    def get_secret_value(self, **_: Any) -> dict[str, Any]:
        raise EndpointConnectionError(endpoint_url="https://secretsmanager.test")


def test_without_the_secret_visitors_are_sent_on_unstamped(
    deployment: Deployment, redirects: Redirects, monkeypatch: pytest.MonkeyPatch
) -> None:
    share(deployment)
    del deployment.secrets
    monkeypatch.setattr(deployment, "client", lambda _: NoSecrets())
    assert follow(redirects) == Redirect(DESTINATION, "unstamped", BRAND, trouble="EndpointConnectionError")
    deployment.secrets = Secrets.of('{"1": "test master"}')
    assert follow(redirects).outcome == "counted"


# --- test brands ------------------------------------------------------------------------------------------------------


def test_a_test_brands_clock_moves_its_clicks_at_once(
    deployment: Deployment, redirects: Redirects, clock: Clock
) -> None:
    share(deployment, brand(mode="test"), slug(mode="test"))
    assert click_of(follow(redirects), deployment).at == NOON
    brand(mode="test", clock="2026-08-01T09:00:00.500000Z").save()
    click = click_of(follow(redirects), deployment)
    assert click.at == datetime(2026, 8, 1, 9, tzinfo=UTC)
    record = stored(deployment, click)
    assert record is not None
    assert record.expires_at == int((clock() + timedelta(days=400)).timestamp())


def test_a_test_brand_beyond_the_last_second_gets_no_ids(deployment: Deployment, redirects: Redirects) -> None:
    share(deployment, brand(mode="test", clock="2200-01-01T00:00:00.000000Z"), slug(mode="test"))
    assert follow(redirects) == Redirect(DESTINATION, "unstamped", BRAND, trouble="ValueError")


def test_a_test_brand_whose_clock_cannot_be_read_gets_no_ids(
    deployment: Deployment, redirects: Redirects, wire: Wire
) -> None:
    share(deployment, brand(mode="test"), slug(mode="test"))
    follow(redirects)
    wire.faults["GetItem"] = refused("ThrottlingException")
    assert follow(redirects) == Redirect(DESTINATION, "unstamped", BRAND, trouble="ThrottlingException")


# --- the journey ------------------------------------------------------------------------------------------------------


def test_the_journey_is_stored_with_the_next_click(deployment: Deployment, redirects: Redirects, clock: Clock) -> None:
    share(deployment, program(journey=True))
    made: list[ClickId] = []
    cookie = ""
    for _ in range(12):
        redirect = follow(redirects, journey=cookie)
        made.insert(0, click_of(redirect, deployment))
        cookie = redirect.journey or ""
        clock.pass_(timedelta(hours=1))
    record = stored(deployment, made[0])
    assert record is not None
    assert record.trail == [click.id for click in made[1:11]]


def test_a_trail_holds_this_brands_genuine_clicks_only(deployment: Deployment, redirects: Redirects) -> None:
    share(deployment, program(journey=True))
    keys = deployment.secrets.click_keys
    genuine = clicks.mint(BRAND, clicks.link_key(LINK), NOON, keys, b"123456").id
    foreign = clicks.mint(OTHER, clicks.link_key(LINK), NOON, keys, b"123456").id
    forged = "clk_" + "A" * 39
    every = [genuine, foreign, forged]
    cookie = visits.journey_with("", BRAND, forged, every)
    cookie = visits.journey_with(cookie, OTHER, foreign, every)
    cookie = visits.journey_with(cookie, BRAND, foreign, every)  # another brand's click under our tag
    cookie = visits.journey_with(cookie, BRAND, genuine, every)
    redirect = follow(redirects, journey=cookie)
    click = click_of(redirect, deployment)
    record = stored(deployment, click)
    assert record is not None
    assert record.trail == [genuine]
    assert visits.journey(redirect.journey or "", BRAND) == [click.id, genuine]
    assert visits.journey(redirect.journey or "", OTHER) == [foreign]


def test_the_terms_in_force_say_whether_there_is_a_journey(
    deployment: Deployment, redirects: Redirects, clock: Clock
) -> None:
    scheduled = program(journey=True)
    scheduled.versions = [[1, None], [2, times.text(NOON + timedelta(days=1))]]
    share(deployment, scheduled)
    assert follow(redirects).journey is not None
    clock.pass_(timedelta(days=1))
    assert follow(redirects).journey is None


def test_without_consent_there_is_neither_trail_nor_cookie(deployment: Deployment, redirects: Redirects) -> None:
    share(deployment)
    earlier = clicks.mint(BRAND, clicks.link_key(LINK), NOON, deployment.secrets.click_keys, b"123456").id
    redirect = follow(redirects, journey=visits.journey_with("", BRAND, earlier, []))
    assert redirect.journey is None
    record = stored(deployment, click_of(redirect, deployment))
    assert record is not None
    assert record.trail is None


def test_a_slug_item_is_all_that_names_the_link(deployment: Deployment, redirects: Redirects) -> None:
    """Two slugs of one link mint ids of the same link key: clicks before a rename still earn."""
    share(deployment)
    slug(slug="noa").save()
    assert deployment.database.get(Slug, "SLUG#noa", "S") is not None
    first, second = (click_of(follow(redirects, slug=name), deployment) for name in (SLUG, "noa"))
    assert first.link_key == second.link_key
    assert first.id != second.id

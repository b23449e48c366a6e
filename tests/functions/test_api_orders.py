"""Orders and what becomes of them, explanations, commissions and parked deliveries, as a brand's client sees them."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from attribution.api import api
from attribution.orders import postings
from tests.faults.world import take
from tests.fixtures import Clock
from vouch.domain import clicks, times
from vouch.domain.errors import Unavailable
from vouch.domain.facts import Refund
from vouch.domain.ledger import Counted
from vouch.domain.money import OutOfRange
from vouch.domain.settlement import Posting
from vouch.platforms.base import Request
from vouch.service import brands, codes, creators, deliveries, programs, rates, volumes
from vouch.service import orders as settling
from vouch.service.creators import NewCreator
from vouch.service.deployment import Deployment
from vouch.service.mint import Mint, fresh
from vouch.service.orders import Target
from vouch.service.verify import verify
from vouch.store import inbox
from vouch.store import orders as store
from vouch.store.database import Refused
from vouch.store.inbox import Door
from vouch.store.tables import Brand

TERMS: dict[str, Any] = {
    "hold_days": 14,
    "journey": False,
    "commission": {"rules": [{"match": {}, "reward": {"type": "percent", "bps": 1000}}]},
}
SHIPPING_LINE = {"id": "shipping", "quantity": 1, "unit_price": 5000}
Send = Callable[..., "Got"]


@dataclass(frozen=True)
class Got:
    """An answer, its body read."""

    status: int
    body: Any
    retry_after: str | None


@dataclass(frozen=True)
class World:
    """A brand with Noa and Dana, whose codes are NOA10 and DANA10, and others in programs of their own."""

    deployment: Deployment
    brand: Brand
    api_key: str
    noa: str
    dana: str
    programs: tuple[str, str, str]
    send: Send


@pytest.fixture
def world(deployment: Deployment, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(api, "connect", lambda: deployment)
    mint = fresh(deployment)
    brand, api_key = brands.created(deployment, mint, name="Mugs", mode="live", test_clock=None)
    million = {"rules": [{"match": {}, "reward": {"type": "flat_item", "amount": 10**8, "currency": "ILS"}}]}
    shipping = TERMS["commission"] | {"base": {"tax": False, "shipping": True, "gift_cards": False}}
    linear = {"model": "linear", "window_days": 30, "code_policy": "wins", "half_life_days": 7}
    friends, rich, sharers = (
        programs.created(
            deployment, mint, brand, name="P", currency="ILS", terms=TERMS | said, effective_from=None, parameter=None
        ).program.id
        for said in ({}, {"commission": million}, {"commission": shipping, "attribution": linear})
    )
    since = clock.now - timedelta(days=90)
    noa, dana = (
        creators.created(
            deployment,
            mint,
            brand,
            NewCreator(email=f"{name}@example.com", name=name, program_ids=[friends, rich, sharers], active_from=since),
        ).id
        for name in ("noa", "dana")
    )
    for creator, program, text in (
        (noa, friends, "NOA10"),
        (noa, rich, "MILLION"),
        (dana, friends, "DANA10"),
        (dana, sharers, "SHARED"),
        (dana, sharers, "SHARED2"),
    ):
        codes.given(deployment, mint, brand, program_id=program, creator_id=creator, text=text, active_from=since)
    send: Send = partial(_send, api_key)
    return World(deployment, brand, api_key, noa, dana, (friends, rich, sharers), send)


def _send(
    api_key: str, method: str, path: str, body: Any = None, *, query: dict[str, str] | None = None, **headers: str
) -> Got:
    event = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "&".join(f"{name}={value}" for name, value in (query or {}).items()),
        "queryStringParameters": query,
        "headers": {"authorization": f"Bearer {api_key}", "content-type": "application/json"}
        | {name.replace("_", "-"): value for name, value in headers.items()},
        "requestContext": {"http": {"method": method, "path": path}, "stage": "$default"},
        "body": None if body is None else json.dumps(body),
        "isBase64Encoded": False,
    }
    answer = api.handler(event, SimpleNamespace(aws_request_id="r"))
    return Got(answer["statusCode"], json.loads(answer["body"]), answer["headers"].get("Retry-After"))


def maya(world: World, clock: Clock, **terms: Any) -> str:
    """Maya, whose code is MAYA10 and who is maya on TikTok, in a program of her own under terms that also say this."""
    mint, brand, since = fresh(world.deployment), world.brand, clock.now - timedelta(days=90)
    names: dict[str, Any] = {"name": "M", "currency": "ILS", "parameter": None}
    program = programs.created(
        world.deployment, mint, brand, terms=TERMS | terms, effective_from=None, **names
    ).program.id
    who = NewCreator("maya@example.com", "Maya", handles={"tiktok": "maya"}, program_ids=[program], active_from=since)
    creator = creators.created(world.deployment, mint, brand, who).id
    codes.given(world.deployment, mint, brand, program_id=program, creator_id=creator, text="MAYA10", active_from=since)
    return creator


def order(clock: Clock, **more: Any) -> dict[str, Any]:
    return {
        "external_id": "A-1",
        "occurred_at": (clock.now - timedelta(hours=1)).isoformat(),
        "currency": "ILS",
        "lines": [
            {"id": "1", "sku": "MUG-01", "quantity": 2, "unit_price": 6000, "discount": 1200},
            {"id": "2", "quantity": 1, "unit_price": 2500},
        ],
        "codes": [" noa10 "],
    } | more


def kept(world: World, clock: Clock) -> list[str]:
    """The deliveries that were stored in this hour."""
    hour = [inbox.of_hour(world.deployment.database, clock.now, shard, None) for shard in range(inbox.HOUR_SHARDS)]
    return [delivery.sk for deliveries, _ in hour for delivery in deliveries]


def parked(world: World) -> list[dict[str, Any]]:
    """The notes of what waits."""
    notes: list[dict[str, Any]] = world.send("GET", "/v1/deliveries", query={"status": "parked"}).body["items"]
    return notes


def give_rate(world: World, clock: Clock) -> None:
    """A dollar was 3.50 yesterday."""
    said: dict[str, Any] = {"rate": "3.5", "at": clock.now - timedelta(days=1), "source": "boi"}
    rates.fixed(world.deployment, world.brand, from_currency="USD", to_currency="ILS", **said)


def money(amount: int) -> dict[str, Any]:
    return {"amount": amount, "currency": "ILS"}


def test_an_order_is_settled_in_the_request_that_brings_it(world: World, clock: Clock) -> None:
    got = world.send("POST", "/v1/orders", order(clock))
    assert got.status == 201
    assert got.body["status"] == "paid"
    assert got.body["base"] == money(13300)
    assert got.body["refunded_base"] == money(0)
    (commission,) = got.body["commissions"]
    assert commission | {"matures_at": None, "program_id": None} == {
        "creator_id": world.noa,
        "program_id": None,
        "status": "pending",
        "earned": money(1330),
        "reversed": money(0),
        "net": money(1330),
        "matures_at": None,
    }
    assert world.send("GET", f"/v1/orders/{got.body['id']}").body == got.body
    assert world.send("GET", "/v1/orders", query={"external_id": "A-1"}).body["items"] == [got.body]


def test_the_same_order_again_is_an_update_and_answers_200(world: World, clock: Clock) -> None:
    world.send("POST", "/v1/orders", order(clock))
    clock.pass_(timedelta(minutes=1))
    lines = [{"id": "1", "quantity": 1, "unit_price": 6000}]
    got = world.send("POST", "/v1/orders", order(clock, occurred_at="2026-05-04T11:00:00Z", lines=lines))
    assert (got.status, got.body["version"]) == (200, 2)
    assert got.body["commissions"][0]["net"] == money(600)


def test_an_order_that_changes_its_birth_is_refused(world: World, clock: Clock) -> None:
    world.send("POST", "/v1/orders", order(clock))
    got = world.send("POST", "/v1/orders", order(clock, occurred_at="2026-05-01T00:00:00Z"))
    assert (got.status, got.body["code"]) == (422, "placed_at_changed")


def test_refunds_take_back_their_part_and_a_repeat_takes_nothing_more(world: World, clock: Clock) -> None:
    made = world.send("POST", "/v1/orders", order(clock)).body
    refund = {"external_id": "R-1", "lines": [{"id": "1", "quantity": 1}]}
    first = world.send("POST", f"/v1/orders/{made['id']}/refunds", refund)
    again = world.send("POST", f"/v1/orders/{made['id']}/refunds", refund)
    assert (first.status, again.status) == (201, 200)
    assert first.body["refunded_base"] == money(5400)
    assert again.body["commissions"][0]["reversed"] == money(540)
    assert again.body["commissions"][0]["net"] == money(790)
    amount = world.send("POST", f"/v1/orders/{made['id']}/refunds", {"external_id": "R-2", "amount": 7900})
    assert amount.body["status"] == "refunded"
    assert amount.body["commissions"][0] | {"matures_at": 0, "program_id": 0} == {
        "creator_id": world.noa,
        "program_id": 0,
        "status": "reversed",
        "earned": money(1330),
        "reversed": money(1330),
        "net": money(0),
        "matures_at": 0,
    }


@pytest.mark.parametrize(
    "refund", [{"external_id": "R-1"}, {"external_id": "R-1", "lines": [{"id": "1", "quantity": -1}]}]
)
def test_a_refund_of_nothing_is_refused(world: World, clock: Clock, refund: dict[str, Any]) -> None:
    made = world.send("POST", "/v1/orders", order(clock)).body
    got = world.send("POST", f"/v1/orders/{made['id']}/refunds", refund)
    assert got.status in (400, 422)
    assert world.send("GET", f"/v1/orders/{made['id']}").body == made


def test_a_refund_of_a_line_that_is_not_there_is_refused(world: World, clock: Clock) -> None:
    made = world.send("POST", "/v1/orders", order(clock)).body
    refund = {"external_id": "R-1", "lines": [{"id": "9", "quantity": 1, "amount": 3000}]}
    got = world.send("POST", f"/v1/orders/{made['id']}/refunds", refund)
    assert (got.status, got.body["code"], got.body["param"]) == (422, "unknown_line", "lines.0.id")


def test_an_id_too_long_for_a_key_is_refused(world: World, clock: Clock) -> None:
    made = world.send("POST", "/v1/orders", order(clock)).body
    refund = {"external_id": "\N{GRINNING FACE}" * 255, "amount": 100}
    got = world.send("POST", f"/v1/orders/{made['id']}/refunds", refund)
    assert (got.status, got.body["param"], got.body["errors"][0]["code"]) == (400, "external_id", "too_many_bytes")


FULL_LINE = {"id": "1", "quantity": 2, "unit_price": 6000}
ADJUSTED = {"kind": "adjust", "reason": "as agreed", "amount": 10**15 - 1}


@pytest.mark.parametrize(
    "path, wrong, code, param, place, word",
    [
        (
            "",
            {"lines": [FULL_LINE, FULL_LINE | {"id": "2", "discount": 12_001}]},
            "discount_above_price",
            "lines.1.discount",
            "שורה 2 ב-`lines`, `discount`:",
            "ההנחה",
        ),
        ("", {"lines": [FULL_LINE, FULL_LINE]}, "duplicate_line", "lines.1.id", "שורה 2 ב-`lines`, `id`:", "המזהה"),
        (
            "",
            {"lines": [FULL_LINE | {"unit_price": 10**15 - 1}]},
            "amount_out_of_range",
            "lines.0.unit_price",
            "שורה 1 ב-`lines`, `unit_price`:",
            "סכומים",
        ),
        ("", {"occurred_at": "2026-05-01T00:00:00Z"}, "placed_at_changed", "occurred_at", "`occurred_at`:", "בוצעה"),
        ("", {"updated_at": "2027-05-01T00:00:00Z"}, "from_the_future", None, "", "יממה"),
        ("/refunds", {"external_id": "R"}, "refund_of_nothing", "lines", "`lines`:", "החזר"),
        (
            "/refunds",
            {"external_id": "R", "lines": [{"id": "1", "quantity": 1, "amount": 5, "tax": 6}]},
            "tax_above_amount",
            "lines.0.tax",
            "שורה 1 ב-`lines`, `tax`:",
            "המס",
        ),
        ("/decisions", ADJUSTED, "amount_out_of_range", "amount", "`amount`:", "סכומים"),
    ],
)
def test_a_refusal_names_the_field_and_speaks_the_callers_language(
    world: World, clock: Clock, path: str, wrong: dict[str, Any], code: str, param: str | None, place: str, word: str
) -> None:
    """The order earns two creators something, so that no more can be given to one of them."""
    both = order(clock, codes=["SHARED", "NOA10"])
    made = world.send("POST", "/v1/orders", both).body
    body = wrong if path else both | wrong
    body = body | {"creator_id": world.noa} if "kind" in body else body
    got = world.send(
        "POST", f"/v1/orders/{made['id']}{path}" if path else "/v1/orders", body, accept_language="he"
    ).body
    assert (got["status"], got["code"], got.get("param")) == (422, code, param)
    assert got["detail"].startswith(place)
    assert word in got["title"] + got["detail"]
    spoken = re.sub(r"`[^`]*`|[0-9T:Z^-]+", "", got["title"] + got["detail"])
    assert not re.search("[A-Za-z]", spoken), got["detail"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"updated_at": "2027-05-04T12:00:00Z"},
        {"occurred_at": "2026-05-06T12:00:00Z", "external_id": "B-1"},
        {"occurred_at": "2026-05-01T00:00:00Z"},
        {"lines": [{"id": number, "quantity": 1, "unit_price": 10**15 - 1} for number in "12"]},
        {"lines": [{"id": "1", "quantity": 10**9, "unit_price": 1}], "codes": ["MILLION"]},
    ],
    ids=["said next year", "placed the day after tomorrow", "another birth", "too much", "too much earned"],
)
def test_what_is_refused_is_not_kept_and_never_takes_effect(world: World, clock: Clock, wrong: dict[str, Any]) -> None:
    body = order(clock)
    made = world.send("POST", "/v1/orders", body).body
    stored = kept(world, clock)
    clock.pass_(timedelta(seconds=1))
    got = world.send("POST", "/v1/orders", body | wrong)
    assert got.status == 422
    assert got.body["code"] in {"from_the_future", "amount_out_of_range", "placed_at_changed"}
    assert kept(world, clock) == stored
    assert world.send("GET", "/v1/deliveries").body["items"] == []
    assert world.send("GET", "/v1/orders").body["items"] == [made]


def test_a_defect_of_ours_before_anything_is_stored_is_a_500(
    world: World, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settling, "settle", lambda *_: 1 // 0)
    assert world.send("POST", "/v1/orders", order(clock)).status == 500
    assert kept(world, clock) == []


@pytest.mark.parametrize("failure, status", [(ZeroDivisionError(), 500), (OutOfRange(), 503)])
def test_what_was_stored_and_parked_is_not_refused_and_takes_effect_later(
    world: World, clock: Clock, monkeypatch: pytest.MonkeyPatch, failure: Exception, status: int
) -> None:
    def fail(*_: Any) -> None:
        raise failure

    with monkeypatch.context() as broken:
        broken.setattr(store, "writes", fail)
        assert world.send("POST", "/v1/orders", order(clock)).status == status
    assert world.send("GET", "/v1/orders").body["items"] == []
    assert deliveries.second_pass(world.deployment, [clock.now], in_time=lambda: True) == {"applied": 1}
    assert world.send("GET", "/v1/orders").body["items"][0]["commissions"][0]["net"] == money(1330)
    assert world.send("GET", "/v1/deliveries").body["items"] == []


def test_the_explanation_names_every_candidate_and_every_line(world: World, clock: Clock) -> None:
    made = world.send("POST", "/v1/orders", order(clock, codes=["NOA10", "WINTER"])).body
    why = world.send("GET", f"/v1/orders/{made['id']}/explanation").body
    assert [(c["kind"], c["evidence"], c["outcome"], c["reason"], c["share_bps"]) for c in why["candidates"]] == [
        ("code", "noa10", "credited", None, 10_000),
        ("code", "winter", "lost", "unknown_code", None),
    ]
    assert [(line["id"], line["base"], line["rule"], line["bps"], line["commission"]) for line in why["lines"]] == [
        ("1", money(10800), 0, 1000, money(1080)),
        ("2", money(2500), 0, 1000, money(250)),
    ]
    assert {c["at"] for c in why["candidates"]} == {"2026-05-04T11:00:00Z"}
    assert why["terms_version"] == 1
    assert why["hold_until"] == "2026-05-18T11:00:00Z"


def test_the_heaviest_share_names_the_terms_of_the_whole_and_each_line_its_own(world: World, clock: Clock) -> None:
    body = order(clock, codes=["SHARED", "MILLION", "SHARED2"], shipping=1000, lines=[SHIPPING_LINE])
    made = world.send("POST", "/v1/orders", body).body
    why = world.send("GET", f"/v1/orders/{made['id']}/explanation").body
    programs = {part["creator_id"]: part["program_id"] for part in made["commissions"]}
    assert set(programs) == {world.noa, world.dana}
    assert (why["program_id"], why["terms_version"]) == (programs[world.dana], 1)
    assert made["base"] == money(6000), "the heavier share's terms count shipping"
    lines = [(line["creator_id"], line["kind"], line["id"], line["program_id"]) for line in why["lines"]]
    assert sorted(lines) == sorted(
        [
            (world.noa, "line", "shipping", programs[world.noa]),
            (world.dana, "line", "shipping", programs[world.dana]),
            (world.dana, "shipping", "shipping", programs[world.dana]),
        ]
    )
    assert {line["terms_version"] for line in why["lines"]} == {1}


def test_a_hold_waits_and_an_approval_lets_go(world: World, clock: Clock) -> None:
    made = world.send("POST", "/v1/orders", order(clock)).body
    path = f"/v1/orders/{made['id']}/decisions"
    held = world.send("POST", path, {"kind": "hold", "reason": "looks odd"})
    assert (held.body["reason"], held.body["commissions"][0]["status"]) == ("held", "held")
    clock.pass_(timedelta(seconds=1))
    freed = world.send("POST", path, {"kind": "approve", "reason": "spoke with her"})
    assert (freed.body["reason"], freed.body["commissions"][0]["status"]) == (None, "pending")
    clock.pass_(timedelta(seconds=1))
    rejected = world.send("POST", path, {"kind": "reject", "reason": "fraud"})
    assert (rejected.body["reason"], rejected.body["commissions"][0]["net"]) == ("rejected", money(0))


def test_an_approval_lets_pass_the_refunds_that_were_known_whatever_their_dates(world: World, clock: Clock) -> None:
    made = world.send("POST", "/v1/orders", order(clock)).body
    path = f"/v1/orders/{made['id']}/decisions"
    target = Target(world.brand.id, "live", None, "A-1")
    ahead, back = (Refund(str(days), clock.now + timedelta(days=days), "USD", amount=100) for days in (30, -30))

    def after(refund: Refund) -> list[str]:
        settling.apply(world.deployment, target, [refund])
        held = world.send("GET", f"/v1/orders/{made['id']}").body
        clock.pass_(timedelta(seconds=1))
        freed = world.send("POST", path, {"kind": "approve", "reason": "they gave back a tip"}).body
        return [order["commissions"][0]["status"] for order in (held, freed)]

    assert after(ahead) == ["held", "pending"]
    assert after(back) == ["held", "pending"]


def test_an_order_that_is_told_again_is_what_it_was(world: World, clock: Clock) -> None:
    first = world.send("POST", "/v1/orders", order(clock))
    clock.pass_(timedelta(minutes=5))
    again = world.send("POST", "/v1/orders", order(clock) | {"occurred_at": order_time(first)})
    assert (first.status, again.status) == (201, 200)
    assert again.body == first.body
    clock.pass_(timedelta(minutes=5))
    other = order(clock) | {"occurred_at": order_time(first), "codes": []}
    assert world.send("POST", "/v1/orders", other).body["version"] == 2
    clock.pass_(timedelta(minutes=5))
    back = world.send("POST", "/v1/orders", order(clock) | {"occurred_at": order_time(first)}).body
    assert (back["version"], back["commissions"]) == (3, first.body["commissions"])


def order_time(got: Got) -> str:
    placed_at: str = got.body["placed_at"]
    return placed_at


@pytest.mark.parametrize("filters", [{}, {"status": "paid"}, {"connection_id": "con_none"}])
def test_a_cursor_of_orders_is_good_for_its_filters_alone(world: World, clock: Clock, filters: dict[str, str]) -> None:
    for number in range(2):
        world.send("POST", "/v1/orders", order(clock) | {"external_id": f"A-{number}"})
    cursor = world.send("GET", "/v1/orders", query=filters | {"limit": "1"}).body["next_cursor"]
    assert cursor
    assert world.send("GET", "/v1/orders", query=filters | {"limit": "1", "cursor": cursor}).status == 200
    other = world.send("GET", "/v1/orders", query={"status": "cancelled", "limit": "1", "cursor": cursor})
    assert (other.status, other.body["code"]) == (400, "invalid_cursor")


@pytest.mark.parametrize("number", range(6))
def test_an_approval_that_is_repeated_takes_nothing_back(
    world: World, clock: Clock, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """The repeat knows the order as its own first try has left it."""
    made = world.send("POST", "/v1/orders", order(clock)).body
    target = Target(world.brand.id, "live", None, "A-1")
    settling.apply(world.deployment, target, [Refund(str(number), clock.now, "USD", amount=100)])

    def approve() -> Got:
        body = {"kind": "approve", "reason": f"a tip, {number}"}
        return world.send("POST", f"/v1/orders/{made['id']}/decisions", body, idempotency_key="k1")

    def gone(*_: Any) -> None:
        raise Unavailable

    with monkeypatch.context() as patch:
        patch.setattr("vouch.service.submissions.orders.state", gone)
        assert approve().status == 503
    for answer in (world.send("GET", f"/v1/orders/{made['id']}"), approve()):
        assert answer.body["commissions"][0]["status"] == "pending"


@pytest.mark.parametrize(
    "said, amount, status, left",
    [
        ("won", None, "pending", 1330),
        ("won", 7900, "pending", 1330),
        ("lost", None, "reversed", 0),
        ("lost", 13300, "reversed", 0),
        ("lost", 6650, "pending", 665),
    ],
)
def test_a_dispute_holds_the_order_until_it_is_decided(
    world: World, clock: Clock, said: str, amount: int | None, status: str, left: int
) -> None:
    made = world.send("POST", "/v1/orders", order(clock)).body
    path, dispute = f"/v1/orders/{made['id']}/disputes", {"external_id": "D-1", "amount": amount}
    begun = world.send("POST", path, dispute | {"status": "open"})
    assert (begun.status, begun.body["reason"]) == (201, "disputed")
    assert begun.body["commissions"][0]["status"] == "held"
    clock.pass_(timedelta(days=30))
    ended = world.send("POST", path, dispute | {"status": said})
    assert (ended.status, ended.body["commissions"][0]["net"]) == (200, money(left))
    assert ended.body["commissions"][0]["status"] == status.replace("pending", "available")
    assert verify(world.deployment, world.brand).ok


def test_what_is_said_again_of_a_dispute_or_a_refund_changes_nothing(world: World, clock: Clock) -> None:
    made = world.send("POST", "/v1/orders", order(clock)).body
    for path, body in (
        ("disputes", {"external_id": "D-1", "status": "lost", "amount": 1000}),
        ("refunds", {"external_id": "R-1", "lines": [{"id": "1", "quantity": 1}]}),
    ):
        first = world.send("POST", f"/v1/orders/{made['id']}/{path}", body)
        clock.pass_(timedelta(hours=1))
        again = world.send("POST", f"/v1/orders/{made['id']}/{path}", body)
        assert (first.status, again.status, again.body["version"]) == (201, 200, first.body["version"])


def test_an_older_word_on_a_dispute_that_comes_late_changes_nothing(world: World, clock: Clock) -> None:
    made = world.send("POST", "/v1/orders", order(clock)).body
    path, moment = f"/v1/orders/{made['id']}/disputes", clock.now - timedelta(minutes=10)
    won = {"external_id": "D-1", "status": "won", "updated_at": moment.isoformat()}
    begun = won | {"status": "open", "updated_at": (moment - timedelta(days=1)).isoformat()}
    ended = world.send("POST", path, won)
    late = world.send("POST", path, begun)
    assert (late.status, late.body) == (200, ended.body)
    assert late.body["commissions"][0]["status"] == "pending"


@pytest.mark.parametrize(
    "wrong, param",
    [({"status": "under_review"}, "status"), ({"amount": 0}, "amount"), ({"amount": "45.00"}, "amount")],
)
def test_a_dispute_in_a_wrong_shape_is_refused(world: World, clock: Clock, wrong: dict[str, Any], param: str) -> None:
    made = world.send("POST", "/v1/orders", order(clock)).body
    got = world.send("POST", f"/v1/orders/{made['id']}/disputes", {"external_id": "D-1", "status": "open"} | wrong)
    assert (got.status, got.body["param"]) == (400, param)
    assert world.send("GET", f"/v1/orders/{made['id']}").body == made


def test_a_refund_that_later_fails_gives_back_what_it_took(world: World, clock: Clock) -> None:
    made = world.send("POST", "/v1/orders", order(clock)).body
    path = f"/v1/orders/{made['id']}/refunds"
    moved = world.send("POST", path, {"external_id": "R-1", "lines": [{"id": "1", "quantity": 1}]})
    assert moved.body["commissions"][0]["net"] == money(790)
    clock.pass_(timedelta(days=3))
    failed = world.send("POST", path, {"external_id": "R-1", "failed": True})
    assert (failed.status, failed.body["commissions"][0]["net"]) == (200, money(1330))


def test_what_a_test_brand_says_undated_is_of_its_own_clock_and_counts_though_that_stands(
    world: World, clock: Clock
) -> None:
    """It stands years ahead of ours, and two words of one moment come one after the other."""
    future = clock.now.replace(year=clock.now.year + 4)
    brand, api_key = brands.created(
        world.deployment, fresh(world.deployment), name="Trial", mode="test", test_clock=future
    )
    send = partial(_send, api_key)
    dated = {"updated_at": future.isoformat()}
    made = send("POST", "/v1/orders", order(clock, status="open", **dated)).body
    path = f"/v1/orders/{made['id']}"
    for sent, status in (
        ({}, "paid"),
        ({"lines": [SHIPPING_LINE]}, "paid"),
        (dated, "paid"),
        ({"status": "open"}, "open"),
    ):
        assert send("POST", "/v1/orders", order(clock, **sent)).body["status"] == status
    assert send("GET", path).body["base"] == money(10_800 + 2_500)

    line = {"id": "1", "quantity": 1}
    for refund, taken in (({"lines": [line]} | dated, 5400), ({"failed": True}, 0), ({"lines": [line]}, 5400)):
        got = send("POST", f"{path}/refunds", {"external_id": "R", **refund}).body
        assert got["refunded_base"] == money(taken)
    for dispute in ({"status": "open"} | dated, {"status": "won"}, {"status": "open"}):
        assert send("POST", f"{path}/disputes", {"external_id": "D", **dispute}).status in {200, 201}
    known = store.load(world.deployment.database, brand.id, made["id"])
    assert known is not None
    assert [dispute.status for dispute in known.facts.disputes] == ["open"]

    for kind in ("hold", "approve", "hold"):
        send("POST", f"{path}/decisions", {"kind": kind, "reason": "r"})
    told = send("GET", f"{path}/explanation").body["decisions"]
    first = future.strftime("%Y-%m-%dT%H:%M:%S")
    assert [(one["kind"], one["at"][:19]) for one in told] == [("hold", first), ("approve", first), ("hold", first)]


def test_an_order_is_given_to_somebody_else_and_to_a_third_later(world: World, clock: Clock) -> None:
    made = world.send("POST", "/v1/orders", order(clock)).body
    path, given = f"/v1/orders/{made['id']}/decisions", {"kind": "reassign", "reason": "it was her video"}
    [before] = made["commissions"]
    [hers] = world.send("POST", path, given | {"creator_id": world.dana}).body["commissions"]
    assert hers == before | {"creator_id": world.dana}, "by the program of the order, in which she is, too"
    clock.pass_(timedelta(seconds=1))
    [again] = world.send("POST", path, given | {"creator_id": world.noa}).body["commissions"]
    assert again == before
    assert world.send("POST", f"/v1/orders/{made['id']}/replay").body["equal"]
    assert verify(world.deployment, world.brand).ok


def test_an_order_that_led_to_nobody_is_given_by_the_oldest_program_of_whoever_gets_it(
    world: World, clock: Clock
) -> None:
    made = world.send("POST", "/v1/orders", order(clock, codes=[])).body
    assert (made["reason"], made["commissions"]) == ("no_credit", [])
    given = {"kind": "reassign", "reason": "she wrote the code on a poster", "creator_id": world.dana}
    got = world.send("POST", f"/v1/orders/{made['id']}/decisions", given)
    assert [(part["creator_id"], part["program_id"]) for part in got.body["commissions"]] == [
        (world.dana, min(world.programs))
    ]


def test_a_program_that_is_named_rates_the_order(world: World, clock: Clock) -> None:
    made = world.send("POST", "/v1/orders", order(clock)).body
    _, rich, _ = world.programs
    given = {"kind": "reassign", "reason": "r", "creator_id": world.dana, "program_id": rich}
    [hers] = world.send("POST", f"/v1/orders/{made['id']}/decisions", given).body["commissions"]
    assert (hers["program_id"], hers["net"]) == (rich, money(3 * 10**8))


def test_what_a_creator_has_of_an_order_is_set_and_stays_so(world: World, clock: Clock) -> None:
    made = world.send("POST", "/v1/orders", order(clock)).body
    path, set_to = f"/v1/orders/{made['id']}/decisions", {"kind": "adjust", "reason": "as agreed"}

    def net(creator: str, amount: int) -> dict[str, Any]:
        got = world.send("POST", path, set_to | {"creator_id": creator, "amount": amount})
        assert got.status == 201, got.body
        clock.pass_(timedelta(seconds=1))
        return {part["creator_id"]: part["net"]["amount"] for part in got.body["commissions"]}

    assert net(world.noa, 500) == {world.noa: 500}
    assert net(world.dana, 70) == {world.noa: 500, world.dana: 70}, "the newest counts for each"
    assert net(world.noa, 0) == {world.noa: 0, world.dana: 70}
    refund = {"external_id": "R-1", "lines": [{"id": "2", "quantity": 1}]}
    got = world.send("POST", f"/v1/orders/{made['id']}/refunds", refund).body
    assert {part["creator_id"]: part["net"]["amount"] for part in got["commissions"]} == {world.noa: 0, world.dana: 70}
    assert verify(world.deployment, world.brand).ok


def test_an_order_that_is_given_away_is_paid_once_whatever_was_set_before(world: World, clock: Clock) -> None:
    made = world.send("POST", "/v1/orders", order(clock)).body
    path = f"/v1/orders/{made['id']}/decisions"
    set_to = {"kind": "adjust", "reason": "as agreed", "creator_id": world.noa, "amount": 1500}
    given = {"kind": "reassign", "reason": "it was not hers at all", "creator_id": world.dana}
    for said, nets in ((set_to, {world.noa: 1500}), (given, {world.dana: 1330})):
        got = world.send("POST", path, said).body
        assert {part["creator_id"]: part["net"]["amount"] for part in got["commissions"]} == nets
        clock.pass_(timedelta(seconds=1))
    again = world.send("POST", path, set_to | {"amount": 70}).body["commissions"]
    assert {part["creator_id"]: part["net"]["amount"] for part in again} == {world.noa: 70, world.dana: 1330}
    assert verify(world.deployment, world.brand).ok


def test_who_has_an_order_by_the_brands_word_is_a_candidate_whose_evidence_is_that(world: World, clock: Clock) -> None:
    made = world.send("POST", "/v1/orders", order(clock)).body
    given = {"kind": "reassign", "reason": "it was her video", "creator_id": world.dana}
    world.send("POST", f"/v1/orders/{made['id']}/decisions", given)
    known = store.load(world.deployment.database, world.brand.id, made["id"])
    assert known is not None
    [said] = known.facts.decisions("reassign")
    why = world.send("GET", f"/v1/orders/{made['id']}/explanation").body
    assert [(one["kind"], one["evidence"]) for one in why["candidates"] if one["outcome"] == "credited"] == [
        ("decision", said.id)
    ]
    assert said.id.startswith("dec_")


def test_what_is_set_is_in_the_currency_in_which_the_creator_earns(world: World, clock: Clock) -> None:
    made = world.send("POST", "/v1/orders", order(clock, currency="USD")).body
    set_to = {"kind": "adjust", "reason": "as agreed", "creator_id": world.noa, "amount": 500}
    [hers] = world.send("POST", f"/v1/orders/{made['id']}/decisions", set_to).body["commissions"]
    assert hers["net"] == {"amount": 500, "currency": "USD"}


def test_a_decision_that_is_repeated_is_one(world: World, clock: Clock) -> None:
    made = world.send("POST", "/v1/orders", order(clock, codes=[])).body
    given = {"kind": "reassign", "reason": "hers", "creator_id": world.dana}
    path = f"/v1/orders/{made['id']}/decisions"
    first, again = (world.send("POST", path, given, idempotency_key="k1") for _ in range(2))
    assert first == again
    stored = store.load(world.deployment.database, world.brand.id, made["id"])
    assert stored is not None
    assert [(said.creator_id, said.program_id) for said in stored.facts.decisions("reassign")] == [
        (world.dana, min(world.programs))
    ]


@pytest.mark.parametrize(
    "said, status, code, param",
    [
        ({"creator_id": "cre_0000000000000000000000000A"}, 404, "not_found", "creator_id"),
        ({"creator_id": "noa"}, 404, "not_found", "creator_id"),
        ({"program_id": "prg_0000000000000000000000000A"}, 404, "not_found", "program_id"),
        ({"creator_id": "{lea}"}, 422, "not_enrolled", "creator_id"),
        ({"program_id": "{late}"}, 422, "not_enrolled", "program_id"),
        ({"creator_id": "{zoe}"}, 422, "not_enrolled", "creator_id"),
        ({"creator_id": "{zoe}", "program_id": "{friends}"}, 422, "not_enrolled", "program_id"),
        ({"creator_id": "{zoe}", "kind": "reassign", "amount": None}, 422, "not_enrolled", "creator_id"),
        ({"creator_id": "{gil}"}, 422, "no_terms", "program_id"),
        ({"creator_id": "{gil}", "program_id": "{late}"}, 422, "no_terms", "program_id"),
        ({"creator_id": None}, 400, "invalid_request", "creator_id"),
        ({"amount": None}, 400, "invalid_request", "amount"),
        ({"amount": -1}, 400, "invalid_request", "amount"),
        ({"kind": "reassign", "amount": 5}, 400, "invalid_request", "amount"),
        ({"kind": "hold", "amount": None}, 400, "invalid_request", "creator_id"),
        ({"kind": "approve", "creator_id": None, "program_id": None}, 400, "invalid_request", "amount"),
        (
            {"kind": "reject", "creator_id": None, "amount": None, "program_id": "p"},
            400,
            "invalid_request",
            "program_id",
        ),
        ({"reason": ""}, 400, "invalid_request", "reason"),
    ],
)
def test_a_decision_for_somebody_whom_nothing_can_pay_is_refused(
    world: World, clock: Clock, said: dict[str, Any], status: int, code: str, param: str
) -> None:
    """Gil is in a program that had no terms when the order was placed, Lea is in none, and Zoe has only applied."""
    made = world.send("POST", "/v1/orders", order(clock)).body
    mint, brand = fresh(world.deployment), world.brand
    later = clock.now + timedelta(hours=1)
    late = programs.created(
        world.deployment, mint, brand, name="L", currency="ILS", terms=TERMS, effective_from=later, parameter=None
    ).program.id
    gil, lea, zoe = (
        creators.created(
            world.deployment, mint, brand, NewCreator(email=f"{name}@example.com", name=name, program_ids=programs_)
        ).id
        for name, programs_ in (("gil", [late]), ("lea", []), ("zoe", []))
    )
    friends = world.programs[0]
    creators.enrolled(world.deployment, brand, creator_id=zoe, program_id=friends, status="applied", active_from=None)
    named = {"{late}": late, "{gil}": gil, "{lea}": lea, "{zoe}": zoe, "{friends}": friends}
    body = {"kind": "adjust", "reason": "r", "creator_id": world.noa, "amount": 5} | said
    body = {name: named.get(str(value), value) for name, value in body.items() if value is not None}
    stored = kept(world, clock)
    got = world.send("POST", f"/v1/orders/{made['id']}/decisions", body)
    assert (got.status, got.body["code"], got.body["param"]) == (status, code, param)
    assert kept(world, clock) == stored
    assert world.send("GET", f"/v1/orders/{made['id']}").body == made


def test_nobody_is_named_on_an_order_of_which_only_a_refund_has_come(world: World, clock: Clock) -> None:
    target = Target(world.brand.id, "live", None, "A-1")
    settling.apply(world.deployment, target, [Refund("R-1", clock.now, "ILS", amount=100)])
    path = f"/v1/orders/{target.order_id}/decisions"
    got = world.send("POST", path, {"kind": "reassign", "reason": "r", "creator_id": world.noa})
    assert (got.status, got.body["code"]) == (422, "order_unknown_yet")
    assert world.send("POST", path, {"kind": "hold", "reason": "r"}).status == 201


def test_an_order_may_say_whom_its_platform_names_and_what_subscription_it_pays_for(world: World, clock: Clock) -> None:
    began = clock.now - timedelta(days=30)
    more = {
        "handles": {"tiktok": "@Maya", "instagram": "Maya.Cooks"},
        "subscription": {"id": "sub-7", "started_at": began.isoformat()},
    }
    made = world.send("POST", "/v1/orders", order(clock, **more)).body
    stored = store.load(world.deployment.database, world.brand.id, made["id"])
    assert stored is not None
    snapshot = stored.facts.snapshot
    assert snapshot is not None
    assert (snapshot.handles, snapshot.subscribed_at) == (("instagram:maya.cooks", "tiktok:maya"), began)
    assert snapshot.subscription is not None
    assert "sub-7" not in snapshot.subscription


def test_whom_the_platform_names_is_credited_by_the_name_that_a_creator_has_there(world: World, clock: Clock) -> None:
    creator = maya(world, clock)
    made = world.send("POST", "/v1/orders", order(clock, codes=[], handles={"tiktok": "@MAYA"})).body
    assert [(part["creator_id"], part["net"]) for part in made["commissions"]] == [(creator, money(1330))]
    unknown = order(clock, external_id="A-2", codes=[], handles={"instagram": "maya"})
    assert world.send("POST", "/v1/orders", unknown).body["reason"] == "no_credit"


def test_a_subscription_earns_for_so_many_months_from_its_start(world: World, clock: Clock) -> None:
    maya(world, clock, commission=TERMS["commission"] | {"recurring": {"months": 2}})

    def earned(started_at: str) -> int:
        pays = {"id": "sub-7", "started_at": started_at}
        body = order(clock, external_id=started_at, codes=["MAYA10"], subscription=pays)
        [part] = world.send("POST", "/v1/orders", body).body["commissions"]
        return int(part["net"]["amount"])

    assert [earned(began) for began in ("2026-03-04T11:00:01Z", "2026-03-04T11:00:00Z")] == [1330, 0]


def test_an_order_whose_commission_needs_a_rate_waits_for_the_brand_to_give_it(world: World, clock: Clock) -> None:
    maya(world, clock, convert_to="ILS")
    got = world.send("POST", "/v1/orders", order(clock, codes=["MAYA10"], currency="USD"))
    assert (got.status, got.body["status"], got.body["reason"]) == (202, "parked", "rate_missing")
    assert got.retry_after is None, "it is not tried again by itself"
    assert world.send("GET", f"/v1/orders/{got.body['id']}").status == 404
    [note] = parked(world)
    assert (note["reason"], note["detail"]) == ("rate_missing", "no rate from USD to ILS before the order")
    redrive = f"/v1/deliveries/{note['id']}/redrive"
    assert world.send("POST", redrive).body["status"] == "parked"
    assert parked(world) == [note]
    give_rate(world, clock)
    assert world.send("POST", redrive).body["status"] == "applied"
    settled = world.send("GET", f"/v1/orders/{got.body['id']}").body
    assert (settled["status"], settled["base"]) == ("paid", {"amount": 13300, "currency": "USD"})
    assert settled["commissions"][0]["net"] == money(4655)
    assert parked(world) == []
    assert verify(world.deployment, world.brand).ok


def test_what_is_said_of_a_known_order_waits_for_a_rate_and_leaves_it_as_it_was(world: World, clock: Clock) -> None:
    """Unpaid, an order needs no rate. The second pass settles what the brand has given one for by then."""
    maya(world, clock, convert_to="ILS")
    body = order(clock, codes=["MAYA10"], currency="USD", status="open")
    made = world.send("POST", "/v1/orders", body)
    assert (made.status, made.body["status"]) == (201, "open")
    clock.pass_(timedelta(minutes=1))
    paid = world.send("POST", "/v1/orders", body | {"status": "paid"})
    assert (paid.status, paid.body, paid.retry_after) == (202, made.body, None)
    assert [note["reason"] for note in parked(world)] == ["rate_missing"]
    give_rate(world, clock)
    deliveries.second_pass(world.deployment, [clock.now], in_time=lambda: True)
    settled = world.send("GET", f"/v1/orders/{made.body['id']}").body
    assert (settled["status"], settled["commissions"][0]["net"]) == ("paid", money(4655))
    assert parked(world) == []


def test_a_decision_that_needs_a_rate_waits_for_the_brand_to_give_it(world: World, clock: Clock) -> None:
    creator = maya(world, clock, convert_to="ILS")
    made = world.send("POST", "/v1/orders", order(clock, currency="USD")).body
    given = {"kind": "reassign", "creator_id": creator, "reason": "hers"}
    got = world.send("POST", f"/v1/orders/{made['id']}/decisions", given)
    assert (got.status, got.body, got.retry_after) == (202, made, None)
    give_rate(world, clock)
    [note] = parked(world)
    assert world.send("POST", f"/v1/deliveries/{note['id']}/redrive").body["status"] == "applied"
    settled = world.send("GET", f"/v1/orders/{made['id']}").body
    assert [(part["creator_id"], part["net"]) for part in settled["commissions"]] == [(creator, money(4655))]


def test_what_could_never_be_settled_is_refused_though_a_rate_is_missing_too(world: World, clock: Clock) -> None:
    maya(world, clock, convert_to="ILS")
    body = order(clock, codes=["MAYA10"], currency="USD", status="open")
    world.send("POST", "/v1/orders", body)
    stored = kept(world, clock)
    moved = body | {"status": "paid", "occurred_at": "2026-05-01T00:00:00Z"}
    got = world.send("POST", "/v1/orders", moved)
    assert (got.status, got.body["code"]) == (422, "placed_at_changed")
    assert (kept(world, clock), parked(world)) == (stored, [])


def test_a_replay_finds_what_is_posted(world: World, clock: Clock) -> None:
    made = world.send("POST", "/v1/orders", order(clock)).body
    replay = world.send("POST", f"/v1/orders/{made['id']}/replay").body
    assert replay["equal"] is True
    assert replay["posted"] == replay["recomputed"] != []


def test_commissions_are_listed_by_creator_status_and_day(world: World, clock: Clock) -> None:
    for number in range(3):
        placed = (clock.now - timedelta(days=30 * number)).isoformat()
        world.send("POST", "/v1/orders", order(clock, external_id=f"A-{number}", occurred_at=placed))
    every = world.send("GET", "/v1/commissions").body["items"]
    hers = world.send("GET", "/v1/commissions", query={"creator_id": world.noa}).body["items"]
    assert every == hers
    assert [item["status"] for item in every] == ["pending", "available", "available"]
    pending = world.send("GET", "/v1/commissions", query={"creator_id": world.noa, "status": "pending"}).body
    assert pending["items"] == every[:1]
    days = {"from": "2026-04-01T00:00:00Z", "to": "2026-05-01T00:00:00Z"}
    assert world.send("GET", "/v1/commissions", query=days).body["items"] == every[1:2]


def test_who_is_credited_no_longer_keeps_what_was_earned_all_of_it_reversed_in_both_lists(
    world: World, clock: Clock
) -> None:
    body = order(clock)
    before = world.send("POST", "/v1/orders", body).body["commissions"][0]
    clock.pass_(timedelta(minutes=1))
    after = world.send("POST", "/v1/orders", body | {"codes": ["DANA10"]}).body
    hers = before | {"status": "reversed", "reversed": before["earned"], "net": money(0)}
    assert after["commissions"] == [before | {"creator_id": world.dana}], "an order shows what its facts say, no past"
    every = world.send("GET", "/v1/commissions").body["items"]
    named = [
        world.send("GET", "/v1/commissions", query={"creator_id": creator}).body["items"]
        for creator in (world.noa, world.dana)
    ]
    by_creator = {part["creator_id"]: [part] for part in every}
    assert named == [by_creator[world.noa], by_creator[world.dana]]
    assert by_creator[world.noa] == [hers | {"order_id": after["id"], "placed_at": after["placed_at"]}]
    assert verify(world.deployment, world.brand).ok


def test_a_range_that_ends_before_it_begins_is_refused(world: World) -> None:
    query = {"from": "2026-05-01T00:00:00Z", "to": "2026-04-01T00:00:00Z"}
    got = world.send("GET", "/v1/commissions", query=query)
    assert (got.status, got.body["code"], got.body["param"]) == (400, "invalid_request", "to")


def test_lists_go_on_where_they_ended(world: World, clock: Clock) -> None:
    for number in range(5):
        world.send("POST", "/v1/orders", order(clock, external_id=f"A-{number}"))
    seen: list[str] = []
    query = {"limit": "2"}
    while True:
        page = world.send("GET", "/v1/orders", query=query).body
        seen += [item["external_id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        query = {"limit": "2", "cursor": page["next_cursor"]}
    assert sorted(seen) == [f"A-{number}" for number in range(5)]


def test_a_parked_delivery_is_listed_and_can_be_driven_again(world: World, clock: Clock) -> None:
    door = Door(world.brand.id, "live", "shopify", "con_x")
    request = Request({"x-shopify-topic": "orders/paid"}, b'{"id": 1}')
    item = inbox.delivery(
        door,
        request.headers,
        request.body,
        platform_delivery_id="1",
        subject="1",
        kept=("x-shopify-topic",),
        now=clock.now,
    )
    inbox.put(world.deployment.database, lambda: world.deployment.s3, item)
    assert deliveries.settle_delivery(world.deployment, item).ending == "parked"
    (note,) = parked(world)
    assert (note["id"], note["topic"], note["reason"]) == (item.sk, "orders/paid", "shape_mismatch")
    again = world.send("POST", f"/v1/deliveries/{item.sk}/redrive")
    assert (again.status, again.body["status"]) == (200, "parked")
    assert world.send("POST", "/v1/deliveries/dlv_nothing/redrive").status == 404


def test_an_order_with_a_click_still_on_its_way_is_accepted_and_waits(world: World, clock: Clock) -> None:
    click = clicks.mint(world.brand.id, "00" * 8, clock.now, world.deployment.secrets.click_keys, b"abcdef")
    got = world.send("POST", "/v1/orders", order(clock, click_ids=[click.id]))
    assert (got.status, got.body["status"], got.body["reason"]) == (202, "parked", "awaiting_click")
    assert got.retry_after == "60", "when it is tried again"
    assert world.send("GET", f"/v1/orders/{got.body['id']}").status == 404
    made = world.send("POST", "/v1/orders", order(clock, external_id="A-2"))
    assert (made.status, made.retry_after) == (201, None)
    known = made.body
    clock.pass_(timedelta(seconds=1))
    body = order(clock, external_id="A-2", occurred_at=known["placed_at"], click_ids=[click.id])
    got = world.send("POST", "/v1/orders", body)
    assert (got.status, got.body) == (202, known), "what was brought waits, the order stands as it was"


def test_what_counts_nowhere_is_listed_beside_what_does(clock: Clock) -> None:
    """As of a recruiter who sold an order with whom they recruited."""
    own = Posting("cre_1", "earned", "ILS", clock.now, Counted("prg_1", 1, "2026-05"))
    listed = postings({own: 500, own._replace(counted=None): 50})
    assert [(each.creator_id, each.amount.amount) for each in listed] == [("cre_1", 50), ("cre_1", 500)]


def test_who_never_gets_a_turn_at_a_crowded_order_is_accepted_and_waits(
    world: World, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is stored: to say that it failed would have a decision made twice."""
    made = world.send("POST", "/v1/orders", order(clock)).body
    path = f"/v1/orders/{made['id']}/decisions"

    def taken(_: object) -> None:
        raise Refused([])

    with monkeypatch.context() as patch:
        patch.setattr("vouch.service.orders.pause", lambda _: None)
        patch.setattr(world.deployment.database, "commit", taken)
        got = world.send("POST", path, {"kind": "reject", "reason": "her own"})
    assert (got.status, got.body, got.retry_after) == (202, made, "60")
    deliveries.second_pass(world.deployment, [times.floor_hour(clock.now)], in_time=lambda: True)
    stands = world.send("GET", f"/v1/orders/{made['id']}").body
    assert (stands["reason"], stands["version"]) == ("rejected", made["version"] + 1)


def test_an_order_dated_ahead_of_what_its_tiers_ask_for_is_accepted_and_waits(
    world: World, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of June's second day the volume of May decides, which is measured at one o'clock of the first."""
    monkeypatch.setattr(clock, "now", datetime(2026, 6, 1, 0, 30, tzinfo=UTC))
    tiers = {"period": "month", "measure": "orders", "levels": [{"from": 0, "bps": 1500}]}
    maya(world, clock, commission=TERMS["commission"] | {"tiers": tiers})
    body = order(clock, codes=["MAYA10"], occurred_at=(clock.now + timedelta(hours=23, minutes=45)).isoformat())
    got = world.send("POST", "/v1/orders", body)
    assert (got.status, got.body["status"], got.body["reason"]) == (202, "parked", "awaiting_volume")
    [note] = parked(world)
    assert (note["reason"], note["detail"]) == ("awaiting_volume", "the volume of 2026-05 is not known yet")
    clock.pass_(timedelta(hours=1))
    assert deliveries.second_pass(world.deployment, [clock.now - timedelta(hours=1)], in_time=lambda: True) == {
        "applied": 1
    }
    settled = world.send("GET", f"/v1/orders/{got.body['id']}").body
    assert settled["commissions"][0]["net"] == money(1995)
    assert parked(world) == []


def test_a_late_order_waits_for_a_volume_that_takes_many_steps(
    world: World, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of June the volume of May decides, which nobody has measured by September: six orders, one a step."""
    tiers = {"period": "month", "measure": "orders", "levels": [{"from": 6, "bps": 1500}]}
    maya(world, clock, commission=TERMS["commission"] | {"tiers": tiers})
    for number in range(6):
        assert world.send("POST", "/v1/orders", order(clock, external_id=f"M-{number}", codes=["MAYA10"])).status == 201
    june = (clock.now + timedelta(days=35)).isoformat()
    clock.pass_(timedelta(days=120))
    monkeypatch.setattr(volumes, "_STEP", 1)
    monkeypatch.setattr(deliveries, "TRIES_MAX", 3)
    got = world.send("POST", "/v1/orders", order(clock, codes=["MAYA10"], occurred_at=june))
    assert (got.status, got.body["status"], got.body["reason"]) == (202, "parked", "awaiting_volume")
    endings = []
    while messages := take(world.deployment):
        [message] = messages
        endings.append(deliveries.wake(world.deployment, message, in_time=lambda: True))
    assert endings == [{"deferred": 1}] * 4 + [{"applied": 1}], "the request itself took two steps"
    settled = world.send("GET", f"/v1/orders/{got.body['id']}").body
    assert settled["commissions"][0]["net"] == money(1995)
    assert parked(world) == []


def test_another_brand_sees_nothing(world: World, clock: Clock) -> None:
    made = world.send("POST", "/v1/orders", order(clock)).body
    mint = Mint(clock.now + timedelta(seconds=1), world.deployment.random)
    _, stranger = brands.created(world.deployment, mint, name="Cups", mode="live", test_clock=None)
    for method, path in (
        ("GET", "/v1/orders/{}"),
        ("GET", "/v1/orders/{}/explanation"),
        ("POST", "/v1/orders/{}/replay"),
    ):
        theirs = _send(stranger, method, path.format(made["id"]))
        missing = _send(stranger, method, path.format("ord_missing"))
        assert theirs.status == 404
        assert theirs.body | {"request_id": ""} == missing.body | {"request_id": ""}
    assert _send(stranger, "GET", "/v1/orders").body["items"] == []
    assert _send(stranger, "GET", "/v1/commissions", query={"creator_id": world.noa}).body["items"] == []


def test_an_idempotent_order_is_made_once_and_answered_twice(world: World, clock: Clock) -> None:
    body = order(clock)
    first = world.send("POST", "/v1/orders", body, idempotency_key="k1")
    clock.pass_(timedelta(seconds=5))
    second = world.send("POST", "/v1/orders", body, idempotency_key="k1")
    assert (first.status, second) == (201, first)
    assert world.send("GET", f"/v1/orders/{first.body['id']}").body["version"] == 1
    other = world.send("POST", "/v1/orders", order(clock), idempotency_key="k1")
    assert (other.status, other.body["code"]) == (422, "idempotency_mismatch")


@pytest.mark.parametrize(
    "wrong",
    [
        {"lines": "none"},
        {"currency": "XXX"},
        {"occurred_at": "yesterday"},
        {"lines": [{"id": "1", "quantity": 1.5, "unit_price": 1}]},
        {"lines": [{"id": "1", "quantity": 1, "unit_price": "1"}]},
        {"paid": True},
        {"lines": [{"id": "1", "quantity": 1, "unit_price": 1}, {"id": "1", "quantity": 1, "unit_price": 1}]},
        {"lines": [{"id": "1", "quantity": 1, "unit_price": 100, "discount": 101}]},
        {"occurred_at": "8999-12-31T23:00:00Z"},
    ],
)
def test_what_is_no_order_is_refused_and_nothing_is_stored(world: World, clock: Clock, wrong: dict[str, Any]) -> None:
    got = world.send("POST", "/v1/orders", order(clock, **wrong))
    assert got.status in (400, 422)
    assert got.body["code"]
    assert world.send("GET", "/v1/orders").body["items"] == []

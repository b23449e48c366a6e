"""Creators and enrolments over HTTP."""

from datetime import timedelta

import pytest

from figures import standings
from tests.faults.world import Context
from tests.fixtures import Clock
from tests.functions.client import Client
from tests.functions.conftest import NewBrand
from tests.functions.setting_up import TERMS, new_creator, new_program
from tests.order_stream import OrderStream
from vouch.http import Api
from vouch.service.creators import PERSONS_MAX
from vouch.service.deployment import Deployment
from vouch.store import creators, handles


def test_a_creator_is_enrolled_and_active_when_the_brand_adds_them(brand: Client) -> None:
    programs = [new_program(brand)["id"] for _ in range(2)]
    made = brand.made(
        "/v1/creators",
        {
            "email": " Noa@Example.com ",
            "name": "נועה לוי",
            "language": "he",
            "program_ids": [*programs, programs[0]],
            "handles": {"tiktok": "@Noa.Levi"},
        },
    )
    assert made | {"id": ""} == {
        "id": "",
        "email": "noa@example.com",
        "name": "נועה לוי",
        "language": "he",
        "handles": {"tiktok": "noa.levi", "instagram": None},
        "tier": None,
        "recruited_by": None,
        "recruited_at": None,
        "active_from": "2026-05-04T12:00:00Z",
        "created_at": "2026-05-04T12:00:00Z",
        "version": 1,
    }
    assert brand.get(f"/v1/creators/{made['id']}").body == made
    assert brand.get("/v1/creators").body["items"] == [made]
    enrolments = brand.get("/v1/enrolments", creator_id=made["id"]).body["items"]
    assert sorted(enrolment["program_id"] for enrolment in enrolments) == sorted(programs)
    assert all(
        (enrolment["status"], enrolment["active"]) == ("active", [["2026-05-04T12:00:00Z", None]])
        for enrolment in enrolments
    )


def test_creators_may_have_been_active_before_they_were_added(brand: Client) -> None:
    program = new_program(brand)["id"]
    made = new_creator(brand, program_ids=[program], active_from="2025-01-01T00:00:00Z")
    (enrolment,) = brand.get("/v1/enrolments", program_id=program).body["items"]
    assert made["active_from"] == "2025-01-01T00:00:00Z"
    assert enrolment["active"] == [["2025-01-01T00:00:00Z", None]]


def test_an_address_is_one_creators_in_a_brand(brand: Client, new_brand: NewBrand) -> None:
    new_creator(brand)
    got = brand.post("/v1/creators", {"email": "NOA@example.com", "name": "Noa too"})
    assert (got.status, got.code, got.body["param"]) == (409, "email_taken", "email")
    assert len(brand.get("/v1/creators").body["items"]) == 1
    new_creator(new_brand("Cups"))


def test_an_address_can_be_changed_and_the_old_one_is_free_again(brand: Client) -> None:
    noa, dan = new_creator(brand, "noa"), new_creator(brand, "dan")
    taken = brand.patch(f"/v1/creators/{noa['id']}", {"email": "dan@example.com"})
    assert (taken.status, taken.code) == (409, "email_taken")
    moved = brand.patch(f"/v1/creators/{dan['id']}", {"email": "daniel@example.com", "name": "Daniel"})
    assert (moved.body["email"], moved.body["name"], moved.body["version"]) == ("daniel@example.com", "Daniel", 2)
    assert brand.patch(f"/v1/creators/{noa['id']}", {"email": "dan@example.com"}).status == 200
    assert new_creator(brand, "noa")["id"] != noa["id"]
    back = brand.patch(f"/v1/creators/{dan['id']}", {"email": "noa@example.com"})
    assert back.code == "email_taken"


def test_a_creator_is_recognised_as_the_buyer_they_would_be(brand: Client, deployment: Deployment) -> None:
    made = new_creator(brand)
    stored = creators.creator(deployment.database, brand.brand_id, made["id"])
    assert stored is not None
    assert stored.persons == [deployment.secrets.pseudonym(brand.brand_id, "email:noa@example.com")]


def test_the_same_mailbox_may_be_written_another_way(brand: Client) -> None:
    noa = new_creator(brand, email="noalevi@gmail.com")
    changed = brand.patch(f"/v1/creators/{noa['id']}", {"email": "noa.levi@gmail.com"})
    assert (changed.status, changed.body["email"]) == (200, "noa.levi@gmail.com")
    for taken in ("noalevi@gmail.com", "n.oalevi+mugs@googlemail.com"):
        assert brand.post("/v1/creators", {"email": taken, "name": "Noa too"}).code == "email_taken"


def test_a_creator_who_buys_under_a_former_address_earns_nothing(brand: Client, apis: dict[str, Api]) -> None:
    program = new_program(brand)["id"]
    noa = new_creator(brand, "noa", program_ids=[program])["id"]
    brand.made("/v1/codes", {"creator_id": noa, "program_id": program, "code": "noa10"})
    for name in ("levi", "noa.levi", "levi"):
        assert brand.patch(f"/v1/creators/{noa}", {"email": f"{name}@example.com"}).status == 200
    shop = Client(apis["attribution"], brand.key)

    def earners(buyer: str) -> list[str]:
        order = {"external_id": buyer, "occurred_at": "2026-05-04T12:00:00Z", "currency": "ILS", "codes": ["noa10"]}
        bought = {"lines": [{"id": "1", "quantity": 1, "unit_price": 10000}], "customer": {"email": buyer}}
        made = shop.made("/v1/orders", order | bought)
        return [commission["creator_id"] for commission in made["commissions"]]

    assert [earners(f"{name}@example.com") for name in ("noa", "levi", "noa.levi", "dan")] == [[], [], [], [noa]]


def test_of_a_creators_many_addresses_the_last_are_remembered(brand: Client, deployment: Deployment) -> None:
    noa = new_creator(brand, "noa")["id"]
    names = [f"noa{number}" for number in range(PERSONS_MAX)]
    for name in names:
        brand.patch(f"/v1/creators/{noa}", {"email": f"{name}@example.com"})
    stored = creators.creator(deployment.database, brand.brand_id, noa)
    assert stored is not None
    pseudonym = deployment.secrets.pseudonym
    assert stored.persons == [pseudonym(brand.brand_id, f"email:{name}@example.com") for name in names]


def test_a_tier_counts_from_the_second_in_which_it_was_said(
    brand: Client, deployment: Deployment, clock: Clock
) -> None:
    noa = new_creator(brand, tier=" Gold ", active_from="2026-01-01T00:00:00Z")
    path = f"/v1/creators/{noa['id']}"
    assert noa["tier"] == "gold"
    for tier, shown in (("GOLD", "gold"), ("ＶＩＰ  club", "vip club"), (None, None), (None, None), ("gold", "gold")):
        clock.pass_(timedelta(days=1, milliseconds=300))
        changed = brand.patch(path, {"tier": tier}).body
        assert changed["tier"] == brand.get(path).body["tier"] == shown
        assert brand.patch(path, {"name": "Noa"}).body["tier"] == shown
    stored = creators.creator(deployment.database, brand.brand_id, noa["id"])
    assert stored is not None
    assert stored.tiers == [
        ["gold", "2026-01-01T00:00:00.000000Z", "2026-05-06T12:00:00.000000Z"],
        ["vip club", "2026-05-06T12:00:00.000000Z", "2026-05-07T12:00:00.000000Z"],
        ["gold", "2026-05-09T12:00:01.000000Z", None],
    ]


@pytest.mark.parametrize("tier, code", [("", "wrong_shape"), (" \u200b", "wrong_shape"), ("x" * 65, "too_long")])
def test_what_is_no_tier_is_refused(brand: Client, tier: str, code: str) -> None:
    got = brand.post("/v1/creators", {"email": "noa@example.com", "name": "Noa", "tier": tier})
    assert (got.status, got.body["errors"][0]["code"], got.body["param"]) == (400, code, "tier")
    assert new_creator(brand, tier="x" * 64)["tier"] == "x" * 64


def test_who_recruited_a_creator_counts_from_their_first_day(brand: Client, clock: Clock) -> None:
    dan, tal = new_creator(brand, "dan")["id"], new_creator(brand, "tal")["id"]
    noa = new_creator(brand, recruited_by=dan, active_from="2026-01-01T00:00:00Z")
    path = f"/v1/creators/{noa['id']}"

    def said(recruiter: str | None) -> tuple[str | None, str | None]:
        clock.pass_(timedelta(days=1))
        body = brand.patch(path, {"recruited_by": recruiter}).body
        return body["recruited_by"], body["recruited_at"]

    assert (noa["recruited_by"], noa["recruited_at"]) == (dan, "2026-01-01T00:00:00Z")
    assert said(dan) == (dan, "2026-01-01T00:00:00Z")
    assert said(tal) == (tal, "2026-05-06T12:00:00Z")
    assert said(tal) == (tal, "2026-05-06T12:00:00Z")
    assert said(None) == (None, None)
    assert said(tal) == (tal, "2026-05-09T12:00:00Z")


def test_a_recruiter_of_who_is_yet_to_begin_counts_from_that_day(brand: Client) -> None:
    dan, tal = new_creator(brand, "dan")["id"], new_creator(brand, "tal")["id"]
    noa = new_creator(brand, recruited_by=dan, active_from="2027-01-01T00:00:00Z")["id"]
    changed = brand.patch(f"/v1/creators/{noa}", {"recruited_by": tal}).body
    assert (changed["recruited_by"], changed["recruited_at"]) == (tal, "2027-01-01T00:00:00Z")


def test_a_recruiter_is_another_creator_of_the_brand(brand: Client, new_brand: NewBrand) -> None:
    noa, theirs = new_creator(brand)["id"], new_creator(new_brand("Theirs"))["id"]
    path = f"/v1/creators/{noa}"
    own = brand.patch(path, {"recruited_by": noa})
    assert (own.status, own.code, own.body["param"]) == (422, "own_recruiter", "recruited_by")
    for stranger in (theirs, "cre_x", "#"):
        for got in (
            brand.patch(path, {"recruited_by": stranger}),
            brand.post("/v1/creators", {"email": "dan@example.com", "name": "Dan", "recruited_by": stranger}),
        ):
            assert (got.status, got.code, got.body["param"]) == (404, "not_found", "recruited_by")
    assert brand.get(path).body["recruited_by"] is None


def test_nobody_recruits_who_recruited_them(brand: Client, clock: Clock) -> None:
    dan = new_creator(brand, "dan")["id"]
    noa = new_creator(brand, recruited_by=dan)["id"]
    clock.pass_(timedelta(days=1))
    mutual = brand.patch(f"/v1/creators/{dan}", {"recruited_by": noa})
    assert (mutual.status, mutual.code, mutual.body["param"]) == (422, "mutual_recruiters", "recruited_by")
    assert brand.get(f"/v1/creators/{dan}").body["recruited_by"] is None
    brand.patch(f"/v1/creators/{noa}", {"recruited_by": None})
    assert brand.patch(f"/v1/creators/{dan}", {"recruited_by": noa}).status == 200


def owners(deployment: Deployment, brand: Client, name: str) -> list[list[str | None]]:
    """Of a handle, with days for moments."""
    item = handles.handle(deployment.database, brand.brand_id, name)
    return [
        [owner.creator_id, owner.active_from[:10], owner.active_until and owner.active_until[:10]]
        for owner in handles.owners(item)
    ]


def test_a_handle_is_one_creators_at_a_time(brand: Client, deployment: Deployment, clock: Clock) -> None:
    noa = new_creator(brand, handles={"tiktok": "@Maya", "instagram": "maya"})["id"]
    dan = new_creator(brand, "dan", handles={"tiktok": "dan"})["id"]
    for got in (
        brand.patch(f"/v1/creators/{dan}", {"handles": {"tiktok": " @MAYA"}}),
        brand.post("/v1/creators", {"email": "tal@example.com", "name": "Tal", "handles": {"tiktok": "ｍａｙａ"}}),
    ):
        assert (got.status, got.code, got.body["param"]) == (409, "handle_taken", "handles.tiktok")
    assert brand.get(f"/v1/creators/{dan}").body["handles"]["tiktok"] == "dan"
    clock.pass_(timedelta(days=1))
    assert brand.patch(f"/v1/creators/{noa}", {"handles": {"instagram": "maya"}}).status == 200
    clock.pass_(timedelta(days=1))
    assert brand.patch(f"/v1/creators/{dan}", {"handles": {"tiktok": "maya"}}).body["handles"]["tiktok"] == "maya"
    assert owners(deployment, brand, "tiktok:maya") == [[noa, "2026-05-04", "2026-05-05"], [dan, "2026-05-06", None]]
    assert owners(deployment, brand, "tiktok:dan") == [[dan, "2026-05-04", "2026-05-06"]]
    assert owners(deployment, brand, "instagram:maya") == [[noa, "2026-05-04", None]]


def test_a_handle_is_its_creators_from_their_first_day(brand: Client, deployment: Deployment, clock: Clock) -> None:
    noa = new_creator(brand, handles={"tiktok": "maya"}, active_from="2025-01-01T00:00:00Z")["id"]
    clock.pass_(timedelta(days=1))
    brand.patch(f"/v1/creators/{noa}", {"handles": {}})
    clock.pass_(timedelta(days=1))
    dan = new_creator(brand, "dan", handles={"tiktok": "maya"}, active_from="2026-01-01T00:00:00Z")["id"]
    assert owners(deployment, brand, "tiktok:maya") == [[noa, "2025-01-01", "2026-05-05"], [dan, "2026-05-05", None]]


def test_a_handle_in_another_brand_is_another(brand: Client, new_brand: NewBrand) -> None:
    new_creator(brand, handles={"tiktok": "maya"})
    new_creator(new_brand("Theirs"), handles={"tiktok": "maya"})


def test_what_does_not_name_handles_leaves_them(brand: Client, deployment: Deployment) -> None:
    noa = new_creator(brand, handles={"tiktok": "maya"})["id"]
    for body in ({"name": "Noa"}, {"handles": None}, {"handles": {"tiktok": "MAYA"}}):
        assert brand.patch(f"/v1/creators/{noa}", body).body["handles"]["tiktok"] == "maya"
    item = handles.handle(deployment.database, brand.brand_id, "tiktok:maya")
    assert (item.version, len(item.owners)) == (1, 1)


@pytest.mark.parametrize(
    "email",
    ["", "noa", "noa@", "@example.com", "noa@example", "no a@example.com", "noa@exa_mple.com", "noa@example.com\n.il",
     "נועה@example.com", "noa..levi@example.com", f"{'x' * 65}@example.com", f"noa@{'x' * 62}.{'y.' * 95}com"],
)  # fmt: skip
def test_what_is_no_address_is_refused(brand: Client, email: str) -> None:
    got = brand.post("/v1/creators", {"email": email, "name": "Noa"})
    assert (got.status, got.body["errors"][0]["code"]) == (400, "not_an_email")


def test_a_creator_can_be_enrolled_later(brand: Client, clock: Clock) -> None:
    program, creator = new_program(brand)["id"], new_creator(brand)["id"]
    made = brand.made("/v1/enrolments", {"creator_id": creator, "program_id": program, "status": "applied"})
    assert (made["status"], made["active"]) == ("applied", [])
    path = f"/v1/enrolments/{made['id']}"
    assert brand.get(path).body == made
    clock.pass_(timedelta(days=1))
    assert brand.patch(path, {"status": "active"}).body["active"] == [["2026-05-05T12:00:00Z", None]]
    clock.pass_(timedelta(days=1))
    assert brand.patch(path, {"status": "paused"}).body["active"] == [["2026-05-05T12:00:00Z", "2026-05-06T12:00:00Z"]]
    assert brand.patch(path, {"status": "left"}).body["status"] == "left"
    clock.pass_(timedelta(days=1))
    assert brand.patch(path, {"status": "active"}).body["active"] == [
        ["2026-05-05T12:00:00Z", "2026-05-06T12:00:00Z"],
        ["2026-05-07T12:00:00Z", None],
    ]


def test_an_enrolment_goes_from_one_status_only_to_some(brand: Client) -> None:
    tied = {"creator_id": new_creator(brand)["id"], "program_id": new_program(brand)["id"]}
    made = brand.made("/v1/enrolments", tied | {"status": "applied"})
    got = brand.patch(f"/v1/enrolments/{made['id']}", {"status": "paused"})
    assert (got.status, got.code) == (409, "status_not_possible")
    assert brand.patch(f"/v1/enrolments/{made['id']}", {"status": "applied"}).status == 400


def test_who_left_and_comes_back_has_new_customers_only_and_a_pause_is_no_leave(
    brand: Client, apis: dict[str, Api], deployment: Deployment, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standings, "deployment", lambda: deployment)
    program = new_program(brand, terms=TERMS | {"attribution": {"customer_tie": {}}})["id"]
    creator = new_creator(brand, program_ids=[program])["id"]
    brand.made("/v1/codes", {"program_id": program, "creator_id": creator, "code": "noa10"})
    [enrolment] = brand.get("/v1/enrolments", creator_id=creator).body["items"]
    orders, stream = Client(apis["attribution"], brand.key), OrderStream(deployment)

    def sold(buyer: str, *codes: str) -> dict[str, str | None]:
        """Why what leads to Noa does not count, by its kind."""
        clock.pass_(timedelta(hours=1))
        order = {
            "external_id": clock.now.isoformat(),
            "occurred_at": clock.now.isoformat(),
            "currency": "ILS",
            "lines": [{"id": "1", "quantity": 1, "unit_price": 10_000}],
            "customer": {"email": f"{buyer}@example.com"},
            "codes": codes,
        }
        made = orders.made("/v1/orders", order)
        standings.handler({"Records": stream.records()}, Context())
        why = orders.get(f"/v1/orders/{made['id']}/explanation").body
        return {candidate["kind"]: candidate["reason"] for candidate in why["candidates"]}

    def become(status: str) -> None:
        clock.pass_(timedelta(hours=1))
        assert brand.patch(f"/v1/enrolments/{enrolment['id']}", {"status": status}).status == 200

    assert sold("maya", "noa10") == {"code": None}
    become("paused")
    assert sold("maya") == {"customer": "not_enrolled"}
    become("active")
    assert sold("maya") == {"customer": None}
    become("left")
    assert sold("maya") == {"customer": "not_enrolled"}
    become("active")
    assert sold("maya") == {"customer": "tie_ended"}
    assert sold("maya", "noa10") == {"code": None, "customer": "tie_ended"}
    assert sold("maya") == {"customer": "tie_ended"}
    assert sold("gil", "noa10") == {"code": None}
    assert sold("gil") == {"customer": None}


def test_a_creator_has_one_enrolment_in_a_program(brand: Client) -> None:
    tied = {"creator_id": new_creator(brand)["id"], "program_id": new_program(brand)["id"]}
    made = brand.made("/v1/enrolments", tied)
    assert brand.made("/v1/enrolments", tied) == made
    got = brand.post("/v1/enrolments", tied | {"status": "applied"})
    assert (got.status, got.code) == (409, "already_enrolled")
    assert made["id"] in got.body["detail"]


@pytest.mark.parametrize("stated", ["2025-01-01T00:00:00Z", "2027-01-01T00:00:00Z"])
def test_an_enrolment_is_not_the_same_from_another_day(brand: Client, stated: str) -> None:
    early = new_creator(brand, active_from="2025-01-01T00:00:00Z")["id"]
    tied = {"creator_id": early, "program_id": new_program(brand)["id"]}
    made = brand.made("/v1/enrolments", tied | {"active_from": "2026-01-01T00:00:00Z"})
    for body in (tied, tied | {"active_from": "2026-01-01T02:00:00+02:00"}):
        assert brand.made("/v1/enrolments", body) == made
    got = brand.post("/v1/enrolments", tied | {"active_from": stated})
    assert (got.status, got.code) == (409, "already_enrolled")


def test_no_enrolment_begins_before_its_creator(brand: Client, clock: Clock) -> None:
    first_day = "2026-05-06T00:00:00Z"
    creator = new_creator(brand, active_from=first_day)["id"]
    tied = [{"creator_id": creator, "program_id": new_program(brand)["id"]} for _ in range(3)]
    got = brand.post("/v1/enrolments", tied[0] | {"active_from": "2026-05-05T23:59:59Z"})
    assert (got.status, got.code, got.body["param"]) == (422, "creator_not_active_yet", "active_from")
    assert first_day in got.body["detail"]
    assert brand.made("/v1/enrolments", tied[0])["active"] == [[first_day, None]]
    assert brand.made("/v1/enrolments", tied[1] | {"active_from": first_day})["active"] == [[first_day, None]]
    applied = brand.made("/v1/enrolments", tied[2] | {"status": "applied"})
    path = f"/v1/enrolments/{applied['id']}"
    assert brand.patch(path, {"status": "active"}).body["active"] == [[first_day, None]]
    assert brand.patch(path, {"status": "paused"}).body["active"] == []
    assert brand.patch(path, {"status": "active"}).body["active"] == [[first_day, None]]
    brand.patch(path, {"status": "paused"})
    clock.pass_(timedelta(days=2))
    assert brand.patch(path, {"status": "active"}).body["active"] == [["2026-05-06T12:00:00Z", None]]


def test_an_order_before_its_creators_first_day_earns_nothing(brand: Client, apis: dict[str, Api]) -> None:
    tied = {"creator_id": new_creator(brand, active_from="2027-01-01T00:00:00Z")["id"]}
    tied |= {"program_id": new_program(brand)["id"]}
    brand.made("/v1/enrolments", tied)
    brand.made("/v1/codes", tied | {"code": "noa10"})
    order = {"external_id": "1", "occurred_at": "2026-05-04T12:00:00Z", "currency": "ILS", "codes": ["noa10"]}
    lines = [{"id": "1", "quantity": 1, "unit_price": 10000}]
    made = Client(apis["attribution"], brand.key).made("/v1/orders", order | {"lines": lines})
    assert made["commissions"] == []


def test_what_begins_now_begins_with_the_second_that_an_order_names(
    brand: Client, apis: dict[str, Api], clock: Clock
) -> None:
    """Orders carry whole seconds, so one that is placed at once says a moment before everything that it needs."""
    program, lines = new_program(brand)["id"], [{"id": "1", "quantity": 1, "unit_price": 10000}]
    paused = brand.made("/v1/enrolments", {"creator_id": new_creator(brand, "dan")["id"], "program_id": program})
    assert brand.patch(f"/v1/enrolments/{paused['id']}", {"status": "paused"}).status == 200
    assert brand.patch(f"/v1/programs/{program}", {"status": "paused"}).status == 200
    clock.pass_(timedelta(seconds=9, milliseconds=300))
    brand.patch(f"/v1/programs/{program}", {"status": "active"})
    brand.patch(f"/v1/enrolments/{paused['id']}", {"status": "active"})
    noa = new_creator(brand, program_ids=[program])["id"]
    tal = brand.made("/v1/enrolments", {"creator_id": new_creator(brand, "tal")["id"], "program_id": program})
    clock.pass_(timedelta(milliseconds=300))
    for creator in (noa, paused["creator_id"], tal["creator_id"]):
        code = brand.made("/v1/codes", {"creator_id": creator, "program_id": program, "code": creator})
        assert code["owners"][0]["active_from"] == "2026-05-04T12:00:09Z"
        order = {"external_id": creator, "occurred_at": "2026-05-04T12:00:09Z", "currency": "ILS", "codes": [creator]}
        made = Client(apis["attribution"], brand.key).made("/v1/orders", order | {"lines": lines})
        assert [each["earned"]["amount"] for each in made["commissions"]] == [1000]


def test_a_pause_within_a_second_leaves_no_periods_that_overlap(brand: Client, clock: Clock) -> None:
    tied = {"creator_id": new_creator(brand)["id"], "program_id": new_program(brand)["id"]}
    path = f"/v1/enrolments/{brand.made('/v1/enrolments', tied)['id']}"
    clock.pass_(timedelta(milliseconds=300))
    brand.patch(path, {"status": "paused"})
    clock.pass_(timedelta(milliseconds=300))
    pause = "2026-05-04T12:00:00.300000Z"
    assert brand.patch(path, {"status": "active"}).body["active"] == [["2026-05-04T12:00:00Z", pause], [pause, None]]


def test_an_application_has_no_day_from_which_it_is_active(brand: Client) -> None:
    tied = {"creator_id": new_creator(brand)["id"], "program_id": new_program(brand)["id"]}
    got = brand.post("/v1/enrolments", tied | {"status": "applied", "active_from": "2026-05-04T12:00:00Z"})
    assert (got.status, got.code) == (422, "not_active_yet")


def test_enrolments_are_listed_by_one_of_the_two_that_they_tie(brand: Client) -> None:
    for query in ({}, {"creator_id": "cre_x", "program_id": "prg_x"}):
        got = brand.get("/v1/enrolments", **query)
        assert (got.status, got.code) == (400, "one_of_two")

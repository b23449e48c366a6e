"""A POST under an `Idempotency-Key` takes effect once, whatever happens to its answer."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.fixtures import Clock
from tests.functions.client import Client
from tests.functions.conftest import APIS, NewBrand
from tests.functions.setting_up import DESTINATION, TERMS, Shop, new_creator, open_shop
from vouch.service.deployment import Deployment
from vouch.store import idempotency

PROGRAM = {"name": "Friends", "currency": "ILS", "terms": TERMS}


class Crash(BaseException):
    """The process dies: nothing of ours runs any more."""


def items(brand: Client, path: str) -> list[Any]:
    listed: list[Any] = brand.get(path).body["items"]
    return listed


def test_a_repeat_gets_the_first_answer(brand: Client, clock: Clock) -> None:
    first = brand.post("/v1/programs", PROGRAM, idempotency_key="k-1")
    clock.pass_(timedelta(hours=71))
    again = brand.post("/v1/programs", PROGRAM, idempotency_key="k-1")
    assert (again.status, again.text, again.headers["etag"]) == (201, first.text, first.headers["etag"])
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert len(items(brand, "/v1/programs")) == 1


def test_a_key_belongs_to_one_body_one_route_and_one_caller(brand: Client, new_brand: NewBrand) -> None:
    brand.made("/v1/programs", PROGRAM, idempotency_key="k-1")
    other = brand.post("/v1/programs", PROGRAM | {"name": "Family"}, idempotency_key="k-1")
    assert (other.status, other.code) == (422, "idempotency_mismatch")
    brand.made("/v1/creators", {"email": "noa@example.com", "name": "Noa"}, idempotency_key="k-1")
    second = Client(brand.api, brand.made("/v1/keys", {"name": "Second", "scopes": ["*"]})["api_key"])
    second.made("/v1/programs", PROGRAM, idempotency_key="k-1")
    new_brand("Cups").made("/v1/programs", PROGRAM, idempotency_key="k-1")
    assert len(items(brand, "/v1/programs")) == 2


def test_a_key_of_one_thing_is_no_key_of_another(brand: Client) -> None:
    paths = [f"/v1/programs/{brand.made('/v1/programs', PROGRAM)['id']}/terms" for _ in range(2)]
    later = {"effective_from": "2026-06-01T00:00:00Z"}
    brand.made(paths[0], later, idempotency_key="k-1")
    assert brand.post(paths[1], later, idempotency_key="k-1").code == "idempotency_mismatch"


def test_a_refusal_is_the_same_refusal_again(brand: Client) -> None:
    body = {"email": "noa@example.com", "name": "Noa"}
    holder = brand.made("/v1/creators", body)
    first = brand.post("/v1/creators", body, idempotency_key="k-1")
    brand.patch(f"/v1/creators/{holder['id']}", {"email": "other@example.com"})
    again = brand.post("/v1/creators", body, idempotency_key="k-1")
    assert (first.status, again.status, again.text) == (409, 409, first.text)
    assert again.headers["content-type"] == "application/problem+json"


def test_a_body_that_could_not_be_read_uses_no_key_up(brand: Client) -> None:
    assert brand.post("/v1/programs", {"name": "Friends"}, idempotency_key="k-1").status == 400
    brand.made("/v1/programs", PROGRAM, idempotency_key="k-1")


def test_after_72_hours_a_key_is_new(brand: Client, clock: Clock) -> None:
    first = brand.made("/v1/programs", PROGRAM, idempotency_key="k-1")
    clock.pass_(timedelta(hours=72))
    assert brand.made("/v1/programs", PROGRAM, idempotency_key="k-1")["id"] != first["id"]


def test_that_something_has_changed_meanwhile_uses_no_key_up(brand: Client) -> None:
    """Nothing was done, and whoever has read it again asks with another version."""
    payouts = Client(APIS["payouts"], brand.key)
    for version, status in (("7", 412), ("0", 200)):
        got = payouts.post("/v1/payout_rails/csv/resume", idempotency_key="k-1", if_match=f'"{version}"')
        assert got.status == status


@pytest.mark.parametrize("key", ["", "x" * 256, "a b", "é", "a\tb"])
def test_what_is_no_key_is_refused(brand: Client, key: str) -> None:
    got = brand.post("/v1/programs", PROGRAM, idempotency_key=key)
    assert (got.status, got.code) == (400, "invalid_idempotency_key")


def test_a_request_that_is_still_running_is_told_to_wait(
    brand: Client, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(idempotency, "finish", dies)
        with pytest.raises(Crash):
            brand.post("/v1/programs", PROGRAM, idempotency_key="k-1")
    clock.pass_(idempotency.LEASE - timedelta(seconds=1))
    got = brand.post("/v1/programs", PROGRAM, idempotency_key="k-1")
    assert (got.status, got.code, got.headers["retry-after"]) == (409, "idempotency_running", "1")
    clock.pass_(timedelta(seconds=1))
    assert brand.post("/v1/programs", PROGRAM, idempotency_key="k-1").status == 201


def dies(*_: Any, **__: Any) -> None:
    raise Crash


def fails(*_: Any, **__: Any) -> None:
    raise ConnectionError("the answer is lost")


def test_our_own_failure_is_not_kept_and_can_be_tried_again_at_once(
    brand: Client, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(deployment.database, "commit", fails)
        assert brand.post("/v1/programs", PROGRAM, idempotency_key="k-1").status == 500
    got = brand.post("/v1/programs", PROGRAM, idempotency_key="k-1")
    assert got.status == 201
    assert "idempotent-replayed" not in got.headers


Creation = Callable[[Shop], tuple[str, dict[str, Any]]]


def tied(shop: Shop) -> dict[str, Any]:
    return {"program_id": shop.program, "creator_id": shop.creator}


CREATIONS: dict[str, Creation] = {
    "program": lambda _: ("/v1/programs", PROGRAM),
    "terms": lambda shop: (f"/v1/programs/{shop.program}/terms", {"hold_days": 7}),
    "terms later": lambda shop: (f"/v1/programs/{shop.program}/terms", {"effective_from": "2026-06-01T00:00:00Z"}),
    "creator": lambda shop: ("/v1/creators", {"email": "x@example.com", "name": "X", "program_ids": [shop.program]}),
    "link": lambda shop: ("/v1/links", tied(shop) | {"destination": DESTINATION, "slug": "chosen"}),
    "link without a slug": lambda shop: ("/v1/links", tied(shop) | {"destination": DESTINATION}),
    "code": lambda shop: ("/v1/codes", tied(shop) | {"code": "EXTRA"}),
    "connection": lambda _: ("/v1/connections", {"platform": "shopify", "secret": "s", "shop": "a.example"}),
    "key": lambda _: ("/v1/keys", {"name": "Extra", "scopes": ["links:read"]}),
}


@pytest.fixture
def everything(deployment: Deployment) -> Callable[[], list[str]]:
    def read() -> list[str]:
        stored = deployment.database.connection.scan(deployment.settings.main_table)["Items"]
        return sorted(f"{item['pk']['S']} / {item['sk']['S']}" for item in stored)

    return read


@pytest.mark.parametrize("name", CREATIONS)
def test_a_crash_between_the_effect_and_the_answer_creates_nothing_twice(
    brand: Client,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    everything: Callable[[], list[str]],
    name: str,
) -> None:
    path, body = CREATIONS[name](open_shop(brand))
    clock.pass_(timedelta(minutes=1))
    with monkeypatch.context() as patch:
        patch.setattr(idempotency, "finish", dies)
        with pytest.raises(Crash):
            brand.post(path, body, idempotency_key="k-1")
    after_the_crash = everything()
    clock.pass_(timedelta(hours=1))
    again = brand.post(path, body, idempotency_key="k-1")
    assert again.status == 201
    assert everything() == after_the_crash
    once_more = brand.post(path, body, idempotency_key="k-1")
    assert (once_more.status, once_more.text) == (201, again.text)
    assert once_more.headers["idempotent-replayed"] == "true"
    assert brand.post(path, body).text != again.text


@pytest.fixture
def tried(brand: Client, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, dict[str, Any]], None]:
    """Posts under `k-1` and dies between the effect and the answer."""

    def post(path: str, body: dict[str, Any]) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(idempotency, "finish", dies)
            with pytest.raises(Crash):
                brand.post(path, body, idempotency_key="k-1")

    return post


def test_terms_are_published_once_though_newer_ones_came_between(
    brand: Client, clock: Clock, tried: Callable[[str, dict[str, Any]], None]
) -> None:
    path = f"/v1/programs/{brand.made('/v1/programs', PROGRAM)['id']}/terms"
    first = {"hold_days": 7, "effective_from": "2026-05-04T12:00:10Z"}
    tried(path, first)
    clock.pass_(timedelta(minutes=1))
    brand.made(path, {"hold_days": 30})
    clock.pass_(timedelta(minutes=1))
    again = brand.made(path, first, idempotency_key="k-1")
    assert [again, 3, 2, 1] == [items(brand, path)[1], *(version["number"] for version in items(brand, path))]
    assert again["terms"]["hold_days"] == 7


def test_a_code_is_given_once_though_it_was_anothers_between(
    brand: Client, clock: Clock, tried: Callable[[str, dict[str, Any]], None]
) -> None:
    given = tied(open_shop(brand)) | {"code": "SUMMER"}
    tried("/v1/codes", given)
    (code,) = (code for code in items(brand, "/v1/codes") if code["code"] == "SUMMER")
    end = (f"/v1/codes/{code['id']}", {"status": "ended"})
    clock.pass_(timedelta(minutes=1))
    brand.patch(*end)
    brand.made("/v1/codes", given | {"creator_id": new_creator(brand, "dan")["id"]})
    clock.pass_(timedelta(minutes=1))
    ended = brand.patch(*end).body
    assert brand.made("/v1/codes", given, idempotency_key="k-1") == ended
    assert len(brand.made("/v1/codes", given, idempotency_key="k-2")["owners"]) == 3


def test_a_brand_is_not_made_twice(operator: Client, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(idempotency, "finish", dies)
        with pytest.raises(Crash):
            operator.post("/v1/brands", {"name": "Mugs"}, idempotency_key="k-1")
    clock.pass_(timedelta(hours=1))
    made = operator.made("/v1/brands", {"name": "Mugs"}, idempotency_key="k-1")
    assert operator.made("/v1/brands", {"name": "Mugs"}, idempotency_key="k-1") == made
    assert Client(operator.api, made["api_key"]).get("/v1/brand").body["id"] == made["id"]
    assert operator.made("/v1/brands", {"name": "Mugs"})["id"] != made["id"]


def test_an_answer_with_a_secret_is_not_kept(operator: Client, brand: Client, deployment: Deployment) -> None:
    made = brand.made("/v1/keys", {"name": "Extra", "scopes": ["links:read"]}, idempotency_key="k-1")
    operator.made("/v1/brands", {"name": "Cups"}, idempotency_key="k-1")
    kept = deployment.database.connection.scan(deployment.settings.figures_table)["Items"]
    assert len(kept) == 2
    assert all("answer" not in item for item in kept)
    again = brand.post("/v1/keys", {"name": "Extra", "scopes": ["links:read"]}, idempotency_key="k-1")
    assert (again.body, again.headers["idempotent-replayed"]) == (made, "true")


def test_what_is_kept_goes_by_itself(brand: Client, deployment: Deployment, clock: Clock) -> None:
    brand.made("/v1/programs", PROGRAM, idempotency_key="k-1")
    (item,) = deployment.database.connection.scan(deployment.settings.figures_table)["Items"]
    assert int(item["expires_at"]["N"]) == int((clock.now + timedelta(hours=72)).timestamp())
    assert item["pk"]["S"].startswith(f"{brand.brand_id}#IDEM#")

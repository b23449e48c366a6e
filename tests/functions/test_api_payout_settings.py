"""Payout settings and brands' own accounts at rails, over HTTP: strict, under their versions, secrets going in only."""

import io
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.fixtures import NOON, Clock
from tests.functions.client import Client
from tests.functions.conftest import APIS, NewBrand
from tests.rails.coins import LIVE
from vouch import telemetry
from vouch.domain.errors import NotFound, Unprocessable
from vouch.rails.registry import RAILS
from vouch.service import brands, payout_settings, rail_accounts
from vouch.service.deployment import Deployment
from vouch.service.payout_settings import CurrencyRules, DueRun
from vouch.store import rail_accounts as store
from vouch.store.tables import TABLES, Brand, RailAccount
from vouch.store.vault import Misplaced

ACCOUNT = {"client_id": "mugs", "client_secret": "canary-key", "webhook_secret": "canary-hook"}
SETTINGS, PATH = "/v1/payout_settings", "/v1/payout_rails/coins"


@pytest.fixture(autouse=True)
def rails(monkeypatch: pytest.MonkeyPatch) -> None:
    """One with an API, which needs an account, and one of files, which needs nothing."""
    modules = {"coins": "tests.rails.coins", "csv": "vouch.rails.csv_file"}
    monkeypatch.setattr(RAILS, "_modules", modules)


@pytest.fixture
def ours(brand: Client) -> Client:
    return Client(APIS["payouts"], brand.key, brand.brand_id)


def put(client: Client, path: str, body: Any, **headers: Any) -> Any:
    return client.send("PUT", path, body, **headers)


def set_up(client: Client, **settings: str | None) -> Any:
    return put(client, PATH, {"settings": ACCOUNT | settings})


def stored(deployment: Deployment, client: Client) -> RailAccount:
    return store.account(deployment.database, client.brand_id, "coins")


def whole(client: Client, deployment: Deployment) -> Brand:
    return brands.found(deployment, client.brand_id)


# --- settings ---------------------------------------------------------------------------------------------------------

MONTHLY = {"period": "month", "day": 31, "hour": 9}
FULL = {
    "time_zone": "Asia/Jerusalem",
    "tax_form_required": True,
    "currencies": {
        "ILS": {"minimum": 5000, "rail": "coins", "schedule": MONTHLY, "adjustment_limit": 100_000},
        "USD": {"schedule": {"period": "week", "weekday": "sunday"}},
    },
}


def test_a_brand_that_has_said_nothing_has_settings_that_say_nothing(ours: Client) -> None:
    got = ours.get(SETTINGS)
    assert (got.status, got.headers["etag"]) == (200, '"0"')
    assert got.body == {"time_zone": "UTC", "tax_form_required": False, "currencies": {}, "version": 0}


def test_settings_are_shown_as_they_were_said_with_the_next_run(ours: Client, deployment: Deployment) -> None:
    got = put(ours, SETTINGS, FULL)
    assert (got.status, got.headers["etag"]) == (200, '"1"')
    assert got.body == {
        "time_zone": "Asia/Jerusalem",
        "tax_form_required": True,
        "currencies": {
            "ILS": FULL["currencies"]["ILS"] | {"next_run_at": "2026-05-31T06:00:00Z"},  # type: ignore[index]
            "USD": {
                "minimum": None,
                "rail": None,
                "schedule": {"period": "week", "weekday": "sunday", "hour": 9},
                "adjustment_limit": None,
                "next_run_at": "2026-05-10T06:00:00Z",
            },
        },
        "version": 1,
    }
    assert ours.get(SETTINGS).body == got.body
    rules = payout_settings.of(deployment, whole(ours, deployment))
    assert rules.time_zone == "Asia/Jerusalem"
    assert rules.currency("ILS") == CurrencyRules(5000, "coins", 100_000, True, by_method=False)
    assert rules.currency("USD") == CurrencyRules(1, "csv", None, tax_form_required=True)
    emptied = put(ours, SETTINGS, {})
    assert emptied.body == {"time_zone": "UTC", "tax_form_required": False, "currencies": {}, "version": 2}
    assert payout_settings.of(deployment, whole(ours, deployment)).currency("ILS") == CurrencyRules()


def test_settings_of_one_brand_are_no_other_brands(ours: Client, new_brand: NewBrand, deployment: Deployment) -> None:
    put(ours, SETTINGS, FULL)
    other = new_brand("Cups")
    assert Client(APIS["payouts"], other.key).get(SETTINGS).body["version"] == 0
    assert payout_settings.of(deployment, whole(other, deployment)).named == {}
    assert payout_settings.due_runs(deployment, whole(other, deployment), NOON + timedelta(days=99)) == []


def test_settings_change_under_the_version_that_was_seen(ours: Client) -> None:
    unset = ours.get(SETTINGS).headers["etag"]
    for wrong in ('"1"', '"7"', "0", 'W/"0"', '"00"', "nonsense"):
        got = put(ours, SETTINGS, FULL, if_match=wrong)
        assert (got.status, got.code) == (412, "stale_version"), wrong
    assert ours.get(SETTINGS).body["version"] == 0
    assert put(ours, SETTINGS, FULL, if_match=unset).headers["etag"] == '"1"'
    assert put(ours, SETTINGS, {}, if_match=unset).code == "stale_version"
    assert put(ours, SETTINGS, {}, if_match='"1"').body["version"] == 2
    assert put(ours, SETTINGS, {}, if_match="*").body["version"] == 3


@pytest.mark.parametrize(
    "currency, said, code, param",
    [
        ("ILX", {}, "unknown_currency", "currencies.ILX"),
        ("ils", {}, "unknown_currency", "currencies.ils"),
        ("", {}, "unknown_currency", "currencies."),
        ("ILS", {"rail": "teleport"}, "rail_unknown", "currencies.ILS.rail"),
        ("EUR", {"rail": "coins"}, "rail_unfit_for_currency", "currencies.EUR.rail"),
    ],
)
def test_what_cannot_be_paid_like_that_is_refused(
    ours: Client, currency: str, said: dict[str, Any], code: str, param: str
) -> None:
    got = put(ours, SETTINGS, {"currencies": {"USD": {"rail": "coins"}, currency: said}})
    assert (got.status, got.code, got.body["param"]) == (422, code, param)
    assert ours.get(SETTINGS).body["version"] == 0


def schedule(**said: Any) -> dict[str, Any]:
    return {"currencies": {"ILS": {"schedule": said}}}


@pytest.mark.parametrize(
    "body, code, param",
    [
        ({"status": "paid"}, "unknown_field", "status"),
        ({"currencies": {"ILS": {"next_run_at": None}}}, "unknown_field", "currencies.ILS.next_run_at"),
        ({"time_zone": "Asia/Jeruzalem"}, "unknown_time_zone", "time_zone"),
        ({"tax_form_required": 1}, "wrong_type", "tax_form_required"),
        ({"currencies": {"ILS": {"minimum": 0}}}, "too_small", "currencies.ILS.minimum"),
        ({"currencies": {"ILS": {"minimum": 1.0}}}, "wrong_type", "currencies.ILS.minimum"),
        ({"currencies": {"ILS": {"minimum": 10**15}}}, "too_great", "currencies.ILS.minimum"),
        ({"currencies": {"ILS": {"adjustment_limit": -1}}}, "too_small", "currencies.ILS.adjustment_limit"),
        (schedule(period="day"), "not_one_of", "currencies.ILS.schedule.period"),
        (schedule(period="week"), "needs_field", "currencies.ILS.schedule.weekday"),
        (schedule(period="week", weekday="Monday"), "not_one_of", "currencies.ILS.schedule.weekday"),
        (schedule(period="week", weekday="monday", day=1), "needless_field", "currencies.ILS.schedule.day"),
        (schedule(period="month"), "needs_field", "currencies.ILS.schedule.day"),
        (schedule(period="month", day=1, weekday="monday"), "needless_field", "currencies.ILS.schedule.weekday"),
        (schedule(period="month", day=0), "too_small", "currencies.ILS.schedule.day"),
        (schedule(period="month", day=32), "too_great", "currencies.ILS.schedule.day"),
        (schedule(period="month", day=1, hour=24), "too_great", "currencies.ILS.schedule.hour"),
    ],
)
def test_settings_are_read_strictly(ours: Client, body: dict[str, Any], code: str, param: str) -> None:
    got = put(ours, SETTINGS, body)
    assert (got.status, [(each["code"], each["param"]) for each in got.body["errors"]]) == (400, [(code, param)])
    assert ours.get(SETTINGS).body["version"] == 0


# --- schedules --------------------------------------------------------------------------------------------------------


def due(deployment: Deployment, client: Client) -> list[DueRun]:
    brand = whole(client, deployment)
    return payout_settings.due_runs(deployment, brand, deployment.brand_now(brand))


def test_a_run_is_due_from_its_moment_until_the_next_and_never_for_what_was_before(
    ours: Client, deployment: Deployment, clock: Clock
) -> None:
    put(ours, SETTINGS, FULL)
    monthly = DueRun("ILS", "coins", NOON.replace(day=31, hour=6))
    weekly = [DueRun("USD", None, NOON.replace(day=day, hour=6)) for day in (10, 17, 24, 31)]
    assert due(deployment, ours) == [], "1 May and Sunday, 3 May, lie before the settings"
    clock.now = NOON.replace(day=10, hour=5, minute=59)
    assert due(deployment, ours) == []
    clock.now = NOON.replace(day=10, hour=6)
    assert due(deployment, ours) == weekly[:1]
    clock.now = NOON.replace(day=30)
    assert due(deployment, ours) == [weekly[2]], "of those that were missed the latest alone"
    clock.now = NOON.replace(day=31, hour=6)
    assert due(deployment, ours) == [monthly, weekly[3]]
    assert ours.get(SETTINGS).body["currencies"]["ILS"]["next_run_at"] == "2026-06-30T06:00:00Z"
    assert put(ours, SETTINGS, {}).status == 200
    assert due(deployment, ours) == []


def test_only_another_schedule_begins_anew(ours: Client, deployment: Deployment, clock: Clock) -> None:
    put(ours, SETTINGS, FULL)
    clock.now = NOON.replace(day=31)
    before = due(deployment, ours)
    assert [run.currency for run in before] == ["ILS", "USD"]
    more = FULL | {"tax_form_required": False, "currencies": {**FULL["currencies"], "EUR": {}}}  # type: ignore[dict-item]
    put(ours, SETTINGS, more)
    assert due(deployment, ours) == before, "the same schedules go on"
    earlier = {**FULL["currencies"], "ILS": {"rail": "csv", "schedule": MONTHLY | {"hour": 8}}}  # type: ignore[dict-item]
    put(ours, SETTINGS, FULL | {"currencies": earlier})
    assert due(deployment, ours) == before[1:], "8 o'clock was before anybody said so"
    moved = FULL | {"time_zone": "America/New_York", "currencies": earlier}
    put(ours, SETTINGS, moved)
    assert due(deployment, ours) == [], "the Sunday before, at 9 o'clock there, was nobody's"
    clock.pass_(timedelta(hours=1))
    assert due(deployment, ours) == [DueRun("USD", None, NOON.replace(day=31, hour=13))]


def test_schedules_go_by_a_test_brands_own_clock(new_brand: NewBrand, deployment: Deployment) -> None:
    brand = new_brand(mode="test")
    ours = Client(APIS["payouts"], brand.key, brand.brand_id)
    ours.post("/v1/test_clock", {"now": "2026-07-04T12:00:00Z"})
    assert put(ours, SETTINGS, FULL).body["currencies"]["ILS"]["next_run_at"] == "2026-07-31T06:00:00Z"
    assert due(deployment, ours) == []
    ours.post("/v1/test_clock", {"now": "2026-07-31T06:00:00Z"})
    assert due(deployment, ours)[-1] == DueRun("ILS", "coins", NOON.replace(month=7, day=31, hour=6))


# --- accounts at rails ------------------------------------------------------------------------------------------------


def test_every_rail_is_listed_with_where_it_is_to_call_back(ours: Client, new_brand: NewBrand) -> None:
    nothing: dict[str, Any] = {"reason": None, "paused_at": None, "settings": {}, "secrets": [], "version": 0}
    callback = f"https://go.test/rails/coins/{ours.brand_id}"
    assert ours.get("/v1/payout_rails").body == {
        "items": [
            nothing | {"rail": "coins", "status": "not_set_up", "callback_url": callback},
            nothing | {"rail": "csv", "status": "active", "callback_url": None},
        ]
    }
    made = set_up(ours, environment="sandbox")
    assert (made.status, made.headers["etag"]) == (200, '"1"')
    assert made.body == {
        "rail": "coins",
        "status": "active",
        "reason": None,
        "paused_at": None,
        "settings": {"client_id": "mugs", "environment": "sandbox"},
        "secrets": ["client_secret", "webhook_secret"],
        "callback_url": callback,
        "version": 1,
    }
    assert ours.get(PATH).body == made.body
    assert ours.get("/v1/payout_rails").body["items"][0] == made.body
    other = Client(APIS["payouts"], new_brand("Cups").key)
    assert other.get(PATH).body["status"] == "not_set_up"
    assert (other.delete(PATH).status, other.delete(PATH).code) == (404, "not_found")


def test_all_settings_are_sealed_for_their_brand(ours: Client, deployment: Deployment, new_brand: NewBrand) -> None:
    set_up(ours)
    item = stored(deployment, ours)
    everything = ACCOUNT | {"environment": "live"}
    assert item.sealed == f"sealed:{ours.brand_id}:rail_account:coins:{json.dumps(everything, sort_keys=True)}"
    assert rail_accounts.opened(deployment, ours.brand_id, "coins") == everything
    other = new_brand("Cups")
    item.pk = other.brand_id
    item.save()
    with pytest.raises(Misplaced):
        rail_accounts.opened(deployment, other.brand_id, "coins")


def test_no_secret_is_shown_stored_in_clear_or_logged(
    ours: Client, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = io.StringIO()
    monkeypatch.setattr(telemetry.logger().registered_handler, "stream", written)
    monkeypatch.setattr(deployment.vault, "seal", lambda _, text: text.encode().hex())
    monkeypatch.setattr(deployment.vault, "open", lambda _, sealed: bytes.fromhex(sealed).decode())
    answers = [
        set_up(ours),
        set_up(ours, environment="canary-mars"),
        set_up(ours, canary="canary-nothing"),
        set_up(ours, webhook_secret="canary-hook-2", client_id=None),
        put(ours, PATH, {"settings": {"client_id": ["canary-list"]}}),
        put(ours, PATH, {"settings": {"client_id": "mugs", "client_secret": "canary" * 400}}),
        put(ours, PATH, {"settings": {"client_id": "mugs"}, "canary": 1}),
        put(ours, PATH, {"settings": {"client_id": "mugs"}}),
        ours.post(f"{PATH}/resume"),
        ours.get(PATH),
        ours.get("/v1/payout_rails"),
        ours.delete(PATH),
    ]
    assert [got.status for got in answers] == [200, 422, 422, 422, 400, 400, 400, 200, 200, 200, 200, 200]
    named = {"settings.canary", "canary"}  # what a caller called a setting is named to that caller
    for got in answers:
        told = got.text
        for name in named:
            told = told.replace(f'"{name}"', "").replace(f"`{name}`", "")
        assert "canary" not in told
    assert set_up(ours).status == 200
    items = [item.serialize() for table in TABLES for item in table.scan()]
    assert len(items) > 2
    assert "canary" not in json.dumps(items, default=str)
    assert len(written.getvalue().splitlines()) >= len(answers)
    assert "canary" not in written.getvalue()


def test_secrets_that_are_left_out_stay_and_null_takes_one_away(ours: Client, deployment: Deployment) -> None:
    set_up(ours)
    got = put(ours, PATH, {"settings": {"client_id": "cups"}})
    assert (got.body["settings"], got.body["secrets"]) == (
        {"client_id": "cups", "environment": "live"},
        ["client_secret", "webhook_secret"],
    )
    assert rail_accounts.opened(deployment, ours.brand_id, "coins") == ACCOUNT | {
        "client_id": "cups",
        "environment": "live",
    }
    new = put(ours, PATH, {"settings": {"client_id": "mugs", "client_secret": "another", "webhook_secret": None}})
    assert new.body["secrets"] == ["client_secret"]
    assert rail_accounts.opened(deployment, ours.brand_id, "coins") == {
        "client_id": "mugs",
        "client_secret": "another",
        "environment": "live",
    }
    gone = put(ours, PATH, {"settings": {"client_id": "mugs", "client_secret": None}})
    assert (gone.status, gone.code, gone.body["param"]) == (422, "rail_secret_missing", "settings.client_secret")
    assert ours.get(PATH).body["version"] == 3


@pytest.mark.parametrize(
    "elsewhere", [{"api_base_url": "https://evil.example"}, {"environment": "sandbox"}, {"api_base_url": LIVE + "/v2"}]
)
def test_a_secret_goes_to_no_address_but_the_one_that_it_was_given_for(
    ours: Client, deployment: Deployment, elsewhere: dict[str, str]
) -> None:
    set_up(ours)
    got = put(ours, PATH, {"settings": {"client_id": "mugs"} | elsewhere})
    assert (got.status, got.code, got.body["param"]) == (422, "rail_secret_missing", "settings.client_secret")
    assert rail_accounts.opened(deployment, ours.brand_id, "coins") == ACCOUNT | {"environment": "live"}
    given = {"client_id": "mugs", "client_secret": "for there"} | elsewhere
    moved = put(ours, PATH, {"settings": given})
    assert moved.body["secrets"] == ["client_secret"], "the other one was given for the address before"
    assert rail_accounts.opened(deployment, ours.brand_id, "coins") == {"environment": "live"} | given
    same = put(ours, PATH, {"settings": {"client_id": "mugs"} | elsewhere})
    assert same.body["secrets"] == ["client_secret"], "nothing moves, so it stays"


@pytest.mark.parametrize(
    "settings, code, param",
    [
        ({"client_id": "mugs"}, "rail_secret_missing", "settings.client_secret"),
        ({}, "rail_setting_missing", "settings.client_id"),
        (ACCOUNT | {"clientid": "x"}, "rail_setting_unknown", "settings.clientid"),
        (ACCOUNT | {"environment": "mars"}, "rail_setting_not_valid", "settings.environment"),
        (ACCOUNT | {"api_base_url": "http://127.0.0.1:9000"}, "address_not_allowed", "settings.api_base_url"),
        (ACCOUNT | {"api_base_url": "https://169.254.169.254"}, "address_not_allowed", "settings.api_base_url"),
        (ACCOUNT | {"api_base_url": "https://a.example/?q="}, "address_not_allowed", "settings.api_base_url"),
        (ACCOUNT | {"api_base_url": "https://me@a.example"}, "address_not_allowed", "settings.api_base_url"),
    ],
)
def test_a_rails_refusal_of_a_setting_names_it(ours: Client, settings: dict[str, str], code: str, param: str) -> None:
    got = put(ours, PATH, {"settings": settings})
    assert (got.status, got.code, got.body["param"]) == (422, code, param)
    assert ours.get(PATH).body["version"] == 0


_PAYPAL = {"client_id": "mugs", "client_secret": "secret"}
_STRIPE = {"account": "acct_1032D82eZvKYlo2C"}


@pytest.mark.parametrize(
    "rail, settings, live",
    [
        ("paypal", _PAYPAL, True),
        ("paypal", _PAYPAL | {"sandbox": "true"}, False),
        ("paypal", _PAYPAL | {"sandbox": "true", "api_base_url": "https://API-m.paypal.com"}, True),
        ("paypal", _PAYPAL | {"api_base_url": "https://api-m.sandbox.paypal.com"}, False),
        ("paypal", _PAYPAL | {"sandbox": "true", "api_base_url": "https://coins.example"}, False),
        ("stripe_connect", _STRIPE | {"secret_key": "sk_live_1"}, True),
        ("stripe_connect", _STRIPE | {"secret_key": "rk_live_1"}, True),
        ("stripe_connect", _STRIPE | {"secret_key": "rk_test_1"}, False),
    ],
)
def test_a_test_brand_pays_by_a_sandbox_and_a_live_one_by_a_live_account(
    new_brand: NewBrand, monkeypatch: pytest.MonkeyPatch, rail: str, settings: dict[str, str], live: bool
) -> None:
    monkeypatch.setitem(RAILS._modules, rail, f"vouch.rails.{rail}")
    path, codes = f"/v1/payout_rails/{rail}", dict[str, str | None]()
    for mode in ("live", "test"):
        brand = new_brand(mode, mode=mode)
        client = Client(APIS["payouts"], brand.key, brand.brand_id)
        got = put(client, path, {"settings": settings})
        codes[mode] = got.code if got.status == 422 else None
        assert (got.status == 200) == (client.get(path).body["version"] == 1)
    wrong, code = ("test", "live_account_in_test_brand") if live else ("live", "sandbox_account_in_live_brand")
    assert codes == {"live": None, "test": None} | {wrong: code}


def test_where_all_is_local_a_live_brand_takes_a_sandbox_and_a_test_brand_still_no_live_account(
    new_brand: NewBrand, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(RAILS._modules, "paypal", "vouch.rails.paypal")
    deployment.settings = replace(deployment.settings, public_url="http://localhost:4566")
    for mode, sandbox, status in (("live", "true", 200), ("live", "false", 200), ("test", "false", 422)):
        brand = new_brand(mode + sandbox, mode=mode)
        client = Client(APIS["payouts"], brand.key, brand.brand_id)
        got = put(client, "/v1/payout_rails/paypal", {"settings": _PAYPAL | {"sandbox": sandbox}})
        assert got.status == status


def test_where_all_is_local_a_stand_in_may_be(ours: Client, deployment: Deployment) -> None:
    deployment.settings = replace(deployment.settings, public_url="http://localhost:4566")
    assert set_up(ours, api_base_url="http://127.0.0.1:9000").status == 200
    assert set_up(ours, api_base_url="http://10.0.0.1").code == "address_not_allowed"


def test_more_than_can_be_sealed_at_once_is_refused(ours: Client) -> None:
    whole = ACCOUNT | {"environment": "live", "client_id": "x" * 2000, "client_secret": "x" * 1900}
    room = rail_accounts.BYTES_MAX - len(json.dumps(whole | {"webhook_secret": ""}))
    assert put(ours, PATH, {"settings": whole | {"webhook_secret": "x" * room}}).status == 200
    for more in ("x" * (room + 1), "ש" * room):
        got = put(ours, PATH, {"settings": whole | {"webhook_secret": more}})
        assert (got.status, got.code, got.body["param"]) == (413, "too_large", "settings")


def test_accounts_change_under_the_version_that_was_seen(ours: Client) -> None:
    body = {"settings": ACCOUNT}
    assert put(ours, PATH, body, if_match='"1"').code == "stale_version"
    assert put(ours, PATH, body, if_match='"0"').status == 200
    for got in (
        put(ours, PATH, body, if_match='"0"'),
        ours.send("DELETE", PATH, if_match='"2"'),
        ours.post(f"{PATH}/resume", if_match="x"),
    ):
        assert (got.status, got.code) == (412, "stale_version")
    assert ours.send("DELETE", PATH, if_match='"1"').body["status"] == "not_set_up"
    assert put(ours, PATH, body, if_match='"1"').code == "stale_version", "what follows a removal is no version 1 again"
    assert put(ours, PATH, body, if_match='"2"').body["version"] == 3


def test_an_account_that_was_removed_is_nowhere_any_more(ours: Client, deployment: Deployment) -> None:
    set_up(ours)
    got = ours.delete(PATH)
    assert (got.status, got.body["status"], got.body["secrets"], got.body["settings"]) == (200, "not_set_up", [], {})
    assert not stored(deployment, ours).sealed
    with pytest.raises(Unprocessable, match="rail_not_set_up"):
        rail_accounts.opened(deployment, ours.brand_id, "coins")
    again = put(ours, PATH, {"settings": {"client_id": "mugs"}})
    assert (again.code, again.body["param"]) == ("rail_secret_missing", "settings.client_secret")


def test_a_rail_that_needs_nothing_is_open_without_an_account(ours: Client, deployment: Deployment) -> None:
    account = rail_accounts.account(deployment, ours.brand_id, "csv")
    assert (account.settings, account.version, account.paused) == ({}, 0, None)
    with pytest.raises(Unprocessable, match="rail_not_set_up"):
        rail_accounts.opened(deployment, ours.brand_id, "coins")
    with pytest.raises(NotFound):
        rail_accounts.opened(deployment, ours.brand_id, "teleport")


@pytest.mark.parametrize("rail", ["teleport", "CSV", "coins%20", "x" * 300, "RAIL#coins"])
def test_rails_that_there_are_not_are_absent(ours: Client, rail: str) -> None:
    path = f"/v1/payout_rails/{rail}"
    for got in (ours.get(path), put(ours, path, {"settings": {}}), ours.delete(path), ours.post(f"{path}/resume")):
        assert (got.status, got.code) == (404, "not_found")


def test_an_account_is_another_one_by_its_address_and_its_owner_and_not_by_its_keys(
    ours: Client, deployment: Deployment
) -> None:
    def identity() -> str:
        return rail_accounts.account(deployment, ours.brand_id, "coins").identity

    set_up(ours)
    first = identity()
    for same in ({"client_secret": "rolled"}, {"webhook_secret": "new"}, {"webhook_secret": None}):
        set_up(ours, **same)
        assert identity() == first
    others = set()
    for other in ({"client_id": "cups"}, {"environment": "sandbox"}, {"api_base_url": "https://coins.test.example"}):
        set_up(ours, **other)
        others.add(identity())
    assert len(others | {first}) == 4
    set_up(ours)
    assert identity() == first, "whoever comes back to it can be asked again"


def test_an_open_account_shows_nothing_of_its_settings_where_it_is_printed(
    ours: Client, deployment: Deployment
) -> None:
    set_up(ours)
    assert "canary" not in repr(rail_accounts.account(deployment, ours.brand_id, "coins"))


# --- paused -----------------------------------------------------------------------------------------------------------


def test_a_rail_is_paused_and_resumed(ours: Client, deployment: Deployment, clock: Clock) -> None:
    set_up(ours)
    clock.pass_(timedelta(minutes=5))
    account = rail_accounts.account(deployment, ours.brand_id, "coins")
    for reason in ("insufficient_funds", "wrong_key"):
        rail_accounts.pause(deployment, ours.brand_id, "coins", version=account.version, reason=reason)
    got = ours.get(PATH).body
    assert (got["status"], got["reason"], got["paused_at"], got["version"]) == (
        "paused",
        "insufficient_funds",
        "2026-05-04T12:05:00Z",
        2,
    )
    assert rail_accounts.account(deployment, ours.brand_id, "coins").paused == "insufficient_funds"
    assert set_up(ours).body["status"] == "paused", "settings alone fill no account"
    resumed = ours.post(f"{PATH}/resume")
    assert (resumed.status, resumed.body["status"]) == (200, "active")
    assert (resumed.body["reason"], resumed.body["paused_at"], resumed.body["version"]) == (None, None, 4)
    assert rail_accounts.account(deployment, ours.brand_id, "coins").paused is None
    assert ours.post(f"{PATH}/resume").body == resumed.body, "nothing to resume is no change"
    assert ours.post(f"{PATH}/resume", if_match='"3"').code == "stale_version"


def test_what_a_rail_said_of_an_account_that_is_another_by_now_pauses_nothing(
    ours: Client, deployment: Deployment
) -> None:
    set_up(ours)
    seen = rail_accounts.account(deployment, ours.brand_id, "coins").version

    def pause() -> str:
        rail_accounts.pause(deployment, ours.brand_id, "coins", version=seen, reason="insufficient_funds")
        return str(ours.get(PATH).body["status"])

    assert pause() == "paused"
    assert ours.post(f"{PATH}/resume").status == 200
    assert pause() == "active"
    seen = rail_accounts.account(deployment, ours.brand_id, "coins").version
    assert set_up(ours).status == 200
    assert pause() == "active"


def test_a_removed_account_is_not_paused_once_it_is_back(ours: Client, deployment: Deployment) -> None:
    set_up(ours)
    rail_accounts.pause(deployment, ours.brand_id, "coins", version=1, reason="insufficient_funds")
    assert ours.delete(PATH).body["status"] == "not_set_up"
    assert set_up(ours).body["status"] == "active"


def test_only_what_is_set_up_can_be_resumed(ours: Client) -> None:
    got = ours.post(f"{PATH}/resume")
    assert (got.status, got.code) == (422, "rail_not_set_up")
    assert ours.post("/v1/payout_rails/csv/resume").body["status"] == "active"

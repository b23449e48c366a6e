"""Payout methods and payees over HTTP: destinations go in, are checked and sealed, and never come out."""

import base64
import io
import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path
from typing import Any, override

import boto3
import pytest

from tests.books import was_paid
from tests.fixtures import Clock, MemoryVault
from tests.functions.client import Answer, Client
from tests.functions.conftest import APIS, NewBrand
from tests.functions.setting_up import new_creator
from tests.tables import REGION
from vouch import telemetry
from vouch.domain import ids, times
from vouch.domain.errors import NotFound
from vouch.domain.payouts import CHANGE_HOLD, Destination, Gates, Payee, obstacle
from vouch.service import brands, payees
from vouch.service.creators import FORMER_EMAILS_KEPT, FORMER_EMAILS_MAX
from vouch.service.deployment import Deployment
from vouch.store import payout_settings
from vouch.store.tables import PayoutMethod
from vouch.store.vault import Misplaced, Owner

PAYPAL = {"type": "paypal", "email": "Noa.Levi@Example.com"}
STRIPE = {"type": "stripe", "account": "acct_1032D82eZvKYlo2C"}
IBAN = {"type": "iban", "holder": "Noa Levi", "iban": "IL62 0108 0000 0009 9999 999"}
IL_BANK = {"type": "il_bank", "holder": "נועה לוי", "bank": "12", "branch": "571", "account": "04111-6"}
EACH = [
    (PAYPAL, Destination("paypal", "", {"email": "noa.levi@example.com"}), "n•••@example.com"),
    (STRIPE, Destination("stripe", "", {"account": "acct_1032D82eZvKYlo2C"}), "acct_•••• lo2C"),
    (IBAN, Destination("iban", "Noa Levi", {"iban": "IL620108000000099999999", "bic": ""}), "IL •••• 9999"),
    (
        IL_BANK,
        Destination("il_bank", "נועה לוי", {"bank": "12", "branch": "571", "account": "000041116", "holder_id": ""}),
        "12 •••• 16",
    ),
]


class Safe(MemoryVault):
    """A vault from whose texts nobody reads what they hold."""

    @override
    def seal(self, owner: Owner, text: str) -> str:
        return base64.b64encode(super().seal(owner, text).encode()).decode()

    @override
    def open(self, owner: Owner, sealed: str) -> str:
        return super().open(owner, base64.b64decode(sealed).decode())


@pytest.fixture
def noa(brand: Client) -> str:
    made: str = new_creator(brand)["id"]
    return made


def books(brand: Client) -> Client:
    return Client(APIS["payouts"], brand.key, brand.brand_id)


def put(brand: Client, creator_id: str, body: Any, what: str = "payout_method", **headers: Any) -> Answer:
    return books(brand).send("PUT", f"/v1/creators/{creator_id}/{what}", body, **headers)


def hold(brand: Client, creator_id: str, body: Any, **headers: Any) -> Answer:
    return books(brand).send("PATCH", f"/v1/creators/{creator_id}/payee", body, **headers)


def get(brand: Client, creator_id: str, what: str = "payout_method") -> Answer:
    return books(brand).get(f"/v1/creators/{creator_id}/{what}")


def stored(deployment: Deployment, brand: Client, creator_id: str) -> PayoutMethod:
    found = deployment.database.get(PayoutMethod, f"{brand.brand_id}#C#{creator_id}", "PM")
    assert found is not None
    return found


def blocked(deployment: Deployment, brand: Client, creator_id: str, **gates: Any) -> str | None:
    """Why a run would leave the creator out now."""
    now = deployment.brand_now(brands.found(deployment, brand.brand_id))
    known = payees.profile(deployment, brand.brand_id, creator_id).payee
    return obstacle(known, Gates(**gates), now, payout_settings.settings(deployment.database, brand.brand_id).time_zone)


# --- methods ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("said, to, shown", EACH)
def test_a_method_is_set_sealed_and_shown_by_its_end(
    brand: Client, noa: str, deployment: Deployment, said: Any, to: Destination, shown: str
) -> None:
    nothing = get(brand, noa)
    assert (nothing.status, nothing.code) == (404, "payout_method_missing")
    answer = put(brand, noa, said)
    assert (answer.status, answer.headers["etag"]) == (200, '"1"')
    assert (
        answer.body
        == get(brand, noa).body
        == {
            "type": to.kind,
            "holder": to.holder or None,
            "shown": shown,
            "changed_at": None,
            "on_hold_until": None,
            "version": 1,
        }
    )
    known = payees.profile(deployment, brand.brand_id, noa)
    assert known.method is not None
    assert (known.creator.id, known.payee, known.method.kind, known.method.shown) == (
        noa,
        Payee(),
        to.kind,
        shown,
    )
    assert payees.destination(deployment, brand.brand_id, noa, known.method.sealed) == to


def test_the_page_for_brands_shows_what_is_answered(brand: Client, noa: str) -> None:
    page = (Path(__file__).parents[2] / "docs/payout-methods.md").read_text()
    examples = re.findall(r"^\{(?:.*\}|\n[^}]*\n\})$", page, re.MULTILINE)
    said, answered, held, note = (json.loads(found) for found in examples)
    assert put(brand, noa, said).body == answered
    noted = put(brand, noa, note, "payee").body
    assert {name: noted[name] for name in note if name != "tax_id"} | {"tax_id": "039337423"} == note
    assert hold(brand, noa, held).body == noted | held | {"version": 2}


def test_what_is_sealed_opens_for_its_own_creator_only(brand: Client, noa: str, deployment: Deployment) -> None:
    put(brand, noa, IBAN)
    sealed = stored(deployment, brand, noa).sealed
    for brand_id, creator_id in (
        (ids.derived("brd_", "another"), noa),
        (brand.brand_id, ids.derived("cre_", "another")),
    ):
        with pytest.raises(Misplaced, match=f"not sealed as the payout_method of {creator_id} of {brand_id}"):
            payees.destination(deployment, brand_id, creator_id, sealed)


def test_a_tax_id_is_that_creators_and_no_destination(brand: Client, noa: str, deployment: Deployment) -> None:
    put(brand, noa, {"held": False, "withholding_bps": 0, "country": "IL", "tax_id": "039337423"}, "payee")
    sealed = payees.noted(deployment, brands.found(deployment, brand.brand_id), noa).tax_id
    assert deployment.vault.open(Owner(brand.brand_id, "tax_id", noa), sealed) == "039337423"
    for owner in (
        Owner(brand.brand_id, "tax_id", ids.derived("cre_", "x")),
        Owner(brand.brand_id, "payout_method", noa),
    ):
        with pytest.raises(Misplaced):
            deployment.vault.open(owner, sealed)


def test_nothing_of_a_destination_is_kept_or_logged_but_sealed(
    brand: Client, noa: str, deployment: Deployment, monkeypatch: pytest.MonkeyPatch, dynamodb_endpoint: str
) -> None:
    """Whoever reads all tables and the log of all requests, refused ones included, finds no account and no tax id."""
    written = io.StringIO()
    monkeypatch.setattr(telemetry.logger().registered_handler, "stream", written)
    monkeypatch.setattr(deployment, "vault", Safe())
    tax = {"held": False, "withholding_bps": 0, "country": "IL", "tax_id": "canary-987654321"}
    said = [
        IBAN,
        IL_BANK | {"holder_id": "039337423"},
        STRIPE,
        {"type": "paypal", "email": "canary@pay.example"},
        IBAN,
        IBAN | {"iban": "IL62 0108 0000 0009 9999 998"},
        IBAN | {"iban": "IL620108000000099999999", "account": "041116"},
        IL_BANK | {"account": "041117"},
        IL_BANK | {"holder": "Noa\n041116"},
        IL_BANK | {"holder_id": "039337424"},
        {"type": "paypal", "email": "canary at pay.example"},
        STRIPE | {"account": "1032D82eZvKYlo2C"},
        {"type": "canary-987654321"},
        {"canary-987654321": "041116"},
    ]
    answers = [put(brand, noa, each) for each in said]
    answers += [put(brand, noa, each, "payee") for each in (tax, tax | {"tax_id": "canary-987654321" * 10})]
    assert {answer.status for answer in answers} == {200, 400, 422}
    answers += [get(brand, noa), get(brand, noa, "payee")]
    assert answers[-1].body["tax_id_shown"] == "•••• 4321"
    client = boto3.client("dynamodb", endpoint_url=dynamodb_endpoint, region_name=REGION)
    tables = [name for setting, name in asdict(deployment.settings).items() if setting.endswith("_table")]
    assert len(tables) == 5
    kept = json.dumps([client.scan(TableName=name)["Items"] for name in tables], default=str, ensure_ascii=False)
    assert noa in kept
    assert base64.b64encode(f"sealed:{brand.brand_id}".encode()).decode()[:36] in kept, "or nothing was sealed"
    assert noa not in written.getvalue()
    assert len(written.getvalue().splitlines()) >= len(answers)
    canaries = [r"9{7}", r"0108 ?0000", "1032D82eZvKY", "canary@", "canary at", "9337423", "9337424"]
    alone = [rf"(?<!\w){account}(?!\w)" for account in ("0?41116", "0?41117")]  # so short that an id may have it
    for canary in (*canaries, *alone, "987654321"):
        assert not re.search(canary, kept), canary
        assert not re.search(canary, written.getvalue()), canary
        refusals = [answer.text for answer in answers if canary != "987654321" or answer.status != 400]
        assert not any(re.search(canary, text) for text in refusals), canary


def test_the_same_again_is_no_change_however_it_is_written(
    brand: Client, noa: str, deployment: Deployment, clock: Clock
) -> None:
    first = put(brand, noa, IBAN).body
    sealed = stored(deployment, brand, noa).sealed
    clock.pass_(timedelta(days=1))
    again = [IBAN, IBAN | {"iban": "il620108000000099999999", "bic": None}, IBAN | {"holder": " Noá  Levi"}]
    for said in again:
        assert put(brand, noa, said).body == first
    assert stored(deployment, brand, noa).sealed == sealed
    changed = put(brand, noa, PAYPAL).body
    clock.pass_(timedelta(hours=1))
    assert put(brand, noa, PAYPAL | {"email": "noa.levi@example.com"}).body == changed
    assert changed["version"] == 2


@pytest.mark.parametrize(
    "other",
    [
        IBAN | {"iban": "GB29 NWBK 6016 1331 9268 19"},
        IBAN | {"bic": "LUMIILIT"},
        IBAN | {"holder": "Dan Levi"},
        PAYPAL,
    ],
)
def test_a_changed_destination_waits_for_three_days_and_not_a_moment_longer(
    new_brand: NewBrand, deployment: Deployment, other: Any
) -> None:
    brand = new_brand(mode="test")
    noa = new_creator(brand)["id"]
    put(brand, noa, IBAN)
    assert blocked(deployment, brand, noa) is None, "the first one does not wait"
    began = deployment.brand_now(brands.found(deployment, brand.brand_id))
    changed = put(brand, noa, other).body
    end = began + CHANGE_HOLD
    assert (changed["changed_at"], changed["on_hold_until"]) == (times.short(began), times.short(end))
    assert blocked(deployment, brand, noa) == "payout_method_on_hold"
    books(brand).post("/v1/test_clock", {"now": times.text(end - timedelta(microseconds=1))})
    assert blocked(deployment, brand, noa) == "payout_method_on_hold"
    assert get(brand, noa).body == changed
    books(brand).post("/v1/test_clock", {"now": times.text(end)})
    assert blocked(deployment, brand, noa) is None
    assert get(brand, noa).body == changed | {"on_hold_until": None}


def test_the_first_method_of_a_creator_who_was_paid_before_is_a_change(
    brand: Client, noa: str, deployment: Deployment, clock: Clock
) -> None:
    """Who was paid by their address would be paid somewhere else at once."""
    was_paid(deployment, brand.brand_id, noa)
    first = put(brand, noa, IBAN).body
    assert first["on_hold_until"] == times.short(deployment.now() + CHANGE_HOLD)
    assert blocked(deployment, brand, noa) == "payout_method_on_hold"
    assert stored(deployment, brand, noa).replaced is None
    other = new_creator(brand, "dana")["id"]
    put(brand, other, PAYPAL)
    assert blocked(deployment, brand, other) is None, "what another was paid says nothing"
    clock.pass_(CHANGE_HOLD)
    assert blocked(deployment, brand, noa) is None


@pytest.mark.parametrize("came_back", [True, False])
def test_the_first_method_of_a_creator_whose_payout_came_back_is_a_change_too(
    brand: Client, noa: str, deployment: Deployment, came_back: bool
) -> None:
    """The list told the brand to pay to the address, and it did; what the bank refused was paid to nobody."""
    api = books(brand)
    given = {"creator_id": noa, "amount": 500, "currency": "ILS", "reason": "Earned elsewhere"}
    api.made("/v1/adjustments", given, idempotency_key="a1")
    run = api.made("/v1/payout_runs", {"rail": "csv"}, idempotency_key="r1")
    [payout] = api.get("/v1/payouts", run_id=run["id"]).body["items"]
    if came_back:
        assert api.post(f"/v1/payouts/{payout['id']}/settle", {"reference": "TRX 1"}).status == 200
    ended = api.post(f"/v1/payouts/{payout['id']}/fail", {"reason": "The account is closed"})
    assert ended.body["status"] == ("returned" if came_back else "failed")
    first = put(brand, noa, IBAN).body
    end = times.short(deployment.now() + CHANGE_HOLD) if came_back else None
    assert first["on_hold_until"] == end
    assert blocked(deployment, brand, noa) == ("payout_method_on_hold" if came_back else None)


def test_while_there_is_no_method_a_changed_address_waits_likewise(new_brand: NewBrand, deployment: Deployment) -> None:
    """A list to pay from names it, and it may be all that says whom to pay."""
    brand = new_brand(mode="test")
    noa = new_creator(brand)["id"]
    assert blocked(deployment, brand, noa) is None
    began = deployment.brand_now(brands.found(deployment, brand.brand_id))
    for email in ("noa@new.example", "thief@example.com"):
        began += timedelta(hours=10)
        books(brand).post("/v1/test_clock", {"now": times.text(began)})
        assert moved(brand, noa, email).status == 200
        assert blocked(deployment, brand, noa) == "payout_method_on_hold"
    books(brand).post("/v1/test_clock", {"now": times.text(began + CHANGE_HOLD - timedelta(microseconds=1))})
    assert blocked(deployment, brand, noa) == "payout_method_on_hold"
    books(brand).post("/v1/test_clock", {"now": times.text(began + CHANGE_HOLD)})
    assert blocked(deployment, brand, noa) is None
    put(brand, noa, PAYPAL)
    moved(brand, noa, "noa@example.com")
    assert blocked(deployment, brand, noa) is None, "what is paid to is the method"


def test_going_back_within_the_hold_is_a_change_of_its_own(
    brand: Client, noa: str, deployment: Deployment, clock: Clock
) -> None:
    put(brand, noa, IBAN)
    put(brand, noa, PAYPAL)
    clock.pass_(timedelta(hours=71))
    back = put(brand, noa, IBAN).body
    assert (back["version"], back["on_hold_until"]) == (3, times.short(deployment.now() + CHANGE_HOLD))
    clock.pass_(timedelta(hours=71))
    assert blocked(deployment, brand, noa) == "payout_method_on_hold"
    replaced = stored(deployment, brand, noa).replaced
    assert replaced[::2] == ["paypal", "n•••@example.com"]
    assert payees.destination(deployment, brand.brand_id, noa, replaced[1]) == EACH[0][1]


def test_a_method_changes_five_times_in_three_days_and_no_row_of_mails_hides_one(
    new_brand: NewBrand, deployment: Deployment
) -> None:
    brand = new_brand(mode="test")
    noa = new_creator(brand)["id"]
    began = deployment.brand_now(brands.found(deployment, brand.brand_id))

    def account(number: int) -> Answer:
        return put(brand, noa, {"type": "paypal", "email": f"noa{number}@example.com"})

    def at(hours: int, short_of: int = 0) -> None:
        moment = began + timedelta(hours=hours, microseconds=-short_of)
        books(brand).post("/v1/test_clock", {"now": times.text(moment)})

    assert account(0).status == 200, "the first takes no other's place"
    for number in range(1, 6):
        at(number)
        assert account(number).status == 200
    at(73, short_of=1)
    refused = account(6)
    assert (refused.status, refused.code) == (422, "payout_method_changed_too_often")
    assert account(5).status == 200, "which is no change"
    assert get(brand, noa).body["version"] == 6
    at(73)
    assert account(6).status == 200, "the first change is three days old"
    assert account(7).code == "payout_method_changed_too_often"
    assert len(stored(deployment, brand, noa).changes) == 5, "older ones are not kept"


def test_of_many_who_set_one_at_once_all_but_the_first_change_it(
    brand: Client, noa: str, deployment: Deployment
) -> None:
    known = brands.found(deployment, brand.brand_id)

    def set_to(number: int) -> tuple[int, bool]:
        to = Destination("paypal", "", {"email": f"noa{number}@example.com"})
        item = payees.method_set(deployment, known, noa, to, if_match=None)
        return item.version, item.changed_at is not None

    with ThreadPoolExecutor(6) as pool:
        outcomes = sorted(pool.map(set_to, range(6)))
    assert outcomes == [(1, False), *((version, True) for version in range(2, 7))]
    assert blocked(deployment, brand, noa) == "payout_method_on_hold"


def test_if_match_keeps_one_from_replacing_what_they_have_not_seen(brand: Client, noa: str) -> None:
    assert put(brand, noa, IBAN, if_match='"1"').status == 412
    assert get(brand, noa).status == 404
    assert put(brand, noa, IBAN, if_match='"0"').status == 200, "there was none"
    for stale in ('"0"', '"2"', "garbage"):
        got = put(brand, noa, PAYPAL, if_match=stale)
        assert (got.status, got.code) == (412, "stale_version")
        assert put(brand, noa, IBAN, if_match=stale).status == 412, "nor what is no change"
    assert put(brand, noa, PAYPAL, if_match='"1"').headers["etag"] == '"2"'
    assert get(brand, noa).headers["etag"] == '"2"'


@pytest.mark.parametrize(
    "body, code, param",
    [
        (IBAN | {"iban": "IL620108000000099999998"}, "invalid_iban", "iban"),
        (IBAN | {"bic": "LUMI"}, "invalid_bic", "bic"),
        (IBAN | {"holder": "נועה לוי"}, "holder_name_not_latin", "holder"),
        (IBAN | {"holder": "123"}, "invalid_holder_name", "holder"),
        (IL_BANK | {"account": "041117"}, "invalid_bank_account", "account"),
        (IL_BANK | {"bank": "Hapoalim"}, "invalid_bank_account", "bank"),
        (IL_BANK | {"holder_id": "039337424"}, "invalid_id_number", "holder_id"),
        (STRIPE | {"account": "cus_1032D82eZvKYlo2C"}, "invalid_stripe_account", "account"),
    ],
)
def test_a_slip_of_the_pen_is_named(brand: Client, noa: str, body: Any, code: str, param: str) -> None:
    got = put(brand, noa, body)
    assert (got.status, got.code, got.body["param"]) == (422, code, param)
    hebrew = put(brand, noa, body, accept_language="he").body
    assert hebrew["code"] == code
    assert any("א" <= character <= "ת" for character in hebrew["detail"])
    assert get(brand, noa).status == 404


@pytest.mark.parametrize(
    "body, code, param",
    [
        ({}, "missing", "type"),
        ({"type": "cash"}, "not_one_of", "type"),
        ({"type": "paypal"}, "needs_field", "email"),
        ({"type": "paypal", "email": "noa"}, "not_an_email", "email"),
        (PAYPAL | {"iban": "IL62"}, "needless_field", "iban"),
        (PAYPAL | {"holder_id": "039337423"}, "needless_field", "holder_id"),
        ({"type": "iban", "iban": "IL62"}, "needs_field", "holder"),
        ({"type": "iban", "holder": "Noa"}, "needs_field", "iban"),
        (IBAN | {"account": "041116"}, "needless_field", "account"),
        ({"type": "il_bank", "holder": "Noa", "bank": "12"}, "needs_field", "branch"),
        (IL_BANK | {"bic": "LUMIILIT"}, "needless_field", "bic"),
        (IL_BANK | {"bank": 12}, "wrong_type", "bank"),
        (IL_BANK | {"account": "1" * 101}, "too_long", "account"),
        (IL_BANK | {"holder": "Noa\nLevi"}, "control_character", "holder"),
        (IL_BANK | {"holder": "N" * 71}, "too_long", "holder"),
        (IL_BANK | {"changed_at": None}, "unknown_field", "changed_at"),
    ],
)
def test_a_method_has_what_its_type_needs_and_no_more(
    brand: Client, noa: str, body: Any, code: str, param: str
) -> None:
    got = put(brand, noa, body)
    assert (got.status, got.body["errors"][0]["code"], got.body["param"]) == (400, code, param)
    assert get(brand, noa).status == 404


# --- who hears of a change --------------------------------------------------------------------------------------------


def moved(brand: Client, creator_id: str, email: str) -> Answer:
    return brand.patch(f"/v1/creators/{creator_id}", {"email": email})


def test_whoever_moves_the_address_first_does_not_divert_the_notice(
    brand: Client, noa: str, deployment: Deployment, clock: Clock
) -> None:
    put(brand, noa, PAYPAL)
    assert stored(deployment, brand, noa).told == ["noa@example.com"]
    for step in range(3):
        moved(brand, noa, f"thief{step}@example.com")
        clock.pass_(timedelta(days=20))
    put(brand, noa, IBAN)
    item = stored(deployment, brand, noa)
    assert item.told == ["thief2@example.com", "noa@example.com", "thief0@example.com", "thief1@example.com"]
    replaced = payees.destination(deployment, brand.brand_id, noa, item.replaced[1])
    assert replaced.fields == {"email": "noa.levi@example.com"}


def test_nor_for_the_first_method_of_all(brand: Client, noa: str, deployment: Deployment) -> None:
    moved(brand, noa, "thief@example.com")
    put(brand, noa, IBAN)
    assert stored(deployment, brand, noa).told == ["thief@example.com", "noa@example.com"]


def test_an_address_that_came_back_hears_once(brand: Client, noa: str, deployment: Deployment) -> None:
    moved(brand, noa, "levi@example.com")
    moved(brand, noa, "noa@example.com")
    put(brand, noa, IBAN)
    assert stored(deployment, brand, noa).told == ["noa@example.com", "levi@example.com"]


def test_after_ninety_days_a_former_address_is_forgotten(
    brand: Client, noa: str, deployment: Deployment, clock: Clock
) -> None:
    moved(brand, noa, "levi@example.com")
    clock.pass_(FORMER_EMAILS_KEPT - timedelta(microseconds=1))
    put(brand, noa, IBAN)
    assert stored(deployment, brand, noa).told == ["levi@example.com", "noa@example.com"]
    clock.pass_(timedelta(microseconds=1))
    put(brand, noa, PAYPAL)
    assert stored(deployment, brand, noa).told == ["levi@example.com"]
    moved(brand, noa, "cohen@example.com")
    [former] = payees.profile(deployment, brand.brand_id, noa).creator.former_emails
    assert former[0] == "levi@example.com", "and not kept"


def test_no_row_of_moves_pushes_an_address_out(brand: Client, noa: str, deployment: Deployment, clock: Clock) -> None:
    for number in range(FORMER_EMAILS_MAX):
        assert moved(brand, noa, f"thief{number}@example.com").status == 200
    refusal = moved(brand, noa, "thief@example.com")
    assert (refusal.status, refusal.code, refusal.body["param"]) == (422, "email_changed_too_often", "email")
    assert brand.patch(f"/v1/creators/{noa}", {"name": "Noa L"}).status == 200
    put(brand, noa, IBAN)
    told = stored(deployment, brand, noa).told
    assert len(told) == FORMER_EMAILS_MAX + 1
    assert "noa@example.com" in told
    clock.pass_(FORMER_EMAILS_KEPT)
    assert moved(brand, noa, "thief@example.com").status == 200


# --- what a brand notes -----------------------------------------------------------------------------------------------

NOTHING = {
    "held": False,
    "held_reason": None,
    "country": None,
    "entity": None,
    "tax_form": None,
    "tax_form_expires_on": None,
    "tax_id_shown": None,
    "withholding_bps": 0,
    "tax_certificate": None,
    "tax_certificate_expires_on": None,
    "version": 0,
}
NOTED = {
    "held": True,
    "held_reason": "Asked for a corrected form",
    "country": "IL",
    "entity": "person",
    "tax_form": "W-8BEN",
    "tax_form_expires_on": "2026-06-01",
    "tax_id": "039337423",
    "withholding_bps": 2500,
    "tax_certificate": "2026/4471",
    "tax_certificate_expires_on": "2026-12-31",
}


def test_what_a_brand_notes_is_what_a_run_knows(brand: Client, noa: str, deployment: Deployment) -> None:
    untouched = get(brand, noa, "payee")
    assert (untouched.body, untouched.headers["etag"]) == (NOTHING, '"0"')
    assert payees.profile(deployment, brand.brand_id, noa).payee == Payee()
    answer = put(brand, noa, NOTED, "payee")
    shown = {name: value for name, value in NOTED.items() if name != "tax_id"}
    shown |= {"tax_id_shown": "•••• 7423", "version": 1}
    assert answer.body == get(brand, noa, "payee").body == shown
    assert payees.profile(deployment, brand.brand_id, noa).payee == Payee(
        held=True,
        withholding_bps=2500,
        tax_certificate_expires=date(2026, 12, 31),
        tax_form=True,
        tax_form_expires=date(2026, 6, 1),
        country="IL",
    )


def test_a_hold_holds_until_somebody_says_otherwise(brand: Client, noa: str, deployment: Deployment) -> None:
    put(brand, noa, {"held": True, "withholding_bps": 0}, "payee")
    assert blocked(deployment, brand, noa) == "payouts_held"
    for silent in ({"withholding_bps": 0}, {"held": False}):
        got = put(brand, noa, silent, "payee")
        assert (got.status, got.body["errors"][0]["code"]) == (400, "missing"), "nobody releases it by saying less"
    assert blocked(deployment, brand, noa) == "payouts_held"
    put(brand, noa, {"held": False, "withholding_bps": 0}, "payee")
    assert blocked(deployment, brand, noa) is None


def test_a_creator_is_held_in_haste_and_what_else_is_noted_of_them_stays(
    brand: Client, noa: str, deployment: Deployment
) -> None:
    """Who stops a thief's payout does not think of the tax rate, and the next run would pay without it."""
    assert hold(brand, noa, {"held": True}).body == NOTHING | {"held": True, "version": 1}
    noted = put(brand, noa, NOTED | {"held": False, "held_reason": None}, "payee").body
    why = {"held": True, "held_reason": "Says that the change was not theirs"}
    for said, kept in (
        (why, why),
        ({"held": True}, why),
        ({"held": True, "held_reason": None}, {"held": True, "held_reason": None}),
        (why, why),
        ({"held": False}, {"held": False, "held_reason": None}),
    ):
        answer = hold(brand, noa, said)
        assert answer.body == get(brand, noa, "payee").body == noted | kept | {"version": answer.body["version"]}
        assert blocked(deployment, brand, noa) == ("payouts_held" if said["held"] else None)
    kept_secret = payees.noted(deployment, brands.found(deployment, brand.brand_id), noa).tax_id
    assert deployment.vault.open(Owner(brand.brand_id, "tax_id", noa), kept_secret or "") == NOTED["tax_id"]


def test_a_hold_says_no_more_than_that_and_has_a_version(brand: Client, noa: str) -> None:
    for body, code, param in (
        ({}, "missing", "held"),
        ({"held": None}, "wrong_type", "held"),
        ({"held": False, "held_reason": "why"}, "needless_field", "held_reason"),
        ({"held": True, "withholding_bps": 0}, "unknown_field", "withholding_bps"),
    ):
        refused = hold(brand, noa, body)
        assert (refused.status, refused.body["errors"][0]["code"], refused.body["param"]) == (400, code, param)
    assert hold(brand, noa, {"held": True}, if_match='"1"').code == "stale_version"
    assert get(brand, noa, "payee").body == NOTHING
    assert hold(brand, noa, {"held": True}, if_match='"0"').headers["etag"] == '"1"'


def test_a_tax_form_opens_its_gate_to_the_end_of_its_last_day(
    brand: Client, noa: str, deployment: Deployment, clock: Clock
) -> None:
    assert blocked(deployment, brand, noa, tax_form_required=True) == "tax_form_missing"
    form = {"held": False, "withholding_bps": 0, "tax_form": "W-9", "tax_form_expires_on": "2026-05-04"}
    put(brand, noa, form, "payee")
    assert blocked(deployment, brand, noa, tax_form_required=True) is None
    clock.pass_(timedelta(days=1))
    assert blocked(deployment, brand, noa, tax_form_required=True) == "tax_form_expired"
    put(brand, noa, form | {"tax_form_expires_on": None}, "payee")
    assert blocked(deployment, brand, noa, tax_form_required=True) is None


def test_nobody_is_paid_by_the_rate_of_a_certificate_that_has_expired_until_another_is_noted(
    new_brand: NewBrand, deployment: Deployment
) -> None:
    """Its last day ends where the brand is at home."""
    brand = new_brand(mode="test")
    noa = new_creator(brand)["id"]
    books(brand).send("PUT", "/v1/payout_settings", {"time_zone": "Asia/Jerusalem"})
    said = {"held": False, "country": "IL", "withholding_bps": 500}
    paper = {"tax_certificate": "2026/4471", "tax_certificate_expires_on": "2026-12-31"}
    put(brand, noa, said | paper, "payee")
    books(brand).post("/v1/test_clock", {"now": "2026-12-31T21:59:59Z"})
    assert blocked(deployment, brand, noa) is None
    books(brand).post("/v1/test_clock", {"now": "2026-12-31T22:00:00Z"})
    assert blocked(deployment, brand, noa) == "tax_certificate_expired"
    for mended in (said | paper | {"tax_certificate_expires_on": "2027-12-31"}, said | {"withholding_bps": 3000}):
        put(brand, noa, said | paper, "payee")
        assert blocked(deployment, brand, noa) == "tax_certificate_expired"
        put(brand, noa, mended, "payee")
        assert blocked(deployment, brand, noa) is None


def test_a_country_is_one_however_it_is_written(brand: Client, noa: str) -> None:
    """Tax that is withheld is booked under it."""
    noted = put(brand, noa, {"held": False, "withholding_bps": 500, "country": "il"}, "payee")
    assert (noted.status, noted.body["country"]) == (200, "IL")


def test_a_rate_names_whose_tax_it_is(brand: Client, noa: str) -> None:
    said = {"held": False, "withholding_bps": 500}
    for language, words in (("en", "The `withholding_bps` `500` needs this."), ("he", "דורש את זה")):
        refused = put(brand, noa, said, "payee", accept_language=language)
        [error] = refused.body["errors"]
        assert (refused.status, error["code"], error["param"]) == (400, "needs_field", "country")
        assert words in error["detail"]


def test_a_tax_id_stays_until_it_is_replaced_or_taken_away(brand: Client, noa: str) -> None:
    said = {"held": False, "withholding_bps": 0}
    ends = [
        put(brand, noa, said | more, "payee").body["tax_id_shown"]
        for more in ({}, {"tax_id": "039337423"}, {}, {"tax_id": "12-3456789"}, {"tax_id": None}, {})
    ]
    assert ends == [None, "•••• 7423", "•••• 7423", "•••• 6789", None, None]


def test_notes_have_versions(brand: Client, noa: str) -> None:
    said = {"held": False, "withholding_bps": 0}
    assert put(brand, noa, said, "payee", if_match='"1"').status == 412
    assert put(brand, noa, said, "payee", if_match='"0"').headers["etag"] == '"1"'
    assert put(brand, noa, said, "payee", if_match='"0"').code == "stale_version"
    assert put(brand, noa, said, "payee", if_match='"1"').headers["etag"] == '"2"'


@pytest.mark.parametrize(
    "more, code, param",
    [
        ({"held_reason": "why"}, "needless_field", "held_reason"),
        ({"tax_form_expires_on": "2026-06-01"}, "needs_field", "tax_form"),
        ({"tax_form": "W-9", "tax_form_expires_on": "2026-06-31"}, "not_a_day", "tax_form_expires_on"),
        ({"tax_form": "W-9", "tax_form_expires_on": "2026-06-01T00:00:00Z"}, "not_a_day", "tax_form_expires_on"),
        ({"tax_form": "W-9", "tax_form_expires_on": "20260601"}, "not_a_day", "tax_form_expires_on"),
        ({"tax_form": "W-9", "tax_form_expires_on": "2150-01-01"}, "not_a_day", "tax_form_expires_on"),
        ({"tax_form": "W-9", "tax_form_expires_on": 20260601}, "not_a_day", "tax_form_expires_on"),
        ({"tax_certificate": "2026/4471"}, "needs_field", "tax_certificate_expires_on"),
        ({"tax_certificate_expires_on": "2026-12-31"}, "needs_field", "tax_certificate"),
        ({"tax_certificate": ""}, "too_short", "tax_certificate"),
        ({"country": "XX"}, "not_a_country", "country"),
        ({"entity": "club"}, "not_one_of", "entity"),
        ({"withholding_bps": -1}, "too_small", "withholding_bps"),
        ({"withholding_bps": 10_001}, "too_great", "withholding_bps"),
        ({"withholding_bps": 25.5}, "wrong_type", "withholding_bps"),
        ({"tax_id": ""}, "too_short", "tax_id"),
        ({"tax_form": "W\n8"}, "control_character", "tax_form"),
        ({"status": "verified"}, "unknown_field", "status"),
    ],
)
def test_notes_that_make_no_sense_are_refused(brand: Client, noa: str, more: Any, code: str, param: str) -> None:
    got = put(brand, noa, {"held": False, "withholding_bps": 0} | more, "payee")
    assert (got.status, got.body["errors"][0]["code"], got.body["param"]) == (400, code, param)
    assert get(brand, noa, "payee").body == NOTHING


# --- what a run asks --------------------------------------------------------------------------------------------------


def test_a_run_reads_33_creators_in_one_request(
    brand: Client, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    creators = [new_creator(brand, f"noa{number}")["id"] for number in range(3)]
    put(brand, creators[0], PAYPAL)
    put(brand, creators[1], NOTED, "payee")
    asked: list[int] = []
    client = deployment.database.connection.client
    call = client._make_api_call

    def counted(name: str, request: Any) -> Any:
        asked.append(sum(len(part["Keys"]) for part in request["RequestItems"].values()))
        return call(name, request)

    monkeypatch.setattr(client, "_make_api_call", counted)
    strangers = [ids.derived("cre_", str(number)) for number in range(30)]
    found = payees.profiles(deployment, brand.brand_id, [*creators, *strangers, "nonsense", creators[0]])
    assert asked == [99]
    assert {creator_id: each.creator.name for creator_id, each in found.items()} == dict(
        zip(creators, ["Noa0", "Noa1", "Noa2"], strict=True)
    )
    assert [(each.method is not None, each.payee.held) for each in found.values()] == [
        (True, False),
        (False, True),
        (False, False),
    ]


def test_nobody_has_a_profile_in_another_brand(brand: Client, noa: str, deployment: Deployment) -> None:
    put(brand, noa, PAYPAL)
    for brand_id, creator_id in ((ids.derived("brd_", "another"), noa), (brand.brand_id, "nonsense")):
        with pytest.raises(NotFound):
            payees.profile(deployment, brand_id, creator_id)

"""Payout runs and payouts over HTTP, by the rail of files that needs no setting up."""

import csv
import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from payouts import runs
from tests.fixtures import NOON, Clock
from tests.functions.client import Client
from tests.functions.conftest import APIS, LATER, NewBrand, balance, books_of, earned, run
from tests.functions.setting_up import TERMS, Shop, new_creator, new_program
from vouch.domain import ids
from vouch.rails.base import File
from vouch.service import keys, run_chunks, run_files, run_work
from vouch.service.deployment import Deployment
from vouch.service.run_files import KeptFile
from vouch.store import adjustments, payouts
from vouch.store.tables import AdjustmentItem, CashRow, PayoutItem


def test_a_creator_is_paid_by_a_file(shop: Shop) -> None:
    api = earned(shop)
    made = run(api, currency="ILS", rail="csv")
    assert (made["status"], made["payouts"], made["total"]) == ("completed", 1, 5_000)
    [payout] = api.get("/v1/payouts", run_id=made["id"]).body["items"]
    assert (payout["status"], payout["amount"], payout["net"], payout["rail"]) == ("submitted", 5_000, 5_000, "csv")
    assert made["created_at"] == payout["created_at"] == api.get("/v1/test_clock").body["now"], "by one clock"
    assert balance(api, shop) == {
        "currency": "ILS", "pending": 0, "held": 0, "available": 0, "in_transit": 5_000, "paid": 0,
    }  # fmt: skip
    [row] = rows(api, made)
    assert (row["payout_id"], row["amount"], row["currency"]) == (payout["id"], "50.00", "ILS")
    settled = api.post(f"/v1/payouts/{payout['id']}/settle", {"reference": "TRX 77"}).body
    assert (settled["status"], settled["reference"]) == ("settled", "TRX 77")
    assert balance(api, shop)["paid"] == 5_000
    assert api.get("/v1/ledger/verify").body["violations"] == []


@pytest.mark.parametrize(
    "account, rail",
    [
        ({"type": "iban", "holder": "Noa Levi", "iban": "DE75512108001245126199"}, "csv"),
        ({"type": "paypal", "email": "noa@example.com"}, "paypal"),
    ],
)
def test_a_method_leads_to_a_rail_that_carries_the_currency(shop: Shop, account: Any, rail: str) -> None:
    """Nobody who earns shekels is left out because euros would go to their IBAN."""
    api = earned(shop)
    accounts = {
        "sepa": {"name": "Pottery Ltd", "iban": "DE75512108001245126199"},
        "paypal": {"client_id": "client", "client_secret": "secret", "sandbox": "true"},
    }
    for name, settings in accounts.items():
        assert api.send("PUT", f"/v1/payout_rails/{name}", {"settings": settings}).status == 200
    assert api.send("PUT", f"/v1/creators/{shop.creator}/payout_method", account).status == 200
    found = outcome(api)
    assert (found["rail"], found["skipped"]) == (rail, None)


@pytest.mark.parametrize(
    "method, rail",
    [
        ({"iban": "DE75512108001245126199", "holder": "Noa Levi"}, "sepa"),
        ({"iban": "IL620108000000099999999", "holder": "Noa Levi"}, "csv"),
        ({"iban": "DE75512108001245126199", "holder": "Levi & Sons"}, "sepa"),
    ],
)
def test_a_rail_that_cannot_carry_the_payment_leaves_it_to_the_one_in_the_terms(
    shop: Shop, method: dict[str, str], rail: str
) -> None:
    """An account in Israel is out of the scheme's reach, and the list takes everybody, unless a rail is named."""
    api = earned(shop)
    account = {"settings": {"name": "Pottery Ltd", "iban": "DE75512108001245126199"}}
    assert api.send("PUT", "/v1/payout_rails/sepa", account).status == 200
    given = {"creator_id": shop.creator, "amount": 700, "currency": "EUR", "reason": "Earned elsewhere"}
    api.made("/v1/adjustments", given, idempotency_key="a1")
    method = {"type": "iban", **method}
    assert api.send("PUT", f"/v1/creators/{shop.creator}/payout_method", method).status == 200
    found = outcome(api, "1", currency="EUR")
    assert (found["rail"], found["skipped"], found["net"]) == (rail, None, 700)
    unfit = None if rail == "sepa" else "rail_unfit_for_method"
    assert outcome(api, "2", currency="EUR", rail="sepa")["skipped"] == unfit
    assert api.send("PUT", "/v1/payout_settings", {"currencies": {"EUR": {"rail": "sepa"}}}).status == 200
    assert outcome(api, "3", currency="EUR")["skipped"] == unfit


@pytest.mark.parametrize("paypal", [None, {"client_id": "client", "client_secret": "secret", "sandbox": "true"}])
def test_where_no_rail_can_carry_it_the_one_that_pays_to_the_method_says_why(
    shop: Shop, paypal: dict[str, str] | None
) -> None:
    """That the one in the terms has no account, or takes no IBAN, would send the brand to the wrong place."""
    new_program(shop.brand, currency="EUR", terms=TERMS | {"payout": {"rail": "paypal"}})
    api = earned(shop)
    accounts = {"sepa": {"name": "Pottery Ltd", "iban": "DE75512108001245126199"}, "paypal": paypal}
    for name, settings in accounts.items():
        assert settings is None or api.send("PUT", f"/v1/payout_rails/{name}", {"settings": settings}).status == 200
    given = {"creator_id": shop.creator, "amount": 700, "currency": "EUR", "reason": "Earned elsewhere"}
    api.made("/v1/adjustments", given, idempotency_key="a1")
    method = {"type": "iban", "iban": "IL620108000000099999999", "holder": "Noa Levi"}
    assert api.send("PUT", f"/v1/creators/{shop.creator}/payout_method", method).status == 200
    found = outcome(api, currency="EUR")
    assert (found["rail"], found["skipped"]) == ("sepa", "rail_unfit_for_method")


def test_a_dry_run_lists_and_pays_nobody(shop: Shop, new_creator_id: str) -> None:
    api = earned(shop)
    made = run(api, dry_run=True)
    assert (made["status"], made["payouts"], made["total"], made["dry_run"]) == ("completed", 1, 5_000, True)
    outcomes = api.get(f"/v1/payout_runs/{made['id']}/outcomes").body["items"]
    assert [(each["creator_id"], each["amount"], each["skipped"]) for each in outcomes] == [(shop.creator, 5_000, None)]
    assert new_creator_id not in str(outcomes), "who has nothing is not told of"
    assert outcomes[0]["payout_id"] is None, "a payout that there is not has no id"
    assert made["files"] == [{"rail": "csv", "currency": "ILS", "part": 1, "payments": 1, "net": 5_000, "name": None}]
    assert api.get("/v1/payouts").body["items"] == []
    assert balance(api, shop)["available"] == 5_000
    assert api.get(f"/v1/payout_runs/{made['id']}/file").code == "file_not_found"
    real = run(api, "k2")
    [payout] = api.get("/v1/payouts", run_id=real["id"]).body["items"]
    assert payout["amount"] == outcomes[0]["amount"]


@pytest.fixture
def new_creator_id(shop: Shop) -> str:
    return str(new_creator(shop.brand, "dana", program_ids=[shop.program])["id"])


def test_a_run_is_asked_for_under_a_key_and_is_the_same_one_under_the_same_key(shop: Shop) -> None:
    api = earned(shop)
    refused = api.post("/v1/payout_runs", {})
    assert (refused.status, refused.code) == (400, "idempotency_key_required")
    made = run(api)
    again = api.post("/v1/payout_runs", {}, idempotency_key="k1")
    assert (again.body, again.headers["idempotent-replayed"]) == (made, "true")
    assert api.post("/v1/payout_runs", {"dry_run": True}, idempotency_key="k1").code == "idempotency_mismatch"
    second = run(api, "k2")
    assert (second["payouts"], second["total"]) == (0, 0)
    assert {each["id"] for each in api.get("/v1/payout_runs").body["items"]} == {second["id"], made["id"]}


def test_what_cannot_be_asked_for_is_refused(shop: Shop) -> None:
    api = books_of(shop)
    for wish, status, code in [
        ({"rail": "pigeon"}, 422, "rail_unknown"),
        ({"rail": "sepa"}, 422, "rail_not_set_up"),
        ({"currency": "XXX"}, 400, "invalid_request"),
        ({"creator_ids": []}, 400, "invalid_request"),
        ({"creator_ids": [ids.derived("cre_", "nobody")]}, 404, "not_found"),
        ({"status": "paid"}, 400, "unknown_field"),
    ]:
        answer = api.post("/v1/payout_runs", wish, idempotency_key=f"{wish}".replace(" ", ""))
        assert (answer.status, answer.code) == (status, code), wish
    assert api.get("/v1/payout_runs").body["items"] == []


def outcome(api: Client, key: str = "dry", **wish: Any) -> Any:
    [found] = api.get(f"/v1/payout_runs/{run(api, key, dry_run=True, **wish)['id']}/outcomes").body["items"]
    return found


def test_a_creator_is_left_out_for_a_reason_and_paid_once_it_is_gone(shop: Shop) -> None:
    """Each gate in turn: less than the minimum, held, no tax form, and a destination that was just changed."""
    api = earned(shop)
    settings = {"currencies": {"ILS": {"minimum": 5_001, "rail": "csv"}}, "tax_form_required": True}

    def set_up(**changes: Any) -> None:
        answer = api.send("PUT", "/v1/payout_settings", settings | changes)
        assert answer.status == 200, answer.text

    def say(what: str, body: Any) -> None:
        answer = api.send("PUT", f"/v1/creators/{shop.creator}/{what}", body)
        assert answer.status == 200, answer.text

    set_up()
    assert (outcome(api, "1")["skipped"], outcome(api, "1")["amount"]) == ("below_minimum", 5_000)
    set_up(currencies={"ILS": {"minimum": 5_000, "rail": "csv"}})
    assert outcome(api, "2")["skipped"] == "tax_form_missing"
    say("payee", {"held": True, "withholding_bps": 0, "tax_form": "W-8BEN"})
    assert outcome(api, "3")["skipped"] == "payouts_held"
    say("payee", {"held": False, "withholding_bps": 2_500, "tax_form": "W-8BEN", "country": "IL"})
    say("payout_method", {"type": "paypal", "email": "noa@payee.example"})
    assert outcome(api, "4")["skipped"] is None
    say("payout_method", {"type": "paypal", "email": "other@payee.example"})
    assert outcome(api, "5")["skipped"] == "payout_method_on_hold"
    assert run(api, "6")["payouts"] == 0
    api.post("/v1/test_clock", {"now": (NOON + timedelta(days=23)).isoformat()})
    found = outcome(api, "7")
    assert (found["amount"], found["withheld"], found["net"]) == (5_000, 1_250, 3_750)
    assert run(api, "8")["payouts"] == 1
    assert balance(api, shop)["available"] == 0


def test_tax_that_is_withheld_is_no_part_of_what_the_file_pays(shop: Shop) -> None:
    api = earned(shop, price=50_010)
    payee = {"held": False, "withholding_bps": 3_000, "country": "IL"}
    assert api.send("PUT", f"/v1/creators/{shop.creator}/payee", payee).status == 200
    made = run(api)
    [payout] = api.get("/v1/payouts").body["items"]
    assert (payout["amount"], payout["withheld"], payout["net"]) == (5_001, 1_500, 3_501)
    [row] = rows(api, made)
    assert row["amount"] == "35.01"
    assert made["totals"] == [{"currency": "ILS", "amount": 5_001, "withheld": 1_500, "net": 3_501}]
    name = f"{made['id']}-ILS.csv"
    assert made["files"] == [{"rail": "csv", "currency": "ILS", "part": 1, "payments": 1, "net": 3_501, "name": name}]
    api.post(f"/v1/payouts/{payout['id']}/settle", {"reference": "1"})
    assert balance(api, shop)["paid"] == 5_001
    assert api.get("/v1/ledger/verify").body["violations"] == []


def test_the_figures_of_a_run_are_those_of_its_files(
    shop: Shop, work: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three who are paid by two rails in two currencies, over several chunks: worked by hand.

    Of 5 000 and 101 agorot and of 30 cents a quarter is withheld, 1 250, 25 (25.25) and 8 (7.5); 700 go to an IBAN.
    """
    api = earned(shop)
    dana, omar = (str(new_creator(shop.brand, name, program_ids=[shop.program])["id"]) for name in ("dana", "omar"))
    iban = {"type": "iban", "holder": "Dana Levi", "iban": "DE75512108001245126199"}
    assert api.send("PUT", f"/v1/creators/{dana}/payout_method", iban).status == 200
    for creator in (shop.creator, omar):
        note = {"held": False, "withholding_bps": 2_500, "country": "IL"}
        assert api.send("PUT", f"/v1/creators/{creator}/payee", note).status == 200
    account = {"settings": {"name": "Pottery Ltd", "iban": "DE75512108001245126199"}}
    assert api.send("PUT", "/v1/payout_rails/sepa", account).status == 200
    for number, (creator, amount, currency) in enumerate([(dana, 700, "EUR"), (omar, 30, "EUR"), (omar, 101, "ILS")]):
        given = {"creator_id": creator, "amount": amount, "currency": currency, "reason": "Earned elsewhere"}
        api.made("/v1/adjustments", given, idempotency_key=f"a{number}")
    monkeypatch.setattr(run_chunks, "CHUNK_MAX", 1)
    would = run(api, "dry", dry_run=True)
    made = run(api)
    work()
    made = api.get(f"/v1/payout_runs/{made['id']}").body
    assert (made["status"], made["payouts"], made["left_out"], made["total"]) == ("completed", 4, 0, None)
    assert made["progress"] == {"creators": 3, "chunks": 4, "chunks_reserved": 4, "chunks_sent": 4}
    assert made["totals"] == [
        {"currency": "EUR", "amount": 730, "withheld": 8, "net": 722},
        {"currency": "ILS", "amount": 5_101, "withheld": 1_275, "net": 3_826},
    ]
    assert {(each["rail"], each["currency"]): (each["payments"], each["net"]) for each in made["files"]} == {
        ("csv", "EUR"): (1, 22), ("csv", "ILS"): (2, 3_826), ("sepa", "EUR"): (1, 700),
    }  # fmt: skip
    assert [each | {"name": None} for each in made["files"]] == would["files"]
    assert api.get(f"/v1/payout_runs/{made['id']}/file", rail="sepa", part=2).code == "file_not_found"
    for file in made["files"]:
        if file["rail"] == "csv":
            got = api.get(
                f"/v1/payout_runs/{made['id']}/file", rail="csv", currency=file["currency"], part=file["part"]
            )
            listed = list(csv.DictReader(io.StringIO(got.content.decode("utf-8-sig"))))
            paid = sum(int(row["amount"].replace(".", "")) for row in listed)
            assert (len(listed), paid) == (file["payments"], file["net"])


def test_who_has_all_of_it_withheld_is_told_so(shop: Shop) -> None:
    """Not that it were less than a minimum: there is enough, and nothing of it is theirs."""
    api = earned(shop)
    assert api.send("PUT", "/v1/payout_settings", {"currencies": {"ILS": {"minimum": 5_000}}}).status == 200
    note = {"held": False, "withholding_bps": 10_000, "country": "IL"}
    assert api.send("PUT", f"/v1/creators/{shop.creator}/payee", note).status == 200
    found = outcome(api, "1")
    assert (found["skipped"], found["amount"], found["withheld"], found["net"]) == ("all_withheld", 5_000, 5_000, 0)
    assert run(api, "2")["payouts"] == 0
    assert balance(api, shop)["available"] == 5_000
    assert api.send("PUT", f"/v1/creators/{shop.creator}/payee", note | {"held": True}).status == 200
    found = outcome(api, "3")
    assert (found["skipped"], found["withheld"], found["net"]) == ("payouts_held", None, None)


def rows(api: Client, made: Any) -> list[dict[str, str]]:
    file = api.get(f"/v1/payout_runs/{made['id']}/file")
    return list(csv.DictReader(io.StringIO(file.content.decode("utf-8-sig"))))


def test_a_file_that_is_not_as_it_was_written_is_given_to_nobody(
    shop: Shop, deployment: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    api = earned(shop)
    made = run(api)
    [(place, content)] = deployment.s3.objects.items()
    deployment.s3.objects[place] = content.replace(b"noa@", b"eve@")
    refused = api.get(f"/v1/payout_runs/{made['id']}/file")
    assert (refused.status, refused.code) == (500, "internal")
    assert '"FileChanged":[1.0]' in capsys.readouterr().out
    deployment.s3.objects[place] = content
    assert len(rows(api, made)) == 1


def test_a_file_that_lambda_cannot_answer_is_fetched_from_s3(
    shop: Shop, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = earned(shop)
    made = run(api)
    path = f"/v1/payout_runs/{made['id']}/file"
    whole = api.get(path).content
    monkeypatch.setattr(runs, "_BYTES_MAX", len(whole) - 1)
    led = api.get(path)
    assert (led.status, led.text) == (303, "")
    address, _, asked = led.headers["location"].partition("?")
    [(bucket, key)] = deployment.s3.objects
    assert address == "https://s3.test/get_object"
    assert dict(parse_qsl(asked)) == {
        "Bucket": bucket,
        "Key": key,
        "VersionId": deployment.s3.get_object(Bucket=bucket, Key=key)["VersionId"],
        "ResponseContentDisposition": f'attachment; filename="{made["id"]}-ILS.csv"',
        "ResponseContentType": "text/csv; charset=utf-8",
        "ExpiresIn": "60",
    }
    deployment.s3.objects[bucket, key] = whole + b"\r\n"
    assert api.get(path).status == 500, "nor is anybody led to other bytes"


def test_addresses_name_the_region_and_are_signed_as_kms_asks(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("AWS_REGION", "il-central-1")
    del deployment.s3
    kept = KeptFile(File("may.csv", "text/csv", b""), "brd_1/run_1/csv", "v1")
    address = urlsplit(run_files.address(deployment, kept))
    assert (address.netloc, address.path) == ("s3.il-central-1.amazonaws.com", "/files/brd_1/run_1/csv")
    asked = dict(parse_qsl(address.query))
    assert (asked["versionId"], asked["X-Amz-Expires"]) == ("v1", "60")
    assert asked["X-Amz-Algorithm"] == "AWS4-HMAC-SHA256"


def test_a_try_that_finds_another_name_leaves_the_file_of_the_first_as_it_is(
    shop: Shop, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = earned(shop)

    def dies(*_: object) -> None:
        raise ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr(run_files, "_note_file", dies)
        made = api.made("/v1/payout_runs", {}, idempotency_key="k1")
    assert made["status"] == "writing"
    [(place, content)] = deployment.s3.objects.items()
    creators = Client(APIS["referrals"], shop.brand.key)
    assert creators.send("PATCH", f"/v1/creators/{shop.creator}", {"name": "Noa Levi"}).status == 200
    run_work.worked(deployment, {"file": [shop.brand.brand_id, made["id"]]}, in_time=lambda: True)
    assert rows(api, made)[0]["name"] == "Noa Levi"
    assert (len(deployment.s3.objects), deployment.s3.objects[place]) == (2, content)


def test_what_a_person_says_of_a_payout_is_said_once(shop: Shop) -> None:
    api = earned(shop)
    run(api)
    [payout] = api.get("/v1/payouts").body["items"]
    path = f"/v1/payouts/{payout['id']}"
    assert api.post(f"{path}/settle", {}).status == 400
    assert api.post(f"{path}/settle", {"reference": "TRX 1"}).body["status"] == "settled"
    assert api.post(f"{path}/settle", {"reference": "TRX 1"}).body["status"] == "settled"
    assert api.post(f"{path}/settle", {"reference": "TRX 2"}).code == "payout_settled_otherwise"
    back = api.post(f"{path}/fail", {"reason": "The account is closed"}).body
    assert (back["status"], back["reason"]) == ("returned", "The account is closed")
    assert (payout["returned_at"], back["returned_at"]) == (None, LATER.replace("+00:00", "Z"))
    assert api.post(f"{path}/fail", {"reason": "The account is closed"}).body["status"] == "returned"
    assert api.post(f"{path}/fail", {"reason": "again"}).code == "payout_failed_otherwise"
    assert api.post(f"{path}/settle", {"reference": "TRX 2"}).code == "payout_settled_otherwise"
    assert (balance(api, shop)["available"], balance(api, shop)["paid"]) == (5_000, 0)
    statement = api.get(f"/v1/creators/{shop.creator}/statement", currency="ILS").body
    assert [(each["kind"], each["amount"], each["balance"]) for each in statement["entries"]] == [
        ("settle", 5_000, 5_000),
        ("payout", -5_000, 0),
        ("payout_returned", 5_000, 5_000),
    ]
    assert {each["payout_id"] for each in statement["entries"][1:]} == {payout["id"]}
    assert api.get("/v1/ledger/verify").body["violations"] == []


def test_what_clearing_goes_by_and_what_people_said_are_held_to_the_entries(shop: Shop, deployment: Deployment) -> None:
    api = earned(shop)
    run(api)
    [payout] = api.get("/v1/payouts").body["items"]
    api.post(f"/v1/payouts/{payout['id']}/settle", {"reference": "1"})
    asked = {"creator_id": shop.creator, "amount": 70, "currency": "ILS", "reason": "A present"}
    given = [api.made("/v1/adjustments", asked, idempotency_key=f"a{number}") for number in (1, 2)]
    assert api.post(f"/v1/adjustments/{given[0]['id']}/reverse", {"reason": "A slip"}).status == 201
    assert api.get("/v1/ledger/verify").body["violations"] == []

    def broken() -> list[tuple[str, str]]:
        found = api.get("/v1/ledger/verify").body["violations"]
        return [(each["invariant"], each["subject"]) for each in found]

    brand_id = api.brand_id or shop.brand.brand_id
    _, pk, sk = adjustments.key(brand_id, given[1]["id"])
    item = AdjustmentItem.get(pk, sk)
    item.update([AdjustmentItem.amount.set(71)])
    assert broken() == [("I5", given[1]["id"])]
    item.update([AdjustmentItem.amount.set(70), AdjustmentItem.status.set("declined")])
    assert broken() == [("I5", given[1]["id"])]
    item.update([AdjustmentItem.status.set("posted")])
    [row] = CashRow.query(f"{brand_id}#CASH#csv#ILS")
    row.update([CashRow.amount.set(row.amount - 1)])
    assert broken() == [("I16", row.sk.partition("#")[2])]
    row.delete()
    assert broken() == [("I16", row.sk.partition("#")[2])]


def test_a_setting_that_is_one_of_a_few_is_refused_with_their_names(shop: Shop) -> None:
    said = {"institution": "12345678", "sender": "12345", "name": "MUGS", "hebrew": "utf8"}
    got = Client(APIS["payouts"], shop.brand.key).send("PUT", "/v1/payout_rails/masav", {"settings": said})
    assert (got.status, got.code, got.body["param"]) == (422, "rail_setting_not_one_of", "settings.hebrew")
    assert "a, b, windows_1255" in got.body["detail"]


def test_a_file_that_is_kept_no_more_is_not_there(shop: Shop, deployment: Deployment) -> None:
    api = earned(shop)
    made = run(api, currency="ILS", rail="csv")
    deployment.s3.objects.clear()
    refused = api.get(f"/v1/payout_runs/{made['id']}/file")
    assert (refused.status, refused.code) == (404, "file_expired")


def test_who_is_held_is_in_no_file_that_is_not_written_by_the_time_of_the_answer(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = earned(shop)
    with monkeypatch.context() as patch:
        patch.setattr(run_files, "write_all", lambda *_: None)
        made = run(api, currency="ILS", rail="csv")
    assert api.send("PATCH", f"/v1/creators/{shop.creator}/payee", {"held": True}).status == 200
    [payout] = api.get("/v1/payouts").body["items"]
    assert (payout["status"], payout["reason"]) == ("failed", "payouts_held")
    assert api.get(f"/v1/payout_runs/{made['id']}").body["left_out"] == 1
    assert balance(api, shop)["available"] == 5_000


def test_that_money_came_back_is_said_by_who_may_give_money(shop: Shop) -> None:
    api = earned(shop)
    run(api)
    [payout] = api.get("/v1/payouts").body["items"]
    made = shop.brand.made("/v1/keys", {"name": "Bookkeeping", "scopes": ["payouts:read", "payouts:write"]})
    bookkeeper = Client(APIS["payouts"], made["api_key"])
    assert bookkeeper.post(f"/v1/payouts/{payout['id']}/settle", {"reference": "1"}).status == 200
    refused = bookkeeper.post(f"/v1/payouts/{payout['id']}/fail", {"reason": "It came back"})
    assert (refused.status, refused.code) == (403, "scope_missing")
    assert balance(api, shop)["paid"] == 5_000


def limit_to(api: Client, amount: int) -> None:
    """Above that it takes two keys that a creator has money again."""
    rules = {"currencies": {"ILS": {"adjustment_limit": amount}}}
    assert api.send("PUT", "/v1/payout_settings", rules).status == 200


def settled_by_limit(shop: Shop, limit: int) -> tuple[Client, str]:
    """The brand's client, and the path of a payout of 5000 that was paid under the reference 1, by that limit."""
    api = earned(shop)
    run(api)
    [payout] = api.get("/v1/payouts").body["items"]
    limit_to(api, limit)
    path = f"/v1/payouts/{payout['id']}"
    assert api.post(f"{path}/settle", {"reference": "1"}).status == 200
    return api, path


def test_that_more_than_the_limit_came_back_takes_the_word_of_two_keys(shop: Shop) -> None:
    """Else one key could settle, and give it anew, as often as it likes."""
    api, path = settled_by_limit(shop, 4_999)
    (one, first), (another, second) = who_may_give(shop, "One"), who_may_give(shop, "Another")
    said = one.post(f"{path}/fail", {"reason": "It came back"})
    asked = said.body["fail_asked"]
    assert (said.status, said.body["status"], balance(api, shop)["paid"]) == (200, "settled", 5_000)
    assert (asked["by"], asked["reason"]) == (first, "It came back")
    assert one.post(f"{path}/fail", {"reason": "It came back"}).body == said.body
    said = another.post(f"{path}/fail", {"reason": "It came back"})
    assert (said.status, said.body["status"], balance(api, shop)["available"]) == (200, "returned", 5_000)
    assert (said.body["fail_asked"], said.body["told_by"]) == (asked, second), "whose words it took is kept"
    assert one.post(f"{path}/fail", {"reason": "It came back"}).body["status"] == "returned"


def test_a_word_counts_for_the_version_that_it_names_alone(shop: Shop) -> None:
    """Looked at before the file was written, `fail` is to leave it out; said after that, it would be paid twice."""
    api = earned(shop)
    run(api)
    [payout] = api.get("/v1/payouts").body["items"]
    path = f"/v1/payouts/{payout['id']}"
    assert payout["status"] == "submitted"
    for word, body in (("fail", {"reason": "Leave it out"}), ("settle", {"reference": "1"})):
        refused = api.post(f"{path}/{word}", body, if_match=f'"{payout["version"] - 1}"')
        assert (refused.status, refused.code) == (412, "stale_version")
        assert api.get(path).body["status"] == "submitted"
    settled = api.post(f"{path}/settle", {"reference": "1"}, if_match=f'"{payout["version"]}"')
    assert (settled.status, settled.body["status"]) == (200, "settled")
    assert settled.headers["etag"] == f'"{settled.body["version"]}"'
    again = api.post(f"{path}/settle", {"reference": "1"}, if_match=f'"{payout["version"]}"')
    assert (again.status, again.body) == (200, settled.body), "whose answer was lost says the same again"
    for body in ({"reason": "It came back"}, {"reason": "1"}):
        refused = api.post(f"{path}/fail", body, if_match=f'"{payout["version"]}"')
        assert (refused.status, balance(api, shop)["paid"]) == (412, 5_000)
    refused = who_may_give(shop, "Another")[0].post(
        f"{path}/settle", {"reference": "1"}, if_match=f'"{payout["version"]}"'
    )
    assert refused.status == 412, "it is another one's word"
    back = api.post(f"{path}/fail", {"reason": "It came back"}, if_match=f'"{settled.body["version"]}"')
    again = api.post(f"{path}/fail", {"reason": "It came back"}, if_match=f'"{settled.body["version"]}"')
    assert (back.body["status"], again.status, again.body) == ("returned", 200, back.body)


def who_may_give(shop: Shop, name: str) -> tuple[Client, str]:
    """A key for which two may be needed, and its id."""
    scopes = ["payouts:read", "payouts:write", "adjustments:write"]
    made = shop.brand.made("/v1/keys", {"name": name, "scopes": scopes})
    return Client(APIS["payouts"], made["api_key"]), made["id"]


def test_the_first_of_two_words_lasts_a_week_at_most_and_is_joined_by_no_other_one(shop: Shop, clock: Clock) -> None:
    """A word that was left lying would make every later decision one of a single key."""
    api, path = settled_by_limit(shop, 4_999)
    (one, first), (another, second) = who_may_give(shop, "One"), who_may_give(shop, "Another")

    def says(client: Client, word: str, **body: str) -> tuple[str, str | None]:
        """What it is then, and whose word waits."""
        said = client.post(f"{path}/{word}", body).body
        return said["status"], said["fail_asked"] and said["fail_asked"]["by"]

    assert says(one, "fail", reason="It came back") == ("settled", first)
    refused = another.post(f"{path}/fail", {"reason": "No such account"})
    assert (refused.status, refused.code) == (409, "payout_failed_otherwise")
    assert "It came back" in refused.body["detail"]
    assert says(one, "fail", reason="No such account") == ("settled", first), "its own word it may put otherwise"
    assert says(api, "settle", reference="1") == ("settled", None), "it was paid after all"
    assert says(another, "fail", reason="No such account") == ("settled", second)
    clock.pass_(timedelta(days=7))
    assert says(one, "fail", reason="No such account") == ("settled", first), "the other one is forgotten"
    clock.pass_(timedelta(days=7, seconds=-1))
    assert says(another, "fail", reason="No such account") == ("returned", first)
    assert balance(api, shop)["available"] == 5_000


def test_a_first_word_that_has_lapsed_begins_anew_when_its_key_says_so_again(shop: Shop, clock: Clock) -> None:
    _, path = settled_by_limit(shop, 4_999)
    (one, _), (another, _) = who_may_give(shop, "One"), who_may_give(shop, "Another")
    for client, days, status in ((one, 8, "settled"), (one, 6, "settled"), (another, 0, "returned")):
        assert client.post(f"{path}/fail", {"reason": "It came back"}).body["status"] == status
        clock.pass_(timedelta(days=days))


def test_whose_answer_was_lost_says_the_same_of_two_words_again(shop: Shop) -> None:
    """With the version that it was about, as of any other word: the first one, and that it was paid after all."""
    api, path = settled_by_limit(shop, 4_999)
    settled = api.get(path).body
    (one, first), (another, second) = who_may_give(shop, "One"), who_may_give(shop, "Another")
    for client, word, body, asked_by, told_by in (
        (one, "fail", {"reason": "It came back"}, first, settled["told_by"]),
        (another, "settle", {"reference": "1"}, None, second),
    ):
        seen = f'"{api.get(path).body["version"]}"'
        said = client.post(f"{path}/{word}", body, if_match=seen)
        assert (said.body["fail_asked"] and said.body["fail_asked"]["by"], said.body["told_by"]) == (asked_by, told_by)
        again = client.post(f"{path}/{word}", body, if_match=seen)
        assert (again.status, again.body) == (200, said.body)


def test_a_first_word_said_again_is_enough_once_the_limit_was_raised(shop: Shop) -> None:
    api, path = settled_by_limit(shop, 4_999)
    assert api.post(f"{path}/fail", {"reason": "It came back"}).body["status"] == "settled"
    limit_to(api, 5_000)
    assert api.post(f"{path}/fail", {"reason": "It came back"}).body["status"] == "returned"


def test_that_no_more_than_the_limit_came_back_takes_the_word_of_one(shop: Shop) -> None:
    api, path = settled_by_limit(shop, 5_000)
    said = api.post(f"{path}/fail", {"reason": "It came back"})
    assert (said.status, said.body["status"], said.body["fail_asked"]) == (200, "returned", None)


def test_another_reason_is_refused_as_another_reference_is(shop: Shop) -> None:
    api = earned(shop)
    run(api)
    [payout] = api.get("/v1/payouts").body["items"]
    path = f"/v1/payouts/{payout['id']}"
    assert api.post(f"{path}/fail", {"reason": "No such account"}).body["status"] == "failed"
    assert api.post(f"{path}/fail", {"reason": "No such account"}).status == 200
    refused = api.post(f"{path}/fail", {"reason": "A slip"})
    assert (refused.status, refused.code) == (409, "payout_failed_otherwise")


def test_account_numbers_are_for_who_takes_files_to_the_bank(shop: Shop) -> None:
    api = earned(shop)
    path = f"/v1/payout_runs/{run(api)['id']}"
    everything = sorted(keys.SCOPES - {keys.EVERYTHING, "payout_files:read"})
    for scopes, statuses in ((everything, (200, 403)), (["payout_files:read"], (403, 200))):
        made = shop.brand.made("/v1/keys", {"name": "Somebody", "scopes": scopes})
        client = Client(APIS["payouts"], made["api_key"])
        assert (client.get(path).status, client.get(f"{path}/file").status) == statuses


def test_a_run_that_was_written_cannot_be_cancelled_and_its_payouts_can_fail(shop: Shop) -> None:
    api = earned(shop)
    made = run(api)
    assert api.post(f"/v1/payout_runs/{made['id']}/cancel").code == "run_already_sent"
    [payout] = api.get("/v1/payouts", status="submitted").body["items"]
    assert api.post(f"/v1/payouts/{payout['id']}/fail", {"reason": "No such account"}).body["status"] == "failed"
    assert api.get("/v1/payouts", status="submitted").body["items"] == []
    assert balance(api, shop)["available"] == 5_000
    again = run(api, "k2")
    assert (again["payouts"], again["total"]) == (1, 5_000)


def test_what_a_rail_says_otherwise_than_the_books_is_shown(shop: Shop, deployment: Deployment) -> None:
    api = earned(shop)
    run(api)
    [payout] = api.get("/v1/payouts").body["items"]
    assert (payout["carried"], payout["came_back"]) == (None, None)
    _, pk, sk = payouts.key(shop.brand.brand_id, payout["id"])
    PayoutItem(pk, sk).update([PayoutItem.carried.set([4_999, "ILS"]), PayoutItem.came_back.set([80, "USD"])])
    shown = api.get(f"/v1/payouts/{payout['id']}").body
    assert shown["carried"] == {"amount": 4_999, "currency": "ILS"}
    assert shown["came_back"] == {"amount": 80, "currency": "USD"}


def test_a_large_run_goes_on_by_itself(
    shop: Shop, new_creator_id: str, work: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_chunks, "CHUNK_MAX", 1)
    monkeypatch.setattr(runs, "_SECONDS", -1)
    api = earned(shop)
    made = run(api)
    assert (made["status"], made["payouts"]) == ("preparing", 0)
    assert api.get(f"/v1/payout_runs/{made['id']}/file").code == "file_not_yet_written"
    work()
    done = api.get(f"/v1/payout_runs/{made['id']}").body
    assert (done["status"], done["payouts"], done["progress"]["creators"]) == ("completed", 1, 2)
    assert len(rows(api, done)) == 1
    assert rows(api, done) == rows(api, done)


def test_a_schedule_begins_its_run_when_the_test_clock_comes_by(shop: Shop) -> None:
    api = books_of(shop)
    schedule = {"period": "month", "day": 1}
    said = {"currencies": {"ILS": {"rail": "csv", "schedule": schedule}}, "time_zone": "Asia/Jerusalem"}
    assert api.send("PUT", "/v1/payout_settings", said).status == 200
    earned(shop)
    assert api.get("/v1/payout_runs").body["items"] == []
    for _ in range(2):
        api.post("/v1/test_clock", {"now": "2026-06-02T00:00:00Z"})
        [made] = api.get("/v1/payout_runs").body["items"]
        assert (made["scheduled_for"], made["payouts"], made["status"]) == ("2026-06-01T06:00:00Z", 1, "completed")


def test_another_brand_sees_nothing_of_it(shop: Shop, new_brand: NewBrand) -> None:
    api = earned(shop)
    made = run(api)
    [payout] = api.get("/v1/payouts").body["items"]
    stranger = Client(APIS["payouts"], new_brand("Rugs").key)
    nobody, none = ids.derived("run_", "nobody"), ids.derived("po_", "nobody")
    for path, missing in [
        (f"/v1/payout_runs/{made['id']}", f"/v1/payout_runs/{nobody}"),
        (f"/v1/payout_runs/{made['id']}/outcomes", f"/v1/payout_runs/{nobody}/outcomes"),
        (f"/v1/payout_runs/{made['id']}/file", f"/v1/payout_runs/{nobody}/file"),
        (f"/v1/payouts/{payout['id']}", f"/v1/payouts/{none}"),
    ]:
        assert stranger.get(path).told == stranger.get(missing).told, path
        assert stranger.get(path).status == 404, path
    for verb, body in [("settle", {"reference": "1"}), ("fail", {"reason": "1"})]:
        there = stranger.post(f"/v1/payouts/{payout['id']}/{verb}", body)
        assert there.told == stranger.post(f"/v1/payouts/{none}/{verb}", body).told
    assert stranger.post(f"/v1/payout_runs/{made['id']}/cancel").status == 404
    assert stranger.get("/v1/payouts", run_id=made["id"]).status == 404
    assert stranger.get("/v1/payouts", creator_id=shop.creator).body["items"] == []
    asked = {"creator_ids": [shop.creator]}
    assert stranger.post("/v1/payout_runs", asked, idempotency_key="k").status == 404

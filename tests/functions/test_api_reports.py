"""What a year brought each creator, over HTTP."""

import csv
import io
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.fixtures import NOON, Clock
from tests.functions.client import Client
from tests.functions.conftest import APIS, NewBrand, books_of
from tests.functions.setting_up import Shop, new_creator, open_shop
from tests.wire import Wire
from vouch.domain import ledger
from vouch.domain.ledger import Entry, PayoutPart
from vouch.domain.money import Money
from vouch.store import ledger as entries

YEARLY = "/v1/reports/yearly"
LATER = "2027-06-01T00:00:00Z"


def order(shop: Shop, name: str, price: int, placed: str = "2026-05-04T12:00:00Z", currency: str = "ILS") -> Any:
    line = {"id": "1", "quantity": 1, "unit_price": price}
    body = {"external_id": name, "occurred_at": placed, "currency": currency, "lines": [line], "codes": ["NOA10"]}
    return Client(APIS["attribution"], shop.brand.key).made("/v1/orders", body)


def post(shop: Shop, *posted: Entry) -> None:
    for entry in posted:
        entries.item(shop.brand.brand_id, entry).save()


def paid(shop: Shop, number: int, amount: int, at: Any, *, rail: str = "csv", withheld: int = 0) -> PayoutPart:
    """A payout that is reserved, and settled a day later, with a fee that is nobody's earning."""
    part = PayoutPart(f"po_{str(number) * 26}", shop.creator, "ILS", amount, withheld, rail, "IL" if withheld else "")
    settled = at + timedelta(days=1)
    post(shop, ledger.payout_entry(part, at=at, version=1), ledger.payout_settled_entry(part, at=settled, version=2))
    post(shop, ledger.payout_fee_entry(part, Money(7, "ILS"), at=settled, version=2))
    return part


def adjusted(shop: Shop, kind: str, amount: int, at: Any) -> Entry:
    return ledger.adjustment_entry(kind, f"adj_{kind}", shop.creator, "ILS", amount, at=at, version=3)


def years(shop: Shop, year: int = 2026, **query: Any) -> list[Any]:
    items: list[Any] = books_of(shop).get(YEARLY, year=year, **query).body["items"]
    return items


def a_year(shop: Shop) -> None:
    """Worked by hand: 100.00 and 20.00 commission, 5.00 off by the brand's word, and 1.50 written off.

    Paid: 90.00 by file, of which 9.00 is withheld; 10.00 by PayPal, which comes back the year after; and 3.00 that
    failed. A payout that is under way at the year's end is settled in the next.
    """
    order(shop, "A-1", 100_000)
    order(shop, "A-2", 20_000)
    may = NOON + timedelta(days=20)
    paid(shop, 1, 9_000, may, withheld=900)
    back = paid(shop, 2, 1_000, may, rail="paypal")
    failed = PayoutPart("po_" + "3" * 26, shop.creator, "ILS", 300, 0, "paypal")
    post(shop, ledger.payout_entry(failed, at=may, version=1))
    post(shop, ledger.payout_released_entry(failed, at=may + timedelta(days=2), version=2))
    post(shop, adjusted(shop, ledger.ADJUSTMENT, -500, may), adjusted(shop, ledger.WRITEOFF, 150, may))
    post(shop, ledger.payout_returned_entry(back, at=NOON + timedelta(days=300), version=5))
    paid(shop, 4, 2_000, NOON.replace(month=12, day=31))
    books_of(shop).post("/v1/test_clock", {"now": LATER})


def test_a_year_tells_what_was_earned_in_it_and_what_was_paid_by_which_rail(shop: Shop) -> None:
    a_year(shop)
    [year] = years(shop)
    assert year == {
        "creator_id": shop.creator,
        "name": "Noa",
        "country": None,
        "entity": None,
        "tax_form": None,
        "tax_id_noted": False,
        "currency": "ILS",
        "earned": 10_000 + 2_000 - 500 + 150,
        "paid": 8_100 + 1_000,
        "withheld": 900,
        "rails": [
            {"rail": "csv", "withheld_for": "IL", "paid": 8_100, "withheld": 900},
            {"rail": "paypal", "withheld_for": None, "paid": 1_000, "withheld": 0},
        ],
        "over_threshold": [],
    }
    [next_year] = years(shop, 2027)
    assert (next_year["earned"], next_year["paid"], next_year["withheld"]) == (0, 2_000 - 1_000, 0)
    assert next_year["rails"] == [
        {"rail": "csv", "withheld_for": None, "paid": 2_000, "withheld": 0},
        {"rail": "paypal", "withheld_for": None, "paid": -1_000, "withheld": 0},
    ]
    assert years(shop, 2025) == years(shop, 2099) == years(shop, currency="USD") == []


def test_a_year_tells_who_they_are_to_a_tax_office_but_not_their_number(shop: Shop) -> None:
    a_year(shop)
    said = {"country": "il", "entity": "company", "tax_form": "W-8BEN-E", "tax_id": "514123457"}
    noted = books_of(shop).send(
        "PUT", f"/v1/creators/{shop.creator}/payee", {"held": False, "withholding_bps": 1_000} | said
    )
    assert noted.status == 200, noted.text
    answer = books_of(shop).get(YEARLY, year=2026)
    [year] = answer.body["items"]
    known = {name: year[name] for name in ("country", "entity", "tax_form", "tax_id_noted")}
    assert known == {"country": "IL", "entity": "company", "tax_form": "W-8BEN-E", "tax_id_noted": True}
    sheet = books_of(shop).send("GET", YEARLY, query={"year": 2026}, accept="text/csv").text
    rows = list(csv.DictReader(io.StringIO(sheet.removeprefix("\ufeff"))))
    assert [(row["country"], row["entity"], row["tax_form"], row["tax_id_noted"]) for row in rows] == [
        ("IL", "company", "W-8BEN-E", "yes")
    ] * 3
    assert not re.search(r"(?<!\w)\d*3457(?!\w)", answer.text + sheet), "not even its end, which an id may have"


def test_tax_for_two_countries_is_told_apart(shop: Shop) -> None:
    """Who has moved since is taxed elsewhere; what was withheld before is still the first country's."""
    may = NOON + timedelta(days=20)
    parts = [(1, "IL", 100), (2, "DE", 50), (3, "IL", 25)]
    for number, authority, withheld in parts:
        part = PayoutPart(f"po_{str(number) * 26}", shop.creator, "ILS", 1_000, withheld, "csv", authority)
        post(shop, ledger.payout_entry(part, at=may, version=1), ledger.payout_settled_entry(part, at=may, version=2))
    books_of(shop).post("/v1/test_clock", {"now": LATER})
    [year] = years(shop)
    assert year["rails"] == [
        {"rail": "csv", "withheld_for": "DE", "paid": 950, "withheld": 50},
        {"rail": "csv", "withheld_for": "IL", "paid": 1_875, "withheld": 125},
    ]
    assert (year["paid"], year["withheld"]) == (2_825, 175)


def test_years_and_payouts_together_are_the_statement(shop: Shop) -> None:
    a_year(shop)
    both = [total for year in (2026, 2027) for total in years(shop, year)]
    closing = books_of(shop).get(f"/v1/creators/{shop.creator}/statement", currency="ILS").body["closing"]
    gross = sum(total["paid"] + total["withheld"] for total in both)
    assert sum(total["earned"] for total in both) - gross == closing


def test_a_year_begins_where_the_brand_is_at_home(shop: Shop) -> None:
    """Midnight in Jerusalem is ten at night in London."""
    post(shop, adjusted(shop, ledger.ADJUSTMENT, 700, NOON.replace(month=12, day=31, hour=22)))
    books_of(shop).post("/v1/test_clock", {"now": LATER})
    assert [each["earned"] for each in years(shop)] == [700]
    books_of(shop).send("PUT", "/v1/payout_settings", {"time_zone": "Asia/Jerusalem", "currencies": {}})
    assert years(shop) == []
    report = books_of(shop).get(YEARLY, year=2027).body
    assert [each["earned"] for each in report["items"]] == [700]
    assert (report["from"], report["to"]) == ("2026-12-31T22:00:00Z", "2027-12-31T22:00:00Z")
    assert (report["time_zone"], report["year"], report["as_of"]) == (
        "Asia/Jerusalem",
        2027,
        "2027-06-01T00:00:00Z",
    )


def test_what_lies_ahead_is_not_earned_yet(shop: Shop) -> None:
    order(shop, "A-1", 10_000)
    assert years(shop) == []
    books_of(shop).post("/v1/test_clock", {"now": "2026-05-18T12:00:00Z"})
    assert [each["earned"] for each in years(shop)] == [1_000]


def test_thresholds_are_the_brands_own_and_are_reached_by_the_unit(shop: Shop) -> None:
    a_year(shop)
    empty = books_of(shop).get("/v1/reports/thresholds")
    assert (empty.body, empty.headers["etag"]) == ({"thresholds": [], "version": 0}, '"0"')
    wanted = [
        {"name": "report", "currency": "ILS", "amount": 11_650, "of": "earned"},
        {"name": "nearly", "currency": "ILS", "amount": 11_651, "of": "earned"},
        {"name": "paid", "currency": "ILS", "amount": 10_000, "of": "paid"},
        {"name": "dollars", "currency": "USD", "amount": 1, "of": "paid"},
    ]
    put = books_of(shop).send("PUT", "/v1/reports/thresholds", {"thresholds": wanted})
    assert (put.status, put.body) == (200, {"thresholds": wanted, "version": 1})
    assert books_of(shop).get("/v1/reports/thresholds").body == put.body
    assert years(shop)[0]["over_threshold"] == ["report", "paid"], "what is withheld was paid as well"
    assert years(shop, 2027)[0]["over_threshold"] == []
    stale = books_of(shop).send("PUT", "/v1/reports/thresholds", {"thresholds": []}, if_match='"7"')
    assert (stale.status, stale.code) == (412, "stale_version")


@pytest.mark.parametrize("broken, param", [
    ({"name": "a", "currency": "ILS", "amount": 0, "of": "paid"}, "thresholds.0.amount"),
    ({"name": "a", "currency": "XXX", "amount": 1, "of": "paid"}, "thresholds.0.currency"),
    ({"name": "a", "currency": "ILS", "amount": 1, "of": "due"}, "thresholds.0.of"),
    ({"name": "", "currency": "ILS", "amount": 1, "of": "paid"}, "thresholds.0.name"),
])  # fmt: skip
def test_a_threshold_that_means_nothing_is_refused(shop: Shop, broken: dict[str, Any], param: str) -> None:
    got = books_of(shop).send("PUT", "/v1/reports/thresholds", {"thresholds": [broken]})
    assert (got.status, got.body["param"]) == (400, param)
    twice = [{"name": "a", "currency": "ILS", "amount": 1, "of": "paid"}] * 2
    got = books_of(shop).send("PUT", "/v1/reports/thresholds", {"thresholds": twice})
    assert (got.status, got.body["errors"][0]["code"]) == (400, "repeated")


def crowd(shop: Shop) -> list[str]:
    """Five more creators, each with something of this year."""
    ids = [new_creator(shop.brand, f"creator{number}")["id"] for number in range(5)]
    for creator_id in ids:
        entry = ledger.adjustment_entry(
            ledger.ADJUSTMENT, f"adj_{creator_id}", creator_id, "ILS", 100, at=NOON, version=1
        )
        entries.item(shop.brand.brand_id, entry).save()
    return ids


def test_pages_put_together_are_all_creators_once(shop: Shop) -> None:
    ids = crowd(shop)
    found: list[str] = []
    cursor = None
    while True:
        page = books_of(shop).get(YEARLY, year=2026, limit=2, cursor=cursor).body
        found += [item["creator_id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert sorted(found) == sorted(ids)
    first = books_of(shop).get(YEARLY, year=2026, limit=2).body["next_cursor"]
    refused = books_of(shop).get(YEARLY, year=2027, limit=2, cursor=first)
    assert (refused.status, refused.code) == (400, "invalid_cursor")


def test_what_it_asks_for_does_not_grow_with_a_creators_year(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    crowd(shop)
    asked = []
    for _ in range(2):
        wire = Wire(monkeypatch)
        books_of(shop).get(YEARLY, year=2026)
        asked.append(len(wire.sent))
        for number in range(40):
            entry = replace(adjusted(shop, ledger.ADJUSTMENT, 1, NOON), id=f"ent_{number:026}")
            post(shop, entry)
    credential, year, list_of_creators, creators_ = 1, 2, 2, 6
    assert asked == [credential + year + list_of_creators + 2 * creators_] * 2


def test_a_call_that_runs_out_of_time_goes_on_where_it_was(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = crowd(shop)
    monkeypatch.setattr("payouts.reports._SECONDS", -1)
    found: list[str] = []
    cursor = None
    while True:
        page = books_of(shop).get(YEARLY, year=2026, cursor=cursor).body
        assert len(page["items"]) <= 1
        found += [item["creator_id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert sorted(found) == sorted(ids)


def test_as_csv_every_column_adds_up_and_the_next_page_is_named(shop: Shop) -> None:
    a_year(shop)
    wanted = [{"name": "paid", "currency": "ILS", "amount": 1, "of": "paid"}]
    books_of(shop).send("PUT", "/v1/reports/thresholds", {"thresholds": wanted})
    crowd(shop)
    rows: list[dict[str, str]] = []
    query = "year=2026&limit=4"
    while query:
        asked = dict(part.split("=", 1) for part in query.split("&"))
        got = books_of(shop).send("GET", YEARLY, query=asked, accept="text/csv")
        assert got.headers["content-type"] == "text/csv; charset=utf-8"
        rows += csv.DictReader(io.StringIO(got.text.removeprefix("\ufeff")))
        link = got.headers.get("link", "")
        query = link.removeprefix(f"<{YEARLY}?").removesuffix('>; rel="next"')
    of_noa = [row for row in rows if row["creator_id"] == shop.creator]
    columns = ("rail", "withheld_for", "earned", "paid", "withheld", "over_threshold")
    assert [tuple(row[column] for column in columns) for row in of_noa] == [
        ("", "", "11650", "0", "0", "paid"),
        ("csv", "IL", "0", "8100", "900", ""),
        ("paypal", "", "0", "1000", "0", ""),
    ]
    assert sum(int(row["earned"]) for row in rows) == 11_650 + 5 * 100
    assert len({row["creator_id"] for row in rows}) == 6


def test_an_account_too_large_is_named_and_not_half_counted(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    a_year(shop)
    ids = crowd(shop)
    monkeypatch.setattr("vouch.service.yearly.ENTRIES_MAX", 3)
    report = books_of(shop).get(YEARLY, year=2026).body
    assert report["left_out"] == [{"creator_id": shop.creator, "code": "account_too_large"}]
    assert sorted(item["creator_id"] for item in report["items"]) == sorted(ids)
    sheet = books_of(shop).send("GET", YEARLY, query={"year": 2026}, accept="text/csv").text
    assert f"{shop.creator},Noa,,,,,,,,,,,,account_too_large" in sheet


def test_only_the_brands_own_creators_are_told_of(shop: Shop, new_brand: NewBrand, clock: Clock) -> None:
    a_year(shop)
    theirs = open_shop(new_brand("Theirs", mode="test"), "dana")
    assert years(theirs) == []
    assert books_of(theirs).get("/v1/reports/thresholds").body["thresholds"] == []
    key = shop.brand.made("/v1/keys", {"name": "Links", "scopes": ["links:read", "reports:read"]})["api_key"]
    reader = Client(APIS["payouts"], key)
    assert reader.get(YEARLY, year=2026).status == 200
    refused = reader.send("PUT", "/v1/reports/thresholds", {"thresholds": []})
    assert (refused.status, refused.code) == (403, "scope_missing")


@pytest.mark.parametrize("query", [{}, {"year": 1999}, {"year": "now"}, {"year": 2026, "currency": "XXX"}])
def test_a_year_has_to_be_named(shop: Shop, query: dict[str, Any]) -> None:
    assert books_of(shop).get(YEARLY, **query).status == 400

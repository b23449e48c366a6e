"""Balances, statements, the proof of the books and the test clock over HTTP."""

import csv
import io
from datetime import timedelta
from typing import Any

import pytest

from payouts import accounts
from tests.books import note_due
from tests.fixtures import NOON, Clock
from tests.functions.client import Client
from tests.functions.conftest import APIS, NewBrand, books_of
from tests.functions.setting_up import TERMS, Shop, new_creator, open_shop
from vouch.domain.invariants import Violation
from vouch.service import brands, folds, verify
from vouch.service.deployment import Deployment
from vouch.store.tables import Brand


@pytest.fixture
def shop(new_brand: NewBrand) -> Shop:
    shop = open_shop(new_brand(mode="test"))
    start = (NOON - timedelta(days=90)).isoformat()
    given = {"program_id": shop.program, "creator_id": shop.creator, "code": "OLD", "active_from": start}
    shop.brand.made("/v1/codes", given)
    return shop


def order(shop: Shop, name: str, price: int, at: str = "2026-05-04T12:00:00Z", currency: str = "ILS") -> Any:
    body = {
        "external_id": name,
        "occurred_at": at,
        "currency": currency,
        "lines": [{"id": "1", "quantity": 1, "unit_price": price}],
        "codes": ["NOA10"],
    }
    return Client(APIS["attribution"], shop.brand.key).made("/v1/orders", body)


def fold(deployment: Deployment, shop: Shop) -> None:
    """As the daily job would."""
    brand = brands.found(deployment, shop.brand.get("/v1/brand").body["id"])
    folds.fold_creator(deployment, brand.id, shop.creator, deployment.brand_now(brand))


def test_what_was_earned_is_pending_until_the_clock_passes_its_hold(shop: Shop) -> None:
    order(shop, "A-1", 10_000)
    path = f"/v1/creators/{shop.creator}/balances"
    nothing = {"currency": "ILS", "pending": 0, "held": 0, "available": 0, "in_transit": 0, "paid": 0}
    assert books_of(shop).get(path).body == [nothing | {"pending": 1000}]
    moved = books_of(shop).post("/v1/test_clock", {"now": "2026-05-18T12:00:00Z"})
    assert (moved.status, moved.body) == (200, {"now": "2026-05-18T12:00:00Z", "frozen": True, "folded": True})
    assert books_of(shop).get(path).body == [nothing | {"available": 1000}]


def test_balances_of_an_account_too_large_to_be_read_say_as_of_when_they_are(
    shop: Shop, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    order(shop, "A-1", 10_000)
    brand = brands.found(deployment, shop.brand.get("/v1/brand").body["id"])
    note_due(deployment, brand, shop.creator)
    path = f"/v1/creators/{shop.creator}/balances"
    exact = books_of(shop).get(path).body
    monkeypatch.setattr("vouch.service.accounts._ENTRIES_MAX", 0)
    assert books_of(shop).get(path).body == [exact[0] | {"as_of": "2026-05-04T12:00:00Z"}]


def test_a_statement_adds_up_on_every_page_and_as_csv(shop: Shop) -> None:
    for number in range(5):
        order(shop, f"A-{number}", 1000 * (number + 1))
    order(shop, "B-1", 900, currency="USD")
    books_of(shop).post("/v1/test_clock", {"now": "2026-06-01T00:00:00Z"})
    path = f"/v1/creators/{shop.creator}/statement"
    whole = books_of(shop).get(path, currency="ILS").body
    assert set(whole) == {
        "creator_id", "currency", "from", "to", "opening", "closing", "entries", "totals", "next_cursor",
    }  # fmt: skip
    assert (whole["opening"], whole["closing"], whole["next_cursor"]) == (0, 1500, None)
    assert whole["totals"] == {"credited": 1500, "debited": 0, "net": 1500}
    assert set(whole["entries"][0]) == {
        "id", "at", "kind", "order_id", "payout_id", "adjustment_id", "amount", "balance",
        "program_id", "rule", "period", "withheld", "net", "reason",
    }  # fmt: skip
    found: list[Any] = []
    cursor = None
    while True:
        page = books_of(shop).get(path, currency="ILS", limit=2, cursor=cursor).body
        found += page["entries"]
        assert (page["opening"], page["closing"], page["totals"]) == (0, 1500, whole["totals"])
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert found == whole["entries"]
    assert [entry["balance"] for entry in found][-1] == whole["closing"]
    sheet = books_of(shop).send("GET", path, query={"currency": "ILS"}, accept="text/csv")
    assert sheet.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(sheet.text.removeprefix("\ufeff"))))
    assert [int(row["amount"]) for row in rows if row["amount"]] == [entry["amount"] for entry in found]
    assert (rows[0]["kind"], rows[-1]["kind"], rows[-1]["balance"]) == ("opening", "closing", "1500")


def test_caps_and_bonuses_are_in_the_balances_at_once_and_in_the_statement_with_the_next_fold(
    shop: Shop, deployment: Deployment
) -> None:
    bonus = {"id": "three", "measure": "orders", "threshold": 3, "period": "quarter"}
    commission = TERMS["commission"] | {
        "cap_per_period": {"amount": 2000, "currency": "ILS", "period": "month"},
        "bonuses": [bonus | {"reward": {"amount": 300, "currency": "ILS"}}],
    }
    shop.brand.made(f"/v1/programs/{shop.program}/terms", {"commission": commission})
    orders = [order(shop, f"A-{number}", 10_000) for number in range(3)]
    balances, statement = (f"/v1/creators/{shop.creator}/{name}" for name in ("balances", "statement"))
    assert books_of(shop).get(balances).body[0]["pending"] == 3000, "what is pending is not capped yet"
    books_of(shop).post("/v1/test_clock", {"now": "2026-05-18T12:00:00Z"})
    assert books_of(shop).get(balances).body[0]["available"] == 2300
    assert books_of(shop).get(statement, currency="ILS").body["closing"] == 3000
    fold(deployment, shop)
    shown = books_of(shop).get(statement, currency="ILS").body
    assert books_of(shop).get(balances).body[0]["available"] == shown["closing"] == 2300
    lines = {entry["rule"]: entry for entry in shown["entries"] if entry["kind"] == "bonus"}
    assert {rule: (line["period"], line["amount"]) for rule, line in lines.items()} == {
        "cap_per_period": ("2026-05", -1000),
        "bonuses.three": ("2026-Q2", 300),
    }
    assert {(line["program_id"], line["order_id"]) for line in lines.values()} == {(shop.program, None)}

    refund = {"external_id": "R-1", "amount": 10_000}
    Client(APIS["attribution"], shop.brand.key).made(f"/v1/orders/{orders[0]['id']}/refunds", refund)
    assert books_of(shop).get(balances).body[0]["available"] == 2000, "room under the cap, and two orders left"
    assert books_of(shop).get(statement, currency="ILS").body["closing"] == 1300
    fold(deployment, shop)
    assert books_of(shop).get(statement, currency="ILS").body["closing"] == 2000
    sheet = books_of(shop).send("GET", statement, query={"currency": "ILS"}, accept="text/csv")
    rows = list(csv.DictReader(io.StringIO(sheet.text.removeprefix("\ufeff"))))
    assert sum(int(row["amount"]) for row in rows if row["amount"]) == 2000
    assert {row["rule"] for row in rows if row["kind"] == "bonus"} == set(lines)
    assert books_of(shop).get("/v1/ledger/verify").body["ok"]


def test_a_statement_of_a_span_begins_with_what_was_there(shop: Shop) -> None:
    order(shop, "A-1", 10_000)
    path = f"/v1/creators/{shop.creator}/statement"
    span = {"currency": "ILS", "from": "2026-05-18T12:00:00Z", "to": "2026-05-18T12:00:01Z"}
    got = books_of(shop).get(path, **span).body
    assert (got["from"], got["to"]) == (span["from"], span["to"])
    assert (got["opening"], got["closing"], len(got["entries"])) == (0, 1000, 1)
    later = books_of(shop).get(path, **span | {"from": "2026-05-18T12:00:00.000001Z"}).body
    assert (later["opening"], later["closing"], later["entries"]) == (1000, 1000, [])
    reversed_span = books_of(shop).get(path, **span | {"to": "2026-05-18T11:00:00Z"})
    assert (reversed_span.status, reversed_span.body["param"]) == (400, "to")


@pytest.mark.parametrize(
    "query, param", [({}, "currency"), ({"currency": "XXX"}, "currency"), ({"currency": "ILS", "from": "May"}, "from")]
)
def test_a_statement_says_what_it_needs(shop: Shop, query: dict[str, str], param: str) -> None:
    got = books_of(shop).get(f"/v1/creators/{shop.creator}/statement", **query)
    assert (got.status, got.body["param"]) == (400, param)


def test_the_books_are_proven(shop: Shop) -> None:
    order(shop, "A-1", 10_000)
    got = books_of(shop).get("/v1/ledger/verify").body
    assert (got["ok"], got["violations"], got["unchecked"], got["next_cursor"]) == (True, [], [], None)
    assert got["checked"] >= 2
    assert got["as_of"] == "2026-05-04T12:00:00Z"


def test_the_proof_goes_on_wherever_a_page_of_orders_was_left(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """All but the last one of a page were looked at, and the cursor says which."""
    orders = 25
    for number in range(orders):
        order(shop, f"A-{number}", 1000)
    checked, settled = list[str](), verify._settled_again

    def again(deployment: Deployment, brand: Brand, order_id: str) -> list[Violation]:
        checked.append(order_id)
        return settled(deployment, brand, order_id)

    monkeypatch.setattr(verify, "_settled_again", again)
    monkeypatch.setattr(accounts, "within", lambda _: lambda: len(checked) != orders - 1)
    books = books_of(shop)
    first = books.get("/v1/ledger/verify").body
    assert len(checked) == orders - 1
    checked.append("")
    assert books.get("/v1/ledger/verify", cursor=first["next_cursor"]).body["next_cursor"] is None
    assert len(set(checked)) == orders + 1


def test_an_account_too_large_to_be_proven_is_said_to_be(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    order(shop, "A-1", 10_000)
    monkeypatch.setattr("vouch.service.verify._ENTRIES_MAX", 0)
    got = books_of(shop).get("/v1/ledger/verify").body
    assert (got["ok"], got["violations"]) == (False, [])
    assert got["unchecked"] == [{"creator_id": shop.creator, "code": "account_too_large"}]


def test_a_sheet_that_would_be_too_long_is_refused_whole(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        order(shop, f"A-{number}", 1000)
    path, query = f"/v1/creators/{shop.creator}/statement", {"currency": "ILS", "to": "2026-06-01T00:00:00Z"}
    monkeypatch.setattr("payouts.accounts._CSV_ENTRIES_MAX", 3)
    assert books_of(shop).send("GET", path, query=query, accept="text/csv").status == 200
    monkeypatch.setattr("payouts.accounts._CSV_ENTRIES_MAX", 2)
    refused = books_of(shop).send("GET", path, query=query, accept="text/csv")
    assert (refused.status, refused.code, refused.body["param"]) == (422, "statement_too_long", "from")


def test_a_clock_moves_forward_only_and_in_test_brands_only(shop: Shop, brand: Client, clock: Clock) -> None:
    assert books_of(shop).get("/v1/test_clock").body == {"now": "2026-05-04T12:00:00Z", "frozen": False}
    back = books_of(shop).post("/v1/test_clock", {"now": "2026-05-04T11:59:59Z"})
    assert (back.status, back.code, back.body["param"]) == (422, "clock_backwards", "now")
    for moment in ("2026-05-05T00:00:00Z", "2026-05-05T00:00:00Z"):
        assert books_of(shop).post("/v1/test_clock", {"now": moment}).status == 200
    clock.pass_(timedelta(days=30))
    assert books_of(shop).get("/v1/test_clock").body == {"now": "2026-05-05T00:00:00Z", "frozen": True}
    assert books_of(shop).post("/v1/test_clock", {"now": "2026-05-04T23:59:59Z"}).code == "clock_backwards"
    live = Client(APIS["payouts"], brand.key)
    for got in (live.get("/v1/test_clock"), live.post("/v1/test_clock", {"now": "2027-01-01T00:00:00Z"})):
        assert (got.status, got.code) == (403, "not_a_test_brand")


def test_a_test_brand_that_has_nothing_yet_may_go_back_once(new_brand: NewBrand) -> None:
    brand = new_brand(mode="test")
    clock = Client(APIS["payouts"], brand.key)
    assert clock.post("/v1/test_clock", {"now": "2026-01-01T00:00:00Z"}).status == 200
    assert brand.get("/v1/brand").body["now"] == "2026-01-01T00:00:00Z"
    assert clock.post("/v1/test_clock", {"now": "2025-12-31T00:00:00Z"}).code == "clock_backwards"


def test_nobodys_account_stands_ahead_of_its_brands_clock(new_brand: NewBrand) -> None:
    brand = new_brand(mode="test")
    clock = Client(APIS["payouts"], brand.key)
    given = {"creator_id": new_creator(brand)["id"], "amount": 5_000, "currency": "ILS", "reason": "Welcome"}
    clock.made("/v1/adjustments", given, idempotency_key="welcome")
    assert clock.post("/v1/test_clock", {"now": "2026-01-01T00:00:00Z"}).code == "clock_backwards"
    assert clock.get("/v1/ledger/verify").body["violations"] == []


def test_a_creator_of_nobody_has_no_balances(shop: Shop) -> None:
    for place in ("balances", "statement"):
        got = books_of(shop).get(f"/v1/creators/cre_nobody/{place}", currency="ILS")
        assert (got.status, got.code) == (404, "not_found")

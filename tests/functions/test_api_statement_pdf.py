"""The statement as PDF over HTTP: equal to the statement as JSON, in the creator's language, by whoever asks for it."""

from datetime import timedelta
from typing import Any

import pytest

from tests.documents.reader import Printed
from tests.fixtures import NOON
from tests.functions.client import Answer, Client
from tests.functions.conftest import APIS, NewBrand, books_of
from tests.functions.setting_up import Shop, new_creator, open_shop
from vouch.domain import ledger
from vouch.domain.ledger import Entry, PayoutPart
from vouch.store import ledger as entries

MAY = {"currency": "ILS", "from": "2026-05-01T00:00:00Z", "to": "2026-06-01T00:00:00Z"}


def ask(shop: Shop, *, creator: str | None = None, accept_language: str = "", **query: Any) -> Answer:
    path = f"/v1/creators/{creator or shop.creator}/statement.pdf"
    papers = Client(APIS["papers"], shop.brand.key)
    return papers.send("GET", path, query={"currency": "ILS"} | query, accept_language=accept_language)


def statement(shop: Shop, **query: Any) -> Any:
    return books_of(shop).get(f"/v1/creators/{shop.creator}/statement", **query).body


def order(shop: Shop, name: str, price: int, placed: str = "2026-05-04T12:00:00Z") -> Any:
    line = {"id": "1", "quantity": 1, "unit_price": price}
    body = {"external_id": name, "occurred_at": placed, "currency": "ILS", "lines": [line], "codes": ["NOA10"]}
    return Client(APIS["attribution"], shop.brand.key).made("/v1/orders", body)


def busy_may(shop: Shop) -> None:
    """Three orders, one of which comes back; a payout that comes back, and a second one; and a word of the brand."""
    orders = [order(shop, name, price) for name, price in (("A-1", 100_000), ("A-2", 33_330), ("A-3", 1_010))]
    refund = {"external_id": "R-1", "amount": 33_330}
    Client(APIS["attribution"], shop.brand.key).made(f"/v1/orders/{orders[1]['id']}/refunds", refund)
    first, second = (PayoutPart(f"po_{n * 26}", shop.creator, "ILS", 9_000, 0, "csv") for n in "12")
    day = timedelta(days=1)
    posted = (
        ledger.payout_entry(first, at=NOON + 15 * day, version=1),
        ledger.payout_settled_entry(first, at=NOON + 16 * day, version=2),
        ledger.payout_returned_entry(first, at=NOON + 17 * day, version=3),
        ledger.payout_entry(second, at=NOON + 18 * day, version=4),
        adjusted(shop, -250, NOON + 19 * day),
    )
    for entry in posted:
        entries.item(shop.brand.brand_id, entry).save()


def adjusted(shop: Shop, amount: int, at: Any) -> Entry:
    return ledger.adjustment_entry(ledger.ADJUSTMENT, "adj_1", shop.creator, "ILS", amount, at=at, version=5)


@pytest.mark.parametrize("language", ["en", "he"])
def test_it_says_what_the_statement_says_to_the_unit(shop: Shop, language: str) -> None:
    busy_may(shop)
    whole = statement(shop, **MAY)
    assert len(whole["entries"]) >= 7
    assert whole["closing"] == 10_000 + 101 - 9_000 - 250
    got = ask(shop, **MAY, language=language)
    assert (got.status, got.headers["content-type"]) == (200, "application/pdf")
    assert got.headers["content-language"] == language
    printed = Printed(got.content)
    reading = 1 if language == "en" else -1
    rows = [[entry["amount"], entry["balance"]][::reading] for entry in whole["entries"]]
    assert printed.figures() == [[whole["opening"]], *rows, [whole["closing"]]]
    totals = whole["totals"]
    assert printed.sums() == [whole["opening"], totals["credited"], -totals["debited"], whole["closing"]]
    for name in ("A-1", "A-2", "A-3", f"po_{'1' * 26}", f"po_{'2' * 26}", "ST-", "Mugs", "Noa"):
        assert name in printed.text


def test_it_is_in_the_creators_language_whoever_asks_unless_another_is_asked_for(shop: Shop) -> None:
    dana = new_creator(shop.brand, "dana", language="he")["id"]
    for asked, accepted, language in [
        ({}, "en", "he"),
        ({"language": "en"}, "he", "en"),
        ({"language": "he"}, "", "he"),
    ]:
        got = ask(shop, creator=dana, accept_language=accepted, **asked)
        assert got.headers["content-language"] == language
        assert ("תקופה" in Printed(got.content).text) is (language == "he")
    refused = ask(shop, accept_language="he", currency="XXX")
    assert (refused.status, refused.headers["content-language"]) == (400, "he")


def test_its_number_is_that_of_its_creator_currency_and_range(shop: Shop) -> None:
    def number(**query: Any) -> str:
        name = ask(shop, **{**MAY, **query}).headers["content-disposition"]
        return name.removeprefix('inline; filename="').removesuffix('.pdf"')

    dana = new_creator(shop.brand, "dana")["id"]
    first = number()
    order(shop, "A-1", 1_000)
    assert first == number(language="he")
    assert first in Printed(ask(shop, **MAY).content).text
    others = [number(currency="USD"), number(to="2026-06-01T00:00:01Z"), number(creator=dana)]
    assert len({first, *others}) == 4


def test_whoever_would_rather_have_a_pdf_is_led_to_it(shop: Shop) -> None:
    order(shop, "A-1", 1_000)
    books = books_of(shop)
    path = f"/v1/creators/{shop.creator}/statement"
    led = books.send("GET", path, query=MAY | {"language": "he"}, accept="text/csv;q=0.9, application/pdf")
    assert (led.status, led.text) == (303, "")
    location, _, query = led.headers["location"].partition("?")
    assert location == f"{path}.pdf"
    assert query == "currency=ILS&from=2026-05-01T00%3A00%3A00Z&to=2026-06-01T00%3A00%3A00Z&language=he"
    assert books.send("GET", path, query=MAY, accept="text/csv, application/pdf").headers["content-type"] == (
        "text/csv; charset=utf-8"
    )
    assert books.send("GET", path, query=MAY, accept="*/*").status == 200


def test_a_month_is_the_brands_own(shop: Shop) -> None:
    """What may be paid on 31 May at 21:30 in London may be paid on 1 June in Jerusalem."""
    order(shop, "A-1", 10_000, placed="2026-05-17T20:30:00Z")
    assert statement(shop, currency="ILS", month="2026-05")["closing"] == 1_000
    books = books_of(shop)
    assert books.send("PUT", "/v1/payout_settings", {"time_zone": "Asia/Jerusalem", "currencies": {}}).status == 200
    june = statement(shop, currency="ILS", month="2026-06")
    assert (june["from"], june["to"]) == ("2026-05-31T21:00:00Z", "2026-06-30T21:00:00Z")
    assert (june["opening"], june["closing"]) == (0, 1_000)
    text = Printed(ask(shop, month="2026-06").content).text
    assert {"June 2026", "1 June 2026"} <= set(text.splitlines())
    for path in ("statement", "statement.pdf"):
        api = APIS["papers" if path.endswith("pdf") else "payouts"]
        client = Client(api, shop.brand.key)
        both = client.get(f"/v1/creators/{shop.creator}/{path}", **MAY, month="2026-05")
        assert (both.status, both.code, both.body["param"]) == (400, "one_of_two", "month")
        wrong = client.get(f"/v1/creators/{shop.creator}/{path}", currency="ILS", month="2026-13")
        assert (wrong.status, wrong.body["param"]) == (400, "month")


def test_one_that_would_be_too_long_is_refused_whole(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        order(shop, f"A-{number}", 1_000)
    monkeypatch.setattr("payouts.statement_pdf._LINES_MAX", 3)
    assert ask(shop, **MAY).status == 200
    monkeypatch.setattr("payouts.statement_pdf._LINES_MAX", 2)
    refused = ask(shop, **MAY)
    assert (refused.status, refused.code, refused.body["param"]) == (422, "statement_too_long", "from")


def test_another_brands_creator_is_nobody(shop: Shop, new_brand: NewBrand) -> None:
    theirs = open_shop(new_brand("Theirs"), "dana")
    other, nobody = ask(shop, creator=theirs.creator), ask(shop, creator="cre_" + "0" * 26)
    assert (other.status, other.code) == (404, "not_found")
    assert other.told == nobody.told
    key = shop.brand.made("/v1/keys", {"name": "Links", "scopes": ["links:read"]})["api_key"]
    refused = Client(APIS["papers"], key).get(f"/v1/creators/{shop.creator}/statement.pdf", currency="ILS")
    assert (refused.status, refused.code) == (403, "scope_missing")

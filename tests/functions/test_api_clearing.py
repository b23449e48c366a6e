"""Rails' statements and the clearing report over HTTP, and creators who owe: every number worked by hand."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from tests.faults.injection import tried
from tests.fixtures import NOON, Clock
from tests.functions.client import Answer, Client
from tests.functions.conftest import APIS, NewBrand
from tests.functions.setting_up import Shop
from vouch.domain import ids, times
from vouch.domain.clearing import Line
from vouch.domain.errors import Unavailable
from vouch.domain.money import Money
from vouch.rails import registry
from vouch.service import brands, clearing, payouts
from vouch.service.deployment import Deployment
from vouch.service.payouts import News
from vouch.store import clearing as stored
from vouch.store import ledger
from vouch.store.ledger import Found
from vouch.store.payouts import payouts as payouts_of
from vouch.store.tables import CashRow, PayoutItem

DAY = timedelta(days=1)
AT = "2026-05-04T12:00:00Z"


def pay(books: Client, shop: Shop, amount: int, name: str, reference: str | None = None) -> str:
    """A payout by file of so much more than there was; settled where it has a reference. Its id."""
    given = {"creator_id": shop.creator, "amount": amount, "currency": "ILS", "reason": "Earned elsewhere"}
    books.made("/v1/adjustments", given, idempotency_key=f"a {name}".replace(" ", "-"))
    run = books.made("/v1/payout_runs", {"currency": "ILS", "rail": "csv"}, idempotency_key=name)
    [payout] = books.get("/v1/payouts", run_id=run["id"]).body["items"]
    if reference:
        settle(books, payout["id"], reference)
    return str(payout["id"])


def settle(books: Client, payout_id: str, reference: str) -> None:
    assert books.post(f"/v1/payouts/{payout_id}/settle", {"reference": reference}).status == 200


def line(name: str, amount: int, **said: Any) -> dict[str, Any]:
    return {"id": name, "at": AT, "amount": amount, "currency": "ILS"} | said


def state(client: Client, *lines: dict[str, Any], rail: str = "csv") -> Answer:
    return client.post(f"/v1/rail_statements/{rail}", {"lines": lines})


def report(client: Client, **query: Any) -> Any:
    got = client.get("/v1/reports/clearing", **{"rail": "csv", "currency": "ILS"} | query)
    assert got.status == 200, got.text
    return got.body


def calls_of(deployment: Deployment, number: int, kind: str, job: Callable[[], object]) -> list[str]:
    """As `tried`; but the deployment is as it was before, for those who ask the API next."""
    kept = dict(vars(deployment))
    try:
        return tried(deployment, number, kind, job)
    finally:
        vars(deployment).update(kept)


def alone(found: Any) -> list[tuple[str, str, int]]:
    """What the report says that only one side has."""
    return sorted((each["side"], each["payout_id"] or each["id"], each["amount"]) for each in found["unmatched"])


def cash_of_ledger(deployment: Deployment, shop: Shop, rail: str = "csv") -> dict[tuple[str, str], int]:
    """The ledger's own legs, by where each should be noted."""
    found: dict[tuple[str, str], int] = {}
    for item in ledger.everything(deployment.database, shop.brand.brand_id, shop.creator):
        assert isinstance(item, Found)
        for leg in item.entry.legs:
            if leg.account == f"cash:{rail}":
                found[stored.row_key(shop.brand.brand_id, rail, item.entry)] = leg.amount
    return found


def cash_rows(deployment: Deployment, shop: Shop, rail: str = "csv") -> dict[tuple[str, str], int]:
    return {
        (row.pk, row.sk): row.amount
        for currency in ("ILS", "USD")
        for row in deployment.database.query(CashRow, f"{shop.brand.brand_id}#CASH#{rail}#{currency}")
    }


# --- the report -------------------------------------------------------------------------------------------------------


def test_the_books_are_held_against_the_statement(
    shop: Shop, books: Client, deployment: Deployment, clock: Clock
) -> None:
    """Three payouts: 500 and 300 settled, 200 settled and brought back by the bank. By the books −500 −300 −200 +200.

    The statement has the 500 by its reference, the 200 by our id, what came back likewise, and 45 of somebody else;
    not the 300. So it comes to −500 −200 +200 −45 = −545, the books to −800: −255 = −300 − (−45).
    """
    pay(books, shop, 500, "1", "TRX 77")
    missing = pay(books, shop, 300, "2", "TRX 78")
    back = pay(books, shop, 200, "3", "TRX 79")
    assert books.post(f"/v1/payouts/{back}/fail", {"reason": "Account closed"}).body["status"] == "returned"
    lines = [
        line("B-1", -500, reference="trx77"),
        line("B-2", -200, reference=f"Vouch {back.lower()} May"),
        line("B-3", 200, payout_id=back, step="return"),
        line("B-4", -45, reference="Stamps"),
    ]
    assert state(books, *lines).body == {"lines": 4, "new": 4, "found": 3}
    clock.pass_(3 * DAY)
    found = report(books)
    [settled] = [item for item in books.get("/v1/payouts").body["items"] if item["id"] == missing]
    [row] = [each for each in found["unmatched"] if each["side"] == "ledger"]
    entries = {stored.entry_id(each) for each in deployment.database.query(CashRow, f"{books.brand_id}#CASH#csv#ILS")}
    assert row["id"] in entries
    assert row == {
        "side": "ledger",
        "id": row["id"],
        "step": "payment",
        "payout_id": missing,
        "reference": "TRX 78",
        "amount": -300,
        "at": settled["settled_at"],
        "age_days": 3,
    }
    assert {name: value for name, value in found.items() if name != "unmatched"} == {
        "rail": "csv",
        "currency": "ILS",
        "from": None,
        "to": None,
        "ledger_total": -800,
        "statement_total": -545,
        "difference": -255,
        "matched": 3,
        "next_cursor": None,
    }
    assert alone(found) == [("ledger", missing, -300), ("statement", "B-4", -45)]
    assert cash_rows(deployment, shop) == cash_of_ledger(deployment, shop)
    assert books.get("/v1/ledger/verify").body["violations"] == []


def test_what_a_bank_paid_twice_is_one_line_too_many(shop: Shop, books: Client) -> None:
    payout = pay(books, shop, 500, "1", "TRX 77")
    state(books, line("B-1", -500, payout_id=payout), line("B-2", -500, reference="TRX 77"))
    found = report(books)
    assert (found["matched"], found["difference"], alone(found)) == (1, 500, [("statement", "B-2", -500)])


def test_another_amount_under_the_right_name_is_no_match(shop: Shop, books: Client) -> None:
    payout = pay(books, shop, 500, "1", "TRX 77")
    wrong = [
        line("B-1", -499, payout_id=payout),
        line("B-2", -500, payout_id=payout, step="fee"),
        line("B-3", -500, payout_id=payout, currency="USD"),
        line("B-4", -500, payout_id="po_" + "0" * 26),
        line("B-5", -500, payout_id="nonsense#"),
    ]
    assert state(books, *wrong).body == {"lines": 5, "new": 5, "found": 0}
    assert state(books, line("B-6", -500, payout_id=payout), rail="sepa").body["found"] == 0, "it went by another rail"
    assert report(books)["matched"] == 0
    assert alone(report(books, currency="USD")) == [("statement", payout, -500)]


@pytest.mark.parametrize(
    "text",
    [
        "PO20260521000000000000000012",
        f"Payroll {ids.derived('po_', 'of somebody else')}",
        "DEPO12345678901234567890123456",
    ],
)
def test_a_text_that_looks_like_an_id_and_is_none_of_ours_is_a_name_like_others(
    shop: Shop, books: Client, text: str
) -> None:
    """A bank's number of its payment order, as the reference and as the line's own id."""
    for number in range(2):
        pay(books, shop, 500 + number, f"{number}", text)
    assert state(books, line("B-1", -500, reference=text), line(text, -501)).body["found"] == 2
    assert report(books)["unmatched"] == []


@pytest.mark.parametrize("amount, other_rail", [(499, False), (500, True)])
def test_a_payout_that_the_line_cannot_be_does_not_keep_it_from_its_name(
    shop: Shop, books: Client, deployment: Deployment, amount: int, other_rail: bool
) -> None:
    """The reference names an earlier payout. The line is sent before its own is settled, then again."""
    earlier = pay(books, shop, amount, "1", "TRX 77")
    if other_rail:
        [item] = payouts_of(deployment.database, books.brand_id, [earlier])
        item.update([PayoutItem.rail.set("sepa")])
    payout = pay(books, shop, 500, "2")
    sent = line("B-1", -500, reference=f"Instead of {earlier}")
    assert state(books, sent).body["found"] == 0
    settle(books, payout, f"Instead of {earlier}")
    assert state(books, sent).body == {"lines": 1, "new": 0, "found": 1}
    assert alone(report(books)) == [("ledger", earlier, -amount)]


def test_a_payout_that_the_line_may_be_and_another_line_is_has_been_paid_twice(shop: Shop, books: Client) -> None:
    """Whatever else has that name. Nor is it looked for by name where the field `payout_id` says which one it is."""
    first = pay(books, shop, 500, "1", "TRX 77")
    second = pay(books, shop, 500, "2", f"Instead of {first}")
    lines = [
        line("B-1", -500, payout_id=first),
        line("B-2", -500, reference=f"Instead of {first}"),
        line("B-3", -500, reference=f"Instead of {first}", payout_id=ids.derived("po_", "none")),
    ]
    assert state(books, *lines).body["found"] == 1
    assert [each[:2] for each in alone(report(books))] == [
        ("ledger", second),
        ("statement", "B-2"),
        ("statement", ids.derived("po_", "none")),
    ]


def test_payments_of_one_reference_are_told_apart_by_their_amounts(shop: Shop, books: Client) -> None:
    """A bank's file of three, marked as paid under one reference."""
    for number, amount in enumerate((100, 200, 300)):
        pay(books, shop, amount, f"{number}", "FILE 5")
    lines = [line(f"B-{amount}", -amount, reference="FILE 5") for amount in (300, 100, 200)]
    assert state(books, *lines).body["found"] == 3
    found = report(books)
    assert (found["matched"], found["difference"], found["unmatched"]) == (3, 0, [])


def test_payments_of_one_amount_under_one_reference_have_a_line_each(shop: Shop, books: Client) -> None:
    """A bank's file pays 500 three times, and 5 000 once; it has a line too many."""
    for number in range(3):
        pay(books, shop, 500, f"{number}", "FILE 5")
    pay(books, shop, 5_000, "3", "FILE 5")
    lines = [line(f"B-{number}", -500, reference="file 5") for number in range(4)]
    assert [state(books, each).body["found"] for each in lines[:2]] == [1, 1]
    assert state(books, *lines).body == {"lines": 4, "new": 2, "found": 3}
    assert state(books, line("B-4", -5_000, reference="FILE 5")).body["found"] == 1
    found = report(books)
    assert (found["matched"], found["difference"], alone(found)) == (4, 500, [("statement", "B-3", -500)])


def test_a_line_that_was_sent_by_mistake_is_made_up_for_by_one_against_it(shop: Shop, books: Client) -> None:
    """The sums are right then; both are shown, and so they should be: the bank has neither."""
    pay(books, shop, 500, "1", "TRX 77")
    state(books, line("B-1", -500, reference="TRX 77"), line("oops", -70), line("not oops", 70))
    found = report(books)
    assert (found["statement_total"], found["difference"]) == (-500, 0)
    assert alone(found) == [("statement", "not oops", 70), ("statement", "oops", -70)]
    nothing = state(books, line("B-2", 0))
    assert (nothing.status, nothing.body["errors"][0]["code"]) == (400, "zero")


def test_a_line_that_came_before_its_movement_is_none_until_the_books_have_it(shop: Shop, books: Client) -> None:
    """Under our id it is known at once; under the bank's reference only when it is sent again."""
    first, second = pay(books, shop, 500, "1"), None
    by_id, by_name = line("B-1", -500, payout_id=first), line("B-2", -70, reference="TRX 78")
    assert state(books, by_id, by_name).body == {"lines": 2, "new": 2, "found": 0}
    assert state(books, by_id).body == {"lines": 1, "new": 0, "found": 0}, "it was not settled by then"
    assert alone(report(books)) == [("statement", "B-2", -70), ("statement", first, -500)]
    settle(books, first, "TRX 77")
    assert state(books, by_id).body == {"lines": 1, "new": 0, "found": 1}
    second = pay(books, shop, 70, "2", "TRX 78")
    assert alone(report(books)) == [("ledger", second, -70), ("statement", "B-2", -70)]
    assert state(books, by_id, by_name).body == {"lines": 2, "new": 0, "found": 2}
    assert report(books)["unmatched"] == []


def test_what_failed_in_the_books_but_went_out_at_the_bank_is_shown(shop: Shop, books: Client) -> None:
    payout = pay(books, shop, 500, "1")
    assert books.post(f"/v1/payouts/{payout}/fail", {"reason": "Refused"}).body["status"] == "failed"
    assert state(books, line("B-1", -500, payout_id=payout)).body["found"] == 0
    found = report(books)
    assert (found["ledger_total"], found["statement_total"], alone(found)) == (
        0, -500, [("statement", payout, -500)],
    )  # fmt: skip


def test_each_side_counts_by_its_own_date_and_the_end_is_not_in_it(shop: Shop, books: Client, clock: Clock) -> None:
    pay(books, shop, 500, "1", "TRX 77")
    clock.pass_(DAY)
    pay(books, shop, 300, "2", "TRX 78")
    state(books, line("B-1", -500, reference="TRX 77", at="2026-05-05T12:00:00Z"))
    first_day = {"from": AT, "to": "2026-05-05T12:00:00Z"}
    found = report(books, **first_day)
    assert (found["ledger_total"], found["statement_total"], found["matched"], found["unmatched"]) == (-500, 0, 1, [])
    assert (found["from"], found["to"]) == (AT, "2026-05-05T12:00:00Z")
    second_day = report(books, **{"from": "2026-05-05T12:00:00Z"})
    assert (second_day["ledger_total"], second_day["statement_total"], second_day["matched"]) == (-300, -500, 0)
    assert len(second_day["unmatched"]) == 1


def test_pages_add_up_and_ask_a_bounded_number_of_times(
    shop: Shop, books: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clearing, "_PAGE", 3)
    for number in range(7):
        pay(books, shop, 100 + number, f"{number}", f"TRX {number}")
    state(books, *[line(f"B-{number}", -100 - number, reference=f"TRX {number}") for number in range(5, 15)])
    pages, cursor = [], None
    while True:
        pages.append(report(books, cursor=cursor))
        cursor = pages[-1]["next_cursor"]
        if cursor is None:
            break
    assert sum(page["ledger_total"] for page in pages) == -721, "7 × 100 and 0 + 1 + … + 6"
    assert sum(page["statement_total"] for page in pages) == -1095, "10 × 100 and 5 + 6 + … + 14"
    assert sum(page["matched"] for page in pages) == 2
    assert sum(len(page["unmatched"]) for page in pages) == 5 + 8
    first = pages[0]["next_cursor"]
    other = books.get("/v1/reports/clearing", rail="csv", currency="USD", cursor=first)
    assert (other.status, other.code) == (400, "invalid_cursor")


def test_fees_and_names_of_an_api_rail_are_cleared(
    shop: Shop, books: Client, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PayPal's words: 500 paid, 12 of fee in shekels; later all comes back. −500 −12 +500 = −12."""
    payout = pay(books, shop, 500, "1")
    brand = brands.found(deployment, shop.brand.brand_id)
    names = {"batch": "BATCH1", "item": "ITEM1", "transaction": "TX1"}
    news = News(reference="TX1", names=names, fee=Money(12, "ILS"))
    payouts.settled(deployment, brand, payout, news)
    state(
        books,
        line("TX1", -500),
        line("fee of TX1", -12, reference="TX1", step="fee"),
        line("r", -500, reference="BATCH1"),
    )
    found = report(books)
    assert (found["ledger_total"], found["statement_total"], alone(found)) == (
        -512, -1012, [("statement", "r", -500)],
    )  # fmt: skip
    payouts.returned(deployment, brand, payout, News(names={"event": "TX2"}))
    assert alone(report(books)) == [("ledger", payout, 500), ("statement", "r", -500)]
    assert state(books, line("TX2", 500)).body["found"] == 1
    assert report(books)["ledger_total"] == -12
    assert cash_rows(deployment, shop) == cash_of_ledger(deployment, shop)


def test_a_fee_as_high_as_the_payment_and_one_in_another_currency_are_noted(
    shop: Shop, books: Client, deployment: Deployment
) -> None:
    brand = brands.found(deployment, shop.brand.brand_id)
    for number, fee in enumerate((Money(500, "ILS"), Money(9, "USD"))):
        payout = pay(books, shop, 500, f"{number}")
        payouts.settled(deployment, brand, payout, News(reference=f"TX{number}", fee=fee))
    assert cash_rows(deployment, shop) == cash_of_ledger(deployment, shop)
    assert sorted(cash_rows(deployment, shop).values()) == [-500, -500, -500, -9]
    twice = [line("B-1", -500, reference="TX0"), line("B-2", -500, reference="TX0"), line("B-3", -500, reference="TX0")]
    assert state(books, *twice).body["found"] == 2, "the payment and its fee; a third is too many"
    state(books, line("B-4", -9, currency="USD", reference="TX1"))
    assert report(books, currency="USD")["unmatched"] == []


def test_a_page_costs_a_bounded_number_of_requests(shop: Shop, books: Client, deployment: Deployment) -> None:
    """Two payouts and two lines: the rows, their claims with the lines' payouts, the index and the lines."""
    sent = []
    for number in range(2):
        pay(books, shop, 100 + number, f"{number}", f"TRX {number}")
        sent.append(line(f"B-{number}", -100 - number, reference=f"TRX {number}"))
    assert state(books, *sent).body["found"] == 2
    brand = brands.found(deployment, shop.brand.brand_id)
    span = (brand, "csv", "ILS", times.EPOCH, times.END)
    calls = calls_of(deployment, 0, "", lambda: clearing.report(deployment, *span, cursor=None))
    assert calls == ["Query", "Query", "BatchGetItem", "BatchGetItem"]
    lines = [Line(f"C-{number}", NOON, -1, "ILS", payout_id=ids.derived("po_", "none")) for number in range(80)]
    calls = calls_of(deployment, 0, "", lambda: clearing.taken(deployment, brand, "csv", lines))
    assert calls == ["BatchGetItem", "BatchGetItem", "TransactWriteItems"] * 2, "for each 40 lines"
    lines = [Line(f"D-{number}", NOON, -1, "ILS", "TRX 9") for number in range(2)]
    calls = calls_of(deployment, 0, "", lambda: clearing.taken(deployment, brand, "csv", lines))
    assert sorted(calls) == ["BatchGetItem", *["Query"] * 3, "TransactWriteItems"], "by each name, if by no id"


# --- statements -------------------------------------------------------------------------------------------------------


def test_a_line_is_taken_once_and_never_says_another_thing(shop: Shop, books: Client) -> None:
    assert state(books, line("B-1", -5), line("B-1", -5)).body == {"lines": 1, "new": 1, "found": 0}
    assert state(books, line("B-1", -5)).body == {"lines": 1, "new": 0, "found": 0}
    for other in (
        {"amount": -6},
        {"at": "2026-05-04T12:00:01Z"},
        {"currency": "USD"},
        {"reference": "x"},
        {"step": "fee"},
    ):
        got = state(books, line("B-0", 1), line("B-1", -5) | other)
        assert (got.status, got.code, got.body["param"]) == (409, "statement_line_differs", "lines.1"), other
        assert "B-1" in got.body["detail"]
    got = state(books, line("B-2", 1), line("B-2", 2))
    assert (got.code, got.body["param"]) == ("statement_line_differs", "lines.1")
    assert state(books, line("B-1", -5), rail="sepa").body["new"] == 1, "another rail's line of the same name"
    assert report(books)["statement_total"] == -5


def test_many_lines_come_at_once(shop: Shop, books: Client) -> None:
    """As many as one request may hold: 1000 × −1."""
    lines = [line(f"B-{number}", -1) for number in range(1000)]
    assert state(books, *lines).body == {"lines": 1000, "new": 1000, "found": 0}
    assert state(books, *lines).body["new"] == 0
    got = state(books, *lines, line("one more", -1))
    assert (got.status, got.body["errors"][0]["code"]) == (400, "too_long")


def test_twenty_uploads_at_once_take_each_line_once_and_a_payout_has_one(
    shop: Shop, books: Client, deployment: Deployment
) -> None:
    """Ten times the same three lines, and ten times three others that name the same three payouts."""
    brand = brands.found(deployment, shop.brand.brand_id)
    payouts = [pay(books, shop, 100 + number, f"{number}", f"TRX {number}") for number in range(3)]
    statements = [
        [Line(f"{name}{number}", NOON, -100 - number, "ILS", payout_id=payouts[number]) for number in range(3)]
        for name in "AB"
    ]

    def upload(number: int) -> None:
        for _ in range(20):
            with suppress(Unavailable):
                clearing.taken(deployment, brand, "csv", statements[number % 2])
                return

    with ThreadPoolExecutor(20) as threads:
        list(threads.map(upload, range(20)))
    found = report(books)
    assert (found["statement_total"], found["matched"], found["difference"]) == (2 * -303, 3, 303)
    assert [each["side"] for each in found["unmatched"]] == ["statement"] * 3


def test_a_statement_whose_upload_breaks_is_sent_again(shop: Shop, books: Client, deployment: Deployment) -> None:
    """Each time a payment that is found and a line that is nobody's; sent again, each is there once."""
    brand = brands.found(deployment, shop.brand.brand_id)
    names = []
    for operation in range(1, 6):
        for kind in ("fails before", "crash after", "answer lost below the retry"):
            name = f"{operation}-{kind.replace(' ', '-')}"
            payout = pay(books, shop, 100, name, f"TRX {name}")
            lines = [Line(f"B {name}", NOON, -100, "ILS", f"TRX {name}"), Line(f"C {name}", NOON, -5, "ILS")]
            upload = partial(clearing.taken, deployment, brand, "csv", lines)
            assert calls_of(deployment, operation, kind, upload)
            assert upload().found == 1, payout
            names.append(name)
    found = report(books)
    assert (found["matched"], found["statement_total"]) == (15, 15 * -105)
    assert alone(found) == sorted(("statement", f"C {name}", -5) for name in names)


def test_every_rail_has_a_statement(shop: Shop, books: Client) -> None:
    for rail in registry.RAILS:
        assert state(books, line("B-1", -5), rail=rail).status == 200
        assert report(books, rail=rail)["statement_total"] == -5


def test_rails_that_there_are_not_and_what_is_left_out_is_refused(shop: Shop, books: Client) -> None:
    got = state(books, line("B-1", -5), rail="pigeon")
    assert (got.status, got.code) == (404, "not_found")
    asked = {"rail": "pigeon", "currency": "ILS"}
    assert books.get("/v1/reports/clearing", **asked).code == "rail_unknown"
    assert books.get("/v1/reports/clearing", rail="csv").body["param"] == "currency"
    assert state(books).body["errors"][0]["code"] == "too_short"
    asked = {"rail": "csv", "currency": "ILS", "from": AT, "to": "2026-05-04T11:59:59Z"}
    got = books.get("/v1/reports/clearing", **asked)
    assert (got.status, got.code, got.body["param"]) == (400, "invalid_request", "to")
    assert report(books, **{"from": AT, "to": AT})["unmatched"] == []


def test_one_brands_statement_is_no_other_brands(shop: Shop, books: Client, new_brand: NewBrand) -> None:
    """Another brand names our payout: it stands for nothing there, and takes nothing from us."""
    payout = pay(books, shop, 500, "1", "TRX 77")
    theirs = Client(APIS["payouts"], new_brand("Theirs", mode="test").key)
    sent = [line("B-1", -500, payout_id=payout), line("B-2", -500, reference="TRX 77")]
    assert state(theirs, *sent).body == {"lines": 2, "new": 2, "found": 0}
    assert report(theirs)["ledger_total"] == 0
    assert (report(books)["statement_total"], report(books)["matched"]) == (0, 0)
    assert state(books, line("B-1", -500, payout_id=payout)).body["found"] == 1


def test_reports_need_their_scopes(shop: Shop, books: Client) -> None:
    def key(*scopes: str) -> Client:
        made = shop.brand.made("/v1/keys", {"name": "Other", "scopes": scopes})
        return Client(APIS["payouts"], made["api_key"])

    reader, writer = key("reports:read"), key("reports:write")
    assert report(reader)["ledger_total"] == 0
    assert state(reader, line("B-1", 1)).code == "scope_missing"
    assert state(writer, line("B-1", 1)).status == 200
    for path in ("/v1/reports/clearing?rail=csv&currency=ILS", "/v1/reports/negative_balances"):
        assert writer.get(path.partition("?")[0], rail="csv", currency="ILS").code == "scope_missing"


# --- who owes ---------------------------------------------------------------------------------------------------------


def owe(books: Client, creator: str, amount: int, currency: str = "ILS") -> None:
    said = {"creator_id": creator, "amount": amount, "currency": currency, "reason": "A debt"}
    books.made("/v1/adjustments", said, idempotency_key=ids.derived("k", creator, currency, str(amount)))


def test_debts_are_told_with_their_age_as_of_the_last_fold(shop: Shop, books: Client, clock: Clock) -> None:
    """−300 shekels at noon of 4 May, −7 dollars a day later, seen on 9 May: five days, and four."""
    dana = shop.brand.made("/v1/creators", {"email": "dana@example.com", "name": "Dana"})["id"]
    owe(books, dana, 50)
    owe(books, shop.creator, -300)
    clock.pass_(DAY)
    owe(books, shop.creator, -7, "USD")
    clock.pass_(4 * DAY + timedelta(hours=1))
    shown = books.get("/v1/reports/negative_balances").body
    of_noa = {"creator_id": shop.creator, "as_of": "2026-05-05T12:00:00Z"}
    assert shown == {
        "items": [
            of_noa | {"currency": "ILS", "available": -300, "owing_since": AT, "days": 5},
            of_noa | {"currency": "USD", "available": -7, "owing_since": "2026-05-05T12:00:00Z", "days": 4},
        ],
        "next_cursor": None,
    }
    owe(books, shop.creator, 300)
    assert [each["currency"] for each in books.get("/v1/reports/negative_balances").body["items"]] == ["USD"]


def test_debts_are_walked_through_a_few_creators_at_a_time(shop: Shop, books: Client, new_brand: NewBrand) -> None:
    creators = [
        shop.brand.made("/v1/creators", {"email": f"c{number}@example.com", "name": "C"})["id"] for number in range(5)
    ]
    for creator in creators[1::2]:
        owe(books, creator, -9)
    found, cursor = [], None
    for _ in range(3):
        page = books.get("/v1/reports/negative_balances", limit=2, cursor=cursor).body
        found += [each["creator_id"] for each in page["items"]]
        cursor = page["next_cursor"]
    assert sorted(found) == sorted(creators[1::2])
    theirs = Client(APIS["payouts"], new_brand("Theirs").key)
    assert theirs.get("/v1/reports/negative_balances").body["items"] == []

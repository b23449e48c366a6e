"""What a creator lives through: paid, refunded, in debt, earning again, paid the rest; over HTTP, worked by hand."""

import csv
import io
from datetime import timedelta
from typing import Any

import pytest

from tests.documents.reader import Printed
from tests.fixtures import NOON
from tests.functions.client import Client
from tests.functions.conftest import APIS, NewBrand
from tests.functions.setting_up import Shop, open_shop
from vouch.service.deployment import Deployment
from vouch.store import ledger
from vouch.store.ledger import Found

MAY, JUNE, JULY = "2026-05-20T12:00:00Z", "2026-06-20T12:00:00Z", "2026-07-20T12:00:00Z"


@pytest.fixture
def shop(new_brand: NewBrand) -> Shop:
    """A tenth for Noa, payable 14 days after the order; the shop's clock is moved by hand."""
    return open_shop(new_brand(mode="test"))


class Story:
    """The shop, its creator, and what happens."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.orders = Client(APIS["attribution"], shop.brand.key)
        self.books = Client(APIS["payouts"], shop.brand.key)

    def sold(self, name: str, price: int, at: str) -> str:
        """An order by Noa's code; its id."""
        line = {"id": "1", "quantity": 1, "unit_price": price}
        order = {"external_id": name, "occurred_at": at, "currency": "ILS", "lines": [line], "codes": ["NOA10"]}
        return str(self.orders.made("/v1/orders", order)["id"])

    def refunded(self, order_id: str, amount: int) -> None:
        self.orders.made(f"/v1/orders/{order_id}/refunds", {"external_id": f"R {amount}", "amount": amount})

    def now(self, moment: str) -> None:
        moved = self.books.post("/v1/test_clock", {"now": moment})
        assert (moved.status, moved.body["folded"]) == (200, True)

    def run(self, name: str) -> list[tuple[str | None, int]]:
        """What a run makes of the creators who have anything: why nothing, and how much."""
        run = self.books.made("/v1/payout_runs", {"currency": "ILS", "rail": "csv"}, idempotency_key=name)
        outcomes = self.books.get(f"/v1/payout_runs/{run['id']}/outcomes").body["items"]
        return [(each["skipped"], each["amount"]) for each in outcomes]

    def settled(self, reference: str) -> None:
        [payout] = self.books.get("/v1/payouts", status="submitted").body["items"]
        assert self.books.post(f"/v1/payouts/{payout['id']}/settle", {"reference": reference}).status == 200

    @property
    def balance(self) -> tuple[int, int, int, int]:
        """Pending, available, in transit and paid."""
        [found] = self.books.get(f"/v1/creators/{self.shop.creator}/balances").body
        return found["pending"], found["available"], found["in_transit"], found["paid"]

    @property
    def debts(self) -> list[tuple[int, str, int]]:
        return [
            (each["available"], each["owing_since"], each["days"])
            for each in self.books.get("/v1/reports/negative_balances").body["items"]
        ]

    def statement(self, **span: str) -> tuple[int, list[tuple[str, int, int]], int]:
        """Opening, each line with the balance behind it, and closing."""
        query: dict[str, Any] = {"currency": "ILS"} | span
        shown = self.books.get(f"/v1/creators/{self.shop.creator}/statement", **query).body
        lines = [(each["kind"], each["amount"], each["balance"]) for each in shown["entries"]]
        return shown["opening"], lines, shown["closing"]

    def told(self) -> list[dict[str, Any]]:
        """Each entry of a payout or an adjustment, as JSON; as CSV it says the same."""
        path, query = f"/v1/creators/{self.shop.creator}/statement", {"currency": "ILS"}
        shown = self.books.get(path, **query).body["entries"]
        sheet = self.books.send("GET", path, query=query, accept="text/csv").text.removeprefix("\ufeff")
        for entry, row in zip(shown, list(csv.DictReader(io.StringIO(sheet)))[1:-1], strict=True):
            for name in ("withheld", "net", "reason"):
                assert row[name] == ("" if entry[name] is None else str(entry[name]))
        return [entry for entry in shown if entry["kind"] != "settle"]

    def proven(self) -> None:
        assert self.books.get("/v1/ledger/verify").body["violations"] == []


def test_a_refund_after_the_payout_is_made_up_for_by_what_is_earned_next(shop: Shop) -> None:
    """All in agorot, a tenth of each sale.

        4 May    an order of 500.00            earns 50.00, payable on 18 May
        20 May   the first run pays 5000       available 0, in transit 5000; settled: paid 5000
                 300.00 of it are refunded     takes 3000 back at once: available 0 − 3000 = −3000
        20 June  31 days later                 the debt is 31 days old; a run pays nothing
                 an order of 800.00            earns 8000, payable on 4 July
        20 July  −3000 + 8000 = 5000           what the second run pays; settled: paid 5000 + 5000 = 10000

    In the end 5000 − 3000 + 8000 = 10000 were earned, 10000 were paid, and nothing is left.
    """
    story = Story(shop)
    first = story.sold("1001", 50_000, NOON.isoformat())
    assert story.balance == (5_000, 0, 0, 0)

    story.now(MAY)
    assert story.balance == (0, 5_000, 0, 0)
    assert story.run("may") == [(None, 5_000)]
    assert story.balance == (0, 0, 5_000, 0)
    story.settled("TRX 1")
    assert story.balance == (0, 0, 0, 5_000)
    story.refunded(first, 30_000)
    assert story.balance == (0, -3_000, 0, 5_000)
    assert story.run("may-again") == []
    assert story.debts == [(-3_000, MAY, 0)]
    story.proven()

    story.now(JUNE)
    assert story.debts == [(-3_000, MAY, 31)]
    story.sold("1002", 80_000, JUNE)
    assert story.balance == (8_000, -3_000, 0, 5_000)
    assert story.run("june") == []
    story.proven()

    story.now(JULY)
    assert story.balance == (0, 5_000, 0, 5_000)
    assert story.run("july") == [(None, 5_000)]
    assert story.debts == [], "with the fold of the run"
    story.settled("TRX 2")
    assert story.balance == (0, 0, 0, 10_000)
    story.proven()

    opening, lines, closing = story.statement()
    assert (opening, closing) == (0, 0)
    by_date = [lines[:1], sorted(lines[1:3]), lines[3:]]
    assert by_date[0] == [("settle", 5_000, 5_000)], "18 May"
    assert {kind: amount for kind, amount, _ in by_date[1]} == {"payout": -5_000, "settle": -3_000}, "20 May"
    assert by_date[2] == [("settle", 8_000, 5_000), ("payout", -5_000, 0)], "4 July, 20 July"
    assert lines[2][2] == -3_000, "in debt after both of 20 May"
    summer = {"from": JUNE, "to": "2026-08-01T00:00:00Z"}
    assert story.statement(**summer) == (-3_000, by_date[2], 0)


def test_a_debt_that_nothing_makes_up_for_is_written_off_and_the_slip_is_taken_back(shop: Shop) -> None:
    """5000 paid and all of it refunded: −5000. Written off: 0. The write-off was a slip, taken back: −5000 again.

    Then 2000 are given by hand, −3000, and that is what the second write-off forgives. Expenses: 5000 of commission
    less 5000, 5000 − 5000 + 3000 written off, 2000 given; so 5000 of costs for the 5000 that were paid.
    """
    story = Story(shop)
    order = story.sold("1001", 50_000, NOON.isoformat())
    story.now(MAY)
    story.run("may")
    story.settled("TRX 1")
    story.refunded(order, 50_000)
    of_noa = {"creator_id": shop.creator, "currency": "ILS", "reason": "She has left"}
    forgiven = story.books.made("/v1/writeoffs", of_noa, idempotency_key="w1")
    assert (forgiven["amount"], story.balance) == (5_000, (0, 0, 0, 5_000))
    assert story.debts == []
    taken_back = story.books.made(f"/v1/adjustments/{forgiven['id']}/reverse", {"reason": "She is back"})
    assert (taken_back["amount"], story.balance) == (-5_000, (0, -5_000, 0, 5_000))
    assert story.debts == [(-5_000, MAY, 0)]
    story.books.made("/v1/adjustments", of_noa | {"amount": 2_000}, idempotency_key="a1")
    assert story.books.made("/v1/writeoffs", of_noa, idempotency_key="w2")["amount"] == 3_000
    assert story.balance == (0, 0, 0, 5_000)
    _, lines, closing = story.statement()
    assert sorted((kind, amount) for kind, amount, _ in lines) == [
        ("adjustment", 2_000),
        ("correction", -5_000),
        ("payout", -5_000),
        ("settle", -5_000),
        ("settle", 5_000),
        ("writeoff", 3_000),
        ("writeoff", 5_000),
    ]
    assert closing == 0
    story.proven()


def test_a_statement_of_a_month_is_not_changed_by_what_comes_later(shop: Shop) -> None:
    """20 May: 5000 payable, 100 given. A debt of June leaves May as it was."""
    story = Story(shop)
    story.sold("1001", 50_000, NOON.isoformat())
    story.now(MAY)
    given = {"creator_id": shop.creator, "currency": "ILS", "reason": "For the film"}
    story.books.made("/v1/adjustments", given | {"amount": 100}, idempotency_key="a1")
    may = {"from": "2026-05-01T00:00:00Z", "to": "2026-06-01T00:00:00Z"}
    before = story.statement(**may)
    assert before == (0, [("settle", 5_000, 5_000), ("adjustment", 100, 5_100)], 5_100)
    story.now((NOON + timedelta(days=40)).isoformat())
    story.books.made("/v1/adjustments", given | {"amount": -9_000}, idempotency_key="a2")
    assert story.statement(**may) == before
    assert story.statement(**{"from": "2026-06-01T00:00:00Z"}) == (5_100, [("adjustment", -9_000, -3_900)], -3_900)


def test_tax_is_told_beside_its_payout_in_every_form_and_is_that_of_the_ledger(
    shop: Shop, deployment: Deployment
) -> None:
    """All in agorot. Of 48123 there are 3.33 % withheld, 1602.4959, so 1602; 46521 are sent, and come back with it."""
    story = Story(shop)
    story.sold("1001", 481_230, NOON.isoformat())
    noted = {"held": False, "withholding_bps": 333, "country": "IL"}
    assert story.books.send("PUT", f"/v1/creators/{shop.creator}/payee", noted).status == 200

    def tax() -> int:
        """What the books owe the tax office."""
        posted = ledger.everything(deployment.database, shop.brand.brand_id, shop.creator)
        legs = [leg for found in posted if isinstance(found, Found) for leg in found.entry.legs]
        return -sum(leg.amount for leg in legs if leg.account == "tax:withheld:IL")

    story.now(MAY)
    assert story.run("may") == [(None, 48_123)]
    story.settled("TRX 1")
    assert [(each["kind"], each["amount"], each["withheld"], each["net"]) for each in story.told()] == [
        ("payout", -48_123, 1_602, 46_521)
    ]
    assert tax() == 1_602
    papers = Client(APIS["papers"], shop.brand.key)
    for language in ("en", "he"):
        paper = papers.get(f"/v1/creators/{shop.creator}/statement.pdf", currency="ILS", language=language)
        assert all(figure in Printed(paper.content).text for figure in ("16.02 ILS", "465.21 ILS"))

    [payout] = story.books.get("/v1/payouts").body["items"]
    assert story.books.post(f"/v1/payouts/{payout['id']}/fail", {"reason": "No such account"}).status == 200
    told = story.told()
    assert {(each["kind"], each["amount"], each["withheld"], each["net"]) for each in told} == {
        ("payout", -48_123, 1_602, 46_521),
        ("payout_returned", 48_123, -1_602, -46_521),
    }
    assert sum(each["withheld"] for each in told) == tax() == 0
    story.proven()


def test_a_creator_reads_why_something_was_given_and_what_a_correction_takes_back(shop: Shop) -> None:
    story = Story(shop)
    given = {"creator_id": shop.creator, "currency": "ILS", "amount": 100}
    first = story.books.made("/v1/adjustments", given | {"reason": "The film"}, idempotency_key="a1")
    second = story.books.made("/v1/adjustments", given | {"reason": "=The film; -1"}, idempotency_key="a2")
    story.books.made(f"/v1/adjustments/{second['id']}/reverse", {"reason": "Entered twice"})
    told = sorted(
        (each["kind"], each["adjustment_id"], each["reason"])
        for each in story.books.get(f"/v1/creators/{shop.creator}/statement", currency="ILS").body["entries"]
    )
    assert told == sorted(
        [
            ("adjustment", first["id"], "The film"),
            ("adjustment", second["id"], "=The film; -1"),
            ("correction", second["id"], "Entered twice"),
        ]
    )
    paper = Client(APIS["papers"], shop.brand.key).get(f"/v1/creators/{shop.creator}/statement.pdf", currency="ILS")
    text = Printed(paper.content).text
    assert text.count(first["id"]) == 1
    assert text.count(second["id"]) == 2
    assert all(reason in text for reason in ("“The film”", "“=The film; -1”", "“Entered twice”"))

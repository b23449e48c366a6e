"""Adjustments, write-offs and corrections over HTTP: two keys above the limit, and everything once."""

from datetime import timedelta
from itertools import chain
from typing import Any

import pytest

from tests.fixtures import NOON, Clock
from tests.functions.client import Answer, Client
from tests.functions.conftest import APIS, NewBrand
from tests.functions.setting_up import Shop, open_shop
from vouch.domain import ids
from vouch.domain.ledger import Entry
from vouch.service.deployment import Deployment
from vouch.store import ledger
from vouch.store.ledger import Found

REASON = "Agreed by phone"
LATER = (NOON + timedelta(days=20)).isoformat()


@pytest.fixture
def second(shop: Shop) -> Client:
    """Another key of the same brand."""
    return another(shop, ["adjustments:write", "adjustments:read"])


def another(shop: Shop, scopes: list[str]) -> Client:
    made = shop.brand.made("/v1/keys", {"name": "Second", "scopes": scopes})
    return Client(APIS["payouts"], made["api_key"])


def limit(books: Client, amount: int) -> None:
    settings = {"currencies": {"ILS": {"adjustment_limit": amount}}}
    assert books.send("PUT", "/v1/payout_settings", settings).status == 200


def adjust(client: Client, shop: Shop, amount: int, key: str = "k1", currency: str = "ILS") -> Answer:
    said = {"creator_id": shop.creator, "amount": amount, "currency": currency, "reason": REASON}
    return client.post("/v1/adjustments", said, idempotency_key=key)


def write_off(client: Client, shop: Shop, key: str = "w1") -> Answer:
    said = {"creator_id": shop.creator, "currency": "ILS", "reason": REASON}
    return client.post("/v1/writeoffs", said, idempotency_key=key)


def available(books: Client, shop: Shop) -> int:
    return sum(each["available"] for each in books.get(f"/v1/creators/{shop.creator}/balances").body)


def entries(deployment: Deployment, shop: Shop) -> list[Entry]:
    found = ledger.everything(deployment.database, shop.brand.brand_id, shop.creator)
    return [item.entry for item in found if isinstance(item, Found)]


def legs(deployment: Deployment, shop: Shop) -> list[list[tuple[str, int]]]:
    """Of all entries, the accounts by their last words."""
    return [
        [(leg.account.replace(f"creator:{shop.creator}:", ""), leg.amount) for leg in entry.legs]
        for entry in entries(deployment, shop)
    ]


def verified(books: Client) -> None:
    assert books.get("/v1/ledger/verify").body["violations"] == []


# --- adjustments ------------------------------------------------------------------------------------------------------


def test_an_adjustment_is_posted_and_in_the_statement(shop: Shop, books: Client, deployment: Deployment) -> None:
    got = adjust(books, shop, 500)
    assert got.status == 201
    key = books.get(f"/v1/adjustments/{got.body['id']}").body["created_by"]
    [entry] = entries(deployment, shop)
    assert got.body == {
        "id": got.body["id"],
        "kind": "adjustment",
        "creator_id": shop.creator,
        "amount": 500,
        "currency": "ILS",
        "reason": REASON,
        "status": "posted",
        "created_by": key,
        "approved_by": None,
        "declined_by": None,
        "reverses": None,
        "reversed_by": None,
        "entry_id": entry.id,
        "created_at": "2026-05-04T12:00:00Z",
        "posted_at": "2026-05-04T12:00:00Z",
    }
    assert got.body["id"].startswith("adj_")
    assert key.startswith("key_")
    assert legs(deployment, shop) == [[("expense:adjustment", 500), ("available", -500)]]
    [line] = books.get(f"/v1/creators/{shop.creator}/statement", currency="ILS").body["entries"]
    assert (line["id"], line["kind"], line["amount"], line["balance"]) == (entry.id, "adjustment", 500, 500)
    assert (line["adjustment_id"], line["payout_id"], line["order_id"]) == (got.body["id"], None, None)
    assert books.get(f"/v1/adjustments/{got.body['id']}").body == got.body
    verified(books)


def test_what_is_taken_may_leave_less_than_nothing(shop: Shop, books: Client) -> None:
    """120 given, 200 taken: −80, which is owed since then."""
    adjust(books, shop, 120)
    adjust(books, shop, -200, "k2")
    assert available(books, shop) == -80
    verified(books)


def test_the_same_request_again_posts_nothing_more(shop: Shop, books: Client, deployment: Deployment) -> None:
    first, again = adjust(books, shop, 500), adjust(books, shop, 500)
    assert again.body == first.body
    assert again.headers["idempotent-replayed"] == "true"
    assert adjust(books, shop, 501).code == "idempotency_mismatch"
    assert len(entries(deployment, shop)) == 1


@pytest.mark.parametrize(
    "change, param, code",
    [
        ({"amount": 0}, "amount", "zero"),
        ({"amount": 10**15}, "amount", "too_great"),
        ({"amount": 1.5}, "amount", "wrong_type"),
        ({"currency": "XXX"}, "currency", "unknown_currency"),
        ({"reason": ""}, "reason", "too_short"),
        ({"status": "posted"}, "status", "unknown_field"),
    ],
)
def test_what_makes_no_sense_is_refused_by_field(
    shop: Shop, books: Client, change: dict[str, Any], param: str, code: str
) -> None:
    said = {"creator_id": shop.creator, "amount": 5, "currency": "ILS", "reason": REASON} | change
    got = books.post("/v1/adjustments", said, idempotency_key="k1")
    assert (got.status, got.body["errors"][0]["param"], got.body["errors"][0]["code"]) == (400, param, code)
    assert available(books, shop) == 0


def test_money_is_moved_only_under_a_key_and_for_creators_of_the_brand(
    shop: Shop, books: Client, new_brand: NewBrand
) -> None:
    said: dict[str, Any] = {"creator_id": shop.creator, "amount": 5, "currency": "ILS", "reason": REASON}
    assert books.post("/v1/adjustments", said).code == "idempotency_key_required"
    said.pop("amount")
    assert books.post("/v1/writeoffs", said).code == "idempotency_key_required"
    theirs = open_shop(new_brand("Theirs", mode="test"), "dan")
    for stranger in (theirs.creator, ids.derived("cre_", "nobody"), "nonsense"):
        said["creator_id"] = stranger
        for path, body in (("/v1/adjustments", said | {"amount": 5}), ("/v1/writeoffs", said)):
            got = books.post(path, body, idempotency_key=path + stranger)
            assert (got.status, got.code, got.body["param"]) == (404, "not_found", "creator_id")


# --- a second approver ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("amount", [1001, -1001])
def test_above_the_limit_another_key_has_to_approve(
    shop: Shop, books: Client, second: Client, deployment: Deployment, amount: int
) -> None:
    limit(books, 1000)
    waiting = adjust(books, shop, amount).body
    assert (waiting["status"], waiting["posted_at"], waiting["entry_id"]) == ("pending_approval", None, None)
    assert (waiting["amount"], available(books, shop)) == (amount, 0)
    path = f"/v1/adjustments/{waiting['id']}"
    for step in ("approve", "decline"):
        own = books.post(f"{path}/{step}")
        assert (own.status, own.code) == (403, "own_adjustment")
    assert entries(deployment, shop) == []
    done = second.post(f"{path}/approve")
    assert (done.status, done.body["status"], done.body["created_by"]) == (200, "posted", waiting["created_by"])
    assert done.body["approved_by"] not in (None, waiting["created_by"])
    assert available(books, shop) == amount
    assert second.post(f"{path}/approve").body == done.body, "the answer was lost"
    assert second.post(f"{path}/decline").code == "adjustment_decided"
    third = another(shop, ["adjustments:write"])
    assert (third.post(f"{path}/approve").status, third.post(f"{path}/approve").code) == (409, "adjustment_decided")
    assert len(entries(deployment, shop)) == 1
    verified(books)


def test_up_to_the_limit_and_in_other_currencies_nobody_else_is_asked(shop: Shop, books: Client) -> None:
    limit(books, 1000)
    amounts = [(1000, "ILS"), (-1000, "ILS"), (1_000_000, "USD")]
    got = [adjust(books, shop, amount, f"k{amount}{ccy}", ccy).body["status"] for amount, ccy in amounts]
    assert got == ["posted"] * 3
    limit(books, 0)
    assert adjust(books, shop, 1, "last").body["status"] == "pending_approval"


def test_what_is_declined_is_never_posted(shop: Shop, books: Client, second: Client, deployment: Deployment) -> None:
    limit(books, 0)
    path = f"/v1/adjustments/{adjust(books, shop, 7).body['id']}"
    done = second.post(f"{path}/decline").body
    assert (done["status"], done["approved_by"], done["posted_at"]) == ("declined", None, None)
    assert done["declined_by"] == second.get(path).body["declined_by"] is not None
    assert second.post(f"{path}/decline").body == done
    assert second.post(f"{path}/approve").code == "adjustment_decided"
    assert entries(deployment, shop) == []


# --- write-offs -------------------------------------------------------------------------------------------------------


def test_all_that_is_owed_is_written_off(shop: Shop, books: Client, deployment: Deployment) -> None:
    assert (write_off(books, shop).status, write_off(books, shop).code) == (422, "nothing_owed")
    adjust(books, shop, -300)
    got = write_off(books, shop, "w2").body
    assert (got["kind"], got["amount"], got["status"]) == ("writeoff", 300, "posted")
    assert available(books, shop) == 0
    assert [("expense:writeoff", 300), ("available", -300)] in legs(deployment, shop)
    assert write_off(books, shop, "w2").body == got
    assert write_off(books, shop, "w3").code == "nothing_owed"
    verified(books)


def test_a_write_off_above_the_limit_is_worth_what_is_owed_when_it_is_approved(
    shop: Shop, books: Client, second: Client
) -> None:
    """−300 when it is asked for, −350 when it is approved: 350 are forgiven. Then nothing is left for another one."""
    adjust(books, shop, -300)
    limit(books, 299)
    waiting, other = write_off(books, shop).body, write_off(books, shop, "w2").body
    assert (waiting["status"], waiting["amount"]) == ("pending_approval", None)
    adjust(books, shop, -50, "k2")
    path = f"/v1/adjustments/{waiting['id']}"
    assert books.post(f"{path}/approve").code == "own_adjustment"
    assert second.post(f"{path}/approve").body["amount"] == 350
    assert available(books, shop) == 0
    late = second.post(f"/v1/adjustments/{other['id']}/approve")
    assert (late.status, late.code) == (422, "nothing_owed")
    assert second.post(f"/v1/adjustments/{other['id']}/decline").body["status"] == "declined"
    verified(books)


# --- corrections ------------------------------------------------------------------------------------------------------


def reverse(client: Client, adjustment_id: str, **headers: str) -> Answer:
    return client.post(f"/v1/adjustments/{adjustment_id}/reverse", {"reason": "A slip"}, **headers)


def test_a_correction_takes_an_adjustment_back_to_the_unit_once(
    shop: Shop, books: Client, deployment: Deployment
) -> None:
    original = adjust(books, shop, -301).body
    got = reverse(books, original["id"])
    assert got.status == 201
    correction = got.body
    assert (correction["kind"], correction["amount"], correction["status"]) == ("correction", 301, "posted")
    assert (correction["reverses"], correction["reason"]) == (original["id"], "A slip")
    assert books.get(f"/v1/adjustments/{original['id']}").body["reversed_by"] == correction["id"]
    assert available(books, shop) == 0
    totals: dict[str, int] = {}
    for account, amount in chain(*legs(deployment, shop)):
        totals[account] = totals.get(account, 0) + amount
    assert totals == {"expense:adjustment": 0, "available": 0}
    again = reverse(books, original["id"])
    assert (again.status, again.code) == (409, "already_reversed")
    assert correction["id"] in again.body["detail"]
    assert reverse(books, correction["id"]).code == "not_reversible"
    verified(books)


def test_a_correction_of_a_write_off_gives_its_expense_back(shop: Shop, books: Client, deployment: Deployment) -> None:
    adjust(books, shop, -300)
    reverse(books, write_off(books, shop).body["id"])
    assert available(books, shop) == -300
    of_writeoffs = [amount for account, amount in chain(*legs(deployment, shop)) if account == "expense:writeoff"]
    assert sorted(of_writeoffs) == [-300, 300]
    verified(books)


def test_a_correction_above_the_limit_waits_and_keeps_others_away_meanwhile(
    shop: Shop, books: Client, second: Client, deployment: Deployment
) -> None:
    original = adjust(books, shop, 500).body
    limit(books, 100)
    waiting = reverse(books, original["id"]).body
    assert (waiting["status"], available(books, shop)) == ("pending_approval", 500)
    assert reverse(second, original["id"]).code == "already_reversed"
    assert reverse(books, waiting["id"]).code == "not_reversible"
    assert second.post(f"/v1/adjustments/{waiting['id']}/decline").body["status"] == "declined"
    assert books.get(f"/v1/adjustments/{original['id']}").body["reversed_by"] is None
    asked_again = reverse(books, original["id"]).body
    assert second.post(f"/v1/adjustments/{asked_again['id']}/approve").body["status"] == "posted"
    assert available(books, shop) == 0
    assert reverse(books, original["id"]).code == "already_reversed"
    verified(books)


def test_a_correction_under_a_key_answers_the_same_again(shop: Shop, books: Client, deployment: Deployment) -> None:
    original = adjust(books, shop, 500).body["id"]
    first = reverse(books, original, idempotency_key="r1").body
    assert reverse(books, original, idempotency_key="r1").body == first


def test_what_waits_or_was_declined_cannot_be_taken_back(shop: Shop, books: Client, second: Client) -> None:
    limit(books, 0)
    waiting = adjust(books, shop, 5).body["id"]
    assert (reverse(books, waiting).status, reverse(books, waiting).code) == (409, "not_reversible")
    second.post(f"/v1/adjustments/{waiting}/decline")
    assert reverse(books, waiting).code == "not_reversible"


# --- lists ------------------------------------------------------------------------------------------------------------


def test_adjustments_are_listed_newest_first_of_a_creator_and_of_a_status(
    shop: Shop, books: Client, new_brand: NewBrand
) -> None:
    dana = shop.brand.made("/v1/creators", {"email": "dana@example.com", "name": "Dana"})["id"]
    limit(books, 100)
    made = []
    for number, (creator, amount) in enumerate([(shop.creator, 5), (dana, 6), (shop.creator, 101), (shop.creator, -7)]):
        books.post("/v1/test_clock", {"now": (NOON + timedelta(minutes=number)).isoformat()})
        said = {"creator_id": creator, "amount": amount, "currency": "ILS", "reason": REASON}
        made.append(books.made("/v1/adjustments", said, idempotency_key=f"k{number}")["id"])

    def listed(**query: Any) -> list[str]:
        return [item["id"] for item in books.get("/v1/adjustments", **query).body["items"]]

    assert listed() == made[::-1]
    assert listed(creator_id=dana) == [made[1]]
    assert listed(creator_id=shop.creator) == [made[3], made[2], made[0]]
    assert listed(status="pending_approval") == [made[2]]
    assert listed(creator_id=shop.creator, status="posted") == [made[3], made[0]]
    first = books.get("/v1/adjustments", limit=3).body
    assert [item["id"] for item in first["items"]] == made[:0:-1]
    assert listed(limit=3, cursor=first["next_cursor"]) == [made[0]]
    assert books.get("/v1/adjustments", creator_id=dana, cursor=first["next_cursor"]).code == "invalid_cursor"
    other = Client(APIS["payouts"], new_brand("Theirs").key)
    assert other.get("/v1/adjustments", creator_id=dana).body["items"] == []
    assert other.get(f"/v1/adjustments/{made[0]}").status == 404


def test_who_may_read_may_not_adjust(shop: Shop, books: Client) -> None:
    made = adjust(books, shop, 5).body["id"]
    reader, writer = another(shop, ["adjustments:read"]), another(shop, ["adjustments:write"])
    assert reader.get(f"/v1/adjustments/{made}").status == 200
    assert adjust(reader, shop, 5, "k9").code == "scope_missing"
    assert reverse(reader, made).code == "scope_missing"
    assert writer.get("/v1/adjustments").code == "scope_missing"


def test_an_adjustment_counts_for_the_next_fold_no_more(shop: Shop, books: Client, clock: Clock) -> None:
    """It is read again by later folds, as all entries of the zone are, and not counted again."""
    for number in range(3):
        adjust(books, shop, 100, f"k{number}")
        clock.pass_(timedelta(hours=1))
    books.post("/v1/test_clock", {"now": LATER})
    adjust(books, shop, -1, "last")
    assert available(books, shop) == 299
    verified(books)

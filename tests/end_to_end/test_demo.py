"""The demo has something true to show on every page: each kind of order, of credit, of loss, and books that add up."""

import csv
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest

from local.demo import sales
from local.demo.client import Api, Client
from local.demo.story import Story, story
from local.stack import Stack
from tests.end_to_end.brands import broken

_RAISED_BPS = 1500


@pytest.fixture(scope="module")
def api(demo: Stack) -> Iterator[Api]:
    with Client(demo.api_url) as client:
        yield Api(client, demo.demo["api_key"])


@pytest.fixture(scope="module")
def orders(api: Api) -> list[Any]:
    return list(pages(api, "/v1/orders"))


@pytest.fixture(scope="module")
def explained(api: Api, orders: list[Any]) -> dict[str, Any]:
    """Every order's explanation, by the shop's own id of the order."""
    return {order["external_id"]: api.get(f"/v1/orders/{order['id']}/explanation") for order in orders}


@pytest.fixture(scope="module")
def told(demo: Stack) -> Story:
    return story(datetime.fromisoformat(demo.demo["now"]))


def sold(told: Story) -> dict[str, sales.Order]:
    """The shop's orders by their ids, as they were placed."""
    return {
        delivery.order.external_id: delivery.order
        for moment in told.moments
        for delivery in moment.deliveries
        if delivery.kind != "unreadable"
    }


def pages(api: Api, path: str, **query: str) -> Iterator[Any]:
    following: str | None = ""
    while following is not None:
        page = api.get(path, **query, limit="100", **({"cursor": following} if following else {}))
        yield from page["items"]
        following = page["next_cursor"]


def test_orders_of_every_status_came_by_every_door(orders: list[Any]) -> None:
    statuses = Counter(order["status"] for order in orders)
    assert len(orders) > 100
    assert statuses.keys() == {"open", "paid", "cancelled", "refunded"}
    assert {order["platform"] for order in orders} == {"shopify", "standard_webhooks", "rest"}


def test_losers_are_told_why(orders: list[Any], explained: dict[str, Any]) -> None:
    nobodys = [explained[order["external_id"]] for order in orders if not order["commissions"]]
    reasons = {candidate["reason"] for one in nobodys for candidate in one["candidates"]}
    assert reasons == {"self_referral", "unknown_code"}
    assert any(not one["candidates"] for one in nobodys), "an order that nobody sent"


def test_the_first_of_a_journey_is_credited_where_the_program_says_so(
    demo: Stack, orders: list[Any], explained: dict[str, Any]
) -> None:
    creators = {demo.demo["creator_ids"][name] for name in ("maya", "dana", "omar", "lena")}
    ambassadors = [order for order in orders if {part["creator_id"] for part in order["commissions"]} & creators]
    found = [explained[order["external_id"]]["candidates"] for order in ambassadors]
    journeys = [candidates for candidates in found if len({each["creator_id"] for each in candidates}) > 1]
    assert journeys
    assert any(
        min(candidates, key=lambda candidate: candidate["at"] or "9")["outcome"] == "credited"
        and any(candidate["reason"] == "model_share_zero" for candidate in candidates)
        for candidates in journeys
    )


def test_what_a_sale_can_be_is_told_by_some_order(demo: Stack, explained: dict[str, Any]) -> None:
    everything = list(explained.values())
    parts = [part for one in everything for part in one["commissions"]]
    steps = {step["kind"] for part in parts for step in part["steps"]}
    assert steps >= {"lines", "cap_per_order", "recruited", "taken_back", "adjusted"}
    won = {candidate["kind"] for one in everything for candidate in one["candidates"] if candidate["outcome"] != "lost"}
    assert won == {"click", "code", "customer", "product", "decision"}
    assert {part["tier"] for part in parts} == {None, "gold"}
    assert {decision["kind"] for one in everything for decision in one["decisions"]} == {"hold", "reassign", "adjust"}
    assert Counter(each["status"] for one in everything for each in one["disputes"]) == Counter(["open", "lost", "won"])
    assert "failed" in {refund["outcome"] for one in everything for refund in one["refunds"]}
    ambassadors = demo.demo["program_ids"]["ambassadors"]
    lines = [line for one in everything for line in one["lines"]]
    assert {line["rule"] for line in lines if line["program_id"] == ambassadors} == {0, 1, 2, 3, 4, None}
    assert any(line["level_from"] for line in lines), "a rate that last month's volume has set"


def test_a_subscription_earns_for_three_payments(explained: dict[str, Any], told: Story) -> None:
    orders = sorted((order for order in sold(told).values() if order.subscription), key=lambda order: order.placed_at)
    parts = [part for order in orders for part in explained[order.external_id]["commissions"]]
    assert [part["subscription"]["payment"] for part in parts] == [1, 2, 3, 4]
    assert [part["net"]["amount"] > 0 for part in parts] == [True, True, True, False]


def test_dollars_become_shekels_by_the_fixing_before_the_order(explained: dict[str, Any], told: Story) -> None:
    fixed = [(moment.at, moment.dollar) for moment in told.moments if moment.dollar]
    abroad = [order for order in sold(told).values() if order.currency == sales.ABROAD]
    for order in abroad:
        [part] = explained[order.external_id]["commissions"]
        assert part["net"]["currency"] == sales.CURRENCY
        at, dollar = max(each for each in fixed if each[0] < order.placed_at)
        assert (datetime.fromisoformat(part["rate"]["at"]), float(part["rate"]["rate"])) == (at, float(dollar))
    assert len(abroad) > 1


def test_who_was_new_is_what_the_shops_own_books_say(explained: dict[str, Any], told: Story) -> None:
    """Whatever was told first: each buyer's first order is a new customer's, and no other is."""
    orders = sold(told)
    first: dict[str, datetime] = {}
    for order in orders.values():
        if order.buyer:
            first[order.buyer.email] = min(first.get(order.buyer.email, order.placed_at), order.placed_at)
    for name, order in orders.items():
        known = explained[name]["customer"]
        expected = order.placed_at == first[order.buyer.email] if order.buyer else None
        assert (known["new"] if known else None) == expected, name


def test_explanations_add_up(explained: dict[str, Any]) -> None:
    """From the lines, step by step, to the net; the whole is what the order shows (`test_trials`)."""
    for name, one in explained.items():
        for part in one["commissions"]:
            own = [line for line in one["lines"] if line["creator_id"] == part["creator_id"]]
            of_lines = sum(step["amount"]["amount"] for step in part["steps"] if step["kind"] == "lines")
            assert sum(line["commission"]["amount"] for line in own) == of_lines, name
            assert sum(step["amount"]["amount"] for step in part["steps"]) == part["net"]["amount"], name


def test_every_creators_account_is_the_sum_of_their_commissions(api: Api, demo: Stack) -> None:
    """With what caps and bonuses of months have made of it, where a program has them."""
    by_month = 0
    for key, creator in demo.demo["creator_ids"].items():
        [balance] = api.get(f"/v1/creators/{creator}/balances")
        net = sum(part["net"]["amount"] for part in pages(api, "/v1/commissions", creator_id=creator))
        entries = api.get(f"/v1/creators/{creator}/statement", currency=sales.CURRENCY)["entries"]
        months = [entry["amount"] for entry in entries if entry["kind"] == "bonus"]
        assert net + sum(months) == sum(amount for part, amount in balance.items() if part != "currency") > 0
        assert key in ("yoav", "rim") or not months
        by_month += len(months)
    assert by_month


def test_friends_are_paid_from_a_list_and_the_first_has_the_money(api: Api, demo: Stack) -> None:
    run = api.get(f"/v1/payout_runs/{demo.demo['payout_run_id']}")
    payouts = list(pages(api, "/v1/payouts", run_id=run["id"]))
    names = {creator: name for name, creator in demo.demo["creator_ids"].items()}
    authorization = {"Authorization": f"Bearer {api.key}"}
    file = api.client.send("GET", f"/v1/payout_runs/{run['id']}/file", headers=authorization).body
    rows = {row["payout_id"]: row for row in csv.DictReader(io.StringIO(file.decode("utf-8-sig")))}
    assert run["status"] == "completed"
    assert api.get(f"/v1/creators/{demo.demo['creator_ids']['omar']}/payee")["held"]
    assert {names[payout["creator_id"]]: payout["status"] for payout in payouts} == {
        "noa": "settled",
        "itai": "submitted",
        "maya": "submitted",
    }
    assert {payout["id"]: payout["amount"] for payout in payouts} == {
        name: int(row["amount"].replace(".", "")) for name, row in rows.items()
    }
    for payout in payouts:
        entries = api.get(f"/v1/creators/{payout['creator_id']}/statement", currency=sales.CURRENCY)["entries"]
        assert [each["amount"] for each in entries if each["payout_id"] == payout["id"]] == [-payout["amount"]]
        [balance] = api.get(f"/v1/creators/{payout['creator_id']}/balances")
        # Noa may be paid once more: by whoever follows the page on payouts after the README.
        assert balance["paid" if payout["status"] == "settled" else "in_transit"] >= payout["amount"]


def test_one_delivery_waits_for_a_person_and_two_commissions_are_held(api: Api, explained: dict[str, Any]) -> None:
    [parked] = pages(api, "/v1/deliveries")
    assert (parked["reason"], parked["topic"]) == ("unknown_status", "orders/paid")
    held = list(pages(api, "/v1/commissions", status="held"))
    assert all(part["net"]["amount"] > 0 for part in held)
    why = {one["order_id"]: (one["disputes"], one["decisions"]) for one in explained.values()}
    assert sorted(
        [*(each["status"] for each in disputes), *(each["kind"] for each in decisions)]
        for disputes, decisions in (why[part["order_id"]] for part in held)
    ) == [["hold"], ["open"]]


# --- a rate that might be raised --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Raise:
    """What a higher rate for friends would have changed since they have their terms, and the books around it."""

    since: str
    result: Any
    orders: list[Any]
    before: list[Any]
    after: list[Any]


@pytest.fixture(scope="module")
def friends(api: Api, demo: Stack) -> Raise:
    program = demo.demo["program_ids"]["friends"]
    newest = next(pages(api, f"/v1/programs/{program}/terms"))
    now = datetime.fromisoformat(api.get("/v1/test_clock")["now"])
    draft = newest["terms"] | {"commission": {"rules": [{"reward": {"type": "percent", "bps": _RAISED_BPS}}]}}
    asked = {"program_id": program, "from": newest["effective_from"], "to": (now + timedelta(days=1)).isoformat()}
    before = books(api, demo)
    result = api.post("/v1/simulations", asked | {"terms": draft})
    different = list(pages(api, f"/v1/simulations/{result['id']}/orders"))
    return Raise(newest["effective_from"], result, different, before, books(api, demo))


def books(api: Api, demo: Stack) -> list[Any]:
    creators = demo.demo["creator_ids"].values()
    balances = [api.get(f"/v1/creators/{creator}/balances") for creator in creators]
    return [balances, list(pages(api, "/v1/orders")), list(pages(api, "/v1/commissions"))]


def test_a_raise_costs_what_a_pencil_says(friends: Raise, demo: Stack, explained: dict[str, Any]) -> None:
    """All of that program's orders are plain: so much of what was kept of each line, half a unit up."""
    _, orders, commissions = friends.before
    kept = {one["order_id"]: [line["kept_base"]["amount"] for line in one["lines"]] for one in explained.values()}
    paid = {each["id"] for each in orders if each["status"] != "open"}
    rises: Counter[str] = Counter()
    changed = set()
    for part in commissions:
        is_friends = part["program_id"] == demo.demo["program_ids"]["friends"]
        if is_friends and part["placed_at"] >= friends.since and part["order_id"] in paid:
            raised = sum((amount * _RAISED_BPS + 5_000) // 10_000 for amount in kept[part["order_id"]])
            rise = raised - part["net"]["amount"]
            rises[part["creator_id"]] += rise
            changed |= {part["order_id"]} if rise else set()
    assert len(changed) > 10
    assert friends.result["status"] == "done"
    assert {each["creator_id"]: each["delta"]["amount"] for each in friends.result["creators"]} == rises
    assert friends.result["total"]["delta"]["amount"] == sum(rises.values())
    assert (friends.result["different"], friends.result["left_out"]) == (len(changed), 0)
    assert {each["order_id"] for each in friends.orders} == changed


def test_its_table_opens_and_sums_to_its_total(api: Api, friends: Raise) -> None:
    headers = {"Authorization": f"Bearer {api.key}", "Accept": "text/csv"}
    answer = api.client.send("GET", f"/v1/simulations/{friends.result['id']}", headers=headers)
    rows = list(csv.DictReader(io.StringIO(answer.body.decode("utf-8-sig"))))
    assert len(rows) == friends.result["rows"] > 1
    for column in ("before", "after", "delta"):
        assert sum(int(row[column]) for row in rows) == friends.result["total"][column]["amount"]


def test_trying_it_has_left_the_books_as_they_were(friends: Raise) -> None:
    assert friends.before == friends.after


def test_no_answer_was_a_500_and_nothing_was_thrown(demo: Stack) -> None:
    assert broken(demo) == []

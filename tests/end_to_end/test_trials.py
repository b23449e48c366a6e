"""The demo's orders settled again: as they are by replays and explanations, and by terms on trial."""

import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from local.demo.client import Api, Client
from local.demo.story import story
from local.stack import Stack
from tests.end_to_end.test_demo import pages

BEGINNING = "2020-01-01T00:00:00Z"


@pytest.fixture(scope="module")
def api(demo: Stack) -> Iterator[Api]:
    with Client(demo.api_url) as client:
        yield Api(client, demo.demo["api_key"])


@pytest.fixture(scope="module")
def end(api: Api) -> str:
    """A day after the brand's present."""
    now = datetime.fromisoformat(api.get("/v1/test_clock")["now"])
    return (now + timedelta(days=1)).isoformat()


def test_posted_replayed_and_explained_are_one_and_the_same_for_every_order(api: Api, end: str) -> None:
    orders = list(pages(api, "/v1/orders"))
    replayed = api.post("/v1/replays", {"from": BEGINNING, "to": end})
    assert replayed == {
        "status": "done", "orders": len(orders), "equal": True, "different": [], "next_cursor": None,
    }  # fmt: skip
    for order in orders:
        assert api.post(f"/v1/orders/{order['id']}/replay", {})["equal"], order["id"]
        explained = api.get(f"/v1/orders/{order['id']}/explanation")
        assert [(part["creator_id"], part["net"]) for part in explained["commissions"]] == [
            (part["creator_id"], part["net"]) for part in order["commissions"]
        ]


def test_the_terms_in_force_change_nothing_and_nothing_at_all_changes_everything(
    api: Api, demo: Stack, end: str
) -> None:
    compared = 0
    # What people have set by hand stays, whatever terms say.
    told = story(datetime.fromisoformat(demo.demo["now"]))
    by_hand = {decision.amount for decision in told.decisions if decision.amount is not None}
    for program in pages(api, "/v1/programs"):
        newest = next(pages(api, f"/v1/programs/{program['id']}/terms"))
        since = newest["effective_from"] or BEGINNING
        asked = {"program_id": program["id"], "from": since, "to": end}
        same = api.post("/v1/simulations", asked | {"terms": newest["terms"]})
        assert (same["status"], same["different"], same["left_out"]) == ("done", 0, 0)
        assert {row["delta"]["amount"] for row in [same["total"], *same["totals"], *same["creators"]]} <= {0}
        nothing = api.post("/v1/simulations", asked | {"terms": {}})
        own = [row for row in nothing["creators"] if row["program_id"] == program["id"]]
        commission = newest["terms"]["commission"]
        if "cap_per_period" not in commission and not commission["bonuses"]:
            before = {(row["creator_id"], row["before"]["currency"]): row["before"]["amount"] for row in own}
            assert before == net(api, program["id"], since, end)
            compared += len(before)
        assert {row["after"]["amount"] for row in own} <= {0} | by_hand
    assert compared > 1


def test_the_queue_of_simulations_is_worked_on(api: Api, demo: Stack, end: str) -> None:
    [program, *_] = pages(api, "/v1/programs")
    done = api.post("/v1/simulations", {"program_id": program["id"], "terms": {}, "from": BEGINNING, "to": end})
    until = time.monotonic() + 240
    while not any("simulated" in line.text and done["id"] in line.text for line in demo.logs()):
        assert time.monotonic() < until, "what is sent when a simulation begins came to nobody"
        time.sleep(2)
    assert api.get(f"/v1/simulations/{done['id']}") == done


def net(api: Api, program_id: str, start: str, end: str) -> dict[tuple[str, str], int]:
    """What stands of the program's commissions, by creator and currency."""
    sums: Counter[tuple[str, str]] = Counter()
    for part in pages(api, "/v1/commissions", **{"from": start, "to": end}):
        if part["program_id"] == program_id:
            sums[part["creator_id"], part["net"]["currency"]] += part["net"]["amount"]
    return {whose: amount for whose, amount in sums.items() if amount}


def test_a_preview_says_what_a_sale_would_earn(api: Api) -> None:
    [program, *_] = pages(api, "/v1/programs")
    line = {"id": "1", "quantity": 1, "unit_price": 10_000}
    rules: list[Any] = [{"match": {}, "reward": {"type": "percent", "bps": 1250}}]
    explained = api.post(
        "/v1/terms/preview",
        {
            "program_id": program["id"],
            "terms": {"commission": {"rules": rules}},
            "order": {"currency": program["currency"], "lines": [line]},
        },
    )
    assert [part["net"]["amount"] for part in explained["commissions"]] == [1_250]

"""Simulations over a shop's random life: what they find, that they write nothing else, that nothing derails them."""

import csv
import io
import json
import random
import zlib
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from itertools import batched, repeat
from typing import Any, NoReturn

import pytest

from attribution import simulate
from attribution import simulations as routes
from tests.faults.shop import history
from tests.faults.world import _FRIENDS, _FRIENDS_NOW, _PRESS, CHANGED, Context, World, engine, event, later
from tests.fixtures import NOON
from tests.functions.client import Answer, Client
from tests.functions.conftest import APIS
from tests.wire import Wire, answer_lost, unreachable
from vouch.domain import ids, times
from vouch.domain.errors import TooMany
from vouch.domain.rates import Rate
from vouch.domain.simulation import OrderChange, Stake, Sums
from vouch.http import Api
from vouch.service import keys, orders, ranges, simulations, volumes
from vouch.service.mint import fresh
from vouch.store import simulations as store
from vouch.store.database import Writes
from vouch.store.rates import new_rate
from vouch.store.seals import Measured, Volume
from vouch.store.tables import Order, Simulation, SimulationPart

BEGINNING, END = "2026-01-01T00:00:00Z", "2026-06-01T00:00:00Z"
TWICE: dict[str, Any] = _PRESS | {"commission": {"rules": [{"match": {}, "reward": {"type": "percent", "bps": 1554}}]}}
BY_ORDERS = {"period": "month", "measure": "orders", "levels": [{"from": 1, "bps": 5_000}]}
TIERED = TWICE | {"commission": TWICE["commission"] | {"tiers": BY_ORDERS}}
NONE = _FRIENDS_NOW | {"commission": {"rules": []}}


@dataclass(frozen=True)
class Shop:
    """A world whose brand has a key."""

    world: World
    brand: Client

    def simulate(self, program: str, terms: dict[str, Any], start: str = BEGINNING, end: str = END) -> Answer:
        body = {"program_id": program, "terms": terms, "from": start, "to": end}
        return self.brand.post("/v1/simulations", body)

    def done(self, program: str, terms: dict[str, Any], start: str = BEGINNING, end: str = END) -> Any:
        answer = self.simulate(program, terms, start, end)
        assert (answer.status, answer.body["status"]) == (201, "done"), answer.text
        self.run()  # what was sent in case that the request dies has nothing left to do
        return answer.body

    def begun(self, program: str, terms: dict[str, Any]) -> str:
        """A simulation for which the request had no time."""
        answer = self.simulate(program, terms)
        assert (answer.status, answer.body["status"]) == (202, "running"), answer.text
        assert (answer.body["creators"], answer.body["total"], answer.body["totals"]) == ([], None, [])
        return str(answer.body["id"])

    def shown(self, simulation_id: str) -> Any:
        return self.brand.get(f"/v1/simulations/{simulation_id}").body

    def waiting(self) -> list[str]:
        """The messages of the queue, which is empty afterwards."""
        settings = self.world.deployment.settings
        sent = self.world.deployment.sqs.sent.pop(settings.simulate_queue_url, ())
        return [message["MessageBody"] for message in sent]

    def step(self, message: str, *, orders: int = 9) -> bool:
        """Whether a message is done with; there is time for so many orders."""
        times_left = repeat(60_000, orders - 1)
        asked = event("simulate")
        asked["Records"][0]["body"] = message
        return not simulate.handler(asked, Context(lambda: next(times_left, 1)))["batchItemFailures"]

    def run(self) -> int:
        """Works the queue off, nine orders at a time; how many messages that took."""
        steps = 0
        while messages := self.waiting():
            for message in messages:
                assert self.step(message)
                steps += 1
        return steps


@pytest.fixture
def shop(world: World, apis: dict[str, Api], monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setattr(simulate, "deployment", lambda: world.deployment)
    return Shop(world, client(world))


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request has time for one order, and pages are small."""
    monkeypatch.setattr(routes, "_SECONDS", -1)
    monkeypatch.setattr(ranges, "BATCH_GET_MAX", 13)


def client(world: World) -> Client:
    key, text = keys.first(world.deployment, fresh(world.deployment), world.brand)
    world.deployment.database.put_new(key)
    return Client(APIS["attribution"], text, world.brand_id)


_LIVES: dict[tuple[Any, ...], dict[str, list[Any]]] = {}
"""What a life leaves in the tables, once somebody has lived it: the same for the same brand and seed."""
_TABLES = ("main", "ledger", "inbox", "clicks", "figures")


def live(world: World, seed: int = 1, orders: int = 60, webhooks: int = 140) -> None:
    """Delivers and settles all that the shop told, or restores what that once came to."""
    names = (world.name, seed, orders, webhooks)
    known = _LIVES.get(names)
    if known is not None:
        _restore(world, known)
        return
    before = {table: _items(world, table) for table in _TABLES}
    for webhook in history(world, seed, orders=orders, webhooks=webhooks).webhooks:
        world.deliver(webhook)
    _LIVES[names] = {table: [item for item in _items(world, table) if item not in before[table]] for table in _TABLES}


def _restore(world: World, known: dict[str, list[Any]]) -> None:
    for table, items in known.items():
        name = getattr(world.deployment.settings, f"{table}_table")
        for part in batched(items, 25, strict=False):
            puts = [{"PutRequest": {"Item": item}} for item in part]
            assert not engine(world.deployment).batch_write_item(RequestItems={name: puts})["UnprocessedItems"]


def _items(world: World, table: str) -> list[Any]:
    name = getattr(world.deployment.settings, f"{table}_table")
    pages = engine(world.deployment).get_paginator("scan").paginate(TableName=name, ConsistentRead=True)
    return [item for page in pages for item in page["Items"]]


def posted(world: World, program: str, start: str = BEGINNING, end: str = END) -> dict[str, int]:
    """What the ledger holds for the program's creators of the orders of a range; each of them is in one program."""
    sums: Counter[str] = Counter()
    for order_id, entries in world.entries().items():
        order = world.deployment.database.get(Order, f"{world.brand_id}#O#{order_id}", "O")
        assert order is not None
        parts = {part["creator_id"] for part in order.summary["commissions"] if part["program_id"] == program}
        if times.parse(start) <= times.parse(order.summary["placed_at"]) < times.parse(end):
            for entry in entries:
                sums[entry.creator_id] += -entry.legs[1].amount if entry.creator_id in parts else 0
    return {creator: amount for creator, amount in sums.items() if amount}


def amounts(rows: list[Any], name: str) -> dict[str, int]:
    return {row["creator_id"]: row[name]["amount"] for row in rows if row[name]["amount"]}


def tables(world: World) -> dict[str, Any]:
    """Every item of every table, as the engine has it, but for what simulations count."""
    counts = ({"S": "simulation"}, {"S": "simulation_part"}, {"S": "running_simulations"})
    return {
        table: sorted(repr(sorted(item.items())) for item in _items(world, table) if item.get("k") not in counts)
        for table in _TABLES
    }


# --- what it finds ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_terms_as_they_are_change_nothing_and_before_is_what_is_posted(shop: Shop, seed: int) -> None:
    live(shop.world, seed)
    ranges_of = [
        (shop.world.press, _PRESS, BEGINNING, END),
        (shop.world.friends, _FRIENDS_NOW, CHANGED, END),
        (shop.world.friends, _FRIENDS, BEGINNING, CHANGED),
    ]
    for program, terms, start, end in ranges_of:
        found = shop.done(program, terms, start, end)
        assert (found["different"], found["left_out"], found["total"]["delta"]["amount"]) == (0, 0, 0)
        assert amounts(found["creators"], "delta") == {}
        assert amounts(found["creators"], "before") == posted(shop.world, program, start, end)
        assert found["total"]["before"]["amount"] == sum(posted(shop.world, program, start, end).values()) > 0
        assert shop.brand.get(f"/v1/simulations/{found['id']}/orders").body["items"] == []


def test_a_draft_is_told_in_sums_by_order_and_as_a_table(shop: Shop) -> None:
    live(shop.world)
    found = shop.done(shop.world.press, TWICE)
    assert found["orders"] == found["progress"]["orders"] == found["progress"]["of"] == 60
    before, after = amounts(found["creators"], "before"), amounts(found["creators"], "after")
    assert before == posted(shop.world, shop.world.press)
    assert all(after[creator] > before[creator] for creator in before), "twice the rate, and no cap"
    assert amounts(found["creators"], "delta") == {each: after[each] - before[each] for each in before}
    assert found["totals"] == [found["total"]]
    assert {name: said["amount"] for name, said in found["total"].items()} == {
        "before": sum(before.values()),
        "after": sum(after.values()),
        "delta": sum(after.values()) - sum(before.values()),
    }
    assert found["creators"] == sorted(found["creators"], key=lambda row: -abs(row["delta"]["amount"]))
    orders = shop.brand.get(f"/v1/simulations/{found['id']}/orders", limit=100).body["items"]
    assert len(orders) == found["different"] > 5
    by_creator: Counter[str] = Counter()
    for order in orders:
        for side, sign in (("before", -1), ("after", 1)):
            for net in order[side]:
                by_creator[net["creator_id"]] += sign * net["amount"]["amount"]
    assert {each: delta for each, delta in by_creator.items() if delta} == amounts(found["creators"], "delta")
    assert [order["placed_at"] for order in orders] == sorted((each["placed_at"] for each in orders), reverse=True)
    assert shop.shown(found["id"]) == found


def test_the_table_has_the_same_rows(shop: Shop) -> None:
    live(shop.world)
    found = shop.done(shop.world.press, TWICE)
    answer = shop.brand.send("GET", f"/v1/simulations/{found['id']}", accept="text/csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.text.startswith("\ufeff")
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    said = [
        {"creator_id": row["creator_id"], "program_id": row["program_id"], "currency": "USD"}
        | {name: str(row[name]["amount"]) for name in ("before", "after", "delta")}
        for row in found["creators"]
    ]
    assert rows == said


def test_a_draft_that_pays_nothing_takes_it_all(shop: Shop) -> None:
    live(shop.world)
    found = shop.done(shop.world.friends, NONE)
    assert amounts(found["creators"], "after") == {}
    assert amounts(found["creators"], "before") == posted(shop.world, shop.world.friends)


def test_whoever_shares_an_order_by_another_program_has_rows_of_what_changes(shop: Shop) -> None:
    live(shop.world, orders=80, webhooks=180)
    found = shop.done(shop.world.press, _PRESS | {"attribution": {"model": "last", "code_policy": "wins"}})
    own = [row for row in found["creators"] if row["program_id"] == shop.world.press]
    others = [row for row in found["creators"] if row["program_id"] != shop.world.press]
    assert amounts(own, "before") == posted(shop.world, shop.world.press)
    assert others
    assert {row["program_id"] for row in others} == {shop.world.friends}
    assert all(row["before"] != row["after"] for row in others)
    for name in ("before", "after", "delta"):
        assert found["total"][name]["amount"] == sum(row[name]["amount"] for row in found["creators"])


def test_caps_and_bonuses_per_period_count(shop: Shop) -> None:
    live(shop.world)
    found = shop.done(shop.world.press, TWICE)
    most, bonus = 3_000, 700
    rules: dict[str, Any] = TWICE["commission"] | {
        "cap_per_period": {"amount": most, "currency": "USD", "period": "lifetime"},
        "bonuses": [
            {"id": "b", "measure": "orders", "threshold": 3, "period": "lifetime"}
            | {"reward": {"amount": bonus, "currency": "USD"}}
        ],
    }
    capped = shop.done(shop.world.press, TWICE | {"commission": rules})
    uncapped, held = amounts(found["creators"], "after"), amounts(capped["creators"], "after")
    assert max(uncapped.values()) > most
    assert held == {creator: min(most, amount) + bonus for creator, amount in uncapped.items()}
    assert amounts(capped["creators"], "before") == posted(shop.world, shop.world.press)
    assert capped["different"] == found["different"], "a cap of a period is no order's"


def test_tiers_of_a_draft_are_measured_and_not_sealed(shop: Shop) -> None:
    live(shop.world)
    tiers = {"period": "month", "measure": "commission", "levels": [{"from": 0, "bps": 0}, {"from": 1, "bps": 5_000}]}
    before = tables(shop.world)
    found = shop.done(shop.world.press, TWICE | {"commission": TWICE["commission"] | {"tiers": tiers}})
    assert tables(shop.world) == before
    assert found["left_out"] == 0
    rated = {
        net["amount"]["amount"]
        for order in shop.brand.get(f"/v1/simulations/{found['id']}/orders", limit=100).body["items"]
        for net in order["after"]
    }
    assert any(rated), "creators who earned in April have a level in May"
    assert found["total"]["after"] != shop.done(shop.world.press, TWICE)["total"]["after"]


def test_the_queue_may_look_up_all_that_a_draft_asks_for(shop: Shop, hurried: None) -> None:
    live(shop.world)
    tags = {"match": {"tags": ["summer"]}, "reward": {"type": "percent", "bps": 100}}
    tiers = {"period": "month", "measure": "orders", "levels": [{"from": 1, "bps": 5_000}]}
    asking = TWICE["commission"] | {"rules": [tags, *TWICE["commission"]["rules"]], "tiers": tiers}
    program = shop.world.program(shop.world.press, [[1, None]])
    program.currency = "EUR"
    program.save()
    now = shop.world.deployment.now()
    for days in range(60):
        rate = Rate(9, 10, "bank", now - timedelta(days=days))
        new_rate(shop.world.brand_id, "USD", "EUR", rate, created_at=times.text(now)).save()
    before = tables(shop.world)
    simulation = shop.begun(shop.world.press, TWICE | {"commission": asking, "convert_to": "EUR"})
    shop.run()
    found = shop.shown(simulation)
    assert (found["status"], found["left_out"]) == ("done", 0)
    assert {total["before"]["currency"] for total in found["totals"]} == {"EUR", "USD"}
    assert found["total"]["after"]["currency"] == "EUR"
    assert found["total"]["after"]["amount"] > 0
    assert tables(shop.world) == before


def test_an_order_is_explained_by_the_draft(shop: Shop) -> None:
    live(shop.world)
    found = shop.done(shop.world.press, TWICE)
    orders = shop.brand.get(f"/v1/simulations/{found['id']}/orders").body["items"]
    assert orders
    for order in orders:
        path = f"/v1/simulations/{found['id']}/orders/{order['order_id']}/explanation"
        explained = shop.brand.get(path).body
        assert explained["order_id"] == order["order_id"]
        said = {part["creator_id"]: part["net"] for part in explained["commissions"] if part["net"]["amount"]}
        assert said == {net["creator_id"]: net["amount"] for net in order["after"]}
        versions = {
            part["terms_version"] for part in explained["commissions"] if part["program_id"] == shop.world.press
        }
        assert versions <= {0}
        for part in explained["commissions"]:
            theirs = shop.brand.get(path, creator_id=part["creator_id"], language="he").body
            assert [each["net"] for each in theirs["commissions"]] == [part["net"]]
            assert (theirs["language"], "העמלה שלך" in theirs["text"]) == ("he", True)
        stranger = shop.brand.get(path, creator_id="cre_00000000000000000000000000")
        assert (stranger.status, stranger.code) == (404, "not_found")


def test_an_order_with_which_the_simulation_has_nothing_to_do_is_as_good_as_absent(shop: Shop) -> None:
    live(shop.world)
    whole, nothing = shop.done(shop.world.press, TWICE), shop.done(shop.world.press, TWICE, BEGINNING, BEGINNING)
    orders = shop.brand.get("/v1/orders", limit=100).body["items"]
    told = []
    for order in orders:
        explained, absent = (
            shop.brand.get(f"/v1/simulations/{simulation['id']}/orders/{order['id']}/explanation")
            for simulation in (whole, nothing)
        )
        assert absent.status == 404
        real = shop.brand.get(f"/v1/orders/{order['id']}/explanation").body
        named = {candidate["program_id"] for candidate in real["candidates"]}
        assert explained.status == (200 if shop.world.press in named else 404), explained.text
        told.append(explained.status)
    assert {200, 404} == set(told)


def test_of_its_range_an_order_of_the_first_second_is_explained_and_not_one_of_the_last(shop: Shop) -> None:
    live(shop.world)
    placed = shop.brand.get(f"/v1/simulations/{shop.done(shop.world.press, TWICE)['id']}/orders").body["items"]
    order, moment = placed[-1]["order_id"], placed[-1]["placed_at"]
    from_it, to_it = shop.done(shop.world.press, TWICE, moment), shop.done(shop.world.press, TWICE, BEGINNING, moment)
    answers = [
        shop.brand.get(f"/v1/simulations/{simulation['id']}/orders/{order}/explanation").status
        for simulation in (from_it, to_it)
    ]
    assert answers == [200, 404]


def test_what_a_draft_cannot_settle_is_left_out_and_named(shop: Shop) -> None:
    live(shop.world)
    found = shop.done(shop.world.press, TWICE)
    program = shop.world.program(shop.world.press, [[1, None]])
    program.currency = "EUR"
    program.save()
    euros = shop.done(shop.world.press, TWICE | {"convert_to": "EUR"})
    assert euros["left_out"] >= found["different"] > 5
    assert euros["orders"] == 60
    orders = shop.brand.get(f"/v1/simulations/{euros['id']}/orders", limit=100).body["items"]
    assert {order["reason"] for order in orders} == {"rate_missing"}
    assert {order["after"] is None for order in orders} == {True}
    assert euros["total"]["after"] == {"amount": 0, "currency": "EUR"}


def test_what_a_hand_was_at_is_left_out_too(shop: Shop) -> None:
    live(shop.world, orders=20, webhooks=40)
    broken = shop.done(shop.world.press, TWICE)
    [first, *_] = shop.brand.get(f"/v1/simulations/{broken['id']}/orders").body["items"]
    database = shop.world.deployment.database
    item = database.get(Order, f"{shop.world.brand_id}#O#{first['order_id']}", "O")
    assert item is not None
    item.packed = b"rubbish"
    item.save()
    found = shop.done(shop.world.press, TWICE)
    assert (found["left_out"], found["different"]) == (1, broken["different"] - 1)
    [told, *_] = shop.brand.get(f"/v1/simulations/{found['id']}/orders").body["items"]
    assert (told["order_id"], told["after"], told["reason"]) == (first["order_id"], None, "unreadable")


# --- that it writes nothing -------------------------------------------------------------------------------------------


def test_nothing_is_written_but_what_it_counts(shop: Shop, hurried: None) -> None:
    live(shop.world)
    before = tables(shop.world)
    simulation = shop.begun(shop.world.press, TWICE)
    shop.run()
    assert shop.shown(simulation)["status"] == "done"
    shop.brand.get("/v1/simulations")
    shop.brand.get(f"/v1/simulations/{simulation}/orders")
    assert tables(shop.world) == before
    parts = list(shop.world.deployment.database.query(SimulationPart, f"{shop.world.brand_id}#SIM#{simulation}"))
    item = shop.world.deployment.database.get(Simulation, f"{shop.world.brand_id}#SIM", simulation)
    assert item is not None
    assert {part.expires_at for part in parts} | {item.expires_at} == {int((NOON + timedelta(days=30)).timestamp())}


def test_it_is_gone_after_thirty_days_even_if_its_item_is_not(shop: Shop) -> None:
    found = shop.done(shop.world.press, TWICE)
    later(shop.world.deployment, timedelta(days=30))
    assert shop.brand.get(f"/v1/simulations/{found['id']}").status == 404
    assert shop.brand.get("/v1/simulations").body["items"] == []


# --- step by step -----------------------------------------------------------------------------------------------------


def test_a_long_one_goes_on_by_its_queue_and_comes_to_the_same(shop: Shop, request: pytest.FixtureRequest) -> None:
    live(shop.world)
    at_once = shop.done(shop.world.press, TWICE)
    request.getfixturevalue("hurried")
    simulation = shop.begun(shop.world.press, TWICE)
    progress = [shop.shown(simulation)["progress"]]
    for _ in range(7):
        [message] = shop.waiting()
        assert shop.step(message)
        progress.append(shop.shown(simulation)["progress"])
    assert [said["orders"] for said in progress] == [1, 10, 19, 28, 37, 46, 55, 60]
    assert [said["back_to"] for said in progress] == sorted((said["back_to"] for said in progress), reverse=True)
    assert [said["of"] for said in progress] == [None] * 7 + [60]
    assert shop.waiting() == []
    assert result(shop, simulation) == result(shop, at_once["id"])


def result(shop: Shop, simulation: str) -> Any:
    """All that is found, without what is another one each time."""
    said = {name: value for name, value in shop.shown(simulation).items() if name not in ("id", "created_at")}
    return said, shop.brand.get(f"/v1/simulations/{simulation}/orders", limit=100).body["items"]


def test_a_step_that_dies_counts_nothing_twice(shop: Shop, hurried: None, monkeypatch: pytest.MonkeyPatch) -> None:
    live(shop.world)
    clean = shop.begun(shop.world.press, TWICE)
    shop.run()
    wire = Wire(monkeypatch)
    simulation = shop.begun(shop.world.press, TWICE)
    for fault in (unreachable, answer_lost, unreachable, answer_lost):
        [message] = shop.waiting()
        wire.faults["TransactWriteItems"] = fault
        done = shop.step(message)
        wire.faults.clear()
        if not done:
            assert shop.step(message)
    shop.run()
    assert result(shop, simulation) == result(shop, clean)


def test_one_that_dies_behind_its_step_is_gone_on_with_by_the_same_message(
    shop: Shop, hurried: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(shop.world)
    clean = shop.begun(shop.world.press, TWICE)
    shop.run()
    simulation = shop.begun(shop.world.press, TWICE)
    [message] = shop.waiting()

    def die(*_: Any, **__: Any) -> NoReturn:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(simulations, "_send", die)
        assert not shop.step(message)
    assert shop.shown(simulation)["orders"] == 10, "the step itself was counted"
    assert shop.step(message)
    assert shop.shown(simulation)["orders"] == 19
    shop.run()
    assert result(shop, simulation) == result(shop, clean)


def test_a_step_puts_what_it_has_before_it_holds_too_much(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    live(shop.world)
    whole = shop.done(shop.world.press, TWICE)
    monkeypatch.setattr(simulations, "_CHUNK_ORDERS", 7)
    monkeypatch.setattr("vouch.store.simulations._SUMS_PER_ITEM", 1)
    monkeypatch.setattr("vouch.store.simulations._CHANGES_PER_ITEM", 1)
    chunked = shop.done(shop.world.press, TWICE)
    item = shop.world.deployment.database.get(Simulation, f"{shop.world.brand_id}#SIM", chunked["id"])
    assert item is not None
    assert item.chunks == 9
    assert result(shop, chunked["id"]) == result(shop, whole["id"])
    monkeypatch.setattr(simulations, "_CHUNK_SUMS", 1)
    assert result(shop, shop.done(shop.world.press, TWICE)["id"]) == result(shop, whole["id"])


def test_orders_of_very_many_creators_are_told_while_there_is_room(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    live(shop.world)
    whole = result(shop, shop.done(shop.world.press, TWICE)["id"])
    sizes = [len(order["before"]) + len(order["after"]) for order in whole[1]]
    assert sum(sizes) > 10
    monkeypatch.setattr(simulations, "TOLD_AMOUNTS_MAX", 7)
    monkeypatch.setattr(simulations, "_CHUNK_ORDERS", 9)
    said, told = result(shop, shop.done(shop.world.press, TWICE)["id"])
    assert 6 <= sum(len(order["before"]) + len(order["after"]) for order in told) <= 7
    assert said == whole[0]


def test_as_many_amounts_as_are_told_fit_an_item(shop: Shop) -> None:
    """Of one order, whose creators' ids and amounts have nothing in common."""
    world, source = shop.world, random.Random(1)

    def some_id(prefix: str) -> str:
        return prefix + "".join(source.choices("0123456789ABCDEFGHJKMNPQRSTVWXYZ", k=26))

    count = simulations.TOLD_AMOUNTS_MAX // 2
    stakes = [Stake(some_id("cre_"), some_id("prg_"), "USD") for _ in range(count)]
    before, after = ({stake: source.randrange(10**15) for stake in stakes} for _ in range(2))
    change = OrderChange("ord_1", NOON, before, after)
    span = {"placed_from": NOON, "placed_to": NOON, "now": NOON}
    item = store.new(world.brand_id, "sim_1", program_id=world.press, currency="USD", terms={}, **span)
    writes = Writes()
    store.put_chunk(writes, item, Sums(), [change])
    world.deployment.database.commit(writes)
    assert list(store.order_changes(world.deployment.database, item)) == [change]
    assert item.amounts == simulations.TOLD_AMOUNTS_MAX
    [part] = world.deployment.database.query(SimulationPart, f"{world.brand_id}#SIM#sim_1")
    assert len(part.body) < 390_000


def test_volumes_are_measured_once_whatever_step_asks(
    shop: Shop, hurried: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(shop.world)
    measured = steps_taken(monkeypatch)
    simulation = shop.begun(shop.world.press, TIERED)
    assert shop.run() > 5
    assert shop.shown(simulation)["status"] == "done"
    assert len(measured) == len(set(measured)) > 2


def steps_taken(monkeypatch: pytest.MonkeyPatch) -> list[Volume]:
    """Which volume each step was about, as they are taken."""
    measured: list[Volume] = []
    measure = volumes.measured

    def counted(deployment: Any, brand_id: str, wanted: Volume, so_far: Measured) -> Measured:
        measured.append(wanted)
        return measure(deployment, brand_id, wanted, so_far)

    monkeypatch.setattr(volumes, "measured", counted)
    return measured


def test_a_volume_that_takes_many_steps_is_measured_from_message_to_message(
    shop: Shop, hurried: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(shop.world)
    clean = shop.begun(shop.world.press, TIERED)
    shop.run()
    monkeypatch.setattr(volumes, "_STEP", 3)
    measured = steps_taken(monkeypatch)
    simulation = shop.begun(shop.world.press, TIERED)
    before = len(measured)
    while messages := shop.waiting():
        for message in messages:
            assert shop.step(message, orders=1)
        assert len(measured) - before <= 2, "an order has two creators at most"
        before = len(measured)
    assert max(Counter(measured).values()) > 2
    assert result(shop, simulation) == result(shop, clean)
    assert shop.shown(simulation)["left_out"] == 0


def test_messages_that_come_again_and_at_once_count_each_order_once(shop: Shop, hurried: None) -> None:
    live(shop.world)
    clean = shop.begun(shop.world.press, TWICE)
    shop.run()
    simulation = shop.begun(shop.world.press, TWICE)
    other = shop.begun(shop.world.friends, NONE)
    with ThreadPoolExecutor(6) as pool:
        while messages := shop.waiting():
            assert all(pool.map(shop.step, messages * 3))
    assert shop.shown(other)["status"] == "done"
    assert result(shop, simulation) == result(shop, clean)
    assert shop.step(json.dumps({"simulation": [shop.world.brand_id, simulation]})), "one that is done stays so"


def test_one_that_stood_still_is_set_going_by_whoever_asks(shop: Shop, hurried: None) -> None:
    live(shop.world, orders=20, webhooks=40)
    simulation = shop.begun(shop.world.press, TWICE)
    assert len(shop.waiting()) == 1, "which is lost"
    shop.shown(simulation)
    assert shop.waiting() == []
    later(shop.world.deployment, timedelta(minutes=30, seconds=1))
    shop.shown(simulation)
    shop.shown(simulation)
    assert shop.run() == 3, "for 19 orders"
    assert shop.shown(simulation)["status"] == "done"


def test_one_that_nothing_sets_going_is_given_up(shop: Shop, hurried: None) -> None:
    live(shop.world, orders=20, webhooks=40)
    simulation = shop.begun(shop.world.press, TWICE)
    [first] = shop.waiting()

    def stood_still() -> str:
        later(shop.world.deployment, timedelta(minutes=30, seconds=1))
        return str(shop.shown(simulation)["status"])

    assert [stood_still() for _ in range(5)] == ["running"] * 5
    assert len(shop.waiting()) == 5, "all of which are lost"
    assert shop.step(first), "and one comes late, and takes it further"
    assert [stood_still() for _ in range(6)] == ["running"] * 5 + ["failed"]
    assert len(shop.waiting()) == 6, "none for the last time"


def test_one_that_fails_time_and_again_is_given_up(shop: Shop, hurried: None, monkeypatch: pytest.MonkeyPatch) -> None:
    live(shop.world, orders=20, webhooks=40)
    simulation = shop.begun(shop.world.press, TWICE)
    [message] = shop.waiting()
    with monkeypatch.context() as patch:
        wire = Wire(patch)
        wire.faults["Query"] = unreachable
        assert not any(shop.step(message) for _ in range(5))
        assert shop.shown(simulation)["status"] == "running"
        assert shop.step(message), "which does not come again"
    said = shop.shown(simulation)
    assert (said["status"], said["total"]) == ("failed", None)
    assert shop.step(message)
    assert shop.waiting() == []
    refused = shop.brand.send("GET", f"/v1/simulations/{simulation}", accept="text/csv")
    assert (refused.status, refused.code) == (409, "simulation_not_done")


class Killed(BaseException):
    """What no handler is told of: the time or the memory of a process was over."""


def test_one_that_kills_whoever_goes_on_with_it_is_given_up(
    shop: Shop, hurried: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(shop.world, orders=20, webhooks=40)
    simulation = shop.begun(shop.world.press, TWICE)
    [message] = shop.waiting()

    def killed(*_: Any) -> NoReturn:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(simulations, "_counted_order", killed)
        for _ in range(4):
            with pytest.raises(Killed):
                shop.step(message)
    assert shop.step(message), "the fifth gets further, and sends the next"
    [message] = shop.waiting()
    monkeypatch.setattr(simulations, "_counted_order", killed)
    for _ in range(5):
        with pytest.raises(Killed):
            shop.step(message)
    assert shop.shown(simulation)["status"] == "running"
    assert shop.step(message)
    assert shop.shown(simulation)["status"] == "failed"


def test_there_is_no_result_before_it_is_done(shop: Shop, hurried: None, monkeypatch: pytest.MonkeyPatch) -> None:
    live(shop.world)
    monkeypatch.setattr("vouch.store.simulations.ROWS_PER_PAGE", 1)
    clean = shop.begun(shop.world.friends, NONE)
    shop.run()
    simulation = shop.begun(shop.world.friends, NONE)

    def die(*_: Any) -> NoReturn:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr("vouch.domain.simulation.totals", die)
        while shop.step(message := shop.waiting()[0]):
            pass
    parts = shop.world.deployment.database.query(SimulationPart, f"{shop.world.brand_id}#SIM#{simulation}")
    assert [part.sk for part in parts if part.sk.startswith("R#")], "rows were put before it died"
    said = shop.shown(simulation)
    assert (said["status"], said["progress"]["orders"]) == ("running", 60)
    assert (said["creators"], said["rows"], said["next_cursor"]) == ([], 0, None)
    assert shop.step(message)
    assert shop.shown(simulation)["creators"] != []
    assert shop.shown(simulation)["rows"] > 1
    bare = [{**result(shop, each)[0], "next_cursor": None} for each in (simulation, clean)]
    assert bare[0] == bare[1]


def test_four_run_at_once(shop: Shop, hurried: None) -> None:
    live(shop.world, orders=20, webhooks=40)
    body = {"program_id": shop.world.press, "terms": TWICE, "from": BEGINNING, "to": END}
    running = [shop.begun(shop.world.press, TWICE) for _ in range(simulations.RUNNING_MAX)]
    messages = shop.waiting()
    refused = shop.brand.post("/v1/simulations", body, idempotency_key="fifth")
    assert (refused.status, refused.code) == (429, "too_many_at_once")
    assert refused.headers["retry-after"] == "60"
    assert "4" in refused.body["detail"]
    assert {item["id"] for item in shop.brand.get("/v1/simulations").body["items"]} == {*running}
    stranger = Shop(other := World(shop.world.deployment, "other").build(), client(other))
    live(other, 2, orders=20, webhooks=40)
    stranger.begun(other.press, TWICE)
    while (message := messages.pop(0)) and shop.shown(running[0])["status"] == "running":
        assert shop.step(message)
        messages += shop.waiting()
    fifth = shop.brand.post("/v1/simulations", body, idempotency_key="fifth")
    assert fifth.status == 202, "a refusal for now is not kept for later"
    assert shop.brand.post("/v1/simulations", body, idempotency_key="sixth").status == 429


def test_of_twenty_who_ask_at_once_four_run(shop: Shop) -> None:
    deployment, world = shop.world.deployment, shop.world
    span = {"start": times.parse(BEGINNING), "end": times.parse(END)}

    def begin(_: int) -> str:
        try:
            return simulations.created(
                deployment,
                fresh(deployment),
                world.brand,
                program_id=world.press,
                terms=TWICE,
                in_time=lambda: False,
                **span,
            ).status
        except TooMany:
            return "refused"

    live(world, orders=20, webhooks=40)
    with ThreadPoolExecutor(20) as pool:
        assert Counter(pool.map(begin, range(20))) == {"running": 4, "refused": 16}


def test_one_that_is_given_up_makes_room(shop: Shop, hurried: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody asks for the four, and all that was sent for them is lost."""
    live(shop.world, orders=20, webhooks=40)
    forgotten = [shop.begun(shop.world.press, TWICE) for _ in range(simulations.RUNNING_MAX)]
    for _ in range(5):
        later(shop.world.deployment, timedelta(minutes=30, seconds=1))
        assert shop.simulate(shop.world.press, TWICE).status == 429
    assert len(shop.waiting()) == 4 * 6, "they were set going by whoever needs their place"
    later(shop.world.deployment, timedelta(minutes=30, seconds=1))
    shop.begun(shop.world.press, TWICE)
    assert {shop.shown(simulation)["status"] for simulation in forgotten} == {"failed"}


def test_a_repeat_under_a_key_is_the_same_simulation(shop: Shop) -> None:
    body = {"program_id": shop.world.press, "terms": TWICE, "from": BEGINNING, "to": END}
    first = shop.brand.post("/v1/simulations", body, idempotency_key="one")
    again = shop.brand.post("/v1/simulations", body, idempotency_key="one")
    assert (first.status, again.status) == (201, 201)
    assert first.body == again.body
    assert len(shop.brand.get("/v1/simulations").body["items"]) == 1


def test_a_try_that_died_before_its_answer_is_gone_on_with(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    live(shop.world, orders=20, webhooks=40)
    body = {"program_id": shop.world.press, "terms": TWICE, "from": BEGINNING, "to": END}
    with monkeypatch.context() as patch:
        wire = Wire(patch)
        wire.faults["TransactWriteItems"] = unreachable
        assert shop.brand.post("/v1/simulations", body, idempotency_key="one").status >= 500
    assert shop.brand.post("/v1/simulations", body, idempotency_key="one").body["orders"] == 20
    assert len(shop.brand.get("/v1/simulations").body["items"]) == 1


# --- who may ask, and what is refused ---------------------------------------------------------------------------------


def test_a_body_that_would_be_published_is_taken(shop: Shop) -> None:
    live(shop.world, orders=20, webhooks=40)
    plain, dated = (shop.done(shop.world.press, TWICE | more) for more in ({}, {"effective_from": END}))
    assert result(shop, plain["id"]) == result(shop, dated["id"])
    assert "effective_from" not in dated["terms"]


def test_another_brand_knows_nothing_of_it(shop: Shop) -> None:
    live(shop.world)
    found = shop.done(shop.world.press, TWICE)
    stranger = Shop(other := World(shop.world.deployment, "other").build(), client(other))
    live(other, 2, orders=20, webhooks=40)
    for path in ("", "/orders"):
        refused = stranger.brand.get(f"/v1/simulations/{found['id']}{path}")
        missing = stranger.brand.get(f"/v1/simulations/sim_00000000000000000000000000{path}")
        assert (refused.status, refused.told) == (404, missing.told)
    assert stranger.brand.get("/v1/simulations").body["items"] == []
    own = stranger.done(other.press, TWICE)
    assert own["orders"] == 20
    assert amounts(own["creators"], "before") == posted(other, other.press)
    cursor = shop.brand.get(f"/v1/simulations/{found['id']}/orders", limit=1).body["next_cursor"]
    assert stranger.brand.get(f"/v1/simulations/{own['id']}/orders", cursor=cursor).code == "invalid_cursor"


@pytest.mark.parametrize(
    "change, status, code, param",
    [
        ({"program_id": "prg_00000000000000000000000000"}, 404, "not_found", None),
        ({"to": "2025-12-31T23:59:59Z"}, 400, "invalid_request", "to"),
        ({"from": "2026-01-01"}, 400, "invalid_request", None),
        ({"terms": {"hold_days": -1}}, 400, "invalid_request", None),
        ({"terms": {"holddays": 1}}, 400, "unknown_field", None),
        (
            {"terms": {"commission": {"cap_per_order": {"amount": 1, "currency": "ILS"}}}},
            422,
            "currency_mismatch",
            "terms.commission.cap_per_order",
        ),
    ],
)
def test_what_could_not_be_published_is_refused(
    shop: Shop, change: dict[str, Any], status: int, code: str, param: str | None
) -> None:
    body = {"program_id": shop.world.press, "terms": TWICE, "from": BEGINNING, "to": END} | change
    refused = shop.brand.post("/v1/simulations", body)
    assert (refused.status, refused.code) == (status, code)
    assert param is None or refused.body["param"] == param
    assert shop.brand.get("/v1/simulations").body["items"] == []


def test_lists_go_page_by_page(shop: Shop) -> None:
    live(shop.world)
    ids = []
    for _ in range(3):
        ids.append(shop.done(shop.world.press, TWICE)["id"])
        later(shop.world.deployment, timedelta(seconds=1))
    assert pages(shop, "/v1/simulations", 2, lambda item: item["id"]) == [ids[:0:-1], ids[:1]]
    whole = shop.brand.get(f"/v1/simulations/{ids[0]}/orders", limit=100).body["items"]
    paged = pages(shop, f"/v1/simulations/{ids[0]}/orders", 7, lambda item: item)
    assert [item for page in paged for item in page] == whole


def pages(shop: Shop, path: str, limit: int, said: Callable[[Any], Any]) -> list[list[Any]]:
    found = []
    page: Any = {"next_cursor": ""}
    while page["next_cursor"] is not None:
        page = shop.brand.get(path, limit=limit, cursor=page["next_cursor"] or None).body
        found.append([said(item) for item in page["items"]])
    return found


def test_rows_come_a_page_at_a_time(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    live(shop.world)
    monkeypatch.setattr("vouch.store.simulations.ROWS_PER_PAGE", 1)
    found = shop.done(shop.world.friends, NONE)
    assert (len(found["creators"]), found["rows"]) == (1, len(posted(shop.world, shop.world.friends)))
    rows = [*found["creators"]]
    while found["next_cursor"]:
        found = shop.brand.get(f"/v1/simulations/{found['id']}", cursor=found["next_cursor"]).body
        rows += found["creators"]
    assert amounts(rows, "before") == posted(shop.world, shop.world.friends)
    table = shop.brand.send("GET", f"/v1/simulations/{found['id']}", accept="text/csv").text
    assert len(table.splitlines()) == len(rows) + 1


# --- replays ----------------------------------------------------------------------------------------------------------


def test_a_range_replayed_is_what_is_posted(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    live(shop.world)
    before = tables(shop.world)
    asked = {"from": BEGINNING, "to": END}
    whole = shop.brand.post("/v1/replays", asked)
    assert (whole.status, whole.body) == (
        200,
        {"status": "done", "orders": 60, "equal": True, "different": [], "next_cursor": None},
    )
    monkeypatch.setattr(ranges, "BATCH_GET_MAX", 25)
    monkeypatch.setattr("attribution.replays._SECONDS", -1)
    first = shop.brand.post("/v1/replays", asked).body
    assert (first["status"], first["orders"]) == ("partial", 25)
    second = shop.brand.post("/v1/replays", asked | {"cursor": first["next_cursor"]}).body
    third = shop.brand.post("/v1/replays", asked | {"cursor": second["next_cursor"]}).body
    assert (third["status"], third["orders"], third["next_cursor"]) == ("done", 10, None)
    assert shop.brand.post("/v1/replays", {"from": CHANGED, "to": CHANGED}).body["orders"] == 0
    elsewhere = shop.brand.post("/v1/replays", {"from": CHANGED, "to": END, "cursor": first["next_cursor"]})
    assert elsewhere.code == "invalid_cursor"
    assert tables(shop.world) == before


def test_what_differs_is_named_and_nothing_behind_it_is_lost(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    live(shop.world)
    database = shop.world.deployment.database
    changed: list[str] = []
    for external in history(shop.world, 1, orders=60, webhooks=140).external_ids:
        item = database.get(Order, f"{shop.world.brand_id}#O#{shop.world.order_id(external)}", "O")
        assert item is not None
        summary, postings, *rest = item.lines
        if json.loads(postings):
            [[creator, part, currency, at, amount, *counted], *_] = json.loads(postings)
            changed.append(item.id)
            forged = json.dumps([[creator, part, currency, at, amount + 1, *counted]])
            item.packed = zlib.compress("\n".join([summary, forged, *rest]).encode())
            item.save()
    assert len(changed) > 10
    monkeypatch.setattr("vouch.service.replays.DIFFERENT_MAX", 7)
    found: list[Any] = []
    cursor, orders = None, 0
    while True:
        asked = {"from": BEGINNING, "to": END} | ({"cursor": cursor} if cursor else {})
        part = shop.brand.post("/v1/replays", asked).body
        assert len(part["different"]) <= 7
        assert part["equal"] is not bool(part["different"])
        found += part["different"]
        orders += part["orders"]
        cursor = part["next_cursor"]
        if cursor is None:
            break
    assert orders == 60
    assert sorted(each["order_id"] for each in found) == sorted(changed)
    for each in found:
        assert each["posted"][0]["amount"]["amount"] == each["recomputed"][0]["amount"]["amount"] + 1


# --- orders of which not all is posted yet ----------------------------------------------------------------------------


def halt(shop: Shop) -> tuple[Order, Order]:
    """An order of which nothing is posted yet, as it is stored then, and when it is whole."""
    world = shop.world
    live(world, orders=20, webhooks=40)
    for external in history(world, 1, orders=20, webhooks=40).external_ids:
        key = f"{world.brand_id}#O#{world.order_id(external)}", "O"
        whole, halted = (world.deployment.database.get(Order, *key) for _ in range(2))
        assert whole is not None
        assert halted is not None
        summary, postings, *rest = halted.lines
        if json.loads(postings) and world.press in rest[0]:
            halted.packed = zlib.compress("\n".join([summary, "[]", *rest]).encode())
            halted.unfinished = True
            halted.save()
            return halted, whole
    raise LookupError


def test_an_order_that_stays_unfinished_is_told_as_that(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vouch.store.database._PAUSE_MAX", 0)
    order_id = halt(shop)[0].id
    ranged = shop.brand.post("/v1/replays", {"from": BEGINNING, "to": END}).body
    [different] = ranged["different"]
    assert (different["order_id"], different["posted"], different["reason"]) == (order_id, [], "unfinished")
    assert different["recomputed"]
    one = shop.brand.post(f"/v1/orders/{order_id}/replay").body
    assert (one["equal"], one["reason"], one["recomputed"]) == (False, "unfinished", different["recomputed"])
    found = shop.done(shop.world.press, TWICE)
    assert found["left_out"] == 1
    told = shop.brand.get(f"/v1/simulations/{found['id']}/orders").body["items"]
    assert [order["order_id"] for order in told if order["reason"] == "unfinished"] == [order_id]
    [violation] = orders.audit(shop.world.deployment, shop.world.brand, order_id)
    assert violation[0] == "I5"
    assert violation[1].startswith("not all of it is posted yet: posted nothing, settled again ")


@pytest.mark.parametrize("asks", ["range", "one", "simulation", "elsewhere", "audit"])
def test_an_order_that_is_being_posted_is_looked_at_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, asks: str
) -> None:
    halted, whole = halt(shop)
    pauses: list[int] = []

    def finished(attempt: int) -> None:
        pauses.append(attempt)
        if len(pauses) == 3:
            whole.save()

    monkeypatch.setattr("vouch.store.orders.pause", finished)
    match asks:
        case "range":
            assert shop.brand.post("/v1/replays", {"from": BEGINNING, "to": END}).body["equal"]
        case "one":
            replay = shop.brand.post(f"/v1/orders/{halted.id}/replay").body
            assert (replay["equal"], replay["reason"]) == (True, None)
        case "simulation":
            found = shop.done(shop.world.press, _PRESS)
            assert (found["different"], found["left_out"]) == (0, 0)
            assert amounts(found["creators"], "before") == posted(shop.world, shop.world.press)
        case "elsewhere":
            idle = shop.world.program(ids.derived("prg_", "idle"), [[1, None]])
            idle.save()
            found = shop.done(idle.id, TWICE)
            assert (found["orders"], found["left_out"], found["creators"]) == (20, 0, [])
        case "audit":
            assert orders.audit(shop.world.deployment, shop.world.brand, halted.id) == []
    assert pauses == [0, 1, 2]


def test_replays_are_the_brands_own(shop: Shop) -> None:
    live(shop.world, orders=20, webhooks=40)
    stranger = client(World(shop.world.deployment, "other").build())
    assert stranger.post("/v1/replays", {"from": BEGINNING, "to": END}).body["orders"] == 0
    refused = shop.brand.post("/v1/replays", {"from": END, "to": BEGINNING})
    assert (refused.status, refused.code, refused.body["param"]) == (400, "invalid_request", "to")

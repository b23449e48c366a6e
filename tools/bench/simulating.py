"""A simulation of 100 000 orders over a store in memory: how fast, and how much memory at most."""

import gc
import json
import resource
import sys
import time
import zlib
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import count
from typing import Any, Final, cast, override

from pynamodb.expressions.condition import Condition

from bench.rows import Row
from bench.sales import DRAFT, PLACED, PLAIN, PROGRAM, TERMS, Sale, sale
from vouch.config import Settings
from vouch.domain import times
from vouch.domain.settlement import settle
from vouch.service import simulations
from vouch.service.deployment import Deployment
from vouch.service.mint import Mint
from vouch.store import orders, programs
from vouch.store.database import Database, Key, Writes
from vouch.store.orders import StoredOrder
from vouch.store.tables import Brand, Item, Main, Order

ORDERS: Final = 100_000
_WARM_UP: Final = 2_000
_KINDS: Final = 500
"""So many different orders there are, over and over: all of them would be 70 MB, which is not what is measured."""
_REFUNDED: Final = 10
"""Of so many orders one has a refund, and is read by itself."""
_BRAND: Final = "brd_01KPDE9MZ7ABCDEFGHJKMNPQRS"
_APART: Final = timedelta(seconds=60)
Raw = dict[str, dict[str, Any]]


def rows() -> Iterator[Row]:
    """One."""
    shelf = Shelf()
    deployment = _deployment(shelf)
    _simulate(deployment, shelf, _WARM_UP)
    gc.collect()
    floor_before, memory_before = _unpack(shelf), _peak_mb()
    began = time.process_time()
    _simulate(deployment, shelf, ORDERS)
    spent = time.process_time() - began
    grown, floor_after = _peak_mb() - memory_before, _unpack(shelf)
    floor = (floor_before + floor_after) / 2
    yield Row(
        f"simulation of {ORDERS:,} orders",
        ORDERS / spent,
        1 / floor,
        "orders a second",
        spent / ORDERS / floor,
        "unpacking the same stored orders (zlib, json)",
        f"peak memory {_peak_mb():.0f} MB, {grown:+.1f} MB since the {_WARM_UP:,} orders before",
    )


def _simulate(deployment: Deployment, shelf: "Shelf", orders_most: int) -> None:
    shelf.orders = orders_most
    item = simulations.created(
        deployment,
        Mint(PLACED, deployment.random),
        Brand(_BRAND, "BRAND", id=_BRAND),
        program_id=PROGRAM,
        terms=DRAFT,
        start=PLACED,
        end=PLACED + _APART * orders_most,
        in_time=lambda: True,
    )
    if (item.status, item.orders, item.different) != ("done", orders_most, orders_most):
        raise AssertionError(f"{item.status}: {item.different} of {item.orders} orders are different")


def _unpack(shelf: "Shelf") -> float:
    """Seconds for an order: what nobody can do without who reads it."""
    began = time.process_time()
    for number in range(_WARM_UP):
        for packed in shelf.packed(number):
            for line in zlib.decompress(packed).decode().split("\n"):
                json.loads(line)
    return (time.process_time() - began) / _WARM_UP


def _peak_mb() -> float:
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1024 * 1024 if sys.platform == "darwin" else 1024)


def _deployment(shelf: "Shelf") -> Deployment:
    names = {name: name for name in Settings.__dataclass_fields__}
    chance = count()
    deployment = Deployment(
        Settings(**names), now=lambda: PLACED, random=lambda size: next(chance).to_bytes(size, "big")
    )
    deployment.database = shelf
    deployment.sqs = Silence()
    return deployment


class Silence:
    """A queue that nobody works on."""

    def send_message(self, **_: Any) -> None:
        """What would go on with a simulation whose request has died."""


class Shelf(Database):
    """A brand with its program and `orders` orders, each made up when it is read; what is put lies in a dictionary."""

    def __init__(self) -> None:
        self.orders = 0
        self._kinds = [_stored(number) for number in range(_KINDS)]
        self._items: dict[tuple[str, str], Item] = {}
        program = programs.new_program(_BRAND, PROGRAM, name="P", currency="ILS", parameter=None, created_at="")
        version = programs.new_terms(program, "trm_1", effective_from=None, created_at="", terms=PLAIN)
        for item in (program, version):
            self.put_new(item)

    def packed(self, number: int) -> list[bytes]:
        """What an order is stored as."""
        state, *others = self._kinds[number % _KINDS]
        return [state["z"]["B"], *(raw["f"]["B"] for raw in others if "f" in raw)]

    @override
    def get[I: Item](self, model: type[I], pk: str, sk: str | None = None) -> I | None:
        return cast("I | None", self._items.get((pk, sk or "")))

    @override
    def get_many(self, keys: Iterable[Key]) -> dict[tuple[str, str | None], Item]:
        found: dict[tuple[str, str | None], Item] = {}
        for _, pk, sk in keys:
            item = self._order(pk)[0] if "#O#ord_" in pk else self._items.get((pk, sk or ""))
            if item is not None:
                found[pk, sk] = item
        return found

    @override
    def query[I: Item](self, model: type[I], pk: str, condition: Condition | None = None, **_: object) -> Iterator[I]:
        if "#O#ord_" in pk:
            return iter(cast("list[I]", self._order(pk)))
        prefix = "" if condition is None else condition.values[1].value["S"]
        return iter(
            cast(
                "list[I]",
                [self._items[key] for key in sorted(self._items) if key[0] == pk and key[1].startswith(prefix)],
            )
        )

    @override
    def index_keys(
        self, model: type[Item], partition: str, *, limit: int, after: dict[str, Any] | None = None, **_: object
    ) -> tuple[list[tuple[str, str]], dict[str, Any] | None]:
        last = self.orders if after is None else int(after["pk"]["S"].rpartition("_")[2])
        numbers = range(last - 1, max(last - 1 - limit, -1), -1)
        keys = [(f"{partition}#{_order_id(number)}", "O") for number in numbers]
        following = {"pk": {"S": keys[-1][0]}, "g1sk": {"S": _place(numbers[-1])}} if numbers and numbers[-1] else None
        return keys, following

    @override
    def put(self, item: Item, condition: Condition | None = None) -> bool:
        self._items[item.pk, getattr(item, "sk", "")] = item
        return True

    @override
    def commit(self, writes: Writes) -> None:
        for item in writes._in_order_sent():  # noqa: SLF001 - it stands in for the database
            self.put(item)

    def _order(self, pk: str) -> list[Item]:
        number = int(pk.rpartition("_")[2])
        raws = self._kinds[number % _KINDS]
        own = {"pk": {"S": pk}, "g1sk": {"S": _place(number)}, "id": {"S": _order_id(number)}}
        return [Main.from_raw_data(raw | own) for raw in raws]


def _stored(number: int) -> list[Raw]:
    """An order's items as DynamoDB would have them, its state first."""
    refunded = number % _REFUNDED == 0
    sold: Sale = sale(3, number, refunded=refunded)
    before = StoredOrder(_order_id(number), _BRAND, None, str(number))
    settlement = settle(sold.facts, sold.context, TERMS)
    facts = [sold.snapshot, *sold.facts.events.values()]
    step = orders.step(before, sold.facts, settlement)
    writes = orders.writes(before, sold.facts, facts, sold.context, settlement, step, [])
    items = sorted(writes._in_order_sent(), key=lambda item: not isinstance(item, Order))  # noqa: SLF001
    return [item.serialize() for item in items]


def _order_id(number: int) -> str:
    return f"ord_{number:026}"


def _place(number: int) -> str:
    moment: datetime = PLACED + _APART * number
    return f"{times.text(moment)}#{_order_id(number)}"

"""Balances of accounts of all sizes, over a store in memory: what they cost stops growing where kept sums tell them."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any, Final, override

from pynamodb.expressions.condition import Condition

from bench.rows import Row, per_call
from bench.sales import PLACED, PROGRAM
from vouch.config import Settings
from vouch.domain import times
from vouch.domain.ledger import EARNED, Counted, Difference, settlement_entry
from vouch.service import accounts
from vouch.service.deployment import Deployment
from vouch.store import ledger
from vouch.store.database import Database
from vouch.store.tables import Brand, Bucket, Creator, EntryItem, Item, Main

_SIZES: Final = (100, 1_000, 10_000, 100_000)
_BRAND: Final = "brd_01KPDE9MZ7ABCDEFGHJKMNPQRS"
_CREATOR: Final = "cre_01KPDE9MZ7ABCDEFGHJKMNPQRS"
_HOURS: Final = 30 * 24
"""Over so many ahead the entries are spread."""
_READ_MAX: Final = 2_000
"""More than balances read of an account's entries."""
Raw = dict[str, dict[str, Any]]


def rows() -> Iterator[Row]:
    """One for each size."""
    names = {name: name for name in Settings.__dataclass_fields__}
    deployment = Deployment(Settings(**names), now=lambda: PLACED)
    brand = Brand(_BRAND, "BRAND", id=_BRAND)
    for size in _SIZES:
        deployment.database = account = Account(size)
        ours = partial(accounts.balances, deployment, brand, _CREATOR)
        ours()
        answers, note = [json.dumps(answer) for answer in account.answers], f"{len(account.answers)} requests"
        floor = partial(_decoded, answers)
        yield replace(
            per_call(f"balances, {size:,} entries", ours, floor, "json.loads of what was answered"), note=note
        )


def _decoded(answers: Sequence[str]) -> None:
    for answer in answers:
        json.loads(answer)


class Account(Database):
    """A creator with so many entries ahead, and what they come to in each hour; `answers` are the last three."""

    def __init__(self, entries: int) -> None:
        self.answers: list[list[Raw]] = []
        self._items: dict[type[Item], list[Raw]] = {
            Main: [_creator()],
            EntryItem: [_entry(number) for number in range(min(entries, _READ_MAX))],
            Bucket: [*(_bucket(hour, len(range(hour, entries, _HOURS))) for hour in range(_HOURS)), _total(entries)],
        }

    @override
    def query[I: Item](self, model: type[I], pk: str, condition: Condition | None = None, **how: Any) -> Iterator[I]:
        answer = self._items[model][: how.get("limit")]
        self.answers = [*self.answers[-2:], answer]
        return (model.from_raw_data(raw) for raw in answer)


def _creator() -> Raw:
    plain: dict[str, Any] = dict.fromkeys(("email", "name", "language", "active_from", "created_at"), "")
    item = Creator(f"{_BRAND}#C#{_CREATOR}", "C", id=_CREATOR, handles={}, persons=[], version=1, **plain)
    return item.to_dynamodb_dict()


def _entry(number: int) -> Raw:
    at = PLACED + timedelta(hours=number % _HOURS + 1)
    change = Difference(_CREATOR, EARNED, "ILS", 1, at, Counted(PROGRAM, 1, "2026-05"), 1)
    posted = settlement_entry(change, order_id=f"ord_{number:026}", version=1, number=0, now=PLACED)
    return ledger.item(_BRAND, posted).to_dynamodb_dict()


def _bucket(hour: int, amount: int) -> Raw:
    moment = times.text(PLACED + timedelta(hours=hour + 1))
    return Bucket(f"{_BRAND}#C#{_CREATOR}", f"H#{moment}#ILS", amount=amount, mark="0" * 40).to_dynamodb_dict()


def _total(amount: int) -> Raw:
    total = Bucket(f"{_BRAND}#C#{_CREATOR}", "T#ILS", amount=amount, held=0, mark="0" * 40)
    total.last = times.text(PLACED)
    return total.to_dynamodb_dict()

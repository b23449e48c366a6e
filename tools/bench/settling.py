"""`settle`, of a typical order and of a large one, by itself and from what is stored."""

import json
from collections.abc import Iterator
from functools import partial

from bench.rows import Row, per_call
from bench.sales import TERMS, Sale, sale
from vouch.domain import facts
from vouch.domain.facts import OrderFacts
from vouch.domain.settlement import settle


def rows() -> Iterator[Row]:
    """Four of them, over one floor."""
    for name, sold in (("3 lines, 2 touches", sale(3)), ("500 lines, 2 touches", sale(500))):
        stored = facts.to_json(sold.snapshot)
        floor, floor_is = partial(_bare, stored), "json.loads of the same facts, and bare integer arithmetic"
        yield per_call(f"settle, {name}", partial(settle, sold.facts, sold.context, TERMS), floor, floor_is)
        yield per_call(f"parse and settle, {name}", partial(_from_store, stored, sold), floor, floor_is)


def _from_store(stored: str, sold: Sale) -> object:
    return settle(OrderFacts(facts.snapshot_from_json(stored)), sold.context, TERMS)


def _bare(stored: str) -> int:
    """What the lines earn at 10 %, each half up."""
    earned = 0
    for line in json.loads(stored)["lines"]:
        base = line["quantity"] * line["unit_price"] - line.get("discount", 0)
        earned += (2 * base * 1_000 + 10_000) // 20_000
    return earned

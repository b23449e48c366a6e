"""Where an order stands among its customer's others, or among the payments of its subscription.

Each order has a marker in every register in which it stands; what a register says is a function of its markers. Orders
of one register follow one another by when they were placed, of equal times by their ids: by their `Place`.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from vouch.domain import times
from vouch.domain.facts import Standing

PAYMENTS_MAX = 120
"""How many earlier payments are counted; terms ask for no more."""


class Place(NamedTuple):
    """Where an order lies among others."""

    placed_at: datetime
    order_id: str


class Origin(NamedTuple):
    """An order whose own clicks and codes name somebody, and whom: the creator, under the program."""

    place: Place
    creator_id: str
    program_id: str


@dataclass(frozen=True, slots=True)
class Register:
    """What the markers come to: the first order, and the first that has an origin.

    `last` is the furthest place that a subscription's orders ever had; version 0 is a register that nobody has seen.
    """

    version: int = 0
    first: Place | None = None
    origin: Origin | None = None
    last: Place | None = None

    def word(self, key: str, place: Place, *, at: datetime, payments_before: int = 0) -> Standing:
        """What the register, whose key that is, says `at` a moment to the order that lies at that place."""
        first = self.first is None or self.first >= place
        if self.origin is None or self.origin.place >= place:
            return Standing(key, at, self.version, first, payments_before)
        (placed_at, order_id), creator_id, program_id = self.origin
        return Standing(key, at, self.version, first, payments_before, order_id, placed_at, creator_id, program_id)


def same(one: Standing, other: Standing) -> bool:
    """Whether two words of a register say the same, whenever they were said."""
    return _said(one) == _said(other)


def _said(word: Standing) -> Standing:
    return Standing(
        word.id,
        times.EPOCH,
        0,
        word.first,
        word.payments_before,
        word.origin,
        word.origin_at,
        word.creator_id,
        word.program_id,
    )

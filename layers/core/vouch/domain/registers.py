"""Where an order stands among its customer's others, or among the payments of its subscription.

Each order has a mark in every register in which it stands; what a register says is a function of its marks. Orders
follow one another by when they were placed, of equal times by their ids: by their `Place`. What a change of one mark
changes for others is said here too, so that they can be told.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from vouch.domain import times
from vouch.domain.facts import Lifecycle, Snapshot, Standing

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
class Mark:
    """An order in a register. `names` are the creator and the program that its own clicks and codes name.

    One that does not count is no payment, or an order that stands here no longer.
    """

    place: Place
    counts: bool = True
    names: tuple[str, str] | None = None

    @property
    def origin(self) -> Origin | None:
        """What it is as an origin, if it counts as one."""
        return Origin(self.place, *self.names) if self.counts and self.names else None


@dataclass(frozen=True, slots=True)
class Register:
    """What the marks come to: the first order, and the first that is an origin.

    `last` is the furthest place that a payment ever had. The version grows with every change; 0 is one that was never
    written.
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

    def with_order(self, mark: Mark) -> "Register | None":
        """A customer's register once that is the order's mark; None where that takes a look at all of them."""
        first, origin, own = self.first, self.origin, mark.origin
        if mark.counts:
            first = min(first or mark.place, mark.place)
        elif first == mark.place:
            return None
        if own is not None:
            origin = own if origin is None or own.place <= origin.place else origin
        elif origin is not None and origin.place == mark.place:
            return None
        return self._changed(first, origin)

    def recounted(self, marks: Iterable[Mark]) -> "Register":
        """A customer's register as all of its marks, sorted by their places, say."""
        first = None
        for mark in marks:
            if mark.counts and first is None:
                first = mark.place
            if mark.origin is not None:
                return self._changed(first, mark.origin)
        return self._changed(first, None)

    def with_payment(self, mark: Mark, before: Mark | None) -> "Register":
        """A subscription's register once the mark of one of its orders is that and no longer the one `before`.

        What it says hangs on all of them: it only counts the changes.
        """
        if mark.counts == (before is not None and before.counts):
            return self
        last = mark.place if self.last is None else max(self.last, mark.place)
        return replace(self, version=self.version + 1, last=last)

    def stirred(self) -> "Register":
        """The same in a new version: an order that lies elsewhere now may hear something else than before."""
        return replace(self, version=self.version + 1)

    def _changed(self, first: Place | None, origin: Origin | None) -> "Register":
        if (first, origin) == (self.first, self.origin):
            return self
        return replace(self, version=self.version + 1, first=first, origin=origin)


@dataclass(frozen=True, slots=True)
class Audience:
    """Whom a change concerns: the order at a place, or all that lie behind it."""

    place: Place
    behind: bool = False


def audiences(before: Register, after: Register, own: Place) -> list[Audience]:
    """To whom a customer's register says something else than before, the order at the place `own` aside.

    Nobody else stands in a register that nobody has written yet.
    """
    if not before.version:
        return []
    found = []
    if before.origin != after.origin:
        places = [origin.place for origin in (before.origin, after.origin) if origin is not None]
        found.append(Audience(min(places), behind=True))
    turned = {before.first, after.first} if before.first != after.first else set()
    for place in sorted(place for place in turned if place is not None and place != own):
        if not (found and found[0].behind and found[0].place < place):
            found.append(Audience(place))
    return found


def audience_of_payment(before: Register, mark: Mark) -> list[Audience]:
    """The same for a subscription one of whose payments came, or went: those that follow, if any do."""
    return [Audience(mark.place, behind=True)] if before.last is not None and mark.place < before.last else []


def is_payment(snapshot: Snapshot) -> bool:
    """Whether money was paid for the order, whatever became of it since."""
    worth = sum(line.quantity * line.unit_price - line.discount for line in snapshot.lines) + snapshot.shipping
    return worth > 0 and snapshot.paid and snapshot.lifecycle is not Lifecycle.OPEN


def same(one: Standing, other: Standing) -> bool:
    """Whether two words of a register say the same, whenever they were said."""
    return replace(one, updated_at=times.EPOCH, version=0) == replace(other, updated_at=times.EPOCH, version=0)

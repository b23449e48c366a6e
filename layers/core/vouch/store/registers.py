"""Registers: a customer's or a subscription's orders, each with a marker, and what these come to, in an item beside.

A marker that changes what its register says is written with it, in one transaction. One that does not is written alone,
and its writer looks at the register afterwards; see `vouch.service.standings`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from pynamodb.expressions.condition import Condition

from vouch.domain import ids, times
from vouch.domain.facts import Standing
from vouch.domain.registers import PAYMENTS_MAX, Audience, Mark, Origin, Place, Register
from vouch.store.database import Database, Refused, Writes
from vouch.store.tables import Item, Marker, RegisterItem

_MARKERS = "O#"
_END = "~"
"""Behind every marker's sort key."""


@dataclass(frozen=True, slots=True)
class Noted:
    """A mark as it is stored, and the version of its order that says so."""

    mark: Mark
    version: int


@dataclass(frozen=True, slots=True)
class Change:
    """From what was read of a mark and of its register to what is to be written; `noted` None: the mark stays."""

    was: Noted | None
    noted: Noted | None
    before: Register
    after: Register


Stretch = tuple[str, str]
"""A part of a register, as the sort keys of its markers; for messages."""


def key(brand_id: str, register: str) -> tuple[type[RegisterItem], str, str]:
    """Where the register lies that an order names like this (`vouch.domain.context.register_keys`)."""
    return RegisterItem, _partition(brand_id, register), "U"


def register(item: Item | None) -> Register:
    """What the stored item says; a register that was never written where there is none."""
    if not isinstance(item, RegisterItem):
        return Register()
    origin = item.origin and Origin(_place(*item.origin[:2]), *item.origin[2:])
    return Register(item.version, item.first and _place(*item.first), origin, item.last and _place(*item.last))


def standing(item: Item | None, register_key: str, order_id: str, placed_at: datetime, now: datetime) -> Standing:
    """What the register says to an order; of a subscription without its `payments_before`."""
    return register(item).word(register_key, Place(placed_at, order_id), at=now)


def payments_before(database: Database, brand_id: str, register_key: str, placed_at: datetime, order_id: str) -> int:
    """How many payments of the subscription lie before that order: at most 120, since terms ask for no more."""
    place = Place(placed_at, order_id)
    payments = (mark for mark in marks(database, brand_id, register_key, until=place) if mark.counts)
    return sum(mark.place < place for mark in islice(payments, PAYMENTS_MAX))


def read(database: Database, brand_id: str, register_key: str, place: Place) -> tuple[Register, Noted | None]:
    """The register, and what it has of the order at that place."""
    pk = _partition(brand_id, register_key)
    found = database.get_many([key(brand_id, register_key), (Marker, pk, _sort_key(place))])
    marker = found.get((pk, _sort_key(place)))
    noted = Noted(_mark(marker), marker.version) if isinstance(marker, Marker) else None
    return register(found.get((pk, "U"))), noted


def write(database: Database, brand_id: str, register_key: str, change: Change) -> bool:
    """Writes what the change changes; False where something else was written since it was read."""
    marker, item = _marker(brand_id, register_key, change), _item(brand_id, register_key, change)
    if item is None:
        return marker is None or database.put(*marker)
    writes = Writes()
    writes.put(*item)
    if marker is not None:
        writes.put(*marker)
    try:
        database.commit(writes)
    except Refused:
        return False
    return True


def marks(database: Database, brand_id: str, register_key: str, until: Place | None = None) -> Iterator[Mark]:
    """The marks of the register, sorted by their places, up to that one; read as they are used."""
    within = Marker.sk.between(_MARKERS, _sort_key(until) if until else f"{_MARKERS}{_END}")
    return (_mark(item) for item in database.query(Marker, _partition(brand_id, register_key), within))


def stretch(audience: Audience) -> Stretch:
    """Where those lie who are meant."""
    own = _sort_key(audience.place)
    return (_behind(own), f"{_MARKERS}{_END}") if audience.behind else (own, own)


def page(
    database: Database, brand_id: str, register_key: str, within: Stretch, limit: int
) -> tuple[list[Mark], Stretch | None]:
    """At most so many marks from the beginning of the stretch, and what is left of it if anything is."""
    begin, end = within
    if begin > end:
        return [], None
    pk, between = _partition(brand_id, register_key), Marker.sk.between(begin, end)
    found = [_mark(item) for item in database.query(Marker, pk, between, limit=limit, page=limit)]
    rest = (_behind(_sort_key(found[-1].place)), end) if len(found) == limit else None
    return found, rest


def _marker(brand_id: str, register_key: str, change: Change) -> tuple[Marker, Condition] | None:
    was, noted = change.was, change.noted
    if noted is None:
        return None
    marker = Marker(
        _partition(brand_id, register_key),
        _sort_key(noted.mark.place),
        counts=noted.mark.counts,
        names=[*noted.mark.names] if noted.mark.names else None,
        version=noted.version,
    )
    return marker, Marker.version == was.version if was else Marker.pk.does_not_exist()


def _item(brand_id: str, register_key: str, change: Change) -> tuple[RegisterItem, Condition] | None:
    before, after = change.before, change.after
    if after == before:
        return None
    kind, pk, sk = key(brand_id, register_key)
    item = kind(
        pk,
        sk,
        version=after.version,
        first=after.first and _plain(after.first),
        origin=after.origin and [*_plain(after.origin.place), *after.origin[1:]],
        last=after.last and _plain(after.last),
    )
    return item, kind.version == before.version if before.version else kind.pk.does_not_exist()


def _mark(item: Marker) -> Mark:
    placed_at, _, order_id = item.sk.removeprefix(_MARKERS).partition("#")
    creator_id, program_id = item.names or (None, None)
    names = (creator_id, program_id) if creator_id and program_id else None
    return Mark(_place(placed_at, order_id), counts=item.counts, names=names)


def _partition(brand_id: str, register_key: str) -> str:
    """Of the register and its markers; its key is hashed, for that may be long."""
    return f"{brand_id}#U#{ids.derived('', register_key)}"


def _sort_key(place: Place) -> str:
    return f"{_MARKERS}{times.text(place.placed_at)}#{place.order_id}"


def _behind(sort_key: str) -> str:
    return f"{sort_key}!"  # sorts behind the key itself, and before every other one


def _place(placed_at: str, order_id: str) -> Place:
    return Place(times.parse(placed_at), order_id)


def _plain(place: Place) -> list[str]:
    return [times.text(place.placed_at), place.order_id]

"""Registers: a customer's or a subscription's orders, each with a marker, and what these come to, beside them.

The two are of different transactions where a marker changes nothing for the register, so whoever has put a marker looks
at the register once more; see `vouch.service.projections`.
"""

from datetime import datetime

from vouch.domain import ids, times
from vouch.domain.facts import Standing
from vouch.domain.registers import PAYMENTS_MAX, Origin, Place, Register
from vouch.store.database import Database
from vouch.store.tables import Item, Marker, RegisterItem

_MARKERS = "O#"
_COUNTED_PAGE = 150


def key(brand_id: str, register: str) -> tuple[type[RegisterItem], str, str]:
    """Where the register lies that an order names like this (`vouch.domain.context.register_keys`)."""
    return RegisterItem, partition(brand_id, register), "U"


def partition(brand_id: str, register: str) -> str:
    """The partition of the register and its markers; keys of registers are hashed, for they may be long."""
    return f"{brand_id}#U#{ids.derived('', register)}"


def register(item: Item | None) -> Register:
    """What the stored item says; nothing where there is none."""
    if not isinstance(item, RegisterItem):
        return Register()
    origin = item.origin and Origin(_place(item.origin[:2]), *item.origin[2:])
    return Register(item.version, item.first and _place(item.first), origin, item.last and _place(item.last))


def standing(item: Item | None, register_key: str, order_id: str, placed_at: datetime, now: datetime) -> Standing:
    """What the register says to an order; of a subscription without its `payments_before`."""
    return register(item).word(register_key, Place(placed_at, order_id), at=now)


def payments_before(database: Database, brand_id: str, register: str, placed_at: datetime, order_id: str) -> int:
    """How many payments of the subscription lie before that order: at most 120, since terms ask for no more."""
    before = Marker.sk.between(_MARKERS, f"{_MARKERS}{_sort_key(Place(placed_at, order_id))}")
    found = database.query(Marker, partition(brand_id, register), before, page=_COUNTED_PAGE)
    count = 0
    for marker in found:
        count += marker.counts and marker.sk != f"{_MARKERS}{_sort_key(Place(placed_at, order_id))}"
        if count == PAYMENTS_MAX:
            break
    return count


def _sort_key(place: Place) -> str:
    return f"{times.text(place.placed_at)}#{place.order_id}"


def _place(stored: list[str]) -> Place:
    return Place(times.parse(stored[0]), stored[1])

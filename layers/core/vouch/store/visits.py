"""Visits by message as they are kept: one partition for each contact, with the orders that name the same contact.

Both are put once and stay. Who stores a visit looks for such orders afterwards, and who settles an order has named
itself before it looks for visits: so whichever comes first, one of them finds the other.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from vouch.domain import ids, times
from vouch.domain.clicks import BY_MESSAGE
from vouch.store.database import Database
from vouch.store.tables import ContactDelivery, ContactOrder, Delivery, ForgottenContact, Main, VisitItem

_VISITS, _ORDERS, _DELIVERIES = "V#", "O#", "D#"
_END = "~"
"""Behind every id."""


@dataclass(frozen=True, slots=True)
class Visited:
    """A visit, and whose link or code led there; by `click_id`, where the message carried one of ours."""

    id: str
    contact: str
    at: datetime
    creator_id: str
    program_id: str
    click_id: str | None = None


def visit_id(brand_id: str, connection_id: str | None, contact: str, name: str) -> str:
    """The id that a visit always has, of a platform's own name for it."""
    return ids.derived(BY_MESSAGE, brand_id, connection_id or "", contact, name)


def put_new(database: Database, brand_id: str, visit: Visited) -> bool:
    """Stores the visit for good; False where it is stored already."""
    return database.put_new(
        VisitItem(
            _partition(brand_id, visit.contact),
            f"{_VISITS}{times.text(visit.at)}#{visit.id}",
            creator_id=visit.creator_id,
            program_id=visit.program_id,
            click_id=visit.click_id,
        )
    )


def latest(database: Database, brand_id: str, contact: str, *, until: datetime, limit: int) -> list[Visited]:
    """The contact's visits at or before that moment, the newest first."""
    span = VisitItem.sk.between(_VISITS, f"{_VISITS}{times.text(until)}#{_END}")
    found = database.query(VisitItem, _partition(brand_id, contact), span, newest_first=True, limit=limit, page=limit)
    return [_visited(contact, item) for item in found]


def await_visits(
    database: Database,
    brand_id: str,
    contact: str,
    order_id: str,
    *,
    connection_id: str | None,
    external_id: str,
    placed_at: datetime,
) -> None:
    """Notes that an order names the contact; of several births that it was said to have, the latest stays."""
    note = ContactOrder(
        _partition(brand_id, contact),
        f"{_ORDERS}{order_id}",
        connection_id=connection_id,
        external_id=external_id,
        placed_at=times.text(placed_at),
    )
    database.put(note, ContactOrder.pk.does_not_exist() | (ContactOrder.placed_at < note.placed_at))


def awaiting(database: Database, brand_id: str, contact: str) -> Iterator[ContactOrder]:
    """The orders that name the contact."""
    partition = _partition(brand_id, contact)
    return database.query(ContactOrder, partition, ContactOrder.sk.between(_ORDERS, f"{_ORDERS}{_END}"))


def note_delivery(database: Database, brand_id: str, contact: str, delivery: Delivery) -> None:
    """Notes that the raw delivery tells of the contact."""
    item = ContactDelivery(_partition(brand_id, contact), f"{_DELIVERIES}{delivery.sk}", inbox_pk=delivery.pk)
    database.put_new(item)


def told_by(database: Database, brand_id: str, contact: str) -> Iterator[tuple[str, str]]:
    """The keys of the raw deliveries that tell of the contact; some may have expired."""
    within = ContactDelivery.sk.between(_DELIVERIES, f"{_DELIVERIES}{_END}")
    for item in database.query(ContactDelivery, _partition(brand_id, contact), within):
        yield item.inbox_pk, item.sk.removeprefix(_DELIVERIES)


def forget(database: Database, brand_id: str, contact: str, *, until: datetime, leads_on: bool = False) -> None:
    """Removes the contact's visits until then; what orders have learned of them stays with them.

    What `leads_on` to orders and raw deliveries stays where these are to be found once more. That no visit until then
    is to be kept again is noted first: deliveries may be settled once more.
    """
    _, pk, sk = forgotten_key(brand_id, contact)
    database.put(ForgottenContact(pk, sk, until=times.text(until)))
    for item in database.query(Main, pk):
        if item.sk.startswith(_VISITS):
            goes = item.sk < f"{_VISITS}{times.text(until)}#{_END}"
        else:
            goes = item.sk != sk and not leads_on
        if goes:
            database.delete(item)


def forgotten_key(brand_id: str, contact: str) -> tuple[type[ForgottenContact], str, str]:
    """Where it is noted that the contact is forgotten."""
    return ForgottenContact, _partition(brand_id, contact), "F"


def _partition(brand_id: str, contact: str) -> str:
    return f"{brand_id}#V#{contact}"


def _visited(contact: str, item: VisitItem) -> Visited:
    _, at, visit = item.sk.split("#")
    return Visited(visit, contact, times.parse(at), item.creator_id, item.program_id, item.click_id)

"""What platforms ask for buyers and shops: raw deliveries are erased, the books stay, and that it was asked is kept.

Facts name nobody: buyers are pseudonyms in them. What holds personal data are the deliveries as they came. Each is
settled once more before it goes, so that nothing that it says is lost; one that is parked says something that nobody
has read yet: it stays until it expires, 30 days after it came.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import batched
from typing import Any

from vouch.domain import times
from vouch.domain.context import BUYERS
from vouch.platforms.base import PrivacyRequest, Thin, Unreadable
from vouch.service import deliveries, pages
from vouch.service.deployment import Deployment
from vouch.service.pages import Page
from vouch.service.queues import put_off
from vouch.store import inbox, orders, privacy, registers, visits
from vouch.store.tables import Brand, Delivery, PrivacyRecord

ORDERS_SHOWN = 1_000
_PAGE = 25
_SAID = ("applied", "unchanged", "ignored")
"""How deliveries end all of whose say is in the books."""
Place = tuple[str | None, str]
"""An order by its connection and its platform's own id."""


def listed(deployment: Deployment, brand: Brand, *, limit: int, cursor: str | None) -> Page[PrivacyRecord]:
    """What platforms asked of the brand, the newest first."""
    return pages.read(deployment, PrivacyRecord, privacy.index(brand.id), limit=limit, cursor=cursor, newest_first=True)


def done(deployment: Deployment, message: str, *, in_time: Callable[[], bool]) -> str:
    """Does what the delivery that the message names asks, or so much of it as there is time for; how far it has come.

    What is left goes on by another message. Done twice, the second time finds nothing.
    """
    asked = json.loads(message)
    delivery = inbox.get(deployment.database, *asked["delivery"])
    record = privacy.record(deployment.database, asked["delivery"][1])
    if delivery is None or record is None:
        return "done"
    said = deliveries.read(deployment, delivery)
    if not isinstance(said, PrivacyRequest):
        raise TypeError(f"a privacy request is read as a {type(said).__name__}")
    for bookmark, place in _orders_of(deployment, delivery, said, asked.get("after")):
        if said.kind != "export_customer":
            _erase(deployment, record, place)
        if said.kind != "erase_shop":
            _show(record, orders.order_id(delivery.brand_id, *place))
        if not in_time():
            deployment.database.put(record)
            rest = {"delivery": asked["delivery"], "after": bookmark}
            put_off(deployment, deployment.settings.privacy_queue_url, rest, seconds=0)
            return str(record.status)
    for contact in said.contacts:
        visits.forget(deployment.database, delivery.brand_id, contact, until=times.parse(delivery.received_at))
    record.status, record.done_at = "done", times.text(deployment.now())
    deployment.database.put(record)
    inbox.erase(deployment.database, lambda: deployment.s3, delivery)  # last: it names the buyer, too, and what to do
    return "done"


def _orders_of(
    deployment: Deployment, delivery: Delivery, said: PrivacyRequest, after: Any
) -> Iterator[tuple[Any, Place]]:
    """The orders that are asked about, each with where to go on behind it."""
    if said.kind == "erase_shop":
        yield from _orders_of_shop(deployment, delivery, after or "")
        return
    named = [(delivery.connection_id, external_id) for external_id in said.orders]
    places = list(dict.fromkeys([*named, *_bought(deployment, delivery.brand_id, said.customers)]))
    yield from enumerate(places[after or 0 :], start=(after or 0) + 1)


def _orders_of_shop(deployment: Deployment, delivery: Delivery, after: str) -> Iterator[tuple[Any, Place]]:
    behind: str | None = after
    while behind is not None:
        found, behind = orders.placed(
            deployment.database, delivery.brand_id, times.EPOCH, times.END, behind=behind, limit=_PAGE
        )
        own = [state for state in found if state.connection_id == delivery.connection_id]
        yield from ((state.g1sk, (state.connection_id, state.external_id)) for state in own)


def _bought(deployment: Deployment, brand_id: str, customers: Iterable[str]) -> Iterator[Place]:
    """The orders of these customers, by whatever door they came."""
    for customer in customers:
        marks = registers.marks(deployment.database, brand_id, f"{BUYERS}{customer}")
        for some in batched((mark.place.order_id for mark in marks), _PAGE, strict=False):
            for state in orders.states(deployment.database, brand_id, some):
                yield state.connection_id, state.external_id


def _erase(deployment: Deployment, record: PrivacyRecord, place: Place) -> None:
    for delivery in inbox.of_order(deployment.database, record.brand_id, *place):
        if _is_thin(deployment, delivery):
            continue
        if deliveries.settle_delivery(deployment, delivery).ending in _SAID:
            inbox.erase(deployment.database, lambda: deployment.s3, delivery)
            record.erased += 1
        else:
            record.left += 1


def _is_thin(deployment: Deployment, delivery: Delivery) -> bool:
    """Whether it holds no more than ids: there is nothing to erase, and its platform is not asked for it again."""
    try:
        return isinstance(deliveries.read(deployment, delivery), Thin)
    except Unreadable:
        return False


def _show(record: PrivacyRecord, order_id: str) -> None:
    if order_id not in record.orders and len(record.orders) < ORDERS_SHOWN:
        record.orders = [*record.orders, order_id]

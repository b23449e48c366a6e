"""What platforms ask for buyers and shops: raw deliveries are erased, the books stay, and that it was asked is kept.

Facts name nobody: buyers are pseudonyms in them. What holds personal data are the deliveries as they came. Each is
settled once more before it goes, so that nothing that it says is lost; one that says what is not in the books yet, be
it parked or waiting, is left. It is tried again each day, until it goes or expires, 30 days after it came.

A buyer's deliveries are found by their orders, by whatever door these came, and those who write to a brand's page by
what tells of them; a shop's by when they came.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import batched
from typing import Any, Literal

from vouch.deadlines import InTime
from vouch.domain import times
from vouch.domain.context import BUYERS
from vouch.platforms.base import Aside, PrivacyRequest, Reading, Said, Thin, Unreadable
from vouch.service import deliveries, fetches, pages
from vouch.service.deployment import Deployment
from vouch.service.orders import Defect, ours
from vouch.service.pages import Page
from vouch.service.queues import put_off, put_off_for
from vouch.store import aliases, inbox, orders, privacy, registers, visits
from vouch.store.database import Refused, Writes
from vouch.store.inbox import HOUR_SHARDS, KEPT, BodyGone
from vouch.store.tables import Brand, Delivery, PrivacyRecord

ORDERS_SHOWN = 1_000
AGAIN = timedelta(days=1)
"""After so long it is tried again to erase what was left."""
_PAGE = 25
_HOUR = timedelta(hours=1)
_SAID = ("applied", "unchanged", "ignored")
"""How deliveries end all of whose say is in the books."""
Place = tuple[str | None, str]
"""An order by its connection and its platform's own id."""
Verdict = Literal["goes", "stays", "left"]
"""Of a delivery: `stays` is a request itself; `left` says, or asks for, what is not in the books yet."""


@dataclass(frozen=True, slots=True)
class _Step:
    """Some of the deliveries that are asked about, read as they are used; and where to go on behind them."""

    after: Any
    found: Iterable[Delivery]
    order_id: str | None = None


def listed(deployment: Deployment, brand: Brand, *, limit: int, cursor: str | None) -> Page[PrivacyRecord]:
    """What platforms asked of the brand, the newest first."""
    return pages.read(deployment, PrivacyRecord, privacy.index(brand.id), limit=limit, cursor=cursor, newest_first=True)


def done(deployment: Deployment, asked: dict[str, Any], *, in_time: InTime) -> str:
    """Does what the delivery that a message names asks, or so much of it as there is time for; how far it has come.

    What there is no time for goes on by another message; so does, a day later, what says what nobody has read yet, as
    long as the request itself is kept. Done twice, the second time finds nothing.
    """
    database = deployment.database
    delivery = inbox.get(database, *asked["delivery"])
    record = privacy.record(database, asked["delivery"][1])
    if record is None:
        return "done"
    if delivery is None:
        if record.left:  # it came before the request, which has expired
            privacy.finish(database, record, left=0, again_at=None, now=deployment.now())
        return "done"
    try:
        said = deliveries.read(deployment, delivery)
    except BodyGone:  # it was done, but for this
        _gone(deployment, delivery, Writes())
        return "done"
    if not isinstance(said, PrivacyRequest):
        raise TypeError(f"a privacy request is read as a {type(said).__name__}")
    left = _worked_off(deployment, delivery, record, said, asked, in_time)
    if left is None:
        return "received"
    if said.kind == "erase_customer" and "due" not in asked:
        for contact in said.contacts:
            until = times.parse(delivery.received_at)
            visits.forget(database, delivery.brand_id, contact, until=until, leads_on=left > 0)
    again_at = _tried_again(deployment, asked["delivery"]) if left else None
    privacy.finish(database, record, left=left, again_at=again_at, now=deployment.now())
    if not left:
        _gone(deployment, delivery, Writes())  # last: it names the buyer, too, and what to do
    return "done"


def _worked_off(
    deployment: Deployment,
    delivery: Delivery,
    record: PrivacyRecord,
    said: PrivacyRequest,
    asked: dict[str, Any],
    in_time: InTime,
) -> int | None:
    """How many deliveries are left, once it has come to the end of them; None where another message goes on."""
    left, shown = asked.get("left", 0), dict.fromkeys(record.orders)
    for step in _steps(deployment, delivery, said, asked.get("after")):
        if step.order_id is not None and len(shown) < ORDERS_SHOWN:
            shown[step.order_id] = None
        if said.kind != "export_customer":
            left += _erase(deployment, record, step.found)
        if not in_time():
            privacy.show(deployment.database, record, list(shown))
            rest = asked | {"after": step.after, "left": left}
            put_off(deployment, deployment.settings.privacy_queue_url, rest, seconds=0)
            return None
    privacy.show(deployment.database, record, list(shown))
    return int(left)


def _tried_again(deployment: Deployment, key: Sequence[str]) -> str:
    """When it is tried again. A request may be heard many times: whoever finds a try that is still ahead begins none.

    The message goes out before it is noted. Of two who begin at once, one ends when its day comes.
    """
    now, record = deployment.now(), privacy.record(deployment.database, key[1])
    if record is not None and record.again_at and times.parse(record.again_at) > now:
        return record.again_at
    seconds = AGAIN.total_seconds()
    put_off_for(deployment, deployment.settings.privacy_queue_url, {"delivery": key}, seconds=seconds)
    return times.text(now + AGAIN)


# --- what is asked about ----------------------------------------------------------------------------------------------


def _steps(deployment: Deployment, delivery: Delivery, said: PrivacyRequest, after: Any) -> Iterator[_Step]:
    if said.kind == "erase_shop":
        return _steps_of_shop(deployment, delivery, after)
    return _steps_of_buyer(deployment, delivery, said, after or 0)


def _steps_of_shop(deployment: Deployment, delivery: Delivery, after: Any) -> Iterator[_Step]:
    """All that came by the connection and has not expired, hour by hour till this one.

    The newest come last: the index that finds them lags a little, and what comes meanwhile goes, too.
    """
    database = deployment.database
    begin, shard, bookmark = after or (times.text(times.floor_hour(deployment.now() - KEPT)), 0, None)
    hour = times.parse(begin)
    while hour <= deployment.now():
        keys, bookmark = inbox.of_connection(database, delivery.brand_id, delivery.connection_id, hour, shard, bookmark)
        found = (each for key in keys if (each := inbox.get(database, *key)) is not None)
        if bookmark is None:
            carry, shard = divmod(shard + 1, HOUR_SHARDS)
            hour += carry * _HOUR
        yield _Step([times.text(hour), shard, bookmark], found)


def _steps_of_buyer(deployment: Deployment, delivery: Delivery, said: PrivacyRequest, begin: int) -> Iterator[_Step]:
    """Order by order; and whoever wrote to the brand's page, by what tells of them.

    None leaves the row by being erased: one that was begun goes on by how many it has done.
    """
    brand_id = delivery.brand_id
    named = ((delivery.connection_id, external_id) for external_id in said.orders)
    wrote = _wrote(deployment, brand_id, said.contacts)
    places = dict.fromkeys([*named, *_bought(deployment, brand_id, said.customers), *wrote])
    row: list[Place | str] = [*places, *said.contacts]
    for after, asked_about in enumerate(row[begin:], start=begin + 1):
        if isinstance(asked_about, str):
            yield _Step(after, _of_contact(deployment, brand_id, asked_about))
        else:
            order_id = orders.order_id(brand_id, *asked_about) if _is_known(deployment, brand_id, asked_about) else None
            yield _Step(after, _of_order(deployment, brand_id, asked_about), order_id)


def _is_known(deployment: Deployment, brand_id: str, place: Place) -> bool:
    """Whether there is such an order, or at least a delivery that may become one."""
    known = orders.state(deployment.database, brand_id, orders.order_id(brand_id, *place)) is not None
    return known or any(inbox.of_order(deployment.database, brand_id, *place))


def _bought(deployment: Deployment, brand_id: str, customers: Iterable[str]) -> Iterator[Place]:
    """The orders of these customers, by whatever door they came."""
    for customer in customers:
        marks = registers.marks(deployment.database, brand_id, f"{BUYERS}{customer}")
        for some in batched((mark.place.order_id for mark in marks), _PAGE, strict=False):
            for state in orders.states(deployment.database, brand_id, some):
                yield state.connection_id, state.external_id


def _wrote(deployment: Deployment, brand_id: str, contacts: Iterable[str]) -> Iterator[Place]:
    """The orders that name these contacts."""
    for contact in contacts:
        for order in visits.awaiting(deployment.database, brand_id, contact):
            yield order.connection_id, order.external_id


def _of_order(deployment: Deployment, brand_id: str, place: Place) -> Iterator[Delivery]:
    """Also those that speak of it by another name."""
    connection_id, external_id = place
    names = aliases.of_order(deployment.database, brand_id, connection_id, external_id) if connection_id else ()
    for name in dict.fromkeys((external_id, *names)):
        yield from inbox.of_order(deployment.database, brand_id, connection_id, name)


def _of_contact(deployment: Deployment, brand_id: str, contact: str) -> Iterator[Delivery]:
    for key in visits.told_by(deployment.database, brand_id, contact):
        delivery = inbox.get(deployment.database, *key)
        if delivery is not None:
            yield delivery


# --- what goes --------------------------------------------------------------------------------------------------------


def _erase(deployment: Deployment, record: PrivacyRecord, found: Iterable[Delivery]) -> int:
    """How many are left.

    What was asked about goes before what was answered: else it would be asked about again, as if nobody had answered.
    """
    verdicts = [(each, _verdict(deployment, each)) for each in found]
    for delivery, verdict in sorted(verdicts, key=lambda each: each[0].answers is not None):
        if verdict == "goes":
            counted = Writes()
            privacy.note_erased(counted, record)
            _gone(deployment, delivery, counted)
    return sum(verdict == "left" for _, verdict in verdicts)


def _gone(deployment: Deployment, delivery: Delivery, writes: Writes) -> None:
    try:
        inbox.erase(deployment.database, lambda: deployment.s3, delivery, writes)
    except Refused:
        return  # somebody else who does the same was faster, and has counted it


def _verdict(deployment: Deployment, delivery: Delivery) -> Verdict:
    try:
        said = _read(deployment, delivery)
    except BodyGone:
        return "goes"  # somebody has begun to erase it
    if isinstance(said, PrivacyRequest):
        return "stays"
    if isinstance(said, Thin):
        return "goes" if fetches.is_answered(deployment, delivery, said.ask) else "left"
    asks = said.asks if isinstance(said, Reading | Aside) else ()
    noted = inbox.parked(deployment.database, delivery.brand_id, delivery.sk, asked=True) is not None
    if noted or fetches.is_awaited(deployment, delivery, asks):
        return "left"  # what it says counts, but its platform has yet to tell more
    note = inbox.parked(deployment.database, delivery.brand_id, delivery.sk)
    settle = deliveries.settle_delivery if note is None else deliveries.settled_for_good
    return "goes" if settle(deployment, delivery).ending in _SAID else "left"


def _read(deployment: Deployment, delivery: Delivery) -> Said | None:
    """None where it cannot be read: settling says so."""
    try:
        with ours():
            return deliveries.read(deployment, delivery)
    except (Unreadable, Defect):
        return None

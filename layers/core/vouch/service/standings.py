"""Where orders stand among their customer's others, and among the payments of their subscription: noted and told.

The stream of orders brings every version of an order here: its marks in registers follow it, and the registers follow
their marks (`follow`). Who hears something else from a register than before is told by a queue (`spread`), which
settles them again.

Nothing is lost, and nothing depends on what comes when:

- A mark is written by the order's version, so that an old record that comes again undoes nothing. A register is written
  under its own version, together with the mark that changes it.
- A mark that changes nothing is written first, and then the register is read: whoever takes another mark away at the
  same time looks at all of them once more after that, so that one of the two sees the other.
- Others are told before the register is written, of the version that it is going to have. If it is not written after
  all, they are told again; who hears too early waits.
- An order that has looked at its registers before its own mark was there is told itself, if they say something else by
  now: later changes find its mark.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from vouch.deadlines import InTime
from vouch.domain import registers as domain
from vouch.domain.context import SUBSCRIPTIONS, register_keys
from vouch.domain.errors import Unavailable
from vouch.domain.facts import Standing
from vouch.domain.registers import PAYMENTS_MAX, Audience, Mark, Place, Register
from vouch.domain.settlement import RateMissing
from vouch.service import orders as settling
from vouch.service.deployment import Deployment
from vouch.service.orders import Target, ours
from vouch.service.queues import TRIES_MAX, put_off, seconds_after
from vouch.service.volumes import SealNotDue
from vouch.store import orders, registers
from vouch.store.database import pause
from vouch.store.orders import Registered, StoredOrder
from vouch.store.registers import Change, Noted, Stretch
from vouch.store.tables import Order

_RACES_MAX = 12
_PAGE = 25
_TELL_SECONDS = 2
"""Until then the register is written, as a rule."""
_FAILED_SECONDS = 60
_WAITING = (SealNotDue, RateMissing)
"""What time or the brand puts right."""
StreamRecord = Mapping[str, Any]
"""What a stream says of an item: `Keys`, `NewImage` and `OldImage`, as far as there are any."""


class TooEarly(Exception):
    """The register is not written yet: the message comes again."""


def follow(deployment: Deployment, record: StreamRecord) -> int:
    """Brings an order's marks up to what the stream says of it; how many changed, 0 for what is no order.

    What the world does is raised; whatever else fails would fail again, and is a Defect.
    """
    with ours():
        before, after = _state(record.get("OldImage")), _state(record.get("NewImage"))
        return 0 if after is None else note(deployment, before, after)


def follow_later(deployment: Deployment, record: StreamRecord) -> None:
    """Has the queue bring the record once more, out of the way of those behind it: versions may come in any order."""
    _send(deployment, {"record": record}, seconds=_FAILED_SECONDS)


def _state(image: dict[str, Any] | None) -> Order | None:
    """None where there is none, and for another item than an order's state: the mapping filters, but not before all."""
    return orders.from_stream(image) if image is not None and image.get("k") == {"S": "order"} else None


def note(deployment: Deployment, before: Order | None, after: Order) -> int:
    """Brings an order's marks up to its version `after`, from the one `before` it; how many changed.

    It may come again, late, or beside itself.
    """
    was, now = orders.registered(before) if before else {}, orders.registered(after)
    changed = 0
    for key in sorted({*was, *now}):
        old, new = was.get(key), now.get(key)
        if old is not None and new is not None and old.mark == new.mark:
            continue
        changed += 1
        if old is not None and (new is None or new.mark.place != old.mark.place):
            gone = Mark(old.mark.place, counts=False)
            _Noting(deployment, after, key, Noted(gone, after.version), loses=True).done()
        if new is not None:
            loses = old is not None and old.mark.place == new.mark.place and _loses(old.mark, new.mark)
            noting = _Noting(deployment, after, key, Noted(new.mark, after.version), loses=loses)
            noting.told_itself(new, noting.done())
    return changed


def _loses(old: Mark, new: Mark) -> bool:
    return (old.counts and not new.counts) or (old.origin is not None and new.origin is None)


class _Noting:
    """One mark of one register."""

    def __init__(self, deployment: Deployment, order: Order, key: str, noted: Noted, *, loses: bool) -> None:
        self._deployment, self._database = deployment, deployment.database
        self._brand = orders.brand_of(order)
        self._key = key
        self._noted = noted
        self._loses = loses

    def done(self) -> Register:
        """Writes the mark and its register, and tells the others; the register as it was once the mark was there."""
        place = self._noted.mark.place
        for attempt in range(_RACES_MAX):
            register, was = registers.read(self._database, self._brand, self._key, place)
            new = self._noted if was is None or was.version < self._noted.version else None
            after, audiences = self._following(register, was, new)
            if new is None and after == register:
                return register
            for audience in audiences:
                self._tell(audience, after)
            if not registers.write(self._database, self._brand, self._key, Change(was, new, register, after)):
                pause(attempt)
            elif after != register and not self._loses:
                return after
        raise Unavailable

    def told_itself(self, known: Registered, register: Register) -> None:
        """Tells the order if the register says something else than it knows."""
        place = known.mark.place
        word = _word(self._deployment, self._brand, self._key, register, place)
        if known.word is None or not domain.same(word, known.word):
            self._tell(Audience(place), register)

    def _following(
        self, register: Register, was: Noted | None, new: Noted | None
    ) -> tuple[Register, Sequence[Audience]]:
        """What the register is going to be, and whom that concerns."""
        mark = (new or was or self._noted).mark
        if self._key.startswith(SUBSCRIPTIONS):
            after = register.with_payment(mark, was.mark if was else None) if new else register
            return after, () if after == register else domain.audience_of_payment(register, mark)
        counted = register.with_order(mark)
        if counted is None or (self._loses and new is None):
            counted = register.recounted(self._marks(mark))
        if new is not None and not mark.counts and counted == register:
            counted = register.stirred()
        return counted, domain.audiences(register, counted, mark.place)

    def _marks(self, own: Mark) -> Iterator[Mark]:
        stored = registers.marks(self._database, self._brand, self._key)
        return (own if mark.place == own.place else mark for mark in stored)

    def _tell(self, audience: Audience, register: Register) -> None:
        most = PAYMENTS_MAX if self._key.startswith(SUBSCRIPTIONS) else None
        told = [self._brand, self._key, register.version, registers.stretch(audience), most, 0]
        _send(self._deployment, {"standing": told}, seconds=_TELL_SECONDS)


def resume(deployment: Deployment, message: str, *, in_time: InTime) -> dict[str, int]:
    """Does what a message of the queue says: follows a record, or spreads what a register says. Counts the endings."""
    asked = json.loads(message)
    if "record" in asked:
        return {"noted": follow(deployment, asked["record"])}
    return spread(deployment, asked["standing"], in_time=in_time)


def spread(deployment: Deployment, message: Sequence[Any], *, in_time: InTime) -> dict[str, int]:
    """Tells orders what a register says since a version.

    The message is `[brand, register, version, stretch, payments at most, tries]`.
    Goes on by another message where there is no time, or no end yet. What keeps one order from hearing keeps no other:
    it comes again by a message for that order alone, which is raised after three days of tries, and so is what fails
    there. Raises TooEarly before the register has that version. Counts the endings.
    """
    brand_id, key, version, within, most, tries = message
    register = registers.register(deployment.database.get(*registers.key(brand_id, key)))
    if register.version < version:
        raise TooEarly
    endings: Counter[str] = Counter()
    rest: Stretch | None = (within[0], within[1])
    while rest and most != 0:
        if not in_time():
            _send(deployment, {"standing": [brand_id, key, version, rest, most, tries]}, seconds=0)
            break
        page, rest = registers.page(
            deployment.database, brand_id, key, rest, _PAGE if most is None else min(most, _PAGE)
        )
        for mark in page:
            own = [brand_id, key, version, registers.stretch(Audience(mark.place)), None]
            endings[_told(deployment, own, mark.place.order_id, tries, alone=within[0] == within[1])] += 1
        most = None if most is None else most - sum(mark.counts for mark in page)
    return dict(endings)


def _told(deployment: Deployment, own: Sequence[Any], order_id: str, tries: int, *, alone: bool) -> str:
    """How it ended, with one order; `own` is what a message for it alone says, but for the tries.

    Of several messages each puts itself off: which of them is heard at last makes no difference.
    """
    brand_id, key, *_ = own
    try:
        return "told" if hear(deployment, brand_id, key, order_id) else "unchanged"
    except _WAITING:
        if tries == TRIES_MAX:
            raise  # the queue's own failures end in its dead letters, which raise an alarm
        _send(deployment, {"standing": [*own, tries + 1]}, seconds=seconds_after(tries))
    except Exception:
        if alone:
            raise  # likewise
        _send(deployment, {"standing": [*own, 0]}, seconds=_FAILED_SECONDS)
    return "put_off"


def hear(deployment: Deployment, brand_id: str, key: str, order_id: str) -> bool:
    """Settles the order by what the register says to it now; False where it has known that.

    Who has told it something looks at the register once more: of two who tell it at once, the one with the older word
    may be the later.
    """
    database = deployment.database
    told = False
    register = registers.register(database.get(*registers.key(brand_id, key)))
    for _ in range(_RACES_MAX):
        order = orders.load(database, brand_id, order_id)
        if order is None or not _stands(order, key):
            return told
        if order.unfinished:  # it may have heard, and not have posted all that follows
            told |= settling.apply(deployment, _target(order), [])
            continue
        word = _word(deployment, brand_id, key, register, Place(order.facts.begins, order_id))
        known = order.context.standing(order.facts, key)
        if known is not None and domain.same(word, known):
            return told
        told |= settling.apply(deployment, _target(order), [word])
        before, register = register, registers.register(database.get(*registers.key(brand_id, key)))
        if register.version == before.version:
            return told
    raise Unavailable


def _stands(order: StoredOrder, key: str) -> bool:
    snapshot = order.facts.snapshot
    if snapshot is None or (snapshot.test and not order.context.test_brand):
        return False
    return key in register_keys(snapshot)


def _word(deployment: Deployment, brand_id: str, key: str, register: Register, place: Place) -> Standing:
    before = 0
    if key.startswith(SUBSCRIPTIONS):
        before = registers.payments_before(deployment.database, brand_id, key, *place)
    return register.word(key, place, at=deployment.now(), payments_before=before)


def _target(order: StoredOrder) -> Target:
    mode = "test" if order.context.test_brand else "live"
    return Target(order.brand_id, mode, order.connection_id, order.external_id, order.context.only_program)


def _send(deployment: Deployment, message: Mapping[str, Any], *, seconds: int) -> None:
    put_off(deployment, deployment.settings.spread_queue_url, message, seconds=seconds)

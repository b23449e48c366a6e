"""Which mails were sent, so that none is sent twice as a rule.

    (absent) ──first──▶ under way until `lease` ──▶ ended
        ▲                  │          ▲ │
        └─ surely not sent ┘          └─┘ lease over: the sender was lost, taken over under the lease that was read

Every arrow is a conditional write, so of two senders at once one sends and the other waits. What is in such a row is
nobody's address, amount or account.
"""

from datetime import datetime, timedelta

from pynamodb.expressions.condition import Condition

from vouch.domain import times
from vouch.store.database import Database
from vouch.store.tables import MailItem

LEASE = timedelta(seconds=45)
"""No sender outlives it: the function that sends may run for 30 seconds."""
_KEPT = timedelta(days=60)
"""No message about a mail is as old: streams keep theirs for a day, the queue and its dead letters for 14 each."""


def begun(database: Database, brand_id: str, creator_id: str, name: str, now: datetime) -> tuple[MailItem, bool]:
    """The mail's row, and whether it is ours to send: it was absent, or whoever sent it did not say how that ended."""
    item = _item(f"{brand_id}#MAIL#{creator_id}", name, now, tries=1)
    if database.put_new(item):
        return item, True
    known = database.get(MailItem, item.pk, name)
    if known is None:
        return begun(database, brand_id, creator_id, name, now)
    if ended(known) or known.lease > times.text(now):
        return known, False
    again = _item(item.pk, name, now, tries=known.tries + 1)
    return (again, True) if database.put(again, _as(known)) else (known, False)


def ended(item: MailItem) -> bool:
    """Whether nothing more is done about it."""
    ending: str | None = item.ended
    return ending is not None


def end(database: Database, item: MailItem, ending: str) -> None:
    """That was the last that was done about it."""
    before = _as(item)
    item.ended = ending
    database.put(item, before)


def withdraw(database: Database, item: MailItem) -> None:
    """It was surely not sent, so this was no try."""
    database.delete(item, _as(item))


def _as(item: MailItem) -> Condition:
    condition: Condition = (MailItem.lease == item.lease) & MailItem.ended.does_not_exist()
    return condition


def _item(pk: str, name: str, now: datetime, *, tries: int) -> MailItem:
    lease, expires_at = times.text(now + LEASE), int((now + _KEPT).timestamp())
    return MailItem(pk, name, lease=lease, tries=tries, expires_at=expires_at)

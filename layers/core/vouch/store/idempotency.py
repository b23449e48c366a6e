"""Requests under an `Idempotency-Key`, so that a repeat gets the first one's answer.

    (absent) ──first──▶ running until `lease` ──answer < 500──▶ finished
                          ▲           │ ▲
                          │  lease over, or answer ≥ 500
                          └───────────┘ (taken over under the lease that was read)

Every arrow is a conditional write, so of two equal requests at once one runs and the other is told to wait. An item
past `expires_at` is as good as absent: the table's TTL may be days behind.
"""

import zlib
from datetime import datetime, timedelta

from pynamodb.expressions.update import Action

from vouch.domain import times
from vouch.store.database import Database, Refused, Writes
from vouch.store.tables import Idempotency

KEPT = timedelta(hours=72)
LEASE = timedelta(seconds=30)
"""No request outlives it: the API answers for us after 30 seconds, and no function behind it may run longer."""


def begun(database: Database, pk: str, fingerprint: str, now: datetime) -> tuple[Idempotency, bool]:
    """The request's item, and whether it is ours to run: it was absent, expired, or abandoned by another try."""
    item = Idempotency(
        pk,
        "I",
        fingerprint=fingerprint,
        birth=times.text(now),
        lease=times.text(now + LEASE),
        expires_at=int((now + KEPT).timestamp()),
    )
    if database.put_new(item):
        return item, True
    known = database.get(Idempotency, pk, "I")
    if known is None:
        return begun(database, pk, fingerprint, now)
    if known.expires_at <= now.timestamp():
        return (item, True) if _replaced(database, item, known) else (known, False)
    if known.fingerprint != fingerprint or finished(known) or known.lease > times.text(now):
        return known, False
    lease = Idempotency.lease.set(times.text(now + LEASE))
    return known, database.update(known, [lease], Idempotency.lease == known.lease)


def finish(database: Database, item: Idempotency, status: int, answer: str | None) -> None:
    """Keeps the answer for those who ask again; None where it holds a secret and is worked out anew each time."""
    actions: list[Action] = [Idempotency.status.set(status)]
    if answer is not None:
        actions.append(Idempotency.answer.set(zlib.compress(answer.encode())))
    database.update(item, actions, Idempotency.lease == item.lease)


def abandon(database: Database, item: Idempotency) -> None:
    """Ends the lease of a try that failed, so that the next one need not wait for its end."""
    database.update(item, [Idempotency.lease.set(item.birth)], Idempotency.lease == item.lease)


def finished(item: Idempotency) -> bool:
    """Whether the request has its answer."""
    status: int | None = item.status
    return status is not None


def answer(item: Idempotency) -> str | None:
    """The answer that was kept."""
    return zlib.decompress(item.answer).decode() if item.answer else None


def _replaced(database: Database, item: Idempotency, known: Idempotency) -> bool:
    writes = Writes()
    writes.put(item, Idempotency.lease == known.lease)
    try:
        database.commit(writes)
    except Refused:
        return False
    return True

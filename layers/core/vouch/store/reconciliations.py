"""Reconciliations: how far a connection is in step with its platform, and what each look at it brought."""

from datetime import datetime, timedelta

from vouch.domain import times
from vouch.store.database import Database, Writes
from vouch.store.tables import Pulled, Reconciliation

PREFIX = "rec_"
KEPT = timedelta(days=90)
ORDERS_SHOWN = 100
_MARK = "MARK"


def mark(database: Database, brand_id: str, connection_id: str) -> Pulled:
    """How far the connection is; version 0 where nobody ever looked."""
    pk = _partition(brand_id, connection_id)
    return database.get(Pulled, pk, _MARK) or Pulled(pk, _MARK, version=0)


def new(
    brand_id: str, connection_id: str, reconciliation_id: str, *, since: datetime, until: datetime, now: datetime
) -> Reconciliation:
    """One that is not stored yet, and has seen nothing."""
    return Reconciliation(
        _partition(brand_id, connection_id),
        reconciliation_id,
        id=reconciliation_id,
        connection_id=connection_id,
        status="running",
        since=times.text(since),
        until=times.text(until),
        looked_at=0,
        healed=0,
        unreadable=0,
        counted=[],
        orders=[],
        tries=0,
        created_at=times.text(now),
        moved_at=times.text(now),
        version=1,
        expires_at=int((now + KEPT).timestamp()),
    )


def begun(item: Reconciliation, known: Pulled) -> Writes:
    """The transaction by which it is the one that is at work; refused where another has become that."""
    transaction = Writes()
    transaction.put_new(item)
    _note(transaction, known, until=known.until, running=item.id)
    return transaction


def moved(item: Reconciliation, known: Pulled | None) -> Writes:
    """The transaction by which it goes on as it now is; `known` is the mark that its end moves."""
    transaction, before = Writes(), item.version
    item.version = before + 1
    transaction.put(item, Reconciliation.version == before)
    if known is not None:
        _note(transaction, known, until=max(known.until or "", item.until), running=None)
    return transaction


def found(database: Database, brand_id: str, connection_id: str, reconciliation_id: str) -> Reconciliation | None:
    """One of the connection's, until it expires."""
    return database.get(Reconciliation, _partition(brand_id, connection_id), reconciliation_id)


def newest(
    database: Database, brand_id: str, connection_id: str, *, limit: int, before: str | None
) -> list[Reconciliation]:
    """The connection's, the newest first, at most `limit`, from behind that one."""
    # Both bounds of a range lie within it: hence one more, which is left out.
    within = Reconciliation.sk.between(PREFIX, before or f"{PREFIX}~")
    wanted = limit + 1 if before else limit
    page = database.query(Reconciliation, _partition(brand_id, connection_id), within, newest_first=True, limit=wanted)
    return [item for item in page if item.id != before][:limit]


def _note(transaction: Writes, known: Pulled, *, until: str | None, running: str | None) -> None:
    item = Pulled(known.pk, known.sk, until=until, running=running, version=known.version + 1)
    transaction.put(item, Pulled.version == known.version if known.version else Pulled.pk.does_not_exist())


def _partition(brand_id: str, connection_id: str) -> str:
    return f"{brand_id}#PULL#{connection_id}"

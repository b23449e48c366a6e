"""Platforms that did not answer: until when each is left alone."""

from datetime import datetime, timedelta

from vouch.domain import times
from vouch.store.database import Database
from vouch.store.tables import Away

_KEPT = timedelta(days=1)


def of(database: Database, brand_id: str, connection_id: str) -> Away | None:
    """What is known of the platform behind a connection; None where it answered."""
    return database.get(Away, _partition(brand_id, connection_id), "A")


def begin(database: Database, brand_id: str, connection_id: str, until: datetime) -> None:
    """It did not answer, for the first time; whoever else noted that was first."""
    database.put_new(_item(_partition(brand_id, connection_id), until, 1))


def goes_on(database: Database, known: Away, until: datetime, tries: int) -> bool:
    """Whether nobody else has changed what was known, so that this is what is known now."""
    before = Away.until == known.until
    return database.put(_item(known.pk, until, tries), before)


def end(database: Database, known: Away) -> None:
    """It answers."""
    database.delete(Away(known.pk, known.sk))


def _partition(brand_id: str, connection_id: str) -> str:
    return f"{brand_id}#AWAY#{connection_id}"


def _item(pk: str, until: datetime, tries: int) -> Away:
    return Away(pk, "A", until=times.text(until), tries=tries, expires_at=int((until + _KEPT).timestamp()))

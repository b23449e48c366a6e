"""What tells jobs where to look; money never rests on it.

Due days: which creators have entries that mature on which day, kept by the ledger's stream for the daily fold. One
partition per brand, sorted by day, so that a day that was missed, or whose row came late, is simply still there.
"""

from collections.abc import Iterator
from datetime import date, datetime

from vouch.domain import times
from vouch.store.database import Database
from vouch.store.tables import Due, Passed

_PASSED = ("SECOND_PASS", "P")


def put_due(database: Database, brand_id: str, day: date, creator_id: str, mark: str) -> None:
    """Notes the creator for that day, again if need be: `mark` says that this is another time."""
    database.put(Due(_partition(brand_id), f"{day.isoformat()}#{creator_id}", mark=mark))


def due(database: Database, brand_id: str, until: date, after: str = "") -> Iterator[tuple[str, Due]]:
    """The creators noted for days up to `until`, and the rows that say so, those behind the row `after`."""
    rows = database.query(Due, _partition(brand_id), Due.sk.between(f"{after}!", f"{until.isoformat()}$"))
    return ((row.sk.partition("#")[2], row) for row in rows)


def day_of(row: Due) -> date:
    """The day that the row is about."""
    return date.fromisoformat(row.sk.partition("#")[0])


def done(database: Database, row: Due) -> None:
    """Removes the row, unless it was put again since it was read: then there is something new to fold."""
    database.delete(row, Due.mark == row.mark)


def passed(database: Database) -> datetime | None:
    """The last hour that the second pass has done; None before its first."""
    known = database.get(Passed, *_PASSED)
    return None if known is None else times.parse(known.hour)


def put_passed(database: Database, hour: datetime) -> None:
    """That hour is done; a run that was overtaken notes nothing."""
    said = times.text(hour)
    database.put(Passed(*_PASSED, hour=said), Passed.hour.does_not_exist() | (Passed.hour < said))


def _partition(brand_id: str) -> str:
    return f"{brand_id}#DUE"

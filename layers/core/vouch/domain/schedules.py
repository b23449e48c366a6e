"""Schedules: on a weekday of each week, or a day of each month, at a full hour where the brand is at home.

Where clocks go forward over that hour, the moment is as much later as they skip; where an hour comes twice, it is the
first. So every week or month has exactly one.
"""

from calendar import monthrange
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal, get_args
from zoneinfo import ZoneInfo

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)
HOUR = 9
"""At which a schedule that names none is due."""
_WEEK = 7
_YEAR = 12


@dataclass(frozen=True, slots=True)
class Weekly:
    """Each week on that weekday."""

    weekday: Weekday
    hour: int = HOUR


@dataclass(frozen=True, slots=True)
class Monthly:
    """Each month on that day, 1 to 31; the last one where the month is shorter."""

    day: int
    hour: int = HOUR


Schedule = Weekly | Monthly


def from_plain(plain: Mapping[str, Any]) -> Schedule:
    """The schedule that an object of the API's shape says; the shape was checked at the door."""
    if plain["period"] == "week":
        return Weekly(plain["weekday"], plain["hour"])
    return Monthly(plain["day"], plain["hour"])


def last_due(schedule: Schedule, zone: str, begins: datetime, now: datetime) -> datetime | None:
    """The latest due moment after `begins` and not after `now`, in UTC; None where there is none."""
    due = max(moment for moment in _around(schedule, zone, now) if moment <= now)
    return due if due > begins else None


def next_due(schedule: Schedule, zone: str, now: datetime) -> datetime:
    """The first due moment after `now`, in UTC."""
    return min(moment for moment in _around(schedule, zone, now) if moment > now)


def _around(schedule: Schedule, zone: str, now: datetime) -> Iterator[datetime]:
    """The due moments of the period that `now` lies in, of the one before it and of the one after it."""
    at, place = time(schedule.hour), ZoneInfo(zone)
    today = now.astimezone(place).date()
    for number in (-1, 0, 1):
        day = _of_week(schedule, today, number) if isinstance(schedule, Weekly) else _of_month(schedule, today, number)
        # An hour that does not exist is read with the offset before the gap, one that comes twice as the first.
        yield datetime.combine(day, at, place).astimezone(UTC)


def _of_week(schedule: Weekly, today: date, number: int) -> date:
    monday = today - timedelta(days=today.weekday())
    return monday + timedelta(days=WEEKDAYS.index(schedule.weekday) + _WEEK * number)


def _of_month(schedule: Monthly, today: date, number: int) -> date:
    years, month_before = divmod(today.month - 1 + number, _YEAR)
    year, month = today.year + years, month_before + 1
    return date(year, month, min(schedule.day, monthrange(year, month)[1]))

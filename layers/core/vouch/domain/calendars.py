"""Months, quarters and years as people count them: from midnight to midnight where the program is at home."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from zoneinfo import ZoneInfo

Period = Literal["month", "quarter", "year", "lifetime"]
"""What orders may be counted by; every one is made of whole months."""

_MONTHS = {"month": 1, "quarter": 3, "year": 12}
_YEAR = 12


@dataclass(frozen=True, slots=True)
class Span:
    """One period: its name (`2026-05`, `2026-Q2`, `2026`, `lifetime`) and, in UTC, where it begins and ends."""

    name: str
    begins: datetime
    ends: datetime


def month(at: datetime, zone: str) -> str:
    """The month in which that moment falls there, as `2026-05`."""
    return f"{at.astimezone(ZoneInfo(zone)):%Y-%m}"


def name(period: Period, month: str) -> str:
    """The period that a month belongs to."""
    year, _, number = month.partition("-")
    match period:
        case "month":
            return month
        case "quarter":
            return f"{year}-Q{(int(number) + 2) // 3}"
        case "year":
            return year
        case "lifetime":
            return period


def span(period: Period, at: datetime, zone: str) -> Span:
    """The period that holds that moment; a lifetime has no bounds, and raises KeyError."""
    local = at.astimezone(ZoneInfo(zone))
    length = _MONTHS[period]
    year = datetime(local.year, 1, 1, tzinfo=ZoneInfo(zone))
    begins = months_later(year, (local.month - 1) // length * length, zone)
    return Span(name(period, month(at, zone)), begins, months_later(begins, length, zone))


def months_later(at: datetime, months: int, zone: str) -> datetime:
    """The same day and time there so many months later, in UTC; the month's last day where it is too short."""
    local = at.astimezone(ZoneInfo(zone))
    years, month_before = divmod(local.month - 1 + months, _YEAR)
    year, number = local.year + years, month_before + 1
    day = min(local.day, monthrange(year, number)[1])
    return local.replace(year=year, month=number, day=day).astimezone(UTC)

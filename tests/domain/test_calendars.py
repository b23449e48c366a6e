"""Calendars: periods are whole months from midnight to midnight, where the program is at home."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vouch.domain import calendars
from vouch.domain.calendars import Period, Span

ZONES = ["UTC", "Asia/Jerusalem", "America/Los_Angeles", "Asia/Kathmandu", "Pacific/Kiritimati"]
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
PERIODS = st.sampled_from(["month", "quarter", "year"])


@pytest.mark.parametrize(
    "at, zone, month",
    [
        ("2026-04-30T20:59:59+00:00", "Asia/Jerusalem", "2026-04"),
        ("2026-04-30T21:00:00+00:00", "Asia/Jerusalem", "2026-05"),
        ("2026-05-01T06:59:59+00:00", "America/Los_Angeles", "2026-04"),
        ("2025-12-31T23:59:59+00:00", "UTC", "2025-12"),
        ("2026-01-01T00:00:00+00:00", "UTC", "2026-01"),
    ],
)
def test_a_month_is_the_one_of_the_place(at: str, zone: str, month: str) -> None:
    assert calendars.month(datetime.fromisoformat(at), zone) == month


@pytest.mark.parametrize(
    "month, names",
    [
        ("2026-01", ("2026-01", "2026-Q1", "2026", "lifetime")),
        ("2026-03", ("2026-03", "2026-Q1", "2026", "lifetime")),
        ("2026-04", ("2026-04", "2026-Q2", "2026", "lifetime")),
        ("2026-09", ("2026-09", "2026-Q3", "2026", "lifetime")),
        ("2025-12", ("2025-12", "2025-Q4", "2025", "lifetime")),
    ],
)
def test_a_month_belongs_to_a_quarter_a_year_and_a_life(month: str, names: tuple[str, ...]) -> None:
    periods: list[Period] = ["month", "quarter", "year", "lifetime"]
    assert tuple(calendars.name(period, month) for period in periods) == names


@pytest.mark.parametrize(
    "period, at, zone, span",
    [
        ("month", "2026-05-04T12:00", "UTC", ("2026-05", "2026-05-01T00:00", "2026-06-01T00:00")),
        ("month", "2026-12-04T12:00", "UTC", ("2026-12", "2026-12-01T00:00", "2027-01-01T00:00")),
        # Summer time begins there on 27 March, in the middle of the month.
        ("month", "2026-03-31T12:00", "Asia/Jerusalem", ("2026-03", "2026-02-28T22:00", "2026-03-31T21:00")),
        ("month", "2026-04-30T21:00", "Asia/Jerusalem", ("2026-05", "2026-04-30T21:00", "2026-05-31T21:00")),
        ("quarter", "2026-05-04T12:00", "UTC", ("2026-Q2", "2026-04-01T00:00", "2026-07-01T00:00")),
        ("quarter", "2026-12-31T23:59", "UTC", ("2026-Q4", "2026-10-01T00:00", "2027-01-01T00:00")),
        ("quarter", "2026-01-01T07:59", "America/Los_Angeles", ("2025-Q4", "2025-10-01T07:00", "2026-01-01T08:00")),
        ("year", "2026-05-04T12:00", "Asia/Jerusalem", ("2026", "2025-12-31T22:00", "2026-12-31T22:00")),
    ],
)
def test_a_period_goes_from_midnight_to_midnight_there(
    period: Period, at: str, zone: str, span: tuple[str, str, str]
) -> None:
    name, begins, ends = span
    found = calendars.span(period, datetime.fromisoformat(f"{at}+00:00"), zone)
    assert found == Span(name, datetime.fromisoformat(f"{begins}+00:00"), datetime.fromisoformat(f"{ends}+00:00"))
    assert {found.begins.tzinfo, found.ends.tzinfo} == {UTC}


def test_a_lifetime_has_no_bounds() -> None:
    with pytest.raises(KeyError, match="lifetime"):
        calendars.span("lifetime", datetime(2026, 5, 4, tzinfo=UTC), "UTC")


@given(PERIODS, MOMENTS, st.sampled_from(ZONES))
def test_periods_follow_one_another_without_gap(period: Period, at: datetime, zone: str) -> None:
    held = calendars.span(period, at, zone)
    assert held.begins <= at < held.ends
    assert calendars.span(period, held.begins, zone) == held
    assert calendars.span(period, held.ends, zone).begins == held.ends
    assert held.name == calendars.name(period, calendars.month(at, zone))
    midnight = held.begins.astimezone(ZoneInfo(zone))
    assert (midnight.day, midnight.hour, midnight.minute) == (1, 0, 0)


@pytest.mark.parametrize(
    "at, months, later",
    [
        ("2026-05-04T12:30", 1, "2026-06-04T12:30"),
        ("2026-05-04T12:30", 0, "2026-05-04T12:30"),
        ("2026-05-04T12:30", 8, "2027-01-04T12:30"),
        ("2026-05-04T12:30", 7, "2026-12-04T12:30"),
        ("2026-05-04T12:30", 24, "2028-05-04T12:30"),
        ("2026-01-31T12:30", 1, "2026-02-28T12:30"),
        ("2028-01-31T12:30", 1, "2028-02-29T12:30"),
        ("2026-10-31T12:30", 1, "2026-11-30T12:30"),
        ("2028-02-29T12:30", 12, "2029-02-28T12:30"),
    ],
)
def test_some_months_later_is_the_same_day_or_the_months_last(at: str, months: int, later: str) -> None:
    found = calendars.months_later(datetime.fromisoformat(f"{at}+00:00"), months, "UTC")
    assert found == datetime.fromisoformat(f"{later}+00:00")


@pytest.mark.parametrize(
    "at, zone, months, later",
    [
        # 1 March, half past midnight, there; on 1 April it is summer.
        ("2026-02-28T22:30", "Asia/Jerusalem", 1, "2026-03-31T21:30"),
        ("2026-02-28T22:30", "Asia/Jerusalem", 12, "2027-02-28T22:30"),
        ("2026-02-28T22:30", "UTC", 1, "2026-03-28T22:30"),
        ("2026-05-01T06:30", "America/Los_Angeles", 1, "2026-05-31T06:30"),
        ("2026-09-30T21:30", "Asia/Jerusalem", 1, "2026-10-31T22:30"),
        # The last day of a short month is the one there.
        ("2026-01-30T22:30", "Asia/Jerusalem", 1, "2026-02-27T22:30"),
        # Half past two does not come on the day on which summer begins; half past one comes twice when it ends.
        ("2026-02-27T00:30", "Asia/Jerusalem", 1, "2026-03-27T00:30"),
        ("2026-09-24T22:30", "Asia/Jerusalem", 1, "2026-10-24T22:30"),
    ],
)
def test_months_are_counted_by_the_days_of_the_place(at: str, zone: str, months: int, later: str) -> None:
    found = calendars.months_later(datetime.fromisoformat(f"{at}+00:00"), months, zone)
    assert (found, found.tzinfo) == (datetime.fromisoformat(f"{later}+00:00"), UTC)

"""Schedules: one moment in each week or month, as the clocks on the wall there show it."""

from calendar import monthrange
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vouch.domain import schedules
from vouch.domain.schedules import WEEKDAYS, Monthly, Schedule, Weekly

NEW_YORK, JERUSALEM, APIA, LORD_HOWE = "America/New_York", "Asia/Jerusalem", "Pacific/Apia", "Australia/Lord_Howe"
ZONES = st.sampled_from(["UTC", JERUSALEM, NEW_YORK, "Asia/Kathmandu", "Pacific/Kiritimati", APIA, LORD_HOWE])
HOURS = st.integers(0, 23)
SCHEDULES: st.SearchStrategy[Schedule] = st.one_of(
    st.builds(Weekly, st.sampled_from(WEEKDAYS), HOURS), st.builds(Monthly, st.integers(1, 31), HOURS)
)
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
EVER = datetime(1970, 1, 1, tzinfo=UTC)
INSTANT = timedelta(microseconds=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+00:00")


@pytest.mark.parametrize(
    "schedule, zone, now, last, following",
    [
        # 4 May 2026 is a Monday.
        (Weekly("monday"), "UTC", "2026-05-04T08:59:59", "2026-04-27T09:00", "2026-05-04T09:00"),
        (Weekly("monday"), "UTC", "2026-05-04T09:00:00", "2026-05-04T09:00", "2026-05-11T09:00"),
        (Weekly("sunday", 0), "UTC", "2026-05-04T12:00:00", "2026-05-03T00:00", "2026-05-10T00:00"),
        (Weekly("tuesday", 23), "UTC", "2026-05-04T12:00:00", "2026-04-28T23:00", "2026-05-05T23:00"),
        # It is Tuesday there already, or still Sunday.
        (Weekly("tuesday", 1), "Pacific/Kiritimati", "2026-05-04T12:00:00", "2026-05-04T11:00", "2026-05-11T11:00"),
        (Weekly("sunday", 22), NEW_YORK, "2026-05-04T02:00:00", "2026-05-04T02:00", "2026-05-11T02:00"),
        (Weekly("monday", 0), "Pacific/Pago_Pago", "2026-05-04T10:59:00", "2026-04-27T11:00", "2026-05-04T11:00"),
        (Monthly(1), JERUSALEM, "2026-05-04T12:00:00", "2026-05-01T06:00", "2026-06-01T06:00"),
        (Monthly(15), JERUSALEM, "2026-01-04T12:00:00", "2025-12-15T07:00", "2026-01-15T07:00"),
        (Monthly(15), JERUSALEM, "2026-12-16T12:00:00", "2026-12-15T07:00", "2027-01-15T07:00"),
        # The last day of a shorter month, and the 31st again after it.
        (Monthly(31), "UTC", "2026-02-28T09:00:00", "2026-02-28T09:00", "2026-03-31T09:00"),
        (Monthly(31), "UTC", "2026-04-30T08:00:00", "2026-03-31T09:00", "2026-04-30T09:00"),
        (Monthly(30), "UTC", "2028-03-01T00:00:00", "2028-02-29T09:00", "2028-03-30T09:00"),
        (Monthly(29), "UTC", "2026-03-01T00:00:00", "2026-02-28T09:00", "2026-03-29T09:00"),
    ],
)
def test_a_schedule_is_due_as_the_calendar_there_says(
    schedule: Schedule, zone: str, now: str, last: str, following: str
) -> None:
    assert schedules.last_due(schedule, zone, EVER, at(now)) == at(last)
    assert schedules.next_due(schedule, zone, at(now)) == at(following)


@pytest.mark.parametrize(
    "schedule, zone, due",
    [
        # On Sunday 8 March 2026 New York goes from 2:00 to 3:00, on 1 November from 2:00 back to 1:00.
        (Weekly("sunday", 1), NEW_YORK, ["2026-03-01T06:00", "2026-03-08T06:00", "2026-03-15T05:00"]),
        (Weekly("sunday", 2), NEW_YORK, ["2026-03-01T07:00", "2026-03-08T07:00", "2026-03-15T06:00"]),
        (Weekly("sunday", 3), NEW_YORK, ["2026-03-01T08:00", "2026-03-08T07:00", "2026-03-15T07:00"]),
        (Weekly("sunday", 1), NEW_YORK, ["2026-10-25T05:00", "2026-11-01T05:00", "2026-11-08T06:00"]),
        (Monthly(1, 1), NEW_YORK, ["2026-10-01T05:00", "2026-11-01T05:00", "2026-12-01T06:00"]),
        # On Friday 27 March 2026 Jerusalem goes from 2:00 to 3:00.
        (Weekly("friday", 2), JERUSALEM, ["2026-03-20T00:00", "2026-03-27T00:00", "2026-04-02T23:00"]),
        (Monthly(27, 9), JERUSALEM, ["2026-02-27T07:00", "2026-03-27T06:00", "2026-04-27T06:00"]),
        # Lord Howe goes by half an hour: on 4 October 2026 from 2:00 to 2:30.
        (Weekly("sunday", 2), LORD_HOWE, ["2026-09-26T15:30", "2026-10-03T15:30", "2026-10-10T15:00"]),
        # Apia had no 30 December in 2011: that Friday is on its Saturday.
        (Weekly("friday", 9), APIA, ["2011-12-23T19:00", "2011-12-30T19:00", "2012-01-05T19:00"]),
        (Monthly(30, 9), APIA, ["2011-11-30T19:00", "2011-12-30T19:00", "2012-01-29T19:00"]),
    ],
)
def test_hours_that_are_skipped_or_come_twice_are_due_once(schedule: Schedule, zone: str, due: list[str]) -> None:
    moments = [at(each) for each in due]
    assert [schedules.next_due(schedule, zone, moment - INSTANT) for moment in moments] == moments
    assert [schedules.next_due(schedule, zone, moment) for moment in moments[:-1]] == moments[1:]
    for before, moment in zip([None, *moments], moments, strict=False):
        assert schedules.last_due(schedule, zone, EVER, moment) == moment
        assert before in {None, schedules.last_due(schedule, zone, EVER, moment - INSTANT)}


def test_what_was_due_before_a_schedule_began_is_not_due() -> None:
    noon = at("2026-05-04T12:00")
    for begins, due in [
        ("2026-05-01T08:59:59", at("2026-05-01T09:00")),
        ("2026-05-01T09:00:00", None),
        ("2026-05-04T12:00:00", None),
        ("2026-05-05T12:00:00", None),
    ]:
        assert schedules.last_due(Monthly(1), "UTC", at(begins), noon) == due


def test_of_several_that_were_missed_the_latest_is_due() -> None:
    assert schedules.last_due(Weekly("friday"), "UTC", at("2026-01-01T00:00"), at("2026-05-04T12:00")) == at(
        "2026-05-01T09:00"
    )


@given(SCHEDULES, ZONES, MOMENTS)
def test_due_moments_follow_one_another_without_gap(schedule: Schedule, zone: str, now: datetime) -> None:
    last, following = schedules.last_due(schedule, zone, EVER, now), schedules.next_due(schedule, zone, now)
    assert last is not None
    assert last <= now < following
    assert (last.tzinfo, following.tzinfo) == (UTC, UTC)
    assert schedules.next_due(schedule, zone, last) == following
    assert schedules.last_due(schedule, zone, EVER, following - INSTANT) == last
    assert schedules.last_due(schedule, zone, last, following - INSTANT) is None
    assert schedules.last_due(schedule, zone, last - INSTANT, now) == last


@given(SCHEDULES, ZONES, MOMENTS)
def test_a_due_moment_is_what_the_schedule_says_wherever_that_hour_exists(
    schedule: Schedule, zone: str, now: datetime
) -> None:
    shown = schedules.next_due(schedule, zone, now).astimezone(ZoneInfo(zone))
    if isinstance(schedule, Weekly):
        intended = WEEKDAYS.index(schedule.weekday) == shown.weekday()
    else:
        intended = shown.day == min(schedule.day, monthrange(shown.year, shown.month)[1])
    as_said = (intended, shown.hour, shown.minute, shown.fold) == (True, schedule.hour, 0, 0)
    named = shown.replace(hour=schedule.hour, minute=0, fold=0)
    is_skipped = named.astimezone(UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None) != named.replace(tzinfo=None)
    assert as_said or is_skipped or zone == APIA


@given(SCHEDULES, ZONES, MOMENTS)
def test_from_one_to_the_next_is_a_week_or_a_month(schedule: Schedule, zone: str, now: datetime) -> None:
    first = schedules.next_due(schedule, zone, now)
    days = (schedules.next_due(schedule, zone, first) - first) / timedelta(days=1)
    least, most = (7, 7) if isinstance(schedule, Weekly) else (28, 31)
    assert least - 1.1 < days < most + 1.1


@pytest.mark.parametrize(
    "plain, schedule",
    [
        ({"period": "week", "weekday": "friday", "hour": 0}, Weekly("friday", 0)),
        ({"period": "month", "day": 31, "hour": 9}, Monthly(31)),
    ],
)
def test_a_schedule_is_read_as_the_api_writes_it(plain: dict[str, object], schedule: Schedule) -> None:
    assert schedules.from_plain(plain) == schedule

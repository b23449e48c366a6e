"""Moments: one per text, one text per moment, sorted alike."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vouch.domain import times

OFFSETS = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(datetime(1971, 1, 1), datetime(8998, 12, 31), timezones=OFFSETS)  # noqa: DTZ001 - the strategy's way
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "text, moment",
    [
        ("2026-05-04T12:00:00Z", NOON),
        ("2026-05-04T15:00:00+03:00", NOON),
        ("2026-05-04T15:00:00+0300", NOON),
        ("2026-05-04 12:00:00+00:00", NOON),
        ("2026-05-04T07:00:00-05:00", NOON),
        ("2026-05-04T12:00:00-00:00", NOON),
        ("2026-05-04T12:00:00.5Z", NOON + timedelta(milliseconds=500)),
        ("2026-05-04T12:00:00.123456999Z", NOON + timedelta(microseconds=123_456)),
        ("1970-01-01T00:00:00Z", times.EPOCH),
        ("2024-02-29T00:00:00Z", datetime(2024, 2, 29, tzinfo=UTC)),
    ],
)
def test_a_text_names_a_moment_in_utc(text: str, moment: datetime) -> None:
    parsed = times.parse(text)
    assert parsed == moment
    assert parsed.tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-05-04",
        "2026-05-04T12:00:00",
        "2026-02-29T12:00:00Z",
        "2026-05-04T25:00:00Z",
        "2026-05-04T12:00:60Z",
        "1969-12-31T23:59:59Z",
        "1970-01-01T00:59:00+01:00",
        "0001-01-01T00:00:00+10:00",
        "9000-01-01T00:00:00Z",
        "9999-12-31T23:59:59-10:00",
        "1777896000",
    ],
)
def test_what_names_no_moment_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - half of the words are Python's
        times.parse(text)


@given(MOMENTS, MOMENTS)
def test_texts_sort_as_moments_do(one: datetime, other: datetime) -> None:
    assert (times.text(one) < times.text(other)) == (one < other)
    assert len(times.text(one)) == 27


@given(MOMENTS)
def test_a_moment_is_read_back_as_it_was_written(moment: datetime) -> None:
    assert times.parse(times.text(moment)) == moment
    assert times.parse(times.short(moment)) == moment


@pytest.mark.parametrize("year, is_said", [(1969, False), (1970, True), (2149, True), (2150, False), (8999, False)])
def test_nobody_outside_names_a_moment_with_which_sums_would_end(*, year: int, is_said: bool) -> None:
    text = f"{year}-06-01T12:00:00Z"
    if is_said:
        assert times.said(text) == times.parse(text)
    else:
        with pytest.raises(ValueError, match=f"^year out of range in '{text}'$"):
            times.said(text)


def test_what_names_no_moment_is_named() -> None:
    with pytest.raises(ValueError, match=r"^no offset in '2026-05-04T12:00:00'$"):
        times.parse("2026-05-04T12:00:00")
    with pytest.raises(ValueError, match=r"^year out of range in '9000-01-01T00:00:00Z'$"):
        times.parse("9000-01-01T00:00:00Z")
    with pytest.raises(ValueError, match=r"^year out of range in '0001-01-01T00:00:00"):
        times.parse("0001-01-01T00:00:00+01:00")


def test_a_second_is_the_one_that_a_moment_lies_in() -> None:
    assert times.floor_second(NOON + timedelta(microseconds=999_999)) == NOON
    assert times.floor_second(NOON) == NOON


def test_people_see_no_fraction_where_there_is_none() -> None:
    assert times.short(NOON) == "2026-05-04T12:00:00Z"
    assert times.short(NOON + timedelta(microseconds=1)) == "2026-05-04T12:00:00.000001Z"


@given(MOMENTS)
def test_hours_are_the_full_utc_hours_around_a_moment(moment: datetime) -> None:
    floor, ceil = times.floor_hour(moment), times.ceil_hour(moment)
    assert floor <= moment <= ceil
    assert ceil - floor == (timedelta() if floor == moment else timedelta(hours=1))
    assert {floor.minute, floor.second, floor.microsecond, ceil.minute, ceil.second, ceil.microsecond} == {0}


def test_a_full_hour_is_its_own_ceiling() -> None:
    assert times.ceil_hour(NOON) == NOON
    assert times.ceil_hour(NOON + timedelta(microseconds=1)) == NOON + timedelta(hours=1)


def test_an_hour_is_utcs_where_the_offset_is_a_half() -> None:
    kolkata = timezone(timedelta(hours=5, minutes=30))
    assert times.floor_hour(datetime(2026, 5, 4, 18, 0, tzinfo=kolkata)) == NOON

"""Dated periods: what has passed stays as it was."""

from vouch.domain import periods, times

MONDAY, TUESDAY, FRIDAY = "2026-05-04T00:00:00.000000Z", "2026-05-05T00:00:00.000000Z", "2026-05-08T00:00:00.000000Z"


def test_opening_begins_a_period_and_closing_ends_it() -> None:
    opened = periods.opened([], MONDAY)
    assert opened == [[MONDAY, None]]
    assert periods.is_open(opened)
    closed = periods.closed(opened, TUESDAY)
    assert closed == [[MONDAY, TUESDAY]]
    assert not periods.is_open(closed)
    assert periods.opened(closed, FRIDAY) == [[MONDAY, TUESDAY], [FRIDAY, None]]
    assert periods.opened(closed, MONDAY) == [[MONDAY, TUESDAY], [TUESDAY, None]]


def test_what_is_open_is_not_opened_again_nor_what_is_closed_closed() -> None:
    assert periods.opened([[MONDAY, None]], TUESDAY) == [[MONDAY, None]]
    assert periods.closed([[MONDAY, TUESDAY]], FRIDAY) == [[MONDAY, TUESDAY]]
    assert periods.closed([], FRIDAY) == []


def test_a_period_without_beginning_can_end() -> None:
    assert periods.closed([[None, None]], MONDAY) == [[None, MONDAY]]


def test_an_end_that_lies_ahead_can_come_nearer_and_everything_behind_it_goes() -> None:
    assert periods.closed([[None, FRIDAY]], TUESDAY) == [[None, TUESDAY]]
    assert periods.closed([[MONDAY, FRIDAY], [FRIDAY, None]], FRIDAY) == [[MONDAY, FRIDAY]]
    assert periods.closed([[MONDAY, FRIDAY], [FRIDAY, None]], TUESDAY) == [[MONDAY, TUESDAY]]


def test_a_period_that_had_not_begun_leaves_no_trace() -> None:
    assert periods.closed([[MONDAY, TUESDAY], [FRIDAY, None]], TUESDAY) == [[MONDAY, TUESDAY]]
    assert periods.closed([[FRIDAY, None]], FRIDAY) == []


def test_a_period_holds_its_beginning_and_not_its_end() -> None:
    week: list[periods.Period] = [[MONDAY, TUESDAY], [FRIDAY, None]]
    assert [periods.any_covers(week, times.parse(day)) for day in (MONDAY, TUESDAY, FRIDAY)] == [True, False, True]
    assert periods.covers([None, MONDAY], times.parse(MONDAY) - times.parse(MONDAY).resolution)
    assert not periods.covers([None, MONDAY], times.parse(MONDAY))
    assert not periods.any_covers([], times.parse(MONDAY))

"""Volumes: which period counts for an order, and what it came to."""

from datetime import datetime

import pytest

from vouch.domain import volumes
from vouch.domain.calendars import Period
from vouch.domain.terms import VolumeMeasure
from vouch.domain.volumes import Part


@pytest.mark.parametrize(
    "period, placed_at, zone, counts",
    [
        ("month", "2026-05-02T00:00:00+00:00", "UTC", "2026-04"),
        ("month", "2026-05-01T23:59:59+00:00", "UTC", "2026-03"),
        ("month", "2026-05-01T00:00:00+00:00", "UTC", "2026-03"),
        ("month", "2026-04-30T23:59:59+00:00", "UTC", "2026-03"),
        ("month", "2026-05-01T21:00:00+00:00", "Asia/Jerusalem", "2026-04"),
        ("month", "2026-05-01T20:59:59+00:00", "Asia/Jerusalem", "2026-03"),
        ("quarter", "2026-04-02T00:00:00+00:00", "UTC", "2026-Q1"),
        ("quarter", "2026-04-01T12:00:00+00:00", "UTC", "2025-Q4"),
        ("year", "2026-01-02T00:00:00+00:00", "UTC", "2025"),
        ("year", "2026-01-01T12:00:00+00:00", "UTC", "2024"),
    ],
)
def test_a_periods_volume_counts_from_a_day_after_it_ended(
    period: Period, placed_at: str, zone: str, counts: str
) -> None:
    assert volumes.counting(period, datetime.fromisoformat(placed_at), zone).name == counts


def test_the_period_before_ends_where_this_one_begins() -> None:
    before = volumes.before("month", datetime.fromisoformat("2026-05-01T00:00:00+00:00"), "UTC")
    assert (before.name, before.ends) == ("2026-04", datetime.fromisoformat("2026-05-01T00:00:00+00:00"))


@pytest.mark.parametrize("measure, volume", [("orders", 4), ("commission", 302), ("revenue", 4_002)])
def test_a_volume_is_of_the_sales_that_earn(measure: VolumeMeasure, volume: int) -> None:
    """What earns nothing any more, or is of no revenue, counts nowhere, and other currencies add up with none."""
    parts = [Part(300, 3_000), Part(1, 1_001), Part(1, 1), Part(0, 500), Part(50, 0), Part(70, 700, foreign=True)]
    assert volumes.volume(measure, parts) == volume
    assert volumes.volume(measure, []) == 0

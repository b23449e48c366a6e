"""Moments: aware UTC datetimes inside, one sortable text of fixed width in keys and facts."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
END = datetime(2150, 1, 1, tzinfo=UTC)
"""Behind every moment that anybody outside may name."""
_YEARS = range(1970, 9000)
_YEARS_SAID = range(1970, END.year)


def parse(text: str) -> datetime:
    """The moment that an RFC 3339 text names, in UTC.

    Digits beyond microseconds are cut. Raises ValueError where the offset is missing, since a local time
    without one names no moment, and for years no order or click can have.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"no offset in {text!r}")
    try:
        moment = moment.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"year out of range in {text!r}") from None
    if moment.year not in _YEARS:
        raise ValueError(f"year out of range in {text!r}")
    return moment


def said(text: str) -> datetime:
    """The moment that somebody outside names: `parse`, and no further ahead than sums with it can be written again."""
    moment = parse(text)
    if moment.year not in _YEARS_SAID:
        msg = f"year out of range in {text!r}"
        raise ValueError(msg)
    return moment


def text(moment: datetime) -> str:
    """`2026-05-04T15:15:31.104517Z`: always 27 characters in UTC, so that texts sort as moments do."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def short(moment: datetime) -> str:
    """The same moment as people write it: no fraction where there is none."""
    return text(moment).replace(".000000Z", "Z")


def floor_second(moment: datetime) -> datetime:
    """The full second that `moment` lies in: orders carry no less, so what begins now begins with it."""
    return moment.replace(microsecond=0)


def floor_hour(moment: datetime) -> datetime:
    """The full UTC hour that `moment` lies in."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def ceil_hour(moment: datetime) -> datetime:
    """The first full UTC hour that is not before `moment`."""
    floor = floor_hour(moment)
    return floor if floor == moment else floor + timedelta(hours=1)

"""Which hours the second pass takes: each of them once, however late it runs and however often it fails."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from vouch.deadlines import InTime
from vouch.domain import times
from vouch.service.deployment import Deployment
from vouch.store import figures, inbox

_HOUR = timedelta(hours=1)
_LAG = 2 * _HOUR
"""Until then an hour is the stream's own: most of what it brought is still on its way."""


def due(deployment: Deployment, *, in_time: InTime) -> Iterator[datetime]:
    """The hours behind the last one that was passed, while `in_time`; the hour before last where none ever was.

    Who asks for the next hour is done with the one before, which is then noted.
    """
    database, now = deployment.database, times.floor_hour(deployment.now())
    last, passed = now - _LAG, figures.passed(database)
    hour = last if passed is None else max(passed + _HOUR, now - inbox.KEPT)
    while hour <= last:
        yield hour
        figures.put_passed(database, hour)
        if not in_time():
            return
        hour += _HOUR

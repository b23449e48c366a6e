"""Time that runs while threads are at work: fast, but never so fast that somebody would be in flight for too long."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from tests.fixtures import NOON

_SPEED = 240
_IN_FLIGHT_MOST = timedelta(minutes=14)
_STEP = timedelta(minutes=10)


class RunningClock:
    """Real time, 240 times as fast, which waits for whoever would else be in flight for more than 14 minutes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._start = time.monotonic()
        self._last = NOON
        self._in_flight: dict[int, datetime] = {}

    def __call__(self) -> datetime:
        with self._lock:
            return self._tick()

    def _tick(self) -> datetime:
        running = NOON + _SPEED * timedelta(seconds=time.monotonic() - self._start)
        allowed = [started + _IN_FLIGHT_MOST for started in self._in_flight.values()]
        self._last = max(self._last, min([running, *allowed]))
        return self._last

    @contextmanager
    def in_flight(self, brand_now: Callable[[datetime], datetime]) -> Iterator[datetime]:
        """While somebody posts what is dated by the brand's time at which they began, which this gives."""
        with self._lock:
            started = self._tick()
            now = brand_now(started)
            self._in_flight[threading.get_ident()] = started
        yield now
        with self._lock:
            del self._in_flight[threading.get_ident()]


def every_ten_minutes(real: datetime) -> datetime:
    """A test clock that somebody moves every ten minutes by a day, and that stands still in between."""
    return NOON + (real - NOON) // _STEP * timedelta(days=1)

"""A cache for what every request reads and hardly anything changes: short-lived, bounded, and one reader at a time."""

import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds to wait for the store: where there is another way, and where there is none."""

    other: float = 1.0
    only: float = 2.5


@dataclass(frozen=True, slots=True)
class _Entry[V]:
    value: V | None
    until: float
    renewed_at: float


class Cache[V]:
    """Values by key as `read` gives them; None is an absence, and remembered more briefly.

    When a value's time is over and `read` raises one of `failures`, or outlasts our patience, the old value serves on.
    Where there is none the failure is the caller's.
    """

    def __init__(
        self,
        read: Callable[[str], V | None],
        *,
        failures: tuple[type[Exception], ...],
        patience: Patience,
        seconds: float = 60,
        seconds_absent: float = 5,
        size: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read
        self._failures: tuple[type[Exception], ...] = (*failures, TimeoutError)
        self._patience = patience
        self._seconds = seconds
        self._seconds_absent = seconds_absent
        self._size = size
        self._clock = clock
        self._entries: dict[str, _Entry[V]] = {}
        self._worker = ThreadPoolExecutor(max_workers=1)
        # One for all keys: Lambda gives a process one request at a time, and hits do not come here.
        self._reading = Lock()

    def get(self, key: str) -> V | None:
        """The value, at most `seconds` old unless the store fails."""
        return self._current(key, lambda entry: entry.until)

    def renewed(self, key: str, *, every: float) -> V | None:
        """The value, read again however young it is, but for this at most once in `every` seconds."""
        return self._current(key, lambda entry: entry.renewed_at + every, renewing=True)

    def _current(self, key: str, end: Callable[[_Entry[V]], float], *, renewing: bool = False) -> V | None:
        entry = self._entries.get(key)
        if entry is None or self._clock() >= end(entry):
            with self._reading:
                entry = self._entries.get(key)
                if entry is None or self._clock() >= end(entry):
                    value, seconds = self._read_again(key, None if entry is None else entry.value)
                    now = self._clock()
                    earlier = -math.inf if entry is None else entry.renewed_at
                    entry = _Entry(value, now + seconds, now if renewing else earlier)
                    self._keep(key, entry)
        return entry.value

    def _read_again(self, key: str, old: V | None) -> tuple[V | None, float]:
        """The value and for how long it is good."""
        patience = self._patience.only if old is None else self._patience.other
        try:
            value = self._worker.submit(self._read, key).result(patience)
        except self._failures:
            if old is None:
                raise
            return old, self._seconds_absent
        return value, self._seconds_absent if value is None else self._seconds

    def _keep(self, key: str, entry: _Entry[V]) -> None:
        self._entries.pop(key, None)
        if len(self._entries) >= self._size:
            self._entries.pop(next(iter(self._entries)))
        self._entries[key] = entry

"""How long work may go on: who begins it says so, and it asks between its steps."""

import time
from collections.abc import Callable

InTime = Callable[[], bool]
"""Whether there is time for more."""


def within(seconds: float) -> InTime:
    """As long as so many seconds from now on are not over."""
    ends = time.monotonic() + seconds
    return lambda: time.monotonic() < ends

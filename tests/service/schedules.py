"""Every order in which the steps of several processes can follow one another, each on the code that really runs.

A step is what a process does up to its next access to something that orders share: a register, a marker, an order, a
message. A schedule is tried from its beginning; where a state has been met before, what follows is known.
"""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any

_PATIENCE = 60.0
Choice = str
State = tuple[Any, ...]


class _Over(BaseException):
    """The schedule is over, and the process with it."""


class Process:
    """A thread that does one step when told to; it begins by coming to its first access."""

    def __init__(self, work: Callable[[], None]) -> None:
        self.seen: list[str] = []
        """What it has read, and how far it has come: with that, all that it does is certain."""
        self.done = False
        self.failure: BaseException | None = None
        self._go, self._paused = threading.Semaphore(0), threading.Semaphore(0)
        self._over = False
        self._thread = threading.Thread(target=self._run, args=(work,), daemon=True)
        self._thread.start()
        self._await()

    def step(self) -> None:
        """Does what it is about to do, up to its next access."""
        self.seen.append("")
        self._go.release()
        self._await()

    def pause(self) -> None:
        """Called by the process itself, before an access."""
        self._paused.release()
        self._go.acquire()
        if self._over:
            raise _Over

    def end(self) -> None:
        """Whatever it was about to do, it does not."""
        self._over = True
        self._go.release()
        self._thread.join(_PATIENCE)

    def _await(self) -> None:
        assert self._paused.acquire(timeout=_PATIENCE), "a process neither goes on nor ends"

    def _run(self, work: Callable[[], None]) -> None:
        _here.process = self
        try:
            work()
        except _Over:
            return
        except Exception as failure:  # noqa: BLE001 - for whoever scheduled it
            self.failure = failure
        self.done = True
        self._paused.release()


def current() -> Process | None:
    """The process that runs, if it is one."""
    return getattr(_here, "process", None)


_here = threading.local()


class World(ABC):
    """What is scheduled; for each schedule a new one."""

    @abstractmethod
    def options(self) -> list[Choice]:
        """What can happen next; nothing at the end."""

    @abstractmethod
    def step(self, choice: Choice) -> None:
        """Lets that happen."""

    @abstractmethod
    def state(self) -> State:
        """All that what can follow hangs on."""

    @abstractmethod
    def close(self) -> None:
        """Ends what has not ended."""


def endings[W: World](begin: Callable[[], W], switches: int | None = None) -> Iterator[tuple[list[Choice], W]]:
    """Every state in which nothing is left to happen, with one schedule that leads there.

    With `switches`, of the schedules in which one that could go on gives way to another at most so often.
    """
    seen: set[tuple[State, Choice, int]] = set()
    waiting: list[tuple[list[Choice], int]] = [([], 0)]
    while waiting:
        schedule, used = waiting.pop()
        world = begin()
        try:
            for choice in schedule:
                world.step(choice)
            while (known := (world.state(), *_bounded(schedule, used, switches))) not in seen:
                seen.add(known)
                options = world.options()
                if not options:
                    yield schedule, world
                    break
                last = schedule[-1] if schedule else ""
                counted = [(choice, used + (last in options and choice != last)) for choice in options]
                allowed = [each for each in counted if switches is None or each[1] <= switches]
                waiting += [([*schedule, choice], cost) for choice, cost in allowed[1:]]
                choice, used = allowed[0]
                schedule = [*schedule, choice]
                world.step(choice)
        finally:
            world.close()


def _bounded(schedule: list[Choice], used: int, switches: int | None) -> tuple[Choice, int]:
    """What further switches hang on, where they are counted."""
    return ("", 0) if switches is None or not schedule else (schedule[-1], used)

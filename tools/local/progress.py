"""A person waits for this: what is being done, and how long each step took."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO, override


class Progress:
    def __init__(self, out: TextIO = sys.stdout) -> None:
        self._out = out
        self._began = time.monotonic()
        self._title = ""

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        began = time.monotonic()
        self._title = title
        if self._out.isatty():
            self._say(f"\r  {title} …", end="")
        try:
            yield
        except BaseException:
            if self._out.isatty():
                self._say("")
            raise
        self._say(f"{self._erase}  {title:<44}{time.monotonic() - began:6.1f} s")

    def note(self, text: str) -> None:
        """How far the step has come; only a terminal has somewhere to show it."""
        if self._out.isatty():
            self._say(f"{self._erase}  {self._title} … {text}", end="")

    def say(self, text: str) -> None:
        """A line of its own, to stay."""
        self._say(f"{self._erase}  {text}")

    def seconds(self) -> float:
        return time.monotonic() - self._began

    @property
    def _erase(self) -> str:
        return "\r\033[K" if self._out.isatty() else ""

    def _say(self, text: str, end: str = "\n") -> None:
        print(text, end=end, file=self._out, flush=True)


class Silence(Progress):
    """For tests, where nobody waits at a terminal."""

    @override
    def _say(self, text: str, end: str = "\n") -> None: ...

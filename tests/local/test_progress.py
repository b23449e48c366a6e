"""A terminal sees each step while it runs; a log file sees each step once."""

import io
import re
from typing import override

import pytest

from local.progress import Progress


class Terminal(io.StringIO):
    @override
    def isatty(self) -> bool:
        return True


def test_a_log_gets_one_line_a_step() -> None:
    out = io.StringIO()
    progress = Progress(out)
    with progress.step("Build"):
        progress.note("half")
    assert re.fullmatch(r"  Build +\d+\.\d s\n", out.getvalue())


def test_a_terminal_sees_how_far_a_step_has_come() -> None:
    out = Terminal()
    progress = Progress(out)
    with progress.step("Seed"):
        progress.note("120 of 400 orders")
        assert out.getvalue().endswith("Seed … 120 of 400 orders")
    assert out.getvalue().endswith("s\n")


def test_what_went_wrong_does_not_stand_behind_the_step_that_did() -> None:
    out = Terminal()
    with pytest.raises(KeyboardInterrupt), Progress(out).step("Deploy"):
        raise KeyboardInterrupt
    assert out.getvalue().endswith("Deploy …\n")

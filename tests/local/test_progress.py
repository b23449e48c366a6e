"""A terminal sees each step while it runs; a log file sees each step once."""

import io
from typing import override

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
    [line] = out.getvalue().splitlines()
    assert line.split() == ["Build", "0.0", "s"]


def test_a_terminal_sees_how_far_a_step_has_come() -> None:
    out = Terminal()
    progress = Progress(out)
    with progress.step("Seed"):
        progress.note("120 of 400 orders")
        assert out.getvalue().endswith("Seed … 120 of 400 orders")
    assert out.getvalue().endswith("s\n")

"""Measures every path and prints one table."""

import os
import platform
from datetime import UTC, datetime

from bench import balances, paying, reading, settling, simulating
from bench.rows import Row


def main() -> None:
    """Takes three minutes on two processors."""
    print(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {platform.machine()}, {os.cpu_count()} processors, ", end="")
    print(f"{platform.python_implementation()} {platform.python_version()}\n")
    print(f"{'path':40} {'ours':>12} {'floor':>12}  {'unit':16} {'ratio':>6}  floor")
    for rows in (reading.rows(), settling.rows(), balances.rows(), paying.rows(), simulating.rows()):
        for row in rows:
            _print(row)


def _print(row: Row) -> None:
    numbers = f"{row.ours:12,.1f} {row.floor:12,.1f}"
    print(f"{row.path:40} {numbers}  {row.unit:16} {row.ratio:6.2f}  {row.floor_is}", flush=True)
    if row.note:
        print(f"{'':40} {row.note}", flush=True)


if __name__ == "__main__":
    main()

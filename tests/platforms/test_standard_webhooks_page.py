"""The brand's page on Standard Webhooks: its examples are run as they stand, and its tables name all that is read."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, override

import pytest

from tests.platforms import samples
from tests.platforms.test_rest import DISPUTE, FULL, REFUND
from tests.standins.server import Asked, StandIn, Told
from vouch.domain import clicks, times
from vouch.domain.facts import Lifecycle, Line, Refund, RefundLine, Snapshot
from vouch.platforms import standard_webhooks
from vouch.platforms.base import Account, Reading, Request

PAGE = (Path(__file__).parents[2] / "docs/platforms/standard_webhooks.md").read_text()
SECRET = "whsec_" + "QUJD" * 8
NOT_READ = {"total", "unheard_of", "is"}
CLICK = clicks.PREFIX + "a" * clicks.ENCODED


class Door(StandIn):
    """Says 200 to whatever is signed, as ours does."""

    @override
    def answer(self, asked: Asked) -> Told:
        standard_webhooks.verify(Request(asked.headers, asked.body), Account([SECRET]), datetime.now(UTC))
        return Told()


@pytest.fixture
def door() -> Iterator[Door]:
    with Door() as door:
        yield door


def example(language: str) -> str:
    [block] = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert isinstance(block, str)
    return block


def said(door: Door, folder: Path, *command: str) -> tuple[str, Reading]:
    """What the command prints, and what it has sent."""
    told = {"SECRET": SECRET, "WEBHOOK": f"{door.address}/webhooks/con_1", "CLICK": CLICK, "PATH": os.environ["PATH"]}
    ran = subprocess.run(command, env=told, cwd=folder, capture_output=True, text=True, check=True, timeout=60)
    [asked] = door.asked
    assert asked.headers["content-type"] == "application/json"
    return ran.stdout, samples.reading("standard_webhooks", Request(asked.headers, asked.body))


def test_the_example_in_python_sends_an_order(door: Door, tmp_path: Path) -> None:
    printed, reading = said(door, tmp_path, sys.executable, "-c", example("python"))
    sold = Snapshot(
        updated_at=times.parse("2026-05-04T15:15:31Z"),
        placed_at=times.parse("2026-05-04T15:15:30Z"),
        lifecycle=Lifecycle.PAID,
        currency="ILS",
        lines=(Line("1", 2, 4500, discount=900, sku="MUG-01"),),
        platform="standard_webhooks",
        codes=("noa10",),
        click_ids=(CLICK,),
        customers=("<email:buyer@example.com>",),
    )
    assert (printed, reading) == ("200\n", Reading("G-1042", (sold,)))


def test_the_example_in_a_shell_sends_a_refund_of_that_order(door: Door, tmp_path: Path) -> None:
    printed, reading = said(door, tmp_path, "/bin/sh", "-euc", example("sh"))
    back = Refund("R-7", times.parse("2026-05-10T09:00:00Z"), None, (RefundLine("1", 1),))
    assert (printed, reading) == ("200\n", Reading("G-1042", (back,)))


def test_the_secret_that_the_page_makes_is_usable() -> None:
    [command] = re.findall(r"Make a secret: `(.*?)`\.", PAGE)
    made = subprocess.run(["/bin/sh", "-euc", command], capture_output=True, text=True, check=True, timeout=60)
    assert standard_webhooks.usable(made.stdout.strip())
    assert made.stdout.strip() != SECRET


def part(heading: str) -> str:
    return re.split(r"\n##+ ", PAGE.split(f"\n{heading}\n")[1])[0]


def names(content: Any) -> set[str]:
    """Of all fields in it, at any depth."""
    if isinstance(content, list):
        return {name for item in content for name in names(item)}
    if not isinstance(content, dict):
        return set()
    return {*content, *(name for value in content.values() for name in names(value))}


def test_every_type_of_event_has_its_place_in_the_table() -> None:
    rows = re.findall(r"^\| (`.*?) \|", part("## What to say"), re.MULTILINE)
    types = {*standard_webhooks._STATUS, *standard_webhooks._REFUNDS, *standard_webhooks._DISPUTES}
    assert {name for row in rows for name in re.findall(r"`(.*?)`", row)} == types


@pytest.mark.parametrize(
    "heading, full",
    [
        ("### An order", FULL),
        ("### An order", samples.content("standard_webhooks/order.paid")["data"]),
        ("### A refund", REFUND | {"refund_id": 1, "id": 1, "updated_at": 1, "failed": 1, "currency": 1, "amount": 1}),
        ("### A dispute", DISPUTE | {"dispute_id": 1, "id": 1}),
    ],
)
def test_every_field_is_described(heading: str, full: dict[str, Any]) -> None:
    assert names(full) - NOT_READ <= set(re.findall(r"\w+", part(heading)))

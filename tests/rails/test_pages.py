"""Every rail has its page for bookkeepers, the index leads to each, and what the pages show can be done so."""

import json
import re
from pathlib import Path
from types import ModuleType

import pytest

from tests.rails.orders import order
from vouch.rails import masav, sepa
from vouch.rails.csv_file import RAIL as CSV
from vouch.rails.registry import RAILS

FOLDER = Path(__file__).parents[2] / "docs/rails"
LINKS = re.compile(r"\]\((?!https?:)([^)#]+)")
FIRST_COLUMN = re.compile(r"^\| (`[a-z_`, ]+`) \|", re.MULTILINE)
JSON = re.compile(r"```json\n(.*?)```", re.DOTALL)
SET_UP = sorted(name for name, rail in RAILS.items() if not rail.ready)


def page(name: str) -> str:
    return (FOLDER / f"{name}.md").read_text()


def first_columns(text: str) -> list[str]:
    return [name for names in FIRST_COLUMN.findall(text) for name in re.findall(r"`([a-z_]+)`", names)]


def test_the_index_leads_to_each_rails_page() -> None:
    pages = {link.removesuffix(".md") for link in LINKS.findall(page("README")) if "/" not in link}
    assert pages == set(RAILS)


def test_no_page_leads_nowhere() -> None:
    broken = [
        (each.name, link)
        for each in sorted(FOLDER.glob("*.md"))
        for link in LINKS.findall(each.read_text())
        if not (FOLDER / link).exists()
    ]
    assert broken == []


@pytest.mark.parametrize("name", SET_UP)
def test_the_settings_that_a_page_shows_are_taken(name: str) -> None:
    shown = [json.loads(example)["settings"] for example in JSON.findall(page(name)) if '"settings"' in example]
    assert shown
    for settings in shown:
        assert RAILS[name].settings(settings)


@pytest.mark.parametrize("rail", [masav, sepa], ids=["masav", "sepa"])
def test_a_page_tells_of_every_setting(rail: ModuleType) -> None:
    told = [name for name in first_columns(page(rail.RAIL.name)) if name != "setting"]
    assert sorted(told) == sorted(rail._SETTINGS)


def test_the_page_of_the_list_tells_of_every_column() -> None:
    assert CSV.write is not None
    header = CSV.write(order([], {})).content.decode().removeprefix("\ufeff").strip().split(",")
    assert first_columns(page("csv")) == header

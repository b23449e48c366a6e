"""Spreadsheets: whatever a cell holds, it is one cell of one line, and nothing in it is run."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vouch.domain import spreadsheets
from vouch.domain.texts import is_control

CELLS = st.text(st.characters(exclude_categories=["Cs"]))


def read(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True))


def cell(text: str) -> str:
    [_, [written]] = read(spreadsheets.text(["name"], [[text]]))
    return written


def test_a_table() -> None:
    text = spreadsheets.text(["name", "amount"], [["Noa, the potter", 7], ['"Maya"', None], ["נועה", -5]])
    assert text == '\ufeffname,amount\r\n"Noa, the potter",7\r\n"""Maya""",\r\nנועה,-5\r\n'


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "＝", "＋", "－", "＠", "﹣"])
@pytest.mark.parametrize("before", ["", " ", "\u00a0", "\u200b", "\ufeff", "\u202e", " \u200f "])
def test_no_text_runs_as_a_formula(start: str, before: str) -> None:
    assert cell(f"{before}{start}1+1") == f"'{before}{start}1+1"


@pytest.mark.parametrize("control", ["\t", "\r", "\n", "\r\n", "\x00", "\x1f", "\x7f", "\x85", "\u2028", "\u2029"])
def test_no_text_ends_its_line_or_steers(control: str) -> None:
    blank = " " * len(control)
    assert cell(f"Noa{control}Levi") == f"Noa{blank}Levi"
    assert cell(f"{control}Noa") == f"{blank}Noa"
    assert cell(f"{control}=1+1") == f"'{blank}=1+1"


@pytest.mark.parametrize("text", ["", " ", "Noa", "נועה", "1=1", "a@b", "'=1", "\u200b", "😀=1"])
def test_what_is_harmless_stays_as_it_is(text: str) -> None:
    assert cell(text) == text


@given(st.lists(st.lists(CELLS, min_size=3, max_size=3), max_size=4))
def test_every_row_comes_back_as_one(rows: list[list[str]]) -> None:
    written = spreadsheets.text(["a", "b", "c"], rows)
    read_back = read(written)
    assert read_back[0] == ["a", "b", "c"]
    plain = [
        ["".join(" " if is_control(character) else character for character in text) for text in row] for row in rows
    ]
    assert [[text.removeprefix("'") for text in row] for row in read_back[1:]] == [
        [text.removeprefix("'") for text in row] for row in plain
    ]
    assert written.count("\n") == written.count("\r\n") == 1 + len(rows)
    assert not any(text.lstrip().startswith(("=", "+", "-", "@")) for row in read_back for text in row)

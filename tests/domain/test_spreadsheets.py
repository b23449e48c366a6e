"""Spreadsheets: whatever a cell holds, it is one cell of one line, and nothing in it is run."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vouch.domain import spreadsheets
from vouch.domain.texts import one_line

ANY = st.characters(exclude_categories=["Cs"])
CELLS = st.text(ANY | st.sampled_from(';,"=+-@＝ \t\u202e'))
TURNING = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def read(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True))


def read_by_semicolons(text: str) -> list[list[str]]:
    """As Excel does where that is the system's separator."""
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=";"))


def cell(text: str) -> str:
    [_, [written]] = read(spreadsheets.text(["name"], [[text]]))
    return written


def test_a_table() -> None:
    text = spreadsheets.text(["name", "amount"], [["Noa, the potter", 7], ['"Maya"', None], ["נועה", -5]])
    assert text == '\ufeffname,amount\r\n"Noa, the potter",7\r\n"""Maya""",\r\nנועה,-5\r\n'


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "＝", "＋", "－", "＠", "﹣"])
@pytest.mark.parametrize("before", ["", " ", "\u00a0", "\u200b", "\ufeff", " \u2060 ", '"', '""'])
def test_no_text_runs_as_a_formula(start: str, before: str) -> None:
    assert cell(f"{before}{start}1+1") == f"'{before}{start}1+1"
    assert cell(f"Noa;{before}{start}1+1;x") == f"Noa;'{before}{start}1+1;x"


@pytest.mark.parametrize(
    "name, cells",
    [
        ("Noa;=cmd|'/C calc'!A0;x", ["po_1,Noa", "'=cmd|'/C calc'!A0", "x,7"]),
        ("Noa, the potter;=1+1", ['po_1,"Noa, the potter', "'=1+1\",7"]),
        ('Noa;"=1+1";x', ['po_1,"Noa', '\'""=1+1""', 'x",7']),
        ("Noa;\t=1+1", ["po_1,Noa", "' =1+1,7"]),
        (";;@SUM(A1)", ["po_1,", "", "'@SUM(A1),7"]),
    ],
)
def test_nor_where_semicolons_part_cells(name: str, cells: list[str]) -> None:
    text = spreadsheets.text(["id", "name", "amount"], [["po_1", name, 7]])
    assert read_by_semicolons(text)[1] == cells


@pytest.mark.parametrize("mark", TURNING)
def test_no_text_turns_what_stands_around_it(mark: str) -> None:
    assert cell(f"Noa{mark} Levi") == "Noa Levi"
    assert cell(f"{mark}=1+1") == "'=1+1"


@pytest.mark.parametrize("control", ["\t", "\r", "\n", "\r\n", "\x00", "\x1f", "\x7f", "\x85", "\u2028", "\u2029"])
def test_no_text_ends_its_line_or_steers(control: str) -> None:
    blank = " " * len(control)
    assert cell(f"Noa{control}Levi") == f"Noa{blank}Levi"
    assert cell(f"{control}Noa") == f"{blank}Noa"
    assert cell(f"{control}=1+1") == f"'{blank}=1+1"


@pytest.mark.parametrize("text", ["", " ", "Noa", "נועה", "1=1", "a@b", "'=1", "\u200b", "😀=1", "Noa; Levi;", '"Noa"'])
def test_what_is_harmless_stays_as_it_is(text: str) -> None:
    assert cell(text) == text


@given(st.lists(st.lists(CELLS, min_size=3, max_size=3), max_size=4))
def test_every_row_comes_back_as_one(rows: list[list[str]]) -> None:
    written = spreadsheets.text(["a", "b", "c"], rows)
    read_back = read(written)
    assert read_back[0] == ["a", "b", "c"]
    assert [[text.replace("'", "") for text in row] for row in read_back[1:]] == [
        [one_line(text).replace("'", "") for text in row] for row in rows
    ]
    assert written.count("\n") == written.count("\r\n") == 1 + len(rows)
    cells = [text for row in (*read_back, *read_by_semicolons(written)) for text in row]
    assert not any(text.lstrip().startswith(("=", "+", "-", "@")) for text in cells)

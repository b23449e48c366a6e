"""A line of mixed directions is drawn in the order in which it is read."""

import pytest
from fpdf.enums import TextDirection

from documents.bidi import each_isolated, runs

LTR, RTL = TextDirection.LTR, TextDirection.RTL


def seen(text: str, base: TextDirection) -> str:
    """The letters from left to right, as they stand on the paper."""
    return "".join(run if way == LTR else run[::-1] for run, way in runs(text, base))


@pytest.mark.parametrize(
    "text, base, left_to_right",
    [
        ("Commission on order 12", LTR, "Commission on order 12"),
        ("עמלה", RTL, "הלמע"),
        ("עמלה 12 מאי", RTL, "יאמ 12 הלמע"),
        ("תשלום \u2066po_1A-2B\u2069 חזר", RTL, "רזח po_1A-2B םולשת"),
        ("סכום: \u2066−1,234.50 ILS\u2069.", RTL, ".−1,234.50 ILS :םוכס"),
        ("of \u2068נועה (Noa) 3\u2069, once", LTR, "of 3 )Noa( העונ, once"),
        ("של \u2068Noa נועה Levi\u2069 בלבד", RTL, "דבלב Noa העונ Levi לש"),
        ("\u2068סטודיו\u2069 · \u2068נועה\u2069", LTR, "וידוטס · העונ"),
        ("", RTL, ""),
    ],
)
def test_runs_stand_from_left_to_right_as_they_are_read(text: str, base: TextDirection, left_to_right: str) -> None:
    assert seen(text, base) == left_to_right


def test_each_run_is_given_as_it_is_read_for_its_letters_to_join() -> None:
    assert runs("של \u2068Noa\u2069 בלבד", RTL) == ((" בלבד", RTL), ("Noa", LTR), ("של ", RTL))


def test_what_is_isolated_across_the_end_of_a_line_is_so_on_both() -> None:
    lines = list(each_isolated(["של \u2066INV-2026-", "09-\u2069 (\u2068Noa", "Levi\u2069)", "בלבד"]))
    assert lines == ["של \u2066INV-2026-\u2069", "\u206609-\u2069 (\u2068Noa\u2069", "\u2068Levi\u2069)", "בלבד"]
    assert [seen(line, RTL) for line in lines[:2]] == ["INV-2026- לש", "Noa( 09-"]

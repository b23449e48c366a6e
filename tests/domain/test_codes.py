"""Codes: everything that a person would call the same code is the same code."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vouch.domain.codes import normal


@pytest.mark.parametrize(
    "typed",
    [
        "NOA10",
        "noa10",
        " Noa10 ",
        "\tNOA10\n",
        "ＮＯＡ１０",
        "NOA\u200b10",
        "\u200fNOA10\u200e",
        "\ufeffnoa10",
        "n\u00adoa10",
        "\u202bNOA10\u202c",
        "noa\ufe0f10\U000e0100",
        "noa\u034f10",
        "\u115fnoa\u116010",
        "noa\u17b4\u17b510",
        "noa\u180b\u180f10",
        "\u3164noa10\uffa0",
        "noa\u280010",
        "noa\x0010\x7f",
    ],
)
def test_one_code_has_many_spellings(typed: str) -> None:
    assert normal(typed) == "noa10"


@pytest.mark.parametrize(
    "one, other",
    [
        ("נועה10", "\u200fנועה10\u200e"),
        ("STRASSE", "straße"),
        ("É", "é"),
        ("Σ", "ς"),
        ("20  OFF", " 20\u00a0off "),
        ("20 OFF", "20\toff"),
        ("ﬁve", "FIVE"),
    ],
)
def test_scripts_fold_as_their_readers_do(one: str, other: str) -> None:
    assert normal(one) == normal(other)


@pytest.mark.parametrize("one, other", [("noa10", "noa11"), ("noa 10", "noa10"), ("נועה", "נעה"), ("o", "0")])
def test_what_a_person_tells_apart_stays_apart(one: str, other: str) -> None:
    assert normal(one) != normal(other)


def test_of_nothing_nothing_is_left() -> None:
    assert normal(" \u200f\u200b\u3164\x00\n") == ""


@given(st.text(max_size=40))
def test_the_one_spelling_is_its_own(text: str) -> None:
    assert normal(normal(text)) == normal(text)


@given(st.text(st.characters(max_codepoint=0x24F, exclude_characters="ıİ"), max_size=40))
def test_case_does_not_matter(text: str) -> None:
    assert normal(text.upper()) == normal(text) == normal(text.lower())

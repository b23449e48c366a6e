"""Texts: one spelling of what names a thing, and what nobody sees of them."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vouch.domain.texts import holds_control, is_control, is_unseen, normal, unaccented


@pytest.mark.parametrize(
    "said", ["Ré-01", "Re\u0301-01", " Ré-01", "Re\u0301-01\t\n", "\u2003Ré-01\u00a0", "\u2028Ré-01"]
)
def test_a_name_has_one_spelling(said: str) -> None:
    assert normal(said) == "Ré-01"


@pytest.mark.parametrize("other", ["ré-01", "Ré -01", "Ré\u201001", "Re-01", "Ｒé-01", "Ré-01\u200b"])
def test_what_looks_different_or_is_pasted_so_is_another_name(other: str) -> None:
    assert normal(other) != "Ré-01"


@given(st.text())
def test_a_normal_name_stays_as_it_is(said: str) -> None:
    assert normal(normal(said)) == normal(said)


@pytest.mark.parametrize("control", [*map(chr, range(0x20)), "\x7f", "\x80", "\x85", "\x9f", "\u2028", "\u2029"])
def test_a_control_character_is_found_wherever_it_stands(control: str) -> None:
    assert is_control(control)
    assert all(holds_control(text) for text in (control, f"{control}a", f"a{control}", f"נ{control}ע"))


@pytest.mark.parametrize(
    "text", ["", "A-1", "two words", "\u00a0", "נועה", "\u200fנועה\u200e", "🏺", "\ue000", "\u0378"]
)
def test_what_others_write_holds_none(text: str) -> None:
    assert not holds_control(text)


@given(st.characters())
def test_what_is_unseen_steers_or_formats(character: str) -> None:
    assert is_unseen(character) == (unicodedata.category(character) in ("Cc", "Cf"))


@pytest.mark.parametrize(
    "text, plain",
    [
        ("Zoë Müller", "Zoe Muller"),
        ("Łukasz Đorđević", "Lukasz Dordevic"),
        ("Strauß, STRAUẞ", "Strauss, STRAUSS"),
        ("Æsa Œuvre ǽ ǿ", "AEsa OEuvre ae o"),
        ("Þór Ðóra þ ð", "THor Dora th d"),
        ("Ħ ħ Ŧ ŧ ı İ ŉ ĳ", "H h T t i I 'n ij"),
        ("O’Brien O´Brien ‘O’", "O'Brien O'Brien 'O'"),
        ("2019–2026—now", "2019-2026-now"),
        ("Ｎｏａ ﬁ ①", "Noa fi 1"),
        ("נֹעָה יִשְׂרָאֵל", "נעה ישראל"),
        ("\ufb2a\ufb4b", "שו"),
        ("☺\ufe0f", "☺"),
        ("Noa Levi 7 & <>", "Noa Levi 7 & <>"),
        ("", ""),
    ],
)
def test_letters_lose_their_accents_and_points(text: str, plain: str) -> None:
    assert unaccented(text) == plain


@given(st.text())
def test_what_is_unaccented_stays_so(text: str) -> None:
    assert unaccented(unaccented(text)) == unaccented(text)

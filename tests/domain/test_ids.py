"""Ids: minted ones sort by birth, derived ones are always the same."""

import base64
import hashlib
import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vouch.domain import ids, times

MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(8999, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - the strategy's way
RANDOM = st.binary(min_size=ids.RANDOM_BYTES, max_size=ids.RANDOM_BYTES)
CROCKFORD = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "0123456789ABCDEFGHJKMNPQRSTVWXYZ")
NAMES = st.lists(st.text(st.characters(min_codepoint=0x20, exclude_categories=["Cs"])), min_size=1, max_size=4)


def test_a_minted_id_is_a_ulid() -> None:
    """The example of the ULID specification: 1469918176385 ms is `01ARYZ6S41`."""
    at = times.EPOCH + timedelta(milliseconds=1_469_918_176_385)
    assert ids.minted("clk_", at, bytes(10)) == "clk_01ARYZ6S410000000000000000"
    assert ids.minted("x_", at, b"\xff" * 10) == "x_01ARYZ6S41ZZZZZZZZZZZZZZZZ"


@given(MOMENTS, MOMENTS, RANDOM, RANDOM)
def test_minted_ids_sort_by_birth(one: datetime, other: datetime, random: bytes, another: bytes) -> None:
    early, late = sorted([one, other])
    if late - early >= timedelta(milliseconds=1):
        assert ids.minted("ord_", early, random) < ids.minted("ord_", late, another)


@given(MOMENTS, RANDOM)
def test_a_minted_id_holds_its_millisecond_exactly(at: datetime, random: bytes) -> None:
    number = 0
    for character in ids.minted("", at, random):
        number = number << 5 | "0123456789ABCDEFGHJKMNPQRSTVWXYZ".index(character)
    assert number >> 80 == (at - times.EPOCH) // timedelta(milliseconds=1)
    assert number & (1 << 80) - 1 == int.from_bytes(random)


@given(NAMES, NAMES)
def test_a_name_always_has_the_same_id_and_no_other_name_has_it(one: list[str], other: list[str]) -> None:
    assert (ids.derived("ord_", *one) == ids.derived("ord_", *other)) == (one == other)


@given(NAMES)
def test_a_derived_id_is_the_start_of_its_names_hash(name: list[str]) -> None:
    """They are stored, and found again only by being derived again: the way is pinned."""
    digest = hashlib.sha256("\x1f".join(name).encode()).digest()
    plain = base64.b32encode(digest).decode().translate(CROCKFORD)
    assert ids.derived("ord_", *name) == f"ord_{plain[:26]}"


def test_where_a_name_is_cut_into_parts_matters() -> None:
    assert ids.derived("ord_", "ab", "c") != ids.derived("ord_", "a", "bc")


@given(MOMENTS, RANDOM, NAMES)
def test_every_id_has_the_shape_of_one(at: datetime, random: bytes, name: list[str]) -> None:
    assert ids.is_id(ids.minted("ord_", at, random), "ord_")
    assert ids.is_id(ids.derived("ord_", *name), "ord_")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ord_",
        "crt_" + "0" * 26,
        "ord_" + "0" * 25,
        "ord_" + "0" * 27,
        "ord_" + "0" * 25 + "U",
        "ord_" + "0" * 25 + "I",
        "ord_" + "0" * 25 + "a",
        "ord_" + "0" * 25 + "\n",
        "ord_" + "0" * 26 + "\n",
        "ord_" + "٠" * 26,
        "xord_" + "0" * 26,
    ],
)
def test_other_texts_are_no_ids(text: str) -> None:
    assert not ids.is_id(text, "ord_")


def test_ids_hold_no_letter_that_reads_like_a_digit() -> None:
    derived = {ids.derived("", str(number)) for number in range(500)}
    assert not re.search("[ILOU]", "".join(derived))

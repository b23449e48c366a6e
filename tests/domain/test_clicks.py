"""Click ids: genuine ones read back, and nothing else does."""

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vouch.domain import clicks

BRAND = "brd_00000000000000000000000001"
OTHER = "brd_00000000000000000000000002"
KEYS = {1: b"first key", 3: b"third key"}
AT = datetime(2026, 5, 4, 12, 30, 15, tzinfo=UTC)
LINK = clicks.link_key("lnk_00000000000000000000000001")
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
LAST = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=2**32 - 1)


def minted(at: datetime = AT, random: bytes = b"random") -> clicks.ClickId:
    return clicks.mint(BRAND, LINK, at, KEYS, random)


@given(
    st.datetimes(datetime(2024, 1, 1), datetime(2160, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - the strategy's way
    st.binary(min_size=6, max_size=6),
    st.binary(min_size=8, max_size=8),
)
def test_an_id_reads_back_as_what_was_minted(at: datetime, random: bytes, link: bytes) -> None:
    click = clicks.mint(BRAND, link.hex(), at, KEYS, random)
    assert clicks.read(click.id, BRAND, KEYS) == click
    assert click == clicks.ClickId(click.id, link.hex(), at.replace(microsecond=0))
    assert len(click.id) == len("clk_") + 39


def test_ids_stay_what_they_are() -> None:
    """Ids already printed in orders must verify for ever: the format is pinned."""
    assert minted().id == "clk_E1f3BBEN8bPjBGaQ13JhbmRvbcTSbvuBB18e2Qc"


def test_two_visits_in_one_second_differ() -> None:
    assert minted(random=b"random").id != minted(random=b"modnar").id


def test_another_brands_id_proves_nothing() -> None:
    assert clicks.read(minted().id, OTHER, KEYS) is None


def test_the_newest_key_signs_and_older_ones_still_verify() -> None:
    click = minted()
    assert clicks.read(click.id, BRAND, {3: KEYS[3]}) == click
    assert clicks.read(click.id, BRAND, {**KEYS, 4: b"fourth key"}) == click


def test_a_retired_key_verifies_no_more() -> None:
    assert clicks.read(minted().id, BRAND, {1: KEYS[1]}) is None


def test_no_other_key_stands_in_for_the_one_that_is_named() -> None:
    assert clicks.read(minted().id, BRAND, {1: KEYS[3], 3: KEYS[1]}) is None


@pytest.mark.parametrize("position", range(29))
def test_one_flipped_bit_anywhere_is_refused(position: int) -> None:
    raw = bytearray(base64.urlsafe_b64decode(minted().id.removeprefix("clk_") + "="))
    for bit in range(8):
        raw[position] ^= 1 << bit
        forged = "clk_" + base64.urlsafe_b64encode(raw).decode().rstrip("=")
        assert clicks.read(forged, BRAND, KEYS) is None
        raw[position] ^= 1 << bit


def test_an_id_has_one_spelling() -> None:
    """39 characters hold two bits too many: of the 64 possible last characters one only is the id's."""
    genuine = minted().id
    readable = [last for last in ALPHABET if clicks.read(genuine[:-1] + last, BRAND, KEYS)]
    assert readable == [genuine[-1]]


@given(st.text(max_size=60) | st.from_regex(r"clk_[A-Za-z0-9_-]{39}", fullmatch=True))
def test_what_was_not_minted_is_refused_quietly(text: str) -> None:
    assert clicks.read(text, BRAND, KEYS) is None


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text + "A",
        lambda text: text[:-1],
        lambda text: text + "=",
        lambda text: text + "\n",
        lambda text: " " + text,
        lambda text: text.removeprefix("clk_"),
        lambda text: text.upper(),
        lambda text: text.replace("_", "/", 1),
        lambda text: text[:-1] + "\u0430",
        lambda text: text * 1000,
    ],
    ids=[
        "longer",
        "shorter",
        "padded",
        "newline",
        "blank",
        "bare",
        "upper-case",
        "other alphabet",
        "non-ASCII",
        "10 kB",
    ],
)
def test_an_id_with_anything_about_it_is_refused(spoil: Callable[[str], str]) -> None:
    assert clicks.read(spoil(minted().id), BRAND, KEYS) is None


@pytest.mark.parametrize("at", [datetime(2024, 1, 1, tzinfo=UTC), LAST])
def test_the_first_and_the_last_second_can_be_named(at: datetime) -> None:
    assert clicks.read(minted(at).id, BRAND, KEYS) == minted(at)
    assert minted(at).at == at


@pytest.mark.parametrize(
    "at", [datetime(2024, 1, 1, tzinfo=UTC) - timedelta(microseconds=1), LAST + timedelta(seconds=1)]
)
def test_seconds_beyond_cannot_be_named(at: datetime) -> None:
    with pytest.raises(ValueError, match="no click id can name"):
        minted(at)


def test_a_links_key_is_the_start_of_its_hash() -> None:
    assert clicks.link_key("lnk_00000000000000000000000001") == "57f704110df1b3e3"

"""Money: what platforms write becomes whole minor units exactly or not at all, and no split loses one."""

from decimal import Decimal, localcontext
from fractions import Fraction
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vouch.domain.currencies import EXPONENTS
from vouch.domain.money import AMOUNT_MAX, divide_half_up, major, minor, split

AMOUNTS = st.integers(0, AMOUNT_MAX)
WEIGHTS = st.lists(st.integers(0, 10**12), min_size=1, max_size=12).filter(any)


@pytest.mark.parametrize(
    "text, currency, amount",
    [
        ("130.50", "ILS", 13_050),
        ("130.5", "ILS", 13_050),
        ("130.500000", "ILS", 13_050),
        ("130", "ILS", 13_000),
        (130, "ILS", 13_000),
        (Decimal("130.50"), "ILS", 13_050),
        ("-0.01", "ILS", -1),
        ("-0.00", "ILS", 0),
        ("1.305e2", "ILS", 13_050),
        ("1235", "JPY", 1_235),
        ("1235.00", "JPY", 1_235),
        ("12.345", "KWD", 12_345),
        ("12.3456", "CLF", 123_456),
        ("9999999999999.99", "ILS", AMOUNT_MAX),
        ("999999999999999", "JPY", AMOUNT_MAX),
        ("0E-24", "ILS", 0),
        ("1." + "0" * 23, "ILS", 100),
    ],
)
def test_an_amount_is_read_to_the_unit(text: str | int | Decimal, currency: str, amount: int) -> None:
    assert minor(text, currency) == amount


@pytest.mark.parametrize(
    "text, currency, why",
    [
        ("130.505", "ILS", "more digits than ILS"),
        ("0.5", "JPY", "more digits than JPY"),
        ("0.0001", "KWD", "more digits than KWD"),
        ("10000000000000.00", "ILS", "out of range"),
        ("-10000000000000.00", "ILS", "out of range"),
        ("1", "XAU", "unknown currency"),
        ("1", "ils", "unknown currency"),
        ("1", "", "unknown currency"),
        ("", "ILS", "not an amount"),
        ("twelve", "ILS", "not an amount"),
        ("12,50", "ILS", "not an amount"),
        ("NaN", "ILS", "not an amount"),
        ("sNaN", "ILS", "not an amount"),
        ("Infinity", "ILS", "not an amount"),
        ("1E+999999", "ILS", "not an amount"),
        ("1." + "0" * 24, "ILS", "not an amount"),
        ("0E-25", "ILS", "not an amount"),
        ("1E-999999999", "ILS", "not an amount"),
        ("1E+99999999999999999999", "ILS", "not an amount"),
        ("1." + "0" * 25, "ILS", "not an amount"),
        ("9" * 25, "ILS", "not an amount"),
        ("9" * 5_000, "ILS", "not an amount"),
        (0.1, "ILS", "not an amount"),
    ],
)
def test_what_is_no_exact_amount_is_refused(text: str, currency: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        minor(text, currency)


@given(
    st.decimals(-(10**11), 10**11, places=6) | st.decimals(allow_nan=False, allow_infinity=False),
    st.sampled_from(sorted(EXPONENTS)),
)
def test_minor_is_decimal_arithmetic_without_rounding(number: Decimal, currency: str) -> None:
    with localcontext(prec=2_000, Emin=-999_999, Emax=999_999):
        exact = number * 10 ** EXPONENTS[currency]
        whole = exact == exact.to_integral_value() and abs(exact) <= AMOUNT_MAX
    try:
        amount = minor(number, currency)
    except ValueError:
        # No number of so many digits is written down on purpose.
        assert not whole or len(number.as_tuple().digits) > 24 or abs(number.adjusted()) > 24
    else:
        assert whole
        assert amount == int(exact)


@given(st.integers(-AMOUNT_MAX, AMOUNT_MAX), st.sampled_from(sorted(EXPONENTS)))
def test_every_amount_can_be_written_and_read_back(amount: int, currency: str) -> None:
    exponent = EXPONENTS[currency]
    sign, digits = "-" if amount < 0 else "", f"{abs(amount):0{exponent + 1}}"
    text = f"{sign}{digits[:-exponent]}.{digits[-exponent:]}" if exponent else f"{sign}{digits}"
    assert major(amount, currency) == text
    assert minor(text, currency) == amount


@pytest.mark.parametrize(
    "amount, currency, text",
    [
        (13_050, "ILS", "130.50"),
        (5, "ILS", "0.05"),
        (0, "ILS", "0.00"),
        (-5, "ILS", "-0.05"),
        (1_235, "JPY", "1235"),
        (12_345, "KWD", "12.345"),
        (1, "CLF", "0.0001"),
        (100_000_000_000, "EUR", "1000000000.00"),
        (10**20 + 1, "EUR", "1000000000000000000.01"),
    ],
)
def test_an_amount_is_written_with_all_its_digits(amount: int, currency: str, text: str) -> None:
    assert major(amount, currency) == text


@pytest.mark.parametrize(
    "numerator, denominator, quotient",
    [(0, 7, 0), (1, 2, 1), (1, 3, 0), (2, 3, 1), (3, 2, 2), (49, 100, 0), (50, 100, 1), (5, 1, 5)],
)
def test_a_half_is_rounded_up(numerator: int, denominator: int, quotient: int) -> None:
    assert divide_half_up(numerator, denominator) == quotient


@given(st.integers(0, 10**30), st.integers(1, 10**15))
def test_a_division_is_exact_before_it_is_rounded(numerator: int, denominator: int) -> None:
    assert divide_half_up(numerator, denominator) == floor(Fraction(numerator, denominator) + Fraction(1, 2))


@pytest.mark.parametrize(
    "total, weights, parts",
    [
        (101, [70, 20, 10], [71, 20, 10]),
        (100, [1, 1, 1], [34, 33, 33]),
        (2, [1, 1, 1], [1, 1, 0]),
        (0, [3, 1], [0, 0]),
        (7, [0, 1, 0], [0, 7, 0]),
        (7, [0, 0], [0, 0]),
        (7, [], []),
        (10, [3, 3, 1], [4, 4, 2]),
        (11, [3, 3, 1], [5, 5, 1]),
    ],
)
def test_a_split_goes_by_largest_remainder(total: int, weights: list[int], parts: list[int]) -> None:
    assert split(total, weights) == parts


@given(AMOUNTS, WEIGHTS)
def test_a_split_gives_every_unit_away_and_nobody_a_whole_unit_too_much(total: int, weights: list[int]) -> None:
    parts, whole = split(total, weights), sum(weights)
    assert sum(parts) == total
    assert all(abs(part * whole - total * weight) < whole for part, weight in zip(parts, weights, strict=True))


@given(AMOUNTS, WEIGHTS)
def test_more_weight_is_never_less_money(total: int, weights: list[int]) -> None:
    parts = split(total, weights)
    ranked = sorted(zip(weights, parts, strict=True))
    assert [part for _, part in ranked] == sorted(parts)


@given(AMOUNTS, AMOUNTS, WEIGHTS)
def test_what_is_left_is_split_below_what_there_was(one: int, other: int, weights: list[int]) -> None:
    earned = split(max(one, other), weights)
    kept = split(min(one, other), weights, earned)
    assert sum(kept) == min(one, other)
    assert all(0 <= left <= part for left, part in zip(kept, earned, strict=True))


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=8), st.data())
def test_no_part_passes_its_ceiling_whatever_the_weights(parts: list[tuple[int, int]], data: st.DataObject) -> None:
    weights, ceilings = [weight for weight, _ in parts], [ceiling for _, ceiling in parts]
    total = data.draw(st.integers(0, sum(ceilings)))
    given_away = split(total, weights, ceilings)
    assert sum(given_away) == (total if any(weights) else 0)
    assert all(0 <= part <= ceiling for part, ceiling in zip(given_away, ceilings, strict=True))


def test_the_alabama_paradox_is_held_down() -> None:
    assert split(10, [3, 3, 1], ceilings=split(11, [3, 3, 1])) == [5, 4, 1]


def test_a_floor_above_its_ceiling_goes_to_the_others() -> None:
    assert split(5, [5, 0], ceilings=[3, 2]) == [3, 2]


def test_ceilings_without_room_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="no room for 6"):
        split(6, [1, 1], ceilings=[3, 2])

"""Exchange rates: read to the digit, and exact between minor units of whatever currencies."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.sales import PLACED
from vouch.domain.currencies import EXPONENTS
from vouch.domain.rates import Rate, decimal, ratio

CURRENCIES = st.sampled_from(sorted(EXPONENTS))
RATIOS = st.tuples(st.integers(1, 10**24 - 1), st.integers(0, 12).map(lambda digits: 10**digits)).filter(
    lambda pair: pair[0] < pair[1] * 10**12
)


def rate(text: str) -> Rate:
    return Rate(*ratio(text), "Bank of Israel", PLACED)


@pytest.mark.parametrize(
    "text, numerator, denominator",
    [
        ("3.7215", 37_215, 10_000),
        ("3.72150", 37_215, 10_000),
        ("0003.7215", 37_215, 10_000),
        ("3", 3, 1),
        ("3.0", 3, 1),
        ("30", 30, 1),
        ("0.000000000001", 1, 10**12),
        ("999999999999.999999999999", 10**24 - 1, 10**12),
    ],
)
def test_a_rate_is_read_to_the_digit(text: str, numerator: int, denominator: int) -> None:
    assert ratio(text) == (numerator, denominator)


@pytest.mark.parametrize(
    "text",
    ["", "0", "0.0", "-1", "+1", "1.", ".5", "1,5", "1e3", "NaN", "Infinity", " 1", "1 ", "1\n", "1.0000000000000",
     "1000000000000", "٣", "1_000", "0x1"],
)  # fmt: skip
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not"):
        ratio(text)


@pytest.mark.parametrize("text", ["3.7215", "3", "30", "0.000000000001", "0.05"])
def test_a_rate_is_written_without_needless_zeros(text: str) -> None:
    assert decimal(*ratio(text)) == text


@given(RATIOS)
def test_a_rate_is_the_same_however_it_is_written(pair: tuple[int, int]) -> None:
    numerator, denominator = ratio(decimal(*pair))
    assert Fraction(numerator, denominator) == Fraction(*pair)
    assert denominator == 1 or numerator % 10
    assert ratio(decimal(numerator, denominator)) == (numerator, denominator)


@pytest.mark.parametrize(
    "text, currencies, fraction",
    [
        ("3.7215", ("USD", "ILS"), (7_443, 2_000)),
        ("156.2", ("USD", "JPY"), (781, 500)),
        ("0.0064", ("JPY", "USD"), (16, 25)),
        ("3.25", ("KWD", "USD"), (13, 40)),
        ("0.3075", ("USD", "KWD"), (123, 40)),
        ("1", ("USD", "ILS"), (1, 1)),
    ],
)
def test_a_rate_between_minor_units(text: str, currencies: tuple[str, str], fraction: tuple[int, int]) -> None:
    assert rate(text).fraction(*currencies) == fraction


@given(RATIOS, CURRENCIES, CURRENCIES, st.integers(0, 10**15 - 1))
def test_converting_minor_units_is_converting_units(
    pair: tuple[int, int], from_currency: str, to_currency: str, amount: int
) -> None:
    numerator, denominator = Rate(*pair, "x", PLACED).fraction(from_currency, to_currency)
    units = Fraction(amount, 10 ** EXPONENTS[from_currency])
    assert amount * Fraction(numerator, denominator) == units * Fraction(*pair) * 10 ** EXPONENTS[to_currency]
    assert Fraction(numerator, denominator).numerator == numerator
    assert type(numerator) is type(denominator) is int

"""The table of exponents is ISO 4217's, as the `iso4217` package publishes it."""

from iso4217 import Currency

from vouch.domain.currencies import EXPONENTS


def test_every_currency_has_its_published_exponent() -> None:
    published = {currency.code: currency.exponent for currency in Currency if currency.exponent is not None}
    assert published == EXPONENTS


def test_what_has_no_minor_units_is_no_currency_to_pay_in() -> None:
    """Gold, testing codes and the like."""
    assert Currency("XAU").exponent is None
    assert "XAU" not in EXPONENTS

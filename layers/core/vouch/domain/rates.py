"""Exchange rates: exact ratios with their source and their moment; nothing is rounded before a commission is."""

import re
from dataclasses import dataclass
from datetime import datetime
from math import gcd

from vouch.domain.currencies import EXPONENTS

DIGITS_MAX = 12
"""On each side of the point."""
_DECIMAL = re.compile(rf"([0-9]{{1,{DIGITS_MAX}}})(?:\.([0-9]{{1,{DIGITS_MAX}}}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Rate:
    """What one unit of a currency was in another at the fixing of that moment.

    `numerator / denominator`, both > 0; the denominator is the least power of ten that will do, so that equal rates are
    the same two integers.
    """

    numerator: int
    denominator: int
    source: str
    at: datetime

    def fraction(self, from_currency: str, to_currency: str) -> tuple[int, int]:
        """What one minor unit of the one currency is in minor units of the other, in lowest terms."""
        numerator = self.numerator * 10 ** EXPONENTS[to_currency]
        denominator = self.denominator * 10 ** EXPONENTS[from_currency]
        common = gcd(numerator, denominator)
        return numerator // common, denominator // common


def ratio(text: str) -> tuple[int, int]:
    """Numerator and denominator of what people write (`3.7215`).

    Raises ValueError for what is not above 0, and for anything but up to 12 digits on each side of the point.
    """
    parts = _DECIMAL.fullmatch(text)
    if parts is None:
        raise ValueError(f"not a rate: {text!r}")
    digits = (parts[2] or "").rstrip("0")
    numerator = int(parts[1] + digits)
    if numerator == 0:
        raise ValueError(f"not above 0: {text!r}")
    return numerator, 10 ** len(digits)


def decimal(numerator: int, denominator: int) -> str:
    """What `ratio` reads, without needless zeros."""
    whole, rest = divmod(numerator, denominator)
    digits = len(str(denominator)) - 1
    return f"{whole}.{rest:0{digits}}" if digits else str(whole)

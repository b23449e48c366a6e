"""Money: integers of minor units with their currency; a division names its rounding, a split gives all away."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from vouch.domain.currencies import EXPONENTS

AMOUNT_MAX = 10**15 - 1
BPS_WHOLE = 10_000
_DIGITS_MAX = 24  # below the 28 digits at which decimal arithmetic would round unasked


@dataclass(frozen=True, slots=True)
class Money:
    """`amount` in minor units of `currency` (ISO 4217)."""

    amount: int
    currency: str


def minor(text: str | int | Decimal, currency: str) -> int:
    """Major units as a platform writes them (`"130.50"`) in minor units.

    Raises ValueError for an unknown currency, for what is no number, for more digits than the currency has
    and for amounts of 10^15 and above. Floats are not taken: they have lost the digits that matter.
    """
    exponent = EXPONENTS.get(currency)
    if exponent is None:
        msg = f"unknown currency {currency!r}"
        raise ValueError(msg)
    try:
        number = Decimal(text)
    except InvalidOperation:
        msg = f"not an amount: {text!r}"
        raise ValueError(msg) from None
    if not number.is_finite() or number.adjusted() > _DIGITS_MAX or len(number.as_tuple().digits) > _DIGITS_MAX:
        msg = f"not an amount: {text!r}"
        raise ValueError(msg)
    scaled = number.scaleb(exponent)
    whole = int(scaled)
    if whole != scaled:
        msg = f"{text} has more digits than {currency}"
        raise ValueError(msg)
    if abs(whole) > AMOUNT_MAX:
        msg = f"amount out of range: {text}"
        raise ValueError(msg)
    return whole


def divide_half_up(numerator: int, denominator: int) -> int:
    """`numerator / denominator`, a half rounded up (both are ≥ 0: commissions are rated before they are signed)."""
    return (2 * numerator + denominator) // (2 * denominator)


def split(total: int, weights: Sequence[int], ceilings: Sequence[int] | None = None) -> list[int]:
    """`total` ≥ 0 in proportion to `weights` by largest remainder; the parts sum to `total` exactly.

    Equal remainders go to the earlier part, so the caller's order of parts decides: creators come sorted by id.
    No part passes its ceiling: more to share can mean less for one (the Alabama paradox), and what is kept of a
    commission shall never be more than what was earned. The ceilings must leave room for `total`.
    All weights zero gives zeros, and the caller must have meant nothing by `total`.
    """
    whole = sum(weights)
    if whole == 0:
        return [0] * len(weights)
    parts = [total * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: (-(total * weights[i] % whole), i))
    left = total - sum(parts)
    while left:
        before = left
        for index in by_remainder:
            if left and (ceilings is None or parts[index] < ceilings[index]):
                parts[index] += 1
                left -= 1
        if left == before:
            msg = f"the ceilings leave no room for {total}"
            raise ValueError(msg)
    return parts

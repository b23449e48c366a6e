"""Money: integers of minor units with their currency; a division names its rounding, a split gives all away."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from vouch.domain.currencies import EXPONENTS

AMOUNT_MAX = 10**15 - 1
BPS_WHOLE = 10_000
_DIGITS_MAX = 24  # below the 28 digits at which decimal arithmetic would round unasked, a tiny number to nothing


@dataclass(frozen=True, slots=True)
class Money:
    """`amount` in minor units of `currency` (ISO 4217)."""

    amount: int
    currency: str


class OutOfRange(Exception):
    """A sum of amounts, each of which is one, that is none itself."""

    def __init__(self) -> None:
        super().__init__("the order's sums are no amounts any more")


def minor(text: str | int | Decimal, currency: str) -> int:
    """Major units as a platform writes them (`"130.50"`) in minor units.

    Raises ValueError for an unknown currency, for what is no number, for more digits than the currency has
    and for amounts of 10^15 and above. Floats are not taken: they have lost the digits that matter.
    """
    exponent = EXPONENTS.get(currency)
    if exponent is None:
        raise ValueError(f"unknown currency {currency!r}")
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"not an amount: {text!r}") from None
    digits = len(number.as_tuple().digits)
    if not number.is_finite() or digits > _DIGITS_MAX or abs(number.adjusted()) > _DIGITS_MAX:
        raise ValueError(f"not an amount: {text!r}")
    scaled = number.scaleb(exponent)
    whole = int(scaled)
    if whole != scaled:
        raise ValueError(f"{text} has more digits than {currency}")
    if abs(whole) > AMOUNT_MAX:
        raise ValueError(f"amount out of range: {text}")
    return whole


def major(amount: int, currency: str) -> str:
    """Minor units as people and rails write major ones, with all the digits that the currency has: `"130.50"`.

    Exact, and what `minor` reads back. Raises KeyError for an unknown currency.
    """
    return f"{Decimal(amount).scaleb(-EXPONENTS[currency]):f}"


def divide_half_up(numerator: int, denominator: int) -> int:
    """`numerator / denominator`, a half rounded up (both are ≥ 0: commissions are rated before they are signed)."""
    return (2 * numerator + denominator) // (2 * denominator)


def split(total: int, weights: Sequence[int], ceilings: Sequence[int] | None = None) -> list[int]:
    """`total` ≥ 0 in proportion to `weights` by largest remainder; the parts sum to `total` exactly.

    Equal remainders go to the earlier part, so the caller's order of parts decides: creators come sorted by id.
    No part passes its ceiling: more to share can mean less for one (the Alabama paradox), and what is kept of a
    commission shall never be more than what was earned. What a ceiling cuts off goes to the others unit by unit, so
    ceilings are for what rounding does; they must leave room for `total`.
    All weights zero gives zeros, and the caller must have meant nothing by `total`.
    """
    whole = sum(weights)
    if whole == 0:
        return [0] * len(weights)
    exact = [divmod(total * weight, whole) for weight in weights]
    highest = [total] * len(weights) if ceilings is None else ceilings
    parts = [min(floor, ceiling) for (floor, _), ceiling in zip(exact, highest, strict=True)]
    by_remainder = sorted(range(len(weights)), key=lambda i: -exact[i][1])
    left = total - sum(parts)
    if left > sum(highest) - sum(parts):
        raise ValueError(f"the ceilings leave no room for {total}")
    while left:
        for index in by_remainder:
            if left and parts[index] < highest[index]:
                parts[index] += 1
                left -= 1
    return parts

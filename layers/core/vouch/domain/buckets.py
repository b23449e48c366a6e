"""Sums that are kept of an account, by which its balances are known however many entries it has.

In each currency they are the total of all that was ever posted, and what of it lies ahead, a bucket for each moment at
which some of it matures. Where there is a return window, these are full hours. What has matured as it is posted lies
ahead for nobody who can know of it, and is in the total alone.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from vouch.domain import account
from vouch.domain.account import Balance, Figures
from vouch.domain.ledger import HELD, Entry, creator_account


@dataclass(frozen=True, slots=True, order=True)
class Part:
    """What an entry adds to one sum of its currency: to the bucket of `moment`, or to the total where that is None."""

    currency: str
    moment: datetime | None
    amount: int
    held: int = 0


@dataclass(frozen=True, slots=True)
class Total:
    """All that was posted in one currency, on the time line and held, up to an entry that was posted at `last`."""

    amount: int
    held: int
    last: datetime


@dataclass(frozen=True, slots=True)
class Kept:
    """By currency: the totals, and what lies ahead of some moment."""

    totals: Mapping[str, Total]
    ahead: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class KeptFigures(Figures):
    """Balances by sums that are seconds behind the ledger: the last entry that is in them was posted at `as_of`."""

    as_of: datetime = field(kw_only=True)


def parts(entry: Entry) -> Iterator[Part]:
    """What an entry of the time line, or a held one, adds to the sums; of other entries there is nothing to add."""
    if entry.position is None:
        if held := entry.credited(creator_account(entry.creator_id, HELD)):
            yield Part(entry.currency, None, 0, held)
    elif amount := account.value(entry):
        if entry.position > entry.posted_at:
            yield Part(entry.currency, entry.position, amount)
        yield Part(entry.currency, None, amount)


def figures(balance: Balance, kept: Kept) -> dict[str, KeptFigures]:
    """The account at the moment ahead of which `kept.ahead` lies; what no fold has taken yet is not yet held to caps.

    All that was posted on the time line and has matured is what is available. A currency of which no total is known yet
    is as the last fold left it.
    """
    found: dict[str, KeptFigures] = {}
    for currency in sorted({*balance.sums, *kept.totals}):
        sums, pending = balance.of(currency), kept.ahead.get(currency, 0)
        total = kept.totals.get(currency) or Total(sums.available + pending, 0, balance.watermark)
        found[currency] = KeptFigures(
            pending=pending,
            held=total.held,
            available=total.amount - pending,
            in_transit=sums.in_transit,
            paid=sums.paid,
            as_of=total.last,
        )
    return found

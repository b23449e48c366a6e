"""Clearing: what a rail's own statement says, held against what the books say of `cash:<rail>`.

Both see the money from the rail's account: what is paid out is below zero, what comes back above. A line stands for at
most one movement of the books, and a movement has at most one line: what is paid twice shows as a line too many.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from vouch.domain.ledger import PAYOUT_FEE, PAYOUT_RETURNED, PAYOUT_SETTLED, Entry, cash

Step = Literal["payment", "fee", "return"]
STEPS: tuple[Step, ...] = get_args(Step)
_STEPS: Mapping[str, Step] = {PAYOUT_SETTLED: "payment", PAYOUT_FEE: "fee", PAYOUT_RETURNED: "return"}
_BODY = "[0-9A-HJKMNP-TV-Z]{26}"
_PAYOUT_ID = re.compile(rf"po[_-]({_BODY})|(?<![0-9A-Z])po({_BODY})(?![0-9A-Z])", re.IGNORECASE)
"""As banks write it. Without the sign in its middle it has to be a word of its own: many a number has such letters."""
_OF_MANY = "batch"
"""What many payouts share is no name of one."""


@dataclass(frozen=True, slots=True)
class Movement:
    """What one step of a payout moves in `cash:<rail>`: + debit, in minor units."""

    step: Step
    amount: int
    currency: str


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a rail's statement; what is None it does not say. `id` is the rail's own."""

    id: str
    at: datetime
    amount: int
    currency: str
    reference: str | None = None
    payout_id: str | None = None
    step: str | None = None

    @property
    def payout_ids(self) -> list[str]:
        """The payouts that it names: the one that it says, else what looks like one in its texts."""
        if self.payout_id is not None:
            return [self.payout_id]
        texts = (self.reference or "", self.id)
        bodies = [apart or together for text in texts for apart, together in _PAYOUT_ID.findall(text)]
        return [f"po_{body.upper()}" for body in bodies]

    @property
    def names(self) -> list[str]:
        """Under which a rail may have told us of it."""
        return names((self.reference, self.id))


def names(texts: Collection[str | None]) -> list[str]:
    """Names as they are compared: people and banks differ in case and blanks."""
    return list(dict.fromkeys(name for text in texts if (name := "".join((text or "").split()).casefold())))


def names_of(reference: str | None, told: Mapping[str, str] | None) -> list[str]:
    """All that a rail calls a payout: what a person would look for, and its other ids of it."""
    return names([reference, *(name for kind, name in (told or {}).items() if kind != _OF_MANY)])


def moved(entry: Entry) -> dict[str, int]:
    """What an entry moves at rails, by their names; nothing for what is nothing."""
    sums = Counter[str]()
    for leg in entry.legs:
        if leg.account.startswith(cash("")):
            sums[leg.account.removeprefix(cash(""))] += leg.amount
    return {rail: amount for rail, amount in sums.items() if amount}


def movement(entry: Entry, rail: str) -> Movement | None:
    """What a payout's entry moves at that rail; None where it moves nothing."""
    amount = moved(entry).get(rail)
    return Movement(_STEPS[entry.kind], amount, entry.currency) if amount is not None else None


def movements(status: str, net: int, currency: str, fee: tuple[int, str] | None) -> Iterator[Movement]:
    """All that a payout moves, as far as it has come."""
    if status in ("settled", "returned"):
        yield Movement("payment", -net, currency)
    if fee is not None:
        yield Movement("fee", -fee[0], fee[1])
    if status == "returned":
        yield Movement("return", net, currency)


def steps_of(line: Line, net: int, currency: str, fee: tuple[int, str] | None) -> list[Step]:
    """The steps of a payout that the line may be, if need be before the books know of them."""
    return [
        each.step
        for each in movements("returned", net, currency, fee)
        if (each.amount, each.currency) == (line.amount, line.currency) and line.step in (None, each.step)
    ]

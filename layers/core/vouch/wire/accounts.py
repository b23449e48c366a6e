"""Balances, statements, the proof of the books, and a test brand's clock."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import Field

from vouch.wire.base import Answer, Body, Moment, Shown

StatementLimit = Annotated[int, Query(ge=1, le=1000, description="How many entries at most")]
STATEMENT_LIMIT = 1000
VerifyCursor = Annotated[
    str | None,
    Query(max_length=4000, description="`next_cursor` of the call before; longer than others"),
]
StatementMonth = Annotated[
    str | None,
    Query(pattern="^20[0-9]{2}-(0[1-9]|1[0-2])$", description="Like `2026-05`, where the brand is at home"),
]


class Balance(Answer):
    """What a creator has in one currency, in its minor units. Only `available` can be below zero."""

    currency: str
    pending: int = Field(description="Not yet payable, and not yet held to caps per period, nor with their bonuses")
    held: int
    available: int = Field(description="What caps and bonuses per period make of all that is payable by now")
    in_transit: int
    paid: int


class KeptBalance(Balance):
    """The same of an account too large to be read at once: by sums that follow its entries, seconds behind them.

    It is exact but for what was posted since `as_of`, and for what caps and bonuses make of what became payable since
    the last daily fold.
    """

    as_of: Shown = Field(description="When the last entry was posted that is in it")


class Entry(Answer):
    """One entry at the moment from which it may be paid, and the balance with it.

    What a payout takes is of kind `payout`, and comes back as `payout_released` where it was not carried out, or as
    `payout_returned` where it came back; a person's word is an `adjustment`, a `writeoff` or a `correction`.
    One of kind `bonus` is no order's: a cap takes or gives back (`cap_per_period`), or a bonus is paid or taken back
    (`bonuses.` and its id). It is posted once a day, by all that has become payable by then.
    """

    id: str
    at: Shown
    kind: str = Field(examples=["settle", "bonus", "payout"])
    order_id: str | None
    payout_id: str | None
    adjustment_id: str | None = Field(description="Of a correction, what it takes back")
    amount: int
    balance: int
    program_id: str | None = Field(description="Whose rule it is, where it is no order's")
    rule: str | None = Field(examples=["cap_per_period"])
    period: str | None = Field(description="The period that the rule is about", examples=["2026-05", "2026-Q2"])
    withheld: int | None = Field(description="Of a payout, what is kept of it for the tax office")
    net: int | None = Field(
        description="The rest of it, which is the creator's; both are below zero where it comes back"
    )
    reason: str | None = Field(description="Of what a person gave, took or corrected, in their words")


class Totals(Answer):
    """Of the whole range; `debited` is positive."""

    credited: int
    debited: int
    net: int


class Statement(Answer):
    """What became the creator's in `[from, to)`. Opening, closing and totals are the whole range's on every page."""

    creator_id: str
    currency: str
    start: Shown = Field(alias="from")
    end: Shown = Field(alias="to")
    opening: int
    closing: int
    entries: list[Entry]
    totals: Totals
    next_cursor: str | None


class Violation(Answer):
    """What is broken, where, and how it shows."""

    invariant: str
    subject: str
    detail: str


class Unchecked(Answer):
    """An account that this call could not look at, and why: `account_too_large`."""

    creator_id: str
    code: str


class Verification(Answer):
    """The whole truth once `next_cursor` is null; until then, as far as one call's time went.

    `ok`: all that this call came to is proven; there is no violation, and nothing is `unchecked`.
    """

    ok: bool
    checked: int
    violations: list[Violation]
    unchecked: list[Unchecked]
    next_cursor: str | None
    as_of: Shown


class ClockMove(Body):
    now: Moment


class Clock(Answer):
    """`frozen`: it was moved, and stands still until it is moved again."""

    now: Shown
    frozen: bool


class MovedClock(Clock):
    """`folded` false: time ran out before all days were lived through; the same request again goes on."""

    folded: bool

"""Payouts: who can be paid how much, what may become of a payout, and what may not.

    created ──▶ submitting ──▶ submitted ──▶ settled ──▶ returned
       │ ▲          │              │            ▲
       │ └──────────┼──▶ unknown ──┼────────────┤
       │            │              │            │
       └────────────┴──────────────┴──▶ failed  └── (a rail may settle at once)

A payout is *open* until it is settled or failed, and while a creator has an open one in a currency there is no second.
`unknown` is one whose call had no answer: a look at the rail ends that, or a person where none can tell, never time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal, get_args
from zoneinfo import ZoneInfo

from vouch.domain.money import BPS_WHOLE, divide_half_up

Status = Literal["created", "submitting", "submitted", "unknown", "settled", "failed", "returned"]
STATUSES: tuple[Status, ...] = get_args(Status)
OPEN: frozenset[Status] = frozenset({"created", "submitting", "submitted", "unknown"})
FOLLOWING: Mapping[str, frozenset[Status]] = {
    "created": frozenset({"submitting", "submitted", "failed"}),
    "submitting": frozenset({"created", "submitted", "unknown", "settled", "failed"}),
    "submitted": frozenset({"settled", "failed"}),
    "unknown": frozenset({"created", "submitting", "submitted", "settled", "failed"}),
    "settled": frozenset({"returned"}),
    "failed": frozenset(),
    "returned": frozenset(),
}
"""What each status may turn into. Back to `created` goes only what the rail refused without any effect."""
CHANGE_HOLD = timedelta(hours=72)
"""So long nothing is paid to a destination, or an address in place of one, that took the place of another."""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a creator's money goes. `holder` is the account holder's name as their bank or rail knows it.

    The kinds and their fields: `paypal` (email), `stripe` (account), `iban` (iban, bic or ""), `il_bank` (bank, branch,
    account, holder_id or ""), each checked and in its canonical form.
    """

    kind: Literal["paypal", "stripe", "iban", "il_bank"]
    holder: str
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Parts:
    """What a payout consists of: the creator gets `net`, `withheld` goes to the tax authority."""

    amount: int
    withheld: int

    @property
    def net(self) -> int:
        return self.amount - self.withheld


def parts(available: int, *, withholding_bps: int, unit: int) -> Parts:
    """The most of `available` whose net the rail can carry: a multiple of its `unit`; the rest stays where it is.

    Tax is a share of the amount, a half rounded up. Where it takes all there is, that is what is said, with no net.
    """
    net = available - _withheld(available, withholding_bps)
    if net == 0:
        return Parts(available, available)
    wanted = net - net % unit
    # With each unit more of the amount the net grows by 0 or 1, so whatever is wanted is met exactly.
    low, high = 0, available
    while low < high:
        middle = (low + high + 1) // 2
        if middle - _withheld(middle, withholding_bps) <= wanted:
            low = middle
        else:
            high = middle - 1
    return Parts(low, _withheld(low, withholding_bps)) if wanted else Parts(0, 0)


def _withheld(amount: int, bps: int) -> int:
    return divide_half_up(amount * bps, BPS_WHOLE)


Skipped = Literal[
    "nothing_available",
    "below_minimum",
    "open_payout",
    "payouts_held",
    "tax_certificate_expired",
    "tax_form_missing",
    "tax_form_expired",
    "all_withheld",
    "payout_method_missing",
    "payout_method_on_hold",
    "rail_not_set_up",
    "rail_unfit_for_method",
    "rail_unfit_for_currency",
    "payee_name_unfit",
    "rail_amount_too_large",
    "not_readable",
]
"""Why a creator is left out of a run."""
NOTHING_AVAILABLE: Skipped = "nothing_available"
NOT_READABLE: Skipped = "not_readable"
GivenBack = Literal["run_cancelled", "left_for_next_run"]
"""Why a run itself ends a payout that it has made: it pays nobody any more, or has no place for this one."""


@dataclass(frozen=True, slots=True)
class Payee:
    """What a run knows of a creator beside their account. `country` is the one to which tax is withheld.

    A certificate says what share that is; it and a form hold to the end of the day on which they expire.
    `changed_at`: when the method took another one's place; without one, when the address did, by which they are paid.
    """

    held: bool = False
    withholding_bps: int = 0
    tax_certificate_expires: date | None = None
    tax_form: bool = False
    tax_form_expires: date | None = None
    changed_at: datetime | None = None
    country: str | None = None


@dataclass(frozen=True, slots=True)
class Gates:
    """What a brand asks for in one currency before it pays."""

    minimum: int = 1
    tax_form_required: bool = False


def obstacle(payee: Payee, gates: Gates, now: datetime, time_zone: str) -> Skipped | None:
    """What keeps a creator from being paid at all, whatever the amount and the rail; None: nothing.

    Days are those of the brand's `time_zone`.
    """
    stopped = stop(payee, now, time_zone)
    if stopped is not None:
        return stopped
    if gates.tax_form_required and not payee.tax_form:
        return "tax_form_missing"
    if gates.tax_form_required and _is_over(payee.tax_form_expires, now, time_zone):
        return "tax_form_expired"
    if payee.changed_at is not None and now - payee.changed_at < CHANGE_HOLD:
        return "payout_method_on_hold"
    return None


def stop(payee: Payee, now: datetime, time_zone: str) -> Skipped | None:
    """What stops even a payout that was made before, as long as it is not sent: a hold, or a rate that holds no more.

    Who had a reduced rate by a certificate is not paid by it once it has expired, nor by any other that nobody named.
    """
    if payee.held:
        return "payouts_held"
    if _is_over(payee.tax_certificate_expires, now, time_zone):
        return "tax_certificate_expired"
    return None


def _is_over(last_day: date | None, now: datetime, time_zone: str) -> bool:
    return last_day is not None and now.astimezone(ZoneInfo(time_zone)).date() > last_day


def may_become(before: str, after: Status) -> bool:
    """Whether the one may turn into the other."""
    return after in FOLLOWING[before]


@dataclass(frozen=True, slots=True)
class Payment:
    """What a rail is to carry: `amount` is the net, in minor units, and `id` the payout's, by which it is known there.

    `email` and `name` are the creator's; `note` is what the payee may read beside it. Without a destination only a rail
    that takes any can carry it.
    """

    id: str
    amount: int
    currency: str
    name: str
    email: str
    made_at: datetime
    destination: Destination | None = None
    note: str = ""

"""Double entry: an immutable entry whose legs sum to zero in one currency, and the postings that may exist.

Sign: + debit, − credit. What a creator is owed is a liability, so a commission *credits* the creator's account.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from vouch.domain import ids, times
from vouch.domain.money import Money

EXPENSE_COMMISSION = "expense:commission"
EXPENSE_BONUS = "expense:bonus"
EXPENSE_ADJUSTMENT = "expense:adjustment"
EXPENSE_WRITEOFF = "expense:writeoff"
EARNED = "earned"
HELD = "held"
AVAILABLE = "available"
IN_TRANSIT = "in_transit"
SETTLE = "settle"
FOLD = "fold"
BONUS = "bonus"
PAYOUT = "payout"
PAYOUT_RELEASED = "payout_released"
PAYOUT_RETURNED = "payout_returned"
PAYOUT_SETTLED = "payout_settled"
PAYOUT_FEE = "payout_fee"
ADJUSTMENT = "adjustment"
WRITEOFF = "writeoff"
CORRECTION = "correction"
BESIDE = frozenset({PAYOUT_SETTLED, PAYOUT_FEE})
"""Kinds that lie beside the time line: they add nothing to what a creator has, nor take from it."""


@dataclass(frozen=True, slots=True)
class Leg:
    """One account's part of an entry: + debit, − credit, in minor units."""

    account: str
    amount: int


class Unbalanced(Exception):
    """Legs that are no entry: fewer than two, a zero, no integer, or a sum that is not zero."""


@dataclass(frozen=True, slots=True, order=True)
class Counted:
    """Where a commission counts for caps and bonuses per period: `month` is the order's (`2026-05`), at the program."""

    program_id: str
    terms_version: int
    month: str


@dataclass(frozen=True, slots=True, order=True)
class PeriodRule:
    """One rule of a program in one of its periods: `cap_per_period` or `bonuses.<id>`, in `2026-05`, `2026-Q2` …"""

    program_id: str
    rule: str
    period: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One movement. It cannot be built out of balance.

    `position` is the moment from which the creator's part may be paid; None for what is held and for what lies beside
    the time line. `counted` and `orders` are those of the difference that it posts, `rule` is that of a bonus or a cut;
    `fold` is the version of the balance that was left by the change which posted it, where one did.
    """

    id: str
    kind: str
    creator_id: str
    currency: str
    legs: tuple[Leg, ...]
    posted_at: datetime
    position: datetime | None = None
    order_id: str | None = None
    counted: Counted | None = None
    orders: int = 0
    rule: PeriodRule | None = None
    fold: int | None = None
    payout_id: str | None = None
    adjustment_id: str | None = None

    def __post_init__(self) -> None:
        amounts = [leg.amount for leg in self.legs]
        sound = len(amounts) > 1 and all(type(amount) is int and amount != 0 for amount in amounts)
        if not sound or sum(amounts) != 0:
            msg = f"{self.id}: {self.legs}"
            raise Unbalanced(msg)

    def credited(self, account: str) -> int:
        """What this entry adds to a liability account (negative: takes from it)."""
        return -sum(leg.amount for leg in self.legs if leg.account == account)


def creator_account(creator_id: str, part: str) -> str:
    """The path of a creator's account: `earned`, `held`, `available`, `in_transit`."""
    return f"creator:{creator_id}:{part}"


@dataclass(frozen=True, slots=True)
class Difference:
    """What an order's settlement must still post for one creator: `amount` more (or less) in `part`.

    `orders` is how many orders more (1, 0 or −1) that makes of those that count where `counted` says.
    """

    creator_id: str
    part: str
    currency: str
    amount: int
    matures_at: datetime
    counted: Counted | None = None
    orders: int = 0


def settlement_entry(difference: Difference, *, order_id: str, version: int, number: int, now: datetime) -> Entry:
    """Posting 1: wanted − posted. A late difference cannot reach back: it may be paid from `max(matures_at, now)`."""
    creator, currency = difference.creator_id, difference.currency
    name = (SETTLE, order_id, str(version), creator, currency, str(number))
    return Entry(
        id=ids.derived("ent_", *name),
        kind=SETTLE,
        creator_id=creator,
        currency=currency,
        legs=(
            Leg(EXPENSE_COMMISSION, difference.amount),
            Leg(creator_account(creator, difference.part), -difference.amount),
        ),
        posted_at=now,
        position=None if difference.part == HELD else max(difference.matures_at, now),
        order_id=order_id,
        counted=difference.counted,
        orders=difference.orders,
    )


def fold_entry(creator_id: str, currency: str, amount: int, *, at: datetime, version: int) -> Entry:
    """Posting 1b: what has matured by `at` moves from earned to available, one sum under one version of the balance."""
    return Entry(
        id=fold_id(creator_id, currency, at, version),
        kind=FOLD,
        creator_id=creator_id,
        currency=currency,
        legs=(
            Leg(creator_account(creator_id, EARNED), amount),
            Leg(creator_account(creator_id, AVAILABLE), -amount),
        ),
        posted_at=at,
        position=at,
        fold=version,
    )


def fold_id(creator_id: str, currency: str, at: datetime, version: int) -> str:
    """The version tells apart two folds of the same moment: a test brand's clock may stand still."""
    return ids.derived("ent_", FOLD, creator_id, currency, times.text(at), str(version))


def bonus_entry(creator_id: str, rule: PeriodRule, currency: str, amount: int, *, at: datetime, version: int) -> Entry:
    """Posting 2: what a bonus gives or a cap takes (and gives back), wanted − posted, together with a fold."""
    return Entry(
        id=bonus_id(creator_id, rule, currency, version),
        kind=BONUS,
        creator_id=creator_id,
        currency=currency,
        legs=(
            Leg(EXPENSE_BONUS, amount),
            Leg(creator_account(creator_id, AVAILABLE), -amount),
        ),
        posted_at=at,
        position=at,
        rule=rule,
        fold=version,
    )


def bonus_id(creator_id: str, rule: PeriodRule, currency: str, version: int) -> str:
    """One rule posts at most once with a fold, in whatever period."""
    name = (rule.rule, rule.program_id, rule.period, creator_id, currency, str(version))
    return ids.derived("ent_", BONUS, *name)


@dataclass(frozen=True, slots=True)
class PayoutPart:
    """What the postings of a payout need to know of it: `amount` = `withheld` + what the creator gets by the rail.

    `authority` is the country for whose tax office it is withheld. Raises ValueError where nobody is named.
    """

    payout_id: str
    creator_id: str
    currency: str
    amount: int
    withheld: int
    rail: str
    authority: str = ""

    def __post_init__(self) -> None:
        if self.withheld and not self.authority:
            raise ValueError("withheld for nobody")

    @property
    def net(self) -> int:
        return self.amount - self.withheld

    def paid_legs(self, sign: int) -> tuple[Leg, ...]:
        """What the payment takes from the brand (`sign` −1) or gives back to it (1): the net, and the tax withheld."""
        legs = ((cash(self.rail), self.net), (withheld(self.authority), self.withheld))
        return tuple(Leg(account, sign * amount) for account, amount in legs if amount)


def payout_entry(part: PayoutPart, *, at: datetime, version: int) -> Entry:
    """Posting 3: what is available is reserved for the payout, together with a fold."""
    legs = (
        Leg(creator_account(part.creator_id, AVAILABLE), part.amount),
        Leg(creator_account(part.creator_id, IN_TRANSIT), -part.amount),
    )
    return _of_payout(PAYOUT, "reserve", part, legs, at, version)


def payout_settled_entry(part: PayoutPart, *, at: datetime, version: int) -> Entry:
    """Posting 4: the rail has paid."""
    legs = (Leg(creator_account(part.creator_id, IN_TRANSIT), part.amount), *part.paid_legs(-1))
    return _of_payout(PAYOUT_SETTLED, "settle", part, legs, at, version)


def payout_fee_entry(part: PayoutPart, fee: Money, *, at: datetime, version: int) -> Entry:
    """Posting 5: what the rail took beside that, which may be in another currency."""
    legs = (Leg(f"expense:fee:{part.rail}", fee.amount), Leg(cash(part.rail), -fee.amount))
    return replace(_of_payout(PAYOUT_FEE, "fee", part, legs, at, version), currency=fee.currency)


def payout_released_entry(part: PayoutPart, *, at: datetime, version: int) -> Entry:
    """Posting 6: it failed for good, so what was reserved is available again, together with a fold."""
    legs = (
        Leg(creator_account(part.creator_id, IN_TRANSIT), part.amount),
        Leg(creator_account(part.creator_id, AVAILABLE), -part.amount),
    )
    return _of_payout(PAYOUT_RELEASED, "release", part, legs, at, version)


def payout_returned_entry(part: PayoutPart, *, at: datetime, version: int) -> Entry:
    """Posting 7: it came back after it had been paid, together with a fold."""
    legs = (*part.paid_legs(1), Leg(creator_account(part.creator_id, AVAILABLE), -part.amount))
    return _of_payout(PAYOUT_RETURNED, "return", part, legs, at, version)


def payout_entry_id(payout_id: str, step: str) -> str:
    """A payout posts each of its steps at most once: `reserve`, `settle`, `fee`, `release`, `return`."""
    return ids.derived("ent_", PAYOUT, payout_id, step)


_CONTRA = {ADJUSTMENT: EXPENSE_ADJUSTMENT, WRITEOFF: EXPENSE_WRITEOFF}


def adjustment_entry(
    kind: str,
    adjustment_id: str,
    creator_id: str,
    currency: str,
    amount: int,
    *,
    at: datetime,
    version: int,
    corrects: str = ADJUSTMENT,
) -> Entry:
    """Postings 8, 9 and 11: `amount` more (or less) available by a person's word, together with a fold.

    `kind` is `adjustment`, `writeoff`, or `correction`, which takes back another one, of the kind `corrects`, to the
    unit. It goes by the id of that one: so an adjustment is posted once, and taken back once.
    """
    contra = _CONTRA[corrects if kind == CORRECTION else kind]
    return Entry(
        id=adjustment_entry_id(kind, adjustment_id),
        kind=kind,
        creator_id=creator_id,
        currency=currency,
        legs=(Leg(contra, amount), Leg(creator_account(creator_id, AVAILABLE), -amount)),
        posted_at=at,
        position=at,
        fold=version,
        adjustment_id=adjustment_id,
    )


def adjustment_entry_id(kind: str, adjustment_id: str) -> str:
    """An adjustment or write-off is posted at most once, and so is the correction that takes it back."""
    return ids.derived("ent_", kind, adjustment_id)


def withheld(authority: str) -> str:
    """The account of what is kept for a country's tax office."""
    return f"tax:withheld:{authority}"


def cash(rail: str) -> str:
    """The account of what a rail was given to pay out."""
    return f"cash:{rail}"


def _of_payout(kind: str, step: str, part: PayoutPart, legs: tuple[Leg, ...], at: datetime, version: int) -> Entry:
    return Entry(
        id=payout_entry_id(part.payout_id, step),
        kind=kind,
        creator_id=part.creator_id,
        currency=part.currency,
        legs=legs,
        posted_at=at,
        position=None if kind in BESIDE else at,
        fold=version,
        payout_id=part.payout_id,
    )

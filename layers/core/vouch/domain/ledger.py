"""Double entry: an immutable entry whose legs sum to zero in one currency, and the postings that may exist.

Sign: + debit, − credit. What a creator is owed is a liability, so a commission *credits* the creator's account.
"""

from dataclasses import dataclass
from datetime import datetime

from vouch.domain import ids, times

EXPENSE_COMMISSION = "expense:commission"
EXPENSE_BONUS = "expense:bonus"
EARNED = "earned"
HELD = "held"
AVAILABLE = "available"
IN_TRANSIT = "in_transit"
FOLD = "fold"
BONUS = "bonus"


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

    `position` is the moment from which the creator's part may be paid; None for what is held and has no place in time.
    `counted` and `orders` are those of the difference that it posts, `rule` is that of a bonus or a cut; `fold` is the
    version of the balance that the fold left which posted it.
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
    name = ("settle", order_id, str(version), creator, currency, str(number))
    return Entry(
        id=ids.derived("ent_", *name),
        kind="settle",
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

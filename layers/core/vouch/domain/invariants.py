"""The invariants that an account and its orders must keep, in one place for tests, the nightly job and the API.

I1   each entry's legs sum to 0, are integers, at least two, none 0, and move the account that they lie on
I3   all entries at or before the watermark = all that was folded + stragglers not yet folded, none of them late; and
     what the balance item has of folds and payouts is what the entries' legs sum to
I4   one entry per entry id
I5   what is posted of an order = what settling its facts again says (`vouch.service.orders.audit`)
I6   0 ≤ reversed ≤ earned, and the ledger holds of the order what is left of it
I10  pending, held and in transit ≥ 0; available < 0 only after debits
I11  nothing is folded before its moment
I19  no entry was changed: a fold is what its id says

The names are those of the design, whose other invariants are of payouts, rails and rates.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from vouch.domain import account, times
from vouch.domain.account import IN_FLIGHT_MAX, Balance
from vouch.domain.ledger import AVAILABLE, EARNED, FOLD, HELD, IN_TRANSIT, Entry, creator_account, fold_id

CLOCKS_APART_MAX = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Violation:
    """What is broken, where, and how it shows."""

    invariant: str
    subject: str
    detail: str


@dataclass(frozen=True, slots=True)
class Claim:
    """What a commission says that one creator has of one order."""

    order_id: str
    currency: str
    earned: int
    reversed: int
    held: bool

    @property
    def parts(self) -> dict[tuple[str, str], int]:
        """The same in the ledger's terms: (part, currency) → amount, nothing for what is nothing."""
        net = self.earned - self.reversed
        return {(HELD if self.held else EARNED, self.currency): net} if net else {}


Parts = Mapping[tuple[str, str], int]


class AccountAudit:
    """Looks once at everything that an account holds, against the balance that was read just before.

    What was posted or folded since then is left aside, so that a busy account is not called a broken one.
    `clock_set`: the brand's clock jumps, so from an entry's dates nothing follows about how long it was in flight.
    """

    def __init__(self, creator_id: str, balance: Balance, now: datetime, *, clock_set: bool) -> None:
        self.entries = 0
        self.late = False
        self._creator = creator_id
        self._balance = balance
        self._now = max(now, balance.watermark)
        self._clock_set = clock_set
        self._early = balance.watermark > now + CLOCKS_APART_MAX
        self._ids: set[str] = set()
        self._recounts: defaultdict[str, _Recount] = defaultdict(_Recount)
        self._orders: defaultdict[str, defaultdict[tuple[str, str], int]] = defaultdict(lambda: defaultdict(int))
        self._found: list[Violation] = []

    def unreadable(self, sort_key: str, reason: str) -> None:
        """An item that is no entry."""
        self.entries += 1
        self._report("I1", reason, sort_key)

    def entry(self, sort_key: str, entry: Entry, fold: int | None) -> None:
        """One entry; `fold` is the version in a fold's key."""
        self.entries += 1
        if entry.id in self._ids:
            self._report("I4", "this id was there before", entry.id)
        self._ids.add(entry.id)
        self._check_legs(sort_key, entry, fold)
        if fold is not None:
            self._fold(sort_key, entry, fold)
            return
        if entry.order_id is not None:
            part = HELD if entry.position is None else EARNED
            self._orders[entry.order_id][part, entry.currency] += self._credited(entry, part)
        if entry.posted_at > self._now:
            return
        recount = self._recounts[entry.currency]
        recount.available += self._credited(entry, AVAILABLE)
        recount.in_transit += self._credited(entry, IN_TRANSIT)
        if entry.position is None:
            recount.held += self._credited(entry, HELD)
        else:
            self._on_time_line(sort_key, entry, entry.position, recount)

    def orders(self) -> dict[str, Parts]:
        """What the entries sum to by order, nothing for what is nothing."""
        return {
            order: {part: amount for part, amount in parts.items() if amount} for order, parts in self._orders.items()
        }

    def violations(self) -> list[Violation]:
        """All that was found, once everything has been looked at."""
        if self._early:
            self._report("I11", f"folded up to {times.short(self._balance.watermark)}, which lies ahead")
        for currency in sorted({*self._recounts, *self._balance.sums}):
            self._check_sums(currency, self._recounts[currency])
        return self._found

    def _check_legs(self, sort_key: str, entry: Entry, fold: int | None) -> None:
        part = EARNED if entry.position is not None else HELD
        strangers = [
            leg.account
            for leg in entry.legs
            if leg.account.startswith("creator:") and not leg.account.startswith(creator_account(self._creator, ""))
        ]
        if strangers or not self._credited(entry, part) or (entry.kind == FOLD) is not (fold is not None):
            self._report("I1", f"a {entry.kind} that does not belong here: {entry.legs}", sort_key)

    def _fold(self, sort_key: str, entry: Entry, version: int) -> None:
        if entry.position is None or entry.id != fold_id(self._creator, entry.currency, entry.position, version):
            self._report("I19", "its id is not the one of this fold", sort_key)
        if version > self._balance.version:
            return
        recount = self._recounts[entry.currency]
        recount.folded -= self._credited(entry, EARNED)
        recount.available += self._credited(entry, AVAILABLE)
        recount.in_transit += self._credited(entry, IN_TRANSIT)

    def _on_time_line(self, sort_key: str, entry: Entry, position: datetime, recount: "_Recount") -> None:
        amount = account.due(entry)
        if position < entry.posted_at:
            self._report("I3", f"dated {times.short(position)}, before its posting", sort_key)
        if position > self._now:
            recount.pending += amount
            return
        recount.debits |= amount < 0
        if position < self._balance.zone_start:
            recount.credited += max(amount, 0)
            recount.debited -= min(amount, 0)
        elif position > self._balance.watermark:
            recount.unfolded += amount
        else:
            recount.zone += amount
            if self._clock_set or entry.posted_at > self._balance.watermark - IN_FLIGHT_MAX:
                recount.straggling_up += max(amount, 0)
                recount.straggling_down += min(amount, 0)

    def _check_sums(self, currency: str, recount: "_Recount") -> None:
        sums = self._balance.of(currency)
        counted, there = sums.credited - sums.debited, recount.credited - recount.debited
        if (recount.credited, recount.debited) != (sums.credited, sums.debited):
            self.late = True
            start = times.short(self._balance.zone_start)
            self._report("I3", f"{currency}: {counted} was counted before {start}, there is {there}")
        if recount.folded != sums.folded:
            self._report("I3", f"{currency}: the folds took {recount.folded}, the balance counts {sums.folded}")
        straggling = recount.zone - sums.zone
        if not recount.straggling_down <= straggling <= recount.straggling_up:
            self._report("I3", f"{currency}: {sums.zone} was counted of the zone, there is {recount.zone}")
        if (recount.available, recount.in_transit) != (sums.available, sums.in_transit):
            said, legs = (sums.available, sums.in_transit), (recount.available, recount.in_transit)
            self._report("I3", f"{currency}: available and in transit {said}, the entries say {legs}")
        for name, amount in (("pending", recount.pending), ("held", recount.held), ("in transit", sums.in_transit)):
            if amount < 0:
                self._report("I10", f"{currency}: {name} {amount}")
        available = sums.available + straggling + recount.unfolded
        if available < 0 and not recount.debits:
            self._report("I10", f"{currency}: available {available} without a debit")

    def _credited(self, entry: Entry, part: str) -> int:
        return entry.credited(creator_account(self._creator, part))

    def _report(self, invariant: str, detail: str, where: str | None = None) -> None:
        self._found.append(Violation(invariant, f"{self._creator} {where}" if where else self._creator, detail))


def commission_violations(claims: Iterable[Claim]) -> list[Violation]:
    """What a commission can break by itself."""
    return [
        Violation("I6", each.order_id, f"earned {each.earned}, reversed {each.reversed}")
        for each in claims
        if not 0 <= each.reversed <= each.earned
    ]


def unequal(orders: Mapping[str, Parts], claims: Iterable[Claim]) -> dict[str, tuple[Parts, Parts]]:
    """The orders of which the ledger holds something else than their commission says: (held, said) by order."""
    said = {each.order_id: each.parts for each in claims}
    compared = {order: (orders.get(order, {}), said.get(order, {})) for order in sorted({*orders, *said})}
    return {order: (there, wanted) for order, (there, wanted) in compared.items() if there != wanted}


@dataclass(slots=True)
class _Recount:
    """One currency, counted again from the entries alone."""

    credited: int = 0
    debited: int = 0
    zone: int = 0
    straggling_up: int = 0
    straggling_down: int = 0
    unfolded: int = 0
    pending: int = 0
    held: int = 0
    folded: int = 0
    available: int = 0
    in_transit: int = 0
    debits: bool = False

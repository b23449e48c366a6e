"""A creator's account as a time line: what folds have counted, what lies ahead, and why no late posting is lost.

    ──────────────Z────────────────W───────────────now──────────────▶ moments from which entries may be paid
     counted for    counted, and     matured,        ahead: pending
     ever           read again       not yet folded

A fold moves the watermark W to now and takes what matured. A posting whose place is behind W may still be in flight
while the fold reads, so every fold reads `[Z, W]` again and adds what it finds there beyond what was counted before.
An entry is never dated before the moment at which its posting began, and no posting takes 15 minutes. So Z moves only
to a watermark that stood 15 minutes of *real* time ago: whatever belongs before that has arrived by now.

Z itself is read again: a test brand's clock may stand still for hours, and postings then go on falling on W itself.

Commissions that count for caps and bonuses are also counted by program, terms version and month (`tallies`). What caps
take of these and bonuses give (`extras`) is posted with the fold, at W, straight to what is available: such an entry is
counted as it is posted, and read again like all others of the zone. So it is with all that changes what is available:
payouts as they are reserved, fail or come back, and adjustments.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from vouch.domain import period_rules, times
from vouch.domain.ledger import (
    AVAILABLE,
    EARNED,
    HELD,
    IN_TRANSIT,
    PAYOUT,
    PAYOUT_FEE,
    PAYOUT_RELEASED,
    PAYOUT_RETURNED,
    PAYOUT_SETTLED,
    Counted,
    Entry,
    creator_account,
)
from vouch.domain.period_rules import Extras, Place, Tallies, Tally

IN_FLIGHT_MAX = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A watermark, and the real time at which it stood."""

    watermark: datetime
    real: datetime


@dataclass(frozen=True, slots=True)
class Sums:
    """One currency of an account. `credited` − `debited` is all that lies before Z, `zone` what was counted since.

    `paid` is gross, tax withheld included: what is the creator's in all = available + in transit + paid. `payout_id` is
    the one that is open; while there is one there is no other. `owing_since`: from when on `available` is below zero.
    """

    available: int = 0
    in_transit: int = 0
    paid: int = 0
    credited: int = 0
    debited: int = 0
    zone: int = 0
    payout_id: str | None = None
    owing_since: datetime | None = None

    @property
    def counted(self) -> int:
        """All that folds have taken, and that bonuses and caps have added to it and taken away."""
        return self.credited - self.debited + self.zone


@dataclass(frozen=True, slots=True)
class Balance:
    """What is stored of an account. `version` 0 is one that was never folded.

    `zone_tallies` are those of the zone alone. `unfinished`: its last fold left some of what had matured to another.
    """

    watermark: datetime = times.EPOCH
    zone_start: datetime = times.EPOCH
    checkpoint: Checkpoint | None = None
    sums: Mapping[str, Sums] = field(default_factory=dict)
    version: int = 0
    tallies: Tallies = field(default_factory=dict)
    zone_tallies: Tallies = field(default_factory=dict)
    extras: Extras = field(default_factory=dict)
    unfinished: bool = False

    def of(self, currency: str) -> Sums:
        """That currency's sums, zeros where nothing happened in it."""
        return self.sums.get(currency, Sums())


@dataclass(frozen=True, slots=True)
class Folded:
    """The account after a fold, the sum that each currency's fold entry carries (none is 0), and what it is worth.

    It is worth writing where something matured or moved, and where the next one need not read again what this one read.
    `programs` are those of which tallies changed: `extended` adds what caps and bonuses make of these. `posted` is what
    it has added, each an entry of its own.
    """

    balance: Balance
    moved: Mapping[str, int]
    changed: bool
    programs: frozenset[str] = frozenset()
    posted: Extras = field(default_factory=dict)

    @property
    def tallies(self) -> Tallies:
        """Those of its programs."""
        return {place: tally for place, tally in self.balance.tallies.items() if place[0].program_id in self.programs}


@dataclass(frozen=True, slots=True)
class Figures:
    """An account's balances in one currency."""

    pending: int = 0
    held: int = 0
    available: int = 0
    in_transit: int = 0
    paid: int = 0


def due(entry: Entry) -> int:
    """What the entry adds to what its creator has earned."""
    return entry.credited(creator_account(entry.creator_id, EARNED))


def value(entry: Entry) -> int:
    """What an entry of the time line adds to what is the creator's: earned, or given and taken beside that."""
    return due(entry) + entry.credited(creator_account(entry.creator_id, AVAILABLE))


def fold(
    balance: Balance, entries: Iterable[Entry], until: datetime, real: datetime, *, months_max: int | None = None
) -> Folded:
    """Counts `entries`, all those of `[balance.zone_start, until]`, `until` being no earlier than the watermark.

    `real` is the real time just before they were read: what a checkpoint promises counts from then. Where they change
    the tallies of more than `months_max` months, the rest is left aside as if it were still in flight, for a next fold.
    """
    zone_start, checkpoint = _advanced(balance, until, real)
    read: defaultdict[tuple[Counted | None, str], _Reading] = defaultdict(_Reading)
    matured = False
    for entry in entries:
        final = entry.position is not None and entry.position < zone_start
        read[entry.counted, entry.currency].add(value(entry), entry.orders, final=final)
        matured |= entry.position is not None and entry.position > balance.watermark
    news = _news(balance, read)
    left = _beyond(news, months_max)
    if left:  # what is not counted must be read again, so the zone stays
        zone_start, checkpoint = balance.zone_start, balance.checkpoint
        read.update({key: _in_zone(reading.tally) for key, reading in read.items()})
        read.update({place: _in_zone(balance.zone_tallies.get(place, Tally())) for place in left})
        news = {place: tally for place, tally in news.items() if place not in left}
    sums, moved = _added(balance, read)
    shrinks = bool(read) and (zone_start > balance.zone_start or checkpoint != balance.checkpoint)
    tallies = {place: balance.tallies.get(place, Tally()) + tally for place, tally in news.items()}
    return Folded(
        _aged(
            balance,
            watermark=until,
            zone_start=zone_start,
            checkpoint=checkpoint,
            sums=sums,
            version=balance.version + 1,
            tallies=_some({**balance.tallies, **tallies}),
            zone_tallies=_some({place: reading.zone for place, reading in _counted(read)}),
            unfinished=bool(left),
        ),
        moved,
        changed=bool(moved or news) or matured or shrinks or balance.unfinished,
        programs=frozenset(counted.program_id for counted, _ in news),
    )


def extended(folded: Folded, wanted: Extras) -> Folded:
    """The fold with what its programs' caps and bonuses should come to; what is missing of that is posted with it."""
    balance = folded.balance
    others = {key: amount for key, amount in balance.extras.items() if key[0].program_id not in folded.programs}
    posted = period_rules.change({**others, **wanted}, balance.extras)
    sums = dict(balance.sums)
    for (_, currency), amount in posted.items():
        before = sums.get(currency, Sums())
        sums[currency] = replace(before, available=before.available + amount, zone=before.zone + amount)
    return replace(folded, balance=_aged(balance, sums=sums, extras={**others, **wanted}), posted=posted)


def with_entries(balance: Balance, entries: Iterable[Entry]) -> Balance:
    """The balance with what payouts and adjustments post under its version, those of the time line at its watermark."""
    sums = dict(balance.sums)
    for entry in entries:
        if entry.kind == PAYOUT_FEE:
            continue  # the brand's expense, and none of the creator's accounts
        available = entry.credited(creator_account(entry.creator_id, AVAILABLE))
        in_transit = entry.credited(creator_account(entry.creator_id, IN_TRANSIT))
        before = sums.get(entry.currency, Sums())
        sums[entry.currency] = replace(
            before,
            available=before.available + available,
            in_transit=before.in_transit + in_transit,
            paid=before.paid + paid(entry),
            zone=before.zone + available,
            payout_id=_open_payout(before.payout_id, entry),
        )
    return _aged(balance, sums=sums)


def paid(entry: Entry) -> int:
    """What the entry adds to what was paid out, tax withheld included."""
    if entry.kind == PAYOUT_SETTLED:
        return -entry.credited(creator_account(entry.creator_id, IN_TRANSIT))
    if entry.kind == PAYOUT_RETURNED:
        return -entry.credited(creator_account(entry.creator_id, AVAILABLE))
    return 0


def _open_payout(before: str | None, entry: Entry) -> str | None:
    if entry.kind == PAYOUT:
        return entry.payout_id
    return None if entry.kind in (PAYOUT_SETTLED, PAYOUT_RELEASED) else before


def figures(balance: Balance, pending: Mapping[str, int], held: Iterable[Entry]) -> dict[str, Figures]:
    """The account as of the moment up to which it was folded; `pending` by currency is what lies ahead of that."""
    waiting: Counter[str] = Counter()
    for entry in held:
        waiting[entry.currency] += entry.credited(creator_account(entry.creator_id, HELD))
    return {
        currency: Figures(
            pending=pending.get(currency, 0),
            held=waiting[currency],
            available=balance.of(currency).available,
            in_transit=balance.of(currency).in_transit,
            paid=balance.of(currency).paid,
        )
        for currency in sorted({*balance.sums, *pending, *waiting})
    }


@dataclass(slots=True)
class _Reading:
    """What a fold reads of one kind: final credits and debits (signed) and orders, and the new zone's."""

    credited: int = 0
    debited: int = 0
    orders: int = 0
    zone_amount: int = 0
    zone_orders: int = 0

    def add(self, amount: int, orders: int, *, final: bool) -> None:
        if not final:
            self.zone_amount += amount
            self.zone_orders += orders
            return
        self.orders += orders
        if amount > 0:
            self.credited += amount
        else:
            self.debited += amount

    @property
    def zone(self) -> Tally:
        return Tally(self.zone_amount, self.zone_orders)

    @property
    def tally(self) -> Tally:
        return self.zone + Tally(self.credited + self.debited, self.orders)


_Read = Mapping[tuple[Counted | None, str], _Reading]


def _in_zone(tally: Tally) -> _Reading:
    return _Reading(zone_amount=tally.amount, zone_orders=tally.orders)


def _counted(read: _Read) -> Iterator[tuple[Place, _Reading]]:
    return (((counted, currency), reading) for (counted, currency), reading in read.items() if counted is not None)


def _some(tallies: Tallies) -> Tallies:
    return {place: tally for place, tally in tallies.items() if tally}


def _news(balance: Balance, read: _Read) -> Tallies:
    """What is read beyond what was counted before."""
    return _some({place: each.tally - balance.zone_tallies.get(place, Tally()) for place, each in _counted(read)})


def _beyond(news: Tallies, months_max: int | None) -> set[Place]:
    """What is left aside."""
    months = sorted({(counted.program_id, counted.month) for counted, _ in news})
    chosen = set(months[:months_max])
    return {place for place in news if (place[0].program_id, place[0].month) not in chosen}


def _added(balance: Balance, read: _Read) -> tuple[dict[str, Sums], dict[str, int]]:
    """The sums after the fold, and what it moves in each currency, nothing where that is nothing."""
    sums, moved = dict(balance.sums), dict[str, int]()
    for currency in sorted({*sums, *(currency for _, currency in read)}):
        before, parts = balance.of(currency), [reading for (_, each), reading in read.items() if each == currency]
        amount = sum(part.tally.amount for part in parts) - before.zone
        sums[currency] = replace(
            before,
            available=before.available + amount,
            credited=before.credited + sum(part.credited for part in parts),
            debited=before.debited - sum(part.debited for part in parts),
            zone=sum(part.zone_amount for part in parts),
        )
        if amount:
            moved[currency] = amount
    return sums, moved


def _advanced(balance: Balance, until: datetime, real: datetime) -> tuple[datetime, Checkpoint | None]:
    """Where Z and the checkpoint stand after a fold: a young checkpoint must be let grow old, so it stays."""
    if balance.checkpoint is None:
        return balance.zone_start, Checkpoint(until, real)
    if real - balance.checkpoint.real < IN_FLIGHT_MAX:
        return balance.zone_start, balance.checkpoint
    if balance.checkpoint.watermark == until:
        return until, balance.checkpoint
    return balance.checkpoint.watermark, Checkpoint(until, real)


def _aged(balance: Balance, *, sums: Mapping[str, Sums], **changes: Any) -> Balance:
    """The balance with other sums, of which each says since when it is a debt, if it is one."""
    after = replace(balance, **changes)
    owing = {
        currency: replace(each, owing_since=(each.owing_since or after.watermark) if each.available < 0 else None)
        for currency, each in sums.items()
    }
    return replace(after, sums=owing)

"""A creator's account as a time line: what folds have counted, what lies ahead, and why no late posting is lost.

    ──────────────Z────────────────W───────────────now──────────────▶ moments from which entries may be paid
     counted for    counted, and     matured,        ahead: pending
     ever           read again       not yet folded

A fold moves the watermark W to now and takes what matured. A posting whose place is behind W may still be in flight
while the fold reads, so every fold reads `[Z, W]` again and adds what it finds there beyond what was counted before.
An entry is never dated before the moment at which its posting began, and no posting takes 15 minutes. So Z moves only
to a watermark that stood 15 minutes of *real* time ago: whatever belongs before that has arrived by now.

Z itself is read again: a test brand's clock may stand still for hours, and postings then go on falling on W itself.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from vouch.domain import times
from vouch.domain.ledger import EARNED, HELD, Entry, creator_account

IN_FLIGHT_MAX = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A watermark, and the real time at which it stood."""

    watermark: datetime
    real: datetime


@dataclass(frozen=True, slots=True)
class Sums:
    """One currency of an account. `credited` − `debited` is all that lies before Z, `zone` what was counted since."""

    available: int = 0
    in_transit: int = 0
    paid: int = 0
    credited: int = 0
    debited: int = 0
    zone: int = 0

    @property
    def folded(self) -> int:
        """What all folds together have taken."""
        return self.credited - self.debited + self.zone


@dataclass(frozen=True, slots=True)
class Balance:
    """What is stored of an account. `version` 0 is one that was never folded."""

    watermark: datetime = times.EPOCH
    zone_start: datetime = times.EPOCH
    checkpoint: Checkpoint | None = None
    sums: Mapping[str, Sums] = field(default_factory=dict)
    version: int = 0

    def of(self, currency: str) -> Sums:
        """That currency's sums, zeros where nothing happened in it."""
        return self.sums.get(currency, Sums())


@dataclass(frozen=True, slots=True)
class Folded:
    """The account after a fold, the sum that each currency's fold entry carries (none is 0), and what it is worth.

    It is worth writing where something matured or moved, and where the next one need not read again what this one read.
    """

    balance: Balance
    moved: Mapping[str, int]
    changed: bool


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


def fold(balance: Balance, entries: Iterable[Entry], until: datetime, real: datetime) -> Folded:
    """Counts `entries`, all those of `[balance.zone_start, until]`, `until` being no earlier than the watermark.

    `real` is the real time just before they were read: what a checkpoint promises counts from then.
    """
    zone_start, checkpoint = _advanced(balance, until, real)
    read: dict[str, _Reading] = {}
    matured = False
    for entry in entries:
        final = entry.position is not None and entry.position < zone_start
        read.setdefault(entry.currency, _Reading()).add(due(entry), final=final)
        matured |= entry.position is not None and entry.position > balance.watermark
    moved: dict[str, int] = {}
    sums = dict(balance.sums)
    for currency in {*sums, *read}:
        before, reading = balance.of(currency), read.get(currency, _Reading())
        moved[currency] = reading.credited + reading.debited + reading.zone - before.zone
        sums[currency] = replace(
            before,
            available=before.available + moved[currency],
            credited=before.credited + reading.credited,
            debited=before.debited - reading.debited,
            zone=reading.zone,
        )
    moved = {currency: moved[currency] for currency in sorted(moved) if moved[currency]}
    shrinks = bool(read) and (zone_start > balance.zone_start or checkpoint != balance.checkpoint)
    return Folded(
        Balance(until, zone_start, checkpoint, sums, balance.version + 1),
        moved,
        changed=bool(moved) or matured or shrinks,
    )


def balances(balance: Balance, entries: Iterable[Entry], held: Iterable[Entry], now: datetime) -> dict[str, Figures]:
    """The account as of `now`, exact whenever it was last folded. `entries` are all from `balance.zone_start` on."""
    now = max(now, balance.watermark)
    matured, pending = dict.fromkeys(balance.sums, 0), dict.fromkeys(balance.sums, 0)
    for entry in entries:
        side = pending if entry.position is not None and entry.position > now else matured
        side[entry.currency] = side.get(entry.currency, 0) + due(entry)
    waiting: dict[str, int] = {}
    for entry in held:
        amount = entry.credited(creator_account(entry.creator_id, HELD))
        waiting[entry.currency] = waiting.get(entry.currency, 0) + amount
    figures: dict[str, Figures] = {}
    for currency in sorted({*matured, *pending, *waiting}):
        sums = balance.of(currency)
        figures[currency] = Figures(
            pending=pending.get(currency, 0),
            held=waiting.get(currency, 0),
            available=sums.available + matured.get(currency, 0) - sums.zone,
            in_transit=sums.in_transit,
            paid=sums.paid,
        )
    return figures


@dataclass(slots=True)
class _Reading:
    """One currency of what a fold reads: final credits and debits (signed), and the new zone."""

    credited: int = 0
    debited: int = 0
    zone: int = 0

    def add(self, amount: int, *, final: bool) -> None:
        if not final:
            self.zone += amount
        elif amount > 0:
            self.credited += amount
        else:
            self.debited += amount


def _advanced(balance: Balance, until: datetime, real: datetime) -> tuple[datetime, Checkpoint]:
    """Where Z and the checkpoint stand after a fold: a young checkpoint must be let grow old, so it stays."""
    if balance.checkpoint is None:
        return balance.zone_start, Checkpoint(until, real)
    if real - balance.checkpoint.real < IN_FLIGHT_MAX:
        return balance.zone_start, balance.checkpoint
    if balance.checkpoint.watermark == until:
        return until, balance.checkpoint
    return balance.checkpoint.watermark, Checkpoint(until, real)

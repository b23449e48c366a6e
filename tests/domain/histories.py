"""Random lives of an account, in simulated time: postings in flight, slow folds that page and race, clocks that stand
still and jump, caps and bonuses over months and versions of terms, payouts in all their steps. One seed, one history.
"""

import heapq
from collections import defaultdict
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random

from vouch.domain import account
from vouch.domain.account import Balance, Figures, Folded
from vouch.domain.ledger import (
    ADJUSTMENT,
    AVAILABLE,
    EARNED,
    HELD,
    PAYOUT_RETURNED,
    PAYOUT_SETTLED,
    Counted,
    Difference,
    Entry,
    PayoutPart,
    adjustment_entry,
    bonus_entry,
    creator_account,
    fold_entry,
    payout_entry,
    payout_released_entry,
    payout_returned_entry,
    payout_settled_entry,
    settlement_entry,
)
from vouch.domain.money import Money
from vouch.domain.period_rules import Place, Tally, settle_periods
from vouch.domain.terms import Bonus, Commission, PeriodCap, Terms

START = datetime(2026, 3, 1, 22, tzinfo=UTC)
CREATOR = "cre_1"
CURRENCIES = ("ILS", "JPY")
PROGRAM = "prg_1"
TERMS = {
    (PROGRAM, 1): Terms(
        commission=Commission(
            cap_per_period=PeriodCap(Money(40, "ILS"), "month"),
            bonuses=(Bonus("two", "orders", 2, "quarter", Money(40, "ILS")),),
        )
    ),
    (PROGRAM, 2): Terms(commission=Commission(cap_per_period=PeriodCap(Money(70, "ILS"), "quarter"))),
}
PLACES = tuple(Counted(PROGRAM, version, month) for version in (1, 2) for month in ("2026-01", "2026-02"))
IN_FLIGHT_SECONDS_MAX = 14 * 60
_SKEW_SECONDS_MAX = 10
Process = Generator[float, float]


@dataclass
class History:
    """What happened, to be compared with what folds made of it."""

    balance: Balance = field(default_factory=Balance)
    landed: list[Entry] = field(default_factory=list)
    beside: list[Entry] = field(default_factory=list)
    folds: list[Entry] = field(default_factory=list)
    moved: dict[str, int] = field(default_factory=dict)
    finals: list[Balance] = field(default_factory=list)
    wrong_figures: list[str] = field(default_factory=list)
    stragglers: int = 0
    races: int = 0
    unfinished: int = 0
    payouts: list[PayoutPart] = field(default_factory=list)


@dataclass(frozen=True)
class Clock:
    """The brand's clock: real time, as some machine shows it; or a test clock, set at certain real seconds."""

    jumps: tuple[tuple[float, datetime], ...] | None

    def at(self, second: float, skew: float) -> datetime:
        if self.jumps is None:
            return START + timedelta(seconds=second + skew)
        return max(moment for since, moment in self.jumps if since <= second)


def lived(seed: int, postings: int, folds: int) -> History:
    """The history of this seed, up to a last fold long after everything has landed."""
    random, history, ticket = Random(seed), History(), count()
    span = random.choice([20, 60, 240]) * 60.0
    clock = _clock(random, span)
    processes: list[tuple[float, Process]] = [
        *((random.uniform(0, span), _posting(random, history, clock, number)) for number in range(postings)),
        *((random.uniform(0, span), _fold(random, history, clock)) for _ in range(folds)),
        # More than one, since one may leave months aside.
        *((span + 2 * IN_FLIGHT_SECONDS_MAX + 200 * n, _fold(random, history, clock)) for n in range(9)),
    ]
    # Every process learns the time at which it goes on by what is sent to it.
    queue = [(at, next(ticket), process) for at, process in processes]
    for _, _, process in queue:
        next(process)
    heapq.heapify(queue)
    while queue:
        at, _, process = heapq.heappop(queue)
        try:
            pause = process.send(at)
        except StopIteration:
            continue
        heapq.heappush(queue, (at + pause, next(ticket), process))
    return history


def _clock(random: Random, span: float) -> Clock:
    if random.random() < 0.5:
        return Clock(None)
    seconds = sorted(random.uniform(0, span) for _ in range(random.randrange(4)))
    moment, jumps = START - timedelta(days=random.randrange(60)), []
    for second in [0.0, *seconds]:
        jumps.append((second, moment))
        moment += timedelta(seconds=random.choice([1, 600, 86_400, 40 * 86_400]))
    return Clock(tuple(jumps))


def _posting(random: Random, history: History, clock: Clock, number: int) -> Generator[float, float]:
    started = yield 0.0
    now = clock.at(started, random.uniform(-1, 1) * _SKEW_SECONDS_MAX)
    ahead = timedelta(seconds=random.choice([0, 0, 60, 900, 86_400]))
    amount = random.choice([-70, -1, 3, 100])
    entry = posting(
        number,
        amount,
        random.choice(CURRENCIES),
        now=now,
        matures_at=now + ahead - timedelta(hours=random.randrange(2)),
        counted=random.choice([None, *PLACES]),
        orders=random.choice([0, 1 if amount > 0 else -1]),
    )
    yield random.choice([0.01, 1.0, random.uniform(0, IN_FLIGHT_SECONDS_MAX)])
    history.landed.append(entry)
    history.stragglers += entry.position is not None and entry.position <= history.balance.watermark


def _fold(random: Random, history: History, clock: Clock) -> Generator[float, float]:
    started = yield 0.0
    skew = random.uniform(-1, 1) * _SKEW_SECONDS_MAX
    now, before = clock.at(started, skew), history.balance
    history.wrong_figures += _wrong_figures(history, now)
    until = max(now, before.watermark)
    read: list[Entry] = []
    size = random.choice([1, 3, 1000])
    while True:
        found = page(history.landed, before, until, read[-1:], size)
        read += found
        yield random.choice([0.01, 1.0, 90.0])
        if len(found) < size:
            break
    real, months_max = START + timedelta(seconds=started + skew), random.choice([None, None, 1])
    folded = extended(account.fold(before, read, until, real, months_max=months_max))
    if history.balance.version != before.version:
        history.races += 1
        return
    drafted = [] if folded.balance.unfinished else list(_drafted(random, history, folded.balance))
    if folded.changed or drafted:
        _commit(history, replace(folded, balance=account.with_entries(folded.balance, drafted)))
        history.landed += [entry for entry in drafted if entry.position is not None]
        history.beside += [entry for entry in drafted if entry.position is None]


def _drafted(random: Random, history: History, balance: Balance) -> Iterator[Entry]:
    """What is posted together with a fold: a payout's next step, or somebody's word; nothing as a rule."""
    currency, at, version = random.choice(CURRENCIES), balance.watermark, balance.version
    sums, dice = balance.of(currency), random.random()
    done = [part for part in history.payouts if part.currency == currency and part.payout_id != sums.payout_id]
    if sums.payout_id is not None and dice < 0.5:
        [part] = [part for part in history.payouts if part.payout_id == sums.payout_id]
        step = payout_settled_entry if dice < 0.3 else payout_released_entry
        yield step(part, at=at, version=version)
    elif sums.payout_id is None and sums.available > 0 and dice < 0.5:
        part = PayoutPart(
            f"po_{len(history.payouts)}", CREATOR, currency, sums.available, sums.available // 4, "csv", "IL"
        )
        history.payouts.append(part)
        yield payout_entry(part, at=at, version=version)
    elif done and dice > 0.8:
        known = {(entry.payout_id, entry.kind) for entry in [*history.landed, *history.beside]}
        back = [part for part in done if (part.payout_id, PAYOUT_SETTLED) in known]
        new = [part for part in back if (part.payout_id, PAYOUT_RETURNED) not in known]
        if new:
            yield payout_returned_entry(new[0], at=at, version=version)
    elif dice > 0.9:
        amount = random.choice([-25, 40])
        yield adjustment_entry(ADJUSTMENT, f"adj_{version}", CREATOR, currency, amount, at=at, version=version)


def extended(folded: Folded) -> Folded:
    """What caps and bonuses make of it."""
    return account.extended(folded, settle_periods(folded.tallies, TERMS))


def _commit(history: History, folded: Folded) -> None:
    history.balance = folded.balance
    history.finals.append(folded.balance)
    history.unfinished += folded.balance.unfinished
    at, version = folded.balance.watermark, folded.balance.version
    for currency, amount in folded.moved.items():
        history.folds.append(fold_entry(CREATOR, currency, amount, at=at, version=version))
        history.moved[currency] = history.moved.get(currency, 0) + amount
    history.landed += bonuses(folded)


def bonuses(folded: Folded) -> list[Entry]:
    """The entries that a fold posts for caps and bonuses."""
    at, version = folded.balance.watermark, folded.balance.version
    return [
        bonus_entry(CREATOR, rule, currency, amount, at=at, version=version)
        for (rule, currency), amount in folded.posted.items()
    ]


def page(landed: list[Entry], before: Balance, until: datetime, last: list[Entry], size: int) -> list[Entry]:
    """As a query gives it: in order, behind the last one seen, what is there at this moment."""
    places = sorted(
        (entry.position, entry.id, entry)
        for entry in landed
        if entry.position is not None and before.zone_start <= entry.position <= until
    )
    after = [(last[0].position, last[0].id)] if last else []
    return [entry for position, id_, entry in places if all((position, id_) > bound for bound in after)][:size]


def _wrong_figures(history: History, now: datetime) -> Iterator[str]:
    seen = max(now, history.balance.watermark)
    read = page(history.landed, history.balance, seen, [], len(history.landed))
    pending = {
        currency: total(history.landed, currency) - total(history.landed, currency, until=seen)
        for currency in CURRENCIES
    }
    shown = account.figures(extended(account.fold(history.balance, read, seen, START)).balance, pending, [])
    for currency in CURRENCIES:
        figures = shown.get(currency, Figures())
        if figures.available != theirs(history.landed, currency, until=seen):
            yield f"available {currency} {figures}"


def posting(
    number: int,
    amount: int,
    currency: str,
    *,
    now: datetime,
    matures_at: datetime,
    held: bool = False,
    counted: Counted | None = None,
    orders: int = 0,
) -> Entry:
    """An entry as a settlement would post it."""
    change = Difference(CREATOR, HELD if held else EARNED, currency, amount, matures_at, counted, orders)
    return settlement_entry(change, order_id=f"ord_{number}", version=1, number=0, now=now)


def total(entries: Iterable[Entry], currency: str, *, until: datetime | None = None) -> int:
    """The naive count: all of a currency that was earned at or before a moment."""
    return sum(account.due(entry) for entry in _by(entries, until) if entry.currency == currency)


def theirs(entries: Iterable[Entry], currency: str, *, until: datetime) -> int:
    """The same with what payouts and people took and gave, and what caps and bonuses have to make of it."""
    landed = list(_by(entries, until))
    extras = settle_periods(tallied(landed), TERMS)
    others = sum(
        entry.credited(creator_account(CREATOR, AVAILABLE))
        for entry in landed
        if entry.currency == currency and entry.rule is None
    )
    return total(landed, currency) + others + sum(amount for (_, each), amount in extras.items() if each == currency)


def tallied(entries: Iterable[Entry]) -> dict[Place, Tally]:
    """What entries add up to, where they count."""
    tallies: defaultdict[Place, Tally] = defaultdict(Tally)
    for entry in entries:
        if entry.counted is not None:
            tallies[entry.counted, entry.currency] += Tally(account.due(entry), entry.orders)
    return {place: tally for place, tally in tallies.items() if tally}


def _by(entries: Iterable[Entry], until: datetime | None) -> Iterator[Entry]:
    return (each for each in entries if each.position is not None and (until is None or each.position <= until))

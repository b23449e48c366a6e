"""The invariants that an account and its orders must keep, in one place for tests, the nightly job and the API.

I1   each entry's legs sum to 0, are integers, at least two, none 0, and move the account that they lie on
I3   all entries at or before the watermark = all that was folded + stragglers not yet folded, none of them late; and
     what the balance item has of folds and payouts is what the entries' legs sum to, and so it is with the tallies that
     caps and bonuses go by
I4   one entry per entry id
I5   what is posted of an order = what settling its facts again says (`vouch.service.orders.audit`); and what is posted
     of an adjustment is what its own item says
I6   0 ≤ reversed ≤ earned, and the ledger holds of the order what is left of it
I10  pending, held and in transit ≥ 0; available < 0 only after debits, of which payouts are none
I11  nothing is folded before its moment
I12  in transit = the one payout that is open, the balance item names it, and somebody will take it further
I13  each payout was reserved once, then settled or released at most once, and returned only once it was settled; and
     its own item says the same, with whom, by which rail, for which fee and which tax office; of one that is open the
     ledger knows neither rail nor what is withheld
I14  what the caps and bonuses of the terms make of the tallies is posted, no less and no more
I16  what clearing goes by of a rail is what the entries' legs on `cash:<rail>` are
I17  what a payout paid and what was withheld of it is what was reserved, and it came back from where it went
I19  no entry was changed: a fold, and what is posted with a change of the balance, is what its id says

The names are those of the design, whose other invariants are of what rails say, and of rates.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from vouch.domain import account, clearing, period_rules, times
from vouch.domain.account import IN_FLIGHT_MAX, Balance
from vouch.domain.attribution import TermsKey
from vouch.domain.ledger import (
    ADJUSTMENT,
    AVAILABLE,
    BONUS,
    CORRECTION,
    EARNED,
    FOLD,
    HELD,
    IN_TRANSIT,
    PAYOUT,
    PAYOUT_FEE,
    PAYOUT_RELEASED,
    PAYOUT_RETURNED,
    PAYOUT_SETTLED,
    SETTLE,
    WRITEOFF,
    Entry,
    adjustment_entry_id,
    bonus_id,
    cash,
    creator_account,
    fold_id,
    payout_entry_id,
    withheld,
)
from vouch.domain.payouts import OPEN
from vouch.domain.period_rules import Place, RuleKey, Tally, settle_periods
from vouch.domain.terms import Terms

CLOCKS_APART_MAX = timedelta(minutes=1)
_STEPS = {
    PAYOUT: "reserve",
    PAYOUT_SETTLED: "settle",
    PAYOUT_FEE: "fee",
    PAYOUT_RELEASED: "release",
    PAYOUT_RETURNED: "return",
}
"""The kinds of what payouts post, and how their ids name it."""
_ADJUSTMENTS = frozenset({ADJUSTMENT, WRITEOFF, CORRECTION})
_PARTS: Mapping[str, frozenset[str]] = {
    FOLD: frozenset({EARNED, AVAILABLE}),
    BONUS: frozenset({AVAILABLE}),
    PAYOUT: frozenset({AVAILABLE, IN_TRANSIT}),
    PAYOUT_SETTLED: frozenset({IN_TRANSIT}),
    PAYOUT_FEE: frozenset(),
    PAYOUT_RELEASED: frozenset({AVAILABLE, IN_TRANSIT}),
    PAYOUT_RETURNED: frozenset({AVAILABLE}),
} | dict.fromkeys(_ADJUSTMENTS, frozenset({AVAILABLE}))
"""Which of the creator's accounts an entry of a kind moves; of `settle` it hangs on its position."""
_LIVES = (
    frozenset({"reserve"}),
    frozenset({"reserve", "settle"}),
    frozenset({"reserve", "release"}),
    frozenset({"reserve", "settle", "return"}),
)
"""The steps that a payout may have taken, fees apart."""


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


@dataclass(slots=True)
class Paid:
    """What the ledger says of one payout: its steps, what was reserved, and what the brand withheld.

    `rail`, `withheld` (by tax office) and `fee` (amount, currency) are those by which it was paid: until then there is
    none.
    """

    creator_id: str
    currency: str
    steps: set[str] = field(default_factory=set)
    amount: int = 0
    withheld: Mapping[str, int] | None = None
    rail: str | None = None
    fee: tuple[int, str] | None = None

    @property
    def statuses(self) -> frozenset[str]:
        """Those that its item may have."""
        if "return" in self.steps:
            return frozenset({"returned"})
        if "settle" in self.steps:
            return frozenset({"settled"})
        return frozenset({"failed"}) if "release" in self.steps else OPEN


@dataclass(frozen=True, slots=True)
class Word:
    """What an adjustment, a write-off or a correction posted, or what its item says that it did."""

    kind: str
    currency: str
    amount: int


@dataclass(frozen=True, slots=True)
class Promise:
    """What a payout's item says; `withheld` is by tax office, and a `fee` of nothing is none."""

    payout_id: str
    creator_id: str
    status: str
    currency: str
    amount: int
    withheld: Mapping[str, int]
    rail: str
    fee: tuple[int, str] | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A payout that is open, and who would take it further.

    `run_ended`: its run has handed over all that it ever will. `called`: its rail is an API, which has to be asked what
    became of it. `asked_after`: it is among those whose rails are asked, and which are sent anew if they wait again.
    """

    payout_id: str
    status: str
    run_ended: bool
    called: bool
    asked_after: bool


class AccountAudit:
    """Looks once at everything that an account holds, against the balance that was read just before.

    What was posted or folded since then is left aside, so that a busy account is not called a broken one.
    `clock_set`: the brand's clock jumps, so from an entry's dates nothing follows about how long it was in flight.
    `terms` has every version that the balance's tallies name.
    """

    def __init__(
        self,
        creator_id: str,
        balance: Balance,
        now: datetime,
        terms: Mapping[TermsKey, Terms],
        *,
        clock_set: bool,
    ) -> None:
        self.entries = 0
        self.late = False
        self._creator = creator_id
        self._balance = balance
        self._now = max(now, balance.watermark)
        self._late_is_young = clock_set or balance.unfinished
        self._terms = terms
        self._early = balance.watermark > now + CLOCKS_APART_MAX
        self._ids: set[str] = set()
        self._recounts: defaultdict[str, _Recount] = defaultdict(_Recount)
        self._tallies: defaultdict[Place, _TallyRecount] = defaultdict(_TallyRecount)
        self._extras: Counter[RuleKey] = Counter()
        self._paid: dict[str, Paid] = {}
        self._words: dict[str, tuple[str, Word]] = {}
        self._movements: list[Entry] = []
        self._orders: defaultdict[str, defaultdict[tuple[str, str], int]] = defaultdict(lambda: defaultdict(int))
        self._found: list[Violation] = []

    def unreadable(self, sort_key: str, reason: str) -> None:
        """An item that is no entry."""
        self.entries += 1
        self._report("I1", reason, sort_key)

    def entry(self, sort_key: str, entry: Entry) -> None:
        """One entry, where it was found."""
        self.entries += 1
        if entry.id in self._ids:
            self._report("I4", "this id was there before", entry.id)
        self._ids.add(entry.id)
        self._check_legs(sort_key, entry)
        if entry.fold is not None:
            self._check_id(sort_key, entry, entry.fold)
        if entry.order_id is not None:
            part = HELD if entry.position is None else EARNED
            self._orders[entry.order_id][part, entry.currency] += self._credited(entry, part)
        if self._is_since(entry):
            return
        self._note_source(entry)
        if entry.kind == PAYOUT_FEE:
            return
        recount = self._recounts[entry.currency]
        recount.available += self._credited(entry, AVAILABLE)
        recount.in_transit += self._credited(entry, IN_TRANSIT)
        recount.paid += account.paid(entry)
        if entry.rule is not None:
            self._extras[entry.rule, entry.currency] += self._credited(entry, AVAILABLE)
        if entry.kind == FOLD:
            recount.counted -= self._credited(entry, EARNED)
            return
        recount.counted += self._credited(entry, AVAILABLE)
        recount.held += self._credited(entry, HELD)
        if entry.position is not None:
            self._on_time_line(sort_key, entry, entry.position, recount)

    def _note_source(self, entry: Entry) -> None:
        if entry.payout_id is not None:
            self._payout(entry, entry.payout_id)
        if entry.adjustment_id is not None:
            word = Word(entry.kind, entry.currency, self._credited(entry, AVAILABLE))
            self._words[entry.id] = (entry.adjustment_id, word)
        if clearing.moved(entry):
            self._movements.append(entry)

    def orders(self) -> dict[str, Parts]:
        """What the entries sum to by order, nothing for what is nothing."""
        return {
            order: {part: amount for part, amount in parts.items() if amount} for order, parts in self._orders.items()
        }

    def payouts(self) -> Mapping[str, Paid]:
        """What the entries say of payouts, by their ids."""
        return self._paid

    def words(self) -> Mapping[str, tuple[str, Word]]:
        """What people's words posted, by the ids of the entries, with what each of them is about."""
        return self._words

    def currencies(self) -> set[str]:
        """All in which there is anything."""
        return {*self._recounts, *self._balance.sums, *(entry.currency for entry in self._movements)}

    def movements(self) -> Sequence[Entry]:
        """The entries that move what rails were given."""
        return self._movements

    def violations(self) -> list[Violation]:
        """All that was found, once everything has been looked at."""
        if self._early:
            self._report("I11", f"folded up to {times.short(self._balance.watermark)}, which lies ahead")
        for currency in sorted({*self._recounts, *self._balance.sums}):
            self._check_sums(currency, self._recounts[currency])
            self._check_open(currency)
        for place in sorted({*self._tallies, *self._balance.tallies, *self._balance.zone_tallies}):
            self._check_tally(place, self._tallies[place])
        self._check_extras()
        for payout_id, paid in sorted(self._paid.items()):
            if paid.steps - {"fee"} not in _LIVES or ("fee" in paid.steps and "settle" not in paid.steps):
                self._report("I13", f"its steps are {', '.join(sorted(paid.steps))}", payout_id)
        return self._found

    def _is_since(self, entry: Entry) -> bool:
        """Whether it was posted since the balance was read: a fold's by its version, others by their date."""
        return entry.posted_at > self._now if entry.fold is None else entry.fold > self._balance.version

    def _check_legs(self, sort_key: str, entry: Entry) -> None:
        own = creator_account(self._creator, "")
        theirs = [leg.account for leg in entry.legs if leg.account.startswith("creator:")]
        moved = {name.removeprefix(own) for name in theirs}
        parts = _PARTS.get(entry.kind, frozenset({HELD if entry.position is None else EARNED}))
        known = entry.kind == SETTLE or entry.kind in _PARTS
        marks = (entry.fold, entry.rule, entry.payout_id, entry.adjustment_id)
        expected = (entry.kind != SETTLE, entry.kind == BONUS, entry.kind in _STEPS, entry.kind in _ADJUSTMENTS)
        if not known or moved != parts or tuple(mark is not None for mark in marks) != expected:
            self._report("I1", f"a {entry.kind} that does not belong here: {entry.legs}", sort_key)

    def _check_id(self, sort_key: str, entry: Entry, version: int) -> None:
        named = None
        if entry.rule is not None:
            named = bonus_id(self._creator, entry.rule, entry.currency, version)
        elif entry.payout_id is not None and entry.kind in _STEPS:
            named = payout_entry_id(entry.payout_id, _STEPS[entry.kind])
        elif entry.adjustment_id is not None:
            named = adjustment_entry_id(entry.kind, entry.adjustment_id)
        elif entry.kind == FOLD:
            named = fold_id(self._creator, entry.currency, entry.position or times.EPOCH, version)
        if entry.id != named:
            self._report("I19", "its id is not the one of what it posts", sort_key)

    def _payout(self, entry: Entry, payout_id: str) -> None:
        step = _STEPS.get(entry.kind, entry.kind)
        paid = self._paid.setdefault(payout_id, Paid(entry.creator_id, entry.currency))
        if step in paid.steps:
            self._report("I13", f"a second {step}", payout_id)
        paid.steps.add(step)
        if step == "reserve":
            paid.currency, paid.amount = entry.currency, self._credited(entry, IN_TRANSIT)
        if step in ("settle", "return"):
            gross = abs(self._credited(entry, IN_TRANSIT) + self._credited(entry, AVAILABLE))
            net = abs(sum(leg.amount for leg in entry.legs if leg.account.startswith(cash(""))))
            taxed = _withheld(entry)
            if paid.withheld not in (None, taxed) or net + sum(taxed.values()) != gross:
                self._report("I17", f"{step}: paid {net} and withheld {taxed} of {gross}", payout_id)
            paid.withheld = taxed
        for leg in entry.legs:
            if leg.account.startswith(cash("")):
                rail = leg.account.removeprefix(cash(""))
                if paid.rail not in (None, rail):
                    self._report("I13", f"its {step} is by {rail}, what was before by {paid.rail}", payout_id)
                paid.rail = rail
                if step == "fee":
                    paid.fee = -leg.amount, entry.currency

    def _check_open(self, currency: str) -> None:
        open_ones = {
            payout_id: paid.amount
            for payout_id, paid in self._paid.items()
            if paid.currency == currency and "reserve" in paid.steps and not paid.steps & {"settle", "release"}
        }
        sums = self._balance.of(currency)
        named = {sums.payout_id} - {None}
        if named != open_ones.keys() or sums.in_transit != sum(open_ones.values()):
            said = f"in transit {sums.in_transit} for {sums.payout_id}"
            self._report("I12", f"{currency}: {said}, the entries say {open_ones}")

    def _on_time_line(self, sort_key: str, entry: Entry, position: datetime, recount: "_Recount") -> None:
        amount = account.value(entry)
        if position < entry.posted_at:
            self._report("I3", f"dated {times.short(position)}, before its posting", sort_key)
        if position > self._now:
            recount.pending += amount
            return
        recount.debits |= amount < 0 and entry.kind != PAYOUT
        if position > self._balance.watermark:
            recount.unfolded += amount
            return
        young = self._late_is_young or entry.posted_at > self._balance.watermark - IN_FLIGHT_MAX
        late = young and entry.fold is None
        if position >= self._balance.zone_start:
            recount.zone.add(amount, may_be_late=late)
        else:
            recount.credited += max(amount, 0)
            recount.debited -= min(amount, 0)
        if entry.counted is not None:
            self._tallies[entry.counted, entry.currency].add(
                Tally(amount, entry.orders), final=position < self._balance.zone_start, may_be_late=late
            )

    def _check_sums(self, currency: str, recount: "_Recount") -> None:
        sums = self._balance.of(currency)
        counted, there = sums.credited - sums.debited, recount.credited - recount.debited
        if (recount.credited, recount.debited) != (sums.credited, sums.debited):
            self.late = True
            start = times.short(self._balance.zone_start)
            self._report("I3", f"{currency}: {counted} was counted before {start}, there is {there}")
        if recount.counted != sums.counted:
            self._report("I3", f"{currency}: the folds took {recount.counted}, the balance counts {sums.counted}")
        if not recount.zone.allows(sums.zone):
            self._report("I3", f"{currency}: {sums.zone} was counted of the zone, there is {recount.zone.total}")
        said = (sums.available, sums.in_transit, sums.paid)
        legs = (recount.available, recount.in_transit, recount.paid)
        if said != legs:
            self._report("I3", f"{currency}: available, in transit and paid {said}, the entries say {legs}")
        for name, amount in (("pending", recount.pending), ("held", recount.held), ("in transit", sums.in_transit)):
            if amount < 0:
                self._report("I10", f"{currency}: {name} {amount}")
        available = sums.available + recount.zone.total - sums.zone + recount.unfolded
        if available < 0 and not recount.debits:
            self._report("I10", f"{currency}: available {available} without a debit")
        if (sums.available < 0) is not (sums.owing_since is not None):
            self._report("I10", f"{currency}: available {sums.available}, owing since {sums.owing_since}")

    def _check_tally(self, place: Place, recount: "_TallyRecount") -> None:
        zone = self._balance.zone_tallies.get(place, Tally())
        final = self._balance.tallies.get(place, Tally()) - zone
        late = recount.amount.allows(zone.amount) and recount.orders.allows(zone.orders)
        if final != recount.final or not late:
            counted, currency = place
            there = Tally(recount.amount.total, recount.orders.total)
            where = f"{counted.program_id}, terms {counted.terms_version}, {counted.month}"
            found = f"{_words(recount.final)} and of the zone {_words(there)} {currency}"
            self._report("I3", f"{where}: {_words(final)} and of the zone {_words(zone)} was counted, there is {found}")

    def _check_extras(self) -> None:
        posted = {key: amount for key, amount in self._extras.items() if amount}
        promised = settle_periods(self._balance.tallies, self._terms)
        for source, said in (("entries", posted), ("terms", promised)):
            for (rule, currency), amount in period_rules.change(said, self._balance.extras).items():
                where = f"{rule.program_id}, {rule.rule}, {rule.period}"
                self._report("I14", f"{where}: by the {source} it is {amount} {currency} more than by the balance")

    def _credited(self, entry: Entry, part: str) -> int:
        return entry.credited(creator_account(self._creator, part))

    def _report(self, invariant: str, detail: str, where: str | None = None) -> None:
        self._found.append(Violation(invariant, f"{self._creator} {where}" if where else self._creator, detail))


def _words(tally: Tally) -> str:
    return f"{tally.amount} from {tally.orders} orders"


def _withheld(entry: Entry) -> dict[str, int]:
    """What an entry moves at tax offices, either way."""
    sums = Counter[str]()
    for leg in entry.legs:
        if leg.account.startswith(withheld("")):
            sums[leg.account.removeprefix(withheld(""))] += leg.amount
    return {office: abs(amount) for office, amount in sums.items()}


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


def unspoken(words: Mapping[str, tuple[str, Word]], said: Mapping[str, tuple[str, Word]]) -> list[Violation]:
    """Where what people's words posted is not what their items say, both by the ids of the entries."""
    found = []
    for entry_id in sorted({*words, *said}):
        about, there = words.get(entry_id, (None, None))
        named, item = said.get(entry_id, (None, None))
        if there != item:
            found.append(Violation("I5", about or named or entry_id, f"posted is {there}, said is {item}"))
    return found


def unkept(paid: Mapping[str, Paid], promises: Iterable[Promise]) -> list[Violation]:
    """The payouts of which the ledger and their own items say different things; `paid` has each that is there."""
    found = []
    for promise in promises:
        known = paid.get(promise.payout_id)
        if known is None:
            found.append(Violation("I13", promise.payout_id, f"it is {promise.status}, and the ledger knows of none"))
            continue
        there = (
            known.creator_id,
            known.currency,
            known.amount,
            promise.withheld if known.withheld is None else known.withheld,
            known.rail or promise.rail,
            known.fee,
        )
        said = (
            promise.creator_id,
            promise.currency,
            promise.amount,
            promise.withheld,
            promise.rail,
            promise.fee,
        )
        if promise.status not in known.statuses or said != there:
            steps = ", ".join(sorted(known.steps))
            found.append(
                Violation(
                    "I13", promise.payout_id, f"it is {promise.status} of {said}, in the ledger {steps} of {there}"
                )
            )
    return found


def forsaken(waiting: Iterable[Waiting]) -> list[Violation]:
    """The open payouts that would stay as they are for ever, since nobody comes by them any more.

    What is on its way by a file is none: a person says what became of it.
    """
    found = []
    for each in waiting:
        if each.asked_after:
            continue
        if each.status == "created" and each.run_ended:
            found.append(Violation("I12", each.payout_id, "it is created, its run has ended, and nobody sends it"))
        elif each.status != "created" and each.called:
            found.append(Violation("I12", each.payout_id, f"it is {each.status}, and nobody asks its rail about it"))
    return found


@dataclass(slots=True)
class _Zone:
    """What lies in the zone, and by how much postings that came late may have made it more or less than was counted."""

    total: int = 0
    up: int = 0
    down: int = 0

    def add(self, amount: int, *, may_be_late: bool) -> None:
        self.total += amount
        if may_be_late:
            self.up += max(amount, 0)
            self.down += min(amount, 0)

    def allows(self, counted: int) -> bool:
        return self.down <= self.total - counted <= self.up


@dataclass(slots=True)
class _Recount:
    """One currency, counted again from the entries alone."""

    credited: int = 0
    debited: int = 0
    zone: _Zone = field(default_factory=_Zone)
    unfolded: int = 0
    pending: int = 0
    held: int = 0
    counted: int = 0
    available: int = 0
    in_transit: int = 0
    paid: int = 0
    debits: bool = False


@dataclass(slots=True)
class _TallyRecount:
    """One tally likewise."""

    final: Tally = field(default_factory=Tally)
    amount: _Zone = field(default_factory=_Zone)
    orders: _Zone = field(default_factory=_Zone)

    def add(self, tally: Tally, *, final: bool, may_be_late: bool) -> None:
        if final:
            self.final += tally
        else:
            self.amount.add(tally.amount, may_be_late=may_be_late)
            self.orders.add(tally.orders, may_be_late=may_be_late)

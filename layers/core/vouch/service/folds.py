"""Folds: what has matured on creators' time lines becomes available, daily and whenever it is asked for."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from vouch.deadlines import InTime
from vouch.domain import account
from vouch.domain.account import Balance, Folded
from vouch.domain.ledger import Entry, bonus_entry, fold_entry
from vouch.domain.period_rules import settle_periods
from vouch.service import promises, turns
from vouch.service.deployment import Deployment
from vouch.service.revisions import Kinds, committed
from vouch.service.turns import Done, Round, Turn
from vouch.store import balances, figures, ledger
from vouch.store.database import Overfull, Writes
from vouch.store.tables import Brand, Creator

_MONTHS_MAX = 24
"""So many months of programs change in one transaction, as a rule: each takes an item, and where there are caps or
bonuses some take one for a longer period, and an entry for each rule that has another result."""


Draft = Callable[[Balance, Writes], Sequence[Entry]]
"""What is posted together with a fold, given the balance that the fold leaves: its entries, under that version and at
that watermark. The items that go with them it writes itself. Nothing posted: nothing happens but the fold."""


def fold_creator(deployment: Deployment, brand_id: str, creator_id: str, now: datetime) -> Balance:
    """Folds one account up to the brand's `now` and returns it as it then stands."""
    return fold_and_post(deployment, brand_id, creator_id, now, lambda _balance, _writes: ())


def fold_and_post(
    deployment: Deployment,
    brand_id: str,
    creator_id: str,
    now: datetime,
    draft: Draft,
    *,
    meet: Callable[[Creator], None] = lambda _creator: None,
    final: Kinds = (),
) -> Balance:
    """Folds one account up to the brand's `now`, posts what is drafted in the same transaction, and returns the result.

    The balance's version guards the entries that go with it: who loses the race, or repeats what took effect without
    an answer, reads again and finds less to do, or nothing. What is more than a transaction takes comes in several, of
    which the last one takes what is drafted. `meet` is told who was read with the balance, before anything is drafted
    for it. `final` is as in `committed`.
    """
    months_max = _MONTHS_MAX
    while True:
        try:
            attempt = partial(_fold, deployment, brand_id, creator_id, now, months_max, draft, meet)
            folded = committed(deployment, attempt, final=final)
        except Overfull:
            if months_max == 1:
                raise
            months_max //= 2
        else:
            if not folded.unfinished:
                return folded


def _fold(
    deployment: Deployment,
    brand_id: str,
    creator_id: str,
    now: datetime,
    months_max: int,
    draft: Draft,
    meet: Callable[[Creator], None],
    writes: Writes,
) -> Balance:
    stored = balances.load(deployment.database, brand_id, creator_id)
    if stored.creator is not None:
        meet(stored.creator)
    before = stored.balance
    until, real = max(now, before.watermark), deployment.now()
    entries = ledger.time_line(deployment.database, brand_id, creator_id, start=before.zone_start, until=until)
    folded = extended(deployment, brand_id, account.fold(before, entries, until, real, months_max=months_max))
    drafted = () if folded.balance.unfinished else draft(folded.balance, writes)
    if not folded.changed and not drafted:
        return before
    balance = account.with_entries(folded.balance, drafted)
    balances.replace(writes, brand_id, creator_id, stored, balance)
    version = balance.version
    for currency, amount in folded.moved.items():
        entry = fold_entry(creator_id, currency, amount, at=until, version=version)
        writes.put_new(ledger.fold_item(brand_id, entry, balance))
    for (rule, currency), amount in folded.posted.items():
        entry = bonus_entry(creator_id, rule, currency, amount, at=until, version=version)
        writes.put_new(ledger.item(brand_id, entry))
    for entry in drafted:
        writes.put_new(ledger.item(brand_id, entry))
    return balance


def extended(deployment: Deployment, brand_id: str, folded: Folded) -> Folded:
    """The fold with what caps and bonuses make of it, by the versions of the terms that its orders are under."""
    if not folded.programs:
        return folded
    versions = {(counted.program_id, counted.terms_version) for counted, _ in folded.tallies}
    terms = promises.terms_of(deployment, brand_id, versions)
    return account.extended(folded, settle_periods(folded.tallies, terms))


def fold_due(
    deployment: Deployment,
    brand: Brand,
    now: datetime,
    after: str = "",
    *,
    in_time: InTime = lambda: True,
) -> Turn:
    """Folds all creators noted for days up to the brand's `now`, from behind the row `after`: one, and while `in_time`.

    An account is folded up to the moment at which its turn comes: what a fold posts is dated so, and a round may be
    hours old. It may run twice, or beside itself. A row goes once its day has passed, unless it was put again while we
    folded; today's rows stay, since more of the day's entries mature later. An account that cannot be folded keeps no
    other back; its row stays.
    """
    failures: list[Exception] = []
    for number, (creator_id, row) in enumerate(figures.due(deployment.database, brand.id, now.date(), after)):
        if number and not in_time():
            return Turn(after, failures)
        try:
            fold_creator(deployment, brand.id, creator_id, max(now, deployment.brand_now(brand)))
        except Exception as failure:  # noqa: BLE001 - told with the turn
            failures.append(failure)
        else:
            if figures.day_of(row) < now.date():
                figures.done(deployment.database, row)
        after = row.sk
    return Turn(None, failures)


def fold_brands(deployment: Deployment, *, in_time: InTime) -> Done:
    """Folds every brand's due accounts once a day, as far as a job's time goes.

    A test brand whose clock was moved lives through its days by that clock alone.
    """

    def turn(brand: Brand, current: Round, time: turns.Time) -> Turn:
        return fold_due(deployment, brand, current.moment, current.bookmark, in_time=time.for_another)

    return turns.daily(deployment, "folds", turn, in_time=in_time, of=lambda brand: not brand.clock)


def fold_to(deployment: Deployment, brand: Brand, now: datetime, *, in_time: InTime) -> bool:
    """The same for one brand whose clock stands at `now`; False where time ran out: the same again goes on.

    Raises what went wrong with single accounts, once the others are folded.
    """
    known = turns.noted(brand, "folds")
    current = known if known and known.moment == now and not known.done else Round(now)
    taken = fold_due(deployment, brand, now, current.bookmark, in_time=in_time)
    turns.note(deployment, brand, "folds", current, taken)
    if taken.failures:
        raise ExceptionGroup(f"accounts of {brand.id} that were not folded", taken.failures)
    return taken.bookmark is None

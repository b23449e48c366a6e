"""Folds: what has matured on creators' time lines becomes available, daily and whenever it is asked for."""

from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, time

from vouch.domain import account, times
from vouch.domain.account import Balance
from vouch.domain.errors import Unavailable
from vouch.domain.ledger import fold_entry
from vouch.service.deployment import Deployment
from vouch.store import balances, brands, figures, ledger
from vouch.store.database import Refused, Writes, pause
from vouch.store.tables import Brand, Due

_TRIES = 12


def fold_creator(deployment: Deployment, brand_id: str, creator_id: str, now: datetime) -> Balance:
    """Folds one account up to the brand's `now` and returns it as it then stands.

    The balance's version guards the entries that go with it: who loses the race, or repeats what took effect without
    an answer, reads again and finds less to do, or nothing.
    """
    database = deployment.database
    for attempt in range(_TRIES):
        before = balances.read(database, brand_id, creator_id)
        until, real = max(now, before.watermark), deployment.now()
        entries = ledger.time_line(database, brand_id, creator_id, start=before.zone_start, until=until)
        folded = account.fold(before, entries, until, real)
        if not folded.changed:
            return before
        try:
            database.commit(_writes(brand_id, creator_id, folded))
        except Refused:
            pause(attempt)
        else:
            return folded.balance
    raise Unavailable


def fold_due(
    deployment: Deployment, brand: Brand, now: datetime, *, in_time: Callable[[], bool] = lambda: True
) -> bool:
    """The daily job: folds all creators noted for days up to the brand's `now`; False where time ran out.

    It may run twice, or beside itself. A row goes once its day has passed, unless it was put again while we folded;
    today's rows stay, since more of the day's entries mature later. Raises what went wrong with single accounts, all
    of it, once the others are folded.
    """
    rows: dict[str, list[Due]] = defaultdict(list)
    for creator_id, row in figures.due(deployment.database, brand.id, now.date()):
        rows[creator_id].append(row)
    failures: list[Exception] = []
    finished = True
    for creator_id, noted in rows.items():
        if not in_time():
            finished = False
            break
        try:
            fold_creator(deployment, brand.id, creator_id, now)
        except Exception as failure:  # noqa: BLE001 - one account that cannot be folded must not keep back the others
            failures.append(failure)
            continue
        for row in noted:
            if figures.day_of(row) < now.date():
                figures.done(deployment.database, row)
    if failures:
        raise ExceptionGroup(f"accounts of {brand.id} that were not folded", failures)
    if finished:
        brands.folded(deployment.database, brand, now)
    return finished


def fold_brands(deployment: Deployment, *, in_time: Callable[[], bool]) -> int:
    """The daily job of every brand whose day has begun, and how many it finished; the rest is the next hour's.

    A test brand whose clock was moved lives through its days by that clock alone.
    """
    finished = 0
    failures: list[Exception] = []
    for brand in brands.every(deployment.database):
        now = deployment.now()
        today = datetime.combine(now.date(), time.min, UTC)
        if brand.clock or (brand.folded_to and times.parse(brand.folded_to) >= today):
            continue
        try:
            if not fold_due(deployment, brand, now, in_time=in_time):
                break
        except ExceptionGroup as failure:
            failures.append(failure)
        else:
            finished += 1
    if failures:
        raise ExceptionGroup("brands whose day is not done", failures)
    return finished


def _writes(brand_id: str, creator_id: str, folded: account.Folded) -> Writes:
    balance = folded.balance
    writes = Writes()
    balances.replace(writes, brand_id, creator_id, balance)
    for currency, amount in folded.moved.items():
        entry = fold_entry(creator_id, currency, amount, at=balance.watermark, version=balance.version)
        writes.put_new(ledger.fold_item(brand_id, entry, balance))
    return writes

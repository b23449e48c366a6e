"""A creator's balances, whenever the account was last folded: exact, or by kept sums where the account is huge."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

from vouch.domain import account
from vouch.domain import buckets as domain
from vouch.domain.account import Figures
from vouch.domain.ledger import Entry
from vouch.service.deployment import Deployment
from vouch.service.folds import extended
from vouch.store import balances as balance_items
from vouch.store import buckets, ledger
from vouch.store.tables import Brand

_ENTRIES_MAX: Final = 1000
"""Half a megabyte and 60 ms of a processor; the megabyte that a request can bring would be 140."""


def balances(deployment: Deployment, brand: Brand, creator_id: str) -> dict[str, Figures]:
    """By currency, in the currencies' order. Raises NotFound for a creator whom the brand does not have.

    What a fold of this moment would come to, caps and bonuses included, in two requests. The two need not see the same
    moment: entries never change, so any balance, however old, and the time line behind it give the sums of now.

    Where there are more entries since the last fold, ahead and held than are worth reading, it is the kept sums that
    tell, in a third request and however many there are: `KeptFigures`.
    """
    database, now = deployment.database, deployment.brand_now(brand)
    balance = balance_items.read_of_creator(database, brand.id, creator_id)
    until, pending = max(now, balance.watermark), Counter[str]()
    entries = ledger.open_entries(database, brand.id, creator_id, start=balance.zone_start, most=_ENTRIES_MAX)
    if entries is None:
        return {**domain.figures(balance, buckets.read(database, brand.id, creator_id, until))}
    time_line, held = [entry for entry in entries if entry.position], [entry for entry in entries if not entry.position]
    folded = account.fold(balance, _matured(time_line, until, pending), until, deployment.now())
    return account.figures(extended(deployment, brand.id, folded).balance, pending, held)


def _matured(entries: Iterable[Entry], until: datetime, pending: Counter[str]) -> Iterator[Entry]:
    """Those up to that moment; what is due later is added up by currency instead."""
    for entry in entries:
        if entry.position is not None and entry.position > until:
            pending[entry.currency] += account.value(entry)
        else:
            yield entry

"""A creator's balances: exact at every moment, whenever the account was last folded, in three requests as a rule."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime

from vouch.domain import account
from vouch.domain.account import Figures
from vouch.domain.ledger import Entry
from vouch.service.deployment import Deployment
from vouch.service.folds import extended
from vouch.store import balances as balance_items
from vouch.store import ledger
from vouch.store.tables import Brand


def balances(deployment: Deployment, brand: Brand, creator_id: str) -> dict[str, Figures]:
    """By currency, in the currencies' order. Raises NotFound for a creator whom the brand does not have.

    What a fold of this moment would come to, caps and bonuses included. The three reads need not see the same moment:
    entries never change, so any balance, however old, and the time line behind it give the sums of now.
    """
    database, now = deployment.database, deployment.brand_now(brand)
    balance = balance_items.read_of_creator(database, brand.id, creator_id)
    until, pending = max(now, balance.watermark), Counter[str]()
    entries = ledger.time_line(database, brand.id, creator_id, start=balance.zone_start)
    folded = account.fold(balance, _matured(entries, until, pending), until, deployment.now())
    held = ledger.held(database, brand.id, creator_id)
    return account.figures(extended(deployment, brand.id, folded).balance, pending, held)


def _matured(entries: Iterable[Entry], until: datetime, pending: Counter[str]) -> Iterator[Entry]:
    """Those up to that moment; what is due later is added up by currency instead."""
    for entry in entries:
        if entry.position is not None and entry.position > until:
            pending[entry.currency] += account.due(entry)
        else:
            yield entry

"""Checks a brand's books against the invariants: every account, then every order, as far as a call's time goes.

Nothing stands still meanwhile. What looks wrong is therefore looked at again, and is a violation only if it stays.
"""

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from vouch import telemetry
from vouch.domain.errors import Unavailable
from vouch.domain.invariants import AccountAudit, Parts, Standing, Violation, commission_violations, unequal
from vouch.service import brands, orders
from vouch.service.deployment import Deployment
from vouch.store import audits, balances, ledger
from vouch.store.database import pause
from vouch.store.tables import Brand

Cursor = Mapping[str, Any]
"""Plain JSON: the phase, and where its next page begins."""
_ORDERS_PER_PAGE = 25
_VIOLATIONS_MAX = 200
_LOOKS = 3
_GARBLED = (ValueError, TypeError, LookupError, zlib.error)
"""What reading an item raises that is not what was put; the world's own failures are none of these."""


@dataclass(frozen=True, slots=True)
class Report:
    """`checked` counts entries, commissions and orders. It is the whole truth once `next_cursor` is None."""

    violations: Sequence[Violation]
    checked: int
    next_cursor: Cursor | None
    as_of: datetime

    @property
    def ok(self) -> bool:
        """Whether this call found nothing."""
        return not self.violations


def verify(
    deployment: Deployment, brand: Brand, cursor: Cursor | None = None, *, in_time: Callable[[], bool] = lambda: True
) -> Report:
    """Goes on from `cursor` while `in_time`; one account or one page of orders at least."""
    as_of = deployment.brand_now(brand)
    cursor = cursor or {"phase": "accounts", "after": None}
    found: list[Violation] = []
    checked = 0
    while True:
        violations, looked_at, cursor = _PHASES[cursor["phase"]](deployment, brand, cursor["after"])
        found += violations
        checked += looked_at
        if cursor is None or len(found) >= _VIOLATIONS_MAX or not in_time():
            return Report(found, checked, cursor, as_of)


Step = tuple[list[Violation], int, Cursor | None]


def _next_account(deployment: Deployment, brand: Brand, after: audits.Bookmark) -> Step:
    creators, after = audits.creators(deployment.database, brand.id, after, limit=1)
    found: list[Violation] = []
    checked = 0
    for creator_id in creators:
        audit = _audited(deployment, brand, creator_id)
        standings = _standings(deployment, brand, creator_id)
        found += [*audit.violations(), *commission_violations(standings)]
        if audit.late:
            telemetry.count("LateStraggler")
        found += _order_violations(deployment, brand, creator_id, list(unequal(audit.orders(), standings)))
        checked += audit.entries + len(standings)
    return found, checked, {"phase": "accounts" if after else "orders", "after": after}


def _next_orders(deployment: Deployment, brand: Brand, after: audits.Bookmark) -> Step:
    page, after = audits.orders(deployment.database, brand.id, after, limit=_ORDERS_PER_PAGE)
    found = [violation for order_id in page for violation in _settled_again(deployment, brand, order_id)]
    return found, len(page), {"phase": "orders", "after": after} if after else None


_PHASES = {"accounts": _next_account, "orders": _next_orders}


def _audited(deployment: Deployment, brand: Brand, creator_id: str) -> AccountAudit:
    database = deployment.database
    balance = balances.read(database, brand.id, creator_id)
    # After the balance: a clock that is moved meanwhile does not lie behind what was folded by it.
    brand = brands.found(deployment, brand.id)
    now = deployment.brand_now(brand)
    audit = AccountAudit(creator_id, balance, now, clock_set=bool(brand.clock))
    for item in ledger.everything(database, brand.id, creator_id):
        if isinstance(item, ledger.Unreadable):
            audit.unreadable(item.sort_key, item.reason)
        else:
            audit.entry(item.sort_key, item.entry, item.fold)
    return audit


def _standings(deployment: Deployment, brand: Brand, creator_id: str) -> list[Standing]:
    found, after = audits.standings(deployment.database, brand.id, creator_id, None)
    while after is not None:
        page, after = audits.standings(deployment.database, brand.id, creator_id, after)
        found += page
    return found


def _order_violations(deployment: Deployment, brand: Brand, creator_id: str, suspects: list[str]) -> list[Violation]:
    """I5 for orders that looked wrong: one that was not settled while its entries were read must match."""
    database = deployment.database
    found: list[Violation] = []
    for attempt in range(_LOOKS):
        if not suspects:
            break
        before, standings = audits.versions_and_standings(database, brand.id, creator_id, suspects)
        entries = _audited(deployment, brand, creator_id).orders()
        after, _ = audits.versions_and_standings(database, brand.id, creator_id, suspects)
        still = [order for order in suspects if before.get(order) == after.get(order)]
        wrong = unequal(
            {order: entries.get(order, {}) for order in still}, (each for each in standings if each.order_id in still)
        )
        found += [
            Violation("I5", order, f"{creator_id}: the ledger holds {_words(held)}, the commission says {_words(said)}")
            for order, (held, said) in wrong.items()
        ]
        suspects = [order for order in suspects if order not in still]
        pause(attempt)
    return found


def _settled_again(deployment: Deployment, brand: Brand, order_id: str) -> list[Violation]:
    found: list[tuple[str, str]] = []
    for _ in range(_LOOKS):
        try:
            found = orders.audit(deployment, brand, order_id)
        except Unavailable:
            found = [("I5", "its items do not belong to one version")]
        except (orders.Defect, *_GARBLED) as failure:
            found = [("I5", f"cannot be settled again: {failure.__cause__ or failure!r}")]
        if not found:
            break
    return [Violation(invariant, order_id, detail) for invariant, detail in found]


def _words(parts: Parts) -> str:
    return ", ".join(f"{part} {amount} {currency}" for (part, currency), amount in sorted(parts.items())) or "nothing"

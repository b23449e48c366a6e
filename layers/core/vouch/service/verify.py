"""Checks a brand's books against the invariants: every account, what moved at rails, then every order.

It goes as far as a call's time does.

Nothing stands still meanwhile. What looks wrong is therefore looked at again, and is a violation only if it stays.

An account is looked at in one go, since all that it holds has to add up: one that needs more time than any call has, or
more room, is named as unchecked, and the check goes on behind it. The nightly job has 40 times the time of a request.
"""

import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import batched, count
from typing import Any

from vouch import telemetry
from vouch.deadlines import InTime
from vouch.domain import clearing, times
from vouch.domain.currencies import EXPONENTS
from vouch.domain.errors import Unavailable
from vouch.domain.invariants import (
    AccountAudit,
    Claim,
    Paid,
    Parts,
    Promise,
    Violation,
    Waiting,
    Word,
    commission_violations,
    forsaken,
    unequal,
    unkept,
    unspoken,
)
from vouch.domain.ledger import CORRECTION, Entry
from vouch.domain.payouts import OPEN
from vouch.rails.registry import RAILS
from vouch.service import brands, orders, promises
from vouch.service.deployment import Deployment
from vouch.service.turns import Time
from vouch.store import adjustments, audits, balances, ledger, open_rows, payout_runs, payouts
from vouch.store import clearing as cash_rows
from vouch.store.database import pause
from vouch.store.tables import AdjustmentItem, Brand, CashRow, PayoutItem

Cursor = Mapping[str, Any]
"""Plain JSON: the phase, and where its next page begins; `currencies` are those of the accounts up to there, in one."""
_ORDERS_PER_PAGE = 25
_ROWS_PER_PAGE = 25
_VIOLATIONS_MAX = 200
_LOOKS = 3
_ENTRIES_MAX = 1_000_000
"""What the nightly job's memory holds of one account."""
_STRETCH = 1000
"""So many entries are read between two looks at the clock."""
_HANDS_AT_WORK = timedelta(hours=12)
"""No message of a run that has ended comes again so much later: the queue brings one twenty times, every half hour."""
_ALWAYS = Time(lambda: True, lambda: True)
_GARBLED = (ValueError, TypeError, LookupError, zlib.error)
"""What reading an item raises that is not what was put; the world's own failures are none of these."""


@dataclass(frozen=True, slots=True)
class Report:
    """`checked` counts entries, commissions and orders. It is the whole truth once `next_cursor` is None.

    `unchecked` are the creators whose accounts are larger than the call.
    """

    violations: Sequence[Violation]
    checked: int
    next_cursor: Cursor | None
    as_of: datetime
    unchecked: Sequence[str] = ()

    @property
    def ok(self) -> bool:
        """Whether this call proved all that it came to."""
        return not self.violations and not self.unchecked


class _TooLarge(Exception):
    """An account needs more time than there is left, or more room than there ever is."""


@dataclass(frozen=True, slots=True)
class _Step:
    """What one step found, and where the next one begins; `unchecked` names the creator of an account too large."""

    violations: Sequence[Violation]
    checked: int
    next: Cursor | None
    unchecked: str | None = None


def verify(deployment: Deployment, brand: Brand, cursor: Cursor | None = None, *, time: Time = _ALWAYS) -> Report:
    """Goes on from `cursor` while there is `time`; one step at least, or an account is unchecked."""
    as_of = deployment.brand_now(brand)
    cursor = cursor or {"phase": "accounts", "after": None}
    found: list[Violation] = []
    unchecked: list[str] = []
    checked = 0
    for number in count():
        step = _PHASES[cursor["phase"]](deployment, brand, cursor, time)
        if step.unchecked and (number or not time.is_most):
            return Report(found, checked, cursor, as_of, unchecked)  # the next call has all its time for it
        found += step.violations
        checked += step.checked
        unchecked += [step.unchecked] if step.unchecked else []
        cursor = step.next
        if cursor is None or len(found) >= _VIOLATIONS_MAX or not time.for_another():
            break
    return Report(found, checked, cursor, as_of, unchecked)


def _next_account(deployment: Deployment, brand: Brand, cursor: Cursor, time: Time) -> _Step:
    creators, after = audits.creators(deployment.database, brand.id, cursor["after"], limit=1)
    currencies = set(_apart(cursor.get("currencies", "")))
    following: Cursor = {"phase": "accounts", "after": after} if after else {"phase": "cash", "place": 0, "after": ""}
    if not creators:
        return _Step((), 0, {**following, "currencies": "".join(sorted(currencies))})
    [creator_id] = creators
    try:
        found, checked, seen = _account(deployment, brand, creator_id, time.for_this)
        currencies |= seen & EXPONENTS.keys()  # an entry in anything else was found with the account
    except _TooLarge:
        return _Step((), 0, {**following, "currencies": "".join(sorted(currencies))}, unchecked=creator_id)
    except balances.Torn:
        checked, found = 0, [Violation("I3", creator_id, "what lies beside its balance was not put with it")]
    except _GARBLED as failure:
        checked, found = 0, [Violation("I3", creator_id, f"its balance or a commission cannot be read: {failure!r}")]
    kept, more = found[:_VIOLATIONS_MAX], len(found) - _VIOLATIONS_MAX
    if more > 0:
        kept.append(Violation(found[_VIOLATIONS_MAX].invariant, creator_id, f"and {more} violations more"))
    return _Step(kept, checked, {**following, "currencies": "".join(sorted(currencies))})


def _apart(currencies: str) -> list[str]:
    return ["".join(letters) for letters in batched(currencies, 3, strict=True)]


def _next_cash(deployment: Deployment, brand: Brand, cursor: Cursor, time: Time) -> _Step:  # noqa: ARG001
    """I16, a page of what is noted of one rail in one currency: each is the part of an entry, of which payout's step.

    That it has the entry's amount is found with the account.
    """
    places = [(rail, currency) for rail in sorted(RAILS) for currency in _apart(cursor["currencies"])]
    if cursor["place"] >= len(places):
        return _Step((), 0, {"phase": "orders", "after": None})
    rail, currency = places[cursor["place"]]
    rows = cash_rows.rows(
        deployment.database, brand.id, rail, currency, cash_rows.EVER, after=cursor["after"], limit=_ROWS_PER_PAGE
    )
    items = {item.id: item for item in payouts.payouts(deployment.database, brand.id, {row.payout_id for row in rows})}
    found = [
        Violation("I16", cash_rows.entry_id(row), f"{row.step} {row.amount} of {row.payout_id} is noted, and {wrong}")
        for row in rows
        if (wrong := _wrong(deployment, brand, rail, row, items.get(row.payout_id))) is not None
    ]
    if len(rows) == _ROWS_PER_PAGE:
        return _Step(found, 0, {**cursor, "after": rows[-1].sk})
    return _Step(found, 0, {**cursor, "place": cursor["place"] + 1, "after": ""})


def _wrong(deployment: Deployment, brand: Brand, rail: str, row: CashRow, item: PayoutItem | None) -> str | None:
    """Why the row is no part of an entry; None: it is."""
    if item is None:
        return "there is no such payout"
    try:
        at, entry_id = cash_rows.moved_at(row), cash_rows.entry_id(row)
        entry = ledger.of_payout(deployment.database, brand.id, item.creator_id, entry_id, at)
        movement = clearing.movement(entry, rail) if entry is not None and entry.payout_id == item.id else None
    except ledger.NO_ENTRY as failure:
        return f"its entry cannot be read: {failure!r}"
    return None if movement is not None and movement.step == row.step else "no entry says so"


def _next_orders(deployment: Deployment, brand: Brand, cursor: Cursor, time: Time) -> _Step:
    """A page, or what there is time for of it: `seen` are those of it that were looked at before."""
    page, after = audits.orders(deployment.database, brand.id, cursor["after"], limit=_ORDERS_PER_PAGE)
    found: list[Violation] = []
    seen = list(cursor.get("seen", ()))
    new = [order_id for order_id in page if order_id not in seen]
    for number, order_id in enumerate(new):
        if number and not time.for_another():
            return _Step(found, number, {"phase": "orders", "after": cursor["after"], "seen": seen})
        found += _settled_again(deployment, brand, order_id)
        seen.append(order_id)
    return _Step(found, len(new), {"phase": "orders", "after": after} if after else None)


_PHASES = {"accounts": _next_account, "cash": _next_cash, "orders": _next_orders}


def _account(
    deployment: Deployment, brand: Brand, creator_id: str, in_time: InTime
) -> tuple[list[Violation], int, set[str]]:
    """What is wrong, how much was looked at, and all the currencies of it."""
    before = _payouts(deployment, brand, creator_id, in_time)
    said = _said(deployment, brand, creator_id, in_time)
    audit = _audited(deployment, brand, creator_id, in_time)
    claims = _claims(deployment, brand, creator_id, in_time)
    found = [*audit.violations(), *commission_violations(claims)]
    suspects = list(unequal(audit.orders(), claims))
    found += _order_violations(deployment, brand, creator_id, suspects, in_time)
    found += _payout_violations(deployment, brand, creator_id, before, audit.payouts(), in_time)
    found += unspoken(audit.words(), said | _said_since(deployment, brand, audit.words(), said))
    found += _cash_violations(deployment, brand, audit.movements())
    if audit.late:
        telemetry.count("LateStraggler")
    return found, audit.entries + len(claims), audit.currencies()


def _audited(deployment: Deployment, brand: Brand, creator_id: str, in_time: InTime) -> AccountAudit:
    database = deployment.database
    balance = balances.read(database, brand.id, creator_id)
    # After the balance: a clock that is moved meanwhile does not lie behind what was folded by it.
    brand = brands.found(deployment, brand.id)
    now = deployment.brand_now(brand)
    versions = {(counted.program_id, counted.terms_version) for counted, _ in balance.tallies}
    terms = promises.terms_of(deployment, brand.id, versions)
    audit = AccountAudit(creator_id, balance, now, terms, clock_set=bool(brand.clock))
    for item in _while(in_time, ledger.everything(database, brand.id, creator_id)):
        if isinstance(item, ledger.Unreadable):
            audit.unreadable(item.sort_key, item.reason)
        else:
            audit.entry(item.sort_key, item.entry)
    return audit


def _while[T](in_time: InTime, items: Iterable[T]) -> Iterator[T]:
    """All the items. Raises _TooLarge where time ends before they do, or they are too many."""
    for number, stretch in enumerate(batched(items, _STRETCH, strict=False)):
        if (number and not in_time()) or number * _STRETCH >= _ENTRIES_MAX:
            raise _TooLarge
        yield from stretch


def _claims(deployment: Deployment, brand: Brand, creator_id: str, in_time: InTime) -> list[Claim]:
    return list(_while(in_time, audits.claims(deployment.database, brand.id, creator_id)))


def _order_violations(
    deployment: Deployment, brand: Brand, creator_id: str, suspects: list[str], in_time: InTime
) -> list[Violation]:
    """I6 for orders that looked wrong: one that was not settled while its entries were read must match."""
    database = deployment.database
    found: list[Violation] = []
    for attempt in range(_LOOKS):
        if not suspects:
            break
        before = dict(_while(in_time, audits.versions(database, brand.id, suspects)))
        claims = list(_while(in_time, audits.claims_of(database, brand.id, creator_id, suspects)))
        entries = _audited(deployment, brand, creator_id, in_time).orders()
        after = dict(_while(in_time, audits.versions(database, brand.id, suspects)))
        still = {order for order in suspects if before.get(order) == after.get(order)}
        wrong = unequal(
            {order: entries.get(order, {}) for order in still}, (each for each in claims if each.order_id in still)
        )
        found += [
            Violation("I6", order, f"{creator_id}: the ledger holds {_words(held)}, the commission says {_words(said)}")
            for order, (held, said) in wrong.items()
        ]
        suspects = [order for order in suspects if order not in still]
        pause(attempt)
    return found


def _payouts(deployment: Deployment, brand: Brand, creator_id: str, in_time: InTime) -> dict[str, PayoutItem]:
    """The creator's payouts, by id."""
    return {item.id: item for item in _while(in_time, audits.payouts(deployment.database, brand.id, creator_id))}


def _payout_violations(
    deployment: Deployment,
    brand: Brand,
    creator_id: str,
    before: Mapping[str, PayoutItem],
    paid: Mapping[str, Paid],
    in_time: InTime,
) -> list[Violation]:
    """I12 and I13, for what the creator's list shows, and then for what else the ledger knows of."""
    shown = partial(_payouts, deployment, brand, creator_id, in_time)
    found, after = _unsound(deployment, brand, before, paid, shown)
    hidden = [payout_id for payout_id in paid if payout_id not in after]
    if not hidden:
        return found
    by_ids = partial(_payouts_by_ids, deployment, brand, hidden)
    there = by_ids()
    found += [Violation("I13", payout_id, "it has no item") for payout_id in hidden if payout_id not in there]
    if there:
        paid = _audited(deployment, brand, creator_id, in_time).payouts()
        found += _unsound(deployment, brand, there, paid, by_ids)[0]
    return found


def _unsound(
    deployment: Deployment,
    brand: Brand,
    before: Mapping[str, PayoutItem],
    paid: Mapping[str, Paid],
    again: Callable[[], Mapping[str, PayoutItem]],
) -> tuple[list[Violation], Mapping[str, PayoutItem]]:
    """I12 and I13 for payouts that nobody changed since before the ledger was read; and all as they are now."""
    waiting = _waiting(deployment, brand, [item for item in before.values() if item.status in OPEN])
    after = again()
    still = {payout_id for payout_id, item in before.items() if _version(after, payout_id) == item.version}
    said = [_promise(item) for payout_id, item in before.items() if payout_id in still]
    return [*unkept(paid, said), *forsaken(each for each in waiting if each.payout_id in still)], after


def _payouts_by_ids(deployment: Deployment, brand: Brand, payout_ids: Sequence[str]) -> dict[str, PayoutItem]:
    return {item.id: item for item in payouts.payouts(deployment.database, brand.id, payout_ids)}


def _version(items: Mapping[str, PayoutItem], payout_id: str) -> int | None:
    return items[payout_id].version if payout_id in items else None


def _promise(item: PayoutItem) -> Promise:
    return Promise(
        item.id,
        item.creator_id,
        item.status,
        item.currency,
        item.amount,
        {item.authority or "": item.withheld} if item.withheld else {},
        item.rail,
        fee=(item.fee[0], item.fee[1]) if item.fee and item.fee[0] else None,
    )


def _waiting(deployment: Deployment, brand: Brand, items: Sequence[PayoutItem]) -> list[Waiting]:
    """Who would take these further, once they were read. A run that ended just now may still have hands at work."""
    run_ids = {item.run_id for item in items}
    noted = open_rows.known(deployment.database, brand.id, {*run_ids, *(item.id for item in items)})
    at_work = noted | {
        run.id
        for run in payout_runs.runs(deployment.database, brand.id, run_ids)
        if deployment.now() - times.parse(run.moved_at) < _HANDS_AT_WORK
    }
    return [
        Waiting(
            item.id,
            item.status,
            run_ended=item.run_id not in at_work,
            called=RAILS[item.rail].api is not None,
            asked_after=item.id in noted,
        )
        for item in items
    ]


def _said(deployment: Deployment, brand: Brand, creator_id: str, in_time: InTime) -> dict[str, tuple[str, Word]]:
    """What adjustments that are posted say, by the ids of their entries."""
    items = _while(in_time, audits.adjustments(deployment.database, brand.id, creator_id))
    return dict(_word(item) for item in items if item.status == "posted")


def _said_since(
    deployment: Deployment,
    brand: Brand,
    words: Mapping[str, tuple[str, Word]],
    said: Mapping[str, tuple[str, Word]],
) -> dict[str, tuple[str, Word]]:
    """Likewise, of those that were posted since these were read; a correction is named by what it takes back."""
    found: dict[str, tuple[str, Word]] = {}
    for entry_id in words.keys() - said.keys():
        about, word = words[entry_id]
        item = adjustments.adjustment(deployment.database, brand.id, about)
        if item is not None and word.kind == CORRECTION:
            item = adjustments.adjustment(deployment.database, brand.id, item.reversed_by or "")
        if item is not None and item.status == "posted":
            found |= dict([_word(item)])
    return {entry_id: each for entry_id, each in found.items() if entry_id in words}


def _word(item: AdjustmentItem) -> tuple[str, tuple[str, Word]]:
    return item.entry_id, (item.reverses or item.id, Word(item.type, item.currency, item.amount))


def _cash_violations(deployment: Deployment, brand: Brand, entries: Sequence[Entry]) -> list[Violation]:
    """I16: each part of an entry in `cash:<rail>` is noted with it, so that clearing finds it."""
    noted = cash_rows.rows_of(deployment.database, brand.id, entries)
    return [
        Violation("I16", entry.id, f"it moves {clearing.moved(entry)}, and {noted.get(entry.id, {})} is noted")
        for entry in entries
        if noted.get(entry.id, {}) != clearing.moved(entry)
    ]


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

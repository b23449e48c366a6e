"""What a person says of an account: adjustments, debts written off, and the correction of either.

    pending_approval ──▶ posted ──▶ (taken back by a correction)
          └─────────▶ declined

Whatever is posted goes with a fold, and with the item that says so, in one transaction. The item has a fixed key and a
version, so however often something is asked for or approved, and whatever the clock says by then, it is posted once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vouch.domain import times
from vouch.domain.account import Balance
from vouch.domain.errors import Conflict, Forbidden, NotFound, Unprocessable
from vouch.domain.ledger import ADJUSTMENT, CORRECTION, WRITEOFF, Entry, adjustment_entry
from vouch.service import pages, payout_settings
from vouch.service.deployment import Deployment
from vouch.service.folds import fold_and_post
from vouch.service.mint import Mint
from vouch.service.pages import Page
from vouch.service.revisions import committed
from vouch.store import adjustments, creators, versions
from vouch.store.adjustments import PENDING, PREFIX
from vouch.store.database import Writes
from vouch.store.tables import AdjustmentItem, ApiKey, Brand


@dataclass(frozen=True, slots=True)
class Wish:
    """More (or less) for a creator; without an amount: what they owe is forgiven, however much that is."""

    creator_id: str
    currency: str
    amount: int | None
    reason: str


def found(deployment: Deployment, brand: Brand, adjustment_id: str) -> AdjustmentItem:
    """Raises NotFound where the brand has no such adjustment."""
    item = adjustments.adjustment(deployment.database, brand.id, adjustment_id)
    if item is None:
        raise NotFound
    return item


def listed(
    deployment: Deployment, brand: Brand, *, creator_id: str | None, status: str | None, limit: int, cursor: str | None
) -> Page[AdjustmentItem]:
    """The brand's, or one creator's, the newest first. With a status a page may be short though more follow."""
    of_brand = creator_id is None
    index = adjustments.index(brand.id) if of_brand else adjustments.creators_index(brand.id, creator_id or "")
    where = {"status": status}
    return pages.read(deployment, AdjustmentItem, index, limit=limit, cursor=cursor, newest_first=True, where=where)


# --- asking for one ---------------------------------------------------------------------------------------------------


def created(deployment: Deployment, brand: Brand, key: ApiKey, minted: Mint, wish: Wish) -> AdjustmentItem:
    """Posts it, or has it wait for another's approval where it is above the brand's limit.

    Raises NotFound for a creator whom the brand does not have, and Unprocessable where nothing is owed.
    """
    if creators.creator(deployment.database, brand.id, wish.creator_id) is None:
        raise NotFound(param="creator_id")
    adjustment_id = minted.id(PREFIX)

    def draft() -> AdjustmentItem:
        return adjustments.new(
            brand.id,
            adjustment_id,
            ADJUSTMENT if wish.amount is not None else WRITEOFF,
            creator_id=wish.creator_id,
            currency=wish.currency,
            amount=wish.amount,
            reason=wish.reason,
            created_by=key.id,
            at=deployment.brand_now(brand),
        )

    return _begun(deployment, brand, adjustment_id, wish.creator_id, wish.currency, draft)


def reversed_(
    deployment: Deployment, brand: Brand, key: ApiKey, minted: Mint, adjustment_id: str, reason: str
) -> AdjustmentItem:
    """The correction that takes a posted adjustment or write-off back to the unit; it waits as others do.

    Raises Conflict where there is nothing to take back, or another correction has it, or is about to.
    """
    correction_id = minted.id(PREFIX)
    original = _reversible(deployment, brand, adjustment_id, correction_id)

    def draft() -> AdjustmentItem:
        correction = adjustments.new(
            brand.id,
            correction_id,
            CORRECTION,
            creator_id=original.creator_id,
            currency=original.currency,
            amount=-original.amount,
            reason=reason,
            created_by=key.id,
            at=deployment.brand_now(brand),
        )
        correction.reverses = original.id
        return correction

    def claim(writes: Writes) -> None:
        item = _reversible(deployment, brand, adjustment_id, correction_id)
        item.reversed_by = correction_id
        versions.put(writes, item)

    return _begun(deployment, brand, correction_id, original.creator_id, original.currency, draft, claim)


def _reversible(deployment: Deployment, brand: Brand, adjustment_id: str, by: str) -> AdjustmentItem:
    item = found(deployment, brand, adjustment_id)
    if item.type == CORRECTION or item.status != "posted":
        raise Conflict("not_reversible")
    if item.reversed_by not in (None, by):
        raise Conflict("already_reversed", correction=item.reversed_by)
    return item


def _begun(
    deployment: Deployment,
    brand: Brand,
    adjustment_id: str,
    creator_id: str,
    currency: str,
    new: Callable[[], AdjustmentItem],
    claim: Callable[[Writes], None] = lambda _: None,
) -> AdjustmentItem:
    """A new one, posted or waiting, with what it lays claim to; or what an earlier try of ours has made of it."""
    limit = payout_settings.of(deployment, brand).currency(currency).adjustment_limit
    item: AdjustmentItem | None = None

    def draft(balance: Balance, writes: Writes) -> Sequence[Entry]:
        nonlocal item
        item = adjustments.adjustment(deployment.database, brand.id, adjustment_id)
        if item is not None:
            return ()
        item = new()
        claim(writes)
        amount = _amount(item, balance)
        waits = limit is not None and abs(amount) > limit
        entries = [] if waits else [_posted(deployment, brand, item, amount, balance)]
        versions.put(writes, item)
        return entries

    fold_and_post(deployment, brand.id, creator_id, deployment.brand_now(brand), draft)
    return item or found(deployment, brand, adjustment_id)


# --- deciding on one --------------------------------------------------------------------------------------------------


def approved(deployment: Deployment, brand: Brand, key: ApiKey, adjustment_id: str) -> AdjustmentItem:
    """Posts what waits, by the word of another key than the one that asked for it.

    Of a write-off that is what is owed at this moment. Raises Forbidden, Conflict where it was decided before in
    another way or by another key, and Unprocessable where nothing is owed any more.
    """
    item = _to_decide(deployment, brand, key, adjustment_id)

    def draft(balance: Balance, writes: Writes) -> Sequence[Entry]:
        nonlocal item
        item = found(deployment, brand, adjustment_id)
        if item.status != PENDING:
            return ()
        entry = _posted(deployment, brand, item, _amount(item, balance), balance)
        item.approved_by = key.id
        versions.put(writes, item)
        return (entry,)

    if item.status == PENDING:
        fold_and_post(deployment, brand.id, item.creator_id, deployment.brand_now(brand), draft)
    if item.approved_by != key.id:
        raise Conflict("adjustment_decided", status=item.status)
    return item


def declined(deployment: Deployment, brand: Brand, key: ApiKey, adjustment_id: str) -> AdjustmentItem:
    """Nothing is posted; likewise. What a declined correction was to take back can be asked for again."""
    _to_decide(deployment, brand, key, adjustment_id)

    def attempt(writes: Writes) -> AdjustmentItem:
        item = found(deployment, brand, adjustment_id)
        if item.status != PENDING:
            return item
        item.status, item.declined_by = "declined", key.id
        versions.put(writes, item)
        if item.reverses:
            original = found(deployment, brand, item.reverses)
            original.reversed_by = None
            versions.put(writes, original)
        return item

    item = committed(deployment, attempt)
    if item.declined_by != key.id:
        raise Conflict("adjustment_decided", status=item.status)
    return item


def _to_decide(deployment: Deployment, brand: Brand, key: ApiKey, adjustment_id: str) -> AdjustmentItem:
    item = found(deployment, brand, adjustment_id)
    if item.created_by == key.id:
        raise Forbidden("own_adjustment")
    return item


# --- posting ----------------------------------------------------------------------------------------------------------


def _amount(item: AdjustmentItem, balance: Balance) -> int:
    """What it comes to, given the balance that its fold leaves."""
    if item.type != WRITEOFF:
        amount: int = item.amount
        return amount
    owed = -balance.of(item.currency).available
    if owed <= 0:
        raise Unprocessable("nothing_owed", currency=item.currency)
    return owed


def _posted(deployment: Deployment, brand: Brand, item: AdjustmentItem, amount: int, balance: Balance) -> Entry:
    """The entry, and the item as it is with it."""
    original = found(deployment, brand, item.reverses) if item.reverses else None
    entry = adjustment_entry(
        item.type,
        original.id if original else item.id,
        item.creator_id,
        item.currency,
        amount,
        at=balance.watermark,
        version=balance.version,
        corrects=original.type if original else ADJUSTMENT,
    )
    item.amount, item.status, item.entry_id = amount, "posted", entry.id
    item.posted_at = times.text(balance.watermark)
    return entry

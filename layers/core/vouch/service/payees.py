"""Creators as payees: where their money goes, which is sealed, and what a brand has to know before it pays."""

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import date, datetime
from functools import cache
from types import EllipsisType

from vouch.domain import payout_methods, times
from vouch.domain.errors import NotFound, Stale, Unprocessable
from vouch.domain.payouts import CHANGE_HOLD, Destination, Payee, Skipped, stop
from vouch.service import creators
from vouch.service.deployment import Deployment
from vouch.service.revisions import committed, revised
from vouch.store import balances, payees, payout_settings, payouts, versions
from vouch.store.database import Writes
from vouch.store.tables import Brand, Creator, PayeeItem, PayoutMethod
from vouch.store.vault import Owner

CHANGES_MAX = 5
"""Of a payout method within `CHANGE_HOLD`: each has mails written, and the one that warns shall not be lost in them."""


@dataclass(frozen=True, slots=True)
class Method:
    """A stored destination: what kind it is, the whole of it sealed, and what may be read of it."""

    kind: str
    sealed: str
    shown: str


@dataclass(frozen=True, slots=True)
class Profile:
    """What a payout has to know of a creator."""

    creator: Creator
    payee: Payee
    method: Method | None

    def is_as(self, creator: Creator) -> bool:
        """Whether it is still so, by what the creator is as read just now."""
        known = self.creator
        return (known.version, known.payee_changes) == (creator.version, creator.payee_changes)


@dataclass(frozen=True, slots=True)
class Note:
    """What a brand notes of a creator. A `tax_id` of `...` stays as it is; None takes it away."""

    held: bool
    held_reason: str | None
    country: str | None
    entity: str | None
    tax_form: str | None
    tax_form_expires_on: date | None
    tax_id: str | EllipsisType | None
    withholding_bps: int
    tax_certificate: str | None
    tax_certificate_expires_on: date | None


def profile(deployment: Deployment, brand_id: str, creator_id: str) -> Profile:
    """One creator's, `in_order`. Raises NotFound where the brand has no such creator."""
    found = profiles(deployment, brand_id, [creator_id], in_order=True)
    if creator_id not in found:
        raise NotFound
    return found[creator_id]


def profiles(
    deployment: Deployment, brand_id: str, creator_ids: Iterable[str], *, in_order: bool = False
) -> dict[str, Profile]:
    """Those of the creators who exist. `in_order`: so that `is_as` is sure to tell each change behind them."""
    found = payees.found(deployment.database, brand_id, creator_ids, in_order=in_order)
    return {creator_id: _profile(*items) for creator_id, items in found.items()}


def destination(deployment: Deployment, brand_id: str, creator_id: str, sealed: str) -> Destination:
    """What was sealed. Raises Misplaced where that was done for another creator's method."""
    said = json.loads(deployment.vault.open(Owner(brand_id, "payout_method", creator_id), sealed))
    return Destination(said["kind"], said["holder"], said["fields"])


def address(creator: Creator, version: int) -> str:
    """The address that this version of the creator had, whatever became theirs after it, were it in the same moment."""
    left_behind = (former for former, _, last_version in creator.former_emails if last_version >= version)
    return next(left_behind, creator.email)


def stopped(deployment: Deployment, brand: Brand, payee: Payee) -> Skipped | None:
    """Why what was made for the creator, and is not sent, shall not be sent any more; None: it may."""
    return stopping(deployment, brand)(payee)


def stopping(deployment: Deployment, brand: Brand) -> Callable[[Payee], Skipped | None]:
    """Says the same of many creators; the brand's days are looked up once, if anybody's certificate expires."""
    now = deployment.brand_now(brand)
    time_zone = cache(lambda: payout_settings.settings(deployment.database, brand.id).time_zone)

    def stopped(payee: Payee) -> Skipped | None:
        return stop(payee, now, time_zone() if payee.tax_certificate_expires is not None else "UTC")

    return stopped


# --- where the money goes ---------------------------------------------------------------------------------------------


def method(deployment: Deployment, brand: Brand, creator_id: str) -> PayoutMethod:
    """Raises NotFound where the brand has no such creator, or the creator has said nothing yet."""
    _, item, _ = _found(deployment, brand, creator_id)
    if item is None:
        raise NotFound("payout_method_missing")
    return item


def method_set(
    deployment: Deployment, brand: Brand, creator_id: str, to: Destination, *, if_match: int | None
) -> PayoutMethod:
    """From now on the creator's money goes to `to`; the same again is no change. Who may say so is the caller's care.

    One that takes another's place waits for `CHANGE_HOLD`, the former one said anew included; so does the first one of
    a creator who was paid without any. The creator hears of it wherever they could be reached lately: whoever moves
    their address first diverts nothing. Raises Stale where `if_match` is not the version; 0: there is none. Raises
    Unprocessable where it changes too often.
    """
    now = deployment.brand_now(brand)

    def attempt(writes: Writes) -> PayoutMethod:
        creator, known, _ = _found(deployment, brand, creator_id)
        item = known or payees.no_method(brand.id, creator_id)
        if if_match not in {None, item.version}:
            raise Stale
        if known is not None:
            if destination(deployment, brand.id, creator_id, known.sealed) == to:
                return known
            item.replaced = [known.type, known.sealed, known.shown]
        if known is not None or _moved_lately(creator, now) or _was_paid(deployment, brand, creator_id):
            _count_change(item, now)
        item.told = creators.addresses(creator, now)
        item.type, item.holder, item.shown = to.kind, to.holder or None, payout_methods.shown(to)
        owner = Owner(brand.id, "payout_method", creator_id)
        item.sealed = deployment.vault.seal(owner, json.dumps(asdict(to), ensure_ascii=False))
        versions.put(writes, item)
        payees.count_change(writes, brand.id, creator_id)
        return item

    return committed(deployment, attempt)


def hold_ends(deployment: Deployment, brand: Brand, item: PayoutMethod) -> datetime | None:
    """Until when nothing is paid by this method; None: it may be."""
    end = hold_end(item)
    return end if end is not None and deployment.brand_now(brand) < end else None


def hold_end(item: PayoutMethod) -> datetime | None:
    """When a change has waited long enough, be that past or ahead; None: it has nothing to wait for."""
    since = _held_since(item)
    return times.parse(since) + CHANGE_HOLD if since else None


# --- what the brand notes ---------------------------------------------------------------------------------------------


def noted(deployment: Deployment, brand: Brand, creator_id: str) -> PayeeItem:
    """What the brand has noted of the creator: nothing, as long as its version is 0. Raises NotFound."""
    _, _, item = _found(deployment, brand, creator_id)
    return item or payees.no_payee(brand.id, creator_id)


def note(deployment: Deployment, brand: Brand, creator_id: str, said: Note, *, if_match: int | None) -> PayeeItem:
    """What is noted from now on. Raises NotFound, and Stale where `if_match` is not the version; 0: nothing is."""

    def apply(item: PayeeItem, writes: Writes) -> None:
        payees.count_change(writes, brand.id, creator_id)
        item.held, item.held_reason = said.held, said.held_reason
        item.country, item.entity = said.country, said.entity
        item.tax_form, item.tax_form_expires_on = said.tax_form, _text(said.tax_form_expires_on)
        item.withholding_bps = said.withholding_bps
        item.tax_certificate = said.tax_certificate
        item.tax_certificate_expires_on = _text(said.tax_certificate_expires_on)
        if said.tax_id is not ...:
            item.tax_id = item.tax_id_shown = None
        if isinstance(said.tax_id, str):
            item.tax_id = deployment.vault.seal(Owner(brand.id, "tax_id", creator_id), said.tax_id)
            item.tax_id_shown = payout_methods.ending(said.tax_id)

    return revised(deployment, lambda: noted(deployment, brand, creator_id), apply, if_match=if_match)


def held(
    deployment: Deployment,
    brand: Brand,
    creator_id: str,
    *,
    held: bool,
    reason: str | EllipsisType | None,
    if_match: int | None,
) -> PayeeItem:
    """Holds the creator, or no longer; a `reason` of `...` stays as long as they are held. All else stays as it is.

    Raises NotFound, and Stale as `note` does.
    """

    def apply(item: PayeeItem, writes: Writes) -> None:
        payees.count_change(writes, brand.id, creator_id)
        item.held = held
        if not held:
            item.held_reason = None
        elif reason is not ...:
            item.held_reason = reason

    return revised(deployment, lambda: noted(deployment, brand, creator_id), apply, if_match=if_match)


def _text(day: date | None) -> str | None:
    return day.isoformat() if day is not None else None


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text is not None else None


def _found(deployment: Deployment, brand: Brand, creator_id: str) -> payees.Found:
    found = payees.found(deployment.database, brand.id, [creator_id])
    if creator_id not in found:
        raise NotFound
    return found[creator_id]


def _address_since(creator: Creator) -> str | None:
    """Since when the creator has their address, by which they are paid without a method; None: ever, or for long."""
    return creator.former_emails[-1][1] if creator.former_emails else None


def _moved_lately(creator: Creator, now: datetime) -> bool:
    since = _address_since(creator)
    return since is not None and now - times.parse(since) < CHANGE_HOLD


def _was_paid(deployment: Deployment, brand: Brand, creator_id: str) -> bool:
    """Whether the creator was ever paid, or is being paid, by whatever did without a method; it may have come back."""
    known = balances.glimpses(deployment.database, brand.id, [creator_id]).get(creator_id)
    if known is not None and any(sums.paid or sums.in_transit for sums in known[1].values()):
        return True
    return payouts.has_any_returned(deployment.database, brand.id, creator_id)


def _count_change(item: PayoutMethod, now: datetime) -> None:
    since = times.text(now - CHANGE_HOLD)
    recent = [at for at in item.changes if at > since]
    if len(recent) >= CHANGES_MAX:
        raise Unprocessable("payout_method_changed_too_often", most=CHANGES_MAX)
    item.changed_at = times.text(now)
    item.changes = [*recent, item.changed_at]


def _held_since(method: PayoutMethod) -> str | None:
    """From when on a change waits: where no further one is taken, from when one is, so that it can still be undone."""
    if len(method.changes) < CHANGES_MAX:
        changed_at: str | None = method.changed_at
        return changed_at
    return max(method.changed_at, times.text(times.parse(method.changes[0]) + CHANGE_HOLD))


def _profile(creator: Creator, method: PayoutMethod | None, payee: PayeeItem | None) -> Profile:
    changed_at = _held_since(method) if method else _address_since(creator)
    known = Payee(
        held=bool(payee and payee.held),
        withholding_bps=payee.withholding_bps if payee else 0,
        tax_certificate_expires=_day(payee.tax_certificate_expires_on) if payee else None,
        tax_form=bool(payee and payee.tax_form),
        tax_form_expires=_day(payee.tax_form_expires_on) if payee else None,
        changed_at=times.parse(changed_at) if changed_at else None,
        country=payee.country if payee else None,
    )
    return Profile(creator, known, Method(method.type, method.sealed, method.shown) if method else None)

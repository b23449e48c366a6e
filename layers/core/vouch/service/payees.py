"""Creators as payees: where their money goes, which is sealed, and what a brand has to know before it pays."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from vouch.domain import times
from vouch.domain.errors import NotFound
from vouch.domain.payouts import Destination, Payee
from vouch.service.deployment import Deployment
from vouch.store import payees
from vouch.store.tables import Creator, PayeeItem, PayoutMethod


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


def profile(deployment: Deployment, brand_id: str, creator_id: str) -> Profile:
    """One creator's. Raises NotFound where the brand has no such creator."""
    found = profiles(deployment, brand_id, [creator_id])
    if creator_id not in found:
        raise NotFound
    return found[creator_id]


def profiles(deployment: Deployment, brand_id: str, creator_ids: Iterable[str]) -> dict[str, Profile]:
    """Those of the creators who exist, in one request per 33."""
    found = payees.found(deployment.database, brand_id, creator_ids)
    return {creator_id: _profile(*items) for creator_id, items in found.items()}


def destination(deployment: Deployment, brand_id: str, sealed: str) -> Destination:
    """What was sealed. Raises the vault's error where that was done for another brand."""
    said = json.loads(deployment.vault.open(brand_id, sealed))
    return Destination(said["kind"], said["holder"], said["fields"])


def _profile(creator: Creator, method: PayoutMethod | None, payee: PayeeItem | None) -> Profile:
    changed_at = method.changed_at if method else None
    expires_at = payee.tax_form_expires_at if payee else None
    known = Payee(
        held=bool(payee and payee.held),
        withholding_bps=payee.withholding_bps if payee else 0,
        tax_form=bool(payee and payee.tax_form),
        tax_form_expires=times.parse(expires_at) if expires_at else None,
        method=method.type if method else None,
        changed_at=times.parse(changed_at) if changed_at else None,
        country=payee.country if payee else None,
    )
    return Profile(creator, known, Method(method.type, method.sealed, method.shown) if method else None)

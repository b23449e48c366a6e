"""What rails tell by themselves: proven genuine, and then no more than a reason to ask them."""

from enum import StrEnum

from vouch.deadlines import InTime
from vouch.domain import ids
from vouch.domain.errors import NotFound, Unprocessable
from vouch.rails.base import Api, BadSignature, Request, Unproven, Unreadable
from vouch.rails.registry import RAILS
from vouch.service import rail_accounts, rail_calls, sending
from vouch.service.deployment import Deployment
from vouch.store import brands, payouts
from vouch.store.tables import Brand


class Heard(StrEnum):
    """What became of a callback."""

    NOTED = "noted"
    IGNORED = "ignored"
    UNKNOWN = "unknown"
    FORGED = "forged"
    LATER = "later"


def heard(deployment: Deployment, rail: str, brand_id: str, request: Request, *, in_time: InTime) -> Heard:
    """Has the payouts that a genuine callback names looked after, those of this brand and rail alone.

    UNKNOWN: there is no such address. LATER: the rail has to be asked whether it is genuine, and did not answer.
    Anybody can post: what does not even look genuine costs neither a look at the brand nor a secret opened.
    """
    api = RAILS[rail].api if rail in RAILS else None
    if api is None:
        return Heard.UNKNOWN
    if not api.looks_genuine(request, deployment.now()):
        return Heard.FORGED
    brand = brands.brand(deployment.database, brand_id) if ids.is_id(brand_id, "brd_") else None
    return _heard(deployment, brand, rail, api, request, in_time) if brand is not None else Heard.UNKNOWN


def _heard(deployment: Deployment, brand: Brand, rail: str, api: Api, request: Request, in_time: InTime) -> Heard:
    try:
        settings = rail_accounts.opened(deployment, brand.id, rail)
    except (NotFound, Unprocessable):
        return Heard.UNKNOWN
    try:
        proof = api.verify(request, settings, deployment.now())
        notice = rail_calls.have(deployment, api, settings, proof, in_time=in_time)
    except BadSignature:
        return Heard.FORGED
    except (rail_calls.NoAnswer, rail_calls.NotCalled, Unproven):
        return Heard.LATER
    except Unreadable:
        return Heard.IGNORED
    ours = [
        item
        for item in payouts.payouts(deployment.database, brand.id, filter(_is_payout, notice.payout_ids))
        if item.rail == rail
    ]
    for item in ours:
        sending.look_soon(deployment, brand, item.id, seconds=0)
    return Heard.NOTED if ours else Heard.IGNORED


def _is_payout(payout_id: str) -> bool:
    return ids.is_id(payout_id, payouts.PREFIX)

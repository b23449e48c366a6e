"""Creators who owe: what is available to them is below zero, since when, and for how many days."""

from dataclasses import dataclass
from datetime import datetime

from vouch.service import pages
from vouch.service.deployment import Deployment
from vouch.service.pages import Page
from vouch.store import balances, creators
from vouch.store.tables import Brand, Creator


@dataclass(frozen=True, slots=True)
class Debt:
    """What one creator owes in one currency, `available` being below zero, as of their last fold."""

    creator_id: str
    currency: str
    available: int
    owing_since: datetime
    days: int
    as_of: datetime


def debts(deployment: Deployment, brand: Brand, *, limit: int, cursor: str | None) -> Page[Debt]:
    """What the next `limit` of the brand's creators owe: three requests, and often nothing though more follow."""
    index = creators.index(brand.id)
    page = pages.read(deployment, Creator, index, limit=limit, cursor=cursor, shown="debts")
    now = deployment.brand_now(brand)
    folded = balances.glimpses(deployment.database, brand.id, [creator.id for creator in page.items])
    found = [
        Debt(creator_id, currency, sums.available, sums.owing_since, max((now - sums.owing_since).days, 0), watermark)
        for creator_id, (watermark, of_currency) in folded.items()
        for currency, sums in sorted(of_currency.items())
        if sums.owing_since is not None
    ]
    return Page(found, page.next_cursor)

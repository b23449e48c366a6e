"""Exchange rates: daily fixings that a brand, or who imports them for it, puts here; one that is fixed stays."""

from datetime import datetime

from vouch.domain import rates as domain
from vouch.domain import times
from vouch.domain.errors import Conflict, Unprocessable
from vouch.domain.rates import Rate
from vouch.service import pages
from vouch.service.deployment import Deployment
from vouch.service.pages import Page
from vouch.store import rates
from vouch.store.tables import Brand, RateItem


def fixed(
    deployment: Deployment,
    brand: Brand,
    *,
    from_currency: str,
    to_currency: str,
    rate: str,
    at: datetime,
    source: str,
) -> tuple[RateItem, bool]:
    """The fixing, and whether it is new. Raises Conflict where the source said another rate for that moment.

    Raises ValueError where `rate` is none (`vouch.domain.rates.ratio`).
    """
    if from_currency == to_currency:
        raise Unprocessable("same_currency", param="to")
    said = Rate(*domain.ratio(rate), source, at)
    now = times.text(deployment.brand_now(brand))
    item = rates.new_rate(brand.id, from_currency, to_currency, said, created_at=now)
    if deployment.database.put_new(item):
        return item, True
    known = deployment.database.get(RateItem, item.pk, item.sk)
    if known is None or rates.rate(known) != said:
        raise Conflict("rate_fixed", param="rate")
    return known, False


def listed(
    deployment: Deployment, brand: Brand, from_currency: str, to_currency: str, *, limit: int, cursor: str | None
) -> Page[RateItem]:
    """A pair's fixings, the newest first."""
    scope = f"{brand.id}/fx_rates/{from_currency}-{to_currency}"
    before = pages.opened(deployment, scope, cursor)[0] if cursor is not None else None
    items = rates.newest(deployment.database, brand.id, from_currency, to_currency, limit=limit + 1, before=before)
    more = pages.sealed(deployment, scope, [items[limit - 1].sk]) if len(items) > limit else None
    return Page(items[:limit], more)

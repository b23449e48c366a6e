"""`/v1/reports/negative_balances`: who owes, how much, and for how long."""

from vouch.http import Routes, brand_access
from vouch.service import debts
from vouch.wire import debts as wire
from vouch.wire.base import Cursor, Page

routes = Routes()


@routes.get("/v1/reports/negative_balances", security=brand_access("reports:read"))
def list_negative_balances(limit: wire.Creators = wire.CREATORS, cursor: Cursor = None) -> Page[wire.Debt]:
    """Creators to whom less than nothing is available, each as of their last fold: daily, or as they were paid.

    It goes through all creators, in the order of their ids: a page is often empty while `next_cursor` is set.
    """
    page = debts.debts(routes.call.deployment, routes.call.brand, limit=limit, cursor=cursor)
    return Page(items=[wire.Debt.of(each) for each in page.items], next_cursor=page.next_cursor)

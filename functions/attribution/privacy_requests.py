"""`/v1/privacy/requests`: what platforms asked about buyers and shops, and what came of it."""

from vouch.http import Routes, brand_access
from vouch.service import privacy
from vouch.store.tables import PrivacyRecord
from vouch.wire import connections as wire
from vouch.wire.base import LIMIT, Cursor, Limit, Page

routes = Routes()


@routes.get("/v1/privacy/requests", security=brand_access("privacy:read"))
def list_privacy_requests(limit: Limit = LIMIT, cursor: Cursor = None) -> Page[wire.PrivacyRequest]:
    """The newest first."""
    call = routes.call
    page = privacy.listed(call.deployment, call.brand, limit=limit, cursor=cursor)
    return Page(items=[_shown(item) for item in page.items], next_cursor=page.next_cursor)


def _shown(item: PrivacyRecord) -> wire.PrivacyRequest:
    return wire.PrivacyRequest.of(item, kind=item.request)

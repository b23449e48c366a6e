"""`/v1/adjustments`, `/v1/writeoffs`: what a person says of an account, and who else has to say so."""

from vouch.http import ONLY_ONCE, Routes, brand_access
from vouch.service import adjustments
from vouch.service.adjustments import Wish
from vouch.store.tables import AdjustmentItem
from vouch.wire import adjustments as wire
from vouch.wire.base import LIMIT, Cursor, Filter, Limit, Page

routes = Routes()


@routes.post(
    "/v1/adjustments", security=brand_access("adjustments:write"), status_code=201, openapi_extensions=ONLY_ONCE
)
def create_adjustment(body: wire.NewAdjustment) -> wire.Adjustment:
    """Gives to a creator, or takes from them. Needs an `Idempotency-Key`.

    Above the brand's `adjustment_limit` it is `pending_approval`, until another key approves or declines it.
    """
    return _created(Wish(body.creator_id, body.currency, body.amount, body.reason))


@routes.post("/v1/writeoffs", security=brand_access("adjustments:write"), status_code=201, openapi_extensions=ONLY_ONCE)
def create_writeoff(body: wire.NewWriteoff) -> wire.Adjustment:
    """Forgives what is available below zero at this moment, all of it. Needs an `Idempotency-Key`.

    Above the limit it waits likewise, and then forgives what is owed when it is approved.
    """
    return _created(Wish(body.creator_id, body.currency, None, body.reason))


@routes.get("/v1/adjustments", security=brand_access("adjustments:read"))
def list_adjustments(
    creator_id: Filter = None,
    status: wire.AdjustmentStatus = None,
    limit: Limit = LIMIT,
    cursor: Cursor = None,
) -> Page[wire.Adjustment]:
    """The newest first, write-offs and corrections among them.

    With a status a page may hold fewer than `limit` while `next_cursor` is set.
    """
    call = routes.call
    page = adjustments.listed(
        call.deployment, call.brand, creator_id=creator_id, status=status, limit=limit, cursor=cursor
    )
    return Page(items=[_shown(item) for item in page.items], next_cursor=page.next_cursor)


@routes.get("/v1/adjustments/<adjustment_id>", security=brand_access("adjustments:read"))
def show_adjustment(adjustment_id: str) -> wire.Adjustment:
    return _shown(adjustments.found(routes.call.deployment, routes.call.brand, adjustment_id))


@routes.post("/v1/adjustments/<adjustment_id>/approve", security=brand_access("adjustments:write"))
def approve_adjustment(adjustment_id: str) -> wire.Adjustment:
    """Posts what waits. Another key has to do so than the one that asked for it."""
    call = routes.call
    return _shown(adjustments.approved(call.deployment, call.brand, call.key, adjustment_id))


@routes.post("/v1/adjustments/<adjustment_id>/decline", security=brand_access("adjustments:write"))
def decline_adjustment(adjustment_id: str) -> wire.Adjustment:
    """Ends what waits; likewise."""
    call = routes.call
    return _shown(adjustments.declined(call.deployment, call.brand, call.key, adjustment_id))


@routes.post("/v1/adjustments/<adjustment_id>/reverse", security=brand_access("adjustments:write"), status_code=201)
def reverse_adjustment(adjustment_id: str, body: wire.Reversal) -> wire.Adjustment:
    """Takes a posted adjustment or write-off back to the unit, once: the answer is the correction that does so.

    Above the limit that waits as well. Nothing else is taken back here: orders are settled anew by what is known of
    them, and of payouts their rails or their banks tell.
    """
    call = routes.call
    item = adjustments.reversed_(call.deployment, call.brand, call.key, call.mint, adjustment_id, body.reason)
    return _shown(item)


def _created(wish: Wish) -> wire.Adjustment:
    call = routes.call
    return _shown(adjustments.created(call.deployment, call.brand, call.key, call.mint, wish))


def _shown(item: AdjustmentItem) -> wire.Adjustment:
    return wire.Adjustment.of(item, kind=item.type)

"""`/v1/replays`: whether a range of orders still comes to what is posted. Nothing is written."""

from typing import Final

from attribution.orders import postings
from vouch.deadlines import within
from vouch.http import Routes, brand_access
from vouch.service import pages, replays
from vouch.service.replays import Different
from vouch.wire import simulations as wire

routes = Routes()
_SECONDS: Final = 15


@routes.post("/v1/replays", security=brand_access("orders:read"))
def replay_orders(body: wire.NewReplay) -> wire.RangeReplay:
    """Settles them again, as far as 15 seconds or a hundred differences reach; `cursor` goes on from there."""
    call, in_time = routes.call, within(_SECONDS)
    scope = f"{call.brand.id}/replays/{body.start}/{body.end}"
    found = replays.replayed(
        call.deployment,
        call.brand,
        body.start,
        body.end,
        bookmark=pages.opened(call.deployment, scope, body.cursor)[0] if body.cursor is not None else "",
        in_time=in_time,
    )
    return wire.RangeReplay(
        status="done" if found.bookmark is None else "partial",
        orders=found.orders,
        equal=not found.different,
        different=[_shown(each) for each in found.different],
        next_cursor=None if found.bookmark is None else pages.sealed(call.deployment, scope, [found.bookmark]),
    )


def _shown(different: Different) -> wire.Different:
    return wire.Different.of(
        different,
        posted=postings(different.posted),
        recomputed=None if different.recomputed is None else postings(different.recomputed),
    )

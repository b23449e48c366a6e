"""`/v1/test_clock`: a test brand's own time."""

from typing import Final

from vouch.deadlines import within
from vouch.domain import times
from vouch.http import Routes, brand_access
from vouch.service import clocks
from vouch.wire import accounts as wire

routes = Routes()
_SECONDS: Final = 20


@routes.post("/v1/test_clock", security=brand_access("brand:write"))
def move_test_clock(body: wire.ClockMove) -> wire.MovedClock:
    """Folds what matures until then and begins the payout runs that have come due.

    Of several due days of a schedule that it is moved over only the last one's run begins, and pays what is payable at
    the new moment.
    """
    folded = clocks.moved(routes.call.deployment, routes.call.brand, body.now, in_time=within(_SECONDS))
    return wire.MovedClock(now=times.short(body.now), frozen=True, folded=folded)


@routes.get("/v1/test_clock", security=brand_access("brand:read"))
def show_test_clock() -> wire.Clock:
    brand = routes.call.brand
    clocks.check_test_mode(brand)
    now = routes.call.deployment.brand_now(brand)
    return wire.Clock(now=times.short(now), frozen=bool(brand.clock))

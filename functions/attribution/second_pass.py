"""Hourly, and at the start of a local stack: settles each delivery once more, for whatever the stream may have lost.

Stream records live 24 hours; the promise that every stored delivery ends somewhere rests on this pass. So it takes no
hour from its own clock, which a late run or a retry would read too late: it goes on behind the last hour that it did.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from vouch import telemetry
from vouch.domain import times
from vouch.service import deliveries, passes
from vouch.service.deployment import deployment

_HOUR = timedelta(hours=1)
_SECONDS_TO_SPARE = 30


def handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    """The hours that are due; with `{"hours": n}` this one and the n before it instead. Counts the endings."""
    if event.get("warm"):
        deployment()
        telemetry.logger().info("warm")
        return {}

    def in_time() -> bool:
        return bool(context.get_remaining_time_in_millis() > _SECONDS_TO_SPARE * 1000)

    asked = event.get("hours")
    hours = passes.due(deployment(), in_time=in_time) if asked is None else _before(deployment().now(), int(asked))
    endings = deliveries.second_pass(deployment(), hours, in_time=in_time)
    telemetry.logger().info("second pass", endings=endings)
    if endings.get("applied"):
        telemetry.count("SecondPassHealed", endings["applied"])
    return endings


def _before(now: datetime, hours: int) -> Iterable[datetime]:
    return (times.floor_hour(now) - _HOUR * number for number in range(hours, -1, -1))

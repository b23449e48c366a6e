"""Hourly, and at the start of a local stack: settles each delivery once more, for whatever the stream may have lost.

Stream records live 24 hours; the promise that every stored delivery ends somewhere rests on this pass.
"""

from datetime import timedelta
from typing import Any

from vouch import telemetry
from vouch.domain import times
from vouch.service import orders
from vouch.service.deployment import deployment

_HOUR = timedelta(hours=1)
_SECONDS_TO_SPARE = 30


def handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    """The hour before last; with `{"hours": n}` the n hours before this one and this one itself. Counts the endings."""
    if event.get("warm"):
        deployment()
        telemetry.logger().info("warm")
        return {}
    now = deployment().now()
    this_hour = times.floor_hour(now)
    asked = event.get("hours")
    hours = [this_hour - 2 * _HOUR] if asked is None else [this_hour - _HOUR * n for n in range(int(asked), -1, -1)]
    endings = orders.second_pass(
        deployment(), hours, in_time=lambda: context.get_remaining_time_in_millis() > _SECONDS_TO_SPARE * 1000
    )
    telemetry.logger().info("second pass", hours=[times.short(hour) for hour in hours], endings=endings)
    if endings.get("applied"):
        telemetry.count("SecondPassHealed", endings["applied"])
    return endings

"""Hourly: begins a look at every platform that has a list of what has changed, several times a day for each brand."""

from typing import Any

from vouch import telemetry
from vouch.service import reconciliations
from vouch.service.deployment import deployment

_SECONDS_TO_SPARE = 30


def handler(event: dict[str, Any], context: Any) -> None:
    """What it has no time for is the next hour's. Raises what kept looks from beginning."""
    if event.get("warm"):
        deployment()
        telemetry.logger().info("warm")
        return
    done = reconciliations.every_brand(
        deployment(), in_time=lambda: context.get_remaining_time_in_millis() > _SECONDS_TO_SPARE * 1000
    )
    telemetry.logger().info("looks begun", brands=done.rounds)
    if done.failures:
        raise ExceptionGroup("brands whose platforms were not looked at", done.failures)

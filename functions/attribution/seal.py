"""Hourly: measures and seals creators' volumes where a period has ended, which set the rates of the next one."""

from typing import Any

from vouch import telemetry
from vouch.service import volumes
from vouch.service.deployment import deployment

_SECONDS_TO_SPARE = 30


def handler(event: dict[str, Any], context: Any) -> None:
    """What it has no time for is the next hour's. Raises what kept volumes from a seal."""
    if event.get("warm"):
        deployment()
        telemetry.logger().info("warm")
        return
    done = volumes.seal_brands(
        deployment(), in_time=lambda: context.get_remaining_time_in_millis() > _SECONDS_TO_SPARE * 1000
    )
    telemetry.logger().info("sealed", brands=done.rounds)
    if done.failures:
        raise ExceptionGroup("volumes that could not be sealed", done.failures)

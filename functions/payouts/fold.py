"""Hourly: folds the accounts of every brand whose day has begun, so that what has matured is available and told of."""

from typing import Any

from vouch import telemetry
from vouch.service import folds
from vouch.service.deployment import deployment

_SECONDS_TO_SPARE = 30


def handler(event: dict[str, Any], context: Any) -> None:
    """What it has no time for is the next hour's. Raises what kept accounts from being folded."""
    if event.get("warm"):
        deployment()
        telemetry.logger().info("warm")
        return
    done = folds.fold_brands(
        deployment(), in_time=lambda: context.get_remaining_time_in_millis() > _SECONDS_TO_SPARE * 1000
    )
    telemetry.logger().info("folded", brands=done.rounds)
    if done.failures:
        raise ExceptionGroup("accounts that could not be folded", done.failures)

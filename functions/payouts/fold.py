"""Hourly: folds the accounts of every brand whose day has begun, so that what has matured is available and told of.

Before that it seals creators' volumes where a period has ended, which takes a third of its time at most.
"""

from collections.abc import Callable
from typing import Any

from vouch import telemetry
from vouch.service import folds, volumes
from vouch.service.deployment import deployment

_SECONDS_TO_SPARE = 30


def handler(event: dict[str, Any], context: Any) -> None:
    """What it has no time for is the next hour's. Raises what kept accounts from being folded, volumes from a seal."""
    if event.get("warm"):
        deployment()
        telemetry.logger().info("warm")
        return
    allowed = context.get_remaining_time_in_millis() / 1000
    sealed = volumes.seal_brands(deployment(), in_time=_left(context, allowed * 2 / 3))
    done = folds.fold_brands(deployment(), in_time=_left(context, _SECONDS_TO_SPARE))
    telemetry.logger().info("folded", brands=done.rounds, sealed=sealed.rounds)
    if failures := [*sealed.failures, *done.failures]:
        raise ExceptionGroup("accounts that could not be folded, or volumes that could not be sealed", failures)


def _left(context: Any, seconds: float) -> Callable[[], bool]:
    return lambda: context.get_remaining_time_in_millis() > seconds * 1000

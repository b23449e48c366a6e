"""Hourly: begins the runs that are due, takes up those that stopped, and asks rails what became of open payouts."""

from typing import Any

from vouch import telemetry
from vouch.service import payout_rounds
from vouch.service.deployment import deployment

_SECONDS_TO_SPARE = 60


def handler(event: dict[str, Any], context: Any) -> None:
    """What it has no time for is the next hour's. Raises what kept payouts from being looked after."""
    if event.get("warm"):
        deployment()
        telemetry.logger().info("warm")
        return
    done = payout_rounds.every_brand(
        deployment(), in_time=lambda: bool(context.get_remaining_time_in_millis() > _SECONDS_TO_SPARE * 1000)
    )
    telemetry.logger().info("went round", brands=done.rounds)
    if done.failures:
        raise ExceptionGroup("payouts that could not be looked after", done.failures)

"""The queue of what registers say: orders hear of it, and are settled again where it changes something for them."""

from typing import Any

from vouch import telemetry
from vouch.deadlines import InTime
from vouch.service import standings
from vouch.service.deployment import deployment
from vouch.worker import worked_off

_SECONDS_TO_SPARE = 15


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answers with the messages that have to come again."""
    if event.get("warm"):
        deployment()
        telemetry.logger().info("warm")
        return {}
    return worked_off(event, context, _spread, seconds_to_spare=_SECONDS_TO_SPARE)


def _spread(message: str, in_time: InTime) -> None:
    endings = standings.resume(deployment(), message, in_time=in_time)
    telemetry.logger().info("spread", endings=endings)

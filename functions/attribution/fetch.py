"""The queue of what platforms are to be asked: their answers are stored as deliveries, which wakes settling."""

from typing import Any

from vouch import telemetry
from vouch.service import fetches
from vouch.service.deployment import deployment
from vouch.worker import InTime, worked_off

_SECONDS_TO_SPARE = 20
"""One request of a conversation takes no longer."""


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answers with the messages that have to come again."""
    if event.get("warm"):
        deployment()
        telemetry.logger().info("warm")
        return {}
    return worked_off(event, context, _fetch, seconds_to_spare=_SECONDS_TO_SPARE)


def _fetch(message: str, in_time: InTime) -> None:
    ending = fetches.fetched(deployment(), message, in_time=in_time)
    telemetry.logger().info("fetched", ending=ending)

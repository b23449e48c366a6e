"""The queue of long simulations: each message takes one of them a step further."""

import json
from typing import Any

from vouch import telemetry
from vouch.deadlines import InTime
from vouch.service import simulations
from vouch.service.deployment import deployment
from vouch.worker import worked_off

_SECONDS_TO_SPARE = 45


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answers with the messages that have to come again."""
    if event.get("warm"):
        deployment()
        telemetry.logger().info("warm")
        return {}
    return worked_off(event, context, _simulate, seconds_to_spare=_SECONDS_TO_SPARE)


def _simulate(message: str, in_time: InTime) -> None:
    simulation = simulations.resumed(deployment(), json.loads(message), in_time=in_time)
    if simulation is not None:
        telemetry.logger().info(
            "simulated", simulation=simulation.id, status=simulation.status, orders=simulation.orders
        )

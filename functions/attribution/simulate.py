"""The queue of long simulations: each message takes one of them a step further."""

import json
from typing import Any

from vouch import telemetry
from vouch.service import simulations
from vouch.service.deployment import deployment

_SECONDS_TO_SPARE = 45


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answers with the messages that have to come again."""
    if event.get("warm"):
        deployment()
        telemetry.logger().info("warm")
        return {}
    failed = [record["messageId"] for record in event["Records"] if not _done(record, context)]
    return {"batchItemFailures": [{"itemIdentifier": message} for message in failed]}


def _done(record: dict[str, Any], context: Any) -> bool:
    try:
        simulation = simulations.resumed(
            deployment(),
            json.loads(record["body"]),
            in_time=lambda: context.get_remaining_time_in_millis() > _SECONDS_TO_SPARE * 1000,
        )
    except Exception:  # noqa: BLE001 - whatever it is, the queue keeps the message
        telemetry.logger().exception("a simulation has to come again", message_id=record["messageId"])
        return False
    if simulation is not None:
        telemetry.logger().info(
            "simulated", simulation=simulation.id, status=simulation.status, orders=simulation.orders
        )
    return True

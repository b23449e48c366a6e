"""The queue of what platforms ask for buyers and shops: raw deliveries are erased, and the request is noted as done."""

import json
from typing import Any

from vouch import telemetry
from vouch.deadlines import InTime
from vouch.service import privacy, queues
from vouch.service.deployment import deployment
from vouch.worker import worked_off

_SECONDS_TO_SPARE = 30


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answers with the messages that have to come again."""
    if event.get("warm"):
        deployment()
        telemetry.logger().info("warm")
        return {}
    return worked_off(event, context, _do, seconds_to_spare=_SECONDS_TO_SPARE)


def _do(message: str, in_time: InTime) -> None:
    asked = json.loads(message)
    left = queues.left(deployment(), asked)
    if left > 0:
        queues.put_off_for(deployment(), deployment().settings.privacy_queue_url, asked, seconds=left)
        status = "not_due"
    else:
        status = privacy.done(deployment(), asked, in_time=in_time)
    telemetry.logger().info("privacy", status=status)

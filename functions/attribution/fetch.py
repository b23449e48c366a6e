"""The queue of what platforms are to be asked: for deliveries that say too little, and for what else has changed.

What they say is stored as deliveries, which wake settling.
"""

import json
from typing import Any

from vouch import telemetry
from vouch.deadlines import InTime
from vouch.service import fetches, queues, reconciliations
from vouch.service.deployment import deployment
from vouch.worker import worked_off

_SECONDS_TO_SPARE = 20
"""One request of a conversation takes 15 at most, its host's name included; the rest is to store what was said."""


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answers with the messages that have to come again."""
    if event.get("warm"):
        deployment()
        telemetry.logger().info("warm")
        return {}
    return worked_off(event, context, _fetch, seconds_to_spare=_SECONDS_TO_SPARE)


def _fetch(message: str, in_time: InTime) -> None:
    asked = json.loads(message)
    left = queues.left(deployment(), asked)
    if left > 0:
        queues.put_off_for(deployment(), deployment().settings.fetch_queue_url, asked, seconds=left)
        ending = "not_due"
    elif "reconcile" in asked:
        ending = reconciliations.resumed(deployment(), asked, in_time=in_time)
    else:
        ending = fetches.fetched(deployment(), asked, in_time=in_time)
    telemetry.logger().info("fetched", ending=ending)

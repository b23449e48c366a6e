"""The queue of what is to be paid: runs, their chunks and files, and the calls of rails."""

import json
from typing import Any

from vouch import telemetry
from vouch.deadlines import InTime
from vouch.service import run_work
from vouch.service.deployment import deployment
from vouch.worker import worked_off

_SECONDS_TO_SPARE = 60
"""A call takes 15 at most, a payment up to three of them; the rest is to keep what was said."""


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answers with the messages that have to come again."""
    if event.get("warm"):
        deployment()
        telemetry.logger().info("warm")
        return {}
    return worked_off(event, context, _work, seconds_to_spare=_SECONDS_TO_SPARE)


def _work(message: str, in_time: InTime) -> None:
    asked = json.loads(message)
    ending = run_work.worked(deployment(), asked, in_time=in_time)
    telemetry.logger().info("paid", what=next(iter(asked)), ending=ending)

"""The queue of mails to creators."""

import json
from typing import Any

from vouch import telemetry
from vouch.deadlines import InTime
from vouch.service import mails
from vouch.service.deployment import deployment
from vouch.worker import worked_off

_SECONDS_TO_SPARE = 15
_SHOWN = frozenset({"mail", "brand", "creator", "payout", "status", "version", "to", "tries"})


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answers with the messages that have to come again."""
    if event.get("warm"):
        deployment()
        telemetry.logger().info("warm")
        return {}
    return worked_off(event, context, _deliver, seconds_to_spare=_SECONDS_TO_SPARE)


def _deliver(message: str, in_time: InTime) -> None:
    ending = mails.deliver(deployment(), message)
    about = {name: said for name, said in json.loads(message).items() if name in _SHOWN}
    if ending.word == "given_up":
        telemetry.logger().error("a mail is given up", reason=ending.reason, **about)
        telemetry.count("MailGivenUp")
    else:
        telemetry.logger().info("mail", ending=ending.word, reason=ending.reason, **about)

"""The stream of payouts and payout methods: what creators are to hear of is put into a queue, from which it is sent.

What is wrong with the world is raised and the batch comes again; a mail that is asked for twice is sent once.
"""

from functools import cache
from typing import Any

from vouch import telemetry
from vouch.service import announcements
from vouch.service.announcements import Unreadable
from vouch.service.deployment import deployment


def handler(event: dict[str, Any], context: Any) -> None:
    """Raises what the world did."""
    if event.get("warm"):
        deployment()
        telemetry.logger().info("warm")
        return
    if not deployment().settings.mail_from:
        _say_that_none_are_sent()
        return
    mails = sum(_announced(record["dynamodb"]) for record in event["Records"])
    telemetry.logger().info("announced", records=len(event["Records"]), mails=mails)


def _announced(record: announcements.StreamRecord) -> int:
    try:
        return announcements.announce(deployment(), record)
    except Unreadable as failure:
        telemetry.logger().error("a change cannot be read", pk=record["Keys"]["pk"]["S"], kind=str(failure))
        telemetry.count("MailGivenUp")
        return 0


@cache
def _say_that_none_are_sent() -> None:
    telemetry.logger().warning("no mails are sent: this deployment has no MailFrom")

"""What functions behind a queue share: each message is done by itself, or comes again."""

from collections.abc import Callable
from typing import Any

from vouch import telemetry
from vouch.deadlines import InTime


def worked_off(
    event: dict[str, Any], context: Any, do: Callable[[str, InTime], None], *, seconds_to_spare: int
) -> dict[str, Any]:
    """Does what each message of the event says; answers with those that have to come again, as SQS wants to hear it.

    `do` takes a message's body, and whether there is time for more of it: till so many seconds before the function's
    own time is over. What it raises is logged. One message holds up no other.
    """

    def in_time() -> bool:
        return bool(context.get_remaining_time_in_millis() > seconds_to_spare * 1000)

    failed = []
    for record in event["Records"]:
        try:
            do(record["body"], in_time)
        except Exception:  # noqa: BLE001 - whatever it is, the queue keeps the message
            telemetry.logger().exception("a message has to come again", message_id=record["messageId"])
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}

"""The queue of what registers say: orders hear of it, and are settled again where it changes something for them."""

from typing import Any

from vouch import telemetry
from vouch.service import standings
from vouch.service.deployment import deployment

_SECONDS_TO_SPARE = 15


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answers with the messages that have to come again; one of them holds up no other."""
    if event.get("warm"):
        deployment()
        telemetry.logger().info("warm")
        return {}
    failed = [record["messageId"] for record in event["Records"] if not _done(record, context)]
    return {"batchItemFailures": [{"itemIdentifier": message} for message in failed]}


def _done(record: dict[str, Any], context: Any) -> bool:
    def in_time() -> bool:
        return bool(context.get_remaining_time_in_millis() > _SECONDS_TO_SPARE * 1000)

    try:
        endings = standings.resume(deployment(), record["body"], in_time=in_time)
    except Exception:  # noqa: BLE001 - whatever it is, the queue keeps the message
        telemetry.logger().exception("a message has to come again", message_id=record["messageId"])
        return False
    telemetry.logger().info("spread", endings=endings)
    return True

"""The spill queue's other end: stores the clicks that could not be stored while their visitors waited."""

from functools import cache
from typing import Any

from aws_lambda_powertools.logging import Logger

from vouch.service.deployment import deployment
from vouch.store import clicks


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answers with the messages that have to come again; one bad message holds up no other."""
    failed = [record["messageId"] for record in event.get("Records", []) if not _stored(record)]
    _logger().info("spilled clicks stored", count=len(event.get("Records", [])) - len(failed), failed=len(failed))
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _stored(record: dict[str, Any]) -> bool:
    try:
        deployment().database.put_new(clicks.of_message(record["body"]))
    except Exception:  # noqa: BLE001 - whatever it is, the queue keeps the click, and its dead letters raise the alarm
        _logger().exception("a spilled click is still not stored")
        return False
    return True


@cache
def _logger() -> Logger:
    return Logger()

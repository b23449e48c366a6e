"""The inbox's stream: each stored delivery becomes facts, and its order is settled.

What is wrong with a delivery parks it. What is wrong with the world is raised: the batch comes again, in halves, and at
last goes to the failure queue. Settling twice changes nothing, so a repeated batch is harmless.
"""

from typing import Any

from vouch import telemetry
from vouch.service import deliveries
from vouch.service.deployment import deployment
from vouch.store import inbox


def handler(event: dict[str, Any], context: Any) -> None:
    """Raises what the world did."""
    if event.get("warm"):
        deployment()
        telemetry.logger().info("warm")
        return
    for record in event["Records"]:
        if record["eventName"] != "INSERT":
            continue
        delivery = inbox.from_stream(record["dynamodb"]["NewImage"])
        outcome = deliveries.settle_delivery(deployment(), delivery)
        telemetry.logger().info(
            "settled",
            ending=outcome.ending,
            brand=delivery.brand_id,
            delivery=delivery.sk,
            order=outcome.order_id,
            reason=outcome.reason,
        )

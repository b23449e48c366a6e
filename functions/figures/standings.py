"""The stream of orders: where each stands among its customer's others, and its subscription's payments, follows it.

What is wrong with the world is raised and the batch comes again; noting a version twice changes nothing.
"""

from typing import Any

from vouch import telemetry
from vouch.service import standings
from vouch.service.deployment import deployment
from vouch.store import orders
from vouch.store.tables import Order


def handler(event: dict[str, Any], context: Any) -> None:
    """Raises what the world did."""
    if event.get("warm"):
        deployment()
        telemetry.logger().info("warm")
        return
    marks = sum(_noted(record["dynamodb"]) for record in event["Records"])
    telemetry.logger().info("noted", records=len(event["Records"]), marks=marks)


def _noted(change: dict[str, Any]) -> int:
    before, after = _state(change.get("OldImage")), _state(change.get("NewImage"))
    if after is None:
        return 0
    try:
        return standings.note(deployment(), before, after)
    except orders.Undecodable:
        # Raised, it would only come back, and hold up those behind it; the nightly check finds it too.
        telemetry.logger().error("an order cannot be read", pk=after.pk, version=after.version)
        return 0


def _state(image: dict[str, Any] | None) -> Order | None:
    """None where there is none, and for another item than an order's state: the mapping filters, but not before all."""
    return orders.from_stream(image) if image is not None and image.get("k") == {"S": "order"} else None

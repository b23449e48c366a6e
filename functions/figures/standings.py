"""The stream of orders: where each stands among its customer's others, and its subscription's payments, follows it.

What is wrong with the world is raised and the batch comes again; noting a version twice changes nothing. What our own
code fails on is put off to a queue, and holds up nobody.
"""

from typing import Any

from vouch import telemetry
from vouch.service import standings
from vouch.service.deployment import deployment
from vouch.service.orders import Defect


def handler(event: dict[str, Any], context: Any) -> None:
    """Raises what the world did."""
    if event.get("warm"):
        deployment()
        telemetry.logger().info("warm")
        return
    marks = sum(_noted(record["dynamodb"]) for record in event["Records"])
    telemetry.logger().info("noted", records=len(event["Records"]), marks=marks)


def _noted(record: standings.StreamRecord) -> int:
    try:
        return standings.follow(deployment(), record)
    except Defect as defect:
        standings.follow_later(deployment(), record)
        telemetry.logger().error("an order cannot be noted", pk=record["Keys"]["pk"]["S"], where=defect.where)
        telemetry.count("OrderUnnoted")
        return 0

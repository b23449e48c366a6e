"""The ledger's stream: notes which accounts have something to fold on which day, adds up what they come to, and watches
that no entry changes.

What is wrong with the world is raised and the batch comes again, whole or cut otherwise: what was done once is not done
twice.
"""

from typing import Any

from vouch import telemetry
from vouch.service import projections
from vouch.service.deployment import deployment
from vouch.service.projections import Change


def handler(event: dict[str, Any], context: Any) -> None:
    """Raises what the world did."""
    if event.get("warm"):
        deployment()
        telemetry.logger().info("warm")
        return
    changes = [_change(record) for record in event["Records"]]
    for change in projections.tampered(changes):
        telemetry.logger().error("an entry was changed or removed", kind=change.kind, pk=change.pk, sk=change.sk)
        telemetry.count("LedgerTampered")
    noted = projections.project(deployment(), changes)
    telemetry.logger().info("projected", records=len(changes), days=noted)


def _change(record: dict[str, Any]) -> Change:
    change = record["dynamodb"]
    pk, sk = (change["Keys"][name]["S"] for name in ("pk", "sk"))
    return Change(record["eventName"], pk, sk, int(change["SequenceNumber"]), change.get("NewImage", {}))

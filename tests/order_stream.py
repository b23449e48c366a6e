"""The stream of orders, played: no engine of the tests has one. It brings what an order was, and what it is."""

import base64
from itertools import count
from typing import Any

from tests.faults.world import engine
from vouch.service.deployment import Deployment

Record = dict[str, Any]
_numbers = count(1)


class OrderStream:
    """All that changed of a deployment's orders since it was last asked, as Lambda passes it on."""

    def __init__(self, deployment: Deployment) -> None:
        self._table = deployment.settings.main_table
        self._engine = engine(deployment)
        self._known: dict[str, dict[str, Any]] = {}

    def records(self) -> list[Record]:
        """One for each order that is new or has another version; versions in between are passed over."""
        pages = self._engine.get_paginator("scan").paginate(
            TableName=self._table,
            ConsistentRead=True,
            FilterExpression="k = :order",
            ExpressionAttributeValues={":order": {"S": "order"}},
        )
        orders = [order for page in pages for order in page["Items"]]
        changed = [order for order in orders if self._known.get(order["pk"]["S"], {}).get("v") != order["v"]]
        records = [record(order, self._known.get(order["pk"]["S"])) for order in changed]
        self._known |= {order["pk"]["S"]: order for order in changed}
        return records


def record(image: dict[str, Any], before: dict[str, Any] | None = None) -> Record:
    """What Lambda gets of an order that was written."""
    change = {
        "Keys": {name: image[name] for name in ("pk", "sk")},
        "NewImage": _as_text(image),
        "SequenceNumber": str(next(_numbers)),
        "StreamViewType": "NEW_AND_OLD_IMAGES",
    }
    if before is not None:
        change["OldImage"] = _as_text(before)
    return {"eventName": "MODIFY" if before else "INSERT", "eventSource": "aws:dynamodb", "dynamodb": change}


def _as_text(image: dict[str, Any]) -> dict[str, Any]:
    """Binary parts travel as base64 text."""
    return {
        name: {"B": base64.b64encode(value["B"]).decode()} if "B" in value else value for name, value in image.items()
    }

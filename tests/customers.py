"""A shop whose customers come again: a new one earns its creator 20 %, others 10 %, and stays theirs for life."""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from attribution import spread
from figures import standings
from tests import books
from tests.books import CODES
from tests.faults.world import Context, event
from tests.fixtures import NOON
from tests.order_stream import OrderStream, Record
from vouch.domain.facts import Lifecycle, Line, Snapshot
from vouch.service import orders
from vouch.service.deployment import Deployment
from vouch.store import orders as stored
from vouch.store.orders import StoredOrder
from vouch.store.tables import Brand, TermsVersion

HOUR = timedelta(hours=1)
BEGAN = NOON - timedelta(days=9)
TERMS = {
    "hold_days": 0,
    "attribution": {"customer_tie": {}, "model": "last"},
    "commission": {
        "rules": [
            {"match": {"customer": "new"}, "reward": {"type": "percent", "bps": 2000}},
            {"match": {}, "reward": {"type": "percent", "bps": 1000}},
        ],
        "recurring": {"payments": 2},
    },
}


class Shop:
    """Orders of 100.00 by number, one an hour; what follows from them comes when it is asked for."""

    def __init__(self, deployment: Deployment, name: str = "mugs", *, mode: str = "live") -> None:
        self.deployment = deployment
        self.brand: Brand = books.open_books(deployment, name, clock=NOON if mode == "test" else None)
        self.stream = OrderStream(deployment)
        [terms] = deployment.database.query(TermsVersion, self.brand.id, TermsVersion.sk.startswith("PRG#"))
        terms.terms = TERMS
        terms.save()
        deployment.unchanging.clear()

    def sell(
        self,
        hour: int,
        *,
        to: str | None = None,
        customer: str | None = "maya",
        subscription: str | None = None,
        minute: int = 0,
        **changes: Any,
    ) -> str:
        """What the platform says of the order of that hour so many minutes later; its id."""
        at = BEGAN + hour * HOUR
        said: dict[str, Any] = {
            "updated_at": at + minute * timedelta(minutes=1),
            "placed_at": at,
            "lifecycle": Lifecycle.PAID,
            "currency": "ILS",
            "lines": (Line("1", 1, 10_000),),
            "platform": "rest",
            "codes": (CODES[to],) if to else (),
            "customers": (customer,) if customer else (),
            "subscription": subscription,
        }
        target = books.target(self.brand, str(hour))
        orders.apply(self.deployment, target, [Snapshot(**said | changes)])
        return target.order_id

    def bring(self, records: Sequence[Record] | None = None) -> None:
        """The stream brings what changed, or that."""
        brought = self.stream.records() if records is None else records
        if brought:
            standings.handler({"Records": [*brought]}, Context())

    def messages(self) -> list[str]:
        """What was told, which nobody has heard yet."""
        waiting = self.deployment.sqs.sent.pop(self.deployment.settings.spread_queue_url, ())
        return [message["MessageBody"] for message in waiting]

    def hear(self, message: str) -> bool:
        """One message; whether it is done with."""
        asked = event("spread")
        asked["Records"][0]["body"] = message
        return not spread.handler(asked, Context())["batchItemFailures"]

    def run(self) -> int:
        """Brings and tells until there is nothing more; how many messages that took."""
        told = 0
        while True:
            self.bring()
            messages = self.messages()
            if not messages:
                return told
            told += len(messages)
            assert all(self.hear(message) for message in messages)

    def order(self, hour: int) -> StoredOrder:
        found = stored.load(self.deployment.database, self.brand.id, books.target(self.brand, str(hour)).order_id)
        assert found is not None
        return found

    def sums(self, hour: int) -> dict[str, int]:
        """What is posted of the order, by creator."""
        return {posting.creator_id: amount for posting, amount in self.order(hour).posted.items()}

    def known(self, hour: int) -> tuple[bool | None, str | None, int]:
        """Whether its customer was new, which order brought them, and how many payments came before."""
        order = self.order(hour)
        origin = order.context.origin(order.facts)
        return (
            order.context.customer_new(order.facts),
            origin.origin if origin else None,
            order.context.payments_before(order.facts),
        )


def register_of(message: str) -> tuple[str, int]:
    """Which register a message is about, and from which version on."""
    _, key, version, *_ = json.loads(message)["standing"]
    return key, version

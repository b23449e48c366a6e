"""What platforms asked about buyers and shops: that it was asked, and what came of it, is kept, but nobody's name."""

from collections.abc import Sequence
from datetime import datetime

from pynamodb.expressions.update import Action

from vouch.domain import times
from vouch.store.database import Database, Writes
from vouch.store.tables import Delivery, PrivacyRecord


def key(request_id: str) -> tuple[type[PrivacyRecord], str, str]:
    """Where a request lies: one of the few keys without a brand, since the page that tells of it names none."""
    return PrivacyRecord, f"PRIV#{request_id}", "R"


def index(brand_id: str) -> str:
    """The index partition of a brand's requests, sorted by when they came."""
    return f"{brand_id}#PRIV"


def new(delivery: Delivery, *, request: str, platform_id: str, now: datetime) -> PrivacyRecord:
    """A request that nothing has come of yet; it goes by the id of the delivery that brought it."""
    _, pk, sk = key(delivery.sk)
    return PrivacyRecord(
        pk,
        sk,
        g1pk=index(delivery.brand_id),
        g1sk=f"{delivery.received_at}#{delivery.sk}",
        id=delivery.sk,
        brand_id=delivery.brand_id,
        connection_id=delivery.connection_id,
        platform=delivery.platform,
        request=request,
        platform_id=platform_id,
        status="received",
        received_at=times.text(now),
    )


def note_erased(transaction: Writes, item: PrivacyRecord) -> None:
    """Has the request count one more delivery that goes by the transaction."""
    transaction.update(item, [PrivacyRecord.erased.add(1)], PrivacyRecord.pk.exists())


def show(database: Database, item: PrivacyRecord, orders: Sequence[str]) -> None:
    """Has the request name these orders, and no others."""
    database.update(item, [PrivacyRecord.orders.set([*orders])], PrivacyRecord.pk.exists())


def finish(database: Database, item: PrivacyRecord, *, left: int, again_at: str | None, now: datetime) -> None:
    """Notes that it was done, what it has left this time, and when that is tried again.

    It was done when it was done first, or when the last of what it had left went.
    """
    done_at = times.text(now) if not item.done_at or (item.left and not left) else item.done_at
    said: list[Action] = [
        PrivacyRecord.status.set("done"),
        PrivacyRecord.done_at.set(done_at),
        PrivacyRecord.left.set(left),
        PrivacyRecord.again_at.set(again_at) if again_at else PrivacyRecord.again_at.remove(),
    ]
    database.update(item, said, PrivacyRecord.pk.exists())


def record(database: Database, request_id: str) -> PrivacyRecord | None:
    """What is known of a request."""
    return database.get(*key(request_id))

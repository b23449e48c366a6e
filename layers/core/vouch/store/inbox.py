"""Deliveries: requests stored as they came, before they are answered, and found again by hour and by order."""

import base64
import hashlib
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from botocore.exceptions import ClientError

from vouch.domain import ids, times
from vouch.domain.errors import Unavailable
from vouch.store.database import Database, Writes
from vouch.store.tables import Delivery, Parked

KEPT = timedelta(days=30)
REST = "rest"
HOUR_SHARDS = 16
_ITEM_BYTES_MAX = 350_000
_SUBJECT_MAX = 512
_PAGE = 25
_KEYS_PAGE = 100
_NO_SUCH_KEY = "NoSuchKey"
_ASKED = "#asked"
Bookmark = dict[str, Any] | None


def partition(brand_id: str, connection_id: str | None, subject: str) -> str:
    """The deliveries of one order of one connection, so that the stream keeps them in order."""
    if len(subject) > _SUBJECT_MAX:
        subject = hashlib.sha256(subject.encode()).hexdigest()
    return f"{brand_id}#D#{connection_id or REST}#{subject}"


class BodyGone(Unavailable):
    """The body is erased already, and its delivery is about to be."""


@dataclass(frozen=True, slots=True)
class Door:
    """Where a delivery came in: a connection of a brand, or the brand's own REST calls."""

    brand_id: str
    mode: str
    platform: str
    connection_id: str | None = None
    only_program: str | None = None


def delivery(
    door: Door,
    headers: Mapping[str, str],
    body: bytes,
    *,
    platform_delivery_id: str,
    subject: str,
    kept: tuple[str, ...],
    now: datetime,
) -> Delivery:
    """The item, which has the same id for a repeat of the same request; of its headers only those `kept` are stored."""
    content = hashlib.sha256(body).hexdigest()
    delivery_id = ids.derived("dlv_", door.brand_id, door.connection_id or REST, platform_delivery_id, content)
    return Delivery(
        partition(door.brand_id, door.connection_id, subject),
        delivery_id,
        g1pk=hour_key(now, int(content[:2], 16) % HOUR_SHARDS),
        g1sk=delivery_id,
        brand_id=door.brand_id,
        mode=door.mode,
        connection_id=door.connection_id,
        program_id=door.only_program,
        platform=door.platform,
        headers={name: headers[name] for name in kept if name in headers},
        body=zlib.compress(body),
        received_at=times.text(now),
        expires_at=int((now + KEPT).timestamp()),
    )


def answer_id(asking: Delivery, ask: str) -> str:
    """The id of what the platform answered when it was asked that for that delivery: the first answer is the answer."""
    return ids.derived("dlv_", "answer", asking.sk, ask)


def answer(asking: Delivery, ask: str, body: bytes, now: datetime) -> Delivery:
    """What the platform said when it was asked for a delivery, in the same partition and by the same door."""
    return _said_by_platform(asking, asking.pk, answer_id(asking, ask), asking.sk, body, now)


def pulled(door: Door, look: str, subject: str, body: bytes, now: datetime) -> Delivery:
    """What the platform said when it was asked what had changed; the same again is the same delivery.

    `look` names the reconciliation that has brought it.
    """
    content = hashlib.sha256(body).hexdigest()
    delivery_id = ids.derived("dlv_", "pulled", door.brand_id, door.connection_id or REST, subject, content)
    pk = partition(door.brand_id, door.connection_id, subject)
    return _said_by_platform(door, pk, delivery_id, look, body, now)


def _said_by_platform(
    door: Door | Delivery, pk: str, delivery_id: str, answers: str, body: bytes, now: datetime
) -> Delivery:
    return Delivery(
        pk,
        delivery_id,
        g1pk=hour_key(now, zlib.crc32(delivery_id.encode()) % HOUR_SHARDS),
        g1sk=delivery_id,
        brand_id=door.brand_id,
        mode=door.mode,
        connection_id=door.connection_id,
        program_id=door.program_id if isinstance(door, Delivery) else door.only_program,
        platform=door.platform,
        answers=answers,
        headers={},
        body=zlib.compress(body),
        received_at=times.text(now),
        expires_at=int((now + KEPT).timestamp()),
    )


def put(database: Database, s3: Callable[[], Any], item: Delivery) -> bool:
    """Stores it for good; False where the very same delivery is stored already.

    A body that no item can hold goes to the bucket first: an item without its body must not exist. `s3` is a callable
    that gives the client, since hardly any delivery needs one.
    """
    if len(item.body) > _ITEM_BYTES_MAX:
        item.body_key = f"{item.brand_id}/{item.sk}"
        s3().put_object(Bucket=database.settings.bodies_bucket, Key=item.body_key, Body=item.body)
        item.body = cast("bytes", None)  # PynamoDB's types have no absent attribute
    return database.put_new(item)


def content(database: Database, s3: Callable[[], Any], item: Delivery) -> tuple[Mapping[str, str], bytes]:
    """The request's headers, as far as they were kept, and its body as it came. Raises BodyGone."""
    packed = item.body
    if item.body_key:
        packed = _fetched(s3(), database.settings.bodies_bucket, item.body_key)
    return item.headers, zlib.decompress(packed)


def _fetched(s3: Any, bucket: str, key: str) -> bytes:
    try:
        body: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        if error.response["Error"]["Code"] == _NO_SUCH_KEY:
            raise BodyGone from error
        raise
    return body


def of_order(database: Database, brand_id: str, connection_id: str | None, subject: str) -> Iterator[Delivery]:
    """The deliveries about one order of a connection that have not expired, read as they are used."""
    return database.query(Delivery, partition(brand_id, connection_id, subject), page=_PAGE)


def erase(database: Database, s3: Callable[[], Any], item: Delivery, writes: Writes) -> None:
    """Removes a delivery with its body for good, by a transaction of which the caller says what else is in it.

    Refused where somebody else has removed it. The body goes first: nothing would lead to it any more.
    """
    if item.body_key:
        s3().delete_object(Bucket=database.settings.bodies_bucket, Key=item.body_key)
    writes.delete(item, Delivery.pk.exists())
    database.commit(writes)


def get(database: Database, pk: str, delivery_id: str) -> Delivery | None:
    """A stored delivery, until it expires."""
    return database.get(Delivery, pk, delivery_id)


def from_stream(image: dict[str, Any]) -> Delivery:
    """The delivery in a stream record's `NewImage`, whose binary parts travel as base64 text."""
    body = image.get("body")
    if body is not None:
        image = image | {"body": {"B": base64.b64decode(body["B"])}}
    return Delivery.from_raw_data(image)


def hour_key(moment: datetime, shard: int) -> str:
    """The index partition of an hour's deliveries; 16 of them, so that no busy hour is one hot key."""
    return f"{times.text(moment)[:13]}#{shard}"


def of_hour(database: Database, hour: datetime, shard: int, after: Bookmark) -> tuple[list[Delivery], Bookmark]:
    """A page of the deliveries that came in that hour, and where the next page begins."""
    keys, following = database.index_keys(Delivery, hour_key(hour, shard), limit=_PAGE, after=after)
    found = database.get_many([(Delivery, pk, sk) for pk, sk in keys])
    return [item for item in found.values() if isinstance(item, Delivery)], following


def of_connection(
    database: Database, brand_id: str, connection_id: str | None, hour: datetime, shard: int, after: Bookmark
) -> tuple[list[tuple[str, str]], Bookmark]:
    """The keys of a connection's deliveries on a page of all that came in that hour, and where the next one begins."""
    keys, following = database.index_keys(Delivery, hour_key(hour, shard), limit=_KEYS_PAGE, after=after)
    own = partition(brand_id, connection_id, "")
    return [key for key in keys if key[0].startswith(own)], following


def stored(database: Database, items: Iterable[Delivery]) -> list[Delivery]:
    """Those of them that are stored already, as they are."""
    found = database.get_many((Delivery, item.pk, item.sk) for item in items)
    return [item for item in found.values() if isinstance(item, Delivery)]


# --- parked -----------------------------------------------------------------------------------------------------------

# A delivery may have two notes: that it could not be settled, and that what is asked for it did not come. Each is put
# and taken away by those alone who settle, or who ask.


def parked_key(brand_id: str) -> str:
    """The partition of what waits for a person."""
    return f"{brand_id}#PARK"


def park(
    database: Database,
    item: Delivery,
    *,
    reason: str,
    detail: str,
    now: datetime,
    asked: bool = False,
    chain: str | None = None,
) -> bool:
    """Keeps a note beside the delivery, which itself is never changed; False where there was one, dated as it is.

    `asked`: the note of those who ask; `chain` names their tries where these go on.
    """
    sk = _note_key(item.sk, asked=asked)
    note = Parked(
        parked_key(item.brand_id),
        sk,
        g1pk=parked_key(item.brand_id),
        g1sk=f"{times.text(now)}#{sk}",
        delivery_id=item.sk,
        connection_id=item.connection_id,
        inbox_pk=item.pk,
        reason=reason,
        detail=detail[:1000],
        topic=next((value for name, value in item.headers.items() if name.endswith("topic")), None),
        chain=chain,
        received_at=item.received_at,
        parked_at=times.text(now),
    )
    if database.put_new(note):
        return True
    before = parked(database, item.brand_id, item.sk, asked=asked)
    if before is not None:
        note.g1sk, note.parked_at = before.g1sk, before.parked_at
        database.put(note, Parked.pk.exists())  # unless it has gone meanwhile
    return False


def parked(database: Database, brand_id: str, delivery_id: str, *, asked: bool = False) -> Parked | None:
    """One of the delivery's notes."""
    return database.get(Parked, parked_key(brand_id), _note_key(delivery_id, asked=asked))


def let_go(database: Database, note: Parked) -> None:
    """Has the note name no row of tries any more: one that goes on ends, and whoever asks next begins another."""
    database.update(note, [Parked.chain.remove()], Parked.pk.exists())


def noted(database: Database, items: Iterable[Delivery]) -> set[str]:
    """The ids of those that could not be settled, by their notes."""
    found = database.get_many((Parked, parked_key(item.brand_id), item.sk) for item in items)
    return {note.delivery_id for note in found.values() if isinstance(note, Parked)}


def unpark(database: Database, item: Delivery, *, asked: bool = False) -> None:
    """Removes the note, if there is one: the delivery has become facts after all, or its platform has answered."""
    database.delete(Parked(parked_key(item.brand_id), _note_key(item.sk, asked=asked)))


def _note_key(delivery_id: str, *, asked: bool) -> str:
    return f"{delivery_id}{_ASKED}" if asked else delivery_id

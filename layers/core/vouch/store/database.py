"""The requests themselves: one botocore client for all tables, reads in batches, writes in guarded transactions."""

import os
import random
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.connection import Connection, TableConnection
from pynamodb.connection.base import MetaTable
from pynamodb.exceptions import DeleteError, DoesNotExist, PutError, PynamoDBException, TransactWriteError, UpdateError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite
from urllib3.exceptions import HTTPError

from vouch.config import Settings
from vouch.domain.errors import Unavailable
from vouch.store.tables import INDEX_KEYS, TABLES, Item, index_of

FAILURES = (PynamoDBException, BotoCoreError, ClientError, HTTPError, Unavailable)
"""What the world can do to a request of ours."""
BATCH_GET_MAX = 100
TRANSACTION_MAX = 100
_TRIES = 6
_PAUSE_FIRST = 0.025
_PAUSE_MAX = 0.8
_CONDITION_FAILED = "ConditionalCheckFailed"
_UNFIT = "ValidationError"
_UNFIT_ERROR = "ValidationException"
_PASSING = {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded", "RequestLimitExceeded"}
_PASSING_ERRORS = {
    "TransactionConflictException",
    "TransactionInProgressException",
    "ThrottlingException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
}
Key = tuple[type[Item], str, str | None]
"""Of one item: its model, and its table's keys."""


class Refused(Exception):
    """A condition did not hold, so nothing took effect. `items` are those whose conditions failed."""

    def __init__(self, items: Sequence[Item]) -> None:
        super().__init__(", ".join(f"{type(item).__name__} {item.pk}" for item in items))
        self.items = items


class Unfit(Exception):
    """DynamoDB will never take these writes, however often they are tried: an item or the whole is too large."""


class Overfull(Unfit):
    """More writes than one transaction takes."""


class Writes:
    """Deletions, puts and updates that take effect together or not at all, at most 100."""

    def __init__(self) -> None:
        self._deletions: list[tuple[Item, Condition | None]] = []
        self._puts: list[tuple[Item, Condition | None]] = []
        self._updates: list[tuple[Item, list[Action], Condition | None]] = []

    def put_new(self, item: Item) -> None:
        """Refused where the key is taken."""
        self.put(item, type(item).pk.does_not_exist())

    def put(self, item: Item, condition: Condition | None = None) -> None:
        """Replaces what is there, where `condition` holds of it."""
        self._puts.append((item, condition))

    def update(self, item: Item, actions: list[Action], condition: Condition | None = None) -> None:
        """Changes some attributes of the item with this item's key."""
        self._updates.append((item, actions, condition))

    def delete(self, item: Item, condition: Condition | None = None) -> None:
        """Removes the item with this item's key, where `condition` holds of it."""
        self._deletions.append((item, condition))

    def __len__(self) -> int:
        return len(self._deletions) + len(self._puts) + len(self._updates)

    def _in_order_sent(self) -> list[Item]:
        # The reasons of a cancellation come in the order in which PynamoDB sends.
        return [item for each in (self._deletions, self._puts, self._updates) for item, *_ in each]

    def _send(self, connection: Connection) -> None:
        transaction = TransactWrite(connection=connection)
        for item, guard in self._deletions:
            transaction.delete(item, guard)
        for item, condition in self._puts:
            transaction.save(item, condition)
        for item, actions, condition in self._updates:
            transaction.update(item, actions, condition)
        transaction._commit()  # noqa: SLF001 - its context manager would commit even while an exception passes through


class Database:
    """The tables of one deployment, behind one client: each further one would cost 160 ms at a cold start."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.connection = Connection(
            region=os.environ.get("AWS_REGION"),
            connect_timeout_seconds=1,
            read_timeout_seconds=3,
            max_retry_attempts=2,
            max_pool_connections=32,
        )
        for model, (setting, indexes) in TABLES.items():
            self._bind(model, getattr(settings, setting), indexes)

    def _bind(self, model: type[Item], table_name: str, indexes: Sequence[str]) -> None:
        keys = ("pk", "sk") if hasattr(model, "sk") else ("pk",)
        names = [*keys, *(name for index in indexes for name in INDEX_KEYS[index])]
        description = {
            "TableName": table_name,
            "KeySchema": _schema(keys),
            "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in names],
            "GlobalSecondaryIndexes": [
                {"IndexName": index, "KeySchema": _schema(INDEX_KEYS[index])} for index in indexes
            ],
            "LocalSecondaryIndexes": [],
        }
        self.connection.add_meta_table(MetaTable(description))
        table = TableConnection(table_name)
        table.connection = self.connection
        model.Meta.table_name = table_name
        model._connection = table  # noqa: SLF001 - PynamoDB would build one more client for each model

    # --- reads --------------------------------------------------------------------------------------------------------

    def get[I: Item](self, model: type[I], pk: str, sk: str | None = None) -> I | None:
        """One item, read consistently; None where there is none."""
        try:
            return model.get(pk, sk, consistent_read=True)
        except DoesNotExist:
            return None

    def get_many(self, keys: Iterable[Key]) -> dict[tuple[str, str | None], Item]:
        """The items that exist of these keys, of any tables, by (pk, sk); consistent, one request per 100 keys."""
        wanted = list(dict.fromkeys(keys))
        found: dict[tuple[str, str | None], Item] = {}
        for start in range(0, len(wanted), BATCH_GET_MAX):
            for item in self._batch(wanted[start : start + BATCH_GET_MAX]):
                found[item.pk, getattr(item, "sk", None)] = item
        return found

    def query[I: Item](
        self,
        model: type[I],
        pk: str,
        condition: Condition | None = None,
        *,
        newest_first: bool = False,
        limit: int | None = None,
        page: int | None = None,
    ) -> Iterator[I]:
        """A partition's items in the order of their sort keys, read consistently, page by page as they are used.

        `page` is the number of items per request for those who will want few; else it is what a megabyte holds.
        """
        forward = not newest_first
        return iter(
            model.query(pk, condition, consistent_read=True, scan_index_forward=forward, limit=limit, page_size=page)
        )

    def index_keys(
        self,
        model: type[Item],
        partition: str,
        *,
        limit: int,
        after: dict[str, Any] | None = None,
        condition: Condition | None = None,
        newest_first: bool = False,
    ) -> tuple[list[tuple[str, str]], dict[str, Any] | None]:
        """One page of keys from an index's partition, and where the next page begins (None: this was the last)."""
        answer = self.connection.query(
            str(model.Meta.table_name),
            partition,
            range_key_condition=condition,
            index_name=index_of(partition),
            limit=limit,
            exclusive_start_key=after,
            scan_index_forward=not newest_first,
        )
        keys = [(item["pk"]["S"], item["sk"]["S"]) for item in answer["Items"]]
        return keys, answer.get("LastEvaluatedKey")

    # --- writes -------------------------------------------------------------------------------------------------------

    def put_new(self, item: Item) -> bool:
        """Stores the item where its key is free; False where it is taken."""
        return self.put(item, type(item).pk.does_not_exist())

    def put(self, item: Item, condition: Condition | None = None) -> bool:
        """Stores the item in place of what is there; False where `condition` did not hold of that."""
        try:
            item.save(condition)
        except PutError as error:
            if _code(error) == "ConditionalCheckFailedException":
                return False
            raise
        return True

    def update(self, item: Item, actions: list[Action], condition: Condition | None = None) -> bool:
        """Changes the stored item and `item` with it; False where `condition` did not hold."""
        try:
            item.update(actions, condition)
        except UpdateError as error:
            if _code(error) == "ConditionalCheckFailedException":
                return False
            raise
        return True

    def delete(self, item: Item, condition: Condition | None = None) -> bool:
        """Removes the stored item; False where `condition` did not hold."""
        try:
            item.delete(condition)
        except DeleteError as error:
            if _code(error) == "ConditionalCheckFailedException":
                return False
            raise
        return True

    def commit(self, writes: Writes) -> None:
        """Applies all writes or none.

        Raises Refused where a condition failed, Unfit where it can never be, and Unavailable where conflicts or
        throttling outlast the tries, which are spaced with full jitter. After a lost answer the caller's guards tell
        whether its try took effect.
        """
        if len(writes) > TRANSACTION_MAX:
            raise Overfull(f"{len(writes)} writes")
        for attempt in range(_TRIES):
            try:
                writes._send(self.connection)  # noqa: SLF001 - the two classes are one mechanism
            except TransactWriteError as error:
                reasons = error.cancellation_reasons
                refused = [
                    item
                    for item, reason in zip(writes._in_order_sent(), reasons, strict=False)  # noqa: SLF001
                    if reason is not None and reason.code == _CONDITION_FAILED
                ]
                if refused:
                    raise Refused(refused) from error
                codes = {reason.code for reason in reasons if reason is not None}
                if _UNFIT in codes or _code(error) == _UNFIT_ERROR:
                    raise Unfit(error.cause_response_message) from error
                if not codes & _PASSING and _code(error) not in _PASSING_ERRORS:
                    raise
            else:
                return
            pause(attempt)
        raise Unavailable

    def _batch(self, keys: Sequence[Key]) -> Iterator[Item]:
        models: dict[str, type[Item]] = {}
        request: dict[str, Any] = {}
        for model, pk, sk in keys:
            table = str(model.Meta.table_name)
            models[table] = next(base for base in TABLES if issubclass(model, base))
            key = {"pk": {"S": pk}} | ({} if sk is None else {"sk": {"S": sk}})
            request.setdefault(table, {"Keys": [], "ConsistentRead": True})["Keys"].append(key)
        for attempt in range(_TRIES):
            answer = self.connection.client._make_api_call("BatchGetItem", {"RequestItems": request})  # noqa: SLF001
            for table, items in answer["Responses"].items():
                for raw in items:
                    yield models[table].from_raw_data(raw)
            request = answer.get("UnprocessedKeys", {})
            if not request:
                return
            pause(attempt)
        raise Unavailable


def _code(error: PynamoDBException) -> str | None:
    """DynamoDB's own word; PynamoDB's property for it breaks where no answer came."""
    response = getattr(error.cause, "response", None) or {}
    code: str | None = response.get("Error", {}).get("Code")
    return code


def pause(attempt: int) -> None:
    """Waits a random part of a span that doubles with each attempt (full jitter), 0.8 s at most."""
    time.sleep(random.uniform(0, min(_PAUSE_FIRST * 2**attempt, _PAUSE_MAX)))  # noqa: S311 - spreading load, not keeping secrets


def _schema(keys: Sequence[str]) -> list[dict[str, str]]:
    return [{"AttributeName": name, "KeyType": kind} for name, kind in zip(keys, ("HASH", "RANGE"), strict=False)]

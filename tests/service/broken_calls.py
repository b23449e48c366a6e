"""Calls to DynamoDB that fail before or after taking effect: by error, crash, throttle, conflict or a lost answer."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from unittest.mock import patch

from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from vouch.service.deployment import Deployment

KINDS = ("before", "after", "crash", "crash after", "throttle", "conflict", "lost below the retry")


class Crash(BaseException):
    """The process is gone; no `except Exception` sees it."""


@contextmanager
def counted(deployment: Deployment) -> Iterator[list[str]]:
    """The operations of all requests that really go out."""
    sent: list[str] = []

    def note(event_name: str, **_: Any) -> None:
        sent.append(event_name.rpartition(".")[2])

    events = deployment.database.connection.client.meta.events
    events.register("before-send.dynamodb", note)
    try:
        yield sent
    finally:
        events.unregister("before-send.dynamodb", note)


def tried(deployment: Deployment, number: int, kind: str, job: Callable[[], object]) -> list[str]:
    """Runs the job while the call with this number, from 0 on, fails in this way; the calls that were made.

    What the job raises is swallowed, as whoever runs jobs does, and starts them again.
    """
    client = deployment.database.connection.client
    call = client._make_api_call
    made: list[str] = []

    def breaking(operation: str, arguments: dict[str, Any]) -> Any:
        made.append(operation)
        if len(made) - 1 != number:
            return call(operation, arguments)
        if kind == "lost below the retry":
            return _with_answer_lost(client, lambda: call(operation, arguments))
        if kind in {"after", "crash after"}:
            call(operation, arguments)
        raise _failure(kind, operation)

    with patch.object(client, "_make_api_call", breaking), suppress(Exception, Crash):
        job()
    return made


def _failure(kind: str, operation: str) -> BaseException:
    if kind.startswith("crash"):
        return Crash(operation)
    if kind == "throttle":
        return ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow down"}}, operation)
    if kind == "conflict" and operation == "TransactWriteItems":
        reasons = [{"Code": "TransactionConflict", "Message": "busy"}]
        error: Any = {"Error": {"Code": "TransactionCanceledException", "Message": "x"}, "CancellationReasons": reasons}
        return ClientError(error, operation)
    return ConnectionClosedError(endpoint_url="http://engine.test")


def _with_answer_lost(client: Any, call: Callable[[], Any]) -> Any:
    """The first try takes effect and its answer never arrives, so botocore sends it again."""
    lost: list[Any] = []

    def lose(request: Any, **_: Any) -> None:
        if not lost:
            lost.append(client._endpoint.http_session.send(request))
            raise ReadTimeoutError(endpoint_url="http://engine.test")

    client.meta.events.register("before-send.dynamodb", lose)
    try:
        return call()
    finally:
        client.meta.events.unregister("before-send.dynamodb", lose)

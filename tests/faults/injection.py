"""Every call that a process makes to AWS, counted, and any one of them broken in every way that a call can break."""

import base64
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Lock
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from tests.fixtures import MemoryBucket, MemoryMails, MemoryQueues
from tests.wire import Unhurried
from vouch.service.deployment import Deployment

KINDS = (
    "fails before",
    "fails after",
    "crash before",
    "crash after",
    "throttled",
    "conflict",
    "answer lost below the retry",
    "answered in part",
)
_ENDPOINT = "http://engine.test"
Send = Callable[[], Any]


class Died(BaseException):
    """The process is gone; no `except Exception` sees it."""


class Faults:
    """Breaks the call with a given number, from 1 on; `calls` are the operations that were asked for since."""

    def __init__(self, client: Any) -> None:
        self.calls: list[str] = []
        self._client = client
        self._number = 0
        self._kind = ""
        self._rests = False
        self._lock = Lock()

    @contextmanager
    def breaking(self, number: int, kind: str) -> Iterator[None]:
        """While this lasts, that call breaks in this way."""
        self.calls, self._number, self._kind = [], number, kind
        try:
            yield
        finally:
            self._number = 0

    @contextmanager
    def resting(self) -> Iterator[None]:
        """While this lasts somebody only looks, and no call of theirs counts."""
        self._rests = True
        try:
            yield
        finally:
            self._rests = False

    def call(self, operation: str, send: Send) -> Any:
        """What becomes of a call."""
        if self._rests:
            return send()
        with self._lock:
            self.calls.append(operation)
            broken = len(self.calls) == self._number
        if not broken:
            return send()
        match self._kind:
            case "fails after" | "crash after":
                send()
            case "answer lost below the retry":
                return self._sent_twice(operation, send)
            case "answered in part":
                return _in_part(send())
        raise _failure(self._kind, operation)

    def _sent_twice(self, operation: str, send: Send) -> Any:
        """The first try takes effect, its answer is lost, and the SDK sends it again."""
        if operation in _OTHERS:
            send()
            return send()
        sent: list[Any] = []

        def lose(request: Any, **_: Any) -> None:
            if not sent:
                sent.append(self._client._endpoint.http_session.send(request))
                raise ReadTimeoutError(endpoint_url=_ENDPOINT)

        self._client.meta.events.register("before-send.dynamodb", lose)
        try:
            return send()
        finally:
            self._client.meta.events.unregister("before-send.dynamodb", lose)


@contextmanager
def injected(deployment: Deployment) -> Iterator[Faults]:
    """All of a deployment's calls pass through here, those of services that are played in memory too."""
    client = deployment.database.connection.client
    real = client._make_api_call
    faults = Faults(client)
    services = {"s3": MemoryBucket(), "sqs": MemoryQueues(), "kms": Keys(), "secretsmanager": _SecretStore()}
    services["sesv2"] = MemoryMails()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client, "_make_api_call", lambda name, asked: faults.call(name, lambda: real(name, asked)))
        patch.setattr(deployment, "client", lambda name, **_: _Counted(services[name], faults))
        patch.setattr("botocore.endpoint.time", Unhurried())
        forget(deployment)
        yield faults


def tried(deployment: Deployment, number: int, kind: str, job: Callable[[], object]) -> list[str]:
    """The calls of a job of which one was broken. What it raises is swallowed, as by whoever runs jobs again."""
    with injected(deployment) as faults, faults.breaking(number, kind), suppress(Exception, Died):
        job()
    return faults.calls


def forget(deployment: Deployment) -> None:
    """The clients and secrets that a process keeps are gone with it."""
    for name in ("secrets", "vault", "s3", "sqs", "ses"):
        vars(deployment).pop(name, None)


def kinds(operation: str) -> list[str]:
    """The ways in which this operation can break."""
    writes = {"TransactWriteItems", "PutItem", "DeleteItem", "UpdateItem"}
    reads = {"BatchGetItem"}
    possible = {
        "conflict": operation in writes,
        "answered in part": operation in reads,
        "answer lost below the retry": operation != "send_email",  # its client sends nothing twice
    }
    return [kind for kind in KINDS if possible.get(kind, True)]


def _failure(kind: str, operation: str) -> BaseException:
    if kind.startswith("crash"):
        return Died(operation)
    if kind == "fails before":
        return ConnectionClosedError(endpoint_url=_ENDPOINT)
    if kind == "fails after":
        return ReadTimeoutError(endpoint_url=_ENDPOINT)
    code = "TransactionConflict" if kind == "conflict" else "ThrottlingError"
    if operation == "TransactWriteItems":
        reasons = [{"Code": code, "Message": "not now"}, {"Code": "None"}]
        told: Any = {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons}
        return ClientError(told, operation)
    if kind == "throttled":
        return ClientError({"Error": {"Code": "ProvisionedThroughputExceededException"}}, operation)
    return ClientError({"Error": {"Code": "TransactionConflictException"}}, operation)


def _in_part(answer: Any) -> Any:
    """A batch read that was throttled half-way says what it did not get to."""
    for table, items in answer["Responses"].items():
        if items:
            left = [{name: item[name] for name in ("pk", "sk") if name in item} for item in items[1:]]
            answer["Responses"][table] = items[:1]
            if left:
                answer["UnprocessedKeys"] = {table: {"Keys": left, "ConsistentRead": True}}
                return answer
    return answer


class _Counted:
    """A service in memory, whose calls count like those of the engine."""

    def __init__(self, service: Any, faults: Faults) -> None:
        self._service = service
        self._faults = faults

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._service, name)
        return lambda **asked: self._faults.call(name, lambda: method(**asked))

    @property
    def sent(self) -> Any:
        return self._service.sent

    @property
    def objects(self) -> Any:
        return self._service.objects


class Keys:
    """KMS: the context in which a text was sealed opens it."""

    def encrypt(self, *, Plaintext: bytes, EncryptionContext: dict[str, str], **_: Any) -> Any:  # noqa: N803 - boto3's
        return {"CiphertextBlob": base64.b64encode(f"{EncryptionContext}".encode()) + b"." + Plaintext}

    def decrypt(self, *, CiphertextBlob: bytes, EncryptionContext: dict[str, str], **_: Any) -> Any:  # noqa: N803
        if not CiphertextBlob.startswith(base64.b64encode(f"{EncryptionContext}".encode()) + b"."):
            raise ClientError({"Error": {"Code": "InvalidCiphertextException"}}, "Decrypt")
        return {"Plaintext": CiphertextBlob.partition(b".")[2]}


class _SecretStore:
    """Secrets Manager, with the deployment's secret."""

    def get_secret_value(self, **_: Any) -> Any:
        return {"SecretString": '{"1": "test master"}'}


_OTHERS = {
    "put_object",
    "get_object",
    "delete_object",
    "send_message",
    "encrypt",
    "decrypt",
    "get_secret_value",
    "send_email",
}

"""A deployment for tests: real tables on DynamoDB Local; clock, secrets, vault, bucket, queues and mails in memory."""

import io
import random
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from urllib.parse import urlencode
from zlib import crc32

import pytest
from botocore.exceptions import ClientError

from tests.tables import REGION, create_tables, drop_tables
from vouch.service.cache import Patience
from vouch.service.deployment import Deployment
from vouch.store.secrets import Secrets
from vouch.store.vault import Misplaced, Owner

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
_runs = count(1)


class Clock:
    """The real time, as the test wills it."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, span: timedelta) -> None:
        """Time goes on."""
        self.now += span


class MemoryVault:
    """Seals by naming the owner, and refuses another's as KMS does."""

    def seal(self, owner: Owner, text: str) -> str:
        return f"{_mark(owner)}{text}"

    def open(self, owner: Owner, sealed: str) -> str:
        mark = _mark(owner)
        if not sealed.startswith(mark):
            raise Misplaced(owner)
        return sealed.removeprefix(mark)


def _mark(owner: Owner) -> str:
    return f"sealed:{owner.brand_id}:{owner.purpose}:{owner.id}:"


class MemoryBucket:
    """The calls of S3 that Vouch makes, and addresses for others; of each object its latest version alone is kept."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], bytes] = {}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, **more: Any) -> dict[str, Any]:  # noqa: N803 - boto3's
        if more.get("IfNoneMatch") == "*" and (Bucket, Key) in self.objects:
            raise ClientError({"Error": {"Code": "PreconditionFailed"}}, "PutObject")
        self.objects[Bucket, Key] = Body
        return {}

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803 - boto3's names
        if (Bucket, Key) not in self.objects:
            raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")
        content = self.objects[Bucket, Key]
        return {"Body": io.BytesIO(content), "VersionId": f"{crc32(content):08x}"}

    def generate_presigned_url(self, operation: str, *, Params: dict[str, Any], ExpiresIn: int) -> str:  # noqa: N803 - boto3's
        return f"https://s3.test/{operation}?{urlencode(Params | {'ExpiresIn': ExpiresIn})}"

    def delete_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803 - boto3's names
        self.objects.pop((Bucket, Key), None)
        return {}


class MemoryQueues:
    """The queues' senders; what was sent waits in `sent` by queue."""

    def __init__(self) -> None:
        self.sent: dict[str, deque[dict[str, Any]]] = {}

    def send_message(self, *, QueueUrl: str, MessageBody: str, **options: Any) -> dict[str, Any]:  # noqa: N803 - boto3's
        self.sent.setdefault(QueueUrl, deque()).append({"MessageBody": MessageBody} | options)
        return {}


class MemoryMails:
    """SES, as far as we use it; `sent` are the requests that it took, and `refusal` says whom it refuses."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.refusal: Callable[[str], Exception | None] = lambda _: None

    def send_email(self, **asked: Any) -> dict[str, Any]:
        [to] = asked["Destination"]["ToAddresses"]
        refusal = self.refusal(to)
        if refusal is not None:
            raise refusal
        self.sent.append(asked)
        return {"MessageId": f"0100{len(self.sent)}"}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def deployment(dynamodb_endpoint: str, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployment]:
    """Fresh tables for each test. PynamoDB's models know one deployment per process: ask for one at a time."""
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "127.0.0.1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", dynamodb_endpoint)
    monkeypatch.setenv("AWS_REGION", REGION)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    # More than a busy machine needs: where a test is about impatience it says so.
    monkeypatch.setattr("vouch.service.ingest.Patience", lambda: Patience(20, 20))
    settings = create_tables(dynamodb_endpoint, f"t{next(_runs)}")
    made = Deployment(settings, now=clock, random=random.Random(1).randbytes)
    made.secrets = Secrets.of('{"1": "test master"}')
    made.vault = MemoryVault()
    made.s3 = MemoryBucket()
    made.sqs = MemoryQueues()
    made.ses = MemoryMails()
    yield made
    drop_tables(dynamodb_endpoint, settings)

"""Clicks' items: one write unit each, and the same whether they came directly or through the queue."""

import hashlib
import hmac
import socket
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.credentials import Credentials
from botocore.exceptions import ReadTimeoutError

from tests.fixtures import Clock
from tests.wire import Send, Wire, answered
from vouch.domain.clicks import ClickId
from vouch.service.deployment import Deployment
from vouch.store import clicks
from vouch.store.tables import Click

BRAND = "brd_00000000000000000000000001"
AT = datetime(2026, 5, 4, 12, tzinfo=UTC)
CLICK = ClickId("clk_" + "A" * 39, "00" * 8, AT)
TRAIL = [f"clk_{n:039d}" for n in range(10)]


def stored(deployment: Deployment, click: Click) -> dict[str, dict[str, Any]]:
    found = deployment.database.get(Click, click.pk)
    assert found is not None
    return found.to_dynamodb_dict()


def test_a_click_is_kept_400_days_of_real_time(clock: Clock) -> None:
    long_ago = ClickId(CLICK.id, CLICK.link_key, AT - timedelta(days=300))
    click = clicks.record(BRAND, long_ago, [], clock())
    assert click.expires_at == int((clock() + timedelta(days=400)).timestamp())
    assert click.at == "2025-07-08T12:00:00.000000Z"


def test_a_spilled_click_equals_a_direct_one(deployment: Deployment, clock: Clock) -> None:
    for number, trail in enumerate([[], TRAIL]):
        direct = clicks.record(f"{BRAND}{number}", CLICK, trail, clock())
        deployment.database.put_new(direct)
        before = stored(deployment, direct)
        direct.delete()
        assert deployment.database.put_new(clicks.of_message(clicks.message(direct)))
        assert stored(deployment, direct) == before


def test_a_click_with_a_full_trail_is_one_write_unit(clock: Clock) -> None:
    item = clicks.record(BRAND, CLICK, TRAIL, clock()).to_dynamodb_dict()
    assert sum(len(name) + len(next(iter(value.values()))) for name, value in item.items()) < 1024


def test_the_writer_stores_what_the_sdk_would(deployment: Deployment, clock: Clock) -> None:
    writer = clicks.Writer(deployment.database, 20)
    for number, trail in enumerate([[], TRAIL]):
        by_sdk = clicks.record(f"{BRAND}sdk{number}", CLICK, trail, clock())
        by_writer = clicks.record(f"{BRAND}own{number}", CLICK, trail, clock())
        deployment.database.put_new(by_sdk)
        writer.put_new(by_writer)
        assert stored(deployment, by_writer) | {"pk": {}} == stored(deployment, by_sdk) | {"pk": {}}


def test_the_writer_leaves_a_click_that_is_there_alone(deployment: Deployment, clock: Clock) -> None:
    writer = clicks.Writer(deployment.database, 20)
    first = clicks.record(BRAND, CLICK, TRAIL, clock())
    writer.put_new(first)
    writer.put_new(clicks.record(BRAND, CLICK, [], clock()))
    assert stored(deployment, first) == first.to_dynamodb_dict()


def test_the_writer_says_what_dynamodb_said(deployment: Deployment, clock: Clock) -> None:
    with pytest.raises(clicks.Unstored, match=r"^ValidationException$"):
        clicks.Writer(deployment.database, 20).put_new(Click(pk="", at="", expires_at=1))


def test_the_writer_does_not_wait_for_a_store_that_hangs(
    deployment: Deployment, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        writer = clicks.Writer(deployment.database, 0.05)
        monkeypatch.setattr(writer, "_url", f"http://127.0.0.1:{silent.getsockname()[1]}/")
        with pytest.raises(ReadTimeoutError):
            writer.put_new(clicks.record(BRAND, CLICK, [], clock()))


def signature(request: AWSPreparedRequest, secret: str, signed: str, scope: str) -> str:
    """Signature Version 4 from its specification: no engine here checks one."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    headers["host"] = str(urlsplit(request.url).netloc)
    listed = "".join(f"{name}:{_text(headers[name])}\n" for name in signed.split(";"))
    body: Any = request.body
    asked = "\n".join(["POST", "/", "", listed, signed, hashlib.sha256(body).hexdigest()])
    to_sign = "\n".join(
        ["AWS4-HMAC-SHA256", _text(headers["x-amz-date"]), scope, hashlib.sha256(asked.encode()).hexdigest()]
    )
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, to_sign.encode(), "sha256").hex()


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def test_the_writer_signs_as_aws_verifies(
    deployment: Deployment, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[AWSPreparedRequest] = []

    def keep(request: AWSPreparedRequest, send: Send) -> AWSResponse:
        sent.append(request)
        return answered(200, {})(request, send)

    Wire(monkeypatch).faults["PutItem"] = keep
    writer = clicks.Writer(deployment.database, 20)
    monkeypatch.setattr(writer, "_credentials", Credentials("AKID", "secret", "session token"))
    writer.put_new(clicks.record(BRAND, CLICK, TRAIL, clock()))
    (request,) = sent
    scheme, _, rest = _text(request.headers["Authorization"]).partition(" ")
    said = dict(part.split("=", 1) for part in rest.split(", "))
    signer, _, scope = said["Credential"].partition("/")
    assert (scheme, signer) == ("AWS4-HMAC-SHA256", "AKID")
    assert scope == f"{_text(request.headers['X-Amz-Date'])[:8]}/us-east-1/dynamodb/aws4_request"
    assert {"host", "x-amz-date", "x-amz-security-token", "x-amz-target"} <= set(said["SignedHeaders"].split(";"))
    assert said["Signature"] == signature(request, "secret", said["SignedHeaders"], scope)


def test_a_click_without_a_trail_stores_none(deployment: Deployment, clock: Clock) -> None:
    click = clicks.record(BRAND, CLICK, [], clock())
    deployment.database.put_new(click)
    assert set(stored(deployment, click)) == {"pk", "at", "expires_at"}

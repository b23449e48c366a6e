"""Clicks as they are stored: one put each, keyed by the click itself, so that no link is ever a hot key."""

import json
import socket
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ConnectionClosedError, NoCredentialsError
from botocore.httpsession import URLLib3Session

from vouch.domain import times
from vouch.domain.clicks import ClickId
from vouch.store.database import Database
from vouch.store.tables import Click

KEPT = timedelta(days=400)
"""Longer than any journey cookie lasts; after that the id itself still credits an order."""

_HEADERS = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "DynamoDB_20120810.PutItem"}
_CONNECTIONS = 32


def key(brand_id: str, click_id: str) -> tuple[type[Click], str, None]:
    """Where a click's record lies."""
    return Click, f"{brand_id}#K#{click_id}", None


def record(brand_id: str, click: ClickId, trail: list[str], now: datetime) -> Click:
    """The item of a click; `now` is real time, since a test brand's clock does not govern what expires."""
    return Click(
        pk=key(brand_id, click.id)[1],
        at=times.text(click.at),
        trail=trail or None,
        expires_at=int((now + KEPT).timestamp()),
    )


def message(click: Click) -> str:
    """The item as text, for the spill queue."""
    return json.dumps(click.to_dynamodb_dict(), separators=(",", ":"))


def of_message(text: str) -> Click:
    """The item again, equal in every attribute to one that was stored directly."""
    return Click.from_raw_data(json.loads(text))


class Unstored(Exception):
    """DynamoDB refused the click; `args` hold its word for why."""


class Writer:
    """Puts clicks, and fails within `seconds`, since the visitor waits and the queue is the second try.

    This is the hottest call of all, and the same put through the SDK's client costs twice the CPU; its retries alone
    would outlast the visitor. Signing and connections are botocore's own all the same.
    """

    def __init__(self, database: Database, seconds: float) -> None:
        session, meta = database.connection.session, database.connection.client.meta
        self._table = database.settings.clicks_table
        self._url = f"{meta.endpoint_url}/"
        self._region = meta.region_name
        self._credentials = session.get_credentials()
        # Head and body are two packets: without TCP_NODELAY the second waits 40 ms for the receipt of the first.
        options: dict[str, Any] = {"socket_options": [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)], "timeout": seconds}
        self._http = URLLib3Session(max_pool_connections=_CONNECTIONS, **options)

    def put_new(self, click: Click) -> None:
        """Stores the click unless it is there. Raises Unstored, or botocore's own errors where no answer came."""
        put = {
            "TableName": self._table,
            "Item": click.to_dynamodb_dict(),
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        body = json.dumps(put, separators=(",", ":")).encode()
        try:
            status, answer = self._sent(body)
        except ConnectionClosedError:
            # Lambda froze this process, and the connection died meanwhile: the next one is new.
            status, answer = self._sent(body)
        if status != HTTPStatus.OK:
            code = _code(answer)
            if code != "ConditionalCheckFailedException":
                raise Unstored(code or str(status))

    def _sent(self, body: bytes) -> tuple[int, bytes]:
        if self._credentials is None:
            raise NoCredentialsError
        request = AWSRequest("POST", self._url, _HEADERS, body)
        SigV4Auth(self._credentials.get_frozen_credentials(), "dynamodb", self._region).add_auth(request)
        response = self._http.send(request.prepare())
        return response.status_code, response.content


def _code(answer: bytes) -> str:
    try:
        return str(json.loads(answer)["__type"]).rpartition("#")[2]
    except (ValueError, LookupError, TypeError):
        return ""

"""Taking in a platform's request: prove it genuine, store it, and only then say yes."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from vouch.domain import ids
from vouch.domain.errors import NotFound, TooLarge, Unauthenticated
from vouch.platforms.base import Account, BadSignature, Request
from vouch.platforms.registry import PLATFORMS
from vouch.service import platform_accounts
from vouch.service.cache import Cache, Patience
from vouch.service.deployment import Deployment
from vouch.store import connections, inbox
from vouch.store.database import FAILURES
from vouch.store.inbox import Door

BODY_MAX = 4 * 1024 * 1024
"""Lambda takes 6 MiB, which has to hold the body with its JSON escapes or as base64."""

_SECONDS_KEPT = 10
"""So long a connection that was disabled may still let something in."""
_SECONDS_BETWEEN = 1
"""So far apart bad signatures have a connection read again: a flood of them costs a read a second."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a platform is told; `repeated` where the very same request was stored before."""

    delivery_id: str
    repeated: bool


@dataclass(frozen=True, slots=True)
class _Inlet:
    """A connection with its secrets open, as one process keeps it for a while.

    Its account has none of them: which are valid depends on the moment.
    """

    door: Door
    account: Account
    secrets: platform_accounts.Secrets

    def account_at(self, now: datetime) -> Account:
        """The account with the secrets that are valid then."""
        return replace(self.account, secrets=platform_accounts.valid(self.secrets, now))


class Ingest:
    """The connections of a deployment, as one process takes in their deliveries."""

    def __init__(self, deployment: Deployment, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._deployment = deployment
        self._inlets = Cache(self._open, failures=FAILURES, patience=Patience(), seconds=_SECONDS_KEPT, clock=clock)

    def receive(self, connection_id: str, request: Request) -> Receipt:
        """Stores the request for good.

        Raises TooLarge, NotFound for a connection that is not there or not active, Unauthenticated for whatever does
        not prove itself. A repeat is as welcome as the first.
        """
        if len(request.body) > BODY_MAX:
            raise TooLarge(limit=BODY_MAX)
        if not ids.is_id(connection_id, "con_"):
            raise NotFound
        now = self._deployment.now()
        inlet, platform_delivery_id = self._proven(connection_id, request, now)
        platform = PLATFORMS[inlet.door.platform]
        item = inbox.delivery(
            inlet.door,
            request.headers,
            request.body,
            platform_delivery_id=platform_delivery_id,
            subject=platform.subject(request),
            kept=platform.kept_headers,
            now=now,
        )
        stored = inbox.put(self._deployment.database, lambda: self._deployment.s3, item)
        return Receipt(item.sk, not stored)

    def _proven(self, connection_id: str, request: Request, now: datetime) -> tuple[_Inlet, str]:
        """The connection, and the platform's own id of the delivery that it proved genuine."""
        for read in (self._inlets.get, self._read_again):
            inlet = read(connection_id)
            if inlet is None:
                raise NotFound
            with suppress(BadSignature):
                return inlet, PLATFORMS[inlet.door.platform].verify(request, inlet.account_at(now), now)
        raise Unauthenticated("bad_signature")

    def _read_again(self, connection_id: str) -> _Inlet | None:
        """For the secret that was set since the connection was read."""
        return self._inlets.renewed(connection_id, every=_SECONDS_BETWEEN)

    def _open(self, connection_id: str) -> _Inlet | None:
        item = self._deployment.database.get(*connections.key(connection_id))
        if item is None or item.status != "active":
            return None
        return _Inlet(
            Door(item.brand_id, item.mode, item.platform, item.id, item.program_id),
            platform_accounts.account(self._deployment, item),
            platform_accounts.secrets(self._deployment, item),
        )

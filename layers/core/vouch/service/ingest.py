"""Taking in a platform's request: prove it genuine, store it, and only then say yes.

Two things that platforms send are no deliveries: a greeting that nothing signs, and the question by a GET whether this
address is really meant.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from vouch.domain import ids
from vouch.domain.errors import Forbidden, MethodNotAllowed, NotFound, TooLarge, Unauthenticated
from vouch.platforms.base import Account, BadSignature, Platform, Request
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
    """What a platform is told; `repeated` where the very same request was stored before.

    `reply` is the body that the platform wants to hear, None where any will do.
    """

    delivery_id: str
    repeated: bool
    reply: str | None = None


@dataclass(frozen=True, slots=True)
class _Inlet:
    """A connection with its secrets open, as one process keeps it for a while.

    Its account has none of them: which are valid depends on the moment.
    """

    door: Door
    account: Account
    secrets: platform_accounts.Secrets

    @property
    def platform(self) -> Platform:
        return PLATFORMS[self.door.platform]

    def account_at(self, now: datetime) -> Account:
        """The account with the secrets that are valid then."""
        return replace(self.account, secrets=platform_accounts.valid(self.secrets, now))


class Ingest:
    """The connections of a deployment, as one process takes in their deliveries."""

    def __init__(self, deployment: Deployment, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._deployment = deployment
        self._inlets = Cache(self._open, failures=FAILURES, patience=Patience(), seconds=_SECONDS_KEPT, clock=clock)

    def receive(self, connection_id: str, request: Request) -> Receipt | None:
        """Stores the request for good; None for a mere greeting, of which nothing is stored.

        Raises TooLarge, NotFound for a connection that is not there or not active, Unauthenticated for whatever does
        not prove itself. A repeat is as welcome as the first.
        """
        if len(request.body) > BODY_MAX:
            raise TooLarge(limit=BODY_MAX)
        if self._inlet(connection_id).platform.is_ping(request):
            return None
        now = self._deployment.now()
        try:
            inlet, platform_delivery_id = self._proven(
                connection_id, lambda inlet: inlet.platform.verify(request, inlet.account_at(now), now)
            )
        except BadSignature:
            raise Unauthenticated("bad_signature") from None
        platform = inlet.platform
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
        return Receipt(item.sk, not stored, platform.reply(request, item.sk, self._deployment.settings.public_url))

    def challenge(self, connection_id: str, query: Mapping[str, str]) -> str:
        """What a platform is answered that makes sure of the address.

        Raises NotFound likewise, MethodNotAllowed where the platform never asks, and Forbidden where its question does
        not prove itself.
        """
        answer = self._inlet(connection_id).platform.challenge
        if answer is None:
            raise MethodNotAllowed(allow="POST")
        try:
            return self._proven(connection_id, lambda inlet: answer(query, inlet.account))[1]
        except BadSignature:
            raise Forbidden("wrong_verify_token") from None

    def _inlet(self, connection_id: str) -> _Inlet:
        inlet = self._inlets.get(connection_id) if ids.is_id(connection_id, "con_") else None
        if inlet is None:
            raise NotFound
        return inlet

    def _proven(self, connection_id: str, proof: Callable[[_Inlet], str]) -> tuple[_Inlet, str]:
        """The connection, and what proves a request by it genuine. Raises BadSignature where nothing does."""
        for read in (self._inlet, self._read_again):
            inlet = read(connection_id)
            if inlet is None:
                raise NotFound
            with suppress(BadSignature):
                return inlet, proof(inlet)
        raise BadSignature

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

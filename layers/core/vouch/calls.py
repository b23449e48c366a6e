"""Who may call a route, and the one call that is being answered."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from vouch import messages
from vouch.domain.errors import Forbidden, Unauthenticated
from vouch.service import keys, mint
from vouch.service.deployment import Deployment
from vouch.service.mint import Mint
from vouch.store.tables import ApiKey, Brand

Security = list[dict[str, list[str]]]
"""OpenAPI's own words for who may call; each of our routes has exactly one requirement."""
PUBLIC: Final[Security] = [{}]


def brand_access(*scopes: str) -> Security:
    """For API keys of any brand that have all of these `scopes`."""
    for scope in scopes:
        if scope not in keys.SCOPES:
            raise LookupError(f"no such scope: {scope}")
    return [{"api_key": [*scopes]}]


def operator_access() -> Security:
    """For the operator of the deployment."""
    return [{"operator": []}]


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `caller` is whom an `Idempotency-Key` belongs to, None on public routes.

    `seen` is the version that the caller has seen, by `If-Match`; a route that `heeds_if_match` reads `if_match`.
    """

    connect: Callable[[], Deployment]
    request_id: str
    language: messages.Language
    mint: Mint
    seen: int | None
    heeds_if_match: bool = False
    caller: str | None = None
    credential: tuple[ApiKey, Brand] | None = None

    @property
    def deployment(self) -> Deployment:
        """What the use-cases reach the world through."""
        return self.connect()

    @property
    def brand(self) -> Brand:
        """The caller's brand: whatever the request reads or writes belongs to it."""
        return self._proven()[1]

    @property
    def key(self) -> ApiKey:
        """The API key that the caller showed."""
        return self._proven()[0]

    @property
    def if_match(self) -> int | None:
        """The version that the caller wants to change, 0 of what nobody has set yet; None: whichever there is."""
        if not self.heeds_if_match:
            raise LookupError("this route is not declared to heed If-Match")
        return self.seen

    @property
    def tenant(self) -> str:
        """Whose the request is: a brand's id, or `operator`."""
        return self.brand.id if self.credential else "operator"

    def _proven(self) -> tuple[ApiKey, Brand]:
        if self.credential is None:
            raise LookupError("this route is not declared for brands")
        return self.credential


def received(connect: Callable[[], Deployment], headers: Mapping[str, str]) -> Call:
    """The request before anybody is admitted."""
    chance = Mint(datetime.now(UTC), os.urandom)
    return Call(
        connect=connect,
        request_id=chance.id("req_"),
        language=messages.language(headers.get("accept-language", "")),
        mint=chance,
        seen=_seen(headers.get("if-match")),
    )


def admitted(call: Call, security: Security, authorization: str) -> Call:
    """The call with who makes it. Raises Unauthenticated or Forbidden where `security` does not let them in."""
    (requirement,) = security
    if not requirement:
        return call
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthenticated
    call = replace(call, mint=mint.fresh(call.deployment))
    return _as_operator(call, token) if "operator" in requirement else _as_brand(call, token, requirement["api_key"])


def _as_brand(call: Call, token: str, scopes: list[str]) -> Call:
    key, brand = keys.authenticated(call.deployment, token)
    for scope in scopes:
        if not keys.covers(key.scopes, scope):
            raise Forbidden("scope_missing", scope=scope)
    return replace(call, caller=f"{brand.id}/{key.id}", credential=(key, brand))


def _as_operator(call: Call, token: str) -> Call:
    if not keys.is_operator(call.deployment, token):
        raise Unauthenticated
    return replace(call, caller="operator")


def _seen(header: str | None) -> int | None:
    """The version that the caller saw, 0 of what nobody has set yet; None asks nothing, and garbage matches none."""
    if header is None or header.strip() == "*":
        return None
    version = re.fullmatch(r'"(0|[1-9][0-9]{0,14})"', header.strip())
    return int(version[1]) if version else -1

"""A connection as its platform's adapter sees it: its secrets open, its token only for whoever calls the platform."""

from dataclasses import replace
from datetime import datetime
from typing import Literal, get_args

from vouch.domain import times
from vouch.platforms.base import Account
from vouch.service.deployment import Deployment
from vouch.store.tables import ConnectionItem
from vouch.store.vault import Owner

Secrets = tuple[tuple[str, str | None], ...]
"""Each with the moment until which it is valid, None for ever."""
_Sealed = Literal["api_token", "verify_token"]
SEALED: tuple[_Sealed, ...] = get_args(_Sealed)
"""The details of a connection that are sealed, each for the purpose that it is named by."""


def webhook_url(deployment: Deployment, item: ConnectionItem) -> str:
    """Where the platform sends its webhooks."""
    return f"{deployment.settings.public_url}/webhooks/{item.id}"


def account(deployment: Deployment, item: ConnectionItem) -> Account:
    """Without secrets, which depend on the moment, and without the token."""
    details = item.details
    return Account(
        secrets=(),
        shop=item.shop,
        app_key=details.get("app_key"),
        notification_url=details.get("notification_url") or webhook_url(deployment, item),
        api_base_url=details.get("api_base_url"),
        verify_token=_opened(deployment, item, "verify_token"),
    )


def secrets(deployment: Deployment, item: ConnectionItem) -> Secrets:
    """All that the connection has, the newest first."""
    owner = Owner(item.brand_id, "webhook_secret", item.id)
    return tuple((deployment.vault.open(owner, sealed), until) for sealed, until in item.secrets)


def valid(known: Secrets, now: datetime) -> list[str]:
    """Those that prove something now."""
    at = times.text(now)
    return [secret for secret, until in known if until is None or at < until]


def caller(deployment: Deployment, item: ConnectionItem) -> Account:
    """For whoever calls the platform: with the secrets that are valid now, and the token."""
    known = account(deployment, item)
    now = deployment.now()
    valid_now = valid(secrets(deployment, item), now)
    return replace(known, secrets=valid_now, api_token=_opened(deployment, item, "api_token"))


def _opened(deployment: Deployment, item: ConnectionItem, name: _Sealed) -> str | None:
    sealed = item.details.get(name)
    return None if sealed is None else deployment.vault.open(Owner(item.brand_id, name, item.id), sealed)

"""API keys: who is asking, what a key may do, and how a brand makes and revokes its keys.

A key reads `vk_live_<its brand's 26 characters>_<secret>`. Nothing is stored of it but its id, which is derived from
its keyed hash; so the one read that finds it also proves it, and a revoked key is refused from that moment on.
"""

import base64
import hmac
import os
import re
from collections.abc import Sequence
from functools import cache

from vouch.domain import ids, times
from vouch.domain.errors import Forbidden, NotFound, Unauthenticated
from vouch.service import pages
from vouch.service.deployment import Deployment
from vouch.service.mint import Mint
from vouch.service.pages import Page
from vouch.store import brands
from vouch.store.tables import ApiKey, Brand

EVERYTHING = "*"
_NOUNS = (
    "brand",
    "keys",
    "programs",
    "creators",
    "links",
    "codes",
    "products",
    "fx_rates",
    "connections",
    "orders",
    "deliveries",
    "commissions",
    "balances",
    "ledger",
    "payouts",
    "payout_files",
    "payout_settings",
    "adjustments",
    "reports",
    "simulations",
    "privacy",
)
SCOPES = frozenset({f"{noun}:{right}" for noun in _NOUNS for right in ("read", "write")} | {EVERYTHING})
_SHAPE = re.compile(r"vk_(?:live|test)_([0-9A-HJKMNP-TV-Z]{26})_[a-z2-7]{32}")
_SECRET_BYTES = 20


def authenticated(deployment: Deployment, token: str) -> tuple[ApiKey, Brand]:
    """The key and its brand, as they stand at this moment. Raises Unauthenticated, whatever is wrong with the token."""
    shape = _SHAPE.fullmatch(token)
    if shape is None:
        raise Unauthenticated
    key, brand = brands.key_and_brand(deployment.database, f"brd_{shape[1]}", _key_id(deployment, token))
    if key is None or brand is None or _is_revoked(key):
        raise Unauthenticated
    return key, brand


def is_operator(deployment: Deployment, token: str) -> bool:
    """Whether the token is the operator's key."""
    return hmac.compare_digest(token.encode(), _operator_key(deployment).encode())


def covers(scopes: Sequence[str], scope: str) -> bool:
    """Whether a key with `scopes` may do what `scope` names."""
    return EVERYTHING in scopes or scope in scopes


def first(deployment: Deployment, mint: Mint, brand: Brand) -> tuple[ApiKey, str]:
    """A new brand's first key, which may do everything, and its text."""
    return _minted(deployment, mint, brand, "First key", [EVERYTHING])


def created(
    deployment: Deployment, mint: Mint, brand: Brand, granter: ApiKey, name: str, scopes: Sequence[str]
) -> tuple[ApiKey, str]:
    """A new key and its text, which is shown this once. Raises Forbidden for scopes that the granting key lacks."""
    _check_reach(granter, scopes)
    key, text = _minted(deployment, mint, brand, name, sorted(set(scopes)))
    deployment.database.put_new(key)
    return key, text


def listed(deployment: Deployment, brand: Brand, limit: int, cursor: str | None) -> Page[ApiKey]:
    """A brand's keys in the order of their ids, revoked ones included."""
    return pages.read(deployment, ApiKey, brands.keys_index(brand.id), limit=limit, cursor=cursor)


def revoked(deployment: Deployment, brand: Brand, revoker: ApiKey, key_id: str) -> ApiKey:
    """The key, which opens nothing any more."""
    key = brands.key(deployment.database, brand.id, key_id)
    if key is None:
        raise NotFound
    _check_reach(revoker, key.scopes)
    if not _is_revoked(key):
        deployment.database.update(key, [ApiKey.revoked_at.set(times.text(deployment.now()))])
    return key


def _minted(deployment: Deployment, mint: Mint, brand: Brand, name: str, scopes: Sequence[str]) -> tuple[ApiKey, str]:
    secret = base64.b32encode(mint.random(_SECRET_BYTES)).decode().lower()
    text = f"vk_{brand.mode}_{brand.id.removeprefix('brd_')}_{secret}"
    item = brands.new_key(
        brand.id, _key_id(deployment, text), name=name, scopes=scopes, created_at=times.text(deployment.now())
    )
    return item, text


def _is_revoked(key: ApiKey) -> bool:
    return bool(key.revoked_at)


def _check_reach(key: ApiKey, scopes: Sequence[str]) -> None:
    for scope in scopes:
        if not covers(key.scopes, scope):
            raise Forbidden("scope_exceeded", param="scopes", scope=scope)


def _key_id(deployment: Deployment, text: str) -> str:
    return ids.derived("key_", deployment.secrets.api_key_digest(text))


@cache
def _operator_key(deployment: Deployment) -> str:
    client = deployment.client("secretsmanager")
    answer = client.get_secret_value(SecretId=os.environ["OPERATOR_SECRET_ARN"])
    return str(answer["SecretString"])

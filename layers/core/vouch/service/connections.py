"""Connections: a brand's accounts on platforms, whose secrets are sealed before they are kept."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from vouch.domain import times
from vouch.domain.errors import NotFound, Unprocessable
from vouch.platforms.registry import PLATFORMS
from vouch.service import addresses, brands, pages, platform_accounts
from vouch.service.deployment import Deployment
from vouch.service.mint import Mint
from vouch.service.pages import Page
from vouch.service.revisions import committed, revised
from vouch.store import brands as brand_store
from vouch.store import connections, programs
from vouch.store.database import Writes
from vouch.store.tables import Brand, ConnectionItem
from vouch.store.vault import Owner

OVERLAP = timedelta(hours=24)
SECRETS_MAX = 5
_DETAILS = frozenset({"app_key", "notification_url", "api_base_url"}).union(platform_accounts.SEALED)


def supported() -> list[str]:
    """The platforms that can be connected; `rest` is the API itself."""
    return sorted(set(PLATFORMS) - {"rest"})


def created(
    deployment: Deployment, mint: Mint, brand: Brand, *, platform: str, secret: str, settings: Mapping[str, Any]
) -> ConnectionItem:
    """A new connection; its shop's host is one that links may lead to. `settings` are the fields of a change."""
    if platform not in supported():
        raise Unprocessable("platform_not_supported", param="platform", platforms=", ".join(supported()))
    _check_secret(platform, secret)
    _check_required(platform, {name: settings.get(name) for name in PLATFORMS[platform].required})
    shop = brands.public_host(settings["shop"], param="shop") if settings.get("shop") else None
    _check_program(deployment, brand, settings.get("program_id"))
    connection_id = mint.id("con_")
    item = connections.new_connection(
        brand,
        connection_id,
        platform=platform,
        shop=shop,
        program_id=settings.get("program_id"),
        details=_sealed(deployment, brand, connection_id, _details(deployment, settings)),
        sealed=deployment.vault.seal(_secret(brand, connection_id), secret),
        created_at=times.text(deployment.brand_now(brand)),
    )

    def connect(writes: Writes) -> ConnectionItem:
        earlier = connections.connection(deployment.database, brand.id, item.id)
        if earlier is not None:
            return earlier
        writes.put_new(item)
        if shop is not None:
            now = brands.found(deployment, brand.id)
            brand_store.set_hosts(writes, now, brands.with_host(brands.hosts(now), shop, item.id))
        return item

    return committed(deployment, connect)


def found(deployment: Deployment, brand: Brand, connection_id: str) -> ConnectionItem:
    """Raises NotFound where the brand has no such connection."""
    item = connections.connection(deployment.database, brand.id, connection_id)
    if item is None:
        raise NotFound
    return item


def listed(deployment: Deployment, brand: Brand, *, limit: int, cursor: str | None) -> Page[ConnectionItem]:
    """The brand's connections, the oldest first."""
    return pages.read(deployment, ConnectionItem, connections.index(brand.id), limit=limit, cursor=cursor)


def changed(
    deployment: Deployment, brand: Brand, connection_id: str, settings: Mapping[str, Any], *, if_match: int | None
) -> ConnectionItem:
    """`settings` holds what was said: null takes a setting away. The hosts follow the shop in the same transaction.

    The token was given for the host that it was sent to: who names another one gives it again, or it is gone.
    """
    shop = brands.public_host(settings["shop"], param="shop") if settings.get("shop") else None
    _check_program(deployment, brand, settings.get("program_id"))
    details = _details(deployment, settings)

    def apply(item: ConnectionItem, writes: Writes) -> None:
        if _goes_elsewhere(item, settings, shop):
            item.details.pop("api_token", None)
        if "shop" in settings and shop != item.shop:
            _move_shop(deployment, writes, item, shop)
        _check_required(item.platform, settings)
        if "program_id" in settings:
            item.program_id = settings["program_id"]
        item.status = settings.get("status") or item.status
        now_said = item.details | _sealed(deployment, brand, item.id, details)
        item.details = {name: value for name, value in now_said.items() if value is not None}

    return revised(
        deployment,
        lambda: connections.connection(deployment.database, brand.id, connection_id),
        apply,
        if_match=if_match,
    )


def rotated(deployment: Deployment, brand: Brand, connection_id: str, secret: str) -> ConnectionItem:
    """A new secret; what was valid before stays so for 24 hours of real time, as signatures are checked by that.

    Only more than SECRETS_MAX at once push the oldest out; the same one said again pushes nothing.
    """
    now, vault = deployment.now(), deployment.vault
    owner, end = _secret(brand, connection_id), times.text(now + OVERLAP)

    def apply(item: ConnectionItem, _: Writes) -> None:
        _check_secret(item.platform, secret)
        live = [[old, until or end] for old, until in item.secrets if until is None or until > times.text(now)]
        former = [[old, until] for old, until in live if vault.open(owner, old) != secret]
        item.secrets = [[vault.seal(owner, secret), None], *former][:SECRETS_MAX]

    return revised(deployment, lambda: connections.connection(deployment.database, brand.id, connection_id), apply)


def _goes_elsewhere(item: ConnectionItem, settings: Mapping[str, Any], shop: str | None) -> bool:
    """Whether the platform would be called at another address from now on."""
    if "shop" in settings and shop != item.shop:
        return True
    return "api_base_url" in settings and settings["api_base_url"] != item.details.get("api_base_url")


def _move_shop(deployment: Deployment, writes: Writes, item: ConnectionItem, shop: str | None) -> None:
    brand = brands.found(deployment, item.brand_id)
    hosts = brands.hosts(brand)
    if item.shop:
        hosts = brands.without_host(hosts, item.shop, item.id)
    if shop is not None:
        hosts = brands.with_host(hosts, shop, item.id)
    brand_store.set_hosts(writes, brand, hosts)
    item.shop = shop


def _check_secret(platform: str, secret: str) -> None:
    if not PLATFORMS[platform].usable(secret):
        raise Unprocessable("secret_not_usable", param="secret")


def _check_required(platform: str, settings: Mapping[str, Any]) -> None:
    """What is said must not take away what the platform cannot do without."""
    for name in PLATFORMS[platform].required:
        if name in settings and settings[name] is None:
            raise Unprocessable("setting_missing", param=name, platform=platform)


def _check_program(deployment: Deployment, brand: Brand, program_id: str | None) -> None:
    if program_id is not None and not programs.existing(deployment.database, brand.id, [program_id]):
        raise NotFound(param="program_id")


def _details(deployment: Deployment, settings: Mapping[str, Any]) -> dict[str, Any]:
    if settings.get("api_base_url") is not None:
        addresses.check(deployment, settings["api_base_url"], param="api_base_url")
    return {name: value for name, value in settings.items() if name in _DETAILS}


def _sealed(deployment: Deployment, brand: Brand, connection_id: str, details: Mapping[str, Any]) -> dict[str, Any]:
    """The details as they are kept."""
    kept = dict(details)
    for name in platform_accounts.SEALED:
        if kept.get(name) is not None:
            kept[name] = deployment.vault.seal(Owner(brand.id, name, connection_id), kept[name])
    return kept


def _secret(brand: Brand, connection_id: str) -> Owner:
    return Owner(brand.id, "webhook_secret", connection_id)

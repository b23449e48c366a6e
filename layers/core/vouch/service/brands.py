"""Brands: how one begins, and which hosts its links may lead to."""

from collections.abc import Callable
from datetime import datetime

from vouch.domain import destinations, times
from vouch.domain.errors import Conflict, NotFound, Unprocessable
from vouch.service import keys, pages
from vouch.service.deployment import Deployment
from vouch.service.mint import Mint
from vouch.service.pages import Page
from vouch.service.revisions import committed
from vouch.store import brands
from vouch.store.database import Refused, Writes
from vouch.store.tables import Brand

HOSTS_MAX = 100
_LISTED = "brand"
Hosts = dict[str, list[str]]


def created(
    deployment: Deployment, mint: Mint, *, name: str, mode: str, test_clock: datetime | None
) -> tuple[Brand, str]:
    """A new brand and its first API key, which is shown this once."""
    if test_clock is not None and mode != "test":
        raise Unprocessable("not_a_test_brand", param="test_clock")
    clock = times.text(test_clock) if test_clock else None
    now = times.text(deployment.now())
    brand = brands.new_brand(mint.id("brd_"), name=name, mode=mode, created_at=clock or now, clock=clock)
    key, text = keys.first(deployment, mint, brand)
    writes = Writes()
    writes.put_new(brand)
    writes.put_new(key)
    try:
        deployment.database.commit(writes)
    except Refused:
        return found(deployment, brand.id), text
    return brand, text


def host_listed(deployment: Deployment, brand: Brand, text: str) -> str:
    """Lets the brand's links lead to this host, and gives it in the one form that is compared."""
    host = public_host(text, param="host")
    _revise(deployment, brand.id, lambda hosts: with_host(hosts, host, _LISTED))
    return host


def host_unlisted(deployment: Deployment, brand: Brand, text: str) -> str:
    """New links may not lead there any more; those that do already go on. A connection's shop stays allowed."""
    host = destinations.host(text) or ""

    def without(hosts: Hosts) -> Hosts:
        if host not in hosts:
            raise NotFound
        if _LISTED not in hosts[host]:
            raise Conflict("host_of_connection", param="host")
        return without_host(hosts, host, _LISTED)

    _revise(deployment, brand.id, without)
    return host


def listed(deployment: Deployment, brand: Brand, *, limit: int, cursor: str | None) -> Page[str]:
    """The hosts that the brand's links may lead to, in alphabetical order."""
    scope = f"{brand.id}/hosts"
    after = pages.opened(deployment, scope, cursor)[0] if cursor is not None else ""
    behind = sorted(host for host in hosts(brand) if host > after)
    more = pages.sealed(deployment, scope, [behind[limit - 1]]) if len(behind) > limit else None
    return Page(behind[:limit], more)


def hosts(brand: Brand) -> Hosts:
    """The hosts that the brand's links may lead to, and who wants each."""
    listed: Hosts = brand.hosts or {}
    return listed


def connections_of(hosts: Hosts, host: str) -> list[str]:
    """The connections whose shop it is."""
    return [by for by in hosts.get(host, []) if by != _LISTED]


def public_host(text: str, *, param: str) -> str:
    """Raises Unprocessable where the text is no public host name."""
    host = destinations.host(text)
    if host is None:
        raise Unprocessable("not_a_host", param=param)
    return host


def with_host(hosts: Hosts, host: str, by: str) -> Hosts:
    """The hosts once `by` wants links to lead to this one, too."""
    if host not in hosts and len(hosts) >= HOSTS_MAX:
        raise Unprocessable("too_many", param="host", most=HOSTS_MAX)
    return hosts | {host: sorted({*hosts.get(host, []), by})}


def without_host(hosts: Hosts, host: str, by: str) -> Hosts:
    """The hosts once `by` does not want links to lead to this one any more."""
    left = [other for other in hosts.get(host, []) if other != by]
    others = {name: wanted for name, wanted in hosts.items() if name != host}
    return others | {host: left} if left else others


def found(deployment: Deployment, brand_id: str) -> Brand:
    """The brand as it stands now."""
    brand = brands.brand(deployment.database, brand_id)
    if brand is None:
        raise NotFound
    return brand


def _revise(deployment: Deployment, brand_id: str, change: Callable[[Hosts], Hosts]) -> None:
    def attempt(writes: Writes) -> None:
        brand = found(deployment, brand_id)
        brands.set_hosts(writes, brand, change(hosts(brand)))

    committed(deployment, attempt)

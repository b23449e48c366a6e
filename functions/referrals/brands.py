"""`/v1/brands`, `/v1/brand`, `/v1/domains`: brands, and where their links may lead."""

from http import HTTPStatus

from vouch.domain import destinations
from vouch.domain.errors import NotFound
from vouch.http import SHOWN_ONCE, Routes, brand_access, operator_access
from vouch.service import brands
from vouch.wire import brands as wire
from vouch.wire.base import LIMIT, Cursor, Limit, Page

routes = Routes()


@routes.post("/v1/brands", security=operator_access(), status_code=HTTPStatus.CREATED, openapi_extensions=SHOWN_ONCE)
def create_brand(body: wire.NewBrand) -> wire.MadeBrand:
    call = routes.call
    brand, api_key = brands.created(
        call.deployment, call.mint, name=body.name, mode=body.mode, test_clock=body.test_clock
    )
    return wire.MadeBrand.of(brand, now=call.deployment.brand_now(brand), api_key=api_key)


@routes.get("/v1/brand", security=brand_access("brand:read"))
def show_own_brand() -> wire.Brand:
    call = routes.call
    return wire.Brand.of(call.brand, now=call.deployment.brand_now(call.brand))


@routes.post("/v1/domains", security=brand_access("brand:write"), status_code=HTTPStatus.CREATED)
def add_domain(body: wire.NewDomain) -> wire.Domain:
    host = brands.host_listed(routes.call.deployment, routes.call.brand, body.host)
    return _shown(brands.found(routes.call.deployment, routes.call.brand.id).hosts, host)


@routes.get("/v1/domains", security=brand_access("brand:read"))
def list_domains(limit: Limit = LIMIT, cursor: Cursor = None) -> Page[wire.Domain]:
    call = routes.call
    page = brands.listed(call.deployment, call.brand, limit=limit, cursor=cursor)
    hosts = brands.hosts(call.brand)
    return Page(items=[_shown(hosts, host) for host in page.items], next_cursor=page.next_cursor)


@routes.get("/v1/domains/<host>", security=brand_access("brand:read"))
def show_domain(host: str) -> wire.Domain:
    hosts, name = brands.hosts(routes.call.brand), destinations.host(host)
    if name is None or name not in hosts:
        raise NotFound
    return _shown(hosts, name)


@routes.delete("/v1/domains/<host>", security=brand_access("brand:write"))
def remove_domain(host: str) -> wire.Domain:
    name = brands.host_unlisted(routes.call.deployment, routes.call.brand, host)
    return wire.Domain(host=name, connection_ids=brands.connections_of(brands.hosts(routes.call.brand), name))


def _shown(hosts: brands.Hosts, host: str) -> wire.Domain:
    return wire.Domain(host=host, connection_ids=brands.connections_of(hosts, host))

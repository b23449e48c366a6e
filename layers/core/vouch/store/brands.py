"""Brands, their API keys and their hosts as they are kept, and all brands in turn for the jobs that visit each."""

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from vouch.domain import ids
from vouch.store.database import BATCH_GET_MAX, Database, Writes
from vouch.store.tables import ApiKey, Brand, Main

INDEX = "BRANDS"
Job = Literal["folds", "audit", "seals", "pulls", "payouts"]
"""What comes to every brand in turns; a brand's item has an attribute of each name."""


def new_brand(brand_id: str, *, name: str, mode: str, created_at: str, clock: str | None) -> Brand:
    """A brand that is not stored yet."""
    return Brand(
        brand_id,
        "BRAND",
        g1pk=INDEX,
        g1sk=brand_id,
        id=brand_id,
        name=name,
        mode=mode,
        created_at=created_at,
        clock=clock,
        hosts={},
    )


def new_key(brand_id: str, key_id: str, *, name: str, scopes: Sequence[str], created_at: str) -> ApiKey:
    """A key that is not stored yet."""
    return ApiKey(
        brand_id,
        f"KEY#{key_id}",
        g1pk=keys_index(brand_id),
        g1sk=key_id,
        id=key_id,
        name=name,
        scopes=list(scopes),
        created_at=created_at,
    )


def brand(database: Database, brand_id: str) -> Brand | None:
    """A brand by its id."""
    return database.get(*brand_key(brand_id)) if ids.is_id(brand_id, "brd_") else None


def brand_key(brand_id: str) -> tuple[type[Brand], str, str]:
    """Where a brand lies."""
    return Brand, brand_id, "BRAND"


def key(database: Database, brand_id: str, key_id: str) -> ApiKey | None:
    """A brand's key by its id."""
    return database.get(ApiKey, brand_id, f"KEY#{key_id}") if ids.is_id(key_id, "key_") else None


def key_and_brand(database: Database, brand_id: str, key_id: str) -> tuple[ApiKey | None, Brand | None]:
    """Both in one consistent request, since every request of a brand begins with it."""
    found = database.get_many([(ApiKey, brand_id, f"KEY#{key_id}"), (Brand, brand_id, "BRAND")])
    key, brand = found.get((brand_id, f"KEY#{key_id}")), found.get((brand_id, "BRAND"))
    return key if isinstance(key, ApiKey) else None, brand if isinstance(brand, Brand) else None


def set_hosts(writes: Writes, brand: Brand, hosts: dict[str, list[str]]) -> None:
    """Refused where the hosts are not those that `brand` was read with."""
    known = Brand.hosts.does_not_exist() if brand.hosts is None else Brand.hosts == brand.hosts
    writes.update(Brand(brand.pk, brand.sk), [Brand.hosts.set(hosts)], known)


def keys_index(brand_id: str) -> str:
    """The index partition of a brand's keys."""
    return f"{brand_id}#KEY"


def every(database: Database) -> Iterator[Brand]:
    """Every brand of the deployment, a page at a time."""
    after = None
    while True:
        keys, after = database.index_keys(Main, INDEX, limit=BATCH_GET_MAX, after=after)
        found = database.get_many((Main, pk, sk) for pk, sk in keys)
        yield from (brand for brand in found.values() if isinstance(brand, Brand))
        if after is None:
            return


def round_of(brand: Brand, job: Job) -> list[Any] | None:
    """How far that job has come with the brand, as it noted it."""
    stored: list[Any] | None = getattr(brand, job)
    return stored


def put_round(database: Database, brand: Brand, job: Job, stored: list[Any]) -> None:
    """Notes how far that job has come with the brand."""
    database.update(brand, [getattr(Brand, job).set(stored)])

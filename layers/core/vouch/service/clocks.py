"""A test brand's clock: it stands still until it is moved, and moving it runs the days in between."""

from collections.abc import Callable
from datetime import datetime

from vouch.domain import times
from vouch.domain.errors import Forbidden, Unavailable, Unprocessable
from vouch.service import brands, folds
from vouch.service.deployment import Deployment
from vouch.store import programs
from vouch.store.database import pause
from vouch.store.tables import Brand, Program

_TRIES = 12


def check_test_mode(brand: Brand) -> None:
    """Raises Forbidden for a live brand: its time is everybody's."""
    if brand.mode != "test":
        raise Forbidden("not_a_test_brand")


def moved(deployment: Deployment, brand: Brand, now: datetime, *, in_time: Callable[[], bool]) -> bool:
    """Sets the brand's clock and folds what has matured by then; False where time ran out: the same again goes on.

    Raises Unprocessable where the clock would go back. Only a brand without any program may begin in the past.
    """
    check_test_mode(brand)
    for attempt in range(_TRIES):
        if now < deployment.brand_now(brand) and (brand.clock or _has_programs(deployment, brand)):
            standing = times.short(deployment.brand_now(brand))
            raise Unprocessable("clock_backwards", param="now", now=standing)
        known = Brand.clock == brand.clock if brand.clock else Brand.clock.does_not_exist()
        if deployment.database.update(brand, [Brand.clock.set(times.text(now))], known):
            return folds.fold_due(deployment, brand, now, in_time=in_time)
        pause(attempt)
        brand = brands.found(deployment, brand.id)
    raise Unavailable


def _has_programs(deployment: Deployment, brand: Brand) -> bool:
    keys, _ = deployment.database.index_keys(Program, programs.index(brand.id), limit=1)
    return bool(keys)

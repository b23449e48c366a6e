"""A test brand's clock: it stands still until it is moved, and moving it lives through the days in between."""

from datetime import datetime

from vouch.deadlines import InTime
from vouch.domain import times
from vouch.domain.errors import Forbidden, Unprocessable
from vouch.service import brands, folds, payout_rounds, run_work, volumes
from vouch.service.deployment import Deployment
from vouch.service.revisions import committed
from vouch.store import creators, programs
from vouch.store.database import Writes
from vouch.store.tables import Brand, Creator, Program


def check_test_mode(brand: Brand) -> None:
    """Raises Forbidden for a live brand: its time is everybody's."""
    if brand.mode != "test":
        raise Forbidden("not_a_test_brand")


def moved(deployment: Deployment, brand: Brand, now: datetime, *, in_time: InTime) -> bool:
    """Sets the brand's clock, seals volumes, folds what has matured by then and begins the payout runs that are due.

    False where time ran out: again.

    Raises Unprocessable where the clock would go back. Only a brand without any program or creator may begin in
    the past.
    """
    check_test_mode(brand)

    def attempt(writes: Writes) -> Brand:
        known = brands.found(deployment, brand.id)
        stands = deployment.brand_now(known)
        if now < stands and (known.clock or _has_begun(deployment, known)):
            raise Unprocessable("clock_backwards", param="now", now=times.short(stands))
        as_read = Brand.clock == known.clock if known.clock else Brand.clock.does_not_exist()
        writes.update(Brand(known.pk, known.sk), [Brand.clock.set(times.text(now))], as_read)
        return known

    known = committed(deployment, attempt)
    if not volumes.seal_to(deployment, known, now, in_time=in_time):
        return False
    if not folds.fold_to(deployment, known, now, in_time=in_time):
        return False
    moved_brand = brands.found(deployment, brand.id)
    for run in payout_rounds.scheduled(deployment, moved_brand, now):
        run_work.gone_on(deployment, moved_brand, run, in_time=in_time)
    return True


def _has_begun(deployment: Deployment, brand: Brand) -> bool:
    """Whether anything of it is dated: terms, or somebody's account."""
    indexes = ((Program, programs.index(brand.id)), (Creator, creators.index(brand.id)))
    return any(deployment.database.index_keys(kind, index, limit=1)[0] for kind, index in indexes)

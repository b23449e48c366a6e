"""Product ties: products and SKUs that are one creator's in one program, from now on until somebody says otherwise."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from vouch.domain import tenures, times
from vouch.domain.errors import Conflict, NotFound, Unavailable, Unprocessable
from vouch.service import pages
from vouch.service.deployment import Deployment
from vouch.service.pages import Page
from vouch.service.revisions import committed
from vouch.store import creators, product_ties, programs, versions
from vouch.store.database import Writes
from vouch.store.product_ties import Tied
from vouch.store.tables import Brand, ProductTie, TieList, TiesBegin

TIES_MAX = 500
"""Of one creator in one program."""
_STEPS_MAX = 40


def replaced(
    deployment: Deployment, brand: Brand, creator_id: str, program_id: str, wanted: Collection[Tied]
) -> TieList:
    """The creator's ties in the program: from now on these and no others. Days past keep theirs.

    A transaction takes so many changes, and a larger change is made in steps. Each of them leaves the ties and the list
    in agreement; what was refused or died half-way is completed by the same request again. Of two at once the one
    whose last step is the later stands, whole.

    Raises NotFound where the brand has no such creator or program, and Conflict where a product is another creator's,
    or this one's in another program.
    """
    _check_creator(deployment, brand, creator_id)
    if not programs.existing(deployment.database, brand.id, [program_id]):
        raise NotFound(param="program_id")
    whole = frozenset(wanted)
    if len(whole) > TIES_MAX:
        raise Unprocessable("too_many", param="product_ids", most=TIES_MAX)
    change = _Replacement(deployment, brand, creator_id, program_id, whole, deployment.brand_now(brand))
    for _ in range(_STEPS_MAX):
        known = committed(deployment, change.step)
        if product_ties.listed(known) == whole:
            return known
    raise Unavailable


def listed(
    deployment: Deployment, brand: Brand, creator_id: str, *, program_id: str | None, limit: int, cursor: str | None
) -> Page[TieList]:
    """What is the creator's, by program. Raises NotFound where the brand has no such creator."""
    _check_creator(deployment, brand, creator_id)
    if program_id is not None:
        known = product_ties.tie_list(deployment.database, brand.id, creator_id, program_id)
        return Page([known] if known.tied else [], None)
    scope = f"{brand.id}/{creator_id}/product_ties"
    after = pages.opened(deployment, scope, cursor)[0] if cursor is not None else None
    items = product_ties.tie_lists(deployment.database, brand.id, creator_id, limit=limit + 1, after=after)
    more = pages.sealed(deployment, scope, [items[limit - 1].program_id]) if len(items) > limit else None
    return Page([item for item in items[:limit] if item.tied], more)


def _check_creator(deployment: Deployment, brand: Brand, creator_id: str) -> None:
    if creators.creator(deployment.database, brand.id, creator_id) is None:
        raise NotFound


@dataclass(frozen=True, slots=True)
class _Replacement:
    deployment: Deployment
    brand: Brand
    creator_id: str
    program_id: str
    wanted: frozenset[Tied]
    now: datetime

    def step(self, writes: Writes) -> TieList:
        """The list as it is then, and as many changes towards what is wanted as one transaction takes."""
        database = self.deployment.database
        known = product_ties.tie_list(database, self.brand.id, self.creator_id, self.program_id)
        held = product_ties.listed(known)
        ended, begun = sorted(held - self.wanted), sorted(self.wanted - held)
        items = product_ties.ties(database, self.brand.id, [*ended, *begun])
        for tied in begun:
            self._check_free(tied, items[tied])
        changes = [*ended, *begun][: product_ties.STEP_MAX]
        since = [self._begun(items[tied]) for tied in changes if tied not in held]
        for tied in changes:
            if tied in held:
                product_ties.end(items[tied], times.text(self.now))
            versions.put(writes, items[tied])
        if changes:
            product_ties.set_listed(known, held.symmetric_difference(changes))
            versions.put(writes, known)
        if since:
            self._mark(writes, min(since))
        return known

    def _check_free(self, tied: Tied, item: ProductTie) -> None:
        held = tenures.current(item.owners)
        if held is not None and held[:-2] != [self.creator_id, self.program_id]:
            param = "skus" if tied.kind == "sku" else "product_ids"
            raise Conflict("product_taken", param=param, product=tied.value)

    def _begun(self, item: ProductTie) -> str:
        begin = times.text(times.floor_second(self.now))
        return product_ties.give(item, self.creator_id, self.program_id, begin).active_from

    def _mark(self, writes: Writes, since: str) -> None:
        """The brand's first tie begins no later: an order of before that has no need to look at its products."""
        known = self.deployment.database.get(*product_ties.marker_key(self.brand.id))
        if known is None:
            writes.put_new(product_ties.begin(self.brand.id, since))
        elif since < known.since:
            writes.put(product_ties.begin(self.brand.id, since), TiesBegin.since == known.since)

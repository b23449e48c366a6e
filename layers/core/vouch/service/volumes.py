"""Volumes, by which tiers set rates: measured once, when their period has ended, and sealed.

A job does so an hour after, for every creator of a program with tiers. Whoever needs a volume that it has not come to,
such as a late order of a period long gone, measures and seals it on the spot: of two the first counts, for both.
"""

from collections.abc import Callable, Iterator
from datetime import datetime

from vouch.domain.terms import Terms, number_in_force
from vouch.domain.volumes import SEALED_FROM, before, counting, volume
from vouch.service import promises, turns
from vouch.service.deployment import Deployment
from vouch.service.turns import Bookmark, Done, Round, Turn
from vouch.store import brands, programs, seals
from vouch.store.seals import Volume
from vouch.store.tables import Brand, Program

_ROUND_HOURS = 12
"""So that a round is over before the volumes that it seals count, which is 24 hours after their period."""


class SealNotDue(Exception):
    """The period whose volume is asked for has not ended an hour ago: the order is dated ahead, and has to wait."""


def sealed(
    deployment: Deployment, brand_id: str, creator_id: str, program_id: str, terms: Terms, placed_at: datetime
) -> int:
    """The volume that counts for an order that was placed then, by the tiers of these terms; 0 where they have none.

    Raises SealNotDue.
    """
    tiers, zone = terms.commission.tiers, terms.time_zone
    if tiers is None:
        return 0
    wanted = Volume(creator_id, program_id, tiers.measure, counting(tiers.period, placed_at, zone), zone)
    found = deployment.unchanging.get((brand_id, wanted))
    if found is None:
        found = seals.sealed(deployment.database, brand_id, wanted)
        if found is None:
            found = _sealed_now(deployment, brand_id, wanted)
        deployment.unchanging[brand_id, wanted] = found
    known: int = found
    return known


def measured(
    deployment: Deployment, brand_id: str, creator_id: str, program_id: str, terms: Terms, placed_at: datetime
) -> int:
    """The same for terms that nobody has published: as it was sealed, or else as it would be by now. Seals nothing."""
    tiers, zone = terms.commission.tiers, terms.time_zone
    if tiers is None:
        return 0
    wanted = Volume(creator_id, program_id, tiers.measure, counting(tiers.period, placed_at, zone), zone)
    known = seals.sealed(deployment.database, brand_id, wanted)
    return _measured_now(deployment, brand_id, wanted) if known is None else known


def seal_brands(deployment: Deployment, *, in_time: Callable[[], bool]) -> Done:
    """Seals the volumes of every brand's creators, twice a day and as far as a job's time goes.

    A test brand whose clock was moved lives through its days by that clock alone.
    """

    def turn(brand: Brand, current: Round, time: turns.Time) -> Turn:
        return seal_due(deployment, brand, current.moment, current.bookmark, in_time=time.for_another)

    return turns.daily(deployment, "seals", turn, hours=_ROUND_HOURS, in_time=in_time, of=lambda brand: not brand.clock)


def seal_due(
    deployment: Deployment,
    brand: Brand,
    now: datetime,
    after: Bookmark = "",
    *,
    in_time: Callable[[], bool] = lambda: True,
) -> Turn:
    """Seals what active creators' volumes of the last period came to, in every program whose terms `now` have tiers.

    Goes on behind the program and creator `after`: with one creator, and more while `in_time`. It may run twice, or
    beside itself. A volume that cannot be measured keeps no other back.
    """
    failures: list[Exception] = []
    last = after or ["", ""]
    for number, wanted in enumerate(_missing(deployment, brand, now, *last)):
        if number and not in_time():
            return Turn(last, failures)
        try:
            _measured_for_good(deployment, brand.id, wanted)
        except Exception as failure:  # noqa: BLE001 - told with the turn
            failures.append(failure)
        last = [wanted.program_id, wanted.creator_id]
    return Turn(None, failures)


def seal_to(deployment: Deployment, brand: Brand, now: datetime, *, in_time: Callable[[], bool]) -> bool:
    """The same for one brand whose clock stands at `now`; False where time ran out: the same again goes on.

    Raises what went wrong with single creators, once the others are sealed.
    """
    taken = seal_due(deployment, brand, now, in_time=in_time)
    if taken.failures:
        raise ExceptionGroup(f"volumes of {brand.id} that were not sealed", taken.failures)
    return taken.bookmark is None


def _missing(deployment: Deployment, brand: Brand, now: datetime, program_id: str, creator_id: str) -> Iterator[Volume]:
    """What nobody has sealed yet, by program and creator, behind those two."""
    for program, terms in _promised(deployment, brand.id, now, program_id):
        tiers, zone = terms.commission.tiers, terms.time_zone
        if tiers is None:
            continue
        span = before(tiers.period, now - SEALED_FROM, zone)
        behind = creator_id if program.id == program_id else ""
        for page in seals.active_behind(deployment.database, brand.id, program.id, behind):
            wanted = [Volume(creator, program.id, tiers.measure, span, zone) for creator in page]
            yield from seals.missing(deployment.database, brand.id, wanted)


def _promised(deployment: Deployment, brand_id: str, now: datetime, begin: str) -> Iterator[tuple[Program, Terms]]:
    """The programs from `begin` on, by id, with their terms in force."""
    for page in seals.programs_from(deployment.database, brand_id, begin):
        numbers = [(each, number_in_force(each.versions, now)) for each in page]
        known = [(each, number) for each, number in numbers if number is not None]
        terms = promises.terms_of(deployment, brand_id, [(each.id, number) for each, number in known])
        yield from ((each, terms[each.id, number]) for each, number in known)


def _sealed_now(deployment: Deployment, brand_id: str, wanted: Volume) -> int:
    _check_due(deployment, brand_id, wanted)
    return _measured_for_good(deployment, brand_id, wanted)


def _measured_now(deployment: Deployment, brand_id: str, wanted: Volume) -> int:
    _check_due(deployment, brand_id, wanted)
    return _measured(deployment, brand_id, wanted)


def _check_due(deployment: Deployment, brand_id: str, wanted: Volume) -> None:
    brand = brands.brand(deployment.database, brand_id)
    now = deployment.now() if brand is None else deployment.brand_now(brand)
    if now < wanted.span.ends + SEALED_FROM:
        raise SealNotDue(wanted.span.name)


def _measured_for_good(deployment: Deployment, brand_id: str, wanted: Volume) -> int:
    found = _measured(deployment, brand_id, wanted)
    return seals.seal(deployment.database, brand_id, wanted, found, at=deployment.now())


def _measured(deployment: Deployment, brand_id: str, wanted: Volume) -> int:
    database = deployment.database
    program = programs.program(database, brand_id, wanted.program_id)
    if program is None:
        raise LookupError(f"no program {wanted.program_id}")
    return volume(wanted.measure, seals.parts(database, brand_id, wanted, program.currency))

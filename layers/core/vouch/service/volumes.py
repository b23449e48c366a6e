"""Volumes, by which tiers set rates: measured once, when their period has ended, and sealed.

An hourly job does so from an hour after on, for every creator of a program with tiers. Whoever needs a volume that it
has not come to, such as a late order of a period long gone, measures and seals it on the spot: of two the first counts,
for both.

It is measured in steps of so many commissions. How far they have come is kept with the seal, so that whoever needs it
next goes on there, whatever became of the one before: the largest volume is sealed in the end, and no call is long.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from vouch.deadlines import InTime
from vouch.domain.terms import Terms, number_in_force
from vouch.domain.volumes import SEALED_FROM, before, counting, volume
from vouch.service import promises, turns
from vouch.service.deployment import Deployment
from vouch.service.turns import Bookmark, Done, Round, Turn
from vouch.store import brands, programs, seals
from vouch.store.seals import Measured, Volume
from vouch.store.tables import Brand, Program

_EAST, _WEST = timedelta(hours=14), timedelta(hours=12)
"""So far ahead of UTC is the first time zone in which a month ends, and so far behind it the last."""
_HOUR = timedelta(hours=1)
_DAY_HOURS = 24
_STEP = 2_000
"""So many commissions are read in one step, in a second or two."""


class SealNotDue(Exception):
    """No seal yet: the period whose volume is asked for has not ended an hour ago, so the order is dated ahead."""


class BeingMeasured(SealNotDue):
    """No seal yet of a period that has: its volume takes more than one step, and whoever asks again takes the next."""


def sealed(
    deployment: Deployment, brand_id: str, creator_id: str, program_id: str, terms: Terms, placed_at: datetime
) -> int:
    """The volume that counts for an order that was placed then, by the tiers of these terms; 0 where they have none.

    Raises SealNotDue, and BeingMeasured among it.
    """
    wanted = asked(creator_id, program_id, terms, placed_at)
    if wanted is None:
        return 0
    found = deployment.unchanging.get((brand_id, wanted))
    if found is None:
        found = _sealed(deployment, brand_id, wanted)
        deployment.unchanging[brand_id, wanted] = found
    known: int = found
    return known


def asked(creator_id: str, program_id: str, terms: Terms, placed_at: datetime) -> Volume | None:
    """Which volume counts for an order that was placed then; None for terms without tiers."""
    tiers, zone = terms.commission.tiers, terms.time_zone
    if tiers is None:
        return None
    return Volume(creator_id, program_id, tiers.measure, counting(tiers.period, placed_at, zone), zone)


def measured(deployment: Deployment, brand_id: str, wanted: Volume, so_far: Measured) -> Measured:
    """A volume as it was sealed, or else as it would be by now, one step further than `so_far`. Seals nothing.

    So it is for terms that nobody has published. Raises SealNotDue.
    """
    known = seals.measured(deployment.database, brand_id, wanted)
    if known.is_whole:
        return known
    _check_due(deployment, brand_id, wanted)
    return _further(deployment, brand_id, wanted, so_far)


def seal_brands(deployment: Deployment, *, in_time: InTime) -> Done:
    """Seals the volumes of every brand's creators, as far as a job's time goes.

    A brand's round is begun once a day, and each hour while some fall due. A test brand whose clock was moved lives
    through its days by that clock alone.
    """
    hours = 1 if _fall_due(deployment.now()) else _DAY_HOURS

    def turn(brand: Brand, current: Round, time: turns.Time) -> Turn:
        return seal_due(deployment, brand, current.moment, current.bookmark, in_time=time.for_another)

    return turns.daily(deployment, "seals", turn, hours=hours, in_time=in_time, of=lambda brand: not brand.clock)


def _fall_due(now: datetime) -> bool:
    """Whether a month has ended an hour ago in some time zone, and not yet two hours ago in all of them.

    Every period ends with a month. This asks no brand for its programs: for most of a month an idle one costs nothing.
    """
    ended = now - SEALED_FROM
    return (ended + _EAST).month != (ended - _HOUR - _WEST).month


def seal_due(
    deployment: Deployment,
    brand: Brand,
    now: datetime,
    after: Bookmark = "",
    *,
    in_time: InTime = lambda: True,
) -> Turn:
    """Seals what active creators' volumes of the last period came to, in every program whose terms `now` have tiers.

    Goes on behind the program and creator `after`: with one step or one page of creators, and more while `in_time`. It
    may run twice, or beside itself. A volume that cannot be measured keeps no other back.
    """
    failures: list[Exception] = []
    program_id, creator_id, _ = after or ["", "", ""]
    done = 0
    for unsealed, last in _unsealed(deployment, brand, now, program_id, creator_id):
        if done and not in_time():
            return Turn([program_id, creator_id, ""], failures)
        for wanted, known in unsealed:
            so_far = known
            while not so_far.is_whole:
                if done and not in_time():
                    # How far this one has come is said by its item: here it says that the turn brought something on.
                    return Turn([program_id, creator_id, so_far.behind], failures)
                done += 1
                try:
                    so_far = _further_to_seal(deployment, brand.id, wanted, so_far)
                except Exception as failure:  # noqa: BLE001 - told with the turn
                    failures.append(failure)
                    break
            program_id, creator_id = wanted.program_id, wanted.creator_id
        program_id, creator_id = last
        done += 1
    return Turn(None, failures)


def seal_to(deployment: Deployment, brand: Brand, now: datetime, *, in_time: InTime) -> bool:
    """The same for one brand whose clock stands at `now`; False where time ran out: the same again goes on.

    Raises what went wrong with single creators, once the others are sealed.
    """
    taken = seal_due(deployment, brand, now, in_time=in_time)
    if taken.failures:
        raise ExceptionGroup(f"volumes of {brand.id} that were not sealed", taken.failures)
    return taken.bookmark is None


def _unsealed(
    deployment: Deployment, brand: Brand, now: datetime, program_id: str, creator_id: str
) -> Iterator[tuple[list[tuple[Volume, Measured]], tuple[str, str]]]:
    """What nobody has sealed yet, behind that program and creator: a page of creators at a time, and where it ends."""
    for program, terms in _promised(deployment, brand.id, now, program_id):
        tiers, zone = terms.commission.tiers, terms.time_zone
        if tiers is None:
            continue
        span = before(tiers.period, now - SEALED_FROM, zone)
        behind = creator_id if program.id == program_id else ""
        for page, last in seals.active_behind(deployment.database, brand.id, program.id, behind):
            wanted = [Volume(creator, program.id, tiers.measure, span, zone) for creator in page]
            yield seals.unsealed(deployment.database, brand.id, wanted), (program.id, last)


def _promised(deployment: Deployment, brand_id: str, now: datetime, begin: str) -> Iterator[tuple[Program, Terms]]:
    """The programs from `begin` on, by id, with their terms in force."""
    for page in seals.programs_from(deployment.database, brand_id, begin):
        numbers = [(each, number_in_force(each.versions, now)) for each in page]
        known = [(each, number) for each, number in numbers if number is not None]
        terms = promises.terms_of(deployment, brand_id, [(each.id, number) for each, number in known])
        yield from ((each, terms[each.id, number]) for each, number in known)


def _sealed(deployment: Deployment, brand_id: str, wanted: Volume) -> int:
    known = seals.measured(deployment.database, brand_id, wanted)
    if not known.is_whole:
        _check_due(deployment, brand_id, wanted)
        known = _further_to_seal(deployment, brand_id, wanted, known)
    if not known.is_whole:
        raise BeingMeasured(wanted.span.name)
    return known.amount


def _check_due(deployment: Deployment, brand_id: str, wanted: Volume) -> None:
    brand = brands.brand(deployment.database, brand_id)
    now = deployment.now() if brand is None else deployment.brand_now(brand)
    if now < wanted.span.ends + SEALED_FROM:
        raise SealNotDue(wanted.span.name)


def _further_to_seal(deployment: Deployment, brand_id: str, wanted: Volume, so_far: Measured) -> Measured:
    """What stands once a step was taken from there, by us or by somebody faster."""
    after = _further(deployment, brand_id, wanted, so_far)
    return seals.put(deployment.database, brand_id, wanted, so_far, after, at=deployment.now())


def _further(deployment: Deployment, brand_id: str, wanted: Volume, so_far: Measured) -> Measured:
    database = deployment.database
    program = programs.program(database, brand_id, wanted.program_id)
    if program is None:
        raise LookupError(f"no program {wanted.program_id}")
    behind = so_far.behind or ""
    parts, last = seals.parts(database, brand_id, wanted, program.currency, behind=behind, most=_STEP)
    return Measured(so_far.amount + volume(wanted.measure, parts), last)

"""Creators: a brand's people, each with one address, and their enrolments in its programs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import EllipsisType

from vouch.domain import people, periods, tenures, times
from vouch.domain.errors import Conflict, NotFound, Unprocessable
from vouch.domain.tenures import Tenure, Tenures
from vouch.service import pages, product_ties
from vouch.service.deployment import Deployment
from vouch.service.mint import Mint
from vouch.service.pages import Page
from vouch.service.revisions import committed, revised
from vouch.store import creators, handles, programs, versions
from vouch.store.database import Refused, Writes
from vouch.store.tables import Brand, Creator, Enrolment, Mailbox

PERSONS_MAX = 20
FORMER_EMAILS_MAX = 20
FORMER_EMAILS_KEPT = timedelta(days=90)
"""For so long a creator still hears at an address that was theirs when their money goes elsewhere (see `payees`)."""
_NEXT = {"applied": {"active", "left"}, "active": {"paused", "left"}, "paused": {"active", "left"}, "left": {"active"}}
"""What an enrolment can become; who has left may come back."""


@dataclass(frozen=True, slots=True)
class NewCreator:
    """What is said of a creator who is to be added. `handles` are names by platform."""

    email: str
    name: str
    language: str = "en"
    handles: Mapping[str, str] = field(default_factory=dict)
    tier: str | None = None
    recruited_by: str | None = None
    program_ids: Sequence[str] = ()
    active_from: datetime | None = None


@dataclass(frozen=True, slots=True)
class CreatorChange:
    """What is to be another; None stays as it is. What None would take away stays where it is `...`."""

    email: str | None = None
    name: str | None = None
    language: str | None = None
    handles: Mapping[str, str] | None = None
    tier: str | EllipsisType | None = ...
    recruited_by: str | EllipsisType | None = ...


def created(deployment: Deployment, mint: Mint, brand: Brand, said: NewCreator) -> Creator:
    """A new creator, enrolled and active in the programs; what is said of them counts from their first day on.

    Raises Conflict where the address or a handle is another creator's.
    """
    wanted = list(dict.fromkeys(said.program_ids))
    if set(wanted) - programs.existing(deployment.database, brand.id, wanted):
        raise NotFound(param="program_ids")
    if said.recruited_by is not None:
        found(deployment, brand, said.recruited_by, param="recruited_by")
    creator_id, now = mint.id(creators.PREFIX), deployment.brand_now(brand)
    begin, created_at = times.text(said.active_from or times.floor_second(now)), times.text(now)
    person = _person(deployment, brand, said.email)

    def create(writes: Writes) -> Creator:
        earlier = creators.creator(deployment.database, brand.id, creator_id)
        if earlier is not None:
            return earlier
        creator = creators.new_creator(
            brand.id,
            creator_id,
            email=said.email,
            person=person,
            name=said.name,
            language=said.language,
            active_from=begin,
            created_at=created_at,
        )
        creator.tiers = _next(creator.tiers, said.tier, begin)
        creator.recruiters = _next(creator.recruiters, said.recruited_by, begin)
        _take(writes, brand, person, creator_id)
        _call(deployment, writes, brand, creator, said.handles, begin=begin, end=begin)
        writes.put_new(creator)
        for program_id in wanted:
            enrolment, place = creators.new_enrolment(
                brand.id, creator_id, program_id, status="active", active=[[begin, None]], created_at=created_at
            )
            writes.put_new(enrolment)
            writes.put_new(place)
        return creator

    try:
        return committed(deployment, create, final=(Mailbox,))
    except Refused:
        raise Conflict("email_taken", param="email") from None


def found(deployment: Deployment, brand: Brand, creator_id: str, *, param: str | None = None) -> Creator:
    """Raises NotFound where the brand has no such creator."""
    creator = creators.creator(deployment.database, brand.id, creator_id)
    if creator is None:
        raise NotFound(param=param)
    return creator


def for_program(deployment: Deployment, brand: Brand, creator_id: str, program_id: str) -> Creator:
    """The creator, whom something is about to tie to the program. Raises NotFound where the brand lacks either."""
    creator = found(deployment, brand, creator_id, param="creator_id")
    if not programs.existing(deployment.database, brand.id, [program_id]):
        raise NotFound(param="program_id")
    return creator


def listed(deployment: Deployment, brand: Brand, *, limit: int, cursor: str | None) -> Page[Creator]:
    """The brand's creators, the oldest first."""
    return pages.read(deployment, Creator, creators.index(brand.id), limit=limit, cursor=cursor)


def changed(
    deployment: Deployment, brand: Brand, creator_id: str, change: CreatorChange, *, if_match: int | None
) -> Creator:
    """Raises Conflict where the new address or a new handle is another creator's; the old one is free again.

    As a buyer, the creator stays known by a former address: else an order under it would earn its own buyer. A tier, a
    recruiter and a handle count from now on; for what was before, the days past keep theirs. Raises Unprocessable where
    the address changes so often that no former one could be kept.
    """
    if isinstance(change.recruited_by, str):
        _check_recruiter(deployment, brand, creator_id, change.recruited_by)
    now = deployment.brand_now(brand)

    def apply(creator: Creator, writes: Writes) -> None:
        begin = _earliest(creator, now)
        creator.name = change.name or creator.name
        creator.language = change.language or creator.language
        if change.email is not None and change.email != creator.email:
            recent = _recent(creator, now)
            if len(recent) == FORMER_EMAILS_MAX:
                raise Unprocessable("email_changed_too_often", param="email", most=FORMER_EMAILS_MAX)
            creator.former_emails = [*recent, [creator.email, times.text(now), creator.version]]
            creator.email = change.email
            _move(writes, brand, creator, _person(deployment, brand, change.email))
        if change.handles is not None:
            _call(deployment, writes, brand, creator, change.handles, begin=begin, end=times.text(now))
        if change.tier is not ...:
            creator.tiers = _next(creator.tiers, change.tier, begin)
        if change.recruited_by is not ...:
            creator.recruiters = _next(creator.recruiters, change.recruited_by, begin)

    try:
        return revised(
            deployment,
            lambda: creators.creator(deployment.database, brand.id, creator_id),
            apply,
            if_match=if_match,
            final=(Mailbox,),
        )
    except Refused:
        raise Conflict("email_taken", param="email") from None


def addresses(creator: Creator, now: datetime) -> list[str]:
    """Where a creator is to hear of what must not be missed, lest whoever moves their address could keep it quiet."""
    return list(dict.fromkeys([creator.email, *(former[0] for former in _recent(creator, now))]))


def enrolled(
    deployment: Deployment,
    brand: Brand,
    *,
    creator_id: str,
    program_id: str,
    status: str,
    active_from: datetime | None,
) -> Enrolment:
    """An enrolment, active from `active_from` or now on, or an application that waits. The same again is the same.

    Nothing earns before its creator's own `active_from`, so no enrolment begins before it.
    """
    if active_from is not None and status != "active":
        raise Unprocessable("not_active_yet", param="active_from")
    creator, now = for_program(deployment, brand, creator_id, program_id), deployment.brand_now(brand)
    begin = times.text(active_from) if active_from else _earliest(creator, now)
    if begin < creator.active_from:
        since = times.short(times.parse(creator.active_from))
        raise Unprocessable("creator_not_active_yet", param="active_from", since=since)
    enrolment, place = creators.new_enrolment(
        brand.id,
        creator_id,
        program_id,
        status=status,
        active=[[begin, None]] if status == "active" else [],
        created_at=times.text(now),
    )
    writes = Writes()
    writes.put_new(enrolment)
    writes.put_new(place)
    try:
        deployment.database.commit(writes)
    except Refused:
        earlier = enrolment_found(deployment, brand, enrolment.id)
        begins = [since for since, _ in earlier.active]
        if earlier.status != status or (active_from is not None and begin not in begins):
            raise Conflict("already_enrolled", id=earlier.id) from None
        return earlier
    return enrolment


def enrolment_found(deployment: Deployment, brand: Brand, enrolment_id: str) -> Enrolment:
    """Raises NotFound where the brand has no such enrolment."""
    enrolment = creators.enrolment(deployment.database, brand.id, enrolment_id)
    if enrolment is None:
        raise NotFound
    return enrolment


def enrolments(
    deployment: Deployment, brand: Brand, *, program_id: str, limit: int, cursor: str | None
) -> Page[Enrolment]:
    """A program's enrolments, by creator."""
    index = creators.enrolled_index(brand.id, program_id)
    return pages.read(deployment, Enrolment, index, limit=limit, cursor=cursor)


def enrolments_of(
    deployment: Deployment, brand: Brand, creator_id: str, *, limit: int, cursor: str | None
) -> Page[Enrolment]:
    """A creator's enrolments, by program."""
    scope = f"{brand.id}/{creator_id}/enrolments"
    after = pages.opened(deployment, scope, cursor)[0] if cursor is not None else None
    items = creators.enrolments(deployment.database, brand.id, creator_id, limit=limit + 1, after=after)
    more = pages.sealed(deployment, scope, [items[limit - 1].program_id]) if len(items) > limit else None
    return Page(items[:limit], more)


def moved(deployment: Deployment, brand: Brand, enrolment_id: str, status: str, *, if_match: int | None) -> Enrolment:
    """An enrolment in another status from now on; what was earned in its active periods stays earned.

    Whoever leaves a program leaves its products and customers, too, and has none of them when they come back.
    """
    now = deployment.brand_now(brand)

    def apply(enrolment: Enrolment, _: Writes) -> None:
        if status == enrolment.status:
            return
        if status not in _NEXT[enrolment.status]:
            raise Conflict("status_not_possible", param="status", status=enrolment.status, wanted=status)
        enrolment.status = status
        if status == "active":
            begin = _earliest(found(deployment, brand, enrolment.creator_id), now)
            enrolment.active = periods.opened(enrolment.active, begin)
        else:
            enrolment.active = periods.closed(enrolment.active, times.text(now))
        if status == "left":
            enrolment.leaves = [*enrolment.leaves, times.text(now)]

    enrolment = revised(
        deployment,
        lambda: creators.enrolment(deployment.database, brand.id, enrolment_id),
        apply,
        if_match=if_match,
    )
    if enrolment.status == "left":
        product_ties.replaced(deployment, brand, enrolment.creator_id, enrolment.program_id, ())
    return enrolment


def _earliest(creator: Creator, now: datetime) -> str:
    return max(times.text(times.floor_second(now)), creator.active_from)


def _next(known: Tenures, holder: str | None, begin: str) -> list[Tenure]:
    return tenures.ended(known, begin) if holder is None else tenures.passed_on(known, [holder], begin)


def _check_recruiter(deployment: Deployment, brand: Brand, creator_id: str, recruiter_id: str) -> None:
    """Where two are said at once to have recruited each other, both may pass: each has one level, no more."""
    if recruiter_id == creator_id:
        raise Unprocessable("own_recruiter", param="recruited_by")
    theirs = tenures.current(found(deployment, brand, recruiter_id, param="recruited_by").recruiters)
    if theirs is not None and theirs[0] == creator_id:
        raise Unprocessable("mutual_recruiters", param="recruited_by")


def _call(
    deployment: Deployment,
    writes: Writes,
    brand: Brand,
    creator: Creator,
    wanted: Mapping[str, str],
    *,
    begin: str,
    end: str,
) -> None:
    """Names that the creator drops are nobody's from `end` on, and new ones are theirs from `begin` on."""
    held = {people.handle(platform, name): platform for platform, name in creator.handles.items()}
    named = {people.handle(platform, name): platform for platform, name in wanted.items()}
    for name in sorted(held.keys() ^ named.keys()):
        item = handles.handle(deployment.database, brand.id, name)
        if name in held:
            handles.end(item, end)
        else:
            owner = tenures.current(item.owners)
            if owner is not None and owner[0] != creator.id:
                raise Conflict("handle_taken", param=f"handles.{named[name]}")
            handles.give(item, creator.id, begin)
        versions.put(writes, item)
    creator.handles = dict(wanted)


def _move(writes: Writes, brand: Brand, creator: Creator, person: str) -> None:
    former = creator.persons[-1]
    if person != former:
        creator.persons = [*(known for known in creator.persons if known != person), person][-PERSONS_MAX:]
        _take(writes, brand, person, creator.id)
        writes.put(creators.mailbox(brand.id, former, None))


def _recent(creator: Creator, now: datetime) -> list[tuple[str, str, int]]:
    """Each former address, until when it was theirs, and the last version of the creator that had it."""
    since = times.text(now - FORMER_EMAILS_KEPT)
    return [(address, until, version) for address, until, version in creator.former_emails if until > since]


def _take(writes: Writes, brand: Brand, person: str, creator_id: str) -> None:
    free = Mailbox.pk.does_not_exist() | Mailbox.creator_id.does_not_exist()
    writes.put(creators.mailbox(brand.id, person, creator_id), free | (Mailbox.creator_id == creator_id))


def _person(deployment: Deployment, brand: Brand, email: str) -> str:
    """As adapters name a buyer with this address, so that a creator's own order is known for what it is."""
    return deployment.secrets.pseudonym(brand.id, f"email:{people.mailbox(email)}")

"""Creators: a brand's people, each with one address, and their enrolments in its programs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from vouch.domain import periods, times
from vouch.domain.errors import Conflict, NotFound, Unprocessable
from vouch.domain.people import mailbox
from vouch.service import pages
from vouch.service.deployment import Deployment
from vouch.service.mint import Mint
from vouch.service.pages import Page
from vouch.service.revisions import revised
from vouch.store import creators, programs
from vouch.store.database import Refused, Writes
from vouch.store.tables import Brand, Creator, Enrolment, Mailbox

PERSONS_MAX = 20
_NEXT = {"applied": {"active", "left"}, "active": {"paused", "left"}, "paused": {"active", "left"}, "left": {"active"}}
"""What an enrolment can become; who has left may come back."""


@dataclass(frozen=True, slots=True)
class CreatorChange:
    """What is to be another; None stays as it is."""

    email: str | None = None
    name: str | None = None
    language: str | None = None
    handles: dict[str, Any] | None = None


def created(
    deployment: Deployment,
    mint: Mint,
    brand: Brand,
    *,
    email: str,
    name: str,
    language: str,
    handles: dict[str, Any],
    program_ids: Sequence[str],
    active_from: datetime | None,
) -> Creator:
    """A new creator, enrolled and active in the programs. Raises Conflict where the address is another creator's."""
    wanted = list(dict.fromkeys(program_ids))
    if set(wanted) - programs.existing(deployment.database, brand.id, wanted):
        raise NotFound(param="program_ids")
    now = deployment.brand_now(brand)
    begin, created_at = times.text(active_from or times.floor_second(now)), times.text(now)
    person = _person(deployment, brand, email)
    creator = creators.new_creator(
        brand.id,
        mint.id(creators.PREFIX),
        email=email,
        person=person,
        name=name,
        language=language,
        handles=handles,
        active_from=begin,
        created_at=created_at,
    )
    writes = Writes()
    writes.put_new(creator)
    _take(writes, brand, person, creator.id)
    for program_id in wanted:
        enrolment, place = creators.new_enrolment(
            brand.id, creator.id, program_id, status="active", active=[[begin, None]], created_at=created_at
        )
        writes.put_new(enrolment)
        writes.put_new(place)
    try:
        deployment.database.commit(writes)
    except Refused:
        earlier = creators.creator(deployment.database, brand.id, creator.id)
        if earlier is None:
            raise Conflict("email_taken", param="email") from None
        return earlier
    return creator


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
    """Raises Conflict where the new address is another creator's; the old one is free again.

    As a buyer, the creator stays known by it: else an order under a former address would earn its own buyer.
    """

    def apply(creator: Creator, writes: Writes) -> None:
        creator.name = change.name or creator.name
        creator.language = change.language or creator.language
        creator.handles = creator.handles if change.handles is None else change.handles
        if change.email is not None and change.email != creator.email:
            creator.email = change.email
            _move(writes, brand, creator, _person(deployment, brand, change.email))

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
    """An enrolment in another status from now on; what was earned in its active periods stays earned."""
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

    return revised(
        deployment,
        lambda: creators.enrolment(deployment.database, brand.id, enrolment_id),
        apply,
        if_match=if_match,
    )


def _earliest(creator: Creator, now: datetime) -> str:
    return max(times.text(times.floor_second(now)), creator.active_from)


def _move(writes: Writes, brand: Brand, creator: Creator, person: str) -> None:
    former = creator.persons[-1]
    if person != former:
        creator.persons = [*(known for known in creator.persons if known != person), person][-PERSONS_MAX:]
        _take(writes, brand, person, creator.id)
        writes.put(creators.mailbox(brand.id, former, None))


def _take(writes: Writes, brand: Brand, person: str, creator_id: str) -> None:
    free = Mailbox.pk.does_not_exist() | Mailbox.creator_id.does_not_exist()
    writes.put(creators.mailbox(brand.id, person, creator_id), free | (Mailbox.creator_id == creator_id))


def _person(deployment: Deployment, brand: Brand, email: str) -> str:
    """As adapters name a buyer with this address, so that a creator's own order is known for what it is."""
    return deployment.secrets.pseudonym(brand.id, f"email:{mailbox(email)}")

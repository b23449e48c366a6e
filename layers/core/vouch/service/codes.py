"""Discount codes: each belongs to one creator in one program at a time, and every day past keeps its owner."""

from datetime import datetime

from vouch.domain import codes as domain
from vouch.domain import times
from vouch.domain.errors import Conflict, NotFound, Unprocessable
from vouch.service import creators, pages
from vouch.service.deployment import Deployment
from vouch.service.mint import Mint
from vouch.service.pages import Page, Selection
from vouch.service.revisions import committed, revised
from vouch.store import codes, places, versions
from vouch.store.codes import Owner
from vouch.store.database import Writes
from vouch.store.tables import Brand, Code


def given(
    deployment: Deployment,
    mint: Mint,
    brand: Brand,
    *,
    program_id: str,
    creator_id: str,
    text: str,
    active_from: datetime | None,
) -> Code:
    """The code, the creator's from `active_from` or now on. Raises Conflict where it is somebody's at that time."""
    normal = domain.normal(text)
    if not 1 <= len(normal) <= domain.LENGTH_MAX:
        raise Unprocessable("not_a_code", param="code", most=domain.LENGTH_MAX)
    creators.for_program(deployment, brand, creator_id, program_id)
    request, now = mint.id("req_"), deployment.brand_now(brand)

    def give(writes: Writes) -> Code:
        earlier = places.at(deployment.database, Code, brand.id, request)
        if earlier is not None:
            return earlier
        code = codes.by_text(deployment.database, brand.id, normal)
        if code is None:
            code, place = codes.new_code(brand.id, normal, shown=text.strip(), created_at=times.text(now))
            writes.put_new(place)
        since = times.text(active_from) if active_from else _earliest(code, now)
        _check_free(code, since)
        codes.give(code, Owner(creator_id, program_id, since))
        versions.put(writes, code)
        writes.put_new(places.place(brand.id, request, code))
        return code

    return committed(deployment, give)


def found(deployment: Deployment, brand: Brand, code_id: str) -> Code:
    """Raises NotFound where the brand has no such code."""
    code = codes.code(deployment.database, brand.id, code_id)
    if code is None:
        raise NotFound
    return code


def listed(deployment: Deployment, brand: Brand, selection: Selection) -> Page[Code]:
    """The brand's codes, or those whose newest owner is one creator."""
    return pages.selected(deployment, Code, codes.index(brand.id), selection)


def ended(
    deployment: Deployment, brand: Brand, code_id: str, *, active_until: datetime | None, if_match: int | None
) -> Code:
    """The code is nobody's from `active_until` or now on; a day past keeps its owner, so not from before now."""
    now = deployment.brand_now(brand)
    if active_until is not None and active_until < now:
        raise Unprocessable("effective_in_past", param="active_until", now=times.short(now))
    end = times.text(active_until or now)
    return revised(
        deployment,
        lambda: codes.code(deployment.database, brand.id, code_id),
        lambda code, _: codes.end(code, end),
        if_match=if_match,
    )


def status(code: Code, now: datetime) -> str:
    """Whether its newest owner earns by it at this moment."""
    at, owners = times.text(now), codes.owners(code)
    until = owners[-1].active_until if owners else at
    if until is not None and until <= at:
        return "ended"
    return "active" if owners[-1].active_from <= at else "upcoming"


def _earliest(code: Code, now: datetime) -> str:
    """This full second, or the moment in it at which the code became nobody's."""
    ends = [owner.active_until or "" for owner in codes.owners(code)]
    return max([times.text(times.floor_second(now)), *(end for end in ends if end <= times.text(now))])


def _check_free(code: Code, begin: str) -> None:
    if any(owner.active_until is None or owner.active_until > begin for owner in codes.owners(code)):
        raise Conflict("code_taken", param="code")

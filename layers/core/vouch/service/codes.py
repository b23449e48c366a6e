"""Discount codes: each belongs to one creator in one program at a time, and every day past keeps its owner."""

from datetime import datetime

from pynamodb.expressions.condition import Condition

from vouch.domain import codes as domain
from vouch.domain import times
from vouch.domain.errors import Conflict, NotFound, Unavailable, Unprocessable
from vouch.service import creators, pages
from vouch.service.deployment import Deployment
from vouch.service.mint import Mint
from vouch.service.pages import Page
from vouch.service.revisions import revised
from vouch.store import codes, programs
from vouch.store.database import Refused, Writes, pause
from vouch.store.tables import Brand, Code

_TRIES = 12


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
    creators.found(deployment, brand, creator_id, param="creator_id")
    if not programs.existing(deployment.database, brand.id, [program_id]):
        raise NotFound(param="program_id")
    grant, now = mint.id("req_"), deployment.brand_now(brand)
    begin = times.text(active_from or now)
    for attempt in range(_TRIES):
        code, writes = codes.by_text(deployment.database, brand.id, normal), Writes()
        if code is None:
            code, place = codes.new_code(brand.id, normal, shown=text.strip(), created_at=times.text(now))
            writes.put_new(place)
            known: Condition = Code.pk.does_not_exist()
        elif code.grant == grant:
            return code
        else:
            _check_free(code, begin)
            known = Code.version == code.version
            code.version += 1
        codes.give(code, creator_id=creator_id, program_id=program_id, active_from=begin, grant=grant)
        writes.put(code, known)
        try:
            deployment.database.commit(writes)
        except Refused:
            pause(attempt)
        else:
            return code
    raise Unavailable


def found(deployment: Deployment, brand: Brand, code_id: str) -> Code:
    """Raises NotFound where the brand has no such code."""
    code = codes.code(deployment.database, brand.id, code_id)
    if code is None:
        raise NotFound
    return code


def listed(
    deployment: Deployment,
    brand: Brand,
    *,
    creator_id: str | None,
    program_id: str | None,
    limit: int,
    cursor: str | None,
) -> Page[Code]:
    """The brand's codes, or those whose newest owner is this creator."""
    return pages.read(
        deployment,
        Code,
        codes.index(brand.id),
        within=f"{creator_id}#" if creator_id else "",
        where={"program_id": program_id},
        limit=limit,
        cursor=cursor,
    )


def ended(
    deployment: Deployment, brand: Brand, code_id: str, *, active_until: datetime | None, if_match: int | None
) -> Code:
    """The code is its owner's until `active_until` or now; a day past keeps its owner, so not until before now."""
    now = deployment.brand_now(brand)
    if active_until is not None and active_until < now:
        raise Unprocessable("effective_in_past", param="active_until", now=times.short(now))
    end = times.text(active_until or now)

    def apply(code: Code, _: Writes) -> None:
        *before, (creator_id, program_id, begin, until) = code.owners
        if until is None or until > end:
            code.owners = [*before, [creator_id, program_id, begin, max(begin, end)]]

    return revised(deployment, lambda: codes.code(deployment.database, brand.id, code_id), apply, if_match=if_match)


def status(code: Code, now: datetime) -> str:
    """Whether its newest owner earns by it at this moment."""
    at, (_, _, begin, until) = times.text(now), code.owners[-1]
    if until is not None and until <= at:
        return "ended"
    return "active" if begin <= at else "upcoming"


def _check_free(code: Code, begin: str) -> None:
    until = code.owners[-1][3]
    if until is None or until > begin:
        raise Conflict("code_taken", param="code")

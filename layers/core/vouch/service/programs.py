"""Programs: a brand's offers to creators, and the terms that each of its days had."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from vouch.domain import periods, times
from vouch.domain import terms as domain
from vouch.domain.errors import NotFound, Unprocessable
from vouch.domain.terms import number_in_force
from vouch.rails.registry import RAILS
from vouch.service import pages
from vouch.service.deployment import Deployment
from vouch.service.mint import Mint
from vouch.service.pages import Page
from vouch.service.revisions import committed, revised
from vouch.store import places, programs
from vouch.store.database import Refused, Writes
from vouch.store.tables import Brand, Program, TermsVersion

VERSIONS_MAX = 200
DEFAULT_PARAMETER = "ref"


@dataclass(frozen=True, slots=True)
class InForce:
    """A program with the version of its terms that is in force now, if any is yet."""

    program: Program
    terms: TermsVersion | None


@dataclass(frozen=True, slots=True)
class ProgramChange:
    """What is to be another; None stays as it is."""

    name: str | None = None
    status: str | None = None
    parameter: str | None = None


def created(
    deployment: Deployment,
    mint: Mint,
    brand: Brand,
    *,
    name: str,
    currency: str,
    terms: dict[str, Any],
    effective_from: datetime | None,
    parameter: str | None,
) -> InForce:
    """A new program; its first terms count from `effective_from`, or from the beginning of time."""
    _check(terms, currency)
    now = times.text(deployment.brand_now(brand))
    program = programs.new_program(
        brand.id, mint.id(programs.PREFIX), name=name, currency=currency, parameter=parameter, created_at=now
    )
    version = programs.new_terms(
        program,
        mint.id("trm_"),
        effective_from=times.text(effective_from) if effective_from else None,
        created_at=now,
        terms=terms,
    )
    writes = Writes()
    writes.put_new(program)
    writes.put_new(version)
    try:
        deployment.database.commit(writes)
    except Refused:
        return found(deployment, brand, program.id)
    return _in_force(deployment, brand, program)


def found(deployment: Deployment, brand: Brand, program_id: str) -> InForce:
    """Raises NotFound where the brand has no such program."""
    return _in_force(deployment, brand, _program(deployment, brand, program_id))


def listed(deployment: Deployment, brand: Brand, *, limit: int, cursor: str | None) -> Page[Program]:
    """The brand's programs, the oldest first."""
    return pages.read(deployment, Program, programs.index(brand.id), limit=limit, cursor=cursor)


def changed(
    deployment: Deployment, brand: Brand, program_id: str, change: ProgramChange, *, if_match: int | None
) -> InForce:
    """Pausing ends the program's active period now; orders placed in it earn all the same."""
    now = deployment.brand_now(brand)

    def apply(program: Program, _: Writes) -> None:
        program.name = change.name or program.name
        program.parameter = change.parameter or program.parameter
        if change.status is not None and change.status != program.status:
            program.status = change.status
            if change.status == "active":
                program.active = periods.opened(program.active, times.text(times.floor_second(now)))
            else:
                program.active = periods.closed(program.active, times.text(now))

    program = revised(
        deployment,
        lambda: programs.program(deployment.database, brand.id, program_id),
        apply,
        if_match=if_match,
    )
    return _in_force(deployment, brand, program)


def published(
    deployment: Deployment,
    mint: Mint,
    brand: Brand,
    program_id: str,
    *,
    terms: dict[str, Any],
    effective_from: datetime | None,
) -> TermsVersion:
    """A new version of the program's terms, in force from this second or later on.

    It may begin before one that is scheduled, which follows it then; from the same moment on it takes that one's place.
    """
    terms_id, created_at = mint.id("trm_"), times.text(deployment.brand_now(brand))
    now = times.floor_second(deployment.brand_now(brand))
    begin = times.text(effective_from or now)

    def publish(writes: Writes) -> TermsVersion:
        program = _program(deployment, brand, program_id)
        earlier = places.at(deployment.database, TermsVersion, brand.id, terms_id)
        if earlier is not None:
            return earlier
        _check_version(terms, program.currency)
        if begin < times.text(now):
            raise Unprocessable("effective_in_past", param="effective_from", now=times.short(now))
        if len(program.versions) >= VERSIONS_MAX:
            raise Unprocessable("too_many", most=VERSIONS_MAX)
        version = programs.new_terms(
            program,
            terms_id,
            effective_from=begin,
            created_at=created_at,
            terms=terms,
        )
        known = program.version
        program.version = known + 1
        writes.put(program, Program.version == known)
        writes.put_new(version)
        writes.put_new(places.place(brand.id, terms_id, version))
        return version

    return committed(deployment, publish)


def versions(
    deployment: Deployment, brand: Brand, program_id: str, *, limit: int, cursor: str | None
) -> Page[TermsVersion]:
    """All versions of the program's terms, the newest first."""
    program = _program(deployment, brand, program_id)
    scope = f"{program.pk}/{program.id}/terms"
    last = int(pages.opened(deployment, scope, cursor)[0]) if cursor is not None else len(program.versions) + 1
    numbers = [number for number, _ in reversed(program.versions) if number < last][: limit + 1]
    shown = numbers[:limit]
    following = pages.sealed(deployment, scope, [str(shown[-1])]) if len(numbers) > limit else None
    return Page(programs.versions(deployment.database, brand.id, program_id, shown), following)


def _program(deployment: Deployment, brand: Brand, program_id: str) -> Program:
    program = programs.program(deployment.database, brand.id, program_id)
    if program is None:
        raise NotFound
    return program


def _in_force(deployment: Deployment, brand: Brand, program: Program) -> InForce:
    number = number_in_force(program.versions, deployment.brand_now(brand))
    if number is None:
        return InForce(program, None)
    return InForce(program, programs.terms(deployment.database, brand.id, program.id, number))


def _check(terms: dict[str, Any], currency: str) -> None:
    payout = domain.from_plain(terms, currency).payout
    if RAILS[payout.rail].unit(currency) is None:
        raise Unprocessable("rail_unfit_for_currency", param="terms.payout.rail", rail=payout.rail, currency=currency)


def _check_version(terms: dict[str, Any], currency: str) -> None:
    try:
        _check(terms, currency)
    except Unprocessable as refusal:
        # In this body the terms' fields stand at the top.
        raise Unprocessable(
            refusal.reason, param=(refusal.param or "").removeprefix("terms."), **refusal.facts
        ) from None

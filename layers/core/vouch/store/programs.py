"""Programs and the versions of their terms as they are kept."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from vouch.domain import ids, times
from vouch.domain import terms as domain
from vouch.domain.terms import Terms
from vouch.store.database import Database
from vouch.store.tables import Program, TermsVersion

PREFIX = "prg_"


def new_program(
    brand_id: str, program_id: str, *, name: str, currency: str, parameter: str | None, created_at: str
) -> Program:
    """A program that is not stored yet, active since ever and without terms."""
    _, pk, sk = key(brand_id, program_id)
    return Program(
        pk,
        sk,
        g1pk=index(brand_id),
        g1sk=program_id,
        id=program_id,
        name=name,
        currency=currency,
        parameter=parameter,
        journeys=[],
        status="active",
        active=[[None, None]],
        versions=[],
        created_at=created_at,
        version=1,
    )


def new_terms(
    program: Program,
    terms_id: str,
    *,
    effective_from: str | None,
    created_at: str,
    terms: dict[str, Any],
) -> TermsVersion:
    """The program's next version, not stored yet; the program is told of it."""
    number = len(program.versions) + 1
    program.versions = [*program.versions, [number, effective_from]]
    if terms["journey"]:
        program.journeys = [*program.journeys, number]
    _, pk, sk = terms_key(program.pk, program.id, number)
    return TermsVersion(
        pk,
        sk,
        id=terms_id,
        program_id=program.id,
        currency=program.currency,
        number=number,
        effective_from=effective_from,
        created_at=created_at,
        terms=terms,
    )


def program(database: Database, brand_id: str, program_id: str) -> Program | None:
    """A brand's program."""
    return database.get(*key(brand_id, program_id)) if ids.is_id(program_id, PREFIX) else None


def existing(database: Database, brand_id: str, program_ids: Iterable[str]) -> set[str]:
    """Those of the ids that are programs of the brand."""
    shaped = [program_id for program_id in program_ids if ids.is_id(program_id, PREFIX)]
    found = database.get_many(key(brand_id, program_id) for program_id in shaped)
    return {program_id for program_id in shaped if key(brand_id, program_id)[1:] in found}


def terms(database: Database, brand_id: str, program_id: str, number: int) -> TermsVersion | None:
    """One version."""
    return database.get(*terms_key(brand_id, program_id, number))


def terms_of_item(item: TermsVersion) -> Terms:
    """What a version says, as the settlement takes it."""
    begins = times.parse(item.effective_from) if item.effective_from else times.EPOCH
    return replace(domain.from_plain(item.terms), effective_from=begins)


def versions(database: Database, brand_id: str, program_id: str, numbers: Sequence[int]) -> list[TermsVersion]:
    """These versions, in the order asked for."""
    keys = [terms_key(brand_id, program_id, number) for number in numbers]
    found = database.get_many(keys)
    return [item for key in keys if isinstance(item := found.get(key[1:]), TermsVersion)]


def key(brand_id: str, program_id: str) -> tuple[type[Program], str, str]:
    """Where a program lies."""
    return Program, brand_id, f"PRG#{program_id}"


def terms_key(brand_id: str, program_id: str, number: int) -> tuple[type[TermsVersion], str, str]:
    """Where a version of a program's terms lies."""
    return TermsVersion, brand_id, f"PRG#{program_id}#T#{number:06}"


def index(brand_id: str) -> str:
    """The index partition of a brand's programs."""
    return f"{brand_id}#PRG"

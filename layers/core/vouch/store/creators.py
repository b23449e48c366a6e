"""Creators, their addresses and their enrolments as they are kept."""

from typing import Any

from vouch.domain import ids
from vouch.store import places, tables
from vouch.store.database import Database
from vouch.store.tables import Creator, Enrolment, Mailbox, Place

PREFIX = "cre_"


def new_creator(
    brand_id: str,
    creator_id: str,
    *,
    email: str,
    person: str,
    name: str,
    language: str,
    active_from: str,
    created_at: str,
) -> Creator:
    """A creator who is not stored yet, without handles, in no tier and recruited by nobody."""
    _, pk, sk = key(brand_id, creator_id)
    return Creator(
        pk,
        sk,
        g1pk=index(brand_id),
        g1sk=creator_id,
        id=creator_id,
        email=email,
        former_emails=[],
        persons=[person],
        name=name,
        language=language,
        handles={},
        tiers=[],
        recruiters=[],
        active_from=active_from,
        created_at=created_at,
        version=1,
    )


def mailbox(brand_id: str, person: str, creator_id: str | None) -> Mailbox:
    """That the address of this pseudonym is the creator's, or nobody's any more."""
    return Mailbox(brand_id, f"MAIL#{person}", creator_id=creator_id)


def new_enrolment(
    brand_id: str, creator_id: str, program_id: str, *, status: str, active: list[Any], created_at: str
) -> tuple[Enrolment, Place]:
    """An enrolment that is not stored yet, and the note by which its id is found."""
    enrolment_id = ids.derived("enr_", brand_id, creator_id, program_id)
    _, pk, sk = enrolment_key(brand_id, creator_id, program_id)
    enrolment = Enrolment(
        pk,
        sk,
        g1pk=enrolled_index(brand_id, program_id),
        g1sk=creator_id,
        id=enrolment_id,
        creator_id=creator_id,
        program_id=program_id,
        status=status,
        active=active,
        created_at=created_at,
        version=1,
    )
    return enrolment, places.place(brand_id, enrolment_id, enrolment)


def creator(database: Database, brand_id: str, creator_id: str) -> Creator | None:
    """A brand's creator."""
    return database.get(*key(brand_id, creator_id)) if ids.is_id(creator_id, PREFIX) else None


def enrolment(database: Database, brand_id: str, enrolment_id: str) -> Enrolment | None:
    """An enrolment by its id."""
    return places.at(database, Enrolment, brand_id, enrolment_id) if ids.is_id(enrolment_id, "enr_") else None


def enrolments(database: Database, brand_id: str, creator_id: str, *, limit: int, after: str | None) -> list[Enrolment]:
    """A creator's enrolments by program, at most `limit`, behind the program `after`."""
    begin = f"ENR#{after}\x00" if after else "ENR#"
    within = Enrolment.sk.between(begin, "ENR#~")
    return list(database.query(Enrolment, key(brand_id, creator_id)[1], within, limit=limit))


def key(brand_id: str, creator_id: str) -> tuple[type[Creator], str, str]:
    """Where a creator lies; their enrolments share the partition."""
    return Creator, f"{brand_id}#C#{creator_id}", "C"


def enrolment_key(brand_id: str, creator_id: str, program_id: str) -> tuple[type[Enrolment], str, str]:
    """Where a creator's enrolment in a program lies."""
    return Enrolment, f"{brand_id}#C#{creator_id}", f"ENR#{program_id}"


def index(brand_id: str) -> str:
    """The index partition of a brand's creators."""
    return f"{brand_id}#CRE"


def behind(brand_id: str, creator_id: str) -> dict[str, Any]:
    """Where a list of a brand's creators goes on: behind that one."""
    _, pk, sk = key(brand_id, creator_id)
    return tables.behind(index(brand_id), pk, sk, creator_id)


def enrolled_index(brand_id: str, program_id: str) -> str:
    """The index partition of a program's enrolments."""
    return f"{brand_id}#PRG#{program_id}"

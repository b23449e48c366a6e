"""Discount codes as they are kept: one item per spelling, so that a code has one owner at a time."""

from collections.abc import Sequence
from typing import NamedTuple

from vouch.domain import ids, periods
from vouch.store import places
from vouch.store.database import Database
from vouch.store.tables import Code, Place


class Owner(NamedTuple):
    """Whose a code is, in which program, and when."""

    creator_id: str
    program_id: str
    active_from: str
    active_until: str | None = None


def new_code(brand_id: str, normal: str, *, shown: str, created_at: str) -> tuple[Code, Place]:
    """A code that is not stored yet and nobody's, and the note by which its id is found."""
    code_id = ids.derived("cod_", brand_id, normal)
    _, pk, sk = key(brand_id, normal)
    item = Code(
        pk,
        sk,
        g1pk=index(brand_id),
        id=code_id,
        code=shown,
        owners=[],
        created_at=created_at,
        version=0,
    )
    return item, places.place(brand_id, code_id, item)


def owners(item: Code) -> list[Owner]:
    """Whose the code has been, is and will be, the oldest first; nobody's at all if its only period never began."""
    return [Owner(*owner) for owner in item.owners]


def give(item: Code, owner: Owner) -> None:
    """Makes this one the code's newest owner."""
    _have(item, [*owners(item), owner])


def end(item: Code, at: str) -> None:
    """Makes the code nobody's from `at` on."""
    spans = [(owner, periods.before([owner.active_from, owner.active_until], at)) for owner in owners(item)]
    _have(item, [owner._replace(active_until=span[1]) for owner, span in spans if span])


def by_text(database: Database, brand_id: str, normal: str) -> Code | None:
    """A brand's code by its one spelling."""
    return database.get(*key(brand_id, normal))


def code(database: Database, brand_id: str, code_id: str) -> Code | None:
    """A brand's code by its id."""
    return places.at(database, Code, brand_id, code_id) if ids.is_id(code_id, "cod_") else None


def key(brand_id: str, normal: str) -> tuple[type[Code], str, str]:
    """Where the code with this one spelling lies."""
    return Code, f"{brand_id}#D#{normal}", "D"


def index(brand_id: str) -> str:
    """The index partition of a brand's codes, sorted by owner."""
    return f"{brand_id}#D"


def _have(item: Code, owners: Sequence[Owner]) -> None:
    item.owners = [list(owner) for owner in owners]
    if owners:
        item.creator_id, item.program_id = owners[-1].creator_id, owners[-1].program_id
        item.g1sk = f"{item.creator_id}#{item.id}"

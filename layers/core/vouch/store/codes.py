"""Discount codes as they are kept: one item per spelling, so that a code has one owner at a time."""

from vouch.domain import ids
from vouch.store.database import Database
from vouch.store.tables import Code, Place


def new_code(brand_id: str, normal: str, *, shown: str, created_at: str) -> tuple[Code, Place]:
    """A code that is not stored yet and nobody's, and the note by which its id is found."""
    code_id = ids.derived("cod_", brand_id, normal)
    item = Code(
        _partition(brand_id, normal),
        "D",
        g1pk=index(brand_id),
        id=code_id,
        code=shown,
        owners=[],
        created_at=created_at,
        version=1,
    )
    return item, Place(brand_id, f"ID#{code_id}", at_pk=item.pk, at_sk=item.sk)


def give(item: Code, *, creator_id: str, program_id: str, active_from: str, grant: str) -> None:
    """Makes the creator the code's newest owner."""
    item.creator_id, item.program_id, item.grant = creator_id, program_id, grant
    item.owners = [*item.owners, [creator_id, program_id, active_from, None]]
    item.g1sk = f"{creator_id}#{item.id}"


def by_text(database: Database, brand_id: str, normal: str) -> Code | None:
    """A brand's code by its one spelling."""
    return database.get(Code, _partition(brand_id, normal), "D")


def code(database: Database, brand_id: str, code_id: str) -> Code | None:
    """A brand's code by its id."""
    if not ids.is_id(code_id, "cod_"):
        return None
    place = database.get(Place, brand_id, f"ID#{code_id}")
    return database.get(Code, place.at_pk, place.at_sk) if place else None


def index(brand_id: str) -> str:
    """The index partition of a brand's codes, sorted by owner."""
    return f"{brand_id}#D"


def _partition(brand_id: str, normal: str) -> str:
    return f"{brand_id}#D#{normal}"

"""Where to find what is not stored under its own id: a note beside it, which also tells that it was made already."""

from vouch.store.database import Database
from vouch.store.tables import Code, Enrolment, Place, TermsVersion


def place(brand_id: str, name: str, item: Code | Enrolment | TermsVersion) -> Place:
    """The note, not stored yet, that `name` is this item."""
    return Place(brand_id, f"ID#{name}", at_pk=item.pk, at_sk=item.sk)


def at[I: (Code, Enrolment, TermsVersion)](database: Database, kind: type[I], brand_id: str, name: str) -> I | None:
    """The item that `name` is, or None where nothing is noted."""
    noted = database.get(Place, brand_id, f"ID#{name}")
    return database.get(kind, noted.at_pk, noted.at_sk) if noted else None

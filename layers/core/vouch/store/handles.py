"""Creators' names on platforms as they are kept: one item per name, so that it is one creator's at a time."""

from typing import NamedTuple

from vouch.domain import tenures
from vouch.store.database import Database
from vouch.store.tables import Handle


class Owner(NamedTuple):
    """Whose a name is, and when."""

    creator_id: str
    active_from: str
    active_until: str | None = None


def handle(database: Database, brand_id: str, name: str) -> Handle:
    """The name's item; one that is nobody's and not stored yet where nobody ever had it."""
    kind, pk, sk = key(brand_id, name)
    return database.get(kind, pk, sk) or Handle(pk, sk, owners=[], version=0)


def owners(item: Handle) -> list[Owner]:
    """Whose the name has been and is, the oldest first."""
    return [Owner(*owner) for owner in item.owners]


def give(item: Handle, creator_id: str, at: str) -> None:
    """Makes the name this creator's from `at` on, or from when it became nobody's if that is later."""
    item.owners = tenures.passed_on(item.owners, [creator_id], at)


def end(item: Handle, at: str) -> None:
    """Makes the name nobody's from `at` on."""
    item.owners = tenures.ended(item.owners, at)


def key(brand_id: str, name: str) -> tuple[type[Handle], str, str]:
    """Where the name lies, in its one form (`vouch.domain.people.handle`)."""
    return Handle, f"{brand_id}#N#{name}", "N"

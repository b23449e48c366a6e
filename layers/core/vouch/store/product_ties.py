"""Which products and SKUs are whose, as it is kept: one item for each, and for each creator and program their list.

The list is one item, so that it is read as it stood at one moment, and its version orders those who change it.
"""

from collections.abc import Iterable
from typing import Literal, NamedTuple

from vouch.domain import tenures
from vouch.store.database import TRANSACTION_MAX, Database
from vouch.store.tables import ProductTie, TieList, TiesBegin

Kind = Literal["product", "sku"]
STEP_MAX = TRANSACTION_MAX - 2
"""Ties that one transaction can change: it also writes the list and, perhaps, since when the brand has any."""


class Tied(NamedTuple):
    """A product or a SKU."""

    kind: Kind
    value: str


class Owner(NamedTuple):
    """Whose a product or a SKU is, in which program, and when."""

    creator_id: str
    program_id: str
    active_from: str
    active_until: str | None = None


def ties(database: Database, brand_id: str, wanted: Iterable[Tied]) -> dict[Tied, ProductTie]:
    """The items of these; ones that are nobody's and not stored yet where nobody ever had them."""
    keys = {tied: key(brand_id, *tied) for tied in wanted}
    found = database.get_many(keys.values())
    return {
        tied: item if isinstance(item := found.get((pk, sk)), ProductTie) else ProductTie(pk, sk, owners=[], version=0)
        for tied, (_, pk, sk) in keys.items()
    }


def owners(item: ProductTie) -> list[Owner]:
    """Whose it has been and is, the oldest first."""
    return [Owner(*owner) for owner in item.owners]


def give(item: ProductTie, creator_id: str, program_id: str, at: str) -> Owner:
    """Makes it this creator's from `at` on, or from when it became nobody's if that is later."""
    item.owners = tenures.passed_on(item.owners, [creator_id, program_id], at)
    return owners(item)[-1]


def end(item: ProductTie, at: str) -> None:
    """Makes it nobody's from `at` on."""
    item.owners = tenures.ended(item.owners, at)


def tie_list(database: Database, brand_id: str, creator_id: str, program_id: str) -> TieList:
    """What is the creator's in the program; an empty list, not stored yet, where nothing ever was."""
    kind, pk, sk = list_key(brand_id, creator_id, program_id)
    return database.get(kind, pk, sk) or TieList(pk, sk, program_id=program_id, version=0)


def tie_lists(database: Database, brand_id: str, creator_id: str, *, limit: int, after: str | None) -> list[TieList]:
    """A creator's lists by program, at most `limit`, behind the program `after`."""
    begin = f"TIE#{after}\x00" if after else "TIE#"
    within = TieList.sk.between(begin, "TIE#~")
    return list(database.query(TieList, list_key(brand_id, creator_id, "")[1], within, limit=limit))


def listed(item: TieList) -> set[Tied]:
    """What is on the list."""
    split = (line.partition(":") for line in item.tied.split("\n")) if item.tied else ()
    return {Tied("sku" if kind == "sku" else "product", value) for kind, _, value in split}


def set_listed(item: TieList, tied: Iterable[Tied]) -> None:
    """Makes the list this one."""
    item.tied = "\n".join(f"{kind}:{value}" for kind, value in sorted(tied)) or None


def begin(brand_id: str, since: str) -> TiesBegin:
    """That the brand's first tie begins then; not stored yet."""
    _, pk, sk = marker_key(brand_id)
    return TiesBegin(pk, sk, since=since)


def key(brand_id: str, kind: Kind, value: str) -> tuple[type[ProductTie], str, str]:
    """Where it is kept whose the product with this id, or this SKU, is."""
    return ProductTie, f"{brand_id}#T#{kind}:{value}", "T"


def marker_key(brand_id: str) -> tuple[type[TiesBegin], str, str]:
    """Where it is kept since when the brand has any ties."""
    return TiesBegin, brand_id, "TIES"


def list_key(brand_id: str, creator_id: str, program_id: str) -> tuple[type[TieList], str, str]:
    """Where the list of a creator's ties in a program lies, in the creator's partition."""
    return TieList, f"{brand_id}#C#{creator_id}", f"TIE#{program_id}"

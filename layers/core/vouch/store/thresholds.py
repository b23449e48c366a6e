"""The amounts a year from which on a brand looks at its creators' totals, as they are kept."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Literal

from vouch.store.database import Database
from vouch.store.tables import ThresholdList

Measure = Literal["earned", "paid"]


@dataclass(frozen=True, slots=True)
class Threshold:
    """`amount`, in minor units, of what a creator has `earned` or was `paid` in a year; reached by the unit itself."""

    name: str
    currency: str
    amount: int
    of: Measure


def thresholds(database: Database, brand_id: str) -> ThresholdList:
    """The brand's list; where it has made none, one that is not stored and is empty, of version 0."""
    kind, pk, sk = ThresholdList, brand_id, "THRESHOLDS"
    return database.get(kind, pk, sk) or ThresholdList(pk, sk, thresholds=[], version=0)


def listed(item: ThresholdList) -> list[Threshold]:
    """What is in it, as the brand ordered it."""
    return [Threshold(*each) for each in item.thresholds]


def plain(wanted: Sequence[Threshold]) -> list[tuple[object, ...]]:
    """The same as it is stored."""
    return [astuple(each) for each in wanted]

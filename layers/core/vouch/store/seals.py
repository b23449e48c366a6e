"""Seals: what a creator's volume of a period came to when it was measured. Put once, and never changed.

With what there is to be measured: the programs, who takes part in them, and what they have of their orders.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from vouch.domain import times
from vouch.domain.calendars import Span
from vouch.domain.terms import VolumeMeasure
from vouch.domain.volumes import Part
from vouch.store import creators, orders, programs
from vouch.store.database import BATCH_GET_MAX, Database
from vouch.store.tables import Commission, Enrolment, Main, Program, Seal

_FIRST, _LAST = "!", "~"
"""What sorts before and behind every id."""


@dataclass(frozen=True, slots=True)
class Volume:
    """Which volume is meant: a creator's in a program, by a measure, of a period as its time zone counts it."""

    creator_id: str
    program_id: str
    measure: VolumeMeasure
    span: Span
    zone: str


def sealed(database: Database, brand_id: str, volume: Volume) -> int | None:
    """What was measured; None where nothing was yet."""
    item = database.get(*key(brand_id, volume))
    return None if item is None else item.volume


def missing(database: Database, brand_id: str, volumes: Sequence[Volume]) -> list[Volume]:
    """Those of them that nobody has measured yet."""
    found = database.get_many(key(brand_id, volume) for volume in volumes)
    return [volume for volume in volumes if key(brand_id, volume)[1:] not in found]


def seal(database: Database, brand_id: str, volume: Volume, measured: int, *, at: datetime) -> int:
    """What counts from now on: this, unless somebody was faster."""
    _, pk, sk = key(brand_id, volume)
    if database.put_new(Seal(pk, sk, volume=measured, sealed_at=times.text(at))):
        return measured
    earlier = sealed(database, brand_id, volume)
    return measured if earlier is None else earlier


def key(brand_id: str, volume: Volume) -> tuple[type[Seal], str, str]:
    """Where it lies: beside the creator."""
    name = f"SEAL#{volume.program_id}#{volume.span.name}#{volume.measure}#{volume.zone}"
    return Seal, f"{brand_id}#C#{volume.creator_id}", name


# --- what is measured -------------------------------------------------------------------------------------------------


def parts(database: Database, brand_id: str, volume: Volume, currency: str) -> Iterator[Part]:
    """What the creator has of each order of the period, in that program."""
    within = times.text(volume.span.begins), times.text(volume.span.ends)
    for keys in _pages(database, orders.creators_index(brand_id, volume.creator_id), within):
        for item in database.get_many((Commission, pk, sk) for pk, sk in keys).values():
            if isinstance(item, Commission) and item.program_id == volume.program_id:
                yield Part(item.earned - item.reversed, item.base, foreign=item.currency != currency)


def programs_from(database: Database, brand_id: str, program_id: str) -> Iterator[list[Program]]:
    """The brand's programs from that one on, by id, a page at a time."""
    for keys in _pages(database, programs.index(brand_id), (program_id or _FIRST, _LAST)):
        found = database.get_many((Program, pk, sk) for pk, sk in keys)
        yield [item for key in keys if isinstance(item := found.get(key), Program)]


def active_behind(database: Database, brand_id: str, program_id: str, creator_id: str) -> Iterator[list[str]]:
    """The program's active creators behind that one, by id, a page at a time."""
    for keys in _pages(database, creators.enrolled_index(brand_id, program_id), (f"{creator_id}!", _LAST)):
        found = database.get_many((Enrolment, pk, sk) for pk, sk in keys)
        known = [item for key in keys if isinstance(item := found.get(key), Enrolment)]
        yield [item.creator_id for item in known if item.status == "active"]


def _pages(database: Database, index: str, within: tuple[str, str]) -> Iterator[list[tuple[str, str]]]:
    after = None
    while True:
        condition = Main.g1sk.between(*within)
        keys, after = database.index_keys(Main, index, limit=BATCH_GET_MAX, after=after, condition=condition)
        yield keys
        if after is None:
            return

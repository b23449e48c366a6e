"""Seals: what a creator's volume of a period came to when it was measured. Put once, and never changed.

Until it is, its item says how far the measuring has come. Each step is put in place of the one that it goes on from, so
that of two who measure at once only one counts a page.

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
from vouch.store.tables import Commission, Enrolment, Item, Main, Program, Seal

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


@dataclass(frozen=True, slots=True)
class Measured:
    """What a creator's commissions of the period come to, up to the one with the sort key `behind`.

    That is "" where none was read yet, and None where all were.
    """

    amount: int = 0
    behind: str | None = ""

    @property
    def is_whole(self) -> bool:
        """Whether this is the volume, and not a part of it."""
        return self.behind is None


def measured(database: Database, brand_id: str, volume: Volume) -> Measured:
    """What is sealed, or how far the measuring has come."""
    return _measured(database.get(*key(brand_id, volume)))


def unsealed(database: Database, brand_id: str, volumes: Sequence[Volume]) -> list[tuple[Volume, Measured]]:
    """Those of them that are not sealed yet, and how far each has come."""
    found = database.get_many(key(brand_id, volume) for volume in volumes)
    known = [(volume, _measured(found.get(key(brand_id, volume)[1:]))) for volume in volumes]
    return [(volume, so_far) for volume, so_far in known if not so_far.is_whole]


def put(
    database: Database, brand_id: str, volume: Volume, before: Measured, after: Measured, *, at: datetime
) -> Measured:
    """What stands from now on: `after`, sealed if it is whole; where somebody was faster, what they put."""
    _, pk, sk = key(brand_id, volume)
    if after.is_whole:
        item = Seal(pk, sk, volume=after.amount, sealed_at=times.text(at))
    else:
        item = Seal(pk, sk, so_far=_plain(after))
    as_read = Seal.so_far == _plain(before) if before.behind else Seal.pk.does_not_exist()
    return after if database.put(item, as_read) else measured(database, brand_id, volume)


def _measured(item: Item | None) -> Measured:
    if not isinstance(item, Seal):
        return Measured()
    return Measured(*item.so_far) if item.so_far is not None else Measured(item.volume, None)


def _plain(so_far: Measured) -> list[int | str | None]:
    return [so_far.amount, so_far.behind]


def key(brand_id: str, volume: Volume) -> tuple[type[Seal], str, str]:
    """Where it lies: beside the creator."""
    name = f"SEAL#{volume.program_id}#{volume.span.name}#{volume.measure}#{volume.zone}"
    return Seal, f"{brand_id}#C#{volume.creator_id}", name


# --- what is measured -------------------------------------------------------------------------------------------------


def parts(
    database: Database, brand_id: str, volume: Volume, currency: str, *, behind: str, most: int
) -> tuple[list[Part], str | None]:
    """What the creator has of each order of the period in that program, of some `most` commissions behind that one.

    And the sort key of the last commission that was read, None where none follow.
    """
    # The index may be a moment behind its table. The period ended an hour ago at least, so that what is missing is only
    # what came late, and just now: as if it had come a moment later.
    within = f"{behind}!" if behind else times.text(volume.span.begins), times.text(volume.span.ends)
    found: list[Part] = []
    read = 0
    pages = _pages(database, orders.creators_index(brand_id, volume.creator_id), within, min(most, BATCH_GET_MAX))
    for keys, last in pages:
        items = database.get_many((Commission, pk, sk) for pk, sk in keys).values()
        own = [item for item in items if isinstance(item, Commission) and item.program_id == volume.program_id]
        for item in own:
            net = item.earned - item.reversed - item.recruited
            found.append(Part(net, item.base, foreign=item.currency != currency))
        read += len(keys)
        if last is not None and read >= most:
            return found, last
    return found, None


def programs_from(database: Database, brand_id: str, program_id: str) -> Iterator[list[Program]]:
    """The brand's programs from that one on, by id, a page at a time."""
    for keys, _ in _pages(database, programs.index(brand_id), (program_id or _FIRST, _LAST), BATCH_GET_MAX):
        found = database.get_many((Program, pk, sk) for pk, sk in keys)
        yield [item for key in keys if isinstance(item := found.get(key), Program)]


def active_behind(
    database: Database, brand_id: str, program_id: str, creator_id: str
) -> Iterator[tuple[list[str], str]]:
    """The program's active creators behind that one, by id, a page at a time; and the page's last, active or not."""
    within = f"{creator_id}!", _LAST
    for keys, _ in _pages(database, creators.enrolled_index(brand_id, program_id), within, BATCH_GET_MAX):
        found = database.get_many((Enrolment, pk, sk) for pk, sk in keys)
        known = [item for key in keys if isinstance(item := found.get(key), Enrolment)]
        active = [item.creator_id for item in known if item.status == "active"]
        yield active, known[-1].creator_id if known else creator_id


def _pages(
    database: Database, index: str, within: tuple[str, str], size: int
) -> Iterator[tuple[list[tuple[str, str]], str | None]]:
    """Keys, and the sort key in the index of the last of them where more follow."""
    after = None
    while True:
        condition = Main.g1sk.between(*within)
        keys, after = database.index_keys(Main, index, limit=size, after=after, condition=condition)
        yield keys, after["g1sk"]["S"] if after else None
        if after is None:
            return

"""A creator's volume of a period, by which tiers set the rate of the next: fixed before any order asks for it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from vouch.domain.calendars import Period, Span, span
from vouch.domain.terms import VolumeMeasure

SEALED_FROM = timedelta(hours=1)
"""How long after a period has ended its volumes are measured."""
_IN_FORCE_FROM = timedelta(hours=24)
"""How long after a period has begun the volumes of the one before count; until then those before that do."""


@dataclass(frozen=True, slots=True)
class Part:
    """What a creator has of one order: net of refunds and recruiters' shares, and the revenue that it is on.

    Without revenue (`base` 0) it is no sale of theirs. Amounts in another currency than the program's, `foreign` ones,
    add up with no others.
    """

    net: int
    base: int
    foreign: bool = False


def counting(period: Period, placed_at: datetime, zone: str) -> Span:
    """The period whose volume counts for an order that was placed then."""
    return before(period, placed_at - _IN_FORCE_FROM, zone)


def before(period: Period, at: datetime, zone: str) -> Span:
    """The period before the one that holds that moment."""
    return span(period, span(period, at, zone).begins - timedelta.resolution, zone)


def volume(measure: VolumeMeasure, parts: Iterable[Part]) -> int:
    """What a creator's own sales that earn come to; what they have of others', as a recruiter or given, is none."""
    earning = [part for part in parts if part.net > 0 and part.base > 0]
    match measure:
        case "orders":
            return len(earning)
        case "commission":
            return sum(part.net for part in earning if not part.foreign)
        case "revenue":
            return sum(part.base for part in earning if not part.foreign)

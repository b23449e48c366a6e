"""Who or what held a place, one after another, so that a question about a day past keeps its answer.

A tenure is `[*holder, from, to]`: the words that name the holder, then its period (`vouch.domain.periods`). Tenures of
one place are sorted and never overlap, and only the last may have no end.
"""

from collections.abc import Sequence
from datetime import datetime

from vouch.domain import periods
from vouch.domain.errors import Unprocessable

Tenure = list[str | None]
Tenures = Sequence[Tenure]
MOST = 200
"""Of one place: every order reads them all."""


def at(tenures: Tenures, moment: datetime) -> Tenure | None:
    """The tenure in which that moment lies, or None where nobody held the place."""
    return next((tenure for tenure in tenures if periods.covers(tenure[-2:], moment)), None)


def current(tenures: Tenures) -> Tenure | None:
    """The tenure that has no end, though it may be yet to begin; None where nobody holds the place any more."""
    return tenures[-1] if tenures and tenures[-1][-1] is None else None


def ended(tenures: Tenures, moment: str) -> list[Tenure]:
    """The place is nobody's from `moment` on; a tenure that would have begun only then never was."""
    last = current(tenures)
    if last is None:
        return [*tenures]
    begun = (last[-2] or "") < moment
    return [*tenures[:-1], *([[*last[:-1], moment]] if begun else [])]


def passed_on(tenures: Tenures, holder: Sequence[str], moment: str) -> list[Tenure]:
    """The place is this holder's from `moment` on, or from the end of the tenure before if that is later.

    The holder of the current tenure goes on in it. Raises Unprocessable where the place has changed hands too often.
    """
    held = current(tenures)
    if held is not None and held[:-2] == [*holder]:
        return [*tenures]
    past = ended(tenures, moment)
    if len(past) >= MOST:
        raise Unprocessable("changed_too_often", most=MOST)
    free = (past[-1][-1] or "") if past else ""
    return [*past, [*holder, max(moment, free), None]]

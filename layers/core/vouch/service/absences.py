"""Platforms that do not answer are left alone for a while: whoever waits for them keeps all the others waiting."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from vouch.domain import times
from vouch.platforms.base import NotYet, Unreadable
from vouch.service.deployment import Deployment
from vouch.service.queues import seconds_after
from vouch.store import absences
from vouch.store.tables import Away, ConnectionItem

_TRIAL = timedelta(seconds=30)
"""So long whoever tries it has for a first answer, before another one may try."""
_SPREAD = 10
"""Over so many seconds those are spread who come back at the same time."""


class NoAnswer(NotYet):
    """There was nobody, or nobody who answered in time."""


@contextmanager
def minded(deployment: Deployment, connection: ConnectionItem) -> Iterator[None]:
    """Lets a conversation with the connection's platform begin, but raises NotYet while that is left alone.

    The pause is a minute after the first NoAnswer, and doubles up to 15 minutes. When it is over one conversation alone
    is let through. Whatever else comes of one: there is somebody again.
    """
    known = absences.of(deployment.database, connection.brand_id, connection.id)
    if known is not None:
        known = _tried(deployment, known)
    try:
        yield
    except NoAnswer:
        _away(deployment, connection, known)
        raise
    except (NotYet, Unreadable):
        _back(deployment, known)
        raise
    _back(deployment, known)


def _tried(deployment: Deployment, known: Away) -> Away:
    """What is known while one conversation tries it. Raises NotYet for all others."""
    now = deployment.now()
    until = times.parse(known.until)
    if until <= now:
        if absences.goes_on(deployment.database, known, now + _TRIAL, known.tries):
            return Away(known.pk, known.sk, until=times.text(now + _TRIAL), tries=known.tries)
        until = now + _TRIAL
    spread = deployment.random(1)[0] * _SPREAD / 256
    raise NotYet("it did not answer lately", math.ceil((until - now).total_seconds() + spread))


def _away(deployment: Deployment, connection: ConnectionItem, known: Away | None) -> None:
    tries = known.tries if known else 0
    until = deployment.now() + timedelta(seconds=seconds_after(tries))
    if known is None:
        absences.begin(deployment.database, connection.brand_id, connection.id, until)
    else:
        absences.goes_on(deployment.database, known, until, tries + 1)


def _back(deployment: Deployment, known: Away | None) -> None:
    if known is not None:
        absences.end(deployment.database, known)

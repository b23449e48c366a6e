"""Changing settings: under the version that was read, so that no two writers undo each other unawares."""

from collections.abc import Callable

from vouch.domain.errors import NotFound, Stale, Unavailable
from vouch.service.deployment import Deployment
from vouch.store.database import Refused, Writes, pause
from vouch.store.tables import Code, ConnectionItem, Creator, Enrolment, Link, Program

_TRIES = 12


def revised[I: (Code, ConnectionItem, Creator, Enrolment, Link, Program)](
    deployment: Deployment,
    read: Callable[[], I | None],
    change: Callable[[I, Writes], None],
    *,
    if_match: int | None = None,
) -> I:
    """The item after `change`, which may also write what goes with it; tried again where another writer was faster.

    Raises NotFound where there is none, Stale where `if_match` is given and is not the version that was read, and
    Refused where something else stands against what goes with the item.
    """
    for attempt in range(_TRIES):
        item = read()
        if item is None:
            raise NotFound
        if if_match not in {None, item.version}:
            raise Stale
        known, writes = item.version, Writes()
        change(item, writes)
        item.version = known + 1
        writes.put(item, type(item).version == known)
        try:
            deployment.database.commit(writes)
        except Refused as refusal:
            if any(other is not item for other in refusal.items):
                raise
            pause(attempt)
        else:
            return item
    raise Unavailable

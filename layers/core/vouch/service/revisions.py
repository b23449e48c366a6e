"""Changing settings: under what was read, so that no two writers undo each other unawares."""

from collections.abc import Callable

from vouch.domain.errors import NotFound, Stale, Unavailable
from vouch.service.deployment import Deployment
from vouch.store import versions
from vouch.store.database import Refused, Writes, pause
from vouch.store.tables import (
    Code,
    ConnectionItem,
    Creator,
    Enrolment,
    Item,
    Link,
    PayeeItem,
    PayoutSettings,
    Program,
    RailAccount,
    ThresholdList,
)

_TRIES = 12
Kinds = tuple[type[Item], ...]


def committed[T](deployment: Deployment, attempt: Callable[[Writes], T], *, final: Kinds = ()) -> T:
    """What `attempt` answers, once what it writes has taken effect; made anew where another writer was faster.

    Raises Refused where an item of a `final` kind stands against it: no further attempt would change that.
    """
    for number in range(_TRIES):
        writes = Writes()
        answer = attempt(writes)
        if not writes:
            return answer
        try:
            deployment.database.commit(writes)
        except Refused as refusal:
            if any(isinstance(item, final) for item in refusal.items):
                raise
            pause(number)
        else:
            return answer
    raise Unavailable


def revised[
    I: (Code, ConnectionItem, Creator, Enrolment, Link, PayeeItem, PayoutSettings, Program, RailAccount, ThresholdList)
](
    deployment: Deployment,
    read: Callable[[], I | None],
    change: Callable[[I, Writes], None],
    *,
    if_match: int | None = None,
    final: Kinds = (),
) -> I:
    """The item after `change`, which may also write what goes with it; as `committed`, under the version read.

    Raises NotFound where there is none, and Stale where `if_match` is given and is not the version that was read.
    """

    def attempt(writes: Writes) -> I:
        item = read()
        if item is None:
            raise NotFound
        if if_match not in {None, item.version}:
            raise Stale
        change(item, writes)
        versions.put(writes, item)
        return item

    return committed(deployment, attempt, final=final)

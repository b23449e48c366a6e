"""Writing the next version of what was read: nobody's change in between is lost."""

from vouch.store.database import Writes
from vouch.store.tables import (
    AdjustmentItem,
    Code,
    ConnectionItem,
    Creator,
    Enrolment,
    Handle,
    Link,
    PayeeItem,
    PayoutItem,
    PayoutMethod,
    PayoutRun,
    PayoutSettings,
    ProductItem,
    ProductTie,
    Program,
    RailAccount,
    RunChunk,
    ThresholdList,
    TieList,
)

Versioned = (
    AdjustmentItem
    | Code
    | ConnectionItem
    | Creator
    | Enrolment
    | Handle
    | Link
    | PayeeItem
    | PayoutItem
    | PayoutMethod
    | PayoutRun
    | PayoutSettings
    | ProductItem
    | ProductTie
    | Program
    | RailAccount
    | RunChunk
    | ThresholdList
    | TieList
)


def put(writes: Writes, item: Versioned) -> None:
    """Refused where the item is another by now; version 0 is one that was not there."""
    kind, known = type(item), item.version
    item.version = known + 1
    writes.put(item, kind.version == known if known else kind.pk.does_not_exist())

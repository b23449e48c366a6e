"""What follows from the ledger's stream: who has something to fold on which day, what accounts come to, and whether a
hand was at an entry.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from vouch.domain import buckets as domain
from vouch.service.deployment import Deployment
from vouch.store import buckets, figures, ledger

_MARK_BYTES = 8
_WRITERS = 8


@dataclass(frozen=True, slots=True)
class Change:
    """One record of the ledger table's stream, under its `number` there; `image` is the item as it was put."""

    kind: Literal["INSERT", "MODIFY", "REMOVE"]
    pk: str
    sk: str
    number: int
    image: Mapping[str, Any]


def project(deployment: Deployment, changes: Sequence[Change]) -> int:
    """Notes the due day of every new entry of a time line, each day and creator once; how many were noted.

    Those of today too: a refund matures as it is posted, and no fold would look at the account otherwise. Then the sums
    of accounts count the entries. A batch that comes twice notes the same rows again, and counts nothing twice. What
    cannot be an entry is passed over: raising would only bring it back.
    """
    mark = deployment.random(_MARK_BYTES).hex()
    new = [change for change in changes if change.kind == "INSERT"]
    days = {due for change in new if (due := _due(change)) is not None}

    def note(due: tuple[str, str, date]) -> None:
        brand_id, creator_id, day = due
        figures.put_due(deployment.database, brand_id, day, creator_id, mark)

    def count(counted: tuple[buckets.Key, Sequence[buckets.Counted]]) -> None:
        buckets.add(deployment.database, *counted)

    with ThreadPoolExecutor(_WRITERS) as pool:
        writing = [pool.submit(note, due) for due in sorted(days)]
        writing += [pool.submit(count, counted) for counted in _counted(new).items()]
    for written in writing:
        written.result()
    return len(days)


def tampered(changes: Iterable[Change]) -> list[Change]:
    """The records that no part of Vouch can have caused: an entry is put once and never touched again."""
    return [change for change in changes if change.kind != "INSERT"]


def _due(change: Change) -> tuple[str, str, date] | None:
    account = ledger.account_of(change.pk)
    moment = ledger.position_of(change.sk)
    if account is None or moment is None:
        return None
    brand_id, creator_id = account
    return brand_id, creator_id, moment.date()


def _counted(changes: Iterable[Change]) -> dict[buckets.Key, list[buckets.Counted]]:
    """What the sums of accounts have to count of these, by item, in the stream's order as they are."""
    found: defaultdict[buckets.Key, list[buckets.Counted]] = defaultdict(list)
    for change in changes:
        account, entry = ledger.account_of(change.pk), ledger.from_stream(change.image)
        if account is None or entry is None:
            continue
        for part in domain.parts(entry):
            key = buckets.key(*account, part)
            found[key].append(buckets.Counted(change.number, part, entry.posted_at))
    return found

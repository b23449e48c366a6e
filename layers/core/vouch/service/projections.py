"""What follows from the ledger's stream: who has something to fold on which day, and whether a hand was at an entry."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Literal

from vouch.service.deployment import Deployment
from vouch.store import figures, ledger

_MARK_BYTES = 8


@dataclass(frozen=True, slots=True)
class Change:
    """One record of the ledger table's stream."""

    kind: Literal["INSERT", "MODIFY", "REMOVE"]
    pk: str
    sk: str


def project(deployment: Deployment, changes: Iterable[Change]) -> int:
    """Notes the due day of every new entry of a time line, each day and creator once; how many were noted.

    Those of today too: a refund matures as it is posted, and no fold would look at the account otherwise. A batch that
    comes twice notes the same rows again. What cannot be an entry is passed over: raising would only bring it back.
    """
    mark = deployment.random(_MARK_BYTES).hex()
    days = {due for change in changes if change.kind == "INSERT" and (due := _due(change)) is not None}
    for brand_id, creator_id, day in sorted(days):
        figures.put_due(deployment.database, brand_id, day, creator_id, mark)
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

"""An account's balance item: read for sure, written only by who has read the version before."""

from datetime import datetime
from typing import Any

from vouch.domain import times
from vouch.domain.account import Balance, Checkpoint, Sums
from vouch.domain.errors import NotFound
from vouch.store import tables
from vouch.store.database import Database, Writes

SORT_KEY = "BAL"


def read(database: Database, brand_id: str, creator_id: str) -> Balance:
    """The account's balance; one that was never folded is all zeros."""
    return _balance(database.get(tables.Balance, _key(brand_id, creator_id), SORT_KEY))


def read_of_creator(database: Database, brand_id: str, creator_id: str) -> Balance:
    """The same, for callers that may name a creator whom the brand does not have. Raises NotFound."""
    key = _key(brand_id, creator_id)
    found = database.get_many([(tables.Creator, key, "C"), (tables.Balance, key, SORT_KEY)])
    if (key, "C") not in found:
        raise NotFound
    stored = found.get((key, SORT_KEY))
    return _balance(stored if isinstance(stored, tables.Balance) else None)


def replace(writes: Writes, brand_id: str, creator_id: str, balance: Balance) -> None:
    """Puts the account's next version, in the place of the one before it and of no other."""
    stored = tables.Balance(_key(brand_id, creator_id), SORT_KEY, state=_state(balance), version=balance.version)
    before = tables.Balance.version == balance.version - 1
    writes.put(stored, before if balance.version > 1 else tables.Balance.pk.does_not_exist())


def _key(brand_id: str, creator_id: str) -> str:
    return f"{brand_id}#C#{creator_id}"


def _state(balance: Balance) -> dict[str, Any]:
    checkpoint = balance.checkpoint
    return {
        "w": times.text(balance.watermark),
        "z": times.text(balance.zone_start),
        "cp": [times.text(checkpoint.watermark), times.text(checkpoint.real)] if checkpoint else None,
        "ccy": {
            currency: [each.available, each.in_transit, each.paid, each.credited, each.debited, each.zone]
            for currency, each in sorted(balance.sums.items())
        },
    }


def _balance(stored: tables.Balance | None) -> Balance:
    if stored is None:
        return Balance()
    state = stored.state
    return Balance(
        watermark=_moment(state["w"]),
        zone_start=_moment(state["z"]),
        checkpoint=Checkpoint(*map(_moment, state["cp"])) if state["cp"] else None,
        sums={currency: Sums(*each) for currency, each in state["ccy"].items()},
        version=stored.version,
    )


def _moment(text: str) -> datetime:
    return times.parse(text)

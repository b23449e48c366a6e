"""An account's balance: read for sure, written only by who has read the version before.

Beside the balance's item lie those of its periods (`vouch.store.period_sums`), and all come with one query. A query is
no snapshot: of a fold that commits meanwhile it may show one item and not yet another. So each says at which version it
was written, and the balance what these add up to: a torn reading is noticed, and read again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field
from dataclasses import replace as replaced
from datetime import datetime
from typing import Any

from vouch.domain import times
from vouch.domain.account import Balance, Checkpoint, Sums
from vouch.domain.errors import NotFound, Unavailable
from vouch.domain.ledger import Counted
from vouch.domain.period_rules import Tallies, Tally
from vouch.store import period_sums, tables
from vouch.store.database import FAILURES, Database, Writes, pause
from vouch.store.tables import Creator, Main, PeriodSums

SORT_KEY = "BAL"
_LAST = period_sums.PREFIX.replace("#", "$")  # follows '#': it lies behind every key that goes on from there
_READINGS_MAX = 6


class Torn(Unavailable):
    """The items of an account do not belong together, in whatever way they are read."""


def is_the_worlds(failure: Exception) -> bool:
    """Whether it may pass by itself: what a creator's own books or sealed texts raise does not."""
    return isinstance(failure, FAILURES) and not isinstance(failure, Torn)


@dataclass(frozen=True)
class Stored:
    """A balance as it was read; `written` is the version at which each item beside it was put, by sort key.

    `creator` is who was read with it, if there is such a creator.
    """

    balance: Balance = field(default_factory=Balance)
    written: Mapping[str, int] = field(default_factory=dict)
    creator: Creator | None = None


def load(database: Database, brand_id: str, creator_id: str) -> Stored:
    """The account's balance, for who may replace it; one that was never folded is all zeros. Raises Torn."""
    return _stored(_items(database, brand_id, creator_id))


def read(database: Database, brand_id: str, creator_id: str) -> Balance:
    """The same, for who only looks at it."""
    return load(database, brand_id, creator_id).balance


def read_of_creator(database: Database, brand_id: str, creator_id: str) -> Balance:
    """The same, for callers that may name a creator whom the brand does not have. Raises NotFound."""
    stored = load(database, brand_id, creator_id)
    if stored.creator is None:
        raise NotFound
    return stored.balance


def glimpses(
    database: Database, brand_id: str, creator_ids: Sequence[str]
) -> dict[str, tuple[datetime, Mapping[str, Sums]]]:
    """Of many accounts the sums by currency, and the moment up to which they were folded; one request per hundred.

    Without what lies beside the balances, so nothing can be torn. Accounts that were never folded are left out.
    """
    keys = {_key(brand_id, creator_id): creator_id for creator_id in creator_ids}
    found = database.get_many([(tables.Balance, pk, SORT_KEY) for pk in keys])
    glimpsed = {keys[pk]: item.state for (pk, _), item in found.items() if isinstance(item, tables.Balance)}
    return {
        creator_id: (_moment(state["w"]), {currency: _sums(each) for currency, each in state["ccy"].items()})
        for creator_id in creator_ids
        if (state := glimpsed.get(creator_id)) is not None
    }


def replace(writes: Writes, brand_id: str, creator_id: str, before: Stored, balance: Balance) -> None:
    """Puts the account's next version, in the place of the one before it and of no other."""
    pk = _key(brand_id, creator_id)
    beside = period_sums.changed(pk, before.balance, balance)
    written = sum(({**before.written} | {item.sk: item.version for item in beside}).values())
    stored = tables.Balance(pk, SORT_KEY, state=_state(balance), version=balance.version, written=written or None)
    as_read = tables.Balance.version == balance.version - 1
    writes.put(stored, as_read if balance.version > 1 else tables.Balance.pk.does_not_exist())
    for item in beside:
        writes.put(item)


def _items(database: Database, brand_id: str, creator_id: str) -> Sequence[Main]:
    """The balance and what lies beside it, which belong together; and the creator, whose key lies between."""
    for attempt in range(_READINGS_MAX):
        items = list(database.query(Main, _key(brand_id, creator_id), Main.sk.between(SORT_KEY, _LAST)))
        balance = next((item for item in items if isinstance(item, tables.Balance)), None)
        written = balance.written or 0 if balance else 0
        if sum(item.version for item in items if isinstance(item, PeriodSums)) == written:
            return items
        pause(attempt)
    raise Torn


def _stored(items: Sequence[Main]) -> Stored:
    creator = next((item for item in items if isinstance(item, Creator)), None)
    balance = next((item for item in items if isinstance(item, tables.Balance)), None)
    if balance is None:
        return Stored(creator=creator)
    beside = [item for item in items if isinstance(item, PeriodSums)]
    return Stored(_balance(balance, beside), {item.sk: item.version for item in beside}, creator)


def _key(brand_id: str, creator_id: str) -> str:
    return f"{brand_id}#C#{creator_id}"


def _state(balance: Balance) -> dict[str, Any]:
    checkpoint = balance.checkpoint
    state = {
        "w": times.text(balance.watermark),
        "z": times.text(balance.zone_start),
        "cp": [times.text(checkpoint.watermark), times.text(checkpoint.real)] if checkpoint else None,
        "ccy": {currency: _sums_state(each) for currency, each in sorted(balance.sums.items())},
    }
    zone = [[*astuple(place[0]), place[1], *astuple(tally)] for place, tally in sorted(balance.zone_tallies.items())]
    return state | ({"zt": zone} if zone else {}) | ({"u": True} if balance.unfinished else {})


def _balance(stored: tables.Balance, beside: Sequence[PeriodSums]) -> Balance:
    state = stored.state
    tallies, extras = period_sums.read(beside)
    return Balance(
        watermark=_moment(state["w"]),
        zone_start=_moment(state["z"]),
        checkpoint=Checkpoint(*map(_moment, state["cp"])) if state["cp"] else None,
        sums={currency: _sums(each) for currency, each in state["ccy"].items()},
        version=stored.version,
        tallies=tallies,
        zone_tallies=_zone_tallies(state.get("zt", ())),
        extras=extras,
        unfinished=state.get("u", False),
    )


def _sums_state(sums: Sums) -> list[int | str | None]:
    figures = [sums.available, sums.in_transit, sums.paid, sums.credited, sums.debited, sums.zone]
    owing = times.text(sums.owing_since) if sums.owing_since else None
    return [*figures, sums.payout_id, owing] if sums.payout_id or owing else [*figures]


def _sums(state: Sequence[Any]) -> Sums:
    payout_id, owing = state[6:] or (None, None)
    sums = Sums(*state[:6])
    return replaced(sums, payout_id=payout_id, owing_since=_moment(owing) if owing else None)


def _zone_tallies(plain: Sequence[Sequence[Any]]) -> Tallies:
    return {
        (Counted(program_id, version, month), currency): Tally(amount, orders)
        for program_id, version, month, currency, amount, orders in plain
    }


def _moment(text: str) -> datetime:
    return times.parse(text)

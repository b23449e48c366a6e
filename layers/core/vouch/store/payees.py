"""Where creators' money goes, and what is known of them as payees, as it is kept beside them."""

from collections.abc import Iterable

from vouch.domain import ids
from vouch.store import creators
from vouch.store.database import Database, Key, Writes
from vouch.store.tables import Creator, PayeeItem, PayoutMethod

_PAYEE = "PAYEE"
Found = tuple[Creator, PayoutMethod | None, PayeeItem | None]


def method_key(brand_id: str, creator_id: str) -> tuple[type[PayoutMethod], str, str]:
    """Where a creator's payout method lies."""
    return PayoutMethod, creators.key(brand_id, creator_id)[1], "PM"


def whose(item: Creator | PayoutMethod) -> tuple[str, str]:
    """The ids of the brand and of its creator, whose method it is or who it is."""
    brand_id, _, creator_id = item.pk.split("#")
    return brand_id, creator_id


def payee_key(brand_id: str, creator_id: str) -> tuple[type[PayeeItem], str, str]:
    """Where what is known of a creator as a payee lies."""
    return PayeeItem, creators.key(brand_id, creator_id)[1], _PAYEE


def no_method(brand_id: str, creator_id: str) -> PayoutMethod:
    """A payout method that names no destination yet and is not stored: its version 0."""
    _, pk, sk = method_key(brand_id, creator_id)
    return PayoutMethod(pk, sk, version=0)


def no_payee(brand_id: str, creator_id: str) -> PayeeItem:
    """What is known of a creator of whom nothing was said, not stored: its version 0."""
    _, pk, sk = payee_key(brand_id, creator_id)
    return PayeeItem(pk, sk, held=False, withholding_bps=0, version=0)


def count_change(writes: Writes, brand_id: str, creator_id: str) -> None:
    """Beside a change of either: whoever reads the creator sees that there was one. Refused where nobody is there."""
    creator = Creator(*creators.key(brand_id, creator_id)[1:])
    writes.update(creator, [Creator.payee_changes.add(1)], Creator.pk.exists())


def noted(database: Database, keys: Iterable[tuple[str, str]]) -> list[tuple[Creator, PayeeItem | None]]:
    """The creators who lie at these keys, in their order, with what is known of them as payees; a request per 50."""
    listed = list(keys)
    items = database.get_many(each for pk, sk in listed for each in ((Creator, pk, sk), (PayeeItem, pk, _PAYEE)))
    pairs = ((items.get(key), items.get((key[0], _PAYEE))) for key in listed)
    return [
        (creator, payee if isinstance(payee, PayeeItem) else None)
        for creator, payee in pairs
        if isinstance(creator, Creator)
    ]


def found(database: Database, brand_id: str, creator_ids: Iterable[str], *, in_order: bool = False) -> dict[str, Found]:
    """Those of these creators who exist, with what is kept beside them, in one request per 33.

    One request is no snapshot: `in_order` what is beside them is read behind them, per 50, and so is never older than
    what their `payee_changes` says.
    """
    wanted = [creator_id for creator_id in dict.fromkeys(creator_ids) if ids.is_id(creator_id, creators.PREFIX)]
    keys: list[Key] = [creators.key(brand_id, creator_id) for creator_id in wanted]
    beside = [key(brand_id, creator_id) for creator_id in wanted for key in (method_key, payee_key)]
    requests = (keys, beside) if in_order else ([*keys, *beside],)
    items = {place: item for each in requests for place, item in database.get_many(each).items()}
    result = dict[str, Found]()
    for creator_id in wanted:
        creator, method, payee = (
            items.get(key(brand_id, creator_id)[1:]) for key in (creators.key, method_key, payee_key)
        )
        if isinstance(creator, Creator):
            result[creator_id] = (
                creator,
                method if isinstance(method, PayoutMethod) else None,
                payee if isinstance(payee, PayeeItem) else None,
            )
    return result

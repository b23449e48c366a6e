"""Exchange rates as they are kept: the fixings of a pair of currencies, sorted by their moment, never changed."""

from datetime import datetime

from vouch.domain import times
from vouch.domain.rates import Rate
from vouch.store.database import Database
from vouch.store.tables import RateItem


def new_rate(brand_id: str, from_currency: str, to_currency: str, rate: Rate, *, created_at: str) -> RateItem:
    """A fixing that is not stored yet."""
    return RateItem(
        partition(brand_id, from_currency, to_currency),
        f"{times.text(rate.at)}#{rate.source}",
        from_currency=from_currency,
        to_currency=to_currency,
        numerator=rate.numerator,
        denominator=rate.denominator,
        at=times.text(rate.at),
        source=rate.source,
        created_at=created_at,
    )


def latest_before(
    database: Database, brand_id: str, from_currency: str, to_currency: str, moment: datetime
) -> RateItem | None:
    """The last fixing before that moment, however old; of two at one time, of the source whose name sorts last."""
    before = RateItem.sk < times.text(moment)
    fixings = database.query(
        RateItem, partition(brand_id, from_currency, to_currency), before, newest_first=True, limit=1
    )
    return next(fixings, None)


def newest(
    database: Database, brand_id: str, from_currency: str, to_currency: str, *, limit: int, before: str | None
) -> list[RateItem]:
    """A pair's fixings, the newest first, at most `limit`, from behind the one with the sort key `before`."""
    behind = None if before is None else RateItem.sk < before
    pair = partition(brand_id, from_currency, to_currency)
    return list(database.query(RateItem, pair, behind, newest_first=True, limit=limit))


def rate(item: RateItem) -> Rate:
    """The rate that the item holds."""
    return Rate(item.numerator, item.denominator, item.source, times.parse(item.at))


def partition(brand_id: str, from_currency: str, to_currency: str) -> str:
    """Where a pair's fixings lie."""
    return f"{brand_id}#FX#{from_currency}-{to_currency}"

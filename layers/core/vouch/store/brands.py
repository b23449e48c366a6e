"""All brands in turn, for the jobs that visit each; and how far a brand's accounts were folded."""

from collections.abc import Iterator
from datetime import datetime

from vouch.domain import times
from vouch.store.database import BATCH_GET_MAX, Database
from vouch.store.tables import Brand, Main

INDEX = "BRANDS"


def every(database: Database) -> Iterator[Brand]:
    """Every brand of the deployment, a page at a time."""
    after = None
    while True:
        keys, after = database.index_keys(Main, INDEX, limit=BATCH_GET_MAX, after=after)
        found = database.get_many((Main, pk, sk) for pk, sk in keys)
        yield from (brand for brand in found.values() if isinstance(brand, Brand))
        if after is None:
            return


def folded(database: Database, brand: Brand, now: datetime) -> None:
    """Notes that all accounts that were due by `now` are folded; a job that was overtaken notes nothing."""
    moment = times.text(now)
    database.update(
        brand,
        [Brand.folded_to.set(moment)],
        Brand.folded_to.does_not_exist() | (Brand.folded_to < moment),
    )

"""What of a brand's payouts is under way, in one partition: the runs that go on, and the payouts that may have news."""

from collections.abc import Iterable

from vouch.store.database import Database, Key
from vouch.store.tables import Main


def partition(brand_id: str) -> str:
    """Where all of it lies, each under its own id."""
    return f"{brand_id}#OPEN"


def known(database: Database, brand_id: str, names: Iterable[str]) -> set[str]:
    """Which of these runs and payouts are."""
    keys: list[Key] = [(Main, partition(brand_id), name) for name in names]
    return {str(sk) for _, sk in database.get_many(keys)}

"""The orders of a range, the newest first, read ahead of whoever works on them and never many at once."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from vouch.service.deployment import Deployment
from vouch.store import orders
from vouch.store.database import BATCH_GET_MAX
from vouch.store.orders import KnownOrder
from vouch.store.tables import Order

_READERS = 8


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the orders; `bookmark` is where the next ones begin, None where there are none."""

    states: Sequence[Order]
    bookmark: str | None


class Range:
    """The brand's orders that were placed in `[start, end)`."""

    def __init__(
        self, deployment: Deployment, brand_id: str, start: datetime, end: datetime, pool: ThreadPoolExecutor
    ) -> None:
        self._database = deployment.database
        self._brand = brand_id
        self._span = start, end
        self._pool = pool

    def pages(self, bookmark: str = "") -> Iterator[Page]:
        """From behind that bookmark on, and one at least; the next is being read while one is worked on."""
        ahead = self._pool.submit(self._page, bookmark)
        while True:
            page = ahead.result()
            if page.bookmark is None:
                yield page
                return
            ahead = self._pool.submit(self._page, page.bookmark)
            yield page

    def known(self, states: Sequence[Order]) -> Iterator[KnownOrder | None]:
        """These orders with all their facts, None for one whose items do not belong together or cannot be read."""
        reading: dict[str, Future[KnownOrder | None]] = {
            state.id: self._pool.submit(self._known, state) for state in states if not orders.is_alone(state)
        }
        for state in states:
            yield reading[state.id].result() if state.id in reading else self._known(state)

    def _page(self, bookmark: str) -> Page:
        return Page(*orders.placed(self._database, self._brand, *self._span, behind=bookmark, limit=BATCH_GET_MAX))

    def _known(self, state: Order) -> KnownOrder | None:
        try:
            return orders.known(self._database, self._brand, state)
        except (orders.Torn, orders.Undecodable):
            return None


@contextmanager
def reading(deployment: Deployment, brand_id: str, start: datetime, end: datetime) -> Iterator[Range]:
    """The range, for as long as somebody reads it."""
    with ThreadPoolExecutor(_READERS) as pool:
        yield Range(deployment, brand_id, start, end, pool)

"""A statement with all that it says on paper: whose it is, for whom, for which time, and what its orders are called."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from vouch.domain import ids, times
from vouch.domain.errors import NotFound, Unprocessable
from vouch.messages import Language
from vouch.service import statements
from vouch.service.deployment import Deployment
from vouch.service.statements import TICK, Statement, Totals
from vouch.store import creators, orders, payout_settings
from vouch.store.tables import Brand

_DIGITS, _GROUP = 12, 4


@dataclass(frozen=True, slots=True)
class StatementPaper:
    """What the paper says. Days are those of `time_zone`; `orders` are the shops' names of orders by their ids."""

    number: str
    brand: str
    creator: str
    language: Language
    time_zone: str
    as_of: datetime
    statement: Statement
    orders: Mapping[str, str]

    @property
    def is_final(self) -> bool:
        """Whether its time is over, so that nothing of it changes any more: nothing is dated before its posting."""
        return self.statement.end <= self.as_of + TICK


def paper(
    deployment: Deployment,
    brand: Brand,
    creator_id: str,
    currency: str,
    *,
    start: datetime | None,
    end: datetime | None,
    language: Language | None,
    limit: int,
) -> StatementPaper:
    """The statement of that range in the creator's language, or in another that is asked for.

    Raises NotFound for a creator whom the brand does not have, and Unprocessable where it has more than `limit` lines.
    """
    database = deployment.database
    creator = creators.creator(database, brand.id, creator_id)
    if creator is None:
        raise NotFound
    as_of = deployment.brand_now(brand)
    end = as_of + TICK if end is None else end
    whole = statements.statement(deployment, brand, creator_id, currency, start=start, end=end, limit=limit)
    if whole.next is not None:
        raise Unprocessable("statement_too_long", param="from", most=limit)
    named = {line.order_id: None for line in whole.entries if line.order_id is not None}
    return StatementPaper(
        number=_number(creator_id, whole),
        brand=brand.name,
        creator=creator.name,
        language=language or ("he" if creator.language == "he" else "en"),
        time_zone=payout_settings.settings(database, brand.id).time_zone,
        as_of=as_of,
        statement=_adding_up(whole),
        orders={order.id: order.external_id for order in orders.states(database, brand.id, list(named))},
    )


def _adding_up(whole: Statement) -> Statement:
    """What is printed must add up on the paper; an entry that was posted between two of its reads is in one alone."""
    amounts = [line.amount for line in whole.entries]
    totals = Totals(
        credited=sum(amount for amount in amounts if amount > 0),
        debited=-sum(amount for amount in amounts if amount < 0),
    )
    return replace(whole, totals=totals, closing=whole.opening + totals.net)


def _number(creator_id: str, statement: Statement) -> str:
    """One for each creator, currency and range, however often it is drawn: `ST-7K3F-9QDM-2XAB`."""
    span = (times.text(statement.start), times.text(statement.end))
    digits = ids.derived("", "statement", creator_id, statement.currency, *span)
    groups = (digits[at : at + _GROUP] for at in range(0, _DIGITS, _GROUP))
    return "-".join(["ST", *groups])

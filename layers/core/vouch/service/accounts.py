"""A creator's balances: exact at every moment, whenever the account was last folded, in three requests as a rule."""

from vouch.domain import account
from vouch.domain.account import Figures
from vouch.service.deployment import Deployment
from vouch.store import balances as balance_items
from vouch.store import ledger
from vouch.store.tables import Brand


def balances(deployment: Deployment, brand: Brand, creator_id: str) -> dict[str, Figures]:
    """By currency, in the currencies' order. Raises NotFound for a creator whom the brand does not have.

    The three reads need not see the same moment: entries never change, so any balance item, however old, and the time
    line behind it give the sums of now.
    """
    database, now = deployment.database, deployment.brand_now(brand)
    balance = balance_items.read_of_creator(database, brand.id, creator_id)
    entries = ledger.time_line(database, brand.id, creator_id, start=balance.zone_start)
    return account.balances(balance, entries, ledger.held(database, brand.id, creator_id), now)

"""CSV: a list to pay from by whatever means the brand has, and to tick off. It takes everybody and every currency.

Its columns never change with what is in it. Amounts are in major units; a cell that a spreadsheet would run as a
formula has an apostrophe before it (`vouch.domain.spreadsheets`).
"""

from collections.abc import Mapping

from vouch.domain import spreadsheets
from vouch.domain.currencies import EXPONENTS
from vouch.domain.money import major
from vouch.domain.payouts import Payment
from vouch.rails.base import File, FileOrder, Rail, Settings
from vouch.rails.settings import refuse_unknown

_OF_PAYOUT = ("payout_id", "name", "email", "amount", "currency", "method", "holder")
_OF_METHOD = {
    "paypal": {"paypal_email": "email"},
    "stripe": {"stripe_account": "account"},
    "iban": {"iban": "iban", "bic": "bic"},
    "il_bank": {"bank": "bank", "branch": "branch", "account": "account", "holder_id": "holder_id"},
}
"""The columns of each kind of destination, and which of its fields they hold."""
_COLUMNS = (*_OF_PAYOUT, *(column for columns in _OF_METHOD.values() for column in columns), "note")


def _unit(currency: str) -> int | None:
    return 1 if currency in EXPONENTS else None


def _settings(said: Mapping[str, str]) -> Settings:
    refuse_unknown(said, ())
    return {}


def _write(order: FileOrder) -> File:
    table = spreadsheets.text(_COLUMNS, map(_row, order.payments))
    return File(f"{order.name}.csv", "text/csv; charset=utf-8", table.encode())


def _row(payment: Payment) -> spreadsheets.Row:
    cells = {
        "payout_id": payment.id,
        "name": payment.name,
        "email": payment.email,
        "amount": major(payment.amount, payment.currency),
        "currency": payment.currency,
        "note": payment.note,
    }
    if (destination := payment.destination) is not None:
        cells |= {"method": destination.kind, "holder": destination.holder}
        cells |= {column: destination.fields[key] for column, key in _OF_METHOD[destination.kind].items()}
    return [cells.get(column) for column in _COLUMNS]


RAIL = Rail(
    name="csv",
    unit=_unit,
    takes=None,
    obstacle=lambda _: None,
    settings=_settings,
    write=_write,
    ready=True,
)

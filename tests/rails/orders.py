"""Payments as a run hands them to a rail of files, and names that people have."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import strategies as st

from vouch.domain.ids import derived
from vouch.domain.payouts import Destination, Payment
from vouch.rails.base import FileOrder, Settings

MADE_AT = datetime(2026, 5, 4, 12, 0, 0, 123456, tzinfo=UTC)
RUN = derived("run_", "may")
IBAN = Destination("iban", "Noa Levi", {"iban": "DE89370400440532013000", "bic": ""})
IL_BANK = Destination(
    "il_bank", "נועה לוי", {"bank": "12", "branch": "600", "account": "000123450", "holder_id": "000000018"}
)
NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)
"""Whatever a name field can hold: all of Unicode, what steers and ends lines included."""
LATIN_NAMES = st.text(st.characters(max_codepoint=0x24F) | st.sampled_from("\u200b\u2028’–🏺"), max_size=80)
AMOUNTS = st.integers(1, 10**11 - 1)


def payment(number: int, to: Destination | None, amount: int = 13_050, currency: str = "EUR", **said: str) -> Payment:
    return Payment(
        id=derived("po_", str(number)),
        amount=amount,
        currency=currency,
        name=said.get("name", "Noa"),
        email=said.get("email", "noa@example.com"),
        made_at=MADE_AT,
        destination=to,
        note=said.get("note", ""),
    )


def held_by(holder: str, to: Destination) -> Destination:
    return replace(to, holder=holder)


def with_fields(to: Destination, fields: Mapping[str, str]) -> Destination:
    return replace(to, fields={**to.fields, **fields})


def order(
    payments: Sequence[Payment], settings: Settings, currency: str = "EUR", at: datetime = MADE_AT, part: int = 1
) -> FileOrder:
    return FileOrder(RUN, at, at, currency, settings, payments, part)

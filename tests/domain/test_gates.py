"""What keeps a creator from being paid, and until which moment."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from vouch.domain.payouts import CHANGE_HOLD, Gates, Payee, obstacle, stop

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
TICK = timedelta(microseconds=1)
JERUSALEM = "Asia/Jerusalem"
LAST_DAY = date(2026, 3, 31)
MIDNIGHTS = {
    "UTC": datetime(2026, 4, 1, tzinfo=UTC),
    JERUSALEM: datetime(2026, 3, 31, 21, tzinfo=UTC),
    "America/Los_Angeles": datetime(2026, 4, 1, 7, tzinfo=UTC),
}
"""When the last day is over, by the brand's time zone; summer has begun in all of them but the first."""


@pytest.mark.parametrize("zone, midnight", MIDNIGHTS.items())
def test_a_certificate_holds_to_the_end_of_its_last_day_where_the_brand_is(zone: str, midnight: datetime) -> None:
    payee = Payee(withholding_bps=500, tax_certificate_expires=LAST_DAY, country="IL")
    for asked in (stop(payee, midnight - TICK, zone), obstacle(payee, Gates(), midnight - TICK, zone)):
        assert asked is None
    for asked in (stop(payee, midnight, zone), obstacle(payee, Gates(), midnight, zone)):
        assert asked == "tax_certificate_expired"


@pytest.mark.parametrize("zone, midnight", MIDNIGHTS.items())
def test_a_form_holds_to_the_end_of_its_last_day_where_one_is_asked_for(zone: str, midnight: datetime) -> None:
    payee, asks = Payee(tax_form=True, tax_form_expires=LAST_DAY), Gates(tax_form_required=True)
    assert obstacle(payee, asks, midnight - TICK, zone) is None
    assert obstacle(payee, asks, midnight, zone) == "tax_form_expired"
    assert obstacle(payee, Gates(), midnight, zone) is None, "nobody asks"
    assert stop(payee, midnight, zone) is None, "what was made while it held is sent"


def test_a_certificate_that_nothing_is_withheld_expires_as_well() -> None:
    payee = Payee(tax_certificate_expires=LAST_DAY)
    assert obstacle(payee, Gates(), NOW, "UTC") == "tax_certificate_expired"


def test_a_rate_without_a_certificate_holds_until_another_is_named() -> None:
    assert obstacle(Payee(withholding_bps=3_000, country="IL"), Gates(), NOW, "UTC") is None


def test_the_first_reason_that_is_true_is_told() -> None:
    """Each time the first one is mended, the next comes up."""
    payee: dict[str, Any] = {
        "held": True,
        "tax_certificate_expires": LAST_DAY,
        "tax_form_expires": LAST_DAY,
        "changed_at": NOW - CHANGE_HOLD + TICK,
    }
    mends: list[tuple[str, dict[str, Any]]] = [
        ("payouts_held", {"held": False}),
        ("tax_certificate_expired", {"tax_certificate_expires": NOW.date()}),
        ("tax_form_missing", {"tax_form": True}),
        ("tax_form_expired", {"tax_form_expires": NOW.date()}),
        ("payout_method_on_hold", {"changed_at": NOW - CHANGE_HOLD}),
    ]
    for reason, mended in mends:
        assert obstacle(Payee(**payee), Gates(tax_form_required=True), NOW, JERUSALEM) == reason
        payee |= mended
    assert obstacle(Payee(**payee), Gates(tax_form_required=True), NOW, JERUSALEM) is None

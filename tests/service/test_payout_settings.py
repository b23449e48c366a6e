"""What holds of a brand's payouts: its own settings first, then the terms of its programs."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.fixtures import NOON, Clock
from tests.wire import Wire
from vouch.domain.payouts import Gates
from vouch.service import brands, payout_settings, programs
from vouch.service.deployment import Deployment
from vouch.service.mint import fresh
from vouch.service.payout_settings import CurrencyRules
from vouch.store import payout_settings as store
from vouch.store.tables import Brand


@pytest.fixture
def brand(deployment: Deployment) -> Brand:
    return brands.created(deployment, fresh(deployment), name="Mugs", mode="live", test_clock=None)[0]


def payout(minimum: int | None, rail: str = "csv", currency: str = "ILS") -> dict[str, Any]:
    said = {} if minimum is None else {"minimum": {"amount": minimum, "currency": currency}}
    return said | {"rail": rail}


def offer(
    deployment: Deployment,
    brand: Brand,
    said: dict[str, Any],
    currency: str = "ILS",
    begins: datetime | None = None,
) -> str:
    """A program whose terms say that of payouts."""
    terms = {"journey": False, "payout": said}
    made = programs.created(
        deployment,
        fresh(deployment),
        brand,
        name="Friends",
        currency=currency,
        terms=terms,
        effective_from=begins,
        parameter=None,
    )
    return made.program.id


def set_for(deployment: Deployment, brand: Brand, currency: str, *, tax_form: bool = False, **said: Any) -> None:
    item = store.unset(brand.id)
    nothing = dict.fromkeys(("minimum", "rail", "schedule", "schedule_begins", "adjustment_limit"))
    item.currencies, item.tax_form_required, item.version = {currency: nothing | said}, tax_form, 1
    item.save()


def test_without_a_word_whatever_there_is_is_paid_by_file(deployment: Deployment, brand: Brand) -> None:
    rules = payout_settings.of(deployment, brand)
    assert rules.currency("ILS") == CurrencyRules(minimum=1, rail="csv", adjustment_limit=None, tax_form_required=False)
    assert rules.currency("ILS").gates == Gates(minimum=1, tax_form_required=False)
    assert rules.time_zone == "UTC"


def test_of_several_programs_the_lowest_minimum_applies_in_their_currency_alone(
    deployment: Deployment, brand: Brand
) -> None:
    offer(deployment, brand, payout(5_000, "stripe_connect"))
    offer(deployment, brand, payout(2_000, "paypal"))
    offer(deployment, brand, payout(2_000, "csv"))
    offer(deployment, brand, payout(700, "stripe_connect", "USD"), "USD")
    rules = payout_settings.of(deployment, brand)
    told = {currency: rules.currency(currency) for currency in ("ILS", "USD", "EUR")}
    assert {currency: (each.minimum, each.rail) for currency, each in told.items()} == {
        "ILS": (2_000, "paypal"),
        "USD": (700, "stripe_connect"),
        "EUR": (1, "csv"),
    }


@pytest.mark.parametrize("minimum", [None, 0])
def test_a_program_without_a_minimum_promises_to_pay_whatever_there_is(
    deployment: Deployment, brand: Brand, minimum: int | None
) -> None:
    offer(deployment, brand, payout(5_000, "stripe_connect"))
    offer(deployment, brand, payout(minimum, "paypal"))
    rules = payout_settings.of(deployment, brand).currency("ILS")
    assert (rules.minimum, rules.rail) == (1, "paypal")


def test_what_the_brand_says_for_a_currency_goes_first(deployment: Deployment, brand: Brand) -> None:
    offer(deployment, brand, payout(5_000, "stripe_connect"))
    offer(deployment, brand, payout(700, "stripe_connect", "USD"), "USD")
    set_for(deployment, brand, "ILS", tax_form=True, minimum=9_000, adjustment_limit=0)
    rules = payout_settings.of(deployment, brand)
    assert rules.currency("ILS") == CurrencyRules(9_000, "stripe_connect", 0, tax_form_required=True)
    assert rules.currency("ILS").gates == Gates(minimum=9_000, tax_form_required=True)
    assert rules.currency("USD") == CurrencyRules(700, "stripe_connect", None, tax_form_required=True)
    assert rules.currency("EUR") == CurrencyRules(1, "csv", None, tax_form_required=True)
    set_for(deployment, brand, "EUR", rail="paypal")
    own = payout_settings.of(deployment, brand)
    assert own.currency("EUR") == CurrencyRules(1, "paypal", by_method=False), "no creator's method goes before that"


def test_terms_count_once_they_are_in_force(deployment: Deployment, brand: Brand, clock: Clock) -> None:
    program = offer(deployment, brand, payout(5_000))
    offer(deployment, brand, payout(100), begins=NOON + timedelta(days=2))
    terms = {"journey": False, "payout": payout(900)}
    begins = NOON + timedelta(days=1)
    programs.published(deployment, fresh(deployment), brand, program, terms=terms, effective_from=begins)
    found = []
    for _ in range(3):
        found.append(payout_settings.of(deployment, brand).currency("ILS").minimum)
        clock.pass_(timedelta(days=1))
    assert found == [5_000, 900, 100]


def test_a_brand_with_many_programs_is_read_whole_and_in_few_requests(
    deployment: Deployment, brand: Brand, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(120):
        offer(deployment, brand, payout(1_000 - number))
    with monkeypatch.context() as paged:
        paged.setattr(payout_settings, "_PROGRAMS_PAGE", 50)
        assert payout_settings.of(deployment, brand).currency("ILS").minimum == 881
    wire = Wire(monkeypatch)
    assert payout_settings.of(deployment, brand).currency("ILS").minimum == 881
    assert dict(wire.operations()) == {"Query": 1, "BatchGetItem": 2}

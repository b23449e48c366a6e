"""Payouts that do not go straight: a further try is refused, or the account at the rail is taken away under way."""

import pytest

from tests.payday import HOUR, Payday
from tests.standins.paypal import PayPal
from tests.standins.server import hangs_up
from tests.standins.stripe_connect import StripeConnect
from vouch import telemetry
from vouch.domain.money import Money
from vouch.service import rail_accounts
from vouch.service.deployment import Deployment

AMOUNT = 2_500


def live(day: Payday, hours: int) -> None:
    for _ in range(hours):
        day.work()
        day.pass_(HOUR)
        day.round()
    day.work()


def test_a_further_try_that_is_refused_waits_for_the_brand_and_is_sent_once_it_has_mended_that(
    day: Payday, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing shows that the first try moved anything, so the payout waits as if it had never been sent.

    That the brand has to mend something rings once, however often the rail is looked at.
    """
    rung = list[str]()
    monkeypatch.setattr(telemetry, "count", rung.append)
    with StripeConnect(deployment.now, funds={"USD": 0}) as stripe:
        creator = day.payee(stripe, AMOUNT)
        stripe.faults.append(hangs_up)
        day.run(creator)
        live(day, 6)
        payout = day.the(creator)
        assert (payout.status, payout.tries, bool(payout.key)) == ("created", 2, False)
        assert rung == ["RailPaused"]
        stripe.funds = {"USD": AMOUNT}
        rail_accounts.resumed(deployment, day.brand, "stripe_connect", if_match=None)
        live(day, 6)
        payout = day.the(creator)
        assert payout.status == "settled"
        assert stripe.movements == {payout.id: [Money(AMOUNT, "USD")]}
    assert day.sums(creator) == (0, 0, AMOUNT)


def test_a_rail_that_was_taken_away_keeps_only_its_own_payouts_waiting(day: Payday, deployment: Deployment) -> None:
    with StripeConnect(deployment.now) as stripe, PayPal(deployment.now) as paypal:
        by_paypal, by_stripe = day.payee(paypal, AMOUNT), day.payee(stripe, AMOUNT)
        day.run(by_paypal, by_stripe)
        rail_accounts.removed(deployment, day.brand, "paypal", if_match=None)
        live(day, 2)
        assert [day.the(each).status for each in (by_paypal, by_stripe)] == ["created", "settled"]
        day.set_up("paypal", paypal.settings)
        live(day, 6)
        assert day.the(by_paypal).status == "settled"


def test_what_was_sent_waits_for_the_account_that_was_taken_away(day: Payday, deployment: Deployment) -> None:
    with StripeConnect(deployment.now) as stripe:
        creator = day.payee(stripe, AMOUNT)
        stripe.faults.append(hangs_up)
        day.run(creator)
        day.until_called(creator)
        rail_accounts.removed(deployment, day.brand, "stripe_connect", if_match=None)
        live(day, 2)
        assert day.the(creator).status == "unknown"
        day.set_up("stripe_connect", stripe.settings)
        live(day, 6)
        assert day.the(creator).status == "settled"

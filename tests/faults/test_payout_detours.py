"""Payouts that do not go straight: a further try is refused, or the account at the rail is taken away under way."""

from datetime import timedelta

import pytest

from tests.payday import Payday
from tests.standins.paypal import PayPal
from tests.standins.server import hangs_up
from tests.standins.stripe_connect import StripeConnect
from vouch import telemetry
from vouch.domain.money import Money
from vouch.service import rail_accounts
from vouch.service.deployment import Deployment

AMOUNT = 2_500
HOUR = timedelta(hours=1)


def to_stripe(day: Payday, stripe: StripeConnect) -> str:
    """A creator who is paid by Stripe."""
    creator = day.creator(AMOUNT, "stripe_connect")
    stripe.accounts[day.destinations[creator].fields["account"]] = "ready"
    return creator


def live(day: Payday, hours: int) -> None:
    for _ in range(hours):
        day.work()
        day.pass_(HOUR)
        day.round()
    day.work()


def test_a_further_try_that_is_refused_waits_for_the_brand_and_is_sent_once_it_has_mended_that(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing shows that the first try moved anything, so the payout waits as if it had never been sent.

    That the brand has to mend something rings once, however often the rail is looked at.
    """
    day, rung = Payday(deployment, monkeypatch), list[str]()
    monkeypatch.setattr(telemetry, "count", rung.append)
    with StripeConnect(deployment.now, funds={"USD": 0}) as stripe:
        day.set_up("stripe_connect", stripe.settings)
        creator = to_stripe(day, stripe)
        stripe.faults.append(hangs_up)
        day.run(creator)
        live(day, 6)
        [payout] = day.payouts_of(creator)
        assert (payout.status, payout.tries, bool(payout.key)) == ("created", 2, False)
        assert rung == ["RailPaused"]
        stripe.funds = {"USD": AMOUNT}
        rail_accounts.resumed(deployment, day.brand, "stripe_connect", if_match=None)
        live(day, 6)
        [payout] = day.payouts_of(creator)
        assert payout.status == "settled"
        assert stripe.movements == {payout.id: [Money(AMOUNT, "USD")]}
    assert day.sums(creator) == (0, 0, AMOUNT)


def test_a_rail_that_was_taken_away_keeps_only_its_own_payouts_waiting(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = Payday(deployment, monkeypatch)
    with StripeConnect(deployment.now) as stripe, PayPal(deployment.now) as paypal:
        day.set_up("stripe_connect", stripe.settings)
        day.set_up("paypal", paypal.settings)
        by_paypal, by_stripe = day.creator(AMOUNT, "paypal"), to_stripe(day, stripe)
        day.run(by_paypal, by_stripe)
        rail_accounts.removed(deployment, day.brand, "paypal", if_match=None)
        live(day, 2)
        assert [day.payouts_of(each)[0].status for each in (by_paypal, by_stripe)] == ["created", "settled"]
        day.set_up("paypal", paypal.settings)
        live(day, 6)
        assert day.payouts_of(by_paypal)[0].status == "settled"


def test_what_was_sent_waits_for_the_account_that_was_taken_away(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = Payday(deployment, monkeypatch)
    with StripeConnect(deployment.now) as stripe:
        day.set_up("stripe_connect", stripe.settings)
        creator = to_stripe(day, stripe)
        stripe.faults.append(hangs_up)
        day.run(creator)
        while day.payouts_of(creator)[0].status == "created":
            day.take()
        rail_accounts.removed(deployment, day.brand, "stripe_connect", if_match=None)
        live(day, 2)
        assert day.payouts_of(creator)[0].status == "unknown"
        day.set_up("stripe_connect", stripe.settings)
        live(day, 6)
        assert day.payouts_of(creator)[0].status == "settled"

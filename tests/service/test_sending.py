"""What becomes of payouts that rails with an API are to make: each word of theirs, and who may overrule it."""

import pytest

from payouts import callback
from tests.faults.world import Context
from tests.payday import HOUR, Payday, key
from tests.standins.callbacks import Callback
from tests.standins.paypal import Fate, PayPal
from tests.standins.server import hangs_up, lost
from tests.standins.stripe_connect import StripeConnect
from vouch.domain.errors import Conflict
from vouch.domain.money import Money
from vouch.service import payouts, rail_accounts, run_cancelling, sending
from vouch.service.deployment import Deployment
from vouch.store import payouts as items
from vouch.store.vault import Owner


def test_a_brand_without_funds_is_paused_and_goes_on_once_it_says_so(day: Payday) -> None:
    with StripeConnect(day.deployment.now, funds={"USD": 100}) as stripe:
        creator, other = day.payees(stripe, [5_000, 50])
        run = day.run(creator, rail="stripe_connect")
        day.work()
        payout = day.the(creator)
        assert (payout.status, payout.reason) == ("created", "insufficient_funds")
        account = rail_accounts.account(day.deployment, day.brand.id, "stripe_connect")
        assert account.paused == "insufficient_funds"
        day.run(other, rail="stripe_connect")
        day.work()
        assert day.the(other).status == "created", "nothing is sent over a paused rail"
        stripe.funds = {"USD": 10_000}
        rail_accounts.resumed(day.deployment, day.brand, "stripe_connect", if_match=None)
        day.pass_(HOUR)
        day.round()
        day.work()
        assert (day.the(creator).status, day.the(other).status) == ("settled", "settled")
        assert stripe.movements[payout.id] == [Money(5_000, "USD")]
        keys = [attempt.key for attempt in items.attempts(day.deployment.database, day.brand.id, payout.id)]
        assert keys == [payout.id, f"{payout.id}-2"], "what Stripe refused it would refuse again under the same key"
        assert day.sums(creator) == (0, 0, 5_000)
        assert run.id == payout.run_id


def test_what_fails_for_good_is_available_again_and_says_why(day: Payday) -> None:
    with StripeConnect(day.deployment.now) as stripe:
        creator = day.payee(stripe)
        stripe.accounts[day.destinations[creator].fields["account"]] = "closed"
        day.run(creator, rail="stripe_connect")
        day.work()
        payout = day.the(creator)
        assert payout.status == "failed"
        assert payout.reason
        assert (day.sums(creator), stripe.movements) == ((5_000, 0, 0), {})


def test_another_account_at_the_rail_neither_pays_again_nor_proves_anything(day: Payday) -> None:
    """The first one paid and its answer was lost; the second has never heard of it."""
    with StripeConnect(day.deployment.now) as first, StripeConnect(day.deployment.now) as second:
        creator = day.payee(first)
        second.accounts = dict(first.accounts)
        day.call(first, creator, lost)
        assert day.the(creator).status == "unknown"
        day.set_up("stripe_connect", second.settings)
        for _ in range(30):
            day.work()
            day.pass_(HOUR)
            day.round()
        assert (day.the(creator).status, second.movements) == ("unknown", {})
        day.set_up("stripe_connect", first.settings)
        day.pass_(24 * HOUR)
        day.round()
        assert day.the(creator).status == "settled"
        assert first.movements == {day.the(creator).id: [Money(5_000, "USD")]}


def test_nobody_gives_up_what_may_still_be_paid(day: Payday) -> None:
    with StripeConnect(day.deployment.now) as stripe:
        creator = day.payee(stripe)
        day.call(stripe, creator, hangs_up, hangs_up)
        payout = day.the(creator)
        with pytest.raises(Conflict):
            sending.given_up(day.deployment, day.brand, key(), payout.id, "?", in_time=lambda: True)
        with pytest.raises(Conflict):
            payouts.settled_by_hand(day.deployment, day.brand, key(), payout.id, "TRX")
        assert day.the(creator).status == "unknown"


def test_what_waits_again_is_not_sent_once_its_run_was_cancelled(day: Payday) -> None:
    """One call got lost, the next found no funds, and the brand cancelled: then it turns out that nothing was done."""
    with StripeConnect(day.deployment.now, funds={"USD": 0}) as stripe:
        creators = day.payees(stripe, [5_000] * 2)
        stripe.faults.append(hangs_up)
        run = day.run(*creators, rail="stripe_connect")
        day.until_called(creators[0])
        assert [day.the(creator).status for creator in creators] == ["unknown", "created"]
        run_cancelling.cancelled(day.deployment, day.brand, run.id, in_time=lambda: True)
        assert [day.the(creator).status for creator in creators] == ["unknown", "failed"]
        for hour in range(30):
            day.work()
            day.pass_(HOUR)
            day.round()
            if hour in (5, 12):
                rail_accounts.resumed(day.deployment, day.brand, "stripe_connect", if_match=None)
            if hour == 10:
                stripe.funds = {"USD": 10_000}
        payout = day.the(creators[0])
        assert (payout.status, payout.reason, stripe.movements) == ("failed", "run_cancelled", {})
        assert day.sums(creators[0]) == (5_000, 0, 0)


def test_a_hold_stops_what_waits_for_a_paused_rail(day: Payday) -> None:
    """Whoever took over a creator's account gets nothing once the brand has noticed, though it was reserved before."""
    with StripeConnect(day.deployment.now, funds={"USD": 0}) as stripe:
        creator = day.payee(stripe)
        day.run(creator, rail="stripe_connect")
        day.work()
        assert day.the(creator).status == "created"
        day.hold(creator)
        stripe.funds = {"USD": 10_000}
        rail_accounts.resumed(day.deployment, day.brand, "stripe_connect", if_match=None)
        day.pass_(HOUR)
        day.round()
        day.work()
        assert (day.the(creator).status, day.the(creator).reason) == ("failed", "payouts_held")
        assert (day.sums(creator), stripe.movements) == ((5_000, 0, 0), {})


def test_a_payout_that_was_not_sent_may_be_called_off(day: Payday) -> None:
    with StripeConnect(day.deployment.now, funds={"USD": 0}) as stripe:
        creator = day.payee(stripe)
        day.run(creator, rail="stripe_connect")
        day.work()
        called_off = sending.given_up(
            day.deployment, day.brand, key(), day.the(creator).id, "not theirs", in_time=lambda: True
        )
        assert (called_off.status, day.sums(creator)) == ("failed", (5_000, 0, 0))
        assert called_off.told_by == "key_clerk"
        day.pass_(HOUR)
        day.round()
        day.work()
        assert stripe.movements == {}


def test_a_fee_is_the_brands(day: Payday) -> None:
    with PayPal(day.deployment.now, fee=31) as paypal:
        creator = day.payee(paypal)
        day.run(creator, rail="paypal")
        day.work()
        assert (day.the(creator).status, day.the(creator).fee) == ("settled", [31, "USD"])
        assert day.sums(creator) == (0, 0, 5_000)


def test_who_claims_nothing_has_it_available_again_after_thirty_days(day: Payday) -> None:
    with PayPal(day.deployment.now) as paypal:
        creator = day.payee(paypal)
        paypal.fates[day.destinations[creator].fields["email"]] = Fate("UNCLAIMED", "RECEIVER_UNREGISTERED")
        day.run(creator, rail="paypal")
        day.work()
        assert day.the(creator).status == "submitted"
        for _ in range(62):
            day.pass_(12 * HOUR)
            day.round()
            day.work()
        assert (day.the(creator).status, day.sums(creator)) == ("failed", (5_000, 0, 0))


def test_another_amount_than_ours_is_kept_with_the_payout_and_not_booked(day: Payday) -> None:
    """It is so whether nobody knew what became of the payout or it was on its way; and it is kept once."""
    with StripeConnect(day.deployment.now) as stripe, PayPal(day.deployment.now) as paypal:
        creator = day.payee(stripe)
        day.call(stripe, creator, lost)
        [transfer] = stripe.transfers.values()
        transfer["amount"] = 4_999
        day.work()
        payout = day.the(creator)
        assert (payout.status, payout.reason, payout.carried) == ("unknown", "amount_mismatch", [4_999, "USD"])
        assert payout.names == {"transfer": transfer["id"]}
        day.pass_(HOUR)
        day.round()
        assert day.the(creator).version == payout.version, "what is known already is no news"
        assert day.sums(creator) == (0, 5_000, 0)
        transfer["amount"] = 5_000
        day.pass_(HOUR)
        day.round()
        assert (day.the(creator).status, day.the(creator).carried) == ("settled", None)
        paypal.slow = True
        other = day.payee(paypal, 700)
        day.run(other, rail="paypal")
        day.work()
        assert day.the(other).status == "submitted"
        paypal.item(day.the(other).id).said["amount"]["value"] = "7.01"
        day.pass_(HOUR)
        day.round()
        payout = day.the(other)
        assert (payout.status, payout.reason, payout.carried) == ("submitted", "amount_mismatch", [701, "USD"])


def test_what_stripe_reversed_in_part_is_said_of_the_payout_and_not_booked(day: Payday) -> None:
    with StripeConnect(day.deployment.now) as stripe:
        creator = day.payee(stripe)
        day.run(creator, rail="stripe_connect")
        day.work()
        payout_id = day.the(creator).id
        for part, back in ((50, 50), (30, 80)):
            told, versions = stripe.reverse(payout_id, part), set[int]()
            for _ in range(2):
                assert day.call_back("stripe_connect", told) == 200
                day.work()
                versions.add(day.the(creator).version)
            payout = day.the(creator)
            assert (payout.status, payout.reason, payout.came_back) == ("settled", "partly_reversed", [back, "USD"])
            assert len(versions) == 1, "what is known already is no news"
            assert day.sums(creator) == (0, 0, 5_000)
        assert day.call_back("stripe_connect", stripe.reverse(payout_id)) == 200
        day.work()
        payout = day.the(creator)
        assert (payout.status, payout.reason, payout.came_back) == ("returned", "reversed", None)
        assert day.sums(creator) == (5_000, 0, 0)


def test_a_callback_that_nothing_proves_changes_nothing(day: Payday, deployment: Deployment) -> None:
    with StripeConnect(deployment.now) as stripe:
        creator = day.payee(stripe)
        day.run(creator, rail="stripe_connect")
        day.work()
        payout = day.the(creator)
        told = stripe.reverse(payout.id)
        forged = Callback({**told.headers, "Stripe-Signature": "t=1,v1=00"}, told.body)
        assert day.call_back("stripe_connect", forged) == 401
        assert day.call_back("paypal", told) == 401, "nothing of PayPal's"
        assert not day.waiting
        assert day.call_back("stripe_connect", told) == 200
        assert day.call_back("stripe_connect", told) == 200
        day.work()
        assert (day.the(creator).status, day.sums(creator)) == ("returned", (5_000, 0, 0))


def test_what_does_not_look_genuine_opens_no_secret_and_asks_nobody(
    day: Payday, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, unseal = list[Owner](), deployment.vault.open

    def unsealed(owner: Owner, sealed: str) -> str:
        opened.append(owner)
        return unseal(owner, sealed)

    monkeypatch.setattr(deployment.vault, "open", unsealed)
    with PayPal(deployment.now) as paypal:
        day.set_up("paypal", paypal.settings)
        event = b'{"event_type": "PAYMENT.PAYOUTS-ITEM.SUCCEEDED"}'
        told = paypal.signed(event)
        elsewhere = {**told.headers, "PAYPAL-CERT-URL": "https://paypal.com.example.net/cert"}
        assert day.call_back("paypal", Callback(elsewhere, event)) == 401
        assert day.call_back("paypal", Callback({}, event)) == 401
        assert (opened, paypal.asked) == ([], [])
        assert day.call_back("paypal", told) == 200
        assert opened == [Owner(day.brand.id, "rail_account", "paypal")]
        assert len(paypal.asked) == 2


def test_a_callback_is_a_post_of_a_bounded_size(day: Payday) -> None:
    asked = {"headers": {}, "pathParameters": {"rail": "paypal", "brand_id": day.brand.id}, "body": "x" * 300_000}
    for method, status in [("GET", 405), ("POST", 413)]:
        event = {**asked, "requestContext": {"http": {"method": method}}}
        assert callback.handler(event, Context())["statusCode"] == status

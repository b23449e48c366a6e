"""A sealed text that somebody moves to another row pays nobody, proves nothing and calls nobody."""

import pytest

from tests.faults.world import World
from tests.payday import DAY, HOUR, SEPA, Payday, key
from tests.standins.paypal import PayPal
from tests.standins.server import hangs_up, lost
from tests.standins.stripe_connect import StripeConnect
from vouch.service import (
    payees,
    payout_runs,
    payouts,
    platform_accounts,
    rail_accounts,
    run_files,
    sending,
)
from vouch.service.deployment import Deployment
from vouch.store import connections
from vouch.store import rail_accounts as stored_accounts
from vouch.store.tables import PayoutItem
from vouch.store.vault import Misplaced


def test_whoever_has_another_creators_method_in_their_row_is_not_paid_by_it_and_all_others_are(
    day: Payday, deployment: Deployment
) -> None:
    with PayPal(deployment.now) as paypal:
        noa, thief = day.payees(paypal, [5_000, 7_000])
        methods = {creator: payees.method(deployment, day.brand, creator) for creator in (noa, thief)}
        methods[thief].sealed = methods[noa].sealed
        methods[thief].save()
        run = day.run(noa, thief, rail="paypal")
        day.work()
        page = payout_runs.outcomes(deployment, day.run_now(run.id), day.brand, cursor=None)
        assert {each.creator_id: each.skipped for each in page.items} == {noa: None, thief: "not_readable"}
        assert [payout.status for payout in day.payouts_of(noa)] == ["settled"]
        assert not day.payouts_of(thief)


@pytest.mark.parametrize("moved", ["before it is reserved", "before the file is written"])
def test_whoever_has_another_ones_method_is_in_no_file_and_all_others_are(day: Payday, moved: str) -> None:
    day.set_up("sepa", SEPA)
    noa, thief = day.creator(5_000, "sepa"), day.creator(7_000, "sepa")
    methods = {creator: payees.method(day.deployment, day.brand, creator) for creator in (noa, thief)}
    if moved == "before it is reserved":
        methods[thief].sealed = methods[noa].sealed
        methods[thief].save()
    run = day.reserved(noa, thief, rail="csv")
    if moved != "before it is reserved":
        of_thief = day.the(thief)
        of_thief.to = methods[noa].sealed
        of_thief.save()
    day.work()
    assert day.run_now(run.id).status == "completed"
    of_noa, of_thief = day.the(noa), day.the(thief)
    assert (of_noa.status, of_thief.status, of_thief.reason) == ("submitted", "failed", "not_readable")
    content = run_files.file(day.deployment, day.brand, run.id, None, None, None).file.content.decode()
    assert of_noa.id in content
    assert of_thief.id not in content
    assert (day.sums(noa), day.sums(thief)) == ((0, 5_000, 0), (7_000, 0, 0))


def test_a_payout_keeps_to_its_own_creators_destination(day: Payday, deployment: Deployment) -> None:
    with PayPal(deployment.now) as paypal:
        noa, dan = day.payees(paypal, [5_000, 7_000])
        day.run(noa, dan, rail="paypal")
        of_noa, of_dan = day.the(noa), day.the(dan)
        payment = payouts.payment(deployment, day.brand, {}, of_noa)
        assert payment is not None
        assert payment.destination == day.destinations[noa]
        of_noa.to = of_dan.to
        assert payouts.payment(deployment, day.brand, {}, of_noa) is None


def _elsewhere(day: Payday, creator: str, thief: str) -> PayoutItem:
    """The creator's payout, in whose row another one's destination lies from now on."""
    payout = day.the(creator)
    payout.to = payees.method(day.deployment, day.brand, thief).sealed
    payout.save()
    return payout


def test_what_was_sent_is_looked_after_though_nobody_can_read_any_more_where_it_went(
    day: Payday, deployment: Deployment
) -> None:
    with StripeConnect(deployment.now) as stripe:
        noa, thief = day.payees(stripe, [5_000, 7_000])
        day.call(stripe, noa, lost)
        assert _elsewhere(day, noa, thief).status == "unknown"
        day.work()
        assert [payout.status for payout in day.payouts_of(noa)] == ["settled"]
        assert day.sums(noa) == (0, 0, 5_000)


def test_what_was_not_sent_fails_where_nobody_can_read_where_it_would_go(day: Payday, deployment: Deployment) -> None:
    with PayPal(deployment.now) as paypal:
        noa, thief = day.payees(paypal, [5_000, 7_000])
        day.run(noa, rail="paypal")
        assert _elsewhere(day, noa, thief).status == "created"
        day.work()
        assert [(payout.status, payout.reason) for payout in day.payouts_of(noa)] == [("failed", "not_readable")]
        assert (day.sums(noa), paypal.movements) == ((5_000, 0, 0), {})


def test_what_may_have_been_sent_is_not_sent_again_where_nobody_can_read_where_it_went(
    day: Payday, deployment: Deployment
) -> None:
    """PayPal would find it by the same call alone; so it waits, and a person's word ends it."""
    with PayPal(deployment.now) as paypal:
        noa, thief = day.payees(paypal, [5_000, 7_000])
        day.call(paypal, noa, hangs_up)
        payout = _elsewhere(day, noa, thief)
        for _ in range(3):
            day.work()
            day.pass_(12 * HOUR)
            day.round()
        assert [(each.status, each.tries) for each in day.payouts_of(noa)] == [("unknown", 1)]
        day.pass_(30 * DAY)
        by, brand = key(), day.brand
        ended = sending.given_up(deployment, brand, by, payout.id, "never arrived", in_time=lambda: True)
        assert (ended.status, day.sums(noa), paypal.movements) == ("failed", (5_000, 0, 0), {})


def test_an_account_at_one_rail_is_none_at_another(day: Payday, deployment: Deployment) -> None:
    with PayPal(deployment.now) as paypal:
        day.set_up("paypal", paypal.settings)
    item, other = (stored_accounts.account(deployment.database, day.brand.id, rail) for rail in ("paypal", "sepa"))
    other.sealed = item.sealed
    other.save()
    with pytest.raises(Misplaced, match="rail_account of sepa"):
        rail_accounts.opened(deployment, day.brand.id, "sepa")


def test_each_secret_of_a_connection_is_that_one_of_that_connection(world: World) -> None:
    item = connections.connection(world.deployment.database, world.brand_id, world.connection_id)
    assert item is not None
    item.details = {"verify_token": world.sealed("verify_token", "word"), "api_token": world.sealed("api_token", "key")}
    known = platform_accounts.caller(world.deployment, item)
    assert (known.verify_token, known.api_token) == ("word", "key")
    item.details = {"verify_token": item.details["api_token"]}
    with pytest.raises(Misplaced, match=f"verify_token of {world.connection_id}"):
        platform_accounts.account(world.deployment, item)
    item.details, item.secrets = {}, [[world.sealed("api_token", "key"), None]]
    with pytest.raises(Misplaced, match=f"webhook_secret of {world.connection_id}"):
        platform_accounts.secrets(world.deployment, item)

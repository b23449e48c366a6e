"""Payouts by a rail with an API, over HTTP: what a brand, and who has which scope, may say of them."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.fixtures import Clock
from tests.functions.client import Client
from tests.functions.conftest import APIS, balance, earned, run
from tests.functions.setting_up import Shop
from tests.standins.paypal import PayPal
from vouch.service.deployment import Deployment


def handed_to_paypal(shop: Shop, paypal: PayPal) -> tuple[Client, str]:
    """A run of one payout by PayPal, which nobody has sent yet."""
    api = earned(shop)
    assert api.send("PUT", "/v1/payout_rails/paypal", {"settings": paypal.settings}).status == 200
    method = {"type": "paypal", "email": "noa@example.com"}
    assert api.send("PUT", f"/v1/creators/{shop.creator}/payout_method", method).status == 200
    run(api, rail="paypal")
    [payout] = api.get("/v1/payouts").body["items"]
    assert payout["status"] == "created"
    return api, f"/v1/payouts/{payout['id']}"


@pytest.mark.parametrize("method, more", [("PUT", {"withholding_bps": 0}), ("PATCH", {})])
def test_a_hold_has_what_was_not_sent_looked_at_at_once(
    shop: Shop, deployment: Deployment, work: Callable[[], None], method: str, more: dict[str, int]
) -> None:
    """It does not wait for the next try, before which the hold may be gone again."""
    with PayPal(deployment.now) as paypal:
        api, path = handed_to_paypal(shop, paypal)
        waiting = deployment.sqs.sent[deployment.settings.pay_queue_url]
        waiting.clear()
        for held, looks in ((False, 0), (True, 1)):
            assert api.send(method, f"/v1/creators/{shop.creator}/payee", {"held": held} | more).status == 200
            assert len(waiting) == looks
        work()
        assert (api.get(path).body["status"], api.get(path).body["reason"]) == ("failed", "payouts_held")
        assert (balance(api, shop)["available"], paypal.asked) == (5_000, [])


def test_what_a_rail_never_told_is_said_by_who_may_adjust_and_it_is_kept_who_that_was(
    shop: Shop, deployment: Deployment, clock: Clock, work: Callable[[], None]
) -> None:
    with PayPal(deployment.now) as paypal:
        paypal.slow = True
        api, path = handed_to_paypal(shop, paypal)
        work()
        assert api.get(path).body["status"] == "submitted"
        assert api.post(f"{path}/settle", {"reference": "TX 1"}).code == "payout_told_by_rail"
        assert api.delete("/v1/payout_rails/paypal").status == 200
        assert api.post(f"{path}/settle", {"reference": "TX 1"}).code == "payout_told_by_rail"
        clock.pass_(timedelta(days=40))
        may = ["payouts:read", "payouts:write", "adjustments:write"]
        keys_of = [shop.brand.made("/v1/keys", {"name": "Desk", "scopes": scopes}) for scopes in (may[:2], may)]
        clerk, bookkeeper = (Client(APIS["payouts"], each["api_key"]) for each in keys_of)
        for word in (f"{path}/settle", f"{path}/fail"):
            refused = clerk.post(word, {"reference": "TX 1"} if word.endswith("settle") else {"reason": "Not there"})
            assert (refused.status, refused.code) == (403, "scope_missing")
        settled = bookkeeper.post(f"{path}/settle", {"reference": "TX 1"}).body
        assert (settled["status"], settled["reference"], settled["told_by"]) == ("settled", "TX 1", keys_of[1]["id"])
        assert bookkeeper.post(f"{path}/settle", {"reference": "TX 1"}).status == 200
        assert bookkeeper.post(f"{path}/settle", {"reference": "TX 2"}).code == "payout_told_by_rail"
        assert balance(api, shop)["paid"] == 5_000
        assert api.get("/v1/ledger/verify").body["violations"] == []

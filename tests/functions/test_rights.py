"""What a function needs only now and then is granted to it too: every test watches its handlers (`tests.rights`)."""

from datetime import timedelta
from typing import get_args

import pytest

from attribution import settle, wake
from payouts import fold
from tests import books
from tests.books import NOA, entry, post
from tests.faults.shop import Sale, incompressible
from tests.faults.world import Context, World, event, functions, record, take
from tests.fixtures import NOON
from tests.functions.client import Client
from tests.functions.conftest import APIS, NewBrand
from tests.payday import Payday
from tests.rights import Asked, allowed, granted
from tests.standins.server import lost
from tests.standins.stripe_connect import StripeConnect
from vouch.domain import ids
from vouch.service.deployment import Deployment
from vouch.store import balances, inbox, ledger, orders, products, registers
from vouch.store.inbox import Door
from vouch.store.tables import Brand
from vouch.store.vault import Purpose

PLACED = NOON - timedelta(hours=1)
HOUR = "2026-05-04T12:00:00.000000Z"
BRAND = ids.derived("brd_", "brand")


def due(deployment: Deployment, brand_id: str, *ahead: timedelta) -> None:
    """Entries of a creator, and their days noted."""
    brand = Brand(brand_id, "BRAND", id=brand_id)
    for each in ahead:
        post(brand, entry(100, now=NOON, ahead=each))
    books.note_due(deployment, brand)


def large(world: World) -> str:
    """A message about a stored delivery that no item holds."""
    sale = Sale(1, PLACED, codes=["NOA10"])
    sale.body["note"] = incompressible(650_000)
    webhook = sale.paid()
    assert world.post(webhook)["statusCode"] == 200
    stored = world.stored(webhook)
    assert "body" not in stored
    return f'{{"delivery": ["{stored["pk"]["S"]}", "{stored["sk"]["S"]}"], "tries": 0}}'


def test_what_is_asked_is_seen(world: World, within_its_rights: set[Asked]) -> None:
    world.post(Sale(1, PLACED).paid())
    asked = {(each.function, each.action, each.resource) for each in within_its_rights}
    assert asked == {
        ("IngestFunction", "dynamodb:GetItem", "MainTable"),
        ("IngestFunction", "dynamodb:PutItem", "InboxTable"),
        ("IngestFunction", "kms:Decrypt", "VaultKey"),
    }
    assert {each.key for each in within_its_rights if each.resource == "VaultKey"} == {"webhook_secret"}


@pytest.mark.parametrize(
    "asked, granted",
    [
        (Asked("WakeFunction", "dynamodb:Query", "InboxTable/index/gsi1"), True),
        (Asked("WakeFunction", "dynamodb:Query", "InboxTable"), False),
        (Asked("IngestFunction", "dynamodb:Query", "InboxTable/index/gsi1"), False),
        (Asked("WakeFunction", "dynamodb:DeleteItem", "MainTable", inbox.parked_key(BRAND)), True),
        (Asked("WakeFunction", "dynamodb:DeleteItem", "MainTable", orders.order_key(BRAND, "ord_1")), False),
        (Asked("WakeFunction", "dynamodb:DeleteItem", "MainTable", products.key(BRAND, "x#PARK")[1]), False),
        (Asked("StandingsFunction", "dynamodb:PutItem", "MainTable", registers.key(BRAND, "customer:maya")[1]), True),
        (Asked("StandingsFunction", "dynamodb:PutItem", "MainTable", orders.order_key(BRAND, "ord_1")), False),
        (Asked("StandingsFunction", "dynamodb:PutItem", "MainTable", products.key(BRAND, "x#U#y")[1]), False),
        (Asked("StandingsFunction", "sqs:SendMessage", "WakeQueue"), False),
        (Asked("SpreadFunction", "sqs:SendMessage", "WakeQueue"), False),
        (Asked("SpreadFunction", "dynamodb:DeleteItem", "MainTable", inbox.parked_key(BRAND)), False),
        (Asked("SpreadFunction", "s3:GetObject", "BodiesBucket/*"), False),
        (Asked("WakeFunction", "dynamodb:PutItem", "LedgerTable"), True),
        (Asked("WakeFunction", "dynamodb:PutItem in place of another", "LedgerTable"), False),
        (Asked("WakeFunction", "dynamodb:PutItem in place of another", "MainTable"), True),
    ],
)
def test_a_right_is_one_action_on_one_resource(asked: Asked, granted: bool) -> None:
    assert allowed(asked) is granted


CONNECTIONS: set[Purpose] = {"webhook_secret", "verify_token", "api_token"}
WORK_WITH: dict[tuple[str, str], set[str]] = {
    ("ReferralsApi", "kms:Encrypt"): {*CONNECTIONS},
    ("ReferralsApi", "kms:Decrypt"): {"webhook_secret"},
    ("IngestFunction", "kms:Decrypt"): {"webhook_secret", "verify_token"},
    ("FetchFunction", "kms:Decrypt"): {*CONNECTIONS},
    ("PayoutsApi", "kms:Encrypt"): {"payout_method", "tax_id", "rail_account"},
    **{
        (name, action): purposes
        for name in ("PayoutsApi", "PayFunction", "RoundsFunction")
        for action, purposes in (
            ("kms:Decrypt", {"payout_method", "rail_account", "FilesBucket"}),
            ("kms:GenerateDataKey", {"FilesBucket"}),
        )
    },
    ("CallbackFunction", "kms:Decrypt"): {"rail_account"},
    ("AnnounceFunction", "kms:Encrypt"): {"mail_address"},
    ("MailFunction", "kms:Decrypt"): {"mail_address", "payout_method"},
}
"""All that functions may do with the vault's key, and for what."""


@pytest.mark.parametrize("function", sorted(granted()))
def test_nobody_opens_or_seals_what_they_do_not_work_with(function: str) -> None:
    """Whoever takes webhooks opens no payout method, whoever pays no connection, and nobody at all a tax id."""
    for action in ("kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom"):
        purposes = {*get_args(Purpose), "FilesBucket", "BodiesBucket", ""}
        may = {each for each in purposes if allowed(Asked(function, action, "VaultKey", each))}
        assert may == WORK_WITH.get((function, action), set()), action


def test_settle_in_a_test_brand_that_waits_for_a_click(deployment: Deployment) -> None:
    with functions(deployment):
        world = World(deployment, mode="test").build()
        webhook = Sale(1, PLACED, click_ids=[world.click("dan", NOON, recorded=False)]).paid()
        world.post(webhook)
        settle.handler({"Records": [record(world.stored(webhook))]}, Context())
        assert len(take(deployment)) == 1


def test_wake_with_a_large_body_and_a_second_pass_that_has_to_go_on(world: World) -> None:
    assert world.wake(large(world)) == {"batchItemFailures": []}
    assert world.order("1").version == 1
    asked = event("wake")
    asked["Records"][0]["body"] = f'{{"second_pass": ["{HOUR}", 0, null]}}'
    assert wake.handler(asked, Context(lambda: 0)) == {"batchItemFailures": []}
    assert len(take(world.deployment)) == 1
    for shard in range(inbox.HOUR_SHARDS):
        assert world.wake(f'{{"second_pass": ["{HOUR}", {shard}, null]}}') == {"batchItemFailures": []}


def test_second_pass_over_a_large_body(world: World) -> None:
    large(world)
    assert world.second_pass(0) == {"applied": 1}


def test_fold_and_the_days_that_have_passed(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fold, "deployment", lambda: deployment)
    brand = books.open_books(deployment)
    due(deployment, brand.id, timedelta(0))
    later = NOON + timedelta(days=1)
    deployment.now = lambda: later
    fold.handler({}, Context(lambda: 300_000))
    assert balances.read(deployment.database, brand.id, NOA).of("ILS").available == 100


def test_a_clock_that_is_moved_once_over_what_matures_meanwhile(deployment: Deployment, new_brand: NewBrand) -> None:
    brand = new_brand(mode="test")
    due(deployment, brand.brand_id, timedelta(0), timedelta(days=3))
    clock = Client(APIS["payouts"], brand.key)
    for _ in range(2):
        moved = clock.post("/v1/test_clock", {"now": "2026-05-09T12:00:00Z"}, idempotency_key="once")
        assert (moved.status, moved.body["folded"]) == (200, True)
    assert balances.read(deployment.database, brand.brand_id, NOA).of("ILS").available == 200
    assert list(ledger.everything(deployment.database, brand.brand_id, NOA))


def test_a_payout_from_the_queue_to_a_callback(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, within_its_rights: set[Asked]
) -> None:
    day = Payday(deployment, monkeypatch)
    with StripeConnect(deployment.now) as stripe:
        day.set_up("stripe_connect", stripe.settings)
        creator = day.creator(2500, "stripe_connect")
        [account] = [day.destinations[creator].fields["account"]]
        stripe.accounts[account] = "ready"
        stripe.faults.append(lost)
        day.run(creator)
        while day.payouts_of(creator)[0].status != "unknown":
            day.take()
        assert day.call_back("stripe_connect", stripe.callbacks[0]) == 200
        day.pass_(timedelta(hours=1))
        day.round()
        day.work()
    assert day.payouts_of(creator)[0].status == "settled"
    running = {each.function for each in within_its_rights}
    assert running == {"PayFunction", "CallbackFunction", "RoundsFunction"}


def test_a_redrive_of_what_its_platform_has_yet_to_tell(deployment: Deployment, new_brand: NewBrand) -> None:
    brand = new_brand()
    door = Door(brand.brand_id, "live", "rest")
    item = inbox.delivery(door, {}, b"{}", platform_delivery_id="1", subject="order", kept=(), now=NOON)
    inbox.put(deployment.database, lambda: deployment.s3, item)
    inbox.park(deployment.database, item, reason="awaiting_platform", detail="503", now=NOON, asked=True, chain="try_1")
    assert Client(APIS["attribution"], brand.key).post(f"/v1/deliveries/{item.sk}/redrive").status == 200
    note = inbox.parked(deployment.database, brand.brand_id, item.sk, asked=True)
    assert note is not None
    assert note.chain is None

"""Settling: what ends how, what is tried again, and what waits for a person."""

from datetime import timedelta
from typing import Any

import pytest

from tests.faults.injection import injected
from tests.faults.shop import Sale
from tests.faults.world import World, cold_start, functions, later, take
from tests.fixtures import NOON
from tests.wire import Wire, answered
from vouch.domain import times
from vouch.domain.errors import NotFound, Unavailable
from vouch.domain.facts import Decision, Verdict
from vouch.service import deliveries, orders
from vouch.service.deliveries import Outcome
from vouch.service.deployment import Deployment
from vouch.service.orders import Target
from vouch.store import database as requests
from vouch.store import inbox
from vouch.store import orders as store
from vouch.store.secrets import Secrets
from vouch.store.tables import Delivery

PLACED = NOON - timedelta(days=1)
CONFLICT = {
    "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
    "CancellationReasons": [{"Code": "TransactionConflict"}],
}


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "_PAUSE_MAX", 0.01)


@pytest.fixture
def sale() -> Sale:
    return Sale(1, PLACED, codes=["NOA10"])


def stored(world: World, webhook: Any) -> Delivery:
    world.post(webhook)
    return Delivery.from_raw_data(world.stored(webhook))


def settle(world: World, webhook: Any) -> Outcome:
    return deliveries.settle_delivery(world.deployment, stored(world, webhook))


def test_delivery_is_applied_once_and_unchanged_ever_after(world: World, sale: Sale) -> None:
    webhook = sale.paid()
    assert settle(world, webhook) == Outcome("applied", world.order_id("1"))
    assert settle(world, webhook) == Outcome("unchanged", world.order_id("1"))
    assert settle(world, sale.edited(PLACED + timedelta(hours=1), 0, 1)).ending == "applied"
    assert settle(world, webhook).ending == "unchanged"
    assert world.order("1").version == 2


def test_topic_without_money_is_ignored_with_its_reason(world: World, sale: Sale) -> None:
    body = sale.paid()
    assert settle(world, type(body)("orders/edited", body.body, "d", NOON)) == Outcome("ignored", None, "order_edit")


def test_conflicts_are_waited_out_and_a_storm_is_raised(
    world: World, sale: Sale, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook = sale.paid()
    delivery = stored(world, webhook)
    wire = Wire(monkeypatch)
    wire.faults["TransactWriteItems"] = answered(400, CONFLICT)
    with pytest.raises(Unavailable):
        deliveries.settle_delivery(world.deployment, delivery)
    assert world.standing("1") is None
    wire.faults.clear()
    assert deliveries.settle_delivery(world.deployment, delivery).ending == "applied"


def test_races_that_outlast_the_tries_are_raised(world: World, sale: Sale, monkeypatch: pytest.MonkeyPatch) -> None:
    delivery = stored(world, sale.paid())
    tries: list[int] = []

    def refuse(_: Any) -> None:
        tries.append(1)
        raise requests.Refused([])

    monkeypatch.setattr(world.deployment.database, "commit", refuse)
    with pytest.raises(Unavailable):
        deliveries.settle_delivery(world.deployment, delivery)
    assert len(tries) == 12


def test_transaction_lost_after_taking_effect_and_redelivered_an_hour_later_is_one_entry(
    deployment: Deployment, sale: Sale
) -> None:
    with injected(deployment) as faults, functions(deployment):
        world = World(deployment).build()
        webhook = sale.paid()
        delivery = stored(world, webhook)
        with faults.breaking(0, ""):
            deliveries.settle_delivery(deployment, delivery)
        calls = faults.calls
        assert calls[-1] == "TransactWriteItems"
        sale = Sale(2, PLACED, codes=["NOA10"])
        delivery = stored(world, sale.paid())
        cold_start(deployment)
        with faults.breaking(len(calls) - 1, "fails after"), pytest.raises(requests.FAILURES):
            deliveries.settle_delivery(deployment, delivery)
        later(deployment, timedelta(hours=1))
        assert deliveries.settle_delivery(deployment, delivery).ending == "unchanged"
        assert len(world.books("2")[1]) == 1
        assert world.books("1")[0] == world.books("2")[0]


def test_what_dynamodb_can_never_store_is_parked_and_keeps_nobody_waiting(
    world: World, sale: Sale, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "summary", lambda *_: {"status": "x" * 3_000_000})
    monkeypatch.setattr(store, "_packed", lambda *lines: "\n".join(lines).encode())
    assert settle(world, sale.paid()).reason == "defect"
    assert [note.reason for note in world.parked()] == ["defect"]


def test_defect_of_ours_is_parked_and_redriven_once_it_is_mended(
    world: World, sale: Sale, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook = sale.paid()
    with monkeypatch.context() as broken:
        broken.setattr(deliveries, "read", lambda *_: 1 // 0)
        outcome = settle(world, webhook)
    assert (outcome.ending, outcome.reason) == ("parked", "defect")
    assert "ZeroDivisionError" in (outcome.detail or "")
    [note] = world.parked()
    assert deliveries.redrive(world.deployment, world.brand_id, note.delivery_id) == Outcome(
        "applied", world.order_id("1")
    )
    assert world.parked() == []
    with pytest.raises(NotFound):
        deliveries.redrive(world.deployment, world.brand_id, note.delivery_id)


def test_note_goes_with_the_second_pass_that_settles_after_all(
    world: World, sale: Sale, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(deliveries, "read", lambda *_: 1 // 0)
        settle(world, sale.paid())
        [first] = world.parked()
        later(world.deployment, timedelta(minutes=30))
        assert world.second_pass(1) == {"parked": 1}
    [note] = world.parked()
    assert note.parked_at == first.parked_at
    assert capsys.readouterr().out.count("DeliveryParked") == 2, "one line of EMF names it twice"
    assert world.second_pass(1) == {"applied": 1}
    assert world.parked() == []


def defective(world: World, webhook: Any, patch: pytest.MonkeyPatch) -> Delivery:
    """A delivery that was parked for a fault of ours, which is mended now."""
    delivery = stored(world, webhook)
    with patch.context() as broken:
        broken.setattr(deliveries, "read", lambda *_: 1 // 0)
        assert deliveries.settle_delivery(world.deployment, delivery).ending == "parked"
    assert len(world.parked()) == 1
    return delivery


def test_note_goes_with_the_delayed_queue_that_settles_after_all(
    world: World, sale: Sale, monkeypatch: pytest.MonkeyPatch
) -> None:
    defective(world, sale.paid(), monkeypatch)
    commit = world.deployment.database.commit

    def unanswered(writes: Any) -> None:
        commit(writes)
        raise Unavailable

    with monkeypatch.context() as lost:
        lost.setattr(world.deployment.database, "commit", unanswered)
        assert world.second_pass(1) == {"put_off": 1}
    [message] = take(world.deployment)
    assert deliveries.wake(world.deployment, message, in_time=lambda: True) == {"unchanged": 1}
    assert world.parked() == []


def test_note_goes_where_another_delivery_has_told_the_same(
    world: World, sale: Sale, monkeypatch: pytest.MonkeyPatch
) -> None:
    defective(world, sale.paid(), monkeypatch)
    world.deliver(sale.edited(NOON, 0, 1))
    assert world.second_pass(1) == {"unchanged": 2}
    assert world.parked() == []


def test_note_that_somebody_removed_meanwhile_does_not_come_back(
    world: World, sale: Sale, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivery = defective(world, sale.paid(), monkeypatch)
    read = inbox.parked

    def removed_meanwhile(*asked: Any, **which: Any) -> Any:
        note = read(*asked, **which)
        inbox.unpark(world.deployment.database, delivery)
        return note

    with monkeypatch.context() as broken:
        broken.setattr(deliveries, "read", lambda *_: 1 // 0)
        broken.setattr(inbox, "parked", removed_meanwhile)
        deliveries.settle_delivery(world.deployment, delivery)
    assert world.parked() == []


@pytest.mark.parametrize("secret", ["", "{}", "no json"])
def test_secret_that_cannot_be_read_parks_no_delivery(
    world: World, sale: Sale, monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    delivery = stored(world, sale.paid())
    with monkeypatch.context() as rotated:
        rotated.setattr(Deployment, "secrets", property(lambda _: Secrets.of(secret)))
        with pytest.raises(ValueError):  # noqa: PT011 - whatever it says
            deliveries.settle_delivery(world.deployment, delivery)
    assert world.parked() == []
    assert deliveries.settle_delivery(world.deployment, delivery).ending == "applied"


def test_redriven_delivery_that_is_still_wrong_stays_parked(world: World) -> None:
    sale = Sale(1, PLACED)
    sale.body["currency"] = "gold"
    world.deliver(sale.paid())
    [note] = world.parked()
    outcome = deliveries.redrive(world.deployment, world.brand_id, note.delivery_id)
    assert (outcome.ending, outcome.reason) == ("parked", "unknown_currency")
    assert len(world.parked()) == 1


def test_note_of_a_delivery_that_expired_stays(world: World) -> None:
    sale = Sale(1, PLACED)
    sale.body["currency"] = "gold"
    webhook = sale.paid()
    world.deliver(webhook)
    Delivery.from_raw_data(world.stored(webhook)).delete()
    [note] = world.parked()
    outcome = deliveries.redrive(world.deployment, world.brand_id, note.delivery_id)
    assert outcome == Outcome("parked", reason="expired")
    assert len(world.parked()) == 1


def test_order_waits_for_a_young_clicks_record_but_not_for_ever(world: World, sale: Sale) -> None:
    click = world.click("dan", NOON, recorded=False)
    sale.body["note_attributes"] = [{"name": "ref", "value": click}]
    delivery = stored(world, sale.paid())
    for _ in range(3):
        waits = deliveries.settle_delivery(world.deployment, delivery)
        assert waits == Outcome("deferred", world.order_id("1"), "awaiting_click")
        later(world.deployment, timedelta(minutes=5))
    sent = world.deployment.sqs.sent[world.deployment.settings.wake_queue_url]
    assert [message["DelaySeconds"] for message in sent] == [60, 60, 60]
    endings = [deliveries.wake(world.deployment, body, in_time=lambda: True) for body in take(world.deployment)]
    assert endings == [{"applied": 1}, {"unchanged": 1}, {"unchanged": 1}]
    assert [touch.creator_id for touch in world.order("1").context.touches[f"click:{click}"]] == [world.creators["dan"]]


def test_woken_delivery_that_expired_has_nothing_left_to_say(world: World) -> None:
    assert (
        deliveries.wake(
            world.deployment, '{"delivery": ["brd_1#D#con_1#1", "dlv_1"], "tries": 0}', in_time=lambda: True
        )
        == {}
    )


def test_test_brand_posts_at_its_own_clock(deployment: Deployment, sale: Sale) -> None:
    with functions(deployment):
        world = World(deployment, mode="test").build()
        world.brand.clock = times.text(NOON + timedelta(days=40))
        world.brand.save()
        sale.body["test"] = True
        world.deliver(sale.paid())
    [entry] = world.entries()[world.order_id("1")]
    assert (entry.posted_at, entry.position) == (NOON + timedelta(days=40), NOON + timedelta(days=40))


def test_test_order_of_a_live_brand_earns_nothing(world: World, sale: Sale) -> None:
    sale.body["test"] = True
    world.deliver(sale.paid())
    assert world.entries() == {}
    assert world.order("1").summary["reason"] == "test_order"


def test_late_difference_may_be_paid_from_the_moment_of_its_posting(world: World, sale: Sale) -> None:
    world.deliver(sale.paid())
    later(world.deployment, timedelta(days=30))
    world.deliver(sale.refunded(PLACED + timedelta(hours=1), [(0, 1)])[0])
    first, second = sorted(world.entries()[world.order_id("1")], key=lambda entry: entry.posted_at)
    assert first.position == times.ceil_hour(PLACED + timedelta(days=14))
    assert second.position == NOON + timedelta(days=30)


def test_hold_moves_what_was_earned_and_its_end_moves_it_back(world: World, sale: Sale) -> None:
    world.deliver(sale.paid())
    target = Target(world.brand_id, "live", world.connection_id, "1")
    noa, at = world.creators["noa"], NOON
    earned = world.books("1")[0][noa, "earned", "USD"]
    stages: list[tuple[Verdict, str | None]] = [("hold", "held"), ("approve", "earned"), ("reject", None)]
    for verdict, part in stages:
        at += timedelta(minutes=1)
        decision = Decision(f"dec_{verdict}", at, verdict, "somebody", "because")
        assert orders.apply(world.deployment, target, [decision])
        assert world.books("1")[0] == ({(noa, part, "USD"): earned} if part else {})
        assert not orders.apply(world.deployment, target, [decision])
    world.assert_invariants()


def test_program_of_the_first_connection_holds_for_the_order(world: World, sale: Sale) -> None:
    delivery = stored(world, sale.paid())
    delivery.program_id = world.press
    deliveries.settle_delivery(world.deployment, delivery)
    assert world.order("1").context.only_program == world.press
    assert world.order("1").summary["reason"] == "no_credit"


def test_connection_that_is_limited_later_takes_nothing_back(world: World, sale: Sale) -> None:
    world.deliver(sale.paid())
    before = world.books("1")
    later_word = stored(world, sale.edited(PLACED + timedelta(hours=1), 0, 1))
    later_word.program_id = world.press
    assert deliveries.settle_delivery(world.deployment, later_word).ending == "applied"
    assert world.order("1").context.only_program is None
    assert world.order("1").summary["commissions"][0]["creator_id"] == world.creators["noa"]
    assert sum(before[0].values()) > sum(world.books("1")[0].values()) > 0, "an item fewer, nothing else"


def test_refund_before_its_order_pins_nothing_of_its_connection(world: World, sale: Sale) -> None:
    sale.paid()
    early = stored(world, sale.refunded(PLACED + timedelta(hours=1), [(0, 1)])[0])
    early.program_id = world.press
    assert deliveries.settle_delivery(world.deployment, early).ending == "applied"
    assert settle(world, sale.paid()).ending == "applied"
    assert world.order("1").context.only_program is None
    assert world.books("1")[0]


def test_customers_number_names_nobody_behind_another_door(world: World) -> None:
    named = [("shopify", "con_a"), ("shopify", "con_b"), ("rest", "con_a"), ("rest", None)]
    doors = [deliveries.pseudonym(world.deployment, world.brand_id, *names) for names in named]
    assert len({door.by_id("7") for door in doors}) == len(doors)
    by_mail = world.deployment.secrets.pseudonym(world.brand_id, "email:noa@example.com")
    assert {door.by_mail("noa@example.com") for door in doors} == {by_mail}


def test_creator_whom_the_shop_forgets_is_still_the_buyer(world: World, sale: Sale) -> None:
    sale.body |= {"contact_email": "noa@example.com"}
    paid = sale.paid()
    sale.body |= {"email": "", "contact_email": None, "customer": None}
    forgotten = sale.recoded(PLACED + timedelta(days=1), ["NOA10"])
    for webhook in (forgotten, paid, forgotten):
        world.deliver(webhook)
    assert world.order("1").summary["reason"] == "no_credit"
    assert world.books("1")[0] == {}


def test_audit_tells_an_order_that_does_not_settle_as_it_is_posted(world: World, sale: Sale) -> None:
    world.deliver(sale.paid())
    order_id = world.order_id("1")
    assert orders.audit(world.deployment, world.brand, order_id) == []
    assert orders.audit(world.deployment, world.brand, "ord_none")[0][0] == "I5"

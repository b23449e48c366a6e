"""Deliveries of orders that are dated ahead: they wait for the volume of a period that is not over, for three days."""

import json
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from itertools import count
from typing import Any, override

import pytest

from tests.faults.injection import KINDS, Died, Faults, forget, injected, kinds
from tests.faults.shop import Sale
from tests.faults.world import Webhook, World, cold_start, functions
from vouch.domain import times
from vouch.service import deliveries
from vouch.service.deliveries import Outcome
from vouch.service.deployment import Deployment
from vouch.service.evidence import ClickOnItsWay
from vouch.service.queues import TRIES_MAX
from vouch.store.tables import Delivery, TermsVersion

APRIL = datetime(2026, 4, 30, tzinfo=UTC)
PLACED = datetime(2026, 5, 3, tzinfo=UTC)
"""By then the volume of April counts, which is known from one o'clock of May's first day on."""
TIERS = {"period": "month", "measure": "orders", "levels": [{"from": 0, "bps": 1500}]}


class AheadOfTime(World):
    """A test brand whose clock stands in April, and whose terms have tiers."""

    def __init__(self, deployment: Deployment, name: str = "brand") -> None:
        super().__init__(deployment, name, mode="test")
        self.brand.clock = times.text(APRIL)

    @override
    def build(self) -> "AheadOfTime":
        super().build()
        for terms in self.deployment.database.query(TermsVersion, self.brand_id, TermsVersion.sk.startswith("PRG#")):
            terms.terms["commission"]["tiers"] = TIERS
            terms.save()
        self.deployment.unchanging.clear()
        return self

    def turn_to_may(self) -> None:
        self.brand.clock = times.text(PLACED)
        self.brand.save()

    def told(self) -> Webhook:
        sale = Sale(1, PLACED, codes=["NOA10"])
        sale.body["test"] = True
        return sale.paid()

    def delivery(self) -> Delivery:
        webhook = self.told()
        self.post(webhook)
        return Delivery.from_raw_data(self.stored(webhook))

    def put_off(self) -> deque[dict[str, Any]]:
        """What was put off since it was last asked."""
        sent: deque[dict[str, Any]] = self.deployment.sqs.sent.pop(self.deployment.settings.wake_queue_url, deque())
        return sent

    def reasons(self) -> list[str]:
        return [note.reason for note in self.parked()]


@pytest.fixture
def ahead(deployment: Deployment) -> Iterator[AheadOfTime]:
    with functions(deployment):
        yield AheadOfTime(deployment).build()


def test_the_first_time_leaves_a_note_and_whoever_finds_it_begins_no_more_tries(
    ahead: AheadOfTime, capsys: pytest.CaptureFixture[str]
) -> None:
    delivery = ahead.delivery()
    waits = Outcome("deferred", ahead.order_id("1"), "awaiting_volume")
    assert deliveries.settle_delivery(ahead.deployment, delivery) == waits
    [note] = ahead.parked()
    assert (note.reason, note.detail) == ("awaiting_volume", "the volume of 2026-04 is not known yet")
    [message] = ahead.put_off()
    assert message["DelaySeconds"] == 60
    for _ in range(2):
        assert deliveries.settle_delivery(ahead.deployment, delivery) == waits
        assert ahead.second_pass(0) == {"deferred": 1}
        assert deliveries.redrive(ahead.deployment, ahead.brand_id, delivery.sk) == waits
    assert not ahead.put_off()
    assert ahead.reasons() == ["awaiting_volume"]
    assert "DeliveryParked" not in capsys.readouterr().out, "it comes by itself"


def test_it_is_tried_ever_more_seldom_and_the_note_goes_once_it_is_settled(ahead: AheadOfTime) -> None:
    deliveries.settle_delivery(ahead.deployment, ahead.delivery())
    [message] = ahead.put_off()
    delays = []
    for _ in range(6):
        delays.append(message["DelaySeconds"])
        assert ahead.wake(message["MessageBody"]) == {"batchItemFailures": []}
        [message] = ahead.put_off()
    assert delays == [60, 120, 240, 480, 900, 900]
    ahead.turn_to_may()
    assert ahead.wake(message["MessageBody"]) == {"batchItemFailures": []}
    assert not ahead.put_off()
    assert ahead.parked() == []
    assert ahead.order("1").summary["status"] == "paid"


def test_after_the_last_try_the_note_is_left_and_rings_and_a_redrive_works(
    ahead: AheadOfTime, capsys: pytest.CaptureFixture[str]
) -> None:
    delivery = ahead.delivery()
    deliveries.settle_delivery(ahead.deployment, delivery)
    ahead.put_off()
    last = json.dumps({"delivery": [delivery.pk, delivery.sk], "tries": TRIES_MAX})
    assert "DeliveryParked" not in capsys.readouterr().out
    assert deliveries.wake(ahead.deployment, last, in_time=lambda: True) == {"parked": 1}
    assert "DeliveryParked" in capsys.readouterr().out
    assert not ahead.put_off()
    assert ahead.reasons() == ["awaiting_volume"]
    ahead.turn_to_may()
    redriven = deliveries.redrive(ahead.deployment, ahead.brand_id, delivery.sk)
    assert redriven == Outcome("applied", ahead.order_id("1"))
    assert ahead.parked() == []


def test_what_was_parked_for_another_reason_before_is_tried_as_well(
    ahead: AheadOfTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivery = ahead.delivery()
    with monkeypatch.context() as broken:
        broken.setattr(deliveries, "read", lambda *_: 1 // 0)
        deliveries.settle_delivery(ahead.deployment, delivery)
    assert ahead.reasons() == ["defect"]
    assert deliveries.redrive(ahead.deployment, ahead.brand_id, delivery.sk).reason == "awaiting_volume"
    assert len(ahead.put_off()) == 1
    assert ahead.reasons() == ["awaiting_volume"]


def test_who_has_to_wait_for_a_click_meanwhile_goes_on_with_the_same_tries(
    ahead: AheadOfTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivery = ahead.delivery()

    def awaiting(*_: object, **__: object) -> bool:
        raise ClickOnItsWay

    monkeypatch.setattr(deliveries, "apply", awaiting)
    message = json.dumps({"delivery": [delivery.pk, delivery.sk], "tries": 7})
    assert deliveries.wake(ahead.deployment, message, in_time=lambda: True) == {"deferred": 1}
    assert [(json.loads(each["MessageBody"])["tries"], each["DelaySeconds"]) for each in ahead.put_off()] == [(7, 60)]
    assert ahead.parked() == []


def test_whatever_call_fails_while_it_is_put_off_it_is_settled_in_the_end_and_no_note_is_left(
    deployment: Deployment,
) -> None:
    with injected(deployment) as faults, functions(deployment):
        brands = (AheadOfTime(deployment, f"brand-{number}").build() for number in count())
        calls = _run(next(brands), faults, 0, KINDS[0])
        assert {"GetItem", "send_message", "PutItem"} <= {*calls}
        for number, operation in enumerate(calls, start=1):
            for kind in kinds(operation):
                _run(next(brands), faults, number, kind)


def _run(ahead: AheadOfTime, faults: Faults, number: int, kind: str) -> list[str]:
    """One run, in which that call breaks in that way; with 0 all goes well, and nothing has to come again."""
    webhook = ahead.told()
    ahead.post(webhook)
    stored = ahead.stored(webhook)
    forget(ahead.deployment)
    cold_start(ahead.deployment)
    done = False
    with faults.breaking(number, kind), suppress(Exception, Died):
        ahead.settle([stored])
        done = True
    calls = [*faults.calls]
    if not done:
        ahead.settle([stored])
    assert ahead.reasons() == ["awaiting_volume"]
    assert len(ahead.deployment.sqs.sent[ahead.deployment.settings.wake_queue_url]) in (1, 2)
    ahead.turn_to_may()
    ahead.woken()
    assert ahead.parked() == [], f"{kind}: call {number} of {calls}"
    assert ahead.order("1").version == 1
    return calls

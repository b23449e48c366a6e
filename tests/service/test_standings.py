"""Where orders stand: who is told what, in portions, with what fails on the way, and by many at once."""

import json
import random
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from figures import standings as function
from tests.books import DANA, NOA
from tests.customers import Shop, register_of
from tests.faults.injection import Died
from tests.faults.world import Context
from vouch.domain.errors import Unavailable
from vouch.domain.ledger import EARNED, creator_account
from vouch.domain.settlement import RateMissing
from vouch.service import orders, standings
from vouch.service.deployment import Deployment
from vouch.service.queues import TRIES_MAX
from vouch.service.standings import TooEarly
from vouch.service.volumes import SealNotDue
from vouch.store import ledger, registers
from vouch.store import orders as stored
from vouch.store.tables import Main, Marker

NEW, RETURNING = 2_000, 1_000
"""What 100.00 earn."""


@pytest.fixture
def shop(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setattr(function, "deployment", lambda: deployment)
    monkeypatch.setattr("attribution.spread.deployment", lambda: deployment)
    return Shop(deployment)


def test_the_first_order_of_a_customer_is_new_and_whoever_lost_that_gives_back(shop: Shop) -> None:
    shop.sell(5, to=NOA)
    shop.run()
    assert (shop.known(5), shop.sums(5)) == ((True, None, 0), {NOA: NEW})
    shop.sell(3, to=NOA)
    shop.run()
    assert (shop.known(3)[0], shop.sums(3)) == (True, {NOA: NEW})
    assert (shop.known(5)[0], shop.sums(5)) == (False, {NOA: RETURNING})


def test_who_comes_in_order_is_told_nothing(shop: Shop) -> None:
    for hour in range(4):
        shop.sell(hour, customer="maya")
        shop.bring()
    assert [shop.known(hour)[0] for hour in range(4)] == [True, False, False, False]
    assert shop.messages() == []


def test_the_platforms_own_word_stands(shop: Shop) -> None:
    shop.sell(1, to=NOA)
    shop.sell(2, to=NOA, customer_new=True)
    shop.run()
    assert shop.sums(2) == {NOA: NEW}


def test_an_origin_that_comes_late_is_every_later_orders_a_page_at_a_time(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standings, "_PAGE", 2)
    for hour in (2, 3, 4, 5, 6):
        shop.sell(hour)
    shop.run()
    brought = shop.sell(1, to=DANA)
    shop.run()
    assert [shop.known(hour)[1] for hour in range(1, 7)] == [None, *[brought] * 5]
    assert [shop.sums(hour) for hour in range(1, 7)] == [{DANA: NEW}, *[{DANA: RETURNING}] * 5]


def test_what_there_is_no_time_for_goes_on_by_another_message(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, deployment: Deployment
) -> None:
    monkeypatch.setattr(standings, "_PAGE", 2)
    for hour in (2, 3, 4, 5):
        shop.sell(hour)
    shop.run()
    shop.sell(1, to=DANA)
    shop.bring()
    [message] = shop.messages()
    times = iter([True, False, True, True])
    told = []
    while True:
        told.append(standings.spread(deployment, json.loads(message)["standing"], in_time=lambda: next(times)))
        rest = shop.messages()
        if not rest:
            break
        [message] = rest
    assert told == [{"told": 2}, {"told": 2}]
    assert all(shop.sums(hour) == {DANA: RETURNING} for hour in (2, 3, 4, 5))


def test_an_origin_that_loses_its_evidence_is_none_and_the_next_one_takes_its_place(shop: Shop) -> None:
    shop.sell(1, to=DANA)
    second = shop.sell(2, to=NOA)
    shop.sell(3)
    shop.run()
    assert shop.sums(3) == {DANA: RETURNING}
    shop.sell(1, minute=1)
    shop.run()
    assert (shop.known(3), shop.sums(3)) == ((False, second, 0), {NOA: RETURNING})
    assert (shop.known(2), shop.sums(2)) == ((False, None, 0), {NOA: RETURNING})
    assert shop.sums(1) == {}
    shop.sell(2, minute=1)
    shop.run()
    assert (shop.known(3), shop.sums(3)) == ((False, None, 0), {})


def test_an_order_that_turns_out_to_be_somebody_elses_leaves_its_place_to_the_next(shop: Shop) -> None:
    shop.sell(1)
    shop.sell(2)
    shop.run()
    assert [shop.known(hour)[0] for hour in (1, 2)] == [True, False]
    shop.sell(1, customer="dan", minute=1)
    shop.run()
    assert [shop.known(hour)[0] for hour in (1, 2)] == [True, True]
    shop.sell(1, customer="maya", minute=2)
    shop.run()
    assert [shop.known(hour)[0] for hour in (1, 2)] == [True, False]


def test_a_version_that_is_noted_behind_its_successor_changes_nothing_that_this_one_said(shop: Shop) -> None:
    """As one does that was put off, since our code failed on it."""
    for hour in (1, 2):
        shop.sell(hour)
    shop.sell(3, customer="dan")
    shop.run()
    shop.sell(1, customer="dan", minute=1)
    put_off = shop.stream.records()
    shop.sell(1, customer="tal", minute=2)
    shop.run()
    assert [shop.known(hour)[0] for hour in (1, 2, 3)] == [True, False, True]
    shop.bring(put_off)
    shop.run()
    assert [shop.known(hour)[0] for hour in (1, 2, 3)] == [True, True, True]


def test_an_order_whose_buyer_is_redacted_stays_where_it_stood(shop: Shop) -> None:
    shop.sell(1, to=NOA)
    shop.sell(2, to=NOA)
    shop.run()
    shop.sell(1, to=NOA, customer=None, minute=1)
    shop.run()
    assert [shop.known(hour)[0] for hour in (1, 2)] == [True, False]
    assert [shop.sums(hour) for hour in (1, 2)] == [{NOA: NEW}, {NOA: RETURNING}]


def test_a_test_order_stands_nowhere(shop: Shop, deployment: Deployment) -> None:
    shop.sell(1, test=True)
    shop.sell(2)
    shop.run()
    assert shop.known(1)[0] is None
    assert shop.known(2)[0] is True
    other = Shop(deployment, "cups", mode="test")
    other.sell(1, test=True)
    other.sell(2)
    other.run()
    assert [other.known(hour)[0] for hour in (1, 2)] == [True, False]
    assert shop.known(2)[0] is True, "another brand's register is another one"


def test_a_test_order_that_was_none_gives_way(shop: Shop) -> None:
    shop.sell(1)
    shop.sell(2)
    shop.run()
    shop.sell(1, test=True, minute=1)
    shop.run()
    assert shop.known(2)[0] is True


def test_a_subscription_earns_for_as_many_payments_as_the_terms_say_whichever_comes_late(shop: Shop) -> None:
    for hour in (3, 2, 4):
        shop.sell(hour, to=NOA, subscription="s")
    shop.run()
    assert [shop.known(hour)[2] for hour in (2, 3, 4)] == [0, 1, 2]
    assert [shop.sums(hour) for hour in (2, 3, 4)] == [{NOA: NEW}, {NOA: RETURNING}, {}]
    shop.sell(1, to=NOA, subscription="s")
    shop.run()
    assert [shop.known(hour)[2] for hour in (1, 2, 3, 4)] == [0, 1, 2, 3]
    assert [shop.sums(hour) for hour in (1, 2, 3, 4)] == [{NOA: NEW}, {NOA: RETURNING}, {}, {}]


def test_what_is_not_paid_is_no_payment_until_it_is(shop: Shop) -> None:
    shop.sell(1, to=NOA, subscription="s", paid=False)
    for hour in (2, 3):
        shop.sell(hour, to=NOA, subscription="s")
    shop.run()
    assert [shop.known(hour)[2] for hour in (1, 2, 3)] == [0, 0, 1]
    shop.sell(1, to=NOA, subscription="s", minute=1)
    shop.run()
    assert [shop.known(hour)[2] for hour in (1, 2, 3)] == [0, 1, 2]


def test_a_late_payment_concerns_so_many_that_follow_and_no_more(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (standings, registers):
        monkeypatch.setattr(module, "PAYMENTS_MAX", 3)
    for hour in range(1, 8):
        shop.sell(hour, subscription="s", customer=None)
    shop.run()
    shop.sell(0, subscription="s", customer=None)
    shop.bring()
    [message] = shop.messages()
    versions = [shop.order(hour).version for hour in range(8)]
    assert shop.hear(message)
    assert [shop.known(hour)[2] for hour in range(8)] == [0, 1, 2, 3, 3, 3, 3, 3]
    heard = [hour for hour in range(8) if shop.order(hour).version > versions[hour]]
    assert heard == [1, 2, 3]


def test_who_hears_before_the_register_is_written_waits(shop: Shop, deployment: Deployment) -> None:
    shop.sell(2)
    shop.bring()
    key = "customer:maya"
    message: list[Any] = [shop.brand.id, key, 2, ["O#", "O#~"], None, 0]
    with pytest.raises(TooEarly):
        standings.spread(deployment, message, in_time=lambda: True)
    assert not shop.hear(json.dumps({"standing": message}))


@pytest.mark.parametrize(
    "failure, waits", [(SealNotDue(), True), (RateMissing("USD", "ILS"), True), (Unavailable(), False)]
)
def test_what_keeps_one_order_from_hearing_keeps_no_other(
    shop: Shop, deployment: Deployment, monkeypatch: pytest.MonkeyPatch, failure: Exception, waits: bool
) -> None:
    for hour in (2, 3):
        shop.sell(hour)
    shop.run()
    shop.sell(1, to=NOA)
    shop.bring()
    [message] = shop.messages()
    apply = orders.apply

    def refused(deployment: Deployment, target: Any, *asked: Any) -> bool:
        if target.external_id == "2":
            raise failure
        return apply(deployment, target, *asked)

    with monkeypatch.context() as patch:
        patch.setattr(orders, "apply", refused)
        assert shop.hear(message)
        [waiting] = deployment.sqs.sent[deployment.settings.spread_queue_url]
        assert waiting["DelaySeconds"] == 60
        [alone] = shop.messages()
        assert shop.sums(3) == {NOA: RETURNING}
        assert shop.sums(2) == {}
        assert register_of(alone) == register_of(message)
        assert shop.hear(alone) is waits
    assert shop.hear(alone)
    assert shop.sums(2) == {NOA: RETURNING}


def test_an_order_that_waits_is_told_ever_more_seldom_and_after_three_days_somebody_hears_of_it(
    shop: Shop, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.sell(2)
    shop.sell(3)
    shop.run()
    shop.sell(1, to=NOA)
    shop.bring()
    [message] = shop.messages()
    sent = deployment.sqs.sent
    with monkeypatch.context() as patch:
        patch.setattr(orders, "apply", _waiting)
        assert shop.hear(message)
        [first, second] = sent.pop(deployment.settings.spread_queue_url)
        assert first["MessageBody"] != second["MessageBody"]
        pauses = [first["DelaySeconds"]]
        for _ in range(TRIES_MAX - 1):
            assert shop.hear(first["MessageBody"])
            [first] = sent.pop(deployment.settings.spread_queue_url)
            pauses.append(first["DelaySeconds"])
        assert pauses[:6] == [60, 120, 240, 480, 900, 900]
        assert sum(pauses) == timedelta(days=3).total_seconds()
        assert not shop.hear(first["MessageBody"]), "it ends in the dead letters"
        assert shop.messages() == []
    assert shop.hear(first["MessageBody"])
    assert (shop.sums(2), shop.sums(3)) == ({NOA: RETURNING}, {})


def _waiting(*_: Any) -> bool:
    raise SealNotDue


def test_who_dies_while_an_order_hears_leaves_no_part_of_it_unposted_and_none_is_posted_twice(
    shop: Shop, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The third order is Noa's customer's, and then Dana's: Noa's part goes and Dana's comes, each by itself."""
    monkeypatch.setattr(stored, "CREATORS_MAX", 1)
    shop.sell(2, to=NOA)
    shop.sell(3)
    shop.run()
    shop.sell(1, to=DANA)
    shop.bring()
    [message] = shop.messages()
    commits = iter([deployment.database.commit] * 2)  # one for the second order, and half of the third

    def commit(writes: Any) -> None:
        next(commits, _died)(writes)

    with monkeypatch.context() as patch:
        patch.setattr(deployment.database, "commit", commit)
        with pytest.raises(Died):
            shop.hear(message)
    halfway = shop.order(3)
    assert halfway.unfinished
    assert shop.sums(3) != {DANA: RETURNING}
    for _ in range(2):
        assert shop.hear(message)
        assert shop.order(3).version == halfway.version + 1
    assert not shop.order(3).unfinished
    assert shop.sums(3) == {DANA: RETURNING}
    assert {creator: _posted(shop, creator, halfway.id) for creator in (NOA, DANA)} == {
        NOA: [-RETURNING, RETURNING],
        DANA: [RETURNING],
    }


def _died(_: Any) -> None:
    raise Died


def _posted(shop: Shop, creator_id: str, order_id: str) -> list[int]:
    """What each entry of the order brought the creator."""
    found = ledger.everything(shop.deployment.database, shop.brand.id, creator_id)
    entries = [each.entry for each in found if isinstance(each, ledger.Found)]
    earned = creator_account(creator_id, EARNED)
    return sorted(entry.credited(earned) for entry in entries if entry.order_id == order_id)


def test_a_message_twice_changes_nothing(shop: Shop) -> None:
    shop.sell(2)
    shop.run()
    shop.sell(1, to=NOA)
    shop.bring()
    [message] = shop.messages()
    assert shop.hear(message)
    version = shop.order(2).version
    assert shop.hear(message)
    assert shop.order(2).version == version


def test_a_refund_touches_no_register(shop: Shop, deployment: Deployment) -> None:
    """Most versions of an order change nothing about where it stands: they cost no request."""
    shop.sell(1, to=NOA)
    shop.run()
    shop.sell(1, to=NOA, minute=1, tip=5)
    before = _registers(shop)
    shop.bring()
    assert _registers(shop) == before


def _registers(shop: Shop) -> list[dict[str, Any]]:
    _, pk, _ = registers.key(shop.brand.id, "customer:maya")
    return [item.serialize() for item in shop.deployment.database.query(Main, pk)]


def test_a_customer_whom_many_share_is_one_order_after_another(shop: Shop, deployment: Deployment) -> None:
    """A till's "walk-in": its orders come on all shards of the stream at once, some of them twice."""
    chance = random.Random(4)
    hours = list(range(1, 31))
    origins = {5: DANA, 11: NOA, 23: NOA}
    for hour in chance.sample(hours, len(hours)):
        shop.sell(hour, to=origins.get(hour), customer="walk-in")
    records = shop.stream.records()
    batches = [[record] for record in [*records, *chance.sample(records, 10)]]
    chance.shuffle(batches)
    with ThreadPoolExecutor(4) as workers:

        def brought(batch: Any) -> None:
            while True:  # the mapping's part
                try:
                    return function.handler({"Records": batch}, Context())
                except Unavailable:
                    continue

        list(workers.map(brought, batches))
        while messages := shop.messages():
            heard = list(workers.map(shop.hear, messages))
            assert all(heard)
            list(workers.map(brought, [[record] for record in shop.stream.records()]))
    first = shop.order(5).id
    assert [shop.known(hour) for hour in hours] == [(hour == 1, first if hour > 5 else None, 0) for hour in hours]
    earned = {
        1: {},
        **{hour: {DANA: RETURNING} for hour in hours if hour >= 5},
        11: {NOA: RETURNING},
        23: {NOA: RETURNING},
    }
    assert [shop.sums(hour) for hour in hours] == [earned.get(hour, {}) for hour in hours]
    _, pk, _ = registers.key(shop.brand.id, "customer:walk-in")
    assert len(list(deployment.database.query(Marker, pk))) == len(hours)

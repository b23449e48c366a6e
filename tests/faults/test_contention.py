"""Many at one order at once: all that they say is there, and each change made one version."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from tests.faults.shop import Sale
from tests.faults.world import Stored, World
from tests.fixtures import NOON
from vouch.domain.errors import Unavailable
from vouch.domain.money import divide_half_up

WORKERS = 20
PLACED = NOON - timedelta(days=1)


def test_twenty_refunds_of_one_order_at_once_are_all_there(world: World) -> None:
    sale = Sale(1, PLACED, [("LIN-M-SAND", 30, 1_001, 0)], codes=["NOA10"])
    world.deliver(sale.paid())
    refunds = [sale.refunded(PLACED + timedelta(minutes=place + 1), [(0, 1)])[0] for place in range(WORKERS)]

    def settled(image: Stored) -> None:
        while True:  # the mapping's part
            try:
                return world.settle([image])
            except Unavailable:
                continue

    with ThreadPoolExecutor(WORKERS) as workers:
        answers = list(workers.map(world.post, refunds))
        assert [answer["statusCode"] for answer in answers] == [200] * WORKERS
        list(workers.map(settled, [world.stored(refund) for refund in refunds]))
    order = world.order("1")
    assert len(order.facts.events) == WORKERS
    assert order.version == 1 + WORKERS
    sums, entries = world.books("1")
    assert sums == {(world.creators["noa"], "earned", "USD"): divide_half_up(10 * 1_001 * 1_275, 10_000)}
    assert len(entries) == 1 + WORKERS
    world.assert_invariants()


def test_one_delivery_twenty_times_at_once_is_one_version(world: World) -> None:
    sale = Sale(1, PLACED, codes=["NOA10"])
    webhook = sale.paid()
    with ThreadPoolExecutor(WORKERS) as workers:
        answers = list(workers.map(world.post, [webhook] * WORKERS))
        assert sum('"stored"' in answer["body"] for answer in answers) == 1
        list(workers.map(world.settle, [[world.stored(webhook)]] * WORKERS))
    assert world.order("1").version == 1
    assert len(world.books("1")[1]) == 1

"""A defect of ours parks the delivery, says where it lies and quotes nobody; mended code settles it after all."""

from datetime import timedelta
from typing import NoReturn

import pytest

from tests.faults.shop import Sale
from tests.faults.world import World
from vouch.service import orders


@pytest.fixture
def sale(world: World) -> Sale:
    return Sale(6_214, world.deployment.now() - timedelta(hours=1), codes=["NOA10"])


def broken(*_: object) -> NoReturn:
    raise ValueError("buyer6214@example.com is unexpected")


def test_what_our_own_code_cannot_take_waits_for_better_code(
    world: World, sale: Sale, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(orders, "settle", broken)
        world.deliver(sale.paid())
    [note] = world.parked()
    assert note.reason == "defect"
    assert note.detail.startswith("ValueError in broken, line ")
    assert "@" not in note.detail
    again = orders.redrive(world.deployment, world.brand_id, note.delivery_id)
    assert again is not None
    assert again.ending == "applied"
    assert world.parked() == []
    assert world.order(sale.external_id).summary["status"] == "paid"

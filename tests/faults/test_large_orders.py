"""Nothing rests on what one item, one page or one transaction of DynamoDB holds."""

from datetime import timedelta

from tests.faults.shop import Sale, bag, copy, incompressible, price, stamp
from tests.faults.world import World, engine
from tests.fixtures import NOON
from vouch.domain.money import divide_half_up
from vouch.store.tables import OrderPart

PLACED = NOON - timedelta(days=1)
BPS = 1_275


def _of_noa(world: World, amount: int) -> dict[tuple[str, str, str], int]:
    return {(world.creators["noa"], "earned", "USD"): amount}


def test_order_of_500_lines_and_650_kilobytes_is_settled(world: World) -> None:
    lines = [("LIN-M-SAND", 2, 1_000 + place, 0) for place in range(500)]
    sale = Sale(1, PLACED, lines, codes=["NOA10"])
    for line in sale.body["line_items"]:
        line["properties"] = [{"name": "Engraving", "value": f"For {line['id']}, with love and many happy returns"}] * 2
    webhook = sale.paid()
    assert len(webhook.body) >= 650_000
    world.deliver(webhook)
    expected = sum(divide_half_up(2 * price * BPS, 10_000) for _, _, price, _ in lines)
    assert world.books("1")[0] == _of_noa(world, expected)
    world.deliver(sale.refunded(PLACED + timedelta(hours=1), [(place, 2) for place in range(500)])[1])
    assert world.books("1")[0] == {}
    world.assert_invariants()


def test_body_that_no_item_holds_is_kept_in_the_bucket(world: World) -> None:
    sale = Sale(1, PLACED, codes=["NOA10"])
    sale.body["note"] = incompressible(650_000)
    webhook = sale.paid()
    world.deliver(webhook)
    stored = world.stored(webhook)
    assert "body" not in stored
    assert stored["body_key"]["S"] == f"{world.brand_id}/{stored['sk']['S']}"
    assert world.books("1")[0] == _of_noa(world, divide_half_up(10_800 * BPS, 10_000))


def test_snapshot_that_no_item_and_no_page_holds_is_settled_again_and_again(world: World) -> None:
    sale = Sale(1, PLACED, codes=["NOA10"])
    noise = incompressible(5_000 * 500)
    lines = [
        {
            "id": 100 + place,
            "quantity": 1,
            "price": "1.00",
            "sku": noise[500 * place : 500 * place + 250],
            "product_id": noise[500 * place + 250 : 500 * place + 500],
        }
        for place in range(5_000)
    ]
    sale.body["line_items"] = lines
    webhook = sale.paid()
    assert len(webhook.body) < 4 * 1024 * 1024
    world.deliver(webhook)
    parts = list(world.deployment.database.query(OrderPart, f"{world.brand_id}#O#{world.order_id('1')}"))
    assert sum(len(part.body) for part in parts) > 1_500_000
    snapshot = world.order("1").facts.snapshot
    assert snapshot is not None
    assert [line.sku for line in snapshot.lines] == [line["sku"] for line in lines]
    assert world.books("1")[0] == _of_noa(world, 5_000 * 13)
    sale.body["line_items"] = lines[:3]
    world.deliver(sale.paid(timedelta(hours=1)))
    assert world.books("1")[0] == _of_noa(world, 3 * 13)
    assert len(world.order("1").facts.snapshot.lines) == 3  # type: ignore[union-attr]
    world.assert_invariants()


def test_600_refunds_of_one_order_are_facts_each(world: World) -> None:
    sale = Sale(1, PLACED, [("LIN-M-SAND", 10, 10_000, 0)], codes=["NOA10"])
    world.deliver(sale.paid())
    sale.body["refunds"] = [_small_refund(sale, number) for number in range(600)]
    sale.body["financial_status"] = "partially_refunded"
    world.deliver(webhook := sale.recoded(PLACED + timedelta(hours=2), ["NOA10"]))
    order = world.order("1")
    assert len(order.facts.events) == 600
    # What was paid has tax of 8 % on top, and so has the money that was given back.
    left = divide_half_up(100_000 * (108_000 - 600 * 7), 108_000)
    assert world.books("1")[0] == _of_noa(world, divide_half_up(left * BPS, 10_000))
    world.settle([world.stored(webhook)])
    assert world.order("1").version == order.version
    assert _items(world) > 600
    world.assert_invariants()


def _small_refund(sale: Sale, number: int) -> dict[str, object]:
    at = stamp(PLACED + timedelta(seconds=10 * number))
    given = copy(bag(7))
    given["shop_money"]["amount"] = f"-{price(7)}"
    adjustment = {"id": number, "kind": "refund_discrepancy", "amount": "-0.07", "amount_set": given}
    return {
        "id": 900_000 + number,
        "order_id": sale.number,
        "created_at": at,
        "refund_line_items": [],
        "order_adjustments": [adjustment],
        "transactions": [],
    }


def _items(world: World) -> int:
    """What the order's partition holds."""
    values = {":pk": {"S": f"{world.brand_id}#O#{world.order_id('1')}"}}
    table = world.deployment.settings.main_table
    client = engine(world.deployment)
    answer = client.query(
        TableName=table, KeyConditionExpression="pk = :pk", ExpressionAttributeValues=values, Select="COUNT"
    )
    count: int = answer["Count"]
    return count

"""What was delivered is settled without a further push, over a stop and a start, and over an outage of settle."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from local import stack
from local.demo.client import Client
from local.processes import free_port
from local.stack import Stack
from tests.end_to_end.brands import Brand
from tests.faults.shop import Sale


def test_what_was_delivered_is_settled_after_a_restart_and_an_outage(tmp_path: Path) -> None:
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    sales = [Sale(6_300 + place, now - timedelta(hours=2), codes=["NOA10"]) for place in range(16)]
    before, meanwhile = sales[:8], sales[8:]
    port = free_port()
    with Client(f"http://127.0.0.1:{port}") as client:
        with stack.running(home=tmp_path, port=port) as first:
            brand = Brand(client, first.operator_key, now)
            rights = without_rights(first)
            deliver(brand, before)
            await_refusal(first, since_ms=0)
            assert not any(is_paid(brand, sale) for sale in before)
        restarted_ms = int(time.time() * 1000)
        with stack.running(home=tmp_path, port=port) as again:
            assert_settled(brand, before)  # by the second pass: settle may still do nothing, and its stream is gone
            deliver(brand, meanwhile)
            await_refusal(again, restarted_ms)
            assert not any(is_paid(brand, sale) for sale in meanwhile)
            again.client("iam").attach_role_policy(**rights)
            assert_settled(brand, meanwhile)
            assert brand.verified()["ok"]


def deliver(brand: Brand, sales: Sequence[Sale]) -> None:
    for sale in sales:
        brand.deliver(sale.paid())


def await_refusal(running: Stack, since_ms: int) -> None:
    """Settle has tried, and may not."""
    deadline = time.monotonic() + 240
    while not any(line.function == "SettleFunction" and "AccessDenied" in line.text for line in running.logs(since_ms)):
        assert time.monotonic() < deadline, "settle was never refused"
        time.sleep(0.5)


def assert_settled(brand: Brand, sales: Sequence[Sale]) -> None:
    deadline = time.monotonic() + 240
    while not all(is_paid(brand, sale) for sale in sales):
        assert time.monotonic() < deadline, [sale.external_id for sale in sales if not is_paid(brand, sale)]
        time.sleep(0.5)


def is_paid(brand: Brand, sale: Sale) -> bool:
    found = brand.found(sale.external_id)
    return bool(found) and found[0]["status"] == "paid" and found[0]["commissions"][0]["net"]["amount"] > 0


def without_rights(running: Stack) -> dict[str, str]:
    """Takes from settle the right to read and write; how to give it back."""
    role = running.client("lambda").get_function_configuration(FunctionName=running.outputs["SettleFunctionName"])
    name = role["Role"].rsplit("/", 1)[-1]
    policies = running.client("iam").list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    [rights] = [policy["PolicyArn"] for policy in policies if "SettleRights" in policy["PolicyArn"]]
    taken = {"RoleName": name, "PolicyArn": rights}
    running.client("iam").detach_role_policy(**taken)
    return taken

"""The demo that `make run` fills an empty stack with: a brand, and 60 days of its life through the real HTTP doors.

The same every time, told relative to the day of the run. At its end friends are paid, and its last act is to have the
books checked.
"""

import shlex
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from local.artefacts import Trouble
from local.demo import payday
from local.demo.brand import INLET_SECRET, SHOPIFY_SECRET, DemoBrand, set_up
from local.demo.client import Client, Refused
from local.demo.payday import Payday
from local.demo.people import BRAND, CREATORS
from local.demo.play import Astray, Player
from local.demo.story import DAYS, story
from local.progress import Progress
from local.stack import Stack

_PARTS = ("available", "pending", "held", "in_transit", "paid")
_WORKERS = 4  # more would wait for more processes of each function to start


def seed(stack: Stack, progress: Progress) -> dict[str, Any]:
    """What `.local/stack.json` tells of the demo. Raises Trouble."""
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    told = story(now)
    try:
        with Client(stack.api_url) as client, ThreadPoolExecutor(_WORKERS) as workers:
            brand = set_up(client, stack.operator_key, told.begins)
            player = Player(client, brand, workers)
            for day, moment in enumerate(told.moments, start=1):
                progress.note(f"day {day} of {DAYS}")
                player.play(moment)
            _come_to_rest(stack)
            player.move_clock(now)
            _put_on_hold(brand)
            for decision in told.decisions:
                player.decide(decision)
            player.check_orders()
            paid = payday.pay(brand)
            _verify(brand)
            progress.say(f"{told.visits} clicks, {len(told.orders)} orders, {told.deliveries} deliveries")
            for line in paid.told():
                progress.say(line)
            progress.say(f"  the list: {stack.api_url}{paid.file}")
            _say_accounts(brand, progress)
    except (Refused, Astray) as error:
        raise Trouble(
            f"The demo went wrong: {error}. `make reset` and begin again, or leave it out with SEED=0."
        ) from error
    return _summary(brand, now, {name: player.order_id(order) for name, order in told.examples.items()}, paid)


def environment(stack: Stack) -> str:
    """The demo as shell variables."""
    demo = stack.demo
    variables = {
        "VOUCH": stack.api_url,
        "KEY": demo["api_key"],
        "OPERATOR_KEY": stack.operator_key,
        "LINK": stack.api_url + urlsplit(demo["link_url"]).path,
        "WEBHOOK": stack.api_url + urlsplit(demo["webhook_url"]).path,
        "SECRET": demo["webhook_secret"],
        "CREATOR": demo["creator_ids"]["noa"],
        "PROGRAM": demo["program_ids"]["friends"],
        "PAYOUT_RUN": demo["payout_run_id"],
    } | {name.upper(): order_id for name, order_id in demo["order_ids"].items()}
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in variables.items())


def _come_to_rest(stack: Stack) -> None:
    """What an order changes for others of its customer comes to them by a queue, some seconds later."""
    if not stack.await_quiet():
        raise Astray("it does not come to rest")


def _put_on_hold(brand: DemoBrand) -> None:
    """One commission that somebody has doubts about."""
    pending = brand.api.get("/v1/commissions", creator_id=brand.creator_ids["omar"], status="pending")["items"]
    doubtful = max(pending, key=lambda commission: commission["net"]["amount"])
    path = f"/v1/orders/{doubtful['order_id']}/decisions"
    brand.api.post(path, {"kind": "hold", "reason": "Shipped to a reseller: asking the shop"}, once="hold")


def _verify(brand: DemoBrand) -> None:
    query: dict[str, str] = {}
    while True:
        page = brand.api.get("/v1/ledger/verify", **query)
        if not page["ok"]:
            raise Astray(f"the books: {page['violations']}")
        if not page.get("next_cursor"):
            return
        query["cursor"] = page["next_cursor"]


def _say_accounts(brand: DemoBrand, progress: Progress) -> None:
    for creator in CREATORS:
        for balance in brand.api.get(f"/v1/creators/{brand.creator_ids[creator.key]}/balances"):
            parts = [f"{name} {balance[name] / 100:.2f}" for name in _PARTS if balance[name]]
            progress.say(f"  {creator.name}: {', '.join(parts)} {balance['currency']}")


def _summary(brand: DemoBrand, now: datetime, order_ids: Mapping[str, str], paid: Payday) -> dict[str, Any]:
    return {
        "brand_id": brand.id,
        "brand": BRAND,
        "api_key": brand.api_key,
        "now": now.isoformat(),
        "program_ids": brand.program_ids,
        "creator_ids": brand.creator_ids,
        "order_ids": order_ids,
        "payout_run_id": paid.run["id"],
        "link_url": brand.link_urls["noa"],
        "links": brand.link_urls,
        "codes": brand.codes,
        "connection_id": brand.shopify["id"],
        "webhook_url": brand.shopify["webhook_url"],
        "webhook_secret": SHOPIFY_SECRET,
        "inlet": {
            "connection_id": brand.inlet["id"],
            "webhook_url": brand.inlet["webhook_url"],
            "webhook_secret": INLET_SECRET,
        },
    }

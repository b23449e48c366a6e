"""Reading a delivery: what an adapter makes of a recorded webhook, which each settling of it does once."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from bench.rows import Row, per_call
from vouch.platforms.base import Pseudonym, Request
from vouch.platforms.registry import PLATFORMS

_RECORDED = Path(__file__).parents[2] / "tests" / "data" / "platforms"
_WEBHOOKS = (
    ("shopify", "orders_paid"),
    ("woocommerce", "order_updated_processing"),
    ("stripe", "invoice.paid"),
    ("square", "payment.updated"),
    ("standard_webhooks", "order.paid"),
    ("meta", "messaging_referral_messenger"),
)


def rows() -> Iterator[Row]:
    """One for each platform whose webhooks say it all."""
    pseudonym = Pseudonym(lambda text: text, "door")
    for platform, name in _WEBHOOKS:
        headers = json.loads((_RECORDED / platform / f"{name}.headers.json").read_bytes())
        body = (_RECORDED / platform / f"{name}.json").read_bytes()
        request = Request({key.lower(): value for key, value in headers.items()}, body)
        ours = partial(PLATFORMS[platform].facts, request, pseudonym)
        yield per_call(f"read {platform} {name}", ours, partial(json.loads, body), "json.loads of the same body")

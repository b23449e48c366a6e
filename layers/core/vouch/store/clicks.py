"""Clicks as they are stored: one put each, keyed by the click itself, so that no link is ever a hot key."""

import json
from datetime import datetime, timedelta

from vouch.domain import times
from vouch.domain.clicks import ClickId
from vouch.store.tables import Click

KEPT = timedelta(days=400)
"""Longer than any journey cookie lasts; after that the id itself still credits an order."""


def key(brand_id: str, click_id: str) -> str:
    return f"{brand_id}#K#{click_id}"


def record(brand_id: str, click: ClickId, trail: list[str], now: datetime) -> Click:
    """The item of a click; `now` is real time, since a test brand's clock does not govern what expires."""
    return Click(
        pk=key(brand_id, click.id),
        at=times.text(click.at),
        trail=trail or None,
        expires_at=int((now + KEPT).timestamp()),
    )


def message(click: Click) -> str:
    """The item as text, for the spill queue."""
    return json.dumps(click.to_dynamodb_dict(), separators=(",", ":"))


def of_message(text: str) -> Click:
    """The item again, equal in every attribute to one that was stored directly."""
    return Click.from_raw_data(json.loads(text))

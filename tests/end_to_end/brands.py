"""A test brand on a deployed stack, set up and asked over HTTP as its own developers would."""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import urllib3

from local.stack import Stack
from tests.faults.world import LIVES, Webhook
from tests.platforms.samples import SHOPIFY_SECRET

WORKERS = 6
_CLICK_DAYS = range(45, -1, -5)
_TERMS = {
    "hold_days": 14,
    "attribution": {"model": "last", "window_days": 30, "code_policy": "wins"},
    "commission": {"rules": [{"match": {}, "reward": {"type": "percent", "bps": 1275}}]},
}
Got = tuple[int, dict[str, str], Any]


class Client:
    """One caller, with a connection for each thread that asks; `close` ends them."""

    def __init__(self, api_url: str, api_key: str = "") -> None:
        self._headers = {"content-type": "application/json"}
        if api_key:
            self._headers["authorization"] = f"Bearer {api_key}"
        self._api_url = api_url
        self._pool = urllib3.PoolManager(maxsize=WORKERS, timeout=60, retries=False)
        self.close = self._pool.clear

    def send(
        self, method: str, path: str, body: bytes | dict[str, Any] | None = None, headers: dict[str, str] | None = None
    ) -> Got:
        content = json.dumps(body).encode() if isinstance(body, dict) else body
        asked = self._headers | (headers or {})
        answer = self._pool.request(method, self._api_url + path, body=content, headers=asked, redirect=False)
        text = answer.data.decode()
        return answer.status, dict(answer.headers), answer.json() if "json" in answer.headers["content-type"] else text

    def made(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        status, _, answer = self.send("POST", path, body)
        assert status in (200, 201), answer
        made: dict[str, Any] = answer
        return made

    def got(self, path: str) -> dict[str, Any]:
        status, _, answer = self.send("GET", path)
        assert status == 200, answer
        found: dict[str, Any] = answer
        return found


@dataclass
class Brand:
    """A test brand on the stack, with five creators who have codes and links, and clicks every five days."""

    stack: Stack
    now: datetime
    client: Client = field(init=False)
    visitor: Client = field(init=False)
    connection: dict[str, Any] = field(init=False)
    creators: dict[str, str] = field(default_factory=dict)
    clicks: dict[str, list[tuple[datetime, str]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        operator, self.visitor = Client(self.stack.api_url, self.stack.operator_key), Client(self.stack.api_url)
        born = self.now - timedelta(days=60)
        made = operator.made("/v1/brands", {"name": "Oasis", "mode": "test", "test_clock": born.isoformat()})
        operator.close()
        self.client = Client(self.stack.api_url, made["api_key"])
        self.client.made("/v1/domains", {"host": "oasis.example"})
        program = self.client.made("/v1/programs", {"name": "Friends", "currency": "USD", "terms": _TERMS})
        slugs = {life: self._creator(life, program["id"]) for life in LIVES}
        wanted = {"platform": "shopify", "secret": SHOPIFY_SECRET, "shop": "oasis.example"}
        self.connection = self.client.made("/v1/connections", wanted)
        for days in _CLICK_DAYS:
            for place, (life, slug) in enumerate(slugs.items()):
                # No two at one moment: such a tie is broken by the click ids, and no two brands share one.
                at = self.now - timedelta(days=days, minutes=len(slugs) - place)
                self.client.made("/v1/test_clock", {"now": at.isoformat()})
                self.clicks.setdefault(life, []).append((at, self._clicked(slug)))

    def _creator(self, life: str, program: str) -> str:
        creator = self.client.made(
            "/v1/creators", {"email": f"{life}@example.com", "name": life.title(), "program_ids": [program]}
        )["id"]
        self.creators[creator] = life
        owner = {"program_id": program, "creator_id": creator}
        self.client.made("/v1/codes", owner | {"code": f"{life}10"})
        slug: str = self.client.made("/v1/links", owner | {"destination": "https://oasis.example/"})["slug"]
        return slug

    def _clicked(self, slug: str) -> str:
        status, headers, _ = self.visitor.send("GET", f"/r/{slug}")
        assert status == 302
        return parse_qs(urlsplit(headers["location"]).query)["ref"][0]

    # --- what `history` asks of a world -------------------------------------------------------------------------------

    @property
    def deployment(self) -> Any:
        return SimpleNamespace(now=lambda: self.now)

    def click(self, life: str, at: datetime, **_: Any) -> str:
        """The creator's last real click before that moment."""
        return max((when, click) for when, click in self.clicks[life] if when <= at or when == self.clicks[life][0][0])[
            1
        ]

    def close(self) -> None:
        self.client.close()
        self.visitor.close()

    # --- the shop's side ----------------------------------------------------------------------------------------------

    def deliver(self, webhook: Webhook) -> None:
        path = f"/webhooks/{self.connection['id']}"
        status, _, answer = self.client.send("POST", path, webhook.body, webhook.headers)
        assert status == 200, answer

    def outcome(self, external_ids: list[str]) -> dict[str, Any]:
        return {each: self._order(each) for each in external_ids}

    def _order(self, external_id: str) -> dict[str, Any]:
        query = f"external_id={external_id}&connection_id={self.connection['id']}"
        [order] = self.client.got(f"/v1/orders?{query}")["items"]
        parts = [
            {"creator": self.creators[part["creator_id"]]}
            | {name: part[name] for name in ("earned", "reversed", "net")}
            for part in order["commissions"]
        ]
        shown = {name: order[name] for name in ("status", "reason", "placed_at", "currency", "base", "refunded_base")}
        return shown | {"commissions": parts}

    def balances(self) -> dict[str, int]:
        """What each creator has in all: when it may be paid depends on when its deliveries came."""
        found = {}
        for creator, life in self.creators.items():
            balances = cast("list[dict[str, int]]", self.client.got(f"/v1/creators/{creator}/balances"))
            found[life] = sum(each["pending"] + each["available"] + each["held"] for each in balances)
        return found

    def verified(self) -> dict[str, Any]:
        return self.client.got("/v1/ledger/verify")

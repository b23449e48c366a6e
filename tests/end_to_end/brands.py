"""A test brand on a deployed stack, set up and asked over HTTP as its own developers would."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

from local.demo.client import Answer, Api, Client
from local.stack import LogLine, Stack
from tests.faults.world import LIVES, Webhook
from tests.platforms.samples import SHOPIFY_SECRET

WORKERS = 6
_CLICK_DAYS = range(45, -1, -5)
_TRIES = 20
_BUSY = 503
_TERMS = {
    "hold_days": 14,
    "attribution": {"model": "last", "window_days": 30, "code_policy": "wins"},
    "commission": {"rules": [{"match": {}, "reward": {"type": "percent", "bps": 1275}}]},
}


def insistent(send: Callable[[], Answer]) -> Answer:
    """As shops are: what nobody had time for comes again. Several cold processes at once may take too long to read."""
    answer = send()
    for _ in range(_TRIES):
        if answer.status != _BUSY:
            break
        answer = send()
    return answer


def broken(stack: Stack, since_ms: int = 0) -> list[LogLine]:
    """What was thrown or answered by 500, but for deliveries that took too long, and were to come again."""
    return [
        line
        for line in stack.logs(since_ms)
        if ("Traceback" in line.text or '"status":500' in line.text)
        and not ("a delivery was not stored" in line.text and "TimeoutError" in line.text)
    ]


@dataclass
class Brand:
    """A test brand on the stack, with five creators who have codes and links, and clicks every five days."""

    client: Client
    operator_key: str
    now: datetime
    api: Api = field(init=False)
    connection: dict[str, Any] = field(init=False)
    creators: dict[str, str] = field(default_factory=dict)
    clicks: dict[str, list[tuple[datetime, str]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        born = self.now - timedelta(days=60)
        operator = Api(self.client, self.operator_key)
        made = operator.post("/v1/brands", {"name": "Oasis", "mode": "test", "test_clock": born.isoformat()})
        self.api = Api(self.client, made["api_key"])
        self.api.post("/v1/domains", {"host": "oasis.example"})
        program = self.api.post("/v1/programs", {"name": "Friends", "currency": "USD", "terms": _TERMS})
        slugs = {life: self._creator(life, program["id"]) for life in LIVES}
        wanted = {"platform": "shopify", "secret": SHOPIFY_SECRET, "shop": "oasis.example"}
        self.connection = self.api.post("/v1/connections", wanted)
        for days in _CLICK_DAYS:
            for place, (life, slug) in enumerate(slugs.items()):
                # No two at one moment: such a tie is broken by the click ids, and no two brands share one.
                at = self.now - timedelta(days=days, minutes=len(slugs) - place)
                self.api.post("/v1/test_clock", {"now": at.isoformat()})
                self.clicks.setdefault(life, []).append((at, self._clicked(slug)))

    def _creator(self, life: str, program: str) -> str:
        creator = self.api.post(
            "/v1/creators", {"email": f"{life}@example.com", "name": life.title(), "program_ids": [program]}
        )["id"]
        self.creators[creator] = life
        owner = {"program_id": program, "creator_id": creator}
        self.api.post("/v1/codes", owner | {"code": f"{life}10"})
        slug: str = self.api.post("/v1/links", owner | {"destination": "https://oasis.example/"})["slug"]
        return slug

    def _clicked(self, slug: str) -> str:
        answer = self.client.send("GET", f"/r/{slug}")
        assert answer.status == 302
        return parse_qs(urlsplit(answer.headers["location"]).query)["ref"][0]

    # --- what `history` asks of a world -------------------------------------------------------------------------------

    @property
    def deployment(self) -> Any:
        return SimpleNamespace(now=lambda: self.now)

    def click(self, life: str, at: datetime, **_: Any) -> str:
        """The creator's last real click before that moment."""
        return max((when, click) for when, click in self.clicks[life] if when <= at or when == self.clicks[life][0][0])[
            1
        ]

    # --- the shop's side ----------------------------------------------------------------------------------------------

    def deliver(self, webhook: Webhook) -> None:
        path = f"/webhooks/{self.connection['id']}"
        headers = {"content-type": "application/json", **webhook.headers}
        answer = insistent(lambda: self.client.send("POST", path, webhook.body, headers))
        assert answer.status == 200, answer.body

    def outcome(self, external_ids: list[str]) -> dict[str, Any]:
        return {each: self._order(each) for each in external_ids}

    def found(self, external_id: str) -> list[Any]:
        """The order, if there is one."""
        query = {"external_id": external_id, "connection_id": self.connection["id"]}
        orders: list[Any] = self.api.get("/v1/orders", **query)["items"]
        return orders

    def _order(self, external_id: str) -> dict[str, Any]:
        [order] = self.found(external_id)
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
            balances = self.api.get(f"/v1/creators/{creator}/balances")
            found[life] = sum(each["pending"] + each["available"] + each["held"] for each in balances)
        return found

    def verified(self) -> dict[str, Any]:
        report: dict[str, Any] = self.api.get("/v1/ledger/verify")
        return report

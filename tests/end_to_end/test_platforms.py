"""Every platform on the deployed stack: connected, heard, asked back and kept in step with, over HTTP alone.

Two brands: one sells by the tills of `tills.py`, whose platforms stand in on loopback; to the other comes whatever was
recorded of each platform. What is sold once is looked at from all sides.
"""

import base64
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from local.demo.client import Answer, Api, Client
from local.stack import Stack
from tests.end_to_end.brands import insistent
from tests.end_to_end.tills import (
    CODE,
    HANDLE,
    TILLS,
    BigCommerceTill,
    ShopifyTill,
    TikTokTill,
    Till,
    clock,
    eventually,
)
from tests.platforms import samples
from tests.platforms.samples import META_SECRET
from tests.platforms.test_signing import sign_meta, sign_stripe, standard_headers
from tests.standins import bigcommerce, shopify
from tests.standins.server import busy
from vouch.platforms.base import Request
from vouch.platforms.registry import PLATFORMS

BORN = datetime(2026, 4, 1, tzinfo=UTC)
"""Before anything that was recorded."""
WORKERS = 4
WRITER = "2500000000000001"
"""Who writes to the brand's page comes from its messages by Dan's link."""
VERIFY_TOKEN = "meatyhamhock"
_PLAIN = {"reward": {"type": "percent", "bps": 1000}}
_ALSO_ON_TIKTOK = {"match": {"platforms": ["tiktok_shop"]}, "reward": {"type": "percent", "bps": 500}}
NETS = {"tiktok_shop": 200}
"""What Noa has of a sale of 40.00: five percent there, ten elsewhere."""


@dataclass
class Bazaar:
    """A test brand with Noa, whose code and name on TikTok are known, and Dan, who has a link."""

    stack: Stack
    client: Client
    api: Api = field(init=False)
    creators: dict[str, str] = field(default_factory=dict)
    connections: dict[str, dict[str, Any]] = field(default_factory=dict)
    slug: str = field(init=False)

    def __post_init__(self) -> None:
        made = Api(self.client, self.stack.operator_key).post(
            "/v1/brands", {"name": "Bazaar", "mode": "test", "test_clock": BORN.isoformat()}
        )
        self.api = Api(self.client, made["api_key"])
        terms = {"commission": {"rules": [_PLAIN]}}
        program = self.api.post("/v1/programs", {"name": "Friends", "currency": "USD", "terms": terms})["id"]
        later = {"commission": {"rules": [_ALSO_ON_TIKTOK, _PLAIN]}, "effective_from": rewarded().isoformat()}
        self.api.post(f"/v1/programs/{program}/terms", later)
        for name, handles in (("noa", {"tiktok": HANDLE}), ("dan", {})):
            said = {"email": f"{name}@creators.example", "name": name.title(), "handles": handles}
            self.creators[name] = self.api.post("/v1/creators", said | {"program_ids": [program]})["id"]
        self.api.post("/v1/codes", {"program_id": program, "creator_id": self.creators["noa"], "code": CODE})
        self.api.post("/v1/domains", {"host": "bazaar.example"})
        link = {"program_id": program, "creator_id": self.creators["dan"], "destination": "https://bazaar.example/"}
        self.slug = self.api.post("/v1/links", link)["slug"]

    def connect(self, platform: str, secret: str, **settings: str) -> dict[str, Any]:
        made: dict[str, Any] = self.api.post("/v1/connections", {"platform": platform, "secret": secret} | settings)
        self.connections[platform] = made
        return made

    # --- what platforms do --------------------------------------------------------------------------------------------

    def post(self, platform: str, request: Request) -> Answer:
        path = urlsplit(self.connections[platform]["webhook_url"]).path
        headers = {"content-type": "application/json", **request.headers}
        return insistent(lambda: self.client.send("POST", path, request.body, headers))

    def deliver(self, platform: str, requests: Sequence[Request]) -> None:
        """One after the other, as a platform sends them; each is stored."""
        for request in requests:
            answer = self.post(platform, request)
            assert (answer.status, json.loads(answer.body)["status"]) == (200, "stored"), answer.body

    # --- what the brand reads -----------------------------------------------------------------------------------------

    def found(self, platform: str, sale: str) -> list[Any]:
        query = {"external_id": sale, "connection_id": self.connections[platform]["id"]}
        orders: list[Any] = self.api.get("/v1/orders", **query)["items"]
        return orders

    def order(self, platform: str, sale: str) -> Any:
        [order] = self.found(platform, sale)
        return order

    def explained(self, platform: str, sale: str) -> Any:
        return self.api.get(f"/v1/orders/{self.order(platform, sale)['id']}/explanation")

    def parked(self) -> list[Any]:
        notes: list[Any] = self.api.get("/v1/deliveries", status="parked", limit="100")["items"]
        return notes

    def nets(self, creator: str) -> Counter[str]:
        """What a creator's orders come to, by currency."""
        sums: Counter[str] = Counter()
        for part in self.api.get("/v1/commissions", creator_id=self.creators[creator], limit="100")["items"]:
            sums[part["net"]["currency"]] += part["net"]["amount"]
        return +sums


def rewarded() -> datetime:
    """Since when sales on TikTok earn."""
    return clock().replace(minute=0, second=0, microsecond=0)


@dataclass
class Told:
    """The tills, and what they have sold by the time all of it is settled."""

    tills: dict[str, Till]
    sold: dict[str, str] = field(default_factory=dict)
    returned: dict[str, str] = field(default_factory=dict)
    called_off: dict[str, str] = field(default_factory=dict)
    unrewarded: str = ""
    """On TikTok, before any rule named it."""
    twin: str = ""
    """Likewise, after; TikTok's app has made an order of it in the shop, too."""
    mirror: str = ""
    """That one."""
    written: str = ""
    """Of the shop, by whoever had written to the brand's page."""

    def till[T: Till](self, kind: type[T]) -> T:
        found = self.tills[kind.platform]
        assert isinstance(found, kind)
        return found


@pytest.fixture(scope="module")
def bazaar(demo: Stack) -> Iterator[Bazaar]:
    with Client(demo.api_url) as client:
        yield Bazaar(demo, client)


@pytest.fixture(scope="module")
def recorded(demo: Stack) -> Iterator[Bazaar]:
    with Client(demo.api_url) as client:
        yield Bazaar(demo, client)


@pytest.fixture(scope="module")
def told(demo: Stack, bazaar: Bazaar, recorded: Bazaar) -> Iterator[Told]:
    """All platforms at once, each of them in its own order; then everything is quiet."""
    with ExitStack() as open_shops, ThreadPoolExecutor(WORKERS) as workers:
        tills = {kind.platform: kind() for kind in TILLS}
        for till in tills.values():
            address = {"api_base_url": open_shops.enter_context(till.api).address} if till.api else {}
            made = bazaar.connect(till.platform, till.secret, **till.settings, **address)
            till.webhook_url = made["webhook_url"]
        bazaar.connect("meta", META_SECRET, verify_token=VERIFY_TOKEN)
        connect_recorded(recorded)
        for brand in (bazaar, recorded):
            brand.api.post("/v1/test_clock", {"now": datetime.now(UTC).isoformat()})
        played = played_out(tills)
        bazaar.deliver("meta", [came(bazaar.slug)])
        sends = [workers.submit(bazaar.deliver, till.platform, till.sent()) for till in tills.values()]
        sends += [workers.submit(deliver_recorded, recorded, platform) for platform in recorded.connections]
        for send in sends:
            send.result()
        assert demo.await_quiet(seconds=600, silent=15)
        yield played


def played_out(tills: dict[str, Till]) -> Told:
    told = Told(tills)
    for name, till in tills.items():
        told.sold[name] = till.sell()
        told.returned[name] = till.sell()
        till.give_half_back(told.returned[name])
        told.called_off[name] = till.sell_in_vain()
    shop, tiktok = told.till(ShopifyTill), told.till(TikTokTill)
    told.unrewarded = tiktok.sell(at=rewarded() - timedelta(hours=2))
    told.twin = tiktok.sell()
    told.mirror = shop.sell(source_name="tiktok", source_identifier=told.twin)
    names_the_writer = [{"name": "messenger_id", "value": WRITER}]
    told.written = shop.sell(discount_codes=[], note_attributes=names_the_writer)
    return told


def came(ref: str) -> Request:
    """A batch of Meta's: somebody comes to the page's messages by that link, and somebody else says hello."""
    at = int((clock() - timedelta(minutes=5)).timestamp() * 1000)
    referral = {"ref": ref, "source": "SHORTLINK", "type": "OPEN_THREAD"}
    events = [
        {"sender": {"id": "25"}, "recipient": {"id": "1"}, "timestamp": at, "message": {"mid": "m_1", "text": "hi"}},
        {"sender": {"id": WRITER}, "recipient": {"id": "1"}, "timestamp": at, "referral": referral},
    ]
    batch = {"object": "page", "entry": [{"id": "1", "time": at, "messaging": events}]}
    body = json.dumps(batch).encode()
    return Request(sign_meta(META_SECRET, body, clock()), body)


# --- what was recorded ------------------------------------------------------------------------------------------------

RECORDED = sorted(set(PLATFORMS) - {"rest"})
_SECRETS = {till.platform: till.secret for till in TILLS} | {"meta": META_SECRET}
_SETTINGS = {
    "shopify": {"shop": shopify.SHOP},
    "bigcommerce": {"shop": bigcommerce.SHOP},
    "tiktok_shop": {"app_key": samples.TIKTOK_APP_KEY},
    "square": {"notification_url": "https://hooks.referral.example.com/square"},
    "meta": {"verify_token": VERIFY_TOKEN},
}
_ABOUT_BUYERS = ("customers_data_request", "customers_redact", "shop_redact", "customer.deleted", "customer_deleted")


TOKENS_WANTED = {
    ("bigcommerce", "token_missing"): 3,
    ("square", "token_missing"): 1,
    ("stripe", "token_missing"): 1,
    ("tiktok_shop", "token_missing"): 4,
    ("woocommerce", "token_missing"): 1,
}


def connect_recorded(brand: Bazaar) -> None:
    for platform in RECORDED:
        brand.connect(platform, _SECRETS[platform], **_SETTINGS.get(platform, {}))


def deliver_recorded(brand: Bazaar, platform: str) -> None:
    """Everything, but what asks for people to be forgotten."""
    for name in samples.names(platform):
        if not name.endswith(_ABOUT_BUYERS) and name != "meta/data_deletion_callback":
            assert brand.post(platform, recorded_request(platform, name)).status == 200, name


def recorded_request(platform: str, name: str) -> Request:
    """As it was signed, or signed anew where that is too old by now."""
    request, now, secret = samples.request(name), datetime.now(UTC), _SECRETS[platform]
    match platform:
        case "stripe":
            headers = sign_stripe(secret, request.body, now)
        case "bigcommerce":
            headers = standard_headers(secret.encode(), request.body, now, name)
        case "standard_webhooks":
            headers = standard_headers(base64.b64decode(secret.removeprefix("whsec_")), request.body, now, name)
        case _:
            return request
    return Request(headers, request.body)


# --- doors ------------------------------------------------------------------------------------------------------------


def test_meta_asks_whether_the_address_is_meant(told: Told, bazaar: Bazaar) -> None:
    path = urlsplit(bazaar.connections["meta"]["webhook_url"]).path
    for token, status, body in ((VERIFY_TOKEN, 200, b"1158201444"), ("guessed", 403, None)):
        query = {"hub.mode": "subscribe", "hub.challenge": "1158201444", "hub.verify_token": token}
        answer = bazaar.client.send("GET", f"{path}?{urlencode(query)}")
        assert answer.status == status
        assert body in (answer.body, None)


def test_woocommerce_greets_a_new_address(told: Told, recorded: Bazaar) -> None:
    answer = recorded.post("woocommerce", samples.request("woocommerce/ping"))
    assert (answer.status, json.loads(answer.body)) == (200, {"status": "ping"})


def test_what_nobody_signed_is_refused_at_every_door(told: Told, bazaar: Bazaar) -> None:
    forged = Request({}, b'{"id": 1}')
    assert {bazaar.post(platform, forged).status for platform in bazaar.connections} == {401}


def test_the_snippet_is_there_for_every_shop(demo: Stack, bazaar: Bazaar) -> None:
    answer = bazaar.client.send("GET", "/embed.js")
    assert (answer.status, answer.headers["content-type"]) == (200, "text/javascript; charset=utf-8")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert b"vouch" in answer.body


# --- sales ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("platform", [till.platform for till in TILLS])
def test_a_sale_earns_what_is_kept_of_it(told: Told, bazaar: Bazaar, platform: str) -> None:
    net = NETS.get(platform, 400)
    sold, returned, called_off = (
        bazaar.order(platform, sales[platform]) for sales in (told.sold, told.returned, told.called_off)
    )
    assert summary(sold) == ("paid", 4000, 0, [net])
    assert summary(returned) == ("paid", 4000, 2000, [net // 2])
    # Square's webhook of what nobody has paid says no more than that it is off; a look reads the rest of it.
    assert called_off["status"] in ({"cancelled", "parked"} if platform == "square" else {"cancelled"})
    assert sum(nets(called_off)) == 0
    assert {part["creator_id"] for part in sold["commissions"]} == {bazaar.creators["noa"]}
    assert sold["platform"] == platform


def summary(order: Any) -> tuple[str, int, int, list[int]]:
    return order["status"], order["base"]["amount"], order["refunded_base"]["amount"], nets(order)


def nets(order: Any) -> list[int]:
    return [part["net"]["amount"] for part in order["commissions"]]


@pytest.mark.parametrize("platform", [till.platform for till in TILLS])
def test_why_is_said_for_each_of_them(told: Told, bazaar: Bazaar, platform: str) -> None:
    one = bazaar.explained(platform, told.returned[platform])
    [candidate], [part], [refund] = one["candidates"], one["commissions"], one["refunds"]
    by = ("platform", f"tiktok:{HANDLE}") if platform == "tiktok_shop" else ("code", CODE.lower())
    assert (candidate["kind"], candidate["evidence"], candidate["outcome"]) == (*by, "credited")
    assert refund["outcome"] == "counted"
    assert part["net"]["amount"] == NETS.get(platform, 400) // 2
    assert sum(step["amount"]["amount"] for step in part["steps"]) == part["net"]["amount"]


def test_what_tiktok_pays_itself_is_shown_and_earns_nothing_until_a_rule_says_so(told: Told, bazaar: Bazaar) -> None:
    order = bazaar.order("tiktok_shop", told.unrewarded)
    [candidate] = bazaar.explained("tiktok_shop", told.unrewarded)["candidates"]
    assert summary(order) == ("paid", 4000, 0, [0])
    assert (candidate["creator_id"], candidate["outcome"]) == (bazaar.creators["noa"], "credited")
    assert candidate["platform_commission"] == {"amount": 300, "currency": "GBP"}


def test_one_sale_on_tiktok_and_in_the_shop_is_one_sale(told: Told, bazaar: Bazaar) -> None:
    assert summary(bazaar.order("shopify", told.mirror)) == ("paid", 4000, 0, [400])
    twin = bazaar.order("tiktok_shop", told.twin)
    assert (twin["reason"], sum(nets(twin))) == ("shadow", 0)


def test_who_had_written_to_the_page_was_led_there_by_dan(told: Told, bazaar: Bazaar) -> None:
    [candidate] = bazaar.explained("shopify", told.written)["candidates"]
    assert (candidate["creator_id"], candidate["kind"]) == (bazaar.creators["dan"], "click")
    assert candidate["evidence"].startswith("vis_")
    assert nets(bazaar.order("shopify", told.written)) == [400]


def test_nothing_of_it_waits_for_a_person(told: Told, bazaar: Bazaar) -> None:
    assert bazaar.parked() == []


# --- what goes wrong --------------------------------------------------------------------------------------------------


def test_a_platform_that_is_away_is_asked_again_and_nobody_has_to_do_anything(told: Told, bazaar: Bazaar) -> None:
    till = told.till(BigCommerceTill)
    till.shop.faults += [busy(6, status=503)] * 100
    sale = till.sell()
    bazaar.deliver("bigcommerce", till.sent())
    [note] = eventually(bazaar.parked)
    assert (note["reason"], note["detail"]) == ("awaiting_platform", "answered 503")
    assert bazaar.found("bigcommerce", sale) == []
    till.shop.faults.clear()
    assert eventually(lambda: not bazaar.parked())
    assert eventually(lambda: [nets(order) for order in bazaar.found("bigcommerce", sale)]) == [[400]]


def test_a_webhook_that_was_lost_is_healed(told: Told, bazaar: Bazaar) -> None:
    """At every platform that can be asked, all at once."""
    lost = {}
    for name, till in told.tills.items():
        if till.is_asked:
            till.sent()
            lost[name] = till.sell()
            assert till.sent()

    with ThreadPoolExecutor(2) as workers:
        looks = dict(zip(lost, workers.map(lambda platform: reconciled(bazaar, platform), lost), strict=True))
    for platform, look in looks.items():
        healed = {order["external_id"] for order in look["orders"]}
        assert healed - ({told.called_off["square"]} if platform == "square" else set()) == {lost[platform]}
        assert (look["status"], look["healed"], look["unreadable"]) == ("done", len(healed), 0), platform
    for platform, sale in lost.items():
        [order] = eventually(partial(bazaar.found, platform, sale))
        assert nets(order) == [NETS.get(platform, 400)], platform


def reconciled(bazaar: Bazaar, platform: str) -> Any:
    """What a look has come to; where it takes long it goes on behind the answer."""
    path = f"/v1/connections/{bazaar.connections[platform]['id']}"
    answer = bazaar.client.send("POST", f"{path}/reconcile", headers={"Authorization": f"Bearer {bazaar.api.key}"})
    begun = json.loads(answer.body)
    assert answer.status == (202 if begun["status"] == "running" else 200), answer.body

    def ended() -> Any:
        look = bazaar.api.get(f"{path}/reconciliations/{begun['id']}")
        return look if look["status"] != "running" else None

    return eventually(ended)


def test_where_nothing_was_lost_nothing_is_healed(told: Told, bazaar: Bazaar) -> None:
    reconciled(bazaar, "shopify")
    again = reconciled(bazaar, "shopify")
    assert (again["status"], again["healed"]) == ("done", 0)
    assert again["looked_at"] > 0


def test_the_platforms_are_looked_at_by_themselves(told: Told, bazaar: Bazaar, demo: Stack) -> None:
    """By the function that a schedule calls; what it begins goes on by the queue. What is fresh may still come."""
    till, earlier = told.till(ShopifyTill), (clock() - timedelta(minutes=30)).isoformat()
    sale = till.sell(created_at=earlier, processed_at=earlier)
    till.shop.orders[int(sale)]["updated_at"] = earlier
    demo.invoke("ReconcileFunction", {})
    [order] = eventually(partial(bazaar.found, "shopify", sale))
    assert nets(order) == [400]
    for name, asked in told.tills.items():
        if asked.is_asked:
            assert eventually(partial(is_looked_at, bazaar, name)), name


def is_looked_at(bazaar: Bazaar, platform: str) -> bool:
    """Whether looks at it were begun, and all have come to their end."""
    found = bazaar.api.get(f"/v1/connections/{bazaar.connections[platform]['id']}/reconciliations")["items"]
    return {look["status"] for look in found} == {"done"}


# --- everything recorded ----------------------------------------------------------------------------------------------


def test_whatever_was_recorded_is_understood_or_says_what_is_missing(told: Told, recorded: Bazaar) -> None:
    """Without tokens, what says too little waits for one; nothing else waits, least of all for us."""
    platforms = {made["id"]: platform for platform, made in recorded.connections.items()}
    notes = Counter((platforms[note["connection_id"]], note["reason"]) for note in recorded.parked())
    assert notes == TOKENS_WANTED


# --- who is to be forgotten -------------------------------------------------------------------------------------------


def test_a_buyer_whom_shopify_has_us_forget_is_gone_and_the_books_stay(told: Told, recorded: Bazaar) -> None:
    bought = str(samples.content("shopify/orders_paid")["id"])
    before = recorded.order("shopify", bought)
    recorded.deliver("shopify", [samples.request("shopify/customers_redact")])
    [asked] = eventually(lambda: done(recorded, "shopify"))
    assert (asked["kind"], asked["left"]) == ("erase_customer", 0)
    assert before["id"] in asked["orders"]
    assert asked["erased"] > 0
    assert recorded.order("shopify", bought) == before


def done(brand: Bazaar, platform: str) -> list[Any]:
    asked = brand.api.get("/v1/privacy/requests")["items"]
    return [each for each in asked if each["platform"] == platform and each["status"] == "done"]


def test_whom_meta_has_us_forget_can_read_what_became_of_it(told: Told, recorded: Bazaar) -> None:
    answer = recorded.post("meta", samples.request("meta/data_deletion_callback"))
    said = json.loads(answer.body)
    assert (answer.status, said.keys()) == (200, {"url", "confirmation_code"})
    [asked] = eventually(lambda: done(recorded, "meta"))
    assert asked["id"] == said["confirmation_code"]
    page = recorded.client.send("GET", urlsplit(said["url"]).path, headers={"accept-language": "en"})
    assert page.status == 200
    assert page.headers["content-type"].startswith("text/html")
    assert b"What was kept of you is gone" in page.body


# --- the books --------------------------------------------------------------------------------------------------------


def test_the_books_of_both_brands_add_up(told: Told, demo: Stack, bazaar: Bazaar, recorded: Bazaar) -> None:
    assert demo.await_quiet(seconds=600, silent=15)
    for brand in (bazaar, recorded):
        report = brand.api.get("/v1/ledger/verify")
        assert (report["ok"], report["violations"], report["next_cursor"]) == (True, [], None)
    for name, creator in bazaar.creators.items():
        balances = bazaar.api.get(f"/v1/creators/{creator}/balances")
        have = {each["currency"]: each["pending"] + each["available"] + each["held"] for each in balances}
        assert {currency: amount for currency, amount in have.items() if amount} == bazaar.nets(name)
    assert bazaar.parked() == []

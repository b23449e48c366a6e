"""One sale on two platforms: TikTok's app repeats its orders in Shopify, where the sale counts, once."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from itertools import count, permutations
from typing import Any

import pytest

from attribution.api import api
from tests.faults.doors import Door, on_this_machine
from tests.faults.injection import Died, injected
from tests.faults.shop import Sale
from tests.faults.world import CHANGED, World, functions
from tests.fixtures import NOON, Clock
from tests.functions.client import Client
from tests.standins import tiktok_shop
from tests.standins.tiktok_shop import TikTokShop, Unit
from vouch.domain.facts import Shadow
from vouch.service import keys, replays, simulations, standings
from vouch.service.deployment import Deployment
from vouch.service.mint import fresh
from vouch.store import connections, handles, orders, registers
from vouch.store.database import FAILURES

ON_TIKTOK = "577094156662640706"
ON_SHOPIFY = "7001"
PLACED = NOON - timedelta(minutes=30)
BY_NOA = {"noa": 2_550}
"""12.75 % of the 200.00 on TikTok, where a rule names it."""
BY_DAN = {"dan": 1_377}
"""12.75 % of the 108.00 on Shopify, by his code."""
TIKTOK_TOO = {"match": {"platforms": ["tiktok_shop"]}, "reward": {"type": "percent", "bps": 1_275}}
ALL = {"match": {}, "reward": {"type": "percent", "bps": 1_275}}
PAYING: dict[str, Any] = {"rules": [TIKTOK_TOO, ALL]}


@dataclass
class Both:
    """A brand that sells on Shopify, by Dan's code, and on TikTok Shop, which says that Noa sold it."""

    world: World
    tiktok: TikTokShop
    door: Door
    sale: Sale

    def tell(self, *what: str) -> None:
        """One after the other, as it is on the platforms by now."""
        for each in what:
            getattr(self, f"_{each}")()

    def _tiktok(self) -> None:
        """Its webhook is thin, and its API is asked."""
        self.door.deliver(self.tiktok.status_webhook(ON_TIKTOK))
        self.door.run()

    def _tiktok_return(self) -> None:
        self.door.deliver(self.tiktok.return_webhook("r1"))
        self.door.run()

    def _shopify(self) -> None:
        self._sent("orders/paid")

    def _shopify_refund(self) -> None:
        self._sent("refunds/create")
        self._sent("orders/updated")

    def _sent(self, topic: str) -> None:
        for webhook in self.webhooks:
            if webhook.topic == topic:
                self.world.deliver(webhook)

    def happens(self) -> None:
        """On both platforms: the sale, and half of what was bought comes back."""
        self.tiktok.place(ON_TIKTOK, Unit("100.00"), Unit("100.00"))
        self.tiktok.becomes(ON_TIKTOK, "AWAITING_SHIPMENT")
        self.tiktok.sold_by(ON_TIKTOK, "noa_sells", "7.50")
        self.webhooks = [self.sale.paid()]

    def comes_back(self) -> None:
        self.tiktok.give_back(ON_TIKTOK, "r1", {0: "100.00"})
        self.webhooks += self.sale.refunded(PLACED + timedelta(minutes=10), [(0, 1)])

    def earned(self) -> tuple[dict[str, int], dict[str, int]]:
        """What creators have of the one on TikTok, and of the one on Shopify."""
        lives = {creator: life for life, creator in self.world.creators.items()}
        sums, _ = self.world.books(ON_SHOPIFY)
        return self.door.earned(ON_TIKTOK), {lives[creator]: amount for (creator, _, _), amount in sums.items()}

    def client(self, monkeypatch: pytest.MonkeyPatch) -> Client:
        """The brand's own, with a key that may do everything."""
        deployment = self.world.deployment
        monkeypatch.setattr(api, "connect", lambda: deployment)
        key, text = keys.first(deployment, fresh(deployment), self.world.brand)
        deployment.database.put_new(key)
        return Client(api, text, self.world.brand_id)


def brand(
    deployment: Deployment, tiktok: TikTokShop, name: str = "brand", mode: str = "live", **commission: Any
) -> Both:
    """What was there before the sale."""
    world = World(deployment, name, mode=mode).build()
    terms = {"attribution": {"model": "last", "window_days": 30, "code_policy": "wins"}, "hold_days": 14}
    world._terms(world.friends, 2, CHANGED, terms | {"commission": commission or PAYING}).save()
    item = handles.handle(deployment.database, world.brand_id, "tiktok:noa_sells")
    handles.give(item, world.creators["noa"], "2026-03-01T00:00:00.000000Z")
    item.save()
    door = Door(
        world,
        "tiktok_shop",
        tiktok_shop.APP_SECRET,
        app_key=tiktok_shop.APP_KEY,
        api_token=tiktok_shop.TOKEN,
        api_base_url=tiktok.address,
    )
    sale = Sale(int(ON_SHOPIFY), PLACED, codes=["DAN10"])
    sale.body |= {"source_name": "tiktok", "source_identifier": ON_TIKTOK}
    both = Both(world, tiktok, door, sale)
    both.happens()
    return both


@pytest.fixture
def tiktok(deployment: Deployment, clock: Clock) -> Iterator[TikTokShop]:
    with functions(deployment), on_this_machine(World(deployment)), TikTokShop(clock, "USD") as shop:
        yield shop


@pytest.fixture(params=["live", "test"])
def both(request: pytest.FixtureRequest, deployment: Deployment, tiktok: TikTokShop) -> Both:
    return brand(deployment, tiktok, mode=request.param)


def test_each_alone_earns_by_its_own_evidence(both: Both) -> None:
    both.tell("tiktok")
    assert both.earned() == (BY_NOA, {})
    other = brand(both.world.deployment, both.tiktok, "another")
    other.tell("shopify")
    assert other.earned() == ({}, BY_DAN)


def test_where_no_rule_names_it_tiktok_alone_pays_whichever_comes_first(
    deployment: Deployment, tiktok: TikTokShop
) -> None:
    for order in (("tiktok", "shopify"), ("shopify", "tiktok")):
        both = brand(deployment, tiktok, order[0], rules=[ALL])
        reasons = []
        for each in order:
            both.tell(each)
            known = both.door.known(ON_TIKTOK)
            reasons.append(known.summary["reason"] if known else None)
        assert (reasons[-1], both.earned()) == ("shadow", ({}, BY_DAN))
        assert reasons[0] == ("platform_pays" if order[0] == "tiktok" else "awaiting_order")
        both.world.assert_invariants()


@pytest.mark.parametrize("order", [("tiktok", "shopify"), ("shopify", "tiktok"), ("shopify",) * 2 + ("tiktok",) * 2])
def test_together_the_one_on_shopify_earns_whichever_comes_first(both: Both, order: Sequence[str]) -> None:
    both.tell(*order)
    assert both.earned() == ({}, BY_DAN)
    shadow = both.door.order(ON_TIKTOK)
    assert (shadow.summary["status"], shadow.summary["reason"]) == ("paid", "shadow")
    [event] = [each for each in shadow.facts.events.values() if isinstance(each, Shadow)]
    assert event == Shadow(both.world.order_id(ON_SHOPIFY), PLACED)
    both.world.assert_invariants()
    version = shadow.version
    both.tell(*order)
    assert (both.door.order(ON_TIKTOK).version, both.earned()) == (version, ({}, BY_DAN))


def test_tiktok_shop_may_be_connected_after_the_sale_was_told_by_shopify(both: Both) -> None:
    database = both.world.deployment.database
    connection = database.get(*connections.key(both.door.connection_id))
    assert connection is not None
    database.delete(connection)
    both.tell("shopify")
    connection.save()
    both.tell("tiktok")
    assert both.earned() == ({}, BY_DAN)
    assert both.door.order(ON_TIKTOK).summary["reason"] == "shadow"
    both.world.assert_invariants()


@pytest.mark.parametrize("order", [("tiktok", "shopify"), ("shopify", "tiktok")])
def test_a_test_in_a_shop_that_is_none_takes_nothing_from_a_sale(both: Both, order: Sequence[str]) -> None:
    both.sale.body["test"] = True
    both.webhooks = [both.sale.paid()]
    both.tell(*order)
    assert both.earned() == (({}, BY_DAN) if both.world.brand.mode == "test" else (BY_NOA, {}))


def test_what_the_one_on_tiktok_had_earned_is_all_taken_back(both: Both) -> None:
    both.tell("tiktok")
    [item] = both.door.order(ON_TIKTOK).commissions
    assert (item.earned, item.reversed) == (2_550, 0)
    both.tell("shopify")
    [item] = both.door.order(ON_TIKTOK).commissions
    assert (item.earned - item.reversed, both.earned()) == (0, ({}, BY_DAN))
    entries = both.world.entries()[both.door.order_id(ON_TIKTOK)]
    assert len(entries) == 2
    both.world.assert_invariants()


def test_refunds_on_both_sides_come_to_the_same_in_whatever_order(deployment: Deployment, tiktok: TikTokShop) -> None:
    """Half of it comes back: of the 54.00 that are left on Shopify Dan has 12.75 %."""
    told = ("tiktok", "tiktok_return", "shopify", "shopify_refund")
    for number, order in enumerate(permutations(told)):
        sold = brand(deployment, tiktok, f"brand {number}")
        sold.comes_back()
        sold.tell(*order)
        assert sold.earned() == ({}, {"dan": 689}), order
        sold.world.assert_invariants()


@pytest.mark.parametrize("kind", ["crash before", "fails after"])
def test_who_dies_between_the_sale_and_its_shadow_makes_up_for_it(
    deployment: Deployment, tiktok: TikTokShop, kind: str
) -> None:
    with injected(deployment) as faults:
        for number in count(1):
            both = brand(deployment, tiktok, f"brand {number}")
            both.tell("tiktok")
            [webhook] = both.webhooks
            both.world.post(webhook)
            image = both.world.stored(webhook)
            with faults.breaking(number, kind), suppress(Died, *FAILURES):
                both.world.settle([image])
            if number > len(faults.calls):
                break
            both.world.settle([image])
            assert both.earned() == ({}, BY_DAN)
            both.world.assert_invariants()
    assert faults.calls.count("TransactWriteItems") == 2


def test_another_brand_s_order_of_that_number_and_another_number_of_the_brand_stay(
    deployment: Deployment, tiktok: TikTokShop
) -> None:
    mine, other = (brand(deployment, tiktok, name) for name in ("mine", "other"))
    other.tell("tiktok")
    mine.tell("tiktok", "shopify")
    assert (mine.earned(), other.earned()) == (({}, BY_DAN), (BY_NOA, {}))
    third = brand(deployment, tiktok, "third")
    third.sale.body["source_identifier"] = "577094156662640799"
    third.webhooks = [third.sale.paid()]
    third.tell("tiktok", "shopify")
    assert third.earned() == (BY_NOA, BY_DAN)


def test_an_order_of_shopify_s_own_shadows_none(both: Both) -> None:
    both.sale.body["source_name"] = "web"
    both.webhooks = [both.sale.paid()]
    both.tell("shopify", "tiktok")
    assert both.earned() == (BY_NOA, BY_DAN)


def test_of_two_shops_on_tiktok_the_one_with_that_order_has_its_shadow(both: Both) -> None:
    """Which of them it is nobody says: the other has no order of that number, and nobody is shown one."""
    second = Door(both.world, "tiktok_shop", tiktok_shop.APP_SECRET, app_key="another", shop="second")
    both.tell("tiktok", "shopify")
    assert both.earned() == ({}, BY_DAN)
    known = second.known(ON_TIKTOK)
    assert known is not None
    assert known.facts.untold


# --- what is shown ----------------------------------------------------------------------------------------------------


def test_nobody_is_shown_an_order_that_nobody_told_of(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    client, shadow = both.client(monkeypatch), both.door.order_id(ON_TIKTOK)
    both.tell("shopify")
    assert both.door.known(ON_TIKTOK) is not None
    listed = client.get("/v1/orders").body["items"]
    assert [each["external_id"] for each in listed] == [ON_SHOPIFY]
    assert client.get("/v1/orders", external_id=ON_TIKTOK).body["items"] == []
    at = {"connection_id": both.door.connection_id}
    assert client.get("/v1/orders", external_id=ON_TIKTOK, **at).body["items"] == []
    absent = client.get("/v1/orders/ord_0000").told
    for path in (f"/v1/orders/{shadow}", f"/v1/orders/{shadow}/explanation"):
        assert client.get(path).told == absent
    held = client.post(f"/v1/orders/{shadow}/decisions", {"kind": "hold", "reason": "why"})
    assert held.status == 404
    both.world.assert_invariants()
    both.tell("tiktok")
    listed = client.get("/v1/orders").body["items"]
    assert {each["external_id"] for each in listed} == {ON_SHOPIFY, ON_TIKTOK}
    assert client.get(f"/v1/orders/{shadow}").body["status"] == "paid"


def test_once_told_it_is_shown_with_its_reason_and_no_commission(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    client, creators = both.client(monkeypatch), both.world.creators
    both.tell("tiktok", "shopify")
    shown = client.get(f"/v1/orders/{both.door.order_id(ON_TIKTOK)}").body
    assert (shown["status"], shown["reason"]) == ("paid", "shadow")
    [part] = shown["commissions"]
    assert (part["creator_id"], part["status"], part["earned"]["amount"]) == (creators["noa"], "none", 0)
    for life, nets in (("noa", [0]), ("dan", [1_377])):
        items = client.get("/v1/commissions", creator_id=creators[life]).body["items"]
        assert [each["net"]["amount"] for each in items] == nets


@pytest.mark.parametrize(
    "language, reason, paid",
    [
        (
            "en",
            "The same sale is another order, and counts there.",
            "The platform itself pays 7.50 USD for the order.",
        ),
        (
            "he",
            "אותה מכירה היא הזמנה אחרת, ונספרת שם.",
            "הפלטפורמה עצמה משלמת \u20667.50 USD\u2069 על ההזמנה.",
        ),
    ],
)
@pytest.mark.parametrize("order", [("tiktok", "shopify"), ("shopify", "tiktok")])
def test_it_is_explained(
    both: Both, monkeypatch: pytest.MonkeyPatch, order: Sequence[str], language: str, reason: str, paid: str
) -> None:
    client = both.client(monkeypatch)
    both.tell(*order)
    noa, path = both.world.creators["noa"], f"/v1/orders/{both.door.order_id(ON_TIKTOK)}/explanation"
    for viewer in (None, noa):
        told = client.get(path, creator_id=viewer, language=language).body
        assert (told["status"], told["reason"], told["former"]) == ("paid", "shadow", [])
        assert reason in told["text"]
        assert paid in told["text"]
        [candidate], [part] = told["candidates"], told["commissions"]
        assert candidate["creator_id"] == part["creator_id"] == noa
        assert candidate["platform_commission"] == {"amount": 750, "currency": "USD"}
        assert [step["amount"]["amount"] for step in part["steps"]] == [part["net"]["amount"]] == [0]


# --- what else it would count in --------------------------------------------------------------------------------------


def noted(both: Both, before: Any) -> Any:
    """The stream brings the shadow's newest state to its registers."""
    deployment = both.world.deployment
    after = orders.state(deployment.database, both.world.brand_id, both.door.order_id(ON_TIKTOK))
    assert after is not None
    standings.note(deployment, before, after)
    return after


def test_it_stands_in_no_customer_s_register_any_more(both: Both) -> None:
    both.tell("tiktok")
    state = noted(both, None)
    [(register, stands)] = orders.registered(state).items()
    kind, pk, sk = registers.key(both.world.brand_id, register)
    known = registers.register(both.world.deployment.database.get(kind, pk, sk))
    assert known.first == stands.mark.place
    both.tell("shopify")
    assert orders.registered(noted(both, state)) == {}
    assert registers.register(both.world.deployment.database.get(kind, pk, sk)).first is None


def test_it_stands_in_none_if_it_was_known_to_be_one_before(both: Both) -> None:
    both.tell("shopify", "tiktok")
    assert orders.registered(noted(both, None)) == {}


def test_it_counts_for_no_cap_and_no_bonus(deployment: Deployment, tiktok: TikTokShop) -> None:
    bonus = {"id": "many", "measure": "orders", "threshold": 1, "period": "month"}
    bonus |= {"reward": {"type": "flat_order", "amount": 500, "currency": "USD"}}
    cap = {"amount": 1_000_000, "currency": "USD", "period": "month"}
    rules: dict[str, Any] = PAYING | {"cap_per_period": cap, "bonuses": [bonus]}
    both = brand(deployment, tiktok, **rules)
    both.tell("tiktok")
    assert _counted(both) == [(2_550, 1)]
    both.tell("shopify")
    assert sorted(_counted(both)) == [(-2_550, -1), (2_550, 1)]


def _counted(both: Both) -> list[tuple[int, int]]:
    """What each entry of the one on TikTok adds to its period: money and orders."""
    entries = both.world.entries()[both.door.order_id(ON_TIKTOK)]
    assert all(entry.counted is not None for entry in entries)
    return [(entry.credited(f"creator:{entry.creator_id}:earned"), entry.orders) for entry in entries]


def test_replays_and_simulations_know_it_for_what_it_is(both: Both) -> None:
    deployment, world = both.world.deployment, both.world
    begin, end = PLACED - timedelta(days=1), PLACED + timedelta(days=1)
    for told, many in (("shopify", 1), ("tiktok", 2)):
        both.tell(told)
        replayed = replays.replayed(deployment, world.brand, begin, end, in_time=lambda: True)
        assert (replayed.orders, replayed.different) == (many, [])
    item = simulations.created(
        deployment,
        fresh(deployment),
        world.brand,
        program_id=world.friends,
        terms={"commission": {"rules": [TIKTOK_TOO | {"reward": {"type": "percent", "bps": 5_000}}, ALL]}},
        start=begin,
        end=end,
        in_time=lambda: True,
    )
    assert item.status == "done"
    rows = simulations.rows(deployment, world.brand, item, None).items
    assert {(stake.creator_id, change.before, change.after) for stake, change in rows} == {
        (world.creators["dan"], 1_377, 1_377)
    }

"""What an order's surroundings were on the day it was placed, beyond codes and clicks: looked up once, and pinned."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.faults.world import BEGAN, CHANGED, World
from tests.fixtures import NOON
from vouch.domain import times
from vouch.domain.attribution import Touch
from vouch.domain.context import Context, Membership, Product
from vouch.domain.facts import Decision, Lifecycle, Line, OrderFacts, Snapshot, Standing
from vouch.domain.rates import Rate
from vouch.service.evidence import Evidence
from vouch.store import products, rates
from vouch.store.tables import Creator, Enrolment, Handle, Item, ProductItem, ProductTie, TermsVersion, TiesBegin

TURN = times.parse(CHANGED)
MICRO = timedelta(microseconds=1)
BUYER = "customer:somebody"
ORIGIN = NOON - timedelta(days=90)


def order(placed_at: datetime = NOON, **said: Any) -> Snapshot:
    whole: dict[str, Any] = {"currency": "USD", "lines": (), "platform": "shopify"} | said
    return Snapshot(placed_at, placed_at, Lifecycle.PAID, **whole)


def pinned(
    world: World, snapshot: Snapshot, before: Context | None = None, events: Iterable[Decision | Standing] = ()
) -> Context:
    facts = OrderFacts(snapshot, {(event.kind, event.id): event for event in events})
    evidence = Evidence(world.deployment, world.brand_id)
    return evidence.pinned("ord_1", facts, before or Context(), wait_for_clicks_since=None)


def selling(*products_sold: str, sku: str | None = None, **said: Any) -> tuple[Line, ...]:
    return tuple(Line(product, 1, 100, product_id=product, sku=sku, **said) for product in products_sold)


def terms(world: World, **said: Any) -> None:
    """The terms of `friends` now, with these parts."""
    key = (world.brand_id, f"PRG#{world.friends}#T#000002")
    item = world.deployment.database.get(TermsVersion, *key)
    assert item is not None
    item.terms = item.terms | said
    item.save()


def creator(world: World, life: str, **said: Any) -> None:
    item = world.deployment.database.get(Creator, f"{world.brand_id}#C#{world.creators[life]}", "C")
    assert item is not None
    for name, value in said.items():
        setattr(item, name, value)
    item.save()


def save(*items: Item) -> None:
    for item in items:
        item.save()


def handle(world: World, name: str, *owners: list[str | None]) -> None:
    save(Handle(f"{world.brand_id}#N#{name}", "N", owners=[*owners], version=1))


@pytest.mark.parametrize("placed_at, life", [(TURN - MICRO, "noa"), (TURN, "tal")])
def test_a_handle_is_whose_it_was_that_day_in_their_oldest_program(
    world: World, placed_at: datetime, life: str
) -> None:
    noa, tal = world.creators["noa"], world.creators["tal"]
    handle(world, "tiktok:maya", [noa, BEGAN, CHANGED], [tal, CHANGED, None])
    [touch] = pinned(world, order(placed_at, handles=("tiktok:maya",))).touches["handle:tiktok:maya"]
    assert (touch.kind, touch.evidence) == ("platform", "tiktok:maya")
    assert (touch.creator_id, touch.barred) == (world.creators[life], None)
    assert touch.program_id == (world.friends if life == "noa" else world.press)
    assert touch.terms_version == 1


def test_a_handle_is_meant_in_a_program_that_ran_that_day(world: World) -> None:
    noa = world.creators["noa"]
    first, last = sorted([world.friends, world.press])
    world._enrolment(noa, world.press, [[BEGAN, None]]).save()
    handle(world, "tiktok:maya", [noa, BEGAN, None])
    world.program(first, [[1, None]], active=[[None, CHANGED]]).save()
    [touch] = pinned(world, order(NOON, handles=("tiktok:maya",))).touches["handle:tiktok:maya"]
    assert (touch.program_id, touch.barred) == (last, None)


def test_a_connection_that_is_limited_to_a_program_means_its_handles_there(world: World) -> None:
    handle(world, "tiktok:maya", [world.creators["noa"], BEGAN, None])
    context = pinned(world, order(handles=("tiktok:maya",)), Context(only_program=world.press))
    [touch] = context.touches["handle:tiktok:maya"]
    assert (touch.program_id, touch.barred) == (world.press, "not_enrolled")


def test_a_handle_of_nobody_and_one_of_a_creator_without_a_program(world: World) -> None:
    handle(world, "tiktok:eve", [world.creators["eve"], BEGAN, None])
    found = pinned(world, order(handles=("tiktok:nobody", "tiktok:eve"))).touches
    assert found["handle:tiktok:nobody"] == (Touch("platform", "tiktok:nobody", problem="unknown_handle"),)
    [touch] = found["handle:tiktok:eve"]
    assert (touch.creator_id, touch.program_id, touch.barred) == (world.creators["eve"], None, "not_enrolled")


def test_product_ties_are_read_where_the_brand_had_any_and_then_one_by_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    noa, friends = world.creators["noa"], world.friends
    save(
        TiesBegin(world.brand_id, "TIES", since=BEGAN),
        ProductTie(f"{world.brand_id}#T#product:mug", "T", owners=[[noa, friends, BEGAN, CHANGED]], version=1),
        ProductTie(f"{world.brand_id}#T#sku:POT-01", "T", owners=[[noa, friends, CHANGED, None]], version=1),
    )
    sold = selling("mug", "pot", sku="POT-01")
    before = pinned(world, order(TURN - MICRO, lines=sold))
    assert before.tied is True
    assert [touch.creator_id for touch in before.touches["product:mug"]] == [noa]
    assert (before.touches["sku:POT-01"], before.touches["product:pot"]) == ((), ())
    after = pinned(world, order(TURN, lines=sold))
    assert (after.touches["product:mug"], after.touches["sku:POT-01"][0].evidence) == ((), "sku:POT-01")
    monkeypatch.setattr(world.deployment.database, "get_many", _nothing_is_read)
    assert pinned(world, order(TURN, lines=sold), after) == after


def test_before_the_first_tie_products_are_not_asked_about(world: World) -> None:
    save(TiesBegin(world.brand_id, "TIES", since=CHANGED))
    context = pinned(world, order(TURN - MICRO, lines=selling("mug")))
    assert (context.tied, dict(context.touches)) == (False, {})


def test_a_creators_tier_and_recruiter_are_those_of_that_day(world: World) -> None:
    noa, dan = world.creators["noa"], world.creators["dan"]
    creator(
        world, "noa", tiers=[["silver", BEGAN, CHANGED], ["gold", CHANGED, None]], recruiters=[[dan, CHANGED, None]]
    )
    person = world.deployment.secrets.pseudonym(world.brand_id, "email:dan@example.com")
    before = pinned(world, order(TURN - MICRO, codes=("noa10",)))
    assert before.members == {(noa, world.friends): Membership("silver")}
    after = pinned(world, order(TURN, codes=("noa10",)))
    assert after.members == {(noa, world.friends): Membership("gold", None, dan, TURN, (person,))}


def test_a_recruiter_who_is_not_in_the_program_is_barred(world: World) -> None:
    creator(world, "noa", recruiters=[[world.creators["tal"], BEGAN, None]])
    [member] = pinned(world, order(codes=("noa10",))).members.values()
    assert (member.recruiter_id, member.recruiter_barred) == (world.creators["tal"], "not_enrolled")


def test_who_is_nothing_beyond_a_member_is_not_pinned(world: World) -> None:
    assert not pinned(world, order(codes=("noa10",))).members


def test_a_customers_origin_is_a_touch_under_the_terms_of_the_day(world: World) -> None:
    word = Standing(
        BUYER,
        NOON,
        first=False,
        origin="ord_0",
        origin_at=NOON - timedelta(days=90),
        creator_id=world.creators["noa"],
        program_id=world.friends,
    )
    context = Context(standings={BUYER: word})
    found = pinned(world, order(customers=("somebody",)), context).touches
    [touch] = found[f"customer:ord_0:{world.creators['noa']}:{world.friends}"]
    assert (touch.kind, touch.evidence, touch.at) == ("customer", "ord_0", NOON - timedelta(days=90))
    assert (touch.terms_version, touch.barred) == (2, None)
    later = replace(word, version=1, creator_id=world.creators["eve"])
    found = pinned(world, order(customers=("somebody",)), context, [later]).touches
    assert [touch.barred for touch in found[f"customer:ord_0:{world.creators['eve']}:{world.friends}"]] == [
        "not_enrolled"
    ]


@pytest.mark.parametrize(
    "left, barred",
    [
        ([], None),
        ([ORIGIN], None),
        ([ORIGIN + MICRO], "tie_ended"),
        ([NOON], "tie_ended"),
        ([NOON + MICRO], None),
        ([ORIGIN - MICRO, NOON - MICRO, NOON + MICRO], "tie_ended"),
    ],
)
def test_a_customer_is_nobodys_once_who_brought_them_has_left_though_they_are_back(
    world: World, left: list[datetime], barred: str | None
) -> None:
    noa = world.creators["noa"]
    enrolment = world.deployment.database.get(Enrolment, f"{world.brand_id}#C#{noa}", f"ENR#{world.friends}")
    assert enrolment is not None
    enrolment.leaves = [times.text(moment) for moment in left]
    save(enrolment)
    word = Standing(
        BUYER, NOON, first=False, origin="ord_0", origin_at=ORIGIN, creator_id=noa, program_id=world.friends
    )
    found = pinned(world, order(customers=("somebody",)), Context(standings={BUYER: word})).touches
    assert [touch.barred for touch in found[f"customer:ord_0:{noa}:{world.friends}"]] == [barred]
    [code] = pinned(world, order(codes=("noa10",))).touches["code:noa10"]
    assert code.barred is None, "what leads to the order itself counts as for anybody who is there"


def test_an_order_stands_in_a_register_for_each_name_of_its_buyer_and_one_for_its_subscription(world: World) -> None:
    said = order(customers=("somebody", "else"), subscription="monthly", subscribed_at=NOON)
    context = pinned(world, said)
    assert set(context.standings) == {BUYER, "customer:else", "subscription:monthly"}
    assert context.customer_new(OrderFacts(said)) is True


@pytest.mark.parametrize("test_brand, stands", [(False, set()), (True, {BUYER})])
def test_a_test_order_stands_in_registers_of_a_test_brand_alone(
    world: World, test_brand: bool, stands: set[str]
) -> None:
    context = pinned(world, order(customers=("somebody",), test=True), Context(test_brand=test_brand))
    assert set(context.standings) == stands


def test_a_decision_names_its_creator_whether_or_not_they_took_part_that_day(world: World) -> None:
    eve = world.creators["eve"]
    said = Decision("d1", NOON, "reassign", "key_1", "hers", creator_id=eve, program_id=world.friends)
    [touch] = pinned(world, order(), events=[said]).touches[f"creator:{eve}:{world.friends}"]
    assert (touch.kind, touch.creator_id, touch.terms_version, touch.barred) == ("decision", eve, 2, None)


def test_a_decision_for_a_program_without_terms_that_day_gives_nobody_anything(world: World) -> None:
    world.program(world.friends, [[1, CHANGED]]).save()
    noa = world.creators["noa"]
    said = Decision("d1", NOON, "reassign", "key_1", "hers", creator_id=noa, program_id=world.friends)
    [touch] = pinned(world, order(TURN - MICRO), events=[said]).touches[f"creator:{noa}:{world.friends}"]
    assert (touch.terms_version, touch.problem) == (None, "no_terms")


_KITCHEN = {"rules": [{"match": {"collections": ["kitchen"]}, "reward": {"type": "percent", "bps": 1}}]}


def test_the_catalogue_is_read_where_terms_ask_and_the_line_says_nothing(world: World) -> None:
    terms(world, commission=_KITCHEN)
    item = ProductItem(f"{world.brand_id}#G#mug", "G", g1pk="x", g1sk="mug", id="mug", versions=[], version=1)
    products.say(item, ["sale"], ["kitchen"], CHANGED)
    save(item)
    lines = (*selling("mug", "pot"), *selling("said", tags=("own",)))
    context = pinned(world, order(codes=("noa10",), lines=lines))
    assert context.products == {"mug": Product(("sale",), ("kitchen",)), "pot": Product(known=False)}


def test_the_catalogue_is_left_alone_where_no_rule_asks_for_it(world: World) -> None:
    assert not pinned(world, order(codes=("noa10",), lines=selling("mug"))).products


@pytest.mark.parametrize(
    "age, found",
    [
        (timedelta(0), False),
        (MICRO, True),
        (timedelta(days=7), True),
        (timedelta(days=7) + MICRO, False),
    ],
)
def test_the_rate_is_the_last_fixing_before_the_order_of_seven_days_at_most(
    world: World, age: timedelta, found: bool
) -> None:
    terms(world, convert_to="USD")
    fixing = Rate(10_835, 10_000, "bank", NOON - age)
    older = Rate(2, 1, "bank", NOON - timedelta(days=30))
    save(*(rates.new_rate(world.brand_id, "EUR", "USD", rate, created_at=BEGAN) for rate in (fixing, older)))
    context = pinned(world, order(codes=("noa10",), currency="EUR"))
    assert context.rates == ({("EUR", "USD"): fixing} if found else {})
    late = Rate(3, 1, "late", NOON - MICRO)
    save(rates.new_rate(world.brand_id, "EUR", "USD", late, created_at=BEGAN))
    again = pinned(world, order(codes=("noa10",), currency="EUR"), context)
    assert again.rates == {("EUR", "USD"): fixing if found else late}


def test_no_rate_is_asked_for_in_the_programs_own_currency(world: World) -> None:
    terms(world, convert_to="USD")
    assert not pinned(world, order(codes=("noa10",))).rates


def _nothing_is_read(keys: Iterable[object]) -> dict[object, object]:
    assert not list(keys), "what is pinned is not asked again"
    return {}

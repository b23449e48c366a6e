"""Visits by message: kept by contact, once each; orders that name the contact are credited, whichever comes first."""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count, permutations
from typing import Any

import pytest

from attribution import ingest
from tests.faults.injection import KINDS, Died, injected, kinds
from tests.faults.world import CHANGED, Context, Stored, World, cold_start, engine, event, functions, later
from tests.fixtures import NOON
from tests.platforms import samples
from vouch.domain import ids, times
from vouch.domain.attribution import Touch
from vouch.domain.clicks import BY_MESSAGE
from vouch.domain.facts import Snapshot
from vouch.platforms import rest
from vouch.platforms.base import Reading, Visit
from vouch.platforms.registry import PLATFORMS
from vouch.service import deliveries, orders, visits
from vouch.service.deployment import Deployment
from vouch.service.orders import Target
from vouch.service.volumes import SealNotDue
from vouch.store import inbox
from vouch.store import orders as stored_orders
from vouch.store import visits as store
from vouch.store.inbox import Door
from vouch.store.tables import ConnectionItem, Delivery, Slug, VisitItem

HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
PERSON = "2500000000000001"
META = ids.derived("con_", "meta")


@pytest.fixture
def world(world: World) -> World:
    """With each creator's link found by its slug, `brand-noa`."""
    for life in world.creators:
        slug(world, life).save()
    return world


def slug(world: World, life: str, **changes: Any) -> Slug:
    said: dict[str, Any] = {"link_id": world.link_id(life), "program_id": world.friends, "status": "active"} | changes
    return Slug(
        f"SLUG#{world.name}-{life}", "S", brand_id=world.brand_id, mode=world.brand.mode,
        destination="https://m.me/oasis", **said,
    )  # fmt: skip


def batch(*came: tuple[str, datetime], person: str = PERSON) -> bytes:
    """What Meta sends of these links that somebody followed."""
    events = [
        {"sender": {"id": person}, "timestamp": int(at.timestamp() * 1000), "referral": {"ref": ref}}
        for ref, at in came
    ]
    return json.dumps({"object": "page", "entry": [{"id": "1", "messaging": events}]}).encode()


def delivery(world: World, platform: str, body: bytes, connection_id: str | None) -> Delivery:
    door = Door(world.brand_id, world.brand.mode, platform, connection_id)
    return inbox.delivery(door, {}, body, platform_delivery_id="d", subject="s", kept=(), now=world.deployment.now())


def say(world: World, *came: tuple[str, datetime], person: str = PERSON) -> deliveries.Outcome:
    return deliveries.settle_delivery(world.deployment, delivery(world, "meta", batch(*came, person=person), META))


def order(placed_at: datetime = NOON, number: int = 1, **customer: Any) -> dict[str, Any]:
    return {
        "external_id": f"M-{number}",
        "occurred_at": times.text(placed_at),
        "updated_at": times.text(placed_at),
        "currency": "USD",
        "customer": {"messenger_id": PERSON} | customer,
        "lines": [{"id": "1", "quantity": 1, "unit_price": 10_000}],
    }


def place(world: World, said: dict[str, Any]) -> deliveries.Outcome:
    body = rest.envelope("order", world.deployment.now(), said)
    return deliveries.settle_delivery(world.deployment, delivery(world, "rest", body, None))


def earned(world: World, number: int = 1) -> dict[str, int]:
    """What creators have of the order, by their name."""
    names = {creator: life for life, creator in world.creators.items()}
    order_id = stored_orders.order_id(world.brand_id, None, f"M-{number}")
    known = stored_orders.load(world.deployment.database, world.brand_id, order_id)
    assert known is not None
    return {names[each.creator_id]: net for each in known.commissions if (net := each.earned - each.reversed)}


def touches(world: World, number: int = 1) -> list[Touch]:
    """What is pinned of the order's contact."""
    order_id = stored_orders.order_id(world.brand_id, None, f"M-{number}")
    known = stored_orders.load(world.deployment.database, world.brand_id, order_id)
    assert known is not None
    return list(known.context.touches_of(known.facts))


def contact(world: World, person: str = PERSON, network: str = "messenger") -> str:
    pseudonym = deliveries.pseudonym(world.deployment, world.brand_id, "meta", META)
    return pseudonym.of_contact(network, person)


def kept(world: World, person: str = PERSON) -> list[tuple[str, datetime]]:
    names = {creator: life for life, creator in world.creators.items()}
    until = NOON + 365 * 24 * HOUR
    found = store.latest(world.deployment.database, world.brand_id, contact(world, person), until=until, limit=100)
    return [(names[visit.creator_id], visit.at) for visit in found]


# --- what led there ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "ref, life", [("brand-dan", "dan"), ("Brand-Dan", "dan"), ("NOA10", "noa"), (" tal10 ", "tal")]
)
def test_a_slug_or_a_code_leads_to_its_creator(world: World, ref: str, life: str) -> None:
    assert say(world, (ref, NOON)) == deliveries.Outcome("applied")
    assert kept(world) == [(life, NOON)]


def test_a_click_id_leads_to_its_links_creator_and_stays_that_click(world: World) -> None:
    click = world.click("mia", NOON - HOUR)
    say(world, (click, NOON - HOUR + SECOND))
    place(world, order())
    [touch] = touches(world)
    assert (touch.kind, touch.evidence, touch.at) == ("click", click, NOON - HOUR)
    assert earned(world) == {"mia": 777}


def test_a_code_is_its_owners_of_the_visits_day(world: World) -> None:
    turn = times.parse(CHANGED)
    say(world, ("spring", turn - SECOND), ("spring", turn))
    assert kept(world) == [("tal", turn), ("noa", turn - SECOND)]


@pytest.mark.parametrize("ref", ["nobody", "x" * 255, "סתם", "a b", "clk_" + "A" * 39, "con_1", "\x00", "🙂"])
def test_what_leads_to_nobody_is_not_kept(world: World, ref: str) -> None:
    assert say(world, (ref, NOON)).ending == "unchanged"
    assert kept(world) == []


def test_a_click_id_of_another_brand_leads_to_nobody(world: World) -> None:
    other = World(world.deployment, "other")
    assert say(world, (other.click("dan", NOON), NOON)).ending == "unchanged"


def test_a_slug_of_another_brand_leads_to_nobody(world: World) -> None:
    other = World(world.deployment, "other").build()
    slug(other, "dan").save()
    assert say(world, ("other-dan", NOON)).ending == "unchanged"


def test_a_link_that_leads_nowhere_brings_nobody(world: World) -> None:
    slug(world, "dan", status="inactive").save()
    assert say(world, ("brand-dan", NOON)).ending == "unchanged"
    slug(world, "dan", link_id=ids.derived("lnk_", "gone")).save()
    assert say(world, ("brand-dan", NOON)).ending == "unchanged"


def test_a_slug_comes_before_a_code_that_is_spelled_alike(world: World) -> None:
    spelled = slug(world, "dan")
    spelled.pk = "SLUG#noa10"
    spelled.save()
    say(world, ("noa10", NOON))
    assert kept(world) == [("dan", NOON)]


# --- once each --------------------------------------------------------------------------------------------------------


def test_a_repeat_changes_nothing_and_an_overlap_adds_what_is_new(world: World) -> None:
    first, second = ("brand-dan", NOON - HOUR), ("brand-noa", NOON)
    assert [say(world, first).ending for _ in range(2)] == ["applied", "unchanged"]
    assert say(world, first, second).ending == "applied"
    assert say(world, second, first).ending == "unchanged"
    assert kept(world) == [("noa", NOON), ("dan", NOON - HOUR)]


def test_counts_say_what_came_of_a_batch(world: World) -> None:
    came = delivery(world, "meta", b"{}", META)
    refs = ("brand-dan", "nobody", "noa10")
    said = [Visit(f"m_{ref}", contact(world), ref, NOON) for ref in refs]
    first, again = (visits.record(world.deployment, came, said) for _ in range(2))
    assert first == visits.Recorded(new=2, known=0, nobodys=1, told=0)
    assert again == visits.Recorded(new=0, known=2, nobodys=1, told=0)


# --- orders -----------------------------------------------------------------------------------------------------------


def test_an_order_that_names_the_contact_is_credited(world: World) -> None:
    say(world, ("brand-dan", NOON - HOUR))
    assert place(world, order()).ending == "applied"
    assert earned(world) == {"dan": 1275}
    [touch] = touches(world)
    assert (touch.kind, touch.at, touch.creator_id) == ("click", NOON - HOUR, world.creators["dan"])
    assert ids.is_id(touch.evidence, BY_MESSAGE)
    assert place(world, order()).ending == "unchanged"
    world.assert_invariants()


def test_nothing_of_the_person_is_kept_with_the_order_or_the_visit(world: World) -> None:
    say(world, ("brand-dan", NOON - HOUR))
    place(world, order())
    order_id = stored_orders.order_id(world.brand_id, None, "M-1")
    state = stored_orders.state(world.deployment.database, world.brand_id, order_id)
    assert state is not None
    assert PERSON not in "".join(state.lines)
    assert PERSON not in contact(world)


def test_an_order_without_a_visit_is_nobodys(world: World) -> None:
    say(world, ("brand-dan", NOON - HOUR), person="26")
    place(world, order())
    assert (earned(world), touches(world)) == ({}, [])


def test_the_same_number_on_another_network_is_another_person(world: World) -> None:
    say(world, ("brand-dan", NOON - HOUR))
    place(world, order(messenger_id=None, instagram_id=PERSON))
    assert earned(world) == {}


@pytest.mark.parametrize("seconds, counts", [(-30 * 86_400, True), (0, True), (300, True), (301, False)])
def test_a_visit_counts_to_five_minutes_after_the_order(world: World, seconds: int, counts: bool) -> None:
    say(world, ("brand-dan", NOON + seconds * SECOND))
    place(world, order())
    assert earned(world) == ({"dan": 1275} if counts else {})


def test_a_visit_ages_like_a_click(world: World) -> None:
    say(world, ("brand-dan", NOON - 30 * 24 * HOUR - SECOND))
    place(world, order())
    assert earned(world) == {}
    assert len(touches(world)) == 1


def test_the_latest_ten_visits_count(world: World) -> None:
    say(world, *(("brand-dan" if number else "brand-noa", NOON - (12 - number) * HOUR) for number in range(12)))
    place(world, order())
    assert [touch.at for touch in touches(world)] == [NOON - number * HOUR for number in range(1, 11)]


def test_a_click_that_the_order_carries_too_counts_once(world: World) -> None:
    click = world.click("dan", NOON - HOUR)
    say(world, (click, NOON - HOUR + SECOND))
    place(world, order() | {"click_ids": [click]})
    assert [touch.evidence for touch in touches(world)] == [click]


def test_a_visit_that_comes_to_light_later_is_credited_all_the_same(world: World) -> None:
    place(world, order())
    assert earned(world) == {}
    assert say(world, ("brand-noa", NOON - HOUR)).ending == "applied"
    assert earned(world) == {"noa": 1275}
    assert say(world, ("brand-noa", NOON - HOUR)).ending == "unchanged"
    assert say(world, ("brand-dan", NOON - SECOND)).ending == "applied"
    assert earned(world) == {"dan": 1275}
    world.assert_invariants()


def guessed(world: World, placed_at: datetime) -> None:
    """The order is told by a platform that does not say when it was placed."""
    body = rest.envelope("order", world.deployment.now(), order(placed_at))
    read = deliveries.read(world.deployment, delivery(world, "rest", body, None))
    assert isinstance(read, Reading)
    facts = [replace(fact, placed_at_guessed=True) for fact in read.facts if isinstance(fact, Snapshot)]
    orders.apply(world.deployment, Target(world.brand_id, world.brand.mode, None, "M-1"), facts)


def test_visits_that_an_order_has_learned_of_stay_with_it_though_its_birth_turns_out_another(world: World) -> None:
    """They are forgotten meanwhile; and one after the birth, as it is now known, is none of the order's."""
    say(world, ("tal10", NOON - 3 * HOUR), ("brand-noa", NOON - 2 * HOUR), ("mia10", NOON - HOUR))
    guessed(world, NOON)
    assert earned(world) == {"mia": 259, "noa": 425, "tal": 259}
    store.forget(world.deployment.database, world.brand_id, contact(world), until=NOON)
    guessed(world, NOON - SECOND)
    assert earned(world) == {"mia": 259, "noa": 425, "tal": 259}
    guessed(world, NOON - HOUR - 301 * SECOND)
    assert [touch.at for touch in touches(world)] == [NOON - 2 * HOUR, NOON - 3 * HOUR]
    world.assert_invariants()


def test_of_visits_that_were_found_and_ones_that_still_are_the_latest_ten_count(world: World) -> None:
    came = [("brand-dan", NOON - number * HOUR) for number in range(1, 17)]
    say(world, *came)
    guessed(world, NOON)
    latest = [at for _, at in came[:10]]
    assert [touch.at for touch in touches(world)] == latest
    for item in VisitItem.scan(VisitItem.sk > f"V#{times.text(NOON - 9 * HOUR)}"):
        item.delete()
    assert len(kept(world)) == 7
    guessed(world, NOON - SECOND)
    assert [touch.at for touch in touches(world)] == latest


def test_a_visit_before_a_birth_that_turned_out_later_is_credited_when_it_comes_to_light(world: World) -> None:
    guessed(world, NOON - 2 * HOUR)
    assert place(world, order(NOON)).ending == "applied"
    assert say(world, ("brand-noa", NOON - HOUR)).ending == "applied"
    assert earned(world) == {"noa": 1275}


def test_a_later_order_of_the_contact_hears_of_no_visit_after_an_earlier_one(world: World) -> None:
    place(world, order(NOON - 24 * HOUR, number=1))
    place(world, order(NOON, number=2))
    say(world, ("brand-dan", NOON - HOUR))
    assert (earned(world, 1), earned(world, 2)) == ({}, {"dan": 1275})
    assert touches(world, 1) == []


def test_an_order_that_has_seen_a_visit_is_not_settled_again(world: World) -> None:
    say(world, ("brand-dan", NOON - HOUR))
    place(world, order())
    known = stored_orders.order_id(world.brand_id, None, "M-1")
    before = stored_orders.load(world.deployment.database, world.brand_id, known)
    assert say(world, ("brand-dan", NOON - HOUR)).ending == "unchanged"
    after = stored_orders.load(world.deployment.database, world.brand_id, known)
    assert before is not None
    assert after is not None
    assert before.version == after.version


TOLD = ("early", "late", "order")


@pytest.mark.parametrize("sequence", list(permutations(TOLD)), ids="-".join)
def test_visits_and_orders_come_to_the_same_in_whatever_order(world: World, sequence: tuple[str, ...]) -> None:
    said = {
        "early": lambda: say(world, ("tal10", NOON - 3 * HOUR), ("brand-noa", NOON - 2 * HOUR)),
        "late": lambda: say(world, ("mia10", NOON - HOUR)),
        "order": lambda: place(world, order()),
    }
    for name in sequence:
        said[name]()
    # The latest one's program shares among those of ten days.
    assert earned(world) == {"mia": 259, "noa": 425, "tal": 259}
    world.assert_invariants()


def test_a_visit_whose_order_could_not_be_told_tells_it_when_it_comes_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    place(world, order())

    def broken(*_: Any, **__: Any) -> bool:
        raise ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr(orders, "apply", broken)
        with pytest.raises(ConnectionError):
            say(world, ("brand-dan", NOON - HOUR))
    assert kept(world) == [("dan", NOON - HOUR)]
    assert earned(world) == {}
    assert say(world, ("brand-dan", NOON - HOUR)).ending == "applied"
    assert earned(world) == {"dan": 1275}


def test_a_visit_that_comes_while_an_order_is_settled_is_not_lost(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order has looked for visits and not found this one; it is not stored yet."""
    real = stored_orders.writes
    waiting = [("brand-dan", NOON - HOUR)]

    def writes(*args: Any) -> Any:
        if waiting:
            say(world, waiting.pop())
        return real(*args)

    monkeypatch.setattr(stored_orders, "writes", writes)
    place(world, order())
    assert earned(world) == {"dan": 1275}
    world.assert_invariants()


def test_a_visit_for_a_creator_whose_volume_is_awaited_is_put_off_like_an_order(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    place(world, order())

    def awaiting(*_: Any, **__: Any) -> bool:
        raise SealNotDue(NOON)

    with monkeypatch.context() as patch:
        patch.setattr(orders, "apply", awaiting)
        assert say(world, ("brand-dan", NOON - HOUR)).ending == "deferred"
    assert say(world, ("brand-dan", NOON - HOUR)).ending == "applied"


def test_who_is_forgotten_leaves_nothing_for_later_orders_and_the_books_as_they_are(world: World) -> None:
    say(world, ("brand-dan", NOON - HOUR))
    place(world, order(number=1))
    store.forget(world.deployment.database, world.brand_id, contact(world), until=NOON)
    assert kept(world) == []
    assert say(world, ("brand-dan", NOON - HOUR)).ending == "unchanged"
    assert say(world, ("brand-noa", NOON + HOUR), ("brand-mia", NOON)).ending == "applied"
    assert kept(world) == [("noa", NOON + HOUR)]
    place(world, order(number=2))
    assert (earned(world, 1), earned(world, 2)) == ({"dan": 1275}, {})
    world.assert_invariants()


def test_an_order_waits_under_the_names_that_it_has(world: World) -> None:
    place(world, order())
    [waiting] = store.awaiting(world.deployment.database, world.brand_id, contact(world))
    target = Target(world.brand_id, "live", waiting.connection_id, waiting.external_id)
    assert (target.order_id, waiting.placed_at) == (
        stored_orders.order_id(world.brand_id, None, "M-1"),
        times.text(NOON),
    )


def test_who_gave_the_link_and_left_since_is_told_why_it_earns_nothing(world: World) -> None:
    say(world, ("eve10", times.parse(CHANGED) - SECOND))
    place(world, order(times.parse(CHANGED) + HOUR))
    [touch] = touches(world)
    assert (touch.barred, earned(world)) == ("not_enrolled", {})


@pytest.mark.parametrize("last", ["visit", "order"])
def test_whatever_call_fails_what_comes_again_credits_the_order_once(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, last: str
) -> None:
    numbers = count(1)
    with injected(deployment) as faults, functions(deployment):
        world = World(deployment).build()
        slug(world, "dan").save()

        def run(at: int, kind: str) -> list[str]:
            number = next(numbers)
            person = f"person {number}"
            steps: dict[str, Callable[[], deliveries.Outcome]] = {
                "visit": lambda: say(world, ("brand-dan", NOON - HOUR), person=person),
                "order": lambda: place(world, order(number=number, messenger_id=person)),
            }
            finish = steps.pop(last)
            for step in steps.values():
                step()
            cold_start(deployment)
            with faults.breaking(at, kind), suppress(Exception, Died):
                finish()
            calls = [*faults.calls]
            finish()
            assert earned(world, number) == {"dan": 1275}, f"{kind}: call {at} of {calls}"
            return calls

        clean = run(0, KINDS[0])
        for at, operation in enumerate(clean, start=1):
            for kind in kinds(operation):
                run(at, kind)
        world.assert_invariants()
    assert {"PutItem", "Query", "BatchGetItem", "TransactWriteItems"} <= {*clean}


def test_a_recorded_referral_goes_all_the_way_within_the_rights_of_each_function(world: World) -> None:
    """The sample's `ref` is a slug of Noa's, whatever its case; the order comes by REST and names the same person."""
    spelled = slug(world, "noa")
    spelled.pk = "SLUG#cr_noa_7q2"
    spelled.save()
    connection = world.deployment.database.get(ConnectionItem, f"CON#{world.connection_id}", "C")
    assert connection is not None
    connection.platform, connection.details = "meta", {}
    connection.secrets = [[world.sealed("webhook_secret", samples.META_SECRET), None]]
    connection.save()
    request = samples.request("meta/messaging_referral_messenger")
    answer = ingest.handler(event("ingest") | {"headers": request.headers, "body": request.body.decode()}, Context())
    stored = inbox.get(
        world.deployment.database,
        inbox.partition(world.brand_id, world.connection_id, PLATFORMS["meta"].subject(request)),
        json.loads(answer["body"])["delivery_id"],
    )
    assert stored is not None
    world.settle([to_raw(world, stored)])
    came = datetime.fromtimestamp(1778000000, UTC)
    later(world.deployment, 48 * HOUR)
    assert kept(world) == [("noa", came)]
    place(world, order(came + HOUR))
    assert earned(world) == {"noa": 1275}


def to_raw(world: World, stored: Delivery) -> Stored:
    """The item as the stream has it."""
    key = {"pk": {"S": stored.pk}, "sk": {"S": stored.sk}}
    found = engine(world.deployment).get_item(TableName=world.deployment.settings.inbox_table, Key=key)
    image: Stored = found["Item"]
    return image

"""Many hands on one thing at the same moment: exactly one wins, and nothing that was said is lost."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest

from tests.fixtures import Clock
from vouch.domain import tenures, times
from vouch.domain.errors import Conflict, Stale, VouchError
from vouch.service import (
    brands,
    codes,
    connections,
    creators,
    links,
    payout_settings,
    product_ties,
    products,
    programs,
    rail_accounts,
    rates,
)
from vouch.service.creators import CreatorChange, NewCreator
from vouch.service.deployment import Deployment
from vouch.service.links import LinkChange
from vouch.service.mint import fresh
from vouch.service.pages import Selection
from vouch.service.payout_settings import Settings
from vouch.service.programs import ProgramChange
from vouch.store import handles, idempotency
from vouch.store import product_ties as store
from vouch.store import products as catalogue
from vouch.store.product_ties import Tied
from vouch.store.tables import Brand, Program, Slug

HANDS = 8
TERMS: dict[str, Any] = {"journey": False}


@pytest.fixture
def brand(deployment: Deployment) -> Brand:
    made, _ = brands.created(deployment, fresh(deployment), name="Mugs", mode="live", test_clock=None)
    brands.host_listed(deployment, made, "shop.example")
    return brands.found(deployment, made.id)


@pytest.fixture
def program(deployment: Deployment, brand: Brand) -> Program:
    return programs.created(
        deployment,
        fresh(deployment),
        brand,
        name="Friends",
        currency="ILS",
        terms=TERMS,
        effective_from=None,
        parameter=None,
    ).program


def new_creator(deployment: Deployment, brand: Brand, email: str, **handles: str) -> str:
    said = NewCreator(email=email, name="Noa", handles=handles)
    return str(creators.created(deployment, fresh(deployment), brand, said).id)


@pytest.fixture
def creator(deployment: Deployment, brand: Brand) -> str:
    return new_creator(deployment, brand, "noa@example.com")


def at_once(work: Callable[[int], Any]) -> tuple[list[Any], list[VouchError]]:
    """What succeeded, and the refusals, when all hands begin together."""
    start = Barrier(HANDS)

    def one(number: int) -> Any:
        start.wait()
        try:
            return work(number)
        except VouchError as refusal:
            return refusal

    with ThreadPoolExecutor(HANDS) as pool:
        ended = list(pool.map(one, range(HANDS)))
    return [end for end in ended if not isinstance(end, VouchError)], [
        end for end in ended if isinstance(end, VouchError)
    ]


def test_a_slug_goes_to_one_link(deployment: Deployment, brand: Brand, program: Program, creator: str) -> None:
    def make(number: int) -> Any:
        return links.created(
            deployment,
            fresh(deployment),
            brand,
            program_id=program.id,
            creator_id=creator,
            destination=f"https://shop.example/{number}",
            slug="wanted",
        )

    won, refused = at_once(make)
    assert len(won) == 1
    assert {refusal.reason for refusal in refused} == {"slug_taken"}
    stored = deployment.database.get(Slug, "SLUG#wanted", "S")
    assert stored is not None
    assert (stored.link_id, stored.destination) == (won[0].id, won[0].destination)
    assert [link.id for link in listed_links(deployment, brand)] == [won[0].id]


def listed_links(deployment: Deployment, brand: Brand) -> list[Any]:
    return links.listed(deployment, brand, Selection(None, None, 100, None)).items


def test_a_code_goes_to_one_creator(deployment: Deployment, brand: Brand, program: Program) -> None:
    hopefuls = [new_creator(deployment, brand, f"c{number}@example.com") for number in range(HANDS)]

    def take(number: int) -> Any:
        return codes.given(
            deployment,
            fresh(deployment),
            brand,
            program_id=program.id,
            creator_id=hopefuls[number],
            text="SUMMER",
            active_from=None,
        )

    won, refused = at_once(take)
    assert len(won) == 1
    assert {refusal.reason for refusal in refused} == {"code_taken"}
    assert len(codes.found(deployment, brand, won[0].id).owners) == 1


def test_an_ended_code_goes_on_to_one_creator(
    deployment: Deployment, brand: Brand, program: Program, creator: str
) -> None:
    hopefuls = [new_creator(deployment, brand, f"c{number}@example.com") for number in range(HANDS)]
    first = codes.given(
        deployment,
        fresh(deployment),
        brand,
        program_id=program.id,
        creator_id=creator,
        text="SUMMER",
        active_from=deployment.now() - timedelta(days=1),
    )
    codes.ended(deployment, brand, first.id, active_until=None, if_match=None)

    def take(number: int) -> Any:
        return codes.given(
            deployment,
            fresh(deployment),
            brand,
            program_id=program.id,
            creator_id=hopefuls[number],
            text="summer",
            active_from=None,
        )

    won, refused = at_once(take)
    assert len(won) == 1
    assert len(refused) == HANDS - 1
    owners = codes.found(deployment, brand, first.id).owners
    assert [owner[0] for owner in owners] == [creator, won[0].creator_id]


def test_an_address_goes_to_one_creator(deployment: Deployment, brand: Brand) -> None:
    won, refused = at_once(lambda _: new_creator(deployment, brand, "wanted@example.com"))
    assert len(won) == 1
    assert {refusal.reason for refusal in refused} == {"email_taken"}


def test_a_freed_address_goes_to_one_creator(deployment: Deployment, brand: Brand, creator: str) -> None:
    hopefuls = [new_creator(deployment, brand, f"c{number}@example.com") for number in range(HANDS)]
    creators.changed(deployment, brand, creator, CreatorChange(email="other@example.com"), if_match=None)
    wanted = CreatorChange(email="noa@example.com")
    won, refused = at_once(lambda n: creators.changed(deployment, brand, hopefuls[n], wanted, if_match=None))
    assert len(won) == 1
    assert all(isinstance(refusal, Conflict) for refusal in refused)


def test_a_handle_goes_to_one_creator_old_or_new(deployment: Deployment, brand: Brand) -> None:
    known = [new_creator(deployment, brand, f"c{number}@example.com") for number in range(HANDS)]
    wanted = CreatorChange(handles={"tiktok": "maya"})

    def take(number: int) -> Any:
        if number % 2:
            return new_creator(deployment, brand, f"new{number}@example.com", tiktok="maya")
        return creators.changed(deployment, brand, known[number], wanted, if_match=None).id

    won, refused = at_once(take)
    assert len(won) == 1
    assert {refusal.reason for refusal in refused} == {"handle_taken"}
    item = handles.handle(deployment.database, brand.id, "tiktok:maya")
    assert [owner.creator_id for owner in handles.owners(item)] == won
    everybody = creators.listed(deployment, brand, limit=100, cursor=None).items
    assert [creator.id for creator in everybody if creator.handles] == won


def test_handles_of_many_changes_are_those_of_the_last(deployment: Deployment, brand: Brand, creator: str) -> None:
    def rename(number: int) -> Any:
        return creators.changed(
            deployment, brand, creator, CreatorChange(handles={"tiktok": f"maya{number}"}), if_match=None
        )

    won, refused = at_once(rename)
    assert (len(won), refused) == (HANDS, [])
    last = creators.found(deployment, brand, creator).handles["tiktok"]
    items = [handles.handle(deployment.database, brand.id, f"tiktok:maya{number}") for number in range(HANDS)]
    held = [item.pk for item in items if tenures.current(item.owners)]
    assert held == [handles.key(brand.id, f"tiktok:{last}")[1]]


def test_a_product_goes_to_one_creator(deployment: Deployment, brand: Brand, program: Program) -> None:
    hopefuls = [new_creator(deployment, brand, f"c{number}@example.com") for number in range(HANDS)]
    wanted = [Tied("product", "1"), Tied("sku", "MUG-01")]
    won, refused = at_once(
        lambda number: product_ties.replaced(deployment, brand, hopefuls[number], program.id, wanted)
    )
    assert len(won) == 1
    assert {refusal.reason for refusal in refused} == {"product_taken"}
    winner = check_ties(deployment, brand, program, hopefuls, wanted)
    assert [sorted(tied) for tied in winner.values()] == [wanted]


def test_of_a_creators_many_lists_one_stands_whole(
    deployment: Deployment, brand: Brand, program: Program, creator: str
) -> None:
    """Each takes several transactions, and the last step of each is its own list or none."""
    lists = [
        [Tied("product", f"{number}-{index}") for index in range(90)]
        + [Tied("sku", f"{sku}") for sku in range(number, 60)]
        for number in range(HANDS)
    ]
    won, refused = at_once(lambda number: product_ties.replaced(deployment, brand, creator, program.id, lists[number]))
    assert won
    assert {refusal.reason for refusal in refused} <= {"unavailable"}
    everything = {tied for wanted in lists for tied in wanted}
    held = check_ties(deployment, brand, program, [creator], everything)
    if not refused:
        assert held[creator] in [set(wanted) for wanted in lists]
    product_ties.replaced(deployment, brand, creator, program.id, lists[0])
    assert check_ties(deployment, brand, program, [creator], everything) == {creator: set(lists[0])}


def check_ties(
    deployment: Deployment, brand: Brand, program: Program, owners: list[str], known: Iterable[Tied]
) -> dict[str, set[Tied]]:
    """What is whose, which lists and products say alike."""
    said: dict[str, set[Tied]] = {}
    for tied, item in store.ties(deployment.database, brand.id, known).items():
        held = tenures.current(item.owners)
        if held is not None:
            said.setdefault(str(held[0]), set()).add(tied)
    items = {owner: store.tie_list(deployment.database, brand.id, owner, program.id) for owner in owners}
    assert said == {owner: store.listed(item) for owner, item in items.items() if item.tied}
    return said


def test_the_first_tie_of_many_is_marked(deployment: Deployment, brand: Brand, program: Program) -> None:
    hopefuls = [new_creator(deployment, brand, f"c{number}@example.com") for number in range(HANDS)]
    won, refused = at_once(
        lambda number: product_ties.replaced(
            deployment, brand, hopefuls[number], program.id, [Tied("product", str(number))]
        )
    )
    assert (len(won), refused) == (HANDS, [])
    marker = deployment.database.get(*store.marker_key(brand.id))
    assert marker is not None
    assert marker.since == times.text(deployment.now())


def test_a_rate_is_fixed_once(deployment: Deployment, brand: Brand) -> None:
    def fix(number: int) -> Any:
        return rates.fixed(
            deployment,
            brand,
            from_currency="USD",
            to_currency="ILS",
            rate=f"3.{number % 2 + 1}",
            at=deployment.now(),
            source="Bank of Israel",
        )

    won, refused = at_once(fix)
    assert len(won) == len(refused) == HANDS // 2
    assert {refusal.reason for refusal in refused} == {"rate_fixed"}
    assert len({item.numerator for item, _ in won}) == 1
    assert sum(new for _, new in won) == 1


def test_words_on_many_products_are_all_kept(deployment: Deployment, brand: Brand, clock: Clock) -> None:
    first = [products.Said(str(number), ["a"], []) for number in range(20)]
    products.put(deployment, brand, first)
    clock.pass_(timedelta(days=1))

    def put(number: int) -> Any:
        said = [products.Said(str(index), [f"t{number}"], []) for index in range(20)]
        return products.put(deployment, brand, said[number:] + said[:number])

    won, refused = at_once(put)
    assert (len(won), refused) == (HANDS, [])
    found = catalogue.products(deployment.database, brand.id, [str(index) for index in range(20)])
    for item in found.values():
        assert [begin for begin, _ in item.versions] == [None, times.text(clock.now)]
        assert item.version == 1 + HANDS


def test_hosts_of_many_hands_are_all_kept(deployment: Deployment, brand: Brand) -> None:
    def add(number: int) -> Any:
        if number % 2:
            return brands.host_listed(deployment, brand, f"shop{number}.example")
        made = connections.created(
            deployment,
            fresh(deployment),
            brand,
            platform="shopify",
            secret="s",
            settings={"shop": f"shop{number}.example"},
        )
        return made.shop

    won, refused = at_once(add)
    assert not refused
    assert set(brands.found(deployment, brand.id).hosts) == {*won, "shop.example"}


def test_changes_without_an_etag_are_all_made_one_after_another(
    deployment: Deployment, brand: Brand, program: Program
) -> None:
    won, refused = at_once(
        lambda number: programs.changed(
            deployment, brand, program.id, ProgramChange(name=f"Name {number}"), if_match=None
        )
    )
    assert not refused
    assert sorted(change.program.version for change in won) == list(range(2, HANDS + 2))


def test_of_changes_under_one_etag_one_is_made(deployment: Deployment, brand: Brand, program: Program) -> None:
    won, refused = at_once(
        lambda number: programs.changed(deployment, brand, program.id, ProgramChange(name=f"Name {number}"), if_match=1)
    )
    assert len(won) == 1
    assert all(isinstance(refusal, Stale) for refusal in refused)
    assert programs.found(deployment, brand, program.id).program.name == won[0].program.name


def test_terms_versions_are_numbered_without_gaps(
    deployment: Deployment, brand: Brand, program: Program, clock: Clock
) -> None:
    def publish(number: int) -> Any:
        begin = clock.now + timedelta(days=number)
        return programs.published(deployment, fresh(deployment), brand, program.id, terms=TERMS, effective_from=begin)

    won, refused = at_once(publish)
    assert (len(won), refused) == (HANDS, [])
    assert sorted(version.number for version in won) == list(range(2, HANDS + 2))
    known = programs.found(deployment, brand, program.id).program.versions
    assert [number for number, _ in known] == list(range(1, HANDS + 2))
    assert dict(known[1:]) == {version.number: version.effective_from for version in won}


def test_a_links_slugs_agree_with_it_whoever_changes_it_last(
    deployment: Deployment, brand: Brand, program: Program, creator: str
) -> None:
    link = links.created(
        deployment,
        fresh(deployment),
        brand,
        program_id=program.id,
        creator_id=creator,
        destination="https://shop.example/",
        slug="slug",
    )

    def change(number: int) -> Any:
        wanted = LinkChange(destination=f"https://shop.example/{number}", slug=f"slug{number}")
        return links.changed(deployment, brand, link.id, wanted, if_match=None)

    won, refused = at_once(change)
    assert (len(won), refused) == (HANDS, [])
    last = links.found(deployment, brand, link.id)
    assert set(last.former_slugs) | {last.slug} == {"slug", *(f"slug{number}" for number in range(HANDS))}
    for name in (last.slug, *last.former_slugs):
        stored = deployment.database.get(Slug, f"SLUG#{name}", "S")
        assert stored is not None
        assert (stored.link_id, stored.destination) == (link.id, last.destination)


def test_of_equal_requests_at_once_one_runs(deployment: Deployment, clock: Clock) -> None:
    def begin(_: int) -> bool:
        _item, ours = idempotency.begun(deployment.database, "b#IDEM#x", "same body", clock.now)
        return ours

    assert sum(at_once(begin)[0]) == 1
    clock.pass_(idempotency.LEASE)
    assert sum(at_once(begin)[0]) == 1
    clock.pass_(idempotency.KEPT)
    assert sum(at_once(begin)[0]) == 1


def test_of_many_who_set_what_nobody_had_set_one_is_first(deployment: Deployment, brand: Brand) -> None:
    def set_(number: int) -> Any:
        currencies = {"ILS": {"minimum": number + 1, "rail": None, "schedule": None, "adjustment_limit": None}}
        wanted = Settings("UTC", tax_form_required=False, currencies=currencies)
        return payout_settings.changed(deployment, brand, wanted, if_match=0)

    won, refused = at_once(set_)
    assert (len(won), {refusal.reason for refusal in refused}) == (1, {"stale_version"})
    stored = payout_settings.found(deployment, brand)
    assert (stored.version, stored.currencies) == (1, won[0].currencies)


def test_a_rail_that_refuses_many_at_once_is_paused_once(deployment: Deployment, brand: Brand) -> None:
    rail_accounts.changed(deployment, brand, "paypal", {"client_id": "c", "client_secret": "s"}, if_match=None)
    won, refused = at_once(
        lambda number: rail_accounts.pause(deployment, brand.id, "paypal", version=1, reason=f"reason {number}")
    )
    assert refused == []
    assert {(item.status, item.version) for item in won} == {("paused", 2)}
    assert len({item.reason for item in won}) == 1


def test_a_pause_undoes_no_new_settings_and_they_no_pause(deployment: Deployment, brand: Brand) -> None:
    rail_accounts.changed(deployment, brand, "paypal", {"client_id": "c", "client_secret": "s"}, if_match=None)

    def hand(number: int) -> Any:
        if number % 2:
            return rail_accounts.pause(deployment, brand.id, "paypal", version=1, reason="insufficient_funds")
        return rail_accounts.changed(deployment, brand, "paypal", {"client_id": f"c{number}"}, if_match=None)

    won, _ = at_once(hand)
    assert len(won) == HANDS
    account = rail_accounts.account(deployment, brand.id, "paypal")
    paused = {item.version for item in won[1::2] if item.status == "paused"}
    assert account.settings["client_secret"] == "s"
    assert account.settings["client_id"] in {"c0", "c2", "c4", "c6"}
    assert account.version == 1 + HANDS // 2 + (account.paused is not None), "each change counts, and at most one pause"
    assert (account.paused is not None) == (min(paused, default=0) >= 2)

"""A shop's orders by its Admin API: the same facts as its webhooks tell, page by page, with the token given."""

from collections.abc import Callable, Generator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.platforms import samples
from tests.standins.server import cut, talk
from tests.standins.shopify import BUCKET, CLIENT_ID, CLIENT_SECRET, SHOP, TOKEN, Shopify
from vouch.domain.commission import bases
from vouch.domain.facts import OrderFacts, Snapshot
from vouch.domain.terms import Base
from vouch.platforms import shopify
from vouch.platforms.base import Account, Answer, Call, Change, Changes, Mirrored, Reading, Request, Span, Unreadable

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
DAY = Span(NOON, NOON + timedelta(days=1))
ACCOUNT = Account([samples.SHOPIFY_SECRET], shop=SHOP, api_token=TOKEN)
SHIRT = {"price": "60.00", "quantity": 2, "sku": "LIN-M-SAND"}
TOTE = {"price": "25.05", "quantity": 1, "sku": "TOTE-01"}


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def passes(self, **time: float) -> datetime:
        self.now += timedelta(**time)
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def shop(clock: Clock) -> Iterator[Shopify]:
    with Shopify(clock) as shop:
        yield shop


def page(shop: Shopify, bookmark: str | None = None, account: Account = ACCOUNT, span: Span = DAY) -> Changes:
    return talk(shopify.changes(span, bookmark, account, shop.clock()), shop.address)


def all_pages(shop: Shopify, span: Span = DAY) -> list[Change]:
    changes = page(shop, span=span)
    found = [*changes.found]
    while changes.bookmark is not None:
        changes = page(shop, changes.bookmark, span=span)
        found += changes.found
    return found


def pulled(shop: Shopify) -> Reading:
    """What the API says of the only order."""
    [change] = all_pages(shop)
    return said(change)


def said(change: Change) -> Reading:
    assert shopify.PLATFORM.api is not None
    reading = shopify.PLATFORM.api.read(change.body, samples.pseudonym)
    assert isinstance(reading, Reading)
    return reading


def told(*webhooks: Request) -> list[Reading]:
    """What genuine webhooks say, where they say anything of an order."""
    for webhook in webhooks:
        assert shopify.verify(webhook, ACCOUNT, NOON)
    said = (shopify.facts(webhook, samples.pseudonym) for webhook in webhooks)
    return [reading for reading in said if isinstance(reading, Reading)]


def untimed(reading: Reading) -> Reading:
    """Without the trigger time, which travels beside a body."""
    facts = (fact.__replace__(triggered_at=None) if isinstance(fact, Snapshot) else fact for fact in reading.facts)
    return reading.__replace__(facts=tuple(facts))


def kept(*readings: Reading) -> int:
    """Of the base, what is left by all these readings."""
    facts, _ = OrderFacts().with_facts([fact for reading in readings for fact in reading.facts])
    assert facts.snapshot is not None
    return sum(basis.kept_base for basis in bases(facts, facts.snapshot, Base()))


class TestTheSameOrder:
    def test_at_every_stage_the_api_says_what_the_webhook_says(self, shop: Shopify, clock: Clock) -> None:
        order = shop.place(SHIRT, TOTE, discount_codes=[{"code": "NOA10"}], tags="vip, spring")
        stages: list[Callable[[], object]] = [
            lambda: None,
            lambda: shop.refund(order, (0, 1)),
            lambda: shop.refund(order, beyond="5.00"),
            lambda: shop.remove(order, 1),
            lambda: shop.add(order, TOTE),
            lambda: shop.collect(order),
            lambda: shop.cancel(order),
        ]
        for stage in stages:
            clock.passes(minutes=1)
            stage()
            topics = ("orders/paid", "orders/updated")
            newest = [one for one in shop.webhooks if one.headers["x-shopify-topic"] in topics][-1]
            [change] = all_pages(shop)
            assert said(change) == untimed(*told(newest))
            assert change.subject == shopify.subject(newest) == str(order)

    def test_whoever_hears_nothing_but_the_api_knows_the_same_money(self, shop: Shopify, clock: Clock) -> None:
        """145.05 were sold: a shirt comes back, and the tote is edited out and paid for."""
        order = shop.place(SHIRT, TOTE)
        assert kept(pulled(shop)) == kept(*told(*shop.webhooks)) == 14_505
        clock.passes(hours=1)
        shop.refund(order, (0, 1))
        assert kept(pulled(shop)) == kept(*told(*shop.webhooks)) == 8_505
        clock.passes(hours=1)
        shop.remove(order, 1)
        shop.refund(order, beyond="27.05")
        assert kept(pulled(shop)) == kept(*told(*shop.webhooks)) == 6_000
        clock.passes(hours=1)
        shop.cancel(order)
        assert kept(pulled(shop)) == kept(*told(*shop.webhooks)) == 0

    def test_what_both_say_counts_once_whichever_comes_first(self, shop: Shopify, clock: Clock) -> None:
        order = shop.place(SHIRT)
        clock.passes(hours=1)
        shop.refund(order, (0, 1))
        heard, read = told(*shop.webhooks), pulled(shop)
        assert kept(*heard, read) == kept(read, *heard) == kept(read, read) == 6_000

    def test_an_order_of_tiktoks_app_names_the_one_that_it_repeats(self, shop: Shopify) -> None:
        shop.place(SHIRT, source_name="tiktok", source_identifier="577094156662640706")
        assert pulled(shop).mirrored == (Mirrored("tiktok_shop", "577094156662640706"),)

    def test_an_order_is_kept_to_the_letter(self, shop: Shopify) -> None:
        order = shop.place(SHIRT, note="\u05e9\u05dc\u05d5\u05dd / caf\u00e9")
        shop.refund(order, (0, 1))
        shop.orders[order]["refunds"][0]["refund_line_items"][0]["subtotal"] = 53.99999999999999
        [change] = all_pages(shop)
        assert b'"subtotal":53.99999999999999,' in change.body
        assert b'"note":"\\u05e9\\u05dc\\u05d5\\u05dd \\/ caf\\u00e9"' in change.body

    def test_one_order_that_cannot_be_read_holds_up_no_others(self, shop: Shopify) -> None:
        shop.place(SHIRT, currency="XXX")
        shop.place(SHIRT)
        broken, sound = all_pages(shop)
        with pytest.raises(Unreadable) as refusal:
            said(broken)
        assert refusal.value.reason == "unknown_currency"
        assert kept(said(sound)) == 12_000

    @pytest.mark.parametrize("body", [b"{}", b'{"order":[]}', b'{"order":{}}', b'{"id":1}', b"[", b'{"order":null}'])
    def test_what_is_no_order_is_refused(self, body: bytes) -> None:
        with pytest.raises(Unreadable):
            said(Change("1", body))


class TestPages:
    def test_every_order_comes_once_in_the_order_of_change(self, shop: Shopify, clock: Clock) -> None:
        orders = []
        for number in range(2 * shopify.PAGE + 3):
            clock.passes(seconds=number % 2)  # two in each second
            orders.append(str(shop.place(SHIRT)))
        assert [change.subject for change in all_pages(shop)] == orders
        assert len(shop.asked) == 3

    def test_a_bookmark_goes_with_nothing_but_the_limit(self, shop: Shopify) -> None:
        for _ in range(shopify.PAGE + 1):
            shop.place(SHIRT)
        all_pages(shop)
        first, second = shop.asked
        assert first.path == second.path == "/admin/api/2026-04/orders.json"
        assert first.query == (
            ("limit", "50"),
            ("status", "any"),
            ("updated_at_min", "2026-05-04T12:00:00Z"),
            ("updated_at_max", "2026-05-05T12:00:00Z"),
            ("order", "updated_at asc"),
        )
        assert {name for name, _ in second.query} == {"limit", "page_info"}

    def test_a_span_has_the_seconds_in_which_it_begins_and_ends(self, shop: Shopify, clock: Clock) -> None:
        orders = []
        for _ in range(5):
            orders.append(str(shop.place(SHIRT)))
            clock.passes(seconds=1)
        since, until = NOON + timedelta(seconds=1.9), NOON + timedelta(seconds=3.1)
        assert [change.subject for change in all_pages(shop, Span(since, until))] == orders[1:4]

    def test_what_changes_while_the_pages_are_read_is_in_this_span_or_the_next(
        self, shop: Shopify, clock: Clock
    ) -> None:
        orders = [shop.place(SHIRT) for _ in range(shopify.PAGE + 2)]
        until = clock.passes(hours=1)
        first = page(shop, span=Span(NOON, until))
        clock.passes(hours=1)
        shop.refund(orders[0], (0, 1))
        shop.refund(orders[-1], (0, 1))
        rest = page(shop, first.bookmark, span=Span(NOON, until))
        later = all_pages(shop, Span(until, shop.clock()))
        assert [change.subject for change in (*first.found, *rest.found)] == [str(order) for order in orders[:-1]]
        assert [change.subject for change in later] == [str(orders[0]), str(orders[-1])]

    def test_nothing_changed(self, shop: Shopify) -> None:
        assert page(shop) == Changes(())

    def test_an_order_that_was_deleted_is_nowhere(self, shop: Shopify) -> None:
        """Only its webhook tells of that."""
        shop.delete(shop.place(SHIRT))
        assert page(shop) == Changes(())
        assert shop.webhooks[-1].headers["x-shopify-topic"] == "orders/delete"

    @pytest.mark.parametrize(
        "link, bookmark",
        [
            ("", None),
            ('<https://s.example/o.json?limit=100&page_info=abc>; rel="next"', "abc"),
            ("<https://s.example/o.json?page_info=abc&limit=100>; rel=next", "abc"),
            ('<https://s.example/o.json?page_info=x>; rel="previous"', None),
            ('<https://s.example/?page_info=x>; rel="previous", <https://s.example/?page_info=y>; rel="next"', "y"),
            ('<https://s.example/?page_info=a%2Bb%3D>; rel="next"', "a+b="),
            ("next", None),
            ("<" * 10_000, None),
        ],
    )
    def test_the_next_page_is_where_its_link_says(self, link: str, bookmark: str | None) -> None:
        assert answered(Answer(200, {"link": link}, b'{"orders":[]}')).bookmark == bookmark

    @pytest.mark.parametrize("link", ['<https://s.example/>; rel="next"', '<https://[>; rel="next"', '<>; rel="next"'])
    def test_a_next_page_that_is_nowhere_is_refused(self, link: str) -> None:
        with pytest.raises(Unreadable):
            answered(Answer(200, {"link": link}, b'{"orders":[]}'))

    @pytest.mark.parametrize(
        "status, body", [(404, b""), (200, b""), (200, b'{"orders":{}}'), (200, b'{"orders":[7]}')]
    )
    def test_what_is_no_page_is_refused(self, status: int, body: bytes) -> None:
        with pytest.raises(Unreadable):
            answered(Answer(status, {}, body))

    def test_an_answer_that_breaks_off_is_refused(self, shop: Shopify) -> None:
        shop.place(SHIRT)
        shop.faults.append(cut)
        with pytest.raises(Unreadable) as refusal:
            page(shop)
        assert refusal.value.reason == "not_json"


def answered(answer: Answer) -> Changes:
    """What becomes of a page that the API answers so."""
    conversation = shopify.changes(Span(NOON, NOON), None, ACCOUNT, NOON)
    next(conversation)
    with pytest.raises(StopIteration) as end:
        conversation.send(answer)
    changes = end.value.value
    assert isinstance(changes, Changes)
    return changes


def asking(**headers: str) -> Generator[Call, Answer, Answer]:
    return (yield Call("/admin/api/2026-04/orders.json", ASKED, headers=headers))


ASKED = (("status", "any"), ("updated_at_min", "2026-05-04T12:00:00Z"), ("order", "updated_at asc"))


class TestTheDoor:
    def test_the_api_is_the_shops_own(self) -> None:
        assert shopify.address(ACCOUNT) == f"https://{SHOP}"
        assert shopify.address(Account([])) is None

    @pytest.mark.parametrize(
        "shop", ["mugs.example", "myshopify.com", "mugs.myshopify.com.example", "mugs.example.myshopify.com"]
    )
    def test_another_name_of_the_shop_is_not_asked(self, shop: str) -> None:
        """It would answer by leading elsewhere, where nobody follows with a token."""
        with pytest.raises(Unreadable) as refusal:
            shopify.address(Account([], shop=shop))
        assert refusal.value.reason == "shop_unknown"

    def test_no_delivery_needs_anything_asked(self) -> None:
        assert shopify.PLATFORM.api is not None
        assert shopify.PLATFORM.api.ask is None

    def test_the_token_that_was_given_is_shown(self, shop: Shopify) -> None:
        page(shop)
        assert [asked.headers["x-shopify-access-token"] for asked in shop.asked] == [TOKEN]

    @pytest.mark.parametrize("headers", [{}, {"X-Shopify-Access-Token": "shpat_other"}])
    def test_nobody_else_is_answered(self, shop: Shopify, headers: dict[str, str]) -> None:
        answer = talk(asking(**headers), shop.address)
        assert (answer.status, b"Invalid API key" in answer.body) == (401, True)

    def test_a_client_shows_its_secret_for_a_token_of_a_day(self, shop: Shopify, clock: Clock) -> None:
        client = Account([samples.SHOPIFY_SECRET], shop=SHOP, app_key=CLIENT_ID, api_token=CLIENT_SECRET)
        shop.place(SHIRT)
        assert len(page(shop, account=client).found) == 1
        grant, orders = shop.asked
        assert (grant.method, grant.path, "x-shopify-access-token" in grant.headers) == (
            "POST",
            "/admin/oauth/access_token",
            False,
        )
        assert CLIENT_SECRET not in str(orders)
        clock.passes(hours=25)
        answer = talk(asking(**{"X-Shopify-Access-Token": orders.headers["x-shopify-access-token"]}), shop.address)
        assert answer.status == 401
        assert len(page(shop, account=client).found) == 1

    @pytest.mark.parametrize(
        "answer",
        [
            Answer(404, {}, b""),
            Answer(200, {}, b"{}"),
            Answer(200, {}, b'{"access_token":7}'),
            Answer(200, {}, b'{"access_token":"shpat_1\\r\\nx-forged: 1"}'),
            Answer(200, {}, '{"access_token":"shpat_é"}'.encode()),
            Answer(200, {}, b"<html>"),
        ],
    )
    def test_a_client_without_a_token_asks_nothing(self, answer: Answer) -> None:
        client = Account([], shop=SHOP, app_key=CLIENT_ID, api_token=CLIENT_SECRET)
        conversation = shopify.changes(Span(NOON, NOON), None, client, NOON)
        next(conversation)
        with pytest.raises(Unreadable):
            conversation.send(answer)

    def test_who_asks_too_often_waits_until_the_bucket_has_leaked(self, shop: Shopify, clock: Clock) -> None:
        for _ in range(BUCKET):
            page(shop)
        headers = {"X-Shopify-Access-Token": TOKEN}
        refused: Any = talk(asking(**headers), shop.address)
        assert (refused.status, refused.headers["retry-after"]) == (429, "2.0")
        clock.passes(seconds=2)
        assert talk(asking(**headers), shop.address).status == 200

"""Platforms' APIs whose answers are bent: a conversation comes to something sound, or says by a code why it does not.

Each stand-in is asked once, and what it said is what is bent. `BENT_NUMBER` and `BENT_SEED` are as in test_mutations.
"""

import re
from collections import Counter
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random
from urllib.parse import urlencode

import pytest

from tests.platforms import samples
from tests.platforms.bending import CANARY, Bender, Document, document
from tests.platforms.test_mutations import NUMBERS, SEED, anonymous, judged, named
from tests.platforms.test_reasons import DELAYS, REFUSALS
from tests.standins import bigcommerce, shopify, square, stripe, tiktok_shop, woocommerce
from tests.standins.server import StandIn, talk
from vouch.platforms.base import Account, Answer, Aside, Ask, Call, Changes, NotYet, Reading, Span, Unreadable
from vouch.platforms.registry import PLATFORMS
from vouch.service.conversations import CALLS_MAX

type Conversation = Generator[Call, Answer, bytes | Changes]

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
SPAN = Span(NOON - timedelta(days=2), NOON + timedelta(days=2))
PATH = re.compile(r"(/[A-Za-z0-9._~%-]+)+")
CLICK = "clk_" + "A" * 39
BODIES = (
    b"",
    b"[]",
    b"{}",
    b"null",
    b"<html>At work</html>",
    b"\xff",
    b"[" * 60_000,
    b'{"code":0}',
    b'{"errors":[{}]}',
)
LINKS = (
    "",
    "<",
    '<https://[>; rel="next"',
    '<?page_info=a%2Bb>; rel="next"',
    '<?page_info=%00%ff>; rel="next"',
    "next",
)


@dataclass
class Story:
    """What happened on a platform: whom to ask, and by which accounts and questions."""

    api: StandIn
    accounts: tuple[Account, ...]
    asks: tuple[Ask, ...] = ()


def of_shopify() -> Story:
    shop = shopify.Shopify(lambda: NOON)
    order = shop.place({"price": "60.00", "quantity": 2, "sku": "LIN-M-SAND"}, {"price": "25.05", "quantity": 1})
    shop.refund(order, (0, 1))
    shop.cancel(shop.place({"price": "60.00", "quantity": 2}))
    by_token = Account([samples.SHOPIFY_SECRET], shop=shopify.SHOP, api_token=shopify.TOKEN)
    by_client = Account(
        [samples.SHOPIFY_SECRET], shop=shopify.SHOP, app_key=shopify.CLIENT_ID, api_token=shopify.CLIENT_SECRET
    )
    return Story(shop, (by_token, by_client))


def of_woocommerce() -> Story:
    shop = woocommerce.WooCommerce(lambda: NOON)
    lines = {"total": "100.00", "quantity": 2}, {"total": "50.00", "quantity": 1}
    order, trashed = shop.place(*lines), shop.place(*lines)
    shop.refund(order, (0, 1, "50.00"), shipping="5.00")
    shop.trash(trashed)
    account = Account([samples.WOOCOMMERCE_SECRET], shop="shop.example", api_token=woocommerce.TOKEN)
    asks = Ask("refunds", {"order_id": str(order)}), Ask("trash", {"order_id": str(trashed)})
    return Story(shop, (account,), asks)


def of_square() -> Story:
    api = square.SquareApi(locations=2)
    order = api.place(square.line("a", 1080, tax=80), discounts=[{"uid": "d", "name": "NOA10"}])
    payment = api.pay(order, tip=100)
    refund = api.give_back(payment, 1080, {"a": square.line("a", 1080, tax=80)})
    api.end_refund(refund)
    asks = Ask("order", {"order": order, "payment": payment}), Ask("refund", {"refund": refund})
    return Story(api, (Account(["s"], api_token=api.token),), asks)


def of_stripe() -> Story:
    api = stripe.StripeApi()
    api.promotion_codes["promo_1"] = "Noa10"
    api.check_out(stripe.session(discounts=[{"coupon": None, "promotion_code": "promo_1"}]), stripe.item())
    api.pay(stripe.invoice(), *(stripe.line(number) for number in range(1, 12)), by="pi_2")
    api.give_back("ch_1", "pi_1", 1944)
    api.dispute("pi_1", 1000)
    account = Account([samples.STRIPE_SECRET], api_token=api.token)
    asks = (
        Ask("session", {"id": "cs_live_1", "at": "1778000001"}),
        Ask("invoice", {"id": "in_1", "at": "1778000002"}),
        Ask("refunds", {"charge": "ch_1", "of": "pi_1", "refunded": "1944"}),
    )
    return Story(api, (account,), asks)


def of_tiktok_shop() -> Story:
    shop = tiktok_shop.TikTokShop(lambda: NOON)
    unit = tiktok_shop.Unit("20.00", seller_off="2.00", platform_off="1.00")
    shop.place("100", unit, unit)
    shop.becomes("100", "AWAITING_SHIPMENT")
    shop.sold_by("100", "Fictional_Creator_Noa", "3.40")
    shop.give_back("100", "9", {0: "17.00"})
    shop.call_off("100", "8", [1])
    ask = Ask("order", {"order_id": "100", "updated_at": "1777000000", "refund": "return:9"})
    return Story(shop, (tiktok_shop.account(),), (ask,))


def of_bigcommerce() -> Story:
    store = bigcommerce.BigCommerce(lambda: NOON)
    order = store.place(bigcommerce.Item("20.00", 2, "4.00", code="NOA10"), bigcommerce.Item("0.99"), code="FREESHIP")
    store.note("carts", bigcommerce.CART, "ref", CLICK)
    refund = store.refund(order, (0, 1), beyond=1)
    about = {"store": bigcommerce.STORE, "order": str(order), "refund": str(refund), "status": "11"}
    return Story(store, (bigcommerce.account(),), (Ask("order", about | {"told_at": "2026-05-04T12:00:00Z"}),))


STORIES: Mapping[str, Callable[[], Story]] = {
    "shopify": of_shopify,
    "woocommerce": of_woocommerce,
    "square": of_square,
    "stripe": of_stripe,
    "tiktok_shop": of_tiktok_shop,
    "bigcommerce": of_bigcommerce,
}


@dataclass
class Dialogue:
    """A conversation that may be begun time and again, and all that was answered to it, by what was called."""

    account: Account
    begin: Callable[[], Conversation]
    heard: dict[tuple[str, str], list[tuple[Answer, Document]]] = field(default_factory=dict)

    def overheard(self) -> Conversation:
        """The conversation, of which is noted what was answered."""
        conversation = self.begin()
        call = next(conversation)
        while True:
            answer = yield call
            if answer.body:
                self.heard.setdefault((call.method, call.path), []).append((answer, document(answer.body)))
            try:
                call = conversation.send(answer)
            except StopIteration as end:
                found: bytes | Changes = end.value
                return found


def changes(platform: str, bookmark: str | None, account: Account) -> Callable[[], Conversation]:
    api = PLATFORMS[platform].api
    assert api is not None
    assert api.changes is not None
    return partial(api.changes, SPAN, bookmark, account, NOON)


def dialogues(platform: str) -> list[Dialogue]:
    """Every question, and every page of changes, as they were answered."""
    api, found = PLATFORMS[platform].api, list[Dialogue]()
    assert api is not None
    with (story := STORIES[platform]()).api:
        for account in story.accounts:
            for ask in story.asks:
                assert api.ask is not None
                found.append(Dialogue(account, partial(api.ask, ask, account, NOON)))
                answer = talk(found[-1].overheard(), story.api.address)
                assert isinstance(answer, bytes)
                assert isinstance(judged(platform, answer), Reading | Aside)
            bookmark, pages = None, 0
            while pages == 0 or bookmark is not None:
                found.append(Dialogue(account, changes(platform, bookmark, account)))
                page = talk(found[-1].overheard(), story.api.address)
                assert isinstance(page, Changes)
                bookmark, pages = page.bookmark, pages + 1
    return found


@pytest.mark.parametrize("platform", STORIES)
def test_bent_answers_come_to_something_sound_or_to_a_named_refusal(platform: str) -> None:
    told = dialogues(platform)
    documents = [bent for dialogue in told for heard in dialogue.heard.values() for _, bent in heard]
    bender, ends = Bender(PLATFORMS[platform], documents, SEED), Counter[str]()
    for number in NUMBERS[::10]:
        said = Said(told[number // 10 % len(told)], bender, Random(f"{SEED}:{platform}:{number}"))
        with named(platform, number, said.answers):
            ends[ended(platform, said)] += 1
    if len(NUMBERS) > 1:
        assert ends["bytes"] or platform == "shopify"
        assert ends["Changes"]
        assert ends["Unreadable"]


@dataclass
class Said:
    """A platform that says something else than it did, once or all the time."""

    dialogue: Dialogue
    bender: Bender
    chance: Random
    answers: list[Answer] = field(default_factory=list)

    def answer(self, call: Call) -> Answer:
        """What it once answered to such a call, or to any other, or that there is no such thing; mostly bent."""
        told = self.dialogue.heard.get((call.method, call.path))
        if told is None:
            told = self.chance.choice(list(self.dialogue.heard.values()))
        answer, body = self.chance.choice(told)
        match self.chance.randrange(20):
            case 0:
                answer = Answer(404, {}, self.chance.choice((b"", b"{}", b"<html>", answer.body)))
            case 1 if call.optional:
                answer = Answer(403, {}, b"")
            case 2:
                answer = Answer(self.chance.choice((200, 204)), {}, self.chance.choice(BODIES))
            case 3:
                answer = Answer(answer.status, {**answer.headers, "link": self.chance.choice(LINKS)}, answer.body)
            case 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 | 12:
                answer = Answer(answer.status, answer.headers, self.bender.body(body, self.chance))
        self.answers.append(answer)
        return answer


def ended(platform: str, said: Said) -> str:
    """What the conversation came to, once that is sure to be sound, and so is the next one that it leads to."""
    end = had(said.dialogue.begin(), said)
    match end:
        case bytes():
            judged(platform, end)
        case Changes():
            a_sound_page(platform, end)
            if end.bookmark is not None:
                had(changes(platform, end.bookmark, said.dialogue.account)(), said)
    return type(end).__name__


def had(conversation: Conversation, said: Said) -> bytes | Changes | Unreadable | NotYet | None:
    """What it comes to, or why to nothing; None where the worker would end it."""
    try:
        return _had(conversation, said)
    except (Unreadable, NotYet) as refusal:
        end = refusal
    assert end.reason in (REFUSALS if isinstance(end, Unreadable) else DELAYS)
    anonymous(str(end))
    return end


def _had(conversation: Conversation, said: Said) -> bytes | Changes | None:
    call = next(conversation)
    for _ in range(CALLS_MAX):
        a_fair_call(call)
        try:
            call = conversation.send(said.answer(call))
        except StopIteration as end:
            found: bytes | Changes = end.value
            return found
    conversation.close()
    return None


def a_fair_call(call: Call) -> None:
    """One that can be sent as it is, and leads nowhere but where it says."""
    assert PATH.fullmatch(call.path), call.path
    assert not {".", ".."} & set(call.path.split("/"))
    assert urlencode(call.query).isascii()
    for name, value in call.headers.items():
        assert (name + value).isascii()
        assert (name + value).isprintable()


def a_sound_page(platform: str, page: Changes) -> None:
    for change in page.found:
        assert change.subject
        assert change.subject.encode()
        assert CANARY not in change.subject
        judged(platform, change.body)
    if page.bookmark is not None:
        assert len(page.bookmark.encode()) < 32_768


def test_every_platform_that_is_asked_is_bent() -> None:
    assert {name for name, platform in PLATFORMS.items() if platform.api} == STORIES.keys()

"""Recorded bodies, bent in thousands of ways: each gives sound facts, is ignored, or is refused, and nothing else.

`make test` bends 20 000 for each platform (`HYPOTHESIS_PROFILE=thorough`), a quick run some hundreds, always the same
ones. One that fails names its number, by which it is tried alone (BENT_NUMBER); another BENT_SEED bends in other ways.
"""

import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.platforms import samples, test_signing
from tests.platforms.bending import CANARY, SONGBIRD, Bender, document, tells_of_somebody
from tests.platforms.test_bigcommerce import ANSWER as BIGCOMMERCE_ANSWER
from tests.platforms.test_reasons import IGNORED, REFUSALS
from tests.platforms.test_rest import ADJUSTED, DECISION, DISPUTE, FULL, GIVEN, ORDER, REFUND
from tests.platforms.test_signing import NOW, Signer
from tests.platforms.test_square import RECORDED as SQUARE
from tests.platforms.test_square import answered as square_answer
from tests.platforms.test_square import event as square_event
from tests.platforms.test_standard_webhooks import event as standard_event
from tests.platforms.test_stripe import ANSWERS
from tests.platforms.test_tiktok_shop import ANSWER as TIKTOK_ANSWER
from tests.platforms.test_woocommerce import FULL_ANSWER as WOOCOMMERCE_ANSWER
from vouch.domain import times
from vouch.domain.currencies import EXPONENTS
from vouch.domain.facts import (
    TOUCH_KEYS_MAX,
    Decision,
    Dispute,
    Event,
    Fact,
    Mention,
    Refund,
    Snapshot,
    event_from_json,
    fingerprint,
    snapshot_from_json,
    to_json,
)
from vouch.domain.money import AMOUNT_MAX
from vouch.domain.texts import holds_control, normal
from vouch.platforms import rest
from vouch.platforms.base import (
    ALIASES_MAX,
    Aside,
    Ask,
    BadSignature,
    Ignored,
    PrivacyRequest,
    Pseudonym,
    Reading,
    Request,
    Said,
    Thin,
    Unreadable,
    Visits,
)
from vouch.platforms.parsing import ID_BYTES_MAX, QUANTITY_MAX
from vouch.platforms.registry import PLATFORMS

SIGNERS = {signer.platform: signer for signer in test_signing.SIGNERS}
SEED = os.environ.get("BENT_SEED", "1")
NUMBERS = range(20_000 if os.environ.get("HYPOTHESIS_PROFILE") == "thorough" else 500)
if "BENT_NUMBER" in os.environ:
    NUMBERS = range(int(os.environ["BENT_NUMBER"]), int(os.environ["BENT_NUMBER"]) + 1)

SOMEBODY = {
    "customer_id": "CUSTOMER1",
    "buyer_email_address": "buyer@example.com",
    "shipping_address": {"address_line_1": "1 Sample Street", "country": "US", "first_name": "Avery"},
    "fulfillments": [
        {"shipment_details": {"recipient": {"display_name": "Avery", "email_address": "a@example.com", "address": {}}}}
    ],
}
"""A buyer, of whom Square's recorded bodies say nothing."""
SQUARE_PAYMENT = samples.content("square/payment.updated")["data"]["object"]["payment"]
SQUARE_ORDER = samples.content("square/api_retrieve_order.response")["order"]
RECORDED: list[tuple[str, Request | bytes]] = [
    *(("shopify", samples.request(name)) for name in samples.names("shopify")),
    ("shopify", b'{"order":' + samples.request("shopify/orders_updated").body + b"}"),
    *(("meta", samples.request(name)) for name in samples.names("meta")),
    *(("square", said) for said in SQUARE),
    ("square", square_event("payment.updated", "payment", SQUARE_PAYMENT | SOMEBODY)),
    ("square", square_answer(SQUARE_ORDER | SOMEBODY)),
    *(("stripe", samples.request(name)) for name in samples.names("stripe")),
    *(("stripe", body) for body in ANSWERS),
    *(("woocommerce", samples.request(name)) for name in samples.names("woocommerce") if not name.endswith("/ping")),
    ("woocommerce", WOOCOMMERCE_ANSWER),
    *(("bigcommerce", samples.request(name)) for name in samples.names("bigcommerce")),
    ("bigcommerce", BIGCOMMERCE_ANSWER),
    ("standard_webhooks", samples.request("standard_webhooks/order.paid")),
    ("standard_webhooks", standard_event("order.updated", FULL)),
    ("standard_webhooks", standard_event("refund.created", REFUND)),
    ("standard_webhooks", standard_event("dispute.created", DISPUTE)),
    *(("tiktok_shop", samples.request(name)) for name in samples.names("tiktok_shop")),
    ("tiktok_shop", TIKTOK_ANSWER),
    ("rest", Request({}, rest.envelope("order", times.EPOCH, ORDER))),
    ("rest", Request({}, rest.envelope("order", times.EPOCH, FULL))),
    ("rest", Request({}, rest.envelope("refund", times.EPOCH, REFUND))),
    ("rest", Request({}, rest.envelope("dispute", times.EPOCH, DISPUTE))),
    *(("rest", Request({}, rest.envelope("decision", times.EPOCH, said))) for said in (DECISION, GIVEN, ADJUSTED)),
]
"""Deliveries, and what `Api.read` takes."""
PSEUDONYM = Pseudonym(lambda text: hashlib.sha256(f"key:{text}".encode()).hexdigest(), "door")
"""One that cannot be seen through, as in earnest."""


@contextmanager
def named(platform: str, number: int, bent: Any) -> Iterator[None]:
    """Whatever fails says by what, and how to try it again."""
    try:
        yield
    except Exception as failure:
        failure.add_note(f"BENT_SEED={SEED} BENT_NUMBER={number}, {platform}: {bent!r:.2000}")
        raise


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_bent_body_gives_facts_or_a_named_refusal(platform: str) -> None:
    documents = [document(recorded) for name, recorded in RECORDED if name == platform]
    bender = Bender(PLATFORMS[platform], documents, f"{SEED}:{platform}")
    told = Counter[type[Said | Unreadable]]()
    assert any(tells_of_somebody(bent.text) for bent in documents)
    for number in NUMBERS:
        bent = bender.bent(number)
        with named(platform, number, bent):
            told[type(judged(platform, bent))] += 1
    assert told.total() == len(NUMBERS)
    if len(NUMBERS) > 1:  # else most of it is bent beyond reading, or hardly bent at all
        assert told.total() / 20 < told[Unreadable] < told.total() * 19 / 20


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_platform_whose_messages_name_an_order_otherwise_says_so(platform: str) -> None:
    """Only then is each id looked up for being another order's name."""
    found = [judged(platform, recorded) for name, recorded in RECORDED if name == platform]
    assert any(isinstance(said, Reading | Aside) and names(said) for said in found) is PLATFORMS[platform].has_aliases


def names(said: Reading | Aside) -> tuple[str, ...]:
    return said.aliases if isinstance(said, Reading) else (said.alias,)


def judged(platform: str, bent: Request | bytes) -> Said | Unreadable:
    """What was read, once it is sure to be sound."""
    if isinstance(bent, bytes):
        api = PLATFORMS[platform].api
        assert api is not None
        said = outcome(lambda: api.read(bent, PSEUDONYM))
        assert isinstance(said, Reading | Aside | Ignored | Unreadable)
    else:
        if platform in SIGNERS:
            named_by_platform(SIGNERS[platform], bent)
        subject = PLATFORMS[platform].subject(bent)
        assert subject
        assert subject.encode()
        assert CANARY not in subject
        said = outcome(lambda: PLATFORMS[platform].facts(bent, PSEUDONYM))
    sound(said)
    return said


def named_by_platform(signer: Signer, bent: Request) -> None:
    """A genuine delivery has a name whatever is in it, and one that is not genuine is no more than that."""
    genuine = Request({**bent.headers, **signer.sign(signer.secret, bent.body, NOW)}, bent.body)
    name = signer.verify(genuine)
    assert name
    assert name.encode()
    with pytest.raises(BadSignature):
        signer.verify(bent, signer.other_secret)


def outcome(read: Callable[[], Said]) -> Said | Unreadable:
    try:
        return read()
    except Unreadable as refusal:
        return refusal


# --- what is sound ----------------------------------------------------------------------------------------------------


def sound(said: Said | Unreadable) -> None:
    """What the rest of Vouch may rely on, and that nothing of a buyer is in it."""
    match said:
        case Unreadable():
            assert said.reason in REFUSALS
            anonymous(said.detail, said.path)
        case Ignored():
            assert said.reason in IGNORED
        case Thin():
            a_question(said.ask)
        case Reading():
            a_sound_reading(said)
        case Aside():
            key(said.alias)
            told(said.facts, said.asks)
        case Visits():
            a_sound_batch(said)
        case PrivacyRequest():
            a_sound_request(said)


def a_sound_reading(said: Reading) -> None:
    key(said.external_id)
    assert len(said.aliases) <= ALIASES_MAX
    for alias in said.aliases:
        key(alias)
    for mirrored in said.mirrored:
        assert mirrored.platform in PLATFORMS
        key(mirrored.external_id)
    told(said.facts, said.asks)


def a_sound_batch(said: Visits) -> None:
    assert said.visits
    for visit in said.visits:
        anonymous(visit.id, visit.contact, visit.ref)
        assert visit.id
        assert 0 < len(visit.ref) <= 255
        assert times.text(visit.at)


def a_sound_request(said: PrivacyRequest) -> None:
    assert said.id
    anonymous(said.id, said.customers, said.contacts)
    for order in said.orders:
        key(order)


def anonymous(*texts: Any) -> None:
    said = repr(texts)
    assert CANARY not in said
    assert SONGBIRD not in said


def key(name: str) -> None:
    """What is part of a key: DynamoDB takes 1 024 bytes, and whoever prints one no control characters."""
    anonymous(name)
    assert 0 < len(name) <= 300
    assert len(name.encode()) <= ID_BYTES_MAX + 20
    assert not holds_control(name)


def a_question(ask: Ask) -> None:
    assert all(isinstance(value, str) for value in ask.about.values())
    anonymous(ask)
    assert len(json.dumps([ask.what, *ask.about.items()])) < 4_096


def told(facts: tuple[Fact, ...], asks: tuple[Ask, ...]) -> None:
    for ask in asks:
        a_question(ask)
    for fact in facts:
        written = to_json(fact)
        anonymous(written)
        assert written.encode()
        assert len(fingerprint(fact)) == 64
        assert fact.updated_at >= times.EPOCH
        if isinstance(fact, Snapshot):
            assert snapshot_from_json(written) == fact
            a_sound_order(fact)
        else:
            key(fact.id)
            assert event_from_json(fact.kind, written) == fact
            a_sound_event(fact)


def a_sound_event(fact: Event) -> None:
    if isinstance(fact, Refund):
        assert abs(fact.amount) <= AMOUNT_MAX
        for part in fact.lines:
            key(part.line_id)
            assert 0 <= part.quantity <= QUANTITY_MAX
            assert 0 <= (part.amount or 0) <= AMOUNT_MAX
            assert 0 <= (part.tax or 0) <= AMOUNT_MAX
    if isinstance(fact, Dispute | Decision):
        assert 0 <= (fact.amount or 0) <= AMOUNT_MAX
    if isinstance(fact, Refund | Dispute | Decision):
        assert fact.currency is None or fact.currency in EXPONENTS
    if isinstance(fact, Mention):
        touches(fact)


def touches(fact: Snapshot | Mention) -> None:
    for names in (fact.codes, fact.click_ids, fact.handles, fact.contacts):
        assert len(names) == len(set(names)) <= TOUCH_KEYS_MAX
    for name in (*fact.codes, *fact.click_ids, *fact.handles, *fact.contacts, *fact.customers):
        key(name)


def a_sound_order(fact: Snapshot) -> None:
    touches(fact)
    assert fact.currency in EXPONENTS
    assert fact.placed_at >= times.EPOCH
    assert fact.country is None or re.fullmatch("[A-Z]{2}", fact.country)
    assert all(0 <= amount <= AMOUNT_MAX for amount in (fact.shipping, fact.shipping_tax, fact.tip))
    assert all(0 <= paid.amount <= AMOUNT_MAX for paid in fact.platform_commissions)
    for refund in fact.refund_ids or ():
        key(refund)
    assert len({line.id for line in fact.lines}) == len(fact.lines)
    for line in fact.lines:
        key(line.id)
        assert 1 <= line.quantity <= QUANTITY_MAX or line.quantity == 0
        assert 0 <= line.discount <= line.quantity * line.unit_price <= AMOUNT_MAX
        assert 0 <= line.tax <= AMOUNT_MAX
        labels = (line.sku, line.product_id, *line.tags, *line.collections)
        assert all(label == normal(label) and 0 < len(label) <= 255 for label in labels if label is not None)

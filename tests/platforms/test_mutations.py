"""Recorded bodies, bent in thousands of ways: each gives sound facts, is ignored, or is refused, and nothing else."""

import copy
import json
from collections.abc import Iterator
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.platforms import samples
from tests.platforms.test_bigcommerce import ANSWER as BIGCOMMERCE_ANSWER
from tests.platforms.test_rest import ADJUSTED, DECISION, DISPUTE, FULL, GIVEN, ORDER, REFUND
from tests.platforms.test_square import RECORDED as SQUARE
from tests.platforms.test_stripe import ANSWERS
from tests.platforms.test_tiktok_shop import ANSWER as TIKTOK_ANSWER
from tests.platforms.test_woocommerce import FULL_ANSWER as WOOCOMMERCE_ANSWER
from vouch.domain import clicks, times
from vouch.domain.facts import (
    TOUCH_KEYS_MAX,
    Decision,
    Dispute,
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
from vouch.platforms.base import ALIASES_MAX, Aside, PrivacyRequest, Reading, Request, Unreadable, Visits
from vouch.platforms.registry import PLATFORMS

type Path = tuple[str | int, ...]

QUIET = {"presentment_money", "client_details", "default_address", "receipt", "fulfillments", "_links"}
"""Parts that no adapter reads; bending them would only make the others rarer."""

SHOPIFY = (
    "orders_paid",
    "orders_updated",
    "orders_cancelled",
    "orders_delete",
    "refunds_create",
    "refunds_create_multicurrency_pending",
    "disputes_create",
    "customers_redact",
    "customers_data_request",
    "shop_redact",
)
WOOCOMMERCE = (
    "order_created",
    "order_updated_processing",
    "order_updated_refunded",
    "order_updated_cancelled",
    "order_deleted",
    "customer_deleted",
)
META = (
    "messaging_referral_messenger",
    "messaging_referral_messenger_ad",
    "messaging_referral_instagram",
    "message_escaped_unicode",
)
STRIPE = (
    "checkout.session.completed",
    "checkout.session.completed_unpaid",
    "checkout.session.async_payment_succeeded",
    "invoice.paid",
    "charge.refunded",
    "refund.created",
    "charge.dispute.created",
    "charge.dispute.closed",
    "customer.deleted",
)
RECORDED: list[tuple[str, Request | bytes]] = [
    *(("shopify", samples.request(f"shopify/{name}")) for name in SHOPIFY),
    ("shopify", b'{"order":' + samples.request("shopify/orders_updated").body + b"}"),
    *(("meta", samples.request(f"meta/{name}")) for name in META),
    *(("square", said) for said in SQUARE),
    *(("stripe", samples.request(f"stripe/{name}")) for name in STRIPE),
    *(("stripe", body) for body in ANSWERS),
    *(("woocommerce", samples.request(f"woocommerce/{name}")) for name in WOOCOMMERCE),
    ("woocommerce", WOOCOMMERCE_ANSWER),
    *(("bigcommerce", samples.request(name)) for name in samples.names("bigcommerce")),
    ("bigcommerce", BIGCOMMERCE_ANSWER),
    ("standard_webhooks", samples.request("standard_webhooks/order.paid")),
    *(("tiktok_shop", samples.request(name)) for name in samples.names("tiktok_shop")),
    ("tiktok_shop", TIKTOK_ANSWER),
    ("rest", Request({}, rest.envelope("order", times.EPOCH, ORDER))),
    ("rest", Request({}, rest.envelope("order", times.EPOCH, FULL))),
    ("rest", Request({}, rest.envelope("refund", times.EPOCH, REFUND))),
    ("rest", Request({}, rest.envelope("dispute", times.EPOCH, DISPUTE))),
    *(("rest", Request({}, rest.envelope("decision", times.EPOCH, said))) for said in (DECISION, GIVEN, ADJUSTED)),
]
"""Deliveries, and what `Api.read` takes."""
REASONS = {
    "amount_out_of_range",
    "bad_amount",
    "bad_time",
    "currency_mismatch",
    "discount_above_price",
    "duplicate_line",
    "not_json",
    "refund_of_nothing",
    "shape_mismatch",
    "tax_above_amount",
    "too_little_said",
    "too_many_items",
    "too_many_lines",
    "unknown_currency",
    "unknown_line",
    "unknown_status",
}
MISSING = object()
HOSTILE = st.one_of(
    st.just(MISSING),
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([0, -1, 1, 2**53 + 1, 2**63, 2**64, 10**9, 10**15, 10**300, "0", "1", "-1", "0.00", "0.001"]),
    st.sampled_from(["", "\x00", "\ud800", "ß", "1e5", "NaN", "Infinity", "9" * 30, "0." + "0" * 30, "x" * 300]),
    st.sampled_from([" a", "a\n", " e\u0301 ", "a\u2028b", "\N{MUSICAL SYMBOL HALF NOTE}" * 200]),
    st.sampled_from(["2026-05-04T10:15:30-05:00", "2026-05-04", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00Z"]),
    st.sampled_from(["USD", "JPY", "KWD", "XXX", "refunded", "failure", "refund_discrepancy", "ref"]),
    st.just(clicks.PREFIX + "A" * clicks.ENCODED),
    st.floats(allow_nan=True, allow_infinity=True),
    st.decimals(allow_nan=False, places=3, min_value=-(10**16), max_value=10**16).map(str),
    st.text(max_size=8),
    st.sampled_from([[], {}, [[]], [{}], [None], {"shop_money": {}}, {"shop_money": {"amount": "1.00"}}]),
)


def paths(value: Any, at: Path = ()) -> Iterator[Path]:
    """Every place of a JSON value."""
    if at:
        yield at
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inside:
        if key not in QUIET:
            yield from paths(part, (*at, key))


def raw(recorded: Request | bytes) -> bytes:
    return recorded if isinstance(recorded, bytes) else recorded.body


def with_body(recorded: Request | bytes, body: bytes) -> Request | bytes:
    return body if isinstance(recorded, bytes) else Request(recorded.headers, body)


CONTENTS = [json.loads(raw(recorded)) for _, recorded in RECORDED]
PATHS = [list(paths(content)) for content in CONTENTS]
BENT = st.integers(0, len(RECORDED) - 1).flatmap(
    lambda which: st.tuples(
        st.just(which), st.lists(st.tuples(st.sampled_from(PATHS[which]), HOSTILE), min_size=1, max_size=4)
    )
)


def bend(content: Any, path: Path, value: Any) -> None:
    """Puts a value where the path leads, if it still leads anywhere."""
    *way, last = path
    for step in way:
        try:
            content = content[step]
        except (KeyError, IndexError, TypeError):
            return
    if isinstance(content, dict) and value is MISSING:
        content.pop(last, None)
    elif isinstance(content, dict):
        content[last] = copy.deepcopy(value)
    elif isinstance(content, list) and isinstance(last, int) and last < len(content):
        content[last] = None if value is MISSING else copy.deepcopy(value)


def judge(platform: str, bent: Request | bytes) -> None:
    if isinstance(bent, bytes):
        read = samples.answer(platform, bent)
    else:
        assert PLATFORMS[platform].subject(bent)
        read = samples.outcome(platform, bent)
    if isinstance(read, Unreadable):
        assert read.reason in REASONS
    if isinstance(read, Reading):
        assert 0 < len(read.external_id) <= 255
        assert not holds_control(read.external_id)
        assert len(read.aliases) <= ALIASES_MAX
        assert all(0 < len(mirrored.external_id) <= 255 for mirrored in read.mirrored)
    if isinstance(read, Reading | Aside):
        for fact in read.facts:
            assert len(fingerprint(fact)) == 64
            sound(fact)
    if isinstance(read, Visits):
        assert read.visits
        assert all(each.id and 0 < len(each.ref) <= 255 and times.text(each.at) for each in read.visits)
    if isinstance(read, PrivacyRequest):
        assert read.id
        assert not any(holds_control(order) for order in read.orders)


def sound(fact: Any) -> None:
    """What the domain may rely on, and that a fact survives being stored."""
    if not isinstance(fact, Snapshot):
        assert event_from_json(fact.kind, to_json(fact)) == fact
        if isinstance(fact, Refund):
            assert all(part.quantity >= 0 and (part.amount or 0) >= 0 and (part.tax or 0) >= 0 for part in fact.lines)
        if isinstance(fact, Dispute | Decision):
            assert 0 <= (fact.amount or 0) <= AMOUNT_MAX
        return
    assert snapshot_from_json(to_json(fact)) == fact
    assert len(fact.codes) <= TOUCH_KEYS_MAX
    assert len(fact.click_ids) <= TOUCH_KEYS_MAX
    assert len(fact.handles) <= TOUCH_KEYS_MAX
    assert len({line.id for line in fact.lines}) == len(fact.lines)
    for line in fact.lines:
        assert 0 <= line.discount <= line.quantity * line.unit_price <= AMOUNT_MAX
        assert 0 <= line.tax <= AMOUNT_MAX
        assert not holds_control(line.id)
        labels = (line.sku, line.product_id, *line.tags, *line.collections)
        assert all(label == normal(label) and 0 < len(label) <= 255 for label in labels if label is not None)


def test_every_platform_is_bent() -> None:
    assert {platform for platform, _ in RECORDED} == PLATFORMS.keys()


@settings(max_examples=2_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(BENT)
def test_a_bent_body_gives_facts_or_a_named_refusal(bent: tuple[int, list[tuple[Path, Any]]]) -> None:
    which, bends = bent
    platform, recorded = RECORDED[which]
    content = copy.deepcopy(CONTENTS[which])
    for path, value in bends:
        bend(content, path, value)
    judge(platform, with_body(recorded, json.dumps(content).encode()))


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(RECORDED), st.integers(0), st.binary(max_size=4), st.integers(0, 40))
def test_bent_bytes_give_facts_or_a_named_refusal(
    recorded: tuple[str, Request | bytes], at: int, bytes_: bytes, cut: int
) -> None:
    platform, told = recorded
    body = raw(told)
    at %= len(body)
    judge(platform, with_body(told, body[:at] + bytes_ + body[at + cut :]))


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([(platform, told) for platform, told in RECORDED if isinstance(told, Request)]),
    st.text(max_size=40),
)
def test_no_header_breaks_the_reading_of_a_genuine_body(recorded: tuple[str, Request], text: str) -> None:
    platform, request = recorded
    for name in PLATFORMS[platform].kept_headers:
        judge(platform, Request({**request.headers, name: text}, request.body))

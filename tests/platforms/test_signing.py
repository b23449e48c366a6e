"""What a forger or a careless sender may try, once for every platform that signs: one answer, BadSignature."""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from tests.platforms.samples import (
    BIGCOMMERCE_SECRET,
    META_SECRET,
    SHOPIFY_SECRET,
    SQUARE_KEY,
    STANDARD_SECRET,
    STRIPE_SECRET,
    TIKTOK_APP_KEY,
    TIKTOK_SECRET,
    WOOCOMMERCE_SECRET,
)
from vouch.platforms import rest
from vouch.platforms.base import Account, BadSignature, Request
from vouch.platforms.registry import PLATFORMS

NOW = datetime(2026, 5, 4, 15, 15, 31, tzinfo=UTC)
BODY = b'{"id":6214001234567,"note":"caf\\u00e9 \\/ \xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d"}'
NOTIFICATION_URL = "https://hooks.example.com/square?of=1"
NOT_UTF8 = b'{"id":1,"note":"\xff\xfe"}'


@dataclass(frozen=True)
class Signer:
    """How a platform signs, written a second time and apart from the adapter."""

    platform: str
    secret: str
    other_secret: str
    header: str
    sign: Callable[[str, bytes, datetime], dict[str, str]]

    def request(self, body: bytes = BODY, at: datetime = NOW, secret: str | None = None, **headers: str) -> Request:
        signed = self.sign(secret or self.secret, body, at)
        return Request(signed | {name.replace("_", "-"): value for name, value in headers.items()}, body)

    def with_signature(self, change: Callable[[str], str]) -> Request:
        request = self.request()
        return Request({**request.headers, self.header: change(request.headers[self.header])}, request.body)

    def verify(self, request: Request, *secrets: str, now: datetime = NOW) -> str:
        account = Account(secrets or (self.secret,), app_key=TIKTOK_APP_KEY, notification_url=NOTIFICATION_URL)
        return PLATFORMS[self.platform].verify(request, account, now)


def sign_shopify(secret: str, body: bytes, at: datetime) -> dict[str, str]:
    digest = hmac.new(secret.encode(), body, hashlib.sha256).digest()
    signature = base64.b64encode(digest).decode()
    return {"x-shopify-hmac-sha256": signature, "x-shopify-topic": "orders/paid", "x-shopify-webhook-id": "w-1"}


def sign_woocommerce(secret: str, body: bytes, at: datetime) -> dict[str, str]:
    digest = hmac.new(secret.encode(), body, hashlib.sha256).digest()
    named = {"x-wc-webhook-topic": "order.updated", "x-wc-webhook-delivery-id": at.strftime("%Y%m%d%H%M%S")}
    return named | {"x-wc-webhook-signature": base64.b64encode(digest).decode()}


def standard_headers(key: bytes, body: bytes, at: datetime, delivery_id: str = "msg_1") -> dict[str, str]:
    stamp = str(int(at.timestamp()))
    signed = f"{delivery_id}.{stamp}.".encode() + body
    signature = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return {"webhook-id": delivery_id, "webhook-timestamp": stamp, "webhook-signature": f"v1,{signature}"}


def sign_standard(secret: str, body: bytes, at: datetime) -> dict[str, str]:
    return standard_headers(base64.b64decode(secret.removeprefix("whsec_")), body, at)


def sign_bigcommerce(secret: str, body: bytes, at: datetime) -> dict[str, str]:
    return standard_headers(secret.encode(), body, at)


def sign_meta(secret: str, body: bytes, at: datetime) -> dict[str, str]:
    return {"x-hub-signature-256": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}


def sign_square(secret: str, body: bytes, at: datetime, url: str = NOTIFICATION_URL) -> dict[str, str]:
    digest = hmac.new(secret.encode(), url.encode() + body, hashlib.sha256).digest()
    return {"x-square-hmacsha256-signature": base64.b64encode(digest).decode()}


def sign_tiktok_shop(secret: str, body: bytes, at: datetime) -> dict[str, str]:
    return {"authorization": hmac.new(secret.encode(), TIKTOK_APP_KEY.encode() + body, hashlib.sha256).hexdigest()}


def sign_stripe(secret: str, body: bytes, at: datetime) -> dict[str, str]:
    stamp = str(int(at.timestamp()))
    signature = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {"stripe-signature": f"t={stamp},v1={signature}"}


SHOPIFY = Signer("shopify", SHOPIFY_SECRET, "another-secret", "x-shopify-hmac-sha256", sign_shopify)
WOOCOMMERCE = Signer("woocommerce", WOOCOMMERCE_SECRET, "another-secret", "x-wc-webhook-signature", sign_woocommerce)
STANDARD = Signer("standard_webhooks", STANDARD_SECRET, "whsec_" + "QUJD" * 8, "webhook-signature", sign_standard)
BIGCOMMERCE = Signer("bigcommerce", BIGCOMMERCE_SECRET, "another-secret", "webhook-signature", sign_bigcommerce)
META = Signer("meta", META_SECRET, "another-secret", "x-hub-signature-256", sign_meta)
SQUARE = Signer("square", SQUARE_KEY, "another-key", "x-square-hmacsha256-signature", sign_square)
TIKTOK_SHOP = Signer("tiktok_shop", TIKTOK_SECRET, "another-secret", "authorization", sign_tiktok_shop)
STRIPE = Signer("stripe", STRIPE_SECRET, "whsec_" + "other", "stripe-signature", sign_stripe)
DATED = [BIGCOMMERCE, STANDARD, STRIPE]
"""They sign a time: what is stale is refused, and of the future, where their own libraries refuse it."""
UNDATED = [SHOPIFY, META, SQUARE, TIKTOK_SHOP, WOOCOMMERCE]
"""They sign the body alone: no delivery of theirs can be told to be stale, or of the future."""
SIGNERS = [*DATED, *UNDATED]


@pytest.fixture(params=SIGNERS, ids=lambda signer: signer.platform)
def signer(request: pytest.FixtureRequest) -> Signer:
    assert isinstance(request.param, Signer)
    return request.param


def refused(signer: Signer, request: Request, *secrets: str, now: datetime = NOW) -> None:
    with pytest.raises(BadSignature) as refusal:
        signer.verify(request, *secrets, now=now)
    assert str(refusal.value) == ""


def test_every_platform_that_is_posted_to_is_tried() -> None:
    assert {signer.platform for signer in SIGNERS} == PLATFORMS.keys() - {"rest"}


@pytest.mark.parametrize("body", [BODY, NOT_UTF8, b"", b"\x00", b"[" * 100_000])
def test_a_genuine_request_passes_whatever_its_bytes(signer: Signer, body: bytes) -> None:
    assert signer.verify(signer.request(body))


def test_secrets_that_prove_something_are_usable_and_blank_ones_are_not(signer: Signer) -> None:
    platform = PLATFORMS[signer.platform]
    assert platform.usable(signer.secret)
    assert platform.usable(signer.other_secret)
    assert not any(platform.usable(blank) for blank in ("", " ", "\t\n"))
    assert not rest.usable(signer.secret)


def test_the_same_delivery_has_the_same_id_and_another_one_has_not(signer: Signer) -> None:
    names = {"shopify": "x-shopify-webhook-id", "standard_webhooks": "webhook-id", "bigcommerce": "webhook-id"}
    request, another = signer.request(), signer.request(BODY.replace(b"7", b"8"))
    assert signer.verify(request) == signer.verify(signer.request())
    if signer.platform in names:
        assert request.headers[names[signer.platform]] in signer.verify(request)
    else:
        assert signer.verify(request) != signer.verify(another)


def test_another_secret_is_refused(signer: Signer) -> None:
    refused(signer, signer.request(secret=signer.other_secret))


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_while_secrets_rotate_each_of_them_is_good(signer: Signer, order: tuple[int, int]) -> None:
    both = (signer.secret, signer.other_secret)
    live = [both[index] for index in order]
    assert signer.verify(signer.request(), *live)
    assert signer.verify(signer.request(secret=signer.other_secret), *live)


def test_a_secret_that_has_rotated_out_is_refused(signer: Signer) -> None:
    refused(signer, signer.request(), signer.other_secret)


def test_no_secret_at_all_proves_nothing(signer: Signer) -> None:
    with pytest.raises(BadSignature):
        PLATFORMS[signer.platform].verify(signer.request(), Account([]), NOW)


@pytest.mark.parametrize(
    "signer, empty",
    [
        (SHOPIFY, ""),
        (BIGCOMMERCE, ""),
        (SQUARE, ""),
        (STANDARD, ""),
        (STANDARD, "whsec_"),
        (TIKTOK_SHOP, ""),
        (WOOCOMMERCE, ""),
    ],
)
def test_an_empty_secret_proves_nothing(signer: Signer, empty: str) -> None:
    refused(signer, Request(signer.sign(empty, BODY, NOW), BODY), empty)


def test_a_missing_signature_is_refused(signer: Signer) -> None:
    request = signer.request()
    headers = {name: value for name, value in request.headers.items() if name != signer.header}
    refused(signer, Request(headers, request.body))


def test_a_request_without_any_header_is_refused(signer: Signer) -> None:
    refused(signer, Request({}, BODY))


GARBLED: Mapping[str, Callable[[str], str]] = {
    "empty": lambda _: "",
    "blank": lambda _: " ",
    "doubled": lambda signature: f"{signature},{signature}",
    "truncated": lambda signature: signature[:-1],
    "one character": lambda signature: signature[:1],
    "longer": lambda signature: signature + "A",
    "no comma": lambda signature: f"v1{signature.removeprefix('v1,')}".replace("=", ""),
    "only a comma": lambda _: "v1,",
    "broken base64": lambda signature: signature.replace(signature[-4], "*"),
    "not ascii": lambda signature: signature[:-2] + "é=",
    "half a character": lambda signature: signature[:-2] + "\ud800=",
    "nul": lambda signature: signature + "\x00",
    "other case": str.swapcase,
    "another alphabet": lambda signature: signature.encode().hex(),
    "another version": lambda signature: "v2," + signature.removeprefix("v1,"),
    "long": lambda signature: signature * 1_000,
}


@pytest.mark.parametrize("change", GARBLED.values(), ids=GARBLED.keys())
def test_a_garbled_signature_is_refused(signer: Signer, change: Callable[[str], str]) -> None:
    refused(signer, signer.with_signature(change))


@pytest.mark.parametrize("signer", UNDATED, ids=lambda signer: signer.platform, indirect=True)
@pytest.mark.parametrize("later", [timedelta(days=-365), timedelta(), timedelta(days=365)])
def test_where_no_time_is_signed_none_is_made_up(signer: Signer, later: timedelta) -> None:
    assert signer.verify(signer.request(), now=NOW + later) == signer.verify(signer.request())


def test_a_changed_body_is_refused(signer: Signer) -> None:
    request = signer.request()
    for body in (BODY + b"\n", BODY[:-1], b"", BODY.replace(b"7", b"8"), json.dumps(json.loads(BODY)).encode()):
        refused(signer, Request(request.headers, body))


def test_nobody_posts_what_our_own_api_writes() -> None:
    with pytest.raises(BadSignature):
        rest.verify(SHOPIFY.request(), Account([SHOPIFY.secret]), NOW)


class TestSignedTime:
    """Standard Webhooks signs its time and its id, and so does who signs like it."""

    @pytest.fixture(params=[STANDARD, BIGCOMMERCE], ids=lambda signer: signer.platform)
    def dated(self, request: pytest.FixtureRequest) -> Signer:
        assert isinstance(request.param, Signer)
        return request.param

    @pytest.mark.parametrize("seconds", [-300, -299, 0, 299, 300])
    def test_five_minutes_either_way_are_fresh(self, dated: Signer, seconds: int) -> None:
        assert dated.verify(dated.request(at=NOW + timedelta(seconds=seconds))) == "msg_1"

    @pytest.mark.parametrize("seconds", [-86_400, -301, 301, 86_400])
    def test_what_is_older_or_from_the_future_is_refused(self, dated: Signer, seconds: int) -> None:
        refused(dated, dated.request(at=NOW + timedelta(seconds=seconds)))

    @pytest.mark.parametrize(
        "stamp",
        ["", " ", "now", "1777907731.0", "1_777_907_731", "+1777907731", "-1", "9" * 400, "١٧٧", "1777907731\n"],
    )
    def test_a_garbled_time_is_refused(self, dated: Signer, stamp: str) -> None:
        refused(dated, dated.request(webhook_timestamp=stamp))

    def test_time_and_id_are_signed(self, dated: Signer) -> None:
        refused(dated, dated.request(webhook_timestamp=str(int(NOW.timestamp()) + 1)))
        refused(dated, dated.request(webhook_id="msg_2"))
        refused(dated, dated.request(webhook_id=""))

    @pytest.mark.parametrize("prefix", ["v1a,AAAA ", "v2,AAAA v1,AAAA ", " ", "v1,é ", "junk "])
    def test_one_good_signature_of_a_list_is_enough(self, dated: Signer, prefix: str) -> None:
        assert dated.verify(dated.with_signature(lambda signature: f"{prefix}{signature} v1,"))

    @pytest.mark.parametrize("secret", [STANDARD.secret, STANDARD.secret.removeprefix("whsec_")])
    def test_the_prefix_of_a_secret_is_no_part_of_it(self, secret: str) -> None:
        assert STANDARD.verify(STANDARD.request(), secret)

    def test_a_secret_may_lack_its_padding(self) -> None:
        padded = "whsec_" + base64.b64encode(b"k" * 25).decode()
        assert padded.endswith("==")
        assert STANDARD.verify(STANDARD.request(secret=padded), padded.rstrip("="))

    @pytest.mark.parametrize("broken", ["whsec_*", "whsec_A", "whsec_é", "not base64!"])
    def test_a_broken_secret_proves_nothing_and_spoils_nothing(self, broken: str) -> None:
        refused(STANDARD, STANDARD.request(), broken)
        assert STANDARD.verify(STANDARD.request(), broken, STANDARD.secret)


class TestStripesSignedTime:
    """Stripe signs its time, too; its own libraries refuse what is old, and take what their clock thinks is to come."""

    @pytest.mark.parametrize("seconds", [-300, -299, 0, 301, 86_400])
    def test_five_minutes_are_fresh_and_the_future_is(self, seconds: int) -> None:
        assert STRIPE.verify(STRIPE.request(at=NOW + timedelta(seconds=seconds))) == "6214001234567"

    @pytest.mark.parametrize("seconds", [-86_400, -301])
    def test_what_is_older_is_refused(self, seconds: int) -> None:
        refused(STRIPE, STRIPE.request(at=NOW + timedelta(seconds=seconds)))

    @pytest.mark.parametrize("stamp", ["", " ", "now", "1777907731.0", "1_777_907_731", "+1777907731", "-1", "9" * 400])
    def test_a_garbled_time_is_refused(self, stamp: str) -> None:
        refused(STRIPE, STRIPE.with_signature(lambda signature: re.sub("t=[0-9]+", f"t={stamp}", signature)))

    def test_a_time_in_other_digits_is_refused_though_it_is_the_same(self) -> None:
        in_arabic = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
        refused(STRIPE, STRIPE.with_signature(lambda signature: signature[:12].translate(in_arabic) + signature[12:]))

    @pytest.mark.parametrize("more", ["v1=AAAA", "v0=AAAA", "v1=é", "v1=", "v2=AAAA"])
    def test_one_good_signature_of_several_is_enough(self, more: str) -> None:
        assert STRIPE.verify(STRIPE.with_signature(lambda signature: f"{signature},{more}"))
        assert STRIPE.verify(STRIPE.with_signature(lambda signature: signature.replace(",", f",{more},", 1)))

    @pytest.mark.parametrize("more", ["t=1777907731", "v1", "", "v1=a=b"])
    def test_a_second_time_or_what_is_no_pair_spoils_it(self, more: str) -> None:
        refused(STRIPE, STRIPE.with_signature(lambda signature: f"{signature},{more}"))

    def test_another_version_s_signature_proves_nothing(self) -> None:
        refused(STRIPE, STRIPE.with_signature(lambda signature: signature.replace("v1=", "v0=")))

    def test_the_prefix_of_a_secret_is_part_of_it(self) -> None:
        refused(STRIPE, STRIPE.request(), STRIPE_SECRET.removeprefix("whsec_"))

    def test_a_body_that_names_no_event_names_its_delivery_by_its_bytes(self) -> None:
        ids = {STRIPE.verify(STRIPE.request(body)) for body in (b"", b"{}", NOT_UTF8, b"[1]")}
        assert len(ids) == 4
        assert {len(name) for name in ids} == {64}

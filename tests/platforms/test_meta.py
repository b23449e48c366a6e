"""What Meta's batches say: who came by whose link, and whom it asks to be forgotten."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.platforms import samples
from tests.platforms.samples import META_SECRET
from vouch.domain import times
from vouch.platforms import meta
from vouch.platforms.base import (
    Account,
    BadSignature,
    Ignored,
    PrivacyRequest,
    Request,
    Said,
    Unreadable,
    Visit,
    Visits,
)

NOW = times.parse("2026-05-05T17:00:00Z")
ACCOUNT = Account([META_SECRET], verify_token="meatyhamhock")
MESSENGER, INSTAGRAM = "<contact:messenger:2500000000000001>", "<contact:instagram:1200000000000001>"
CAME = datetime(2026, 5, 5, 16, 53, 20, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def said(content: Any) -> Said:
    return meta.facts(Request({}, json.dumps(content).encode()), samples.pseudonym)


def batch(*events: Any, network: str = "page", key: str = "messaging") -> dict[str, Any]:
    return {"object": network, "entry": [{"id": "1", "time": 1778000000123, key: list(events)}]}


def came(**event: Any) -> dict[str, Any]:
    return {"sender": {"id": "25"}, "recipient": {"id": "1"}, "timestamp": 1778000000000} | event


def visits(content: Any) -> tuple[Visit, ...]:
    found = said(content)
    assert isinstance(found, Visits), found
    return found.visits


@pytest.mark.parametrize(
    "name, contact, at, stamp",
    [
        ("messaging_referral_messenger", MESSENGER, CAME, 1778000000000),
        ("messaging_referral_messenger_ad", MESSENGER, CAME + 100 * SECOND, 1778000100000),
        ("messaging_referral_instagram", INSTAGRAM, CAME + 200 * SECOND, 1778000200000),
    ],
)
def test_a_recorded_referral_is_a_visit(name: str, contact: str, at: datetime, stamp: int) -> None:
    expected = Visit(f"{contact}:{stamp}:cr_noa_7Q2", contact, "cr_noa_7Q2", at)
    assert meta.facts(samples.request(f"meta/{name}"), samples.pseudonym) == Visits((expected,))


def test_a_recorded_message_says_nothing_here() -> None:
    assert meta.facts(samples.request("meta/message_escaped_unicode"), samples.pseudonym) == Ignored("message")


@pytest.mark.parametrize(
    "event, name",
    [
        ({"referral": {"ref": "noa"}}, None),
        ({"postback": {"mid": "m_1", "payload": "START", "referral": {"ref": "noa"}}}, "m_1"),
        ({"message": {"mid": "m_2", "text": "hi", "referral": {"ref": "noa", "ad_id": "9"}}}, "m_2"),
        ({"optin": {"ref": "noa"}}, None),
        ({"referral": {"ref": " noa "}}, None),
    ],
)
def test_a_visit_is_told_wherever_the_link_is_named(event: dict[str, Any], name: str | None) -> None:
    contact = "<contact:messenger:25>"
    expected = Visit(name or f"{contact}:1778000000000:noa", contact, "noa", CAME)
    assert visits(batch(came(**event))) == (expected,)
    assert visits(batch(came(**event), key="standby")) == (expected,)


@pytest.mark.parametrize(
    "event, reason",
    [
        (came(message={"mid": "m", "text": "hi"}), "message"),
        (came(message={"mid": "m", "is_echo": True, "referral": {"ref": "noa"}}), "message_echo"),
        (came(postback={"payload": "START"}), "postback"),
        (came(referral={"ad_id": "1", "source": "ADS"}), "referral"),
        (came(referral={"ref": "  "}), "referral"),
        (came(referral={"ref": "x" * 256}), "referral"),
        (came(referral={"ref": "noa"}, sender={}), "referral"),
        (came(referral={"ref": "noa"}, sender=None), "referral"),
        (came(optin={"ref": "noa", "user_ref": "u"}, sender={"user_ref": "u"}), "optin"),
        (came(delivery={"watermark": 1}), "delivery"),
        (came(read={"watermark": 1}), "read"),
        (came(reaction={"emoji": "x"}), "reaction"),
        (came(something_new={}), "unknown_event"),
    ],
)
def test_what_is_no_visit_is_ignored_by_name(event: dict[str, Any], reason: str) -> None:
    assert said(batch(event)) == Ignored(reason)


@pytest.mark.parametrize(
    "content, reason",
    [
        ({"object": "whatsapp_business_account", "entry": []}, "unknown_object"),
        ({"object": ["page"]}, "unknown_object"),
        ({}, "unknown_object"),
        ({"object": "page"}, "no_message"),
        ({"object": "page", "entry": [{"id": "1", "changes": [{"field": "feed", "value": {}}]}]}, "no_message"),
    ],
)
def test_what_holds_no_message_is_ignored_by_name(content: dict[str, Any], reason: str) -> None:
    assert said(content) == Ignored(reason)


def test_a_batch_is_read_whole_whatever_else_is_in_it() -> None:
    events = [came(message={"mid": "m", "text": "hi"}), came(referral={"ref": "noa"}), came(referral={"ref": "dan"})]
    content = batch(*events)
    content["entry"].append(batch(came(sender={"id": "26"}, referral={"ref": "noa"}))["entry"][0])
    assert [(visit.contact, visit.ref) for visit in visits(content)] == [
        ("<contact:messenger:25>", "noa"),
        ("<contact:messenger:25>", "dan"),
        ("<contact:messenger:26>", "noa"),
    ]


def test_batches_that_overlap_name_a_visit_alike() -> None:
    shared, other = came(referral={"ref": "noa"}), came(referral={"ref": "dan"}, timestamp=1778000001000)
    whole, cut = visits(batch(shared, other, shared)), visits(batch(shared))
    assert len(whole) == 2
    assert whole[0] == cut[0]


def test_the_same_number_is_another_person_on_another_network() -> None:
    messenger, instagram = (
        visits(batch(came(referral={"ref": "noa"}), network=network))[0] for network in ("page", "instagram")
    )
    assert messenger.contact != instagram.contact


def test_milliseconds_are_kept_to_the_digit() -> None:
    [visit] = visits(batch(came(referral={"ref": "noa"}, timestamp=1778000000123)))
    assert times.text(visit.at) == "2026-05-05T16:53:20.123000Z"


@pytest.mark.parametrize("stamp", [None, 0, -1, True, "1778000000000", 1778000000.5, 2**63, 5_680_281_600_000])
def test_a_visit_without_a_time_is_refused(stamp: Any) -> None:
    with pytest.raises(Unreadable, match="bad_time") as refusal:
        said(batch(came(referral={"ref": "noa"}, timestamp=stamp)))
    assert refusal.value.path == ("entry", 0, "messaging", 0, "timestamp")


@pytest.mark.parametrize("entry", ["1", [1], {"id": 1}])
def test_entries_in_another_shape_are_refused(entry: Any) -> None:
    with pytest.raises(Unreadable, match="shape_mismatch"):
        said({"object": "page", "entry": entry})


def test_nobody_is_named_in_what_a_visit_is_called() -> None:
    """The id becomes a part of a key; the pseudonym in it is a keyed hash."""
    [visit] = visits(batch(came(referral={"ref": "noa"})))
    assert "25" not in visit.id.replace(visit.contact, "")


# --- the address' verification ----------------------------------------------------------------------------------------


def test_the_recorded_question_is_answered() -> None:
    recorded = samples.content("meta/verification_get")
    account = Account([], verify_token=recorded["configured_verify_token"])
    assert meta.challenge(recorded["query"], account) == recorded["expected_response"]["body"]
    with pytest.raises(BadSignature):
        meta.challenge(recorded["query"] | {"hub.verify_token": "wrong"}, account)


@pytest.mark.parametrize("token", [None, "", "other", "meatyhamhoc", "meatyhamhock "])
def test_a_wrong_token_or_none_is_refused(token: str | None) -> None:
    query = {"hub.mode": "subscribe", "hub.challenge": "1", "hub.verify_token": "meatyhamhock"}
    with pytest.raises(BadSignature):
        meta.challenge(query, Account([], verify_token=token))
    with pytest.raises(BadSignature):
        meta.challenge(query | {"hub.verify_token": token or ""}, ACCOUNT)


@pytest.mark.parametrize("missing", ["hub.mode", "hub.verify_token"])
def test_half_a_question_is_refused(missing: str) -> None:
    query = {"hub.mode": "subscribe", "hub.challenge": "1", "hub.verify_token": "meatyhamhock"}
    del query[missing]
    with pytest.raises(BadSignature):
        meta.challenge(query, ACCOUNT)


def test_a_token_may_hold_any_character() -> None:
    query = {"hub.mode": "subscribe", "hub.challenge": "1", "hub.verify_token": "סוד\ud800"}
    with pytest.raises(BadSignature):
        meta.challenge(query, ACCOUNT)
    hebrew = query | {"hub.verify_token": "סוד"}
    assert meta.challenge(hebrew, Account([], verify_token="סוד")) == "1"


# --- deletion ---------------------------------------------------------------------------------------------------------


def form(payload: Any, *, secret: str = META_SECRET, **more: str) -> Request:
    """A deletion callback as Meta signs it, written a second time and apart from the adapter."""
    text = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    encoded = base64.urlsafe_b64encode(text).rstrip(b"=")
    digest = hmac.new(secret.encode(), encoded, hashlib.sha256).digest()
    signature = base64.urlsafe_b64encode(digest).rstrip(b"=")
    body = urlencode({"signed_request": (signature + b"." + encoded).decode()} | more)
    return Request({"content-type": "application/x-www-form-urlencoded"}, body.encode())


PAYLOAD = {"user_id": "218471", "algorithm": "HMAC-SHA256", "issued_at": 1291836800, "expires": 1291840400}
RECORDED = samples.request("meta/data_deletion_callback")


def test_the_recorded_callback_asks_to_forget_a_person() -> None:
    assert meta.verify(RECORDED, ACCOUNT, NOW)
    assert meta.facts(RECORDED, samples.pseudonym) == PrivacyRequest(
        "erase_customer",
        hashlib.sha256(RECORDED.body).hexdigest(),
        customers=("<id:door:218471>",),
        contacts=("<contact:messenger:218471>", "<contact:instagram:218471>"),
    )


def test_the_second_writing_signs_as_meta_does() -> None:
    recorded = parse_qs(RECORDED.body.decode())["signed_request"][0].partition(".")[2]
    payload = base64.urlsafe_b64decode(recorded + "=" * (-len(recorded) % 4))
    assert form(payload).body == RECORDED.body


def test_the_callback_hears_where_to_look_and_by_which_code() -> None:
    told = meta.reply(RECORDED, "dlv_1", "https://go.test")
    assert told is not None
    assert json.loads(told) == {"url": "https://go.test/deletions/dlv_1", "confirmation_code": "dlv_1"}
    assert meta.reply(samples.request("meta/messaging_referral_messenger"), "dlv_1", "https://go.test") is None


def test_while_secrets_rotate_each_of_them_proves_the_callback() -> None:
    assert meta.verify(form(PAYLOAD, secret="next"), Account(["next", META_SECRET]), NOW)
    assert meta.verify(form(PAYLOAD), Account(["next", META_SECRET]), NOW)


def test_a_body_signed_as_a_whole_is_proven_by_that_alone() -> None:
    request = form(PAYLOAD, secret="another app's")
    digest = hmac.new(META_SECRET.encode(), request.body, hashlib.sha256).hexdigest()
    assert meta.verify(Request({"x-hub-signature-256": f"sha256={digest}"}, request.body), ACCOUNT, NOW)
    with pytest.raises(BadSignature):
        meta.verify(Request({"x-hub-signature-256": "sha256=00"}, form(PAYLOAD).body), ACCOUNT, NOW)


def changed(text: str) -> Request:
    return Request(RECORDED.headers, text.encode(errors="surrogatepass"))


TEXT = RECORDED.body.decode()
SIGNATURE, ENCODED = TEXT.removeprefix("signed_request=").split(".")


@pytest.mark.parametrize(
    "request_",
    [
        form(PAYLOAD, secret="another app's"),
        form(PAYLOAD | {"algorithm": "HMAC-SHA1"}),
        form(PAYLOAD | {"algorithm": None}),
        form({"user_id": "1"}),
        form(b"no json"),
        form(b"[]"),
        form(b"\xff"),
        changed("signed_request="),
        changed("signed_request=."),
        changed(f"signed_request={SIGNATURE}"),
        changed(f"signed_request={SIGNATURE}."),
        changed(f"signed_request=.{ENCODED}"),
        changed(f"signed_request={SIGNATURE[:-1]}.{ENCODED}"),
        changed(f"signed_request={SIGNATURE}=.{ENCODED}"),
        changed(f"signed_request={SIGNATURE}.{ENCODED[:-1]}"),
        changed(f"signed_request={SIGNATURE}.{ENCODED}."),
        changed(f"{TEXT}&{TEXT}"),
        changed(f"signed_request=é.{ENCODED}"),
        changed(f"signed_request=%C3%A9.{ENCODED}"),
        changed(f"signed_request={SIGNATURE}.\ud800"),
        changed(f"{TEXT}&"),
        changed("&".join([TEXT, *("a=b" for _ in range(30))])),
        changed(TEXT.removeprefix("signed_request=")),
        changed(f"other=1&{TEXT}"),
    ],
)
def test_what_is_not_meta_asking_is_refused(request_: Request) -> None:
    with pytest.raises(BadSignature):
        meta.verify(request_, ACCOUNT, NOW)


@pytest.mark.parametrize("secrets", [(), ("",), ("other",)])
def test_no_secret_or_another_one_proves_no_callback(secrets: tuple[str, ...]) -> None:
    for request in (RECORDED, form(PAYLOAD, secret="")):
        with pytest.raises(BadSignature):
            meta.verify(request, Account(secrets), NOW)


@pytest.mark.parametrize("person", [None, "", [], {}, "x" * 256, "a\nb", 0])
def test_a_callback_that_names_nobody_is_parked(person: Any) -> None:
    request = form(PAYLOAD | {"user_id": person})
    assert meta.verify(request, ACCOUNT, NOW)
    with pytest.raises(Unreadable, match="shape_mismatch"):
        meta.facts(request, samples.pseudonym)


@given(st.binary(max_size=200))
def test_whatever_follows_the_name_of_a_callback_is_refused_by_name(content: bytes) -> None:
    request = Request({}, b"signed_request=" + content)
    with pytest.raises(BadSignature):
        meta.verify(request, ACCOUNT, NOW)
    with pytest.raises(Unreadable):
        meta.facts(request, samples.pseudonym)
    assert meta.subject(request)


# --- batches ----------------------------------------------------------------------------------------------------------


def test_only_the_bytes_as_they_came_are_signed() -> None:
    """Meta signs Hebrew and French as escapes: a body that was parsed and written anew has another signature."""
    request = samples.request("meta/message_escaped_unicode")
    assert meta.verify(request, ACCOUNT, NOW)
    again = json.dumps(json.loads(request.body), separators=(",", ":"), ensure_ascii=False).encode()
    assert again != request.body
    with pytest.raises(BadSignature):
        meta.verify(Request(request.headers, again), ACCOUNT, NOW)


def test_a_batch_is_its_own_subject_and_names_nobody_outside_its_body() -> None:
    request = samples.request("meta/messaging_referral_messenger")
    assert meta.subject(request) == meta.verify(request, ACCOUNT, NOW) == hashlib.sha256(request.body).hexdigest()

"""Meta: who came to a brand's page on Messenger or Instagram by what a creator shared, and who is to be forgotten.

No purchase comes from Meta. Its messages name the person by an id that one page alone knows them by; the order that
they place later comes from elsewhere and names the same person. What a batch says beside referrals is nobody's
business here, and is ignored by name.

Batches come again, whole or cut anew, and nothing in them is numbered but messages: a visit is the same one by the id
of its message, or else by who came when by what.

Whom Meta asks to delete it names by another id, that of its app: not by the one that its messages carry.
"""

import base64
import hmac
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from urllib.parse import parse_qsl

from vouch.platforms import signatures
from vouch.platforms.base import (
    Account,
    BadSignature,
    Ignored,
    Platform,
    PrivacyRequest,
    Pseudonym,
    Request,
    Unreadable,
    Visit,
    Visits,
)
from vouch.platforms.parsing import Fields, body_hash, read

_NETWORKS = {"page": "messenger", "instagram": "instagram"}
_SIGNATURE = "x-hub-signature-256"
_SIGNED_REQUEST = "signed_request"
_ALGORITHM = "HMAC-SHA256"
_FORM_FIELDS_MAX = 20
_REFERRERS = ("postback", "message", "optin")
"""What may carry the referral that opened a thread; in a thread that was open it stands alone."""
_EVENTS = (
    "message",
    "postback",
    "referral",
    "optin",
    "delivery",
    "read",
    "reaction",
    "message_edit",
    "account_linking",
    "take_thread_control",
    "pass_thread_control",
    "request_thread_control",
    "app_roles",
    "policy_enforcement",
)


def usable(secret: str) -> bool:
    return bool(secret.strip())


def verify(request: Request, account: Account, now: datetime) -> str:  # noqa: ARG001
    """There is no signed time here: what is replayed says the same. A deletion callback is signed in its body."""
    if _SIGNATURE not in request.headers and _is_form(request.body):
        _payload(request.body, account)
    else:
        given = request.headers.get(_SIGNATURE, "")
        if not any(signatures.same(given, _signature(secret, request.body)) for secret in account.secrets if secret):
            raise BadSignature
    return body_hash(request.body)


def challenge(query: Mapping[str, str], account: Account) -> str:
    given, expected = query.get("hub.verify_token", ""), account.verify_token
    if not expected or not signatures.same(given, expected) or query.get("hub.mode") != "subscribe":
        raise BadSignature
    return query.get("hub.challenge", "")


def subject(request: Request) -> str:
    """Each batch by itself: it is about nobody's order, and who it is about belongs in no key."""
    return body_hash(request.body)


def facts(request: Request, pseudonym: Pseudonym) -> Visits | PrivacyRequest | Ignored:
    if _is_form(request.body):
        return _deletion(request.body, pseudonym)
    body = read(request.body)
    network = _NETWORKS.get(body.hint("object") or "")
    if network is None:
        return Ignored("unknown_object")
    events = list(_events(body))
    visits = dict.fromkeys(visit for event in events if (visit := _visit(event, network, pseudonym)) is not None)
    if visits:
        return Visits(tuple(visits))
    return Ignored(next((_name(event) for event in events), "no_message"))


def reply(request: Request, delivery_id: str, public_url: str) -> str | None:
    """Where a person can see what became of their request, and by which code."""
    if not _is_form(request.body):
        return None
    return json.dumps({"url": f"{public_url}/deletions/{delivery_id}", "confirmation_code": delivery_id})


# --- messages ---------------------------------------------------------------------------------------------------------


def _signature(secret: str, body: bytes) -> str:
    return f"sha256={hmac.digest(secret.encode(), body, 'sha256').hex()}"


def _events(body: Fields) -> Iterator[Fields]:
    """What happened in the page's threads, also in those that another app of the page has in hand."""
    for entry in body.children("entry"):
        yield from entry.children("messaging")
        yield from entry.children("standby")


def _visit(event: Fields, network: str, pseudonym: Pseudonym) -> Visit | None:
    """None for what is no visit: nothing led there, or the page itself wrote, or nobody is named."""
    ref, person = _ref(event), event.hinted("sender").hint("id")
    if ref is None or person is None or event.hinted("message").values.get("is_echo"):
        return None
    contact, at = pseudonym.of_contact(network, person), event.unix_milliseconds("timestamp")
    message = event.hinted("message").hint("mid") or event.hinted("postback").hint("mid")
    return Visit(message or f"{contact}:{event.values['timestamp']}:{ref}", contact, ref, at)


def _ref(event: Fields) -> str | None:
    """What the link said by which the person came: the link's own `ref`, to the letter but for spaces around it."""
    referrals = [event.hinted("referral"), *(event.hinted(name).hinted("referral") for name in _REFERRERS)]
    found = (ref.strip() for said in (*referrals, event.hinted("optin")) if (ref := said.hint("ref")))
    return next((ref for ref in found if ref), None)


def _name(event: Fields) -> str:
    if event.hinted("message").values.get("is_echo"):
        return "message_echo"
    return next((name for name in _EVENTS if event.has(name)), "unknown_event")


# --- deletion ---------------------------------------------------------------------------------------------------------


def _is_form(body: bytes) -> bool:
    return body.startswith(f"{_SIGNED_REQUEST}=".encode())


def _deletion(body: bytes, pseudonym: Pseudonym) -> PrivacyRequest:
    try:
        _, payload = _parts(body)
        person = read(_decoded(payload)).identifier("user_id")
    except BadSignature:
        raise Unreadable("shape_mismatch", "not one signed request") from None
    contacts = tuple(pseudonym.of_contact(network, person) for network in _NETWORKS.values())
    return PrivacyRequest("erase_customer", body_hash(body), (pseudonym.by_id(person),), contacts)


def _payload(body: bytes, account: Account) -> None:
    """Raises BadSignature unless a secret proves the payload, as it stands there encoded, by what it says itself."""
    given, payload = _parts(body)
    expected = (_urlsafe(hmac.digest(secret.encode(), payload, "sha256")) for secret in account.secrets if secret)
    if not any(signatures.same(given, signature) for signature in expected):
        raise BadSignature
    try:
        algorithm = read(_decoded(payload)).hint("algorithm")
    except Unreadable:
        raise BadSignature from None
    if algorithm != _ALGORITHM:
        raise BadSignature


def _parts(body: bytes) -> tuple[str, bytes]:
    """The signature and the payload of a form that has one signed request, both encoded. Raises BadSignature."""
    try:
        form = parse_qsl(body.decode("ascii"), strict_parsing=True, max_num_fields=_FORM_FIELDS_MAX)
    except ValueError:
        raise BadSignature from None
    said = [value for name, value in form if name == _SIGNED_REQUEST]
    if len(said) != 1:
        raise BadSignature
    signature, dot, payload = said[0].partition(".")
    if not dot:
        raise BadSignature
    return signature, payload.encode(errors="replace")


def _decoded(payload: bytes) -> bytes:
    """The bytes of base64 for addresses, without its padding. Raises BadSignature."""
    try:
        return base64.b64decode(payload + b"=" * (-len(payload) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raise BadSignature from None


def _urlsafe(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


PLATFORM = Platform(
    usable=usable,
    verify=verify,
    subject=subject,
    facts=facts,
    challenge=challenge,
    reply=reply,
)

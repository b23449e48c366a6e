"""Recorded bodies, bent at random where their structure allows it: the same seed and number bend the same way.

Whatever a body tells of a buyer is a canary before anything is bent, so that one look at what was read shows whether it
got through. Bending moves no canary: whatever stood where a buyer is named still stands there, or is gone.
"""

import ast
import base64
import inspect
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import Any
from urllib.parse import parse_qsl, urlencode

from vouch.domain import clicks
from vouch.platforms import orders
from vouch.platforms.base import Platform, Request

CANARY = "canary"
"""In whatever tells something of a buyer."""
SONGBIRD = "songbird"
"""In the numbers by which a platform knows buyers: a subject may be one, a fact names it by a pseudonym."""

QUIET = {"presentment_money", "client_details", "default_address", "receipt", "_links"}
"""Parts that no adapter reads; bending them would only make the others rarer."""

_MAILBOXES = {"email", "contact_email", "buyer_email_address", "email_address", "buyer_email", "receipt_email"}
_PERSONAL = {
    *("phone", "phone_number", "first_name", "last_name", "given_name", "family_name", "cardholder_name", "company"),
    *(
        "address1",
        "address2",
        "address_1",
        "address_2",
        "address_line_1",
        "address_line1",
        "line1",
        "line2",
        "street_1",
    ),
    *("city", "zip", "postal_code", "postcode", "browser_ip", "customer_ip_address", "user_agent", "note"),
    *("customer_note", "display_name"),
}
_PEOPLE = {
    *("customer", "customer_details", "billing", "billing_address", "billing_details", "shipping", "shipping_address"),
    *("recipient", "recipient_address", "owner", "user", "sender"),
}
"""Objects about somebody, where a name is theirs and an id, too."""
_NUMBERS = {"customer_id", "user_id"}

_HOSTILE = (
    *("null", "true", "false", "0", "-0", "-1", "1", "2", "1.5", "1e3", "1E400", "1e-400", "0.001", "9" * 16),
    *(str(number) for number in (2**31, 2**53 + 1, 2**63, 2**64 - 1, 2**64, 10**12, 10**15, 10**300)),
    *("9" * 4_300, "9" * 4_301, "0." + "0" * 30 + "1", "NaN", "-Infinity", "[" * 400 + "]" * 400, "[" * 60_000),
    *('""', '"0"', '"1"', '"-1"', '"0.00"', '"0.001"', '"1e5"', '"NaN"', '"Infinity"', '" 1"', '"1 "', '"1_0"', '"+1"'),
    *('"1.50"', '"12,50"', '"٣"', f'"{"9" * 30}"', f'"0.{"0" * 30}"', f'"{"x" * 300}"', f'"{"x" * 70_000}"'),
    *(r'"\u0000"', r'"\ud800"', r'"a\n"', '" a"', r'"\u2028"', '"ß"', r'" e\u0301 "', f'"{"𝅗" * 250}"', '"ﷺ"', '"İ"'),
    *('"2026-05-04T10:15:30-05:00"', '"2026-05-04"', '"9999-12-31T23:59:59-23:59"', '"0001-01-01T00:00:00Z"'),
    *(
        '"2026-05-04T10:15:30"',
        '"2026-05-04T24:00:00Z"',
        '"Mon, 04 May 2026 10:15:30 +0000"',
        "1778000000",
        "99999999999",
    ),
    *('"USD"', '"usd"', '"JPY"', '"KWD"', '"XXX"', '"US"', '"ref"', '"click_id"', '"_refs"', '"../.."', '"a/b?c#d"'),
    *("[]", "{}", "[[]]", "[{}]", "[null]", '[""]', "[1]", '{"id":1}', '{"amount":"1.00"}', '{"shop_money":{}}'),
    f'"{clicks.PREFIX}{"A" * clicks.ENCODED}"',
    f'"{",".join(clicks.PREFIX + f"{number:0{clicks.ENCODED}}" for number in range(30))}"',
)
_TEXTS = ("", " ", "\x00", "ü", "\ud800", "a" * 10_000, "9999-12-31T23:59:59-23:59", "2026-05-04T10:15:30Z", "sandbox")
_NUMBER = re.compile(r'("?)(-?)([0-9]{1,20})(\.[0-9]{1,20})?\1')
_WORDS_MAX = 60

Edit = tuple[int, int, str]
"""From where to where, and what stands there afterwards."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands in a JSON text, and from where on with its name, if it has one."""

    start: int
    end: int
    outset: int


@dataclass(frozen=True)
class Document:
    """A body as JSON, what to make of it to have it as it is sent, and the headers, None of an answer."""

    text: str
    headers: tuple[tuple[str, str], ...] | None = None
    sent: Callable[[str], bytes] = str.encode

    @cached_property
    def places(self) -> list[Place]:
        """Every value but the outermost one, which comes last, where there is no other."""
        places = list(_places(self.text))
        return places[:-1] or places

    @cached_property
    def loose(self) -> list[str]:
        """Values that may stand elsewhere: nobody's, and not half of the document."""
        texts = (self.text[place.start : place.end] for place in self.places)
        return [text for text in texts if len(text) < len(self.text) / 2 and not tells_of_somebody(text)]


def document(recorded: Request | bytes) -> Document:
    """Of a delivery, or of a body that an API came back with."""
    if isinstance(recorded, bytes):
        return Document(_with_canaries(json.loads(recorded)))
    headers = tuple(recorded.headers.items())
    if not recorded.body.startswith(b"signed_request="):
        return Document(_with_canaries(json.loads(recorded.body)), headers)
    signature, payload = dict(parse_qsl(recorded.body.decode()))["signed_request"].split(".")
    content = json.loads(base64.urlsafe_b64decode(payload + "=="))

    def as_form(text: str) -> bytes:
        encoded = base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()
        return urlencode({"signed_request": f"{signature}.{encoded}"}).encode()

    return Document(_with_canaries(content), headers, as_form)


def tells_of_somebody(text: str) -> bool:
    return CANARY in text or SONGBIRD in text


class Bender:
    """Bends a platform's documents; its adapter's own words are among what it puts in."""

    def __init__(self, platform: Platform, documents: Sequence[Document], seed: str) -> None:
        self.documents = documents
        self._platform = platform
        self._seed = seed
        self._words = _words(platform)
        self._loose = [text for document in documents for text in document.loose]

    def bent(self, number: int) -> Request | bytes:
        """What becomes of the documents, each in its turn."""
        chance = Random(f"{self._seed}:{number}")
        document = self.documents[number % len(self.documents)]
        body = self.body(document, chance)
        if document.headers is None:
            return body
        return Request(self._headers(dict(document.headers), chance), body)

    def body(self, document: Document, chance: Random) -> bytes:
        edits = [self._edit(document, chance) for _ in range(chance.choice((1, 1, 1, 2, 2, 3, 5)))]
        body = document.sent(_edited(document.text, edits))
        if chance.random() < 0.02:  # seldom: little is told by what is no JSON
            at = chance.randrange(len(body))
            body = body[:at] + chance.choice((b"", b"\xff", b"\xed\xa0\x80", b"\x00"))
        return body

    def _edit(self, document: Document, chance: Random) -> Edit:
        text, place = document.text, chance.choice(document.places)
        value = text[place.start : place.end]
        edit = place.start, place.end, chance.choice(_HOSTILE)
        if value == text:
            return edit
        match chance.randrange(20):
            case 0 | 1 | 2:
                edit = place.start, place.end, json.dumps(chance.choice(self._words))
            case 3 | 4 | 5:
                edit = place.start, place.end, chance.choice(self._loose)
            case 6 | 7:
                edit = place.start, place.end, _nudged(value, chance)
            case 8:
                edit = place.start, place.end, chance.choice(("[{}]", '{{"id":{}}}', '{{"amount":{}}}')).format(value)
            case 9 | 10:
                edit = _without(text, place)
            case 11:
                edit = place.end, place.end, f",{text[place.outset : place.end]}"
            case 12 if place.outset < place.start:  # of two values by one name the later one counts
                edit = place.outset, place.outset, f"{text[place.outset : place.start]}{chance.choice(_HOSTILE)},"
            case 13:
                at = chance.randrange(len(text))
                edit = at, min(len(text), at + chance.choice((0, 1, 1, 40))), chance.choice(("", '"', "}", ",", "\x00"))
        return edit

    def _headers(self, headers: dict[str, str], chance: Random) -> dict[str, str]:
        """Those that are kept, once in a while with something else in one of them."""
        kept = self._platform.kept_headers
        if not kept or chance.random() > 0.2:
            return headers
        name = chance.choice(kept)
        if chance.random() < 0.2:
            return {other: value for other, value in headers.items() if other != name}
        return headers | {name: chance.choice((*_TEXTS, *self._words))}


def _with_canaries(content: Any) -> str:
    return json.dumps(_planted(content, "", somebody=False))


def _planted(value: Any, key: str, *, somebody: bool) -> Any:
    if isinstance(value, dict):
        about = key in _PEOPLE
        return {name: _planted(part, name, somebody=about) for name, part in value.items() if name not in QUIET}
    if isinstance(value, list):
        return [_planted(part, key, somebody=somebody) for part in value]
    if value in (None, "") or isinstance(value, bool):
        return value
    return _canary(value, key, somebody=somebody) or value


def _canary(value: Any, key: str, *, somebody: bool) -> str | None:
    """What stands there instead of somebody's; None of what is nobody's."""
    if key in _MAILBOXES:
        return f"{CANARY}@example.com"
    if key in _PERSONAL or (somebody and key == "name"):
        return f"{CANARY} {key}"
    if key in _NUMBERS or (somebody and key in ("id", "external_id")) or (key == "customer" and isinstance(value, str)):
        return SONGBIRD
    return None


def _places(text: str) -> Iterator[Place]:
    def walked(at: int, outset: int) -> Iterator[Place]:
        start = at
        if text[at] in "{[":
            while text[at] not in "]}":
                at = name = at + (2 if text[at] == "," else 1)  # the separators of json.dumps
                if text[at] in "]}":
                    break
                if text[start] == "{":
                    at = decoder.raw_decode(text, at)[1] + 2
                for place in walked(at, name):
                    yield place
                    at = place.end
            yield Place(start, at + 1, outset)
        else:
            yield Place(start, decoder.raw_decode(text, at)[1], outset)

    decoder = json.JSONDecoder()
    return walked(0, 0)


def _without(text: str, place: Place) -> Edit:
    """What it takes to have one member or element less, with the comma that parts it from another one."""
    if text[place.end] == ",":
        return place.outset, place.end + 2, ""
    return place.outset - (2 if text[place.outset - 2] == "," else 0), place.end, ""


def _nudged(value: str, chance: Random) -> str:
    """Almost the same number, or the same one as a text or the other way round."""
    number = _NUMBER.fullmatch(value)
    if number is None:
        return value[:-1] + chance.choice(("!", "1", " ")) + value[-1:]
    quote, sign, whole, fraction = number.groups("")
    chosen = (
        (quote, "" if sign else "-", whole, fraction),
        (quote, sign, str(int(whole) + chance.choice((1, 10))), fraction),
        (quote, sign, whole + chance.choice(("0", "00", "000000")), fraction),
        (quote, sign, whole, fraction + ("0" if fraction else ".00") + chance.choice(("", "1", "5"))),
        (quote, sign, "0", ""),
        ("" if quote else '"', sign, whole, fraction),
    )
    quote, sign, whole, fraction = chance.choice(chosen)
    return f"{quote}{sign}{whole}{fraction}{quote}"


def _edited(text: str, edits: Sequence[Edit]) -> str:
    """The text with these edits, the last one first; one that would cut into another is left out."""
    untouched = len(text) + 1
    for start, end, said in sorted(edits, key=lambda edit: edit[:2], reverse=True):
        if end <= untouched:
            text = text[:start] + said + text[end:]
            untouched = start
    return text


def _words(platform: Platform) -> list[str]:
    """What an adapter knows by name: statuses, kinds, topics and fields are the texts of its module."""
    trees = [ast.parse(inspect.getsource(module)) for module in (inspect.getmodule(platform.facts), orders) if module]
    constants = (node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return sorted({text for text in constants if isinstance(text, str) and " " not in text and len(text) < _WORDS_MAX})

"""Strict reading of other people's JSON: a refusal says what is wrong and where, and never quotes what stood there."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NoReturn

from vouch.domain import money, texts, times
from vouch.domain.currencies import EXPONENTS
from vouch.platforms.base import Unreadable

TEXT_MAX = 255
ITEMS_MAX = 5_000
ID_MAX = 2**64 - 1
ID_BYTES_MAX = 765
"""A text of 255 characters of up to three bytes: ids become keys, and DynamoDB takes keys of 1 024 bytes."""
QUANTITY_MAX = 10**9

_UNIX_END = int(times.END.timestamp())

_COUNTRY = re.compile(r"[A-Za-z]{2}")
_DECIMAL = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?")
_PUNCTUATION = re.compile(r"[ \t\r\n]*[\[{,:]?[ \t\r\n]*")
_JSON = json.JSONDecoder()


class Fields:
    """A JSON object and where it stands. What is null counts as not there."""

    __slots__ = ("path", "values")

    def __init__(self, values: Mapping[str, Any], path: tuple[str | int, ...] = ()) -> None:
        self.values = values
        self.path = path

    def refusal(self, reason: str, key: str, why: str) -> Unreadable:
        path = (*self.path, key)
        steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
        return Unreadable(reason, f"{''.join(steps).removeprefix('.')}: {why}", path)

    def has(self, key: str) -> bool:
        return self.values.get(key) is not None

    def text(self, key: str, length_max: int = TEXT_MAX) -> str:
        """A text that is not empty."""
        text = self.text_or_none(key, length_max)
        if text is None:
            raise self.refusal("shape_mismatch", key, "a text is missing")
        return text

    def text_or_none(self, key: str, length_max: int = TEXT_MAX) -> str | None:
        """A text; an empty one is none."""
        value = self.values.get(key)
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            raise self.refusal("shape_mismatch", key, "not a text")
        if len(value) > length_max:
            raise self.refusal("shape_mismatch", key, f"longer than {length_max} characters")
        return well_formed(value)

    def identifier(self, key: str) -> str:
        """An id as text, to the letter: platforms number with 64 bits, shops name as they like."""
        value = self.values.get(key)
        if type(value) is int:
            if not 0 < value <= ID_MAX:
                raise self.refusal("shape_mismatch", key, "not an id")
            return str(value)
        text = self.text_or_none(key)
        if text is None:
            raise self.refusal("shape_mismatch", key, "an id is missing")
        if len(text.encode()) > ID_BYTES_MAX:
            raise self.refusal("shape_mismatch", key, f"longer than {ID_BYTES_MAX} bytes")
        if texts.holds_control(text):
            raise self.refusal("shape_mismatch", key, "holds a control character")
        return text

    def identifiers(self, key: str) -> tuple[str, ...]:
        """A list of ids."""
        said = self.values.get(key)
        if not isinstance(said, list):
            raise self.refusal("shape_mismatch", key, "not a list of ids")
        if len(said) > ITEMS_MAX:
            raise self.refusal("too_many_items", key, f"more than {ITEMS_MAX}")
        numbered = Fields({str(index): value for index, value in enumerate(said)}, (*self.path, key))
        return tuple(numbered.identifier(index) for index in numbered.values)

    # What no money hangs on: in a wrong shape it says nothing, which is no reason to leave an order unsettled.

    def hint(self, key: str, length_max: int = TEXT_MAX) -> str | None:
        """A text that is not empty, or a number that names something."""
        value = self.values.get(key)
        if type(value) is int and 0 < value <= ID_MAX:
            return str(value)
        return well_formed(value) if isinstance(value, str) and 0 < len(value) <= length_max else None

    def hints(self, key: str) -> tuple[str, ...]:
        """The texts of a list."""
        return tuple(well_formed(item) for item in self._hinted(key) if isinstance(item, str) and len(item) <= TEXT_MAX)

    def label(self, key: str) -> str | None:
        """A hint by which terms, ties or the catalogue may name a product, spelled as it is there."""
        return _label(self.hint(key) or "") or None

    def labels(self, key: str) -> tuple[str, ...]:
        """The labels of a list."""
        return tuple(label for hint in self.hints(key) if (label := _label(hint)))

    def hinted(self, key: str) -> "Fields":
        """An object; an empty one where there is none."""
        value = self.values.get(key)
        return Fields(value if isinstance(value, dict) else {}, (*self.path, key))

    def hinted_list(self, key: str) -> list["Fields"]:
        """The objects of a list."""
        return [Fields(item, (*self.path, key)) for item in self._hinted(key) if isinstance(item, dict)]

    def country(self, key: str) -> str | None:
        """A country's code of two letters, ISO 3166."""
        country = self.hint(key)
        return country.upper() if country is not None and _COUNTRY.fullmatch(country) else None

    def _hinted(self, key: str) -> list[Any]:
        value = self.values.get(key)
        return value[:ITEMS_MAX] if isinstance(value, list) else []

    def flag(self, key: str) -> bool:
        """A boolean; missing means no."""
        value = self.values.get(key)
        if value is None:
            return False
        if not isinstance(value, bool):
            raise self.refusal("shape_mismatch", key, "not a boolean")
        return value

    def whole(self, key: str, value_max: int) -> int:
        """A whole number from 0 on."""
        value = self.values.get(key)
        if type(value) is not int or not 0 <= value <= value_max:
            raise self.refusal("shape_mismatch", key, f"not a whole number from 0 to {value_max}")
        return value

    def minor(self, key: str) -> int:
        """An amount in minor units, from 0 on."""
        value = self.values.get(key)
        if value is None:
            raise self.refusal("shape_mismatch", key, "an amount is missing")
        if type(value) is not int or not 0 <= value <= money.AMOUNT_MAX:
            raise self.refusal("bad_amount", key, "not an amount in whole minor units")
        return value

    def minor_or_zero(self, key: str) -> int:
        return self.minor(key) if self.has(key) else 0

    def major(self, key: str, currency: str, *, signed: bool = False) -> int:
        """In minor units, an amount that is written in major ones."""
        value = self.values.get(key)
        if value is None:
            raise self.refusal("shape_mismatch", key, "an amount is missing")
        if not isinstance(value, str | int | Decimal) or isinstance(value, bool):
            raise self.refusal("bad_amount", key, "not an amount")
        if isinstance(value, str) and not _DECIMAL.fullmatch(value):
            raise self.refusal("bad_amount", key, "not an amount")
        try:
            amount = money.minor(value, currency)
        except (ValueError, ArithmeticError):
            raise self.refusal("bad_amount", key, f"not an amount of {currency}") from None
        if amount < 0 and not signed:
            raise self.refusal("bad_amount", key, "below 0")
        return amount

    def currency(self, key: str) -> str:
        currency = self.text(key)
        if currency not in EXPONENTS:
            raise self.refusal("unknown_currency", key, "not an ISO 4217 code")
        return currency

    def moment(self, key: str) -> datetime:
        moment = self.moment_or_none(key)
        if moment is None:
            raise self.refusal("bad_time", key, "a time is missing")
        return moment

    def moment_or_none(self, key: str) -> datetime | None:
        value = self.values.get(key)
        if value is None:
            return None
        if not isinstance(value, str):
            raise self.refusal("bad_time", key, "not a text")
        try:
            return times.said(value)
        except ValueError:
            raise self.refusal("bad_time", key, "not a time with its offset") from None

    def unix(self, key: str) -> datetime:
        """A time that is said in seconds since 1970."""
        moment = self.unix_or_none(key)
        if moment is None:
            raise self.refusal("bad_time", key, "a time is missing")
        return moment

    def unix_or_none(self, key: str) -> datetime | None:
        """Likewise; 0 is none."""
        value = self.values.get(key)
        if value is None or value == 0:
            return None
        if type(value) is not int or not 0 < value < _UNIX_END:
            raise self.refusal("bad_time", key, "not a time in seconds since 1970")
        return datetime.fromtimestamp(value, UTC)

    def unix_milliseconds(self, key: str) -> datetime:
        """A time that is told in milliseconds since 1970."""
        value = self.values.get(key)
        if type(value) is not int or not 0 < value < 1000 * _UNIX_END:
            raise self.refusal("bad_time", key, "not a time in milliseconds since 1970")
        seconds, rest = divmod(value, 1000)
        return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest * 1000)

    def utc(self, key: str) -> datetime:
        """A time that is UTC without saying so, such as `2026-05-04T10:15:30`."""
        moment = self.utc_or_none(key)
        if moment is None:
            raise self.refusal("bad_time", key, "a time is missing")
        return moment

    def utc_or_none(self, key: str) -> datetime | None:
        value = self.text_or_none(key)
        if value is None:
            return None
        try:
            return times.said(f"{value}Z")
        except ValueError:
            raise self.refusal("bad_time", key, "not a time without an offset") from None

    def child(self, key: str) -> "Fields":
        child = self.child_or_none(key)
        if child is None:
            raise self.refusal("shape_mismatch", key, "an object is missing")
        return child

    def child_or_none(self, key: str) -> "Fields | None":
        value = self.values.get(key)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise self.refusal("shape_mismatch", key, "not an object")
        return Fields(value, (*self.path, key))

    def children(self, key: str, kind: str = "items") -> Sequence["Fields"]:
        """A list of objects; missing means an empty one."""
        items = self.values.get(key)
        if items is None:
            return []
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise self.refusal("shape_mismatch", key, "not a list of objects")
        if len(items) > ITEMS_MAX:
            raise self.refusal(f"too_many_{kind}", key, f"more than {ITEMS_MAX}")
        return [Fields(item, (*self.path, key, index)) for index, item in enumerate(items)]


def read(body: bytes) -> Fields:
    """The JSON object that a body is, its fractions kept to the digit."""
    try:
        values = json.loads(body.decode(), parse_float=Decimal, parse_constant=_refuse)
    except (ValueError, ArithmeticError, RecursionError):
        # The cause holds the whole body, which belongs in no log.
        raise Unreadable("not_json", "the body is not JSON in UTF-8") from None
    if not isinstance(values, dict):
        raise Unreadable("shape_mismatch", "the body is not an object")
    return Fields(values)


def verbatim(body: bytes, key: str) -> list[bytes]:
    """The objects that the list `key` of a body holds, each in its own bytes: dumped anew, amounts may lose digits.

    Of two lists by that name the later one counts, as it does for `read`.
    """
    read(body).children(key)
    text = body.decode()
    found: list[bytes] = []
    at = _past(text, 0)
    while text[at] != "}":
        name, end = _JSON.raw_decode(text, at)
        start = _past(text, end)
        value, end = _JSON.raw_decode(text, start)
        if name == key:
            found, at = [], _past(text, start)
            for _ in value if isinstance(value, list) else ():
                _, until = _JSON.raw_decode(text, at)
                found.append(text[at:until].encode())
                at = _past(text, until)
        at = _past(text, end)
    return found


def body_hash(body: bytes) -> str:
    """What a body is called that names nothing itself."""
    return hashlib.sha256(body).hexdigest()


def well_formed(text: str) -> str:
    """The text as UTF-8 can carry it: JSON may escape half of a surrogate pair."""
    return text if text.isascii() else text.encode(errors="replace").decode()


def _label(hint: str) -> str:
    """Nothing in place of one that only its normal form makes too long for a key."""
    label = texts.normal(hint)
    return label if len(label) <= TEXT_MAX else ""


def _past(text: str, at: int) -> int:
    """Where the next name or value of a JSON text begins, or the bracket that ends the one around it."""
    punctuation = _PUNCTUATION.match(text, at)
    return at if punctuation is None else punctuation.end()


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)

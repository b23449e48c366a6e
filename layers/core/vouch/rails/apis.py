"""What rails with an API share: the brand's settings are checked, and answers are read, both strictly.

A refusal says what is wrong and where, and never quotes what stood there.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from http import HTTPStatus
from typing import Any, NoReturn

from vouch.domain import ids, money
from vouch.domain.currencies import EXPONENTS
from vouch.domain.money import Money
from vouch.rails import settings
from vouch.rails.base import Answer, BadSetting, Foreign, Unreadable

SUCCESS = range(200, 300)
_REFUSALS = range(400, 500)
WAIT_MAX = 6 * 3600
"""Whoever wants to be left alone for longer is asked then all the same: it may have been a slip."""

_LENGTH_MAX = 255
_ITEMS_MAX = 1_000
_WRITTEN = re.compile(r"[!-~]{1,255}")
_SECRET = re.compile(r"[!-~]{1,4096}")
_WORD = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_SECONDS = re.compile(r"[0-9]{1,6}")
_DECIMAL = re.compile(r"[0-9]{1,15}(\.[0-9]{1,6})?")
_BASE = re.compile(r"https://[^?#\s]{1,900}|http://(localhost|127\.0\.0\.1)(:[0-9]{1,5})?(/[^?#\s]{0,800})?")
_PAYOUT = "po_"


# --- settings ---------------------------------------------------------------------------------------------------------


def account(said: Mapping[str, str], needed: Collection[str], optional: Collection[str]) -> dict[str, str]:
    """What every account says: the credentials that are needed, and as far as they are said the optional ones.

    Beside them whether it is a `sandbox`, `true` or `false`, and the `api_base_url`. Raises BadSetting.
    """
    settings.refuse_unknown(said, (*needed, *optional, "sandbox", "api_base_url"))
    found = {name: _credential(said, name) for name in needed}
    found |= {name: _credential(said, name, "") for name in optional}
    found["sandbox"] = settings.one_of(said, "sandbox", ("true", "false", ""), "")
    found["api_base_url"] = _address(said)
    return {name: value for name, value in found.items() if value}


def _credential(said: Mapping[str, str], name: str, default: str | None = None) -> str:
    """A key, an id or a secret: what a header can hold."""
    found = settings.text(said, name, default)
    if found != default and not _WRITTEN.fullmatch(found):
        raise BadSetting(name, settings.INVALID)
    return found


def _address(said: Mapping[str, str]) -> str:
    """Where the API shall be called instead: https, or this machine, of which whoever calls decides if it may be."""
    found = settings.text(said, "api_base_url", "").rstrip("/")
    if found and not (found.isascii() and _BASE.fullmatch(found)):
        raise BadSetting("api_base_url", settings.INVALID)
    return found


# --- answers ----------------------------------------------------------------------------------------------------------


class Said:
    """A JSON object. What is null counts as not there; what is not of its documented kind raises Unreadable."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def has(self, key: str) -> bool:
        return self._values.get(key) is not None

    def identifier(self, key: str) -> str:
        """An id: printable ASCII without a space, so that an address, a key and a log can hold it."""
        value = self._values.get(key)
        if not isinstance(value, str) or not _WRITTEN.fullmatch(value):
            raise Unreadable(f"{key}: not an id")
        return value

    def identifier_or_none(self, key: str) -> str | None:
        return self.identifier(key) if self.has(key) else None

    def secret(self, key: str) -> str:
        """What a header can hold, and nothing else shall."""
        value = self._values.get(key)
        if not isinstance(value, str) or not _SECRET.fullmatch(value):
            raise Unreadable(f"{key}: nothing that a header could hold")
        return value

    def word(self, key: str) -> str:
        """A status or the name of an error."""
        value = self._values.get(key)
        if not isinstance(value, str) or not _WORD.fullmatch(value):
            raise Unreadable(f"{key}: not a word")
        return value

    def hint(self, key: str) -> str | None:
        """Likewise, where nothing hangs on it; anything else says nothing."""
        value = self._values.get(key)
        return value if isinstance(value, str) and _WORD.fullmatch(value) else None

    def text(self, key: str) -> str:
        """Any text that says something, cut to a length that nobody minds; "" for anything else."""
        value = self._values.get(key)
        return value[:_LENGTH_MAX] if isinstance(value, str) else ""

    def flag(self, key: str) -> bool:
        value = self._values.get(key)
        if not isinstance(value, bool):
            raise Unreadable(f"{key}: not a boolean")
        return value

    def whole(self, key: str) -> int:
        """An amount in the rail's smallest unit, from 0 on."""
        value = self._values.get(key)
        if type(value) is not int or not 0 <= value <= money.AMOUNT_MAX:
            raise Unreadable(f"{key}: not a whole amount")
        return value

    def money(self, value: str, currency: str) -> Money:
        """An amount that is written in major units, from 0 on, by the names of its two fields."""
        code, written = self.word(currency), self._values.get(value)
        if code not in EXPONENTS:
            raise Unreadable(f"{currency}: not an ISO 4217 code")
        if not isinstance(written, str) or not _DECIMAL.fullmatch(written):
            raise Unreadable(f"{value}: not an amount")
        try:
            return Money(money.minor(written, code), code)
        except ValueError:
            raise Unreadable(f"{value}: not an amount of its currency") from None

    def child(self, key: str) -> "Said":
        value = self._values.get(key)
        if not isinstance(value, dict):
            raise Unreadable(f"{key}: not an object")
        return Said(value)

    def child_or_none(self, key: str) -> "Said | None":
        return self.child(key) if self.has(key) else None

    def hinted(self, key: str) -> "Said":
        """An object; an empty one in place of anything else."""
        value = self._values.get(key)
        return Said(value if isinstance(value, dict) else {})

    def children(self, key: str) -> Sequence["Said"]:
        """A list of objects; missing means an empty one."""
        items = self._values.get(key)
        if items is None:
            return []
        if not isinstance(items, list) or len(items) > _ITEMS_MAX or not all(isinstance(item, dict) for item in items):
            raise Unreadable(f"{key}: not a list of objects")
        return [Said(item) for item in items]

    def hinted_list(self, key: str) -> Sequence["Said"]:
        """The objects of a list, whatever else is in it."""
        items = self._values.get(key)
        return [Said(item) for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def read(body: bytes) -> Said:
    """The JSON object that a body is."""
    try:
        values = json.loads(body.decode(), parse_float=Decimal, parse_constant=_refuse)
    except (ValueError, ArithmeticError, RecursionError):
        # The cause holds the whole body, which belongs in no log.
        raise Unreadable("not JSON in UTF-8") from None
    if not isinstance(values, dict):
        raise Unreadable("not an object")
    return Said(values)


@contextmanager
def recognising() -> Iterator[None]:
    """Around the reading of that by which a rail's answer is known for its own: without it, it is Foreign."""
    try:
        yield
    except Unreadable as failure:
        raise Foreign(str(failure)) from None


def passes(answer: Answer) -> bool:
    """Whether the rail only wants to be asked again: too many at once, a lock, or its own fault."""
    return answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR or answer.status in (
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.CONFLICT,
        HTTPStatus.TOO_EARLY,
        HTTPStatus.TOO_MANY_REQUESTS,
    )


def refusal(answer: Answer) -> Said:
    """What the rail says about its no. Raises Unreadable where it is none: a redirect, a page of whoever is between."""
    if answer.status not in _REFUSALS:
        raise Unreadable("neither done nor refused")
    return read(answer.body)


def wait(answer: Answer) -> int | None:
    """After how many seconds the rail wants to be asked again; None where it says nothing that can be read."""
    advice = answer.headers.get("retry-after", "")
    return min(max(1, int(advice)), WAIT_MAX) if _SECONDS.fullmatch(advice) else None


def payout_ids(name: str) -> tuple[str, ...]:
    """The payout that a callback is about. Whatever else an account does bears other names, and is none of ours."""
    return (name,) if ids.is_id(name, _PAYOUT) else ()


def _refuse(text: str) -> NoReturn:  # noqa: ARG001
    raise ValueError

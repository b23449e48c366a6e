"""How a language writes what is filled into its phrases: amounts, rates, dates, numbers, and what people wrote.

What people wrote (names, codes, reasons) is cleaned of what would turn the text around it. In Hebrew, whatever runs
from left to right is isolated, so that no amount is read backwards.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from vouch.domain.currencies import EXPONENTS
from vouch.domain.texts import one_line
from vouch.messages import Language
from vouch.words import phrases
from vouch.words.phrases import Phrase

_LENGTH_MAX: Final = 120
_LEFT, _ANY, _END = "\u2066", "\u2068", "\u2069"
"""Isolates: of what runs from left to right, of what runs as its own letters do, and their end."""
_RIGHT_TO_LEFT: Final = frozenset({"R", "AL", "AN"})
_AGES: Final = (("days", timedelta(days=1)), ("hours", timedelta(hours=1)), ("minutes", timedelta(minutes=1)))


class Speech:
    """One language, and the time zone in which its dates are."""

    def __init__(self, language: Language, time_zone: str) -> None:
        self.language = language
        self._zone = ZoneInfo(time_zone)

    def phrase(self, table: Mapping[str, Phrase], name: str, **facts: object) -> str:
        """One phrase, filled in."""
        return table[name][self.language].format_map(facts)

    def sentence(self, name: str, **facts: object) -> str:
        """One of the phrases that are in no table of their own."""
        return self.phrase(phrases.SENTENCES, name, **facts)

    def joined(self, parts: Sequence[str]) -> str:
        """`a, b and c`."""
        if len(parts) <= 1:
            return "".join(parts)
        return self.sentence("and", one=", ".join(parts[:-1]), other=parts[-1])

    def count(self, noun: str, number: int) -> str:
        """`1 day`, `2 days`."""
        forms = phrases.COUNTS[noun][self.language]
        form = forms[number - 1] if 0 < number < len(forms) else forms[-1]
        return form.format(n=f"{number:,}")

    def age(self, at: datetime, placed_at: datetime) -> str:
        """How long before or after the order."""
        apart = abs(placed_at - at)
        for noun, unit in _AGES:
            if apart >= unit:
                return self.sentence("after" if at > placed_at else "before", age=self.count(noun, apart // unit))
        return self.sentence("at_order")

    def date(self, at: datetime) -> str:
        """`4 May 2026`, where the program is at home."""
        local = at.astimezone(self._zone)
        return self.sentence("date", day=local.day, month=self._month(local.month), year=local.year)

    def period(self, name: str) -> str:
        """`May 2026`, `quarter 2 of 2026`, or `2026`, as calendars name it: `2026-05`, `2026-Q2`, `2026`."""
        year, _, part = name.partition("-")
        if part.startswith("Q"):
            return self.sentence("quarter", number=part.removeprefix("Q"), year=year)
        return self.sentence("month", month=self._month(int(part)), year=year) if part else year

    def _month(self, number: int) -> str:
        return phrases.MONTHS[self.language][number - 1]

    def moment(self, at: datetime) -> str:
        """`4 May 2026, 12:00`, where the program is at home."""
        return f"{self.date(at)}, {at.astimezone(self._zone):%H:%M}"

    def amount(self, amount: int, currency: str) -> str:
        """`1,234.50 ILS`."""
        return self.left(f"{figure(amount, currency)} {currency}")

    def percent(self, bps: int) -> str:
        """`12.5 %`."""
        whole, rest = divmod(bps, 100)
        fraction = f".{rest:02}".rstrip("0") if rest else ""
        return self.left(f"{whole}{fraction} %")

    def left(self, text: str) -> str:
        """What runs from left to right in any language."""
        return f"{_LEFT}{text}{_END}" if self.language == "he" else text

    def quoted(self, text: str) -> str:
        """What people wrote: on one line, not too long to read, and unable to turn what stands around it."""
        clean = in_short(text, _LENGTH_MAX)
        turns = any(unicodedata.bidirectional(character) in _RIGHT_TO_LEFT for character in clean)
        return f"{_ANY}{clean}{_END}" if turns or self.language == "he" else clean


def figure(amount: int, currency: str) -> str:
    """`−1,234.50`, with the digits that the currency has; runs from left to right wherever it stands alone."""
    digits = EXPONENTS[currency]
    sign, (whole, rest) = "−" if amount < 0 else "", divmod(abs(amount), 10**digits)
    fraction = f".{rest:0{digits}}" if digits else ""
    return f"{sign}{whole:,}{fraction}"


def in_short(text: str, length: int) -> str:
    """What people wrote, on one line of at most so many characters and `…`, without marks that turn it."""
    clean = " ".join(one_line(text).split())
    return f"{clean[:length]}…" if len(clean) > length else clean

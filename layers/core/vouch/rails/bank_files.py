"""What files for a bank have in common: their day of payment, and names in an alphabet that the bank can read."""

import unicodedata
from collections.abc import Collection, Mapping
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from vouch.domain.texts import unaccented
from vouch.rails.base import FileOrder
from vouch.rails.settings import number

DAYS_AHEAD = "days_ahead"
_DAYS_AHEAD = range(11)


def days_ahead(said: Mapping[str, str]) -> str:
    """How many days after the run's own day the bank is to pay: 0 to 10, none unless it is said."""
    return str(number(said, DAYS_AHEAD, _DAYS_AHEAD, 0))


def day_of_payment(order: FileOrder, zone: str) -> date:
    """The run's day where the bank is, or so many days later as the brand has set: never one before it is written."""
    made, written = (moment.astimezone(ZoneInfo(zone)).date() for moment in (order.made_at, order.written_at))
    return max(made + timedelta(days=int(order.settings[DAYS_AHEAD])), written)


def plain(text: str, alphabet: Collection[str], spelled: Mapping[str, str]) -> str | None:
    """The text on one line in the alphabet, or None where a letter or digit has no place in it, or none is left.

    Accents are dropped, `spelled` says how else to write a mark, and any other that has no place becomes a space: a
    name without its emoji is still the name, one without half its letters is somebody else's.
    """
    written = []
    for character in unaccented(text):
        if character in alphabet:
            written.append(character)
        elif character in spelled:
            written.append(spelled[character])
        elif character.isalnum():
            return None
        elif unicodedata.category(character) != "Cf":
            written.append(" ")
    line = " ".join("".join(written).split())
    return line if any(character.isalnum() for character in line) else None

"""MASAV, the Israeli clearing house: a file of credits in shekels. The layout is as published, not certified.

The records below follow MASAV's technical paper on payments (מפרט טכני לביצוע תשלומים באמצעות מס"ב) as those have read
it who write such files in public: six programs, which agree on every position. A record has 128 characters and ends
with CR LF; in it numbers stand right behind zeros, words right behind blanks. Nines end the file.

They do not agree on names: on which side of its 16 places a short one stands, and whether Latin ones are turned round
like Hebrew ones. The money goes by bank, branch and account alone.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Final
from zoneinfo import ZoneInfo

from vouch.domain.payouts import Payment, Skipped
from vouch.rails import bank_files
from vouch.rails.base import BadSetting, File, FileOrder, Rail, Settings
from vouch.rails.settings import INVALID, number, one_of, refuse_unknown, text

_CURRENCY: Final = "ILS"
_ZONE: Final = "Asia/Jerusalem"
_WIDTH: Final = 128
_END: Final = b"\r\n"
_SHEKELS: Final = b"00"
_ORDINARY_CREDIT: Final = b"006"
_AMOUNT_WIDTH: Final = 13
_AMOUNT_MAX: Final = 10**_AMOUNT_WIDTH - 1
_REFERENCE_WIDTH: Final = 20
_PAYEE_WIDTH: Final = 16
_NAME_WIDTH: Final = 30
_HEBREW: Final = "אבגדהוזחטיךכלםמןנסעףפץצקרשת"
_ALPHABET: Final = frozenset(_HEBREW) | frozenset(map(chr, range(ord(" "), ord("~") + 1)))
_SPELLED: Final = {"־": "-", "׳": "'", "״": '"'}
_CODE_A: Final = str.maketrans(_HEBREW + "&", "&ABCDEFGHIJKLMNOPQRSTUVWXYZ" + "+")
_CODES: Final[Mapping[str, Callable[[str], bytes]]] = {
    # Latin capitals are Hebrew letters here, so that Latin letters have to be small ones.
    "a": lambda words: words.lower().translate(_CODE_A).encode("ascii"),
    "b": lambda words: words.encode("cp862"),
    "windows_1255": lambda words: words.encode("cp1255"),
}
"""MASAV's two codes of Hebrew, and that of Windows, whose letters are those of ISO 8859-8."""
_ORDERS: Final = ("visual", "logical")
_LATIN_RUN: Final = re.compile(r"[A-Za-z0-9]+(?:[ .,'&+/-]+[A-Za-z0-9]+)*")
_MIRRORED: Final = str.maketrans("()[]{}<>", ")(][}{><")
_SETTINGS: Final = ("institution", "sender", "name", "hebrew", "order", "serial", bank_files.DAYS_AHEAD)


def reference(payout_id: str) -> str:
    """The number by which the file knows a payout, always the same: the id itself is too long, and has letters."""
    digest = hashlib.sha256(payout_id.encode()).digest()
    return f"{int.from_bytes(digest) % 10**_REFERENCE_WIDTH:0{_REFERENCE_WIDTH}}"


# --- before it is written ---------------------------------------------------------------------------------------------


def _unit(currency: str) -> int | None:
    return 1 if currency == _CURRENCY else None


def _obstacle(payment: Payment) -> Skipped | None:
    if payment.destination is None or payment.destination.kind != "il_bank":
        return "rail_unfit_for_method"
    if _plain(_payee(payment)) is None:
        return "payee_name_unfit"
    return "rail_amount_too_large" if payment.amount > _AMOUNT_MAX else None


def _payee(payment: Payment) -> str:
    """Who holds the account; where that was not said, the creator."""
    holder = payment.destination.holder if payment.destination is not None else ""
    return holder or payment.name


def _plain(said: str) -> str | None:
    return bank_files.plain(said, _ALPHABET, _SPELLED)


def _settings(said: Mapping[str, str]) -> Settings:
    refuse_unknown(said, _SETTINGS)
    name = _plain(text(said, "name"))
    if name is None or len(name) > _NAME_WIDTH:
        raise BadSetting("name", INVALID)
    return {
        "institution": f"{number(said, 'institution', range(1, 10**8)):08}",
        "sender": f"{number(said, 'sender', range(1, 10**5)):05}",
        "name": name,
        "hebrew": one_of(said, "hebrew", _CODES),
        "order": one_of(said, "order", _ORDERS, _ORDERS[0]),
        "serial": f"{number(said, 'serial', range(1, 10**3), 1):03}",
        bank_files.DAYS_AHEAD: bank_files.days_ahead(said),
    }


# --- the file ---------------------------------------------------------------------------------------------------------


def _write(order: FileOrder) -> File:
    day = bank_files.day_of_payment(order, _ZONE)
    payments = (_payment(payment, order.settings) for payment in order.payments)
    content = b"".join([_header(order, day), *payments, _total(order, day), b"9" * _WIDTH + _END])
    # Text of an old code under its name would be turned into another one by whoever shows it.
    return File(f"{order.name}.txt", "application/octet-stream", content)


def _header(order: FileOrder, day: date) -> bytes:
    settings = order.settings
    return _record(
        b"K",  # 1
        _digits("institution", settings["institution"], 8),  # 2
        _SHEKELS,  # 10
        _day(day),  # 12
        b"0",  # 18
        _digits("serial", _serial(order), 3),  # 19
        b"0",  # 22
        _day(order.made_at.astimezone(ZoneInfo(_ZONE)).date()),  # 23
        _digits("sender", settings["sender"], 5),  # 29
        b"0" * 6,  # 34
        _words(settings["name"], _NAME_WIDTH, settings),  # 40
        b" " * 56,  # 70
        b"KOT",  # 126: "header"
    )


def _serial(order: FileOrder) -> int:
    """Each part of a run's payments has the next one, of 1 to 999: the same again would be a repeat of the file."""
    return (int(order.settings["serial"]) + order.part - 2) % 999 + 1


def _payment(payment: Payment, settings: Settings) -> bytes:
    if payment.destination is None:
        raise ValueError(f"{payment.id} has an obstacle")
    fields = payment.destination.fields
    return _record(
        b"1",  # 1
        _digits("institution", settings["institution"], 8),  # 2
        _SHEKELS,  # 10
        b"0" * 6,  # 12
        _digits("bank", fields["bank"], 2),  # 18
        _digits("branch", fields["branch"], 3),  # 20
        b"0" * 4,  # 23: the kind of account
        _digits("account", fields["account"], 9),  # 27
        b"0",  # 36
        _digits("holder_id", fields["holder_id"], 9),  # 37
        _words(_payee(payment), _PAYEE_WIDTH, settings),  # 46
        _digits("amount", payment.amount, _AMOUNT_WIDTH),  # 62: in agorot
        _digits("reference", reference(payment.id), _REFERENCE_WIDTH),  # 75
        b"0" * 8,  # 95: the months that are paid for
        b"0" * 3,  # 103: the kind of text
        _ORDINARY_CREDIT,  # 106
        b"0" * 18,  # 109
        b" " * 2,  # 127
    )


def _total(order: FileOrder, day: date) -> bytes:
    settings = order.settings
    return _record(
        b"5",  # 1
        _digits("institution", settings["institution"], 8),  # 2
        _SHEKELS,  # 10
        _day(day),  # 12
        b"0",  # 18
        _digits("serial", _serial(order), 3),  # 19
        _digits("total", sum(payment.amount for payment in order.payments), 15),  # 22: in agorot
        b"0" * 15,  # 37
        _digits("payments", len(order.payments), 7),  # 52
        b"0" * 7,  # 59
        b" " * 63,  # 66
    )


def _record(*fields: bytes) -> bytes:
    record = b"".join(fields)
    if len(record) != _WIDTH:
        raise ValueError(f"a record of {len(record)} characters")
    return record + _END


def _digits(name: str, value: str | int, width: int) -> bytes:
    """Raises ValueError rather than to shorten a number, without the number: errors are logged, accounts are not."""
    digits = f"{value:0>{width}}"
    if len(digits) != width or not (digits.isascii() and digits.isdigit()):
        raise ValueError(f"{name}: not {width} digits")
    return digits.encode("ascii")


def _day(day: date) -> bytes:
    return f"{day:%y%m%d}".encode("ascii")


def _words(said: str, width: int, settings: Settings) -> bytes:
    """What of a name fits in, in the brand's code and order, on the right. Raises ValueError where none of it does."""
    words = _plain(said)
    if words is None:
        raise ValueError("a name that has no place in the file")
    line = words[:width].rstrip()
    turned = _visual(line) if settings["order"] == "visual" else line
    return _CODES[settings["hebrew"]](turned).rjust(width)


def _visual(line: str) -> str:
    """As its characters stand in print, from left to right: Hebrew is turned round, what is Latin or a number not."""
    if not any(letter in _HEBREW for letter in line):
        return line
    return _LATIN_RUN.sub(lambda run: run[0][::-1], line[::-1].translate(_MIRRORED))


RAIL = Rail(
    name="masav",
    unit=_unit,
    takes=frozenset({"il_bank"}),
    obstacle=_obstacle,
    settings=_settings,
    write=_write,
    called=reference,
)

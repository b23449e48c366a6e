"""Destinations of money: whether they can be right, the one form in which each is kept, and what may be shown of them.

What is checked here catches slips of the pen, not lies: that an account exists, and whose it is, only its bank knows.
No refusal repeats what was said.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

from vouch.domain import texts
from vouch.domain.errors import Unprocessable
from vouch.domain.ibans import STRUCTURES
from vouch.domain.payouts import Destination

Kind = Literal["paypal", "stripe", "iban", "il_bank"]
HOLDER_LENGTH_MAX: Final = 70
"""What a SEPA payment carries of a name."""

_TOLD_MAX: Final = 4
_NAMED: Final = ("iban", "il_bank")
"""Kinds that a bank pays by name."""
_CLASSES: Final = {"n": "[0-9]", "a": "[A-Z]", "c": "[0-9A-Z]"}
_BIC: Final = re.compile(r"[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}(?:[A-Z0-9]{3})?")
_STRIPE: Final = re.compile(r"acct_[A-Za-z0-9]{8,64}")
_LATIN: Final = re.compile(r"[A-Za-z0-9?:().,'+ &_;\[\]{}`-]+(?:/[A-Za-z0-9?:().,'+ &_;\[\]{}`-]+)*")
"""The characters that every SEPA bank takes, and signs that have another spelling there, which the rail knows (`&` is
`+`); a slash neither begins nor ends a text, nor stands twice in a row.
"""


def destination(kind: Kind, said: Mapping[str, str]) -> Destination:
    """The destination of which `said` has the fields, checked and in its canonical form; those left out are "".

    `email` is taken as it is: one that can be an address, in lower case. Raises Unprocessable, the field in `param`.
    """
    named = kind in _NAMED or said.get("holder")
    name = holder(said.get("holder", "")) if named else ""
    match kind:
        case "paypal":
            return Destination(kind, name, {"email": said["email"]})
        case "stripe":
            return Destination(kind, name, {"account": stripe_account(said["account"])})
        case "iban":
            code = bic(said["bic"]) if said.get("bic") else ""
            return Destination(kind, latin(name), {"iban": iban(said["iban"]), "bic": code})
        case "il_bank":
            bank, branch, account = il_account(said["bank"], said["branch"], said["account"])
            person = il_id(said["holder_id"]) if said.get("holder_id") else ""
            fields = {"bank": bank, "branch": branch, "account": account, "holder_id": person}
            return Destination(kind, name, fields)


def shown(to: Destination) -> str:
    """What tells its owner which one it is, and nobody else where it is."""
    fields = to.fields
    match to.kind:
        case "paypal":
            mailbox, _, host = fields["email"].partition("@")
            return f"{mailbox[0]}•••@{host}"
        case "stripe":
            return f"acct_{ending(fields['account'])}"
        case "iban":
            return f"{fields['iban'][:2]} {ending(fields['iban'])}"
        case "il_bank":
            return f"{fields['bank']} {ending(fields['account'])}"


def ending(secret: str) -> str:
    """The last four characters, or fewer: at least half of it stays unsaid, leading zeros apart."""
    told = min(_TOLD_MAX, len(secret.lstrip("0")) // 2)
    return f"•••• {secret[-told:]}" if told else "••••"


# --- names ------------------------------------------------------------------------------------------------------------


def holder(text: str) -> str:
    """An account holder's name: one line of text with a letter in it, without what nobody sees."""
    seen = "".join(character for character in texts.normal(text) if not texts.is_unseen(character))
    name = " ".join(seen.split())
    if texts.holds_control(text) or len(name) > HOLDER_LENGTH_MAX or not any(map(str.isalpha, name)):
        raise Unprocessable("invalid_holder_name", param="holder", most=HOLDER_LENGTH_MAX)
    return name


def latin(name: str) -> str:
    """The name in what can be written for every SEPA bank: accents go, and what is not Latin is refused."""
    plain = texts.unaccented(name)
    if len(plain) > HOLDER_LENGTH_MAX or not _LATIN.fullmatch(plain):
        raise Unprocessable("holder_name_not_latin", param="holder", most=HOLDER_LENGTH_MAX)
    return plain


# --- IBAN -------------------------------------------------------------------------------------------------------------


def iban(text: str) -> str:
    """An IBAN (ISO 13616) in capitals, without spaces: a country of the registry, its structure, its check digits."""
    number = _plain(text)
    country, said = number[:2], number[2:4]
    # The remainder alone would let another pair of digits pass, one that differs from the right one by 97.
    if country not in STRUCTURES or not _shape(country).fullmatch(number) or said != _check_digits(number):
        raise Unprocessable("invalid_iban", param="iban")
    return number


def bic(text: str) -> str:
    """A BIC (ISO 9362) in capitals; that its bank exists is not checked."""
    code = _plain(text)
    if not _BIC.fullmatch(code):
        raise Unprocessable("invalid_bic", param="bic")
    return code


def _plain(text: str) -> str:
    """In capitals, without spaces and what nobody sees, such as marks of direction; "" where it is not ASCII."""
    seen = "".join(character for character in text if not (character.isspace() or texts.is_unseen(character)))
    return seen.upper() if seen.isascii() else ""


@cache
def _shape(country: str) -> re.Pattern[str]:
    parts = re.findall(r"(\d+)([nac])", STRUCTURES[country])
    account = "".join(f"{_CLASSES[kind]}{{{length}}}" for length, kind in parts)
    return re.compile(f"{country}[0-9]{{2}}{account}")


def _check_digits(number: str) -> str:
    digits = "".join(str(int(character, 36)) for character in f"{number[4:]}{number[:2]}00")
    return f"{98 - int(digits) % 97:02}"


# --- Stripe -----------------------------------------------------------------------------------------------------------


def stripe_account(text: str) -> str:
    """The id of a Stripe account, whose capitals count."""
    account = text.strip()
    if not _STRIPE.fullmatch(account):
        raise Unprocessable("invalid_stripe_account", param="account")
    return account


# --- Israel -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Check:
    """A bank's published rule: the digits of branch and account by their weights, summed, leave one of the remainders.

    An account has `digits`; those before them are zeros.
    """

    branch: tuple[int, ...]
    account: tuple[int, ...]
    modulus: int
    remainders: frozenset[int]
    digits: int = 9

    def holds(self, branch: str, account: str) -> bool:
        weighted = zip((*self.branch, *self.account), branch + account, strict=True)
        remainder = sum(weight * int(digit) for weight, digit in weighted) % self.modulus
        return remainder in self.remainders and not account[: -self.digits].strip("0")


_UNWEIGHED: Final = (0, 0, 0)
_OF_SIX: Final = (*_UNWEIGHED, 6, 5, 4, 3, 2, 1)
_OF_NINE: Final = (9, 8, 7, 6, 5, 4, 3, 2, 1)
_PLACES: Final = tuple(10**place % 97 for place in reversed(range(10)))
_LEUMI: Final = (_Check((10, 9, 8), (0, 7, 6, 5, 4, 3, 2, 10, 1), 100, frozenset({20, 60, 70, 72, 90}), digits=8),)
_HAPOALIM: Final = (_Check((9, 8, 7), _OF_SIX, 11, frozenset({0, 2, 4, 6}), digits=6),)
_YAHAV: Final = (_Check((9, 8, 7), _OF_SIX, 11, frozenset({0, 2}), digits=6),)
_MIZRAHI: Final = (_Check((9, 8, 7), _OF_SIX, 11, frozenset({0, 2, 4}), digits=6),)
_DISCOUNT: Final = (_Check(_UNWEIGHED, _OF_NINE, 11, frozenset({0, 2, 4})),)
_BEINLEUMI: Final = tuple(_Check(_UNWEIGHED, weights, 11, frozenset({0, 6})) for weights in (_OF_NINE, _OF_SIX))
_POST: Final = (_Check(_UNWEIGHED, _OF_NINE, 10, frozenset({0})),)
_ONE_ZERO: Final = (_Check(_PLACES[:3], (*_PLACES[3:], 10, 1), 97, frozenset({1})),)
_CITIBANK: Final = (_Check(_UNWEIGHED, (3, 2, 7, 6, 5, 4, 3, 2, 1), 11, frozenset({0})),)
_CHECKS: Final[dict[str, tuple[_Check, ...]]] = {
    "04": _YAHAV,
    "09": _POST,
    "10": _LEUMI,
    "11": _DISCOUNT,
    "12": _HAPOALIM,
    "17": _DISCOUNT,
    "18": _ONE_ZERO,
    "20": _MIZRAHI,
    "22": _CITIBANK,
    "31": _BEINLEUMI,
    "34": _LEUMI,
    "52": _BEINLEUMI,
}
"""By the bank's code; one of its rules has to hold. Of other banks only the shape is checked.

From MASAV's paper on the legality of account numbers (1 October 2015), where later readers of it (2022, 2025) say the
same; One Zero, which is younger, from these two alone. They do not agree on 13, 14, 23 and 46, whose banks have been
merged or closed, nor is there more than one word on the others, so that nobody is refused for an error of ours.
"""
_MIZRAHI_CODE: Final = "20"
_MIZRAHI_SHIFT: Final = 400
"""Branches of greater numbers count as those whose numbers are so much less; or not, say later readers, from 800 on."""


def il_account(bank: str, branch: str, account: str) -> tuple[str, str, str]:
    """An account at an Israeli bank as 2, 3 and 9 digits, leading zeros included; see `_CHECKS` for what is checked."""
    found = _digits(bank, 2), _digits(branch, 3), _digits(account, 9)
    for digits, param in zip(found, ("bank", "branch", "account"), strict=True):
        if not digits or (param != "branch" and not digits.strip("0")):
            raise Unprocessable("invalid_bank_account", param=param)
    code, place, number = found
    places = _counted_as(code, place)
    if code in _CHECKS and not any(check.holds(as_, number) for check in _CHECKS[code] for as_ in places):
        raise Unprocessable("invalid_bank_account", param="account")
    return found


def il_id(text: str) -> str:
    """The number of an Israeli identity card or company as 9 digits, the last of which checks the others."""
    digits = _digits(text, 9)
    doubled = (int(digit) * (1 + place % 2) for place, digit in enumerate(digits))
    if not digits.strip("0") or sum(each // 10 + each % 10 for each in doubled) % 10:
        raise Unprocessable("invalid_id_number", param="holder_id")
    return digits


def _counted_as(bank: str, branch: str) -> tuple[str, ...]:
    if bank != _MIZRAHI_CODE or int(branch) <= _MIZRAHI_SHIFT:
        return (branch,)
    shifted = f"{int(branch) - _MIZRAHI_SHIFT:03}"
    return (shifted,) if int(branch) < 2 * _MIZRAHI_SHIFT else (shifted, branch)


def _digits(text: str, most: int) -> str:
    """What people write with dashes, slashes and spaces, as so many digits; "" where it is something else."""
    digits = re.sub(r"[-/]", "", _plain(text))
    return digits.zfill(most) if digits.isdecimal() and len(digits) <= most else ""

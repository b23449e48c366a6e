"""SEPA credit transfers: one `pain.001.001.09` (ISO 20022) for each run, as a batch that the bank books in one sum.

The elements are those of the EPC's customer-to-PSP guidelines (EPC132-08). They are put together here because what
`sepaxml` writes holds the time of its making and random ids, so that a file made again would be another one; its
validator would cost every cold start half a second. That files keep to the schema is for tests to say, which read them
with the same validator.
"""

import string
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable, Mapping
from typing import Final
from zoneinfo import ZoneInfo

from vouch.domain import payout_methods
from vouch.domain.errors import Unprocessable
from vouch.domain.money import major
from vouch.domain.payouts import Payment, Skipped
from vouch.rails import bank_files
from vouch.rails.base import BadSetting, File, FileOrder, Rail, Settings
from vouch.rails.settings import INVALID, refuse_unknown, text

_NAMESPACE: Final = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"
_CURRENCY: Final = "EUR"
_AMOUNT_MAX: Final = 99_999_999_999
"""What the scheme carries in one payment, in cents."""
_ZONE: Final = "Europe/Brussels"
"""Where the days of the euro's settlement are counted."""
_COUNTRIES: Final = frozenset(
    {"AD", "AT", "BE", "BG", "CY", "DE", "EE", "ES", "FI", "FR", "GR", "HR", "IE", "IT", "LT", "LU", "LV", "MC", "ME"}
    | {"MT", "NL", "PT", "SI", "SK", "SM", "VA"}
    | {"AL", "CH", "CZ", "DK", "GB", "GI", "HU", "IS", "LI", "MD", "MK", "NO", "PL", "RO", "RS", "SE"}
)
"""Whose accounts the scheme reaches, by the first letters of their IBANs (EPC409-09, as of 2026)."""
_ALPHABET: Final = frozenset(string.ascii_letters + string.digits + "/-?:().,'+ ")
"""What every bank of the scheme takes, and how its best practices (EPC217-08) spell some of what it does not."""
_SPELLED: Final = {"&": "+", "_": "-", ";": ",", "[": "(", "]": ")", "{": "(", "}": ")", "\\": "/", "|": "/", "`": "'"}
_NAME_MAX: Final = 70
_NOTE_MAX: Final = 140
_ADDRESS: Final = {
    "street": ("StrtNm", 70),
    "building": ("BldgNb", 16),
    "postcode": ("PstCd", 16),
    "town": ("TwnNm", 35),
    "country": ("Ctry", 2),
}
"""The brand's address, structured: the scheme takes no other since November 2026. An element and a length for each."""
_SETTINGS: Final = ("name", "iban", "bic", *_ADDRESS, bank_files.DAYS_AHEAD)


def end_to_end_id(payout_id: str) -> str:
    """By which the payment is known to both banks and to the payee: the payout's id, in the scheme's alphabet."""
    return payout_id.replace("_", "-")


# --- before it is written ---------------------------------------------------------------------------------------------


def _unit(currency: str) -> int | None:
    return 1 if currency == _CURRENCY else None


def _obstacle(payment: Payment) -> Skipped | None:
    to = payment.destination
    if to is None or to.kind != "iban" or to.fields["iban"][:2] not in _COUNTRIES:
        return "rail_unfit_for_method"
    if _plain(to.holder) is None:
        return "payee_name_unfit"
    return "rail_amount_too_large" if payment.amount > _AMOUNT_MAX else None


def _plain(said: str) -> str | None:
    return bank_files.plain(said, _ALPHABET, _SPELLED)


def _settings(said: Mapping[str, str]) -> Settings:
    refuse_unknown(said, _SETTINGS)
    checked = {"name": _words(said, "name", _NAME_MAX), "iban": _canonical(said, "iban", payout_methods.iban)}
    if text(said, "bic", ""):
        checked["bic"] = _canonical(said, "bic", payout_methods.bic)
    return checked | _address(said) | {bank_files.DAYS_AHEAD: bank_files.days_ahead(said)}


def _words(said: Mapping[str, str], name: str, length_max: int) -> str:
    words = _plain(text(said, name))
    if words is None or len(words) > length_max:
        raise BadSetting(name, INVALID)
    return words


def _canonical(said: Mapping[str, str], name: str, check: Callable[[str], str]) -> str:
    try:
        return check(text(said, name))
    except Unprocessable:
        raise BadSetting(name, INVALID) from None


def _address(said: Mapping[str, str]) -> dict[str, str]:
    """Whole or not at all: without town and country it is refused."""
    if not any(text(said, name, "") for name in _ADDRESS):
        return {}
    needed = [name for name in _ADDRESS if text(said, name, "") or name in ("town", "country")]
    found = {name: _words(said, name, _ADDRESS[name][1]) for name in needed}
    country = found["country"].upper()
    if not (len(country) == _ADDRESS["country"][1] and country.isalpha()):
        raise BadSetting("country", INVALID)
    return found | {"country": country}


# --- the file ---------------------------------------------------------------------------------------------------------


def _write(order: FileOrder) -> File:
    document = ET.Element("Document", xmlns=_NAMESPACE)
    initiation = ET.SubElement(document, "CstmrCdtTrfInitn")
    _head(ET.SubElement(initiation, "GrpHdr"), order)
    _batch(ET.SubElement(initiation, "PmtInf"), order)
    content: bytes = ET.tostring(document, encoding="UTF-8", xml_declaration=True)
    return File(f"{order.name}.xml", "application/xml", content)


def _head(head: ET.Element, order: FileOrder) -> None:
    _put(head, "MsgId", end_to_end_id(f"{order.run_id}{order.suffix}"))
    _put(head, "CreDtTm", order.made_at.astimezone(ZoneInfo(_ZONE)).isoformat(timespec="seconds"))
    _sums(head, order.payments)
    _put(head, "InitgPty/Nm", order.settings["name"])


def _batch(batch: ET.Element, order: FileOrder) -> None:
    settings = order.settings
    _put(batch, "PmtInfId", end_to_end_id(f"{order.run_id}{order.suffix}"))
    _put(batch, "PmtMtd", "TRF")
    _put(batch, "BtchBookg", "true")
    _sums(batch, order.payments)
    _put(batch, "PmtTpInf/SvcLvl/Cd", "SEPA")
    _put(batch, "ReqdExctnDt/Dt", bank_files.day_of_payment(order, _ZONE).isoformat())
    debtor = ET.SubElement(batch, "Dbtr")
    _put(debtor, "Nm", settings["name"])
    if "country" in settings:
        address = ET.SubElement(debtor, "PstlAdr")
        for name, (element, _) in _ADDRESS.items():
            if name in settings:
                _put(address, element, settings[name])
    _put(batch, "DbtrAcct/Id/IBAN", settings["iban"])
    bank = ET.SubElement(batch, "DbtrAgt")
    if "bic" in settings:
        _put(bank, "FinInstnId/BICFI", settings["bic"])
    else:
        _put(bank, "FinInstnId/Othr/Id", "NOTPROVIDED")
    _put(batch, "ChrgBr", "SLEV")
    for payment in order.payments:
        _transfer(ET.SubElement(batch, "CdtTrfTxInf"), payment)


def _transfer(transfer: ET.Element, payment: Payment) -> None:
    to = payment.destination
    name = _plain(to.holder) if to is not None else None
    if to is None or name is None:
        raise ValueError(f"{payment.id} has an obstacle")
    _put(transfer, "PmtId/EndToEndId", end_to_end_id(payment.id))
    _put(transfer, "Amt/InstdAmt", major(payment.amount, _CURRENCY)).set("Ccy", _CURRENCY)
    if to.fields["bic"]:
        _put(transfer, "CdtrAgt/FinInstnId/BICFI", to.fields["bic"])
    _put(transfer, "Cdtr/Nm", name[:_NAME_MAX].rstrip())
    _put(transfer, "CdtrAcct/Id/IBAN", to.fields["iban"])
    note = _plain(payment.note) or end_to_end_id(payment.id)
    _put(transfer, "RmtInf/Ustrd", note[:_NOTE_MAX].rstrip())


def _sums(parent: ET.Element, payments: Iterable[Payment]) -> None:
    amounts = [payment.amount for payment in payments]
    _put(parent, "NbOfTxs", str(len(amounts)))
    _put(parent, "CtrlSum", major(sum(amounts), _CURRENCY))


def _put(parent: ET.Element, path: str, said: str) -> ET.Element:
    """An element with that text, inside new ones of its own."""
    element = parent
    for name in path.split("/"):
        element = ET.SubElement(element, name)
    element.text = said
    return element


RAIL = Rail(
    name="sepa",
    unit=_unit,
    takes=frozenset({"iban"}),
    obstacle=_obstacle,
    settings=_settings,
    write=_write,
    called=end_to_end_id,
)

"""SEPA files keep to the schema of ISO 20022 and, read back by another's reader, are the payments to the cent."""

import io
import tracemalloc
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import xmlschema
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from tests.rails.orders import (
    AMOUNTS,
    IBAN,
    IL_BANK,
    LATIN_NAMES,
    MADE_AT,
    NAMES,
    RUN,
    held_by,
    order,
    payment,
    with_fields,
)
from vouch.domain import payout_methods
from vouch.domain.currencies import EXPONENTS
from vouch.domain.errors import Unprocessable
from vouch.domain.payouts import Payment
from vouch.rails.base import BadSetting, File, Settings
from vouch.rails.sepa import RAIL, end_to_end_id

XSD = Path(__file__).parent.parent / "data" / "rails" / "pain.001.001.09.xsd"
BRAND = {"name": "Pottery & Sons Ltd", "iban": "DE75 5121 0800 1245 1261 99"}
SETTINGS = RAIL.settings(BRAND)
ADDRESS = {"street": "Töpfergasse", "building": "7b", "postcode": "10115", "town": "Berlin", "country": "de"}
LATIN = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/-?:().,'+ ")
NAMESPACE = "{urn:iso:std:iso:20022:tech:xsd:pain.001.001.09}"


def written(payments: Sequence[Payment], said: Settings = SETTINGS, at: datetime = MADE_AT) -> File:
    assert RAIL.write is not None
    return RAIL.write(order(payments, said, at=at))


@cache
def schema() -> xmlschema.XMLSchema:
    return xmlschema.XMLSchema(XSD)


def read(file: File) -> tuple[dict[str, Any], dict[str, Any]]:
    """The header and the one batch, as the schema understands them; what does not keep to it raises."""
    document: Any = schema().to_dict(io.BytesIO(file.content))
    initiation = document["CstmrCdtTrfInitn"]
    [batch] = initiation["PmtInf"]
    return initiation["GrpHdr"], batch


def transfers(file: File) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = read(file)[1]["CdtTrfTxInf"]
    return found


# --- the file ---------------------------------------------------------------------------------------------------------


def test_a_further_part_has_a_name_and_an_id_of_its_own() -> None:
    """A bank takes no second message under the id of another."""
    assert RAIL.write is not None
    file = RAIL.write(order([payment(1, IBAN)], RAIL.settings(BRAND), part=12))
    head, batch = read(file)
    assert file.name == f"{RUN}-EUR-12.xml"
    assert head["MsgId"] == batch["PmtInfId"] == f"run-{RUN.removeprefix('run_')}-12"


def test_the_file_as_a_bank_reads_it() -> None:
    payments = [
        payment(1, IBAN, 13_050, note="Commission, May 2026"),
        payment(2, with_fields(held_by("Zoë Müller", IBAN), {"bic": "COBADEFFXXX"}), 5),
    ]
    file = written(payments, RAIL.settings({**BRAND, **ADDRESS, "bic": "deutdeff"}))
    head, batch = read(file)
    ids = [f"po-{each.id.removeprefix('po_')}" for each in payments]
    run = f"run-{RUN.removeprefix('run_')}"
    assert (file.name, file.media_type) == (f"{RUN}-EUR.xml", "application/xml")
    assert file.content.startswith(b"<?xml version='1.0' encoding='UTF-8'?>")
    assert head == {
        "MsgId": run,
        "CreDtTm": "2026-05-04T14:00:00+02:00",
        "NbOfTxs": "2",
        "CtrlSum": Decimal("130.55"),
        "InitgPty": {"Nm": "Pottery + Sons Ltd"},
    }
    assert batch == {
        "PmtInfId": run,
        "PmtMtd": "TRF",
        "BtchBookg": True,
        "NbOfTxs": "2",
        "CtrlSum": Decimal("130.55"),
        "PmtTpInf": {"SvcLvl": [{"Cd": "SEPA"}]},
        "ReqdExctnDt": {"Dt": "2026-05-04"},
        "Dbtr": {
            "Nm": "Pottery + Sons Ltd",
            "PstlAdr": {
                "StrtNm": "Topfergasse",
                "BldgNb": "7b",
                "PstCd": "10115",
                "TwnNm": "Berlin",
                "Ctry": "DE",
            },
        },
        "DbtrAcct": {"Id": {"IBAN": "DE75512108001245126199"}},
        "DbtrAgt": {"FinInstnId": {"BICFI": "DEUTDEFF"}},
        "ChrgBr": "SLEV",
        "CdtTrfTxInf": [
            {
                "PmtId": {"EndToEndId": ids[0]},
                "Amt": {"InstdAmt": {"@Ccy": "EUR", "$": Decimal("130.50")}},
                "Cdtr": {"Nm": "Noa Levi"},
                "CdtrAcct": {"Id": {"IBAN": "DE89370400440532013000"}},
                "RmtInf": {"Ustrd": ["Commission, May 2026"]},
            },
            {
                "PmtId": {"EndToEndId": ids[1]},
                "Amt": {"InstdAmt": {"@Ccy": "EUR", "$": Decimal("0.05")}},
                "CdtrAgt": {"FinInstnId": {"BICFI": "COBADEFFXXX"}},
                "Cdtr": {"Nm": "Zoe Muller"},
                "CdtrAcct": {"Id": {"IBAN": "DE89370400440532013000"}},
                "RmtInf": {"Ustrd": [ids[1]]},
            },
        ],
    }


def test_a_bank_whose_code_is_not_said_is_said_not_to_be() -> None:
    batch = read(written([payment(1, IBAN)]))[1]
    assert batch["DbtrAgt"] == {"FinInstnId": {"Othr": {"Id": "NOTPROVIDED"}}}
    assert batch["Dbtr"] == {"Nm": "Pottery + Sons Ltd"}


@pytest.mark.parametrize(
    "made_at, ahead, day",
    [
        (datetime(2026, 5, 4, 21, 59, tzinfo=UTC), "0", "2026-05-04"),
        (datetime(2026, 5, 4, 22, 0, tzinfo=UTC), "0", "2026-05-05"),
        (datetime(2026, 12, 31, 22, 59, tzinfo=UTC), "0", "2026-12-31"),
        (datetime(2026, 12, 31, 23, 0, tzinfo=UTC), "0", "2027-01-01"),
        (datetime(2026, 5, 4, 12, 0, tzinfo=UTC), "1", "2026-05-05"),
        (datetime(2026, 2, 20, 12, 0, tzinfo=UTC), "10", "2026-03-02"),
    ],
)
def test_it_is_paid_on_the_runs_day_in_europe_or_as_many_days_later_as_set(
    made_at: datetime, ahead: str, day: str
) -> None:
    file = written([payment(1, IBAN)], RAIL.settings({**BRAND, "days_ahead": ahead}), made_at)
    assert read(file)[1]["ReqdExctnDt"] == {"Dt": day}


@given(st.lists(st.tuples(AMOUNTS, LATIN_NAMES | NAMES, LATIN_NAMES | NAMES), min_size=1, max_size=6))
@settings(deadline=None, max_examples=200)
@example([(99_999_999_999, "Noa </Nm><IBAN>&amp;\n", "]]>")])
def test_whatever_can_be_carried_keeps_to_the_schema_and_comes_back(said: list[tuple[int, str, str]]) -> None:
    payments = [
        payment(number, held_by(name, IBAN), amount, note=note) for number, (amount, name, note) in enumerate(said)
    ]
    fit = [each for each in payments if RAIL.obstacle(each) is None]
    assume(fit)
    head, batch = read(written(fit))
    found = batch["CdtTrfTxInf"]
    total = Decimal(sum(each.amount for each in fit)).scaleb(-2)
    assert head["CtrlSum"] == batch["CtrlSum"] == total == sum(each["Amt"]["InstdAmt"]["$"] for each in found)
    assert head["NbOfTxs"] == batch["NbOfTxs"] == str(len(fit))
    assert [each["PmtId"]["EndToEndId"] for each in found] == [each.id.replace("_", "-") for each in fit]
    assert [each["Amt"]["InstdAmt"]["$"] for each in found] == [Decimal(each.amount).scaleb(-2) for each in fit]
    for each in found:
        name, [note] = each["Cdtr"]["Nm"], each["RmtInf"]["Ustrd"]
        assert set(name + note) <= LATIN
        assert 1 <= len(name) <= 70
        assert 1 <= len(note) <= 140
        assert (name, note) == (" ".join(name.split()), " ".join(note.split()))


def test_the_same_order_is_the_same_bytes() -> None:
    payments = [payment(number, IBAN, number + 1) for number in range(50)]
    assert written(payments) == written(list(payments))


def test_ten_thousand_payments_are_one_file() -> None:
    payments = [payment(number, IBAN, 10**9 + number) for number in range(10_000)]
    tracemalloc.start()
    file = written(payments)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 40 * 2**20
    batch = ET.fromstring(file.content).find(f".//{NAMESPACE}PmtInf")  # noqa: S314 - the test's own file
    assert batch is not None
    amounts = [int((each.text or "").replace(".", "")) for each in batch.iter(f"{NAMESPACE}InstdAmt")]
    assert amounts == [each.amount for each in payments]
    assert batch.findtext(f"{NAMESPACE}CtrlSum") == "100000499950.00"
    assert batch.findtext(f"{NAMESPACE}NbOfTxs") == "10000"


# --- who and what it carries ------------------------------------------------------------------------------------------


def test_it_carries_euros_to_ibans() -> None:
    assert {currency: unit for currency in EXPONENTS if (unit := RAIL.unit(currency)) is not None} == {"EUR": 1}
    assert RAIL.takes == frozenset({"iban"})
    assert RAIL.obstacle(payment(1, IBAN)) is None


@pytest.mark.parametrize("to", [None, IL_BANK, with_fields(IBAN, {"iban": "IL620108000000099999999"})])
def test_it_reaches_no_account_outside_of_the_scheme(to: Any) -> None:
    assert RAIL.obstacle(payment(1, to)) == "rail_unfit_for_method"


@pytest.mark.parametrize(
    "countries",
    [
        "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK",  # the European Union
        "IS LI NO",  # the rest of the Economic Area
        "AD AL CH GB GI MC MD ME MK RS SM VA",
    ],
)
def test_it_reaches_every_account_within(countries: str) -> None:
    for country in countries.split():
        assert RAIL.obstacle(payment(1, with_fields(IBAN, {"iban": f"{country}00"}))) is None


@pytest.mark.parametrize(
    "holder, name",
    [
        ("Noa Levi", "Noa Levi"),
        ("Noa\r\nLevi\t", "Noa Levi"),
        ("  Noa   Levi ", "Noa Levi"),
        ("Zoë Müller-Strauß", "Zoe Muller-Strauss"),
        ("Łukasz Ødegård", "Lukasz Odegard"),
        ("O’Brien & Söhne", "O'Brien + Sohne"),
        ("Noa_Levi;[Pots]", "Noa-Levi,(Pots)"),
        ("{Noa}\\|`Levi", "(Noa)//'Levi"),
        ("Noa /-?:().,'+ 7", "Noa /-?:().,'+ 7"),
        ("Noa 🏺 Levi™", "Noa LeviTM"),
        ('Noa "the potter" <b>', "Noa the potter b"),
        ("No\u200ba\u202e", "Noa"),
        ("N" * 70, "N" * 70),
        ("N" * 71, "N" * 70),
        ("N" * 69 + " Levi", "N" * 69),
    ],
)
def test_a_name_is_written_as_every_bank_reads_it(holder: str, name: str) -> None:
    paid = payment(1, held_by(holder, IBAN))
    assert RAIL.obstacle(paid) is None
    [transfer] = transfers(written([paid]))
    assert transfer["Cdtr"]["Nm"] == name


@pytest.mark.parametrize(
    "holder", ["", " ", "\n", "נועה לוי", "Noa לוי", "Ноа", "Νόα", "李", "🏺", "...", "Noa \u0663"]
)
def test_who_has_no_latin_name_is_not_paid_so(holder: str) -> None:
    paid = payment(1, held_by(holder, IBAN))
    assert RAIL.obstacle(paid) == "payee_name_unfit"
    with pytest.raises(ValueError, match="has an obstacle"):
        written([paid])


@given(st.text(st.sampled_from("abcABC09äÖéßŁø’ /-?:().,'+"), max_size=66).map("N{}.".format))
@settings(deadline=None, max_examples=200)
def test_a_name_that_a_payout_method_takes_is_written_just_so(name: str) -> None:
    try:
        taken = payout_methods.destination("iban", {**IBAN.fields, "holder": name})
    except Unprocessable:
        taken = IBAN
    [transfer] = transfers(written([payment(1, taken)]))
    assert transfer["Cdtr"]["Nm"] == taken.holder


@pytest.mark.parametrize(
    "amount, obstacle", [(1, None), (99_999_999_999, None), (100_000_000_000, "rail_amount_too_large")]
)
def test_the_scheme_carries_less_than_a_billion_euros(amount: int, obstacle: str | None) -> None:
    assert RAIL.obstacle(payment(1, IBAN, amount)) == obstacle


@pytest.mark.parametrize(
    "note, shown",
    [("Commission\nMay", "Commission May"), ("עמלה", None), ("", None), ("!!!", None), ("N" * 141, "N" * 140)],
)
def test_a_note_that_cannot_be_read_is_the_payouts_id(note: str, shown: str | None) -> None:
    paid = payment(1, IBAN, note=note)
    [transfer] = transfers(written([paid]))
    assert transfer["RmtInf"] == {"Ustrd": [shown or end_to_end_id(paid.id)]}


# --- settings ---------------------------------------------------------------------------------------------------------


def test_settings_come_in_one_form() -> None:
    assert SETTINGS == {"name": "Pottery + Sons Ltd", "iban": "DE75512108001245126199", "days_ahead": "0"}
    whole = RAIL.settings({**BRAND, **ADDRESS, "bic": "deut de ff", "days_ahead": "10"})
    assert whole == {
        "name": "Pottery + Sons Ltd",
        "iban": "DE75512108001245126199",
        "bic": "DEUTDEFF",
        "street": "Topfergasse",
        "building": "7b",
        "postcode": "10115",
        "town": "Berlin",
        "country": "DE",
        "days_ahead": "10",
    }
    assert RAIL.settings(whole) == whole
    longest = {"name": "N" * 70, "street": "S" * 70, "building": "7" * 16, "postcode": "1" * 16, "town": "B" * 35}
    assert RAIL.settings({**whole, **longest}) == {**whole, **longest}
    assert read(written([payment(1, IBAN)], {**whole, **longest}))[1]["Dbtr"]["PstlAdr"]["StrtNm"] == "S" * 70
    assert not RAIL.ready
    assert not RAIL.secret


@pytest.mark.parametrize(
    "said, param, code",
    [
        ({"name": ""}, "name", "required"),
        ({"name": "קדרות"}, "name", "invalid"),
        ({"name": "N" * 71}, "name", "invalid"),
        ({"iban": " "}, "iban", "required"),
        ({"iban": "DE75512108001245126198"}, "iban", "invalid"),
        ({"bic": "DEUT"}, "bic", "invalid"),
        ({"town": "Berlin"}, "country", "required"),
        ({"country": "DE"}, "town", "required"),
        ({"street": "Topfergasse"}, "town", "required"),
        ({**ADDRESS, "country": "D1"}, "country", "invalid"),
        ({**ADDRESS, "country": "DEU"}, "country", "invalid"),
        ({**ADDRESS, "street": "S" * 71}, "street", "invalid"),
        ({**ADDRESS, "building": "7" * 17}, "building", "invalid"),
        ({**ADDRESS, "postcode": "1" * 17}, "postcode", "invalid"),
        ({**ADDRESS, "town": "B" * 36}, "town", "invalid"),
        ({"days_ahead": "11"}, "days_ahead", "not_one_of"),
        ({"days_ahead": "-1"}, "days_ahead", "not_one_of"),
        ({"days_ahead": "tomorrow"}, "days_ahead", "not_one_of"),
        ({"days_ahead": "٣"}, "days_ahead", "not_one_of"),
        ({"adress": "Berlin"}, "adress", "unknown"),
    ],
)
def test_a_wrong_setting_is_named(said: dict[str, str], param: str, code: str) -> None:
    with pytest.raises(BadSetting) as refusal:
        RAIL.settings({**BRAND, **said})
    assert (refusal.value.param, refusal.value.code) == (param, code)


@pytest.mark.parametrize("missing", ["name", "iban"])
def test_a_missing_setting_is_named(missing: str) -> None:
    with pytest.raises(BadSetting) as refusal:
        RAIL.settings({name: value for name, value in BRAND.items() if name != missing})
    assert (refusal.value.param, refusal.value.code) == (missing, "required")

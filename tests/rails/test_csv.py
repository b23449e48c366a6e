"""The list to pay from: everybody is on it, to the unit, and nothing that anybody wrote is run or moves a cell."""

import csv
import io
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.rails.orders import AMOUNTS, IBAN, IL_BANK, NAMES, RUN, held_by, order, payment, with_fields
from vouch.domain.currencies import EXPONENTS
from vouch.domain.ids import derived
from vouch.domain.money import AMOUNT_MAX, minor
from vouch.domain.payouts import Destination, Payment
from vouch.rails.base import BadSetting, File
from vouch.rails.csv_file import RAIL

PAYPAL = Destination("paypal", "", {"email": "noa@example.net"})
STRIPE = Destination("stripe", "", {"account": "acct_1NoaLevi"})
DESTINATIONS = [None, PAYPAL, STRIPE, IBAN, with_fields(IBAN, {"bic": "COBADEFFXXX"}), IL_BANK]


def written(payments: Sequence[Payment], currency: str = "EUR") -> File:
    assert RAIL.write is not None
    return RAIL.write(order(payments, RAIL.settings({}), currency))


def rows(file: File) -> list[dict[str, str]]:
    text = file.content.decode()
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True))


def test_the_file_as_it_stands() -> None:
    payments = [
        payment(1, None),
        payment(2, PAYPAL, 5, note="May 2026"),
        payment(3, STRIPE, name="Maya, the potter"),
        payment(4, with_fields(IBAN, {"bic": "COBADEFFXXX"})),
        payment(5, IL_BANK, 100_000_000_000),
    ]
    ids = [each.id for each in payments]
    file = written(payments)
    assert file.name == f"{RUN}-EUR.csv"
    assert file.media_type == "text/csv; charset=utf-8"
    assert file.content.decode() == (
        "\ufeffpayout_id,name,email,amount,currency,method,holder,paypal_email,stripe_account,iban,bic,"
        "bank,branch,account,holder_id,note\r\n"
        f"{ids[0]},Noa,noa@example.com,130.50,EUR,,,,,,,,,,,\r\n"
        f"{ids[1]},Noa,noa@example.com,0.05,EUR,paypal,,noa@example.net,,,,,,,,May 2026\r\n"
        f'{ids[2]},"Maya, the potter",noa@example.com,130.50,EUR,stripe,,,acct_1NoaLevi,,,,,,,\r\n'
        f"{ids[3]},Noa,noa@example.com,130.50,EUR,iban,Noa Levi,,,DE89370400440532013000,COBADEFFXXX,,,,,\r\n"
        f"{ids[4]},Noa,noa@example.com,1000000000.00,EUR,il_bank,נועה לוי,,,,,12,600,000123450,000000018,\r\n"
    )


@pytest.mark.parametrize(
    "currency, amount, written_as",
    [
        ("JPY", 10**9, "1000000000"),
        ("ILS", 10**9, "10000000.00"),
        ("KWD", 10**9, "1000000.000"),
        ("CLF", 10**9, "100000.0000"),
        ("JPY", 1, "1"),
        ("ILS", 1, "0.01"),
        ("KWD", 1, "0.001"),
        ("CLF", 1, "0.0001"),
    ],
)
def test_amounts_have_the_digits_of_their_currency(currency: str, amount: int, written_as: str) -> None:
    [row] = rows(written([payment(1, None, amount, currency)], currency))
    assert (row["amount"], row["currency"]) == (written_as, currency)


@pytest.mark.parametrize("currency", sorted(EXPONENTS))
def test_every_currency_and_whoever_it_is_can_be_paid(currency: str) -> None:
    assert RAIL.unit(currency) == 1
    assert RAIL.takes is None
    assert [RAIL.obstacle(payment(1, to, AMOUNT_MAX, currency)) for to in DESTINATIONS] == [None] * len(DESTINATIONS)


def test_what_is_no_currency_cannot() -> None:
    assert RAIL.unit("XAU") is None


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "＝1+1", " =1+1", "\u200b=1+1"])
def test_nothing_anybody_wrote_runs_as_a_formula(text: str) -> None:
    [row] = rows(written([payment(1, held_by(text, IBAN), name=text, email=text, note=text)]))
    assert [row[column] for column in ("name", "email", "holder", "note")] == [f"'{text}"] * 4


def test_nor_does_it_where_excel_takes_semicolons_for_separators() -> None:
    file = written([payment(1, None, name="Noa;=cmd|'/C calc'!A0;x", note="May;+1")])
    lines = list(csv.reader(io.StringIO(file.content.decode(), newline=""), delimiter=";"))
    assert lines[1][1:] == ["'=cmd|'/C calc'!A0", "x,noa@example.com,130.50,EUR,,,,,,,,,,,May", "'+1"]


@pytest.mark.parametrize(
    "name, shown",
    [
        ("Noa\nLevi", "Noa Levi"),
        ("Noa\r\npo_1,9999", "Noa  po_1,9999"),
        ("\t=1+1", "' =1+1"),
        ('Noa "the potter"; Levi', 'Noa "the potter"; Levi'),
        ("Noa\u202e Levi", "Noa Levi"),
        ("נועה לוי", "נועה לוי"),
        ("Noa 🏺 <b>&amp;", "Noa 🏺 <b>&amp;"),
    ],
)
def test_a_name_stays_in_its_cell(name: str, shown: str) -> None:
    [row] = rows(written([payment(1, None, name=name)]))
    assert row["name"] == shown
    assert row["email"] == "noa@example.com"


@given(st.lists(st.tuples(AMOUNTS, NAMES, NAMES, st.sampled_from(DESTINATIONS)), min_size=1, max_size=8))
@settings(deadline=None, max_examples=200)
def test_the_list_is_the_payments(said: list[tuple[int, str, str, Destination | None]]) -> None:
    payments = [
        payment(number, to, amount, name=name, note=note) for number, (amount, name, note, to) in enumerate(said)
    ]
    file = written(payments)
    found = rows(file)
    assert [row["payout_id"] for row in found] == [each.id for each in payments]
    assert [minor(row["amount"], "EUR") for row in found] == [each.amount for each in payments]
    assert [row["method"] for row in found] == [to.kind if to else "" for *_, to in said]
    assert file.content.count(b"\n") == file.content.count(b"\r\n") == 1 + len(payments)


def test_the_same_payments_are_the_same_bytes() -> None:
    payments = [payment(number, IBAN, number + 1) for number in range(50)]
    assert written(payments) == written(list(payments))


def test_ten_thousand_payments_are_one_list() -> None:
    found = rows(written([payment(number, IL_BANK, 10**9 + number, "ILS") for number in range(10_000)], "ILS"))
    assert sum(minor(row["amount"], "ILS") for row in found) == 10**13 + sum(range(10_000))
    assert {row["payout_id"] for row in found} == {derived("po_", str(number)) for number in range(10_000)}


def test_it_has_no_settings_and_needs_none() -> None:
    assert RAIL.ready
    assert RAIL.settings({}) == {}
    with pytest.raises(BadSetting) as refusal:
        RAIL.settings({"delimiter": ";"})
    assert (refusal.value.param, refusal.value.code) == ("delimiter", "unknown")

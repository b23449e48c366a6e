"""Destinations: slips of the pen are caught, each has one form, and what is shown of them tells nobody where they are.

The Israeli examples are those of MASAV's paper on the legality of account numbers, worked out by hand beside each.
"""

import re
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import iban as published
from stdnum.il import idnr

from vouch.domain import payout_methods
from vouch.domain.errors import Unprocessable
from vouch.domain.ibans import STRUCTURES
from vouch.domain.payout_methods import HOLDER_LENGTH_MAX, Kind
from vouch.domain.payouts import Destination

IBANS = [
    "AD1200012030200359100100",
    "AE070331234567890123456",
    "AT611904300234573201",
    "BE68539007547034",
    "BR1800360305000010009795493C1",
    "CH9300762011623852957",
    "CY17002001280000001200527600",
    "DE89370400440532013000",
    "DK5000400440116243",
    "EE382200221020145685",
    "ES9121000418450200051332",
    "FI2112345600000785",
    "FR1420041010050500013M02606",
    "GB29NWBK60161331926819",
    "GE29NB0000000101904917",
    "GR1601101250000000012300695",
    "HU42117730161111101800000000",
    "IE29AIBK93115212345678",
    "IL620108000000099999999",
    "IT60X0542811101000000123456",
    "KW81CBKU0000000000001234560101",
    "LC55HEMM000100010012001200023015",
    "LT121000011101001000",
    "LU280019400644750000",
    "LV80BANK0000435195001",
    "MT84MALT011000012345MTLCAST001S",
    "MU17BOMM0101101030300200000MUR",
    "NL91ABNA0417164300",
    "NO9386011117947",
    "PL61109010140000071219812874",
    "PT50000201231234567890154",
    "SA0380000000608010167519",
    "SC18SSCB11010000000000001497USD",
    "SE4550000000058398257466",
    "SI56263300012039086",
    "TR330006100519786457841326",
]
"""Examples of the registry."""
DIGITS = "0123456789"


def refused(check: Callable[..., object], *said: object) -> tuple[str, str | None]:
    """Code and field of the refusal, which does not repeat what was said."""
    with pytest.raises(Unprocessable) as refusal:
        check(*said)
    named = refusal.value.param == "holder"
    assert refusal.value.facts == ({"most": HOLDER_LENGTH_MAX} if named else {})
    return refusal.value.reason, refusal.value.param


def taken[T](check: Callable[..., T], *said: str) -> T | None:
    """What was made of it; None: it was refused."""
    try:
        return check(*said)
    except Unprocessable:
        return None


def mistyped(number: str) -> Iterator[str]:
    """The number with one digit another one."""
    for place, right in enumerate(number):
        if right in DIGITS:
            yield from (f"{number[:place]}{wrong}{number[place + 1 :]}" for wrong in DIGITS if wrong != right)


def swapped(number: str) -> Iterator[str]:
    """The number with two neighbours in the other order, both digits or both letters."""
    for place, (one, other) in enumerate(pairwise(number)):
        if one != other and one.isdigit() == other.isdigit():
            yield f"{number[:place]}{other}{one}{number[place + 2 :]}"


# --- IBAN -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", IBANS)
def test_a_published_iban_is_taken_and_none_that_is_a_slip_of_the_pen_from_it(number: str) -> None:
    """Letters are not swapped with digits here: no check by 97 tells `B1` from `1B`, `M2` from `2M`, `X3` from `3X`."""
    assert payout_methods.iban(number) == number
    for wrong in [*mistyped(number), *swapped(number), number[:-1], f"{number}0", number[2:], f"{number[:2]}{number}"]:
        assert refused(payout_methods.iban, wrong) == ("invalid_iban", "iban"), wrong


def test_an_iban_has_one_form_however_it_is_written() -> None:
    said = [
        "IL62 0108 0000 0009 9999 999",
        " il620108000000099999999\n",
        "IL62\u00a00108\u202f0000 0009\t9999999",  # spaces that do not break
        "\u200eIL62\u200f 0108 0000\u2066 0009\u2069 9999 999\ufeff",  # as out of a Hebrew document
    ]
    assert {payout_methods.iban(text) for text in said} == {"IL620108000000099999999"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "IL",
        "ZZ620108000000099999999",
        "\u0131L620108000000099999999",  # whose capital would be an I
        "IL62010800000009999999\u0669",  # a digit, but Arabic
        "IL62-0108-0000-0009-9999-999",
        "IL62010800000009999999A",
        "US64SVBKUS6S3300958879",
    ],
)
def test_what_is_no_iban_is_none(text: str) -> None:
    assert refused(payout_methods.iban, text) == ("invalid_iban", "iban")


def test_check_digits_that_leave_the_same_remainder_are_not_the_right_ones() -> None:
    """By 97 alone, 02 could be 99, 97 be 00 and 98 be 01; nobody issues these."""
    twins = {"02": "99", "97": "00", "98": "01"}
    for account in range(400):
        bban = f"010800{account:013}"
        right = published.calc_check_digits(f"IL00{bban}")
        assert payout_methods.iban(f"IL{right}{bban}") == f"IL{right}{bban}"
        if right in twins:
            twin = twins.pop(right)
            assert published.is_valid(f"IL{twin}{bban}"), "or this shows nothing"
            assert refused(payout_methods.iban, f"IL{twin}{bban}")
    assert not twins


@given(st.data())
def test_every_account_of_every_country_is_taken_with_its_check_digits_and_no_others(data: st.DataObject) -> None:
    country = data.draw(st.sampled_from(sorted(STRUCTURES)))
    classes = {"n": DIGITS, "a": "ABCXYZ", "c": "0189ABYZ"}
    parts = re.findall(r"(\d+)([nac])", STRUCTURES[country])
    bban = "".join(data.draw(st.text(classes[kind], min_size=int(n), max_size=int(n))) for n, kind in parts)
    right = published.calc_check_digits(f"{country}00{bban}")
    said = data.draw(st.integers(0, 99).map("{:02}".format))
    number = f"{country}{said}{bban}"
    if said == right:
        assert payout_methods.iban(number.lower()) == number
    else:
        assert refused(payout_methods.iban, number) == ("invalid_iban", "iban")


@given(st.text() | st.from_regex(r"[A-Z]{2}[0-9]{2}[0-9A-Z]{11,30}"))
def test_whatever_is_said_is_taken_in_its_form_or_refused(text: str) -> None:
    number = taken(payout_methods.iban, text)
    if number is None:
        assert refused(payout_methods.iban, text) == ("invalid_iban", "iban")
    else:
        assert published.is_valid(number, check_country=False)
        assert payout_methods.iban(number) == number


@pytest.mark.parametrize(
    "text, code", [("deutdeff", "DEUTDEFF"), ("LUMI IL IT 800", "LUMIILIT800"), ("N26DDEB1", None)]
)
def test_a_bic_has_eight_or_eleven_letters_and_digits(text: str, code: str | None) -> None:
    assert payout_methods.bic(text) == (code or text)


@pytest.mark.parametrize("text", ["", "DEUTDEF", "DEUTDEFF5", "DEUTDEFF5000", "DEUTD3FF", "DEUTDEFF50O!", "דDEUTDEFF"])
def test_what_is_no_bic_is_none(text: str) -> None:
    assert refused(payout_methods.bic, text) == ("invalid_bic", "bic")


# --- Israel -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "bank, branch, account, endings",
    [
        # 10×6 + 9×0 + 8×7 + 7×1 + 6×1 + 5×7 + 4×1 = 168, and with the ending 20, 60, 70, 72 or 90
        ("10", "607", "117100", {"52", "92", "02", "04", "22"}),
        ("34", "607", "117100", {"52", "92", "02", "04", "22"}),
        # 10×9 + 9×3 + 8×6 + 7×0 + 6×7 + 5×8 + 4×6 + 3×9 + 2×6 = 310
        ("10", "936", "078696", {"10", "50", "60", "62", "80"}),
        # 9×5 + 8×7 + 7×1 + 5×4 + 4×1 + 3×1 + 2×1 = 137 = 12×11 + 5, and with the ending 0, 2, 4 or 6 more than 11s
        ("12", "571", "04111", {"1", "6", "8"}),
        ("04", "571", "04111", {"6", "8"}),
        # 9×0 + 8×0 + 7×6 + 6×1 + 5×6 + 4×0 + 3×7 + 2×7 = 113 = 10×11 + 3; a branch above 400 is one of 400 less
        ("20", "006", "16077", {"1", "8"}),
        ("20", "406", "16077", {"1", "8"}),
        # as 400: 9×4 + 71 = 107 = 9×11 + 8
        ("20", "400", "16077", {"3", "5", "7"}),
        # as 400 again; or as 800 itself, 9×8 + 71 = 143 = 13×11
        ("20", "800", "16077", {"0", "2", "3", "4", "5", "7"}),
        # as 406, 113 + 36 = 149 = 13×11 + 6; or as 806 itself, 9×8 + 7×6 + 71 = 185 = 16×11 + 9
        ("20", "806", "16077", {"2", "4", "5", "6", "7", "9"}),
        # 5×3 + 4×2 + 2×1 = 25 = 2×11 + 3, whatever the branch
        ("11", "211", "00003201", {"1", "8"}),
        ("17", "876", "00003201", {"1", "8"}),
        ("31", "288", "00003201", {"3", "8"}),
        ("52", "986", "00003201", {"3", "8"}),
        # 9×4 + 25 = 61 = 5×11 + 6, or 3 without the three first digits
        ("31", "288", "40003201", {"0", "3", "5", "8"}),
        # 8×5 + 7×9 + 6×1 + 5×2 + 4×1 + 3×9 = 150, all of it tens
        ("09", "001", "05912190", {"0"}),
        # 3×7 + 6×2 + 5×4 + 4×1 + 2×1 = 59 = 5×11 + 4, and 11 − 4 = 7
        ("22", "002", "70024101", {"7"}),
        # 11234567 = 115820×97 + 27, and 98 − 27 = 71
        ("18", "001", "1234567", {"71"}),
    ],
)
def test_an_account_ends_as_its_banks_rule_has_it(bank: str, branch: str, account: str, endings: set[str]) -> None:
    length = len(next(iter(endings)))
    numbers = {ending: account + ending for ending in map(f"{{:0{length}}}".format, range(10**length))}
    found = {ending: taken(payout_methods.il_account, bank, branch, number) for ending, number in numbers.items()}
    assert {ending for ending, each in found.items() if each} == endings
    assert {each for each in found.values() if each} == {(bank, branch, numbers[each].zfill(9)) for each in endings}
    for ending in numbers.keys() - endings:
        refusal = refused(payout_methods.il_account, bank, branch, numbers[ending])
        assert refusal == ("invalid_bank_account", "account")


@pytest.mark.parametrize("bank", ["10", "12", "04", "20", "34"])
def test_an_account_has_no_more_digits_than_its_bank_gives_out(bank: str) -> None:
    places = 8 if bank in {"10", "34"} else 6
    sound = [n for n in range(1000) if taken(payout_methods.il_account, bank, "007", f"{n:0{places}}")]
    assert len(sound) > 30
    for account in sound:
        assert payout_methods.il_account(bank, "007", str(account))[2] == f"{account:09}"
        refusal = refused(payout_methods.il_account, bank, "007", f"1{account:0{places}}")
        assert refusal == ("invalid_bank_account", "account")


@pytest.mark.parametrize("bank", ["01", "03", "13", "14", "23", "46", "54", "99"])
def test_where_no_rule_is_sure_only_the_shape_counts(bank: str) -> None:
    for account in range(1, 30):
        assert payout_methods.il_account(bank, "001", str(account)) == (bank, "001", f"{account:09}")


def test_an_account_has_one_form_however_it_is_written() -> None:
    said = [("12", "571", "04111-6"), ("12", "571", "041116"), (" 12", "571", "41116"), ("12", "571", "000 041/116")]
    said += [("12", "571", "\u200f41116\u200e")]
    assert {payout_methods.il_account(*each) for each in said} == {("12", "571", "000041116")}
    assert payout_methods.il_account("4", "284", "50067") == payout_methods.il_account("04", "284", "000050067")


@pytest.mark.parametrize(
    "bank, branch, account, param",
    [
        ("", "571", "041116", "bank"),
        ("0", "571", "041116", "bank"),
        ("012", "571", "041116", "bank"),
        ("1 2 3", "571", "041116", "bank"),
        ("Leumi", "571", "041116", "bank"),
        ("12", "", "041116", "branch"),
        ("12", "0571", "041116", "branch"),
        ("12", "57a", "041116", "branch"),
        ("54", "001", "", "account"),
        ("54", "001", "000000", "account"),
        ("54", "001", "1234567890", "account"),
        ("54", "001", "-", "account"),
        ("54", "001", "12.5", "account"),
        ("54", "001", "\u0661\u0662\u0663", "account"),
    ],
)
def test_what_is_no_account_says_where(bank: str, branch: str, account: str, param: str) -> None:
    assert refused(payout_methods.il_account, bank, branch, account) == ("invalid_bank_account", param)


def test_the_branch_0_is_one() -> None:
    assert payout_methods.il_account("54", "0", "1") == ("54", "000", "000000001")


@given(st.integers(0, 10**9 - 1))
def test_an_identity_number_is_told_by_its_last_digit(number: int) -> None:
    said = str(number)
    if idnr.is_valid(said):
        assert payout_methods.il_id(said) == said.zfill(9)
        for wrong in mistyped(said.zfill(9)):
            assert refused(payout_methods.il_id, wrong) == ("invalid_id_number", "holder_id")
    else:
        assert refused(payout_methods.il_id, said) == ("invalid_id_number", "holder_id")


@pytest.mark.parametrize("text", ["123456782", "12345678-2", " 1 2345678 2 ", "039337423", "39337423"])
def test_an_identity_number_has_nine_digits(text: str) -> None:
    assert payout_methods.il_id(text) in {"123456782", "039337423"}


@pytest.mark.parametrize("text", ["", "0", "000000000", "1234567820", "12345678b", "123456783"])
def test_what_is_no_identity_number_is_none(text: str) -> None:
    assert refused(payout_methods.il_id, text) == ("invalid_id_number", "holder_id")


# --- Stripe, names ----------------------------------------------------------------------------------------------------


def test_the_capitals_of_a_stripe_account_count() -> None:
    assert payout_methods.stripe_account(" acct_1032D82eZvKYlo2C ") == "acct_1032D82eZvKYlo2C"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "acct_",
        "acct_1032D82",
        "cus_1032D82eZvKYlo2C",
        "acct_1032D82eZvKYlo2!",
        "acct_" + "a" * 65,
        "acct_1032 D82eZvKYlo2C",
    ],
)
def test_what_is_no_stripe_account_is_none(text: str) -> None:
    assert refused(payout_methods.stripe_account, text) == ("invalid_stripe_account", "account")


@pytest.mark.parametrize(
    "said, name",
    [
        ("  Noa   Levi ", "Noa Levi"),
        ("נועה לוי", "נועה לוי"),
        ("\u202bנועה\u202c\u200f לוי", "נועה לוי"),
        ("Noe\u0308l", "Noël"),
        ("Noa\u00a0Levi", "Noa Levi"),
        ("N" * HOLDER_LENGTH_MAX, "N" * HOLDER_LENGTH_MAX),
    ],
)
def test_a_name_is_one_line_of_what_can_be_seen(said: str, name: str) -> None:
    assert payout_methods.holder(said) == name


@pytest.mark.parametrize(
    "said",
    ["", " ", "\u200f", "123", "Noa\nLevi", "Noa\u2028Levi", "Noa\tLevi", "Noa\x00", "N" * (HOLDER_LENGTH_MAX + 1)],
)
def test_what_is_no_name_is_none(said: str) -> None:
    assert refused(payout_methods.holder, said) == ("invalid_holder_name", "holder")


@pytest.mark.parametrize(
    "name, plain",
    [
        ("Noa Levi-Cohen (Ltd.), O'Neill + 1: ?", "Noa Levi-Cohen (Ltd.), O'Neill + 1: ?"),
        ("José Müller", "Jose Muller"),
        ("Łukasz Strauß Ørsted", "Lukasz Strauss Orsted"),
        ("Mærsk A/S", "Maersk A/S"),
        ("Levi & Söhne_Co; [Ltd] {1} `a`", "Levi & Sohne_Co; [Ltd] {1} `a`"),
        ("ß" * 35, "s" * HOLDER_LENGTH_MAX),
    ],
)
def test_a_bank_abroad_reads_a_name_without_its_accents(name: str, plain: str) -> None:
    assert payout_methods.latin(name) == plain


@pytest.mark.parametrize(
    "name", ["", "נועה לוי", "Noa לוי", "Ноа", "/Noa", "Noa/", "Noa//Levi", "Noa & לוי", "Noa@Levi", "ß" * 36]
)
def test_a_bank_abroad_reads_no_other_letters(name: str) -> None:
    assert refused(payout_methods.latin, name) == ("holder_name_not_latin", "holder")


# --- whole destinations -----------------------------------------------------------------------------------------------

PAYPAL = Destination("paypal", "", {"email": "noa@example.com"})
STRIPE = Destination("stripe", "", {"account": "acct_1032D82eZvKYlo2C"})
IBAN = Destination("iban", "Jose Levi", {"iban": "IL620108000000099999999", "bic": ""})
IL_BANK = Destination(
    "il_bank", "נועה לוי", {"bank": "12", "branch": "571", "account": "000041116", "holder_id": "123456782"}
)


@pytest.mark.parametrize(
    "kind, said, to",
    [
        ("paypal", {"email": "noa@example.com"}, PAYPAL),
        ("paypal", {"email": "noa@example.com", "holder": " "}, None),
        ("stripe", {"account": "acct_1032D82eZvKYlo2C"}, STRIPE),
        ("iban", {"holder": "José Levi", "iban": "il62 0108 0000 0009 9999 999"}, IBAN),
        ("iban", {"iban": "IL620108000000099999999"}, None),
        (
            "il_bank",
            {"holder": "נועה לוי", "bank": "12", "branch": "571", "account": "41116", "holder_id": "12345678-2"},
            IL_BANK,
        ),
        ("il_bank", {"bank": "12", "branch": "571", "account": "41116"}, None),
    ],
)
def test_a_destination_is_whole_or_refused(kind: Kind, said: dict[str, str], to: Destination | None) -> None:
    if to is None:
        assert refused(payout_methods.destination, kind, said) == ("invalid_holder_name", "holder")
    else:
        assert payout_methods.destination(kind, said) == to


def test_what_may_be_left_out_is_empty() -> None:
    bank = {"holder": "Noa", "bank": "54", "branch": "1", "account": "1"}
    assert payout_methods.destination("il_bank", bank).fields["holder_id"] == ""
    with_bic = {"holder": "Noa", "iban": "IL620108000000099999999", "bic": "lumiilit"}
    assert payout_methods.destination("iban", with_bic).fields["bic"] == "LUMIILIT"
    assert payout_methods.destination("paypal", {"email": "n@x.il", "holder": "Noa  L"}).holder == "Noa L"
    assert payout_methods.destination("stripe", {"account": "acct_1032D82eZvKYlo2C", "holder": "Noa"}).holder == "Noa"


@pytest.mark.parametrize(
    "to, shown",
    [
        (PAYPAL, "n•••@example.com"),
        (STRIPE, "acct_•••• lo2C"),
        (IBAN, "IL •••• 9999"),
        (IL_BANK, "12 •••• 16"),
    ],
)
def test_what_is_shown_tells_its_owner_which_one_it_is(to: Destination, shown: str) -> None:
    assert payout_methods.shown(to) == shown


@pytest.mark.parametrize(
    "secret, end",
    [
        ("123456782", " 6782"),
        ("12345678", " 5678"),
        ("1234567", " 567"),
        ("000001234", " 34"),
        ("12", " 2"),
        ("1", ""),
        ("", ""),
    ],
)
def test_at_least_half_stays_unsaid(secret: str, end: str) -> None:
    assert payout_methods.ending(secret) == f"••••{end}"

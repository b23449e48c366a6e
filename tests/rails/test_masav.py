"""MASAV files are the payments to the agora, for a reader who knows the published layout and not the writer."""

import tracemalloc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.rails.orders import IBAN, IL_BANK, LATIN_NAMES, MADE_AT, NAMES, RUN, held_by, order, payment, with_fields
from vouch.domain.currencies import EXPONENTS
from vouch.domain.payouts import Destination, Payment
from vouch.rails.base import BadSetting, File, Settings
from vouch.rails.masav import RAIL, reference

BRAND = {"institution": "1234567", "sender": "54321", "name": "סטודיו נועה", "hebrew": "b"}
SETTINGS = RAIL.settings(BRAND)
AMOUNTS = st.integers(1, 10**13 - 1)
HEBREW = "אבגדהוזחטיךכלםמןנסעףפץצקרשת"
HEBREW_NAMES = st.text(st.sampled_from(HEBREW + "\u05b8\u05c1־׳״ abCD019-.'()&\n🏺"), max_size=40)


def shekels(number: int, to: Destination | None = IL_BANK, amount: int = 13_050, name: str = "Noa") -> Payment:
    return payment(number, to, amount, "ILS", name=name)


def written(payments: Sequence[Payment], said: Settings = SETTINGS, at: datetime = MADE_AT) -> File:
    assert RAIL.write is not None
    return RAIL.write(order(payments, said, "ILS", at))


# --- a reader, from the published layout: the first position and the width of each field ------------------------------


@dataclass(frozen=True)
class Credit:
    bank: str
    branch: str
    account: str
    payee_id: str
    name: bytes
    amount: int
    reference: str


@dataclass(frozen=True)
class Read:
    institution: str
    sender: str
    name: bytes
    pays_on: str
    made_on: str
    serial: str
    credits: list[Credit]


def at(record: bytes, first: int, width: int) -> str:
    return record[first - 1 : first - 1 + width].decode("ascii")


def read(file: File) -> Read:
    """Raises AssertionError for whatever does not keep to the layout, or does not add up."""
    records = file.content.split(b"\r\n")
    assert records.pop() == b""
    assert {len(record) for record in records} == {128}
    assert not any(byte < 0x20 for record in records for byte in record)
    head, *payments, total, nines = records
    assert nines == b"9" * 128
    assert (at(head, 1, 1), at(head, 10, 2), at(head, 126, 3)) == ("K", "00", "KOT")
    assert (at(head, 18, 1), at(head, 22, 1), at(head, 34, 6), at(head, 70, 56)) == ("0", "0", "000000", " " * 56)
    institution, pays_on, serial = at(head, 2, 8), at(head, 12, 6), at(head, 19, 3)
    credits_ = [_credit(record, institution) for record in payments]
    assert (at(total, 1, 1), at(total, 2, 8), at(total, 10, 2)) == ("5", institution, "00")
    assert (at(total, 12, 6), at(total, 18, 1), at(total, 19, 3)) == (pays_on, "0", serial)
    assert int(at(total, 22, 15)) == sum(credit.amount for credit in credits_)
    assert int(at(total, 52, 7)) == len(credits_)
    assert (at(total, 37, 15), at(total, 59, 7), at(total, 66, 63)) == ("0" * 15, "0" * 7, " " * 63)
    return Read(institution, at(head, 29, 5), head[39:69], pays_on, at(head, 23, 6), serial, credits_)


def _credit(record: bytes, institution: str) -> Credit:
    assert (at(record, 1, 1), at(record, 2, 8), at(record, 10, 2)) == ("1", institution, "00")
    assert (at(record, 12, 6), at(record, 23, 4), at(record, 36, 1)) == ("000000", "0000", "0")
    assert (at(record, 95, 8), at(record, 103, 3), at(record, 106, 3)) == ("00000000", "000", "006")
    assert (at(record, 109, 18), at(record, 127, 2)) == ("0" * 18, "  ")
    found = Credit(
        at(record, 18, 2),
        at(record, 20, 3),
        at(record, 27, 9),
        at(record, 37, 9),
        record[45:61],
        int(at(record, 62, 13)),
        at(record, 75, 20),
    )
    assert all(text.isdigit() for text in (found.bank, found.branch, found.account, found.payee_id, found.reference))
    return found


# --- the file ---------------------------------------------------------------------------------------------------------


def test_the_file_as_it_stands() -> None:
    payments = [
        shekels(1),
        shekels(2, with_fields(held_by("Maya Levi", IL_BANK), {"bank": "04", "holder_id": ""}), 100_000_000_000),
    ]
    file = written(payments)
    assert (file.name, file.media_type) == (f"{RUN}-ILS.txt", "application/octet-stream")
    first, second = (reference(each.id) for each in payments)
    rest = f"{'0' * 11}006{'0' * 18}  "
    assert file.content.decode("cp862").splitlines() == [
        f"K01234567002605040001026050454321000000{'העונ וידוטס':>30}{'':56}KOT",
        f"101234567000000001260000000001234500000000018{'יול העונ':>16}0000000013050{first}{rest}",
        f"101234567000000000460000000001234500000000000{'Maya Levi':>16}0100000000000{second}{rest}",
        f"5012345670026050400010001000000130500000000000000000000002{'0' * 7}{'':63}",
        "9" * 128,
    ]


def test_the_file_as_the_layout_reads_it() -> None:
    payments = [
        shekels(1),
        shekels(2, with_fields(held_by("Maya Levi", IL_BANK), {"bank": "04", "holder_id": ""}), 10**9),
    ]
    assert read(written(payments)) == Read(
        institution="01234567",
        sender="54321",
        name="העונ וידוטס".rjust(30).encode("cp862"),
        pays_on="260504",
        made_on="260504",
        serial="001",
        credits=[
            Credit(
                "12",
                "600",
                "000123450",
                "000000018",
                "        יול העונ".encode("cp862"),
                13_050,
                reference(payments[0].id),
            ),
            Credit("04", "600", "000123450", "000000000", b"       Maya Levi", 10**9, reference(payments[1].id)),
        ],
    )


@pytest.mark.parametrize(
    "made_at, ahead, made_on, pays_on",
    [
        (datetime(2026, 5, 4, 20, 59, tzinfo=UTC), "0", "260504", "260504"),
        (datetime(2026, 5, 4, 21, 0, tzinfo=UTC), "0", "260505", "260505"),
        (datetime(2026, 12, 31, 22, 0, tzinfo=UTC), "0", "270101", "270101"),
        (datetime(2026, 2, 20, 12, 0, tzinfo=UTC), "10", "260220", "260302"),
    ],
)
def test_it_is_paid_on_the_runs_day_in_israel_or_as_many_days_later_as_set(
    made_at: datetime, ahead: str, made_on: str, pays_on: str
) -> None:
    found = read(written([shekels(1)], RAIL.settings({**BRAND, "days_ahead": ahead}), made_at))
    assert (found.made_on, found.pays_on) == (made_on, pays_on)


@given(
    st.lists(st.tuples(AMOUNTS, HEBREW_NAMES | LATIN_NAMES | NAMES), min_size=1, max_size=8),
    st.sampled_from(["a", "b", "windows_1255"]),
    st.sampled_from(["visual", "logical"]),
)
@settings(deadline=None, max_examples=200)
def test_whatever_can_be_carried_keeps_to_the_layout_and_adds_up(
    said: list[tuple[int, str]], hebrew: str, direction: str
) -> None:
    payments = [shekels(number, held_by(name, IL_BANK), amount, name="") for number, (amount, name) in enumerate(said)]
    fit = [each for each in payments if RAIL.obstacle(each) is None]
    found = read(written(fit, RAIL.settings({**BRAND, "hebrew": hebrew, "order": direction})))
    assert [credit.amount for credit in found.credits] == [each.amount for each in fit]
    assert [credit.reference for credit in found.credits] == [reference(each.id) for each in fit]
    assert all(credit.name.strip() for credit in found.credits)


def test_the_same_order_is_the_same_bytes() -> None:
    payments = [shekels(number, amount=number + 1) for number in range(50)]
    assert written(payments) == written(list(payments))


def test_ten_thousand_payments_are_one_file() -> None:
    payments = [shekels(number, amount=10**9 + number) for number in range(10_000)]
    tracemalloc.start()
    file = written(payments)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 20 * 2**20
    found = read(file).credits
    assert sum(credit.amount for credit in found) == 10**13 + sum(range(10_000))
    assert len({credit.reference for credit in found}) == 10_000


@pytest.mark.parametrize(
    "first, part, serial", [(1, 1, "001"), (1, 2, "002"), (41, 3, "043"), (999, 1, "999"), (999, 2, "001")]
)
def test_each_part_of_many_payments_has_a_serial_number_of_its_own(first: int, part: int, serial: str) -> None:
    """A bank could take two files of a day under the same number for one."""
    assert RAIL.write is not None
    settings = RAIL.settings({**BRAND, "serial": str(first)})
    assert read(RAIL.write(order([shekels(1)], settings, "ILS", part=part))).serial == serial


def test_sums_that_do_not_fit_are_not_cut() -> None:
    with pytest.raises(ValueError, match="total: not 15 digits"):
        written([shekels(number, amount=10**13 - 1) for number in range(101)])


@pytest.mark.parametrize("field", ["bank", "branch", "account", "holder_id"])
def test_an_account_that_does_not_fit_is_named_without_its_number(field: str) -> None:
    unfit = with_fields(IL_BANK, {field: "12345678901"})
    with pytest.raises(ValueError, match=f"^{field}: not [0-9] digits$"):
        written([payment(1, unfit, currency="ILS")])


# --- names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "holder, stored",
    [
        ("נועה", "העונ"),
        ("נֹעָה", "הענ"),
        ("נועה\r\nלוי", "יול העונ"),
        ('נועה בע"מ', 'מ"עב העונ'),
        ("נועה בע״מ", 'מ"עב העונ'),
        ("בן־דוד ג׳ו", "ו'ג דוד-ןב"),
        ("נועה Ltd 7", "Ltd 7 העונ"),
        ("נועה (Ltd)", "(Ltd) העונ"),
        ("א [1] ב", "ב [1] א"),
        ("Noa Levi", "Noa Levi"),
        ("Zoë Müller", "Zoe Muller"),
        ("Noa 🏺 & <Levi>", "Noa & <Levi>"),
        ("~Noa\x7fLevi~", "~Noa Levi~"),
        ("נועה ישראלי-לוי הגדולה", "יול-ילארשי העונ"),
        ("Noa Levi the Great Potter", "Noa Levi the Gre"),
    ],
)
def test_a_name_is_written_as_it_is_printed(holder: str, stored: str) -> None:
    paid = shekels(1, held_by(holder, IL_BANK))
    assert RAIL.obstacle(paid) is None
    [credit] = read(written([paid])).credits
    assert credit.name.decode("cp862") == stored.rjust(16)


@pytest.mark.parametrize("holder", ["\n", "Ноа", "李", "نوا", "🏺", "...", "נועה Ноа"])
def test_who_has_neither_a_hebrew_nor_a_latin_name_is_not_paid_so(holder: str) -> None:
    paid = shekels(1, held_by(holder, IL_BANK))
    assert RAIL.obstacle(paid) == "payee_name_unfit"
    with pytest.raises(ValueError, match="no place"):
        written([paid])


def test_an_account_whose_holder_was_not_said_is_the_creators() -> None:
    [credit] = read(written([shekels(1, held_by("", IL_BANK), name="Maya")])).credits
    assert credit.name == b"Maya".rjust(16)


@pytest.mark.parametrize(
    "hebrew, direction, holder, stored",
    [
        ("a", "visual", HEBREW[:16], b"&ABCDEFGHIJKLMNO"[::-1]),
        ("a", "logical", HEBREW[11:], b"KLMNOPQRSTUVWXYZ"),
        ("b", "visual", HEBREW[:16], bytes(range(0x80, 0x90))[::-1]),
        ("b", "logical", HEBREW[11:], bytes(range(0x8B, 0x9B))),
        ("windows_1255", "visual", HEBREW[:16], bytes(range(0xE0, 0xF0))[::-1]),
        ("windows_1255", "logical", HEBREW[11:], bytes(range(0xEB, 0xFB))),
        ("a", "visual", "Noa & Maya Ltd 7", b"noa + maya ltd 7"),
        ("a", "logical", "נועה Ltd", b"PERD ltd".rjust(16)),
        ("b", "logical", "נועה Ltd", b"\x90\x85\x92\x84 Ltd".rjust(16)),
        ("windows_1255", "logical", "נועה Ltd", b"\xf0\xe5\xf2\xe4 Ltd".rjust(16)),
    ],
)
def test_hebrew_is_coded_and_ordered_as_set(hebrew: str, direction: str, holder: str, stored: bytes) -> None:
    said = RAIL.settings({**BRAND, "hebrew": hebrew, "order": direction})
    [credit] = read(written([shekels(1, held_by(holder, IL_BANK))], said)).credits
    assert credit.name == stored


# --- who and what it carries ------------------------------------------------------------------------------------------


def test_it_carries_shekels_to_israeli_accounts() -> None:
    assert {currency: unit for currency in EXPONENTS if (unit := RAIL.unit(currency)) is not None} == {"ILS": 1}
    assert RAIL.takes == frozenset({"il_bank"})
    assert RAIL.obstacle(shekels(1)) is None
    assert [RAIL.obstacle(shekels(1, to)) for to in (None, IBAN)] == ["rail_unfit_for_method"] * 2


@pytest.mark.parametrize(
    "amount, obstacle", [(1, None), (9_999_999_999_999, None), (10_000_000_000_000, "rail_amount_too_large")]
)
def test_the_record_has_room_for_less_than_a_hundred_billion(amount: int, obstacle: str | None) -> None:
    assert RAIL.obstacle(shekels(1, amount=amount)) == obstacle


# --- settings ---------------------------------------------------------------------------------------------------------


def test_settings_come_in_one_form() -> None:
    assert SETTINGS == {
        "institution": "01234567",
        "sender": "54321",
        "name": "סטודיו נועה",
        "hebrew": "b",
        "order": "visual",
        "serial": "001",
        "days_ahead": "0",
    }
    assert RAIL.settings(SETTINGS) == SETTINGS
    edges = {"institution": "1", "sender": "1", "name": "N" * 30, "serial": "999"}
    assert RAIL.settings({**BRAND, **edges}) == {
        **SETTINGS,
        "institution": "00000001",
        "sender": "00001",
        "name": "N" * 30,
        "serial": "999",
    }
    assert not RAIL.ready
    assert not RAIL.secret


@pytest.mark.parametrize(
    "said, param, code",
    [
        ({"institution": ""}, "institution", "required"),
        ({"institution": "123456789"}, "institution", "not_one_of"),
        ({"institution": "00000000"}, "institution", "not_one_of"),
        ({"institution": "1234567א"}, "institution", "not_one_of"),
        ({"sender": "123456"}, "sender", "not_one_of"),
        ({"sender": "-1"}, "sender", "not_one_of"),
        ({"name": "Ноа"}, "name", "invalid"),
        ({"name": "N" * 31}, "name", "invalid"),
        ({"hebrew": "utf-8"}, "hebrew", "not_one_of"),
        ({"hebrew": " "}, "hebrew", "required"),
        ({"order": "rtl"}, "order", "not_one_of"),
        ({"serial": "0"}, "serial", "not_one_of"),
        ({"serial": "1000"}, "serial", "not_one_of"),
        ({"days_ahead": "11"}, "days_ahead", "not_one_of"),
        ({"code": "b"}, "code", "unknown"),
    ],
)
def test_a_wrong_setting_is_named(said: Mapping[str, str], param: str, code: str) -> None:
    with pytest.raises(BadSetting) as refusal:
        RAIL.settings({**BRAND, **said})
    assert (refusal.value.param, refusal.value.code) == (param, code)


@pytest.mark.parametrize("missing", ["institution", "sender", "name", "hebrew"])
def test_a_missing_setting_is_named(missing: str) -> None:
    with pytest.raises(BadSetting) as refusal:
        RAIL.settings({name: value for name, value in BRAND.items() if name != missing})
    assert (refusal.value.param, refusal.value.code) == (missing, "required")

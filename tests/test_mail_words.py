"""What creators are written: every mail in both languages, whatever people are called, and nothing that is secret."""

import re
from datetime import UTC, datetime
from email.header import decode_header, make_header
from email.parser import HeaderParser
from email.policy import default
from email.utils import parseaddr
from html.parser import HTMLParser
from typing import get_args, override

import pytest

from vouch.domain.payouts import Destination
from vouch.messages import LANGUAGES, Language
from vouch.rails.registry import RAILS
from vouch.words import mails as words
from vouch.words.mails import Advice, Mail, PayoutNews, Reader, of_method, of_payout, sender

UNTIL = datetime(2026, 9, 28, 21, 5, tzinfo=UTC)
PAYOUT = "po_DN1J6729ACVYZY0SPZTV6RDTEX"
NEWS: tuple[PayoutNews, ...] = get_args(PayoutNews)
ADVICES: tuple[Advice, ...] = get_args(Advice)
RAIL_NAMES = ("csv", "masav", "paypal", "sepa", "stripe_connect")
KINDS = ("paypal", "stripe", "iban", "il_bank")
HEBREW = re.compile(r"[\u0590-\u05ff]")
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "Noa\r\nBcc: everybody@example.com",
    "\u202egro.kcatta//:sptth",
    "{net} {0} %s ${brand}",
    "&lt;b&gt; & Söhne",
    "נועה" * 80,
    "x" * 500,
]


def payout(
    news: PayoutNews = "settled",
    language: Language = "en",
    *,
    reader: Reader | None = None,
    amount: int = 123_456,
    withheld: int = 0,
    currency: str = "ILS",
    rail: str = "csv",
    advice: Advice = "check",
) -> Mail:
    return of_payout(
        news,
        reader or Reader(language, "Noa", "Clay"),
        payout_id=PAYOUT,
        amount=amount,
        withheld=withheld,
        currency=currency,
        rail=rail,
        advice=advice,
    )


def every(language: Language, *, name: str = "Noa", brand: str = "Clay") -> list[Mail]:
    """Every mail that there is in a language."""
    reader = Reader(language, name, brand)
    methods = [
        of_method(reader, "Asia/Jerusalem", new=new, old=old, held_until=held_until)
        for new in KINDS
        for old, held_until in ((None, None), (None, UNTIL), *((kind, UNTIL) for kind in KINDS))
    ]
    return (
        methods
        + [words.of_address(reader)]
        + [
            payout(news, reader=reader, withheld=withheld, rail=rail, advice=advice)
            for news in NEWS
            for rail in RAIL_NAMES
            for advice in ADVICES
            for withheld in (0, 999)
        ]
    )


class Page(HTMLParser):
    """What a mail reader makes of the HTML."""

    def __init__(self, mail: Mail) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(mail.html)
        self.close()

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    @override
    def handle_data(self, data: str) -> None:
        self.words += data.split()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_mail_says_the_same_as_text_and_as_html(language: Language) -> None:
    for mail in every(language):
        page = Page(mail)
        said = " ".join(page.words)
        for part in re.split(r"\n|: ", mail.text):
            assert " ".join(part.replace("-- ", "").split()) in said
        assert " ".join(mail.subject.split()) in said
        assert not [word for word in (mail.subject, mail.text) if "{" in word]


@pytest.mark.parametrize("language, direction", [("en", "ltr"), ("he", "rtl")])
def test_every_mail_names_its_language_and_runs_its_way_even_where_the_head_is_dropped(
    language: Language, direction: str
) -> None:
    for mail in every(language):
        ways = [(tag, said["lang"], said["dir"]) for tag, said in Page(mail).tags if "dir" in said]
        assert ways == [("html", language, direction), ("div", language, direction)]
        assert mail.language == language


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_is_in_the_readers_own_language(language: Language) -> None:
    for mail in every(language):
        lines = [mail.subject, *(line for line in mail.text.splitlines() if line.strip("- "))]
        assert all(bool(HEBREW.search(line)) == (language == "he") for line in lines), lines


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_mail_has_a_link_a_script_or_a_picture(language: Language) -> None:
    """Nobody's mail reader fetches anything, and there is no link to be imitated."""
    for mail in every(language, brand="www.clay.example"):
        tags = {tag for tag, _ in Page(mail).tags}
        assert tags <= {"html", "head", "meta", "title", "body", "div", "h1", "p", "table", "tr", "th", "td"}
        assert not re.search(r"https?:|href|src=|url\(", mail.html + mail.text)


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("language", LANGUAGES)
def test_names_are_words_and_nothing_else(language: Language, hostile: str) -> None:
    plain, odd = every(language), every(language, name=hostile, brand=hostile)
    for mail, other in zip(plain, odd, strict=True):
        assert Page(mail).tags == Page(other).tags
        assert "\n" not in other.subject
        assert len(mail.text.splitlines()) == len(other.text.splitlines())
        assert "\u202e" not in other.subject + other.text + other.html
        assert len(other.subject) < 250


@pytest.mark.parametrize(
    "amount, currency, shown",
    [
        (1_234_567, "JPY", "1,234,567\u00a0JPY"),
        (5, "ILS", "0.05\u00a0ILS"),
        (1_234_567, "EUR", "12,345.67\u00a0EUR"),
        (1_234, "KWD", "1.234\u00a0KWD"),
        (10**15 - 1, "USD", "9,999,999,999,999.99\u00a0USD"),
    ],
)
def test_amounts_have_the_digits_of_their_currency(amount: int, currency: str, shown: str) -> None:
    assert payout(amount=amount, currency=currency).subject == f"Clay has sent you {shown}"
    hebrew = payout(language="he", amount=amount, currency=currency).subject
    assert f"\u2066{shown}\u2069" in hebrew, "isolated, so that it is not read backwards"


@pytest.mark.parametrize("news, names, hebrew", [
    ("settled", ["Balance paid out", "Tax withheld", "Sent to you"], "נשלח אליך"),
    ("failed", ["Balance to be paid out", "Tax to be withheld", "Not sent"], "לא נשלח"),
    ("returned", ["Balance that had been paid out", "Tax that had been withheld", "Came back"], "חזר"),
])  # fmt: skip
def test_tax_is_shown_where_some_was_withheld_and_figures_by_what_became_of_them(
    news: PayoutNews, names: list[str], hebrew: str
) -> None:
    """1,234.56 of the balance less 123.46 of tax are 1,111.10."""
    mail = payout(news, withheld=12_346)
    assert "1,111.10\u00a0ILS" in mail.subject
    figures = zip(names, ("1,234.56", "−123.46", "1,111.10"), strict=True)
    assert "\n".join(f"{name}: {figure}\u00a0ILS" for name, figure in figures) in mail.text
    assert f"\n{hebrew}: \u20661,111.10\u00a0ILS\u2069\n" in payout(news, "he", withheld=12_346).text
    assert "Tax" not in payout(news).text


@pytest.mark.parametrize("news", ["failed", "returned"])
def test_what_is_in_the_balance_again_is_the_amount_with_its_tax(news: PayoutNews) -> None:
    assert "Nothing is lost: 1,234.56\u00a0ILS is in your balance again." in payout(news, withheld=12_346).text


@pytest.mark.parametrize("language", LANGUAGES)
def test_figures_end_below_each_other_in_every_language(language: Language) -> None:
    cells = [said["style"] or "" for tag, said in Page(payout("settled", language, withheld=1)).tags if tag == "td"]
    assert len(cells) == 3
    assert all({"text-align:right", "width:1%", "white-space:nowrap"} <= set(cell.split(";")) for cell in cells)


def test_a_payout_is_named_so_that_the_brand_finds_it() -> None:
    assert all(PAYOUT in payout(news, language).text for news in NEWS for language in LANGUAGES)


@pytest.mark.parametrize(
    "old, new, says",
    [
        (None, "paypal", "is paid to a PayPal account from now on."),
        ("iban", "paypal", "is paid to a PayPal account from now on, and no longer to a bank account."),
        ("paypal", "paypal", "is paid to another PayPal account from now on."),
        ("il_bank", "iban", "is paid to another bank account from now on."),
    ],
)
def test_a_change_of_method_says_where_from_and_where_to(old: str | None, new: str, says: str) -> None:
    for held_until in (UNTIL, None):
        mail = of_method(Reader("en", "Noa", "Clay"), "UTC", new=new, old=old, held_until=held_until)
        assert f"What Clay owes you {says}\n" in mail.text
        assert ("nothing is paid there before" in mail.text) == (held_until is not None)
        assert "tell Clay at once" in mail.text


def test_until_when_nothing_is_paid_there_is_said_by_the_clocks_of_the_brand() -> None:
    english, hebrew = (
        of_method(Reader(language, "Noa", "Clay"), "Asia/Jerusalem", new="iban", old=None, held_until=UNTIL).text
        for language in LANGUAGES
    )
    assert "nothing is paid there before 29 September 2026, 00:05 (Asia/Jerusalem)." in english
    assert "לפני 29 בספטמבר 2026, 00:05 (\u2066Asia/Jerusalem\u2069)." in hebrew


def test_a_test_says_so_first_and_last() -> None:
    english, hebrew = (payout(reader=Reader(language, "Noa", "Clay", test=True)) for language in LANGUAGES)
    assert english.subject.startswith("[Test] ")
    assert hebrew.subject.startswith("[ניסיון] ")
    assert "This is a test: no money has moved." in english.text
    assert "זה ניסיון: לא עבר כסף." in hebrew.text


def test_every_rail_and_every_kind_of_destination_is_known() -> None:
    assert set(RAILS) <= set(RAIL_NAMES)
    assert set(words._WAYS) == set(RAIL_NAMES) - {"csv"}
    assert set(words._PLACES) == set(get_args(Destination.__annotations__["kind"])) == set(KINDS)


@pytest.mark.parametrize("name", ["Clay", 'Clay & "Sons", <Ltd>', "סטודיו אבן וחול " * 9, "Töpferei", *HOSTILE])
def test_the_sender_is_one_address_whatever_the_brand_is_called(name: str) -> None:
    header = sender(name, "payouts@vouch.test")
    assert header.isascii()
    assert header.isprintable()
    assert len(header) < 320
    assert all(len(word) <= 75 for word in re.findall(r"=\?.*?\?=", header))
    [address] = HeaderParser(policy=default).parsestr(f"From: {header}\n\n")["From"].addresses
    assert address.addr_spec == parseaddr(header)[1] == "payouts@vouch.test"
    shown = str(make_header(decode_header(parseaddr(header)[0])))
    assert shown[:10] == " ".join(name.replace("\u202e", "").split())[:10]


@pytest.mark.parametrize("name", ["=?utf-8?b?VmlzYQ==?=", "=?utf-8?q?Visa?= Clay", "Clay =?ISO-8859-1?Q?Visa?=", "=?"])
def test_a_name_that_is_an_encoded_word_itself_is_shown_as_it_is_written(name: str) -> None:
    header = sender(name, "payouts@vouch.test")
    [address] = HeaderParser(policy=default).parsestr(f"From: {header}\n\n")["From"].addresses
    assert (address.display_name, address.addr_spec) == (name, "payouts@vouch.test")
    assert str(make_header(decode_header(parseaddr(header)[0]))) == name

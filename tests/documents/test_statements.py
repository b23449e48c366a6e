"""A statement on paper: all of it is there, on the page, and in the right place."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from documents.statements import drawn
from tests.documents.papers import ADJUSTMENT, JUNE, MAY, ORDER, PAYOUT, line, paper, running
from tests.documents.reader import Printed
from vouch.domain import ledger, times
from vouch.domain.period_rules import CAP
from vouch.messages import LANGUAGES, Language
from vouch.words import statements as words

MANY = [(random.Random(n).choice(["settle", "payout", "adjustment"]), n * 37 - 900) for n in range(1, 120)]
LONG = "Maximiliane-Alexandra von und zu Hohenstein of the Northern Potteries " * 3
ONE_WORD = "W" * 200
POINTS_PER_MM = 72 / 25.4
KINDS = {
    *(ledger.SETTLE, ledger.BONUS, ledger.PAYOUT, ledger.PAYOUT_RELEASED, ledger.PAYOUT_RETURNED),
    *(ledger.ADJUSTMENT, ledger.WRITEOFF, ledger.CORRECTION),
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_amount_and_balance_is_there_to_the_unit(language: Language) -> None:
    lines = running(MANY, opening=-5_000_00)
    printed = Printed(drawn(paper(lines, opening=-5_000_00, language=language)))
    reading = 1 if language == "en" else -1  # in Hebrew the balance stands left of the amount
    rows = [[each.amount, each.balance][::reading] for each in lines]
    closing = lines[-1].balance
    assert printed.figures() == [[-5_000_00], *rows, [closing]]
    credited = sum(each.amount for each in lines if each.amount > 0)
    assert printed.sums() == [-5_000_00, credited, closing + 5_000_00 - credited, closing]


@pytest.mark.parametrize("currency, shown", [("JPY", "1,234,567"), ("BHD", "1,234.567"), ("CLF", "123.4567")])
def test_amounts_have_the_digits_of_their_currency(currency: str, shown: str) -> None:
    printed = Printed(drawn(paper([line("settle", 1_234_567, 1_234_567)], currency=currency)))
    assert [text for each in printed.lines() for text in each if text == shown] == [shown] * 3
    assert f"Amount, {currency}" in printed.text


@pytest.mark.parametrize("language, title", [
    ("en", "Commission statement — not a tax invoice"),
    ("he", 'דו"ח עמלות — אינו חשבונית מס'),
])  # fmt: skip
def test_every_page_says_what_it_is_and_that_it_is_no_invoice(language: Language, title: str) -> None:
    printed = Printed(drawn(paper(running(MANY), language=language)))
    pages = len(printed.reader.pages)
    assert pages > 3
    for page in range(pages):
        texts = [piece.text for piece in printed.pieces if piece.page == page]
        assert title in texts
        assert "ST-1111-2222-3333" in texts
        expected = [f"Page {page + 1} of {pages}"] if language == "en" else ["עמוד", str(page + 1), "מתוך", str(pages)]
        assert set(expected) <= set(texts)
    metadata = printed.reader.metadata
    assert metadata is not None
    assert metadata.title == f"{title} · ST-1111-2222-3333"
    assert str(printed.reader.root_object["/Lang"]) == language


def test_hebrew_is_english_in_the_mirror() -> None:
    """The date begins a line on its side, figures end the same line on the other, and their digits are not turned."""
    for language, dates, balances in (("en", "left", "right"), ("he", "right", "left")):
        printed = Printed(drawn(paper([line("adjustment", 1234, 1234)], language=language)))
        told = ("Adjustment by the brand", "התאמה של המותג")
        [row] = [each for each in printed.lines() if any(words in text for text in each for words in told)]
        assert row.index("12.34") == (2 if balances == "right" else 0)
        assert ("May" in row[0]) if dates == "left" else (row[-1] == "4")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", [LONG, ONE_WORD, "נועה " * 40, "x"])
@pytest.mark.parametrize("amount", [10**15 - 1, -(10**15) + 1])
def test_nothing_runs_off_the_paper(language: Language, name: str, amount: int) -> None:
    lines = [line("settle", amount, amount), line("bonus", -1, amount - 1, rule=f"bonuses.{name}", period="2026-Q2")]
    printed = Printed(drawn(paper(lines * 3, language=language, brand=name, creator=name, orders={})))
    left, right = 15 * POINTS_PER_MM, 195 * POINTS_PER_MM
    for piece in printed.pieces:
        assert left - 1 <= piece.x <= right + 1, piece
        assert 10 * POINTS_PER_MM < piece.y < 285 * POINTS_PER_MM, piece
    figures = [piece for piece in printed.pieces if piece.text.endswith("999.99")]
    assert figures


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_longest_date_of_every_month_leaves_a_gap_that_is_seen(language: Language) -> None:
    lines = [line("writeoff", 1, 1, at=datetime(2026, month, 28, 9, tzinfo=UTC)) for month in range(1, 13)]
    printed = Printed(drawn(paper(lines, language=language)))
    sums, heads = 2, len(printed.reader.pages)
    assert printed.columns().count(4) == sums + heads + len(lines)


@pytest.mark.parametrize("name", ["order-" + "0123456789" * 11 + "0123", "INV/2026/09/28-" * 8])
def test_names_of_orders_are_told_whole_up_to_120_characters(name: str) -> None:
    assert len(name) == 120
    for order, cut in ((name, False), (f"{name}5", True)):
        printed = Printed(drawn(paper([line("settle", 5, 5)], orders={ORDER: order})))
        text = printed.text.replace("\n", "")
        assert (name in text, f"{name}…" in text) == (True, cut)


@pytest.mark.parametrize("language, brand, creator", [("en", "סטודיו", "נועה"), ("he", "Clay", "Noa")])
def test_two_names_of_the_other_direction_stand_in_the_order_of_the_paper(
    language: Language, brand: str, creator: str
) -> None:
    """And apart from each other, or they would be read as one line of their own direction."""
    printed = Printed(drawn(paper(language=language, brand=brand, creator=creator)))
    low = min(piece.y for piece in printed.pieces)
    foot = {piece.text: piece for piece in printed.pieces if piece.y == low}
    first, second = (foot[name] for name in ((brand, creator) if language == "en" else (creator, brand)))
    assert second.x - first.end > 20 * POINTS_PER_MM


def test_a_closing_balance_does_not_stand_alone_on_a_page() -> None:
    for count in range(15, 22):
        printed = Printed(drawn(paper(running([("adjustment", 1)] * count))))
        last = len(printed.reader.pages) - 1
        rows = [piece for piece in printed.pieces if piece.page == last and piece.text == "Adjustment by the brand:"]
        assert len(rows) >= 2


def test_without_entries_it_says_so() -> None:
    printed = Printed(drawn(paper(opening=700)))
    assert "Nothing happened in this period." in printed.text
    assert printed.figures() == [[700], [700]]


def told(lines: Any, **other: Any) -> str:
    return Printed(drawn(paper(lines, **other))).text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("amount", [500, -500])
def test_every_kind_of_entry_has_words_in_every_language(language: Language, amount: int) -> None:
    said = {told([line(kind, amount, 0, rule="bonuses.ten", period="2026-Q2")], language=language) for kind in KINDS}
    assert len(said) == len(KINDS)
    assert set(words.ENTRIES) >= KINDS
    assert all(phrase.keys() == set(LANGUAGES) for phrase in [*words.ENTRIES.values(), *words.HEADINGS.values()])


@pytest.mark.parametrize("kind, amount, rule, said", [
    ("settle", 5, None, "Commission on order #1001"),
    ("settle", -5, None, "Commission on order #1001 taken back: it"),
    ("bonus", 5, "bonuses.ten", "Bonus “ten” for May 2026"),
    ("bonus", -5, "bonuses.ten", "Bonus “ten” for May 2026 taken back"),
    ("bonus", -5, CAP, "Above the cap of May 2026"),
    ("bonus", 5, CAP, "Given back: room under the cap of May 2026"),
    ("payout", -5, None, f"Payout {PAYOUT}"),
    ("payout_returned", 5, None, "Payout that came back:"),
    ("adjustment", 5, None, ADJUSTMENT),
    ("writeoff", 5, None, ADJUSTMENT),
    ("correction", -5, None, ADJUSTMENT),
])  # fmt: skip
def test_an_entry_is_told_by_what_it_is_and_which_way_it_went(kind: str, amount: int, rule: str, said: str) -> None:
    period = "2026-05" if rule else None
    assert said in told([line(kind, amount, 0, rule=rule, period=period)]).splitlines()


@pytest.mark.parametrize("language, said", [
    ("en", "Of this 465.21 ILS for you, 16.02 ILS withheld as tax"),
    ("he", "465.21 ILS"),
])  # fmt: skip
@pytest.mark.parametrize("kind, sign", [("payout", 1), ("payout_released", -1), ("payout_returned", -1)])
def test_tax_stands_beneath_its_payout(language: Language, said: str, kind: str, sign: int) -> None:
    parts = {"withheld": sign * 1_602, "net": sign * 46_521}
    text = told([line(kind, -sign * 48_123, 0, **parts)], language=language)
    assert {said, *({"16.02 ILS"} if language == "he" else ())} <= set(text.splitlines())
    assert "withheld" not in told([line(kind, -sign * 48_123, 0, withheld=0, net=sign * 48_123)])


@pytest.mark.parametrize("language, said", [
    ("en", "A payout stands on the day on which its amount is set aside for it, before it is sent."),
    ("he", "תשלום רשום ביום שבו הסכום מופרש עבורו, לפני שהוא נשלח."),
])  # fmt: skip
def test_when_a_payout_is_entered_is_said_where_there_is_one(language: Language, said: str) -> None:
    assert said in told([line("payout", -5, 0)], language=language)
    assert said not in told([line("payout_returned", 5, 0)], language=language)


@pytest.mark.parametrize("kind", ["adjustment", "writeoff", "correction"])
@pytest.mark.parametrize("reason, said", [
    ("The film of May", "“The film of May”"),
    ("Two\u2028lines, \u202eturned", "“Two lines, turned”"),
    ("x" * 200, f"{'x' * 120}…"),
])  # fmt: skip
def test_a_reason_stands_beneath_what_it_is_for(kind: str, reason: str, said: str) -> None:
    assert said in told([line(kind, 5, 5, reason=reason)]).replace("\nx", "x")


def test_a_bonus_of_all_time_is_told_as_such() -> None:
    assert "Bonus “ten” for all time" in told([line("bonus", 5, 5, rule="bonuses.ten", period="lifetime")])


@pytest.mark.parametrize("start, end, said", [
    (MAY, JUNE, "May 2026"),
    (MAY - timedelta(days=30), JUNE + timedelta(days=30), "quarter 2 of 2026"),
    (MAY, MAY + timedelta(days=1), "1 May 2026"),
    (MAY, MAY + timedelta(days=3), "1 May 2026 – 3 May 2026"),
    (MAY, JUNE - timedelta(hours=12), "1 May 2026, 00:00 – 31 May 2026, 12:00"),
    (times.EPOCH, JUNE, "Until 31 May 2026"),
    (times.EPOCH, JUNE + timedelta(minutes=5), "Until 1 June 2026, 00:05"),
])  # fmt: skip
def test_a_range_is_told_as_people_say_it(start: Any, end: Any, said: str) -> None:
    whole = paper()
    statement = replace(whole.statement, start=start, end=end)
    assert said in Printed(drawn(replace(whole, statement=statement))).text.splitlines()


def test_what_may_still_change_and_what_is_owed_are_said() -> None:
    not_over, negative = "The period is not over yet", "A negative balance is set off"
    assert not_over not in told(())
    assert negative not in told(())
    assert not_over in told((), as_of=JUNE - timedelta(days=1))
    assert negative in told([line("settle", -5, -5)])


def test_letters_that_the_typeface_does_not_have_are_not_left_out() -> None:
    assert "?? (Yuki) ?" in told((), creator="雪子 (Yuki) 😀")


def test_marks_that_turn_text_around_do_nothing() -> None:
    assert "Noa Levi" in told((), creator="\u202eNoa\u2066 Levi\u200f")


def test_the_same_paper_is_the_same_bytes() -> None:
    assert drawn(paper(running(MANY))) == drawn(paper(running(MANY)))

"""Statements: whatever range is asked for, they equal a recount to the unit, wherever folds and stragglers are."""

import csv
import io
import random
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Any

import pytest

from tests import books
from tests.books import DANA, NOA, entry, post
from tests.fixtures import NOON, Clock
from tests.wire import Wire
from vouch.domain import account
from vouch.domain import ledger as ledger_entries
from vouch.domain.errors import Malformed, NotFound
from vouch.domain.ledger import Entry, PayoutPart
from vouch.service import accounts, folds
from vouch.service.deployment import Deployment
from vouch.service.statements import Bookmark, Line, Statement, Totals, csv_text, statement
from vouch.store import adjustments, ledger, payouts
from vouch.store.ledger import Found
from vouch.store.tables import Brand

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
TICK = timedelta(microseconds=1)
FIVE = {"amount": 5, "currency": "ILS"}
MARK = Bookmark((), 0)


def recounted(posted: list[Entry], currency: str, start: datetime, end: datetime) -> Statement:
    """The statement by hand."""
    placed = [each for each in posted if each.position and each.currency == currency]
    by_turn = sorted(placed, key=lambda each: (each.posted_at, each.fold or 0, account.value(each) < 0, each.id))
    ordered = sorted(((each.position or NOON, each) for each in by_turn), key=lambda pair: pair[0])
    opening = sum(account.value(each) for at, each in ordered if at < start)
    lines, balance = [], opening
    for at, each in ordered:
        if start <= at < end:
            balance += account.value(each)
            of_rule = asdict(each.rule) if each.rule else {}
            lines.append(Line(each.id, MARK, at, each.kind, each.order_id, account.value(each), balance, **of_rule))
    amounts = [line.amount for line in lines]
    totals = Totals(sum(a for a in amounts if a > 0), -sum(a for a in amounts if a < 0))
    return Statement(currency, start, end, opening, balance, totals, lines, None)


def a_life(deployment: Deployment, brand: Brand, clock: Clock, chance: random.Random) -> list[Entry]:
    """Days with entries, stragglers that land behind the watermark, and folds at odd moments, with what they post."""
    posted: list[Entry] = []
    for _ in range(40):
        clock.pass_(chance.choice([MINUTE, 10 * MINUTE, 7 * HOUR, DAY]))
        fresh = [
            entry(
                chance.choice([-40, -1, 6, 100]),
                now=clock.now,
                ahead=chance.choice([timedelta(0), HOUR, 3 * DAY]),
                currency=chance.choice(["ILS", "ILS", "JPY"]),
                month=chance.choice([None, "2026-05", "2026-06"]),
            )
            for _ in range(chance.randrange(3))
        ]
        post(brand, *fresh[1:])
        if chance.random() < 0.5:
            folds.fold_creator(deployment, brand.id, NOA, clock.now)
        clock.pass_(chance.choice([timedelta(0), MINUTE]))
        post(brand, *fresh[:1])
        posted += fresh
    found = ledger.everything(deployment.database, brand.id, NOA)
    bonuses = [item.entry for item in found if isinstance(item, Found) and item.entry.rule]
    assert bonuses, "else nothing is tried"
    return posted + bonuses


@pytest.mark.parametrize("seed", range(4))
def test_every_range_equals_a_recount(deployment: Deployment, clock: Clock, seed: int) -> None:
    chance = random.Random(seed)
    bonus = {"id": "two", "measure": "orders", "threshold": 2, "period": "month", "reward": FIVE}
    brand = books.open_books(deployment, periodic={"cap_per_period": FIVE | {"period": "month"}, "bonuses": [bonus]})
    posted = a_life(deployment, brand, clock, chance)
    post(brand, entry(7, now=NOON, held=True), entry(9, now=NOON, creator_id=DANA))
    moments = [NOON - DAY, clock.now, clock.now + 9 * DAY, *(each.position or NOON for each in posted)]
    moments += [moment + chance.choice([-TICK, TICK, HOUR]) for moment in moments]
    for _ in range(60):
        start, end = sorted(chance.choices(moments, k=2))
        currency = chance.choice(["ILS", "JPY"])
        shown = statement(deployment, brand, NOA, currency, start=start, end=end)
        lines = [replace(line, mark=MARK) for line in shown.entries]
        assert replace(shown, entries=lines) == recounted(posted, currency, start, end)
    folds.fold_creator(deployment, brand.id, NOA, clock.now)
    for currency, figures in accounts.balances(deployment, brand, NOA).items():
        assert statement(deployment, brand, NOA, currency).closing == figures.available


def test_without_a_range_all_that_is_theirs_by_now_is_shown(deployment: Deployment, clock: Clock) -> None:
    brand = books.open_books(deployment)
    now, ahead = entry(100, now=NOON), entry(50, now=NOON, ahead=TICK)
    post(brand, now, ahead)
    shown = statement(deployment, brand, NOA, "ILS")
    assert (shown.opening, shown.closing, [line.id for line in shown.entries]) == (0, 100, [now.id])
    later = statement(deployment, brand, NOA, "ILS", end=NOON + DAY)
    assert (later.closing, [line.id for line in later.entries]) == (150, [now.id, ahead.id])


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8, 100])
def test_pages_put_together_are_the_whole(deployment: Deployment, limit: int) -> None:
    """Several entries of one moment and another currency in between included."""
    brand = books.open_books(deployment)
    post(brand, *(entry(n + 1, now=NOON + n // 3 * HOUR) for n in range(7)))
    post(brand, *(entry(9, now=NOON + n * HOUR, currency="JPY") for n in range(3)))
    start, end = NOON, NOON + DAY
    whole = statement(deployment, brand, NOA, "ILS", start=start, end=end)
    lines: list[Line] = []
    after = None
    while True:
        page = statement(deployment, brand, NOA, "ILS", start=start, end=end, limit=limit, after=after)
        assert replace(page, entries=whole.entries, next=None) == whole
        assert 0 < len(page.entries) <= limit
        lines += page.entries
        after = page.next
        if after is None:
            break
    assert lines == whole.entries


@pytest.mark.parametrize("limit", [1, 2, 100])
@pytest.mark.parametrize("later", [timedelta(0), MINUTE], ids=["by a clock that stands", "a minute later"])
def test_what_came_back_of_an_order_stands_behind_it(deployment: Deployment, limit: int, later: timedelta) -> None:
    """Both may be paid from the same moment on; their ids are by chance, and a balance would dip for nothing."""
    brand = books.open_books(deployment)
    for amount in range(1, 7):
        post(brand, entry(-amount, now=NOON + later, ahead=HOUR - later), entry(10 * amount, now=NOON, ahead=HOUR))
    amounts, after = list[int](), None
    while True:
        page = statement(deployment, brand, NOA, "ILS", end=NOON + DAY, limit=limit, after=after)
        amounts += [line.amount for line in page.entries]
        after = page.next
        if after is None:
            break
    assert [amount > 0 for amount in amounts] == [True] * 6 + [False] * 6
    assert sorted(amounts) == sorted([*range(-6, 0), *range(10, 70, 10)])


BETWEEN_PAGES = {
    "an order that counts before the next one": [entry(1_000, now=NOON + MINUTE, ahead=90 * MINUTE)],
    "what came back of an order on the page": [
        entry(-amount, now=NOON + MINUTE, ahead=HOUR - MINUTE) for amount in range(1, 20)
    ],
    "orders of the page's own moment": [entry(amount, now=NOON, ahead=2 * HOUR) for amount in range(1, 20)],
    "what is before all": [entry(1_000, now=NOON, ahead=MINUTE)],
    "what is behind all": [entry(1_000, now=NOON + MINUTE, ahead=5 * HOUR)],
}


@pytest.mark.parametrize("limit", [1, 2, 3])
@pytest.mark.parametrize("posted", BETWEEN_PAGES.values(), ids=BETWEEN_PAGES)
def test_what_is_posted_between_two_pages_has_no_line_twice_and_none_of_the_others_left_out(
    deployment: Deployment, posted: list[Entry], limit: int
) -> None:
    """Each balance is the one before and the amount, whatever of the new ones is shown."""
    brand = books.open_books(deployment)
    first = [entry(10**place, now=NOON, ahead=hours * HOUR) for place, hours in enumerate((1, 2, 2, 3))]
    post(brand, *first)
    lines, after = list[Line](), None
    while True:
        page = statement(deployment, brand, NOA, "ILS", end=NOON + DAY, limit=limit, after=after)
        if after is None:
            post(brand, *posted)
        lines += page.entries
        after = page.next
        if after is None:
            break
    ids = [line.id for line in lines]
    assert len(ids) == len(set(ids))
    assert {each.id for each in first} <= set(ids)
    assert [line.balance for line in lines] == list(accumulate(line.amount for line in lines))
    assert {each.id for each in posted if each.position and each.position > NOON + 3 * HOUR} <= set(ids)


def test_a_page_of_a_moment_with_many_entries_takes_few_requests(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a clock stands; to be sorted it has to be read whole. Of a usual account a page is read at once."""
    brand = books.open_books(deployment)
    post(brand, *(entry(amount, now=NOON) for amount in range(1, 301)))
    post(brand, *(entry(amount, now=NOON, ahead=amount * HOUR) for amount in range(1, 60)))
    wire = Wire(monkeypatch)

    def page(**some: Any) -> tuple[int, Bookmark | None]:
        """How many requests it took, and where the next one begins."""
        wire.sent.clear()
        shown = statement(deployment, brand, NOA, "ILS", end=NOON + 100 * HOUR, **some)
        assert len(shown.entries) == some["limit"]
        return len(wire.sent), shown.next

    usual, following = page(start=NOON + HOUR, limit=25)
    assert page(start=NOON + HOUR, limit=25, after=following)[0] == usual
    assert page(start=NOON + HOUR, limit=1)[0] == usual
    assert page(start=NOON, limit=1)[0] == usual + 4


def test_a_statement_does_not_begin_at_zero(
    deployment: Deployment, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it reads is bounded by the last folds, not by the account's age."""
    brand = books.open_books(deployment)
    for _ in range(6):
        clock.pass_(DAY)
        post(brand, *(entry(1, now=clock.now) for _ in range(5)))
        folds.fold_creator(deployment, brand.id, NOA, clock.now)
    wire = Wire(monkeypatch)
    shown = statement(deployment, brand, NOA, "ILS", start=clock.now - DAY)
    assert (shown.opening, shown.closing) == (20, 30)
    assert len(wire.sent) == 6
    footing = ledger.footing(deployment.database, brand.id, NOA, "ILS", clock.now - DAY)
    assert footing.at >= clock.now - 4 * DAY


def test_nobody_has_a_statement_in_another_brand_or_backwards(deployment: Deployment) -> None:
    brand = books.open_books(deployment)
    with pytest.raises(Malformed):
        statement(deployment, brand, NOA, "ILS", start=NOON, end=NOON - TICK)
    brand.id = "brd_nobody"
    with pytest.raises(NotFound):
        statement(deployment, brand, NOA, "ILS")


def test_the_spreadsheet_says_the_same(deployment: Deployment) -> None:
    brand = books.open_books(deployment)
    post(brand, entry(100, now=NOON), entry(-30, now=NOON + HOUR))
    shown = statement(deployment, brand, NOA, "ILS", end=NOON + DAY)
    text = csv_text(shown)
    assert text.startswith(
        "\ufeffat,id,kind,order_id,currency,amount,balance,program_id,rule,period,payout_id,adjustment_id,"
        "withheld,net,reason\r\n"
    )
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    assert [(row["kind"], row["amount"], row["balance"]) for row in rows] == [
        ("opening", "", "0"),
        ("settle", "100", "100"),
        ("settle", "-30", "70"),
        ("closing", "", "70"),
    ]
    assert [row["id"] for row in rows[1:-1]] == [line.id for line in shown.entries]


@pytest.mark.parametrize("start", ["=", "+", "-", "@"])
def test_no_text_runs_as_a_formula(start: str) -> None:
    of_rule = (f"{start}program", f"{start}bonus", f"{start}month", f"{start}payout", f"{start}adjustment")
    reason = f"{start}reason; {start}another"
    line = Line(f"{start}1+1", MARK, NOON, f"{start}kind", f"{start}order", -5, 95, *of_rule, -1, -4, reason)
    text = csv_text(Statement("ILS", NOON, NOON + DAY, 100, 95, Totals(0, 5), [line], None))
    row = next(row for row in csv.reader(io.StringIO(text, newline="")) if "-5" in row)
    expected = ["2026-05-04T12:00:00Z", f"'{start}1+1", f"'{start}kind", f"'{start}order", "ILS", "-5", "95"]
    told = [f"'{text}" for text in of_rule]
    assert row == [*expected, *told, "-1", "-4", f"'{start}reason;' {start}another"]


@pytest.mark.parametrize("reason", ["Entered\u2028twice", "x" * 200])
def test_a_reason_is_one_cell_of_one_line(reason: str) -> None:
    line = Line("ent_1", MARK, NOON, "correction", None, -5, 95, reason=reason)
    rows = list(
        csv.reader(io.StringIO(csv_text(Statement("ILS", NOON, NOON + DAY, 100, 95, Totals(0, 5), [line], None))))
    )
    assert rows[2][-1] == reason.replace("\u2028", " ")


def _paid_given_and_taken_back(brand: Brand, turn: int, at: datetime) -> list[Entry]:
    """What a payout, an adjustment and its correction post, the three of them stored."""
    part = PayoutPart(f"po_{turn}", NOA, "ILS", 100, 0, "csv")
    payouts.new(brand.id, part, "run_1", at, creator_version=1).save()
    posted, first, second = [ledger_entries.payout_entry(part, at=at, version=3 * turn)], f"adj_{turn}", f"adj_{turn}b"
    for place, (kind, name, amount) in enumerate((("adjustment", first, 1), ("correction", second, -1)), start=1):
        word = adjustments.new(
            *(brand.id, name, kind),
            creator_id=NOA,
            currency="ILS",
            amount=amount,
            reason=f"{kind} {turn}",
            created_by="key_1",
            at=at,
        )
        word.reverses, word.reversed_by = (first, None) if name == second else (None, second)
        word.save()
        version = 3 * turn + place
        posted.append(ledger_entries.adjustment_entry(kind, first, NOA, "ILS", amount, at=at, version=version))
    return posted


def test_whatever_is_told_beside_the_entries_is_read_at_once(
    deployment: Deployment, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many payouts, adjustments and corrections there are, as long as they are a hundred of a kind."""
    brand = books.open_books(deployment)

    def requests(number: int) -> int:
        for turn in range(number):
            post(brand, *_paid_given_and_taken_back(brand, turn, clock.now))
        wire = Wire(monkeypatch)
        shown = statement(deployment, brand, NOA, "ILS", end=clock.now + DAY)
        assert len(shown.entries) == 3 * number
        assert [(line.kind, line.withheld, line.net, line.reason) for line in shown.entries[-3:]] == [
            ("payout", 0, 100, None),
            ("adjustment", None, None, f"adjustment {number - 1}"),
            ("correction", None, None, f"correction {number - 1}"),
        ]
        return len(wire.sent)

    assert requests(1) == requests(30)

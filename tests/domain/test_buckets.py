"""Kept sums: what they come to is what reading the whole account would."""

from collections import Counter
from dataclasses import asdict, replace
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.domain.histories import CREATOR, CURRENCIES, START, lived, posting
from vouch.domain import account, buckets
from vouch.domain.account import Balance, Figures, Sums
from vouch.domain.buckets import Kept, KeptFigures, Part, Total
from vouch.domain.ledger import (
    Entry,
    PayoutPart,
    PeriodRule,
    bonus_entry,
    fold_entry,
    payout_entry,
    payout_settled_entry,
)

HOUR = timedelta(hours=1)
RULE = PeriodRule("prg_1", "cap_per_period", "2026-03")


def kept(entries: list[Entry], until: datetime) -> Kept:
    """The sums of these, added up in the order of the list."""
    totals, ahead = dict[str, Total](), Counter[str]()
    for entry in entries:
        for part in buckets.parts(entry):
            if part.moment is None:
                before = totals.get(part.currency, Total(0, 0, START))
                totals[part.currency] = Total(before.amount + part.amount, before.held + part.held, entry.posted_at)
            elif part.moment > until:
                ahead[part.currency] += part.amount
    return Kept(totals, ahead)


def exact(balance: Balance, entries: list[Entry], until: datetime) -> dict[str, Figures]:
    """By all entries that a fold would read, and all that lie ahead."""
    behind = [each for each in entries if each.position and balance.zone_start <= each.position <= until]
    pending = Counter[str]()
    for entry in entries:
        if entry.position and entry.position > until:
            pending[entry.currency] += account.value(entry)
    folded = account.fold(balance, behind, until, START)
    return account.figures(folded.balance, pending, [each for each in entries if each.position is None])


def amounts(figures: Figures | None) -> dict[str, int]:
    return {name: amount for name, amount in asdict(figures or Figures()).items() if name != "as_of"}


@given(st.integers(0, 2**32), st.integers(0, 14), st.integers(0, 9), st.integers(0, 48), st.integers(-9, 9))
def test_they_say_what_all_entries_say_whenever_the_account_was_folded(
    seed: int, postings: int, folds: int, hours: int, held: int
) -> None:
    """Stragglers, clocks that jump, caps and bonuses included."""
    history = lived(seed, postings, folds)
    for balance in [Balance(), *history.finals]:
        until = max(balance.watermark, START) + hours * HOUR
        known = [entry for entry in history.landed if entry.posted_at <= until]
        known += [posting(99, held, "ILS", now=until, matures_at=until, held=True)] if held else []
        shown = buckets.figures(balance, kept(known, until))
        expected = exact(balance, known, until)
        for currency in CURRENCIES:
            assert amounts(shown.get(currency)) == amounts(expected.get(currency)), currency


def test_what_lies_ahead_has_a_bucket_and_what_has_matured_has_none() -> None:
    ahead = posting(1, 70, "ILS", now=START, matures_at=START + HOUR)
    matured = posting(2, -70, "ILS", now=START, matures_at=START - HOUR)
    held = posting(3, 8, "JPY", now=START, matures_at=START, held=True)
    assert list(buckets.parts(ahead)) == [Part("ILS", START + HOUR, 70), Part("ILS", None, 70)]
    assert list(buckets.parts(matured)) == [Part("ILS", None, -70)]
    assert list(buckets.parts(held)) == [Part("JPY", None, 0, 8)]


def test_what_is_given_and_taken_beside_commissions_is_counted_by_its_value() -> None:
    reserved = PayoutPart("po_1", CREATOR, "ILS", 60, 0, "csv")
    posted = [
        bonus_entry(CREATOR, RULE, "ILS", -5, at=START, version=1),
        payout_entry(reserved, at=START, version=2),
        payout_settled_entry(reserved, at=START, version=3),
    ]
    assert [list(buckets.parts(entry)) for entry in posted] == [[Part("ILS", None, -5)], [Part("ILS", None, -60)], []]


def test_a_fold_is_no_posting() -> None:
    """It moves what was posted, and does not lie on the time line."""
    assert list(buckets.parts(fold_entry(CREATOR, "ILS", 5, at=START, version=1))) == []


def test_a_currency_that_nothing_was_counted_of_yet_is_as_the_last_fold_left_it() -> None:
    balance = replace(Balance(START), sums={"ILS": Sums(available=70, in_transit=5, paid=9)})
    assert buckets.figures(balance, Kept({"JPY": Total(8, 1, START + HOUR)}, {"JPY": 3})) == {
        "ILS": KeptFigures(available=70, in_transit=5, paid=9, as_of=START),
        "JPY": KeptFigures(pending=3, held=1, available=5, as_of=START + HOUR),
    }

"""What a line of a rail's statement says of a payout, and what the books say that it moved."""

from datetime import UTC, datetime

import pytest

from vouch.domain import clearing, ids
from vouch.domain.clearing import Line, Movement
from vouch.domain.ledger import (
    PayoutPart,
    payout_entry,
    payout_fee_entry,
    payout_released_entry,
    payout_returned_entry,
    payout_settled_entry,
)
from vouch.domain.money import Money
from vouch.rails.sepa import end_to_end_id

AT = datetime(2026, 5, 4, 12, tzinfo=UTC)
PAYOUT = ids.derived("po_", "one")
OTHER = ids.derived("po_", "other")
PART = PayoutPart(PAYOUT, "cre_1", "EUR", 1_000, 250, "sepa", "DE")


def line(amount: int = -750, **said: str | None) -> Line:
    return Line("B-1", AT, amount, "EUR", **said)


@pytest.mark.parametrize(
    "text",
    [
        PAYOUT,
        f"Vouch {PAYOUT} May",
        PAYOUT.lower(),
        PAYOUT.replace("_", ""),
        PAYOUT.replace("_", "-"),
        end_to_end_id(PAYOUT),
        f"EREF+{end_to_end_id(PAYOUT)}SVWZ+MAY",
        f"EREF{end_to_end_id(PAYOUT)}",
        f"EREF_{PAYOUT.replace('_', '')}/MAY",
    ],
)
def test_a_payout_is_found_in_whatever_a_bank_makes_of_its_id(text: str) -> None:
    assert line(reference=text).payout_ids == [PAYOUT]
    assert Line(text, AT, -750, "EUR").payout_ids == [PAYOUT]


def test_what_a_line_says_outright_goes_before_what_its_texts_hold() -> None:
    assert line(payout_id=OTHER, reference=PAYOUT).payout_ids == [OTHER]
    assert line(reference=f"{OTHER} {PAYOUT}").payout_ids == [OTHER, PAYOUT]
    assert line(reference="po_nothing").payout_ids == []
    assert line().payout_ids == []


@pytest.mark.parametrize(
    "text",
    [
        "DEPO12345678901234567890123456",
        "PO1234567890123456789012345678",
        "9f8e7d6c5b4a39281706f5e4d3c2b1a0po1234567890abcdefghjkmnpqrs",
    ],
)
def test_a_longer_word_that_happens_to_hold_the_letters_of_an_id_names_no_payout(text: str) -> None:
    assert line(reference=text).payout_ids == []
    assert Line(text, AT, -750, "EUR").payout_ids == []


def test_names_are_compared_without_case_and_blanks_and_once() -> None:
    assert line(reference=" TRX\t77 ").names == ["trx77", "b-1"]
    assert line().names == ["b-1"]
    assert Line("TRX 77", AT, -750, "EUR", "trx77").names == ["trx77"]
    assert clearing.names([None, "", " ", "a"]) == ["a"]


def test_a_rails_names_of_a_payout_are_all_but_those_of_many() -> None:
    told = {"batch": "BATCH", "item": "ITEM", "transaction": "TX"}
    assert clearing.names_of("TX", told) == ["tx", "item"]
    assert clearing.names_of(None, {"batch": "BATCH"}) == []
    assert clearing.names_of("TRX 77", None) == ["trx77"]


def test_a_payouts_entries_move_its_net_its_fee_and_its_net_again() -> None:
    fee = Money(12, "USD")
    moved = [
        clearing.movement(payout_entry(PART, at=AT, version=1), "sepa"),
        clearing.movement(payout_released_entry(PART, at=AT, version=1), "sepa"),
        clearing.movement(payout_settled_entry(PART, at=AT, version=1), "sepa"),
        clearing.movement(payout_fee_entry(PART, fee, at=AT, version=1), "sepa"),
        clearing.movement(payout_returned_entry(PART, at=AT, version=1), "sepa"),
        clearing.movement(payout_settled_entry(PART, at=AT, version=1), "csv"),
    ]
    assert moved == [
        None,
        None,
        Movement("payment", -750, "EUR"),
        Movement("fee", -12, "USD"),
        Movement("return", 750, "EUR"),
        None,
    ]


def test_a_payout_moves_what_its_status_says() -> None:
    payment, fee, back = (
        Movement("payment", -750, "EUR"),
        Movement("fee", -12, "USD"),
        Movement("return", 750, "EUR"),
    )

    def moved(status: str, taken: tuple[int, str] | None = (12, "USD")) -> list[Movement]:
        return list(clearing.movements(status, 750, "EUR", taken))

    assert moved("settled") == [payment, fee]
    assert moved("settled", None) == [payment]
    assert moved("returned") == [payment, fee, back]
    for status in ("created", "submitting", "submitted", "unknown", "failed"):
        assert moved(status, None) == []


@pytest.mark.parametrize(
    "amount, said, steps",
    [
        (-750, None, ["payment"]),
        (750, None, ["return"]),
        (-12, None, ["fee"]),
        (-750, "payment", ["payment"]),
        (-750, "fee", []),
        (-749, None, []),
        (12, None, []),
    ],
)
def test_a_line_is_the_step_that_has_its_amount(amount: int, said: str | None, steps: list[str]) -> None:
    assert clearing.steps_of(line(amount, step=said), 750, "EUR", (12, "EUR")) == steps
    assert clearing.steps_of(line(amount, step=said), 750, "USD", (12, "USD")) == []


def test_a_fee_as_high_as_the_payment_may_be_either() -> None:
    assert clearing.steps_of(line(), 750, "EUR", (750, "EUR")) == ["payment", "fee"]
    assert clearing.steps_of(line(step="fee"), 750, "EUR", (750, "EUR")) == ["fee"]

"""Registers: what an order hears of its customer's others is a function of all marks, however they came to be there."""

from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.sales import PLACED, item, sale
from vouch.domain.facts import Lifecycle, Standing
from vouch.domain.registers import (
    Audience,
    Mark,
    Origin,
    Place,
    Register,
    audience_of_payment,
    audiences,
    is_payment,
    same,
)

KEY = "customer:noa"


def place(hour: int, order: str = "o") -> Place:
    return Place(PLACED + timedelta(hours=hour), order)


def mark(hour: int, creator: str | None = None, *, order: str = "o", counts: bool = True) -> Mark:
    return Mark(place(hour, order), counts, (creator, "main") if creator else None)


MARKS = st.lists(
    st.builds(
        mark,
        st.integers(0, 3),
        st.sampled_from([None, "dan", "lea"]),
        order=st.sampled_from("abc"),
        counts=st.booleans(),
    ),
    max_size=9,
)


def settled(marks: list[Mark]) -> tuple[Register, dict[str, Mark], list[tuple[Register, Register, Mark]]]:
    """A customer's register after these marks, each order's newest in place of its older ones; and every step."""
    register, known, steps = Register(), dict[str, Mark](), []
    for one in marks:
        before, had = register, known.get(one.place.order_id)
        known[one.place.order_id] = one
        moved = had is not None and had.place != one.place
        found = None if moved else register.with_order(one)
        register = register.recounted(sorted(known.values(), key=lambda each: each.place)) if found is None else found
        steps.append((before, register, one))
    return register, known, steps


@given(MARKS)
def test_a_register_says_what_its_marks_come_to(marks: list[Mark]) -> None:
    register, known, _ = settled(marks)
    counting = [each for each in known.values() if each.counts]
    assert register.first == min((each.place for each in counting), default=None)
    naming = min((each for each in counting if each.names), key=lambda each: each.place, default=None)
    assert register.origin == (naming and Origin(naming.place, *(naming.names or ())))


@given(MARKS, st.integers(0, 2**32))
def test_a_register_is_the_same_in_whatever_order_its_orders_come(marks: list[Mark], seed: int) -> None:
    newest = list({each.place.order_id: each for each in marks}.values())
    one, _, _ = settled(newest)
    other, _, _ = settled(Random(seed).sample(newest, len(newest)))
    assert (one.first, one.origin) == (other.first, other.origin)


@given(MARKS)
def test_whoever_hears_something_else_than_before_is_told(marks: list[Mark]) -> None:
    """The order that made the change is settled anyway; of what nobody had written yet nobody had heard."""
    known: dict[str, Mark] = {}
    for before, after, changed in settled(marks)[2]:
        known[changed.place.order_id] = changed
        told = audiences(before, after, changed.place)
        for other in known.values() if before.version else ():
            stands = other.counts and other.place.order_id != changed.place.order_id
            if not stands or same(heard(before, other), heard(after, other)):
                continue
            assert any(a.place == other.place or (a.behind and a.place <= other.place) for a in told)


def heard(register: Register, other: Mark) -> Standing:
    return register.word(KEY, other.place, at=PLACED)


def test_the_version_grows_with_every_change_and_with_nothing_else() -> None:
    once = Register().with_order(mark(2, "dan"))
    assert once == Register(1, place(2), Origin(place(2), "dan", "main"))
    assert once.with_order(mark(3, "lea")) is once
    assert once.with_order(mark(1)) == Register(2, place(1), once.origin)
    assert once.with_order(mark(2, "lea")) == Register(2, place(2), Origin(place(2), "lea", "main"))
    assert once.stirred() == replace(once, version=2)


def test_an_order_that_held_a_place_and_leaves_it_takes_a_look_at_all() -> None:
    register = Register().recounted([mark(1), mark(2, "dan"), mark(3, "lea")])
    assert register == Register(1, place(1), Origin(place(2), "dan", "main"))
    assert register.with_order(mark(1, counts=False)) is None
    assert register.with_order(mark(2)) is None
    assert register.with_order(mark(2, "dan", counts=False)) is None
    assert register.with_order(mark(3, counts=False)) is register
    assert register.recounted([mark(1, counts=False), mark(2), mark(3, "lea")]) == Register(
        2, place(2), Origin(place(3), "lea", "main")
    )
    assert register.recounted([mark(1), mark(2)]) == Register(2, place(1))


def test_what_each_order_hears() -> None:
    register = Register(4, place(1), Origin(place(2), "dan", "main"))
    assert register.word(KEY, place(0), at=PLACED) == Standing(KEY, PLACED, 4, first=True)
    assert register.word(KEY, place(1), at=PLACED) == Standing(KEY, PLACED, 4, first=True)
    assert register.word(KEY, place(2), at=PLACED, payments_before=3) == Standing(KEY, PLACED, 4, False, 3)
    assert register.word(KEY, place(3), at=PLACED) == Standing(
        KEY, PLACED, 4, False, 0, "o", PLACED + timedelta(hours=2), "dan", "main"
    )
    assert Register().word(KEY, place(0), at=PLACED) == Standing(KEY, PLACED, 0, first=True)
    assert same(register.word(KEY, place(3), at=PLACED), register.stirred().word(KEY, place(3), at=PLACED))
    assert not same(register.word(KEY, place(2), at=PLACED), register.word(KEY, place(3), at=PLACED))
    late = register.word(KEY, place(3), at=PLACED + timedelta(hours=9))
    assert same(late, register.word(KEY, place(3), at=PLACED))


@pytest.mark.parametrize(
    "before, after, told",
    [
        # What the order at the first hour has changed, as far as it has changed anything itself.
        (Register(0), Register(1, place(1), Origin(place(1), "dan", "main")), []),
        (Register(1, place(2)), Register(1, place(2)), []),
        (Register(1, place(2)), Register(2, place(1)), [Audience(place(2))]),
        (Register(1, place(1)), Register(2, place(2)), [Audience(place(2))]),
        (Register(1, place(1)), Register(2), []),
        (Register(1, place(3)), Register(2, place(2)), [Audience(place(2)), Audience(place(3))]),
        (Register(1), Register(2, place(1)), []),
        (
            Register(1, place(2), Origin(place(3), "dan", "main")),
            Register(2, place(2), Origin(place(1), "lea", "main")),
            [Audience(place(1), behind=True)],
        ),
        (
            Register(1, place(2), Origin(place(2), "dan", "main")),
            Register(2, place(1), Origin(place(1), "lea", "main")),
            [Audience(place(1), behind=True)],
        ),
        (
            Register(1, place(2)),
            Register(2, place(1), Origin(place(2), "lea", "main")),
            [Audience(place(2), behind=True), Audience(place(2))],
        ),
    ],
)
def test_a_change_is_told_to_those_whom_it_concerns(before: Register, after: Register, told: list[Audience]) -> None:
    assert audiences(before, after, place(1)) == told


def test_payments_are_told_to_those_that_follow_if_any_do() -> None:
    begun = Register().with_payment(mark(2), None)
    assert begun == Register(1, last=place(2))
    assert begun.with_payment(mark(2), mark(2)) is begun
    assert begun.with_payment(mark(3, counts=False), None) is begun
    assert begun.with_payment(mark(2, counts=False), mark(2)) == Register(2, last=place(2))
    assert begun.with_payment(mark(1), None) == Register(2, last=place(2))
    assert begun.with_payment(mark(3), mark(3, counts=False)) == Register(2, last=place(3))
    assert audience_of_payment(begun, mark(1)) == [Audience(place(1), behind=True)]
    assert audience_of_payment(begun, mark(2)) == audience_of_payment(Register(), mark(1)) == []


@pytest.mark.parametrize(
    "said, paid",
    [
        ({}, True),
        ({"lifecycle": Lifecycle.REFUNDED}, True),
        ({"lifecycle": Lifecycle.CANCELLED}, True),
        ({"lifecycle": Lifecycle.OPEN, "paid": True}, False),
        ({"lifecycle": Lifecycle.PARTLY_PAID}, False),
        ({"paid": False}, False),
    ],
)
def test_a_payment_is_money_whatever_became_of_it(*, said: dict[str, bool], paid: bool) -> None:
    assert is_payment(sale(item("mug", "1.00"), **said)) is paid  # type: ignore[arg-type]
    assert not is_payment(sale(item("mug", "1.00", discount="1.00"), **said))  # type: ignore[arg-type]


def test_a_payment_is_what_lines_and_shipping_come_to() -> None:
    assert is_payment(sale(item("mug", "0.03", 2, discount="0.05")))
    assert is_payment(sale(shipping="0.01"))
    assert not is_payment(sale(item("mug", "0.01", 2, discount="0.02")))
    assert not is_payment(sale())

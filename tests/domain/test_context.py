"""Context: which of what was looked up counts for what is known of the order now."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.domain.sales import BUYER, PLACED, adjust, item, reassign, sale, standing
from vouch.domain.attribution import Touch
from vouch.domain.context import Context, product_keys, register_keys
from vouch.domain.facts import Event, OrderFacts, Snapshot, Standing

MUG = item("mug", "100.00", product_id="7", sku="M")
REGISTER = f"customer:{BUYER}"


def known(order: Snapshot | None, *events: Event) -> OrderFacts:
    return OrderFacts(order, {(event.kind, event.id): event for event in events})


def test_of_an_order_that_nobody_has_described_nothing_is_asked_or_known() -> None:
    context, facts = Context(tied=True), known(None, reassign("noa"))
    assert (context.touch_keys(facts), context.touches_of(facts)) == ([], ())
    assert (context.customer_new(facts), context.payments_before(facts), context.origin(facts)) == (None, 0, None)


def test_evidence_is_asked_for_by_its_kind_each_piece_once() -> None:
    order = sale(MUG, MUG, codes=("noa10", "noa10"), click_ids=("clk",), handles=("tiktok:noa",), contacts=("gil",))
    keys = ["code:noa10", "handle:tiktok:noa", "click:clk", "contact:gil"]
    assert Context().touch_keys(known(order)) == keys
    assert Context(tied=False).touch_keys(known(order)) == keys
    assert Context(tied=True).touch_keys(known(order)) == [*keys, "sku:M", "product:7"]
    assert product_keys(sale(item("pot", "1.00"))) == []


def test_clicks_that_the_order_names_come_before_the_journeys_behind_them() -> None:
    names = ("a", "a-1", "a-2", "b", "b-1")
    a, a1, a2, b, b1 = (Touch("click", name, PLACED, "noa", "main", 1) for name in names)
    order = sale(MUG, click_ids=("a", "b"))
    assert Context({"click:a": (a, a1, a2), "click:b": (b, b1)}).touches_of(known(order)) == (a, b, a1, a2, b1)


def test_whom_decisions_and_registers_name_is_asked_for_too() -> None:
    word = standing(origin="ord_1", origin_at=PLACED, creator_id="noa", program_id="main")
    decisions = reassign("dan", decision_id="d1"), adjust("lea", "5.00", decision_id="d2", program="vip")
    keys = Context().touch_keys(known(sale(MUG), word, *decisions))
    assert keys == ["customer:ord_1:noa:main", "creator:dan:main", "creator:lea:vip"]


@pytest.mark.parametrize("kind, field", [("code", "codes"), ("click", "click_ids"), ("handle", "handles")])
def test_ten_of_a_kind_count_whoever_sends_more(kind: Any, field: str) -> None:
    names = tuple(f"{number}" for number in range(12))
    said: dict[str, Any] = {field: names}
    order = sale(MUG, **said)
    touched = {"handle": "platform"}.get(kind, kind)
    touches = {f"{kind}:{name}": (Touch(touched, name, PLACED, "noa", "main", 1),) for name in names}
    counted = Context(touches).touches_of(known(order))
    assert [touch.evidence for touch in counted] == list(names[:10])


def test_ten_of_each_kind_count_and_of_what_no_shop_can_send_more() -> None:
    """A click's trail is part of its key; one click seen twice is one."""
    trail = tuple(Touch("click", f"{number}", PLACED, "noa", "main", 1) for number in range(12))
    codes = {f"code:{number}": (Touch("code", f"{number}", None, "noa", "main", 1),) for number in range(12)}
    skus = {f"sku:{number}": (Touch("product", f"sku:{number}", None, "noa", "main", 1),) for number in range(12)}
    lines = [item(f"{number}", "1.00", sku=f"{number}") for number in range(12)]
    order = sale(*lines, codes=tuple(f"{number}" for number in range(12)), click_ids=("first", "second"))
    context = Context({"click:first": trail, "click:second": trail[:3], **codes, **skus}, tied=True)
    kinds = [touch.kind for touch in context.touches_of(known(order))]
    assert {kind: kinds.count(kind) for kind in kinds} == {"code": 10, "click": 10, "product": 12}


def test_one_click_found_on_two_ways_is_one() -> None:
    click = Touch("click", "clk", PLACED, "noa", "main", 1)
    context = Context({"click:first": (click,), "click:clk": (click,)})
    assert context.touches_of(known(sale(MUG, click_ids=("first", "clk")))) == (click,)


@pytest.mark.parametrize(
    "said, words, new",
    [
        (None, {}, None),
        (None, {REGISTER: True}, True),
        (None, {REGISTER: False}, False),
        (None, {REGISTER: True, "customer:her phone": False}, False),
        (None, {REGISTER: True, "customer:her phone": True}, True),
        (True, {REGISTER: False}, True),
        (False, {REGISTER: True}, False),
    ],
)
def test_a_customer_is_new_by_the_platform_or_else_by_all_registers(
    *, said: bool | None, words: dict[str, bool], new: bool | None
) -> None:
    order = sale(MUG, customers=(BUYER, "her phone"), customer_new=said)
    standings = {register: Standing(register, PLACED, first=first) for register, first in words.items()}
    assert Context(standings=standings).customer_new(known(order)) is new


def test_a_registers_latest_word_counts_whether_it_was_pinned_or_came_since() -> None:
    pinned = Context(standings={REGISTER: Standing(REGISTER, PLACED, version=2, first=True)})
    order = sale(MUG)
    assert pinned.customer_new(known(order, standing(version=3, first=False))) is False
    assert pinned.customer_new(known(order, standing(version=1, first=False))) is True
    assert Context().customer_new(known(order, standing(version=1, first=False))) is False


def test_a_subscriptions_payments_are_counted_by_its_own_register() -> None:
    word = {"subscription:s": Standing("subscription:s", PLACED, payments_before=3)}
    paying, other = sale(MUG, subscription="s"), sale(MUG, subscription="t")
    assert register_keys(paying) == [REGISTER, "subscription:s"]
    assert register_keys(sale(MUG)) == [REGISTER]
    context = Context(standings=word)
    assert [context.payments_before(known(order)) for order in (paying, other, sale(MUG))] == [3, 0, 0]
    later = standing(register="subscription:s", version=1, payments_before=4)
    assert context.payments_before(known(paying, later)) == 4
    assert context.customer_new(known(paying)) is None


def test_of_several_origins_the_earliest_is_the_customers_and_of_equals_the_smaller_id() -> None:
    order = sale(MUG, customers=("one", "two", "three"))

    def word(customer: str, origin: str | None, days: int) -> Standing:
        at = None if origin is None else PLACED - timedelta(days=days)
        return standing(register=f"customer:{customer}", origin=origin, origin_at=at)

    origin = Context().origin
    assert origin(known(order, word("one", None, 0))) is None
    assert origin(known(order, word("one", "b", 1), word("two", "a", 2))) == word("two", "a", 2)
    assert origin(known(order, word("one", "b", 2), word("two", "a", 2))) == word("two", "a", 2)
    assert origin(known(order, word("one", "a", 1), word("two", "b", 2))) == word("two", "b", 2)
    assert origin(known(order, word("one", "b", 2), word("two", "c", 1), word("three", None, 0))) == word("one", "b", 2)


class TestGuessedBirths:
    """What was looked up for a birth that was a guess is good for no other one."""

    PINNED = Context({"code:noa10": (Touch("code", "noa10", None, "noa", "main", 1),)}, tied=True, only_program="main")
    GUESSED = replace(sale(MUG), placed_at_guessed=True)

    def test_what_is_looked_up_for_a_guess_says_so(self) -> None:
        assert self.PINNED.at_birth(self.GUESSED) == replace(self.PINNED, guessed_at=PLACED)

    def test_it_stays_as_long_as_the_guess_does_and_where_it_was_right(self) -> None:
        pinned = self.PINNED.at_birth(self.GUESSED)
        assert pinned.at_birth(self.GUESSED) == pinned
        assert pinned.at_birth(sale(MUG)) == self.PINNED

    @pytest.mark.parametrize("guessed", [True, False])
    def test_for_another_birth_nothing_of_it_counts_but_where_the_order_came_in(self, *, guessed: bool) -> None:
        pinned = replace(self.PINNED, test_brand=True).at_birth(self.GUESSED)
        born = PLACED - timedelta(minutes=1)
        later = replace(sale(MUG), placed_at=born, placed_at_guessed=guessed)
        guessed_at = born if guessed else None
        assert pinned.at_birth(later) == Context(only_program="main", test_brand=True, guessed_at=guessed_at)

    def test_the_clicks_and_visits_that_were_found_are_kept_as_they_were_seen_and_nothing_that_was_judged(self) -> None:
        mia = Touch("click", "c1", PLACED, "mia", "main", 3, ("mia's mail",), barred="not_enrolled")
        seen, visit = Touch("click", "c1", PLACED, "mia", "main"), Touch("click", "v1", PLACED, "tal", "main")
        unknown = Touch("click", "c2", problem="unknown_click")
        touches = {"click:c1": (mia,), "click:c2": (unknown,), "contact:noa": (replace(visit, terms_version=1),)}
        guessed = Context(touches | dict(self.PINNED.touches)).at_birth(self.GUESSED)
        moved = guessed.at_birth(replace(self.GUESSED, placed_at=PLACED - timedelta(minutes=1)))
        assert moved.sighted == {"click:c1": (seen,), "contact:noa": (visit,)}
        assert moved.touches == {}
        # Whatever is found for the next birth adds to it, and both are there for the one after that.
        more = replace(moved, touches={"click:c1": (mia, replace(mia, evidence="c0"))})
        again = more.at_birth(replace(self.GUESSED, placed_at=PLACED - timedelta(minutes=2)))
        assert again.sighted == {"click:c1": (seen, replace(seen, evidence="c0")), "contact:noa": (visit,)}

    def test_what_was_looked_up_for_a_birth_that_was_said_stays(self) -> None:
        assert self.PINNED.at_birth(sale(MUG)) == self.PINNED

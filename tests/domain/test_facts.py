"""Facts: the same set of them is the same order, in whatever order, number and company they arrive."""

from dataclasses import fields, replace
from datetime import datetime, timedelta
from itertools import product
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.sales import PLACED, cancellation, decision, item, refund, sale
from vouch.domain import times
from vouch.domain.facts import (
    TOUCH_KEYS_MAX,
    Cancellation,
    Decision,
    Dispute,
    DisputeStatus,
    Event,
    Fact,
    Lifecycle,
    Line,
    Mention,
    OrderFacts,
    PlacedAtChanged,
    PlatformCommission,
    Refund,
    RefundLine,
    Shadow,
    Snapshot,
    Standing,
    Verdict,
    event_from_json,
    fingerprint,
    repeats,
    snapshot_from_json,
    to_json,
)

MUG = item("mug", "100.00")
PAID = sale(MUG)
LATER = PLACED + timedelta(minutes=1)
HOUR = timedelta(hours=1)
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
STATUSES: tuple[DisputeStatus, ...] = get_args(DisputeStatus)


def _pool() -> list[Fact]:
    """Versions of few facts, many of them equally new."""
    moments = [PLACED, LATER]
    sold = [(Line("a", 2, 500),), (Line("a", 1, 500), Line("b", 3, 70, discount=10, tags=("תג",)))]
    snapshots = (
        Snapshot(at, PLACED, lifecycle, "ILS", lines, "shopify", triggered)
        for at, lifecycle, lines, triggered in product(moments, Lifecycle, sold, [None, PLACED])
    )
    lives = (
        Snapshot(at, birth, Lifecycle.PAID, "ILS", sold[0], "shopify", placed_at_guessed=guessed, customers=customers)
        for at, (birth, guessed), customers in product(
            moments,
            [(PLACED, False), (PLACED - HOUR, True), (PLACED + HOUR, True)],
            [(), ("noa",), ("dan", "gil")],
        )
    )
    refunds = (
        Refund(refund_id, at, "ILS", lines, amount, failed)
        for refund_id, at, lines, amount, failed in product(
            ["r1", "r2"], moments, [(), (RefundLine("a", 1),), (RefundLine("b", 0, 50),)], [0, 300], [False, True]
        )
    )
    decisions = (
        Decision(decision_id, at, verdict, "ops", "looked at it")
        for decision_id, at, verdict in product(["d1", "d2"], moments, VERDICTS)
    )
    named = (
        Decision(decision_id, at, "adjust", "ops", "as agreed", (), creator, "prg", amount)
        for decision_id, at, creator, amount in product(["d3", "d4"], moments, ["noa", "dan"], [0, 70])
    )
    disputes = (
        Dispute(dispute_id, at, status, "ILS", amount)
        for dispute_id, at, status, amount in product(["p1", "r1"], moments, STATUSES, [None, 300])
    )
    standings = (
        Standing(register, at, version, first, payments)
        for register, at, version, first, payments in product(
            ["customer:noa", "subscription:s"], moments, [1, 2], [False, True], [0, 3]
        )
    )
    mentions = (
        Mention(mention_id, at, codes)
        for mention_id, at, codes in product(["m1", "m2"], moments, [(), ("noa10",), ("dan10", "noa10")])
    )
    shadows = (Shadow("ord_1", at) for at in moments)
    cancellations = (Cancellation("c1", at, undone) for at, undone in product(moments, [False, True]))
    events: list[Event] = [*refunds, *decisions, *named, *disputes, *standings, *mentions, *shadows]
    return [*snapshots, *lives, *events, *cancellations]


FACTS = st.lists(st.sampled_from(_pool()), max_size=6)


def joined(*groups: list[Fact]) -> OrderFacts:
    facts = OrderFacts()
    for group in groups:
        facts, _ = facts.with_facts(group)
    return facts


@given(FACTS, FACTS, FACTS)
def test_facts_join_in_any_order_company_and_number(one: list[Fact], two: list[Fact], three: list[Fact]) -> None:
    """A join-semilattice: commutative, associative, idempotent."""
    expected = joined(one + two + three)
    assert joined(three, two, one) == expected
    assert joined(list(reversed(one + two + three))) == expected
    assert joined(*([fact] for fact in two + three + one)) == expected
    assert joined(one, two, one, three, two, three) == expected


@given(FACTS, FACTS)
def test_what_changed_is_what_was_not_known(known: list[Fact], said: list[Fact]) -> None:
    """So only what is new is stored, and a repeat writes nothing."""
    before = joined(known)
    after, changed = before.with_facts(said)
    assert joined(known, list(changed)) == after
    assert bool(changed) == (after != before)
    assert after.with_facts(said + known)[1] == ()


def newer(one: Snapshot, other: Snapshot) -> bool:
    return joined([one], [other]).snapshot == other == joined([other], [one]).snapshot


def test_the_platforms_own_time_comes_first() -> None:
    cancelled = replace(PAID, lifecycle=Lifecycle.CANCELLED, triggered_at=LATER)
    assert newer(cancelled, replace(PAID, updated_at=LATER))


@pytest.mark.parametrize("one, other", [(0, 1), (1, 2), (2, 3), (3, 4)])
def test_then_the_later_stage_of_life(one: int, other: int) -> None:
    replayed = replace(PAID, lifecycle=Lifecycle(one), triggered_at=LATER)
    assert newer(replayed, replace(PAID, lifecycle=Lifecycle(other), triggered_at=PLACED))


def test_then_the_time_of_the_trigger() -> None:
    assert newer(replace(PAID, triggered_at=PLACED), replace(PAID, triggered_at=LATER))
    assert newer(PAID, replace(PAID, triggered_at=PLACED))


def own_content(snapshot: Snapshot) -> str:
    """All of it but what other versions may have added."""
    return fingerprint(replace(snapshot, placed_at=times.EPOCH))


def test_and_last_the_content_decides_alike_for_all() -> None:
    one, other = sorted([PAID, replace(PAID, country="IL")], key=own_content)
    assert newer(one, other)


def test_an_order_is_born_once() -> None:
    told = r"placed at 2026-05-04T12:00:00Z, now said to be 2026-05-04T12:01:00Z"
    with pytest.raises(PlacedAtChanged, match=told) as refused:
        joined([PAID], [replace(PAID, placed_at=LATER)])
    assert (refused.value.known, refused.value.said) == (PAID.placed_at, LATER)


def test_of_two_births_in_one_company_none_is_taken() -> None:
    with pytest.raises(PlacedAtChanged):
        joined([PAID, replace(PAID, placed_at=LATER)])


GUESS = replace(PAID, placed_at=PLACED + timedelta(seconds=7), placed_at_guessed=True)


def test_a_birth_that_is_said_beats_a_guess() -> None:
    for newer_one in (PAID, GUESS):
        said, guessed = (replace(one, updated_at=LATER) if one is newer_one else one for one in (PAID, GUESS))
        for first, second in ((said, guessed), (guessed, said)):
            snapshot = joined([first], [second]).snapshot
            assert snapshot is not None
            assert (snapshot.placed_at, snapshot.placed_at_guessed) == (PLACED, False)
            assert snapshot.updated_at == LATER


def test_of_two_guesses_the_earlier_holds_though_it_comes_late() -> None:
    newest = replace(GUESS, updated_at=LATER, placed_at=LATER)
    after, changed = joined([newest]).with_facts([GUESS])
    assert changed == (after.snapshot,)
    assert after.snapshot == replace(newest, placed_at=GUESS.placed_at)
    assert joined([GUESS], [newest]) == after


def test_two_births_that_are_said_are_no_order_though_a_guess_came_between() -> None:
    with pytest.raises(PlacedAtChanged):
        joined([PAID], [GUESS], [replace(PAID, placed_at=LATER)])


def test_who_was_named_as_the_buyer_stays_one_when_the_shop_forgets() -> None:
    named, other = replace(PAID, customers=("noa", "dan")), replace(PAID, customers=("gil",), country="IL")
    forgotten = replace(PAID, customers=(), updated_at=LATER)
    assert joined([named], [forgotten]) == joined([forgotten], [named])
    assert joined([named], [forgotten]).snapshot == replace(forgotten, former_customers=("dan", "noa"))
    corrected = replace(other, updated_at=LATER)
    assert joined([named], [corrected]).snapshot == replace(corrected, former_customers=("dan", "noa"))


def test_what_was_once_paid_was_paid() -> None:
    for newest in (Lifecycle.OPEN, Lifecycle.PARTLY_PAID, Lifecycle.CANCELLED):
        later = replace(PAID, updated_at=LATER, lifecycle=newest, paid=False)
        assert joined([PAID], [later]) == joined([later], [PAID]) == joined([replace(later, paid=True)])
    assert joined([replace(PAID, paid=False)]).snapshot == replace(PAID, paid=False)


def test_what_older_versions_add_does_not_make_a_snapshot_another_one() -> None:
    """Among equally new ones the content decides: their own, not what was merged into it."""
    one, other = sorted([PAID, replace(PAID, country="IL")], key=own_content)
    for number in range(20):
        older = replace(PAID, updated_at=PLACED - HOUR, customers=(f"buyer {number}",))
        expected = joined([one, other, older])
        assert joined([one, older], [other]) == joined([other], [older], [one]) == expected
        assert expected.snapshot is not None
        assert expected.snapshot.country == other.country


@pytest.mark.parametrize("amount", ["0.00", "-20.00"])
def test_a_refund_that_waited_and_moved_is_newer_at_the_same_time(amount: str) -> None:
    """Platforms do not date the change: first nothing has moved, or less than the lines are worth."""
    waits, moved = refund("r1", amount=amount), refund("r1", amount="20.00")
    assert joined([waits], [moved]).refunds == joined([moved], [waits]).refunds == [moved]


def test_a_kind_that_is_none_is_not_read_as_another() -> None:
    with pytest.raises(KeyError):
        event_from_json("complaint", to_json(decision("hold")))


def test_a_refund_is_known_by_its_id_and_its_newest_version_counts() -> None:
    first, failed = refund("r1", mug=1), refund("r1", mug=1, failed=True)
    assert joined([first]).refunds == [first]
    assert joined([failed, first]).refunds == []
    assert joined([failed], [refund("r1", mug=1, minutes=61)]).refunds == [refund("r1", mug=1, minutes=61)]


@pytest.mark.parametrize("one, other", [("open", "lost"), ("open", "won"), ("lost", "won")])
def test_at_one_time_a_dispute_was_open_first_and_won_last(one: DisputeStatus, other: DisputeStatus) -> None:
    first, last = Dispute("p1", LATER, one), Dispute("p1", LATER, other)
    assert joined([first], [last]).disputes == joined([last], [first]).disputes == [last]


@pytest.mark.parametrize("one, other", [*product(STATUSES, STATUSES)])
def test_the_newest_word_on_a_dispute_counts_whatever_it_says(one: DisputeStatus, other: DisputeStatus) -> None:
    first, last = Dispute("p1", PLACED, one, "ILS", 300), Dispute("p1", LATER, other)
    assert joined([first], [last]).disputes == joined([last], [first]).disputes == [last]
    assert joined([last]).with_facts([first, last, first])[1] == ()


def test_a_dispute_and_a_refund_of_one_name_are_two_losses() -> None:
    lost, back = Dispute("7", LATER, "lost", "ILS", 300), refund("7", mug=1)
    assert joined([lost], [back]).losses == joined([back], [lost]).losses
    assert [(loss.id, loss.amount) for loss in joined([lost], [back]).losses] == [("7", 0), ("dispute:7", 300)]
    assert joined([replace(lost, status="won"), back]).losses == [back]


def test_adjustments_are_counted_by_creator_the_newest_of_each() -> None:
    for_noa, for_dan = (
        Decision(decision_id, PLACED, "adjust", "ops", "as agreed", (), creator, "prg", 70)
        for decision_id, creator in (("d1", "noa"), ("d2", "dan"))
    )
    again = replace(for_noa, id="d3", updated_at=LATER, amount=0)
    facts: list[Fact] = [for_noa, for_dan, again]
    assert joined(facts).adjustments == joined(facts[::-1]).adjustments == {"noa": again, "dan": for_dan}
    assert joined(facts).decision("reassign") is None


@pytest.mark.parametrize("minutes, counts", [(-1, False), (0, True), (1, True)])
def test_who_gives_the_order_away_ends_the_adjustments_before_of_whomever(*, minutes: int, counts: bool) -> None:
    """Of two words of one moment the one with the greater id is the later one."""
    at = LATER + timedelta(minutes=minutes)
    set_for = {
        creator: Decision(f"d2{creator}", at, "adjust", "ops", "as agreed", (), creator, "prg", 70)
        for creator in ("noa", "dan")
    }
    given = Decision("d1", LATER, "reassign", "ops", "it was hers", (), "noa", "prg")
    facts: list[Fact] = [*set_for.values(), given]
    assert joined(facts).adjustments == joined(facts[::-1]).adjustments == (set_for if counts else {})


def test_the_latest_version_of_a_register_has_the_last_word() -> None:
    early = Standing("customer:noa", LATER, 1)
    late = Standing("customer:noa", PLACED, 2, first=False)
    assert joined([early], [late]) == joined([late], [early])
    assert joined([late], [early]).standing("customer:noa") == late
    assert joined([early]).standing("customer:dan") is None


def test_refunds_come_by_id_however_they_arrived() -> None:
    assert [r.id for r in joined([refund("r2"), refund("r10"), refund("r1")]).refunds] == ["r1", "r10", "r2"]


def test_a_cancellation_without_a_snapshot_cancels() -> None:
    assert joined([cancellation()], [PAID]).cancelled
    assert not joined([PAID]).cancelled


@pytest.mark.parametrize("minutes", [60, 90])
def test_a_cancellation_that_is_undone_cancels_no_more_whatever_is_heard_first(minutes: int) -> None:
    undone = replace(cancellation(minutes), undone=True)
    orders: list[list[Fact]] = [[cancellation(), undone], [undone, cancellation()]]
    for told in orders:
        assert not joined([PAID], told).cancelled
    assert joined([PAID], [cancellation(120), undone]).cancelled
    assert joined([undone], [Cancellation("another", PLACED)]).cancelled


def test_the_newest_decision_counts_and_of_equals_the_greater_id() -> None:
    hold, approval = decision("hold", decision_id="d1"), decision("approve", decision_id="d2")
    assert not joined([approval, hold]).held
    assert joined([replace(hold, updated_at=LATER + timedelta(hours=2)), approval]).held
    assert joined([approval]).decision("approve") == approval
    assert joined([hold]).held
    assert joined([]).decision("hold") is None


@given(FACTS)
def test_facts_are_read_back_as_they_were_written(facts: list[Fact]) -> None:
    for fact in facts:
        text = to_json(fact)
        again = snapshot_from_json(text) if isinstance(fact, Snapshot) else event_from_json(fact.kind, text)
        assert again == fact


def test_a_full_snapshot_is_read_back_as_it_was_written() -> None:
    line = Line("1", 2, 3, 4, 5, "sku", "77", ("tag", "תג"), ("summer",), gift_card=True)
    snapshot = replace(
        PAID,
        lines=(line,),
        triggered_at=LATER,
        placed_at_guessed=True,
        paid=False,
        shipping=1,
        shipping_tax=2,
        tip=3,
        tax_included=True,
        test=True,
        country="IL",
        codes=("noa10",),
        click_ids=("clk_1",),
        customers=("gil",),
        former_customers=("dan",),
        customer_new=False,
        handles=("instagram:noa", "tiktok:נועה"),
        contacts=("contact",),
        subscription="s",
        subscribed_at=PLACED - HOUR,
        refund_ids=("r1", "r2"),
        platform_commissions=(PlatformCommission("tiktok:noa", 700),),
    )
    assert says_everything(snapshot)
    assert snapshot_from_json(to_json(snapshot)) == snapshot


@pytest.mark.parametrize(
    "event",
    [
        Refund("r1", LATER, "ILS", (RefundLine("1", 2, 300, 40),), 500, failed=True, amount_with_tax=True),
        Dispute("p1", LATER, "lost", "ILS", 300),
        Decision("d1", LATER, "adjust", "key_1", "as agreed", ("7f",), "noa", "prg", 70, "ILS"),
        Standing("customer:noa", LATER, 2, False, 3, "ord_1", PLACED, "noa", "prg"),
        Cancellation("c1", LATER, undone=True),
        Mention("m1", LATER, ("noa10",), ("clk_1",), ("gil",), ("tiktok:noa",), ("contact@vis_1",)),
        Shadow("ord_1", LATER),
    ],
    ids=lambda event: event.kind,
)
def test_a_full_event_is_read_back_as_it_was_written(event: Event) -> None:
    assert says_everything(event)
    assert event_from_json(event.kind, to_json(event)) == event


def says_everything(fact: Fact) -> bool:
    """Whether no field is left as it is by default: a field that is added one day has to be added here, too."""
    return not [each.name for each in fields(fact) if getattr(fact, each.name) == each.default]


def test_one_fact_has_one_text() -> None:
    """Defaults are left out: a field that is added one day changes no fingerprint of today."""
    partial = Refund("r1", PLACED, "ILS", (RefundLine("1", 1), RefundLine("2", 0, 0)))
    assert to_json(partial) == (
        '{"currency":"ILS","id":"r1","lines":[{"line_id":"1","quantity":1},{"amount":0,"line_id":"2","quantity":0}],'
        '"updated_at":"2026-05-04T12:00:00.000000Z"}'
    )
    assert fingerprint(partial) == fingerprint(replace(partial, amount=0, failed=False))
    assert fingerprint(partial) != fingerprint(replace(partial, failed=True))


def test_a_lost_dispute_is_money_given_back_with_its_tax_under_a_name_of_its_own() -> None:
    lost = Dispute("7", LATER, "lost", "USD", 300)
    assert lost.as_refund() == Refund("dispute:7", LATER, "USD", (), 300, amount_with_tax=True)
    assert replace(lost, amount=None).as_refund().amount == 0


def test_a_fact_is_kept_as_it_was_written() -> None:
    assert '"reason":"בוטל"' in to_json(replace(decision("hold"), reason="בוטל"))
    assert to_json(cancellation()) == '{"id":"orders/delete","updated_at":"2026-05-04T13:00:00.000000Z"}'


def test_an_order_repeats_itself_whatever_older_versions_have_added() -> None:
    """They told when it was placed, that it was paid, who else was named; at what time it is said is no matter."""
    said = replace(GUESS, paid=False, updated_at=LATER + HOUR, triggered_at=LATER)
    known = joined([said], [replace(PAID, customers=("noa",))]).snapshot
    assert known is not None
    assert known != said
    assert repeats(replace(said, updated_at=LATER + 2 * HOUR, triggered_at=None), known)
    assert not repeats(replace(said, country="IL"), known)
    assert not repeats(replace(said, lifecycle=Lifecycle.OPEN), known)


def test_no_event_is_another_kind_of_the_same_name() -> None:
    events = joined([refund("customer:noa", mug=1), Standing("customer:noa", PLACED)])
    assert events.standing("customer:noa") == Standing("customer:noa", PLACED)
    assert joined([refund("customer:noa", mug=1)]).standing("customer:noa") is None


class TestMentions:
    """What another message of the platform carries stands beside the order's own evidence."""

    def test_evidence_of_both_counts_and_the_orders_own_comes_first(self) -> None:
        told = replace(PAID, codes=("noa10",), customers=("gil",), former_customers=("eve", "dan"))
        later = Mention("m2", LATER, ("dan10",), ("clk_2",), ("dan",), ("tiktok:noa",), ("contact@vis_1",))
        earlier = Mention("m1", PLACED, ("eve10", "noa10"), ("clk_1",))
        snapshot = joined([later, told, earlier]).snapshot
        assert snapshot == replace(
            told,
            codes=("noa10", "eve10", "dan10"),
            click_ids=("clk_1", "clk_2"),
            customers=("gil", "dan"),
            former_customers=("eve",),
            handles=("tiktok:noa",),
            contacts=("contact@vis_1",),
        )

    def test_a_newer_snapshot_takes_nothing_of_it_away(self) -> None:
        facts = joined([PAID, Mention("m1", PLACED, ("noa10",))], [replace(PAID, updated_at=LATER)])
        assert facts.snapshot == replace(PAID, updated_at=LATER, codes=("noa10",))

    def test_it_is_no_part_of_what_was_told(self) -> None:
        facts = joined([PAID, Mention("m1", PLACED, ("noa10",))])
        assert facts.told == PAID
        assert facts.with_facts([PAID]) == (facts, ())

    def test_a_newer_word_of_the_same_message_replaces_it(self) -> None:
        facts = joined([PAID, Mention("m1", LATER, ("dan10",)), Mention("m1", PLACED, ("noa10",))])
        assert facts.snapshot == replace(PAID, codes=("dan10",))

    def test_hostile_numbers_are_cut(self) -> None:
        said = [Mention(f"m{number:02}", PLACED, (f"code{number}",)) for number in range(20)]
        facts = joined([replace(PAID, codes=("own",)), *said])
        assert facts.snapshot is not None
        assert facts.snapshot.codes == ("own", *(f"code{number}" for number in range(TOUCH_KEYS_MAX - 1)))

    def test_alone_it_is_no_order(self) -> None:
        assert joined([Mention("m1", PLACED, ("noa10",))]).snapshot is None


def given_back(refund_id: str, at: datetime) -> Refund:
    return Refund(refund_id, at, "ILS", amount=100)


class TestListedRefunds:
    """A platform that lists an order's refunds takes one back by leaving it out."""

    LISTING = replace(PAID, updated_at=LATER, refund_ids=("r1",))

    def test_what_is_listed_counts_and_what_is_not_is_undone(self) -> None:
        one, other = given_back("r1", PLACED), given_back("r2", PLACED)
        assert joined([self.LISTING, one, other]).refunds == [one]
        assert joined([replace(self.LISTING, refund_ids=()), one, other]).refunds == []
        assert joined([replace(self.LISTING, refund_ids=None), one, other]).refunds == [one, other]

    def test_a_refund_that_is_newer_than_the_list_is_not_in_it_yet(self) -> None:
        newer, known = given_back("r2", LATER + HOUR), given_back("r3", LATER)
        assert joined([self.LISTING, newer, known]).refunds == [newer]

    def test_one_that_failed_counts_though_it_is_listed_for_nothing(self) -> None:
        assert joined([self.LISTING, replace(given_back("r1", PLACED), failed=True)]).refunds == []

    def test_a_refund_before_its_order_counts(self) -> None:
        one = given_back("r2", PLACED)
        assert joined([one]).refunds == [one]


def test_what_is_a_shadow_and_no_more_nobody_has_told_of() -> None:
    shadow = Shadow("ord_1", PLACED)
    assert joined([shadow], [Shadow("ord_2", PLACED)]).untold
    for said in (PAID, Refund("r1", PLACED, None, amount=1), Mention("m1", PLACED)):
        assert not joined([shadow, said]).untold
        assert not joined([said]).untold


def test_a_shadow_is_known_whatever_comes_first() -> None:
    assert joined([PAID, Shadow("ord_1", PLACED)]).shadowed
    assert joined([Shadow("ord_1", PLACED)], [PAID]).shadowed
    assert not joined([PAID]).shadowed

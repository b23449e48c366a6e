"""The checker on payouts: whatever is open is in somebody's hands, and what is in nobody's is told by its id."""

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from pynamodb.expressions.update import Action

from tests.payday import HOUR, Payday, key
from tests.standins.paypal import PayPal
from tests.standins.stripe_connect import StripeConnect
from vouch.domain.ledger import PAYOUT_SETTLED
from vouch.service import payees, payout_runs, payouts, verify
from vouch.service.payees import Note
from vouch.store import ledger, open_rows
from vouch.store import payouts as stored_payouts
from vouch.store.tables import CashRow, EntryItem, Main, PayoutItem


def found(day: Payday) -> list[tuple[str, str]]:
    return [(violation.invariant, violation.subject) for violation in day.violations()]


def forget(day: Payday, name: str) -> None:
    """A hand takes that run, or that payout, out of what is under way."""
    Main(open_rows.partition(day.brand.id), name).delete()


def taxed(country: str, withheld: int) -> Note:
    """So much of each ten thousand is withheld for that country."""
    return Note(False, None, country, None, None, None, ..., withheld, None, None)


def test_what_waits_in_a_run_that_has_ended_is_found_once_nobody_can_be_at_work_any_more(day: Payday) -> None:
    paid, waits = day.creator(5_000), day.creator(700)
    run = day.run(paid, waits, rail="csv")
    assert run.status == "completed"
    payout = day.the(waits)
    payout.update([PayoutItem.status.set("created")])
    day.pass_(10 * HOUR)
    assert found(day) == [], "a message of the run may still be at work, the twentieth time that it comes"
    day.pass_(2 * HOUR)
    assert found(day) == [("I12", payout.id)]
    payout_runs.found(day.deployment, day.brand, run.id).delete()
    assert found(day) == [("I12", payout.id)], "nor does anybody come by for a run that is gone"


def test_what_waits_in_a_run_that_is_under_way_waits_however_long(day: Payday) -> None:
    with StripeConnect(day.deployment.now, funds={"USD": 0}) as stripe:
        creators = day.payees(stripe, [5_000] * 2)
        run = day.run(*creators, rail="stripe_connect")
        day.work()
        sent_once, never_sent = (day.the(creator) for creator in creators)
        assert [(each.status, each.tries) for each in (sent_once, never_sent)] == [("created", 1), ("created", 0)]
        day.pass_(100 * HOUR)
        assert found(day) == []
        forget(day, run.id)
        assert found(day) == [("I12", never_sent.id)], "the other one is sent anew by whoever asks after it"
        forget(day, sent_once.id)
        assert sorted(found(day)) == sorted([("I12", never_sent.id), ("I12", sent_once.id)])


@pytest.mark.parametrize("status", ["submitting", "submitted", "unknown"])
def test_what_is_on_its_way_and_nobody_asks_about_is_found(day: Payday, status: str) -> None:
    with PayPal(day.deployment.now) as paypal:
        paypal.slow = True
        creator = day.payee(paypal)
        day.run(creator, rail="paypal")
        day.work()
        payout = day.the(creator)
        payout.update([PayoutItem.status.set(status)])
        assert found(day) == []
        forget(day, payout.id)
        assert found(day) == [("I12", payout.id)]


def test_of_what_is_on_its_way_by_a_file_or_has_ended_nobody_has_to_ask(day: Payday) -> None:
    with StripeConnect(day.deployment.now) as stripe:
        by_file, by_stripe = day.creator(700), day.payee(stripe)
        day.run(by_file, rail="csv")
        day.run(by_stripe, rail="stripe_connect")
        day.work()
        forget(day, day.the(by_stripe).id)
        day.pass_(100 * HOUR)
        assert [day.the(creator).status for creator in (by_file, by_stripe)] == ["submitted", "settled"]
        assert found(day) == []


def test_what_somebody_takes_further_meanwhile_is_in_no_ones_way(day: Payday, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is read as `created`, its run ends, and it is settled before anybody has looked at what is under way."""
    creator = day.creator(700)
    run = day.run(creator, rail="csv")
    payout = day.the(creator)
    payout.update([PayoutItem.status.set("created")])
    day.pass_(4 * HOUR)
    known = open_rows.known

    def overtaken(*asked: object) -> set[str]:
        payout.update([PayoutItem.status.set("submitted"), PayoutItem.version.set(payout.version + 1)])
        return known(*asked)  # type: ignore[arg-type]

    monkeypatch.setattr("vouch.service.verify.open_rows.known", overtaken)
    assert found(day) == []
    assert run.payouts == 1


@pytest.mark.parametrize(
    "hand",
    [
        PayoutItem.rail.set("csv"),
        PayoutItem.fee.set([5, "USD"]),
        PayoutItem.fee.set([0, "USD"]),
        PayoutItem.creator_id.set("cre_another"),
    ],
    ids=["rail", "fee", "fee of nothing", "creator"],
)
def test_what_a_paid_one_says_of_its_rail_its_fee_and_its_creator_is_held_against_the_ledger(
    day: Payday, hand: Action
) -> None:
    with StripeConnect(day.deployment.now) as stripe:
        creator = day.payee(stripe)
        day.run(creator, rail="stripe_connect")
        day.work()
        payout = day.the(creator)
        assert (payout.status, payout.fee, found(day)) == ("settled", None, [])
        payout.update([hand])
        assert dict(found(day)).get("I13") == (None if day.the(creator).fee == [0, "USD"] else payout.id)


@pytest.mark.parametrize("withheld, hand", [(0, None), (1_000, "US"), (1_000, None)])
def test_for_which_tax_office_a_paid_one_says_that_was_withheld_is_held_against_the_ledger(
    day: Payday, withheld: int, hand: str | None
) -> None:
    """What comes back would be taken from the country that it says, and that one's form would be below zero."""
    creator = day.creator(5_000)
    payees.note(day.deployment, day.brand, creator, taxed("IL", withheld), if_match=None)
    day.run(creator, rail="csv")
    payouts.settled_by_hand(day.deployment, day.brand, key(), day.the(creator).id, "A")
    payout = day.the(creator)
    assert (payout.authority, found(day)) == ("IL" if withheld else None, [])
    payout.update([PayoutItem.authority.set(hand) if hand else PayoutItem.authority.remove()])
    assert found(day) == [("I13", payout.id)] * bool(withheld)
    payout.update([PayoutItem.authority.set("IL")])
    assert found(day) == []
    if hand:
        payout.update([PayoutItem.authority.set(hand)])
        payouts.failed_by_hand(day.deployment, day.brand, key(payouts.TO_GIVE), payout.id, "came back")
        assert "I17" in dict(found(day))


@pytest.mark.parametrize(
    "hand, invariant",
    [
        (PayoutItem.status.set("failed"), "I13"),
        (PayoutItem.amount.set(5), "I13"),
        (PayoutItem.creator_id.set("cre_another"), "I13"),
        (PayoutItem.status.set("created"), "I12"),
    ],
    ids=["status", "amount", "creator", "forsaken"],
)
def test_what_the_creators_list_does_not_show_is_held_against_the_ledger_like_what_it_shows(
    day: Payday, hand: Action, invariant: str
) -> None:
    creator, _ = day.creators([700, 900])
    day.run(rail="csv")
    day.pass_(12 * HOUR)
    payout = day.the(creator)
    payout.update([PayoutItem.g2pk.remove(), PayoutItem.g2sk.remove()])
    assert (day.payouts_of(creator), found(day)) == ([], [])
    payout.update([hand])
    assert found(day) == [(invariant, payout.id)]
    payout.delete()
    assert found(day) == [("I13", payout.id)]


@pytest.mark.parametrize("after", [1, 2, 3])
def test_what_the_list_does_not_show_and_goes_on_meanwhile_is_in_no_ones_way(
    day: Payday, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    """It is settled after this many of the account's reads of its ledger, or of what it looks at by its id."""
    creator = day.creator(700)
    day.run(creator, rail="csv")
    payout = day.the(creator)
    payout.update([PayoutItem.g2pk.remove(), PayoutItem.g2sk.remove()])
    settle, turns = payouts.settled_by_hand, count(1)

    def overtaken[**P, T](read: Callable[P, T]) -> Callable[P, T]:
        def then_settled(*args: P.args, **named: P.kwargs) -> T:
            answer = read(*args, **named)
            if next(turns) == after:
                settle(day.deployment, day.brand, key(), payout.id, "A")
            return answer

        return then_settled

    monkeypatch.setattr(verify, "_audited", overtaken(verify._audited))
    monkeypatch.setattr(stored_payouts, "payouts", overtaken(stored_payouts.payouts))
    assert found(day) == []
    assert next(turns) > after
    monkeypatch.undo()
    [settled] = stored_payouts.payouts(day.deployment.database, day.brand.id, [payout.id])
    assert (settled.status, found(day)) == ("settled", [])


@pytest.mark.parametrize("hand", ["of another payout", "of another step", "twice", "later", "of nothing"])
@pytest.mark.parametrize("page", [1, 25])
def test_what_is_noted_of_a_rail_is_held_against_the_ledger(
    day: Payday, monkeypatch: pytest.MonkeyPatch, hand: str, page: int
) -> None:
    """Clearing lists it: a movement that there never was would be looked for in the bank's statement for ever."""
    monkeypatch.setattr(verify, "_ROWS_PER_PAGE", page)
    one, other = day.creators([700, 700])
    day.run(one, other, rail="csv")
    for creator in (one, other):
        payouts.settled_by_hand(day.deployment, day.brand, key(), day.the(creator).id, creator)
    payouts.failed_by_hand(day.deployment, day.brand, key(payouts.TO_GIVE), day.the(one).id, "came back")
    place = f"{day.brand.id}#CASH#csv#{day.currency}"
    rows = list(CashRow.query(place))
    assert (len(rows), found(day)) == (3, [])
    row = next(row for row in rows if row.payout_id == day.the(other).id)
    about: dict[str, Any] = {"payout_id": row.payout_id, "step": row.step, "amount": row.amount}
    match hand:
        case "of another payout":
            row.update([CashRow.payout_id.set(day.the(one).id)])
        case "of another step":
            row.update([CashRow.step.set("return")])
        case "twice":
            row = CashRow(place, f"{row.sk}!", **about)
        case "later":
            row = CashRow(place, f"3{row.sk[1:]}", **about)
        case "of nothing":
            row = CashRow(f"{day.brand.id}#CASH#sepa#{day.currency}", row.sk, **about | {"payout_id": "po_none"})
    row.save()
    assert found(day) == [("I16", row.sk.partition("#")[2])]


@pytest.mark.parametrize(
    "hand",
    [EntryItem.legs.set([["x"]]), EntryItem.legs.set([["cash:csv", -1]]), EntryItem.posted_at.set("long ago")],
    ids=["legs", "sum", "date"],
)
def test_an_entry_that_cannot_be_read_keeps_nothing_else_from_being_checked(day: Payday, hand: Action) -> None:
    creator = day.creator(700)
    day.run(creator, rail="csv")
    payouts.settled_by_hand(day.deployment, day.brand, key(), day.the(creator).id, "TRX 1")
    account = EntryItem.query(ledger.account_key(day.brand.id, creator))
    [settled] = [item for item in account if item.kind == PAYOUT_SETTLED]
    settled.update([hand])
    assert ("I16", settled.id) in found(day)


@pytest.mark.parametrize("currency", ["EU", "EURO", "x", "€"])
def test_an_entry_in_what_is_no_currency_keeps_nothing_else_from_being_checked(day: Payday, currency: str) -> None:
    strange, lost = day.creators([700, 700])
    day.run(strange, lost, rail="csv")
    for creator in (strange, lost):
        payouts.settled_by_hand(day.deployment, day.brand, key(), day.the(creator).id, "TRX 1")
    account = EntryItem.query(ledger.account_key(day.brand.id, strange))
    next(item for item in account if item.kind == "settle").update([EntryItem.currency.set(currency)])
    account = EntryItem.query(ledger.account_key(day.brand.id, lost))
    [settled] = [item for item in account if item.kind == PAYOUT_SETTLED]
    settled.delete()
    said = found(day)
    assert ("I16", settled.id) in said
    assert {invariant for invariant, _ in said} > {"I16"}


@pytest.mark.parametrize("sk", ["soon#ent_1", "2026"])
def test_a_row_that_lies_nowhere_keeps_nothing_else_from_being_checked(day: Payday, sk: str) -> None:
    creator = day.creator(700)
    day.run(creator, rail="csv")
    CashRow(
        f"{day.brand.id}#CASH#csv#{day.currency}", sk, payout_id=day.the(creator).id, step="payment", amount=-5
    ).save()
    assert [invariant for invariant, _ in found(day)] == ["I16"]

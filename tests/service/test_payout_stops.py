"""What stands in a payout's way is that payout's alone, and what is given up, paused or held is so for long enough."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import date, timedelta

import pytest

from tests.payday import HOUR, ComesAgain, Payday, key, tear
from tests.standins.paypal import PayPal
from tests.standins.server import Fault, hangs_up, lost
from tests.standins.stripe_connect import StripeConnect
from vouch.deadlines import InTime
from vouch.domain import ids, times
from vouch.domain.errors import Conflict, Unavailable
from vouch.domain.payouts import CHANGE_HOLD, Destination
from vouch.service import (
    creators,
    mint,
    payees,
    payout_runs,
    payout_settings,
    payouts,
    rail_accounts,
    run_cancelling,
    run_work,
    sending,
)
from vouch.service.creators import CreatorChange
from vouch.service.deployment import Deployment
from vouch.service.payees import Note, Profile
from vouch.service.payout_runs import Wish
from vouch.service.payout_settings import Settings
from vouch.service.reserving import Outcome, Paying
from vouch.store import payout_runs as stored_runs
from vouch.store.database import Database, Key, Refused, Writes
from vouch.store.tables import Balance, Brand, Creator, Item, PayeeItem, PayoutItem


def goes_on(day: Payday, hours: int = 3) -> None:
    """Whatever fails comes again."""
    for _ in range(hours):
        with suppress(ExceptionGroup):
            day.round()
        for _ in range(6):
            with suppress(ComesAgain):
                day.take()
        day.pass_(HOUR)


def test_what_a_rail_has_taken_on_nobody_gives_up_whatever_account_the_brand_has_since(day: Payday) -> None:
    """PayPal pays it a moment later; were it available again, it would be paid twice."""
    with PayPal(day.deployment.now) as first, PayPal(day.deployment.now) as second:
        first.slow = True
        creator = day.payee(first)
        day.run(creator, rail="paypal")
        day.work()
        assert day.the(creator).status == "submitted"
        day.set_up("paypal", second.settings | {"client_id": "another", "client_secret": "x"})
        with pytest.raises(Conflict):
            sending.given_up(day.deployment, day.brand, key(), day.the(creator).id, "?", in_time=lambda: True)
        assert day.sums(creator) == (0, 5_000, 0)


def test_an_old_failure_does_not_pause_what_was_mended(day: Payday) -> None:
    with PayPal(day.deployment.now) as paypal:
        paypal.slow = True
        pair = day.payees(paypal, [5_000] * 2)
        day.run(*pair, rail="paypal")
        day.work()
        told = [paypal.becomes(day.the(creator).id, "FAILED", "INSUFFICIENT_FUNDS") for creator in pair]
        assert day.call_back("paypal", told[0]) == 200
        day.work()
        assert rail_accounts.account(day.deployment, day.brand.id, "paypal").paused == "insufficient_funds"
        rail_accounts.resumed(day.deployment, day.brand, "paypal", if_match=None)
        day.pass_(12 * HOUR)
        day.round()
        day.work()
        assert [day.the(creator).status for creator in pair] == ["failed", "failed"]
        assert rail_accounts.account(day.deployment, day.brand.id, "paypal").paused is None


@pytest.mark.parametrize("how", ["payouts_held", "run_cancelled"])
def test_a_call_that_never_arrived_is_not_made_anew_once_nothing_shall_be_sent_any_more(day: Payday, how: str) -> None:
    """It fails once Stripe shows that there is no transfer, and no call of ours can still be on its way."""
    with StripeConnect(day.deployment.now, funds={"USD": 0}) as stripe:
        creators = day.payees(stripe, [5_000] * 2)
        stripe.faults.append(hangs_up)
        run = day.run(*creators, rail="stripe_connect")
        while "unknown" not in {day.the(each).status for each in creators}:
            day.take()
        [creator] = [each for each in creators if day.the(each).status == "unknown"]
        stripe.funds = {"USD": 10_000}
        if how == "run_cancelled":
            run_cancelling.cancelled(day.deployment, day.brand, run.id, in_time=lambda: True)
        else:
            day.hold(creator)
        rail_accounts.resumed(day.deployment, day.brand, "stripe_connect", if_match=None)
        payout_id = day.the(creator).id
        for pause, status in ((timedelta(), "unknown"), (sending.LEASE, "failed")):
            day.pass_(pause)
            assert sending.looked(day.deployment, day.brand, payout_id, in_time=lambda: True).status == status
        payout = day.the(creator)
        assert (payout.reason, payout.tries, day.sums(creator)) == (how, 1, (5_000, 0, 0))
        assert stripe.movements == {}


def test_what_arrived_though_nobody_was_told_is_found_in_spite_of_a_hold(day: Payday) -> None:
    with StripeConnect(day.deployment.now) as stripe:
        creator = day.payee(stripe)
        day.call(stripe, creator, lost)
        day.hold(creator)
        goes_on(day, 1)
        assert (day.the(creator).status, day.sums(creator)) == ("settled", (0, 0, 5_000))


@pytest.mark.parametrize("fault", [hangs_up, lost])
def test_a_hold_leaves_open_what_only_the_call_itself_would_show(day: Payday, fault: Fault) -> None:
    """PayPal cannot be looked at before it has named the payment. Released, the same call finds it, or makes it."""
    with PayPal(day.deployment.now) as paypal:
        creator = day.payee(paypal)
        day.call(paypal, creator, fault)
        day.hold(creator)
        goes_on(day, 30)
        payout = day.the(creator)
        assert (payout.status, payout.tries) == ("unknown", 1)
        with pytest.raises(Conflict):
            sending.given_up(day.deployment, day.brand, key(), payout.id, "held", in_time=lambda: True)
        day.hold(creator, held=False)
        goes_on(day, 13)
        assert day.the(creator).status == "settled"
        assert [len(made) for made in paypal.movements.values()] == [1]


def test_a_hold_soon_stops_what_waits_to_be_sent(day: Payday) -> None:
    """Releasing it again sends nothing of it: it is gone by then, though its rail is paused."""
    with StripeConnect(day.deployment.now, funds={"USD": 0}) as stripe:
        creator, other = day.payees(stripe, [5_000] * 2)
        day.run(creator, other, rail="stripe_connect")
        day.work()
        assert [day.the(each).status for each in (creator, other)] == ["created", "created"]
        day.hold(creator)
        sending.look_at_waiting(day.deployment, day.brand, creator)
        day.work()
        assert (day.the(creator).status, day.the(creator).reason) == ("failed", "payouts_held")
        assert (day.the(other).status, day.sums(creator)) == ("created", (5_000, 0, 0))


def test_what_waits_is_sent_as_soon_as_its_rail_is_resumed(day: Payday) -> None:
    """Not only by a round: what was tried a moment before the last one would wait for more than an hour."""
    with StripeConnect(day.deployment.now, funds={"USD": 0}) as stripe:
        creators = day.payees(stripe, [5_000] * 2)
        day.run(*creators, rail="stripe_connect")
        day.work()
        stripe.funds = {"USD": 10_000}
        day.work()
        assert [day.the(each).status for each in creators] == ["created", "created"]
        rail_accounts.resumed(day.deployment, day.brand, "stripe_connect", if_match=None)
        day.work()
        assert [day.the(each).status for each in creators] == ["settled", "settled"]


def test_a_resumed_rail_sends_nothing_of_a_cancelled_run(day: Payday) -> None:
    with StripeConnect(day.deployment.now, funds={"USD": 0}) as stripe:
        creator = day.payee(stripe)
        run = day.run(creator, rail="stripe_connect")
        day.work()
        run_cancelling.cancelled(day.deployment, day.brand, run.id, in_time=lambda: True)
        stripe.funds = {"USD": 10_000}
        rail_accounts.resumed(day.deployment, day.brand, "stripe_connect", if_match=None)
        day.work()
        assert (day.the(creator).status, stripe.movements) == ("failed", {})


def test_a_look_at_no_payout_comes_to_nothing(day: Payday) -> None:
    sending.look_soon(day.deployment, day.brand, ids.derived("po_", "none"), seconds=0)
    assert day.take()


class Killed(BaseException):
    """The process died."""


def test_a_payout_at_which_the_process_dies_keeps_no_other_waiting(
    day: Payday, monkeypatch: pytest.MonkeyPatch
) -> None:
    with PayPal(day.deployment.now) as paypal:
        paypal.slow = True
        creators = day.payees(paypal, [5_000] * 4)
        day.run(*creators, rail="paypal")
        day.work()
        deadly, *others = sorted(day.the(each).id for each in creators)
        really = sending.looked

        def looked(deployment: Deployment, brand: Brand, payout_id: str, *, in_time: InTime) -> PayoutItem:
            if payout_id == deadly:
                raise Killed
            return really(deployment, brand, payout_id, in_time=in_time)

        monkeypatch.setattr(sending, "looked", looked)
        paypal.slow = False
        for _ in range(2):
            day.pass_(HOUR)
            with suppress(Killed):
                day.round()
        by_id = {day.the(each).id: day.the(each).status for each in creators}
        assert by_id == {deadly: "submitted"} | dict.fromkeys(others, "settled")


def test_one_creators_broken_books_keep_no_other_from_having_theirs_back(day: Payday) -> None:
    with StripeConnect(day.deployment.now) as stripe:
        broken, sound = day.payees(stripe, [5_000] * 2)
        version = rail_accounts.account(day.deployment, day.brand.id, "stripe_connect").version
        rail_accounts.pause(day.deployment, day.brand.id, "stripe_connect", version=version, reason="refused")
        item = tear(day, broken)
        run = day.run(broken, sound, rail="stripe_connect")
        assert day.the(sound).status == "created"
        run_cancelling.cancelled(day.deployment, day.brand, run.id, in_time=lambda: True)
        assert (day.the(sound).status, day.sums(sound)) == ("failed", (5_000, 0, 0))
        item.delete()
        goes_on(day)
        assert stored_runs.under_way(day.deployment.database, day.brand.id) == []


def test_one_creators_broken_books_keep_no_other_from_being_paid(day: Payday) -> None:
    with StripeConnect(day.deployment.now) as stripe:
        broken, sound = day.payees(stripe, [5_000] * 2)
        day.run(broken, sound, rail="stripe_connect")
        tear(day, broken)
        day.hold(broken)
        goes_on(day, 1)
        assert (day.the(sound).status, day.the(broken).status) == ("settled", "created")


def test_what_an_earlier_try_reserved_is_sent_though_the_next_one_cannot_read_the_creator(
    day: Payday, monkeypatch: pytest.MonkeyPatch
) -> None:
    with StripeConnect(day.deployment.now) as stripe:
        first, second = day.payees(stripe, [5_000] * 2)
        really, seen = Paying.reserved, list[str]()

        def reserved(self: Paying, profile: Profile) -> list[Outcome]:
            seen.append(profile.creator.id)
            if len(seen) == 2:
                raise Unavailable
            if len(seen) == 3:
                raise ValueError
            return really(self, profile)

        monkeypatch.setattr(Paying, "reserved", reserved)
        with pytest.raises(Unavailable):
            day.run(first, second, rail="stripe_connect")
        day.pass_(HOUR)
        goes_on(day)
        assert (day.the(first).status, day.the(second).status) == ("settled", "settled")


def test_looks_do_not_multiply(day: Payday) -> None:
    with PayPal(day.deployment.now) as paypal:
        paypal.linked = False
        creator = day.payee(paypal)
        paypal.faults.append(lost)
        day.run(creator, rail="paypal")
        for _ in range(6):
            goes_on(day, 1)
        assert not day.deployment.sqs.sent[day.deployment.settings.pay_queue_url]
        assert day.the(creator).tries < 9


def to(name: str) -> Destination:
    return Destination("paypal", "", {"email": f"{name}@payee.test"})


def test_whoever_uses_all_changes_up_is_held_until_another_may_undo_them(day: Payday) -> None:
    creator = day.creator(5_000)
    for number in range(6):
        payees.method_set(day.deployment, day.brand, creator, to(f"thief{number}"), if_match=None)
    first_change = day.deployment.now()
    known = payees.profile(day.deployment, day.brand.id, creator).payee
    assert known.changed_at == first_change + CHANGE_HOLD
    item = payees.method(day.deployment, day.brand, creator)
    day.pass_(CHANGE_HOLD)
    assert payees.hold_ends(day.deployment, day.brand, item) == first_change + 2 * CHANGE_HOLD
    payees.method_set(day.deployment, day.brand, creator, to("owner"), if_match=None)


def test_a_first_method_does_not_end_the_hold_of_a_new_address(day: Payday) -> None:
    creator = day.creator(5_000)
    creators.changed(day.deployment, day.brand, creator, CreatorChange(email="thief@x.test"), if_match=None)
    assert payees.profile(day.deployment, day.brand.id, creator).payee.changed_at is not None
    payees.method_set(day.deployment, day.brand, creator, to("thief"), if_match=None)
    assert payees.profile(day.deployment, day.brand.id, creator).payee.changed_at == day.deployment.now()


@pytest.mark.parametrize("paid", [True, False])
def test_a_first_method_waits_for_who_was_paid_and_not_for_whose_run_was_called_off(day: Payday, paid: bool) -> None:
    creator = day.creator(5_000)
    assert day.run(creator, rail="csv").status == "completed"
    if paid:
        payouts.settled_by_hand(day.deployment, day.brand, key(), day.the(creator).id, "1")
    else:
        payouts.failed_by_hand(day.deployment, day.brand, key(), day.the(creator).id, "no")
    item = payees.method_set(day.deployment, day.brand, creator, to("first"), if_match=None)
    assert item.changed_at == (times.text(day.deployment.now()) if paid else None)


def paid_by_list(day: Payday, run_id: str) -> list[str]:
    """The addresses in the run's file."""
    return [row["email"] for row in day.rows(run_id)]


def move(day: Payday, creator: str, email: str) -> None:
    creators.changed(day.deployment, day.brand, creator, CreatorChange(email=email), if_match=None)


@pytest.mark.parametrize("moved_before", [False, True])
def test_a_list_names_the_address_that_was_looked_at_though_it_changes_before_the_list_is_written(
    day: Payday, moved_before: bool
) -> None:
    """Without a method it may be all that says whom to pay, and who moves it behind the look would not wait."""
    creator = day.creator(5_000)
    if moved_before:
        move(day, creator, "noa@x.test")
        day.pass_(CHANGE_HOLD)
    looked_at = payees.profile(day.deployment, day.brand.id, creator).creator.email
    run = day.reserved(creator, rail="csv")
    assert (run.status, day.the(creator).status) == ("writing", "created")
    for number in range(2):
        move(day, creator, f"thief{number}@x.test")
        day.pass_(timedelta(minutes=1))
    day.work()
    assert paid_by_list(day, run.id) == [looked_at]


def test_a_list_tells_addresses_of_one_moment_apart(day: Payday) -> None:
    """The clock of a test brand stands still: what changes before a payout is made and after it has the same time."""
    creator = day.creator(5_000, "sepa")
    move(day, creator, "noa@x.test")
    run = day.reserved(creator, rail="csv")
    assert day.the(creator).status == "created"
    move(day, creator, "thief@x.test")
    day.work()
    assert paid_by_list(day, run.id) == ["noa@x.test"]


def certified(last_day: date) -> Note:
    """Five percent are withheld, by a certificate that holds to the end of that day."""
    return Note(
        held=False,
        held_reason=None,
        country="IL",
        entity=None,
        tax_form=None,
        tax_form_expires_on=None,
        tax_id=...,
        withholding_bps=500,
        tax_certificate="2026/4471",
        tax_certificate_expires_on=last_day,
    )


@pytest.mark.parametrize("dry_run", [True, False])
@pytest.mark.parametrize("time_zone, skipped", [("UTC", None), ("Pacific/Kiritimati", "tax_certificate_expired")])
def test_a_run_tells_whose_certificate_has_expired_by_the_brands_own_day(
    day: Payday, time_zone: str, skipped: str | None, dry_run: bool
) -> None:
    """On Kiritimati it is tomorrow already."""
    said = Settings(time_zone, tax_form_required=False, currencies={})
    payout_settings.changed(day.deployment, day.brand, said, if_match=None)
    creator = day.creator(5_000)
    payees.note(day.deployment, day.brand, creator, certified(day.deployment.now().date()), if_match=None)
    wish = Wish("csv", None, [creator], dry_run=dry_run)
    run = payout_runs.started(day.deployment, mint.fresh(day.deployment), day.brand, wish)
    run = run_work.gone_on(day.deployment, day.brand, run, in_time=lambda: True)
    [outcome] = payout_runs.outcomes(day.deployment, run, day.brand, cursor=None).items
    assert (outcome.skipped, outcome.withheld) == (skipped, 0 if skipped else 250)
    assert day.sums(creator)[1] == (0 if skipped or dry_run else 5_000)


def test_a_certificate_that_expires_while_a_rail_is_paused_stops_what_waits_there(day: Payday) -> None:
    """Its rate was right when the payout was made, and is not any more when it would be paid."""
    today = day.deployment.now().date()
    with StripeConnect(day.deployment.now) as stripe:
        expiring, lasting = day.payees(stripe, [5_000] * 2)
        payees.note(day.deployment, day.brand, expiring, certified(today), if_match=None)
        payees.note(day.deployment, day.brand, lasting, certified(today + timedelta(days=365)), if_match=None)
        version = rail_accounts.account(day.deployment, day.brand.id, "stripe_connect").version
        rail_accounts.pause(day.deployment, day.brand.id, "stripe_connect", version=version, reason="refused")
        day.run(expiring, lasting, rail="stripe_connect")
        day.work()
        assert [(day.the(each).status, day.the(each).withheld) for each in (expiring, lasting)] == [
            ("created", 250)
        ] * 2
        day.pass_(24 * HOUR)
        rail_accounts.resumed(day.deployment, day.brand, "stripe_connect", if_match=None)
        goes_on(day, 1)
        assert (day.the(expiring).status, day.the(expiring).reason) == ("failed", "tax_certificate_expired")
        assert day.sums(expiring) == (5_000, 0, 0)
        assert day.the(lasting).status == "settled"
        assert list(stripe.movements) == [day.the(lasting).id]


def taxed(day: Payday, creator: str) -> None:
    said = Note(False, None, "US", None, None, None, None, 3_000, None, None)
    payees.note(day.deployment, day.brand, creator, said, if_match=None)


def moved(day: Payday, creator: str) -> None:
    move(day, creator, "elsewhere@example.test")


def redirected(day: Payday, creator: str) -> None:
    to = Destination("paypal", "new", {"email": "new@payee.test"})
    payees.method_set(day.deployment, day.brand, creator, to, if_match=None)


@pytest.mark.parametrize(
    "change, rail, skipped",
    [
        (taxed, "csv", None),
        (Payday.hold, "csv", "payouts_held"),
        (moved, "csv", "payout_method_on_hold"),
        (redirected, "paypal", "payout_method_on_hold"),
    ],
)
def test_what_is_said_of_a_creator_while_others_are_reserved_counts_for_them(
    day: Payday,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[Payday, str], object],
    rail: str,
    skipped: str | None,
) -> None:
    """Fifty are read at once, and each is reserved later: by then the brand may have been told that it is noted."""
    pair = day.creators([1_000, 1_000], rail)
    reserving, late = Paying.reserved, list[str]()

    def overtaken(paying: Paying, profile: Profile) -> list[Outcome]:
        found = reserving(paying, profile)
        if not late:
            late.extend(creator for creator in pair if creator != profile.creator.id)
            change(day, late[0])
        return found

    monkeypatch.setattr(Paying, "reserved", overtaken)
    run = day.reserved(*pair, rail="csv")
    outcomes = {
        each.creator_id: each for each in payout_runs.outcomes(day.deployment, run, day.brand, cursor=None).items
    }
    told = outcomes[late[0]]
    assert (told.skipped, told.withheld) == (skipped, 0 if skipped else 300)
    assert [each.withheld for each in day.payouts_of(late[0])] == ([] if skipped else [300])


def test_a_change_in_the_moment_in_which_many_are_read_counts(day: Payday, monkeypatch: pytest.MonkeyPatch) -> None:
    """One request for many items is no snapshot: it may show that there was a change, and not the change itself."""
    early, late = day.creators([1_000, 1_000])
    reading, changed = Database.get_many, list[str]()

    def overtaken(database: Database, keys: Iterable[Key]) -> dict[tuple[str, str | None], Item]:
        asked = list(keys)
        people = [key for key in asked if key[0] is Creator]
        found = reading(database, [key for key in asked if key not in people])
        if len(people) == 2 and not changed:
            changed.append(late)
            taxed(day, late)
        return found | reading(database, people)

    monkeypatch.setattr(Database, "get_many", overtaken)
    day.reserved(early, late, rail="csv")
    assert changed
    assert (day.the(early).withheld, day.the(late).withheld) == (0, 300)


def test_so_does_one_in_the_moment_in_which_somebody_is_read_anew(day: Payday, monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind a change the creator is read anew, and a try that then loses its race goes on with what was read."""
    creator = day.creator(1_000)
    reading, committing, stages = Database.get_many, Database.commit, list[str]()

    def overtaken(database: Database, keys: Iterable[Key]) -> dict[tuple[str, str | None], Item]:
        asked = list(keys)
        people = [key for key in asked if key[0] is Creator]
        beside = [key for key in asked if key not in people]
        found = reading(database, beside)
        if stages == ["many"] and people:
            stages.append("anew")
            taxed(day, creator)
        found |= reading(database, people)
        if not stages and not people and any(key[0] is PayeeItem for key in beside):
            said = Note(False, None, "US", None, None, None, None, 1_000, None, None)
            with monkeypatch.context() as patch:
                patch.setattr(Database, "get_many", reading)
                payees.note(day.deployment, day.brand, creator, said, if_match=None)
            stages.append("many")
        return found

    def loses_once(database: Database, writes: Writes) -> None:
        if stages == ["many", "anew"] and any(isinstance(item, Balance) for item, _ in writes._puts):
            stages.append("lost")
            raise Refused([])
        committing(database, writes)

    monkeypatch.setattr(Database, "get_many", overtaken)
    monkeypatch.setattr(Database, "commit", loses_once)
    day.reserved(creator, rail="csv")
    assert stages == ["many", "anew", "lost"]
    assert day.the(creator).withheld == 300

"""Who says what became of a payout that a rail was called for: the rail, or a person in its place where it is safe."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.payday import DAY, HOUR, MINUTE, Payday, key
from tests.standins.paypal import PayPal
from tests.standins.server import Asked, Fault, Told, busy, failing, hangs_up, lost
from tests.standins.stripe_connect import StripeConnect
from vouch import telemetry
from vouch.domain.errors import Conflict, Forbidden
from vouch.service import payouts, rail_accounts, sending
from vouch.service.deployment import Deployment
from vouch.service.payouts import News
from vouch.store import versions
from vouch.store.database import Writes
from vouch.store.tables import ApiKey, Brand, PayoutItem

CLERK, BOOKKEEPER = key(), key(payouts.TO_GIVE)
ANOTHER = ApiKey("", "", id="key_another", scopes=[payouts.TO_GIVE])
Word = Callable[[Payday, PayoutItem, ApiKey], PayoutItem]


def not_paid(day: Payday, item: PayoutItem, by: ApiKey, *, if_match: int | None = None) -> PayoutItem:
    """`if_match` is a version of it."""
    said = "never arrived"
    return sending.given_up(day.deployment, day.brand, by, item.id, said, if_match=if_match, in_time=lambda: True)


def paid(day: Payday, item: PayoutItem, by: ApiKey) -> PayoutItem:
    return sending.taken_for_paid(day.deployment, day.brand, by, item.id, "TX 1", in_time=lambda: True)


@contextmanager
def mismatched(day: Payday, amount: int = 4_999) -> Iterator[tuple[StripeConnect, dict[str, Any], str]]:
    """Stripe made a transfer of that amount instead of 5000: itself, the transfer, and the creator."""
    with StripeConnect(day.deployment.now) as stripe:
        creator = day.payee(stripe)
        day.call(stripe, creator, lost)
        [transfer] = stripe.transfers.values()
        transfer["amount"] = amount
        day.work()
        assert (day.the(creator).status, day.the(creator).reason) == ("unknown", "amount_mismatch")
        yield stripe, transfer, creator


def go_elsewhere(day: Payday, rail: str, settings: dict[str, str], how: str) -> None:
    """The account that sent it is gone; where it is `removed`, another one is set up later."""
    if how == "removed":
        rail_accounts.removed(day.deployment, day.brand, rail, if_match=None)
    else:
        day.set_up(rail, settings)


# --- that it was not paid ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["swapped", "removed"])
def test_what_a_rail_has_shown_to_be_paid_is_given_up_by_no_word_whatever_account_there_is_since(
    day: Payday, how: str
) -> None:
    """It would be available again, and the next run would pay it a second time."""
    with mismatched(day, 5_001) as (first, transfer, creator), StripeConnect(day.deployment.now) as second:
        second.accounts = dict(first.accounts)
        day.pass_(DAY)
        go_elsewhere(day, "stripe_connect", second.settings, how)
        for by in (CLERK, BOOKKEEPER):
            with pytest.raises(Conflict):
                not_paid(day, day.the(creator), by)
        day.set_up("stripe_connect", second.settings)
        day.run(creator, rail="stripe_connect")
        day.work()
        assert second.movements == {}
        day.set_up("stripe_connect", first.settings)
        with pytest.raises(Conflict):
            not_paid(day, day.the(creator), BOOKKEEPER)
        del first.transfers[transfer["id"]]
        assert not_paid(day, day.the(creator), CLERK).status == "failed", "the account that sent it has no such payment"


def test_an_answer_that_cannot_be_read_may_have_been_a_payment(day: Payday) -> None:
    with StripeConnect(day.deployment.now) as first, StripeConnect(day.deployment.now) as second:
        creator = day.payee(first)
        day.call(first, creator, lost)
        [transfer] = first.transfers.values()
        transfer["object"] = "payment"
        day.work()
        assert (day.the(creator).status, day.the(creator).reason) == ("unknown", "rail_answer_unreadable")
        version = day.the(creator).version
        day.pass_(DAY)
        day.round()
        assert day.the(creator).version == version, "what is known already is no news"
        day.set_up("stripe_connect", second.settings)
        with pytest.raises(Conflict):
            not_paid(day, day.the(creator), BOOKKEEPER)


def garbled(asked: Asked, answer: Callable[[], Told]) -> Told:
    """It takes effect, and what is said of it nobody can read."""
    return Told(answer().status, b"<html>Welcome to PayPal</html>")


@pytest.mark.parametrize("later", [busy(status=503), hangs_up], ids=["busy", "no answer"])
def test_an_answer_that_could_not_be_read_is_not_forgotten_over_what_came_after_it(day: Payday, later: Fault) -> None:
    """PayPal has paid, and has forgotten the key by the time that somebody gives the payout up."""
    with PayPal(day.deployment.now) as paypal:
        creator = day.payee(paypal, 700)
        day.call(paypal, creator, garbled)
        assert (day.the(creator).status, day.the(creator).reason) == ("unknown", "rail_answer_unreadable")
        paypal.faults.extend([later] * 100)
        for _ in range(3):
            day.pass_(HOUR)
            day.round()
        assert day.the(creator).reason != "rail_answer_unreadable"
        day.pass_(30 * DAY)
        for by in (CLERK, BOOKKEEPER):
            with pytest.raises(Conflict):
                not_paid(day, day.the(creator), by)
        assert day.sums(creator) == (0, 700, 0)
        assert [len(made) for made in paypal.movements.values()] == [1]


def test_of_what_left_no_trace_at_an_account_that_is_gone_the_word_is_enough(day: Payday) -> None:
    with StripeConnect(day.deployment.now) as first, StripeConnect(day.deployment.now) as second:
        creator = day.payee(first)
        day.call(first, creator, lost)
        day.set_up("stripe_connect", second.settings)
        with pytest.raises(Conflict):
            not_paid(day, day.the(creator), CLERK)
        day.pass_(DAY)
        assert not_paid(day, day.the(creator), CLERK).status == "failed"


def test_of_a_call_that_may_still_be_under_way_no_word_counts(day: Payday, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its window is over, and Stripe may take it all the same."""
    with StripeConnect(day.deployment.now) as stripe:
        creator = day.payee(stripe)
        monkeypatch.setattr(stripe, "strikes", lambda asked: asked.method == "POST")
        day.call(stripe, creator, hangs_up, hangs_up)
        day.pass_(22 * HOUR + 59 * MINUTE)
        sending.looked(day.deployment, day.brand, day.the(creator).id, in_time=lambda: True)
        assert (day.the(creator).status, day.the(creator).tries) == ("unknown", 2)
        day.pass_(2 * MINUTE)
        with pytest.raises(Conflict):
            not_paid(day, day.the(creator), CLERK)
        day.pass_(10 * MINUTE)
        assert not_paid(day, day.the(creator), CLERK).status == "failed"


def test_a_hold_proves_nothing_of_a_payment_that_was_seen(day: Payday) -> None:
    """Stripe showed it once, so that it shows none now is no proof that the call never arrived."""
    with mismatched(day) as (stripe, transfer, creator):
        day.hold(creator)
        del stripe.transfers[transfer["id"]]
        for _ in range(12):
            day.pass_(HOUR)
            day.round()
            day.work()
        assert (day.the(creator).status, stripe.movements) == ("unknown", {})


# --- another amount than ours -----------------------------------------------------------------------------------------


def test_what_came_back_whole_ends_a_payout_whatever_amount_it_was(day: Payday) -> None:
    with mismatched(day) as (stripe, _, creator):
        assert day.call_back("stripe_connect", stripe.reverse(day.the(creator).id)) == 200
        day.work()
        payout = day.the(creator)
        assert (payout.status, payout.reason, payout.carried) == ("failed", "reversed", [4_999, "USD"])
        assert day.sums(creator) == (5_000, 0, 0)


def test_what_failed_ends_a_payout_whatever_amount_it_was(day: Payday) -> None:
    with PayPal(day.deployment.now) as paypal:
        paypal.slow = True
        creator = day.payee(paypal, 700)
        day.run(creator, rail="paypal")
        day.work()
        paypal.item(day.the(creator).id).said["amount"]["value"] = "7.01"
        day.pass_(HOUR)
        day.round()
        assert (day.the(creator).status, day.the(creator).reason) == ("submitted", "amount_mismatch")
        told = paypal.becomes(day.the(creator).id, "FAILED", "RECEIVER_ACCOUNT_LOCKED")
        assert day.call_back("paypal", told) == 200
        day.work()
        assert (day.the(creator).status, day.sums(creator)) == ("failed", (700, 0, 0))


@pytest.mark.parametrize("amount", [4_999, 5_001])
def test_another_amount_is_taken_for_paid_by_who_may_give_and_is_booked_as_ours(
    day: Payday, monkeypatch: pytest.MonkeyPatch, amount: int
) -> None:
    """What was reserved is paid, no more and no less, and nobody is alarmed by that amount any more."""
    rung = list[str]()
    with mismatched(day, amount) as (stripe, transfer, creator):
        monkeypatch.setattr(telemetry, "count", rung.append)
        with pytest.raises(Forbidden):
            paid(day, day.the(creator), CLERK)
        with pytest.raises(Conflict):
            not_paid(day, day.the(creator), BOOKKEEPER)
        transfer["amount"] = 5_000
        with pytest.raises(Conflict):
            paid(day, day.the(creator), BOOKKEEPER)
        transfer["amount"] = amount
        payout = paid(day, day.the(creator), BOOKKEEPER)
        assert (payout.status, payout.reference, payout.told_by) == ("settled", "TX 1", "key_clerk")
        assert (payout.carried, payout.names) == ([amount, "USD"], {"transfer": transfer["id"]})
        assert day.sums(creator) == (0, 0, 5_000)
        assert paid(day, payout, CLERK).version == payout.version, "the same word again"
        assert day.call_back("stripe_connect", stripe.callbacks[0]) == 200
        day.work()
        assert (day.the(creator).version, rung) == (payout.version, [])
        assert day.violations() == []
        assert day.call_back("stripe_connect", stripe.reverse(payout.id)) == 200
        day.work()
        assert (day.the(creator).status, day.sums(creator)) == ("returned", (5_000, 0, 0))
        assert day.the(creator).told_by == "key_clerk", "whose word it was stays"


def test_what_is_still_on_its_way_with_another_amount_is_not_paid_yet(day: Payday) -> None:
    with PayPal(day.deployment.now) as paypal:
        paypal.slow = True
        creator = day.payee(paypal, 700)
        day.run(creator, rail="paypal")
        day.work()
        item = paypal.item(day.the(creator).id)
        item.said["amount"]["value"] = "7.01"
        with pytest.raises(Conflict):
            paid(day, day.the(creator), BOOKKEEPER)
        paypal.becomes(day.the(creator).id, "SUCCESS")
        payout = paid(day, day.the(creator), BOOKKEEPER)
        assert (payout.status, payout.carried, payout.fee) == ("settled", [701, "USD"], [25, "USD"])
        assert day.sums(creator) == (0, 0, 700)


# --- what nobody else will tell ---------------------------------------------------------------------------------------


@contextmanager
def on_its_way(day: Payday) -> Iterator[tuple[PayPal, PayPal, str]]:
    """PayPal has taken it on and is slow; the account, another one, and the creator."""
    with PayPal(day.deployment.now) as first, PayPal(day.deployment.now) as second:
        first.slow, second.client_id = True, "another"
        creator = day.payee(first, 700)
        day.run(creator, rail="paypal")
        day.work()
        assert day.the(creator).status == "submitted"
        yield first, second, creator


@pytest.mark.parametrize("word, status", [(paid, "settled"), (not_paid, "failed")], ids=["paid", "not paid"])
@pytest.mark.parametrize("how", ["swapped", "removed"])
def test_after_forty_days_who_may_give_says_what_became_at_an_account_that_is_gone(
    day: Payday, how: str, word: Word, status: str
) -> None:
    with on_its_way(day) as (_, second, creator):
        go_elsewhere(day, "paypal", second.settings, how)
        day.pass_(40 * DAY - HOUR)
        with pytest.raises(Conflict):
            word(day, day.the(creator), BOOKKEEPER)
        day.pass_(HOUR)
        with pytest.raises(Forbidden):
            word(day, day.the(creator), CLERK)
        payout = word(day, day.the(creator), BOOKKEEPER)
        assert (payout.status, payout.told_by) == (status, "key_clerk")
        assert (payout.reference, payout.reason)[status == "failed"] in ("TX 1", "never arrived")
        assert day.sums(creator) == ((0, 0, 700) if status == "settled" else (700, 0, 0))
        assert day.violations() == []
        day.pass_(DAY)
        day.round()
        day.work()
        assert (day.the(creator).status, second.movements) == (status, {})


@contextmanager
def left_to_two(day: Payday) -> Iterator[tuple[PayPal, str]]:
    """Two people have to say what became of it: PayPal, whose account the brand has taken away, and the creator."""
    day.limit_to(699)
    with on_its_way(day) as (paypal, _, creator):
        day.pass_(50 * DAY)
        rail_accounts.removed(day.deployment, day.brand, "paypal", if_match=None)
        yield paypal, creator


def test_the_first_of_two_words_said_again_is_no_news_whatever_the_rail_says_by_now(day: Payday) -> None:
    with left_to_two(day) as (paypal, creator):
        before = day.the(creator)
        said = not_paid(day, before, BOOKKEEPER, if_match=before.version)
        assert said.fail_asked[0] == "key_clerk"
        assert not_paid(day, before, BOOKKEEPER, if_match=before.version).version == said.version
        day.set_up("paypal", paypal.settings)
        paypal.everywhere = True
        paypal.faults.append(failing(503, b""))
        assert not_paid(day, before, BOOKKEEPER).version == said.version
        with pytest.raises(Conflict, match="payout_told_by_rail"):
            not_paid(day, before, ANOTHER)
        assert not paypal.faults


def test_a_first_word_is_answered_by_the_limit_by_which_it_was_noted(
    day: Payday, monkeypatch: pytest.MonkeyPatch
) -> None:
    with left_to_two(day) as (_, creator):
        failing_it = payouts.failed

        def overtaken(*some: Any, **said: Any) -> PayoutItem:
            item = failing_it(*some, **said)
            day.limit_to(700)
            return item

        with monkeypatch.context() as patch:
            patch.setattr(payouts, "failed", overtaken)
            assert not_paid(day, day.the(creator), BOOKKEEPER).fail_asked
        assert not_paid(day, day.the(creator), BOOKKEEPER).status == "failed"


def test_a_word_that_has_lapsed_is_not_taken_for_one_that_came_too_late(
    day: Payday, monkeypatch: pytest.MonkeyPatch
) -> None:
    with left_to_two(day) as (_, creator):
        assert not_paid(day, day.the(creator), BOOKKEEPER).fail_asked
        day.pass_(8 * DAY)
        asked = sending._asked_for

        def asked_while_it_changes(*some: Any) -> Any:
            answer, item, writes = asked(*some), day.the(creator), Writes()
            versions.put(writes, item)
            day.deployment.database.commit(writes)
            return answer

        with monkeypatch.context() as patch:
            patch.setattr(sending, "_asked_for", asked_while_it_changes)
            with pytest.raises(Conflict, match="payout_told_by_rail"):
                not_paid(day, day.the(creator), BOOKKEEPER)
        assert not_paid(day, day.the(creator), ANOTHER).fail_asked[0] == "key_another", "of the lapsed one none is left"


def test_that_more_than_the_limit_was_not_paid_is_said_by_two_of_what_was_seen_on_its_way(day: Payday) -> None:
    with on_its_way(day) as (_, second, creator):
        day.limit_to(699)
        day.set_up("paypal", second.settings)
        day.pass_(40 * DAY)
        payout = not_paid(day, day.the(creator), BOOKKEEPER)
        assert not_paid(day, payout, BOOKKEEPER).version == payout.version
        assert (payout.status, payout.fail_asked[0], day.sums(creator)) == ("submitted", "key_clerk", (0, 700, 0))
        with pytest.raises(Forbidden):
            not_paid(day, payout, ApiKey("", "", id="key_who_may_not", scopes=[]))
        payout = not_paid(day, payout, ANOTHER)
        assert (payout.status, payout.told_by, day.sums(creator)) == ("failed", "key_another", (700, 0, 0))
        assert not_paid(day, payout, BOOKKEEPER).version == payout.version


@pytest.mark.parametrize("word", [paid, not_paid])
def test_what_the_rail_says_counts_for_as_long_as_it_says_it(day: Payday, word: Word) -> None:
    with on_its_way(day) as (paypal, _, creator):
        day.pass_(50 * DAY)
        with pytest.raises(Conflict):
            word(day, day.the(creator), BOOKKEEPER)
        paypal.everywhere = True
        for faults in ([lost], [None, failing(400, b'{"name": "RATE_LIMIT_REACHED"}')]):
            paypal.faults.extend(faults)
            with pytest.raises(Conflict):
                word(day, day.the(creator), BOOKKEEPER)
            assert not paypal.faults
        del paypal.items[paypal.item(day.the(creator).id).id]
        assert word(day, day.the(creator), BOOKKEEPER).status in ("settled", "failed"), "it knows of none any more"


BLOCKED = b"<html>blocked</html>"
NO_ANSWERS_OF_THE_RAIL = {
    "a page": failing(200, b"<html>back soon</html>"),
    "nothing": failing(200, b""),
    "a proxy's JSON": failing(200, b'{"message": "back soon"}'),
    "a redirect": failing(302, b""),
    "a firewall": failing(403, BLOCKED),
    "a firewall's JSON": failing(403, b'{"error": "Forbidden", "name": "Access Denied"}'),
    "a gateway": failing(404, b'{"message": "no route"}'),
    "a key that is refused": failing(401, BLOCKED),
    "a permission that is missing": failing(
        403, b'{"name": "SOMETHING_NEW", "error": {"type": "invalid_request_error"}}'
    ),
}


@pytest.mark.parametrize("fault", NO_ANSWERS_OF_THE_RAIL.values(), ids=NO_ANSWERS_OF_THE_RAIL)
def test_what_stands_in_place_of_paypals_answer_is_no_word_of_paypals(day: Payday, fault: Fault) -> None:
    """It has the payment on its way: given up by that, it would be paid twice."""
    with on_its_way(day) as (paypal, _, creator):
        day.pass_(50 * DAY)
        paypal.everywhere = True
        for word in (paid, not_paid):
            for faults in ([fault], [None, fault]):  # in place of the token, and of the item
                paypal.faults.extend(faults)
                with pytest.raises(Conflict):
                    word(day, day.the(creator), BOOKKEEPER)
                assert not paypal.faults
        assert day.the(creator).status == "submitted"


@pytest.mark.parametrize("fault", NO_ANSWERS_OF_THE_RAIL.values(), ids=NO_ANSWERS_OF_THE_RAIL)
def test_what_stands_in_place_of_stripes_answer_is_no_word_of_stripes(day: Payday, fault: Fault) -> None:
    with mismatched(day) as (stripe, _, creator):
        day.pass_(50 * DAY)
        stripe.everywhere = True
        for word in (paid, not_paid):
            stripe.faults.append(fault)
            with pytest.raises(Conflict):
                word(day, day.the(creator), BOOKKEEPER)
            assert not stripe.faults
        assert day.the(creator).status == "unknown"


@pytest.mark.parametrize("word, status", [(paid, "settled"), (not_paid, "failed")], ids=["paid", "not paid"])
def test_an_account_that_never_answers_again_is_taken_away(day: Payday, word: Word, status: str) -> None:
    with on_its_way(day) as (paypal, _, creator):
        day.pass_(50 * DAY)
        paypal.client_secret = "another"
        with pytest.raises(Conflict):
            word(day, day.the(creator), BOOKKEEPER)
        rail_accounts.removed(day.deployment, day.brand, "paypal", if_match=None)
        assert word(day, day.the(creator), BOOKKEEPER).status == status


@pytest.mark.parametrize("word, status", [(paid, "settled"), (not_paid, "failed")], ids=["paid", "not paid"])
def test_a_rail_that_contradicts_itself_does_not_say(day: Payday, word: Word, status: str) -> None:
    with on_its_way(day) as (paypal, _, creator):
        paypal.item(day.the(creator).id).said["sender_item_id"] = "another"
        [item] = paypal.items.values()
        day.pass_(50 * DAY)
        assert word(day, day.the(creator), BOOKKEEPER).status == status
        assert item.status == "PENDING"
    with mismatched(day) as (stripe, transfer, creator):
        stripe.transfers["tr_2"] = transfer | {"id": "tr_2"}
        day.pass_(50 * DAY)
        assert word(day, day.the(creator), BOOKKEEPER).status == status


def test_an_item_that_paypal_calls_a_duplicate_is_left_to_people(day: Payday) -> None:
    """PayPal says that there is another item by that id, and never what became of that one."""
    with on_its_way(day) as (paypal, _, creator):
        paypal.becomes(day.the(creator).id, "FAILED", "DUPLICATE_ITEM")
        for _ in range(80):
            day.pass_(12 * HOUR)
            day.round()
        assert day.the(creator).status == "submitted"
        with pytest.raises(Forbidden):
            not_paid(day, day.the(creator), CLERK)
        assert paid(day, day.the(creator), BOOKKEEPER).status == "settled"


def test_of_two_people_who_say_that_it_was_paid_the_second_hears_what_the_first_said(
    day: Payday, monkeypatch: pytest.MonkeyPatch
) -> None:
    with mismatched(day) as (_, _, creator):
        really = payouts.settled

        def settled(deployment: Deployment, brand: Brand, payout_id: str, news: News, **seen: Any) -> PayoutItem:
            really(deployment, brand, payout_id, News(reference="TX 2", by="key_another"))
            return really(deployment, brand, payout_id, news, **seen)

        monkeypatch.setattr(payouts, "settled", settled)
        with pytest.raises(Conflict):
            paid(day, day.the(creator), BOOKKEEPER)
        assert (day.the(creator).reference, day.sums(creator)) == ("TX 2", (0, 0, 5_000))


def test_nobody_says_of_a_payout_that_was_not_sent_that_it_was_paid(day: Payday) -> None:
    with StripeConnect(day.deployment.now, funds={"USD": 0}) as stripe:
        creator = day.payee(stripe)
        day.run(creator, rail="stripe_connect")
        day.work()
        assert day.the(creator).status == "created"
        day.pass_(50 * DAY)
        with pytest.raises(Conflict):
            paid(day, day.the(creator), BOOKKEEPER)
        assert day.sums(creator) == (0, 5_000, 0)

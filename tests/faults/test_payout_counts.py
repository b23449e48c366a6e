"""What a payout costs: the requests and write units of its steps, and of a creator more in a run."""

from collections import Counter
from datetime import timedelta

import pytest

from tests.faults.test_counts import Meter, metered
from tests.payday import STAND_INS, Payday, key
from vouch.service import payouts, sending
from vouch.service.deployment import Deployment
from vouch.service.payees import Profile
from vouch.service.reserving import Outcome, Paying


def one_by_one(patch: pytest.MonkeyPatch) -> list[Meter]:
    """Has what each reservation took, as they are made."""
    found: list[Meter] = []
    reserved = Paying.reserved

    def seen(paying: Paying, profile: Profile) -> list[Outcome]:
        with metered(paying.deployment) as meter:
            outcomes = reserved(paying, profile)
        found.append(meter)
        return outcomes

    patch.setattr(Paying, "reserved", seen)
    return found


def test_to_fold_and_reserve_is_three_requests_and_eight_units(day: Payday, monkeypatch: pytest.MonkeyPatch) -> None:
    """The balance, a page of the time line, and one transaction. The payout is new in two indexes beside that."""
    reservations = one_by_one(monkeypatch)
    day.run(*day.creators(range(700, 710)), rail="csv")
    assert [meter.requests for meter in reservations] == 10 * [["Query", "Query", "TransactWriteItems"]]
    assert {meter.units for meter in reservations} == {8}


def test_a_creator_more_in_a_run_by_file_is_these_three_requests(day: Payday, deployment: Deployment) -> None:
    """Whatever else a run does, the file included, it does for fifty creators at once, or a hundred."""
    day.run(day.creator(700), rail="csv")  # so that what a process reads once is read
    taken = []
    for creators in (10, 30):
        names = day.creators(range(700, 700 + creators))
        with metered(deployment) as meter:
            day.run(*names, rail="csv")
            day.work()
        assert {day.the(name).status for name in names} == {"submitted"}
        taken.append(Counter(meter.requests))
    assert taken[1] - taken[0] == {"Query": 2 * 20, "TransactWriteItems": 20}


SENDING = ["GetItem", "BatchGetItem", "GetItem", "GetItem", "TransactWriteItems"]
"""The payout, the payee and the account at the rail; the payout again, and the attempt that is about to be made."""
SETTLING = ["GetItem", "Query", "TransactWriteItems"]
"""The payout and the balance, and both anew."""


def test_a_payout_by_file_is_settled_in_four_requests(day: Payday, deployment: Deployment) -> None:
    """With its reservation seven in all. A person's word is looked at before it is taken."""
    creator_id = day.creator(700)
    day.run(creator_id, rail="csv")
    payout = day.the(creator_id)
    with metered(deployment) as meter:
        payouts.settled_by_hand(deployment, day.brand, key(), payout.id, "TRX 1")
    assert meter.requests == ["GetItem", *SETTLING]
    assert meter.units <= 10


@pytest.mark.parametrize("rail", ["stripe_connect", "paypal"])
def test_a_payout_by_a_call_is_sent_and_settled_in_eight_requests_and_more_where_it_is_asked_after(
    day: Payday, deployment: Deployment, rail: str
) -> None:
    """With its reservation 11 and 15 in all: a call needs an attempt that is put before it, and what it is to say.

    Stripe says at once that it has paid. PayPal says it later: that is one step and one look more.
    """
    with STAND_INS[rail](deployment.now) as stand_in:
        creator_id = day.payee(stand_in, 700)
        day.run(creator_id, rail=rail)
        payout = day.the(creator_id)
        with metered(deployment) as sent:
            sending.sent(deployment, day.brand, payout.id, in_time=lambda: True)
        day.pass_(timedelta(minutes=5))
        with metered(deployment) as looked:
            sending.looked(deployment, day.brand, payout.id, in_time=lambda: True)
    assert day.the(creator_id).status == "settled"
    if rail == "stripe_connect":
        assert sent.requests == [*SENDING, *SETTLING]
        assert sent.units <= 18
    else:
        assert sent.requests == [*SENDING, "GetItem", "TransactWriteItems"]
        assert looked.requests == ["GetItem", "GetItem", *SETTLING]
        assert sent.units + looked.units <= 30
